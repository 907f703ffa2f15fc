/* Specs: one use of a row, its values checked one by one as they are set.
 * Knows the shape of rows, and no kind by name. */
#include "nn/nn.h"

#include <math.h>

static const bp__kinddef *const tables[BP_NN_N_TABLES] = {
    [BP_NN_LAYERS] = bp__layer_rows,
    [BP_NN_INITS] = bp__init_rows,
    [BP_NN_LOSSES] = bp__loss_rows,
    [BP_NN_METRICS] = bp__metric_rows,
    [BP_NN_PENALTIES] = bp__penalty_rows,
    [BP_NN_OPTIMIZERS] = bp__optimizer_rows,
    [BP_NN_SCHEDULES] = bp__schedule_rows,
    [BP_NN_GROUPS] = bp__group_rows,
};

const char *bp__table_noun(bp_nn_table table)
{
    static const char *const nouns[BP_NN_N_TABLES] = {
        "layer", "initializer", "loss", "metric", "penalty", "optimizer",
        "schedule", "group"};
    return (unsigned)table < BP_NN_N_TABLES ? nouns[table] : "?";
}

const bp__kinddef *bp__kinds(bp_nn_table table, size_t *n)
{
    *n = 0;
    if ((unsigned)table >= BP_NN_N_TABLES)
        return NULL;
    while (tables[table][*n].name)
        ++*n;
    return tables[table];
}

