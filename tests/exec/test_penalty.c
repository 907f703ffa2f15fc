/* Gradients with respect to inputs, and of gradients, through the public
 * headers: a penalty on the norm of the input's gradient, against central
 * differences, and trained with. */
#include "t.h"

#include <bprop/ops.h>

enum { N = 5, IN = 6, HID = 4 };

static double x[N * IN];

/* loss(w) = mean(tanh(x w1) w2)^2 + 0.5 * |d loss / d x|^2; dw, dx: wanted.
 * picture: x is N pictures 1 x 2 x 3, and w1 a convolution. */
static bp_program *compile(bp_runtime *r, bp_store *st, bool picture,
                           bool train)
{
    bp_error err = {BP_OK, ""};
    bp_graph *g = bp_graph_new(NULL);
    bp_graph_set_shard(g, 1, N, N);
    bp_val in = bp_batch_input(g, "x", BP_F64, 2, (int64_t[]){N, IN});
    bp_val w1 = bp_variable(g, st, "w1"), w2 = bp_variable(g, st, "w2"), v;
    if (picture) {
        bp_conv2d_options o = {.padding = {1, 0, 0, 1}};
        v = bp_reshape(g, in, 4, (int64_t[]){N, 1, 2, 3});
        v = bp_conv2d(g, v, bp_reshape(g, w1, 4, (int64_t[]){IN, 1, 2, 2}),
                      &o);
        v = bp_reshape(g, bp_sum(g, v, 1, (int64_t[]){3}, false), 2,
                       (int64_t[]){N, 2 * IN});
        v = bp_slice(g, v, (int64_t[]){0, 0}, (int64_t[]){N, HID}, NULL);
    } else {
        v = bp_matmul(g, in, w1, false, false);
    }
    v = bp_matmul(g, bp_tanh(g, v), w2, false, false);
    bp_val loss = bp_mean(g, bp_square(g, v), 0, NULL, false), dx, wrt[2] = {
        w1, w2}, d[2];
    bp_grad(g, loss, &in, 1, &dx);
    bp_output(g, "dx", dx);
    bp_output(g, "plain", loss);
    bp_val size = bp_psum(g, bp_sum(g, bp_square(g, dx), 0, NULL, false));
    bp_output(g, "size", size);
    bp_val whole = bp_add(g, loss, bp_mul_scalar(g, size, 0.5));
    bp_grad(g, whole, wrt, 2, d);
    bp_output(g, "whole", whole);
    bp_output(g, "d0", d[0]);
    bp_output(g, "d1", d[1]);
    for (int i = 0; train && i < 2; i++)
        bp_update(g, st, i ? "w2" : "w1",
                  bp_sub(g, wrt[i], bp_mul_scalar(g, d[i], 0.5)));
    T_CHECKF(bp_graph_verify(g, &err) == BP_OK, "%s", err.message);
    bp_program *p;
    const bp_graph *one = g;
    T_OK(bp_compile(r, &one, 1, NULL, &p, &err), &err);
    bp_graph_free(g);
    T_OK(bp_bind(p, "x", x, sizeof x, &err), &err);
    return p;
}

static double value(bp_program *p, const char *name, int i)
{
    size_t bytes;
    const double *y = bp_result(p, name, &bytes);
    T_REQUIRE(y && (size_t)i * 8 < bytes);
    return y[i];
}

static double run(bp_program *p, const char *name)
{
    bp_error err = {BP_OK, ""};
    T_OK(bp_run(p, &err), &err);
    return value(p, name, 0);
}

static double difference(bp_program *p, double *at, const char *name)
{
    double keep = *at, h = 1e-5;
    *at = keep + h;
    double up = run(p, name);
    *at = keep - h;
    double down = run(p, name);
    *at = keep;
    return (up - down) / (2 * h);
}

static void check(bool picture)
{
    bp_error err = {BP_OK, ""};
    bp_runtime *r;
    T_OK(bp_runtime_new(NULL, &r, &err), &err);
    bp_store *st = bp_store_new(NULL);
    uint64_t s = 9;
    T_OK(bp_store_add(st, "w1", BP_VAR_PARAM, BP_F64, 2,
                      (int64_t[]){IN, HID}, &err), &err);
    T_OK(bp_store_add(st, "w2", BP_VAR_PARAM, BP_F64, 2, (int64_t[]){HID, 1},
                      &err), &err);
    double *w[2] = {bp_store_data(st, 0), bp_store_data(st, 1)};
    int n[2] = {IN * HID, HID};
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < n[k]; i++)
            w[k][i] = t_uniform(&s, -1, 1);
    for (int i = 0; i < N * IN; i++)
        x[i] = t_uniform(&s, -1, 1);
    bp_program *p = compile(r, st, picture, false);
    for (int i = 0; i < N * IN; i++) {
        run(p, "plain");
        double want = value(p, "dx", i);
        T_NEAR(difference(p, &x[i], "plain"), want, 1e-8);
    }
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < n[k]; i++) {
            run(p, "whole");
            double want = value(p, k ? "d1" : "d0", i);
            T_NEAR(difference(p, &w[k][i], "whole"), want, 1e-8);
        }
    bp_program *t = compile(r, st, picture, true);
    double first = run(t, "whole"), last = 0, size = value(t, "size", 0);
    for (int i = 0; i < 200; i++)
        last = run(t, "whole");
    T_CHECKF(last < 0.1 * first, "%g after %g", last, first);
    T_CHECK(value(t, "size", 0) < 0.2 * size);
    bp_program_free(p);
    bp_program_free(t);
    bp_store_free(st);
    bp_runtime_free(r);
}

int main(void)
{
    check(false);
    check(true);
    return t_end();
}
