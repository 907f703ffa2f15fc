/* A table of fast kernels (cpu/cpu.h) that runs the true ones and then spoils
 * one of them. Only memory that a kernel writes is changed, whatever part of
 * its result a call computes. One thread only: it counts what it meets. */
#ifndef BP_TEST_SPOILED_H
#define BP_TEST_SPOILED_H

#include "cpu/cpu.h"

enum bug { NEGATE, DOUBLE, ZERO, NAN_, SWAP, SKIP, N_BUGS, NONE = N_BUGS };

/* X(slot, name, can two inputs be swapped) */
#define SLOTS(X)                                \
    X(GEMM_PACK, "gemm.pack_b", 0)              \
    X(GEMM_BLOCK, "gemm.block", 1)              \
    X(FWD_PACK, "conv.fwd_pack", 0)             \
    X(FWD, "conv.fwd", 0)                       \
    X(DX_PACK, "conv.dx_pack", 0)               \
    X(DX, "conv.dx", 0)                         \
    X(DW_UNIT, "conv.dw_unit", 1)               \
    X(DW_COMBINE, "conv.dw_combine", 0)         \
    X(WINO_FWD_PACK, "conv.wino_fwd_pack", 0)   \
    X(WINO_FWD, "conv.wino_fwd", 0)             \
    X(WINO_DX_PACK, "conv.wino_dx_pack", 0)     \
    X(WINO_DX, "conv.wino_dx", 0)               \
    X(MAX, "pool.max", 0)                       \
    X(MAX_INDEX, "pool.max: index", 0)          \
    X(SCATTER, "pool.scatter", 0)               \
    X(AVG, "pool.avg", 0)                       \
    X(AVG_DX, "pool.avg_dx", 0)                 \
    X(TRANSPOSE, "pool.transpose", 0)           \
    X(SUM, "reduce.sum", 0)                     \
    X(COMBINE, "reduce.combine", 0)             \
    X(AMAX, "rows.amax", 0)                     \
    X(AMIN, "rows.amin", 0)                     \
    X(ARGMAX, "rows.argmax", 0)                 \
    X(ARGMIN, "rows.argmin", 0)                 \
    X(NORM, "rows.norm", 1)                     \
    X(NORM_DX, "rows.norm_dx", 1)               \
    X(NORM_DPARAMS, "rows.norm_dparams", 1)     \
    X(SOFTMAX, "softmax.softmax", 0)            \
    X(LOG_SOFTMAX, "softmax.log_softmax", 0)    \
    X(LOGSUMEXP, "softmax.logsumexp", 0)        \
    X(SOFTMAX_DX, "softmax.softmax_dx", 1)      \
    X(LOG_SOFTMAX_DX, "softmax.log_softmax_dx", 1) \
    X(XENT, "softmax.xent", 1)                  \
    X(XENT_DX, "softmax.xent_dx", 1)            \
    X(CHAIN, "chain.run", 1)                    \
    X(CHAIN_TEST, "chain.run: finite", 0)       \
    X(FINITE, "finite.any_nonfinite", 0)
enum slot {
#define SPOILED_SLOT(slot, name, swaps) slot,
    SLOTS(SPOILED_SLOT) N_SLOTS
#undef SPOILED_SLOT
};

/* What is spoiled, and what has been met since somebody zeroed the counts:
 * calls, and calls with two inputs that can be exchanged. */
extern struct planted {
    enum slot slot; /* N_SLOTS: none */
    enum bug bug;
    long hits[N_SLOTS], swaps[N_SLOTS];
} planted;

/* The table, over the best kernels of this CPU. */
const bp__cpu *spoiled_cpu(void);

#endif
