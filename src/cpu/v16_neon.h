/* bp__v16 in four NEON registers (aarch64). See v16.h for what each function
 * means. */
#ifndef BP__CPU_V16_NEON_H
#define BP__CPU_V16_NEON_H

#include <arm_neon.h>
#include <math.h>

typedef struct bp__v16 {
    float32x4_t v[4];
} bp__v16;
typedef struct bp__w16 {
    int32x4_t v[4];
} bp__w16;
typedef struct bp__m16 { /* lanes of all ones or all zeros */
    uint32x4_t v[4];
} bp__m16;

#define V_QUADS for (int i = 0; i < 4; i++)
#define V_NEON_UNARY(out, name, in, expr)  \
    V_INLINE out name(in a)                \
    {                                      \
        out r;                             \
        V_QUADS                            \
            r.v[i] = (expr);               \
        return r;                          \
    }
#define V_NEON_BINARY(out, name, in, expr) \
    V_INLINE out name(in a, in b)          \
    {                                      \
        out r;                             \
        V_QUADS                            \
            r.v[i] = (expr);               \
        return r;                          \
    }

V_NEON_UNARY(bp__w16, v_words, bp__v16, vreinterpretq_s32_f32(a.v[i]))
V_NEON_UNARY(bp__v16, w_floats, bp__w16, vreinterpretq_f32_s32(a.v[i]))

V_INLINE bp__v16 v_set1(float x)
{
    float32x4_t y = vdupq_n_f32(x);
    return (bp__v16){{y, y, y, y}};
}
V_INLINE bp__v16 v_zero(void)
{
    return v_set1(0.0f);
}
V_INLINE bp__v16 v_load(const float *p)
{
    bp__v16 a;
    V_QUADS
        a.v[i] = vld1q_f32(p + 4 * i);
    return a;
}
V_INLINE void v_store(float *p, bp__v16 a)
{
    V_QUADS
        vst1q_f32(p + 4 * i, a.v[i]);
}
V_INLINE bp__v16 v_load_n(const float *p, int n)
{
    float t[16] = {0};
    memcpy(t, p, (size_t)n * sizeof *p);
    return v_load(t);
}
V_INLINE void v_store_n(float *p, bp__v16 a, int n)
{
    float t[16];
    v_store(t, a);
    memcpy(p, t, (size_t)n * sizeof *p);
}

V_NEON_BINARY(bp__v16, v_add, bp__v16, vaddq_f32(a.v[i], b.v[i]))
V_NEON_BINARY(bp__v16, v_sub, bp__v16, vsubq_f32(a.v[i], b.v[i]))
V_NEON_BINARY(bp__v16, v_mul, bp__v16, vmulq_f32(a.v[i], b.v[i]))
V_NEON_BINARY(bp__v16, v_div, bp__v16, vdivq_f32(a.v[i], b.v[i]))
V_NEON_UNARY(bp__v16, v_sqrt, bp__v16, vsqrtq_f32(a.v[i]))
V_NEON_UNARY(bp__v16, v_abs, bp__v16, vabsq_f32(a.v[i]))
V_NEON_UNARY(bp__v16, v_neg, bp__v16, vnegq_f32(a.v[i]))
V_NEON_UNARY(bp__v16, v_floor, bp__v16, vrndmq_f32(a.v[i]))
V_NEON_UNARY(bp__v16, v_trunc, bp__v16, vrndq_f32(a.v[i]))
V_NEON_UNARY(bp__v16, v_rint, bp__v16, vrndnq_f32(a.v[i]))
V_NEON_BINARY(bp__v16, v_copysign, bp__v16,
              vbslq_f32(vdupq_n_u32(0x80000000u), b.v[i], a.v[i]))

V_INLINE bp__v16 v_fma(bp__v16 a, bp__v16 b, bp__v16 c)
{
    V_QUADS
        c.v[i] = vfmaq_f32(c.v[i], a.v[i], b.v[i]);
    return c;
}
V_INLINE bp__v16 v_fnma(bp__v16 a, bp__v16 b, bp__v16 c)
{
    V_QUADS
        c.v[i] = vfmsq_f32(c.v[i], a.v[i], b.v[i]);
    return c;
}

