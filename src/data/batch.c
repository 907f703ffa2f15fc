/* One row of a batch: normalized, moved by whole pixels. */
#include "data/batch.h"

/* Tables of more groups than this would not stay in cache. */
enum { MAX_TABLES = 16 };

bp_status bp__batch_input_init(bp__batch_input *in, const bp_allocator *a,
                               const bp_array *x, const bp_norm *norm,
                               bool shift, bp_error *err)
{
    memset(in, 0, sizeof *in);
    in->x = x;
    in->norm = norm;
    in->numel = bp__row_numel(x);
    bp_status s = bp__norm_groups(norm, x, &in->group, err);
    if (s)
        return s;
    if (shift && x->rank >= 3) {
        in->height = x->dims[x->rank - 2];
        in->width = x->dims[x->rank - 1];
        int64_t area = in->height * in->width;
        in->planes = area ? in->numel / area : 0;
    }
    int64_t groups = in->group ? in->numel / in->group : 1;
    if (x->dtype != BP_U8 || groups > MAX_TABLES)
        return BP_OK;
    in->table = bp__calloc(a, (size_t)groups * 256, sizeof *in->table);
    if (!in->table)
        return bp__oom(err);
    in->n_tables = groups;
    for (int64_t g = 0; g < groups; g++)
        for (int v = 0; v < 256; v++)
            in->table[g * 256 + v] = bp__norm_apply(norm, g, v, BP_U8);
    return BP_OK;
}

void bp__batch_input_free(bp__batch_input *in, const bp_allocator *a)
{
    bp__free(a, in->table, (size_t)in->n_tables * 256 * sizeof *in->table);
    in->table = NULL;
}

/* Elements [from, from+n) of a row, all of one group or any. */
static void convert_run(const bp__batch_input *in, int64_t row, int64_t from,
                        int64_t n, float *out)
{
    int64_t group = in->group ? in->group : in->numel;
    const uint8_t *u = in->x->data;
    const float *f = in->x->data;
    u += row * in->numel + from;
    f += row * in->numel + from;
    for (int64_t k = 0; k < n;) {
        int64_t g = (from + k) / group;
        int64_t end = BP__MIN(n, (g + 1) * group - from);
        if (in->table) {
            const float *t = in->table + g * 256;
            for (; k < end; k++)
                out[k] = t[u[k]];
        } else if (in->x->dtype == BP_U8) {
            for (; k < end; k++)
                out[k] = bp__norm_apply(in->norm, g, u[k], BP_U8);
        } else {
            for (; k < end; k++)
                out[k] = bp__norm_apply(in->norm, g, (double)f[k], BP_F32);
        }
    }
}

/* Elements [at, at+n) that the stored value 0 would have. */
static void background_run(const bp__batch_input *in, int64_t at, int64_t n,
                           float *out)
{
    int64_t group = in->group ? in->group : in->numel;
    for (int64_t k = 0; k < n; k++)
        out[k] = bp__norm_apply(in->norm, (at + k) / group, 0, in->x->dtype);
}

void bp__batch_row(const bp__batch_input *in, int64_t row, int64_t dy,
                   int64_t dx, float *out)
{
    if (!in->planes || (dy == 0 && dx == 0)) {
        convert_run(in, row, 0, in->numel, out);
        return;
    }
    int64_t h = in->height, w = in->width;
    /* out[y][x] = in[y - dy][x - dx]: columns lo .. hi-1 come from inside. */
    int64_t lo = BP__MIN(BP__MAX(dx, 0), w);
    int64_t hi = BP__MAX(BP__MIN(w + dx, w), lo);
    for (int64_t p = 0; p < in->planes; p++)
        for (int64_t y = 0; y < h; y++) {
            int64_t at = (p * h + y) * w, from = at - dy * w - dx;
            if (y - dy < 0 || y - dy >= h || lo == hi) {
                background_run(in, at, w, out + at);
                continue;
            }
            background_run(in, at, lo, out + at);
            if (!in->norm || in->norm->kind != BP_NORM_FEATURE) {
                convert_run(in, row, from + lo, hi - lo, out + at + lo);
            } else {
                /* A mean belongs to the place in the picture that is made. */
                for (int64_t x = lo; x < hi; x++) {
                    int64_t k = row * in->numel + from + x;
                    double v = in->x->dtype == BP_U8
                                   ? (double)((const uint8_t *)in->x->data)[k]
                                   : (double)((const float *)in->x->data)[k];
                    out[at + x] =
                        bp__norm_apply(in->norm, at + x, v, in->x->dtype);
                }
            }
            background_run(in, at + hi, w - hi, out + at + hi);
        }
}
