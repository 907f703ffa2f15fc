/* What builders do before a node is made: axes from the end, -1 in a reshape,
 * defaults, constants' ranges; and what they say about bad arguments. */
#include "ir/ir.h"
#include "t.h"

#include <bprop/ops.h>

static bp_graph *g;
static bp_val x; /* f32[2,3,4] */

static void start(void)
{
    g = bp_graph_new(NULL);
    T_REQUIRE(g != NULL);
    x = bp_input(g, "x", BP_F32, 3, (const int64_t[]){2, 3, 4});
}

static void shape_is(bp_val v, int rank, const int64_t *dims, int line)
{
    t_check(bp_graph_status(g) == BP_OK, __FILE__, line, "%s",
            bp_graph_error(g));
    t_check(bp_val_rank(g, v) == rank, __FILE__, line, "rank %d, not %d",
            bp_val_rank(g, v), rank);
    for (int i = 0; i < rank; i++)
        t_check(bp_val_dim(g, v, i) == dims[i], __FILE__, line,
                "size %d is %lld, not %lld", i,
                (long long)bp_val_dim(g, v, i), (long long)dims[i]);
}
#define D(...) (const int64_t[]){__VA_ARGS__}
#define RANK(...) (int)(sizeof(D(__VA_ARGS__)) / sizeof(int64_t))
#define SHAPE(v, ...) shape_is(v, RANK(__VA_ARGS__), D(__VA_ARGS__), __LINE__)

static void good_arguments(void)
{
    start();
    SHAPE(bp_sum(g, x, 1, D(-1), false), 2, 3);
    SHAPE(bp_sum(g, x, 2, D(-1, 0), true), 1, 3, 1);
    SHAPE(bp_sum(g, x, 0, D(0), false), 2, 3, 4);
    SHAPE(bp_argmax(g, x, -3), 3, 4);
    SHAPE(bp_reshape(g, x, 2, D(-1, 4)), 6, 4);
    SHAPE(bp_reshape(g, x, 1, D(-1)), 24);
    SHAPE(bp_permute(g, x, D(-1, 0, 1)), 4, 2, 3);
    SHAPE(bp_slice(g, x, D(0, -2, 0), D(1, 3, -1), NULL), 1, 2, 3);
    SHAPE(bp_slice(g, x, NULL, NULL, D(2, 2, 3)), 1, 2, 2);
    SHAPE(bp_pad(g, x, D(1, 0, 0), NULL, NULL), 3, 3, 4);
    SHAPE(bp_concat(g, 2, (bp_val[]){x, x}, -2), 2, 6, 4);
    SHAPE(bp_iota(g, BP_I32, 2, D(2, 5), -1), 2, 5);
    SHAPE(bp_flip(g, x, 0, NULL), 2, 3, 4);
    bp_val i = bp_full(g, BP_I32, 1, D(5), 1);
    SHAPE(bp_gather(g, x, i, -1), 2, 3, 5);
    bp_val y = bp_gather(g, x, i, 1);
    SHAPE(bp_scatter_add(g, y, i, -2, 7), 2, 7, 4);
    SHAPE(bp_add_scalar(g, x, 0.5), 2, 3, 4);
    T_CHECK(bp_val_rank(g, bp_sum(g, x, 0, NULL, false)) == 0);
    T_CHECK(bp_val_dtype(g, bp_cast(g, x, BP_U8)) == BP_U8);
    T_CHECK(bp_graph_status(g) == BP_OK);
    bp_graph_free(g);
}

/* The expression must fail with this code and a message that holds `word`. */
#define FAILS(expr, code, word)                                              \
    do {                                                                     \
        start();                                                             \
        bp_val v_ = (expr);                                                  \
        T_CHECKF(bp_is_nil(v_) && bp_graph_status(g) == (code) &&            \
                     strstr(bp_graph_error(g), word),                        \
                 "%s: %s: %s", #expr, bp_status_name(bp_graph_status(g)),    \
                 bp_graph_error(g));                                         \
        /* Sticky: nothing more happens, the first message stays. */         \
        T_CHECK(bp_is_nil(bp_neg(g, x)));                                    \
        T_CHECK(strstr(bp_graph_error(g), word) != NULL);                    \
        bp_graph_free(g);                                                    \
    } while (0)

