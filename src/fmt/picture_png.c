/* PNG by libpng. An error inside it comes back by longjmp: what must live on
 * is in a struct that the jump does not touch. */
#include "fmt/picture.h"

#ifndef BP__HAVE_PNG
bp_status bp__png_decode(const bp_allocator *a, const void *data, size_t bytes,
                         const char *path, bp__picture *out, int *orientation,
                         bp_error *err)
{
    (void)a, (void)data, (void)bytes, (void)out, (void)orientation;
    return bp__error(err, BP_EUNSUPPORTED,
                     "'%s' is a PNG file, and this build reads none (it was "
                     "made without libpng, -DBPROP_PNG=OFF)",
                     path);
}
#else
#include <png.h>
#include <setjmp.h>

typedef struct png_source {
    const bp_allocator *a;
    const unsigned char *data;
    size_t bytes, at;
    const char *path;
    png_structp png;
    png_infop info;
    png_bytep *rows;
    uint8_t *raw;
    size_t rows_bytes, raw_bytes;
    bp__picture *out;
    int *orientation;
    bp_error *err;
    bp_status status;
    char reason[200];
} png_source;

static void on_error(png_structp png, png_const_charp message)
{
    png_source *s = png_get_error_ptr(png);
    bp__snprintf(s->reason, sizeof s->reason, "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png, (void)message;
}

static void read_bytes(png_structp png, png_bytep to, png_size_t n)
{
    png_source *s = png_get_io_ptr(png);
    if (n > s->bytes - s->at)
        png_error(png, "it ends early (truncated)");
    memcpy(to, s->data + s->at, n);
    s->at += n;
}

/* 8 bits, and 1 to 4 channels, whatever is stored. */
static void ask_for_bytes(png_source *s)
{
    png_set_expand(s->png);
    png_set_scale_16(s->png);
    png_set_interlace_handling(s->png);
    png_read_update_info(s->png, s->info);
}

static void read_orientation(png_source *s)
{
#ifdef PNG_eXIf_SUPPORTED
    png_bytep exif = NULL;
    png_uint_32 n = 0;
    if (png_get_eXIf_1(s->png, s->info, &n, &exif) && exif)
        *s->orientation = bp__exif_orientation(exif, n);
#endif
}

/* Runs under setjmp: everything it makes is in s. */
static bp_status read_picture(png_source *s)
{
    png_set_read_fn(s->png, s, read_bytes);
    png_set_user_limits(s->png, BP__PICTURE_SIDE, BP__PICTURE_SIDE);
    png_read_info(s->png, s->info);
    ask_for_bytes(s);
    int64_t w = png_get_image_width(s->png, s->info);
    int64_t h = png_get_image_height(s->png, s->info);
    int from = png_get_channels(s->png, s->info);
    size_t row = png_get_rowbytes(s->png, s->info);
    if (!s->a) {
        *s->out = (bp__picture){.width = w, .height = h,
                                .channels = from < 3 ? 1 : 3};
        return BP_OK;
    }
    bp_status st = bp__picture_new(s->a, w, h, from < 3 ? 1 : 3, s->path,
                                   s->out, s->err);
    if (st)
        return st;
    if (row != (size_t)(w * from))
        png_error(s->png, "its rows have an unknown form");
    /* An interlaced picture is complete only with its last pass. */
    s->raw_bytes = bp__mul_size(row, (size_t)h);
    s->rows_bytes = bp__mul_size((size_t)h, sizeof *s->rows);
    s->raw = bp__alloc(s->a, s->raw_bytes);
    s->rows = bp__alloc(s->a, s->rows_bytes);
    if (!s->raw || !s->rows)
        return bp__oom(s->err);
    for (int64_t y = 0; y < h; y++)
        s->rows[y] = s->raw + (size_t)y * row;
    png_read_image(s->png, s->rows);
    png_read_end(s->png, s->info);
    read_orientation(s);
    for (int64_t y = 0; y < h; y++)
        bp__picture_blend(s->rows[y], from, w,
                          s->out->pixels + y * w * s->out->channels);
    return BP_OK;
}

static bp_status guarded_read(png_source *s)
{
    if (setjmp(png_jmpbuf(s->png)))
        return bp__error(s->err, BP_EFORMAT, "'%s' is no sound PNG file: %s",
                         s->path, s->reason);
    return read_picture(s);
}

bp_status bp__png_decode(const bp_allocator *a, const void *data, size_t bytes,
                         const char *path, bp__picture *out, int *orientation,
                         bp_error *err)
{
    png_source s = {.a = a, .data = data, .bytes = bytes, .path = path,
                    .out = out, .orientation = orientation, .err = err};
    bp_status st = BP_ENOMEM;
    s.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &s, on_error,
                                   on_warning);
    s.info = s.png ? png_create_info_struct(s.png) : NULL;
    if (s.info)
        st = guarded_read(&s);
    else
        bp__oom(err);
    png_destroy_read_struct(&s.png, &s.info, NULL);
    if (s.raw)
        bp__free(a, s.raw, s.raw_bytes);
    if (s.rows)
        bp__free(a, s.rows, s.rows_bytes);
    return st;
}
#endif
