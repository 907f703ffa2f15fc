/* bprop: model files. A YAML file, or the folder of a run, becomes a task, the
 * options of its training, its data and its weights: all that the command's
 * `bprop train` begins with.
 *
 *     bp_config *c = NULL;
 *     bp_data *d[BP_N_SPLITS] = {NULL};
 *     if (bp_config_open("model.yaml", NULL, &c, &err) ||
 *         bp_config_open_data(c, NULL, BP_SPLITS_ALL, d, &err) ||
 *         bp_config_check(c, &err))
 *         fprintf(stderr, "%s\n", err.message);
 *     bp_trainer_options o = *bp_config_trainer(c);
 *     o.train = d[BP_SPLIT_TRAIN], o.valid = d[BP_SPLIT_VALID];
 *     o.run_dir = "run";
 *     ... bp_trainer_new(bp_config_task(c), &o, &t, &err) ...
 *     ... bp_config_save(c, t, NULL, &err), bp_trainer_run(t, &err) ...
 *
 * A library that was built without libyaml refuses every file with
 * BP_EUNSUPPORTED.
 */
#ifndef BPROP_CONFIG_H
#define BPROP_CONFIG_H

#include <bprop/train.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- opening ----------------------------------------------------------- */

typedef struct bp_config bp_config;

typedef struct bp_config_options {
    size_t size; /* sizeof(bp_config_options) */
    /* Keys that are changed, as by --set: "train.epochs=3". */
    size_t n_sets;
    const char *const *set;
} bp_config_options;

/* A model file, or a run's folder: its config.yaml. All that is wrong comes at
 * once: BP_EFORMAT, and bp_config_problems has the lines, each with its place;
 * the message has them too, cut where they are many. *c is to be freed
 * whatever came back; after a failure only that, and bp_config_problems, are
 * allowed. [err: EIO ENOTFOUND EFORMAT EUNSUPPORTED ENOMEM] */
bp_status bp_config_open(const char *path, const bp_config_options *o,
                         bp_config **c, bp_error *err);
/* The same from memory; name: what messages call it. */
bp_status bp_config_parse(const char *name, const char *text, size_t bytes,
                          const bp_config_options *o, bp_config **c,
                          bp_error *err);
void bp_config_free(bp_config *c);
/* "file:line:column: message" lines; "": there are none. */
const char *bp_config_problems(const bp_config *c);

/* ---- what it says -------------------------------------------------------- */

const char *bp_config_name(const bp_config *c); /* of the model */
const char *bp_config_run(const bp_config *c);  /* the folder; NULL: no run */
/* Is there a value at this path of keys, all defaults filled in? */
bool bp_config_has(const bp_config *c, const char *path);
/* Its text, of a plain value; of a map its first key: "adam" at "optimizer".
 * NULL: there is none, or it is a list. */
const char *bp_config_get(const bp_config *c, const char *path);
/* All keys, with all defaults, as YAML. [err: EIO ENOMEM] */
bp_status bp_config_print(const bp_config *c, bp_write_fn write, void *user);
/* Paths of keys in which two files differ, "train.seed, loss", but for those
 * that may change between parts of one run; NULL: in none. Owned by a. */
const char *bp_config_difference(bp_config *a, const bp_config *b);

/* What it describes. Owned by c; the target's type is known once data are open
 * (or bp_config_assume_target has set it). */
const bp_task *bp_config_task(const bp_config *c);
/* Epochs, batch and the like: no data, runtime, folder or callbacks. */
const bp_trainer_options *bp_config_trainer(const bp_config *c);
int bp_config_metric_count(const bp_config *c);
/* Programs of the other type of numbers: BP_F32 or BP_F64. [err: EARG] */
bp_status bp_config_set_dtype(bp_config *c, bp_dtype dtype, bp_error *err);
/* Where no data say it: a class where the model looks like a classifier, else
 * real numbers of the output's shape. [err: what a trace says] */
bp_status bp_config_assume_target(bp_config *c, bp_error *err);
/* Are its outputs scores of classes? */
bool bp_config_classifies(const bp_config *c);
/* Traces the network: shapes that do not fit. [err: what a trace says] */
bp_status bp_config_check(bp_config *c, bp_error *err);

/* ---- data --------------------------------------------------------------- */

#define BP_N_SPLITS 3
#define BP_SPLITS_ALL 7u

/* Does the file name samples of this split, or shares of others for it? */
bool bp_config_has_split(const bp_config *c, bp_split s);
/* Are the shapes of the model known only once its data have been read? Then
 * bp_config_open_data comes before bp_config_check; without wanted splits it
 * learns the shapes alone. */
bool bp_config_needs_data(const bp_config *c);
/* The folder that the file's paths start in; NULL: this one. */
const char *bp_config_dir(const bp_config *c);
/* Where decoded pictures are kept (NULL: here), and who hears of decoding. */
bp_status bp_config_set_cache(bp_config *c, const char *folder,
                              void (*progress)(void *user, int64_t done,
                                               int64_t all),
                              void *user);
