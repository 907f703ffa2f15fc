/* The range test: it finds the rate at which gradient descent must diverge,
 * leaves no trace, and has the same bits for any number of threads. */
#include "rig.h"

#include "train/train.h"

enum { N = 64 };

/* y = 2 x0 - x1, inputs of deviation 1 and 3: the mean squared error's
 * curvature is known. */
static bp_data *line_data(double *curvature)
{
    bp_array x, y;
    bp_data *d = NULL;
    bp_error err = {0};
    bp_data_options o = {.size = sizeof o};
    uint64_t seed = 7;
    double h[2][2] = {{0, 0}, {0, 0}};
    T_OK(bp_array_new(NULL, BP_F32, 2, (int64_t[]){N, 2}, &x, &err), &err);
    T_OK(bp_array_new(NULL, BP_F32, 2, (int64_t[]){N, 1}, &y, &err), &err);
    for (int i = 0; i < N; i++) {
        float *v = (float *)x.data + 2 * i;
        v[0] = (float)t_uniform(&seed, -1.7, 1.7);
        v[1] = (float)t_uniform(&seed, -5, 5);
        ((float *)y.data)[i] = 2 * v[0] - v[1];
        for (int a = 0; a < 2; a++)
            for (int b = 0; b < 2; b++)
                h[a][b] += 2.0 / N * (double)v[a] * (double)v[b];
    }
    double mean = (h[0][0] + h[1][1]) / 2, half = (h[0][0] - h[1][1]) / 2;
    *curvature = mean + sqrt(half * half + h[0][1] * h[1][0]);
    T_OK(bp_data_from_arrays(&x, 1, &y, &o, &d, &err), &err);
    bp_array_free(NULL, &x);
    bp_array_free(NULL, &y);
    return d;
}

static bp_val line_net(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    return bp_nn_dense(nn, x, 1);
}

static void test_known(void)
{
    double curvature;
    bp_error err = {0};
    bp_range r;
    bp_task task = {.size = sizeof task, .net = line_net, .n_inputs = 1,
                    .input = {{.rank = 1, .dims = {2}}},
                    .target = {.rank = 1, .dims = {1}, .dtype = BP_F32},
                    .loss = "mean_squared_error", .seed = 1,
                    .optimizer = "sgd(lr=7, schedule=cosine(to=0))"};
    bp_trainer_options t = {.size = sizeof t, .train = line_data(&curvature),
                            .batch = N, .normalize = BP_NORM_NONE,
                            .run_dir = "range-none"};
    bp_range_options o = {.size = sizeof o, .train = &t, .from = 1e-5,
                          .to = 10, .steps = 300};
    T_OK(bp_range_test(&task, &o, &r, &err), &err);
    double limit = 2 / curvature;
    T_CHECK(r.falls && r.diverges && !r.open);
    T_CHECKF(r.low < 0.1 * limit && r.high > 0.2 * limit &&
             r.high < 1.5 * limit, "basin %g to %g, limit %g", r.low, r.high,
             limit);
    T_CHECKF(r.diverges_at > limit && r.diverges_at < 3 * limit,
             "diverges at %g, limit %g", r.diverges_at, limit);
    T_CHECK(r.suggested > r.low && r.suggested < limit);
    T_CHECK(r.lowest < 0.1 * r.start && r.n < 300);
    T_CHECK(r.points[0].lr == 1e-5);
    for (int64_t i = 1; i < r.n; i++)
        T_NEAR(r.points[i].lr / r.points[i - 1].lr, pow(1e6, 1.0 / 299), 1e-9);
    bp_range_free(&r);
    /* Where no rate helps: far too small ones. */
    o.from = 1e-12;
    o.to = 1e-10;
    T_OK(bp_range_test(&task, &o, &r, &err), &err);
    T_CHECK(!r.falls && !r.diverges && r.n == 300);
    bp_range_free(&r);
    /* ... and where it ends before it diverges. */
    o.from = 1e-6;
    o.to = 0.2 * limit;
    T_OK(bp_range_test(&task, &o, &r, &err), &err);
    T_CHECK(r.falls && r.open && !r.diverges);
    bp_range_free(&r);
    T_CHECK(!bp__file_exists(NULL, "range-none"));
    bp_data_free(t.train);
}

