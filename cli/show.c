/* bprop show FILE: layers, graphs, kernels, plan. */
#include "cli.h"

#include "xform/xform.h"

enum { VIEWS = OPT_GRAPH | OPT_GRADIENT | OPT_LOWERED | OPT_PLAN };

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
    bp_graph *g = bp_task_graph(&m->config->task, s, BP_TASK_PREDICT, &o, NULL,
                                &traced);
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

static bp_status print_memory(const bp_program *p, const cli_model *m, bp_store *s)
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
           "segments\n", (long long)m->config->train.batch, (long long)t.calls,
           (long long)t.segments);
    printf("memory: %s of variables, %s between calls",
           cli_bytes_text(a, state), cli_bytes_text(b, (double)t.arena_bytes));
    printf(" (no placement of these segments takes less "
           "than %s)\n",
           cli_bytes_text(a, (double)t.arena_lower_bound));
    return BP_OK;
}

/* A composite with a psum inside is shown as its definition. */
static bool keep_without_psum(void *user, const bp_graph *g, size_t node)
{
    (void)user;
    const bp__node *n = &g->nodes[node];
    bool varying = n->n_in && g->values[g->edges[n->in]].type.varying;
    for (int i = 0; i < n->n_out; i++)
        if (g->values[n->out + (uint32_t)i].type.varying != varying)
            return false;
    return true;
}

static bp_status print_graph(const cli_model *m, bp_store *s,
                             bp_task_mode mode, bp_error *err)
{
    int64_t batch = m->config->train.batch, n = m->config->train.shards;
    bp_trace_options o = {.size = sizeof o, .rows = (batch + n - 1) / n,
                          .global_rows = batch, .shards = n};
    bp_traced traced = {0};
    bp_graph *g = bp_task_graph(&m->config->task, s, mode, &o, NULL, &traced);
    if (mode == BP_TASK_TRACE && !bp_graph_status(g))
        bp_output(g, "objective", traced.objective);
    bp_graph *open = bp_graph_status(g)
                         ? NULL
                         : bp__pass_expand(g, keep_without_psum, NULL);
    bp_status st = bp_graph_status(open ? open : g);
    if (st)
        bp__error(err, st, "%s", g ? bp_graph_error(g) : bp_status_text(st));
    else
        st = bp_graph_print(open ? open : g, cli_write, stdout);
    bp_nn_free(traced.nn);
    bp_graph_free(open);
    bp_graph_free(g);
    return st;
}

static bp_status show(const cli_args *a, cli_model *m, bp_store *s,
                      bp_error *err)
{
    bp__task_steps steps;
    bp_step *step;
    const bp_program *p = NULL;
    bool compiled = !(a->given & VIEWS) || (a->given & (OPT_LOWERED | OPT_PLAN));
    bp_status st = BP_OK;
    cli_set_steps(a, m, &steps, s);
    if (!(a->given & VIEWS))
        st = print_layers(m, s, err);
    if (!st && (a->given & OPT_GRAPH))
        st = print_graph(m, s, BP_TASK_TRACE, err);
    if (!st && (a->given & OPT_GRADIENT))
        st = print_graph(m, s, BP_TASK_TRAIN, err);
    if (!st && compiled)
        st = bp__task_steps_prepare(&steps, BP_TASK_TRAIN,
                                    m->config->train.batch, &step, err);
    if (!st && compiled)
        p = bp_step_program(step);
    if (!st && (a->given & OPT_LOWERED))
        st = bp_program_print(p, BP_VIEW_LOWERED, cli_write, stdout);
    if (!st && (a->given & OPT_PLAN))
        st = bp_program_print(p, BP_VIEW_PLAN, cli_write, stdout);
    if (!st && !(a->given & VIEWS))
        st = print_memory(p, m, s);
    bp__task_steps_free(&steps);
    return st;
}

/* What the data have taught the run, such as the columns of its table. */
static void print_learned(const cli_model *m)
{
    bp__str s;
    bp__str_init(&s, NULL);
    bp__source_show(&m->config->source, &s);
    if (s.len && !s.failed)
        fputs(s.s, stdout);
    bp__str_free(&s);
}

static int run_show(const cli_args *a)
{
    if (a->given & OPT_FEATURES)
        return cli_features(a);
    if (a->given & (OPT_SAMPLE | OPT_WEIGHTS)) {
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
    else if (rc == EXIT_FINE && !(a->given & VIEWS))
        print_learned(&m);
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
    .options = OPT_MODEL | OPT_DATA | OPT_GRAPH | OPT_GRADIENT | OPT_LOWERED | OPT_PLAN |
               OPT_FEATURES | OPT_SAMPLE | OPT_WEIGHTS,
    .max_operands = 1,
    .run = run_show,
};
