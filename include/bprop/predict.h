/* bprop: a finished run, opened for use.
 *
 *     bp_predictor *p = NULL;
 *     bp_answer a;
 *     const char *column[] = {"age", "town"}, *cell[] = {"41", "Bern"};
 *     if (!bp_predictor_open("runs/people", NULL, &p, &err) &&
 *         !bp_predictor_row(p, column, cell, 2, &a, &err))
 *         printf("%s, %.1f %%\n", a.class_name, 100 * a.probability);
 *     bp_predictor_free(p);
 *
 * The run's folder is all that is needed: inputs go through the normalization
 * and the columns that training learned, answers come with its class names and
 * in its units.
 *
 * A predictor is used by one thread at a time. bp_predictor_clone gives another
 * thread its own, on the same weights: they are shared and never written.
 */
#ifndef BPROP_PREDICT_H
#define BPROP_PREDICT_H

#include <bprop/config.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bp_predictor bp_predictor;

typedef struct bp_predictor_options {
    size_t size;          /* sizeof(bp_predictor_options) */
    const bp_allocator *allocator; /* copied; NULL: malloc. Clones share it */
    bp_runtime *runtime;  /* kept alive by the predictor; NULL: one of its own,
                             with as many threads as there are CPUs */
    bool last;            /* the weights at the end, not the best ones */
    const char *no_pass, *no_kernel; /* as in bp_compile_options */
} bp_predictor_options;

/* A run's folder. [err: as bp_config_open and bp_store_load] */
bp_status bp_predictor_open(const char *run, const bp_predictor_options *o,
                            bp_predictor **p, bp_error *err);
/* The same of a run that has been opened, perhaps with changed keys; it has to
 * outlive the predictor and its clones, unchanged. [err: EARG if c is no run]
 */
bp_status bp_predictor_new(bp_config *c, const bp_predictor_options *o,
                           bp_predictor **p, bp_error *err);
/* Another one of the same weights, for another thread. runtime NULL: one of its
 * own, with one thread. [err: ENOMEM] */
bp_status bp_predictor_clone(const bp_predictor *p, bp_runtime *runtime,
                             bp_predictor **clone, bp_error *err);
void bp_predictor_free(bp_predictor *p);

/* ---- answers -------------------------------------------------------------- */

/* What the network says of a sample. Valid until the predictor's next call. */
typedef struct bp_answer {
    int64_t sample;     /* its number, from 0, in what was given */
    const char *path;   /* the file that was given; NULL: it is from memory */
    const char *name;   /* its own file, of a picture; NULL */
    int64_t line;       /* where it starts in a table, from 1; 0: in none */
    int64_t n;          /* numbers of a sample's output */
    const double *output; /* [n] as the network gives them */
    const double *value;  /* [n] probabilities, where the loss makes them out
                             of outputs; real targets in their own units */
    int64_t class_index;  /* -1: the outputs are no scores of classes */
    const char *class_name; /* NULL: it has none, or there is no class */
    double probability; /* value of that class; of a single output that says no,
                           1 - value */
    int64_t unseen;     /* of bp_predictor_row: words that training never saw,
                           which count as unknown */
} bp_answer;

/* Hears each answer; not 0: no more of them, BP_ECANCELED. */
typedef int (*bp_answer_fn)(void *user, const bp_answer *a);

/* One sample from memory, as it is stored before normalization: an array for
 * each input, of its shape ([28,28] does for [1,28,28]). From the second call
 * on, nothing is allocated.
 * [err: ESHAPE EDTYPE ERANGE ENONFINITE and what bp_compile says] */
bp_status bp_predictor_sample(bp_predictor *p, const bp_array *input,
                              size_t n_inputs, bp_answer *a, bp_error *err);
/* One row of a table, as texts: cells by the names of their columns, in any
 * order; NULL or "" is missing. Columns that the network does not read may
 * lack, and others may be there. From the second call on, nothing is allocated.
 * [err: EARG ESHAPE EFORMAT and as above] */
bp_status bp_predictor_row(bp_predictor *p, const char *const *column,
                           const char *const *cell, size_t n, bp_answer *a,
                           bp_error *err);
/* Many samples: an array [n, ...] for each input. */
bp_status bp_predictor_arrays(bp_predictor *p, const bp_array *input,
                              size_t n_inputs, bp_answer_fn fn, void *user,
                              bp_error *err);
bp_status bp_predictor_data(bp_predictor *p, bp_data *d, bp_answer_fn fn,
                            void *user, bp_error *err);

typedef struct bp_predict_files {
    size_t size; /* sizeof(bp_predict_files) */
    bp_answer_fn answer;
    /* What a file gives to remark, lines; and one of many pictures that cannot
     * be read: the others go on, and the whole ends in EFORMAT. NULL: not
     * told. */
    void (*note)(void *user, const char *text);
    void (*unreadable)(void *user, const char *message);
    void *user;
} bp_predict_files;

/* Files of the kind that the run was trained on: a table, found by the names
 * of its columns; a picture, a folder or an archive of them; an .npy array or
 * an IDX file; one for each input. [err: EARG it is of another kind, EIO
 * ENOTFOUND EFORMAT ESHAPE and as above] */
