/* .npy: files as NumPy writes them, every dtype, order and damage, faults. */
#include "fmt/npy.h"
#include "t.h"
#include "t_fs.h"

#include <unistd.h>

/* A file of version 1, 2 or 3 with this header text and data. */
static size_t make_file(unsigned char *f, int version, const char *header,
                        const void *data, size_t bytes)
{
    size_t n = strlen(header), at = version == 1 ? 10 : 12;
    memcpy(f, "\x93NUMPY", 6);
    f[6] = (unsigned char)version;
    f[7] = 0;
    f[8] = (unsigned char)n;
    f[9] = (unsigned char)(n >> 8);
    f[10] = f[11] = 0;
    memcpy(f + at, header, n);
    if (bytes)
        memcpy(f + at + n, data, bytes);
    return at + n + bytes;
}

static bp_status parse_text(const char *header, const void *data, size_t bytes,
                            bp_array *x, bp_error *err)
{
    unsigned char f[2000];
    size_t n = make_file(f, 1, header, data, bytes);
    unsigned char *exact = malloc(n); /* a sanitizer sees its end */
    memcpy(exact, f, n);
    bp_status s = bp__npy_parse(NULL, exact, n, "x.npy", x, err);
    free(exact);
    return s;
}

static void dtypes(void)
{
    static const struct {
        const char *descr;
        bp_dtype dtype;
        unsigned char data[16];
        double want[2];
    } cases[] = {
        {"<f4", BP_F32, {0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0}, {1.5, -2}},
        {">f4", BP_F32, {0x3f, 0xc0, 0, 0, 0xc0, 0, 0, 0}, {1.5, -2}},
        {"<f8",
         BP_F64,
         {0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0},
         {1.5, -2}},
        {"<f2", BP_F32, {0, 0x3e, 0, 0xc0}, {1.5, -2}},
        {"<f2", BP_F32, {1, 0, 0, 0x84}, {0x1p-24, -0x1p-14}},
        {"<i4", BP_I32, {1, 2, 0, 0, 0xfe, 0xff, 0xff, 0xff}, {513, -2}},
        {">i4", BP_I32, {0, 0, 2, 1, 0xff, 0xff, 0xff, 0xfe}, {513, -2}},
        {"<i8",
         BP_I32,
         {1, 2, 0, 0, 0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
          0xff},
         {513, -2}},
        {"<i2", BP_I32, {1, 2, 0xfe, 0xff}, {513, -2}},
        {"<u2", BP_I32, {1, 2, 0xfe, 0xff}, {513, 65534}},
        {"|i1", BP_I32, {7, 0xfe}, {7, -2}},
        {"<u4",
         BP_I32,
         {1, 2, 0, 0, 0xff, 0xff, 0xff, 0x7f},
         {513, 2147483647}},
        {"|u1", BP_U8, {7, 0xfe}, {7, 254}},
        {"|b1", BP_BOOL, {1, 0}, {1, 0}},
    };
    for (size_t i = 0; i < BP__ARRAY_LEN(cases); i++) {
        char header[200];
        snprintf(header, sizeof header,
                 "{'descr': '%s', 'fortran_order': False, 'shape': (2,), }   "
                 "\n",
                 cases[i].descr);
        static const char sizes[] = "0123456789";
        size_t bytes = 2 * (size_t)(strchr(sizes, cases[i].descr[2]) - sizes);
        bp_array x;
        bp_error err = {0};
        bp_status s = parse_text(header, cases[i].data, bytes, &x, &err);
        if (!T_CHECKF(s == BP_OK, "%s: %s", cases[i].descr, err.message))
            continue;
        T_CHECK(x.dtype == cases[i].dtype && x.rank == 1 && x.dims[0] == 2);
        for (int k = 0; k < 2; k++) {
            double v = x.dtype == BP_F32   ? (double)((float *)x.data)[k]
                       : x.dtype == BP_F64 ? ((double *)x.data)[k]
                       : x.dtype == BP_I32 ? ((int32_t *)x.data)[k]
                                           : ((uint8_t *)x.data)[k];
            T_CHECKF(v == cases[i].want[k], "%s: %g", cases[i].descr, v);
        }
        bp_array_free(NULL, &x);
    }
}

static void shapes(void)
{
    static const unsigned char data[24] = {0,  1,  2,  3,  4,  5,  6,  7,
                                           8,  9,  10, 11, 12, 13, 14, 15,
                                           16, 17, 18, 19, 20, 21, 22, 23};
    bp_array x;
    bp_error err = {0};
    T_OK(parse_text("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, "
                    "4)}",
                    data, 24, &x, &err),
         &err);
    T_CHECK(x.rank == 3 && x.bytes == 24);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 4; k++)
                T_CHECK(((uint8_t *)x.data)[(i * 3 + j) * 4 + k] ==
                        i + 2 * j + 6 * k);
    bp_array_free(NULL, &x);
    T_OK(parse_text("{'descr':'|u1','fortran_order':False,'shape':()}", data,
                    1, &x, &err),
         &err);
    T_CHECK(x.rank == 0 && x.bytes == 1);
    bp_array_free(NULL, &x);
    T_OK(parse_text("{'descr':'<f4','fortran_order':True,'shape':(0,3L)}",
                    data, 0, &x, &err),
         &err);
    T_CHECK(x.rank == 2 && x.bytes == 0 && x.dims[1] == 3);
    bp_array_free(NULL, &x);
    for (int version = 2; version <= 3; version++) {
        unsigned char f[200];
        size_t n = make_file(f, version,
                             "{\"descr\": \"|u1\", \"shape\": (3,), "
                             "\"fortran_order\": False}\n",
                             data, 3);
        T_OK(bp__npy_parse(NULL, f, n, "x.npy", &x, &err), &err);
        T_CHECK(x.dims[0] == 3 && ((uint8_t *)x.data)[2] == 2);
        bp_array_free(NULL, &x);
    }
}

