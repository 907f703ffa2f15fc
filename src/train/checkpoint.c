/* A store <-> a safetensors file. A checkpoint holds every variable; the
 * weights' files only parameters and buffers. All or nothing both ways: the
 * file appears whole, and a file that does not fit changes nothing. */
#include "train/train.h"

#include "fmt/safetensors.h"
#include "ir/ir.h"

#define CHECKPOINT_VERSION "1"

static bool kind_in(unsigned kinds, bp_var_kind k)
{
    return kinds & (1u << (unsigned)k);
}

static int64_t first_not_finite(const bp_var_info *v, const void *data)
{
    size_t n = v->bytes / bp_dtype_bytes(v->dtype);
    if (v->dtype == BP_F32) {
        const float *x = data;
        for (size_t i = 0; i < n; i++)
            if (!(x[i] - x[i] == 0))
                return (int64_t)i;
    } else if (v->dtype == BP_F64) {
        const double *x = data;
        for (size_t i = 0; i < n; i++)
            if (!(x[i] - x[i] == 0))
                return (int64_t)i;
    }
    return -1;
}

bp_status bp__store_check_finite(bp_store *s, unsigned kinds, bp_error *err)
{
    for (size_t i = 0; i < bp_store_count(s); i++) {
        const bp__var *v = bp__store_var(s, i);
        if (!kind_in(kinds, v->info.kind))
            continue;
        int64_t at = first_not_finite(&v->info, v->data);
        if (at >= 0)
            return bp__error(err, BP_ENONFINITE,
                             "variable %s holds a NaN or an infinity (its "
                             "element %lld): it is not saved",
                             v->info.name, (long long)at);
    }
    return BP_OK;
}

bp_status bp__store_save(const bp__fs *fs, bp_store *s, const char *path,
                         unsigned kinds, const char *run, bp_error *err)
{
    const bp_allocator *a = bp__store_allocator(s);
    if (bp_store_poisoned(s))
        return bp__error(err, BP_ENONFINITE, "'%s' is not written: %s", path,
                         bp_store_poisoned(s));
    bp_status st = bp__store_check_finite(s, kinds, err);
    if (st)
        return st;
    size_t count = bp_store_count(s), n = 0;
    bp__st_entry *e = bp__calloc(a, count + 1, sizeof *e);
    if (!e)
        return bp__oom(err);
    for (size_t i = 0; i < count; i++) {
        const bp__var *v = bp__store_var(s, i);
        if (!kind_in(kinds, v->info.kind))
            continue;
        e[n].name = v->info.name;
        e[n].dtype = v->info.dtype;
        e[n].rank = v->info.rank;
        memcpy(e[n].dims, v->info.dims, sizeof e[n].dims);
        e[n].data = v->data;
        e[n++].bytes = v->info.bytes;
    }
    bp__st_meta meta[] = {{"bprop_checkpoint", CHECKPOINT_VERSION},
                          {"run", run ? run : ""}};
    st = bp__safetensors_write(fs, a, path, e, n, meta, run ? 2 : 0, err);
    bp__free(a, e, (count + 1) * sizeof *e);
    return st;
}

/* Adds a line to the list of misfits; the list says how many more. */
static void misfit(bp__str *t, int *n, const char *format, ...)
    BP__PRINTF(3, 4);
static void misfit(bp__str *t, int *n, const char *format, ...)
{
    if (++*n > 8)
        return;
    va_list ap;
    va_start(ap, format);
    bp__str_add(t, "\n  ", 3);
    bp__str_vprintf(t, format, ap);
    va_end(ap);
}

static void compare_entry(const bp_var_info *v, const bp__st_entry *e,
                          bp__str *t, int *n)
{
    char mine[200], theirs[200];
    if (!e) {
        misfit(t, n, "%s is missing in the file", v->name);
        return;
    }
    bp__type a = bp__make_type(v->dtype, v->rank, v->dims);
    bp__type b = bp__make_type(e->dtype, e->rank, e->dims);
    if (v->dtype != e->dtype || !bp__same_dims(&a, &b))
        misfit(t, n, "%s is %s in the file and %s in the model", v->name,
               bp__type_text(&b, theirs), bp__type_text(&a, mine));
}

/* PyTorch's batch norms count batches, which nothing here reads: a state_dict
 * with such counts is of the model all the same. */
static bool is_passed_over(bp_store *s, const bp__st_entry *e)
{
    static const char end[] = ".num_batches_tracked";
    size_t n = strlen(e->name), m = sizeof end - 1;
    return n > m && !strcmp(e->name + n - m, end) && e->rank == 0 &&
           bp_store_find(s, e->name) < 0;
}

