/* Looking at a table, for a draft of a model file. */
#ifndef BP__TABLE_DRAFT_H
#define BP__TABLE_DRAFT_H

#include "source/source.h"

/* target: columns as in bp__columns_options, between commas. [err: as
 * bp__table_read and bp__columns_guess] */
bp_status bp__table_draft(const bp__draft_options *o, bp__str *found,
                          bp__str *text, bp_error *err);

#endif
