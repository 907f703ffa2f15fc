/* Data that comes as pictures: the configuration's part in finding, decoding
 * and naming them. */
#ifndef BP__CONFIG_PICTURES_H
#define BP__CONFIG_PICTURES_H

#include "config/config.h"

enum { BP__PICTURE_N_KEYS = 3 };
extern const bp__skey bp__picture_keys[BP__PICTURE_N_KEYS];
bp__ynode *bp__read_decoded(bp__scheck *c, const char *path, bp__ynode *raw);

/* Is a source of the data a folder or archive of pictures? */
bool bp__config_has_pictures(const bp__config *c);
/* The pictures at `path`, in the size of the model's input. Classes are
 * data.classes, or, of the training set, its folders, which are then kept
 * there. [err: as bp__pictures_open] */
bp_status bp__config_pictures(bp__config *c, const char *path, bp_split split,
                              bp_data **d, bp_error *err);
/* What the model's input asks of pictures. [err: ESHAPE] */
bp_status bp__config_picture_shape(const bp__config *c, int64_t chw[3],
                                   bp_error *err);
int bp__config_picture_fit(const bp__config *c);

#endif
