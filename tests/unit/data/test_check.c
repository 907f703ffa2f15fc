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

int main(void)
{
    sound_data();
    bad_records();
    wrong_shapes();
    real_targets();
    return t_end();
}
