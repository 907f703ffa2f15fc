/* See listings.h. The functions that build graphs are quoted in doc/. */
#include "doc/listings.h"

#include "op/attrs.h"
#include "t.h"
#include "xform/xform.h"

#include <bprop/ops.h>

static int to_str(void *user, const char *text, size_t bytes)
{
    bp__str_add(user, text, bytes);
    return 0;
}

static void print_graph(bp__str *s, const bp_graph *g)
{
    bp_error err = {0};
    T_OK(bp_graph_verify(g, &err), &err);
    T_CHECK(bp_graph_print(g, to_str, s) == BP_OK);
}

/* ---- the small network of ir.md and grad.md ------------------------------ */

static bp_graph *small_network(bp_val *loss, bp_val *weights)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_graph_set_shard(g, 1, 4, 4);
    bp_val x = bp_batch_input(g, "x", BP_F32, 2, (int64_t[]){4, 3});
    bp_val t = bp_batch_input(g, "t", BP_I32, 1, (int64_t[]){4});
    bp_val w = bp_input(g, "w", BP_F32, 2, (int64_t[]){3, 2});
    bp_scope_push(g, "net");
    bp_val h = bp_tanh(g, bp_matmul(g, x, w, false, false));
    bp_scope_pop(g);
    bp_val each = bp_softmax_cross_entropy(g, h, t);
    *loss = bp_mean(g, each, 0, NULL, false);
    bp_output(g, "loss", *loss);
    *weights = w;
    return g;
}

static void print_forward(bp__str *s)
{
    bp_val loss, w;
    bp_graph *g = small_network(&loss, &w);
    print_graph(s, g);
    bp_graph_free(g);
}

static void print_gradient(bp__str *s)
{
    bp_val loss, w;
    bp_graph *g = small_network(&loss, &w);
    bp_val dw;
    bp_grad(g, loss, &w, 1, &dw);
    bp_output(g, "dw", dw);
    print_graph(s, g);
    bp_graph_free(g);
}

static bool keep_cross_entropy(void *user, const bp_graph *g, size_t node)
{
    const bp__node *n = &g->nodes[node];
    const bp__backward_attrs *b = n->attrs;
    (void)user;
    return n->op == BP__OP_softmax_cross_entropy ||
           (n->op == BP__OP_backward &&
            b->op == BP__OP_softmax_cross_entropy);
}

static bool keep_none(void *user, const bp_graph *g, size_t node)
{
    (void)user, (void)g, (void)node;
    return false;
}

/* The gradient's graph after a row of passes. */
static void print_passes(bp__str *s, bp__keep_fn keep)
{
    bp_val loss, w, dw;
    bp_error err = {0};
    bp_graph *g = small_network(&loss, &w);
    bp_grad(g, loss, &w, 1, &dw);
    bp_output(g, "dw", dw);
    bp_graph *expanded = bp__pass_expand(g, keep, NULL);
    bp_graph *placed =
        bp__pass_shards((const bp_graph *const *)&expanded, 1, &err);
    T_REQUIRE(placed != NULL);
    bp_graph *once = bp__pass_cse(placed);
    bp_graph *used = bp__pass_dce(once);
    print_graph(s, used);
    bp_graph_free(used);
    bp_graph_free(once);
    bp_graph_free(placed);
    bp_graph_free(expanded);
    bp_graph_free(g);
}

static void print_kept(bp__str *s)
{
    print_passes(s, keep_cross_entropy);
}

static void print_expanded(bp__str *s)
{
    print_passes(s, keep_none);
}

/* ---- broadcasting and fan-in ----------------------------------------------- */

static void print_fan_in(bp__str *s)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_val x = bp_input(g, "x", BP_F64, 2, (int64_t[]){3, 4});
    bp_val b = bp_input(g, "b", BP_F64, 1, (int64_t[]){4});
    bp_val y = bp_mul(g, bp_add(g, x, b), b); /* b is used twice */
    bp_val db;
    bp_grad(g, bp_sum(g, y, 0, NULL, false), &b, 1, &db);
    bp_output(g, "db", db);
    print_graph(s, g);
    bp_graph_free(g);
}

/* ---- second order ------------------------------------------------------------- */

