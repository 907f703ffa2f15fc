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

/* Element i of an array of type t, as a number. */
double bp__element(bp_dtype t, const void *data, int64_t i);
static inline double bp__array_number(const bp_array *x, int64_t i)
{
    return bp__element(x->dtype, x->data, i);
}
bool bp__is_whole(bp_dtype t); /* i32, u8, bool */
/* x as an element of a whole-number type. False: it is no whole number, or
 * outside the type's range. */
bool bp__put_whole(bp_dtype t, void *data, int64_t i, double x);
/* "from 0 to 255" */
const char *bp__whole_range(bp_dtype t);

/* A whole number of a file as text, whatever its width; buf: 24 bytes. */
const char *bp__stored_whole(bp__stored s, bool big_endian, const void *from,
                             int64_t i, char *buf);

/* "[2,3]"; buf: 200 bytes. */
const char *bp__shape_text(int rank, const int64_t *dims, char *buf);
/* The place of element k of an array: " at [1,0]"; "" where rank is 0. */
const char *bp__place_text(int rank, const int64_t *dims, int64_t k,
                           char *buf);

#endif
