/* Internal parts of the training loop: state files, the log, the curve. */
#ifndef BP__TRAIN_H
#define BP__TRAIN_H

#include "base/file.h"
#include "fmt/safetensors.h"
#include "ir/ir.h"
#include "nn/spec.h"
#include "nn/task.h"

#include <bprop/source.h>
#include <bprop/step.h>
#include <bprop/train.h>

/* ---- checkpoint.c ---------------------------------------------------- */

#define BP__CHECKPOINT_VERSION "2"

/* Through another file layer, for tests; fs NULL: the system's. */
bp_status bp__store_save(const bp__fs *fs, bp_store *s, const char *path,
                         unsigned kinds, bp_error *err);
bp_status bp__store_load(const bp__fs *fs, bp_store *s, const char *path,
                         unsigned kinds, bp_error *err);
/* Every variable, and what a folder adds: entries whose names begin with '@',
 * and facts about the run. */
bp_status bp__checkpoint_save(const bp__fs *fs, bp_store *s, const char *path,
                              const bp__st_entry *extra, size_t n_extra,
                              const bp__st_meta *meta, size_t n_meta,
                              bp_error *err);
/* Has the file the variables of these kinds, and none beside, and only finite
 * numbers? Changes nothing. */
bp_status bp__store_compare(bp_store *s, unsigned kinds,
                            const bp__safetensors *st, const char *path,
                            bp_error *err);
/* Sets what the file has; it has been compared. [err: ENOMEM] */
bp_status bp__store_take(bp_store *s, const bp__safetensors *st,
                         bp_error *err);
/* The variables of these kinds in a store that is made, where *to is NULL. */
bp_status bp__store_copy(const bp_allocator *a, bp_store *from, unsigned kinds,
                         bp_store **to, bp_error *err);
/* transfer.c; fs NULL: the system's. taken: set for each variable that is set;
 * NULL: not wanted. */
bp_status bp__store_transfer(const bp__fs *fs, bp_store *s, const char *path,
                             const bp_transfer_options *o, bool *taken,
                             bp_transfer_report *report, bp_error *err);
/* lsuv.c. Does some weight start by lsuv? The variables have been made. */
bool bp__lsuv_wanted(const bp_task *t, bp_store *s);
/* keep: variables that stay as they are; NULL: none. */
bp_status bp__lsuv(const bp_task *t, bp_store *s, bp_runtime *r,
                   const bp_batch *b, const bool *keep, bp_error *err);
/* The first value that is not finite, as an error; BP_OK: there is none. */
bp_status bp__store_check_finite(bp_store *s, unsigned kinds, bp_error *err);

/* ---- task_steps.c ---------------------------------------------------- */

enum { BP__TASK_MODES = BP_TASK_TRACE + 1 };

/* The steps of a task over one store, by mode, made when first wanted. */
typedef struct bp__task_steps {
    bp_allocator a;
    const bp_task *task;
    bp_store *store;
    bp_runtime *runtime;
    const char *no_pass, *no_kernel;
    int64_t shards;
    bool grad_norm;
    bp_step *step[BP__TASK_MODES];
} bp__task_steps;

void bp__task_steps_init(bp__task_steps *k, const bp_allocator *a,
                         const bp_task *task, bp_store *store, bp_runtime *r);
void bp__task_steps_free(bp__task_steps *k);
/* Borrowed. */
bp_status bp__task_steps_get(bp__task_steps *k, bp_task_mode mode,
                             bp_step **step, bp_error *err);
/* Traced and compiled for so many rows. */
bp_status bp__task_steps_prepare(bp__task_steps *k, bp_task_mode mode,
                                 int64_t rows, bp_step **step, bp_error *err);
/* Runs it on a batch; without its target where the mode has none. */
bp_status bp__task_steps_run(bp__task_steps *k, bp_task_mode mode,
                             const bp_batch *b, bp_step **step,
                             bp_error *err);

/* The same on what a source gives. */
bp_status bp__task_steps_run_fields(bp__task_steps *k, bp_task_mode mode,
                                    const bp_fields *f, bp_step **step,
                                    bp_error *err);
