/* What `bprop grad` and `bprop show --features` make: tensors as text, filters
 * as a picture. */
#include "explain/explain.h"
#include "explain/features.h"

bp_status bp_tensor_print(const char *name, bp_dtype dtype, int rank,
                          const int64_t *dims, const void *data,
                          bp_write_fn write, void *user)
{
    char text[200], min[32], mean[32], max[32], norm[32];
    const bp_allocator *a = &bp__malloc_allocator;
    bp__type type = bp__make_type(dtype, rank, dims);
    size_t n = (size_t)bp__numel(&type);
    double *x = bp__calloc(a, n + 1, sizeof *x);
    bp__str s;
    if (!x)
        return BP_ENOMEM;
    bp__read_reals(data, dtype, 0, (int64_t)n, x);
    bp__ex_range r = bp__ex_range_of(x, n);
    bp__str_init(&s, NULL);
    bp__str_printf(&s, "%s %s: min %s, mean %s, max %s, norm %s\n", name,
                   bp__ex_dims_text(text, rank, dims),
                   bp__ex_number(min, r.min), bp__ex_number(mean, r.mean),
                   bp__ex_number(max, r.max), bp__ex_number(norm, r.norm));
    for (size_t i = 0; i < n; i++)
        bp__str_printf(&s, "%s%s %s\n", name,
                       bp__ex_index_text(text, rank, dims, i),
                       bp__ex_number(min, x[i]));
    bp__free(a, x, (n + 1) * sizeof *x);
    return bp__str_write(&s, write, user);
}

bp_status bp_features_draw(const bp_task *task, bp_store *s, bp_runtime *r,
                           const void *const *input, const char *path,
                           int64_t *width, int64_t *height, bp_write_fn legend,
                           void *user, bp_error *err)
{
    const bp_allocator *a = &bp__malloc_allocator;
    bp__picture p = {0};
    bp__str text;
    if (!task || !s || !r || !input || !path)
        return bp__error(err, BP_EARG, "bp_features_draw needs a task, its "
                         "store, a runtime, a sample and a path");
    bp__str_init(&text, NULL);
    bp_status st = bp__features_draw(task, s, r, input, a, &p, &text, err);
    if (!st)
        st = bp__png_write(a, &p, path, err);
    if (!st && width)
        *width = p.width;
    if (!st && height)
        *height = p.height;
    bp__picture_free(a, &p);
    if (st || !legend) {
        bp__str_free(&text);
        return st;
    }
    st = bp__str_write(&text, legend, user);
    return st ? bp__error(err, st, "%s", bp_status_text(st)) : BP_OK;
}
