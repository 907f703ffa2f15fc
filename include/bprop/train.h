/* bprop: the training loop, evaluation, gradient checking, and files of
 * weights.
 *
 *     bp_task task = {.size = sizeof task, .net = net, ...};
 *     bp_trainer_options o = {.size = sizeof o, .train = data, .epochs = 5};
 *     bp_trainer *t = NULL;
 *     if (bp_trainer_new(&task, &o, &t, &err) || bp_trainer_run(t, &err))
 *         fprintf(stderr, "%s\n", err.message);
 *
 * A run's bits are a function of the task, the options (threads, level,
 * checkpoint_seconds and run_dir excepted) and the data.
 */
#ifndef BPROP_TRAIN_H
#define BPROP_TRAIN_H

#include <bprop/bprop.h>
#include <bprop/data.h>
#include <bprop/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- files of weights ------------------------------------------------- */

#define BP_KIND(kind) (1u << (kind))
/* What makes up a model: PyTorch's state_dict. */
#define BP_KINDS_WEIGHTS (BP_KIND(BP_VAR_PARAM) | BP_KIND(BP_VAR_BUFFER))
#define BP_KINDS_ALL                                            \
    (BP_KINDS_WEIGHTS | BP_KIND(BP_VAR_OPTIM) |                 \
     BP_KIND(BP_VAR_TRAINER) | BP_KIND(BP_VAR_STATE))

/* A safetensors file of the store's variables of these kinds; it appears
 * whole or not at all, and never holds a value that is not finite.
 * [err: EIO ENONFINITE ENOMEM] */
bp_status bp_store_save(bp_store *s, const char *path, unsigned kinds,
                        bp_error *err);
/* Sets the store's variables of these kinds from a file that has the same
 * names, types and shapes (PyTorch's counts num_batches_tracked aside);
 * otherwise changes nothing and lists what differs.
 * [err: EIO ENOTFOUND EFORMAT ESHAPE ENONFINITE ENOMEM] */
bp_status bp_store_load(bp_store *s, const char *path, unsigned kinds,
                        bp_error *err);

/* A name in the file, and what it is called here; to NULL: left out. `*` in
 * `from` stands for any text, `?` for one character; each `*` in `to` is what
 * that of `from` stood for. */
typedef struct bp_transfer_rule {
    const char *from, *to;
} bp_transfer_rule;

typedef struct bp_transfer_options {
    size_t size;                 /* sizeof(bp_transfer_options) */
    size_t n_map;
    const bp_transfer_rule *map; /* the first that matches counts; names that
                                    none matches stay */
    size_t n_transpose;
    const char *const *transpose; /* patterns of matrices (names here) that the
                                     file has the other way round */
    bool allow_missing; /* not in the file: stays as it is */
    bool allow_extra;   /* not in the store */
    bool allow_shape;   /* of another shape: stays as it is */
    void (*on_line)(void *user, const char *line); /* each of these; NULL */
    void *user;
} bp_transfer_options;

typedef struct bp_transfer_report {
    int64_t taken, missing, extra, shape;
    char hash[20]; /* of the file: FNV-1a, 16 digits; "": it was not read */
} bp_transfer_report;

/* Sets parameters and buffers from a file that need not be this model's: a
 * safetensors file, PyTorch's too, or a run folder (its best weights). f16,
 * bf16, f32 and f64 are converted. All that does not fit is told at once, and
 * then nothing is changed, unless it is allowed. A rule of map that matches
 * nothing is an error. options and report may be NULL.
 * [err: EIO ENOTFOUND EFORMAT ESHAPE EEXIST ENONFINITE ENOMEM] */
bp_status bp_store_transfer(bp_store *s, const char *path,
                            const bp_transfer_options *options,
                            bp_transfer_report *report, bp_error *err);

/* Layer-sequential unit variance (Mishkin and Matas 2015, arXiv:1511.06422): the
 * weights whose initializer is lsuv, which have been made in s by a trace and
 * are orthogonal, are scaled one layer after the other until the variance of
 * what the layer gives on this batch is within its tolerance of 1. A trainer
 * does so by itself, with the first batch of its epoch (of 256 samples, where
 * a batch has fewer). [err: ERANGE a layer whose output does not vary; what
 * bp_compile says] */
bp_status bp_lsuv(const bp_task *task, bp_store *s, bp_runtime *r,
                  const bp_batch *batch, bp_error *err);

/* ---- gradients ------------------------------------------------------------ */

/* Loss and gradients of one batch, in training mode, without an update: a store
 * with "loss" and, under each parameter's name, its gradient. shards 0: 1.
 * [err: what bp_step_run says] */
bp_status bp_task_gradients(const bp_task *t, bp_store *s, bp_runtime *r,
                            const bp_compile_options *compile, int64_t shards,
                            const bp_batch *b, bp_store **gradients,
                            bp_error *err);

/* ---- evaluation ------------------------------------------------------- */

#define BP_MAX_METRICS 16

