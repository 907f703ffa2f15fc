/* Exact sums and products of doubles as pairs (head + tail), shared by the
 * elementary functions. Correct under round-to-nearest without FMA
 * contraction. */
#ifndef BP__DOUBLE_H
#define BP__DOUBLE_H

#include <stdint.h>
#include <string.h>

typedef struct bp__pair {
    double hi, lo;
} bp__pair;

static inline uint64_t bp__bits(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline double bp__from_bits(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* 2^k, -1022 <= k <= 1023 */
static inline double bp__pow2(int k)
{
    return bp__from_bits((uint64_t)(k + 1023) << 52);
}

static inline bp__pair bp__two_sum(double a, double b)
{
    double s = a + b;
    double t = s - a;
    return (bp__pair){s, (a - (s - t)) + (b - t)};
}

/* |a| >= |b| or a == 0 */
static inline bp__pair bp__fast_two_sum(double a, double b)
{
    double s = a + b;
    return (bp__pair){s, b - (s - a)};
}

/* |a|, |b| < 2^996 */
static inline bp__pair bp__two_prod(double a, double b)
{
    double p = a * b;
    double ca = 134217729.0 * a, cb = 134217729.0 * b;
    double ah = ca - (ca - a), bh = cb - (cb - b);
    double al = a - ah, bl = b - bh;
    return (bp__pair){p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

/* n / d, relative error about 2^-53 of n / d at the first double: */
static inline double bp__pair_div(bp__pair n, bp__pair d)
{
    double q = n.hi / d.hi;
    bp__pair back = bp__two_prod(q, d.hi);
    return q + (((n.hi - back.hi) - back.lo) + (n.lo - q * d.lo)) / d.hi;
}

#endif
