/* One row of a batch: normalized, and placed as augmentation has it. */
#include "data/batch.h"

#include <math.h>

/* Tables of more groups than this would not stay in cache. */
enum { MAX_TABLES = 16 };

bp_status bp__batch_input_init(bp__batch_input *in, const bp_allocator *a,
                               const bp_array *x, const bp_norm *norm,
                               bool augment, bp_error *err)
{
    memset(in, 0, sizeof *in);
    in->x = x;
    in->norm = norm;
    in->numel = bp__row_numel(x);
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
static void convert_run(const bp__batch_input *in, const void *stored,
                        int64_t from, int64_t n, float *out)
{
    int64_t group = in->group ? in->group : in->numel;
    const uint8_t *u = (const uint8_t *)stored + from;
    const float *f = (const float *)stored + from;
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

/* out[y][x] = stored[y - dy][x - dx], mirrored; columns lo .. hi-1 come from
 * inside. */
static void move_picture(const bp__batch_input *in, const void *stored,
                         const bp__placement *p, float *out)
{
    int64_t h = in->height, w = in->width, dy = p->dy, dx = p->dx;
    int64_t lo = BP__MIN(BP__MAX(dx, 0), w);
    int64_t hi = BP__MAX(BP__MIN(w + dx, w), lo);
    for (int64_t k = 0; k < in->planes; k++)
        for (int64_t y = 0; y < h; y++) {
            int64_t at = (k * h + y) * w, from = at - dy * w - dx;
            float *row = out + at;
            if (y - dy < 0 || y - dy >= h || lo == hi) {
                background_run(in, at, w, row);
                continue;
            }
            background_run(in, at, lo, row);
            convert_run(in, stored, from + lo, hi - lo, row + lo);
            background_run(in, at + hi, w - hi, row + hi);
            for (int64_t x = 0; p->flip && x < w / 2; x++) {
                float t = row[x];
                row[x] = row[w - 1 - x];
                row[w - 1 - x] = t;
            }
        }
}

static double stored_at(const bp__batch_input *in, const void *stored,
                        int64_t plane, int64_t y, int64_t x)
{
    int64_t h = in->height, w = in->width;
    if (y < 0 || y >= h || x < 0 || x >= w)
        return 0; /* background */
    int64_t k = (plane * h + y) * w + x;
    return in->x->dtype == BP_U8 ? (double)((const uint8_t *)stored)[k]
                                 : (double)((const float *)stored)[k];
}

/* Pixel by pixel, between four of the stored ones. A mean belongs to the place
 * in the picture that is made. */
static void warp_picture(const bp__batch_input *in, const void *stored,
                         const bp__placement *p, float *out)
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
                int64_t at = (k * h + y) * w + x;
                out[at] = iy == -2 ? bp__norm_apply(in->norm, at / group, 0,
                                                    in->x->dtype)
                                   : bp__norm_apply(in->norm, at / group,
                                                    top + (low - top) * v,
                                                    in->x->dtype);
            }
        }
}

/* The square becomes the mean: 0 after normalization. */
static void cut_square(const bp__batch_input *in, const bp__placement *p,
                       float *out)
{
    int64_t h = in->height, w = in->width, y0, y1, x0, x1;
    bool mean = in->norm && in->norm->n > 0;
    bp__placement_cut(p, h, w, &y0, &y1, &x0, &x1);
    for (int64_t k = 0; k < in->planes; k++)
        for (int64_t y = y0; y < y1; y++) {
            int64_t at = (k * h + y) * w + x0;
            if (mean && x1 > x0)
                memset(out + at, 0, (size_t)(x1 - x0) * sizeof *out);
            else
                background_run(in, at, x1 - x0, out + at);
        }
}

void bp__batch_row(const bp__batch_input *in, const void *stored,
                   const bp__placement *p, float *out)
{
    bool still = !p || !in->planes ||
                 (p->dy == 0 && p->dx == 0 && !p->flip && !p->warp);
    if (still)
        convert_run(in, stored, 0, in->numel, out);
    else if (p->warp || (in->norm && in->norm->kind == BP_NORM_FEATURE))
        warp_picture(in, stored, p, out);
    else
        move_picture(in, stored, p, out);
    if (p && in->planes && p->cut)
        cut_square(in, p, out);
}
