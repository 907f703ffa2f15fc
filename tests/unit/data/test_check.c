/* The report on data: every kind of problem, counted, with examples. */
#include "base/base.h"
#include "t.h"

#include <bprop/data.h>

enum { N = 20 };
static float x[N * 4];
static int32_t y[N];
static float real[N * 2];

static bp_data *make(bool classes)
{
    bp_array in = {BP_F32, 3, {N, 2, 2}, x, sizeof x};
    bp_array t = classes ? (bp_array){BP_I32, 1, {N}, y, sizeof y}
                         : (bp_array){BP_F32, 2, {N, 2}, real, sizeof real};
    bp_data_options o = {.size = sizeof o, .borrow = true};
    bp_data *d;
    bp_error err = {0};
    T_OK(bp_data_from_arrays(&in, 1, &t, &o, &d, &err), &err);
    return d;
}

static bp_data_expect expect(void)
{
    return (bp_data_expect){.size = sizeof(bp_data_expect),
                            .n_inputs = 1,
                            .rank = {3},
                            .dims = {{1, 2, 2}},
                            .target = BP_TARGET_CLASS,
                            .n_classes = 10};
}

static void sound_data(void)
{
    bp_data *d = make(true);
    bp_data_expect e = expect();
    bp_data_report r = {0};
    T_CHECK(bp_data_check(d, &e, "train", &r) == BP_OK);
    T_CHECK(bp_data_check(d, NULL, "train", &r) == BP_OK);
    T_CHECK(r.n_records == 2 * N && r.n_bad == 0 && r.text[0] == '\0');
    e.size = 1;
    T_CHECK(bp_data_check(d, &e, "train", &r) == BP_EARG);
    bp_data_free(d);
}

static void bad_records(void)
{
    bp_data_expect e = expect();
    for (int i = 3; i < 10; i++)
        y[i] = i == 4 ? -1 : 10 + i;
    x[4 * 5] = (float)NAN; /* sample 5 has two problems, and counts once */
    x[4 * 15 + 3] = (float)INFINITY;
    bp_data *d = make(true);
    bp_data_report r = {0};
    T_CHECK(bp_data_check(d, &e, "train", &r) == BP_ERANGE);
    T_CHECKF(r.n_records == N && r.n_bad == 8, "%lld", (long long)r.n_bad);
    T_CHECKF(
        strcmp(r.text,
               "train (arrays): 7 labels are not within 0 to 9: sample 3 has "
               "13, sample 4 has -1, sample 5 has 15, sample 6 has 16, sample "
               "7 has 17, and 2 more\n"
               "train (arrays): 2 samples of input 0 hold a number that is "
               "not finite: sample 5 has nan, sample 15 has inf") == 0,
        "%s", r.text);
    /* A second set is added to the same report. */
    T_CHECK(bp_data_check(d, NULL, "valid", &r) == BP_ERANGE);
    T_CHECK(r.n_records == 2 * N && r.n_bad == 8 + 3);
    T_CHECK(strstr(r.text, "\nvalid (arrays): 1 labels are negative: sample 4 "
                           "has -1\n") != NULL);
    for (int i = 0; i < 60; i++)
        bp_data_check(d, &e, "again", &r);
    T_CHECK(strlen(r.text) == sizeof r.text - 1);
    T_CHECK(!strcmp(r.text + sizeof r.text - 4, "..."));
    bp_data_free(d);
    memset(y, 0, sizeof y);
    memset(x, 0, sizeof x);
}

static void wrong_shapes(void)
{
    bp_data *d = make(true);
    bp_data_expect e = expect();
    bp_data_report r = {0};
    e.dims[0][1] = 3;
    T_CHECK(bp_data_check(d, &e, "test", &r) == BP_ESHAPE);
    T_CHECK(r.n_bad == N && strstr(r.text, "[2,2]") &&
            strstr(r.text, "[1,3,2]"));
    e = expect();
    e.n_inputs = 2;
    memset(&r, 0, sizeof r);
    T_CHECK(bp_data_check(d, &e, "test", &r) == BP_ESHAPE);
    T_CHECK(strstr(r.text, "1 inputs, and the model has 2") != NULL);
    e = expect();
    e.target = BP_TARGET_REAL;
    memset(&r, 0, sizeof r);
    T_CHECK(bp_data_check(d, &e, "test", &r) == BP_EDTYPE);
    T_CHECK(strstr(r.text, "class labels, and the loss asks for real") !=
            NULL);
    bp_data_free(d);
}

