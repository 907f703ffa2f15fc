/* The graph object: errors, scopes, inputs and outputs, updates, queries. */
#include "ir/attrs.h"

#include <stdio.h>

bp_graph *bp_graph_new(const bp_allocator *a)
{
    if (!a)
        a = &bp__malloc_allocator;
    bp_graph *g = bp__calloc(a, 1, sizeof *g);
    if (!g)
        return NULL;
    g->a = *a;
    bp__arena_init(&g->arena, a);
    /* Distinct for graphs that live at the same time. */
    g->id = (uint32_t)((uintptr_t)g >> 4) | 1u;
    g->shards = 1;
    g->error = g->error_buf;
    bool ok = bp__grow(a, &g->scopes, &g->cap_scopes, 1, sizeof *g->scopes) &&
              bp__grow(a, &g->scope_up, &g->cap_scope_up, 1,
                       sizeof *g->scope_up) &&
              bp__grow(a, &g->values, &g->cap_values, 1, sizeof *g->values);
    if (!ok) {
        bp_graph_free(g);
        return NULL;
    }
    g->scopes[0] = "";
    g->scope_up[0] = 0;
    g->n_scopes = 1;
    memset(&g->values[0], 0, sizeof g->values[0]);
    return g;
}

void bp_graph_free(bp_graph *g)
{
    if (!g)
        return;
    bp_allocator a = g->a;
    for (size_t i = 0; i < g->n_stores; i++)
        bp_store_free(g->stores[i]);
    bp__free(&a, g->nodes, g->cap_nodes * sizeof *g->nodes);
    bp__free(&a, g->values, g->cap_values * sizeof *g->values);
    bp__free(&a, g->edges, g->cap_edges * sizeof *g->edges);
    bp__free(&a, g->scopes, g->cap_scopes * sizeof *g->scopes);
    bp__free(&a, g->scope_up, g->cap_scope_up * sizeof *g->scope_up);
    bp__free(&a, g->outputs, g->cap_outputs * sizeof *g->outputs);
    bp__free(&a, g->updates, g->cap_updates * sizeof *g->updates);
    bp__free(&a, g->update_slots, g->n_update_slots * sizeof *g->update_slots);
    bp__free(&a, g->stores, g->cap_stores * sizeof *g->stores);
    bp__arena_free(&g->arena);
    bp__free(&a, g, sizeof *g);
}

bp_status bp_graph_status(const bp_graph *g)
{
    return g ? g->status : BP_ENOMEM;
}

const char *bp_graph_error(const bp_graph *g)
{
    return g ? g->error : "out of memory";
}

bp_status bp__graph_error(const bp_graph *g, bp_error *err)
{
    bp_status st = bp_graph_status(g);
    if (st)
        bp__error(err, st, "%s", g ? bp_graph_error(g) : bp_status_text(st));
    return st;
}

void bp__count_uses(const bp_graph *g, uint32_t *uses)
{
    for (size_t e = 0; e < g->n_edges; e++)
        uses[g->edges[e]]++;
    for (size_t i = 0; i < g->n_outputs; i++)
        uses[g->outputs[i].value]++;
    for (size_t i = 0; i < g->n_updates; i++)
        uses[g->updates[i].value]++;
}

const char *bp__node_text(const bp_graph *g, size_t node, char *buf)
{
    if (node >= g->n_nodes) {
        snprintf(buf, 300, "graph");
        return buf;
    }
    const bp__node *n = &g->nodes[node];
    const char *scope = g->scopes[n->scope];
    snprintf(buf, 300, scope[0] ? "%s #%zu (%.200s)" : "%s #%zu",
             bp__def_of(n)->name, node, scope);
    return buf;
}

static void cut_message(bp_graph *g, int n)
{
    if (n >= (int)sizeof g->error_buf)
        memcpy(g->error_buf + sizeof g->error_buf - 4, "...", 4);
}

bp_status bp__fail(bp_graph *g, bp_status s, size_t node, const char *format,
                   ...)
{
    if (!g || g->status != BP_OK)
        return g ? g->status : BP_ENOMEM;
    g->status = s;
    size_t n = 0;
    if (node != SIZE_MAX) {
        char text[300];
        n = (size_t)snprintf(g->error_buf, sizeof g->error_buf, "%s: ",
                             bp__node_text(g, node, text));
    }
    va_list ap;
    va_start(ap, format);
    int m = bp__vsnprintf(g->error_buf + n, sizeof g->error_buf - n, format,
                          ap);
    va_end(ap);
    cut_message(g, (int)n + m);
    return s;
}

bp_status bp_graph_fail(bp_graph *g, bp_status s, const char *format, ...)
{
    if (!g || g->status != BP_OK)
        return bp_graph_status(g);
    g->status = s == BP_OK ? BP_EARG : s;
    va_list ap;
    va_start(ap, format);
    const char *scope = g->scopes[g->scope];
    int n = scope[0] ? snprintf(g->error_buf, 300, "%.250s: ", scope) : 0;
    int m = bp__vsnprintf(g->error_buf + n, sizeof g->error_buf - (size_t)n,
                          format, ap);
    va_end(ap);
    cut_message(g, n + m);
    return g->status;
}

