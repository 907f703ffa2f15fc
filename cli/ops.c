/* bprop ops [NAME] [--backward]: the op table, and what a row says. */
#include "cli.h"

#include "config/yaml.h"
#include "ir/ir.h"
#include "xform/xform.h"

static const bp__opdef *find_row(const char *name)
{
    bp__op op = bp__op_find(name);
    if (op != BP__OP_NONE)
        return bp__ops[op];
    const char *names[BP__N_OPS];
    size_t n = 0;
    for (int i = 1; i < BP__N_OPS; i++)
        names[n++] = bp__ops[i]->name;
    char buf[BP__NEAR_BYTES];
    const char *near = bp__near_text(name, names, n, "' or '", buf);
    cli_complain("unknown op '%s'%s%s%s; `bprop ops` lists them", name,
                 near ? " (did you mean '" : "", near ? near : "",
                 near ? "'?)" : "");
    return NULL;
}

static int list_ops(void)
{
    for (int i = 1; i < BP__N_OPS; i++) {
        const bp__opdef *d = bp__ops[i];
        printf("%-22s %s %s\n", d->name,
               d->flags & BP__COMPOSITE ? "composite" : "primitive", d->sig);
    }
    return EXIT_FINE;
}

static void print_row(const bp__opdef *d)
{
    static const char *const states[] = {"no", "yes", "not written yet"};
    static const struct {
        uint32_t bit;
        const char *text;
    } flags[] = {
        {BP__ELEMWISE, "elementwise"}, {BP__COMMUTES, "commutes"},
        {BP__ALIAS_IN0, "may run in place"}, {BP__RANDOM, "random"},
        {BP__FAULTS, "tests its indices"}, {BP__COMPOSITE, "composite"},
        {BP__VIEW, "a view"}, {BP__LEAF, "a leaf"}, {BP__LINEAR, "linear"},
    };
    printf("%s %s\n%s\n\n", d->name, d->sig, d->doc);
    int n = d->n_in == BP__VARIADIC ? 1 : d->n_in;
    for (int i = 0; i < n; i++)
        printf("gradient of input %d%s: %s\n", i,
               d->n_in == BP__VARIADIC ? " and the others" : "",
               states[d->diff[i] <= BP__UNIMPL ? d->diff[i] : 0]);
    printf("properties:");
    const char *sep = " ";
    for (size_t i = 0; i < BP__ARRAY_LEN(flags); i++)
        if (d->flags & flags[i].bit) {
            printf("%s%s", sep, flags[i].text);
            sep = ", ";
        }
    printf("%s\nattributes:", sep[0] == ' ' ? " none" : "");
    if (!d->attrs || !d->attrs->name)
        printf(" none");
    for (const bp__attrdef *at = d->attrs; at && at->name; at++)
        printf("%s%s", at == d->attrs ? " " : ", ", at->name);
    printf("\n");
}

/* The op on the operands of its row's first test case. */
static bool emit_case(bp_graph *g, bp__op op, bp_val *in, int *n_in,
                      bp_val *out)
{
    const bp__opdef *d = bp__ops[op];
    const bp__case *c = &d->cases[0];
    int64_t rows = c->n_in && c->in[0].rank ? c->in[0].dims[0] : 1;
    char name[16];
    if (c->varying)
        bp_graph_set_shard(g, 1, rows, rows);
    *n_in = c->n_in;
    for (int i = 0; i < c->n_in; i++) {
        const bp__tin *t = &c->in[i];
        bp__snprintf(name, sizeof name, "x%d", i);
        in[i] = c->varying ? bp_batch_input(g, name, (bp_dtype)t->dtype,
                                            t->rank, t->dims)
                           : bp_input(g, name, (bp_dtype)t->dtype, t->rank,
                                      t->dims);
        bp_set_name(g, in[i], name);
    }
    bp__emit(g, op, c->attrs, c->n_in, in, out);
    return bp__ok(g);
}

/* Keeps all nodes but the generated backward ones. */
static bool keep_all_but_backward(void *user, const bp_graph *g, size_t node)
{
    (void)user;
    return g->nodes[node].op != BP__OP_backward;
}

