/* The table of messages. */
#include "explain/messages.h"

#include "base/base.h"

static const struct {
    const char *key;
    const char *text[BP_N_LANGUAGES];
} rows[] = {
#define BP__MESSAGE(key, en, zh) {#key, {en, zh}},
#include "explain/messages.def"
#undef BP__MESSAGE
};

const char *bp__message_text(bp__message m, bp_language l)
{
    return (size_t)m < BP__ARRAY_LEN(rows) && (unsigned)l < BP_N_LANGUAGES
               ? rows[m].text[l] : NULL;
}

const char *bp__message_key(bp__message m)
{
    return (size_t)m < BP__ARRAY_LEN(rows) ? rows[m].key : NULL;
}

const char *bp_language_name(bp_language l)
{
    static const char *const names[BP_N_LANGUAGES] = {"en", "zh"};
    return (unsigned)l < BP_N_LANGUAGES ? names[l] : NULL;
}