void bp_graph_set_shard(bp_graph *g, int64_t shards, int64_t rows,
                        int64_t global_rows)
{
    if (!bp__ok(g))
        return;
    if (g->n_nodes || shards < 1 || rows < 0 || rows > global_rows) {
        bp__fail(g, BP_EARG, SIZE_MAX,
                 "shard of %lld rows out of %lld in %lld shards: must be set "
                 "before the first node, with 0 <= rows <= global rows and "
                 "at least 1 shard", (long long)rows, (long long)global_rows,
                 (long long)shards);
        return;
    }
    g->shards = shards;
    g->rows = rows;
    g->global_rows = global_rows;
}

int64_t bp_graph_shards(const bp_graph *g)
{
    return g ? g->shards : 1;
}

int64_t bp_graph_rows(const bp_graph *g)
{
    return g ? g->rows : 0;
}

int64_t bp_graph_global_rows(const bp_graph *g)
{
    return g ? g->global_rows : 0;
}

void bp_scope_push(bp_graph *g, const char *name)
{
    if (!bp__ok(g))
        return;
    const char *up = g->scopes[g->scope];
    char *path = bp__arena_printf(&g->arena, up[0] ? "%s/%s" : "%s%s", up,
                                  name);
    if (!path ||
        !bp__grow(&g->a, &g->scopes, &g->cap_scopes, g->n_scopes + 1,
                  sizeof *g->scopes) ||
        !bp__grow(&g->a, &g->scope_up, &g->cap_scope_up, g->n_scopes + 1,
                  sizeof *g->scope_up)) {
        bp__fail(g, BP_ENOMEM, SIZE_MAX, "out of memory");
        return;
    }
    g->scopes[g->n_scopes] = path;
    g->scope_up[g->n_scopes] = g->scope;
    g->scope = (uint32_t)g->n_scopes++;
}

void bp_scope_pop(bp_graph *g)
{
    if (g && g->scope)
        g->scope = g->scope_up[g->scope];
}

bp_val bp__val(const bp_graph *g, uint32_t id)
{
    return id ? (bp_val){id, g->id} : BP_NIL;
}

const bp__value *bp__value_of(const bp_graph *g, bp_val v)
{
    if (!g || v.id == 0 || v.graph != g->id || v.id > g->n_values)
        return NULL;
    return &g->values[v.id];
}

const bp__type *bp__type_of(const bp_graph *g, bp_val v)
{
    static const bp__type nil = {.dtype = BP_F32};
    const bp__value *x = bp__value_of(g, v);
    return x ? &x->type : &nil;
}

bp_dtype bp_val_dtype(const bp_graph *g, bp_val v)
{
    return (bp_dtype)bp__type_of(g, v)->dtype;
}

int bp_val_rank(const bp_graph *g, bp_val v)
{
    const bp__value *x = bp__value_of(g, v);
    return x ? x->type.rank : -1;
}

int64_t bp_val_dim(const bp_graph *g, bp_val v, int axis)
{
    const bp__value *x = bp__value_of(g, v);
    int i = x ? bp__axis(axis, x->type.rank) : -1;
    return i < 0 ? -1 : x->type.dims[i];
}

int64_t bp_val_numel(const bp_graph *g, bp_val v)
{
    const bp__value *x = bp__value_of(g, v);
    return x ? bp__numel(&x->type) : -1;
}

bool bp_val_varying(const bp_graph *g, bp_val v)
{
    return bp__type_of(g, v)->varying;
}

size_t bp_graph_node_count(const bp_graph *g)
{
    return g ? g->n_nodes : 0;
}

static bool check_value(bp_graph *g, bp_val v, const char *what)
{
    if (!bp__ok(g))
        return false;
    if (!bp__value_of(g, v)) {
        bp__fail(g, BP_EARG, SIZE_MAX, "%s: not a value of this graph", what);
        return false;
    }
    return true;
}

void bp_set_name(bp_graph *g, bp_val v, const char *name)
{
    if (check_value(g, v, "set_name") &&
        !(g->values[v.id].name = bp__arena_strdup(&g->arena, name)))
        bp__fail(g, BP_ENOMEM, SIZE_MAX, "out of memory");
}

void bp_output(bp_graph *g, const char *name, bp_val value)
{
    if (!check_value(g, value, "output"))
        return;
    for (size_t i = 0; i < g->n_outputs; i++)
        if (strcmp(g->outputs[i].name, name) == 0) {
            bp__fail(g, BP_EEXIST, SIZE_MAX,
                     "output \"%s\" exists already: names are unique", name);
            return;
        }
    char *s = bp__arena_strdup(&g->arena, name);
    if (!s || !bp__grow(&g->a, &g->outputs, &g->cap_outputs,
                        g->n_outputs + 1, sizeof *g->outputs)) {
        bp__fail(g, BP_ENOMEM, SIZE_MAX, "out of memory");
        return;
    }
    g->outputs[g->n_outputs++] = (bp__output){s, value.id};
}

