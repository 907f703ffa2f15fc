/* A value of 16 floats: the one type that every fast kernel is written over.
 *
 * BP__LEVEL picks what it is made of: 1 a plain C array, 2 four NEON
 * registers, 3 two AVX2 registers, 4 one AVX-512 register. Included by the
 * kernels (k_*.c) only, which are compiled once for each level.
 *
 * Invariant: every operation here has the same bits at every level, compiler
 * and byte order, but for the sign and payload of a NaN (that a result is a
 * NaN is the same everywhere). So nothing here is approximate, nothing is
 * contracted, and where instruction sets differ (minimum and maximum of NaNs
 * and zeros, conversions out of range) one meaning is chosen and stated.
 *
 *   bp__v16  16 floats            v_...
 *   bp__w16  16 words of 32 bits  w_...
 *   bp__m16  16 truth values      m_...
 *
 * bp__m16 has another size at each level; an array of them in scratch memory
 * is a good way to keep many, but never leaves the kernel.
 *
 * The levels define (n counts lanes, 0..16; "first n" never touches memory
 * beyond p[n - 1], and lanes that are not loaded are zero):
 *   v_zero() v_set1(x) v_load(p) v_store(p, a) v_load_n(p, n)
 *   v_store_n(p, a, n) v_store_mask(p, a, m)
 *   v_add v_sub v_mul v_div v_sqrt(a)
 *   v_fma(a, b, c) = a*b + c, v_fnma(a, b, c) = c - a*b: one rounding
 *   v_abs(a) v_neg(a) v_copysign(magnitude, sign)
 *   v_floor(a) v_rint(a), to even; v_trunc(a)
 *   v_pick_max(a, b) = a > b ? a : b      (b where either is a NaN)
 *   v_pick_min(a, b) = a < b ? a : b      (b where either is a NaN)
 *   v_max(a, b), v_min(a, b): the same, but NaN where either is; of two zeros
 *     the second
 *   v_relu(a) = a > 0 ? a : +0            (a NaN stays)
 *   v_eq v_ne v_lt v_le v_gt v_ge -> m    (NaN: all false but v_ne)
 *   v_select(m, a, b): a where m, else b
 *   v_mask(m, a): a where m, else +0
 *   v_words(a) w_floats(w): the same bits
 *   v_from_w(w): rounds to even; v_to_w(a): truncates, |a| < 2^31 only
 *   v_load_u8(p) v_load_u8_n(p, n) -> v; v_store_u8_n(p, a, n): 0 <= a < 256
 *   w_set1 w_load w_store w_load_n w_store_n w_add w_sub w_and w_or w_xor
 *   w_shl(a, k) w_shr(a, k) (zeros come in) w_sar(a, k) (the sign comes in)
 *   w_eq(a, b) w_gt(a, b) (signed) -> m; w_select(m, a, b)
 *   m_first(n) m_and m_or m_xor m_not m_andnot(a, b) = a and not b
 *   m_bits(m): lane i in bit i; m_from_bits(bits)
 *   m_words(m): words of all ones or zeros; m_from_words(w): back from those
 *   m_load_bool_n(p, n) m_store_bool_n(p, m, n): one byte a lane, 0 or 1
 *   v_hsum(a), v_hmax(a), v_hmin(a): of lanes i and i + 8, then of i and
 *     i + 4, i + 2, i + 1: one fixed tree
 *   v_transpose(a): a[i] lane j <-> a[j] lane i, of 16 values
 */
#ifndef BP__CPU_V16_H
#define BP__CPU_V16_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifndef BP__LEVEL
#error "kernels are compiled with -DBP__LEVEL=1..4"
#endif

#if defined(__GNUC__)
#define V_INLINE static inline __attribute__((always_inline, unused))
#else
#define V_INLINE static inline
#endif

/* The name of an exported kernel at this level: bp__NAME_avx2. */
#define BP__K_CAT2(a, b) a##b
#define BP__K_CAT(a, b) BP__K_CAT2(a, b)
#define BP__K(name) BP__K_CAT(bp__##name##_, BP__LEVEL_NAME)

enum { V_LANES = 16 };

#if BP__LEVEL == 1
#include "cpu/v16_plain.h"
#elif BP__LEVEL == 2
#include "cpu/v16_neon.h"
#elif BP__LEVEL == 3
#include "cpu/v16_avx2.h"
#elif BP__LEVEL == 4
#include "cpu/v16_avx512.h"
#else
#error "BP__LEVEL is 1 (plain), 2 (NEON), 3 (AVX2) or 4 (AVX-512)"
#endif

/* ---- made of the above ------------------------------------------------ */

V_INLINE bp__v16 v_set1_bits(uint32_t bits)
{
    return w_floats(w_set1((int32_t)bits));
}

V_INLINE bp__m16 v_is_nan(bp__v16 a)
{
    return v_ne(a, a);
}

V_INLINE bp__m16 v_is_finite(bp__v16 a)
{
    return v_lt(v_abs(a), v_set1_bits(0x7f800000u));
}

V_INLINE int m_any(bp__m16 m)
{
    return m_bits(m) != 0;
}

V_INLINE int m_all(bp__m16 m)
{
    return m_bits(m) == 0xffffu;
}

/* 1 where m, else 0: what a cast from bool gives. */
V_INLINE bp__v16 v_from_m(bp__m16 m)
{
    return v_mask(m, v_set1(1.0f));
}

/* As bp_cast to i32: truncates; saturates; NaN: 0. */
V_INLINE bp__w16 v_to_w_sat(bp__v16 a)
{
    bp__v16 lo = v_set1(-2147483648.0f), hi = v_set1(2147483648.0f);
    bp__m16 inside = m_and(v_gt(a, lo), v_lt(a, hi));
    bp__w16 w = v_to_w(v_mask(inside, a));
    w = w_select(v_ge(a, hi), w_set1(INT32_MAX), w);
    return w_select(v_le(a, lo), w_set1(INT32_MIN), w);
}

/* As bp_cast to u8: truncates; saturates; NaN: 0. */
V_INLINE void v_store_u8_sat_n(uint8_t *p, bp__v16 a, int n)
{
    bp__v16 c = v_pick_max(a, v_zero()); /* NaN: 0 */
    v_store_u8_n(p, v_pick_min(c, v_set1(255.0f)), n);
}

/* 2^n, -126 <= n <= 127. */
V_INLINE bp__v16 v_pow2(bp__w16 n)
{
    return w_floats(w_shl(w_add(n, w_set1(127)), 23));
}

/* A float to which V_SHIFTER has been added holds its integer part, rounded
 * to even, in its low bits: |a| < 2^22. */
#define V_SHIFTER 12582912.0f

/* a * 2^n, rounded once, where z = V_SHIFTER + n, |n| <= 252, and a is 0.5 to
 * 2 or a NaN: the results go through subnormals to 0 and to infinity. */
V_INLINE bp__v16 v_scale(bp__v16 a, bp__v16 z)
{
#if BP__LEVEL == 4
    return _mm512_scalef_ps(a, v_sub(z, v_set1(V_SHIFTER)));
#else
    bp__w16 n = w_sub(v_words(z), v_words(v_set1(V_SHIFTER)));
    bp__w16 half = w_sar(n, 1);
    return v_mul(v_mul(a, v_pow2(half)), v_pow2(w_sub(n, half)));
#endif
}

#endif
