/* bprop: data sets, their checks, normalization and batches.
 *
 * A bp_data holds samples: row i of one or more input arrays, and row i of a
 * target array (class labels or real numbers); in memory, or, for pictures, in
 * a file that is read as batches need it. A bp_loader turns
 * it into batches. What a batch holds is a function of (data, options, epoch,
 * batch number) alone: not of prefetching, threads, or what was read before.
 *
 * Options structs start with `size_t size`: set it to sizeof the struct and
 * the rest to zero for the defaults.
 */
#ifndef BPROP_DATA_H
#define BPROP_DATA_H

#include <bprop/bprop.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- arrays ----------------------------------------------------------- */

/* A dense row-major array in memory. */
typedef struct bp_array {
    bp_dtype dtype;
    int rank;
    int64_t dims[BP_MAX_RANK];
    void *data;
    size_t bytes;
} bp_array;

/* Zero-filled, 64-byte aligned. a NULL: malloc. The same allocator frees it.
 * [err: ENOMEM EARG ELIMIT] */
bp_status bp_array_new(const bp_allocator *a, bp_dtype dtype, int rank,
                       const int64_t *dims, bp_array *out, bp_error *err);
void bp_array_free(const bp_allocator *a, bp_array *x); /* leaves it empty */

/* NumPy's .npy: f4, f8, i4, u1, bool; f2 becomes f32, and other whole numbers
 * (i1, i2, i8, u2, u4, u8) i32 where all of them fit: one that does not is
 * named with its place. Fortran order becomes C order. Free with bp_array_free.
 * [err: EIO ENOTFOUND EFORMAT EDTYPE ERANGE ENOMEM] */
bp_status bp_npy_load(const bp_allocator *a, const char *path, bp_array *out,
                      bp_error *err);
/* The file appears whole or not at all. [err: EIO EARG ENOMEM] */
bp_status bp_npy_save(const char *path, const bp_array *x, bp_error *err);

/* ---- data sets -------------------------------------------------------- */

/* Reference-counted; never changes after its creation, so several threads may
 * read it. */
typedef struct bp_data bp_data;

#define BP_MAX_INPUTS 8

typedef enum bp_target {
    BP_TARGET_NONE = 0,  /* inputs only: for predicting */
    BP_TARGET_CLASS = 1, /* i32: a label a sample [n], or several [n, ...] */
    BP_TARGET_REAL = 2   /* f32 or f64, any shape */
} bp_target;

typedef struct bp_data_options {
    size_t size;                   /* sizeof(bp_data_options) */
    const bp_allocator *allocator; /* copied; NULL: malloc */
    /* Rows [first, last) only; both 0: all. */
    int64_t first, last;
    /* Lend the caller's arrays instead of copying them: they must outlive the
     * data set, and every part of it, unchanged. bp_data_from_arrays only. */
    bool borrow;
} bp_data_options;

/* MNIST's format: a file of unsigned bytes [n, ...] and one of labels [n],
 * plain or gzip. labels NULL: inputs only. All that is wrong with both files
 * comes in one message. [err: EIO ENOTFOUND EFORMAT ESHAPE ERANGE EUNSUPPORTED
 * ENOMEM] */
bp_status bp_data_from_idx(const char *images, const char *labels,
                           const bp_data_options *options, bp_data **data,
                           bp_error *err);
/* .npy files: inputs of any type [n, ...], which stay as they are stored; target
 * NULL, or whole numbers [n, ...] (classes), or f32/f64 [n, ...]. [err: as
 * above, EDTYPE] */
bp_status bp_data_from_npy(const char *const *inputs, size_t n_inputs,
                           const char *target, const bp_data_options *options,
                           bp_data **data, bp_error *err);
/* The same from one .npz file (numpy.savez, plain or compressed): the arrays
 * of these names. A name that it lacks is told with those it has. [err: as
 * above, and EUNSUPPORTED without libarchive] */
bp_status bp_data_from_npz(const char *path, const char *const *inputs,
                           size_t n_inputs, const char *target,
                           const bp_data_options *options, bp_data **data,
                           bp_error *err);
/* The same from memory. Borrowed inputs may have any type, a borrowed target
 * i32, f32 or f64. */
