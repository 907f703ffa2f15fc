/* Pooling in two dimensions and its transposes.
 *
 * Max pooling gives, beside each window's largest element, its place h*W + w
 * in the plane; pool_scatter and pool_gather move elements to and from such
 * places and are each other's transposes, so the set is closed. So is average
 * pooling with its transpose.
 *
 * Padding never wins and is never the whole of a window: each padding must be
 * smaller than the kernel. Reference kernels add up in f64, except for
 * pool_scatter, which adds to its result in place.
 */
#include "op/case.h"
#include "op/op.h"

#include <bprop/ops.h>

#include <math.h>

typedef bp__pool_attrs pool_at;

/* ---- inference ---------------------------------------------------------- */

static bp_status pool_check_attrs(bp__infer *q)
{
    const pool_at *a = q->attrs;
    const struct {
        const char *name;
        int64_t value, least;
    } list[] = {
        {"kernel", a->k_h, 1},         {"kernel", a->k_w, 1},
        {"stride", a->stride_h, 1},    {"stride", a->stride_w, 1},
        {"padding", a->pad_top, 0},    {"padding", a->pad_bottom, 0},
        {"padding", a->pad_left, 0},   {"padding", a->pad_right, 0},
    };
    for (size_t i = 0; i < BP__ARRAY_LEN(list); i++)
        if (list[i].value < list[i].least || list[i].value > INT32_MAX)
            return bp__infer_fail(q, BP_EARG,
                                  "%s %lld: it must be from %lld to %d",
                                  list[i].name, (long long)list[i].value,
                                  (long long)list[i].least, INT32_MAX);
    const int64_t pads[4] = {a->pad_top, a->pad_bottom, a->pad_left,
                             a->pad_right};
    for (int i = 0; i < 4; i++) {
        int64_t k = i < 2 ? a->k_h : a->k_w;
        if (pads[i] >= k)
            return bp__infer_fail(
                q, BP_EARG, "padding %lld with a kernel of %lld: a window "
                "could be padding alone; use less than the kernel's size",
                (long long)pads[i], (long long)k);
    }
    return BP_OK;
}

static bp_status pool_check_rank(bp__infer *q, int i)
{
    char s[200];
    if (bp__infer_dtype(q, i, BP__D_F) != BP_OK)
        return q->status;
    if (q->in[i].rank != 4)
        return bp__infer_fail(q, BP_ESHAPE, "%s: it needs 4 axes, [N,C,H,W]",
                              bp__type_text(&q->in[i], s));
    return BP_OK;
}

/* h*W + w must fit an i32. */
static bp_status pool_check_plane(bp__infer *q, int64_t h, int64_t w)
{
    if (h < 0 || w < 0)
        return bp__infer_fail(q, BP_EARG, "planes of %lldx%lld: sizes are not "
                              "negative", (long long)h, (long long)w);
    if (h > INT32_MAX || w > INT32_MAX || h * w > INT32_MAX)
        return bp__infer_fail(q, BP_ELIMIT, "planes of %lldx%lld: at most %d "
                              "elements", (long long)h, (long long)w,
                              INT32_MAX);
    return BP_OK;
}

static bp_status pool_positions(bp__infer *q, const char *what, int64_t in,
                                int64_t k, int64_t stride, int64_t lo,
                                int64_t hi, int64_t *out)
{
    int64_t room = in + lo + hi;
    if (in < 1)
        return bp__infer_fail(q, BP_ESHAPE, "an input of no %s: a window "
                              "could be padding alone", what);
    if (k > room)
        return bp__infer_fail(
            q, BP_ESHAPE, "a kernel of %lld %s, a padded input of %lld (%lld "
            "+ %lld + %lld): use a smaller kernel or more padding",
            (long long)k, what, (long long)room, (long long)lo, (long long)in,
            (long long)hi);
    *out = (room - k) / stride + 1;
    return BP_OK;
}

/* Sizes of the output for planes of h x w. */
static bp_status pool_sizes(bp__infer *q, int64_t h, int64_t w, int64_t *out)
{
    const pool_at *a = q->attrs;
    if (pool_check_attrs(q) != BP_OK || pool_check_plane(q, h, w) != BP_OK ||
        pool_positions(q, "rows", h, a->k_h, a->stride_h, a->pad_top,
                       a->pad_bottom, &out[0]) != BP_OK)
        return q->status;
    return pool_positions(q, "columns", w, a->k_w, a->stride_w, a->pad_left,
                          a->pad_right, &out[1]);
}

