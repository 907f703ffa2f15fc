/* Sums: by rows where the first axis stays; in parts where it does not, each
 * part one sample where samples are large, so that they can run in a segment
 * by rows; the parts are added by a second call. */
#include "lower/lower.h"

#include "op/attrs.h"

/* x[outer][n][inner] in physical order. */
typedef struct sum_view {
    int64_t outer, n, inner;
    int layout;
} sum_view;

typedef struct sum_params {
    const bp__cpu *cpu;
    int64_t n, inner, outer;
    int64_t part;        /* rows of a part, in stage 1 of a sum in parts */
    int64_t per_unit;    /* outer positions of a unit */
} sum_params;

/* Physical axes of a layout, outermost first. */
static int physical_axis(int layout, int i)
{
    static const int nhwc[4] = {0, 2, 3, 1};
    return layout == BP__NHWC ? nhwc[i] : i;
}

static bool is_reduced(const bp__axes_attrs *at, int axis)
{
    for (int i = 0; i < at->axes.n; i++)
        if (at->axes.d[i] == axis)
            return true;
    return false;
}

/* False: the reduced axes do not stand together in this layout. */
static bool view_in(const bp__type *x, const bp__axes_attrs *at, int layout,
                    sum_view *v)
{
    int stage = 0; /* 0: outer, 1: reduced, 2: inner */
    *v = (sum_view){1, 1, 1, layout};
    for (int i = 0; i < x->rank; i++) {
        int axis = physical_axis(layout, i);
        int64_t d = x->dims[axis];
        if (d == 1)
            continue;
        if (is_reduced(at, axis)) {
            if (stage == 2)
                return false;
            stage = 1;
            v->n *= d;
        } else if (stage == 0) {
            v->outer *= d;
        } else {
            stage = 2;
            v->inner *= d;
        }
    }
    return true;
}

/* Do the kept axes stand in their logical order, so that the result is
 * plain? */
static bool result_plain(const bp__type *x, const bp__axes_attrs *at,
                         int layout)
{
    if (layout == BP__PLAIN || x->dims[1] == 1 || is_reduced(at, 1))
        return true;
    return (is_reduced(at, 2) || x->dims[2] == 1) &&
           (is_reduced(at, 3) || x->dims[3] == 1);
}

static const bp__type *sum_operand(const bp_graph *g, const bp__node *n)
{
    return &g->values[g->edges[n->in]].type;
}

static bool sum_takes(const bp__type *x, const bp__axes_attrs *at, int layout,
                      sum_view *v)
{
    return view_in(x, at, layout, v) && result_plain(x, at, layout);
}

static const char *refuse_sum(const bp_graph *g, const bp__node *n)
{
    const bp__type *x = sum_operand(g, n);
    sum_view v;
    if (x->dtype != BP_F32)
        return "f32 only";
    if (bp__numel(x) == 0)
        return "empty";
    if (!sum_takes(x, n->attrs, BP__PLAIN, &v) &&
        (x->rank != 4 || !sum_takes(x, n->attrs, BP__NHWC, &v)))
        return "the reduced axes do not stand together in memory";
    return NULL;
}

static void run_sum(const bp__args *a)
{
    const sum_params *p = a->params;
    p->cpu->reduce.sum(a->ptr[0], a->ptr[1], p->n, p->inner,
                       a->begin * p->per_unit, a->end * p->per_unit);
}

/* Stage 1: unit i sums rows [i * part, (i + 1) * part) of one outer. */
static void run_parts(const bp__args *a)
{
    const sum_params *p = a->params;
    const float *x = a->ptr[0];
    float *y = a->ptr[1];
    for (int64_t i = a->begin; i < a->end; i++) {
        int64_t r0 = i * p->part, n = BP__MIN(p->part, p->n - r0);
        p->cpu->reduce.sum(x + r0 * p->inner, y + i * p->inner, n, p->inner,
                           0, 1);
    }
}

static void run_combine(const bp__args *a)
{
    const sum_params *p = a->params;
    int64_t i1 = BP__MIN(a->end * 16, p->inner);
    p->cpu->reduce.combine(a->ptr[0], a->ptr[1], p->n, p->inner,
                           a->begin * 16, i1);
}

