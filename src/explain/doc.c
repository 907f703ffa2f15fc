/* Building the document. */
#include "explain/doc.h"

#include "explain/explain.h"

bp__doc *bp__doc_new(bp__arena *ar, const bp_allocator *a)
{
    bp__doc *d = bp__arena_alloc(ar, sizeof *d);
    if (d)
        *d = (bp__doc){.arena = ar, .a = *a};
    return d;
}

void bp__doc_free(bp__doc *d)
{
    if (d)
        bp__free(&d->a, d->item, d->cap * sizeof *d->item);
}

static bp__doc_item *add(bp__doc *d, bp__doc_kind kind)
{
    if (!bp__grow(&d->a, &d->item, &d->cap, d->n + 1, sizeof *d->item)) {
        d->arena->failed = true;
        return NULL;
    }
    bp__doc_item *i = &d->item[d->n++];
    *i = (bp__doc_item){.kind = kind, .layer = -1};
    return i;
}

static void set_text(bp__doc *d, bp__doc_item *i, bp__message m, va_list ap)
{
    i->text.message = m;
    for (size_t k = 0; k < BP__DOC_ARGS; k++) {
        const char *s = va_arg(ap, const char *);
        if (!s)
            break;
        i->text.arg[k] = bp__arena_strdup(d->arena, s);
    }
}

#define WITH_TEXT(i)                                                       \
    if (i) {                                                               \
        va_list ap;                                                        \
        va_start(ap, m);                                                   \
        set_text(d, i, m, ap);                                             \
        va_end(ap);                                                        \
    }

void bp__doc_section(bp__doc *d, bp__phase phase, int layer, bp__message m,
                     ...)
{
    bp__doc_item *i = add(d, BP__DOC_SECTION);
    if (i) {
        i->phase = phase;
        i->layer = layer;
    }
    WITH_TEXT(i)
}

void bp__doc_head(bp__doc *d, bp__message m, ...)
{
    bp__doc_item *i = add(d, BP__DOC_HEAD);
    WITH_TEXT(i)
}

void bp__doc_para(bp__doc *d, bp__message m, ...)
{
    bp__doc_item *i = add(d, BP__DOC_PARA);
    WITH_TEXT(i)
}

void bp__doc_math(bp__doc *d, const char *formula)
{
    bp__doc_item *i = add(d, BP__DOC_MATH);
    if (i)
        i->math = bp__arena_strdup(d->arena, formula);
}

const char *bp__doc_number(bp__doc *d, double x)
{
    char buf[32];
    const char *s = bp__arena_strdup(d->arena, bp__ex_number(buf, x));
    return s ? s : "";
}

const char *bp__doc_printf(bp__doc *d, const char *format, ...)
{
    char buf[600];
    va_list ap;
    va_start(ap, format);
    bp__vsnprintf(buf, sizeof buf, format, ap);
    va_end(ap);
    const char *s = bp__arena_strdup(d->arena, buf);
    return s ? s : "";
}

void bp__doc_numbers(bp__doc *d, size_t rows, size_t cols, const double *v,
                     bp__message m, ...)
{
    bp__doc_item *i = add(d, BP__DOC_NUMBERS);
    WITH_TEXT(i)
    const char **cell = i ? bp__arena_array(d->arena, rows * cols + 1,
                                            sizeof *cell) : NULL;
    if (!cell)
        return;
    i->rows = rows;
    i->cols = cols;
    i->cell = cell;
    for (size_t k = 0; k < rows * cols; k++)
        cell[k] = bp__doc_number(d, v[k]);
}

const char **bp__doc_table(bp__doc *d, size_t rows, size_t cols,
                           const bp__message *head)
{
    bp__doc_item *i = add(d, BP__DOC_TABLE);
    const char **cell = i ? bp__arena_array(d->arena, rows * cols + 1,
                                            sizeof *cell) : NULL;
    if (!cell)
        return NULL;
    i->rows = rows;
    i->cols = cols;
    i->cell = cell;
    for (size_t k = 0; k < cols; k++)
        i->head[k] = head[k];
    return cell;
}

/* ---- pictures --------------------------------------------------------- */

enum { PICTURE_WIDE = 37, LINE_WIDE = 74, PICTURE_HIGH = 37 };

static int smaller(int n, int most)
{
    int factor = (n + most - 1) / most;
    return factor < 1 ? 1 : factor;
}

/* The element of the block that is farthest from 0. */
static double block_value(const double *v, int h, int w, int y, int x, int fy,
                          int fx)
{
    double best = 0;
    for (int i = y * fy; i < (y + 1) * fy && i < h; i++)
        for (int j = x * fx; j < (x + 1) * fx && j < w; j++) {
            double a = v[i * w + j], b = a < 0 ? -a : a;
            if (b > (best < 0 ? -best : best))
                best = a;
        }
    return best;
}

static double largest_of(const double *v, int n)
{
    double m = 0;
    for (int i = 0; i < n; i++) {
        double a = v[i] < 0 ? -v[i] : v[i];
        m = a > m ? a : m;
    }
    return m;
}

void bp__doc_picture(bp__doc *d, int h, int w, const double *v,
                     bp__message m, ...)
{
    bp__doc_item *i = add(d, BP__DOC_PICTURE);
    WITH_TEXT(i)
    int wide = h == 1 ? LINE_WIDE : PICTURE_WIDE;
    int fx = smaller(w, wide), fy = smaller(h, PICTURE_HIGH);
    int pw = (w + fx - 1) / fx, ph = (h + fy - 1) / fy;
    double largest = largest_of(v, h * w);
    int8_t *shade = i ? bp__arena_array(d->arena, (size_t)(pw * ph) + 1,
                                        sizeof *shade) : NULL;
    if (!shade)
        return;
    i->w = pw;
    i->h = ph;
    i->shade = shade;
    for (int k = 0; k < pw * ph && largest > 0; k++) {
        double x = block_value(v, h, w, k / pw, k % pw, fy, fx) / largest;
        shade[k] = (int8_t)(x * 31 + (x < 0 ? -0.5 : 0.5));
    }
}

/* ---- texts ------------------------------------------------------------ */

void bp__doc_fill(bp__str *out, const bp__doc_text *t, bp_language l)
{
    const char *p = bp__message_text(t->message, l);
    for (; p && *p; p++) {
        bool place = p[0] == '{' && p[1] >= '0' && p[1] < '0' + BP__DOC_ARGS &&
                     p[2] == '}';
        if (!place) {
            bp__str_add(out, p, 1);
            continue;
        }
        const char *s = t->arg[p[1] - '0'];
        if (s)
            bp__str_add(out, s, strlen(s));
        p += 2;
    }
}
