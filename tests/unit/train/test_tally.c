/* Metrics of whole sets within training: the same for any threads and after a
 * stop in mid-epoch, of the samples whatever the batches and shards; monitored;
 * undefined values. */
#include "rig.h"
#include "train/train.h"

#include <math.h>

#define ALL                                                               \
    "accuracy, top_k(1), top_k(2), precision, recall(class=2), "          \
    "f1(average=weighted), auc, calibration_error"

typedef struct notes {
    bp_evaluation valid, train;
    bp_trainer *t;
    int64_t stop_at, steps;
} notes;

static void on_epoch(void *user, const bp_epoch *e)
{
    notes *n = user;
    if (e->valid)
        n->valid = *e->valid, n->train = *e->train;
}

static void on_step(void *user, const bp_progress *p)
{
    notes *n = user;
    if (!strcmp(p->split, "train") && ++n->steps == n->stop_at)
        bp_trainer_stop(n->t);
}

/* Trains three epochs; stop_at: stops after that step, and goes on anew. */
static notes train(const char *metrics, const char *monitor, int threads,
                   int64_t shards, int64_t stop_at, const char *folder)
{
    bp_data *d = rig_data(RIG_TRAIN, 1), *v = rig_data(RIG_VALID, 2);
    bp_task task = rig_task();
    bp_runtime *r = NULL;
    bp_error err = {0};
    bp_runtime_options ro = {.size = sizeof ro, .threads = threads};
    T_OK(bp_runtime_new(&ro, &r, &err), &err);
    task.metrics = metrics;
    bp_trainer_options o = rig_options(d, v);
    notes n = {.stop_at = stop_at};
    o.runtime = r;
    o.shards = shards;
    o.monitor = monitor;
    o.run_dir = folder;
    o.on_epoch = on_epoch;
    o.on_step = on_step;
    o.user = &n;
    T_OK(bp_trainer_new(&task, &o, &n.t, &err), &err);
    bp_status st = bp_trainer_run(n.t, &err);
    if (stop_at) {
        T_CHECK(st == BP_ECANCELED);
        bp_trainer_free(n.t);
        o.resume = true;
        T_OK(bp_trainer_new(&task, &o, &n.t, &err), &err);
        st = bp_trainer_run(n.t, &err);
    }
    T_OK(st, &err);
    bp_trainer_free(n.t);
    bp_data_free(d);
    bp_data_free(v);
    bp_runtime_free(r);
    return n;
}

static void test_same_bits(void)
{
    const char *folder[4];
    char *log[4];
    static const int threads[] = {1, 2, 3, 2};
    for (int i = 0; i < 4; i++) {
        char name[20];
        snprintf(name, sizeof name, "tally-%d", i);
        folder[i] = rig_folder(name);
        train(ALL, "auc", threads[i], 2, i == 3 ? 10 : 0, folder[i]);
        log[i] = rig_read(folder[i], "log.jsonl");
        T_CHECKF(!strcmp(log[i], log[0]), "log %d differs:\n%s", i, log[i]);
    }
    T_CHECK(strstr(log[0], "\"top_1\":") && strstr(log[0], "\"top_2\":") &&
            strstr(log[0], "\"recall_2\":") &&
            strstr(log[0], "\"f1_weighted\":"));
    T_CHECK(!strstr(log[0], "null"));
    for (int i = 0; i < 4; i++) {
        char name[20];
        free(log[i]);
        snprintf(name, sizeof name, "tally-%d", i);
        rig_folder(name); /* leaves nothing behind */
    }
}

static void test_shards(void)
{
    notes a = train(ALL, NULL, 1, 1, 0, NULL);
    notes b = train(ALL, NULL, 1, 3, 0, NULL);
    T_CHECK(a.valid.n_metrics == 8 && a.valid.samples == RIG_VALID);
    for (int i = 0; i < a.valid.n_metrics; i++) {
        T_CHECKF(fabs(a.valid.metric[i] - b.valid.metric[i]) < 0.03 &&
                     a.valid.metric[i] >= 0 && a.valid.metric[i] <= 1,
                 "%s: %g, with 3 shards %g", a.valid.metric_name[i],
                 a.valid.metric[i], b.valid.metric[i]);
        T_CHECK(a.train.metric[i] >= 0 && a.train.metric[i] <= 1);
    }
    T_CHECK(a.valid.metric[0] == a.valid.metric[1]); /* accuracy is top_1 */
}

