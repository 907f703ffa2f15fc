/* Patterns of names. */
#include "base/base.h"

/* At a mismatch the last star takes one character more: to give an earlier
 * one more cannot help, for it leaves less to all that follow. So the time is
 * at most pattern times name, whatever they are. */
bool bp__glob(const char *pattern, const char *name, bp__stars *stars)
{
    const char *after_star = NULL; /* of the pattern */
    const char *begin = name;      /* of the last star's text */
    const char *at = name;         /* where what follows it is tried */
    int n = 0;
    for (;;) {
        if (*pattern == '*') {
            if (stars && n > 0 && n <= BP__GLOB_STARS)
                stars->len[n - 1] = (size_t)(at - begin);
            after_star = ++pattern;
            begin = at = name;
            if (stars && n < BP__GLOB_STARS)
                stars->begin[n] = begin;
            n++;
        } else if (!*pattern && !*name) {
            break;
        } else if (*name && (*pattern == '?' || *pattern == *name)) {
            pattern++;
            name++;
        } else if (after_star && *at) {
            pattern = after_star;
            name = ++at;
        } else {
            return false;
        }
    }
    if (stars && n > 0 && n <= BP__GLOB_STARS)
        stars->len[n - 1] = (size_t)(at - begin);
    return true;
}

int bp__glob_stars(const char *pattern)
{
    int n = 0;
    for (; *pattern; pattern++)
        n += *pattern == '*';
    return n;
}
