/* Wrappers of all kernels: each runs the true one, with its results aside, and
 * delivers them spoiled. */
#include "meta/spoiled.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct planted planted;
static const bp__cpu *sound;

/* Notes that a kernel runs; the bug to plant in it now. */
static enum bug meet(enum slot slot)
{
    planted.hits[slot]++;
    return planted.slot == slot ? planted.bug : NONE;
}

/* Now, with two inputs that can be exchanged? */
static bool swap_now(enum slot slot, bool alike)
{
    planted.swaps[slot] += alike;
    return alike && planted.slot == slot && planted.bug == SWAP;
}

/* ---- results that are floats --------------------------------------------- */

/* No kernel writes this NaN: what still has it was not written. */
static const uint32_t unwritten = 0x7fc0dead;
/* What stood in a lane before it was skipped. */
static const float stale = -999.0f;

static bool is_written(const float *x)
{
    return memcmp(x, &unwritten, sizeof unwritten) != 0;
}

/* Memory for a kernel to write to, in place of its n floats. */
static float *aside(size_t n)
{
    float *x = malloc((n + 1) * sizeof *x);
    if (!x)
        abort();
    for (size_t i = 0; i < n; i++)
        memcpy(x + i, &unwritten, sizeof unwritten);
    return x;
}

static float spoil(enum bug bug, float x)
{
    switch (bug) {
    case NEGATE:
        return -x;
    case DOUBLE:
        return 2 * x;
    case ZERO:
        return 0;
    case NAN_:
        return NAN;
    default:
        return x;
    }
}

/* What was written goes to its place, spoiled. filled: zeros may stand where
 * nobody reads (packed operands, partial sums), and are no last lane. */
static void deliver(enum slot slot, float *to, float *from, size_t n,
                    bool filled)
{
    enum bug bug = meet(slot);
    size_t last = n;
    for (size_t i = 0; i < n; i++) {
        if (!is_written(from + i))
            continue;
        to[i] = spoil(bug, from[i]);
        if (!filled || from[i] != 0)
            last = i;
    }
    if (bug == SKIP && last < n)
        to[last] = stale;
    free(from);
}

static void gemm_pack_b(const bp__gemm *g, int64_t p0, int64_t p1, float *out)
{
    size_t n = bp__gemm_packed_floats(g->n, g->k);
    float *x = aside(n);
    sound->gemm.pack_b(g, p0, p1, x);
    deliver(GEMM_PACK, out, x, n, true);
}

static void gemm_block(const bp__gemm *g, int64_t m0, int64_t m1, int64_t n0,
                       int64_t n1, float *scratch)
{
    size_t n = g->m ? (size_t)((g->m - 1) * g->ldc + g->n) : 0;
    bp__gemm h = *g;
    bool square = g->m == g->n && g->n == g->k && g->lda == g->ldb;
    if (swap_now(GEMM_BLOCK, square && !g->packed_b)) {
        h.a = g->b;
        h.b = g->a;
    }
    h.c = aside(n);
    sound->gemm.block(&h, m0, m1, n0, n1, scratch);
    deliver(GEMM_BLOCK, g->c, h.c, n, false);
}

static size_t size(int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (size_t)(a * b * c * d);
}

#define PACK(slot, fn)                                                  \
    static void conv_##fn(const bp__conv *c, const float *w, int64_t u0, \
                          int64_t u1, float *packed)                    \
    {                                                                   \
        size_t n = bp__conv_##fn##ed_floats(c);                         \
        float *x = aside(n);                                            \
        sound->conv.fn(c, w, u0, u1, x);                                \
        deliver(slot, packed, x, n, true);                              \
    }
PACK(FWD_PACK, fwd_pack)
PACK(DX_PACK, dx_pack)
PACK(WINO_FWD_PACK, wino_fwd_pack)
PACK(WINO_DX_PACK, wino_dx_pack)

static void conv_any(enum slot slot, bp__conv_fn *fn, size_t n,
                     const bp__conv *c, int64_t n0, int64_t n1,
                     float *scratch)
{
    bp__conv d = *c;
    d.out = aside(n);
    fn(&d, n0, n1, scratch);
    deliver(slot, c->out, d.out, n, false);
}

#define CONV(slot, fn, floats)                                          \
    static void conv_##fn(const bp__conv *c, int64_t n0, int64_t n1,    \
                          float *scratch)                               \
    {                                                                   \
        conv_any(slot, sound->conv.fn, floats, c, n0, n1, scratch);     \
    }
