/* Metrics against their definitions (tests/data/nn/metrics.txt, by
 * tools/golden_metrics.py), in f64; the state of a set is that of its batches
 * put together; names; what is refused. Every row of the table goes through
 * the second part by itself. */
#include "golden.h"
#include "nn/spec.h"

enum { N = 61, K = 4, D = 3, MOST = 4096 };

/* What a metric may be given: logits of K classes, one logit, numbers. */
typedef enum problem { MANY, ONE, REAL } problem;

static double y_many[N * K], y_one[N], y_real[N * D], t_real[N * D];
static int32_t label[N], yes[N];

static void fill(void)
{
    for (int i = 0; i < N * K; i++)
        y_many[i] = 2 * golden_number(i, 1);
    for (int i = 0; i < N; i++) {
        int said = 0;
        for (int k = 1; k < K; k++)
            said = y_many[i * K + k] > y_many[i * K + said] ? k : said;
        label[i] = i % 3 && said < 3 ? said : (i * i + i / 7) % 3;
        y_one[i] = 4 * golden_number(i, 2);
        yes[i] = golden_number(i, 2) + golden_number(i, 3) > 0.1;
    }
    for (int i = 0; i < N * D; i++) {
        y_real[i] = 3 * golden_number(i, 4) + 100;
        t_real[i] = y_real[i] + golden_number(i, 5);
    }
}

static const struct {
    const char *loss;
    int64_t width;
    const double *y;
    const void *t;
} problems[] = {{"softmax_cross_entropy", K, y_many, label},
                {"binary_cross_entropy", 1, y_one, yes},
                {"mean_squared_error", D, y_real, t_real}};

/* Samples from `first`; the state is appended. How many numbers it has. */
static bp_status run_part(bp_runtime *r, const char *metric, problem which,
                          int first, int rows, double *state, size_t *n,
                          bp_error *err)
{
    int64_t w = problems[which].width, dims[2] = {rows, w};
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .dtype = BP_F64};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_val y = bp_batch_input(g, "y", BP_F64, 2, dims);
    bp_val t = which == REAL ? bp_batch_input(g, "t", BP_F64, 2, dims)
                             : bp_batch_input(g, "t", BP_I32, 1, dims);
    bp_nn_loss(nn, problems[which].loss, y, t);
    bp_output(g, "v", bp_nn_metric(nn, metric, y, t));
    bp_status st = bp_graph_status(g);
    if (st)
        bp__error(err, st, "%s", bp_graph_error(g));
    bp_nn_free(nn);
    if (st) {
        bp_graph_free(g);
        bp_store_free(s);
        return st;
    }
    bp_program *p = rig_compile(r, g);
    rig_bind(p, "y", problems[which].y + first * w,
             (size_t)(rows * w) * sizeof(double));
    if (which == REAL)
        rig_bind(p, "t", t_real + first * w,
                 (size_t)(rows * w) * sizeof(double));
    else
        rig_bind(p, "t", (const int32_t *)problems[which].t + first,
                 (size_t)rows * sizeof(int32_t));
    rig_run(p);
    size_t bytes;
    const double *v = bp_result(p, "v", &bytes);
    *n = bytes / sizeof *v;
    T_REQUIRE(*n <= MOST);
    memcpy(state, v, bytes);
    bp_program_free(p);
    bp_store_free(s);
    return BP_OK;
}

/* Of all samples, in batches of so many. */
static bp_status value_of(bp_runtime *r, const char *metric, problem which,
                          int batch, double *value, bp_error *err)
{
    double state[MOST] = {0}, part[MOST];
    size_t n = 0, m = 0;
    bp__arena ar;
    bp__spec *s;
    bp__arena_init(&ar, NULL);
    bp_status st = bp__spec_parse(&ar, BP_NN_METRICS, metric, &s, err);
    for (int at = 0; at < N && !st; at += batch) {
        int rows = N - at < batch ? N - at : batch;
        st = run_part(r, metric, which, at, rows, part, &m, err);
        for (size_t i = 0; i < m && !st; i++) {
            if (s->row->keeps)
                state[n + i] = part[i];
            else
                state[i] += part[i];
        }
        n = s->row->keeps ? n + m : m;
    }
    if (!st)
        st = bp_nn_metric_value(metric, state, n, N, value, err);
    bp__arena_free(&ar);
    return st;
}

