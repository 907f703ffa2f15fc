/* safetensors: round trips, strict refusals, stable bytes, faults. */
#include "fmt/safetensors.h"
#include "t.h"
#include "t_fs.h"

#include <unistd.h>

static char path[100];

/* 8 bytes of length, the header, the data. */
static bp_status parse_text(const char *header, const void *data, size_t bytes,
                            bp__safetensors *st, bp_error *err)
{
    size_t n = strlen(header), total = 8 + n + bytes;
    unsigned char *f = malloc(total);
    for (int i = 0; i < 8; i++)
        f[i] = (unsigned char)((uint64_t)n >> 8 * i);
    memcpy(f + 8, header, n);
    if (bytes)
        memcpy(f + 8 + n, data, bytes);
    bp_status s = bp__safetensors_parse(NULL, f, total, "x.st", st, err);
    free(f);
    return s;
}

static const float weights[6] = {1, 2, 3, 4, 5, 6};
static const double moments[2] = {0.5, -0.25};
static const int32_t counts[1] = {-7};
static const uint8_t flags[3] = {1, 0, 1};

static const bp__st_entry sample[] = {
    {"0.weight", BP_F32, 2, {2, 3}, weights, sizeof weights},
    {"mask", BP_BOOL, 1, {3}, flags, sizeof flags},
    {"empty", BP_F32, 2, {0, 4}, weights, 0},
    {"m\"\xc3\xa9", BP_F64, 1, {2}, moments, sizeof moments},
    {"n", BP_I32, 0, {0}, counts, sizeof counts},
    {"u", BP_U8, 1, {3}, flags, sizeof flags},
};
static const bp__st_meta sample_meta[] = {{"format", "pt"}, {"step", "12"}};
enum { N_SAMPLE = BP__ARRAY_LEN(sample) };

static void check_sample(const bp__safetensors *st)
{
    T_CHECK(st->n_entries == N_SAMPLE && st->n_meta == 2);
    for (size_t i = 0; i < N_SAMPLE; i++) {
        const bp__st_entry *e = bp__safetensors_find(st, sample[i].name);
        T_REQUIRE(e != NULL);
        T_CHECK(e->dtype == sample[i].dtype && e->rank == sample[i].rank &&
                e->bytes == sample[i].bytes &&
                !memcmp(e->dims, sample[i].dims,
                        (size_t)e->rank * sizeof e->dims[0]));
        T_CHECK(e->bytes == 0 || !memcmp(e->data, sample[i].data, e->bytes));
        T_CHECK((uintptr_t)e->data % 8 == 0);
    }
    T_CHECK(bp__safetensors_find(st, "nothing") == NULL);
    T_CHECK(!strcmp(bp__safetensors_meta(st, "step"), "12"));
    T_CHECK(bp__safetensors_meta(st, "nothing") == NULL);
}

static void round_trip(void)
{
    bp_error err = {0};
    bp__safetensors st;
    T_OK(bp__safetensors_write(NULL, NULL, path, sample, N_SAMPLE, sample_meta,
                               2, &err),
         &err);
    T_OK(bp__safetensors_read(NULL, NULL, path, &st, &err), &err);
    check_sample(&st);
    bp__safetensors_free(&st);
    bp__safetensors_free(&st);
    bp__file_data f;
    T_OK(bp__file_read(NULL, NULL, path, false, 0, &f, &err), &err);
    T_CHECK(f.data[0] % 8 == 0 && f.data[1] == 1);
    /* Changing any of these bytes breaks old files. */
    T_CHECKF(bp__hash(BP__HASH_INIT, f.data, f.bytes) == 0x6b0213e894edcaeeull,
             "hash %016llx of\n%.*s",
             (unsigned long long)bp__hash(BP__HASH_INIT, f.data, f.bytes),
             (int)f.data[0] + 256, (char *)f.data + 8);
    bp__file_free(&bp__malloc_allocator, &f);
    T_OK(bp__safetensors_write(NULL, NULL, path, NULL, 0, NULL, 0, &err),
         &err);
    T_OK(bp__safetensors_read(NULL, NULL, path, &st, &err), &err);
    T_CHECK(st.n_entries == 0 && st.n_meta == 0);
    bp__safetensors_free(&st);
}

#define T(name, dtype, shape, from, to) \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape              \
    ",\"data_offsets\":[" #from "," #to "]}"

