/* Kinds (layers, losses, optimizers ...) of a model file: YAML -> specs of
 * nn's tables, whose setters check every value; and specs -> resolved YAML
 * with every default. No kind is known here by its name. */
#include "config/config.h"

typedef struct kind_reader {
    bp__scheck *c;
    bp__arena *specs;
} kind_reader;

static void fill_spec(kind_reader *r, bp__spec *s, bp__ynode *args,
                      bp__place at);

static void kind_problem(kind_reader *r, bp__place at, const bp__spec *s,
                         const bp_error *err)
{
    /* The setters know the kind's name; the place is added here. */
    (void)s;
    bp__diag_add(r->c->d, at, "%s", err->message);
}

static const bp__argdef *find_arg(const bp__kinddef *row, const char *key)
{
    for (const bp__argdef *d = row->args; d && d->name; d++)
        if (!strcmp(d->name, key))
            return d;
    return NULL;
}

/* "relu", {relu: ...} -> the name and its arguments (NULL: none). */
static bool kind_split(kind_reader *r, bp_nn_table table, bp__ynode *raw,
                       const char **name, bp__ynode **args, bp__place *at)
{
    char what[120];
    *at = raw->at;
    *args = NULL;
    if (raw->kind == BP__Y_SCALAR && !bp__yaml_is_null(raw)) {
        *name = raw->text;
        return true;
    }
    if (raw->kind == BP__Y_MAP && raw->n == 1) {
        *name = raw->child->key;
        *args = raw->child;
        *at = raw->child->key_at;
        return true;
    }
    bool by_set = raw->kind == BP__Y_MAP && raw->n > 1 &&
                  raw->last->key_at.line == 0 && raw->child->key_at.line > 0;
    if (by_set && !bp__kind_find(table, raw->last->key)) {
        bp__spec *none;
        bp_error err = {0};
        bp__spec_new(r->specs, table, raw->last->key, &none, &err);
        kind_problem(r, raw->last->key_at, NULL, &err);
    } else if (by_set)
        bp__diag_add(r->c->d, raw->last->key_at, "the file's %s is '%s'; "
                     "another one takes its place with all its arguments: "
                     "--set '...={%s: {...}}'", bp__table_noun(table),
                     raw->child->key, raw->last->key);
    else if (raw->kind == BP__Y_MAP && raw->n > 1)
        bp__diag_add(r->c->d, raw->at,
                     "expected one %s, got '%s' and '%s' side by side (indent "
                     "what belongs to '%s')",
                     bp__table_noun(table), raw->child->key,
                     raw->child->next->key, raw->child->key);
    else
        bp__diag_add(r->c->d, raw->at,
                     "expected a %s: a name, or {name: arguments}; got %s",
                     bp__table_noun(table), bp__yaml_what(raw, what));
    return false;
}

static bp__spec *read_kind(kind_reader *r, bp_nn_table table, bp__ynode *raw)
{
    const char *name;
    bp__ynode *args;
    bp__place at;
    bp__spec *s;
    bp_error err = {0};
    if (!kind_split(r, table, raw, &name, &args, &at))
        return NULL;
    if (bp__spec_new(r->specs, table, name, &s, &err)) {
        kind_problem(r, at, NULL, &err);
        return NULL;
    }
    fill_spec(r, s, args, at);
    return s;
}

/* ---- one argument ---------------------------------------------------- */

static void wrong_type(kind_reader *r, const bp__spec *s, const bp__argdef *d,
                       const bp__ynode *v)
{
    char expected[200], what[120];
    bp__diag_add(r->c->d, v->at, "%s: %s: expected %s, got %s", s->row->name,
                 d->name, bp__arg_expects(d, expected),
                 bp__yaml_what(v, what));
}

static void read_layers(kind_reader *r, bp__spec *s, const bp__argdef *d,
                        bp__ynode *v)
{
    if (v->kind != BP__Y_LIST) {
        wrong_type(r, s, d, v);
        return;
    }
    for (bp__ynode *n = v->child; n; n = n->next) {
        bp_error err = {0};
        bp__spec *layer = read_kind(r, d->table, n);
        if (layer && bp__spec_add_layer(r->specs, s, d->name, layer, &err))
            kind_problem(r, n->at, s, &err);
    }
}

static void read_sub(kind_reader *r, bp__spec *s, const bp__argdef *d,
                     bp__ynode *v)
{
    const char *name;
    bp__ynode *args;
    bp__place at;
    bp__spec *sub;
    bp_error err = {0};
    if (!kind_split(r, d->table, v, &name, &args, &at))
        return;
    if (bp__spec_set_spec(r->specs, s, d->name, name, &sub, &err))
        kind_problem(r, at, s, &err);
    else
        fill_spec(r, sub, args, at);
}

static bool plain_scalar(const bp__ynode *n)
{
    return n && n->kind == BP__Y_SCALAR && n->plain && !bp__yaml_is_null(n);
}

