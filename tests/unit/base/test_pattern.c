/* Patterns against trying every way, and ones that have too many ways. */
#include "base/base.h"
#include "base/pattern.h"
#include "t.h"

enum { STARS = 8 };

typedef struct stars {
    const char *begin[STARS];
    size_t len[STARS];
} stars;

/* Every length of every star, the shortest first. */
static bool slow(const char *pattern, const char *name, stars *s, int n)
{
    if (*pattern != '*') {
        if (!*pattern || !*name)
            return *pattern == *name;
        return (*pattern == '?' || *pattern == *name) &&
               slow(pattern + 1, name + 1, s, n);
    }
    for (size_t len = 0;; len++) {
        s->begin[n] = name;
        s->len[n] = len;
        if (slow(pattern + 1, name + len, s, n + 1))
            return true;
        if (!name[len])
            return false;
    }
}

static void draw(uint64_t *state, const char *letters, int most, char *out)
{
    int n = (int)t_uniform(state, 0, most + 1);
    for (int i = 0; i < n; i++)
        out[i] = letters[(size_t)t_uniform(state, 0, (double)strlen(letters))];
    out[n] = '\0';
}

static void test_random(void)
{
    uint64_t state = 3;
    int fits = 0;
    for (int k = 0; k < 200000; k++) {
        char pattern[8], name[12];
        char to[3 * STARS] = "", text[100], all[100] = "";
        stars b;
        draw(&state, "ab*?*", 7, pattern);
        draw(&state, "aab", 11, name);
        bool want = slow(pattern, name, &b, 0);
        for (int i = 0; want && i < bp__pattern_stars(pattern); i++) {
            strcat(to, "*|");
            strncat(all, b.begin[i], b.len[i]);
            strcat(all, "|");
        }
        T_CHECKF(bp__pattern_matches(pattern, name) == want &&
                 bp__pattern_map(pattern, to, name, text, sizeof text) == want,
                 "%s, %s", pattern, name);
        T_CHECKF(!want || !strcmp(text, all), "%s, %s: %s, not %s", pattern,
                 name, text, all);
        fits += want;
    }
    T_CHECK(fits > 1000);
}

static void test_hostile(void)
{
    enum { N = 1 << 17 };
    char *name = calloc(N + 1, 1), pattern[BP__PATTERN_BYTES + 1];
    char text[100];
    T_REQUIRE(name);
    memset(name, 'a', N);
    for (int i = 0; i < BP__PATTERN_BYTES - 1; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[BP__PATTERN_BYTES - 1] = 'c';
    pattern[BP__PATTERN_BYTES] = '\0';
    T_CHECK(!bp__pattern_matches(pattern, name));
    name[N - 1] = 'c';
    T_CHECK(bp__pattern_matches(pattern, name));
    memset(pattern, '*', BP__PATTERN_BYTES);
    T_CHECK(bp__pattern_matches(pattern, name));
    pattern[BP__PATTERN_BYTES - 1] = 'b';
    T_CHECK(!bp__pattern_matches(pattern, name));
    T_CHECK(bp__pattern_map("*a*a*a*c", "<*,*,*>", name, text, sizeof text) &&
            !strcmp(text, "<,,>"));
    T_CHECK(bp__pattern_map("*.*", "<*|*>", "a.b.c", text, sizeof text) &&
            !strcmp(text, "<a|b.c>"));
    free(name);
}

int main(void)
{
    test_random();
    test_hostile();
    return t_end();
}