static const struct {
    const char *metric, *line; /* NULL: the metric's own name */
    problem which;
} cases[] = {
    {"accuracy", NULL, MANY}, {"top_k(1)", "top_1", MANY},
    {"top_k(3)", "top_3", MANY}, {"precision", NULL, MANY},
    {"precision(1)", "precision_1", MANY},
    {"precision(average=weighted)", "precision_weighted", MANY},
    {"precision(average=micro)", "precision_micro", MANY},
    {"recall", NULL, MANY}, {"recall(class=1)", "recall_1", MANY},
    {"recall(average=weighted)", "recall_weighted", MANY},
    {"recall(average=micro)", "recall_micro", MANY}, {"f1", NULL, MANY},
    {"f1(1)", "f1_1", MANY}, {"f1(average=weighted)", "f1_weighted", MANY},
    {"f1(average=micro)", "f1_micro", MANY}, {"auc", NULL, MANY},
    {"auc(2)", "auc_2", MANY}, {"auc(average=weighted)", "auc_weighted", MANY},
    {"calibration_error", "calibration_error_15", MANY},
    {"calibration_error(4)", "calibration_error_4", MANY},
    {"accuracy", NULL, ONE}, {"precision", NULL, ONE},
    {"precision(1)", "precision_1", ONE},
    {"precision(1, threshold=0.25)", "precision_1_0.25", ONE},
    {"recall", NULL, ONE}, {"recall(1)", "recall_1", ONE},
    {"recall(average=weighted)", "recall_weighted", ONE}, {"f1", NULL, ONE},
    {"f1(1)", "f1_1", ONE}, {"auc", NULL, ONE}, {"auc(0)", "auc_0", ONE},
    {"calibration_error", "calibration_error_15", ONE},
    {"mean_squared_error", NULL, REAL}, {"mean_absolute_error", NULL, REAL},
    {"root_mean_squared_error", NULL, REAL}, {"r2", NULL, REAL},
};

static void test_values(bp_runtime *r)
{
    static const char *const tags[] = {"many", "one", "real"};
    for (size_t i = 0; i < BP__ARRAY_LEN(cases); i++) {
        char line[80];
        double v = 0;
        bp_error err = {0};
        snprintf(line, sizeof line, "%s.%s", tags[cases[i].which],
                 cases[i].line ? cases[i].line : cases[i].metric);
        T_OK(value_of(r, cases[i].metric, cases[i].which, N, &v, &err), &err);
        golden_compare("metrics.txt", line, &v, 1, 0);
    }
}

/* Every row: it fits some problem, has a value there, and batches of any size
 * give the same. */
static void test_every_row(bp_runtime *r)
{
    size_t n;
    const bp__kinddef *rows = bp__kinds(BP_NN_METRICS, &n);
    T_CHECK(n >= 11);
    for (size_t i = 0; i < n; i++) {
        int fits = 0;
        for (int which = MANY; which <= REAL; which++) {
            double whole = 0, parts = 0;
            bp_error err = {0};
            if (value_of(r, rows[i].name, (problem)which, N, &whole, &err))
                continue;
            fits += isfinite(whole);
            T_OK(value_of(r, rows[i].name, (problem)which, 7, &parts, &err),
                 &err);
            T_CHECKF(fabs(whole - parts) <= 1e-12 * fmax(1, fabs(whole)) ||
                         (isnan(whole) && isnan(parts)),
                     "%s: %.17g, in batches %.17g", rows[i].name, whole,
                     parts);
        }
        T_CHECKF(fits > 0, "%s fits no problem", rows[i].name);
    }
}

