/* Pictures of every stored form give the pixels that were written; rotation,
 * transparency and fitting; what is damaged is refused, at every length. */
#include "fmt/picture.h"
#include "t.h"
#include "t_pictures.h"

static const bp_allocator *a = &bp__malloc_allocator;

static bp__picture decode(const t_bytes *b)
{
    bp__picture p;
    bp_error err = {0};
    T_OK(bp__picture_decode(a, b->data, b->bytes, "x", &p, &err), &err);
    return p;
}

static void expect(const t_bytes *b, int w, int h, int channels,
                   const uint8_t *pixels, const char *what)
{
    bp__picture p = decode(b);
    T_CHECKF(p.width == w && p.height == h && p.channels == channels,
             "%s: %lld x %lld x %d", what, (long long)p.width,
             (long long)p.height, p.channels);
    if (p.bytes == (size_t)(w * h * channels))
        T_CHECKF(!memcmp(p.pixels, pixels, p.bytes), "%s: other pixels", what);
    bp__picture_free(a, &p);
}

/* Row y of a picture whose samples have `depth` bits, packed from the left. */
static void pack(const uint8_t *v, int n, int depth, uint8_t *to)
{
    memset(to, 0, (size_t)((n * depth + 7) / 8));
    for (int i = 0; i < n; i++)
        to[i * depth / 8] |=
            (uint8_t)(v[i] << (8 - depth - i * depth % 8));
}

static void png_forms(void)
{
    enum { W = 11, H = 9 };
    uint8_t raw[W * H * 8], want[W * H * 3], v[W];
    for (int depth = 1; depth <= 8; depth *= 2)
        for (int interlaced = 0; interlaced < 2; interlaced++) {
            int row = (W * depth + 7) / 8, most = (1 << depth) - 1;
            for (int y = 0; y < H; y++) {
                for (int x = 0; x < W; x++) {
                    v[x] = (uint8_t)((x * 7 + y * 3) % (most + 1));
                    want[y * W + x] = (uint8_t)(v[x] * 255 / most);
                }
                pack(v, W, depth, raw + y * row);
            }
            t_bytes b = t_write_png(&(t_png){.width = W, .height = H,
                                             .depth = depth, .color = 0,
                                             .interlaced = interlaced,
                                             .rows = raw});
            expect(&b, W, H, 1, want, "grey");
            free(b.data);
        }
    /* 16 bits, the high byte first. */
    for (int i = 0; i < W * H * 3; i++) {
        unsigned x = (unsigned)(i * 771) & 0xffff;
        raw[2 * i] = (uint8_t)(x >> 8);
        raw[2 * i + 1] = (uint8_t)x;
        want[i] = (uint8_t)((x * 255 + 32767) / 65535);
    }
    t_bytes b = t_write_png(&(t_png){.width = W, .height = H, .depth = 16,
                                     .color = 2, .rows = raw});
    expect(&b, W, H, 3, want, "16 bits");
    free(b.data);
    /* A palette with transparent entries, over white. */
    static const uint8_t palette[] = {10, 20, 30, 200, 100, 50, 0, 0, 0};
    static const uint8_t alpha[] = {255, 128, 0};
    static const uint8_t seen[] = {10, 20, 30, 227, 177, 152, 255, 255, 255};
    for (int i = 0; i < W * H; i++) {
        raw[i] = (uint8_t)(i % 3);
        memcpy(want + 3 * i, seen + 3 * (i % 3), 3);
    }
    b = t_write_png(&(t_png){.width = W, .height = H, .depth = 8, .color = 3,
                             .rows = raw, .palette = palette, .n_palette = 3,
                             .alpha = alpha});
    expect(&b, W, H, 3, want, "palette");
    free(b.data);
    /* Grey and RGB with alpha. */
    for (int i = 0; i < W * H; i++) {
        raw[2 * i] = (uint8_t)i;
        raw[2 * i + 1] = (uint8_t)(255 - i);
        unsigned t = (unsigned)i * (255u - (unsigned)i) + 255u * (unsigned)i;
        want[i] = (uint8_t)((t + 127) / 255);
    }
    b = t_write_png(&(t_png){.width = W, .height = H, .depth = 8, .color = 4,
                             .rows = raw});
    expect(&b, W, H, 1, want, "grey and alpha");
    free(b.data);
}

