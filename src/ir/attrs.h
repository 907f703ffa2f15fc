/* Copying attributes: used by the graph only. */
#ifndef BP__IR_ATTRS_H
#define BP__IR_ATTRS_H

#include "ir/ir.h"

/* A deep copy in the arena; NULL without attributes, or on failure (then the
 * arena says so). */
const void *bp__attrs_copy(bp__arena *ar, const bp__opdef *d, const void *a);

#endif
