/* The JSON reader: recursive descent with a depth limit. */
#include "fmt/json.h"

enum { MAX_DEPTH = 100 };

typedef struct json_reader {
    bp__arena *arena;
    const char *start, *p, *end;
    const char *where;
    int depth;
    bp_error *err;
    bp_status status;
} json_reader;

static void *json_fail(json_reader *r, bp_status s, const char *format, ...)
    BP__PRINTF(3, 4);

/* Reports the place of r->p. */
static void *json_fail(json_reader *r, bp_status s, const char *format, ...)
{
    char what[300];
    va_list ap;
    va_start(ap, format);
    bp__vsnprintf(what, sizeof what, format, ap);
    va_end(ap);
    int line = 1;
    const char *begin = r->start;
    for (const char *q = r->start; q < r->p; q++)
        if (*q == '\n') {
            line++;
            begin = q + 1;
        }
    r->status = bp__error(r->err, s, "%s:%d:%d: %s", r->where, line,
                          (int)(r->p - begin) + 1, what);
    return NULL;
}

static void *json_oom(json_reader *r)
{
    r->status = bp__oom(r->err);
    return NULL;
}

static void skip_blanks(json_reader *r)
{
    while (r->p < r->end &&
           (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
        r->p++;
}

static bool next_is(json_reader *r, char c)
{
    skip_blanks(r);
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

static bool read_hex4(json_reader *r, unsigned *out)
{
    if (r->end - r->p < 4)
        return false;
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        char c = r->p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0)
            return false;
        v = v * 16 + (unsigned)d;
    }
    r->p += 4;
    *out = v;
    return true;
}

static char *put_utf8(char *o, unsigned c)
{
    if (c < 0x80) {
        *o++ = (char)c;
    } else if (c < 0x800) {
        *o++ = (char)(0xc0 | c >> 6);
        *o++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *o++ = (char)(0xe0 | c >> 12);
        *o++ = (char)(0x80 | (c >> 6 & 63));
        *o++ = (char)(0x80 | (c & 63));
    } else {
        *o++ = (char)(0xf0 | c >> 18);
        *o++ = (char)(0x80 | (c >> 12 & 63));
        *o++ = (char)(0x80 | (c >> 6 & 63));
        *o++ = (char)(0x80 | (c & 63));
    }
    return o;
}

/* After the backslash. */
static bool read_escape(json_reader *r, char **o)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = r->p < r->end ? *r->p : '\0';
    const char *at = c ? strchr(from, c) : NULL;
    if (at) {
        r->p++;
        *(*o)++ = to[at - from];
        return true;
    }
    unsigned u, low;
    if (c != 'u')
        return json_fail(r, BP_EFORMAT, "unknown escape in a string") != NULL;
    r->p++;
    if (!read_hex4(r, &u) || u == 0)
        return json_fail(r, BP_EFORMAT,
                         "\\u needs four hexadecimal digits, "
                         "not all zero") != NULL;
    if (u >= 0xd800 && u < 0xe000) {
        bool pair = u < 0xdc00 && r->end - r->p >= 2 && r->p[0] == '\\' &&
                    r->p[1] == 'u';
        r->p += pair ? 2 : 0;
        if (!pair || !read_hex4(r, &low) || low < 0xdc00 || low >= 0xe000)
            return json_fail(r, BP_EFORMAT,
                             "half of a surrogate pair in a "
                             "string") != NULL;
        u = 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
    }
    *o = put_utf8(*o, u);
    return true;
}

/* After the opening quote. The text never gets longer by unescaping. */
static const char *read_string(json_reader *r, size_t *len)
{
    const char *close = r->p;
    while (close < r->end && *close != '"')
        close += *close == '\\' && close + 1 < r->end ? 2 : 1;
    if (close >= r->end)
        return json_fail(r, BP_EFORMAT, "a string does not end");
    char *out = bp__arena_alloc(r->arena, (size_t)(close - r->p) + 1);
    if (!out)
        return json_oom(r);
    char *o = out;
    while (*r->p != '"') {
        if (*r->p == '\\') {
            r->p++;
            if (!read_escape(r, &o))
                return NULL;
            continue;
        }
        if ((unsigned char)*r->p < 0x20)
            return json_fail(r, BP_EFORMAT,
                             "control character in a string: escape it");
        int n = bp__utf8_length(r->p, r->end);
        if (n == 0)
            return json_fail(r, BP_EFORMAT, "a string is not UTF-8");
        memcpy(o, r->p, (size_t)n);
        o += n;
        r->p += n;
    }
    r->p++;
    *o = '\0';
    *len = (size_t)(o - out);
    return out;
}

