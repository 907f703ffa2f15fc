/* Elementwise chains for the block interpreter (cpu/chain.h).
 *
 * A chain's iteration space is the shape that all of its nodes have, in the
 * order of the layout that its inputs come in: if one of them is at home
 * channels last, the chain runs channels last. Operands that broadcast are
 * read by strides. A chain that exceeds the interpreter's limits is cut in
 * two. */
#include "lower/lower.h"

#include "cpu/chain.h"
#include "op/attrs.h"

bool bp__chain_takes(const bp_graph *g, const bp__node *n)
{
    const bp__opdef *d = bp__def_of(n);
    int dtypes[BP__MAX_IN + 1];
    const bp__type *out = &g->values[n->out].type;
    if (!(d->flags & BP__ELEMWISE) || n->n_out != 1 || n->n_in > 3 ||
        n->n_in < 1 || (d->flags & (BP__COMPOSITE | BP__RANDOM)) ||
        bp__numel(out) == 0)
        return false;
    for (int i = 0; i < n->n_in; i++)
        dtypes[i] = g->values[g->edges[n->in + i]].type.dtype;
    dtypes[n->n_in] = out->dtype;
    /* Whole numbers are loaded, never kept: within a chain they would not be
     * rounded as in memory. */
    if (out->dtype != BP_F32 && out->dtype != BP_BOOL)
        return false;
    return bp__chain_supports((bp__op)n->op, n->n_in, dtypes);
}

typedef struct chain_params {
    const bp__cpu *cpu;
    int64_t unit;  /* elements of one unit */
    int n_in, n_out;
    bp__chain chain; /* calls keep it as far as its code goes */
} chain_params;

static void run_chain(const bp__args *a)
{
    const chain_params *p = a->params;
    const void *in[BP__CHAIN_LOADS];
    void *out[BP__CHAIN_STORES];
    int64_t bad[BP__CHAIN_STORES] = {0};
    int64_t begin = a->begin * p->unit, end = a->end * p->unit;
    for (int i = 0; i < p->n_in; i++)
        in[i] = a->ptr[i];
    for (int i = 0; i < p->n_out; i++)
        out[i] = a->ptr[p->n_in + i];
    end = BP__MIN(end, p->chain.numel);
    p->cpu->chain.run(&p->chain, in, out, begin, end, a->scratch, bad);
    for (int i = 0; i < p->n_out; i++)
        *a->faults += bad[i];
}

/* What is known of one chain while it is being built. */
typedef struct chain_build {
    bp__lower_state *s;
    const uint32_t *nodes;
    size_t n;
    const bp__type *type;   /* of every node's result, but for the dtype */
    int layout;
    chain_params *p;
    uint32_t in_value[BP__CHAIN_LOADS], out_value[BP__CHAIN_STORES];
    int load_of[BP__CHAIN_LOADS]; /* the chain's value of each load */
    bool local[BP__CHAIN_LOADS];  /* read at the same rows only */
    int value_of[64];       /* by node of the list */
} chain_build;

enum { NODES_MAX = 64 };

/* Position in the list of the node that defines v; n if none does. */
static size_t defined_at(const chain_build *b, uint32_t v)
{
    uint32_t node = b->s->g->values[v].node;
    for (size_t i = 0; i < b->n; i++)
        if (b->nodes[i] == node)
            return i;
    return b->n;
}

static bool same_shape(const chain_build *b, uint32_t v)
{
    return bp__same_dims(bp__lower_type(b->s, v), b->type);
}

/* What a broadcast repeats is read by strides: the broadcast itself need not
 * be made. */
static uint32_t behind_broadcast(const chain_build *b, uint32_t v)
{
    const bp_graph *g = b->s->g;
    const bp__node *n = &g->nodes[g->values[v].node];
    while (n->op == BP__OP_broadcast &&
           bp__lower_put_off(b->s, g->values[v].node)) {
        v = g->edges[n->in];
        n = &g->nodes[g->values[v].node];
    }
    return v;
}

static int choose_layout(const chain_build *b)
{
    const bp_graph *g = b->s->g;
    if (b->type->rank != 4)
        return BP__PLAIN;
    for (size_t i = 0; i < b->n; i++) {
        const bp__node *n = &g->nodes[b->nodes[i]];
        for (int k = 0; k < n->n_in; k++) {
            uint32_t v = behind_broadcast(b, g->edges[n->in + k]);
            if (defined_at(b, v) < b->n || !same_shape(b, v))
                continue;
            if (b->s->home[v] == BP__NHWC)
                return BP__NHWC;
        }
    }
    return BP__PLAIN;
}

