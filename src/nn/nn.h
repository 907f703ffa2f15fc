/* Inside nn: the tracing context, the tables, and what layers share. */
#ifndef BP__NN_NN_H
#define BP__NN_NN_H

#include "ir/ir.h"
#include "nn/spec.h"

/* Each table ends with a row whose name is NULL. */
extern const bp__kinddef bp__layer_rows[], bp__init_rows[], bp__loss_rows[],
    bp__metric_rows[], bp__penalty_rows[], bp__optimizer_rows[],
    bp__schedule_rows[], bp__group_rows[];

/* Range of a bp__argdef. */
#define BP__FROM(lo) .min = (lo), .max = HUGE_VAL
#define BP__ABOVE(lo) .min = (lo), .max = HUGE_VAL, .open_min = true
#define BP__ANY .min = 1, .max = 0

/* What is wrong with a layer's name; NULL: nothing. */
const char *bp__bad_name(const char *name);

/* A block of variables: a torch.nn.Sequential, or one layer. */
typedef struct bp__nn_block {
    struct bp__nn_block *up;
    const char *path;          /* "3.body"; "" at the root */
    int64_t next;              /* number of the next entry */
    const char **used;         /* names given in this block */
    size_t n_used, cap_used;
    int64_t layer;             /* index of its record; -1: none */
    const char *scaled;        /* its parameter that is to be scaled by what */
    const bp__spec *scaled_by; /* the layer gives (lsuv); NULL: none */
} bp__nn_block;

/* A parameter whose initializer wants a unit variance of what its layer gives.
 */
typedef struct bp__nn_scaled {
    const char *name;
    const bp__spec *init;
    bp_val out;
    struct bp__nn_scaled *next;
} bp__nn_scaled;

typedef struct bp__nn_var {
    const char *name; /* full */
    bp_var_kind kind;
    bp_val val;
    bp_val used;      /* what the network reads: val, unless averaged */
    bp_val next;      /* BP_NIL: no update */
} bp__nn_var;

/* Where a layer stands in the graph: nodes [lo, hi), blocks with all that they
 * hold. */
typedef struct bp__layer_trace {
    bp_val in, out;
    size_t lo, hi;
} bp__layer_trace;

/* Names of a model in force while its list of layers is walked. */
typedef struct bp__nn_env bp__nn_env;

/* What a step adds to averaged weights: scalars of the parameters' type. */
typedef struct bp__share {
    bp_val share, rest; /* rest = 1 - share */
} bp__share;

/* What an optimizer does with a parameter. */
typedef struct bp__group {
    bool frozen;
    bool adamw; /* muon: AdamW's step for a matrix too */
    double lr_factor, weight_decay;
} bp__group;

/* Which of the variables are parameters. */
typedef struct bp__nn_params {
    uint32_t *list;
    size_t n, cap;
} bp__nn_params;

/* What the contexts of one graph share: its variables, each read once, and what
 * the step keeps for itself. */
typedef struct bp__nn_shared {
    bp_allocator a;
    int refs;
    bp__arena arena;        /* names */
    bp__nn_var *vars;
    size_t n_vars, cap_vars;
    uint32_t *of_store;     /* by the store's index: vars, from 1 */
    size_t cap_of_store;
    bp__nn_params params;   /* of every context */
    const char *step;       /* names trainer.<step>.lr ...; "": trainer.lr */
    const char *moments;    /* likewise optim.<moments>.0.weight.m */
    bp_val key;
    uint32_t key_word;      /* of the step's name: numbers of its own */
    bool committed;
    bool in_order;          /* a buffer that is set twice is set in turn */
    const char *statistics; /* pattern of the buffers that are committed;
                               NULL: all */
    bool missed_ahead;      /* raw weights were asked for, and there was no
                               average to read beside */
} bp__nn_shared;

/* What the network reads in the place of a parameter's variable: set by whoever
 * makes the step. */
typedef bp_val bp__nn_point(bp_nn *nn, const char *name, bp_val variable);

