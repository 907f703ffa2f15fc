/* Elementary functions of f32 over bp__v16: own code, so that their bits do
 * not depend on a C library; FMA and IEEE 754 basic operations only. The
 * definition is the same at every level, and so are the bits.
 *
 * Largest error in units in the last place, over all floats (pow: a dense
 * sample), measured by tests/unit/cpu/test_math.c against doubles:
 *   exp 1.25   log 1.0   log1p 1.0   tanh 1.5   sigmoid 2.5   erf 1.25
 *   sin 1.75   cos 1.75   pow 1.5
 * Subnormal operands and results are exact parts of this: nothing is flushed
 * to zero. Infinities, NaNs and signed zeros go as in C's Annex F (of log and
 * log1p too: -inf at the pole, NaN below it).
 */
#ifndef BP__CPU_MATH_H
#define BP__CPU_MATH_H

#include "cpu/v16.h"

/* a * x + c, for the constants of a polynomial. */
#define V_HORNER(a, x, c) v_fma(a, x, v_set1(c))

/* e^x for -104 <= x <= 89, or NaN. x = n ln 2 + r; e^r = 1 + r + r^2 p(r). */
V_INLINE bp__v16 v_exp_core(bp__v16 x)
{
    bp__v16 z = v_fma(x, v_set1(0x1.715476p+0f), v_set1(V_SHIFTER));
    bp__v16 n = v_sub(z, v_set1(V_SHIFTER));
    bp__v16 r = v_fnma(n, v_set1(0x1.62e430p-1f), x);
    r = v_fnma(n, v_set1(-0x1.05c610p-29f), r);
    bp__v16 p = v_set1(0x1.6a2320p-10f);
    p = V_HORNER(p, r, 0x1.123a8ep-7f);
    p = V_HORNER(p, r, 0x1.5558f6p-5f);
    p = V_HORNER(p, r, 0x1.555490p-3f);
    p = V_HORNER(p, r, 0x1.fffffcp-2f);
    p = v_fma(p, v_mul(r, r), r);
    return v_scale(v_add(p, v_set1(1.0f)), z);
}

V_INLINE bp__v16 v_exp(bp__v16 x)
{
    x = v_pick_max(v_set1(-104.0f), x); /* a NaN stays */
    x = v_pick_min(v_set1(89.0f), x);
    return v_exp_core(x);
}

/* log(1 + f), -1/4 <= f <= 1/2: f + f^2 (-1/2 + f p(f)). */
V_INLINE bp__v16 v_log_core(bp__v16 f)
{
    bp__v16 p = v_set1(0x1.34ab7ap-5f);
    p = V_HORNER(p, f, -0x1.7574fcp-4f);
    p = V_HORNER(p, f, 0x1.df4bd6p-4f);
    p = V_HORNER(p, f, -0x1.04aacep-3f);
    p = V_HORNER(p, f, 0x1.24603ap-3f);
    p = V_HORNER(p, f, -0x1.5519a2p-3f);
    p = V_HORNER(p, f, 0x1.999788p-3f);
    p = V_HORNER(p, f, -0x1.000070p-2f);
    p = V_HORNER(p, f, 0x1.55555ap-2f);
    p = V_HORNER(p, f, -0.5f);
    return v_fma(v_mul(p, f), f, f);
}

/* k ln 2 + r */
V_INLINE bp__v16 v_add_exponent(bp__w16 k, bp__v16 r)
{
    bp__v16 n = v_from_w(k);
    r = v_fma(n, v_set1(-0x1.05c610p-29f), r);
    return v_fma(n, v_set1(0x1.62e430p-1f), r);
}

/* The rest of a logarithm whose argument's pole is at -`x0`: y is its value
 * for finite x > -x0. */
V_INLINE bp__v16 v_log_cases(bp__v16 x, float x0, bp__v16 y)
{
    bp__v16 inf = v_set1_bits(0x7f800000u), pole = v_set1(-x0);
    y = v_select(v_lt(x, inf), y, x); /* infinity, NaN */
    y = v_select(v_eq(x, pole), v_set1_bits(0xff800000u), y);
    return v_select(v_lt(x, pole), v_set1_bits(0x7fc00000u), y);
}

