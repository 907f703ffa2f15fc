/* Plans and sizes of convolutions: functions of the shapes, the same at every
 * level. */
#include "base/base.h"

#include "cpu/conv_plan.h"

enum {
    CONV_BUFFER = 32 * 1024, /* floats of source rows that a band may take */
    CONV_CUT = 1024,         /* terms of a chain, but at least a kernel row */
    DW_PIXELS = 256,         /* of a block: its part of dy stays in L1 */
    DW_ROW = 2048,           /* pixels of a block that is a piece of a row */
    DW_BUFFER = 128 * 1024,  /* floats of x that a block may take */
    DW_PARTIALS = 160 * 1024, /* floats of all partial sums, about */
    WINO_TILES = 28,          /* that go together, where channels are few */
    WINO_SOURCE = 128 * 1024  /* floats of the transformed source, about */
};

/* ---- forward, and the gradient by data ---------------------------------- */

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/* Taps of phase r: those a with r + pad - a*dil divisible by the stride, from
 * the last to the first, so that their places in dy ascend. */
static bp__conv_taps dx_taps(const bp__conv_axis *x, int64_t r)
{
    int64_t g = gcd(x->stride, x->dil), period = x->stride / g, a = 0;
    bp__conv_taps t = {.step = -period, .apart = x->dil / g};
    while (a < period && (r + x->pad - a * x->dil) % x->stride != 0)
        a++;
    if (a < period && a < x->kernel)
        t.n = (x->kernel - 1 - a) / period + 1;
    t.first = a + (t.n - 1) * period;
    if (t.n)
        t.at = (r + x->pad - t.first * x->dil) / x->stride;
    return t;
}

bp__conv_taps bp__conv_taps_of(const bp__conv_axis *x, bool dx, int64_t phase)
{
    if (!dx)
        return (bp__conv_taps){.n = x->kernel, .step = 1, .at = -x->pad,
                               .apart = x->dil};
    bp__conv_taps t = dx_taps(x, phase);
    for (int64_t r = 0; r < phase; r++)
        t.before += dx_taps(x, r).n;
    return t;
}

static bp__conv_axis conv_axis(int64_t in, int64_t out, int64_t kernel,
                               int64_t stride, int64_t pad, int64_t dil,
                               bool dx)
{
    bp__conv_axis x = {.kernel = kernel, .stride = stride, .pad = pad,
                       .dil = dil};
    x.src = dx ? out : in;
    x.dst = dx ? in : out;
    x.phases = dx ? stride : 1;
    x.move = dx ? 1 : stride;
    bool any = false;
    for (int64_t r = 0; r < x.phases; r++) {
        bp__conv_taps t = dx ? dx_taps(&x, r) : bp__conv_taps_of(&x, dx, r);
        int64_t end = t.at + (t.n - 1) * t.apart;
        if (!t.n)
            continue;
        x.lo = any ? BP__MIN(x.lo, t.at) : t.at;
        x.hi = any ? BP__MAX(x.hi, end) : end;
        any = true;
    }
    return x;
}

/* Columns lo..hi around pixels 0..n-1, all of them inside 0..src-1? */
static bool conv_columns(const bp__conv_axis *x, int64_t *col0, int64_t *cols)
{
    int64_t last = (bp__conv_ceil(x->dst, x->phases) - 1) * x->move + x->hi;
    bool copies = x->lo < 0 || last >= x->src;
    *col0 = copies ? x->lo : 0;
    *cols = copies ? last - x->lo + 1 : x->src;
    return copies;
}

bp__conv_plan bp__conv_plan_of(const bp__conv *c, bool dx)
{
    bp__conv_plan p = {.dx = dx, .groups = c->groups};
    p.y = conv_axis(c->h, c->oh, c->kh, c->stride_h, c->pad_top, c->dil_h, dx);
    p.x = conv_axis(c->w, c->ow, c->kw, c->stride_w, c->pad_left, c->dil_w,
                    dx);
    p.src_c = (dx ? c->o : c->c) / c->groups;
    p.dst_c = (dx ? c->c : c->o) / c->groups;
    p.panels = bp__conv_ceil(p.dst_c, 16);
    p.copies = conv_columns(&p.x, &p.col0, &p.cols);
    int64_t rows = bp__conv_ceil(p.y.dst, p.y.phases);
    int64_t row = p.cols * p.src_c * p.groups, span = p.y.hi - p.y.lo + 1;
    p.band = rows;
    if (p.copies && row > 0) {
        int64_t fit = (CONV_BUFFER / row - span) / p.y.move + 1;
        p.band = BP__MIN(rows, BP__MAX(fit, 1));
        p.buffer_rows = BP__MIN(p.y.src, (p.band - 1) * p.y.move + span);
    }
    return p;
}

int64_t bp__conv_chain_rows(int64_t n, int64_t terms)
{
    int64_t rows = BP__MAX(CONV_CUT / BP__MAX(terms, 1), 1);
    int64_t chains = BP__MAX(bp__conv_ceil(n, rows), 1);
    return BP__MAX(bp__conv_ceil(n, chains), 1);
}

