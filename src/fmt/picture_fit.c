/* Pictures of any size -> planes of the size that a model asks for. Sums run
 * in f64 in a fixed order: the same bits everywhere. */
#include "fmt/picture.h"

#include <math.h>

const char *const bp__picture_fit_names[3] = {"crop", "stretch", "pad"};

/* Output pixel i is the average of source pixels first[i] .. under weights. */
typedef struct resampler {
    int64_t n, taps;
    int64_t *first;
    double *weight; /* [n][taps]; they sum to 1 */
} resampler;

static void resampler_free(const bp_allocator *a, resampler *r)
{
    bp__free(a, r->first, r->first ? (size_t)r->n * sizeof *r->first : 0);
    bp__free(a, r->weight,
             r->weight ? (size_t)(r->n * r->taps) * sizeof *r->weight : 0);
}

/* n pixels out of [from, from+span) of `size` source pixels. */
static bp_status resampler_init(const bp_allocator *a, resampler *r, int64_t n,
                                double from, double span, int64_t size,
                                bp_error *err)
{
    double step = span / (double)n, reach = step > 1 ? step : 1;
    r->n = n;
    r->taps = (int64_t)(2 * reach) + 2;
    r->first = bp__calloc(a, (size_t)n, sizeof *r->first);
    r->weight = bp__calloc(a, (size_t)(n * r->taps), sizeof *r->weight);
    if (!r->first || !r->weight)
        return bp__oom(err);
    for (int64_t i = 0; i < n; i++) {
        double center = from + ((double)i + 0.5) * step, sum = 0;
        int64_t lo = (int64_t)floor(center - reach);
        lo = BP__MAX(lo, 0);
        double *w = r->weight + i * r->taps;
        r->first[i] = lo;
        for (int64_t k = 0; k < r->taps && lo + k < size; k++) {
            double d = fabs(((double)(lo + k) + 0.5 - center) / reach);
            w[k] = d < 1 ? 1 - d : 0;
            sum += w[k];
        }
        for (int64_t k = 0; k < r->taps; k++)
            w[k] /= sum;
    }
    return BP_OK;
}

/* One row of a plane of the picture as numbers. */
static void read_row(const bp__picture *p, int channels, int c, int64_t y,
                     double *out)
{
    const uint8_t *v = p->pixels + y * p->width * p->channels;
    for (int64_t i = 0; i < p->width; i++, v += p->channels)
        if (p->channels == channels)
            out[i] = v[c];
        else if (p->channels == 1)
            out[i] = v[0];
        else
            out[i] = (77 * v[0] + 150 * v[1] + 29 * v[2] + 128) >> 8;
}

static uint8_t to_byte(double x)
{
    x = floor(x + 0.5);
    return x <= 0 ? 0 : x >= 255 ? 255 : (uint8_t)x;
}

/* Row by row: along x into `line`, which is then added to every row of `sum`
 * [rows of the output][width] that it is part of. More of a photograph as
 * numbers would not fit beside its pixels. */
static void resample(const bp__picture *p, int channels, int c, double *row,
                     const resampler *rx, const resampler *ry, double *line,
                     double *sum, uint8_t *out, int64_t stride)
{
    int64_t first = 0; /* output row that is not complete */
    memset(sum, 0, (size_t)(rx->n * ry->n) * sizeof *sum);
    for (int64_t j = 0; j < p->height; j++) {
        while (first < ry->n && ry->first[first] + ry->taps <= j)
            first++;
        if (first == ry->n || ry->first[first] > j)
            continue;
        read_row(p, channels, c, j, row);
        for (int64_t x = 0; x < rx->n; x++) {
            const double *w = rx->weight + x * rx->taps;
            double of_row = 0;
            for (int64_t k = 0; k < rx->taps; k++)
                if (w[k] > 0)
                    of_row += w[k] * row[rx->first[x] + k];
            line[x] = of_row;
        }
        for (int64_t y = first; y < ry->n && ry->first[y] <= j; y++) {
            double w = ry->weight[y * ry->taps + j - ry->first[y]];
            double *to = sum + y * rx->n;
            for (int64_t x = 0; x < rx->n && w > 0; x++)
                to[x] += w * line[x];
        }
    }
    for (int64_t y = 0; y < ry->n; y++)
        for (int64_t x = 0; x < rx->n; x++)
            out[y * stride + x] = to_byte(sum[y * rx->n + x]);
}

static void copy_planes(const bp__picture *p, int channels, uint8_t *out)
{
    int64_t n = p->width * p->height;
    const uint8_t *v = p->pixels;
    for (int64_t i = 0; i < n; i++, v += p->channels)
        for (int c = 0; c < channels; c++)
            out[c * n + i] =
                p->channels == channels ? v[c]
                : p->channels == 1
                    ? v[0]
                    : (uint8_t)((77 * v[0] + 150 * v[1] + 29 * v[2] + 128) >>
                                8);
}

typedef struct window {
    double x, y, w, h;     /* of the picture that is seen */
    int64_t left, top, width, height; /* where it stands in the output */
} window;

static window choose_window(const bp__picture *p, bp__picture_fit fit,
                            int64_t height, int64_t width)
{
    double pw = (double)p->width, ph = (double)p->height;
    double sx = (double)width / pw, sy = (double)height / ph;
    window v = {0, 0, pw, ph, 0, 0, width, height};
    if (fit == BP__FIT_CROP) {
        double scale = sx > sy ? sx : sy;
        v.w = (double)width / scale;
        v.h = (double)height / scale;
        v.x = (pw - v.w) / 2;
        v.y = (ph - v.h) / 2;
    } else if (fit == BP__FIT_PAD) {
        double scale = sx < sy ? sx : sy;
        v.width = (int64_t)floor(pw * scale + 0.5);
        v.height = (int64_t)floor(ph * scale + 0.5);
        v.width = BP__MAX(v.width, 1);
        v.height = BP__MAX(v.height, 1);
        v.left = (width - v.width) / 2;
        v.top = (height - v.height) / 2;
    }
    return v;
}

bp_status bp__picture_planes(const bp_allocator *a, const bp__picture *p,
                             bp__picture_fit fit, int channels, int64_t height,
                             int64_t width, uint8_t *out, bp_error *err)
{
    if (p->width == width && p->height == height) {
        copy_planes(p, channels, out);
        return BP_OK;
    }
    window v = choose_window(p, fit, height, width);
    size_t bytes = (size_t)(p->width + v.width + v.width * v.height) *
                   sizeof(double);
    double *row = bp__alloc(a, bytes);
    resampler rx = {0}, ry = {0};
    bp_status s = row ? BP_OK : bp__oom(err);
    if (!s)
        s = resampler_init(a, &rx, v.width, v.x, v.w, p->width, err);
    if (!s)
        s = resampler_init(a, &ry, v.height, v.y, v.h, p->height, err);
    if (!s)
        memset(out, 0, (size_t)(channels * height * width));
    for (int c = 0; c < channels && !s; c++) {
        uint8_t *at = out + (c * height + v.top) * width + v.left;
        if (c > 0 && p->channels == 1) {
            memcpy(out + c * height * width, out, (size_t)(height * width));
            continue;
        }
        resample(p, channels, c, row, &rx, &ry, row + p->width,
                 row + p->width + v.width, at, width);
    }
    resampler_free(a, &rx);
    resampler_free(a, &ry);
    bp__free(a, row, row ? bytes : 0);
    return s;
}
