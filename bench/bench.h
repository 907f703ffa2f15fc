/* What benchmarks of kernels share: the clock, the FMA peak of this machine
 * at each level, operands. */
#ifndef BENCH_H
#define BENCH_H

#include "cpu/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of the fastest of several runs of f(arg), taking about `budget`. */
static inline double bench_best(void (*f)(void *), void *arg, double budget)
{
    double best = 1e30, spent = 0;
    for (int i = 0; i < 5 || (spent < budget && i < 100000); i++) {
        double t = bench_now();
        f(arg);
        t = bench_now() - t;
        spent += t;
        best = t < best ? t : best;
    }
    return best;
}

static inline float *bench_floats(size_t n)
{
    static uint32_t state = 1;
    float *p = aligned_alloc(64, (n * 4 + 127) / 64 * 64);
    if (!p) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        p[i] = (float)(state >> 8) / 16777216.0f - 0.5f;
    }
    return p;
}

#if defined(__x86_64__)
#include <immintrin.h>
#define BENCH_PEAK(name, isa, type, set1, fma, store, lanes)                \
    __attribute__((target(isa))) static void name(void *arg)                \
    {                                                                       \
        type a[12], x = set1(0.5f), y = set1(0.999f);                       \
        for (int i = 0; i < 12; i++)                                        \
            a[i] = set1((float)i);                                          \
        for (int k = 0; k < 100000; k++)                                    \
            _Pragma("GCC unroll 12") for (int i = 0; i < 12; i++)           \
                a[i] = fma(a[i], y, x);                                     \
        for (int i = 0; i < 12; i++)                                        \
            store((float *)arg + i * lanes, a[i]);                          \
    }
BENCH_PEAK(bench_peak512, "avx512f", __m512, _mm512_set1_ps, _mm512_fmadd_ps,
           _mm512_storeu_ps, 16)
BENCH_PEAK(bench_peak256, "avx2,fma", __m256, _mm256_set1_ps, _mm256_fmadd_ps,
           _mm256_storeu_ps, 8)
#endif

/* FLOP/s of one core that does nothing but FMAs of this level's width; 0
 * where that is not known. */
static inline double bench_peak(bp_level level)
{
    static float out[12 * 16];
#if defined(__x86_64__)
    if (level == BP_LEVEL_AVX512)
        return 2.0 * 12 * 16 * 1e5 / bench_best(bench_peak512, out, 0.1);
    if (level == BP_LEVEL_AVX2)
        return 2.0 * 12 * 8 * 1e5 / bench_best(bench_peak256, out, 0.1);
#endif
    (void)out;
    (void)level;
    return 0;
}

#endif