/* x = 2^k m, 3/4 <= m < 3/2. */
V_INLINE bp__v16 v_log(bp__v16 x)
{
    bp__m16 tiny = v_lt(x, v_set1_bits(0x00800000u));
    bp__w16 w = v_words(v_select(tiny, v_mul(x, v_set1(0x1p23f)), x));
    bp__w16 k = w_sar(w_sub(w, w_set1(0x3f400000)), 23);
    bp__v16 m = w_floats(w_sub(w, w_shl(k, 23)));
    k = w_sub(k, w_select(tiny, w_set1(23), w_set1(0)));
    bp__v16 y = v_log_core(v_sub(m, v_set1(1.0f)));
    return v_log_cases(x, 0.0f, v_add_exponent(k, y));
}

/* 1 + x = 2^k (1 + f); f = 2^-k x + (2^-k - 1) is rounded once, and is x
 * itself where x is small. */
V_INLINE bp__v16 v_log1p(bp__v16 x)
{
    bp__v16 one = v_set1(1.0f);
    bp__w16 k = w_sar(w_sub(v_words(v_add(x, one)), w_set1(0x3f400000)), 23);
    bp__w16 shift = w_shl(k, 23);
    bp__v16 xs = w_floats(w_sub(v_words(x), shift));
    bp__v16 s4 = w_floats(w_sub(v_words(v_set1(4.0f)), shift));
    bp__v16 f = v_add(xs, v_fma(s4, v_set1(0.25f), v_set1(-1.0f)));
    bp__v16 y = v_add_exponent(k, v_log_core(f));
    y = v_select(v_eq(x, v_zero()), x, y); /* keeps -0 */
    return v_log_cases(x, 1.0f, y);
}

/* Odd: on |x|. x + x^3 p(x^2) near 0, else 1 - 2 / (e^2x + 1). */
V_INLINE bp__v16 v_tanh(bp__v16 x)
{
    bp__v16 a = v_abs(x), one = v_set1(1.0f);
    bp__v16 u = v_mul(a, a);
    bp__v16 p = v_set1(-0x1.96cf62p-8f);
    p = V_HORNER(p, u, 0x1.58828cp-6f);
    p = V_HORNER(p, u, -0x1.b91372p-5f);
    p = V_HORNER(p, u, 0x1.110cb2p-3f);
    p = V_HORNER(p, u, -0x1.55554ap-2f);
    bp__v16 small = v_fma(v_mul(p, u), a, a);
    bp__v16 b = v_pick_min(v_set1(10.0f), a);
    bp__v16 e = v_exp_core(v_add(b, b));
    bp__v16 big = v_sub(one, v_div(v_set1(2.0f), v_add(e, one)));
    return v_copysign(v_select(v_lt(a, v_set1(0.55f)), small, big), x);
}

/* With e = e^-|x|: 1 / (1 + e), or e / (1 + e) where x < 0. */
V_INLINE bp__v16 v_sigmoid(bp__v16 x)
{
    bp__v16 one = v_set1(1.0f);
    bp__v16 a = v_pick_max(v_set1(-104.0f), v_neg(v_abs(x)));
    bp__v16 e = v_exp_core(a);
    bp__v16 top = v_select(v_lt(x, v_zero()), e, one);
    return v_div(top, v_add(e, one));
}

