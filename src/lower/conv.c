/* The convolutions' fast kernels, on channels-last memory: direct, and
 * Winograd where the shape is worth it. Weights are packed in a call of their
 * own, once a step. */
#include "lower/lower.h"

#include "op/attrs.h"

typedef struct conv_params {
    bp__conv c;
    const bp__cpu *cpu;
    bool wino, bias;
} conv_params;

static const bp__type *conv_operand(const bp_graph *g, const bp__node *n,
                                    int i)
{
    return &g->values[g->edges[n->in + i]].type;
}

/* x, w and y's shapes, wherever they stand in the three ops. */
static bp__conv geometry(const bp_graph *g, const bp__node *n)
{
    const bp__conv_attrs *at = n->attrs;
    const bp__type *out = &g->values[n->out].type;
    const bp__type *x = conv_operand(g, n, 0), *w = conv_operand(g, n, 1);
    const bp__type *y = out;
    if (n->op == BP__OP_conv2d_dx) {
        y = x;
        x = out;
    } else if (n->op == BP__OP_conv2d_dw) {
        y = w;
        w = out;
    }
    bp__conv c;
    memset(&c, 0, sizeof c);
    c.n = x->dims[0];
    c.c = x->dims[1];
    c.h = x->dims[2];
    c.w = x->dims[3];
    c.o = y->dims[1];
    c.oh = y->dims[2];
    c.ow = y->dims[3];
    c.kh = w->dims[2];
    c.kw = w->dims[3];
    c.stride_h = at->stride_h;
    c.stride_w = at->stride_w;
    c.pad_top = at->pad_top;
    c.pad_left = at->pad_left;
    c.dil_h = at->dil_h;
    c.dil_w = at->dil_w;
    c.groups = at->groups;
    return c;
}

static const char *refuse_direct(const bp_graph *g, const bp__node *n)
{
    if (g->values[n->out].type.dtype != BP_F32)
        return "f32 only";
    if (bp__numel(&g->values[n->out].type) == 0 ||
        bp__numel(conv_operand(g, n, 0)) == 0 ||
        bp__numel(conv_operand(g, n, 1)) == 0)
        return "empty";
    return NULL;
}

static const char *refuse_wino(const bp_graph *g, const bp__node *n)
{
    const char *why = refuse_direct(g, n);
    if (why)
        return why;
    bp__conv c = geometry(g, n);
    bool fits = n->op == BP__OP_conv2d ? bp__conv_wino_fwd_fits(&c)
                                       : bp__conv_wino_dx_fits(&c);
    return fits ? NULL : "3x3, stride 1, enough channels and pixels only";
}

static double conv_flops(const bp__conv *c)
{
    return 2.0 * (double)c->n * (double)c->oh * (double)c->ow *
           (double)c->o * (double)(c->c / c->groups) * (double)c->kh *
           (double)c->kw;
}

static void run_fwd_pack(const bp__args *a)
{
    const conv_params *p = a->params;
    const bp__conv_fns *f = &p->cpu->conv;
    (p->wino ? f->wino_fwd_pack : f->fwd_pack)(&p->c, a->ptr[0], a->begin,
                                               a->end, a->ptr[1]);
}

static void run_dx_pack(const bp__args *a)
{
    const conv_params *p = a->params;
    const bp__conv_fns *f = &p->cpu->conv;
    (p->wino ? f->wino_dx_pack : f->dx_pack)(&p->c, a->ptr[0], a->begin,
                                             a->end, a->ptr[1]);
}

static void run_fwd(const bp__args *a)
{
    const conv_params *p = a->params;
    bp__conv c = p->c;
    c.x = a->ptr[0];
    c.packed = a->ptr[1];
    c.bias = p->bias ? a->ptr[2] : NULL;
    c.out = a->ptr[p->bias ? 3 : 2];
    (p->wino ? p->cpu->conv.wino_fwd : p->cpu->conv.fwd)(&c, a->begin, a->end,
                                                         a->scratch);
}