/* Type of the output for one sample; makes the variables in s. */
bp_status bp__task_output(const bp_task *t, bp_store *s, const bp_allocator *a,
                          bp__type *out, bp_error *err);
/* The same, and below[i]: the rows of the smallest table that looks input i up;
 * 0: none does. NULL: not wanted. */
bp_status bp__task_look(const bp_task *t, bp_store *s, const bp_allocator *a,
                        bp__type *out, int64_t below[BP_NN_MAX_INPUTS],
                        bp_error *err);
/* inputs.c: sets the types of batches. */
void bp__task_loader(const bp_task *t, bp_loader_options *o);
/* Targets of a sample; classes that a label may be of (0: targets are real). */
int64_t bp__task_labels(const bp_task *t);
int64_t bp__task_classes(const bp_task *t, const bp__type *output);
/* What it asks of data. */
bp_status bp__task_expect(const bp_task *t, bp_store *s, const bp_allocator *a,
                          bp_data_expect *e, bp_error *err);
/* Fits normalization to samples in the model's shape; of whole-number inputs
 * none. */
bp_status bp__task_norm(const bp_task *t, const bp_data *d, size_t input,
                        bp_norm_kind kind, const bp_allocator *a,
                        bp_norm **norm, bp_error *err);
/* Binds a batch's inputs, and its target unless the mode has none, to a
 * program that is made of a task's graph by other means than a step. */
bp_status bp__bind_batch(bp_program *p, const bp_task *t, const bp_batch *b,
                         bool target, bp_error *err);
double bp__result_number(const bp_program *p, const char *name);
/* The weight of the batch's loss in a mean over batches. */
double bp__loss_weight(const bp_step *p, int64_t rows);

/* ---- tally.c ----------------------------------------------------------- */

/* The state of one metric over the samples so far: sums over them, or a row of
 * each. */
typedef struct bp__tally {
    const bp__spec *spec;
    const char *name, *output; /* "top_5", "metric.top_5" */
    int64_t width, n;          /* numbers of a state (row); samples */
    double *x;
    size_t cap;                /* numbers that x has room for */
    bool borrowed;             /* x is a variable's data */
} bp__tally;

/* The task's metrics, with texts in the arena. [err: ELIMIT EEXIST and what
 * the texts are refused for] */
bp_status bp__task_tallies(const bp_task *t, bp__arena *ar,
                           bp__tally list[BP_MAX_METRICS], int *n,
                           bp_error *err);
void bp__tally_clear(bp__tally *t);
/* The outputs of a step that has run. */
bp_status bp__tally_add(bp__tally *t, const bp_allocator *a,
                        const bp_step *p, int64_t rows, bp_error *err);
bp_status bp__tally_value(const bp__tally *t, const bp_allocator *a,
                          double *out, bp_error *err);
/* Does its value cost the same however many samples there are? */
bool bp__tally_is_cheap(const bp__tally *t);
void bp__tally_free(bp__tally *t, const bp_allocator *a);

/* ---- evaluate.c ------------------------------------------------------ */

typedef struct bp__evaluator {
    bp_allocator a;
    bp__task_steps *steps;
    bp__arena arena;
    int n_metrics;
    bp__tally tally[BP_MAX_METRICS];
    const char *metric_name[BP_MAX_METRICS];
    int64_t batch;
    const bp_norm *norm[BP_MAX_INPUTS];
    int64_t n_classes; /* 0: no confusion table */
    double threshold;  /* of a single output: above it is class 1 */
    int64_t *confusion;
    double loss_weight; /* of the samples so far */
    const atomic_int *stop;
    void (*on_batch)(void *user, const bp_progress *p);
    void *user;
} bp__evaluator;

bp_status bp__evaluator_init(bp__evaluator *e, bp__task_steps *k,
                             const bp__type *output, int64_t batch,
                             bp_error *err);
