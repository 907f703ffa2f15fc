/* PyTorch's weights in bprop, and bprop's steps beside PyTorch's, over the
 * fixtures of tools/torch_fixture.py: a convolutional network with batch norm
 * and gelu. Logits in evaluation mode, the loss and gradients of a step, and
 * parameters and running statistics after three steps of each optimizer. f64
 * to 1e-10 of a tensor's largest value, f32 to 1e-5 of it. Public headers
 * only. */
#include "t.h"

#include <bprop/train.h>

#define FOLDER BPROP_SOURCE_DIR "/tests/data/torch/"

enum { BATCHES = 3, ROWS = 5, CLASSES = 10, PIXELS = 64 };

static const char layers[] =
    "conv2d(4, kernel=3, padding=1, bias=false), batch_norm, relu, "
    "max_pool2d(2), conv2d(6, kernel=3, padding=1), gelu, max_pool2d(2), "
    "flatten, dense(16), relu, dropout(0), dense(10)";

static const struct {
    const char *name, *optimizer;
} steps[] = {
    {"sgd", "sgd(0.1, weight_decay=0.01)"},
    {"momentum", "momentum(0.05)"},
    {"nesterov", "nesterov(0.05, momentum=0.8, weight_decay=0.001)"},
    {"adam", "adam(0.01, weight_decay=0.001)"},
    {"adamw", "adamw(0.01, weight_decay=0.05)"},
    {"clipped", "sgd(0.1, clip_norm=0.5)"},
};
enum { N_STEPS = sizeof steps / sizeof *steps };

static bp_array input, target, logits, loss;

static void load_array(const char *name, bp_array *x)
{
    char path[300];
    bp_error err = {BP_OK, ""};
    snprintf(path, sizeof path, FOLDER "%s.npy", name);
    T_OK(bp_npy_load(NULL, path, x, &err), &err);
}

/* ---- a network over a store ------------------------------------------------ */

typedef struct net {
    bp_dtype dtype;
    bp_model *model;
    bp_store *store;
    bp_runtime *rt;
    bp_program *program;
} net;

static void load(bp_store *s, const char *name)
{
    char path[300];
    bp_error err = {BP_OK, ""};
    snprintf(path, sizeof path, FOLDER "%s.safetensors", name);
    T_OK(bp_store_load(s, path, BP_KINDS_WEIGHTS, &err), &err);
}

static bp_graph *trace(const net *n, bp_store *s, bp_task_mode mode,
                       const char *optimizer, int rows)
{
    bp_task task = {
        .size = sizeof task, .model = n->model, .target = {.dtype = BP_I32},
        .loss = "softmax_cross_entropy", .optimizer = optimizer,
        .dtype = n->dtype, .seed = 1,
    };
    bp_trace_options o = {.size = sizeof o, .rows = rows};
    bp_graph *g = bp_task_graph(&task, s, mode, &o, NULL, NULL);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    return g;
}

/* A store of the network's variables: of `dtype`, from a file of `stored`. */
static bp_store *weights(const net *n, bp_dtype stored, const char *name)
{
    net other = {.dtype = stored, .model = n->model};
    bp_store *s = bp_store_new(NULL);
    bp_graph_free(trace(&other, s, BP_TASK_EVAL, NULL, ROWS));
    load(s, name);
    return s;
}

static double element(bp_dtype dtype, const void *data, size_t i)
{
    return dtype == BP_F64 ? ((const double *)data)[i]
                           : (double)((const float *)data)[i];
}

/* Starts from net.safetensors, which is f32. */
static void copy_weights(bp_store *to, bp_store *from)
{
    for (size_t v = 0; v < bp_store_count(from); v++) {
        bp_var_info a, b;
        bp_error err = {BP_OK, ""};
        T_OK(bp_store_info(from, v, &a), &err);
        int64_t at = bp_store_find(to, a.name);
        if (!(BP_KIND(a.kind) & BP_KINDS_WEIGHTS))
            continue;
        T_REQUIRE(at >= 0);
        T_OK(bp_store_info(to, (size_t)at, &b), &err);
        const float *x = bp_store_data(from, v);
        double *d = bp_store_data(to, (size_t)at);
        float *f = bp_store_data(to, (size_t)at);
        for (size_t i = 0; i < a.bytes / sizeof *x; i++)
            if (b.dtype == BP_F64)
                d[i] = x[i];
            else
                f[i] = x[i];
    }
}

static void open_net(net *n, bp_dtype dtype, bp_task_mode mode,
                     const char *optimizer, int rows)
{
    bp_error err = {BP_OK, ""};
    const int64_t dims[3] = {1, 8, 8};
    bp_runtime_options ro = {.size = sizeof ro, .threads = 2};
    *n = (net){.dtype = dtype, .model = bp_model_new(NULL),
               .store = bp_store_new(NULL)};
    bp_model_input(n->model, "x", 3, dims);
    bp_model_add(n->model, layers);
    bp_graph *g = trace(n, n->store, mode, optimizer, rows);
    bp_store *start = weights(n, BP_F32, "net");
    copy_weights(n->store, start);
    T_OK(bp_runtime_new(&ro, &n->rt, &err), &err);
    T_OK(bp_compile(n->rt, (const bp_graph *const *)&g, 1, NULL, &n->program,
                    &err), &err);
    bp_store_free(start);
    bp_graph_free(g);
}

static void close_net(net *n)
{
    bp_program_free(n->program);
    bp_runtime_free(n->rt);
    bp_store_free(n->store);
    bp_model_free(n->model);
}

