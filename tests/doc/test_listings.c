/* Every listing in doc/ and in README.md is what the code is or does. A fenced
 * block says by its first line where it comes from:
 *
 *     ```c from=src/op/shape.c        these very lines stand in that file
 *     ```text output=NAME             what the function of that name prints
 *
 * C and text without such a mark is an error, so that no listing can rot;
 * other blocks (sh, yaml) are run by the tests in tests/cli. What a listing
 * should have been is written to listing-NAME.txt. doc/ops.md is generated as
 * a whole and tested by doc.ops.
 */
#include "doc/listings.h"
#include "t.h"

#include <dirent.h>

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

typedef struct block {
    const char *file;
    long line;
    char kind[20], key[20], value[200];
    char *text;
} block;

static void check_quote(const block *b)
{
    char path[2000];
    snprintf(path, sizeof path, "%s/%s", BPROP_SOURCE_DIR, b->value);
    char *source = slurp(path);
    if (!T_CHECKF(source != NULL, "%s:%ld: no file %s", b->file, b->line,
                  b->value))
        return;
    const char *at = strstr(source, b->text);
    T_CHECKF(at && (at == source || at[-1] == '\n'),
             "%s:%ld: these lines do not stand in %s", b->file, b->line,
             b->value);
    free(source);
}

static void save_listing(const char *name, const bp__str *s)
{
    char path[300];
    snprintf(path, sizeof path, "listing-%s.txt", name);
    FILE *f = fopen(path, "wb");
    if (f) {
        fwrite(s->s, 1, s->len, f);
        fclose(f);
    }
}

static const listing *find_listing(const listing *l, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(l[i].name, name) == 0)
            return &l[i];
    return NULL;
}

static void check_output(const block *b)
{
    const listing *l = find_listing(listings, n_listings, b->value);
    if (!l)
        l = find_listing(pipeline_listings, n_pipeline_listings, b->value);
    if (!l)
        l = find_listing(error_listings, n_error_listings, b->value);
    if (!T_CHECKF(l != NULL, "%s:%ld: nothing prints \"%s\"", b->file,
                  b->line, b->value))
        return;
    bp__str s;
    bp__str_init(&s, &bp__malloc_allocator);
    l->print(&s);
    T_REQUIRE(!s.failed && s.len);
    if (!T_CHECKF(strcmp(s.s, b->text) == 0,
                  "%s:%ld: %s prints something else now: see "
                  "listing-%s.txt", b->file, b->line, b->value, b->value))
        save_listing(b->value, &s);
    bp__str_free(&s);
}

static void check_block(const block *b)
{
    if (strcmp(b->key, "from") == 0)
        check_quote(b);
    else if (strcmp(b->key, "output") == 0)
        check_output(b);
    else
        T_CHECKF(strcmp(b->kind, "c") != 0 && strcmp(b->kind, "text") != 0 &&
                     b->kind[0],
                 "%s:%ld: a listing without from=FILE or output=NAME",
                 b->file, b->line);
}

/* Every block of a page; how many of them were compared. */
static int check_page(const char *file, char *page)
{
    int n = 0;
    long line = 1;
    for (char *p = page; *p;) {
        char *eol = strchr(p, '\n');
        char *next = eol ? eol + 1 : p + strlen(p);
        line++;
        if (strncmp(p, "```", 3) != 0) {
            p = next;
            continue;
        }
        block b = {.file = file, .line = line, .text = next};
        char *end = strstr(next, "```\n");
        if (!T_CHECKF(end && eol, "%s:%ld: a block without an end", file,
                      line))
            return n;
        *eol = '\0';
        sscanf(p + 3, "%19s %19[a-z]=%199s", b.kind, b.key, b.value);
        for (const char *q = next; q < end; q++)
            line += *q == '\n';
        *end = '\0';
        check_block(&b);
        n += b.key[0] != '\0';
        p = end + 4;
        line++;
    }
    return n;
}

static int check_file(const char *folder, const char *name)
{
    char path[2000];
    snprintf(path, sizeof path, "%s/%s%s", BPROP_SOURCE_DIR, folder, name);
    char *page = slurp(path);
    T_REQUIRE(page != NULL);
    int n = check_page(name, page);
    free(page);
    return n;
}

int main(void)
{
    int n = 0;
    DIR *d = opendir(BPROP_SOURCE_DIR "/doc");
    T_REQUIRE(d != NULL);
    for (struct dirent *e; (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        if (len < 4 || strcmp(e->d_name + len - 3, ".md") != 0 ||
            strcmp(e->d_name, "ops.md") == 0)
            continue;
        n += check_file("doc/", e->d_name);
    }
    closedir(d);
    n += check_file("", "README.md");
    T_CHECKF(n >= n_listings + n_pipeline_listings + n_error_listings,
             "%d listings compared", n);
    return t_end();
}
