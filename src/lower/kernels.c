/* The kernels of every op, fastest first. The reference kernel, which takes
 * anything, is not listed: it comes after the last one. */
#include "lower/lower.h"

static const bp__kernel *const none[] = {NULL};

const bp__kernel *const *bp__kernels_of(const bp_graph *g, const bp__node *n)
{
    (void)g;
    (void)n;
    return none;
}
