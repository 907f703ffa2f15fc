/* bprop: layers, losses, metrics, penalties, initializers, optimizers and
 * schedules, as graph builders; and the graphs of a training task.
 *
 * A network is a C function that is traced once for each set of shapes, or a
 * description (bp_model) that one function walks: both give the same graph and
 * the same variables.
 *
 *     static bp_val net(bp_nn *nn, bp_val x, void *user)
 *     {
 *         x = bp_nn_relu(nn, bp_nn_dense(nn, x, 128));
 *         return bp_nn_dense(nn, x, 10);
 *     }
 *
 * Variables have PyTorch's names and layouts. A network is a
 * torch.nn.Sequential: each layer call takes the next number, whether it has
 * parameters or not, so that the network above has 0.weight [128,in],
 * 0.bias [128], 2.weight [10,128], 2.bias [10]. bp_nn_name gives the next
 * layer a name in the number's place. Blocks nest: 3.body.0.weight.
 *
 *     dense       weight [units,in], bias [units]
 *     conv2d      weight [filters,C/groups,KH,KW], bias [filters]
 *     conv1d      weight [filters,C/groups,K], bias [filters]
 *     conv_transpose2d  weight [C,filters/groups,KH,KW], bias [filters]
 *     embedding   weight [count,dim]
 *     batch_norm  weight, bias, running_mean, running_var [C]
 *     layer_norm  weight, bias [dims that are normalized]
 *     group_norm  weight, bias [C]; instance_norm likewise if affine
 *     rms_norm    weight [dims that are normalized]
 *     prelu       weight [1] or [C]
 *
 * (PyTorch's num_batches_tracked is left out; load_state_dict accepts that.)
 * Besides, the store holds optim.* (moments: optim.0.weight.m) and trainer.*
 * (trainer.step i32, trainer.lr f64, trainer.key i32[4]).
 *
 * Kinds are chosen by a short text, the same everywhere: a name, and in
 * parentheses values by key; the first value may go without its key.
 *
 *     "relu"   "dense(10)"   "conv2d(32, kernel=3, padding=same)"
 *     "adam(lr=0.002, schedule=cosine(to=0))"   "normal(0.01)"
 *     "residual(body=[conv2d(16, kernel=3, padding=same), relu])"
 *
 * doc/layers.md, generated from the tables, lists every kind and its values.
 *
 * C evaluates the arguments of a call in any order: of two layers in one
 * call's arguments either may get the smaller number. Give each a statement of
 * its own.
 *
 * All builders are sticky through the graph: after an error they return BP_NIL
 * and bp_graph_error has the first message. A NULL bp_nn counts as out of
 * memory.
 */
#ifndef BPROP_NN_H
#define BPROP_NN_H

#include <bprop/bprop.h>
#include <bprop/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- tracing context -------------------------------------------------- */

/* Builds one network into one graph, over the variables of one store. */
typedef struct bp_nn bp_nn;

typedef struct bp_nn_options {
    size_t size;       /* sizeof(bp_nn_options) */
    bp_dtype dtype;    /* of parameters: BP_F32 or BP_F64 */
    bool training;     /* dropout drops, batch norm uses the batch */
    uint64_t seed;     /* of initial values and of dropout */
    const char *init;  /* of weights; NULL: "kaiming_normal" */
    const char *bias_init; /* NULL: "zeros", or "torch" if init is "torch" */
    const char *prefix; /* of all variables ("generator"); NULL: none */
    const char *optimizer; /* what bp_nn_minimize will get; needed where it
                              averages. NULL: not known. Borrowed */
} bp_nn_options;

/* options NULL: f32, evaluation, seed 0. On failure the graph has the error
 * and NULL is returned. g and s must outlive it. */
bp_nn *bp_nn_new(bp_graph *g, bp_store *s, const bp_nn_options *options);
void bp_nn_free(bp_nn *nn); /* graph and store stay */

