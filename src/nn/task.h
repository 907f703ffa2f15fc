/* A task's modes as steps, and what a task says of its inputs. */
#ifndef BP__NN_TASK_H
#define BP__NN_TASK_H

#include <bprop/step.h>

/* What the step's function is given. */
typedef struct bp__task_step {
    const bp_task *task; /* must outlive the step */
    bp_task_mode mode;
    bool grad_norm;
    const char *sums;    /* as in bp_trace_options */
    bp_traced *traced;   /* NULL: nobody looks */
} bp__task_step;

void bp__task_trace(bp_trace *trace, void *user);
/* The step's options; in: room for its inputs, which they refer to. Inputs,
 * target, and in mode TRAIN with mixup target2 and mix, in this order.
 * [err: EARG ELIMIT the model's] */
bp_status bp__task_step_options(bp__task_step *k,
                                bp_step_input in[BP_STEP_MAX_INPUTS],
                                bp_step_options *o, bp_error *err);
bp_status bp__task_step_inputs(const bp_task *t, bp_task_mode mode,
                               bp_step_input in[BP_STEP_MAX_INPUTS], size_t *n,
                               bp_error *err);

/* Names and shapes of a task's inputs, whatever describes it. */
size_t bp__task_inputs(const bp_task *t);
void bp__task_input(const bp_task *t, size_t i, bp_nn_io *io);
const char *bp__task_target_name(const bp_task *t);

#endif
