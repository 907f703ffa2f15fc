/* Convolution and its transposes: against plain double loops within a bound,
 * and the same bits at every level and for any cut of the work. Prints one
 * hash, to be compared between machines. */
#include "t.h"

#include "cpu/cpu.h"

typedef struct shape { /* n c h w, o kh kw, strides, pads tblr, dil, groups */
    int n, c, h, w, o, kh, kw, sh, sw, pt, pb, pl, pr, dh, dw, groups;
} shape;

static const shape SHAPES[] = {
    {2, 1, 9, 9, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    {3, 3, 8, 11, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    {2, 16, 8, 8, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    {1, 32, 14, 14, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    {2, 17, 7, 5, 33, 3, 3, 1, 1, 0, 2, 1, 0, 1, 1, 1},
    {2, 16, 9, 8, 24, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1},
    {1, 5, 13, 12, 7, 5, 5, 1, 1, 2, 2, 2, 2, 1, 1, 1},
    {2, 13, 10, 11, 13, 5, 5, 3, 3, 1, 2, 2, 1, 1, 1, 1},
    {1, 6, 15, 14, 8, 3, 3, 1, 2, 2, 2, 2, 2, 2, 2, 1},
    {2, 12, 12, 13, 18, 3, 2, 3, 2, 2, 0, 1, 3, 2, 3, 3},
    {1, 8, 7, 7, 8, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 8},
    {2, 6, 6, 6, 12, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 6},
    {3, 40, 6, 7, 24, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1},
    {3, 20, 8, 9, 35, 1, 1, 2, 2, 0, 0, 0, 0, 1, 1, 1},
    {2, 18, 5, 5, 20, 1, 1, 1, 1, 1, 1, 2, 2, 1, 1, 2},
    {9, 33, 4, 4, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    {1, 3, 40, 41, 9, 7, 7, 2, 2, 3, 3, 3, 3, 1, 1, 1},
    {1, 2, 1, 5, 3, 1, 3, 1, 1, 0, 0, 4, 4, 1, 1, 1},
    {2, 2, 3, 3, 2, 3, 3, 4, 4, 3, 3, 3, 3, 1, 1, 1},
    {1, 4, 9, 9, 5, 3, 3, 2, 3, 5, 0, 0, 5, 4, 2, 1},
    {1, 3, 5, 2500, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    {2, 130, 6, 6, 20, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    {1, 70, 34, 33, 18, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    {5, 1, 4, 4, 1, 2, 2, 1, 1, 0, 0, 0, 0, 1, 1, 1},
};

static uint64_t seed = 11, hash = BP__HASH_INIT;

static float *floats(size_t n)
{
    float *p = malloc((n + 1) * sizeof *p);
    if (!p)
        exit(1);
    for (size_t i = 0; i < n; i++)
        p[i] = (float)t_uniform(&seed, -1, 1);
    p[n] = 123.0f; /* a guard */
    return p;
}

typedef struct problem {
    bp__conv c;
    size_t nx, ny, nw;
    float *x, *dy, *w, *bias;
    double *y, *dx, *dw, *ys, *dxs, *dws; /* values, and sums of |terms| */
} problem;

/* One term of all three sums. */
static void add_term(problem *p, int64_t x, int64_t y, int64_t w)
{
    double a = (double)p->x[x] * p->w[w], b = (double)p->dy[y] * p->w[w],
           d = (double)p->x[x] * p->dy[y];
    p->y[y] += a;
    p->ys[y] += fabs(a);
    p->dx[x] += b;
    p->dxs[x] += fabs(b);
    p->dw[w] += d;
    p->dws[w] += fabs(d);
}

static void pixel(problem *p, int64_t n, int64_t i, int64_t j, int64_t o)
{
    const bp__conv *c = &p->c;
    int64_t cg = c->c / c->groups, g = o / (c->o / c->groups);
    int64_t y = ((n * c->oh + i) * c->ow + j) * c->o + o;
    for (int64_t a = 0; a < c->kh; a++) {
        int64_t r = i * c->stride_h + a * c->dil_h - c->pad_top;
        for (int64_t b = 0; b < c->kw; b++) {
            int64_t s = j * c->stride_w + b * c->dil_w - c->pad_left;
            if (r < 0 || r >= c->h || s < 0 || s >= c->w)
                continue;
            for (int64_t q = 0; q < cg; q++)
                add_term(p, ((n * c->h + r) * c->w + s) * c->c + g * cg + q, y,
                         ((o * cg + q) * c->kh + a) * c->kw + b);
        }
    }
}

static double *zeros(size_t n)
{
    double *p = calloc(n + 1, sizeof *p);
    if (!p)
        exit(1);
    return p;
}

static problem make(shape s)
{
    problem p = {.c = {.n = s.n, .c = s.c, .h = s.h, .w = s.w, .o = s.o,
                       .kh = s.kh, .kw = s.kw, .stride_h = s.sh,
                       .stride_w = s.sw, .pad_top = s.pt, .pad_left = s.pl,
                       .dil_h = s.dh, .dil_w = s.dw, .groups = s.groups}};
    bp__conv *c = &p.c;
    c->oh = (s.h + s.pt + s.pb - (s.kh - 1) * s.dh - 1) / s.sh + 1;
    c->ow = (s.w + s.pl + s.pr - (s.kw - 1) * s.dw - 1) / s.sw + 1;
    p.nx = (size_t)(c->n * c->h * c->w * c->c);
    p.ny = (size_t)(c->n * c->oh * c->ow * c->o);
    p.nw = (size_t)(c->o * c->c / c->groups * c->kh * c->kw);
    c->x = p.x = floats(p.nx);
    c->dy = p.dy = floats(p.ny);
    p.w = floats(p.nw);
    p.bias = floats((size_t)c->o);
    p.y = zeros(p.ny);
    p.ys = zeros(p.ny);
    p.dx = zeros(p.nx);
    p.dxs = zeros(p.nx);
    p.dw = zeros(p.nw);
    p.dws = zeros(p.nw);
    for (int64_t n = 0; n < c->n; n++)
        for (int64_t i = 0; i < c->oh; i++)
            for (int64_t j = 0; j < c->ow; j++)
                for (int64_t o = 0; o < c->o; o++)
                    pixel(&p, n, i, j, o);
    return p;
}

static void destroy(problem *p)
{
    free(p->x);
    free(p->dy);
    free(p->w);
    free(p->bias);
    free(p->y);
    free(p->ys);
    free(p->dx);
    free(p->dxs);
    free(p->dw);
    free(p->dws);
}

/* max |got - want| / (eps * scale); a NaN is infinite. */
static double error_of(const float *got, const double *want,
                       const double *scale, size_t n)
{
    double worst = n ? 0 : INFINITY;
    for (size_t i = 0; i < n; i++) {
        double e = fabs((double)got[i] - want[i]) /
                   (0x1p-24 * scale[i] + 1e-30);
        if (!(e <= worst))
            worst = e == e ? e : INFINITY;
    }
    return worst;
}

/* What every kernel writes over. */
static float *spoiled(size_t n)
{
    float *p = malloc((n + 1) * sizeof *p);
    if (!p)
        exit(1);
    for (size_t i = 0; i < n; i++)
        p[i] = NAN;
    p[n] = 123.0f;
    return p;
}

typedef float *run_fn(const bp__cpu *cpu, const problem *p, int step);

/* Packs in reverse, runs `step` samples at a time. */
static float *run_conv(const problem *p, bp__conv_pack_fn *pack,
                       bp__conv_fn *run, int64_t units, size_t n_packed,
                       size_t n_scratch, size_t n_out, bp__conv c, int step)
{
    float *packed = spoiled(n_packed), *scratch = spoiled(n_scratch),
          *out = spoiled(n_out);
    for (int64_t u = units; u-- > 0;)
        pack(&c, p->w, u, u + 1, packed);
    size_t unset = 0; /* gaps too are set */
    for (size_t i = 0; i < n_packed; i++)
        unset += packed[i] != packed[i];
    T_CHECKF(unset == 0, "%zu packed floats were not set", unset);
    c.packed = packed;
    c.out = out;
    for (int64_t n = 0; n < c.n; n += step)
        run(&c, n, BP__MIN(n + step, c.n), scratch);
    T_CHECK(packed[n_packed] == 123.0f && scratch[n_scratch] == 123.0f &&
            out[n_out] == 123.0f);
    free(packed);
    free(scratch);
    return out;
}

static float *run_fwd(const bp__cpu *cpu, const problem *p, int step)
{
    return run_conv(p, cpu->conv.fwd_pack, cpu->conv.fwd,
                    bp__conv_fwd_pack_units(&p->c),
                    bp__conv_fwd_packed_floats(&p->c),
                    bp__conv_fwd_scratch_floats(&p->c), p->ny, p->c, step);
}

/* With bias and relu; the very roundings of run_fwd, then of those. */
static float *run_fused(const bp__cpu *cpu, const problem *p, int step)
{
    problem q = *p;
    q.c.bias = p->bias;
    q.c.act = BP__ACT_RELU;
    return run_fwd(cpu, &q, step);
}

static float *run_dx(const bp__cpu *cpu, const problem *p, int step)
{
    return run_conv(p, cpu->conv.dx_pack, cpu->conv.dx,
                    bp__conv_dx_pack_units(&p->c),
                    bp__conv_dx_packed_floats(&p->c),
                    bp__conv_dx_scratch_floats(&p->c), p->nx, p->c, step);
}

static float *run_dw(const bp__cpu *cpu, const problem *p, int step)
{
    bp__conv c = p->c;
    size_t n_partials = bp__conv_dw_partial_floats(&c),
           n_scratch = bp__conv_dw_scratch_floats(&c);
    float *partials = spoiled(n_partials), *out = spoiled(p->nw);
    int64_t units = bp__conv_dw_units(&c),
            last = bp__conv_dw_combine_units(&c);
    c.partials = partials;
    c.out = out;
    for (int64_t k = 0; k < units; k++) {
        float *scratch = spoiled(n_scratch);
        cpu->conv.dw_unit(&c, step & 1 ? units - 1 - k : k, scratch);
        T_CHECK(scratch[n_scratch] == 123.0f);
        free(scratch);
    }
    for (int64_t k = 0; k < last; k += step)
        cpu->conv.dw_combine(&c, k, BP__MIN(k + step, last));
    T_CHECK(partials[n_partials] == 123.0f && out[p->nw] == 123.0f);
    free(partials);
    return out;
}

static float *run_wino_fwd(const bp__cpu *cpu, const problem *p, int step)
{
    return run_conv(p, cpu->conv.wino_fwd_pack, cpu->conv.wino_fwd,
                    bp__conv_wino_fwd_pack_units(&p->c),
                    bp__conv_wino_fwd_packed_floats(&p->c),
                    bp__conv_wino_fwd_scratch_floats(&p->c), p->ny, p->c,
                    step);
}

static float *run_wino_fused(const bp__cpu *cpu, const problem *p, int step)
{
    problem q = *p;
    q.c.bias = p->bias;
    q.c.act = BP__ACT_RELU;
    return run_wino_fwd(cpu, &q, step);
}

static float *run_wino_dx(const bp__cpu *cpu, const problem *p, int step)
{
    return run_conv(p, cpu->conv.wino_dx_pack, cpu->conv.wino_dx,
                    bp__conv_wino_dx_pack_units(&p->c),
                    bp__conv_wino_dx_packed_floats(&p->c),
                    bp__conv_wino_dx_scratch_floats(&p->c), p->nx, p->c,
                    step);
}

/* One kernel at every level, twice; `terms` bounds the length of a sum. */
static void check(const problem *p, run_fn *run, const char *name,
                  const double *want, const double *scale, size_t n,
                  double terms)
{
    float *plain = NULL;
    for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++) {
        const bp__cpu *cpu = bp__cpu_get((bp_level)l);
        if (!cpu)
            continue;
        for (int step = 1; step < 3; step++) {
            float *got = run(cpu, p, step);
            if (!plain) {
                plain = got;
                hash = bp__hash(hash, got, n * sizeof *got);
            }
            double e = error_of(got, want, scale, n);
            const bp__conv *c = &p->c;
            T_CHECKF(e <= terms, "%s %s %dx%dx%dx%d to %d: error %g of %g",
                     name, bp_level_name(cpu->level), (int)c->n, (int)c->c,
                     (int)c->h, (int)c->w, (int)c->o, e, terms);
            T_CHECKF(memcmp(got, plain, n * sizeof *got) == 0,
                     "%s %s %dx%dx%dx%d to %d: bits", name,
                     bp_level_name(cpu->level), (int)c->n, (int)c->c,
                     (int)c->h, (int)c->w, (int)c->o);
            if (got != plain)
                free(got);
        }
    }
    free(plain);
}

static void biased(const problem *p, double *want, double *scale)
{
    size_t o = (size_t)p->c.o;
    for (size_t i = 0; i < p->ny; i++) {
        double y = p->y[i] + p->bias[i % o];
        want[i] = y > 0 ? y : 0;
        scale[i] = p->ys[i] + fabs(p->bias[i % o]);
    }
}

static void check_fused(const problem *p)
{
    double *want = zeros(p->ny), *scale = zeros(p->ny);
    size_t o = (size_t)p->c.o;
    biased(p, want, scale);
    const bp__conv *c = &p->c;
    double terms = (double)(c->c / c->groups * c->kh * c->kw) + 4;
    check(p, run_fused, "fused", want, scale, p->ny, terms);
    /* The roundings of separate ops. */
    const bp__cpu *cpu = bp__cpu_get(BP_LEVEL_AUTO);
    float *a = run_fwd(cpu, p, 1), *b = run_fused(cpu, p, 1);
    int differ = 0;
    for (size_t i = 0; i < p->ny; i++) {
        float y = a[i] + p->bias[i % o];
        y = y > 0 ? y : 0;
        differ += memcmp(&y, &b[i], sizeof y) != 0;
    }
    T_CHECKF(differ == 0, "fused: %d elements differ", differ);
    free(a);
    free(b);
    free(want);
    free(scale);
}

static void level_out(double *scale, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = scale[i] > most ? scale[i] : most;
    for (size_t i = 0; i < n; i++)
        scale[i] = most;
}

/* The error bound that conv.h states. Spoils the scales of p. */
static void check_wino(problem *p)
{
    const bp__conv *c = &p->c;
    if (c->kh != 3 || c->kw != 3 || c->stride_h != 1 || c->stride_w != 1 ||
        c->dil_h != 1 || c->dil_w != 1 || c->groups != 1)
        return;
    double *want = zeros(p->ny), *scale = zeros(p->ny);
    biased(p, want, scale);
    level_out(p->ys, p->ny);
    level_out(p->dxs, p->nx);
    level_out(scale, p->ny);
    check(p, run_wino_fwd, "winograd", p->y, p->ys, p->ny, 64);
    check(p, run_wino_fused, "winograd fused", want, scale, p->ny, 64);
    check(p, run_wino_dx, "winograd dx", p->dx, p->dxs, p->nx, 64);
    free(want);
    free(scale);
}

/* When Winograd's kernel is on offer: shapes only. */
static void check_fits(void)
{
    bp__conv c = {.n = 64, .c = 16, .h = 8, .w = 8, .o = 16, .kh = 3, .kw = 3,
                  .oh = 8, .ow = 8, .stride_h = 1, .stride_w = 1,
                  .pad_top = 1, .pad_left = 1, .dil_h = 1, .dil_w = 1,
                  .groups = 1};
    T_CHECK(bp__conv_wino_fwd_fits(&c) && bp__conv_wino_dx_fits(&c));
    bp__conv d = c;
    d.groups = 2;
    T_CHECK(!bp__conv_wino_fwd_fits(&d) && !bp__conv_wino_dx_fits(&d));
    d = c;
    d.stride_w = 2;
    T_CHECK(!bp__conv_wino_fwd_fits(&d));
    d = c;
    d.c = 15;
    T_CHECK(!bp__conv_wino_fwd_fits(&d));
    d = c;
    d.n = 1; /* a sample has its bits in any batch */
    T_CHECK(bp__conv_wino_fwd_fits(&d) && bp__conv_wino_dx_fits(&d));
    d = c;
    d.kw = 5;
    T_CHECK(!bp__conv_wino_dx_fits(&d));
}

static void check_all(shape s)
{
    problem p = make(s);
    const bp__conv *c = &p.c;
    double taps = (double)(c->kh * c->kw);
    check(&p, run_fwd, "fwd", p.y, p.ys, p.ny,
          (double)(c->c / c->groups) * taps + 2);
    check_fused(&p);
    check(&p, run_dx, "dx", p.dx, p.dxs, p.nx,
          (double)(c->o / c->groups) * taps + 2);
    check(&p, run_dw, "dw", p.dw, p.dws, p.nw,
          (double)(c->n * c->oh * c->ow) + 2);
    check_wino(&p);
    destroy(&p);
}

static int draw(int lo, int hi)
{
    return lo + (int)floor(t_uniform(&seed, 0, hi - lo + 1));
}

/* Any geometry at all, but small. */
static shape random_shape(void)
{
    shape s;
    do {
        s = (shape){.n = draw(1, 3), .h = draw(1, 12), .w = draw(1, 12),
                    .kh = draw(1, 4), .kw = draw(1, 4), .sh = draw(1, 3),
                    .sw = draw(1, 3), .pt = draw(0, 3), .pb = draw(0, 3),
                    .pl = draw(0, 3), .pr = draw(0, 3), .dh = draw(1, 3),
                    .dw = draw(1, 3), .groups = draw(1, 3)};
        s.c = s.groups * draw(1, 19);
        s.o = s.groups * draw(1, 19);
    } while (s.h + s.pt + s.pb <= (s.kh - 1) * s.dh ||
             s.w + s.pl + s.pr <= (s.kw - 1) * s.dw);
    return s;
}

int main(void)
{
    check_fits();
    for (size_t i = 0; i < BP__ARRAY_LEN(SHAPES); i++)
        check_all(SHAPES[i]);
    for (int i = 0; i < 100; i++)
        check_all(random_shape());
    printf("hash %016llx\n", (unsigned long long)hash);
    return t_end();
}
