/* Inputs and targets of every type, from the arrays to a batch: as they are,
 * widened exactly, rounded once; what does not fit is named with its place. */
#include "base/base.h"
#include "t.h"

#include <bprop/data.h>

#include <math.h>

enum { N = 4, W = 3 };

static bp_array matrix(bp_dtype t, void *data)
{
    return (bp_array){t, 2, {N, W}, data, N * W * bp_dtype_bytes(t)};
}

static bp_data *lend(const bp_array *x, const bp_array *y)
{
    bp_data_options o = {.size = sizeof o, .borrow = true};
    bp_data *d = NULL;
    bp_error err = {0};
    T_OK(bp_data_from_arrays(x, 1, y, &o, &d, &err), &err);
    return d;
}

/* All samples in one batch; *l is the caller's to free. */
static bp_batch all_of(bp_data *d, bp_dtype dtype, bp_dtype input,
                       const bp_norm *n, bp_loader **l)
{
    bp_loader_options o = {.size = sizeof o, .dtype = dtype, .norm = {n},
                           .input_dtype = {input}};
    bp_error err = {0};
    bp_batch b = {0};
    T_OK(bp_loader_new(d, &o, l, &err), &err);
    T_OK(bp_loader_next(*l, &b, &err), &err);
    return b;
}

static void whole_numbers(void)
{
    static int32_t tokens[N * W] = {0, 1, -7, 3, 4, 5, 6, 2147483647, 8, 9};
    static uint8_t bytes[N * W] = {0, 1, 255, 3};
    static uint8_t truth[N * W] = {0, 1, 1, 0};
    static float floats[N * W] = {0, 1, -7, 16777216};
    static double doubles[N * W] = {0, 1, -2147483648.0, 2147483647};
    struct {
        bp_dtype stored;
        void *data;
        bp_dtype asked;
    } cases[] = {{BP_I32, tokens, BP_I32},  {BP_U8, bytes, BP_I32},
                 {BP_U8, bytes, BP_U8},     {BP_BOOL, truth, BP_BOOL},
                 {BP_BOOL, truth, BP_U8},   {BP_U8, truth, BP_BOOL},
                 {BP_F32, floats, BP_I32},  {BP_F64, doubles, BP_I32}};
    for (size_t c = 0; c < BP__ARRAY_LEN(cases); c++) {
        bp_array x = matrix(cases[c].stored, cases[c].data), v;
        bp_data *d = lend(&x, NULL);
        bp_loader *l;
        T_CHECK(bp_data_input(d, 0, &v) && v.dtype == cases[c].stored);
        bp_batch b = all_of(d, BP_F32, cases[c].asked, NULL, &l);
        T_CHECK(b.input_dtype[0] == cases[c].asked && b.input_rank[0] == 1 &&
                b.input_dims[0][0] == W);
        T_CHECK(b.input_bytes[0] == N * W * bp_dtype_bytes(cases[c].asked));
        for (int i = 0; i < N * W; i++) {
            double want = cases[c].stored == BP_I32   ? tokens[i]
                          : cases[c].stored == BP_F32 ? (double)floats[i]
                          : cases[c].stored == BP_F64
                              ? doubles[i]
                              : ((uint8_t *)cases[c].data)[i];
            double have = cases[c].asked == BP_I32
                              ? ((const int32_t *)b.input[0])[i]
                              : ((const uint8_t *)b.input[0])[i];
            T_CHECKF(have == want, "case %zu, element %d: %g, not %g", c, i,
                     have, want);
        }
        bp_loader_free(l);
        bp_data_free(d);
    }
}

