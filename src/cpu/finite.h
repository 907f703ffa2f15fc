/* Is there a value that is not finite? What every step asks of its gradients
 * before it commits them, so it should cost no more than reading them. */
#ifndef BP__CPU_FINITE_H
#define BP__CPU_FINITE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct bp__finite_fns {
    /* True if any of n floats is NaN or infinite. */
    bool (*any_nonfinite)(const float *x, int64_t n);
} bp__finite_fns;

#define BP__FINITE_FNS {.any_nonfinite = BP__K(any_nonfinite)}

#endif
