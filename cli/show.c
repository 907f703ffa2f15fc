/* bprop show FILE: layers, graphs, kernels, plan. */
#include "cli.h"

#include <bprop/inspect.h>
#include <bprop/step.h>

static bool wants_view(const cli_args *a)
{
    return a->given[OPT_GRAPH] || a->given[OPT_GRADIENT] ||
           a->given[OPT_LOWERED] || a->given[OPT_PLAN];
}

static const char *dims_text(char *buf, const bp_nn_layer_info *l)
{
    size_t n = 0;
    buf[0] = 0;
    for (int i = 1; i < l->rank && n < 90; i++)
        n += (size_t)bp__snprintf(buf + n, 100 - n, "%s%lld", i > 1 ? "x" : "",
                                  (long long)l->dims[i]);
    return buf;
}

static bp_status print_layers(const cli_model *m, bp_store *s, bp_error *err)
{
    bp_trace_options o = {.size = sizeof o, .rows = 1};
    bp_traced traced = {0};
    bp_graph *g = bp_task_graph(bp_config_task(m->config), s, BP_TASK_PREDICT,
                                &o, NULL, &traced);
    bp_status st = bp_graph_status(g);
    int64_t params = 0;
    double work = 0;
    char dims[100], n[40], w[40];
    if (st)
        bp__error(err, st, "%s", g ? bp_graph_error(g) : bp_status_text(st));
    if (!st)
        printf("%-16s %-18s %-14s %12s %16s\n", "layer", "kind", "output",
               "parameters", "multiply-adds");
    for (size_t i = 0; !st && i < bp_nn_layer_count(traced.nn); i++) {
        bp_nn_layer_info l;
        if (!bp_nn_layer_get(traced.nn, i, &l))
            continue;
        params += l.params;
        work += l.multiply_adds;
        printf("%-16s %*s%-*s %-14s %12s %16s\n", l.path, 2 * l.depth, "",
               18 - 2 * l.depth, l.kind, dims_text(dims, &l),
               l.params ? cli_count_text(n, l.params) : "",
               l.multiply_adds > 0
                   ? cli_count_text(w, (int64_t)l.multiply_adds)
                   : "");
    }
    if (!st)
        printf("%-16s %-18s %-14s %12s %16s\n", "all", "", "",
               cli_count_text(n, params), cli_count_text(w, (int64_t)work));
    bp_nn_free(traced.nn);
    bp_graph_free(g);
    return st;
}

static bp_status print_memory(const bp_program *p, const cli_model *m,
                              bp_store *s)
{
    bp_program_stats t = {.size = sizeof t};
    char a[40], b[40];
    double state = 0;
    bp_status st = bp_program_get_stats(p, &t);
    for (size_t i = 0; i < bp_store_count(s); i++) {
        bp_var_info v;
        bp_store_info(s, i, &v);
        state += (double)v.bytes;
    }
    if (st)
        return st;
    printf("\na training step of %lld samples: %lld kernel calls in %lld "
           "segments\n", (long long)bp_config_trainer(m->config)->batch,
           (long long)t.calls,
           (long long)t.segments);
    printf("memory: %s of variables, %s between calls",
           cli_bytes_text(a, state), cli_bytes_text(b, (double)t.arena_bytes));
    printf(" (no placement of these segments takes less "
           "than %s)\n",
           cli_bytes_text(a, (double)t.arena_lower_bound));
    return BP_OK;
}

static bp_status print_graph(const cli_model *m, bp_store *s,
                             bp_task_mode mode, bp_error *err)
{
    const bp_trainer_options *t = bp_config_trainer(m->config);
    int64_t batch = t->batch, n = t->shards;
    bp_trace_options o = {.size = sizeof o, .rows = (batch + n - 1) / n,
                          .global_rows = batch, .shards = n};
    return bp_task_print(bp_config_task(m->config), s, mode, &o, cli_write,
                         stdout, err);
}

static bp_status compile_step(const cli_args *a, const cli_model *m,
                              bp_store *s, bp_step **step, bp_error *err)
{
    const bp_trainer_options *t = bp_config_trainer(m->config);
    const bp_task *task = bp_config_task(m->config);
    bp_task_step_options o = {.size = sizeof o, .shards = t->shards,
                              .grad_norm = true, .no_pass = a->no_pass,
                              .no_kernel = a->no_kernel};
    bp_status st = bp_task_step(task, BP_TASK_TRAIN, s, m->runtime, &o, step,
                                err);
    return st ? st : bp_task_prepare(*step, task, BP_TASK_TRAIN, t->batch, err);
}

static bp_status show(const cli_args *a, cli_model *m, bp_store *s,
                      bp_error *err)
{
    bp_step *step = NULL;
    const bp_program *p = NULL;
    bool views = wants_view(a);
    bp_status st = BP_OK;
    if (!views)
        st = print_layers(m, s, err);
    if (!st && a->given[OPT_GRAPH])
        st = print_graph(m, s, BP_TASK_TRACE, err);
    if (!st && a->given[OPT_GRADIENT])
        st = print_graph(m, s, BP_TASK_TRAIN, err);
    if (!st && (!views || a->given[OPT_LOWERED] || a->given[OPT_PLAN]))
        st = compile_step(a, m, s, &step, err);
    if (!st && step)
        p = bp_step_program(step);
    if (!st && a->given[OPT_LOWERED])
        st = bp_program_print(p, BP_VIEW_LOWERED, cli_write, stdout);
    if (!st && a->given[OPT_PLAN])
        st = bp_program_print(p, BP_VIEW_PLAN, cli_write, stdout);
    if (!st && !views)
        st = print_memory(p, m, s);
    bp_step_free(step);
    return st;
}

static int run_show(const cli_args *a)
{
    if (a->given[OPT_FEATURES])
        return cli_features(a);
    if (a->given[OPT_SAMPLE] || a->given[OPT_WEIGHTS]) {
        cli_complain("--sample and --weights go with --features");
        return EXIT_USAGE;
    }
    cli_model m;
    bp_error err = {0};
    int rc = cli_open(a, a->n_operands ? a->operands[0] : NULL, &m);
    if (rc != EXIT_FINE)
        return rc;
    bp_store *s = bp_store_new(NULL);
    rc = cli_assume_target(&m);
    if (rc == EXIT_FINE && show(a, &m, s, &err))
        rc = cli_fail(&err);
    else if (rc == EXIT_FINE && !wants_view(a) &&
             (err.status = bp_config_print_learned(m.config, cli_write,
                                                   stdout)))
        rc = cli_fail(&err);
    bp_store_free(s);
    cli_close(&m);
    return rc;
}

const cli_command cli_show = {
    .name = "show",
    .operands = "[FILE|RUN]",
    .summary = "print a model's layers, graphs, kernels or plan",
    .details = "Without a view: a table of layers with shapes of one sample, "
               "parameters, multiply-adds of one\nsample, and the memory of a "
               "training step; of a run on a table also what its columns are. "
               "Where the shapes follow\nfrom a table, --data says where it "
               "is.\n--features draws the filters that the first layers have "
               "learned, and what they make of a training\nsample, in "
               "evaluation mode.",
    .options = OPTIONS(OPT_MODEL, OPT_DATA, OPT_GRAPH, OPT_GRADIENT,
                       OPT_LOWERED, OPT_PLAN, OPT_FEATURES, OPT_SAMPLE,
                       OPT_WEIGHTS),
    .max_operands = 1,
    .run = run_show,
};
