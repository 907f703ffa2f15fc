/* Data sets over a file, and parts of any set by a list of rows. The system's
 * page cache is the only memory that a file's samples take. */
#include "data/data.h"

#include "fmt/array.h"

/* ---- the file ----------------------------------------------------------- */

bp_status bp__row_file_open(const bp__fs *fs, const bp_allocator *a,
                            const char *path, int64_t offset, size_t row_bytes,
                            bp__row_file **file, bp_error *err)
{
    *file = NULL;
    bp__row_file *f = bp__calloc(a, 1, sizeof *f);
    if (!f)
        return bp__oom(err);
    f->a = *a;
    f->fs = fs ? fs : &bp__posix_fs;
    f->offset = offset;
    f->row_bytes = row_bytes;
    f->path = bp__strdup(a, path);
    if (!f->path) {
        bp__free(a, f, sizeof *f);
        return bp__oom(err);
    }
    int error = f->fs->open(f->fs->user, path, BP__FS_READ, &f->handle);
    if (error) {
        bp__strfree(a, f->path);
        bp__free(a, f, sizeof *f);
        return bp__file_error(err, error, "open", path);
    }
    *file = f;
    return BP_OK;
}

void bp__row_file_close(bp__row_file *f)
{
    if (!f)
        return;
    bp_allocator a = f->a;
    f->fs->close(f->fs->user, f->handle);
    bp__strfree(&a, f->path);
    bp__free(&a, f, sizeof *f);
}

static bp_status read_row(const bp__row_file *f, int64_t row, void *to,
                          bp_error *err)
{
    size_t have = 0;
    int64_t at = f->offset + row * (int64_t)f->row_bytes;
    while (have < f->row_bytes) {
        size_t got = 0;
        int error = f->fs->read_at(f->fs->user, f->handle, at + (int64_t)have,
                                   (char *)to + have, f->row_bytes - have,
                                   &got);
        if (error)
            return bp__file_error(err, error, "read", f->path);
        if (got == 0)
            return bp__error(err, BP_EFORMAT,
                             "'%s' ends within sample %lld: it was cut off "
                             "while it was in use",
                             f->path, (long long)row);
        have += got;
    }
    return BP_OK;
}

void bp__names_free(const bp_allocator *a, bp__names *n)
{
    if (!n)
        return;
    bp__arena_free(&n->memory);
    bp__free(a, n, sizeof *n);
}

/* ---- reading ------------------------------------------------------------ */

static int64_t stored_row(const bp_data *d, int64_t row)
{
    return d->index ? d->index[row] : row;
}

size_t bp__data_scratch(const bp_data *d)
{
    return d->disk ? d->disk->row_bytes : 0;
}

bp_status bp__data_stored(const bp_data *d, size_t input, int64_t row,
                          void *scratch, const void **p, bp_error *err)
{
    const bp_array *x = &d->input[input];
    if (!d->disk) {
        *p = (const char *)x->data + (size_t)row * bp__row_bytes(x);
        return BP_OK;
    }
    *p = scratch;
    return read_row(d->disk, stored_row(d, row), scratch, err);
}

bp_status bp_data_read(const bp_data *d, size_t input, int64_t row, void *to,
                       bp_error *err)
{
    if (input >= d->n_inputs || row < 0 || row >= d->count)
        return bp__error(err, BP_ERANGE,
                         "%s: no sample %lld of input %zu; it has %lld "
                         "samples of %zu inputs",
                         d->source, (long long)row, input,
                         (long long)d->count, d->n_inputs);
    if (d->disk)
        return read_row(d->disk, stored_row(d, row), to, err);
    size_t bytes = bp__row_bytes(&d->input[input]);
    if (bytes)
        memcpy(to, (const char *)d->input[input].data + (size_t)row * bytes,
               bytes);
    return BP_OK;
}

const char *bp_data_name(const bp_data *d, int64_t row)
{
    if (!d->names || row < 0 || row >= d->count)
        return NULL;
    return d->names->name[stored_row(d, row)];
}

void bp__data_where(const bp_data *d, int64_t row, char *buf, size_t bytes)
{
    const char *name = bp_data_name(d, row);
    if (name)
        bp__snprintf(buf, bytes, "'%s'", name);
    else
        bp__snprintf(buf, bytes, "%s %lld", d->line ? "line" : "sample",
                     (long long)(d->line ? d->line[row] : row));
}

/* ---- making ------------------------------------------------------------- */

static bp_status set_index(bp_data *d, const int64_t *index, bp_error *err)
{
    size_t bytes = (size_t)d->count * sizeof *d->index;
    if (!(d->index = bp__alloc(&d->a, bytes)))
        return bp__oom(err);
    memcpy(d->index, index, bytes);
    return BP_OK;
}

