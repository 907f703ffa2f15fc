/* TensorBoard's event files: records of Event messages. Only what scalars
 * take is known here: protobuf's wire format for four fields of Event and two
 * of Summary.Value, and the framing of records
 *
 *     u64 length, u32 masked CRC-32C of it, data, u32 masked CRC-32C of data
 *
 * all little-endian. A name must hold "tfevents" for TensorBoard to look. */
#ifndef BP__TFEVENTS_H
#define BP__TFEVENTS_H

#include "base/base.h"

/* CRC-32C (Castagnoli). */
uint32_t bp__crc32c(const void *data, size_t bytes);

typedef struct bp__tfscalar {
    const char *tag;
    float value;
} bp__tfscalar;

/* What a file begins with: its version. */
void bp__tfevents_begin(double wall_time, bp__str *out);
/* One event with n scalars. */
void bp__tfevents_add(double wall_time, int64_t step, const bp__tfscalar *s,
                      size_t n, bp__str *out);

#endif
