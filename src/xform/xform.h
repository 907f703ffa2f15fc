/* Graph -> graph: gradient, definitions of composites, shard placement, cse,
 * dce. Every pass builds a new graph (bp_grad alone appends); each keeps the
 * bits of every value. */
#ifndef BP__XFORM_H
#define BP__XFORM_H

#include "ir/ir.h"

/* Emits the definition of a composite, or the generated one of a backward
 * node, in place. requires: the node itself could be emitted on these inputs.
 * ensures: out[k] has the type of the node's output k. */
void bp__emit_definition(bp_graph *g, bp__op op, const void *attrs, int n_in,
                         const bp_val *in, bp_val *out);

/* A pass's map from values of the old graph to those of the new one. */
typedef struct bp__remap {
    const bp_graph *from;
    bp_graph *to;
    bp_val *map; /* by old id; BP_NIL: not copied */
} bp__remap;

/* to: a fresh graph with the same shard and scopes; status in to. False: out
 * of memory. */
bool bp__remap_begin(bp__remap *r, const bp_graph *from);
/* Copies node i with its operands mapped; sets the map of its outputs. */
void bp__remap_node(bp__remap *r, size_t i);
/* Copies outputs and updates; frees the map; returns the new graph, which
 * carries the sticky error if there was one. */
bp_graph *bp__remap_end(bp__remap *r);
/* What is emitted next stands where n stood, in messages: scope and samples. */
void bp__remap_place(bp__remap *r, const bp__node *n);
/* Gives the values that n's outputs map to the outputs' names. */
void bp__remap_names(bp__remap *r, const bp__node *n);
void bp__remap_operands(const bp__remap *r, const bp__node *n, bp_val *in);

/* Nodes that no output or update needs go. NULL: out of memory. */
bp_graph *bp__pass_dce(const bp_graph *g);
/* Equal nodes (op, attributes, operands) become one. */
bp_graph *bp__pass_cse(const bp_graph *g);
/* The mask of a relu before max pooling moves to the pooled gradient: see
 * pool_mask.c. NULL: out of memory. */
bp_graph *bp__pass_pool_mask(const bp_graph *g);
/* Composites and backward nodes for which keep() is false become their
 * definitions, until none is left. */
typedef bool (*bp__keep_fn)(void *user, const bp_graph *g, size_t node);
bp_graph *bp__pass_expand(const bp_graph *g, bp__keep_fn keep, void *user);
/* The graphs of a program (one, or two for the two shard sizes, larger
 * first) as one graph without psum and spread: varying nodes once for each
 * shard, replicated ones once, psum a fixed binary tree of sums.
 * Errors go to err. NULL then. */
bp_graph *bp__pass_shards(const bp_graph *const *graphs, size_t n_graphs,
                          bp_error *err);

/* `one`, traced for one row, with the sums over rows that the gradient has left
 * out of it and that `more` has: see one_row.c. NULL: they are not traced alike,
 * or out of memory. */
bp_graph *bp__pass_one_row(const bp_graph *more, const bp_graph *one);

/* Choices (comparisons, argmax, sides of relu and abs, winners of max and
 * pooling) become outputs, or inputs, "choice.0", "choice.1", ...: see
 * freeze.c. values: stop_gradient is a choice too. NULL: out of memory. */
typedef enum bp__freeze_mode {
    BP__FREEZE_PROBE,
    BP__FREEZE_FROZEN
} bp__freeze_mode;
bp_graph *bp__pass_freeze(const bp_graph *g, bp__freeze_mode mode, bool values,
                          size_t *n);

#endif
