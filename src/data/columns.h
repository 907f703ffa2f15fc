/* What the columns of a table are, and what the training rows say of them:
 * numbers for every cell. Learned once, kept with the run, applied to every
 * other table. */
#ifndef BP__DATA_COLUMNS_H
#define BP__DATA_COLUMNS_H

#include "data/table.h"

typedef enum bp__column_kind {
    BP__COLUMN_IGNORED = 0,
    BP__COLUMN_NUMBER,
    BP__COLUMN_CATEGORY,  /* of few words: features */
    BP__COLUMN_EMBEDDING, /* of many: a vector for each is learned */
    BP__N_COLUMN_KINDS
} bp__column_kind;
const char *bp__column_kind_name(bp__column_kind k); /* "ignored" ... */

/* A number becomes f(z) and, with n_edges > 2, one feature for each interval
 * between edges: how far the value has come through it, from 0 to 1 (piecewise
 * linear encoding: Gorishniy et al., "On embeddings for numerical features in
 * tabular deep learning", 2022). z = (x - center) * factor by median and
 * quartiles, f(z) = z / sqrt(1 + (z / 3)^2), which bounds outliers (Holzmueller
 * et al., "Better by default", 2024). A category becomes one feature of -1 and
 * 1 where there are two, else one for each. Missing: the median, and a feature
 * that says so; a category of its own. What training never saw is 0
 * everywhere.
 *
 * An embedded category is one number, the word's; they stand behind all others
 * of a sample, and the network looks up their vectors (bp__model_embed). -1:
 * training never saw it. */
typedef struct bp__column {
    const char *name;
    bp__column_kind kind;
    const char *why;   /* an ignored one: "constant"; else "" */
    bool target;
    bool comma;        /* decimal comma */
    bool had_missing;  /* in training */
    double center, factor; /* center also stands for a missing number. A
                              target's mean and 1 / deviation */
    int n_edges;
    const double *edges;
    int n_words;       /* of a category, embedded or not */
    const char **words; /* sorted; numbers by their value */
    int first, width;  /* features; 0 wide: a target, or ignored */
} bp__column;

typedef struct bp__columns {
    bp__arena memory;
    int n;
    bp__column *column;
    int target;  /* the first; -1: none */
    int n_targets; /* several: all are numbers */
    int width;   /* numbers of a sample, n_embedded at the end among them */
    int n_embedded;
} bp__columns;

/* Are its cells words? */
static inline bool bp__column_has_words(const bp__column *x)
{
    return x->kind == BP__COLUMN_CATEGORY || x->kind == BP__COLUMN_EMBEDDING;
}

/* Of an embedded category: rows of its table, and numbers of each: the square
 * root of the rows, 4 to 64. */
static inline int64_t bp__column_rows(const bp__column *x)
{
    return x->n_words + x->had_missing;
}
static inline int64_t bp__column_dim(const bp__column *x)
{
    int64_t d = 4;
    while (d < 64 && d * d < bp__column_rows(x))
        d++;
    return d;
}

/* Is the target a class (else a number, or several)? */
static inline bool bp__columns_classes(const bp__columns *c)
{
    return c->target >= 0 &&
           c->column[c->target].kind == BP__COLUMN_CATEGORY;
}

typedef enum bp__table_task {
    BP__TASK_GUESS = 0,
    BP__TASK_CLASS,
    BP__TASK_NUMBER
} bp__table_task;

typedef struct bp__columns_options {
    /* Names or numbers from 1; none: the last column. */
    const char *const *target;
    size_t n_targets;
    bp__table_task task;
    int bins;           /* at most so many intervals of a number; 0: none */
    /* Columns whose kind is given: a name or number, and the kind. */
    const char *const *column;
    const bp__column_kind *kind;
    size_t n_kinds;
} bp__columns_options;

/* Kinds, from all rows of a table. [err: EARG EFORMAT ENOMEM] */
bp_status bp__columns_guess(const bp__table *t, const bp__columns_options *o,
                            bp__columns **c, bp_error *err);
