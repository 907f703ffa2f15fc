/* Strings that grow, printf without the locale, edit distance. */
#include "base/base.h"

#include <stdio.h>

/* ---- printf ------------------------------------------------------------- */

typedef struct print_sink {
    char *buf;
    size_t bytes, n; /* room; bytes wanted so far */
} print_sink;

static void sink_put(print_sink *o, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++, o->n++)
        if (o->n + 1 < o->bytes)
            o->buf[o->n] = s[i];
}

static void sink_pad(print_sink *o, int n)
{
    for (; n > 0; n--)
        sink_put(o, " ", 1);
}

typedef struct print_spec {
    char flags[8];
    int width, precision; /* -1: none */
    char length[3];
    char conversion;
} print_spec;

/* A number, or the next int argument for '*'. The callers' va_list is passed
 * as a pointer to a struct because va_list may be an array type. */
typedef struct print_args {
    va_list ap;
} print_args;

static const char *read_number(const char *f, print_args *args, int *out)
{
    if (*f == '*') {
        *out = va_arg(args->ap, int);
        return f + 1;
    }
    *out = 0;
    for (; *f >= '0' && *f <= '9'; f++)
        if (*out < 100000)
            *out = *out * 10 + (*f - '0');
    return f;
}

static const char *read_spec(const char *f, print_args *args, print_spec *s)
{
    memset(s, 0, sizeof *s);
    s->width = s->precision = -1;
    for (int n = 0; *f && strchr("-+ #0", *f); f++)
        if (n < 6)
            s->flags[n++] = *f;
    if (*f == '*' || (*f >= '1' && *f <= '9'))
        f = read_number(f, args, &s->width);
    if (s->width < -1) {
        s->width = -s->width;
        memcpy(s->flags + strlen(s->flags), "-", 2);
    }
    if (*f == '.')
        f = read_number(f + 1, args, &s->precision);
    for (int n = 0; *f && strchr("hlzjt", *f); f++)
        if (n < 2)
            s->length[n++] = *f;
    s->conversion = *f;
    return *f ? f + 1 : f;
}

static void put_string(print_sink *o, const print_spec *s, const char *text)
{
    if (!text)
        text = "(null)";
    size_t n = 0;
    while ((s->precision < 0 || n < (size_t)s->precision) && text[n])
        n++;
    int pad = s->width > 0 && (size_t)s->width > n ? s->width - (int)n : 0;
    bool left = strchr(s->flags, '-') != NULL;
    if (!left)
        sink_pad(o, pad);
    sink_put(o, text, n);
    if (left)
        sink_pad(o, pad);
}

/* Whatever bytes a locale uses for the decimal point become one '.'. */
static size_t plain_point(char *s, size_t n)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (strchr("0123456789+- eExXpPinfaINFAabcdABCD", s[i])) {
            s[k++] = s[i];
        } else {
            if (k == 0 || s[k - 1] != '.')
                s[k++] = '.';
        }
    }
    return k;
}

static void put_number(print_sink *o, const print_spec *s, print_args *args)
{
    char form[48], text[560];
    int width = BP__MIN(s->width, 200), precision = BP__MIN(s->precision, 200);
    char w[16] = "", p[16] = "";
    if (width >= 0)
        snprintf(w, sizeof w, "%d", width);
    if (precision >= 0)
        snprintf(p, sizeof p, ".%d", precision);
    bool real = strchr("eEfFgGaA", s->conversion) != NULL;
    bool whole = strchr("diuxXo", s->conversion) != NULL;
    bool is_signed = s->conversion == 'd' || s->conversion == 'i';
    snprintf(form, sizeof form, "%%%s%s%s%s%c", s->flags, w, p,
             whole ? "j" : "", s->conversion);
    int n;
    if (real) {
        n = snprintf(text, sizeof text, form, va_arg(args->ap, double));
    } else if (!whole) {
        n = s->conversion == 'c'
                ? snprintf(text, sizeof text, form, va_arg(args->ap, int))
                : snprintf(text, sizeof text, form, va_arg(args->ap, void *));
    } else {
        intmax_t i;
        uintmax_t u;
        switch (s->length[0]) {
        case 'l':
            i = s->length[1] ? (intmax_t)va_arg(args->ap, long long)
                             : (intmax_t)va_arg(args->ap, long);
            u = s->length[1] ? (unsigned long long)i : (unsigned long)i;
            break;
        case 'z':
        case 't':
            i = (intmax_t)va_arg(args->ap, ptrdiff_t);
            u = (size_t)i;
            break;
        case 'j':
            i = va_arg(args->ap, intmax_t);
            u = (uintmax_t)i;
            break;
        case 'h':
            i = va_arg(args->ap, int);
            u = s->length[1] ? (unsigned char)i : (unsigned short)i;
            i = s->length[1] ? (signed char)i : (short)i;
            break;
        default:
            i = va_arg(args->ap, int);
            u = (unsigned)i;
        }
        n = is_signed ? snprintf(text, sizeof text, form, i)
                      : snprintf(text, sizeof text, form, u);
    }
    if (n < 0)
        return;
    size_t len = BP__MIN((size_t)n, sizeof text - 1);
    sink_put(o, text, real ? plain_point(text, len) : len);
}

int bp__vsnprintf(char *buf, size_t bytes, const char *format, va_list ap)
{
    print_sink o = {buf, bytes, 0};
    print_args args;
    va_copy(args.ap, ap);
    for (const char *f = format; *f;) {
        const char *percent = strchr(f, '%');
        size_t n = percent ? (size_t)(percent - f) : strlen(f);
        sink_put(&o, f, n);
        f += n;
        if (!percent)
            break;
        print_spec s;
        f = read_spec(f + 1, &args, &s);
        if (s.conversion == '%')
            sink_put(&o, "%", 1);
        else if (s.conversion == 's')
            put_string(&o, &s, va_arg(args.ap, const char *));
        else if (s.conversion && strchr("diuxXocpeEfFgGaA", s.conversion))
            put_number(&o, &s, &args);
    }
    va_end(args.ap);
    if (bytes)
        buf[BP__MIN(o.n, bytes - 1)] = '\0';
    return o.n > 0x7ffffff0 ? -1 : (int)o.n;
}

