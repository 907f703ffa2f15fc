/* bprop help [COMMAND] */
#include "cli.h"

#include <bprop/inspect.h>

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

const char *cli_help_topic(int i)
{
    return i < N_TABLES ? tables[i].word : NULL;
}

static int print(bp_status st)
{
    bp_error err = {.status = st};
    return st ? cli_fail(&err) : EXIT_FINE;
}

static int run_help(const cli_args *a)
{
    if (!a->n_operands) {
        cli_print_usage(stdout);
        return EXIT_FINE;
    }
    const char *word = a->operands[0];
    if (!strcmp(word, "keys"))
        return print(bp_config_print_keys(cli_write, stdout));
    if (!strcmp(word, "man"))
        return cli_print_man();
    if (!strcmp(word, "bash"))
        return cli_print_bash();
    for (int i = 0; i < N_TABLES; i++)
        if (!strcmp(word, tables[i].word))
            return print(bp_nn_print_table(tables[i].table, cli_write,
                                           stdout));
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