V_NEON_BINARY(bp__v16, v_pick_max, bp__v16,
              vbslq_f32(vcgtq_f32(a.v[i], b.v[i]), a.v[i], b.v[i]))
V_NEON_BINARY(bp__v16, v_pick_min, bp__v16,
              vbslq_f32(vcltq_f32(a.v[i], b.v[i]), a.v[i], b.v[i]))
/* Take b only where a is a number that is not above (below) it. */
V_INLINE bp__v16 v_max(bp__v16 a, bp__v16 b)
{
    V_QUADS {
        uint32x4_t number = vceqq_f32(a.v[i], a.v[i]);
        uint32x4_t above = vcgtq_f32(a.v[i], b.v[i]);
        a.v[i] = vbslq_f32(vbicq_u32(number, above), b.v[i], a.v[i]);
    }
    return a;
}
V_INLINE bp__v16 v_min(bp__v16 a, bp__v16 b)
{
    V_QUADS {
        uint32x4_t number = vceqq_f32(a.v[i], a.v[i]);
        uint32x4_t below = vcltq_f32(a.v[i], b.v[i]);
        a.v[i] = vbslq_f32(vbicq_u32(number, below), b.v[i], a.v[i]);
    }
    return a;
}
V_NEON_UNARY(bp__v16, v_relu, bp__v16,
             vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(a.v[i]),
                                             vclezq_f32(a.v[i]))))

V_NEON_BINARY(bp__m16, v_eq, bp__v16, vceqq_f32(a.v[i], b.v[i]))
V_NEON_BINARY(bp__m16, v_ne, bp__v16, vmvnq_u32(vceqq_f32(a.v[i], b.v[i])))
V_NEON_BINARY(bp__m16, v_lt, bp__v16, vcltq_f32(a.v[i], b.v[i]))
V_NEON_BINARY(bp__m16, v_le, bp__v16, vcleq_f32(a.v[i], b.v[i]))
V_NEON_BINARY(bp__m16, v_gt, bp__v16, vcgtq_f32(a.v[i], b.v[i]))
V_NEON_BINARY(bp__m16, v_ge, bp__v16, vcgeq_f32(a.v[i], b.v[i]))

V_INLINE bp__v16 v_select(bp__m16 m, bp__v16 a, bp__v16 b)
{
    V_QUADS
        a.v[i] = vbslq_f32(m.v[i], a.v[i], b.v[i]);
    return a;
}
V_INLINE bp__v16 v_mask(bp__m16 m, bp__v16 a)
{
    V_QUADS
        a.v[i] = vreinterpretq_f32_u32(
            vandq_u32(m.v[i], vreinterpretq_u32_f32(a.v[i])));
    return a;
}
V_INLINE void v_store_mask(float *p, bp__v16 a, bp__m16 m)
{
    float t[16];
    uint32_t on[16];
    v_store(t, a);
    V_QUADS
        vst1q_u32(on + 4 * i, m.v[i]);
    for (int i = 0; i < 16; i++)
        if (on[i])
            p[i] = t[i];
}
V_NEON_UNARY(bp__v16, v_from_w, bp__w16, vcvtq_f32_s32(a.v[i]))
V_NEON_UNARY(bp__w16, v_to_w, bp__v16, vcvtq_s32_f32(a.v[i]))

