/* The tree as YAML text that parses into the same tree. Maps and lists of
 * maps stand in blocks; small leaves in one line. */
#include "config/yaml.h"

/* A plain scalar that was read as plain stays plain; any other text is quoted
 * unless it is a word that YAML cannot take for something else. */
static bool word_is_safe(const char *s)
{
    if (!*s || !strcmp(s, "~") || !strcmp(s, "null"))
        return false;
    for (const char *p = s; *p; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                      *p == '_';
        bool other = (*p >= '0' && *p <= '9') || *p == '.' || *p == '-' ||
                     *p == '/' || *p == '+';
        if (p == s ? !letter && *p != '.' && *p != '/' &&
                         !(*p >= '0' && *p <= '9') && *p != '-'
                   : !letter && !other)
            return false;
    }
    return strcmp(s, "-") != 0;
}

static bool looks_like_value(const char *s)
{
    double x;
    return bp__parse_double(s, &x) || !strcmp(s, "true") || !strcmp(s, "false");
}

static void print_scalar(const bp__ynode *n, bp__str *out)
{
    if (word_is_safe(n->text) && (n->plain || !looks_like_value(n->text))) {
        bp__str_printf(out, "%s", n->text);
        return;
    }
    if (n->plain && bp__yaml_is_null(n)) {
        bp__str_add(out, "null", 4);
        return;
    }
    bp__yaml_quote(out, n->text);
}

static void print_key(const bp__ynode *n, bp__str *out)
{
    bp__ynode key = {.kind = BP__Y_SCALAR, .text = n->key};
    key.plain = looks_like_value(n->key);
    print_scalar(&key, out);
    bp__str_add(out, ":", 1);
}

static void print_flow(const bp__ynode *n, bp__str *out)
{
    if (n->kind == BP__Y_SCALAR) {
        print_scalar(n, out);
        return;
    }
    bool map = n->kind == BP__Y_MAP;
    bp__str_add(out, map ? "{" : "[", 1);
    for (const bp__ynode *c = n->child; c; c = c->next) {
        if (map) {
            print_key(c, out);
            bp__str_add(out, " ", 1);
        }
        print_flow(c, out);
        if (c->next)
            bp__str_add(out, ", ", 2);
    }
    bp__str_add(out, map ? "}" : "]", 1);
}

/* Width of the flow form; large if it holds a list of maps. */
static size_t flow_width(const bp__ynode *n)
{
    size_t w = strlen(n->text) + 4 + (n->key ? strlen(n->key) + 2 : 0);
    for (const bp__ynode *c = n->child; c && w < 200; c = c->next)
        w += flow_width(c);
    return w;
}

static void print_block(const bp__ynode *n, int indent, bool inside_item,
                        bp__str *out)
{
    bool map = n->kind == BP__Y_MAP;
    for (const bp__ynode *c = n->child; c; c = c->next) {
        if (!(inside_item && c == n->child))
            bp__str_printf(out, "%*s", indent, "");
        if (!map)
            bp__str_add(out, "-", 1);
        else
            print_key(c, out);
        bool leaf = c->kind == BP__Y_SCALAR || !c->n;
        bool top = indent == 0 && map && c->kind == BP__Y_MAP && c->n > 1;
        bool item = !map && c->kind == BP__Y_MAP; /* "- dense: {...}" */
        if (leaf || (!top && !item && flow_width(c) + (size_t)indent <= 76)) {
            bp__str_add(out, " ", 1);
            print_flow(c, out);
            bp__str_add(out, "\n", 1);
        } else if (map) {
            bp__str_add(out, "\n", 1);
            print_block(c, indent + 2, false, out);
        } else {
            bp__str_add(out, " ", 1);
            print_block(c, indent + 2, true, out);
        }
    }
}

void bp__yaml_print(const bp__ynode *root, bp__str *out)
{
    if (root->kind == BP__Y_SCALAR || !root->n) {
        print_flow(root, out);
        bp__str_add(out, "\n", 1);
    } else {
        print_block(root, 0, false, out);
    }
}
