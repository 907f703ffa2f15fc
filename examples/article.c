/* The article's program: a 10-20-5 network of sigmoids, 100 samples in columns,
 * 10,000 steps of gradient descent at 0.01, with the output error a2 - Y.
 *
 *   article [--init DIR] [--out DIR] [--steps N] [--dtype f64|f32]
 *
 * --init reads init_W1.npy init_b1.npy init_W2.npy init_b2.npy init_X.npy
 * init_Y.npy; without it they are drawn: weights 0.01 times normal, biases 0,
 * X and Y normal. --out writes W1.npy b1.npy W2.npy b2.npy.
 *
 * a2 - Y, averaged over the samples, is the gradient with respect to z2 of
 *     J = 1/m sum(log(1 + exp(z2)) - z2 Y),
 * the sigmoid cross-entropy; so the program states J and differentiates it. */
#include <bprop/data.h>
#include <bprop/ops.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_VARS = 6, N_PARAMS = 4 };
static const struct {
    const char *name;
    int64_t dims[2];
    double scale; /* of the normal numbers it is drawn from */
} vars[N_VARS] = {{"W1", {20, 10}, 0.01}, {"b1", {20, 1}, 0},
                  {"W2", {5, 20}, 0.01},  {"b2", {5, 1}, 0},
                  {"X", {10, 100}, 1},    {"Y", {5, 100}, 1}};

static bp_error err;

/* variable <- scale * normal, for all of them. */
static bp_graph *draw_graph(bp_store *s, bp_dtype dtype)
{
    bp_graph *g = bp_graph_new(NULL);
    int64_t four = 4;
    bp_val key = bp_const(g, BP_I32, 1, &four, (int32_t[]){1, 0, 0, 0});
    for (int i = 0; i < N_VARS; i++) {
        bp_val n = bp_normal(g, key, dtype, 2, vars[i].dims, i, false);
        bp_update(g, s, vars[i].name, bp_mul_scalar(g, n, vars[i].scale));
    }
    return g;
}

/* One step, or J alone: a step need not compute J to know its gradient. */
static bp_graph *step_graph(bp_store *s, bool step)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_val v[N_VARS], d[N_PARAMS];
    for (int i = 0; i < N_VARS; i++)
        v[i] = bp_variable(g, s, vars[i].name);
    bp_val z1 = bp_add(g, bp_matmul(g, v[0], v[4], false, false), v[1]);
    bp_val a1 = bp_sigmoid(g, z1);
    bp_val z2 = bp_add(g, bp_matmul(g, v[2], a1, false, false), v[3]);
    bp_val j = bp_sum(g, bp_sigmoid_cross_entropy(g, z2, v[5]), 0, NULL,
                      false);
    j = bp_mul_scalar(g, j, 1.0 / 100);
    if (!step)
        bp_output(g, "J", j);
    else
        bp_grad(g, j, v, N_PARAMS, d);
    for (int i = 0; step && i < N_PARAMS; i++)
        bp_update(g, s, vars[i].name,
                  bp_sub(g, v[i], bp_mul_scalar(g, d[i], 0.01)));
    return g;
}

/* File -> variable, or back; files are f64. */
static bool move(bp_store *s, int i, const char *dir, const char *prefix,
                 bp_dtype dtype, bool load)
{
    char path[1000];
    bp_array a = {0};
    double *f64;
    int64_t n = vars[i].dims[0] * vars[i].dims[1];
    float *f32 = bp_store_data(s, (size_t)bp_store_find(s, vars[i].name));
    snprintf(path, sizeof path, "%s/%s%s.npy", dir, prefix, vars[i].name);
    if (load ? bp_npy_load(NULL, path, &a, &err)
             : bp_array_new(NULL, BP_F64, 2, vars[i].dims, &a, &err))
        return false;
    f64 = a.data;
    bool ok = a.dtype == BP_F64 && a.rank == 2 && a.dims[0] == vars[i].dims[0]
              && a.dims[1] == vars[i].dims[1];
    if (!ok)
        snprintf(err.message, sizeof err.message,
                 "%s: expected f64 of shape (%d, %d)", path,
                 (int)vars[i].dims[0], (int)vars[i].dims[1]);
    for (int64_t k = 0; ok && k < n; k++) {
        if (dtype == BP_F64 && load)
            ((double *)(void *)f32)[k] = f64[k];
        else if (dtype == BP_F64)
            f64[k] = ((double *)(void *)f32)[k];
        else if (load)
            f32[k] = (float)f64[k];
        else
            f64[k] = f32[k];
    }
    ok = ok && (load || !bp_npy_save(path, &a, &err));
    bp_array_free(NULL, &a);
    return ok;
}

static bp_program *compile(bp_runtime *r, bp_graph *g)
{
    bp_program *p = NULL;
    bp_compile(r, (const bp_graph *[]){g}, 1, NULL, &p, &err);
    bp_graph_free(g);
    return p;
}

static bool print_j(bp_program *p, long step)
{
    size_t bytes;
    if (bp_run(p, &err))
        return false;
    const void *j = bp_result(p, "J", &bytes);
    printf("step %5ld  J %.6f\n", step,
           bytes == 8 ? *(const double *)j : *(const float *)j);
    return true;
}

static bool train(bp_runtime *r, bp_store *s, long steps)
{
    bp_program *step = compile(r, step_graph(s, true));
    bp_program *j = step ? compile(r, step_graph(s, false)) : NULL;
    bool ok = j != NULL;
    for (long i = 0; ok && i < steps; i++)
        ok = (i % 1000 || print_j(j, i)) && !bp_run(step, &err);
    ok = ok && print_j(j, steps);
    bp_program_free(step);
    bp_program_free(j);
    return ok;
}

int main(int argc, char **argv)
{
    const char *init = NULL, *out = NULL, *type = "f64";
    long steps = 10000;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--init") == 0 && ++i < argc)
            init = value;
        else if (strcmp(argv[i], "--out") == 0 && ++i < argc)
            out = value;
        else if (strcmp(argv[i], "--dtype") == 0 && ++i < argc)
            type = value;
        else if (strcmp(argv[i], "--steps") == 0 && ++i < argc)
            steps = strtol(value, NULL, 10);
        else
            type = "?";
    }
    if ((strcmp(type, "f64") && strcmp(type, "f32")) || steps < 0) {
        fprintf(stderr, "usage: article [--init DIR] [--out DIR] [--steps N] "
                        "[--dtype f64|f32]\n");
        return 2;
    }
    bp_dtype dtype = strcmp(type, "f64") == 0 ? BP_F64 : BP_F32;
    bp_store *s = bp_store_new(NULL);
    bp_runtime *r = NULL;
    bool ok = !bp_runtime_new(NULL, &r, &err);
    for (int i = 0; ok && i < N_VARS; i++)
        ok = !bp_store_add(s, vars[i].name, BP_VAR_PARAM, dtype, 2,
                           vars[i].dims, &err);
    if (ok && !init) {
        bp_program *draw = compile(r, draw_graph(s, dtype));
        ok = draw && !bp_run(draw, &err);
        bp_program_free(draw);
    }
    for (int i = 0; ok && init && i < N_VARS; i++)
        ok = move(s, i, init, "init_", dtype, true);
    ok = ok && train(r, s, steps);
    for (int i = 0; ok && out && i < N_PARAMS; i++)
        ok = move(s, i, out, "", dtype, false);
    if (!ok)
        fprintf(stderr, "article: %s\n", err.message);
    bp_store_free(s);
    bp_runtime_free(r);
    return ok ? 0 : 1;
}