/* A blurred picture, whose JPEG is close to it. */
static void smooth(uint8_t *p, int w, int h, int channels)
{
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int k = 0; k < channels; k++)
                *p++ = (uint8_t)(40 + 150 * x / w + 50 * y / h * (k == 1));
}

static int furthest(const bp__picture *p, const uint8_t *want)
{
    int most = 0;
    for (size_t i = 0; i < p->bytes; i++) {
        int d = abs((int)p->pixels[i] - (int)want[i]);
        most = d > most ? d : most;
    }
    return most;
}

static void jpeg_forms(void)
{
    enum { W = 24, H = 17 };
    uint8_t v[W * H * 4], want[W * H * 3];
    for (int form = 0; form < 3; form++) {
        int channels = form == 0 ? 1 : 3;
        smooth(v, W, H, channels);
        t_bytes b = t_write_jpeg(&(t_jpeg){.width = W, .height = H,
                                           .channels = channels, .quality = 98,
                                           .progressive = form == 2,
                                           .pixels = v});
        bp__picture p = decode(&b);
        T_CHECK(p.width == W && p.height == H && p.channels == channels);
        /* Decoders differ by a level or two; chroma is stored in quarters. */
        T_CHECKF(furthest(&p, v) <= 6, "form %d: off by %d", form,
                 furthest(&p, v));
        bp__picture_free(a, &p);
        free(b.data);
    }
    for (int i = 0; i < W * H; i++) { /* inks, inverted */
        for (int k = 0; k < 3; k++) {
            v[4 * i + k] = (uint8_t)(100 + 5 * (i % W));
            want[3 * i + k] = (uint8_t)(v[4 * i + k] * 200 / 255);
        }
        v[4 * i + 3] = 200;
    }
    t_bytes b = t_write_jpeg(&(t_jpeg){.width = W, .height = H, .channels = 4,
                                       .quality = 98, .pixels = v});
    bp__picture p = decode(&b);
    T_CHECK(p.channels == 3);
    T_CHECKF(furthest(&p, want) <= 4, "CMYK: off by %d", furthest(&p, want));
    bp__picture_free(a, &p);
    free(b.data);
}

/* The corner that is white in the upright picture: EXIF 2.3, table 6. */
static void orientations(void)
{
    enum { W = 5, H = 3 };
    for (int o = 1; o <= 8; o++) {
        /* Upright: w x h with one bright pixel near the top left, one less
         * bright at its right; stored as a camera would. */
        int w = o >= 5 ? H : W, h = o >= 5 ? W : H;
        uint8_t up[W * H], stored[W * H];
        for (int i = 0; i < W * H; i++)
            up[i] = (uint8_t)(10 * i);
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                /* row 0 / column 0 of the stored picture are, upright: */
                int row = o == 1 || o == 2   ? y
                          : o == 3 || o == 4 ? h - 1 - y
                          : o == 5 || o == 8 ? -1
                                             : -2;
                int sy, sx;
                if (o <= 4) {
                    sy = row;
                    sx = o == 1 || o == 4 ? x : w - 1 - x;
                } else { /* sides change places */
                    sy = o == 5 || o == 6 ? x : w - 1 - x;
                    sx = o == 5 || o == 8 ? y : h - 1 - y;
                }
                /* 6: stored row 0 is the right side, column 0 the top. */
                if (o == 6) {
                    sy = w - 1 - x;
                    sx = y;
                } else if (o == 8) { /* row 0 left, column 0 bottom */
                    sy = x;
                    sx = h - 1 - y;
                }
                stored[sy * W + sx] = up[y * w + x];
            }
        t_bytes b = t_write_png(&(t_png){.width = W, .height = H, .depth = 8,
                                         .color = 0, .rows = stored,
                                         .orientation = o});
        char what[40];
        snprintf(what, sizeof what, "orientation %d", o);
        expect(&b, w, h, 1, up, what);
        free(b.data);
    }
    if (!t_have_jpeg())
        return;
    uint8_t v[16 * 8];
    memset(v, 100, sizeof v);
    t_bytes b = t_write_jpeg(&(t_jpeg){.width = 16, .height = 8, .channels = 1,
                                       .quality = 90, .pixels = v,
                                       .orientation = 6});
    bp__picture p = decode(&b);
    T_CHECK(p.width == 8 && p.height == 16);
    bp__picture_free(a, &p);
    free(b.data);
}

