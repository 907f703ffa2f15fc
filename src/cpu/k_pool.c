/* See pool.h. */
#include "cpu/v16.h"

#include "cpu/pool.h"

/* The part of window (i, j) that lies inside the plane. */
typedef struct window {
    int64_t h0, h1, w0, w1;
} window;

static window window_of(const bp__pool2d *p, int64_t i, int64_t j)
{
    int64_t h = i * p->stride_h - p->pad_top;
    int64_t w = j * p->stride_w - p->pad_left;
    window r = {h < 0 ? 0 : h, h + p->k_h, w < 0 ? 0 : w, w + p->k_w};
    if (r.h1 > p->h)
        r.h1 = p->h;
    if (r.w1 > p->w)
        r.w1 = p->w;
    return r;
}

/* m channels (at most 16) of one window. */
V_INLINE void max_lanes(const bp__pool2d *p, const float *x, window r, int m,
                        float *y, int32_t *index)
{
    bp__v16 best = v_zero();
    bp__w16 at = w_set1((int32_t)(r.h0 * p->w + r.w0));
    bool first = true;
    for (int64_t h = r.h0; h < r.h1; h++)
        for (int64_t w = r.w0; w < r.w1; w++) {
            int64_t pixel = h * p->w + w;
            bp__v16 v = m == 16 ? v_load(x + pixel * p->c)
                                : v_load_n(x + pixel * p->c, m);
            if (p->relu)
                v = v_relu(v);
            if (first) {
                best = v;
                first = false;
                continue;
            }
            /* A NaN beats all that is no NaN. */
            bp__m16 wins = m_or(v_gt(v, best),
                                m_andnot(v_is_nan(v), v_is_nan(best)));
            best = v_select(wins, v, best);
            at = w_select(wins, w_set1((int32_t)pixel), at);
        }
    if (m == 16) {
        v_store(y, best);
        w_store(index, at);
    } else {
        v_store_n(y, best, m);
        w_store_n(index, at, m);
    }
}

void BP__K(pool_max)(const bp__pool2d *p, const float *x, float *y,
                     int32_t *index, int64_t n0, int64_t n1)
{
    for (int64_t n = n0; n < n1; n++)
        for (int64_t i = 0; i < p->oh; i++)
            for (int64_t j = 0; j < p->ow; j++) {
                window r = window_of(p, i, j);
                const float *xn = x + n * p->h * p->w * p->c;
                int64_t out = ((n * p->oh + i) * p->ow + j) * p->c, c = 0;
                for (; c + 16 <= p->c; c += 16)
                    max_lanes(p, xn + c, r, 16, y + out + c,
                              index + out + c);
                if (c < p->c)
                    max_lanes(p, xn + c, r, (int)(p->c - c), y + out + c,
                              index + out + c);
            }
}

/* Adds dy where the index says, within the window that the index lies in. */
V_INLINE void scatter_lanes(const bp__pool2d *p, const float *dy,
                            const int32_t *index, float *dx, window r, int m,
                            bool add)
{
    bp__v16 g = v_load_n(dy, m);
    bp__w16 at = w_load_n(index, m);
    for (int64_t h = r.h0; h < r.h1; h++)
        for (int64_t w = r.w0; w < r.w1; w++) {
            int64_t pixel = h * p->w + w;
            float *to = dx + pixel * p->c;
            bp__v16 v = v_mask(w_eq(at, w_set1((int32_t)pixel)), g);
            if (add)
                v = v_add(v_load_n(to, m), v);
            v_store_n(to, v, m);
        }
}

static void scatter_windows(const bp__pool2d *p, const float *dy,
                            const int32_t *index, float *dx)
{
    bool add = p->stride_h < p->k_h || p->stride_w < p->k_w;
    for (int64_t i = 0; i < p->oh; i++)
        for (int64_t j = 0; j < p->ow; j++) {
            window r = window_of(p, i, j);
            int64_t at = (i * p->ow + j) * p->c;
            for (int64_t c = 0; c < p->c; c += 16) {
                int m = p->c - c < 16 ? (int)(p->c - c) : 16;
                scatter_lanes(p, dy + at + c, index + at + c, dx + c, r, m,
                              add);
            }
        }
}

