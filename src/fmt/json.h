/* JSON <-> a tree in an arena. Strict RFC 8259: one value, UTF-8, no comments,
 * no trailing commas, no duplicate keys, numbers exact to the last bit; depth
 * is limited. The writer puts commas and escapes by itself and prints numbers
 * with the fewest digits that read back the same. */
#ifndef BP__JSON_H
#define BP__JSON_H

#include "base/base.h"

typedef enum bp__json_type {
    BP__JSON_NULL,
    BP__JSON_BOOL,
    BP__JSON_NUMBER,
    BP__JSON_STRING,
    BP__JSON_ARRAY,
    BP__JSON_OBJECT,
} bp__json_type;

typedef struct bp__json bp__json;
struct bp__json {
    bp__json_type type;
    const char *key;    /* of a member; else NULL */
    const char *string; /* NUL-terminated; len excludes the NUL */
    size_t len;         /* of a string; members of an array or object */
    double number;
    int64_t integer;    /* where is_integer */
    bool is_integer;    /* written without fraction or exponent, and fits */
    bool boolean;
    const bp__json *child, *next; /* first child; next in the same parent */
};

/* Strings with a NUL character in them are refused. Messages start with
 * "WHERE:line:column: ". NULL on failure. [err: EFORMAT ENOMEM ELIMIT] */
const bp__json *bp__json_parse(bp__arena *ar, const char *text, size_t bytes,
                               const char *where, bp_error *err);
/* Member of an object, or NULL. v may be NULL. */
const bp__json *bp__json_get(const bp__json *v, const char *key);

/* Writes to a string. key is NULL inside arrays and at the top. Sticky through
 * the string's `failed`. */
typedef struct bp__json_writer {
    bp__str *out;
    bool comma;
} bp__json_writer;
void bp__jw_init(bp__json_writer *w, bp__str *out);
void bp__jw_object(bp__json_writer *w, const char *key);
void bp__jw_array(bp__json_writer *w, const char *key);
void bp__jw_end_object(bp__json_writer *w);
void bp__jw_end_array(bp__json_writer *w);
void bp__jw_string(bp__json_writer *w, const char *key, const char *s);
void bp__jw_int(bp__json_writer *w, const char *key, int64_t x);
/* null where x is not finite: JSON has no other word for it. */
void bp__jw_double(bp__json_writer *w, const char *key, double x);
void bp__jw_float(bp__json_writer *w, const char *key, float x);
void bp__jw_bool(bp__json_writer *w, const char *key, bool x);
void bp__jw_null(bp__json_writer *w, const char *key);
/* s as a JSON string, quotes included. Bytes that are not UTF-8 become
 * U+FFFD. */
void bp__json_quote(bp__str *out, const char *s);

#endif
