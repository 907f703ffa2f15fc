/* Mixup: what batches hold, the distribution of the shares, the loss of a
 * step beside the losses against each of the two targets. */
#include "rig.h"

#include "data/augment.h"
#include "train/train.h"

static void batches(void)
{
    enum { N = 60 };
    float x[N * 2];
    int32_t y[N];
    for (int i = 0; i < N; i++) {
        x[2 * i] = (float)i;
        x[2 * i + 1] = (float)(i * i);
        y[i] = i;
    }
    bp_array in = {BP_F32, 2, {N, 2}, x, sizeof x};
    bp_array t = {BP_I32, 1, {N}, y, sizeof y};
    bp_data *d;
    bp_error err = {0};
    T_OK(bp_data_from_arrays(&in, 1, &t, NULL, &d, &err), &err);
    for (int wide = 0; wide < 2; wide++) {
        bp_loader *l;
        bp_batch b;
        bp_loader_options o = {.size = sizeof o, .batch = 25, .shuffle = true,
                               .seed = 8, .dtype = wide ? BP_F64 : BP_F32,
                               .augment = {.mixup = 0.7}};
        T_OK(bp_loader_new(d, &o, &l, &err), &err);
        int partners = 0;
        double last = 0;
        for (int i = 0; i < 9; i++) {
            T_OK(bp_loader_next(l, &b, &err), &err);
            T_REQUIRE(b.target2 && b.mix);
            double w = wide ? ((const double *)b.mix)[0]
                            : (double)((const float *)b.mix)[0];
            T_CHECK(w >= 0.5 && w <= 1 && w != last);
            last = w;
            for (int k = 0; k < b.count; k++) {
                int own = ((const int32_t *)b.target)[k];
                int other = ((const int32_t *)b.target2)[k];
                partners += own != other;
                T_CHECK(own == b.sample[k] && other >= 0 && other < N);
                for (int c = 0; c < 2; c++) {
                    double got = wide
                        ? ((const double *)b.input[0])[2 * k + c]
                        : (double)((const float *)b.input[0])[2 * k + c];
                    double want = w * (double)x[2 * own + c] +
                                  (1 - w) * (double)x[2 * other + c];
                    T_NEAR(got, want, 1e-6 * (1 + want));
                }
            }
        }
        T_CHECK(partners > 9 * 19);
        bp_loader_free(l);
    }
    bp_data_free(d);
}

/* E max(w, 1-w) of Beta(a, a): 1/2 + E|w - 1/2|, in closed form for these. */
static void shares(void)
{
    static const struct {
        double alpha, mean;
    } known[] = {{0.5, 0.5 + 0.318309886}, {1, 0.75}, {2, 0.6875}};
    enum { DRAWS = 20000 };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        bp_augment a = {.mixup = known[i].alpha};
        double sum = 0;
        for (int k = 0; k < DRAWS; k++) {
            double w = bp__mixup_share(&a, 3, k / 100, k % 100);
            T_CHECK(w >= 0.5 && w <= 1);
            sum += w;
        }
        T_NEAR(sum / DRAWS, known[i].mean, 5 * 0.18 / sqrt(DRAWS));
    }
}

/* Nothing that behaves otherwise in training. */
static bp_val plain_net(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    x = bp_nn_relu(nn, bp_nn_dense(nn, x, 8));
    return bp_nn_dense(nn, x, RIG_CLASSES);
}

static void losses(void)
{
    bp_task task = rig_task();
    task.net = plain_net;
    bp_data *d = rig_data(40, 4);
    bp_runtime *r = NULL;
    bp_error err = {0};
    bp_store *s = bp_store_new(NULL);
    bp__task_steps plain, mixed;
    bp_step *p;
    bp_loader *l;
    bp_batch b;
    double loss[2], step;
    T_OK(bp_runtime_new(NULL, &r, &err), &err);
    bp_loader_options o = {.size = sizeof o, .batch = 40, .seed = 2,
                           .augment = {.mixup = 1}};
    T_OK(bp_loader_new(d, &o, &l, &err), &err);
    T_OK(bp_loader_next(l, &b, &err), &err);
    bp__task_steps_init(&plain, &bp__malloc_allocator, &task, s, r);
    bp_task with = task;
    with.mixup = true;
    bp__task_steps_init(&mixed, &bp__malloc_allocator, &with, s, r);
    for (int k = 0; k < 2; k++) {
        bp_batch one = b;
        one.target = k ? b.target2 : b.target;
        T_OK(bp__task_steps_run(&plain, BP_TASK_EVAL, &one, &p, &err), &err);
        loss[k] = bp_step_number(p, "loss");
    }
    T_OK(bp__task_steps_run(&mixed, BP_TASK_TRAIN, &b, &p, &err), &err);
    step = bp_step_number(p, "loss");
    double w = (double)((const float *)b.mix)[0];
    T_CHECK(fabs(loss[0] - loss[1]) > 1e-3);
    T_NEAR(step, w * loss[0] + (1 - w) * loss[1], 1e-5);
    bp__task_steps_free(&plain);
    bp__task_steps_free(&mixed);
    bp_loader_free(l);
    bp_data_free(d);
    bp_store_free(s);
    bp_runtime_free(r);
}

int main(void)
{
    batches();
    shares();
    losses();
    return t_end();
}