bp__conv bp__conv_flat(const bp__conv *c, int64_t n0, int64_t n1)
{
    bp__conv f = *c;
    if (c->kh != 1 || c->kw != 1 || c->stride_h != 1 || c->stride_w != 1 ||
        c->pad_top || c->pad_left || c->oh != c->h || c->ow != c->w)
        return f;
    f.x = c->x ? c->x + n0 * c->h * c->w * c->c : NULL;
    f.dy = c->dy ? c->dy + n0 * c->h * c->w * c->o : NULL;
    f.w = f.ow = (n1 - n0) * c->h * c->w;
    f.h = f.oh = f.n = 1;
    return f;
}

static size_t conv_packed(const bp__conv_plan *p, const bp__conv *c)
{
    size_t n = bp__mul_size((size_t)(p->groups * p->panels), 16);
    n = bp__mul_size(n, (size_t)p->src_c);
    return bp__mul_size(bp__mul_size(n, (size_t)c->kh), (size_t)c->kw);
}

static size_t conv_buffer(const bp__conv_plan *p)
{
    size_t row = bp__mul_size((size_t)p->cols, (size_t)(p->src_c * p->groups));
    return p->copies ? bp__mul_size(row, (size_t)p->buffer_rows) : 0;
}

size_t bp__conv_fwd_packed_floats(const bp__conv *c)
{
    bp__conv_plan p = bp__conv_plan_of(c, false);
    return conv_packed(&p, c);
}

int64_t bp__conv_fwd_pack_units(const bp__conv *c)
{
    return c->groups * bp__conv_ceil(c->o / c->groups, 16);
}

size_t bp__conv_fwd_scratch_floats(const bp__conv *c)
{
    bp__conv_plan p = bp__conv_plan_of(c, false);
    return conv_buffer(&p);
}

size_t bp__conv_dx_packed_floats(const bp__conv *c)
{
    bp__conv_plan p = bp__conv_plan_of(c, true);
    return conv_packed(&p, c);
}

int64_t bp__conv_dx_pack_units(const bp__conv *c)
{
    return c->groups * bp__conv_ceil(c->c / c->groups, 16);
}

size_t bp__conv_dx_scratch_floats(const bp__conv *c)
{
    bp__conv_plan p = bp__conv_plan_of(c, true);
    return conv_buffer(&p);
}

/* ---- the gradient by weights -------------------------------------------- */

/* Rows of x that `rows` rows of dy read, where all of them exist. */
static int64_t dw_x_rows(const bp__conv *c, int64_t rows)
{
    int64_t n = (rows - 1) * c->stride_h + (c->kh - 1) * c->dil_h + 1;
    return BP__MIN(n, c->h);
}

static void dw_blocks(const bp__conv *c, bp__conv_dw_plan *p)
{
    int64_t image = BP__MAX(c->oh * c->ow, 1), rows = BP__MAX(c->oh, 1);
    p->samples = 1;
    p->rows = rows;
    p->cols = c->ow;
    p->row_blocks = p->col_blocks = 1;
    if (image < DW_PIXELS) {
        int64_t x_image = BP__MAX(c->h * p->x_cols * c->c, 1);
        p->samples = BP__MIN(DW_PIXELS / image, DW_BUFFER / x_image);
        p->samples = BP__MIN(BP__MAX(p->samples, 1), BP__MAX(c->n, 1));
    } else {
        int64_t fit = BP__MAX(DW_PIXELS / c->ow, 1);
        p->row_blocks = bp__conv_ceil(rows, fit);
        p->rows = bp__conv_ceil(rows, p->row_blocks);
        p->row_blocks = bp__conv_ceil(rows, p->rows);
        p->col_blocks = bp__conv_ceil(c->ow, DW_ROW);
        p->cols = bp__conv_ceil(c->ow, p->col_blocks);
        p->col_blocks = bp__conv_ceil(c->ow, p->cols);
    }
    p->n_blocks = bp__conv_ceil(c->n, p->samples) * p->row_blocks *
                  p->col_blocks;
    p->x_rows = dw_x_rows(c, p->rows);
}

bp__conv_dw_plan bp__conv_dw_plan_of(const bp__conv *c)
{
    bp__conv_dw_plan p = {.in_c = c->c / c->groups};
    bp__conv_axis x = {.src = c->w, .dst = c->ow, .phases = 1,
                       .move = c->stride_w, .lo = -c->pad_left,
                       .hi = (c->kw - 1) * c->dil_w - c->pad_left};
    p.copies = conv_columns(&x, &p.col0, &p.x_cols);
    p.panels = bp__conv_ceil(c->o / c->groups, 16);
    p.out_c = 16 * p.panels;
    size_t n = bp__mul_size((size_t)(c->groups * c->kh), (size_t)c->kw);
    n = bp__mul_size(n, (size_t)p.in_c);
    p.part_floats = bp__mul_size(n, (size_t)p.out_c);
    dw_blocks(c, &p);
    int64_t fit = BP__CONV_DW_PARTS;
    while (fit > 1 && p.part_floats > DW_PARTIALS / (size_t)fit)
        fit--;
    p.parts = BP__MAX(BP__MIN(p.n_blocks, fit), 1);
    int64_t pairs = bp__conv_ceil(c->groups * p.panels, 2);
    p.splits = BP__MIN(pairs, BP__CONV_DW_PARTS / p.parts);
    p.splits = BP__MAX(p.splits, 1);
    return p;
}

