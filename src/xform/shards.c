/* Placing shards: one graph a shard size becomes one graph without psum and
 * spread, in which every varying node stands once for each shard, every
 * replicated one once, and psum is a fixed binary tree of sums.
 *
 * Shard i takes rows [iB/S, (i+1)B/S). An empty shard is an absent leaf of the
 * tree, not a zero. The tree over [lo, hi) splits at the largest power of two
 * below its length, so that an aligned range of shards is a subtree: what a
 * rank will own later.
 *
 * A replicated value may depend on the size of its shard (an iota over the
 * rows, a constant made of their number): it then stands once for each size,
 * and its spreads take the one of their shard. An update can not.
 *
 * requires: composites that hold a psum or random numbers are expanded; the
 * graphs are traced alike (same ops in the same order). */
#include "xform/xform.h"

#include "op/attrs.h"

#include <bprop/ops.h>

#include <stdio.h>

typedef struct placing {
    const bp_graph *const *graphs;
    size_t n_graphs;
    bp_graph *to;
    int64_t shards, rows;
    const bp_graph **of; /* graph of each shard; NULL: empty */
    bp_val **map;        /* [shard][old id]; `shards` and the row after it:
                            replicated, as the first and second graph say */
    bool *sized;         /* by old id: replicated, but of its shard's size */
    size_t n_values;     /* of an old graph, and one */
    bp_error *err;
} placing;

static int64_t first_row(const placing *p, int64_t shard)
{
    return shard * p->rows / p->shards;
}

static bp_val psum_tree(placing *p, uint32_t id, int64_t lo, int64_t hi)
{
    if (hi - lo == 1)
        return p->of[lo] ? p->map[lo][id] : BP_NIL;
    int64_t half = 1;
    while (half * 2 < hi - lo)
        half *= 2;
    bp_val a = psum_tree(p, id, lo, lo + half);
    bp_val b = psum_tree(p, id, lo + half, hi);
    if (bp_is_nil(a) || bp_is_nil(b))
        return bp_is_nil(a) ? b : a;
    return bp_add(p->to, a, b);
}

/* The rows of one shard out of a batch input, or state, that holds them all. */
static bp_val rows_of_shard(placing *p, int64_t shard, bp_val whole)
{
    const bp__type *t = bp__type_of(p->to, whole);
    if (p->shards == 1)
        return whole;
    int64_t start[BP_MAX_RANK] = {0}, stop[BP_MAX_RANK];
    for (int i = 0; i < t->rank; i++)
        stop[i] = t->dims[i];
    start[0] = first_row(p, shard);
    stop[0] = first_row(p, shard + 1);
    return bp_slice(p->to, whole, start, stop, NULL);
}

static void place_varying(placing *p, int64_t shard, size_t k)
{
    const bp_graph *g = p->of[shard];
    const bp__node *n = &g->nodes[k];
    bp_val few[16], *in = few;
    size_t bytes = n->n_in * sizeof *in;
    if (n->n_in > BP__ARRAY_LEN(few) && !(in = bp__alloc(&g->a, bytes))) {
        bp__fail(p->to, BP_ENOMEM, SIZE_MAX, "out of memory");
        return;
    }
    for (int i = 0; i < n->n_in; i++)
        in[i] = p->map[shard][g->edges[n->in + i]];
    const void *attrs = n->attrs;
    bp__random_attrs random;
    if (bp__def_of(n)->flags & BP__RANDOM) {
        random = *(const bp__random_attrs *)attrs;
        int64_t row = 1;
        for (int i = 1; i < random.dims.n; i++)
            row *= random.dims.d[i];
        random.base += first_row(p, shard) * row;
        random.varying = false;
        attrs = &random;
    }
    p->to->sample = first_row(p, shard) + 1;
    p->to->samples = p->rows ? first_row(p, shard + 1) - first_row(p, shard)
                             : g->rows;
    bp__emit(p->to, (bp__op)n->op, attrs, n->n_in, in,
             &p->map[shard][n->out]);
    p->to->sample = p->to->samples = 0;
    if (in != few)
        bp__free(&g->a, in, bytes);
}

/* A batch input or a state: once as a whole, then cut. */
static void place_batch_leaf(placing *p, const bp__node *n)
{
    bp__input_attrs at;
    bp__variable_attrs var;
    const void *attrs = &at;
    p->to->sample = 1;
    if (n->op == BP__OP_variable) {
        var = *(const bp__variable_attrs *)n->attrs;
        var.rows = p->rows;
        var.batch = false;
        p->to->samples = var.rows;
        attrs = &var;
    } else {
        at = *(const bp__input_attrs *)n->attrs;
        if (p->shards > 1) /* one shard holds everything, set or not */
            at.dims.d[0] = p->rows;
        at.batch = false;
        p->to->samples = at.dims.d[0];
    }
    bp_val whole = bp__emit1(p->to, (bp__op)n->op, attrs, 0, NULL);
    p->to->sample = p->to->samples = 0;
    for (int64_t s = 0; s < p->shards; s++)
        if (p->of[s])
            p->map[s][n->out] = rows_of_shard(p, s, whole);
}

