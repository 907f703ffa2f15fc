/* curve.svg: loss and the first metric over the epochs, for training and
 * validation, drawn from the log alone. Plain SVG 1.1 without scripts or
 * external fonts; the same log gives the same bytes. */
#include "train/train.h"

#include <math.h>

enum { CURVE_PANEL_W = 440, CURVE_PANEL_H = 340 };
enum { CURVE_LEFT = 62, CURVE_RIGHT = 20, CURVE_TOP = 58, CURVE_BOTTOM = 46 };
enum { CURVE_SPLITS = 2 };

static const char *const curve_split[CURVE_SPLITS] = {"train", "valid"};
static const char *const curve_color[CURVE_SPLITS] = {"#2f6fab", "#d1622b"};

typedef struct curve_point {
    int split;
    double epoch, y[2]; /* loss, first metric; NaN: not defined, no point */
} curve_point;

typedef struct curve {
    const bp_allocator *a;
    curve_point *points;
    size_t n, cap;
    char metric[160]; /* "": none */
    double last_epoch;
} curve;

typedef struct curve_panel {
    double x0; /* left edge */
    bp__ticks y;
    double e0, e1, e_step; /* of the epochs */
} curve_panel;

static bool curve_add(curve *c, const bp__log_record *r)
{
    int split = -1;
    for (int s = 0; s < CURVE_SPLITS; s++)
        if (!strcmp(r->split, curve_split[s]))
            split = s;
    if (split < 0 || !r->whole_epoch)
        return true;
    if (!bp__grow(c->a, &c->points, &c->cap, c->n + 1, sizeof *c->points))
        return false;
    if (r->n_metrics && !c->metric[0])
        bp__snprintf(c->metric, sizeof c->metric, "%s", r->metric_name[0]);
    c->points[c->n++] =
        (curve_point){split, (double)r->epoch,
                      {r->loss, r->n_metrics ? r->metric[0] : 0}};
    if ((double)r->epoch > c->last_epoch)
        c->last_epoch = (double)r->epoch;
    return true;
}

static bp_status curve_read(curve *c, const char *log, size_t bytes,
                            const char *where, bp_error *err)
{
    bp_status st = BP_OK;
    for (size_t at = 0; !st && at < bytes;) {
        const char *end = memchr(log + at, '\n', bytes - at);
        if (!end)
            break; /* a line that was never finished */
        bp__arena ar;
        bp__log_record r;
        bp__arena_init(&ar, c->a);
        size_t n = (size_t)(end - (log + at));
        st = bp__log_parse(&ar, log + at, n, where, &r, err);
        if (!st && !curve_add(c, &r))
            st = bp__oom(err);
        bp__arena_free(&ar);
        at += n + 1;
    }
    return st;
}

static void panel_range(curve_panel *q, const curve *c, int which)
{
    double lo = 0, hi = 0;
    bool any = false;
    for (size_t i = 0; i < c->n; i++) {
        double y = c->points[i].y[which];
        if (isnan(y))
            continue;
        lo = !any || y < lo ? y : lo;
        hi = !any || y > hi ? y : hi;
        any = true;
    }
    bool share = which == 1 && lo >= 0 && hi <= 1; /* such as an accuracy */
    if (which == 0 && lo >= 0)
        lo = 0;
    if (share)
        hi = 1;
    if (bp__ticks_widen(&lo, &hi) && share) {
        lo = 0.9;
        hi = 1;
    }
    q->y = bp__ticks_of(lo, hi);
    q->e0 = c->last_epoch > 1 ? 1 : 0;
    q->e1 = c->last_epoch > 1 ? c->last_epoch : 2;
    q->e_step = bp__nice_step(q->e1 - q->e0, 4);
    if (q->e_step < 1)
        q->e_step = 1;
}

static double panel_x(const curve_panel *q, double epoch)
{
    double w = CURVE_PANEL_W - CURVE_LEFT - CURVE_RIGHT;
    return q->x0 + CURVE_LEFT + w * (epoch - q->e0) / (q->e1 - q->e0);
}

static double panel_y(const curve_panel *q, double y)
{
    double h = CURVE_PANEL_H - CURVE_TOP - CURVE_BOTTOM;
    return CURVE_TOP + h * (1 - bp__ticks_place(&q->y, y));
}

void bp__svg_text(bp__str *s, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            bp__str_add(s, "&lt;", 4);
        else if (*text == '&')
            bp__str_add(s, "&amp;", 5);
        else if ((unsigned char)*text >= 0x20)
            bp__str_add(s, text, 1);
    }
}