static void run_dx(const bp__args *a)
{
    const conv_params *p = a->params;
    bp__conv c = p->c;
    c.dy = a->ptr[0];
    c.packed = a->ptr[1];
    c.out = a->ptr[2];
    (p->wino ? p->cpu->conv.wino_dx : p->cpu->conv.dx)(&c, a->begin, a->end,
                                                       a->scratch);
}

static void run_dw(const bp__args *a)
{
    const conv_params *p = a->params;
    bp__conv c = p->c;
    c.x = a->ptr[0];
    c.dy = a->ptr[1];
    c.partials = a->ptr[2];
    for (int64_t i = a->begin; i < a->end; i++)
        p->cpu->conv.dw_unit(&c, i, a->scratch);
}

static void run_dw_combine(const bp__args *a)
{
    const conv_params *p = a->params;
    bp__conv c = p->c;
    c.partials = a->ptr[0];
    c.out = a->ptr[1];
    p->cpu->conv.dw_combine(&c, a->begin, a->end);
}

static conv_params conv_params_of(bp__lower_state *s, const bp__unit *u,
                                  bool wino)
{
    conv_params p;
    memset(&p, 0, sizeof p);
    p.c = geometry(s->g, u->n);
    p.c.act = u->act ? BP__ACT_RELU : BP__ACT_NONE;
    p.cpu = s->o->cpu;
    p.wino = wino;
    p.bias = u->bias != 0;
    return p;
}

static uint32_t conv_pack(bp__lower_state *s, const bp__unit *u,
                          const conv_params *p, bool dx)
{
    size_t floats;
    int64_t units;
    if (p->wino) {
        floats = dx ? bp__conv_wino_dx_packed_floats(&p->c)
                    : bp__conv_wino_fwd_packed_floats(&p->c);
        units = dx ? bp__conv_wino_dx_pack_units(&p->c)
                   : bp__conv_wino_fwd_pack_units(&p->c);
    } else {
        floats = dx ? bp__conv_dx_packed_floats(&p->c)
                    : bp__conv_fwd_packed_floats(&p->c);
        units = dx ? bp__conv_dx_pack_units(&p->c)
                   : bp__conv_fwd_pack_units(&p->c);
    }
    const bp__conv *c = &p->c;
    /* Forward, the taps stand in the kernel's own order. */
    int64_t key[11] = {c->c, c->o, c->kh, c->kw, c->groups,
                       dx ? c->stride_h : 0, dx ? c->stride_w : 0,
                       dx ? c->pad_top : 0, dx ? c->pad_left : 0,
                       dx ? c->dil_h : 0, dx ? c->dil_w : 0};
    bp__packing q = {
        .kernel = dx ? (p->wino ? "conv2d_dx.winograd.pack" : "conv2d_dx.pack")
                     : (p->wino ? "conv2d.winograd.pack" : "conv2d.pack"),
        .value = s->g->edges[u->n->in + 1], .node = u->node, .key = key,
        .key_bytes = sizeof key, .run = dx ? run_dx_pack : run_fwd_pack,
        .params = p, .params_bytes = sizeof *p, .floats = (int64_t)floats,
        .units = units, .flops = (double)floats * (p->wino ? 20.0 : 1.0)};
    return bp__lower_packed(s, &q);
}