static void damaged(const t_bytes *b, const char *kind)
{
    bp__picture p;
    bp_error err;
    int64_t refused = 0;
    for (size_t n = 0; n < b->bytes; n++) {
        err = (bp_error){0};
        bp_status s = bp__picture_decode(a, b->data, n, "cut", &p, &err);
        if (s == BP_OK)
            bp__picture_free(a, &p); /* only what follows the pixels is gone */
        else
            refused += s == BP_EFORMAT && strstr(err.message, "'cut'") != NULL;
        T_CHECKF(s != BP_OK || n + 20 > b->bytes, "%s of %zu of %zu bytes",
                 kind, n, b->bytes);
        T_CHECK(s == BP_OK || s == BP_EFORMAT);
    }
    T_CHECK(refused > (int64_t)b->bytes - 21);
}

static void refusals(void)
{
    uint8_t v[40 * 30 * 3];
    bp__picture p;
    bp_error err = {0};
    smooth(v, 40, 30, 3);
    if (t_have_png()) {
        t_bytes b = t_write_png(&(t_png){.width = 40, .height = 30, .depth = 8,
                                         .color = 2, .rows = v});
        damaged(&b, "PNG");
        b.data[19] = 0xff; /* a width of 65,000 and more: its CRC is wrong */
        T_CHECK(bp__picture_decode(a, b.data, b.bytes, "x", &p, &err) ==
                BP_EFORMAT);
        free(b.data);
    }
    if (t_have_jpeg()) {
        t_bytes b = t_write_jpeg(&(t_jpeg){.width = 40, .height = 30,
                                           .channels = 3, .quality = 90,
                                           .pixels = v});
        damaged(&b, "JPEG");
        /* 60,000 x 60,000 pixels by its header: seen before any is made. */
        for (size_t i = 0; i + 8 < b.bytes; i++)
            if (b.data[i] == 0xff && b.data[i + 1] == 0xc0)
                memcpy(b.data + i + 5, "\xea\x60\xea\x60", 4);
        T_CHECK(bp__picture_decode(a, b.data, b.bytes, "x", &p, &err) ==
                BP_ELIMIT);
        T_CHECK(bp__picture_head(b.data, b.bytes, "x", &p, &err) ==
                    BP_ELIMIT && strstr(err.message, "60000 x 60000"));
        free(b.data);
    }
    T_CHECK(bp__picture_decode(a, "GIF89a", 6, "x", &p, &err) == BP_EFORMAT &&
            strstr(err.message, "neither a PNG nor a JPEG"));
    T_CHECK(bp__picture_decode(a, "", 0, "x", &p, &err) == BP_EFORMAT &&
            strstr(err.message, "empty"));
    T_CHECK(bp__picture_name("a/b.JPG") && bp__picture_name("x.jpeg") &&
            bp__picture_name("x.Png") && !bp__picture_name("x.gif") &&
            !bp__picture_name(".png"));
}

/* ---- what a few bytes may ask for ---------------------------------------- */

/* An allocator that keeps the most bytes that live at once. */
typedef struct high_water {
    size_t live, most;
} high_water;

static void *count_live(void *user, void *p, size_t old_bytes,
                        size_t new_bytes)
{
    high_water *h = user;
    h->live += new_bytes - old_bytes;
    h->most = h->live > h->most ? h->live : h->most;
    return bp__malloc_allocator.fn(bp__malloc_allocator.user, p, old_bytes,
                                   new_bytes);
}