static void conversions(void)
{
    static const unsigned char data[] = {0,    0x3e, 0,    0xc0, 0xc0, 0x3f,
                                         0x00, 0xc0, 7,    0,    0,    0,
                                         0,    0,    0,    0,    0xfe, 0xff,
                                         0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    bp__safetensors st;
    bp_error err = {0};
    T_OK(parse_text("{" T("i", "I64", "[2]", 8, 24) "," T(
                        "h", "F16", "[2]", 0, 4) "," T("b", "BF16", "[2,1]", 4,
                                                       8) "}  ",
                    data, sizeof data, &st, &err),
         &err);
    const bp__st_entry *e = bp__safetensors_find(&st, "h");
    T_REQUIRE(e && e->dtype == BP_F32 && e->bytes == 8);
    T_CHECK(((const float *)e->data)[0] == 1.5f &&
            ((const float *)e->data)[1] == -2);
    e = bp__safetensors_find(&st, "b");
    T_REQUIRE(e && e->dtype == BP_F32 && e->bytes == 8 && e->rank == 2);
    T_CHECK(((const float *)e->data)[0] == 1.5f &&
            ((const float *)e->data)[1] == -2);
    e = bp__safetensors_find(&st, "i");
    T_REQUIRE(e && e->dtype == BP_I32 && e->bytes == 8);
    T_CHECK(((const int32_t *)e->data)[0] == 7 &&
            ((const int32_t *)e->data)[1] == -2);
    T_CHECK(!strcmp(st.entries[0].name, "h") &&
            !strcmp(st.entries[2].name, "i"));
    bp__safetensors_free(&st);
}

static void refuses(void)
{
    static const struct {
        const char *header;
        size_t bytes;
        bp_status status;
        const char *message;
    } bad[] = {
        {"[]", 0, BP_EFORMAT, "does not start with '{'"},
        {" {}", 0, BP_EFORMAT, "does not start with '{'"},
        {"{", 0, BP_EFORMAT, "a key in double quotes"},
        {"{} x", 0, BP_EFORMAT, "text after the end"},
        {"{}", 4, BP_EFORMAT, "bytes after the last tensor"},
        {"{" T("a", "F32", "[1]", 0, 4) "}", 3, BP_EFORMAT, "truncated"},
        {"{" T("a", "F32", "[1]", 0, 4) "}", 5, BP_EFORMAT, "bytes after"},
        {"{" T("a", "F32", "[2]", 0, 4) "}", 4, BP_EFORMAT, "do not fit"},
        {"{" T("a", "F32", "[1]", 4, 0) "}", 4, BP_EFORMAT, "in order"},
        {"{" T("a", "F32", "[1]", -4, 0) "}", 4, BP_EFORMAT, "in order"},
        {"{" T("a", "F32", "[1]", 4, 8) "}", 8, BP_EFORMAT, "a hole"},
        {"{" T("a", "F32", "[1]", 0, 4) "," T("b", "F32", "[1]", 2, 6) "}", 6,
         BP_EFORMAT, "overlaps"},
        {"{" T("a", "F32", "[1]", 0, 4) "," T("b", "F32", "[1]", 0, 4) "}", 4,
         BP_EFORMAT, "overlaps"},
        {"{" T("a", "F32", "[1]", 0, 4) "," T("a", "F32", "[1]", 4, 8) "}", 8,
         BP_EFORMAT, "stands twice"},
        {"{" T("a", "C64", "[1]", 0, 8) "}", 8, BP_EDTYPE, "C64"},
        {"{" T("a", "F32", "1", 0, 4) "}", 4, BP_EFORMAT, "not a list"},
        {"{" T("a", "F32", "[1.5]", 0, 4) "}", 4, BP_EFORMAT, "whole numbers"},
        {"{" T("a", "F32", "[-1]", 0, 4) "}", 4, BP_EFORMAT, "whole numbers"},
        {"{" T("a", "F32", "[4611686018427387904,4]", 0, 4) "}", 4,
         BP_EFORMAT, "do not fit"},
        {"{" T("a", "F32", "[1,1,1,1,1,1,1,1,1]", 0, 4) "}", 4, BP_ELIMIT,
         "rank 9"},
        {"{" T("a", "BOOL", "[1]", 0, 1) "}", 1, BP_EFORMAT, "truth value"},
        {"{" T("a", "I64", "[1]", 0, 8) "}", 8, BP_ERANGE, "32 bits"},
        {"{\"a\":1}", 0, BP_EFORMAT, "not an object"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 0, BP_EFORMAT,
         "must hold"},
        {"{\"a\":{\"dtype\":1,\"shape\":[],\"data_offsets\":[0,4]}}", 4,
         BP_EFORMAT, "must hold"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0]}}", 0,
         BP_EFORMAT, "in order"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[]}}", 0,
         BP_EFORMAT, "in order"},
        {"{\"__metadata__\":1}", 0, BP_EFORMAT, "not an object"},
        {"{\"__metadata__\":{\"a\":1}}", 0, BP_EFORMAT, "other than strings"},
    };
    static const unsigned char data[8] = {2, 2, 2, 2, 2, 2, 2, 2};
    for (size_t i = 0; i < BP__ARRAY_LEN(bad); i++) {
        bp__safetensors st;
        bp_error err = {0};
        bp_status s =
            parse_text(bad[i].header, data, bad[i].bytes, &st, &err);
        T_CHECKF(s == bad[i].status && strstr(err.message, bad[i].message) &&
                     strstr(err.message, "x.st") && st.n_entries == 0,
                 "%s: %s: %s", bad[i].header, bp_status_name(s), err.message);
        s = parse_text(bad[i].header, data, bad[i].bytes, &st, NULL);
        T_CHECK(s == bad[i].status);
    }
    bp__safetensors st;
    bp_error err = {0};
    unsigned char f[16] = {0};
    T_CHECK(bp__safetensors_parse(NULL, f, 7, "x", &st, &err) == BP_EFORMAT);
    T_CHECK(bp__safetensors_parse(NULL, f, 8, "x", &st, &err) == BP_EFORMAT);
    memset(f, 0xff, 8);
    T_CHECK(bp__safetensors_parse(NULL, f, 16, "x", &st, &err) == BP_EFORMAT);
}

