/* The matrix product's sizes: functions of the shapes, the same at every
 * level. */
#include "cpu/gemm.h"

int64_t bp__gemm_panels(int64_t n)
{
    return n / BP__GEMM_PANEL + (n % BP__GEMM_PANEL != 0);
}

/* a*b*c, SIZE_MAX where it does not fit into a byte count. */
static size_t gemm_size(int64_t a, int64_t b, int64_t c)
{
    const uint64_t limit = SIZE_MAX / sizeof(float);
    uint64_t x = (uint64_t)a;
    if (b && x > limit / (uint64_t)b)
        return SIZE_MAX;
    x *= (uint64_t)b;
    if (c && x > limit / (uint64_t)c)
        return SIZE_MAX;
    return (size_t)(x * (uint64_t)c);
}

size_t bp__gemm_packed_floats(int64_t n, int64_t k)
{
    return gemm_size(bp__gemm_panels(n), k, BP__GEMM_PANEL);
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
