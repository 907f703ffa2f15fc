/* Pictures of a range test: of characters, for a terminal, and as SVG without
 * scripts or external fonts. The same result gives the same bytes. */
#include "base/math.h"
#include "train/train.h"

#include <math.h>

enum { RANGE_W = 760, RANGE_H = 420 };
enum { RANGE_LEFT = 70, RANGE_RIGHT = 24, RANGE_TOP = 64, RANGE_BOTTOM = 56 };

/* The part of the plane that is drawn: x in decades, y the loss. A loss above
 * hi is drawn at hi: what diverges would leave no room for the rest. */
typedef struct range_frame {
    double x0, x1, lo, hi;
} range_frame;

static double log_rate(double lr)
{
    return bp__log(lr) / 2.30258509299404568402;
}

/* A NaN is lo: cells are numbered by what comes out. */
static double clamp(double x, double lo, double hi)
{
    return x > lo ? x < hi ? x : hi : lo;
}

static range_frame frame_of(const bp_range *r)
{
    range_frame f = {log_rate(r->points[0].lr),
                     log_rate(r->points[r->n - 1].lr), r->points[0].loss,
                     r->start};
    double smooth = r->points[0].smooth;
    for (int64_t i = 0; i < r->n; i++) {
        f.lo = BP__MIN(f.lo, r->points[i].loss);
        smooth = BP__MIN(smooth, r->points[i].smooth);
    }
    double room = r->start - smooth;
    f.hi = r->start + BP__MAX(0.35 * room, 0.1 * fabs(r->start));
    f.lo = clamp(f.lo, -1e300, 1e300);
    f.hi = clamp(f.hi, f.lo, 1e300);
    if (!(f.hi - f.lo > BP__MAX(1e-9 * fabs(f.lo), 1e-300)))
        f.hi = f.lo + BP__MAX(1, 1e-3 * fabs(f.lo));
    f.x0 = clamp(f.x0, -330, 310);
    f.x1 = clamp(f.x1, f.x0, 310);
    if (!(f.x1 > f.x0))
        f.x1 = f.x0 + 1;
    return f;
}

/* ---- characters ---------------------------------------------------------- */

static int plot_column(const range_frame *f, double lr, int width)
{
    double x = (log_rate(lr) - f->x0) / (f->x1 - f->x0);
    return (int)(clamp(x, 0, 1) * (width - 1) + 0.5);
}

static int plot_row(const range_frame *f, double y, int height)
{
    double t = (f->hi - y) / (f->hi - f->lo);
    return (int)(clamp(t, 0, 1) * (height - 1) + 0.5);
}

/* The axis of rates: a mark and a label at each decade. */
static void plot_axis(const range_frame *f, int width, bp__str *out)
{
    char marks[201], labels[216];
    int used = -1;
    memset(marks, '-', sizeof marks);
    memset(labels, ' ', sizeof labels);
    for (int k = (int)ceil(f->x0 - 1e-9); k <= (int)floor(f->x1 + 1e-9); k++) {
        char text[16];
        int at = (int)clamp((k - f->x0) / (f->x1 - f->x0) * (width - 1) + 0.5,
                            0, width - 1);
        int n = bp__snprintf(text, sizeof text, "1e%d", k);
        marks[at] = '+';
        if (at <= used)
            continue;
        memcpy(labels + at, text, (size_t)n);
        used = at + n;
    }
    int end = used < width ? width : used;
    bp__str_printf(out, "%10s +%.*s\n", "", width, marks);
    while (end > 0 && labels[end - 1] == ' ')
        end--;
    bp__str_printf(out, "%12s%.*s  rate\n", "", end, labels);
}

