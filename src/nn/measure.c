/* Formulas of scores. */
#include "nn/measure.h"

#include <math.h>
#include <stdlib.h>

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static double one_class(bp__class_measure m, double hits, double said,
                        double truth)
{
    if (m == BP__PRECISION)
        return ratio(hits, said);
    if (m == BP__RECALL)
        return ratio(hits, truth);
    return ratio(2 * hits, said + truth);
}

double bp__class_score(bp__class_measure m, bp__average average, int64_t k,
                       const double *hits, const double *said,
                       const double *truth)
{
    double sum = 0, weights = 0, all[3] = {0, 0, 0};
    for (int64_t c = 0; c < k; c++) {
        if (!(said[c] + truth[c] > 0))
            continue;
        double w = average == BP__WEIGHTED ? truth[c] : 1;
        sum += w * one_class(m, hits[c], said[c], truth[c]);
        weights += w;
        all[0] += hits[c];
        all[1] += said[c];
        all[2] += truth[c];
    }
    if (!(weights > 0))
        return (double)NAN;
    if (average == BP__MICRO)
        return one_class(m, all[0], all[1], all[2]);
    return sum / weights;
}

static int compare_ranked(const void *a, const void *b)
{
    double x = ((const bp__ranked *)a)->score;
    double y = ((const bp__ranked *)b)->score;
    return x < y ? -1 : x > y;
}

double bp__roc_area(bp__ranked *r, int64_t n)
{
    int64_t yes = 0, below = 0;
    double pairs = 0;
    for (int64_t i = 0; i < n; i++) {
        if (isnan(r[i].score))
            return (double)NAN; /* it has no place in an order */
        yes += r[i].yes;
    }
    qsort(r, (size_t)n, sizeof *r, compare_ranked);
    for (int64_t i = 0; i < n;) {
        int64_t j = i, no_here = 0, yes_here = 0;
        for (; j < n && !(r[j].score > r[i].score); j++) {
            no_here += !r[j].yes;
            yes_here += r[j].yes;
        }
        pairs += (double)yes_here * ((double)below + 0.5 * (double)no_here);
        below += no_here;
        i = j;
    }
    int64_t no = n - yes;
    return yes && no ? pairs / ((double)yes * (double)no) : (double)NAN;
}

double bp__r2(double squares, double around)
{
    return around > 0 ? 1 - squares / around : (double)NAN;
}
