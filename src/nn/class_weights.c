/* Losses with a weight for each class: of a sample's loss, by its class; the
 * batch's loss is the weighted mean, as in PyTorch's CrossEntropyLoss(weight).
 */
#include "nn/loss.h"

#include <bprop/ops.h>

#include <math.h>

static const bp__argval *given(const bp__spec *s)
{
    const bp__argval *v = bp__arg(s, "class_weights");
    return v->set ? v : NULL;
}

bool bp__loss_is_balanced(const bp__spec *s)
{
    const bp__argval *v = given(s);
    return v && v->s;
}

/* n / (classes that occur * samples of the class); 1 where there are none. */
static bool balance(bp_nn *nn, int64_t k, double *w)
{
    int64_t n = 0, occur = 0;
    int64_t known = nn->class_count ? nn->n_class_counts : 0;
    if (known < 1 || known > k) {
        bp__nn_fail(nn, BP_EARG, "class_weights=balanced needs the number of "
                    "training samples of each of %lld classes "
                    "(bp_task.class_count), and has %lld", (long long)k,
                    (long long)known);
        return false;
    }
    for (int64_t c = 0; c < known; c++) {
        n += nn->class_count[c];
        occur += nn->class_count[c] > 0;
    }
    for (int64_t c = 0; c < k; c++) {
        int64_t of = c < known ? nn->class_count[c] : 0;
        w[c] = of > 0 ? (double)n / ((double)occur * (double)of) : 1;
    }
    return true;
}

static const char *name_of(const bp_nn *nn, int64_t c, char *buf)
{
    if (nn->class_name && c < nn->n_classes)
        return nn->class_name[c];
    bp__snprintf(buf, 24, "%lld", (long long)c);
    return buf;
}

/* The numbers by their classes' names: each class once. */
static bool take_named(bp_nn *nn, const bp__argval *v, int64_t k, double *w)
{
    char name[24], list[300] = "";
    size_t len = 0;
    for (int64_t c = 0; c < k; c++)
        w[c] = (double)NAN;
    for (size_t i = 0; i < v->n; i++) {
        int64_t c = bp__nn_class(nn, "class_weights: ", v->key[i], k);
        if (c < 0)
            return false;
        if (!isnan(w[c])) {
            bp__nn_fail(nn, BP_EARG, "class_weights: class \"%.60s\" has two "
                        "numbers", name_of(nn, c, name));
            return false;
        }
        w[c] = v->num[i];
    }
    for (int64_t c = 0; c < k; c++)
        if (isnan(w[c]) && len < 200)
            len += (size_t)bp__snprintf(list + len, sizeof list - len,
                                        "%s\"%.60s\"", len ? ", " : "",
                                        name_of(nn, c, name));
    if (len)
        bp__nn_fail(nn, BP_EARG, "class_weights: no number for class %s%s",
                    list, len < 200 ? "" : " ...");
    return !len;
}

/* [k]; BP_NIL: the graph has the error. */
static bp_val table_of(bp_nn *nn, const bp__argval *v, int64_t k)
{
    double sum = 0;
    double *w = bp__arena_array(&nn->arena, (size_t)k + 1, 2 * sizeof *w);
    float *f = w ? (float *)(w + k) : NULL;
    if (!w)
        return bp__nn_fail(nn, BP_ENOMEM, "out of memory");
    if (v->s) {
        if (!balance(nn, k, w))
            return BP_NIL;
    } else if (v->key) {
        if (!take_named(nn, v, k, w))
            return BP_NIL;
    } else if ((int64_t)v->n != k) {
        return bp__nn_fail(nn, BP_EARG, "class_weights has %zu numbers; there "
                           "are %lld classes", v->n, (long long)k);
    } else {
        memcpy(w, v->num, (size_t)k * sizeof *w);
    }
    for (int64_t c = 0; c < k; c++) {
        sum += w[c];
        f[c] = (float)w[c];
    }
    if (!(sum > 0))
        return bp__nn_fail(nn, BP_EARG, "class_weights are all 0");
    return bp_const(nn->g, nn->dtype, 1, &k,
                    nn->dtype == BP_F64 ? (void *)w : (void *)f);
}

bool bp__loss_weights(bp_nn *nn, const bp__spec *s, bp_val y, bp_val t,
                      bp__weights *w)
{
    const bp__argval *v = given(s);
    *w = (bp__weights){0};
    if (!v || !bp__nn_ok(nn))
        return bp__nn_ok(nn);
    const bp__type yt = *bp__type_of(nn->g, y), tt = *bp__type_of(nn->g, t);
    if (tt.dtype != BP_I32 && tt.dtype != BP_U8) {
        bp__nn_fail(nn, BP_EARG, "class_weights are for targets that are "
                    "classes (i32); this one is %s",
                    bp_dtype_name((bp_dtype)tt.dtype));
        return false;
    }
    int64_t last = yt.rank < 2 ? 1 : yt.dims[yt.rank - 1];
    w->k = last == 1 ? 2 : last;
    w->table = table_of(nn, v, w->k);
    bp_val index = tt.dtype == BP_I32 ? t : bp_cast(nn->g, t, BP_I32);
    w->each = bp_gather(nn->g, w->table, index, 0);
    w->any = true;
    return bp__nn_ok(nn);
}

/* x where it is given outputs of each sample: their mean. */
static bp_val as_each(bp_nn *nn, bp_val x, const bp__weights *w)
{
    static const int64_t last = -1;
    const bp__type xt = *bp__type_of(nn->g, x);
    const bp__type wt = *bp__type_of(nn->g, w->each);
    char a[200], b[200];
    if (xt.rank == wt.rank + 1)
        x = bp_mean(nn->g, x, 1, &last, false);
    if (!bp__nn_ok(nn))
        return BP_NIL;
    bp__type t = *bp__type_of(nn->g, x);
    if (bp__numel(&t) != bp__numel(&wt))
        return bp__nn_fail(nn, BP_ESHAPE, "class_weights: losses of %s and "
                           "classes of %s do not go together",
                           bp__type_text(&xt, a), bp__type_text(&wt, b));
    return bp__same_dims(&t, &wt) ? x
                                  : bp_reshape(nn->g, x, wt.rank, wt.dims);
}

bp_val bp__loss_weighted(bp_nn *nn, bp_val x, const bp__weights *w)
{
    if (!bp__nn_ok(nn))
        return BP_NIL;
    return bp_mul(nn->g, as_each(nn, x, w), w->each);
}

bp_val bp__loss_mean(bp_nn *nn, bp_val weighted, const bp__weights *w)
{
    bp_graph *g = nn->g;
    if (!bp__nn_ok(nn))
        return BP_NIL;
    bp_val sum = bp__nn_total(g, w->each);
    nn->loss_weight = sum;
    /* Where all weights of a batch are 0, so is its loss. */
    bp_val none = bp_le(g, sum, bp_scalar(g, nn->dtype, 0));
    sum = bp_select(g, none, bp_scalar(g, nn->dtype, 1), sum);
    return bp_div(g, bp__nn_total(g, weighted), sum);
}
