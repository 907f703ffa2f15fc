/* A model file for arrays that nobody has described yet: an .npz file, or a
 * pair of .npy files. */
#ifndef BP__ARRAYS_DRAFT_H
#define BP__ARRAYS_DRAFT_H

#include "base/base.h"

#include <bprop/data.h>

typedef struct bp__array_draft {
    bp__arena memory;
    const char *path;
    /* Names in the .npz file, or paths of .npy files. */
    const char *input, *target;
    bool npz;
    /* The test part, in the same .npz file or elsewhere; input NULL: none. */
    const char *test_path, *test_input, *test_target;
    const char *others;  /* arrays that are not used, "a, b"; "" for none */
    int64_t n, n_test;
    int rank;            /* of a sample */
    int64_t dims[BP_MAX_RANK];
    bp_dtype dtype;
    double least, most;  /* of the inputs */
    bool classes;
    int64_t outputs;     /* classes, or numbers of a sample's target */
    int64_t *class_n;    /* [outputs], of classes */
    double mean, deviation, target_least, target_most; /* of numbers */
} bp__array_draft;

/* target: the array's name in an .npz file, or the .npy file that goes with
 * path; NULL: found by its name. test: a file like path; NULL: arrays named as
 * a test part, or a share of the samples. [err: as bp_data_from_npz, EARG] */
bp_status bp__array_draft_look(const char *path, const char *target,
                               const char *test, bp__array_draft *d,
                               bp_error *err);
/* As NumPy calls it. */
const char *bp__array_kind(bp_dtype t);
void bp__array_draft_free(bp__array_draft *d);
void bp__array_draft_describe(const bp__array_draft *d, bp__str *out);
void bp__array_draft_write(const bp__array_draft *d, bp__str *out);

#endif
