/* .npz files give what their .npy members give; names that are missing are told
 * with those that are there; damage; every failing allocation and read. */
#include "data/data.h"

#include "t.h"
#include "t_fs.h"
#include "t_pictures.h"

#include <unistd.h>

static char path[200];

static float x[5 * 3];
static int32_t y[5] = {0, 2, 1, 2, 0};
static float z[5 * 2];

static void write_file(bool deflated)
{
    static const char *const names[] = {"x.npy", "y.npy", "z_2.npy", "notes"};
    for (int i = 0; i < 15; i++)
        x[i] = (float)i / 7;
    for (int i = 0; i < 10; i++)
        z[i] = (float)-i;
    bp_array ax = {BP_F32, 2, {5, 3}, x, sizeof x};
    bp_array ay = {BP_I32, 1, {5}, y, sizeof y};
    bp_array az = {BP_F32, 2, {5, 2}, z, sizeof z};
    unsigned char text[] = "hello";
    t_bytes files[4] = {t_write_npy(&ax), t_write_npy(&ay), t_write_npy(&az), {text, 5}};
    T_REQUIRE(t_write_zip(path, names, files, 4, deflated));
    for (int i = 0; i < 3; i++)
        free(files[i].data);
}

static void contents(void)
{
    static const char *const inputs[] = {"x", "z_2"};
    bp_data *d;
    bp_array v;
    bp_error err = {0};
    for (int deflated = 0; deflated < 2; deflated++) {
        write_file(deflated);
        T_OK(bp_data_from_npz(path, inputs, 2, "y", NULL, &d, &err), &err);
        T_CHECK(bp_data_count(d) == 5 && bp_data_inputs(d) == 2 &&
                bp_data_classes(d) == 3);
        T_CHECK(bp_data_input(d, 0, &v) && !memcmp(v.data, x, sizeof x));
        T_CHECK(bp_data_input(d, 1, &v) && !memcmp(v.data, z, sizeof z));
        T_CHECK(bp_data_target(d, &v) && !memcmp(v.data, y, sizeof y));
        bp_data_free(d);
    }
    /* One array in two places, real targets, a range of rows. */
    static const char *const twice[] = {"x", "x"};
    bp_data_options o = {.size = sizeof o, .first = 1, .last = 3};
    T_OK(bp_data_from_npz(path, twice, 2, "z_2", &o, &d, &err), &err);
    T_CHECK(bp_data_count(d) == 2 &&
            bp_data_target_kind(d) == BP_TARGET_REAL);
    T_CHECK(bp_data_input(d, 1, &v) && !memcmp(v.data, x + 3, 24));
    bp_data_free(d);
    T_OK(bp_data_from_npz(path, inputs, 1, NULL, NULL, &d, &err), &err);
    T_CHECK(bp_data_target_kind(d) == BP_TARGET_NONE);
    bp_data_free(d);
}

static void refused(const char *const *inputs, const char *target,
                    bp_status want, const char *text)
{
    bp_data *d;
    bp_error err = {0};
    bp_status s = bp_data_from_npz(path, inputs, 1, target, NULL, &d, &err);
    T_CHECKF(s == want && !d && strstr(err.message, text), "%s: %s",
             bp_status_name(s), err.message);
}

static void refusals(void)
{
    static const char *const known[] = {"x"}, *const other[] = {"images"};
    refused(other, "y", BP_ENOTFOUND,
            "holds no array 'images'; it has x, y, z_2, notes");
    refused(known, "labels", BP_ENOTFOUND, "holds no array 'labels'");
    refused((const char *const[]){"notes"}, "y", BP_EFORMAT, "notes");
    char whole[4000];
    FILE *f = fopen(path, "rb");
    size_t n = fread(whole, 1, sizeof whole, f);
    fclose(f);
    T_REQUIRE(n > 200);
    T_REQUIRE(t_save(path, whole, 100));
    refused(known, "y", BP_EFORMAT, path);
    T_REQUIRE(t_save(path, "PK", 2));
    refused(known, "y", BP_EFORMAT, path);
    remove(path);
    refused(known, "y", BP_ENOTFOUND, path);
}

static void failures(void)
{
    static const char *const inputs[] = {"x", "z_2"};
    write_file(true);
    for (int kind = 0; kind < 2; kind++)
        for (int64_t n = 0;; n++) {
            t_heap h = {.fail_at = kind ? -1 : n};
            t_fs t = {.fail_at = kind ? n : -1, .error = EIO};
            bp_allocator heap = t_allocator(&h);
            bp__fs fs = t_fs_make(&t);
            bp_data_options o = {.size = sizeof o, .allocator = &heap};
            bp_data *d;
            bp_error err = {0};
            bp_status s = bp__data_from_npz(&fs, path, inputs, 2, "y", &o, &d,
                                            &err);
            bool failed = h.failed || t.failed;
            bp_data_free(d);
            T_CHECK(h.live == 0 && t.open_files == 0);
            if (!failed || (kind && s == BP_OK)) {
                T_CHECK(s == BP_OK && n > (kind ? 1 : 8));
                break;
            }
            T_CHECKF(s == (kind ? BP_EIO : BP_ENOMEM), "%s", err.message);
        }
}

/* All arrays, in stored order, and no other file; the same failures. */
static void list(void)
{
    bp__named_array all[BP__NPZ_ARRAYS];
    static const char *const names[] = {"x", "y", "z_2"};
    write_file(true);
    for (int kind = 0; kind < 2; kind++)
        for (int64_t n = 0;; n++) {
            t_heap h = {.fail_at = kind ? -1 : n};
            t_fs t = {.fail_at = kind ? n : -1, .error = EIO};
            bp_allocator heap = t_allocator(&h);
            bp__fs fs = t_fs_make(&t);
            bp__arena memory;
            size_t k = 0;
            bp_error err = {0};
            bp__arena_init(&memory, &heap);
            bp_status s = bp__npz_list(&fs, path, &memory, all, &k, &err);
            bool failed = h.failed || t.failed;
            for (size_t i = 0; i < k; i++) {
                T_CHECK(k == 3 && !strcmp(all[i].name, names[i]));
                bp_array_free(&heap, &all[i].x);
            }
            bp__arena_free(&memory);
            T_CHECK(h.live == 0 && t.open_files == 0 && (s || k == 3));
            if (!failed || (kind && s == BP_OK)) {
                T_CHECK(s == BP_OK && n > (kind ? 1 : 6));
                break;
            }
            T_CHECKF(s == (kind ? BP_EIO : BP_ENOMEM), "%s", err.message);
        }
}

int main(void)
{
#ifndef BP_T_ARCHIVE
    t_skip("built without libarchive");
#endif
    snprintf(path, sizeof path, "%s/bprop-%ld.npz",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (long)getpid());
    contents();
    refusals();
    failures();
    list();
    remove(path);
    return t_end();
}
