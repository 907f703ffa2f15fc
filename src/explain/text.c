/* The document on a terminal. */
#include "explain/doc.h"
#include "explain/explain.h"
#include "explain/math.h"

enum { WIDTH = 78 };

/* ---- columns of UTF-8 -------------------------------------------------- */

static void pad(bp__str *out, int n)
{
    for (; n > 0; n--)
        bp__str_add(out, " ", 1);
}

/* The next piece that is not broken: a word, or one wide character with the
 * punctuation behind it. */
static const char *piece_end(const char *p)
{
    const char *q = p;
    if (bp__is_wide(bp__next_char(&q))) {
        while (*q) {
            const char *r = q;
            uint32_t c = bp__next_char(&r);
            if (c != 0xFF0C && c != 0x3002 && c != 0xFF1A && c != 0xFF1B &&
                c != 0xFF09)
                break;
            q = r;
        }
        return q;
    }
    while (*q && *q != ' ') {
        const char *r = q;
        if (bp__is_wide(bp__next_char(&r)))
            break;
        q = r;
    }
    return q;
}

static void wrap(bp__str *out, const char *p, int indent)
{
    int at = 0;
    pad(out, indent);
    while (*p) {
        const char *start = p;
        while (*p == ' ')
            p++;
        if (!*p)
            break; /* blanks at the end */
        const char *end = piece_end(p);
        int blank = p > start, n = bp__text_columns(p, end);
        if (at && indent + at + blank + n > WIDTH) {
            bp__str_add(out, "\n", 1);
            pad(out, indent);
            at = blank = 0;
        }
        if (at)
            pad(out, blank);
        bp__str_add(out, p, (size_t)(end - p));
        at += (at ? blank : 0) + n;
        p = end;
    }
    bp__str_add(out, "\n", 1);
}

/* ---- items ------------------------------------------------------------ */

/* Formulas between $ become text. */
static void plain(bp__str *out, const bp__doc_text *t, bp_language l)
{
    bp__str s, f;
    bp__str_init(&s, &out->a);
    bp__str_init(&f, &out->a);
    bp__doc_fill(&s, t, l);
    for (const char *p = s.s; p && *p;) {
        const char *end = *p == '$' ? strchr(p + 1, '$') : NULL;
        if (!end) {
            bp__str_add(out, p++, 1);
            continue;
        }
        f.len = 0;
        bp__str_add(&f, p + 1, (size_t)(end - p - 1));
        out->failed |= !f.s || !bp__math_text(out, f.s);
        p = end + 1;
    }
    out->failed |= s.failed || f.failed;
    bp__str_free(&s);
    bp__str_free(&f);
}

static void print_wrapped(bp__str *out, const bp__doc_text *t, bp_language l,
                          int indent)
{
    bp__str s;
    bp__str_init(&s, &out->a);
    plain(&s, t, l);
    if (s.s)
        wrap(out, s.s, indent);
    out->failed |= s.failed;
    bp__str_free(&s);
}

static void print_section(bp__str *out, const bp__doc_item *i, bp_language l)
{
    bp__str s;
    bp__str_init(&s, &out->a);
    plain(&s, &i->text, l);
    bp__str_printf(out, "%s%s\n", out->len ? "\n" : "", s.s ? s.s : "");
    int n = s.s ? bp__text_columns(s.s, s.s + s.len) : 0;
    for (int k = 0; k < n && k < WIDTH; k++)
        bp__str_add(out, "=", 1);
    bp__str_add(out, "\n\n", 2);
    out->failed |= s.failed;
    bp__str_free(&s);
}

static void print_numbers(bp__str *out, const bp__doc_item *i, bp_language l)
{
    enum { CELL = 13 };
    size_t a_line = (WIDTH - 4) / CELL;
    print_wrapped(out, &i->text, l, 2);
    for (size_t r = 0; r < i->rows; r++)
        for (size_t c = 0; c < i->cols; c++) {
            bool last = c + 1 == i->cols || (c + 1) % a_line == 0;
            if (c % a_line == 0)
                bp__str_printf(out, c ? "      " : "    ");
            bp__str_printf(out, "%*s%s", CELL,
                           i->cell[r * i->cols + c], last ? "\n" : "");
        }
}

