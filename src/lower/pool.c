/* Pooling's fast kernels, channels last. */
#include "lower/lower.h"

#include "op/attrs.h"

typedef struct pool_params {
    bp__pool2d p;
    const bp__cpu *cpu;
} pool_params;

static const bp__type *pool_operand(const bp_graph *g, const bp__node *n,
                                    int i)
{
    return &g->values[g->edges[n->in + i]].type;
}

static const char *refuse_pool(const bp_graph *g, const bp__node *n)
{
    const bp__type *x = pool_operand(g, n, 0);
    if (x->dtype != BP_F32)
        return "f32 only";
    if (bp__numel(x) == 0 || bp__numel(&g->values[n->out].type) == 0)
        return "empty";
    return NULL;
}

static void run_max(const bp__args *a)
{
    const pool_params *p = a->params;
    p->cpu->pool.max(&p->p, a->ptr[0], a->ptr[1], a->ptr[2], a->begin,
                     a->end);
}

static void run_scatter(const bp__args *a)
{
    const pool_params *p = a->params;
    p->cpu->pool.scatter(&p->p, a->ptr[0], a->ptr[1], a->ptr[2], a->begin,
                         a->end, a->faults);
}

static void run_avg(const bp__args *a)
{
    const pool_params *p = a->params;
    p->cpu->pool.avg(&p->p, a->ptr[0], a->ptr[1], a->begin, a->end);
}

static void run_avg_dx(const bp__args *a)
{
    const pool_params *p = a->params;
    p->cpu->pool.avg_dx(&p->p, a->ptr[0], a->ptr[1], a->begin, a->end);
}

/* transposed: the node's operand has the pooled shape. */
static pool_params pool_params_of(bp__lower_state *s, const bp__unit *u,
                                  bool transposed)
{
    const bp__pool_attrs *at = u->n->attrs;
    const bp__type *x = pool_operand(s->g, u->n, 0);
    const bp__type *y = bp__lower_type(s, u->n->out);
    pool_params p;
    memset(&p, 0, sizeof p);
    if (transposed) {
        const bp__type *t = x;
        x = y;
        y = t;
    }
    p.p = (bp__pool2d){.c = x->dims[1], .h = x->dims[2], .w = x->dims[3],
                       .oh = y->dims[2], .ow = y->dims[3], .k_h = at->k_h,
                       .k_w = at->k_w, .stride_h = at->stride_h,
                       .stride_w = at->stride_w, .pad_top = at->pad_top,
                       .pad_left = at->pad_left,
                       .count_pad = at->count_pad};
    p.cpu = s->o->cpu;
    return p;
}

static void build_pool(bp__lower_state *s, const bp__unit *u,
                       const char *name, bp__run_fn run, bool transposed)
{
    pool_params p = pool_params_of(s, u, transposed);
    uint32_t in[2], out[2];
    for (int i = 0; i < u->n->n_in; i++)
        in[i] = bp__lower_in(s, s->g->edges[u->n->in + i], BP__NHWC);
    for (int i = 0; i < u->n->n_out; i++)
        out[i] = bp__lower_out(s, u->n->out + (uint32_t)i, BP__NHWC);
    bp__call *c = bp__lower_call(s, name, u->node, run, &p, sizeof p,
                                 u->n->n_in, in, u->n->n_out, out);
    if (!c)
        return;
    const bp__type *x = pool_operand(s->g, u->n, 0);
    c->units = x->dims[0];
    c->rows = BP__ROWS | 3;
    c->flops = (double)BP__MAX(bp__numel(x),
                               bp__numel(bp__lower_type(s, u->n->out)));
    c->faults = run == run_scatter;
}

static void build_max(bp__lower_state *s, const bp__unit *u)
{
    build_pool(s, u, "max_pool2d.channels", run_max, false);
}

static void build_scatter(bp__lower_state *s, const bp__unit *u)
{
    build_pool(s, u, "pool_scatter.channels", run_scatter, true);
}

static void build_avg(bp__lower_state *s, const bp__unit *u)
{
    build_pool(s, u, "avg_pool2d.channels", run_avg, false);
}

static void build_avg_dx(bp__lower_state *s, const bp__unit *u)
{
    build_pool(s, u, "avg_pool2d_dx.channels", run_avg_dx, true);
}

static const bp__kernel max_channels = {
    .name = "max_pool2d.channels", .op = BP__OP_max_pool2d,
    .channels_last = true, .refuse = refuse_pool, .build = build_max};
static const bp__kernel scatter_channels = {
    .name = "pool_scatter.channels", .op = BP__OP_pool_scatter,
    .channels_last = true, .refuse = refuse_pool, .build = build_scatter};
static const bp__kernel avg_channels = {
    .name = "avg_pool2d.channels", .op = BP__OP_avg_pool2d,
    .channels_last = true, .refuse = refuse_pool, .build = build_avg};
static const bp__kernel avg_dx_channels = {
    .name = "avg_pool2d_dx.channels", .op = BP__OP_avg_pool2d_dx,
    .channels_last = true, .refuse = refuse_pool, .build = build_avg_dx};

const bp__kernel *const bp__max_pool2d_kernels[] = {&max_channels, NULL};
const bp__kernel *const bp__pool_scatter_kernels[] = {&scatter_channels,
                                                      NULL};
const bp__kernel *const bp__avg_pool2d_kernels[] = {&avg_channels, NULL};
const bp__kernel *const bp__avg_pool2d_dx_kernels[] = {&avg_dx_channels,
                                                       NULL};
