/* sin and cos over all doubles. Reduction to [-pi/4, pi/4] as a pair: by four
 * parts of pi/2 up to 2^20, by the bits of 2/pi (Payne and Hanek's method)
 * beyond; then Taylor series of degree 17 and 18. */
#include "base/math.h"

#include "base/double.h"

#include <math.h>
#include <stdbool.h>

#define BP__TRIG_TABLES
#include "base/math_tables.h"

enum { WINDOW = 7, PRODUCT = WINDOW + 2 };

/* Bits [from, from+64) of the number in w, counted from below. */
static uint64_t bits_at(const uint32_t *w, int from)
{
    uint64_t v = 0;
    for (int b = 63; b >= 0; b--) {
        int at = from + b;
        bool inside = at >= 0 && at < 32 * PRODUCT;
        uint64_t bit = inside ? w[at / 32] >> (at % 32) & 1 : 0;
        v = v << 1 | bit;
    }
    return v;
}

/* x >= 2^20: its remainder by pi/2, the quotient's last two bits in *q. */
static bp__pair reduce_huge(double x, int *q)
{
    uint64_t u = bp__bits(x);
    uint64_t m = (u & 0xfffffffffffffull) | 1ull << 52;
    int e = (int)(u >> 52) - 1075; /* x = m * 2^e */
    /* Bits of 2/pi whose product with m 2^e is a multiple of 4 are left out:
     * the window starts at word `first`. */
    int first = e > 2 ? (e - 2) / 32 : 0;
    uint32_t product[PRODUCT] = {0}; /* little-endian words */
    for (int half = 0; half < 2; half++) {
        uint64_t f = half ? m >> 32 : m & 0xffffffff, carry = 0;
        for (int i = 0; i < WINDOW; i++) {
            uint64_t t = f * two_over_pi[first + WINDOW - 1 - i] +
                         product[i + half] + carry;
            product[i + half] = (uint32_t)t;
            carry = t >> 32;
        }
        product[WINDOW + half] = (uint32_t)carry;
    }
    int n_fraction = 32 * (first + WINDOW) - e; /* bits below the point */
    *q = (int)(bits_at(product, n_fraction) & 3);
    bool upper = bits_at(product, n_fraction - 1) & 1;
    if (upper) { /* at least a half: take the negative complement */
        *q = (*q + 1) & 3;
        uint64_t carry = 1;
        for (int i = 0; i < PRODUCT; i++) {
            carry += (uint32_t)~product[i];
            product[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    int top = n_fraction - 1; /* the fraction's highest set bit */
    while (top > 0 && !(product[top / 32] >> (top % 32) & 1))
        top--;
    uint64_t a = bits_at(product, top - 52) & 0x1fffffffffffffull;
    uint64_t b = bits_at(product, top - 105) & 0x1fffffffffffffull;
    double unit = bp__pow2(top - 52 - n_fraction);
    double ah = (double)a * unit;
    double al = (double)b * unit * bp__pow2(-53);
    bp__pair r = bp__two_prod(ah, PIO2_HIGH);
    r = bp__fast_two_sum(r.hi, r.lo + (ah * PIO2_LOW + al * PIO2_HIGH));
    return upper ? (bp__pair){-r.hi, -r.lo} : r;
}

/* a >= 0, finite. */
static bp__pair reduce(double a, int *q)
{
    if (a <= 0.785398163397448) {
        *q = 0;
        return (bp__pair){a, 0};
    }
    if (a >= 1048576)
        return reduce_huge(a, q);
    double n = floor(a * TWO_OVER_PI + 0.5);
    *q = (int)((int64_t)n & 3);
    /* The products by the first three parts are exact. */
    bp__pair r = bp__two_sum(a - n * PIO2_1, -(n * PIO2_2));
    bp__pair s = bp__two_sum(r.hi, -(n * PIO2_3));
    return bp__fast_two_sum(s.hi, s.lo + (r.lo - n * PIO2_4));
}

static double sin_series(bp__pair r)
{
    double x = r.hi, z = x * x, p = sin_terms[7];
    for (int i = 6; i >= 0; i--)
        p = p * z + sin_terms[i];
    return x + (x * z * p + r.lo * (1 - 0.5 * z));
}

static double cos_series(bp__pair r)
{
    double x = r.hi, z = x * x, p = cos_terms[7];
    for (int i = 6; i >= 0; i--)
        p = p * z + cos_terms[i];
    bp__pair one = bp__fast_two_sum(1, -0.5 * z);
    return one.hi + (one.lo + (z * z * p - x * r.lo));
}

double bp__sin(double x)
{
    if (!(fabs(x) < (double)INFINITY))
        return x - x;
    if (fabs(x) < 1e-9)
        return x;
    int q;
    bp__pair r = reduce(fabs(x), &q);
    double s = q & 1 ? cos_series(r) : sin_series(r);
    return (q >= 2) != (x < 0) ? -s : s;
}

double bp__cos(double x)
{
    if (!(fabs(x) < (double)INFINITY))
        return x - x;
    int q;
    bp__pair r = reduce(fabs(x), &q);
    double c = q & 1 ? sin_series(r) : cos_series(r);
    return q == 1 || q == 2 ? -c : c;
}
