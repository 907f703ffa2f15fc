/* Filters and activations as tiles. */
#include "explain/features.h"

#include "explain/explain.h"

enum {
    PAGE = 960,     /* pixels across */
    MARGIN = 10,
    GAP = 5,        /* between tiles */
    BIG = 112,      /* of a tile, about */
    TALL = 480,     /* of a strip, at most */
    LAYERS = 3,     /* of which filters are shown */
    STRIPS = 2 * LAYERS + 1
};

/* Tiles of one kind, below each other on the page. */
typedef struct strip {
    const char *what;
    const double *v; /* [n][channels][h][w] */
    int n, channels, h, w;
    int scale, cols, shown;
    int64_t top, height;
    bool one_scale; /* all tiles share their largest number */
} strip;

typedef struct features {
    const bp_allocator *a;
    bp__arena arena;
    const bp_task *task;
    bp_store *s;
    bp_runtime *r;
    bp_graph *g;
    bp_program *p;
    bp_traced t;
    bp__ex_layers layers;
    strip strip[STRIPS];
    int n;
} features;

/* ---- running ----------------------------------------------------------- */

static bp_status run_network(features *f, const void *const *x, bp_error *err)
{
    bp_trace_options o = {.size = sizeof o, .rows = 1};
    f->g = bp_task_graph(f->task, f->s, BP_TASK_PREDICT, &o, f->a, &f->t);
    bp_status st = bp_graph_status(f->g);
    if (st)
        return bp__error(err, st, "%s",
                         f->g ? bp_graph_error(f->g) : bp_status_text(st));
    st = bp__ex_group(&f->arena, f->t.nn, &f->layers, err);
    for (size_t i = 0; i < f->layers.n && !st; i++) {
        char name[40];
        bp__snprintf(name, sizeof name, "y.%zu", i);
        bp_output(f->g, name, f->layers.list[i].y_val);
    }
    const bp_graph *one[] = {f->g};
    if (!st)
        st = bp_compile(f->r, one, 1, NULL, &f->p, err);
    for (size_t i = 0; i < bp__task_inputs(f->task) && !st; i++) {
        bp_nn_io io;
        bp__task_input(f->task, i, &io);
        size_t bytes = bp_dtype_bytes(io.dtype);
        for (int k = 0; k < io.rank; k++)
            bytes *= (size_t)io.dims[k];
        st = bp_bind(f->p, io.name, x[i], bytes, err);
    }
    return st ? st : bp_run(f->p, err);
}

/* ---- strips ------------------------------------------------------------ */

static void add_strip(features *f, const char *what, const double *v, int n,
                      int channels, int h, int w)
{
    if (f->n == STRIPS || !v || !what || n < 1 || h < 1 || w < 1)
        return;
    strip *s = &f->strip[f->n++];
    *s = (strip){.what = what, .v = v, .n = n, .channels = channels, .h = h,
                 .w = w};
    int side = BP__MAX(h, w);
    s->scale = side == 1 ? 24 : side < BIG ? BIG / side : 1;
    s->one_scale = side == 1;
    while (s->scale > 2 && s->n * (s->w * s->scale + GAP) > 8 * PAGE)
        s->scale--;
    s->cols = BP__MAX(1, (PAGE - 2 * MARGIN + GAP) / (w * s->scale + GAP));
    s->cols = BP__MIN(s->cols, n);
    int high = h * s->scale + GAP, rows = (n + s->cols - 1) / s->cols;
    rows = BP__MIN(rows, BP__MAX(1, TALL / high));
    s->shown = BP__MIN(n, rows * s->cols);
    s->height = rows * high;
}

static const double *values(features *f, const void *data, bp_dtype dtype,
                            size_t n)
{
    double *v = data ? bp__arena_array(&f->arena, n + 1, sizeof *v) : NULL;
    if (v)
        bp__read_reals(data, dtype, 0, (int64_t)n, v);
    return v;
}

