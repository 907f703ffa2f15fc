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
    uint8_t *raw; /* a row, or all of them if interlaced, before blending */
    size_t raw_bytes;
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

/* Texts, color profiles and other things that no pixel needs: not even
 * unpacked, for each may be of megabytes. */
static void skip_others(png_source *s)
{
#ifdef PNG_HANDLE_AS_UNKNOWN_SUPPORTED
    static const png_byte names[] =
        "bKGD\0cHRM\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0"
        "sPLT\0sRGB\0tEXt\0tIME\0zTXt";
    png_set_keep_unknown_chunks(s->png, PNG_HANDLE_CHUNK_NEVER, names,
                                (int)(sizeof names / 5));
#else
    (void)s;
#endif
}

/* Row by row; an interlaced picture is complete only with its last pass. */
static void read_rows(png_source *s, int from, bool whole)
{
    int64_t w = s->out->width, h = s->out->height;
    int passes = whole ? PNG_INTERLACE_ADAM7_PASSES : 1;
    size_t step = (size_t)(w * s->out->channels), row = (size_t)(w * from);
    for (int pass = 0; pass < passes; pass++)
        for (int64_t y = 0; y < h; y++) {
            uint8_t *to = s->out->pixels + (size_t)y * step;
            uint8_t *at = !s->raw ? to
                          : whole ? s->raw + (size_t)y * row
                                  : s->raw;
            png_read_row(s->png, at, NULL);
            if (s->raw && pass == passes - 1)
                bp__picture_blend(at, from, w, to);
        }
}

/* Runs under setjmp: everything it makes is in s. */
static bp_status read_picture(png_source *s)
{
    png_set_read_fn(s->png, s, read_bytes);
    png_set_user_limits(s->png, BP__PICTURE_SIDE, BP__PICTURE_SIDE);
    skip_others(s);
    png_read_info(s->png, s->info);
    ask_for_bytes(s);
    int64_t w = png_get_image_width(s->png, s->info);
    int64_t h = png_get_image_height(s->png, s->info);
    int from = png_get_channels(s->png, s->info), colors = from < 3 ? 1 : 3;
    bool whole = png_get_interlace_type(s->png, s->info) !=
                 PNG_INTERLACE_NONE;
    int64_t raw = from == colors ? 0 : w * from * (whole ? h : 1);
    bp_status st = bp__picture_check(w, h, w * h * colors + raw, s->path,
                                     s->err);
    if (st)
        return st;
    if (!s->a) {
        *s->out = (bp__picture){.width = w, .height = h, .channels = colors};
        return BP_OK;
    }
    if (png_get_rowbytes(s->png, s->info) != (size_t)(w * from))
        png_error(s->png, "its rows have an unknown form");
    st = bp__picture_new(s->a, w, h, colors, s->path, s->out, s->err);
    if (st)
        return st;
    s->raw_bytes = (size_t)raw;
    if (raw && !(s->raw = bp__alloc(s->a, s->raw_bytes)))
        return bp__oom(s->err);
    read_rows(s, from, whole);
    png_read_end(s->png, s->info);
    read_orientation(s);
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
    return st;
}
#endif
