/* Making data sets out of arrays: conversion, ranges, parts, references. */
#include "data/data.h"

#include "fmt/array.h"

size_t bp__row_bytes(const bp_array *x)
{
    return (size_t)bp__row_numel(x) * bp_dtype_bytes(x->dtype);
}

int64_t bp__row_numel(const bp_array *x)
{
    int64_t n = 1;
    for (int i = 1; i < x->rank; i++)
        n *= x->dims[i];
    return n;
}

bool bp__data_prefetch_pays(const bp_data *d, int64_t batch)
{
    enum { LARGE_BATCH = 16384 }; /* elements; about 10 us to convert */
    int64_t row = 0;
    for (size_t i = 0; i < d->n_inputs; i++)
        row += bp__row_numel(&d->input[i]);
    return row > 0 && batch > LARGE_BATCH / row;
}

bp_allocator bp__data_allocator(const bp_data_options *o)
{
    return o && o->allocator ? *o->allocator : bp__malloc_allocator;
}

bp_status bp__data_take_options(bp_data_options *all,
                                const bp_data_options **o, bp_error *err)
{
    bp_status st = BP__OPTIONS(all, *o, bp_data_options, err);
    *o = all;
    return st;
}

const char *bp_split_name(bp_split s)
{
    static const char *const names[] = {"train", "valid", "test"};
    return (unsigned)s < BP__ARRAY_LEN(names) ? names[s] : "?";
}

/* ---- lifetime ----------------------------------------------------------- */

bp_data *bp_data_retain(bp_data *d)
{
    if (d)
        atomic_fetch_add(&d->refs, 1);
    return d;
}

void bp_data_free(bp_data *d)
{
    if (!d || atomic_fetch_sub(&d->refs, 1) != 1)
        return;
    bp_allocator a = d->a;
    if (!d->parent && !d->borrowed) {
        for (size_t i = 0; i < d->n_inputs && !d->disk; i++)
            bp_array_free(&a, &d->input[i]);
    }
    if ((!d->parent || d->index) && !d->borrowed)
        bp_array_free(&a, &d->target);
    if (!d->parent) {
        bp__row_file_close(d->disk);
        bp__names_free(&a, d->names);
    }
    bp__free(&a, d->line, d->line ? (size_t)d->count * sizeof *d->line : 0);
    bp__free(&a, d->index, d->index ? (size_t)d->count * sizeof *d->index : 0);
    bp_data_free(d->parent);
    bp__strfree(&a, d->source);
    bp__free(&a, d, sizeof *d);
}

/* ---- targets ------------------------------------------------------------ */

/* Labels become i32; all else stays as it is stored. */
static bp_status convert_target(const bp_allocator *a, bp_array *x,
                                bp_target *kind, bp_error *err)
{
    *kind = bp__is_whole(x->dtype) ? BP_TARGET_CLASS : BP_TARGET_REAL;
    if (*kind == BP_TARGET_REAL || x->dtype == BP_I32)
        return BP_OK;
    bp_array y;
    bp_status s = bp_array_new(a, BP_I32, x->rank, x->dims, &y, err);
    if (s)
        return s;
    for (size_t i = 0; i < x->bytes; i++)
        ((int32_t *)y.data)[i] = ((const uint8_t *)x->data)[i];
    bp_array_free(a, x);
    *x = y;
    return BP_OK;
}

/* ---- ranges ------------------------------------------------------------- */

static void view_rows(const bp_array *x, int64_t first, int64_t last,
                      bp_array *view)
{
    size_t row = bp__row_bytes(x);
    *view = *x;
    view->dims[0] = last - first;
    view->data = (char *)x->data + (size_t)first * row;
    view->bytes = (size_t)(last - first) * row;
}

static bp_status check_range(int64_t first, int64_t last, int64_t count,
                             const char *source, bp_error *err)
{
    if (count == 0)
        return bp__error(err, BP_ERANGE, "%s: there are no samples", source);
    if (first < 0 || last > count || first >= last)
        return bp__error(err, BP_ERANGE,
                         "%s: the range [%lld, %lld) does not lie within its "
                         "%lld samples, or is empty",
                         source, (long long)first, (long long)last,
                         (long long)count);
    return BP_OK;
}

/* The range that the options keep. */
static bp_status take_range(const bp_data_options *o, int64_t count,
                            const char *source, int64_t *first, int64_t *last,
                            bp_error *err)
{
    bool all = !o || (o->first == 0 && o->last == 0);
    *first = all ? 0 : o->first;
    *last = all ? count : o->last;
    return check_range(*first, *last, count, source, err);
}

/* Keeps rows [first, last) in memory of their own. */
static bp_status keep_rows(const bp_allocator *a, bp_array *x, int64_t first,
                           int64_t last, bp_error *err)
{
    bp_array view, y;
    if (first == 0 && last == x->dims[0])
        return BP_OK;
    view_rows(x, first, last, &view);
    bp_status s = bp_array_new(a, x->dtype, x->rank, view.dims, &y, err);
    if (s)
        return s;
    memcpy(y.data, view.data, view.bytes);
    bp_array_free(a, x);
    *x = y;
    return BP_OK;
}

