/* exp, log and what follows from them. Both are computed from a table and a
 * short series as a pair of doubles with about 64 good bits, so that what is
 * built on them (pow, tanh, sigmoid, expm1, log1p) rounds nearly once. */
#include "base/math.h"

#include "base/double.h"

#include <math.h>
#include <stdbool.h>

#define BP__EXP_LOG_TABLES
#include "base/math_tables.h"

/* ---- exp ---------------------------------------------------------------- */

/* exp(hi + lo) = 2^*k * (head + tail), head in [1, 2); |hi| < 800. */
static bp__pair exp_pair(double hi, double lo, int *k)
{
    /* Adding 1.5 * 2^52 rounds to a whole number. */
    double shifted = hi * EXP_INV_STEP + 6755399441055744.0;
    double n = shifted - 6755399441055744.0;
    int i = (int)n;
    bp__pair r = bp__two_sum(hi - n * EXP_STEP_HIGH, -(n * EXP_STEP_LOW));
    double rl = r.lo + lo, x = r.hi;
    double tail = x * x *
                      (0.5 + x * (1.0 / 6 +
                                  x * (1.0 / 24 +
                                       x * (1.0 / 120 +
                                            x * (1.0 / 720 + x / 5040))))) +
                  (rl + rl * x);
    int j = i & 63;
    *k = (i - j) / 64;
    double th = exp2_table[2 * j], tl = exp2_table[2 * j + 1];
    bp__pair p = bp__two_prod(th, x);
    bp__pair s = bp__fast_two_sum(th, p.hi);
    return bp__fast_two_sum(s.hi,
                            s.lo + (p.lo + (tl + (th * tail + tl * x))));
}

/* x * 2^k with one rounding, -1222 <= k <= 2046. */
static double scale(double x, int k)
{
    if (k > 1023) {
        x *= bp__pow2(1023);
        k -= 1023;
    } else if (k < -1022) {
        x *= bp__pow2(k + 200);
        k = -200;
    }
    return x * bp__pow2(k);
}

double bp__exp(double x)
{
    if (!(fabs(x) < 746))
        return x > 0 ? (double)INFINITY : x < 0 ? 0 : x + 1;
    int k;
    bp__pair e = exp_pair(x, 0, &k);
    return scale(e.hi, k);
}

double bp__expm1(double x)
{
    if (!(x < 746))
        return x > 0 ? (double)INFINITY : x;
    if (x < -50)
        return -1;
    if (fabs(x) < 0.00390625) {
        if (x == 0)
            return x;
        return x + x * x *
                       (0.5 + x * (1.0 / 6 +
                                   x * (1.0 / 24 +
                                        x * (1.0 / 120 + x / 720))));
    }
    int k;
    bp__pair e = exp_pair(x, 0, &k);
    if (k > 1000)
        return scale(e.hi, k);
    double p = bp__pow2(k);
    bp__pair s = bp__two_sum(e.hi * p, -1);
    return s.hi + (s.lo + e.lo * p);
}

/* exp(x) as an unscaled pair, |x| < 700. */
static bp__pair exp_whole(double x)
{
    int k;
    bp__pair e = exp_pair(x, 0, &k);
    double p = bp__pow2(k);
    return (bp__pair){e.hi * p, e.lo * p};
}

static bp__pair add_to_pair(bp__pair a, double b)
{
    bp__pair s = bp__two_sum(a.hi, b);
    return bp__fast_two_sum(s.hi, s.lo + a.lo);
}

double bp__tanh(double x)
{
    double a = fabs(x), t;
    if (!(a < 22)) {
        t = a >= 22 ? 1 : a;
    } else if (a < 0.0625) {
        double z = a * a;
        if (a < 1e-9)
            return x;
        t = a - a * z *
                    (1.0 / 3 -
                     z * (2.0 / 15 -
                          z * (17.0 / 315 -
                               z * (62.0 / 2835 -
                                    z * (1382.0 / 155925 -
                                         z * (21844.0 / 6081075))))));
    } else {
        bp__pair e = exp_whole(2 * a);
        t = bp__pair_div(add_to_pair(e, -1), add_to_pair(e, 1));
    }
    return copysign(t, x);
}

