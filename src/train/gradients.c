/* A task's gradients as tensors. */
#include "train/step.h"
#include "train/train.h"

static bp_status copy_result(const bp_step *p, const char *output,
                             bp_store *to, const char *name, bp_dtype dtype,
                             int rank, const int64_t *dims, bp_error *err)
{
    bp_array x;
    if (!bp_step_output(p, output, &x))
        return bp__error(err, BP_EBUG, "no result '%s'", output);
    bp_status st = bp_store_add(to, name, BP_VAR_PARAM, dtype, rank, dims,
                                err);
    return st ? st : bp_store_set(to, name, x.data, x.bytes, err);
}

static bp_status copy_gradients(const bp_step *p, const bp_store *s,
                                bp_dtype dtype, bp_store *to, bp_error *err)
{
    bp_status st = copy_result(p, "loss", to, "loss", dtype, 0, NULL, err);
    for (size_t i = 0; i < bp_store_count(s) && !st; i++) {
        char output[600];
        bp_var_info v;
        bp_store_info(s, i, &v);
        if (v.kind != BP_VAR_PARAM)
            continue;
        bp__snprintf(output, sizeof output, "grad.%s", v.name);
        st = copy_result(p, output, to, v.name, dtype, v.rank, v.dims, err);
    }
    return st;
}

bp_status bp_task_gradients(const bp_task *t, bp_store *s, bp_runtime *r,
                            const bp_compile_options *compile, int64_t shards,
                            const bp_batch *b, bp_store **gradients,
                            bp_error *err)
{
    const bp_allocator *a = bp__store_allocator(s);
    bp_compile_options c;
    bp__task_steps k;
    bp_step *step;
    bp_store *to = NULL;
    *gradients = NULL;
    bp_status st = BP__OPTIONS(&c, compile, bp_compile_options, err);
    if (st)
        return st;
    bp__task_steps_init(&k, a, t, s, r);
    k.no_pass = c.no_pass;
    k.no_kernel = c.no_kernel;
    k.shards = shards ? shards : 1;
    st = bp__task_steps_run(&k, BP_TASK_GRADIENT, b, &step, err);
    if (!st && !(to = bp_store_new(a)))
        st = bp__oom(err);
    if (!st)
        st = copy_gradients(step, s, t->dtype, to, err);
    bp__task_steps_free(&k);
    if (st)
        bp_store_free(to);
    else
        *gradients = to;
    return st;
}
