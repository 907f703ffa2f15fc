/* bp__v16: every operation against scalar C where its meaning is not plain
 * from the name, and the same bits at every level. */
#include "probe.h"
#include "t.h"

enum { N_FLOAT_ROWS = 32 };

static float random_float(uint64_t *r)
{
    static const float s[] = {0.0f, -0.0f, 1.0f, -1.0f, INFINITY, -INFINITY,
                              NAN, 0x1p-149f, -0x1p-140f, 0x1p-126f,
                              0x1.fffffep127f, 2147483648.0f, -2147483648.0f,
                              0.5f, 1.5f, -2.5f, 8388608.5f, 4194304.5f};
    double u = t_uniform(r, 0, 1);
    if (u < 0.3)
        return s[(int)t_uniform(r, 0, 17.999)];
    if (u < 0.6)
        return (float)t_uniform(r, -300, 300);
    uint32_t bits = (uint32_t)t_uniform(r, 0, 4294967295.0);
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static bool same_row(int row, const uint32_t *a, const uint32_t *b)
{
    if (row < N_FLOAT_ROWS)
        return probe_same((const void *)a, (const void *)b, 16) == 0;
    return memcmp(a, b, 64) == 0;
}

static void levels_agree(void)
{
    static uint32_t want[PROBE_N_OPS][16], got[PROBE_N_OPS][16];
    uint64_t r = 3;
    const probe *plain = probe_get(BP_LEVEL_PLAIN);
    T_REQUIRE(plain);
    for (int round = 0; round < 20000; round++) {
        float a[16], b[16], c[16];
        for (int i = 0; i < 16; i++) {
            a[i] = random_float(&r);
            b[i] = round % 3 ? random_float(&r) : a[i];
            c[i] = random_float(&r);
        }
        int n = round % 17;
        int rows = plain->ops(a, b, c, n, want);
        T_REQUIRE(rows > N_FLOAT_ROWS && rows <= PROBE_N_OPS);
        for (int l = BP_LEVEL_NEON; l <= BP_LEVEL_AVX512; l++) {
            const probe *p = probe_get((bp_level)l);
            if (!p)
                continue;
            T_REQUIRE(p->ops(a, b, c, n, got) == rows);
            for (int i = 0; i < rows; i++)
                T_CHECKF(same_row(i, want[i], got[i]),
                         "row %d at %s differs from plain", i,
                         bp_level_name(p->level));
        }
    }
}

static float lane(uint32_t out[][16], int row, int i)
{
    float x;
    memcpy(&x, &out[row][i], 4);
    return x;
}

/* The plain level is C: what is left to check is the meaning where C has
 * several. */
static void meanings(void)
{
    uint32_t out[PROBE_N_OPS][16];
    float a[16] = {NAN, 1.0f, 2.0f, -3.5f, -0.0f, 0.0f, 3e9f, -3e9f,
                   0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 254.9f, 300.0f, -7.0f};
    float b[16] = {1.0f, NAN, 3.0f, -4.0f, 0.0f, -0.0f, 1.0f, 1.0f};
    float c[16] = {0};
    const probe *plain = probe_get(BP_LEVEL_PLAIN);
    int rows = plain->ops(a, b, c, 11, out);
    T_CHECK(lane(out, 13, 0) == 1.0f); /* v_pick_max */
    T_CHECK(isnan(lane(out, 13, 1)));
    T_CHECK(isnan(lane(out, 15, 0)) && isnan(lane(out, 15, 1)));
    T_CHECK(lane(out, 15, 2) == 3.0f && lane(out, 15, 3) == -3.5f);
    T_CHECK(!signbit(lane(out, 15, 4)) && signbit(lane(out, 15, 5)));
    T_CHECK(isnan(lane(out, 16, 0)) && isnan(lane(out, 16, 1)));
    T_CHECK(lane(out, 16, 2) == 2.0f && lane(out, 16, 3) == -4.0f);
    T_CHECK(isnan(lane(out, 17, 0)) && lane(out, 17, 3) == 0.0f);
    T_CHECK(!signbit(lane(out, 17, 4)) && lane(out, 17, 1) == 1.0f);
    T_CHECK(lane(out, 12, 8) == 0.0f && lane(out, 12, 9) == 2.0f);
    T_CHECK(lane(out, 12, 10) == 2.0f && lane(out, 11, 10) == 2.0f);
    const int32_t *w = (const int32_t *)out[27]; /* v_to_w_sat */
    T_CHECK(w[0] == 0 && w[6] == INT32_MAX && w[7] == INT32_MIN);
    T_CHECK(w[3] == -3 && w[13] == 254);
    T_CHECK(isnan(lane(out, 29, 0)) && isnan(lane(out, 30, 0)));
    /* The last row is m_store_bool_n, 3 before it v_store_u8_sat_n. */
    T_CHECK(((uint8_t *)out[rows - 1])[11] == 0x77);
    T_CHECK(((uint8_t *)out[rows - 3])[11] == 0x77);
    T_CHECK(((uint8_t *)out[rows - 3])[0] == 0);
    T_CHECK(((uint8_t *)out[rows - 3])[6] == 255);
}

static void fixed_tree(void)
{
    uint32_t out[PROBE_N_OPS][16];
    float a[16], zero[16] = {0};
    uint64_t r = 11;
    for (int i = 0; i < 16; i++)
        a[i] = (float)t_uniform(&r, -1, 1);
    float s[16];
    memcpy(s, a, sizeof s);
    for (int n = 8; n > 0; n /= 2)
        for (int i = 0; i < n; i++)
            s[i] = s[i] + s[i + n];
    for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++) {
        const probe *p = probe_get((bp_level)l);
        if (!p)
            continue;
        p->ops(a, zero, zero, 16, out);
        T_CHECK(lane(out, 29, 5) == s[0]);
    }
}

static void transposes(void)
{
    float in[256], out[256];
    for (int i = 0; i < 256; i++)
        in[i] = (float)i;
    for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++) {
        const probe *p = probe_get((bp_level)l);
        if (!p)
            continue;
        p->transpose(in, out);
        for (int i = 0; i < 256; i++)
            T_CHECK(out[i] == in[i % 16 * 16 + i / 16]);
    }
}

static void names(void)
{
    T_CHECK(strcmp(bp_level_name(BP_LEVEL_AVX2), "avx2") == 0);
    T_CHECK(strcmp(bp_level_name((bp_level)99), "?") == 0);
    T_CHECK(bp_level_available(BP_LEVEL_AUTO));
    T_CHECK(bp_level_available(BP_LEVEL_PLAIN));
    T_CHECK(!bp_level_available((bp_level)99));
    for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++)
        if (bp_level_available((bp_level)l)) {
            T_CHECK(bp__cpu_get((bp_level)l)->level == (bp_level)l);
            T_CHECK(probe_get((bp_level)l)->level == (bp_level)l);
        }
}

int main(void)
{
    names();
    levels_agree();
    meanings();
    fixed_tree();
    transposes();
    return t_end();
}
