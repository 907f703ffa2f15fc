/* The network as SVG. */
#include "explain/draw.h"

enum {
    NEURONS = 24, /* at most so many are drawn one by one */
    PITCH = 23,   /* between neurons */
    RADIUS = 8,
    COLUMN = 206,
    BOX_W = 152,
    BOX_H = 74,
    LANE_GAP = 26,
    TOP = 34,
    ICON = 15
};

typedef struct placed {
    const bp__ex_tensor *y, *dy;
    const char *title;
    int layer;   /* -1 - k: input k */
    int column;
    bool neurons;
    int n, height;
    int x, top;  /* x: of the center */
} placed;

typedef struct drawing {
    const bp_explain *e;
    bp__str *out;
    placed *node; /* inputs, then layers */
    size_t n;
    int columns, height;
} drawing;

static placed *node_of(const drawing *w, int layer)
{
    size_t inputs = w->e->n_inputs;
    return &w->node[layer < 0 ? (size_t)(-1 - layer)
                              : inputs + (size_t)layer];
}

static void place_one(drawing *w, placed *p, const bp__ex_tensor *y)
{
    p->y = y;
    p->neurons = y->rank <= 1 && y->n <= NEURONS;
    p->n = (int)y->n;
    p->height = p->neurons ? p->n * PITCH : BOX_H;
    if (p->column + 1 > w->columns)
        w->columns = p->column + 1;
}

static bool place_all(drawing *w)
{
    const bp_explain *e = w->e;
    w->n = e->n_inputs + e->layers.n;
    w->node = bp__calloc(&e->a, w->n + 1, sizeof *w->node);
    if (!w->node)
        return false;
    for (size_t i = 0; i < e->n_inputs; i++) {
        w->node[i].layer = -1 - (int)i;
        place_one(w, &w->node[i], &e->input[i]);
    }
    for (size_t i = 0; i < e->layers.n; i++) {
        const bp__ex_layer *l = &e->layers.list[i];
        placed *p = node_of(w, (int)i);
        p->layer = (int)i;
        p->title = l->title;
        p->dy = l->dy.v ? &l->dy : NULL;
        for (size_t k = 0; k < l->n_from; k++)
            p->column = BP__MAX(p->column,
                                node_of(w, l->from[k])->column + 1);
        place_one(w, p, &l->y);
    }
    return true;
}

/* What shares a column stands in lanes below each other. */
static void stack_columns(drawing *w)
{
    for (int c = 0; c < w->columns; c++) {
        int h = -LANE_GAP;
        for (size_t i = 0; i < w->n; i++)
            if (w->node[i].column == c)
                h += w->node[i].height + LANE_GAP + ICON;
        w->height = BP__MAX(w->height, h);
    }
    for (int c = 0; c < w->columns; c++) {
        int h = -LANE_GAP, y;
        for (size_t i = 0; i < w->n; i++)
            if (w->node[i].column == c)
                h += w->node[i].height + LANE_GAP + ICON;
        y = TOP + (w->height - h) / 2 + ICON;
        for (size_t i = 0; i < w->n; i++) {
            placed *p = &w->node[i];
            if (p->column != c)
                continue;
            p->x = 84 + c * COLUMN;
            p->top = y;
            y += p->height + LANE_GAP + ICON;
        }
    }
}

static int neuron_y(const placed *p, int i)
{
    return p->top + i * PITCH + PITCH / 2;
}

static int middle(const placed *p)
{
    return p->top + p->height / 2;
}

static int left_of(const placed *p)
{
    return p->x - (p->neurons ? RADIUS : BOX_W / 2);
}

static int right_of(const placed *p)
{
    return p->x + (p->neurons ? RADIUS : BOX_W / 2);
}

/* ---- edges ------------------------------------------------------------ */

