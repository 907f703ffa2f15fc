/* The schedule that watches the monitored value: against PyTorch's
 * ReduceLROnPlateau, and in the loop, where a resumed run goes on with it. */
#include "rig.h"

#include "nn/spec.h"
#include "train/train.h"

typedef struct watch {
    bp__arena arena;
    bp_store *s;
    bp__plateau p;
} watch;

static void watch_begin(watch *w, const char *optimizer)
{
    bp__spec *spec = NULL;
    bp_error err = {0};
    bp__arena_init(&w->arena, NULL);
    w->s = bp_store_new(NULL);
    T_OK(bp__spec_parse(&w->arena, BP_NN_OPTIMIZERS, optimizer, &spec, &err),
         &err);
    T_OK(bp__plateau_init(&w->p, w->s, spec, &err), &err);
}

static void watch_end(watch *w)
{
    bp_store_free(w->s);
    bp__arena_free(&w->arena);
}

/* Rates of PyTorch 2.6 from lr 0.5 with factor 0.5, patience 2, cooldown 1,
 * min_lr 0.05, after each of these values. */
static void test_torch(void)
{
    static const double value[] = {1,   0.9, 0.9, 0.9, 0.9, 0.9, 0.9,
                                   0.9, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8,
                                   0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8};
    static const double rate[] = {
        0.5,   0.5,   0.5,   0.5,    0.25,   0.25,   0.25,
        0.25,  0.125, 0.125, 0.125,  0.125,  0.0625, 0.0625,
        0.0625, 0.0625, 0.05, 0.05,  0.05,   0.05,   0.05};
    for (int larger = 0; larger < 2; larger++) {
        watch w;
        watch_begin(&w, "sgd(0.5, schedule=warmup(steps=3, then=plateau("
                        "factor=0.5, patience=2, cooldown=1, min_lr=0.05)))");
        T_CHECK(bp__plateau_rate(&w.p, 0.5) == 0.5);
        T_CHECK(bp__plateau_rate(&w.p, 0.01) == 0.01);
        for (size_t i = 0; i < BP__ARRAY_LEN(value); i++) {
            bp__plateau_judge(&w.p, larger ? 1 / value[i] : value[i], larger);
            T_CHECKF(bp__plateau_rate(&w.p, 0.5) == rate[i], "value %zu: %g",
                     i, bp__plateau_rate(&w.p, 0.5));
        }
        T_CHECK(bp__plateau_rate(&w.p, 0.01) == 0.01);
        watch_end(&w);
    }
}

/* A gain below the threshold is none; nor is NaN. */
static void test_threshold(void)
{
    watch w;
    watch_begin(&w, "sgd(1, schedule=plateau(patience=0, threshold=0.1))");
    bp__plateau_judge(&w.p, 1, false);
    T_CHECK(bp__plateau_rate(&w.p, 1) == 1);
    bp__plateau_judge(&w.p, 0.95, false);
    T_NEAR(bp__plateau_rate(&w.p, 1), 0.1, 1e-16);
    bp__plateau_judge(&w.p, 0.8, false);
    T_NEAR(bp__plateau_rate(&w.p, 1), 0.1, 1e-16);
    bp__plateau_judge(&w.p, NAN, false);
    T_NEAR(bp__plateau_rate(&w.p, 1), 0.01, 1e-16);
    watch_end(&w);
    watch_begin(&w, "sgd(1, schedule=warmup(3, then=cosine))");
    T_CHECK(w.p.spec == NULL && bp_store_count(w.s) == 0);
    bp__plateau_judge(&w.p, 1, false);
    T_CHECK(bp__plateau_rate(&w.p, 0.7) == 0.7);
    watch_end(&w);
}

/* The rates of the epochs of a run. */
typedef struct epochs {
    double rate[6];
    bp_trainer *stop;
} epochs;

static void note_rate(void *user, const bp_epoch *e)
{
    epochs *n = user;
    if (e->test)
        return;
    n->rate[e->epoch - 1] = e->lr;
    if (n->stop && e->epoch == 3)
        bp_trainer_stop(n->stop);
}

static void test_loop(bool stopped)
{
    bp_data *train = rig_data(RIG_TRAIN, 1), *valid = rig_data(RIG_VALID, 2);
    const char *folder = rig_folder("plateau");
    bp_task task = rig_task();
    /* No accuracy is twice as good: each epoch after the first is idle. */
    task.optimizer = "adam(lr=0.01, schedule=plateau(factor=0.5, patience=1,"
                     " threshold=1))";
    bp_trainer_options o = rig_options(train, valid);
    bp_trainer *t = NULL;
    bp_error err = {0};
    epochs seen = {{0}, NULL};
    o.epochs = 6;
    o.run_dir = folder;
    o.on_epoch = note_rate;
    o.user = &seen;
    T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    if (stopped) {
        seen.stop = t;
        T_CHECK(bp_trainer_run(t, &err) == BP_ECANCELED);
        bp_trainer_free(t);
        o.resume = true;
        seen.stop = NULL;
        T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    }
    T_OK(bp_trainer_run(t, &err), &err);
    static const double want[6] = {0.01, 0.01, 0.01, 0.005, 0.005, 0.0025};
    for (int i = 0; i < 6; i++)
        T_CHECKF(seen.rate[i] == want[i], "epoch %d: %g", i + 1,
                 seen.rate[i]);
    bp_trainer_free(t);
    rig_folder("plateau");
    bp_data_free(train);
    bp_data_free(valid);
}

int main(void)
{
    test_torch();
    test_threshold();
    test_loop(false);
    test_loop(true);
    return t_end();
}
