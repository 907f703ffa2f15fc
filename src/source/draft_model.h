/* What the model files of all drafts have: a network, its loss, metrics and
 * optimizer, and how long it trains, by the size of the data. */
#ifndef BP__DRAFT_MODEL_H
#define BP__DRAFT_MODEL_H

#include "base/base.h"

typedef struct bp__draft_model {
    int64_t rows;    /* that train */
    int64_t outputs; /* classes, or numbers of a target */
    bool classes;
    bool scaled;     /* numbers are brought to mean 0 and deviation 1 */
} bp__draft_model;

/* Samples of numbers: all before the file's `data`, and `train` behind it.
 * input: what the file says of the model's input. */
void bp__draft_rows(bp__str *out, const bp__draft_model *m, const char *input);
void bp__draft_rows_train(bp__str *out, const bp__draft_model *m);

/* The same for pictures of channels, height and width. work: multiplications of
 * one picture, as the first of the two returns them. */
double bp__draft_pictures(bp__str *out, const bp__draft_model *m,
                          const int64_t chw[3]);
void bp__draft_pictures_train(bp__str *out, const bp__draft_model *m,
                              double work);

#endif
