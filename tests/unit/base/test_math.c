/* Elementary functions against the C library's long double ones: the largest
 * error in ULP over the whole range, special values, and a hash of results
 * that must be the same on every machine. */
#include "base/math.h"

#include "base/base.h"
#include "t.h"

typedef double fn1(double);
typedef long double ref1(long double);

static long double sigmoid_ref(long double x)
{
    return x >= 0 ? 1 / (1 + expl(-x)) : expl(x) / (1 + expl(x));
}

/* Error of got in units of the last place of the double nearest to want. */
static double ulps(double got, long double want)
{
    double w = (double)want;
    if (isnan(w) || isnan(got))
        return isnan(w) && isnan(got) ? 0 : 1e300;
    if (isinf(w) || isinf(got))
        return w == got ? 0 : 1e300;
    int e;
    frexp(fabs(w), &e);
    if (w == 0 || e < -1021)
        e = -1021;
    return (double)(fabsl((long double)got - want) / ldexpl(1, e - 53));
}

typedef struct range {
    double lo, hi;
    bool log_scale; /* magnitudes lo .. hi, both signs if `both` */
    bool both;
} range;

static double draw(uint64_t *state, const range *r)
{
    if (!r->log_scale)
        return t_uniform(state, r->lo, r->hi);
    double x = exp(t_uniform(state, log(r->lo), log(r->hi)));
    return r->both && t_uniform(state, 0, 1) < 0.5 ? -x : x;
}

static uint64_t hash = BP__HASH_INIT;

static void hash_double(double y)
{
    uint64_t bits;
    memcpy(&bits, &y, sizeof bits);
    unsigned char little[8];
    for (int i = 0; i < 8; i++)
        little[i] = (unsigned char)(bits >> 8 * i);
    hash = bp__hash(hash, little, sizeof little);
}

static void measure(const char *name, fn1 *f, ref1 *ref, double bound,
                    const range *ranges, int n_ranges)
{
    uint64_t state = 42;
    double worst = 0, at = 0;
    for (int i = 0; i < n_ranges; i++)
        for (int k = 0; k < 60000; k++) {
            double x = draw(&state, &ranges[i]);
            double e = ulps(f(x), ref(x));
            if (!(e <= worst)) {
                worst = e;
                at = x;
            }
        }
    printf("%-8s %.4f ULP at %.17g\n", name, worst, at);
    T_CHECKF(worst <= bound, "%s: %g ULP at %.17g", name, worst, at);
    /* Arguments from a plain recurrence: no libm takes part. */
    uint64_t u = 7;
    for (int k = 0; k < 20000; k++) {
        double x = t_uniform(&u, -1, 1);
        x *= k % 4 == 0 ? 1 : k % 4 == 1 ? 30 : k % 4 == 2 ? 700 : 1e-3;
        double y = f(x);
        if (!isnan(y))
            hash_double(y);
    }
}

static void all_functions(void)
{
    static const range exp_r[] = {{-745, 710, 0, 0},   {-1, 1, 0, 0},
                                  {1e-320, 700, 1, 1}, {-746, -707, 0, 0},
                                  {709, 710, 0, 0},    {0.002, 0.02, 1, 1}};
    static const range log_r[] = {{5e-324, 1.7e308, 1, 0},
                                  {0.5, 2, 0, 0},
                                  {0.99, 1.01, 0, 0},
                                  {0.999999, 1.000001, 0, 0},
                                  {5e-324, 1e-307, 1, 0}};
    static const range log1p_r[] = {{-1, 1, 0, 0},
                                    {1e-320, 0.99, 1, 1},
                                    {1e-3, 1e300, 1, 0},
                                    {-1, -0.999, 0, 0}};
    static const range trig_r[] = {{-10, 10, 0, 0},
                                   {1e-320, 1.7e308, 1, 1},
                                   {-2e6, 2e6, 0, 0},
                                   {0.7853, 0.7855, 0, 0},
                                   {3.1415, 3.1417, 0, 0},
                                   {1048000, 1049000, 0, 0},
                                   {1e5, 1e20, 1, 1}};
    static const range tanh_r[] = {{-25, 25, 0, 0},
                                   {1e-320, 1, 1, 1},
                                   {0.0624, 0.0626, 0, 0},
                                   {-0.5, 0.5, 0, 0}};
    static const range sig_r[] = {{-750, 50, 0, 0},
                                  {-40, 40, 0, 0},
                                  {1e-320, 1, 1, 1}};
    static const range erf_r[] = {{-6.5, 6.5, 0, 0},
                                  {1e-320, 0.6, 1, 1},
                                  {0.4, 1, 0, 0}};
#define RANGES(r) r, (int)BP__ARRAY_LEN(r)
    measure("exp", bp__exp, expl, 0.76, RANGES(exp_r));
    measure("expm1", bp__expm1, expm1l, 0.7, RANGES(exp_r));
    measure("log", bp__log, logl, 0.51, RANGES(log_r));
    measure("log1p", bp__log1p, log1pl, 0.6, RANGES(log1p_r));
    measure("sin", bp__sin, sinl, 0.9, RANGES(trig_r));
    measure("cos", bp__cos, cosl, 0.9, RANGES(trig_r));
    measure("tanh", bp__tanh, tanhl, 0.6, RANGES(tanh_r));
    measure("sigmoid", bp__sigmoid, sigmoid_ref, 0.76, RANGES(sig_r));
    measure("erf", bp__erf, erfl, 0.9, RANGES(erf_r));
}

