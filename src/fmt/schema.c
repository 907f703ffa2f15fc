/* The checker: one function for each type of value, and the walk over a map.
 */
#include "fmt/schema.h"

static bp__ynode *schema_bad(bp__scheck *c, const char *path,
                             const bp__ynode *n, const char *expected)
{
    char what[120];
    bp__diag_add(c->d, n->at, "%s: expected %s, got %s", path, expected,
                 bp__yaml_what(n, what));
    return NULL;
}

static const char *sub_path(bp__scheck *c, const char *path, const char *key)
{
    const char *p = *path ? bp__arena_printf(c->d->arena, "%s.%s", path, key)
                          : key;
    return p ? p : key;
}

static bp__ynode *schema_scalar(bp__scheck *c, const bp__ynode *raw, bool plain,
                                const char *text)
{
    return bp__yaml_scalar(c->d->arena, raw->at, plain, text);
}

/* ---- numbers --------------------------------------------------------- */

/* "a whole number from 1 to 64", "a number above 0". */
static const char *number_words(bp__scheck *c, const bp__skey *k, bool whole)
{
    char buf[200];
    bp__skey one = *k;
    one.type = whole ? BP__S_INT : BP__S_NUMBER;
    const char *s =
        bp__arena_strdup(c->d->arena, bp__schema_expects(&one, buf));
    return s ? s : "a number";
}

static bool number_fits(const bp__skey *k, double x)
{
    if (!(x - x == 0))
        return false;
    if (k->min == k->max)
        return true;
    return (k->above_min ? x > k->min : x >= k->min) &&
           (k->below_max ? x < k->max : x <= k->max);
}

static bp__ynode *schema_int(bp__scheck *c, const char *path,
                             const bp__skey *k, const bp__ynode *raw)
{
    int64_t i;
    char text[32];
    if (raw->kind != BP__Y_SCALAR || !raw->plain ||
        !bp__parse_int64(raw->text, &i) || !number_fits(k, (double)i))
        return schema_bad(c, path, raw, number_words(c, k, true));
    bp__snprintf(text, sizeof text, "%lld", (long long)i);
    return schema_scalar(c, raw, true, text);
}

static bp__ynode *schema_number(bp__scheck *c, const char *path,
                                const bp__skey *k, const bp__ynode *raw)
{
    double x;
    char text[32];
    if (raw->kind != BP__Y_SCALAR || !raw->plain ||
        !bp__parse_double(raw->text, &x) || !number_fits(k, x))
        return schema_bad(c, path, raw, number_words(c, k, false));
    bp__format_double(text, x);
    return schema_scalar(c, raw, true, text);
}

static bp__ynode *schema_bool(bp__scheck *c, const char *path,
                              const bp__ynode *raw)
{
    if (raw->kind != BP__Y_SCALAR || !raw->plain ||
        (strcmp(raw->text, "true") && strcmp(raw->text, "false")))
        return schema_bad(c, path, raw, "true or false");
    return schema_scalar(c, raw, true, raw->text);
}

/* ---- words ----------------------------------------------------------- */

/* "a, b or c" */
static const char *word_list(bp__scheck *c, const char *const *w, size_t n)
{
    bp__str s;
    bp__str_init(&s, &c->d->arena->a);
    for (size_t i = 0; i < n; i++)
        bp__str_printf(&s, "%s%s", !i ? "" : i + 1 == n ? " or " : ", ", w[i]);
    const char *text =
        s.failed || !s.s ? "" : bp__arena_strdup(c->d->arena, s.s);
    bp__str_free(&s);
    return text ? text : "";
}

static bp__ynode *schema_word(bp__scheck *c, const char *path,
                              const bp__skey *k, const bp__ynode *raw)
{
    if (raw->kind == BP__Y_SCALAR)
        for (size_t i = 0; i < k->n_words; i++)
            if (!strcmp(raw->text, k->words[i]))
                return schema_scalar(c, raw, true, raw->text);
    char buf[BP__NEAR_BYTES];
    const char *near = NULL;
    if (raw->kind == BP__Y_SCALAR)
        near = bp__near_text(raw->text, k->words, k->n_words, "' or '", buf);
    if (near)
        bp__diag_add(c->d, raw->at, "%s: unknown name '%s' (did you mean "
                     "'%s'?)", path, raw->text, near);
    else
        schema_bad(c, path, raw, word_list(c, k->words, k->n_words));
    return NULL;
}

