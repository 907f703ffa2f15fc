/* The matrix product's fast kernels: with B packed once a step where it is
 * replicated (weights), and without. */
#include "lower/lower.h"

#include "op/attrs.h"

typedef struct gemm_params {
    bp__gemm g;
    const bp__cpu *cpu;
    bool packed, bias, by_panels;
    /* Matrices: the leading axes of the result, the steps of a and b along
     * them in floats (0 where they broadcast). */
    int64_t batch, dims[BP_MAX_RANK];
    int64_t step_a[BP_MAX_RANK], step_b[BP_MAX_RANK];
    int lead;
} gemm_params;

static const bp__type *operand(const bp_graph *g, const bp__node *n, int i)
{
    return &g->values[g->edges[n->in + i]].type;
}

static const char *refuse_any(const bp_graph *g, const bp__node *n)
{
    const bp__type *a = operand(g, n, 0), *b = operand(g, n, 1);
    if (a->dtype != BP_F32)
        return "f32 only";
    if (bp__numel(a) == 0 || bp__numel(b) == 0)
        return "empty";
    return NULL;
}

/* Does the value depend on an input? Weights, and what is made of them in a
 * few steps, do not. */
static bool from_input(const bp_graph *g, uint32_t v, int depth)
{
    const bp__node *n = &g->nodes[g->values[v].node];
    if (n->op == BP__OP_variable || n->op == BP__OP_const)
        return false;
    if (n->op == BP__OP_input || depth == 0)
        return true;
    for (int i = 0; i < n->n_in; i++)
        if (from_input(g, g->edges[n->in + i], depth - 1))
            return true;
    return false;
}

static const char *refuse_packed(const bp_graph *g, const bp__node *n)
{
    const char *why = refuse_any(g, n);
    const bp__matmul_attrs *at = n->attrs;
    if (why)
        return why;
    if (operand(g, n, 1)->rank != 2)
        return "several matrices";
    if (at->ta)
        return "the first operand is transposed: not tiled by rows";
    if (from_input(g, g->edges[n->in + 1], 4))
        return "the second operand is no weight: packing it does not pay";
    return NULL;
}

/* Matrix i of the result: where its operands begin. */
static void step_to(const gemm_params *p, int64_t i, bp__gemm *g)
{
    g->c += i * p->g.m * p->g.n;
    for (int k = p->lead; k-- > 0; i /= p->dims[k]) {
        g->a += i % p->dims[k] * p->step_a[k];
        g->b += i % p->dims[k] * p->step_b[k];
    }
}

static void run_gemm(const bp__args *args)
{
    const gemm_params *p = args->params;
    bp__gemm g = p->g;
    int out = 2 + (p->bias ? 1 : 0);
    g.a = args->ptr[0];
    g.b = args->ptr[1];
    if (p->packed)
        g.packed_b = args->ptr[1];
    g.bias = p->bias ? args->ptr[2] : NULL;
    g.c = args->ptr[out];
    if (p->batch > 1) {
        for (int64_t i = args->begin; i < args->end; i++) {
            bp__gemm one = g;
            step_to(p, i, &one);
            p->cpu->gemm.block(&one, 0, g.m, 0, g.n, args->scratch);
        }
    } else if (p->by_panels) {
        int64_t n1 = args->end * BP__GEMM_PANEL;
        p->cpu->gemm.block(&g, 0, g.m, args->begin * BP__GEMM_PANEL,
                           BP__MIN(n1, g.n), args->scratch);
    } else {
        p->cpu->gemm.block(&g, args->begin, args->end, 0, g.n,
                           args->scratch);
    }
}

static void run_pack(const bp__args *args)
{
    const gemm_params *p = args->params;
    bp__gemm g = p->g;
    g.b = args->ptr[0];
    p->cpu->gemm.pack_b(&g, args->begin, args->end, args->ptr[1]);
}

/* Steps along the leading axes of the result of an operand with matrices of
 * `floats`. */
static void leading_steps(const gemm_params *p, const bp__type *t,
                          int64_t floats, int64_t *step)
{
    for (int k = p->lead, i = t->rank - 2; k-- > 0;) {
        int64_t dim = --i >= 0 ? t->dims[i] : 1;
        step[k] = dim == 1 ? 0 : floats;
        floats *= dim;
    }
}

static void find_matrices(gemm_params *p, const bp__type *a,
                          const bp__type *b)
{
    p->lead = BP__MAX(a->rank, b->rank) - 2;
    for (int k = 0; k < p->lead; k++) {
        int i = k - p->lead + a->rank - 2, j = k - p->lead + b->rank - 2;
        p->dims[k] = BP__MAX(i >= 0 ? a->dims[i] : 1,
                             j >= 0 ? b->dims[j] : 1);
        p->batch *= p->dims[k];
    }
    leading_steps(p, a, a->dims[a->rank - 2] * a->dims[a->rank - 1],
                  p->step_a);
    leading_steps(p, b, b->dims[b->rank - 2] * b->dims[b->rank - 1],
                  p->step_b);
}

