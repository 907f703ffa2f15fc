/* Max pooling after a relu: the relu's mask moves from the whole plane to the
 * pooled one.
 *
 * The gradient of max_pool(x), x = relu(...), is built as
 *
 *     select(x > 0, pool_scatter(dy, index), 0)
 *
 * over the plane of x. At the place that `index` names, x is the window's
 * maximum p, so that x > 0 there is p > 0; elsewhere pool_scatter left zeros.
 * This is therefore, to the bit,
 *
 *     pool_scatter(select(p > 0, dy, 0), index)
 *
 * also where windows overlap: all windows that add to a place agree on its
 * mask. The mask reads a quarter (of 2x2 windows) of what it read, and x needs
 * no longer live until the backward pass.
 *
 * requires: a graph without psum and spread (bp__pass_shards); the masked
 * gradient is the only reader of pool_scatter. */
#include "xform/xform.h"

#include <bprop/ops.h>

static const bp__node *maker(const bp_graph *g, uint32_t value)
{
    return &g->nodes[g->values[value].node];
}

static uint32_t operand(const bp_graph *g, const bp__node *n, int i)
{
    return g->edges[n->in + i];
}

static bool is_zero(const bp_graph *g, uint32_t value)
{
    const bp__node *n = maker(g, value);
    if (n->op != BP__OP_const || bp__numel(&g->values[value].type) != 1)
        return false;
    /* All bits: -0 would not do, it would stand in the result. */
    const bp__blob *b = &((const bp__const_attrs *)n->attrs)->data;
    static const char zeros[sizeof(double)];
    return b->bytes <= sizeof zeros && memcmp(b->data, zeros, b->bytes) == 0;
}

/* The pool_scatter node whose result the select node n masks by the operand of
 * its pooling; NULL: it is not of that form. */
static const bp__node *masked_scatter(const bp_graph *g, const bp__node *n,
                                      const uint32_t *uses)
{
    if (n->op != BP__OP_select || !is_zero(g, operand(g, n, 2)))
        return NULL;
    const bp__node *mask = maker(g, operand(g, n, 0));
    const bp__node *scatter = maker(g, operand(g, n, 1));
    if (mask->op != BP__OP_gt || scatter->op != BP__OP_pool_scatter ||
        uses[scatter->out] != 1 || !is_zero(g, operand(g, mask, 1)))
        return NULL;
    uint32_t index = operand(g, scatter, 1);
    const bp__node *pool = maker(g, index);
    if (pool->op != BP__OP_max_pool2d || index != pool->out + 1 ||
        operand(g, pool, 0) != operand(g, mask, 0))
        return NULL;
    return bp__same_dims(&g->values[n->out].type,
                         &g->values[scatter->out].type) ? scatter : NULL;
}

static void move_mask(bp__remap *r, const bp__node *n,
                      const bp__node *scatter)
{
    const bp_graph *from = r->from;
    uint32_t index = operand(from, scatter, 1);
    bp_val pooled = r->map[maker(from, index)->out];
    bp_val zero = r->map[operand(from, n, 2)];
    bp__remap_place(r, n);
    bp_val dy = bp_select(r->to, bp_gt(r->to, pooled, zero),
                          r->map[operand(from, scatter, 0)], zero);
    bp__remap_place(r, scatter);
    bp__emit(r->to, BP__OP_pool_scatter, scatter->attrs, 2,
             (bp_val[]){dy, r->map[index]}, &r->map[n->out]);
    bp__remap_names(r, n);
}

/* By node: the pool_scatter that a select masks; itself for a pool_scatter that
 * goes, since its mask moves before it. */
static void find_masks(const bp_graph *g, uint32_t *uses,
                       const bp__node **scatter)
{
    bp__count_uses(g, uses);
    for (size_t k = 0; k < g->n_nodes; k++) {
        scatter[k] = masked_scatter(g, &g->nodes[k], uses);
        if (scatter[k])
            scatter[scatter[k] - g->nodes] = scatter[k];
    }
}

bp_graph *bp__pass_pool_mask(const bp_graph *g)
{
    bp__remap r;
    size_t uses_bytes = (g->n_values + 1) * sizeof(uint32_t);
    uint32_t *uses = bp__calloc(&g->a, g->n_values + 1, sizeof *uses);
    const bp__node **scatter = bp__calloc(&g->a, g->n_nodes, sizeof *scatter);
    bool ok = uses && scatter && bp__remap_begin(&r, g);
    if (ok)
        find_masks(g, uses, scatter);
    for (size_t k = 0; ok && k < g->n_nodes && bp__ok(r.to); k++) {
        const bp__node *n = &g->nodes[k];
        if (!scatter[k])
            bp__remap_node(&r, k);
        else if (scatter[k] != n)
            move_mask(&r, n, scatter[k]);
    }
    bp__free(&g->a, uses, uses_bytes);
    bp__free(&g->a, scatter, g->n_nodes * sizeof *scatter);
    return ok ? bp__remap_end(&r) : NULL;
}
