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
    *data = f->block;
    return (la_ssize_t)got;
}

static const char *reason_of(struct archive *x)
{
    const char *s = archive_error_string(x);
    return s ? s : "unknown error";
}

static bp_status archive_fail(struct archive *x, const feeder *f,
                              const char *path, bp_error *err)
{
    if (f->error)
        return bp__file_error(err, f->error, "read", path);
    if (archive_errno(x) == ENOMEM)
        return bp__oom(err);
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

static bp_status walk(struct archive *x, const feeder *f, const char *path,
                      bp__archive_each each, void *user, bp_error *err)
{
    for (;;) {
        struct archive_entry *e;
        int r = archive_read_next_header(x, &e);
        if (r == ARCHIVE_EOF)
            return BP_OK;
        /* A warning says that a name or a time is odd, not the bytes. */
        if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
            return archive_fail(x, f, path, err);
        bool link = archive_entry_filetype(e) == AE_IFLNK ||
                    archive_entry_hardlink(e);
        if (!link && archive_entry_filetype(e) != AE_IFREG)
            continue;
        const char *name = archive_entry_pathname(e);
        if (!name)
            return bp__error(err, BP_EFORMAT, "'%s': the name of a file in it "
                             "cannot be read (%s)", path, reason_of(x));
        bp__archive_entry entry = {.name = plain_name(name),
                                   .bytes = archive_entry_size(e),
                                   .link = link,
                                   .handle = x};
        bp_status st = each(user, &entry, err);
        if (st)
            return st;
    }
}

bp_status bp__archive_walk(const bp__fs *fs, const char *path,
                           bp__archive_each each, void *user, bp_error *err)
{
    feeder f = {.fs = fs ? fs : &bp__posix_fs};
    int error = f.fs->open(f.fs->user, path, BP__FS_READ, &f.handle);
    if (error)
        return bp__file_error(err, error, "open", path);
    utf8_names names = use_utf8_names();
    struct archive *x = archive_read_new();
    f.block = bp__alloc(&bp__malloc_allocator, BLOCK);
    bp_status st = x && f.block ? BP_OK : bp__oom(err);
    if (!st) {
        archive_read_support_filter_all(x);
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
