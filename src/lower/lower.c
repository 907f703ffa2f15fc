/* The driver of lowering: buffers, layouts, views, leaves, results. */
#include "lower/lower.h"

#include "ir/attrs.h"
#include "lower/move.h"
#include "op/attrs.h"

const char *const bp__pass_names[] = {
    "poolmask", "cse",  "dce",     "constants", "fuse",
    "order",    "plan", "inplace", "kept", NULL,
};

bool bp__listed(const char *list, const char *name)
{
    if (!list)
        return false;
    size_t n = strlen(name);
    for (const char *p = list; *p;) {
        const char *end = strchr(p, ',');
        size_t m = end ? (size_t)(end - p) : strlen(p);
        if ((m == n && memcmp(p, name, n) == 0) ||
            (m == 3 && memcmp(p, "all", 3) == 0))
            return true;
        p += m + (end ? 1 : 0);
    }
    return false;
}

static void fail_lowering(bp__lower_state *s)
{
    s->l->status = BP_ENOMEM;
}

static uint32_t add_buf(bp__lower_state *s, const bp__buf *b)
{
    bp__lowered *l = s->l;
    if (l->status != BP_OK ||
        !bp__grow(&l->a, &l->bufs, &l->cap_bufs, l->n_bufs + 1,
                  sizeof *l->bufs)) {
        fail_lowering(s);
        return 0;
    }
    l->bufs[l->n_bufs] = *b;
    return (uint32_t)l->n_bufs++;
}

static uint32_t new_buf(bp__lower_state *s, const bp__type *t, int layout,
                        int kind)
{
    bp__buf b;
    memset(&b, 0, sizeof b);
    b.type = *t;
    b.layout = (uint8_t)layout;
    b.kind = (uint8_t)kind;
    b.root = (uint32_t)s->l->n_bufs;
    b.bytes = bp__type_bytes(t);
    return add_buf(s, &b);
}

static void bind_buf(bp__lower_state *s, uint32_t value, int layout,
                     uint32_t buf)
{
    if (s->l->status == BP_OK)
        s->buf_of[layout][value] = buf + 1;
}

uint32_t bp__lower_out(bp__lower_state *s, uint32_t value, int layout)
{
    uint32_t b = new_buf(s, bp__lower_type(s, value), layout,
                         s->phase == BP__PHASE_CONST ? BP__BUF_CONST
                                                     : BP__BUF_ARENA);
    bind_buf(s, value, layout, b);
    return b;
}

uint32_t bp__lower_temp(bp__lower_state *s, int64_t n)
{
    bp__type t = bp__make_type(BP_F32, 1, &n);
    return new_buf(s, &t, BP__PLAIN,
                   s->phase == BP__PHASE_CONST ? BP__BUF_CONST
                                               : BP__BUF_ARENA);
}

/* Do both layouts have the same bytes? */
static bool layouts_agree(const bp__type *t)
{
    return t->rank != 4 || t->dims[1] == 1 || t->dims[2] * t->dims[3] == 1;
}

bool bp__lower_has(const bp__lower_state *s, uint32_t value, int layout)
{
    return s->buf_of[layout][value] != 0 ||
           (s->buf_of[1 - layout][value] != 0 &&
            layouts_agree(bp__lower_type(s, value)));
}

static uint32_t view_of(bp__lower_state *s, uint32_t buf, const bp__type *t,
                        int layout, size_t offset)
{
    bp__buf b = s->l->bufs[buf];
    b.type = *t;
    b.layout = (uint8_t)layout;
    b.offset += offset;
    b.bytes = bp__type_bytes(t);
    return add_buf(s, &b);
}

/* Broadcasts are put off: a chain reads their operand by strides instead. One
 * that somebody wants in memory after all is lowered then. Returns a buffer of
 * the value plus 1, or 0. */
static uint32_t lower_late(bp__lower_state *s, uint32_t value, int layout)
{
    size_t node = s->g->values[value].node;
    if (!bp__lower_put_off(s, node))
        return 0;
    uint8_t phase = s->phase;
    const bp__refusal *refusals = s->refusals;
    s->phase = s->constant[value] ? BP__PHASE_CONST : BP__PHASE_MAIN;
    s->refusals = NULL;
    bp__lower_single(s, node);
    s->phase = phase;
    s->refusals = refusals;
    return s->buf_of[layout][value] ? s->buf_of[layout][value]
                                    : s->buf_of[1 - layout][value];
}

