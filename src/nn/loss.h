/* What files of losses share. */
#ifndef BP__NN_LOSS_H
#define BP__NN_LOSS_H

#include "nn/nn.h"

/* The argument of losses of classes. */
#define BP__CLASS_WEIGHTS                                                   \
    {"class_weights", BP__ARG_WEIGHTS, "of a sample's loss, by its class: " \
     "the loss is the weighted mean; balanced: samples / (classes * "       \
     "samples of the class), in training data", .min = 0, .max = HUGE_VAL,  \
     .no_default = true}

typedef struct bp__weights {
    bool any;      /* false: none are given */
    int64_t k;
    bp_val table;  /* [k] */
    bp_val each;   /* of the target's shape */
} bp__weights;

/* False: the graph has the error. */
bool bp__loss_weights(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t,
                      bp__weights *w);
/* Losses x of the target's shape, or with an axis of outputs behind (of which
 * the mean is taken), times their weights. */
bp_val bp__loss_weighted(bp_nn *nn, bp_val x, const bp__weights *w);
/* The sum of such over the whole batch, by the sum of the weights. */
bp_val bp__loss_mean(bp_nn *nn, bp_val weighted, const bp__weights *w);

#endif
