/* Where samples come from: one row for each kind of data (files of a format,
 * or what is built in), and the `data` part of a configuration, which names
 * them. All that differs from kind to kind is asked of the row; nothing else
 * switches on kinds. Knows no YAML text, only the tree that it is read into
 * (fmt/tree.h). */
#ifndef BP__SOURCE_H
#define BP__SOURCE_H

#include "fmt/schema.h"

#include <bprop/data.h>
#include <bprop/nn.h>

enum { BP__N_SPLITS = 3 };

typedef struct bp__source_kind bp__source_kind;

/* ---- the data of a configuration --------------------------------------- */

/* What a model file says of its data, or a run has kept of them; and what the
 * caller adds before they are opened. */
typedef struct bp__source_config {
    bp__arena *arena;   /* for what is added to the tree, and for texts */
    bp__ynode *data;    /* the resolved map; NULL: the file names no data */
    const bp__source_kind *of[BP__N_SPLITS]; /* NULL: the file names none */
    const bp__source_kind *kind; /* of the run: the training set's, or else of
                                    the first there is; NULL: none */
    const char *dir;    /* data.dir; NULL: none */
    bp_norm_kind normalize;
    bp_augment augment; /* of the training set */
    void *learned;      /* by the kind, from the training set or the run's tree;
                           NULL: nothing (yet) */
    const char *notes;  /* of the last opening, for the user; NULL: none */
    const char *telling; /* what gives the target away, found when the kind
                            learned; lines; NULL: none */
    /* From the caller. */
    bool shapes_from_data; /* the model's input is as wide as the data make it:
                              not known before the kind has learned */
    size_t n_inputs;       /* of the model; each one's shape, without samples */
    int rank[BP_MAX_INPUTS];
    int64_t dims[BP_MAX_INPUTS][BP_MAX_RANK];
    const char *cache;  /* folder for what is unpacked; NULL: this one */
    void (*progress)(void *user, int64_t done, int64_t all); /* of unpacking */
    void *user;
} bp__source_config;

/* Finds the kinds, and reads back what a run has kept. data: checked by the
 * keys of bp__data_key_at, with all defaults; raw: as the file gives it, which
 * tells what is a default. Both may be NULL. [err: EFORMAT ENOMEM] */
bp_status bp__source_init(bp__source_config *c, bp__arena *arena,
                          bp__ynode *data, const bp__ynode *raw,
                          bp_error *err);
void bp__source_free(bp__source_config *c); /* what was learned */
/* Are samples of this split named, or taken out of the training set? */
bool bp__source_has(const bp__source_config *c, bp_split s);
/* Are the shapes of the model known only once its data have been read? */
bool bp__source_must_learn(const bp__source_config *c);

/* The data of the wanted splits (bit 1 << split); the others become NULL, as
 * does one that is not named. dir: goes before c->dir; NULL: none. wanted 0
 * learns, and keeps, without opening. Names of classes, counts and the like go
 * into the tree. [err: EIO ENOTFOUND EFORMAT ESHAPE ERANGE EARG ENOMEM ...] */
bp_status bp__source_open(bp__source_config *c, const char *dir,
                          unsigned wanted, bp_data *split[BP__N_SPLITS],
                          bp_error *err);
void bp__source_close(bp_data *split[BP__N_SPLITS]);
/* Gives a model the input that the data make, where they make it (after
 * learning; nothing otherwise). [err: ENOMEM] */
bp_status bp__source_set_input(const bp__source_config *c, bp_model *m,
                               bp_error *err);

/* ---- new samples -------------------------------------------------------- */

/* Samples to predict on, by the names, types and conventions that training
 * saw. Valid during the call that hands them out. */
typedef struct bp__source_samples {
    bp_data *data;           /* without targets */
    const char *path;        /* the first of its files, as it was given */
    /* What a sample is called: */
    const char *const *name; /* [count] its file; NULL: none */
    const int64_t *line;     /* [count] where it starts in path; NULL: none;
                                then its number, from 0 */
} bp__source_samples;

typedef struct bp__source_reader {
    bp_status (*samples)(void *user, const bp__source_samples *s,
                         bp_error *err);
    /* A file among others that cannot be read; the others go on, and the whole
     * ends in EFORMAT. NULL: not told. */
    void (*unreadable)(void *user, const char *message);
    void *user;
} bp__source_reader;

/* paths: as many as the model has inputs. c->notes may be set before samples
 * are handed out. A path that this run does not take is told by what it is.
 * [err: EARG, as bp__source_open] */
bp_status bp__source_inputs(bp__source_config *c, const char *const *paths,
                            size_t n, const bp__source_reader *to,
                            bp_error *err);

/* Samples with targets in one set, for a run on such data: one path, or one for
 * each input and the targets' behind them. [err: EARG, as bp__source_open] */
