/* The table of this level's kernels. */
#include "cpu/v16.h"

#include "cpu/cpu.h"

bool BP__K(any_nonfinite)(const float *x, int64_t n);

extern const bp__cpu BP__K(cpu);
const bp__cpu BP__K(cpu) = {
    .level = (bp_level)BP__LEVEL,
    .gemm = BP__GEMM_FNS,
    .chain = BP__CHAIN_FNS,
    .conv = BP__CONV_FNS,
    .finite = BP__FINITE_FNS,
    .pool = BP__POOL_FNS,
    .reduce = BP__REDUCE_FNS,
    .rows = BP__ROWS_FNS,
    .softmax = BP__SOFTMAX_FNS,
};