static void power(void)
{
    uint64_t state = 3;
    double worst = 0, wx = 0, wy = 0;
    for (int i = 0; i < 200000; i++) {
        range r = {1e-300, 1e300, 1, 0};
        double x = i % 2 ? draw(&state, &r) : t_uniform(&state, 0.5, 2);
        double limit = 745 / fmax(fabs(log(x)), 1e-300);
        double y = i % 3 == 0 ? floor(t_uniform(&state, -20, 20))
                              : t_uniform(&state, -limit, limit);
        if (i % 5 == 0 && i % 3 == 0)
            x = -x;
        double e = ulps(bp__pow(x, y), powl(x, y));
        if (!(e <= worst)) {
            worst = e;
            wx = x;
            wy = y;
        }
    }
    printf("%-8s %.4f ULP at %.17g, %.17g\n", "pow", worst, wx, wy);
    T_CHECKF(worst <= 0.75, "pow: %g ULP at %.17g, %.17g", worst, wx, wy);
    static const double s[] = {0.0,  -0.0, 1.0,  -1.0, 2.0,    -2.0,   3.0,
                               -3.0, 0.5,  -0.5, 1e300, -1e300, 1e-310, 2.5,
                               9007199254740993.0, 4503599627370497.5};
    double v[BP__ARRAY_LEN(s) + 3];
    memcpy(v, s, sizeof s);
    v[BP__ARRAY_LEN(s)] = (double)INFINITY;
    v[BP__ARRAY_LEN(s) + 1] = -(double)INFINITY;
    v[BP__ARRAY_LEN(s) + 2] = (double)NAN;
    for (size_t i = 0; i < BP__ARRAY_LEN(v); i++)
        for (size_t j = 0; j < BP__ARRAY_LEN(v); j++) {
            double got = bp__pow(v[i], v[j]), want = pow(v[i], v[j]);
            T_CHECKF(ulps(got, want) <= 1 && (isnan(got) ||
                     signbit(got) == signbit(want)),
                     "pow(%g, %g) = %g, not %g", v[i], v[j], got, want);
        }
}

static void same(double got, double want, const char *what)
{
    T_CHECKF((isnan(got) && isnan(want)) ||
                 memcmp(&got, &want, sizeof got) == 0,
             "%s is %g, not %g", what, got, want);
}
#define SAME(call, want) same(call, want, #call)

static void special_values(void)
{
    double inf = (double)INFINITY, nan = (double)NAN;
    SAME(bp__exp(0), 1);
    SAME(bp__exp(-0.0), 1);
    SAME(bp__exp(inf), inf);
    SAME(bp__exp(-inf), 0);
    SAME(bp__exp(710), inf);
    SAME(bp__exp(-746), 0);
    SAME(bp__exp(nan), nan);
    SAME(bp__expm1(0), 0);
    SAME(bp__expm1(-0.0), -0.0);
    SAME(bp__expm1(inf), inf);
    SAME(bp__expm1(-inf), -1);
    SAME(bp__expm1(nan), nan);
    SAME(bp__log(1), 0);
    SAME(bp__log(0), -inf);
    SAME(bp__log(-0.0), -inf);
    SAME(bp__log(-1), nan);
    SAME(bp__log(inf), inf);
    SAME(bp__log(nan), nan);
    SAME(bp__log1p(0), 0);
    SAME(bp__log1p(-0.0), -0.0);
    SAME(bp__log1p(-1), -inf);
    SAME(bp__log1p(-2), nan);
    SAME(bp__log1p(inf), inf);
    SAME(bp__log1p(nan), nan);
    SAME(bp__sin(0), 0);
    SAME(bp__sin(-0.0), -0.0);
    SAME(bp__sin(inf), nan);
    SAME(bp__sin(nan), nan);
    SAME(bp__cos(0), 1);
    SAME(bp__cos(-inf), nan);
    SAME(bp__tanh(-0.0), -0.0);
    SAME(bp__tanh(inf), 1);
    SAME(bp__tanh(-inf), -1);
    SAME(bp__tanh(nan), nan);
    SAME(bp__sigmoid(0), 0.5);
    SAME(bp__sigmoid(inf), 1);
    SAME(bp__sigmoid(-inf), 0);
    SAME(bp__sigmoid(nan), nan);
    SAME(bp__erf(-0.0), -0.0);
    SAME(bp__erf(inf), 1);
    SAME(bp__erf(-inf), -1);
    SAME(bp__erf(nan), nan);
}

/* The double nearest to a multiple of pi/2, and the largest one. */
static void hard_reductions(void)
{
    double hard = 6381956970095103.0 * 0x1p797;
    T_CHECK(ulps(bp__cos(hard), -4.6871659242546276e-19L) < 16);
    T_CHECK(ulps(bp__cos(hard), cosl((long double)hard)) <= 0.9);
    T_CHECK(ulps(bp__sin(0x1.fffffffffffffp1023),
                 sinl(0x1.fffffffffffffp1023L)) <= 0.9);
    for (int q = 1; q < 2000000; q += 997) {
        double x = q * 1.5707963267948966;
        T_CHECK(ulps(bp__sin(x), sinl(x)) <= 0.9);
        T_CHECK(ulps(bp__cos(x), cosl(x)) <= 0.9);
    }
}

int main(void)
{
    if (sizeof(long double) <= sizeof(double))
        t_skip("long double is double here: nothing to compare with");
    all_functions();
    power();
    special_values();
    hard_reductions();
    T_CHECKF(hash == 0xed00dd547c03ac4dull, "hash of results: %016llx",
             (unsigned long long)hash);
    return t_end();
}
