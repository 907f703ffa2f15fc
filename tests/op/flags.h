/* Is it true of a row's kernel, on a case, what the row claims: that it writes
 * what it should, may run in place, keeps bytes, and goes by rows? The claims
 * are those of k->d.def, which a test may have changed. */
#ifndef BP_TEST_FLAGS_H
#define BP_TEST_FLAGS_H

#include "op/kernel.h"

enum { FLAGS_WHY = 240 };

/* The answers; FLAGS_NONE: the claim says nothing about this case. */
typedef enum flags_answer { FLAGS_FALSE, FLAGS_TRUE, FLAGS_NONE } flags_answer;

/* Every byte of every output, whatever was there; no input; no faults.
 * why: FLAGS_WHY bytes, set where the answer is FLAGS_FALSE. */
flags_answer flags_writes(kernel_call *k, char *why);
/* The output over the first input, when it is as large. */
flags_answer flags_alias(kernel_call *k, char *why);
flags_answer flags_view(kernel_call *k, char *why);
/* What k->d.def says of rows, for this case: see BP__ROWS. */
uint32_t flags_row_rule(const kernel_call *k);
/* Ranges of rows give the bits of one call; FLAGS_NONE: the rule allows none,
 * or there is but one row. */
flags_answer flags_rows(kernel_call *k, char *why);

#endif
