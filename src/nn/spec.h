/* Kinds and their values: one table for each family (layers, initializers,
 * losses, metrics, penalties, optimizers, schedules, groups of parameters), one
 * row, a bp__kinddef, for each kind of it (dense, adam), one mechanism for all.
 * Texts ("adam(lr=0.1)"), model files, `bprop show` and the documentation read
 * these rows; no other list of a family's kinds exists. (Kinds of data have
 * rows of their own: source/source.h.)
 *
 * A bp__spec is one use of a row, with every value checked as it is set. Specs
 * live in the arena that they were made in.
 */
#ifndef BP__NN_SPEC_H
#define BP__NN_SPEC_H

#include "base/base.h"

#include <bprop/nn.h>

typedef enum bp__arg_type {
    BP__ARG_INT,
    BP__ARG_PAIR,    /* one integer for both, or two (height, width) */
    BP__ARG_FLOAT,
    BP__ARG_BOOL,
    BP__ARG_CHOICE,  /* one of choices */
    BP__ARG_PADDING, /* same, valid, or a pair */
    BP__ARG_SPEC,    /* a kind of another table */
    BP__ARG_LAYERS,  /* a list of kinds of a table: layers unless given */
    BP__ARG_TEXT,    /* any text but an empty one; no quotes in it */
    BP__ARG_WEIGHTS, /* balanced, a number for each class, or numbers by the
                        names of classes */
} bp__arg_type;

typedef struct bp__argdef {
    const char *name; /* NULL ends a list */
    bp__arg_type type;
    const char *doc;
    bool required;
    double def;           /* of numbers and bools */
    const char *def_text; /* of choices and specs; NULL: none */
    double min, max;      /* of numbers, included; ignored if min > max */
    bool open_min, open_max; /* ... excluded */
    const char *choices;  /* "a|b|c" */
    bp_nn_table table;    /* of a spec, or of the list's specs */
    bool no_default;      /* left out, it means what doc says */
} bp__argdef;

typedef struct bp__spec bp__spec;
struct bp__group;

/* What an initializer fills: n numbers of a variable's type. */
typedef struct bp__init_at {
    uint64_t seed, stream; /* stream: of the variable's name */
    int rank;
    const int64_t *dims;
    size_t n;
} bp__init_at;

/* What a metric is computed from: n samples, w numbers x[] in all, or for each
 * of them (of a row that keeps them). */
typedef struct bp__metric_state {
    const double *x;
    int64_t n, w;
    const bp_allocator *a; /* for scratch memory */
} bp__metric_state;

/* A kind: what it is called, its arguments, and what its family asks of it. */
typedef struct bp__kinddef {
    const char *name;
    const char *doc; /* NULL: of the op of this name; see bp__kind_doc */
    const bp__argdef *args; /* NULL: none */
    const char *shorthand;  /* `dense: 10` sets this one; NULL: none */
    int n_inputs;           /* layers: 1, or -1 for one or more */
    union {
        bp_val (*layer)(bp_nn *nn, const bp__spec *s, int n, const bp_val *x);
        double (*init)(const bp__spec *s, double fan_in, double fan_out,
                       bool *uniform, double *mean);
        /* out and scratch hold n numbers each */
        void (*fill)(const bp__spec *s, const bp__init_at *at, double *out,
                     double *scratch);
        bp_val (*loss)(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t);
        bp_val (*metric)(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t);
        bp_val (*penalty)(bp_nn *nn, const bp__spec *s, int64_t n_train);
        void (*optimizer)(bp_nn *nn, const bp__spec *s, const bp_val *grad);
        void (*group)(const bp__spec *s, struct bp__group *g);
        double (*schedule)(const bp__spec *s, double lr, int64_t step,
                           int64_t steps_per_epoch, int64_t total);
    } build;
    /* NULL, or what is wrong with the values together. May be NULL. */
    const char *(*check)(const bp__spec *s);
    /* Optimizers: where the network reads parameter p while it trains (p, unless
     * weights are averaged), and, of those that always average, how much of
     * what is ahead of the average (NULL: all of it). */
    bp_val (*point)(bp_nn *nn, const char *name, bp_val p);
    double (*ahead)(const bp__spec *s);
    int head; /* losses: enum bp__head, what turns outputs into predictions */
    /* Metrics: build.metric gives rows [N] or [N, w], which are summed over the
     * samples, or kept one by one. `value` makes one number of them, a NaN
     * where it is not defined; false: out of memory. NULL: the mean of [N]. */
    bool larger_is_better, keeps;
    bool (*value)(const bp__spec *s, const bp__metric_state *m, double *out);
    const char *label; /* metrics: "top_{k}"; NULL: see bp__metric_label */
    bool has_adamw; /* optimizers: another rule, which a group may ask for */
    /* Initializers: build.fill makes the variable as a whole. */
    bool whole;
    /* ... and the layer's output on data decides its scale (lsuv). */
    bool unit_variance;
    /* ... NULL, or what shape it needs. May be NULL. */
    const char *(*fits)(const bp__spec *s, int rank, const int64_t *dims);
    /* What `bprop explain` says, in the notation of explain/math.h. Layers,
     * losses and optimizers have math; activations slope, dy/dx; layers with a
     * weight dweight, dx/dW. */
    const char *math, *slope, *dweight;
    int part; /* layers: enum bp__part */
    /* Losses whose head is part of their formula: dJ/dp of one sample, p the
     * predictions that the head makes, t the targets, n of each; false: these
     * values of the loss ask for more. NULL: J is explained by the outputs. */
    bool (*dprob)(const bp__spec *s, size_t n, const double *p,
                  const double *t, double *dp);
} bp__kinddef;