/* What the scores after training say of the same predictions. */
static void test_scores_agree(void)
{
    bp_task task = rig_task();
    bp_data *d = rig_data(97, 6);
    bp_store *s = bp_store_new(NULL);
    bp_runtime *r = NULL;
    bp_error err = {0};
    bp__type out;
    bp__task_steps p;
    bp__evaluator ev;
    bp_evaluation e;
    task.metrics = "precision, recall, f1";
    T_OK(bp_runtime_new(NULL, &r, &err), &err);
    T_OK(bp__task_output(&task, s, &bp__malloc_allocator, &out, &err), &err);
    bp__task_steps_init(&p, &bp__malloc_allocator, &task, s, r);
    T_OK(bp__evaluator_init(&ev, &p, &out, 10, &err), &err);
    T_OK(bp__evaluate(&ev, d, "test", &e, &err), &err);
    double f1 = 0, recall = 0, precision = 0;
    for (int k = 0; k < RIG_CLASSES; k++) {
        double hits = 0, said = 0, truth = 0;
        for (int j = 0; j < RIG_CLASSES; j++) {
            truth += (double)e.confusion[k * RIG_CLASSES + j];
            said += (double)e.confusion[j * RIG_CLASSES + k];
        }
        hits = (double)e.confusion[k * RIG_CLASSES + k];
        precision += (said > 0 ? hits / said : 0) / RIG_CLASSES;
        recall += hits / truth / RIG_CLASSES;
        f1 += 2 * hits / (said + truth) / RIG_CLASSES;
    }
    T_NEAR(e.metric[0], precision, 1e-12);
    T_NEAR(e.metric[1], recall, 1e-12);
    T_NEAR(e.metric[2], f1, 1e-12);
    /* A second set starts at nothing. */
    double first = e.metric[2];
    T_OK(bp__evaluate(&ev, d, "test", &e, &err), &err);
    T_CHECK(e.metric[2] == first);
    bp__evaluator_free(&ev);
    bp__task_steps_free(&p);
    bp_data_free(d);
    bp_store_free(s);
    bp_runtime_free(r);
}

/* A smaller calibration error is better, a larger AUC. */
static void test_monitor(void)
{
    static const char *const monitors[] = {"calibration_error", "auc"};
    for (int m = 0; m < 2; m++) {
        bp_data *d = rig_data(RIG_TRAIN, 1), *v = rig_data(RIG_VALID, 2);
        bp_task task = rig_task();
        bp_error err = {0};
        bp_trainer *t = NULL;
        notes n = {0};
        task.metrics = "auc, calibration_error";
        bp_trainer_options o = rig_options(d, v);
        o.epochs = 6;
        o.monitor = monitors[m];
        o.on_epoch = on_epoch;
        o.user = &n;
        T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
        T_OK(bp_trainer_run(t, &err), &err);
        const bp_evaluation *best;
        T_OK(bp_trainer_evaluate(t, v, true, &best, &err), &err);
        double x = best->metric[m ? 0 : 1], last = n.valid.metric[m ? 0 : 1];
        T_CHECKF(m ? x >= last : x <= last, "%s: best %g, last %g",
                 monitors[m], x, last);
        T_CHECK(bp_trainer_best_epoch(t) >= 1);
        bp_trainer_free(t);
        bp_data_free(d);
        bp_data_free(v);
    }
}

/* The AUC of one class alone is undefined in training data without it; the run
 * is sound all the same, and a record says null. */
static void test_undefined(void)
{
    bp_data *d = rig_data(1, 1), *v = rig_data(RIG_VALID, 2);
    bp_task task = rig_task();
    bp_error err = {0};
    bp_trainer *t = NULL;
    const char *folder = rig_folder("tally-nan");
    task.metrics = "auc";
    bp_trainer_options o = rig_options(d, NULL);
    o.test = NULL;
    o.run_dir = folder;
    T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    T_OK(bp_trainer_run(t, &err), &err);
    T_CHECK(bp_trainer_best_epoch(t) == 1);
    char *log = rig_read(folder, "log.jsonl");
    T_CHECK(strstr(log, "\"auc\":null"));
    free(log);
    bp_trainer_free(t);
    bp_data_free(d);
    bp_data_free(v);
    rig_folder("tally-nan");
}

int main(void)
{
    test_same_bits();
    test_shards();
    test_scores_agree();
    test_monitor();
    test_undefined();
    return t_end();
}
