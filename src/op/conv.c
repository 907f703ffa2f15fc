/* Convolution in two dimensions and its transposes.
 *
 *     conv2d    (x, w)  -> y    y[n,o,i,j] = sum of x[n,c,i*s+h*d-p,..]
 *                               w[o,c,h,k] over c, h, k
 *     conv2d_dx (dy, w) -> dx   the transpose in x
 *     conv2d_dw (x, dy) -> dw   the transpose in w
 *
 * The three are one trilinear form, each with one of its arguments left open,
 * so the adjoints of each are the other two: the trio is closed. All share one
 * attribute struct; what cannot be told from the operands (H, W of dx, KH, KW
 * of dw) is in size_h and size_w. The reference kernels read sizes from the
 * tensors only, and add up in f64 for both element types.
 */
#include "op/case.h"
#include "op/op.h"

#include <bprop/ops.h>

#include <stdio.h>

typedef bp__conv_attrs conv_at;

/* ---- inference ---------------------------------------------------------- */

static bp_status conv_check_attrs(bp__infer *q)
{
    const conv_at *a = q->attrs;
    const struct {
        const char *name;
        int64_t value, least;
    } list[] = {
        {"stride", a->stride_h, 1},     {"stride", a->stride_w, 1},
        {"dilation", a->dil_h, 1},      {"dilation", a->dil_w, 1},
        {"padding", a->pad_top, 0},     {"padding", a->pad_bottom, 0},
        {"padding", a->pad_left, 0},    {"padding", a->pad_right, 0},
        {"groups", a->groups, 1},       {"size", a->size_h, 0},
        {"size", a->size_w, 0},
    };
    for (size_t i = 0; i < BP__ARRAY_LEN(list); i++)
        if (list[i].value < list[i].least || list[i].value > INT32_MAX)
            return bp__infer_fail(q, BP_EARG,
                                  "%s %lld: it must be from %lld to %d",
                                  list[i].name, (long long)list[i].value,
                                  (long long)list[i].least, INT32_MAX);
    return BP_OK;
}

/* Both operands: one float type, rank 4. */
static bp_status conv_check_operands(bp__infer *q, const char *names)
{
    char s[200], u[200];
    const bp__type *a = &q->in[0], *b = &q->in[1];
    for (int i = 0; i < 2; i++)
        if (bp__infer_dtype(q, i, BP__D_F) != BP_OK)
            return q->status;
    bp__type_text(a, s);
    bp__type_text(b, u);
    if (a->dtype != b->dtype)
        return bp__infer_fail(q, BP_EDTYPE, "%s and %s: both operands must "
                              "have one element type; cast one of them", s, u);
    if (a->rank != 4 || b->rank != 4)
        return bp__infer_fail(q, BP_ESHAPE, "%s and %s: both operands need 4 "
                              "axes, %s", s, u, names);
    for (int i = 0; i < 2; i++)
        for (int k = 2; k < 4; k++)
            if (q->in[i].dims[k] > INT32_MAX)
                return bp__infer_fail(q, BP_ELIMIT, "%s and %s: planes of "
                                      "more than %d rows or columns", s, u,
                                      INT32_MAX);
    return conv_check_attrs(q);
}

/* Channels of x and filters of w (or of dw) against the groups. cg is the
 * second axis of w, or -1 where w is the result. */
static bp_status conv_check_channels(bp__infer *q, int64_t c, int64_t o,
                                     int64_t cg)
{
    const conv_at *a = q->attrs;
    char s[200], u[200];
    bp__type_text(&q->in[0], s);
    bp__type_text(&q->in[1], u);
    if (c % a->groups || o % a->groups)
        return bp__infer_fail(
            q, BP_ESHAPE, "%s and %s: %lld groups must divide both the %lld "
            "input and the %lld output channels", s, u, (long long)a->groups,
            (long long)c, (long long)o);
    if (cg >= 0 && c != cg * a->groups)
        return bp__infer_fail(
            q, BP_ESHAPE, "%s and %s: %lld input channels in %lld group%s "
            "need filters of %lld channels, not %lld", s, u, (long long)c,
            (long long)a->groups, a->groups == 1 ? "" : "s",
            (long long)(c / a->groups), (long long)cg);
    return BP_OK;
}