/* Output 0 (and 1, the places) of a pooling over operand 0. */
static bp_status pool_infer(bp__infer *q)
{
    const bp__type *x = &q->in[0];
    int64_t out[2];
    if (pool_check_rank(q, 0) != BP_OK ||
        pool_sizes(q, x->dims[2], x->dims[3], out) != BP_OK)
        return q->status;
    int64_t dims[4] = {x->dims[0], x->dims[1], out[0], out[1]};
    bp__infer_set(q, 0, x->dtype, 4, dims);
    if (q->def->n_out == 2)
        bp__infer_set(q, 1, BP_I32, 4, dims);
    return BP_OK;
}

static bp_status pool_avg_dx_infer(bp__infer *q)
{
    const pool_at *a = q->attrs;
    const bp__type *dy = &q->in[0];
    int64_t out[2];
    char s[200];
    if (pool_check_rank(q, 0) != BP_OK ||
        pool_sizes(q, a->size_h, a->size_w, out) != BP_OK)
        return q->status;
    if (dy->dims[2] != out[0] || dy->dims[3] != out[1])
        return bp__infer_fail(
            q, BP_ESHAPE, "dy is %s: pooling %lldx%lld by %lldx%lld gives "
            "%lldx%lld", bp__type_text(dy, s), (long long)a->size_h,
            (long long)a->size_w, (long long)a->k_h, (long long)a->k_w,
            (long long)out[0], (long long)out[1]);
    bp__infer_set(q, 0, dy->dtype, 4, (int64_t[]){dy->dims[0], dy->dims[1],
                                                  a->size_h, a->size_w});
    return BP_OK;
}

/* Operand 1: places, i32 of rank 4. */
static bp_status pool_check_index(bp__infer *q)
{
    char s[200];
    if (bp__infer_dtype(q, 1, BP__D_I32) != BP_OK)
        return q->status;
    if (q->in[1].rank != 4)
        return bp__infer_fail(q, BP_ESHAPE, "index is %s: it needs 4 axes, "
                              "[N,C,OH,OW]", bp__type_text(&q->in[1], s));
    return BP_OK;
}

static bp_status pool_scatter_infer(bp__infer *q)
{
    const pool_at *a = q->attrs;
    const bp__type *dy = &q->in[0];
    char s[200], u[200];
    if (pool_check_rank(q, 0) != BP_OK || pool_check_index(q) != BP_OK ||
        pool_check_plane(q, a->size_h, a->size_w) != BP_OK)
        return q->status;
    if (!bp__same_dims(dy, &q->in[1]))
        return bp__infer_fail(q, BP_ESHAPE, "dy is %s, index %s: they need "
                              "the same shape", bp__type_text(dy, s),
                              bp__type_text(&q->in[1], u));
    bp__infer_set(q, 0, dy->dtype, 4, (int64_t[]){dy->dims[0], dy->dims[1],
                                                  a->size_h, a->size_w});
    return BP_OK;
}

static bp_status pool_gather_infer(bp__infer *q)
{
    const bp__type *x = &q->in[0], *index = &q->in[1];
    char s[200], u[200];
    if (pool_check_rank(q, 0) != BP_OK || pool_check_index(q) != BP_OK ||
        pool_check_plane(q, x->dims[2], x->dims[3]) != BP_OK)
        return q->status;
    if (x->dims[0] != index->dims[0] || x->dims[1] != index->dims[1])
        return bp__infer_fail(q, BP_ESHAPE, "x is %s, index %s: they need the "
                              "same samples and channels", bp__type_text(x, s),
                              bp__type_text(index, u));
    bp__infer_set(q, 0, x->dtype, 4, index->dims);
    return BP_OK;
}

/* Every row of the outputs needs that row of every operand. */
static uint32_t pool_rows(const bp__shapes *s)
{
    return BP__ROWS | ((1u << s->n_in) - 1);
}

/* ---- adjoints ----------------------------------------------------------- */

static bp_val pool_emit_sized(bp_graph *g, bp__op op, const pool_at *from,
                              int n_in, const bp_val *in, bp_val like)
{
    pool_at a = *from;
    const bp__type *t = bp__type_of(g, like);
    a.size_h = t->dims[2];
    a.size_w = t->dims[3];
    return bp__emit1(g, op, &a, n_in, in);
}

static const pool_at no_pool_attrs;

