/* One row of a batch: normalized, and placed as augmentation has it; or whole
 * numbers, as they are. Numbers are computed in f64 and rounded once. */
#include "data/batch.h"

#include "fmt/array.h"

#include <math.h>

/* Tables of more groups than this would not stay in cache. */
enum { MAX_TABLES = 16 };

bp_status bp__batch_input_init(bp__batch_input *in, const bp_allocator *a,
                               const bp_array *x, const bp_norm *norm,
                               bp_dtype dtype, bool augment, bp_error *err)
{
    memset(in, 0, sizeof *in);
    in->x = x;
    in->dtype = dtype;
    in->narrow = x->dtype != BP_F64 && x->dtype != BP_I32;
    in->norm = norm;
    in->numel = bp__row_numel(x);
    if (bp__is_whole(dtype) && norm && norm->n)
        return bp__error(err, BP_EARG,
                         "normalization '%s' of an input that the model takes "
                         "as %s: whole numbers are taken as they are",
                         bp_norm_kind_name(norm->kind), bp_dtype_name(dtype));
    if (bp__is_whole(dtype))
        return BP_OK;
    bp_status s = bp__norm_groups(norm, x, &in->group, err);
    if (s)
        return s;
    if (augment && x->rank >= 3) {
        in->height = x->dims[x->rank - 2];
        in->width = x->dims[x->rank - 1];
        int64_t area = in->height * in->width;
        in->planes = area ? in->numel / area : 0;
    }
    int64_t groups = in->group ? in->numel / in->group : 1;
    if ((x->dtype != BP_U8 && x->dtype != BP_BOOL) || groups > MAX_TABLES)
        return BP_OK;
    in->table = bp__calloc(a, (size_t)groups * 256, sizeof *in->table);
    if (!in->table)
        return bp__oom(err);
    in->n_tables = groups;
    for (int64_t g = 0; g < groups; g++)
        for (int v = 0; v < 256; v++)
            in->table[g * 256 + v] =
                (float)bp__norm_apply(norm, g, v, BP_U8);
    return BP_OK;
}

void bp__batch_input_free(bp__batch_input *in, const bp_allocator *a)
{
    bp__free(a, in->table, (size_t)in->n_tables * 256 * sizeof *in->table);
    in->table = NULL;
}

/* Element k of a row of the batch. */
static inline void put(const bp__batch_input *in, void *out, int64_t k,
                       double x)
{
    if (in->dtype == BP_F32)
        ((float *)out)[k] = (float)x;
    else
        ((double *)out)[k] = in->narrow ? (double)(float)x : x;
}

/* Elements [from, from+n) of a row, all of one group or any, to `to` of out.
 */
static void convert_run(const bp__batch_input *in, const void *stored,
                        int64_t from, int64_t n, void *out, int64_t to)
{
    int64_t group = in->group ? in->group : in->numel;
    bp_dtype type = in->x->dtype;
    bool f32 = in->dtype == BP_F32;
    const uint8_t *u = (const uint8_t *)stored + from;
    const float *f = (const float *)stored + from;
    float *y = (float *)out + to;
    for (int64_t k = 0; k < n;) {
        int64_t g = (from + k) / group;
        int64_t end = BP__MIN(n, (g + 1) * group - from);
        if (in->table) {
            const float *t = in->table + g * 256;
            for (; f32 && k < end; k++)
                y[k] = t[u[k]];
            for (; k < end; k++)
                ((double *)out)[to + k] = (double)t[u[k]];
        } else if (f32 && type == BP_F32) {
            for (; k < end; k++)
                y[k] = (float)bp__norm_apply(in->norm, g, (double)f[k], type);
        } else {
            for (; k < end; k++)
                put(in, out, to + k,
                    bp__norm_apply(in->norm, g,
                                   bp__element(type, stored, from + k), type));
        }
    }
}

/* Elements [at, at+n) that the stored value 0 would have. */
static void background_run(const bp__batch_input *in, int64_t at, int64_t n,
                           void *out)
{
    int64_t group = in->group ? in->group : in->numel;
    for (int64_t k = at; k < at + n; k++)
        put(in, out, k, bp__norm_apply(in->norm, k / group, 0, in->x->dtype));
}

/* Row [at, at+w) from right to left. */
static void mirror_run(const bp__batch_input *in, int64_t at, int64_t w,
                       void *out)
{
    size_t size = bp_dtype_bytes(in->dtype);
    char *row = (char *)out + (size_t)at * size, t[8];
    for (int64_t x = 0; x < w / 2; x++) {
        char *a = row + (size_t)x * size, *b = row + (size_t)(w - 1 - x) * size;
        memcpy(t, a, size);
        memcpy(a, b, size);
        memcpy(b, t, size);
    }
}

