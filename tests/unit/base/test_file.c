/* The file layer: whole files, atomic writing under every possible fault,
 * appending, gzip. Works in a folder of its own under the current one. */
#include "base/file.h"
#include "t.h"
#include "t_fs.h"

#include <unistd.h>

static char folder[200];

static const char *in_folder(const char *name)
{
    static char path[2][400];
    static int turn;
    turn ^= 1;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static int count_entry(void *user, const char *name)
{
    (void)name;
    ++*(int *)user;
    return 0;
}

static int n_entries(void)
{
    int n = 0;
    T_CHECK(bp__posix_fs.list(NULL, folder, count_entry, &n) == 0);
    return n;
}

static bool holds(const char *path, const char *text)
{
    bp__file_data f;
    bp_error err = {0};
    if (bp__file_read(NULL, NULL, path, false, 0, &f, &err))
        return false;
    bool same = f.bytes == strlen(text) &&
                memcmp(f.data, text, f.bytes) == 0 && f.data[f.bytes] == 0;
    bp__file_free(&bp__malloc_allocator, &f);
    return same;
}

static void write_and_read(void)
{
    bp_error err = {0};
    const char *path = in_folder("a");
    T_OK(bp__file_write(NULL, NULL, path, "hello", 5, &err), &err);
    T_CHECK(holds(path, "hello"));
    T_OK(bp__file_write(NULL, NULL, path, "", 0, &err), &err);
    T_CHECK(holds(path, ""));
    /* More than the buffer, in pieces of every size. */
    bp__writer w;
    bp__writer_open(&w, NULL, NULL, path);
    static unsigned char big[300000];
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (unsigned char)(i * 7 + i / 256);
    size_t at = 0;
    for (size_t n = 1; at < sizeof big; n = n * 3 % 100003) {
        n = BP__MIN(n, sizeof big - at);
        bp__writer_put(&w, big + at, n);
        at += n;
    }
    T_CHECK(w.total == sizeof big);
    T_OK(bp__writer_commit(&w, &err), &err);
    bp__file_data f;
    T_OK(bp__file_read(NULL, NULL, path, true, 0, &f, &err), &err);
    T_CHECK(f.bytes == sizeof big && memcmp(f.data, big, sizeof big) == 0);
    bp__file_free(&bp__malloc_allocator, &f);
    T_CHECK(bp__file_read(NULL, NULL, path, true, 1000, &f, &err) ==
            BP_ELIMIT);
    T_CHECK(strstr(err.message, path) != NULL);
    bp__writer_open(&w, NULL, NULL, path);
    bp__writer_put(&w, "x", 1);
    bp__writer_abort(&w);
    T_CHECK(bp__file_exists(NULL, path));
    T_CHECK(n_entries() == 1);
    T_OK(bp__file_unlink(NULL, path, &err), &err);
    T_OK(bp__file_unlink(NULL, path, &err), &err);
    T_CHECK(n_entries() == 0);
}

static void refusals(void)
{
    bp_error err = {0};
    bp__file_data f;
    T_CHECK(bp__file_read(NULL, NULL, in_folder("none"), false, 0, &f, &err) ==
            BP_ENOTFOUND);
    T_CHECK(strstr(err.message, "cannot open") &&
            strstr(err.message, "none': No such file"));
    T_CHECK(bp__file_read(NULL, NULL, folder, false, 0, &f, &err) == BP_EIO);
    T_CHECK(strstr(err.message, "irectory") != NULL);
    T_CHECK(bp__file_write(NULL, NULL, in_folder("no/such"), "x", 1, &err) ==
            BP_ENOTFOUND);
    T_CHECK(bp__file_write(NULL, NULL, folder, "x", 1, &err) == BP_EIO);
    char gone[420];
    snprintf(gone, sizeof gone, "%s.tmp", folder);
    T_CHECK(!bp__file_exists(NULL, gone));
    /* A file of /proc has no size beforehand. */
    if (bp__file_exists(NULL, "/proc/self/status")) {
        T_OK(
            bp__file_read(NULL, NULL, "/proc/self/status", false, 0, &f, &err),
            &err);
        T_CHECK(f.bytes > 100 && strlen((char *)f.data) == f.bytes);
        bp__file_free(&bp__malloc_allocator, &f);
    }
    T_OK(bp__file_mkdir(NULL, in_folder("d"), &err), &err);
    T_OK(bp__file_mkdir(NULL, in_folder("d"), &err), &err);
    T_CHECK(bp__file_mkdir(NULL, in_folder("x/y"), &err) == BP_ENOTFOUND);
    rmdir(in_folder("d"));
    bp_allocator a = bp__malloc_allocator;
    char *p = bp__path_join(&a, "a/b", "c"), *q = bp__path_join(&a, "a/", "c"),
         *r = bp__path_join(&a, "", "c");
    T_CHECK(!strcmp(p, "a/b/c") && !strcmp(q, "a/c") && !strcmp(r, "c"));
    bp__strfree(&a, p);
    bp__strfree(&a, q);
    bp__strfree(&a, r);
}

/* Whatever fails: the old contents or the new ones, no temporary file, no
 * open file, an error that names the path; afterwards it works. */
static void faults(bool persistent, bool short_write, size_t max_write)
{
    const char *path = in_folder("f");
    bp_error err = {0};
    static char contents[70000];
    memset(contents, 'n', sizeof contents - 1);
    for (int64_t n = 0;; n++) {
        T_REQUIRE(n < 1000);
        T_OK(bp__file_write(NULL, NULL, path, "old", 3, &err), &err);
        t_fs state = {.fail_at = n,
                      .persistent = persistent,
                      .short_write = short_write,
                      .max_write = max_write,
                      .error = short_write ? ENOSPC : EIO};
        bp__fs fs = t_fs_make(&state);
        memset(&err, 0, sizeof err);
        bp_status s = bp__file_write(&fs, NULL, path, contents,
                                     sizeof contents - 1, &err);
        T_CHECK(state.open_files == 0);
        T_CHECK((s == BP_OK) == (state.failed == 0));
        T_CHECK(n_entries() == 1);
        if (s) {
            T_CHECK(s == BP_EIO && strstr(err.message, folder));
            /* Only after the rename can the new contents be there. */
            bool renamed = !strcmp(state.failed_op, "sync_dir");
            T_CHECK(holds(path, renamed ? contents : "old"));
        } else {
            T_CHECK(holds(path, contents));
        }
        T_OK(bp__file_write(NULL, NULL, path, "new", 3, &err), &err);
        T_CHECK(holds(path, "new"));
        if (!state.failed)
            break;
    }
    for (int64_t n = 0;; n++) {
        t_fs state = {.fail_at = n, .persistent = persistent, .error = EIO};
        bp__fs fs = t_fs_make(&state);
        bp__file_data f;
        bp_status s = bp__file_read(&fs, NULL, path, true, 0, &f, &err);
        T_CHECK(state.open_files == 0);
        /* Nothing is lost when closing a file that was read fails. */
        bool benign = state.failed && !strcmp(state.failed_op, "close");
        T_CHECK((s == BP_OK) == (state.failed == 0 || benign));
        bp__file_free(&bp__malloc_allocator, &f);
        if (!state.failed)
            break;
    }
    bp__file_unlink(NULL, path, NULL);
}

static void allocations(void)
{
    const char *path = in_folder("m");
    bp_error err = {0};
    for (int persistent = 0; persistent < 2; persistent++)
        for (int64_t n = 0;; n++) {
            T_REQUIRE(n < 100);
            t_heap h = {.fail_at = n, .persistent = persistent};
            bp_allocator a = t_allocator(&h);
            bp_status s = bp__file_write(NULL, &a, path, "abc", 3, &err);
            bp__file_data f = {0};
            if (!s) {
                s = bp__file_read(NULL, &a, path, true, 0, &f, &err);
                T_CHECK(s || (f.bytes == 3 && !memcmp(f.data, "abc", 4)));
                bp__file_free(&a, &f);
            }
            T_CHECK(s == (h.failed ? BP_ENOMEM : BP_OK));
            T_CHECK(h.live == 0);
            if (!h.failed)
                break;
        }
    bp__file_unlink(NULL, path, NULL);
    T_CHECK(n_entries() == 0);
}

static void appending(void)
{
    const char *path = in_folder("log");
    bp_error err = {0};
    bp__appender f;
    T_OK(bp__append_open(&f, NULL, path, -1, &err), &err);
    T_OK(bp__append(&f, "one\n", 4, &err), &err);
    T_OK(bp__append(&f, "two\n", 4, &err), &err);
    T_OK(bp__append_sync(&f, &err), &err);
    T_CHECK(f.offset == 8);
    bp__append_close(&f);
    T_OK(bp__append_open(&f, NULL, path, -1, &err), &err);
    T_CHECK(f.offset == 8);
    bp__append_close(&f);
    T_OK(bp__append_open(&f, NULL, path, 4, &err), &err);
    T_OK(bp__append(&f, "TWO\n", 4, &err), &err);
    bp__append_close(&f);
    T_CHECK(holds(path, "one\nTWO\n"));
    T_CHECK(bp__append_open(&f, NULL, path, 9, &err) == BP_EFORMAT);
    bp__append_close(&f);
    /* A full disk in mid-line leaves no half line. */
    t_fs state = {.fail_at = 3, .max_write = 2, .error = ENOSPC};
    bp__fs fs = t_fs_make(&state);
    T_OK(bp__append_open(&f, &fs, path, -1, &err), &err);
    T_CHECK(bp__append(&f, "three\n", 6, &err) == BP_EIO);
    T_CHECK(strstr(err.message, "No space") != NULL && f.offset == 8);
    T_OK(bp__append(&f, "3\n", 2, &err), &err);
    bp__append_close(&f);
    T_CHECK(holds(path, "one\nTWO\n3\n") && state.open_files == 0);
    bp__file_unlink(NULL, path, NULL);
}

/* "hello, hello, hello\n", packed. */
static const unsigned char packed[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
    0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xd7, 0x51, 0xc8, 0x40, 0xa2,
    0xb8, 0x00, 0xe7, 0x42, 0x6e, 0x52, 0x14, 0x00, 0x00, 0x00};

static void gzip(void)
{
    const char *want = "hello, hello, hello\n";
    size_t n_want = strlen(want);
    bp__file_data f;
    bp_error err = {0};
    bp_status s = bp__gunzip(NULL, packed, sizeof packed, 0, "p.gz", &f, &err);
    if (s == BP_EUNSUPPORTED) {
        T_CHECK(strstr(err.message, "p.gz") && strstr(err.message, "zlib"));
        return;
    }
    T_CHECKF(s == BP_OK, "%s", err.message);
    T_CHECK(f.bytes == n_want && !memcmp(f.data, want, n_want + 1));
    bp__file_free(&bp__malloc_allocator, &f);
    for (size_t n = 2; n < sizeof packed; n++) {
        T_CHECK(bp__gunzip(NULL, packed, n, 0, "p.gz", &f, &err) ==
                BP_EFORMAT);
        T_CHECK(strstr(err.message, "truncated") != NULL);
    }
    unsigned char two[2 * sizeof packed + 3] = {0};
    memcpy(two, packed, sizeof packed);
    memcpy(two + sizeof packed, packed, sizeof packed);
    T_OK(bp__gunzip(NULL, two, sizeof two, 0, "p", &f, &err), &err);
    T_CHECK(f.bytes == 2 * n_want);
    bp__file_free(&bp__malloc_allocator, &f);
    two[sizeof two - 1] = 'x';
    T_CHECK(bp__gunzip(NULL, two, sizeof two, 0, "p", &f, &err) == BP_EFORMAT);
    T_CHECK(bp__gunzip(NULL, packed, sizeof packed, 5, "p", &f, &err) ==
            BP_ELIMIT);
    /* No flipped bit after the name goes unnoticed, and none crashes. */
    for (size_t i = 10; i < sizeof packed; i++)
        for (int bit = 0; bit < 8; bit++) {
            unsigned char bad[sizeof packed];
            memcpy(bad, packed, sizeof bad);
            bad[i] ^= (unsigned char)(1 << bit);
            s = bp__gunzip(NULL, bad, sizeof bad, 100000, "p", &f, &err);
            T_CHECKF(s == BP_EFORMAT || s == BP_ELIMIT, "bit %d of byte %zu",
                     bit, i);
            bp__file_free(&bp__malloc_allocator, &f);
        }
    for (int64_t n = 0;; n++) {
        t_heap h = {.fail_at = n};
        bp_allocator a = t_allocator(&h);
        s = bp__gunzip(&a, packed, sizeof packed, 0, "p", &f, &err);
        T_CHECK(s == (h.failed ? BP_ENOMEM : BP_OK));
        bp__file_free(&a, &f);
        T_CHECK(h.live == 0);
        if (!h.failed)
            break;
    }
}

int main(void)
{
    snprintf(folder, sizeof folder, "test_file_%ld", (long)getpid());
    bp_error err = {0};
    T_OK(bp__file_mkdir(NULL, folder, &err), &err);
    write_and_read();
    refusals();
    faults(false, false, 0);
    faults(true, false, 0);
    faults(false, true, 1000);
    faults(true, true, 1000);
    allocations();
    appending();
    gzip();
    T_CHECK(n_entries() == 0);
    T_CHECK(rmdir(folder) == 0);
    return t_end();
}
