/* bprop ops [NAME] [--backward]: the op table, and what a row says. */
#include "cli.h"

#include <bprop/inspect.h>

/* -1, with a complaint, where there is none. */
static int find_row(const char *name)
{
    const char *names[256];
    bp_op_info info;
    size_t n = 0;
    int op = bp_op_find(name);
    if (op >= 0)
        return op;
    for (int i = 0; n < 256 && bp_op_get(i, &info); i++)
        names[n++] = info.name;
    char buf[BP__NEAR_BYTES];
    const char *near = bp__near_text(name, names, n, "' or '", buf);
    cli_complain("unknown op '%s'%s%s%s; `bprop ops` lists them", name,
                 near ? " (did you mean '" : "", near ? near : "",
                 near ? "'?)" : "");
    return -1;
}

static int list_ops(void)
{
    bp_op_info d;
    for (int i = 0; bp_op_get(i, &d); i++)
        printf("%-22s %s %s\n", d.name,
               d.composite ? "composite" : "primitive", d.signature);
    return EXIT_FINE;
}

static void print_list(const char *what, const char *const *list, int n)
{
    printf("%s:", what);
    for (int i = 0; i < n; i++)
        printf("%s%s", i ? ", " : " ", list[i]);
    printf("%s\n", n ? "" : " none");
}

static void print_row(const bp_op_info *d)
{
    static const char *const states[] = {"no", "yes", "not written yet"};
    printf("%s %s\n%s\n\n", d->name, d->signature, d->doc);
    int n = d->n_inputs < 0 ? 1 : d->n_inputs;
    for (int i = 0; i < n; i++)
        printf("gradient of input %d%s: %s\n", i,
               d->n_inputs < 0 ? " and the others" : "",
               states[d->gradient[i]]);
    print_list("properties", d->property, d->n_properties);
    print_list("attributes", d->attribute, d->n_attributes);
}

static int run_ops(const cli_args *a)
{
    bp_error err = {0};
    bp_op_info d;
    if (!a->n_operands) {
        if (!a->given[OPT_BACKWARD])
            return list_ops();
        cli_complain("--backward needs the name of an op");
        return EXIT_USAGE;
    }
    int op = find_row(a->operands[0]);
    if (!bp_op_get(op, &d))
        return EXIT_USAGE;
    if (!a->given[OPT_BACKWARD]) {
        print_row(&d);
        if (!d.composite)
            return EXIT_FINE;
        printf("\ndefinition, on a small case:\n");
    }
    bp_status st = bp_op_print(op, a->given[OPT_BACKWARD], cli_write, stdout,
                               &err);
    return st ? cli_fail(&err) : EXIT_FINE;
}

const cli_command cli_ops = {
    .name = "ops",
    .operands = "[NAME]",
    .summary = "list the operations, or print one's row and definition",
    .details = "With --backward: the gradient that is generated from the "
               "definition, as a graph.",
    .options = OPTIONS(OPT_BACKWARD),
    .max_operands = 1,
    .run = run_ops,
};
