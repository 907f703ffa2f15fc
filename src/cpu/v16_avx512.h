/* bp__v16 in one AVX-512 register (F, VL, DQ, BW). See v16.h for what each
 * function means. */
#ifndef BP__CPU_V16_AVX512_H
#define BP__CPU_V16_AVX512_H

#include <immintrin.h>
#include <math.h>

typedef __m512 bp__v16;
typedef __m512i bp__w16;
typedef __mmask16 bp__m16;

V_INLINE __mmask16 m_first(int n)
{
    return (__mmask16)((1u << n) - 1u);
}

V_INLINE bp__w16 v_words(bp__v16 a)
{
    return _mm512_castps_si512(a);
}
V_INLINE bp__v16 w_floats(bp__w16 a)
{
    return _mm512_castsi512_ps(a);
}
V_INLINE bp__v16 v_set1(float x)
{
    return _mm512_set1_ps(x);
}
V_INLINE bp__v16 v_zero(void)
{
    return _mm512_setzero_ps();
}
V_INLINE bp__v16 v_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
V_INLINE void v_store(float *p, bp__v16 a)
{
    _mm512_storeu_ps(p, a);
}
V_INLINE bp__v16 v_load_n(const float *p, int n)
{
    return _mm512_maskz_loadu_ps(m_first(n), p);
}
V_INLINE void v_store_n(float *p, bp__v16 a, int n)
{
    _mm512_mask_storeu_ps(p, m_first(n), a);
}
V_INLINE void v_store_mask(float *p, bp__v16 a, bp__m16 m)
{
    _mm512_mask_storeu_ps(p, m, a);
}

V_INLINE bp__v16 v_add(bp__v16 a, bp__v16 b)
{
    return _mm512_add_ps(a, b);
}
V_INLINE bp__v16 v_sub(bp__v16 a, bp__v16 b)
{
    return _mm512_sub_ps(a, b);
}
V_INLINE bp__v16 v_mul(bp__v16 a, bp__v16 b)
{
    return _mm512_mul_ps(a, b);
}
V_INLINE bp__v16 v_div(bp__v16 a, bp__v16 b)
{
    return _mm512_div_ps(a, b);
}
V_INLINE bp__v16 v_sqrt(bp__v16 a)
{
    return _mm512_sqrt_ps(a);
}
V_INLINE bp__v16 v_fma(bp__v16 a, bp__v16 b, bp__v16 c)
{
    return _mm512_fmadd_ps(a, b, c);
}
V_INLINE bp__v16 v_fnma(bp__v16 a, bp__v16 b, bp__v16 c)
{
    return _mm512_fnmadd_ps(a, b, c);
}
V_INLINE bp__v16 v_abs(bp__v16 a)
{
    return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a);
}
V_INLINE bp__v16 v_neg(bp__v16 a)
{
    return _mm512_xor_ps(_mm512_set1_ps(-0.0f), a);
}
V_INLINE bp__v16 v_copysign(bp__v16 a, bp__v16 b)
{
    /* Bit by bit: the sign of b where the first has it, else a. */
    return w_floats(_mm512_ternarylogic_epi32(
        _mm512_set1_epi32(INT32_MIN), v_words(b), v_words(a), 0xCA));
}
V_INLINE bp__v16 v_floor(bp__v16 a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
V_INLINE bp__v16 v_trunc(bp__v16 a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}
V_INLINE bp__v16 v_rint(bp__v16 a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT |
                                       _MM_FROUND_NO_EXC);
}
V_INLINE bp__v16 v_pick_max(bp__v16 a, bp__v16 b)
{
    return _mm512_max_ps(a, b);
}
V_INLINE bp__v16 v_pick_min(bp__v16 a, bp__v16 b)
{
    return _mm512_min_ps(a, b);
}
V_INLINE bp__v16 v_max(bp__v16 a, bp__v16 b)
{
    __mmask16 is_number = _mm512_cmp_ps_mask(a, a, _CMP_ORD_Q);
    return _mm512_mask_max_ps(a, is_number, a, b);
}
V_INLINE bp__v16 v_min(bp__v16 a, bp__v16 b)
{
    __mmask16 is_number = _mm512_cmp_ps_mask(a, a, _CMP_ORD_Q);
    return _mm512_mask_min_ps(a, is_number, a, b);
}
V_INLINE bp__v16 v_relu(bp__v16 a)
{
    __mmask16 stays = _mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_NLE_UQ);
    return _mm512_maskz_mov_ps(stays, a);
}
V_INLINE bp__m16 v_eq(bp__v16 a, bp__v16 b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}
V_INLINE bp__m16 v_ne(bp__v16 a, bp__v16 b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_NEQ_UQ);
}
V_INLINE bp__m16 v_lt(bp__v16 a, bp__v16 b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
V_INLINE bp__m16 v_le(bp__v16 a, bp__v16 b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
}
V_INLINE bp__m16 v_gt(bp__v16 a, bp__v16 b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}
V_INLINE bp__m16 v_ge(bp__v16 a, bp__v16 b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ);
}
V_INLINE bp__v16 v_select(bp__m16 m, bp__v16 a, bp__v16 b)
{
    return _mm512_mask_blend_ps(m, b, a);
}
V_INLINE bp__v16 v_mask(bp__m16 m, bp__v16 a)
{
    return _mm512_maskz_mov_ps(m, a);
}
V_INLINE bp__v16 v_from_w(bp__w16 w)
{
    return _mm512_cvtepi32_ps(w);
}
V_INLINE bp__w16 v_to_w(bp__v16 a)
{
    return _mm512_cvttps_epi32(a);
}
V_INLINE bp__v16 v_load_u8_n(const uint8_t *p, int n)
{
    __m128i b = _mm_maskz_loadu_epi8(m_first(n), p);
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(b));
}
V_INLINE bp__v16 v_load_u8(const uint8_t *p)
{
    __m128i b = _mm_loadu_si128((const void *)p);
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(b));
}
V_INLINE void v_store_u8_n(uint8_t *p, bp__v16 a, int n)
{
    __m128i b = _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(a));
    _mm_mask_storeu_epi8(p, m_first(n), b);
}

