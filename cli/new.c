/* bprop new PATH */
#include "cli.h"

#include "config/draft.h"

static const char *base_of(const char *path)
{
    const char *s = strrchr(path, '/');
    return s ? s + 1 : path;
}

/* NAME.yaml in this folder, for data/NAME.csv.gz. */
static void choose_file(const char *path, char *buf, size_t bytes)
{
    const char *base = base_of(path);
    size_t n = strcspn(base, ".");
    bp__snprintf(buf, bytes, "%.*s.yaml", (int)(n ? n : strlen(base)), base);
}

static int refuse_kind(const char *path)
{
    static const struct {
        const char *end, *what;
    } others[] = {{".npy", "an array: data: {train: {npy: ...}} names it"},
                  {"-ubyte", "an IDX file: data: {train: {idx: ...}} names it"},
                  {"-ubyte.gz",
                   "an IDX file: data: {train: {idx: ...}} names it"},
                  {".yaml", "a model file: `bprop train` takes it"}};
    size_t n = strlen(path);
    bp__fs_info info;
    if (!bp__file_stat(NULL, path, &info, NULL) && info.is_dir) {
        cli_complain("'%s' is a folder; `bprop new` looks at tables", path);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < BP__ARRAY_LEN(others); i++) {
        size_t k = strlen(others[i].end);
        if (n > k && !strcmp(path + n - k, others[i].end)) {
            cli_complain("'%s' is %s; `bprop new` looks at tables", path,
                         others[i].what);
            return EXIT_USAGE;
        }
    }
    return EXIT_FINE;
}

static int write_draft(const cli_args *a, const bp__draft *d,
                       const bp__draft_options *o, const char *file)
{
    bp_error err = {0};
    bp__str s;
    bp__str_init(&s, NULL);
    bp__draft_describe(d, &s);
    if (!s.failed)
        printf("%s", s.s);
    bp__str_free(&s);
    bp__str_init(&s, NULL);
    bp__draft_write(d, o, &s);
    bp_status st = s.failed ? bp__oom(&err)
                            : bp__file_write(NULL, &bp__malloc_allocator, file,
                                             s.s, s.len, &err);
    bp__str_free(&s);
    if (st)
        return cli_fail(&err);
    printf("\nthe model file is %s; train it with\n  bprop train %s\n", file,
           file);
    (void)a;
    return EXIT_FINE;
}

static int run_new(const cli_args *a)
{
    char buf[300];
    bp_error err = {0};
    bp__draft d;
    const char *file = a->out;
    bp__draft_options o = {.path = a->operands[0], .test = a->test,
                           .target = a->target, .task = a->task};
    if (!file) {
        choose_file(o.path, buf, sizeof buf);
        file = buf;
    }
    int rc = refuse_kind(o.path);
    if (rc == EXIT_FINE && !(a->given & OPT_FORCE) &&
        bp__file_exists(NULL, file)) {
        cli_complain("'%s' is there already: --force replaces it, --out FILE "
                     "takes another name", file);
        rc = EXIT_USAGE;
    }
    if (rc != EXIT_FINE)
        return rc;
    if (bp__draft_look(&o, &d, &err))
        return cli_fail(&err) == EXIT_RUN && err.status == BP_EARG
                   ? EXIT_USAGE
                   : EXIT_RUN;
    rc = write_draft(a, &d, &o, file);
    bp__draft_free(&d);
    return rc;
}

const cli_command cli_new = {
    .name = "new",
    .operands = "PATH",
    .summary = "look at data and draft a model file that fits it",
    .details =
        "PATH is a table: CSV, with semicolons, tabs or bars too, plain or "
        ".gz. It is shown how the\ncolumns are understood; the model file, "
        "NAME.yaml unless --out gives another, has a network,\na loss and "
        "parts for validation and test. Without --target the last column is "
        "the target.",
    .options = OPT_TARGET | OPT_TEST | OPT_TASK | OPT_OUT | OPT_FORCE,
    .min_operands = 1,
    .max_operands = 1,
    .run = run_new,
};
