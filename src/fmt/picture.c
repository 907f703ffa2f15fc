/* What all pictures have in common: telling them apart, alpha, rotation. */
#include "fmt/picture.h"

bp__picture_kind bp__picture_kind_of(const void *data, size_t bytes)
{
    static const unsigned char png[] = {137, 'P', 'N', 'G', 13, 10, 26, 10};
    static const unsigned char jpeg[] = {0xff, 0xd8, 0xff};
    if (bytes >= sizeof png && !memcmp(data, png, sizeof png))
        return BP__PICTURE_PNG;
    if (bytes >= sizeof jpeg && !memcmp(data, jpeg, sizeof jpeg))
        return BP__PICTURE_JPEG;
    return BP__PICTURE_NONE;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);
    if (n <= k)
        return false;
    for (size_t i = 0; i < k; i++) {
        char c = s[n - k + i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c != end[i])
            return false;
    }
    return true;
}

bool bp__picture_name(const char *path)
{
    return ends_with(path, ".png") || ends_with(path, ".jpg") ||
           ends_with(path, ".jpeg") || ends_with(path, ".jpe");
}

bp_status bp__picture_check(int64_t width, int64_t height, int64_t bytes,
                            const char *path, bp_error *err)
{
    if (width >= 1 && height >= 1 && width <= BP__PICTURE_SIDE &&
        height <= BP__PICTURE_SIDE && bytes <= BP__PICTURE_BYTES)
        return BP_OK;
    return bp__error(err, BP_ELIMIT,
                     "'%s' is a picture of %lld x %lld pixels, which takes "
                     "%lld MiB to unpack; at most %d pixels on a side and %lld "
                     "MiB are read: make it smaller",
                     path, (long long)width, (long long)height,
                     (long long)(bytes >> 20), BP__PICTURE_SIDE,
                     (long long)(BP__PICTURE_BYTES >> 20));
}

bp_status bp__picture_new(const bp_allocator *a, int64_t width, int64_t height,
                          int channels, const char *path, bp__picture *p,
                          bp_error *err)
{
    memset(p, 0, sizeof *p);
    bp_status s = bp__picture_check(width, height, width * height * channels,
                                    path, err);
    if (s)
        return s;
    p->bytes = (size_t)(width * height * channels);
    if (!(p->pixels = bp__alloc(a, p->bytes)))
        return bp__oom(err);
    p->width = width;
    p->height = height;
    p->channels = channels;
    return BP_OK;
}

void bp__picture_free(const bp_allocator *a, bp__picture *p)
{
    bp__free(a, p->pixels, p->bytes);
    memset(p, 0, sizeof *p);
}

void bp__picture_blend(const uint8_t *row, int from, int64_t width,
                       uint8_t *to)
{
    int colors = from < 3 ? 1 : 3;
    if (from == colors) {
        memcpy(to, row, (size_t)(width * colors));
        return;
    }
    for (int64_t x = 0; x < width; x++)
        for (int k = 0; k < colors; k++) {
            unsigned alpha = row[x * from + colors];
            unsigned v = row[x * from + k] * alpha + 255 * (255 - alpha);
            to[x * colors + k] = (uint8_t)((v + 127) / 255);
        }
}

/* ---- rotation ----------------------------------------------------------- */

static unsigned tiff_number(const unsigned char *p, int bytes, bool little)
{
    unsigned v = 0;
    for (int i = 0; i < bytes; i++)
        v = v << 8 | p[little ? bytes - 1 - i : i];
    return v;
}

/* The first directory of the TIFF structure has the entry 0x0112. */
int bp__exif_orientation(const unsigned char *tiff, size_t bytes)
{
    enum { ORIENTATION = 0x0112, SHORT = 3, ENTRY = 12 };
    if (bytes < 8 || (memcmp(tiff, "II*\0", 4) && memcmp(tiff, "MM\0*", 4)))
        return 1;
    bool little = tiff[0] == 'I';
    size_t at = tiff_number(tiff + 4, 4, little);
    if (at > bytes - 2)
        return 1;
    unsigned n = tiff_number(tiff + at, 2, little);
    at += 2;
    for (unsigned i = 0; i < n && bytes - at >= ENTRY; i++, at += ENTRY) {
        if (tiff_number(tiff + at, 2, little) != ORIENTATION ||
            tiff_number(tiff + at + 2, 2, little) != SHORT)
            continue;
        unsigned v = tiff_number(tiff + at + 8, 2, little);
        return v >= 1 && v <= 8 ? (int)v : 1;
    }
    return 1;
}

/* Where the pixel x, y of the upright picture comes from. Orientations 5 to 8
 * swap the sides. */
static int64_t turned_from(int o, int64_t w, int64_t h, int64_t x, int64_t y)
{
    switch (o) {
    case 2: return y * w + (w - 1 - x);
    case 3: return (h - 1 - y) * w + (w - 1 - x);
    case 4: return (h - 1 - y) * w + x;
    case 5: return x * w + y;
    case 6: return (h - 1 - x) * w + y;
    case 7: return (h - 1 - x) * w + (w - 1 - y);
    case 8: return x * w + (w - 1 - y);
    default: return y * w + x;
    }
}

bp_status bp__picture_turn(const bp_allocator *a, bp__picture *p,
                           int orientation, const char *path, bp_error *err)
{
    if (orientation <= 1 || orientation > 8)
        return BP_OK;
    bp_status s = bp__picture_check(p->width, p->height,
                                    2 * (int64_t)p->bytes, path, err);
    if (s)
        return s;
    bool swap = orientation >= 5;
    bp__picture q = *p;
    q.width = swap ? p->height : p->width;
    q.height = swap ? p->width : p->height;
    if (!(q.pixels = bp__alloc(a, q.bytes)))
        return bp__oom(err);
    uint8_t *to = q.pixels;
    for (int64_t y = 0; y < q.height; y++)
        for (int64_t x = 0; x < q.width; x++) {
            const uint8_t *from =
                p->pixels + p->channels * turned_from(orientation, p->width,
                                                      p->height, x, y);
            for (int k = 0; k < p->channels; k++)
                *to++ = from[k];
        }
    bp__picture_free(a, p);
    *p = q;
    return BP_OK;
}

static bp_status read_any(const bp_allocator *a, const void *data,
                          size_t bytes, const char *path, bp__picture *out,
                          int *orientation, bp_error *err)
{
    *orientation = 1;
    memset(out, 0, sizeof *out);
    switch (bp__picture_kind_of(data, bytes)) {
    case BP__PICTURE_PNG:
        return bp__png_decode(a, data, bytes, path, out, orientation, err);
    case BP__PICTURE_JPEG:
        return bp__jpeg_decode(a, data, bytes, path, out, orientation, err);
    default:
        return bp__error(err, BP_EFORMAT,
                         bytes ? "'%s' is neither a PNG nor a JPEG file"
                               : "'%s' is empty",
                         path);
    }
}

bp_status bp__picture_head(const void *data, size_t bytes, const char *path,
                           bp__picture *out, bp_error *err)
{
    int orientation;
    return read_any(NULL, data, bytes, path, out, &orientation, err);
}

bp_status bp__picture_decode(const bp_allocator *a, const void *data,
                             size_t bytes, const char *path, bp__picture *out,
                             bp_error *err)
{
    int orientation;
    bp_status s = read_any(a, data, bytes, path, out, &orientation, err);
    if (!s)
        s = bp__picture_turn(a, out, orientation, path, err);
    if (s)
        bp__picture_free(a, out);
    return s;
}