typedef struct bp_evaluation {
    int64_t samples;
    double loss; /* mean over samples, without penalty */
    int n_metrics;
    const char *metric_name[BP_MAX_METRICS]; /* owned by the task's texts */
    double metric[BP_MAX_METRICS]; /* of all samples; NaN: not defined */
    /* Classes: confusion[truth * n_classes + predicted], owned by whom it came
     * from; n_classes 0 where the target is no class. */
    int64_t n_classes;
    const int64_t *confusion;
} bp_evaluation;

/* ---- training --------------------------------------------------------- */

typedef struct bp_trainer bp_trainer;
struct bp__fs;

/* What a callback sees; valid during the call. */
typedef struct bp_progress {
    int64_t epoch, epochs; /* from 1 */
    int64_t step, steps;   /* done, and expected in all */
    int64_t batch, batches; /* done in this epoch (or evaluation), and in all */
    const char *split;     /* "train", or what is being evaluated */
    int64_t samples;       /* done in this epoch */
    double loss;           /* mean over the samples of this epoch so far */
    int n_metrics;
    const char *const *metric_name;
    const double *metric;  /* NaN: not known before the end (auc) */
    double lr, grad_norm;  /* of the last step */
} bp_progress;

typedef struct bp_epoch {
    int64_t epoch, epochs, step;
    const bp_evaluation *train; /* in training mode, over the epoch */
    const bp_evaluation *valid; /* NULL: there is none */
    const bp_evaluation *test;  /* only in the call after the last epoch */
    double lr, grad_norm, seconds; /* seconds: of this epoch, here */
    bool best;                  /* the best one so far */
    int64_t best_epoch;
    const char *note;           /* what deserves attention; NULL: nothing */
} bp_epoch;

typedef struct bp_trainer_options {
    size_t size;            /* sizeof(bp_trainer_options) */
    const bp_allocator *allocator; /* copied; NULL: malloc */
    bp_runtime *runtime;    /* NULL: one of its own */
    const char *no_pass, *no_kernel; /* as in bp_compile_options */

    /* All retained. valid: evaluated after each epoch. test: at the end, with
     * the best weights. Both may be NULL. */
    bp_data *train, *valid, *test;
    bp_norm_kind normalize; /* fitted to the training set */
    const bp_norm *norm[BP_MAX_INPUTS]; /* instead of fitting; borrowed */
    bp_augment augment;     /* of the training set */

    int64_t epochs;         /* 0: 1 */
    int64_t steps;          /* stop after so many; 0: no limit */
    int64_t batch;          /* 0: 64 */
    int64_t shards;         /* 0: 1 */

    /* What makes an epoch the best: "loss", or a metric of the task; NULL: its
     * first metric, or else the loss. On valid, or else on train. */
    const char *monitor;
    int64_t patience;       /* stop after so many epochs without a better
                               one; 0: never */
    bool has_target;        /* stop once monitor is as good as target */
    double target;

    /* Weights to start from, as in bp_store_transfer (a size of 0: nothing is
     * allowed); not read where a run is resumed. NULL: none. */
    const char *init_from;
    bp_transfer_options transfer;

    /* The folder that holds the run: checkpoint, best and last .safetensors,
     * log.jsonl, curve.svg. It is made if its parent is there. NULL: no
     * files. A folder that holds a run is refused (BP_EEXIST) without one of
     * these: */
    const char *run_dir;
    bool resume;            /* go on from its checkpoint, if there is one */
    bool replace;           /* remove the old run's files and start anew */
    double checkpoint_seconds; /* 0: 30; negative: at ends of epochs only */
    int64_t log_every;      /* steps; 0: only epochs are logged */
    bool tensorboard;       /* the log's numbers in an event file, too */
    bool no_hints;          /* do not look for what usually goes wrong */
    const char *title;      /* of curve.svg; NULL: "bprop" */
    const struct bp__fs *fs; /* for tests; NULL: the system's files */

    void (*on_step)(void *user, const bp_progress *p);
    void (*on_epoch)(void *user, const bp_epoch *e);
    void *user;
} bp_trainer_options;

/* Traces and compiles, checks all the data (one message lists every kind of
 * problem) and, with resume, loads the checkpoint. The task's net, user, model
 * and texts must outlive the trainer. [err: EARG ESHAPE ERANGE ENODIFF EIO
 * ENOMEM and what bp_compile says] */
bp_status bp_trainer_new(const bp_task *task, const bp_trainer_options *o,
                         bp_trainer **t, bp_error *err);
void bp_trainer_free(bp_trainer *t);

/* Trains until an end is reached, or until bp_trainer_stop: then it finishes
 * the step, saves and returns BP_ECANCELED; a further call goes on. A value
 * that is not finite stops it with BP_ENONFINITE, without saving. */
bp_status bp_trainer_run(bp_trainer *t, bp_error *err);
/* May be called from a signal handler or another thread. */
void bp_trainer_stop(bp_trainer *t);

/* In evaluation mode with the current weights (or the best ones); the result
 * belongs to the trainer until the next call. */
bp_status bp_trainer_evaluate(bp_trainer *t, bp_data *d, bool best_weights,
                              const bp_evaluation **e, bp_error *err);

