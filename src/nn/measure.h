/* Formulas of scores that metrics and the tables after training share. */
#ifndef BP__NN_MEASURE_H
#define BP__NN_MEASURE_H

#include "base/base.h"

typedef enum bp__class_measure {
    BP__PRECISION, /* hits / said */
    BP__RECALL,    /* hits / truth */
    BP__F1         /* 2 hits / (said + truth) */
} bp__class_measure;

typedef enum bp__average {
    BP__MACRO,    /* the mean over classes */
    BP__WEIGHTED, /* each as often as it is the truth */
    BP__MICRO     /* of the counts of all classes together */
} bp__average;

/* Of k classes: samples that are of it and were said to be (hits), that were
 * said to be, that are. A class that never occurs does not count; what would
 * divide by 0 is 0. NaN: none occurs. */
double bp__class_score(bp__class_measure m, bp__average average, int64_t k,
                       const double *hits, const double *said,
                       const double *truth);

typedef struct bp__ranked {
    double score;
    bool yes;
} bp__ranked;
/* The area under the ROC curve: the share of pairs (no, yes) in which the yes
 * has the larger score, equal scores counting half (Mann and Whitney's
 * statistic). Sorts r. NaN: only one kind occurs, or a score is a NaN. */
double bp__roc_area(bp__ranked *r, int64_t n);

/* 1 - squares / around; NaN where around is not above 0. */
double bp__r2(double squares, double around);

#endif
