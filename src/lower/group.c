/* Grouping: which nodes become one call.
 *
 * Every node gets a level: one more than the highest level among its operands,
 * except that an elementwise node of a chain has the level of an elementwise
 * operand of the same shape. Elementwise nodes of one level and shape that
 * are connected form a chain. Levels make this safe: whatever leaves a chain
 * and comes back has climbed at least one level, so it can not come back into
 * the same chain; sorting by level is a topological order.
 *
 * A bias and a relu that directly follow a product are folded into it where
 * nothing else reads the values between. */
#include "lower/lower.h"

#include "op/attrs.h"

#include <stdlib.h>

typedef struct grouping {
    const bp_graph *g;
    const bp__lower_options *o;
    uint32_t *uses;   /* by value: readers, outputs and updates included */
    uint32_t *level;  /* by node */
    uint32_t *parent; /* by node: union-find; the root is the smallest */
    uint32_t *owner;  /* by node: node that folds it in, plus 1; 0: none */
    uint32_t *bias, *act; /* by node: folded nodes plus 1 */
    uint32_t *reader_level, *sinkable; /* by node: see sink_levels */
    uint8_t *chain;   /* by node: runs in a chain */
    bool fuse;
} grouping;

static uint32_t find(grouping *p, uint32_t k)
{
    while (p->parent[k] != k) {
        p->parent[k] = p->parent[p->parent[k]];
        k = p->parent[k];
    }
    return k;
}

static void unite(grouping *p, uint32_t a, uint32_t b)
{
    a = find(p, a);
    b = find(p, b);
    if (a < b)
        p->parent[b] = a;
    else
        p->parent[a] = b;
}

/* The first kernel that takes the node with an epilogue. */
static bool has_epilogue_kernel(const grouping *p, const bp__node *n)
{
    const bp__kernel *const *k = bp__kernels_of(p->g, n);
    for (; *k; k++) {
        if (bp__listed(p->o->no_kernel, (*k)->name) ||
            (*k)->refuse(p->g, n))
            continue;
        return (*k)->epilogue;
    }
    return false;
}

/* Is `v` a bias for product result `y`: one number for each channel? */
static bool is_bias(const bp_graph *g, const bp__node *product, uint32_t v)
{
    const bp__type *t = &g->values[v].type;
    const bp__type *y = &g->values[product->out].type;
    if (t->dtype != BP_F32)
        return false;
    if (product->op == BP__OP_conv2d) {
        int64_t o = y->dims[1];
        if (t->rank < 3 || t->rank > 4 || bp__numel(t) != o)
            return false;
        return t->dims[t->rank - 3] == o;
    }
    int64_t o = y->dims[y->rank - 1];
    return t->rank >= 1 && t->rank <= y->rank && bp__numel(t) == o &&
           t->dims[t->rank - 1] == o;
}

static void fold_epilogue(grouping *p, size_t k)
{
    const bp_graph *g = p->g;
    const bp__node *n = &g->nodes[k];
    if (n->op != BP__OP_add && n->op != BP__OP_relu)
        return;
    for (int i = 0; i < n->n_in; i++) {
        uint32_t v = g->edges[n->in + i];
        uint32_t c = g->values[v].node;
        if (p->uses[v] != 1)
            continue;
        uint32_t head = p->owner[c] ? p->owner[c] - 1 : c;
        const bp__node *m = &g->nodes[head];
        if ((m->op != BP__OP_conv2d && m->op != BP__OP_matmul) ||
            !has_epilogue_kernel(p, m) || p->act[head])
            continue;
        if (n->op == BP__OP_add) {
            if (p->bias[head] || c != head ||
                !is_bias(g, m, g->edges[n->in + 1 - i]) ||
                !bp__same_dims(&g->values[n->out].type,
                               &g->values[v].type))
                continue;
            p->bias[head] = (uint32_t)k + 1;
        } else {
            p->act[head] = (uint32_t)k + 1;
        }
        p->owner[k] = head + 1;
        return;
    }
}

