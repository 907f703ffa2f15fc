/* Writes a folder of pictures for the tests of the command: three classes that
 * differ in shape and color, drawn with a little noise.
 *
 * usage: make_pictures FOLDER PER-CLASS [WIDTH HEIGHT] [OFFSET]
 * PNG where the tests have libpng, else JPEG; exit code 77 without both. */
#include "t_pictures.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static uint64_t state;

static int noise(int n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (int)((state >> 33) % (unsigned)n);
}

static void draw(int class, int w, int h, unsigned char *p)
{
    int cx = w / 2 + noise(w / 4 + 1) - w / 8;
    int cy = h / 2 + noise(h / 4 + 1) - h / 8, r = (w < h ? w : h) / 4;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            int dx = x - cx, dy = y - cy;
            bool in = class == 0   ? dx * dx + dy * dy < r * r
                      : class == 1 ? abs(dx) < r && abs(dy) < r
                                   : abs(dx) < r / 2 || abs(dy) < r / 2;
            for (int k = 0; k < 3; k++)
                *p++ = (unsigned char)((in ? 120 + 60 * ((k + class) % 3)
                                           : 40) + noise(60));
        }
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"circle", "square", "cross"};
    if (argc < 3)
        return 2;
    if (!t_have_png() && !t_have_jpeg())
        return 77;
    int n = atoi(argv[2]);
    int w = argc > 4 ? atoi(argv[3]) : 12, h = argc > 4 ? atoi(argv[4]) : 12;
    int from = argc > 5 ? atoi(argv[5]) : 0;
    unsigned char *pixels = malloc((size_t)(3 * w * h));
    mkdir(argv[1], 0777);
    for (int c = 0; c < 3; c++) {
        char path[1000];
        snprintf(path, sizeof path, "%s/%s", argv[1], names[c]);
        mkdir(path, 0777);
        for (int i = from; i < from + n; i++) {
            bool png = t_have_png() && (i % 2 || !t_have_jpeg());
            state = (uint64_t)(i * 3 + c + 1) * 88172645463325252u;
            draw(c, w, h, pixels);
            t_bytes b =
                png ? t_write_png(&(t_png){.width = w, .height = h,
                                           .depth = 8, .color = 2,
                                           .rows = pixels})
                    : t_write_jpeg(&(t_jpeg){.width = w, .height = h,
                                             .channels = 3, .quality = 95,
                                             .pixels = pixels});
            snprintf(path, sizeof path, "%s/%s/%04d.%s", argv[1], names[c], i,
                     png ? "png" : "jpg");
            if (!t_save(path, b.data, b.bytes))
                return 1;
            free(b.data);
        }
    }
    free(pixels);
    return 0;
}
