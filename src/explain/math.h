/* Formulas: one notation, printed as text or as MathML.
 *
 *     frac{a}{b}  sqrt{a}  x^2  x^{...}  x_k  x_{...}
 *     1_{x > 0}   1 where the condition holds, else 0
 *
 * Rows of the tables of layers also hold places for a layer's number:
 *
 *     x@          x of this layer, x^{(l)}
 *     y@-         y of the layer before it
 *     y@&  y@;    y of every layer before it, added up, or in a list
 *     ?bias{...}  only where the layer has a parameter of this name
 *     ?!bias{...} only where it has none
 */
#ifndef BP__EXPLAIN_MATH_H
#define BP__EXPLAIN_MATH_H

#include "base/base.h"

typedef struct bp__math_place {
    const char *layer;        /* "2" */
    const char *const *from;  /* "1", "0" ... */
    size_t n_from;
    const char *const *has;   /* names of parameters, or of values set */
    size_t n_has;
} bp__math_place;

/* Fills the places; appends to out. False: the formula is malformed. */
bool bp__math_expand(bp__str *out, const char *formula,
                     const bp__math_place *at);
/* Appends it as text for a terminal ("∂J/∂W(2)"). False: malformed. */
bool bp__math_text(bp__str *out, const char *formula);
/* Appends a <math> element. False: malformed. */
bool bp__math_html(bp__str *out, const char *formula);
/* Appends s with &, < and > escaped. */
void bp__html_escape(bp__str *out, const char *s, size_t n);

#endif