static void write_refusals(void)
{
    bp_error err = {0};
    bp__st_entry e[2] = {sample[0], sample[0]};
    T_CHECK(bp__safetensors_write(NULL, NULL, path, e, 2, NULL, 0, &err) ==
            BP_EARG);
    T_CHECK(strstr(err.message, "two tensors named '0.weight'") != NULL);
    e[0].name = "";
    T_CHECK(bp__safetensors_write(NULL, NULL, path, e, 1, NULL, 0, &err) ==
            BP_EARG);
    e[0].name = "__metadata__";
    T_CHECK(bp__safetensors_write(NULL, NULL, path, e, 1, NULL, 0, &err) ==
            BP_EARG);
    e[0].name = "a";
    e[0].bytes = 4;
    T_CHECK(bp__safetensors_write(NULL, NULL, path, e, 1, NULL, 0, &err) ==
            BP_EARG);
}

/* Every cut and every changed byte of the header is read or refused. */
static void mutations(void)
{
    bp_error err = {0};
    bp__file_data f;
    T_OK(bp__safetensors_write(NULL, NULL, path, sample, N_SAMPLE, sample_meta,
                               2, &err),
         &err);
    T_OK(bp__file_read(NULL, NULL, path, false, 0, &f, &err), &err);
    bp__safetensors st;
    for (size_t n = 0; n < f.bytes; n++) {
        unsigned char *part = malloc(n + 1);
        memcpy(part, f.data, n);
        T_CHECK(bp__safetensors_parse(NULL, part, n, "x", &st, &err) != BP_OK);
        free(part);
    }
    static const unsigned char with[] = {0, '"', '{', '0', '9', ',', ' ', 255};
    for (size_t at = 0; at < f.bytes; at++)
        for (size_t k = 0; k < sizeof with; k++) {
            unsigned char old = f.data[at];
            f.data[at] = with[k];
            bp_status s = bp__safetensors_parse(NULL, f.data, f.bytes, "x",
                                                &st, &err);
            T_CHECK(s == BP_OK || st.n_entries == 0);
            bp__safetensors_free(&st);
            f.data[at] = old;
        }
    bp__file_free(&bp__malloc_allocator, &f);
}

static void faults(void)
{
    bp_error err = {0};
    bp__safetensors st;
    for (int persistent = 0; persistent < 2; persistent++)
        for (int64_t n = 0;; n++) {
            T_REQUIRE(n < 500);
            t_heap h = {.fail_at = n, .persistent = persistent};
            bp_allocator a = t_allocator(&h);
            bp_status s = bp__safetensors_write(
                NULL, &a, path, sample, N_SAMPLE, sample_meta, 2, &err);
            if (!s) {
                s = bp__safetensors_read(NULL, &a, path, &st, &err);
                if (!s)
                    check_sample(&st);
                bp__safetensors_free(&st);
            }
            T_CHECK(s == (h.failed ? BP_ENOMEM : BP_OK));
            T_CHECK(h.live == 0);
            if (!h.failed)
                break;
        }
    for (int64_t n = 0;; n++) {
        t_fs state = {.fail_at = n, .short_write = true, .error = ENOSPC};
        bp__fs fs = t_fs_make(&state);
        bp_status s = bp__safetensors_write(&fs, NULL, path, sample, 1, NULL,
                                            0, &err);
        T_CHECK(s == (state.failed ? BP_EIO : BP_OK));
        T_CHECK(state.open_files == 0);
        /* What is at the path is always a whole file. */
        T_OK(bp__safetensors_read(NULL, NULL, path, &st, &err), &err);
        T_CHECK(st.n_entries == (s ? N_SAMPLE : 1) ||
                !strcmp(state.failed_op, "sync_dir"));
        bp__safetensors_free(&st);
        if (!state.failed)
            break;
    }
    unlink(path);
    T_CHECK(bp__safetensors_read(NULL, NULL, path, &st, &err) == BP_ENOTFOUND);
}

int main(void)
{
    snprintf(path, sizeof path, "test_st_%ld.safetensors", (long)getpid());
    round_trip();
    conversions();
    refuses();
    write_refusals();
    mutations();
    faults();
    return t_end();
}
