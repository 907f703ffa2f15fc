/* bprop help [COMMAND] */
#include "cli.h"

#include <string.h>

static const struct {
    const char *word;
    bp_nn_table table;
} tables[] = {
    {"layers", BP_NN_LAYERS},         {"losses", BP_NN_LOSSES},
    {"metrics", BP_NN_METRICS},       {"penalties", BP_NN_PENALTIES},
    {"optimizers", BP_NN_OPTIMIZERS}, {"schedules", BP_NN_SCHEDULES},
    {"initializers", BP_NN_INITS},    {"groups", BP_NN_GROUPS},
};
enum { N_TABLES = sizeof tables / sizeof tables[0] };

/* `bprop help keys`: all keys of a model file. */
static int help_keys(void)
{
    bp__str s;
    bp__str_init(&s, NULL);
    bp__schema_describe(&bp__config_key, "", &s);
    fputs(s.failed ? "" : s.s, stdout);
    bp__str_free(&s);
    return EXIT_FINE;
}

/* `bprop help layers`: a table of nn. */
static int help_table(bp_nn_table table)
{
    size_t n;
    char buf[300];
    const bp__kinddef *rows = bp__kinds(table, &n);
    for (size_t i = 0; i < n; i++) {
        printf("%-22s %s\n", rows[i].name, bp__kind_doc(&rows[i], buf));
        for (const bp__argdef *d = rows[i].args; d && d->name; d++)
            printf("    %-18s %s%s; %s\n", d->name, bp__arg_expects(d, buf),
                   d->required ? "; needed" : "", d->doc);
    }
    return EXIT_FINE;
}

const char *cli_help_topic(int i)
{
    return i < N_TABLES ? tables[i].word : NULL;
}

static int run_help(const cli_args *a)
{
    if (!a->n_operands) {
        cli_print_usage(stdout);
        return EXIT_FINE;
    }
    const char *word = a->operands[0];
    if (!strcmp(word, "keys"))
        return help_keys();
    if (!strcmp(word, "man"))
        return cli_print_man();
    if (!strcmp(word, "bash"))
        return cli_print_bash();
    for (int i = 0; i < N_TABLES; i++)
        if (!strcmp(word, tables[i].word))
            return help_table(tables[i].table);
    for (int i = 0; i < cli_n_commands; i++)
        if (!strcmp(word, cli_commands[i]->name)) {
            cli_print_help(cli_commands[i], stdout);
            return EXIT_FINE;
        }
    const char *names[64] = {"keys", "man", "bash"};
    char buf[BP__NEAR_BYTES];
    size_t n = 3;
    for (int i = 0; i < N_TABLES; i++)
        names[n++] = tables[i].word;
    for (int i = 0; i < cli_n_commands && n < 64; i++)
        names[n++] = cli_commands[i]->name;
    const char *near = bp__near_text(word, names, n, "' or '", buf);
    cli_complain("unknown command '%s'%s%s%s; `bprop help` lists them", word,
                 near ? " (did you mean '" : "", near ? near : "",
                 near ? "'?)" : "");
    return EXIT_USAGE;
}

const cli_command cli_help = {
    .name = "help",
    .operands = "[COMMAND|keys|layers|losses|optimizers|...]",
    .summary = "explain a command, or what a model file may hold",
    .details = "`bprop help keys` lists the keys of a model file; layers, "
               "losses, metrics, penalties,\noptimizers, schedules, groups "
               "and initializers list what may stand there. man and bash "
               "print the manual page\nand the completion that are installed.",
    .max_operands = 1,
    .run = run_help,
};