bp_status bp__source_labeled(bp__source_config *c, const char *const *paths,
                             size_t n, bp_data **d, bp_error *err);
/* One sample from texts by the names of its parts, such as a table's row: x is
 * the row's own until its next reading. unseen: words that training never saw.
 */
typedef struct bp__source_row bp__source_row;
struct bp__source_row {
    bp_status (*read)(bp__source_row *r, const char *const *column,
                      const char *const *cell, size_t n, bp_array *x,
                      int64_t *unseen, bp_error *err);
    void (*free)(bp__source_row *r);
};
/* [err: EARG samples of this kind are no texts, ENOMEM] */
bp_status bp__source_row_new(const bp__source_config *c, const bp_allocator *a,
                             bp__source_row **row, bp_error *err);
/* What was learned of the columns; 0: there are none. */
int bp__source_column_count(const bp__source_config *c);
bool bp__source_column(const bp__source_config *c, int i, bp_column *column);

/* ---- what outputs mean --------------------------------------------------- */

/* Names of the classes: data.classes, or what the kind has learned; NULL and
 * *n 0: none. Owned by the tree, or by what was learned. */
const char *const *bp__source_classes(const bp__source_config *c, size_t *n);

/* The k-th number of a target as the user knows it: the network's x is
 * x / factor + center in the user's units. False: as it comes, without a name.
 */
typedef struct bp__target_units {
    const char *name;
    double center, factor;
} bp__target_units;
bool bp__source_units(const bp__source_config *c, int64_t k,
                      bp__target_units *u);
/* Numbers of a target whose units are kept; 0: none are. */
int64_t bp__source_n_units(const bp__source_config *c);

/* Is a run on these data held against simpler models at its end, and of how
 * many outputs? *k 0: the data sets say it. */
bool bp__source_compares(const bp__source_config *c, int64_t *k);
/* d as a linear model is given it (retained or made anew), and what such a
 * model looks up before its first layer, in vectors of dim numbers. */
bp_status bp__source_plain(const bp__source_config *c, bp_data *d,
                           bp_data **plain, bp_error *err);
bp_status bp__source_embed(const bp__source_config *c, bp_model *m, int64_t dim,
                           bp_error *err);
/* "rows", "pictures", "samples": many of them. */
const char *bp__source_samples_noun(const bp__source_config *c);

/* ---- what a run keeps ----------------------------------------------------- */

/* Writes what was learned into the tree, for the run's config.yaml. */
bp_status bp__source_keep(bp__source_config *c, bp_error *err);
/* A member of `data`, replaced or added. Nothing where there is no `data`. */
void bp__source_set(bp__source_config *c, const char *key, bp__ynode *value);
void bp__source_set_dir(bp__source_config *c, const char *dir);
/* The fitted normalization of each input, as data.fitted. */
void bp__source_set_fitted(bp__source_config *c, size_t n,
                           bp_norm *const *norm);
bp_status bp__source_get_fitted(const bp__source_config *c, size_t n,
                                bp_norm **norm, bp_error *err);
/* Lines on what was learned, for people; nothing where nothing was. */
void bp__source_show(const bp__source_config *c, bp__str *out);
/* Is data.KEY written by training, or where the data stand: no part of what
 * makes a run the run it is? */
bool bp__source_may_change(const char *key);

/* ---- a path that nobody has described --------------------------------------- */

/* The kind whose samples a path looks like, by its name and by whether it is a
 * folder; NULL: none is known. noun (may be NULL): "a table", "an archive" ...,
 * also of files that hold no samples, "a model file"; NULL: nothing is known. */
const bp__source_kind *bp__source_of_path(const char *path, const char **noun);

/* `bprop new`: looks at data and writes the model file that fits them. */
typedef struct bp__draft_options {
    const char *path;   /* as the model file is to name it */
    const char *test;   /* what to test on; NULL: a part of the first */
    const char *target; /* which of its parts is the target; NULL: guessed */
    const char *task;   /* "class", "number"; NULL: guessed */
} bp__draft_options;
/* By the path's name alone: may a draft be made of it? [err: EARG] */
bp_status bp__source_can_draft(const char *path, bp_error *err);
/* found: what the data are, for people; text: the model file. EARG: an option
 * is not for this kind, or not there. [err: EARG, as the kind's reader] */
bp_status bp__source_draft(const bp__draft_options *o, bp__str *found,
                           bp__str *text, bp_error *err);

/* ---- the schema ------------------------------------------------------------- */

/* The keys of `data` in a model file: common ones, and those of all rows. The
 * i-th; NULL past the end. */
const bp__skey *bp__data_key_at(size_t i);
/* What model.input may say instead of dims: the i-th word; NULL past the end.
 */
const char *bp__source_input_word(size_t i);
#define BP__SOURCE_INPUT_DOC "table: what the columns make"