/* Runs on samples from `first` on. */
static void run(net *n, int first, int rows, bool with_target)
{
    bp_error err = {BP_OK, ""};
    static double wide[BATCHES * ROWS * PIXELS];
    const float *x = (const float *)input.data + first * PIXELS;
    size_t count = (size_t)rows * PIXELS;
    for (size_t i = 0; i < count; i++)
        wide[i] = x[i];
    bool f64 = n->dtype == BP_F64;
    T_OK(bp_bind(n->program, "x", f64 ? (const void *)wide : x,
                 count * (f64 ? 8 : 4), &err), &err);
    if (with_target)
        T_OK(bp_bind(n->program, "target", (int32_t *)target.data + first,
                     (size_t)rows * 4, &err), &err);
    T_OK(bp_run(n->program, &err), &err);
}

/* ---- comparisons ----------------------------------------------------------- */

static double worst[2]; /* f32, f64 */

static void compare(const char *what, const char *name, bp_dtype dtype,
                    const void *got, bp_dtype wanted, const void *want,
                    size_t n)
{
    double error = 0, scale = 0;
    for (size_t i = 0; i < n; i++) {
        double w = element(wanted, want, i);
        double e = fabs(element(dtype, got, i) - w);
        scale = fabs(w) > scale ? fabs(w) : scale;
        error = !(e <= error) ? e : error;
    }
    T_CHECKF(n > 0 && scale > 0, "%s: %s: nothing to compare", what, name);
    double bound = dtype == BP_F64 && wanted == BP_F64 ? 1e-10 : 1e-5;
    double *w = &worst[bound < 1e-5];
    T_CHECKF(error <= bound * scale, "%s in %s: %s is off by %g of %g", what,
             dtype == BP_F64 ? "f64" : "f32", name, error, scale);
    *w = error / scale > *w ? error / scale : *w;
}

/* Every variable of the expected store against the program's gradient of it,
 * or against the network's own variable. */
static void compare_all(const char *what, net *n, const char *file,
                        bool gradients)
{
    bp_error err = {BP_OK, ""};
    bp_store *want = weights(n, BP_F64, file);
    size_t compared = 0;
    for (size_t v = 0; v < bp_store_count(want); v++) {
        bp_var_info info;
        char output[100];
        T_OK(bp_store_info(want, v, &info), &err);
        if (!(BP_KIND(info.kind) & BP_KINDS_WEIGHTS))
            continue;
        const void *got;
        if (gradients) {
            if (info.kind != BP_VAR_PARAM)
                continue;
            snprintf(output, sizeof output, "grad.%s", info.name);
            got = bp_result(n->program, output, NULL);
        } else {
            int64_t at = bp_store_find(n->store, info.name);
            got = at < 0 ? NULL : bp_store_data(n->store, (size_t)at);
        }
        T_CHECKF(got != NULL, "%s: no %s", what, info.name);
        if (got)
            compare(what, info.name, n->dtype, got, BP_F64,
                    bp_store_data(want, v), info.bytes / 8);
        compared++;
    }
    T_CHECKF(compared == (gradients ? 9u : 11u), "%s: %zu tensors", what,
             compared);
    bp_store_free(want);
}

/* ---- tests ------------------------------------------------------------------ */

static void test_logits(bp_dtype dtype)
{
    net n;
    open_net(&n, dtype, BP_TASK_PREDICT, NULL, BATCHES * ROWS);
    run(&n, 0, BATCHES * ROWS, false);
    compare("logits", "output", dtype, bp_result(n.program, "output", NULL),
            BP_F32, logits.data, BATCHES * ROWS * CLASSES);
    close_net(&n);
}

static void test_gradients(bp_dtype dtype)
{
    net n;
    open_net(&n, dtype, BP_TASK_GRADIENT, NULL, ROWS);
    run(&n, 0, ROWS, true);
    compare("gradients", "loss", dtype, bp_result(n.program, "loss", NULL),
            BP_F64, loss.data, 1);
    compare_all("gradients", &n, "grad", true);
    close_net(&n);
}

static void test_steps(bp_dtype dtype, int i)
{
    net n;
    open_net(&n, dtype, BP_TASK_TRAIN, steps[i].optimizer, ROWS);
    for (int b = 0; b < BATCHES; b++) {
        const double *want = (const double *)loss.data + 3 * (i + 1) + b;
        run(&n, b * ROWS, ROWS, true);
        compare(steps[i].name, "loss", dtype,
                bp_result(n.program, "loss", NULL), BP_F64, want, 1);
    }
    compare_all(steps[i].name, &n, steps[i].name, false);
    close_net(&n);
}

int main(void)
{
    load_array("input", &input);
    load_array("target", &target);
    load_array("logits", &logits);
    load_array("loss", &loss);
    T_REQUIRE(input.dtype == BP_F32 && target.dtype == BP_I32 &&
              logits.dtype == BP_F32 && loss.dtype == BP_F64 &&
              loss.dims[0] == N_STEPS + 1 && loss.dims[1] == BATCHES);
    for (int f64 = 0; f64 < 2; f64++) {
        bp_dtype dtype = f64 ? BP_F64 : BP_F32;
        test_logits(dtype);
        test_gradients(dtype);
        for (int i = 0; i < N_STEPS; i++)
            test_steps(dtype, i);
    }
    printf("worst, of a tensor's largest value: %.2g in f32, %.2g in f64\n",
           worst[0], worst[1]);
    bp_array_free(NULL, &input);
    bp_array_free(NULL, &target);
    bp_array_free(NULL, &logits);
    bp_array_free(NULL, &loss);
    return t_end();
}
