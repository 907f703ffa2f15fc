/* States, whose rows come and go, and blends of two parts of a store. Each
 * checks everything and takes its memory before it changes anything. */
#include "ir/ir.h"

#include "base/pattern.h"

static bool is_state(const bp__var *v, const char *pattern)
{
    return v->info.kind == BP_VAR_STATE &&
           bp__pattern_matches(pattern, v->info.name);
}

static bp_status check_pattern(bp_store *s, const char *pattern,
                               bp_error *err)
{
    for (size_t i = 0; pattern && i < bp_store_count(s); i++)
        if (is_state(bp__store_var(s, i), pattern))
            return BP_OK;
    return bp__error(err, BP_ENOTFOUND, "no state of the store matches \"%s\"",
                     pattern ? pattern : "");
}

int64_t bp_state_rows(const bp_store *s, const char *name)
{
    bp_var_info v;
    int64_t i = bp_store_find(s, name);
    if (i < 0 || bp_store_info(s, (size_t)i, &v) || v.kind != BP_VAR_STATE)
        return -1;
    return v.dims[0];
}

/* ---- clear -------------------------------------------------------------- */

static bp_status check_rows(bp_store *s, const char *pattern, int64_t n,
                            bp_error *err)
{
    for (size_t i = 0; i < bp_store_count(s); i++) {
        const bp__var *v = bp__store_var(s, i);
        if (is_state(v, pattern) && v->info.dims[0] != n)
            return bp__error(err, BP_ESHAPE, "state \"%s\" has %lld rows: a "
                             "clear by row names %lld", v->info.name,
                             (long long)v->info.dims[0], (long long)n);
    }
    return BP_OK;
}

static void clear_rows(bp__var *v, const uint8_t *row, int64_t n)
{
    for (int64_t i = 0; i < n && v->row_bytes; i++)
        if (!row || row[i])
            memcpy((char *)v->data + (size_t)i * v->row_bytes, v->initial,
                   v->row_bytes);
    v->version++;
}

bp_status bp_state_clear(bp_store *s, const char *pattern, const uint8_t *row,
                         int64_t n, bp_error *err)
{
    bp_status st = check_pattern(s, pattern, err);
    if (!st && n < 0)
        st = bp__error(err, BP_EARG, "a clear to %lld rows", (long long)n);
    if (!st && row)
        st = check_rows(s, pattern, n, err);
    /* Room first, so that a failure leaves every state as it was. */
    for (size_t i = 0; !st && !row && i < bp_store_count(s); i++) {
        bp__var *v = bp__store_var(s, i);
        int64_t had = v->info.dims[0];
        if (!is_state(v, pattern) || had >= n)
            continue;
        if (!bp__store_set_rows(s, v, n))
            st = bp__oom(err);
        else
            bp__store_set_rows(s, v, had);
    }
    for (size_t i = 0; !st && i < bp_store_count(s); i++) {
        bp__var *v = bp__store_var(s, i);
        if (!is_state(v, pattern))
            continue;
        if (!row)
            bp__store_set_rows(s, v, n);
        clear_rows(v, row, n);
    }
    return st;
}

/* ---- gather ------------------------------------------------------------- */

static bp_status check_sources(bp_store *s, const char *pattern,
                               const int32_t *from, int64_t n, bp_error *err)
{
    for (size_t i = 0; i < bp_store_count(s); i++) {
        const bp__var *v = bp__store_var(s, i);
        for (int64_t k = 0; k < n && is_state(v, pattern); k++)
            if (from[k] < 0 || from[k] >= v->info.dims[0])
                return bp__error(err, BP_ERANGE, "row %lld is to be row %d of "
                                 "state \"%s\", which has %lld",
                                 (long long)k, (int)from[k], v->info.name,
                                 (long long)v->info.dims[0]);
    }
    return BP_OK;
}