/* The weight of a layer; false: it has none. */
static bool weight_of(const features *f, const bp__ex_layer *l, bp_var_info *v,
                      const void **data)
{
    char name[300];
    bp__snprintf(name, sizeof name, "%s.weight", l->path);
    int64_t k = bp_store_find(f->s, name);
    if (k < 0 || !l->row)
        return false;
    bp_store_info(f->s, (size_t)k, v);
    *data = bp_store_read(f->s, (size_t)k);
    return true;
}

static void add_filters(features *f, const bp__ex_layer *l,
                        const bp_var_info *v, const void *data,
                        const bp_nn_io *input)
{
    size_t n = v->bytes / bp_dtype_bytes(v->dtype);
    const double *w = values(f, data, v->dtype, n);
    const int64_t *d = v->dims;
    int64_t pixels = input->rank == 3
                         ? input->dims[0] * input->dims[1] * input->dims[2]
                         : -1;
    char dims[200];
    const char *what = bp__arena_printf(
        &f->arena, "filters of %s %s", l->title,
        bp__ex_dims_text(dims, v->rank, d));
    if (v->rank == 4 && (d[1] == 1 || d[1] == 3))
        add_strip(f, what, w, (int)d[0], (int)d[1], (int)d[2], (int)d[3]);
    else if (v->rank == 4)
        add_strip(f, what, w, (int)(d[0] * d[1]), 1, (int)d[2], (int)d[3]);
    else if (v->rank == 2 && d[1] == pixels &&
             (input->dims[0] == 1 || input->dims[0] == 3))
        add_strip(f, what, w, (int)d[0], (int)input->dims[0],
                  (int)input->dims[1], (int)input->dims[2]);
    else if (v->rank == 2 || v->rank == 3)
        add_strip(f, what, w, 1, 1, (int)d[0], (int)((int64_t)n / d[0]));
}

static void add_activations(features *f, size_t i)
{
    const bp__ex_layer *l = &f->layers.list[i];
    const bp__type *t = bp__type_of(f->g, l->y_val);
    char name[40];
    bp__snprintf(name, sizeof name, "y.%zu", i);
    const double *v = values(f, bp_result(f->p, name, NULL),
                             f->task->dtype, (size_t)bp__numel(t));
    const char *what = bp__arena_printf(&f->arena,
                                        "what %s makes of the sample",
                                        l->title);
    if (t->rank == 4)
        add_strip(f, what, v, (int)t->dims[1], 1, (int)t->dims[2],
                  (int)t->dims[3]);
    else if (t->rank == 3)
        add_strip(f, what, v, 1, 1, (int)t->dims[1], (int)t->dims[2]);
    else if (t->rank == 2)
        add_strip(f, what, v, (int)t->dims[1], 1, 1, 1);
    if (f->n)
        f->strip[f->n - 1].one_scale = true;
}

static void collect(features *f, const void *const *x)
{
    bp_nn_io io;
    int shown = 0;
    bp__task_input(f->task, 0, &io);
    size_t n = 1;
    for (int i = 0; i < io.rank; i++)
        n *= (size_t)io.dims[i];
    const double *v = values(f, x[0], io.dtype, n);
    if (io.rank == 3 && (io.dims[0] == 1 || io.dims[0] == 3))
        add_strip(f, "the sample", v, 1, (int)io.dims[0], (int)io.dims[1],
                  (int)io.dims[2]);
    else if (io.rank == 3)
        add_strip(f, "the sample", v, (int)io.dims[0], 1, (int)io.dims[1],
                  (int)io.dims[2]);
    else if (io.rank == 2)
        add_strip(f, "the sample", v, 1, 1, (int)io.dims[0], (int)io.dims[1]);
    else
        add_strip(f, "the sample", v, (int)n, 1, 1, 1);
    for (size_t i = 0; i < f->layers.n && shown < LAYERS; i++) {
        bp_var_info var;
        const void *data;
        /* Scales of a normalization are no filters. */
        if (!weight_of(f, &f->layers.list[i], &var, &data) || var.rank < 2 ||
            (var.rank == 2 && shown))
            continue;
        shown++;
        add_filters(f, &f->layers.list[i], &var, data, &io);
        add_activations(f, i);
    }
}

/* ---- drawing ----------------------------------------------------------- */