static void build_conv(bp__lower_state *s, const bp__unit *u, bool wino)
{
    conv_params p = conv_params_of(s, u, wino);
    bool dx = u->n->op == BP__OP_conv2d_dx;
    uint32_t in[3] = {bp__lower_in(s, s->g->edges[u->n->in], BP__NHWC),
                      conv_pack(s, u, &p, dx)};
    int n_in = 2;
    if (u->bias)
        in[n_in++] = bp__lower_in(s, u->bias, BP__PLAIN);
    uint32_t out = bp__lower_out(s, u->result, BP__NHWC);
    size_t scratch;
    if (wino)
        scratch = dx ? bp__conv_wino_dx_scratch_floats(&p.c)
                     : bp__conv_wino_fwd_scratch_floats(&p.c);
    else
        scratch = dx ? bp__conv_dx_scratch_floats(&p.c)
                     : bp__conv_fwd_scratch_floats(&p.c);
    const char *name = dx ? (wino ? "conv2d_dx.winograd" : "conv2d_dx.direct")
                          : (wino ? "conv2d.winograd" : "conv2d.direct");
    bp__call *c = bp__lower_call(s, name, u->node, dx ? run_dx : run_fwd, &p,
                                 sizeof p, n_in, in, 1, &out);
    if (!c)
        return;
    c->units = p.c.n;
    c->rows = BP__ROWS | 1;
    c->flops = conv_flops(&p.c);
    c->scratch = scratch * sizeof(float);
}

static void build_conv_direct(bp__lower_state *s, const bp__unit *u)
{
    build_conv(s, u, false);
}

static void build_conv_wino(bp__lower_state *s, const bp__unit *u)
{
    build_conv(s, u, true);
}

static void build_conv_dw(bp__lower_state *s, const bp__unit *u)
{
    conv_params p = conv_params_of(s, u, false);
    uint32_t in[2] = {bp__lower_in(s, s->g->edges[u->n->in], BP__NHWC),
                      bp__lower_in(s, s->g->edges[u->n->in + 1], BP__NHWC)};
    uint32_t parts =
        bp__lower_temp(s, (int64_t)bp__conv_dw_partial_floats(&p.c));
    bp__call *c = bp__lower_call(s, "conv2d_dw.direct", u->node, run_dw, &p,
                                 sizeof p, 2, in, 1, &parts);
    if (!c)
        return;
    c->units = bp__conv_dw_units(&p.c);
    c->flops = conv_flops(&p.c);
    c->scratch = bp__conv_dw_scratch_floats(&p.c) * sizeof(float);
    s->refusals = NULL;
    uint32_t out = bp__lower_out(s, u->result, BP__PLAIN);
    c = bp__lower_call(s, "conv2d_dw.direct.sum", u->node, run_dw_combine, &p,
                       sizeof p, 1, &parts, 1, &out);
    if (!c)
        return;
    c->units = bp__conv_dw_combine_units(&p.c);
    c->flops = (double)bp__conv_dw_partial_floats(&p.c);
}

#define CONV_KERNEL(name_, op_, epilogue_, refuse_, build_)               \
    {                                                                     \
        .name = name_, .op = op_, .epilogue = epilogue_, .refuse = refuse_, \
        .build = build_, .channels_last = op_ != BP__OP_conv2d_dw         \
    }
static const bp__kernel conv_wino =
    CONV_KERNEL("conv2d.winograd", BP__OP_conv2d, true, refuse_wino,
                build_conv_wino);
static const bp__kernel conv_direct =
    CONV_KERNEL("conv2d.direct", BP__OP_conv2d, true, refuse_direct,
                build_conv_direct);
static const bp__kernel dx_wino =
    CONV_KERNEL("conv2d_dx.winograd", BP__OP_conv2d_dx, false, refuse_wino,
                build_conv_wino);
static const bp__kernel dx_direct =
    CONV_KERNEL("conv2d_dx.direct", BP__OP_conv2d_dx, false, refuse_direct,
                build_conv_direct);
static const bp__kernel dw_direct =
    CONV_KERNEL("conv2d_dw.direct", BP__OP_conv2d_dw, false, refuse_direct,
                build_conv_dw);

const bp__kernel *const bp__conv2d_kernels[] = {&conv_wino, &conv_direct,
                                                NULL};
const bp__kernel *const bp__conv2d_dx_kernels[] = {&dx_wino, &dx_direct,
                                                   NULL};
const bp__kernel *const bp__conv2d_dw_kernels[] = {&dw_direct, NULL};
