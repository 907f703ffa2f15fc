/* What the op families share: pieces of inference, and the loops over strided
 * tensors that their reference kernels are made of. */
#ifndef BP__OP_OP_H
#define BP__OP_OP_H

#include "op/attrs.h"

/* Sets of element types, for inference. */
enum {
    BP__D_F = 1 << BP_F32 | 1 << BP_F64,
    BP__D_I32 = 1 << BP_I32,
    BP__D_U8 = 1 << BP_U8,
    BP__D_BOOL = 1 << BP_BOOL,
    BP__D_NUM = BP__D_F | BP__D_I32,
    BP__D_ORD = BP__D_NUM | BP__D_U8, /* has an order */
    BP__D_ANY = BP__D_ORD | BP__D_BOOL,
};

/* Output i has this type; its variance stays what it is. */
void bp__infer_set(bp__infer *q, int i, int dtype, int rank,
                   const int64_t *dims);
/* Operand i must have an element type out of `allowed`. */
bp_status bp__infer_dtype(bp__infer *q, int i, unsigned allowed);
/* "[2,3]"; buf: 200 bytes. Returns buf. */
const char *bp__dims_text(const bp__dims *d, char *buf);
/* Dims that an attribute gives: rank, sizes and their product are in range. */
bp_status bp__infer_dims(bp__infer *q, const bp__dims *d);

/* Axes as users give them: any order, from the end if negative; none (NULL,
 * 0): all. Sorted into *out; false, and the graph's error, if one is bad or
 * comes twice. */
bool bp__take_axes(bp_graph *g, bp__op op, bp_val x, int n,
                   const int64_t *axes, bp__dims *out);
/* One axis likewise; -1: failed. */
int bp__take_axis(bp_graph *g, bp__op op, bp_val x, int64_t axis);

/* Places of n class indices (i32, u8) in n rows of k, flattened; -1, which
 * gather counts as a fault, where one is no class. */
bp_val bp__flat_targets(bp_graph *g, bp_val target, int64_t n, int64_t k);

/* ---- loops ------------------------------------------------------------ */

/* A loop over an index space, with an element offset for each of up to four
 * operands. Axes that can be walked as one are merged; the last one is left
 * to the caller:
 *
 *     for (bp__walk_start(&w); w.more; bp__walk_next(&w))
 *         for (int64_t j = 0; j < w.n; j++)
 *             y[w.off[0] + j * w.step[0]] = ...
 */
enum { BP__WALK_MAX = 4 };
typedef struct bp__walk {
    int n_op, rank;            /* operands; axes outside the last one */
    int64_t n;                 /* length of the last one */
    int64_t step[BP__WALK_MAX];
    int64_t off[BP__WALK_MAX];
    int64_t dims[BP_MAX_RANK], at[BP_MAX_RANK];
    int64_t stride[BP_MAX_RANK][BP__WALK_MAX];
    bool more, empty;
} bp__walk;

/* stride[i] has one entry an axis for operand i. */
void bp__walk_init(bp__walk *w, int rank, const int64_t *dims, int n_op,
                   const int64_t (*stride)[BP_MAX_RANK]);
/* From the start; every offset is 0. */
void bp__walk_start(bp__walk *w);
void bp__walk_next(bp__walk *w);
/* Operand 0 is the dense output, the others are dense inputs that broadcast
 * to it. */
void bp__walk_broadcast(bp__walk *w, const bp__type *out, int n_in,
                        const bp__tensor *in);

/* Strides, in elements, of a dense tensor; returns its element count. */
int64_t bp__strides(int rank, const int64_t *dims, int64_t *stride);
/* Strides of `in` as seen from a shape it broadcasts to: 0 where repeated. */
void bp__broadcast_strides(const bp__type *in, const bp__type *out,
                           int64_t *stride);

/* Copies elements of any type: out[out_off + i . out_stride] =
 * in[in_off + i . in_stride] for every index i of dims. */
void bp__copy_strided(void *out, int64_t out_off, const int64_t *out_stride,
                      const void *in, int64_t in_off,
                      const int64_t *in_stride, int rank, const int64_t *dims,
                      size_t element);
/* The first input's bytes, as many as the output has. */
void bp__ref_copy(const bp__kargs *k);

#endif
