/* Pictures: bytes of a PNG or JPEG file -> pixels of 8 bits.
 *
 * What is decoded is the picture as a viewer shows it: palettes are looked
 * up, 16 bits rounded to 8, what is transparent is laid over white, CMYK
 * becomes RGB, and the rotation that a camera notes (EXIF) is carried out. No
 * gamma or color profile is applied. PNG needs libpng, JPEG libjpeg; a build
 * without refuses such a file by name. Their own working memory is malloc's.
 */
#ifndef BP__PICTURE_H
#define BP__PICTURE_H

#include "base/base.h"

/* Wider or higher is refused; so is what would take more memory than this
 * while it is unpacked (a few bytes of a file may stand for gigabytes), and a
 * JPEG of more scans, each of which goes through the whole picture. So an RGB
 * picture may have 78 million pixels; half as many if it is turned, and 26 to
 * 39 million if it is a progressive JPEG. */
enum {
    BP__PICTURE_SIDE = 65535,
    BP__PICTURE_SCANS = 100,
    BP__PICTURE_FILE = 1 << 27, /* bytes of a file */
};
#define BP__PICTURE_BYTES ((int64_t)224 << 20)

typedef enum bp__picture_kind {
    BP__PICTURE_NONE = 0, /* neither: by its first bytes */
    BP__PICTURE_PNG = 1,
    BP__PICTURE_JPEG = 2,
} bp__picture_kind;

typedef struct bp__picture {
    int64_t width, height;
    int channels;    /* 1: grey, 3: red, green, blue */
    uint8_t *pixels; /* [height][width][channels] */
    size_t bytes;
} bp__picture;

bp__picture_kind bp__picture_kind_of(const void *data, size_t bytes);
/* By the end of a file's name: .png, .jpg, .jpeg, .jpe in any case. */
bool bp__picture_name(const char *path);

/* out is filled with memory of `a`; `path` is for messages. A file that ends
 * early or is damaged is refused where that shows first.
 * [err: EFORMAT EUNSUPPORTED ELIMIT ENOMEM] */
bp_status bp__picture_decode(const bp_allocator *a, const void *data,
                             size_t bytes, const char *path, bp__picture *out,
                             bp_error *err);
void bp__picture_free(const bp_allocator *a, bp__picture *p);
/* The file appears whole or not at all. [err: EIO EUNSUPPORTED ENOMEM] */
bp_status bp__png_write(const bp_allocator *a, const bp__picture *p,
                        const char *path, bp_error *err);
/* Width, height and channels from the header alone: what decoding would give,
 * but for the rotation. pixels stays NULL. [err: as above] */
bp_status bp__picture_head(const void *data, size_t bytes, const char *path,
                           bp__picture *out, bp_error *err);

/* How a picture gets the size that a model asks for. */
typedef enum bp__picture_fit {
    BP__FIT_CROP = 0,    /* the largest middle part of the wanted shape */
    BP__FIT_STRETCH = 1, /* all of it, its sides scaled by themselves */
    BP__FIT_PAD = 2,     /* all of it, in the middle of black */
} bp__picture_fit;
extern const char *const bp__picture_fit_names[3];

/* p as planes, out: u8 [channels][height][width] with 1 or 3 channels. Grey
 * of RGB is (77 R + 150 G + 29 B) / 256 (the weights of ITU-R BT.601). Where
 * the size differs, pixels are averages under a triangle as wide as two output
 * pixels or two of the picture's own, whichever is wider. [err: ENOMEM] */
bp_status bp__picture_planes(const bp_allocator *a, const bp__picture *p,
                             bp__picture_fit fit, int channels, int64_t height,
                             int64_t width, uint8_t *out, bp_error *err);

/* ---- for the decoders ---------------------------------------------------- */

/* Rows of `from` channels (1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha)
 * as the 1 or 3 channels of a picture. */
void bp__picture_blend(const uint8_t *row, int from, int64_t width,
                       uint8_t *to);
/* bytes: what unpacking takes, pixels included. [err: ELIMIT] */
bp_status bp__picture_check(int64_t width, int64_t height, int64_t bytes,
                            const char *path, bp_error *err);
/* Makes room for width x height. [err: ELIMIT ENOMEM] */
bp_status bp__picture_new(const bp_allocator *a, int64_t width, int64_t height,
                          int channels, const char *path, bp__picture *p,
                          bp_error *err);
/* EXIF's orientation 1 .. 8 out of a block that starts with a TIFF header; 1
 * where it says none. */
int bp__exif_orientation(const unsigned char *tiff, size_t bytes);
/* [err: ELIMIT ENOMEM] */
bp_status bp__picture_turn(const bp_allocator *a, bp__picture *p,
                           int orientation, const char *path, bp_error *err);
/* a NULL: only the header is read. */
bp_status bp__png_decode(const bp_allocator *a, const void *data, size_t bytes,
                         const char *path, bp__picture *out, int *orientation,
                         bp_error *err);
bp_status bp__jpeg_decode(const bp_allocator *a, const void *data,
                          size_t bytes, const char *path, bp__picture *out,
                          int *orientation, bp_error *err);

#endif