void bp__evaluator_free(bp__evaluator *e);
/* result->confusion is the evaluator's. Interrupted by *stop: BP_ECANCELED. */
bp_status bp__evaluate(bp__evaluator *e, bp_data *d, const char *split,
                       bp_evaluation *result, bp_error *err);
/* Classes predicted less than a twentieth as often as they occur, as a
 * sentence; "" if none. */
void bp__stuck_classes(const bp_evaluation *e, bp__str *out);

/* That of the best weights so far. */
bp__evaluator *bp__trainer_best(bp_trainer *t);

/* ---- plateau.c ------------------------------------------------------- */

/* Where its variables live; spec NULL: the schedule has no plateau. */
typedef struct bp__plateau {
    const struct bp__spec *spec;
    double *factor;          /* of the schedule's rate */
    double *has_best, *best; /* of the monitored value */
    double *idle, *rest;     /* epochs without a better one; of cooldown */
} bp__plateau;

bp_status bp__plateau_init(bp__plateau *p, bp_store *s,
                           const struct bp__spec *optimizer, bp_error *err);
double bp__plateau_rate(const bp__plateau *p, double rate);
/* After each epoch, with the monitored value. */
void bp__plateau_judge(bp__plateau *p, double x, bool larger_is_better);

/* ---- log.c ----------------------------------------------------------- */

/* One record, and the shape in which it is read back. */
typedef struct bp__log_record {
    int64_t step, epoch; /* both from 1 */
    const char *split;
    bool whole_epoch;    /* else one of train.log_every */
    int64_t samples;
    double loss;
    int n_metrics;
    const char *metric_name[BP_MAX_METRICS];
    double metric[BP_MAX_METRICS];
    bool has_step_facts; /* lr, grad_norm: records of training only */
    double lr, grad_norm;
    bool wide;           /* grad_norm is an f64 number, else an f32 one */
    double seconds;      /* since the run (or this part of it) began */
    const char *note;    /* NULL: none */
    const char *weights; /* their hash, at the end of an epoch; NULL: none */
} bp__log_record;

/* The record as a line of JSON with its line feed. */
void bp__log_format(const bp__log_record *r, bp__str *out);
/* Reads a line; strings are in the arena. */
bp_status bp__log_parse(bp__arena *ar, const char *line, size_t bytes,
                        const char *where, bp__log_record *r, bp_error *err);

/* A member that every record has: no key of a caller's. */
bool bp__log_is_own(const char *key);

/* ---- events.c -------------------------------------------------------- */

/* The record as an event of TensorBoard. */
void bp__events_format(const bp__log_record *r, bp__str *out);

/* ---- range_draw.c ---------------------------------------------------- */

/* A plot of characters: points "." and the smoothed loss "*", by decades. */
void bp__range_plot(const bp_range *r, int width, int height, bp__str *out);
/* The same as a picture of its own. */
void bp__range_svg(const bp_range *r, const char *title, bp__str *out);

/* ---- ticks.c ---------------------------------------------------------- */

/* The largest of 1, 2, 5 times a power of ten that gives at least n steps. */
double bp__nice_step(double range, int n);

/* Ticks lo + i * step, 0 <= i <= n. All finite, lo < hi, whatever came. */
typedef struct bp__ticks {
    double lo, hi, step; /* hi is the last tick */
    int n;
} bp__ticks;

/* Makes both ends finite and, where nothing lies between them as far as six
 * digits tell, gives them room; was that so? */
bool bp__ticks_widen(double *lo, double *hi);
/* Of the numbers from lo to hi, at least four steps. */
bp__ticks bp__ticks_of(double lo, double hi);
/* 0 at lo, 1 at hi; what lies beyond, at the end. */
double bp__ticks_place(const bp__ticks *x, double v);

/* ---- curve.c --------------------------------------------------------- */

/* Text inside an element of SVG. */
void bp__svg_text(bp__str *s, const char *text);
/* Draws the epochs of a log as an SVG picture of its own. */
bp_status bp__curve_draw(const bp_allocator *a, const char *log, size_t bytes,
                         const char *where, const char *title, bp__str *svg,
                         bp_error *err);

#endif
