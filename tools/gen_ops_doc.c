/* Prints doc/ops.md, or checks that it is up to date:
 *
 *     gen_ops_doc SOURCE_DIR > doc/ops.md
 *     gen_ops_doc SOURCE_DIR --check      (exit code 1: it is stale)
 *
 * Everything comes from the op table, but for the families, which are the
 * comments of src/ir/ops.def, and the C prototypes, which are found in the
 * public headers.
 */
#include "xform/xform.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static void stop(const char *what, const char *about)
{
    fprintf(stderr, "gen_ops_doc: %s%s\n", what, about);
    exit(2);
}

static char *slurp(const char *root, const char *path)
{
    char name[2000];
    snprintf(name, sizeof name, "%s/%s", root, path);
    FILE *f = fopen(name, "rb");
    if (!f)
        stop("cannot read ", name);
    char *s = NULL;
    size_t n = 0, got = 1;
    while (got) {
        char *more = realloc(s, n + 65536 + 1);
        if (!more)
            stop("out of memory", "");
        s = more;
        got = fread(s + n, 1, 65536, f);
        n += got;
    }
    s[n] = '\0';
    fclose(f);
    return s;
}

/* ---- families ------------------------------------------------------------- */

typedef struct family {
    char title[100], file[100];
    bp__op ops[BP__N_OPS];
    int n;
} family;

/* "elementwise, one input: src/op/unary.c": title and file. */
static void read_title(family *f, const char *from, const char *to)
{
    const char *colon = from;
    while (colon < to && *colon != ':')
        colon++;
    snprintf(f->title, sizeof f->title, "%.*s", (int)(colon - from), from);
    f->title[0] = (char)toupper((unsigned char)f->title[0]);
    size_t n = 0;
    for (const char *p = colon + 1; p < to && n < sizeof f->file - 1; p++)
        if (*p != '\n' && *p != '*' && (*p != ' ' || (n && p[-1] == ',')))
            f->file[n++] = *p;
    f->file[n] = '\0';
}

/* The second comment of ops.def and those that follow open a family each. */
static int read_families(const char *def, family *f, int most)
{
    int n = 0, comments = 0;
    for (const char *p = def; *p;) {
        const char *end;
        if (strncmp(p, "/*", 2) == 0 && (end = strstr(p, "*/"))) {
            if (comments++ && n < most) {
                const char *from = p + 3, *to = end;
                while (to > from && isspace((unsigned char)to[-1]))
                    to--;
                read_title(&f[n++], from, to);
            }
            p = end + 2;
        } else if (n && (strncmp(p, "BP__OP(", 7) == 0 ||
                         strncmp(p, "BP__ACTIVATION(", 15) == 0)) {
            char name[60];
            p = strchr(p, '(') + 1;
            snprintf(name, sizeof name, "%.*s", (int)strcspn(p, ")"), p);
            f[n - 1].ops[f[n - 1].n++] = bp__op_find(name);
        } else {
            p++;
        }
    }
    return n;
}

/* ---- one op ------------------------------------------------------------------ */

/* The declaration of bp_NAME in a header, with its white space squeezed. */
static void add_prototype(bp__str *s, const char *header, const char *op)
{
    char name[80];
    snprintf(name, sizeof name, "bp_val bp_%s(", op);
    const char *p = strstr(header, name), *end = p ? strchr(p, ';') : NULL;
    if (!end)
        return;
    bp__str_printf(s, "```c\n");
    for (; p <= end; p++) {
        if (*p == '\n') {
            while (isspace((unsigned char)p[1]))
                p++;
            bp__str_add(s, "\n    ", 5);
        } else {
            bp__str_add(s, p, 1);
        }
    }
    bp__str_printf(s, "\n```\n\n");
}