/* How a layer enters the explanation: on its own, x(l) = its output; as the
 * activation of the layer before it, y(l) = f(x(l)), where element i of y
 * depends on element i of x, or on all along the last axis; or as layers of
 * its own, whose results it joins. */
enum bp__part {
    BP__PART_LAYER,
    BP__PART_ACTIVATION,
    BP__PART_ACTIVATION_ROW,
    BP__PART_BLOCK
};

/* Softmax also makes probabilities of log-probabilities: it leaves those that
 * sum to 1 as they are. A margin's sign decides, and it has no probability. */
enum bp__head {
    BP__HEAD_NONE,
    BP__HEAD_SOFTMAX,
    BP__HEAD_SIGMOID,
    BP__HEAD_MARGIN
};

typedef struct bp__argval {
    bool set;         /* false: the default is in place */
    int64_t i[2];     /* INT, PAIR, PADDING (as a number) */
    double f;         /* FLOAT; BOOL as 0 or 1 */
    const char *s;    /* CHOICE, TEXT; PADDING: "same", "valid" or NULL;
                         WEIGHTS: "balanced" or NULL */
    bp__spec *spec;   /* SPEC; NULL: none */
    bp__spec **list;  /* LAYERS */
    double *num;      /* WEIGHTS: n numbers */
    const char **key; /* ... and their names; NULL: by number */
    size_t n;
    size_t cap;
} bp__argval;

struct bp__spec {
    bp_nn_table table;
    const bp__kinddef *row;
    bp__argval *args;    /* one for each of row->args */
    const char *name;  /* layers: NULL: numbered */
    const char **from; /* layers */
    size_t n_from, cap_from;
    const char *where; /* "model.yaml:7:5", for messages; NULL: unknown */
};

/* Rows of a table, in the order in which documentation lists them. */
const bp__kinddef *bp__kinds(bp_nn_table table, size_t *n);
const bp__kinddef *bp__kind_find(bp_nn_table table, const char *name);
/* "layer", "initializer", "loss" ... */
const char *bp__table_noun(bp_nn_table table);
/* The nearest names of the table, or of a row's values, "a or b"; NULL: none
 * is near. buf: BP__NEAR_BYTES. */
const char *bp__kind_near(bp_nn_table table, const char *name, char *buf);
const char *bp__arg_near(bp_nn_table table, const bp__kinddef *row,
                         const char *name, char *buf);
/* Its doc, or that of the op of its name; buf: 300 bytes. */
const char *bp__kind_doc(const bp__kinddef *row, char *buf);
/* The row's formula and slope, or those of the op of its name; NULL: none. */
const char *bp__kind_math(const bp__kinddef *row);
const char *bp__kind_slope(const bp__kinddef *row);
size_t bp__kind_arg_count(const bp__kinddef *row);
/* "an integer from 1", "same, valid or an integer from 0" ...; buf: 200. */
const char *bp__arg_expects(const bp__argdef *d, char *buf);

/* A spec with all defaults. [err: ENOTFOUND with the nearest name, ENOMEM] */
bp_status bp__spec_new(bp__arena *ar, bp_nn_table table, const char *kind,
                       bp__spec **spec, bp_error *err);
/* Setters for readers of files. key NULL: the shorthand. Numbers and words
 * come as text ("3", "same", "true"); each is checked against the row.
 * [err: ENOTFOUND unknown key, with the nearest; EARG wrong type; ERANGE] */
bp_status bp__spec_set_text(bp__arena *ar, bp__spec *s, const char *key,
                            const char *text, bp_error *err);