static void scatter_any(const bp__pool2d *p, const float *dy,
                        const int32_t *index, float *dx, int64_t *faults)
{
    int64_t plane = p->h * p->w;
    for (int64_t i = 0; i < p->oh * p->ow; i++)
        for (int64_t c = 0; c < p->c; c++) {
            int64_t at = index[i * p->c + c];
            if (at < 0 || at >= plane)
                ++*faults;
            else
                dx[at * p->c + c] += dy[i * p->c + c];
        }
}

void BP__K(pool_scatter)(const bp__pool2d *p, const float *dy,
                         const int32_t *index, float *dx, int64_t n0,
                         int64_t n1, int64_t *faults)
{
    int64_t in = p->h * p->w * p->c, out = p->oh * p->ow * p->c;
    for (int64_t n = n0; n < n1; n++) {
        memset(dx + n * in, 0, (size_t)in * sizeof *dx);
        if (p->k_h > 0)
            scatter_windows(p, dy + n * out, index + n * out, dx + n * in);
        else
            scatter_any(p, dy + n * out, index + n * out, dx + n * in,
                        faults);
    }
}

static float share_of(const bp__pool2d *p, window r)
{
    return p->count_pad ? (float)(p->k_h * p->k_w)
                        : (float)((r.h1 - r.h0) * (r.w1 - r.w0));
}

void BP__K(pool_avg)(const bp__pool2d *p, const float *x, float *y,
                     int64_t n0, int64_t n1)
{
    for (int64_t n = n0; n < n1; n++)
        for (int64_t i = 0; i < p->oh; i++)
            for (int64_t j = 0; j < p->ow; j++) {
                window r = window_of(p, i, j);
                bp__v16 count = v_set1(share_of(p, r));
                for (int64_t c = 0; c < p->c; c += 16) {
                    int m = p->c - c < 16 ? (int)(p->c - c) : 16;
                    bp__v16 sum = v_zero();
                    for (int64_t h = r.h0; h < r.h1; h++)
                        for (int64_t w = r.w0; w < r.w1; w++)
                            sum = v_add(sum, v_load_n(
                                x + ((n * p->h + h) * p->w + w) * p->c + c,
                                m));
                    v_store_n(y + ((n * p->oh + i) * p->ow + j) * p->c + c,
                              v_div(sum, count), m);
                }
            }
}

void BP__K(pool_avg_dx)(const bp__pool2d *p, const float *dy, float *dx,
                        int64_t n0, int64_t n1)
{
    int64_t in = p->h * p->w * p->c;
    for (int64_t n = n0; n < n1; n++) {
        memset(dx + n * in, 0, (size_t)in * sizeof *dx);
        for (int64_t i = 0; i < p->oh; i++)
            for (int64_t j = 0; j < p->ow; j++) {
                window r = window_of(p, i, j);
                bp__v16 count = v_set1(share_of(p, r));
                for (int64_t c = 0; c < p->c; c += 16) {
                    int m = p->c - c < 16 ? (int)(p->c - c) : 16;
                    bp__v16 g = v_div(v_load_n(
                        dy + ((n * p->oh + i) * p->ow + j) * p->c + c, m),
                        count);
                    for (int64_t h = r.h0; h < r.h1; h++)
                        for (int64_t w = r.w0; w < r.w1; w++) {
                            float *to = dx + n * in +
                                        (h * p->w + w) * p->c + c;
                            v_store_n(to, v_add(v_load_n(to, m), g), m);
                        }
                }
            }
    }
}

/* One block of at most 16 x 16. */
V_INLINE void transpose_block(const float *x, float *y, int64_t rows,
                              int64_t cols, int nr, int nc)
{
    bp__v16 a[16];
    for (int i = 0; i < 16; i++)
        a[i] = i < nr ? v_load_n(x + i * cols, nc) : v_zero();
    v_transpose(a);
    for (int j = 0; j < nc; j++)
        v_store_n(y + j * rows, a[j], nr);
}

void BP__K(pool_transpose)(const float *x, float *y, int64_t rows,
                           int64_t cols, int64_t n0, int64_t n1)
{
    for (int64_t n = n0; n < n1; n++) {
        const float *xn = x + n * rows * cols;
        float *yn = y + n * rows * cols;
        for (int64_t i = 0; i < rows; i += 16)
            for (int64_t j = 0; j < cols; j += 16) {
                int nr = rows - i < 16 ? (int)(rows - i) : 16;
                int nc = cols - j < 16 ? (int)(cols - j) : 16;
                transpose_block(xn + i * cols + j, yn + j * rows + i, rows,
                                cols, nr, nc);
            }
    }
}
