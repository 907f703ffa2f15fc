/* Offsets of buffers: those alive together never overlap, for few by pairs
 * and for very many by a sweep, in little more than the most that is alive. */
#include "plan/plan.h"
#include "t.h"

static bool overlap(const bp__interval *a, const bp__interval *b)
{
    return a->from <= b->to && b->from <= a->to &&
           a->place < b->place + b->bytes && b->place < a->place + a->bytes;
}

/* A chain and its way back, as training gives it, with sizes that change; or
 * anything. */
static void fill(bp__interval *iv, size_t n, uint32_t n_segments, bool chain,
                 uint64_t *state)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t from = (uint32_t)t_uniform(state, 0, n_segments);
        uint32_t to = (uint32_t)t_uniform(state, from, n_segments);
        if (chain) {
            from = (uint32_t)(i * n_segments / (2 * n));
            to = n_segments - 1 - from;
        }
        iv[i] = (bp__interval){(size_t)t_uniform(state, 0, 2000), from, to,
                               0};
    }
}

static void check_small(uint64_t *state)
{
    enum { N = 300, SEGMENTS = 40 };
    bp__interval iv[N];
    uint32_t order[N];
    size_t sums[SEGMENTS];
    for (int k = 0; k < 40; k++) {
        size_t n = (size_t)t_uniform(state, 0, N), peak;
        fill(iv, n, SEGMENTS, k % 2, state);
        for (int way = 0; way < 2; way++) {
            if (way)
                peak = bp__place(iv, n, order);
            else
                T_REQUIRE(bp__place_sweep(&bp__malloc_allocator, iv, n,
                                          &peak));
            T_CHECK(peak >= bp__place_lower_bound(iv, n, SEGMENTS, sums));
            for (size_t i = 0; i < n; i++) {
                T_CHECK(iv[i].place + iv[i].bytes <= peak &&
                        iv[i].place % 64 == 0);
                for (size_t j = 0; j < i; j++)
                    T_CHECKF(!overlap(&iv[i], &iv[j]), "%d: %zu and %zu", way,
                             i, j);
            }
        }
    }
}

/* Pairs of these would not be done today. */
static void check_many(uint64_t *state)
{
    enum { N = 1 << 20, SEGMENTS = 1 << 16 };
    bp__interval *iv = calloc(N, sizeof *iv);
    size_t *sums = calloc(SEGMENTS, sizeof *sums), peak;
    T_REQUIRE(iv && sums);
    fill(iv, N, SEGMENTS, true, state);
    T_REQUIRE(bp__place_sweep(&bp__malloc_allocator, iv, N, &peak));
    size_t bound = bp__place_lower_bound(iv, N, SEGMENTS, sums);
    T_CHECKF(peak >= bound && peak <= bound + bound / 4, "%zu, %zu", peak,
             bound);
    free(iv);
    free(sums);
}

static void check_allocations(uint64_t *state)
{
    enum { N = 50 };
    bp__interval iv[N];
    size_t peak;
    fill(iv, N, 9, false, state);
    for (int64_t n = 0;; n++) {
        t_heap h = {.fail_at = n};
        bp_allocator heap = t_allocator(&h);
        bool made = bp__place_sweep(&heap, iv, N, &peak);
        T_CHECK(made == !h.failed && h.live == 0);
        if (made)
            break;
    }
}

int main(void)
{
    uint64_t state = 5;
    check_small(&state);
    check_many(&state);
    check_allocations(&state);
    return t_end();
}