struct bp_nn {
    bp_allocator a;
    bp__arena arena;
    bp_graph *g;
    bp_store *s;
    bp__nn_shared *sh;
    bp_dtype dtype;
    bool training, located;
    bool all;                      /* parameters of every context are its own */
    bp__nn_params params;          /* read by this one */
    bp__nn_point *point;           /* NULL: parameters are their variables */
    const char *trained;           /* pattern of what the optimizer trains;
                                      NULL: all */
    uint64_t seed;
    const char *prefix;            /* "" or "name" */
    const bp__spec *init, *bias_init; /* bias_init NULL: zeros */
    const bp__spec *optimizer;     /* NULL: not known yet */
    const char *optimizer_text;
    bp__group *groups;             /* of each parameter, in a step */
    bool averages;                 /* the step that is being built */
    bp__share share;
    bp__nn_block *block;
    const char *next_name;
    bp_nn_layer_info *layers;
    size_t n_layers, cap_layers;
    bp__nn_scaled *scaled, *last_scaled; /* in the order of the layers */
    bp__layer_trace *traces;       /* of each layer */
    size_t cap_traces;
    int head;                      /* of the last loss */
    const char *const *class_name; /* of a task; NULL: numbers only */
    int64_t n_classes;
    const int64_t *class_count;    /* of a task: training samples of each */
    int64_t n_class_counts;
    bp_val loss_weight;            /* of the last loss: the sum of its samples'
                                      weights; BP_NIL: all are 1 */
    const bp_val *inputs;          /* of a task */
    size_t n_inputs;
    int64_t below[BP_NN_MAX_INPUTS]; /* rows of the smallest table that looks
                                      input i up; 0: none does */
    bp__nn_env *env;
    int depth;
    /* Outputs of an ensemble, if there is one, and their mean. */
    bp_val *members, members_mean;
    size_t n_members;
};

/* True where building may go on. */
static inline bool bp__nn_ok(const bp_nn *nn)
{
    return nn && bp__ok(nn->g);
}

/* "f32[N,8]", for messages; buf: 200 bytes. */
static inline const char *bp__nn_type_text(const bp_nn *nn, bp_val x,
                                           char *buf)
{
    return bp__type_text(bp__type_of(nn->g, x), buf);
}

/* Enters and leaves a layer: number or name, scope, record. begin also checks
 * that x is a float value of the graph of the context's type. out may be
 * BP_NIL. */
bool bp__layer_begin(bp_nn *nn, const char *kind, bp_val x);
/* The same for layers that take whole numbers too. */
bool bp__layer_begin_any(bp_nn *nn, const char *kind, bp_val x);
bp_val bp__layer_end(bp_nn *nn, bp_val out);
void bp__layer_macs(bp_nn *nn, double multiply_adds);
/* Of layer i; NULL: none. */
const bp__layer_trace *bp__nn_layer_trace(const bp_nn *nn, size_t i);
/* A block inside the current one under a fixed name. */
void bp__block_push(bp_nn *nn, const char *name);
void bp__block_pop(bp_nn *nn);
/* Records the error at the current scope; returns BP_NIL. */
bp_val bp__nn_fail(bp_nn *nn, bp_status s, const char *format, ...)
    BP__PRINTF(3, 4);
/* A text of any table, in the context's arena; NULL with the graph's error. */
const bp__spec *bp__nn_parse(bp_nn *nn, bp_nn_table table, const char *text);

/* A parameter with its initializer and fans; init NULL: zeros. */
bp_val bp__nn_parameter(bp_nn *nn, const char *name, int rank,
                        const int64_t *dims, const bp__spec *init,
                        double fan_in, double fan_out);
/* A variable by its full name, of kind OPTIM or TRAINER; a missing one starts
 * filled with `value`. */
bp_val bp__nn_state(bp_nn *nn, const char *name, bp_var_kind kind,
                    bp_dtype dtype, int rank, const int64_t *dims,
                    double value);
void bp__nn_set_state(bp_nn *nn, const char *name, bp_val value);
/* A state of the store, a row a sample: its value before the step. */
bp_val bp__nn_row_state(bp_nn *nn, const char *name, bp_dtype dtype, int rank,
                        const int64_t *dims);
/* The variable of parameter i, which bp_nn_param_value may stand beside. */
bp_val bp__nn_param_variable(const bp_nn *nn, size_t i);
/* A context of a graph that has others: shared NULL, one of its own; else it
 * takes one reference over, also when it fails. */
bp_nn *bp__nn_new(bp_graph *g, bp_store *s, const bp_nn_options *options,
                  bp__nn_shared *shared);