/* dx = pool_scatter(dy, index); the windows' geometry goes along, as a promise
 * that every index lies in its own window: a fast kernel lives on it. */
static void pool_max_vjp(const bp__vjp *v)
{
    if ((v->need & 1) && !bp_is_nil(v->dy[0]))
        v->dx[0] = pool_emit_sized(v->g, BP__OP_pool_scatter, v->attrs,
                                   2, (bp_val[]){v->dy[0], v->out[1]},
                                   v->in[0]);
}

/* With c the cotangent: d(dy) = pool_gather(c, index) */
static void pool_scatter_vjp(const bp__vjp *v)
{
    if (v->need & 1)
        v->dx[0] = bp_pool_gather(v->g, v->dy[0], v->in[1]);
}

/* dx = pool_scatter(dy, index) */
static void pool_gather_vjp(const bp__vjp *v)
{
    if (v->need & 1)
        v->dx[0] = pool_emit_sized(v->g, BP__OP_pool_scatter, &no_pool_attrs,
                                   2, (bp_val[]){v->dy[0], v->in[1]},
                                   v->in[0]);
}

/* dx = avg_pool2d_dx(dy) */
static void pool_avg_vjp(const bp__vjp *v)
{
    if (v->need & 1)
        v->dx[0] = pool_emit_sized(v->g, BP__OP_avg_pool2d_dx, v->attrs, 1,
                                   v->dy, v->in[0]);
}

/* With c the cotangent: d(dy) = avg_pool2d(c) */
static void pool_avg_dx_vjp(const bp__vjp *v)
{
    pool_at a = *(const pool_at *)v->attrs;
    a.size_h = a.size_w = 0;
    if (v->need & 1)
        v->dx[0] = bp__emit1(v->g, BP__OP_avg_pool2d, &a, 1, v->dy);
}

/* ---- reference kernels -------------------------------------------------- */

/* Elements that window i covers along an axis of `in`: from *lo to *hi. */
static void pool_window(int64_t i, int64_t stride, int64_t pad, int64_t k,
                        int64_t in, int64_t *lo, int64_t *hi)
{
    int64_t start = i * stride - pad;
    *lo = BP__MAX(start, 0);
    *hi = BP__MIN(start + k, in);
}

/* Windows that cover element e along an axis with n windows. */
static void pool_cover(int64_t e, int64_t stride, int64_t pad, int64_t k,
                       int64_t n, int64_t *lo, int64_t *hi)
{
    int64_t first = e + pad - k + 1; /* start of the first one that reaches */
    *lo = first > 0 ? (first + stride - 1) / stride : 0;
    *hi = BP__MIN((e + pad) / stride + 1, n);
}

/* What window (i, j) is divided by, over planes of h x w. */
static double pool_count(const pool_at *a, int64_t i, int64_t j, int64_t h,
                         int64_t w)
{
    int64_t top, bottom, left, right;
    if (a->count_pad)
        return (double)(a->k_h * a->k_w);
    pool_window(i, a->stride_h, a->pad_top, a->k_h, h, &top, &bottom);
    pool_window(j, a->stride_w, a->pad_left, a->k_w, w, &left, &right);
    return (double)((bottom - top) * (right - left));
}

#define REF_T float
#define REF(name) name##_f32
#include "op/pool_ref.inc"
#undef REF_T
#undef REF
#define REF_T double
#define REF(name) name##_f64
#include "op/pool_ref.inc"
#undef REF_T
#undef REF

#define POOL_REF(name)                            \
    static void name##_ref(const bp__kargs *k)    \
    {                                             \
        if (k->in[0].type.dtype == BP_F32)        \
            name##_f32(k);                        \
        else                                      \
            name##_f64(k);                        \
    }
POOL_REF(pool_max)
POOL_REF(pool_put)
POOL_REF(pool_pick)
POOL_REF(pool_avg)
POOL_REF(pool_share)

/* ---- builders ----------------------------------------------------------- */

static pool_at pool_attrs_of(const bp_pool2d_options *o, int64_t h, int64_t w)
{
    pool_at a;
    memset(&a, 0, sizeof a);
    a.size_h = h;
    a.size_w = w;
    if (!o)
        return a; /* refused by inference: a kernel of size 0 */
    a.k_h = o->kernel[0];
    a.k_w = o->kernel[1];
    bool given = o->stride[0] || o->stride[1];
    a.stride_h = given ? o->stride[0] : a.k_h;
    a.stride_w = given ? o->stride[1] : a.k_w;
    a.pad_top = o->padding[0];
    a.pad_bottom = o->padding[1];
    a.pad_left = o->padding[2];
    a.pad_right = o->padding[3];
    return a;
}

