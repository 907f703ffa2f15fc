/* What the parts of the story share. */
#ifndef BP__EXPLAIN_STORY_H
#define BP__EXPLAIN_STORY_H

#include "explain/doc.h"
#include "explain/explain.h"
#include "explain/math.h"

/* "2"; of an input "0", or "0,name" where there are several. */
const char *bp__ex_layer_number(const bp_explain *e, int layer);
/* What a layer reads: an input or a layer's y. */
const bp__ex_tensor *bp__ex_source(const bp_explain *e, int layer);
/* "$y^{(0)}$, $y^{(2)}$": all that it reads. */
const char *bp__ex_sources(const bp_explain *e, const bp__ex_layer *l);
/* "W^{(2)}" */
const char *bp__ex_symbol(bp__doc *d, const char *symbol, const char *layer);
/* A formula of a row, with its places filled. */
void bp__ex_formula(const bp_explain *e, size_t layer, const char *formula);
/* All numbers of a small tensor; range and picture of a large one. */
void bp__ex_show(bp__doc *d, const bp__ex_tensor *t, const char *math);
void bp__ex_show_picture(bp__doc *d, const bp__ex_tensor *t, const char *math);

#endif