/* The replicated values as the graph of a shard has them. */
static bp_val *replicated(const placing *p, int64_t shard)
{
    return p->map[p->shards + (p->of[shard] != p->graphs[0])];
}

/* Does the replicated node differ between the two shard sizes? */
static bool depends_on_size(const placing *p, size_t k)
{
    if (p->n_graphs < 2)
        return false;
    const bp_graph *g = p->graphs[0];
    const bp__node *n = &g->nodes[k], *other = &p->graphs[1]->nodes[k];
    for (int i = 0; i < n->n_in; i++)
        if (p->sized[g->edges[n->in + (uint32_t)i]])
            return true;
    return n->op != BP__OP_psum &&
           !bp__attrs_equal(bp__def_of(n), n->attrs, other->attrs);
}

/* A replicated node, as graph `which` has it. */
static void place_replicated(placing *p, size_t k, int which)
{
    const bp_graph *g = p->graphs[which];
    const bp__node *n = &g->nodes[k];
    bp_val *rep = p->map[p->shards + which];
    bp_val few[16] = {BP_NIL}, *in = few; /* gcc for ARM warns otherwise */
    size_t bytes = n->n_in * sizeof *in;
    if (n->n_in > BP__ARRAY_LEN(few) && !(in = bp__alloc(&g->a, bytes))) {
        bp__fail(p->to, BP_ENOMEM, SIZE_MAX, "out of memory");
        return;
    }
    for (int i = 0; i < n->n_in; i++)
        in[i] = rep[g->edges[n->in + i]];
    bp__emit(p->to, (bp__op)n->op, n->attrs, n->n_in, in, &rep[n->out]);
    if (in != few)
        bp__free(&g->a, in, bytes);
}

static void place_node(placing *p, size_t k)
{
    const bp_graph *g = p->graphs[0];
    const bp__node *n = &g->nodes[k];
    bp_val *rep = p->map[p->shards];
    p->to->scope = n->scope;
    if (n->op == BP__OP_psum) {
        rep[n->out] = psum_tree(p, g->edges[n->in], 0, p->shards);
        p->map[p->shards + 1][n->out] = rep[n->out];
    } else if (n->op == BP__OP_spread) {
        for (int64_t s = 0; s < p->shards; s++)
            p->map[s][n->out] = replicated(p, s)[g->edges[n->in]];
    } else if ((n->op == BP__OP_input || n->op == BP__OP_variable) &&
               g->values[n->out].type.varying) {
        place_batch_leaf(p, n);
    } else if (n->n_out && g->values[n->out].type.varying) {
        for (int64_t s = 0; s < p->shards; s++)
            if (p->of[s])
                place_varying(p, s, k);
    } else {
        bool sized = depends_on_size(p, k);
        place_replicated(p, k, 0);
        if (sized)
            place_replicated(p, k, 1);
        for (int i = 0; i < n->n_out; i++) {
            uint32_t id = n->out + (uint32_t)i;
            p->sized[id] = sized;
            if (!sized)
                p->map[p->shards + 1][id] = rep[id];
        }
    }
    for (int i = 0; i < n->n_out && bp__ok(p->to); i++) {
        uint32_t id = n->out + (uint32_t)i;
        const char *name = g->values[id].name;
        bp_val v = g->values[id].type.varying ? p->map[0][id] : rep[id];
        if (name && !bp_is_nil(v) && !p->to->values[v.id].name)
            bp_set_name(p->to, v, name);
    }
}

/* A varying value read outside: the shards, one after the other. */
static bp_val whole_value(placing *p, uint32_t id)
{
    if (!p->graphs[0]->values[id].type.varying)
        return p->map[p->shards][id];
    if (p->shards == 1)
        return p->map[0][id];
    bp_val *parts = bp__alloc(&p->to->a,
                              (size_t)p->shards * sizeof *parts);
    if (!parts) {
        bp__fail(p->to, BP_ENOMEM, SIZE_MAX, "out of memory");
        return BP_NIL;
    }
    int n = 0;
    for (int64_t s = 0; s < p->shards; s++)
        if (p->of[s])
            parts[n++] = p->map[s][id];
    bp_val v = bp__type_of(p->to, parts[0])->rank == 0
                   ? parts[0] /* a varying scalar: only keep_all asks */
                   : bp_concat(p->to, n, parts, 0);
    bp__free(&p->to->a, parts, (size_t)p->shards * sizeof *parts);
    return v;
}

static void place_results(placing *p)
{
    const bp_graph *g = p->graphs[0];
    p->to->scope = 0;
    for (size_t i = 0; i < g->n_outputs && bp__ok(p->to); i++)
        bp_output(p->to, g->outputs[i].name,
                  whole_value(p, g->outputs[i].value));
    for (size_t i = 0; i < g->n_updates && bp__ok(p->to); i++) {
        const bp__update *u = &g->updates[i];
        const char *name = bp__store_var(u->store, u->var)->info.name;
        if (p->sized[u->value])
            bp__fail(p->to, BP_EARG, SIZE_MAX,
                     "the update of \"%s\" depends on the number of rows of a "
                     "shard, and shards come in two sizes: divide by "
                     "bp_graph_global_rows", name);
        bp_update(p->to, u->store, name, whole_value(p, u->value));
    }
}

