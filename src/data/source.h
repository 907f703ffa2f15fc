/* Sources: internal to src/data and src/train. */
#ifndef BP__DATA_SOURCE_H
#define BP__DATA_SOURCE_H

#include "base/base.h"

#include <bprop/source.h>

void bp__source_set_batches(bp_source *s, int64_t n);

/* Adds a data set's inputs and targets to a hash: the same for equal samples,
 * whatever holds them. [err: EIO EFORMAT ENOMEM] */
bp_status bp__data_hash(const bp_data *d, uint64_t *h, bp_error *err);

#endif
