/* What the tests of elementwise chains share: ops in scalar C, a runner that
 * compares levels and watches the memory around outputs, and test data. */
#ifndef BP_TEST_CHAIN_RIG_H
#define BP_TEST_CHAIN_RIG_H

#include "probe.h"
#include "t.h"

enum { GUARD = 64, MAX_N = 4096 };

/* ---- one element, in scalar C ------------------------------------------- */

typedef struct scalar {
    float f;
    bool b;
} scalar;

static inline float by_probe(int f, float x)
{
    float in[16] = {0}, out[16];
    in[0] = x;
    probe_get(BP_LEVEL_PLAIN)->math(f, in, out, 16);
    return out[0];
}

static inline float pow_by_probe(float x, float y)
{
    float a[16] = {0}, b[16] = {0}, out[16];
    a[0] = x;
    b[0] = y;
    probe_get(BP_LEVEL_PLAIN)->pow(a, b, out, 16);
    return out[0];
}

static inline scalar eval(bp__op op, int to, scalar x, scalar y, scalar z)
{
    scalar r = {0, false};
    float a = x.f, b = y.f;
    switch ((int)op) {
#define F(name, e) \
    case BP__OP_##name: r.f = (e); break;
#define B(name, e) \
    case BP__OP_##name: r.b = (e); break;
        F(neg, -a)
        F(abs, fabsf(a))
        F(sign, a > 0 ? 1.0f : a < 0 ? -1.0f : a)
        F(floor, floorf(a))
        F(reciprocal, 1.0f / a)
        F(square, a * a)
        F(sqrt, sqrtf(a))
        F(exp, by_probe(PROBE_EXP, a))
        F(log, by_probe(PROBE_LOG, a))
        F(log1p, by_probe(PROBE_LOG1P, a))
        F(sin, by_probe(PROBE_SIN, a))
        F(cos, by_probe(PROBE_COS, a))
        F(tanh, by_probe(PROBE_TANH, a))
        F(sigmoid, by_probe(PROBE_SIGMOID, a))
        F(erf, by_probe(PROBE_ERF, a))
        F(relu, a > 0 ? a : a != a ? a : 0.0f)
        F(add, a + b)
        F(sub, a - b)
        F(mul, a * b)
        F(div, a / b)
        F(pow, pow_by_probe(a, b))
        F(maximum, a > b || a != a ? a : b)
        F(minimum, a < b || a != a ? a : b)
        B(not, !x.b)
        B(is_finite, isfinite(a) != 0)
        B(eq, a == b)
        B(ne, a != b)
        B(lt, a < b)
        B(le, a <= b)
        B(gt, a > b)
        B(ge, a >= b)
        B(and, x.b && y.b)
        B(or, x.b || y.b)
#undef F
#undef B
    case BP__OP_cast:
        if (to == BP_BOOL)
            r.b = a != 0;
        else
            r.f = x.b ? 1.0f : 0.0f;
        break;
    case BP__OP_select:
        r = x.b ? y : z;
        break;
    default:
        T_CHECK(!"op");
    }
    return r;
}

/* ---- running ------------------------------------------------------------ */

static inline int64_t bits_of(const void *p, int dtype, int64_t i)
{
    if (dtype == BP_F32) {
        uint32_t u;
        memcpy(&u, (const char *)p + 4 * i, 4);
        return (u & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000 : (int64_t)u;
    }
    return dtype == BP_I32 ? ((const int32_t *)p)[i]
                           : ((const uint8_t *)p)[i];
}

static bool ran[BP__CHAIN_N_OPCODES];

/* Runs in random pieces, at every level; out[k] is what the plain level gave.
 * Memory around the outputs must stay as it was. */
static inline void run_all(const bp__chain *c, const void *const *in,
                           void *const *out, uint64_t *seed)
{
    void *scratch = aligned_alloc(64, (c->scratch_bytes + 127) / 64 * 64);
    int64_t bad[BP__CHAIN_STORES] = {0};
    T_REQUIRE(scratch);
    memset(scratch, 0xff, (c->scratch_bytes + 127) / 64 * 64);
    for (int i = 0; i < c->n_code; i++)
        ran[c->code[i].op] = true;
    for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++) {
        const bp__cpu *cpu = bp__cpu_get((bp_level)l);
        if (!cpu)
            continue;
        char *fresh[BP__CHAIN_STORES];
        void *at[BP__CHAIN_STORES];
        for (int k = 0; k < c->n_out; k++) {
            size_t n = (size_t)c->numel * bp_dtype_bytes(c->out[k].dtype);
            fresh[k] = malloc(n + 2 * GUARD);
            T_REQUIRE(fresh[k]);
            memset(fresh[k], 0x5c, n + 2 * GUARD);
            at[k] = fresh[k] + GUARD;
        }
        for (int64_t i = 0; i < c->numel;) {
            int64_t n = 1 + (int64_t)t_uniform(seed, 0, 700);
            n = i + n > c->numel ? c->numel - i : n;
            cpu->chain.run(c, in, at, i, i + n, scratch, bad);
            i += n;
        }
        for (int k = 0; k < c->n_out; k++) {
            int dtype = c->out[k].dtype;
            size_t n = (size_t)c->numel * bp_dtype_bytes(dtype);
            bool clean = true;
            for (int g = 0; g < GUARD; g++)
                clean &= fresh[k][g] == 0x5c && fresh[k][GUARD + n + g] == 0x5c;
            T_CHECKF(clean, "output %d at %s: written outside", k,
                     bp_level_name((bp_level)l));
            if (l == BP_LEVEL_PLAIN)
                memcpy(out[k], at[k], n);
            int64_t differ = 0;
            for (int64_t i = 0; i < c->numel; i++)
                differ += bits_of(at[k], dtype, i) != bits_of(out[k], dtype, i);
            T_CHECKF(differ == 0, "output %d at %s: %lld elements differ", k,
                     bp_level_name((bp_level)l), (long long)differ);
            free(fresh[k]);
        }
    }
    free(scratch);
}

static inline float number(uint64_t *r)
{
    static const float s[] = {0.0f, -0.0f, 1.0f, -1.0f, INFINITY, -INFINITY,
                              NAN, 0x1p-149f, 0x1.fffffep127f, 0.5f};
    double u = t_uniform(r, 0, 1);
    if (u < 0.1)
        return s[(int)t_uniform(r, 0, 9.99)];
    return (float)t_uniform(r, -3, 3);
}

typedef struct pools {
    float f[3][MAX_N + 16];
    uint8_t u[MAX_N + 16], b[2][MAX_N + 16];
    int32_t i[MAX_N + 16];
} pools;

static inline void fill_pools(pools *p, uint64_t *r)
{
    for (int k = 0; k < MAX_N + 16; k++) {
        for (int j = 0; j < 3; j++)
            p->f[j][k] = number(r);
        p->u[k] = (uint8_t)t_uniform(r, 0, 255.99);
        p->i[k] = (int32_t)t_uniform(r, -2e9, 2e9);
        for (int j = 0; j < 2; j++)
            p->b[j][k] = t_uniform(r, 0, 1) < 0.5;
    }
}

#endif
