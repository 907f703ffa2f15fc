/* Every shipped model: the gradients of one batch with all fast kernels and
 * passes, and without; in one shard, and in four. */
#include "t.h"

#include "config/config.h"
#include "fmt/array.h"
#include "train/train.h"

#include <bprop/ops.h>

enum { ROWS = 8 };

typedef struct batch {
    double wide[ROWS * 3 * 32 * 32];
    float narrow[ROWS * 3 * 32 * 32];
    int32_t target[ROWS];
} batch;

static void fill(batch *b, int64_t n)
{
    uint64_t seed = 11;
    for (int64_t i = 0; i < n; i++) {
        b->narrow[i] = (float)t_uniform(&seed, -1.5, 1.5);
        b->wide[i] = (double)b->narrow[i];
    }
    for (int i = 0; i < ROWS; i++)
        b->target[i] = (7 * i + 3) % 10;
}

/* All gradients, one after the other, in f64; freed by the caller. */
static double *gradients(const bp_task *task, bp_runtime *r, const batch *b,
                         int64_t n, const char *off, int64_t shards,
                         int64_t *total)
{
    bp_store *s = bp_store_new(NULL);
    bp__task_steps k;
    bp_step *step;
    bp_error err = {0};
    bool wide = task->dtype == BP_F64;
    bp__task_steps_init(&k, &bp__malloc_allocator, task, s, r);
    k.no_pass = k.no_kernel = off;
    k.shards = shards;
    bp_batch rows = {.count = ROWS, .n_inputs = 1, .target = b->target,
                     .target_bytes = sizeof b->target};
    rows.input[0] = wide ? (const void *)b->wide : b->narrow;
    rows.input_bytes[0] = (size_t)n * (wide ? 8 : 4);
    T_OK(bp__task_steps_run(&k, BP_TASK_GRADIENT, &rows, &step, &err), &err);
    double *all = NULL;
    *total = 0;
    for (size_t i = 0; i < bp_store_count(s); i++) {
        char name[200];
        bp_array g = {.data = NULL};
        bp_var_info v;
        bp_store_info(s, i, &v);
        if (v.kind != BP_VAR_PARAM)
            continue;
        snprintf(name, sizeof name, "grad.%s", v.name);
        bp_step_output(step, name, &g);
        T_REQUIRE(g.data && g.bytes == v.bytes);
        int64_t m = (int64_t)(g.bytes / bp_dtype_bytes(v.dtype));
        all = realloc(all, (size_t)(*total + m) * sizeof *all);
        T_REQUIRE(all);
        for (int64_t j = 0; j < m; j++)
            all[(*total)++] = bp__array_number(&g, j);
    }
    bp__task_steps_free(&k);
    bp_store_free(s);
    return all;
}

static void compare(const char *what, const char *model, const double *a,
                    const double *b, int64_t n, double bound)
{
    double d = 0, norm = 0;
    for (int64_t i = 0; i < n; i++) {
        d += (a[i] - b[i]) * (a[i] - b[i]);
        norm += a[i] * a[i];
    }
    double e = sqrt(d) / sqrt(norm);
    T_CHECKF(e <= bound, "%s, %s: %g of the gradient's norm, bound %g", model,
             what, e, bound);
    printf("%-32s %-24s %.2e\n", model, what, e);
}

static void check_type(const char *model, bp_task *task, bp_runtime *r,
                       const batch *b, int64_t n, double bound)
{
    int64_t k, m;
    char what[40];
    const char *type = bp_dtype_name(task->dtype);
    double *fast = gradients(task, r, b, n, NULL, 1, &k);
    double *plain = gradients(task, r, b, n, "all", 1, &m);
    T_REQUIRE(k == m && k > 0);
    snprintf(what, sizeof what, "%s, all off", type);
    compare(what, model, plain, fast, k, bound);
    double *four = gradients(task, r, b, n, NULL, 4, &m);
    T_REQUIRE(k == m);
    snprintf(what, sizeof what, "%s, four shards", type);
    compare(what, model, plain, four, k, bound);
    free(fast);
    free(plain);
    free(four);
}

static void check_model(const char *model, double bound_f32)
{
    static batch b;
    char path[1000];
    bp__config *c = NULL;
    bp_runtime *r = NULL;
    bp_error err = {0};
    bp_nn_io io;
    int64_t n = ROWS;
    snprintf(path, sizeof path, "%s/models/%s.yaml", BPROP_SOURCE_DIR, model);
    T_OK(bp__config_load(NULL, path, NULL, 0, &c, &err), &err);
    T_OK(bp_runtime_new(NULL, &r, &err), &err);
    bp__task_input(&c->task, 0, &io);
    for (int i = 0; i < io.rank; i++)
        n *= io.dims[i];
    T_REQUIRE((size_t)n <= BP__ARRAY_LEN(b.wide));
    fill(&b, n);
    c->task.target.dtype = BP_I32;
    c->task.n_train = 1000;
    check_type(model, &c->task, r, &b, n, bound_f32);
    c->task.dtype = BP_F64;
    check_type(model, &c->task, r, &b, n, 1e-10);
    bp_runtime_free(r);
    bp__config_free(c);
}

int main(void)
{
    check_model("digits", 1e-5);
    check_model("mnist-mlp", 1e-5);
    check_model("mnist-cnn", 1e-5);
    check_model("resnet20", 2e-2); /* deep batch norm */
    check_model("nielsen/quadratic-30", 1e-5);
    check_model("nielsen/quadratic-100", 1e-5);
    check_model("nielsen/cross-entropy-100", 1e-5);
    check_model("nielsen/better-quadratic-30", 1e-5);
    check_model("nielsen/better-cross-entropy-100", 1e-5);
    return t_end();
}
