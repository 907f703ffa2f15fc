/* The generator on Random123's published vectors; its sequences: the same
 * whatever the range, the right moments, and stored values that hold on every
 * machine. */
#include "base/rng.h"
#include "t.h"

static void known_answers(void)
{
    static const uint32_t v[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
         0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822,
         0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        bp__philox(v[i], v[i] + 4, out);
        T_CHECKF(memcmp(out, v[i] + 6, sizeof out) == 0, "vector %d", i);
    }
}

static void keys_and_streams(void)
{
    int32_t key[4] = {-1, 2, 3, 4};
    bp__rng a = bp__rng_make(key, 5);
    bp__rng b = bp__rng_seed(0x2ffffffffull, 0x400000003ull, 5);
    T_CHECK(memcmp(&a, &b, sizeof a) == 0);
    /* Any change of key or stream gives another sequence. */
    uint32_t first = bp__rng_u32(&a, 0);
    for (int i = 0; i < 4; i++) {
        int32_t other[4] = {-1, 2, 3, 4};
        other[i] ^= 1;
        bp__rng c = bp__rng_make(other, 5);
        T_CHECK(bp__rng_u32(&c, 0) != first);
    }
    bp__rng d = bp__rng_make(key, 6), e = bp__rng_make(key, 5 + (1LL << 32));
    T_CHECK(bp__rng_u32(&d, 0) != first);
    T_CHECK(bp__rng_u32(&e, 0) != first);
}

enum { N = 1000 };

static void ranges_agree(void)
{
    bp__rng r = bp__rng_seed(1, 2, 3);
    static float f[N], nf[N], part_f[N];
    static double d[N], nd[N], part_d[N];
    static uint8_t b[N], part_b[N];
    uint64_t base = (1ull << 34) - 3; /* across a carry of the counter */
    bp__rng_fill_f32(&r, base, N, f);
    bp__rng_fill_f64(&r, base, N, d);
    bp__rng_fill_normal_f32(&r, base, N, nf);
    bp__rng_fill_normal_f64(&r, base, N, nd);
    bp__rng_fill_bernoulli(&r, 0.3, base, N, b);
    bool same = true;
    for (int i = 0; i < N; i++) {
        uint64_t at = base + (uint64_t)i;
        same = same && f[i] == bp__rng_f32(&r, at) &&
               d[i] == bp__rng_f64(&r, at) &&
               nf[i] == bp__rng_normal_f32(&r, at) &&
               nd[i] == bp__rng_normal_f64(&r, at) &&
               b[i] == (bp__rng_u32(&r, at) < 0.3 * 4294967296.0) &&
               nf[i] == (float)nd[i] && fabs((double)f[i] - d[i]) < 0x1p-24;
    }
    T_CHECK(same);
    for (size_t from = 0; from < 9; from++)
        for (size_t n = 0; n < 9; n++) {
            bp__rng_fill_f32(&r, base + from, n, part_f);
            T_CHECK(n == 0 || !memcmp(part_f, f + from, n * sizeof(float)));
            bp__rng_fill_normal_f64(&r, base + from, n, part_d);
            T_CHECK(n == 0 || !memcmp(part_d, nd + from, n * sizeof(double)));
            uint32_t words[9];
            bp__rng_fill_u32(&r, base + from, n, words);
            for (size_t k = 0; k < n; k++)
                T_CHECK(words[k] == bp__rng_u32(&r, base + from + k));
            bp__rng_fill_bernoulli(&r, 0.3, base + from, n, part_b);
            T_CHECK(n == 0 || !memcmp(part_b, b + from, n));
        }
}

