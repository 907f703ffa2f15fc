/* A compiled program, for who caches and runs many (src/train/step.c): inputs
 * and outputs by number instead of by name. */
#ifndef BP__EXEC_PROGRAM_H
#define BP__EXEC_PROGRAM_H

#include "ir/ir.h"

/* One more reference, which bp_runtime_free drops. */
bp_runtime *bp__runtime_retain(bp_runtime *r);
/* The number of an input; -1: the program does not read it. */
int64_t bp__input_index(const bp_program *p, const char *name);
/* As bp_bind, of data whose size has been checked. */
void bp__bind_at(bp_program *p, size_t input, const void *data);
size_t bp__program_outputs(const bp_program *p);
/* The output's place after a run, its name and type. */
const void *bp__program_output(const bp_program *p, size_t i,
                               const char **name, bp__type *type,
                               size_t *bytes);
/* Gives states without rows those that it needs; false: out of memory. Where
 * what follows fails, they are to have none again. */
bool bp__program_take_rows(bp_program *p);
void bp__program_give_rows(bp_program *p);

#endif