typedef struct conv_axis { /* one spatial axis */
    const char *name;
    int64_t in, k, stride, lo, hi, dil;
} conv_axis;

/* Positions of the kernel along an axis, at least one. */
static bp_status conv_positions(bp__infer *q, const conv_axis *x, int64_t *out)
{
    char s[200], u[200];
    bp__type_text(&q->in[0], s);
    bp__type_text(&q->in[1], u);
    if (x->k < 1)
        return bp__infer_fail(q, BP_ESHAPE, "%s and %s: a kernel of no %s", s,
                              u, x->name);
    int64_t span = x->dil * (x->k - 1) + 1, room = x->in + x->lo + x->hi;
    if (span > room)
        return bp__infer_fail(
            q, BP_ESHAPE, "%s and %s: the kernel spans %lld %s (size %lld, "
            "dilation %lld), the padded input has %lld (%lld + %lld + %lld): "
            "use a smaller kernel or more padding", s, u, (long long)span,
            x->name, (long long)x->k, (long long)x->dil, (long long)room,
            (long long)x->lo, (long long)x->in, (long long)x->hi);
    *out = (room - span) / x->stride + 1;
    return BP_OK;
}

/* Output sizes for an input of in[2] and a kernel of k[2]. */
static bp_status conv_sizes(bp__infer *q, const int64_t *in, const int64_t *k,
                            int64_t *out)
{
    const conv_at *a = q->attrs;
    conv_axis h = {"rows", in[0], k[0], a->stride_h, a->pad_top,
                   a->pad_bottom, a->dil_h};
    conv_axis w = {"columns", in[1], k[1], a->stride_w, a->pad_left,
                   a->pad_right, a->dil_w};
    if (conv_positions(q, &h, &out[0]) != BP_OK)
        return q->status;
    return conv_positions(q, &w, &out[1]);
}

static bp_status conv_infer(bp__infer *q)
{
    const bp__type *x = &q->in[0], *w = &q->in[1];
    int64_t out[2];
    if (conv_check_operands(q, "[N,C,H,W] and [O,C/groups,KH,KW]") != BP_OK ||
        conv_check_channels(q, x->dims[1], w->dims[0], w->dims[1]) != BP_OK ||
        conv_sizes(q, x->dims + 2, w->dims + 2, out) != BP_OK)
        return q->status;
    bp__infer_set(q, 0, x->dtype, 4, (int64_t[]){x->dims[0], w->dims[0],
                                                 out[0], out[1]});
    return BP_OK;
}

/* dy must have the size that the forward convolution gives. */
static bp_status conv_check_dy(bp__infer *q, const bp__type *dy,
                               const int64_t *in, const int64_t *k)
{
    int64_t out[2];
    char s[200], u[200];
    const bp__type *other = dy == &q->in[0] ? &q->in[1] : &q->in[0];
    if (conv_sizes(q, in, k, out) != BP_OK)
        return q->status;
    if (dy->dims[2] != out[0] || dy->dims[3] != out[1])
        return bp__infer_fail(
            q, BP_ESHAPE, "dy is %s, the other operand %s: a kernel of "
            "%lldx%lld over an input of %lldx%lld gives %lldx%lld",
            bp__type_text(dy, s), bp__type_text(other, u),
            (long long)k[0], (long long)k[1], (long long)in[0],
            (long long)in[1], (long long)out[0], (long long)out[1]);
    return BP_OK;
}

