/* matmul: values against a product written out, batch axes, transposes, rows,
 * messages. */
#include "eval.h"

typedef struct shape {
    int rank;
    int64_t d[5];
} shape;

static bp_val input(bp_graph *g, const char *name, bp_dtype t, shape s)
{
    return bp_input(g, name, t, s.rank, s.d);
}

static size_t count(shape s)
{
    size_t n = 1;
    for (int i = 0; i < s.rank; i++)
        n *= (size_t)s.d[i];
    return n;
}

/* Element [.., r, c] of an operand seen from batch index `at` of the output,
 * whose rank is `rank`. */
static double pick(const void *p, bp_dtype t, shape s, int rank,
                   const int64_t *at, int64_t r, int64_t c, bool trans)
{
    int64_t off = 0;
    for (int i = 0; i < s.rank - 2; i++)
        off = off * s.d[i] + (s.d[i] == 1 ? 0 : at[i + rank - s.rank]);
    int64_t rows = s.d[s.rank - 2], cols = s.d[s.rank - 1];
    off = off * rows * cols + (trans ? c * cols + r : r * cols + c);
    return eval_at(p, t, (size_t)off);
}

static void check_product(bp_dtype t, shape a, shape b, bool ta, bool tb,
                          shape want)
{
    uint64_t state = 7;
    bp_graph *g = bp_graph_new(NULL);
    bp_val y = bp_matmul(g, input(g, "a", t, a), input(g, "b", t, b), ta, tb);
    bp_output(g, "y", y);
    T_REQUIRE(bp_val_rank(g, y) == want.rank);
    for (int i = 0; i < want.rank; i++)
        T_CHECK(bp_val_dim(g, y, i) == want.d[i]);
    void *pa = eval_random(&state, t, count(a), -1, 1);
    void *pb = eval_random(&state, t, count(b), -1, 1);
    eval e = eval_graph(g, (eval_in[]){{"a", pa}, {"b", pb}}, 2);
    const void *out = eval_out(&e, "y");
    int64_t m = want.d[want.rank - 2], n = want.d[want.rank - 1];
    int64_t k = a.d[a.rank - (ta ? 2 : 1)];
    for (size_t i = 0; i < count(want); i++) {
        int64_t at[5], rest = (int64_t)i / n / m;
        for (int ax = want.rank - 3; ax >= 0; ax--) {
            at[ax] = rest % want.d[ax];
            rest /= want.d[ax];
        }
        long double sum = 0;
        for (int64_t q = 0; q < k; q++)
            sum += (long double)pick(pa, t, a, want.rank, at,
                                     (int64_t)i / n % m, q, ta) *
                   pick(pb, t, b, want.rank, at, q, (int64_t)i % n, tb);
        T_NEAR(eval_at(out, t, i), (double)sum,
               eval_tol(t, (double)sum, t == BP_F32 ? 1 : (double)k + 1));
    }
    eval_free(&e);
    free(pa);
    free(pb);
    bp_graph_free(g);
}

static void values(bp_dtype t)
{
    check_product(t, (shape){2, {3, 5}}, (shape){2, {5, 71}}, false, false,
                  (shape){2, {3, 71}});
    check_product(t, (shape){2, {5, 3}}, (shape){2, {5, 33}}, true, false,
                  (shape){2, {3, 33}});
    check_product(t, (shape){2, {3, 5}}, (shape){2, {34, 5}}, false, true,
                  (shape){2, {3, 34}});
    check_product(t, (shape){2, {5, 3}}, (shape){2, {7, 5}}, true, true,
                  (shape){2, {3, 7}});
    check_product(t, (shape){4, {2, 1, 3, 4}}, (shape){3, {5, 4, 2}}, false,
                  false, (shape){4, {2, 5, 3, 2}});
    check_product(t, (shape){2, {4, 3}}, (shape){4, {2, 3, 2, 4}}, true, true,
                  (shape){4, {2, 3, 3, 2}});
    check_product(t, (shape){3, {1, 2, 3}}, (shape){3, {4, 3, 1}}, false,
                  false, (shape){3, {4, 2, 1}});
}

/* An empty inner axis gives zeros; empty outer ones give nothing. */
static void empty(void)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_val a = bp_input(g, "a", BP_F32, EVAL_DIMS(2, 0));
    bp_val b = bp_input(g, "b", BP_F32, EVAL_DIMS(0, 3));
    bp_output(g, "y", bp_matmul(g, a, b, false, false));
    bp_output(g, "z", bp_matmul(g, b, b, false, true)); /* [0,0] */
    eval e = eval_graph(g, (eval_in[]){{"a", ""}, {"b", ""}}, 2);
    const float *y = eval_out(&e, "y");
    for (int i = 0; i < 6; i++)
        T_CHECK(y[i] == 0 && !signbit(y[i]));
    eval_free(&e);
    bp_graph_free(g);
}

static bp_graph *product_of(bp_dtype t, shape a, bp_dtype u, shape b, bool ta)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_scope_push(g, "net/0");
    bp_matmul(g, input(g, "a", t, a), input(g, "b", u, b), ta, false);
    return g;
}

static void messages(void)
{
    EVAL_FAILS(product_of(BP_F32, (shape){2, {32, 784}}, BP_F32,
                          (shape){2, {128, 10}}, false),
               BP_ESHAPE, "matmul", "net/0", "f32[32,784]", "f32[128,10]",
               "784 and 128");
    EVAL_FAILS(product_of(BP_F32, (shape){2, {3, 4}}, BP_F32,
                          (shape){2, {4, 5}}, true),
               BP_ESHAPE, "f32[3,4] transposed", "3 and 4");
    EVAL_FAILS(product_of(BP_F32, (shape){2, {3, 4}}, BP_F64,
                          (shape){2, {4, 5}}, false),
               BP_EDTYPE, "f32[3,4]", "f64[4,5]", "cast");
    EVAL_FAILS(product_of(BP_I32, (shape){2, {3, 4}}, BP_I32,
                          (shape){2, {4, 5}}, false),
               BP_EDTYPE, "i32[3,4]");
    EVAL_FAILS(product_of(BP_F32, (shape){1, {4}}, BP_F32,
                          (shape){2, {4, 5}}, false),
               BP_ESHAPE, "f32[4]", "f32[4,5]", "reshape");
    EVAL_FAILS(product_of(BP_F32, (shape){3, {2, 3, 4}}, BP_F32,
                          (shape){3, {3, 4, 5}}, false),
               BP_ESHAPE, "f32[2,3,4]", "f32[3,4,5]", "broadcast");
}

int main(void)
{
    values(BP_F32);
    values(BP_F64);
    empty();
    messages();
    return t_end();
}
