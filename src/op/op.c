/* See op.h. */
#include "op/op.h"

#include <stdio.h>

/* ---- inference -------------------------------------------------------- */

void bp__infer_set(bp__infer *q, int i, int dtype, int rank,
                   const int64_t *dims)
{
    uint8_t varying = q->out[i].varying;
    q->out[i] = bp__make_type((bp_dtype)dtype, rank, dims);
    q->out[i].varying = varying;
}

static const char *dtype_names(unsigned set, char *buf, size_t cap)
{
    size_t n = 0;
    buf[0] = '\0';
    for (int t = 0; t < BP_N_DTYPES && n < cap; t++)
        if (set >> t & 1)
            n += (size_t)snprintf(buf + n, cap - n, "%s%s", n ? ", " : "",
                                  bp_dtype_name((bp_dtype)t));
    return buf;
}

bp_status bp__infer_dtype(bp__infer *q, int i, unsigned allowed)
{
    char t[200], names[64];
    if (allowed >> q->in[i].dtype & 1)
        return BP_OK;
    return bp__infer_fail(q, BP_EDTYPE, "operand %d is %s: it may be %s", i,
                          bp__type_text(&q->in[i], t),
                          dtype_names(allowed, names, sizeof names));
}

const char *bp__dims_text(const bp__dims *d, char *buf)
{
    const size_t cap = 200;
    size_t n = (size_t)snprintf(buf, cap, "[");
    for (int i = 0; i < d->n && i < BP_MAX_RANK && n < cap - 24; i++)
        n += (size_t)snprintf(buf + n, cap - n, "%s%lld", i ? "," : "",
                              (long long)d->d[i]);
    snprintf(buf + n, cap - n, "]");
    return buf;
}

bp_status bp__infer_dims(bp__infer *q, const bp__dims *d)
{
    char t[200];
    if (d->n < 0 || d->n > BP_MAX_RANK)
        return bp__infer_fail(q, BP_ELIMIT, "rank %d: at most %d are allowed",
                              (int)d->n, BP_MAX_RANK);
    int64_t n = 1;
    for (int i = 0; i < d->n; i++) {
        if (d->d[i] < 0)
            return bp__infer_fail(q, BP_EARG, "size %lld in %s is negative",
                                  (long long)d->d[i], bp__dims_text(d, t));
        int64_t size = d->d[i] ? d->d[i] : 1;
        if (n > INT64_MAX / 64 / size)
            return bp__infer_fail(q, BP_ELIMIT, "%s has too many elements",
                                  bp__dims_text(d, t));
        n *= size;
    }
    return BP_OK;
}

int bp__take_axis(bp_graph *g, bp__op op, bp_val x, int64_t axis)
{
    const bp__type *t = bp__type_of(g, x);
    int k = bp__axis(axis, t->rank);
    char text[200];
    if (k < 0)
        bp__fail(g, BP_EARG, SIZE_MAX, "%s of %s: axis %lld does not exist%s",
                 bp__ops[op]->name, bp__type_text(t, text), (long long)axis,
                 t->rank ? "" : ": a scalar has no axes");
    return k;
}

bool bp__take_axes(bp_graph *g, bp__op op, bp_val x, int n,
                   const int64_t *axes, bp__dims *out)
{
    bool have[BP_MAX_RANK] = {false};
    int rank = bp__type_of(g, x)->rank;
    memset(out, 0, sizeof *out);
    if (!axes && n == 0) {
        out->n = rank;
        for (int i = 0; i < rank; i++)
            out->d[i] = i;
        return true;
    }
    for (int i = 0; i < n; i++) {
        int k = bp__take_axis(g, op, x, axes[i]);
        if (k < 0)
            return false;
        if (have[k]) {
            bp__fail(g, BP_EARG, SIZE_MAX, "%s: axis %lld is given twice",
                     bp__ops[op]->name, (long long)axes[i]);
            return false;
        }
        have[k] = true;
    }
    for (int k = 0; k < rank; k++)
        if (have[k])
            out->d[out->n++] = k;
    return true;
}

/* ---- loops ------------------------------------------------------------ */

int64_t bp__strides(int rank, const int64_t *dims, int64_t *stride)
{
    int64_t n = 1;
    for (int i = rank - 1; i >= 0; i--) {
        stride[i] = n;
        n *= dims[i];
    }
    return n;
}