static uint8_t shade(double full, double part)
{
    double x = 255 - (255 - full) * part;
    return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x + 0.5);
}

/* Positive numbers blue, negative red, the darker the farther from 0. */
static void signed_color(uint8_t *to, double x, double largest)
{
    double part = largest > 0 ? (x < 0 ? -x : x) / largest : 0;
    to[0] = shade(x < 0 ? 194 : 35, part);
    to[1] = shade(x < 0 ? 69 : 96, part);
    to[2] = shade(x < 0 ? 45 : 196, part);
}

static double largest_of(const double *v, size_t n)
{
    double m = 0;
    for (size_t i = 0; i < n; i++)
        m = BP__MAX(m, v[i] < 0 ? -v[i] : v[i]);
    return m;
}

/* One pixel of a tile; range: of its numbers. */
static void tile_color(const strip *s, const double *tile, int at,
                       const bp__ex_range *range, double largest, uint8_t *to)
{
    int area = s->h * s->w;
    double span = range->max - range->min;
    if (s->channels == 1) {
        signed_color(to, tile[at], largest);
        return;
    }
    for (int c = 0; c < 3; c++) {
        double x = span > 0 ? (tile[c * area + at] - range->min) / span : 0;
        to[c] = (uint8_t)(255 * x + 0.5);
    }
}

static void draw_tile(bp__picture *p, const strip *s, int k, double all)
{
    size_t size = (size_t)(s->channels * s->h * s->w);
    const double *tile = s->v + (size_t)k * size;
    bp__ex_range range = bp__ex_range_of(tile, size);
    double largest = s->one_scale ? all : largest_of(tile, size);
    int64_t left = MARGIN + k % s->cols * (s->w * s->scale + GAP);
    int64_t top = s->top + k / s->cols * (s->h * s->scale + GAP);
    for (int y = 0; y < s->h * s->scale; y++)
        for (int x = 0; x < s->w * s->scale; x++) {
            int64_t at = (top + y) * p->width + left + x;
            if (left + x < p->width)
                tile_color(s, tile, y / s->scale * s->w + x / s->scale,
                           &range, largest, p->pixels + 3 * at);
        }
}

static bp_status draw(features *f, bp__picture *out, bp__str *legend,
                      bp_error *err)
{
    int64_t height = MARGIN;
    for (int i = 0; i < f->n; i++) {
        f->strip[i].top = height;
        height += f->strip[i].height + MARGIN;
    }
    bp_status st = bp__picture_new(f->a, PAGE, height, 3, "features", out,
                                   err);
    if (st)
        return st;
    memset(out->pixels, 236, out->bytes);
    for (int i = 0; i < f->n; i++) {
        const strip *s = &f->strip[i];
        size_t n = (size_t)(s->n * s->channels * s->h) * (size_t)s->w;
        double all = largest_of(s->v, n);
        for (int k = 0; k < s->shown; k++)
            draw_tile(out, s, k, all);
        bp__str_printf(legend, "from row %4lld: %s, %d of %d, %dx%d",
                       (long long)s->top, s->what, s->shown, s->n, s->h,
                       s->w);
        if (s->scale > 1)
            bp__str_printf(legend, ", %d times larger", s->scale);
        bp__str_printf(legend, "\n");
    }
    return legend->failed ? bp__oom(err) : BP_OK;
}

bp_status bp__features_draw(const bp_task *t, bp_store *s, bp_runtime *r,
                            const void *const *x, const bp_allocator *a,
                            bp__picture *out, bp__str *legend, bp_error *err)
{
    features f = {.a = a, .task = t, .s = s, .r = r};
    *out = (bp__picture){0};
    bp__arena_init(&f.arena, a);
    bp_status st = run_network(&f, x, err);
    if (!st)
        collect(&f, x);
    if (!st && f.arena.failed)
        st = bp__oom(err);
    if (!st)
        st = draw(&f, out, legend, err);
    bp_program_free(f.p);
    bp_nn_free(f.t.nn);
    bp_graph_free(f.g);
    bp__arena_free(&f.arena);
    if (st)
        bp__picture_free(a, out);
    return st;
}