const bp__kinddef *bp__kind_find(bp_nn_table table, const char *name)
{
    size_t n;
    const bp__kinddef *rows = bp__kinds(table, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

const char *bp__kind_near(bp_nn_table table, const char *name, char *buf)
{
    const char *names[128];
    size_t n, i;
    const bp__kinddef *rows = bp__kinds(table, &n);
    for (i = 0; i < n && i < BP__ARRAY_LEN(names); i++)
        names[i] = rows[i].name;
    return bp__near_text(name, names, i, " or ", buf);
}

const char *bp__arg_near(bp_nn_table table, const bp__kinddef *row,
                         const char *name, char *buf)
{
    const char *names[40];
    size_t n = 0;
    for (const bp__argdef *d = row->args; d && d->name && n < 38; d++)
        names[n++] = d->name;
    if (table == BP_NN_LAYERS) { /* what each of them takes */
        names[n++] = "name";
        names[n++] = "from";
    }
    return bp__near_text(name, names, n, " or ", buf);
}

const char *bp__kind_math(const bp__kinddef *row)
{
    bp__op op = row->math ? BP__OP_NONE : bp__op_find(row->name);
    return op ? bp__ops[op]->math : row->math;
}

const char *bp__kind_slope(const bp__kinddef *row)
{
    bp__op op = row->slope ? BP__OP_NONE : bp__op_find(row->name);
    return op ? bp__ops[op]->slope : row->slope;
}

const char *bp__kind_doc(const bp__kinddef *row, char *buf)
{
    bp__op op = row->doc ? BP__OP_NONE : bp__op_find(row->name);
    const char *doc = op ? bp__ops[op]->doc : row->doc ? row->doc : "";
    size_t n = strlen(doc);
    bp__snprintf(buf, 300, "%.*s", (int)(n - (n && doc[n - 1] == '.')), doc);
    return buf;
}

size_t bp__kind_arg_count(const bp__kinddef *row)
{
    size_t n = 0;
    while (row->args && row->args[n].name)
        n++;
    return n;
}

static void range_text(const bp__argdef *d, char *buf, size_t bytes)
{
    char lo[32], hi[32];
    bp__format_double(lo, d->min);
    bp__format_double(hi, d->max);
    if (d->min > d->max)
        buf[0] = '\0';
    else if (isinf(d->max))
        bp__snprintf(buf, bytes, " %s %s", d->open_min ? "above" : "from",
                     lo);
    else
        bp__snprintf(buf, bytes, " %s %s %s %s",
                     d->open_min ? "above" : "from", lo,
                     d->open_max ? "to below" : "to", hi);
}

const char *bp__arg_expects(const bp__argdef *d, char *buf)
{
    char range[90];
    range_text(d, range, sizeof range);
    switch (d->type) {
    case BP__ARG_INT:
        bp__snprintf(buf, 200, "a whole number%s", range);
        break;
    case BP__ARG_PAIR:
        bp__snprintf(buf, 200, "a whole number%s, or two of them", range);
        break;
    case BP__ARG_FLOAT:
        bp__snprintf(buf, 200, "a number%s", range);
        break;
    case BP__ARG_BOOL:
        bp__snprintf(buf, 200, "true or false");
        break;
    case BP__ARG_CHOICE:
        bp__snprintf(buf, 200, "one of %s", d->choices);
        break;
    case BP__ARG_PADDING:
        bp__snprintf(buf, 200, "same, valid, a whole number%s, or two of "
                     "them", range);
        break;
    case BP__ARG_SPEC:
        bp__snprintf(buf, 200, "a kind of %s", bp__table_noun(d->table));
        break;
    case BP__ARG_LAYERS:
        bp__snprintf(buf, 200, "a list of %ss", bp__table_noun(d->table));
        break;
    case BP__ARG_TEXT:
        bp__snprintf(buf, 200, "a text without quotes");
        break;
    case BP__ARG_WEIGHTS:
        bp__snprintf(buf, 200, "balanced, or a number%s for each class: a "
                     "list, or by their names", range);
        break;
    }
    return buf;
}

/* ---- specs ---- */

static void set_default(bp__argval *v, const bp__argdef *d)
{
    memset(v, 0, sizeof *v);
    v->f = d->def;
    v->i[0] = v->i[1] = d->type == BP__ARG_FLOAT ? 0 : (int64_t)d->def;
    if (d->type == BP__ARG_CHOICE || d->type == BP__ARG_PADDING)
        v->s = d->def_text;
}

bp_status bp__spec_new(bp__arena *ar, bp_nn_table table, const char *kind,
                       bp__spec **spec, bp_error *err)
{
    *spec = NULL;
    const bp__kinddef *row = bp__kind_find(table, kind);
    if (!row) {
        char buf[BP__NEAR_BYTES];
        const char *near = bp__kind_near(table, kind, buf);
        const char *noun = bp__table_noun(table);
        if (near)
            return bp__error(err, BP_ENOTFOUND,
                             "unknown %s \"%.60s\": did you mean %s?", noun,
                             kind, near);
        char list[1500] = "";
        size_t n;
        const bp__kinddef *rows = bp__kinds(table, &n);
        for (size_t i = 0, len = 0; i < n; i++)
            len += (size_t)bp__snprintf(list + len, sizeof list - len, "%s%s",
                                        i ? ", " : "", rows[i].name);
        return bp__error(err, BP_ENOTFOUND,
                         "unknown %s \"%.60s\": there are %s", noun, kind,
                         list);
    }
    size_t n = bp__kind_arg_count(row);
    bp__spec *s = bp__arena_alloc(ar, sizeof *s);
    bp__argval *args = bp__arena_array(ar, n + 1, sizeof *args);
    if (!s || !args)
        return bp__oom(err);
    s->table = table;
    s->row = row;
    s->args = args;
    for (size_t i = 0; i < n; i++)
        set_default(&args[i], &row->args[i]);
    *spec = s;
    return BP_OK;
}

/* The argument of a key (NULL: the shorthand), not set before. */
static bp_status find_arg(bp__spec *s, const char *key, size_t *index,
                          bp_error *err)
{
    const bp__kinddef *row = s->row;
    size_t n = bp__kind_arg_count(row);
    if (!key && !row->shorthand)
        return bp__error(err, BP_EARG, n ? "%s takes its values by name"
                                         : "%s takes no values", row->name);
    const char *want = key ? key : row->shorthand;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(row->args[i].name, want) != 0)
            continue;
        if (s->args[i].set)
            return bp__error(err, BP_EEXIST, "%s: %s is given twice",
                             row->name, want);
        *index = i;
        return BP_OK;
    }
    char buf[BP__NEAR_BYTES];
    const char *near = bp__arg_near(s->table, row, want, buf);
    if (near)
        return bp__error(err, BP_ENOTFOUND,
                         "%s has no \"%.60s\": did you mean %s?", row->name,
                         want, near);
    char list[1500] = "";
    for (size_t i = 0, len = 0; i < n; i++)
        len += (size_t)bp__snprintf(list + len, sizeof list - len, "%s%s",
                                    i ? ", " : "", row->args[i].name);
    return bp__error(err, BP_ENOTFOUND, n ? "%s has no \"%.60s\": it has %s"
                                          : "%s has no \"%.60s\"%s",
                     row->name, want, n ? list : ": it takes no values");
}

