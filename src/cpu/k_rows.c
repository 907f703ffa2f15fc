/* See rows.h. */
#include "cpu/v16.h"

#include "cpu/rows.h"

#include <math.h>

V_INLINE int rows_lanes(int64_t i, int64_t k)
{
    return k - i < 16 ? (int)(k - i) : 16;
}

V_INLINE bp__v16 rows_load(const float *p, int n)
{
    return n == 16 ? v_load(p) : v_load_n(p, n);
}

V_INLINE void rows_store(float *p, bp__v16 v, int n)
{
    if (n == 16)
        v_store(p, v);
    else
        v_store_n(p, v, n);
}

/* ---- extremes ----------------------------------------------------------- */

V_INLINE float row_extreme(const float *x, int64_t k, bool max)
{
    bp__v16 best = v_set1(x[0]);
    for (int64_t i = 0; i < k; i += 16) {
        int n = rows_lanes(i, k);
        bp__v16 v = v_select(m_first(n), rows_load(x + i, n), best);
        best = max ? v_max(v, best) : v_min(v, best);
    }
    return max ? v_hmax(best) : v_hmin(best);
}

/* Place of the first element that equals `best`, or is a NaN where it is. */
static int32_t row_place(const float *x, int64_t k, float best)
{
    bp__v16 b = v_set1(best);
    for (int64_t i = 0; i < k; i += 16) {
        int n = rows_lanes(i, k);
        bp__v16 v = rows_load(x + i, n);
        bp__m16 m = m_or(v_eq(v, b), m_and(v_is_nan(v), v_is_nan(b)));
        uint32_t bits = m_bits(m_and(m, m_first(n)));
        for (int j = 0; bits; j++, bits >>= 1)
            if (bits & 1u)
                return (int32_t)(i + j);
    }
    return 0;
}

void BP__K(rows_amax)(const float *x, float *y, int64_t k, int64_t r0,
                      int64_t r1)
{
    for (int64_t r = r0; r < r1; r++)
        y[r] = row_extreme(x + r * k, k, true);
}

void BP__K(rows_amin)(const float *x, float *y, int64_t k, int64_t r0,
                      int64_t r1)
{
    for (int64_t r = r0; r < r1; r++)
        y[r] = row_extreme(x + r * k, k, false);
}

void BP__K(rows_argmax)(const float *x, int32_t *y, int64_t k, int64_t r0,
                        int64_t r1)
{
    for (int64_t r = r0; r < r1; r++)
        y[r] = row_place(x + r * k, k, row_extreme(x + r * k, k, true));
}

void BP__K(rows_argmin)(const float *x, int32_t *y, int64_t k, int64_t r0,
                        int64_t r1)
{
    for (int64_t r = r0; r < r1; r++)
        y[r] = row_place(x + r * k, k, row_extreme(x + r * k, k, false));
}

/* ---- layer normalization ------------------------------------------------- */

/* A row's mean, and 1 / sqrt(var + eps). */
static void row_moments(const bp__layer_norm *p, const float *x, float *mean,
                        float *scale)
{
    int64_t k = p->k;
    bp__v16 sum = v_zero(), square = v_zero();
    for (int64_t i = 0; i < k; i += 16) {
        int n = rows_lanes(i, k);
        sum = v_add(sum, rows_load(x + i, n));
    }
    *mean = v_hsum(sum) / (float)k;
    for (int64_t i = 0; i < k; i += 16) {
        int n = rows_lanes(i, k);
        bp__v16 c = v_sub(rows_load(x + i, n), v_set1(*mean));
        c = v_mask(m_first(n), c);
        square = v_fma(c, c, square);
    }
    *scale = 1.0f / sqrtf(v_hsum(square) / (float)k + p->eps);
}

V_INLINE bp__v16 row_normal(bp__v16 x, float mean, float scale)
{
    return v_mul(v_sub(x, v_set1(mean)), v_set1(scale));
}

void BP__K(layer_norm)(const bp__layer_norm *p, float *y, int64_t r0,
                       int64_t r1)
{
    int64_t k = p->k;
    for (int64_t r = r0; r < r1; r++) {
        const float *x = p->x + r * k;
        float mean, scale;
        row_moments(p, x, &mean, &scale);
        for (int64_t i = 0; i < k; i += 16) {
            int n = rows_lanes(i, k);
            bp__v16 v = row_normal(rows_load(x + i, n), mean, scale);
            v = v_fma(v, rows_load(p->gamma + i, n),
                      rows_load(p->beta + i, n));
            rows_store(y + r * k + i, v, n);
        }
    }
}

void BP__K(layer_norm_dx)(const bp__layer_norm *p, float *dx, int64_t r0,
                          int64_t r1)
{
    int64_t k = p->k;
    for (int64_t r = r0; r < r1; r++) {
        const float *x = p->x + r * k, *dy = p->dy + r * k;
        float mean, scale;
        row_moments(p, x, &mean, &scale);
        bp__v16 a = v_zero(), b = v_zero(); /* sums of g, of g x' */
        for (int64_t i = 0; i < k; i += 16) {
            int n = rows_lanes(i, k);
            bp__v16 g = v_mul(rows_load(dy + i, n),
                              rows_load(p->gamma + i, n));
            bp__v16 v = row_normal(rows_load(x + i, n), mean, scale);
            a = v_add(a, g);
            b = v_select(m_first(n), v_fma(g, v, b), b);
        }
        bp__v16 mean_g = v_set1(v_hsum(a) / (float)k);
        bp__v16 mean_gx = v_set1(v_hsum(b) / (float)k);
        for (int64_t i = 0; i < k; i += 16) {
            int n = rows_lanes(i, k);
            bp__v16 g = v_mul(rows_load(dy + i, n),
                              rows_load(p->gamma + i, n));
            bp__v16 v = row_normal(rows_load(x + i, n), mean, scale);
            v = v_fnma(v, mean_gx, v_sub(g, mean_g));
            rows_store(dx + r * k + i, v_mul(v, v_set1(scale)), n);
        }
    }
}

void BP__K(layer_norm_dparams)(const bp__layer_norm *p, float *dgamma,
                               int64_t r0, int64_t r1)
{
    int64_t k = p->k;
    float *dbeta = p->dbeta;
    memset(dgamma, 0, (size_t)k * sizeof *dgamma);
    memset(dbeta, 0, (size_t)k * sizeof *dbeta);
    for (int64_t r = r0; r < r1; r++) {
        const float *x = p->x + r * k, *dy = p->dy + r * k;
        float mean, scale;
        row_moments(p, x, &mean, &scale);
        for (int64_t i = 0; i < k; i += 16) {
            int n = rows_lanes(i, k);
            bp__v16 d = rows_load(dy + i, n);
            bp__v16 v = row_normal(rows_load(x + i, n), mean, scale);
            v = v_fma(d, v, rows_load(dgamma + i, n));
            rows_store(dgamma + i, v, n);
            rows_store(dbeta + i, v_add(rows_load(dbeta + i, n), d), n);
        }
    }
}