V_INLINE bp__w16 v_widen_bytes(uint8x16_t b)
{
    uint16x8_t lo = vmovl_u8(vget_low_u8(b)), hi = vmovl_high_u8(b);
    return (bp__w16){{vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(lo))),
                      vreinterpretq_s32_u32(vmovl_high_u16(lo)),
                      vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(hi))),
                      vreinterpretq_s32_u32(vmovl_high_u16(hi))}};
}
V_INLINE uint8x16_t v_narrow_bytes(bp__w16 w) /* words from 0 to 255 */
{
    uint16x8_t lo = vcombine_u16(vmovn_u32(vreinterpretq_u32_s32(w.v[0])),
                                 vmovn_u32(vreinterpretq_u32_s32(w.v[1])));
    uint16x8_t hi = vcombine_u16(vmovn_u32(vreinterpretq_u32_s32(w.v[2])),
                                 vmovn_u32(vreinterpretq_u32_s32(w.v[3])));
    return vcombine_u8(vmovn_u16(lo), vmovn_u16(hi));
}
V_INLINE uint8x16_t v_load_bytes(const uint8_t *p, int n)
{
    uint8_t t[16] = {0};
    memcpy(t, p, (size_t)n);
    return vld1q_u8(t);
}
V_INLINE void v_store_bytes(uint8_t *p, uint8x16_t b, int n)
{
    uint8_t t[16];
    vst1q_u8(t, b);
    memcpy(p, t, (size_t)n);
}
V_INLINE bp__v16 v_load_u8(const uint8_t *p)
{
    return v_from_w(v_widen_bytes(vld1q_u8(p)));
}
V_INLINE bp__v16 v_load_u8_n(const uint8_t *p, int n)
{
    return v_from_w(v_widen_bytes(v_load_bytes(p, n)));
}
V_INLINE void v_store_u8_n(uint8_t *p, bp__v16 a, int n)
{
    v_store_bytes(p, v_narrow_bytes(v_to_w(a)), n);
}

/* ---- words ------------------------------------------------------------ */

V_INLINE bp__w16 w_set1(int32_t x)
{
    int32x4_t y = vdupq_n_s32(x);
    return (bp__w16){{y, y, y, y}};
}
V_INLINE bp__w16 w_load(const int32_t *p)
{
    bp__w16 a;
    V_QUADS
        a.v[i] = vld1q_s32(p + 4 * i);
    return a;
}
V_INLINE void w_store(int32_t *p, bp__w16 a)
{
    V_QUADS
        vst1q_s32(p + 4 * i, a.v[i]);
}
V_INLINE bp__w16 w_load_n(const int32_t *p, int n)
{
    int32_t t[16] = {0};
    memcpy(t, p, (size_t)n * sizeof *p);
    return w_load(t);
}
V_INLINE void w_store_n(int32_t *p, bp__w16 a, int n)
{
    int32_t t[16];
    w_store(t, a);
    memcpy(p, t, (size_t)n * sizeof *p);
}
V_NEON_BINARY(bp__w16, w_add, bp__w16, vaddq_s32(a.v[i], b.v[i]))
V_NEON_BINARY(bp__w16, w_sub, bp__w16, vsubq_s32(a.v[i], b.v[i]))
V_NEON_BINARY(bp__w16, w_and, bp__w16, vandq_s32(a.v[i], b.v[i]))
V_NEON_BINARY(bp__w16, w_or, bp__w16, vorrq_s32(a.v[i], b.v[i]))
V_NEON_BINARY(bp__w16, w_xor, bp__w16, veorq_s32(a.v[i], b.v[i]))
V_INLINE bp__w16 w_shl(bp__w16 a, int k)
{
    V_QUADS
        a.v[i] = vshlq_s32(a.v[i], vdupq_n_s32(k));
    return a;
}
V_INLINE bp__w16 w_shr(bp__w16 a, int k)
{
    V_QUADS
        a.v[i] = vreinterpretq_s32_u32(vshlq_u32(
            vreinterpretq_u32_s32(a.v[i]), vdupq_n_s32(-k)));
    return a;
}
V_INLINE bp__w16 w_sar(bp__w16 a, int k)
{
    V_QUADS
        a.v[i] = vshlq_s32(a.v[i], vdupq_n_s32(-k));
    return a;
}
V_NEON_BINARY(bp__m16, w_eq, bp__w16, vceqq_s32(a.v[i], b.v[i]))
V_NEON_BINARY(bp__m16, w_gt, bp__w16, vcgtq_s32(a.v[i], b.v[i]))
V_INLINE bp__w16 w_select(bp__m16 m, bp__w16 a, bp__w16 b)
{
    V_QUADS
        a.v[i] = vbslq_s32(m.v[i], a.v[i], b.v[i]);
    return a;
}