static bp_status bad_value(const bp__spec *s, const bp__argdef *d,
                           bp_status status, const char *text, bp_error *err)
{
    char expects[200];
    return bp__error(err, status, "%s: %s is \"%.60s\", must be %s",
                     s->row->name, d->name, text,
                     bp__arg_expects(d, expects));
}

static bool in_range(const bp__argdef *d, double x)
{
    if (d->min > d->max)
        return true;
    bool low = d->open_min ? x > d->min : x >= d->min;
    bool high = d->open_max ? x < d->max : x <= d->max;
    return low && high;
}

/* True where the word is one of "a|b|c". */
static bool is_choice(const char *choices, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = choices; len && p;) {
        const char *end = strchr(p, '|');
        size_t n = end ? (size_t)(end - p) : strlen(p);
        if (n == len && memcmp(p, word, n) == 0)
            return true;
        p = end ? end + 1 : NULL;
    }
    return false;
}

static bp_status set_int(const bp__spec *s, const bp__argdef *d,
                         const char *text, int64_t *out, bp_error *err)
{
    if (!bp__parse_int64(text, out))
        return bad_value(s, d, BP_EARG, text, err);
    if (*out > INT32_MAX || *out < INT32_MIN || !in_range(d, (double)*out))
        return bad_value(s, d, BP_ERANGE, text, err);
    return BP_OK;
}

/* What a text in quotes can hold (spec_text.c). */
static bool is_plain_text(const char *text)
{
    size_t n = strlen(text);
    return n > 0 && n <= 120 && !strchr(text, '"');
}

static bp_status set_value(bp__arena *ar, bp__spec *s, const bp__argdef *d,
                           bp__argval *v, const char *text, bp_error *err)
{
    bp_status st = BP_OK;
    bool is_word = strcmp(text, "same") == 0 || strcmp(text, "valid") == 0;
    switch (d->type) {
    case BP__ARG_PADDING:
        if (is_word) {
            v->s = text[0] == 's' ? "same" : "valid";
            v->i[0] = v->i[1] = 0;
            break;
        }
        v->s = NULL;
        /* fall through */
    case BP__ARG_INT:
    case BP__ARG_PAIR:
        st = set_int(s, d, text, &v->i[0], err);
        v->i[1] = v->i[0];
        break;
    case BP__ARG_FLOAT:
        if (!bp__parse_double(text, &v->f) || !isfinite(v->f))
            return bad_value(s, d, BP_EARG, text, err);
        if (!in_range(d, v->f))
            return bad_value(s, d, BP_ERANGE, text, err);
        break;
    case BP__ARG_BOOL:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return bad_value(s, d, BP_EARG, text, err);
        v->f = text[0] == 't';
        break;
    case BP__ARG_CHOICE:
        if (!is_choice(d->choices, text))
            return bad_value(s, d, BP_EARG, text, err);
        if (!(v->s = bp__arena_strdup(ar, text)))
            return bp__oom(err);
        break;
    case BP__ARG_TEXT:
        if (!is_plain_text(text))
            return bad_value(s, d, BP_EARG, text, err);
        if (!(v->s = bp__arena_strdup(ar, text)))
            return bp__oom(err);
        break;
    case BP__ARG_SPEC:
        st = bp__spec_new(ar, d->table, text, &v->spec, err);
        break;
    case BP__ARG_WEIGHTS:
        if (strcmp(text, "balanced") != 0)
            return bad_value(s, d, BP_EARG, text, err);
        v->s = "balanced";
        break;
    case BP__ARG_LAYERS:
        return bad_value(s, d, BP_EARG, text, err);
    }
    v->set = st == BP_OK;
    return st;
}

