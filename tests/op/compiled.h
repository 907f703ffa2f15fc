/* A case of the op table through the compiler, in f32, and through the
 * interpreter over the reference kernels: values, and gradients for a fixed
 * cotangent. What finds a wrong kernel. */
#ifndef BP_TEST_COMPILED_H
#define BP_TEST_COMPILED_H

#include "op/cases.h"

#include "cpu/cpu.h"

enum { COMPILED_MAX = 12, COMPILED_WHY = 120 };

typedef struct compiled_result {
    bool signs; /* of zeros matter: of a primitive, by the interpreter */
    size_t n;
    int dtype[COMPILED_MAX];
    void *data[COMPILED_MAX];
    size_t size[COMPILED_MAX];
} compiled_result;

typedef struct compiled_how {
    int threads;
    bp_level level;
    const char *no_pass, *no_kernel;
    const bp__cpu *cpu;              /* instead of the level's kernels */
    void (*meet)(const char *kernel); /* of each call; NULL: not asked for */
} compiled_how;

/* Adjoints of no input, of the first one, of all. */
typedef enum compiled_wrt {
    COMPILED_VALUES,
    COMPILED_FIRST,
    COMPILED_ALL
} compiled_wrt;

/* The case, with the adjoints that are wanted and that there are, all of them
 * outputs. NULL: failed, which has been counted. */
bp_graph *compiled_graph(const case_data *d, compiled_wrt which,
                         int *n_results);
/* False: refused, for an index out of range or a value that is not finite. */
bool compiled_run(const case_data *d, const bp_graph *g,
                  const compiled_how *how, compiled_result *r);
/* False: an index is out of range. */
bool compiled_interpret(const case_data *d, const bp_graph *g,
                        compiled_result *r);
void compiled_drop(compiled_result *r);
bool compiled_same_bits(const compiled_result *a, const compiled_result *b);
/* Floats within 2e-5 of the tensor's largest value that differs, zeros with
 * their signs where a says so; everything else equal. why: COMPILED_WHY bytes. */
bool compiled_agrees(const compiled_result *a, const compiled_result *b,
                     char *why);
/* The i-th case that is larger than the table's; false: there is none. */
bool compiled_large(int i, case_data *d);

#endif
