/* Adding nodes: the only place where a graph grows. */
#include "ir/attrs.h"

#include <stdio.h>

bp_status bp__infer_fail(bp__infer *q, bp_status s, const char *format, ...)
{
    if (q->status != BP_OK)
        return q->status;
    q->status = s;
    va_list ap;
    va_start(ap, format);
    bp__vsnprintf(q->message, sizeof q->message, format, ap);
    va_end(ap);
    return s;
}

bp_status bp__infer_elemwise(bp__infer *q, unsigned allowed)
{
    char a[200], b[200];
    int dtype = q->in[0].dtype;
    for (int i = 0; i < q->n_in; i++) {
        if (!(allowed >> q->in[i].dtype & 1))
            return bp__infer_fail(q, BP_EDTYPE, "operand %d is %s", i,
                                  bp__type_text(&q->in[i], a));
        if (q->in[i].dtype != dtype)
            return bp__infer_fail(
                q, BP_EDTYPE, "operands are %s and %s: cast one of them",
                bp__type_text(&q->in[0], a), bp__type_text(&q->in[i], b));
    }
    bp__type t = q->in[0];
    for (int i = 1; i < q->n_in; i++)
        if (!bp__broadcast_dims(&t, &q->in[i], &t))
            return bp__infer_fail(
                q, BP_ESHAPE,
                "%s and %s do not broadcast: sizes must be equal or 1, "
                "counted from the last axis",
                bp__type_text(&q->in[0], a), bp__type_text(&q->in[i], b));
    t.varying = q->out[0].varying;
    q->out[0] = t;
    return BP_OK;
}

enum { MANY = 16 }; /* operands kept on the stack */

/* A replicated value as a varying one: one spread node for each value. */
static bp_val spread_of(bp_graph *g, bp_val v)
{
    uint32_t have = g->values[v.id].spread;
    if (have)
        return bp__val(g, have);
    bp_val s = bp__emit1(g, BP__OP_spread, NULL, 1, &v);
    if (!bp_is_nil(s))
        g->values[v.id].spread = s.id;
    return s;
}

static bool check_inputs(bp_graph *g, const bp__opdef *def, int n_in,
                         const bp_val *in)
{
    if (def->n_in != BP__VARIADIC && n_in != def->n_in) {
        bp__fail(g, BP_EARG, SIZE_MAX, "%s takes %d operands, not %d",
                 def->name, def->n_in, n_in);
        return false;
    }
    for (int i = 0; i < n_in; i++) {
        if (bp__value_of(g, in[i]))
            continue;
        const char *scope = g->scopes[g->scope];
        bp__fail(g, BP_EARG, SIZE_MAX, "%s%s%s%s: operand %d is %s",
                 def->name, scope[0] ? " (" : "", scope, scope[0] ? ")" : "",
                 i, bp_is_nil(in[i]) ? "BP_NIL" : "a value of another graph");
        return false;
    }
    return true;
}

/* Fills types of the outputs; false and the sticky error on failure. */
static bool infer_outputs(bp_graph *g, const bp__opdef *def, const void *attrs,
                          int n_in, const bp__type *in, bool varying,
                          int n_out, bp__type *out)
{
    bp__infer q = {.g = g, .def = def, .attrs = attrs, .n_in = n_in,
                   .in = in, .out = out};
    for (int i = 0; i < n_out; i++)
        out[i].varying = varying;
    bp_status s = def->infer(&q);
    if (s != BP_OK) {
        const char *scope = g->scopes[g->scope];
        bp__fail(g, s, SIZE_MAX, "%s #%zu%s%s%s: %s", def->name, g->n_nodes,
                 scope[0] ? " (" : "", scope, scope[0] ? ")" : "",
                 q.message);
        return false;
    }
    for (int i = 0; i < n_out; i++) {
        int64_t n = 1;
        for (int k = 0; k < out[i].rank; k++) {
            int64_t d = out[i].dims[k];
            if (d < 0 || (d > 0 && n > (INT64_MAX / 64) / d)) {
                bp__fail(g, BP_ELIMIT, SIZE_MAX,
                         "%s: the result has too many elements", def->name);
                return false;
            }
            n *= d ? d : 1;
        }
        for (int k = out[i].rank; k < BP_MAX_RANK; k++)
            out[i].dims[k] = 0;
    }
    return true;
}

static int count_bits(uint64_t x)
{
    int n = 0;
    for (; x; x &= x - 1)
        n++;
    return n;
}

static int output_count(const bp__opdef *def, const void *attrs)
{
    if (def == &bp__op_backward) {
        const bp__backward_attrs *b = attrs;
        return count_bits((uint64_t)b->dx);
    }
    return def->n_out;
}

