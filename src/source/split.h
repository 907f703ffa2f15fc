/* Dealing samples into parts: training, validation, test, folds. */
#ifndef BP__SPLIT_H
#define BP__SPLIT_H

#include "source/source.h"

typedef struct bp__deal {
    int64_t n;
    const int32_t *class_of; /* of each sample; -1: unknown; NULL: no classes */
    int n_classes;
} bp__deal;

/* data.split -> the part of each sample, where[n]. With classes every part has
 * its share of each, to within one sample. [err: ENOMEM] */
bp_status bp__deal_split(const bp__ynode *split, const bp__deal *d, int *where,
                         bp_error *err);

#endif