/* ---- words ------------------------------------------------------------ */

V_INLINE bp__w16 w_set1(int32_t x)
{
    return _mm512_set1_epi32(x);
}
V_INLINE bp__w16 w_load(const int32_t *p)
{
    return _mm512_loadu_si512(p);
}
V_INLINE void w_store(int32_t *p, bp__w16 a)
{
    _mm512_storeu_si512(p, a);
}
V_INLINE bp__w16 w_load_n(const int32_t *p, int n)
{
    return _mm512_maskz_loadu_epi32(m_first(n), p);
}
V_INLINE void w_store_n(int32_t *p, bp__w16 a, int n)
{
    _mm512_mask_storeu_epi32(p, m_first(n), a);
}
V_INLINE bp__w16 w_add(bp__w16 a, bp__w16 b)
{
    return _mm512_add_epi32(a, b);
}
V_INLINE bp__w16 w_sub(bp__w16 a, bp__w16 b)
{
    return _mm512_sub_epi32(a, b);
}
V_INLINE bp__w16 w_and(bp__w16 a, bp__w16 b)
{
    return _mm512_and_si512(a, b);
}
V_INLINE bp__w16 w_or(bp__w16 a, bp__w16 b)
{
    return _mm512_or_si512(a, b);
}
V_INLINE bp__w16 w_xor(bp__w16 a, bp__w16 b)
{
    return _mm512_xor_si512(a, b);
}
V_INLINE bp__w16 w_shl(bp__w16 a, int k)
{
    return _mm512_sllv_epi32(a, _mm512_set1_epi32(k));
}
V_INLINE bp__w16 w_shr(bp__w16 a, int k)
{
    return _mm512_srlv_epi32(a, _mm512_set1_epi32(k));
}
V_INLINE bp__w16 w_sar(bp__w16 a, int k)
{
    return _mm512_srav_epi32(a, _mm512_set1_epi32(k));
}
V_INLINE bp__m16 w_eq(bp__w16 a, bp__w16 b)
{
    return _mm512_cmpeq_epi32_mask(a, b);
}
V_INLINE bp__m16 w_gt(bp__w16 a, bp__w16 b)
{
    return _mm512_cmpgt_epi32_mask(a, b);
}
V_INLINE bp__w16 w_select(bp__m16 m, bp__w16 a, bp__w16 b)
{
    return _mm512_mask_blend_epi32(m, b, a);
}

/* ---- truth values ------------------------------------------------------ */

