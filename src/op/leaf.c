/* Values that come from nowhere: inputs, constants, variables, iota. The first
 * three have no kernel; who runs a program supplies their bytes. */
#include "op/case.h"
#include "op/op.h"

#include <bprop/ops.h>

#include <math.h>

/* ---- input ---- */

static const bp__attrdef input_attrdefs[] = {
    BP__ATTR(bp__input_attrs, name, STR),
    BP__ATTR(bp__input_attrs, dtype, DTYPE),
    BP__ATTR(bp__input_attrs, dims, DIMS),
    BP__ATTR(bp__input_attrs, batch, BOOL), BP__ATTR_END};

static bp_status infer_dtype_attr(bp__infer *q, int dtype)
{
    if (dtype >= 0 && dtype < BP_N_DTYPES)
        return BP_OK;
    return bp__infer_fail(q, BP_EARG, "%d is no element type", dtype);
}

static bp_status infer_input(bp__infer *q)
{
    const bp__input_attrs *a = q->attrs;
    char t[200];
    if (!a->name || !a->name[0])
        return bp__infer_fail(q, BP_EARG, "an input needs a name");
    bp_status s = infer_dtype_attr(q, a->dtype);
    if (s == BP_OK)
        s = bp__infer_dims(q, &a->dims);
    if (s != BP_OK)
        return s;
    if (a->batch && a->dims.n < 1)
        return bp__infer_fail(q, BP_ESHAPE,
                              "batch input \"%s\" is a scalar: its first axis "
                              "holds the samples", a->name);
    if (a->batch && q->g && q->g->rows > 0 && a->dims.d[0] != q->g->rows)
        return bp__infer_fail(q, BP_ESHAPE,
                              "batch input \"%s\" is %s: its first axis must "
                              "be the shard's rows, %lld", a->name,
                              bp__dims_text(&a->dims, t),
                              (long long)q->g->rows);
    q->out[0].varying = a->batch;
    bp__infer_set(q, 0, a->dtype, a->dims.n, a->dims.d);
    return BP_OK;
}

const bp__opdef bp__op_input = {
    .name = "input", .sig = "() {name, dtype, dims, batch} -> dtype[dims]",
    .doc = "A tensor that is bound at run time; varying where it is a batch "
           "of samples.",
    .n_in = 0, .n_out = 1, .flags = BP__LEAF,
    .attrs = input_attrdefs, .attrs_bytes = sizeof(bp__input_attrs),
    .infer = infer_input,
};

/* A rank out of range must not read past the caller's dims. */
static bool rank_ok(bp_graph *g, const char *what, int rank)
{
    if (!bp__ok(g))
        return false;
    if (rank >= 0 && rank <= BP_MAX_RANK)
        return true;
    bp__fail(g, BP_ELIMIT, SIZE_MAX, "%s: rank %d: 0 to %d are allowed", what,
             rank, BP_MAX_RANK);
    return false;
}

static bool input_exists(const bp_graph *g, const char *name)
{
    for (size_t i = 0; i < g->n_nodes; i++) {
        if (g->nodes[i].op != BP__OP_input)
            continue;
        const bp__input_attrs *a = g->nodes[i].attrs;
        if (strcmp(a->name, name) == 0)
            return true;
    }
    return false;
}

static bp_val emit_input(bp_graph *g, const char *name, bp_dtype dtype,
                         int rank, const int64_t *dims, bool batch)
{
    if (!rank_ok(g, name ? name : "input", rank))
        return BP_NIL;
    if (name && input_exists(g, name)) {
        bp__fail(g, BP_EEXIST, SIZE_MAX,
                 "input \"%s\" exists already: names are unique", name);
        return BP_NIL;
    }
    bp__input_attrs a = {name, (int32_t)dtype, bp__make_dims(rank, dims),
                         batch};
    bp_val v = bp__emit1(g, BP__OP_input, &a, 0, NULL);
    if (!bp_is_nil(v))
        bp_set_name(g, v, name);
    return v;
}

bp_val bp_input(bp_graph *g, const char *name, bp_dtype dtype, int rank,
                const int64_t *dims)
{
    return emit_input(g, name, dtype, rank, dims, false);
}

bp_val bp_batch_input(bp_graph *g, const char *name, bp_dtype dtype, int rank,
                      const int64_t *dims)
{
    return emit_input(g, name, dtype, rank, dims, true);
}

/* ---- const ---- */

static const bp__attrdef const_attrdefs[] = {
    BP__ATTR(bp__const_attrs, dtype, DTYPE),
    BP__ATTR(bp__const_attrs, dims, DIMS),
    BP__ATTR(bp__const_attrs, data, BLOB), BP__ATTR_END};

