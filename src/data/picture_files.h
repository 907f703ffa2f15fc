/* Where pictures stand: a folder, or an archive (.tar, .tar.gz, .zip ... by
 * libarchive), and the names in it. Internal to src/data and src/source. */
#ifndef BP__PICTURE_FILES_H
#define BP__PICTURE_FILES_H

#include "base/file.h"

typedef struct bp__picture_file {
    const char *name; /* below the root: "cat/0001.jpg" */
    const char *full; /* in the archive, or the path of a file */
    int64_t stored;   /* its place in the order that a visit has */
    int32_t group;    /* of bp__picture_files.group; -1: directly in the root */
} bp__picture_file;

/* Everything belongs to `memory`. */
typedef struct bp__picture_files {
    bp__arena memory;
    const char *path;  /* as it was given */
    const char *place; /* the folder or archive itself */
    bool archive;
    const char *root;  /* what all names started with: "train/"; "" */
    size_t n;
    bp__picture_file *file; /* by name, in the order of bytes */
    size_t n_groups;
    const char **group; /* the first folders below the root, in order: classes */
    int64_t n_other;    /* files that are no pictures, by their names */
    const char *other;  /* the first of them; NULL */
    uint64_t stamp;     /* changes when names, sizes or times of files do */
} bp__picture_files;

/* `path`: a folder, an archive, or ARCHIVE/FOLDER. Folders that everything
 * stands in belong to the root, unless nothing but pictures stands in them.
 * Names that start with a dot are skipped. [err: EIO ENOTFOUND EFORMAT
 * EUNSUPPORTED ELIMIT ENOMEM] */
bp_status bp__picture_files_list(const bp__fs *fs, const bp_allocator *a,
                                 const char *path, bp__picture_files *f,
                                 bp_error *err);
void bp__picture_files_free(bp__picture_files *f);

/* Is `name` that of a part (train, valid, test and what they are called)? */
bool bp__split_of_name(const char *name, int *split);

/* Calls visit with the bytes of every picture, in the order of `stored`, until
 * it returns an error. A file that cannot be read comes with data NULL and the
 * reason in `why`. */
typedef bp_status (*bp__picture_visit)(void *user, size_t index,
                                       const void *data, size_t bytes,
                                       const char *why, bp_error *err);
bp_status bp__picture_files_visit(const bp__fs *fs, const bp_allocator *a,
                                  const bp__picture_files *f,
                                  bp__picture_visit visit, void *user,
                                  bp_error *err);

/* Can this file of a folder (not of an archive) be read now? */
bool bp__picture_file_reads(const bp__fs *fs, const bp_allocator *a,
                            const bp__picture_file *f);

#endif
