/* Data sets: internal to src/data. Everything but the reference count is fixed
 * once a set has been made. */
#ifndef BP__DATA_H
#define BP__DATA_H

#include "base/file.h"

#include <bprop/data.h>

#include <stdatomic.h>

/* Samples in a file: row i starts at offset + i * row_bytes. */
typedef struct bp__row_file {
    bp_allocator a;
    const bp__fs *fs;
    intptr_t handle;
    int64_t offset;
    size_t row_bytes;
    char *path;
} bp__row_file;
/* [err: EIO ENOTFOUND ENOMEM] */
bp_status bp__row_file_open(const bp__fs *fs, const bp_allocator *a,
                            const char *path, int64_t offset, size_t row_bytes,
                            bp__row_file **f, bp_error *err);
void bp__row_file_close(bp__row_file *f);

struct bp_data {
    bp_allocator a;
    atomic_int refs;
    bp_data *parent; /* owns the arrays where this is a part of it */
    bool borrowed;   /* the caller owns the arrays */
    int64_t count;
    size_t n_inputs;
    bp_array input[BP_MAX_INPUTS]; /* of any type; dims[0] is count */
    bp_target kind;
    bp_array target; /* [count, ...]: i32 of classes, else f32 or f64 */
    int64_t n_classes;
    char *source;
    /* Of pictures. Both belong to the set that has no parent. */
    bp__row_file *disk;    /* has the rows of input 0, whose data is NULL */
    struct bp__names *names; /* of the rows of disk, or of the parent's */
    int64_t *index; /* [count]: which of those rows; NULL: in order */
    int64_t *line;  /* [count], of a table: where each sample starts; NULL */
};

int64_t bp__largest_label(const bp_array *labels);
/* An empty set with one reference; NULL: out of memory. */
bp_data *bp__data_new(const bp_allocator *a, const char *source);
/* bp_data_slice of a set over a file. */
bp_status bp__data_slice_rows(const bp_data *d, int64_t first, int64_t last,
                              bp_data **part, bp_error *err);

/* Where each sample starts in its table [count]; NULL: it is from none. */
static inline const int64_t *bp__data_lines(const bp_data *d)
{
    return d->line;
}
/* "cat/1.png", "line 17", "sample 16". */
void bp__data_where(const bp_data *d, int64_t row, char *buf, size_t bytes);

/* Names of samples: files. */
typedef struct bp__names {
    bp__arena memory;
    size_t n;
    const char **name;
} bp__names;

/* The bytes of a sample as they are stored: a place in the array, or `scratch`,
 * which has room for a row, filled. [err: EIO EFORMAT] */
bp_status bp__data_stored(const bp_data *d, size_t input, int64_t row,
                          void *scratch, const void **p, bp_error *err);
/* Bytes of scratch that bp__data_stored needs; 0: none. */
size_t bp__data_scratch(const bp_data *d);
/* A set over a file of pictures, u8 [count][dims...]; takes disk, names and
 * target (data NULL: none) over, also when it fails. index: copied. */
bp_status bp__data_from_rows(const bp_allocator *a, bp__row_file *disk,
                             int64_t count, int rank, const int64_t *dims,
                             bp_array *target, bp__names *names,
                             const int64_t *index, const char *source,
                             bp_data **data, bp_error *err);
void bp__names_free(const bp_allocator *a, bp__names *n);

/* Bytes and elements of one row. */
size_t bp__row_bytes(const bp_array *x);
int64_t bp__row_numel(const bp_array *x);
/* How many samples the first batches of an epoch have. */
int64_t bp__loader_samples(const bp_loader *l, int64_t batches);
/* Is a batch so large that making it takes longer than waking a thread? */
bool bp__data_prefetch_pays(const bp_data *d, int64_t batch);

/* The classes, where the labels can be such; 0: there are none, or a label is
 * far larger than any class (no room is made for it: bp_data_check names it).
 */
int64_t bp__data_countable_classes(const bp_data *d);
/* Labels of each of k classes; others are passed over. */
void bp__data_count_classes(const bp_data *d, int64_t k, int64_t *count);

/* The allocator of options, or malloc. */
bp_allocator bp__data_allocator(const bp_data_options *o);
/* The caller's, whole, in *all, to which *o then points. */
bp_status bp__data_take_options(bp_data_options *all,
                                const bp_data_options **o, bp_error *err);
/* Makes a set of arrays that it takes over (also when it fails); keeps the
 * rows of options. Labels become i32. target's data NULL: no target. */
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

bp_status bp__data_from_npz(const bp__fs *fs, const char *path,
                            const char *const *inputs, size_t n_inputs,
                            const char *target, const bp_data_options *options,
                            bp_data **data, bp_error *err);

/* All arrays of an .npz file, in stored order; names in `memory`, the arrays of
 * its allocator (bp_array_free). [err: as bp_data_from_npz] */
enum { BP__NPZ_ARRAYS = 64 };
typedef struct bp__named_array {
    const char *name;
    bp_array x;
} bp__named_array;
bp_status bp__npz_list(const bp__fs *fs, const char *path, bp__arena *memory,
                       bp__named_array array[BP__NPZ_ARRAYS], size_t *n,
                       bp_error *err);

/* Sample `index` of a split of the digits, 28 * 28 bytes; returns its class.
 */
int bp__digit_draw(uint64_t seed, bp_split split, int64_t index,
                   uint8_t *pixels);

#endif
