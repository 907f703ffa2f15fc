/* bprop: steps. A step is a function that is traced into a graph, once for each
 * set of input shapes that comes, and run on tensors:
 *
 *     static void learn(bp_trace *t, void *user)
 *     {
 *         bp_nn *nn = bp_trace_net(t, "");
 *         bp_val x = bp_trace_input(t, "x");
 *         bp_val y = bp_nn_dense(nn, x, 10);
 *         bp_val loss = bp_nn_loss(nn, "softmax_cross_entropy", y,
 *                                  bp_trace_input(t, "target"));
 *         bp_trace_minimize(t, loss, NULL);
 *         bp_trace_output(t, "loss", loss);
 *     }
 *
 *     bp_step_input in[] = {
 *         {.name = "x", .dtype = BP_F32, .rank = 2, .dims = {BP_ANY, 784}},
 *         {.name = "target", .dtype = BP_I32, .rank = 1, .dims = {BP_ANY}}};
 *     bp_step_options o = {.size = sizeof o, .fn = learn, .training = true,
 *                          .n_inputs = 2, .input = in,
 *                          .optimizer = "adam(lr=0.001)"};
 *     bp_step_new(store, runtime, &o, &step, &err);
 *     bp_step_run(step, 2, arrays, &err);
 *     double loss = bp_step_number(step, "loss");
 *
 * Loops, ifs and calls in the function are plain C, carried out while it is
 * traced. A training loop is plain C over steps, sources (<bprop/source.h>) and
 * a folder (<bprop/folder.h>); doc/loops.md shows how to write one.
 *
 * Random numbers (dropout, bp_random_*) are a function of the step's seed, its
 * name and its own counter, which counts its runs: no other step changes them.
 */
#ifndef BPROP_STEP_H
#define BPROP_STEP_H

#include <bprop/bprop.h>
#include <bprop/data.h>
#include <bprop/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bp_step bp_step;
typedef struct bp_trace bp_trace; /* one trace under way */

#define BP_ANY (-1) /* a size that may differ from run to run */
#define BP_STEP_MAX_INPUTS 32

typedef struct bp_step_input {
    const char *name;
    bp_dtype dtype;
    int rank;
    int64_t dims[BP_MAX_RANK]; /* BP_ANY: varies */
    bool replicated; /* every shard sees all of it; otherwise dims[0] are the
                        rows of the batch, as many in every such input */
} bp_step_input;

typedef void (*bp_step_fn)(bp_trace *t, void *user);

/* What a training step reads of weights that are averaged (ema,
 * schedule_free). */
typedef enum bp_read {
    BP_READ_RAW = 0,     /* what is trained, or what another step trains */
    BP_READ_AVERAGED = 1 /* what is evaluated and saved */
} bp_read;

typedef struct bp_step_options {
    size_t size;           /* sizeof(bp_step_options) */
    const bp_allocator *allocator; /* copied; NULL: malloc */
    /* Of its variables (trainer.<name>.step, .lr, .key) and moments, of its
     * random numbers, and in messages. Steps of one store need names of their
     * own: up to 100 letters, digits, '_' and '-'. NULL or "": trainer.step
     * ..., for a store's only training step. */
    const char *name;
    bp_step_fn fn;
    void *user;            /* must outlive the step, as texts need not */
    size_t n_inputs;       /* at most BP_STEP_MAX_INPUTS */
    const bp_step_input *input;
    bool training;         /* dropout drops, batch norm uses the batch */
    const char *params;    /* what it trains: a pattern of names ("g.*");
                              NULL: all parameters that it reads */
    const char *optimizer; /* a text; NULL: it trains nothing */
    const char *statistics; /* whose running statistics move, a pattern; NULL:
                               those of params in training, else none */
    bp_read read;          /* in training; otherwise averages are read */
    bool dry;              /* nothing is committed: neither state, nor
                              statistics, nor the counter */
    bp_dtype dtype;        /* of parameters: BP_F32 or BP_F64 */
    uint64_t seed;         /* of initial values and random numbers */
    const char *init, *bias_init; /* as in bp_nn_options */
    int64_t shards;        /* 0: 1 */
    size_t max_bytes;      /* of cached programs and outputs; 0: 512 MiB */
    const char *no_pass, *no_kernel; /* as in bp_compile_options */
} bp_step_options;

/* Retains store and runtime. Traces nothing yet. [err: EARG ELIMIT EFORMAT
 * ENOTFOUND ENOMEM] */
bp_status bp_step_new(bp_store *s, bp_runtime *r, const bp_step_options *o,
                      bp_step **step, bp_error *err);
void bp_step_free(bp_step *p);

