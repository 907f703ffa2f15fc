/* Layers that look up or copy: embedding, upsampling, maxout. */
#include "nn/nn.h"

/* ---- embedding ---- */

/* x as i32; of floats -1, which the look-up counts as a fault, where they are no
 * whole numbers: so is a NaN. */
static bp_val index_of(bp_nn *nn, bp_val x)
{
    bp_graph *g = nn->g;
    bp_dtype type = bp_val_dtype(g, x);
    if (!bp__is_float(type))
        return type == BP_I32 ? x : bp_cast(g, x, BP_I32);
    bp_val whole = bp_eq(g, x, bp_floor(g, x));
    x = bp_select(g, whole, x, bp_scalar(g, nn->dtype, -1));
    return bp_cast(g, x, BP_I32);
}

/* Where x is an input of the task, in any shape: what it may hold is known. */
static void note_rows(bp_nn *nn, bp_val x, int64_t count)
{
    bp_graph *g = nn->g;
    uint32_t id = x.id;
    const bp__node *from = &g->nodes[g->values[id].node];
    while (from->op == BP__OP_reshape) {
        id = g->edges[from->in];
        from = &g->nodes[g->values[id].node];
    }
    for (size_t i = 0; i < nn->n_inputs; i++)
        if (nn->inputs[i].id == id &&
            (!nn->below[i] || count < nn->below[i]))
            nn->below[i] = count;
}

bp_val bp__nn_embedding(bp_nn *nn, bp_val x, int64_t count, int64_t dim,
                        const bp__spec *init)
{
    char t[200];
    if (!bp__layer_begin_any(nn, "embedding", x))
        return BP_NIL;
    int rank = bp_val_rank(nn->g, x);
    if (count < 1 || dim < 1)
        return bp__nn_fail(nn, BP_EARG, "count %lld, dim %lld: each must be "
                           "at least 1", (long long)count, (long long)dim);
    if (rank < 1 || rank == BP_MAX_RANK)
        return bp__nn_fail(nn, BP_ESHAPE, "its input is %s, must be [N,...] "
                           "with less than %d axes", bp__nn_type_text(nn, x, t),
                           BP_MAX_RANK);
    const int64_t dims[2] = {count, dim};
    note_rows(nn, x, count);
    if (!init)
        init = bp__nn_parse(nn, BP_NN_INITS, "normal");
    bp_val weight = bp__nn_parameter(nn, "weight", 2, dims, init, (double)dim,
                                     (double)count);
    return bp__layer_end(nn, bp_gather(nn->g, weight, index_of(nn, x), 0));
}

bp_val bp_nn_embedding(bp_nn *nn, bp_val x, int64_t count, int64_t dim)
{
    return bp__nn_embedding(nn, x, count, dim, NULL);
}

bp_val bp__nn_look_up(bp_nn *nn, bp_val x, int64_t count, int64_t dim)
{
    bp_graph *g = nn->g;
    if (!bp__nn_ok(nn))
        return BP_NIL;
    bp_val zero = bp_scalar(g, nn->dtype, 0), one = bp_scalar(g, nn->dtype, 1);
    bp_val end = bp_scalar(g, nn->dtype, (double)count);
    bp_val known = bp_ge(g, x, zero), below = bp_lt(g, x, end);
    bp_val whole = bp_eq(g, x, bp_floor(g, x));
    known = bp_and(g, known, below);
    known = bp_and(g, known, whole);
    bp_val y = bp__nn_embedding(nn, bp_select(g, known, x, zero), count, dim,
                                bp__nn_parse(nn, BP_NN_INITS, "normal(0.1)"));
    const int64_t column[2] = {bp_val_dim(g, x, 0), 1};
    bp_val share = bp_reshape(g, bp_select(g, known, one, zero), 2, column);
    return bp_mul(g, y, share);
}

/* ---- upsampling ---- */

/* Each element becomes scale[0] rows of scale[1]. */
static bp_val repeat_elements(bp_graph *g, bp_val x, const int64_t scale[2])
{
    const bp__type t = *bp__type_of(g, x);
    const int64_t *d = t.dims;
    x = bp_reshape(g, x, 6, (int64_t[]){d[0], d[1], d[2], 1, d[3], 1});
    x = bp_broadcast(g, x, 6, (int64_t[]){d[0], d[1], d[2], scale[0], d[3],
                                          scale[1]});
    return bp_reshape(g, x, 4, (int64_t[]){d[0], d[1], d[2] * scale[0],
                                           d[3] * scale[1]});
}

