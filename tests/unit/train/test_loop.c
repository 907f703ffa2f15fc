/* The loop: it learns; it stops where it is told; a run that is stopped at
 * any step, or killed and resumed from an older checkpoint, ends with the
 * same bytes; each end is reached; faults are named and never saved. */
#include "rig.h"

static bp_data *train, *valid;

/* A run to its end in a folder; a trainer in between is stopped at each of
 * the steps. */
typedef struct stopper {
    bp_trainer *t;
    int64_t every;
} stopper;

static void stop_now_and_then(void *user, const bp_progress *p)
{
    stopper *s = user;
    if (!strcmp(p->split, "train") && p->step % s->every == 0)
        bp_trainer_stop(s->t);
}

static void run_whole(const char *folder, double checkpoint_seconds)
{
    bp_task task = rig_task();
    bp_trainer_options o = rig_options(train, valid);
    bp_trainer *t = NULL;
    bp_error err = {0};
    o.run_dir = folder;
    o.checkpoint_seconds = checkpoint_seconds;
    T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    T_OK(bp_trainer_run(t, &err), &err);
    T_CHECK(bp_trainer_epoch(t) == 3 && bp_trainer_step(t) == 21);
    T_CHECK(!strcmp(bp_trainer_end(t), "all 3 epochs are done"));
    bp_trainer_free(t);
}

static void expect_same_run(const char *a, const char *b)
{
    char *x = rig_read(a, "log.jsonl"), *y = rig_read(b, "log.jsonl");
    T_CHECK(rig_same_file(a, b, "last.safetensors"));
    T_CHECK(rig_same_file(a, b, "best.safetensors"));
    T_CHECK(rig_same_file(a, b, "curve.svg"));
    T_CHECKF(!strcmp(x, y), "log of %s:\n%s\nof %s:\n%s", a, x, b, y);
    free(x);
    free(y);
}

static void test_checkpoints_change_nothing(const char *whole)
{
    const char *often = rig_folder("often"), *never = rig_folder("never");
    run_whole(often, 1e-9);
    run_whole(never, -1);
    expect_same_run(whole, often);
    expect_same_run(whole, never);
    rig_folder("often");
    rig_folder("never");
}

/* Stopped at every n-th step; gone on with the same trainer, or a new one. */
static void test_stop_and_resume(const char *whole, int64_t every, bool fresh)
{
    const char *folder = rig_folder("stop");
    bp_task task = rig_task();
    bp_trainer_options o = rig_options(train, valid);
    stopper s = {NULL, every};
    bp_error err = {0};
    bp_status st = BP_ECANCELED;
    int stops = 0;
    o.run_dir = folder;
    o.on_step = stop_now_and_then;
    o.user = &s;
    while (st == BP_ECANCELED && stops < 100) {
        if (!s.t)
            T_OK(bp_trainer_new(&task, &o, &s.t, &err), &err);
        o.resume = true;
        st = bp_trainer_run(s.t, &err);
        stops += st == BP_ECANCELED;
        if (fresh) {
            bp_trainer_free(s.t);
            s.t = NULL;
        }
    }
    T_CHECKF(st == BP_OK, "%s", err.message);
    T_CHECKF(stops == 21 / every, "%d stops", stops);
    bp_trainer_free(s.t);
    expect_same_run(whole, folder);
    rig_folder("stop");
}

static void copy_file(const char *from, const char *to, const char *name)
{
    char path[200];
    bp__file_data f;
    bp_error err = {0};
    snprintf(path, sizeof path, "%s/%s", from, name);
    T_OK(bp__file_read(NULL, &bp__malloc_allocator, path, false, 0, &f, &err),
         &err);
    snprintf(path, sizeof path, "%s/%s", to, name);
    T_OK(bp__file_write(NULL, &bp__malloc_allocator, path, f.data, f.bytes,
                        &err), &err);
    bp__file_free(&bp__malloc_allocator, &f);
}

