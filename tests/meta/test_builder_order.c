/* C does not say in which order the arguments of a call are evaluated, and
 * compilers differ. Where two arguments of one call build nodes, the order of
 * nodes, and with it the order in which a gradient's terms are added up, would
 * depend on the compiler, against the rule of one hash. So in the library no
 * call, and no braced list, may hold two of them: this test reads the source
 * and names every place. */
#include "t.h"

#include <ctype.h>
#include <dirent.h>

enum { MAX_NAMES = 400 };
static char names[MAX_NAMES][60];
static int n_names, n_public;

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static char *slurp(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    char *s = calloc((size_t)n + 1, 1);
    size_t got = fread(s, 1, (size_t)n, f);
    s[got] = '\0';
    fclose(f);
    return s;
}

/* Comments, strings and characters become blanks: what is left is code. */
static void blank(char *s)
{
    for (char *p = s; *p; p++) {
        char *end = NULL;
        if (p[0] == '/' && p[1] == '*') {
            end = strstr(p + 2, "*/");
            end = end ? end + 2 : p + strlen(p);
        } else if (*p == '"' || *p == '\'') {
            for (end = p + 1; *end && *end != *p; end++)
                if (*end == '\\' && end[1])
                    end++;
            end += *end != '\0';
        }
        for (; end && p < end; p++)
            if (*p != '\n')
                *p = ' ';
        if (end)
            p--;
    }
}

/* Functions that return a value of a graph: "bp_val NAME(". */
static void collect(const char *code)
{
    for (const char *p = code; (p = strstr(p, "bp_val ")); p += 7) {
        const char *q = p + 7;
        size_t n = 0;
        while (is_name(q[n]))
            n++;
        if ((p > code && is_name(p[-1])) || q[n] != '(' || n == 0)
            continue;
        T_REQUIRE(n_names < MAX_NAMES && n < sizeof names[0]);
        memcpy(names[n_names], q, n);
        names[n_names++][n] = '\0';
    }
}

static bool is_builder(const char *at, size_t n)
{
    for (int i = 0; i < n_names; i++)
        if (strlen(names[i]) == n && memcmp(names[i], at, n) == 0)
            return true;
    return false;
}

/* Is there a call of a builder in [from, to)? */
static bool builds(const char *from, const char *to)
{
    for (const char *p = from; p < to; p++) {
        if (!is_name(*p) || (p > from && is_name(p[-1])))
            continue;
        size_t n = 0;
        while (p + n < to && is_name(p[n]))
            n++;
        if (p[n] == '(' && is_builder(p, n))
            return true;
    }
    return false;
}

/* Parts of the bracket that opens at p, by the commas in it, that build. */
static int parts_that_build(const char *p)
{
    const char *from = p + 1, *q = from;
    int depth = 1, n = 0;
    for (; *q && depth; q++) {
        depth += *q == '(' || *q == '[' || *q == '{';
        depth -= *q == ')' || *q == ']' || *q == '}';
        if ((depth == 1 && *q == ',') || !depth) {
            n += builds(from, q);
            from = q + 1;
        }
    }
    return n;
}

/* A call's parenthesis, or the brace of an initialiser. */
static bool is_list(const char *code, const char *p)
{
    const char *q = p;
    while (q > code && isspace((unsigned char)q[-1]))
        q--;
    if (*p == '{')
        return q > code && (q[-1] == '=' || (q[-1] == ')' && q == p));
    size_t n = 0;
    while (q - n > code && is_name(q[-1 - (long)n]))
        n++;
    static const char *const words[] = {"if", "while", "for", "switch",
                                        "return"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == n && memcmp(q - n, words[i], n) == 0)
            return false;
    return n > 0;
}

static long check_code(const char *path, const char *code)
{
    long lists = 0, line = 1;
    for (const char *p = code; *p; p++) {
        line += *p == '\n';
        if ((*p != '(' && *p != '{') || !is_list(code, p))
            continue;
        int n = parts_that_build(p);
        T_CHECKF(n < 2, "%s:%ld: %d parts of one list build nodes: their "
                 "order is the compiler's choice", path, line, n);
        lists += n > 0;
    }
    return lists;
}

static long check_dir(const char *dir)
{
    char path[2000];
    snprintf(path, sizeof path, "%s/src/%s", BPROP_SOURCE_DIR, dir);
    DIR *d = opendir(path);
    long lists = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n < 3 || strcmp(e->d_name + n - 2, ".c") != 0)
            continue;
        snprintf(path, sizeof path, "%s/src/%s/%s", BPROP_SOURCE_DIR, dir,
                 e->d_name);
        char *code = slurp(path);
        T_REQUIRE(code != NULL);
        blank(code);
        n_names = n_public;
        collect(code);
        lists += check_code(path, code);
        free(code);
    }
    if (d)
        closedir(d);
    return lists;
}

static void self_test(void)
{
    char bad[] = "f(g, bp_add(g, bp_neg(g, a), b), bp_neg(g, c));";
    char list[] = "v = (bp_val[]){bp_neg(g, a), bp_neg(g, b)};";
    char good[] = "{ a = bp_neg(g, bp_add(g, a, b)), c = bp_neg(g, \"(\"); }";
    blank(good);
    T_CHECK(parts_that_build(strchr(bad, '(')) == 2);
    T_CHECK(parts_that_build(strchr(list, '{')) == 2);
    T_CHECK(is_list(list, strchr(list, '{')) && !is_list(good, good));
    T_CHECK(parts_that_build(strchr(good, '(')) == 1);
}

int main(void)
{
    static const char *const headers[] = {"ops.h", "bprop.h", "nn.h"};
    static const char *const dirs[] = {"op", "xform", "nn", "train", "data",
                                       "lower", "config", "exec", "export"};
    char path[2000];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/include/bprop/%s", BPROP_SOURCE_DIR,
                 headers[i]);
        char *code = slurp(path);
        if (!code)
            continue;
        blank(code);
        collect(code);
        free(code);
    }
    memcpy(names[n_names++], "bp__emit1", 10);
    n_public = n_names;
    T_CHECK(n_public > 80);
    self_test();
    long lists = 0;
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        lists += check_dir(dirs[i]);
    T_CHECKF(lists > 100, "only %ld lists with builders were found", lists);
    return t_end();
}