size_t bp__conv_dw_partial_floats(const bp__conv *c)
{
    bp__conv_dw_plan p = bp__conv_dw_plan_of(c);
    return bp__mul_size(p.part_floats, (size_t)p.parts);
}

int64_t bp__conv_dw_units(const bp__conv *c)
{
    bp__conv_dw_plan p = bp__conv_dw_plan_of(c);
    return p.parts * p.splits;
}

int64_t bp__conv_dw_combine_units(const bp__conv *c)
{
    return bp__conv_fwd_pack_units(c);
}

/* Rows of x, then a group of panels of dy. */
size_t bp__conv_dw_scratch_floats(const bp__conv *c)
{
    bp__conv_dw_plan p = bp__conv_dw_plan_of(c);
    size_t dy = (size_t)(p.samples * p.rows * p.cols * BP__GEMM_WIDE * 16);
    size_t row = bp__mul_size((size_t)p.x_cols, (size_t)c->c);
    size_t x = bp__mul_size(row, (size_t)(p.samples * p.x_rows));
    if (!p.copies)
        return dy;
    return x > SIZE_MAX - dy ? SIZE_MAX : x + dy;
}

/* ---- Winograd ----------------------------------------------------------- */

int64_t bp__conv_wino_row(int64_t channels)
{
    return 16 * bp__conv_ceil(channels, 16) + 16; /* no power of two */
}

int64_t bp__conv_wino_apart(int64_t channels)
{
    return (channels | 1) * 16;
}

int64_t bp__conv_wino_tiles(int64_t channels)
{
    int64_t fit = WINO_SOURCE / (36 * bp__conv_wino_row(channels));
    return BP__CONV_CLAMP(fit, WINO_TILES / 2, WINO_TILES);
}

/* Enough channels, and so many pixels in tiles that a third of the direct
 * kernel's multiplications is the most that is left. Not a matter of how many
 * samples there are: a sample has its bits in any batch. (One sample pays for
 * the transformed weights where they change in each run, not where they are
 * kept; from four on they pay off either way.) */
static bool wino_fits(const bp__conv *c, int64_t dst_h, int64_t dst_w)
{
    int64_t tiles = bp__conv_ceil(dst_h, 4) * bp__conv_ceil(dst_w, 4);
    return c->kh == 3 && c->kw == 3 && c->stride_h == 1 && c->stride_w == 1 &&
           c->dil_h == 1 && c->dil_w == 1 && c->groups == 1 && c->c >= 16 &&
           c->o >= 16 && tiles * 36 * 3 <= dst_h * dst_w * 9 * 2;
}

static size_t wino_packed(int64_t src_c, int64_t dst_c)
{
    size_t n = bp__mul_size((size_t)bp__conv_ceil(dst_c, 16), 36);
    return bp__mul_size(n, (size_t)bp__conv_wino_apart(src_c));
}

/* A pixel of zeros, the transformed source, 36 products of some panels. */
static size_t wino_scratch(int64_t src_c)
{
    int64_t tiles = bp__conv_wino_tiles(src_c);
    return (size_t)((36 * tiles + 1) * bp__conv_wino_row(src_c) +
                    36 * tiles * BP__GEMM_WIDE * 16);
}

bool bp__conv_wino_fwd_fits(const bp__conv *c)
{
    return wino_fits(c, c->oh, c->ow);
}

size_t bp__conv_wino_fwd_packed_floats(const bp__conv *c)
{
    return wino_packed(c->c, c->o);
}

int64_t bp__conv_wino_fwd_pack_units(const bp__conv *c)
{
    return bp__conv_ceil(c->o, 16);
}

size_t bp__conv_wino_fwd_scratch_floats(const bp__conv *c)
{
    return wino_scratch(c->c);
}

bool bp__conv_wino_dx_fits(const bp__conv *c)
{
    return wino_fits(c, c->h, c->w);
}

size_t bp__conv_wino_dx_packed_floats(const bp__conv *c)
{
    return wino_packed(c->o, c->c);
}

int64_t bp__conv_wino_dx_pack_units(const bp__conv *c)
{
    return bp__conv_ceil(c->c, 16);
}

size_t bp__conv_wino_dx_scratch_floats(const bp__conv *c)
{
    return wino_scratch(c->o);
}
