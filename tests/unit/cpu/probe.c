/* bp__v16 and its elementary functions, at one level, for the tests. */
#include "probe.h"

#include "cpu/k_math.h"

#define PROBE_LOOP(f)                     \
    for (int64_t i = 0; i < n; i += 16)   \
        v_store(y + i, f(v_load(x + i))); \
    break

static void probe_math(int f, const float *x, float *y, int64_t n)
{
    switch (f) {
    case PROBE_EXP:
        PROBE_LOOP(v_exp);
    case PROBE_LOG:
        PROBE_LOOP(v_log);
    case PROBE_LOG1P:
        PROBE_LOOP(v_log1p);
    case PROBE_TANH:
        PROBE_LOOP(v_tanh);
    case PROBE_SIGMOID:
        PROBE_LOOP(v_sigmoid);
    case PROBE_ERF:
        PROBE_LOOP(v_erf);
    case PROBE_SIN:
        PROBE_LOOP(v_sin);
    default:
        PROBE_LOOP(v_cos);
    }
}

static void probe_pow(const float *x, const float *y, float *z, int64_t n)
{
    for (int64_t i = 0; i < n; i += 16)
        v_store(z + i, v_pow(v_load(x + i), v_load(y + i)));
}

static void probe_transpose(const float *in, float *out)
{
    bp__v16 a[16];
    for (int i = 0; i < 16; i++)
        a[i] = v_load(in + 16 * i);
    v_transpose(a);
    for (int i = 0; i < 16; i++)
        v_store(out + 16 * i, a[i]);
}

#define PUT_V(value) w_store((int32_t *)out[k++], v_words(value))
#define PUT_W(value) w_store((int32_t *)out[k++], value)
#define PUT_M(value)                                                     \
    do {                                                                 \
        bp__m16 value_ = (value);                                        \
        uint32_t bits_ = m_bits(value_);                                 \
        PUT_W(w_select(value_, w_set1((int32_t)bits_), w_set1(-1)));     \
    } while (0)

static int probe_floats(bp__v16 a, bp__v16 b, bp__v16 c,
                        uint32_t out[][16])
{
    int k = 0;
    PUT_V(v_add(a, b));
    PUT_V(v_sub(a, b));
    PUT_V(v_mul(a, b));
    PUT_V(v_div(a, b));
    PUT_V(v_fma(a, b, c));
    PUT_V(v_fnma(a, b, c));
    PUT_V(v_sqrt(a));
    PUT_V(v_abs(a));
    PUT_V(v_neg(a));
    PUT_V(v_copysign(a, b));
    PUT_V(v_floor(a));
    PUT_V(v_trunc(a));
    PUT_V(v_rint(a));
    PUT_V(v_pick_max(a, b));
    PUT_V(v_pick_min(a, b));
    PUT_V(v_max(a, b));
    PUT_V(v_min(a, b));
    PUT_V(v_relu(a));
    PUT_M(v_eq(a, b));
    PUT_M(v_ne(a, b));
    PUT_M(v_lt(a, b));
    PUT_M(v_le(a, b));
    PUT_M(v_gt(a, b));
    PUT_M(v_ge(a, b));
    PUT_V(v_select(v_lt(a, b), a, c));
    PUT_V(v_mask(v_lt(a, b), a));
    PUT_M(v_is_finite(a));
    PUT_W(v_to_w_sat(a));
    PUT_V(v_from_m(v_lt(a, b)));
    PUT_V(v_set1(v_hsum(a)));
    PUT_V(v_set1(v_hmax(a)));
    PUT_V(v_set1(v_hmin(a)));
    return k;
}

static int probe_words(bp__w16 a, bp__w16 b, uint32_t out[][16])
{
    int k = 0;
    PUT_V(v_from_w(a));
    PUT_W(w_add(a, b));
    PUT_W(w_sub(a, b));
    PUT_W(w_and(a, b));
    PUT_W(w_or(a, b));
    PUT_W(w_xor(a, b));
    PUT_W(w_shl(a, 5));
    PUT_W(w_shr(a, 5));
    PUT_W(w_sar(a, 5));
    bp__m16 m = w_gt(a, b), e = w_eq(w_and(a, w_set1(1)), w_set1(0));
    PUT_M(m);
    PUT_M(e);
    PUT_M(m_and(m, e));
    PUT_M(m_or(m, e));
    PUT_M(m_xor(m, e));
    PUT_M(m_andnot(m, e));
    PUT_M(m_not(m));
    PUT_M(m_from_bits(m_bits(m) ^ 0x5a5au));
    PUT_W(w_select(m, a, b));
    PUT_W(m_words(m));
    PUT_M(m_from_words(m_words(e)));
    return k;
}

/* The memory beyond the first n lanes must neither be read nor written:
 * `fence` is beyond. */
static int probe_partial(const float *p, bp__v16 a, int n,
                         uint32_t out[][16])
{
    int k = 0;
    float fence[16];
    uint8_t bytes[16];
    PUT_V(v_load_n(p, n));
    PUT_W(w_load_n((const int32_t *)p, n));
    memset(out[k], 0x77, 64);
    v_store_n((float *)out[k++], a, n);
    memset(out[k], 0x77, 64);
    w_store_n((int32_t *)out[k++], v_words(a), n);
    memset(fence, 0x55, sizeof fence);
    v_store_mask(fence, a, v_lt(a, v_zero()));
    PUT_V(v_load(fence));
    PUT_M(m_first(n));
    memcpy(bytes, p, 16);
    PUT_V(v_load_u8_n(bytes, n));
    PUT_V(v_load_u8(bytes));
    memset(out[k], 0x77, 64);
    v_store_u8_sat_n((uint8_t *)out[k++], a, n);
    for (int i = 0; i < 16; i++)
        bytes[i] &= 1;
    bp__m16 m = m_load_bool_n(bytes, n);
    PUT_M(m);
    memset(out[k], 0x77, 64);
    m_store_bool_n((uint8_t *)out[k++], m_not(m), n);
    return k;
}

static int probe_ops(const float *a, const float *b, const float *c, int n,
                     uint32_t out[PROBE_N_OPS][16])
{
    bp__v16 va = v_load(a), vb = v_load(b), vc = v_load(c);
    int k = probe_floats(va, vb, vc, out);
    k += probe_words(v_words(va), v_words(vb), out + k);
    k += probe_partial(a, va, n, out + k);
    return k;
}

extern const probe BP__K(probe);
const probe BP__K(probe) = {(bp_level)BP__LEVEL, probe_math, probe_pow,
                            probe_ops, probe_transpose};
