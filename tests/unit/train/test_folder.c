/* A loop of a caller's own in a folder: stopped after any step and opened
 * again, it ends with the same bits; what does not belong to it is refused. */
#include "rig.h"

#include <bprop/folder.h>
#include <bprop/ops.h>

#include <float.h>
#include <math.h>

enum { STEPS = 12, ROWS = 5 };

/* A recurrent net with dropout: state, random numbers, moments. */
static void learn(bp_trace *t, void *user)
{
    bp_graph *g = bp_trace_graph(t);
    bp_nn *nn = bp_trace_net(t, "");
    bp_val h = bp_trace_state(t, "h", BP_F32, 1, (int64_t[]){4});
    bp_val in[2] = {bp_trace_input(t, "x"), h};
    h = bp_nn_tanh(nn, bp_nn_dense(nn, bp_concat(g, 2, in, 1), 4));
    if (user)
        h = bp_neg(g, h); /* another graph of the same variables */
    bp_trace_set_state(t, "h", h);
    bp_val y = bp_nn_dense(nn, bp_nn_dropout(nn, h, 0.3), RIG_CLASSES);
    bp_val loss = bp_nn_loss(nn, "softmax_cross_entropy", y,
                             bp_trace_input(t, "target"));
    bp_trace_minimize(t, loss, NULL);
    bp_trace_output(t, "loss", loss);
}

typedef struct loop {
    bp_store *s;
    bp_runtime *r;
    bp_step *p;
    bp_source *source;
    bp_folder *f;
    int64_t k;
    double sum;
    bp_error err;
} loop;

typedef struct change {
    const char *options, *extra;
    void *graph;
    uint64_t data;
    bool replace;
} change;

static void close_loop(loop *q)
{
    bp_folder_free(q->f);
    bp_step_free(q->p);
    bp_source_free(q->source);
    bp_store_free(q->s);
    bp_runtime_free(q->r);
}

static bp_status open_loop(loop *q, const char *path, const change *c)
{
    static const bp_step_input in[] = {
        {.name = "x", .dtype = BP_F32, .rank = 2, .dims = {BP_ANY, 2}},
        {.name = "target", .dtype = BP_I32, .rank = 1, .dims = {BP_ANY}}};
    bp_loader_options lo = {.size = sizeof lo, .batch = ROWS, .shuffle = true,
                            .drop_last = true};
    bp_step_options so = {.size = sizeof so, .fn = learn, .user = c->graph,
                          .n_inputs = 2, .input = in, .training = true,
                          .name = "learn", .seed = 1,
                          .optimizer = "adam(lr=0.05)"};
    bp_folder_options fo = {.size = sizeof fo, .resume = !c->replace,
                            .replace = c->replace, .options = c->options,
                            .checkpoint_seconds = -1};
    bp_data *d = rig_data(43, c->data ? c->data : 1);
    static double more;
    *q = (loop){.s = bp_store_new(NULL)};
    T_OK(bp_runtime_new(NULL, &q->r, &q->err), &q->err);
    T_OK(bp_step_new(q->s, q->r, &so, &q->p, &q->err), &q->err);
    T_OK(bp_source_from_data(d, &lo, &q->source, &q->err), &q->err);
    bp_data_free(d);
    bp_status st = bp_folder_new(path, &fo, &q->f, &q->err);
    if (st)
        return st;
    bp_folder_add_store(q->f, q->s);
    bp_folder_add_step(q->f, q->p);
    bp_folder_add_source(q->f, "train", q->source);
    bp_folder_add_count(q->f, "k", &q->k);
    bp_folder_add_counter(q->f, "sum", &q->sum);
    if (c->extra)
        bp_folder_add_counter(q->f, c->extra, &more);
    return bp_folder_start(q->f, NULL, &q->err);
}

/* Steps up to `end`; saves after `save_at`. */
static bp_status run(loop *q, int64_t end, int64_t save_at)
{
    bp_fields b;
    bp_status st = BP_OK;
    while (!st && q->k < end) {
        T_OK(bp_source_next(q->source, &b, &q->err), &q->err);
        T_OK(bp_step_run(q->p, b.n, b.field, &q->err), &q->err);
        q->sum += bp_step_number(q->p, "loss");
        q->k++;
        bp_record r = {.size = sizeof r, .split = "train", .step = q->k,
                       .n = 2, .key = (const char *const[]){"loss", "sum"},
                       .value = (const double[]){bp_step_number(q->p, "loss"),
                                                 q->sum}};
        T_OK(bp_folder_log(q->f, &r, &q->err), &q->err);
        T_OK(bp_folder_best(q->f, bp_step_number(q->p, "loss"), false, NULL,
                            &q->err), &q->err);
        T_CHECK(!bp_folder_stopping(q->f));
        if (q->k == save_at) {
            bp_folder_stop(q->f);
            T_CHECK(bp_folder_stopping(q->f));
        }
        st = bp_folder_tick(q->f, &q->err);
    }
    return st;
}