V_INLINE bp__m16 m_and(bp__m16 a, bp__m16 b)
{
    return (bp__m16)(a & b);
}
V_INLINE bp__m16 m_or(bp__m16 a, bp__m16 b)
{
    return (bp__m16)(a | b);
}
V_INLINE bp__m16 m_xor(bp__m16 a, bp__m16 b)
{
    return (bp__m16)(a ^ b);
}
V_INLINE bp__m16 m_andnot(bp__m16 a, bp__m16 b)
{
    return (bp__m16)(a & ~b);
}
V_INLINE bp__m16 m_not(bp__m16 a)
{
    return (bp__m16)~a;
}
V_INLINE uint32_t m_bits(bp__m16 m)
{
    return m;
}
V_INLINE bp__m16 m_from_bits(uint32_t bits)
{
    return (bp__m16)bits;
}
V_INLINE bp__w16 m_words(bp__m16 m)
{
    return _mm512_movm_epi32(m);
}
V_INLINE bp__m16 m_from_words(bp__w16 w)
{
    return _mm512_movepi32_mask(w);
}
V_INLINE bp__m16 m_load_bool_n(const uint8_t *p, int n)
{
    __m128i b = _mm_maskz_loadu_epi8(m_first(n), p);
    return _mm_test_epi8_mask(b, b);
}
V_INLINE void m_store_bool_n(uint8_t *p, bp__m16 m, int n)
{
    _mm_mask_storeu_epi8(p, m_first(n), _mm_maskz_set1_epi8(m, 1));
}

/* ---- across lanes ------------------------------------------------------ */

#define V_FOLD(add)                                                    \
    __m256 b = _mm256_##add##_ps(_mm512_castps512_ps256(a),            \
                                 _mm512_extractf32x8_ps(a, 1));        \
    __m128 c = _mm_##add##_ps(_mm256_castps256_ps128(b),               \
                              _mm256_extractf128_ps(b, 1));            \
    c = _mm_##add##_ps(c, _mm_movehl_ps(c, c));                        \
    return _mm_cvtss_f32(_mm_##add##_ss(c, _mm_movehdup_ps(c)))

V_INLINE float v_hsum(bp__v16 a)
{
    V_FOLD(add);
}

V_INLINE float v_hmax(bp__v16 a)
{
    if (_mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q))
        return NAN;
    V_FOLD(max);
}
V_INLINE float v_hmin(bp__v16 a)
{
    if (_mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q))
        return NAN;
    V_FOLD(min);
}
#undef V_FOLD

V_INLINE void v_transpose(bp__v16 a[16])
{
    bp__v16 b[16];
    /* Within quadruples of rows: 4x4 blocks inside the 128-bit lanes. */
    for (int i = 0; i < 16; i += 4) {
        __m512 t0 = _mm512_unpacklo_ps(a[i], a[i + 1]);
        __m512 t1 = _mm512_unpackhi_ps(a[i], a[i + 1]);
        __m512 t2 = _mm512_unpacklo_ps(a[i + 2], a[i + 3]);
        __m512 t3 = _mm512_unpackhi_ps(a[i + 2], a[i + 3]);
        b[i] = _mm512_shuffle_ps(t0, t2, 0x44);
        b[i + 1] = _mm512_shuffle_ps(t0, t2, 0xEE);
        b[i + 2] = _mm512_shuffle_ps(t1, t3, 0x44);
        b[i + 3] = _mm512_shuffle_ps(t1, t3, 0xEE);
    }
    /* Then the 4x4 grid of 128-bit blocks. */
    for (int i = 0; i < 4; i++) {
        __m512 p = _mm512_shuffle_f32x4(b[i], b[i + 4], 0x44);
        __m512 q = _mm512_shuffle_f32x4(b[i], b[i + 4], 0xEE);
        __m512 r = _mm512_shuffle_f32x4(b[i + 8], b[i + 12], 0x44);
        __m512 s = _mm512_shuffle_f32x4(b[i + 8], b[i + 12], 0xEE);
        a[i] = _mm512_shuffle_f32x4(p, r, 0x88);
        a[i + 4] = _mm512_shuffle_f32x4(p, r, 0xDD);
        a[i + 8] = _mm512_shuffle_f32x4(q, s, 0x88);
        a[i + 12] = _mm512_shuffle_f32x4(q, s, 0xDD);
    }
}

#endif
