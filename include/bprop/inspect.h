/* bprop: what there is to look into: operations, kernels, passes, and the
 * graphs of a task, as the command prints them.
 */
#ifndef BPROP_INSPECT_H
#define BPROP_INSPECT_H

#include <bprop/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- names ---------------------------------------------------------------- */

/* The i-th of the names that bp_compile_options.no_pass and no_kernel take,
 * beside "all"; NULL past the last one. Kernels' names may repeat. */
const char *bp_pass_name(size_t i);
const char *bp_kernel_name(size_t i);
/* The i-th row of a table of texts: "dense", "adam"; NULL past the last one. */
const char *bp_nn_row_name(bp_nn_table table, size_t i);
/* All rows, with their arguments. [err: EIO ENOMEM] */
bp_status bp_nn_print_table(bp_nn_table table, bp_write_fn write, void *user);

/* ---- operations ------------------------------------------------------------ */

#define BP_OP_MAX_INPUTS 8
#define BP_OP_MAX_PROPERTIES 12
#define BP_OP_MAX_ATTRIBUTES 16

typedef enum bp_op_gradient {
    BP_OP_NO_GRADIENT = 0,
    BP_OP_HAS_GRADIENT = 1,
    BP_OP_UNWRITTEN = 2 /* there is one, but nobody has written it */
} bp_op_gradient;

typedef struct bp_op_info {
    const char *name, *signature, *doc;
    bool composite; /* has a definition in other operations */
    int n_inputs;   /* -1: any number; gradient[0] is then that of all */
    bp_op_gradient gradient[BP_OP_MAX_INPUTS];
    int n_properties;
    const char *property[BP_OP_MAX_PROPERTIES]; /* "may run in place" */
    int n_attributes;
    const char *attribute[BP_OP_MAX_ATTRIBUTES];
} bp_op_info;

int bp_op_count(void);
/* The i-th, from 0; false past the last one. */
bool bp_op_get(int i, bp_op_info *info);
int bp_op_find(const char *name); /* -1: there is none */
/* On a small case: the definition of a composite, or, backward, the gradient
 * that is generated. [err: ERANGE, ENODIFF it has no gradient, EARG no case,
 * EIO ENOMEM] */
bp_status bp_op_print(int i, bool backward, bp_write_fn write, void *user,
                      bp_error *err);

/* ---- tasks --------------------------------------------------------------------- */

/* The graph of a task, without its psums' composites: those stand as their
 * definitions. Makes the variables in s. [err: what a trace says, EIO] */
bp_status bp_task_print(const bp_task *t, bp_store *s, bp_task_mode mode,
                        const bp_trace_options *options, bp_write_fn write,
                        void *user, bp_error *err);

#ifdef __cplusplus
}
#endif
#endif
