/* Elementary functions whose bits are the same from every compiler, C library
 * and processor: IEEE 754 basic operations and sqrt only, no FMA, no libm.
 *
 * Measured errors of f64 over the whole range (tests/unit/base/test_math.c
 * asserts the bounds): log, log1p, expm1, tanh 0.51 ULP; sin, cos 0.8; erf
 * 0.85; exp, sigmoid, pow 0.51, and 0.76 where the result is subnormal. The
 * f32 functions round the f64 result: 0.5000001 ULP. Vectors of f32 have
 * kernels of their own in src/cpu, with their own roundings.
 */
#ifndef BP__MATH_H
#define BP__MATH_H

double bp__exp(double x);
double bp__expm1(double x);
double bp__log(double x);
double bp__log1p(double x);
double bp__sin(double x);
double bp__cos(double x);
double bp__tanh(double x);
double bp__sigmoid(double x); /* 1 / (1 + exp(-x)), no overflow */
double bp__erf(double x);
/* As C's pow, special cases included. */
double bp__pow(double x, double y);

static inline float bp__expf(float x)
{
    return (float)bp__exp((double)x);
}
static inline float bp__expm1f(float x)
{
    return (float)bp__expm1((double)x);
}
static inline float bp__logf(float x)
{
    return (float)bp__log((double)x);
}
static inline float bp__log1pf(float x)
{
    return (float)bp__log1p((double)x);
}
static inline float bp__sinf(float x)
{
    return (float)bp__sin((double)x);
}
static inline float bp__cosf(float x)
{
    return (float)bp__cos((double)x);
}
static inline float bp__tanhf(float x)
{
    return (float)bp__tanh((double)x);
}
static inline float bp__sigmoidf(float x)
{
    return (float)bp__sigmoid((double)x);
}
static inline float bp__erff(float x)
{
    return (float)bp__erf((double)x);
}
static inline float bp__powf(float x, float y)
{
    return (float)bp__pow((double)x, (double)y);
}

#endif
