/* Data files for tests: pictures, written by libpng and libjpeg themselves,
 * arrays and archives. */
#ifndef BP_T_PICTURES_H
#define BP_T_PICTURES_H

#include <bprop/data.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct t_bytes {
    unsigned char *data; /* free() */
    size_t bytes;
} t_bytes;

/* Were the tests built with them? */
bool t_have_png(void);
bool t_have_jpeg(void);

/* What a PNG is to be: the samples as they are stored, packed rows. */
typedef struct t_png {
    int width, height;
    int depth;     /* bits a sample: 1 2 4 8 16 */
    int color;     /* PNG's color type: 0 grey, 2 RGB, 3 palette, 4, 6 alpha */
    bool interlaced;
    const unsigned char *rows;   /* [height][bytes of a row] */
    const unsigned char *palette; /* [n][3] */
    int n_palette;
    const unsigned char *alpha;  /* of palette entries; NULL */
    int orientation; /* EXIF; 0: none is written */
} t_png;
t_bytes t_write_png(const t_png *p);

typedef struct t_jpeg {
    int width, height;
    int channels;  /* 1, 3 RGB, 4 CMYK with inks as Adobe inverts them */
    int quality;
    bool progressive;
    const unsigned char *pixels;
    int orientation;
} t_jpeg;
t_bytes t_write_jpeg(const t_jpeg *p);

/* An array as a .npy file. */
t_bytes t_write_npy(const bp_array *x);
/* A .zip, its members deflated or stored; false without libarchive. */
bool t_write_zip(const char *path, const char *const *names,
                 const t_bytes *files, size_t n, bool deflated);
bool t_save(const char *path, const void *data, size_t bytes);

#endif