/* The axis that stands at place i of a layout, outermost first. */
static int axis_at(const chain_build *b, int i)
{
    static const int nhwc[4] = {0, 2, 3, 1};
    return b->layout == BP__NHWC ? nhwc[i] : i;
}

static void space_dims(const chain_build *b, int64_t *dims)
{
    for (int i = 0; i < b->type->rank; i++)
        dims[i] = b->type->dims[axis_at(b, i)];
}

/* Strides of a broadcasting operand (plain layout) along the space. */
static void operand_strides(const chain_build *b, const bp__type *t,
                            int64_t *stride)
{
    int64_t own[BP_MAX_RANK], step = 1;
    int lead = b->type->rank - t->rank;
    for (int i = t->rank; i-- > 0;) {
        own[i] = t->dims[i] == 1 ? 0 : step;
        step *= t->dims[i];
    }
    for (int i = 0; i < b->type->rank; i++) {
        int axis = axis_at(b, i) - lead;
        stride[i] = axis < 0 ? 0 : own[axis];
    }
}

/* A constant with one number is part of the program. */
static bool constant_number(const bp__lower_state *s, uint32_t v, float *x)
{
    const bp__node *n = &s->g->nodes[s->g->values[v].node];
    if (n->op != BP__OP_const || s->g->values[v].type.dtype != BP_F32)
        return false;
    const bp__const_attrs *at = n->attrs;
    if (at->data.bytes != sizeof *x)
        return false;
    memcpy(x, at->data.data, sizeof *x);
    return true;
}

static int load_value(chain_build *b, uint32_t v)
{
    bp__chain *c = &b->p->chain;
    const bp__type *t = bp__lower_type(b->s, v);
    float x;
    if (constant_number(b->s, v, &x))
        return bp__chain_const(c, x);
    for (int i = 0; i < b->p->n_in; i++)
        if (b->in_value[i] == v)
            return b->load_of[i];
    if (b->p->n_in == BP__CHAIN_LOADS)
        return -2;
    int i = b->p->n_in++;
    b->in_value[i] = v;
    b->local[i] = t->rank == b->type->rank && t->rank > 0 &&
                  t->dims[0] == b->type->dims[0];
    if (same_shape(b, v)) {
        b->load_of[i] = bp__chain_load(c, t->dtype, NULL);
    } else {
        int64_t stride[BP_MAX_RANK];
        operand_strides(b, t, stride);
        b->load_of[i] = bp__chain_load(c, t->dtype, stride);
    }
    return b->load_of[i];
}

static int operand_value(chain_build *b, uint32_t v)
{
    v = behind_broadcast(b, v);
    size_t at = defined_at(b, v);
    return at < b->n ? b->value_of[at] : load_value(b, v);
}

/* How often the list itself reads v. */
static uint32_t uses_within(const chain_build *b, uint32_t v)
{
    const bp_graph *g = b->s->g;
    uint32_t uses = 0;
    for (size_t i = 0; i < b->n; i++) {
        const bp__node *n = &g->nodes[b->nodes[i]];
        for (int k = 0; k < n->n_in; k++)
            uses += g->edges[n->in + k] == v;
    }
    return uses;
}

/* Fills the chain; false: it exceeds a limit. */
static bool fill_chain(chain_build *b)
{
    const bp_graph *g = b->s->g;
    bp__chain *c = &b->p->chain;
    int64_t dims[BP_MAX_RANK];
    space_dims(b, dims);
    bp__chain_begin(c, b->type->rank, dims);
    for (size_t i = 0; i < b->n; i++) {
        const bp__node *n = &g->nodes[b->nodes[i]];
        int v[3] = {-1, -1, -1};
        for (int k = 0; k < n->n_in; k++)
            if ((v[k] = operand_value(b, g->edges[n->in + k])) < 0)
                return false;
        if (n->op == BP__OP_cast)
            b->value_of[i] = bp__chain_cast(
                c, ((const bp__cast_attrs *)n->attrs)->dtype, v[0]);
        else
            b->value_of[i] = bp__chain_op(c, (bp__op)n->op, v[0], v[1],
                                          v[2]);
    }
    for (size_t i = 0; i < b->n; i++) {
        uint32_t v = g->nodes[b->nodes[i]].out;
        if (b->s->uses[v] == uses_within(b, v))
            continue;
        if (b->p->n_out == BP__CHAIN_STORES)
            return false;
        int dtype = g->values[v].type.dtype;
        bool test = b->s->phase == BP__PHASE_COMMIT && dtype == BP_F32;
        bp__chain_store(c, b->value_of[i], dtype, test);
        b->out_value[b->p->n_out++] = v;
    }
    return bp__chain_end(c, NULL) == BP_OK;
}

