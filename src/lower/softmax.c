/* Fast kernels of softmax, log-softmax, logsumexp and the softmax
 * cross-entropy along the last axis, forward and backward. */
#include "lower/lower.h"

#include "op/attrs.h"

typedef struct softmax_params {
    const bp__cpu *cpu;
    int64_t k, rows_a_unit;
    int dtype;  /* of the target */
} softmax_params;

static const bp__type *softmax_operand(const bp_graph *g, const bp__node *n,
                                       int i)
{
    return &g->values[g->edges[n->in + i]].type;
}

static const char *refuse_common(const bp_graph *g, const bp__node *n)
{
    const bp__type *x = softmax_operand(g, n, 0);
    if (x->dtype != BP_F32)
        return "f32 only";
    if (bp__numel(x) == 0)
        return "empty";
    return NULL;
}

/* The node's own attributes, or those of the composite it is backward of. */
static const void *attrs_of(const bp__node *n)
{
    return n->op == BP__OP_backward
               ? ((const bp__backward_attrs *)n->attrs)->of
               : n->attrs;
}

static const char *refuse_softmax(const bp_graph *g, const bp__node *n)
{
    const char *why = refuse_common(g, n);
    const bp__axis_attrs *at = attrs_of(n);
    const bp__type *x = softmax_operand(g, n, 0);
    if (!why && at->axis != x->rank - 1)
        why = "along the last axis only";
    return why;
}

static const char *refuse_xent_dx(const bp_graph *g, const bp__node *n)
{
    const bp__backward_attrs *at = n->attrs;
    const char *why = refuse_common(g, n);
    if (!why && at->dx != 1)
        why = "the gradient of the logits alone";
    return why;
}

static void run_softmax(const bp__args *a)
{
    const softmax_params *p = a->params;
    int64_t u = p->rows_a_unit;
    p->cpu->softmax.softmax(a->ptr[0], a->ptr[1], p->k, a->begin * u,
                            a->end * u);
}

static void run_log_softmax(const bp__args *a)
{
    const softmax_params *p = a->params;
    int64_t u = p->rows_a_unit;
    p->cpu->softmax.log_softmax(a->ptr[0], a->ptr[1], p->k, a->begin * u,
                                a->end * u);
}

static void run_logsumexp(const bp__args *a)
{
    const softmax_params *p = a->params;
    int64_t u = p->rows_a_unit;
    p->cpu->softmax.logsumexp(a->ptr[0], a->ptr[1], p->k, a->begin * u,
                              a->end * u);
}

static void run_softmax_dx(const bp__args *a)
{
    const softmax_params *p = a->params;
    int64_t u = p->rows_a_unit;
    p->cpu->softmax.softmax_dx(a->ptr[0], a->ptr[1], a->ptr[2], p->k,
                               a->begin * u, a->end * u);
}

static void run_log_softmax_dx(const bp__args *a)
{
    const softmax_params *p = a->params;
    int64_t u = p->rows_a_unit;
    p->cpu->softmax.log_softmax_dx(a->ptr[0], a->ptr[1], a->ptr[2], p->k,
                                   a->begin * u, a->end * u);
}

static void run_xent(const bp__args *a)
{
    const softmax_params *p = a->params;
    int64_t u = p->rows_a_unit;
    p->cpu->softmax.xent(a->ptr[0], a->ptr[1], p->dtype, a->ptr[2], p->k,
                         a->begin * u, a->end * u, a->faults);
}

static void run_xent_dx(const bp__args *a)
{
    const softmax_params *p = a->params;
    int64_t u = p->rows_a_unit;
    p->cpu->softmax.xent_dx(a->ptr[0], a->ptr[1], p->dtype, a->ptr[2],
                            a->ptr[3], p->k, a->begin * u, a->end * u);
}

/* A call on rows of the last axis; ops: positions of the node's operands that
 * the kernel reads. */