bp_status bp__spec_set_pair(bp__arena *ar, bp__spec *s, const char *key,
                            const char *a, const char *b, bp_error *err);
/* Of a SPEC argument: the new spec is filled by the caller. */
bp_status bp__spec_set_spec(bp__arena *ar, bp__spec *s, const char *key,
                            const char *kind, bp__spec **sub, bp_error *err);
/* Appends to a LAYERS argument, of whatever table. */
bp_status bp__spec_add_layer(bp__arena *ar, bp__spec *s, const char *key,
                             bp__spec *layer, bp_error *err);
/* Appends to a WEIGHTS argument; name NULL: of the next class. */
bp_status bp__spec_add_number(bp__arena *ar, bp__spec *s, const char *key,
                              const char *name, const char *text,
                              bp_error *err);
bp_status bp__spec_set_name(bp__arena *ar, bp__spec *s, const char *name,
                            bp_error *err);
bp_status bp__spec_add_from(bp__arena *ar, bp__spec *s, const char *name,
                            bp_error *err);
/* After the last value: required ones are there, combinations make sense. */
bp_status bp__spec_finish(const bp__spec *s, bp_error *err);

/* One text; the whole of it. */
bp_status bp__spec_parse(bp__arena *ar, bp_nn_table table, const char *text,
                         bp__spec **spec, bp_error *err);
/* Texts separated by commas. */
bp_status bp__spec_parse_list(bp__arena *ar, bp_nn_table table,
                              const char *text, bp__spec ***list, size_t *n,
                              bp_error *err);
/* The text of a spec: values that differ from their default, so that parsing
 * it gives the same spec. */
void bp__spec_print(bp__str *out, const bp__spec *s);

/* Values by key; the key must be one of the row's. */
const bp__argval *bp__arg(const bp__spec *s, const char *key);
int64_t bp__arg_int(const bp__spec *s, const char *key);
double bp__arg_float(const bp__spec *s, const char *key);
bool bp__arg_bool(const bp__spec *s, const char *key);
bool bp__arg_is(const bp__spec *s, const char *key, const char *choice);

/* The name of a metric's numbers, in the arena: its row's, and the values that
 * are not their default ("recall_yes", "f1_weighted"). NULL: out of memory. */
const char *bp__metric_label(bp__arena *ar, const bp__spec *s);
/* The number of a state; NaN where it is not defined. False: out of memory. */
bool bp__metric_value(const bp__spec *s, const bp__metric_state *m,
                      double *out);
/* Of a list of metrics: names in the arena, no two of them alike.
 * [err: EEXIST ENOMEM] */
bp_status bp__metric_labels(bp__arena *ar, bp__spec *const *list, size_t n,
                            const char **labels, bp_error *err);

/* Does a loss's weights depend on how often classes occur in training data? */
bool bp__loss_is_balanced(const bp__spec *s);

/* The learning rate of an optimizer's spec. */
double bp__optimizer_lr(const bp__spec *optimizer, int64_t step,
                        int64_t steps_per_epoch, int64_t total);

/* Its schedule `plateau`, alone or after a warmup, which is the trainer's to
 * carry out; NULL: none. */
const bp__spec *bp__optimizer_plateau(const bp__spec *optimizer);

/* Whether its groups are parameters of a network that has been traced, in any
 * mode; if not, the graph gets the error. */
void bp__optimizer_check_groups(bp_nn *nn, const char *optimizer);

/* ---- descriptions, for readers of files -------------------------------- */

bp__arena *bp__model_arena(bp_model *m);
/* Layers of the outermost list. False: out of memory (sticky). */
bool bp__model_append(bp_model *m, bp__spec *layer);
size_t bp__model_layer_count(const bp_model *m);
const bp__spec *bp__model_layer(const bp_model *m, size_t i);
/* Replaces the dims of input i: where they are known only once the data is. */
void bp__model_set_dims(bp_model *m, size_t i, int rank, const int64_t *dims);
/* The type of input i, likewise: BP_F32 is the task's. */
void bp__model_set_dtype(bp_model *m, size_t i, bp_dtype dtype);
/* The last n numbers of input i, of rank 1, are row numbers of n learned tables
 * (in the model's arena): the rows take their place before the first layer sees
 * them, zeros where there is no such row. The tables' names: columns.0 ... */
typedef struct bp__model_table {
    int64_t rows, dim;
} bp__model_table;
void bp__model_embed(bp_model *m, size_t i, size_t n,
                     const bp__model_table *tables);
/* False: no such input. */
bool bp__model_input(const bp_model *m, size_t i, bp_nn_io *io);

#endif