/* ---- making --------------------------------------------------------------*/

static bp_status check_arrays(const bp_array *inputs, size_t n_inputs,
                              const bp_array *target, const char *source,
                              bp_error *err)
{
    if (n_inputs < 1 || n_inputs > BP_MAX_INPUTS)
        return bp__error(err, BP_EARG, "%s: %zu inputs; 1 to %d are possible",
                         source, n_inputs, BP_MAX_INPUTS);
    for (size_t i = 0; i <= n_inputs; i++) {
        const bp_array *x = i < n_inputs ? &inputs[i] : target;
        if (!x)
            continue;
        char what[40];
        bp__snprintf(what, sizeof what, i < n_inputs ? "input %zu" : "target",
                     i);
        int64_t n = x->rank < 0 || x->rank > BP_MAX_RANK
                        ? -1
                        : bp__dims_numel(x->rank, x->dims, 8);
        if (!x->data || n < 0 ||
            (size_t)n * bp_dtype_bytes(x->dtype) != x->bytes)
            return bp__error(err, BP_EARG,
                             "%s: the %s is no sound array: its bytes do not "
                             "fit its shape",
                             source, what);
        if (x->rank == 0)
            return bp__error(err, BP_ESHAPE,
                             "%s: the %s is one number; its first axis must "
                             "count the samples",
                             source, what);
        char shape[200];
        if (n == 0 && x->dims[0] > 0)
            return bp__error(err, BP_ESHAPE,
                             "%s: the %s has the shape %s: no sample holds a "
                             "number",
                             source, what,
                             bp__shape_text(x->rank, x->dims, shape));
        if (x->dims[0] != inputs[0].dims[0])
            return bp__error(
                err, BP_ESHAPE,
                "%s: the %s has %lld samples and input 0 has %lld", source,
                what, (long long)x->dims[0], (long long)inputs[0].dims[0]);
    }
    return BP_OK;
}

int64_t bp__largest_label(const bp_array *labels)
{
    const int32_t *y = labels->data;
    int64_t most = -1;
    int64_t n = labels->dims[0] * bp__row_numel(labels);
    for (int64_t i = 0; i < n; i++)
        most = BP__MAX(most, (int64_t)y[i]);
    return most;
}

bp_data *bp__data_new(const bp_allocator *a, const char *source)
{
    bp_data *d = bp__calloc(a, 1, sizeof *d);
    if (!d)
        return NULL;
    d->a = *a;
    atomic_init(&d->refs, 1);
    d->source = bp__strdup(a, source);
    if (!d->source) {
        bp__free(a, d, sizeof *d);
        return NULL;
    }
    return d;
}

static bp_status prepare_arrays(const bp_allocator *a, bp_array *inputs,
                                size_t n_inputs, bp_array *target,
                                const bp_data_options *o, const char *source,
                                bp_target *kind, bp_error *err)
{
    bp_status s = check_arrays(inputs, n_inputs, target, source, err);
    if (s)
        return s;
    int64_t count = inputs[0].dims[0];
    int64_t first, last;
    s = take_range(o, count, source, &first, &last, err);
    for (size_t i = 0; i < n_inputs && !s; i++)
        s = keep_rows(a, &inputs[i], first, last, err);
    if (!s && target) {
        s = keep_rows(a, target, first, last, err);
        if (!s)
            s = convert_target(a, target, kind, err);
    }
    return s;
}

static void free_arrays(const bp_allocator *a, bp_array *inputs,
                        size_t n_inputs, bp_array *target)
{
    for (size_t i = 0; i < n_inputs; i++)
        bp_array_free(a, &inputs[i]);
    if (target)
        bp_array_free(a, target);
}

static void set_arrays(bp_data *d, const bp_array *inputs, size_t n_inputs,
                       const bp_array *target, bp_target kind)
{
    d->count = inputs[0].dims[0];
    d->n_inputs = n_inputs;
    for (size_t i = 0; i < n_inputs; i++)
        d->input[i] = inputs[i];
    d->kind = kind;
    if (target)
        d->target = *target;
    if (kind == BP_TARGET_CLASS)
        d->n_classes = bp__largest_label(&d->target) + 1;
}

bp_status bp__data_take(const bp_allocator *a, bp_array *inputs,
                        size_t n_inputs, bp_array *target,
                        const bp_data_options *o, const char *source,
                        bp_data **data, bp_error *err)
{
    *data = NULL;
    bp_target kind = BP_TARGET_NONE;
    if (target && !target->data)
        target = NULL;
    bp_status s =
        prepare_arrays(a, inputs, n_inputs, target, o, source, &kind, err);
    bp_data *d = s ? NULL : bp__data_new(a, source);
    if (!d) {
        free_arrays(a, inputs, n_inputs, target);
        return s ? s : bp__oom(err);
    }
    set_arrays(d, inputs, n_inputs, target, kind);
    *data = d;
    return BP_OK;
}