static bp_status run(const char *optimizer, int threads, const bp_allocator *a,
                     bp_data *d, bp_range *r, bp_error *err)
{
    bp_task task = rig_task();
    bp_runtime_options ro = {.size = sizeof ro, .allocator = a,
                             .threads = threads};
    bp_trainer_options t = rig_options(d, d);
    bp_range_options o = {.size = sizeof o, .train = &t, .steps = 70};
    task.optimizer = optimizer;
    t.allocator = a;
    bp_status st = bp_runtime_new(&ro, &t.runtime, err);
    *r = (bp_range){0};
    if (!st)
        st = bp_range_test(&task, &o, r, err);
    bp_runtime_free(t.runtime);
    return st;
}

static void test_same_bits(void)
{
    static const char *const optimizers[] = {
        "adam", "sgd", "muon", "schedule_free", "adam(ema=0.9)",
        "momentum(schedule=plateau)"};
    bp_data *d = rig_data(RIG_TRAIN, 1);
    bp_error err = {0};
    for (size_t k = 0; k < BP__ARRAY_LEN(optimizers); k++) {
        bp_range one, r;
        T_OK(run(optimizers[k], 1, NULL, d, &one, &err), &err);
        for (int threads = 2; threads <= 3; threads++) {
            T_OK(run(optimizers[k], threads, NULL, d, &r, &err), &err);
            T_CHECK(r.n == one.n && r.suggested == one.suggested &&
                    !memcmp(r.points, one.points,
                            (size_t)r.n * sizeof *r.points));
            bp_range_free(&r);
        }
        T_CHECKF(one.falls, "%s never falls", optimizers[k]);
        bp_range_free(&one);
    }
    bp_data_free(d);
}

static int count(const char *text, const char *word)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, word)); p++)
        n++;
    return n;
}

typedef struct copy {
    char text[20000];
    size_t n;
} copy;

static int keep_text(void *user, const char *text, size_t bytes)
{
    copy *c = user;
    T_REQUIRE(c->n + bytes < sizeof c->text);
    memcpy(c->text + c->n, text, bytes);
    c->n += bytes;
    c->text[c->n] = 0;
    return 0;
}

static void test_pictures(void)
{
    static copy plot, svg;
    bp_range_point p[4] = {{1e-3, 4, 4}, {1e-2, 3, 3}, {1e-1, 2, 2},
                           {1, 1e30, 9}};
    bp_range r = {.n = 4, .points = p, .start = 4, .falls = true, .low = 1e-2,
                  .high = 1e-1, .lowest = 2, .suggested = 0.03,
                  .diverges = true, .diverges_at = 1};
    bp__str s;
    bp__str_init(&s, NULL);
    bp__range_plot(&r, 61, 9, &s);
    T_REQUIRE(s.s);
    T_CHECK(count(s.s, "*") == 4 && count(s.s, ".") >= 1);
    for (int k = -3; k < 0; k++) {
        char label[8];
        snprintf(label, sizeof label, "1e%d", k);
        T_CHECK(count(s.s, label) == 1);
    }
    const char *band = strrchr(s.s, '^');
    T_CHECK(band && count(s.s, "=====") >= 1);
    T_CHECK(!bp_range_print(&r, 61, 9, keep_text, &plot) &&
            !strcmp(plot.text, s.s));
    bp__str_free(&s);
    bp__str_init(&s, NULL);
    bp__range_svg(&r, "a <b> & c", &s);
    T_REQUIRE(s.s);
    T_CHECK(!bp_range_svg(&r, "a <b> & c", keep_text, &svg) &&
            !strcmp(svg.text, s.s));
    T_CHECK(count(s.s, "<circle") == 4 && count(s.s, "<polyline") == 1);
    T_CHECK(strstr(s.s, "a &lt;b> &amp; c") && strstr(s.s, "suggested: 0.03"));
    T_CHECK(strstr(s.s, "diverges: 1<") && !strstr(s.s, "nan"));
    T_CHECK(count(s.s, "<text") == count(s.s, "</text>"));
    bp__str_free(&s);
}