static void print_picture(bp__str *out, const bp__doc_item *i, bp_language l)
{
    static const char *const up[] = {"░", "▒", "▓", "█"};
    static const char *const down[] = {".", "-", "=", "#"};
    int wide = i->h == 1 ? 1 : 2;
    print_wrapped(out, &i->text, l, 2);
    for (int y = 0; y < i->h; y++) {
        bp__str_printf(out, "    |");
        for (int x = 0; x < i->w; x++) {
            int s = i->shade[y * i->w + x];
            int size = ((s < 0 ? -s : s) + 7) / 8; /* 0 .. 4 */
            const char *c = !size ? " " : s > 0 ? up[size - 1]
                                                : down[size - 1];
            for (int k = 0; k < wide; k++)
                bp__str_add(out, c, strlen(c));
        }
        bp__str_printf(out, "|\n");
    }
}

static void print_table(bp__str *out, const bp__doc_item *i, bp_language l)
{
    int width[BP__DOC_COLUMNS];
    for (size_t c = 0; c < i->cols; c++) {
        const char *h = bp__message_text(i->head[c], l);
        width[c] = bp__text_columns(h, h + strlen(h));
        for (size_t r = 0; r < i->rows; r++) {
            const char *s = i->cell[r * i->cols + c];
            width[c] = BP__MAX(width[c], bp__text_columns(s, s + strlen(s)));
        }
    }
    for (size_t r = 0; r <= i->rows; r++) {
        bp__str_printf(out, "   ");
        for (size_t c = 0; c < i->cols; c++) {
            const char *s = r ? i->cell[(r - 1) * i->cols + c]
                              : bp__message_text(i->head[c], l);
            int blank = width[c] - bp__text_columns(s, s + strlen(s));
            if (c)
                pad(out, blank + 2);
            else
                pad(out, 1);
            bp__str_add(out, s, strlen(s));
            if (!c)
                pad(out, blank);
        }
        bp__str_add(out, "\n", 1);
    }
}

static void print_formula(bp__str *out, const char *formula)
{
    bp__str_printf(out, "      ");
    out->failed |= !bp__math_text(out, formula);
    bp__str_add(out, "\n", 1);
}

static void print_item(bp__str *out, const bp__doc_item *i, bp_language l)
{
    switch (i->kind) {
    case BP__DOC_SECTION:
        print_section(out, i, l);
        return;
    case BP__DOC_HEAD:
        bp__str_add(out, "\n", 1);
        print_wrapped(out, &i->text, l, 0);
        return;
    case BP__DOC_PARA:
        print_wrapped(out, &i->text, l, 2);
        return;
    case BP__DOC_MATH:
        print_formula(out, i->math);
        return;
    case BP__DOC_NUMBERS:
        print_numbers(out, i, l);
        return;
    case BP__DOC_PICTURE:
        print_picture(out, i, l);
        return;
    case BP__DOC_TABLE:
        print_table(out, i, l);
        return;
    }
}

bp_status bp_explain_text(const bp_explain *e, bp_language l,
                          bp_write_fn write, void *user)
{
    bp__str out;
    bool legend = false;
    if (!e || !bp_language_name(l))
        return BP_EARG;
    bp__str_init(&out, &e->a);
    for (size_t i = 0; i < e->doc->n; i++) {
        const bp__doc_item *item = &e->doc->item[i];
        if (item->kind == BP__DOC_PICTURE && !legend) {
            bp__doc_text t = {.message = BP__MSG_LEGEND_TEXT};
            print_wrapped(&out, &t, l, 2);
            legend = true;
        }
        print_item(&out, item, l);
    }
    bp_status st = out.failed ? BP_ENOMEM : BP_OK;
    if (!st && write(user, out.s, out.len))
        st = BP_EIO;
    bp__str_free(&out);
    return st;
}
