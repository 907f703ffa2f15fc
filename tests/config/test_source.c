/* Data of a configuration: ranges, shares that neither overlap nor lose a
 * sample, and the normalization that a run keeps. */
#include "t.h"

#include "config/config.h"

#define HEAD                                                            \
    "model:\n  input: [1, 28, 28]\n  layers: [flatten, dense: 10]\n"    \
    "loss: softmax_cross_entropy\n"

static bp__config *load(const char *text)
{
    bp__config *c = NULL;
    bp_error err = {0};
    T_OK(bp__config_parse("m.yaml", text, strlen(text), NULL, 0, &c, &err),
         &err);
    return c;
}

static uint64_t sample_hash(const bp_data *d, int64_t i)
{
    bp_array x;
    T_REQUIRE(bp_data_input(d, 0, &x));
    size_t bytes = x.bytes / (size_t)x.dims[0];
    return bp__hash(BP__HASH_INIT, (char *)x.data + (size_t)i * bytes, bytes);
}

static int compare_hash(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void test_split(void)
{
    enum { ALL = 200 };
    uint64_t parts[ALL], whole[ALL];
    bp__config *c = load(HEAD "data: {train: {digits: {n: 200}}, split: "
                              "{valid: 0.1, test: 0.25}}\n");
    bp__config *all = load(HEAD "data: {train: {digits: {n: 200}}}\n");
    bp__config_data d, w;
    bp_error err = {0};
    int64_t n = 0;
    T_OK(bp__config_open(c, NULL, 7, &d, &err), &err);
    T_OK(bp__config_open(all, NULL, 7, &w, &err), &err);
    T_REQUIRE(d.split[0] && d.split[1] && d.split[2]);
    T_CHECK(bp_data_count(d.split[BP_SPLIT_TRAIN]) == 130);
    T_CHECK(bp_data_count(d.split[BP_SPLIT_VALID]) == 20);
    T_CHECK(bp_data_count(d.split[BP_SPLIT_TEST]) == 50);
    T_CHECK(c->task.n_train == 130 && c->task.target.dtype == BP_I32);
    T_CHECK(!w.split[1] && !w.split[2] && c->has_data[BP_SPLIT_TEST]);
    for (int s = 0; s < BP__N_SPLITS; s++)
        for (int64_t i = 0; i < bp_data_count(d.split[s]); i++)
            parts[n++] = sample_hash(d.split[s], i);
    for (int64_t i = 0; i < ALL; i++)
        whole[i] = sample_hash(w.split[0], i);
    T_CHECK(memcmp(parts, whole, sizeof whole) != 0); /* drawn, not cut */
    qsort(parts, ALL, sizeof *parts, compare_hash);
    qsort(whole, ALL, sizeof *whole, compare_hash);
    T_CHECK(memcmp(parts, whole, sizeof whole) == 0);
    /* One part alone is the same part. */
    uint64_t first = sample_hash(d.split[BP_SPLIT_TEST], 0);
    bp__config_close(&d);
    T_OK(bp__config_open(c, NULL, 1u << BP_SPLIT_TEST, &d, &err), &err);
    T_CHECK(!d.split[0] && !d.split[1] && d.split[2]);
    T_CHECK(sample_hash(d.split[BP_SPLIT_TEST], 0) == first);
    bp__config_close(&d);
    bp__config_close(&w);
    bp__config_free(c);
    bp__config_free(all);
}

static void test_range(void)
{
    bp__config *c = load(HEAD "data: {train: {digits: {n: 50}, range: [10, "
                              "30]}}\n");
    bp__config *all = load(HEAD "data: {train: {digits: {n: 50}}}\n");
    bp__config *over = load(HEAD "data: {train: {digits: {n: 50}, range: [10, "
                                 "60]}}\n");
    bp__config_data d, w;
    bp_error err = {0};
    T_OK(bp__config_open(c, NULL, 1, &d, &err), &err);
    T_OK(bp__config_open(all, NULL, 1, &w, &err), &err);
    T_CHECK(bp_data_count(d.split[0]) == 20);
    T_CHECK(sample_hash(d.split[0], 0) == sample_hash(w.split[0], 10));
    bp__config_close(&d);
    bp__config_close(&w);
    T_CHECK(bp__config_open(over, NULL, 1, &d, &err) == BP_ERANGE);
    T_CHECK(!d.split[0]);
    bp__config_free(c);
    bp__config_free(all);
    bp__config_free(over);
}

static void test_missing(void)
{
    bp__config *c = load(HEAD "data: {train: {idx: {images: a, labels: b}}}\n");
    bp__config_data d;
    bp_error err = {0};
    T_CHECK(bp__config_open(c, "no-such-folder", 1, &d, &err) ==
            BP_ENOTFOUND);
    T_CHECKF(strstr(err.message, "no-such-folder/a") &&
                 strstr(err.message, "no-such-folder/b"),
             "%s", err.message);
    bp__config_free(c);
}

/* Numbers that a run keeps come back to the last bit. */
static void test_fitted(void)
{
    bp__config *c = load(HEAD "data: {train: digits, normalize: global}\n");
    bp_norm *norm = NULL, *back = NULL;
    bp_error err = {0};
    double mean = 0.1 + 1e-17, std = 1.0 / 3;
    bp__str s;
    T_CHECK(bp__source_get_fitted(&c->source, 1, &back, &err) == BP_EFORMAT &&
            !back);
    T_OK(bp_norm_new(BP_NORM_GLOBAL, 1, &mean, &std, NULL, &norm, &err), &err);
    bp__source_set_fitted(&c->source, 1, &norm);
    bp__source_set_dir(&c->source, "/data of mine");
    bp__str_init(&s, NULL);
    bp__config_print(c, &s);
    bp__config *d = load(s.s);
    T_OK(bp__source_get_fitted(&d->source, 1, &back, &err), &err);
    T_CHECK(bp_norm_get_kind(back) == BP_NORM_GLOBAL);
    T_CHECK(bp_norm_count(back) == 1 && bp_norm_mean(back)[0] == mean &&
            bp_norm_std(back)[0] == std);
    T_CHECK(d->source.dir && !strcmp(d->source.dir, "/data of mine"));
    bp__str_free(&s);
    bp_norm_free(norm);
    bp_norm_free(back);
    bp__config_free(c);
    bp__config_free(d);
}

int main(void)
{
    test_split();
    test_range();
    test_missing();
    test_fitted();
    return t_end();
}
