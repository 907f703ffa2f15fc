/* bprop help [COMMAND] */
#include "cli.h"

#include <string.h>

static int run_help(const cli_args *a)
{
    if (!a->n_operands) {
        cli_print_usage(stdout);
        return EXIT_FINE;
    }
    const char *word = a->operands[0];
    for (int i = 0; i < cli_n_commands; i++)
        if (!strcmp(word, cli_commands[i]->name)) {
            cli_print_help(cli_commands[i], stdout);
            return EXIT_FINE;
        }
    const char *near = cli_nearest_command(word);
    cli_complain("unknown command '%s'%s%s%s; `bprop help` lists them", word,
                 near ? " (did you mean '" : "", near ? near : "",
                 near ? "'?)" : "");
    return EXIT_USAGE;
}

const cli_command cli_help = {
    .name = "help",
    .operands = "[COMMAND]",
    .summary = "explain a command",
    .details = "",
    .max_operands = 1,
    .run = run_help,
};
