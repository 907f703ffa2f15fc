/* What predictions are worth: scores over a set of samples, how sure they are,
 * and the trivial guesses that they have to beat. */
#ifndef BP__TRAIN_SCORES_H
#define BP__TRAIN_SCORES_H

#include "train/train.h"

/* Of n samples: probabilities of k classes [n, k], or k numbers [n, k], of
 * which the scores are about one. */
typedef struct bp__predictions {
    bp_allocator a;
    int64_t n, k;
    bool classes;
    double *y;
    int32_t *label; /* [n], of classes */
    double *truth;  /* [n, k], of numbers */
    int64_t of;     /* the number that is scored: 0 to k - 1 */
} bp__predictions;

/* With the evaluator's weights, in the order of d. [err: as bp__evaluate] */
bp_status bp__predict_all(bp__evaluator *e, bp_data *d, const bp_allocator *a,
                          bp__predictions *p, bp_error *err);
/* The constant guess: shares of the classes in d, or the means of its targets.
 */
bp_status bp__predict_constant(const bp_data *train, const bp_data *d,
                               int64_t k, const bp_allocator *a,
                               bp__predictions *p, bp_error *err);
void bp__predictions_free(bp__predictions *p);

typedef enum bp__score {
    BP__SCORE_ACCURACY, /* share of samples with the right class */
    BP__SCORE_F1,       /* mean over the classes of 2PR / (P + R), or 0 */
    BP__SCORE_AUC,      /* of two classes: area under the ROC curve */
    BP__SCORE_LOG_LOSS, /* mean of -log probability of the class */
    BP__SCORE_RMSE,
    BP__SCORE_MAE,
    BP__SCORE_R2        /* 1 - squared errors / squares around the mean */
} bp__score;

/* NaN where it is not defined (AUC without both classes, R2 of a constant). */
double bp__score_of(const bp__predictions *p, bp__score s);
/* The middle 95 % of the score over 1,000 draws of n samples with repetition
 * (Efron's percentile bootstrap); the same draws each time. Where all classes
 * are right, or none is, every draw is the same: one end is Clopper and
 * Pearson's exact bound (1934). False: out of memory. Not for AUC. */
bool bp__score_interval(const bp__predictions *p, bp__score s, double *low,
                        double *high);

/* Is p better than q, both of the same samples? NONE: the middle 95 % of the
 * difference over such draws holds 0. False: out of memory. Not for AUC. */
typedef enum bp__gain {
    BP__GAIN_NONE,
    BP__GAIN_BETTER,
    BP__GAIN_WORSE
} bp__gain;
bool bp__score_gain(const bp__predictions *p, const bp__predictions *q,
                    bp__score s, bp__gain *gain);

#endif