static void finish(loop *q, char hash[20])
{
    T_OK(run(q, STEPS, 0), &q->err);
    T_OK(bp_folder_finish(q->f, &q->err), &q->err);
    T_OK(bp_store_hash(q->s, BP_KINDS_ALL, hash, &q->err), &q->err);
}

static bool same_file(const char *a, const char *b, const char *name)
{
    bp__file_data x = {0}, y = {0};
    char path[2][300];
    snprintf(path[0], 300, "%s/%s", a, name);
    snprintf(path[1], 300, "%s/%s", b, name);
    bool same = !bp__file_read(NULL, &bp__malloc_allocator, path[0], false, 0,
                               &x, NULL) &&
                !bp__file_read(NULL, &bp__malloc_allocator, path[1], false, 0,
                               &y, NULL) &&
                x.bytes == y.bytes && !memcmp(x.data, y.data, x.bytes);
    bp__file_free(&bp__malloc_allocator, &x);
    bp__file_free(&bp__malloc_allocator, &y);
    return same;
}

static void test_resume(const char *whole, const char *hash)
{
    const change none = {0};
    for (int64_t at = 1; at < STEPS; at++) {
        const char *cut = rig_folder("cut");
        char mine[20];
        loop q;
        T_OK(open_loop(&q, cut, &none), &q.err);
        T_CHECK(run(&q, STEPS, at) == BP_ECANCELED && q.k == at);
        /* Steps that nobody saved are done again. */
        T_OK(run(&q, at + at % 3 < STEPS ? at + at % 3 : STEPS, 0), &q.err);
        close_loop(&q);
        T_OK(open_loop(&q, cut, &none), &q.err);
        T_CHECK(q.k == at && bp_step_count(q.p) == at);
        finish(&q, mine);
        close_loop(&q);
        T_CHECKF(!strcmp(mine, hash), "stopped at %d", (int)at);
        T_CHECK(same_file(whole, cut, "best.safetensors"));
        T_CHECK(same_file(whole, cut, "last.safetensors"));
    }
    rig_folder("cut");
}

static void expect(const char *path, change c, bp_status want,
                   const char *words)
{
    loop q;
    bp_status st = open_loop(&q, path, &c);
    T_CHECKF(st == want && strstr(q.err.message, words), "%s: %s; want '%s'",
             bp_status_name(st), q.err.message, words);
    close_loop(&q);
}

static void test_refusals(const char *path)
{
    static int other;
    expect(path, (change){.options = "lr 2"}, BP_EARG, "the options");
    expect(path, (change){.graph = &other}, BP_EARG,
           "the graph of step \"learn\"");
    expect(path, (change){.data = 2}, BP_EARG, "the data of \"train\"");
    expect(path, (change){.extra = "more"}, BP_EFORMAT,
           "@counter.more is missing");
    expect(path, (change){.extra = "k"}, BP_EEXIST, "two counters");
    expect(path, (change){.extra = "a b"}, BP_EARG, "no name of a counter");
    expect("no/such/folder", (change){0}, BP_ENOTFOUND, "no/such/folder");
    bp_folder_options o = {.size = sizeof o};
    bp_folder *f = NULL;
    bp_error err = {0};
    T_CHECK(bp_folder_new(path, &o, &f, &err) == BP_EEXIST && !f);
}

static void test_records(const char *path)
{
    const change none = {0};
    static const char *const bad[] = {"step", "note", "a b", "", "\"x\""};
    loop q;
    double x = (double)NAN;
    T_OK(open_loop(&q, path, &none), &q.err);
    for (size_t i = 0; i < BP__ARRAY_LEN(bad); i++) {
        bp_record r = {.size = sizeof r, .split = "train", .n = 1,
                       .key = &bad[i], .value = &x};
        T_CHECKF(bp_folder_log(q.f, &r, &q.err) == BP_EARG, "'%s'", bad[i]);
    }
    bool best = true;
    T_OK(bp_folder_best(q.f, x, false, &best, &q.err), &q.err);
    T_CHECK(!best); /* a NaN is the worst */
    q.sum = (double)INFINITY;
    T_CHECK(bp_folder_save(q.f, &q.err) == BP_ENONFINITE &&
            strstr(q.err.message, "\"sum\""));
    close_loop(&q);
}