/* A list of numbers, or a map of names to numbers. */
static void read_numbers(kind_reader *r, bp__spec *s, const bp__argdef *d,
                         bp__ynode *v)
{
    bool map = v->kind == BP__Y_MAP;
    for (bp__ynode *n = v->child; n; n = n->next) {
        bp_error err = {0};
        if (!plain_scalar(n))
            wrong_type(r, s, d, n);
        else if (bp__spec_add_number(r->specs, s, d->name, map ? n->key : NULL,
                                     n->text, &err))
            kind_problem(r, n->at, s, &err);
    }
}

static void read_argument(kind_reader *r, bp__spec *s, const bp__argdef *d,
                          bp__ynode *v)
{
    bp_error err = {0};
    bool pair = d->type == BP__ARG_PAIR || d->type == BP__ARG_PADDING;
    bool word = d->type == BP__ARG_CHOICE || d->type == BP__ARG_PADDING ||
                d->type == BP__ARG_TEXT;
    if (bp__yaml_is_null(v))
        return; /* the default */
    if (d->type == BP__ARG_LAYERS) {
        read_layers(r, s, d, v);
    } else if (d->type == BP__ARG_WEIGHTS && v->kind != BP__Y_SCALAR &&
               v->n) {
        read_numbers(r, s, d, v);
    } else if (d->type == BP__ARG_SPEC) {
        read_sub(r, s, d, v);
    } else if (pair && v->kind == BP__Y_LIST && v->n == 2 &&
               plain_scalar(v->child) && plain_scalar(v->last)) {
        if (bp__spec_set_pair(r->specs, s, d->name, v->child->text,
                              v->last->text, &err))
            kind_problem(r, v->at, s, &err);
    } else if (v->kind != BP__Y_SCALAR || (!v->plain && !word)) {
        wrong_type(r, s, d, v);
    } else if (bp__spec_set_text(r->specs, s, d->name, v->text, &err)) {
        kind_problem(r, v->at, s, &err);
    }
}

/* `name:` and `from:`, which every layer takes. */
static bool read_common(kind_reader *r, bp__spec *s, const bp__ynode *m)
{
    bp_error err = {0};
    char what[120];
    bool name = !strcmp(m->key, "name"), from = !strcmp(m->key, "from");
    if (s->table != BP_NN_LAYERS || (!name && !from))
        return false;
    if (m->kind == BP__Y_SCALAR && !bp__yaml_is_null(m)) {
        if (name ? bp__spec_set_name(r->specs, s, m->text, &err)
                 : bp__spec_add_from(r->specs, s, m->text, &err))
            kind_problem(r, m->at, s, &err);
        return true;
    }
    if (name || m->kind != BP__Y_LIST || !m->n) {
        bp__diag_add(r->c->d, m->at, "%s: expected %s, got %s", m->key,
                     name ? "a name" : "a name or a list of names",
                     bp__yaml_what(m, what));
        return true;
    }
    for (const bp__ynode *n = m->child; n; n = n->next) {
        if (n->kind != BP__Y_SCALAR)
            bp__diag_add(r->c->d, n->at, "from: expected a name, got %s",
                         bp__yaml_what(n, what));
        else if (bp__spec_add_from(r->specs, s, n->text, &err))
            kind_problem(r, n->at, s, &err);
    }
    return true;
}

static void read_short_form(kind_reader *r, bp__spec *s, bp__ynode *v)
{
    const bp__argdef *d =
        s->row->shorthand ? find_arg(s->row, s->row->shorthand) : NULL;
    char what[120];
    if (d)
        read_argument(r, s, d, v);
    else
        bp__diag_add(r->c->d, v->at, "%s takes %s, got %s", s->row->name,
                     s->row->args && s->row->args->name
                         ? "arguments by name: {key: value}"
                         : "no value",
                     bp__yaml_what(v, what));
}

static void fill_spec(kind_reader *r, bp__spec *s, bp__ynode *args,
                      bp__place at)
{
    bp_error err = {0};
    size_t before = r->c->d->n;
    s->where = at.line > 0 ? bp__arena_printf(r->specs, "%s:%d:%d", at.file,
                                              at.line, at.column)
                           : at.file;
    if (args && args->kind != BP__Y_MAP && !bp__yaml_is_null(args)) {
        read_short_form(r, s, args);
    } else if (args && args->kind == BP__Y_MAP) {
        bp__ynode *full = s->row->shorthand
                              ? bp__yaml_get(args, s->row->shorthand)
                              : NULL;
        for (bp__ynode *m = args->child; m; m = m->next) {
            if (read_common(r, s, m))
                continue;
            const bp__argdef *d = find_arg(s->row, m->key);
            if (d)
                read_argument(r, s, d, m);
            else if (!m->key[0] && !full)
                read_short_form(r, s, m);
            else if (m->key[0] &&
                     bp__spec_set_text(r->specs, s, m->key, "", &err))
                kind_problem(r, m->key_at, s, &err);
        }
    }
    /* One problem of a kind should not be told twice. */
    if (r->c->d->n == before && bp__spec_finish(s, &err))
        kind_problem(r, at, s, &err);
}

/* ---- resolved -------------------------------------------------------- */

static bp__ynode *int_node(bp__arena *a, bp__place at, int64_t i)
{
    char text[32];
    bp__snprintf(text, sizeof text, "%lld", (long long)i);
    return bp__yaml_scalar(a, at, true, text);
}

