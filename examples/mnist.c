/* The network of models/mnist-cnn.yaml in C. Usage: mnist DIR, a folder with
 * MNIST's four files. */
#include <bprop/train.h>

#include <stdio.h>

static bp_val net(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    bp_nn_conv2d_options c = {.filters = 32, .kernel = {3}, .same = true};
    x = bp_nn_max_pool2d(nn, bp_nn_relu(nn, bp_nn_conv2d(nn, x, &c)), 2);
    c.filters = 64;
    x = bp_nn_max_pool2d(nn, bp_nn_relu(nn, bp_nn_conv2d(nn, x, &c)), 2);
    x = bp_nn_relu(nn, bp_nn_dense(nn, bp_nn_flatten(nn, x), 128));
    return bp_nn_dense(nn, bp_nn_dropout(nn, x, 0.5), 10);
}

static void show(void *user, const bp_epoch *e)
{
    (void)user;
    printf("epoch %d: loss %.4f, test accuracy %.2f %%\n", (int)e->epoch,
           e->train->loss, 100 * e->valid->metric[0]);
}

int main(int argc, char **argv)
{
    bp_error err = {0};
    bp_data *train = NULL, *test = NULL;
    bp_trainer *t = NULL;
    char path[4][1000];
    static const char *const names[] = {"train-images-idx3", "train-labels-idx1",
                                        "t10k-images-idx3", "t10k-labels-idx1"};
    for (int i = 0; i < 4; i++)
        snprintf(path[i], sizeof path[i], "%s/%s-ubyte.gz",
                 argc > 1 ? argv[1] : ".", names[i]);
    bp_task task = {.size = sizeof task, .net = net, .n_inputs = 1,
                    .input = {{.rank = 3, .dims = {1, 28, 28}}},
                    .target = {.dtype = BP_I32}, .metrics = "accuracy",
                    .loss = "softmax_cross_entropy", .seed = 1,
                    .optimizer = "adam(lr=0.002, schedule=cosine(to=0))"};
    bool ok = !bp_data_from_idx(path[0], path[1], NULL, &train, &err) &&
              !bp_data_from_idx(path[2], path[3], NULL, &test, &err);
    bp_trainer_options o = {.size = sizeof o, .train = train, .valid = test,
                            .normalize = BP_NORM_GLOBAL, .epochs = 5,
                            .batch = 64, .augment = {.shift = 1}, .on_epoch = show};
    ok = ok && !bp_trainer_new(&task, &o, &t, &err) && !bp_trainer_run(t, &err);
    if (!ok)
        fprintf(stderr, "mnist: %s\n", err.message);
    bp_trainer_free(t);
    bp_data_free(train);
    bp_data_free(test);
    return ok ? 0 : 1;
}
