/* The adjoint transform: reverse-mode differentiation that appends nodes.
 *
 * One routine, vjp_region, differentiates a range of nodes. bp_grad and bp_vjp
 * apply it to the whole graph; a composite's generated backward definition
 * applies it to the nodes of the composite's definition. Fan-in sums and
 * un-broadcasting happen here and nowhere else. A zero is structural: BP_NIL.
 */
#include "xform/xform.h"

#include <bprop/ops.h>

/* Adjoints of the values [base, base + n) and of a few values before them. */
typedef struct adjoints {
    uint32_t base, n;
    uint32_t *tab;      /* value id of the adjoint, 0: none yet */
    uint8_t *active;    /* depends on a wrt value through float paths */
    const bp_val *ext;  /* the region's inputs */
    int n_ext;
    uint32_t *ext_tab;
    uint8_t *ext_active;
} adjoints;

static bool adj_init(bp_graph *g, adjoints *t, uint32_t base, uint32_t n,
                     const bp_val *ext, int n_ext)
{
    memset(t, 0, sizeof *t);
    t->base = base;
    t->n = n;
    t->ext = ext;
    t->n_ext = n_ext;
    size_t total = (size_t)n + (size_t)n_ext;
    t->tab = bp__calloc(&g->a, total, sizeof *t->tab);
    t->active = bp__calloc(&g->a, total, 1);
    if (!t->tab || !t->active) {
        bp__free(&g->a, t->tab, total * sizeof *t->tab);
        bp__free(&g->a, t->active, total);
        bp__fail(g, BP_ENOMEM, SIZE_MAX, "out of memory");
        return false;
    }
    t->ext_tab = t->tab + n;
    t->ext_active = t->active + n;
    return true;
}

static void adj_free(bp_graph *g, adjoints *t)
{
    size_t total = (size_t)t->n + (size_t)t->n_ext;
    bp__free(&g->a, t->tab, total * sizeof *t->tab);
    bp__free(&g->a, t->active, total);
}

/* Position in the tables, or -1 for a value outside of the region. */
static int64_t adj_slot(const adjoints *t, uint32_t id)
{
    if (id >= t->base && id - t->base < t->n)
        return (int64_t)(id - t->base);
    for (int i = 0; i < t->n_ext; i++)
        if (t->ext[i].id == id)
            return (int64_t)t->n + i;
    return -1;
}

/* Sums a cotangent in broadcast shape down to the operand's shape. */
static bp_val unbroadcast(bp_graph *g, bp_val c, const bp__type *to)
{
    bp__type have = *bp__type_of(g, c);
    if (bp__same_dims(&have, to))
        return c;
    int lead = have.rank - to->rank, n = 0;
    int64_t axes[BP_MAX_RANK];
    for (int i = 0; i < have.rank; i++)
        if (i < lead || (to->dims[i - lead] == 1 && have.dims[i] != 1))
            axes[n++] = i;
    if (n)
        c = bp_sum(g, c, n, axes, true);
    if (lead)
        c = bp_reshape(g, c, to->rank, to->dims);
    return c;
}

static void accumulate(bp_graph *g, adjoints *t, uint32_t id, bp_val c)
{
    int64_t slot = adj_slot(t, id);
    if (slot < 0 || bp_is_nil(c) || !bp__ok(g))
        return;
    bp__type type = g->values[id].type;
    c = unbroadcast(g, c, &type);
    const bp__type *have = bp__type_of(g, c);
    if (bp__ok(g) && (have->dtype != type.dtype ||
                      have->varying != type.varying ||
                      !bp__same_dims(have, &type))) {
        char a[200], b[200];
        bp__fail(g, BP_EBUG, g->values[id].node,
                 "the adjoint of its result is %s, not %s",
                 bp__type_text(have, a), bp__type_text(&type, b));
        return;
    }
    uint32_t old = t->tab[slot];
    if (old)
        c = bp_add(g, bp__val(g, old), c);
    t->tab[slot] = c.id;
}