static bp_status conv_dx_infer(bp__infer *q)
{
    const conv_at *a = q->attrs;
    const bp__type *dy = &q->in[0], *w = &q->in[1];
    if (conv_check_operands(q, "[N,O,OH,OW] and [O,C/groups,KH,KW]") != BP_OK)
        return q->status;
    if (dy->dims[1] != w->dims[0]) {
        char s[200], u[200];
        return bp__infer_fail(
            q, BP_ESHAPE, "%s and %s: %lld channels of dy, %lld filters",
            bp__type_text(dy, s), bp__type_text(w, u), (long long)dy->dims[1],
            (long long)w->dims[0]);
    }
    if (w->dims[1] > INT64_MAX / a->groups)
        return bp__infer_fail(q, BP_ELIMIT, "too many channels");
    int64_t c = w->dims[1] * a->groups, size[2] = {a->size_h, a->size_w};
    if (conv_check_channels(q, c, w->dims[0], w->dims[1]) != BP_OK ||
        conv_check_dy(q, dy, size, w->dims + 2) != BP_OK)
        return q->status;
    bp__infer_set(q, 0, dy->dtype, 4,
                  (int64_t[]){dy->dims[0], c, size[0], size[1]});
    return BP_OK;
}

static bp_status conv_dw_infer(bp__infer *q)
{
    const conv_at *a = q->attrs;
    const bp__type *x = &q->in[0], *dy = &q->in[1];
    if (conv_check_operands(q, "[N,C,H,W] and [N,O,OH,OW]") != BP_OK)
        return q->status;
    if (x->dims[0] != dy->dims[0]) {
        char s[200], u[200];
        return bp__infer_fail(
            q, BP_ESHAPE, "%s and %s: %lld samples of x, %lld of dy",
            bp__type_text(x, s), bp__type_text(dy, u), (long long)x->dims[0],
            (long long)dy->dims[0]);
    }
    int64_t size[2] = {a->size_h, a->size_w};
    if (conv_check_channels(q, x->dims[1], dy->dims[1], -1) != BP_OK ||
        conv_check_dy(q, dy, x->dims + 2, size) != BP_OK)
        return q->status;
    bp__infer_set(q, 0, x->dtype, 4,
                  (int64_t[]){dy->dims[1], x->dims[1] / a->groups, size[0],
                              size[1]});
    return BP_OK;
}

/* ---- adjoints ----------------------------------------------------------- */

static bp_val conv_emit(bp_graph *g, bp__op op, const conv_at *a, bp_val p,
                        bp_val q, const int64_t *size)
{
    conv_at at = *a;
    at.size_h = size ? size[0] : 0;
    at.size_w = size ? size[1] : 0;
    return bp__emit1(g, op, &at, 2, (bp_val[]){p, q});
}

/* Rows and columns of a value's planes. */
static const int64_t *conv_plane(const bp_graph *g, bp_val v)
{
    return bp__type_of(g, v)->dims + 2;
}

/* dx = conv2d_dx(dy, w), dw = conv2d_dw(x, dy) */
static void conv_vjp(const bp__vjp *v)
{
    bp_val x = v->in[0], w = v->in[1], dy = v->dy[0];
    if (v->need & 1)
        v->dx[0] = conv_emit(v->g, BP__OP_conv2d_dx, v->attrs, dy, w,
                             conv_plane(v->g, x));
    if (v->need & 2)
        v->dx[1] = conv_emit(v->g, BP__OP_conv2d_dw, v->attrs, x, dy,
                             conv_plane(v->g, w));
}

/* With c the cotangent of dx: d(dy) = conv2d(c, w), dw = conv2d_dw(c, dy) */
static void conv_dx_vjp(const bp__vjp *v)
{
    bp_val dy = v->in[0], w = v->in[1], c = v->dy[0];
    if (v->need & 1)
        v->dx[0] = conv_emit(v->g, BP__OP_conv2d, v->attrs, c, w, NULL);
    if (v->need & 2)
        v->dx[1] = conv_emit(v->g, BP__OP_conv2d_dw, v->attrs, c, dy,
                             conv_plane(v->g, w));
}

/* With c the cotangent of dw: dx = conv2d_dx(dy, c), d(dy) = conv2d(x, c) */
static void conv_dw_vjp(const bp__vjp *v)
{
    bp_val x = v->in[0], dy = v->in[1], c = v->dy[0];
    if (v->need & 1)
        v->dx[0] = conv_emit(v->g, BP__OP_conv2d_dx, v->attrs, dy, c,
                             conv_plane(v->g, x));
    if (v->need & 2)
        v->dx[1] = conv_emit(v->g, BP__OP_conv2d, v->attrs, x, c, NULL);
}

