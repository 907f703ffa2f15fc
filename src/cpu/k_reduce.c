/* See reduce.h. */
#include "cpu/v16.h"

#include "cpu/reduce.h"

static float sum_line(const float *x, int64_t n)
{
    bp__v16 s = v_zero();
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        s = v_add(s, v_load(x + i));
    if (i < n) {
        /* Lanes beyond the end stay as they are: x + 0 is not x for -0. */
        bp__m16 m = m_first((int)(n - i));
        s = v_select(m, v_add(s, v_load_n(x + i, (int)(n - i))), s);
    }
    return v_hsum(s);
}

/* m columns (at most 16) of n rows. */
V_INLINE bp__v16 sum_columns(const float *x, int64_t n, int64_t inner, int m)
{
    bp__v16 s[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
    int64_t r = 0;
    for (; r + 4 <= n; r += 4)
        for (int k = 0; k < 4; k++) {
            const float *p = x + (r + k) * inner;
            s[k] = v_add(s[k], m == 16 ? v_load(p) : v_load_n(p, m));
        }
    for (int k = 0; r + k < n; k++)
        s[k] = v_add(s[k], v_load_n(x + (r + k) * inner, m));
    return v_add(v_add(s[0], s[1]), v_add(s[2], s[3]));
}

void BP__K(reduce_sum)(const float *x, float *y, int64_t n, int64_t inner,
                       int64_t o0, int64_t o1)
{
    for (int64_t o = o0; o < o1; o++) {
        const float *xo = x + o * n * inner;
        float *yo = y + o * inner;
        if (inner == 1) {
            yo[0] = sum_line(xo, n);
            continue;
        }
        int64_t c = 0;
        for (; c + 16 <= inner; c += 16)
            v_store(yo + c, sum_columns(xo + c, n, inner, 16));
        if (c < inner) {
            int m = (int)(inner - c);
            v_store_n(yo + c, sum_columns(xo + c, n, inner, m), m);
        }
    }
}

/* The tree over parts [p0, p1). Recursion is as deep as log2 of their count. */
static bp__v16 combine_tree(const float *x, int64_t inner, int64_t p0,
                            int64_t p1, int m)
{
    if (p1 - p0 == 1)
        return v_load_n(x + p0 * inner, m);
    int64_t half = 1;
    while (half * 2 < p1 - p0)
        half *= 2;
    bp__v16 a = combine_tree(x, inner, p0, p0 + half, m);
    return v_add(a, combine_tree(x, inner, p0 + half, p1, m));
}

void BP__K(reduce_combine)(const float *x, float *y, int64_t n,
                           int64_t inner, int64_t i0, int64_t i1)
{
    for (int64_t i = i0; i < i1; i += 16) {
        int m = i1 - i < 16 ? (int)(i1 - i) : 16;
        v_store_n(y + i, combine_tree(x + i, inner, 0, n, m), m);
    }
}
