/* Drawing the random changes, and where they take a pixel from. */
#include "data/augment.h"

#include "base/math.h"
#include "base/rng.h"

#include <math.h>

/* Streams of the loader's seed; 1 shuffles. */
enum {
    SHIFT_STREAM = 2,
    FLIP_STREAM = 3,
    ROTATE_STREAM = 4,
    CROP_STREAM = 5,
    ELASTIC_STREAM = 6,
    CUTOUT_STREAM = 7,
    MIXUP_STREAM = 8,
    OTHER_STREAM = 9
};

bp_status bp__augment_check(const bp_augment *a, bp_error *err)
{
    if (a->shift < 0 || a->shift > 1000000 || a->cutout < 0 ||
        a->cutout > 1000000 || !(a->rotate >= 0 && a->rotate <= 180) ||
        !(a->crop >= 0 && a->crop < 1) ||
        !(a->elastic >= 0 && a->elastic <= 1000) ||
        !(a->mixup >= 0 && a->mixup <= 100))
        return bp__error(err, BP_EARG,
                         "augmentation: shift %d and cutout %d must lie in 0 "
                         "to 1000000, rotate %g in 0 to 180, crop %g in 0 to "
                         "1 (excluded), elastic %g in 0 to 1000, mixup %g in 0 "
                         "to 100",
                         a->shift, a->cutout, a->rotate, a->crop, a->elastic,
                         a->mixup);
    return BP_OK;
}

bool bp__augment_any(const bp_augment *a)
{
    return a->shift || a->flip || a->rotate > 0 || a->crop > 0 ||
           a->elastic > 0 || a->cutout;
}

static bp__rng stream_of(uint64_t seed, int64_t epoch, int64_t stream)
{
    return bp__rng_seed(seed, (uint64_t)epoch, stream);
}

static void draw_elastic(const bp__rng *r, double strength, uint64_t sample,
                         bp__placement *p)
{
    enum { N = BP__ELASTIC_NODES };
    uint64_t at = sample * 2 * N * N;
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++)
                p->node[k][i][j] =
                    strength * (2 * bp__rng_f64(r, at++) - 1);
}

void bp__augment_draw(const bp_augment *a, uint64_t seed, int64_t epoch,
                      int64_t sample, bp__placement *p)
{
    uint64_t i = (uint64_t)sample;
    p->dy = p->dx = 0;
    p->flip = p->cut = p->elastic = false;
    p->warp = a->rotate > 0 || a->crop > 0 || a->elastic > 0;
    if (a->shift) {
        bp__rng r = stream_of(seed, epoch, SHIFT_STREAM);
        uint64_t n = 2 * (uint64_t)a->shift + 1;
        p->dy = (int64_t)bp__rng_below(&r, 2 * i, n) - a->shift;
        p->dx = (int64_t)bp__rng_below(&r, 2 * i + 1, n) - a->shift;
    }
    if (a->flip) {
        bp__rng r = stream_of(seed, epoch, FLIP_STREAM);
        p->flip = bp__rng_below(&r, i, 2) == 1;
    }
    if (p->warp) {
        bp__rng turn = stream_of(seed, epoch, ROTATE_STREAM);
        bp__rng crop = stream_of(seed, epoch, CROP_STREAM);
        double angle = a->rotate * (2 * bp__rng_f64(&turn, i) - 1);
        angle *= 3.14159265358979323846 / 180;
        p->cos = bp__cos(angle);
        p->sin = bp__sin(angle);
        p->scale = 1 - a->crop * bp__rng_f64(&crop, 3 * i);
        p->off_y = (1 - p->scale) * (bp__rng_f64(&crop, 3 * i + 1) - 0.5);
        p->off_x = (1 - p->scale) * (bp__rng_f64(&crop, 3 * i + 2) - 0.5);
    }
    if (a->elastic > 0) {
        bp__rng r = stream_of(seed, epoch, ELASTIC_STREAM);
        p->elastic = true;
        draw_elastic(&r, a->elastic, i, p);
    }
    if (a->cutout) {
        bp__rng r = stream_of(seed, epoch, CUTOUT_STREAM);
        p->cut = true;
        p->cut_side = a->cutout;
        p->cut_y = bp__rng_f64(&r, 2 * i);
        p->cut_x = bp__rng_f64(&r, 2 * i + 1);
    }
}

