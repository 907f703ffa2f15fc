/* Elementwise chains against loops written by hand for the very same ops, on
 * one core: in the first-level cache, the second-level one, and memory. The
 * hand-written loops are compiled for the same instruction set and may not
 * contract either; both do one rounding an op.
 *
 *     bench_chain [elements...]
 */
#include "cpu/cpu.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define HAND_O3 optimize("O3", "no-math-errno", "no-trapping-math")
#define HAND_AVX2 __attribute__((target("avx2,fma"), HAND_O3))
#define HAND_AVX512                                                        \
    __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma,"        \
                          "prefer-vector-width=512"),                      \
                   HAND_O3))
#else
#define HAND_AVX2
#define HAND_AVX512
#endif

static double now(void)
{
    struct timespec t; /* of this process: others disturb it less */
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- twelve cheap ops, three inputs, one output -------------------------- */

#define TWELVE(name, attributes)                                            \
    attributes static void name(void *const *restrict out,                  \
                                const void *const *in, int64_t n)           \
    {                                                                       \
        float *restrict y = out[0];                                         \
        const float *a = in[0], *b = in[1], *c = in[2];                     \
        for (int64_t i = 0; i < n; i++) {                                   \
            float t = a[i] * b[i] + c[i];                                   \
            t = t > 0.25f || t != t ? t : 0.25f; /* a NaN stays */          \
            t = (t - b[i]) * 0.5f;                                          \
            t = fabsf(t) + a[i];                                            \
            t = t * t - c[i];                                               \
            t = t < 4.0f || t != t ? t : 4.0f;                              \
            y[i] = t * 0.125f + b[i];                                       \
        }                                                                   \
    }
TWELVE(twelve_avx2, HAND_AVX2)
TWELVE(twelve_avx512, HAND_AVX512)

static void twelve_chain(bp__chain *c)
{
    int a = bp__chain_load(c, BP_F32, NULL);
    int b = bp__chain_load(c, BP_F32, NULL);
    int d = bp__chain_load(c, BP_F32, NULL);
#define OP(op, x, y) bp__chain_op(c, BP__OP_##op, x, y, -1)
#define K(x) bp__chain_const(c, x)
    int t = OP(add, OP(mul, a, b), d);
    t = OP(maximum, t, K(0.25f));
    t = OP(mul, OP(sub, t, b), K(0.5f));
    t = OP(add, OP(abs, t, -1), a);
    t = OP(sub, OP(square, t, -1), d);
    t = OP(minimum, t, K(4.0f));
    t = OP(add, OP(mul, t, K(0.125f)), b);
    bp__chain_store(c, t, BP_F32, false);
}

/* ---- SGD with momentum; Adam --------------------------------------------- */

#define MOMENTUM(name, attributes)                                      \
    attributes static void name(void *const *restrict out,              \
                                const void *const *in, int64_t n)       \
    {                                                                   \
        float *restrict w = out[0], *restrict v = out[1];               \
        const float *restrict g = in[2];                                \
        for (int64_t i = 0; i < n; i++) {                               \
            v[i] = v[i] * 0.9f + g[i];                                  \
            w[i] = w[i] - v[i] * 0.01f;                                 \
        }                                                               \
    }
MOMENTUM(momentum_avx2, HAND_AVX2)
MOMENTUM(momentum_avx512, HAND_AVX512)

static void momentum_chain(bp__chain *c)
{
    int w = bp__chain_load(c, BP_F32, NULL);
    int v = bp__chain_load(c, BP_F32, NULL);
    int g = bp__chain_load(c, BP_F32, NULL);
    int u = OP(add, OP(mul, v, K(0.9f)), g);
    bp__chain_store(c, OP(sub, w, OP(mul, u, K(0.01f))), BP_F32, true);
    bp__chain_store(c, u, BP_F32, true);
}

#define ADAM(name, attributes)                                          \
    attributes static void name(void *const *restrict out,              \
                                const void *const *in, int64_t n)       \
    {                                                                   \
        float *restrict w = out[0], *restrict m = out[1];               \
        float *restrict v = out[2];                                     \
        const float *restrict g = in[3];                                \
        for (int64_t i = 0; i < n; i++) {                               \
            float p = m[i] * 0.9f + g[i] * 0.1f;                        \
            float q = v[i] * 0.999f + (g[i] * g[i]) * 0.001f;           \
            m[i] = p;                                                   \
            v[i] = q;                                                   \
            w[i] = w[i] - (p * 0.01f) / (sqrtf(q * 1.5f) + 1e-8f);      \
        }                                                               \
    }
ADAM(adam_avx2, HAND_AVX2)
ADAM(adam_avx512, HAND_AVX512)

static void adam_chain(bp__chain *c)
{
    int w = bp__chain_load(c, BP_F32, NULL);
    int m = bp__chain_load(c, BP_F32, NULL);
    int v = bp__chain_load(c, BP_F32, NULL);
    int g = bp__chain_load(c, BP_F32, NULL);
    int p = OP(add, OP(mul, m, K(0.9f)), OP(mul, g, K(0.1f)));
    int q = OP(add, OP(mul, v, K(0.999f)),
               OP(mul, OP(square, g, -1), K(0.001f)));
    int root = OP(sqrt, OP(mul, q, K(1.5f)), -1);
    int step = OP(div, OP(mul, p, K(0.01f)), OP(add, root, K(1e-8f)));
    bp__chain_store(c, OP(sub, w, step), BP_F32, true);
    bp__chain_store(c, p, BP_F32, true);
    bp__chain_store(c, q, BP_F32, true);
}

/* ---- measuring ------------------------------------------------------------ */

typedef void hand_fn(void *const *out, const void *const *in, int64_t n);

typedef struct contest {
    const char *name;
    void (*build)(bp__chain *c);
    hand_fn *hand[2]; /* AVX2, AVX-512 */
    bool in_place;
    int tensors; /* read and written, for the bandwidth */
} contest;

static const contest contests[] = {
    {"12 ops", twelve_chain, {twelve_avx2, twelve_avx512}, false, 4},
    {"momentum", momentum_chain, {momentum_avx2, momentum_avx512}, true, 5},
    {"Adam", adam_chain, {adam_avx2, adam_avx512}, true, 7},
};

static float *tensor(int64_t n, uint32_t seed)
{
    float *p = aligned_alloc(64, (size_t)(n * 4 + 63) / 64 * 64);
    for (int64_t i = 0; p && i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (float)(seed >> 8) * (1.0f / 16777216.0f);
    }
    return p;
}

static void compete(const contest *t, bp_level level, int64_t n)
{
    const bp__cpu *cpu = bp__cpu_get(level);
    bp__chain *c = malloc(sizeof *c);
    bp_error err;
    if (!cpu || !c)
        return;
    bp__chain_begin(c, 1, &n);
    t->build(c);
    if (bp__chain_end(c, &err) != BP_OK) {
        printf("%s\n", err.message);
        return;
    }
    void *x[8], *y[8];
    for (int i = 0; i < c->n_in; i++)
        x[i] = tensor(n, (uint32_t)i);
    for (int i = 0; i < c->n_out; i++)
        y[i] = t->in_place ? x[i] : tensor(n, 99);
    void *scratch = aligned_alloc(64, (c->scratch_bytes + 63) / 64 * 64);
    const void *const *in = (const void *const *)x;
    int64_t bad[BP__CHAIN_STORES] = {0};
    int64_t rounds = 4000000 / n + 1;
    double best[2] = {1e9, 1e9};
    for (int trial = 0; trial < 25; trial++)
        for (int who = 0; who < 2; who++) {
            double start = now();
            for (int64_t r = 0; r < rounds; r++)
                if (who == 0)
                    t->hand[level == BP_LEVEL_AVX512](y, in, n);
                else
                    cpu->chain.run(c, in, y, 0, n, scratch, bad);
            double s = (now() - start) / (double)rounds;
            best[who] = s < best[who] ? s : best[who];
        }
    printf("%-9s %-7s %9lld  %8.3f %8.3f ns/100  %6.1f GB/s  %5.2f\n",
           t->name, bp_level_name(level), (long long)n,
           best[0] * 1e11 / (double)n, best[1] * 1e11 / (double)n,
           4.0 * t->tensors * (double)n / best[1] / 1e9, best[0] / best[1]);
    for (int i = 0; i < c->n_in; i++)
        free(x[i]);
    for (int i = 0; i < c->n_out && !t->in_place; i++)
        free(y[i]);
    free(scratch);
    free(c);
}

int main(int argc, char **argv)
{
    static const int64_t usual[] = {2048, 20000, 200000, 4000000};
    printf("chain     level    elements      hand    chain elements"
           "            hand/chain\n");
    for (size_t i = 0; i < BP__ARRAY_LEN(contests); i++)
        for (int l = BP_LEVEL_AVX2; l <= BP_LEVEL_AVX512; l++)
            for (int k = 0; k < (argc > 1 ? argc - 1 : 4); k++)
                compete(&contests[i], (bp_level)l,
                        argc > 1 ? atoll(argv[k + 1]) : usual[k]);
    return 0;
}