bp_status bp_predictor_files(bp_predictor *p, const char *const *path,
                             size_t n, const bp_predict_files *o,
                             bp_error *err);

/* ---- evaluation ------------------------------------------------------------ */

/* Loss, metrics and confusion over samples with targets, such as
 * bp_config_open_data gives. *e belongs to the predictor until its next
 * evaluation. name: of the data, for messages; NULL: "data".
 * [err: ESHAPE ERANGE ... where samples cannot be used, and as above] */
bp_status bp_predictor_evaluate(bp_predictor *p, bp_data *d, const char *name,
                                const bp_evaluation **e, bp_error *err);
/* Of a split that the run names; dir goes before its folder of data.
 * [err: ENOTFOUND it names none, and as bp_config_open_data] */
bp_status bp_predictor_evaluate_split(bp_predictor *p, bp_split split,
                                      const char *dir,
                                      const bp_evaluation **e, bp_error *err);
/* Of files with targets: a table that has the target's column too; a folder or
 * an archive with a folder of pictures for each class; arrays or IDX files,
 * one for each input and the target's last. */
bp_status bp_predictor_evaluate_files(bp_predictor *p, const char *const *path,
                                      size_t n, const bp_evaluation **e,
                                      bp_error *err);
/* Classes predicted less than a twentieth as often as they occur, as a
 * sentence: "stuck: hardly ever predicts class 3"; "" if none is. */
bp_status bp_evaluation_stuck(const bp_evaluation *e, char *text, size_t bytes);

/* ---- what it is about ------------------------------------------------------- */

/* Of the run: class names, columns, options. Read it, while predictors use it,
 * but change nothing. */
const bp_config *bp_predictor_config(const bp_predictor *p);
size_t bp_predictor_input_count(const bp_predictor *p);
/* Name and shape of one sample of an input. */
bool bp_predictor_input(const bp_predictor *p, size_t i, bp_nn_io *io);
/* Numbers of a sample's output. */
int64_t bp_predictor_outputs(const bp_predictor *p);
/* The k-th number of a target, as the user knows it: x of the network is
 * x / factor + center. False: it comes as it is, without a name. */
typedef struct bp_target_units {
    const char *name;
    double center, factor;
} bp_target_units;
bool bp_predictor_target(const bp_predictor *p, int64_t k,
                         bp_target_units *u);

/* ---- beside simpler models ---------------------------------------------------- */

typedef enum bp_score {
    BP_SCORE_ACCURACY = 0, /* share of samples with the right class */
    BP_SCORE_F1 = 1,       /* mean over the classes of 2PR / (P + R), or 0 */
    BP_SCORE_AUC = 2,      /* of two classes: area under the ROC curve */
    BP_SCORE_LOG_LOSS = 3, /* mean of -log probability of the class */
    BP_SCORE_RMSE = 4,     /* in the target's own units, as is the next */
    BP_SCORE_MAE = 5,
    BP_SCORE_R2 = 6        /* 1 - squared errors / squares around the mean */
} bp_score;
#define BP_N_SCORES 7

typedef struct bp_contestant {
    double score[BP_N_SCORES]; /* NaN: not defined, or of the other kind */
    double low, high; /* the middle 95 % of accuracy or R2 over draws of the
                         samples with repetition; NaN: not defined */
} bp_contestant;

typedef enum bp_gain {
    BP_GAIN_NONE = 0, /* no more than chance does to so few samples */
    BP_GAIN_BETTER = 1,
    BP_GAIN_WORSE = 2
} bp_gain;

/* The network, a linear model that was trained in the same way, and the
 * constant guess, on one target. */
typedef struct bp_contest {
    const char *target; /* its name; NULL: it has none */
    bp_contestant network, linear, constant;
    double guess;       /* the constant: a mean, in the target's units */
    /* By accuracy or R2, and by log loss or MAE, which see what those do not.
     */
    bp_gain over_constant[2], over_linear[2];
    bool ranks; /* two classes in an order that chance gives once in 40 times */
} bp_contest;

typedef struct bp_comparison {
    bp_split split;       /* test; valid where there is none */
    int64_t samples;
    bool classes;
    int64_t outputs;      /* classes, or numbers of a sample */
    int64_t most_frequent; /* class: the constant guess */
    int n_contests;       /* one, or one for each number */
    bp_contest *contest;
} bp_comparison;

typedef struct bp_compare_options {
    size_t size;      /* sizeof(bp_compare_options) */
    bool any_data;    /* runs on data that are usually not compared, too */
    bool no_gains;    /* gains and ranks stay NONE and false: they take time */
} bp_compare_options;

/* After training: what the network of t, with its best weights, is worth beside
 * simpler models on samples that it was not trained on. *comparison NULL: it
 * is not for such a run (no samples held back, outputs that are no scores of
 * classes and no few numbers). [err: as bp_trainer_run, ENOMEM] */
bp_status bp_compare(bp_config *c, bp_trainer *t, bp_runtime *r,
                     bp_data *const split[BP_N_SPLITS],
                     const bp_compare_options *o, bp_comparison **comparison,
                     bp_error *err);
void bp_comparison_free(bp_comparison *c);

#ifdef __cplusplus
}
#endif
#endif