/* A sample of the output needs that sample of the first operand. */
static uint32_t conv_rows(const bp__shapes *s)
{
    (void)s;
    return BP__ROWS | 1u;
}

/* A filter of the output needs everything; the kernel knows which filter it is
 * at by first_row. */
static uint32_t conv_dw_rows(const bp__shapes *s)
{
    (void)s;
    return BP__ROWS;
}

/* ---- reference kernels -------------------------------------------------- */

/* Positions i of the kernel with 0 <= i * stride + off < in, cut to
 * [0, n): from *lo to before *hi. */
static void conv_range(int64_t off, int64_t stride, int64_t in, int64_t n,
                       int64_t *lo, int64_t *hi)
{
    *lo = off < 0 ? (-off + stride - 1) / stride : 0;
    *hi = off < in ? (in - 1 - off) / stride + 1 : 0;
    *hi = BP__MIN(*hi, n);
    *lo = BP__MIN(*lo, *hi);
}

#define REF_T float
#define REF(name) name##_f32
#include "op/conv_ref.inc"
#undef REF_T
#undef REF
#define REF_T double
#define REF(name) name##_f64
#include "op/conv_ref.inc"
#undef REF_T
#undef REF

static void conv_ref(const bp__kargs *k)
{
    if (k->out[0].type.dtype == BP_F32)
        conv_forward_f32(k);
    else
        conv_forward_f64(k);
}

static void conv_dx_ref(const bp__kargs *k)
{
    if (k->out[0].type.dtype == BP_F32)
        conv_by_data_f32(k);
    else
        conv_by_data_f64(k);
}

static void conv_dw_ref(const bp__kargs *k)
{
    if (k->out[0].type.dtype == BP_F32)
        conv_by_weight_f32(k);
    else
        conv_by_weight_f64(k);
}

/* ---- builders ----------------------------------------------------------- */

static conv_at conv_attrs_of(const bp_conv2d_options *o, int64_t h, int64_t w)
{
    conv_at a;
    memset(&a, 0, sizeof a);
    a.stride_h = a.stride_w = a.dil_h = a.dil_w = a.groups = 1;
    a.size_h = h;
    a.size_w = w;
    if (!o)
        return a;
    if (o->stride[0] || o->stride[1]) {
        a.stride_h = o->stride[0];
        a.stride_w = o->stride[1];
    }
    if (o->dilation[0] || o->dilation[1]) {
        a.dil_h = o->dilation[0];
        a.dil_w = o->dilation[1];
    }
    if (o->groups)
        a.groups = o->groups;
    a.pad_top = o->padding[0];
    a.pad_bottom = o->padding[1];
    a.pad_left = o->padding[2];
    a.pad_right = o->padding[3];
    return a;
}

bp_val bp_conv2d(bp_graph *g, bp_val x, bp_val w, const bp_conv2d_options *o)
{
    conv_at a = conv_attrs_of(o, 0, 0);
    return bp__emit1(g, BP__OP_conv2d, &a, 2, (bp_val[]){x, w});
}

bp_val bp_conv2d_dx(bp_graph *g, bp_val dy, bp_val w, int64_t height,
                    int64_t width, const bp_conv2d_options *o)
{
    conv_at a = conv_attrs_of(o, height, width);
    return bp__emit1(g, BP__OP_conv2d_dx, &a, 2, (bp_val[]){dy, w});
}

bp_val bp_conv2d_dw(bp_graph *g, bp_val x, bp_val dy, int64_t height,
                    int64_t width, const bp_conv2d_options *o)
{
    conv_at a = conv_attrs_of(o, height, width);
    return bp__emit1(g, BP__OP_conv2d_dw, &a, 2, (bp_val[]){x, dy});
}

/* ---- rows --------------------------------------------------------------- */

