/* Every row of the op table keeps its contract: complete, consistent with its
 * flags, with test cases that are accepted, a builder in a public header, and
 * a gradient for every differentiable input or an entry in UNIMPL. */
#include "op/cases.h"
#include "op/eval.h"
#include "t.h"

#include <ctype.h>

/* Rows whose builder is not in ops.h under the row's name. */
static const struct {
    const char *op, *header, *builder, *why;
} builders[] = {
    {"input", "bprop.h", "bp_input(", "a leaf"},
    {"const", "bprop.h", "bp_const(", "a leaf"},
    {"variable", "bprop.h", "bp_variable(", "a leaf"},
    {"backward", "bprop.h", "bp_grad(", "made by the gradient transform"},
};

static char *read_text(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    static char buf[1 << 17];
    size_t n = fread(buf, 1, sizeof buf - 1, f);
    fclose(f);
    T_CHECKF(n < sizeof buf - 1, "%s is too long for this test", path);
    buf[n] = '\0';
    return buf;
}

static void check_header(const char *file, const char *builder)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/include/bprop/%s", BPROP_SOURCE_DIR,
             file);
    char *text = read_text(path);
    T_REQUIRE(text != NULL);
    size_t n = strlen(builder);
    bool found = false;
    for (char *p = text; (p = strstr(p, builder)) && !found; p += n)
        found = p == text || !(isalnum((unsigned char)p[-1]) || p[-1] == '_');
    T_CHECKF(found, "%s has no %s", file, builder);
}

static void check_builder(const char *op)
{
    for (size_t i = 0; i < BP__ARRAY_LEN(builders); i++)
        if (strcmp(builders[i].op, op) == 0) {
            check_header(builders[i].header, builders[i].builder);
            return;
        }
    char want[100];
    snprintf(want, sizeof want, "bp_%s(", op);
    check_header("ops.h", want);
}

static void check_text(const bp__opdef *d, const char *name)
{
    T_CHECKF(d->name && strcmp(d->name, name) == 0, "row %s is called %s",
             name, d->name ? d->name : "nothing");
    T_CHECKF(d->sig && strstr(d->sig, "->") && d->sig[0] == '(',
             "%s: signature \"%s\"", name, d->sig ? d->sig : "");
    size_t n = d->doc ? strlen(d->doc) : 0;
    T_CHECKF(n > 10 && !strchr(d->doc, '\n'),
             "%s: the doc must be a sentence and a formula on one line: "
             "\"%s\"", name, d->doc ? d->doc : "");
}

static void check_parts(const bp__opdef *d)
{
    bool composite = d->flags & BP__COMPOSITE, leaf = d->flags & BP__LEAF;
    bool backward = d == bp__ops[BP__OP_backward], any = false;
    int n = d->n_in == BP__VARIADIC ? 1 : d->n_in;
    T_CHECKF(d->n_in == BP__VARIADIC || d->n_in <= BP__MAX_IN, "%s: n_in",
             d->name);
    T_CHECKF((d->n_out >= 1 && d->n_out <= BP__MAX_OUT) || backward,
             "%s: n_out", d->name);
    T_CHECKF(d->infer != NULL, "%s: no infer", d->name);
    for (int i = 0; i < n; i++) {
        T_CHECKF(d->diff[i] == BP__NONDIFF || d->diff[i] == BP__DIFF ||
                     d->diff[i] == BP__UNIMPL, "%s: diff[%d]", d->name, i);
        any |= d->diff[i] == BP__DIFF;
    }
    if (!backward) {
        T_CHECKF(!d->vjp == (composite || !any),
                 "%s: a vjp is for a primitive with a differentiable input",
                 d->name);
        T_CHECKF(!d->define == !composite, "%s: define is for composites",
                 d->name);
        T_CHECKF(!d->ref == (composite || leaf),
                 "%s: a kernel is for all but composites and leaves",
                 d->name);
        T_CHECKF((d->n_cases > 0) == !leaf, "%s: test cases", d->name);
    }
    T_CHECKF(!d->attrs == !d->attrs_bytes, "%s: attributes", d->name);
    for (const bp__attrdef *f = d->attrs; f && f->name; f++)
        T_CHECKF(f->offset < d->attrs_bytes, "%s: attribute %s", d->name,
                 f->name);
    if (d->flags & BP__ELEMWISE)
        T_CHECKF(!d->rows || d->rows == bp__rows_elemwise,
                 "%s: elementwise ops have the common row rule", d->name);
    if (d->flags & BP__COMMUTES)
        T_CHECKF(d->n_in == 2 && d->diff[0] == d->diff[1],
                 "%s: commutes, but its inputs differ", d->name);
    if (d->flags & BP__VIEW)
        T_CHECKF(d->flags & BP__ALIAS_IN0, "%s: a view works in place",
                 d->name);
}

