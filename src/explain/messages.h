/* Every sentence of the explanations, in each language: messages.def. */
#ifndef BP__EXPLAIN_MESSAGES_H
#define BP__EXPLAIN_MESSAGES_H

#include <bprop/explain.h>

#include <stddef.h>

typedef enum bp__message {
#define BP__MESSAGE(key, en, zh) BP__MSG_##key,
#include "explain/messages.def"
#undef BP__MESSAGE
    BP__N_MESSAGES
} bp__message;

/* With places {0} to {9} for arguments and $formulas$. NULL: none. */
const char *bp__message_text(bp__message m, bp_language l);
const char *bp__message_key(bp__message m);

#endif
