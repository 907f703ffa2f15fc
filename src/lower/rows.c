/* Fast kernels on rows of the last axis: extremes and their places; layer
 * normalization, forward and backward. */
#include "lower/lower.h"

#include "op/attrs.h"

typedef struct rows_params {
    const bp__cpu *cpu;
    int64_t k, rows;      /* elements of a row; rows of the whole call */
    int64_t rows_a_unit;
    float eps;
    bp__rows_f32_fn *extreme; /* or NULL: */
    bp__rows_i32_fn *place;
} rows_params;

static const bp__type *rows_operand(const bp_graph *g, const bp__node *n)
{
    return &g->values[g->edges[n->in]].type;
}

static const char *refuse_extreme(const bp_graph *g, const bp__node *n)
{
    const bp__type *x = rows_operand(g, n);
    int64_t axis = -1;
    if (n->op == BP__OP_argmax || n->op == BP__OP_argmin) {
        axis = ((const bp__axis_attrs *)n->attrs)->axis;
    } else {
        const bp__dims *axes = &((const bp__axes_attrs *)n->attrs)->axes;
        axis = axes->n == 1 ? axes->d[0] : -1;
    }
    if (x->dtype != BP_F32)
        return "f32 only";
    if (bp__numel(x) == 0)
        return "empty";
    if (axis != x->rank - 1)
        return "along the last axis only";
    return NULL;
}

static const bp__norm_attrs *norm_attrs_of(const bp__node *n)
{
    return n->op == BP__OP_backward
               ? ((const bp__backward_attrs *)n->attrs)->of
               : n->attrs;
}

static const char *refuse_norm(const bp_graph *g, const bp__node *n)
{
    const bp__type *x = rows_operand(g, n);
    if (x->dtype != BP_F32)
        return "f32 only";
    if (bp__numel(x) == 0)
        return "empty";
    return NULL;
}

static void run_extreme(const bp__args *a)
{
    const rows_params *p = a->params;
    int64_t r0 = a->begin * p->rows_a_unit, r1 = a->end * p->rows_a_unit;
    if (p->extreme)
        p->extreme(a->ptr[0], a->ptr[1], p->k, r0, r1);
    else
        p->place(a->ptr[0], a->ptr[1], p->k, r0, r1);
}

static void run_norm(const bp__args *a)
{
    const rows_params *p = a->params;
    bp__layer_norm n = {.k = p->k, .eps = p->eps, .x = a->ptr[0],
                        .gamma = a->ptr[1], .beta = a->ptr[2]};
    p->cpu->rows.norm(&n, a->ptr[3], a->begin * p->rows_a_unit,
                      a->end * p->rows_a_unit);
}

static void run_norm_dx(const bp__args *a)
{
    const rows_params *p = a->params;
    bp__layer_norm n = {.k = p->k, .eps = p->eps, .x = a->ptr[0],
                        .gamma = a->ptr[1], .dy = a->ptr[2]};
    p->cpu->rows.norm_dx(&n, a->ptr[3], a->begin * p->rows_a_unit,
                         a->end * p->rows_a_unit);
}

/* Unit i: the partial sums of the rows of part i. */
static void run_norm_parts(const bp__args *a)
{
    const rows_params *p = a->params;
    bp__layer_norm n = {.k = p->k, .eps = p->eps, .x = a->ptr[0],
                        .dy = a->ptr[1]};
    float *dgamma = a->ptr[2], *dbeta = a->ptr[3];
    for (int64_t i = a->begin; i < a->end; i++) {
        int64_t r0 = i * p->rows_a_unit;
        n.dbeta = dbeta + i * p->k;
        p->cpu->rows.norm_dparams(&n, dgamma + i * p->k, r0,
                                  BP__MIN(r0 + p->rows_a_unit, p->rows));
    }
}

/* Adds the parts of one parameter; `rows` is their number. */
static void run_norm_combine(const bp__args *a)
{
    const rows_params *p = a->params;
    int64_t i1 = BP__MIN(a->end * 16, p->k);
    p->cpu->reduce.combine(a->ptr[0], a->ptr[1], p->rows, p->k,
                           a->begin * 16, i1);
}

/* How rows of k elements make units: rows of axis 0 where there are some. */
static rows_params rows_units(bp__lower_state *s, const bp__type *x, int64_t k,
                              int64_t *units)
{
    rows_params p;
    memset(&p, 0, sizeof p);
    p.cpu = s->o->cpu;
    p.k = k;
    p.rows = bp__numel(x) / k;
    *units = x->rank >= 1 && p.rows % x->dims[0] == 0 ? x->dims[0] : 1;
    p.rows_a_unit = p.rows / *units;
    return p;
}

/* Sets the kernel of an extreme or of its place; gives its name. */
static const char *choose_extreme(rows_params *p, uint16_t op)
{
    const bp__rows_fns *f = &p->cpu->rows;
    switch (op) {
    case BP__OP_amax:
        p->extreme = f->amax;
        return "amax.rows";
    case BP__OP_amin:
        p->extreme = f->amin;
        return "amin.rows";
    case BP__OP_argmax:
        p->place = f->argmax;
        return "argmax.rows";
    default:
        p->place = f->argmin;
        return "argmin.rows";
    }
}