static bool keep_others(void *user, const bp_graph *g, size_t node)
{
    return g->nodes[node].op != *(const bp__op *)user;
}

static void emit_gradient(bp_graph *g, const bp__opdef *d, const bp_val *in,
                          int n_in, const bp_val *out)
{
    bp_val y[BP__MAX_OUT], dy[BP__MAX_OUT], wrt[BP__MAX_IN], dx[BP__MAX_IN];
    size_t n_y = 0, n_wrt = 0;
    char name[24];
    for (int k = 0; k < d->n_out; k++) {
        bp__type t = *bp__type_of(g, out[k]);
        if (!bp__is_float(t.dtype))
            continue;
        bp__snprintf(name, sizeof name, "dy%d", k);
        y[n_y] = out[k];
        dy[n_y++] = t.varying
                        ? bp_batch_input(g, name, BP_F32, t.rank, t.dims)
                        : bp_input(g, name, BP_F32, t.rank, t.dims);
    }
    for (int i = 0; i < n_in; i++)
        if (d->diff[d->n_in == BP__VARIADIC ? 0 : i] == BP__DIFF)
            wrt[n_wrt++] = in[i];
    bp_vjp(g, y, dy, n_y, wrt, n_wrt, dx);
    for (size_t i = 0; i < n_wrt && bp__ok(g); i++) {
        bp__snprintf(name, sizeof name, "dx%zu", i);
        if (!bp_is_nil(dx[i]))
            bp_output(g, name, dx[i]);
    }
}

static int print_case(const bp__opdef *d, bp__op op, bool backward)
{
    bp_graph *g = bp_graph_new(NULL), *shown = NULL;
    bp_val in[BP__MAX_IN], out[BP__MAX_OUT];
    int n_in = 0, rc = EXIT_RUN;
    bool differentiable = false;
    for (int i = 0; i < BP__MAX_IN; i++)
        differentiable |= d->diff[i] == BP__DIFF;
    if (backward && !differentiable) {
        cli_complain("%s has no gradient", d->name);
        rc = EXIT_USAGE;
    } else if (g && emit_case(g, op, in, &n_in, out)) {
        if (backward)
            emit_gradient(g, d, in, n_in, out);
        else
            for (int k = 0; k < d->n_out; k++)
                bp_output(g, k ? "y1" : "y0", out[k]);
        shown = bp__pass_expand(g, backward ? keep_all_but_backward
                                            : keep_others, &op);
        if (shown && bp__ok(shown) && backward) {
            bp_graph *dead = shown;
            shown = bp__pass_dce(dead);
            bp_graph_free(dead);
        }
        if (shown && bp__ok(shown) &&
            !bp_graph_print(shown, cli_write, stdout))
            rc = EXIT_FINE;
        else
            cli_complain("%s", bp_graph_error(shown ? shown : g));
    } else {
        cli_complain("%s", g ? bp_graph_error(g) : "out of memory");
    }
    bp_graph_free(shown);
    bp_graph_free(g);
    return rc;
}

static int run_ops(const cli_args *a)
{
    if (!a->n_operands) {
        if (!(a->given & OPT_BACKWARD))
            return list_ops();
        cli_complain("--backward needs the name of an op");
        return EXIT_USAGE;
    }
    const bp__opdef *d = find_row(a->operands[0]);
    if (!d)
        return EXIT_USAGE;
    bp__op op = bp__op_find(d->name);
    if (a->given & OPT_BACKWARD) {
        if (d->n_cases && !(d->flags & BP__LEAF))
            return print_case(d, op, true);
        cli_complain("%s has no gradient", d->name);
        return EXIT_USAGE;
    }
    print_row(d);
    if (!(d->flags & BP__COMPOSITE) || !d->n_cases)
        return EXIT_FINE;
    printf("\ndefinition, on a small case:\n");
    return print_case(d, op, false);
}

const cli_command cli_ops = {
    .name = "ops",
    .operands = "[NAME]",
    .summary = "list the operations, or print one's row and definition",
    .details = "With --backward: the gradient that is generated from the "
               "definition, as a graph.",
    .options = OPT_BACKWARD,
    .max_operands = 1,
    .run = run_ops,
};
