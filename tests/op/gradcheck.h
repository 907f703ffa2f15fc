/* Gradients of one test case of an op against central differences, in f64.
 *
 * With random cotangents c, L1(x) = <c, op(x)> and its gradient g = J'c, which
 * bp_vjp makes. Order 2 does the same to L2(x, c) = <d, g(x, c)> with random
 * d; there c is an input as well, so that the transposes of the rules are
 * tested too. Along each of 16 random unit directions u of one input, a =
 * <gradient, u> is compared with fd, the central difference of the (f64) value
 * with step 1e-4:
 *
 *     err = |a - fd| / max(|a|, |fd|, 1e-3 |g of the tensor|, 1e-4 |g of all|)
 *
 * and `ok` is err <= GRADCHECK_BOUND, a true statement: NaN fails. Where all
 * are exactly 0, the error is 0. */
#ifndef BP_TEST_GRADCHECK_H
#define BP_TEST_GRADCHECK_H

#include "op/cases.h"

#define GRADCHECK_BOUND 1e-6

typedef struct gradcheck {
    bool ok;
    double err;      /* the worst; infinite if the graph could not be built */
    uint32_t inputs; /* which of the case's inputs were checked */
    char text[400];  /* what was worst, or what went wrong */
} gradcheck;

gradcheck gradcheck_case(bp__op op, int i, int order);

#endif