static bool digit_at(const json_reader *r, const char *p)
{
    return p < r->end && *p >= '0' && *p <= '9';
}

static bool read_json_number(json_reader *r, bp__json *v)
{
    const char *p = r->p;
    bool whole = true;
    p += *p == '-';
    if (!digit_at(r, p))
        return json_fail(r, BP_EFORMAT, "a value was expected") != NULL;
    if (*p == '0' && digit_at(r, p + 1))
        return json_fail(r, BP_EFORMAT, "a number starts with 0") != NULL;
    while (digit_at(r, p))
        p++;
    if (p < r->end && *p == '.') {
        whole = false;
        p++;
        if (!digit_at(r, p))
            return json_fail(r, BP_EFORMAT, "no digit after the point") !=
                   NULL;
        while (digit_at(r, p))
            p++;
    }
    if (p < r->end && (*p == 'e' || *p == 'E')) {
        whole = false;
        p++;
        p += p < r->end && (*p == '-' || *p == '+');
        if (!digit_at(r, p))
            return json_fail(r, BP_EFORMAT, "no digit in the exponent") !=
                   NULL;
        while (digit_at(r, p))
            p++;
    }
    size_t n = (size_t)(p - r->p);
    char *text = bp__arena_alloc(r->arena, n + 1);
    if (!text)
        return json_oom(r) != NULL;
    memcpy(text, r->p, n);
    v->type = BP__JSON_NUMBER;
    v->is_integer = whole && bp__parse_int64(text, &v->integer);
    bp__parse_double(text, &v->number);
    r->p = p;
    return true;
}

static bool read_word(json_reader *r, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
        return false;
    r->p += n;
    return true;
}

/* No key twice: by a hash table over the members. */
static bool keys_differ(json_reader *r, const bp__json *object, size_t n)
{
    size_t size = 4;
    while (size < 2 * n)
        size *= 2;
    const bp__json **table = bp__arena_array(r->arena, size, sizeof *table);
    if (!table)
        return json_oom(r) != NULL;
    for (const bp__json *m = object->child; m; m = m->next) {
        uint64_t h = bp__hash(BP__HASH_INIT, m->key, strlen(m->key));
        size_t i = (size_t)(h ^ h >> 32) & (size - 1);
        for (; table[i]; i = (i + 1) & (size - 1))
            if (strcmp(table[i]->key, m->key) == 0)
                return json_fail(r, BP_EFORMAT,
                                 "the key \"%s\" stands twice "
                                 "in an object",
                                 m->key) != NULL;
        table[i] = m;
    }
    return true;
}

static bp__json *read_value(json_reader *r);

/* After the opening bracket or brace. */
static bp__json *read_members(json_reader *r, bp__json *v)
{
    bool object = v->type == BP__JSON_OBJECT;
    char close = object ? '}' : ']';
    const bp__json **tail = &v->child;
    if (++r->depth > MAX_DEPTH)
        return json_fail(r, BP_ELIMIT, "more than %d levels of nesting",
                         (int)MAX_DEPTH);
    bool first = true;
    for (; !next_is(r, close); first = false) {
        if (!first && !next_is(r, ','))
            return json_fail(r, BP_EFORMAT, "',' or '%c' was expected", close);
        const char *key = NULL;
        size_t len;
        if (object) {
            if (!next_is(r, '"'))
                return json_fail(r, BP_EFORMAT,
                                 "a key in double quotes was expected");
            key = read_string(r, &len);
            if (!key)
                return NULL;
            if (!next_is(r, ':'))
                return json_fail(r, BP_EFORMAT, "':' was expected");
        }
        bp__json *m = read_value(r);
        if (!m)
            return NULL;
        m->key = key;
        *tail = m;
        tail = &m->next;
        v->len++;
    }
    r->depth--;
    if (object && v->len > 1 && !keys_differ(r, v, v->len))
        return NULL;
    return v;
}

static bp__json *read_value(json_reader *r)
{
    bp__json *v = bp__arena_alloc(r->arena, sizeof *v);
    if (!v)
        return json_oom(r);
    skip_blanks(r);
    char c = r->p < r->end ? *r->p : '\0';
    if (c == '{' || c == '[') {
        r->p++;
        v->type = c == '{' ? BP__JSON_OBJECT : BP__JSON_ARRAY;
        return read_members(r, v);
    }
    if (c == '"') {
        r->p++;
        v->type = BP__JSON_STRING;
        v->string = read_string(r, &v->len);
        return v->string ? v : NULL;
    }
    if (read_word(r, "null"))
        return v;
    if (read_word(r, "true") || read_word(r, "false")) {
        v->type = BP__JSON_BOOL;
        v->boolean = c == 't';
        return v;
    }
    if (r->p == r->end)
        return json_fail(r, BP_EFORMAT,
                         "the text ends where a value was "
                         "expected");
    return read_json_number(r, v) ? v : NULL;
}

