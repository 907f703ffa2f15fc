/* Calls that move or test whole buffers: reorders between layouts, copies,
 * commits of variables, tests for non-finite values. */
#ifndef BP__LOWER_MOVE_H
#define BP__LOWER_MOVE_H

#include "lower/lower.h"

/* A call that copies buffer `from` of the value into `to`, which has the other
 * layout. */
void bp__lower_reorder(bp__lower_state *s, uint32_t value, uint32_t from,
                       uint32_t to);
/* A call that copies the bytes. */
bp__call *bp__lower_copy(bp__lower_state *s, uint32_t value, uint32_t from,
                         uint32_t to);
/* Commits of every update that a chain has not written in place, and tests of
 * what is about to be committed. Last step of lowering. */
void bp__lower_commits(bp__lower_state *s);

/* True if any of n floats is NaN or infinite. */
bool bp__any_nonfinite(int dtype, const void *data, int64_t n);

#endif
