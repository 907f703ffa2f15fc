/* Tables as data: internal to the row of tables. */
#ifndef BP__SOURCE_TABLES_H
#define BP__SOURCE_TABLES_H

#include "data/columns.h"
#include "source/source.h"

/* table_keys.c: data.table, and data.columns, which training writes. */
enum { BP__TABLE_N_KEYS = 8 };
extern const bp__skey bp__table_keys[BP__TABLE_N_KEYS];
bp__ynode *bp__read_columns(bp__scheck *c, const char *path, bp__ynode *raw);

/* table_columns.c: columns that training learned, which are c->learned <->
 * data.columns; nothing where there are none. */
bp_status bp__columns_restore(bp__source_config *c, bp_error *err);
bp_status bp__columns_keep(bp__source_config *c, bp_error *err);
/* table_row.c */
bp_status bp__table_row(const bp__source_config *c, const bp_allocator *a,
                        bp__source_row **row, bp_error *err);

/* The embedded ones are looked up before the model's first layer, in vectors
 * of dim numbers; 0: as many as their words ask for. */
bp_status bp__columns_embed(const bp__columns *k, bp_model *m, int64_t dim,
                            bp_error *err);

/* ---- table_rows.c --------------------------------------------------------- */

/* data.table, in the configuration's memory. [err: ENOMEM] */
bp_status bp__table_read_options(const bp__source_config *c,
                                 bp__table_options *o, bp_error *err);
bp_status bp__columns_read_options(const bp__source_config *c,
                                   bp__columns_options *o, bp_error *err);
int bp__columns_bins(const bp__source_config *c, int64_t rows);
/* A further table may have the header of the first, or of the run's. */
void bp__table_known_names(const bp__source_config *c, const bp__table *first,
                           bp__table_options *o);

/* The rows of each split within its table. */
typedef struct bp__table_part {
    const bp__table *table;
    int64_t *rows, n; /* rows NULL: all */
} bp__table_part;

typedef struct bp__tables {
    bp__table *table[BP__N_SPLITS];
    bp__table_part part[BP__N_SPLITS];
    int64_t *rows[BP__N_SPLITS]; /* memory of part.rows */
    size_t room[BP__N_SPLITS];
} bp__tables;

/* The wanted tables, and the first where parts come from it or columns are to
 * be learned on it. t is zeroed before, and freed either way. */
bp_status bp__tables_read(bp__source_config *c, const char *dir,
                          unsigned wanted, bp__tables *t, bp_error *err);
void bp__tables_free(bp__tables *t);

/* ---- table_report.c ------------------------------------------------------- */

typedef struct bp__table_report {
    bp__str text;
    bool failed; /* something that no training should go over */
    const bp__table *last;
} bp__table_report;

/* what: the split, or "input". */
void bp__report_table(bp__table_report *r, const char *what,
                      const bp__table *t);
void bp__report_cells(bp__table_report *r, const char *what, const bp__table *t,
                      const bp__columns *c, const bp__cell_report *cells);
/* Where training stops, its remarks on repeated rows are part of the report. */
bp_status bp__report_repeats(bp__table_report *r,
                             bp__table *const table[BP__N_SPLITS],
                             const bp__columns *c, bp_error *err);

#endif
