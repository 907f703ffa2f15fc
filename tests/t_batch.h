/* A row has its bits in any batch. */
#ifndef BP_T_BATCH_H
#define BP_T_BATCH_H

#include <bprop/nn.h>

#include <stdbool.h>

/* Predicts 200 samples of a task together, then 7 of them and some alone, at
 * every level of this processor, on one thread and on three, and compares
 * every output's rows bit by bit. The task has one f32 input, drawn from lo to
 * hi: whole numbers where lo is 0. slow: plain C computes single rows only. */
void t_batch_check(const bp_task *task, double lo, double hi, bool slow,
                   const char *what);

#endif
