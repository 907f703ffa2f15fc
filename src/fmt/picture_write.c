/* Pixels -> a PNG file, by libpng. What an error's longjmp passes over lives
 * in a struct that it does not touch. */
#include "fmt/picture.h"

#include "base/file.h"

#ifndef BP__HAVE_PNG
bp_status bp__png_write(const bp_allocator *a, const bp__picture *p,
                        const char *path, bp_error *err)
{
    (void)a, (void)p;
    return bp__error(err, BP_EUNSUPPORTED,
                     "'%s' would be a PNG file, and this build writes none "
                     "(it was made without libpng, -DBPROP_PNG=OFF)", path);
}
#else
#include <png.h>
#include <setjmp.h>

typedef struct png_sink {
    const bp__picture *p;
    const char *path;
    png_structp png;
    png_infop info;
    bp__writer writer;
    bp_error *err;
    char reason[200];
} png_sink;

static void on_error(png_structp png, png_const_charp message)
{
    png_sink *s = png_get_error_ptr(png);
    bp__snprintf(s->reason, sizeof s->reason, "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png, (void)message;
}

static void put_bytes(png_structp png, png_bytep from, png_size_t n)
{
    png_sink *s = png_get_io_ptr(png);
    bp__writer_put(&s->writer, from, n);
}

static void put_nothing(png_structp png)
{
    (void)png;
}

static bp_status guarded_write(png_sink *s)
{
    const bp__picture *p = s->p;
    if (setjmp(png_jmpbuf(s->png)))
        return bp__error(s->err, BP_EIO, "'%s' was not written: %s", s->path,
                         s->reason);
    png_set_write_fn(s->png, s, put_bytes, put_nothing);
    png_set_IHDR(s->png, s->info, (png_uint_32)p->width,
                 (png_uint_32)p->height, 8,
                 p->channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(s->png, s->info);
    for (int64_t y = 0; y < p->height; y++)
        png_write_row(s->png, p->pixels + y * p->width * p->channels);
    png_write_end(s->png, s->info);
    return BP_OK;
}

bp_status bp__png_write(const bp_allocator *a, const bp__picture *p,
                        const char *path, bp_error *err)
{
    png_sink s = {.p = p, .path = path, .err = err};
    bp_status st = bp__writer_open(&s.writer, NULL, a, path);
    if (!st) {
        s.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &s, on_error,
                                        on_warning);
        s.info = s.png ? png_create_info_struct(s.png) : NULL;
        st = s.info ? guarded_write(&s) : bp__oom(err);
        png_destroy_write_struct(&s.png, &s.info);
    }
    if (!st)
        return bp__writer_commit(&s.writer, err);
    if (err && !err->status)
        *err = s.writer.error;
    bp__writer_abort(&s.writer);
    return st;
}
#endif