/* As after SIGKILL: the checkpoint is older than the log and the weights. */
static void test_old_checkpoint(const char *whole)
{
    const char *folder = rig_folder("old");
    bp_task task = rig_task();
    bp_trainer_options o = rig_options(train, valid);
    bp_trainer *t = NULL;
    bp_error err = {0};
    stopper s = {NULL, 9};
    o.run_dir = folder;
    o.on_step = stop_now_and_then;
    o.user = &s;
    T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    s.t = t;
    T_CHECK(bp_trainer_run(t, &err) == BP_ECANCELED);
    bp_trainer_free(t);
    static const char *const later[] = {"best.safetensors",
                                        "last.safetensors", "curve.svg"};
    for (size_t i = 0; i < BP__ARRAY_LEN(later); i++)
        copy_file(whole, folder, later[i]);
    bp__appender log;
    char path[200];
    snprintf(path, sizeof path, "%s/log.jsonl", folder);
    T_OK(bp__append_open(&log, NULL, path, -1, &err), &err);
    T_OK(bp__append(&log, "{\"step\":10,\"epo", 15, &err), &err);
    bp__append_close(&log);
    o.resume = true;
    o.on_step = NULL;
    T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    T_CHECK(bp_trainer_step(t) == 9);
    T_OK(bp_trainer_run(t, &err), &err);
    bp_trainer_free(t);
    expect_same_run(whole, folder);
    /* Nothing is left to do: resuming once more changes nothing. */
    T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    T_OK(bp_trainer_run(t, &err), &err);
    bp_trainer_free(t);
    expect_same_run(whole, folder);
    rig_folder("old");
}

static void test_threads_and_shards(const char *whole)
{
    for (int threads = 1; threads <= 3; threads++) {
        const char *folder = rig_folder("threads");
        bp_task task = rig_task();
        bp_trainer_options o = rig_options(train, valid);
        bp_runtime_options r = {.size = sizeof r, .threads = threads};
        bp_trainer *t = NULL;
        bp_error err = {0};
        T_OK(bp_runtime_new(&r, &o.runtime, &err), &err);
        o.run_dir = folder;
        T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
        T_OK(bp_trainer_run(t, &err), &err);
        bp_trainer_free(t);
        bp_runtime_free(o.runtime);
        expect_same_run(whole, folder);
        rig_folder("threads");
    }
}

static void test_refusals(const char *whole)
{
    bp_task task = rig_task();
    bp_trainer_options o = rig_options(train, valid);
    bp_trainer *t = NULL;
    bp_error err = {0};
    o.run_dir = whole;
    T_CHECK(bp_trainer_new(&task, &o, &t, &err) == BP_EEXIST && !t);
    o.resume = true;
    task.seed++;
    T_CHECK(bp_trainer_new(&task, &o, &t, &err) == BP_EARG && !t);
    T_CHECKF(strstr(err.message, "the options") != NULL, "%s",
             err.message);
    task.seed--;
    o.batch++;
    T_CHECK(bp_trainer_new(&task, &o, &t, &err) == BP_EARG && !t);
    o.batch--;
    o.train = valid;
    T_CHECK(bp_trainer_new(&task, &o, &t, &err) == BP_EARG && !t);
    o.train = train;
    o.epochs = 4; /* epochs may change */
    T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    T_OK(bp_trainer_run(t, &err), &err);
    T_CHECK(bp_trainer_epoch(t) == 4);
    bp_trainer_free(t);
    o.monitor = "acuracy";
    o.resume = false;
    o.run_dir = NULL;
    T_CHECK(bp_trainer_new(&task, &o, &t, &err) == BP_ENOTFOUND && !t);
    o.monitor = NULL;
    o.run_dir = "no/such/parent";
    T_CHECK(bp_trainer_new(&task, &o, &t, &err) < 0 && !t);
    o.run_dir = NULL;
    o.train = NULL;
    T_CHECK(bp_trainer_new(&task, &o, &t, &err) == BP_EARG && !t);
}

typedef struct ends {
    int64_t best, epochs;
    double accuracy, test;
} ends;

static void note_epoch(void *user, const bp_epoch *e)
{
    ends *n = user;
    if (e->test) {
        n->test = e->test->metric[0];
        return;
    }
    n->epochs++;
    n->best += e->best;
    n->accuracy = e->valid ? e->valid->metric[0] : e->train->metric[0];
}

