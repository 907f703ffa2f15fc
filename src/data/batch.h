/* Filling one batch: internal to src/data. */
#ifndef BP__BATCH_H
#define BP__BATCH_H

#include "data/augment.h"
#include "data/data.h"
#include "data/norm.h"

/* How the rows of one input are turned into numbers. */
typedef struct bp__batch_input {
    const bp_array *x;
    bp_dtype dtype;       /* of the batch */
    bool narrow;          /* f64 batches of numbers that f32 ones have */
    const bp_norm *norm;  /* NULL: none */
    int64_t numel, group; /* of a row; that share a mean (0: all) */
    int64_t planes, height, width; /* of a picture; 0: not augmented */
    float *table; /* u8: [256] for each group; NULL: computed one by one */
    int64_t n_tables;
} bp__batch_input;

/* [err: EARG ESHAPE ENOMEM] */
bp_status bp__batch_input_init(bp__batch_input *in, const bp_allocator *a,
                               const bp_array *x, const bp_norm *norm,
                               bp_dtype dtype, bool augment, bp_error *err);
void bp__batch_input_free(bp__batch_input *in, const bp_allocator *a);
/* A row as it is stored (bp__data_stored), placed, in the batch's type. place
 * NULL: as it is. */
void bp__batch_row(const bp__batch_input *in, const void *stored,
                   const bp__placement *place, void *out);
/* A row of a whole-number type. False: element *at does not fit. */
bool bp__batch_whole(const bp__batch_input *in, const void *stored, void *out,
                     int64_t *at);

#endif
