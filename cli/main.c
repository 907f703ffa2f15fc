/* bprop: picks the subcommand. */
#include "cli.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/base.h"

#include <string.h>

const cli_command *const cli_commands[] = {
    &cli_train, &cli_new,  &cli_eval,   &cli_predict, &cli_check,  &cli_grad,
    &cli_explain, &cli_lr,
    &cli_show,  &cli_ops,  &cli_models, &cli_help,    &cli_version,
};
const int cli_n_commands = sizeof cli_commands / sizeof cli_commands[0];

/* A heap for each thread would only take address space, 64 MiB each: threads
 * that train allocate nothing. */
static void use_one_heap(void)
{
#ifdef M_ARENA_MAX
    mallopt(M_ARENA_MAX, 1);
#endif
}

int main(int argc, char **argv)
{
    use_one_heap();
    if (argc < 2) {
        cli_print_usage(stderr);
        return EXIT_USAGE;
    }
    const char *word = argv[1];
    if (!strcmp(word, "--help") || !strcmp(word, "-h"))
        word = "help";
    if (!strcmp(word, "--version") || !strcmp(word, "-V"))
        word = "version";
    for (int i = 0; i < cli_n_commands; i++) {
        const cli_command *c = cli_commands[i];
        if (strcmp(word, c->name))
            continue;
        static cli_args args; /* large; this is the program, not the library */
        int rc = cli_parse(c, argc - 2, argv + 2, &args);
        if (rc != EXIT_FINE)
            return rc;
        if (args.given[OPT_HELP]) {
            cli_print_help(c, stdout);
            return EXIT_FINE;
        }
        rc = c->run(&args);
        if (fflush(stdout) || ferror(stdout)) {
            cli_complain("cannot write to standard output");
            return rc ? rc : EXIT_RUN;
        }
        return rc;
    }
    char buf[BP__NEAR_BYTES];
    const char *near = cli_nearest_command(word, buf);
    cli_complain("unknown command '%s'%s%s%s; `bprop help` lists them", word,
                 near ? " (did you mean '" : "", near ? near : "",
                 near ? "'?)" : "");
    return EXIT_USAGE;
}