static void bad_arguments(void)
{
    FAILS(bp_sum(g, x, 1, D(3), false), BP_EARG, "axis 3");
    FAILS(bp_sum(g, x, 2, D(0, -3), false), BP_EARG, "twice");
    FAILS(bp_amax(g, bp_full(g, BP_F32, 2, D(0, 2), 0), 1, D(0), false),
          BP_ESHAPE, "f32[0,2]");
    FAILS(bp_argmin(g, x, -4), BP_EARG, "axis -4");
    FAILS(bp_argmin(g, bp_scalar(g, BP_F32, 1), 0), BP_EARG, "scalar");
    FAILS(bp_reshape(g, x, 2, D(5, -1)), BP_ESHAPE, "[5,-1]");
    FAILS(bp_reshape(g, x, 2, D(-1, -1)), BP_ESHAPE, "-1");
    FAILS(bp_reshape(g, x, 2, D(5, 5)), BP_ESHAPE, "24 elements");
    FAILS(bp_reshape(g, x, 9, D(1, 1, 1, 1, 1, 1, 1, 1, 24)), BP_ELIMIT,
          "rank 9");
    FAILS(bp_permute(g, x, D(0, 1, 1)), BP_EARG, "[0,1,1]");
    FAILS(bp_broadcast(g, x, 3, D(2, 3, 5)), BP_ESHAPE, "[2,3,5]");
    FAILS(bp_broadcast(g, x, 2, D(3, 4)), BP_ESHAPE, "[3,4]");
    FAILS(bp_slice(g, x, D(0, 0, 3), D(2, 3, 2), NULL), BP_ESHAPE, "axis 2");
    FAILS(bp_slice(g, x, NULL, NULL, D(1, 0, 1)), BP_ESHAPE, "step");
    FAILS(bp_pad(g, x, D(-1, 0, 0), NULL, NULL), BP_EARG, "-1");
    FAILS(bp_pad(g, x, D(INT64_MAX, 0, 0), NULL, NULL), BP_ELIMIT, "long");
    FAILS(bp_concat(g, 0, NULL, 0), BP_EARG, "at least one");
    FAILS(bp_concat(g, 2, (bp_val[]){x, BP_NIL}, 0), BP_EARG, "BP_NIL");
    FAILS(bp_gather(g, x, x, 0), BP_EDTYPE, "operand 1");
    FAILS(bp_iota(g, BP_U8, 1, D(300), 0), BP_ERANGE, "300");
    FAILS(bp_iota(g, BP_F32, 1, D(3), 1), BP_EARG, "axis 1");
    FAILS(bp_scalar(g, BP_I32, 0.5), BP_ERANGE, "0.5");
    FAILS(bp_scalar(g, BP_U8, 256), BP_ERANGE, "256");
    FAILS(bp_scalar(g, BP_I32, NAN), BP_ERANGE, "i32");
    FAILS(bp_const(g, BP_F32, 1, D(-1), NULL), BP_EARG, "-1");
    FAILS(bp_full(g, BP_F64, 2, D(INT64_MAX, 8), 0), BP_ELIMIT, "elements");
    FAILS(bp_input(g, "x", BP_F32, 0, NULL), BP_EEXIST, "\"x\"");
    FAILS(bp_input(g, "", BP_F32, 0, NULL), BP_EARG, "name");
    FAILS(bp_batch_input(g, "b", BP_F32, 0, NULL), BP_ESHAPE, "scalar");
    FAILS(bp_psum(g, x), BP_EARG, "replicated");
    FAILS(bp_add(g, x, bp_scalar(g, BP_F64, 1)), BP_EDTYPE, "f64[]");
    FAILS(bp_select(g, x, x, x), BP_EDTYPE, "operand 0");
    FAILS(bp_uniform(g, x, BP_F32, 0, NULL, 0, false), BP_EDTYPE, "key");
    FAILS(bp_bernoulli(g, bp_full(g, BP_I32, 1, D(4), 0), 1.5, 0, NULL, 0,
                       false), BP_EARG, "1.5");
    FAILS(bp_exp(g, BP_NIL), BP_EARG, "BP_NIL");
}

int main(void)
{
    good_arguments();
    bad_arguments();
    /* A value of another graph is refused, by every kind of builder. */
    start();
    bp_graph *first = g;
    bp_val alien = x;
    start();
    T_CHECK(bp_is_nil(bp_reshape(g, alien, 1, D(-1))));
    T_CHECK(strstr(bp_graph_error(g), "another graph") != NULL);
    bp_graph_free(g);
    start();
    T_CHECK(bp_is_nil(bp_permute(g, alien, D(0))));
    T_CHECK(bp_graph_status(g) == BP_EARG);
    bp_graph_free(g);
    bp_graph_free(first);
    T_CHECK(bp_is_nil(bp_relu(NULL, x)) && bp_is_nil(bp_scalar(NULL, 0, 1)));
    return t_end();
}
