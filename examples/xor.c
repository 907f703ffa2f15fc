/* Exclusive or with a network of one hidden layer, on <bprop/nn.h> alone: the
 * graph of one training step is built once, then run. */
#include <bprop/nn.h>

#include <stdio.h>

static bp_val net(bp_nn *nn, bp_val x)
{
    bp_val hidden = bp_nn_tanh(nn, bp_nn_dense(nn, x, 8));
    return bp_nn_dense(nn, hidden, 1);
}

int main(void)
{
    static const float x_data[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    static const float t_data[4][1] = {{0}, {1}, {1}, {0}};
    bp_error err = {0};
    bp_runtime *runtime = NULL;
    bp_program *step = NULL;
    bp_store *store = bp_store_new(NULL);

    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .training = true, .seed = 1};
    bp_nn *nn = bp_nn_new(g, store, &o);
    bp_val x = bp_batch_input(g, "x", BP_F32, 2, (int64_t[]){4, 2});
    bp_val t = bp_batch_input(g, "t", BP_F32, 2, (int64_t[]){4, 1});
    bp_val y = net(nn, x);
    bp_val loss = bp_nn_loss(nn, "binary_cross_entropy", y, t);
    bp_nn_minimize(nn, loss, "adam(lr=0.05)", NULL);
    bp_output(g, "loss", loss);
    bp_output(g, "probability", bp_sigmoid(g, y));

    /* An error while building is reported here, with its place. */
    bool ok = bp_runtime_new(NULL, &runtime, &err) == BP_OK &&
              bp_compile(runtime, (const bp_graph *[]){g}, 1, NULL, &step,
                         &err) == BP_OK &&
              bp_bind(step, "x", x_data, sizeof x_data, &err) == BP_OK &&
              bp_bind(step, "t", t_data, sizeof t_data, &err) == BP_OK;
    for (int i = 0; ok && i <= 500; i++) {
        ok = bp_run(step, &err) == BP_OK;
        if (ok && i % 100 == 0)
            printf("step %3d  loss %.5f\n", i,
                   *(const float *)bp_result(step, "loss", NULL));
    }
    const float *p = ok ? bp_result(step, "probability", NULL) : NULL;
    for (int i = 0; ok && i < 4; i++)
        printf("%.0f xor %.0f = %.3f\n", x_data[i][0], x_data[i][1], p[i]);
    if (!ok)
        fprintf(stderr, "xor: %s\n", err.message);

    bp_program_free(step);
    bp_runtime_free(runtime);
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(store);
    return ok ? 0 : 1;
}