/* Each with the sample and the place within it. */
static void misfits(void)
{
    static float half[N * W] = {0, 0, 0, 0, 2.5f};
    static double large[N * W] = {0, 0, 0, 0, 0, 0, 0, 0, 2147483648.0};
    static int32_t many[N * W] = {0, 0, 0, 256};
    static float nan[N * W] = {0};
    nan[11] = (float)NAN;
    struct {
        bp_dtype stored;
        void *data;
        bp_dtype asked;
        const char *says, *checks;
    } cases[] = {
        {BP_F32, half, BP_I32, "sample 1 of input 0 has 2.5 at [1]",
         "sample 1 has 2.5 at [1]"},
        {BP_F64, large, BP_I32, "sample 2 of input 0 has 2147483648 at [2]",
         "sample 2 has 2147483648 at [2]"},
        {BP_I32, many, BP_U8, "sample 1 of input 0 has 256 at [0]",
         "whole numbers, from 0 to 255): sample 1 has 256 at [0]"},
        {BP_I32, many, BP_BOOL, "whole numbers, 0 or 1", "has 256 at [0]"},
        {BP_F32, nan, BP_I32, "sample 3 of input 0 has nan at [2]",
         "not finite: sample 3 has nan"}};
    for (size_t c = 0; c < BP__ARRAY_LEN(cases); c++) {
        bp_array x = matrix(cases[c].stored, cases[c].data);
        bp_data *d = lend(&x, NULL);
        bp_loader_options o = {.size = sizeof o, .prefetch = c % 2,
                               .input_dtype = {cases[c].asked}};
        bp_loader *l;
        bp_batch b;
        bp_error err = {0};
        T_OK(bp_loader_new(d, &o, &l, &err), &err);
        T_CHECK(bp_loader_next(l, &b, &err) == BP_ERANGE);
        T_CHECKF(strstr(err.message, cases[c].says), "%s", err.message);
        bp_loader_free(l);
        bp_data_expect e = {.size = sizeof e, .n_inputs = 1, .rank = {1},
                            .dims = {{W}}, .input_dtype = {cases[c].asked}};
        bp_data_report r = {0};
        T_CHECK(bp_data_check(d, &e, "train", &r) != BP_OK && r.n_bad == 1);
        T_CHECKF(strstr(r.text, cases[c].checks), "%s", r.text);
        bp_data_free(d);
    }
}

static void checks_ranges(void)
{
    static int32_t tokens[N * W] = {0, 39, 5, 6, 7, 40, 3, 3, -1, 2, 2, 2};
    static int32_t labels[N * W] = {0, 1, 2, 2, 3, 0, 0, 0, 0, 1, 1, -1};
    bp_array x = matrix(BP_I32, tokens), y = matrix(BP_I32, labels);
    bp_data *d = lend(&x, &y);
    bp_data_report r = {0};
    bp_data_expect e = {.size = sizeof e, .n_inputs = 1, .rank = {1},
                        .dims = {{W}}, .input_dtype = {BP_I32},
                        .below = {40}, .target = BP_TARGET_CLASS,
                        .n_classes = 3, .target_numel = W};
    T_CHECK(bp_data_check(d, &e, "train", &r) == BP_ERANGE && r.n_bad == 3);
    T_CHECKF(strstr(r.text, "from 0 to 39: sample 1 has 40 at [2], sample 2 "
                            "has -1 at [2]"), "%s", r.text);
    T_CHECKF(strstr(r.text, "not within 0 to 2: sample 1 has 3 at [1], sample "
                            "3 has -1 at [2]"), "%s", r.text);
    e.target_numel = 2;
    r = (bp_data_report){0};
    T_CHECK(bp_data_check(d, &e, "train", &r) == BP_ESHAPE);
    T_CHECKF(strstr(r.text, "3 labels a sample"), "%s", r.text);
    bp_data_free(d);
}

