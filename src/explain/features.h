/* What a network has learned to look for, as a picture. */
#ifndef BP__EXPLAIN_FEATURES_H
#define BP__EXPLAIN_FEATURES_H

#include "fmt/picture.h"

#include <bprop/nn.h>

/* The sample, then for each of the first layers with weights over pictures its
 * filters, and what the network makes there of the sample, in evaluation
 * mode. x: one sample for each input, in the task's type. legend: a line for
 * each strip, with the row of pixels that it starts in. A network without such
 * layers shows its first matrix of weights. [err: EARG and what bp_compile
 * says] */
bp_status bp__features_draw(const bp_task *t, bp_store *s, bp_runtime *r,
                            const void *const *x, const bp_allocator *a,
                            bp__picture *out, bp__str *legend, bp_error *err);

#endif
