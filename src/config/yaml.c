/* libyaml's events -> the tree, without recursion. Anchors and aliases are
 * copied out; the number of copied nodes and the depth are limited, so that a
 * small hostile file cannot grow. What stands in the file itself may be as
 * long as the file: what a run keeps of its data may be much. */
#include "config/yaml.h"

#include <stdlib.h>

#ifdef BP__HAVE_YAML
#include <yaml.h>
#endif

enum { YAML_MAX_DEPTH = 64, YAML_MAX_COPIES = 200000, YAML_MAX_ANCHORS = 256 };

typedef struct yaml_build {
    bp__diags *d;
    const char *file;
    bp__ynode *stack[YAML_MAX_DEPTH];
    int depth;
    bp__ynode *root;
    /* Key that waits for its value, one for each open map. */
    const char *key[YAML_MAX_DEPTH];
    bp__place key_at[YAML_MAX_DEPTH];
    struct {
        const char *name;
        bp__ynode *node;
    } anchors[YAML_MAX_ANCHORS];
    int n_anchors;
    size_t n_copies;
    bool stop;
} yaml_build;

/* ---- building -------------------------------------------------------- */

#ifndef BP__HAVE_YAML
bp__ynode *bp__yaml_parse(bp__diags *d, const char *file, const char *text,
                          size_t bytes)
{
    (void)text;
    (void)bytes;
    bp__diag_add(d, (bp__place){file, 0, 0}, "model files are YAML, and this "
                 "library was built without libyaml");
    return NULL;
}
#else

static bp__place mark_place(const yaml_build *b, yaml_mark_t m)
{
    return (bp__place){b->file, (int)m.line + 1, (int)m.column + 1};
}

static void yaml_fail(yaml_build *b, bp__place at, const char *message)
{
    bp__diag_add(b->d, at, "%s", message);
    b->stop = true;
}

/* Puts a finished or opened node under its parent. */
static void yaml_place_node(yaml_build *b, bp__ynode *n)
{
    if (!n) {
        yaml_fail(b, (bp__place){b->file, 0, 0}, "out of memory");
        return;
    }
    if (!b->depth) {
        b->root = n;
        return;
    }
    bp__ynode *up = b->stack[b->depth - 1];
    if (up->kind == BP__Y_LIST) {
        bp__yaml_append(up, NULL, n->at, n);
        return;
    }
    const char **key = &b->key[b->depth - 1];
    bp__place at = b->key_at[b->depth - 1];
    if (!*key) { /* n is a key */
        if (n->kind != BP__Y_SCALAR) {
            yaml_fail(b, n->at, "a key must be a word, not a list or a map");
            return;
        }
        *key = n->text;
        b->key_at[b->depth - 1] = n->at;
        return;
    }
    bp__yaml_append(up, *key, at, n);
    *key = NULL;
}

/* ---- keys that stand twice ---- */

typedef struct key_place {
    bp__ynode *node;
    size_t at; /* its place in the map */
} key_place;

static int by_key(const void *pa, const void *pb)
{
    const key_place *a = pa, *b = pb;
    int c = strcmp(a->node->key, b->node->key);
    return c ? c : a->at < b->at ? -1 : a->at > b->at;
}

static int by_place(const void *pa, const void *pb)
{
    const key_place *a = pa, *b = pb;
    return a->at < b->at ? -1 : a->at > b->at;
}

/* Keeps the first of each key. A map may have as many as its file has room
 * for: so they are sorted, not compared with each other. */
static size_t keep_first(yaml_build *b, key_place *keys, size_t n)
{
    size_t kept = 0;
    qsort(keys, n, sizeof *keys, by_key);
    for (size_t i = 0; i < n; i++) {
        const bp__ynode *k = keys[i].node;
        const bp__ynode *first = kept ? keys[kept - 1].node : NULL;
        if (first && !strcmp(k->key, first->key))
            bp__diag_add(b->d, k->key_at,
                         "key '%s' stands twice; first in line %d", k->key,
                         first->key_at.line);
        else
            keys[kept++] = keys[i];
    }
    qsort(keys, kept, sizeof *keys, by_place);
    return kept;
}

static void yaml_close(yaml_build *b)
{
    bp__ynode *map = b->stack[--b->depth];
    if (map->kind != BP__Y_MAP || map->n < 2)
        return;
    key_place *keys = bp__calloc(&b->d->arena->a, map->n, sizeof *keys);
    size_t n = map->n, at = 0;
    if (!keys) {
        yaml_fail(b, map->at, "out of memory");
        return;
    }
    for (bp__ynode *c = map->child; c; c = c->next, at++)
        keys[at] = (key_place){c, at};
    size_t kept = keep_first(b, keys, n);
    map->child = map->last = NULL;
    map->n = 0;
    for (size_t i = 0; i < kept; i++)
        bp__yaml_append(map, keys[i].node->key, keys[i].node->key_at,
                        keys[i].node);
    bp__free(&b->d->arena->a, keys, n * sizeof *keys);
}