/* out[y][x] = stored[y - dy][x - dx], mirrored; columns lo .. hi-1 come from
 * inside. */
static void move_picture(const bp__batch_input *in, const void *stored,
                         const bp__placement *p, void *out)
{
    int64_t h = in->height, w = in->width, dy = p->dy, dx = p->dx;
    int64_t lo = BP__MIN(BP__MAX(dx, 0), w);
    int64_t hi = BP__MAX(BP__MIN(w + dx, w), lo);
    for (int64_t k = 0; k < in->planes; k++)
        for (int64_t y = 0; y < h; y++) {
            int64_t at = (k * h + y) * w, from = at - dy * w - dx;
            if (y - dy < 0 || y - dy >= h || lo == hi) {
                background_run(in, at, w, out);
                continue;
            }
            background_run(in, at, lo, out);
            convert_run(in, stored, from + lo, hi - lo, out, at + lo);
            background_run(in, at + hi, w - hi, out);
            if (p->flip)
                mirror_run(in, at, w, out);
        }
}

static double stored_at(const bp__batch_input *in, const void *stored,
                        int64_t plane, int64_t y, int64_t x)
{
    int64_t h = in->height, w = in->width;
    if (y < 0 || y >= h || x < 0 || x >= w)
        return 0; /* background */
    return bp__element(in->x->dtype, stored, (plane * h + y) * w + x);
}

/* Pixel by pixel, between four of the stored ones. A mean belongs to the place
 * in the picture that is made. */
static void warp_picture(const bp__batch_input *in, const void *stored,
                         const bp__placement *p, void *out)
{
    int64_t h = in->height, w = in->width;
    int64_t group = in->group ? in->group : in->numel;
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++) {
            double sy, sx;
            bp__placement_source(p, h, w, y, x, &sy, &sx);
            double fy = floor(sy), fx = floor(sx);
            if (!(fy > -2 && fx > -2 && fy < (double)h && fx < (double)w))
                fy = fx = -2; /* far outside: background */
            int64_t iy = (int64_t)fy, ix = (int64_t)fx;
            double v = sy - fy, u = sx - fx;
            for (int64_t k = 0; k < in->planes; k++) {
                double a = stored_at(in, stored, k, iy, ix);
                double b = stored_at(in, stored, k, iy, ix + 1);
                double c = stored_at(in, stored, k, iy + 1, ix);
                double d = stored_at(in, stored, k, iy + 1, ix + 1);
                double top = a + (b - a) * u, low = c + (d - c) * u;
                double z = iy == -2 ? 0 : top + (low - top) * v;
                int64_t at = (k * h + y) * w + x;
                put(in, out, at,
                    bp__norm_apply(in->norm, at / group, z, in->x->dtype));
            }
        }
}

/* The square becomes the mean: 0 after normalization. */
static void cut_square(const bp__batch_input *in, const bp__placement *p,
                       void *out)
{
    int64_t h = in->height, w = in->width, y0, y1, x0, x1;
    size_t size = bp_dtype_bytes(in->dtype);
    bool mean = in->norm && in->norm->n > 0;
    bp__placement_cut(p, h, w, &y0, &y1, &x0, &x1);
    for (int64_t k = 0; k < in->planes; k++)
        for (int64_t y = y0; y < y1; y++) {
            int64_t at = (k * h + y) * w + x0;
            if (mean && x1 > x0)
                memset((char *)out + (size_t)at * size, 0,
                       (size_t)(x1 - x0) * size);
            else
                background_run(in, at, x1 - x0, out);
        }
}

void bp__batch_row(const bp__batch_input *in, const void *stored,
                   const bp__placement *p, void *out)
{
    bool still = !p || !in->planes ||
                 (p->dy == 0 && p->dx == 0 && !p->flip && !p->warp);
    if (still)
        convert_run(in, stored, 0, in->numel, out, 0);
    else if (p->warp || (in->norm && in->norm->kind == BP_NORM_FEATURE))
        warp_picture(in, stored, p, out);
    else
        move_picture(in, stored, p, out);
    if (p && in->planes && p->cut)
        cut_square(in, p, out);
}

bool bp__batch_whole(const bp__batch_input *in, const void *stored, void *out,
                     int64_t *at)
{
    if (in->x->dtype == in->dtype) {
        memcpy(out, stored, (size_t)in->numel * bp_dtype_bytes(in->dtype));
        return true;
    }
    for (int64_t k = 0; k < in->numel; k++)
        if (!bp__put_whole(in->dtype, out, k,
                           bp__element(in->x->dtype, stored, k))) {
            *at = k;
            return false;
        }
    return true;
}
