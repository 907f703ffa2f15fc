/* JPEG by libjpeg (or libjpeg-turbo). An error inside it comes back by
 * longjmp: what must live on is in a struct that the jump does not touch. */
#include "fmt/picture.h"

#ifndef BP__HAVE_JPEG
bp_status bp__jpeg_decode(const bp_allocator *a, const void *data,
                          size_t bytes, const char *path, bp__picture *out,
                          int *orientation, bp_error *err)
{
    (void)a, (void)data, (void)bytes, (void)out, (void)orientation;
    return bp__error(err, BP_EUNSUPPORTED,
                     "'%s' is a JPEG file, and this build reads none (it was "
                     "made without libjpeg, -DBPROP_JPEG=OFF)",
                     path);
}
#else
#include <stdio.h> /* jpeglib.h uses its names without including it */

#include <jpeglib.h>
#include <jerror.h>
#include <setjmp.h>

typedef struct jpeg_source {
    struct jpeg_error_mgr manager; /* first: libjpeg knows only this */
    jmp_buf jump;
    struct jpeg_decompress_struct jpeg;
    const bp_allocator *a;
    const char *path;
    uint8_t *row; /* CMYK comes in four channels */
    size_t row_bytes;
    bp__picture *out;
    int *orientation;
    bp_error *err;
    bool damaged, limit;
    struct jpeg_progress_mgr progress;
    char reason[JMSG_LENGTH_MAX];
} jpeg_source;

static void on_error(j_common_ptr c)
{
    jpeg_source *s = (jpeg_source *)(void *)c->err;
    s->manager.format_message(c, s->reason);
    longjmp(s->jump, 1);
}

/* Some warnings are about bytes that lie between markers, which cost no pixel;
 * the others mean that pixels would be made up, as slowly as others are read:
 * the first one ends it. */
static void on_message(j_common_ptr c, int level)
{
    jpeg_source *s = (jpeg_source *)(void *)c->err;
    if (level >= 0)
        return;
    switch (s->manager.msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_TOO_MUCH_DATA:
    case JWRN_ADOBE_XFORM:
        return;
    default:
        s->damaged = true;
        on_error(c);
    }
}

/* A scan of a few bytes may say that nothing changes, and takes its time. */
static void on_progress(j_common_ptr c)
{
    jpeg_source *s = (jpeg_source *)(void *)c->err;
    if (s->jpeg.input_scan_number <= BP__PICTURE_SCANS)
        return;
    s->limit = true;
    longjmp(s->jump, 1);
}

static void read_orientation(jpeg_source *s)
{
    static const char exif[] = "Exif\0"; /* and the NUL that ends it */
    for (jpeg_saved_marker_ptr m = s->jpeg.marker_list; m; m = m->next)
        if (m->marker == JPEG_APP0 + 1 && m->data_length > sizeof exif &&
            !memcmp(m->data, exif, sizeof exif))
            *s->orientation = bp__exif_orientation(
                m->data + sizeof exif, m->data_length - sizeof exif);
}

/* Adobe's files hold the inks inverted: 255 is none. */
static void cmyk_row(const uint8_t *row, int64_t width, bool inverted,
                     uint8_t *to)
{
    for (int64_t x = 0; x < width; x++)
        for (int k = 0; k < 3; k++) {
            unsigned ink = row[4 * x + k], black = row[4 * x + 3];
            if (!inverted) {
                ink = 255 - ink;
                black = 255 - black;
            }
            to[3 * x + k] = (uint8_t)((ink * black + 127) / 255);
        }
}

/* A picture in several scans is kept as coefficients of 2 bytes until the last
 * one, a turned one is copied. */
static int64_t bytes_needed(jpeg_source *s, int channels)
{
    struct jpeg_decompress_struct *j = &s->jpeg;
    int64_t pixels = (int64_t)j->image_width * j->image_height * channels;
    int64_t kept = 0;
    for (int i = 0; i < j->num_components && jpeg_has_multiple_scans(j); i++)
        kept += (int64_t)j->comp_info[i].width_in_blocks *
                j->comp_info[i].height_in_blocks * DCTSIZE2 * 2;
    return pixels + BP__MAX(kept, *s->orientation > 1 ? pixels : 0);
}

/* Runs under setjmp: everything it makes is in s. */
static bp_status read_picture(jpeg_source *s, const void *data, size_t bytes)
{
    struct jpeg_decompress_struct *j = &s->jpeg;
    jpeg_create_decompress(j);
    j->progress = &s->progress;
    jpeg_mem_src(j, (unsigned char *)(uintptr_t)data, (unsigned long)bytes);
    jpeg_save_markers(j, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(j, TRUE);
    read_orientation(s);
    bool grey = j->num_components == 1;
    bool inks = j->num_components == 4;
    bp_status st = bp__picture_check(j->image_width, j->image_height,
                                     bytes_needed(s, grey ? 1 : 3), s->path,
                                     s->err);
    if (st)
        return st;
    if (!s->a) {
        *s->out = (bp__picture){.width = j->image_width,
                                .height = j->image_height,
                                .channels = grey ? 1 : 3};
        return BP_OK;
    }
    j->out_color_space = grey ? JCS_GRAYSCALE : inks ? JCS_CMYK : JCS_RGB;
    j->dct_method = JDCT_ISLOW;
    st = bp__picture_new(s->a, j->image_width, j->image_height,
                         grey ? 1 : 3, s->path, s->out, s->err);
    if (st)
        return st;
    jpeg_start_decompress(j);
    s->row_bytes = (size_t)j->output_width * (size_t)j->output_components;
    if (inks && !(s->row = bp__alloc(s->a, s->row_bytes)))
        return bp__oom(s->err);
    size_t step = (size_t)(s->out->width * s->out->channels);
    if (j->output_height != s->out->height ||
        (!inks && s->row_bytes != step))
        return bp__error(s->err, BP_EFORMAT,
                         "'%s': its size is not what its header says",
                         s->path);
    while (j->output_scanline < j->output_height) {
        uint8_t *to = s->out->pixels + j->output_scanline * step;
        JSAMPROW row = inks ? s->row : to;
        jpeg_read_scanlines(j, &row, 1);
        if (inks)
            cmyk_row(s->row, s->out->width, j->saw_Adobe_marker, to);
    }
    jpeg_finish_decompress(j);
    return BP_OK;
}

static bp_status guarded_read(jpeg_source *s, const void *data, size_t bytes)
{
    if (!setjmp(s->jump))
        return read_picture(s, data, bytes);
    if (s->limit)
        return bp__error(s->err, BP_ELIMIT, "'%s' is a JPEG file of more than "
                         "%d scans, which are not read", s->path,
                         BP__PICTURE_SCANS);
    return bp__error(s->err, BP_EFORMAT, s->damaged
                     ? "'%s' is a damaged JPEG file: %s"
                     : "'%s' is no sound JPEG file: %s", s->path, s->reason);
}

bp_status bp__jpeg_decode(const bp_allocator *a, const void *data,
                          size_t bytes, const char *path, bp__picture *out,
                          int *orientation, bp_error *err)
{
    jpeg_source s = {.a = a, .path = path, .out = out,
                     .orientation = orientation, .err = err};
    s.jpeg.err = jpeg_std_error(&s.manager);
    s.manager.error_exit = on_error;
    s.manager.emit_message = on_message;
    s.progress.progress_monitor = on_progress;
    bp_status st = guarded_read(&s, data, bytes);
    jpeg_destroy_decompress(&s.jpeg);
    if (s.row)
        bp__free(a, s.row, s.row_bytes);
    return st;
}
#endif