bp_graph *bp_nn_graph(const bp_nn *nn);
bp_store *bp_nn_store(const bp_nn *nn);
bp_dtype bp_nn_dtype(const bp_nn *nn);
bool bp_nn_training(const bp_nn *nn);

/* The next layer's or block's name, in the number's place. Not empty, without
 * '.', '/', or blanks, not a number, and used once in its block. */
void bp_nn_name(bp_nn *nn, const char *name);
/* A block: takes the next number (or name); layers inside count from 0. */
void bp_nn_push(bp_nn *nn);
void bp_nn_pop(bp_nn *nn);

/* A parameter or a buffer of the current block: "<path>.<name>". Made in the
 * store at the first trace, looked up and checked in later ones. A parameter
 * starts from `init` (a text), the same for the same seed and name; NULL: the
 * context's. Its fan-in is the product of dims[1..] (rank 1: dims[0]).
 * Asked for twice in one graph, it is the same value. */
bp_val bp_nn_param(bp_nn *nn, const char *name, int rank, const int64_t *dims,
                   const char *init);
bp_val bp_nn_buffer(bp_nn *nn, const char *name, int rank,
                    const int64_t *dims, double value);
/* buffer <- value, once the step succeeds: see bp_nn_commit. */
void bp_nn_set_buffer(bp_nn *nn, const char *name, bp_val value);

/* Parameters read so far, in order. */
size_t bp_nn_param_count(const bp_nn *nn);
const char *bp_nn_param_name(const bp_nn *nn, size_t i); /* NULL: none */
bp_val bp_nn_param_value(const bp_nn *nn, size_t i);

/* The key of random ops: trainer.key, i32[4], made from the seed. */
bp_val bp_nn_key(bp_nn *nn);
/* Emits what layers asked to update (running statistics), trainer.step + 1
 * and the next key. Called by bp_nn_minimize; once in a graph. */
void bp_nn_commit(bp_nn *nn);

/* ---- layers --------------------------------------------------------------
 * Each takes one number of the current block. x is [N, ...]. */

bp_val bp_nn_dense(bp_nn *nn, bp_val x, int64_t units);

typedef struct bp_nn_dense_options {
    int64_t units;
    bool no_bias;
    const char *init, *bias_init; /* NULL: the context's */
} bp_nn_dense_options;
/* x [N,in] or [N,length,in]: the last axis becomes `units`. */
bp_val bp_nn_dense_with(bp_nn *nn, bp_val x, const bp_nn_dense_options *o);

/* Of a pair {h, w}, w 0 stands for h, but not in padding: kernel = {3} is 3x3,
 * padding = {1, 0} nothing beside the width. */
typedef struct bp_nn_conv2d_options {
    int64_t filters;
    int64_t kernel[2];
    int64_t stride[2];   /* {0, 0}: 1 */
    int64_t padding[2];  /* on both sides of height and of width */
    bool same;           /* instead: output size = ceil(size / stride); an odd
                            rest goes to the bottom and right */
    int64_t dilation[2]; /* {0, 0}: 1 */
    int64_t groups;      /* 0: 1 */
    bool no_bias;
    const char *init, *bias_init; /* NULL: the context's */
} bp_nn_conv2d_options;
/* x [N,C,H,W] -> [N,filters,OH,OW] */
bp_val bp_nn_conv2d(bp_nn *nn, bp_val x, const bp_nn_conv2d_options *o);

typedef struct bp_nn_conv1d_options {
    int64_t filters, kernel;
    int64_t stride;      /* 0: 1 */
    int64_t padding;     /* on both sides */
    bool same;           /* instead: output length = ceil(length / stride) */
    int64_t dilation;    /* 0: 1 */
    int64_t groups;      /* 0: 1 */
    bool no_bias;
    const char *init, *bias_init; /* NULL: the context's */
} bp_nn_conv1d_options;
/* x [N,C,L] -> [N,filters,OL] */
bp_val bp_nn_conv1d(bp_nn *nn, bp_val x, const bp_nn_conv1d_options *o);

