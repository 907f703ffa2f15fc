/* Philox4x32-10, after Salmon, Moraes, Dror and Shaw (2011), and the sequences
 * that are made of its blocks. Element i of a u32 sequence is word i % 4 of
 * block i / 4; a u64 is two words, a pair of normals is one block. */
#include "base/rng.h"

#include "base/math.h"

#include <math.h>

void bp__philox(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t a = ctr[0], b = ctr[1], c = ctr[2], d = ctr[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p = (uint64_t)0xD2511F53u * a, q = (uint64_t)0xCD9E8D57u * c;
        a = (uint32_t)(q >> 32) ^ b ^ k0;
        b = (uint32_t)q;
        c = (uint32_t)(p >> 32) ^ d ^ k1;
        d = (uint32_t)p;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = a;
    out[1] = b;
    out[2] = c;
    out[3] = d;
}

bp__rng bp__rng_seed(uint64_t seed, uint64_t step, int64_t stream)
{
    uint64_t s = (uint64_t)stream;
    uint32_t ctr[4] = {(uint32_t)step, (uint32_t)(step >> 32), (uint32_t)s,
                       (uint32_t)(s >> 32)};
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, out[4];
    bp__philox(ctr, key, out);
    return (bp__rng){{out[0], out[1]}, {out[2], out[3]}};
}

bp__rng bp__rng_make(const int32_t key[4], int64_t stream)
{
    uint64_t seed = (uint32_t)key[0] | (uint64_t)(uint32_t)key[1] << 32;
    uint64_t step = (uint32_t)key[2] | (uint64_t)(uint32_t)key[3] << 32;
    return bp__rng_seed(seed, step, stream);
}

static inline void rng_block(const bp__rng *r, uint64_t n, uint32_t out[4])
{
    uint32_t ctr[4] = {(uint32_t)n, (uint32_t)(n >> 32), r->high[0],
                       r->high[1]};
    bp__philox(ctr, r->key, out);
}

static inline uint64_t join(uint32_t low, uint32_t high)
{
    return low | (uint64_t)high << 32;
}

static inline double unit_f64(uint64_t u)
{
    return (double)(u >> 11) * 0x1p-53;
}

static inline float unit_f32(uint64_t u)
{
    return (float)(u >> 40) * 0x1p-24f;
}

/* Box and Muller: one block is two normals. The radius's uniform number lies
 * strictly between 0 and 1, the angle counts in turns. */
static void normal_pair(const uint32_t b[4], double out[2])
{
    double u = ((double)(join(b[0], b[1]) >> 12) + 0.5) * 0x1p-52;
    double turn = unit_f64(join(b[2], b[3]));
    double radius = sqrt(-2 * bp__log(u));
    double angle = turn * 6.283185307179586;
    out[0] = radius * bp__cos(angle);
    out[1] = radius * bp__sin(angle);
}

uint32_t bp__rng_u32(const bp__rng *r, uint64_t index)
{
    uint32_t b[4];
    rng_block(r, index / 4, b);
    return b[index % 4];
}

uint64_t bp__rng_u64(const bp__rng *r, uint64_t index)
{
    uint32_t b[4];
    rng_block(r, index / 2, b);
    return index % 2 ? join(b[2], b[3]) : join(b[0], b[1]);
}

double bp__rng_f64(const bp__rng *r, uint64_t index)
{
    return unit_f64(bp__rng_u64(r, index));
}

float bp__rng_f32(const bp__rng *r, uint64_t index)
{
    return unit_f32(bp__rng_u64(r, index));
}

double bp__rng_normal_f64(const bp__rng *r, uint64_t index)
{
    uint32_t b[4];
    double pair[2];
    rng_block(r, index / 2, b);
    normal_pair(b, pair);
    return pair[index % 2];
}

float bp__rng_normal_f32(const bp__rng *r, uint64_t index)
{
    return (float)bp__rng_normal_f64(r, index);
}

static uint64_t mul_high(uint64_t a, uint64_t b)
{
    uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
    uint64_t mid = ah * bl + (al * bl >> 32);
    uint64_t mid2 = al * bh + (uint32_t)mid;
    return ah * bh + (mid >> 32) + (mid2 >> 32);
}

uint64_t bp__rng_below(const bp__rng *r, uint64_t index, uint64_t n)
{
    return mul_high(bp__rng_u64(r, index), n);
}

/* ---- ranges ------------------------------------------------------------- */

/* One function for each kind: the elements that share a block with ones out
 * of the range are computed and dropped. */
#define FILL_PAIRS(name, type, make)                                       \
    void name(const bp__rng *r, uint64_t first, size_t n, type *out)       \
    {                                                                      \
        size_t i = 0;                                                      \
        while (i < n) {                                                    \
            uint64_t at = first + i;                                       \
            uint32_t b[4];                                                 \
            type pair[2];                                                  \
            rng_block(r, at / 2, b);                                       \
            make(b, pair);                                                 \
            if (at % 2 == 0)                                               \
                out[i++] = pair[0];                                        \
            if (i < n)                                                     \
                out[i++] = pair[1];                                        \
        }                                                                  \
    }

static void uniform_pair_f32(const uint32_t b[4], float out[2])
{
    out[0] = unit_f32(join(b[0], b[1]));
    out[1] = unit_f32(join(b[2], b[3]));
}

static void uniform_pair_f64(const uint32_t b[4], double out[2])
{
    out[0] = unit_f64(join(b[0], b[1]));
    out[1] = unit_f64(join(b[2], b[3]));
}

static void normal_pair_f32(const uint32_t b[4], float out[2])
{
    double pair[2];
    normal_pair(b, pair);
    out[0] = (float)pair[0];
    out[1] = (float)pair[1];
}

FILL_PAIRS(bp__rng_fill_f32, float, uniform_pair_f32)
FILL_PAIRS(bp__rng_fill_f64, double, uniform_pair_f64)
FILL_PAIRS(bp__rng_fill_normal_f32, float, normal_pair_f32)
FILL_PAIRS(bp__rng_fill_normal_f64, double, normal_pair)

void bp__rng_fill_u32(const bp__rng *r, uint64_t first, size_t n,
                      uint32_t *out)
{
    size_t i = 0;
    while (i < n) {
        uint64_t at = first + i;
        uint32_t b[4];
        rng_block(r, at / 4, b);
        for (uint64_t j = at % 4; j < 4 && i < n; j++)
            out[i++] = b[j];
    }
}

void bp__rng_fill_bernoulli(const bp__rng *r, double p, uint64_t first,
                            size_t n, uint8_t *out)
{
    /* p = 1 gives 2^32, above every word; NaN and p <= 0 give 0. */
    uint64_t below = !(p > 0) ? 0
                     : p >= 1 ? 1ull << 32
                              : (uint64_t)(p * 0x1p32 + 0.5);
    size_t i = 0;
    while (i < n) {
        uint64_t at = first + i;
        uint32_t b[4];
        rng_block(r, at / 4, b);
        for (uint64_t j = at % 4; j < 4 && i < n; j++)
            out[i++] = b[j] < below;
    }
}

void bp__rng_shuffle(const bp__rng *r, int64_t n, int64_t *perm)
{
    for (int64_t i = 0; i < n; i++)
        perm[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)bp__rng_below(r, (uint64_t)i, (uint64_t)i + 1);
        int64_t t = perm[i];
        perm[i] = perm[j];
        perm[j] = t;
    }
}
