/* Texts <-> specs: "conv2d(32, kernel=3, padding=same)".
 *
 *   list  = [ spec { "," spec } ]
 *   spec  = word [ "(" [ item { "," item } ] ")" ]
 *   item  = [ word "=" ] value           (the first may go without its key)
 *   value = word | "quoted" | "[" value "," value "]" | spec | "[" list "]"
 *         | "[" [ word "=" ] number { "," [ word "=" ] number } "]"
 *
 * Blanks and line feeds may stand between any two of these. What a value may
 * be is decided by the row, in spec.c. */
#include "nn/nn.h"

enum { WORD_MAX = 120, DEPTH_MAX = 40 };

typedef struct spec_reader {
    bp__arena *ar;
    const char *text, *p;
    bp_error *err;
    int depth;
} spec_reader;

static bp_status read_spec(spec_reader *r, bp_nn_table table,
                           bp__spec **spec);

static void skip_blanks(spec_reader *r)
{
    while (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r')
        r->p++;
}

static bool next_is(spec_reader *r, char c)
{
    skip_blanks(r);
    if (*r->p != c)
        return false;
    r->p++;
    return true;
}

static bp_status syntax_error(spec_reader *r, const char *want)
{
    skip_blanks(r);
    int at = (int)(r->p - r->text) + 1;
    if (!*r->p)
        return bp__error(r->err, BP_EFORMAT, "\"%.200s\" ends where %s should "
                         "stand", r->text, want);
    return bp__error(r->err, BP_EFORMAT, "\"%.200s\": \"%.20s\" at character "
                     "%d, where %s should stand", r->text, r->p, at, want);
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+' ||
           c == '.';
}

/* A bare or quoted word, into buf. */
static bp_status read_word(spec_reader *r, char *buf, const char *want)
{
    skip_blanks(r);
    size_t n = 0;
    if (*r->p == '"') {
        const char *start = ++r->p;
        while (*r->p && *r->p != '"')
            r->p++;
        n = (size_t)(r->p - start);
        if (!*r->p || n > WORD_MAX)
            return syntax_error(r, "a closing quote");
        memcpy(buf, start, n);
        r->p++;
    } else {
        while (is_word_char(r->p[n]))
            n++;
        if (n < 1 || n > WORD_MAX)
            return syntax_error(r, want);
        memcpy(buf, r->p, n);
        r->p += n;
    }
    buf[n] = '\0';
    return BP_OK;
}

static const bp__argdef *arg_of(const bp__spec *s, const char *key)
{
    const char *want = key ? key : s->row->shorthand;
    for (size_t i = 0; want && i < bp__kind_arg_count(s->row); i++)
        if (strcmp(s->row->args[i].name, want) == 0)
            return &s->row->args[i];
    return NULL;
}

static bp_status read_list(spec_reader *r, bp__spec *s, const char *key,
                           bp_nn_table table)
{
    char want[60];
    bp__snprintf(want, sizeof want, "\"[\" of a list of %ss",
                 bp__table_noun(table));
    if (!next_is(r, '['))
        return syntax_error(r, want);
    if (next_is(r, ']'))
        return bp__error(r->err, BP_EARG, "%s: the list is empty",
                         s->row->name);
    for (;;) {
        bp__spec *layer;
        bp_status st = read_spec(r, table, &layer);
        if (st == BP_OK)
            st = bp__spec_add_layer(r->ar, s, key, layer, r->err);
        if (st != BP_OK)
            return st;
        if (next_is(r, ']'))
            return BP_OK;
        if (!next_is(r, ','))
            return syntax_error(r, "\",\" or \"]\"");
    }
}

/* from=a or from=[a, b] */
static bp_status read_from(spec_reader *r, bp__spec *s)
{
    char word[WORD_MAX + 1];
    bool list = next_is(r, '[');
    for (;;) {
        bp_status st = read_word(r, word, "a layer's name");
        if (st == BP_OK)
            st = bp__spec_add_from(r->ar, s, word, r->err);
        if (st != BP_OK || !list || next_is(r, ']'))
            return st;
        if (!next_is(r, ','))
            return syntax_error(r, "\",\" or \"]\"");
    }
}

static bp_status read_pair(spec_reader *r, bp__spec *s, const char *key)
{
    char a[WORD_MAX + 1], b[WORD_MAX + 1];
    bp_status st = read_word(r, a, "a number");
    if (st != BP_OK)
        return st;
    if (!next_is(r, ','))
        return syntax_error(r, "\",\" and a second number");
    st = read_word(r, b, "a number");
    if (st != BP_OK)
        return st;
    if (!next_is(r, ']'))
        return syntax_error(r, "\"]\"");
    return bp__spec_set_pair(r->ar, s, key, a, b, r->err);
}

/* The rest of [1, 2] or [name=1, "other name"=2]. */
static bp_status read_numbers(spec_reader *r, bp__spec *s, const char *key)
{
    char word[WORD_MAX + 1], number[WORD_MAX + 1];
    for (;;) {
        bp_status st = read_word(r, word, "a number, or a class's name");
        bool named = st == BP_OK && next_is(r, '=');
        if (named)
            st = read_word(r, number, "a number");
        if (st == BP_OK)
            st = bp__spec_add_number(r->ar, s, key, named ? word : NULL,
                                     named ? number : word, r->err);
        if (st != BP_OK || next_is(r, ']'))
            return st;
        if (!next_is(r, ','))
            return syntax_error(r, "\",\" or \"]\"");
    }
}

static bp_status read_items(spec_reader *r, bp__spec *s);

static bp_status read_value(spec_reader *r, bp__spec *s, const char *key)
{
    char word[WORD_MAX + 1];
    const bp__argdef *d = arg_of(s, key);
    if (!d) /* says so, before its value is looked at */
        return bp__spec_set_text(r->ar, s, key, "", r->err);
    if (d->type == BP__ARG_LAYERS)
        return read_list(r, s, key, d->table);
    if (d->type == BP__ARG_WEIGHTS && next_is(r, '[')) {
        if (bp__arg(s, d->name)->set)
            return bp__error(r->err, BP_EEXIST, "%s: %s is given twice",
                             s->row->name, d->name);
        return read_numbers(r, s, key);
    }
    if (next_is(r, '['))
        return read_pair(r, s, key);
    bp_status st = read_word(r, word, "a value");
    if (st != BP_OK)
        return st;
    if (d->type != BP__ARG_SPEC)
        return bp__spec_set_text(r->ar, s, key, word, r->err);
    bp__spec *sub;
    st = bp__spec_set_spec(r->ar, s, key, word, &sub, r->err);
    return st == BP_OK ? read_items(r, sub) : st;
}

static bp_status read_item(spec_reader *r, bp__spec *s, bool first)
{
    char key[WORD_MAX + 1];
    skip_blanks(r);
    const char *start = r->p;
    size_t n = 0;
    while (is_word_char(r->p[n]) && n < WORD_MAX)
        n++;
    memcpy(key, r->p, n);
    key[n] = '\0';
    r->p += n;
    if (n && next_is(r, '=')) {
        if (s->table == BP_NN_LAYERS && strcmp(key, "from") == 0)
            return read_from(r, s);
        if (s->table == BP_NN_LAYERS && strcmp(key, "name") == 0) {
            bp_status st = read_word(r, key, "a name");
            return st == BP_OK
                       ? bp__spec_set_name(r->ar, s, key, r->err) : st;
        }
        return read_value(r, s, key);
    }
    r->p = start;
    if (!first)
        return syntax_error(r, "KEY=VALUE");
    return read_value(r, s, NULL);
}

/* What stands in parentheses after a kind, if anything; then the checks. */
static bp_status read_items(spec_reader *r, bp__spec *s)
{
    if (r->depth >= DEPTH_MAX)
        return bp__error(r->err, BP_ELIMIT, "kinds are nested more than %d "
                         "deep", DEPTH_MAX);
    r->depth++;
    if (next_is(r, '(') && !next_is(r, ')')) {
        for (bool first = true;; first = false) {
            bp_status st = read_item(r, s, first);
            if (st != BP_OK)
                return st;
            if (next_is(r, ')'))
                break;
            if (!next_is(r, ','))
                return syntax_error(r, "\",\" or \")\"");
        }
    }
    r->depth--;
    return bp__spec_finish(s, r->err);
}

static bp_status read_spec(spec_reader *r, bp_nn_table table, bp__spec **spec)
{
    char kind[WORD_MAX + 1], want[60];
    bp__snprintf(want, sizeof want, "a kind of %s", bp__table_noun(table));
    bp_status st = read_word(r, kind, want);
    if (st == BP_OK)
        st = bp__spec_new(r->ar, table, kind, spec, r->err);
    return st == BP_OK ? read_items(r, *spec) : st;
}

bp_status bp__spec_parse(bp__arena *ar, bp_nn_table table, const char *text,
                         bp__spec **spec, bp_error *err)
{
    *spec = NULL;
    if (!text)
        return bp__error(err, BP_EARG, "no %s is given",
                         bp__table_noun(table));
    spec_reader r = {.ar = ar, .text = text, .p = text, .err = err};
    bp_status st = read_spec(&r, table, spec);
    skip_blanks(&r);
    if (st == BP_OK && *r.p)
        st = syntax_error(&r, "the end");
    if (st != BP_OK)
        *spec = NULL;
    return st;
}

bp_status bp__spec_parse_list(bp__arena *ar, bp_nn_table table,
                              const char *text, bp__spec ***list, size_t *n,
                              bp_error *err)
{
    *list = NULL;
    *n = 0;
    if (!text)
        return BP_OK;
    /* Every entry but the last ends with a comma. */
    size_t most = 1;
    for (const char *p = text; *p; p++)
        most += *p == ',';
    bp__spec **specs = bp__arena_array(ar, most, sizeof *specs);
    if (!specs)
        return bp__oom(err);
    spec_reader r = {.ar = ar, .text = text, .p = text, .err = err};
    skip_blanks(&r);
    size_t count = 0;
    while (*r.p) {
        bp_status st = read_spec(&r, table, &specs[count]);
        if (st != BP_OK)
            return st;
        count++;
        skip_blanks(&r);
        if (*r.p && !next_is(&r, ','))
            return syntax_error(&r, "\",\" or the end");
        skip_blanks(&r);
    }
    *list = specs;
    *n = count;
    return BP_OK;
}

bp_status bp_nn_check(bp_nn_table table, const char *text, bp_error *err)
{
    if ((unsigned)table >= BP_NN_N_TABLES || !text)
        return bp__error(err, BP_EARG, "bp_nn_check: no such table, or no "
                         "text");
    bp__arena ar;
    bp__arena_init(&ar, NULL);
    bp__spec *spec, **list;
    size_t n;
    bp_status st =
        table == BP_NN_LAYERS || table == BP_NN_METRICS
            ? bp__spec_parse_list(&ar, table, text, &list, &n, err)
            : bp__spec_parse(&ar, table, text, &spec, err);
    bp__arena_free(&ar);
    return st;
}

/* ---- printing ---- */

static void print_word(bp__str *out, const char *word)
{
    bool bare = word[0] != '\0';
    for (const char *p = word; *p; p++)
        bare &= is_word_char(*p);
    bp__str_printf(out, bare ? "%s" : "\"%s\"", word);
}

static void print_pair(bp__str *out, const bp__argval *v)
{
    if (v->i[0] == v->i[1])
        bp__str_printf(out, "%lld", (long long)v->i[0]);
    else
        bp__str_printf(out, "[%lld, %lld]", (long long)v->i[0],
                       (long long)v->i[1]);
}

static void print_numbers(bp__str *out, const bp__argval *v)
{
    char number[32];
    if (v->s) {
        print_word(out, v->s);
        return;
    }
    for (size_t i = 0; i < v->n; i++) {
        bp__str_printf(out, i ? ", " : "[");
        if (v->key) {
            print_word(out, v->key[i]);
            bp__str_printf(out, "=");
        }
        bp__format_double(number, v->num[i]);
        bp__str_printf(out, "%s", number);
    }
    bp__str_printf(out, "]");
}

static void print_value(bp__str *out, const bp__argdef *d,
                        const bp__argval *v)
{
    char number[32];
    switch (d->type) {
    case BP__ARG_INT:
    case BP__ARG_PAIR:
        print_pair(out, v);
        break;
    case BP__ARG_PADDING:
        if (v->s)
            bp__str_printf(out, "%s", v->s);
        else
            print_pair(out, v);
        break;
    case BP__ARG_FLOAT:
        bp__format_double(number, v->f);
        bp__str_printf(out, "%s", number);
        break;
    case BP__ARG_BOOL:
        bp__str_printf(out, "%s", v->f != 0 ? "true" : "false");
        break;
    case BP__ARG_CHOICE:
    case BP__ARG_TEXT:
        print_word(out, v->s);
        break;
    case BP__ARG_WEIGHTS:
        print_numbers(out, v);
        break;
    case BP__ARG_SPEC:
        bp__spec_print(out, v->spec);
        break;
    case BP__ARG_LAYERS:
        for (size_t i = 0; i < v->n; i++) {
            bp__str_printf(out, i ? ", " : "[");
            bp__spec_print(out, v->list[i]);
        }
        bp__str_printf(out, "]");
        break;
    }
}

void bp__spec_print(bp__str *out, const bp__spec *s)
{
    int n = 0;
    bp__str_printf(out, "%s", s->row->name);
    for (size_t i = 0; i < bp__kind_arg_count(s->row); i++) {
        if (!s->args[i].set)
            continue;
        bp__str_printf(out, "%s%s=", n++ ? ", " : "(", s->row->args[i].name);
        print_value(out, &s->row->args[i], &s->args[i]);
    }
    if (s->name) {
        bp__str_printf(out, "%sname=", n++ ? ", " : "(");
        print_word(out, s->name);
    }
    if (s->n_from) {
        bp__str_printf(out, "%sfrom=[", n++ ? ", " : "(");
        for (size_t i = 0; i < s->n_from; i++) {
            bp__str_printf(out, "%s", i ? ", " : "");
            print_word(out, s->from[i]);
        }
        bp__str_printf(out, "]");
    }
    if (n)
        bp__str_printf(out, ")");
}
