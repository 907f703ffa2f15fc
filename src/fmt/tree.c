/* The tree: making, finding, reading; no YAML text but what a quoted value
 * looks like. */
#include "fmt/tree.h"

bp__ynode *bp__yaml_new(bp__arena *a, bp__ykind kind, bp__place at)
{
    bp__ynode *n = bp__arena_alloc(a, sizeof *n);
    if (n) {
        n->kind = kind;
        n->at = at;
        n->text = "";
    }
    return n;
}

bp__ynode *bp__yaml_scalar(bp__arena *a, bp__place at, bool plain,
                           const char *text)
{
    bp__ynode *n = bp__yaml_new(a, BP__Y_SCALAR, at);
    if (!n)
        return NULL;
    n->plain = plain;
    n->text = bp__arena_strdup(a, text);
    return n->text ? n : NULL;
}

void bp__yaml_append(bp__ynode *parent, const char *key, bp__place key_at,
                     bp__ynode *child)
{
    if (!parent || !child)
        return;
    child->key = key;
    child->key_at = key_at;
    child->next = NULL;
    if (parent->last)
        parent->last->next = child;
    else
        parent->child = child;
    parent->last = child;
    parent->n++;
}

bp__ynode *bp__yaml_get(const bp__ynode *map, const char *key)
{
    if (!map || map->kind != BP__Y_MAP)
        return NULL;
    for (bp__ynode *c = map->child; c; c = c->next)
        if (!strcmp(c->key, key))
            return c;
    return NULL;
}

/* The depth of a tree is limited where it is built, so this recursion is. */
bp__ynode *bp__yaml_copy_limited(bp__arena *a, const bp__ynode *n,
                                 size_t *left)
{
    if (!*left)
        return NULL;
    --*left;
    bp__ynode *c = bp__yaml_new(a, n->kind, n->at);
    if (!c)
        return NULL;
    c->plain = n->plain;
    c->text = n->text;
    for (const bp__ynode *k = n->child; k; k = k->next) {
        bp__ynode *ck = bp__yaml_copy_limited(a, k, left);
        if (!ck)
            return NULL;
        bp__yaml_append(c, k->key, k->key_at, ck);
    }
    return c;
}

bp__ynode *bp__yaml_copy(bp__arena *a, const bp__ynode *n)
{
    size_t left = SIZE_MAX;
    return bp__yaml_copy_limited(a, n, &left);
}

bool bp__yaml_is_null(const bp__ynode *n)
{
    return n->kind == BP__Y_SCALAR && n->plain &&
           (!n->text[0] || !strcmp(n->text, "~") || !strcmp(n->text, "null"));
}

const char *bp__yaml_what(const bp__ynode *n, char *buf)
{
    if (n->kind == BP__Y_LIST)
        bp__snprintf(buf, 120, "a list of %zu", n->n);
    else if (n->kind == BP__Y_MAP)
        bp__snprintf(buf, 120, "a map%s%s", n->n ? " with key " : "",
                     n->n ? n->child->key : "");
    else if (bp__yaml_is_null(n))
        bp__snprintf(buf, 120, "nothing");
    else
        bp__snprintf(buf, 120, n->plain ? "%.60s%s" : "\"%.60s%s\"", n->text,
                     strlen(n->text) > 60 ? "..." : "");
    return buf;
}

/* ---- values in words --------------------------------------------------- */

/* Words between commas, up to the closing bracket. */
static void add_words(bp__arena *a, bp__ynode *list, const char *text)
{
    while (*text && *text != ']') {
        size_t n = strcspn(text, ",]");
        const char *word = bp__arena_printf(a, "%.*s", (int)n, text);
        if (word)
            bp__yaml_append(list, NULL, list->at,
                            bp__yaml_scalar(a, list->at, true, word));
        text += n;
        text += strspn(text, ", ");
    }
}

bp__ynode *bp__yaml_value(bp__arena *a, bp__place at, const char *text)
{
    if (*text == '{')
        return bp__yaml_new(a, BP__Y_MAP, at);
    if (*text != '[')
        return bp__yaml_scalar(a, at, true, text);
    bp__ynode *list = bp__yaml_new(a, BP__Y_LIST, at);
    if (list)
        add_words(a, list, text + 1);
    return list;
}

/* ---- reading --------------------------------------------------------- */

int64_t bp__yaml_int(const bp__ynode *n)
{
    int64_t i = 0;
    return n && bp__parse_int64(n->text, &i) ? i : 0;
}

double bp__yaml_number(const bp__ynode *n)
{
    double x = 0;
    return n && bp__parse_double(n->text, &x) ? x : 0;
}

bool bp__yaml_bool(const bp__ynode *n)
{
    return n && !strcmp(n->text, "true");
}

const char *bp__yaml_text(const bp__ynode *n)
{
    return n && n->kind == BP__Y_SCALAR ? n->text : NULL;
}

bp__ynode *bp__yaml_at(const bp__ynode *n, const char *path)
{
    while (n && *path) {
        size_t len = strcspn(path, ".");
        const bp__ynode *c = n->kind == BP__Y_MAP ? n->child : NULL;
        while (c && (strlen(c->key) != len || strncmp(c->key, path, len)))
            c = c->next;
        n = c;
        path += len + (path[len] == '.');
    }
    return (bp__ynode *)n;
}

/* ---- quoting ----------------------------------------------------------- */

/* What YAML refuses, or takes for the end of a line. */
static bool needs_escape(uint32_t c)
{
    return c && (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 ||
                 c == 0x2029 || c == 0xfeff || c == 0xfffe || c == 0xffff);
}

void bp__yaml_quote(bp__str *out, const char *s)
{
    const char *end = s + strlen(s);
    bp__str_add(out, "\"", 1);
    while (s < end) {
        int n = bp__utf8_length(s, end);
        const char *p = s;
        uint32_t c = n ? bp__next_char(&p) : 0; /* 0: it is no UTF-8 */
        if (c == '"' || c == '\\')
            bp__str_printf(out, "\\%c", (int)c);
        else if (needs_escape(c))
            bp__str_printf(out, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
        else
            bp__str_add(out, s, n ? (size_t)n : 1);
        s += n ? n : 1;
    }
    bp__str_add(out, "\"", 1);
}
