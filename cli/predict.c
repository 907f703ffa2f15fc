/* bprop predict RUN INPUT... */
#include "cli.h"

#include "fmt/array.h"
#include "fmt/json.h"

typedef struct predictor {
    const cli_args *a;
    cli_model *m;
    bp__task_steps steps;
    bool classes; /* outputs are scores of classes */
    const bp__source_samples *samples; /* that are predicted */
} predictor;

static const bp__source_config *source_of(const predictor *q)
{
    return &q->m->config->source;
}

/* The sample's scores in f64: probabilities where the loss defines them. */
static int64_t read_scores(const bp_step *p, int64_t rows, int64_t row,
                           double *to, int64_t room)
{
    bp_array y = {.bytes = 0};
    if (!bp_step_output(p, "probability", &y))
        bp_step_output(p, "output", &y);
    int64_t n = (int64_t)(y.bytes / bp_dtype_bytes(y.dtype)) / rows;
    if (!y.data || n > room)
        return 0;
    for (int64_t i = 0; i < n; i++)
        to[i] = bp__array_number(&y, row * n + i);
    return n;
}

static int64_t best_of(const double *x, int64_t n)
{
    int64_t best = 0;
    if (n == 1)
        return x[0] > 0.5;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

static void print_json(const predictor *q, int64_t sample, const double *x,
                       int64_t n)
{
    const bp__source_samples *from = q->samples;
    char buf[40];
    bp__str s;
    bp__json_writer w;
    bp__str_init(&s, NULL);
    bp__jw_init(&w, &s);
    bp__jw_object(&w, NULL);
    bp__jw_string(&w, "input", from->path);
    if (from->name)
        bp__jw_string(&w, "file", from->name[sample]);
    else
        bp__jw_int(&w, from->line ? "line" : "sample",
                   from->line ? from->line[sample] : sample);
    if (q->classes) {
        int64_t k = best_of(x, n);
        bp__jw_int(&w, "class", k);
        bp__jw_string(&w, "label", cli_class_name(q->m, k, buf));
        bp__jw_double(&w, "probability", n > 1 || k ? x[n > 1 ? k : 0]
                                                    : 1 - x[0]);
    }
    bp__jw_array(&w, q->classes ? "probabilities" : "output");
    for (int64_t i = 0; i < n; i++)
        bp__jw_double(&w, NULL, x[i]);
    bp__jw_end_array(&w);
    bp__target_units u;
    bool named = !q->classes && n > 1 && n == bp__source_n_units(source_of(q));
    if (named)
        bp__jw_array(&w, "targets");
    for (int64_t i = 0; i < n && named; i++)
        if (bp__source_units(source_of(q), i, &u))
            bp__jw_string(&w, NULL, u.name);
    if (named)
        bp__jw_end_array(&w);
    bp__jw_end_object(&w);
    if (!s.failed)
        printf("%s\n", s.s);
    bp__str_free(&s);
}

/* Up to two runners-up that are worth a thought. */
static void print_others(const predictor *q, const double *x, int64_t n,
                         int64_t best)
{
    int64_t last = best;
    char buf[40], text[BP__CELL_BYTES];
    for (int shown = 0; n > 2 && shown < 2; shown++) {
        int64_t next = -1;
        for (int64_t i = 0; i < n; i++) {
            bool later = x[i] < x[last] || (x[i] == x[last] && i > last);
            if (later && x[i] >= 0.005 && (next < 0 || x[i] > x[next]))
                next = i;
        }
        if (next < 0) {
            printf("%s", shown ? ")" : "");
            return;
        }
        printf("%s%s %.2f %%", shown ? ", " : "   (or ",
               bp__text_cell(text, cli_class_name(q->m, next, buf), 0, 200),
               100 * x[next]);
        last = next;
    }
    printf("%s", n > 2 ? ")" : "");
}

/* With its name where a table has several targets. */
static void print_number(const predictor *q, double x, int64_t i, int64_t n)
{
    bp__target_units u;
    if (n > 1 && n == bp__source_n_units(source_of(q)) &&
        bp__source_units(source_of(q), i, &u))
        printf("  %s", u.name);
    printf(" %.6g", x);
}

static void print_text(const predictor *q, int64_t sample, const double *x,
                       int64_t n)
{
    char buf[40], text[BP__CELL_BYTES];
    const bp__source_samples *from = q->samples;
    if (from->name)
        printf("%s", from->name[sample]);
    else
        printf("%s:%lld", from->path,
               (long long)(from->line ? from->line[sample] : sample));
    if (!q->classes) {
        for (int64_t i = 0; i < n; i++)
            print_number(q, x[i], i, n);
        printf("\n");
        return;
    }
    int64_t k = best_of(x, n);
    printf("  %s  %.2f %%",
           bp__text_cell(text, cli_class_name(q->m, k, buf), 0, 200),
           100 * (n > 1 || k ? x[n > 1 ? k : 0] : 1 - x[0]));
    print_others(q, x, n, k);
    printf("\n");
}

/* Numbers that were scaled for training. */
static void unscale(const predictor *q, double *x, int64_t n)
{
    bp__target_units u;
    for (int64_t i = 0; i < n && bp__source_units(source_of(q), i, &u); i++)
        x[i] = x[i] / u.factor + u.center;
}

static bp_status predict_batch(predictor *q, const bp_batch *b, bp_error *err)
{
    enum { ROOM = 100000 };
    static double scores[ROOM]; /* of the command, not of the library */
    bp_step *p;
    bp_status st = bp__task_steps_run(&q->steps, BP_TASK_PREDICT, b, &p, err);
    for (int64_t r = 0; r < b->count && !st; r++) {
        int64_t n = read_scores(p, b->count, r, scores, ROOM);
        if (!n)
            return bp__error(err, BP_ELIMIT, "the output has more than %d "
                             "numbers a sample", ROOM);
        unscale(q, scores, n);
        if (q->a->given & OPT_JSON)
            print_json(q, b->sample[r], scores, n);
        else
            print_text(q, b->sample[r], scores, n);
    }
    return st;
}

static bp_status check_inputs(const predictor *q, const bp_data *d,
                              const char *file, bp_error *err)
{
    bp_data_report report = {0};
    bp_data_expect e = {.size = sizeof e, .n_inputs = q->m->n_inputs};
    for (size_t i = 0; i < q->m->n_inputs; i++) {
        bp_nn_io io;
        bp__task_input(&q->m->config->task, i, &io);
        e.rank[i] = io.rank;
        memcpy(e.dims[i], io.dims, sizeof io.dims);
        e.input_dtype[i] = io.dtype;
    }
    bp_status st = bp_data_check(d, &e, file, &report);
    if (st)
        bp__error(err, st, "%s", report.text);
    return st;
}

static bp_status predict_samples(void *user, const bp__source_samples *s,
                                 bp_error *err)
{
    predictor *q = user;
    bp_loader *l = NULL;
    bp_loader_options o = {.size = sizeof o, .batch = 256};
    bp__task_loader(&q->m->config->task, &o);
    for (size_t i = 0; i < q->m->n_inputs; i++)
        o.norm[i] = q->m->norm[i];
    cli_print_notes(q->m);
    q->samples = s;
    bp_status st = check_inputs(q, s->data, s->path, err);
    if (!st)
        st = bp_loader_new(s->data, &o, &l, err);
    int64_t n = st ? 0 : bp_loader_batches(l);
    for (int64_t i = 0; i < n && !st; i++) {
        bp_batch b;
        st = bp_loader_next(l, &b, err);
        if (!st)
            st = predict_batch(q, &b, err);
    }
    bp_loader_free(l);
    return st;
}

static void tell_unreadable(void *user, const char *message)
{
    (void)user;
    fflush(stdout);
    cli_complain("%s", message);
}

static bp_status predict_files(predictor *q, const char *const *files,
                               bp_error *err)
{
    bp__source_reader to = {predict_samples, tell_unreadable, q};
    bp__config_shapes(q->m->config);
    return bp__source_inputs(&q->m->config->source, files, q->m->n_inputs, &to,
                             err);
}

static int run_predict(const cli_args *a)
{
    cli_model m;
    bp_store *s = NULL;
    bp_error err = {0};
    int rc = cli_open(a, a->operands[0], &m);
    if (rc != EXIT_FINE)
        return rc;
    if (!m.run || (size_t)(a->n_operands - 1) % m.n_inputs) {
        if (!m.run)
            cli_complain("'%s' is a model file; predict wants a run folder, "
                         "as `bprop train` makes them", m.name);
        else
            cli_complain("this model has %zu inputs: give %zu files for each "
                         "set of samples", m.n_inputs, m.n_inputs);
        cli_close(&m);
        return EXIT_USAGE;
    }
    rc = cli_open_store(a, &m, &s);
    predictor q = {.a = a, .m = &m, .classes = cli_is_classifier(&m)};
    if (rc == EXIT_FINE) {
        cli_set_steps(a, &m, &q.steps, s);
        for (int i = 1; i < a->n_operands && rc == EXIT_FINE;
             i += (int)m.n_inputs)
            if (predict_files(&q, a->operands + i, &err))
                rc = cli_fail(&err);
        bp__task_steps_free(&q.steps);
    }
    bp_store_free(s);
    cli_close(&m);
    return rc;
}

const cli_command cli_predict = {
    .name = "predict",
    .operands = "RUN INPUT...",
    .summary = "labels with probabilities, or outputs, for new samples",
    .details = "INPUT is a .npy array or an IDX file (also .gz) of samples; a "
               "picture, or a folder or archive\nof them; or a table for a run "
               "on tables: then the number behind the colon is the line.\n"
               "With --json: one object a sample and line.",
    .options = OPT_MODEL | OPT_WEIGHTS | OPT_JSON,
    .min_operands = 2,
    .max_operands = CLI_MAX_OPERANDS,
    .run = run_predict,
};
