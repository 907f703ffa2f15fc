/* The row rule of every op: a kernel that runs over ranges of rows, with the
 * rows of those inputs that rows() names and the whole of the others, gives
 * the bits of one call. Such ranges are how a program's threads share the
 * samples. Also the other way round: where rows() names an input, other rows
 * of it do not matter; that a range is given nothing else shows it. */
#include "op/eval.h"
#include "op/kernel.h"
#include "t.h"

static uint32_t row_rule(const kernel_call *k)
{
    bp__type in[CASE_MAX_IN], out[BP__MAX_OUT];
    for (int i = 0; i < k->n_in; i++)
        in[i] = k->in[i].type;
    for (int i = 0; i < k->n_out; i++)
        out[i] = k->out[i].type;
    bp__shapes s = {k->d.c->attrs, k->n_in, k->n_out, in, out};
    const bp__opdef *d = k->d.def;
    if (d->rows)
        return d->rows(&s);
    return d->flags & BP__ELEMWISE ? bp__rows_elemwise(&s) : 0;
}

static void run_range(kernel_call *k, uint32_t rule, int64_t r, int64_t n,
                      void *const *to)
{
    bp__tensor in[CASE_MAX_IN], out[BP__MAX_OUT];
    int64_t faults = 0;
    for (int i = 0; i < k->n_in; i++)
        in[i] = rule >> i & 1 ? kernel_part(&k->in[i], r, n) : k->in[i];
    for (int i = 0; i < k->n_out; i++) {
        bp__tensor whole = {k->out[i].type, to[i]};
        out[i] = kernel_part(&whole, r, n);
    }
    eval_kernel(k->d.def, k->d.c->attrs, k->n_in, in, k->n_out, out, r,
                &faults);
}

static bool check_case(kernel_call *k)
{
    char text[120];
    uint32_t rule = row_rule(k);
    if (!(rule & BP__ROWS))
        return false;
    int64_t rows = k->out[0].type.dims[0];
    case_text(&k->d, text);
    for (int i = 0; i < k->n_out; i++)
        T_CHECKF(k->out[i].type.rank > 0 && k->out[i].type.dims[0] == rows,
                 "%s: output %d has no rows, or not as many", text, i);
    for (int i = 0; i < k->n_in; i++)
        T_CHECKF(!(rule >> i & 1) || (k->in[i].type.rank > 0 &&
                                      k->in[i].type.dims[0] == rows),
                 "%s: input %d has no rows, or not as many", text, i);
    kernel_run(k, 0xFF);
    for (int64_t step = 1; step <= rows; step++) {
        void *to[BP__MAX_OUT];
        for (int i = 0; i < k->n_out; i++) {
            to[i] = kernel_copy(&k->out[i]);
            memset(to[i], 0xEE, bp__type_bytes(&k->out[i].type));
        }
        for (int64_t r = 0; r < rows; r += step)
            run_range(k, rule, r, BP__MIN(step, rows - r), to);
        for (int i = 0; i < k->n_out; i++) {
            T_CHECKF(kernel_same(&k->out[i], to[i]),
                     "%s: output %d by ranges of %lld rows has other bits",
                     text, i, (long long)step);
            free(to[i]);
        }
    }
    return rows > 1;
}

int main(void)
{
    int n_ops = 0;
    for (int op = 1; op < BP__N_OPS; op++) {
        const bp__opdef *d = bp__ops[op];
        int done = 0;
        for (int i = 0; i < d->n_cases; i++)
            for (int f = BP_F32; f <= BP_F64; f++) {
                kernel_call k;
                if (!kernel_new(&k, (bp__op)op, i, (bp_dtype)f, 7))
                    continue;
                done += check_case(&k);
                kernel_free(&k);
            }
        if (d->ref && (d->rows || d->flags & BP__ELEMWISE))
            T_CHECKF(done > 0, "%s: no case has rows to share", d->name);
        n_ops += done > 0;
    }
    printf("%d ops can be run by ranges of rows\n", n_ops);
    return t_end();
}