static bp__ynode *pair_node(bp__arena *a, bp__place at, const int64_t *i)
{
    if (i[0] == i[1])
        return int_node(a, at, i[0]);
    bp__ynode *list = bp__yaml_new(a, BP__Y_LIST, at);
    bp__yaml_append(list, NULL, at, int_node(a, at, i[0]));
    bp__yaml_append(list, NULL, at, int_node(a, at, i[1]));
    return list;
}

static bp__ynode *numbers_node(bp__arena *a, bp__place at,
                               const bp__argval *v)
{
    bp__ynode *node = bp__yaml_new(a, v->key ? BP__Y_MAP : BP__Y_LIST, at);
    char text[32];
    for (size_t i = 0; i < v->n; i++) {
        bp__format_double(text, v->num[i]);
        bp__yaml_append(node, v->key ? v->key[i] : NULL, at,
                        bp__yaml_scalar(a, at, true, text));
    }
    return v->n ? node : NULL;
}

static bool in_range(const bp__argdef *d, double x)
{
    if (d->min > d->max)
        return true;
    return (d->open_min ? x > d->min : x >= d->min) &&
           (d->open_max ? x < d->max : x <= d->max);
}

/* NULL: there is nothing to write (the default is "not given"). */
static bp__ynode *argument_node(bp__arena *a, const bp__argdef *d,
                                const bp__argval *v, bp__place at)
{
    char text[32];
    bp__ynode *list;
    if (d->no_default && !v->set)
        return NULL;
    switch (d->type) {
    case BP__ARG_INT:
        return v->set || in_range(d, (double)v->i[0]) ? int_node(a, at, v->i[0])
                                                      : NULL;
    case BP__ARG_PADDING:
        if (v->s)
            return bp__yaml_scalar(a, at, true, v->s);
        return pair_node(a, at, v->i);
    case BP__ARG_PAIR:
        return v->set || in_range(d, (double)v->i[0])
                   ? pair_node(a, at, v->i)
                   : NULL;
    case BP__ARG_FLOAT:
        if (!v->set && !in_range(d, v->f))
            return NULL;
        bp__format_double(text, v->f);
        return bp__yaml_scalar(a, at, true, text);
    case BP__ARG_BOOL:
        return bp__yaml_scalar(a, at, true, v->f != 0 ? "true" : "false");
    case BP__ARG_WEIGHTS:
        return v->s ? bp__yaml_scalar(a, at, true, v->s)
                    : numbers_node(a, at, v);
    case BP__ARG_TEXT:
        return v->s ? bp__yaml_scalar(a, at, false, v->s) : NULL;
    case BP__ARG_CHOICE:
        return v->s ? bp__yaml_scalar(a, at, true, v->s) : NULL;
    case BP__ARG_SPEC:
        return v->spec ? bp__kind_node(a, v->spec, at) : NULL;
    case BP__ARG_LAYERS:
        if (!v->n)
            return NULL;
        list = bp__yaml_new(a, BP__Y_LIST, at);
        for (size_t i = 0; i < v->n; i++)
            bp__yaml_append(list, NULL, at, bp__kind_node(a, v->list[i], at));
        return list;
    }
    return NULL;
}

bp__ynode *bp__kind_node(bp__arena *a, const bp__spec *s, bp__place at)
{
    bp__ynode *args = bp__yaml_new(a, BP__Y_MAP, at);
    size_t i = 0;
    for (const bp__argdef *d = s->row->args; d && d->name; d++, i++)
        bp__yaml_append(args, d->name, at,
                        argument_node(a, d, &s->args[i], at));
    if (s->name)
        bp__yaml_append(args, "name", at,
                        bp__yaml_scalar(a, at, false, s->name));
    if (s->n_from) {
        bp__ynode *from = bp__yaml_new(a, BP__Y_LIST, at);
        for (size_t k = 0; k < s->n_from; k++)
            bp__yaml_append(from, NULL, at,
                            bp__yaml_scalar(a, at, false, s->from[k]));
        bp__yaml_append(args, "from", at, from);
    }
    if (args && !args->n)
        return bp__yaml_scalar(a, at, true, s->row->name);
    bp__ynode *out = bp__yaml_new(a, BP__Y_MAP, at);
    bp__yaml_append(out, s->row->name, at, args);
    return out;
}

bp__spec *bp__kind_read(bp__scheck *c, bp_nn_table table, bp__arena *specs,
                        bp__ynode *raw, bp__ynode **resolved)
{
    kind_reader r = {c, specs};
    size_t before = c->d->n;
    *resolved = NULL;
    bp__spec *s = read_kind(&r, table, raw);
    if (!s || c->d->n != before)
        return NULL;
    *resolved = bp__kind_node(c->d->arena, s, raw->at);
    if (!*resolved)
        return NULL;
    /* The spec of the resolved form, so that the texts of a model file and of
     * its run's config.yaml are the same. Layers keep the user's, whose place
     * in the file their errors name. */
    return table == BP_NN_LAYERS ? s : read_kind(&r, table, *resolved);
}
