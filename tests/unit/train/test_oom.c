/* Memory runs out in the n-th allocation of a training run, once or from then
 * on: the run is right or says "out of memory", and nothing leaks. */
#include "rig.h"

static bp_data *train, *valid;
static const bp_transfer_rule rules[] = {{"4.*", NULL}};

/* What runs start from: their own weights, as they are made. */
static void save_start(void)
{
    bp_task task = rig_task();
    bp_trainer_options o = rig_options(train, valid);
    bp_trainer *t = NULL;
    bp_error err = {0};
    T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    T_OK(bp_store_save(bp_trainer_store(t), "rig-oom.safetensors",
                       BP_KINDS_WEIGHTS, &err), &err);
    bp_trainer_free(t);
}

static bp_status run_on(t_heap *h, bp_error *err)
{
    bp_allocator a = t_allocator(h);
    bp_task task = rig_task();
    task.metrics = "auc, f1, calibration_error, top_k(2)";
    task.init = "lsuv";
    task.loss = "softmax_cross_entropy(class_weights=balanced)";
    bp_trainer_options o = rig_options(train, valid);
    bp_runtime_options r = {.size = sizeof r, .allocator = &a, .threads = 1};
    bp_trainer *t = NULL;
    o.allocator = &a;
    o.steps = 2;
    o.log_every = 1;
    o.tensorboard = true;
    o.run_dir = "rig-oom";
    o.replace = true;
    o.init_from = "rig-oom.safetensors";
    o.transfer.map = rules;
    o.transfer.n_map = 1;
    o.transfer.allow_missing = true;
    bp_status st = bp_runtime_new(&r, &o.runtime, err);
    if (!st)
        st = bp_trainer_new(&task, &o, &t, err);
    if (!st)
        st = bp_trainer_run(t, err);
    bp_trainer_free(t);
    bp_runtime_free(o.runtime);
    return st;
}

static void check(int64_t n, bool persistent)
{
    t_heap h = {.fail_at = n, .persistent = persistent};
    bp_error err = {0};
    bp_status st = run_on(&h, &err);
    T_CHECKF(st == BP_OK || st == BP_ENOMEM, "allocation %lld: %s: %s",
             (long long)n, bp_status_name(st), err.message);
    T_CHECKF(h.failed > 0, "allocation %lld was not made", (long long)n);
    T_CHECKF(h.live == 0, "allocation %lld: %lld bytes leak", (long long)n,
             (long long)h.live);
}

int main(void)
{
    train = rig_data(40, 1);
    valid = rig_data(20, 2);
    save_start();
    t_heap h = {.fail_at = -1};
    bp_error err = {0};
    T_OK(run_on(&h, &err), &err);
    T_CHECK(h.live == 0 && h.calls > 100);
    /* Every one of the first, which set up; then one in a few. The loader's
     * thread allocates too, so the last ones may or may not be made. */
    int64_t last = h.calls * 95 / 100, step = 1 + last / 700;
    for (int64_t n = 0; n < last; n += n < 100 ? 1 : step) {
        check(n, false);
        check(n, true);
    }
    char path[100];
    static const char *const files[] = {"checkpoint.safetensors",
        "best.safetensors", "last.safetensors", "log.jsonl", "curve.svg",
        "events.out.tfevents.bprop"};
    for (size_t i = 0; i < BP__ARRAY_LEN(files); i++) {
        snprintf(path, sizeof path, "rig-oom/%s", files[i]);
        unlink(path);
    }
    rmdir("rig-oom");
    unlink("rig-oom.safetensors");
    bp_data_free(train);
    bp_data_free(valid);
    return t_end();
}
