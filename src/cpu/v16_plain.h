/* bp__v16 in plain C: any compiler, any CPU. See v16.h for what each function
 * means. The loops are written so that a compiler may vectorise them: masks
 * are words of all ones or zeros, and a select is bit operations. */
#ifndef BP__CPU_V16_PLAIN_H
#define BP__CPU_V16_PLAIN_H

#include <math.h>

typedef struct bp__v16 {
    float v[16];
} bp__v16;
typedef struct bp__w16 {
    int32_t v[16];
} bp__w16;
typedef struct bp__m16 {
    uint32_t v[16];
} bp__m16;

#define V_EACH for (int i = 0; i < 16; i++)

#define V_PLAIN_UNARY(name, expr)        \
    V_INLINE bp__v16 name(bp__v16 a)     \
    {                                    \
        V_EACH                           \
            a.v[i] = (expr);             \
        return a;                        \
    }
#define V_PLAIN_BINARY(type, name, expr)      \
    V_INLINE type name(type a, type b)        \
    {                                         \
        V_EACH                                \
            a.v[i] = (expr);                  \
        return a;                             \
    }
#define V_PLAIN_COMPARE(type, name, op)            \
    V_INLINE bp__m16 name(type a, type b)          \
    {                                              \
        bp__m16 m;                                 \
        V_EACH                                     \
            m.v[i] = a.v[i] op b.v[i] ? ~0u : 0u;  \
        return m;                                  \
    }

V_INLINE bp__w16 v_words(bp__v16 a)
{
    bp__w16 w;
    memcpy(&w, &a, sizeof w);
    return w;
}
V_INLINE bp__v16 w_floats(bp__w16 a)
{
    bp__v16 v;
    memcpy(&v, &a, sizeof v);
    return v;
}
V_INLINE bp__v16 v_set1(float x)
{
    bp__v16 a;
    V_EACH
        a.v[i] = x;
    return a;
}
V_INLINE bp__v16 v_zero(void)
{
    return v_set1(0.0f);
}
V_INLINE bp__v16 v_load(const float *p)
{
    bp__v16 a;
    memcpy(&a, p, sizeof a);
    return a;
}
V_INLINE void v_store(float *p, bp__v16 a)
{
    memcpy(p, &a, sizeof a);
}
V_INLINE bp__v16 v_load_n(const float *p, int n)
{
    bp__v16 a = v_zero();
    memcpy(&a, p, (size_t)n * sizeof *p);
    return a;
}
V_INLINE void v_store_n(float *p, bp__v16 a, int n)
{
    memcpy(p, &a, (size_t)n * sizeof *p);
}
V_INLINE void v_store_mask(float *p, bp__v16 a, bp__m16 m)
{
    V_EACH
        if (m.v[i])
            p[i] = a.v[i];
}

V_PLAIN_BINARY(bp__v16, v_add, a.v[i] + b.v[i])
V_PLAIN_BINARY(bp__v16, v_sub, a.v[i] - b.v[i])
V_PLAIN_BINARY(bp__v16, v_mul, a.v[i] * b.v[i])
V_PLAIN_BINARY(bp__v16, v_div, a.v[i] / b.v[i])
V_PLAIN_BINARY(bp__v16, v_pick_max, a.v[i] > b.v[i] ? a.v[i] : b.v[i])
V_PLAIN_BINARY(bp__v16, v_pick_min, a.v[i] < b.v[i] ? a.v[i] : b.v[i])
V_PLAIN_BINARY(bp__v16, v_max,
               a.v[i] > b.v[i] || a.v[i] != a.v[i] ? a.v[i] : b.v[i])
V_PLAIN_BINARY(bp__v16, v_min,
               a.v[i] < b.v[i] || a.v[i] != a.v[i] ? a.v[i] : b.v[i])
