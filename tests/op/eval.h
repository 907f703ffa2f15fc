/* A small interpreter of graphs over the reference kernels: no compiler, no
 * planner, no threads. Composites run as their definitions. It is what
 * everything faster is compared with. One shard only. */
#ifndef BP_TEST_EVAL_H
#define BP_TEST_EVAL_H

#include "ir/ir.h"

typedef struct eval eval;

/* Prepares a graph; outputs are those that bp_output named. NULL: failed. */
eval *eval_new(const bp_graph *g, bp_error *err);
void eval_free(eval *e);
/* Lends data to an input. False: there is none of this name. */
bool eval_bind(eval *e, const char *input, const void *data);
/* Runs every node. Variables are read from their stores. False: an input is
 * unbound. */
bool eval_run(eval *e);
/* An output of the last run, and its type (may be NULL). NULL: no such one. */
const void *eval_output(const eval *e, const char *name, bp__type *type);
/* Variables <- values of the last run. */
void eval_commit(eval *e);
/* Indices out of range in the last run. */
int64_t eval_faults(const eval *e);

/* One call of a reference kernel, scratch included. */
void eval_kernel(const bp__opdef *d, const void *attrs, int n_in,
                 const bp__tensor *in, int n_out, const bp__tensor *out,
                 int64_t first_row, int64_t *faults);

#endif