/* Timestamps of f64: the mean goes before anything is rounded. */
static void large_offsets(void)
{
    static double t[N * W];
    static int32_t w[N * W];
    for (int i = 0; i < N * W; i++) {
        t[i] = 1.6e9 + 50 * (i * 7 % 5) + 0.125 * i;
        w[i] = 1600000000 + 50 * (i * 7 % 5);
    }
    for (int type = 0; type < 2; type++) {
        bp_array x = type ? matrix(BP_I32, w) : matrix(BP_F64, t);
        bp_data *d = lend(&x, NULL);
        bp_norm *n;
        bp_error err = {0};
        T_OK(bp_norm_fit(d, 0, BP_NORM_FEATURE, NULL, &n, &err), &err);
        for (int k = 0; k < W; k++) {
            double mean = 0, square = 0;
            for (int i = 0; i < N; i++)
                mean += ((type ? w[i * W + k] : t[i * W + k]) - 1.6e9) / N;
            for (int i = 0; i < N; i++) {
                double v = (type ? w[i * W + k] : t[i * W + k]) - 1.6e9 - mean;
                square += v * v / N;
            }
            T_NEAR(bp_norm_mean(n)[k] - 1.6e9, mean, 1e-6);
            T_NEAR(bp_norm_std(n)[k], sqrt(square), 1e-6);
        }
        for (int wide = 0; wide < 2; wide++) {
            bp_loader *l;
            bp_batch b = all_of(d, wide ? BP_F64 : BP_F32, BP_F32, n, &l);
            for (int i = 0; i < N * W; i++) {
                double want = ((type ? w[i] : t[i]) - bp_norm_mean(n)[i % W]) /
                              bp_norm_std(n)[i % W];
                if (wide)
                    T_CHECK(((const double *)b.input[0])[i] == want);
                else
                    T_CHECK(((const float *)b.input[0])[i] == (float)want);
            }
            bp_loader_free(l);
        }
        bp_norm_free(n);
        bp_data_free(d);
    }
}

/* Equal numbers have no deviation, however large; small ones that differ do. */
static void constant_features(void)
{
    static double t[N * W];
    for (int i = 0; i < N; i++) {
        t[i * W] = 0.1;
        t[i * W + 1] = 1.7e9 + 0.1;
        t[i * W + 2] = 1.6e9 + 0.01 * i;
    }
    bp_array x = matrix(BP_F64, t);
    bp_data *d = lend(&x, NULL);
    bp_norm *n;
    bp_error err = {0};
    T_OK(bp_norm_fit(d, 0, BP_NORM_FEATURE, NULL, &n, &err), &err);
    T_CHECK(bp_norm_std(n)[0] == 1 && bp_norm_mean(n)[0] == 0.1);
    T_CHECK(bp_norm_std(n)[1] == 1 && bp_norm_mean(n)[1] == 1.7e9 + 0.1);
    T_NEAR(bp_norm_std(n)[2], 0.01 * sqrt(1.25), 1e-7);
    bp_norm_free(n);
    bp_data_free(d);
}

static void targets(void)
{
    static float f[N * W];
    static double t[N * W] = {1.0 / 3, 1e300, 16777217};
    static int32_t c[N * W] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    bp_array x = matrix(BP_F32, f), y = matrix(BP_F64, t);
    bp_data *d = lend(&x, &y);
    bp_loader *l;
    bp_batch b = all_of(d, BP_F64, BP_F32, NULL, &l);
    T_CHECK(b.target_dtype == BP_F64 && b.target_rank == 1 &&
            b.target_dims[0] == W && !memcmp(b.target, t, sizeof t));
    bp_loader_free(l);
    b = all_of(d, BP_F32, BP_F32, NULL, &l);
    T_CHECK(b.target_dtype == BP_F32 &&
            ((const float *)b.target)[0] == (float)(1.0 / 3) &&
            ((const float *)b.target)[2] == 16777216);
    bp_loader_free(l);
    bp_data_free(d);
    y = matrix(BP_I32, c);
    d = lend(&x, &y);
    b = all_of(d, BP_F64, BP_F32, NULL, &l);
    T_CHECK(b.target_dtype == BP_I32 && b.target_rank == 1 &&
            b.target_bytes == sizeof c && !memcmp(b.target, c, sizeof c));
    bp_loader_free(l);
    bp_data_free(d);
}

