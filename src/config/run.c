/* <bprop/config.h>: what a run keeps: normalization, weights, the resolved
 * file. */
#include "config/config.h"

#include "train/train.h"

#include <bprop/config.h>

static void free_norms(bp_config *c)
{
    for (size_t i = 0; i < BP_MAX_INPUTS; i++) {
        bp_norm_free(c->norm[i]);
        c->norm[i] = NULL;
    }
}

bp_status bp_config_fit(bp_config *c, const bp_data *train, bp_error *err)
{
    size_t n = bp__task_inputs(&c->task);
    bp_status st = BP_OK;
    free_norms(c);
    if (c->run)
        return bp__source_get_fitted(&c->source, n, c->norm, err);
    if (!train || bp_data_inputs(train) != n)
        return bp__error(err, BP_EARG, "a normalization is fitted to training "
                         "data with the model's %zu input%s", n,
                         n == 1 ? "" : "s");
    for (size_t i = 0; i < n && !st; i++)
        st = bp__task_norm(&c->task, train, i, c->train.normalize, NULL,
                           &c->norm[i], err);
    return st;
}

const bp_norm *bp_config_norm(const bp_config *c, size_t input)
{
    return input < BP_MAX_INPUTS ? c->norm[input] : NULL;
}

/* ---- weights ---------------------------------------------------------------- */

/* The type of the numbers in a run's files. */
static bp_dtype run_dtype(const bp_config *c)
{
    const bp__ynode *t = bp__yaml_at(c->resolved, "train.dtype");
    return t && !strcmp(t->text, "f64") ? BP_F64 : BP_F32;
}

static void convert(const void *x, bp_dtype from, size_t n, void *y)
{
    for (size_t i = 0; i < n; i++)
        if (from == BP_F32)
            ((double *)y)[i] = (double)((const float *)x)[i];
        else
            ((float *)y)[i] = (float)((const double *)x)[i];
}

/* Weights of a run in a store of the other type, for programs of that. */
static bp_status load_converted(const bp_config *c, bp_store *to,
                                const char *path, bp_error *err)
{
    bp_task t = c->task;
    bp__type out;
    t.dtype = run_dtype(c);
    bp_store *s = bp_store_new(NULL);
    bp_status st = s ? bp__task_output(&t, s, &bp__malloc_allocator, &out, err)
                     : bp__oom(err);
    if (!st)
        st = bp_store_load(s, path, BP_KINDS_WEIGHTS, err);
    for (size_t i = 0; !st && i < bp_store_count(s); i++) {
        bp_var_info v;
        bp_store_info(s, i, &v);
        int64_t k = bp_store_find(to, v.name);
        if (k >= 0 && (BP_KIND(v.kind) & BP_KINDS_WEIGHTS))
            convert(bp_store_read(s, i), v.dtype,
                    v.bytes / bp_dtype_bytes(v.dtype),
                    bp_store_data(to, (size_t)k));
    }
    bp_store_free(s);
    return st;
}

static bp_status load_weights(const bp_config *c, bool last, bp_store *s,
                              bp_error *err)
{
    const bp_allocator *a = &bp__malloc_allocator;
    char *path = bp__path_join(a, c->run, last ? "last.safetensors"
                                               : "best.safetensors");
    if (!path)
        return bp__oom(err);
    bp_status st = c->task.dtype == run_dtype(c)
                       ? bp_store_load(s, path, BP_KINDS_WEIGHTS, err)
                       : load_converted(c, s, path, err);
    bp__strfree(a, path);
    return st;
}

bp_status bp_config_open_store(const bp_config *c, bool last, bp_store **store,
                               bp_error *err)
{
    bp__type out;
    bp_store *s = bp_store_new(NULL);
    *store = NULL;
    bp_status st = s ? bp__task_output(&c->task, s, &bp__malloc_allocator,
                                       &out, err)
                     : bp__oom(err);
    if (!st && c->run)
        st = load_weights(c, last, s, err);
    if (st) {
        bp_store_free(s);
    } else {
        bp_store_settle(s);
        *store = s;
    }
    return st;
}

/* ---- the resolved file -------------------------------------------------------- */

bp_status bp_config_save(bp_config *c, const bp_trainer *t, const char *folder,
                         const char *data, bp_error *err)
{
    const bp_allocator *a = &bp__malloc_allocator;
    bp_norm *norm[BP_MAX_INPUTS];
    size_t n = bp__task_inputs(&c->task);
    bp__str s;
    if (!t || !folder)
        return bp__error(err, BP_EARG, "bp_config_save needs a trainer and "
                         "its folder");
    for (size_t i = 0; i < n; i++)
        norm[i] = (bp_norm *)(uintptr_t)bp_trainer_norm(t, i);
    bp__source_set_fitted(&c->source, n, norm);
    bp_status st = bp__source_keep(&c->source, err);
    bp__config_set_start(c, bp_trainer_transfer(t)->hash);
    if (!st)
        st = bp__config_set_counts(c, err);
    if (st)
        return st;
    if (data)
        bp__source_set_dir(&c->source, data);
    bp__str_init(&s, NULL);
    bp__config_print(c, &s);
    char *path = bp__path_join(a, folder, "config.yaml");
    st = s.failed || !path || c->arena.failed
             ? bp__oom(err)
             : bp__file_write(NULL, a, path, s.s, s.len, err);
    bp__strfree(a, path);
    bp__str_free(&s);
    return st;
}

void bp_config_take_start(bp_config *c, const bp_config *run)
{
    const char *hash =
        bp__yaml_text(bp__yaml_at(run->resolved, "train.init_hash"));
    if (hash)
        bp__config_set_start(c, hash);
}
