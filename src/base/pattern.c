/* Matching from left to right: at a mismatch the last star takes one character
 * more. Stars before it need never change, since the text that each of them
 * leaves over has matched as early as it could. */
#include "base/pattern.h"

#include <string.h>

typedef struct star_span {
    const char *begin, *end;
} star_span;

static bool match(const char *pattern, const char *name,
                  star_span span[BP__MAX_STARS], size_t *n)
{
    const char *star = NULL, *after = NULL;
    size_t stars = 0;
    for (;;) {
        if (*pattern == '*') {
            star = ++pattern;
            after = name;
            if (stars < BP__MAX_STARS)
                span[stars] = (star_span){name, name};
            stars++;
        } else if (!*pattern && !*name) {
            *n = stars;
            return true;
        } else if (*name && (*pattern == *name || *pattern == '?')) {
            pattern++;
            name++;
        } else if (star && *name && *after) {
            pattern = star;
            name = ++after;
            if (stars <= BP__MAX_STARS)
                span[stars - 1].end = after;
        } else {
            return false;
        }
    }
}

bool bp__pattern_matches(const char *pattern, const char *name)
{
    star_span span[BP__MAX_STARS];
    size_t n;
    return match(pattern, name, span, &n);
}

int bp__pattern_stars(const char *pattern)
{
    int n = 0;
    for (; *pattern; pattern++)
        n += *pattern == '*';
    return n;
}

bool bp__pattern_map(const char *from, const char *to, const char *name,
                     char *out, size_t bytes)
{
    star_span span[BP__MAX_STARS];
    size_t n, used = 0, k = 0;
    if (!match(from, name, span, &n) || n > BP__MAX_STARS)
        return false;
    for (; *to; to++) {
        const char *text = to;
        size_t len = 1;
        if (*to == '*') {
            if (k == n)
                return false;
            text = span[k].begin;
            len = (size_t)(span[k].end - span[k].begin);
            k++;
        }
        if (used + len >= bytes)
            return false;
        memcpy(out + used, text, len);
        used += len;
    }
    if (used >= bytes)
        return false;
    out[used] = '\0';
    return true;
}