static const bp__ex_param *weights_between(const drawing *w, const placed *a,
                                           const placed *b)
{
    if (b->layer < 0 || !a->neurons || !b->neurons)
        return NULL;
    const bp__ex_layer *l = &w->e->layers.list[b->layer];
    for (size_t i = 0; i < l->n_params; i++) {
        const bp__ex_param *q = &w->e->params[l->first_param + i];
        if (!strcmp(q->symbol, "W") && q->value.rank == 2 &&
            q->value.dims[0] == b->n && q->value.dims[1] == a->n)
            return q;
    }
    return NULL;
}

static void draw_weights(drawing *w, const placed *a, const placed *b,
                         const bp__ex_param *q)
{
    double most = 0;
    for (size_t i = 0; i < q->value.n; i++) {
        double v = q->value.v[i] < 0 ? -q->value.v[i] : q->value.v[i];
        most = v > most ? v : most;
    }
    for (int i = 0; i < b->n; i++)
        for (int j = 0; j < a->n; j++) {
            double v = q->value.v[i * a->n + j];
            double size = most > 0 ? (v < 0 ? -v : v) / most : 0;
            bp__str_printf(w->out,
                           "<line class=\"e %s\" x1=\"%d\" y1=\"%d\" "
                           "x2=\"%d\" y2=\"%d\" opacity=\"%.2f\"/>",
                           v < 0 ? "n" : "p", right_of(a), neuron_y(a, j),
                           left_of(b), neuron_y(b, i), 0.12 + 0.6 * size);
        }
}

static void draw_edges(drawing *w, int from, int to)
{
    const placed *a = node_of(w, from), *b = node_of(w, to);
    const bp__ex_param *q = weights_between(w, a, b);
    bp__str_printf(w->out, "<g class=\"edges\" data-a=\"%d\" data-b=\"%d\">",
                   from, to);
    if (q) {
        draw_weights(w, a, b, q);
    } else if (a->neurons && b->neurons && a->n == b->n &&
               a->column + 1 == b->column) {
        for (int i = 0; i < a->n; i++)
            bp__str_printf(w->out,
                           "<line class=\"e\" x1=\"%d\" y1=\"%d\" x2=\"%d\" "
                           "y2=\"%d\" opacity=\"0.5\"/>",
                           right_of(a), neuron_y(a, i), left_of(b),
                           neuron_y(b, i));
    } else {
        /* A long way goes in a curve past what lies between. */
        int x1 = right_of(a), y1 = middle(a), x2 = left_of(b), y2 = middle(b);
        int span = b->column - a->column;
        int bend = span > 1 ? TOP + w->height + 8 : (y1 + y2) / 2;
        if (span > 1)
            bp__str_printf(w->out,
                           "<path class=\"e long\" d=\"M%d %dC%d %d %d %d %d "
                           "%dH%dC%d %d %d %d %d %d\"/>",
                           x1, y1, x1 + 34, y1, x1 + 8, bend, x1 + 52, bend,
                           x2 - 52, x2 - 8, bend, x2 - 34, y2, x2, y2);
        else
            bp__str_printf(w->out,
                           "<path class=\"e\" d=\"M%d %dC%d %d %d %d %d "
                           "%d\"/>",
                           x1, y1, x1 + 30, y1, x2 - 30, y2, x2, y2);
    }
    bp__str_printf(w->out, "</g>");
}

/* ---- nodes ------------------------------------------------------------ */

static void draw_text(drawing *w, const char *class_name, int x, int y,
                      const char *anchor, const char *text)
{
    bp__str_printf(w->out,
                   "<text class=\"%s\" x=\"%d\" y=\"%d\" "
                   "text-anchor=\"%s\">", class_name, x, y, anchor);
    bp__html_escape(w->out, text, strlen(text));
    bp__str_printf(w->out, "</text>");
}