/* Weights of the four nodes around t, in 0 .. CELLS: uniform cubic B-spline. */
static int spline(double t, double w[4])
{
    double cell = floor(t);
    cell = cell < 0 ? 0
           : cell > BP__ELASTIC_CELLS - 1 ? BP__ELASTIC_CELLS - 1
                                          : cell;
    double u = t - cell, v = 1 - u;
    w[0] = v * v * v / 6;
    w[1] = (3 * u * u * u - 6 * u * u + 4) / 6;
    w[2] = (3 * v * v * v - 6 * v * v + 4) / 6;
    w[3] = u * u * u / 6;
    return (int)cell;
}

void bp__placement_source(const bp__placement *p, int64_t height,
                          int64_t width, int64_t y, int64_t x, double *sy,
                          double *sx)
{
    if (p->flip)
        x = width - 1 - x;
    *sy = (double)(y - p->dy);
    *sx = (double)(x - p->dx);
    if (!p->warp)
        return;
    double h = (double)height, w = (double)width;
    if (p->elastic) {
        double wy[4], wx[4], dy = 0, dx = 0;
        int i = spline(((double)y + 0.5) / h * BP__ELASTIC_CELLS, wy);
        int j = spline(((double)x + 0.5) / w * BP__ELASTIC_CELLS, wx);
        for (int a = 0; a < 4; a++)
            for (int b = 0; b < 4; b++) {
                dy += wy[a] * wx[b] * p->node[0][i + a][j + b];
                dx += wy[a] * wx[b] * p->node[1][i + a][j + b];
            }
        *sy += dy;
        *sx += dx;
    }
    /* About the middle of the picture. */
    double my = (h - 1) / 2, mx = (w - 1) / 2;
    double v = (*sy - my) * p->scale, u = (*sx - mx) * p->scale;
    *sy = p->cos * v - p->sin * u + my + p->off_y * h;
    *sx = p->sin * v + p->cos * u + mx + p->off_x * w;
}

void bp__placement_cut(const bp__placement *p, int64_t height, int64_t width,
                       int64_t *y0, int64_t *y1, int64_t *x0, int64_t *x1)
{
    int64_t top = (int64_t)(p->cut_y * (double)height) - p->cut_side / 2;
    int64_t left = (int64_t)(p->cut_x * (double)width) - p->cut_side / 2;
    *y0 = BP__MAX(top, 0);
    *x0 = BP__MAX(left, 0);
    *y1 = BP__MIN(top + p->cut_side, height);
    *x1 = BP__MIN(left + p->cut_side, width);
}

/* ---- mixup --------------------------------------------------------------- */

/* A gamma-distributed number of shape a (Marsaglia and Tsang 2000), out of
 * draws that follow `at`: one in 20 is refused, so that 64 tries do for all
 * that will ever be asked. */
static double draw_gamma(const bp__rng *normal, const bp__rng *uniform,
                         double a, uint64_t at)
{
    double shape = a < 1 ? a + 1 : a, x = 1;
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (int i = 0; i < 64; i++) {
        double z = bp__rng_normal_f64(normal, at + (uint64_t)i);
        double u = bp__rng_f64(uniform, at + (uint64_t)i), v = 1 + c * z;
        if (!(v > 0))
            continue;
        v = v * v * v;
        x = d * v;
        if (bp__log(u + 0x1p-54) < 0.5 * z * z + d - d * v + d * bp__log(v))
            break;
    }
    if (a < 1)
        x *= bp__pow(bp__rng_f64(uniform, at + 64) + 0x1p-54, 1 / a);
    return x;
}

double bp__mixup_share(const bp_augment *a, uint64_t seed, int64_t epoch,
                       int64_t batch)
{
    bp__rng normal = stream_of(seed, epoch, 2 * MIXUP_STREAM + 100);
    bp__rng uniform = stream_of(seed, epoch, 2 * MIXUP_STREAM + 101);
    uint64_t at = (uint64_t)batch * 256;
    double x = draw_gamma(&normal, &uniform, a->mixup, at);
    double y = draw_gamma(&normal, &uniform, a->mixup, at + 128);
    double w = x + y > 0 ? x / (x + y) : 1;
    return w < 0.5 ? 1 - w : w;
}

int64_t bp__mixup_other(uint64_t seed, int64_t epoch, int64_t sample,
                        int64_t count)
{
    bp__rng r = stream_of(seed, epoch, OTHER_STREAM);
    return (int64_t)bp__rng_below(&r, (uint64_t)sample, (uint64_t)count);
}
