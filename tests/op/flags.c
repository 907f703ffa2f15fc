/* See flags.h. */
#include "op/flags.h"

#include "op/eval.h"
#include "t.h"

#include <stdarg.h>

static flags_answer wrong(const kernel_call *k, char *why, const char *format,
                          ...) __attribute__((format(printf, 3, 4)));
static flags_answer wrong(const kernel_call *k, char *why, const char *format,
                          ...)
{
    va_list args;
    char text[120];
    case_text(&k->d, text);
    int n = snprintf(why, FLAGS_WHY, "%s: ", text);
    va_start(args, format);
    vsnprintf(why + n, FLAGS_WHY - (size_t)n, format, args);
    va_end(args);
    return FLAGS_FALSE;
}

flags_answer flags_writes(kernel_call *k, char *why)
{
    void *inputs[CASE_MAX_IN], *first[BP__MAX_OUT];
    flags_answer answer = FLAGS_TRUE;
    for (int i = 0; i < k->n_in; i++)
        inputs[i] = kernel_copy(&k->in[i]);
    kernel_run(k, 0xFF); /* NaN, -1, and no truth value */
    for (int i = 0; i < k->n_out; i++)
        first[i] = kernel_copy(&k->out[i]);
    kernel_run(k, 0x3A);
    for (int i = 0; i < k->n_out; i++) {
        if (!kernel_same(&k->out[i], first[i]))
            answer = wrong(k, why, "output %d depends on what was there "
                           "before", i);
        free(first[i]);
    }
    for (int i = 0; i < k->n_in; i++) {
        if (!kernel_same(&k->in[i], inputs[i]))
            answer = wrong(k, why, "input %d was written", i);
        free(inputs[i]);
    }
    if (k->faults)
        answer = wrong(k, why, "%lld faults", (long long)k->faults);
    return answer;
}

flags_answer flags_alias(kernel_call *k, char *why)
{
    size_t bytes = bp__type_bytes(&k->out[0].type);
    bp__tensor in[CASE_MAX_IN], over = k->out[0];
    if (k->n_in == 0 || bytes == 0 ||
        bp__type_bytes(&k->in[0].type) != bytes)
        return FLAGS_NONE;
    kernel_run(k, 0xFF);
    over.data = kernel_copy(&k->in[0]);
    memcpy(in, k->in, sizeof in);
    in[0].data = over.data;
    eval_kernel(k->d.def, k->d.c->attrs, k->n_in, in, 1, &over, 0,
                &k->faults);
    bool same = kernel_same(&k->out[0], over.data);
    free(over.data);
    return same ? FLAGS_TRUE : wrong(k, why, "in place it gives other bits");
}

flags_answer flags_view(kernel_call *k, char *why)
{
    if (bp__type_bytes(&k->out[0].type) != bp__type_bytes(&k->in[0].type))
        return wrong(k, why, "a view has as many bytes as its operand");
    kernel_run(k, 0xFF);
    if (!kernel_same(&k->in[0], k->out[0].data))
        return wrong(k, why, "a view must keep the bytes");
    return FLAGS_TRUE;
}

uint32_t flags_row_rule(const kernel_call *k)
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

/* The number of the first output that has other bits; -1: none. */
static int by_ranges(kernel_call *k, uint32_t rule, int64_t rows, int64_t step)
{
    void *to[BP__MAX_OUT];
    int other = -1;
    for (int i = 0; i < k->n_out; i++) {
        to[i] = kernel_copy(&k->out[i]);
        memset(to[i], 0xEE, bp__type_bytes(&k->out[i].type));
    }
    for (int64_t r = 0; r < rows; r += step)
        run_range(k, rule, r, BP__MIN(step, rows - r), to);
    for (int i = 0; i < k->n_out; i++) {
        if (other < 0 && !kernel_same(&k->out[i], to[i]))
            other = i;
        free(to[i]);
    }
    return other;
}

static bool has_rows(const bp__tensor *t, int64_t rows)
{
    return t->type.rank > 0 && t->type.dims[0] == rows;
}

flags_answer flags_rows(kernel_call *k, char *why)
{
    uint32_t rule = flags_row_rule(k);
    if (!(rule & BP__ROWS))
        return FLAGS_NONE;
    int64_t rows = k->out[0].type.rank ? k->out[0].type.dims[0] : -1;
    for (int i = 0; i < k->n_out; i++)
        if (!has_rows(&k->out[i], rows))
            return wrong(k, why, "output %d has no rows, or not as many", i);
    for (int i = 0; i < k->n_in; i++)
        if (rule >> i & 1 && !has_rows(&k->in[i], rows))
            return wrong(k, why, "input %d has no rows, or not as many", i);
    kernel_run(k, 0xFF);
    for (int64_t step = 1; step <= rows; step++) {
        int i = by_ranges(k, rule, rows, step);
        if (i >= 0)
            return wrong(k, why, "output %d by ranges of %lld rows has other "
                         "bits", i, (long long)step);
    }
    return rows > 1 ? FLAGS_TRUE : FLAGS_NONE;
}
