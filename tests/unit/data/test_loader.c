/* Batches: what they hold, shuffling, shifts, seeking, prefetch that changes
 * no bit, both element types, refusals, failing allocations. */
#include "base/base.h"
#include "base/rng.h"
#include "t.h"

#include <bprop/data.h>

enum { N = 23, H = 4, W = 5, ROW = 2 * H * W };
static uint8_t images[N * ROW];
static float extra[N * 3];
static int32_t labels[N];

static bp_data *make(void)
{
    for (int i = 0; i < N * ROW; i++)
        images[i] = (uint8_t)(i * 7 + 1);
    for (int i = 0; i < N * 3; i++)
        extra[i] = (float)i / 3;
    for (int i = 0; i < N; i++)
        labels[i] = i * 10;
    bp_array in[2] = {{BP_U8, 4, {N, 2, H, W}, images, sizeof images},
                      {BP_F32, 2, {N, 3}, extra, sizeof extra}};
    bp_array t = {BP_I32, 1, {N}, labels, sizeof labels};
    bp_data_options o = {.size = sizeof o, .borrow = true};
    bp_data *d;
    bp_error err = {0};
    T_OK(bp_data_from_arrays(in, 2, &t, &o, &d, &err), &err);
    return d;
}

static bp_loader *load(bp_data *d, const bp_loader_options *o)
{
    bp_loader *l;
    bp_error err = {0};
    T_OK(bp_loader_new(d, o, &l, &err), &err);
    return l;
}

static bp_batch next(bp_loader *l)
{
    bp_batch b;
    bp_error err = {0};
    T_OK(bp_loader_next(l, &b, &err), &err);
    return b;
}

static uint64_t hash_batch(uint64_t h, const bp_batch *b)
{
    h = bp__hash(h, &b->epoch, sizeof b->epoch);
    h = bp__hash(h, &b->index, sizeof b->index);
    h = bp__hash(h, &b->count, sizeof b->count);
    for (size_t i = 0; i < b->n_inputs; i++)
        h = bp__hash(h, b->input[i], b->input_bytes[i]);
    h = bp__hash(h, b->target, b->target_bytes);
    return bp__hash(h, b->sample, (size_t)b->count * sizeof(int64_t));
}

static void in_order(void)
{
    bp_data *d = make();
    bp_loader_options o = {.size = sizeof o, .batch = 10};
    bp_loader *l = load(d, &o);
    bp_data_free(d); /* the loader keeps it */
    T_CHECK(bp_loader_batches(l) == 3);
    for (int epoch = 0; epoch < 2; epoch++)
        for (int k = 0; k < 3; k++) {
            bp_batch b = next(l);
            T_CHECK(b.epoch == epoch && b.index == k);
            T_CHECK(b.count == (k < 2 ? 10 : 3) && b.n_inputs == 2);
            T_CHECK(b.input_bytes[0] == (size_t)b.count * ROW * 4);
            T_CHECK(b.input_bytes[1] == (size_t)b.count * 3 * 4);
            T_CHECK(b.target_bytes == (size_t)b.count * 4);
            bool same = true;
            for (int i = 0; i < b.count; i++) {
                int row = 10 * k + i;
                same = same && b.sample[i] == row &&
                       ((const int32_t *)b.target)[i] == row * 10;
                for (int j = 0; j < ROW; j++)
                    same = same && ((const float *)b.input[0])[i * ROW + j] ==
                                       images[row * ROW + j];
                for (int j = 0; j < 3; j++)
                    same = same && ((const float *)b.input[1])[i * 3 + j] ==
                                       extra[row * 3 + j];
            }
            T_CHECK(same);
        }
    bp_loader_free(l);
    bp_loader_free(NULL);
}

