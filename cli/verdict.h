/* What the table that ends training says, in words. */
#ifndef CLI_VERDICT_H
#define CLI_VERDICT_H

#include <bprop/predict.h>

typedef struct cli_verdict {
    const bp_contest *contest;
    bool classes;
    int64_t samples;
    const char *guess; /* "always no" */
    const char *rows;  /* "rows", "pictures" */
    bool folds;        /* --folds would test on the others, too */
} cli_verdict;

/* Is the network better than the constant guess, and than the linear model,
 * beyond what chance does to so few samples; and what to do where it is not.
 * One line, or several, to standard output. */
void cli_print_verdict(const cli_verdict *v);

#endif
