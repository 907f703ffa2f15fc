/* The one policy for the size of an options struct: an older program's lacks
 * members, a newer one's has some that are not known here. */
#include "t.h"

#include "base/base.h"

#include <bprop/step.h>
#include <bprop/train.h>

typedef struct sample {
    size_t size;
    int a, b;
} sample;

typedef struct newer {
    size_t size;
    int a, b, c, d;
} newer;

static void test_take(void)
{
    bp_error err = {0};
    sample all;
    newer n = {.size = sizeof n, .a = 1, .b = 2};
    T_OK(bp__options(&all, sizeof all, NULL, "sample", &err), &err);
    T_CHECK(all.size == sizeof all && !all.a && !all.b);
    T_OK(bp__options(&all, sizeof all, &n, "sample", &err), &err);
    T_CHECK(all.size == sizeof all && all.a == 1 && all.b == 2);
    n.d = 5;
    T_CHECK(bp__options(&all, sizeof all, &n, "sample", &err) == BP_EARG);
    T_CHECK(strstr(err.message, "sample.size is 24") &&
            strstr(err.message, "does not know"));
    n.size = offsetof(newer, b); /* older: b is whatever lies there */
    T_OK(bp__options(&all, sizeof all, &n, "sample", &err), &err);
    T_CHECK(all.size == sizeof all && all.a == 1 && !all.b);
    n.size = 0;
    T_CHECK(bp__options(&all, sizeof all, &n, "sample", &err) == BP_EARG);
    T_CHECK(strstr(err.message, "set it to sizeof(sample)"));
}

static bp_val net(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    return bp_nn_dense(nn, x, 2);
}

/* Older structs do everywhere, not in some functions alone. */
static void test_older(void)
{
    bp_error err = {0};
    float x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    int32_t y[4] = {0, 1, 0, 1};
    bp_array in = {.dtype = BP_F32, .rank = 2, .dims = {4, 2}, .data = x,
                   .bytes = sizeof x};
    bp_array target = {.dtype = BP_I32, .rank = 1, .dims = {4}, .data = y,
                       .bytes = sizeof y};
    bp_data_options d = {.size = sizeof(size_t)};
    bp_data *data = NULL;
    bp_runtime *r = NULL;
    bp_trainer *t = NULL;
    bp_runtime_options ro = {.size = offsetof(bp_runtime_options, threads),
                             .threads = 9999};
    T_OK(bp_runtime_new(&ro, &r, &err), &err);
    T_OK(bp_data_from_arrays(&in, 1, &target, &d, &data, &err), &err);
    bp_task task = {.size = offsetof(bp_task, n_classes), .net = net,
                    .n_inputs = 1, .input = {{.rank = 1, .dims = {2}}},
                    .target = {.dtype = BP_I32},
                    .loss = "softmax_cross_entropy",
                    .optimizer = "sgd(lr=0.1)"};
    bp_trainer_options o = {.size = offsetof(bp_trainer_options, batch),
                            .runtime = r, .train = data, .epochs = 1,
                            .batch = -5};
    T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    T_OK(bp_trainer_run(t, &err), &err);
    bp_trainer_free(t);
    bp_data_expect e = {.size = offsetof(bp_data_expect, target), .n_inputs = 1,
                        .rank = {1}, .dims = {{2}}, .n_classes = 1};
    bp_data_report report = {0};
    T_CHECK(!bp_data_check(data, &e, "data", &report));
    bp_data_free(data);
    bp_runtime_free(r);
}

int main(void)
{
    test_take();
    test_older();
    return t_end();
}