static bp_status try_decode(const t_bytes *b, size_t *most, bp_error *err)
{
    high_water h = {0};
    bp_allocator heap = {count_live, &h};
    bp__picture p;
    *err = (bp_error){0};
    bp_status s = bp__picture_decode(&heap, b->data, b->bytes, "x", &p, err);
    bp__picture_free(&heap, &p);
    T_CHECK(h.live == 0);
    *most = h.most;
    return s;
}

/* Another size in the header of a PNG, with the CRC that goes with it. */
static void resize_png(t_bytes *b, uint32_t width, uint32_t height)
{
    uint32_t crc = 0xffffffff;
    for (int i = 0; i < 4; i++) {
        b->data[16 + i] = (uint8_t)(width >> (24 - 8 * i));
        b->data[20 + i] = (uint8_t)(height >> (24 - 8 * i));
    }
    for (int i = 12; i < 29; i++) {
        crc ^= b->data[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    for (int i = 0; i < 4; i++)
        b->data[29 + i] = (uint8_t)(~crc >> (24 - 8 * i));
}

static void png_limits(void)
{
    static const struct {
        int color;
        bool interlaced;
        uint32_t width, height;
        bp_status want;
    } all[] = {
        {2, false, 60000, 60000, BP_ELIMIT},
        {2, false, 9000, 9000, BP_ELIMIT},
        {2, false, 65535, 1000, BP_EFORMAT}, /* as many as are read */
        {2, false, 8000, 9000, BP_EFORMAT},
        {6, false, 8000, 9000, BP_EFORMAT},
        {6, true, 8000, 9000, BP_ELIMIT}, /* kept whole before blending */
        {6, true, 5000, 6000, BP_EFORMAT},
        {0, false, 15000, 15000, BP_EFORMAT},
        {0, false, 16000, 16000, BP_ELIMIT},
    };
    uint8_t v[40 * 30 * 4];
    smooth(v, 40, 30, 4);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        size_t most;
        bp_error err = {0};
        bp__picture p;
        t_bytes b = t_write_png(&(t_png){.width = 40, .height = 30, .depth = 8,
                                         .color = all[i].color, .rows = v,
                                         .interlaced = all[i].interlaced});
        resize_png(&b, all[i].width, all[i].height);
        bp_status s = try_decode(&b, &most, &err);
        T_CHECKF(s == all[i].want, "case %zu: %s", i, err.message);
        T_CHECKF(most <= (size_t)BP__PICTURE_BYTES &&
                 (s != BP_ELIMIT || !most), "case %zu: %zu", i, most);
        bp_status head = bp__picture_head(b.data, b.bytes, "x", &p, &err);
        T_CHECK(head == (s == BP_ELIMIT ? s : BP_OK));
        free(b.data);
    }
    /* Row by row: a row beside the pixels, whatever the picture. */
    for (int color = 2; color <= 6; color += 4) {
        size_t most, row = 40 * 4;
        bp_error err;
        t_bytes b = t_write_png(&(t_png){.width = 40, .height = 30, .depth = 8,
                                         .color = color, .rows = v});
        T_CHECK(try_decode(&b, &most, &err) == BP_OK &&
                most <= 40 * 30 * 3 + row);
        free(b.data);
    }
}

static void resize_jpeg(t_bytes *b, int side)
{
    for (size_t i = 0; i + 8 < b->bytes; i++)
        if (b->data[i] == 0xff && (b->data[i + 1] == 0xc0 ||
                                   b->data[i + 1] == 0xc2))
            for (int k = 0; k < 4; k++)
                b->data[i + 5 + k] = (uint8_t)(k % 2 ? side : side >> 8);
}

/* A grey progressive JPEG of 8 x 8 pixels in 1 + n scans, n to 126: each says
 * of one coefficient, in two steps, that it is 0. */
static t_bytes many_scans(int n)
{
    static const uint8_t head[] = {
        0xff, 0xd8, 0xff, 0xc2, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0,
        /* one code of one bit, for 0: of DC and of AC */
        0xff, 0xc4, 0, 20, 0x00, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0xff, 0xdb, 0, 67, 0};
    uint8_t scan[] = {0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0, 0x7f};
    t_bytes b = {malloc(4000), 0};
    memcpy(b.data, head, sizeof head);
    memset(b.data + sizeof head, 1, 64);
    b.bytes = sizeof head + 64;
    for (int i = 0; i <= n; i++) {
        scan[7] = scan[8] = (uint8_t)((i + 1) / 2);
        scan[9] = (uint8_t)(i == 0 ? 0 : i % 2 ? 0x01 : 0x10);
        memcpy(b.data + b.bytes, scan, sizeof scan);
        b.bytes += sizeof scan;
    }
    memcpy(b.data + b.bytes, "\xff\xd9", 2);
    b.bytes += 2;
    return b;
}

static void jpeg_limits(void)
{
    static const struct {
        bool progressive;
        int side;
        bp_status want;
    } all[] = {
        {false, 9000, BP_ELIMIT},  {false, 8500, BP_EFORMAT},
        {true, 8500, BP_ELIMIT},   {true, 5000, BP_EFORMAT},
        {true, 60000, BP_ELIMIT},
    };
    uint8_t v[40 * 30 * 3];
    size_t most;
    bp_error err = {0};
    smooth(v, 40, 30, 3);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        t_bytes b = t_write_jpeg(&(t_jpeg){
            .width = 40, .height = 30, .channels = 3, .quality = 90,
            .progressive = all[i].progressive, .pixels = v});
        resize_jpeg(&b, all[i].side);
        bp_status s = try_decode(&b, &most, &err);
        T_CHECKF(s == all[i].want, "case %zu: %s", i, err.message);
        T_CHECKF(s != BP_EFORMAT || strstr(err.message, "damaged"), "%s",
                 err.message);
        T_CHECK(s != BP_ELIMIT || !most);
        free(b.data);
    }
    for (int n = 90; n <= 126; n++) {
        t_bytes b = many_scans(n);
        bp_status s = try_decode(&b, &most, &err);
        T_CHECKF(s == (n < BP__PICTURE_SCANS ? BP_OK : BP_ELIMIT), "%d: %s",
                 n, err.message);
        free(b.data);
    }
    T_CHECK(strstr(err.message, "more than 100 scans"));
}