bp_status bp_data_from_arrays(const bp_array *inputs, size_t n_inputs,
                              const bp_array *target,
                              const bp_data_options *options, bp_data **data,
                              bp_error *err);

typedef enum bp_split {
    BP_SPLIT_TRAIN = 0,
    BP_SPLIT_VALID = 1,
    BP_SPLIT_TEST = 2
} bp_split;
const char *bp_split_name(bp_split s); /* "train"; "?" for an unknown one */

/* Built-in handwritten-like digits, u8 [n, 28, 28] (0 background, 255 ink) and
 * classes 0 to 9, drawn from strokes with random deformation. Sample i of a
 * split is a function of (seed, split, i), with the same bits everywhere.
 * n 0: 6,000 / 1,000 / 2,000. [err: ENOMEM EARG] */
bp_status bp_data_digits(bp_split split, int64_t n, uint64_t seed,
                         const bp_data_options *options, bp_data **data,
                         bp_error *err);

/* Rows [first, last) of d, without a copy. [err: ERANGE ENOMEM] */
bp_status bp_data_slice(const bp_data *d, int64_t first, int64_t last,
                        bp_data **part, bp_error *err);
/* The samples with these numbers, in this order; a number may come twice. Of
 * arrays a copy, of a file a list. [err: ERANGE EIO ENOMEM] */
bp_status bp_data_select(const bp_data *d, const int64_t *rows, int64_t n,
                         bp_data **part, bp_error *err);
bp_data *bp_data_retain(bp_data *d);
void bp_data_free(bp_data *d); /* drops one reference */

int64_t bp_data_count(const bp_data *d); /* samples */
size_t bp_data_inputs(const bp_data *d);
/* Views into the data set: dims[0] is the count. Read only. False: no such
 * input, or no target. data is NULL where an input's samples are in a file:
 * bp_data_read has them. */
bool bp_data_input(const bp_data *d, size_t i, bp_array *view);
bool bp_data_target(const bp_data *d, bp_array *view);
/* One sample of an input as it is stored, of the type that bp_data_input says.
 * [err: ERANGE EIO EFORMAT] */
bp_status bp_data_read(const bp_data *d, size_t input, int64_t row, void *to,
                       bp_error *err);
/* The file that a sample came from; NULL: it has none of its own. Owned by the
 * set. */
const char *bp_data_name(const bp_data *d, int64_t row);
bp_target bp_data_target_kind(const bp_data *d);
/* Largest label + 1; 0 where there are no classes. */
int64_t bp_data_classes(const bp_data *d);
/* Where it came from, for messages: a path, or "digits". Owned by d. */
const char *bp_data_source(const bp_data *d);

/* ---- columns of tables ------------------------------------------------- */

/* What training has learned of one. */
typedef enum bp_column_kind {
    BP_COLUMN_IGNORED = 0,
    BP_COLUMN_NUMBER = 1,
    BP_COLUMN_CATEGORY = 2,  /* words that become features */
    BP_COLUMN_EMBEDDING = 3  /* words that the network looks up */
} bp_column_kind;
typedef struct bp_column {
    const char *name;
    bp_column_kind kind;
    bool target;
    bool had_missing;
    int features;      /* numbers that a cell becomes; 0: a target, ignored */
    double center, factor; /* a target x of the network is x / factor +
                          center in its own units */
    int n_words;
    const char *const *words;
} bp_column;

/* ---- checking --------------------------------------------------------- */

/* What a model expects of data. */
typedef struct bp_data_expect {
    size_t size;        /* sizeof(bp_data_expect) */
    size_t n_inputs;    /* 0: not checked */
    int rank[BP_MAX_INPUTS];
    int64_t dims[BP_MAX_INPUTS][BP_MAX_RANK]; /* of one sample */
    bp_target target;   /* BP_TARGET_NONE: not checked */
    int64_t n_classes;  /* labels 0 .. n_classes-1; 0: not checked */
    int64_t target_numel; /* targets (or labels) of a sample; 0: not checked */
    bp_dtype input_dtype[BP_MAX_INPUTS]; /* i32, u8, bool: whole numbers that
                           fit; BP_F32 (0), BP_F64: any number */
    int64_t below[BP_MAX_INPUTS]; /* whole numbers from 0 to below this: row
                           numbers of an embedding; 0: not checked */
} bp_data_expect;

