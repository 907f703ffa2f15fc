/* A composite with as many operands and results as a row may have: its
 * backward node has three times eight operands. One with more is refused. A
 * cell of a recurrent network is such an op; none of the table is, so a row is
 * put in its place (see test_planted.c). */
#include "op/eval.h"
#include "t.h"
#include "xform/xform.h"

#include <bprop/ops.h>

static bp_status wide_infer(bp__infer *q)
{
    for (int i = 0; i < q->def->n_out; i++) {
        uint8_t varying = q->out[i].varying;
        q->out[i] = q->in[0];
        q->out[i].varying = varying;
    }
    return BP_OK;
}

/* y_k = x_k^2 + the product of x_k and x_(k+1) */
static void wide_define(const bp__define *d)
{
    for (int k = 0; k < d->n_out; k++)
        d->out[k] = bp_add(d->g, bp_square(d->g, d->in[k]),
                           bp_mul(d->g, d->in[k],
                                  d->in[(k + 1) % d->n_in]));
}

static bp__opdef wide = {
    .name = "wide", .sig = "", .doc = "", .n_in = 8, .n_out = 8,
    .diff = {BP__DIFF, BP__DIFF, BP__DIFF, BP__DIFF, BP__DIFF, BP__DIFF,
             BP__DIFF, BP__DIFF},
    .flags = BP__COMPOSITE, .infer = wide_infer, .define = wide_define,
};

/* The sum of all results of the op, or of its definition. */
static bp_val total(bp_graph *g, const bp_val *x, bool by_definition)
{
    bp_val y[BP__MAX_OUT], sum = BP_NIL;
    if (by_definition)
        wide_define(&(bp__define){g, NULL, 8, 8, x, y});
    else
        bp__emit(g, BP__OP_dropout, NULL, 8, x, y);
    for (int k = 0; k < 8; k++) {
        bp_val part = bp_sum(g, bp_mul_scalar(g, y[k], k + 1), 1,
                             (const int64_t[]){0}, false);
        sum = k ? bp_add(g, sum, part) : part;
    }
    return sum;
}

/* Gradients of the first and the second order, as outputs d0.. and s0.. */
static bp_graph *gradients(bool by_definition)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_val x[8], d[8], s[8], all = BP_NIL;
    char name[8];
    for (int i = 0; i < 8; i++) {
        double v[3] = {0.5 * i - 1, 2 - i, 0.25 + i};
        x[i] = bp_const(g, BP_F64, 1, (const int64_t[]){3}, v);
    }
    bp_grad(g, total(g, x, by_definition), x, 8, d);
    for (int i = 0; i < 8; i++) {
        bp_val q = bp_sum(g, bp_square(g, d[i]), 1, (const int64_t[]){0},
                          false);
        all = i ? bp_add(g, all, q) : q;
    }
    bp_grad(g, all, x, 8, s);
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "d%d", i);
        bp_output(g, name, d[i]);
        snprintf(name, sizeof name, "s%d", i);
        bp_output(g, name, s[i]);
    }
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    return g;
}

static bool keep_none(void *user, const bp_graph *g, size_t node)
{
    (void)user;
    (void)g;
    (void)node;
    return false;
}

static void compare(const bp_graph *a, const bp_graph *b)
{
    bp_error err = {BP_OK, ""};
    eval *x = eval_new(a, &err), *y = eval_new(b, &err);
    T_REQUIRE(x && y && eval_run(x) && eval_run(y));
    for (size_t i = 0; i < a->n_outputs; i++) {
        const double *p = eval_output(x, a->outputs[i].name, NULL);
        const double *q = eval_output(y, a->outputs[i].name, NULL);
        T_REQUIRE(p && q);
        for (int k = 0; k < 3; k++)
            T_NEAR(p[k], q[k], 1e-12 * (1 + fabs(q[k])));
    }
    eval_free(x);
    eval_free(y);
}

int main(void)
{
    const bp__opdef *sound = bp__ops[BP__OP_dropout];
    bp__ops[BP__OP_dropout] = &wide;
    bp_graph *g = gradients(false), *plain = gradients(true);
    int most = 0;
    for (size_t k = 0; k < g->n_nodes; k++)
        if (g->nodes[k].op == BP__OP_backward)
            most = most < g->nodes[k].n_in ? g->nodes[k].n_in : most;
    T_CHECK(most == BP__MAX_OPERANDS);
    bp_graph *open = bp__pass_expand(g, keep_none, NULL);
    T_CHECKF(open && open->status == BP_OK, "%s",
             open ? bp_graph_error(open) : "out of memory");
    compare(open, plain);
    bp_graph_free(open);
    bp_graph_free(plain);
    bp_graph_free(g);
    /* One operand too many. */
    wide.n_in = BP__VARIADIC;
    g = bp_graph_new(NULL);
    bp_val x[9], y[BP__MAX_OUT], d[9];
    for (int i = 0; i < 9; i++)
        x[i] = bp_const(g, BP_F64, 1, (const int64_t[]){3},
                        (const double[]){1, 2, 3});
    bp__emit(g, BP__OP_dropout, NULL, 9, x, y);
    bp_grad(g, bp_sum(g, y[0], 1, (const int64_t[]){0}, false), x, 2, d);
    T_CHECK(bp_graph_status(g) == BP_ELIMIT);
    T_CHECKF(strstr(bp_graph_error(g), "9 operands") != NULL, "%s",
             bp_graph_error(g));
    bp_graph_free(g);
    bp__ops[BP__OP_dropout] = sound;
    return t_end();
}