/* Odd: on |x|. x + x p(x^2) near 0, else 1 - e^-q(x). */
V_INLINE bp__v16 v_erf(bp__v16 x)
{
    bp__v16 a = v_abs(x), u = v_mul(a, a);
    bp__v16 p = v_set1(0x1.5f33b8p-14f);
    p = V_HORNER(p, u, -0x1.aaf5cep-11f);
    p = V_HORNER(p, u, 0x1.54dc88p-8f);
    p = V_HORNER(p, u, -0x1.b810b4p-6f);
    p = V_HORNER(p, u, 0x1.ce2e24p-4f);
    p = V_HORNER(p, u, -0x1.812744p-2f);
    p = V_HORNER(p, u, 0x1.06eba8p-3f);
    bp__v16 small = v_fma(p, a, a);
    bp__v16 t = v_pick_min(v_set1(4.0f), a);
    bp__v16 q = v_set1(0x1.61b3bcp-16f);
    q = V_HORNER(q, t, -0x1.c76996p-12f);
    q = V_HORNER(q, t, 0x1.114ed8p-8f);
    q = V_HORNER(q, t, -0x1.9b86a2p-6f);
    q = V_HORNER(q, t, 0x1.bb80dcp-4f);
    q = V_HORNER(q, t, 0x1.444664p-1f);
    q = V_HORNER(q, t, 0x1.2127cep+0f);
    q = V_HORNER(q, t, -0x1.6dc5dcp-13f);
    bp__v16 big = v_sub(v_set1(1.0f), v_exp_core(v_neg(q)));
    return v_copysign(v_select(v_lt(a, v_set1(0.92f)), small, big), x);
}

/* ---- sine and cosine --------------------------------------------------- */

/* x - q pi/2 and q modulo 4, |x| >= 2, finite: the product of x's 24 bits
 * with those 96 bits of 2/pi that decide it, modulo 4. */
static inline float v_reduce_one(float x, int32_t *quadrant)
{
    static const uint32_t two_over_pi[7] = {
        0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u,
        0xdb629599u, 0x3c439041u, 0xfe5163abu};
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint64_t m = (bits & 0x7fffffu) | 0x800000u;
    /* x = m 2^e; bits of 2/pi of weight 2^(2-e) and more do not count. */
    int e = (int)((bits >> 23) & 0xffu) - 150;
    int from = e - 2 + 32, word = from / 32, shift = from % 32;
    uint64_t w[3];
    for (int i = 0; i < 3; i++) { /* word 0 stands for 32 zero bits before */
        int j = word + i;
        uint64_t hi = j == 0 ? 0 : two_over_pi[j - 1];
        uint64_t pair = hi << 32 | two_over_pi[j];
        w[i] = (pair << shift >> 32) & 0xffffffffu;
    }
    uint64_t lo = m * w[2], mid = m * w[1] + (lo >> 32);
    uint64_t hi = m * w[0] + (mid >> 32); /* modulo 2^32 from here */
    uint64_t top = hi << 32 | (mid & 0xffffffffu);
    /* 2 bits of quadrant, 62 of fraction, and more in lo. */
    uint64_t frac = top << 2 | (lo & 0xffffffffu) >> 30;
    int32_t q = (int32_t)(top >> 62) + (int32_t)(frac >> 63);
    bool negative = frac >> 63;
    uint64_t size = negative ? 0 - frac : frac;
    float r = (float)((double)size * (0x1p-64 * 0x1.921fb54442d18p+0));
    r = negative ? -r : r;
    bool minus = bits >> 31;
    *quadrant = minus ? -q : q;
    return minus ? -r : r;
}

/* Lanes of x that are too large for the short reduction. */
static inline void v_reduce_large(bp__v16 x, uint32_t lanes, bp__v16 *r,
                                  bp__w16 *quadrant)
{
    float xs[16], rs[16];
    int32_t qs[16];
    v_store(xs, x);
    v_store(rs, *r);
    w_store(qs, *quadrant);
    for (int i = 0; i < 16; i++)
        if (lanes >> i & 1u)
            rs[i] = v_reduce_one(xs[i], &qs[i]);
    *r = v_load(rs);
    *quadrant = w_load(qs);
}