static bool retain_store(bp_graph *g, bp_store *s)
{
    for (size_t i = 0; i < g->n_stores; i++)
        if (g->stores[i] == s)
            return true;
    if (!bp__grow(&g->a, &g->stores, &g->cap_stores, g->n_stores + 1,
                  sizeof *g->stores)) {
        bp__fail(g, BP_ENOMEM, SIZE_MAX, "out of memory");
        return false;
    }
    g->stores[g->n_stores++] = bp_store_retain(s);
    return true;
}

bp_val bp_variable(bp_graph *g, bp_store *s, const char *name)
{
    if (!bp__ok(g))
        return BP_NIL;
    int64_t i = s ? bp_store_find(s, name) : -1;
    if (i < 0) {
        bp__fail(g, BP_ENOTFOUND, SIZE_MAX, "no variable \"%s\" in the store",
                 name);
        return BP_NIL;
    }
    if (!retain_store(g, s))
        return BP_NIL;
    bool state = bp__store_var(s, (size_t)i)->info.kind == BP_VAR_STATE;
    if (state && g->rows < 1) {
        bp__fail(g, BP_EARG, SIZE_MAX, "state \"%s\" has a row a sample: call "
                 "bp_graph_set_shard before the first node", name);
        return BP_NIL;
    }
    bp__variable_attrs at = {.store = s, .name = name, .index = i,
                             .rows = state ? g->rows : 0, .batch = state};
    bp_val v = bp__emit1(g, BP__OP_variable, &at, 0, NULL);
    bp_set_name(g, v, name);
    return v;
}

/* The slot of the variable's update, or the free one where it belongs. */
static uint32_t *update_slot(const bp_graph *g, uint32_t *slots,
                             size_t n_slots, const bp_store *s, uint32_t var)
{
    uint64_t h = (var + ((uint64_t)(uintptr_t)s << 20)) * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(h >> 32) & (n_slots - 1);
    for (;; i = (i + 1) & (n_slots - 1)) {
        const bp__update *u = slots[i] ? &g->updates[slots[i] - 1] : NULL;
        if (!u || (u->store == s && u->var == var))
            return &slots[i];
    }
}

/* Room for one more update, and for a slot of it. */
static bool grow_updates(bp_graph *g)
{
    if (!bp__grow(&g->a, &g->updates, &g->cap_updates, g->n_updates + 1,
                  sizeof *g->updates))
        return false;
    if (g->n_update_slots > 2 * g->n_updates)
        return true;
    size_t n = g->n_update_slots ? 2 * g->n_update_slots : 16;
    uint32_t *slots = bp__calloc(&g->a, n, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < g->n_updates; i++)
        *update_slot(g, slots, n, g->updates[i].store, g->updates[i].var) =
            (uint32_t)i + 1;
    bp__free(&g->a, g->update_slots,
             g->n_update_slots * sizeof *g->update_slots);
    g->update_slots = slots;
    g->n_update_slots = n;
    return true;
}

void bp_update(bp_graph *g, bp_store *s, const char *name, bp_val value)
{
    if (!check_value(g, value, name))
        return;
    int64_t i = s ? bp_store_find(s, name) : -1;
    if (i < 0) {
        bp__fail(g, BP_ENOTFOUND, SIZE_MAX,
                 "update of \"%s\": no such variable in the store", name);
        return;
    }
    const bp__var *var = bp__store_var(s, (size_t)i);
    bp__type want = bp__make_type(var->info.dtype, var->info.rank,
                                  var->info.dims);
    const bp__type *have = bp__type_of(g, value);
    bool state = var->info.kind == BP_VAR_STATE;
    if (state) { /* as many rows as the graph: once shards are placed, all */
        want.dims[0] = g->rows ? g->rows : have->rank ? have->dims[0] : 0;
        want.varying = g->rows != 0;
    }
    if (have->dtype != want.dtype || !bp__same_dims(have, &want) ||
        have->varying != want.varying) {
        char a[200], b[200];
        bp__fail(g, BP_ESHAPE, SIZE_MAX,
                 "update of \"%s\": the value is %s, the variable %s%s", name,
                 bp__type_text(have, a), bp__type_text(&want, b),
                 have->varying && !state
                     ? "; a varying value goes through psum" : "");
        return;
    }
    if (!retain_store(g, s))
        return;
    if (!grow_updates(g)) {
        bp__fail(g, BP_ENOMEM, SIZE_MAX, "out of memory");
        return;
    }
    uint32_t *slot = update_slot(g, g->update_slots, g->n_update_slots, s,
                                 (uint32_t)i);
    if (*slot) {
        bp__fail(g, BP_EEXIST, SIZE_MAX,
                 "update of \"%s\": it has one already", name);
        return;
    }
    g->updates[g->n_updates++] = (bp__update){s, (uint32_t)i, value.id};
    *slot = (uint32_t)g->n_updates;
}
