/* Attribute structs, handled field by field after the row's list: compare,
 * hash, print, copy into a graph. Also the op table's look-up by name. */
#include "ir/attrs.h"

bp__op bp__op_find(const char *name)
{
    for (int i = 1; i < BP__N_OPS; i++)
        if (strcmp(bp__ops[i]->name, name) == 0)
            return (bp__op)i;
    return BP__OP_NONE;
}

static const void *field(const void *a, const bp__attrdef *f)
{
    return (const char *)a + f->offset;
}

/* The op that a BP__A_SUB field's attributes belong to: the BP__A_OP field
 * that stands before it in the list. */
static const bp__opdef *sub_def(const bp__attrdef *list, const bp__attrdef *f,
                                const void *a)
{
    const bp__attrdef *op = NULL;
    for (const bp__attrdef *e = list; e != f; e++)
        if (e->type == BP__A_OP)
            op = e;
    int32_t i = op ? *(const int32_t *)field(a, op) : 0;
    return i > 0 && i < BP__N_OPS ? bp__ops[i] : NULL;
}

static bool dims_equal(const bp__dims *a, const bp__dims *b)
{
    return a->n == b->n &&
           memcmp(a->d, b->d, sizeof a->d[0] * (size_t)a->n) == 0;
}

static bool field_equal(const bp__opdef *d, const bp__attrdef *f,
                        const void *a, const void *b)
{
    const void *x = field(a, f), *y = field(b, f);
    switch (f->type) {
    case BP__A_I64:
        return *(const int64_t *)x == *(const int64_t *)y;
    case BP__A_F64: /* by bits: -0 is not 0, NaN is itself */
        return memcmp(x, y, sizeof(double)) == 0;
    case BP__A_BOOL:
        return *(const bool *)x == *(const bool *)y;
    case BP__A_DTYPE:
    case BP__A_OP:
        return *(const int32_t *)x == *(const int32_t *)y;
    case BP__A_DIMS:
        return dims_equal(x, y);
    case BP__A_STR:
        return strcmp(*(const char *const *)x, *(const char *const *)y) == 0;
    case BP__A_BLOB: {
        const bp__blob *p = x, *q = y;
        return p->bytes == q->bytes && memcmp(p->data, q->data, p->bytes) == 0;
    }
    case BP__A_STORE:
        return *(bp_store *const *)x == *(bp_store *const *)y;
    case BP__A_SUB: {
        const bp__opdef *s = sub_def(d->attrs, f, a);
        return s == sub_def(d->attrs, f, b) && s &&
               bp__attrs_equal(s, *(const void *const *)x,
                               *(const void *const *)y);
    }
    }
    return false;
}

bool bp__attrs_equal(const bp__opdef *d, const void *a, const void *b)
{
    for (const bp__attrdef *f = d->attrs; f && f->name; f++)
        if (!field_equal(d, f, a, b))
            return false;
    return true;
}

uint64_t bp__attrs_hash(const bp__opdef *d, const void *a, uint64_t h)
{
    for (const bp__attrdef *f = d->attrs; f && f->name; f++) {
        const void *x = field(a, f);
        switch (f->type) {
        case BP__A_I64:
        case BP__A_F64:
            h = bp__hash(h, x, 8);
            break;
        case BP__A_BOOL:
            h = bp__hash(h, x, sizeof(bool));
            break;
        case BP__A_DTYPE:
        case BP__A_OP:
            h = bp__hash(h, x, 4);
            break;
        case BP__A_DIMS: {
            const bp__dims *v = x;
            h = bp__hash(h, v->d, sizeof v->d[0] * (size_t)v->n);
            break;
        }
        case BP__A_STR: {
            const char *s = *(const char *const *)x;
            h = bp__hash(h, s, strlen(s));
            break;
        }
        case BP__A_BLOB: {
            const bp__blob *b = x;
            h = bp__hash(h, b->data, b->bytes);
            break;
        }
        case BP__A_STORE:
            h = bp__hash(h, x, sizeof(void *));
            break;
        case BP__A_SUB: {
            const bp__opdef *s = sub_def(d->attrs, f, a);
            if (s)
                h = bp__attrs_hash(s, *(const void *const *)x, h);
            break;
        }
        }
    }
    return h;
}

