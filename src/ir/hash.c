/* The hash of a graph: what it computes, in any process and on any machine. Ops
 * go by name, variables by name, numbers byte by byte; scopes, addresses and
 * the store's order of variables play no part. */
#include "ir/ir.h"

static uint64_t hash_int(uint64_t h, int64_t x)
{
    unsigned char b[8];
    for (int i = 0; i < 8; i++)
        b[i] = (unsigned char)((uint64_t)x >> 8 * i);
    return bp__hash(h, b, sizeof b);
}

static uint64_t hash_text(uint64_t h, const char *s)
{
    s = s ? s : "";
    return bp__hash(h, s, strlen(s) + 1);
}

static uint64_t hash_double(uint64_t h, double x)
{
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return hash_int(h, bits);
}

/* Elements of 1, 4 or 8 bytes, each as the whole number of its bits. */
static uint64_t hash_blob(uint64_t h, const bp__blob *b, size_t size)
{
    const char *p = b->data;
    if (size != 4 && size != 8)
        return bp__hash(h, p, b->bytes);
    for (size_t i = 0; i + size <= b->bytes; i += size) {
        uint32_t narrow = 0;
        uint64_t wide = 0;
        memcpy(size == 4 ? (void *)&narrow : (void *)&wide, p + i, size);
        h = hash_int(h, (int64_t)(size == 4 ? narrow : wide));
    }
    return h;
}

static const void *field(const void *a, const bp__attrdef *f)
{
    return (const char *)a + f->offset;
}

static uint64_t hash_attrs(uint64_t h, const bp__opdef *d, const void *a);

/* op and dtype: of the fields before, which say what this one holds. */
static uint64_t hash_field(uint64_t h, const bp__attrdef *f, const void *a,
                           int32_t op, int32_t dtype)
{
    const void *x = field(a, f);
    h = hash_text(h, f->name);
    switch (f->type) {
    case BP__A_I64:
        return hash_int(h, *(const int64_t *)x);
    case BP__A_F64:
        return hash_double(h, *(const double *)x);
    case BP__A_BOOL:
        return hash_int(h, *(const bool *)x);
    case BP__A_DTYPE:
        return hash_text(h, bp_dtype_name((bp_dtype) * (const int32_t *)x));
    case BP__A_OP:
        return hash_text(h, bp__ops[*(const int32_t *)x]->name);
    case BP__A_DIMS: {
        const bp__dims *v = x;
        h = hash_int(h, v->n);
        for (int i = 0; i < v->n; i++)
            h = hash_int(h, v->d[i]);
        return h;
    }
    case BP__A_STR:
        return hash_text(h, *(const char *const *)x);
    case BP__A_BLOB:
        return hash_blob(h, x, bp_dtype_bytes((bp_dtype)dtype));
    case BP__A_STORE:
        return h;
    case BP__A_SUB:
        return op > 0 ? hash_attrs(h, bp__ops[op], *(const void *const *)x)
                      : h;
    }
    return h;
}

static uint64_t hash_attrs(uint64_t h, const bp__opdef *d, const void *a)
{
    int32_t op = 0, dtype = -1;
    for (const bp__attrdef *f = d->attrs; a && f && f->name; f++) {
        h = hash_field(h, f, a, op, dtype);
        if (f->type == BP__A_OP)
            op = *(const int32_t *)field(a, f);
        if (f->type == BP__A_DTYPE)
            dtype = *(const int32_t *)field(a, f);
    }
    return h;
}

static uint64_t hash_type(uint64_t h, const bp__type *t)
{
    h = hash_text(h, bp_dtype_name((bp_dtype)t->dtype));
    h = hash_int(h, t->varying);
    h = hash_int(h, t->rank);
    for (int i = 0; i < t->rank; i++)
        h = hash_int(h, t->dims[i]);
    return h;
}

uint64_t bp__graph_hash(const bp_graph *g)
{
    uint64_t h = hash_int(BP__HASH_INIT, g->shards);
    h = hash_int(h, g->rows);
    h = hash_int(h, g->global_rows);
    for (size_t k = 0; k < g->n_nodes; k++) {
        const bp__node *n = &g->nodes[k];
        const bp__opdef *d = bp__def_of(n);
        h = hash_text(h, d->name);
        if (n->op == BP__OP_variable)
            h = hash_text(h, ((const bp__variable_attrs *)n->attrs)->name);
        else
            h = hash_attrs(h, d, n->attrs);
        for (int i = 0; i < n->n_in; i++)
            h = hash_int(h, g->edges[n->in + (uint32_t)i]);
        for (int i = 0; i < n->n_out; i++)
            h = hash_type(h, &g->values[n->out + (uint32_t)i].type);
    }
    for (size_t i = 0; i < g->n_outputs; i++) {
        h = hash_text(h, g->outputs[i].name);
        h = hash_int(h, g->outputs[i].value);
    }
    for (size_t i = 0; i < g->n_updates; i++) {
        const bp__update *u = &g->updates[i];
        h = hash_text(h, bp__store_var(u->store, u->var)->info.name);
        h = hash_int(h, u->value);
    }
    return h;
}