/* The targets alone: their kind, and the words where one is a category. */
bp_status bp__columns_target(const bp__table *t, const bp__columns_options *o,
                             bp__columns **c, bp_error *err);
/* What the n rows say (NULL: all rows). [err: EFORMAT ENOMEM] */
bp_status bp__columns_fit(bp__columns *c, const bp__table *t,
                          const int64_t *rows, int64_t n, int bins,
                          bp_error *err);
bp__columns *bp__columns_new(const bp_allocator *a, int n); /* NULL: memory */
void bp__columns_free(bp__columns *c);
/* first and width of all columns, which is the first target and how many
 * there are, from the rest. */
void bp__columns_place(bp__columns *c);
/* The k-th target, in the order of the columns. */
const bp__column *bp__columns_target_at(const bp__columns *c, int k);

/* Problems of cells, counted for each column. */
typedef struct bp__cell_problem {
    int64_t count;
    int64_t line[BP__TABLE_EXAMPLES];
    const char *cell[BP__TABLE_EXAMPLES];
} bp__cell_problem;

typedef struct bp__cell_report {
    bp__cell_problem *unreadable; /* [n] a number is wanted */
    bp__cell_problem *unseen;     /* [n] a category is not among the words */
    bp__cell_problem *no_target;  /* [n] a target is missing */
} bp__cell_report;

/* Which column of the table is each column of c, at [n]; -1: not there. By name
 * where the table has a header and c's names appear in it, else by place; only
 * columns without features, as the target's, may lack. [err: ESHAPE] */
bp_status bp__columns_match(const bp__columns *c, const bp__table *t, int *at,
                            bp_error *err);

/* Features f32 [rows, width] and, where it is wanted and the table has it, the
 * target: i32 classes or f32 [rows, targets], scaled. The table's columns are found
 * by name where both have headers, else by place; the targets' may lack. Rows
 * that lack a target are left out: kept, if not NULL, gets the table's row of
 * each sample [n]. report may be NULL. [err: ESHAPE ERANGE ENOMEM] */
bp_status bp__columns_apply(const bp__columns *c, const bp__table *t,
                            const int64_t *rows, int64_t n, bool target,
                            bp__cell_report *report, int64_t *kept,
                            bp_data **data, bp_error *err);

/* Features [width] of one row; cell[i] is column i's, NULL: missing. unseen:
 * words that are not among a column's; unreadable: the first column that wants
 * a number and has something else, or -1. */
void bp__columns_row(const bp__columns *c, const char *const *cell, float *out,
                     int64_t *unseen, int *unreadable);

/* d without the features that cut numbers into intervals, embedded words at
 * the end: what a linear model is given. [err: ENOMEM] */
bp_status bp__columns_plain(const bp__columns *c, const bp_data *d,
                            bp_data **plain, bp_error *err);

/* Rows that occur again. */
typedef struct bp__repeats {
    int64_t rows;      /* equal to an earlier row, target included */
    int64_t conflicts; /* equal to another but for the target */
} bp__repeats;
/* target[n_cols]: which columns of t are targets; NULL: none. [err: ENOMEM] */
bp_status bp__table_repeats(const bp__table *t, const bool *target,
                            bp__repeats *r, bp_error *err);
/* Rows of b that are rows of a too; a's column i is b's column at[i], or not
 * there (-1). [err: ENOMEM] */
bp_status bp__tables_shared(const bp__table *a, const bp__table *b,
                            const int *at, int64_t *n, bp_error *err);

/* Intervals for a number where n rows train: more rows bear a finer cut. */
static inline int bp__auto_bins(int64_t n)
{
    int bins = 4;
    while (bins < 64 && (int64_t)(bins + 1) * (bins + 1) * 6 <= n)
        bins++;
    return bins;
}

/* Index of a word of a category; -1: unseen. */
int bp__column_word(const bp__column *c, const char *word);

#endif