static void add_gradient(bp__str *s, const bp__opdef *d)
{
    static const char *const words[] = {"never", "yes", "not written yet"};
    int n = d->n_in == BP__VARIADIC ? 1 : d->n_in;
    if (d->flags & BP__LEAF || n == 0)
        return;
    bp__str_printf(s, "- differentiable:");
    for (int i = 0; i < n; i++)
        bp__str_printf(s, "%s %s", i ? "," : "", words[d->diff[i]]);
    bool any = false;
    for (int i = 0; i < n; i++)
        any |= d->diff[i] == BP__DIFF;
    if (any && (d->flags & BP__COMPOSITE))
        bp__str_printf(s, " (generated from the definition)");
    bp__str_printf(s, "\n");
}

static void add_flags(bp__str *s, const bp__opdef *d)
{
    static const struct {
        uint32_t flag;
        const char *text;
    } list[] = {
        {BP__LEAF, "leaf"},
        {BP__COMPOSITE, "composite"},
        {BP__ELEMWISE, "elementwise"},
        {BP__COMMUTES, "commutes"},
        {BP__LINEAR, "linear in its differentiable inputs"},
        {BP__ALIAS_IN0, "may write over its first input"},
        {BP__VIEW, "a view of its first input"},
        {BP__RANDOM, "random, numbered by sample"},
        {BP__FAULTS, "an index out of range fails the run"},
    };
    const char *sep = "- ";
    for (size_t i = 0; i < BP__ARRAY_LEN(list); i++)
        if (d->flags & list[i].flag) {
            bp__str_printf(s, "%s%s", sep, list[i].text);
            sep = ", ";
        }
    if (sep[0] == ',')
        bp__str_printf(s, "\n");
}

static void add_attrs(bp__str *s, const bp__opdef *d)
{
    static const char *const types[] = {
        "integer", "number", "true or false", "element type", "dims",
        "string", "bytes", "store", "op", "that op's attributes"};
    const char *sep = "- attributes: ";
    for (const bp__attrdef *f = d->attrs; f && f->name; f++) {
        bp__str_printf(s, "%s`%s` (%s)", sep, f->name, types[f->type]);
        sep = ", ";
    }
    if (sep[0] == ',')
        bp__str_printf(s, "\n");
}

static int to_str(void *user, const char *text, size_t bytes)
{
    bp__str_add(user, text, bytes);
    return 0;
}

/* The definition of a composite at its first test case, printed. */
static void add_definition(bp__str *s, bp__op op)
{
    const bp__opdef *d = bp__ops[op];
    const bp__case *c = d->cases;
    bp_val in[4], out[BP__MAX_OUT];
    if (!d->define || !d->n_cases)
        return;
    bp_graph *g = bp_graph_new(NULL);
    if (c->varying)
        bp_graph_set_shard(g, 1, c->in[0].dims[0], c->in[0].dims[0]);
    for (int i = 0; i < c->n_in; i++) {
        const bp__tin *t = &c->in[i];
        char name[16];
        snprintf(name, sizeof name, "x%d", i);
        bool batch = c->varying && t->rank &&
                     t->dims[0] == c->in[0].dims[0];
        in[i] = batch ? bp_batch_input(g, name, (bp_dtype)t->dtype, t->rank,
                                       t->dims)
                      : bp_input(g, name, (bp_dtype)t->dtype, t->rank,
                                 t->dims);
    }
    bp__emit_definition(g, op, c->attrs, c->n_in, in, out);
    for (int i = 0; i < d->n_out; i++) {
        char name[8];
        snprintf(name, sizeof name, "y%d", i);
        bp_output(g, name, out[i]);
    }
    if (bp_graph_status(g) != BP_OK)
        stop("definition: ", bp_graph_error(g));
    bp__str_printf(s, "Definition, for its first test case:\n\n```\n");
    bp_graph_print(g, to_str, s);
    bp__str_printf(s, "```\n\n");
    bp_graph_free(g);
}