uint32_t bp__lower_in(bp__lower_state *s, uint32_t value, int layout)
{
    if (s->l->status != BP_OK)
        return 0;
    uint32_t have = s->buf_of[layout][value];
    if (have)
        return have - 1;
    const bp__type *t = bp__lower_type(s, value);
    uint32_t other = s->buf_of[1 - layout][value];
    if (!other)
        other = lower_late(s, value, layout);
    if (!other) { /* never: values are defined before they are read */
        if (s->l->status == BP_OK)
            s->l->status = BP_EBUG;
        return 0;
    }
    if (s->buf_of[layout][value])
        return s->buf_of[layout][value] - 1;
    uint32_t b;
    if (layouts_agree(t)) {
        b = view_of(s, other - 1, t, layout, 0);
        bind_buf(s, value, layout, b);
        return b;
    }
    uint8_t phase = s->phase;
    s->phase = s->constant[value] ? BP__PHASE_CONST : BP__PHASE_MAIN;
    b = bp__lower_out(s, value, layout);
    bp__lower_reorder(s, value, other - 1, b);
    s->phase = phase;
    return b;
}

bp__call *bp__lower_call(bp__lower_state *s, const char *kernel, size_t node,
                         bp__run_fn run, const void *params,
                         size_t params_bytes, int n_in, const uint32_t *in,
                         int n_out, const uint32_t *out)
{
    bp__lowered *l = s->l;
    char text[300];
    if (l->status != BP_OK)
        return NULL;
    if (!bp__grow(&l->a, &l->calls, &l->cap_calls, l->n_calls + 1,
                  sizeof *l->calls)) {
        fail_lowering(s);
        return NULL;
    }
    bp__call *c = &l->calls[l->n_calls];
    memset(c, 0, sizeof *c);
    c->kernel = kernel;
    c->label = bp__arena_strdup(&l->arena, bp__node_text(s->g, node, text));
    if (node < s->g->n_nodes) {
        c->sample = s->g->nodes[node].sample;
        c->samples = s->g->nodes[node].samples;
    }
    c->run = run;
    c->params = bp__arena_copy(&l->arena, params, params_bytes);
    c->n_in = n_in;
    c->n_out = n_out;
    c->bufs = bp__arena_array(&l->arena, (size_t)(n_in + n_out),
                              sizeof *c->bufs);
    c->phase = s->phase;
    c->units = 1;
    c->grain = 1;
    c->refusals = s->refusals;
    if (l->arena.failed) {
        fail_lowering(s);
        return NULL;
    }
    for (int i = 0; i < n_in; i++)
        c->bufs[i] = in[i];
    for (int i = 0; i < n_out; i++)
        c->bufs[n_in + i] = out[i];
    l->n_calls++;
    return c;
}

/* ---- leaves and views ------------------------------------------------------*/

static void lower_input(bp__lower_state *s, const bp__node *n)
{
    const bp__input_attrs *at = n->attrs;
    bp__lowered *l = s->l;
    uint32_t b = new_buf(s, bp__lower_type(s, n->out), BP__PLAIN,
                         BP__BUF_INPUT);
    char *name = bp__arena_strdup(&l->arena, at->name);
    if (!name || l->status != BP_OK ||
        !bp__grow(&l->a, &l->inputs, &l->cap_inputs, l->n_inputs + 1,
                  sizeof *l->inputs)) {
        fail_lowering(s);
        return;
    }
    l->bufs[b].input = (uint32_t)l->n_inputs;
    l->inputs[l->n_inputs++] = (bp__named_buf){name, b, n->sample,
                                                   n->samples};
    bind_buf(s, n->out, BP__PLAIN, b);
}

static void lower_const(bp__lower_state *s, const bp__node *n)
{
    const bp__const_attrs *at = n->attrs;
    const bp__type *t = bp__lower_type(s, n->out);
    size_t bytes = bp__type_bytes(t), size = bp_dtype_bytes(t->dtype);
    uint32_t b = new_buf(s, t, BP__PLAIN, BP__BUF_CONST);
    char *data = bp__arena_alloc(&s->l->arena, bytes);
    if (!data || s->l->status != BP_OK) {
        fail_lowering(s);
        return;
    }
    if (at->data.bytes == bytes)
        memcpy(data, at->data.data, bytes);
    else
        for (size_t i = 0; i < bytes; i += size)
            memcpy(data + i, at->data.data, size);
    s->l->bufs[b].data = data;
    bind_buf(s, n->out, BP__PLAIN, b);
}