static bp_val pool_max_output(bp_graph *g, bp_val x,
                              const bp_pool2d_options *o, int which)
{
    pool_at a = pool_attrs_of(o, 0, 0);
    bp_val out[BP__MAX_OUT];
    bp__emit(g, BP__OP_max_pool2d, &a, 1, &x, out);
    return out[which];
}

bp_val bp_max_pool2d(bp_graph *g, bp_val x, const bp_pool2d_options *o)
{
    return pool_max_output(g, x, o, 0);
}

bp_val bp_max_pool2d_index(bp_graph *g, bp_val x, const bp_pool2d_options *o)
{
    return pool_max_output(g, x, o, 1);
}

bp_val bp_avg_pool2d(bp_graph *g, bp_val x, const bp_pool2d_options *o)
{
    pool_at a = pool_attrs_of(o, 0, 0);
    a.count_pad = !o || !o->exclude_padding;
    return bp__emit1(g, BP__OP_avg_pool2d, &a, 1, &x);
}

bp_val bp_avg_pool2d_dx(bp_graph *g, bp_val dy, int64_t height, int64_t width,
                        const bp_pool2d_options *o)
{
    pool_at a = pool_attrs_of(o, height, width);
    a.count_pad = !o || !o->exclude_padding;
    return bp__emit1(g, BP__OP_avg_pool2d_dx, &a, 1, &dy);
}

bp_val bp_pool_scatter(bp_graph *g, bp_val dy, bp_val index, int64_t height,
                       int64_t width)
{
    pool_at a = pool_attrs_of(NULL, height, width);
    return bp__emit1(g, BP__OP_pool_scatter, &a, 2, (bp_val[]){dy, index});
}

bp_val bp_pool_gather(bp_graph *g, bp_val x, bp_val index)
{
    return bp__emit1(g, BP__OP_pool_gather, NULL, 2, (bp_val[]){x, index});
}

/* ---- rows --------------------------------------------------------------- */

#define POOL_WINDOW_ATTRS                                               \
    BP__ATTR(pool_at, k_h, I64), BP__ATTR(pool_at, k_w, I64),           \
        BP__ATTR(pool_at, stride_h, I64),                               \
        BP__ATTR(pool_at, stride_w, I64),                               \
        BP__ATTR(pool_at, pad_top, I64),                                \
        BP__ATTR(pool_at, pad_bottom, I64),                             \
        BP__ATTR(pool_at, pad_left, I64), BP__ATTR(pool_at, pad_right, I64)
#define POOL_SIZE_ATTRS \
    BP__ATTR(pool_at, size_h, I64), BP__ATTR(pool_at, size_w, I64)

static const bp__attrdef pool_max_attrs[] = {POOL_WINDOW_ATTRS, BP__ATTR_END};
static const bp__attrdef pool_avg_attrs[] = {
    POOL_WINDOW_ATTRS, BP__ATTR(pool_at, count_pad, BOOL), BP__ATTR_END};
static const bp__attrdef pool_avg_dx_attrs[] = {
    POOL_WINDOW_ATTRS, BP__ATTR(pool_at, count_pad, BOOL), POOL_SIZE_ATTRS,
    BP__ATTR_END};
static const bp__attrdef pool_scatter_attrs[] = {POOL_SIZE_ATTRS,
                                                 BP__ATTR_END};

/* kernel, stride, padding, size of the planes, whether padding counts */
static const pool_at
    pool_2 = {2, 2, 2, 2, 0, 0, 0, 0, 0, 0, true},
    pool_2_dx = {2, 2, 2, 2, 0, 0, 0, 0, 5, 4, true},
    pool_over = {3, 2, 1, 1, 0, 0, 0, 0, 0, 0, true},
    pool_over_dx = {3, 2, 1, 1, 0, 0, 0, 0, 5, 4, true},
    pool_pad = {3, 3, 2, 2, 1, 2, 2, 0, 0, 0, true},
    pool_pad_dx = {3, 3, 2, 2, 1, 2, 2, 0, 4, 5, true},
    pool_real = {3, 3, 2, 2, 1, 2, 2, 0, 0, 0, false},
    pool_real_dx = {3, 3, 2, 2, 1, 2, 2, 0, 4, 5, false},
    pool_gap = {1, 2, 3, 3, 0, 0, 0, 1, 0, 0, false},
    pool_gap_dx = {1, 2, 3, 3, 0, 0, 0, 1, 5, 4, false},
    pool_whole = {4, 5, 4, 5, 0, 0, 0, 0, 0, 0, true},
    pool_whole_dx = {4, 5, 4, 5, 0, 0, 0, 0, 4, 5, true},
    pool_to_3x4 = {0, 0, 0, 0, 0, 0, 0, 0, 3, 4, false},
    pool_to_1x1 = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, false};