void bp__range_plot(const bp_range *r, int width, int height, bp__str *out)
{
    char cells[40][200];
    if (!r->n)
        return;
    width = (int)clamp(width, 20, 200);
    height = (int)clamp(height, 5, 40);
    range_frame f = frame_of(r);
    memset(cells, ' ', sizeof cells);
    for (int64_t i = 0; i < r->n; i++)
        cells[plot_row(&f, r->points[i].loss, height)]
             [plot_column(&f, r->points[i].lr, width)] = '.';
    for (int64_t i = 0; i < r->n; i++)
        cells[plot_row(&f, r->points[i].smooth, height)]
             [plot_column(&f, r->points[i].lr, width)] = '*';
    for (int y = 0; y < height; y++) {
        int end = width;
        char label[20] = "";
        while (end > 0 && cells[y][end - 1] == ' ')
            end--;
        if (y == 0 || y == height - 1 || y == height / 2)
            bp__snprintf(label, sizeof label, "%.4g",
                         f.hi - (f.hi - f.lo) * y / (height - 1));
        bp__str_printf(out, end ? "%10s | %.*s\n" : "%10s |\n", label, end,
                       cells[y]);
    }
    plot_axis(&f, width + 1, out);
    if (!r->falls)
        return;
    int a = plot_column(&f, r->low, width), b = plot_column(&f, r->high, width);
    int s = plot_column(&f, r->suggested, width);
    char band[201];
    memset(band, ' ', sizeof band);
    memset(band + a, '=', (size_t)(b - a + 1));
    band[s] = '^';
    bp__str_printf(out, "%12s%.*s  = basin, ^ suggested\n", "", b + 1, band);
}

/* ---- SVG ----------------------------------------------------------------- */

static double svg_x(const range_frame *f, double decade)
{
    double w = RANGE_W - RANGE_LEFT - RANGE_RIGHT;
    return RANGE_LEFT + w * clamp((decade - f->x0) / (f->x1 - f->x0), 0, 1);
}

static double svg_y(const range_frame *f, double y)
{
    double h = RANGE_H - RANGE_TOP - RANGE_BOTTOM;
    return RANGE_TOP + h * clamp((f->hi - y) / (f->hi - f->lo), 0, 1);
}

/* Lines, marks and numbers of both axes. */
static void svg_axes(const range_frame *f, bp__str *s)
{
    double step = bp__nice_step(f->hi - f->lo, 4);
    double first = ceil(f->lo / step - 1e-9) * step;
    double bottom = RANGE_H - RANGE_BOTTOM;
    int n = (int)clamp(floor((f->hi - first) / step + 1e-9), 0, 100);
    for (int i = 0; i <= n; i++) {
        double v = first + i * step, y = svg_y(f, v);
        bp__str_printf(s, "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" "
                       "stroke=\"#e3e3e3\"/>\n", RANGE_LEFT, y,
                       RANGE_W - RANGE_RIGHT, y);
        bp__str_printf(s, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.6g"
                       "</text>\n", RANGE_LEFT - 8, y + 4,
                       fabs(v) < 1e-9 * step ? 0 : v);
    }
    int k = (int)ceil(f->x0 - 1e-9), end = (int)floor(f->x1 + 1e-9);
    int skip = 1 + (end - k) / 20; /* else labels lie on each other */
    for (; k <= end; k += skip) {
        double x = svg_x(f, k);
        bp__str_printf(s, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" "
                       "y2=\"%.1f\" stroke=\"#e3e3e3\"/>\n", x, RANGE_TOP, x,
                       bottom + 4);
        bp__str_printf(s, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">"
                       "10<tspan dy=\"-5\" font-size=\"9\">%d</tspan></text>\n",
                       x, bottom + 20, k);
    }
    bp__str_printf(s, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                   "fill=\"none\" stroke=\"#888888\"/>\n", RANGE_LEFT,
                   RANGE_TOP, RANGE_W - RANGE_LEFT - RANGE_RIGHT,
                   RANGE_H - RANGE_TOP - RANGE_BOTTOM);
    bp__str_printf(s, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">learning "
                   "rate</text>\n", (RANGE_LEFT + RANGE_W - RANGE_RIGHT) / 2,
                   RANGE_H - 14);
    bp__str_printf(s, "<text x=\"18\" y=\"%d\" text-anchor=\"middle\" "
                   "transform=\"rotate(-90 18 %d)\">loss of a batch</text>\n",
                   (RANGE_TOP + RANGE_H - RANGE_BOTTOM) / 2,
                   (RANGE_TOP + RANGE_H - RANGE_BOTTOM) / 2);
}

static void svg_line_at(const range_frame *f, double lr, const char *color,
                        bp__str *s)
{
    double x = svg_x(f, log_rate(lr));
    bp__str_printf(s, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" "
                   "stroke=\"%s\" stroke-width=\"1.5\" "
                   "stroke-dasharray=\"5 4\"/>\n", x, RANGE_TOP, x,
                   RANGE_H - RANGE_BOTTOM, color);
}

