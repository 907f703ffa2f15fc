/* Patterns of names: * stands for any text, ? for one character. Time grows
 * with the product of both lengths at most, however many stars there are. */
#ifndef BP__PATTERN_H
#define BP__PATTERN_H

#include <stdbool.h>
#include <stddef.h>

enum { BP__MAX_STARS = 16, BP__PATTERN_BYTES = 500 /* of a user's */ };

bool bp__pattern_matches(const char *pattern, const char *name);
int bp__pattern_stars(const char *pattern); /* how many it has */
/* What `name` is called by the pair of patterns ("q.*", "target.*"): each star
 * of `to` is what that of `from` stood for. Where a name fits in several ways,
 * the first star stands for as little as it can, then the second, and so on;
 * the last one for the rest. False: it does not match, `to` has more stars than `from` (or either
 * more than 16), or the result has no room. */
bool bp__pattern_map(const char *from, const char *to, const char *name,
                     char *out, size_t bytes);

#endif
