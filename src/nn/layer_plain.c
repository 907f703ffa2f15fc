/* Dropout, blocks, joins: the C calls. */
#include "nn/nn.h"

/* ---- dropout ---- */

bp_val bp_nn_dropout(bp_nn *nn, bp_val x, double p)
{
    if (!bp__layer_begin(nn, "dropout", x))
        return BP_NIL;
    if (!(p >= 0 && p < 1))
        return bp__nn_fail(nn, BP_ERANGE, "p is %g, must be from 0 to below 1",
                           p);
    if (!nn->training || p == 0)
        return bp__layer_end(nn, x);
    /* One stream for each dropout layer, of its path: other layers may come
     * and go. */
    const char *path = nn->block->path;
    uint64_t h = bp__hash(BP__HASH_INIT, "dropout", 7);
    h = bp__hash(h, path, strlen(path));
    return bp__layer_end(nn, bp_dropout(nn->g, x, bp_nn_key(nn), p,
                                        (int64_t)(h >> 1)));
}

/* ---- blocks and joins ---- */

static bp_val residual_sum(bp_nn *nn, bp_val y, bp_val z)
{
    char a[200], b[200];
    if (!bp__ok(nn->g))
        return BP_NIL;
    if (!bp__value_of(nn->g, y) || !bp__value_of(nn->g, z))
        return bp__nn_fail(nn, BP_EARG, "its body or shortcut gives no value "
                           "of this graph");
    if (!bp__same_dims(bp__type_of(nn->g, y), bp__type_of(nn->g, z)))
        return bp__nn_fail(nn, BP_ESHAPE, "its body gives %s, its shortcut "
                           "%s: they must be equal", bp__nn_type_text(nn, y, a),
                           bp__nn_type_text(nn, z, b));
    return bp__layer_end(nn, bp_add(nn->g, y, z));
}

bp_val bp_nn_residual(bp_nn *nn, bp_val x, bp_net body, bp_net shortcut,
                      void *user)
{
    if (!bp__layer_begin(nn, "residual", x))
        return BP_NIL;
    if (!body)
        return bp__nn_fail(nn, BP_EARG, "its body is missing");
    bp__block_push(nn, "body");
    bp_val y = body(nn, x, user), z = x;
    bp__block_pop(nn);
    if (shortcut) {
        bp__block_push(nn, "shortcut");
        z = shortcut(nn, x, user);
        bp__block_pop(nn);
    }
    return residual_sum(nn, y, z);
}

bp_val bp__nn_residual(bp_nn *nn, bp_val x, const bp__argval *body,
                       const bp__argval *shortcut)
{
    if (!bp__layer_begin(nn, "residual", x))
        return BP_NIL;
    bp__block_push(nn, "body");
    bp_val y = bp__nn_walk(nn, body->list, body->n, x), z = x;
    bp__block_pop(nn);
    if (shortcut->n) {
        bp__block_push(nn, "shortcut");
        z = bp__nn_walk(nn, shortcut->list, shortcut->n, x);
        bp__block_pop(nn);
    }
    return residual_sum(nn, y, z);
}

static bool begin_join(bp_nn *nn, const char *kind, int n, const bp_val *x)
{
    if (!bp__nn_ok(nn))
        return false;
    if (n < 1) {
        bp__nn_fail(nn, BP_EARG, "%s of %d values: must be at least 1", kind,
                    n);
        return false;
    }
    if (!bp__layer_begin(nn, kind, x[0]))
        return false;
    for (int i = 1; i < n; i++)
        if (!bp__value_of(nn->g, x[i])) {
            bp__nn_fail(nn, BP_EARG, "its input %d is no value of this graph",
                        i);
            return false;
        }
    return true;
}

bp_val bp_nn_add(bp_nn *nn, int n, const bp_val *x)
{
    char a[200], b[200];
    if (!begin_join(nn, "add", n, x))
        return BP_NIL;
    bp_val y = x[0];
    for (int i = 1; i < n; i++) {
        if (!bp__same_dims(bp__type_of(nn->g, x[0]),
                           bp__type_of(nn->g, x[i])))
            return bp__nn_fail(nn, BP_ESHAPE, "its inputs are %s and %s: "
                               "they must be equal",
                               bp__nn_type_text(nn, x[0], a),
                               bp__nn_type_text(nn, x[i], b));
        y = bp_add(nn->g, y, x[i]);
    }
    return bp__layer_end(nn, y);
}

bp_val bp_nn_concat(bp_nn *nn, int n, const bp_val *x, int64_t axis)
{
    char a[200], b[200];
    if (!begin_join(nn, "concat", n, x))
        return BP_NIL;
    const bp__type *t = bp__type_of(nn->g, x[0]);
    int at = bp__axis(axis, t->rank);
    if (at < 1)
        return bp__nn_fail(nn, BP_ESHAPE, "axis %lld of its input %s is not "
                           "one of a sample's axes", (long long)axis,
                           bp__nn_type_text(nn, x[0], a));
    for (int i = 1; i < n; i++) {
        bp__type u = *bp__type_of(nn->g, x[i]);
        u.dims[at] = u.rank == t->rank ? t->dims[at] : -1;
        if (!bp__same_dims(t, &u))
            return bp__nn_fail(nn, BP_ESHAPE, "its inputs are %s and %s: all "
                               "sizes but that of axis %d must be equal",
                               bp__nn_type_text(nn, x[0], a),
                               bp__nn_type_text(nn, x[i], b), at);
    }
    return bp__layer_end(nn, bp_concat(nn->g, n, x, at));
}
