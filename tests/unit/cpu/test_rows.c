/* Extremes and their places, and layer normalization, against plain loops at
 * odd sizes; the same bits at every level and for any range of rows. */
#include "t.h"

#include "cpu/cpu.h"

enum { ROWS = 9, MAX_K = 700 };

typedef struct rows_out {
    float max[ROWS], min[ROWS];
    int32_t arg_max[ROWS], arg_min[ROWS];
    float y[ROWS * MAX_K], dx[ROWS * MAX_K];
    float dgamma[MAX_K], dbeta[MAX_K];
} rows_out;

static float x[ROWS * MAX_K], dy[ROWS * MAX_K], gamma_[MAX_K], beta[MAX_K];

static void run(const bp__cpu *cpu, rows_out *o, int64_t k, int64_t step)
{
    const bp__rows_fns *f = &cpu->rows;
    bp__layer_norm n = {.k = k, .eps = 1e-3f, .x = x, .gamma = gamma_,
                        .beta = beta, .dy = dy, .dbeta = o->dbeta};
    for (int64_t a = 0; a < ROWS; a += step) {
        int64_t b = a + step < ROWS ? a + step : ROWS;
        f->amax(x, o->max, k, a, b);
        f->amin(x, o->min, k, a, b);
        f->argmax(x, o->arg_max, k, a, b);
        f->argmin(x, o->arg_min, k, a, b);
        f->norm(&n, o->y, a, b);
        f->norm_dx(&n, o->dx, a, b);
    }
    f->norm_dparams(&n, o->dgamma, 0, ROWS);
}

static void check_extremes(const rows_out *o, int64_t k, int r)
{
    const float *row = x + r * k;
    int64_t hi = 0, lo = 0;
    for (int64_t j = 1; j < k; j++) {
        if (row[hi] == row[hi] && (row[j] > row[hi] || row[j] != row[j]))
            hi = j;
        if (row[lo] == row[lo] && (row[j] < row[lo] || row[j] != row[j]))
            lo = j;
    }
    T_CHECKF(o->arg_max[r] == hi, "k %lld row %d: argmax %d, not %lld",
             (long long)k, r, o->arg_max[r], (long long)hi);
    T_CHECK(o->arg_min[r] == lo);
    T_CHECK(isnan(row[hi]) ? isnan(o->max[r]) : o->max[r] == row[hi]);
    T_CHECK(isnan(row[lo]) ? isnan(o->min[r]) : o->min[r] == row[lo]);
}

static void check_norm(const rows_out *o, int64_t k)
{
    static double dg[MAX_K], db[MAX_K];
    memset(dg, 0, sizeof dg);
    memset(db, 0, sizeof db);
    for (int r = 0; r < ROWS; r++) {
        const float *row = x + r * k, *d = dy + r * k;
        double mean = 0, var = 0, mg = 0, mgx = 0;
        for (int64_t j = 0; j < k; j++)
            mean += (double)row[j] / (double)k;
        for (int64_t j = 0; j < k; j++)
            var += ((double)row[j] - mean) * ((double)row[j] - mean) /
                   (double)k;
        double scale = 1 / sqrt(var + (double)1e-3f);
        for (int64_t j = 0; j < k; j++) {
            double n = ((double)row[j] - mean) * scale;
            double g = (double)d[j] * (double)gamma_[j];
            mg += g / (double)k;
            mgx += g * n / (double)k;
            dg[j] += (double)d[j] * n;
            db[j] += (double)d[j];
        }
        for (int64_t j = 0; j < k; j++) {
            double n = ((double)row[j] - mean) * scale;
            double g = (double)d[j] * (double)gamma_[j];
            T_NEAR(o->y[r * k + j], n * (double)gamma_[j] + (double)beta[j],
                   2e-5 * (1 + scale));
            T_NEAR(o->dx[r * k + j], (g - mg - n * mgx) * scale,
                   5e-5 * (1 + scale * scale));
        }
    }
    for (int64_t j = 0; j < k; j++) {
        T_NEAR(o->dgamma[j], dg[j], 2e-3);
        T_NEAR(o->dbeta[j], db[j], 1e-5);
    }
}

static bool same(const rows_out *a, const rows_out *b)
{
    return memcmp(a->arg_max, b->arg_max, sizeof a->arg_max) == 0 &&
           memcmp(a->arg_min, b->arg_min, sizeof a->arg_min) == 0 &&
           memcmp(a->y, b->y, sizeof a->y) == 0 &&
           memcmp(a->dx, b->dx, sizeof a->dx) == 0 &&
           memcmp(a->dgamma, b->dgamma, sizeof a->dgamma) == 0 &&
           memcmp(a->dbeta, b->dbeta, sizeof a->dbeta) == 0 &&
           memcmp(a->max, b->max, sizeof a->max) == 0 &&
           memcmp(a->min, b->min, sizeof a->min) == 0;
}

int main(void)
{
    static const int64_t ks[] = {1, 2, 7, 15, 16, 17, 33, 48, 250, 700};
    static rows_out plain, other;
    uint64_t seed = 4;
    for (size_t i = 0; i < BP__ARRAY_LEN(ks); i++)
        for (int kind = 0; kind < 3; kind++) {
            int64_t k = ks[i];
            for (int64_t j = 0; j < ROWS * k; j++) {
                x[j] = (float)t_uniform(&seed, -2, 2);
                if (kind == 1) /* many equal elements */
                    x[j] = floorf(x[j]);
                dy[j] = (float)t_uniform(&seed, -1, 1);
            }
            for (int64_t j = 0; j < k; j++) {
                gamma_[j] = (float)t_uniform(&seed, -2, 2);
                beta[j] = (float)t_uniform(&seed, -2, 2);
            }
            if (kind == 2) { /* a NaN or infinities here and there */
                x[(int64_t)t_uniform(&seed, 0, (double)k - .01)] = NAN;
                x[k + (int64_t)t_uniform(&seed, 0, (double)k - .01)] = NAN;
                x[k + (int64_t)t_uniform(&seed, 0, (double)k - .01)] = NAN;
                x[2 * k] = INFINITY;
                x[3 * k + k - 1] = -INFINITY;
            }
            memset(&plain, 0, sizeof plain);
            run(bp__cpu_get(BP_LEVEL_PLAIN), &plain, k, ROWS);
            for (int r = 0; r < ROWS; r++)
                check_extremes(&plain, k, r);
            if (kind < 2)
                check_norm(&plain, k);
            for (int l = BP_LEVEL_NEON; l <= BP_LEVEL_AVX512; l++) {
                const bp__cpu *cpu = bp__cpu_get((bp_level)l);
                if (!cpu)
                    continue;
                memset(&other, 0, sizeof other);
                run(cpu, &other, k, 2);
                for (int r = 0; kind == 2 && r < ROWS; r++)
                    check_extremes(&other, k, r);
                T_CHECKF(kind == 2 || same(&plain, &other),
                         "k = %lld at %s differs", (long long)k,
                         bp_level_name((bp_level)l));
            }
        }
    return t_end();
}
