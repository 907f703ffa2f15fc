/* Pooling, transposes, sums and the finite test against plain loops, at odd
 * sizes; the same bits at every level and for any range of samples. */
#include "t.h"

#include "cpu/cpu.h"

enum { N = 3 };

static float *random_floats(size_t n, uint64_t seed)
{
    float *x = malloc((n ? n : 1) * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)t_uniform(&seed, -2, 2);
    return x;
}

static const bp__cpu *levels[8];
static int n_levels;

static void find_levels(void)
{
    for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++)
        if (bp_level_available((bp_level)l))
            levels[n_levels++] = bp__cpu_get((bp_level)l);
}

static bool inside(int64_t at, int64_t size)
{
    return at >= 0 && at < size;
}

/* One window's best and its place; NaN wins. */
static float plain_max(const bp__pool2d *p, const float *x, int64_t i,
                       int64_t j, int64_t c, int32_t *at)
{
    float best = 0;
    *at = -1;
    for (int64_t a = 0; a < p->k_h; a++)
        for (int64_t b = 0; b < p->k_w; b++) {
            int64_t h = i * p->stride_h + a - p->pad_top;
            int64_t w = j * p->stride_w + b - p->pad_left;
            if (!inside(h, p->h) || !inside(w, p->w))
                continue;
            float v = x[(h * p->w + w) * p->c + c];
            if (p->relu)
                v = v > 0 ? v : (v != v ? v : 0);
            if (*at < 0 || v > best || (v != v && best == best)) {
                best = v;
                *at = (int32_t)(h * p->w + w);
            }
        }
    return best;
}

static void check_max(const bp__cpu *cpu, const bp__pool2d *p, const float *x)
{
    size_t in = (size_t)(p->h * p->w * p->c);
    size_t out = (size_t)(p->oh * p->ow * p->c);
    float *y = random_floats(N * out, 9), *dx = random_floats(N * in, 10);
    float *dy = random_floats(N * out, 11);
    int32_t *index = malloc((N * out + 1) * sizeof *index);
    int64_t faults = 0;
    for (int64_t n = 0; n < N; n++) /* one by one */
        cpu->pool.max(p, x, y, index, n, n + 1);
    cpu->pool.scatter(p, dy, index, dx, 0, N, &faults);
    T_CHECK(faults == 0);
    float *want = calloc(N * in + 1, sizeof *want);
    for (int64_t n = 0; n < N; n++)
        for (int64_t i = 0; i < p->oh; i++)
            for (int64_t j = 0; j < p->ow; j++)
                for (int64_t c = 0; c < p->c; c++) {
                    size_t k = (size_t)n * out +
                               (size_t)((i * p->ow + j) * p->c + c);
                    int32_t at;
                    float v = plain_max(p, x + (size_t)n * in, i, j, c, &at);
                    T_CHECK(index[k] == at);
                    T_CHECK(y[k] == v || (v != v && y[k] != y[k]));
                    want[(size_t)n * in + (size_t)(at * p->c + c)] += dy[k];
                }
    for (size_t k = 0; k < N * in; k++)
        T_NEAR(dx[k], want[k], 1e-5);
    /* Any index, and one out of range. */
    bp__pool2d any = *p;
    any.k_h = 0;
    cpu->pool.scatter(&any, dy, index, dx, 0, N, &faults);
    for (size_t k = 0; k < N * in; k++)
        T_NEAR(dx[k], want[k], 1e-5);
    index[0] = (int32_t)(p->h * p->w);
    cpu->pool.scatter(&any, dy, index, dx, 0, N, &faults);
    T_CHECK(faults == 1);
    free(y);
    free(dx);
    free(dy);
    free(index);
    free(want);
}

static void check_avg(const bp__cpu *cpu, const bp__pool2d *p, const float *x)
{
    size_t in = (size_t)(p->h * p->w * p->c);
    size_t out = (size_t)(p->oh * p->ow * p->c);
    float *y = random_floats(N * out, 1), *dx = random_floats(N * in, 2);
    float *y0 = random_floats(N * out, 1), *dx0 = random_floats(N * in, 2);
    cpu->pool.avg(p, x, y, 0, N);
    cpu->pool.avg_dx(p, y, dx, 0, N);
    levels[0]->pool.avg(p, x, y0, 0, N);
    levels[0]->pool.avg_dx(p, y0, dx0, 0, N);
    T_CHECK(memcmp(y, y0, N * out * sizeof *y) == 0);
    T_CHECK(memcmp(dx, dx0, N * in * sizeof *dx) == 0);
    for (int64_t n = 0; n < N; n++)
        for (int64_t i = 0; i < p->oh; i++)
            for (int64_t j = 0; j < p->ow; j++)
                for (int64_t c = 0; c < p->c; c++) {
                    double sum = 0, count = 0;
                    for (int64_t a = 0; a < p->k_h; a++)
                        for (int64_t b = 0; b < p->k_w; b++) {
                            int64_t h = i * p->stride_h + a - p->pad_top;
                            int64_t w = j * p->stride_w + b - p->pad_left;
                            if (!inside(h, p->h) || !inside(w, p->w))
                                continue;
                            sum += x[(size_t)n * in +
                                     (size_t)((h * p->w + w) * p->c + c)];
                            count++;
                        }
                    if (p->count_pad)
                        count = (double)(p->k_h * p->k_w);
                    T_NEAR(y[(size_t)n * out +
                             (size_t)((i * p->ow + j) * p->c + c)],
                           sum / count, 1e-5);
                }
    /* <y, y> = <x, dx>: each other's transposes. */
    double a = 0, b = 0;
    for (size_t k = 0; k < N * out; k++)
        a += (double)y[k] * y[k];
    for (size_t k = 0; k < N * in; k++)
        b += (double)x[k] * dx[k];
    T_NEAR(a, b, 1e-4 * (1 + fabs(a)));
    free(y);
    free(dx);
    free(y0);
    free(dx0);
}

