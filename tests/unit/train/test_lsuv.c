/* Layer-sequential unit variance: variances of a deep network before and
 * after, independently of the engine's own; layers that are asked alone; the
 * same bits from any threads and after a stop; not what comes from a file. */
#include "rig.h"
#include "nn/nn.h"
#include "train/train.h"

#include <bprop/ops.h>

#include <math.h>

enum { DEPTH = 12, WIDTH = 24, ROWS = 100 };

/* With bp_task.init, or with an init of one layer. */
static bp_val deep(bp_nn *nn, bp_val x, void *user)
{
    const char *one = user;
    for (int i = 0; i < DEPTH; i++) {
        bp_nn_dense_options o = {.units = WIDTH, .init = i == 3 ? one : NULL};
        x = bp_nn_tanh(nn, bp_nn_dense_with(nn, x, &o));
    }
    return bp_nn_dense(nn, x, RIG_CLASSES);
}

static bp_task deep_task(const char *init)
{
    bp_task t = rig_task();
    t.net = deep;
    t.init = init;
    return t;
}

/* Variances of what the dense layers give on rows of data, in f64 by hand. */
static void variances(bp_store *s, const float *x, int64_t rows, int64_t width,
                      double *v)
{
    double *in = malloc((size_t)(rows * WIDTH) * sizeof *in);
    double *out = malloc((size_t)(rows * WIDTH) * sizeof *out);
    T_REQUIRE(in && out);
    for (int64_t i = 0; i < rows * width; i++)
        in[i] = (double)x[i];
    for (int l = 0; l <= DEPTH; l++) {
        char name[40];
        bp_var_info info;
        double sum = 0, squares = 0;
        snprintf(name, sizeof name, "%d.weight", 2 * l);
        int64_t k = bp_store_find(s, name);
        T_REQUIRE(k >= 0);
        bp_store_info(s, (size_t)k, &info);
        const float *w = bp_store_data(s, (size_t)k);
        int64_t units = info.dims[0];
        for (int64_t r = 0; r < rows; r++)
            for (int64_t u = 0; u < units; u++) {
                double y = 0;
                for (int64_t i = 0; i < width; i++)
                    y += in[r * width + i] * (double)w[u * width + i];
                out[r * units + u] = y;
                sum += y;
            }
        double n = (double)(rows * units);
        for (int64_t i = 0; i < rows * units; i++)
            squares += (out[i] - sum / n) * (out[i] - sum / n);
        v[l] = squares / n;
        for (int64_t i = 0; i < rows * units; i++)
            in[i] = tanh(out[i]);
        width = units;
    }
    free(in);
    free(out);
}

static void batch_of(bp_data *d, bp_loader **l, bp_batch *b)
{
    bp_error err = {0};
    bp_loader_options o = {.size = sizeof o, .batch = ROWS};
    T_OK(bp_loader_new(d, &o, l, &err), &err);
    T_OK(bp_loader_next(*l, b, &err), &err);
}

static bp_store *initial(const bp_task *t)
{
    bp_store *s = bp_store_new(NULL);
    bp__type out;
    bp_error err = {0};
    T_OK(bp__task_output(t, s, &bp__malloc_allocator, &out, &err), &err);
    return s;
}

static void test_variances(void)
{
    bp_task t = deep_task("lsuv(0.01)");
    bp_data *d = rig_data(ROWS, 1);
    bp_store *s = initial(&t);
    bp_loader *l;
    bp_batch b;
    bp_runtime *r = NULL;
    bp_error err = {0};
    double before[DEPTH + 1], after[DEPTH + 1], far = 0;
    T_OK(bp_runtime_new(NULL, &r, &err), &err);
    batch_of(d, &l, &b);
    variances(s, b.input[0], ROWS, 2, before);
    T_OK(bp_lsuv(&t, s, r, &b, &err), &err);
    variances(s, b.input[0], ROWS, 2, after);
    for (int i = 0; i <= DEPTH; i++) {
        far = fmax(far, fabs(before[i] - 1));
        T_CHECKF(fabs(after[i] - 1) < 0.0101, "layer %d: %g, was %g", i,
                 after[i], before[i]);
    }
    T_CHECKF(far > 0.5, "variances were near 1 already: %g", far);
    /* Done: a second time changes nothing. */
    double first = (double)((float *)bp_store_data(s, 0))[0];
    T_OK(bp_lsuv(&t, s, r, &b, &err), &err);
    T_CHECK((double)((float *)bp_store_data(s, 0))[0] == first);
    bp_loader_free(l);
    bp_data_free(d);
    bp_store_free(s);
    bp_runtime_free(r);
}