static bp_status infer_const(bp__infer *q)
{
    const bp__const_attrs *a = q->attrs;
    bp_status s = infer_dtype_attr(q, a->dtype);
    if (s == BP_OK)
        s = bp__infer_dims(q, &a->dims);
    if (s != BP_OK)
        return s;
    q->out[0].varying = 0;
    bp__infer_set(q, 0, a->dtype, a->dims.n, a->dims.d);
    size_t all = bp__type_bytes(&q->out[0]);
    size_t one = bp_dtype_bytes((bp_dtype)a->dtype);
    if (a->data.bytes != all && a->data.bytes != one)
        return bp__infer_fail(q, BP_ESHAPE,
                              "%zu bytes of data: %zu (all elements) or %zu "
                              "(one for all) are needed", a->data.bytes, all,
                              one);
    return BP_OK;
}

const bp__opdef bp__op_const = {
    .name = "const", .sig = "() {dtype, dims, data} -> dtype[dims]",
    .doc = "A constant; one element of data fills the whole tensor.",
    .n_in = 0, .n_out = 1, .flags = BP__LEAF,
    .attrs = const_attrdefs, .attrs_bytes = sizeof(bp__const_attrs),
    .infer = infer_const,
};

bp_val bp_const(bp_graph *g, bp_dtype dtype, int rank, const int64_t *dims,
                const void *data)
{
    if (!rank_ok(g, "const", rank))
        return BP_NIL;
    bp__const_attrs a = {.dtype = (int32_t)dtype,
                         .dims = bp__make_dims(rank, dims)};
    bp__infer q = {.g = g, .def = &bp__op_const};
    if (infer_dtype_attr(&q, a.dtype) != BP_OK ||
        bp__infer_dims(&q, &a.dims) != BP_OK) {
        bp__fail(g, q.status, SIZE_MAX, "const: %s", q.message);
        return BP_NIL;
    }
    bp__type t = bp__make_type(dtype, rank, dims);
    a.data = (bp__blob){data, bp__type_bytes(&t)};
    return bp__emit1(g, BP__OP_const, &a, 0, NULL);
}

bp_val bp_full(bp_graph *g, bp_dtype dtype, int rank, const int64_t *dims,
               double value)
{
    union {
        float f32;
        double f64;
        int32_t i32;
        uint8_t u8;
    } x;
    if (!rank_ok(g, "full", rank))
        return BP_NIL;
    double lo = dtype == BP_I32 ? INT32_MIN : 0;
    double hi = dtype == BP_I32 ? INT32_MAX : dtype == BP_U8 ? 255 : 1;
    bool whole = value >= lo && value <= hi && value == trunc(value);
    if (!bp__is_float((int)dtype) && !whole) {
        bp__fail(g, BP_ERANGE, SIZE_MAX,
                 "constant %g is no %s: whole numbers from %.0f to %.0f are",
                 value, bp_dtype_name(dtype), lo, hi);
        return BP_NIL;
    }
    if (dtype == BP_F32)
        x.f32 = (float)value;
    else if (dtype == BP_F64)
        x.f64 = value;
    else if (dtype == BP_I32)
        x.i32 = (int32_t)value;
    else
        x.u8 = (uint8_t)value;
    bp__const_attrs a = {.dtype = (int32_t)dtype,
                         .dims = bp__make_dims(rank, dims),
                         .data = {&x, bp_dtype_bytes(dtype)}};
    return bp__emit1(g, BP__OP_const, &a, 0, NULL);
}

bp_val bp_scalar(bp_graph *g, bp_dtype dtype, double value)
{
    return bp_full(g, dtype, 0, NULL, value);
}

/* ---- variable; its builder, which retains the store, is bp_variable ---- */

static const bp__attrdef variable_attrdefs[] = {
    BP__ATTR(bp__variable_attrs, store, STORE),
    BP__ATTR(bp__variable_attrs, name, STR),
    BP__ATTR(bp__variable_attrs, index, I64), BP__ATTR_END};

static bp_status infer_variable(bp__infer *q)
{
    const bp__variable_attrs *a = q->attrs;
    bp_var_info info;
    if (a->index < 0 ||
        bp_store_info(a->store, (size_t)a->index, &info) != BP_OK)
        return bp__infer_fail(q, BP_ENOTFOUND, "no variable \"%s\"",
                              a->name ? a->name : "");
    if (info.kind == BP_VAR_STATE)
        info.dims[0] = a->rows;
    q->out[0].varying = a->batch;
    bp__infer_set(q, 0, (int)info.dtype, info.rank, info.dims);
    return BP_OK;
}