static void lower_variable(bp__lower_state *s, const bp__node *n)
{
    const bp__variable_attrs *at = n->attrs;
    uint32_t b = new_buf(s, bp__lower_type(s, n->out), BP__PLAIN,
                         BP__BUF_VAR);
    if (s->l->status != BP_OK)
        return;
    s->l->bufs[b].store = at->store;
    s->l->bufs[b].var = (uint32_t)at->index;
    bind_buf(s, n->out, BP__PLAIN, b);
}

/* Slices of whole rows are views; so is whatever keeps the bytes. */
static bool lower_view(bp__lower_state *s, const bp__node *n)
{
    const bp__type *t = bp__lower_type(s, n->out);
    uint32_t in = n->n_in ? s->g->edges[n->in] : 0;
    size_t offset = 0;
    if (n->op == BP__OP_slice) {
        const bp__slice_attrs *at = n->attrs;
        const bp__type *x = bp__lower_type(s, in);
        int64_t row = 1;
        if (x->rank == 0 || at->step.d[0] != 1)
            return false;
        for (int i = 1; i < x->rank; i++) {
            if (t->dims[i] != x->dims[i])
                return false;
            row *= x->dims[i];
        }
        offset = (size_t)(at->start.d[0] * row) * bp_dtype_bytes(t->dtype);
    } else if (!(bp__def_of(n)->flags & BP__VIEW)) {
        return false;
    }
    /* Any layout will do where the shape stays. */
    int layout = BP__PLAIN;
    if (bp__same_dims(t, bp__lower_type(s, in)) &&
        !bp__lower_has(s, in, BP__PLAIN))
        layout = BP__NHWC;
    uint32_t b = view_of(s, bp__lower_in(s, in, layout), t, layout, offset);
    bind_buf(s, n->out, layout, b);
    return true;
}

static bool lower_leaf(bp__lower_state *s, const bp__node *n)
{
    switch (n->op) {
    case BP__OP_input:
        lower_input(s, n);
        return true;
    case BP__OP_const:
        lower_const(s, n);
        return true;
    case BP__OP_variable:
        lower_variable(s, n);
        return true;
    default:
        return lower_view(s, n);
    }
}

/* ---- kernels ---------------------------------------------------------------*/

static void refuse(bp__lower_state *s, const char *kernel, const char *why)
{
    bp__refusal *r = bp__arena_alloc(&s->l->arena, sizeof *r);
    if (!r) {
        fail_lowering(s);
        return;
    }
    r->kernel = kernel;
    r->why = why;
    r->next = (bp__refusal *)(uintptr_t)s->refusals;
    s->refusals = r;
}

static void lower_unit(bp__lower_state *s, const bp__unit *u)
{
    if (lower_leaf(s, u->n))
        return;
    const bp__kernel *const *k = bp__kernels_of(s->g, u->n);
    for (; *k; k++) {
        const char *why = bp__listed(s->o->no_kernel, (*k)->name)
                              ? "switched off"
                              : (*k)->refuse(s->g, u->n);
        if (!why && (u->bias || u->act) && !(*k)->epilogue)
            why = "takes no bias and activation";
        if (!why) {
            (*k)->build(s, u);
            return;
        }
        refuse(s, (*k)->name, why);
    }
    bp__lower_ref(s, u);
}

void bp__lower_single(bp__lower_state *s, size_t node)
{
    const bp__node *n = &s->g->nodes[node];
    bp__unit u = {.node = node, .n = n, .result = n->out};
    lower_unit(s, &u);
}

bool bp__has_kernel(void *user, const bp_graph *g, size_t node)
{
    const bp__lower_options *o = user;
    const bp__node *n = &g->nodes[node];
    const bp__kernel *const *k = bp__kernels_of(g, n);
    for (; *k; k++)
        if (!bp__listed(o->no_kernel, (*k)->name) && !(*k)->refuse(g, n))
            return true;
    return false;
}

/* ---- the whole ---------------------------------------------------------------*/

static void mark_constants(bp__lower_state *s)
{
    const bp_graph *g = s->g;
    bool off = bp__listed(s->o->no_pass, "constants");
    for (size_t k = 0; k < g->n_nodes; k++) {
        const bp__node *n = &g->nodes[k];
        bool c = n->op == BP__OP_const ||
                 (!off && n->op != BP__OP_input && n->op != BP__OP_variable);
        for (int i = 0; i < n->n_in && c; i++)
            c = s->constant[g->edges[n->in + i]];
        for (int i = 0; i < n->n_out; i++)
            s->constant[n->out + (uint32_t)i] = c;
    }
}

