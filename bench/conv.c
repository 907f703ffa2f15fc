/* Convolutions: GFLOP/s of each kernel and level on one core, counted by the
 * direct method, in % of the core's FMA peak; and the relative error of
 * Winograd's kernel to the direct one. usage: conv [seconds a figure] */
#include "bench.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    int n, c, h, w, o, k, stride;
} shapes[] = {
    {"mnist-cnn 1", 64, 1, 28, 28, 32, 3, 1},
    {"mnist-cnn 2", 64, 32, 14, 14, 64, 3, 1},
    {"resnet-20 stem", 64, 3, 32, 32, 16, 3, 1},
    {"resnet-20 1", 64, 16, 32, 32, 16, 3, 1},
    {"resnet-20 1-2", 64, 16, 32, 32, 32, 3, 2},
    {"resnet-20 2", 64, 32, 16, 16, 32, 3, 1},
    {"resnet-20 2-3", 64, 32, 16, 16, 64, 3, 2},
    {"resnet-20 3", 64, 64, 8, 8, 64, 3, 1},
    {"shortcut", 64, 32, 16, 16, 64, 1, 2},
    {"64 32x32", 8, 64, 32, 32, 64, 3, 1},
    {"128 16x16", 8, 128, 16, 16, 128, 3, 1},
    {"256 8x8", 8, 256, 8, 8, 256, 3, 1},
    {"512 4x4", 8, 512, 4, 4, 512, 3, 1},
    {"64 to 256 1x1", 8, 64, 28, 28, 256, 1, 1},
    {"5x5", 8, 32, 28, 28, 64, 5, 1},
    {"stem 7x7", 2, 3, 112, 112, 64, 7, 2},
};

/* Seconds for each figure; more on a busy machine. */
static double budget = 0.1;

typedef struct job {
    const bp__cpu *cpu;
    bp__conv c;
    bp__conv_fn *run;
    bp__conv_pack_fn *pack;
    const float *w;
    float *packed, *scratch;
    int64_t units;
} job;

static void run_pack(void *arg)
{
    job *j = arg;
    j->pack(&j->c, j->w, 0, j->units, j->packed);
}

static void run_samples(void *arg)
{
    job *j = arg;
    for (int64_t n = 0; n < j->c.n; n += 4)
        j->run(&j->c, n, BP__MIN(n + 4, j->c.n), j->scratch);
}

static void run_dw(void *arg)
{
    job *j = arg;
    for (int64_t u = 0; u < bp__conv_dw_units(&j->c); u++)
        j->cpu->conv.dw_unit(&j->c, u, j->scratch);
    j->cpu->conv.dw_combine(&j->c, 0, bp__conv_dw_combine_units(&j->c));
}

static double relative(const float *a, const float *b, size_t n)
{
    double e = 0, s = 0;
    for (size_t i = 0; i < n; i++) {
        e += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        s += (double)b[i] * b[i];
    }
    return sqrt(e / s);
}

static void report(double flop, double seconds, double peak)
{
    printf(" %6.1f %3.0f", flop / seconds / 1e9,
           peak > 0 ? 100 * flop / seconds / peak : 0);
}

static void time_one(job *j, double flop, double peak, size_t n_packed,
                     size_t n_scratch, size_t n_out)
{
    float *packed = bench_floats(n_packed), *out = bench_floats(n_out);
    j->c.packed = j->packed = packed;
    j->c.out = out;
    j->scratch = bench_floats(n_scratch);
    double p = bench_best(run_pack, j, 0.02),
           s = bench_best(run_samples, j, budget);
    report(flop, s, peak);
    printf(" (%4.1f)", 100 * p / s);
    free(packed);
    free(j->scratch);
}