/* Every number that may be saved may be read again; what may not is refused
 * when it is saved. */
static void test_extremes(void)
{
    const change none = {0};
    static const double scores[] = {(double)INFINITY, (double)-INFINITY,
                                    DBL_MAX, -DBL_MAX, (double)NAN};
    static const int64_t counts[] = {(int64_t)1 << 53, -((int64_t)1 << 53)};
    for (int i = 0; i < 10; i++) {
        const char *path = rig_folder("cut");
        bool larger = i % 2, better = false;
        double x = scores[i / 2];
        loop q;
        T_OK(open_loop(&q, path, &none), &q.err);
        T_OK(bp_folder_best(q.f, x, larger, &better, &q.err), &q.err);
        T_CHECK(better);
        q.sum = i % 2 ? DBL_MAX : -DBL_MAX;
        q.k = counts[i % 2];
        T_OK(bp_folder_save(q.f, &q.err), &q.err);
        q.k += q.k < 0 ? -1 : 1;
        T_CHECK(bp_folder_save(q.f, &q.err) == BP_ENONFINITE);
        close_loop(&q);
        T_OK(open_loop(&q, path, &none), &q.err);
        T_CHECK(q.k == counts[i % 2] && fabs(q.sum) == DBL_MAX);
        T_OK(bp_folder_best(q.f, x, larger, &better, &q.err), &q.err);
        T_CHECK(!better);
        T_OK(bp_folder_best(q.f, 0.5, larger, &better, &q.err), &q.err);
        bool worst = x != x || (larger ? x < 0 : x > 0);
        T_CHECKF(better == worst, "%g, larger %d", x, larger);
        close_loop(&q);
    }
    rig_folder("cut");
}

/* One at a time, within a process as between two. */
static void test_lock(void)
{
    const change none = {0};
    const char *path = rig_folder("cut");
    loop q, other;
    T_OK(open_loop(&q, path, &none), &q.err);
    for (int i = 0; i < 2; i++) { /* the refused one does not unlock it */
        T_CHECK(open_loop(&other, path, &none) == BP_EEXIST &&
                strstr(other.err.message, "is in use"));
        close_loop(&other);
    }
    close_loop(&q);
    T_OK(open_loop(&q, path, &none), &q.err);
    close_loop(&q);
    rig_folder("cut");
}

static void test_registering(void)
{
    loop q;
    const change none = {0};
    for (int i = 0; i < 4; i++) {
        T_OK(open_loop(&q, NULL, &none), &q.err);
        bp_folder_free(q.f);
        bp_folder_options o = {.size = sizeof o};
        bp_store *s = i ? bp_store_retain(q.s) : bp_store_new(NULL);
        T_OK(bp_folder_new(NULL, &o, &q.f, &q.err), &q.err);
        bp_folder_add_store(q.f, s);
        bp_folder_add_step(q.f, i == 1 ? NULL : q.p);
        bp_folder_add_source(q.f, "train", i == 2 ? NULL : q.source);
        bp_folder_add_count(q.f, "k", i == 3 ? NULL : &q.k);
        T_CHECK(bp_folder_start(q.f, NULL, &q.err) == BP_EARG);
        T_CHECKF(strstr(q.err.message, i ? "NULL is no" : "another store"),
                 "%s", q.err.message);
        close_loop(&q);
        bp_store_free(s);
    }
}

/* A rate that was set before the first run is the first one, not the one of a
 * resumed run. */
