/* --set key.path=value on a tree. */
#include "config/yaml.h"

/* One step down from *at, making what is missing. Returns NULL with a
 * problem. */
static bp__ynode *override_step(bp__diags *d, bp__ynode *at, bp__place place,
                                const char *key)
{
    if (at->kind == BP__Y_LIST) {
        int64_t i;
        if (!bp__parse_int64(key, &i) || i < 0 || (uint64_t)i >= at->n) {
            bp__diag_add(d, place,
                         "'%s' is not a position in a list of %zu (0 to %zu)",
                         key, at->n, at->n ? at->n - 1 : 0);
            return NULL;
        }
        bp__ynode *c = at->child;
        while (i--)
            c = c->next;
        return c;
    }
    if (at->kind == BP__Y_SCALAR) {
        bp__ynode *old = NULL;
        if (!bp__yaml_is_null(at))
            old = bp__yaml_scalar(d->arena, at->at, at->plain, at->text);
        at->kind = BP__Y_MAP;
        at->child = at->last = NULL;
        at->n = 0;
        if (old && !strcmp(old->text, key))
            old->text = "", old->plain = true;
        else if (old)
            bp__yaml_append(at, "", old->at, old), old = NULL;
        if (old)
            bp__yaml_append(at, bp__arena_strdup(d->arena, key), place, old);
        at->text = "";
    }
    bp__ynode *c = bp__yaml_get(at, key);
    if (c)
        return c;
    c = bp__yaml_scalar(d->arena, place, true, "");
    const char *copy = bp__arena_strdup(d->arena, key);
    if (!c || !copy)
        return NULL;
    bp__yaml_append(at, copy, place, c);
    return c;
}

/* Overwrites a node's value, keeping its place among its siblings. */
static void override_value(bp__ynode *at, const bp__ynode *value,
                           bp__place place)
{
    bp__ynode keep = *at;
    *at = *value;
    at->at = place;
    at->key = keep.key;
    at->key_at = place;
    at->next = keep.next;
}

/* Every node of a value comes from the option, and says so. */
static void override_places(bp__ynode *n, bp__place place)
{
    n->at = n->key_at = place;
    for (bp__ynode *c = n->child; c; c = c->next)
        override_places(c, place);
}

void bp__yaml_override(bp__diags *d, bp__ynode *root, const char *option)
{
    const char *eq = strchr(option, '=');
    size_t n = eq ? (size_t)(eq - option) : strlen(option);
    bp__place place = {bp__arena_printf(d->arena, "--set %.*s", (int)n, option),
                       0, 0};
    char *path = bp__arena_alloc(d->arena, n + 1);
    if (!path || !place.file)
        return;
    memcpy(path, option, n);
    if (!eq || !n) {
        bp__diag_add(d, place, "expected key.path=value, such as "
                               "train.epochs=3");
        return;
    }
    bp__diags inner;
    bp__diags_init(&inner, d->arena);
    bp__ynode *value;
    if (eq[1]) {
        value = bp__yaml_parse(&inner, place.file, eq + 1, strlen(eq + 1));
        if (value)
            override_places(value, place);
    } else {
        value = bp__yaml_scalar(d->arena, place, true, "");
    }
    for (size_t i = 0; i < inner.n; i++)
        bp__diag_add(d, place, "%s", inner.list[i].message);
    if (!value)
        return;
    bp__ynode *at = root;
    for (char *key = path; at;) {
        char *dot = strchr(key, '.');
        if (dot)
            *dot = 0;
        if (!*key) {
            bp__diag_add(d, place, "an empty step in the path");
            return;
        }
        at = override_step(d, at, place, key);
        if (!dot)
            break;
        key = dot + 1;
    }
    if (at)
        override_value(at, value, place);
}
