/* Scores of predictions by hand, the constant guess, and intervals. */
#include "t.h"

#include "train/scores.h"

#include <math.h>

static bp__predictions make(int64_t n, int64_t k, const double *y,
                            const int32_t *label, const double *truth)
{
    const bp_allocator *a = &bp__malloc_allocator;
    bp__predictions p = {.a = *a, .n = n, .k = k, .classes = label != NULL};
    p.y = bp__calloc(a, (size_t)(n * k), sizeof *p.y);
    memcpy(p.y, y, (size_t)(n * k) * sizeof *y);
    if (label) {
        p.label = bp__calloc(a, (size_t)n, sizeof *label);
        memcpy(p.label, label, (size_t)n * sizeof *label);
    } else {
        p.truth = bp__calloc(a, (size_t)n, sizeof *truth);
        memcpy(p.truth, truth, (size_t)n * sizeof *truth);
    }
    return p;
}

static void of_classes(void)
{
    /* says 1, 0, 1, 0, 0, 1; pairs (no, yes): 3 * 3 */
    const double q[] = {0.9, 0.2, 0.6, 0.4, 0.4, 0.7};
    const int32_t label[] = {1, 0, 0, 1, 0, 1};
    double y[12];
    for (int i = 0; i < 6; i++) {
        y[2 * i] = 1 - q[i];
        y[2 * i + 1] = q[i];
    }
    bp__predictions p = make(6, 2, y, label, NULL);
    T_NEAR(bp__score_of(&p, BP__SCORE_ACCURACY), 4.0 / 6, 1e-15);
    /* class 1: 2 of 3 said, 2 of 3 true; class 0 the same */
    T_NEAR(bp__score_of(&p, BP__SCORE_F1), 2.0 / 3, 1e-15);
    /* 0.9 and 0.7 beat all three; 0.4 beats 0.2 and ties with 0.4 */
    T_NEAR(bp__score_of(&p, BP__SCORE_AUC), (3 + 3 + 1.5) / 9, 1e-15);
    double loss = -(log(0.9) + log(0.8) + log(0.4) + log(0.4) + log(0.6) +
                    log(0.7)) / 6;
    T_NEAR(bp__score_of(&p, BP__SCORE_LOG_LOSS), loss, 1e-12);
    T_CHECK(isnan(bp__score_of(&p, BP__SCORE_R2)));
    p.label[1] = p.label[2] = p.label[4] = 1; /* one class only */
    T_CHECK(isnan(bp__score_of(&p, BP__SCORE_AUC)));
    bp__predictions_free(&p);
}

static void of_numbers(void)
{
    const double y[] = {1, 2, 3, 5}, truth[] = {1, 3, 3, 4};
    bp__predictions p = make(4, 1, y, NULL, truth);
    T_NEAR(bp__score_of(&p, BP__SCORE_RMSE), sqrt(0.5), 1e-15);
    T_NEAR(bp__score_of(&p, BP__SCORE_MAE), 0.5, 1e-15);
    /* squares around the mean 2.75: 3.0625 + 2 * 0.0625 + 1.5625 */
    T_NEAR(bp__score_of(&p, BP__SCORE_R2), 1 - 2 / 4.75, 1e-15);
    T_CHECK(isnan(bp__score_of(&p, BP__SCORE_ACCURACY)));
    bp__predictions_free(&p);
}

/* Of 400 samples 80 % are right: the standard error is 2 %. */
static void interval(void)
{
    double y[800], low, high, low2, high2;
    int32_t label[400];
    for (int i = 0; i < 400; i++) {
        y[2 * i] = 1;
        y[2 * i + 1] = 0;
        label[i] = i % 5 == 0;
    }
    bp__predictions p = make(400, 2, y, label, NULL);
    T_CHECK(bp__score_interval(&p, BP__SCORE_ACCURACY, &low, &high));
    T_CHECKF(low > 0.75 && low < 0.77 && high > 0.83 && high < 0.85,
             "%g to %g", low, high);
    T_CHECK(bp__score_interval(&p, BP__SCORE_ACCURACY, &low2, &high2));
    T_CHECK(low >= low2 && low <= low2 && high >= high2 && high <= high2);
    bp__predictions_free(&p);
}