static const bp__attrdef conv_attrs[] = {
    BP__ATTR(conv_at, stride_h, I64),   BP__ATTR(conv_at, stride_w, I64),
    BP__ATTR(conv_at, pad_top, I64),    BP__ATTR(conv_at, pad_bottom, I64),
    BP__ATTR(conv_at, pad_left, I64),   BP__ATTR(conv_at, pad_right, I64),
    BP__ATTR(conv_at, dil_h, I64),      BP__ATTR(conv_at, dil_w, I64),
    BP__ATTR(conv_at, groups, I64),     BP__ATTR_END,
};
static const bp__attrdef conv_sized_attrs[] = {
    BP__ATTR(conv_at, stride_h, I64),   BP__ATTR(conv_at, stride_w, I64),
    BP__ATTR(conv_at, pad_top, I64),    BP__ATTR(conv_at, pad_bottom, I64),
    BP__ATTR(conv_at, pad_left, I64),   BP__ATTR(conv_at, pad_right, I64),
    BP__ATTR(conv_at, dil_h, I64),      BP__ATTR(conv_at, dil_w, I64),
    BP__ATTR(conv_at, groups, I64),     BP__ATTR(conv_at, size_h, I64),
    BP__ATTR(conv_at, size_w, I64),     BP__ATTR_END,
};

/* stride, padding (top, bottom, left, right), dilation, groups; size 0 for
 * the forward convolution. Each geometry comes in three variants, since size
 * means H, W of dx, or KH, KW of dw. */
#define GEOMETRY(name, sh, sw, pt, pb, pl, pr, dh, dw, g, h, w, kh, kw)     \
    static const conv_at conv_##name = {sh, sw, pt, pb, pl, pr,             \
                                        dh, dw, g,  0,  0},                 \
                         conv_##name##_dx = {sh, sw, pt, pb, pl, pr,        \
                                             dh, dw, g,  h,  w},            \
                         conv_##name##_dw = {sh, sw, pt, pb, pl, pr,        \
                                             dh, dw, g,  kh, kw}
GEOMETRY(plain, 1, 1, 0, 0, 0, 0, 1, 1, 1, 4, 5, 2, 3);
GEOMETRY(same, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 4, 3, 3);
GEOMETRY(strided, 2, 3, 1, 0, 2, 1, 1, 1, 1, 5, 6, 2, 3);
GEOMETRY(dilated, 1, 2, 1, 2, 0, 3, 2, 3, 1, 4, 5, 2, 2);
GEOMETRY(grouped, 2, 1, 1, 1, 0, 1, 1, 2, 2, 5, 4, 3, 2);
GEOMETRY(depthwise, 1, 1, 1, 0, 0, 1, 1, 1, 3, 3, 3, 2, 2);
GEOMETRY(point, 1, 1, 0, 0, 0, 0, 1, 1, 1, 2, 3, 1, 1);
GEOMETRY(skips, 3, 3, 0, 0, 0, 0, 1, 1, 1, 5, 6, 2, 2);
GEOMETRY(all_pad, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1, 1, 2, 2);

/* What a case is for, its geometry, then dims of x, w and y. */
#define GEOMETRIES(X)                                                       \
    X("no padding", plain, (2, 3, 4, 5), (2, 3, 2, 3), (2, 2, 3, 3))        \
    X("same size", same, (2, 2, 3, 4), (3, 2, 3, 3), (2, 3, 3, 4))          \
    X("stride, uneven padding", strided, (1, 2, 5, 6), (2, 2, 2, 3),        \
      (1, 2, 3, 3))                                                         \
    X("dilation", dilated, (2, 1, 4, 5), (2, 1, 2, 2), (2, 2, 5, 3))        \
    X("groups", grouped, (1, 4, 5, 4), (2, 2, 3, 2), (1, 2, 3, 3))          \
    X("a filter for each channel", depthwise, (2, 3, 3, 3), (6, 1, 2, 2),   \
      (2, 6, 3, 3))                                                         \
    X("1x1 kernel", point, (3, 2, 2, 3), (4, 2, 1, 1), (3, 4, 2, 3))        \
    X("a stride over unread pixels", skips, (1, 1, 5, 6), (2, 1, 2, 2),     \
      (1, 2, 2, 2))                                                         \
    X("windows of padding alone", all_pad, (1, 2, 1, 1), (1, 2, 2, 2),      \
      (1, 1, 4, 4))                                                         \
    X("no samples", same, (0, 2, 3, 4), (3, 2, 3, 3), (0, 3, 3, 4))         \
    X("no input channels", same, (2, 0, 3, 4), (3, 0, 3, 3), (2, 3, 3, 4))  \
    X("no filters", same, (2, 2, 3, 4), (0, 2, 3, 3), (2, 0, 3, 4))
