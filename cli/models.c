/* bprop models [NAME]: the models that come with the command. */
#include "cli.h"

#include <string.h>

typedef struct shipped_model {
    const char *name;
    const unsigned char *text;
    size_t bytes;
} shipped_model;

#include "models.inc"

enum { N_SHIPPED = sizeof shipped_models / sizeof shipped_models[0] };

const char *cli_shipped_model(const char *name, size_t *bytes)
{
    size_t n = strlen(name);
    for (int i = 0; i < N_SHIPPED; i++) {
        const shipped_model *m = &shipped_models[i];
        bool same = !strcmp(m->name, name);
        if (!same && n > 5 && !strcmp(name + n - 5, ".yaml"))
            same = strlen(m->name) == n - 5 && !strncmp(m->name, name, n - 5);
        if (!same)
            continue;
        *bytes = m->bytes;
        return (const char *)m->text;
    }
    return NULL;
}

const char *cli_shipped_name(int i)
{
    return i < N_SHIPPED ? shipped_models[i].name : NULL;
}

/* The first line, which is a comment that says what the model is. */
static void print_summary(const shipped_model *m)
{
    const char *s = (const char *)m->text;
    size_t n = strcspn(s, "\n");
    while (n && (*s == '#' || *s == ' '))
        s++, n--;
    printf("%-26s %.*s\n", m->name, (int)n, s);
}

static int run_models(const cli_args *a)
{
    if (!a->n_operands) {
        for (int i = 0; i < N_SHIPPED; i++)
            print_summary(&shipped_models[i]);
        return EXIT_FINE;
    }
    size_t bytes;
    const char *text = cli_shipped_model(a->operands[0], &bytes);
    if (text) {
        fwrite(text, 1, bytes, stdout);
        return EXIT_FINE;
    }
    const char *names[N_SHIPPED];
    for (int i = 0; i < N_SHIPPED; i++)
        names[i] = shipped_models[i].name;
    char buf[BP__NEAR_BYTES];
    const char *near = bp__near_text(a->operands[0], names, N_SHIPPED,
                                     "' or '", buf);
    cli_complain("no model '%s'%s%s%s; `bprop models` lists them",
                 a->operands[0], near ? " (did you mean '" : "",
                 near ? near : "", near ? "'?)" : "");
    return EXIT_USAGE;
}

const cli_command cli_models = {
    .name = "models",
    .operands = "[NAME]",
    .summary = "list the models that come with bprop, or print one",
    .details = "A model of this list may be named wherever a FILE is wanted; "
               "`bprop models NAME >my.yaml`\nis a start for one of your own.",
    .max_operands = 1,
    .run = run_models,
};
