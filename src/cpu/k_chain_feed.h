/* Feeding: operands of a chain that are not dense f32 come into slots of
 * scratch, block by block. Included by k_chain.c only, once a level. */
#ifndef BP__CPU_K_CHAIN_FEED_H
#define BP__CPU_K_CHAIN_FEED_H

#include "cpu/k_math.h"

#include "cpu/chain.h"

/* Registers that A takes: as many as leave some for the operation. */
#if BP__LEVEL == 4
enum { W = 16 };
#elif BP__LEVEL == 3
enum { W = 6 };
#else
enum { W = 4 };
#endif
enum { BLOCK = 16 * W };

/* A truth value as the accumulator holds it. */
V_INLINE bp__v16 chain_truth(bp__m16 m)
{
    return w_floats(m_words(m));
}

typedef enum feed_kind {
    FEED_DENSE,  /* converted, or copied because an output lies over it */
    FEED_EXTENDED, /* from a short vector that was repeated: by address */
    FEED_VECTOR, /* from a long vector along the last axes */
    FEED_RUNS,   /* each element `inner` times */
    FEED_STRIDED
} feed_kind;

typedef struct feed {
    feed_kind kind;
    int place;
    const bp__chain_input *in;
    const char *base;
    float *slot;
    int64_t at;   /* element; EXTENDED, VECTOR, RUNS: modulo period */
    int64_t left; /* RUNS: of this element; STRIDED: of the inner axis */
    int64_t index[BP_MAX_RANK]; /* STRIDED */
} feed;

/* dst[k] = element at + k * step, k < n, as f32 or truth word. */
static void feed_load(const feed *f, int64_t at, int64_t step, int64_t n,
                      float *dst)
{
    const char *base = f->base;
    if (f->in->dtype == BP_F32) {
        const float *s = (const float *)base + at;
        if (step == 1)
            memcpy(dst, s, (size_t)n * sizeof *dst);
        else
            for (int64_t k = 0; k < n; k++)
                dst[k] = s[k * step];
    } else if (f->in->dtype == BP_I32) {
        const int32_t *s = (const int32_t *)base + at;
        for (int64_t k = 0; k < n; k++)
            dst[k] = (float)s[k * step];
    } else if (f->in->dtype == BP_U8) {
        const uint8_t *s = (const uint8_t *)base + at;
        for (int64_t k = 0; k < n; k++)
            dst[k] = s[k * step];
    } else {
        const uint8_t *s = (const uint8_t *)base + at;
        uint32_t *w = (uint32_t *)dst;
        for (int64_t k = 0; k < n; k++)
            w[k] = s[k * step] ? ~0u : 0u;
    }
}

/* The same of a dense input, n <= BLOCK. */
static void feed_dense(const feed *f, int64_t at, int n, float *dst)
{
    for (int k = 0; k < n; k += 16) {
        int m = n - k < 16 ? n - k : 16;
        bp__v16 v;
        if (f->in->dtype == BP_F32)
            v = v_load_n((const float *)f->base + at + k, m);
        else if (f->in->dtype == BP_I32)
            v = v_from_w(w_load_n((const int32_t *)f->base + at + k, m));
        else if (f->in->dtype == BP_U8)
            v = v_load_u8_n((const uint8_t *)f->base + at + k, m);
        else
            v = chain_truth(m_load_bool_n((const uint8_t *)f->base + at + k,
                                          m));
        v_store(dst + k, v);
    }
}

static void feed_runs(feed *f, int n)
{
    int64_t inner = f->in->inner, period = f->in->period;
    for (int k = 0; k < n;) {
        int64_t run = f->left < n - k ? f->left : n - k;
        float x;
        feed_load(f, f->at, 1, 1, &x);
        int j = 0;
        for (; j + 16 <= run; j += 16)
            v_store(f->slot + k + j, v_set1(x));
        for (; j < run; j++)
            f->slot[k + j] = x;
        k += (int)run;
        f->left -= run;
        if (f->left == 0) {
            f->left = inner;
            f->at = f->at + 1 == period ? 0 : f->at + 1;
        }
    }
}

static void feed_strided(feed *f, int n)
{
    const bp__chain_input *in = f->in;
    int last = in->rank - 1;
    int64_t step = in->stride[last];
    for (int k = 0; k < n;) {
        int64_t run = f->left < n - k ? f->left : n - k;
        feed_load(f, f->at, step, run, f->slot + k);
        k += (int)run;
        f->left -= run;
        f->at += run * step;
        if (f->left > 0)
            continue;
        f->left = in->dims[last];
        f->at -= in->dims[last] * step;
        for (int d = last - 1; d >= 0; d--) {
            f->at += in->stride[d];
            if (++f->index[d] < in->dims[d])
                break;
            f->at -= in->dims[d] * in->stride[d];
            f->index[d] = 0;
        }
    }
}

/* Brings the next n elements of an input to its place. */
static void feed_next(feed *f, void **at, int n)
{
    int64_t period = f->in->period;
    switch (f->kind) {
    case FEED_DENSE:
        feed_dense(f, f->at, n, f->slot);
        f->at += n;
        break;
    case FEED_EXTENDED:
        at[f->place] = f->slot + f->at;
        f->at = (f->at + n) % period;
        break;
    case FEED_VECTOR:
        if (f->in->dtype == BP_F32 && f->at + BLOCK <= period) {
            at[f->place] = (float *)f->base + f->at;
        } else {
            int64_t head = period - f->at < n ? period - f->at : n;
            feed_load(f, f->at, 1, head, f->slot);
            feed_load(f, 0, 1, n - head, f->slot + head);
            at[f->place] = f->slot;
        }
        f->at = (f->at + n) % period;
        break;
    case FEED_RUNS:
        feed_runs(f, n);
        break;
    case FEED_STRIDED:
        feed_strided(f, n);
        break;
    }
}

/* Where element `begin` is. extra: free scratch, moved on when used. */
static void feed_start(feed *f, int64_t begin, float **extra)
{
    const bp__chain_input *in = f->in;
    if (in->dense) {
        f->kind = FEED_DENSE;
        f->at = begin;
    } else if (bp__chain_extends(in)) {
        f->kind = FEED_EXTENDED;
        f->slot = *extra;
        f->at = begin % in->period;
        int64_t n = in->period + BLOCK;
        feed_load(f, 0, 1, in->period, f->slot);
        for (int64_t k = in->period; k < n; k++)
            memcpy(f->slot + k, f->slot + k - in->period, sizeof *f->slot);
        *extra += (n + 15) / 16 * 16;
    } else if (in->inner == 1) {
        f->kind = FEED_VECTOR;
        f->at = begin % in->period;
    } else if (in->inner > 1) {
        f->kind = FEED_RUNS;
        f->at = begin / in->inner % in->period;
        f->left = in->inner - begin % in->inner;
    } else {
        f->kind = FEED_STRIDED;
        int last = in->rank - 1;
        f->at = 0;
        for (int d = last; d >= 0; d--) {
            f->index[d] = begin % in->dims[d];
            begin /= in->dims[d];
            f->at += f->index[d] * in->stride[d];
        }
        f->left = in->dims[last] - f->index[last];
    }
}

#endif
