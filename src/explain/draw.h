/* The network as a drawing. */
#ifndef BP__EXPLAIN_DRAW_H
#define BP__EXPLAIN_DRAW_H

#include "explain/story.h"

/* Appends an <svg>: small layers as neurons and their edges, large ones as
 * boxes, each group of a layer with data-l, its number from 0 (inputs: -1 and
 * below); a column for each step of depth, so that branches are branches.
 * Values (class v) and dJ/dy (class g) are the texts of the sections. */
void bp__ex_draw(bp__str *out, const bp_explain *e);

#endif
