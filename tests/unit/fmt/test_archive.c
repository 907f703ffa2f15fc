/* Archives: only what this process reads itself is read; whatever the bytes,
 * no program of the PATH is started. */
#include "fmt/archive.h"
#include "t.h"
#include "t_pictures.h"

#include <sys/stat.h>
#include <unistd.h>

#ifdef BP_T_ARCHIVE
#include <archive.h>
#include <archive_entry.h>

static const char *const marker = "archive-ran";

/* Programs by the names that libarchive starts; each leaves a file. */
static void set_traps(void)
{
    static const char *const names[] = {
        "lrzip", "grzip", "lzop",  "lzip", "gzip",     "gunzip", "bzip2",
        "xz",    "lzma",  "unlzma", "lz4", "uncompress", "zstd", "unzstd",
        "bunzip2", "unxz", "compress", "uudecode", "rpm2cpio", "7z", "unrar"};
    char here[1000], path[1200], text[1300];
    T_REQUIRE(getcwd(here, sizeof here) != NULL);
    mkdir("archive-traps", 0755);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "archive-traps/%s", names[i]);
        int n = snprintf(text, sizeof text, "#!/bin/sh\necho $0 >>'%s/%s'\n",
                         here, marker);
        T_REQUIRE(t_save(path, text, (size_t)n) && !chmod(path, 0755));
    }
    snprintf(path, sizeof path, "%s/archive-traps", here);
    T_REQUIRE(!setenv("PATH", path, 1));
    remove(marker);
}

static bp_status count(void *user, const bp__archive_entry *e, bp_error *err)
{
    (void)e, (void)err;
    ++*(int *)user;
    return BP_OK;
}

static bp_status walk(const char *path, int *n, bp_error *err)
{
    *n = 0;
    *err = (bp_error){0};
    bp_status s = bp__archive_walk(NULL, path, count, n, err);
    T_CHECKF(access(marker, F_OK) != 0, "%s: a program ran", path);
    remove(marker);
    return s;
}

/* What begins like these needs a program, or is not read for other reasons. */
static void test_refused(void)
{
    static const struct {
        const char *name, *begin;
        size_t bytes;
    } kinds[] = {
        {"lrzip", "LRZI\0\6\0\0\0\0\0\0", 12},
        {"lrzip", "LRZI\0\4\0\0\0\0\0\0", 12},
        {"grzip", "GRZipII\0\2\4:)", 12},
        {"lzop", "\x89LZO\0\r\n\x1a\n\x10\x30\x20\xa0\x09\x40", 15},
        {"uuencode", "begin 644 x.tar\nM97-T\n`\nend\n", 28},
        {"RPM", "\xed\xab\xee\xdb\3\0\0\0\0\1", 10},
        {"7-Zip", "7z\xbc\xaf\x27\x1c\0\4", 8},
        {"RAR", "Rar!\x1a\7\1\0", 8},
        {"lzip", "LZIP\1\x0c\0\0", 8},
        {"compress", "\x1f\x9d\x90\0", 4},
        {"cpio", "070707000000", 12},
    };
    unsigned char file[2048];
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        int n;
        bp_error err;
        memset(file, 0, sizeof file);
        memcpy(file, kinds[i].begin, kinds[i].bytes);
        T_REQUIRE(t_save("refused.tar", file, sizeof file));
        T_CHECKF(walk("refused.tar", &n, &err) == BP_EFORMAT && n == 0,
                 "%s", kinds[i].name);
        T_CHECKF(strstr(err.message, "'refused.tar'") &&
                 strstr(err.message, kinds[i].name) &&
                 strstr(err.message, ".zip and .tar are"), "%s: %s",
                 kinds[i].name, err.message);
    }
}

/* A .tar of one file through up to two filters; false if the library would
 * write it by a program. */
static bool write_tar(const char *path, int first, int second, int64_t bytes)
{
    static const char zeros[1 << 16];
    struct archive *x = archive_write_new();
    bool ok = archive_write_set_format_ustar(x) == ARCHIVE_OK &&
              (!first || archive_write_add_filter(x, first) == ARCHIVE_OK) &&
              (!second || archive_write_add_filter(x, second) == ARCHIVE_OK);
    ok = ok && archive_write_open_filename(x, path) == ARCHIVE_OK;
    struct archive_entry *e = archive_entry_new();
    archive_entry_set_pathname(e, "a/zeros");
    archive_entry_set_size(e, bytes);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0644);
    ok = ok && archive_write_header(x, e) == ARCHIVE_OK;
    for (int64_t at = 0; ok && at < bytes; at += (int64_t)sizeof zeros)
        ok = archive_write_data(x, zeros, sizeof zeros) > 0;
    archive_entry_free(e);
    archive_write_free(x);
    remove(marker);
    return ok;
}