static void build_extreme(bp__lower_state *s, const bp__unit *u)
{
    const bp__type *x = rows_operand(s->g, u->n);
    int64_t units;
    rows_params p = rows_units(s, x, x->dims[x->rank - 1], &units);
    const char *name = choose_extreme(&p, u->n->op);
    uint32_t in = bp__lower_in(s, s->g->edges[u->n->in], BP__PLAIN);
    uint32_t out = bp__lower_out(s, u->n->out, BP__PLAIN);
    bp__call *c = bp__lower_call(s, name, u->node, run_extreme, &p, sizeof p,
                                 1, &in, 1, &out);
    if (!c)
        return;
    c->units = units;
    const bp__type *y = bp__lower_type(s, u->n->out);
    if (units > 1 && y->rank >= 1 && y->dims[0] == units)
        c->rows = BP__ROWS | 1;
    c->flops = 2.0 * (double)bp__numel(x);
}

static rows_params norm_params(bp__lower_state *s, const bp__unit *u,
                               int64_t *units)
{
    const bp__norm_attrs *at = norm_attrs_of(u->n);
    const bp__type *x = rows_operand(s->g, u->n);
    int64_t k = 1;
    for (int i = x->rank - (int)at->n_axes; i < x->rank; i++)
        k *= x->dims[i];
    rows_params p = rows_units(s, x, k, units);
    p.eps = (float)at->eps;
    return p;
}

static uint32_t norm_in(bp__lower_state *s, const bp__unit *u, uint32_t i)
{
    return bp__lower_in(s, s->g->edges[u->n->in + i], BP__PLAIN);
}

static void build_norm(bp__lower_state *s, const bp__unit *u)
{
    int64_t units;
    rows_params p = norm_params(s, u, &units);
    uint32_t in[3] = {norm_in(s, u, 0), norm_in(s, u, 1), norm_in(s, u, 2)};
    uint32_t out = bp__lower_out(s, u->n->out, BP__PLAIN);
    bp__call *c = bp__lower_call(s, "layer_norm.rows", u->node, run_norm, &p,
                                 sizeof p, 3, in, 1, &out);
    if (!c)
        return;
    c->units = units;
    if (units > 1)
        c->rows = BP__ROWS | 1;
    c->flops = 8.0 * (double)bp__numel(rows_operand(s->g, u->n));
}

enum { NORM_PART_ELEMENTS = 16384 };

static void build_norm_dparams(bp__lower_state *s, const bp__unit *u,
                               const uint32_t *xy, int64_t dx)
{
    int64_t units;
    rows_params p = norm_params(s, u, &units);
    p.rows_a_unit = BP__MAX(1, NORM_PART_ELEMENTS / p.k);
    units = (p.rows + p.rows_a_unit - 1) / p.rows_a_unit;
    uint32_t mid[2] = {bp__lower_temp(s, units * p.k),
                       bp__lower_temp(s, units * p.k)};
    bp__call *c = bp__lower_call(s, "layer_norm_dx.parts", u->node,
                                 run_norm_parts, &p, sizeof p, 2, xy, 2, mid);
    if (!c)
        return;
    c->units = units;
    c->flops = 8.0 * (double)(p.rows * p.k);
    uint32_t value = u->n->out + (dx & 1 ? 1 : 0);
    p.rows = units;
    for (int i = 0; i < 2; i++) {
        if (!(dx >> (i + 1) & 1))
            continue;
        uint32_t out = bp__lower_out(s, value++, BP__PLAIN);
        c = bp__lower_call(s, "layer_norm_dx.combine", u->node,
                           run_norm_combine, &p, sizeof p, 1, &mid[i], 1,
                           &out);
        if (!c)
            return;
        c->units = (p.k + 15) / 16;
        c->flops = (double)(p.rows * p.k);
    }
}

/* Operands: x, gamma, beta, the saved y, dy; outputs: those of dx, dgamma,
 * dbeta that are asked for. */
static void build_norm_dx(bp__lower_state *s, const bp__unit *u)
{
    const bp__backward_attrs *at = u->n->attrs;
    uint32_t in[3] = {norm_in(s, u, 0), norm_in(s, u, 1), norm_in(s, u, 4)};
    if (at->dx & 1) {
        int64_t units;
        rows_params p = norm_params(s, u, &units);
        uint32_t out = bp__lower_out(s, u->n->out, BP__PLAIN);
        bp__call *c = bp__lower_call(s, "layer_norm_dx.rows", u->node,
                                     run_norm_dx, &p, sizeof p, 3, in, 1,
                                     &out);
        if (!c)
            return;
        c->units = units;
        if (units > 1)
            c->rows = BP__ROWS | 1 | 4;
        c->flops = 14.0 * (double)(p.rows * p.k);
        s->refusals = NULL;
    }
    if (at->dx & 6)
        build_norm_dparams(s, u, (uint32_t[]){in[0], in[2]}, at->dx);
}

#define LAST_AXIS_KERNEL(var, name_, op_, back, refuse_, build_)           \
    static const bp__kernel var##_kernel = {                               \
        .name = name_, .op = op_, .backward = back, .refuse = refuse_,     \
        .build = build_};                                                  \
    const bp__kernel *const bp__##var##_kernels[] = {&var##_kernel, NULL}
LAST_AXIS_KERNEL(amax, "amax.rows", BP__OP_amax, false, refuse_extreme,
                 build_extreme);
LAST_AXIS_KERNEL(amin, "amin.rows", BP__OP_amin, false, refuse_extreme,
                 build_extreme);
LAST_AXIS_KERNEL(argmax, "argmax.rows", BP__OP_argmax, false, refuse_extreme,
                 build_extreme);
LAST_AXIS_KERNEL(argmin, "argmin.rows", BP__OP_argmin, false, refuse_extreme,
                 build_extreme);
LAST_AXIS_KERNEL(layer_norm, "layer_norm.rows", BP__OP_layer_norm, false,
                 refuse_norm, build_norm);
LAST_AXIS_KERNEL(layer_norm_dx, "layer_norm_dx.rows", BP__OP_layer_norm, true,
                 refuse_norm, build_norm_dx);