/* Pairs as in conv2d; output_padding too is nothing where it is 0. */
typedef struct bp_nn_conv_transpose2d_options {
    int64_t filters;
    int64_t kernel[2];
    int64_t stride[2];         /* {0, 0}: 1 */
    int64_t padding[2];        /* cut off both ends of the output */
    int64_t output_padding[2]; /* added at the far end; below the stride */
    int64_t dilation[2];       /* {0, 0}: 1 */
    int64_t groups;            /* 0: 1 */
    bool no_bias;
    const char *init, *bias_init; /* NULL: the context's */
} bp_nn_conv_transpose2d_options;
/* The transpose of conv2d: x [N,C,H,W] -> [N,filters,OH,OW], OH = (H - 1)
 * stride - 2 padding + dilation (kernel - 1) + 1 + output_padding. */
bp_val bp_nn_conv_transpose2d(bp_nn *nn, bp_val x,
                              const bp_nn_conv_transpose2d_options *o);

typedef struct bp_nn_upsample_options {
    int64_t scale[2]; /* of height and width; a 0 in the second: the first */
    bool bilinear;    /* else each element is repeated */
} bp_nn_upsample_options;
/* x [N,C,H,W]; bilinear as PyTorch's with align_corners=False */
bp_val bp_nn_upsample(bp_nn *nn, bp_val x, const bp_nn_upsample_options *o);
/* Row x of the weight [count,dim]: [N,...] -> [N,...,dim]. x is i32, u8 or bool,
 * or holds whole numbers as floats; one that is not, or is no row, fails the run
 * with BP_ERANGE. The weight starts by normal(1). */
bp_val bp_nn_embedding(bp_nn *nn, bp_val x, int64_t count, int64_t dim);

typedef struct bp_nn_pool2d_options {
    int64_t kernel[2];
    int64_t stride[2];  /* {0, 0}: the kernel's size */
    int64_t padding[2];
    bool same;
    bool exclude_padding; /* averages count real elements only */
} bp_nn_pool2d_options;
bp_val bp_nn_max_pool2d(bp_nn *nn, bp_val x, int64_t kernel);
bp_val bp_nn_max_pool2d_with(bp_nn *nn, bp_val x,
                             const bp_nn_pool2d_options *o);
bp_val bp_nn_avg_pool2d(bp_nn *nn, bp_val x, int64_t kernel);
bp_val bp_nn_avg_pool2d_with(bp_nn *nn, bp_val x,
                             const bp_nn_pool2d_options *o);
bp_val bp_nn_global_avg_pool2d(bp_nn *nn, bp_val x); /* -> [N,C] */
bp_val bp_nn_flatten(bp_nn *nn, bp_val x);           /* -> [N,features] */

bp_val bp_nn_sigmoid(bp_nn *nn, bp_val x);
bp_val bp_nn_tanh(bp_nn *nn, bp_val x);
bp_val bp_nn_relu(bp_nn *nn, bp_val x);
bp_val bp_nn_leaky_relu(bp_nn *nn, bp_val x, double slope);
bp_val bp_nn_gelu(bp_nn *nn, bp_val x); /* x * Phi(x): the erf form */
bp_val bp_nn_elu(bp_nn *nn, bp_val x, double alpha);
bp_val bp_nn_selu(bp_nn *nn, bp_val x);
bp_val bp_nn_celu(bp_nn *nn, bp_val x, double alpha);
bp_val bp_nn_silu(bp_nn *nn, bp_val x); /* x * sigmoid(x): swish */
bp_val bp_nn_mish(bp_nn *nn, bp_val x);
/* log(1 + exp(beta x)) / beta; x itself where beta x > threshold */
bp_val bp_nn_softplus(bp_nn *nn, bp_val x, double beta, double threshold);
bp_val bp_nn_softsign(bp_nn *nn, bp_val x);
bp_val bp_nn_hard_sigmoid(bp_nn *nn, bp_val x);
bp_val bp_nn_hard_swish(bp_nn *nn, bp_val x);
bp_val bp_nn_hard_tanh(bp_nn *nn, bp_val x, double low, double high);
/* x > 0 ? x : weight x; one weight, or one for each channel (axis 1), that
 * starts at slope (PyTorch: 0.25). */