bp_status bp__spec_set_text(bp__arena *ar, bp__spec *s, const char *key,
                            const char *text, bp_error *err)
{
    size_t i = 0;
    bp_status st = find_arg(s, key, &i, err);
    if (st != BP_OK)
        return st;
    return set_value(ar, s, &s->row->args[i], &s->args[i], text, err);
}

bp_status bp__spec_set_pair(bp__arena *ar, bp__spec *s, const char *key,
                            const char *a, const char *b, bp_error *err)
{
    (void)ar;
    size_t i = 0;
    bp_status st = find_arg(s, key, &i, err);
    if (st != BP_OK)
        return st;
    const bp__argdef *d = &s->row->args[i];
    bp__argval *v = &s->args[i];
    if (d->type != BP__ARG_PAIR && d->type != BP__ARG_PADDING)
        return bad_value(s, d, BP_EARG, "a list", err);
    st = set_int(s, d, a, &v->i[0], err);
    if (st == BP_OK)
        st = set_int(s, d, b, &v->i[1], err);
    v->s = NULL;
    v->set = st == BP_OK;
    return st;
}

bp_status bp__spec_set_spec(bp__arena *ar, bp__spec *s, const char *key,
                            const char *kind, bp__spec **sub, bp_error *err)
{
    size_t i = 0;
    bp_status st = find_arg(s, key, &i, err);
    *sub = NULL;
    if (st != BP_OK)
        return st;
    const bp__argdef *d = &s->row->args[i];
    if (d->type != BP__ARG_SPEC)
        return bad_value(s, d, BP_EARG, kind, err);
    st = bp__spec_new(ar, d->table, kind, sub, err);
    s->args[i].spec = *sub;
    s->args[i].set = st == BP_OK;
    return st;
}

/* Appends to an array that lives in an arena: the old one is left there. */
static void *arena_push(bp__arena *ar, void *array, size_t n, size_t *cap,
                        size_t size)
{
    if (n < *cap)
        return array;
    size_t c = *cap ? 2 * *cap : 4;
    void *p = bp__arena_array(ar, c, size);
    if (!p)
        return NULL;
    if (n)
        memcpy(p, array, n * size);
    *cap = c;
    return p;
}

bp_status bp__spec_add_layer(bp__arena *ar, bp__spec *s, const char *key,
                             bp__spec *layer, bp_error *err)
{
    for (size_t i = 0; i < bp__kind_arg_count(s->row); i++) {
        const bp__argdef *d = &s->row->args[i];
        const char *want = key ? key : s->row->shorthand;
        if (!want || strcmp(d->name, want) != 0)
            continue;
        if (d->type != BP__ARG_LAYERS)
            return bad_value(s, d, BP_EARG, "a list", err);
        bp__argval *v = &s->args[i];
        bp__spec **list = arena_push(ar, v->list, v->n, &v->cap,
                                     sizeof *list);
        if (!list)
            return bp__oom(err);
        v->list = list;
        list[v->n++] = layer;
        v->set = true;
        return BP_OK;
    }
    size_t unused;
    bp_status st = find_arg(s, key, &unused, err);
    return st == BP_OK ? bp__error(err, BP_EBUG, "no list \"%s\"", key) : st;
}

bp_status bp__spec_add_number(bp__arena *ar, bp__spec *s, const char *key,
                              const char *name, const char *text,
                              bp_error *err)
{
    const char *want = key ? key : s->row->shorthand;
    size_t i = 0, n = bp__kind_arg_count(s->row), same;
    double x = 0;
    while (want && i < n && strcmp(s->row->args[i].name, want) != 0)
        i++;
    if (!want || i == n)
        return find_arg(s, key, &i, err);
    const bp__argdef *d = &s->row->args[i];
    bp__argval *v = &s->args[i];
    if (d->type != BP__ARG_WEIGHTS || v->s)
        return bad_value(s, d, BP_EARG, "a list", err);
    if (!bp__parse_double(text, &x) || !isfinite(x))
        return bad_value(s, d, BP_EARG, text, err);
    if (!in_range(d, x))
        return bad_value(s, d, BP_ERANGE, text, err);
    if (name && !is_plain_text(name))
        return bad_value(s, d, BP_EARG, name, err);
    if (v->n && (name != NULL) != (v->key != NULL))
        return bp__error(err, BP_EARG, "%s: %s: all of them have names, or "
                         "none", s->row->name, d->name);
    same = v->cap;
    double *num = arena_push(ar, v->num, v->n, &same, sizeof *num);
    const char **names = v->key;
    if (num && name)
        names = arena_push(ar, names, v->n, &v->cap, sizeof *names);
    v->cap = same;
    const char *copy = name ? bp__arena_strdup(ar, name) : NULL;
    if (!num || (name && (!names || !copy)))
        return bp__oom(err);
    num[v->n] = x;
    if (name)
        names[v->n] = copy;
    v->num = num;
    v->key = names;
    v->n++;
    v->set = true;
    return BP_OK;
}

