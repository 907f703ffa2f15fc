/* YAML text <-> a tree whose every node knows where it was written.
 *
 * The tree lives in an arena. Scalars keep their text; what it means is for
 * the schema to say. Problems are collected, not returned one at a time, so
 * that a user sees all of a file's errors at once. Knows nothing of models.
 * libyaml allocates through malloc, whatever the arena's allocator is.
 */
#ifndef BP__CONFIG_YAML_H
#define BP__CONFIG_YAML_H

#include "base/base.h"

/* ---- problems (diag.c) ---------------------------------------------- */

/* A place in a file; line 0: the whole of it (a --set option). */
typedef struct bp__place {
    const char *file;
    int line, column; /* from 1 */
} bp__place;

typedef struct bp__diag {
    bp__place at;
    const char *message;
    size_t order;
} bp__diag;

typedef struct bp__diags {
    bp__arena *arena;
    bp__diag *list;
    size_t n, cap;
} bp__diags;

void bp__diags_init(bp__diags *d, bp__arena *arena);
void bp__diag_add(bp__diags *d, bp__place at, const char *format, ...)
    BP__PRINTF(3, 4);
/* "file:line:column: message" lines in the order of the file, each once. */
void bp__diags_print(bp__diags *d, bp__str *out);
/* Nearest of n names, or NULL where none is near enough to be meant. */
const char *bp__nearest(const char *word, const char *const *names, size_t n);

/* ---- the tree (yaml.c) ----------------------------------------------- */

typedef enum bp__ykind { BP__Y_SCALAR, BP__Y_LIST, BP__Y_MAP } bp__ykind;

typedef struct bp__ynode bp__ynode;
struct bp__ynode {
    bp__ykind kind;
    bool plain;       /* a scalar without quotes */
    const char *text; /* of a scalar; "" elsewhere */
    bp__place at;
    const char *key;  /* of a member of a map; else NULL */
    bp__place key_at;
    bp__ynode *child, *last, *next;
    size_t n; /* children */
};

/* One document. NULL: nothing usable, and d says why. Duplicate keys are
 * problems; the first one stays. */
bp__ynode *bp__yaml_parse(bp__diags *d, const char *file, const char *text,
                          size_t bytes);
bp__ynode *bp__yaml_get(const bp__ynode *map, const char *key);
/* New nodes, for overrides and for the resolved tree. NULL: no memory. */
bp__ynode *bp__yaml_new(bp__arena *a, bp__ykind kind, bp__place at);
bp__ynode *bp__yaml_scalar(bp__arena *a, bp__place at, bool plain,
                           const char *text);
void bp__yaml_append(bp__ynode *parent, const char *key, bp__place key_at,
                     bp__ynode *child);
bp__ynode *bp__yaml_copy(bp__arena *a, const bp__ynode *n);
/* "a number", "a list of 3" ...: for messages. buf: 120 bytes. */
const char *bp__yaml_what(const bp__ynode *n, char *buf);
bool bp__yaml_is_null(const bp__ynode *n);

/* Applies "path.to.key=value" (value: YAML) to the tree. Steps of the path
 * are keys, or positions in a list from 0. Where a step meets a scalar, that
 * becomes a map: {} if the step is its text ("relu" -> {relu: {}}), or else
 * {"": scalar}, the argument that a short form stands for. */
void bp__yaml_override(bp__diags *d, bp__ynode *root, const char *option);

/* Writes the tree as YAML that parses into the same tree. */
void bp__yaml_print(const bp__ynode *root, bp__str *out);

/* A text in double quotes, whatever it holds. */
void bp__yaml_quote(bp__str *out, const char *s);

#endif
