/* Reading whole files, atomic writing, appending: over a bp__fs. */
#include "base/file.h"

#include <errno.h>

static const bp__fs *real_fs(const bp__fs *fs)
{
    return fs ? fs : &bp__posix_fs;
}

bool bp__file_exists(const bp__fs *fs, const char *path)
{
    bp__fs_info info;
    fs = real_fs(fs);
    return fs->stat(fs->user, path, &info) == 0;
}

bp_status bp__file_stat(const bp__fs *fs, const char *path, bp__fs_info *info,
                        bp_error *err)
{
    fs = real_fs(fs);
    int error = fs->stat(fs->user, path, info);
    return error ? bp__file_error(err, error, "look at", path) : BP_OK;
}

bp_status bp__file_mkdir(const bp__fs *fs, const char *path, bp_error *err)
{
    fs = real_fs(fs);
    int error = fs->mkdir(fs->user, path);
    bp__fs_info info;
    if (error == EEXIST && fs->stat(fs->user, path, &info) == 0 && info.is_dir)
        return BP_OK;
    return error ? bp__file_error(err, error, "make folder", path) : BP_OK;
}

bp_status bp__file_unlink(const bp__fs *fs, const char *path, bp_error *err)
{
    fs = real_fs(fs);
    int error = fs->unlink(fs->user, path);
    if (error && error != ENOENT)
        return bp__file_error(err, error, "remove", path);
    return BP_OK;
}

char *bp__path_join(const bp_allocator *a, const char *dir, const char *name)
{
    size_t nd = strlen(dir), nn = strlen(name);
    bool slash = nd > 0 && dir[nd - 1] != '/';
    char *p = bp__alloc(a, nd + slash + nn + 1);
    if (!p)
        return NULL;
    memcpy(p, dir, nd);
    if (slash)
        p[nd] = '/';
    memcpy(p + nd + slash, name, nn + 1);
    return p;
}

/* ---- reading ------------------------------------------------------------ */

void bp__file_free(const bp_allocator *a, bp__file_data *f)
{
    bp__free(a, f->data, f->cap);
    memset(f, 0, sizeof *f);
}

static bp_status too_large(bp_error *err, const char *path, size_t max_bytes)
{
    return bp__error(err, BP_ELIMIT,
                     "'%s' is larger than the limit of %zu bytes", path,
                     max_bytes);
}

/* Reads to the end; always leaves room for one more byte than was read. */
static bp_status read_to_end(const bp__fs *fs, const bp_allocator *a,
                             const char *path, intptr_t handle,
                             size_t max_bytes, bp__file_data *f, bp_error *err)
{
    for (;;) {
        if (f->cap - f->bytes < 2 &&
            !bp__grow(a, &f->data, &f->cap, f->cap + 4096, 1))
            return bp__oom(err);
        size_t got = 0;
        int error = fs->read(fs->user, handle, f->data + f->bytes,
                             f->cap - f->bytes - 1, &got);
        if (error)
            return bp__file_error(err, error, "read", path);
        if (got == 0) {
            f->data[f->bytes] = '\0';
            return BP_OK;
        }
        f->bytes += got;
        if (max_bytes && f->bytes > max_bytes)
            return too_large(err, path, max_bytes);
    }
}

bp_status bp__file_read(const bp__fs *fs, const bp_allocator *a,
                        const char *path, bool unzip, size_t max_bytes,
                        bp__file_data *out, bp_error *err)
{
    fs = real_fs(fs);
    a = a ? a : &bp__malloc_allocator;
    memset(out, 0, sizeof *out);
    bp__fs_info info = {.bytes = 0};
    int error = fs->stat(fs->user, path, &info);
    if (!error && info.is_dir)
        error = EISDIR;
    intptr_t handle;
    if (!error)
        error = fs->open(fs->user, path, BP__FS_READ, &handle);
    if (error)
        return bp__file_error(err, error, "open", path);
    bp__file_data f = {NULL, 0, 0};
    bp_status s = BP_OK;
    if (max_bytes && info.bytes > 0 && (uint64_t)info.bytes > max_bytes)
        s = too_large(err, path, max_bytes);
    else if (info.bytes > 0 && (uint64_t)info.bytes < PTRDIFF_MAX - 2) {
        /* One block of the right size, and a byte to see the end by. */
        f.data = bp__alloc(a, (size_t)info.bytes + 2);
        if (f.data)
            f.cap = (size_t)info.bytes + 2;
        else
            s = bp__oom(err);
    }
    if (!s)
        s = read_to_end(fs, a, path, handle, max_bytes, &f, err);
    fs->close(fs->user, handle);
    if (!s && unzip && f.bytes >= 2 && f.data[0] == 0x1f &&
        f.data[1] == 0x8b) {
        s = bp__gunzip(a, f.data, f.bytes, max_bytes, path, out, err);
        bp__file_free(a, &f);
        return s;
    }
    if (s)
        bp__file_free(a, &f);
    *out = f;
    return s;
}