const char *bp__bad_name(const char *name)
{
    size_t n = strlen(name), digits = 0;
    if (n < 1 || n > 60)
        return "must have 1 to 60 bytes";
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)name[i];
        digits += c >= '0' && c <= '9';
        if (c <= ' ' || c == '.' || c == '/' || c == '"' || c == 0x7f)
            return "may not hold '.', '/', '\"' or blanks";
    }
    return digits == n ? "may not be a number" : NULL;
}

bp_status bp__spec_set_name(bp__arena *ar, bp__spec *s, const char *name,
                            bp_error *err)
{
    const char *bad = bp__bad_name(name);
    if (s->table != BP_NN_LAYERS)
        return bp__error(err, BP_EARG, "%s: only layers have names",
                         s->row->name);
    if (bad)
        return bp__error(err, BP_EARG, "%s: the name \"%.60s\" %s",
                         s->row->name, name, bad);
    if (s->name)
        return bp__error(err, BP_EEXIST, "%s: name is given twice",
                         s->row->name);
    s->name = bp__arena_strdup(ar, name);
    return s->name ? BP_OK : bp__oom(err);
}

bp_status bp__spec_add_from(bp__arena *ar, bp__spec *s, const char *name,
                            bp_error *err)
{
    if (s->table != BP_NN_LAYERS)
        return bp__error(err, BP_EARG, "%s: only layers have \"from\"",
                         s->row->name);
    const char **from = arena_push(ar, s->from, s->n_from, &s->cap_from,
                                   sizeof *from);
    const char *copy = bp__arena_strdup(ar, name);
    if (!from || !copy)
        return bp__oom(err);
    s->from = from;
    from[s->n_from++] = copy;
    return BP_OK;
}

bp_status bp__spec_finish(const bp__spec *s, bp_error *err)
{
    char expects[200];
    for (size_t i = 0; i < bp__kind_arg_count(s->row); i++) {
        const bp__argdef *d = &s->row->args[i];
        if (d->required && !s->args[i].set)
            return bp__error(err, BP_EARG, "%s needs %s: %s", s->row->name,
                             d->name, bp__arg_expects(d, expects));
    }
    if (s->row->n_inputs == 1 && s->n_from > 1)
        return bp__error(err, BP_EARG, "%s takes one input, not %zu: add or "
                         "concat join several", s->row->name, s->n_from);
    const char *bad = s->row->check ? s->row->check(s) : NULL;
    if (bad)
        return bp__error(err, BP_EARG, "%s: %s", s->row->name, bad);
    return BP_OK;
}

const bp__argval *bp__arg(const bp__spec *s, const char *key)
{
    static const bp__argval none = {0};
    for (size_t i = 0; i < bp__kind_arg_count(s->row); i++)
        if (strcmp(s->row->args[i].name, key) == 0)
            return &s->args[i];
    return &none;
}

int64_t bp__arg_int(const bp__spec *s, const char *key)
{
    return bp__arg(s, key)->i[0];
}

double bp__arg_float(const bp__spec *s, const char *key)
{
    return bp__arg(s, key)->f;
}

bool bp__arg_bool(const bp__spec *s, const char *key)
{
    return bp__arg(s, key)->f != 0;
}

bool bp__arg_is(const bp__spec *s, const char *key, const char *choice)
{
    const char *have = bp__arg(s, key)->s;
    return have && strcmp(have, choice) == 0;
}
