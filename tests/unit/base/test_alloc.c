/* Allocation through the caller's allocator: sizes, overflow, alignment,
 * growth. */
#include "base/base.h"
#include "t.h"

static void sizes(void)
{
    T_CHECK(bp__mul_size(3, 4) == 12 && bp__mul_size(0, SIZE_MAX) == 0 &&
            bp__mul_size(SIZE_MAX, 0) == 0);
    T_CHECK(bp__mul_size(SIZE_MAX / 2, 3) == SIZE_MAX);
    T_CHECK(bp__mul_size(SIZE_MAX, 1) == SIZE_MAX);
    t_heap h = {.fail_at = -1};
    bp_allocator a = t_allocator(&h);
    T_CHECK(bp__alloc(&a, SIZE_MAX) == NULL && h.calls == 0);
    T_CHECK(bp__alloc64(&a, SIZE_MAX) == NULL && h.calls == 0);
    T_CHECK(bp__calloc(&a, SIZE_MAX / 2, 3) == NULL && h.calls == 0);
    T_CHECK(bp__realloc(&a, NULL, 0, SIZE_MAX) == NULL && h.calls == 0);
    void *p = bp__alloc(&a, 0); /* nothing is something */
    T_CHECK(p != NULL);
    bp__free(&a, p, 0);
    bp__free(&a, NULL, 10);
    char *z = bp__calloc(&a, 5, 3);
    T_REQUIRE(z);
    for (int i = 0; i < 15; i++)
        T_CHECK(z[i] == 0);
    z = bp__realloc(&a, z, 15, 30);
    T_CHECK(z && z[14] == 0);
    bp__free(&a, z, 30);
    char *s = bp__strdup(&a, "text");
    T_CHECK(s && !strcmp(s, "text"));
    bp__strfree(&a, s);
    bp__strfree(&a, NULL);
    T_CHECK(h.live == 0);
}

/* A 0 among the dims hides nothing: strides are products of the others. */
static void elements(void)
{
    static const struct {
        int rank;
        int64_t dims[4];
        int64_t want;
    } cases[] = {
        {0, {0}, 1},
        {3, {2, 3, 4}, 24},
        {3, {2, 0, 4}, 0},
        {1, {-1}, -1},
        {2, {0, -1}, -1},
        {2, {INT64_MAX, 0}, -1},
        {2, {0, INT64_MAX}, -1},
        {3, {(int64_t)1 << 62, (int64_t)1 << 62, 0}, -1},
        {3, {(int64_t)1 << 31, 0, (int64_t)1 << 31}, -1},
        {4, {(int64_t)1 << 20, 0, (int64_t)1 << 20, 0}, 0},
        {2, {(int64_t)1 << 31, (int64_t)1 << 30}, -1},
        {2, {(int64_t)1 << 29, (int64_t)1 << 29}, (int64_t)1 << 58},
    };
    for (size_t i = 0; i < BP__ARRAY_LEN(cases); i++) {
        int64_t n = bp__dims_numel(cases[i].rank, cases[i].dims, 8);
        T_CHECKF(n == cases[i].want, "case %zu: %lld", i, (long long)n);
    }
}

static void alignment(void)
{
    t_heap h = {.fail_at = -1};
    bp_allocator a = t_allocator(&h);
    for (size_t n = 0; n < 300; n += 7) {
        unsigned char *p = bp__alloc64(&a, n);
        T_REQUIRE(p && (uintptr_t)p % 64 == 0);
        memset(p, 1, n);
        bp__free64(&a, p, n);
    }
    bp__free64(&a, NULL, 5);
    T_CHECK(h.live == 0);
    h.fail_at = h.calls;
    T_CHECK(bp__alloc64(&a, 10) == NULL && h.live == 0);
}

static void growth(void)
{
    t_heap h = {.fail_at = -1};
    bp_allocator a = t_allocator(&h);
    int *v = NULL;
    size_t cap = 0;
    for (int i = 0; i < 1000; i++) {
        T_REQUIRE(bp__grow(&a, &v, &cap, (size_t)i + 1, sizeof *v));
        v[i] = i;
    }
    bool same = true;
    for (int i = 0; i < 1000; i++)
        same = same && v[i] == i;
    T_CHECK(same && h.calls < 20);
    size_t before = cap;
    h.fail_at = h.calls;
    T_CHECK(!bp__grow(&a, &v, &cap, 5000, sizeof *v));
    T_CHECK(cap == before && v[999] == 999);
    T_CHECK(!bp__grow(&a, &v, &cap, SIZE_MAX, sizeof *v));
    T_CHECK(!bp__grow(&a, &v, &cap, SIZE_MAX / 2, sizeof *v));
    bp__free(&a, v, cap * sizeof *v);
    T_CHECK(h.live == 0);
}

static void hashes(void)
{
    T_CHECK(bp__hash(BP__HASH_INIT, "", 0) == BP__HASH_INIT);
    T_CHECK(bp__hash(BP__HASH_INIT, "a", 1) == 0xaf63dc4c8601ec8cull);
    T_CHECK(bp__hash(BP__HASH_INIT, "foobar", 6) == 0x85944171f73967e8ull);
    T_CHECK(bp__hash(bp__hash(BP__HASH_INIT, "foo", 3), "bar", 3) ==
            0x85944171f73967e8ull);
}

int main(void)
{
    sizes();
    elements();
    alignment();
    growth();
    hashes();
    return t_end();
}
