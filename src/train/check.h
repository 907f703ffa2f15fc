/* The gradient checker's parts: programs over a task's frozen graph. */
#ifndef BP__CHECK_H
#define BP__CHECK_H

#include "train/train.h"

/* A task at one batch: its trace as one graph without psum, spread and
 * composites, whose output "objective" is the function to differentiate. */
typedef struct bp__point {
    bp_allocator a;
    bp_task task;
    int64_t rows;
    bp_runtime *runtime;
    bp_compile_options compile; /* of the programs under test */
    bp_store *store;
    bp_graph *base;
    size_t n_params;
    const char **param;  /* names, in the arena */
    double **data;       /* of each parameter, where the task is f64 */
    int64_t *numel;
    bp__arena arena;
    const void *input[BP_NN_MAX_INPUTS]; /* in their types; borrowed */
    size_t input_bytes[BP_NN_MAX_INPUTS];
    const void *target;
    size_t target_bytes;
    size_t n_choices;
    void **choice;       /* values at this point, in the arena */
    size_t *choice_bytes;
} bp__point;

/* Traces the task; the batch is set by the caller before the first run. */
bp_status bp__point_init(bp__point *p, const bp_allocator *a,
                         const bp_task *task, int64_t rows, bp_runtime *r,
                         bp_error *err);
/* The same, and keep() may add outputs to the traced graph; they are outputs
 * of the frozen programs too. */
typedef void (*bp__point_keep)(void *user, bp_graph *g, const bp_traced *t);
bp_status bp__point_init_keep(bp__point *p, const bp_allocator *a,
                              const bp_task *task, int64_t rows,
                              bp_runtime *r, bp__point_keep keep, void *user,
                              bp_error *err);
void bp__point_free(bp__point *p);
/* Binds the batch, and choices where the program wants them. */
bp_status bp__point_bind(const bp__point *p, bp_program *program,
                         const bp__point *choices, bp_error *err);
/* Runs the base graph and keeps its choices. values: see bp__pass_freeze. */
bp_status bp__point_probe(bp__point *p, bool values, bp_error *err);
/* The frozen graph's objective and, with gradient, "grad.<i>". */
bp_status bp__point_frozen(bp__point *p, bool values, bool gradient,
                           bp_program **program, bp_error *err);
/* The gradients of the very program that trains: "grad.<parameter>". */
bp_status bp__point_gradient(bp__point *p, bp_program **program,
                             bp_error *err);
/* The Hessian times inputs "direction.<i>": outputs "product.<i>", left out
 * where it is structurally zero. */
bp_status bp__point_hessian(bp__point *p, bp_program **program, bp_error *err);

#endif