static void test_read(void)
{
    static const int filters[] = {
        ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_BZIP2,
        ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_LZMA, ARCHIVE_FILTER_LZ4,
        ARCHIVE_FILTER_ZSTD};
    bp_error err;
    int n, read = 0;
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        if (!write_tar("plain.tar.x", filters[i], 0, 1 << 16))
            continue;
        T_OK(walk("plain.tar.x", &n, &err), &err);
        T_CHECK(n == 1);
        read++;
    }
    T_CHECK(read > 0);
    /* Filters that are not on the list, around a sound archive. */
    static const int others[] = {ARCHIVE_FILTER_UU, ARCHIVE_FILTER_COMPRESS};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (write_tar("other.tar.x", others[i], 0, 1 << 16))
            T_CHECK(walk("other.tar.x", &n, &err) == BP_EFORMAT && n == 0);
}

/* A few bytes that stand for very many. */
static void test_claims(void)
{
    bp_error err;
    int n;
    if (write_tar("twice.tar.gz.gz", ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_GZIP,
                  1 << 20)) {
        T_CHECK(walk("twice.tar.gz.gz", &n, &err) == BP_ELIMIT && n == 0);
        T_CHECKF(strstr(err.message, "compressed 2 times, by gzip and gzip"),
                 "%s", err.message);
    }
    T_REQUIRE(write_tar("huge.tar", 0, 0, 1 << 16));
    FILE *f = fopen("huge.tar", "r+b");
    T_REQUIRE(f != NULL);
    /* A size of 2^62 in base 256, as GNU tar writes it. */
    unsigned char head[512] = {0};
    T_REQUIRE(fread(head, 1, 512, f) == 512);
    memcpy(head + 124, "\x80\0\0\0\x40\0\0\0\0\0\0\0", 12);
    memset(head + 148, ' ', 8);
    unsigned sum = 0;
    for (int i = 0; i < 512; i++)
        sum += head[i];
    snprintf((char *)head + 148, 8, "%06o", sum);
    rewind(f);
    T_REQUIRE(fwrite(head, 1, 512, f) == 512 && !fclose(f));
    bp_status s = walk("huge.tar", &n, &err);
    T_CHECKF(s == BP_ELIMIT || s == BP_EFORMAT, "%s", err.message);
    T_CHECK(n == 0 && strstr(err.message, "'huge.tar'"));
}

static bp_status read_all(void *user, const bp__archive_entry *e,
                          bp_error *err)
{
    bp__file_data data;
    bp_allocator *a = user;
    bp_status s = bp__archive_read(e, a, "cut.tar", 0, &data, err);
    bp__file_free(a, &data);
    return s;
}

static void *most_bytes(void *user, void *p, size_t old_bytes,
                        size_t new_bytes)
{
    size_t *most = user;
    *most = new_bytes > *most ? new_bytes : *most;
    return bp__malloc_allocator.fn(bp__malloc_allocator.user, p, old_bytes,
                                   new_bytes);
}

/* A member says 900 MiB and has 64 KiB: memory follows what is there. */
static void test_cut(void)
{
    unsigned char head[512] = {0};
    static unsigned char file[512 + (1 << 16)];
    T_REQUIRE(write_tar("cut.tar", 0, 0, 1 << 16));
    FILE *f = fopen("cut.tar", "rb");
    T_REQUIRE(f && fread(head, 1, 512, f) == 512 && !fclose(f));
    snprintf((char *)head + 124, 12, "%011o", 900u << 20);
    memset(head + 148, ' ', 8);
    unsigned sum = 0;
    for (int i = 0; i < 512; i++)
        sum += head[i];
    snprintf((char *)head + 148, 8, "%06o", sum);
    memcpy(file, head, 512);
    T_REQUIRE(t_save("cut.tar", file, sizeof file));
    size_t most = 0;
    bp_allocator heap = {most_bytes, &most};
    bp_error err = {0};
    T_CHECK(bp__archive_walk(NULL, "cut.tar", read_all, &heap, &err) ==
            BP_EFORMAT);
    T_CHECKF(most > 0 && most < 1 << 20, "%zu", most);
}

int main(void)
{
    set_traps();
    test_refused();
    test_read();
    test_claims();
    test_cut();
    return t_end();
}
#else
int main(void)
{
    t_skip("built without libarchive");
    return t_end();
}
#endif
