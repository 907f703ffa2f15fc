/* The verifier: every invariant that ir.h states, checked anew. Passes are
 * verified in the tests after each step. */
#include "ir/ir.h"

static bp_status check_node(const bp_graph *g, size_t i, bp_error *err)
{
    char text[300], a[200], b[200];
    const bp__node *n = &g->nodes[i];
    bp__node_text(g, i, text);
    bp__type in[64], out[BP__MAX_OUT];
    memset(out, 0, sizeof out);
    if (n->n_in > BP__ARRAY_LEN(in))
        return BP_OK; /* a long concat: its inference ran when it was made */
    bool varying = false;
    for (int k = 0; k < n->n_in; k++) {
        uint32_t v = g->edges[n->in + k];
        if (v == 0 || v >= n->out)
            return bp__error(err, BP_EBUG, "%s: operand %d is %%%u, which is "
                             "not defined before it", text, k, v);
        in[k] = g->values[v].type;
        varying |= in[k].varying;
    }
    bool crosses = n->op == BP__OP_psum || n->op == BP__OP_spread;
    for (int k = 0; k < n->n_in && !crosses; k++)
        if (in[k].varying != varying)
            return bp__error(err, BP_EBUG,
                             "%s: operand %d is replicated among varying "
                             "ones: a spread is missing", text, k);
    bp__infer q = {.g = g, .def = bp__def_of(n), .attrs = n->attrs,
                   .n_in = n->n_in, .in = in, .out = out};
    for (int k = 0; k < n->n_out; k++)
        out[k].varying = varying;
    bp_status s = bp__def_of(n)->infer(&q);
    if (s != BP_OK)
        return bp__error(err, BP_EBUG, "%s: %s", text, q.message);
    for (int k = 0; k < n->n_out; k++) {
        const bp__value *v = &g->values[n->out + (uint32_t)k];
        if (v->node != i || v->index != k)
            return bp__error(err, BP_EBUG, "%s: result %d is misnumbered",
                             text, k);
        if (v->type.dtype != out[k].dtype ||
            v->type.varying != out[k].varying ||
            !bp__same_dims(&v->type, &out[k]))
            return bp__error(err, BP_EBUG, "%s: result %d is %s, should be "
                             "%s", text, k, bp__type_text(&v->type, a),
                             bp__type_text(&out[k], b));
    }
    return BP_OK;
}

bp_status bp_graph_verify(const bp_graph *g, bp_error *err)
{
    if (!g)
        return bp__oom(err);
    if (g->status != BP_OK)
        return bp__error(err, g->status, "%s", g->error);
    for (size_t i = 0; i < g->n_nodes; i++) {
        bp_status s = check_node(g, i, err);
        if (s != BP_OK)
            return s;
    }
    for (size_t i = 0; i < g->n_outputs; i++)
        if (!bp__value_of(g, bp__val(g, g->outputs[i].value)))
            return bp__error(err, BP_EBUG, "output \"%s\" has no value",
                             g->outputs[i].name);
    for (size_t i = 0; i < g->n_updates; i++) {
        const bp__value *v =
            bp__value_of(g, bp__val(g, g->updates[i].value));
        const bp__var *var = bp__store_var(g->updates[i].store,
                                           g->updates[i].var);
        if (!v || (v->type.varying && var->info.kind != BP_VAR_STATE))
            return bp__error(err, BP_EBUG, "update %zu has no replicated "
                             "value", i);
    }
    return BP_OK;
}