static void check_pools(void)
{
    static const bp__pool2d shapes[] = {
        {16, 4, 4, 2, 2, 2, 2, 2, 2, 0, 0, false, false},
        {13, 7, 5, 3, 2, 2, 2, 2, 2, 0, 0, false, true},
        {1, 5, 5, 5, 5, 3, 3, 1, 1, 1, 1, true, false},
        {33, 6, 7, 3, 4, 3, 2, 2, 2, 1, 1, false, false},
        {17, 3, 9, 1, 3, 3, 3, 3, 3, 0, 0, true, true},
    };
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int l = 0; l < n_levels; l++) {
            const bp__pool2d *p = &shapes[s];
            float *x = random_floats((size_t)(N * p->h * p->w * p->c), s);
            check_avg(levels[l], p, x);
            check_max(levels[l], p, x);
            x[0] = x[p->c] = NAN;
            check_max(levels[l], p, x);
            free(x);
        }
}

static void check_transpose(void)
{
    static const int64_t shapes[][2] = {{1, 1}, {3, 49}, {16, 16}, {17, 33},
                                        {64, 196}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int l = 0; l < n_levels; l++) {
            int64_t r = shapes[s][0], c = shapes[s][1];
            size_t n = (size_t)(N * r * c);
            float *x = random_floats(n, s), *y = random_floats(n, s + 9);
            levels[l]->pool.transpose(x, y, r, c, 0, N);
            for (int64_t k = 0; k < N; k++)
                for (int64_t i = 0; i < r; i++)
                    for (int64_t j = 0; j < c; j++)
                        T_CHECK(y[(k * c + j) * r + i] ==
                                x[(k * r + i) * c + j]);
            free(x);
            free(y);
        }
}

static void check_sums(void)
{
    static const int64_t shapes[][3] = {{1, 1, 1},   {5, 33, 1}, {3, 1000, 1},
                                        {1, 7, 10},  {2, 50, 16}, {1, 129, 37},
                                        {4, 3, 100}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int l = 0; l < n_levels; l++) {
            int64_t o = shapes[s][0], n = shapes[s][1], in = shapes[s][2];
            float *x = random_floats((size_t)(o * n * in), s);
            float *y = random_floats((size_t)(o * in), 1);
            float *y0 = random_floats((size_t)(o * in), 1);
            for (int64_t k = 0; k < o; k++)
                levels[l]->reduce.sum(x, y, n, in, k, k + 1);
            levels[0]->reduce.sum(x, y0, n, in, 0, o);
            T_CHECK(memcmp(y, y0, (size_t)(o * in) * sizeof *y) == 0);
            for (int64_t k = 0; k < o; k++)
                for (int64_t i = 0; i < in; i++) {
                    double sum = 0, size = 0;
                    for (int64_t r = 0; r < n; r++) {
                        sum += x[(k * n + r) * in + i];
                        size += fabs(x[(k * n + r) * in + i]);
                    }
                    T_NEAR(y[k * in + i], sum, 1e-6 * size);
                }
            levels[l]->reduce.combine(x, y, n, in, 0, in);
            levels[0]->reduce.combine(x, y0, n, in, 0, in);
            T_CHECK(memcmp(y, y0, (size_t)in * sizeof *y) == 0);
            for (int64_t i = 0; i < in; i++) {
                double sum = 0, size = 0;
                for (int64_t r = 0; r < n; r++) {
                    sum += x[r * in + i];
                    size += fabs(x[r * in + i]);
                }
                T_NEAR(y[i], sum, 1e-6 * size);
            }
            free(x);
            free(y);
            free(y0);
        }
}

static void check_finite(void)
{
    float x[200];
    for (int l = 0; l < n_levels; l++)
        for (int n = 0; n < 200; n++) {
            for (int i = 0; i < 200; i++)
                x[i] = i == 199 ? NAN : 3e38f;
            T_CHECK(!levels[l]->finite.any_nonfinite(x, n));
            for (int bad = 0; bad < n; bad += 7) {
                x[bad] = bad % 2 ? -INFINITY : NAN;
                T_CHECK(levels[l]->finite.any_nonfinite(x, n));
                x[bad] = 0;
            }
        }
}

int main(void)
{
    find_levels();
    check_pools();
    check_transpose();
    check_sums();
    check_finite();
    return t_end();
}