/* All right, or none: draws are all alike, the bound is not. 0.025^(1/80) */
static void interval_of_one_kind(void)
{
    double y[160], low, high;
    int32_t label[80] = {0};
    for (int i = 0; i < 80; i++) {
        y[2 * i] = 1;
        y[2 * i + 1] = 0;
    }
    bp__predictions p = make(80, 2, y, label, NULL);
    T_CHECK(bp__score_interval(&p, BP__SCORE_ACCURACY, &low, &high));
    T_NEAR(low, 0.9549355, 1e-6);
    T_NEAR(high, 1, 0);
    for (int i = 0; i < 80; i++)
        p.label[i] = 1;
    T_CHECK(bp__score_interval(&p, BP__SCORE_ACCURACY, &low, &high));
    T_NEAR(low, 0, 0);
    T_NEAR(high, 1 - 0.9549355, 1e-6);
    bp__predictions_free(&p);
}

/* Of 100 samples p has 90 right and q 60; r differs from p in two, once each
 * way. Smaller is better for a loss. */
static void gain(void)
{
    double y[3][200];
    int32_t label[100] = {0};
    bp__predictions p[3];
    bp__gain g;
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < 100; i++) {
            int right = k == 1 ? i < 60 : i < 90;
            if (k == 2 && (i == 0 || i == 99))
                right = !right;
            y[k][2 * i] = right ? 0.8 : 0.2;
            y[k][2 * i + 1] = right ? 0.2 : 0.8;
        }
        p[k] = make(100, 2, y[k], label, NULL);
    }
    static const bp__score scores[] = {BP__SCORE_ACCURACY, BP__SCORE_LOG_LOSS};
    for (int i = 0; i < 2; i++) {
        T_CHECK(bp__score_gain(&p[0], &p[1], scores[i], &g));
        T_CHECK(g == BP__GAIN_BETTER);
        T_CHECK(bp__score_gain(&p[1], &p[0], scores[i], &g));
        T_CHECK(g == BP__GAIN_WORSE);
        T_CHECK(bp__score_gain(&p[0], &p[2], scores[i], &g));
        T_CHECK(g == BP__GAIN_NONE);
        T_CHECK(bp__score_gain(&p[0], &p[0], scores[i], &g));
        T_CHECK(g == BP__GAIN_NONE);
    }
    for (int k = 0; k < 3; k++)
        bp__predictions_free(&p[k]);
}

static bp_data *data_of(int32_t *label, float *number, int64_t n)
{
    static float x[8];
    bp_error err = {0};
    bp_data *d = NULL;
    bp_array in = {BP_F32, 2, {n, 1}, x, (size_t)n * 4};
    bp_array y = {label ? BP_I32 : BP_F32, label ? 1 : 2, {n, 1},
                  label ? (void *)label : (void *)number, (size_t)n * 4};
    T_OK(bp_data_from_arrays(&in, 1, &y, NULL, &d, &err), &err);
    return d;
}

static void constant(void)
{
    int32_t label[] = {0, 2, 2, 2};
    float number[] = {1, 2, 3, 6};
    bp_error err = {0};
    bp__predictions p;
    bp_data *d = data_of(label, NULL, 4), *e = data_of(NULL, number, 4);
    const bp_allocator *a = &bp__malloc_allocator;
    T_OK(bp__predict_constant(d, d, 3, a, &p, &err), &err);
    T_NEAR(p.y[0], 0.25, 0);
    T_NEAR(p.y[9 + 2], 0.75, 0);
    T_NEAR(bp__score_of(&p, BP__SCORE_ACCURACY), 0.75, 0);
    bp__predictions_free(&p);
    T_OK(bp__predict_constant(e, e, 1, a, &p, &err), &err);
    T_NEAR(p.y[3], 3, 0);
    T_NEAR(bp__score_of(&p, BP__SCORE_R2), 0, 1e-15);
    bp__predictions_free(&p);
    bp_data_free(d);
    bp_data_free(e);
}

int main(void)
{
    of_classes();
    of_numbers();
    interval();
    interval_of_one_kind();
    gain();
    constant();
    return t_end();
}