static void refuses(void)
{
#define HEAD "{'descr':'<f4','fortran_order':False,'shape':"
    static const struct {
        const char *header;
        size_t bytes;
        bp_status status;
        const char *message;
    } bad[] = {
        {HEAD "(3,)}", 11, BP_EFORMAT, "asks for 12 bytes"},
        {HEAD "(3,)}", 13, BP_EFORMAT, "and 13 follow"},
        {HEAD "(3,)}", 11, BP_EFORMAT, "truncated"},
        {HEAD "(-3,)}", 12, BP_EFORMAT, "whole numbers"},
        {HEAD "(3.0,)}", 12, BP_EFORMAT, "shape does not end"},
        {HEAD "(a,)}", 12, BP_EFORMAT, "whole numbers"},
        {HEAD "3}", 12, BP_EFORMAT, "parentheses"},
        {HEAD "(3,)", 12, BP_EFORMAT, "header does not end"},
        {HEAD "(3", 12, BP_EFORMAT, "shape does not end"},
        {HEAD "(3,)} x", 12, BP_EFORMAT, "text after its header"},
        {HEAD "(1,1,1,1,1,1,1,1,1)}", 4, BP_ELIMIT, "more than 8 axes"},
        {HEAD "(4611686018427387904,4611686018427387904)}", 4, BP_EFORMAT,
         "no memory"},
        {HEAD "(9223372036854775807,0)}", 0, BP_EFORMAT, "no memory"},
        {HEAD "(0,9223372036854775807)}", 0, BP_EFORMAT, "no memory"},
        {HEAD "(4611686018427387904,0,4611686018427387904)}", 0, BP_EFORMAT,
         "no memory"},
        {"{'descr':'<f4','fortran_order':True,'shape':"
         "(4611686018427387904,4611686018427387904,0)}", 0, BP_EFORMAT,
         "no memory"},
        {HEAD "(99999999999999999999,)}", 4, BP_EFORMAT, "whole numbers"},
        {"{'descr':'<f4','shape':(1,)}", 4, BP_EFORMAT, "must hold"},
        {"{'descr':'<f4','fortran_order':0,'shape':(1,)}", 4, BP_EFORMAT,
         "neither True nor False"},
        {"{'descr':'<c8','fortran_order':False,'shape':(1,)}", 8, BP_EDTYPE,
         "'<c8'"},
        {"{'descr':'|O','fortran_order':False,'shape':(1,)}", 8, BP_EDTYPE,
         "'|O'"},
        {"{'descr':[('a','<f4')],'fortran_order':False,'shape':(1,)}", 4,
         BP_EDTYPE, "structure"},
        {"{'x':1}", 4, BP_EFORMAT, "unknown or repeated key"},
        {"[]", 4, BP_EFORMAT, "not a dictionary"},
        {"", 4, BP_EFORMAT, "not a dictionary"},
    };
    static const unsigned char data[64] = {0};
    for (size_t i = 0; i < BP__ARRAY_LEN(bad); i++) {
        bp_array x;
        bp_error err = {0};
        bp_status s = parse_text(bad[i].header, data, bad[i].bytes, &x, &err);
        T_CHECKF(s == bad[i].status && strstr(err.message, bad[i].message) &&
                     strstr(err.message, "x.npy") && x.data == NULL,
                 "%s: %s: %s", bad[i].header, bp_status_name(s), err.message);
    }
    bp_array x;
    bp_error err = {0};
    static const unsigned char big[8] = {0, 0, 0, 0, 1, 0, 0, 0};
    T_CHECK(parse_text("{'descr':'<i8','fortran_order':False,'shape':(1,)}",
                       big, 8, &x, &err) == BP_ERANGE);
    T_CHECK(strstr(err.message, "at [0] is 4294967296: from -2147483648"));
    static const unsigned char four[32] = {[16] = 0, 0, 0, 0, 0, 0, 0, 128};
    T_CHECK(parse_text("{'descr':'<i8','fortran_order':True,'shape':(2,2)}",
                       four, 32, &x, &err) == BP_ERANGE);
    T_CHECKF(strstr(err.message, "at [0,1] is -9223372036854775808"), "%s",
             err.message);
    T_CHECK(parse_text("{'descr':'<u8','fortran_order':False,'shape':(2,2)}",
                       four, 32, &x, &err) == BP_ERANGE);
    T_CHECKF(strstr(err.message, "at [1,0] is 9223372036854775808"), "%s",
             err.message);
    static const unsigned char two[1] = {2};
    T_CHECK(parse_text("{'descr':'|b1','fortran_order':False,'shape':(1,)}",
                       two, 1, &x, &err) == BP_EFORMAT);
    unsigned char f[100];
    size_t n = make_file(f, 1, HEAD "(1,)}", data, 4);
    f[6] = 4;
    T_CHECK(bp__npy_parse(NULL, f, n, "x.npy", &x, &err) == BP_EVERSION);
    f[6] = 1;
    for (size_t cut = 0; cut < n; cut++) {
        unsigned char *part = malloc(cut + 1);
        memcpy(part, f, cut);
        T_CHECK(bp__npy_parse(NULL, part, cut, "x.npy", &x, &err) ==
                BP_EFORMAT);
        free(part);
    }
}