static void run_to(bp_trainer_options o, const bp_task *task, const char *end,
                   int64_t step)
{
    bp_trainer *t = NULL;
    bp_error err = {0};
    T_OK(bp_trainer_new(task, &o, &t, &err), &err);
    T_OK(bp_trainer_run(t, &err), &err);
    T_CHECKF(strstr(bp_trainer_end(t), end) != NULL, "%s", bp_trainer_end(t));
    if (step)
        T_CHECKF(bp_trainer_step(t) == step, "%lld steps",
                 (long long)bp_trainer_step(t));
    bp_trainer_free(t);
}

static void test_ends(void)
{
    bp_task task = rig_task();
    bp_trainer_options o = rig_options(train, valid);
    ends n = {0};
    o.on_epoch = note_epoch;
    o.user = &n;
    o.epochs = 40;
    run_to(o, &task, "all 40 epochs are done", 280);
    T_CHECKF(n.epochs == 40 && n.best >= 1 && n.best < 40, "%lld best",
             (long long)n.best);
    T_CHECKF(n.accuracy >= 0.9 && n.test >= 0.9, "accuracy %g, test %g",
             n.accuracy, n.test);
    o.steps = 10; /* in the middle of the second epoch */
    run_to(o, &task, "all 10 steps are done", 10);
    o.steps = 0;
    o.patience = 2;
    run_to(o, &task, "patience 2", 0);
    o.patience = 0;
    o.has_target = true;
    o.target = 0.8;
    run_to(o, &task, "the target is met", 0);
    o.monitor = "loss"; /* smaller is better */
    o.target = 0.9;
    run_to(o, &task, "the target is met", 0);
    o.has_target = false;
    o.valid = o.test = NULL;
    o.epochs = 2;
    run_to(o, &task, "all 2 epochs are done", 14);
}

static bp_val poisoned_net(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    bp_graph *g = bp_nn_graph(nn);
    x = bp_nn_dense(nn, x, RIG_CLASSES);
    return bp_mul(g, x, bp_log(g, bp_add_scalar(g, bp_abs(g, x), -1e-30)));
}

static void test_fault(void)
{
    const char *folder = rig_folder("fault");
    bp_task task = rig_task();
    bp_trainer_options o = rig_options(train, valid);
    bp_trainer *t = NULL;
    bp_error err = {0};
    task.net = poisoned_net;
    task.optimizer = "sgd(lr=3e38)";
    o.run_dir = folder;
    T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    T_CHECK(bp_trainer_run(t, &err) == BP_ENONFINITE);
    T_CHECKF(strstr(err.message, "step ") && strstr(err.message, "epoch 1"),
             "%s", err.message);
    int64_t step = bp_trainer_step(t);
    T_CHECK(bp_trainer_run(t, &err) == BP_ENONFINITE); /* and stays so */
    T_CHECK(bp_trainer_step(t) == step);
    bp_trainer_free(t);
    char path[200];
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
    T_CHECK(!bp__file_exists(NULL, path));
    rig_folder("fault");
}

static void test_bad_data(void)
{
    bp_task task = rig_task();
    bp_trainer_options o = rig_options(train, valid);
    bp_trainer *t = NULL;
    bp_error err = {0};
    task.input[0].dims[0] = 3;
    T_CHECK(bp_trainer_new(&task, &o, &t, &err) == BP_ESHAPE && !t);
    T_CHECKF(strstr(err.message, "train") && strstr(err.message, "valid"),
             "%s", err.message);
}

int main(void)
{
    train = rig_data(RIG_TRAIN, 1);
    valid = rig_data(RIG_VALID, 2);
    const char *whole = rig_folder("whole");
    run_whole(whole, 30);
    test_checkpoints_change_nothing(whole);
    for (int64_t every = 1; every <= 7; every += 2) {
        test_stop_and_resume(whole, every, true);
        test_stop_and_resume(whole, every, false);
    }
    test_old_checkpoint(whole);
    test_threads_and_shards(whole);
    test_refusals(whole);
    rig_folder("whole");
    test_ends();
    test_fault();
    test_bad_data();
    bp_data_free(train);
    bp_data_free(valid);
    return t_end();
}