bp_status bp_state_gather(bp_store *s, const char *pattern,
                          const int32_t *from, int64_t n, bp_error *err)
{
    bp_status st = check_pattern(s, pattern, err);
    if (!st && (n < 0 || (n && !from)))
        st = bp__error(err, BP_EARG, "a gather of %lld rows", (long long)n);
    if (!st)
        st = check_sources(s, pattern, from, n, err);
    if (st)
        return st;
    /* All the new rows side by side, then all of them moved in. */
    const bp_allocator *a = bp__store_allocator(s);
    size_t total = 0;
    for (size_t i = 0; i < bp_store_count(s); i++)
        if (is_state(bp__store_var(s, i), pattern))
            total += bp__mul_size(bp__store_var(s, i)->row_bytes, (size_t)n);
    char *all = bp__alloc(a, total + 1), *at = all;
    if (!all)
        return bp__oom(err);
    for (size_t i = 0; i < bp_store_count(s); i++) {
        const bp__var *v = bp__store_var(s, i);
        for (int64_t k = 0; k < n && is_state(v, pattern); k++) {
            memcpy(at, (char *)v->data + (size_t)from[k] * v->row_bytes,
                   v->row_bytes);
            at += v->row_bytes;
        }
    }
    st = bp_state_clear(s, pattern, NULL, n, err);
    at = all;
    for (size_t i = 0; !st && i < bp_store_count(s); i++) {
        bp__var *v = bp__store_var(s, i);
        if (!is_state(v, pattern))
            continue;
        memcpy(v->data, at, v->info.bytes);
        at += v->info.bytes;
    }
    bp__free(a, all, total + 1);
    return st;
}

/* ---- blend -------------------------------------------------------------- */

typedef struct blend {
    bp_store *s;
    const char *from, *to;
    double tau;
    char name[600]; /* of the variable that the one at hand goes to */
} blend;

static bool is_source(blend *b, const bp__var *v)
{
    return bp__is_float((int)v->info.dtype) && v->info.kind != BP_VAR_STATE &&
           bp__pattern_map(b->from, b->to, v->info.name, b->name,
                           sizeof b->name);
}

static bp_status check_blend(blend *b, const bp__var *v, bp_error *err)
{
    const bp__var *to;
    int64_t i = bp_store_find(b->s, b->name);
    char x[200], y[200];
    if (!strcmp(b->name, v->info.name))
        return bp__error(err, BP_EARG, "\"%s\" would be blended into itself",
                         b->name);
    if (i < 0)
        return b->tau == 1 ? BP_OK
                           : bp__error(err, BP_ENOTFOUND, "no variable \"%s\" "
                                       "to blend \"%s\" into: tau 1 makes it",
                                       b->name, v->info.name);
    to = bp__store_var(b->s, (size_t)i);
    bp__type p = bp__make_type(v->info.dtype, v->info.rank, v->info.dims);
    bp__type q = bp__make_type(to->info.dtype, to->info.rank, to->info.dims);
    if (p.dtype == q.dtype && bp__same_dims(&p, &q))
        return BP_OK;
    return bp__error(err, BP_ESHAPE, "\"%s\" is %s, and \"%s\" %s: they cannot "
                     "be blended", v->info.name, bp__type_text(&p, x),
                     b->name, bp__type_text(&q, y));
}

static void blend_into(const bp__var *v, bp__var *to, double tau)
{
    size_t n = v->info.bytes / bp_dtype_bytes(v->info.dtype);
    to->version++;
    if (tau == 1)
        memcpy(to->data, v->data, v->info.bytes);
    else if (v->info.dtype == BP_F64)
        for (size_t i = 0; i < n; i++)
            ((double *)to->data)[i] +=
                tau * (((double *)v->data)[i] - ((double *)to->data)[i]);
    else
        for (size_t i = 0; i < n; i++)
            ((float *)to->data)[i] +=
                (float)tau * (((float *)v->data)[i] - ((float *)to->data)[i]);
}

bp_status bp_store_blend(bp_store *s, const char *from, const char *to,
                         double tau, bp_error *err)
{
    blend b = {.s = s, .from = from, .to = to, .tau = tau};
    size_t n = bp_store_count(s), found = 0;
    bp_status st = BP_OK;
    if (!from || !to || !(tau >= 0 && tau <= 1))
        return bp__error(err, BP_EARG, "a blend takes two patterns and a tau "
                         "in [0,1]");
    for (size_t i = 0; i < n && !st; i++)
        if (is_source(&b, bp__store_var(s, i))) {
            found++;
            st = check_blend(&b, bp__store_var(s, i), err);
        }
    if (!st && !found)
        st = bp__error(err, BP_ENOTFOUND, "no variable of floats matches "
                       "\"%s\"", from);
    for (size_t i = 0; i < n && !st; i++) {
        const bp_var_info *v = &bp__store_var(s, i)->info;
        if (is_source(&b, bp__store_var(s, i)) &&
            bp_store_find(s, b.name) < 0)
            st = bp_store_add(s, b.name, v->kind, v->dtype, v->rank, v->dims,
                              err);
    }
    for (size_t i = 0; i < n && !st; i++)
        if (is_source(&b, bp__store_var(s, i)))
            blend_into(bp__store_var(s, i),
                       bp__store_var(s, (size_t)bp_store_find(s, b.name)),
                       tau);
    return st;
}