bp_val bp_nn_prelu(bp_nn *nn, bp_val x, bool per_channel, double slope);
bp_val bp_nn_softmax(bp_nn *nn, bp_val x); /* along the last axis */
bp_val bp_nn_log_softmax(bp_nn *nn, bp_val x); /* likewise */

typedef struct bp_nn_batch_norm_options {
    double eps;      /* 0: 1e-5 */
    double momentum; /* weight of the new statistics; 0: 0.1 */
} bp_nn_batch_norm_options;
/* Over all axes of [N,C,...] but 1. Training: statistics of the whole batch
 * (all shards); running_var gets the unbiased variance (the biased one where
 * there is one element a channel). options may be NULL. */
bp_val bp_nn_batch_norm(bp_nn *nn, bp_val x,
                        const bp_nn_batch_norm_options *o);
/* Over all axes but the first; eps 0: 1e-5. */
bp_val bp_nn_layer_norm(bp_nn *nn, bp_val x, double eps);
/* Over each of so many groups of channels of a sample [N,C,...]; eps 0:
 * 1e-5. */
bp_val bp_nn_group_norm(bp_nn *nn, bp_val x, int64_t groups, double eps);
/* Over each channel of a sample; affine: then scaled and shifted. */
bp_val bp_nn_instance_norm(bp_nn *nn, bp_val x, bool affine, double eps);
/* x weight / sqrt(mean(x^2) + eps) over the last n_axes; eps 0: the type's
 * epsilon, as in PyTorch. */
bp_val bp_nn_rms_norm(bp_nn *nn, bp_val x, int n_axes, double eps);
/* The largest of each `pieces` channels that follow each other. */
bp_val bp_nn_maxout(bp_nn *nn, bp_val x, int64_t pieces);
/* Training: 0 with probability p, else x / (1 - p). */
bp_val bp_nn_dropout(bp_nn *nn, bp_val x, double p);

/* A network, or a part of one. */
typedef bp_val (*bp_net)(bp_nn *nn, bp_val x, void *user);
/* body(x) + shortcut(x); shortcut NULL: x itself. Variables are in the blocks
 * <number>.body and <number>.shortcut. */
bp_val bp_nn_residual(bp_nn *nn, bp_val x, bp_net body, bp_net shortcut,
                      void *user);
bp_val bp_nn_add(bp_nn *nn, int n, const bp_val *x); /* equal shapes */
/* axis counts the batch axis: 1 is channels or features. */
bp_val bp_nn_concat(bp_nn *nn, int n, const bp_val *x, int64_t axis);
/* Any layer by its text: "conv2d(32, kernel=3)". */
bp_val bp_nn_layer(bp_nn *nn, bp_val x, const char *layer);

/* What was traced, a line a layer, blocks before what they hold. */
typedef struct bp_nn_layer_info {
    const char *path;   /* "3.body.0" */
    const char *kind;   /* "conv2d" */
    int depth;          /* 0: not in a block */
    int rank;           /* of the output */
    int64_t dims[BP_MAX_RANK];
    int64_t params;     /* its own, not those of layers inside */
    int64_t buffers;
    double multiply_adds; /* of one sample */
} bp_nn_layer_info;
size_t bp_nn_layer_count(const bp_nn *nn);
bool bp_nn_layer_get(const bp_nn *nn, size_t i, bp_nn_layer_info *info);

/* ---- descriptions ----------------------------------------------------- */

/* Named inputs and a list of layers. A layer takes the result of the one
 * before it, or of the layers and inputs that `from` names; the result of the
 * last one is the network's. Sticky: the first error is reported by status,
 * and by the graph when the model is traced. */