static int diff_state(const bp__opdef *d, const void *attrs, int i)
{
    if (d == &bp__op_backward) {
        /* The composite's inputs and the cotangents count; saved outputs are
         * functions of those inputs, which the definition reads anew. */
        const bp__backward_attrs *b = attrs;
        if (i < b->n_in)
            return bp__ops[b->op]->diff[i] ? BP__DIFF : BP__NONDIFF;
        return i < b->n_in + b->n_out ? BP__NONDIFF : BP__DIFF;
    }
    return d->diff[d->n_in == BP__VARIADIC ? 0 : i];
}

static bool input_active(const bp_graph *g, const adjoints *t,
                         const bp__node *n, int i)
{
    uint32_t id = g->edges[n->in + i];
    if (!bp__is_float(g->values[id].type.dtype) ||
        diff_state(bp__def_of(n), n->attrs, i) == BP__NONDIFF)
        return false;
    int64_t slot = adj_slot(t, id);
    return slot >= 0 && t->active[slot];
}

static void mark_active(const bp_graph *g, adjoints *t, size_t lo, size_t hi)
{
    for (size_t k = lo; k < hi; k++) {
        const bp__node *n = &g->nodes[k];
        bool any = false;
        for (int i = 0; i < n->n_in && !any; i++)
            any = input_active(g, t, n, i);
        for (int i = 0; any && i < n->n_out; i++)
            if (bp__is_float(g->values[n->out + (uint32_t)i].type.dtype))
                t->active[adj_slot(t, n->out + (uint32_t)i)] = 1;
    }
}

static bp_status vjp_region(bp_graph *g, size_t lo, size_t hi, uint32_t base,
                            const bp_val *y, const bp_val *dy, size_t n_y,
                            const bp_val *ext, int n_ext, const bp_val *wrt,
                            size_t n_wrt, bp_val *adj);

/* A composite whose outputs differ in variance holds a psum: its backward can
 * not be one node, since a node's operands have one variance. */
static bool mixed_variance(const bp_graph *g, const bp__node *n)
{
    bool in = n->n_in && g->values[g->edges[n->in]].type.varying;
    for (int i = 0; i < n->n_out; i++)
        if (g->values[n->out + (uint32_t)i].type.varying != in)
            return true;
    return false;
}

/* An operand that stands in two places has one adjoint, the sum of both: the
 * second place must not count it again. */
static bool repeated(const bp_val *v, size_t k)
{
    for (size_t i = 0; i < k; i++)
        if (v[i].id == v[k].id)
            return true;
    return false;
}

/* dx through the definition of node n, emitted anew. */
static void vjp_by_definition(bp_graph *g, const bp__node *n,
                              const bp_val *in, const bp_val *dy,
                              uint32_t need, bp_val *dx)
{
    bp_val y[BP__MAX_OUT], seed_y[BP__MAX_OUT], seed[BP__MAX_OUT];
    bp_val wrt[BP__MAX_OPERANDS] = {{0, 0}}, adj[BP__MAX_OPERANDS];
    size_t lo = g->n_nodes, n_y = 0, n_wrt = 0;
    uint32_t base = (uint32_t)g->n_values + 1;
    int which[BP__MAX_OPERANDS];
    bp__emit_definition(g, (bp__op)n->op, n->attrs, n->n_in, in, y);
    if (!bp__ok(g))
        return;
    for (int i = 0; i < n->n_out; i++)
        if (!bp_is_nil(dy[i])) {
            seed_y[n_y] = y[i];
            seed[n_y++] = dy[i];
        }
    for (int i = 0; i < n->n_in; i++)
        if (need >> i & 1) {
            which[n_wrt] = i;
            wrt[n_wrt++] = in[i];
        }
    vjp_region(g, lo, g->n_nodes, base, seed_y, seed, n_y, in, n->n_in, wrt,
               n_wrt, adj);
    for (size_t k = 0; bp__ok(g) && k < n_wrt; k++)
        if (!repeated(wrt, k))
            dx[which[k]] = adj[k];
}

