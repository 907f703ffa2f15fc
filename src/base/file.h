/* The one file layer: nothing else in the library opens a file.
 *
 * bp__fs is a table of functions; NULL stands for the operating system's. A
 * test passes one that fails at its n-th operation. Files that are written
 * appear whole or not at all (bp__writer). Messages hold the path, the
 * operation and the system's reason. Knows nothing of what files contain.
 */
#ifndef BP__FILE_H
#define BP__FILE_H

#include "base/base.h"

typedef enum bp__fs_mode {
    BP__FS_READ,   /* must exist */
    BP__FS_CREATE, /* made, or emptied, for writing */
    BP__FS_APPEND, /* made, or opened at its end, for writing */
} bp__fs_mode;

typedef struct bp__fs_info {
    int64_t bytes;
    int64_t changed; /* nanoseconds since 1970, UTC */
    bool is_dir;
    bool is_special; /* a pipe, a device: it may have no end */
} bp__fs_info;

/* Every function returns 0 or an errno value; read and write may do less than
 * they were asked for (got 0: end of file). */
typedef struct bp__fs {
    void *user;
    int (*open)(void *user, const char *path, bp__fs_mode mode,
                intptr_t *handle);
    int (*close)(void *user, intptr_t handle);
    int (*read)(void *user, intptr_t handle, void *data, size_t bytes,
                size_t *got);
    /* The same at an offset; may be called by several threads at once. */
    int (*read_at)(void *user, intptr_t handle, int64_t offset, void *data,
                   size_t bytes, size_t *got);
    int (*write)(void *user, intptr_t handle, const void *data, size_t bytes,
                 size_t *put);
    int (*truncate)(void *user, intptr_t handle, int64_t bytes);
    int (*sync)(void *user, intptr_t handle);
    int (*stat)(void *user, const char *path, bp__fs_info *info);
    int (*rename)(void *user, const char *from, const char *to);
    int (*unlink)(void *user, const char *path);
    int (*mkdir)(void *user, const char *path);
    int (*sync_dir)(void *user, const char *path);
    /* Calls each() for every entry but . and .., in no order, until it
     * returns non-zero. */
    int (*list)(void *user, const char *path,
                int (*each)(void *each_user, const char *name),
                void *each_user);
} bp__fs;

extern const bp__fs bp__posix_fs;

/* "cannot OPERATION 'PATH': reason": BP_ENOTFOUND for ENOENT, BP_ENOMEM for
 * ENOMEM, else BP_EIO. */
bp_status bp__file_error(bp_error *err, int error, const char *operation,
                         const char *path);

bool bp__file_exists(const bp__fs *fs, const char *path);
bp_status bp__file_stat(const bp__fs *fs, const char *path, bp__fs_info *info,
                        bp_error *err);
/* Succeeds where it is there already. Parents are not made. */
bp_status bp__file_mkdir(const bp__fs *fs, const char *path, bp_error *err);
/* Succeeds where there is nothing. */
bp_status bp__file_unlink(const bp__fs *fs, const char *path, bp_error *err);
/* "dir/name" in memory of `a`, freed by bp__strfree; NULL: out of memory. */
char *bp__path_join(const bp_allocator *a, const char *dir, const char *name);

/* A whole file, with a NUL after its last byte that is not counted; freed by
 * bp__file_free. A file that starts like gzip's is unpacked if `unzip`
 * (BP_EUNSUPPORTED without zlib). More than max_bytes (0: no limit) is
 * BP_ELIMIT. */
typedef struct bp__file_data {
    unsigned char *data;
    size_t bytes;
    size_t cap;
} bp__file_data;
bp_status bp__file_read(const bp__fs *fs, const bp_allocator *a,
                        const char *path, bool unzip, size_t max_bytes,
                        bp__file_data *out, bp_error *err);
void bp__file_free(const bp_allocator *a, bp__file_data *f);
/* Unpacks gzip members. `path` is for messages. */
bp_status bp__gunzip(const bp_allocator *a, const void *data, size_t bytes,
                     size_t max_bytes, const char *path, bp__file_data *out,
                     bp_error *err);

/* Writes "PATH.tmp" and, in commit, syncs it, renames it to PATH and syncs the
 * folder. Sticky: after a failure puts do nothing and commit reports it. A
 * failed or aborted write leaves what was at PATH and removes the temporary
 * file. */
typedef struct bp__writer {
    const bp__fs *fs;
    bp_allocator a;
    char *path, *temp;
    unsigned char *buffer;
    size_t used;
    uint64_t total; /* bytes put so far */
    intptr_t handle;
    bool open;
    bp_status status;
    bp_error error;
} bp__writer;
/* Always pair with commit or abort, whatever it returned. */
bp_status bp__writer_open(bp__writer *w, const bp__fs *fs,
                          const bp_allocator *a, const char *path);
void bp__writer_put(bp__writer *w, const void *data, size_t bytes);
bp_status bp__writer_commit(bp__writer *w, bp_error *err);
void bp__writer_abort(bp__writer *w);
/* All in one call. */
bp_status bp__file_write(const bp__fs *fs, const bp_allocator *a,
                         const char *path, const void *data, size_t bytes,
                         bp_error *err);

/* A file that grows at its end (a log): opened at `offset`, what follows is
 * cut off (offset -1: at the end). A line is written with one call. */
typedef struct bp__appender {
    const bp__fs *fs;
    intptr_t handle;
    bool open;
    int64_t offset;
    char path[1024];
} bp__appender;
bp_status bp__append_open(bp__appender *f, const bp__fs *fs, const char *path,
                          int64_t offset, bp_error *err);
bp_status bp__append(bp__appender *f, const void *data, size_t bytes,
                     bp_error *err);
bp_status bp__append_sync(bp__appender *f, bp_error *err);
void bp__append_close(bp__appender *f);

/* Numbers in files are little-endian: swaps the elements of `size` bytes in
 * place on a big-endian machine, does nothing elsewhere. */
void bp__little_endian(void *data, size_t n, size_t size);
bool bp__is_big_endian(void);

#endif