typedef struct bp_model bp_model;

bp_model *bp_model_new(const bp_allocator *a); /* NULL: out of memory */
void bp_model_free(bp_model *m);
bp_status bp_model_status(const bp_model *m);
const char *bp_model_error(const bp_model *m);
/* dims: of one sample. In the task's type. */
void bp_model_input(bp_model *m, const char *name, int rank,
                    const int64_t *dims);
/* BP_I32, BP_U8 and BP_BOOL come as they are, which `embedding` takes; BP_F32
 * and BP_F64 stand for the task's type. */
void bp_model_input_typed(bp_model *m, const char *name, bp_dtype dtype,
                          int rank, const int64_t *dims);
/* Adds layers, separated by commas. Any layer also takes name=WORD and
 * from=WORD or from=[WORD, ...].
 *   "conv2d(8, kernel=3), relu, flatten, dense(10, name=head)" */
void bp_model_add(bp_model *m, const char *layers);
size_t bp_model_input_count(const bp_model *m);
/* Traces it; x: one value for each input. */
bp_val bp_nn_model(bp_nn *nn, const bp_model *m, size_t n, const bp_val *x);

/* ---- losses, metrics, penalties ---------------------------------------- */

/* The mean over the whole batch (all shards) of a loss. Those of classes take
 * class_weights=balanced, [1, 2.5] or [yes=2.5, no=1]: then it is sum w l /
 * sum w, w being the weight of the sample's class:
 *   mean_squared_error(form=mean)      (y - t)^2, mean over the outputs
 *   mean_squared_error(form=half_sum)  1/2 sum (y - t)^2 (quadratic cost)
 *   binary_cross_entropy     logits, t in [0,1], mean over the outputs
 *   softmax_cross_entropy(label_smoothing=0)
 *                            logits, t a class index or a distribution
 *   sigmoid_cross_entropy    logits, t any real, summed over the outputs
 *   mean_absolute_error, huber(delta=1), log_cosh    mean over the outputs
 *   hinge, squared_hinge     t -1 or 1 (or a class), mean over the outputs
 *   kl_divergence, nll       log-probabilities, t as in the cross-entropy
 *   poisson(log_input=true)  logarithms of rates, t counts
 * target: i32 or u8 [N], or [N,T] for outputs [N,T,C] (a class for each row of
 * the last axis, spread to one-hot where the loss needs it; for one output: 0 or
 * 1; of the losses that take each output for itself, and targets of output's
 * shape: 0 or 1 for each), or of output's type and shape. */
bp_val bp_nn_loss(bp_nn *nn, const char *loss, bp_val output, bp_val target);
/* The state of a metric, in f64: what samples add to it, summed over the whole
 * batch (a scalar, or [w]), or [N,w] rows to keep of each sample (auc).
 *   accuracy, top_k(k=5), precision, recall, f1 (average=macro, weighted or
 *   micro; class=NAME), auc, calibration_error(bins=15: Guo et al. 2017),
 *   mean_squared_error, mean_absolute_error, root_mean_squared_error, r2
 * Call after bp_nn_loss: accuracy of a single output compares a logit with 0,
 * other outputs with 0.5, and probabilities are what the loss takes them for.
 */
bp_val bp_nn_metric(bp_nn *nn, const char *metric, bp_val output,
                    bp_val target);
/* The number that a metric's state stands for, after so many samples: n sums
 * over them, or their kept rows, n numbers in all. A NaN where it is not
 * defined (auc where a class is missing). [err: EARG ENOTFOUND ENOMEM] */
bp_status bp_nn_metric_value(const char *metric, const double *state, size_t n,
                             int64_t samples, double *value, bp_error *err);
/* Of the parameters read so far; n_train: samples in the training set.
 *   l2(weight=W)    W/2 sum w^2: its gradient is W w
 *   l2(lambda=L)    L/(2 n_train) sum w^2
 *   on=weights (rank 2 and more; the default) or on=all */