static void sizes(void)
{
    bp_data *d = make();
    bp_loader_options o = {.size = sizeof o};
    bp_loader *l = load(d, &o);
    T_CHECK(bp_loader_batches(l) == 1 && next(l).count == N);
    bp_loader_free(l);
    o.batch = 1000;
    l = load(d, &o);
    T_CHECK(bp_loader_batches(l) == 1 && next(l).count == N);
    bp_loader_free(l);
    o.batch = 10;
    o.drop_last = true;
    l = load(d, &o);
    T_CHECK(bp_loader_batches(l) == 2);
    next(l);
    next(l);
    bp_batch b = next(l);
    T_CHECK(b.epoch == 1 && b.index == 0 && b.count == 10);
    bp_loader_free(l);
    bp_data_free(d);
}

/* Every sample once an epoch, in an order of (seed, epoch). */
static void shuffles(void)
{
    bp_data *d = make();
    bp_loader_options o = {
        .size = sizeof o, .batch = 4, .shuffle = true, .seed = 5};
    bp_loader *l = load(d, &o);
    int64_t order[3][N];
    for (int epoch = 0; epoch < 3; epoch++) {
        int seen[N] = {0}, n = 0;
        for (int64_t k = 0; k < bp_loader_batches(l); k++) {
            bp_batch b = next(l);
            for (int i = 0; i < b.count; i++) {
                order[epoch][n++] = b.sample[i];
                seen[b.sample[i]]++;
                T_CHECK(((const int32_t *)b.target)[i] == b.sample[i] * 10);
            }
        }
        for (int i = 0; i < N; i++)
            T_CHECK(seen[i] == 1);
    }
    T_CHECK(memcmp(order[0], order[1], sizeof order[0]) != 0);
    T_CHECK(memcmp(order[1], order[2], sizeof order[0]) != 0);
    bp_loader_free(l);
    bp_data_free(d);
}

/* Against a plain loop: out[y][x] = in[y - dy][x - dx], background 0. */
static void shifts(bp_norm_kind kind)
{
    bp_data *d = make();
    bp_norm *n;
    bp_error err = {0};
    T_OK(bp_norm_fit(d, 0, kind, NULL, &n, &err), &err);
    bp_loader_options o = {.size = sizeof o, .batch = N, .seed = 3,
                           .augment = {.shift = 3}, .norm = {n}};
    bp_loader *l = load(d, &o);
    o.augment.shift = 0;
    o.norm[0] = NULL;
    bp_loader *plain = load(d, &o);
    const double *mean = bp_norm_mean(n), *std = bp_norm_std(n);
    int moved = 0;
    for (int epoch = 0; epoch < 3; epoch++) {
        bp_batch b = next(l), p = next(plain);
        for (int i = 0; i < N; i++) {
            bool found = false;
            for (int dy = -3; dy <= 3 && !found; dy++)
                for (int dx = -3; dx <= 3 && !found; dx++) {
                    bool same = true;
                    for (int k = 0; k < ROW; k++) {
                        int c = k / (H * W), y = k / W % H - dy,
                            x = k % W - dx;
                        bool in = y >= 0 && y < H && x >= 0 && x < W;
                        double v = in ? (double)((const float *)p.input[0])
                                            [i * ROW + (c * H + y) * W + x]
                                      : 0;
                        int g = kind == BP_NORM_FEATURE   ? k
                                : kind == BP_NORM_CHANNEL ? c
                                                          : 0;
                        float want = kind == BP_NORM_NONE ? (float)v
                                     : kind == BP_NORM_UNIT
                                         ? (float)(v / 255)
                                         : (float)((v - mean[g]) / std[g]);
                        same = same && ((const float *)
                                            b.input[0])[i * ROW + k] == want;
                    }
                    found = same;
                    moved += same && (dx || dy);
                }
            T_CHECKF(found, "%s: sample %d is no shift of itself",
                     bp_norm_kind_name(kind), i);
            /* What is no picture is not moved. */
            T_CHECK(((const float *)b.input[1])[3 * i] == extra[3 * i]);
        }
    }
    T_CHECK(moved > N);
    bp_loader_free(l);
    bp_loader_free(plain);
    bp_norm_free(n);
    bp_data_free(d);
}

