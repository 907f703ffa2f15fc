/* Convolution and its transposes: values against sums written out over every
 * case of the rows, <conv(x,w),c> = <x,dx> = <w,dw>, messages. */
#include "eval.h"

/* Element [a,b,c,d] of a tensor, or 0 outside of it. */
static double at4(const void *p, bp_dtype t, const int64_t *d, int64_t a,
                  int64_t b, int64_t c, int64_t e)
{
    if (c < 0 || c >= d[2] || e < 0 || e >= d[3])
        return 0;
    return eval_at(p, t, (size_t)(((a * d[1] + b) * d[2] + c) * d[3] + e));
}

typedef struct trio { /* dims of x, w, y and the attributes they share */
    const bp__conv_attrs *at;
    int64_t x[4], w[4], y[4];
} trio;

static size_t numel4(const int64_t *d)
{
    return (size_t)(d[0] * d[1] * d[2] * d[3]);
}

/* Sum of x w y over every index of the trilinear form, added to acc[] of the
 * operand that is asked for: 0: x, 1: w, 2: y. */
static void form(const trio *f, bp_dtype t, const void *x, const void *w,
                 const void *y, int which, long double *acc)
{
    const bp__conv_attrs *a = f->at;
    int64_t per_group = f->y[1] / a->groups;
    for (int64_t i = 0; i < (int64_t)numel4(f->y); i++) {
        int64_t q = i % f->y[3], p = i / f->y[3] % f->y[2];
        int64_t o = i / f->y[3] / f->y[2] % f->y[1];
        int64_t n = i / f->y[3] / f->y[2] / f->y[1];
        for (int64_t c = 0; c < f->w[1]; c++)
            for (int64_t h = 0; h < f->w[2]; h++)
                for (int64_t k = 0; k < f->w[3]; k++) {
                    int64_t row = p * a->stride_h + h * a->dil_h - a->pad_top;
                    int64_t col = q * a->stride_w + k * a->dil_w - a->pad_left;
                    int64_t cx = o / per_group * f->w[1] + c;
                    if (row < 0 || row >= f->x[2] || col < 0 ||
                        col >= f->x[3])
                        continue;
                    double xv = x ? at4(x, t, f->x, n, cx, row, col) : 1;
                    double wv = w ? at4(w, t, f->w, o, c, h, k) : 1;
                    double yv = y ? eval_at(y, t, (size_t)i) : 1;
                    int64_t to =
                        which == 0
                            ? ((n * f->x[1] + cx) * f->x[2] + row) * f->x[3] +
                                  col
                        : which == 1
                            ? ((o * f->w[1] + c) * f->w[2] + h) * f->w[3] + k
                            : i;
                    acc[to] += (long double)xv * wv * yv;
                }
    }
}

static void check_tensor(const char *what, const void *have, bp_dtype t,
                         const long double *want, size_t n, double terms)
{
    for (size_t i = 0; i < n; i++)
        T_CHECKF(fabs(eval_at(have, t, i) - (double)want[i]) <=
                     eval_tol(t, (double)want[i], terms),
                 "%s[%zu]: %.17g, not %.17g", what, i, eval_at(have, t, i),
                 (double)want[i]);
}

static void check_trio(const trio *f, bp_dtype t, const char *note)
{
    const bp__conv_attrs *a = f->at;
    uint64_t state = 11;
    size_t nx = numel4(f->x), nw = numel4(f->w), ny = numel4(f->y);
    void *x = eval_random(&state, t, nx, -1, 1);
    void *w = eval_random(&state, t, nw, -1, 1);
    void *y = eval_random(&state, t, ny, -1, 1);
    bp_conv2d_options o = {{a->stride_h, a->stride_w},
                           {a->pad_top, a->pad_bottom, a->pad_left,
                            a->pad_right},
                           {a->dil_h, a->dil_w}, a->groups};
    bp_graph *g = bp_graph_new(NULL);
    bp_val vx = bp_input(g, "x", t, 4, f->x);
    bp_val vw = bp_input(g, "w", t, 4, f->w);
    bp_val vy = bp_input(g, "y", t, 4, f->y);
    bp_output(g, "fwd", bp_conv2d(g, vx, vw, &o));
    bp_output(g, "dx", bp_conv2d_dx(g, vy, vw, f->x[2], f->x[3], &o));
    bp_output(g, "dw", bp_conv2d_dw(g, vx, vy, f->w[2], f->w[3], &o));
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s: %s", note, bp_graph_error(g));
    eval e = eval_graph(g, (eval_in[]){{"x", x}, {"w", w}, {"y", y}}, 3);
    long double *acc = calloc(nx + nw + ny + 1, sizeof *acc);
    long double *ax = acc, *aw = acc + nx, *ay = aw + nw;
    form(f, t, NULL, w, y, 0, ax);
    form(f, t, x, NULL, y, 1, aw);
    form(f, t, x, w, NULL, 2, ay);
    double terms = t == BP_F32 ? 1 : 200;
    check_tensor("y", eval_out(&e, "fwd"), t, ay, ny, terms);
    check_tensor("dx", eval_out(&e, "dx"), t, ax, nx, terms);
    check_tensor("dw", eval_out(&e, "dw"), t, aw, nw, terms);
    free(acc);
    eval_free(&e);
    bp_graph_free(g);
    free(x);
    free(w);
    free(y);
}

