/* The operating system's files as a bp__fs. Interrupted calls are repeated;
 * nothing else is hidden. */
#undef _GNU_SOURCE /* its strerror_r is another function */
#define _POSIX_C_SOURCE 200809L
#ifdef __APPLE__
#define _DARWIN_C_SOURCE /* flock */
#endif
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef O_CLOEXEC
#define O_CLOEXEC 0
#endif

/* Two must not write one temporary file, be they processes or threads of one:
 * so the lock is of the open file (those of fcntl are of the process, which
 * would get it twice, and lose it with the second's close). Where locks are
 * not to be had, they are not. */
static int lock_and_empty(int fd, const char *path)
{
    struct stat mine, now;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return EBUSY;
    /* Between open and lock its last holder may have renamed or removed it:
     * then this is a finished file, or nobody's. */
    if (fstat(fd, &mine) < 0 || stat(path, &now) < 0 ||
        mine.st_ino != now.st_ino || mine.st_dev != now.st_dev)
        return ESTALE;
    return ftruncate(fd, 0) < 0 && errno != EINVAL ? errno : 0;
}

static int open_once(const char *path, bp__fs_mode mode, intptr_t *handle)
{
    int flags = mode == BP__FS_READ     ? O_RDONLY
                : mode == BP__FS_CREATE ? O_WRONLY | O_CREAT
                                        : O_WRONLY | O_CREAT | O_APPEND;
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return errno;
    int error = mode == BP__FS_CREATE ? lock_and_empty(fd, path) : 0;
    if (error)
        close(fd);
    else
        *handle = fd;
    return error;
}

static int posix_open(void *user, const char *path, bp__fs_mode mode,
                      intptr_t *handle)
{
    (void)user;
    int error = ESTALE;
    for (int i = 0; i < 100 && error == ESTALE; i++)
        error = open_once(path, mode, handle);
    return error;
}

static int posix_close(void *user, intptr_t handle)
{
    (void)user;
    /* After EINTR the descriptor is gone on Linux: never close it twice. */
    return close((int)handle) == 0 || errno == EINTR ? 0 : errno;
}

static int posix_read(void *user, intptr_t handle, void *data, size_t bytes,
                      size_t *got)
{
    (void)user;
    ssize_t n;
    do
        n = read((int)handle, data, BP__MIN(bytes, (size_t)1 << 30));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno;
    *got = (size_t)n;
    return 0;
}

static int posix_read_at(void *user, intptr_t handle, int64_t offset,
                         void *data, size_t bytes, size_t *got)
{
    (void)user;
    ssize_t n;
    do
        n = pread((int)handle, data, BP__MIN(bytes, (size_t)1 << 30),
                  (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno;
    *got = (size_t)n;
    return 0;
}

static int posix_write(void *user, intptr_t handle, const void *data,
                       size_t bytes, size_t *put)
{
    (void)user;
    ssize_t n;
    do
        n = write((int)handle, data, BP__MIN(bytes, (size_t)1 << 30));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno;
    *put = (size_t)n;
    return 0;
}

static int posix_truncate(void *user, intptr_t handle, int64_t bytes)
{
    (void)user;
    int r;
    do
        r = ftruncate((int)handle, (off_t)bytes);
    while (r < 0 && errno == EINTR);
    return r < 0 ? errno : 0;
}

static int posix_sync(void *user, intptr_t handle)
{
    (void)user;
    int r;
    do
        r = fsync((int)handle);
    while (r < 0 && errno == EINTR);
    /* A pipe or a device cannot be synced, which loses nothing. */
    return r < 0 && errno != EINVAL && errno != EROFS ? errno : 0;
}

static int posix_stat(void *user, const char *path, bp__fs_info *info)
{
    (void)user;
    struct stat st;
    if (stat(path, &st) < 0)
        return errno;
    info->bytes = (int64_t)st.st_size;
    info->changed = (int64_t)st.st_mtim.tv_sec * 1000000000 +
                    (int64_t)st.st_mtim.tv_nsec;
    info->is_dir = S_ISDIR(st.st_mode);
    info->is_special = !S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode);
    return 0;
}

static int posix_rename(void *user, const char *from, const char *to)
{
    (void)user;
    return rename(from, to) < 0 ? errno : 0;
}

static int posix_unlink(void *user, const char *path)
{
    (void)user;
    return unlink(path) < 0 ? errno : 0;
}

static int posix_mkdir(void *user, const char *path)
{
    (void)user;
    return mkdir(path, 0777) < 0 ? errno : 0;
}

static int posix_sync_dir(void *user, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        /* A folder that may be written but not read cannot be synced. */
        return errno == EACCES ? 0 : errno;
    int error = posix_sync(user, fd);
    close(fd);
    return error;
}

static int posix_list(void *user, const char *path,
                      int (*each)(void *each_user, const char *name),
                      void *each_user)
{
    (void)user;
    DIR *dir = opendir(path);
    if (!dir)
        return errno;
    int error = 0;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry) {
            error = errno;
            break;
        }
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        if (each(each_user, name))
            break;
    }
    closedir(dir);
    return error;
}

const bp__fs bp__posix_fs = {
    .open = posix_open,
    .close = posix_close,
    .read = posix_read,
    .read_at = posix_read_at,
    .write = posix_write,
    .truncate = posix_truncate,
    .sync = posix_sync,
    .stat = posix_stat,
    .rename = posix_rename,
    .unlink = posix_unlink,
    .mkdir = posix_mkdir,
    .sync_dir = posix_sync_dir,
    .list = posix_list,
};

bp_status bp__file_error(bp_error *err, int error, const char *operation,
                         const char *path)
{
    if (error == ENOMEM)
        return bp__oom(err);
    char reason[200];
    if (error == EBUSY)
        bp__snprintf(reason, sizeof reason, "another process uses it");
    else if (strerror_r(error, reason, sizeof reason) != 0)
        bp__snprintf(reason, sizeof reason, "error %d", error);
    return bp__error(err, error == ENOENT ? BP_ENOTFOUND : BP_EIO,
                     "cannot %s '%s': %s", operation, path, reason);
}