void bp__broadcast_strides(const bp__type *in, const bp__type *out,
                           int64_t *stride)
{
    int64_t dense[BP_MAX_RANK];
    bp__strides(in->rank, in->dims, dense);
    for (int i = 0; i < out->rank; i++) {
        int k = i - (out->rank - in->rank);
        stride[i] = k < 0 || in->dims[k] == 1 ? 0 : dense[k];
    }
}

/* Can the loop of axis i run on where that of `inner` (with n steps) ends? */
static bool merges(int n_op, const int64_t (*stride)[BP_MAX_RANK], int i,
                   const int64_t *inner, int64_t n)
{
    for (int p = 0; p < n_op; p++)
        if (stride[p][i] != inner[p] * n)
            return false;
    return true;
}

void bp__walk_init(bp__walk *w, int rank, const int64_t *dims, int n_op,
                   const int64_t (*stride)[BP_MAX_RANK])
{
    memset(w, 0, sizeof *w);
    w->n_op = n_op;
    w->n = 1;
    /* Axes from the last to the first; w->rank counts those outside. While
     * only axes of size 1 have been seen, the last one is still free. */
    bool free_last = true;
    int64_t *inner = w->step;
    int64_t *size = &w->n;
    for (int i = rank - 1; i >= 0; i--) {
        if (dims[i] == 0)
            w->empty = true;
        if (dims[i] == 1)
            continue;
        if (!free_last && !merges(n_op, stride, i, inner, *size)) {
            inner = w->stride[w->rank];
            size = &w->dims[w->rank];
            w->rank++;
            free_last = true;
        }
        if (free_last) {
            *size = dims[i];
            for (int p = 0; p < n_op; p++)
                inner[p] = stride[p][i];
            free_last = false;
        } else {
            *size *= dims[i];
        }
    }
}

void bp__walk_start(bp__walk *w)
{
    memset(w->at, 0, sizeof w->at);
    memset(w->off, 0, sizeof w->off);
    w->more = !w->empty;
}

void bp__walk_next(bp__walk *w)
{
    /* w->dims[0] is the innermost of the outer axes. */
    for (int i = 0; i < w->rank; i++) {
        for (int p = 0; p < w->n_op; p++)
            w->off[p] += w->stride[i][p];
        if (++w->at[i] < w->dims[i])
            return;
        for (int p = 0; p < w->n_op; p++)
            w->off[p] -= w->stride[i][p] * w->dims[i];
        w->at[i] = 0;
    }
    w->more = false;
}

void bp__walk_broadcast(bp__walk *w, const bp__type *out, int n_in,
                        const bp__tensor *in)
{
    int64_t stride[BP__WALK_MAX][BP_MAX_RANK];
    bp__strides(out->rank, out->dims, stride[0]);
    for (int i = 0; i < n_in; i++)
        bp__broadcast_strides(&in[i].type, out, stride[i + 1]);
    bp__walk_init(w, out->rank, out->dims, n_in + 1,
                  (const int64_t (*)[BP_MAX_RANK])stride);
}

/* memcpy of a constant size is a load and a store, of any element type. */
#define COPY_LOOP(size)                                                   \
    for (bp__walk_start(&w); w.more; bp__walk_next(&w)) {                 \
        char *y = (char *)out + (out_off + w.off[0]) * (size);            \
        const char *x = (const char *)in + (in_off + w.off[1]) * (size);  \
        for (int64_t j = 0; j < w.n; j++)                                 \
            memcpy(y + j * w.step[0] * (size), x + j * w.step[1] * (size), \
                   (size));                                               \
    }

void bp__copy_strided(void *out, int64_t out_off, const int64_t *out_stride,
                      const void *in, int64_t in_off,
                      const int64_t *in_stride, int rank, const int64_t *dims,
                      size_t element)
{
    int64_t stride[2][BP_MAX_RANK];
    memcpy(stride[0], out_stride, sizeof(int64_t) * (size_t)rank);
    memcpy(stride[1], in_stride, sizeof(int64_t) * (size_t)rank);
    bp__walk w;
    bp__walk_init(&w, rank, dims, 2,
                  (const int64_t (*)[BP_MAX_RANK])stride);
    if (element == 4) {
        COPY_LOOP(4)
    } else if (element == 8) {
        COPY_LOOP(8)
    } else {
        COPY_LOOP(1)
    }
}

void bp__ref_copy(const bp__kargs *k)
{
    size_t bytes = bp__type_bytes(&k->out[0].type);
    if (bytes && k->out[0].data != k->in[0].data)
        memmove(k->out[0].data, k->in[0].data, bytes);
}
