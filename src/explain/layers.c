/* Layers of the network's table -> layers of the article: an entry and the
 * activation behind it make one, an entry without one has the identity, a
 * block is the layers inside it and what joins them. Where values come from is
 * read from the graph, so that no kind of layer is known here by name. */
#include "explain/explain.h"

typedef struct grouping {
    bp__arena *ar;
    const bp_nn *nn;
    const bp_graph *g;
    size_t n_records, n_forward; /* nodes of the network and its loss */
    int *maker; /* by value id: its layer, from 1; -1 - k: input k; 0: none */
    bp__ex_layers *out;
} grouping;

static const bp__kinddef *row_of(const grouping *q, size_t i)
{
    bp_nn_layer_info info;
    bp_nn_layer_get(q->nn, i, &info);
    return bp__kind_find(BP_NN_LAYERS, info.kind);
}

static bool is_activation(const bp__kinddef *r)
{
    return r && (r->part == BP__PART_ACTIVATION ||
                 r->part == BP__PART_ACTIVATION_ROW);
}

/* The record behind i and all that it holds. */
static size_t record_end(const grouping *q, size_t i)
{
    bp_nn_layer_info a, b;
    bp_nn_layer_get(q->nn, i, &a);
    size_t k = i + 1;
    while (bp_nn_layer_get(q->nn, k, &b) && b.depth > a.depth)
        k++;
    return k;
}

/* Is the value read by a node outside [lo, hi)? */
static bool read_outside(const grouping *q, uint32_t value, size_t lo,
                         size_t hi)
{
    for (size_t k = 0; k < q->n_forward; k++) {
        const bp__node *n = &q->g->nodes[k];
        for (uint32_t e = 0; (k < lo || k >= hi) && e < n->n_in; e++)
            if (q->g->edges[n->in + e] == value)
                return true;
    }
    return false;
}

static void add_input(const grouping *q, bp__ex_layer *l, uint32_t value)
{
    for (size_t i = 0; i < l->n_from; i++)
        if (l->from_val[i].id == value)
            return;
    if (l->n_from == BP__EX_INPUTS)
        return;
    l->from_val[l->n_from] = bp__val(q->g, value);
    int maker = q->maker[value];
    l->from[l->n_from++] = maker > 0 ? maker - 1 : maker;
}

/* Values that the record's own nodes read and that others have made: layers
 * inside it count as others. */
static void find_inputs(const grouping *q, bp__ex_layer *l, size_t record)
{
    const bp__layer_trace *t = bp__nn_layer_trace(q->nn, record);
    size_t child = record + 1, end = record_end(q, record);
    for (size_t k = t->lo; k < t->hi; k++) {
        while (child < end && bp__nn_layer_trace(q->nn, child)->hi <= k)
            child++;
        if (child < end && bp__nn_layer_trace(q->nn, child)->lo <= k)
            continue;
        const bp__node *n = &q->g->nodes[k];
        for (uint32_t e = 0; e < n->n_in; e++) {
            uint32_t v = q->g->edges[n->in + e];
            if (q->maker[v])
                add_input(q, l, v);
        }
    }
    if (!l->n_from && q->maker[t->in.id])
        add_input(q, l, t->in.id);
}

static bp__ex_layer *new_layer(grouping *q, const bp__kinddef *row,
                               const char *path, const char *kind)
{
    bp__ex_layer *l = &q->out->list[q->out->n++];
    *l = (bp__ex_layer){.row = row, .path = path};
    l->title = bp__arena_printf(q->ar, "%s.%s", path, kind);
    return l;
}

static void set_maker(grouping *q, bp_val v)
{
    if (!q->maker[v.id])
        q->maker[v.id] = (int)q->out->n;
}

static void add_activation(grouping *q, size_t record)
{
    const bp__layer_trace *t = bp__nn_layer_trace(q->nn, record);
    bp_nn_layer_info info;
    bp_nn_layer_get(q->nn, record, &info);
    bp__ex_layer *l = q->out->n ? &q->out->list[q->out->n - 1] : NULL;
    bool joins = l && !l->act && l->x_val.id == t->in.id &&
                 !read_outside(q, t->in.id, t->lo, t->hi);
    if (joins) {
        l->title = bp__arena_printf(q->ar, "%s + %s.%s", l->title, info.path,
                                    info.kind);
    } else {
        l = new_layer(q, NULL, info.path, info.kind);
        l->x_val = t->in;
        find_inputs(q, l, record);
    }
    l->act = row_of(q, record);
    l->y_val = t->out;
    set_maker(q, t->out);
}

static void add_records(grouping *q, size_t first, size_t end)
{
    for (size_t i = first; i < end && !q->ar->failed;) {
        const bp__kinddef *r = row_of(q, i);
        size_t next = record_end(q, i);
        if (is_activation(r)) {
            add_activation(q, i);
            i = next;
            continue;
        }
        bp_nn_layer_info info;
        bp_nn_layer_get(q->nn, i, &info);
        add_records(q, i + 1, next);
        bp__ex_layer *l = new_layer(q, r, info.path, info.kind);
        const bp__layer_trace *t = bp__nn_layer_trace(q->nn, i);
        l->x_val = l->y_val = t->out;
        find_inputs(q, l, i);
        set_maker(q, t->out);
        i = next;
    }
}

/* Inputs of the network: values of its batch inputs. */
static void mark_inputs(grouping *q)
{
    int k = 0;
    for (size_t i = 0; i < q->g->n_nodes; i++) {
        const bp__node *n = &q->g->nodes[i];
        const bp__input_attrs *at = n->attrs;
        if (n->op == BP__OP_input && at->batch)
            q->maker[n->out] = -1 - k++;
    }
}

bp_status bp__ex_group(bp__arena *ar, const bp_nn *nn, bp__ex_layers *out,
                       bp_error *err)
{
    const bp_graph *g = bp_nn_graph(nn);
    grouping q = {.ar = ar, .nn = nn, .g = g, .out = out,
                  .n_records = bp_nn_layer_count(nn),
                  .n_forward = g->n_nodes};
    out->n = 0;
    out->list = bp__arena_array(ar, q.n_records + 1, sizeof *out->list);
    q.maker = bp__arena_array(ar, g->n_values + 1, sizeof *q.maker);
    if (!out->list || !q.maker)
        return bp__oom(err);
    mark_inputs(&q);
    add_records(&q, 0, q.n_records);
    return ar->failed ? bp__oom(err) : BP_OK;
}
