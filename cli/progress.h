/* Progress of training: a bar on a terminal, a line an epoch everywhere. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "cli.h"

typedef struct cli_progress {
    bool terminal;
    int width;           /* columns */
    bool shown;          /* a bar stands in the current line */
    double began, drawn; /* clocks */
    int64_t first_step;  /* steps done before this call */
    int64_t samples, first_samples;
    /* The last evaluation's table, kept for the end. */
    bp_evaluation table;
    int64_t *confusion;
    bool has_test;
} cli_progress;

void cli_progress_begin(cli_progress *p, int64_t steps_done);
void cli_progress_end(cli_progress *p);
void cli_progress_step(void *user, const bp_progress *s);
void cli_progress_epoch(void *user, const bp_epoch *e);
void cli_progress_clear(cli_progress *p);

#endif