/* sin(x + turn pi/2) */
V_INLINE bp__v16 v_sin_turned(bp__v16 x, int32_t turn)
{
    bp__v16 z = v_fma(x, v_set1(0x1.45f306p-1f), v_set1(V_SHIFTER));
    bp__v16 n = v_sub(z, v_set1(V_SHIFTER));
    bp__v16 r = v_fnma(n, v_set1(0x1.921fb6p+0f), x);
    r = v_fnma(n, v_set1(-0x1.777a5cp-25f), r);
    r = v_fnma(n, v_set1(-0x1.ee59dap-50f), r);
    bp__w16 q = v_words(z); /* V_SHIFTER is a multiple of 4 */
    bp__v16 a = v_abs(x);
    bp__m16 large = m_and(v_gt(a, v_set1(0x1p16f)), v_is_finite(x));
    if (m_any(large))
        v_reduce_large(x, m_bits(large), &r, &q);
    q = w_add(q, w_set1(turn));

    bp__v16 u = v_mul(r, r);
    bp__v16 s = v_set1(-0x1.994e5ap-13f);
    s = V_HORNER(s, u, 0x1.110760p-7f);
    s = V_HORNER(s, u, -0x1.555546p-3f);
    s = v_fma(v_mul(s, u), r, r);
    bp__v16 c = v_set1(0x1.9a020cp-16f);
    c = V_HORNER(c, u, -0x1.6c0c8ap-10f);
    c = V_HORNER(c, u, 0x1.55554ap-5f);
    c = V_HORNER(c, u, -0.5f);
    c = V_HORNER(c, u, 1.0f);
    bp__m16 even = w_eq(w_and(q, w_set1(1)), w_set1(0));
    bp__w16 sign = w_shl(w_and(q, w_set1(2)), 30);
    return w_floats(w_xor(v_words(v_select(even, s, c)), sign));
}

V_INLINE bp__v16 v_sin(bp__v16 x)
{
    bp__v16 y = v_sin_turned(x, 0);
    return v_select(v_eq(x, v_zero()), x, y); /* keeps -0 */
}

V_INLINE bp__v16 v_cos(bp__v16 x)
{
    return v_sin_turned(x, 1);
}

/* ---- powers ------------------------------------------------------------ */

/* log2 of a > 0 (subnormals too) as *hi + *lo, good to about 2^-36.
 * a = 2^k m; with s = (m - 1) / (m + 1), log m = 2 s (1 + s^2 / 3 + ...). */
V_INLINE void v_log2_pair(bp__v16 a, bp__v16 *hi, bp__v16 *lo)
{
    bp__m16 tiny = v_lt(a, v_set1_bits(0x00800000u));
    bp__w16 w = v_words(v_select(tiny, v_mul(a, v_set1(0x1p23f)), a));
    bp__w16 k = w_sar(w_sub(w, w_set1(0x3f3504f3)), 23);
    bp__v16 m = w_floats(w_sub(w, w_shl(k, 23)));
    k = w_sub(k, w_select(tiny, w_set1(23), w_set1(0)));

    bp__v16 two = v_set1(2.0f);
    bp__v16 f = v_sub(m, v_set1(1.0f)); /* exact */
    bp__v16 d = v_add(f, two), d_lo = v_sub(f, v_sub(d, two));
    bp__v16 s = v_div(f, d);
    bp__v16 rest = v_fnma(s, d_lo, v_fnma(s, d, f));
    bp__v16 s_lo = v_div(rest, d);

    /* t = s^2 (1/3 + s^2 q(s^2)), as t + t_lo. */
    bp__v16 u = v_mul(s, s);
    bp__v16 u_lo = v_fma(v_add(s, s), s_lo, v_fma(s, s, v_neg(u)));
    bp__v16 q = v_set1(0x1.e01972p-4f);
    q = V_HORNER(q, u, 0x1.245012p-3f);
    q = V_HORNER(q, u, 0x1.999a06p-3f);
    bp__v16 third = v_set1(0x1.555556p-2f);
    bp__v16 g = v_fma(u, q, v_set1(-0x1.555556p-27f));
    bp__v16 c = v_add(third, g), c_lo = v_sub(g, v_sub(c, third));
    bp__v16 t = v_mul(u, c);
    bp__v16 t_lo = v_fma(u, c, v_neg(t));
    t_lo = v_fma(u, c_lo, v_fma(u_lo, c, t_lo));

    /* log m = 2 s + 2 s t */
    bp__v16 s2 = v_add(s, s), s2_lo = v_add(s_lo, s_lo);
    bp__v16 p = v_mul(s2, t);
    bp__v16 p_lo = v_fma(s2, t, v_neg(p));
    p_lo = v_fma(s2, t_lo, v_fma(s2_lo, t, p_lo));
    bp__v16 h = v_add(s2, p);
    bp__v16 l = v_add(v_sub(s2, h), p);
    l = v_add(l, v_add(p_lo, s2_lo));

    bp__v16 log2e = v_set1(0x1.715476p+0f);
    bp__v16 e = v_mul(h, log2e);
    bp__v16 e_lo = v_fma(h, log2e, v_neg(e));
    e_lo = v_fma(l, log2e, v_fma(h, v_set1(0x1.4ae0c0p-26f), e_lo));
    bp__v16 n = v_from_w(k);
    *hi = v_add(n, e);
    *lo = v_add(v_sub(e, v_sub(*hi, n)), e_lo);
}