bp_status bp__data_from_rows(const bp_allocator *a, bp__row_file *disk,
                             int64_t count, int rank, const int64_t *dims,
                             bp_array *target, bp__names *names,
                             const int64_t *index, const char *source,
                             bp_data **data, bp_error *err)
{
    *data = NULL;
    bp_data *d = bp__data_new(a, source);
    if (!d) {
        bp__row_file_close(disk);
        bp__names_free(a, names);
        bp_array_free(a, target);
        return bp__oom(err);
    }
    d->disk = disk;
    d->names = names;
    d->count = count;
    d->n_inputs = 1;
    d->input[0] = (bp_array){.dtype = BP_U8, .rank = rank + 1, .dims = {count}};
    memcpy(d->input[0].dims + 1, dims, (size_t)rank * sizeof *dims);
    if (target->data) {
        d->kind = BP_TARGET_CLASS;
        d->target = *target;
        d->n_classes = bp__largest_label(target) + 1;
    }
    bp_status s = index ? set_index(d, index, err) : BP_OK;
    if (s) {
        bp_data_free(d);
        return s;
    }
    *data = d;
    return BP_OK;
}

/* ---- parts -------------------------------------------------------------- */

/* The rows of x with these numbers, in a new array. */
static bp_status take_rows(const bp_allocator *a, const bp_array *x,
                           const int64_t *rows, int64_t n, bp_array *out,
                           bp_error *err)
{
    int64_t dims[BP_MAX_RANK];
    memcpy(dims, x->dims, sizeof dims);
    dims[0] = n;
    bp_status s = bp_array_new(a, x->dtype, x->rank, dims, out, err);
    size_t bytes = bp__row_bytes(x);
    for (int64_t i = 0; i < n && !s && bytes; i++)
        memcpy((char *)out->data + (size_t)i * bytes,
               (const char *)x->data + (size_t)rows[i] * bytes, bytes);
    return s;
}

static bp_status select_arrays(const bp_data *d, const int64_t *rows,
                               int64_t n, bp_data **part, bp_error *err)
{
    bp_array in[BP_MAX_INPUTS] = {0}, target = {0};
    bp_status s = BP_OK;
    for (size_t i = 0; i < d->n_inputs && !s; i++)
        s = take_rows(&d->a, &d->input[i], rows, n, &in[i], err);
    if (!s && d->kind)
        s = take_rows(&d->a, &d->target, rows, n, &target, err);
    bp_data_options o = {.size = sizeof o, .allocator = &d->a};
    if (!s) /* it takes the arrays over */
        return bp__data_take(&d->a, in, d->n_inputs,
                             d->kind ? &target : NULL, &o, d->source, part,
                             err);
    for (size_t i = 0; i < d->n_inputs; i++)
        bp_array_free(&d->a, &in[i]);
    bp_array_free(&d->a, &target);
    return s;
}

static bp_status select_disk(const bp_data *d, const int64_t *rows, int64_t n,
                             bp_data **part, bp_error *err)
{
    bp_data *p = bp__data_new(&d->a, d->source);
    if (!p)
        return bp__oom(err);
    /* Only the count of references changes. */
    bp_data *whole = (bp_data *)(uintptr_t)d;
    p->parent = bp_data_retain(whole->parent ? whole->parent : whole);
    p->disk = d->disk;
    p->names = d->names;
    p->count = n;
    p->n_inputs = 1;
    p->input[0] = d->input[0];
    p->input[0].dims[0] = n;
    p->kind = d->kind;
    bp_status s = set_index(p, rows, err);
    for (int64_t i = 0; i < n && !s; i++)
        p->index[i] = stored_row(d, rows[i]);
    if (!s && d->kind)
        s = take_rows(&d->a, &d->target, rows, n, &p->target, err);
    if (!s && d->kind)
        p->n_classes = bp__largest_label(&p->target) + 1;
    if (s)
        bp_data_free(p);
    else
        *part = p;
    return s;
}

bp_status bp_data_select(const bp_data *d, const int64_t *rows, int64_t n,
                         bp_data **part, bp_error *err)
{
    *part = NULL;
    if (n < 1)
        return bp__error(err, BP_ERANGE, "%s: a part without samples",
                         d->source);
    for (int64_t i = 0; i < n; i++)
        if (rows[i] < 0 || rows[i] >= d->count)
            return bp__error(err, BP_ERANGE,
                             "%s: there is no sample %lld, of %lld", d->source,
                             (long long)rows[i], (long long)d->count);
    return d->disk ? select_disk(d, rows, n, part, err)
                   : select_arrays(d, rows, n, part, err);
}

bp_status bp__data_slice_rows(const bp_data *d, int64_t first, int64_t last,
                              bp_data **part, bp_error *err)
{
    size_t bytes = (size_t)(last - first) * sizeof(int64_t);
    int64_t *rows = bp__alloc(&d->a, bytes);
    if (!rows)
        return bp__oom(err);
    for (int64_t i = first; i < last; i++)
        rows[i - first] = i;
    bp_status s = select_disk(d, rows, last - first, part, err);
    bp__free(&d->a, rows, bytes);
    return s;
}
