/* NumPy's .npy files <-> arrays. Read: versions 1 to 3, dtypes f4 f8 i4 u1 b1,
 * i8 i2 u2 i1 converted to i32 where every value fits, either byte order,
 * Fortran order converted to C order. Written: version 1 (2 for a long
 * header), little-endian, C order. Never reads pickles or structures. */
#ifndef BP__NPY_H
#define BP__NPY_H

#include "base/file.h"

#include <bprop/data.h>

/* out is filled with memory of `a`: bp_array_free. [err: EIO ENOTFOUND EFORMAT
 * EDTYPE ERANGE ELIMIT ENOMEM] */
bp_status bp__npy_read(const bp__fs *fs, const bp_allocator *a,
                       const char *path, bp_array *out, bp_error *err);
/* From bytes in memory; `path` is for messages. */
bp_status bp__npy_parse(const bp_allocator *a, const void *data, size_t bytes,
                        const char *path, bp_array *out, bp_error *err);
/* The header of such a file, for those who write its elements one by one;
 * buf: 400 bytes. Returns its length, a multiple of 64. */
enum { BP__NPY_HEADER = 400 };
size_t bp__npy_header(bp_dtype dtype, int rank, const int64_t *dims,
                      char *buf);
bp_status bp__npy_write(const bp__fs *fs, const bp_allocator *a,
                        const char *path, const bp_array *x, bp_error *err);

#endif