static void fits(void)
{
    /* Left half 0, right half 200: 8 x 4. */
    uint8_t v[8 * 4], out[3 * 16 * 16];
    bp_error err = {0};
    for (int i = 0; i < 32; i++)
        v[i] = i % 8 < 4 ? 0 : 200;
    bp__picture p = {8, 4, 1, v, sizeof v};
    /* The same size: the very pixels, in every channel. */
    T_OK(bp__picture_planes(a, &p, BP__FIT_CROP, 3, 4, 8, out, &err), &err);
    for (int k = 0; k < 3; k++)
        T_CHECK(!memcmp(out + 32 * k, v, 32));
    /* A constant picture stays one, whatever the size. */
    memset(v, 77, sizeof v);
    for (int n = 1; n <= 16; n++) {
        T_OK(bp__picture_planes(a, &p, BP__FIT_STRETCH, 1, n, n + 0, out,
                                &err), &err);
        for (int i = 0; i < n * n; i++)
            T_CHECK(out[i] == 77);
    }
    for (int i = 0; i < 32; i++)
        v[i] = i % 8 < 4 ? 0 : 200;
    /* The middle 4 x 4 has two columns of each. */
    T_OK(bp__picture_planes(a, &p, BP__FIT_CROP, 1, 4, 4, out, &err), &err);
    for (int i = 0; i < 16; i++)
        T_CHECK(out[i] == (i % 4 < 2 ? 0 : 200));
    /* Half the size, stretched: columns under triangles of width 2 and 4:
     * weights (1 3 3 1)/8. */
    T_OK(bp__picture_planes(a, &p, BP__FIT_STRETCH, 1, 4, 4, out, &err), &err);
    T_CHECK(out[0] == 0 && out[1] == 25 && out[2] == 175 && out[3] == 200);
    /* Padded: 4 x 2 in the middle of 4 x 4, black above and below. */
    T_OK(bp__picture_planes(a, &p, BP__FIT_PAD, 1, 4, 4, out, &err), &err);
    for (int x = 0; x < 4; x++)
        T_CHECK(out[x] == 0 && out[12 + x] == 0);
    T_CHECK(out[7] == 200 && out[4] == 0);
    /* Grey of a color. */
    uint8_t rgb[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255};
    static const uint8_t grey[] = {77, 149, 29, 255};
    bp__picture q = {4, 1, 3, rgb, sizeof rgb};
    T_OK(bp__picture_planes(a, &q, BP__FIT_CROP, 1, 1, 4, out, &err), &err);
    T_CHECK(!memcmp(out, grey, 4));
}

