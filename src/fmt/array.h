/* What the file formats share: sizes of arrays and conversions of their
 * elements. */
#ifndef BP__ARRAY_H
#define BP__ARRAY_H

#include "base/file.h"

#include <bprop/data.h>

/* How an element is stored in a file. */
typedef enum bp__stored {
    BP__STORED_F16,
    BP__STORED_BF16,
    BP__STORED_F32,
    BP__STORED_F64,
    BP__STORED_I8,
    BP__STORED_I16,
    BP__STORED_I32,
    BP__STORED_I64,
    BP__STORED_U8,
    BP__STORED_U16,
    BP__STORED_U32,
    BP__STORED_U64,
    BP__STORED_BOOL,
} bp__stored;

/* Bytes of an element, and the type that it becomes: halves become f32, whole
 * numbers but u8 become i32. */
size_t bp__stored_bytes(bp__stored s);
bp_dtype bp__stored_dtype(bp__stored s);
/* n elements from a file (in its byte order, unaligned) into an array. False
 * where an element does not fit: a whole number outside i32, or a bool other
 * than 0 and 1; *at is the first such. */
bool bp__convert_stored(bp__stored s, bool big_endian, const void *from,
                        int64_t n, void *to, int64_t *at);

/* "[2,3]"; buf: 200 bytes. */
const char *bp__shape_text(int rank, const int64_t *dims, char *buf);

#endif
