/* The matrix product: against plain double loops within a bound, and the same
 * bits at every level, for any cut into blocks, packed or not, aligned or
 * not. Prints one hash, to be compared between machines. */
#include "t.h"

#include "cpu/cpu.h"

typedef struct shape {
    int64_t m, n, k;
} shape;

static const shape SHAPES[] = {
    {1, 1, 1},     {3, 5, 7},      {14, 32, 20},   {15, 33, 17},
    {63, 250, 78}, {64, 10, 256},  {10, 30, 784},  {100, 20, 10},
    {29, 47, 321}, {5, 16, 640},   {4, 70, 641},   {2, 49, 33},
    {7, 64, 1},    {200, 35, 40},  {343, 17, 19},  {6, 3, 1000},
    {31, 80, 1024}, {13, 15, 16},  {3, 100, 2100}, {1, 129, 65},
};

static uint64_t seed = 7;
static uint64_t hash = BP__HASH_INIT;

/* Memory at an odd offset, filled with random numbers. */
static float *floats(size_t n, size_t offset)
{
    float *p = malloc((n + offset + 16) * sizeof *p);
    if (!p)
        exit(1);
    for (size_t i = 0; i < n + offset; i++)
        p[i] = (float)t_uniform(&seed, -1, 1);
    return p;
}

static float *scratch_for(const bp__gemm *g)
{
    float *p = bp__alloc64(&bp__malloc_allocator,
                           bp__gemm_scratch_floats(g) * sizeof(float) + 64);
    if (!p)
        exit(1);
    for (size_t i = 0; i < bp__gemm_scratch_floats(g); i++)
        p[i] = NAN;
    p[bp__gemm_scratch_floats(g)] = 123.0f;
    return p;
}

static void scratch_done(const bp__gemm *g, float *p)
{
    T_CHECK(p[bp__gemm_scratch_floats(g)] == 123.0f);
    bp__free64(&bp__malloc_allocator, p,
               bp__gemm_scratch_floats(g) * sizeof(float) + 64);
}

static double element(const bp__gemm *g, int64_t i, int64_t j, double *scale)
{
    double sum = 0;
    *scale = 0;
    for (int64_t k = 0; k < g->k; k++) {
        double a = g->ta ? g->a[k * g->lda + i] : g->a[i * g->lda + k];
        double b = g->tb ? g->b[j * g->ldb + k] : g->b[k * g->ldb + j];
        sum += a * b;
        *scale += fabs(a * b);
    }
    if (g->bias) {
        sum += g->bias[j];
        *scale += fabs(g->bias[j]);
    }
    return g->act == BP__ACT_RELU && sum < 0 ? 0 : sum;
}

static void check_values(const bp__gemm *g, const char *level)
{
    double worst = 0;
    for (int64_t i = 0; i < g->m; i++) {
        for (int64_t j = 0; j < g->n; j++) {
            double scale, want = element(g, i, j, &scale);
            double bound = ((double)g->k + 4) * 0x1p-24 * scale + 1e-30;
            double e = fabs((double)g->c[i * g->ldc + j] - want) / bound;
            worst = e <= worst ? worst : e; /* a NaN becomes the worst */
        }
    }
    T_CHECKF(worst <= 1, "%s %dx%dx%d ta %d tb %d: error %g of the bound",
             level, (int)g->m, (int)g->n, (int)g->k, g->ta, g->tb, worst);
}

/* Blocks of mb x nb; what lies between the rows of C must survive. */
static void run_blocks(const bp__cpu *cpu, const bp__gemm *g, int64_t mb,
                       int64_t nb)
{
    float *scratch = scratch_for(g);
    for (int64_t i = 0; i < g->m * g->ldc; i++)
        g->c[i] = i % g->ldc < g->n ? NAN : 5.0f;
    for (int64_t n = 0; n < g->n; n += nb)
        for (int64_t m = 0; m < g->m; m += mb)
            cpu->gemm.block(g, m, BP__MIN(m + mb, g->m), n,
                            BP__MIN(n + nb, g->n), scratch);
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = g->n; j < g->ldc; j++)
            if (g->c[i * g->ldc + j] != 5.0f) {
                T_CHECKF(0, "wrote beyond column n");
                return;
            }
    scratch_done(g, scratch);
}

