/* Batch and layer normalisation: values, statistics of the whole batch over
 * any number of shards with their gradients, messages. */
#include "eval.h"

enum { ROWS = 6, CH = 2, PIX = 3, N = ROWS * CH * PIX };

typedef struct result {
    double y[N], mean[CH], var[CH], dx[N], dgamma[CH], dbeta[CH];
} result;

static void copy_out(const eval *e, const char *name, double *to, size_t n)
{
    memcpy(to, eval_out(e, name), n * sizeof *to);
}

static void run_batch_norm(int64_t shards, const double *x, const double *p,
                           result *r)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_graph_set_shard(g, shards, ROWS / shards, ROWS);
    bp_val in[3], d[3], mean, var;
    in[0] = bp_batch_input(g, "x", BP_F64, EVAL_DIMS(ROWS / shards, CH, PIX));
    in[1] = bp_input(g, "gamma", BP_F64, EVAL_DIMS(CH));
    in[2] = bp_input(g, "beta", BP_F64, EVAL_DIMS(CH));
    bp_val y = bp_batch_norm(g, in[0], in[1], in[2], 1e-3, &mean, &var);
    T_CHECK(bp_val_varying(g, y) && !bp_val_varying(g, mean) &&
            !bp_val_varying(g, var));
    bp_output(g, "y", y);
    bp_output(g, "mean", mean);
    bp_output(g, "var", var);
    /* Every output takes part in the loss. */
    bp_val l = bp_mean(g, bp_mul(g, bp_sin(g, y), in[0]), 0, NULL, false);
    l = bp_add(g, l, bp_sum(g, bp_mul(g, mean, var), 0, NULL, false));
    bp_grad(g, l, in, 3, d);
    bp_output(g, "dx", d[0]);
    bp_output(g, "dgamma", d[1]);
    bp_output(g, "dbeta", d[2]);
    eval e = eval_graph(g, (eval_in[]){{"x", x}, {"gamma", p},
                                       {"beta", p + CH}}, 3);
    copy_out(&e, "y", r->y, N);
    copy_out(&e, "mean", r->mean, CH);
    copy_out(&e, "var", r->var, CH);
    copy_out(&e, "dx", r->dx, N);
    copy_out(&e, "dgamma", r->dgamma, CH);
    copy_out(&e, "dbeta", r->dbeta, CH);
    eval_free(&e);
    bp_graph_free(g);
}

static void batch_norm(void)
{
    uint64_t state = 12;
    double *x = eval_random(&state, BP_F64, N, -3, 3);
    const double p[2 * CH] = {1.5, -0.5, 0.25, 2};
    result one, many;
    run_batch_norm(1, x, p, &one);
    for (int c = 0; c < CH; c++) {
        double mean = 0, var = 0;
        for (int i = 0; i < ROWS * PIX; i++)
            mean += x[(i / PIX * CH + c) * PIX + i % PIX] / (ROWS * PIX);
        for (int i = 0; i < ROWS * PIX; i++) {
            double v = x[(i / PIX * CH + c) * PIX + i % PIX] - mean;
            var += v * v / (ROWS * PIX);
        }
        T_NEAR(one.mean[c], mean, 1e-14);
        T_NEAR(one.var[c], var, 1e-14);
        for (int i = 0; i < ROWS * PIX; i++) {
            int at = (i / PIX * CH + c) * PIX + i % PIX;
            T_NEAR(one.y[at], (x[at] - mean) / sqrt(var + 1e-3) * p[c] +
                                  p[CH + c], 1e-13);
        }
    }
    const int64_t shards[3] = {2, 3, 6};
    for (int s = 0; s < 3; s++) {
        run_batch_norm(shards[s], x, p, &many);
        const double *a = (const double *)&one, *b = (const double *)&many;
        for (size_t i = 0; i < sizeof one / sizeof *a; i++)
            T_NEAR(a[i], b[i], 1e-13);
    }
    free(x);
}

static void layer_norm(void)
{
    uint64_t state = 13;
    float *x = eval_random(&state, BP_F32, 24, 99, 101);
    float *p = eval_random(&state, BP_F32, 24, -1, 1);
    bp_graph *g = bp_graph_new(NULL);
    bp_val v = bp_batch_input(g, "x", BP_F32, EVAL_DIMS(2, 3, 4));
    bp_val gamma = bp_input(g, "gamma", BP_F32, EVAL_DIMS(3, 4));
    bp_val beta = bp_input(g, "beta", BP_F32, EVAL_DIMS(3, 4));
    bp_output(g, "y", bp_layer_norm(g, v, gamma, beta, 2, 1e-5));
    eval e = eval_graph(g, (eval_in[]){{"x", x}, {"gamma", p},
                                       {"beta", p + 12}}, 3);
    const float *y = eval_out(&e, "y");
    for (int r = 0; r < 2; r++) {
        double mean = 0, var = 0;
        for (int i = 0; i < 12; i++)
            mean += x[r * 12 + i] / 12.0;
        for (int i = 0; i < 12; i++)
            var += (x[r * 12 + i] - mean) * (x[r * 12 + i] - mean) / 12;
        /* The mean, near 100, is rounded to f32: 100 ulps of a result near
         * 1. */
        for (int i = 0; i < 12; i++)
            T_NEAR(y[r * 12 + i], (x[r * 12 + i] - mean) / sqrt(var + 1e-5) *
                                      p[i] + p[12 + i],
                   eval_tol(BP_F32, 1, 200));
    }
    eval_free(&e);
    bp_graph_free(g);
    free(x);
    free(p);
}

static bp_graph *norm_of(int rank, const int64_t *dx, int64_t params,
                         double eps, int layer)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_val x = bp_batch_input(g, "x", BP_F32, rank, dx);
    bp_val gamma = bp_input(g, "g", BP_F32, 1, &params);
    bp_val beta = bp_input(g, "b", BP_F32, 1, &params);
    if (layer)
        bp_layer_norm(g, x, gamma, beta, layer, eps);
    else
        bp_batch_norm(g, x, gamma, beta, eps, NULL, NULL);
    return g;
}

static void messages(void)
{
    EVAL_FAILS(norm_of(EVAL_DIMS(4, 3, 2), 2, 1e-5, 0), BP_ESHAPE,
               "~f32[4,3,2]", "gamma", "f32[2]", "f32[3]", "channels");
    EVAL_FAILS(norm_of(EVAL_DIMS(4), 1, 1e-5, 0), BP_ESHAPE, "2 axes");
    EVAL_FAILS(norm_of(EVAL_DIMS(4, 3), 3, -1, 0), BP_EARG, "eps is -1");
    EVAL_FAILS(norm_of(EVAL_DIMS(4, 3), 3, NAN, 0), BP_EARG, "eps");
    EVAL_FAILS(norm_of(EVAL_DIMS(4, 3, 2), 3, 1e-5, 1), BP_ESHAPE, "gamma",
               "f32[3]", "f32[2]", "last axes");
    EVAL_FAILS(norm_of(EVAL_DIMS(4), 4, 1e-5, 1), BP_EARG, "samples");
    EVAL_FAILS(norm_of(EVAL_DIMS(4, 3), 3, 1e-5, 3), BP_EARG, "from 1 to 2",
               "not 3");
}

int main(void)
{
    batch_norm();
    layer_norm();
    messages();
    return t_end();
}