/* Only the layer that asks for it. */
static void test_one_layer(void)
{
    bp_task t = deep_task("orthogonal");
    t.user = "lsuv(1e-5)";
    bp_data *d = rig_data(ROWS, 1);
    bp_store *s = initial(&t), *as_made = initial(&t);
    bp_loader *l;
    bp_batch b;
    bp_runtime *r = NULL;
    bp_error err = {0};
    double v[DEPTH + 1];
    T_OK(bp_runtime_new(NULL, &r, &err), &err);
    batch_of(d, &l, &b);
    T_OK(bp_lsuv(&t, s, r, &b, &err), &err);
    variances(s, b.input[0], ROWS, 2, v);
    T_NEAR(v[3], 1, 2e-5);
    for (size_t i = 0; i < bp_store_count(s); i++) {
        bp_var_info info;
        bp_store_info(s, i, &info);
        bool same = !memcmp(bp_store_data(s, i), bp_store_data(as_made, i),
                            info.bytes);
        T_CHECKF(same == (strcmp(info.name, "6.weight") != 0), "%s",
                 info.name);
    }
    bp_loader_free(l);
    bp_data_free(d);
    bp_store_free(s);
    bp_store_free(as_made);
    bp_runtime_free(r);
}

static void stop_at_9(void *user, const bp_progress *p)
{
    if (!strcmp(p->split, "train") && p->step == 9)
        bp_trainer_stop(*(bp_trainer **)user);
}

/* The log of three epochs. */
static char *train(int threads, bool stop, const char *folder)
{
    bp_task task = deep_task("lsuv");
    bp_data *d = rig_data(RIG_TRAIN, 1), *v = rig_data(RIG_VALID, 2);
    bp_trainer_options o = rig_options(d, v);
    bp_runtime_options ro = {.size = sizeof ro, .threads = threads};
    bp_runtime *r = NULL;
    bp_trainer *t = NULL;
    bp_error err = {0};
    T_OK(bp_runtime_new(&ro, &r, &err), &err);
    o.runtime = r;
    o.run_dir = folder;
    o.on_step = stop ? stop_at_9 : NULL;
    o.user = &t;
    T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    bp_status st = bp_trainer_run(t, &err);
    if (stop) {
        T_CHECK(st == BP_ECANCELED);
        bp_trainer_free(t);
        o.on_step = NULL;
        o.resume = true;
        T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
        st = bp_trainer_run(t, &err);
    }
    T_OK(st, &err);
    bp_trainer_free(t);
    bp_data_free(d);
    bp_data_free(v);
    bp_runtime_free(r);
    return rig_read(folder, "log.jsonl");
}

static void test_same_bits(void)
{
    char *first = train(1, false, rig_folder("lsuv"));
    for (int i = 0; i < 3; i++) {
        char *log = train(i + 1, i == 2, rig_folder("lsuv"));
        T_CHECKF(!strcmp(log, first), "%d threads:\n%s", i + 1, log);
        free(log);
    }
    free(first);
    rig_folder("lsuv");
}

/* Weights of a file stay; those that it has not are scaled behind them. */
static void test_init_from(void)
{
    bp_task t = deep_task("lsuv");
    bp_data *d = rig_data(RIG_TRAIN, 1);
    bp_store *s = initial(&t);
    bp_error err = {0};
    bp_trainer *tr = NULL;
    bp_trainer_options o = rig_options(d, NULL);
    static const char *const file = "lsuv.safetensors";
    static const bp_transfer_rule rules[] = {{"24.*", NULL}};
    T_OK(bp_store_save(s, file, BP_KINDS_WEIGHTS, &err), &err);
    o.test = NULL;
    o.init_from = file;
    o.transfer.n_map = 1;
    o.transfer.map = rules;
    o.transfer.allow_missing = true;
    T_OK(bp_trainer_new(&t, &o, &tr, &err), &err);
    bp_store *got = bp_trainer_store(tr);
    int64_t a = bp_store_find(got, "0.weight"), b = bp_store_find(s, "0.weight");
    T_CHECK(!memcmp(bp_store_data(got, (size_t)a), bp_store_data(s, (size_t)b),
                    2 * WIDTH * sizeof(float)));
    a = bp_store_find(got, "24.weight"), b = bp_store_find(s, "24.weight");
    T_CHECK(memcmp(bp_store_data(got, (size_t)a), bp_store_data(s, (size_t)b),
                   WIDTH * RIG_CLASSES * sizeof(float)));
    bp_trainer_free(tr);
    bp_data_free(d);
    bp_store_free(s);
    unlink(file);
}

/* Nothing comes out of the first layer: no factor helps. */
static bp_val dead(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    x = bp_nn_relu(nn, bp_nn_dense(nn, x, 4));
    x = bp_mul_scalar(nn->g, x, 0);
    return bp_nn_dense(nn, x, RIG_CLASSES);
}

static void test_dead(void)
{
    bp_task t = rig_task();
    bp_data *d = rig_data(RIG_TRAIN, 1);
    bp_trainer *tr = NULL;
    bp_error err = {0};
    t.net = dead;
    t.init = "lsuv";
    bp_trainer_options o = rig_options(d, NULL);
    T_CHECK(bp_trainer_new(&t, &o, &tr, &err) == BP_ERANGE);
    T_CHECKF(strstr(err.message, "2.weight"), "%s", err.message);
    T_CHECK(bp_nn_check(BP_NN_INITS, "lsuv(0)", &err) == BP_ERANGE);
    bp_data_free(d);
}

int main(void)
{
    test_variances();
    test_one_layer();
    test_same_bits();
    test_init_from();
    test_dead();
    return t_end();
}
