/* A graph that was traced for one row, in the form of one traced for more.
 *
 * A gradient is summed down to its operand's shape (grad.c). Where the operand
 * has one row for all samples, [1,C], that is a sum over axis 0, but none is
 * needed where there is one sample only: so the graph of a shard of one row
 * lacks sums that the graph of a shard of two rows has. They are put in here:
 * a sum over axes of size 1, which changes no value. */
#include "xform/xform.h"

#include "op/attrs.h"

typedef struct matching {
    const bp_graph *more; /* the form */
    const bp_graph *one;
    bp_graph *to;         /* its values have the numbers of `more` */
    uint32_t *map;        /* by value of `one`: value of `to` */
    uint32_t *summed;     /* by value of `to`: what an added sum is of, or 0 */
} matching;

/* Does operand i of both nodes mean the same value? */
static bool same_operand(const matching *m, const bp__node *a,
                         const bp__node *b, int i)
{
    uint32_t want = m->more->edges[a->in + (uint32_t)i];
    uint32_t have = m->map[m->one->edges[b->in + (uint32_t)i]];
    while (want != have && m->summed[want])
        want = m->summed[want];
    return want == have;
}

static bool same_form(const matching *m, const bp__node *a, const bp__node *b)
{
    if (a->op != b->op || a->n_in != b->n_in || a->n_out != b->n_out)
        return false;
    for (int i = 0; i < a->n_in; i++)
        if (!same_operand(m, a, b, i))
            return false;
    return true;
}

/* Node a of the form, with the attributes of b. */
static bool add_node(matching *m, const bp__node *a, const bp__node *b)
{
    size_t bytes = a->n_in * sizeof(bp_val);
    bp_val *in = bp__alloc(&m->to->a, bytes), out[BP__MAX_IN];
    if (!in)
        return false;
    for (int i = 0; i < a->n_in; i++)
        in[i] = bp__val(m->to, m->more->edges[a->in + (uint32_t)i]);
    m->to->scope = b->scope;
    bp__emit(m->to, (bp__op)b->op, b->attrs, b->n_in, in, out);
    bp__free(&m->to->a, in, bytes);
    for (int i = 0; i < a->n_out && bp__ok(m->to); i++) {
        const char *name = m->one->values[b->out + (uint32_t)i].name;
        m->map[b->out + (uint32_t)i] = out[i].id;
        if (out[i].id != a->out + (uint32_t)i)
            return false;
        if (name)
            bp_set_name(m->to, out[i], name);
    }
    return bp__ok(m->to);
}

/* A sum of the form that changes nothing where there is one row. */
static bool add_sum(matching *m, const bp__node *a)
{
    const bp__axes_attrs *at = a->attrs;
    if (a->op != BP__OP_sum || !at->keep)
        return false;
    uint32_t v = m->more->edges[a->in];
    bp_val x = bp__val(m->to, v);
    const bp__type *t = bp__type_of(m->to, x);
    for (int i = 0; i < at->axes.n; i++)
        if (t->dims[at->axes.d[i]] != 1)
            return false;
    m->to->scope = a->scope;
    bp_val y = bp__emit1(m->to, BP__OP_sum, at, 1, &x);
    if (y.id != a->out)
        return false;
    m->summed[y.id] = v;
    return true;
}

static bool match_all(matching *m)
{
    size_t j = 0;
    for (size_t k = 0; k < m->more->n_nodes; k++) {
        const bp__node *a = &m->more->nodes[k], *b = &m->one->nodes[j];
        if (j < m->one->n_nodes && same_form(m, a, b)) {
            if (!add_node(m, a, b))
                return false;
            j++;
        } else if (!add_sum(m, a)) {
            return false;
        }
    }
    return j == m->one->n_nodes;
}

/* Outputs and updates are those of the form, by number. */
static void add_results(matching *m)
{
    const bp_graph *g = m->more;
    m->to->scope = 0;
    for (size_t i = 0; i < g->n_outputs && bp__ok(m->to); i++)
        bp_output(m->to, g->outputs[i].name,
                  bp__val(m->to, g->outputs[i].value));
    for (size_t i = 0; i < g->n_updates && bp__ok(m->to); i++) {
        const bp__update *u = &g->updates[i];
        bp_update(m->to, u->store,
                  bp__store_var(u->store, u->var)->info.name,
                  bp__val(m->to, u->value));
    }
}

bp_graph *bp__pass_one_row(const bp_graph *more, const bp_graph *one)
{
    bp__remap r;
    matching m = {.more = more, .one = one};
    if (!bp__remap_begin(&r, one))
        return NULL;
    bp__free(&one->a, r.map, (one->n_values + 1) * sizeof *r.map);
    m.to = r.to;
    m.map = bp__calloc(&one->a, one->n_values + 1, sizeof *m.map);
    m.summed = bp__calloc(&one->a, more->n_values + 1, sizeof *m.summed);
    bool ok = m.map && m.summed && match_all(&m);
    if (ok)
        add_results(&m);
    bp__free(&one->a, m.map, (one->n_values + 1) * sizeof *m.map);
    bp__free(&one->a, m.summed, (more->n_values + 1) * sizeof *m.summed);
    if (ok && bp__ok(m.to))
        return m.to;
    bp_graph_free(m.to);
    return NULL;
}
