/* Archives (.tar, compressed or not, .zip) by libarchive: their files, one
 * after the other. A build without it refuses them by name. Knows nothing of
 * what the files contain. Nothing but this process reads them: no program is
 * started, and the message names what would need one. */
#ifndef BP__ARCHIVE_H
#define BP__ARCHIVE_H

#include "base/file.h"

/* Calls each for every file or link, in stored order; `read` there gives its
 * bytes (once), max_bytes at most unless that is 0: a small archive may hold
 * endless zeros. Links have no bytes of their own, and are not followed. Names
 * stored as UTF-8 come as UTF-8, others byte by byte. */
typedef struct bp__archive_entry {
    const char *name;
    int64_t bytes;
    bool link;
    void *handle;
} bp__archive_entry;
typedef bp_status (*bp__archive_each)(void *user, const bp__archive_entry *e,
                                      bp_error *err);
bp_status bp__archive_walk(const bp__fs *fs, const char *path,
                           bp__archive_each each, void *user, bp_error *err);
bp_status bp__archive_read(const bp__archive_entry *e, const bp_allocator *a,
                           const char *path, size_t max_bytes,
                           bp__file_data *out, bp_error *err);

#endif