static const bp__case pool_max_cases[] = {
    {&pool_2, 1, {BP__TF_DISTINCT(-2, 2, 2, 2, 5, 4)}, true, "a cut row"},
    {&pool_over, 1, {BP__TF_DISTINCT(-2, 2, 1, 2, 5, 4)}, false, "overlap"},
    {&pool_pad, 1, {BP__TF_DISTINCT(-2, -1, 2, 1, 4, 5)}, false,
     "padding beside negative elements"},
    {&pool_gap, 1, {BP__TF_DISTINCT(-2, 2, 2, 1, 5, 4)}, false,
     "elements that no window covers"},
    {&pool_whole, 1, {BP__TF_DISTINCT(-2, 2, 3, 1, 4, 5)}, false, "global"},
    {&pool_2, 1, {BP__TF_DISTINCT(-2, 2, 0, 2, 4, 4)}, false, "no samples"},
};
static const bp__case pool_avg_cases[] = {
    {&pool_2, 1, {BP__TF(-2, 2, 2, 2, 5, 4)}, true, "a cut row"},
    {&pool_over, 1, {BP__TF(-2, 2, 1, 2, 5, 4)}, false, "overlap"},
    {&pool_pad, 1, {BP__TF(-2, 2, 2, 1, 4, 5)}, false, "padding counts"},
    {&pool_real, 1, {BP__TF(-2, 2, 2, 1, 4, 5)}, false,
     "padding does not count"},
    {&pool_gap, 1, {BP__TF(-2, 2, 2, 1, 5, 4)}, false,
     "elements that no window covers"},
    {&pool_whole, 1, {BP__TF(-2, 2, 3, 1, 4, 5)}, false, "global"},
    {&pool_2, 1, {BP__TF(-2, 2, 2, 0, 4, 4)}, false, "no channels"},
};
static const bp__case pool_avg_dx_cases[] = {
    {&pool_2_dx, 1, {BP__TF(-2, 2, 2, 2, 2, 2)}, true, "a cut row"},
    {&pool_over_dx, 1, {BP__TF(-2, 2, 1, 2, 3, 3)}, false, "overlap"},
    {&pool_pad_dx, 1, {BP__TF(-2, 2, 2, 1, 3, 3)}, false, "padding counts"},
    {&pool_real_dx, 1, {BP__TF(-2, 2, 2, 1, 3, 3)}, false,
     "padding does not count"},
    {&pool_gap_dx, 1, {BP__TF(-2, 2, 2, 1, 2, 2)}, false,
     "elements that no window covers"},
    {&pool_whole_dx, 1, {BP__TF(-2, 2, 3, 1, 1, 1)}, false, "global"},
    {&pool_2_dx, 1, {BP__TF(-2, 2, 0, 2, 2, 2)}, false, "no samples"},
};
static const bp__case pool_scatter_cases[] = {
    {&pool_to_3x4, 2, {BP__TF(-2, 2, 2, 3, 2, 2), BP__TI(0, 11, 2, 3, 2, 2)},
     true, "places may come twice"},
    {&pool_to_1x1, 2, {BP__TF(-2, 2, 1, 2, 3, 1), BP__TI(0, 0, 1, 2, 3, 1)},
     false, "all into one place"},
    {&pool_to_3x4, 2, {BP__TF(-2, 2, 2, 3, 0, 2), BP__TI(0, 11, 2, 3, 0, 2)},
     false, "nothing to add"},
};
static const bp__case pool_gather_cases[] = {
    {NULL, 2, {BP__TF(-2, 2, 2, 3, 3, 4), BP__TI(0, 11, 2, 3, 2, 2)}, true,
     "places may come twice"},
    {NULL, 2, {BP__TF(-2, 2, 1, 2, 1, 1), BP__TI(0, 0, 1, 2, 3, 1)}, false,
     "all from one place"},
    {NULL, 2, {BP__TF(-2, 2, 2, 3, 3, 4), BP__TI(0, 11, 2, 3, 2, 0)}, false,
     "nothing to pick"},
};