/* One backward node for a composite. */
static void vjp_by_node(bp_graph *g, const bp__node *n, const bp_val *in,
                        const bp_val *out, const bp_val *dy, uint32_t need,
                        bp_val *dx)
{
    bp__backward_attrs at = {.op = n->op, .of = n->attrs, .n_in = n->n_in,
                             .n_out = n->n_out, .dy = 0, .dx = need};
    bp_val ops[BP__MAX_OPERANDS], res[BP__MAX_IN];
    int k = 0;
    for (int i = 0; i < n->n_in; i++)
        ops[k++] = in[i];
    for (int i = 0; i < n->n_out; i++)
        ops[k++] = out[i];
    for (int i = 0; i < n->n_out; i++)
        if (!bp_is_nil(dy[i])) {
            at.dy |= 1 << i;
            ops[k++] = dy[i];
        }
    bp__emit(g, BP__OP_backward, &at, k, ops, res);
    for (int i = 0, j = 0; bp__ok(g) && i < n->n_in; i++)
        if (need >> i & 1)
            dx[i] = res[j++];
}

/* A backward node has room for the operands, outputs and cotangents of a
 * composite with a fixed arity. */
static bool few_operands(bp_graph *g, size_t k)
{
    const bp__node *n = &g->nodes[k];
    int most = n->op == BP__OP_backward ? BP__MAX_OPERANDS : BP__MAX_IN;
    if (n->n_in > most || n->n_out > BP__MAX_OUT)
        bp__fail(g, BP_ELIMIT, k, "a composite with %d operands and %d "
                 "results: its gradient takes at most %d and %d", n->n_in,
                 n->n_out, most, (int)BP__MAX_OUT);
    return bp__ok(g);
}

static void vjp_node(bp_graph *g, adjoints *t, size_t k)
{
    const bp__node n = g->nodes[k]; /* a copy: the array may move */
    const bp__opdef *d = bp__ops[n.op];
    bp_val out[BP__MAX_OUT], dy[BP__MAX_OUT];
    bool any = false;
    for (int i = 0; i < n.n_out; i++) {
        out[i] = bp__val(g, n.out + (uint32_t)i);
        dy[i] = bp__val(g, t->tab[adj_slot(t, out[i].id)]);
        any |= !bp_is_nil(dy[i]);
    }
    if (!any)
        return;
    uint64_t need = 0;
    for (int i = 0; i < n.n_in && i < 32; i++)
        if (input_active(g, t, &n, i))
            need |= 1u << i;
    /* A long variadic node is handled as if all of it were needed. */
    if (n.n_in > 32)
        need = UINT32_MAX;
    if (!need)
        return;
    size_t bytes = (size_t)n.n_in * 2 * sizeof(bp_val);
    bp_val *in = bp__alloc(&g->a, bytes), *dx = in ? in + n.n_in : NULL;
    if (!in) {
        bp__fail(g, BP_ENOMEM, SIZE_MAX, "out of memory");
        return;
    }
    for (int i = 0; i < n.n_in; i++) {
        in[i] = bp__val(g, g->edges[n.in + i]);
        dx[i] = BP_NIL;
    }
    uint32_t scope = g->scope;
    g->scope = n.scope;
    if ((d->flags & BP__COMPOSITE) && !few_operands(g, k))
        ; /* an error */
    else if (n.op == BP__OP_backward ||
        ((d->flags & BP__COMPOSITE) && mixed_variance(g, &n)))
        vjp_by_definition(g, &n, in, dy, (uint32_t)need, dx);
    else if (d->flags & BP__COMPOSITE)
        vjp_by_node(g, &n, in, out, dy, (uint32_t)need, dx);
    else
        d->vjp(&(bp__vjp){g, n.attrs, n.n_in, n.n_out, in, out, dy, dx,
                          (uint32_t)need});
    for (int i = 0; i < n.n_in; i++)
        accumulate(g, t, in[i].id, dx[i]);
    g->scope = scope;
    bp__free(&g->a, in, bytes);
}

