/* Numbers of any element type, read as doubles. */
#include "base/base.h"

double bp__read_real(const void *x, bp_dtype t, int64_t i)
{
    switch (t) {
    case BP_F32:
        return (double)((const float *)x)[i];
    case BP_F64:
        return ((const double *)x)[i];
    case BP_I32:
        return (double)((const int32_t *)x)[i];
    case BP_U8:
    case BP_BOOL:
        break;
    }
    return (double)((const uint8_t *)x)[i];
}

void bp__read_reals(const void *x, bp_dtype t, int64_t first, int64_t n,
                    double *to)
{
    if (t == BP_F32)
        for (int64_t i = 0; i < n; i++)
            to[i] = (double)((const float *)x)[first + i];
    else
        for (int64_t i = 0; i < n; i++)
            to[i] = bp__read_real(x, t, first + i);
}
