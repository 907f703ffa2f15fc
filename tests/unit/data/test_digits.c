/* The drawn digits: the same bits everywhere, independent of how many are
 * drawn, all classes, dark background, and visibly different samples. */
#include "data/data.h"
#include "t.h"

#include <time.h>

static uint64_t hash_of(const bp_data *d)
{
    bp_array x, y;
    T_REQUIRE(bp_data_input(d, 0, &x) && bp_data_target(d, &y));
    uint64_t h = bp__hash(BP__HASH_INIT, x.data, x.bytes);
    for (int64_t i = 0; i < y.dims[0]; i++) {
        unsigned char label = (unsigned char)((int32_t *)y.data)[i];
        h = bp__hash(h, &label, 1);
    }
    return h;
}

static void stored_bits(void)
{
    /* A change of any of these changes every published result. */
    static const uint64_t want[3] = {0x0aabf09efbda414bull,
                                     0xbdc833dac1fc7096ull,
                                     0xc2e5f590d615bb05ull};
    static const int64_t sizes[3] = {6000, 1000, 2000};
    bp_error err = {0};
    clock_t start = clock();
    for (int s = 0; s < 3; s++) {
        bp_data *d;
        T_OK(bp_data_digits((bp_split)s, 0, 1, NULL, &d, &err), &err);
        T_CHECK(bp_data_count(d) == sizes[s] && bp_data_classes(d) == 10);
        uint64_t h = hash_of(d);
        T_CHECKF(h == want[s], "%s: %016llx", bp_split_name((bp_split)s),
                 (unsigned long long)h);
        bp_data_free(d);
    }
    printf("9,000 digits in %.2f s\n",
           (double)(clock() - start) / CLOCKS_PER_SEC);
}

static void function_of_index(void)
{
    bp_error err = {0};
    bp_data *d, *e;
    T_OK(bp_data_digits(BP_SPLIT_TRAIN, 50, 7, NULL, &d, &err), &err);
    bp_data_options o = {.size = sizeof o, .first = 20, .last = 30};
    T_OK(bp_data_digits(BP_SPLIT_TRAIN, 1000, 7, &o, &e, &err), &err);
    bp_array x, y, v, w;
    T_REQUIRE(bp_data_input(d, 0, &x) && bp_data_target(d, &y));
    T_REQUIRE(bp_data_input(e, 0, &v) && bp_data_target(e, &w));
    T_CHECK(x.dtype == BP_U8 && x.rank == 3 && x.dims[1] == 28 &&
            x.dims[2] == 28 && v.dims[0] == 10);
    T_CHECK(!memcmp(v.data, (uint8_t *)x.data + 20 * 784, v.bytes));
    T_CHECK(!memcmp(w.data, (int32_t *)y.data + 20, w.bytes));
    /* Seeds and splits differ. */
    uint8_t a[784], b[784], c[784];
    bp__digit_draw(7, BP_SPLIT_TRAIN, 20, a);
    bp__digit_draw(8, BP_SPLIT_TRAIN, 20, b);
    bp__digit_draw(7, BP_SPLIT_TEST, 20, c);
    T_CHECK(!memcmp(a, v.data, 784));
    T_CHECK(memcmp(a, b, 784) != 0 && memcmp(a, c, 784) != 0);
    bp_data_free(d);
    bp_data_free(e);
}

static void looks(void)
{
    int64_t count[10] = {0};
    double ink = 0;
    int n_equal = 0;
    enum { N = 2000 };
    uint64_t seen[N];
    for (int i = 0; i < N; i++) {
        uint8_t p[784];
        int label = bp__digit_draw(1, BP_SPLIT_TRAIN, i, p);
        T_REQUIRE(label >= 0 && label < 10);
        count[label]++;
        int strongest = 0, dark = 0;
        for (int k = 0; k < 784; k++) {
            ink += p[k];
            strongest = strongest > p[k] ? strongest : p[k];
            dark += p[k] < 60;
        }
        T_CHECKF(strongest > 100 && dark > 450, "sample %d: %d, %d", i,
                 strongest, dark);
        seen[i] = bp__hash(BP__HASH_INIT, p, sizeof p);
        for (int k = 0; k < i; k++)
            n_equal += seen[k] == seen[i];
    }
    T_CHECK(n_equal == 0);
    for (int k = 0; k < 10; k++)
        T_CHECKF(count[k] > 140 && count[k] < 260, "%d: %lld", k,
                 (long long)count[k]);
    T_NEAR(ink / N / 784 / 255, 0.12, 0.05);
}

static void refuses(void)
{
    bp_data *d;
    bp_error err = {0};
    T_CHECK(bp_data_digits((bp_split)3, 0, 1, NULL, &d, &err) == BP_EARG);
    T_CHECK(bp_data_digits(BP_SPLIT_TEST, -1, 1, NULL, &d, &err) == BP_EARG);
    bp_data_options o = {.size = sizeof o, .first = 5, .last = 11};
    T_CHECK(bp_data_digits(BP_SPLIT_TEST, 10, 1, &o, &d, &err) == BP_ERANGE);
    T_CHECK(d == NULL && strstr(err.message, "digits") != NULL);
    for (int64_t n = 0;; n++) {
        t_heap h = {.fail_at = n};
        bp_allocator a = t_allocator(&h);
        o = (bp_data_options){.size = sizeof o, .allocator = &a};
        bp_status s = bp_data_digits(BP_SPLIT_TEST, 10, 1, &o, &d, &err);
        T_CHECK(s == (h.failed ? BP_ENOMEM : BP_OK));
        bp_data_free(d);
        T_CHECK(h.live == 0);
        if (!h.failed)
            break;
    }
}

int main(void)
{
    stored_bits();
    function_of_index();
    looks();
    refuses();
    return t_end();
}