/* Every node between y and wrt that has no rule yet, in one message. */
static bool check_rules(bp_graph *g, const adjoints *t, size_t lo, size_t hi)
{
    char list[1200], text[300];
    size_t len = 0, count = 0;
    for (size_t k = lo; k < hi; k++) {
        const bp__node *n = &g->nodes[k];
        for (int i = 0; i < n->n_in; i++) {
            if (diff_state(bp__def_of(n), n->attrs, i) != BP__UNIMPL ||
                !input_active(g, t, n, i))
                continue;
            bp__node_text(g, k, text);
            size_t m = strlen(text);
            if (len + m + 4 < sizeof list) {
                if (len)
                    memcpy(list + len, ", ", 2), len += 2;
                memcpy(list + len, text, m);
                len += m;
            }
            count++;
            break;
        }
    }
    if (!count)
        return true;
    list[len] = '\0';
    bp__fail(g, BP_ENODIFF, SIZE_MAX,
             "no gradient rule for %zu node%s: %s", count,
             count == 1 ? "" : "s", list);
    return false;
}

static bp_status vjp_region(bp_graph *g, size_t lo, size_t hi, uint32_t base,
                            const bp_val *y, const bp_val *dy, size_t n_y,
                            const bp_val *ext, int n_ext, const bp_val *wrt,
                            size_t n_wrt, bp_val *adj)
{
    adjoints t;
    if (!bp__ok(g) || !adj_init(g, &t, base,
                                (uint32_t)g->n_values + 1 - base, ext, n_ext))
        return bp_graph_status(g);
    for (size_t i = 0; i < n_wrt; i++) {
        int64_t slot = adj_slot(&t, wrt[i].id);
        if (slot >= 0 && bp__is_float(g->values[wrt[i].id].type.dtype))
            t.active[slot] = 1;
    }
    mark_active(g, &t, lo, hi);
    if (check_rules(g, &t, lo, hi)) {
        for (size_t i = 0; i < n_y; i++)
            accumulate(g, &t, y[i].id, dy[i]);
        for (size_t k = hi; k-- > lo && bp__ok(g);)
            vjp_node(g, &t, k);
    }
    for (size_t i = 0; i < n_wrt; i++) {
        int64_t slot = adj_slot(&t, wrt[i].id);
        adj[i] = bp__ok(g) && slot >= 0 ? bp__val(g, t.tab[slot]) : BP_NIL;
    }
    adj_free(g, &t);
    return g->status;
}

static bool check_values(bp_graph *g, const bp_val *v, size_t n,
                         const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (!bp__value_of(g, v[i]) ||
            !bp__is_float(bp__type_of(g, v[i])->dtype)) {
            bp__fail(g, BP_EARG, SIZE_MAX,
                     "%s %zu is %s: gradients need f32 or f64 values", what,
                     i, bp__value_of(g, v[i]) ? "not a float"
                                              : "no value of this graph");
            return false;
        }
    return true;
}

bp_status bp_vjp(bp_graph *g, const bp_val *y, const bp_val *dy, size_t n_y,
                 const bp_val *wrt, size_t n, bp_val *adj)
{
    for (size_t i = 0; i < n; i++)
        adj[i] = BP_NIL;
    if (!bp__ok(g) || !check_values(g, y, n_y, "output") ||
        !check_values(g, dy, n_y, "cotangent") ||
        !check_values(g, wrt, n, "wrt value"))
        return bp_graph_status(g);
    for (size_t i = 0; i < n_y; i++) {
        const bp__type *a = bp__type_of(g, y[i]), *b = bp__type_of(g, dy[i]);
        char s[200], u[200];
        if (a->dtype != b->dtype || a->varying != b->varying ||
            !bp__same_dims(a, b))
            return bp__fail(g, BP_ESHAPE, SIZE_MAX,
                            "cotangent %zu is %s, its output %s", i,
                            bp__type_text(b, s), bp__type_text(a, u));
    }
    return vjp_region(g, 0, g->n_nodes, 1, y, dy, n_y, NULL, 0, wrt, n, adj);
}