static void real_targets(void)
{
    real[7] = (float)NAN;
    bp_data *d = make(false);
    bp_data_expect e = expect();
    e.target = BP_TARGET_REAL;
    e.target_numel = 3;
    bp_data_report r = {0};
    T_CHECK(bp_data_check(d, &e, "test", &r) == BP_ESHAPE);
    T_CHECK(
        strstr(r.text, "2 numbers a sample, and the model's output has 3"));
    e.target_numel = 2;
    memset(&r, 0, sizeof r);
    T_CHECK(bp_data_check(d, &e, "test", &r) == BP_ENONFINITE);
    T_CHECK(r.n_bad == 1 &&
            strstr(r.text, "1 targets hold a number that is not finite: "
                           "sample 3 has nan"));
    bp_data_free(d);
    real[7] = 0;
}

/* Twenty samples of 1 x 2 x 2; what is planted, and the one report of it. */
static void remarks(void)
{
    enum { A = 12, B = 8 };
    static uint8_t pixels[A + B][4];
    static int32_t labels[A + B];
    for (int i = 0; i < A + B; i++) {
        for (int k = 0; k < 4; k++)
            pixels[i][k] = (uint8_t)(i * 4 + k);
        labels[i] = i % 2;
    }
    bp_data *d[2];
    bp_error err = {0};
    bp_data_report r = {0};
    const char *const what[] = {"train", "test"};
    bp_data_options o = {.size = sizeof o, .borrow = true};
    for (int k = 0; k < 2; k++) {
        bp_array in = {BP_U8, 4, {k ? B : A, 1, 2, 2}, pixels[k ? A : 0],
                       (size_t)(k ? B : A) * 4};
        bp_array t = {BP_I32, 1, {k ? B : A}, labels + (k ? A : 0),
                      (size_t)(k ? B : A) * 4};
        T_OK(bp_data_from_arrays(&in, 1, &t, &o, &d[k], &err), &err);
    }
    const bp_data *const sets[] = {d[0], d[1]};
    T_OK(bp_data_check_sets(sets, what, 2, &r, &err), &err);
    T_CHECKF(r.n_bad == 0 && !r.text[0] && r.n_records == A + B, "%s", r.text);
    memcpy(pixels[6], pixels[2], 4);      /* twice in train, one label */
    memcpy(pixels[9], pixels[4], 4);      /* and under another */
    memcpy(pixels[A + 3], pixels[1], 4);  /* of test, in train */
    memcpy(pixels[A + 5], pixels[2], 4);  /* the same, of the one twice */
    memcpy(pixels[A + 7], pixels[A], 4);  /* twice in test */
    labels[A + 7] = 0;
    memset(pixels[11], 9, 4);             /* of one color */
    r = (bp_data_report){0};
    T_OK(bp_data_check_sets(sets, what, 2, &r, &err), &err);
    T_CHECKF(!strcmp(r.text,
                     "train: 2 samples are equal to an earlier one: sample 6 = "
                     "sample 2, sample 9 = sample 4\n"
                     "train: 1 picture is of one color: sample 11\n"
                     "test: 1 sample is equal to an earlier one: sample 7 = "
                     "sample 0\n"
                     "test: 2 samples are in train too: sample 3 = sample 1, "
                     "sample 5 = sample 2\n"
                     "5 samples have equal inputs and other targets: sample 2 "
                     "= sample 5, sample 4 = sample 9"),
             "%s", r.text);
    T_CHECK(r.n_bad == 5);
    /* Classes that are missing, and uneven. */
    for (int i = 0; i < A; i++)
        labels[i] = i == 0 ? 3 : i % 3;
    bp_data *uneven = NULL;
    bp_array in = {BP_U8, 4, {A, 1, 2, 2}, pixels[0], A * 4};
    bp_array t = {BP_I32, 1, {A}, labels, A * 4};
    labels[1] = labels[4] = labels[7] = labels[10] = 0;
    T_OK(bp_data_from_arrays(&in, 1, &t, &o, &uneven, &err), &err);
    const bp_data *const one[] = {uneven};
    r = (bp_data_report){0};
    T_OK(bp_data_check_sets(one, what, 1, &r, &err), &err);
    T_CHECKF(strstr(r.text, "train: 1 class is without a sample, the first is "
                            "1"), "%s", r.text);
    bp_data_free(uneven);
    for (int64_t n = 0;; n++) {
        t_heap h = {.fail_at = n};
        bp_allocator heap = t_allocator(&h);
        bp_data_options own = {.size = sizeof own, .borrow = true,
                               .allocator = &heap};
        bp_status s = bp_data_from_arrays(&in, 1, &t, &own, &uneven, &err);
        const bp_data *const list[] = {uneven};
        r = (bp_data_report){0};
        if (!s)
            s = bp_data_check_sets(list, what, 1, &r, &err);
        bp_data_free(uneven);
        uneven = NULL;
        T_CHECK(h.live == 0);
        if (!h.failed) {
            T_CHECK(s == BP_OK && n > 4);
            break;
        }
        T_CHECK(s == BP_ENOMEM);
    }
    bp_data_free(d[0]);
    bp_data_free(d[1]);
}

int main(void)
{
    sound_data();
    bad_records();
    wrong_shapes();
    real_targets();
    remarks();
    return t_end();
}