static void add_op(bp__str *s, bp__op op, const char *ops_h,
                   const char *core_h)
{
    const bp__opdef *d = bp__ops[op];
    bp__str_printf(s, "### %s\n\n`%s%s`\n\n%s\n\n", d->name, d->name, d->sig,
                   d->doc);
    size_t before = s->len;
    add_prototype(s, ops_h, d->name);
    if (s->len == before)
        add_prototype(s, core_h, d->name);
    before = s->len;
    add_gradient(s, d);
    add_attrs(s, d);
    add_flags(s, d);
    if (s->len != before)
        bp__str_printf(s, "\n");
    add_definition(s, op);
}

/* ---- the page ------------------------------------------------------------------ */

static const char intro[] =
    "# The ops\n\n"
    "<!-- Generated by tools/gen_ops_doc.c out of the op table: do not edit. "
    "-->\n\n"
    "Every op of bprop, with its builder from `<bprop/ops.h>`. In a "
    "signature, `f` is f32 or f64 (all float operands of a node have the "
    "same type), `i` is i32 or u8, and `~` marks a varying value; attributes "
    "are in braces. Shapes broadcast as in NumPy where a signature says "
    "`[..]` for several operands. A *primitive* has a kernel and a rule for "
    "its gradient; a *composite* has a definition in other ops, and its "
    "gradient is generated from that. How to add one: [adding-an-op.md]"
    "(adding-an-op.md). How a printed graph is to be read: "
    "[ir.md](ir.md).\n\n";

static void add_overview(bp__str *s, const family *f, int n)
{
    for (int i = 0; i < n; i++) {
        bp__str_printf(s, "- %s:", f[i].title);
        for (int k = 0; k < f[i].n; k++) {
            const char *name = bp__ops[f[i].ops[k]]->name;
            bp__str_printf(s, "%s [%s](#%s)", k ? "," : "", name, name);
        }
        bp__str_printf(s, "\n");
    }
    bp__str_printf(s, "\n");
}

static void add_page(bp__str *s, const char *root)
{
    static family f[40];
    char *def = slurp(root, "src/ir/ops.def");
    char *ops_h = slurp(root, "include/bprop/ops.h");
    char *core_h = slurp(root, "include/bprop/bprop.h");
    int n = read_families(def, f, (int)BP__ARRAY_LEN(f)), count = 0;
    bp__str_printf(s, "%s", intro);
    add_overview(s, f, n);
    for (int i = 0; i < n; i++) {
        bp__str_printf(s, "## %s\n\n", f[i].title);
        if (f[i].file[0])
            bp__str_printf(s, "Source: %s\n\n", f[i].file);
        for (int k = 0; k < f[i].n; k++, count++)
            add_op(s, f[i].ops[k], ops_h, core_h);
    }
    if (count != BP__N_OPS - 1)
        stop("an op of the table has no family in ops.def", "");
    while (s->len && s->s[s->len - 1] == '\n' && s->s[s->len - 2] == '\n')
        s->s[--s->len] = '\0';
    free(def);
    free(ops_h);
    free(core_h);
}

static int check_page(const char *root, const bp__str *s)
{
    char *have = slurp(root, "doc/ops.md");
    size_t line = 1, i = 0;
    for (; have[i] && have[i] == s->s[i]; i++)
        line += have[i] == '\n';
    bool same = !have[i] && i == s->len;
    if (!same)
        printf("doc/ops.md:%zu: stale; build the target ops_doc to write it "
               "anew\n", line);
    free(have);
    return same ? 0 : 1;
}

int main(int argc, char **argv)
{
    bool check = argc == 3 && strcmp(argv[2], "--check") == 0;
    if (argc != 2 && !check)
        stop("usage: gen_ops_doc SOURCE_DIR [--check]", "");
    bp__str s;
    bp__str_init(&s, &bp__malloc_allocator);
    add_page(&s, argv[1]);
    if (s.failed)
        stop("out of memory", "");
    int rc = 0;
    if (check)
        rc = check_page(argv[1], &s);
    else if (fwrite(s.s, 1, s.len, stdout) != s.len)
        stop("cannot write", "");
    bp__str_free(&s);
    return rc;
}
