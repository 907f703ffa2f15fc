/* The cache of decoded pictures: internal to src/data. */
#ifndef BP__PICTURE_CACHE_H
#define BP__PICTURE_CACHE_H

#include "data/pictures.h"

/* What a picture that cannot be decoded leaves behind. */
typedef struct bp__bad_pictures {
    int64_t n;
    const char *why[BP__PICTURE_EXAMPLES]; /* messages, with names */
} bp__bad_pictures;

/* What index.safetensors holds. Rows are places in pixels.npy; samples are in
 * the order of names. Everything belongs to `memory`. */
typedef struct bp__picture_index {
    bp__arena memory;
    int64_t n;
    const char **name;  /* of samples */
    int32_t *group;     /* of samples; -1: none */
    int64_t *row;       /* of samples; -1: could not be decoded; -2: read */
    size_t n_groups;
    const char **groups;
    uint64_t hash;
    bp__bad_pictures bad;
    int64_t n_other;
    const char *other;
    char *pixels;       /* path of pixels.npy */
    int64_t offset;     /* of row 0 */
    bool made;          /* now */
} bp__picture_index;

/* Reads the cache, or makes it. */
bp_status bp__picture_cache_open(const bp__pictures_options *o,
                                 bp__picture_index *x, bp_error *err);
void bp__picture_index_free(bp__picture_index *x);

#endif
