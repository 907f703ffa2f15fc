/* A loop of one's own: two networks, two optimizers, a gradient penalty. A
 * generator learns to draw digits that a critic cannot tell from the built-in
 * ones (WGAN-GP: Gulrajani et al. 2017, arXiv:1704.00028).
 *
 * Usage: loop FOLDER [ROUNDS]. Killed and called again, it goes on. */
#include <bprop/folder.h>

#include <stdio.h>
#include <stdlib.h>

enum { NOISE = 16, PIXELS = 28 * 28, BATCH = 64, CRITIC_STEPS = 3 };

static bp_val draw(bp_trace *t, int64_t rows)
{
    bp_nn *nn = bp_trace_net(t, "g");
    bp_graph *g = bp_trace_graph(t);
    bp_val z = bp_normal(g, bp_nn_key(nn), BP_F32, 2,
                         (int64_t[]){rows, NOISE}, 0, bp_graph_rows(g) > 0);
    bp_val x = bp_nn_leaky_relu(nn, bp_nn_dense(nn, z, 128), 0.2);
    return bp_nn_sigmoid(nn, bp_nn_dense(nn, x, PIXELS));
}

static bp_val judge(bp_trace *t, bp_val x)
{
    bp_nn *nn = bp_trace_net(t, "d"); /* asked for again: the same one */
    x = bp_nn_leaky_relu(nn, bp_nn_dense(nn, x, 128), 0.2);
    return bp_nn_dense(nn, x, 1);
}

/* mean D(fake) - mean D(real) + 10 (|dD/dx| - 1)^2 between the two */
static void critic(bp_trace *t, void *user)
{
    bp_graph *g = bp_trace_graph(t);
    int64_t rows = bp_graph_rows(g), last = 1;
    (void)user;
    bp_val real = bp_mul_scalar(g, bp_trace_input(t, "x"), 1.0 / 255);
    real = bp_reshape(g, real, 2, (int64_t[]){rows, PIXELS});
    bp_val fake = bp_stop_gradient(g, draw(t, rows));
    bp_val gap = bp_sub(g, bp_mean(g, judge(t, fake), 0, NULL, false),
                        bp_mean(g, judge(t, real), 0, NULL, false));
    bp_val u = bp_uniform(g, bp_nn_key(bp_trace_net(t, "d")), BP_F32, 2,
                          (int64_t[]){rows, 1}, 1, true);
    bp_val mid = bp_add(g, fake, bp_mul(g, u, bp_sub(g, real, fake)));
    bp_val slope, sum = bp_psum(g, bp_sum(g, judge(t, mid), 0, NULL, false));
    bp_grad(g, sum, &mid, 1, &slope);
    bp_val norm = bp_sum(g, bp_square(g, slope), 1, &last, false);
    norm = bp_add_scalar(g, bp_sqrt(g, bp_add_scalar(g, norm, 1e-12)), -1);
    bp_val penalty = bp_mean(g, bp_square(g, norm), 0, NULL, false);
    bp_trace_minimize(t, bp_add(g, gap, bp_mul_scalar(g, penalty, 10)), NULL);
    bp_trace_output(t, "distance", bp_neg(g, gap));
}

static void generator(bp_trace *t, void *user)
{
    bp_graph *g = bp_trace_graph(t);
    bp_val fake = draw(t, BATCH), score = judge(t, fake);
    (void)user;
    bp_trace_minimize(t, bp_neg(g, bp_mean(g, score, 0, NULL, false)), NULL);
    bp_trace_output(t, "fake", fake);
}

static void show(const float *x)
{
    for (int y = 0; y < 28; y += 2, putchar('\n'))
        for (int i = 0; i < 4 * 28; i++)
            putchar(" .:*#"[(int)(4.9f * x[i / 28 * PIXELS + y * 28 + i % 28])]);
}

int main(int argc, char **argv)
{
    bp_error err = {0};
    bp_runtime *r = NULL;
    bp_data *data = NULL;
    bp_source *source = NULL;
    bp_step *d = NULL, *g = NULL;
    bp_folder *folder = NULL;
    bp_store *store = bp_store_new(NULL);
    bp_fields b;
    bp_array fake;
    int64_t round = 0, rounds = argc > 2 ? atoi(argv[2]) : 200;
    bp_step_input in = {"x", BP_F32, 3, {BP_ANY, 28, 28}, false};
    bp_step_options o = {.size = sizeof o, .name = "critic", .fn = critic,
        .n_inputs = 1, .input = &in, .training = true, .params = "d.*",
        .optimizer = "adam(lr=0.0005, beta1=0.5)"}, p = o;
    p.name = "generator", p.fn = generator, p.n_inputs = 0, p.params = "g.*";
    p.optimizer = "adam(lr=0.0005, beta1=0.5, ema=0.99)";
    bp_loader_options lo = {.size = sizeof lo, .batch = BATCH, .shuffle = true};
    bp_folder_options fo = {.size = sizeof fo, .resume = true};
#define TRY(call) if ((call) != BP_OK) goto end
    TRY(bp_runtime_new(NULL, &r, &err));
    TRY(bp_data_digits(BP_SPLIT_TRAIN, 2000, 1, NULL, &data, &err));
    TRY(bp_source_from_data(data, &lo, &source, &err));
    TRY(bp_step_new(store, r, &o, &d, &err));
    TRY(bp_step_new(store, r, &p, &g, &err));
    TRY(bp_folder_new(argc > 1 ? argv[1] : "loop", &fo, &folder, &err));
    bp_folder_add_store(folder, store); /* all that a resumed loop needs */
    bp_folder_add_step(folder, d), bp_folder_add_step(folder, g);
    bp_folder_add_source(folder, "digits", source);
    bp_folder_add_count(folder, "round", &round);
    TRY(bp_folder_start(folder, NULL, &err));
    while (round < rounds) {
        for (int i = 0; i < CRITIC_STEPS; i++) {
            TRY(bp_source_next(source, &b, &err));
            TRY(bp_step_run(d, 1, b.field, &err)); /* its label is not used */
        }
        TRY(bp_step_run(g, 0, NULL, &err));
        if (++round % 50 == 0)
            printf("%d: %.3f\n", (int)round, bp_step_number(d, "distance"));
        TRY(bp_folder_tick(folder, &err));
    }
    if (bp_step_output(g, "fake", &fake))
        show(fake.data);
    TRY(bp_folder_finish(folder, &err));
end:
    if (err.status)
        fprintf(stderr, "loop: %s\n", err.message);
    bp_folder_free(folder), bp_source_free(source), bp_data_free(data);
    bp_step_free(d), bp_step_free(g), bp_store_free(store), bp_runtime_free(r);
    return err.status != BP_OK;
}
