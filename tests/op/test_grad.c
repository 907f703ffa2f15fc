/* The adjoint rules of all ops against central differences, in f64, to first
 * and second order; see gradcheck.h. Every differentiable input of every row
 * must have been checked by at least one of its cases. */
#include "op/gradcheck.h"
#include "t.h"

int main(void)
{
    double worst[3] = {0};
    for (int op = 1; op < BP__N_OPS; op++) {
        const bp__opdef *d = bp__ops[op];
        uint32_t done[3] = {0};
        for (int i = 0; i < d->n_cases; i++)
            for (int order = 1; order <= 2; order++) {
                gradcheck r = gradcheck_case((bp__op)op, i, order);
                T_CHECKF(r.ok, "%s", r.text);
                done[order] |= r.inputs;
                if (r.err > worst[order])
                    worst[order] = r.err;
            }
        for (int k = 0; k < BP__MAX_IN; k++)
            for (int order = 1; order <= 2; order++)
                T_CHECKF(d->diff[k] != BP__DIFF || done[order] >> k & 1 ||
                             op == BP__OP_backward,
                         "%s: no case checks input %d to order %d", d->name,
                         k, order);
    }
    printf("worst error: order 1 %.2g, order 2 %.2g; bound %g\n", worst[1],
           worst[2], GRADCHECK_BOUND);
    return t_end();
}
