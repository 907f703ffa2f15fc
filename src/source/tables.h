/* Data that comes as tables: the configuration's part in reading them, and
 * what the run keeps of their columns. */
#ifndef BP__CONFIG_TABLES_H
#define BP__CONFIG_TABLES_H

#include "config/config.h"
#include "data/columns.h"

enum { BP__TABLE_N_KEYS = 8 };
extern const bp__skey bp__table_keys[BP__TABLE_N_KEYS];
bp__ynode *bp__read_columns(bp__scheck *c, const char *path, bp__ynode *raw);

/* Is a source of the data a table? */
bool bp__config_has_table(const bp__config *c);
/* The splits that are tables, as bp__config_open does it; learns the columns
 * where the configuration has none yet. */
bp_status bp__tables_open(bp__config *c, const char *dir, unsigned wanted,
                          bp__config_data *d, bp_error *err);
/* The features of every row of a file, without a target, by a run's columns.
 * Words that training never saw are counted in c->notes. *line: where each
 * row starts, [samples], of malloc's allocator: freed by the caller. */
bp_status bp__table_inputs(bp__config *c, const char *path, bp_data **d,
                           int64_t **line, bp_error *err);
/* data.columns -> c->columns; nothing where there are none. */
bp_status bp__columns_from_config(bp__config *c, bp_error *err);
/* c->columns into data.columns of the resolved tree. */
void bp__columns_to_config(bp__config *c);

/* Gives the model's input the columns' width, where it is a table, and looks up
 * the embedded ones before the first layer. [err: ENOMEM] */
bp_status bp__tables_set_input(bp__config *c, bp_error *err);
/* The latter for another model of these columns; vectors of dim numbers, 0: as
 * many as their words ask for. */
bp_status bp__columns_embed(const bp__columns *k, bp_model *m, int64_t dim,
                            bp_error *err);

/* source.c. Replaces or adds a member of `data` in the resolved tree. */
/* start.c: train.init_from and train.freeze. */
bp__ynode *bp__read_init_from(bp__scheck *c, const char *path, bp__ynode *raw);
bp_status bp__config_start(bp__config *c, bp_error *err);
bp_status bp__config_freeze(bp__config *c, bp_error *err);
void bp__config_set_member(bp__config *c, const char *key, bp__ynode *value);
/* The path of a file of the data, in the config's memory. */
const char *bp__data_path(bp__config *c, const char *dir, const char *file);

#endif
