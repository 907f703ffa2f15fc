/* The plan of a program: when each call runs, on which ranges, and where each
 * buffer stands. Pure functions of the lowered graph and the number of
 * threads; chooses no kernel. The bits of a run do not depend on any of it.
 *
 * A segment is what stands between two barriers. In a segment by rows, a
 * worker takes a range of rows (samples) through all calls, depth first; in
 * any other segment the calls do not depend on each other, and their units are
 * shared out. Each item has an owner: the same part of a tensor goes to the
 * same worker in one segment after the other, so that it stays in that core's
 * cache; who is done with its own items takes those of others.
 */
#ifndef BP__PLAN_H
#define BP__PLAN_H

#include "lower/lower.h"

typedef struct bp__item { /* what one worker takes at a time */
    uint32_t first, count; /* calls, positions in bp__plan.order */
    int64_t begin, end;    /* units, of each of these calls */
    int owner;             /* worker that takes it first */
} bp__item;

typedef struct bp__segment {
    uint32_t first, count; /* calls, positions in order */
    uint32_t first_item, n_items;
    bool by_rows;
    uint8_t phase;
    double flops;
} bp__segment;

typedef struct bp__plan {
    bp_allocator a;
    uint32_t *order;  /* call numbers; constants come first */
    size_t n_order;
    size_t n_const;   /* how many of them run at compile time */
    bp__segment *segments; /* of the rest, in order of phases: kept, main,
                              test, commit */
    size_t n_segments, cap_segments;
    size_t n_kept;         /* of which the first are of the phase KEPT */
    bp__item *items;
    size_t n_items, cap_items;
    int threads;
    uint32_t *starts; /* [segment][worker]: items of a segment are sorted by
                         owner; the first one of each. Last: their count. */
    size_t arena_bytes, lower_bound, const_bytes;
    size_t scratch;   /* bytes a worker, the largest need */
    double flops, kept_flops; /* of the segments from n_kept on, and before */
} bp__plan;

/* Places buffers in l->bufs[].place. May let an output stand over an input
 * (then l->bufs[].root changes). NULL: out of memory. */
bp__plan *bp__plan_new(bp__lowered *l, const char *no_pass, int threads);
void bp__plan_free(bp__plan *p);

/* Checks a finished plan: for tests. [err: EBUG ENOMEM] */
bp_status bp__plan_verify(const bp__plan *p, const bp__lowered *l,
                          bp_error *err);

/* order.c: fills order and segments. */
bool bp__plan_order(bp__plan *p, const bp__lowered *l, const char *no_pass);
/* items.c: cuts the segments into items. */
bool bp__plan_items(bp__plan *p, const bp__lowered *l, int threads);
/* memory.c: in-place, liveness, offsets. */
bool bp__plan_memory(bp__plan *p, bp__lowered *l, const char *no_pass);

/* One buffer to place: lives from segment `from` to segment `to`, both
 * included. */
typedef struct bp__interval {
    size_t bytes;
    uint32_t from, to;
    size_t place; /* result */
} bp__interval;
/* Places the intervals so that those alive together do not overlap; returns
 * the bytes needed. order: room for n entries. */
size_t bp__place(bp__interval *iv, size_t n, uint32_t *order);
/* The same for more than so many intervals, for which that would take a time
 * that grows with the square (place_sweep.c). False: out of memory. */
enum { BP__PLACE_PAIRS = 8192, BP__PLAN_ALIGN = 64 };
bool bp__place_sweep(const bp_allocator *a, bp__interval *iv, size_t n,
                     size_t *peak);
/* The largest sum of sizes that are alive in one segment. sums: room for
 * n_segments entries. */
size_t bp__place_lower_bound(const bp__interval *iv, size_t n,
                             uint32_t n_segments, size_t *sums);

#endif
