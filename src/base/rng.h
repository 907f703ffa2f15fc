/* Counter-based random numbers: value = f(key, stream, index), whatever the
 * order, the thread or the range in which values are asked for.
 *
 * The generator is Philox4x32-10. (seed, step, stream) are first enciphered
 * into one bp__rng; its blocks of four words are then numbered by index. A
 * float and a double of the same index are the same number, rounded (normal)
 * or cut (uniform) to float, so that an f32 and an f64 program see the same
 * randomness. Knows nothing of tensors.
 */
#ifndef BP__RNG_H
#define BP__RNG_H

#include "base/base.h"

/* The block function itself, ten rounds. */
void bp__philox(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4]);

/* One stream of one key. Plain data: copy it freely. */
typedef struct bp__rng {
    uint32_t key[2];
    uint32_t high[2]; /* upper half of every counter */
} bp__rng;

/* key: {seed low, seed high, step low, step high}, as in a program's key. */
bp__rng bp__rng_make(const int32_t key[4], int64_t stream);
/* The same from whole numbers. */
bp__rng bp__rng_seed(uint64_t seed, uint64_t step, int64_t stream);

/* Element `index` of each kind of sequence. The kinds are not independent of
 * each other: use one kind for each stream. */
uint32_t bp__rng_u32(const bp__rng *r, uint64_t index);
uint64_t bp__rng_u64(const bp__rng *r, uint64_t index);
/* Uniform in [0, 1): multiples of 2^-53 and 2^-24. */
double bp__rng_f64(const bp__rng *r, uint64_t index);
float bp__rng_f32(const bp__rng *r, uint64_t index);
/* Standard normal (Box-Muller over bp__log, bp__sin, bp__cos). */
double bp__rng_normal_f64(const bp__rng *r, uint64_t index);
float bp__rng_normal_f32(const bp__rng *r, uint64_t index);
/* Uniform in 0 .. n-1 (n >= 1), from 64 bits: off by less than n / 2^64. */
uint64_t bp__rng_below(const bp__rng *r, uint64_t index, uint64_t n);

/* Elements first .. first+n-1 of the same sequences, faster. */
void bp__rng_fill_u32(const bp__rng *r, uint64_t first, size_t n,
                      uint32_t *out);
void bp__rng_fill_f32(const bp__rng *r, uint64_t first, size_t n, float *out);
void bp__rng_fill_f64(const bp__rng *r, uint64_t first, size_t n, double *out);
void bp__rng_fill_normal_f32(const bp__rng *r, uint64_t first, size_t n,
                             float *out);
void bp__rng_fill_normal_f64(const bp__rng *r, uint64_t first, size_t n,
                             double *out);
/* 1 with probability p, else 0: u32(index) < p * 2^32. */
void bp__rng_fill_bernoulli(const bp__rng *r, double p, uint64_t first,
                            size_t n, uint8_t *out);

/* A permutation of 0 .. n-1 (Fisher and Yates), every one equally likely but
 * for bp__rng_below's bias. */
void bp__rng_shuffle(const bp__rng *r, int64_t n, int64_t *perm);

#endif
