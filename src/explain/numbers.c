/* Numbers and their text. */
#include "explain/explain.h"

#include <math.h>

const char *bp__ex_number(char *buf, double x)
{
    bp__snprintf(buf, 32, "%.6g", x);
    return buf;
}

bp__ex_range bp__ex_range_of(const double *v, size_t n)
{
    bp__ex_range r = {0};
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        if (!i || v[i] < r.min)
            r.min = v[i];
        if (!i || v[i] > r.max)
            r.max = v[i];
        sum += v[i];
        squares += v[i] * v[i];
    }
    r.mean = n ? sum / (double)n : 0;
    r.norm = sqrt(squares);
    return r;
}

const char *bp__ex_dims_text(char *buf, int rank, const int64_t *dims)
{
    size_t n = (size_t)bp__snprintf(buf, 200, "[");
    for (int i = 0; i < rank && n < 170; i++)
        n += (size_t)bp__snprintf(buf + n, 200 - n, "%s%lld", i ? "," : "",
                                  (long long)dims[i]);
    bp__snprintf(buf + n, 200 - n, "]");
    return buf;
}

const char *bp__ex_index_text(char *buf, int rank, const int64_t *dims,
                              size_t i)
{
    int64_t at[BP_MAX_RANK];
    for (int k = rank - 1; k >= 0; k--) {
        at[k] = (int64_t)(i % (size_t)dims[k]);
        i /= (size_t)dims[k];
    }
    return bp__ex_dims_text(buf, rank, at);
}

bool bp__ex_copy(bp__arena *ar, bp__ex_tensor *t, const bp__type *type,
                 const void *data, bool skip_batch)
{
    int skip = skip_batch && type->rank > 0;
    *t = (bp__ex_tensor){.rank = type->rank - skip, .n = 1};
    for (int i = 0; i < t->rank; i++)
        t->dims[i] = type->dims[i + skip];
    t->n = (size_t)bp__numel(type);
    t->v = bp__arena_array(ar, t->n + 1, sizeof *t->v);
    if (!t->v || !data)
        return false;
    bp__read_reals(data, (bp_dtype)type->dtype, 0, (int64_t)t->n, t->v);
    return true;
}
