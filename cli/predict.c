/* bprop predict RUN INPUT... */
#include "cli.h"

#include "fmt/json.h"

typedef struct printer {
    const cli_args *a;
    const bp_predictor *p;
} printer;

/* Of a table with several targets, which one a number is. */
static const char *target_name(const printer *q, int64_t k, int64_t n)
{
    bp_target_units u;
    bool several = n > 1 && bp_predictor_target(q->p, n - 1, &u) &&
                   !bp_predictor_target(q->p, n, &u);
    return several && bp_predictor_target(q->p, k, &u) ? u.name : NULL;
}

static const char *class_text(const printer *q, int64_t k, char *buf)
{
    return cli_class_name(bp_predictor_config(q->p), k, buf);
}

static void print_json(const printer *q, const bp_answer *a)
{
    char buf[40];
    bp__str s;
    bp__json_writer w;
    bool classes = a->class_index >= 0;
    bp__str_init(&s, NULL);
    bp__jw_init(&w, &s);
    bp__jw_object(&w, NULL);
    bp__jw_string(&w, "input", a->path);
    if (a->name)
        bp__jw_string(&w, "file", a->name);
    else if (a->line)
        bp__jw_int(&w, "line", a->line);
    else
        bp__jw_int(&w, "sample", a->sample);
    if (classes) {
        bp__jw_int(&w, "class", a->class_index);
        bp__jw_string(&w, "label", class_text(q, a->class_index, buf));
        bp__jw_double(&w, "probability", a->probability);
    }
    bp__jw_array(&w, classes ? "probabilities" : "output");
    for (int64_t i = 0; i < a->n; i++)
        bp__jw_double(&w, NULL, a->value[i]);
    bp__jw_end_array(&w);
    if (!classes && target_name(q, 0, a->n)) {
        bp__jw_array(&w, "targets");
        for (int64_t i = 0; i < a->n; i++)
            bp__jw_string(&w, NULL, target_name(q, i, a->n));
        bp__jw_end_array(&w);
    }
    bp__jw_end_object(&w);
    if (!s.failed)
        printf("%s\n", s.s);
    bp__str_free(&s);
}

/* Up to two runners-up that are worth a thought. */
static void print_others(const printer *q, const bp_answer *a)
{
    int64_t last = a->class_index, n = a->n;
    const double *x = a->value;
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
               bp__text_cell(text, class_text(q, next, buf), 0, 200),
               100 * x[next]);
        last = next;
    }
    printf("%s", n > 2 ? ")" : "");
}

static void print_numbers(const printer *q, const bp_answer *a)
{
    for (int64_t i = 0; i < a->n; i++) {
        const char *name = target_name(q, i, a->n);
        if (name)
            printf("  %s", name);
        printf(" %.6g", a->value[i]);
    }
    printf("\n");
}

static void print_text(const printer *q, const bp_answer *a)
{
    char buf[40], text[BP__CELL_BYTES];
    if (a->name)
        printf("%s", a->name);
    else
        printf("%s:%lld", a->path,
               (long long)(a->line ? a->line : a->sample));
    if (a->class_index < 0) {
        print_numbers(q, a);
        return;
    }
    printf("  %s  %.2f %%",
           bp__text_cell(text, class_text(q, a->class_index, buf), 0, 200),
           100 * a->probability);
    print_others(q, a);
    printf("\n");
}

static int print_answer(void *user, const bp_answer *a)
{
    const printer *q = user;
    if (q->a->given[OPT_JSON])
        print_json(q, a);
    else
        print_text(q, a);
    return 0;
}

static void print_note(void *user, const char *text)
{
    (void)user;
    fflush(stdout);
    fprintf(stderr, "%s\n", text);
}

static void print_unreadable(void *user, const char *message)
{
    (void)user;
    cli_complain("%s", message);
}

static int predict(const cli_args *a, cli_model *m)
{
    bp_error err = {0};
    bp_predictor *p = NULL;
    printer q = {.a = a};
    bp_predict_files o = {.size = sizeof o, .answer = print_answer,
                          .note = print_note, .unreadable = print_unreadable,
                          .user = &q};
    int rc = cli_open_predictor(a, m, &p);
    int n = rc == EXIT_FINE ? (int)bp_predictor_input_count(p) : 1;
    q.p = p;
    for (int i = 1; i < a->n_operands && rc == EXIT_FINE; i += n)
        if (bp_predictor_files(p, a->operands + i, (size_t)n, &o, &err))
            rc = cli_fail(&err);
    bp_predictor_free(p);
    return rc;
}

static int run_predict(const cli_args *a)
{
    cli_model m;
    int rc = cli_open(a, a->operands[0], &m);
    if (rc != EXIT_FINE)
        return rc;
    if (!m.run) {
        cli_complain("'%s' is a model file; predict wants a run folder, as "
                     "`bprop train` makes them", m.name);
        rc = EXIT_USAGE;
    } else if ((size_t)(a->n_operands - 1) % m.n_inputs) {
        cli_complain("this model has %zu inputs: give %zu files for each set "
                     "of samples", m.n_inputs, m.n_inputs);
        rc = EXIT_USAGE;
    } else {
        rc = predict(a, &m);
    }
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
    .options = OPTIONS(OPT_MODEL, OPT_WEIGHTS, OPT_JSON),
    .min_operands = 2,
    .max_operands = CLI_MAX_OPERANDS,
    .run = run_predict,
};
