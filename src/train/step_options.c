/* A step's options: checked, and copied with all their texts. */
#include "train/step.h"

enum { STEP_MAX_BYTES = 512 << 20 };

static bp_status check_input(const bp_step_input *in, const bp_step_input *all,
                             size_t i, bp_error *err)
{
    bool dims = true;
    for (int k = 0; k < in->rank && in->rank <= BP_MAX_RANK; k++)
        dims &= in->dims[k] >= 0 || in->dims[k] == BP_ANY;
    if (!in->name || !in->name[0])
        return bp__error(err, BP_EARG, "input %zu of the step has no name", i);
    for (size_t k = 0; k < i; k++)
        if (!strcmp(in->name, all[k].name))
            return bp__error(err, BP_EEXIST, "the step has two inputs \"%s\"",
                             in->name);
    if (!bp_dtype_bytes(in->dtype))
        return bp__error(err, BP_EDTYPE, "input \"%s\" has no known type",
                         in->name);
    if (in->rank < !in->replicated || in->rank > BP_MAX_RANK || !dims)
        return bp__error(err, BP_ESHAPE, "input \"%s\": rank %d (must be %d to "
                         "%d) or a size of its axes is wrong (BP_ANY: it "
                         "varies)", in->name, in->rank, !in->replicated,
                         BP_MAX_RANK);
    return BP_OK;
}

/* Without a dot: the moments of "a" for "b.w" would be those of "a.b" for
 * "w". */
static bool good_name(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') ||
              (name[i] >= 'A' && name[i] <= 'Z') ||
              (name[i] >= '0' && name[i] <= '9') || strchr("_-", name[i])))
            return false;
    return n <= 100;
}

bp_status bp__step_options_check(const bp_step_options *given,
                                 bp_step_options *o, bp_error *err)
{
    bp_status st = BP__OPTIONS(o, given, bp_step_options, err);
    if (st)
        return st;
    if (!o->fn)
        return bp__error(err, BP_EARG, "bp_step_new: no function");
    if (o->name && !good_name(o->name))
        return bp__error(err, BP_EARG, "\"%.100s\" is no name of a step: up to "
                         "100 letters, digits, '_' and '-'", o->name);
    if (o->n_inputs > BP_STEP_MAX_INPUTS)
        return bp__error(err, BP_ELIMIT, "a step has at most %d inputs, not "
                         "%zu", BP_STEP_MAX_INPUTS, o->n_inputs);
    if (o->shards < 0)
        return bp__error(err, BP_EARG, "%lld shards", (long long)o->shards);
    for (size_t i = 0; i < o->n_inputs && !st; i++)
        st = check_input(&o->input[i], o->input, i, err);
    return st;
}

static bool copy_text(bp__arena *ar, const char **text)
{
    if (*text)
        *text = bp__arena_strdup(ar, *text);
    return *text != NULL;
}

bp_status bp__step_options_copy(bp__arena *ar, bp_step_options *o,
                                bp_error *err)
{
    const char **text[] = {&o->name, &o->params, &o->optimizer,
                           &o->statistics, &o->init, &o->bias_init,
                           &o->no_pass, &o->no_kernel};
    if (!o->name)
        o->name = "";
    o->shards = o->shards ? o->shards : 1;
    o->max_bytes = o->max_bytes ? o->max_bytes : (size_t)STEP_MAX_BYTES;
    for (size_t i = 0; i < BP__ARRAY_LEN(text); i++)
        if (*text[i] && !copy_text(ar, text[i]))
            return bp__oom(err);
    bp_step_input *in = bp__arena_array(ar, o->n_inputs + 1, sizeof *in);
    if (!in)
        return bp__oom(err);
    for (size_t i = 0; i < o->n_inputs; i++) {
        in[i] = o->input[i];
        if (!copy_text(ar, &in[i].name))
            return bp__oom(err);
    }
    o->input = in;
    return BP_OK;
}