CONV(FWD, fwd, size(c->n, c->oh, c->ow, c->o))
CONV(WINO_FWD, wino_fwd, size(c->n, c->oh, c->ow, c->o))
CONV(DX, dx, size(c->n, c->h, c->w, c->c))
CONV(WINO_DX, wino_dx, size(c->n, c->h, c->w, c->c))

static void conv_dw_unit(const bp__conv *c, int64_t unit, float *scratch)
{
    size_t n = bp__conv_dw_partial_floats(c);
    bp__conv d = *c;
    if (swap_now(DW_UNIT, c->c == c->o && c->h == c->oh && c->w == c->ow)) {
        d.x = c->dy;
        d.dy = c->x;
    }
    d.partials = aside(n);
    sound->conv.dw_unit(&d, unit, scratch);
    deliver(DW_UNIT, c->partials, d.partials, n, true);
}

static void conv_dw_combine(const bp__conv *c, int64_t u0, int64_t u1)
{
    size_t n = size(c->o, c->c / c->groups, c->kh, c->kw);
    bp__conv d = *c;
    d.out = aside(n);
    sound->conv.dw_combine(&d, u0, u1);
    deliver(DW_COMBINE, c->out, d.out, n, false);
}

/* Elements begin..n of a result that is whole numbers. */
static void spoil_places(enum slot slot, int32_t *index, size_t begin,
                         size_t n)
{
    enum bug bug = meet(slot);
    for (size_t i = begin; i < n; i++)
        index[i] = bug == NEGATE              ? -index[i]
                   : bug == DOUBLE            ? 2 * index[i]
                   : bug == ZERO              ? 0
                   : bug == SKIP && i + 1 == n ? (int32_t)stale
                                              : index[i];
}

static void pool_max(const bp__pool2d *p, const float *x, float *y,
                     int32_t *index, int64_t n0, int64_t n1)
{
    size_t each = size(1, p->oh, p->ow, p->c), n = (size_t)n1 * each;
    float *z = aside(n);
    sound->pool.max(p, x, z, index, n0, n1);
    deliver(MAX, y, z, n, false);
    spoil_places(MAX_INDEX, index, (size_t)n0 * each, n);
}

static void pool_scatter(const bp__pool2d *p, const float *dy,
                         const int32_t *index, float *dx, int64_t n0,
                         int64_t n1, int64_t *faults)
{
    size_t n = size(n1, p->h, p->w, p->c);
    float *x = aside(n);
    sound->pool.scatter(p, dy, index, x, n0, n1, faults);
    deliver(SCATTER, dx, x, n, false);
}

static void pool_avg(const bp__pool2d *p, const float *x, float *y,
                     int64_t n0, int64_t n1)
{
    size_t n = size(n1, p->oh, p->ow, p->c);
    float *z = aside(n);
    sound->pool.avg(p, x, z, n0, n1);
    deliver(AVG, y, z, n, false);
}

static void pool_avg_dx(const bp__pool2d *p, const float *dy, float *dx,
                        int64_t n0, int64_t n1)
{
    size_t n = size(n1, p->h, p->w, p->c);
    float *x = aside(n);
    sound->pool.avg_dx(p, dy, x, n0, n1);
    deliver(AVG_DX, dx, x, n, false);
}

static void pool_transpose(const float *x, float *y, int64_t rows,
                           int64_t cols, int64_t n0, int64_t n1)
{
    size_t n = size(n1, rows, cols, 1);
    float *z = aside(n);
    sound->pool.transpose(x, z, rows, cols, n0, n1);
    deliver(TRANSPOSE, y, z, n, false);
}

static void reduce_sum(const float *x, float *y, int64_t n, int64_t inner,
                       int64_t o0, int64_t o1)
{
    size_t out = size(o1, inner, 1, 1);
    float *z = aside(out);
    sound->reduce.sum(x, z, n, inner, o0, o1);
    deliver(SUM, y, z, out, false);
}

static void reduce_combine(const float *x, float *y, int64_t n, int64_t inner,
                           int64_t i0, int64_t i1)
{
    float *z = aside((size_t)i1);
    sound->reduce.combine(x, z, n, inner, i0, i1);
    deliver(COMBINE, y, z, (size_t)i1, false);
}