/* Node k is no chain member: its level is one above all of its operands. */
static uint32_t level_above(const grouping *p, const bp__node *n,
                            uint32_t level)
{
    for (int i = 0; i < n->n_in; i++) {
        uint32_t c = p->g->values[p->g->edges[n->in + i]].node;
        uint32_t l = p->level[c] + 1;
        if (l > level)
            level = l;
    }
    return level;
}

static void set_level(grouping *p, size_t k)
{
    const bp_graph *g = p->g;
    const bp__node *n = &g->nodes[k];
    if (p->owner[k])
        return; /* set with its head */
    if (!p->chain[k]) {
        p->level[k] = level_above(p, n, 0);
        return;
    }
    uint32_t level = 0;
    for (int i = 0; i < n->n_in; i++) {
        uint32_t v = g->edges[n->in + i], c = g->values[v].node;
        bool joins = p->fuse && p->chain[c] &&
                     bp__same_dims(&g->values[v].type,
                                   &g->values[n->out].type);
        uint32_t l = p->level[c] + (joins ? 0 : 1);
        if (l > level)
            level = l;
    }
    p->level[k] = level;
}

/* May node k run as late as its readers do? Where all it reads is small, or
 * lives in variables, or is one tensor, its own result need not be kept until
 * then: the comparison that masks a gradient, the decay of a moment. */
static bool worth_sinking(const grouping *p, const bp__node *n)
{
    const bp_graph *g = p->g;
    int full = 0;
    for (int i = 0; i < n->n_in; i++) {
        uint32_t v = g->edges[n->in + i];
        int op = g->nodes[g->values[v].node].op;
        full += op != BP__OP_variable && op != BP__OP_const &&
                bp__same_dims(&g->values[v].type, &g->values[n->out].type);
    }
    return full <= 1;
}

/* Raises the level of chain nodes to that of their readers, from the back. */
static void sink_levels(grouping *p)
{
    const bp_graph *g = p->g;
    for (size_t k = g->n_nodes; k-- > 0;) {
        const bp__node *n = &g->nodes[k];
        uint32_t to = p->reader_level[k];
        if (p->chain[k] && p->sinkable[k] == p->uses[n->out] &&
            p->uses[n->out] && to > p->level[k] && worth_sinking(p, n))
            p->level[k] = to;
        /* What this node says to the nodes that it reads. */
        for (int i = 0; i < n->n_in; i++) {
            uint32_t v = g->edges[n->in + i], c = g->values[v].node;
            if (!p->chain[k] || !bp__same_dims(&g->values[v].type,
                                               &g->values[n->out].type))
                continue;
            if (p->sinkable[c] && p->reader_level[c] != p->level[k]) {
                p->sinkable[c] = UINT32_MAX / 2; /* readers disagree */
                continue;
            }
            p->reader_level[c] = p->level[k];
            p->sinkable[c]++;
        }
    }
}

static void unite_chains(grouping *p)
{
    const bp_graph *g = p->g;
    for (size_t k = 0; k < g->n_nodes; k++) {
        const bp__node *n = &g->nodes[k];
        for (int i = 0; p->chain[k] && i < n->n_in; i++) {
            uint32_t v = g->edges[n->in + i], c = g->values[v].node;
            if (p->chain[c] && p->level[c] == p->level[k] &&
                bp__same_dims(&g->values[v].type, &g->values[n->out].type))
                unite(p, c, (uint32_t)k);
        }
    }
}

/* A product with folded nodes takes the level that all their operands allow;
 * the folded ones share it. Visited at the last folded node. */
static void set_folded_level(grouping *p, size_t head)
{
    const bp_graph *g = p->g;
    uint32_t level = level_above(p, &g->nodes[head], 0);
    if (p->bias[head]) {
        const bp__node *b = &g->nodes[p->bias[head] - 1];
        for (int i = 0; i < b->n_in; i++) {
            uint32_t c = g->values[g->edges[b->in + i]].node;
            if (c != head && p->level[c] + 1 > level)
                level = p->level[c] + 1;
        }
        p->level[p->bias[head] - 1] = level;
    }
    if (p->act[head])
        p->level[p->act[head] - 1] = level;
    p->level[head] = level;
}

