/* What a YAML text holds: a tree whose every node knows where it was written.
 *
 * The tree lives in an arena. Scalars keep their text; what it means is for
 * the schema to say. Problems are collected, not returned one at a time, so
 * that a user sees all of a file's errors at once. Knows nothing of models,
 * and needs no libyaml: that is between the text and the tree (config/yaml.h).
 */
#ifndef BP__TREE_H
#define BP__TREE_H

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

/* ---- the tree (tree.c) ----------------------------------------------- */

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

bp__ynode *bp__yaml_get(const bp__ynode *map, const char *key);
/* New nodes, for overrides and for the resolved tree. NULL: no memory. */
bp__ynode *bp__yaml_new(bp__arena *a, bp__ykind kind, bp__place at);
bp__ynode *bp__yaml_scalar(bp__arena *a, bp__place at, bool plain,
                           const char *text);
void bp__yaml_append(bp__ynode *parent, const char *key, bp__place key_at,
                     bp__ynode *child);
/* What a default's text stands for: {}, [words], or a plain scalar. */
bp__ynode *bp__yaml_value(bp__arena *a, bp__place at, const char *text);
bp__ynode *bp__yaml_copy(bp__arena *a, const bp__ynode *n);
/* At most *left nodes, of which it takes those away; else NULL. */
bp__ynode *bp__yaml_copy_limited(bp__arena *a, const bp__ynode *n,
                                 size_t *left);
/* "a number", "a list of 3" ...: for messages. buf: 120 bytes. */
const char *bp__yaml_what(const bp__ynode *n, char *buf);
bool bp__yaml_is_null(const bp__ynode *n);

/* Reading a resolved tree: it has been checked, so these cannot fail; a
 * missing value gives 0, NULL or false. */
int64_t bp__yaml_int(const bp__ynode *n);
double bp__yaml_number(const bp__ynode *n);
bool bp__yaml_bool(const bp__ynode *n);
const char *bp__yaml_text(const bp__ynode *n);
/* Along a path of keys, "train.batch". */
bp__ynode *bp__yaml_at(const bp__ynode *n, const char *path);

/* A text in double quotes, whatever it holds. */
void bp__yaml_quote(bp__str *out, const char *s);

#endif
