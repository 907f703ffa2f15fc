/* Which levels exist in this build and on this CPU. */
#include "cpu/cpu.h"

#if defined(__x86_64__) || defined(__i386__)
/* The compiler's own test covers the operating system's side (XCR0) too. */
#if defined(BP__HAVE_avx2)
static bool cpu_has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif
#if defined(BP__HAVE_avx512)
static bool cpu_has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("fma");
}
#endif
#endif

static const bp__cpu *cpu_best(void)
{
    /* Best first. */
    static const bp_level order[] = {BP_LEVEL_AVX512, BP_LEVEL_AVX2,
                                     BP_LEVEL_NEON, BP_LEVEL_PLAIN};
    for (size_t i = 0; i < BP__ARRAY_LEN(order); i++) {
        const bp__cpu *c = bp__cpu_get(order[i]);
        if (c)
            return c;
    }
    return NULL;
}

const bp__cpu *bp__cpu_get(bp_level level)
{
    switch ((int)level) {
    case BP_LEVEL_AUTO:
        return cpu_best();
#ifdef BP__HAVE_plain
    case BP_LEVEL_PLAIN:
        return &bp__cpu_plain;
#endif
#ifdef BP__HAVE_neon
    case BP_LEVEL_NEON: /* part of the aarch64 baseline */
        return &bp__cpu_neon;
#endif
#ifdef BP__HAVE_avx2
    case BP_LEVEL_AVX2:
        return cpu_has_avx2() ? &bp__cpu_avx2 : NULL;
#endif
#ifdef BP__HAVE_avx512
    case BP_LEVEL_AVX512:
        return cpu_has_avx512() ? &bp__cpu_avx512 : NULL;
#endif
    default:
        return NULL;
    }
}

const char *bp_level_name(bp_level l)
{
    static const char *const names[] = {"auto", "plain", "neon", "avx2",
                                        "avx512"};
    return (unsigned)l < BP__ARRAY_LEN(names) ? names[l] : "?";
}

bool bp_level_available(bp_level l)
{
    return bp__cpu_get(l) != NULL;
}