const bp__opdef bp__op_max_pool2d = {
    .name = "max_pool2d",
    .sig = "(x:f[N,C,H,W]) {kernel, stride, padding} -> f[N,C,OH,OW], "
           "i32[N,C,OH,OW]",
    .doc = "The largest element of each window, and its place h*W + w; the "
           "first of equal ones; the first NaN, if there is one. "
           "y[n,c,i,j] = max over h,k of x[n,c,i*s+h-p,j*s+k-p]",
    .n_in = 1, .n_out = 2, .diff = {BP__DIFF},
    .attrs = pool_max_attrs, .attrs_bytes = sizeof(pool_at),
    .infer = pool_infer, .vjp = pool_max_vjp, .rows = pool_rows,
    .ref = pool_max_ref,
    .cases = pool_max_cases, .n_cases = BP__ARRAY_LEN(pool_max_cases),
};

const bp__opdef bp__op_pool_scatter = {
    .name = "pool_scatter",
    .sig = "(dy:f[N,C,OH,OW], index:i32[N,C,OH,OW]) {size} -> f[N,C,H,W]",
    .doc = "Adds dy to zeros at the places of index. "
           "x[n,c,p] = sum of dy[n,c,i,j] over all index[n,c,i,j] = p",
    .n_in = 2, .n_out = 1, .diff = {BP__DIFF, BP__NONDIFF},
    .flags = BP__LINEAR | BP__FAULTS,
    .attrs = pool_scatter_attrs, .attrs_bytes = sizeof(pool_at),
    .infer = pool_scatter_infer, .vjp = pool_scatter_vjp, .rows = pool_rows,
    .ref = pool_put_ref,
    .cases = pool_scatter_cases, .n_cases = BP__ARRAY_LEN(pool_scatter_cases),
};

const bp__opdef bp__op_pool_gather = {
    .name = "pool_gather",
    .sig = "(x:f[N,C,H,W], index:i32[N,C,OH,OW]) -> f[N,C,OH,OW]",
    .doc = "Picks the elements at the places of index. "
           "y[n,c,i,j] = x[n,c,index[n,c,i,j]]",
    .n_in = 2, .n_out = 1, .diff = {BP__DIFF, BP__NONDIFF},
    .flags = BP__LINEAR | BP__FAULTS,
    .infer = pool_gather_infer, .vjp = pool_gather_vjp, .rows = pool_rows,
    .ref = pool_pick_ref,
    .cases = pool_gather_cases, .n_cases = BP__ARRAY_LEN(pool_gather_cases),
};

const bp__opdef bp__op_avg_pool2d = {
    .name = "avg_pool2d",
    .sig = "(x:f[N,C,H,W]) {kernel, stride, padding, count_pad} -> "
           "f[N,C,OH,OW]",
    .doc = "The mean of each window, over the kernel's size or, without "
           "count_pad, over the elements in it. "
           "y[n,c,i,j] = sum over h,k of x[n,c,i*s+h-p,j*s+k-p] / count",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF}, .flags = BP__LINEAR,
    .attrs = pool_avg_attrs, .attrs_bytes = sizeof(pool_at),
    .infer = pool_infer, .vjp = pool_avg_vjp, .rows = pool_rows,
    .ref = pool_avg_ref,
    .cases = pool_avg_cases, .n_cases = BP__ARRAY_LEN(pool_avg_cases),
};

const bp__opdef bp__op_avg_pool2d_dx = {
    .name = "avg_pool2d_dx",
    .sig = "(dy:f[N,C,OH,OW]) {kernel, stride, padding, count_pad, size} -> "
           "f[N,C,H,W]",
    .doc = "The transpose of avg_pool2d: each element's share. "
           "dx[n,c,h,w] = sum of dy[n,c,i,j] / count over the windows that "
           "cover it",
    .n_in = 1, .n_out = 1, .diff = {BP__DIFF}, .flags = BP__LINEAR,
    .attrs = pool_avg_dx_attrs, .attrs_bytes = sizeof(pool_at),
    .infer = pool_avg_dx_infer, .vjp = pool_avg_dx_vjp, .rows = pool_rows,
    .ref = pool_share_ref,
    .cases = pool_avg_dx_cases, .n_cases = BP__ARRAY_LEN(pool_avg_dx_cases),
};