static void draw_axes(const curve_panel *q, const char *title, bp__str *s)
{
    double left = panel_x(q, q->e0), right = panel_x(q, q->e1);
    double bottom = panel_y(q, q->y.lo);
    bp__str_printf(s,
                   "<text x=\"%.1f\" y=\"%d\" font-size=\"14\" "
                   "font-weight=\"bold\">",
                   left, CURVE_TOP - 14);
    bp__svg_text(s, title);
    bp__str_printf(s, "</text>\n");
    for (int i = 0; i <= q->y.n; i++) {
        double v = q->y.lo + i * q->y.step, y = panel_y(q, v);
        bool zero = fabs(v) < 1e-9 * q->y.step;
        bp__str_printf(s,
                       "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" "
                       "stroke=\"%s\"/>\n",
                       left, y, right, y, i ? "#e3e3e3" : "#888888");
        bp__str_printf(s,
                       "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.6g"
                       "</text>\n",
                       left - 7, y + 4, zero ? 0 : v);
    }
    /* From epoch 1 to the next multiple of the step. */
    double next = floor(q->e0 / q->e_step) + 1;
    int ticks = (int)(floor(q->e1 / q->e_step) - next + 1);
    for (int i = 0; i <= ticks; i++) {
        double e = i ? (next + (i - 1)) * q->e_step : q->e0;
        bp__str_printf(s,
                       "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">"
                       "%.0f</text>\n",
                       panel_x(q, e), bottom + 18, e);
    }
    bp__str_printf(s,
                   "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">epoch"
                   "</text>\n",
                   (left + right) / 2, bottom + 36);
}

static void draw_line(const curve *c, const curve_panel *q, int split,
                      int which, bp__str *s)
{
    size_t n = 0;
    bp__str_printf(s,
                   "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" "
                   "stroke-linejoin=\"round\" points=\"",
                   curve_color[split]);
    for (size_t i = 0; i < c->n; i++) {
        const curve_point *p = &c->points[i];
        if (p->split == split && !isnan(p->y[which]))
            bp__str_printf(s, "%s%.2f,%.2f", n++ ? " " : "",
                           panel_x(q, p->epoch), panel_y(q, p->y[which]));
    }
    bp__str_printf(s, "\"/>\n");
    if (n > 40)
        return;
    for (size_t i = 0; i < c->n; i++) {
        const curve_point *p = &c->points[i];
        if (p->split == split && !isnan(p->y[which]))
            bp__str_printf(s,
                           "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"3\" "
                           "fill=\"%s\"/>\n",
                           panel_x(q, p->epoch), panel_y(q, p->y[which]),
                           curve_color[split]);
    }
}

static void draw_legend(const curve *c, int panels, bp__str *s)
{
    double x = panels * CURVE_PANEL_W - CURVE_RIGHT - 150;
    for (int k = 0; k < CURVE_SPLITS; k++) {
        bool any = false;
        for (size_t i = 0; i < c->n; i++)
            any |= c->points[i].split == k;
        if (!any)
            continue;
        bp__str_printf(s,
                       "<line x1=\"%.1f\" y1=\"20\" x2=\"%.1f\" y2=\"20\" "
                       "stroke=\"%s\" stroke-width=\"3\"/>\n"
                       "<text x=\"%.1f\" y=\"24\">%s</text>\n",
                       x, x + 22, curve_color[k], x + 28, curve_split[k]);
        x += 80;
    }
}

static void draw_picture(const curve *c, const char *title, bp__str *s)
{
    int panels = c->metric[0] ? 2 : 1;
    int w = panels * CURVE_PANEL_W;
    bp__str_printf(s,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
                   "height=\"%d\" viewBox=\"0 0 %d %d\" "
                   "font-family=\"sans-serif\" font-size=\"12\" "
                   "fill=\"#222222\">\n",
                   w, CURVE_PANEL_H, w, CURVE_PANEL_H);
    bp__str_printf(s, "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n", w,
                   CURVE_PANEL_H);
    bp__str_printf(s, "<text x=\"%d\" y=\"24\" fill=\"#666666\">", CURVE_LEFT);
    bp__svg_text(s, title);
    bp__str_printf(s, "</text>\n");
    draw_legend(c, panels, s);
    for (int k = 0; k < panels; k++) {
        curve_panel q = {.x0 = k * CURVE_PANEL_W};
        panel_range(&q, c, k);
        draw_axes(&q, k ? c->metric : "loss", s);
        for (int split = 0; split < CURVE_SPLITS; split++)
            draw_line(c, &q, split, k, s);
    }
    bp__str_printf(s, "</svg>\n");
}

bp_status bp__curve_draw(const bp_allocator *a, const char *log, size_t bytes,
                         const char *where, const char *title, bp__str *svg,
                         bp_error *err)
{
    curve c = {.a = a};
    bp_status st = curve_read(&c, log, bytes, where, err);
    if (!st)
        draw_picture(&c, title, svg);
    if (!st && svg->failed)
        st = bp__oom(err);
    bp__free(a, c.points, c.cap * sizeof *c.points);
    return st;
}
