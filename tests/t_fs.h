/* A file layer for tests that counts operations and fails at the n-th. */
#ifndef BP_T_FS_H
#define BP_T_FS_H

#include "base/file.h"

#include <errno.h>

typedef struct t_fs {
    int64_t calls;
    int64_t fail_at; /* this operation (from 0) fails; -1: none */
    bool persistent; /* and all later ones too, but close and unlink */
    bool short_write; /* a failing write puts half of its bytes first */
    int error;       /* errno it fails with */
    int64_t failed;
    int64_t open_files;
    const char *failed_op;
    /* Writes take at most so many bytes at a time; 0: no limit. */
    size_t max_write;
} t_fs;

static inline int t_fs_step(t_fs *f, const char *op)
{
    int64_t n = f->calls++;
    if (f->fail_at >= 0 &&
        (n == f->fail_at || (f->persistent && n > f->fail_at))) {
        f->failed++;
        if (!f->failed_op)
            f->failed_op = op;
        return f->error;
    }
    return 0;
}

static inline int t_fs_open(void *user, const char *path, bp__fs_mode mode,
                            intptr_t *handle)
{
    t_fs *f = user;
    int e = t_fs_step(f, "open");
    if (!e)
        e = bp__posix_fs.open(NULL, path, mode, handle);
    f->open_files += !e;
    return e;
}

static inline int t_fs_close(void *user, intptr_t handle)
{
    t_fs *f = user;
    f->open_files--;
    int e = bp__posix_fs.close(NULL, handle);
    int failed = f->persistent ? 0 : t_fs_step(f, "close");
    return failed ? failed : e;
}

static inline int t_fs_read(void *user, intptr_t handle, void *data,
                            size_t bytes, size_t *got)
{
    int e = t_fs_step(user, "read");
    return e ? e : bp__posix_fs.read(NULL, handle, data, bytes, got);
}

static inline int t_fs_read_at(void *user, intptr_t handle, int64_t offset,
                               void *data, size_t bytes, size_t *got)
{
    int e = t_fs_step(user, "read_at");
    return e ? e : bp__posix_fs.read_at(NULL, handle, offset, data, bytes, got);
}

static inline int t_fs_write(void *user, intptr_t handle, const void *data,
                             size_t bytes, size_t *put)
{
    t_fs *f = user;
    int e = t_fs_step(f, "write");
    if (e && f->short_write && bytes > 1)
        bp__posix_fs.write(NULL, handle, data, bytes / 2, put);
    if (e)
        return e;
    if (f->max_write && bytes > f->max_write)
        bytes = f->max_write;
    return bp__posix_fs.write(NULL, handle, data, bytes, put);
}

static inline int t_fs_truncate(void *user, intptr_t handle, int64_t bytes)
{
    int e = t_fs_step(user, "truncate");
    return e ? e : bp__posix_fs.truncate(NULL, handle, bytes);
}

static inline int t_fs_sync(void *user, intptr_t handle)
{
    int e = t_fs_step(user, "sync");
    return e ? e : bp__posix_fs.sync(NULL, handle);
}

static inline int t_fs_stat(void *user, const char *path, bp__fs_info *info)
{
    int e = t_fs_step(user, "stat");
    return e ? e : bp__posix_fs.stat(NULL, path, info);
}

static inline int t_fs_rename(void *user, const char *from, const char *to)
{
    int e = t_fs_step(user, "rename");
    return e ? e : bp__posix_fs.rename(NULL, from, to);
}

static inline int t_fs_unlink(void *user, const char *path)
{
    (void)user;
    return bp__posix_fs.unlink(NULL, path);
}

static inline int t_fs_mkdir(void *user, const char *path)
{
    int e = t_fs_step(user, "mkdir");
    return e ? e : bp__posix_fs.mkdir(NULL, path);
}

static inline int t_fs_sync_dir(void *user, const char *path)
{
    int e = t_fs_step(user, "sync_dir");
    return e ? e : bp__posix_fs.sync_dir(NULL, path);
}

static inline int t_fs_list(void *user, const char *path,
                            int (*each)(void *, const char *), void *each_user)
{
    int e = t_fs_step(user, "list");
    return e ? e : bp__posix_fs.list(NULL, path, each, each_user);
}

static inline bp__fs t_fs_make(t_fs *f)
{
    return (bp__fs){f,         t_fs_open,   t_fs_close,    t_fs_read,
                    t_fs_read_at, t_fs_write, t_fs_truncate, t_fs_sync,  t_fs_stat,
                    t_fs_rename, t_fs_unlink, t_fs_mkdir,  t_fs_sync_dir,
                    t_fs_list};
}

#endif