const bp__json *bp__json_parse(bp__arena *ar, const char *text, size_t bytes,
                               const char *where, bp_error *err)
{
    json_reader r = {.arena = ar,
                     .start = text,
                     .p = text,
                     .end = text + bytes,
                     .where = where,
                     .err = err};
    const bp__json *v = read_value(&r);
    if (!v)
        return NULL;
    skip_blanks(&r);
    if (r.p != r.end)
        return json_fail(&r, BP_EFORMAT, "text after the end of the value");
    return v;
}

const bp__json *bp__json_get(const bp__json *v, const char *key)
{
    if (!v || v->type != BP__JSON_OBJECT)
        return NULL;
    for (const bp__json *m = v->child; m; m = m->next)
        if (strcmp(m->key, key) == 0)
            return m;
    return NULL;
}

/* ---- writing ------------------------------------------------------------ */

void bp__json_quote(bp__str *out, const char *s)
{
    static const char hex[] = "0123456789abcdef";
    const char *end = s + strlen(s);
    bp__str_add(out, "\"", 1);
    while (s < end) {
        const char *plain = s;
        int n;
        while (s < end && (unsigned char)*s >= 0x20 && *s != '"' &&
               *s != '\\' && (n = bp__utf8_length(s, end)) > 0)
            s += n;
        bp__str_add(out, plain, (size_t)(s - plain));
        if (s == end)
            break;
        unsigned char c = (unsigned char)*s++;
        if (c == '"' || c == '\\') {
            char two[2] = {'\\', (char)c};
            bp__str_add(out, two, 2);
        } else if (c == '\n') {
            bp__str_add(out, "\\n", 2);
        } else if (c == '\t') {
            bp__str_add(out, "\\t", 2);
        } else if (c < 0x20) {
            char six[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
            bp__str_add(out, six, 6);
        } else {
            bp__str_add(out, "\xef\xbf\xbd", 3);
        }
    }
    bp__str_add(out, "\"", 1);
}

void bp__jw_init(bp__json_writer *w, bp__str *out)
{
    w->out = out;
    w->comma = false;
}

static void jw_begin(bp__json_writer *w, const char *key)
{
    if (w->comma)
        bp__str_add(w->out, ",", 1);
    if (key) {
        bp__json_quote(w->out, key);
        bp__str_add(w->out, ":", 1);
    }
    w->comma = true;
}

void bp__jw_object(bp__json_writer *w, const char *key)
{
    jw_begin(w, key);
    bp__str_add(w->out, "{", 1);
    w->comma = false;
}

void bp__jw_array(bp__json_writer *w, const char *key)
{
    jw_begin(w, key);
    bp__str_add(w->out, "[", 1);
    w->comma = false;
}

void bp__jw_end_object(bp__json_writer *w)
{
    bp__str_add(w->out, "}", 1);
    w->comma = true;
}

void bp__jw_end_array(bp__json_writer *w)
{
    bp__str_add(w->out, "]", 1);
    w->comma = true;
}

void bp__jw_string(bp__json_writer *w, const char *key, const char *s)
{
    jw_begin(w, key);
    bp__json_quote(w->out, s);
}

void bp__jw_int(bp__json_writer *w, const char *key, int64_t x)
{
    jw_begin(w, key);
    bp__str_printf(w->out, "%lld", (long long)x);
}

static void jw_text(bp__json_writer *w, const char *key, const char *text)
{
    jw_begin(w, key);
    bp__str_add(w->out, text, strlen(text));
}

static bool is_finite(double x)
{
    return x - x == 0;
}

void bp__jw_double(bp__json_writer *w, const char *key, double x)
{
    char buf[32];
    bp__format_double(buf, x);
    jw_text(w, key, is_finite(x) ? buf : "null");
}

void bp__jw_float(bp__json_writer *w, const char *key, float x)
{
    char buf[32];
    bp__format_float(buf, x);
    jw_text(w, key, is_finite((double)x) ? buf : "null");
}

void bp__jw_bool(bp__json_writer *w, const char *key, bool x)
{
    jw_text(w, key, x ? "true" : "false");
}

void bp__jw_null(bp__json_writer *w, const char *key)
{
    jw_text(w, key, "null");
}