static void yaml_open(yaml_build *b, bp__ynode *n)
{
    yaml_place_node(b, n);
    if (b->stop)
        return;
    if (b->depth == YAML_MAX_DEPTH) {
        yaml_fail(b, n->at, "lists and maps are nested too deep");
        return;
    }
    b->key[b->depth] = NULL;
    b->stack[b->depth++] = n;
}

static void yaml_anchor(yaml_build *b, const yaml_char_t *name, bp__ynode *n)
{
    if (!name || !n)
        return;
    if (b->n_anchors == YAML_MAX_ANCHORS) {
        yaml_fail(b, n->at, "too many anchors");
        return;
    }
    b->anchors[b->n_anchors].name =
        bp__arena_strdup(b->d->arena, (const char *)name);
    b->anchors[b->n_anchors++].node = n;
}

static void yaml_alias(yaml_build *b, const char *name, bp__place at)
{
    for (int i = b->n_anchors; i-- > 0;) {
        if (!b->anchors[i].name || strcmp(b->anchors[i].name, name))
            continue;
        for (int k = 0; k < b->depth; k++)
            if (b->stack[k] == b->anchors[i].node) {
                yaml_fail(b, at, "an alias inside its own anchor");
                return;
            }
        size_t left = YAML_MAX_COPIES - b->n_copies, had = left;
        bp__ynode *n = bp__yaml_copy_limited(b->d->arena, b->anchors[i].node, &left);
        b->n_copies += had - left;
        if (!n && !left) {
            yaml_fail(b, at, "too many values by aliases");
            return;
        }
        if (n)
            n->at = at;
        yaml_place_node(b, n);
        return;
    }
    bp__diag_add(b->d, at, "no anchor '&%s' before this alias", name);
    yaml_place_node(b, bp__yaml_scalar(b->d->arena, at, true, ""));
}

static void yaml_scalar_event(yaml_build *b, const yaml_event_t *e)
{
    bp__place at = mark_place(b, e->start_mark);
    const char *text = (const char *)e->data.scalar.value;
    if (strlen(text) != e->data.scalar.length) {
        yaml_fail(b, at, "a NUL character in a value");
        return;
    }
    bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    bp__ynode *n = bp__yaml_scalar(b->d->arena, at, plain, text);
    yaml_anchor(b, e->data.scalar.anchor, n);
    yaml_place_node(b, n);
}

static void yaml_event(yaml_build *b, const yaml_event_t *e)
{
    bp__place at = mark_place(b, e->start_mark);
    bp__ynode *n;
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (b->root)
            yaml_fail(b, at, "a second document; a model file has one");
        break;
    case YAML_SCALAR_EVENT:
        yaml_scalar_event(b, e);
        break;
    case YAML_ALIAS_EVENT:
        yaml_alias(b, (const char *)e->data.alias.anchor, at);
        break;
    case YAML_SEQUENCE_START_EVENT:
        n = bp__yaml_new(b->d->arena, BP__Y_LIST, at);
        yaml_anchor(b, e->data.sequence_start.anchor, n);
        yaml_open(b, n);
        break;
    case YAML_MAPPING_START_EVENT:
        n = bp__yaml_new(b->d->arena, BP__Y_MAP, at);
        yaml_anchor(b, e->data.mapping_start.anchor, n);
        yaml_open(b, n);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        yaml_close(b);
        break;
    default:
        break;
    }
}

static void yaml_syntax(yaml_build *b, const yaml_parser_t *p)
{
    const char *what = p->problem ? p->problem : "not YAML";
    if (p->error == YAML_MEMORY_ERROR) {
        yaml_fail(b, (bp__place){b->file, 0, 0}, "out of memory");
        return;
    }
    bp__place at = mark_place(b, p->problem_mark);
    if (p->error == YAML_READER_ERROR) {
        bp__diag_add(b->d, (bp__place){b->file, 0, 0},
                     "not a text in UTF-8: %s at byte %zu", what,
                     p->problem_offset);
    } else if (!strcmp(what, "found character that cannot start any token")) {
        bp__diag_add(b->d, at, "not YAML: %s (a tab? indent with blanks)",
                     what);
    } else {
        bp__diag_add(b->d, at, "not YAML: %s%s%s", what,
                     p->context ? " " : "", p->context ? p->context : "");
    }
    b->stop = true;
}

bp__ynode *bp__yaml_parse(bp__diags *d, const char *file, const char *text,
                          size_t bytes)
{
    yaml_build *b = bp__calloc(&d->arena->a, 1, sizeof *b);
    yaml_parser_t parser;
    if (!b || !yaml_parser_initialize(&parser)) {
        bp__free(&d->arena->a, b, sizeof *b);
        bp__diag_add(d, (bp__place){file, 0, 0}, "out of memory");
        return NULL;
    }
    b->d = d;
    b->file = file;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, bytes);
    bool end = false;
    while (!end && !b->stop) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            yaml_syntax(b, &parser);
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event(b, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    bp__ynode *root = b->stop ? NULL : b->root;
    if (!root && !b->stop)
        bp__diag_add(d, (bp__place){file, 1, 1}, "the file is empty");
    bp__free(&d->arena->a, b, sizeof *b);
    return root;
}
#endif