/* fwd or dx: direct, then Winograd with its error relative to direct. */
static void time_pair(job *j, double flop, double peak, bool dx, size_t n_out)
{
    const bp__conv_fns *f = &j->cpu->conv;
    const bp__conv *c = &j->c;
    j->pack = dx ? f->dx_pack : f->fwd_pack;
    j->run = dx ? f->dx : f->fwd;
    j->units = dx ? bp__conv_dx_pack_units(c) : bp__conv_fwd_pack_units(c);
    time_one(j, flop, peak,
             dx ? bp__conv_dx_packed_floats(c) : bp__conv_fwd_packed_floats(c),
             dx ? bp__conv_dx_scratch_floats(c)
                : bp__conv_fwd_scratch_floats(c), n_out);
    float *direct = c->out;
    if (dx ? bp__conv_wino_dx_fits(c) : bp__conv_wino_fwd_fits(c)) {
        j->pack = dx ? f->wino_dx_pack : f->wino_fwd_pack;
        j->run = dx ? f->wino_dx : f->wino_fwd;
        j->units = dx ? bp__conv_wino_dx_pack_units(c)
                      : bp__conv_wino_fwd_pack_units(c);
        time_one(j, flop, peak,
                 dx ? bp__conv_wino_dx_packed_floats(c)
                    : bp__conv_wino_fwd_packed_floats(c),
                 dx ? bp__conv_wino_dx_scratch_floats(c)
                    : bp__conv_wino_fwd_scratch_floats(c), n_out);
        printf(" %.1e", relative(c->out, direct, n_out));
        free(c->out);
    } else {
        printf("%25s", "");
    }
    free(direct);
}

static void time_shape(size_t i, bp_level level, double peak)
{
    int k = shapes[i].k, s = shapes[i].stride, pad = k / 2;
    job j = {.cpu = bp__cpu_get(level)};
    bp__conv *c = &j.c;
    *c = (bp__conv){.n = shapes[i].n, .c = shapes[i].c, .h = shapes[i].h,
                    .w = shapes[i].w, .o = shapes[i].o, .kh = k, .kw = k,
                    .stride_h = s, .stride_w = s, .pad_top = pad,
                    .pad_left = pad, .dil_h = 1, .dil_w = 1, .groups = 1};
    c->oh = (c->h + 2 * pad - k) / s + 1;
    c->ow = (c->w + 2 * pad - k) / s + 1;
    size_t nx = (size_t)(c->n * c->h * c->w * c->c),
           ny = (size_t)(c->n * c->oh * c->ow * c->o),
           nw = (size_t)(c->o * c->c * k * k);
    float *x = bench_floats(nx), *dy = bench_floats(ny), *w = bench_floats(nw),
          *dw = bench_floats(nw),
          *partials = bench_floats(bp__conv_dw_partial_floats(c));
    c->x = x;
    c->dy = dy;
    c->partials = partials;
    j.w = w;
    double flop = 2.0 * (double)ny * (double)(c->c * k * k);
    printf("%-15s", shapes[i].name);
    time_pair(&j, flop, peak, false, ny);
    time_pair(&j, flop, peak, true, nx);
    c->out = dw;
    j.scratch = bench_floats(bp__conv_dw_scratch_floats(c));
    report(flop, bench_best(run_dw, &j, budget), peak);
    printf("\n");
    free(x);
    free(dy);
    free(w);
    free(dw);
    free(partials);
    free(j.scratch);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        budget = atof(argv[1]);
    const bp_level levels[] = {BP_LEVEL_AVX512, BP_LEVEL_AVX2, BP_LEVEL_NEON};
    printf("GFLOP/s, %% of peak, (packing, %% of the time): fwd, fwd by "
           "Winograd and its error, dx, dx by Winograd, dw\n");
    for (size_t l = 0; l < BP__ARRAY_LEN(levels); l++) {
        if (!bp__cpu_get(levels[l]))
            continue;
        double peak = bench_peak(levels[l]);
        printf("%s: peak %.0f\n", bp_level_name(levels[l]), peak / 1e9);
        for (size_t i = 0; i < BP__ARRAY_LEN(shapes); i++)
            time_shape(i, levels[l], peak);
    }
    return 0;
}