V_PLAIN_UNARY(v_relu, !(a.v[i] <= 0.0f) ? a.v[i] : 0.0f)
V_PLAIN_UNARY(v_sqrt, sqrtf(a.v[i]))
V_PLAIN_UNARY(v_abs, fabsf(a.v[i]))
V_PLAIN_UNARY(v_neg, -a.v[i])
V_PLAIN_UNARY(v_floor, floorf(a.v[i]))
V_PLAIN_UNARY(v_trunc, truncf(a.v[i]))
V_PLAIN_UNARY(v_rint, rintf(a.v[i]))
V_PLAIN_BINARY(bp__v16, v_copysign, copysignf(a.v[i], b.v[i]))

/* fmaf is one instruction where the target has it; elsewhere the library's,
 * which is as exact and slow. */
V_INLINE bp__v16 v_fma(bp__v16 a, bp__v16 b, bp__v16 c)
{
    V_EACH
        c.v[i] = fmaf(a.v[i], b.v[i], c.v[i]);
    return c;
}
V_INLINE bp__v16 v_fnma(bp__v16 a, bp__v16 b, bp__v16 c)
{
    V_EACH
        c.v[i] = fmaf(-a.v[i], b.v[i], c.v[i]);
    return c;
}

V_PLAIN_COMPARE(bp__v16, v_eq, ==)
V_PLAIN_COMPARE(bp__v16, v_ne, !=)
V_PLAIN_COMPARE(bp__v16, v_lt, <)
V_PLAIN_COMPARE(bp__v16, v_le, <=)
V_PLAIN_COMPARE(bp__v16, v_gt, >)
V_PLAIN_COMPARE(bp__v16, v_ge, >=)

/* ---- words ------------------------------------------------------------ */

#define W_U(x) ((uint32_t)(x))
V_INLINE bp__w16 w_set1(int32_t x)
{
    bp__w16 a;
    V_EACH
        a.v[i] = x;
    return a;
}
V_INLINE bp__w16 w_load(const int32_t *p)
{
    bp__w16 a;
    memcpy(&a, p, sizeof a);
    return a;
}
V_INLINE void w_store(int32_t *p, bp__w16 a)
{
    memcpy(p, &a, sizeof a);
}
V_INLINE bp__w16 w_load_n(const int32_t *p, int n)
{
    bp__w16 a = w_set1(0);
    memcpy(&a, p, (size_t)n * sizeof *p);
    return a;
}
V_INLINE void w_store_n(int32_t *p, bp__w16 a, int n)
{
    memcpy(p, &a, (size_t)n * sizeof *p);
}
V_PLAIN_BINARY(bp__w16, w_add, (int32_t)(W_U(a.v[i]) + W_U(b.v[i])))
V_PLAIN_BINARY(bp__w16, w_sub, (int32_t)(W_U(a.v[i]) - W_U(b.v[i])))
V_PLAIN_BINARY(bp__w16, w_and, a.v[i] & b.v[i])
V_PLAIN_BINARY(bp__w16, w_or, a.v[i] | b.v[i])
V_PLAIN_BINARY(bp__w16, w_xor, a.v[i] ^ b.v[i])
V_INLINE bp__w16 w_shl(bp__w16 a, int k)
{
    V_EACH
        a.v[i] = (int32_t)(W_U(a.v[i]) << k);
    return a;
}
V_INLINE bp__w16 w_shr(bp__w16 a, int k)
{
    V_EACH
        a.v[i] = (int32_t)(W_U(a.v[i]) >> k);
    return a;
}
V_INLINE bp__w16 w_sar(bp__w16 a, int k)
{
    V_EACH
        a.v[i] = a.v[i] < 0 ? ~(~a.v[i] >> k) : a.v[i] >> k;
    return a;
}
V_PLAIN_COMPARE(bp__w16, w_eq, ==)
V_PLAIN_COMPARE(bp__w16, w_gt, >)
V_INLINE bp__w16 w_select(bp__m16 m, bp__w16 a, bp__w16 b)
{
    V_EACH
        b.v[i] = (int32_t)((W_U(a.v[i]) & m.v[i]) |
                           (W_U(b.v[i]) & ~m.v[i]));
    return b;
}
V_INLINE bp__v16 v_select(bp__m16 m, bp__v16 a, bp__v16 b)
{
    return w_floats(w_select(m, v_words(a), v_words(b)));
}
V_INLINE bp__v16 v_mask(bp__m16 m, bp__v16 a)
{
    return w_floats(w_select(m, v_words(a), w_set1(0)));
}
V_INLINE bp__v16 v_from_w(bp__w16 w)
{
    bp__v16 a;
    V_EACH
        a.v[i] = (float)w.v[i];
    return a;
}
V_INLINE bp__w16 v_to_w(bp__v16 a)
{
    bp__w16 w;
    V_EACH
        w.v[i] = (int32_t)a.v[i];
    return w;
}
V_INLINE bp__v16 v_load_u8_n(const uint8_t *p, int n)
{
    bp__v16 a = v_zero();
    for (int i = 0; i < n; i++)
        a.v[i] = p[i];
    return a;
}
V_INLINE bp__v16 v_load_u8(const uint8_t *p)
{
    return v_load_u8_n(p, 16);
}
V_INLINE void v_store_u8_n(uint8_t *p, bp__v16 a, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = (uint8_t)(int32_t)a.v[i];
}