static void draw_neurons(drawing *w, const placed *p)
{
    char text[32];
    for (int i = 0; i < p->n; i++) {
        int y = neuron_y(p, i);
        bp__str_printf(w->out, "<circle cx=\"%d\" cy=\"%d\" r=\"%d\"/>", p->x,
                       y, RADIUS);
        draw_text(w, "v", p->x + RADIUS + 4, y + 4, "start",
                  bp__ex_number(text, p->y->v[i]));
        if (p->dy)
            draw_text(w, "g", p->x + RADIUS + 4, y + 4, "start",
                      bp__ex_number(text, p->dy->v[i]));
    }
}

/* "kind" of "3.body.0.kind". */
static const char *kind_of(const char *title, size_t n)
{
    const char *dot = title;
    for (size_t i = 0; i < n; i++)
        if (title[i] == '.')
            dot = title + i + 1;
    return dot;
}

/* A title's parts, one a line: "conv2d", "relu". */
static int draw_title(drawing *w, const placed *p, int y)
{
    const char *t = p->title;
    while (t && *t) {
        const char *end = strstr(t, " + ");
        size_t n = end ? (size_t)(end - t) : strlen(t);
        const char *kind = kind_of(t, n);
        char text[60];
        bp__snprintf(text, sizeof text, "%.*s", (int)(t + n - kind), kind);
        draw_text(w, "k", p->x, y, "middle", text);
        y += 13;
        t = end ? end + 3 : NULL;
    }
    return y;
}

static void draw_range(drawing *w, const placed *p, const bp__ex_tensor *t,
                       const char *class_name, int y)
{
    char a[32], b[32], text[80];
    if (!t || !t->v)
        return;
    bp__ex_range r = bp__ex_range_of(t->v, t->n);
    bp__snprintf(text, sizeof text, "%s … %s", bp__ex_number(a, r.min),
                 bp__ex_number(b, r.max));
    draw_text(w, class_name, p->x, y, "middle", text);
}

static void draw_box(drawing *w, const placed *p)
{
    char dims[200];
    bp__str_printf(w->out,
                   "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                   "rx=\"8\"/>", p->x - BOX_W / 2, p->top, BOX_W, p->height);
    int y = draw_title(w, p, p->top + 17);
    draw_text(w, "s", p->x, y, "middle",
              bp__ex_dims_text(dims, p->y->rank, p->y->dims));
    draw_range(w, p, p->y, "v", p->top + p->height - 8);
    draw_range(w, p, p->dy, "g", p->top + p->height - 8);
}

static void draw_node(drawing *w, const placed *p)
{
    char text[60];
    bp__str_printf(w->out, "<g class=\"node\" data-l=\"%d\">", p->layer);
    if (p->layer < 0)
        bp__snprintf(text, sizeof text, "y(0)");
    else
        bp__snprintf(text, sizeof text, "y(%d)", p->layer + 1);
    draw_text(w, "t", p->x, p->top - 4, "middle", text);
    if (p->neurons) {
        draw_neurons(w, p);
        if (p->layer >= 0)
            draw_title(w, p, p->top + p->height + 18);
    } else {
        draw_box(w, p);
    }
    bp__str_printf(w->out, "</g>");
}

void bp__ex_draw(bp__str *out, const bp_explain *e)
{
    drawing w = {.e = e, .out = out};
    if (!place_all(&w)) {
        out->failed = true;
        return;
    }
    stack_columns(&w);
    int width = w.columns * COLUMN - COLUMN + 168;
    int height = TOP + w.height + 56;
    bp__str_printf(out,
                   "<svg width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
                   "role=\"img\">", width, height, width, height);
    for (size_t i = 0; i < e->layers.n; i++)
        for (size_t k = 0; k < e->layers.list[i].n_from; k++)
            draw_edges(&w, e->layers.list[i].from[k], (int)i);
    for (size_t i = 0; i < w.n; i++)
        draw_node(&w, &w.node[i]);
    bp__str_printf(out, "</svg>");
    bp__free(&e->a, w.node, (w.n + 1) * sizeof *w.node);
}