/* The cases of the three rows belong together, one by one. */
static void values(void)
{
    T_REQUIRE(bp__op_conv2d.n_cases == bp__op_conv2d_dx.n_cases &&
              bp__op_conv2d.n_cases == bp__op_conv2d_dw.n_cases);
    for (int i = 0; i < bp__op_conv2d.n_cases; i++) {
        const bp__case *c = &bp__op_conv2d.cases[i];
        const bp__case *b = &bp__op_conv2d_dx.cases[i];
        trio f = {.at = c->attrs};
        memcpy(f.x, c->in[0].dims, sizeof f.x);
        memcpy(f.w, c->in[1].dims, sizeof f.w);
        memcpy(f.y, b->in[0].dims, sizeof f.y);
        check_trio(&f, BP_F32, c->note);
        check_trio(&f, BP_F64, c->note);
    }
    /* Wider than the kernels' blocks, and with an odd rest. */
    static const bp__conv_attrs wide = {2, 2, 3, 2, 4, 3, 2, 3, 2, 0, 0};
    trio f = {&wide, {2, 4, 9, 301}, {6, 2, 5, 3}, {2, 6, 3, 151}};
    check_trio(&f, BP_F32, "wide");
}

static bp_graph *conv_of(const int64_t *x, const int64_t *w,
                         bp_conv2d_options o)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_val v = bp_input(g, "x", BP_F32, 4, x);
    bp_conv2d(g, v, bp_input(g, "w", BP_F32, 4, w), &o);
    return g;
}

static void messages(void)
{
    const int64_t x[4] = {2, 3, 5, 6}, w[4] = {4, 3, 3, 3};
    const int64_t wide[4] = {4, 3, 3, 9}, two[4] = {4, 2, 3, 3};
    const int64_t none[4] = {4, 3, 0, 3};
    bp_graph *g = conv_of(x, w, (bp_conv2d_options){.groups = 0});
    T_CHECK(bp_graph_status(g) == BP_OK);
    bp_graph_free(g);
    EVAL_FAILS(conv_of(x, wide, (bp_conv2d_options){.groups = 0}), BP_ESHAPE,
               "f32[2,3,5,6]", "f32[4,3,3,9]", "9 columns", "has 6");
    EVAL_FAILS(conv_of(x, w, (bp_conv2d_options){.dilation = {3, 1}}),
               BP_ESHAPE, "spans 7 rows", "dilation 3", "has 5");
    EVAL_FAILS(conv_of(x, two, (bp_conv2d_options){.groups = 0}), BP_ESHAPE,
               "3 input channels", "filters of 3 channels, not 2");
    EVAL_FAILS(conv_of(x, w, (bp_conv2d_options){.groups = 2}), BP_ESHAPE,
               "2 groups", "3 input");
    EVAL_FAILS(conv_of(x, none, (bp_conv2d_options){.groups = 0}), BP_ESHAPE,
               "kernel of no rows");
    EVAL_FAILS(conv_of(x, w, (bp_conv2d_options){.stride = {0, 2}}), BP_EARG,
               "stride 0");
    EVAL_FAILS(conv_of(x, w, (bp_conv2d_options){.padding = {0, -1, 0, 0}}),
               BP_EARG, "padding -1");
    EVAL_FAILS(conv_of(x, w, (bp_conv2d_options){.dilation = {INT64_MAX, 1}}),
               BP_EARG, "dilation");
    g = bp_graph_new(NULL);
    bp_val v = bp_input(g, "x", BP_F32, 3, x);
    bp_conv2d(g, v, bp_input(g, "w", BP_F32, 4, w), NULL);
    EVAL_FAILS(g, BP_ESHAPE, "4 axes", "f32[2,3,5]");
    g = bp_graph_new(NULL);
    v = bp_input(g, "x", BP_F32, 4, x);
    bp_conv2d(g, v, bp_input(g, "w", BP_F64, 4, w), NULL);
    EVAL_FAILS(g, BP_EDTYPE, "f32[2,3,5,6]", "f64[4,3,3,3]");
    g = bp_graph_new(NULL);
    bp_conv2d_dx(g, bp_input(g, "y", BP_F32, EVAL_DIMS(2, 4, 3, 3)),
                 bp_input(g, "w", BP_F32, 4, w), 5, 6, NULL);
    EVAL_FAILS(g, BP_ESHAPE, "dy is f32[2,4,3,3]", "3x4");
    g = bp_graph_new(NULL);
    bp_conv2d_dx(g, bp_input(g, "y", BP_F32, EVAL_DIMS(2, 3, 3, 4)),
                 bp_input(g, "w", BP_F32, 4, w), 5, 6, NULL);
    EVAL_FAILS(g, BP_ESHAPE, "3 channels of dy, 4 filters");
    g = bp_graph_new(NULL);
    bp_conv2d_dw(g, bp_input(g, "x", BP_F32, 4, x),
                 bp_input(g, "y", BP_F32, EVAL_DIMS(3, 4, 3, 4)), 3, 3, NULL);
    EVAL_FAILS(g, BP_ESHAPE, "2 samples of x, 3 of dy");
}

int main(void)
{
    values();
    messages();
    return t_end();
}