/* One run, all or nothing, on n arrays in the order of the inputs. They are
 * lent for the call. Types that come for the first time are traced and
 * compiled; the programs that were used least lately are dropped where they
 * take more than max_bytes. A state without rows gets those of the batch.
 * [err: ESHAPE EDTYPE an array does not fit its input; what bp_compile and
 * bp_run say] */
bp_status bp_step_run(bp_step *p, size_t n, const bp_array *in, bp_error *err);
/* The same without running: traced and compiled, so that its variables are
 * there. */
bp_status bp_step_prepare(bp_step *p, size_t n, const bp_array *in,
                          bp_error *err);

/* An output of the last run that succeeded, the step's own until the next
 * one; rows of all shards, one after the other. False: there is none of this
 * name. */
bool bp_step_output(const bp_step *p, const char *name, bp_array *out);
/* An output of one element as a number; NaN: there is none. */
double bp_step_number(const bp_step *p, const char *name);

const char *bp_step_name(const bp_step *p);
/* Runs that were committed; 0 for one that keeps no counter. */
int64_t bp_step_count(const bp_step *p);
/* The learning rate: the optimizer's lr until it is set. It holds until it is
 * set again. NaN, and EARG: it trains nothing. */
double bp_step_rate(const bp_step *p);
bp_status bp_step_set_rate(bp_step *p, double rate, bp_error *err);
/* The rate that the optimizer's schedule has for the next run.
 * [err: as bp_nn_learning_rate] */
bp_status bp_step_schedule(const bp_step *p, int64_t steps_per_epoch,
                           int64_t total_steps, double *rate, bp_error *err);
/* Programs in the cache; and the one that was run or prepared last, to look at
 * (bp_program_print). NULL: none. Its inputs and outputs are the step's. */
size_t bp_step_programs(const bp_step *p);
const bp_program *bp_step_program(const bp_step *p);
/* Of the graph that was traced first, as 16 digits; "": none yet. Names,
 * shapes, ops and constants make it; addresses, threads, kernels do not. */
const char *bp_step_hash(const bp_step *p);

/* ---- tasks as steps ------------------------------------------------------- */

typedef struct bp_task_step_options {
    size_t size;           /* sizeof(bp_task_step_options) */
    const bp_allocator *allocator;
    const char *name;      /* as in bp_step_options */
    int64_t shards;        /* 0: 1 */
    bool grad_norm;        /* TRAIN: the output grad_norm */
    const char *sums;      /* as in bp_trace_options */
    size_t max_bytes;
    const char *no_pass, *no_kernel;
} bp_task_step_options;

/* A mode of a task as a step: its inputs in order, the target, and with mixup
 * target2 and mix; outputs as of bp_task_graph. The task is copied; what it
 * refers to must outlive the step. options may be NULL.
 * [err: as bp_step_new; the model's] */
bp_status bp_task_step(const bp_task *task, bp_task_mode mode, bp_store *s,
                       bp_runtime *r, const bp_task_step_options *options,
                       bp_step **step, bp_error *err);

/* bp_step_prepare of such a step for a batch of so many samples. */
bp_status bp_task_prepare(bp_step *step, const bp_task *task,
                          bp_task_mode mode, int64_t rows, bp_error *err);

/* ---- within the function ------------------------------------------------ */

bp_graph *bp_trace_graph(bp_trace *t);
bp_val bp_trace_input(bp_trace *t, const char *name);
/* A network of which all variables begin with "<prefix>." (NULL or "": with
 * nothing). Asked for again, it is the same one, its layers numbered from 0: so
 * it is applied twice. The context is the trace's. */
bp_nn *bp_trace_net(bp_trace *t, const char *prefix);
/* The same, read otherwise than the step's options say: a discriminator's step
 * that sees averaged weights of a generator. */
bp_nn *bp_trace_net_reading(bp_trace *t, const char *prefix, bp_read read);
/* State with a row a sample, rank and dims of one row, which starts from zeros;
 * its value before the step. bp_store_add_state before the first run makes one
 * with another initial row. Varying. */
bp_val bp_trace_state(bp_trace *t, const char *name, bp_dtype dtype, int rank,
                      const int64_t *dims);
/* What it becomes when the step has succeeded. */
void bp_trace_set_state(bp_trace *t, const char *name, bp_val value);
/* Gradients of a scalar, replicated objective by the step's params, clipping,
 * updates. Once in a step. grad_norm (before clipping) may be NULL. */
void bp_trace_minimize(bp_trace *t, bp_val objective, bp_val *grad_norm);
void bp_trace_output(bp_trace *t, const char *name, bp_val value);

#ifdef __cplusplus
}
#endif
#endif
