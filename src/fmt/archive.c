/* Archives by libarchive, over a bp__fs. It is fed blocks, so that no other
 * layer opens files; what it is asked for, it reads from front to back. */
#undef _GNU_SOURCE
#define _POSIX_C_SOURCE 200809L /* uselocale */
#include "fmt/archive.h"

#ifndef BP__HAVE_ARCHIVE
bp_status bp__archive_walk(const bp__fs *fs, const char *path,
                           bp__archive_each each, void *user, bp_error *err)
{
    (void)fs, (void)each, (void)user;
    return bp__error(err, BP_EUNSUPPORTED,
                     "'%s' is an archive, and this build reads none (it was "
                     "made without libarchive, -DBPROP_ARCHIVE=OFF): unpack "
                     "it",
                     path);
}

bp_status bp__archive_read(const bp__archive_entry *e, const bp_allocator *a,
                           const char *path, size_t max_bytes,
                           bp__file_data *out, bp_error *err)
{
    (void)e, (void)a, (void)max_bytes, (void)out;
    return bp__error(err, BP_EUNSUPPORTED, "'%s': built without libarchive",
                     path);
}
#else
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>

enum { BLOCK = 1 << 16 };

typedef struct feeder {
    const bp__fs *fs;
    intptr_t handle;
    int error;
    unsigned char *block;
    unsigned char head[16]; /* of the file, for messages */
    size_t head_bytes;
    int64_t file_bytes; /* 0: not known */
} feeder;

static la_ssize_t feed(struct archive *x, void *user, const void **data)
{
    feeder *f = user;
    size_t got = 0;
    f->error = f->fs->read(f->fs->user, f->handle, f->block, BLOCK, &got);
    if (f->error) {
        archive_set_error(x, f->error, "reading failed");
        return -1;
    }
    if (!f->head_bytes) {
        f->head_bytes = BP__MIN(got, sizeof f->head);
        memcpy(f->head, f->block, f->head_bytes);
    }
    *data = f->block;
    return (la_ssize_t)got;
}

static const char *reason_of(struct archive *x)
{
    const char *s = archive_error_string(x);
    return s ? s : "unknown error";
}

/* ---- compression ----------------------------------------------------------
 * libarchive starts a program of the PATH for what it was built without, and
 * for some (lrzip, grzip, lzop) always. Opening a file must never do that. */

static const struct {
    const char *name;
    int (*support)(struct archive *);
} filters[] = {
    {"gzip", archive_read_support_filter_gzip},
    {"bzip2", archive_read_support_filter_bzip2},
    {"xz", archive_read_support_filter_xz},
    {"lzma", archive_read_support_filter_lzma},
    {"lz4", archive_read_support_filter_lz4},
    {"zstd", archive_read_support_filter_zstd},
};

/* The call says whether it would take a program, but by then it is set up:
 * so one is asked that never opens anything. */
static bool in_process(size_t filter)
{
    struct archive *probe = archive_read_new();
    bool here = probe && filters[filter].support(probe) == ARCHIVE_OK;
    if (probe)
        archive_read_free(probe);
    return here;
}

static void support_filters(struct archive *x)
{
    for (size_t i = 0; i < BP__ARRAY_LEN(filters); i++)
        if (in_process(i))
            filters[i].support(x);
}

/* What a file is by its first bytes that is not read. */
static const char *other_kind(const unsigned char *p, size_t bytes)
{
    static const struct {
        const char *name, *begin;
        size_t bytes;
    } kinds[] = {
        {"gzip", "\x1f\x8b", 2}, {"bzip2", "BZh", 3},
        {"xz", "\xfd" "7zXZ", 5}, {"lz4", "\x04\x22\x4d\x18", 4},
        {"zstd", "\x28\xb5\x2f\xfd", 4}, {"lrzip", "LRZI", 4},
        {"grzip", "GRZipII", 7}, {"lzop", "\x89LZO", 4},
        {"lzip", "LZIP", 4}, {"compress", "\x1f\x9d", 2},
        {"uuencode", "begin ", 6}, {"7-Zip", "7z\xbc\xaf", 4},
        {"RAR", "Rar!", 4}, {"RPM", "\xed\xab\xee\xdb", 4},
        {"cpio", "0707", 4}, {"ar", "!<arch>", 7}, {"xar", "xar!", 4},
        {"cabinet", "MSCF", 4},
    };
    for (size_t i = 0; i < BP__ARRAY_LEN(kinds); i++)
        if (bytes >= kinds[i].bytes &&
            !memcmp(p, kinds[i].begin, kinds[i].bytes))
            return kinds[i].name;
    return NULL;
}