bp_store *bp_trainer_store(bp_trainer *t); /* borrowed */
int64_t bp_trainer_step(const bp_trainer *t);  /* steps done */
int64_t bp_trainer_epoch(const bp_trainer *t); /* whole epochs done */
int64_t bp_trainer_best_epoch(const bp_trainer *t); /* from 1; 0: none yet */
/* What came from init_from; all 0 where it was not read. */
const bp_transfer_report *bp_trainer_transfer(const bp_trainer *t);
const bp_norm *bp_trainer_norm(const bp_trainer *t, size_t input);
/* What may go wrong with this model on this data, a line each: targets that
 * the output cannot reach, inputs out of scale, dead or saturated units,
 * targets that are all alike. The log's first epoch has them as its note. */
int bp_trainer_hint_count(const bp_trainer *t);
const char *bp_trainer_hint(const bp_trainer *t, int i); /* NULL: none */
/* Why it ended: "all 5 epochs are done"; "" before that. */
const char *bp_trainer_end(const bp_trainer *t);

/* ---- range test of the rate -------------------------------------------- */

/* A step of the test: its rate, the loss of its batch (before the update), and
 * the loss smoothed over neighboring rates. */
typedef struct bp_range_point {
    double lr, loss, smooth;
} bp_range_point;

typedef struct bp_range_options {
    size_t size;       /* sizeof(bp_range_options) */
    /* Training data, batch, shards, normalization, augmentation, runtime and
     * allocator as for a trainer. The rest (folder, schedule, ends) plays no
     * part, and nothing is written. */
    const bp_trainer_options *train;
    double from, to;   /* rates; 0: 1e-6 and 10 */
    int64_t steps;     /* 0: 30 a decade */
    void (*on_step)(void *user, int64_t step, int64_t steps);
    void *user;
} bp_range_options;

typedef struct bp_range {
    int64_t n;
    bp_range_point *points;
    double start;      /* the loss before anything was learned */
    bool falls;        /* anywhere, by more than its noise */
    double low, high;  /* the basin: from where a twentieth of the fall is
                          done to where the smoothed loss is lowest */
    double lowest;     /* ... which is this */
    double suggested;  /* a tenth of high, or the basin's middle (of its
                          logarithm) where that is larger */
    bool open;         /* the loss still falls at the last rate */
    double rises_at;   /* from here on more than a fifth of the fall is lost;
                          0: nowhere */
    bool diverges;     /* the loss is back at its start, or not finite */
    double diverges_at;
    bool left;         /* ended because the loss had left for good */
    bool not_finite;   /* ... the latter, in the step after the last point */
    bp_allocator allocator; /* of the points */
    int64_t room;
} bp_range;

/* Trains from the task's initial state with a rate that grows by the same
 * factor in each step, until `to` or until the loss has left for good (Smith
 * 2017, "Cyclical learning rates for training neural networks",
 * arXiv:1506.01186). The task's schedule is not used. The result is a function
 * of task, options and data alone. Free with bp_range_free, whatever came
 * back. [err: EARG and what bp_trainer_new says] */
bp_status bp_range_test(const bp_task *task, const bp_range_options *o,
                        bp_range *result, bp_error *err);
void bp_range_free(bp_range *r);
/* A plot in characters, points "." and the smoothed loss "*", by decades; and
 * the same as an SVG picture. [err: EIO ENOMEM] */
bp_status bp_range_print(const bp_range *r, int width, int height,
                         bp_write_fn write, void *user);
bp_status bp_range_svg(const bp_range *r, const char *title, bp_write_fn write,
                       void *user);

/* ---- gradient check ---------------------------------------------------- */

/* One tensor's result. */
typedef struct bp_check_tensor {
    const char *name;
    int order;        /* 1 or 2; 0: f32 against f64 */
    double error;     /* the worst of all directions */
    bool ok;
} bp_check_tensor;

typedef struct bp_check_options {
    size_t size;      /* sizeof(bp_check_options) */
    const bp_allocator *allocator;
    bp_runtime *runtime; /* NULL: one of its own */
    const char *no_pass, *no_kernel;
    int64_t rows;     /* samples; 0: 4 */
    /* One batch, or NULL: random ones by seed. Floats in f32, whole numbers in
     * the type that the task gives them. */
    const void *input[BP_NN_MAX_INPUTS];
    const void *target;
    uint64_t seed;
    int directions;   /* of each tensor; 0: 16 */
    double bound;     /* 0: 1e-6 in f64, 1e-5 in f32 */
    bp_dtype dtype;   /* BP_F64: differences. BP_F32: the f32 program's
                         gradients against f64's, which take f32's
                         comparisons and argmax choices */
    void (*on_tensor)(void *user, const bp_check_tensor *r);
    void *user;
} bp_check_options;

/* Checks the gradients of a task's objective by all its parameters, of order
 * 1 and 2, against central differences, with comparisons and argmax choices
 * frozen at the starting point. *worst: the largest error (a NaN where one
 * arose). BP_OK even if a tensor fails: *n_failed counts those. [err: what
 * bp_compile says; ENODIFF] */
bp_status bp_check_gradients(const bp_task *task, const bp_check_options *o,
                             double *worst, int64_t *n_failed, bp_error *err);

#ifdef __cplusplus
}
#endif
#endif
