/* Data sets from IDX and .npy files. */
#include "data/data.h"

#include "fmt/array.h"
#include "fmt/npy.h"

/* Several problems become one message, a line each. */
typedef struct problems {
    bp__str text;
    bp_status status;
} problems;

static void note_problem(problems *p, const bp_error *e)
{
    if (!p->status)
        p->status = e->status;
    bp__str_printf(&p->text, "%s%s", p->text.len ? "\n" : "", e->message);
}

static bp_status report_problems(problems *p, bp_error *err)
{
    bp_status s = p->status;
    if (p->text.failed)
        s = bp__oom(err);
    else if (s)
        bp__error(err, s, "%s", p->text.s);
    bp__str_free(&p->text);
    return s;
}

/* ---- IDX ---------------------------------------------------------------- */

/* Two zero bytes, the element type, the rank, then the dimensions in
 * big-endian order. */
static bool idx_type(int code, bp__stored *s)
{
    static const struct {
        int code;
        bp__stored stored;
    } types[] = {{0x08, BP__STORED_U8},  {0x09, BP__STORED_I8},
                 {0x0B, BP__STORED_I16}, {0x0C, BP__STORED_I32},
                 {0x0D, BP__STORED_F32}, {0x0E, BP__STORED_F64}};
    for (size_t i = 0; i < BP__ARRAY_LEN(types); i++)
        if (types[i].code == code) {
            *s = types[i].stored;
            return true;
        }
    return false;
}

static uint32_t big_u32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

static bp_status idx_header(const bp__file_data *f, const char *path,
                            bool labels, bp_array *shape, bp__stored *stored,
                            bp_error *err)
{
    const char *want = labels ? "labels start with 0x00000801"
                              : "images start with 0x00000803";
    if (f->bytes < 4)
        return bp__error(err, BP_EFORMAT, "'%s' is too short for an IDX file",
                         path);
    const unsigned char *p = f->data;
    if (p[0] || p[1] || !idx_type(p[2], stored) || p[3] == 0 ||
        p[3] > BP_MAX_RANK || labels != (p[3] == 1))
        return bp__error(err, BP_EFORMAT,
                         "'%s' starts with 0x%08x; IDX files of %s", path,
                         big_u32(p), want);
    shape->rank = p[3];
    if (f->bytes < 4 + 4 * (size_t)shape->rank)
        return bp__error(err, BP_EFORMAT,
                         "'%s' ends within its header (truncated)", path);
    for (int i = 0; i < shape->rank; i++)
        shape->dims[i] = big_u32(p + 4 + 4 * i);
    return BP_OK;
}

/* One file into an array of its own. */
static bp_status read_idx(const bp__fs *fs, const bp_allocator *a,
                          const char *path, bool labels, bp_array *out,
                          bp_error *err)
{
    memset(out, 0, sizeof *out);
    bp__file_data f;
    bp_status s = bp__file_read(fs, a, path, true, 0, &f, err);
    if (s)
        return s;
    bp_array shape = {0};
    bp__stored stored = BP__STORED_U8;
    s = idx_header(&f, path, labels, &shape, &stored, err);
    if (!s) {
        size_t start = 4 + 4 * (size_t)shape.rank, have = f.bytes - start;
        int64_t n = bp__dims_numel(shape.rank, shape.dims, 8);
        size_t want = n < 0 ? SIZE_MAX : (size_t)n * bp__stored_bytes(stored);
        size_t row = shape.dims[0] ? want / (size_t)shape.dims[0] : 0;
        int64_t at;
        if (n < 0)
            s = bp__error(err, BP_EFORMAT,
                          "'%s': no memory can hold the sizes in its header",
                          path);
        else if (have < want)
            s = bp__error(err, BP_EFORMAT,
                          "'%s' is truncated: %lld of its %lld %s cannot be "
                          "read, the first is number %zu",
                          path,
                          (long long)(shape.dims[0] - (int64_t)(have / row)),
                          (long long)shape.dims[0],
                          labels ? "labels" : "samples", have / row);
        else if (have > want)
            s = bp__error(err, BP_EFORMAT,
                          "'%s' holds %zu bytes after the last of its %lld %s",
                          path, have - want, (long long)shape.dims[0],
                          labels ? "labels" : "samples");
        else if (!(s = bp_array_new(a, bp__stored_dtype(stored), shape.rank,
                                    shape.dims, out, err)))
            bp__convert_stored(stored, true, f.data + start, n, out->data,
                               &at);
    }
    bp__file_free(a, &f);
    return s;
}

