/* The document as one self-contained page. */
#include "explain/doc.h"
#include "explain/draw.h"
#include "explain/explain.h"
#include "explain/math.h"
#include "explain/page.h"

/* Text with formulas between $ and commands between `. */
static void rich(bp__str *out, const char *p)
{
    while (*p) {
        const char *end = *p == '$' || *p == '`' ? strchr(p + 1, *p) : NULL;
        if (!end) {
            bp__html_escape(out, p++, 1);
            continue;
        }
        bp__str inner;
        bp__str_init(&inner, &out->a);
        bp__str_add(&inner, p + 1, (size_t)(end - p - 1));
        if (!inner.s) {
            out->failed = true;
        } else if (*p == '$') {
            out->failed |= !bp__math_html(out, inner.s);
        } else {
            bp__str_printf(out, "<code>");
            bp__html_escape(out, inner.s, inner.len);
            bp__str_printf(out, "</code>");
        }
        out->failed |= inner.failed;
        bp__str_free(&inner);
        p = end + 1;
    }
}

static void in_language(bp__str *out, const bp__doc_text *t, bp_language l)
{
    bp__str s;
    bp__str_init(&s, &out->a);
    bp__doc_fill(&s, t, l);
    bp__str_printf(out, "<span class=\"%s\" lang=\"%s\">",
                   bp_language_name(l), bp_language_name(l));
    if (s.s)
        rich(out, s.s);
    bp__str_printf(out, "</span>");
    out->failed |= s.failed;
    bp__str_free(&s);
}

/* In every language; the style shows one. */
static void both(bp__str *out, const bp__doc_text *t)
{
    for (int l = 0; l < BP_N_LANGUAGES; l++)
        in_language(out, t, (bp_language)l);
}

static void message(bp__str *out, bp__message m)
{
    bp__doc_text t = {.message = m};
    both(out, &t);
}

static void tagged(bp__str *out, const char *tag, const bp__doc_text *t)
{
    bp__str_printf(out, "<%s>", tag);
    both(out, t);
    bp__str_printf(out, "</%s>\n", tag);
}

static void put_numbers(bp__str *out, const bp__doc_item *i)
{
    tagged(out, "p", &i->text);
    bp__str_printf(out, "<div class=\"scroll\"><table class=\"nums\">");
    /* A long vector goes on in the next row, as in a terminal. */
    size_t a_row = i->rows == 1 ? 8 : i->cols;
    for (size_t r = 0; r < i->rows; r++)
        for (size_t c = 0; c < i->cols; c++) {
            if (c % a_row == 0)
                bp__str_printf(out, "<tr>");
            bp__str_printf(out, "<td>%s</td>%s", i->cell[r * i->cols + c],
                           c + 1 == i->cols || (c + 1) % a_row == 0
                               ? "</tr>" : "");
        }
    bp__str_printf(out, "</table></div>\n");
}

static void put_picture(bp__str *out, const bp__doc_item *i)
{
    int scale = i->h == 1 ? 8 : 9;
    tagged(out, "p", &i->text);
    bp__str_printf(out, "<canvas width=\"%d\" height=\"%d\" style=\"width:"
                   "%dpx%s\" data-s=\"", i->w, i->h, i->w * scale,
                   i->h == 1 ? ";height:18px" : "");
    for (int k = 0; k < i->w * i->h; k++) {
        char c = (char)(79 + i->shade[k]);
        bp__html_escape(out, &c, 1);
    }
    bp__str_printf(out, "\"></canvas>\n");
}

static void put_table(bp__str *out, const bp__doc_item *i)
{
    bp__str_printf(out, "<div class=\"scroll\"><table><tr>");
    for (size_t c = 0; c < i->cols; c++) {
        bp__str_printf(out, "<th>");
        message(out, i->head[c]);
        bp__str_printf(out, "</th>");
    }
    bp__str_printf(out, "</tr>\n");
    for (size_t r = 0; r < i->rows; r++) {
        bp__str_printf(out, "<tr>");
        for (size_t c = 0; c < i->cols; c++) {
            const char *s = i->cell[r * i->cols + c];
            bp__str_printf(out, c ? "<td>" : "<td class=\"name\">");
            bp__html_escape(out, s, strlen(s));
            bp__str_printf(out, "</td>");
        }
        bp__str_printf(out, "</tr>\n");
    }
    bp__str_printf(out, "</table></div>\n");
}

