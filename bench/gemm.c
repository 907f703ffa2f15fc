/* Products: GFLOP/s of each level on one core, in % of its FMA peak, beside
 * OpenBLAS where the system has it (no part of the library). Which of
 * OpenBLAS's kernels run is the environment's: OPENBLAS_CORETYPE=HASWELL or
 * SKYLAKEX, OPENBLAS_NUM_THREADS=1. */
#include "bench.h"

#include <dlfcn.h>
#include <string.h>

typedef void cblas_fn(int order, int ta, int tb, int m, int n, int k,
                      float alpha, const float *a, int lda, const float *b,
                      int ldb, float beta, float *c, int ldc);

typedef struct job {
    const bp__cpu *cpu;
    cblas_fn *cblas;
    bp__gemm g;
    float *scratch;
    int64_t rows; /* of one block; 0: all */
} job;

static const struct {
    int m, n, k;
    bool ta, tb, pack;
    int rows;
} shapes[] = {
    {64, 256, 784, 0, 1, 1, 0},  {64, 256, 784, 0, 1, 1, 16},
    {64, 256, 784, 0, 1, 1, 8},  {64, 256, 784, 0, 1, 1, 4},
    {64, 256, 784, 0, 1, 0, 0},  {64, 256, 784, 0, 0, 0, 0},
    {256, 784, 64, 1, 0, 0, 0},  {784, 256, 64, 1, 0, 0, 0},
    {64, 784, 256, 0, 0, 0, 0},  {64, 10, 256, 0, 1, 1, 0},
    {64, 10, 256, 0, 1, 0, 0},   {64, 10, 256, 0, 0, 0, 0},
    {64, 256, 10, 0, 0, 0, 0},   {10, 256, 64, 1, 0, 0, 0},
    {100, 20, 10, 0, 0, 0, 0},   {10, 30, 784, 0, 1, 1, 0},
    {10, 30, 784, 0, 1, 0, 0},   {512, 512, 512, 0, 0, 0, 0},
    {512, 512, 512, 0, 1, 1, 0}, {512, 512, 512, 1, 0, 0, 0},
    {512, 512, 512, 0, 1, 0, 0}, {64, 128, 3136, 0, 1, 1, 0},
    {1024, 1024, 1024, 0, 0, 0, 0}, {1, 1024, 1024, 0, 1, 1, 0},
};

static void run(void *arg)
{
    job *j = arg;
    int64_t step = j->rows ? j->rows : j->g.m;
    for (int64_t m = 0; m < j->g.m; m += step)
        j->cpu->gemm.block(&j->g, m, BP__MIN(m + step, j->g.m), 0, j->g.n,
                           j->scratch);
}

static void run_cblas(void *arg)
{
    const bp__gemm *g = &((job *)arg)->g;
    ((job *)arg)->cblas(101, g->ta ? 112 : 111, g->tb ? 112 : 111, (int)g->m,
                        (int)g->n, (int)g->k, 1, g->a, (int)g->lda, g->b,
                        (int)g->ldb, 0, g->c, (int)g->ldc);
}

static void time_shape(size_t i, cblas_fn *cblas, const bp_level *levels,
                       const double *peaks, size_t n_levels)
{
    int m = shapes[i].m, n = shapes[i].n, k = shapes[i].k;
    job j = {.cblas = cblas, .rows = shapes[i].rows};
    bp__gemm *g = &j.g;
    *g = (bp__gemm){.m = m, .n = n, .k = k, .ta = shapes[i].ta,
                    .tb = shapes[i].tb, .ldc = n};
    g->lda = g->ta ? m : k;
    g->ldb = g->tb ? k : n;
    float *a = bench_floats((size_t)(m * k)),
          *c = bench_floats((size_t)(m * n)),
          *b = bench_floats((size_t)(k * n)),
          *packed = bench_floats(bp__gemm_packed_floats(n, k));
    g->a = a;
    g->b = b;
    g->c = c;
    j.scratch = bench_floats(bp__gemm_scratch_floats(g));
    printf("%4d %4d %4d %s%s%-6s ", m, n, k, g->ta ? "A' " : "A  ",
           g->tb ? "B' " : "B  ", shapes[i].pack ? "packed" : "");
    if (j.rows)
        printf("by %-3d", (int)j.rows);
    else
        printf("%6s", "");
    double flop = 2.0 * m * n * k;
    for (size_t l = 0; l < n_levels; l++) {
        j.cpu = bp__cpu_get(levels[l]);
        if (!j.cpu)
            continue;
        if (shapes[i].pack) {
            j.cpu->gemm.pack_b(g, 0, bp__gemm_panels(n), packed);
            g->packed_b = packed;
        }
        double rate = flop / bench_best(run, &j, 0.2);
        printf(" %8.1f %3.0f", rate / 1e9,
               peaks[l] > 0 ? 100 * rate / peaks[l] : 0);
    }
    if (cblas)
        printf(" %8.1f", flop / bench_best(run_cblas, &j, 0.2) / 1e9);
    printf("\n");
    free(a);
    free(b);
    free(c);
    free(packed);
    free(j.scratch);
}

int main(void)
{
    void *lib = dlopen("libopenblas.so.0", RTLD_NOW);
    cblas_fn *cblas = NULL;
    if (lib) {
        void *f = dlsym(lib, "cblas_sgemm");
        memcpy(&cblas, &f, sizeof cblas);
    }
    const bp_level levels[] = {BP_LEVEL_AVX512, BP_LEVEL_AVX2, BP_LEVEL_NEON};
    double peaks[BP__ARRAY_LEN(levels)] = {0};
    printf("   m    n    k  (GFLOP/s, %% of peak)");
    for (size_t l = 0; l < BP__ARRAY_LEN(levels); l++)
        if (bp__cpu_get(levels[l])) {
            peaks[l] = bench_peak(levels[l]);
            printf("%s %.0f ", bp_level_name(levels[l]), peaks[l] / 1e9);
        }
    printf("%s\n", cblas ? "OpenBLAS" : "");
    for (size_t i = 0; i < BP__ARRAY_LEN(shapes); i++)
        time_shape(i, cblas, levels, peaks, BP__ARRAY_LEN(levels));
    return 0;
}
