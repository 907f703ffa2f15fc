/* The backward node: its types, what its inference refuses, and that it and
 * the definition it stands for give the same numbers. */
#include "eval.h"

/* softmax's backward, made by hand, against the formula. */
static void by_hand(void)
{
    const double x[3] = {1, 2, 4}, c[3] = {0.5, -1, 2};
    bp__axis_attrs axis = {0, false};
    bp__backward_attrs b = {BP__OP_softmax, &axis, 1, 1, 1, 1};
    bp_graph *g = bp_graph_new(NULL);
    bp_val v = bp_input(g, "x", BP_F64, EVAL_DIMS(3));
    bp_val y = bp_softmax(g, v, 0);
    bp_val dy = bp_input(g, "c", BP_F64, EVAL_DIMS(3));
    bp_output(g, "y", y);
    bp_val dx = bp__emit1(g, BP__OP_backward, &b, 3, (bp_val[]){v, y, dy});
    bp_output(g, "dx", dx);
    bp_error err = {0};
    T_OK(bp_graph_verify(g, &err), &err);
    eval e = eval_graph(g, (eval_in[]){{"x", x}, {"c", c}}, 2);
    const double *have = eval_out(&e, "dx"), *s = eval_out(&e, "y");
    double dot = s[0] * c[0] + s[1] * c[1] + s[2] * c[2];
    for (int i = 0; i < 3; i++)
        T_NEAR(have[i], s[i] * (c[i] - dot), 1e-15);
    eval_free(&e);
    bp_graph_free(g);
}

/* Only the adjoints that are asked for, in the order of the inputs. */
static void masks(void)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_val in[3], dx[2];
    in[0] = bp_input(g, "x", BP_F32, EVAL_DIMS(4, 5));
    in[1] = bp_input(g, "gamma", BP_F32, EVAL_DIMS(5));
    in[2] = bp_input(g, "beta", BP_F32, EVAL_DIMS(5));
    bp_val y = bp_layer_norm(g, in[0], in[1], in[2], 1, 1e-5);
    bp_grad(g, bp_sum(g, y, 0, NULL, false), (bp_val[]){in[2], in[0]}, 2, dx);
    const bp__value *a = bp__value_of(g, dx[0]), *b = bp__value_of(g, dx[1]);
    T_REQUIRE(a && b);
    T_CHECK(a->node == b->node && g->nodes[a->node].op == BP__OP_backward);
    T_CHECK(a->index == 1 && a->type.rank == 1 && b->type.rank == 2);
    const bp__backward_attrs *at = g->nodes[a->node].attrs;
    T_CHECK(at->op == BP__OP_layer_norm && at->dx == 5 && at->dy == 1);
    bp_graph_free(g);
}

static bp_graph *backward_of(bp__op op, int64_t dy, int64_t dx, bool short_dy)
{
    bp__axis_attrs axis = {0, false};
    bp__backward_attrs b = {op, &axis, 1, 1, dy, dx};
    bp_graph *g = bp_graph_new(NULL);
    bp_val v = bp_input(g, "x", BP_F64, EVAL_DIMS(3));
    bp_val y = bp_softmax(g, v, 0);
    bp_val c = bp_input(g, "c", BP_F64, EVAL_DIMS(short_dy ? 2 : 3));
    bp_val out[BP__MAX_OUT];
    bp__emit(g, BP__OP_backward, &b, 3, (bp_val[]){v, y, c}, out);
    return g;
}

static void refusals(void)
{
    bp_graph *g = backward_of(BP__OP_softmax, 1, 1, false);
    T_CHECK(bp_graph_status(g) == BP_OK);
    bp_graph_free(g);
    EVAL_FAILS(backward_of(BP__OP_exp, 1, 1, false), BP_EBUG, "of exp",
               "no definition");
    EVAL_FAILS(backward_of(BP__OP_softmax, 2, 1, false), BP_EBUG,
               "do not fit dy and dx");
    EVAL_FAILS(backward_of(BP__OP_softmax, 1, 2, false), BP_EBUG,
               "do not fit dy and dx");
    EVAL_FAILS(backward_of(BP__OP_softmax, 1, 1, true), BP_EBUG,
               "output 0 is f64[3]", "f64[2]");
}

int main(void)
{
    by_hand();
    masks();
    refusals();
    return t_end();
}