static void round_trips(const char *path)
{
    static const int64_t dims[3] = {3, 1, 5};
    bp_error err = {0};
    for (int t = 0; t < BP_N_DTYPES; t++)
        for (int rank = 0; rank <= 3; rank++) {
            bp_array x, y;
            T_OK(bp_array_new(NULL, (bp_dtype)t, rank, dims, &x, &err), &err);
            for (size_t i = 0; i < x.bytes; i++)
                ((unsigned char *)x.data)[i] =
                    (unsigned char)(t == BP_BOOL ? i % 2 : i * 37);
            T_OK(bp_npy_save(path, &x, &err), &err);
            T_OK(bp_npy_load(NULL, path, &y, &err), &err);
            T_CHECK(y.dtype == x.dtype && y.rank == rank &&
                    y.bytes == x.bytes && !memcmp(y.data, x.data, x.bytes));
            bp_array_free(NULL, &x);
            bp_array_free(NULL, &y);
        }
    /* The very bytes that NumPy writes. */
    float v[2] = {1, 2};
    bp_array x = {BP_F32, 2, {1, 2}, v, sizeof v};
    T_OK(bp_npy_save(path, &x, &err), &err);
    bp__file_data f;
    T_OK(bp__file_read(NULL, NULL, path, false, 0, &f, &err), &err);
    T_CHECK(f.bytes == 128 + 8);
    T_CHECK(!memcmp(f.data,
                    "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', "
                    "'fortran_order': False, 'shape': (1, 2), }    ",
                    73));
    T_CHECK(f.data[127] == '\n');
    bp__file_free(&bp__malloc_allocator, &f);
    x.bytes = 4;
    T_CHECK(bp_npy_save(path, &x, &err) == BP_EARG);
}

static void faults(const char *path)
{
    float v[6] = {1, 2, 3, 4, 5, 6};
    bp_array x = {BP_F32, 2, {2, 3}, v, sizeof v}, y;
    bp_error err = {0};
    for (int64_t n = 0;; n++) {
        t_heap h = {.fail_at = n};
        bp_allocator a = t_allocator(&h);
        bp_status s = bp__npy_write(NULL, &a, path, &x, &err);
        if (!s)
            s = bp__npy_read(NULL, &a, path, &y, &err);
        T_CHECK(s == (h.failed ? BP_ENOMEM : BP_OK));
        if (!s)
            bp_array_free(&a, &y);
        T_CHECK(h.live == 0);
        if (!h.failed)
            break;
    }
    for (int64_t n = 0;; n++) {
        t_fs state = {.fail_at = n, .error = EIO};
        bp__fs fs = t_fs_make(&state);
        bp_status s = bp__npy_read(&fs, NULL, path, &y, &err);
        bool benign = state.failed && !strcmp(state.failed_op, "close");
        T_CHECK((s == BP_OK) == (!state.failed || benign));
        bp_array_free(NULL, &y);
        if (!state.failed)
            break;
    }
    unlink(path);
    T_CHECK(bp_npy_load(NULL, path, &y, &err) == BP_ENOTFOUND);
}

static void arrays(void)
{
    bp_array x;
    bp_error err = {0};
    int64_t huge[2] = {INT64_MAX, 2}, negative[1] = {-1};
    T_CHECK(bp_array_new(NULL, BP_F32, 2, huge, &x, &err) == BP_EARG);
    T_CHECK(bp_array_new(NULL, BP_F32, 1, negative, &x, &err) == BP_EARG);
    T_CHECK(bp_array_new(NULL, BP_F32, 9, huge, &x, &err) == BP_ELIMIT);
    T_CHECK(bp_array_new(NULL, (bp_dtype)7, 0, huge, &x, &err) == BP_EARG);
    bp_array_free(NULL, NULL);
    bp_array_free(NULL, &x);
}

int main(void)
{
    char path[100];
    snprintf(path, sizeof path, "test_npy_%ld.npy", (long)getpid());
    dtypes();
    shapes();
    refuses();
    round_trips(path);
    faults(path);
    arrays();
    return t_end();
}
