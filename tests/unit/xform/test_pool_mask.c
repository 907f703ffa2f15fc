/* The mask of a relu moves behind max pooling, with the same bits: also where
 * windows overlap or leave gaps, and only where nobody else looks. */
#include "exec/exec.h"
#include "t.h"

#include "xform/xform.h"

#include <bprop/ops.h>

enum { N = 3, C = 2, H = 7, W = 6, IN = N * C * H * W };

typedef struct shape {
    int64_t kernel, stride, pad;
} shape;

/* Output "dx": the gradient of a loss of max_pool(relu(x)). */
static bp_graph *build(bp_dtype dtype, shape s)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_pool2d_options o = {.kernel = {s.kernel, s.kernel},
                           .stride = {s.stride, s.stride},
                           .padding = {s.pad, s.pad, s.pad, s.pad}};
    bp_val x = bp_input(g, "x", dtype, 4, (int64_t[]){N, C, H, W});
    bp_val y = bp_max_pool2d(g, bp_relu(g, x), &o);
    bp_val dx, w = bp_square(g, bp_add_scalar(g, y, -1.5));
    bp_grad(g, bp_sum(g, w, 0, NULL, false), &x, 1, &dx);
    bp_output(g, "dx", dx);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    return g;
}

static size_t size_of(bp_dtype dtype)
{
    return dtype == BP_F64 ? sizeof(double) : sizeof(float);
}

static int count(const bp_graph *g, bp__op op, int64_t elements)
{
    int n = 0;
    for (size_t k = 0; k < g->n_nodes; k++)
        n += g->nodes[k].op == op &&
             bp__numel(&g->values[g->nodes[k].out].type) == elements;
    return n;
}

/* The pass takes the mask of the whole plane away, unless somebody else reads
 * pool_scatter's result. */
static void moves(bp_dtype dtype, shape s, bool looked_at)
{
    bp_graph *g = build(dtype, s);
    T_CHECK(count(g, BP__OP_select, IN) == 1);
    if (looked_at)
        for (size_t k = 0; k < g->n_nodes; k++)
            if (g->nodes[k].op == BP__OP_pool_scatter)
                bp_output(g, "scattered", bp__val(g, g->nodes[k].out));
    bp_graph *after = bp__pass_pool_mask(g);
    T_REQUIRE(after != NULL);
    T_CHECK(count(after, BP__OP_select, IN) == looked_at);
    T_CHECK(count(after, BP__OP_pool_scatter, IN) == 1);
    bp_graph_free(after);
    bp_graph_free(g);
}

static void run(bp_dtype dtype, shape s, const char *no_pass,
                const char *no_kernel, const void *x, void *result)
{
    bp_error err = {0};
    bp_graph *g = build(dtype, s);
    bp_runtime *rt = NULL;
    bp_program *p = NULL;
    bp_runtime_options ro = {.size = sizeof ro, .threads = 1};
    bp_compile_options o = {.size = sizeof o, .no_pass = no_pass,
                            .no_kernel = no_kernel};
    T_OK(bp_runtime_new(&ro, &rt, &err), &err);
    T_OK(bp_compile(rt, (const bp_graph *const *)&g, 1, &o, &p, &err), &err);
    size_t bytes = IN * size_of(dtype), got = 0;
    T_OK(bp_bind(p, "x", x, bytes, &err), &err);
    T_OK(bp_run(p, &err), &err);
    const void *r = bp_result(p, "dx", &got);
    T_REQUIRE(r && got == bytes);
    memcpy(result, r, bytes);
    bp_program_free(p);
    bp_runtime_free(rt);
    bp_graph_free(g);
}

/* Ties, zeros of both signs and values that relu cuts off. */
static void fill(bp_dtype dtype, void *x)
{
    for (int i = 0; i < IN; i++) {
        double v = (double)((i * 37 + i / 5) % 9 - 4) / 2;
        if (i % 11 == 3)
            v = -0.0;
        if (dtype == BP_F32)
            ((float *)x)[i] = (float)v;
        else
            ((double *)x)[i] = v;
    }
}

static void same_bits(bp_dtype dtype, shape s)
{
    static double x[IN], a[IN], b[IN];
    static const double none[IN];
    size_t bytes = IN * size_of(dtype);
    fill(dtype, x);
    for (int k = 0; k < 2; k++) {
        const char *no_kernel = k ? "all" : NULL;
        run(dtype, s, "poolmask", no_kernel, x, a);
        run(dtype, s, NULL, no_kernel, x, b);
        T_CHECKF(memcmp(a, b, bytes) == 0, "kernel %d, stride %d",
                 (int)s.kernel, (int)s.stride);
        T_CHECK(memcmp(a, none, bytes) != 0);
    }
}

int main(void)
{
    static const shape shapes[] = {{2, 2, 0}, {3, 2, 1}, {3, 1, 0}, {2, 3, 0}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int f64 = 0; f64 < 2; f64++) {
            bp_dtype t = f64 ? BP_F64 : BP_F32;
            moves(t, shapes[i], false);
            moves(t, shapes[i], true);
            same_bits(t, shapes[i]);
        }
    return t_end();
}