/* As C's pow, special cases included. */
V_INLINE bp__v16 v_pow(bp__v16 x, bp__v16 y)
{
    bp__v16 a = v_abs(x), one = v_set1(1.0f), zero = v_zero();
    bp__v16 inf = v_set1_bits(0x7f800000u);
    bp__v16 hi, lo;
    v_log2_pair(a, &hi, &lo);
    bp__m16 no_log = m_or(v_eq(a, zero), v_eq(a, inf));
    hi = v_select(no_log, v_select(v_eq(a, zero), v_neg(inf), inf), hi);
    lo = v_select(no_log, zero, lo);

    /* y log2 a = h + l; 2^(h + l) = 2^n e^((h - n + l) ln 2) */
    bp__v16 h = v_mul(y, hi);
    bp__v16 l = v_fma(y, lo, v_fma(y, hi, v_neg(h)));
    l = v_mask(v_lt(v_abs(h), v_set1(160.0f)), l);
    h = v_pick_max(v_set1(-152.0f), h);
    h = v_pick_min(v_set1(130.0f), h);
    bp__v16 z = v_add(h, v_set1(V_SHIFTER));
    bp__v16 f = v_add(v_sub(h, v_sub(z, v_set1(V_SHIFTER))), l);
    bp__v16 r = v_mul(f, v_set1(0x1.62e430p-1f));
    bp__v16 p = v_set1(0x1.6a2320p-10f);
    p = V_HORNER(p, r, 0x1.123a8ep-7f);
    p = V_HORNER(p, r, 0x1.5558f6p-5f);
    p = V_HORNER(p, r, 0x1.555490p-3f);
    p = V_HORNER(p, r, 0x1.fffffcp-2f);
    p = v_fma(p, v_mul(r, r), r);
    bp__v16 v = v_scale(v_add(p, one), z);

    bp__m16 whole = v_eq(v_trunc(y), y);
    bp__v16 half = v_mul(y, v_set1(0.5f));
    bp__m16 odd = m_andnot(whole, v_eq(v_trunc(half), half));
    v = w_floats(w_xor(v_words(v), w_select(odd, w_and(v_words(x),
                                                w_set1(INT32_MIN)),
                                            w_set1(0))));
    bp__v16 nan = v_set1_bits(0x7fc00000u);
    bp__m16 below = m_and(v_lt(x, zero), v_gt(x, v_neg(inf)));
    v = v_select(m_andnot(below, whole), nan, v);
    v = v_select(m_or(v_is_nan(x), v_is_nan(y)), nan, v);
    bp__m16 is_one = m_or(v_eq(y, zero), v_eq(x, one));
    is_one = m_or(is_one, m_and(v_eq(a, one), v_eq(v_abs(y), inf)));
    return v_select(is_one, one, v);
}

#endif
