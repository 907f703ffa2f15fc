/* What reference kernels may write: every element of every output, whatever
 * was there before; never an input; and, where the row is flagged, the output
 * over the first input, to the same bits. */
#include "op/eval.h"
#include "op/kernel.h"
#include "t.h"

static void check_writes(kernel_call *k, const char *text)
{
    void *inputs[CASE_MAX_IN], *first[BP__MAX_OUT];
    for (int i = 0; i < k->n_in; i++)
        inputs[i] = kernel_copy(&k->in[i]);
    kernel_run(k, 0xFF); /* NaN, -1, and no truth value */
    for (int i = 0; i < k->n_out; i++)
        first[i] = kernel_copy(&k->out[i]);
    kernel_run(k, 0x3A);
    for (int i = 0; i < k->n_out; i++) {
        T_CHECKF(kernel_same(&k->out[i], first[i]),
                 "%s: output %d depends on what was there before", text, i);
        free(first[i]);
    }
    for (int i = 0; i < k->n_in; i++) {
        T_CHECKF(kernel_same(&k->in[i], inputs[i]),
                 "%s: input %d was written", text, i);
        free(inputs[i]);
    }
    T_CHECKF(k->faults == 0, "%s: %lld faults", text, (long long)k->faults);
}

/* Over the first input, when it is as large as the output. */
static bool check_in_place(kernel_call *k, const char *text)
{
    if (k->n_in == 0 || bp__type_bytes(&k->in[0].type) !=
                            bp__type_bytes(&k->out[0].type))
        return false;
    kernel_run(k, 0xFF);
    bp__tensor over = {k->out[0].type, kernel_copy(&k->in[0])};
    bp__tensor in[CASE_MAX_IN];
    memcpy(in, k->in, sizeof in);
    in[0].data = over.data;
    eval_kernel(k->d.def, k->d.c->attrs, k->n_in, in, 1, &over, 0,
                &k->faults);
    T_CHECKF(kernel_same(&k->out[0], over.data),
             "%s: in place it gives other bits", text);
    free(over.data);
    return true;
}

static void check_op(bp__op op)
{
    const bp__opdef *d = bp__ops[op];
    int in_place = 0;
    for (int i = 0; i < d->n_cases; i++)
        for (int f = BP_F32; f <= BP_F64; f++) {
            kernel_call k;
            char text[120];
            if (!kernel_new(&k, op, i, (bp_dtype)f, 5))
                continue;
            case_text(&k.d, text);
            check_writes(&k, text);
            if (d->flags & BP__ALIAS_IN0)
                in_place += check_in_place(&k, text);
            if (d->flags & BP__VIEW) {
                kernel_run(&k, 0xFF);
                T_CHECKF(kernel_same(&k.in[0], k.out[0].data),
                         "%s: a view must keep the bytes", text);
            }
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