static bp_status compare_store(bp_store *s, unsigned kinds,
                               const bp__safetensors *st, const char *path,
                               bp_error *err)
{
    bp__str t;
    int n = 0;
    bp__str_init(&t, bp__store_allocator(s));
    for (size_t i = 0; i < bp_store_count(s); i++) {
        const bp__var *v = bp__store_var(s, i);
        if (kind_in(kinds, v->info.kind))
            compare_entry(&v->info, bp__safetensors_find(st, v->info.name), &t,
                          &n);
    }
    for (size_t i = 0; i < st->n_entries; i++) {
        int64_t k = bp_store_find(s, st->entries[i].name);
        if (is_passed_over(s, &st->entries[i]))
            continue;
        if (k < 0 || !kind_in(kinds, bp__store_var(s, (size_t)k)->info.kind))
            misfit(&t, &n, "%s of the file is not in the model",
                   st->entries[i].name);
    }
    if (n > 8)
        bp__str_printf(&t, "\n  and %d more", n - 8);
    bp_status status = BP_OK;
    if (t.failed)
        status = bp__oom(err);
    else if (n)
        status = bp__error(err, BP_ESHAPE, "'%s' is of another model:%s", path,
                           t.s);
    bp__str_free(&t);
    return status;
}

static bp_status check_header(const bp__safetensors *st, const char *path,
                              const char *run, bp_error *err)
{
    const char *version = bp__safetensors_meta(st, "bprop_checkpoint");
    const char *of = bp__safetensors_meta(st, "run");
    if (!version)
        return bp__error(err, BP_EFORMAT, "'%s' is not a checkpoint of bprop",
                         path);
    if (strcmp(version, CHECKPOINT_VERSION))
        return bp__error(err, BP_EVERSION,
                         "'%s' has checkpoint format %s; this bprop reads %s",
                         path, version, CHECKPOINT_VERSION);
    if (!of || strcmp(of, run))
        return bp__error(err, BP_EARG,
                         "'%s' belongs to a run of another configuration, or "
                         "its training or validation data have changed: a run "
                         "goes on with the samples that it began with only",
                         path);
    return BP_OK;
}

static bp_status check_finite(const bp__safetensors *st, const char *path,
                              bp_error *err)
{
    for (size_t i = 0; i < st->n_entries; i++) {
        const bp__st_entry *e = &st->entries[i];
        bp_var_info v = {.name = e->name, .dtype = e->dtype,
                         .bytes = e->bytes};
        int64_t at = first_not_finite(&v, e->data);
        if (at >= 0)
            return bp__error(err, BP_ENONFINITE,
                             "'%s': %s holds a NaN or an infinity (its "
                             "element %lld)", path, e->name, (long long)at);
    }
    return BP_OK;
}

bp_status bp__store_read(const bp__fs *fs, bp_store *s, const char *path,
                         unsigned kinds, const char *run, bp__safetensors *st,
                         bp_error *err)
{
    bp_status status = bp__safetensors_read(fs, bp__store_allocator(s), path,
                                            st, err);
    if (status)
        return status;
    if (run)
        status = check_header(st, path, run, err);
    if (!status)
        status = compare_store(s, kinds, st, path, err);
    if (!status)
        status = check_finite(st, path, err);
    if (status)
        bp__safetensors_free(st);
    return status;
}

bp_status bp__store_take(bp_store *s, const bp__safetensors *st, bp_error *err)
{
    bp_status status = BP_OK;
    for (size_t i = 0; !status && i < st->n_entries; i++)
        if (!is_passed_over(s, &st->entries[i]))
            status = bp_store_set(s, st->entries[i].name, st->entries[i].data,
                                  st->entries[i].bytes, err);
    return status;
}

bp_status bp__store_load(const bp__fs *fs, bp_store *s, const char *path,
                         unsigned kinds, const char *run, bp_error *err)
{
    bp__safetensors st;
    bp_status status = bp__store_read(fs, s, path, kinds, run, &st, err);
    if (status)
        return status;
    status = bp__store_take(s, &st, err);
    bp__safetensors_free(&st);
    return status;
}

bp_status bp_store_save(bp_store *s, const char *path, unsigned kinds,
                        bp_error *err)
{
    return bp__store_save(NULL, s, path, kinds, NULL, err);
}

bp_status bp_store_load(bp_store *s, const char *path, unsigned kinds,
                        bp_error *err)
{
    return bp__store_load(NULL, s, path, kinds, NULL, err);
}
