/* Random changes of pictures: each kind alone does what it says, at the rate
 * that it says; without any the pixels are the stored ones; kinds do not
 * disturb each other's draws. */
#include "data/augment.h"
#include "t.h"

#include <bprop/data.h>

enum { N = 400, S = 9 };
static uint8_t pixels[N][2][S][S];
static int32_t labels[N];

static bp_data *make(void)
{
    for (int i = 0; i < N; i++)
        for (int k = 0; k < 2; k++)
            for (int y = 0; y < S; y++)
                for (int x = 0; x < S; x++)
                    pixels[i][k][y][x] = (uint8_t)(1 + x + S * y + 100 * k);
    bp_array in = {BP_U8, 4, {N, 2, S, S}, pixels, sizeof pixels};
    bp_array t = {BP_I32, 1, {N}, labels, sizeof labels};
    bp_data_options o = {.size = sizeof o, .borrow = true};
    bp_data *d;
    bp_error err = {0};
    T_OK(bp_data_from_arrays(&in, 1, &t, &o, &d, &err), &err);
    return d;
}

/* All samples of one epoch, as floats. */
static float *epoch_of(bp_data *d, bp_augment a, const bp_norm *norm,
                       int64_t epoch)
{
    bp_loader *l;
    bp_batch b;
    bp_error err = {0};
    bp_loader_options o = {.size = sizeof o, .batch = N, .seed = 3,
                           .augment = a, .norm = {norm}};
    T_OK(bp_loader_new(d, &o, &l, &err), &err);
    T_OK(bp_loader_seek(l, epoch, 0, &err), &err);
    T_OK(bp_loader_next(l, &b, &err), &err);
    float *x = malloc(b.input_bytes[0]);
    memcpy(x, b.input[0], b.input_bytes[0]);
    bp_loader_free(l);
    return x;
}

static float at(const float *x, int i, int k, int y, int x0)
{
    return x[((i * 2 + k) * S + y) * S + x0];
}

static void flips(bp_data *d)
{
    int flipped = 0;
    float *x = epoch_of(d, (bp_augment){.flip = true}, NULL, 0);
    float *again = epoch_of(d, (bp_augment){.flip = true}, NULL, 0);
    float *next = epoch_of(d, (bp_augment){.flip = true}, NULL, 1);
    T_CHECK(!memcmp(x, again, sizeof(float) * N * 2 * S * S));
    T_CHECK(memcmp(x, next, sizeof(float) * N * 2 * S * S));
    for (int i = 0; i < N; i++) {
        bool f = at(x, i, 0, 0, 0) != 1;
        flipped += f;
        for (int k = 0; k < 2; k++)
            for (int y = 0; y < S; y++)
                for (int c = 0; c < S; c++)
                    T_CHECK(at(x, i, k, y, c) ==
                            (float)(1 + (f ? S - 1 - c : c) + S * y +
                                    100 * k));
    }
    T_CHECKF(flipped > 160 && flipped < 240, "%d of %d", flipped, N);
    free(x);
    free(again);
    free(next);
}

/* A mean for each place belongs to the place that is made. */
static void flips_by_feature(bp_data *d)
{
    double mean[2 * S * S], std[2 * S * S];
    bp_norm *norm;
    bp_error err = {0};
    for (int i = 0; i < 2 * S * S; i++) {
        mean[i] = i;
        std[i] = 1;
    }
    T_OK(bp_norm_new(BP_NORM_FEATURE, 2 * S * S, mean, std, NULL, &norm, &err),
         &err);
    float *x = epoch_of(d, (bp_augment){.flip = true}, norm, 0);
    for (int i = 0; i < N; i++)
        for (int y = 0; y < S; y++)
            for (int c = 0; c < S; c++) {
                float v = at(x, i, 0, y, c) + (float)(y * S + c);
                T_CHECK(v == (float)(1 + c + S * y) ||
                        v == (float)(1 + S - 1 - c + S * y));
            }
    free(x);
    bp_norm_free(norm);
}

/* The pixels are a plane, 1 + x + S y: between four of them it is the same
 * plane, so that a look-up tells where it was made. */
