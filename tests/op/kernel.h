/* One call of a row's reference kernel on a case: tensors in memory of their
 * own, so that a test can look at what was read and written. */
#ifndef BP_TEST_KERNEL_H
#define BP_TEST_KERNEL_H

#include "op/cases.h"

typedef struct kernel_call {
    case_data d;
    int n_in, n_out;
    bp__tensor in[CASE_MAX_IN], out[BP__MAX_OUT];
    int64_t faults;
} kernel_call;

/* Inputs drawn, outputs typed by inference and allocated. False: the row has
 * no kernel (composite, leaf). */
bool kernel_new(kernel_call *k, bp__op op, int i, bp_dtype f, uint64_t seed);
/* The same for inputs that exist already; *d is taken over if it succeeds. */
bool kernel_from(kernel_call *k, const case_data *d);
void kernel_free(kernel_call *k);
/* Runs after filling every byte of the outputs with `fill`. */
void kernel_run(kernel_call *k, int fill);
/* A copy of a tensor's bytes, to be freed. */
void *kernel_copy(const bp__tensor *t);
bool kernel_same(const bp__tensor *t, const void *bytes);
/* The tensor's rows [r, r + n). */
bp__tensor kernel_part(const bp__tensor *t, int64_t r, int64_t n);

#endif