double bp__sigmoid(double x)
{
    if (!(fabs(x) < 700)) /* 1 + exp(x) is 1 there, or x is no number */
        return x > 0 ? 1 : bp__exp(x);
    bp__pair e = exp_whole(-fabs(x));
    bp__pair one = {1, 0};
    return bp__pair_div(x < 0 ? e : one, add_to_pair(e, 1));
}

/* ---- log -----------------------------------------------------------------*/

/* log(x) for 0 < x < infinity. */
static bp__pair log_pair(double x)
{
    uint64_t u = bp__bits(x);
    int k = 0;
    if (!(u >> 52)) {
        u = bp__bits(x * 18014398509481984.0); /* 2^54 */
        k = -54;
    }
    k += (int)(u >> 52) - 1023;
    uint64_t fraction = u & 0xfffffffffffffull;
    /* Above sqrt(2), near enough, halve: m within [0.7, 1.42]. */
    bool upper = fraction > 0x6a09e667f3bcdull;
    k += upper;
    double m = bp__from_bits(fraction | (uint64_t)(upper ? 1022 : 1023) << 52);
    const double *t = log_table + 3 * ((int)(m * 128 + 0.5) - LOG_FIRST);
    bp__pair p = bp__two_prod(m, t[0]);
    bp__pair r = bp__fast_two_sum(p.hi - 1, p.lo);
    double z = r.hi;
    bp__pair sq = bp__two_prod(z, z);
    double tail = z * sq.hi *
                  (1.0 / 3 +
                   z * (-1.0 / 4 +
                        z * (1.0 / 5 +
                             z * (-1.0 / 6 +
                                  z * (1.0 / 7 +
                                       z * (-1.0 / 8 + z * (1.0 / 9)))))));
    bp__pair s1 = bp__two_sum(k * LN2_HIGH + t[1], z);
    bp__pair s2 = bp__two_sum(s1.hi, -0.5 * sq.hi);
    double low = s1.lo + s2.lo +
                 ((r.lo - r.lo * z - 0.5 * sq.lo) + (k * LN2_LOW + t[2]) +
                  tail);
    return bp__two_sum(s2.hi, low);
}

double bp__log(double x)
{
    if (!(x > 0 && x < (double)INFINITY))
        return x == 0  ? -(double)INFINITY
               : x < 0 ? (double)NAN
                       : x + x;
    return log_pair(x).hi;
}

double bp__log1p(double x)
{
    if (!(x > -1 && x < (double)INFINITY))
        return x == -1  ? -(double)INFINITY
               : x < -1 ? (double)NAN
                        : x + x;
    if (fabs(x) < 1e-9)
        return x == 0 ? x : x - 0.5 * x * x;
    bp__pair one = bp__two_sum(1, x);
    bp__pair l = log_pair(one.hi);
    return l.hi + (l.lo + one.lo / one.hi);
}

/* ---- pow -----------------------------------------------------------------*/

/* 0: not whole, 1: odd, 2: even. */
static int whole_parity(double y)
{
    double a = fabs(y);
    if (a >= 9007199254740992.0)
        return 2;
    if (a != floor(a))
        return 0;
    return (uint64_t)a & 1 ? 1 : 2;
}

/* |x| in (0, infinity), not 1; y finite, not 0. */
static double pow_positive(double x, double y)
{
    bp__pair l = log_pair(x);
    double rough = y * l.hi;
    if (!(rough < 710))
        return (double)INFINITY;
    if (!(rough > -746))
        return 0;
    if (fabs(rough) < 1e-18)
        return 1 + rough;
    bp__pair p = bp__two_prod(y, l.hi);
    int k;
    bp__pair e = exp_pair(p.hi, p.lo + y * l.lo, &k);
    return scale(e.hi, k);
}

double bp__pow(double x, double y)
{
    if (y == 0 || x == 1)
        return 1;
    if (isnan(x) || isnan(y))
        return x + y;
    double a = fabs(x);
    if (isinf(y)) {
        if (a == 1)
            return 1;
        return (a > 1) == (y > 0) ? (double)INFINITY : 0;
    }
    int parity = whole_parity(y);
    bool negative = signbit(x) && parity == 1;
    double r;
    if (a == 0 || isinf(a))
        r = (a == 0) == (y > 0) ? 0 : (double)INFINITY;
    else if (x < 0 && parity == 0)
        return (double)NAN;
    else
        r = a == 1 ? 1 : pow_positive(a, y);
    return negative ? -r : r;
}
