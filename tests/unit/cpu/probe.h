/* What the tests see of bp__v16: probe.c is compiled once a level, like the
 * kernels. */
#ifndef BP_TEST_PROBE_H
#define BP_TEST_PROBE_H

#include "cpu/cpu.h"

enum {
    PROBE_EXP,
    PROBE_LOG,
    PROBE_LOG1P,
    PROBE_TANH,
    PROBE_SIGMOID,
    PROBE_ERF,
    PROBE_SIN,
    PROBE_COS,
    PROBE_N_MATH
};
/* Results of every operation on 16 lanes: words, to compare bit by bit. */
enum { PROBE_N_OPS = 64 };

typedef struct probe {
    bp_level level;
    /* y[0..n) = f(x[0..n)), n a multiple of 16 */
    void (*math)(int f, const float *x, float *y, int64_t n);
    void (*pow)(const float *x, const float *y, float *z, int64_t n);
    /* out[i][lane]; returns how many rows it wrote. n: lanes of the partial
     * loads and stores. */
    int (*ops)(const float *a, const float *b, const float *c, int n,
               uint32_t out[PROBE_N_OPS][16]);
    void (*transpose)(const float *in, float *out);
} probe;

/* NULL where the level is not available. */
const probe *probe_get(bp_level level);
int64_t probe_same(const float *a, const float *b, int64_t n);

#endif