static bool add_node(bp_graph *g, bp__op op, const void *attrs, int n_in,
                     const bp_val *in, int n_out, const bp__type *types,
                     bp_val *out)
{
    const bp__opdef *def = bp__ops[op];
    const void *copy = bp__attrs_copy(&g->arena, def, attrs);
    if (g->arena.failed || g->n_values + (size_t)n_out >= UINT32_MAX ||
        !bp__grow(&g->a, &g->nodes, &g->cap_nodes, g->n_nodes + 1,
                  sizeof *g->nodes) ||
        !bp__grow(&g->a, &g->values, &g->cap_values,
                  g->n_values + 1 + (size_t)n_out, sizeof *g->values) ||
        !bp__grow(&g->a, &g->edges, &g->cap_edges,
                  g->n_edges + (size_t)n_in, sizeof *g->edges)) {
        bp__fail(g, BP_ENOMEM, SIZE_MAX, "out of memory");
        return false;
    }
    bp__node *n = &g->nodes[g->n_nodes];
    n->op = (uint16_t)op;
    n->n_in = (uint16_t)n_in;
    n->n_out = (uint16_t)n_out;
    n->in = (uint32_t)g->n_edges;
    n->out = (uint32_t)g->n_values + 1;
    n->scope = g->scope;
    n->sample = g->sample;
    n->samples = g->samples;
    n->attrs = copy;
    for (int i = 0; i < n_in; i++)
        g->edges[g->n_edges++] = in[i].id;
    for (int i = 0; i < n_out; i++) {
        bp__value *v = &g->values[++g->n_values];
        memset(v, 0, sizeof *v);
        v->node = (uint32_t)g->n_nodes;
        v->index = (uint16_t)i;
        v->type = types[i];
        out[i] = bp__val(g, (uint32_t)g->n_values);
    }
    g->n_nodes++;
    return true;
}

/* Gives all operands one variance, into `use`; returns it. */
static bool unify(bp_graph *g, bp__op op, int n_in, const bp_val *in,
                  bp_val *use)
{
    bool varying = false;
    for (int i = 0; i < n_in; i++) {
        use[i] = in[i];
        varying |= g->values[in[i].id].type.varying;
    }
    if (!varying || op == BP__OP_psum || op == BP__OP_spread)
        return varying;
    for (int i = 0; i < n_in; i++)
        if (!g->values[in[i].id].type.varying)
            use[i] = spread_of(g, in[i]);
    return true;
}

static void emit_with(bp_graph *g, bp__op op, const void *attrs, int n_in,
                      const bp_val *in, bp_val *out, bp_val *use,
                      bp__type *types)
{
    const bp__opdef *def = bp__ops[op];
    int n_out = output_count(def, attrs);
    bool varying = unify(g, op, n_in, in, use);
    if (!bp__ok(g))
        return;
    for (int i = 0; i < n_in; i++)
        types[i] = g->values[use[i].id].type;
    bp__type out_types[BP__MAX_OUT];
    memset(out_types, 0, sizeof out_types);
    if (infer_outputs(g, def, attrs, n_in, types, varying, n_out, out_types))
        add_node(g, op, attrs, n_in, use, n_out, out_types, out);
}

void bp__emit(bp_graph *g, bp__op op, const void *attrs, int n_in,
              const bp_val *in, bp_val *out)
{
    const bp__opdef *def = bp__ops[op];
    int n_out = output_count(def, attrs);
    for (int i = 0; i < n_out && i < BP__MAX_OUT; i++)
        out[i] = BP_NIL;
    if (!bp__ok(g) || !check_inputs(g, def, n_in, in))
        return;
    if (n_out > BP__MAX_OUT) {
        bp__fail(g, BP_ELIMIT, SIZE_MAX, "%s: more than %d results",
                 def->name, BP__MAX_OUT);
        return;
    }
    bp_val use[MANY];
    bp__type types[MANY];
    if (n_in <= MANY) {
        emit_with(g, op, attrs, n_in, in, out, use, types);
        return;
    }
    size_t bytes = (size_t)n_in * (sizeof(bp_val) + sizeof(bp__type));
    char *block = bp__alloc(&g->a, bytes);
    if (!block) {
        bp__fail(g, BP_ENOMEM, SIZE_MAX, "out of memory");
        return;
    }
    /* Types first: they need the larger alignment. */
    emit_with(g, op, attrs, n_in, in, out,
              (bp_val *)(void *)(block + (size_t)n_in * sizeof(bp__type)),
              (bp__type *)(void *)block);
    bp__free(&g->a, block, bytes);
}

bp_val bp__emit1(bp_graph *g, bp__op op, const void *attrs, int n_in,
                 const bp_val *in)
{
    bp_val out[BP__MAX_OUT] = {BP_NIL};
    bp__emit(g, op, attrs, n_in, in, out);
    return out[0];
}