static gemm_params params_of(bp__lower_state *s, const bp__unit *u)
{
    const bp__matmul_attrs *at = u->n->attrs;
    const bp__type *a = operand(s->g, u->n, 0), *b = operand(s->g, u->n, 1);
    gemm_params p;
    memset(&p, 0, sizeof p);
    int64_t rows = a->dims[a->rank - 2], cols = a->dims[a->rank - 1];
    p.batch = 1;
    if (b->rank == 2 && (a->rank == 2 || !at->ta)) {
        for (int i = 0; i < a->rank - 2; i++)
            rows *= a->dims[i];
    } else {
        find_matrices(&p, a, b);
    }
    p.g.lda = cols;
    p.g.ldb = b->dims[b->rank - 1];
    p.g.m = at->ta ? cols : rows;
    p.g.k = at->ta ? rows : cols;
    p.g.n = at->tb ? b->dims[b->rank - 2] : b->dims[b->rank - 1];
    p.g.ldc = p.g.n;
    p.g.ta = at->ta;
    p.g.tb = at->tb;
    p.g.act = u->act ? BP__ACT_RELU : BP__ACT_NONE;
    p.bias = u->bias != 0;
    p.cpu = s->o->cpu;
    return p;
}

static uint32_t build_pack(bp__lower_state *s, const bp__unit *u,
                           const gemm_params *p)
{
    int64_t key[4] = {p->g.n, p->g.k, p->g.ldb, p->g.tb};
    int64_t floats = (int64_t)bp__gemm_packed_floats(p->g.n, p->g.k);
    bp__packing q = {
        .kernel = "matmul.pack", .value = s->g->edges[u->n->in + 1],
        .node = u->node, .key = key, .key_bytes = sizeof key, .run = run_pack,
        .params = p, .params_bytes = sizeof *p, .floats = floats,
        .units = bp__gemm_panels(p->g.n), .flops = (double)floats};
    return bp__lower_packed(s, &q);
}

/* Fewest rows that fill the kernel's tile. */
enum { ROW_GRAIN = 16 };

static void build_gemm(bp__lower_state *s, const bp__unit *u, bool packed)
{
    const bp__node *n = u->n;
    const bp__matmul_attrs *at = n->attrs;
    gemm_params p = params_of(s, u);
    uint32_t in[3] = {bp__lower_in(s, s->g->edges[n->in], BP__PLAIN),
                      packed ? build_pack(s, u, &p)
                             : bp__lower_in(s, s->g->edges[n->in + 1],
                                            BP__PLAIN)};
    int n_in = 2;
    if (u->bias)
        in[n_in++] = bp__lower_in(s, u->bias, BP__PLAIN);
    p.packed = packed;
    uint32_t out = bp__lower_out(s, u->result, BP__PLAIN);
    /* A few rows and many columns: units are panels of columns. */
    p.by_panels = at->ta && p.g.m < 64 && p.g.n > 16 * p.g.m;
    bp__gemm probe = p.g;
    static const float something = 0;
    probe.packed_b = packed ? &something : NULL;
    size_t scratch = bp__gemm_scratch_floats(&probe) * sizeof(float);
    bp__call *c = bp__lower_call(
        s, packed ? "matmul.packed" : "matmul.direct", u->node, run_gemm, &p,
        sizeof p, n_in, in, 1, &out);
    if (!c)
        return;
    c->scratch = scratch;
    c->flops = 2.0 * (double)p.g.m * (double)p.g.n * (double)p.g.k *
               (double)p.batch;
    const bp__type *y = bp__lower_type(s, u->result);
    if (p.batch > 1) {
        c->units = p.batch;
        if (y->rank == 3) /* one matrix a row of axis 0 */
            c->rows = BP__ROWS | (p.step_a[0] ? 1 : 0) |
                      (p.step_b[0] ? 2 : 0);
        return;
    }
    c->units = p.by_panels ? bp__gemm_panels(p.g.n) : p.g.m;
    c->grain = p.by_panels ? 2 : ROW_GRAIN;
    if (!at->ta && y->rank == 2)
        c->rows = BP__ROWS | 1;
}

static void build_packed(bp__lower_state *s, const bp__unit *u)
{
    build_gemm(s, u, true);
}

static void build_direct(bp__lower_state *s, const bp__unit *u)
{
    build_gemm(s, u, false);
}

static const bp__kernel packed_kernel = {
    .name = "matmul.packed", .op = BP__OP_matmul, .epilogue = true,
    .refuse = refuse_packed, .build = build_packed};
static const bp__kernel direct_kernel = {
    .name = "matmul.direct", .op = BP__OP_matmul, .epilogue = true,
    .refuse = refuse_any, .build = build_direct};

const bp__kernel *const bp__matmul_kernels[] = {&packed_kernel,
                                                &direct_kernel, NULL};
