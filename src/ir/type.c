/* Types: element type, shape, replicated or varying; broadcasting. */
#include "ir/ir.h"

#include <stdio.h>

int64_t bp__numel(const bp__type *t)
{
    int64_t n = 1;
    for (int i = 0; i < t->rank; i++)
        n *= t->dims[i];
    return n;
}

size_t bp__type_bytes(const bp__type *t)
{
    return (size_t)bp__numel(t) * bp_dtype_bytes((bp_dtype)t->dtype);
}

bool bp__same_dims(const bp__type *a, const bp__type *b)
{
    return a->rank == b->rank &&
           memcmp(a->dims, b->dims, sizeof a->dims[0] * a->rank) == 0;
}

bp__type bp__make_type(bp_dtype dtype, int rank, const int64_t *dims)
{
    bp__type t;
    memset(&t, 0, sizeof t);
    t.dtype = (uint8_t)dtype;
    t.rank = (uint8_t)rank;
    for (int i = 0; i < rank; i++)
        t.dims[i] = dims[i];
    return t;
}

bp__dims bp__make_dims(int n, const int64_t *d)
{
    bp__dims r;
    memset(&r, 0, sizeof r);
    r.n = n;
    for (int i = 0; i < n && i < BP_MAX_RANK; i++)
        r.d[i] = d[i];
    return r;
}

const char *bp__type_text(const bp__type *t, char *buf)
{
    size_t n = 0;
    const size_t cap = 200;
    n += (size_t)snprintf(buf, cap, "%s%s[", t->varying ? "~" : "",
                          bp_dtype_name((bp_dtype)t->dtype));
    for (int i = 0; i < t->rank && n < cap - 24; i++)
        n += (size_t)snprintf(buf + n, cap - n, "%s%lld", i ? "," : "",
                              (long long)t->dims[i]);
    snprintf(buf + n, cap - n, "]");
    return buf;
}

bool bp__broadcast_dims(const bp__type *a, const bp__type *b, bp__type *out)
{
    int rank = a->rank > b->rank ? a->rank : b->rank;
    int64_t dims[BP_MAX_RANK] = {0};
    for (int i = 0; i < rank; i++) {
        int ia = a->rank - rank + i, ib = b->rank - rank + i;
        int64_t da = ia < 0 ? 1 : a->dims[ia];
        int64_t db = ib < 0 ? 1 : b->dims[ib];
        if (da != db && da != 1 && db != 1)
            return false;
        dims[i] = da == 1 ? db : da;
    }
    out->rank = (uint8_t)rank;
    memcpy(out->dims, dims, sizeof dims);
    return true;
}

int bp__axis(int64_t axis, int rank)
{
    if (axis < 0)
        axis += rank;
    return axis >= 0 && axis < rank ? (int)axis : -1;
}

uint32_t bp__rows_elemwise(const bp__shapes *s)
{
    const bp__type *out = &s->out[0];
    if (out->rank == 0)
        return 0;
    uint32_t mask = BP__ROWS;
    for (int i = 0; i < s->n_in; i++)
        if (s->in[i].rank == out->rank && s->in[i].dims[0] == out->dims[0] &&
            out->dims[0] != 1)
            mask |= 1u << i;
    return mask;
}