/* The data of the wanted splits (1u << split), the caller's to free; others
 * become NULL, as does one that the file does not name. dir goes before the
 * file's own folder; NULL: that.
 * [err: EIO ENOTFOUND EFORMAT ESHAPE ERANGE EARG ENOMEM] */
bp_status bp_config_open_data(bp_config *c, const char *dir, unsigned wanted,
                              bp_data *split[BP_N_SPLITS], bp_error *err);
/* What the data gave to remark: lines, of the last opening; NULL: nothing. */
const char *bp_config_notes(const bp_config *c);
void bp_config_clear_notes(bp_config *c);
/* Columns that give the target away, found while columns were learned. */
const char *bp_config_telling(const bp_config *c);
/* Do the training data need no files? */
bool bp_config_built_in(const bp_config *c);
/* "rows", "pictures", "samples": what the data are many of. */
const char *bp_config_samples_noun(const bp_config *c);
/* What `bprop predict` takes for a run on these data: "TABLE.csv". */
const char *bp_config_input_example(const bp_config *c);

/* Classes with names: how many, and the k-th; 0 and NULL: they have none. */
int64_t bp_config_class_count(const bp_config *c);
const char *bp_config_class_name(const bp_config *c, int64_t k);

/* What was learned of a table's columns; 0: there is no table. */
int bp_config_column_count(const bp_config *c);
bool bp_config_column(const bp_config *c, int i, bp_column *column);
/* Lines on what was learned of the data, for people: a table's columns.
 * Nothing where nothing was. [err: EIO ENOMEM] */
bp_status bp_config_print_learned(const bp_config *c, bp_write_fn write,
                                  void *user);

/* ---- weights and runs ---------------------------------------------------- */

/* Normalization of each input: what training has fitted, of a run; else fitted
 * to train. Owned by c, until it is made anew. [err: EFORMAT EARG ENOMEM] */
bp_status bp_config_fit(bp_config *c, const bp_data *train, bp_error *err);
const bp_norm *bp_config_norm(const bp_config *c, size_t input); /* NULL: none */

/* A store with the task's variables: of a run its best weights (or the last
 * ones), else the initial ones; in the task's type, whatever the run's was.
 * [err: what a trace and bp_store_load say] */
bp_status bp_config_open_store(const bp_config *c, bool last, bp_store **s,
                               bp_error *err);
/* Writes config.yaml into the trainer's folder: the resolved file, and what
 * training learned of the data, so that the folder alone can be evaluated,
 * resumed and predicted with. data: the folder of the data as it is to stand
 * there; NULL: as the file has it. Call it once the trainer has been made.
 * [err: EARG EIO ENOMEM] */
bp_status bp_config_save(bp_config *c, const bp_trainer *t, const char *folder,
                         const char *data, bp_error *err);
/* Takes over the hash of the file that run started from: it is not read again
 * where a run goes on. */
void bp_config_take_start(bp_config *c, const bp_config *run);

/* ---- a model file for data that nobody has described yet ------------------- */

typedef struct bp_draft bp_draft;

typedef struct bp_draft_options {
    size_t size;        /* sizeof(bp_draft_options) */
    const char *test;   /* what to test on; NULL: a part of the first */
    const char *target; /* of a table: columns by name or number, between
                           commas; of arrays: a file; NULL: guessed */
    const char *task;   /* "class", "number"; NULL: guessed */
} bp_draft_options;

/* Looks at a table, at pictures (a folder or an archive) or at arrays, as
 * `bprop new` does. path: as the model file is to name it. EARG: it is nothing
 * of these, or an option does not fit. [err: EARG EIO ENOTFOUND EFORMAT ERANGE
 * EUNSUPPORTED ENOMEM] */
bp_status bp_draft_look(const char *path, const bp_draft_options *o,
                        bp_draft **d, bp_error *err);
/* By the path's name alone, before anything is read: may a draft be made of
 * it? [err: EARG] */
bp_status bp_draft_can(const char *path, bp_error *err);
void bp_draft_free(bp_draft *d);
const char *bp_draft_found(const bp_draft *d); /* what it is, for people */
const char *bp_draft_text(const bp_draft *d);  /* the model file */
/* By its name alone: "a table", "an archive", "a model file" ...; NULL: nobody
 * can say. */
const char *bp_path_noun(const char *path);

/* ---- keys ------------------------------------------------------------------ */

/* A key of a model file, in the order of the schema. */
typedef struct bp_key {
    const char *path; /* "train.epochs"; valid during the call */
    bool is_map;      /* of further keys, which follow */
    bool is_bool;
    size_t n_words;   /* words that it may be; 0: others */
    const char *const *words;
} bp_key;
void bp_config_keys(void (*fn)(void *user, const bp_key *key), void *user);
/* The table for people: a line a key, then what it is for. [err: EIO ENOMEM] */
bp_status bp_config_print_keys(bp_write_fn write, void *user);

#ifdef __cplusplus
}
#endif
#endif
