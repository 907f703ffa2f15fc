/* Tables as people keep them: text files of rows and columns. Reading is two
 * steps: bp__table_read makes cells of the text, whatever they mean;
 * bp__columns (columns.h) says what each column is, learned on the training
 * rows, and makes numbers of the cells. */
#ifndef BP__DATA_TABLE_H
#define BP__DATA_TABLE_H

#include "base/file.h"

#include <bprop/data.h>

typedef enum bp__table_header {
    BP__HEADER_GUESS = 0, /* a first row that looks unlike the others */
    BP__HEADER_YES,
    BP__HEADER_NO
} bp__table_header;

typedef struct bp__table_options {
    char separator; /* , ; | or a tab; 0: whichever fits most lines */
    bp__table_header header;
    const char *const *missing; /* further words for a missing value */
    size_t n_missing;
    /* Cells that are replaced, in pairs: from, to. */
    const char *const *rename;
    size_t n_rename; /* pairs */
    /* Names of another table's columns: where half of them stand in the first
     * row, it is a header. */
    const char *const *names;
    size_t n_names;
} bp__table_options;

/* Rows of another length than most are left out, counted and shown. */
enum { BP__TABLE_EXAMPLES = 3 };

typedef struct bp__table {
    bp_allocator a;
    char *source;      /* the file's path */
    char separator;
    bool has_header;
    int n_cols;
    int64_t n_rows;
    const char **names; /* [n_cols]; "column 3" without a header */
    const char **cells; /* [n_rows * n_cols]; NULL: missing */
    int64_t *line;      /* [n_rows] where a row starts, from 1 */
    int64_t n_ragged;   /* rows that were left out */
    int64_t ragged_line[BP__TABLE_EXAMPLES];
    int64_t ragged_cells[BP__TABLE_EXAMPLES];
    int64_t n_open_quotes; /* cells whose quote is never closed */
    int64_t open_quote_line;
    size_t cells_cap, line_cap;
    bp__file_data file; /* the text: cells point into it */
    bp__arena names_memory;
} bp__table;

/* Reads and cuts a file (.gz too). Fields may stand in double quotes (doubled
 * inside) or single ones, with blanks around; lines end in LF or CRLF; a byte
 * order mark and empty lines are passed over. [err: EIO ENOTFOUND EFORMAT
 * EUNSUPPORTED ENOMEM] */
bp_status bp__table_read(const bp__fs *fs, const bp_allocator *a,
                         const char *path, const bp__table_options *o,
                         bp__table **table, bp_error *err);
void bp__table_free(bp__table *t);

static inline const char *bp__table_cell(const bp__table *t, int64_t row,
                                         int col)
{
    return t->cells[row * t->n_cols + col];
}

/* A cell's text as a table holds it: renamed; NULL: it is missing. */
const char *bp__table_cell_text(const char *s, const bp__table_options *o);

/* A number as people write it: 12, -3.5e4, .5, +7, 1,234,567 (groups of
 * three); with `comma`, 3,5 and 1.234,5 instead. False: it is none, or too
 * large for a double. */
bool bp__table_number(const char *cell, bool comma, double *x);

/* A column by its name, or by its number from 1; -1: there is none. */
int bp__table_find(const bp__table *t, const char *column);

#endif
