/* A model file -> a checked, resolved configuration, and what it describes:
 * the task, the options of training, the data.
 *
 * Everything that a run's bits depend on is in the resolved tree; written out
 * (config.yaml of a run folder) and read again, it gives the same tree. */
#ifndef BP__CONFIG_H
#define BP__CONFIG_H

#include "base/file.h"
#include "fmt/schema.h"
#include "nn/spec.h"
#include "source/source.h"

#include <bprop/train.h>

typedef struct bp_config {
    bp__arena arena;
    const char *name;    /* of the model: the file's name without folders */
    bp__ynode *resolved; /* NULL where the file has problems */
    bp__str problems;    /* one a line; "" where there are none */
    bp_model *model;
    bp_task task;        /* n_train and target: after bp__config_data */
    size_t n_metrics;
    const char *metric[BP_MAX_METRICS]; /* their names: "top_5" */
    bp_trainer_options train; /* no data, runtime, folder or callbacks */
    bp__source_config source; /* of the samples: resolved `data` */
    bool has_data[BP__N_SPLITS];
    bool typed[BP_NN_MAX_INPUTS]; /* the file says an input's type */
    const char *run;     /* the folder that it was opened from; NULL: a file */
    bp_norm *norm[BP_MAX_INPUTS]; /* of bp_config_fit */
} bp__config;

/* Parses, overrides, checks. BP_EFORMAT: c->problems says what is wrong; the
 * message has it too, cut if it is long. *c is to be freed either way, unless
 * it is NULL. sets: "key.path=value". [err: EIO ENOTFOUND EFORMAT ENOMEM] */
bp_status bp__config_load(const bp__fs *fs, const char *path,
                          const char *const *sets, size_t n_sets,
                          bp__config **c, bp_error *err);
bp_status bp__config_parse(const char *file, const char *text, size_t bytes,
                           const char *const *sets, size_t n_sets,
                           bp__config **c, bp_error *err);
void bp__config_free(bp__config *c);
/* The resolved tree as text. */
void bp__config_print(const bp__config *c, bp__str *out);

/* Traces the network for one sample: shapes that do not fit. */
bp_status bp__config_check_model(bp__config *c, bp_error *err);

/* The data of the wanted splits (bit 1 << split); the others become NULL, as
 * does one that the file does not name. dir: goes before c->dir; NULL: none.
 * Sets the task's target, and n_train with the training set. */
typedef struct bp__config_data {
    bp_data *split[BP__N_SPLITS];
} bp__config_data;
bp_status bp__config_open(bp__config *c, const char *dir, unsigned wanted,
                          bp__config_data *d, bp_error *err);
void bp__config_close(bp__config_data *d);
/* The type of a set's targets, for a task of this type; as it was where it has
 * none. */
void bp__config_target(const bp_data *d, bp_dtype dtype, bp_nn_io *t);
/* Tells the source what the model's inputs look like: before new samples are
 * read by it (opening does it, too). */
void bp__config_shapes(bp__config *c);
/* inputs.c: the types of the model's inputs, where the file is silent: whole
 * numbers for a network that takes them. */
bp_status bp__config_type_inputs(bp__config *c, const bp__config_data *d,
                                 bp_error *err);
/* model.input: shapes, and types. */
bp__ynode *bp__read_input(bp__scheck *c, const char *path, bp__ynode *raw);
/* The task's class names, where the file or the data have them, and the
 * training samples of each, where a run has them. */
bp_status bp__config_name_classes(bp__config *c, bp_error *err);
/* Records the file that a run started from, as train.init_hash; "": none. */
void bp__config_set_start(bp__config *c, const char *hash);
/* Keeps them as data.class_counts, where the loss depends on them. */
bp_status bp__config_set_counts(bp__config *c, bp_error *err);
/* Are the shapes of the model known only once its data have been read? */
bool bp__config_needs_data(const bp__config *c);
/* Paths of keys in which two configurations differ, "train.seed, loss", but
 * for those that may change on resume; "" where there are none. */
void bp__config_difference(const bp__config *a, const bp__config *b,
                           bp__str *out);

/* kinds.c: specs of nn's tables. Both results NULL where there was a problem.
 */
bp__spec *bp__kind_read(bp__scheck *c, bp_nn_table table, bp__arena *specs,
                        bp__ynode *raw, bp__ynode **resolved);
bp__ynode *bp__kind_node(bp__arena *a, const bp__spec *s, bp__place at);

/* start.c: train.init_from and train.freeze. */
bp__ynode *bp__read_init_from(bp__scheck *c, const char *path, bp__ynode *raw);
bp_status bp__config_start(bp__config *c, bp_error *err);
bp_status bp__config_freeze(bp__config *c, bp_error *err);

/* The schema. */
extern const bp__skey bp__config_key; /* the file: a map */

#endif
