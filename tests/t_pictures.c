#include "t_pictures.h"

#include "fmt/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool t_save(const char *path, const void *data, size_t bytes)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        return false;
    bool ok = fwrite(data, 1, bytes, f) == bytes;
    return fclose(f) == 0 && ok;
}

t_bytes t_write_npy(const bp_array *x)
{
    char head[BP__NPY_HEADER];
    size_t n = bp__npy_header(x->dtype, x->rank, x->dims, head);
    t_bytes b = {malloc(n + x->bytes), n + x->bytes};
    if (b.data) {
        memcpy(b.data, head, n);
        memcpy(b.data + n, x->data, x->bytes);
    }
    return b;
}

#if defined(T_PNG) || defined(T_JPEG)
/* A little-endian TIFF structure with one entry. */
static void exif_block(int orientation, unsigned char out[26])
{
    static const unsigned char block[26] = {
        'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0,
        1,   0,   0,  0, 0, 0, 0, 0, 0, 0, 0,    0};
    memcpy(out, block, sizeof block);
    out[18] = (unsigned char)orientation;
}
#endif

#ifdef T_PNG
#include <png.h>

static void append(png_structp png, png_bytep data, png_size_t n)
{
    t_bytes *b = png_get_io_ptr(png);
    b->data = realloc(b->data, b->bytes + n);
    memcpy(b->data + b->bytes, data, n);
    b->bytes += n;
}

static void flush(png_structp png)
{
    (void)png;
}

bool t_have_png(void)
{
    return true;
}

t_bytes t_write_png(const t_png *p)
{
    t_bytes out = {NULL, 0};
    png_structp png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &out, append, flush);
    png_set_IHDR(png, info, (png_uint_32)p->width, (png_uint_32)p->height,
                 p->depth, p->color,
                 p->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (p->palette)
        png_set_PLTE(png, info, (png_const_colorp)(const void *)p->palette,
                     p->n_palette);
    if (p->alpha)
        png_set_tRNS(png, info, p->alpha, p->n_palette, NULL);
#ifdef PNG_eXIf_SUPPORTED
    unsigned char exif[26];
    exif_block(p->orientation, exif);
    if (p->orientation)
        png_set_eXIf_1(png, info, sizeof exif, exif);
#endif
    png_write_info(png, info);
    size_t row = png_get_rowbytes(png, info);
    png_bytep *rows = malloc((size_t)p->height * sizeof *rows);
    unsigned char *copy = malloc((size_t)p->height * row);
    memcpy(copy, p->rows, (size_t)p->height * row);
    for (int y = 0; y < p->height; y++)
        rows[y] = copy + (size_t)y * row;
    png_write_image(png, rows);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(rows);
    free(copy);
    return out;
}
#else
bool t_have_png(void)
{
    return false;
}

t_bytes t_write_png(const t_png *p)
{
    (void)p;
    return (t_bytes){NULL, 0};
}
#endif

#ifdef T_JPEG
#include <jpeglib.h>

bool t_have_jpeg(void)
{
    return true;
}

t_bytes t_write_jpeg(const t_jpeg *p)
{
    struct jpeg_compress_struct j;
    struct jpeg_error_mgr manager;
    unsigned char *data = NULL;
    unsigned long bytes = 0;
    j.err = jpeg_std_error(&manager);
    jpeg_create_compress(&j);
    jpeg_mem_dest(&j, &data, &bytes);
    j.image_width = (JDIMENSION)p->width;
    j.image_height = (JDIMENSION)p->height;
    j.input_components = p->channels;
    j.in_color_space = p->channels == 1   ? JCS_GRAYSCALE
                       : p->channels == 3 ? JCS_RGB
                                          : JCS_CMYK;
    jpeg_set_defaults(&j);
    jpeg_set_quality(&j, p->quality, TRUE);
    if (p->channels == 4)
        j.write_Adobe_marker = TRUE;
    if (p->progressive)
        jpeg_simple_progression(&j);
    jpeg_start_compress(&j, TRUE);
    unsigned char exif[32] = "Exif\0";
    exif_block(p->orientation, exif + 6);
    if (p->orientation)
        jpeg_write_marker(&j, JPEG_APP0 + 1, exif, sizeof exif);
    size_t row = (size_t)(p->width * p->channels);
    unsigned char *copy = malloc(row);
    while (j.next_scanline < j.image_height) {
        memcpy(copy, p->pixels + j.next_scanline * row, row);
        JSAMPROW line = copy;
        jpeg_write_scanlines(&j, &line, 1);
    }
    jpeg_finish_compress(&j);
    jpeg_destroy_compress(&j);
    free(copy);
    t_bytes out = {malloc(bytes), bytes};
    memcpy(out.data, data, bytes);
    free(data);
    return out;
}
#else
bool t_have_jpeg(void)
{
    return false;
}

t_bytes t_write_jpeg(const t_jpeg *p)
{
    (void)p;
    return (t_bytes){NULL, 0};
}
#endif

#ifdef BP_T_ARCHIVE
#include <archive.h>
#include <archive_entry.h>

bool t_write_zip(const char *path, const char *const *names,
                 const t_bytes *files, size_t n, bool deflated)
{
    struct archive *a = archive_write_new();
    bool ok = archive_write_set_format_zip(a) == ARCHIVE_OK &&
              archive_write_set_options(a, deflated ? "zip:compression=deflate"
                                                    : "zip:compression=store")
                  == ARCHIVE_OK &&
              archive_write_open_filename(a, path) == ARCHIVE_OK;
    for (size_t i = 0; i < n && ok; i++) {
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, names[i]);
        archive_entry_set_size(e, (la_int64_t)files[i].bytes);
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        ok = archive_write_header(a, e) == ARCHIVE_OK &&
             archive_write_data(a, files[i].data, files[i].bytes) ==
                 (la_ssize_t)files[i].bytes;
        archive_entry_free(e);
    }
    return archive_write_free(a) == ARCHIVE_OK && ok;
}
#else
bool t_write_zip(const char *path, const char *const *names,
                 const t_bytes *files, size_t n, bool deflated)
{
    (void)path, (void)names, (void)files, (void)n, (void)deflated;
    return false;
}
#endif