int bp__snprintf(char *buf, size_t bytes, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = bp__vsnprintf(buf, bytes, format, ap);
    va_end(ap);
    return n;
}

/* ---- strings ------------------------------------------------------------ */

/* s is a C string at any time; while cap is 0 it is not our memory. */
static const char nothing[1] = "";

void bp__str_init(bp__str *t, const bp_allocator *a)
{
    memset(t, 0, sizeof *t);
    t->a = a ? *a : bp__malloc_allocator;
    t->s = (char *)(uintptr_t)nothing;
}

void bp__str_free(bp__str *t)
{
    if (t->cap)
        bp__free(&t->a, t->s, t->cap);
    t->s = (char *)(uintptr_t)nothing;
    t->len = t->cap = 0;
}

static bool str_reserve(bp__str *t, size_t n)
{
    if (t->failed)
        return false;
    char *s = t->cap ? t->s : NULL;
    if (n > PTRDIFF_MAX - t->len - 1 ||
        !bp__grow(&t->a, &s, &t->cap, t->len + n + 1, 1)) {
        t->failed = true;
        return false;
    }
    t->s = s;
    return true;
}

void bp__str_add(bp__str *t, const char *s, size_t n)
{
    if (!str_reserve(t, n))
        return;
    if (n)
        memcpy(t->s + t->len, s, n);
    t->len += n;
    t->s[t->len] = '\0';
}

bp_status bp__str_write(bp__str *t, bp_write_fn write, void *user)
{
    bp_status st = t->failed ? BP_ENOMEM
                   : t->len && write(user, t->s, t->len) ? BP_EIO
                                                         : BP_OK;
    bp__str_free(t);
    return st;
}

void bp__str_vprintf(bp__str *t, const char *format, va_list ap)
{
    int n = bp__vsnprintf(NULL, 0, format, ap);
    if (n < 0)
        t->failed = true;
    if (n < 0 || !str_reserve(t, (size_t)n))
        return;
    bp__vsnprintf(t->s + t->len, (size_t)n + 1, format, ap);
    t->len += (size_t)n;
}

void bp__str_printf(bp__str *t, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    bp__str_vprintf(t, format, ap);
    va_end(ap);
}

/* ---- edit distance -------------------------------------------------------*/

int bp__edit_distance(const char *a, const char *b)
{
    enum { MAX = 63 };
    size_t na = strlen(a), nb = strlen(b);
    if (na > MAX || nb > MAX)
        return 1000;
    int row[3][MAX + 1]; /* rows i-2, i-1 and i, taken in turns */
    for (size_t j = 0; j <= nb; j++)
        row[0][j] = (int)j;
    for (size_t i = 1; i <= na; i++) {
        int *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            int best = up[j - 1] + (a[i - 1] != b[j - 1]);
            best = BP__MIN(best, up[j] + 1);
            best = BP__MIN(best, now[j - 1] + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = BP__MIN(best, up2[j - 2] + 1);
            now[j] = best;
        }
    }
    return row[na % 3][nb];
}

/* A third of the letters may be wrong, and one or two always. */
static bool near_enough(const char *word, const char *name, int distance)
{
    size_t a = strlen(word), b = strlen(name);
    int len = (int)BP__MAX(a, b), most = len < 6 ? 2 : len / 3 + 1;
    return distance <= most && distance < len;
}

const char *bp__near_text(const char *word, const char *const *names, size_t n,
                          const char *between, char *buf)
{
    int least = 1000;
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        int d = bp__edit_distance(word, names[i]);
        if (d < least && near_enough(word, names[i], d))
            least = d;
    }
    for (size_t i = 0; i < n; i++) {
        size_t one = strlen(names[i]), common = BP__MIN(strlen(word), one);
        bool near = least < 1000
                        ? bp__edit_distance(word, names[i]) == least
                        : common >= 3 && !strncmp(word, names[i], common);
        if (near && len + one + 10 < BP__NEAR_BYTES)
            len += (size_t)bp__snprintf(buf + len, BP__NEAR_BYTES - len,
                                        "%s%s", len ? between : "", names[i]);
        if (near && least == 1000)
            break;
    }
    return len ? buf : NULL;
}

const char *bp__nearest(const char *word, const char *const *names, size_t n)
{
    char buf[BP__NEAR_BYTES];
    const char *first = bp__near_text(word, names, n, "\n", buf);
    size_t len = first ? strcspn(first, "\n") : 0;
    for (size_t i = 0; i < n && first; i++)
        if (strlen(names[i]) == len && !strncmp(names[i], first, len))
            return names[i];
    return NULL;
}

/* ---- UTF-8 -------------------------------------------------------------- */

int bp__utf8_length(const char *p, const char *end)
{
    const unsigned char *s = (const unsigned char *)p;
    ptrdiff_t n = end - p;
    if (s[0] < 0x80)
        return 1;
    int len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n < len)
        return 0;
    for (int i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return len;
}

size_t bp__utf8_bad(const void *text, size_t bytes)
{
    const char *s = text, *p = s, *end = s + bytes;
    while (p < end) {
        int n = *p > 0 ? 1 : bp__utf8_length(p, end);
        if (n == 0)
            break;
        p += n;
    }
    return (size_t)(p - s);
}