/* ---- atomic writing ----------------------------------------------------- */

#ifdef BP__HOSTILE
enum { BUFFER_BYTES = 3 };
#else
enum { BUFFER_BYTES = 64 * 1024 };
#endif

static void writer_fail(bp__writer *w, int error, const char *operation,
                        const char *path)
{
    if (!w->status)
        w->status = bp__file_error(&w->error, error, operation, path);
}

bp_status bp__writer_open(bp__writer *w, const bp__fs *fs,
                          const bp_allocator *a, const char *path)
{
    memset(w, 0, sizeof *w);
    w->fs = real_fs(fs);
    w->a = a ? *a : bp__malloc_allocator;
    size_t n = strlen(path);
    w->path = bp__strdup(&w->a, path);
    w->temp = bp__alloc(&w->a, n + 5);
    w->buffer = bp__alloc(&w->a, BUFFER_BYTES);
    if (!w->path || !w->temp || !w->buffer) {
        /* The name is not known to strfree yet. */
        bp__free(&w->a, w->temp, n + 5);
        w->temp = NULL;
        return w->status = bp__oom(&w->error);
    }
    memcpy(w->temp, path, n);
    memcpy(w->temp + n, ".tmp", 5);
    int error = w->fs->open(w->fs->user, w->temp, BP__FS_CREATE, &w->handle);
    if (error)
        writer_fail(w, error, "create", w->temp);
    else
        w->open = true;
    return w->status;
}

static void write_fully(bp__writer *w, const unsigned char *p, size_t n)
{
    while (n && !w->status) {
        size_t put = 0;
        int error = w->fs->write(w->fs->user, w->handle, p, n, &put);
        if (!error && put == 0)
            error = EIO;
        if (error)
            writer_fail(w, error, "write", w->temp);
        p += put;
        n -= put;
    }
}

static void flush_writer(bp__writer *w)
{
    write_fully(w, w->buffer, w->used);
    w->used = 0;
}

void bp__writer_put(bp__writer *w, const void *data, size_t bytes)
{
    const unsigned char *p = data;
    if (w->status || bytes == 0)
        return;
    w->total += bytes;
    if (bytes >= BUFFER_BYTES) {
        flush_writer(w);
        write_fully(w, p, bytes);
        return;
    }
    if (bytes > BUFFER_BYTES - w->used)
        flush_writer(w);
    memcpy(w->buffer + w->used, p, bytes);
    w->used += bytes;
}

/* Syncs the folder that holds path, which is cut at its last slash for it. */
static void sync_parent(bp__writer *w)
{
    char *slash = strrchr(w->path, '/');
    const char *dir = slash ? w->path : ".";
    if (slash == w->path)
        dir = "/";
    else if (slash)
        *slash = '\0';
    int error = w->fs->sync_dir(w->fs->user, dir);
    if (error)
        writer_fail(w, error, "sync folder", dir);
    if (slash && slash != w->path)
        *slash = '/';
}

static void release_writer(bp__writer *w, bool remove_temp)
{
    if (w->open)
        w->fs->close(w->fs->user, w->handle);
    if (remove_temp)
        w->fs->unlink(w->fs->user, w->temp);
    bp__strfree(&w->a, w->path);
    bp__strfree(&w->a, w->temp);
    bp__free(&w->a, w->buffer, BUFFER_BYTES);
    w->path = w->temp = NULL;
    w->buffer = NULL;
    w->open = false;
}

