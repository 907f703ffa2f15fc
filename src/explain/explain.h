/* Inside explain: what was collected of one step, and the document that is
 * made of it. collect.c gets every number; story.c puts them into a document;
 * text.c and html.c print that, so that both say the same.
 */
#ifndef BP__EXPLAIN_H
#define BP__EXPLAIN_H

#include "nn/nn.h"
#include "train/check.h"
#include "train/train.h"

#include <bprop/explain.h>

enum {
    BP__EX_FULL = 64,    /* values are printed one by one up to so many */
    BP__EX_TENSOR = 256, /* gradients and their checks, up to so many */
    BP__EX_FEW = 4,      /* elements of a larger tensor that are checked */
    BP__EX_INPUTS = 64,  /* of one layer (members of an ensemble) */
    BP__EX_ROW = 16      /* largest Jacobian of a softmax that is formed */
};

/* ---- numbers.c -------------------------------------------------------- */

/* Numbers of the engine, widened. v NULL: there are none. */
typedef struct bp__ex_tensor {
    int rank;
    int64_t dims[BP_MAX_RANK]; /* of one sample, or of the parameter */
    size_t n;
    double *v;
    bool derived; /* made for the explanation: training does not form it */
    bool given;   /* the sample and its target */
} bp__ex_tensor;

typedef struct bp__ex_range {
    double min, mean, max, norm;
} bp__ex_range;

/* The one text of a number: six significant digits. buf: 32 bytes. */
const char *bp__ex_number(char *buf, double x);
bp__ex_range bp__ex_range_of(const double *v, size_t n);
/* "[20,10]"; "[]" for a scalar. buf: 200 bytes. */
const char *bp__ex_dims_text(char *buf, int rank, const int64_t *dims);
/* "[3,7]" of element i. buf: 200 bytes. */
const char *bp__ex_index_text(char *buf, int rank, const int64_t *dims,
                              size_t i);
/* Copies a result; skip_batch leaves the first axis out of dims. */
bool bp__ex_copy(bp__arena *ar, bp__ex_tensor *t, const bp__type *type,
                 const void *data, bool skip_batch);

/* ---- layers.c --------------------------------------------------------- */

/* A layer of the article: what a network's entry makes, x(l), and its
 * activation's result, y(l). */
typedef struct bp__ex_layer {
    const char *title;      /* "0.dense + 1.sigmoid" */
    const char *path;       /* of the entry: "0"; parameters begin with it */
    const bp__kinddef *row;     /* NULL: an activation alone, x(l) = y(l-1) */
    const bp__kinddef *act;     /* NULL: the identity */
    bool head;              /* act belongs to the loss */
    bp_val x_val, y_val;
    size_t n_from;
    int from[BP__EX_INPUTS]; /* layers, from 0; -1 - k: input k */
    bp_val from_val[BP__EX_INPUTS];
    bp__ex_tensor x, y;
    bp__ex_tensor dy;       /* dJ/dy; v NULL: J does not depend on it */
    bp__ex_tensor slope;    /* dy/dx; of a softmax [K,K] */
    bp__ex_tensor dx;       /* dJ/dx, the engine's */
    bp__ex_tensor product;  /* dy times slope */
    double worst;           /* |product - dx| */
    size_t first_param, n_params;
} bp__ex_layer;

typedef struct bp__ex_layers {
    bp__ex_layer *list;
    size_t n;
} bp__ex_layers;

/* The layers of a trace in order of computation. */
bp_status bp__ex_group(bp__arena *ar, const bp_nn *nn, bp__ex_layers *out,
                       bp_error *err);

/* ---- collect.c, observe.c, measure.c --------------------------------------------- */

/* One element of a parameter, computed in three ways. */
typedef struct bp__ex_check {
    size_t at;
    double product; /* of the three factors, and the penalty's part */
    double fd;      /* the central difference of J, in f64 */
} bp__ex_check;

typedef struct bp__ex_param {
    const char *name;   /* "0.weight" */
    const char *symbol; /* "W" */
    size_t layer;
    bp__ex_tensor value, grad, penalty, after;
    bool same_bits;     /* the explained program gives grad too, to the bit */
    bp__ex_check *check;
    size_t n_checks;    /* grad.n: all elements */
    double worst_product, worst_fd;
} bp__ex_param;

struct bp_explain {
    bp_allocator a;
    bp__arena arena;
    bp_explain_options o;
    bp_task task;          /* without its optimizer */
    const char *optimizer;
    bp__ex_layers layers;
    bp__ex_param *params;
    size_t n_params;
    size_t n_inputs;
    const char *input_name[BP_NN_MAX_INPUTS];
    bp__ex_tensor input[BP_NN_MAX_INPUTS];
    bp__ex_tensor target, output, truth; /* truth: target spread to output */
    double loss, objective, after; /* after: objective once it is updated */
    double lr;
    double work;           /* multiply-adds of one sample */
    size_t members;        /* of an ensemble; 0: there is none */
    bool uses_batch;       /* batch norm: one sample is a batch of its own */
    struct bp__doc *doc;
};

/* explain.c: an empty one, with the options copied. NULL: out of memory. */
bp_explain *bp__ex_new(const bp_explain_options *o, bp_error *err);
/* Binds the sample and runs. */
bp_status bp__ex_run(const bp_explain *e, bp_program *p, bp_error *err);
/* Layers, their values, their adjoints and slopes; needs the parameters. */
bp_status bp__ex_observe(bp_explain *e, bp_store *s, bp_error *err);
/* Runs the programs and reads everything but the differences. */
bp_status bp__ex_collect(bp_explain *e, bp_store *s, bp_error *err);
/* Differences of J and of x by single parameters, and the products. */
bp_status bp__ex_measure(bp_explain *e, bp_store *s, bp_error *err);

/* ---- story.c, story_back.c -------------------------------------------- */

bp_status bp__ex_tell(bp_explain *e, bp_error *err);
void bp__ex_tell_backward(bp_explain *e);

#endif
