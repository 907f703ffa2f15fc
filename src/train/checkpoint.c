/* A store <-> a safetensors file. A checkpoint holds every variable; the
 * weights' files only parameters and buffers. All or nothing both ways: the
 * file appears whole, and a file that does not fit changes nothing. */
#include "train/train.h"

#include <bprop/folder.h>

#include "fmt/safetensors.h"
#include "ir/ir.h"

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

/* The store's variables of these kinds, in room for all. */
static size_t list_entries(bp_store *s, unsigned kinds, bp__st_entry *e)
{
    size_t n = 0;
    for (size_t i = 0; i < bp_store_count(s); i++) {
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
    return n;
}

static bp_status save(const bp__fs *fs, bp_store *s, const char *path,
                      unsigned kinds, const bp__st_entry *extra,
                      size_t n_extra, const bp__st_meta *meta, size_t n_meta,
                      bp_error *err)
{
    const bp_allocator *a = bp__store_allocator(s);
    if (bp_store_poisoned(s))
        return bp__error(err, BP_ENONFINITE, "'%s' is not written: %s", path,
                         bp_store_poisoned(s));
    bp_status st = bp__store_check_finite(s, kinds, err);
    if (st)
        return st;
    size_t room = bp_store_count(s) + n_extra + 1;
    bp__st_entry *e = bp__calloc(a, room, sizeof *e);
    if (!e)
        return bp__oom(err);
    size_t n = list_entries(s, kinds, e);
    for (size_t i = 0; i < n_extra; i++)
        e[n++] = extra[i];
    st = bp__safetensors_write(fs, a, path, e, n, meta, n_meta, err);
    bp__free(a, e, room * sizeof *e);
    return st;
}

bp_status bp__store_save(const bp__fs *fs, bp_store *s, const char *path,
                         unsigned kinds, bp_error *err)
{
    return save(fs, s, path, kinds, NULL, 0, NULL, 0, err);
}

bp_status bp__checkpoint_save(const bp__fs *fs, bp_store *s, const char *path,
                              const bp__st_entry *extra, size_t n_extra,
                              const bp__st_meta *meta, size_t n_meta,
                              bp_error *err)
{
    const bp_allocator *a = bp__store_allocator(s);
    bp__st_meta *all = bp__calloc(a, n_meta + 1, sizeof *all);
    if (!all)
        return bp__oom(err);
    all[0] = (bp__st_meta){"bprop_checkpoint", BP__CHECKPOINT_VERSION};
    for (size_t i = 0; i < n_meta; i++)
        all[i + 1] = meta[i];
    bp_status st = save(fs, s, path, BP_KINDS_ALL, extra, n_extra, all,
                        n_meta + 1, err);
    bp__free(a, all, (n_meta + 1) * sizeof *all);
    return st;
}

bp_status bp__store_copy(const bp_allocator *a, bp_store *from, unsigned kinds,
                         bp_store **to, bp_error *err)
{
    bp_status st = BP_OK;
    if (!*to && !(*to = bp_store_new(a)))
        return bp__oom(err);
    for (size_t i = 0; i < bp_store_count(from) && !st; i++) {
        const bp__var *v = bp__store_var(from, i);
        if (!kind_in(kinds, v->info.kind))
            continue;
        if (bp_store_find(*to, v->info.name) < 0)
            st = bp_store_add(*to, v->info.name, v->info.kind, v->info.dtype,
                              v->info.rank, v->info.dims, err);
        if (!st)
            st = bp_store_set(*to, v->info.name, v->data, v->info.bytes, err);
    }
    return st;
}

/* ---- the hash of a file that is not written ---------------------------------- */

static int hash_open(void *user, const char *path, bp__fs_mode mode,
                     intptr_t *handle)
{
    (void)user, (void)path, (void)mode;
    *handle = 0;
    return 0;
}

static int hash_write(void *user, intptr_t handle, const void *data,
                      size_t bytes, size_t *put)
{
    uint64_t *h = user;
    (void)handle;
    *h = bp__hash(*h, data, bytes);
    *put = bytes;
    return 0;
}

static int hash_handle(void *user, intptr_t handle)
{
    (void)user, (void)handle;
    return 0;
}

static int hash_rename(void *user, const char *from, const char *to)
{
    (void)user, (void)from, (void)to;
    return 0;
}

static int hash_path(void *user, const char *path)
{
    (void)user, (void)path;
    return 0;
}

bp_status bp_store_hash(bp_store *s, unsigned kinds, char hash[20],
                        bp_error *err)
{
    uint64_t h = BP__HASH_INIT;
    const bp__fs fs = {.user = &h, .open = hash_open, .close = hash_handle,
                       .write = hash_write, .sync = hash_handle,
                       .rename = hash_rename, .unlink = hash_path,
                       .sync_dir = hash_path};
    bp_status st = bp__store_save(&fs, s, "the hash", kinds, err);
    bp__snprintf(hash, 20, "%016llx", (unsigned long long)h);
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
    if (v->kind == BP_VAR_STATE && e->rank == v->rank)
        a.dims[0] = b.dims[0]; /* as many rows as it had */
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

static bp_status check_file_finite(const bp__safetensors *st,
                                   const char *path, bp_error *err)
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

bp_status bp__store_compare(bp_store *s, unsigned kinds,
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
        if (is_passed_over(s, &st->entries[i]) ||
            (kinds == BP_KINDS_ALL && st->entries[i].name[0] == '@'))
            continue; /* '@': a folder's own */
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
    return status ? status : check_file_finite(st, path, err);
}

bp_status bp__store_take(bp_store *s, const bp__safetensors *st, bp_error *err)
{
    bp_status status = BP_OK;
    /* Room for states first: what follows cannot fail. */
    for (size_t i = 0; i < st->n_entries && !status; i++) {
        const bp__st_entry *e = &st->entries[i];
        int64_t k = bp_store_find(s, e->name);
        bp__var *v = k < 0 ? NULL : bp__store_var(s, (size_t)k);
        if (v && v->info.kind == BP_VAR_STATE &&
            !bp__store_set_rows(s, v, e->dims[0]))
            status = bp__oom(err);
    }
    for (size_t i = 0; i < st->n_entries && !status; i++)
        if (bp_store_find(s, st->entries[i].name) >= 0)
            status = bp_store_set(s, st->entries[i].name, st->entries[i].data,
                                  st->entries[i].bytes, err);
    return status;
}

bp_status bp__store_load(const bp__fs *fs, bp_store *s, const char *path,
                         unsigned kinds, bp_error *err)
{
    bp__safetensors st;
    bp_status status = bp__safetensors_read(fs, bp__store_allocator(s), path,
                                            &st, err);
    if (status)
        return status;
    status = bp__store_compare(s, kinds, &st, path, err);
    if (!status)
        status = bp__store_take(s, &st, err);
    bp__safetensors_free(&st);
    return status;
}

bp_status bp_store_save(bp_store *s, const char *path, unsigned kinds,
                        bp_error *err)
{
    return bp__store_save(NULL, s, path, kinds, err);
}

bp_status bp_store_load(bp_store *s, const char *path, unsigned kinds,
                        bp_error *err)
{
    return bp__store_load(NULL, s, path, kinds, err);
}