/* [C,T]: a mean a channel, moved with the data's type. */
static void channels(void)
{
    static double t[2 * 2 * 3] = {1, 2, 3, 1000, 2000, 3000,
                                  4, 5, 6, 4000, 5000, 6000};
    bp_array x = {BP_F64, 3, {2, 2, 3}, t, sizeof t};
    bp_data *d = lend(&x, NULL);
    bp_norm *n;
    bp_error err = {0};
    bp_loader *l;
    T_OK(bp_norm_fit(d, 0, BP_NORM_CHANNEL, NULL, &n, &err), &err);
    T_CHECK(bp_norm_count(n) == 2 && bp_norm_mean(n)[0] == 3.5 &&
            bp_norm_mean(n)[1] == 3500);
    bp_batch b = all_of(d, BP_F64, BP_F32, n, &l);
    for (int i = 0; i < 6; i++)
        T_NEAR(((const double *)b.input[0])[i % 3 + i / 3 * 6],
               ((const double *)b.input[0])[i % 3 + i / 3 * 6 + 3], 1e-12);
    T_CHECK(b.input_rank[0] == 2 && b.input_dims[0][1] == 3);
    bp_loader_free(l);
    bp_norm_free(n);
    bp_data_free(d);
}

/* f64 pictures move, turn and are mixed in f64. */
static void moved_f64(void)
{
    static double t[2 * 4 * 4];
    for (int i = 0; i < 32; i++)
        t[i] = 1e9 + i;
    bp_array x = {BP_F64, 3, {2, 4, 4}, t, sizeof t};
    bp_data *d = lend(&x, NULL);
    bp_error err = {0};
    double mean = 1e9, std = 1;
    bp_norm *n;
    T_OK(bp_norm_new(BP_NORM_GLOBAL, 1, &mean, &std, NULL, &n, &err), &err);
    bp_loader_options o = {.size = sizeof o, .dtype = BP_F64, .norm = {n},
                           .augment = {.flip = true}, .seed = 4};
    bp_loader *l;
    bp_batch b;
    T_OK(bp_loader_new(d, &o, &l, &err), &err);
    int flipped = 0;
    for (int e = 0; e < 8; e++) {
        T_OK(bp_loader_next(l, &b, &err), &err);
        const double *y = b.input[0];
        for (int r = 0; r < 8; r++) {
            bool still = y[4 * r] == 4 * r;
            flipped += !still;
            for (int k = 0; k < 4; k++)
                T_CHECK(y[4 * r + k] == 4 * r + (still ? k : 3 - k));
        }
    }
    T_CHECK(flipped > 0);
    bp_loader_free(l);
    o.augment = (bp_augment){.mixup = 1};
    T_OK(bp_loader_new(d, &o, &l, &err), &err);
    T_OK(bp_loader_next(l, &b, &err), &err);
    double w = ((const double *)b.mix)[0], y = ((const double *)b.input[0])[0];
    T_CHECK(y == 0 || fabs(y - (1 - w) * 16) < 1e-12);
    bp_loader_free(l);
    bp_norm_free(n);
    bp_data_free(d);
}

static void refuses(void)
{
    static int32_t tokens[N * W];
    bp_array x = matrix(BP_I32, tokens);
    bp_data *d = lend(&x, NULL);
    bp_loader *l;
    bp_error err = {0};
    double mean = 0, std = 1;
    bp_norm *n;
    T_OK(bp_norm_new(BP_NORM_GLOBAL, 1, &mean, &std, NULL, &n, &err), &err);
    bp_loader_options o = {.size = sizeof o, .input_dtype = {BP_I32},
                           .norm = {n}};
    T_CHECK(bp_loader_new(d, &o, &l, &err) == BP_EARG);
    T_CHECK(strstr(err.message, "whole numbers are taken as they are"));
    o.norm[0] = NULL;
    o.augment.mixup = 0.2;
    T_CHECK(bp_loader_new(d, &o, &l, &err) == BP_EARG);
    T_CHECK(strstr(err.message, "mixup"));
    o = (bp_loader_options){.size = sizeof o, .input_dtype = {(bp_dtype)9}};
    T_CHECK(bp_loader_new(d, &o, &l, &err) == BP_EARG);
    bp_norm_free(n);
    bp_data_free(d);
}

int main(void)
{
    whole_numbers();
    misfits();
    checks_ranges();
    large_offsets();
    constant_features();
    targets();
    channels();
    moved_f64();
    refuses();
    return t_end();
}
