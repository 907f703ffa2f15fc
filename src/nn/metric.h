/* What files of metrics share. Rows are made by metric_class.c, the table is
 * in metric.c. */
#ifndef BP__NN_METRIC_H
#define BP__NN_METRIC_H

#include "nn/nn.h"

/* Adds up all axes but the first two, or the last one: [N, ..., w] -> [N, w];
 * [N] stays. */
bp_val bp__metric_rows_of(bp_graph *g, bp_val x);
/* Of a single output: where class 1 begins. */
double bp__metric_threshold(const bp_nn *nn, const bp__spec *s);
/* The target's class: its index, or where a distribution is largest. */
bp_val bp__metric_class_of(bp_nn *nn, bp_val y, bp_val t);
bool bp__metric_check_classes(bp_nn *nn, bp_val y, bp_val t);

/* metric_class.c */
bp_val bp__metric_counts(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t);
bool bp__metric_precision(const bp__spec *s, const bp__metric_state *m,
                          double *out);
bool bp__metric_recall(const bp__spec *s, const bp__metric_state *m,
                       double *out);
bool bp__metric_f1(const bp__spec *s, const bp__metric_state *m, double *out);
bp_val bp__metric_ranks(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t);
bool bp__metric_auc(const bp__spec *s, const bp__metric_state *m, double *out);
bp_val bp__metric_bins(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t);
bool bp__metric_calibration(const bp__spec *s, const bp__metric_state *m,
                            double *out);

#endif
