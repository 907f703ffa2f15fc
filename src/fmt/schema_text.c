/* The schema in words: for messages, and as a reference. */
#include "fmt/schema.h"

static void number_text(const bp__skey *k, bool whole, char *buf)
{
    char lo[32], hi[32];
    const char *noun = whole ? "a whole number" : "a number";
    bp__format_double(lo, k->min);
    bp__format_double(hi, k->max);
    const char *from = k->above_min ? "above" : "from";
    if (k->min == k->max)
        bp__snprintf(buf, 200, "%s", noun);
    else if (k->max >= 1 << 30)
        bp__snprintf(buf, 200, "%s %s %s", noun, from, lo);
    else
        bp__snprintf(buf, 200, "%s %s %s %s %s", noun, from, lo,
                     k->below_max ? "to below" : "to", hi);
}

static void words_text(const bp__skey *k, char *buf)
{
    size_t n = 0;
    buf[0] = 0;
    for (size_t i = 0; i < k->n_words && n < 160; i++)
        n += (size_t)bp__snprintf(buf + n, 200 - n, "%s%s",
                                  !i ? "" : i + 1 == k->n_words ? " or " : ", ",
                                  k->words[i]);
}

static void list_text(const bp__skey *k, const char *noun, char *buf)
{
    if (!k->n_min && !k->n_max)
        bp__snprintf(buf, 200, "a list of %s", noun);
    else if (k->n_min == k->n_max)
        bp__snprintf(buf, 200, "a list of %d %s", k->n_min, noun);
    else if (k->n_max >= 100000)
        bp__snprintf(buf, 200, "a list of at least %d %s", k->n_min, noun);
    else
        bp__snprintf(buf, 200, "a list of %d to %d %s", k->n_min, k->n_max,
                     noun);
}

const char *bp__schema_expects(const bp__skey *k, char *buf)
{
    switch (k->type) {
    case BP__S_INT:
    case BP__S_NUMBER:
        number_text(k, k->type == BP__S_INT, buf);
        break;
    case BP__S_WORD:
        words_text(k, buf);
        break;
    case BP__S_INTS:
        list_text(k, "whole numbers", buf);
        break;
    case BP__S_NUMBERS:
        list_text(k, "numbers", buf);
        break;
    case BP__S_TEXTS:
        list_text(k, "texts", buf);
        break;
    default:
        bp__snprintf(buf, 200, "%s",
                     k->type == BP__S_BOOL     ? "true or false"
                     : k->type == BP__S_TEXT   ? "a text"
                     : k->type == BP__S_CUSTOM ? k->what
                                               : "a map");
    }
    return buf;
}

void bp__schema_describe(const bp__skey *top, const char *path, bp__str *out)
{
    const bp__skey *k;
    for (size_t i = 0; (k = bp__schema_key(top, i)); i++) {
        char name[120], buf[200];
        bp__snprintf(name, sizeof name, "%s%s%s", path, *path ? "." : "",
                     k->name);
        bool map = k->type == BP__S_MAP;
        bp__str_printf(out, map && !k->doc ? "%s" : "%-25s", name);
        if (!map)
            bp__str_printf(out, " %s", bp__schema_expects(k, buf));
        if (!map && !k->fallback)
            bp__str_printf(out, "; needed");
        else if (!map && k->fallback[0])
            bp__str_printf(out, "; %s unless given", k->fallback);
        if (k->doc)
            bp__str_printf(out, "%s%s", map ? " " : "\n                          ",
                           k->doc);
        bp__str_printf(out, "\n");
        bp__schema_describe(k, name, out);
    }
}
