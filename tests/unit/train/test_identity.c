/* Whose checkpoint is it? Another graph, other options or other data are
 * refused, and the refusal names which; what may change is accepted. */
#include "rig.h"

static bp_data *train, *valid;

/* The same variables as rig_net has. */
static bp_val other_activation(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    x = bp_nn_dense(nn, x, 8);
    x = bp_nn_batch_norm(nn, x, NULL);
    x = bp_nn_dropout(nn, bp_nn_tanh(nn, x), 0.2);
    return bp_nn_dense(nn, x, RIG_CLASSES);
}

static bp_val other_order(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    x = bp_nn_dense(nn, x, 8);
    x = bp_nn_batch_norm(nn, x, NULL);
    x = bp_nn_relu(nn, bp_nn_dropout(nn, x, 0.2));
    return bp_nn_dense(nn, x, RIG_CLASSES);
}

static bp_val wider(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    x = bp_nn_dense(nn, x, 9);
    x = bp_nn_batch_norm(nn, x, NULL);
    x = bp_nn_dropout(nn, bp_nn_relu(nn, x), 0.2);
    return bp_nn_dense(nn, x, RIG_CLASSES);
}

static const char *folder;

static bp_status go_on(const bp_task *task, const bp_trainer_options *o,
                       bp_error *err)
{
    bp_trainer *t = NULL;
    bp_status st = bp_trainer_new(task, o, &t, err);
    bp_trainer_free(t);
    return st;
}

enum { GRAPH = 1, OPTIONS = 2, DATA = 4 };

static void expect(const char *what, const bp_task *task,
                   const bp_trainer_options *o, int differs)
{
    bp_error err = {0};
    bp_status st = go_on(task, o, &err);
    const char *m = err.message;
    T_CHECKF(st == (differs ? BP_EARG : BP_OK), "%s: %s %s", what,
             bp_status_name(st), m);
    T_CHECKF(!strstr(m, "the graph") == !(differs & GRAPH), "%s: %s", what, m);
    T_CHECKF(!strstr(m, "the options") == !(differs & OPTIONS), "%s: %s", what,
             m);
    T_CHECKF(!strstr(m, "the data of") == !(differs & DATA), "%s: %s", what,
             m);
}

static void test_networks(bp_task k, const bp_trainer_options *o)
{
    bp_net nets[] = {other_activation, other_order, wider};
    for (size_t i = 0; i < BP__ARRAY_LEN(nets); i++) {
        k.net = nets[i];
        expect("network", &k, o, GRAPH);
    }
    k = rig_task();
    k.loss = "softmax_cross_entropy(label_smoothing=0.1)";
    expect("loss", &k, o, GRAPH | OPTIONS);
    k = rig_task();
    k.optimizer = "adam(lr=0.01, beta1=0.8, schedule=cosine(to=0))";
    expect("optimizer", &k, o, GRAPH | OPTIONS);
    k = rig_task();
    k.optimizer = "adam(lr=0.02, schedule=cosine(to=0))";
    expect("rate", &k, o, OPTIONS); /* a variable of the graph */
    k = rig_task();
    k.seed++;
    expect("seed", &k, o, OPTIONS);
}

static void test_options(const bp_task *k, bp_trainer_options o)
{
    const bp_trainer_options right = o;
    o.batch = 17;
    expect("batch", k, &o, GRAPH | OPTIONS);
    o = right;
    o.shards = 2;
    expect("shards", k, &o, GRAPH | OPTIONS);
    o = right;
    o.train = valid;
    expect("training data", k, &o, DATA);
    o = right;
    o.valid = train;
    expect("validation data", k, &o, DATA);
    o = right;
    bp_data *part = NULL;
    bp_error err = {0};
    T_OK(bp_data_slice(train, 0, RIG_TRAIN - 1, &part, &err), &err);
    o.train = part;
    expect("one sample less", k, &o, DATA);
    bp_data_free(part);
}

/* The same numbers in other memory are the same data; threads, epochs, the
 * folder's own options play no part. */
static void test_what_may_change(const bp_task *k, bp_trainer_options o)
{
    bp_runtime_options ro = {.size = sizeof ro, .threads = 3};
    bp_error err = {0};
    bp_data *again = rig_data(RIG_TRAIN, 1);
    expect("nothing", k, &o, 0);
    o.train = again;
    o.epochs = 4;
    o.checkpoint_seconds = -1;
    o.log_every = 0;
    T_OK(bp_runtime_new(&ro, &o.runtime, &err), &err);
    o.no_kernel = "all";
    expect("what may change", k, &o, 0);
    bp_runtime_free(o.runtime);
    bp_data_free(again);
}

/* The end of a schedule moved: said, with the rate before and after. */
static void test_schedule(bp_task k, bp_trainer_options o)
{
    bp_trainer *t = NULL;
    bp_error err = {0};
    T_OK(bp_trainer_new(&k, &o, &t, &err), &err);
    T_CHECK(!bp_trainer_resume_note(t));
    bp_trainer_free(t);
    o.epochs = 6;
    T_OK(bp_trainer_new(&k, &o, &t, &err), &err);
    const char *note = bp_trainer_resume_note(t);
    T_CHECKF(note && strstr(note, "jumps from 0 to 0.005"), "%s",
             note ? note : "no note");
    bp_trainer_free(t);
}

int main(void)
{
    bp_error err = {0};
    train = rig_data(RIG_TRAIN, 1);
    valid = rig_data(RIG_VALID, 2);
    folder = rig_folder("identity");
    bp_task k = rig_task();
    bp_trainer_options o = rig_options(train, valid);
    bp_trainer *t = NULL;
    o.run_dir = folder;
    T_OK(bp_trainer_new(&k, &o, &t, &err), &err);
    T_OK(bp_trainer_run(t, &err), &err);
    bp_trainer_free(t);
    o.resume = true;
    test_networks(k, &o);
    test_options(&k, o);
    test_what_may_change(&k, o);
    test_schedule(k, o);
    rig_folder("identity");
    bp_data_free(train);
    bp_data_free(valid);
    return t_end();
}
