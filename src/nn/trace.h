/* One trace of a step's function, for the step and for whoever wants the graph
 * alone. */
#ifndef BP__NN_TRACE_H
#define BP__NN_TRACE_H

#include "nn/nn.h"

#include <bprop/step.h>

/* A trace for one shard size. */
typedef struct bp__tracing {
    const bp_step_options *o; /* checked */
    bp_store *s;
    const bp_allocator *a;
    const bp_array *in;       /* types of the inputs, with rows of the batch */
    int64_t rows, global_rows; /* of this shard; 0: no input has rows */
} bp__tracing;

/* The graph, never NULL but when memory is out; its error is sticky. ahead:
 * set where raw weights were wanted of which no average is kept yet; nn: the
 * contexts that were made, the caller's to free (bp_nn_free); both may be
 * NULL. */
bp_graph *bp__trace(const bp__tracing *q, bool *ahead, bp_nn **first);

#endif
