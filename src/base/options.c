/* Options structs: their first member says how large the caller's is. */
#include "base/base.h"

bp_status bp__options(void *all, size_t bytes, const void *given,
                      const char *name, bp_error *err)
{
    size_t size = bytes;
    memset(all, 0, bytes);
    if (given)
        memcpy(&size, given, sizeof size);
    if (size < sizeof size)
        return bp__error(err, BP_EARG, "%s.size is %zu: set it to sizeof(%s)",
                         name, size, name);
    if (given)
        memcpy(all, given, BP__MIN(size, bytes));
    memcpy(all, &bytes, sizeof bytes);
    for (size_t i = bytes; i < size; i++)
        if (((const unsigned char *)given)[i])
            return bp__error(err, BP_EARG, "%s.size is %zu, and byte %zu is "
                             "not 0: it sets what this library, whose struct "
                             "has %zu bytes, does not know", name, size, i,
                             bytes);
    return BP_OK;
}
