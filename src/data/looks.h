/* What a look at a table's cells says beside the kinds of its columns: texts
 * that a number or a date hides in, and columns that give the target away. */
#ifndef BP__DATA_LOOKS_H
#define BP__DATA_LOOKS_H

#include "data/columns.h"

/* Adds a line for each column of words, or that is left out, nine in ten of
 * whose cells are a number with the same unit around it ("3.5 kg", "$12"), or
 * a date; for a target of classes most of which have fewer than three rows. */
void bp__columns_hidden(const bp__columns *c, const bp__table *t,
                        bp__str *out);

/* Adds a line for each column that tells the target by itself in all rows:
 * words that have one class each, numbers with one interval for each class
 * (where every class has five rows or more, so that chance does not do it), or
 * numbers that the target is a linear function of (R2 over 0.99999).
 * [err: ENOMEM] */
bp_status bp__columns_telling(const bp__columns *c, const bp__table *t,
                              bp__str *out, bp_error *err);

#endif
