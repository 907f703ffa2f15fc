/* IDX and .npy pairs from files: right ones, and everything that can be wrong
 * with them in one message; faults of memory and files. */
#include "data/data.h"
#include "fmt/npy.h"
#include "t.h"
#include "t_fs.h"

#include <unistd.h>

static char folder[100];

static const char *in_folder(const char *name)
{
    static char path[8][300];
    static int turn;
    turn = (turn + 1) % 8;
    snprintf(path[turn], sizeof path[0], "%s/%s", folder, name);
    return path[turn];
}

static void put(const char *path, const void *data, size_t bytes)
{
    bp_error err = {0};
    T_OK(bp__file_write(NULL, NULL, path, data, bytes, &err), &err);
}

static const unsigned char images[] = {0, 0, 8, 3, 0, 0,  0,  3,  0, 0,
                                       0, 2, 0, 0, 0, 2,  1,  2,  3, 4,
                                       5, 6, 7, 8, 9, 10, 11, 255};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9};
/* The labels, packed. */
static const unsigned char labels_gz[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x63,
    0x60, 0xe0, 0x60, 0x64, 0x60, 0x60, 0x60, 0x66, 0x67, 0xe0, 0x04,
    0x00, 0xa5, 0x12, 0xd3, 0x72, 0x0b, 0x00, 0x00, 0x00};

static void reads_idx(void)
{
    char x[300], y[300], z[300];
    snprintf(x, sizeof x, "%s", in_folder("x"));
    snprintf(y, sizeof y, "%s", in_folder("y"));
    snprintf(z, sizeof z, "%s", in_folder("z"));
    put(x, images, sizeof images);
    put(y, labels, sizeof labels);
    put(z, labels_gz, sizeof labels_gz);
    bp_data *d;
    bp_array v;
    bp_error err = {0};
    T_OK(bp_data_from_idx(x, y, NULL, &d, &err), &err);
    T_CHECK(bp_data_count(d) == 3 && bp_data_classes(d) == 10);
    T_CHECK(bp_data_input(d, 0, &v) && v.dtype == BP_U8 && v.rank == 3 &&
            v.dims[1] == 2 && !memcmp(v.data, images + 16, 12));
    T_CHECK(bp_data_target(d, &v) && ((int32_t *)v.data)[0] == 7 &&
            ((int32_t *)v.data)[2] == 9);
    T_CHECK(!strcmp(bp_data_source(d), x));
    bp_data_free(d);
    bp_data_options o = {.size = sizeof o, .first = 1, .last = 2};
    T_OK(bp_data_from_idx(x, NULL, &o, &d, &err), &err);
    T_CHECK(bp_data_count(d) == 1 && bp_data_target_kind(d) == BP_TARGET_NONE);
    T_CHECK(bp_data_input(d, 0, &v) && !memcmp(v.data, images + 20, 4));
    bp_data_free(d);
    bp_status s = bp_data_from_idx(x, z, NULL, &d, &err);
    if (s) /* a library without zlib says so */
        T_CHECKF(s == BP_EUNSUPPORTED && strstr(err.message, "zlib"), "%s",
                 err.message);
    else
        T_CHECK(bp_data_classes(d) == 10);
    bp_data_free(d);
    /* Pictures of f32, in the file's byte order. */
    static const unsigned char real[] = {0, 0, 0x0d, 2, 0, 0,    0,
                                         1, 0, 0,    0, 2, 0x3f, 0xc0,
                                         0, 0, 0xc0, 0, 0, 0};
    put(x, real, sizeof real);
    T_OK(bp_data_from_idx(x, NULL, NULL, &d, &err), &err);
    T_CHECK(bp_data_input(d, 0, &v) && v.dtype == BP_F32 &&
            ((float *)v.data)[0] == 1.5f && ((float *)v.data)[1] == -2);
    bp_data_free(d);
}

