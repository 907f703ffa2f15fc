/* Opening what a command works on: a model file, a shipped model by its name,
 * or a run folder; its data, weights and normalization. */
#define _POSIX_C_SOURCE 200809L /* isatty */
#include "cli.h"

#include "base/file.h"

#include <bprop/inspect.h>

#include <unistd.h>

static int model_problems(const cli_model *m, const bp_error *err)
{
    const char *problems = m->config ? bp_config_problems(m->config) : "";
    fflush(stdout);
    if (*problems)
        fprintf(stderr, "%s\n", problems);
    else if (strchr(err->message, ':') && m->config &&
             !strncmp(err->message, m->name, strlen(m->name)))
        fprintf(stderr, "%s\n", err->message); /* it says where by itself */
    else
        cli_complain("%s", err->message);
    return EXIT_USAGE;
}

static void show_decoding(void *user, int64_t done, int64_t all)
{
    char a[40], b[40];
    (void)user;
    if (!isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\rdecoding pictures: %s of %s", cli_count_text(a, done),
            cli_count_text(b, all));
    if (all - done < 256)
        fprintf(stderr, "\r%60s\r", "");
}

static bp_status load_config(const cli_args *a, const char *what, cli_model *m,
                             bp_error *err)
{
    const char *path = what ? what : "digits";
    bp_config_options o = {.size = sizeof o, .n_sets = (size_t)a->n_sets,
                           .set = a->sets};
    size_t bytes;
    bool exists = what && cli_exists(what);
    m->name = path;
    const char *text = exists ? NULL : cli_shipped_model(path, &bytes);
    if (text)
        return bp_config_parse(path, text, bytes, &o, &m->config, err);
    const char *kind = exists ? bp_path_noun(path) : NULL;
    bool folder = kind && !strcmp(kind, "a folder");
    if (folder)
        m->run = what;
    if (kind && (!strcmp(kind, "a table") || !strcmp(kind, "an archive")))
        return bp__error(err, BP_EARG, "'%s' is %s, not a model file; `bprop "
                         "new %s` drafts one for it", path, kind, path);
    if (kind && !folder && strcmp(kind, "a model file"))
        return bp__error(err, BP_EARG, "'%s' is %s, not a model file or a run",
                         path, kind);
    bp_status st = bp_config_open(path, &o, &m->config, err);
    if (st == BP_ENOTFOUND && folder)
        bp__error(err, st, "'%s' is not a run: it has no config.yaml (if it "
                  "holds pictures, `bprop new %s` drafts a model file)", what,
                  what);
    else if (st == BP_ENOTFOUND)
        bp__error(err, st, "no file or run '%s', and no shipped model of this "
                  "name (`bprop models` lists those)", path);
    return st;
}

/* What is decoded stands beside the runs that use it. */
void cli_set_cache(cli_model *m, const char *run)
{
    char folder[1100];
    const char *slash = run ? strrchr(run, '/') : NULL;
    if (slash && !slash[1]) /* "runs/x/" */
        while (slash > run && *--slash != '/')
            ;
    if (run && slash && slash != run)
        bp__snprintf(folder, sizeof folder, "%.*s", (int)(slash - run), run);
    else
        bp__snprintf(folder, sizeof folder, "%s", run ? "." : "runs");
    bp_config_set_cache(m->config, folder, show_decoding, NULL);
}

/* Names that --no-pass or --no-kernel may hold. */
static size_t known_names(bool kernels, const char **names, size_t room)
{
    size_t n = 0;
    const char *name;
    names[n++] = "all";
    for (size_t i = 0; n < room; i++) {
        name = kernels ? bp_kernel_name(i) : bp_pass_name(i);
        if (!name)
            break;
        names[n++] = name;
    }
    return n;
}

static int check_list(const char *option, const char *list, bool kernels)
{
    const char *names[200];
    char word[80];
    size_t n = known_names(kernels, names, BP__ARRAY_LEN(names));
    for (const char *p = list; p && *p;) {
        size_t len = strcspn(p, ",");
        bool known = false;
        bp__snprintf(word, sizeof word, "%.*s", (int)(len < 79 ? len : 79), p);
        for (size_t i = 0; i < n; i++)
            known |= !strcmp(word, names[i]);
        if (!known) {
            char buf[BP__NEAR_BYTES];
            const char *near = bp__near_text(word, names, n, "' or '", buf);
            bp__str all;
            bp__str_init(&all, NULL);
            for (size_t i = 0; i < n; i++)
                bp__str_printf(&all, "%s%s", i ? ", " : "", names[i]);
            cli_complain("%s: unknown name '%s'%s%s%s; known: %s", option,
                         word, near ? " (did you mean '" : "",
                         near ? near : "", near ? "'?)" : "",
                         all.len ? all.s : "");
            bp__str_free(&all);
            return EXIT_USAGE;
        }
        p += len + (p[len] == ',');
    }
    return EXIT_FINE;
}