/* Names the adjoints of named values; lists the wrt values without a path. */
static void finish_grad(bp_graph *g, const bp_val *wrt, size_t n, bp_val *adj)
{
    char list[1200];
    size_t len = 0, count = 0;
    for (size_t i = 0; i < n && bp__ok(g); i++) {
        const char *name = g->values[wrt[i].id].name;
        if (!bp_is_nil(adj[i])) {
            if (name && !g->values[adj[i].id].name)
                g->values[adj[i].id].name =
                    bp__arena_printf(&g->arena, "d.%s", name);
            continue;
        }
        char text[300];
        if (!name)
            name = bp__node_text(g, g->values[wrt[i].id].node, text);
        size_t m = strlen(name);
        if (len + m + 4 < sizeof list) {
            if (len)
                memcpy(list + len, ", ", 2), len += 2;
            memcpy(list + len, name, m);
            len += m;
        }
        count++;
    }
    list[len] = '\0';
    if (count)
        bp__fail(g, BP_ENODIFF, SIZE_MAX,
                 "no path from the loss to %zu value%s: %s", count,
                 count == 1 ? "" : "s", list);
    if (bp__ok(g) && g->arena.failed)
        bp__fail(g, BP_ENOMEM, SIZE_MAX, "out of memory");
}

bp_status bp_grad(bp_graph *g, bp_val loss, const bp_val *wrt, size_t n,
                  bp_val *adj)
{
    for (size_t i = 0; i < n; i++)
        adj[i] = BP_NIL;
    if (!bp__ok(g) || !check_values(g, &loss, 1, "loss") ||
        !check_values(g, wrt, n, "wrt value"))
        return bp_graph_status(g);
    const bp__type *t = bp__type_of(g, loss);
    char text[200];
    if (t->rank != 0 || t->varying)
        return bp__fail(g, BP_ESHAPE, SIZE_MAX,
                        "the loss is %s: it must be a replicated scalar, "
                        "such as bp_mean gives", bp__type_text(t, text));
    bp_val one = bp_scalar(g, (bp_dtype)t->dtype, 1.0);
    bp_vjp(g, &loss, &one, 1, wrt, n, adj);
    finish_grad(g, wrt, n, adj);
    for (size_t i = 0; !bp__ok(g) && i < n; i++)
        adj[i] = BP_NIL;
    return g->status;
}

/* The generated definition of a backward node: the composite's definition,
 * differentiated. Saved outputs are not needed here. */
static void define_backward(bp_graph *g, const bp__backward_attrs *b,
                            const bp_val *in, bp_val *out)
{
    bp_val y[BP__MAX_OUT], seed_y[BP__MAX_OUT], seed[BP__MAX_OUT];
    bp_val wrt[BP__MAX_IN] = {{0, 0}}, adj[BP__MAX_IN];
    size_t lo = g->n_nodes, n_y = 0, n_wrt = 0;
    uint32_t base = (uint32_t)g->n_values + 1;
    bp__emit_definition(g, (bp__op)b->op, b->of, (int)b->n_in, in, y);
    const bp_val *dy = in + b->n_in + b->n_out;
    for (int i = 0; i < b->n_out; i++)
        if (b->dy >> i & 1) {
            seed_y[n_y] = y[i];
            seed[n_y++] = *dy++;
        }
    for (int i = 0; i < b->n_in; i++)
        if (b->dx >> i & 1)
            wrt[n_wrt++] = in[i];
    if (!bp__ok(g))
        return;
    vjp_region(g, lo, g->n_nodes, base, seed_y, seed, n_y, in, (int)b->n_in,
               wrt, n_wrt, adj);
    for (size_t k = 0; k < n_wrt && bp__ok(g); k++) {
        out[k] = repeated(wrt, k) ? BP_NIL : adj[k];
        if (!bp_is_nil(out[k]))
            continue;
        const bp__type t = *bp__type_of(g, wrt[k]);
        out[k] = bp_full(g, (bp_dtype)t.dtype, t.rank, t.dims, 0.0);
        if (t.varying)
            out[k] = bp_spread(g, out[k]);
    }
}

void bp__emit_definition(bp_graph *g, bp__op op, const void *attrs, int n_in,
                         const bp_val *in, bp_val *out)
{
    const bp__opdef *d = bp__ops[op];
    if (!bp__ok(g))
        return;
    if (op == BP__OP_backward) {
        define_backward(g, attrs, in, out);
        return;
    }
    for (int i = 0; i < d->n_out; i++)
        out[i] = BP_NIL;
    if (!d->define) {
        bp__fail(g, BP_EBUG, SIZE_MAX, "%s has no definition", d->name);
        return;
    }
    d->define(&(bp__define){g, attrs, n_in, d->n_out, in, out});
}
