/* The error function: its series at 0 up to 1/2, then Taylor expansions at
 * c = (i + 1/2)/8. With g(t) = exp(-2ct - t^2), erf(c + h) = erf(c) +
 * erf'(c) * (integral of g from 0 to h), and g's Taylor coefficients follow
 * from g' = -2 (c + t) g. */
#include "base/math.h"

#include <math.h>

#define BP__ERF_TABLES
#include "base/math_tables.h"

static double erf_small(double x)
{
    double z = x * x, p = erf_terms[12];
    for (int i = 11; i >= 0; i--)
        p = p * z + erf_terms[i];
    return x + x * (ERF_FIRST + z * p);
}

static double erf_far(double a)
{
    enum { TERMS = 16 };
    static const double inverse[TERMS + 2] = {
        0,        1,        1.0 / 2,  1.0 / 3,  1.0 / 4,  1.0 / 5,
        1.0 / 6,  1.0 / 7,  1.0 / 8,  1.0 / 9,  1.0 / 10, 1.0 / 11,
        1.0 / 12, 1.0 / 13, 1.0 / 14, 1.0 / 15, 1.0 / 16, 1.0 / 17};
    int i = (int)(a * 8);
    const double *t = erf_table + 3 * (i - 4);
    double c = (i + 0.5) / 8, h = a - c;
    double g[TERMS + 1];
    g[0] = 1;
    g[1] = -2 * c;
    for (int n = 1; n < TERMS; n++)
        g[n + 1] = -2 * (c * g[n] + g[n - 1]) * inverse[n + 1];
    double sum = 0;
    for (int n = TERMS; n > 0; n--)
        sum = (sum + g[n] * inverse[n + 1]) * h;
    return t[0] + (t[1] + t[2] * (h + h * sum));
}

double bp__erf(double x)
{
    double a = fabs(x);
    if (!(a < 6))
        return a >= 6 ? copysign(1, x) : x;
    if (a < 0.5)
        return a < 1e-300 ? x + x * ERF_FIRST : erf_small(x);
    return copysign(erf_far(a), x);
}