static bp_status not_an_archive(const feeder *f, const char *path,
                                bp_error *err)
{
    char list[100] = "";
    size_t n = 0;
    const char *kind = other_kind(f->head, f->head_bytes);
    for (size_t i = 0; i < BP__ARRAY_LEN(filters); i++)
        if (in_process(i))
            n += (size_t)bp__snprintf(list + n, sizeof list - n, "%s%s",
                                      n ? ", " : "", filters[i].name);
    return bp__error(err, BP_EFORMAT, "'%s' is no sound archive of a kind "
                     "that is read here%s%s%s: .zip and .tar are, also .tar "
                     "compressed once%s%s", path,
                     kind ? " (by its first bytes it is of " : "",
                     kind ? kind : "", kind ? ")" : "",
                     n ? " by one of " : "", list);
}

static bp_status archive_fail(struct archive *x, const feeder *f,
                              const char *path, bp_error *err)
{
    if (f->error)
        return bp__file_error(err, f->error, "read", path);
    if (archive_errno(x) == ENOMEM)
        return bp__oom(err);
    if (archive_format(x) == 0) /* none was found */
        return not_an_archive(f, path, err);
    return bp__error(err, BP_EFORMAT, "'%s' is no sound archive: %s", path,
                     reason_of(x));
}

/* "./a/b" and "/a/b" are "a/b", as they are to tar. */
static const char *plain_name(const char *s)
{
    for (s += strspn(s, "/"); s[0] == '.' && s[1] == '/'; s += strspn(s, "/"))
        s += 2;
    return s;
}

/* libarchive turns names that are stored as UTF-8 into the encoding of the
 * thread's locale, and has none for those that do not fit. So that is UTF-8
 * for the time of a walk, whatever the program's locale is. */
typedef struct utf8_names {
    locale_t names, before;
} utf8_names;

static utf8_names use_utf8_names(void)
{
    utf8_names u = {.names = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0)};
    if (u.names == (locale_t)0)
        u.names = newlocale(LC_CTYPE_MASK, "en_US.UTF-8", (locale_t)0);
    if (u.names != (locale_t)0)
        u.before = uselocale(u.names);
    return u;
}

static void restore_names(utf8_names u)
{
    if (u.names == (locale_t)0)
        return;
    uselocale(u.before);
    freelocale(u.names);
}

/* What is passed over is unpacked too. The best that deflate can do is 1,032
 * bytes for one; sets of files are far from it in every format. */
static bp_status check_claim(const feeder *f, int64_t claimed,
                             const char *path, bp_error *err)
{
    enum { RATIO = 1100 };
    const int64_t free_bytes = (int64_t)1 << 30;
    if (!f->file_bytes || claimed <= free_bytes ||
        (claimed - free_bytes) / RATIO < f->file_bytes)
        return BP_OK;
    return bp__error(err, BP_ELIMIT, "'%s' has %lld bytes and claims to hold "
                     "%lld and more, over %d times as many: unpack it, if "
                     "that is right", path, (long long)f->file_bytes,
                     (long long)claimed, RATIO);
}

/* Compressed twice, a few bytes can stand for as many as one likes. */
static bp_status check_filters(struct archive *x, const char *path,
                               bp_error *err)
{
    int n = archive_filter_count(x) - 1; /* the last one is the file */
    if (n <= 1)
        return BP_OK;
    return bp__error(err, BP_ELIMIT, "'%s' is compressed %d times, by %s and "
                     "%s: once is read", path, n, archive_filter_name(x, 0),
                     archive_filter_name(x, 1));
}

