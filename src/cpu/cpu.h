/* The fast kernels, one table of function pointers for each instruction-set
 * level. The kernels themselves (k_*.c) are compiled once a level; nothing
 * else here depends on one. Every kernel gives the same bits at every level.
 *
 * Each family of kernels has a header that declares its struct bp__NAME_fns
 * and, for the kernels' own use, a macro BP__NAME_FNS that initialises it
 * with the functions of the level at hand (k_table.c). Knows nothing of
 * graphs: kernels take plain arguments.
 */
#ifndef BP__CPU_H
#define BP__CPU_H

#include "cpu/chain.h"

#include "cpu/conv.h"
#include "cpu/finite.h"
#include "cpu/gemm.h"
#include "cpu/pool.h"
#include "cpu/reduce.h"
#include "cpu/rows.h"
#include "cpu/softmax.h"

typedef struct bp__cpu {
    bp_level level;
    bp__gemm_fns gemm;
    bp__chain_fns chain;
    bp__conv_fns conv;
    bp__finite_fns finite;
    bp__pool_fns pool;
    bp__reduce_fns reduce;
    bp__rows_fns rows;
    bp__softmax_fns softmax;
} bp__cpu;

/* The best level of this CPU (AUTO), or the one asked for; NULL where this
 * build or this CPU does not have it. */
const bp__cpu *bp__cpu_get(bp_level level);

#ifdef BP__HAVE_plain
extern const bp__cpu bp__cpu_plain;
#endif
#ifdef BP__HAVE_neon
extern const bp__cpu bp__cpu_neon;
#endif
#ifdef BP__HAVE_avx2
extern const bp__cpu bp__cpu_avx2;
#endif
#ifdef BP__HAVE_avx512
extern const bp__cpu bp__cpu_avx512;
#endif

#endif
