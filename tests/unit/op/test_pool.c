/* Pooling: values against windows written out, NaN, ties, places, faults,
 * transposes, messages. */
#include "eval.h"

typedef bp__pool_attrs pool;

static bp_pool2d_options options_of(const pool *a)
{
    return (bp_pool2d_options){{a->k_h, a->k_w}, {a->stride_h, a->stride_w},
                               {a->pad_top, a->pad_bottom, a->pad_left,
                                a->pad_right}, !a->count_pad};
}

/* Window (i, j) of a plane h x w: mean, largest, its place. */
typedef struct window {
    double mean, most;
    int32_t place;
    double count;
} window;

static window look(const pool *a, const double *p, int64_t h, int64_t w,
                   int64_t i, int64_t j)
{
    window r = {0, -INFINITY, -1, 0};
    double sum = 0;
    for (int64_t y = 0; y < a->k_h; y++)
        for (int64_t x = 0; x < a->k_w; x++) {
            int64_t row = i * a->stride_h - a->pad_top + y;
            int64_t col = j * a->stride_w - a->pad_left + x;
            bool in = row >= 0 && row < h && col >= 0 && col < w;
            r.count += in || a->count_pad;
            if (!in)
                continue;
            double v = p[row * w + col];
            sum += v;
            if (r.place < 0 || v > r.most) {
                r.most = v;
                r.place = (int32_t)(row * w + col);
            }
        }
    r.mean = sum / r.count;
    return r;
}

static void check_pools(const pool *a, const int64_t *d)
{
    uint64_t state = 3;
    size_t n = (size_t)(d[0] * d[1] * d[2] * d[3]);
    double *x = eval_random(&state, BP_F64, n, -2, -1);
    bp_pool2d_options o = options_of(a);
    bp_graph *g = bp_graph_new(NULL);
    bp_val vx = bp_input(g, "x", BP_F64, 4, d);
    bp_val y = bp_max_pool2d(g, vx, &o);
    bp_output(g, "max", y);
    bp_output(g, "place", bp_max_pool2d_index(g, vx, &o));
    bp_output(g, "avg", bp_avg_pool2d(g, vx, &o));
    int64_t oh = bp_val_dim(g, y, 2), ow = bp_val_dim(g, y, 3);
    eval e = eval_graph(g, &(eval_in){"x", x}, 1);
    const double *max = eval_out(&e, "max"), *avg = eval_out(&e, "avg");
    const int32_t *place = eval_out(&e, "place");
    T_CHECK(oh == (d[2] + a->pad_top + a->pad_bottom - a->k_h) / a->stride_h +
                      1);
    for (int64_t i = 0; i < d[0] * d[1] * oh * ow; i++) {
        const double *p = x + i / oh / ow * d[2] * d[3];
        window v = look(a, p, d[2], d[3], i / ow % oh, i % ow);
        T_CHECK(max[i] == v.most && place[i] == v.place);
        T_NEAR(avg[i], v.mean, 1e-14);
    }
    eval_free(&e);
    bp_graph_free(g);
    free(x);
}

/* <avg(x), c> = <x, avg_dx(c)>, and scatter against gather likewise. */
static void transposes(void)
{
    const pool a = {3, 2, 2, 1, 1, 2, 1, 0, 0, 0, false};
    bp_pool2d_options o = options_of(&a);
    uint64_t state = 5;
    const int64_t d[4] = {2, 3, 6, 5};
    double *x = eval_random(&state, BP_F64, 180, -1, 1);
    bp_graph *g = bp_graph_new(NULL);
    bp_val vx = bp_input(g, "x", BP_F64, 4, d);
    bp_val y = bp_avg_pool2d(g, vx, &o);
    bp_val index = bp_max_pool2d_index(g, vx, &o);
    bp_val c = bp_square(g, bp_sin(g, y)); /* any tensor of y's shape */
    bp_val pick = bp_pool_gather(g, vx, index);
    bp_output(g, "a", bp_sum(g, bp_mul(g, y, c), 0, NULL, false));
    bp_output(g, "b", bp_sum(g, bp_mul(g, vx, bp_avg_pool2d_dx(g, c, 6, 5,
                                                                &o)),
                             0, NULL, false));
    bp_output(g, "c", bp_sum(g, bp_mul(g, pick, c), 0, NULL, false));
    bp_output(g, "d", bp_sum(g, bp_mul(g, vx, bp_pool_scatter(g, c, index, 6,
                                                               5)),
                             0, NULL, false));
    eval e = eval_graph(g, &(eval_in){"x", x}, 1);
    T_NEAR(*(const double *)eval_out(&e, "a"),
           *(const double *)eval_out(&e, "b"), 1e-12);
    T_NEAR(*(const double *)eval_out(&e, "c"),
           *(const double *)eval_out(&e, "d"), 1e-12);
    T_CHECK(fabs(*(const double *)eval_out(&e, "a")) > 1e-3);
    T_CHECK(e.faults == 0);
    eval_free(&e);
    bp_graph_free(g);
    free(x);
}