static void check_blocks(const bp__cpu *cpu, bp__gemm *g, const float *want)
{
    static const int64_t cuts[][2] = {{1, 16}, {5, 48}, {14, 9999},
                                      {37, 32}, {9999, 64}, {11, 10}};
    size_t bytes = (size_t)(g->m * g->ldc) * sizeof(float);
    const char *level = bp_level_name(cpu->level);
    for (size_t i = 0; i < BP__ARRAY_LEN(cuts); i++) {
        run_blocks(cpu, g, cuts[i][0], cuts[i][1]);
        T_CHECKF(memcmp(g->c, want, bytes) == 0,
                 "%s %dx%dx%d: blocks of %dx%d have other bits", level,
                 (int)g->m, (int)g->n, (int)g->k, (int)cuts[i][0],
                 (int)cuts[i][1]);
    }
    size_t n_packed = bp__gemm_packed_floats(g->n, g->k);
    int64_t panels = bp__gemm_panels(g->n);
    float *packed = malloc((n_packed + 1) * sizeof *packed);
    T_REQUIRE(packed != NULL);
    packed[n_packed] = 123.0f;
    for (int64_t p = panels; p-- > 0;)
        cpu->gemm.pack_b(g, p, p + 1, packed);
    T_CHECK(packed[n_packed] == 123.0f);
    g->packed_b = packed;
    run_blocks(cpu, g, 23, 9999);
    T_CHECKF(memcmp(g->c, want, bytes) == 0, "%s: packed has other bits",
             level);
    g->packed_b = NULL;
    free(packed);
}

static void check_shape(shape s, bool ta, bool tb, int variant)
{
    bp__gemm g = {.m = s.m, .n = s.n, .k = s.k, .ta = ta, .tb = tb};
    int64_t pad = variant % 3;
    g.lda = (ta ? s.m : s.k) + pad;
    g.ldb = (tb ? s.k : s.n) + 2 * pad;
    g.ldc = s.n + pad;
    size_t shift = (size_t)(variant % 5);
    float *a = floats((size_t)((ta ? s.k : s.m) * g.lda), shift);
    float *b = floats((size_t)((tb ? s.n : s.k) * g.ldb), shift);
    float *c = floats((size_t)(s.m * g.ldc), shift);
    float *bias = floats((size_t)s.n, shift);
    size_t bytes = (size_t)(s.m * g.ldc) * sizeof(float);
    float *want = malloc(bytes);
    T_REQUIRE(want != NULL);
    g.a = a + shift;
    g.b = b + shift;
    g.c = c + shift;
    g.bias = variant & 1 ? bias + shift : NULL;
    g.act = variant & 2 ? BP__ACT_RELU : BP__ACT_NONE;
    for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++) {
        const bp__cpu *cpu = bp__cpu_get((bp_level)l);
        if (!cpu)
            continue;
        run_blocks(cpu, &g, g.m, g.n);
        if (l == BP_LEVEL_PLAIN) {
            memcpy(want, g.c, bytes);
            hash = bp__hash(hash, g.c, bytes);
        }
        T_CHECKF(memcmp(g.c, want, bytes) == 0,
                 "%s %dx%dx%d ta %d tb %d: not the bits of plain C",
                 bp_level_name(cpu->level), (int)s.m, (int)s.n, (int)s.k, ta,
                 tb);
        check_values(&g, bp_level_name(cpu->level));
        check_blocks(cpu, &g, want);
    }
    free(a);
    free(b);
    free(c);
    free(bias);
    free(want);
}

/* k == 0: bias and activation of +0. NaN and -0 by relu. */
static void check_edges(void)
{
    float a[4] = {NAN, -1, 1, 0}, b[1] = {1}, bias[1] = {-2}, c[4];
    for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++) {
        const bp__cpu *cpu = bp__cpu_get((bp_level)l);
        if (!cpu)
            continue;
        bp__gemm g = {.m = 4, .n = 1, .k = 1, .a = a, .b = b, .c = c,
                      .lda = 1, .ldb = 1, .ldc = 1, .act = BP__ACT_RELU};
        float *scratch = scratch_for(&g);
        cpu->gemm.block(&g, 0, 4, 0, 1, scratch);
        T_CHECK(isnan(c[0]) && c[1] == 0 && !signbit(c[1]) && c[2] == 1 &&
                c[3] == 0);
        g.k = 0;
        g.bias = bias;
        g.act = BP__ACT_NONE;
        cpu->gemm.block(&g, 0, 4, 0, 1, scratch);
        T_CHECK(c[0] == -2 && c[3] == -2);
        g.bias = NULL;
        cpu->gemm.block(&g, 0, 4, 0, 1, scratch);
        T_CHECK(c[0] == 0 && c[3] == 0);
        c[0] = 9;
        cpu->gemm.block(&g, 2, 2, 0, 1, scratch);
        T_CHECK(c[0] == 9 && c[2] == 0);
        g.k = 1;
        scratch_done(&g, scratch);
    }
    T_CHECK(bp__gemm_packed_floats(INT64_MAX, 4) == SIZE_MAX);
    T_CHECK(bp__gemm_packed_floats(16, INT64_MAX) == SIZE_MAX);
    T_CHECK(bp__gemm_packed_floats(17, 3) == 96);
}

int main(void)
{
    int variant = 0;
    for (size_t i = 0; i < BP__ARRAY_LEN(SHAPES); i++)
        for (int t = 0; t < 4; t++)
            check_shape(SHAPES[i], t & 1, t & 2, variant++);
    check_edges();
    printf("hash %016llx\n", (unsigned long long)hash);
    return t_end();
}