/* A batch is a function of (options, epoch, index). */
static void seeks(bool prefetch)
{
    bp_data *d = make();
    bp_loader_options o = {.size = sizeof o, .batch = 4, .shuffle = true,
                           .seed = 9, .augment = {.shift = 1}, .prefetch = prefetch};
    bp_loader *l = load(d, &o);
    bp_error err = {0};
    enum { B = 6, EPOCHS = 4 };
    T_REQUIRE(bp_loader_batches(l) == B);
    uint64_t want[EPOCHS][B];
    for (int e = 0; e < EPOCHS; e++)
        for (int k = 0; k < B; k++) {
            bp_batch b = next(l);
            want[e][k] = hash_batch(BP__HASH_INIT, &b);
        }
    uint64_t state = 1;
    for (int i = 0; i < 300; i++) {
        int e = (int)t_uniform(&state, 0, EPOCHS);
        int k = (int)t_uniform(&state, 0, B + 1);
        if (e == EPOCHS - 1 && k == B)
            continue;
        T_OK(bp_loader_seek(l, e, k, &err), &err);
        int at = e * B + k;
        for (int n = 0; n < i % 4 && at < EPOCHS * B; n++, at++) {
            bp_batch b = next(l);
            T_CHECK(b.epoch == at / B && b.index == at % B);
            T_CHECK(hash_batch(BP__HASH_INIT, &b) == want[at / B][at % B]);
        }
    }
    T_CHECK(bp_loader_seek(l, -1, 0, &err) == BP_ERANGE);
    T_CHECK(bp_loader_seek(l, 0, -1, &err) == BP_ERANGE);
    T_CHECK(bp_loader_seek(l, 0, B + 1, &err) == BP_ERANGE);
    bp_loader_free(l);
    bp_data_free(d);
}

/* The thread changes no bit, and a batch stays while the next one is made. */
static void prefetch_is_the_same(void)
{
    bp_data *d = make();
    bp_loader_options o = {.size = sizeof o, .batch = 3, .shuffle = true,
                           .seed = 4, .augment = {.shift = 2}};
    bp_loader *a = load(d, &o);
    o.prefetch = true;
    bp_loader *b = load(d, &o);
    for (int i = 0; i < 500; i++) {
        bp_batch x = next(a), y = next(b);
        uint64_t h = hash_batch(BP__HASH_INIT, &x);
        T_CHECK(hash_batch(BP__HASH_INIT, &y) == h);
        for (int k = 0; k < i % 50; k++)
            T_REQUIRE(hash_batch(BP__HASH_INIT, &y) == h);
    }
    bp_loader_free(a);
    bp_loader_free(b);
    bp_data_free(d);
}

static void doubles(void)
{
    bp_array in = {BP_F32, 2, {N, 3}, extra, sizeof extra};
    bp_data *d;
    bp_error err = {0};
    T_OK(bp_data_from_arrays(&in, 1, &in, NULL, &d, &err), &err);
    bp_norm *n;
    T_OK(bp_norm_fit(d, 0, BP_NORM_FEATURE, NULL, &n, &err), &err);
    bp_loader_options o = {.size = sizeof o, .batch = 7, .norm = {n}};
    bp_loader *a = load(d, &o);
    o.dtype = BP_F64;
    bp_loader *b = load(d, &o);
    for (int i = 0; i < 8; i++) {
        bp_batch x = next(a), y = next(b);
        T_CHECK(y.input_bytes[0] == 2 * x.input_bytes[0] &&
                y.target_bytes == 2 * x.target_bytes);
        bool same = true;
        for (int k = 0; k < x.count * 3; k++)
            same = same &&
                   (double)((const float *)x.input[0])[k] ==
                       ((const double *)y.input[0])[k] &&
                   (double)((const float *)x.target)[k] ==
                       ((const double *)y.target)[k];
        T_CHECK(same);
    }
    bp_loader_free(a);
    bp_loader_free(b);
    bp_norm_free(n);
    bp_data_free(d);
}

