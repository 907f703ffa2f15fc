/* The kernels of every op, fastest first. The reference kernel, which takes
 * anything, is not listed: it comes after the last one. */
#include "lower/lower.h"

static const bp__kernel *const none[] = {NULL};

/* By op: forward, and the backward node of a composite. */
static const struct {
    const bp__kernel *const *forward, *const *backward;
} lists[BP__N_OPS] = {
    [BP__OP_matmul] = {bp__matmul_kernels, NULL},
    [BP__OP_softmax] = {bp__softmax_kernels, bp__softmax_dx_kernels},
    [BP__OP_log_softmax] = {bp__log_softmax_kernels,
                            bp__log_softmax_dx_kernels},
    [BP__OP_logsumexp] = {bp__logsumexp_kernels, NULL},
    [BP__OP_softmax_cross_entropy] = {bp__xent_kernels, bp__xent_dx_kernels},
    [BP__OP_layer_norm] = {bp__layer_norm_kernels, bp__layer_norm_dx_kernels},
    [BP__OP_amax] = {bp__amax_kernels, NULL},
    [BP__OP_amin] = {bp__amin_kernels, NULL},
    [BP__OP_argmax] = {bp__argmax_kernels, NULL},
    [BP__OP_argmin] = {bp__argmin_kernels, NULL},
    [BP__OP_sum] = {bp__sum_kernels, NULL},
    [BP__OP_max_pool2d] = {bp__max_pool2d_kernels, NULL},
    [BP__OP_pool_scatter] = {bp__pool_scatter_kernels, NULL},
    [BP__OP_avg_pool2d] = {bp__avg_pool2d_kernels, NULL},
    [BP__OP_avg_pool2d_dx] = {bp__avg_pool2d_dx_kernels, NULL},
    [BP__OP_conv2d] = {bp__conv2d_kernels, NULL},
    [BP__OP_conv2d_dx] = {bp__conv2d_dx_kernels, NULL},
    [BP__OP_conv2d_dw] = {bp__conv2d_dw_kernels, NULL},
};

const bp__kernel *const *bp__kernels_of_op(bp__op op, bool backward)
{
    const bp__kernel *const *list = backward ? lists[op].backward
                                             : lists[op].forward;
    return list ? list : none;
}

const bp__kernel *const *bp__kernels_of(const bp_graph *g, const bp__node *n)
{
    (void)g;
    if (n->op == BP__OP_backward)
        return bp__kernels_of_op(
            (bp__op)((const bp__backward_attrs *)n->attrs)->op, true);
    return bp__kernels_of_op((bp__op)n->op, false);
}