static void check_case(bp__op op, int i, bp_dtype f)
{
    case_data d;
    bp_val in[CASE_MAX_IN], out[BP__MAX_OUT];
    bp_error err = {0};
    char text[120];
    int n_out;
    case_draw(&d, op, i, f, 1);
    T_CHECKF(d.c->n_in <= CASE_MAX_IN &&
                 (d.def->n_in == BP__VARIADIC || d.c->n_in == d.def->n_in),
             "%s: operands of case %d", d.def->name, i);
    T_CHECKF(!d.def->attrs == !d.c->attrs, "%s: attributes of case %d",
             d.def->name, i);
    bp_graph *g = case_graph(&d, in, out, &n_out);
    if (g) {
        const bp__node *n = &g->nodes[g->values[out[0].id].node];
        T_CHECKF(n->op == op, "%s: made a %s", case_text(&d, text),
                 bp__def_of(n)->name);
        T_CHECKF(!d.c->attrs || bp__attrs_equal(d.def, d.c->attrs, n->attrs),
                 "%s: the copied attributes differ", text);
        T_CHECKF(!d.c->attrs ||
                     bp__attrs_hash(d.def, d.c->attrs, 1) ==
                         bp__attrs_hash(d.def, n->attrs, 1),
                 "%s: the copied attributes hash otherwise", text);
        T_CHECKF(bp_graph_verify(g, &err) == BP_OK, "%s: %s", text,
                 err.message);
        bp_graph_free(g);
    }
    case_free(&d);
}

/* UNIMPL holds "op input" for each rule that is still to be written. */
static void check_unimplemented(void)
{
    char path[1000], list[4000] = "";
    size_t n = 0;
    for (int op = 1; op < BP__N_OPS; op++)
        for (int i = 0; i < BP__MAX_IN; i++)
            if (bp__ops[op]->diff[i] == BP__UNIMPL)
                n += (size_t)snprintf(list + n, sizeof list - n, "%s %d\n",
                                      bp__ops[op]->name, i);
    snprintf(path, sizeof path, "%s/tests/op/UNIMPL", BPROP_SOURCE_DIR);
    const char *text = read_text(path);
    T_CHECKF(text && strcmp(text, list) == 0,
             "tests/op/UNIMPL must read:\n%s", list);
}

int main(void)
{
    static const char *const names[] = {"",
#define BP__OP(name) #name,
#include "ir/ops.def"
#undef BP__OP
    };
    T_CHECK(bp__ops[BP__OP_NONE] == NULL);
    for (int op = 1; op < BP__N_OPS; op++) {
        const bp__opdef *d = bp__ops[op];
        check_text(d, names[op]);
        check_parts(d);
        check_builder(names[op]);
        T_CHECK(bp__op_find(names[op]) == (bp__op)op);
        for (int i = 0; i < d->n_cases; i++) {
            check_case((bp__op)op, i, BP_F32);
            check_case((bp__op)op, i, BP_F64);
        }
    }
    T_CHECK(bp__op_find("nothing") == BP__OP_NONE);
    check_unimplemented();
    return t_end();
}
