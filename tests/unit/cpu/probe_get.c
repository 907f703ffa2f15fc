/* The probes by level. */
#include "probe.h"

extern const probe bp__probe_plain, bp__probe_neon, bp__probe_avx2,
    bp__probe_avx512;

const probe *probe_get(bp_level level)
{
    if (!bp_level_available(level))
        return NULL;
    switch ((int)level) {
#ifdef PROBE_plain
    case BP_LEVEL_PLAIN:
        return &bp__probe_plain;
#endif
#ifdef PROBE_neon
    case BP_LEVEL_NEON:
        return &bp__probe_neon;
#endif
#ifdef PROBE_avx2
    case BP_LEVEL_AVX2:
        return &bp__probe_avx2;
#endif
#ifdef PROBE_avx512
    case BP_LEVEL_AVX512:
        return &bp__probe_avx512;
#endif
    default:
        return NULL;
    }
}

/* How many of n floats differ, where two NaNs are the same. */
int64_t probe_same(const float *a, const float *b, int64_t n)
{
    int64_t differ = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t x, y;
        memcpy(&x, a + i, 4);
        memcpy(&y, b + i, 4);
        bool nan_x = (x & 0x7fffffffu) > 0x7f800000u;
        bool nan_y = (y & 0x7fffffffu) > 0x7f800000u;
        differ += nan_x || nan_y ? nan_x != nan_y : x != y;
    }
    return differ;
}