#define EXTREME(slot, fn)                                               \
    static void rows_##fn(const float *x, float *y, int64_t k, int64_t r0, \
                          int64_t r1)                                   \
    {                                                                   \
        float *z = aside((size_t)r1);                                   \
        sound->rows.fn(x, z, k, r0, r1);                                \
        deliver(slot, y, z, (size_t)r1, false);                         \
    }
EXTREME(AMAX, amax)
EXTREME(AMIN, amin)

#define PLACE(slot, fn)                                                  \
    static void rows_##fn(const float *x, int32_t *y, int64_t k,         \
                          int64_t r0, int64_t r1)                        \
    {                                                                    \
        sound->rows.fn(x, y, k, r0, r1);                                 \
        spoil_places(slot, y, (size_t)r0, (size_t)r1);                   \
    }
PLACE(ARGMAX, argmax)
PLACE(ARGMIN, argmin)

static void rows_norm(const bp__layer_norm *p, float *y, int64_t r0,
                      int64_t r1)
{
    bp__layer_norm q = *p;
    size_t n = size(r1, p->k, 1, 1);
    if (swap_now(NORM, true)) {
        q.gamma = p->beta;
        q.beta = p->gamma;
    }
    float *z = aside(n);
    sound->rows.norm(&q, z, r0, r1);
    deliver(NORM, y, z, n, false);
}

static void rows_norm_dx(const bp__layer_norm *p, float *dx, int64_t r0,
                         int64_t r1)
{
    bp__layer_norm q = *p;
    size_t n = size(r1, p->k, 1, 1);
    if (swap_now(NORM_DX, true)) {
        q.x = p->dy;
        q.dy = p->x;
    }
    float *z = aside(n);
    sound->rows.norm_dx(&q, z, r0, r1);
    deliver(NORM_DX, dx, z, n, false);
}

static void rows_norm_dparams(const bp__layer_norm *p, float *dgamma,
                              int64_t r0, int64_t r1)
{
    bp__layer_norm q = *p;
    size_t n = (size_t)p->k;
    if (swap_now(NORM_DPARAMS, true)) {
        q.x = p->dy;
        q.dy = p->x;
    }
    float *a = aside(n), *b = aside(n);
    q.dbeta = b;
    sound->rows.norm_dparams(&q, a, r0, r1);
    deliver(NORM_DPARAMS, dgamma, a, n, false);
    deliver(NORM_DPARAMS, p->dbeta, b, n, false);
}

/* a: floats of a row of the result. */
#define ROWS(slot, fn, a)                                               \
    static void rows_##fn(const float *x, float *y, int64_t k, int64_t r0, \
                          int64_t r1)                                   \
    {                                                                   \
        size_t n = size(r1, a, 1, 1);                                   \
        float *z = aside(n);                                            \
        sound->softmax.fn(x, z, k, r0, r1);                             \
        deliver(slot, y, z, n, false);                                  \
    }
ROWS(SOFTMAX, softmax, k)
ROWS(LOG_SOFTMAX, log_softmax, k)
ROWS(LOGSUMEXP, logsumexp, 1)

#define ROWS_DX(slot, fn)                                               \
    static void rows_##fn(const float *y, const float *dy, float *dx,   \
                          int64_t k, int64_t r0, int64_t r1)            \
    {                                                                   \
        bool swap = swap_now(slot, true);                               \
        size_t n = size(r1, k, 1, 1);                                   \
        float *x = aside(n);                                            \
        sound->softmax.fn(swap ? dy : y, swap ? y : dy, x, k, r0, r1);  \
        deliver(slot, dx, x, n, false);                                 \
    }
ROWS_DX(SOFTMAX_DX, softmax_dx)
ROWS_DX(LOG_SOFTMAX_DX, log_softmax_dx)

static void rows_xent(const float *x, const void *target, int dtype,
                      float *loss, int64_t k, int64_t r0, int64_t r1,
                      int64_t *faults)
{
    bool swap = swap_now(XENT, dtype == BP_F32);
    float *z = aside((size_t)r1);
    sound->softmax.xent(swap ? target : x, swap ? x : target, dtype, z, k, r0,
                        r1, faults);
    deliver(XENT, loss, z, (size_t)r1, false);
}

