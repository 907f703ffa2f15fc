/* bprop new PATH */
#include "cli.h"

/* NAME.yaml in this folder, for data/NAME.csv.gz. */
static void choose_file(const char *path, char *buf, size_t bytes)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t from = end;
    while (from > 0 && path[from - 1] != '/')
        from--;
    const char *base = path + from;
    size_t n = strcspn(base, "./");
    if (n == 0) /* "." or a name that starts with it */
        bp__snprintf(buf, bytes, "model.yaml");
    else
        bp__snprintf(buf, bytes, "%.*s.yaml", (int)n, base);
}

/* Prints what was found, writes the file. */
static int give_draft(bp__str *found, bp__str *text, const char *file)
{
    bp_error err = {0};
    bp_status st = found->failed || text->failed
                       ? bp__oom(&err)
                       : bp__file_write(NULL, &bp__malloc_allocator, file,
                                        text->s, text->len, &err);
    if (!found->failed)
        printf("%s", found->s);
    bp__str_free(found);
    bp__str_free(text);
    if (st)
        return cli_fail(&err);
    printf("\nthe model file is %s; train it with\n  bprop train %s\n", file,
           file);
    return EXIT_FINE;
}

static int look_failed(const bp_error *err)
{
    return cli_fail(err) == EXIT_RUN && err->status == BP_EARG ? EXIT_USAGE
                                                               : EXIT_RUN;
}

static int draft(const cli_args *a, const char *file)
{
    static const char *const tasks[] = {NULL, "class", "number"};
    bp_error err = {0};
    bp__draft_options o = {.path = a->operands[0], .test = a->test,
                           .target = a->target, .task = tasks[a->task]};
    bp__str found, text;
    bp__str_init(&found, NULL);
    bp__str_init(&text, NULL);
    if (!bp__source_draft(&o, &found, &text, &err))
        return give_draft(&found, &text, file);
    bp__str_free(&found);
    bp__str_free(&text);
    return look_failed(&err);
}

static int run_new(const cli_args *a)
{
    char buf[300];
    const char *file = a->out, *path = a->operands[0];
    if (!file) {
        choose_file(path, buf, sizeof buf);
        file = buf;
    }
    bp_error err = {0};
    if (bp__source_can_draft(path, &err)) {
        cli_fail(&err);
        return EXIT_USAGE;
    }
    if (!(a->given & OPT_FORCE) && bp__file_exists(NULL, file)) {
        cli_complain("'%s' is there already: --force replaces it, --out FILE "
                     "takes another name", file);
        return EXIT_USAGE;
    }
    return draft(a, file);
}

const cli_command cli_new = {
    .name = "new",
    .operands = "PATH",
    .summary = "look at data and draft a model file that fits it",
    .details =
        "PATH is a table: CSV, with semicolons, tabs or bars too, plain or "
        ".gz; or pictures: a folder\nwith a folder for each class, or a .tar "
        "or .zip of it; or arrays: an .npz, or an .npy\nwith another for the "
        "targets (--target). It is shown how the data are understood; the "
        "model file,\nNAME.yaml unless --out gives another, has a network, a "
        "loss and parts for validation and test.\nOf a table the last column "
        "is the target, unless --target names one (or several numbers: a,b).",
    .options = OPT_TARGET | OPT_TEST | OPT_TASK | OPT_OUT | OPT_FORCE,
    .min_operands = 1,
    .max_operands = 1,
    .run = run_new,
};
