/* Copying a graph node by node into a new one: what every pass stands on.
 * Also the two simplest passes, dead code and common subexpressions. */
#include "xform/xform.h"

/* The new graph gets the old one's scopes under the same numbers. */
static bool copy_scopes(bp_graph *to, const bp_graph *from)
{
    if (!bp__grow(&to->a, &to->scopes, &to->cap_scopes, from->n_scopes,
                  sizeof *to->scopes) ||
        !bp__grow(&to->a, &to->scope_up, &to->cap_scope_up, from->n_scopes,
                  sizeof *to->scope_up))
        return false;
    for (size_t i = 1; i < from->n_scopes; i++) {
        to->scopes[i] = bp__arena_strdup(&to->arena, from->scopes[i]);
        to->scope_up[i] = from->scope_up[i];
    }
    to->n_scopes = from->n_scopes;
    return !to->arena.failed;
}

static bool copy_stores(bp_graph *to, const bp_graph *from)
{
    if (!bp__grow(&to->a, &to->stores, &to->cap_stores, from->n_stores,
                  sizeof *to->stores))
        return false;
    for (size_t i = 0; i < from->n_stores; i++)
        to->stores[to->n_stores++] = bp_store_retain(from->stores[i]);
    return true;
}

bool bp__remap_begin(bp__remap *r, const bp_graph *from)
{
    r->from = from;
    r->to = bp_graph_new(&from->a);
    r->map = bp__calloc(&from->a, from->n_values + 1, sizeof *r->map);
    if (!r->to || !r->map || !copy_scopes(r->to, from) ||
        !copy_stores(r->to, from)) {
        bp_graph_free(r->to);
        bp__free(&from->a, r->map, (from->n_values + 1) * sizeof *r->map);
        return false;
    }
    r->to->shards = from->shards;
    r->to->rows = from->rows;
    r->to->global_rows = from->global_rows;
    return true;
}

void bp__remap_operands(const bp__remap *r, const bp__node *n, bp_val *in)
{
    for (int i = 0; i < n->n_in; i++)
        in[i] = r->map[r->from->edges[n->in + i]];
}

void bp__remap_place(bp__remap *r, const bp__node *n)
{
    r->to->scope = n->scope;
    r->to->sample = n->sample;
    r->to->samples = n->samples;
}

void bp__remap_names(bp__remap *r, const bp__node *n)
{
    for (int i = 0; i < n->n_out; i++) {
        uint32_t id = n->out + (uint32_t)i;
        const char *name = r->from->values[id].name;
        if (name && !bp_is_nil(r->map[id]) &&
            !r->to->values[r->map[id].id].name)
            bp_set_name(r->to, r->map[id], name);
    }
}

void bp__remap_node(bp__remap *r, size_t i)
{
    const bp__node *n = &r->from->nodes[i];
    bp_val few[16], *in = few;
    size_t bytes = n->n_in * sizeof *in;
    if (n->n_in > BP__ARRAY_LEN(few) &&
        !(in = bp__alloc(&r->from->a, bytes))) {
        bp__fail(r->to, BP_ENOMEM, SIZE_MAX, "out of memory");
        return;
    }
    bp__remap_operands(r, n, in);
    bp__remap_place(r, n);
    bp__emit(r->to, (bp__op)n->op, n->attrs, n->n_in, in, &r->map[n->out]);
    if (in != few)
        bp__free(&r->from->a, in, bytes);
    bp__remap_names(r, n);
}

bp_graph *bp__remap_end(bp__remap *r)
{
    const bp_graph *from = r->from;
    bp_graph *to = r->to;
    to->scope = 0;
    for (size_t i = 0; i < from->n_outputs && bp__ok(to); i++)
        bp_output(to, from->outputs[i].name,
                  r->map[from->outputs[i].value]);
    for (size_t i = 0; i < from->n_updates && bp__ok(to); i++) {
        const bp__update *u = &from->updates[i];
        bp_update(to, u->store, bp__store_var(u->store, u->var)->info.name,
                  r->map[u->value]);
    }
    bp__free(&from->a, r->map, (from->n_values + 1) * sizeof *r->map);
    r->map = NULL;
    return to;
}

/* ---- dce ----------------------------------------------------------------- */

static void mark_needed(const bp_graph *g, uint8_t *need)
{
    for (size_t i = 0; i < g->n_outputs; i++)
        need[g->values[g->outputs[i].value].node] = 1;
    for (size_t i = 0; i < g->n_updates; i++)
        need[g->values[g->updates[i].value].node] = 1;
    for (size_t k = g->n_nodes; k-- > 0;)
        for (int i = 0; need[k] && i < g->nodes[k].n_in; i++)
            need[g->values[g->edges[g->nodes[k].in + i]].node] = 1;
}

