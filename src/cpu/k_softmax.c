/* See softmax.h. */
#include "cpu/k_math.h"

#include "cpu/softmax.h"

#include <bprop/bprop.h>

V_INLINE float first_lane(bp__v16 a)
{
    float t[16];
    v_store(t, a);
    return t[0];
}

V_INLINE int lanes_at(int64_t i, int64_t k)
{
    return k - i < 16 ? (int)(k - i) : 16;
}

/* The row's maximum, or 0 where it is not finite. */
static float row_shift(const float *x, int64_t k)
{
    bp__v16 best = v_set1(-INFINITY);
    for (int64_t i = 0; i < k; i += 16) {
        int n = lanes_at(i, k);
        bp__v16 v = v_select(m_first(n), v_load_n(x + i, n), best);
        best = v_max(v, best);
    }
    float m = v_hmax(best);
    return m - m == 0.0f ? m : 0.0f;
}

/* Sum of exp(x - m); the terms go to e where it is given. */
static float row_exp_sum(const float *x, float m, int64_t k, float *e)
{
    bp__v16 sum = v_zero(), shift = v_set1(m);
    for (int64_t i = 0; i < k; i += 16) {
        int n = lanes_at(i, k);
        bp__v16 t = v_exp(v_sub(v_load_n(x + i, n), shift));
        sum = v_select(m_first(n), v_add(sum, t), sum);
        if (e)
            v_store_n(e + i, t, n);
    }
    return v_hsum(sum);
}

V_INLINE float log_of(float s)
{
    return first_lane(v_log(v_set1(s)));
}

static float row_dot(const float *a, const float *b, int64_t k)
{
    bp__v16 sum = v_zero();
    for (int64_t i = 0; i < k; i += 16) {
        int n = lanes_at(i, k);
        bp__v16 t = v_load_n(a + i, n);
        if (b)
            t = v_mul(t, v_load_n(b + i, n));
        sum = v_select(m_first(n), v_add(sum, t), sum);
    }
    return v_hsum(sum);
}

void BP__K(softmax)(const float *x, float *y, int64_t k, int64_t r0,
                    int64_t r1)
{
    for (int64_t r = r0; r < r1; r++) {
        float *yr = y + r * k;
        float m = row_shift(x + r * k, k);
        bp__v16 s = v_set1(row_exp_sum(x + r * k, m, k, yr));
        for (int64_t i = 0; i < k; i += 16) {
            int n = lanes_at(i, k);
            v_store_n(yr + i, v_div(v_load_n(yr + i, n), s), n);
        }
    }
}

void BP__K(log_softmax)(const float *x, float *y, int64_t k, int64_t r0,
                        int64_t r1)
{
    for (int64_t r = r0; r < r1; r++) {
        const float *xr = x + r * k;
        float m = row_shift(xr, k);
        bp__v16 shift = v_set1(m);
        bp__v16 l = v_set1(log_of(row_exp_sum(xr, m, k, NULL)));
        for (int64_t i = 0; i < k; i += 16) {
            int n = lanes_at(i, k);
            bp__v16 v = v_sub(v_sub(v_load_n(xr + i, n), shift), l);
            v_store_n(y + r * k + i, v, n);
        }
    }
}

void BP__K(logsumexp)(const float *x, float *y, int64_t k, int64_t r0,
                      int64_t r1)
{
    for (int64_t r = r0; r < r1; r++) {
        float m = row_shift(x + r * k, k);
        y[r] = m + log_of(row_exp_sum(x + r * k, m, k, NULL));
    }
}

void BP__K(softmax_dx)(const float *y, const float *dy, float *dx, int64_t k,
                       int64_t r0, int64_t r1)
{
    for (int64_t r = r0; r < r1; r++) {
        bp__v16 s = v_set1(row_dot(y + r * k, dy + r * k, k));
        for (int64_t i = r * k; i < (r + 1) * k; i += 16) {
            int n = lanes_at(i, (r + 1) * k);
            v_store_n(dx + i, v_mul(v_load_n(y + i, n),
                                    v_sub(v_load_n(dy + i, n), s)), n);
        }
    }
}

void BP__K(log_softmax_dx)(const float *y, const float *dy, float *dx,
                           int64_t k, int64_t r0, int64_t r1)
{
    for (int64_t r = r0; r < r1; r++) {
        bp__v16 s = v_set1(row_dot(dy + r * k, NULL, k));
        for (int64_t i = r * k; i < (r + 1) * k; i += 16) {
            int n = lanes_at(i, (r + 1) * k);
            bp__v16 p = v_exp(v_load_n(y + i, n));
            v_store_n(dx + i, v_sub(v_load_n(dy + i, n), v_mul(p, s)), n);
        }
    }
}

static int64_t class_of(const void *target, int dtype, int64_t r)
{
    return dtype == BP_U8 ? ((const uint8_t *)target)[r]
                          : ((const int32_t *)target)[r];
}

void BP__K(xent)(const float *x, const void *target, int dtype, float *loss,
                 int64_t k, int64_t r0, int64_t r1, int64_t *faults)
{
    for (int64_t r = r0; r < r1; r++) {
        const float *xr = x + r * k;
        float m = row_shift(xr, k);
        float l = log_of(row_exp_sum(xr, m, k, NULL));
        if (dtype != BP_F32) {
            int64_t c = class_of(target, dtype, r);
            bool ok = c >= 0 && c < k;
            *faults += !ok;
            loss[r] = ok ? l - (xr[c] - m) : 0.0f;
            continue;
        }
        const float *t = (const float *)target + r * k;
        bp__v16 sum = v_zero(), shift = v_set1(m), ll = v_set1(l);
        for (int64_t i = 0; i < k; i += 16) {
            int n = lanes_at(i, k);
            bp__v16 p = v_sub(ll, v_sub(v_load_n(xr + i, n), shift));
            p = v_mul(v_load_n(t + i, n), p);
            sum = v_select(m_first(n), v_add(sum, p), sum);
        }
        loss[r] = v_hsum(sum);
    }
}

void BP__K(xent_dx)(const float *x, const void *target, int dtype,
                    const float *dloss, float *dx, int64_t k, int64_t r0,
                    int64_t r1)
{
    for (int64_t r = r0; r < r1; r++) {
        const float *xr = x + r * k;
        float *d = dx + r * k;
        float m = row_shift(xr, k);
        bp__v16 s = v_set1(row_exp_sum(xr, m, k, d));
        bp__v16 g = v_set1(dloss[r]);
        if (dtype != BP_F32) {
            int64_t c = class_of(target, dtype, r);
            if (c < 0 || c >= k) {
                memset(d, 0, (size_t)k * sizeof *d);
                continue;
            }
            for (int64_t i = 0; i < k; i += 16) {
                int n = lanes_at(i, k);
                bp__v16 p = v_div(v_load_n(d + i, n), s);
                if (c >= i && c < i + 16) {
                    bp__v16 one = v_set1(1.0f);
                    p = v_select(m_from_bits(1u << (c - i)), v_sub(p, one),
                                 p);
                }
                v_store_n(d + i, v_mul(p, g), n);
            }
            continue;
        }
        const float *t = (const float *)target + r * k;
        bp__v16 all = v_set1(row_dot(t, NULL, k));
        for (int64_t i = 0; i < k; i += 16) {
            int n = lanes_at(i, k);
            bp__v16 p = v_div(v_load_n(d + i, n), s);
            p = v_sub(v_mul(p, all), v_load_n(t + i, n));
            v_store_n(d + i, v_mul(p, g), n);
        }
    }
}
