/* The n-th allocation of describing, tracing and differentiating a task fails,
 * once and from then on, for every n: the graph is right or says "out of
 * memory", nothing leaks, and the next try works. */
#include "t.h"

#include <bprop/nn.h>

static const char layers[] =
    "conv2d(2, kernel=3, padding=same, name=first), batch_norm, relu,"
    "residual(body=[conv2d(2, kernel=1), dropout(0.5)],"
    " shortcut=[conv2d(2, kernel=1, init=normal(0.1))]),"
    "max_pool2d(2), flatten(name=flat), dense(4, from=flat), layer_norm,"
    "dense(3)";

/* Builds the whole; BP_OK or what stopped it. Leaves nothing behind. */
static bp_status build(const bp_allocator *a, const char *optimizer,
                       size_t *nodes)
{
    const int64_t dims[3] = {1, 4, 4};
    bp_store *s = bp_store_new(a);
    bp_model *m = bp_model_new(a);
    if (!m) {
        bp_store_free(s);
        return BP_ENOMEM;
    }
    bp_model_input(m, "x", 3, dims);
    bp_model_add(m, layers);
    bp_task t = {.size = sizeof t, .model = m, .target = {.dtype = BP_I32},
                 .loss = "softmax_cross_entropy(class_weights=[1, 2, 3],"
                         " label_smoothing=0.1)",
                 .metrics = "accuracy, f1, recall(2), calibration_error,"
                            " top_k(2)",
                 .penalty = "l2(0.1)", .init = "lsuv",
                 .optimizer = optimizer};
    bp_trace_options o = {.size = sizeof o, .rows = 2, .global_rows = 4,
                          .shards = 2, .sums = "train", .grad_norm = true};
    bp_graph *g = bp_task_graph(&t, s, BP_TASK_TRAIN, &o, a, NULL);
    bp_status st = bp_graph_status(g);
    if (st != BP_OK)
        T_CHECKF(strstr(bp_graph_error(g), "out of memory") != NULL, "%s",
                 bp_graph_error(g));
    *nodes = bp_graph_node_count(g);
    bp_graph_free(g);
    bp_model_free(m);
    bp_store_free(s);
    return st;
}

static void check_optimizer(const char *optimizer)
{
    t_heap h = {.fail_at = -1};
    bp_allocator a = t_allocator(&h);
    size_t want = 0, nodes = 0;
    T_CHECK(build(&a, optimizer, &want) == BP_OK && want > 100);
    T_CHECK(h.live == 0);
    int64_t calls = h.calls, failures = 0;
    for (int persistent = 0; persistent < 2; persistent++)
        for (int64_t n = 0; n < calls; n++) {
            h = (t_heap){.fail_at = n, .persistent = persistent};
            bp_status st = build(&a, optimizer, &nodes);
            failures += st != BP_OK;
            T_CHECKF(st == BP_ENOMEM || (st == BP_OK && nodes == want),
                     "allocation %lld: %s", (long long)n,
                     bp_status_name(st));
            T_CHECKF(h.failed > 0, "allocation %lld did not fail",
                     (long long)n);
            T_CHECKF(h.live == 0, "allocation %lld: %lld bytes leaked",
                     (long long)n, (long long)h.live);
        }
    T_CHECKF(failures > calls, "%lld failures of %lld allocations",
             (long long)failures, (long long)calls);
    h = (t_heap){.fail_at = -1};
    T_CHECK(build(&a, optimizer, &nodes) == BP_OK && nodes == want &&
            h.live == 0);
}

int main(void)
{
    check_optimizer("adamw(clip_norm=1, schedule=cosine)");
    check_optimizer("nadamw(weight_decay=0.1)");
    check_optimizer("lamb(ema=0.9, "
                    "groups=[freeze(\"*.bias\")])");
    check_optimizer("muon(weight_decay=0.1, clip_value=1)");
    check_optimizer("schedule_free");
    return t_end();
}
