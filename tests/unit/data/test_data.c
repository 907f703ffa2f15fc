/* Data sets from memory: conversion, borrowing, ranges, parts, references,
 * refusals, and every failing allocation. */
#include "base/base.h"
#include "data/data.h"
#include "t.h"

#include <bprop/data.h>

static float pixels[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static uint8_t bytes[6] = {0, 1, 2, 3, 4, 255};
static double doubles[3] = {0.5, 0.1, -2};
static int32_t labels[3] = {2, 0, 1};
static uint8_t small_labels[3] = {2, 0, 1};

static bp_array array2(bp_dtype t, int64_t n, int64_t m, void *data)
{
    bp_array x = {t, 2, {n, m}, data, (size_t)(n * m) * bp_dtype_bytes(t)};
    return x;
}

static bp_array array1(bp_dtype t, int64_t n, void *data)
{
    bp_array x = {t, 1, {n}, data, (size_t)n * bp_dtype_bytes(t)};
    return x;
}

static void copies(void)
{
    bp_array in[2] = {array2(BP_F32, 3, 4, pixels),
                      array2(BP_U8, 3, 2, bytes)};
    bp_array y = array1(BP_U8, 3, small_labels), v;
    bp_data *d;
    bp_error err = {0};
    T_OK(bp_data_from_arrays(in, 2, &y, NULL, &d, &err), &err);
    T_CHECK(bp_data_count(d) == 3 && bp_data_inputs(d) == 2);
    T_CHECK(bp_data_target_kind(d) == BP_TARGET_CLASS);
    T_CHECK(bp_data_classes(d) == 3);
    T_CHECK(!strcmp(bp_data_source(d), "arrays"));
    pixels[5] = 99;
    T_CHECK(bp_data_input(d, 0, &v) && v.dtype == BP_F32 && v.rank == 2 &&
            v.dims[0] == 3 && v.dims[1] == 4 && v.bytes == 48);
    T_CHECK(((float *)v.data)[5] == 5);
    pixels[5] = 5;
    T_CHECK(bp_data_input(d, 1, &v) && v.dtype == BP_U8 && v.dims[1] == 2);
    T_CHECK(!bp_data_input(d, 2, &v));
    T_CHECK(bp_data_target(d, &v) && v.dtype == BP_I32 &&
            !memcmp(v.data, labels, sizeof labels));
    bp_data_free(d);
    bp_data_free(NULL);
}

static void converts(void)
{
    bp_array x = array1(BP_F64, 3, doubles), v;
    bp_data *d;
    bp_error err = {0};
    T_OK(bp_data_from_arrays(&x, 1, &x, NULL, &d, &err), &err);
    T_CHECK(bp_data_input(d, 0, &v) && v.dtype == BP_F64 && v.rank == 1 &&
            ((double *)v.data)[1] == 0.1);
    T_CHECK(bp_data_target(d, &v) && v.dtype == BP_F64 &&
            ((double *)v.data)[2] == -2);
    T_CHECK(bp_data_target_kind(d) == BP_TARGET_REAL &&
            bp_data_classes(d) == 0);
    bp_data_free(d);
    x = array1(BP_BOOL, 3, small_labels);
    T_OK(bp_data_from_arrays(&x, 1, NULL, NULL, &d, &err), &err);
    T_CHECK(bp_data_input(d, 0, &v) && v.dtype == BP_BOOL);
    T_CHECK(!bp_data_target(d, &v) &&
            bp_data_target_kind(d) == BP_TARGET_NONE);
    bp_data_free(d);
}

static void borrows(void)
{
    bp_array x = array2(BP_F32, 3, 4, pixels), y = array1(BP_I32, 3, labels),
             v;
    bp_data_options o = {.size = sizeof o, .borrow = true};
    bp_data *d;
    bp_error err = {0};
    T_OK(bp_data_from_arrays(&x, 1, &y, &o, &d, &err), &err);
    T_CHECK(bp_data_input(d, 0, &v) && v.data == pixels);
    T_CHECK(bp_data_target(d, &v) && v.data == labels);
    bp_data_free(d);
    o.first = 1;
    o.last = 3;
    T_OK(bp_data_from_arrays(&x, 1, &y, &o, &d, &err), &err);
    T_CHECK(bp_data_count(d) == 2 && bp_data_input(d, 0, &v) &&
            v.data == pixels + 4);
    bp_data_free(d);
    x = array1(BP_F64, 3, doubles);
    T_OK(bp_data_from_arrays(&x, 1, &x, &o, &d, &err), &err);
    T_CHECK(bp_data_target(d, &v) && v.data == doubles + 1);
    bp_data_free(d);
    y = array1(BP_U8, 3, small_labels);
    T_CHECK(bp_data_from_arrays(&x, 1, &y, &o, &d, &err) == BP_EDTYPE);
    T_CHECK(d == NULL && strstr(err.message, "borrowed"));
}

/* Tokens and several labels a sample stay as they are, through parts. */
static void labels_of_rank_2(void)
{
    static int32_t tokens[6] = {5, 1, 2, 0, 9, 4};
    static uint8_t tags[6] = {1, 0, 2, 1, 3, 0};
    static const int64_t rows[2] = {2, 0};
    bp_array x = array2(BP_I32, 3, 2, tokens), y = array2(BP_U8, 3, 2, tags),
             v;
    bp_data *d, *p;
    bp_error err = {0};
    T_OK(bp_data_from_arrays(&x, 1, &y, NULL, &d, &err), &err);
    T_CHECK(bp_data_target_kind(d) == BP_TARGET_CLASS &&
            bp_data_classes(d) == 4);
    T_CHECK(bp_data_input(d, 0, &v) && v.dtype == BP_I32 &&
            ((int32_t *)v.data)[4] == 9);
    int64_t count[4];
    bp__data_count_classes(d, 4, count);
    T_CHECK(count[0] == 2 && count[1] == 2 && count[2] == 1 && count[3] == 1);
    T_OK(bp_data_select(d, rows, 2, &p, &err), &err);
    T_CHECK(bp_data_target(p, &v) && v.rank == 2 && v.dtype == BP_I32 &&
            ((int32_t *)v.data)[0] == 3 && ((int32_t *)v.data)[3] == 0);
    T_CHECK(bp_data_input(p, 0, &v) && ((int32_t *)v.data)[0] == 9);
    bp_data_free(p);
    T_OK(bp_data_slice(d, 0, 2, &p, &err), &err);
    T_CHECK(bp_data_classes(p) == 3 && bp_data_target(p, &v) &&
            v.dims[0] == 2 && v.dims[1] == 2);
    bp_data_free(p);
    bp_data_free(d);
}

static void ranges_and_parts(void)
{
    bp_array x = array2(BP_F32, 3, 4, pixels), y = array1(BP_I32, 3, labels),
             v;
    bp_data_options o = {.size = sizeof o, .first = 1, .last = 3};
    bp_data *d, *p, *q;
    bp_error err = {0};
    T_OK(bp_data_from_arrays(&x, 1, &y, &o, &d, &err), &err);
    T_CHECK(bp_data_count(d) == 2 && bp_data_classes(d) == 2);
    T_CHECK(bp_data_input(d, 0, &v) && ((float *)v.data)[0] == 4);
    static const int64_t bad[][2] = {{0, 3}, {1, 1}, {2, 1}, {-1, 1}, {2, 3}};
    for (size_t i = 0; i < BP__ARRAY_LEN(bad); i++) {
        T_CHECK(bp_data_slice(d, bad[i][0], bad[i][1], &p, &err) == BP_ERANGE);
        T_CHECK(p == NULL && strstr(err.message, "2 samples"));
    }
    T_OK(bp_data_slice(d, 1, 2, &p, &err), &err);
    T_OK(bp_data_slice(p, 0, 1, &q, &err), &err);
    bp_data_free(d); /* the order of freeing does not matter */
    bp_data_free(p);
    T_CHECK(bp_data_count(q) == 1 && bp_data_classes(q) == 2);
    T_CHECK(bp_data_input(q, 0, &v) && v.bytes == 16 && v.dims[0] == 1 &&
            ((float *)v.data)[0] == 8);
    T_CHECK(bp_data_target(q, &v) && ((int32_t *)v.data)[0] == 1);
    T_CHECK(bp_data_retain(q) == q);
    bp_data_free(q);
    T_CHECK(bp_data_count(q) == 1);
    bp_data_free(q);
    o.last = 4;
    T_CHECK(bp_data_from_arrays(&x, 1, &y, &o, &d, &err) == BP_ERANGE);
    T_CHECK(strstr(err.message, "[1, 4)") && strstr(err.message, "3 samples"));
}

static void refuses(void)
{
    bp_array in[9], y = array1(BP_I32, 3, labels);
    for (int i = 0; i < 9; i++)
        in[i] = array2(BP_F32, 3, 4, pixels);
    bp_data *d = NULL;
    bp_error err = {0};
    T_CHECK(bp_data_from_arrays(in, 0, &y, NULL, &d, &err) == BP_EARG);
    T_CHECK(bp_data_from_arrays(in, 9, &y, NULL, &d, &err) == BP_EARG);
    in[1].dims[0] = 2;
    in[1].bytes = 32;
    T_CHECK(bp_data_from_arrays(in, 2, &y, NULL, &d, &err) == BP_ESHAPE);
    T_CHECK(strstr(err.message, "input 1 has 2 samples and input 0 has 3"));
    T_CHECK(bp_data_from_arrays(in + 1, 1, &y, NULL, &d, &err) == BP_ESHAPE);
    T_CHECK(strstr(err.message, "target has 3 samples"));
    in[0].bytes = 47;
    T_CHECK(bp_data_from_arrays(in, 1, &y, NULL, &d, &err) == BP_EARG);
    in[0] = array2(BP_F32, 3, 4, pixels);
    in[0].rank = 0;
    in[0].bytes = 4;
    T_CHECK(bp_data_from_arrays(in, 1, NULL, NULL, &d, &err) == BP_ESHAPE);
    in[0] = array2(BP_F32, 0, 4, pixels);
    T_CHECK(bp_data_from_arrays(in, 1, NULL, NULL, &d, &err) == BP_ERANGE);
    T_CHECK(strstr(err.message, "no samples") && d == NULL);
    in[0] = array2(BP_F32, (int64_t)1 << 50, 0, pixels);
    T_CHECK(bp_data_from_arrays(in, 1, NULL, NULL, &d, &err) == BP_ESHAPE);
    T_CHECK(strstr(err.message, "no sample holds a number") && d == NULL);
    bp_data_options o = {.size = 0};
    in[0] = array2(BP_F32, 3, 4, pixels);
    T_CHECK(bp_data_from_arrays(in, 1, NULL, &o, &d, &err) == BP_EARG);
    T_CHECK(strstr(err.message, "size") != NULL);
}

/* A label far above any class is data all the same (bp_data_check names it),
 * but no room is made for as many classes. */
static void largest_labels(void)
{
    static int32_t y[3] = {1, 0, INT32_MAX};
    static const int32_t tops[] = {2, (1 << 20) - 1, 1 << 20, INT32_MAX, -1};
    static const int64_t want[] = {3, 1 << 20, 0, 0, 2};
    for (size_t i = 0; i < BP__ARRAY_LEN(tops); i++) {
        bp_array x = array2(BP_F32, 3, 4, pixels), t = array1(BP_I32, 3, y);
        bp_data *d = NULL;
        bp_error err = {0};
        y[2] = tops[i];
        T_OK(bp_data_from_arrays(&x, 1, &t, NULL, &d, &err), &err);
        T_CHECK(bp__data_countable_classes(d) == want[i]);
        bp_data_free(d);
    }
}

static void allocations(void)
{
    bp_array in[2] = {array1(BP_F64, 3, doubles), array2(BP_U8, 3, 2, bytes)};
    bp_array y = array1(BP_U8, 3, small_labels);
    bp_error err = {0};
    for (int persistent = 0; persistent < 2; persistent++)
        for (int64_t n = 0;; n++) {
            T_REQUIRE(n < 100);
            t_heap h = {.fail_at = n, .persistent = persistent};
            bp_allocator a = t_allocator(&h);
            bp_data_options o = {
                .size = sizeof o, .allocator = &a, .first = 1, .last = 3};
            bp_data *d, *p = NULL;
            bp_status s = bp_data_from_arrays(in, 2, &y, &o, &d, &err);
            if (!s)
                s = bp_data_slice(d, 0, 1, &p, &err);
            T_CHECK(s == (h.failed ? BP_ENOMEM : BP_OK));
            bp_data_free(d);
            bp_data_free(p);
            T_CHECK(h.live == 0);
            if (!h.failed)
                break;
        }
}

int main(void)
{
    copies();
    converts();
    labels_of_rank_2();
    borrows();
    ranges_and_parts();
    refuses();
    largest_labels();
    allocations();
    T_CHECK(!strcmp(bp_split_name(BP_SPLIT_VALID), "valid"));
    T_CHECK(!strcmp(bp_split_name((bp_split)9), "?"));
    return t_end();
}