static void moments(void)
{
    enum { M = 400000 };
    bp__rng r = bp__rng_seed(7, 0, 0);
    double s = 0, s2 = 0, n1 = 0, n2 = 0, n3 = 0, n4 = 0, cross = 0;
    int64_t hits = 0;
    double last = 0;
    uint8_t bit;
    for (uint64_t i = 0; i < M; i++) {
        double u = bp__rng_f64(&r, i), g = bp__rng_normal_f64(&r, i);
        T_REQUIRE(u >= 0 && u < 1 && isfinite(g));
        s += u;
        s2 += u * u;
        n1 += g;
        n2 += g * g;
        n3 += g * g * g;
        n4 += g * g * g * g;
        cross += g * last;
        last = g;
        bp__rng_fill_bernoulli(&r, 0.2, i, 1, &bit);
        hits += bit;
    }
    double sd = 1 / sqrt((double)M);
    T_NEAR(s / M, 0.5, 5 * sd * 0.289);
    T_NEAR(s2 / M, 1.0 / 3, 5 * sd * 0.3);
    T_NEAR(n1 / M, 0, 5 * sd);
    T_NEAR(n2 / M, 1, 5 * sd * 1.42);
    T_NEAR(n3 / M, 0, 5 * sd * 3.9);
    T_NEAR(n4 / M, 3, 5 * sd * 9.8);
    T_NEAR(cross / M, 0, 5 * sd);
    T_NEAR((double)hits / M, 0.2, 5 * sd * 0.4);
    bp__rng_fill_bernoulli(&r, 0, 0, 1, &bit);
    T_CHECK(bit == 0);
    for (uint64_t i = 0; i < 1000; i++) {
        bp__rng_fill_bernoulli(&r, 1, i, 1, &bit);
        T_REQUIRE(bit == 1);
    }
}

static void below_and_shuffle(void)
{
    bp__rng r = bp__rng_seed(9, 0, 1);
    int64_t count[7] = {0};
    for (uint64_t i = 0; i < 70000; i++) {
        uint64_t x = bp__rng_below(&r, i, 7);
        T_REQUIRE(x < 7);
        count[x]++;
    }
    for (int i = 0; i < 7; i++)
        T_NEAR((double)count[i], 10000, 5 * 93);
    T_CHECK(bp__rng_below(&r, 3, 1) == 0);
    T_CHECK(bp__rng_below(&r, 3, UINT64_MAX) < UINT64_MAX);

    int64_t perm[500], seen[500] = {0};
    bp__rng_shuffle(&r, 500, perm);
    int64_t fixed = 0;
    for (int i = 0; i < 500; i++) {
        T_REQUIRE(perm[i] >= 0 && perm[i] < 500);
        seen[perm[i]]++;
        fixed += perm[i] == i;
    }
    bool all = true;
    for (int i = 0; i < 500; i++)
        all = all && seen[i] == 1;
    T_CHECK(all);
    T_CHECK(fixed < 10);
    bp__rng_shuffle(&r, 0, perm);
    /* All six orders of three, equally often. */
    int orders[6] = {0};
    for (uint64_t seed = 0; seed < 6000; seed++) {
        bp__rng q = bp__rng_seed(seed, 0, 0);
        bp__rng_shuffle(&q, 3, perm);
        orders[perm[0] * 2 + (perm[1] > perm[2])]++;
    }
    for (int i = 0; i < 6; i++)
        T_NEAR(orders[i], 1000, 150);
}

/* Values that must not change with compiler, processor or library. */
static void stored_values(void)
{
    bp__rng r = bp__rng_seed(1, 2, 3);
    uint64_t h = BP__HASH_INIT;
    for (uint64_t i = 0; i < 10000; i++) {
        double x = bp__rng_normal_f64(&r, i);
        uint64_t u;
        memcpy(&u, &x, sizeof u);
        u ^= bp__rng_u64(&r, i + 77);
        unsigned char little[8];
        for (int k = 0; k < 8; k++)
            little[k] = (unsigned char)(u >> 8 * k);
        h = bp__hash(h, little, sizeof little);
    }
    T_CHECKF(h == 0xffe059811af8a463ull, "hash %016llx",
             (unsigned long long)h);
}

int main(void)
{
    known_answers();
    keys_and_streams();
    ranges_agree();
    moments();
    below_and_shuffle();
    stored_values();
    return t_end();
}
