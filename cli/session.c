/* Opening what a command works on: a model file, a shipped model by its name,
 * or a run folder; its data, weights and normalization. */
#define _POSIX_C_SOURCE 200809L /* isatty */
#include "cli.h"

#include "lower/lower.h"

#include <unistd.h>

static int model_problems(const cli_model *m, const bp_error *err)
{
    const bp__config *c = m->config;
    fflush(stdout);
    if (c && c->problems.len)
        fprintf(stderr, "%s\n", c->problems.s);
    else if (strchr(err->message, ':') && c &&
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
    const char *const *sets = a->sets;
    size_t n = (size_t)a->n_sets, bytes;
    const char *path = what ? what : "digits";
    bp__fs_info info;
    bool exists = what && !bp__file_stat(NULL, what, &info, NULL);
    m->name = path;
    if (exists && info.is_dir) {
        char *file = bp__path_join(&bp__malloc_allocator, what, "config.yaml");
        bp_status st = BP_ENOMEM;
        if (!file)
            return bp__oom(err);
        m->run = what;
        if (bp__file_exists(NULL, file))
            st = bp__config_load(NULL, file, sets, n, &m->config, err);
        else
            st = bp__error(err, BP_ENOTFOUND, "'%s' is not a run: it has no "
                           "config.yaml (if it holds pictures, `bprop new %s` "
                           "drafts a model file)", what, what);
        bp__strfree(&bp__malloc_allocator, file);
        return st;
    }
    const char *text = exists ? NULL : cli_shipped_model(path, &bytes);
    if (text)
        return bp__config_parse(path, text, bytes, sets, n, &m->config, err);
    const char *kind = exists ? cli_file_kind(path) : NULL;
    if (kind && (!strcmp(kind, CLI_TABLE) || !strcmp(kind, CLI_ARCHIVE)))
        return bp__error(err, BP_EARG, "'%s' is %s, not a model file; `bprop "
                         "new %s` drafts one for it", path, kind, path);
    if (kind && strcmp(kind, CLI_MODEL_FILE))
        return bp__error(err, BP_EARG, "'%s' is %s, not a model file or a run",
                         path, kind);
    bp_status st = bp__config_load(NULL, path, sets, n, &m->config, err);
    if (st == BP_ENOTFOUND)
        bp__error(err, st, "no file or run '%s', and no shipped model of this "
                  "name (`bprop models` lists those)", path);
    return st;
}

/* What is decoded stands beside the runs that use it. */
void cli_set_cache(cli_model *m, const char *run)
{
    const char *slash = run ? strrchr(run, '/') : NULL;
    if (slash && !slash[1]) /* "runs/x/" */
        while (slash > run && *--slash != '/')
            ;
    if (run)
        m->config->source.cache =
            !slash || slash == run
                ? "."
                : bp__arena_printf(&m->config->arena, "%.*s",
                                   (int)(slash - run), run);
    else
        m->config->source.cache = "runs";
    m->config->source.progress = show_decoding;
}

/* Names that --no-pass or --no-kernel may hold. */
static size_t known_names(bool kernels, const char **names, size_t room)
{
    size_t n = 0;
    names[n++] = "all";
    for (size_t i = 0; !kernels && bp__pass_names[i] && n < room; i++)
        names[n++] = bp__pass_names[i];
    if (kernels)
        names[n++] = "chain";
    for (int i = 0; kernels && i < 2 * BP__N_OPS; i++) {
        const bp__kernel *const *k =
            i < 2 ? NULL : bp__kernels_of_op((bp__op)(i / 2), i % 2);
        for (; k && *k && n < room; k++)
            names[n++] = (*k)->name;
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
    bp__config_data d;
    if (bp__config_needs_data(m->config)) {
        rc = cli_open_data(a, m, 0, false, &d); /* learns its columns */
        if (rc != EXIT_FINE) {
            cli_close(m);
            return rc;
        }
    }
    if (bp__config_check_model(m->config, &err))
        rc = model_problems(m, &err);
    else if (bp_runtime_new(&o, &m->runtime, &err))
        rc = cli_fail(&err) == EXIT_RUN && err.status != BP_ENOMEM
                 ? EXIT_USAGE
                 : EXIT_RUN;
    m->n_inputs = bp_model_input_count(m->config->model);
    if (rc == EXIT_FINE && m->run &&
        bp__source_get_fitted(&m->config->source, m->n_inputs, m->norm, &err))
        rc = cli_fail(&err);
    if (rc != EXIT_FINE)
        cli_close(m);
    return rc;
}

void cli_close(cli_model *m)
{
    for (size_t i = 0; i < BP_MAX_INPUTS; i++)
        bp_norm_free(m->norm[i]);
    bp_runtime_free(m->runtime);
    bp__config_free(m->config);
    *m = (cli_model){0};
}

void cli_print_notes(cli_model *m)
{
    bp__source_config *s = &m->config->source;
    if (!s->notes)
        return;
    fflush(stdout);
    fprintf(stderr, "%s\n", s->notes);
    s->notes = NULL; /* once */
}

int cli_open_data(const cli_args *a, cli_model *m, unsigned wanted, bool must,
                  bp__config_data *d)
{
    bp_error err = {0};
    memset(d, 0, sizeof *d);
    for (int s = 0; s < BP__N_SPLITS && must; s++)
        if ((wanted & (1u << s)) && !m->config->has_data[s]) {
            cli_complain("%s names no data.%s", m->name,
                         bp_split_name((bp_split)s));
            return EXIT_USAGE;
        }
    if (!bp__config_open(m->config, a->data, wanted, d, &err)) {
        cli_print_notes(m);
        return EXIT_FINE;
    }
    if (err.status == BP_ENOTFOUND && !a->data && !m->config->source.dir)
        cli_complain("%s\n(where is the data? --data FOLDER says it)",
                     err.message);
    else
        cli_fail(&err);
    return EXIT_RUN;
}

bool cli_is_classifier(const cli_model *m)
{
    const bp_task *t = &m->config->task;
    bp__arena ar;
    bp__spec *loss = NULL;
    bp_error err;
    bp__arena_init(&ar, NULL);
    bool head = !bp__spec_parse(&ar, BP_NN_LOSSES, t->loss, &loss, &err) &&
                loss->row->head == BP__HEAD_SOFTMAX;
    bp__arena_free(&ar);
    return head || (t->metrics && strstr(t->metrics, "accuracy"));
}

int cli_assume_target(cli_model *m)
{
    static const int64_t one[1] = {1}; /* class_weights: balanced are all 1 */
    bp_error err = {0};
    bp_task *t = &m->config->task;
    bp_store *s = bp_store_new(NULL);
    if (!t->class_count) {
        t->class_count = one;
        t->n_class_counts = 1;
    }
    bp__type out;
    if (t->target.rank || t->target.dtype == BP_I32) {
        bp_store_free(s);
        return EXIT_FINE; /* the data has said it */
    }
    bp_status st = s ? bp__task_output(t, s, &bp__malloc_allocator, &out, &err)
                     : bp__oom(&err);
    bp_store_free(s);
    if (st)
        return cli_fail(&err);
    t->n_train = t->n_train ? t->n_train : 10000; /* for l2(lambda) */
    if (cli_is_classifier(m)) { /* a class for each row of the last axis */
        t->target.dtype = BP_I32;
        t->target.rank = out.rank > 2 ? out.rank - 2 : 0;
        memcpy(t->target.dims, out.dims + 1,
               (size_t)t->target.rank * sizeof out.dims[0]);
        return EXIT_FINE;
    }
    t->target.dtype = t->dtype;
    t->target.rank = out.rank - 1;
    memcpy(t->target.dims, out.dims + 1,
           (size_t)(out.rank - 1) * sizeof out.dims[0]);
    return EXIT_FINE;
}

/* The type of the numbers in a run's files. */
static bp_dtype run_dtype(const cli_model *m)
{
    const bp__ynode *t = bp__yaml_at(m->config->resolved, "train.dtype");
    return t && !strcmp(t->text, "f64") ? BP_F64 : BP_F32;
}

/* Weights of a run in a store of the other type, for programs of that. */
static bp_status load_converted(const cli_model *m, bp_store *to,
                                const char *path, bp_error *err)
{
    bp_task t = m->config->task;
    bp__type out;
    t.dtype = run_dtype(m);
    bp_store *s = bp_store_new(NULL);
    bp_status st = s ? bp__task_output(&t, s, &bp__malloc_allocator, &out, err)
                     : bp__oom(err);
    if (!st)
        st = bp_store_load(s, path, BP_KINDS_WEIGHTS, err);
    for (size_t i = 0; !st && i < bp_store_count(s); i++) {
        bp_var_info v;
        bp_store_info(s, i, &v);
        int64_t k = bp_store_find(to, v.name);
        if (k < 0 || !(BP_KIND(v.kind) & BP_KINDS_WEIGHTS))
            continue;
        const void *x = bp_store_read(s, i);
        void *y = bp_store_data(to, (size_t)k);
        for (size_t j = 0; j < v.bytes / bp_dtype_bytes(v.dtype); j++)
            if (v.dtype == BP_F32)
                ((double *)y)[j] = (double)((const float *)x)[j];
            else
                ((float *)y)[j] = (float)((const double *)x)[j];
    }
    bp_store_free(s);
    return st;
}

int cli_open_store(const cli_args *a, const cli_model *m, bp_store **s)
{
    bp_error err = {0};
    bp__type out;
    *s = bp_store_new(NULL);
    bp_status st = *s ? bp__task_output(&m->config->task, *s,
                                        &bp__malloc_allocator, &out, &err)
                      : bp__oom(&err);
    if (!st && m->run) {
        char *path = bp__path_join(&bp__malloc_allocator, m->run,
                                   a->weights_last ? "last.safetensors"
                                                   : "best.safetensors");
        if (!path)
            st = bp__oom(&err);
        else if (m->config->task.dtype != run_dtype(m))
            st = load_converted(m, *s, path, &err);
        else
            st = bp_store_load(*s, path, BP_KINDS_WEIGHTS, &err);
        bp__strfree(&bp__malloc_allocator, path);
    }
    if (!st)
        return EXIT_FINE;
    bp_store_free(*s);
    *s = NULL;
    return cli_fail(&err);
}

void cli_set_steps(const cli_args *a, const cli_model *m, bp__task_steps *k,
                   bp_store *s)
{
    bp__task_steps_init(k, &bp__malloc_allocator, &m->config->task, s,
                        m->runtime);
    k->no_pass = a->no_pass;
    k->no_kernel = a->no_kernel;
    k->shards = m->config->train.shards;
    k->grad_norm = true;
}

int cli_norms(cli_model *m, bp_data *d)
{
    bp_error err = {0};
    for (size_t i = 0; i < m->n_inputs; i++)
        if (!m->norm[i] && bp__task_norm(&m->config->task, d, i,
                                         m->config->train.normalize, NULL,
                                         &m->norm[i], &err))
            return cli_fail(&err);
    return EXIT_FINE;
}

const char *cli_class_name(const cli_model *m, int64_t k, char *buf)
{
    const bp_task *t = &m->config->task;
    if (k < t->n_classes)
        return t->class_name[k];
    bp__snprintf(buf, 40, "%lld", (long long)k);
    return buf;
}

int cli_with_training_data(const cli_args *a, cli_use_data *use)
{
    cli_model m;
    bp__config_data d;
    bp_store *s = NULL;
    bp_error err = {0};
    int rc = cli_open(a, a->n_operands ? a->operands[0] : NULL, &m);
    if (rc != EXIT_FINE)
        return rc;
    if (a->given & OPT_DTYPE)
        m.config->task.dtype = a->dtype;
    rc = cli_open_data(a, &m, 1u << BP_SPLIT_TRAIN, true, &d);
    if (rc == EXIT_FINE) {
        bp_data *train = d.split[BP_SPLIT_TRAIN];
        rc = cli_norms(&m, train);
        if (rc == EXIT_FINE)
            rc = cli_open_store(a, &m, &s);
        if (rc == EXIT_FINE && use(a, &m, train, s, &err))
            rc = cli_fail(&err);
        bp_store_free(s);
        bp__config_close(&d);
    }
    cli_close(&m);
    return rc;
}