bp_val bp_nn_penalty(bp_nn *nn, const char *penalty, int64_t n_train);

/* ---- optimizers ----------------------------------------------------------*/

/* Gradients of a scalar with respect to all parameters read so far, their
 * clipping, the optimizer's updates, and bp_nn_commit:
 *   sgd, momentum, nesterov, adam, adamw, nadam, nadamw, adamax, adagrad,
 *   rmsprop, adadelta (PyTorch's formulas), lion (Chen et al. 2023), lamb
 *   (You et al. 2020), muon (Jordan et al. 2024), schedule_free (AdamW, Defazio
 *   et al. 2024)
 * all with lr, schedule, weight_decay, clip_norm, clip_value, ema, and groups:
 *   groups=[freeze("0.*"), group("*.bias", weight_decay=0, lr_factor=2)]
 * The rate is the variable trainer.lr, which starts at lr; the caller sets it
 * where a schedule wants that. grad_norm (before clipping) may be NULL: then it
 * is not computed unless clipping needs it. optimizer NULL: that of
 * bp_nn_options.
 *
 * With ema, or schedule_free, the parameters' variables hold averaged weights,
 * which evaluation and files then have; in training the network reads values
 * beside them, and bp_nn_param_value gives those. So the optimizer has to be
 * known before the network is traced: bp_nn_options.optimizer (a task sees to
 * that). */
void bp_nn_minimize(bp_nn *nn, bp_val objective, const char *optimizer,
                    bp_val *grad_norm);
/* The gradients alone; adj: bp_nn_param_count values. */
bp_status bp_nn_gradients(bp_nn *nn, bp_val objective, bp_val *adj);

/* The learning rate of step 0, 1, ...: a function of its arguments alone.
 *   constant, step(every=E, unit=epoch, factor=0.1), cosine(to=0),
 *   one_cycle(pct_start=0.3), exponential(gamma=G, unit=epoch),
 *   polynomial(power=1, to=0), inverse_sqrt(warmup=4000),
 *   warmup(steps=N, then=SCHEDULE)
 * and plateau(factor=0.1, patience=10), which bp_trainer carries out: here it
 * is constant.
 * [err: EARG ERANGE EFORMAT ENOTFOUND ENOMEM] */
bp_status bp_nn_learning_rate(const char *optimizer, int64_t step,
                              int64_t steps_per_epoch, int64_t total_steps,
                              double *lr, bp_error *err);

/* ---- texts -------------------------------------------------------------- */

typedef enum bp_nn_table {
    BP_NN_LAYERS = 0,
    BP_NN_INITS = 1,
    BP_NN_LOSSES = 2,
    BP_NN_METRICS = 3,
    BP_NN_PENALTIES = 4,
    BP_NN_OPTIMIZERS = 5,
    BP_NN_SCHEDULES = 6,
    BP_NN_GROUPS = 7
} bp_nn_table;
#define BP_NN_N_TABLES 8
/* Checks a text, or a list of texts (metrics, layers), without a graph. */
bp_status bp_nn_check(bp_nn_table table, const char *text, bp_error *err);

/* ---- tasks -------------------------------------------------------------- */

#define BP_NN_MAX_INPUTS 8

typedef struct bp_nn_io {
    const char *name; /* NULL: "x", "x1", "x2" ... and "target" */
    bp_dtype dtype;   /* BP_F32 (0), BP_F64: the task's; BP_I32, BP_U8, BP_BOOL:
                         as it is */
    int rank;         /* of one sample; a class is i32 of rank 0, a class for
                         each of T places i32 of dims [T] */
    int64_t dims[BP_MAX_RANK];
} bp_nn_io;