static bp_status walk(struct archive *x, const feeder *f, const char *path,
                      bp__archive_each each, void *user, bp_error *err)
{
    int64_t claimed = 0;
    bp_status st = check_filters(x, path, err);
    while (!st) {
        struct archive_entry *e;
        int r = archive_read_next_header(x, &e);
        if (r == ARCHIVE_EOF)
            return BP_OK;
        /* A warning says that a name or a time is odd, not the bytes. */
        if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
            return archive_fail(x, f, path, err);
        int64_t bytes = archive_entry_size(e);
        claimed = bytes > INT64_MAX - claimed ? INT64_MAX
                                              : claimed + BP__MAX(bytes, 0);
        if ((st = check_claim(f, claimed, path, err)))
            break;
        bool link = archive_entry_filetype(e) == AE_IFLNK ||
                    archive_entry_hardlink(e);
        if (!link && archive_entry_filetype(e) != AE_IFREG)
            continue;
        const char *name = archive_entry_pathname(e);
        if (!name)
            return bp__error(err, BP_EFORMAT, "'%s': the name of a file in it "
                             "cannot be read (%s)", path, reason_of(x));
        bp__archive_entry entry = {.name = plain_name(name),
                                   .bytes = bytes,
                                   .link = link,
                                   .handle = x};
        st = each(user, &entry, err);
    }
    return st;
}

bp_status bp__archive_walk(const bp__fs *fs, const char *path,
                           bp__archive_each each, void *user, bp_error *err)
{
    feeder f = {.fs = fs ? fs : &bp__posix_fs};
    bp__fs_info info = {0};
    int error = f.fs->stat(f.fs->user, path, &info);
    if (!error)
        error = f.fs->open(f.fs->user, path, BP__FS_READ, &f.handle);
    if (error)
        return bp__file_error(err, error, "open", path);
    f.file_bytes = info.is_special ? 0 : info.bytes;
    utf8_names names = use_utf8_names();
    struct archive *x = archive_read_new();
    f.block = bp__alloc(&bp__malloc_allocator, BLOCK);
    bp_status st = x && f.block ? BP_OK : bp__oom(err);
    if (!st) {
        support_filters(x);
        archive_read_support_format_tar(x);
        archive_read_support_format_zip(x);
        if (archive_read_open(x, &f, NULL, feed, NULL) != ARCHIVE_OK)
            st = archive_fail(x, &f, path, err);
    }
    if (!st)
        st = walk(x, &f, path, each, user, err);
    if (x)
        archive_read_free(x);
    restore_names(names);
    bp__free(&bp__malloc_allocator, f.block, f.block ? BLOCK : 0);
    f.fs->close(f.fs->user, f.handle);
    return st;
}

bp_status bp__archive_read(const bp__archive_entry *e, const bp_allocator *a,
                           const char *path, size_t max_bytes,
                           bp__file_data *out, bp_error *err)
{
    enum { FIRST = 1 << 14 };
    struct archive *x = e->handle;
    memset(out, 0, sizeof *out);
    if (e->link)
        return bp__error(err, BP_EUNSUPPORTED, "'%s', '%s' is a link, and has "
                         "its bytes elsewhere: unpack the archive", path,
                         e->name);
    for (;;) {
        if (out->cap - out->bytes < FIRST / 4 &&
            !bp__grow(a, &out->data, &out->cap, out->bytes + FIRST, 1)) {
            bp__file_free(a, out);
            return bp__oom(err);
        }
        la_ssize_t n = archive_read_data(x, out->data + out->bytes,
                                         out->cap - out->bytes);
        if (n == 0)
            return BP_OK;
        if (n == ARCHIVE_RETRY)
            continue;
        if (n < 0) {
            bp__file_free(a, out);
            return bp__error(err, BP_EFORMAT, "'%s', '%s': %s", path, e->name,
                             reason_of(x));
        }
        out->bytes += (size_t)n;
        if (max_bytes && out->bytes > max_bytes) {
            bp__file_free(a, out);
            return bp__error(err, BP_ELIMIT, "'%s', '%s' is larger than the "
                             "limit of %zu bytes", path, e->name, max_bytes);
        }
    }
}
#endif