typedef struct bp_data_report {
    int64_t n_records; /* samples looked at */
    int64_t n_bad;     /* samples with at least one problem */
    char text[4000];   /* a line for each kind of problem, with its count and
                          the first samples; "" without any */
} bp_data_report;

/* Looks at every sample: shape (of one sample: equal numbers of elements do,
 * [28,28] fits [1,28,28]), labels in range, finite numbers, whole numbers in
 * range, each with its place (sample 7 has 40 at [3]). Adds to the
 * report, which the caller zeroes first, so that several parts make one
 * report. `what` ("train") starts each line. BP_OK, or the code of the first problem. expect
 * NULL: finite numbers and labels >= 0 only. [err: ESHAPE ERANGE ENONFINITE
 * EDTYPE EARG] */
bp_status bp_data_check(const bp_data *d, const bp_data_expect *expect,
                        const char *what, bp_data_report *report);

/* Remarks that stop nothing, over several sets (the first one trains): samples
 * that stand in two sets, or more than once, or with other targets; pictures
 * of one color; classes that are missing in the first set, or much rarer than
 * others. Each is counted, with examples, in a line of report->text; n_bad
 * counts the samples that are equal to an earlier one. Reads every sample.
 * what[i] names sets[i]. [err: EARG ENOMEM EIO] */
bp_status bp_data_check_sets(const bp_data *const *sets,
                             const char *const *what, size_t n,
                             bp_data_report *report, bp_error *err);

/* ---- normalization ---------------------------------------------------- */

typedef enum bp_norm_kind {
    BP_NORM_NONE = 0,    /* as stored: u8 becomes 0 .. 255 */
    BP_NORM_UNIT = 1,    /* u8 (and bool) / 255; others as stored */
    BP_NORM_GLOBAL = 2,  /* one mean and deviation */
    BP_NORM_CHANNEL = 3, /* for each index of a sample's first axis, [C,H,W] or
                            [C,T] (a sample of rank 1: like GLOBAL) */
    BP_NORM_FEATURE = 4  /* for each element of a sample */
} bp_norm_kind;
const char *bp_norm_kind_name(bp_norm_kind k); /* "none", "unit", ... */

/* y = (x - mean) / std, computed in f64 from what is stored and rounded once,
 * to f32 (f64 batches of f64 and i32 data: not at all). A deviation that is 0,
 * or below 1e-10 of the mean (f64 and i32 data: 1e-13), is taken for 1. Of
 * inputs that the model takes as floats only: whole numbers go to the graph as
 * they are. */
typedef struct bp_norm bp_norm;

/* From the samples of an input of d. u8: exact integer sums. Others: f64 sums
 * in row order, mean first, then the squared deviations. Deviations are those
 * of the population (divided by n). CHANNEL is about the data's own shape. A
 * trainer fits to the shape that the model gives a sample: [1,28,28] has one
 * channel, where the data have [28,28]. [err: EARG ENOMEM ENONFINITE] */
bp_status bp_norm_fit(const bp_data *d, size_t input, bp_norm_kind kind,
                      const bp_allocator *a, bp_norm **norm, bp_error *err);
/* From stored numbers: n means and deviations, copied (n 0 for NONE and
 * UNIT). [err: EARG ENOMEM] */
bp_status bp_norm_new(bp_norm_kind kind, int64_t n, const double *mean,
                      const double *std, const bp_allocator *a,
                      bp_norm **norm, bp_error *err);
void bp_norm_free(bp_norm *n);
bp_norm_kind bp_norm_get_kind(const bp_norm *n);
int64_t bp_norm_count(const bp_norm *n);
const double *bp_norm_mean(const bp_norm *n); /* owned by n */
const double *bp_norm_std(const bp_norm *n);

/* ---- batches ---------------------------------------------------------- */

typedef struct bp_loader bp_loader;

/* Random changes of pictures, anew for each sample in each epoch; all zero:
 * none. The last two axes of a sample are y and x; a sample of one axis stays
 * as it is. What comes in from outside is background: the stored value 0.
 * Rotation, crop and elastic together are one look-up, between four pixels. */