#define DIMS_OF(...) BP__TF(-1, 1, __VA_ARGS__)
#define FORWARD_CASE(note, at, x, w, y) \
    {&conv_##at, 2, {DIMS_OF x, DIMS_OF w}, false, note},
#define DATA_CASE(note, at, x, w, y) \
    {&conv_##at##_dx, 2, {DIMS_OF y, DIMS_OF w}, false, note},
#define WEIGHT_CASE(note, at, x, w, y) \
    {&conv_##at##_dw, 2, {DIMS_OF x, DIMS_OF y}, false, note},

static const bp__case conv_cases[] = {GEOMETRIES(FORWARD_CASE)};
static const bp__case conv_dx_cases[] = {GEOMETRIES(DATA_CASE)};
static const bp__case conv_dw_cases[] = {GEOMETRIES(WEIGHT_CASE)};

const bp__opdef bp__op_conv2d = {
    .name = "conv2d",
    .sig = "(x:f[N,C,H,W], w:f[O,C/groups,KH,KW]) {stride, padding, dilation, "
           "groups} -> f[N,O,OH,OW]",
    .doc = "Convolution (cross-correlation) in two dimensions; OH is "
           "floor((H + pads - dil (KH-1) - 1) / stride) + 1. "
           "y[n,o,i,j] = sum over c,h,k of x[n,c,i*s+h*d-p,j*s+k*d-p] "
           "w[o,c,h,k]",
    .n_in = 2, .n_out = 1, .diff = {BP__DIFF, BP__DIFF},
    .attrs = conv_attrs, .attrs_bytes = sizeof(conv_at),
    .infer = conv_infer, .vjp = conv_vjp, .rows = conv_rows, .ref = conv_ref,
    .cases = conv_cases, .n_cases = BP__ARRAY_LEN(conv_cases),
};

const bp__opdef bp__op_conv2d_dx = {
    .name = "conv2d_dx",
    .sig = "(dy:f[N,O,OH,OW], w:f[O,C/groups,KH,KW]) {stride, padding, "
           "dilation, groups, size} -> f[N,C,H,W]",
    .doc = "The transpose of conv2d in x: a transposed convolution. "
           "dx[n,c,y,x] = sum of dy[n,o,i,j] w[o,c,h,k] over all i*s+h*d-p = "
           "y, j*s+k*d-p = x",
    .n_in = 2, .n_out = 1, .diff = {BP__DIFF, BP__DIFF},
    .attrs = conv_sized_attrs, .attrs_bytes = sizeof(conv_at),
    .infer = conv_dx_infer, .vjp = conv_dx_vjp, .rows = conv_rows,
    .ref = conv_dx_ref,
    .cases = conv_dx_cases, .n_cases = BP__ARRAY_LEN(conv_dx_cases),
};

const bp__opdef bp__op_conv2d_dw = {
    .name = "conv2d_dw",
    .sig = "(x:f[N,C,H,W], dy:f[N,O,OH,OW]) {stride, padding, dilation, "
           "groups, size} -> f[O,C/groups,KH,KW]",
    .doc = "The transpose of conv2d in w, summed over the samples. "
           "dw[o,c,h,k] = sum over n,i,j of x[n,c,i*s+h*d-p,j*s+k*d-p] "
           "dy[n,o,i,j]",
    .n_in = 2, .n_out = 1, .diff = {BP__DIFF, BP__DIFF},
    .attrs = conv_sized_attrs, .attrs_bytes = sizeof(conv_at),
    .infer = conv_dw_infer, .vjp = conv_dw_vjp, .rows = conv_dw_rows,
    .ref = conv_dw_ref,
    .cases = conv_dw_cases, .n_cases = BP__ARRAY_LEN(conv_dw_cases),
};
