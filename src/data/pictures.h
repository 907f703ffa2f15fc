/* Pictures -> a data set: decoded once into a cache, read from there. Internal
 * to src/data and src/source.
 *
 * A cache is a folder of two files: pixels.npy, u8 [n][channels][height]
 * [width], and index.safetensors, written last: names, classes, the hash of the
 * pixels. It is named by a stamp of names, sizes and times of the pictures, of
 * the model's input and of the rule of fitting, so that a change of any makes
 * another cache. What is in it decides a run's bits: decoders differ by a level
 * or two. */
#ifndef BP__PICTURES_H
#define BP__PICTURES_H

#include "data/picture_files.h"
#include "fmt/picture.h"

#include <bprop/data.h>

enum { BP__PICTURE_EXAMPLES = 5 };

typedef struct bp__pictures_options {
    const bp__fs *fs;     /* NULL: the system's */
    const bp_allocator *a; /* NULL: malloc's */
    const char *path;
    int64_t channels, height, width; /* channels: 1 or 3 */
    bp__picture_fit fit;
    const char *cache; /* folder in which caches stand; made if need be */
    bool skip_unreadable; /* leaves them out; else they are an error */
    /* The classes, where they are known: a folder of another name is reported.
     * NULL: the folders, in order. */
    const char *const *classes;
    size_t n_classes;
    /* Told now and then how many of how many are decoded; NULL: nobody. */
    void (*progress)(void *user, int64_t done, int64_t all);
    void *user;
} bp__pictures_options;

typedef struct bp__pictures {
    bp__arena memory;
    bp_data *data;        /* with file names; no target where no folders */
    size_t n_classes;
    const char **classes;
    uint64_t hash;        /* of all decoded pixels, in the order of names */
    bool decoded;         /* there was no cache */
    const char *notes;    /* for the user: what was left out; NULL */
} bp__pictures;

/* One message tells all that is wrong with all files. [err: EIO ENOTFOUND
 * EFORMAT EUNSUPPORTED ELIMIT ENOMEM EARG] */
bp_status bp__pictures_open(const bp__pictures_options *o, bp__pictures *p,
                            bp_error *err);
void bp__pictures_free(bp__pictures *p);

#endif