const bp__opdef bp__op_variable = {
    .name = "variable", .sig = "() {name} -> the variable's type",
    .doc = "Reads a variable of a store: its value before the step.",
    .n_in = 0, .n_out = 1, .flags = BP__LEAF,
    .attrs = variable_attrdefs, .attrs_bytes = sizeof(bp__variable_attrs),
    .infer = infer_variable,
};

/* ---- iota ---- */

static const bp__attrdef iota_attrdefs[] = {
    BP__ATTR(bp__iota_attrs, dtype, DTYPE),
    BP__ATTR(bp__iota_attrs, dims, DIMS),
    BP__ATTR(bp__iota_attrs, axis, I64), BP__ATTR_END};

static bp_status infer_iota(bp__infer *q)
{
    const bp__iota_attrs *a = q->attrs;
    char t[200];
    bp_status s = infer_dtype_attr(q, a->dtype);
    if (s == BP_OK)
        s = bp__infer_dims(q, &a->dims);
    if (s != BP_OK)
        return s;
    if (a->axis < 0 || a->axis >= a->dims.n)
        return bp__infer_fail(q, BP_EARG, "axis %lld of %s does not exist",
                              (long long)a->axis, bp__dims_text(&a->dims, t));
    if (a->dtype == BP_BOOL)
        return bp__infer_fail(q, BP_EDTYPE, "indices cannot be bool");
    int64_t limit = a->dtype == BP_U8 ? 256 : (int64_t)1 << 31;
    if (!bp__is_float(a->dtype) && a->dims.d[a->axis] > limit)
        return bp__infer_fail(q, BP_ERANGE, "%s has no room for indices of %s",
                              bp_dtype_name((bp_dtype)a->dtype),
                              bp__dims_text(&a->dims, t));
    q->out[0].varying = 0;
    bp__infer_set(q, 0, a->dtype, a->dims.n, a->dims.d);
    return BP_OK;
}

/* Rows are independent: the kernel is told which row is its first. */
static uint32_t iota_rows(const bp__shapes *s)
{
    return s->out[0].rank ? BP__ROWS : 0;
}

#define IOTA_FILL(T)                                             \
    do {                                                         \
        T *p = y;                                                \
        for (int64_t o = 0; o < outer; o++)                      \
            for (int64_t k = 0; k < n; k++)                      \
                for (int64_t i = 0; i < inner; i++)              \
                    p[(o * n + k) * inner + i] = (T)(first + k); \
    } while (0)

static void iota_ref(const bp__kargs *args)
{
    const bp__iota_attrs *a = args->attrs;
    const bp__type *t = &args->out[0].type;
    void *y = args->out[0].data;
    int64_t outer = 1, inner = 1, n = t->dims[a->axis];
    int64_t first = a->axis == 0 ? args->first_row : 0;
    for (int i = 0; i < t->rank; i++) {
        if (i < a->axis)
            outer *= t->dims[i];
        else if (i > a->axis)
            inner *= t->dims[i];
    }
    if (t->dtype == BP_F32)
        IOTA_FILL(float);
    else if (t->dtype == BP_F64)
        IOTA_FILL(double);
    else if (t->dtype == BP_I32)
        IOTA_FILL(int32_t);
    else
        IOTA_FILL(uint8_t);
}

bp_val bp_iota(bp_graph *g, bp_dtype dtype, int rank, const int64_t *dims,
               int64_t axis)
{
    if (!rank_ok(g, "iota", rank))
        return BP_NIL;
    if (axis < 0)
        axis += rank;
    bp__iota_attrs a = {.dtype = (int32_t)dtype,
                        .dims = bp__make_dims(rank, dims), .axis = axis};
    return bp__emit1(g, BP__OP_iota, &a, 0, NULL);
}

static const bp__iota_attrs iota_rows_f32 = {BP_F32, {2, {3, 4}}, 0},
                            iota_last_f64 = {BP_F64, {3, {2, 3, 4}}, 2},
                            iota_middle_i32 = {BP_I32, {3, {2, 3, 4}}, 1},
                            iota_u8 = {BP_U8, {1, {5}}, 0};
static const bp__case iota_cases[] = {
    {.attrs = &iota_rows_f32},
    {.attrs = &iota_last_f64},
    {.attrs = &iota_middle_i32},
    {.attrs = &iota_u8},
};

const bp__opdef bp__op_iota = {
    .name = "iota", .sig = "() {dtype, dims, axis} -> dtype[dims]",
    .doc = "Indices: y[.., i, ..] = i along axis.",
    .n_in = 0, .n_out = 1, .attrs = iota_attrdefs,
    .attrs_bytes = sizeof(bp__iota_attrs), .infer = infer_iota,
    .rows = iota_rows, .ref = iota_ref,
    .cases = iota_cases, .n_cases = BP__ARRAY_LEN(iota_cases),
};