static void print_second(bp__str *s)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_val x = bp_input(g, "x", BP_F64, 0, NULL);
    bp_val dx, d2x;
    bp_grad(g, bp_tanh(g, x), &x, 1, &dx);
    bp_grad(g, dx, &x, 1, &d2x);
    bp_output(g, "dx", dx);
    bp_output(g, "d2x", d2x);
    print_graph(s, g);
    bp_graph_free(g);
}

/* ---- closure: what each rule emits ----------------------------------------------- */

/* The ops that the rule of input i adds for the op's first case. */
static void add_rule_ops(bp__str *s, bp__op op, int i)
{
    const bp__opdef *d = bp__ops[op];
    const bp__case *c = &d->cases[0];
    bp_val in[4], out[BP__MAX_OUT], dy[BP__MAX_OUT], dx[4];
    bp_graph *g = bp_graph_new(NULL);
    for (int k = 0; k < c->n_in; k++) {
        const bp__tin *t = &c->in[k];
        char name[8];
        snprintf(name, sizeof name, "x%d", k);
        in[k] = c->varying
                    ? bp_batch_input(g, name, (bp_dtype)t->dtype, t->rank,
                                     t->dims)
                    : bp_input(g, name, (bp_dtype)t->dtype, t->rank, t->dims);
        dx[k] = BP_NIL;
    }
    bp__emit(g, op, c->attrs, c->n_in, in, out);
    for (int k = 0; k < d->n_out; k++)
        dy[k] = bp__is_float(bp__type_of(g, out[k])->dtype) ? out[k] : BP_NIL;
    const bp__node n = g->nodes[g->n_nodes - 1];
    size_t lo = g->n_nodes;
    d->vjp(&(bp__vjp){g, n.attrs, c->n_in, d->n_out, in, out, dy, dx,
                      1u << i});
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    bool seen[BP__N_OPS] = {false};
    const char *sep = "";
    for (size_t k = lo; k < g->n_nodes; k++) {
        const bp__node *m = &g->nodes[k];
        if (m->op == BP__OP_const || m->op == BP__OP_spread || seen[m->op])
            continue;
        seen[m->op] = true;
        bp__str_printf(s, "%s%s", sep, bp__def_of(m)->name);
        sep = " ";
    }
    if (lo == g->n_nodes)
        bp__str_printf(s, "%s", bp_is_nil(dx[i]) ? "0" : "dy");
    if (op == BP__OP_psum)
        bp__str_printf(s, "%sspread", sep);
    bp_graph_free(g);
}

static void print_closure(bp__str *s)
{
    for (int op = 1; op < BP__N_OPS; op++) {
        const bp__opdef *d = bp__ops[op];
        if (!d->vjp)
            continue;
        int n = d->n_in == BP__VARIADIC ? 1 : d->n_in;
        const char *sep = "  ";
        bp__str_printf(s, "%-14s", d->name);
        for (int i = 0; i < n; i++) {
            bp__str_printf(s, "%s", sep);
            if (d->diff[i] == BP__DIFF)
                add_rule_ops(s, (bp__op)op, i);
            else
                bp__str_printf(s, "-");
            sep = " | ";
        }
        bp__str_printf(s, "\n");
    }
}

/* ---- an error ------------------------------------------------------------------------ */

static void print_error(bp__str *s)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_scope_push(g, "net/0");
    bp_val x = bp_input(g, "x", BP_F32, 2, (int64_t[]){32, 784});
    bp_val w = bp_input(g, "w", BP_F32, 2, (int64_t[]){128, 10});
    bp_val y = bp_matmul(g, x, w, false, false); /* the error */
    y = bp_relu(g, y);                           /* does nothing: BP_NIL */
    bp_scope_pop(g);
    bp__str_printf(s, "%s: %s\n", bp_status_name(bp_graph_status(g)),
                   bp_graph_error(g));
    T_CHECK(bp_is_nil(y));
    bp_graph_free(g);
}

const listing listings[] = {
    {"forward", print_forward},   {"gradient", print_gradient},
    {"kept", print_kept},         {"expanded", print_expanded},
    {"fan_in", print_fan_in},     {"second", print_second},
    {"closure", print_closure},   {"error", print_error},
};
const int n_listings = (int)(sizeof listings / sizeof *listings);