/* The first of equal elements; the first NaN; -inf beside padding. */
static void special(void)
{
    const float nan = NAN, inf = INFINITY;
    const float x[4][4] = {{1, 3, 3, 3}, {1, nan, 5, nan}, {-inf, -inf, -inf,
                           -inf}, {0, -0.0f, -1, 0}};
    const int32_t place[4] = {1, 1, 0, 0};
    bp_pool2d_options o = {.kernel = {2, 2}};
    bp_graph *g = bp_graph_new(NULL);
    bp_val vx = bp_input(g, "x", BP_F32, EVAL_DIMS(4, 1, 2, 2));
    bp_output(g, "y", bp_max_pool2d(g, vx, &o));
    bp_output(g, "i", bp_max_pool2d_index(g, vx, &o));
    eval e = eval_graph(g, &(eval_in){"x", x}, 1);
    const float *y = eval_out(&e, "y");
    const int32_t *i = eval_out(&e, "i");
    T_CHECK(y[0] == 3 && isnan(y[1]) && y[2] == -inf && y[3] == 0);
    for (int k = 0; k < 4; k++)
        T_CHECK(i[k] == place[k]);
    eval_free(&e);
    bp_graph_free(g);
}

static void faults(void)
{
    const double x[4] = {1, 2, 3, 4};
    const int32_t at[4] = {0, 4, -1, 3};
    bp_graph *g = bp_graph_new(NULL);
    bp_val vx = bp_input(g, "x", BP_F64, EVAL_DIMS(1, 1, 2, 2));
    bp_val vi = bp_input(g, "i", BP_I32, EVAL_DIMS(1, 1, 1, 4));
    bp_val y = bp_pool_gather(g, vx, vi);
    bp_output(g, "y", y);
    bp_output(g, "z", bp_pool_scatter(g, y, vi, 2, 2));
    eval e = eval_graph(g, (eval_in[]){{"x", x}, {"i", at}}, 2);
    const double *have = eval_out(&e, "y"), *back = eval_out(&e, "z");
    T_CHECK(e.faults == 4);
    T_CHECK(have[0] == 1 && have[1] == 0 && have[2] == 0 && have[3] == 4);
    T_CHECK(back[0] == 1 && back[1] == 0 && back[2] == 0 && back[3] == 4);
    eval_free(&e);
    bp_graph_free(g);
}

static bp_graph *pool_of(bp_pool2d_options o, int rank, bool avg)
{
    const int64_t d[4] = {2, 3, 5, 6};
    bp_graph *g = bp_graph_new(NULL);
    bp_val x = bp_input(g, "x", BP_F32, rank, d);
    if (avg)
        bp_avg_pool2d(g, x, &o);
    else
        bp_max_pool2d(g, x, &o);
    return g;
}

static void messages(void)
{
    for (int avg = 0; avg < 2; avg++) {
        EVAL_FAILS(pool_of((bp_pool2d_options){.kernel = {6, 1}}, 4, avg),
                   BP_ESHAPE, "6 rows", "of 5");
        EVAL_FAILS(pool_of((bp_pool2d_options){.kernel = {2, 2},
                                               .padding = {0, 0, 2, 0}}, 4,
                           avg),
                   BP_EARG, "padding 2", "kernel of 2", "padding alone");
        EVAL_FAILS(pool_of((bp_pool2d_options){.kernel = {2, 0}}, 4, avg),
                   BP_EARG, "kernel 0");
        EVAL_FAILS(pool_of((bp_pool2d_options){.kernel = {2, 2},
                                               .stride = {1, 0}}, 4, avg),
                   BP_EARG, "stride 0");
        EVAL_FAILS(pool_of((bp_pool2d_options){.kernel = {2, 2}}, 3, avg),
                   BP_ESHAPE, "4 axes", "f32[2,3,5]");
    }
    bp_graph *g = bp_graph_new(NULL);
    bp_pool_gather(g, bp_input(g, "x", BP_F32, EVAL_DIMS(2, 3, 4, 5)),
                   bp_input(g, "i", BP_I32, EVAL_DIMS(2, 1, 1, 1)));
    EVAL_FAILS(g, BP_ESHAPE, "f32[2,3,4,5]", "i32[2,1,1,1]", "channels");
    g = bp_graph_new(NULL);
    bp_pool_scatter(g, bp_input(g, "x", BP_F32, EVAL_DIMS(2, 3, 2, 2)),
                    bp_input(g, "i", BP_I32, EVAL_DIMS(2, 3, 2, 1)), 4, 4);
    EVAL_FAILS(g, BP_ESHAPE, "f32[2,3,2,2]", "i32[2,3,2,1]", "same shape");
    g = bp_graph_new(NULL);
    bp_pool_scatter(g, bp_input(g, "x", BP_F32, EVAL_DIMS(2, 3, 2, 2)),
                    bp_input(g, "i", BP_I32, EVAL_DIMS(2, 3, 2, 2)), 65536,
                    65536);
    EVAL_FAILS(g, BP_ELIMIT, "65536x65536");
    g = bp_graph_new(NULL);
    bp_avg_pool2d_dx(g, bp_input(g, "y", BP_F32, EVAL_DIMS(2, 3, 2, 2)), 5, 5,
                     &(bp_pool2d_options){.kernel = {2, 2}, .stride = {1, 1}});
    EVAL_FAILS(g, BP_ESHAPE, "f32[2,3,2,2]", "5x5", "4x4");
}

int main(void)
{
    for (int i = 0; i < bp__op_avg_pool2d.n_cases; i++)
        check_pools(bp__op_avg_pool2d.cases[i].attrs,
                    bp__op_avg_pool2d.cases[i].in[0].dims);
    check_pools(&(pool){5, 4, 3, 2, 4, 2, 3, 1, 0, 0, false},
                (int64_t[]){2, 2, 17, 13});
    transposes();
    special();
    faults();
    messages();
    return t_end();
}