/* The matrix [scale n, n] of linear interpolation between the centers of n
 * elements; beyond the outer centers it is constant. */
static bp_val interpolation(bp_nn *nn, int64_t n, int64_t scale)
{
    const int64_t dims[2] = {n * scale, n};
    size_t total = (size_t)(n * scale * n);
    double *m = bp__arena_array(&nn->arena, total, sizeof *m);
    if (!m)
        return bp__nn_fail(nn, BP_ENOMEM, "out of memory");
    for (int64_t i = 0; i < n * scale; i++) {
        double at = ((double)i + 0.5) / (double)scale - 0.5;
        int64_t low = at > 0 ? (int64_t)at : 0;
        int64_t high = low + 1 < n ? low + 1 : low;
        double part = at > 0 ? at - (double)low : 0;
        m[i * n + low] += 1 - part;
        m[i * n + high] += part;
    }
    bp_val v = bp_const(nn->g, BP_F64, 2, dims, m);
    return nn->dtype == BP_F64 ? v : bp_cast(nn->g, v, nn->dtype);
}

static bp_val interpolate(bp_nn *nn, bp_val x, const int64_t scale[2])
{
    bp_val rows = interpolation(nn, bp_val_dim(nn->g, x, 2), scale[0]);
    bp_val columns = interpolation(nn, bp_val_dim(nn->g, x, 3), scale[1]);
    x = bp_matmul(nn->g, x, columns, false, true);
    return bp_matmul(nn->g, rows, x, false, false);
}

bp_val bp_nn_upsample(bp_nn *nn, bp_val x, const bp_nn_upsample_options *o)
{
    char t[200];
    if (!bp__layer_begin(nn, "upsample", x))
        return BP_NIL;
    if (!o)
        return bp__nn_fail(nn, BP_EARG, "options are missing");
    const bp__type xt = *bp__type_of(nn->g, x);
    const int64_t scale[2] = {o->scale[0],
                              o->scale[1] ? o->scale[1] : o->scale[0]};
    if (xt.rank != 4 || xt.dims[2] < 1 || xt.dims[3] < 1)
        return bp__nn_fail(nn, BP_ESHAPE, "its input is %s, must be "
                           "[N,channels,height,width]",
                           bp__nn_type_text(nn, x, t));
    if (scale[0] < 1 || scale[1] < 1 || scale[0] > INT32_MAX / xt.dims[2] ||
        scale[1] > INT32_MAX / xt.dims[3])
        return bp__nn_fail(nn, BP_ERANGE, "its input is %s, scaled by %lld "
                           "and %lld: each must be at least 1 and the result "
                           "below 2^31", bp__nn_type_text(nn, x, t),
                           (long long)scale[0], (long long)scale[1]);
    return bp__layer_end(nn, o->bilinear ? interpolate(nn, x, scale)
                                         : repeat_elements(nn->g, x, scale));
}

/* ---- maxout ---- */

bp_val bp_nn_maxout(bp_nn *nn, bp_val x, int64_t pieces)
{
    static const int64_t axis = 2;
    char t[200];
    if (!bp__layer_begin(nn, "maxout", x))
        return BP_NIL;
    bp__type xt = *bp__type_of(nn->g, x);
    if (xt.rank < 2 || xt.rank == BP_MAX_RANK || xt.dims[1] < 1)
        return bp__nn_fail(nn, BP_ESHAPE, "its input is %s, must be "
                           "[N,channels,...]", bp__nn_type_text(nn, x, t));
    if (pieces < 1 || xt.dims[1] % pieces)
        return bp__nn_fail(nn, BP_ESHAPE, "its input is %s: %lld pieces must "
                           "divide its %lld channels",
                           bp__nn_type_text(nn, x, t),
                           (long long)pieces, (long long)xt.dims[1]);
    int64_t dims[BP_MAX_RANK] = {xt.dims[0], xt.dims[1] / pieces, pieces};
    for (int i = 2; i < xt.rank; i++)
        dims[i + 1] = xt.dims[i];
    x = bp_reshape(nn->g, x, xt.rank + 1, dims);
    return bp__layer_end(nn, bp_amax(nn->g, x, 1, &axis, false));
}