/* Does node k read values that are there at compile time only? */
static bool reads_constants(const bp__lower_state *s, size_t k)
{
    const bp__node *n = &s->g->nodes[k];
    for (int i = 0; i < n->n_in; i++)
        if (!s->constant[s->g->edges[n->in + (uint32_t)i]])
            return false;
    return true;
}

/* Does a kernel that leaves its result channels last take the node? */
static bool leaves_channels_last(const bp__lower_state *s, const bp__node *n)
{
    const bp__kernel *const *k = bp__kernels_of(s->g, n);
    for (; *k; k++)
        if (!bp__listed(s->o->no_kernel, (*k)->name) && !(*k)->refuse(s->g, n))
            return (*k)->channels_last;
    return false;
}

static void find_homes(bp__lower_state *s)
{
    const bp_graph *g = s->g;
    for (size_t k = 0; k < g->n_nodes; k++) {
        const bp__node *n = &g->nodes[k];
        if (!n->n_out || g->values[n->out].type.rank != 4)
            continue;
        int home = leaves_channels_last(s, n) ? BP__NHWC : BP__PLAIN;
        bool passes = bp__chain_takes(g, n) ||
                      (bp__def_of(n)->flags & BP__VIEW);
        for (int i = 0; passes && i < n->n_in; i++) {
            uint32_t v = g->edges[n->in + (uint32_t)i];
            if (s->home[v] == BP__NHWC &&
                bp__same_dims(&g->values[v].type, &g->values[n->out].type))
                home = BP__NHWC;
        }
        for (int i = 0; i < n->n_out; i++)
            s->home[n->out + (uint32_t)i] = (uint8_t)home;
    }
}

/* Is the whole group computed at compile time? If not, its values are no
 * constants to later groups either: a constant node may sit in a chain that
 * runs in every step. */
static bool settle_constant(bp__lower_state *s, const bp__groups *gs,
                            const bp__group *gr)
{
    bool all = true;
    for (uint32_t j = 0; j < gr->count; j++) {
        size_t k = gs->nodes[gr->first + j];
        const bp__node *n = &s->g->nodes[k];
        all = all && n->n_out && s->constant[n->out] && reads_constants(s, k);
    }
    if (!gr->chain)
        all = all && s->constant[gr->unit.result] &&
              (!gr->unit.bias || s->constant[gr->unit.bias]);
    for (uint32_t j = 0; !all && j < gr->count; j++) {
        const bp__node *n = &s->g->nodes[gs->nodes[gr->first + j]];
        for (int i = 0; i < n->n_out; i++)
            s->constant[n->out + (uint32_t)i] = 0;
    }
    if (!all && !gr->chain)
        s->constant[gr->unit.result] = 0;
    return all;
}

bool bp__lower_put_off(const bp__lower_state *s, size_t node)
{
    return s->g->nodes[node].op == BP__OP_broadcast &&
           !bp__listed(s->o->no_pass, "fuse");
}

static void lower_groups(bp__lower_state *s, const bp__groups *gs)
{
    for (size_t i = 0; i < gs->n_groups && s->l->status == BP_OK; i++) {
        const bp__group *gr = &gs->group[i];
        size_t node = gs->nodes[gr->first];
        bool constant = settle_constant(s, gs, gr);
        if (s->g->nodes[node].n_out == 0 ||
            (!gr->chain && bp__lower_put_off(s, node)))
            continue;
        s->refusals = NULL;
        s->phase = constant     ? BP__PHASE_CONST
                   : gr->commit ? BP__PHASE_COMMIT
                                : BP__PHASE_MAIN;
        if (gr->chain)
            bp__lower_chain(s, gs->nodes + gr->first, gr->count);
        else
            lower_unit(s, &gr->unit);
    }
}

static bool add_named(bp__lower_state *s, const char *name, uint32_t buf)
{
    bp__lowered *l = s->l;
    char *copy = bp__arena_strdup(&l->arena, name);
    if (!copy || !bp__grow(&l->a, &l->outputs, &l->cap_outputs,
                           l->n_outputs + 1, sizeof *l->outputs)) {
        fail_lowering(s);
        return false;
    }
    l->outputs[l->n_outputs++] = (bp__named_buf){copy, buf, 0, 0};
    return true;
}

