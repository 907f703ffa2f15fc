/* A run that is open for prediction: internal to src/predict.
 *
 * What does not change once it is open is shared by a predictor and its
 * clones, and read by several threads at once; all else is each one's own. */
#ifndef BP__PREDICT_H
#define BP__PREDICT_H

#include "config/config.h"
#include "fmt/array.h"
#include "ir/ir.h"
#include "train/train.h"

#include <bprop/predict.h>

#include <stdatomic.h>

typedef struct bp__opened {
    atomic_int refs;
    bp_allocator a;
    bp_config *config;
    bool owns_config;
    bp_store *store;
    bool classes;       /* outputs are scores of classes */
    size_t n_inputs;
    bp_nn_io input[BP_NN_MAX_INPUTS];
    bp__type output;    /* of one sample */
    bp__arena arena;    /* texts, and what follows */
    const char *no_pass, *no_kernel;
    int64_t n_units;
    bp_target_units *units;
} bp__opened;

/* exec.c: the one file that knows how a task is run. */
typedef struct bp__machine bp__machine;

/* One sample at a time: the place that it is put, and a loader over it. */
typedef struct bp__single {
    bp_array x[BP_NN_MAX_INPUTS]; /* [1, ...] */
    bp_data *data;
    bp_loader *loader;
    int64_t calls;
    bp__source_row *row; /* of a table; NULL: not yet */
} bp__single;

struct bp_predictor {
    bp_allocator a;
    bp__opened *run;
    bp_runtime *runtime;
    bool own_runtime;
    bp__machine *machine;
    bp__single one;
    double *numbers;    /* outputs and values of a sample */
    int64_t room;       /* numbers of each */
    bp_answer answer;
};

/* What a program made of a batch: outputs of all its samples; probability
 * NULL: the loss makes none. */
typedef struct bp__outputs {
    const void *output, *probability;
    bp_dtype dtype;
    int64_t n; /* numbers of a sample */
} bp__outputs;

bp_status bp__machine_new(bp_predictor *p, bp_error *err);
void bp__machine_free(bp__machine *m);
bp_status bp__machine_predict(bp_predictor *p, const bp_batch *b,
                              bp__outputs *y, bp_error *err);
bp_status bp__machine_evaluate(bp_predictor *p, bp_data *d, const char *name,
                               const bp_evaluation **e, bp_error *err);

/* answer.c: the row-th sample's answer, in p->answer. */
bp_status bp__answer(bp_predictor *p, const bp__outputs *y, int64_t row,
                     bp_error *err);

/* single.c */
void bp__single_free(bp_predictor *p);

/* batches.c: a copy of the run's configuration that reading files may change; its arena is
 * to be freed. [err: ENOMEM] */
bp_status bp__predict_view(const bp_predictor *p, bp__config *view,
                           bp_error *err);

#endif