int cli_open(const cli_args *a, const char *what, cli_model *m)
{
    bp_error err = {0};
    *m = (cli_model){0};
    if (check_list("--no-pass", a->no_pass, false) ||
        check_list("--no-kernel", a->no_kernel, true))
        return EXIT_USAGE;
    if (load_config(a, what, m, &err)) {
        int rc = model_problems(m, &err);
        cli_close(m);
        return rc;
    }
    cli_set_cache(m, m->run);
    bp_runtime_options o = {.size = sizeof o, .threads = a->threads,
                            .level = a->level};
    int rc = EXIT_FINE;
    cli_data d;
    if (bp_config_needs_data(m->config)) {
        rc = cli_open_data(a, m, 0, false, &d); /* learns its columns */
        if (rc != EXIT_FINE) {
            cli_close(m);
            return rc;
        }
    }
    if (bp_config_check(m->config, &err))
        rc = model_problems(m, &err);
    else if (bp_runtime_new(&o, &m->runtime, &err))
        rc = cli_fail(&err) == EXIT_RUN && err.status != BP_ENOMEM
                 ? EXIT_USAGE
                 : EXIT_RUN;
    m->n_inputs = bp_model_input_count(bp_config_task(m->config)->model);
    if (rc == EXIT_FINE && m->run && bp_config_fit(m->config, NULL, &err))
        rc = cli_fail(&err);
    if (rc != EXIT_FINE)
        cli_close(m);
    return rc;
}

void cli_close(cli_model *m)
{
    bp_runtime_free(m->runtime);
    bp_config_free(m->config);
    *m = (cli_model){0};
}

void cli_print_notes(cli_model *m)
{
    const char *notes = bp_config_notes(m->config);
    if (!notes)
        return;
    fflush(stdout);
    fprintf(stderr, "%s\n", notes);
    bp_config_clear_notes(m->config); /* once */
}

int cli_open_data(const cli_args *a, cli_model *m, unsigned wanted, bool must,
                  cli_data *d)
{
    bp_error err = {0};
    memset(d, 0, sizeof *d);
    for (int s = 0; s < BP_N_SPLITS && must; s++)
        if ((wanted & (1u << s)) &&
            !bp_config_has_split(m->config, (bp_split)s)) {
            cli_complain("%s names no data.%s", m->name,
                         bp_split_name((bp_split)s));
            return EXIT_USAGE;
        }
    if (!bp_config_open_data(m->config, a->data, wanted, d->split, &err)) {
        cli_print_notes(m);
        return EXIT_FINE;
    }
    if (err.status == BP_ENOTFOUND && !a->data && !bp_config_dir(m->config))
        cli_complain("%s\n(where is the data? --data FOLDER says it)",
                     err.message);
    else
        cli_fail(&err);
    return EXIT_RUN;
}

void cli_close_data(cli_data *d)
{
    for (int s = 0; s < BP_N_SPLITS; s++)
        bp_data_free(d->split[s]);
    memset(d, 0, sizeof *d);
}

int cli_assume_target(cli_model *m)
{
    bp_error err = {0};
    return bp_config_assume_target(m->config, &err) ? cli_fail(&err)
                                                    : EXIT_FINE;
}

int cli_open_store(const cli_args *a, const cli_model *m, bp_store **s)
{
    bp_error err = {0};
    return bp_config_open_store(m->config, a->weights_last, s, &err)
               ? cli_fail(&err)
               : EXIT_FINE;
}

int cli_open_predictor(const cli_args *a, cli_model *m, bp_predictor **p)
{
    bp_error err = {0};
    bp_predictor_options o = {.size = sizeof o, .runtime = m->runtime,
                              .last = a->weights_last, .no_pass = a->no_pass,
                              .no_kernel = a->no_kernel};
    return bp_predictor_new(m->config, &o, p, &err) ? cli_fail(&err)
                                                    : EXIT_FINE;
}

bp_compile_options cli_compile_options(const cli_args *a)
{
    return (bp_compile_options){.size = sizeof(bp_compile_options),
                                .no_pass = a->no_pass,
                                .no_kernel = a->no_kernel};
}

int cli_norms(cli_model *m, bp_data *d)
{
    bp_error err = {0};
    return bp_config_fit(m->config, d, &err) ? cli_fail(&err) : EXIT_FINE;
}

void cli_set_loader(const cli_model *m, bp_loader_options *o)
{
    const bp_task *t = bp_config_task(m->config);
    bp_nn_io io;
    o->dtype = t->dtype;
    for (size_t i = 0; bp_task_get_input(t, i, &io); i++) {
        o->norm[i] = bp_config_norm(m->config, i);
        o->input_dtype[i] = io.dtype;
    }
}

const char *cli_class_name(const bp_config *c, int64_t k, char *buf)
{
    const char *name = bp_config_class_name(c, k);
    if (name)
        return name;
    bp__snprintf(buf, 40, "%lld", (long long)k);
    return buf;
}

int cli_with_training_data(const cli_args *a, cli_use_data *use)
{
    cli_model m;
    cli_data d;
    bp_store *s = NULL;
    bp_error err = {0};
    int rc = cli_open(a, a->n_operands ? a->operands[0] : NULL, &m);
    if (rc != EXIT_FINE)
        return rc;
    if (a->given[OPT_DTYPE] && bp_config_set_dtype(m.config, a->dtype, &err))
        rc = cli_fail(&err);
    if (rc == EXIT_FINE)
        rc = cli_open_data(a, &m, 1u << BP_SPLIT_TRAIN, true, &d);
    if (rc == EXIT_FINE) {
        bp_data *train = d.split[BP_SPLIT_TRAIN];
        rc = cli_norms(&m, train);
        if (rc == EXIT_FINE)
            rc = cli_open_store(a, &m, &s);
        if (rc == EXIT_FINE && use(a, &m, train, s, &err))
            rc = cli_fail(&err);
        bp_store_free(s);
        cli_close_data(&d);
    }
    cli_close(&m);
    return rc;
}
