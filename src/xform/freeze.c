/* Freezing choices, for gradient checks. Comparisons, argmax, the sides of
 * relu and abs, the winners of max and pooling make a function kinked; around
 * a point where each choice is held as it is there, the function is smooth,
 * and has the same gradient.
 *
 * requires: one graph without psum, spread and composites (bp__pass_shards,
 * bp__pass_expand). ensures: two graphs of the same g number the choices
 * alike, so that what BP__FREEZE_PROBE outputs as "choice.0", ... is what
 * BP__FREEZE_FROZEN wants as its inputs of these names. Choices are bool or
 * i32, so they fit the same graph of another float type. */
#include "xform/xform.h"

#include "op/attrs.h"

#include <bprop/ops.h>

typedef struct freezer {
    bp__remap r;
    bp__freeze_mode mode;
    bool values; /* stop_gradient is held at its value */
    size_t n;
} freezer;

/* The choice itself: probed, or taken from an input of its type. */
static bp_val choice(freezer *f, bp_val live)
{
    bp_graph *g = f->r.to;
    char name[40];
    bp__type t = *bp__type_of(g, live);
    bp__snprintf(name, sizeof name, "choice.%zu", f->n++);
    if (f->mode == BP__FREEZE_FROZEN)
        return bp_input(g, name, (bp_dtype)t.dtype, t.rank, t.dims);
    bp_output(g, name, live);
    return live;
}

/* A whole number of small range, as a float again. */
static bp_val whole_choice(freezer *f, bp_val live)
{
    bp_graph *g = f->r.to;
    bp_dtype t = bp_val_dtype(g, live);
    return bp_cast(g, choice(f, bp_cast(g, live, BP_I32)), t);
}

static bp_val freeze_relu(freezer *f, const bp__node *n, const bp_val *in)
{
    (void)n;
    bp_graph *g = f->r.to;
    bp_val zero = bp_scalar(g, bp_val_dtype(g, in[0]), 0);
    return bp_select(g, choice(f, bp_gt(g, in[0], zero)), in[0], zero);
}

static bp_val freeze_abs(freezer *f, const bp__node *n, const bp_val *in)
{
    (void)n;
    bp_graph *g = f->r.to;
    return bp_mul(g, in[0], whole_choice(f, bp_sign(g, in[0])));
}

/* w is 1 where a wins, -1 where b does, 0 where they are equal. */
static bp_val freeze_extremum(freezer *f, const bp__node *n, const bp_val *in)
{
    bp_graph *g = f->r.to;
    bool max = n->op == BP__OP_maximum;
    if (!bp__is_float(bp_val_dtype(g, in[0])))
        return max ? bp_maximum(g, in[0], in[1]) : bp_minimum(g, in[0], in[1]);
    bp_val d = max ? bp_sub(g, in[0], in[1]) : bp_sub(g, in[1], in[0]);
    bp_val w = bp_mul_scalar(g, whole_choice(f, bp_sign(g, d)), 0.5);
    bp_val a = bp_mul(g, in[0], bp_add_scalar(g, w, 0.5));
    bp_val b = bp_mul(g, in[1],
                      bp_add_scalar(g, bp_mul_scalar(g, w, -1), 0.5));
    return bp_add(g, a, b);
}

/* Mean of the elements that tie for the extremum. */
static bp_val freeze_reduce(freezer *f, const bp__node *n, const bp_val *in)
{
    bp_graph *g = f->r.to;
    const bp__axes_attrs *at = n->attrs;
    bp_val x = in[0];
    int k = at->axes.n;
    bool max = n->op == BP__OP_amax;
    bp_val y = max ? bp_amax(g, x, k, at->axes.d, true)
                   : bp_amin(g, x, k, at->axes.d, true);
    if (!bp__is_float(bp_val_dtype(g, x)))
        return max ? bp_amax(g, x, k, at->axes.d, at->keep)
                   : bp_amin(g, x, k, at->axes.d, at->keep);
    bp_val m = choice(f, bp_eq(g, x, y));
    bp_val zero = bp_scalar(g, bp_val_dtype(g, x), 0);
    bp_val sum = bp_sum(g, bp_select(g, m, x, zero), k, at->axes.d, at->keep);
    bp_val count = bp_sum(g, bp_cast(g, m, bp_val_dtype(g, x)), k, at->axes.d,
                          at->keep);
    return bp_div(g, sum, count);
}

/* Sets the outputs' map; false: the node holds no choice. */
static bool freeze_node(freezer *f, size_t k)
{
    const bp__node *n = &f->r.from->nodes[k];
    bp_graph *g = f->r.to;
    bp_val in[16], *out = &f->r.map[n->out];
    if (n->n_in > BP__ARRAY_LEN(in) || !n->n_in)
        return false;
    bp__remap_operands(&f->r, n, in);
    bool from_float = bp__is_float(bp_val_dtype(g, in[0]));
    g->scope = n->scope;
    if (n->op == BP__OP_relu) {
        *out = freeze_relu(f, n, in);
    } else if (n->op == BP__OP_abs) {
        *out = freeze_abs(f, n, in);
    } else if (n->op == BP__OP_maximum || n->op == BP__OP_minimum) {
        *out = freeze_extremum(f, n, in);
    } else if (n->op == BP__OP_amax || n->op == BP__OP_amin) {
        *out = freeze_reduce(f, n, in);
    } else if (n->op == BP__OP_max_pool2d) {
        bp__remap_node(&f->r, k);
        out[1] = choice(f, out[1]);
        out[0] = bp_pool_gather(g, in[0], out[1]);
    } else if (n->op == BP__OP_sign || n->op == BP__OP_floor) {
        bp__remap_node(&f->r, k);
        *out = whole_choice(f, *out);
    } else if (n->op == BP__OP_stop_gradient && f->values && from_float) {
        *out = choice(f, in[0]);
    } else {
        bp__type t = f->r.from->values[n->out].type;
        bool decides = n->n_out == 1 && from_float && !bp__is_float(t.dtype);
        if (!decides)
            return false;
        bp__remap_node(&f->r, k);
        *out = choice(f, *out);
    }
    return true;
}

bp_graph *bp__pass_freeze(const bp_graph *g, bp__freeze_mode mode, bool values,
                          size_t *n)
{
    freezer f = {.mode = mode, .values = values};
    *n = 0;
    if (!bp__remap_begin(&f.r, g))
        return NULL;
    for (size_t k = 0; k < g->n_nodes && bp__ok(f.r.to); k++)
        if (!freeze_node(&f, k))
            bp__remap_node(&f.r, k);
    *n = f.n;
    return bp__remap_end(&f.r);
}
