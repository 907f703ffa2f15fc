/* Normalization: means and deviations by hand, stored ones, refusals. */
#include "data/norm.h"
#include "t.h"

static bp_data *make(bp_dtype t, int rank, const int64_t *dims, void *data)
{
    bp_array x = {.dtype = t, .rank = rank, .data = data};
    x.bytes = bp_dtype_bytes(t);
    for (int i = 0; i < rank; i++) {
        x.dims[i] = dims[i];
        x.bytes *= (size_t)dims[i];
    }
    bp_data_options o = {.size = sizeof o, .borrow = true};
    bp_data *d;
    bp_error err = {0};
    T_OK(bp_data_from_arrays(&x, 1, NULL, &o, &d, &err), &err);
    return d;
}

static void fit(const bp_data *d, bp_norm_kind k, bp_norm **n)
{
    bp_error err = {0};
    T_OK(bp_norm_fit(d, 0, k, NULL, n, &err), &err);
    T_CHECK(bp_norm_get_kind(*n) == k);
}

static void by_hand(void)
{
    /* 2 samples, 2 channels, 1 x 2 pixels. */
    static uint8_t u[8] = {0, 2, 10, 10, 4, 6, 10, 10};
    static float f[8] = {0, 2, 10, 10, 4, 6, 10, 10};
    static const int64_t dims[4] = {2, 2, 1, 2};
    for (int type = 0; type < 2; type++) {
        bp_data *d = type ? make(BP_U8, 4, dims, u) : make(BP_F32, 4, dims, f);
        bp_norm *n;
        fit(d, BP_NORM_GLOBAL, &n);
        T_CHECK(bp_norm_count(n) == 1);
        T_CHECK(bp_norm_mean(n)[0] == 6.5);
        T_NEAR(bp_norm_std(n)[0], sqrt(14.75), 1e-14);
        bp_norm_free(n);
        fit(d, BP_NORM_CHANNEL, &n);
        T_CHECK(bp_norm_count(n) == 2);
        T_CHECK(bp_norm_mean(n)[0] == 3 && bp_norm_mean(n)[1] == 10);
        T_NEAR(bp_norm_std(n)[0], sqrt(5), 1e-14);
        T_CHECK(bp_norm_std(n)[1] == 1); /* a constant channel */
        T_CHECK(bp__norm_apply(n, 1, 10, BP_U8) == 0);
        T_CHECK(bp__norm_apply(n, 0, 4, BP_F32) == 1 / bp_norm_std(n)[0]);
        bp_norm_free(n);
        fit(d, BP_NORM_FEATURE, &n);
        T_CHECK(bp_norm_count(n) == 4);
        T_CHECK(bp_norm_mean(n)[1] == 4 && bp_norm_std(n)[1] == 2);
        bp_norm_free(n);
        fit(d, BP_NORM_UNIT, &n);
        T_CHECK(bp_norm_count(n) == 0);
        T_CHECK(bp__norm_apply(n, 0, 51, BP_U8) == 0.2);
        T_CHECK(bp__norm_apply(n, 0, 51, BP_F32) == 51);
        bp_norm_free(n);
        fit(d, BP_NORM_NONE, &n);
        T_CHECK(bp__norm_apply(n, 0, 51, BP_U8) == 51);
        bp_norm_free(n);
        bp_data_free(d);
    }
    T_CHECK(bp__norm_apply(NULL, 0, 51, BP_U8) == 51);
    /* Equal numbers that have no exact mean are no deviation. */
    static float same[3000];
    for (int i = 0; i < 3000; i++)
        same[i] = 0.1f;
    static const int64_t one[1] = {3000};
    bp_data *d = make(BP_F32, 1, one, same);
    bp_norm *n;
    fit(d, BP_NORM_GLOBAL, &n);
    T_CHECK(bp_norm_std(n)[0] == 1);
    bp_norm_free(n);
    bp_data_free(d);
}

static void stored(void)
{
    double mean[2] = {1, 2}, std[2] = {0.5, 4}, zero[1] = {0},
           nan[1] = {(double)NAN};
    bp_norm *n;
    bp_error err = {0};
    T_OK(bp_norm_new(BP_NORM_CHANNEL, 2, mean, std, NULL, &n, &err), &err);
    T_CHECK(bp_norm_mean(n)[1] == 2 && bp_norm_std(n)[1] == 4);
    T_CHECK(bp__norm_apply(n, 1, 10, BP_F32) == 2);
    static const int64_t dims[4] = {1, 3, 1, 2};
    static float f[6];
    bp_data *d = make(BP_F32, 4, dims, f);
    bp_array x;
    int64_t group;
    T_CHECK(bp_data_input(d, 0, &x));
    T_CHECK(bp__norm_groups(n, &x, &group, &err) == BP_ESHAPE);
    T_CHECK(strstr(err.message, "2 means where the data have 3") != NULL);
    bp_norm *copy = bp__norm_copy(&bp__malloc_allocator, n);
    T_REQUIRE(copy);
    bp_norm_free(n);
    T_CHECK(bp_norm_count(copy) == 2 && bp_norm_std(copy)[0] == 0.5);
    bp_norm_free(copy);
    bp_norm_free(NULL);
    bp_data_free(d);
    T_CHECK(bp_norm_new(BP_NORM_CHANNEL, 0, mean, std, NULL, &n, &err) ==
            BP_EARG);
    T_CHECK(bp_norm_new(BP_NORM_GLOBAL, 2, mean, std, NULL, &n, &err) ==
            BP_EARG);
    T_CHECK(bp_norm_new(BP_NORM_UNIT, 1, mean, std, NULL, &n, &err) ==
            BP_EARG);
    T_CHECK(bp_norm_new(BP_NORM_GLOBAL, 1, mean, zero, NULL, &n, &err) ==
            BP_EARG);
    T_CHECK(bp_norm_new(BP_NORM_GLOBAL, 1, nan, std, NULL, &n, &err) ==
            BP_EARG);
    T_CHECK(bp_norm_new((bp_norm_kind)9, 0, mean, std, NULL, &n, &err) ==
            BP_EARG);
    T_CHECK(n == NULL);
    T_CHECK(!strcmp(bp_norm_kind_name(BP_NORM_FEATURE), "feature"));
    T_CHECK(!strcmp(bp_norm_kind_name((bp_norm_kind)9), "?"));
}

static void refusals_and_faults(void)
{
    static const int64_t dims[2] = {2, 2};
    float f[4] = {1, (float)INFINITY, 2, 3};
    bp_data *d = make(BP_F32, 2, dims, f);
    bp_norm *n;
    bp_error err = {0};
    T_CHECK(bp_norm_fit(d, 0, BP_NORM_GLOBAL, NULL, &n, &err) ==
            BP_ENONFINITE);
    T_CHECK(bp_norm_fit(d, 1, BP_NORM_GLOBAL, NULL, &n, &err) == BP_EARG);
    for (int64_t k = 0;; k++) {
        t_heap h = {.fail_at = k};
        bp_allocator a = t_allocator(&h);
        f[1] = 0;
        bp_status s = bp_norm_fit(d, 0, BP_NORM_FEATURE, &a, &n, &err);
        T_CHECK(s == (h.failed ? BP_ENOMEM : BP_OK));
        bp_norm_free(n);
        T_CHECK(h.live == 0);
        if (!h.failed)
            break;
    }
    bp_data_free(d);
}

int main(void)
{
    by_hand();
    stored();
    refusals_and_faults();
    return t_end();
}
