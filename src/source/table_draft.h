/* A model file for data that nobody has described yet. */
#ifndef BP__CONFIG_DRAFT_H
#define BP__CONFIG_DRAFT_H

#include "data/columns.h"

typedef struct bp__draft_options {
    const char *path;   /* the table, as the model file is to name it */
    const char *test;   /* a table to test on; NULL: a part of the first */
    const char *target; /* columns as in bp__columns_options, between
                           commas; NULL: the last one */
    bp__table_task task;
} bp__draft_options;

typedef struct bp__draft {
    bp__table *table, *test; /* test NULL: none */
    bp__columns *columns;
    bp__repeats repeats;
    int64_t shared;      /* rows of the test table that are in the first */
    int64_t *class_rows; /* of each class, in the first table */
    int64_t *missing;    /* cells of each column */
    /* Classes of the test table that the first has in another spelling. */
    const char **rename; /* pairs: from, to */
    size_t n_rename;
    bp__str looks;       /* remarks of data/looks.h */
    bp__arena memory;
} bp__draft;

/* Looks at the data. [err: as bp__table_read and bp__columns_guess] */
bp_status bp__draft_look(const bp__draft_options *o, bp__draft *d,
                         bp_error *err);
void bp__draft_free(bp__draft *d);
/* What was found, for people; and the model file. */
void bp__draft_describe(const bp__draft *d, bp__str *out);
void bp__draft_write(const bp__draft *d, const bp__draft_options *o,
                     bp__str *out);

#endif
