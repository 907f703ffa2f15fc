/* The part of the schema that is about tables: data.table, which says how to
 * read one, and data.columns, which training writes. */
#include "source/tables.h"

#define WORDS(w) .words = (w), .n_words = BP__ARRAY_LEN(w)
#define LIMITS(lo, hi) .min = (lo), .max = (hi)

/* A map of any keys whose values are like `value`. */
static bp__ynode *read_map(bp__scheck *c, const char *path,
                           const bp__skey *value, bp__ynode *raw)
{
    char what[120];
    if (raw->kind != BP__Y_MAP) {
        bp__diag_add(c->d, raw->at, "%s: expected a map, got %s", path,
                     bp__yaml_what(raw, what));
        return NULL;
    }
    bp__ynode *map = bp__yaml_new(c->d->arena, BP__Y_MAP, raw->at);
    for (bp__ynode *n = raw->child; map && n; n = n->next) {
        const char *sub = bp__arena_printf(c->d->arena, "%s.%s", path, n->key);
        bp__yaml_append(map, n->key, n->key_at,
                        bp__schema_value(c, sub ? sub : path, value, n));
    }
    return map;
}

static bp__ynode *read_rename(bp__scheck *c, const char *path, bp__ynode *raw)
{
    static const bp__skey value = {.name = "cell", .type = BP__S_TEXT};
    return read_map(c, path, &value, raw);
}

static const char *const kind_words[] = {"ignored", "number", "category",
                                         "embedding"};

static bp__ynode *read_kinds(bp__scheck *c, const char *path, bp__ynode *raw)
{
    static const bp__skey value = {.name = "kind", .type = BP__S_WORD,
                                   WORDS(kind_words)};
    return read_map(c, path, &value, raw);
}

static const char *const task_words[] = {"class", "number"};
static const char *const bins_words[] = {"auto"};
static const char *const header_words[] = {"guess", "with", "without"};
static const char *const separator_words[] = {"comma", "semicolon", "tab",
                                              "bar"};
const bp__skey bp__table_keys[BP__TABLE_N_KEYS] = {
    {.name = "target", .type = BP__S_TEXTS, .fallback = "",
     .doc = "a column's name, or its number from 1; the last one unless "
            "given; several are numbers, in the order of the columns",
     .n_min = 1, .n_max = 1000},
    {.name = "task", .type = BP__S_WORD, .fallback = "", WORDS(task_words),
     .doc = "what the target is; guessed unless given"},
    {.name = "bins", .type = BP__S_WORD_OR_INT, .fallback = "auto",
     LIMITS(0, 256), WORDS(bins_words),
     .doc = "intervals that a number is cut into, besides its value; auto: 4 "
            "to 64, by the number of rows"},
    {.name = "separator", .type = BP__S_WORD, .fallback = "",
     WORDS(separator_words), .doc = "between cells; guessed unless given"},
    {.name = "header", .type = BP__S_WORD, .fallback = "guess",
     WORDS(header_words), .doc = "a first row of names"},
    {.name = "missing", .type = BP__S_TEXTS, .fallback = "",
     .doc = "further words for a missing value, besides ?, NA and the like",
     .n_min = 1, .n_max = 1000},
    {.name = "rename", .type = BP__S_CUSTOM, .fallback = "",
     .custom = read_rename, .what = "a map of texts",
     .doc = "cells that stand for others"},
    {.name = "columns", .type = BP__S_CUSTOM, .fallback = "",
     .custom = read_kinds, .what = "a map of ignored, number, category or embedding",
     .doc = "kinds that are not to be guessed"},
};

/* ---- what training learned ---------------------------------------------- */

static const bp__skey column_keys[] = {
    {.name = "name", .type = BP__S_TEXT},
    {.name = "kind", .type = BP__S_WORD, WORDS(kind_words)},
    {.name = "target", .type = BP__S_BOOL, .fallback = "false"},
    {.name = "comma", .type = BP__S_BOOL, .fallback = "false"},
    {.name = "missing", .type = BP__S_BOOL, .fallback = "false"},
    {.name = "why", .type = BP__S_TEXT, .fallback = ""},
    {.name = "center", .type = BP__S_NUMBER, .fallback = "0"},
    {.name = "factor", .type = BP__S_NUMBER, .fallback = "1"},
    {.name = "edges", .type = BP__S_NUMBERS, .fallback = ""},
    {.name = "words", .type = BP__S_TEXTS, .fallback = ""},
};
static const bp__skey column_key = {
    .name = "column", .type = BP__S_MAP, .keys = column_keys,
    .n_keys = BP__ARRAY_LEN(column_keys)};

bp__ynode *bp__read_columns(bp__scheck *c, const char *path, bp__ynode *raw)
{
    char what[120];
    if (raw->kind != BP__Y_LIST || !raw->n) {
        bp__diag_add(c->d, raw->at, "%s: expected a list, got %s", path,
                     bp__yaml_what(raw, what));
        return NULL;
    }
    bp__ynode *list = bp__yaml_new(c->d->arena, BP__Y_LIST, raw->at);
    for (bp__ynode *n = raw->child; list && n; n = n->next)
        bp__yaml_append(list, NULL, n->at,
                        bp__schema_value(c, path, &column_key, n));
    return list;
}
