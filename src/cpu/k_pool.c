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

/* One more pixel of a window; a NaN beats all that is no NaN. */
V_INLINE void max_step(const float *x, int m, bool relu, int64_t pixel,
                       bp__v16 *best, bp__w16 *at)
{
    bp__v16 v = m == 16 ? v_load(x) : v_load_n(x, m);
    if (relu)
        v = v_relu(v);
    /* v is above best or one is a NaN, and it is not best. */
    bp__m16 wins = m_andnot(v_eq(*best, *best), v_le(v, *best));
    *best = v_select(wins, v, *best);
    *at = w_select(wins, w_set1((int32_t)pixel), *at);
}

/* m channels (at most 16) of one window. */
V_INLINE void max_lanes(const bp__pool2d *p, const float *x, window r, int m,
                        bool relu, float *y, int32_t *index)
{
    int64_t first = r.h0 * p->w + r.w0;
    bp__v16 best = m == 16 ? v_load(x + first * p->c)
                           : v_load_n(x + first * p->c, m);
    bp__w16 at = w_set1((int32_t)first);
    if (relu)
        best = v_relu(best);
    for (int64_t w = r.w0 + 1; w < r.w1; w++)
        max_step(x + (r.h0 * p->w + w) * p->c, m, relu, r.h0 * p->w + w,
                 &best, &at);
    for (int64_t h = r.h0 + 1; h < r.h1; h++)
        for (int64_t w = r.w0; w < r.w1; w++)
            max_step(x + (h * p->w + w) * p->c, m, relu, h * p->w + w, &best,
                     &at);
    if (m == 16) {
        v_store(y, best);
        w_store(index, at);
    } else {
        v_store_n(y, best, m);
        w_store_n(index, at, m);
    }
}

/* The usual case: 2 x 2 pixels inside the plane, 16 channels. */
V_INLINE void max_lanes_2x2(const bp__pool2d *p, const float *x, int64_t pixel,
                            bool relu, float *y, int32_t *index)
{
    const float *q = x + pixel * p->c;
    bp__v16 best = v_load(q);
    bp__w16 at = w_set1((int32_t)pixel);
    if (relu)
        best = v_relu(best);
    max_step(q + p->c, 16, relu, pixel + 1, &best, &at);
    q += p->w * p->c;
    max_step(q, 16, relu, pixel + p->w, &best, &at);
    max_step(q + p->c, 16, relu, pixel + p->w + 1, &best, &at);
    v_store(y, best);
    w_store(index, at);
}

V_INLINE void max_window(const bp__pool2d *p, const float *x, int64_t i,
                         int64_t j, bool relu, float *y, int32_t *index)
{
    window r = window_of(p, i, j);
    int64_t c = 0;
    if (r.h1 - r.h0 == 2 && r.w1 - r.w0 == 2)
        for (; c + 16 <= p->c; c += 16)
            max_lanes_2x2(p, x + c, r.h0 * p->w + r.w0, relu, y + c,
                          index + c);
    for (; c + 16 <= p->c; c += 16)
        max_lanes(p, x + c, r, 16, relu, y + c, index + c);
    if (c < p->c)
        max_lanes(p, x + c, r, (int)(p->c - c), relu, y + c, index + c);
}

void BP__K(pool_max)(const bp__pool2d *p, const float *x, float *y,
                     int32_t *index, int64_t n0, int64_t n1)
{
    for (int64_t n = n0; n < n1; n++)
        for (int64_t i = 0; i < p->oh; i++) {
            const float *xn = x + n * p->h * p->w * p->c;
            int64_t out = (n * p->oh + i) * p->ow * p->c;
            for (int64_t j = 0; j < p->ow; j++, out += p->c)
                if (p->relu)
                    max_window(p, xn, i, j, true, y + out, index + out);
                else
                    max_window(p, xn, i, j, false, y + out, index + out);
        }
}

/* Sends g to the pixels of its window: where the index says, else zero. */
V_INLINE void scatter_lanes(const bp__pool2d *p, const float *dy,
                            const int32_t *index, float *dx, window r, int m,
                            bool add)
{
    bp__v16 g = m == 16 ? v_load(dy) : v_load_n(dy, m);
    bp__w16 at = m == 16 ? w_load(index) : w_load_n(index, m);
    for (int64_t h = r.h0; h < r.h1; h++)
        for (int64_t w = r.w0; w < r.w1; w++) {
            int64_t pixel = h * p->w + w;
            float *to = dx + pixel * p->c;
            bp__v16 v = v_mask(w_eq(at, w_set1((int32_t)pixel)), g);
            if (add)
                v = v_add(m == 16 ? v_load(to) : v_load_n(to, m), v);
            if (m == 16)
                v_store(to, v);
            else
                v_store_n(to, v, m);
        }
}

V_INLINE void scatter_windows(const bp__pool2d *p, const float *dy,
                              const int32_t *index, float *dx, bool add)
{
    for (int64_t i = 0; i < p->oh; i++)
        for (int64_t j = 0; j < p->ow; j++) {
            window r = window_of(p, i, j);
            int64_t at = (i * p->ow + j) * p->c, c = 0;
            for (; c + 16 <= p->c; c += 16)
                scatter_lanes(p, dy + at + c, index + at + c, dx + c, r, 16,
                              add);
            if (c < p->c)
                scatter_lanes(p, dy + at + c, index + at + c, dx + c, r,
                              (int)(p->c - c), add);
        }
}

/* Do windows of this length and step lie side by side, without gaps or
 * overlap, and cover the axis? Then every pixel is written once. */
static bool windows_tile(int64_t k, int64_t stride, int64_t pad, int64_t size,
                         int64_t count)
{
    return k == stride && count * k - pad >= size;
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
    bool tiled =
        windows_tile(p->k_h, p->stride_h, p->pad_top, p->h, p->oh) &&
        windows_tile(p->k_w, p->stride_w, p->pad_left, p->w, p->ow);
    bool add = p->stride_h < p->k_h || p->stride_w < p->k_w;
    for (int64_t n = n0; n < n1; n++) {
        if (p->k_h == 0 || !tiled)
            memset(dx + n * in, 0, (size_t)in * sizeof *dx);
        if (p->k_h > 0 && add)
            scatter_windows(p, dy + n * out, index + n * out, dx + n * in,
                            true);
        else if (p->k_h > 0)
            scatter_windows(p, dy + n * out, index + n * out, dx + n * in,
                            false);
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
