/* The matrix product's sizes: functions of the shapes, the same at every
 * level. */
#include "base/base.h"

#include "cpu/gemm.h"

int64_t bp__gemm_panels(int64_t n)
{
    return n / BP__GEMM_PANEL + (n % BP__GEMM_PANEL != 0);
}

size_t bp__gemm_packed_floats(int64_t n, int64_t k)
{
    size_t rows = bp__mul_size((size_t)bp__gemm_panels(n), (size_t)k);
    return bp__mul_size(rows, BP__GEMM_PANEL);
}

int64_t bp__gemm_piece(int64_t k)
{
    int64_t pieces = k / BP__GEMM_CUT + (k % BP__GEMM_CUT != 0);
    return pieces ? (k + pieces - 1) / pieces : 0;
}

/* A group of panels of B, and the rows of A that go with it. */
size_t bp__gemm_scratch_floats(const bp__gemm *g)
{
    int64_t rows = g->m < BP__GEMM_BLOCK_ROWS ? g->m : BP__GEMM_BLOCK_ROWS;
    return (size_t)((BP__GEMM_WIDE * BP__GEMM_PANEL + rows) *
                        bp__gemm_piece(g->k) + BP__GEMM_PANEL);
}
