/* The elementary functions over bp__v16: their error over the whole range of
 * floats against the C library's doubles, their special values, and the same
 * bits at every level. */
#include "probe.h"
#include "t.h"

enum { BLOCK = 4096 };

typedef struct fn_case {
    const char *name;
    double (*exact)(double);
    double bound; /* as stated in k_math.h */
} fn_case;

static double sigmoid_exact(double x)
{
    double e = exp(-fabs(x));
    return (x < 0 ? e : 1) / (1 + e);
}

static const fn_case fns[PROBE_N_MATH] = {
    [PROBE_EXP] = {"exp", exp, 1.25},
    [PROBE_LOG] = {"log", log, 1.0},
    [PROBE_LOG1P] = {"log1p", log1p, 1.0},
    [PROBE_TANH] = {"tanh", tanh, 1.5},
    [PROBE_SIGMOID] = {"sigmoid", sigmoid_exact, 2.5},
    [PROBE_ERF] = {"erf", erf, 1.25},
    [PROBE_SIN] = {"sin", sin, 1.75},
    [PROBE_COS] = {"cos", cos, 1.75},
};

/* Distance of y from the exact value, in units of the floats around it. */
static double ulps(float y, double exact)
{
    if (isnan(exact))
        return isnan(y) ? 0 : INFINITY;
    if ((float)exact == y || (double)y == exact)
        return fabs((double)y - exact) > 0 ? 0.5 : 0;
    if (!isfinite((double)y) && fabs(exact) < 3.4028234e38)
        return INFINITY;
    if (!isfinite(exact))
        return INFINITY;
    int e;
    frexp(exact, &e);
    return fabs((double)y - exact) / ldexp(1.0, e - 24 < -149 ? -149 : e - 24);
}

static float from_bits(uint32_t u)
{
    float x;
    memcpy(&x, &u, 4);
    return x;
}

static void sweep(int f, uint32_t stride)
{
    const probe *plain = probe_get(BP_LEVEL_PLAIN);
    static float x[BLOCK], y[BLOCK], z[BLOCK];
    double worst = 0;
    float where = 0;
    int64_t differ = 0, n = 0;
    uint64_t u = 0;
    while (u <= 0xffffffffull) {
        for (int i = 0; i < BLOCK; i++, u += stride)
            x[i] = from_bits((uint32_t)u);
        plain->math(f, x, y, BLOCK);
        for (int l = BP_LEVEL_NEON; l <= BP_LEVEL_AVX512; l++) {
            const probe *p = probe_get((bp_level)l);
            if (!p)
                continue;
            p->math(f, x, z, BLOCK);
            differ += probe_same(y, z, BLOCK);
        }
        for (int i = 0; i < BLOCK; i++, n++) {
            double e = ulps(y[i], fns[f].exact((double)x[i]));
            if (!(e <= worst)) {
                worst = e;
                where = x[i];
            }
        }
    }
    printf("%-8s %.3f ULP at %a, %lld values\n", fns[f].name, worst,
           (double)where, (long long)n);
    T_CHECKF(worst <= fns[f].bound, "%s: %g ULP at %a", fns[f].name, worst,
             (double)where);
    T_CHECKF(differ == 0, "%s: %lld values differ by level", fns[f].name,
             (long long)differ);
}

static void special(void)
{
    static const float xs[16] = {
        0.0f, -0.0f, 1.0f, -1.0f, INFINITY, -INFINITY, NAN, 0x1p-149f,
        -0x1p-149f, 0x1p-126f, 0x1.fffffep127f, -0x1.fffffep127f, 88.7229f,
        -103.98f, -1.5f, 2.0f};
    for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++) {
        const probe *p = probe_get((bp_level)l);
        if (!p)
            continue;
        for (int f = 0; f < PROBE_N_MATH; f++) {
            float y[16];
            p->math(f, xs, y, 16);
            for (int i = 0; i < 16; i++) {
                double exact = fns[f].exact((double)xs[i]);
                T_CHECKF(ulps(y[i], exact) <= fns[f].bound,
                         "%s(%a) = %a", fns[f].name, (double)xs[i],
                         (double)y[i]);
                T_CHECKF(isnan(exact) || !signbit(exact) == !signbit(y[i]),
                         "%s(%a): sign of %a", fns[f].name, (double)xs[i],
                         (double)y[i]);
            }
        }
    }
}

/* Every pair of special values, and a dense sample of ordinary ones. */
static void powers(void)
{
    static const float s[] = {
        0.0f, -0.0f, 1.0f, -1.0f, 2.0f, -2.0f, 3.0f, -3.0f, 0.5f, -0.5f,
        INFINITY, -INFINITY, NAN, 0x1p-149f, -0x1p-149f, 0x1.fffffep127f,
        -0x1.fffffep127f, 16777215.0f, 16777217.0f, -16777215.0f, 1e-30f,
        0x1.fffffep-1f, 0x1.000002p0f, -1.5f, 127.0f, -149.0f};
    enum { N = sizeof s / sizeof *s, M = 2000000 };
    int64_t n = (N * N + 15) / 16 * 16 + M;
    float *x = calloc((size_t)n, 4), *y = calloc((size_t)n, 4);
    float *z = calloc((size_t)n, 4), *w = calloc((size_t)n, 4);
    T_REQUIRE(x && y && z && w);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            x[i * N + j] = s[i];
            y[i * N + j] = s[j];
        }
    uint64_t r = 7;
    for (int64_t i = n - M; i < n; i++) {
        double range = i % 3 == 0 ? 87 : i % 3 == 1 ? 8 : 0.3;
        x[i] = (float)exp(t_uniform(&r, -range, range));
        double top = 90 / (fabs(log((double)x[i])) + 1e-3);
        top = top > 3e4 ? 3e4 : top;
        y[i] = (float)t_uniform(&r, -top, top);
    }
    probe_get(BP_LEVEL_PLAIN)->pow(x, y, z, n);
    double worst = 0;
    int64_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        double exact = pow((double)x[i], (double)y[i]);
        double e = ulps(z[i], exact);
        if (!isnan(exact) && !signbit(exact) != !signbit(z[i]))
            e = INFINITY;
        if (!(e <= worst)) {
            worst = e;
            at = i;
        }
    }
    printf("pow      %.3f ULP at %a ^ %a\n", worst, (double)x[at],
           (double)y[at]);
    T_CHECKF(worst <= 1.5, "pow: %g ULP at %a ^ %a = %a", worst,
             (double)x[at], (double)y[at], (double)z[at]);
    for (int l = BP_LEVEL_NEON; l <= BP_LEVEL_AVX512; l++) {
        const probe *p = probe_get((bp_level)l);
        if (!p)
            continue;
        p->pow(x, y, w, n);
        T_CHECKF(probe_same(z, w, n) == 0, "pow differs at %s",
                 bp_level_name(p->level));
    }
    free(x);
    free(y);
    free(z);
    free(w);
}

/* An argument changes the stride through the floats' bit patterns: 1 tries
 * every one. */
int main(int argc, char **argv)
{
    uint32_t stride = argc > 1 ? (uint32_t)atoi(argv[1]) : 4093;
    T_REQUIRE(stride > 0 && probe_get(BP_LEVEL_PLAIN));
    special();
    for (int f = 0; f < PROBE_N_MATH; f++)
        sweep(f, stride);
    powers();
    return t_end();
}