bp_graph *bp__pass_dce(const bp_graph *g)
{
    bp__remap r;
    uint8_t *need = bp__calloc(&g->a, g->n_nodes, 1);
    if (!need || !bp__remap_begin(&r, g)) {
        bp__free(&g->a, need, g->n_nodes);
        return NULL;
    }
    mark_needed(g, need);
    for (size_t k = 0; k < g->n_nodes; k++) {
        /* An input stays: it is part of the program's interface. */
        if (need[k] || g->nodes[k].op == BP__OP_input)
            bp__remap_node(&r, k);
    }
    bp__free(&g->a, need, g->n_nodes);
    return bp__remap_end(&r);
}

/* ---- cse ----------------------------------------------------------------- */

typedef struct cse_slot {
    uint64_t hash;
    uint32_t node_plus_1; /* in the new graph */
} cse_slot;

static uint64_t node_hash(const bp__node *n, const bp_val *in)
{
    uint64_t h = bp__hash(BP__HASH_INIT, &n->op, sizeof n->op);
    for (int i = 0; i < n->n_in; i++)
        h = bp__hash(h, &in[i].id, sizeof in[i].id);
    return bp__attrs_hash(bp__def_of(n), n->attrs, h);
}

static bool same_node(const bp_graph *to, const bp__node *a, const bp__node *n,
                      const bp_val *in)
{
    if (a->op != n->op || a->n_in != n->n_in || a->n_out != n->n_out)
        return false;
    for (int i = 0; i < n->n_in; i++)
        if (to->edges[a->in + i] != in[i].id)
            return false;
    return bp__attrs_equal(bp__def_of(n), a->attrs, n->attrs);
}

static void cse_node(bp__remap *r, size_t k, cse_slot *slots, size_t n_slots)
{
    const bp__node *n = &r->from->nodes[k];
    bp_val in[16];
    if (n->n_in > BP__ARRAY_LEN(in)) {
        bp__remap_node(r, k);
        return;
    }
    bp__remap_operands(r, n, in);
    uint64_t h = node_hash(n, in);
    size_t i = (size_t)h & (n_slots - 1);
    for (; slots[i].node_plus_1; i = (i + 1) & (n_slots - 1)) {
        if (slots[i].hash != h)
            continue;
        const bp__node *a = &r->to->nodes[slots[i].node_plus_1 - 1];
        if (!same_node(r->to, a, n, in))
            continue;
        for (int o = 0; o < n->n_out; o++)
            r->map[n->out + (uint32_t)o] =
                bp__val(r->to, a->out + (uint32_t)o);
        return;
    }
    bp__remap_node(r, k);
    if (bp__ok(r->to))
        slots[i] = (cse_slot){h, (uint32_t)r->to->n_nodes};
}

bp_graph *bp__pass_cse(const bp_graph *g)
{
    size_t n_slots = 16;
    while (n_slots < 2 * g->n_nodes)
        n_slots *= 2;
    bp__remap r;
    cse_slot *slots = bp__calloc(&g->a, n_slots, sizeof *slots);
    if (!slots || !bp__remap_begin(&r, g)) {
        bp__free(&g->a, slots, n_slots * sizeof *slots);
        return NULL;
    }
    for (size_t k = 0; k < g->n_nodes && bp__ok(r.to); k++)
        cse_node(&r, k, slots, n_slots);
    bp__free(&g->a, slots, n_slots * sizeof *slots);
    return bp__remap_end(&r);
}

/* ---- expansion of composites ----------------------------------------------*/

static bool is_composite(const bp__node *n)
{
    return n->op == BP__OP_backward ||
           (bp__def_of(n)->flags & BP__COMPOSITE) != 0;
}

static bool expand_once(const bp_graph *g, bp__keep_fn keep, void *user,
                        bp_graph **result)
{
    bp__remap r;
    bool any = false;
    *result = NULL;
    if (!bp__remap_begin(&r, g))
        return false;
    for (size_t k = 0; k < g->n_nodes && bp__ok(r.to); k++) {
        const bp__node *n = &g->nodes[k];
        if (!is_composite(n) || keep(user, g, k)) {
            bp__remap_node(&r, k);
            continue;
        }
        bp_val in[BP__MAX_OPERANDS];
        if (n->n_in > BP__ARRAY_LEN(in)) {
            bp__fail(r.to, BP_ELIMIT, SIZE_MAX, "%s has %d operands: a "
                     "composite takes at most %d", bp__def_of(n)->name,
                     n->n_in, (int)BP__MAX_OPERANDS);
            break;
        }
        bp__remap_operands(&r, n, in);
        bp__remap_place(&r, n);
        bp__emit_definition(r.to, (bp__op)n->op, n->attrs, n->n_in, in,
                            &r.map[n->out]);
        any = true;
    }
    *result = bp__remap_end(&r);
    return any;
}

bp_graph *bp__pass_expand(const bp_graph *g, bp__keep_fn keep, void *user)
{
    bp_graph *next = NULL;
    bool again = expand_once(g, keep, user, &next);
    while (again && bp__ok(next)) {
        bp_graph *last = next;
        again = expand_once(last, keep, user, &next);
        bp_graph_free(last);
    }
    return next;
}
