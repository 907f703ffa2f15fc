/* Patterns against trying every way, and ones that have too many ways. */
#include "base/base.h"
#include "t.h"

/* Every length of every star, the shortest first. */
static bool slow(const char *pattern, const char *name, bp__stars *s, int n)
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
        bp__stars a, b;
        draw(&state, "ab*?*", 7, pattern);
        draw(&state, "aab", 11, name);
        bool want = slow(pattern, name, &b, 0);
        T_CHECKF(bp__glob(pattern, name, &a) == want &&
                 bp__glob(pattern, name, NULL) == want, "%s, %s", pattern,
                 name);
        for (int i = 0; want && i < bp__glob_stars(pattern); i++)
            T_CHECKF(a.begin[i] == b.begin[i] && a.len[i] == b.len[i],
                     "%s, %s: star %d", pattern, name, i);
        fits += want;
    }
    T_CHECK(fits > 1000);
}

static void test_hostile(void)
{
    enum { N = 1 << 17 };
    char *name = calloc(N + 1, 1), pattern[BP__GLOB_BYTES + 1];
    bp__stars s;
    T_REQUIRE(name);
    memset(name, 'a', N);
    for (int i = 0; i < BP__GLOB_BYTES - 1; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[BP__GLOB_BYTES - 1] = 'c';
    pattern[BP__GLOB_BYTES] = '\0';
    T_CHECK(!bp__glob(pattern, name, &s));
    name[N - 1] = 'c';
    T_CHECK(bp__glob(pattern, name, &s));
    for (int i = 0; i < BP__GLOB_STARS; i++)
        T_CHECK(s.len[i] == 0 && s.begin[i] == name + i);
    memset(pattern, '*', BP__GLOB_BYTES);
    T_CHECK(bp__glob(pattern, name, NULL));
    pattern[BP__GLOB_BYTES - 1] = 'b';
    T_CHECK(!bp__glob(pattern, name, NULL));
    free(name);
}

int main(void)
{
    test_random();
    test_hostile();
    return t_end();
}
