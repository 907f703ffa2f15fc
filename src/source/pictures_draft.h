/* A model file for pictures that nobody has described yet. */
#ifndef BP__PICTURES_DRAFT_H
#define BP__PICTURES_DRAFT_H

#include "data/picture_files.h"
#include "source/source.h"

typedef struct bp__picture_draft {
    bp__arena memory;
    const char *path, *test; /* as the model file is to name them; test NULL */
    /* Folders that are parts (train, valid, test): their names; NULL: none. */
    const char *part[BP__N_SPLITS];
    int64_t part_n[BP__N_SPLITS];
    const char *root;    /* folders above the classes, "" for none */
    int64_t n;           /* pictures, without those of a separate test set */
    int64_t n_train;     /* that are left to train on, about */
    size_t n_classes;
    const char **classes;
    int64_t *class_n;
    int64_t n_color, n_png, n_bad, n_other;
    const char *bad, *other; /* the first of each */
    int64_t least[2], most[2], median[2]; /* width, height */
    bool one_size;
    int64_t n_repeats;   /* files that are equal to an earlier one */
    int64_t n_conflicts; /* of these, under another class */
    const char *conflict[2];
    int64_t n_shared;    /* of the test set, that are in the others too */
    int64_t height, width, channels; /* of the model's input */
} bp__picture_draft;

/* [err: as bp__picture_files_list, ERANGE] */
bp_status bp__picture_draft_look(const char *path, const char *test,
                                 bp__picture_draft *d, bp_error *err);
void bp__picture_draft_free(bp__picture_draft *d);
void bp__picture_draft_describe(const bp__picture_draft *d, bp__str *out);
void bp__picture_draft_write(const bp__picture_draft *d, bp__str *out);

#endif