static void *most_bytes(void *user, void *p, size_t old_bytes,
                        size_t new_bytes)
{
    size_t *most = user;
    *most = new_bytes > *most ? new_bytes : *most;
    return bp__malloc_allocator.fn(bp__malloc_allocator.user, p, old_bytes,
                                   new_bytes);
}

/* A photograph takes no more memory as numbers than as pixels. */
static void memory_of_fit(void)
{
    enum { W = 1200, H = 900 };
    uint8_t *v = calloc(W * H, 3), out[3 * 8 * 8];
    size_t most = 0;
    bp_allocator heap = {most_bytes, &most};
    bp__picture p = {W, H, 3, v, (size_t)W * H * 3};
    bp_error err = {0};
    T_REQUIRE(v);
    T_OK(bp__picture_planes(&heap, &p, BP__FIT_CROP, 3, 8, 8, out, &err),
         &err);
    T_CHECKF(most > 0 && most < (size_t)W * H / 10, "%zu", most);
    /* Nor does a tall one with the output's width. */
    most = 0;
    p = (bp__picture){16, W * H / 16, 3, v, (size_t)W * H * 3};
    T_OK(bp__picture_planes(&heap, &p, BP__FIT_CROP, 3, 8, 8, out, &err),
         &err);
    T_OK(bp__picture_planes(&heap, &p, BP__FIT_STRETCH, 1, 4, 48, out, &err),
         &err);
    T_CHECKF(most > 0 && most < (size_t)W * H * 2, "%zu", most);
    free(v);
}

static void allocations(void)
{
    uint8_t v[20 * 10 * 3], out[3 * 64];
    smooth(v, 20, 10, 3);
    for (int kind = 0; kind < 2; kind++) {
        t_bytes b = {0};
        if (kind == 0 && t_have_png())
            b = t_write_png(&(t_png){.width = 20, .height = 10, .depth = 8,
                                     .color = 2, .rows = v,
                                     .orientation = 6});
        else if (kind == 1 && t_have_jpeg())
            b = t_write_jpeg(&(t_jpeg){.width = 20, .height = 10,
                                       .channels = 3, .quality = 90,
                                       .pixels = v, .orientation = 6});
        for (int64_t n = 0; b.data; n++) {
            t_heap h = {.fail_at = n};
            bp_allocator heap = t_allocator(&h);
            bp__picture p;
            bp_error err = {0};
            bp_status s = bp__picture_decode(&heap, b.data, b.bytes, "x", &p,
                                             &err);
            if (!s)
                s = bp__picture_planes(&heap, &p, BP__FIT_CROP, 3, 8, 8, out,
                                       &err);
            bp__picture_free(&heap, &p);
            T_CHECKF(h.live == 0, "allocation %lld: %lld bytes are left",
                     (long long)n, (long long)h.live);
            if (!h.failed) {
                T_CHECK(s == BP_OK && n > 3);
                break;
            }
            T_CHECK(s == BP_ENOMEM);
        }
        free(b.data);
    }
}

int main(void)
{
    if (t_have_png()) {
        png_forms();
        png_limits();
        orientations();
    }
    if (t_have_jpeg()) {
        jpeg_forms();
        jpeg_limits();
    }
    refusals();
    fits();
    memory_of_fit();
    allocations();
    return t_end();
}
