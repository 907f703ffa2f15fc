/* bprop check FILE: the gradients of a model against central differences. */
#include "cli.h"

enum { CHECK_ROWS = 4 };

static void print_tensor(void *user, const bp_check_tensor *r)
{
    int *order = user;
    if (r->order != *order) {
        *order = r->order;
        printf(r->order ? "order %d\n" : "f32 against f64\n", r->order);
    }
    printf("  %-32s %.2e%s\n", r->name, r->error, r->ok ? "" : "  FAILED");
    fflush(stdout);
}

/* The first samples of the training set, normalized; stays open in *l. */
static int load_batch(const cli_args *a, cli_model *m, cli_data *d,
                      bp_loader **l, bp_check_options *o)
{
    bp_error err = {0};
    bp_batch b;
    int rc = cli_open_data(a, m, 1u << BP_SPLIT_TRAIN, true, d);
    if (rc != EXIT_FINE)
        return rc;
    bp_data *train = d->split[BP_SPLIT_TRAIN];
    rc = cli_norms(m, train);
    if (rc != EXIT_FINE)
        return rc;
    bp_loader_options lo = {.size = sizeof lo, .batch = CHECK_ROWS};
    cli_set_loader(m, &lo);
    lo.dtype = BP_F32;
    if (bp_loader_new(train, &lo, l, &err) || bp_loader_next(*l, &b, &err))
        return cli_fail(&err);
    o->rows = b.count;
    for (size_t i = 0; i < b.n_inputs; i++)
        o->input[i] = b.input[i];
    o->target = b.target;
    return EXIT_FINE;
}

/* Work of one evaluation: large models get fewer directions. */
static int choose_directions(const cli_model *m)
{
    bp_store *s = bp_store_new(NULL);
    bp_trace_options o = {.size = sizeof o, .rows = 1};
    bp_traced traced = {0};
    bp_graph *g = s ? bp_task_graph(bp_config_task(m->config), s,
                                    BP_TASK_PREDICT, &o, NULL, &traced)
                    : NULL;
    double work = 0;
    bp_nn_layer_info info;
    for (size_t i = 0; traced.nn && i < bp_nn_layer_count(traced.nn); i++)
        if (bp_nn_layer_get(traced.nn, i, &info))
            work += info.multiply_adds;
    bp_nn_free(traced.nn);
    bp_graph_free(g);
    bp_store_free(s);
    return work > 1e7 ? 4 : 16;
}

static bool wants_data(const cli_args *a, const cli_model *m)
{
    return a->given[OPT_DATA] || bp_config_dir(m->config) ||
           bp_config_built_in(m->config);
}

static int run_check(const cli_args *a)
{
    cli_model m;
    cli_data d = {0};
    bp_loader *l = NULL;
    bp_error err = {0};
    int order = -1;
    double worst = 0;
    int64_t failed = 0;
    int rc = cli_open(a, a->n_operands ? a->operands[0] : NULL, &m);
    if (rc != EXIT_FINE)
        return rc;
    bp_check_options o = {.size = sizeof o, .runtime = m.runtime,
                          .no_pass = a->no_pass, .no_kernel = a->no_kernel,
                          .rows = CHECK_ROWS, .seed = bp_config_task(m.config)->seed,
                          .dtype = a->dtype, .on_tensor = print_tensor,
                          .user = &order};
    bool data = wants_data(a, &m);
    if (data)
        rc = load_batch(a, &m, &d, &l, &o);
    if (rc == EXIT_FINE)
        rc = cli_assume_target(&m);
    o.directions = choose_directions(&m);
    if (rc == EXIT_FINE) {
        printf("%s: %lld samples %s\n", m.name, (long long)o.rows,
               data ? "of the data" : "of random numbers");
        if (bp_check_gradients(bp_config_task(m.config), &o, &worst, &failed, &err))
            rc = cli_fail(&err);
    }
    if (rc == EXIT_FINE) {
        printf("worst error %.2e: %s\n", worst,
               failed ? "FAILED" : "all gradients are right");
        rc = failed ? EXIT_RUN : EXIT_FINE;
    }
    bp_loader_free(l);
    cli_close_data(&d);
    cli_close(&m);
    return rc;
}

const cli_command cli_check = {
    .name = "check",
    .operands = "[FILE]",
    .summary = "check a model's gradients, of orders 1 and 2, by differences",
    .details =
        "Every parameter tensor, in f64, along random directions, on a batch "
        "of the data or, without\none, of random numbers; comparisons and "
        "argmax choices stay as they are at that point.\n--dtype f32 compares "
        "the program that trains with f64. Exit 1 if a tensor fails.",
    .options = OPTIONS(OPT_MODEL, OPT_DATA, OPT_DTYPE),
    .max_operands = 1,
    .run = run_check,
};