bp_status bp__writer_commit(bp__writer *w, bp_error *err)
{
    bool created = w->open;
    int error;
    if (!w->status)
        flush_writer(w);
    if (!w->status && (error = w->fs->sync(w->fs->user, w->handle)) != 0)
        writer_fail(w, error, "sync", w->temp);
    if (w->open) {
        /* Some file systems report a full disk only here. */
        error = w->fs->close(w->fs->user, w->handle);
        w->open = false;
        if (error)
            writer_fail(w, error, "close", w->temp);
    }
    if (!w->status &&
        (error = w->fs->rename(w->fs->user, w->temp, w->path)) != 0)
        writer_fail(w, error, "rename to the final name", w->temp);
    bool remove_temp = created && w->status;
    if (!w->status)
        sync_parent(w);
    release_writer(w, remove_temp);
    if (w->status && err)
        *err = w->error;
    return w->status;
}

void bp__writer_abort(bp__writer *w)
{
    release_writer(w, w->open);
}

bp_status bp__file_write(const bp__fs *fs, const bp_allocator *a,
                         const char *path, const void *data, size_t bytes,
                         bp_error *err)
{
    bp__writer w;
    bp__writer_open(&w, fs, a, path);
    bp__writer_put(&w, data, bytes);
    return bp__writer_commit(&w, err);
}

/* ---- appending -----------------------------------------------------------*/

bp_status bp__append_open(bp__appender *f, const bp__fs *fs, const char *path,
                          int64_t offset, bp_error *err)
{
    memset(f, 0, sizeof *f);
    f->fs = real_fs(fs);
    if (strlen(path) >= sizeof f->path)
        return bp__error(err, BP_ELIMIT, "the path '%s' is too long", path);
    strcpy(f->path, path);
    int error = f->fs->open(f->fs->user, path, BP__FS_APPEND, &f->handle);
    if (error)
        return bp__file_error(err, error, "open", path);
    f->open = true;
    bp__fs_info info;
    bp_status s = bp__file_stat(f->fs, path, &info, err);
    if (!s && offset > info.bytes)
        s = bp__error(err, BP_EFORMAT,
                      "'%s' holds %lld bytes where %lld were written", path,
                      (long long)info.bytes, (long long)offset);
    if (!s && offset >= 0 && offset < info.bytes) {
        error = f->fs->truncate(f->fs->user, f->handle, offset);
        if (error)
            s = bp__file_error(err, error, "truncate", path);
    }
    if (s) {
        bp__append_close(f);
        return s;
    }
    f->offset = offset >= 0 ? offset : info.bytes;
    return BP_OK;
}

bp_status bp__append(bp__appender *f, const void *data, size_t bytes,
                     bp_error *err)
{
    const char *p = data;
    int64_t start = f->offset;
    while (bytes) {
        size_t put = 0;
        int error = f->fs->write(f->fs->user, f->handle, p, bytes, &put);
        if (!error && put == 0)
            error = EIO;
        if (error) {
            /* No half line stays behind. */
            if (f->offset > start &&
                f->fs->truncate(f->fs->user, f->handle, start) == 0)
                f->offset = start;
            return bp__file_error(err, error, "write", f->path);
        }
        p += put;
        bytes -= put;
        f->offset += (int64_t)put;
    }
    return BP_OK;
}

bp_status bp__append_sync(bp__appender *f, bp_error *err)
{
    int error = f->fs->sync(f->fs->user, f->handle);
    return error ? bp__file_error(err, error, "sync", f->path) : BP_OK;
}

void bp__append_close(bp__appender *f)
{
    if (f->open)
        f->fs->close(f->fs->user, f->handle);
    f->open = false;
}

/* ---- byte order --------------------------------------------------------- */

bool bp__is_big_endian(void)
{
    uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 0;
}

void bp__little_endian(void *data, size_t n, size_t size)
{
    if (size < 2 || !bp__is_big_endian())
        return;
    unsigned char *p = data;
    for (size_t i = 0; i < n; i++, p += size)
        for (size_t k = 0; k < size / 2; k++) {
            unsigned char t = p[k];
            p[k] = p[size - 1 - k];
            p[size - 1 - k] = t;
        }
}
