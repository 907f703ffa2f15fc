/* Evaluation: means over samples whatever the batches, the table of truth and
 * prediction, and who is hardly ever predicted. */
#include "rig.h"

#include "train/train.h"

static void test_means(void)
{
    bp_task task = rig_task();
    bp_data *d = rig_data(257, 4);
    bp_runtime *r = NULL;
    bp_error err = {0};
    bp_store *s = bp_store_new(NULL);
    bp__type out;
    bp_evaluation e[2];
    T_OK(bp_runtime_new(NULL, &r, &err), &err);
    T_OK(bp__task_output(&task, s, &bp__malloc_allocator, &out, &err), &err);
    for (int i = 0; i < 2; i++) {
        bp__task_steps p;
        bp__evaluator ev;
        int64_t right = 0, all = 0;
        bp__task_steps_init(&p, &bp__malloc_allocator, &task, s, r);
        T_OK(bp__evaluator_init(&ev, &p, &out, i ? 257 : 100, &err), &err);
        T_OK(bp__evaluate(&ev, d, "test", &e[i], &err), &err);
        T_CHECK(e[i].samples == 257 && e[i].n_classes == RIG_CLASSES);
        for (int k = 0; k < RIG_CLASSES * RIG_CLASSES; k++) {
            all += e[i].confusion[k];
            right += k % (RIG_CLASSES + 1) == 0 ? e[i].confusion[k] : 0;
        }
        T_CHECK(all == 257);
        T_NEAR(e[i].metric[0], (double)right / 257, 1e-12);
        bp__evaluator_free(&ev);
        bp__task_steps_free(&p);
    }
    T_NEAR(e[0].loss, e[1].loss, 1e-6);
    T_NEAR(e[0].metric[0], e[1].metric[0], 0);
    bp_data_free(d);
    bp_store_free(s);
    bp_runtime_free(r);
}

static bp_val wide_net(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    (void)x;
    return bp_nn_dense(nn, bp_nn_input(nn, 1), 2);
}

/* Large samples come in small batches, whatever describes the task. */
static void test_batch(void)
{
    bp_error err = {0};
    bp__type out;
    bp__evaluator ev;
    bp__task_steps p;
    bp_runtime *r = NULL;
    bp_store *s = bp_store_new(NULL);
    bp_task task = {.size = sizeof task, .net = wide_net, .n_inputs = 2,
                    .input = {{.rank = 1, .dims = {10}},
                              {.rank = 1, .dims = {200000}}},
                    .target = {.dtype = BP_I32},
                    .loss = "softmax_cross_entropy"};
    T_OK(bp_runtime_new(NULL, &r, &err), &err);
    T_OK(bp__task_output(&task, s, &bp__malloc_allocator, &out, &err), &err);
    bp__task_steps_init(&p, &bp__malloc_allocator, &task, s, r);
    T_OK(bp__evaluator_init(&ev, &p, &out, 2, &err), &err);
    T_CHECK(ev.batch == 5); /* about a million numbers */
    bp__evaluator_free(&ev);
    bp__task_steps_free(&p);
    bp_store_free(s);
    bp_runtime_free(r);
}

static void test_stuck(void)
{
    int64_t table[9] = {3, 0, 1, 10, 0, 10, 0, 0, 4};
    bp_evaluation e = {.n_classes = 3, .confusion = table};
    bp__str s;
    bp__str_init(&s, NULL);
    bp__stuck_classes(&e, &s);
    T_CHECKF(s.len && !strcmp(s.s, "stuck: hardly ever predicts class 1"),
             "%s", s.len ? s.s : "");
    s.len = 0;
    table[3] = 9; /* 19 samples are too few to tell */
    bp__stuck_classes(&e, &s);
    T_CHECK(s.len == 0);
    /* Predicted 4 times of 100 is stuck, 5 times is not. */
    s.len = 0;
    table[3] = 96, table[4] = 4, table[5] = 0;
    bp__stuck_classes(&e, &s);
    T_CHECK(s.len && !strcmp(s.s, "stuck: hardly ever predicts class 1"));
    s.len = 0;
    table[3] = 95, table[4] = 5;
    bp__stuck_classes(&e, &s);
    T_CHECK(s.len == 0);
    table[4] = 0;
    s.len = 0;
    table[3] = table[5] = 0; /* class 1 does not occur at all */
    bp__stuck_classes(&e, &s);
    T_CHECK(s.len == 0);
    bp__str_free(&s);
}

int main(void)
{
    test_means();
    test_stuck();
    test_batch();
    return t_end();
}