static bool traced_alike(const bp_graph *a, const bp_graph *b)
{
    if (a->n_nodes != b->n_nodes || a->n_values != b->n_values ||
        a->shards != b->shards || a->global_rows != b->global_rows)
        return false;
    for (size_t i = 0; i < a->n_nodes; i++) {
        const bp__node *x = &a->nodes[i], *y = &b->nodes[i];
        if (x->op != y->op || x->n_in != y->n_in || x->out != y->out ||
            memcmp(a->edges + x->in, b->edges + y->in,
                   x->n_in * sizeof *a->edges) != 0)
            return false;
    }
    return true;
}

/* The graph of every shard. */
static bp_status choose_graphs(placing *p, size_t n_graphs)
{
    for (int64_t s = 0; s < p->shards; s++) {
        int64_t rows = first_row(p, s + 1) - first_row(p, s);
        p->of[s] = NULL;
        for (size_t i = 0; i < n_graphs; i++)
            if (p->graphs[i]->rows == rows)
                p->of[s] = p->graphs[i];
        if (!p->of[s] && (rows || p->rows == 0))
            return bp__error(p->err, BP_ESHAPE,
                             "shard %lld of %lld has %lld of %lld rows: no "
                             "graph was traced for that size", (long long)s,
                             (long long)p->shards, (long long)rows,
                             (long long)p->rows);
    }
    return BP_OK;
}

static bool begin_placing(placing *p, size_t n_values)
{
    const bp_allocator *a = &p->graphs[0]->a;
    size_t n = (size_t)p->shards;
    p->n_values = n_values + 1;
    p->of = bp__calloc(a, n, sizeof *p->of);
    p->map = bp__calloc(a, n + 2, sizeof *p->map);
    p->sized = bp__calloc(a, p->n_values, sizeof *p->sized);
    bp_val *all = p->map ? bp__calloc(a, (n + 2) * p->n_values, sizeof *all)
                         : NULL;
    for (size_t i = 0; all && i < n + 2; i++)
        p->map[i] = all + i * p->n_values;
    if (!p->of || !p->sized || !all)
        return false;
    return true;
}

static void end_placing(placing *p)
{
    const bp_allocator *a = &p->graphs[0]->a;
    size_t n = (size_t)p->shards;
    bp__free(a, p->of, n * sizeof *p->of);
    if (p->map)
        bp__free(a, p->map[0], (n + 2) * p->n_values * sizeof **p->map);
    bp__free(a, p->map, (n + 2) * sizeof *p->map);
    bp__free(a, p->sized, p->n_values * sizeof *p->sized);
}

static bp_graph *place_graphs(const bp_graph *const *graphs, size_t n_graphs,
                              bp_error *err)
{
    const bp_graph *g = graphs[0];
    placing p = {.graphs = graphs, .n_graphs = n_graphs, .shards = g->shards,
                 .rows = g->global_rows, .err = err};
    for (size_t i = 1; i < n_graphs; i++)
        if (!traced_alike(g, graphs[i])) {
            bp__error(err, BP_EARG, "the graphs of the two shard sizes are "
                      "not traced alike: only sizes may differ");
            return NULL;
        }
    /* A graph without a batch has one shard of everything. */
    bool ready = begin_placing(&p, g->n_values);
    bp__remap r;
    bp_graph *out = NULL;
    if (!ready || !bp__remap_begin(&r, g)) {
        bp__oom(err);
    } else if (choose_graphs(&p, n_graphs) != BP_OK) {
        bp_graph_free(r.to);
        bp__free(&g->a, r.map, (g->n_values + 1) * sizeof *r.map);
    } else {
        bp__free(&g->a, r.map, (g->n_values + 1) * sizeof *r.map);
        p.to = out = r.to;
        out->shards = 1;
        out->rows = out->global_rows = 0;
        for (size_t k = 0; k < g->n_nodes && bp__ok(out); k++)
            place_node(&p, k);
        place_results(&p);
        if (!bp__ok(out)) {
            bp__error(err, out->status, "%s", out->error);
            bp_graph_free(out);
            out = NULL;
        }
    }
    end_placing(&p);
    return out;
}

bp_graph *bp__pass_shards(const bp_graph *const *graphs, size_t n_graphs,
                          bp_error *err)
{
    bp_graph *alike = NULL;
    const bp_graph *pair[2] = {graphs[0], n_graphs > 1 ? graphs[1] : NULL};
    if (n_graphs > 1 && !traced_alike(pair[0], pair[1])) {
        int one = pair[0]->rows == 1 ? 0 : 1;
        if (pair[one]->rows == 1 &&
            (alike = bp__pass_one_row(pair[1 - one], pair[one])))
            pair[one] = alike;
    }
    bp_graph *out = place_graphs(pair, n_graphs, err);
    bp_graph_free(alike);
    return out;
}
