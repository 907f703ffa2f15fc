/* bprop eval RUN */
#include "cli.h"

#include "fmt/json.h"

static void print_json(const bp_evaluation *e, const char *split)
{
    bp__str s;
    bp__json_writer w;
    bp__str_init(&s, NULL);
    bp__jw_init(&w, &s);
    bp__jw_object(&w, NULL);
    bp__jw_string(&w, "split", split);
    bp__jw_int(&w, "samples", e->samples);
    bp__jw_double(&w, "loss", e->loss);
    for (int i = 0; i < e->n_metrics; i++)
        bp__jw_double(&w, e->metric_name[i], e->metric[i]);
    bp__jw_end_object(&w);
    if (!s.failed)
        printf("%s\n", s.s);
    bp__str_free(&s);
}

static void print_text(const cli_model *m, const bp_evaluation *e,
                       const char *split)
{
    char n[40], text[80], stuck[400];
    printf("%s: %s samples, loss %.4f", split, cli_count_text(n, e->samples),
           e->loss);
    for (int i = 0; i < e->n_metrics; i++)
        printf(", %s", cli_metric_text(text, e->metric_name[i], e->metric[i]));
    printf("\n");
    cli_print_confusion(m, e);
    if (!bp_evaluation_stuck(e, stuck, sizeof stuck) && *stuck)
        printf("%s\n", stuck);
}

static int evaluate(const cli_args *a, cli_model *m, bp_data *d)
{
    const char *split = bp_split_name(a->split);
    const bp_evaluation *e;
    bp_predictor *p = NULL;
    bp_error err = {0};
    int rc = cli_open_predictor(a, m, &p);
    if (rc == EXIT_FINE && bp_predictor_evaluate(p, d, split, &e, &err))
        rc = cli_fail(&err);
    else if (rc == EXIT_FINE && a->given[OPT_JSON])
        print_json(e, split);
    else if (rc == EXIT_FINE)
        print_text(m, e, split);
    bp_predictor_free(p);
    return rc;
}

static int run_eval(const cli_args *a)
{
    cli_model m;
    cli_data d;
    int rc = cli_open(a, a->operands[0], &m);
    if (rc != EXIT_FINE)
        return rc;
    if (!m.run) {
        cli_complain("'%s' is a model file; eval wants a run folder, as "
                     "`bprop train` makes them", m.name);
        cli_close(&m);
        return EXIT_USAGE;
    }
    rc = cli_open_data(a, &m, 1u << a->split, true, &d);
    if (rc == EXIT_FINE) {
        rc = evaluate(a, &m, d.split[a->split]);
        cli_close_data(&d);
    }
    cli_close(&m);
    return rc;
}

const cli_command cli_eval = {
    .name = "eval",
    .operands = "RUN",
    .summary = "loss and metrics of a run's weights on a data split",
    .details = "With --json: one object with split, samples, loss and each "
               "metric by its name\n(accuracy from 0 to 1).",
    .options = OPTIONS(OPT_MODEL, OPT_DATA, OPT_SPLIT, OPT_WEIGHTS, OPT_JSON),
    .min_operands = 1,
    .max_operands = 1,
    .run = run_eval,
};
