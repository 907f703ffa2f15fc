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

static int failed(const bp_error *err)
{
    int rc = cli_fail(err);
    return err->status == BP_EARG ? EXIT_USAGE : rc;
}

/* Prints what was found, writes the file. */
static int draft(const cli_args *a, const char *file)
{
    bp_error err = {0};
    bp_draft *d = NULL;
    bp_draft_options o = {.size = sizeof o, .test = a->test,
                          .target = a->target, .task = a->task};
    if (bp_draft_look(a->operands[0], &o, &d, &err))
        return failed(&err);
    const char *text = bp_draft_text(d);
    printf("%s", bp_draft_found(d));
    int rc = cli_write_file(file, text, strlen(text));
    if (rc == EXIT_FINE)
        printf("\nthe model file is %s; train it with\n  bprop train %s\n",
               file, file);
    bp_draft_free(d);
    return rc;
}

static int run_new(const cli_args *a)
{
    char buf[300];
    const char *file = a->out, *path = a->operands[0];
    bp_error err = {0};
    if (!file) {
        choose_file(path, buf, sizeof buf);
        file = buf;
    }
    if (bp_draft_can(path, &err))
        return failed(&err);
    if (!a->given[OPT_FORCE] && cli_exists(file)) {
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
    .options = OPTIONS(OPT_TARGET, OPT_TEST, OPT_TASK, OPT_OUT, OPT_FORCE),
    .min_operands = 1,
    .max_operands = 1,
    .run = run_new,
};
