/* What building a chain (chain.c) and making its code (chain_code.c) share. */
#ifndef BP__CPU_CHAIN_RULES_H
#define BP__CPU_CHAIN_RULES_H

#include "cpu/chain.h"

enum { TAKES_F = 1, TAKES_B = 2, GIVES_F = 4, GIVES_B = 8 };

/* How an op becomes code: its opcode, the one for swapped operands, and the
 * types. Ops that are not here cannot be part of a chain. */
typedef struct chain_rule {
    uint8_t code, swapped, arity, types;
} chain_rule;

extern const chain_rule bp__chain_rules[BP__N_OPS];

/* The first refusal sticks, for bp__chain_end. Returns -1. */
int bp__chain_refuse(bp__chain *c, bp_status s, const char *why);

#endif
