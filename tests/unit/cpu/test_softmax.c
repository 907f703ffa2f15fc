/* Softmax and its relatives against plain loops in double, at odd sizes; the
 * same bits at every level and for any range of rows; special values. */
#include "t.h"

#include "cpu/cpu.h"

enum { ROWS = 7, MAX_K = 1000 };

typedef struct rows {
    float x[ROWS * MAX_K], dist[ROWS * MAX_K], dy[ROWS * MAX_K];
    int32_t cls[ROWS];
    uint8_t cls8[ROWS];
    float g[ROWS];
} rows;

typedef struct results {
    float soft[ROWS * MAX_K], log_soft[ROWS * MAX_K];
    float soft_dx[ROWS * MAX_K], log_dx[ROWS * MAX_K];
    float xent_dx[3][ROWS * MAX_K];
    float lse[ROWS], loss[3][ROWS];
} results;

static const int dtypes[3] = {BP_I32, BP_U8, BP_F32};

static const void *target_of(const rows *t, int i)
{
    return i == 0   ? (const void *)t->cls
           : i == 1 ? (const void *)t->cls8
                    : (const void *)t->dist;
}

static void fill(rows *t, int64_t k, uint64_t *seed, double size)
{
    for (int64_t i = 0; i < ROWS * k; i++) {
        t->x[i] = (float)t_uniform(seed, -size, size);
        t->dist[i] = (float)t_uniform(seed, 0, 1);
        t->dy[i] = (float)t_uniform(seed, -1, 1);
    }
    for (int r = 0; r < ROWS; r++) {
        t->cls[r] = (int32_t)t_uniform(seed, 0, (double)k - 0.001);
        t->cls8[r] = (uint8_t)(t->cls[r] < 256 ? t->cls[r] : 0);
        t->g[r] = (float)t_uniform(seed, -2, 2);
    }
}

/* In pieces of `step` rows. */
static int64_t run(const bp__cpu *cpu, const rows *t, results *y, int64_t k,
                   int64_t step)
{
    const bp__softmax_fns *f = &cpu->softmax;
    int64_t faults = 0;
    for (int64_t a = 0; a < ROWS; a += step) {
        int64_t b = a + step < ROWS ? a + step : ROWS;
        f->softmax(t->x, y->soft, k, a, b);
        f->log_softmax(t->x, y->log_soft, k, a, b);
        f->logsumexp(t->x, y->lse, k, a, b);
        f->softmax_dx(y->soft, t->dy, y->soft_dx, k, a, b);
        f->log_softmax_dx(y->log_soft, t->dy, y->log_dx, k, a, b);
        for (int i = 0; i < 3; i++) {
            f->xent(t->x, target_of(t, i), dtypes[i], y->loss[i], k, a, b,
                    &faults);
            f->xent_dx(t->x, target_of(t, i), dtypes[i], t->g, y->xent_dx[i],
                       k, a, b);
        }
    }
    return faults;
}

static double target_at(const rows *t, int i, int64_t k, int r, int64_t j)
{
    int64_t c = i == 0 ? t->cls[r] : t->cls8[r];
    return i == 2 ? (double)t->dist[r * k + j] : (double)(c == j);
}

