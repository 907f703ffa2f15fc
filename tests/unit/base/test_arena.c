/* Arenas: zeroed, aligned, sticky after a failure, freed as a whole. */
#include "base/base.h"
#include "t.h"

static void hands_out(void)
{
    t_heap h = {.fail_at = -1};
    bp_allocator a = t_allocator(&h);
    bp__arena ar;
    bp__arena_init(&ar, &a);
    unsigned char *small[200];
    for (int i = 0; i < 200; i++) {
        size_t n = (size_t)(i * 37 % 500);
        small[i] = bp__arena_alloc(&ar, n);
        T_REQUIRE(small[i] && (uintptr_t)small[i] % 16 == 0);
        bool zero = true;
        for (size_t k = 0; k < n; k++)
            zero = zero && small[i][k] == 0;
        T_CHECK(zero);
        memset(small[i], i, n);
        if (i % 20 == 0) { /* a large one does not end the small blocks */
            void *large = bp__arena_alloc(&ar, 100000);
            T_CHECK(large && (uintptr_t)large % 16 == 0);
        }
    }
    bool kept = true;
    for (int i = 0; i < 200; i++)
        for (int k = 0; k < i * 37 % 500; k++)
            kept = kept && small[i][k] == i;
    T_CHECK(kept);
    T_CHECK(!strcmp(bp__arena_strdup(&ar, "abc"), "abc"));
    T_CHECK(!strcmp(bp__arena_printf(&ar, "%d-%s-%g", 1, "x", 0.5),
                    "1-x-0.5"));
    int v[3] = {1, 2, 3};
    int *w = bp__arena_copy(&ar, v, sizeof v);
    T_CHECK(w && w[2] == 3);
    T_CHECK(bp__arena_array(&ar, 10, 8) != NULL);
    T_CHECK(!ar.failed);
    T_CHECK(bp__arena_array(&ar, SIZE_MAX / 2, 8) == NULL && ar.failed);
    T_CHECK(bp__arena_alloc(&ar, 1) == NULL); /* sticky */
    T_CHECK(bp__arena_strdup(&ar, "abc") == NULL);
    T_CHECK(bp__arena_printf(&ar, "abc") == NULL);
    bp__arena_free(&ar);
    bp__arena_free(&ar);
    T_CHECK(h.live == 0);
}

static void failures(void)
{
    for (int64_t n = 0;; n++) {
        t_heap h = {.fail_at = n};
        bp_allocator a = t_allocator(&h);
        bp__arena ar;
        bp__arena_init(&ar, &a);
        bool ok = true;
        for (int i = 0; i < 50; i++)
            ok = bp__arena_alloc(&ar, 3000) != NULL && ok;
        T_CHECK(ok == !ar.failed && ar.failed == (h.failed > 0));
        bp__arena_free(&ar);
        T_CHECK(h.live == 0);
        if (!h.failed)
            break;
    }
}

int main(void)
{
    hands_out();
    failures();
    return t_end();
}
