/* safetensors files <-> named arrays: 8 bytes of header length, a JSON header,
 * then the data.
 *
 * Strict: every offset, size, name and hole is checked, and a file that fails
 * is refused as a whole. Read: F32 F64 I32 U8 BOOL; F16 and BF16 become f32,
 * I64 becomes i32 where every value fits. Written: elements of 8 bytes first,
 * then of 4, then of 1 (so that all are aligned), each in the order given;
 * header padded with blanks to a multiple of 8. The bytes are a function of
 * the arguments. Knows nothing of stores or models.
 */
#ifndef BP__SAFETENSORS_H
#define BP__SAFETENSORS_H

#include "base/file.h"

typedef struct bp__st_entry {
    const char *name;
    bp_dtype dtype;
    int rank;
    int64_t dims[BP_MAX_RANK];
    const void *data; /* in the machine's byte order, 8-byte aligned */
    size_t bytes;
} bp__st_entry;

typedef struct bp__st_meta {
    const char *key, *value;
} bp__st_meta;

/* What a file holds; everything belongs to the arena. Entries are in the order
 * of their data. */
typedef struct bp__safetensors {
    bp__arena arena;
    bp__st_entry *entries;
    size_t n_entries;
    bp__st_meta *meta;
    size_t n_meta;
} bp__safetensors;

/* On failure st holds nothing. [err: EIO ENOTFOUND EFORMAT EDTYPE ERANGE
 * ENOMEM] */
bp_status bp__safetensors_read(const bp__fs *fs, const bp_allocator *a,
                               const char *path, bp__safetensors *st,
                               bp_error *err);
/* From bytes in memory; `path` is for messages. */
bp_status bp__safetensors_parse(const bp_allocator *a, const void *data,
                                size_t bytes, const char *path,
                                bp__safetensors *st, bp_error *err);
void bp__safetensors_free(bp__safetensors *st);
/* NULL if there is none of this name. */
const bp__st_entry *bp__safetensors_find(const bp__safetensors *st,
                                         const char *name);
const char *bp__safetensors_meta(const bp__safetensors *st, const char *key);

/* Through the atomic writer. Names must be unique, not empty, UTF-8 and not
 * "__metadata__". [err: EIO EARG ENOMEM] */
bp_status bp__safetensors_write(const bp__fs *fs, const bp_allocator *a,
                                const char *path, const bp__st_entry *entries,
                                size_t n_entries, const bp__st_meta *meta,
                                size_t n_meta, bp_error *err);

#endif
