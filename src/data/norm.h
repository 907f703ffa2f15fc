/* Normalization as loaders apply it: internal to src/data. */
#ifndef BP__NORM_H
#define BP__NORM_H

#include "base/base.h"

#include <bprop/data.h>

struct bp_norm {
    bp_allocator a;
    bp_norm_kind kind;
    int64_t n;
    double *mean, *std; /* [n]; one block */
};

/* bp_norm_fit where the model takes samples of another shape than the data's
 * (one axis more for the single channel of a picture): CHANNEL is about its
 * first axis. rank 0: the data's own shape. */
bp_status bp__norm_fit(const bp_data *d, size_t input, bp_norm_kind kind,
                       int rank, const int64_t *dims, const bp_allocator *a,
                       bp_norm **norm, bp_error *err);

bp_norm *bp__norm_copy(const bp_allocator *a, const bp_norm *n);
/* Which mean belongs to element k of a row: its group is k / group_numel, or 0
 * if that is 0. n must fit the rows: [err: ESHAPE]. */
bp_status bp__norm_groups(const bp_norm *n, const bp_array *x,
                          int64_t *group_numel, bp_error *err);
/* The number that x becomes in group g, not rounded. */
double bp__norm_apply(const bp_norm *n, int64_t g, double x, bp_dtype stored);

#endif