static void rows_xent_dx(const float *x, const void *target, int dtype,
                         const float *dloss, float *dx, int64_t k, int64_t r0,
                         int64_t r1)
{
    bool swap = swap_now(XENT_DX, dtype == BP_F32);
    size_t n = size(r1, k, 1, 1);
    float *z = aside(n);
    sound->softmax.xent_dx(swap ? target : x, swap ? x : target, dtype, dloss,
                           z, k, r0, r1);
    deliver(XENT_DX, dx, z, n, false);
}

/* ---- chains, and tests for finite values --------------------------------- */

static void spoil_range(enum bug bug, int dtype, void *data, int64_t begin,
                        int64_t end)
{
    float *f = data;
    int32_t *w = data;
    uint8_t *b = data;
    for (int64_t i = begin; i < end; i++) {
        bool skip = bug == SKIP && i + 1 == end;
        if (dtype == BP_F32)
            f[i] = skip ? stale : spoil(bug, f[i]);
        else if (dtype == BP_I32)
            w[i] = skip ? (int32_t)stale : (int32_t)spoil(bug, (float)w[i]);
        else if (dtype == BP_BOOL)
            b[i] = bug == NEGATE || skip ? !b[i] : bug == ZERO ? 0 : b[i];
        else
            b[i] = bug == NEGATE   ? (uint8_t)-b[i]
                   : bug == DOUBLE ? (uint8_t)(2 * b[i])
                   : bug == ZERO   ? 0
                   : skip          ? (uint8_t)(b[i] + 77)
                                   : b[i];
    }
}

static bool spoil_verdict(enum bug bug, bool found)
{
    return bug == NEGATE ? !found : bug == ZERO ? false : found;
}

static void chain_run(const bp__chain *c, const void *const *in,
                      void *const *out, int64_t begin, int64_t end,
                      void *scratch, int64_t *nonfinite)
{
    const void *from[BP__CHAIN_LOADS];
    int64_t bad[BP__CHAIN_STORES] = {0}, ignored[BP__CHAIN_STORES] = {0};
    memcpy(from, in, sizeof *from * (size_t)c->n_in);
    if (swap_now(CHAIN, c->n_in >= 2 && c->in[0].dense && c->in[1].dense &&
                            c->in[0].dtype == c->in[1].dtype)) {
        from[0] = in[1];
        from[1] = in[0];
    }
    bool tested = false;
    for (int i = 0; i < c->n_out; i++)
        tested = tested || c->out[i].test;
    enum bug bug = tested ? meet(CHAIN_TEST) : NONE;
    int64_t seen = bug == SKIP && end > begin ? end - 1 : end;
    sound->chain.run(c, from, out, begin, seen, scratch, bad);
    if (seen < end)
        sound->chain.run(c, from, out, seen, end, scratch, ignored);
    for (int i = 0; i < c->n_out; i++)
        if (c->out[i].test)
            nonfinite[i] += spoil_verdict(bug, bad[i] > 0);
    bug = meet(CHAIN);
    for (int i = 0; i < c->n_out; i++)
        spoil_range(bug, c->out[i].dtype, out[i], begin, end);
}

static bool any_nonfinite(const float *x, int64_t n)
{
    enum bug bug = meet(FINITE);
    if (bug == SKIP && n > 0)
        n--;
    return spoil_verdict(bug, sound->finite.any_nonfinite(x, n));
}

static const bp__cpu spoiled_fns = {
    .gemm = {gemm_pack_b, gemm_block},
    .chain = {chain_run},
    .conv = {conv_fwd_pack, conv_fwd, conv_dx_pack, conv_dx, conv_dw_unit,
             conv_dw_combine, conv_wino_fwd_pack, conv_wino_fwd,
             conv_wino_dx_pack, conv_wino_dx},
    .finite = {any_nonfinite},
    .pool = {pool_max, pool_scatter, pool_avg, pool_avg_dx, pool_transpose},
    .reduce = {reduce_sum, reduce_combine},
    .rows = {rows_amax, rows_amin, rows_argmax, rows_argmin, rows_norm,
             rows_norm_dx, rows_norm_dparams},
    .softmax = {rows_softmax, rows_log_softmax, rows_logsumexp,
                rows_softmax_dx, rows_log_softmax_dx, rows_xent,
                rows_xent_dx},
};

const bp__cpu *spoiled_cpu(void)
{
    static bp__cpu spoiled;
    sound = bp__cpu_get(BP_LEVEL_AUTO);
    spoiled = spoiled_fns;
    spoiled.level = sound->level;
    return &spoiled;
}
