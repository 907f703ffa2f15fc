/* A schema is a table; checking a tree against it collects every problem and
 * makes the resolved tree: all keys in the table's order, defaults filled in,
 * short forms written out. Resolving a resolved tree gives the same tree.
 *
 * Knows YAML's shapes and nothing of what keys mean. */
#ifndef BP__SCHEMA_H
#define BP__SCHEMA_H

#include "fmt/tree.h"

typedef enum bp__stype {
    BP__S_INT,
    BP__S_NUMBER,
    BP__S_BOOL,
    BP__S_TEXT,        /* any text but "" */
    BP__S_WORD,        /* one of words */
    BP__S_WORD_OR_INT, /* one of words, or a whole number */
    BP__S_INTS,        /* a list of whole numbers */
    BP__S_INT_OR_INTS, /* one, or a list of them; kept as written */
    BP__S_NUMBERS,
    BP__S_TEXTS,       /* a list of texts, or one: becomes a list */
    BP__S_WORDS,       /* a list of words, or one: becomes a list */
    BP__S_MAP,         /* of keys */
    BP__S_CUSTOM       /* read by custom() */
} bp__stype;

typedef struct bp__skey bp__skey;
typedef struct bp__scheck bp__scheck;

struct bp__skey {
    const char *name;
    const char *doc; /* what the value is for */
    bp__stype type;
    const char *fallback; /* YAML; NULL: required; "": may be left out */
    double min, max;      /* of every number; min == max: no limits */
    bool above_min, below_max; /* the limit itself is excluded */
    int n_min, n_max;          /* length of a list; both 0: not checked */
    const char *const *words;
    size_t n_words;
    const bp__skey *keys; /* of a MAP */
    size_t n_keys;
    const bp__skey *(*key_at)(size_t i); /* instead of these two: the i-th;
                                            NULL past the end */
    bp__ynode *(*custom)(bp__scheck *c, const char *path, bp__ynode *raw);
    const char *what; /* of a custom value: "a list of layers" */
};

struct bp__scheck {
    bp__diags *d;
    void *user; /* for custom() */
};

/* raw, a map, against the keys of map: the resolved map. Problems go to c->d;
 * what was wrong is missing in the result. path: for messages ("train"); "" at
 * the top. NULL: out of memory, or nothing usable. */
bp__ynode *bp__schema_map(bp__scheck *c, const char *path, const bp__skey *map,
                          bp__ynode *raw);
/* The i-th key of a map; NULL past the end. */
const bp__skey *bp__schema_key(const bp__skey *map, size_t i);
bp__ynode *bp__schema_value(bp__scheck *c, const char *path, const bp__skey *k,
                            bp__ynode *raw);

/* The table for people: a line a key, "path  what  default", then its doc. */
void bp__schema_describe(const bp__skey *top, const char *path, bp__str *out);
/* "a whole number from 1": what a message expects. buf: 200 bytes. */
const char *bp__schema_expects(const bp__skey *k, char *buf);

#endif