static void refuses(void)
{
    bp_data *d = make();
    bp_loader *l;
    bp_error err = {0};
    bp_loader_options o = {.size = sizeof o, .batch = -1};
    T_CHECK(bp_loader_new(d, &o, &l, &err) == BP_EARG);
    o = (bp_loader_options){.size = sizeof o, .dtype = BP_I32};
    T_CHECK(bp_loader_new(d, &o, &l, &err) == BP_EARG);
    o = (bp_loader_options){.size = sizeof o, .augment = {.shift = -1}};
    T_CHECK(bp_loader_new(d, &o, &l, &err) == BP_EARG);
    o = (bp_loader_options){.size = sizeof o, .batch = 100, .drop_last = true};
    T_CHECK(bp_loader_new(d, &o, &l, &err) == BP_EARG);
    o = (bp_loader_options){.size = 0};
    T_CHECK(bp_loader_new(d, &o, &l, &err) == BP_EARG && l == NULL);
    double mean[3] = {0, 0, 0}, std[3] = {1, 1, 1};
    bp_norm *n;
    T_OK(bp_norm_new(BP_NORM_FEATURE, 3, mean, std, NULL, &n, &err), &err);
    o = (bp_loader_options){.size = sizeof o, .norm = {n}};
    T_CHECK(bp_loader_new(d, &o, &l, &err) == BP_ESHAPE);
    bp_norm_free(n);
    bp_data_free(d);
    bp_array in = {BP_F32, 2, {N, 3}, extra, sizeof extra};
    T_OK(bp_data_from_arrays(&in, 1, NULL, NULL, &d, &err), &err);
    o = (bp_loader_options){.size = sizeof o, .augment = {.shift = 1}};
    T_CHECK(bp_loader_new(d, &o, &l, &err) == BP_ESHAPE);
    o.augment.shift = 0;
    l = load(d, &o);
    bp_batch b = next(l);
    T_CHECK(b.target == NULL && b.target_bytes == 0);
    bp_loader_free(l);
    bp_data_free(d);
}

static void allocations(void)
{
    bp_data *d = make();
    bp_norm *n;
    bp_error err = {0};
    T_OK(bp_norm_fit(d, 0, BP_NORM_CHANNEL, NULL, &n, &err), &err);
    for (int persistent = 0; persistent < 2; persistent++)
        for (int64_t k = 0;; k++) {
            T_REQUIRE(k < 100);
            t_heap h = {.fail_at = k, .persistent = persistent};
            bp_allocator a = t_allocator(&h);
            bp_loader_options o = {.size = sizeof o,  .allocator = &a,
                                   .batch = 5,        .shuffle = true,
                                   .dtype = BP_F64,   .prefetch = k % 2 == 1,
                                   .norm = {n}};
            bp_loader *l;
            bp_status s = bp_loader_new(d, &o, &l, &err);
            T_CHECK(s == (h.failed ? BP_ENOMEM : BP_OK));
            int64_t calls = h.calls;
            for (int i = 0; i < 20 && !s; i++)
                next(l);
            T_CHECK(h.calls == calls); /* batches allocate nothing */
            bp_loader_free(l);
            T_CHECK(h.live == 0);
            if (!h.failed)
                break;
        }
    bp_norm_free(n);
    bp_data_free(d);
}

int main(void)
{
    in_order();
    sizes();
    shuffles();
    for (int k = BP_NORM_NONE; k <= BP_NORM_FEATURE; k++)
        shifts((bp_norm_kind)k);
    seeks(false);
    seeks(true);
    prefetch_is_the_same();
    doubles();
    refuses();
    allocations();
    return t_end();
}