static void put_item(bp__str *out, const bp__doc_item *i, bool first)
{
    switch (i->kind) {
    case BP__DOC_SECTION:
        bp__str_printf(out, "%s<section data-phase=\"%d\" data-layer=\"%d\">"
                       "\n", first ? "" : "</section>\n", (int)i->phase,
                       i->layer);
        tagged(out, "h2", &i->text);
        return;
    case BP__DOC_HEAD:
        tagged(out, "h3", &i->text);
        return;
    case BP__DOC_PARA:
        tagged(out, "p", &i->text);
        return;
    case BP__DOC_MATH:
        bp__str_printf(out, "<div class=\"f\">");
        out->failed |= !bp__math_html(out, i->math);
        bp__str_printf(out, "</div>\n");
        return;
    case BP__DOC_NUMBERS:
        put_numbers(out, i);
        return;
    case BP__DOC_PICTURE:
        put_picture(out, i);
        return;
    case BP__DOC_TABLE:
        put_table(out, i);
        return;
    }
}

static void put_top(bp__str *out, const bp_explain *e, bp_language l)
{
    const char *name = bp_language_name(l);
    bp__str_printf(out, "<!DOCTYPE html>\n<html lang=\"%s\" data-lang=\"%s\">"
                   "<head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                   "content=\"width=device-width,initial-scale=1\"><title>",
                   name, name);
    bp__html_escape(out, e->o.title, strlen(e->o.title));
    bp__str_printf(out, "</title><style>");
    bp__str_add(out, bp__page_style, strlen(bp__page_style));
    bp__str_printf(out, "</style></head><body>\n<header><h1>");
    bp__html_escape(out, e->o.title, strlen(e->o.title));
    bp__str_printf(out, "</h1><button id=\"lang\">");
    message(out, BP__MSG_PAGE_LANGUAGE);
    bp__str_printf(out, "</button></header>\n");
    if (e->layers.n) {
        bp__str_printf(out, "<div class=\"net\">");
        bp__ex_draw(out, e);
        bp__str_printf(out, "</div>\n");
    }
    bp__str_printf(out, "<nav><div><button id=\"back\">");
    message(out, BP__MSG_PAGE_PREVIOUS);
    bp__str_printf(out, "</button><input id=\"at\" type=\"range\" min=\"0\" "
                   "value=\"0\" aria-label=\"%s\"><button id=\"next\">",
                   bp__message_text(BP__MSG_PAGE_SLIDER, l));
    message(out, BP__MSG_PAGE_NEXT);
    bp__str_printf(out, "</button><span class=\"at\" id=\"n\"></span></div>"
                   "</nav>\n<main>\n");
}

bp_status bp_explain_html(const bp_explain *e, bp_language l,
                          bp_write_fn write, void *user)
{
    bp__str out;
    bool legend = false;
    if (!e || !bp_language_name(l))
        return BP_EARG;
    bp__str_init(&out, &e->a);
    put_top(&out, e, l);
    for (size_t i = 0; i < e->doc->n; i++) {
        const bp__doc_item *item = &e->doc->item[i];
        if (item->kind == BP__DOC_PICTURE && !legend) {
            bp__str_printf(&out, "<p class=\"legend\">");
            message(&out, BP__MSG_LEGEND_PAGE);
            bp__str_printf(&out, "</p>\n");
            legend = true;
        }
        put_item(&out, item, i == 0);
    }
    bp__str_printf(&out, "</section>\n</main>\n<script>");
    bp__str_add(&out, bp__page_script, strlen(bp__page_script));
    bp__str_printf(&out, "</script></body></html>\n");
    bp_status st = out.failed ? BP_ENOMEM : BP_OK;
    if (!st && write(user, out.s, out.len))
        st = BP_EIO;
    bp__str_free(&out);
    return st;
}