/* ---- truth values ------------------------------------------------------ */

V_PLAIN_BINARY(bp__m16, m_and, a.v[i] & b.v[i])
V_PLAIN_BINARY(bp__m16, m_or, a.v[i] | b.v[i])
V_PLAIN_BINARY(bp__m16, m_xor, a.v[i] ^ b.v[i])
V_PLAIN_BINARY(bp__m16, m_andnot, a.v[i] & ~b.v[i])
V_INLINE bp__m16 m_not(bp__m16 a)
{
    V_EACH
        a.v[i] = ~a.v[i];
    return a;
}
V_INLINE bp__w16 m_words(bp__m16 m)
{
    bp__w16 w;
    memcpy(&w, &m, sizeof w);
    return w;
}
V_INLINE bp__m16 m_from_words(bp__w16 w)
{
    bp__m16 m;
    memcpy(&m, &w, sizeof m);
    return m;
}
V_INLINE bp__m16 m_first(int n)
{
    bp__m16 m;
    V_EACH
        m.v[i] = i < n ? ~0u : 0u;
    return m;
}
V_INLINE uint32_t m_bits(bp__m16 m)
{
    uint32_t bits = 0;
    V_EACH
        bits |= (m.v[i] & 1u) << i;
    return bits;
}
V_INLINE bp__m16 m_from_bits(uint32_t bits)
{
    bp__m16 m;
    V_EACH
        m.v[i] = 0u - ((bits >> i) & 1u);
    return m;
}
V_INLINE bp__m16 m_load_bool_n(const uint8_t *p, int n)
{
    bp__m16 m;
    V_EACH
        m.v[i] = i < n && p[i] ? ~0u : 0u;
    return m;
}
V_INLINE void m_store_bool_n(uint8_t *p, bp__m16 m, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = (uint8_t)(m.v[i] & 1u);
}

/* ---- across lanes ------------------------------------------------------ */

V_INLINE float v_hsum(bp__v16 a)
{
    for (int n = 8; n > 0; n /= 2)
        for (int i = 0; i < n; i++)
            a.v[i] += a.v[i + n];
    return a.v[0];
}
V_INLINE float v_hmax(bp__v16 a)
{
    for (int n = 8; n > 0; n /= 2)
        for (int i = 0; i < n; i++)
            if (!(a.v[i] > a.v[i + n] || a.v[i] != a.v[i]))
                a.v[i] = a.v[i + n];
    return a.v[0];
}
V_INLINE float v_hmin(bp__v16 a)
{
    for (int n = 8; n > 0; n /= 2)
        for (int i = 0; i < n; i++)
            if (!(a.v[i] < a.v[i + n] || a.v[i] != a.v[i]))
                a.v[i] = a.v[i + n];
    return a.v[0];
}
V_INLINE void v_transpose(bp__v16 a[16])
{
    V_EACH
        for (int j = 0; j < i; j++) {
            float t = a[i].v[j];
            a[i].v[j] = a[j].v[i];
            a[j].v[i] = t;
        }
}

#endif
