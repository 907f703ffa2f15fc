/* See finite.h. Exponents of all ones, found by integer operations in a loop
 * that compilers vectorize at every level. */
#include "cpu/v16.h"

#include "cpu/finite.h"

#include <string.h>

bool BP__K(any_nonfinite)(const float *x, int64_t n);
bool BP__K(any_nonfinite)(const float *x, int64_t n)
{
    enum { STEP = 64 };
    uint32_t bad[STEP] = {0}, any = 0;
    int64_t i = 0;
    for (; i + STEP <= n; i += STEP) {
        uint32_t u[STEP];
        memcpy(u, x + i, sizeof u);
        for (int k = 0; k < STEP; k++) {
            uint32_t e = u[k] & 0x7f800000u;
            bad[k] |= (uint32_t) - (int32_t)(e == 0x7f800000u);
        }
    }
    for (int k = 0; k < STEP; k++)
        any |= bad[k];
    for (; i < n; i++) {
        uint32_t u;
        memcpy(&u, x + i, sizeof u);
        any |= (uint32_t)((u & 0x7f800000u) == 0x7f800000u);
    }
    return any != 0;
}