/* NULL: out of memory. step: copied. */
bp__nn_shared *bp__nn_shared_new(const bp_allocator *a, const char *step);
bp__nn_shared *bp__nn_shared_retain(bp__nn_shared *sh);
void bp__nn_shared_free(bp__nn_shared *sh);
/* Layers are numbered from 0 again: the network is applied once more. */
void bp__nn_rewind(bp_nn *nn);
/* Emits the gathered updates, and the step and key of the next one. */
void bp__nn_commit_updates(bp_nn *nn, bool advance);
/* As bp_nn_minimize, without the commit. */
void bp__nn_minimize(bp_nn *nn, bp_val objective, const bp__spec *s,
                     bp_val *grad_norm);
/* "trainer.<step>.<name>" in the context's arena. */
const char *bp__nn_trainer_name(bp_nn *nn, const char *name);
/* x where |x| is not tiny, else 0: what decays never gets denormal. */
bp_val bp__nn_cut_off(bp_graph *g, bp_val x, bool may_be_negative);

/* Fills n values: a function of (seed, name, index). */
void bp__init_fill(const bp__spec *init, uint64_t seed, const char *name,
                   double fan_in, double fan_out, bp_dtype dtype, size_t n,
                   void *out);
/* Of a `whole` row: 2 n numbers, of which the first n are the values; the
 * caller frees them. NULL: out of memory. */
double *bp__init_whole(const bp__spec *init, uint64_t seed, const char *name,
                       const bp__type *t, const bp_allocator *a);

/* Layers with their initializers parsed, under a record already begun or not:
 * what both the C calls and the rows use. */
bp_val bp__nn_dense(bp_nn *nn, bp_val x, int64_t units, bool bias,
                    const bp__spec *init, const bp__spec *bias_init);
bp_val bp__nn_conv2d(bp_nn *nn, bp_val x, const bp_nn_conv2d_options *o,
                     const bp__spec *init, const bp__spec *bias_init);
bp_val bp__nn_conv1d(bp_nn *nn, bp_val x, const bp_nn_conv1d_options *o,
                     const bp__spec *init, const bp__spec *bias_init);
bp_val bp__nn_conv_transpose2d(bp_nn *nn, bp_val x,
                               const bp_nn_conv_transpose2d_options *o,
                               const bp__spec *init,
                               const bp__spec *bias_init);
/* Rows x [N] of a learned table; zeros where x is none of its row numbers. */
bp_val bp__nn_look_up(bp_nn *nn, bp_val x, int64_t count, int64_t dim);
/* init NULL: normal. */
bp_val bp__nn_embedding(bp_nn *nn, bp_val x, int64_t count, int64_t dim,
                        const bp__spec *init);
bp_val bp__nn_pool2d(bp_nn *nn, bp_val x, const char *kind,
                     const bp_nn_pool2d_options *o);
bp_val bp__nn_softmax_axis(bp_nn *nn, bp_val x, int64_t axis);
bp_val bp__nn_log_softmax_axis(bp_nn *nn, bp_val x, int64_t axis);
/* ensemble.c. The layer gives the members' mean; as the network's output it
 * is taken for what bp__nn_ensemble_output gives, by the head of the loss. The
 * loss in training: the mean of the members' own. */
bp_val bp__nn_ensemble(bp_nn *nn, bp_val x, int64_t members,
                       const bp__argval *body);
bp_val bp__nn_ensemble_output(bp_nn *nn, int head);
bp_val bp__nn_ensemble_loss(bp_nn *nn, const char *loss, bp_val target);
/* A residual block whose parts are lists of layers. */
bp_val bp__nn_residual(bp_nn *nn, bp_val x, const bp__argval *body,
                       const bp__argval *shortcut);
/* A list of layers in the current block (model.c). */
bp_val bp__nn_walk(bp_nn *nn, bp__spec *const *layers, size_t n, bp_val x);

/* The sum of all elements over the whole batch. */
bp_val bp__nn_total(bp_graph *g, bp_val x);
/* target as f of output's shape: casts labels of a single output, spreads
 * classes to one-hot. */
bp_val bp__nn_real_target(bp_nn *nn, bp_val output, bp_val target);
bp_val bp__nn_loss(bp_nn *nn, const bp__spec *s, bp_val output,
                   bp_val target);
/* The state of a batch: rows that are kept, or their sum (a scalar of [N]). */
bp_val bp__nn_metric(bp_nn *nn, const bp__spec *s, bp_val output,
                     bp_val target);
/* A class of k, by its name or number; -1 with the graph's error, before which
 * stands what. */
int64_t bp__nn_class(bp_nn *nn, const char *what, const char *class_name,
                     int64_t k);

#endif