/* ---- rows ---------------------------------------------------------------------- */

struct bp__source_kind {
    const char *name;    /* its key in data.train: "csv" */
    const char *samples; /* "rows" */
    const char *example; /* of what predict takes: "TABLE.csv" */
    const char *takes;   /* the same in words; NULL: predicts on nothing */
    const char *drafts;  /* what `bprop new` looks at: "tables"; NULL */

    /* Keys: its value in data.train; keys of `data` that say how it is read,
     * and keys that training writes there. */
    bp__skey key;
    const bp__skey *options;
    size_t n_options;
    const bp__skey *kept;
    size_t n_kept;
    const char *input_word; /* model.input: WORD; NULL: has none */
    const char *normalize;  /* data.normalize unless given; NULL: the common */

    bool built_in;    /* needs no files, and no options: its name will do */
    bool any_text;    /* a path that looks like nothing known may be of it */
    bool any_run;     /* runs on other kinds predict on it, too */
    bool own_columns; /* only runs on it predict on it, and on nothing else but
                         any_run: its columns make the features */
    bool several;     /* one for each input of a model of several */
    bool stratify;    /* parts have their share of each class unless the file
                         says otherwise */
    bool names_classes; /* the training set tells the names of classes */

    /* By its name: "a table"; NULL: no. folder: it is one. */
    const char *(*looks)(const char *path, bool folder);
    /* By its first bytes: may it be one? NULL: nobody can say. */
    bool (*may_be)(const char *path);

    /* One split, whole: s is what stands at data.SPLIT. open_all, where a kind
     * has it, takes the place of it and of the common way of splitting. */
    bp_status (*open)(bp__source_config *c, const bp__ynode *s,
                      const char *dir, bp_split split,
                      const bp_data_options *o, bp_data **d, bp_error *err);
    bp_status (*open_all)(bp__source_config *c, const char *dir,
                          unsigned wanted, bp_data *split[BP__N_SPLITS],
                          bp_error *err);
    bp_status (*inputs)(bp__source_config *c, const char *const *paths,
                        size_t n, const bp__source_reader *to, bp_error *err);

    bp_status (*row)(const bp__source_config *c, const bp_allocator *a,
                     bp__source_row **row, bp_error *err);
    int (*n_columns)(const bp__source_config *c);
    void (*column)(const bp__source_config *c, int i, bp_column *column);
    /* NULL: not from paths alone. */
    bp_status (*labeled)(bp__source_config *c, const char *const *paths,
                         size_t n, bp_data **d, bp_error *err);

    /* What it learns: from the tree of a run, into it, its end. */
    bp_status (*restore)(bp__source_config *c, bp_error *err);
    bp_status (*keep)(bp__source_config *c, bp_error *err);
    void (*forget)(void *learned);
    void (*show)(const bp__source_config *c, bp__str *out);
    bp_status (*set_input)(const bp__source_config *c, bp_model *m,
                           bp_error *err);
    const char *const *(*classes)(const bp__source_config *c, size_t *n);
    int64_t (*n_units)(const bp__source_config *c);
    bool (*units)(const bp__source_config *c, int64_t k, bp__target_units *u);
    bool (*compares)(const bp__source_config *c, int64_t *k);
    bp_status (*plain)(const bp__source_config *c, bp_data *d, bp_data **plain,
                       bp_error *err);
    bp_status (*embed)(const bp__source_config *c, bp_model *m, int64_t dim,
                       bp_error *err);

    /* Drafting. Why a path of this name is no set of samples: "an IDX file:
     * ..."; NULL: it may be one. */
    const char *(*no_draft)(const char *path);
    bp_status (*draft)(const bp__draft_options *o, bp__str *found,
                       bp__str *text, bp_error *err);
};

/* sources.c: the table, in the order of the schema. */
const bp__source_kind *bp__source_at(size_t i); /* NULL past the end */
const bp__source_kind *bp__source_find(const char *name);

/* For rows. A file of the data: dir or data.dir before it; NULL: no memory. */
const char *bp__source_path(const bp__source_config *c, const char *dir,
                            const char *file);
/* A member of the map data.MAP: data.table.header; NULL: not given. */
const bp__ynode *bp__source_option(const bp__source_config *c, const char *map,
                                   const char *key);
/* The texts of a list, in the configuration's memory; NULL: no memory. */
const char *const *bp__source_texts(const bp__source_config *c,
                                    const bp__ynode *list, size_t *n);
/* For labeled(): is there a path for each input, and the targets'? [err: EARG]
 */
bp_status bp__source_pair(const bp__source_config *c, size_t n, bp_error *err);
/* A line more in c->notes. */
void bp__source_note(bp__source_config *c, const char *text);
bool bp__path_ends(const char *path, const char *end);

#endif