/* What each color means, with its numbers, above the plot. */
static void svg_legend(const bp_range *r, bp__str *s)
{
    int x = RANGE_LEFT;
    if (r->falls) {
        bp__str_printf(s, "<rect x=\"%d\" y=\"40\" width=\"16\" height=\"12\" "
                       "fill=\"#d9ecd9\"/><text x=\"%d\" y=\"50\">the loss "
                       "falls: %.2g to %.2g</text>\n", x, x + 22, r->low,
                       r->high);
        x += 250;
        bp__str_printf(s, "<line x1=\"%d\" y1=\"46\" x2=\"%d\" y2=\"46\" "
                       "stroke=\"#2d7d3a\" stroke-width=\"2\" "
                       "stroke-dasharray=\"5 4\"/><text x=\"%d\" y=\"50\" "
                       "fill=\"#2d7d3a\">suggested: %.2g</text>\n", x, x + 20,
                       x + 26, r->suggested);
        x += 170;
    }
    if (r->diverges)
        bp__str_printf(s, "<line x1=\"%d\" y1=\"46\" x2=\"%d\" y2=\"46\" "
                       "stroke=\"#b3261e\" stroke-width=\"2\" "
                       "stroke-dasharray=\"5 4\"/><text x=\"%d\" y=\"50\" "
                       "fill=\"#b3261e\">diverges: %.2g</text>\n", x, x + 20,
                       x + 26, r->diverges_at);
}

void bp__range_svg(const bp_range *r, const char *title, bp__str *s)
{
    if (!r->n)
        return;
    range_frame f = frame_of(r);
    bp__str_printf(s, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
                   "height=\"%d\" viewBox=\"0 0 %d %d\" "
                   "font-family=\"sans-serif\" font-size=\"12\" "
                   "fill=\"#222222\">\n<rect width=\"%d\" height=\"%d\" "
                   "fill=\"white\"/>\n", RANGE_W, RANGE_H, RANGE_W, RANGE_H,
                   RANGE_W, RANGE_H);
    bp__str_printf(s, "<text x=\"%d\" y=\"24\" font-size=\"14\" "
                   "font-weight=\"bold\">", RANGE_LEFT);
    bp__svg_text(s, title);
    bp__str_printf(s, "</text>\n");
    if (r->falls) {
        double a = svg_x(&f, log_rate(r->low));
        bp__str_printf(s, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" "
                       "height=\"%d\" fill=\"#d9ecd9\"/>\n", a, RANGE_TOP,
                       svg_x(&f, log_rate(r->high)) - a,
                       RANGE_H - RANGE_TOP - RANGE_BOTTOM);
    }
    svg_axes(&f, s);
    for (int64_t i = 0; i < r->n; i++)
        bp__str_printf(s, "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"2\" "
                       "fill=\"#9db9d6\"/>\n",
                       svg_x(&f, log_rate(r->points[i].lr)),
                       svg_y(&f, r->points[i].loss));
    bp__str_printf(s, "<polyline fill=\"none\" stroke=\"#2f6fab\" "
                   "stroke-width=\"2.5\" stroke-linejoin=\"round\" points=\"");
    for (int64_t i = 0; i < r->n; i++)
        bp__str_printf(s, "%s%.2f,%.2f", i ? " " : "",
                       svg_x(&f, log_rate(r->points[i].lr)),
                       svg_y(&f, r->points[i].smooth));
    bp__str_printf(s, "\"/>\n");
    if (r->falls)
        svg_line_at(&f, r->suggested, "#2d7d3a", s);
    if (r->diverges)
        svg_line_at(&f, r->diverges_at, "#b3261e", s);
    svg_legend(r, s);
    bp__str_printf(s, "</svg>\n");
}

bp_status bp_range_print(const bp_range *r, int width, int height,
                         bp_write_fn write, void *user)
{
    bp__str s;
    bp__str_init(&s, NULL);
    bp__range_plot(r, width, height, &s);
    return bp__str_write(&s, write, user);
}

bp_status bp_range_svg(const bp_range *r, const char *title, bp_write_fn write,
                       void *user)
{
    bp__str s;
    bp__str_init(&s, NULL);
    bp__range_svg(r, title, &s);
    return bp__str_write(&s, write, user);
}
