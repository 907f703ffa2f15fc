/* The op table's own test cases, as data and as graphs. */
#ifndef BP_TEST_CASES_H
#define BP_TEST_CASES_H

#include "ir/ir.h"

/* Every op of the table, once: for (op = 1; op < BP__N_OPS; op++). */
enum { CASE_MAX_IN = 4 };

typedef struct case_data {
    bp__op op;
    const bp__opdef *def;
    const bp__case *c;
    int index;                  /* of the case */
    bp__type type[CASE_MAX_IN]; /* of the inputs */
    void *in[CASE_MAX_IN];      /* drawn */
} case_data;

/* Draws the inputs of case i of an op; floats are of type f. The same seed
 * gives the same values, rounded to f. */
void case_draw(case_data *d, bp__op op, int i, bp_dtype f, uint64_t seed);
void case_free(case_data *d);
/* Fills a tensor as a case's input is filled. */
void case_fill(const bp__tin *t, const bp__type *type, uint64_t *seed,
               void *data);
/* "sum case 2 (keeps) in f64"; buf: 120 bytes. */
const char *case_text(const case_data *d, char *buf);

/* The inputs as inputs of a graph, named x0, x1, ... */
void case_inputs(bp_graph *g, const case_data *d, bp_val *in);
/* A graph of the case: the inputs, the node (n_out results). NULL: failed,
 * which has been counted as a failed check. */
bp_graph *case_graph(const case_data *d, bp_val *in, bp_val *out, int *n_out);
bool case_is_float(const case_data *d, int i);
/* May the gradient with respect to input i be asked for? */
bool case_differentiable(const case_data *d, int i);

double case_get(const void *data, int dtype, int64_t i);

#endif
