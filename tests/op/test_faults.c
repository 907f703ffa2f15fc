/* Indices out of range: an op that is flagged counts each of them once, skips
 * it, and still sets all of its outputs; no other op touches the counter (it
 * would crash here). */
#include "op/eval.h"
#include "op/kernel.h"
#include "t.h"

/* Index element j becomes `bad`; 0 stands in for what is skipped. */
static void check_index(kernel_call *k, int input, int32_t bad)
{
    char text[120];
    int32_t *index = k->in[input].data;
    int64_t n = bp__numel(&k->in[input].type);
    case_text(&k->d, text);
    kernel_run(k, 0xFF);
    T_CHECKF(k->faults == 0, "%s: %lld faults without a bad index", text,
             (long long)k->faults);
    for (int64_t j = 0; j < n; j++) {
        int32_t old = index[j];
        index[j] = bad;
        kernel_run(k, 0xFF);
        T_CHECKF(k->faults > 0, "%s: index %d is not counted", text, bad);
        for (int64_t e = 0; e < bp__numel(&k->out[0].type); e++) {
            double y = case_get(k->out[0].data, k->out[0].type.dtype, e);
            T_CHECKF(y == y, "%s: element %lld is not set", text,
                     (long long)e);
        }
        index[j] = old;
    }
}

int main(void)
{
    int flagged = 0;
    for (int op = 1; op < BP__N_OPS; op++) {
        const bp__opdef *d = bp__ops[op];
        if (!d->ref || !(d->flags & BP__FAULTS))
            continue;
        flagged++;
        for (int i = 0; i < d->n_cases; i++) {
            kernel_call k;
            if (!kernel_new(&k, (bp__op)op, i, BP_F32, 9))
                continue;
            for (int x = 0; x < k.n_in; x++)
                if (k.in[x].type.dtype == BP_I32 &&
                    d->diff[x] == BP__NONDIFF) {
                    check_index(&k, x, -1);
                    check_index(&k, x, INT32_MAX);
                    check_index(&k, x, INT32_MIN);
                }
            kernel_free(&k);
        }
    }
    T_CHECK(flagged > 0);
    for (int op = 1; op < BP__N_OPS; op++) {
        const bp__opdef *d = bp__ops[op];
        for (int i = 0; i < d->n_cases && !(d->flags & BP__FAULTS); i++) {
            kernel_call k;
            if (!kernel_new(&k, (bp__op)op, i, BP_F32, 9))
                continue;
            kernel_run(&k, 0xFF);
            T_CHECKF(k.faults == 0, "%s counts faults", d->name);
            eval_kernel(d, k.d.c->attrs, k.n_in, k.in, k.n_out, k.out, 0,
                        NULL);
            kernel_free(&k);
        }
    }
    return t_end();
}