/* Reads x and y; the message must hold these parts. */
static void refused(bp_status want, const char *part, const char *part2)
{
    bp_data *d;
    bp_error err = {0};
    bp_status s =
        bp_data_from_idx(in_folder("x"), in_folder("y"), NULL, &d, &err);
    T_CHECKF(s == want && d == NULL && strstr(err.message, part) &&
                 (!part2 || strstr(err.message, part2)),
             "%s: %s", bp_status_name(s), err.message);
}

static void refuses_idx(void)
{
    char x[300], y[300];
    snprintf(x, sizeof x, "%s", in_folder("x"));
    snprintf(y, sizeof y, "%s", in_folder("y"));
    put(x, images, sizeof images - 5);
    put(y, labels, sizeof labels - 1);
    refused(BP_EFORMAT,
            "2 of its 3 samples cannot be read, the first is "
            "number 1",
            "1 of its 3 labels cannot be read");
    put(x, images, sizeof images);
    refused(BP_EFORMAT, "1 of its 3 labels", NULL);
    unsigned char long_labels[sizeof labels + 1] = {0};
    memcpy(long_labels, labels, sizeof labels);
    put(y, long_labels, sizeof long_labels);
    refused(BP_EFORMAT, "1 bytes after the last of its 3 labels", NULL);
    long_labels[7] = 4;
    put(y, long_labels, sizeof long_labels);
    refused(BP_ESHAPE, "3 samples and", "4 labels");
    put(y, images, sizeof images);
    put(x, labels, sizeof labels);
    refused(
        BP_EFORMAT,
        "starts with 0x00000801; IDX files of images start with 0x00000803",
        "starts with 0x00000803; IDX files of labels start with 0x00000801");
    unsigned char bad[sizeof images];
    memcpy(bad, images, sizeof bad);
    put(y, labels, sizeof labels);
    for (int i = 0; i < 4; i++) {
        memcpy(bad, images, sizeof bad);
        bad[i] = 0x77;
        put(x, bad, sizeof bad);
        refused(BP_EFORMAT, "images start with 0x00000803", NULL);
    }
    memcpy(bad, images, sizeof bad);
    memset(bad + 4, 0xff, 12);
    put(x, bad, sizeof bad);
    refused(BP_EFORMAT, "no memory can hold", NULL);
    for (size_t n = 0; n < 16; n++) {
        put(x, images, n);
        refused(BP_EFORMAT, in_folder("x"), NULL);
    }
    memcpy(bad, images, sizeof bad);
    bad[7] = 0;
    memcpy(long_labels, labels, sizeof labels);
    long_labels[7] = 0;
    put(x, bad, 16);
    put(y, long_labels, 8);
    refused(BP_ERANGE, "no samples", NULL);
    unlink(x);
    refused(BP_ENOTFOUND, "No such file", NULL);
    unlink(y);
    refused(BP_ENOTFOUND, in_folder("x"), in_folder("y"));
}