static void check_row(const rows *t, const results *y, int64_t k, int r)
{
    const float *x = t->x + r * k;
    static double p[MAX_K];
    double max = -INFINITY, sum = 0, dot = 0, sum_dy = 0;
    for (int64_t j = 0; j < k; j++)
        max = fmax(max, (double)x[j]);
    for (int64_t j = 0; j < k; j++)
        sum += exp((double)x[j] - max);
    double lse = max + log(sum), tol = 1e-6 * (fabs(lse) + fabs(max) + 1);
    for (int64_t j = 0; j < k; j++) {
        p[j] = exp((double)x[j] - lse);
        dot += p[j] * (double)t->dy[r * k + j];
        sum_dy += (double)t->dy[r * k + j];
    }
    T_NEAR(y->lse[r], lse, tol);
    for (int64_t j = 0; j < k; j++) {
        double dy = (double)t->dy[r * k + j];
        T_NEAR(y->soft[r * k + j], p[j], 3e-6 * p[j] + 1e-30);
        T_NEAR(y->log_soft[r * k + j], (double)x[j] - lse, 2 * tol);
        T_NEAR(y->soft_dx[r * k + j], p[j] * (dy - dot), 1e-5 * p[j] + 1e-9);
        T_NEAR(y->log_dx[r * k + j], dy - p[j] * sum_dy,
               1e-5 * (1 + fabs(p[j] * sum_dy)));
    }
    for (int i = 0; i < 3; i++) {
        double loss = 0, all = 0, size = 0;
        for (int64_t j = 0; j < k; j++) {
            double w = target_at(t, i, k, r, j);
            loss += w * (lse - (double)x[j]);
            size += w * fabs(lse - (double)x[j]);
            all += w;
        }
        T_NEAR(y->loss[i][r], loss, 4 * tol * (all + 1) + 1e-5 * size);
        for (int64_t j = 0; j < k; j++) {
            double want = (double)t->g[r] *
                          (p[j] * all - target_at(t, i, k, r, j));
            T_NEAR(y->xent_dx[i][r * k + j], want,
                   1e-5 * fabs((double)t->g[r]) * (p[j] * all + 1));
        }
    }
}

static void sizes(void)
{
    static const int64_t ks[] = {1, 2, 10, 15, 16, 17, 31, 33, 257, 1000};
    static rows t;
    static results plain, other;
    uint64_t seed = 3;
    for (size_t i = 0; i < BP__ARRAY_LEN(ks); i++)
        for (double size = 1; size < 2000; size *= 30) {
            fill(&t, ks[i], &seed, size);
            memset(&plain, 0, sizeof plain);
            T_CHECK(run(bp__cpu_get(BP_LEVEL_PLAIN), &t, &plain, ks[i],
                        ROWS) == 0);
            for (int r = 0; r < ROWS; r++)
                check_row(&t, &plain, ks[i], r);
            for (int l = BP_LEVEL_NEON; l <= BP_LEVEL_AVX512; l++) {
                const bp__cpu *cpu = bp__cpu_get((bp_level)l);
                if (!cpu)
                    continue;
                memset(&other, 0, sizeof other);
                run(cpu, &t, &other, ks[i], 2);
                T_CHECKF(memcmp(&plain, &other, sizeof plain) == 0,
                         "k = %lld at %s differs", (long long)ks[i],
                         bp_level_name((bp_level)l));
            }
        }
}

/* A class out of range is counted and leaves zeros; a NaN or an infinity
 * spoils its own row only. */
static void special(void)
{
    static rows t;
    static results y;
    enum { K = 19 };
    uint64_t seed = 8;
    for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++) {
        const bp__cpu *cpu = bp__cpu_get((bp_level)l);
        if (!cpu)
            continue;
        fill(&t, K, &seed, 2);
        t.cls[2] = K;
        t.cls[3] = -1;
        t.x[4 * K + 18] = NAN;
        t.x[5 * K + 1] = -INFINITY;
        T_CHECK(run(cpu, &t, &y, K, ROWS) == 2);
        T_CHECK(y.loss[0][2] == 0 && y.loss[0][3] == 0);
        for (int j = 0; j < K; j++) {
            T_CHECK(y.xent_dx[0][2 * K + j] == 0);
            T_CHECK(y.xent_dx[0][3 * K + j] == 0);
            T_CHECK(isnan(y.soft[4 * K + j]));
            T_CHECK(isfinite(y.soft[5 * K + j]));
        }
        T_CHECK(isnan(y.lse[4]) && isnan(y.loss[0][4]));
        T_CHECK(y.soft[5 * K + 1] == 0 && isfinite(y.lse[5]));
        check_row(&t, &y, K, 1);
        check_row(&t, &y, K, 6);
    }
}

int main(void)
{
    sizes();
    special();
    return t_end();
}
