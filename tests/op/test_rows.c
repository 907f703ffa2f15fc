/* The row rule of every op: a kernel that runs over ranges of rows, with the
 * rows of those inputs that rows() names and the whole of the others, gives
 * the bits of one call. Such ranges are how a program's threads share the
 * samples. Also the other way round: where rows() names an input, other rows
 * of it do not matter; that a range is given nothing else shows it. */
#include "op/flags.h"
#include "t.h"

int main(void)
{
    int n_ops = 0;
    for (int op = 1; op < BP__N_OPS; op++) {
        const bp__opdef *d = bp__ops[op];
        int done = 0;
        for (int i = 0; i < d->n_cases; i++)
            for (int f = BP_F32; f <= BP_F64; f++) {
                kernel_call k;
                char why[FLAGS_WHY];
                if (!kernel_new(&k, (bp__op)op, i, (bp_dtype)f, 7))
                    continue;
                flags_answer a = flags_rows(&k, why);
                T_CHECKF(a != FLAGS_FALSE, "%s", why);
                done += a == FLAGS_TRUE;
                kernel_free(&k);
            }
        if (d->ref && (d->rows || d->flags & BP__ELEMWISE))
            T_CHECKF(done > 0, "%s: no case has rows to share", d->name);
        n_ops += done > 0;
    }
    printf("%d ops can be run by ranges of rows\n", n_ops);
    return t_end();
}