static const char *chain_detail(chain_build *b)
{
    const bp_graph *g = b->s->g;
    bp__str s;
    bp__str_init(&s, &g->a);
    for (size_t i = 0; i < b->n; i++)
        bp__str_printf(&s, "%s%s", i ? " " : "",
                       bp__def_of(&g->nodes[b->nodes[i]])->name);
    const char *d = s.failed ? NULL
                             : bp__arena_strdup(&b->s->l->arena, s.s);
    bp__str_free(&s);
    return d;
}

/* Elements that are worth a unit where units need not be rows. */
enum { UNIT_ELEMENTS = 1024 };

static void set_units(const chain_build *b, bp__call *c, chain_params *p)
{
    int64_t rows = b->type->rank ? b->type->dims[0] : 1;
    int64_t numel = p->chain.numel;
    if (rows > 1 && c->phase != BP__PHASE_COMMIT && numel / rows >= 1) {
        c->units = rows;
        c->rows = BP__ROWS;
        p->unit = numel / rows;
        for (int i = 0; i < p->n_in; i++)
            if (b->local[i])
                c->rows |= 1u << i;
        if (rows >= UNIT_ELEMENTS)
            c->grain = BP__MAX(1, UNIT_ELEMENTS / p->unit);
    } else {
        p->unit = UNIT_ELEMENTS;
        c->units = (numel + UNIT_ELEMENTS - 1) / UNIT_ELEMENTS;
    }
    c->flops = (double)numel * (double)(b->n + (size_t)p->n_in);
    for (int i = 0; i < p->n_in; i++)
        if (same_shape(b, b->in_value[i]))
            c->inplace |= 1u << i;
}

static void add_chain_call(chain_build *b)
{
    uint32_t in[BP__CHAIN_LOADS], out[BP__CHAIN_STORES];
    chain_params *p = b->p;
    for (int i = 0; i < p->n_in; i++)
        in[i] = bp__lower_in(b->s, b->in_value[i],
                             same_shape(b, b->in_value[i]) ? b->layout
                                                           : BP__PLAIN);
    for (int i = 0; i < p->n_out; i++)
        out[i] = bp__lower_out(b->s, b->out_value[i], b->layout);
    size_t bytes = offsetof(chain_params, chain) + offsetof(bp__chain, code) +
                   (size_t)p->chain.n_code * sizeof *p->chain.code;
    bp__call *c = bp__lower_call(b->s, "chain", b->nodes[b->n - 1], run_chain,
                                 p, bytes, p->n_in, in, p->n_out, out);
    if (!c)
        return;
    set_units(b, c, (chain_params *)(uintptr_t)c->params);
    c->scratch = p->chain.scratch_bytes;
    c->detail = chain_detail(b);
}

/* False: over a limit; nothing was added. */
static bool try_chain(bp__lower_state *s, const uint32_t *nodes, size_t n,
                      chain_params *p)
{
    chain_build b = {.s = s, .nodes = nodes, .n = n, .p = p};
    if (n > NODES_MAX)
        return false;
    b.type = bp__lower_type(s, s->g->nodes[nodes[0]].out);
    p->unit = 0; /* fill_chain sets the chain */
    p->n_in = p->n_out = 0;
    p->cpu = s->o->cpu;
    b.layout = choose_layout(&b);
    if (!fill_chain(&b))
        return false;
    if (p->n_out)
        add_chain_call(&b);
    return true;
}

static void lower_list(bp__lower_state *s, const uint32_t *nodes, size_t n,
                       chain_params *p)
{
    if (s->l->status != BP_OK)
        return;
    const bp__node *first = &s->g->nodes[nodes[0]];
    if (n == 1 && (bp__def_of(first)->flags & BP__VIEW)) {
        bp__lower_single(s, nodes[0]);
    } else if (!try_chain(s, nodes, n, p)) {
        if (n == 1) {
            bp__lower_single(s, nodes[0]);
            return;
        }
        lower_list(s, nodes, n / 2, p);
        lower_list(s, nodes + n / 2, n - n / 2, p);
    }
}

void bp__lower_chain(bp__lower_state *s, const uint32_t *nodes, size_t n)
{
    chain_params *p = bp__alloc(&s->l->a, sizeof *p);
    if (!p) {
        s->l->status = BP_ENOMEM;
        return;
    }
    lower_list(s, nodes, n, p);
    bp__free(&s->l->a, p, sizeof *p);
}