/* Losses and rates at the ends of what numbers can be. */
static void test_extremes(void)
{
    static const double y[] = {0,        4.9e-324, 1e-300,    0x1p53, -0x1p60,
                               1.7e308,  -1.7e308, HUGE_VAL,  -HUGE_VAL,
                               (double)NAN};
    static const double lr[] = {4.9e-324, 1e-30, 1, 1.7e308};
    enum { Y = BP__ARRAY_LEN(y), R = BP__ARRAY_LEN(lr) };
    for (int i = 0; i < Y * Y * R * R; i++) {
        double a = y[i % Y], b = y[i / Y % Y];
        double from = lr[i / Y / Y % R], to = lr[i / Y / Y / R];
        bp_range_point p[2] = {{from, a, b}, {to, b, a}};
        bp_range r = {.n = 2, .points = p, .start = a, .falls = true,
                      .low = from, .high = from, .suggested = from};
        bp__str s;
        bp__str_init(&s, NULL);
        bp__range_plot(&r, 60, 16, &s);
        bp__range_svg(&r, "extreme", &s);
        T_REQUIRE(s.s);
        T_CHECK(count(s.s, "<line") < 40 && count(s.s, "<text") < 700 &&
                !strstr(s.s, "=\"nan") && !strstr(s.s, "=\"inf"));
        bp__str_free(&s);
    }
}

static void refuse(double from, double to, int64_t steps, const char *why)
{
    bp_data *d = rig_data(20, 1);
    bp_task task = rig_task();
    bp_trainer_options t = rig_options(d, NULL);
    bp_range_options o = {.size = sizeof o, .train = &t, .from = from,
                          .to = to, .steps = steps};
    bp_range r;
    bp_error err = {0};
    T_CHECK(bp_range_test(&task, &o, &r, &err) == BP_EARG);
    T_CHECKF(strstr(err.message, why), "%s", err.message);
    bp_range_free(&r);
    bp_data_free(d);
}

static void test_memory(void)
{
    bp_data *d = rig_data(40, 1);
    bp_range r;
    bp_error err = {0};
    t_heap h = {.fail_at = -1};
    bp_allocator a = t_allocator(&h);
    T_OK(run("sgd", 1, &a, d, &r, &err), &err);
    bp_range_free(&r);
    T_CHECK(h.live == 0 && h.calls > 100);
    int64_t last = h.calls * 9 / 10;
    for (int64_t n = 0; n < last; n += 1 + last / 60) {
        h = (t_heap){.fail_at = n, .persistent = true};
        bp_status st = run("sgd", 1, &a, d, &r, &err);
        bp_range_free(&r);
        T_CHECKF(st == BP_ENOMEM && h.live == 0, "allocation %lld: %s",
                 (long long)n, bp_status_name(st));
    }
    bp_data_free(d);
}

int main(void)
{
    test_known();
    test_same_bits();
    test_pictures();
    test_extremes();
    refuse(1e-3, 1e-3, 50, "from 0.001 to 0.001");
    refuse(-1, 1, 50, "above 0");
    refuse(1e-300, 1e300, 50, "too wide");
    refuse(1e-300, 1e300, 0, "too wide");
    refuse(1e-3, HUGE_VAL, 0, "inf");
    refuse(1e-3, 1, 3, "10 to 1000000 steps, not 3");
    test_memory();
    return t_end();
}