static bp_status borrow_arrays(const bp_allocator *a, const bp_array *inputs,
                               size_t n_inputs, const bp_array *target,
                               const bp_data_options *o, bp_data **data,
                               bp_error *err)
{
    static const char source[] = "arrays";
    bp_status s = check_arrays(inputs, n_inputs, target, source, err);
    if (s)
        return s;
    if (target && (target->dtype == BP_U8 || target->dtype == BP_BOOL))
        return bp__error(err, BP_EDTYPE,
                         "arrays: a borrowed target must be i32 (classes), "
                         "f32 or f64, not %s",
                         bp_dtype_name(target->dtype));
    int64_t count = inputs[0].dims[0];
    int64_t first, last;
    s = take_range(o, count, source, &first, &last, err);
    if (s)
        return s;
    bp_data *d = bp__data_new(a, source);
    if (!d)
        return bp__oom(err);
    d->borrowed = true;
    bp_array in[BP_MAX_INPUTS], t;
    for (size_t i = 0; i < n_inputs; i++)
        view_rows(&inputs[i], first, last, &in[i]);
    if (target)
        view_rows(target, first, last, &t);
    set_arrays(d, in, n_inputs, target ? &t : NULL,
               !target                   ? BP_TARGET_NONE
               : target->dtype == BP_I32 ? BP_TARGET_CLASS
                                         : BP_TARGET_REAL);
    *data = d;
    return BP_OK;
}

static bp_status copy_array(const bp_allocator *a, const bp_array *from,
                            bp_array *to, bp_error *err)
{
    bp_status s =
        bp_array_new(a, from->dtype, from->rank, from->dims, to, err);
    if (!s && from->bytes == to->bytes)
        memcpy(to->data, from->data, to->bytes);
    return s;
}

bp_status bp_data_from_arrays(const bp_array *inputs, size_t n_inputs,
                              const bp_array *target,
                              const bp_data_options *options, bp_data **data,
                              bp_error *err)
{
    bp_data_options all;
    *data = NULL;
    bp_status s = bp__data_take_options(&all, &options, err);
    if (s)
        return s;
    bp_allocator a = bp__data_allocator(options);
    if (options && options->borrow)
        return borrow_arrays(&a, inputs, n_inputs, target, options, data, err);
    s = check_arrays(inputs, n_inputs, target, "arrays", err);
    if (s)
        return s;
    bp_array in[BP_MAX_INPUTS] = {0}, t = {0};
    for (size_t i = 0; i < n_inputs && !s; i++)
        s = copy_array(&a, &inputs[i], &in[i], err);
    if (!s && target)
        s = copy_array(&a, target, &t, err);
    if (s) {
        free_arrays(&a, in, n_inputs, &t);
        return s;
    }
    return bp__data_take(&a, in, n_inputs, target ? &t : NULL, options,
                         "arrays", data, err);
}

bp_status bp_data_slice(const bp_data *d, int64_t first, int64_t last,
                        bp_data **part, bp_error *err)
{
    *part = NULL;
    bp_status s = check_range(first, last, d->count, d->source, err);
    if (s)
        return s;
    if (d->disk)
        return bp__data_slice_rows(d, first, last, part, err);
    bp_data *p = bp__data_new(&d->a, d->source);
    if (!p)
        return bp__oom(err);
    bp_array in[BP_MAX_INPUTS], t;
    for (size_t i = 0; i < d->n_inputs; i++)
        view_rows(&d->input[i], first, last, &in[i]);
    if (d->kind)
        view_rows(&d->target, first, last, &t);
    set_arrays(p, in, d->n_inputs, d->kind ? &t : NULL, d->kind);
    /* Only the count of references changes. */
    bp_data *whole = (bp_data *)(uintptr_t)d;
    p->parent = bp_data_retain(whole->parent ? whole->parent : whole);
    *part = p;
    return BP_OK;
}

/* ---- looking ------------------------------------------------------------ */

int64_t bp_data_count(const bp_data *d)
{
    return d->count;
}

size_t bp_data_inputs(const bp_data *d)
{
    return d->n_inputs;
}

bool bp_data_input(const bp_data *d, size_t i, bp_array *view)
{
    if (i >= d->n_inputs)
        return false;
    *view = d->input[i];
    return true;
}

bool bp_data_target(const bp_data *d, bp_array *view)
{
    if (d->kind == BP_TARGET_NONE)
        return false;
    *view = d->target;
    return true;
}

bp_target bp_data_target_kind(const bp_data *d)
{
    return d->kind;
}

int64_t bp_data_classes(const bp_data *d)
{
    return d->n_classes;
}

const char *bp_data_source(const bp_data *d)
{
    return d->source;
}