typedef struct bp_augment {
    int shift;      /* moves by -shift .. shift whole pixels on both axes */
    bool flip;      /* left and right change places, half the time */
    double rotate;  /* degrees: turns by -rotate .. rotate */
    double crop;    /* in [0,1): a part with 1-crop .. 1 of each side fills the
                       picture */
    double elastic; /* pixels: displacements of -elastic .. elastic at the
                       nodes of a 4 x 4 grid, with cubic B-splines between
                       (Ronneberger et al. 2015) */
    int cutout;     /* side of a square, its middle anywhere in the picture,
                       that becomes the mean (DeVries and Taylor 2017) */
    double mixup;   /* of samples of any kind: each becomes w of itself and
                       1-w of another that is drawn for it; w of at least 1/2,
                       one for each batch, is drawn from the distribution
                       Beta(mixup, mixup) (Zhang et al. 2018). Batches then
                       have both targets, and a loss weighs them likewise */
} bp_augment;

typedef struct bp_loader_options {
    size_t size;                   /* sizeof(bp_loader_options) */
    const bp_allocator *allocator; /* copied; NULL: malloc */
    int64_t batch;                 /* samples; 0: all of them */
    bool shuffle;                  /* anew each epoch, by (seed, epoch) */
    uint64_t seed;
    bp_augment augment; /* by (seed, epoch, sample) */
    bool prefetch;   /* the next batch is made on a thread of its own */
    bool drop_last;  /* leaves out a short last batch */
    bp_dtype dtype;  /* of inputs and real targets: BP_F32, or BP_F64 (f32 and u8
                        data: the numbers of an f32 batch, widened; f64 and
                        i32 data: not rounded) */
    const bp_norm *norm[BP_MAX_INPUTS]; /* copied; NULL: BP_NORM_NONE */
    /* Of each input in a batch: BP_I32, BP_U8 or BP_BOOL, to which all of the
     * data's numbers must fit (2.0 does, 2.5 and 256 as u8 do not) and which
     * norm and augment leave alone; BP_F32 (0) or BP_F64: `dtype`. */
    bp_dtype input_dtype[BP_MAX_INPUTS];
} bp_loader_options;

typedef struct bp_batch {
    int64_t epoch; /* from 0 */
    int64_t index; /* of the batch within its epoch, from 0 */
    int64_t count; /* samples: options.batch but for a short last one */
    size_t n_inputs;
    const void *input[BP_MAX_INPUTS]; /* [count, ...] */
    size_t input_bytes[BP_MAX_INPUTS];
    bp_dtype input_dtype[BP_MAX_INPUTS];
    int input_rank[BP_MAX_INPUTS];    /* of one sample, as the data have it */
    int64_t input_dims[BP_MAX_INPUTS][BP_MAX_RANK];
    const void *target; /* [count, ...]; NULL: none */
    size_t target_bytes;
    bp_dtype target_dtype; /* i32 of classes, else options.dtype */
    int target_rank;       /* of one sample: 0 for a label */
    int64_t target_dims[BP_MAX_RANK];
    const void *target2; /* of mixup: the other samples' targets, like target */
    const void *mix;     /* of mixup: w, [count], options.dtype; else NULL */
    size_t mix_bytes;
    const int64_t *sample; /* [count] rows of the data set */
} bp_batch;

/* Retains d. Starts at epoch 0, batch 0. [err: EARG ESHAPE ENOMEM] */
bp_status bp_loader_new(bp_data *d, const bp_loader_options *options,
                        bp_loader **loader, bp_error *err);
void bp_loader_free(bp_loader *l);
int64_t bp_loader_batches(const bp_loader *l); /* in an epoch */
/* The next call of bp_loader_next gives this batch. index may equal the number
 * of batches: batch 0 of the next epoch. [err: ERANGE] */
bp_status bp_loader_seek(bp_loader *l, int64_t epoch, int64_t index,
                         bp_error *err);
/* The batch is valid until the next call with this loader. After the last
 * batch of an epoch comes the first one of the next. After a failure the same
 * batch is tried again. [err: EIO EFORMAT ERANGE] */
bp_status bp_loader_next(bp_loader *l, bp_batch *batch, bp_error *err);

#ifdef __cplusplus
}
#endif
#endif
