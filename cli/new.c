/* bprop new PATH */
#include "cli.h"

#include "source/table_draft.h"
#include "source/arrays_draft.h"
#include "source/pictures_draft.h"

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

static int refuse_kind(const char *path)
{
    static const struct {
        const char *end, *what;
    } others[] = {{".png", "one picture: a set has a folder for each class"},
                  {".jpg", "one picture: a set has a folder for each class"},
                  {"-ubyte", "an IDX file: data: {train: {idx: ...}} names it"},
                  {"-ubyte.gz",
                   "an IDX file: data: {train: {idx: ...}} names it"},
                  {".yaml", "a model file: `bprop train` takes it"}};
    size_t n = strlen(path);
    for (size_t i = 0; i < BP__ARRAY_LEN(others); i++) {
        size_t k = strlen(others[i].end);
        if (n > k && !strcmp(path + n - k, others[i].end)) {
            cli_complain("'%s' is %s; `bprop new` looks at tables, "
                         "pictures and arrays", path,
                         others[i].what);
            return EXIT_USAGE;
        }
    }
    return EXIT_FINE;
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

static int new_table(const cli_args *a, const char *file)
{
    bp_error err = {0};
    bp__draft d;
    bp__draft_options o = {.path = a->operands[0], .test = a->test,
                           .target = a->target, .task = a->task};
    bp__str found, text;
    if (bp__draft_look(&o, &d, &err))
        return look_failed(&err);
    bp__str_init(&found, NULL);
    bp__str_init(&text, NULL);
    bp__draft_describe(&d, &found);
    bp__draft_write(&d, &o, &text);
    bp__draft_free(&d);
    return give_draft(&found, &text, file);
}

static int new_pictures(const cli_args *a, const char *file)
{
    bp_error err = {0};
    bp__picture_draft d;
    bp__str found, text;
    if (a->given & (OPT_TARGET | OPT_TASK)) {
        cli_complain("'%s' holds pictures: their folders are the classes; "
                     "--target and --task are for tables", a->operands[0]);
        return EXIT_USAGE;
    }
    if (bp__picture_draft_look(a->operands[0], a->test, &d, &err))
        return look_failed(&err);
    bp__str_init(&found, NULL);
    bp__str_init(&text, NULL);
    bp__picture_draft_describe(&d, &found);
    bp__picture_draft_write(&d, &text);
    bp__picture_draft_free(&d);
    return give_draft(&found, &text, file);
}

static bool are_arrays(const char *path)
{
    const char *kind = cli_file_kind(path);
    return kind && (!strcmp(kind, CLI_ARRAY) || !strcmp(kind, CLI_ARRAYS));
}

static int new_arrays(const cli_args *a, const char *file)
{
    bp_error err = {0};
    bp__array_draft d;
    bp__str found, text;
    if (a->given & OPT_TASK) {
        cli_complain("'%s': --task is for tables; an array's type says what "
                     "it is: whole numbers are classes", a->operands[0]);
        return EXIT_USAGE;
    }
    if (bp__array_draft_look(a->operands[0], a->target, a->test, &d, &err))
        return look_failed(&err);
    bp__str_init(&found, NULL);
    bp__str_init(&text, NULL);
    bp__array_draft_describe(&d, &found);
    bp__array_draft_write(&d, &text);
    bp__array_draft_free(&d);
    return give_draft(&found, &text, file);
}

/* A folder, an archive, or a folder in one. */
static bool are_pictures(const char *path)
{
    bp__fs_info info;
    return (!bp__file_stat(NULL, path, &info, NULL) && info.is_dir) ||
           cli_is_archive(path);
}

static int run_new(const cli_args *a)
{
    char buf[300];
    const char *file = a->out, *path = a->operands[0];
    if (!file) {
        choose_file(path, buf, sizeof buf);
        file = buf;
    }
    int rc = refuse_kind(path);
    if (rc == EXIT_FINE && !(a->given & OPT_FORCE) &&
        bp__file_exists(NULL, file)) {
        cli_complain("'%s' is there already: --force replaces it, --out FILE "
                     "takes another name", file);
        rc = EXIT_USAGE;
    }
    if (rc != EXIT_FINE)
        return rc;
    if (are_arrays(path))
        return new_arrays(a, file);
    return are_pictures(path) ? new_pictures(a, file) : new_table(a, file);
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