enum {
    PART_ELEMENTS = 16384, /* a part that is worth a unit */
    SAMPLE_ELEMENTS = 1024 /* a sample that is worth a part of its own */
};

static void sum_in_parts(bp__lower_state *s, const bp__unit *u,
                         const sum_view *v, uint32_t in)
{
    const bp__type *x = sum_operand(s->g, u->n);
    int64_t samples = x->rank ? x->dims[0] : 1;
    int64_t row = v->n / samples; /* axis 0 is reduced and outermost */
    sum_params p = {.cpu = s->o->cpu, .n = v->n, .inner = v->inner,
                    .outer = 1, .per_unit = 1};
    bool by_sample = samples > 1 && row * v->inner >= SAMPLE_ELEMENTS;
    p.part = by_sample ? row : BP__MAX(1, PART_ELEMENTS / v->inner);
    int64_t parts = (v->n + p.part - 1) / p.part;
    uint32_t mid = bp__lower_temp(s, parts * v->inner);
    bp__call *c = bp__lower_call(s, "sum.parts", u->node, run_parts, &p,
                                 sizeof p, 1, &in, 1, &mid);
    if (!c)
        return;
    c->units = parts;
    if (by_sample)
        c->rows = BP__ROWS | 1;
    c->flops = (double)(v->n * v->inner);
    s->refusals = NULL;
    uint32_t out = bp__lower_out(s, u->n->out, BP__PLAIN);
    p.n = parts;
    c = bp__lower_call(s, "sum.combine", u->node, run_combine, &p, sizeof p,
                       1, &mid, 1, &out);
    if (!c)
        return;
    c->units = (v->inner + 15) / 16;
    c->flops = (double)(parts * v->inner);
}

/* In parts where all is one sum, or axis 0 and more make one row of them. A sum
 * within each row of axis 0 (a sample) is never cut, not even where there is
 * one row only: a sample has its bits in any batch. */
static bool takes_parts(const bp__type *x, const bp__axes_attrs *at,
                        const sum_view *v)
{
    return (x->rank == 0 || is_reduced(at, 0)) && v->outer == 1 &&
           v->n * v->inner > PART_ELEMENTS / 2;
}

static void build_sum(bp__lower_state *s, const bp__unit *u)
{
    const bp__type *x = sum_operand(s->g, u->n);
    uint32_t value = s->g->edges[u->n->in];
    sum_view v, w;
    bool plain = sum_takes(x, u->n->attrs, BP__PLAIN, &v);
    bool nhwc = x->rank == 4 && sum_takes(x, u->n->attrs, BP__NHWC, &w);
    if (nhwc && (!plain || s->home[value] == BP__NHWC))
        v = w;
    uint32_t in = bp__lower_in(s, value, v.layout);
    if (takes_parts(x, u->n->attrs, &v)) {
        sum_in_parts(s, u, &v, in);
        return;
    }
    sum_params p = {.cpu = s->o->cpu, .n = v.n, .inner = v.inner,
                    .outer = v.outer, .per_unit = 1};
    uint32_t out = bp__lower_out(s, u->n->out, BP__PLAIN);
    bool rows = x->rank && x->dims[0] > 1 && v.outer % x->dims[0] == 0;
    if (rows)
        p.per_unit = v.outer / x->dims[0];
    bp__call *c = bp__lower_call(s, "sum", u->node, run_sum, &p, sizeof p, 1,
                                 &in, 1, &out);
    if (!c)
        return;
    c->units = v.outer / p.per_unit;
    c->flops = (double)(v.outer * v.n * v.inner);
    const bp__type *y = bp__lower_type(s, u->n->out);
    if (rows && y->rank && y->dims[0] == x->dims[0])
        c->rows = BP__ROWS | 1;
}

static const bp__kernel sum_kernel = {.name = "sum", .op = BP__OP_sum,
                                      .refuse = refuse_sum,
                                      .build = build_sum};
const bp__kernel *const bp__sum_kernels[] = {&sum_kernel, NULL};
