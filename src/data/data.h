/* Data sets in memory: internal to src/data. Everything but the reference
 * count is fixed once a set has been made. */
#ifndef BP__DATA_H
#define BP__DATA_H

#include "base/file.h"

#include <bprop/data.h>

#include <stdatomic.h>

struct bp_data {
    bp_allocator a;
    atomic_int refs;
    bp_data *parent; /* owns the arrays where this is a part of it */
    bool borrowed;   /* the caller owns the arrays */
    int64_t count;
    size_t n_inputs;
    bp_array input[BP_MAX_INPUTS]; /* f32 or u8; dims[0] is count */
    bp_target kind;
    bp_array target; /* i32 [count], or f32 [count, ...] */
    int64_t n_classes;
    char *source;
};

/* Bytes and elements of one row. */
size_t bp__row_bytes(const bp_array *x);
int64_t bp__row_numel(const bp_array *x);
/* Is a batch so large that making it takes longer than waking a thread? */
bool bp__data_prefetch_pays(const bp_data *d, int64_t batch);

/* Samples of each of k classes; others are passed over. */
void bp__data_count_classes(const bp_data *d, int64_t k, int64_t *count);

/* The allocator of options, or malloc. */
bp_allocator bp__data_allocator(const bp_data_options *o);
bp_status bp__data_check_options(const bp_data_options *o, bp_error *err);
/* Makes a set of arrays that it takes over (also when it fails); keeps the
 * rows of options. Arrays of other types than a set's are converted. target's
 * data NULL: no target. */
bp_status bp__data_take(const bp_allocator *a, bp_array *inputs,
                        size_t n_inputs, bp_array *target,
                        const bp_data_options *o, const char *source,
                        bp_data **data, bp_error *err);

/* The public readers over any file layer. */
bp_status bp__data_from_idx(const bp__fs *fs, const char *images,
                            const char *labels, const bp_data_options *options,
                            bp_data **data, bp_error *err);
bp_status bp__data_from_npy(const bp__fs *fs, const char *const *inputs,
                            size_t n_inputs, const char *target,
                            const bp_data_options *options, bp_data **data,
                            bp_error *err);

/* Sample `index` of a split of the digits, 28 * 28 bytes; returns its class.
 */
int bp__digit_draw(uint64_t seed, bp_split split, int64_t index,
                   uint8_t *pixels);

#endif