/* Outputs: plain, and memory of the program's own. */
static void lower_outputs(bp__lower_state *s)
{
    const bp_graph *g = s->g;
    for (size_t i = 0; i < g->n_outputs && s->l->status == BP_OK; i++) {
        uint32_t v = g->outputs[i].value;
        s->phase = BP__PHASE_MAIN;
        s->refusals = NULL;
        uint32_t b = bp__lower_in(s, v, BP__PLAIN);
        if (s->l->status != BP_OK)
            return;
        if (s->l->bufs[b].kind == BP__BUF_VAR ||
            s->l->bufs[b].kind == BP__BUF_INPUT) {
            uint32_t copy = new_buf(s, bp__lower_type(s, v), BP__PLAIN,
                                    BP__BUF_ARENA);
            bp__lower_copy(s, v, b, copy);
            b = copy;
        }
        if (s->l->status != BP_OK)
            return;
        s->l->bufs[s->l->bufs[b].root].keep = true;
        add_named(s, g->outputs[i].name, b);
    }
}

static bool retain_stores(bp__lowered *l, const bp_graph *g)
{
    if (!bp__grow(&l->a, &l->stores, &l->cap_stores, g->n_stores,
                  sizeof *l->stores))
        return false;
    for (size_t i = 0; i < g->n_stores; i++)
        l->stores[l->n_stores++] = bp_store_retain(g->stores[i]);
    return true;
}

static bp_status lower_all(bp__lower_state *s)
{
    bp__groups gs;
    if (!retain_stores(s->l, s->g) || !bp__make_groups(s->g, s->o, &gs))
        return BP_ENOMEM;
    bp__count_uses(s->g, s->uses);
    mark_constants(s);
    find_homes(s);
    lower_groups(s, &gs);
    lower_outputs(s);
    bp__lower_commits(s);
    if (s->l->status == BP_OK && !bp__listed(s->o->no_pass, "kept"))
        bp__lower_kept(s->l, !bp__listed(s->o->no_pass, "constants"));
    bp__free_groups(s->g, &gs);
    return s->l->status;
}

bp__lowered *bp__lower(const bp_graph *g, const bp__lower_options *o,
                       bp_error *err)
{
    bp__lowered *l = bp__calloc(&g->a, 1, sizeof *l);
    bp__lower_state s = {.g = g, .l = l, .o = o};
    size_t n = g->n_values + 1;
    if (!l) {
        bp__oom(err);
        return NULL;
    }
    l->a = g->a;
    bp__arena_init(&l->arena, &g->a);
    s.buf_of[0] = bp__calloc(&g->a, n, sizeof(uint32_t));
    s.buf_of[1] = bp__calloc(&g->a, n, sizeof(uint32_t));
    s.constant = bp__calloc(&g->a, n, 1);
    s.home = bp__calloc(&g->a, n, 1);
    s.uses = bp__calloc(&g->a, n, sizeof(uint32_t));
    s.packed = bp__calloc(&g->a, n, sizeof *s.packed);
    bool ready = s.buf_of[0] && s.buf_of[1] && s.constant && s.home &&
                 s.uses && s.packed;
    bp_status st = ready ? lower_all(&s) : BP_ENOMEM;
    bp__free(&g->a, s.buf_of[0], n * sizeof(uint32_t));
    bp__free(&g->a, s.buf_of[1], n * sizeof(uint32_t));
    bp__free(&g->a, s.constant, n);
    bp__free(&g->a, s.home, n);
    bp__free(&g->a, s.uses, n * sizeof(uint32_t));
    bp__free(&g->a, s.packed, n * sizeof *s.packed);
    if (st == BP_OK && !l->arena.failed)
        return l;
    if (st == BP_EBUG)
        bp__error(err, BP_EBUG, "lowering read a value before its definition");
    else
        bp__oom(err);
    bp__lowered_free(l);
    return NULL;
}

void bp__lowered_free(bp__lowered *l)
{
    if (!l)
        return;
    bp_allocator a = l->a;
    for (size_t i = 0; i < l->n_stores; i++)
        bp_store_free(l->stores[i]);
    bp__free(&a, l->stores, l->cap_stores * sizeof *l->stores);
    bp__free(&a, l->bufs, l->cap_bufs * sizeof *l->bufs);
    bp__free(&a, l->calls, l->cap_calls * sizeof *l->calls);
    bp__free(&a, l->inputs, l->cap_inputs * sizeof *l->inputs);
    bp__free(&a, l->outputs, l->cap_outputs * sizeof *l->outputs);
    bp__free(&a, l->commits, l->cap_commits * sizeof *l->commits);
    bp__arena_free(&l->arena);
    bp__free(&a, l, sizeof *l);
}