/* All that decides a training step but the data. */
typedef struct bp_task {
    size_t size;           /* sizeof(bp_task) */
    bp_net net;            /* the network: a function of the first input */
    void *user;            /*   (others: bp_nn_input), or ...            */
    const bp_model *model; /* ... a description, if net is NULL          */
    size_t n_inputs;       /* 0: the model's inputs                      */
    bp_nn_io input[BP_NN_MAX_INPUTS];
    bp_nn_io target;
    const char *loss;      /* a text                                     */
    const char *metrics;   /* texts, separated by commas; NULL: none     */
    const char *penalty;   /* a text; NULL: none                         */
    const char *optimizer; /* a text; NULL: it cannot be trained         */
    const char *init, *bias_init; /* as in bp_nn_options                 */
    bp_dtype dtype;        /* BP_F32 or BP_F64                           */
    uint64_t seed;
    int64_t n_train;       /* training samples, for l2(lambda=...)       */
    int64_t n_classes;     /* of class_name                              */
    const char *const *class_name; /* NULL: classes have numbers only    */
    int64_t n_class_counts;
    const int64_t *class_count; /* training samples of each class, for
                              class_weights=balanced; NULL: unknown (a
                              trainer counts them)                       */
    bool mixup;            /* TRAIN: two more inputs, target2 like target and
                              mix [rows]; with m the mean of mix, the loss is
                              m L(target) + (1-m) L(target2); metrics are
                              those of target (Zhang et al. 2018)        */
} bp_task;

/* Inputs of a task, whatever describes it: how many, and the i-th, with the name
 * and the type that it has in a graph. False: there is none. */
size_t bp_task_input_count(const bp_task *t);
bool bp_task_get_input(const bp_task *t, size_t i, bp_nn_io *io);

typedef enum bp_task_mode {
    BP_TASK_TRAIN = 0,    /* a step: loss, gradients, updates             */
    BP_TASK_EVAL = 1,     /* loss and metrics in evaluation mode          */
    BP_TASK_PREDICT = 2,  /* no target                                    */
    BP_TASK_GRADIENT = 3, /* loss and gradients in training mode, no update */
    BP_TASK_TRACE = 4     /* training mode up to the objective: no output */
} bp_task_mode;

typedef struct bp_trace_options {
    size_t size;         /* sizeof(bp_trace_options) */
    int64_t rows;        /* samples of this shard */
    int64_t global_rows; /* of the batch; 0: rows */
    int64_t shards;      /* 0: 1 */
    bool grad_norm;      /* TRAIN: the output grad_norm */
    const char *sums;    /* TRAIN, EVAL: adds to the variables
                            trainer.<sums>.loss, .count, .<metric> (f64,
                            made where missing); NULL: none */
} bp_trace_options;

/* What a trace leaves to look at. */
typedef struct bp_traced {
    bp_nn *nn; /* the caller's to free, before or after the graph */
    bp_val output, loss, objective, target;
} bp_traced;

/* The graph of a task for one shard size: never NULL but when memory is out;
 * its error is sticky and comes out of bp_compile. traced may be NULL.
 *
 * Inputs: by their names; the target, but for PREDICT, by its name. Outputs:
 *   TRAIN     loss (mean over the batch), loss.weight (the sum of the
 *             samples' weights, where the loss has class_weights),
 *             objective (loss + penalty),
 *             grad_norm if asked for, metric.<name> (see bp_nn_metric; two
 *             of one kind differ by their values: metric.top_1, metric.top_5)
 *   EVAL      loss, loss.weight, output, metric.<name>
 *   PREDICT   output; probability where the loss works on logits
 *   GRADIENT  loss, objective, grad.<parameter>
 *   TRACE     none: the caller goes on with traced->objective
 * loss and objective are scalars of the task's dtype. */
bp_graph *bp_task_graph(const bp_task *t, bp_store *s, bp_task_mode mode,
                        const bp_trace_options *options,
                        const bp_allocator *a, bp_traced *traced);
/* Within a task's net: its i-th input. */
bp_val bp_nn_input(const bp_nn *nn, size_t i);

#ifdef __cplusplus
}
#endif
#endif