static void set_levels(grouping *p)
{
    for (size_t k = 0; k < p->g->n_nodes; k++) {
        if (p->owner[k]) {
            size_t head = p->owner[k] - 1;
            size_t last = p->act[head] ? p->act[head] : p->bias[head];
            if (last == k + 1)
                set_folded_level(p, head);
        } else if (!p->bias[k] && !p->act[k]) {
            set_level(p, k);
        }
    }
}

static int by_level(const void *a, const void *b)
{
    const bp__group *x = a, *y = b;
    if (x->level != y->level)
        return x->level < y->level ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

enum { CHAIN_MAX = 40 }; /* nodes a chain; a longer one is cut */

/* Lists the members of each chain, in order, cut at CHAIN_MAX. */
static void collect(grouping *p, bp__groups *gs, uint32_t *count,
                    uint32_t *group_of)
{
    const bp_graph *g = p->g;
    size_t n = 0;
    for (size_t k = 0; k < g->n_nodes; k++) {
        if (p->owner[k])
            continue;
        uint32_t root = p->chain[k] ? find(p, (uint32_t)k) : (uint32_t)k;
        if (!p->chain[k] || count[root] % CHAIN_MAX == 0) {
            bp__group *gr = &gs->group[n];
            memset(gr, 0, sizeof *gr);
            gr->level = p->level[k];
            gr->chain = p->chain[k];
            gr->first = (uint32_t)k; /* for sorting, for now */
            group_of[root] = (uint32_t)n++;
        }
        count[root]++;
        gs->nodes[k] = group_of[root];
        gs->group[group_of[root]].count++;
        if (!p->chain[k]) {
            bp__unit *u = &gs->group[group_of[root]].unit;
            u->node = k;
            u->n = &g->nodes[k];
            u->result = u->n->out;
            if (p->bias[k]) {
                const bp__node *b = &g->nodes[p->bias[k] - 1];
                uint32_t v0 = g->edges[b->in], v1 = g->edges[b->in + 1];
                u->bias = v0 == u->n->out ? v1 : v0;
                u->result = b->out;
            }
            if (p->act[k]) {
                u->act = 1;
                u->result = g->nodes[p->act[k] - 1].out;
            }
        }
    }
    gs->n_groups = n;
}

/* From "group of node" to lists of nodes for each group, after sorting. */
static bool index_groups(const bp_graph *g, grouping *p, bp__groups *gs)
{
    uint32_t *of = gs->nodes;
    uint32_t *list = bp__alloc(&g->a, (g->n_nodes + 1) * sizeof *list);
    uint32_t *start = bp__alloc(&g->a, (gs->n_groups + 1) * sizeof *start);
    if (!list || !start) {
        bp__free(&g->a, list, (g->n_nodes + 1) * sizeof *list);
        bp__free(&g->a, start, (gs->n_groups + 1) * sizeof *start);
        return false;
    }
    uint32_t at = 0;
    for (size_t i = 0; i < gs->n_groups; i++) {
        start[i] = at;
        at += gs->group[i].count;
    }
    for (size_t k = 0; k < g->n_nodes; k++)
        if (!p->owner[k])
            list[start[of[k]]++] = (uint32_t)k;
    at = 0;
    for (size_t i = 0; i < gs->n_groups; i++) {
        gs->group[i].first = at;
        at += gs->group[i].count;
    }
    memcpy(of, list, at * sizeof *list);
    gs->n_nodes = at;
    bp__free(&g->a, list, (g->n_nodes + 1) * sizeof *list);
    bp__free(&g->a, start, (gs->n_groups + 1) * sizeof *start);
    qsort(gs->group, gs->n_groups, sizeof *gs->group, by_level);
    return true;
}

/* A chain commits if it computes an update and nothing but commits reads what
 * it computes. Readers have higher levels, so from the back. */
static void mark_commits(const bp_graph *g, bp__groups *gs, uint8_t *state)
{
    enum { UPDATED = 1, READ = 2 }; /* by value: READ outside of commits */
    for (size_t i = 0; i < g->n_updates; i++)
        state[g->updates[i].value] |= UPDATED;
    for (size_t i = gs->n_groups; i-- > 0;) {
        bp__group *gr = &gs->group[i];
        bool updates = false, read = false;
        for (uint32_t j = 0; gr->chain && j < gr->count; j++) {
            uint8_t st = state[g->nodes[gs->nodes[gr->first + j]].out];
            updates |= (st & UPDATED) != 0;
            read |= (st & READ) != 0;
        }
        gr->commit = updates && !read;
        if (gr->commit)
            continue;
        for (uint32_t j = 0; j < gr->count; j++) {
            const bp__node *n = &g->nodes[gs->nodes[gr->first + j]];
            for (int e = 0; e < n->n_in; e++) {
                uint32_t v = g->edges[n->in + e];
                /* Within one chain a read does not count. */
                state[v] |= READ;
            }
        }
        if (!gr->chain && gr->unit.bias)
            state[gr->unit.bias] |= READ;
    }
}

static bool run_grouping(grouping *p, bp__groups *gs, uint32_t *count,
                         uint32_t *group_of, uint8_t *state)
{
    const bp_graph *g = p->g;
    bp__count_uses(g, p->uses);
    for (size_t k = 0; k < g->n_nodes; k++) {
        p->parent[k] = (uint32_t)k;
        if (p->fuse)
            fold_epilogue(p, k);
        p->chain[k] = !p->owner[k] &&
                      !bp__listed(p->o->no_kernel, "chain") &&
                      bp__chain_takes(g, &g->nodes[k]);
    }
    set_levels(p);
    if (p->fuse) {
        sink_levels(p);
        unite_chains(p);
    }
    collect(p, gs, count, group_of);
    if (!index_groups(g, p, gs))
        return false;
    mark_commits(g, gs, state);
    return true;
}

bool bp__make_groups(const bp_graph *g, const bp__lower_options *o,
                     bp__groups *gs)
{
    bp__arena ar;
    bp__arena_init(&ar, &g->a);
    size_t n = g->n_nodes + 1;
    memset(gs, 0, sizeof *gs);
    grouping p = {.g = g, .o = o, .fuse = !bp__listed(o->no_pass, "fuse")};
    p.uses = bp__arena_array(&ar, g->n_values + 1, sizeof *p.uses);
    p.level = bp__arena_array(&ar, n, sizeof *p.level);
    p.parent = bp__arena_array(&ar, n, sizeof *p.parent);
    p.owner = bp__arena_array(&ar, n, sizeof *p.owner);
    p.bias = bp__arena_array(&ar, n, sizeof *p.bias);
    p.act = bp__arena_array(&ar, n, sizeof *p.act);
    p.reader_level = bp__arena_array(&ar, n, sizeof *p.reader_level);
    p.sinkable = bp__arena_array(&ar, n, sizeof *p.sinkable);
    p.chain = bp__arena_array(&ar, n, sizeof *p.chain);
    uint32_t *count = bp__arena_array(&ar, n, sizeof *count);
    uint32_t *group_of = bp__arena_array(&ar, n, sizeof *group_of);
    uint8_t *state = bp__arena_array(&ar, g->n_values + 1, 1);
    gs->group = bp__alloc(&g->a, n * sizeof *gs->group);
    gs->nodes = bp__alloc(&g->a, n * sizeof *gs->nodes);
    bool ok = !ar.failed && gs->group && gs->nodes &&
              run_grouping(&p, gs, count, group_of, state);
    bp__arena_free(&ar);
    if (!ok)
        bp__free_groups(g, gs);
    return ok;
}

void bp__free_groups(const bp_graph *g, bp__groups *gs)
{
    size_t n = g->n_nodes + 1;
    bp__free(&g->a, gs->group, n * sizeof *gs->group);
    bp__free(&g->a, gs->nodes, n * sizeof *gs->nodes);
    memset(gs, 0, sizeof *gs);
}
