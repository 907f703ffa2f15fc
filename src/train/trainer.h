/* The trainer's own state. Whatever a resumed run needs is a variable of the
 * store; `state` holds where those variables live. */
#ifndef BP__TRAINER_H
#define BP__TRAINER_H

#include "nn/spec.h"
#include "train/folder.h"

/* Variables trainer.<name>, f64 scalars: exact up to 2^53. What a checkpoint
 * may hold in each of them stands in resume.c. */
#define BP__TRAINER_STATE(X)                                             \
    X(epoch)      /* whole epochs done                               */  \
    X(batch)      /* batches done in this epoch                      */  \
    X(has_best)   /* 0 or 1                                          */  \
    X(best)       /* the monitored value of the best epoch           */  \
    X(best_epoch) /* from 1                                          */  \
    X(idle)       /* epochs since then                               */  \
    X(sum_samples) /* of this epoch                                  */  \
    X(sum_loss)                                                          \
    X(sum_weight) /* of the losses: samples, unless classes have some */ \
    X(grad_norm)  /* of the last step                                */

typedef struct bp__trainer_state {
#define BP__STATE_FIELD(name) double *name;
    BP__TRAINER_STATE(BP__STATE_FIELD)
#undef BP__STATE_FIELD
} bp__trainer_state;

enum { BP__MAX_HINTS = 12 };

struct bp_trainer {
    bp_allocator a;
    bp_task task;
    bp_trainer_options o;
    bp__arena arena; /* paths, names */
    bp_runtime *runtime;
    bp_store *store;
    bp_folder *folder;
    bp__task_steps steps, best_steps;
    bp__evaluator evaluator, best_evaluator;
    bp_source *source, *valid; /* valid: for its hash alone; NULL: none */
    bp_norm *norm[BP_MAX_INPUTS];
    size_t n_inputs;
    int64_t batches, total_steps;
    int64_t planned_steps; /* total_steps of the run that is resumed */
    int64_t *class_count; /* in training data, where nobody said */
    bp__spec *optimizer;
    bp__plateau plateau;
    bp__trainer_state state;
    const int32_t *step;
    const double *lr;
    int n_metrics;
    const char *const *metric_name;
    bp__tally tally[BP_MAX_METRICS]; /* of this epoch, in variables */
    int monitor;         /* index of a metric; -1: the loss */
    bool larger_is_better;
    const char *resume_note; /* NULL: nothing to tell */
    const char *hint[BP__MAX_HINTS];
    int n_hints;
    bool has_first_loss;
    double first_loss; /* of a few samples, in the initial state */
    double began;
    bool failed;         /* by a fault: nothing more is saved */
    char end[120];
    bp_transfer_report transfer;
    bp_evaluation evaluated; /* the answer of bp_trainer_evaluate */
};

/* loop.c: one batch at this rate, whatever the schedule says; nothing is
 * logged. now: of this batch; NULL: not wanted. */
bp_status bp__trainer_step(bp_trainer *t, double rate, bp_evaluation *now,
                           bp_error *err);

/* state.c */
/* The training step has been prepared for a whole batch, which says how large a
 * metric's state is. */
bp_status bp__trainer_add_state(bp_trainer *t, bp_error *err);
/* Everything about the run that may not differ on resume but its graph and its
 * data, as a text. */
void bp__trainer_options_text(const bp_trainer *t, bp__str *out);

/* resume.c: may a checkpoint be taken, of which the folder has compared names,
 * types and identity? All counters must be possible, together, with this data
 * and this log. user: the trainer. */
bp_status bp__trainer_check_state(void *user, const bp__safetensors *st,
                                  bp_error *err);

/* files.c */
bp_status bp__trainer_open_files(bp_trainer *t, bp_error *err);

/* lint.c: sets the hints and first_loss from the initial state. */
bp_status bp__trainer_lint(bp_trainer *t, bp_error *err);
/* Adds a word if the loss is twice that of the initial state. */
void bp__trainer_diverges(const bp_trainer *t, const bp_evaluation *e,
                          bp__str *note);
/* Adds what the units of layers do on the first samples: dead, saturated. */
bp_status bp__trainer_lint_units(bp_trainer *t, bp__str *note, bp_error *err);
/* Adds what is to be said at the end of an epoch: the hints after the first
 * one, whether the loss has run away, and the note on units. */
void bp__trainer_lint_epoch(const bp_trainer *t, const bp_evaluation *e,
                            const char *units, bp__str *note);

#endif