static bp__ynode *schema_word_or_int(bp__scheck *c, const char *path,
                                     const bp__skey *k, const bp__ynode *raw)
{
    int64_t i;
    if (raw->kind == BP__Y_SCALAR && raw->plain &&
        bp__parse_int64(raw->text, &i) && number_fits(k, (double)i))
        return schema_int(c, path, k, raw);
    for (size_t w = 0; w < k->n_words && raw->kind == BP__Y_SCALAR; w++)
        if (!strcmp(raw->text, k->words[w]))
            return schema_scalar(c, raw, true, raw->text);
    const char *expected = bp__arena_printf(
        c->d->arena, "%s, or %s", word_list(c, k->words, k->n_words),
        number_words(c, k, true));
    return schema_bad(c, path, raw, expected ? expected : "another value");
}

static bp__ynode *schema_text(bp__scheck *c, const char *path,
                              const bp__ynode *raw)
{
    if (raw->kind != BP__Y_SCALAR || !raw->text[0] || bp__yaml_is_null(raw))
        return schema_bad(c, path, raw, "a text");
    return schema_scalar(c, raw, false, raw->text);
}

/* ---- lists ----------------------------------------------------------- */

static bool list_fits(bp__scheck *c, const char *path, const bp__skey *k,
                      const bp__ynode *raw, const char *noun)
{
    char expected[80];
    bool length = k->n_min || k->n_max;
    if (raw->kind == BP__Y_LIST &&
        (!length || ((int)raw->n >= k->n_min && (int)raw->n <= k->n_max)))
        return true;
    if (!length)
        bp__snprintf(expected, sizeof expected, "a list of %s", noun);
    else if (k->n_min == k->n_max)
        bp__snprintf(expected, sizeof expected, "a list of %d %s", k->n_min,
                     noun);
    else
        bp__snprintf(expected, sizeof expected, "a list of %d to %d %s",
                     k->n_min, k->n_max, noun);
    schema_bad(c, path, raw, expected);
    return false;
}

static bp__ynode *schema_list(bp__scheck *c, const char *path,
                              const bp__skey *k, bp__stype item,
                              const char *noun, const bp__ynode *raw)
{
    if (!list_fits(c, path, k, raw, noun))
        return NULL;
    bp__ynode *out = bp__yaml_new(c->d->arena, BP__Y_LIST, raw->at);
    bp__skey one = *k;
    one.type = item;
    for (bp__ynode *n = raw->child; n; n = n->next)
        bp__yaml_append(out, NULL, n->at, bp__schema_value(c, path, &one, n));
    return out;
}

/* One value where a list is wanted counts as a list of one. */
static bp__ynode *schema_list_or_one(bp__scheck *c, const char *path,
                                     const bp__skey *k, bp__stype item,
                                     const char *noun, bp__ynode *raw)
{
    if (raw->kind != BP__Y_SCALAR || bp__yaml_is_null(raw))
        return schema_list(c, path, k, item, noun, raw);
    bp__ynode *out = bp__yaml_new(c->d->arena, BP__Y_LIST, raw->at);
    bp__skey one = *k;
    one.type = item;
    bp__yaml_append(out, NULL, raw->at, bp__schema_value(c, path, &one, raw));
    return out;
}

