/* bprop explain FILE|RUN: one training step, with every number; and what
 * `bprop show --features` draws. */
#include "cli.h"

#include "base/file.h"

#include <bprop/explain.h>

static int put(void *user, const char *text, size_t bytes)
{
    bp__writer_put(user, text, bytes);
    return 0;
}

static bp_status write_page(const cli_args *a, const bp_explain *e,
                            bp_error *err)
{
    bp__writer w;
    bp_status st = bp__writer_open(&w, NULL, &bp__malloc_allocator, a->html);
    if (!st)
        st = bp_explain_html(e, a->language, put, &w);
    if (st) {
        bp__writer_abort(&w);
        return bp__error(err, st, "%s", *w.error.message
                                            ? w.error.message
                                            : bp_status_text(st));
    }
    st = bp__writer_commit(&w, err);
    if (!st)
        printf("the page is in %s: open it in a browser\n", a->html);
    return st;
}

static bp_status show_explained(const cli_args *a, const bp_explain *e,
                               bp_error *err)
{
    if (a->html)
        return write_page(a, e, err);
    bp_status st = bp_explain_text(e, a->language, cli_write, stdout);
    return st ? bp__error(err, st, "%s", bp_status_text(st)) : BP_OK;
}

static bp_status one_batch(const cli_args *a, cli_model *m, bp_data *d,
                           bp_loader **l, bp_batch *b, bp_error *err)
{
    bp_loader_options o = {.size = sizeof o, .batch = 1};
    int64_t sample = a->sample >= 0 ? a->sample : 0;
    cli_set_loader(m, &o);
    bp_status st = bp_loader_new(d, &o, l, err);
    if (!st && sample >= bp_data_count(d))
        st = bp__error(err, BP_ERANGE, "--sample %lld: there are %lld "
                       "samples", (long long)sample,
                       (long long)bp_data_count(d));
    if (!st)
        st = bp_loader_seek(*l, 0, sample, err);
    return st ? st : bp_loader_next(*l, b, err);
}

static int add_text(void *user, const char *text, size_t bytes)
{
    bp__str_add(user, text, bytes);
    return 0;
}

static bp_status draw_features(const cli_args *a, cli_model *m, bp_data *d,
                               bp_store *s, bp_error *err)
{
    bp_loader *l = NULL;
    bp_batch b;
    int64_t width, height;
    bp__str legend;
    bp__str_init(&legend, NULL);
    bp_status st = one_batch(a, m, d, &l, &b, err);
    if (!st)
        st = bp_features_draw(bp_config_task(m->config), s, m->runtime,
                              b.input, a->features, &width, &height, add_text,
                              &legend, err);
    if (!st)
        printf("%s: %lld x %lld pixels; blue is positive, red negative\n%s",
               a->features, (long long)width, (long long)height,
               legend.s ? legend.s : "");
    bp__str_free(&legend);
    bp_loader_free(l);
    return st;
}

static bp_status explain(const cli_args *a, cli_model *m, bp_data *d,
                         bp_store *s, bp_error *err)
{
    bp_loader *l = NULL;
    bp_batch b;
    bp_explain *e = NULL;
    char command[400];
    const bp_trainer_options *t = bp_config_trainer(m->config);
    int64_t batch = t->batch ? t->batch : 64;
    int64_t per_epoch = (bp_data_count(d) + batch - 1) / batch;
    int64_t steps = per_epoch * (t->epochs ? t->epochs : 1);
    bp__snprintf(command, sizeof command, "bprop train %s", m->name);
    bp_explain_options o = {
        .size = sizeof o, .runtime = m->runtime, .no_pass = a->no_pass,
        .no_kernel = a->no_kernel, .title = m->name,
        .sample = a->sample >= 0 ? a->sample : 0,
        .command = m->run ? NULL : command, .trained = m->run != NULL,
        .adapted = !m->run && t->init_from,
        .batch = batch, .steps_per_epoch = per_epoch,
        .steps = t->steps && t->steps < steps ? t->steps : steps};
    bp_status st = one_batch(a, m, d, &l, &b, err);
    for (size_t i = 0; !st && i < b.n_inputs; i++)
        o.input[i] = b.input[i];
    if (!st)
        o.target = b.target;
    if (!st)
        st = bp_explain_new(bp_config_task(m->config), s, &o, &e, err);
    if (!st)
        st = show_explained(a, e, err);
    bp_explain_free(e);
    bp_loader_free(l);
    return st;
}

/* `article`, unless there is a file of this name. */
static bool wants_article(const cli_args *a)
{
    return !strcmp(a->operands[0], "article") &&
           !bp__file_exists(NULL, "article");
}

static int run_article(const cli_args *a)
{
    static const cli_opt fits[] = {OPT_LANG, OPT_HTML, OPT_THREADS, OPT_LEVEL,
                                   OPT_END};
    bp_runtime_options ro = {.size = sizeof ro, .threads = a->threads,
                             .level = a->level};
    bp_explain_options o = {.size = sizeof o, .title = "article"};
    bp_explain *e = NULL;
    bp_error err = {0};
    bool fit = true;
    for (int k = 0; k < N_OPTS; k++)
        fit &= !a->given[k] || cli_option_in(fits, (cli_opt)k);
    if (!fit) {
        cli_complain("`bprop explain article` runs the article's own program: "
                     "of the options it takes --lang, --html, --threads and "
                     "--level");
        return EXIT_USAGE;
    }
    bp_status st = bp_runtime_new(&ro, &o.runtime, &err);
    if (!st)
        st = bp_explain_article(&o, 0, &e, &err);
    if (!st)
        st = show_explained(a, e, &err);
    bp_explain_free(e);
    bp_runtime_free(o.runtime);
    return st ? cli_fail(&err) : EXIT_FINE;
}

static int run_explain(const cli_args *a)
{
    return wants_article(a) ? run_article(a) : cli_with_training_data(a, explain);
}

int cli_features(const cli_args *a)
{
    return cli_with_training_data(a, draw_features);
}

const cli_command cli_explain = {
    .name = "explain",
    .operands = "FILE|RUN|article",
    .summary = "walk through one training step: formulas and every number",
    .details = "One sample forward, backward by the chain rule, and the "
               "update, layer by layer: what training\nforms is read from its "
               "program, and a finite difference stands beside each "
               "gradient.\nA FILE starts from its initial weights, a RUN from "
               "its best ones. `bprop explain article` runs the article's own "
               "program,\nand says what it can and cannot learn.",
    .options = OPTIONS(OPT_MODEL, OPT_DATA, OPT_SAMPLE, OPT_DTYPE, OPT_WEIGHTS,
                       OPT_LANG, OPT_HTML),
    .min_operands = 1,
    .max_operands = 1,
    .run = run_explain,
};
