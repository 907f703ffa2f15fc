/* Formulas: filling places, printing. */
#include "explain/math.h"

/* ---- places ----------------------------------------------------------- */

static const char *closing(const char *p)
{
    int depth = 0;
    for (; *p; p++) {
        depth += (*p == '{') - (*p == '}');
        if (!depth)
            return p;
    }
    return NULL;
}

static bool name_is(const char *name, const char *p, size_t n)
{
    return strlen(name) == n && !strncmp(name, p, n);
}

/* name{...} and !name{...}: what is inside, or nothing. */
static const char *expand_if(bp__str *out, const char *p,
                             const bp__math_place *at, bool *ok)
{
    bool unless = *p == '!', has = false;
    p += unless;
    const char *open = strchr(p, '{');
    const char *end = open ? closing(open) : NULL;
    if (!end) {
        *ok = false;
        return p + strlen(p);
    }
    for (size_t i = 0; i < at->n_has; i++)
        has |= name_is(at->has[i], p, (size_t)(open - p));
    if (has != unless) {
        bp__str inner;
        bp__str_init(&inner, &out->a);
        bp__str_add(&inner, open + 1, (size_t)(end - open - 1));
        *ok &= inner.s && bp__math_expand(out, inner.s, at);
        out->failed |= inner.failed;
        bp__str_free(&inner);
    }
    return end + 1;
}

static void expand_list(bp__str *out, char symbol, const char *between,
                        const bp__math_place *at)
{
    for (size_t i = 0; i < at->n_from; i++)
        if (i)
            bp__str_printf(out, "%s%c^{(%s)}", between, symbol, at->from[i]);
        else
            bp__str_printf(out, "^{(%s)}", at->from[i]);
}

bool bp__math_expand(bp__str *out, const char *f, const bp__math_place *at)
{
    bool ok = true;
    for (const char *p = f; *p;) {
        if (*p == '?') {
            p = expand_if(out, p + 1, at, &ok);
        } else if (*p != '@') {
            bp__str_add(out, p++, 1);
        } else if (p[1] == '-') {
            bp__str_printf(out, "^{(%s)}", at->n_from ? at->from[0] : "0");
            p += 2;
        } else if ((p[1] == '&' || p[1] == ';') && p > f) {
            expand_list(out, p[-1], p[1] == '&' ? " + " : ", ", at);
            p += 2;
        } else {
            bp__str_printf(out, "^{(%s)}", at->layer);
            p++;
        }
    }
    return ok && !out->failed;
}

/* ---- reading ---------------------------------------------------------- */