bp__ynode *bp__schema_value(bp__scheck *c, const char *path, const bp__skey *k,
                            bp__ynode *raw)
{
    switch (k->type) {
    case BP__S_INT:
        return schema_int(c, path, k, raw);
    case BP__S_NUMBER:
        return schema_number(c, path, k, raw);
    case BP__S_BOOL:
        return schema_bool(c, path, raw);
    case BP__S_TEXT:
        return schema_text(c, path, raw);
    case BP__S_WORD:
        return schema_word(c, path, k, raw);
    case BP__S_WORD_OR_INT:
        return schema_word_or_int(c, path, k, raw);
    case BP__S_INTS:
        return schema_list(c, path, k, BP__S_INT, "whole numbers", raw);
    case BP__S_INT_OR_INTS:
        if (raw->kind == BP__Y_LIST)
            return schema_list(c, path, k, BP__S_INT, "whole numbers", raw);
        return schema_int(c, path, k, raw);
    case BP__S_NUMBERS:
        return schema_list(c, path, k, BP__S_NUMBER, "numbers", raw);
    case BP__S_TEXTS:
        return schema_list_or_one(c, path, k, BP__S_TEXT, "texts", raw);
    case BP__S_WORDS:
        return schema_list_or_one(c, path, k, BP__S_WORD, "names", raw);
    case BP__S_MAP:
        return bp__schema_map(c, path, k, raw);
    case BP__S_CUSTOM:
        return k->custom(c, path, raw);
    }
    return NULL;
}

/* ---- maps ------------------------------------------------------------ */

static void unknown_key(bp__scheck *c, const char *path, const bp__skey *map,
                        const bp__ynode *member)
{
    const char *names[64];
    size_t count = 0;
    for (const bp__skey *k; count < 64 && (k = bp__schema_key(map, count));)
        names[count++] = k->name;
    char buf[BP__NEAR_BYTES];
    const char *near = bp__near_text(member->key, names, count, "' or '", buf);
    const char *in = *path ? " in " : "";
    if (near)
        bp__diag_add(c->d, member->key_at, "unknown key '%s'%s%s (did you mean "
                     "'%s'?)", member->key, in, path, near);
    else
        bp__diag_add(c->d, member->key_at, "unknown key '%s'%s%s; expected %s",
                     member->key, in, path, word_list(c, names, count));
}

static bp__ynode *fallback_value(bp__scheck *c, const char *path,
                                 const bp__skey *k, const bp__ynode *map)
{
    bp__ynode *n = bp__yaml_value(c->d->arena, map->at, k->fallback);
    return n ? bp__schema_value(c, path, k, n) : NULL;
}

const bp__skey *bp__schema_key(const bp__skey *map, size_t i)
{
    if (map->key_at)
        return map->key_at(i);
    return i < map->n_keys ? &map->keys[i] : NULL;
}

static bool is_key(const bp__skey *map, const char *name)
{
    const bp__skey *k;
    for (size_t i = 0; (k = bp__schema_key(map, i)); i++)
        if (!strcmp(name, k->name))
            return true;
    return false;
}

bp__ynode *bp__schema_map(bp__scheck *c, const char *path, const bp__skey *map,
                          bp__ynode *raw)
{
    bp__place at = raw->at;
    if (bp__yaml_is_null(raw)) { /* "dense:" and nothing after it */
        raw = bp__yaml_new(c->d->arena, BP__Y_MAP, at);
        if (!raw)
            return NULL;
    }
    if (raw->kind != BP__Y_MAP)
        return schema_bad(c, *path ? path : "the file", raw,
                          "a map of keys and values");
    bp__ynode *out = bp__yaml_new(c->d->arena, BP__Y_MAP, at);
    for (bp__ynode *m = raw->child; m; m = m->next)
        if (!is_key(map, m->key))
            unknown_key(c, path, map, m);
    const bp__skey *k;
    for (size_t i = 0; (k = bp__schema_key(map, i)); i++) {
        bp__ynode *m = bp__yaml_get(raw, k->name), *v = NULL;
        const char *sub = sub_path(c, path, k->name);
        if (m && k->fallback && bp__yaml_is_null(m) && k->type != BP__S_MAP)
            m = NULL; /* "key: null" stands for the default */
        if (m)
            v = bp__schema_value(c, sub, k, m);
        else if (!k->fallback)
            bp__diag_add(c->d, at, "%s needs key '%s'",
                         *path ? path : "the file", k->name);
        else if (k->fallback[0])
            v = fallback_value(c, sub, k, raw);
        bp__yaml_append(out, k->name, m ? m->key_at : at, v);
    }
    return out;
}