static void test_undefined(void)
{
    static const double never[6] = {0, 0, 0, 0, 0, 0};
    static const double alike[6] = {0.1, 1, 0.2, 1, 0.3, 1};
    static const double constant[3] = {2, 30, 300};
    double v = 0;
    bp_error err = {0};
    T_OK(bp_nn_metric_value("f1", never, 6, 3, &v, &err), &err);
    T_CHECK(isnan(v));
    T_OK(bp_nn_metric_value("auc", alike, 6, 3, &v, &err), &err);
    T_CHECK(isnan(v));
    T_OK(bp_nn_metric_value("r2", constant, 3, 3, &v, &err), &err);
    T_CHECK(isnan(v));
    T_OK(bp_nn_metric_value("accuracy", never, 1, 0, &v, &err), &err);
    T_CHECK(isnan(v));
    T_CHECK(bp_nn_metric_value("auc", alike, 5, 3, &v, &err) == BP_EARG);
    T_CHECK(bp_nn_metric_value("auk", alike, 6, 3, &v, &err) ==
            BP_ENOTFOUND);
    /* Equal scores count half, wherever they stand. */
    static const double ties[8] = {0.5, 0, 0.5, 1, 0.5, 1, 0.5, 0};
    T_OK(bp_nn_metric_value("auc", ties, 8, 4, &v, &err), &err);
    T_CHECK(v == 0.5);
}

static void test_names(void)
{
    static const struct { const char *text, *name; } names[] = {
        {"top_k", "top_5"}, {"top_k(2)", "top_2"}, {"top_k(k=5)", "top_5"},
        {"f1", "f1"}, {"f1(average=macro)", "f1"},
        {"f1(average=micro)", "f1_micro"}, {"recall(\">50K\")", "recall_>50K"},
        {"accuracy(threshold=0.3)", "accuracy_0.3"},
        {"calibration_error(bins=15)", "calibration_error"},
    };
    bp__arena ar;
    bp__spec *s, **list;
    size_t n;
    bp_error err = {0};
    const char *got[4];
    bp__arena_init(&ar, NULL);
    for (size_t i = 0; i < BP__ARRAY_LEN(names); i++) {
        T_OK(bp__spec_parse(&ar, BP_NN_METRICS, names[i].text, &s, &err),
             &err);
        const char *name = bp__metric_label(&ar, s);
        T_CHECKF(!strcmp(name, names[i].name), "%s is called %s",
                 names[i].text, name);
    }
    T_OK(bp__spec_parse_list(&ar, BP_NN_METRICS, "top_k(1), top_k(2)", &list,
                             &n, &err), &err);
    T_OK(bp__metric_labels(&ar, list, n, got, &err), &err);
    T_OK(bp__spec_parse_list(&ar, BP_NN_METRICS, "top_k, top_k(k=5)", &list,
                             &n, &err), &err);
    T_CHECK(bp__metric_labels(&ar, list, n, got, &err) == BP_EEXIST);
    T_CHECK(strstr(err.message, "top_5"));
    bp__arena_free(&ar);
}

static void test_refused(bp_runtime *r)
{
    double v;
    bp_error err = {0};
    T_CHECK(value_of(r, "recall(7)", MANY, N, &v, &err) == BP_ENOTFOUND);
    T_CHECKF(strstr(err.message, "0 to 3"), "%s", err.message);
    T_CHECK(value_of(r, "auc(\"yes\")", ONE, N, &v, &err) == BP_ENOTFOUND);
    T_CHECK(value_of(r, "precision", REAL, N, &v, &err) == BP_OK);
    T_CHECK(value_of(r, "r2", MANY, N, &v, &err) == BP_OK); /* of one-hot */
}

int main(void)
{
    bp_runtime *r = rig_runtime();
    fill();
    test_values(r);
    test_every_row(r);
    test_undefined();
    test_names();
    test_refused(r);
    bp_runtime_free(r);
    return t_end();
}
