/* Random graphs with a gradient and updates: the same seed gives the same
 * graph for any number of shards. Internal to the tests of src/exec. */
#ifndef BP_TEST_RANDOM_GRAPH_H
#define BP_TEST_RANDOM_GRAPH_H

#include "t.h"

#include <bprop/ops.h>

enum { RG_ROWS = 7, RG_X = 12, RG_VOCABULARY = 5 };

typedef struct rg_spec {
    uint64_t seed;
    bp_dtype dtype;  /* BP_F32 or BP_F64 */
    int n_ops;
    int order;       /* 1, or 2: a penalty on the input's gradient too */
} rg_spec;

/* Inputs: "x" f[rows,RG_X], "t" i32[rows], "c" f[RG_X] (replicated). Makes
 * variables in the store where they are missing. Outputs: "loss", "dx",
 * "d<variable>" and some of the values between. */
bp_graph *rg_trace(const rg_spec *r, bp_store *st, int64_t shards,
                   int64_t rows);
/* What its inputs are bound to, in both types. */
typedef struct rg_inputs {
    double xd[RG_ROWS * RG_X], cd[RG_X];
    float xf[RG_ROWS * RG_X], cf[RG_X];
    int32_t target[RG_ROWS];
} rg_inputs;
void rg_draw_inputs(rg_inputs *in);
void rg_bind(bp_program *p, const rg_inputs *in, bp_dtype dtype);
/* The op names that graphs of these seeds have used so far, for a report. */
void rg_note_ops(const bp_graph *g);
int rg_ops_seen(const char **missing, int max);

#endif