static void npy_pairs(void)
{
    float v[6] = {1, 2, 3, 4, 5, 6};
    double t[3] = {1, 2, 3};
    int32_t c[3] = {0, 1, 2};
    bp_array x = {BP_F32, 2, {3, 2}, v, sizeof v};
    bp_array real = {BP_F64, 1, {3}, t, sizeof t};
    bp_array classes = {BP_I32, 1, {3}, c, sizeof c};
    bp_array two = {BP_I32, 1, {2}, c, 8}, w;
    bp_error err = {0};
    T_OK(bp_npy_save(in_folder("x.npy"), &x, &err), &err);
    T_OK(bp_npy_save(in_folder("r.npy"), &real, &err), &err);
    T_OK(bp_npy_save(in_folder("c.npy"), &classes, &err), &err);
    T_OK(bp_npy_save(in_folder("two.npy"), &two, &err), &err);
    char in_path[300];
    snprintf(in_path, sizeof in_path, "%s", in_folder("x.npy"));
    const char *in[2] = {in_path, in_path};
    bp_data *d;
    T_OK(bp_data_from_npy(in, 2, in_folder("r.npy"), NULL, &d, &err), &err);
    T_CHECK(bp_data_inputs(d) == 2 &&
            bp_data_target_kind(d) == BP_TARGET_REAL);
    T_CHECK(bp_data_target(d, &w) && w.dtype == BP_F64 &&
            ((double *)w.data)[2] == 3);
    bp_data_free(d);
    T_OK(bp_data_from_npy(in, 1, in_folder("c.npy"), NULL, &d, &err), &err);
    T_CHECK(bp_data_classes(d) == 3);
    bp_data_free(d);
    T_CHECK(bp_data_from_npy(in, 1, in_folder("two.npy"), NULL, &d, &err) ==
            BP_ESHAPE);
    T_CHECK(strstr(err.message, "3 samples and") &&
            strstr(err.message, "two.npy' 2"));
    in[1] = in_folder("no.npy");
    T_CHECK(bp_data_from_npy(in, 2, in_folder("nor.npy"), NULL, &d, &err) ==
            BP_ENOTFOUND);
    T_CHECK(strstr(err.message, "no.npy") && strstr(err.message, "nor.npy"));
    T_CHECK(bp_data_from_npy(in, 0, NULL, NULL, &d, &err) == BP_EARG);
    in[0] = in_folder("c.npy");
    T_OK(bp_data_from_npy(in, 1, NULL, NULL, &d, &err), &err);
    T_CHECK(bp_data_input(d, 0, &w) && w.dtype == BP_I32);
    bp_data_free(d);
}

static bp_status read_both(const bp__fs *fs, const bp_allocator *a)
{
    bp_data_options o = {.size = sizeof o, .allocator = a};
    bp_error err = {0};
    bp_data *d, *e = NULL;
    const char *in = in_folder("x.npy");
    bp_status s =
        bp__data_from_idx(fs, in_folder("x"), in_folder("y"), &o, &d, &err);
    if (!s)
        s = bp__data_from_npy(fs, &in, 1, in_folder("r.npy"), &o, &e, &err);
    T_CHECK(s == err.status);
    bp_data_free(d);
    bp_data_free(e);
    return s;
}

static void faults(void)
{
    put(in_folder("x"), images, sizeof images);
    put(in_folder("y"), labels, sizeof labels);
    for (int persistent = 0; persistent < 2; persistent++)
        for (int64_t n = 0;; n++) {
            T_REQUIRE(n < 200);
            t_heap h = {.fail_at = n, .persistent = persistent};
            bp_allocator a = t_allocator(&h);
            bp_status s = read_both(NULL, &a);
            T_CHECK(s == (h.failed ? BP_ENOMEM : BP_OK));
            T_CHECK(h.live == 0);
            if (!h.failed)
                break;
        }
    for (int64_t n = 0;; n++) {
        T_REQUIRE(n < 200);
        t_fs state = {.fail_at = n, .error = EIO};
        bp__fs fs = t_fs_make(&state);
        bp_status s = read_both(&fs, NULL);
        /* A size that cannot be asked for is only a guess lost; the rest of
         * the operations must succeed, but for closing. */
        bool benign = state.failed && !strcmp(state.failed_op, "close");
        T_CHECK(s == (state.failed && !benign ? BP_EIO : BP_OK));
        T_CHECK(state.open_files == 0);
        if (!state.failed)
            break;
    }
}

static int remove_entry(void *user, const char *name)
{
    (void)user;
    unlink(in_folder(name));
    return 0;
}

int main(void)
{
    snprintf(folder, sizeof folder, "test_read_%ld", (long)getpid());
    bp_error err = {0};
    T_OK(bp__file_mkdir(NULL, folder, &err), &err);
    reads_idx();
    refuses_idx();
    npy_pairs();
    faults();
    bp__posix_fs.list(NULL, folder, remove_entry, NULL);
    T_CHECK(rmdir(folder) == 0);
    return t_end();
}