static void test_rate(void)
{
    const change none = {0};
    const char *path = rig_folder("cut");
    for (int resumed = 0; resumed < 2; resumed++) {
        loop q = {0};
        bp_folder_options fo = {.size = sizeof fo, .resume = true};
        T_OK(open_loop(&q, NULL, &none), &q.err);
        bp_folder_free(q.f);
        T_OK(bp_step_set_rate(q.p, 0.5, &q.err), &q.err);
        T_OK(bp_folder_new(path, &fo, &q.f, &q.err), &q.err);
        bp_folder_add_store(q.f, q.s);
        bp_folder_add_step(q.f, q.p);
        bp_folder_add_source(q.f, "train", q.source);
        T_OK(bp_folder_start(q.f, NULL, &q.err), &q.err);
        T_CHECK(bp_step_rate(q.p) == (resumed ? 0.125 : 0.5));
        q.k = 0;
        T_OK(run(&q, 1, 0), &q.err);
        T_CHECK(bp_step_rate(q.p) == (resumed ? 0.125 : 0.5));
        T_OK(bp_step_set_rate(q.p, 0.125, &q.err), &q.err);
        T_OK(bp_folder_save(q.f, &q.err), &q.err);
        close_loop(&q);
    }
    rig_folder("cut");
}

/* ---- steps in another order than they are registered in -------------------- */

static void player(bp_trace *t, void *user)
{
    bool trains = user != NULL;
    bp_nn *g = trains ? bp_trace_net(t, "g")
                      : bp_trace_net_reading(t, "g", BP_READ_AVERAGED);
    bp_val x = bp_nn_dense(g, bp_trace_input(t, "x"), 2);
    if (!trains)
        x = bp_nn_dense(bp_trace_net(t, "d"), x, 2);
    bp_val loss = bp_mean(bp_trace_graph(t), bp_nn_tanh(g, x), 0, NULL, false);
    bp_trace_minimize(t, loss, NULL);
}

static void test_order(void)
{
    static const bp_step_input in = {.name = "x", .dtype = BP_F32, .rank = 2,
                                     .dims = {BP_ANY, 2}};
    const char *path = rig_folder("cut");
    char hash[2][20];
    float numbers[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    bp_array x = {.dtype = BP_F32, .rank = 2, .dims = {4, 2},
                  .data = numbers, .bytes = sizeof numbers};
    for (int resumed = 0; resumed < 2; resumed++) {
        loop q = {.s = bp_store_new(NULL)};
        bp_step *p[2];
        bp_step_options so = {.size = sizeof so, .fn = player, .user = &so,
                              .n_inputs = 1, .input = &in, .training = true,
                              .name = "g", .params = "g.*", .seed = 1,
                              .optimizer = "sgd(lr=0.05, ema=0.9)"};
        bp_folder_options fo = {.size = sizeof fo, .resume = true};
        T_OK(bp_runtime_new(NULL, &q.r, &q.err), &q.err);
        T_OK(bp_step_new(q.s, q.r, &so, &p[0], &q.err), &q.err);
        so.name = "d", so.params = "d.*", so.user = NULL;
        so.optimizer = "sgd(lr=0.05)";
        T_OK(bp_step_new(q.s, q.r, &so, &p[1], &q.err), &q.err);
        T_OK(bp_folder_new(path, &fo, &q.f, &q.err), &q.err);
        bp_folder_add_store(q.f, q.s);
        bp_folder_add_step(q.f, p[0]);
        bp_folder_add_step(q.f, p[1]);
        T_OK(bp_folder_start(q.f, NULL, &q.err), &q.err);
        for (int i = 0; i < 4 && !resumed; i++)
            T_OK(bp_step_run(p[!(i % 2)], 1, &x, &q.err), &q.err);
        T_OK(bp_store_hash(q.s, BP_KINDS_ALL, hash[resumed], &q.err), &q.err);
        T_OK(bp_folder_finish(q.f, &q.err), &q.err);
        bp_step_free(p[0]);
        bp_step_free(p[1]);
        close_loop(&q);
    }
    T_CHECK(!strcmp(hash[0], hash[1]));
    rig_folder("cut");
}

int main(void)
{
    const change none = {0};
    const char *whole = rig_folder("whole");
    char hash[20];
    loop q;
    T_OK(open_loop(&q, whole, &none), &q.err);
    finish(&q, hash);
    close_loop(&q);
    test_resume(whole, hash);
    test_refusals(whole);
    test_records(whole);
    test_extremes();
    test_lock();
    test_registering();
    test_rate();
    test_order();
    /* Without a folder the same loop has the same bits, and no files. */
    char mine[20];
    T_OK(open_loop(&q, NULL, &none), &q.err);
    finish(&q, mine);
    close_loop(&q);
    T_CHECK(!strcmp(mine, hash));
    rig_folder("whole");
    return t_end();
}
