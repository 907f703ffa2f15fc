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
    char n[40], text[80];
    bp__str stuck;
    printf("%s: %s samples, loss %.4f", split, cli_count_text(n, e->samples),
           e->loss);
    for (int i = 0; i < e->n_metrics; i++)
        printf(", %s", cli_metric_text(text, e->metric_name[i], e->metric[i]));
    printf("\n");
    cli_print_confusion(m, e);
    bp__str_init(&stuck, NULL);
    bp__stuck_classes(e, &stuck);
    if (stuck.len)
        printf("%s\n", stuck.s);
    bp__str_free(&stuck);
}

static int check_split(const cli_model *m, bp_data *d, bp_store *s,
                       const char *split)
{
    bp_data_report report = {0};
    bp_data_expect e;
    bp_error err = {0};
    const bp_task *t = &m->config->task;
    if (bp__task_expect(t, s, &bp__malloc_allocator, &e, &err))
        return cli_fail(&err);
    for (size_t i = 0; i < m->n_inputs; i++)
        if (bp__is_float(e.input_dtype[i]))
            e.below[i] = 0; /* a normalization may change them */
    if (e.target == BP_TARGET_REAL)
        e.target = BP_TARGET_NONE;
    if (!bp_data_check(d, &e, split, &report))
        return EXIT_FINE;
    cli_complain("%lld of %lld samples cannot be used:\n%s",
                 (long long)report.n_bad, (long long)report.n_records,
                 report.text);
    return EXIT_RUN;
}

static int evaluate(const cli_args *a, cli_model *m, bp_data *d, bp_store *s)
{
    bp__task_steps steps;
    bp__evaluator ev;
    bp__type out;
    bp_evaluation result;
    bp_error err = {0};
    const char *split = bp_split_name(a->split);
    cli_set_steps(a, m, &steps, s);
    bp_status st = bp__task_output(&m->config->task, s, &bp__malloc_allocator,
                                   &out, &err);
    if (!st)
        st = bp__evaluator_init(&ev, &steps, &out, m->config->train.batch,
                                &err);
    if (st) {
        bp__task_steps_free(&steps);
        return cli_fail(&err);
    }
    for (size_t i = 0; i < m->n_inputs; i++)
        ev.norm[i] = m->norm[i];
    int rc = check_split(m, d, s, split);
    if (rc == EXIT_FINE && bp__evaluate(&ev, d, split, &result, &err))
        rc = cli_fail(&err);
    if (rc == EXIT_FINE && (a->given & OPT_JSON))
        print_json(&result, split);
    else if (rc == EXIT_FINE)
        print_text(m, &result, split);
    bp__evaluator_free(&ev);
    bp__task_steps_free(&steps);
    return rc;
}

static int run_eval(const cli_args *a)
{
    cli_model m;
    bp__config_data d;
    bp_store *s = NULL;
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
        rc = cli_open_store(a, &m, &s);
        if (rc == EXIT_FINE)
            rc = evaluate(a, &m, d.split[a->split], s);
        bp_store_free(s);
        bp__config_close(&d);
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
    .options = OPT_MODEL | OPT_DATA | OPT_SPLIT | OPT_WEIGHTS | OPT_JSON,
    .min_operands = 1,
    .max_operands = 1,
    .run = run_eval,
};