/* ---- truth values ------------------------------------------------------ */

V_NEON_BINARY(bp__m16, m_and, bp__m16, vandq_u32(a.v[i], b.v[i]))
V_NEON_BINARY(bp__m16, m_or, bp__m16, vorrq_u32(a.v[i], b.v[i]))
V_NEON_BINARY(bp__m16, m_xor, bp__m16, veorq_u32(a.v[i], b.v[i]))
V_NEON_BINARY(bp__m16, m_andnot, bp__m16, vbicq_u32(a.v[i], b.v[i]))
V_NEON_UNARY(bp__m16, m_not, bp__m16, vmvnq_u32(a.v[i]))

V_NEON_UNARY(bp__w16, m_words, bp__m16, vreinterpretq_s32_u32(a.v[i]))
V_NEON_UNARY(bp__m16, m_from_words, bp__w16, vreinterpretq_u32_s32(a.v[i]))

V_INLINE bp__m16 m_first(int n)
{
    static const int32_t ids[4] = {0, 1, 2, 3};
    bp__m16 m;
    V_QUADS
        m.v[i] = vcltq_s32(vld1q_s32(ids), vdupq_n_s32(n - 4 * i));
    return m;
}
V_INLINE uint32_t m_bits(bp__m16 m)
{
    static const uint32_t weight[4] = {1, 2, 4, 8};
    uint32x4_t w = vld1q_u32(weight);
    uint32_t bits = 0;
    V_QUADS
        bits |= vaddvq_u32(vandq_u32(m.v[i], w)) << (4 * i);
    return bits;
}
V_INLINE bp__m16 m_from_bits(uint32_t bits)
{
    static const uint32_t weight[4] = {1, 2, 4, 8};
    uint32x4_t w = vld1q_u32(weight);
    bp__m16 m;
    V_QUADS
        m.v[i] = vtstq_u32(vdupq_n_u32(bits >> (4 * i)), w);
    return m;
}
V_INLINE bp__m16 m_load_bool_n(const uint8_t *p, int n)
{
    return w_gt(v_widen_bytes(v_load_bytes(p, n)), w_set1(0));
}
V_INLINE void m_store_bool_n(uint8_t *p, bp__m16 m, int n)
{
    bp__w16 w;
    V_QUADS
        w.v[i] = vreinterpretq_s32_u32(vandq_u32(m.v[i], vdupq_n_u32(1)));
    v_store_bytes(p, v_narrow_bytes(w), n);
}

/* ---- across lanes ------------------------------------------------------ */

V_INLINE float v_hsum(bp__v16 a)
{
    float32x4_t q = vaddq_f32(vaddq_f32(a.v[0], a.v[2]),
                              vaddq_f32(a.v[1], a.v[3]));
    float32x2_t d = vadd_f32(vget_low_f32(q), vget_high_f32(q));
    return vget_lane_f32(d, 0) + vget_lane_f32(d, 1);
}
V_INLINE float v_hpick(bp__v16 a, int max)
{
    if (m_bits(v_ne(a, a)))
        return NAN;
    for (int n = 8; n > 0; n /= 2) {
        float t[32];
        v_store(t, a);
        v_store(t + 16, a);
        bp__v16 b = v_load(t + n);
        a = max ? v_pick_max(a, b) : v_pick_min(a, b);
    }
    return vgetq_lane_f32(a.v[0], 0);
}
V_INLINE float v_hmax(bp__v16 a)
{
    return v_hpick(a, 1);
}
V_INLINE float v_hmin(bp__v16 a)
{
    return v_hpick(a, 0);
}
V_INLINE void v_transpose(bp__v16 a[16])
{
    float t[16][16], u[16][16];
    for (int i = 0; i < 16; i++)
        v_store(t[i], a[i]);
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++)
            u[j][i] = t[i][j];
    for (int i = 0; i < 16; i++)
        a[i] = v_load(u[i]);
}

#endif
