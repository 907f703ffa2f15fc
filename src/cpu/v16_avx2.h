/* bp__v16 in two AVX2 registers (with FMA). See v16.h for what each function
 * means. */
#ifndef BP__CPU_V16_AVX2_H
#define BP__CPU_V16_AVX2_H

#include <immintrin.h>
#include <math.h>

typedef struct bp__v16 {
    __m256 lo, hi;
} bp__v16;
typedef struct bp__w16 {
    __m256i lo, hi;
} bp__w16;
typedef struct bp__m16 { /* lanes of all ones or all zeros */
    __m256 lo, hi;
} bp__m16;

V_INLINE __m256i v_lane_ids(int first)
{
    return _mm256_add_epi32(_mm256_set1_epi32(first),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
V_INLINE bp__w16 v_first_words(int n)
{
    __m256i c = _mm256_set1_epi32(n);
    return (bp__w16){_mm256_cmpgt_epi32(c, v_lane_ids(0)),
                     _mm256_cmpgt_epi32(c, v_lane_ids(8))};
}

V_INLINE bp__w16 v_words(bp__v16 a)
{
    return (bp__w16){_mm256_castps_si256(a.lo), _mm256_castps_si256(a.hi)};
}
V_INLINE bp__v16 w_floats(bp__w16 a)
{
    return (bp__v16){_mm256_castsi256_ps(a.lo), _mm256_castsi256_ps(a.hi)};
}
V_INLINE bp__v16 v_set1(float x)
{
    __m256 y = _mm256_set1_ps(x);
    return (bp__v16){y, y};
}
V_INLINE bp__v16 v_zero(void)
{
    return (bp__v16){_mm256_setzero_ps(), _mm256_setzero_ps()};
}
V_INLINE bp__v16 v_load(const float *p)
{
    return (bp__v16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
V_INLINE void v_store(float *p, bp__v16 a)
{
    _mm256_storeu_ps(p, a.lo);
    _mm256_storeu_ps(p + 8, a.hi);
}
V_INLINE bp__v16 v_load_n(const float *p, int n)
{
    bp__w16 m = v_first_words(n);
    return (bp__v16){_mm256_maskload_ps(p, m.lo),
                     _mm256_maskload_ps(p + 8, m.hi)};
}
V_INLINE void v_store_n(float *p, bp__v16 a, int n)
{
    bp__w16 m = v_first_words(n);
    _mm256_maskstore_ps(p, m.lo, a.lo);
    _mm256_maskstore_ps(p + 8, m.hi, a.hi);
}
V_INLINE void v_store_mask(float *p, bp__v16 a, bp__m16 m)
{
    _mm256_maskstore_ps(p, _mm256_castps_si256(m.lo), a.lo);
    _mm256_maskstore_ps(p + 8, _mm256_castps_si256(m.hi), a.hi);
}

V_INLINE bp__v16 v_add(bp__v16 a, bp__v16 b)
{
    return (bp__v16){_mm256_add_ps(a.lo, b.lo),
                    _mm256_add_ps(a.hi, b.hi)};
}
V_INLINE bp__v16 v_sub(bp__v16 a, bp__v16 b)
{
    return (bp__v16){_mm256_sub_ps(a.lo, b.lo),
                    _mm256_sub_ps(a.hi, b.hi)};
}
V_INLINE bp__v16 v_mul(bp__v16 a, bp__v16 b)
{
    return (bp__v16){_mm256_mul_ps(a.lo, b.lo),
                    _mm256_mul_ps(a.hi, b.hi)};
}
V_INLINE bp__v16 v_div(bp__v16 a, bp__v16 b)
{
    return (bp__v16){_mm256_div_ps(a.lo, b.lo),
                    _mm256_div_ps(a.hi, b.hi)};
}
V_INLINE bp__v16 v_sqrt(bp__v16 a)
{
    return (bp__v16){_mm256_sqrt_ps(a.lo), _mm256_sqrt_ps(a.hi)};
}
V_INLINE bp__v16 v_fma(bp__v16 a, bp__v16 b, bp__v16 c)
{
    return (bp__v16){_mm256_fmadd_ps(a.lo, b.lo, c.lo),
                     _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
V_INLINE bp__v16 v_fnma(bp__v16 a, bp__v16 b, bp__v16 c)
{
    return (bp__v16){_mm256_fnmadd_ps(a.lo, b.lo, c.lo),
                     _mm256_fnmadd_ps(a.hi, b.hi, c.hi)};
}
V_INLINE bp__v16 v_abs(bp__v16 a)
{
    __m256 s = _mm256_set1_ps(-0.0f);
    return (bp__v16){_mm256_andnot_ps(s, a.lo), _mm256_andnot_ps(s, a.hi)};
}
V_INLINE bp__v16 v_neg(bp__v16 a)
{
    __m256 s = _mm256_set1_ps(-0.0f);
    return (bp__v16){_mm256_xor_ps(s, a.lo), _mm256_xor_ps(s, a.hi)};
}
V_INLINE bp__v16 v_copysign(bp__v16 a, bp__v16 b)
{
    __m256 s = _mm256_set1_ps(-0.0f);
    return (bp__v16){
        _mm256_or_ps(_mm256_andnot_ps(s, a.lo), _mm256_and_ps(s, b.lo)),
        _mm256_or_ps(_mm256_andnot_ps(s, a.hi), _mm256_and_ps(s, b.hi))};
}
V_INLINE bp__v16 v_floor(bp__v16 a)
{
    return (bp__v16){_mm256_floor_ps(a.lo), _mm256_floor_ps(a.hi)};
}
V_INLINE bp__v16 v_trunc(bp__v16 a)
{
    enum { MODE = _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC };
    return (bp__v16){_mm256_round_ps(a.lo, MODE),
                     _mm256_round_ps(a.hi, MODE)};
}
V_INLINE bp__v16 v_rint(bp__v16 a)
{
    enum { MODE = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC };
    return (bp__v16){_mm256_round_ps(a.lo, MODE),
                     _mm256_round_ps(a.hi, MODE)};
}
V_INLINE bp__v16 v_pick_max(bp__v16 a, bp__v16 b)
{
    return (bp__v16){_mm256_max_ps(a.lo, b.lo),
                    _mm256_max_ps(a.hi, b.hi)};
}
V_INLINE bp__v16 v_pick_min(bp__v16 a, bp__v16 b)
{
    return (bp__v16){_mm256_min_ps(a.lo, b.lo),
                    _mm256_min_ps(a.hi, b.hi)};
}
V_INLINE bp__v16 v_max(bp__v16 a, bp__v16 b)
{
    bp__v16 c = v_pick_max(a, b);
    __m256 lo = _mm256_cmp_ps(a.lo, a.lo, _CMP_UNORD_Q);
    __m256 hi = _mm256_cmp_ps(a.hi, a.hi, _CMP_UNORD_Q);
    return (bp__v16){_mm256_blendv_ps(c.lo, a.lo, lo),
                     _mm256_blendv_ps(c.hi, a.hi, hi)};
}
V_INLINE bp__v16 v_min(bp__v16 a, bp__v16 b)
{
    bp__v16 c = v_pick_min(a, b);
    __m256 lo = _mm256_cmp_ps(a.lo, a.lo, _CMP_UNORD_Q);
    __m256 hi = _mm256_cmp_ps(a.hi, a.hi, _CMP_UNORD_Q);
    return (bp__v16){_mm256_blendv_ps(c.lo, a.lo, lo),
                     _mm256_blendv_ps(c.hi, a.hi, hi)};
}
V_INLINE bp__v16 v_relu(bp__v16 a)
{
    __m256 zero = _mm256_setzero_ps();
    __m256 lo = _mm256_cmp_ps(a.lo, zero, _CMP_NLE_UQ);
    __m256 hi = _mm256_cmp_ps(a.hi, zero, _CMP_NLE_UQ);
    return (bp__v16){_mm256_and_ps(lo, a.lo), _mm256_and_ps(hi, a.hi)};
}
V_INLINE bp__m16 v_eq(bp__v16 a, bp__v16 b)
{
    return (bp__m16){_mm256_cmp_ps(a.lo, b.lo, _CMP_EQ_OQ),
                    _mm256_cmp_ps(a.hi, b.hi, _CMP_EQ_OQ)};
}
V_INLINE bp__m16 v_ne(bp__v16 a, bp__v16 b)
{
    return (bp__m16){_mm256_cmp_ps(a.lo, b.lo, _CMP_NEQ_UQ),
                    _mm256_cmp_ps(a.hi, b.hi, _CMP_NEQ_UQ)};
}
V_INLINE bp__m16 v_lt(bp__v16 a, bp__v16 b)
{
    return (bp__m16){_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ),
                    _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ)};
}
V_INLINE bp__m16 v_le(bp__v16 a, bp__v16 b)
{
    return (bp__m16){_mm256_cmp_ps(a.lo, b.lo, _CMP_LE_OQ),
                    _mm256_cmp_ps(a.hi, b.hi, _CMP_LE_OQ)};
}
V_INLINE bp__m16 v_gt(bp__v16 a, bp__v16 b)
{
    return (bp__m16){_mm256_cmp_ps(a.lo, b.lo, _CMP_GT_OQ),
                    _mm256_cmp_ps(a.hi, b.hi, _CMP_GT_OQ)};
}
V_INLINE bp__m16 v_ge(bp__v16 a, bp__v16 b)
{
    return (bp__m16){_mm256_cmp_ps(a.lo, b.lo, _CMP_GE_OQ),
                    _mm256_cmp_ps(a.hi, b.hi, _CMP_GE_OQ)};
}
V_INLINE bp__v16 v_select(bp__m16 m, bp__v16 a, bp__v16 b)
{
    return (bp__v16){_mm256_blendv_ps(b.lo, a.lo, m.lo),
                     _mm256_blendv_ps(b.hi, a.hi, m.hi)};
}
V_INLINE bp__v16 v_mask(bp__m16 m, bp__v16 a)
{
    return (bp__v16){_mm256_and_ps(m.lo, a.lo), _mm256_and_ps(m.hi, a.hi)};
}
V_INLINE bp__v16 v_from_w(bp__w16 w)
{
    return (bp__v16){_mm256_cvtepi32_ps(w.lo), _mm256_cvtepi32_ps(w.hi)};
}
V_INLINE bp__w16 v_to_w(bp__v16 a)
{
    return (bp__w16){_mm256_cvttps_epi32(a.lo), _mm256_cvttps_epi32(a.hi)};
}
V_INLINE bp__w16 v_widen_bytes(__m128i b)
{
    return (bp__w16){_mm256_cvtepu8_epi32(b),
                     _mm256_cvtepu8_epi32(_mm_srli_si128(b, 8))};
}
V_INLINE __m128i v_narrow_bytes(bp__w16 w) /* words from 0 to 255 */
{
    __m256i h = _mm256_packus_epi32(w.lo, w.hi); /* 128-bit lanes mixed */
    h = _mm256_permute4x64_epi64(h, 0xD8);
    return _mm_packus_epi16(_mm256_castsi256_si128(h),
                            _mm256_extracti128_si256(h, 1));
}
V_INLINE __m128i v_load_bytes(const uint8_t *p, int n)
{
    uint8_t t[16] = {0};
    memcpy(t, p, (size_t)n);
    return _mm_loadu_si128((const void *)t);
}
V_INLINE bp__v16 v_load_u8(const uint8_t *p)
{
    return v_from_w(v_widen_bytes(_mm_loadu_si128((const void *)p)));
}
V_INLINE bp__v16 v_load_u8_n(const uint8_t *p, int n)
{
    return n == 16 ? v_load_u8(p)
                   : v_from_w(v_widen_bytes(v_load_bytes(p, n)));
}
V_INLINE void v_store_bytes(uint8_t *p, __m128i b, int n)
{
    if (n == 16) {
        _mm_storeu_si128((void *)p, b);
    } else {
        uint8_t t[16];
        _mm_storeu_si128((void *)t, b);
        memcpy(p, t, (size_t)n);
    }
}
V_INLINE void v_store_u8_n(uint8_t *p, bp__v16 a, int n)
{
    v_store_bytes(p, v_narrow_bytes(v_to_w(a)), n);
}

/* ---- words ------------------------------------------------------------ */

V_INLINE bp__w16 w_set1(int32_t x)
{
    __m256i y = _mm256_set1_epi32(x);
    return (bp__w16){y, y};
}
V_INLINE bp__w16 w_load(const int32_t *p)
{
    return (bp__w16){_mm256_loadu_si256((const void *)p),
                     _mm256_loadu_si256((const void *)(p + 8))};
}
V_INLINE void w_store(int32_t *p, bp__w16 a)
{
    _mm256_storeu_si256((void *)p, a.lo);
    _mm256_storeu_si256((void *)(p + 8), a.hi);
}
V_INLINE bp__w16 w_load_n(const int32_t *p, int n)
{
    bp__w16 m = v_first_words(n);
    return (bp__w16){_mm256_maskload_epi32(p, m.lo),
                     _mm256_maskload_epi32(p + 8, m.hi)};
}
V_INLINE void w_store_n(int32_t *p, bp__w16 a, int n)
{
    bp__w16 m = v_first_words(n);
    _mm256_maskstore_epi32(p, m.lo, a.lo);
    _mm256_maskstore_epi32(p + 8, m.hi, a.hi);
}
V_INLINE bp__w16 w_add(bp__w16 a, bp__w16 b)
{
    return (bp__w16){_mm256_add_epi32(a.lo, b.lo),
                    _mm256_add_epi32(a.hi, b.hi)};
}
V_INLINE bp__w16 w_sub(bp__w16 a, bp__w16 b)
{
    return (bp__w16){_mm256_sub_epi32(a.lo, b.lo),
                    _mm256_sub_epi32(a.hi, b.hi)};
}
V_INLINE bp__w16 w_and(bp__w16 a, bp__w16 b)
{
    return (bp__w16){_mm256_and_si256(a.lo, b.lo),
                    _mm256_and_si256(a.hi, b.hi)};
}
V_INLINE bp__w16 w_or(bp__w16 a, bp__w16 b)
{
    return (bp__w16){_mm256_or_si256(a.lo, b.lo),
                    _mm256_or_si256(a.hi, b.hi)};
}
V_INLINE bp__w16 w_xor(bp__w16 a, bp__w16 b)
{
    return (bp__w16){_mm256_xor_si256(a.lo, b.lo),
                    _mm256_xor_si256(a.hi, b.hi)};
}
V_INLINE bp__w16 w_shl(bp__w16 a, int k)
{
    __m256i c = _mm256_set1_epi32(k);
    return (bp__w16){_mm256_sllv_epi32(a.lo, c),
                     _mm256_sllv_epi32(a.hi, c)};
}
V_INLINE bp__w16 w_shr(bp__w16 a, int k)
{
    __m256i c = _mm256_set1_epi32(k);
    return (bp__w16){_mm256_srlv_epi32(a.lo, c),
                     _mm256_srlv_epi32(a.hi, c)};
}
V_INLINE bp__w16 w_sar(bp__w16 a, int k)
{
    __m256i c = _mm256_set1_epi32(k);
    return (bp__w16){_mm256_srav_epi32(a.lo, c),
                     _mm256_srav_epi32(a.hi, c)};
}
V_INLINE bp__m16 w_eq(bp__w16 a, bp__w16 b)
{
    return (bp__m16){
        _mm256_castsi256_ps(_mm256_cmpeq_epi32(a.lo, b.lo)),
        _mm256_castsi256_ps(_mm256_cmpeq_epi32(a.hi, b.hi))};
}
V_INLINE bp__m16 w_gt(bp__w16 a, bp__w16 b)
{
    return (bp__m16){
        _mm256_castsi256_ps(_mm256_cmpgt_epi32(a.lo, b.lo)),
        _mm256_castsi256_ps(_mm256_cmpgt_epi32(a.hi, b.hi))};
}
V_INLINE bp__w16 w_select(bp__m16 m, bp__w16 a, bp__w16 b)
{
    return v_words(v_select(m, w_floats(a), w_floats(b)));
}

/* ---- truth values ------------------------------------------------------ */

V_INLINE bp__m16 m_and(bp__m16 a, bp__m16 b)
{
    return (bp__m16){_mm256_and_ps(a.lo, b.lo),
                    _mm256_and_ps(a.hi, b.hi)};
}
V_INLINE bp__m16 m_or(bp__m16 a, bp__m16 b)
{
    return (bp__m16){_mm256_or_ps(a.lo, b.lo),
                    _mm256_or_ps(a.hi, b.hi)};
}
V_INLINE bp__m16 m_xor(bp__m16 a, bp__m16 b)
{
    return (bp__m16){_mm256_xor_ps(a.lo, b.lo),
                    _mm256_xor_ps(a.hi, b.hi)};
}
V_INLINE bp__m16 m_andnot(bp__m16 a, bp__m16 b)
{
    return (bp__m16){_mm256_andnot_ps(b.lo, a.lo),
                    _mm256_andnot_ps(b.hi, a.hi)};
}
V_INLINE bp__m16 m_not(bp__m16 a)
{
    __m256 ones = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
    return (bp__m16){_mm256_xor_ps(a.lo, ones), _mm256_xor_ps(a.hi, ones)};
}
V_INLINE bp__m16 m_first(int n)
{
    bp__w16 m = v_first_words(n);
    return (bp__m16){_mm256_castsi256_ps(m.lo), _mm256_castsi256_ps(m.hi)};
}
V_INLINE uint32_t m_bits(bp__m16 m)
{
    return (uint32_t)_mm256_movemask_ps(m.lo) |
           (uint32_t)_mm256_movemask_ps(m.hi) << 8;
}
V_INLINE bp__m16 m_from_bits(uint32_t bits)
{
    __m256i one = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    __m256i lo = _mm256_set1_epi32((int32_t)bits);
    __m256i hi = _mm256_srli_epi32(lo, 8);
    lo = _mm256_cmpeq_epi32(_mm256_and_si256(lo, one), one);
    hi = _mm256_cmpeq_epi32(_mm256_and_si256(hi, one), one);
    return (bp__m16){_mm256_castsi256_ps(lo), _mm256_castsi256_ps(hi)};
}
V_INLINE bp__w16 m_words(bp__m16 m)
{
    return v_words((bp__v16){m.lo, m.hi});
}
V_INLINE bp__m16 m_from_words(bp__w16 w)
{
    bp__v16 v = w_floats(w);
    return (bp__m16){v.lo, v.hi};
}
V_INLINE bp__m16 m_load_bool_n(const uint8_t *p, int n)
{
    __m128i b = n == 16 ? _mm_loadu_si128((const void *)p)
                        : v_load_bytes(p, n);
    bp__w16 w = v_widen_bytes(b);
    return w_gt(w, w_set1(0));
}
V_INLINE void m_store_bool_n(uint8_t *p, bp__m16 m, int n)
{
    bp__w16 w = w_and(v_words((bp__v16){m.lo, m.hi}), w_set1(1));
    v_store_bytes(p, v_narrow_bytes(w), n);
}

/* ---- across lanes ------------------------------------------------------ */

#define V_FOLD(add)                                           \
    __m256 b = _mm256_##add##_ps(a.lo, a.hi);                 \
    __m128 c = _mm_##add##_ps(_mm256_castps256_ps128(b),      \
                              _mm256_extractf128_ps(b, 1));   \
    c = _mm_##add##_ps(c, _mm_movehl_ps(c, c));               \
    return _mm_cvtss_f32(_mm_##add##_ss(c, _mm_movehdup_ps(c)))

V_INLINE float v_hsum(bp__v16 a)
{
    V_FOLD(add);
}
V_INLINE float v_hmax(bp__v16 a)
{
    if (m_bits(v_ne(a, a)))
        return NAN;
    V_FOLD(max);
}
V_INLINE float v_hmin(bp__v16 a)
{
    if (m_bits(v_ne(a, a)))
        return NAN;
    V_FOLD(min);
}
#undef V_FOLD

V_INLINE void v_transpose8(__m256 r[8])
{
    __m256 t[8];
    for (int i = 0; i < 8; i += 4) {
        __m256 p = _mm256_unpacklo_ps(r[i], r[i + 1]);
        __m256 q = _mm256_unpackhi_ps(r[i], r[i + 1]);
        __m256 u = _mm256_unpacklo_ps(r[i + 2], r[i + 3]);
        __m256 w = _mm256_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm256_shuffle_ps(p, u, 0x44);
        t[i + 1] = _mm256_shuffle_ps(p, u, 0xEE);
        t[i + 2] = _mm256_shuffle_ps(q, w, 0x44);
        t[i + 3] = _mm256_shuffle_ps(q, w, 0xEE);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
}
V_INLINE void v_transpose(bp__v16 a[16])
{
    __m256 q[4][8];
    for (int i = 0; i < 8; i++) {
        q[0][i] = a[i].lo;
        q[1][i] = a[i].hi;
        q[2][i] = a[i + 8].lo;
        q[3][i] = a[i + 8].hi;
    }
    for (int i = 0; i < 4; i++)
        v_transpose8(q[i]);
    for (int i = 0; i < 8; i++) {
        a[i] = (bp__v16){q[0][i], q[2][i]};
        a[i + 8] = (bp__v16){q[1][i], q[3][i]};
    }
}

#endif
