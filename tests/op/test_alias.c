/* What reference kernels may write: every element of every output, whatever
 * was there before; never an input; and, where the row is flagged, the output
 * over the first input, to the same bits. */
#include "op/flags.h"
#include "t.h"

static void check_op(bp__op op)
{
    const bp__opdef *d = bp__ops[op];
    int in_place = 0;
    for (int i = 0; i < d->n_cases; i++)
        for (int f = BP_F32; f <= BP_F64; f++) {
            kernel_call k;
            char why[FLAGS_WHY];
            if (!kernel_new(&k, op, i, (bp_dtype)f, 5))
                continue;
            T_CHECKF(flags_writes(&k, why) == FLAGS_TRUE, "%s", why);
            if (d->flags & BP__ALIAS_IN0) {
                flags_answer a = flags_alias(&k, why);
                T_CHECKF(a != FLAGS_FALSE, "%s", why);
                in_place += a == FLAGS_TRUE;
            }
            if (d->flags & BP__VIEW)
                T_CHECKF(flags_view(&k, why) == FLAGS_TRUE, "%s", why);
            kernel_free(&k);
        }
    if (d->flags & BP__ALIAS_IN0)
        T_CHECKF(in_place > 0, "%s: no case can run in place", d->name);
}

int main(void)
{
    for (int op = 1; op < BP__N_OPS; op++)
        if (bp__ops[op]->ref)
            check_op((bp__op)op);
    return t_end();
}