static void build_rows(bp__lower_state *s, const bp__unit *u,
                       const char *name, bp__run_fn run, int n_in,
                       const int *ops)
{
    const bp__type *x = softmax_operand(s->g, u->n, 0);
    softmax_params p;
    memset(&p, 0, sizeof p);
    p.cpu = s->o->cpu;
    p.k = x->dims[x->rank - 1];
    int64_t rows = bp__numel(x) / p.k;
    bool first = x->rank >= 2; /* units are rows of axis 0 */
    int64_t units = first ? x->dims[0] : 1;
    p.rows_a_unit = rows / units;
    uint32_t in[3], out;
    for (int i = 0; i < n_in; i++)
        in[i] = bp__lower_in(s, s->g->edges[u->n->in + ops[i]], BP__PLAIN);
    if (u->n->n_in > 1)
        p.dtype = softmax_operand(s->g, u->n, 1)->dtype;
    out = bp__lower_out(s, u->n->out, BP__PLAIN);
    bp__call *c = bp__lower_call(s, name, u->node, run, &p, sizeof p, n_in, in,
                                 1, &out);
    if (!c)
        return;
    c->units = units;
    if (first)
        c->rows = BP__ROWS | ((1u << n_in) - 1);
    c->flops = 20.0 * (double)bp__numel(x);
    c->faults = run == run_xent;
}

static void build_softmax(bp__lower_state *s, const bp__unit *u)
{
    build_rows(s, u, "softmax.rows", run_softmax, 1, (int[]){0});
}

static void build_log_softmax(bp__lower_state *s, const bp__unit *u)
{
    build_rows(s, u, "log_softmax.rows", run_log_softmax, 1, (int[]){0});
}

static void build_logsumexp(bp__lower_state *s, const bp__unit *u)
{
    build_rows(s, u, "logsumexp.rows", run_logsumexp, 1, (int[]){0});
}

/* Backward nodes: operands are x, the saved y, dy. */
static void build_softmax_dx(bp__lower_state *s, const bp__unit *u)
{
    build_rows(s, u, "softmax_dx.rows", run_softmax_dx, 2, (int[]){1, 2});
}

static void build_log_softmax_dx(bp__lower_state *s, const bp__unit *u)
{
    build_rows(s, u, "log_softmax_dx.rows", run_log_softmax_dx, 2,
               (int[]){1, 2});
}

static void build_xent(bp__lower_state *s, const bp__unit *u)
{
    build_rows(s, u, "softmax_cross_entropy.rows", run_xent, 2,
               (int[]){0, 1});
}

/* Operands: logits, target, loss, dloss. */
static void build_xent_dx(bp__lower_state *s, const bp__unit *u)
{
    build_rows(s, u, "softmax_cross_entropy_dx.rows", run_xent_dx, 3,
               (int[]){0, 1, 3});
}

#define ROWS_KERNEL(var, name_, op_, back, refuse_, build_)              \
    static const bp__kernel var = {.name = name_, .op = op_,             \
                                   .backward = back, .refuse = refuse_,  \
                                   .build = build_}
ROWS_KERNEL(softmax_rows, "softmax.rows", BP__OP_softmax, false,
            refuse_softmax, build_softmax);
ROWS_KERNEL(softmax_dx_rows, "softmax_dx.rows", BP__OP_softmax, true,
            refuse_softmax, build_softmax_dx);
ROWS_KERNEL(log_softmax_rows, "log_softmax.rows", BP__OP_log_softmax, false,
            refuse_softmax, build_log_softmax);
ROWS_KERNEL(log_softmax_dx_rows, "log_softmax_dx.rows", BP__OP_log_softmax,
            true, refuse_softmax, build_log_softmax_dx);
ROWS_KERNEL(logsumexp_rows, "logsumexp.rows", BP__OP_logsumexp, false,
            refuse_softmax, build_logsumexp);
ROWS_KERNEL(xent_rows, "softmax_cross_entropy.rows",
            BP__OP_softmax_cross_entropy, false, refuse_common, build_xent);
ROWS_KERNEL(xent_dx_rows, "softmax_cross_entropy_dx.rows",
            BP__OP_softmax_cross_entropy, true, refuse_xent_dx,
            build_xent_dx);

const bp__kernel *const bp__softmax_kernels[] = {&softmax_rows, NULL};
const bp__kernel *const bp__softmax_dx_kernels[] = {&softmax_dx_rows, NULL};
const bp__kernel *const bp__log_softmax_kernels[] = {&log_softmax_rows, NULL};
const bp__kernel *const bp__log_softmax_dx_kernels[] = {&log_softmax_dx_rows,
                                                        NULL};
const bp__kernel *const bp__logsumexp_kernels[] = {&logsumexp_rows, NULL};
const bp__kernel *const bp__xent_kernels[] = {&xent_rows, NULL};
const bp__kernel *const bp__xent_dx_kernels[] = {&xent_dx_rows, NULL};