static void print_dims(bp__str *s, const bp__dims *v)
{
    bp__str_printf(s, "[");
    for (int i = 0; i < v->n; i++)
        bp__str_printf(s, "%s%lld", i ? "," : "", (long long)v->d[i]);
    bp__str_printf(s, "]");
}

/* One element is printed as a number, more as their count and hash. The
 * element type is the BP__A_DTYPE field that stands before the blob. */
static void print_blob(bp__str *s, const bp__opdef *d, const bp__attrdef *f,
                       const void *a, const bp__blob *b)
{
    int dtype = -1;
    for (const bp__attrdef *e = d->attrs; e != f; e++)
        if (e->type == BP__A_DTYPE)
            dtype = *(const int32_t *)field(a, e);
    char num[32];
    if (dtype < 0 || b->bytes != bp_dtype_bytes((bp_dtype)dtype)) {
        bp__str_printf(s, "%zu bytes #%016llx", b->bytes,
                       (unsigned long long)bp__hash(BP__HASH_INIT, b->data,
                                                    b->bytes));
    } else if (dtype == BP_F32) {
        bp__format_float(num, *(const float *)b->data);
        bp__str_printf(s, "%s", num);
    } else if (dtype == BP_F64) {
        bp__format_double(num, *(const double *)b->data);
        bp__str_printf(s, "%s", num);
    } else if (dtype == BP_I32) {
        bp__str_printf(s, "%ld", (long)*(const int32_t *)b->data);
    } else {
        bp__str_printf(s, "%d", *(const uint8_t *)b->data);
    }
}

static void print_field(bp__str *s, const bp__opdef *d, const bp__attrdef *f,
                        const void *a)
{
    const void *x = field(a, f);
    char num[32];
    switch (f->type) {
    case BP__A_I64:
        bp__str_printf(s, "%lld", (long long)*(const int64_t *)x);
        break;
    case BP__A_F64:
        bp__format_double(num, *(const double *)x);
        bp__str_printf(s, "%s", num);
        break;
    case BP__A_BOOL:
        bp__str_printf(s, "%s", *(const bool *)x ? "true" : "false");
        break;
    case BP__A_DTYPE:
        bp__str_printf(s, "%s",
                       bp_dtype_name((bp_dtype) * (const int32_t *)x));
        break;
    case BP__A_OP:
        bp__str_printf(s, "%s", bp__ops[*(const int32_t *)x]->name);
        break;
    case BP__A_DIMS:
        print_dims(s, x);
        break;
    case BP__A_STR:
        bp__str_printf(s, "\"%s\"", *(const char *const *)x);
        break;
    case BP__A_BLOB:
        print_blob(s, d, f, a, x);
        break;
    case BP__A_STORE:
        break;
    case BP__A_SUB: {
        const bp__opdef *sub = sub_def(d->attrs, f, a);
        if (sub && sub->attrs)
            bp__attrs_print(s, sub, *(const void *const *)x);
        else
            bp__str_printf(s, "{}");
        break;
    }
    }
}

void bp__attrs_print(bp__str *s, const bp__opdef *d, const void *a)
{
    if (!d->attrs || !d->attrs[0].name)
        return;
    const char *sep = " {";
    for (const bp__attrdef *f = d->attrs; f->name; f++) {
        if (f->type == BP__A_STORE)
            continue;
        bp__str_printf(s, "%s%s=", sep, f->name);
        print_field(s, d, f, a);
        sep = ", ";
    }
    if (sep[0] == ',')
        bp__str_printf(s, "}");
}

const void *bp__attrs_copy(bp__arena *ar, const bp__opdef *d, const void *a)
{
    if (!d->attrs_bytes)
        return NULL;
    char *c = bp__arena_copy(ar, a, d->attrs_bytes);
    if (!c)
        return NULL;
    for (const bp__attrdef *f = d->attrs; f->name; f++) {
        void *x = c + f->offset;
        if (f->type == BP__A_STR) {
            char **s = x;
            *s = bp__arena_strdup(ar, *s);
        } else if (f->type == BP__A_BLOB) {
            bp__blob *b = x;
            b->data = bp__arena_copy(ar, b->data, b->bytes);
        } else if (f->type == BP__A_SUB) {
            const void **sub = x;
            const bp__opdef *s = sub_def(d->attrs, f, c);
            *sub = s ? bp__attrs_copy(ar, s, *sub) : NULL;
        }
    }
    return ar->failed ? NULL : c;
}