static void warps(bp_data *d)
{
    int turned = 0, inside;
    float *x = epoch_of(d, (bp_augment){.rotate = 30}, NULL, 0);
    for (int i = 0; i < N; i++) {
        /* The middle stays; its neighbors tell the angle. */
        T_NEAR((double)at(x, i, 0, 4, 4), 41, 1e-3);
        double right = (double)at(x, i, 0, 4, 5) - 41;
        double below = (double)at(x, i, 0, 5, 4) - 41;
        /* right = cos + S sin, below = S cos - sin, up to the sign of turning. */
        double c = (right + S * below) / (1 + S * S);
        double s = (S * right - below) / (1 + S * S);
        T_NEAR(c * c + s * s, 1, 1e-4);
        T_CHECK(c > 0.866 - 1e-4);
        turned += fabs(s) > 0.26; /* half of them by more than 15 degrees */
    }
    T_CHECKF(turned > 150 && turned < 250, "%d", turned);
    free(x);
    /* A part with 60 to 100 % of each side: never background. */
    x = epoch_of(d, (bp_augment){.crop = 0.4}, NULL, 0);
    double least = 1;
    for (int i = 0; i < N; i++) {
        double scale = (double)(at(x, i, 0, 4, 5) - at(x, i, 0, 4, 4));
        T_CHECK(scale > 0.6 - 1e-4 && scale < 1 + 1e-4);
        least = scale < least ? scale : least;
        T_NEAR((double)(at(x, i, 0, 5, 4) - at(x, i, 0, 4, 4)), S * scale,
               1e-3);
        T_CHECK((double)at(x, i, 0, 1, 1) >= 1 - 1e-3);
    }
    T_CHECKF(least < 0.63, "%g", least);
    free(x);
    /* Displacements stay within their bound, and are smooth. */
    x = epoch_of(d, (bp_augment){.elastic = 2}, NULL, 0);
    double far = 0;
    for (int i = 0; i < N; i++) {
        inside = 0;
        for (int y = 3; y < 6; y++)
            for (int c = 3; c < 6; c++) {
                double v = (double)at(x, i, 0, y, c) - (1 + c + S * y);
                inside += fabs(v) <= 2 + 2 * S;
                far = fabs(v) > far ? fabs(v) : far;
            }
        T_CHECK(inside == 9);
    }
    T_CHECKF(far > S, "%g", far); /* more than a row for someone */
    free(x);
}

static void cutouts(bp_data *d)
{
    double mean[2] = {50.5, 150.5}, std[2] = {10, 10};
    bp_norm *norm;
    bp_error err = {0};
    T_OK(bp_norm_new(BP_NORM_CHANNEL, 2, mean, std, NULL, &norm, &err), &err);
    float *plain = epoch_of(d, (bp_augment){.shift = 0}, norm, 0);
    float *x = epoch_of(d, (bp_augment){.cutout = 3}, norm, 0);
    int whole = 0;
    for (int i = 0; i < N; i++) {
        int n = 0;
        for (int y = 0; y < S; y++)
            for (int c = 0; c < S; c++) {
                bool cut = at(x, i, 0, y, c) == 0 && at(x, i, 1, y, c) == 0;
                n += cut;
                T_CHECK(cut || (at(x, i, 0, y, c) == at(plain, i, 0, y, c) &&
                                at(x, i, 1, y, c) == at(plain, i, 1, y, c)));
            }
        T_CHECKF(n == 9 || n == 6 || n == 4, "%d", n); /* at a border, corner */
        whole += n == 9;
    }
    T_CHECKF(whole > N * 0.5 && whole < N * 0.7, "%d", whole); /* (7/9)^2 */
    free(x);
    /* Switching the cut on leaves the shifts alone. */
    x = epoch_of(d, (bp_augment){.shift = 2, .cutout = 1}, norm, 0);
    float *moved = epoch_of(d, (bp_augment){.shift = 2}, norm, 0);
    int differ = 0;
    for (int i = 0; i < N * 2 * S * S; i++)
        differ += x[i] != moved[i];
    T_CHECKF(differ <= N * 2 && differ > N, "%d", differ);
    free(moved);
    free(plain);
    free(x);
    bp_norm_free(norm);
}

static void refusals(bp_data *d)
{
    static const bp_augment wrong[] = {
        {.shift = -1}, {.cutout = -1}, {.rotate = -1}, {.rotate = 181},
        {.crop = 1}, {.crop = -0.1}, {.elastic = -1}, {.rotate = (double)NAN},
        {.crop = (double)NAN}, {.elastic = (double)INFINITY}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        bp_loader *l;
        bp_error err = {0};
        bp_loader_options o = {.size = sizeof o, .augment = wrong[i]};
        T_CHECK(bp_loader_new(d, &o, &l, &err) == BP_EARG && !l &&
                strstr(err.message, "augmentation"));
    }
}

int main(void)
{
    bp_data *d = make();
    flips(d);
    flips_by_feature(d);
    warps(d);
    cutouts(d);
    refusals(d);
    bp_data_free(d);
    return t_end();
}