static size_t char_bytes(const char *p)
{
    size_t n = 1;
    while (((unsigned char)p[n] & 0xC0) == 0x80)
        n++;
    return n;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes of a word, a number or one character at p. */
static size_t token_bytes(const char *p)
{
    size_t n = 0;
    if (is_letter(*p)) {
        while (is_letter(p[n]))
            n++;
        return n;
    }
    if (is_digit(*p)) {
        while (is_digit(p[n]) || (p[n] == '.' && is_digit(p[n + 1])))
            n++;
        return n;
    }
    return *p ? char_bytes(p) : 0;
}

/* What a script or an argument holds: {...}, or one token. */
static const char *group(const char *p, const char **from, size_t *n)
{
    if (*p != '{') {
        *from = p;
        *n = token_bytes(p);
        return *n ? p + *n : NULL;
    }
    const char *end = closing(p);
    *from = p + 1;
    *n = end ? (size_t)(end - p - 1) : 0;
    return end ? end + 1 : NULL;
}

static bool starts(const char *p, const char *end, const char *word)
{
    size_t n = strlen(word);
    return (size_t)(end - p) >= n && !strncmp(p, word, n);
}

/* ---- text ------------------------------------------------------------- */

static bool text_row(bp__str *out, const char *p, const char *end);

/* Needs parentheses beside a fraction bar or below a root. */
static bool compound(const char *p, size_t n)
{
    int depth = 0;
    for (size_t i = 0; i < n; i++) {
        depth += (p[i] == '{' || p[i] == '(') - (p[i] == '}' || p[i] == ')');
        if (!depth && p[i] == ' ')
            return true;
    }
    return false;
}

static bool text_group(bp__str *out, const char *p, size_t n, bool wrap)
{
    if (wrap)
        bp__str_add(out, "(", 1);
    bool ok = text_row(out, p, p + n);
    if (wrap)
        bp__str_add(out, ")", 1);
    return ok;
}

static const char *text_script(bp__str *out, const char *p, bool *ok)
{
    const char *at;
    size_t n;
    bool up = *p == '^';
    bool braces = p[1] == '{';
    const char *next = group(p + 1, &at, &n);
    if (!next) {
        *ok = false;
        return p + 1;
    }
    if (up && n && *at == '(') {
        *ok &= text_row(out, at, at + n);
    } else if (up && n == 1 && *at == '2') {
        bp__str_add(out, "²", strlen("²"));
    } else if (up) {
        bp__str_add(out, "^", 1);
        *ok &= text_group(out, at, n, n > 1 && braces);
    } else {
        bp__str_add(out, braces ? "[" : "_", 1);
        *ok &= text_row(out, at, at + n);
        if (braces)
            bp__str_add(out, "]", 1);
    }
    return next;
}

static const char *text_frac(bp__str *out, const char *p, bool *ok)
{
    const char *a, *b;
    size_t n, m;
    p = group(p, &a, &n);
    p = p ? group(p, &b, &m) : NULL;
    if (!p) {
        *ok = false;
        return NULL;
    }
    *ok &= text_group(out, a, n, compound(a, n));
    bp__str_add(out, "/", 1);
    *ok &= text_group(out, b, m, compound(b, m));
    return p;
}

static bool text_row(bp__str *out, const char *p, const char *end)
{
    bool ok = true;
    while (p && p < end && ok) {
        if (starts(p, end, "frac{")) {
            p = text_frac(out, p + 4, &ok);
        } else if (starts(p, end, "sqrt{")) {
            const char *a;
            size_t n;
            p = group(p + 4, &a, &n);
            ok = p != NULL;
            bp__str_add(out, "√", strlen("√"));
            ok = ok && text_group(out, a, n, n > 1);
        } else if (*p == '^' || *p == '_') {
            p = text_script(out, p, &ok);
        } else if (*p == '{' || *p == '}') {
            ok = false;
        } else {
            size_t n = token_bytes(p);
            bp__str_add(out, p, n);
            p += n;
        }
    }
    return ok && !out->failed;
}

bool bp__math_text(bp__str *out, const char *formula)
{
    return text_row(out, formula, formula + strlen(formula));
}

/* ---- MathML ----------------------------------------------------------- */

void bp__html_escape(bp__str *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        switch (s[i]) {
        case '&':
            bp__str_add(out, "&amp;", 5);
            break;
        case '<':
            bp__str_add(out, "&lt;", 4);
            break;
        case '>':
            bp__str_add(out, "&gt;", 4);
            break;
        case '"':
            bp__str_add(out, "&quot;", 6);
            break;
        default:
            bp__str_add(out, s + i, 1);
        }
}

static bool html_row(bp__str *out, const char *p, const char *end);

static bool html_group(bp__str *out, const char *p, size_t n)
{
    bp__str_printf(out, "<mrow>");
    bool ok = html_row(out, p, p + n);
    bp__str_printf(out, "</mrow>");
    return ok;
}

static void html_token(bp__str *out, const char *p, size_t n)
{
    static const char *const greek[] = {"α", "β", "γ", "δ", "ε", "η", "λ", "μ",
                                        "ρ", "σ", "φ", "Φ", "∂"};
    const char *tag = is_letter(*p) ? "mi" : is_digit(*p) ? "mn" : "mo";
    for (size_t i = 0; i < BP__ARRAY_LEN(greek); i++)
        if (name_is(greek[i], p, n))
            tag = "mi";
    bool fence = *p == '(' || *p == ')' || *p == '|';
    bp__str_printf(out, "<%s%s>", tag, fence ? " stretchy=\"false\"" : "");
    bp__html_escape(out, p, n);
    bp__str_printf(out, "</%s>", tag);
}

/* One thing that scripts may follow. */
static const char *html_atom(bp__str *out, const char *p, const char *end,
                             bool *ok)
{
    const char *a, *b;
    size_t n, m;
    if (starts(p, end, "frac{")) {
        p = group(p + 4, &a, &n);
        p = p ? group(p, &b, &m) : NULL;
        if (!p)
            return NULL;
        bp__str_printf(out, "<mfrac>");
        *ok &= html_group(out, a, n);
        *ok &= html_group(out, b, m);
        bp__str_printf(out, "</mfrac>");
        return p;
    }
    if (starts(p, end, "sqrt{")) {
        p = group(p + 4, &a, &n);
        if (!p)
            return NULL;
        bp__str_printf(out, "<msqrt>");
        *ok &= html_row(out, a, a + n);
        bp__str_printf(out, "</msqrt>");
        return p;
    }
    if (*p == '{' || *p == '}')
        return NULL;
    n = token_bytes(p);
    html_token(out, p, n);
    return p + n;
}

static void html_scripts(bp__str *out, const char *atom, size_t atom_bytes,
                         const char *up, size_t n_up, const char *down,
                         size_t n_down, bool *ok)
{
    const char *tag = up && down ? "msubsup" : up ? "msup" : "msub";
    bp__str_printf(out, "<%s>", tag);
    bp__str_add(out, atom, atom_bytes);
    if (down)
        *ok &= html_group(out, down, n_down);
    if (up)
        *ok &= html_group(out, up, n_up);
    bp__str_printf(out, "</%s>", tag);
}

static const char *html_item(bp__str *out, const char *p, const char *end,
                             bool *ok)
{
    const char *up = NULL, *down = NULL;
    size_t n_up = 0, n_down = 0;
    bp__str atom;
    bp__str_init(&atom, &out->a);
    p = html_atom(&atom, p, end, ok);
    while (p && p < end && (*p == '^' || *p == '_') && atom.s) {
        bool is_up = *p == '^';
        p = is_up ? group(p + 1, &up, &n_up) : group(p + 1, &down, &n_down);
    }
    if (!p || !atom.s)
        *ok = false;
    else if (up || down)
        html_scripts(out, atom.s, atom.len, up, n_up, down, n_down, ok);
    else
        bp__str_add(out, atom.s, atom.len);
    out->failed |= atom.failed;
    bp__str_free(&atom);
    return p;
}

static bool html_row(bp__str *out, const char *p, const char *end)
{
    bool ok = true;
    while (p && p < end && ok) {
        if (*p == ' ') {
            bp__str_printf(out, "<mspace width=\"0.22em\"/>");
            p++;
        } else if (*p == '^' || *p == '_') {
            ok = false; /* on nothing */
        } else {
            p = html_item(out, p, end, &ok);
        }
    }
    return ok && !out->failed;
}

bool bp__math_html(bp__str *out, const char *formula)
{
    bp__str text;
    bp__str_init(&text, &out->a);
    bool ok = bp__math_text(&text, formula);
    bp__str_printf(out, "<math alttext=\"");
    if (text.s)
        bp__html_escape(out, text.s, text.len);
    bp__str_printf(out, "\">");
    ok = ok && html_row(out, formula, formula + strlen(formula));
    bp__str_printf(out, "</math>");
    out->failed |= text.failed;
    bp__str_free(&text);
    return ok && !out->failed;
}
