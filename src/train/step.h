/* Steps, for the rest of src/train: what a folder asks of one, and tasks. */
#ifndef BP__TRAIN_STEP_H
#define BP__TRAIN_STEP_H

#include "nn/trace.h"

/* step_options.c. The caller's options as this library has them, checked.
 * [err: EARG EDTYPE ESHAPE EEXIST ELIMIT] */
bp_status bp__step_options_check(const bp_step_options *given,
                                 bp_step_options *o, bp_error *err);
/* Fills in defaults, and copies texts and inputs into the arena. */
bp_status bp__step_options_copy(bp__arena *ar, bp_step_options *o,
                                bp_error *err);

/* Input types of the first batch, NULL: none came yet. */
const bp_array *bp__step_first(const bp_step *p);
/* Grows from one step of a store to the next that is traced, where the later
 * one could see variables of the earlier: variables of the store before the
 * first trace and after it, added up. */
size_t bp__step_first_at(const bp_step *p);
size_t bp__step_n_inputs(const bp_step *p);
bp_store *bp__step_store(const bp_step *p);
/* Type and size of an output of the program that was prepared or used last. */
bool bp__step_planned(const bp_step *p, const char *name, bp_array *x);
/* Traces without compiling: the step's variables are there, and its hash is
 * that of these types. [err: as bp_step_prepare] */
bp_status bp__step_trace(bp_step *p, const bp_array *in, bp_error *err);
/* The step frees this with itself. */
void bp__step_own(bp_step *p, void *user, size_t bytes);

#endif
