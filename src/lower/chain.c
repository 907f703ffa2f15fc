/* Elementwise chains for the block interpreter. */
#include "lower/lower.h"

bool bp__chain_takes(const bp_graph *g, const bp__node *n)
{
    (void)g;
    (void)n;
    return false;
}

void bp__lower_chain(bp__lower_state *s, const uint32_t *nodes, size_t n)
{
    (void)nodes;
    (void)n;
    s->l->status = BP_EBUG;
}
