/* Ranges and ticks of drawings. The owner of every loop over an axis: ticks
 * are counted in whole numbers, so that a drawing ends whatever numbers it is
 * given (a step may be nothing beside a large number, a range infinite). */
#include "train/train.h"

#include <math.h>

/* Beyond: drawn at the edge. Ranges and their ends must be finite. */
#define TICKS_LARGEST 1e300
/* No range is smaller: of a step still smaller few digits are left. */
#define TICKS_SMALLEST 1e-300

static double within(double x, double lo, double hi)
{
    return x > lo ? x < hi ? x : hi : lo; /* a NaN: lo */
}

double bp__nice_step(double range, int n)
{
    double p = 1;
    range = within(range, TICKS_SMALLEST, TICKS_LARGEST);
    while (p > range)
        p /= 10;
    while (p * 10 <= range)
        p *= 10;
    static const double parts[] = {5, 2, 1, 0.5, 0.2, 0.1, 0.05};
    for (size_t i = 0; i < BP__ARRAY_LEN(parts); i++)
        if (range >= parts[i] * p * n)
            return parts[i] * p;
    return p / 50;
}

bool bp__ticks_widen(double *lo, double *hi)
{
    *lo = within(*lo, -TICKS_LARGEST, TICKS_LARGEST);
    *hi = within(*hi, *lo, TICKS_LARGEST);
    double size = BP__MAX(fabs(*lo), fabs(*hi));
    if (*hi - *lo > BP__MAX(1e-9 * size, TICKS_SMALLEST))
        return false;
    /* A thousandth still shows in the six digits of a tick. */
    double half = BP__MAX(0.5, 1e-3 * size);
    *lo -= half;
    *hi += half;
    return true;
}

bp__ticks bp__ticks_of(double lo, double hi)
{
    enum { LEAST = 4, MOST = 100 };
    bp__ticks x;
    bp__ticks_widen(&lo, &hi);
    x.step = bp__nice_step(hi - lo, LEAST);
    x.lo = floor(lo / x.step) * x.step;
    if (x.lo > lo)
        x.lo -= x.step;
    x.n = (int)within(ceil((hi - x.lo) / x.step - 1e-9), 1, MOST);
    x.hi = x.lo + x.n * x.step;
    return x;
}

double bp__ticks_place(const bp__ticks *x, double v)
{
    return (within(v, x->lo, x->hi) - x->lo) / (x->hi - x->lo);
}