/* i8, i16 and i32 pictures are as good as f32 ones. */
static bp_status widen_input(const bp_allocator *a, bp_array *x, bp_error *err)
{
    if (x->dtype != BP_I32)
        return BP_OK;
    bp_array y;
    bp_status s = bp_array_new(a, BP_F32, x->rank, x->dims, &y, err);
    if (s)
        return s;
    for (size_t i = 0; i < x->bytes / 4; i++)
        ((float *)y.data)[i] = (float)((const int32_t *)x->data)[i];
    bp_array_free(a, x);
    *x = y;
    return BP_OK;
}

bp_status bp__data_from_idx(const bp__fs *fs, const char *images,
                            const char *labels, const bp_data_options *options,
                            bp_data **data, bp_error *err)
{
    bp_data_options all;
    problems p = {.status = BP_OK};
    *data = NULL;
    bp_status s = bp__data_take_options(&all, &options, err);
    if (s)
        return s;
    bp_allocator a = bp__data_allocator(options);
    bp__str_init(&p.text, &a);
    bp_array x = {0}, y = {0};
    bp_error e = {0};
    if (read_idx(fs, &a, images, false, &x, &e) || widen_input(&a, &x, &e))
        note_problem(&p, &e);
    if (labels && read_idx(fs, &a, labels, true, &y, &e))
        note_problem(&p, &e);
    if (labels && y.data && y.dtype == BP_F32) {
        bp__error(&e, BP_EDTYPE, "'%s': labels are whole numbers", labels);
        note_problem(&p, &e);
    }
    if (x.data && y.data && x.dims[0] != y.dims[0]) {
        bp__error(&e, BP_ESHAPE, "'%s' has %lld samples and '%s' %lld labels",
                  images, (long long)x.dims[0], labels, (long long)y.dims[0]);
        note_problem(&p, &e);
    }
    s = report_problems(&p, err);
    if (s) {
        bp_array_free(&a, &x);
        bp_array_free(&a, &y);
        return s;
    }
    return bp__data_take(&a, &x, 1, labels ? &y : NULL, options, images, data,
                         err);
}

bp_status bp_data_from_idx(const char *images, const char *labels,
                           const bp_data_options *options, bp_data **data,
                           bp_error *err)
{
    return bp__data_from_idx(NULL, images, labels, options, data, err);
}

/* ---- .npy ----------------------------------------------------------------*/

bp_status bp__data_from_npy(const bp__fs *fs, const char *const *inputs,
                            size_t n_inputs, const char *target,
                            const bp_data_options *options, bp_data **data,
                            bp_error *err)
{
    *data = NULL;
    if (n_inputs < 1 || n_inputs > BP_MAX_INPUTS)
        return bp__error(err, BP_EARG, "%zu inputs; 1 to %d are possible",
                         n_inputs, BP_MAX_INPUTS);
    bp_data_options all;
    bp_status s = bp__data_take_options(&all, &options, err);
    if (s)
        return s;
    bp_allocator a = bp__data_allocator(options);
    problems p = {.status = BP_OK};
    bp__str_init(&p.text, &a);
    bp_array x[BP_MAX_INPUTS] = {0}, y = {0};
    bp_error e = {0};
    for (size_t i = 0; i < n_inputs; i++)
        if (bp__npy_read(fs, &a, inputs[i], &x[i], &e))
            note_problem(&p, &e);
    if (target && bp__npy_read(fs, &a, target, &y, &e))
        note_problem(&p, &e);
    for (size_t i = 1; i <= n_inputs; i++) {
        const bp_array *z = i < n_inputs ? &x[i] : &y;
        const char *name = i < n_inputs ? inputs[i] : target;
        if (!x[0].data || !z->data || !x[0].rank || !z->rank ||
            z->dims[0] == x[0].dims[0])
            continue;
        bp__error(&e, BP_ESHAPE, "'%s' has %lld samples and '%s' %lld",
                  inputs[0], (long long)x[0].dims[0], name,
                  (long long)z->dims[0]);
        note_problem(&p, &e);
    }
    s = report_problems(&p, err);
    if (s) {
        for (size_t i = 0; i < n_inputs; i++)
            bp_array_free(&a, &x[i]);
        bp_array_free(&a, &y);
        return s;
    }
    return bp__data_take(&a, x, n_inputs, target ? &y : NULL, options,
                         inputs[0], data, err);
}

bp_status bp_data_from_npy(const char *const *inputs, size_t n_inputs,
                           const char *target, const bp_data_options *options,
                           bp_data **data, bp_error *err)
{
    return bp__data_from_npy(NULL, inputs, n_inputs, target, options, data,
                             err);
}
