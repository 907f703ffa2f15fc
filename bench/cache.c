/* What a step's cache adds to a run: the same program by bp_run and by
 * bp_step_run, in turn, for a program of next to nothing and for a small
 * network's training step. Microseconds, the fastest of many batches. */
#include "bench.h"

#include <bprop/ops.h>
#include <bprop/step.h>

#include <stdio.h>
#include <stdlib.h>

enum { RUNS = 1000, PAIRS = 9 };

static void must(bp_status s, const bp_error *err)
{
    if (s == BP_OK)
        return;
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

typedef struct both {
    bp_program *program;
    bp_step *step;
    bp_array in[2];
    size_t n;
} both;

static void by_program(void *arg)
{
    both *b = arg;
    bp_error err = {0};
    for (int i = 0; i < RUNS; i++)
        must(bp_run(b->program, &err), &err);
}

static void by_step(void *arg)
{
    both *b = arg;
    bp_error err = {0};
    for (int i = 0; i < RUNS; i++)
        must(bp_step_run(b->step, b->n, b->in, &err), &err);
}

static void add_one(bp_trace *t, void *user)
{
    bp_graph *g = bp_trace_graph(t);
    (void)user;
    bp_trace_output(t, "y", bp_add_scalar(g, bp_trace_input(t, "x"), 1));
}

static void learn(bp_trace *t, void *user)
{
    bp_nn *nn = bp_trace_net(t, "");
    (void)user;
    bp_val y = bp_nn_relu(nn, bp_nn_dense(nn, bp_trace_input(t, "x"), 20));
    bp_val loss = bp_nn_loss(nn, "softmax_cross_entropy",
                             bp_nn_dense(nn, y, 5),
                             bp_trace_input(t, "target"));
    bp_trace_minimize(t, loss, NULL);
    bp_trace_output(t, "loss", loss);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The program is the step's own, so that both run the very same calls. */
static void measure(const char *name, both *b)
{
    double ratio[PAIRS], plain = 0, step = 0;
    bp_error err = {0};
    must(bp_step_run(b->step, b->n, b->in, &err), &err);
    b->program = (bp_program *)(size_t)bp_step_program(b->step);
    for (int i = 0; i < PAIRS; i++) {
        double p = bench_best(by_program, b, 0.1) * 1e6 / RUNS;
        double s = bench_best(by_step, b, 0.1) * 1e6 / RUNS;
        ratio[i] = s - p;
        plain = i && plain < p ? plain : p;
        step = i && step < s ? step : s;
    }
    qsort(ratio, PAIRS, sizeof *ratio, ascending);
    printf("%-12s bp_run %7.3f us  bp_step_run %7.3f us  median difference "
           "%6.3f us\n", name, plain, step, ratio[PAIRS / 2]);
}

int main(void)
{
    static float x[100 * 10];
    static int32_t t[100];
    static const bp_step_input in[] = {
        {.name = "x", .dtype = BP_F32, .rank = 2, .dims = {BP_ANY, 10}},
        {.name = "target", .dtype = BP_I32, .rank = 1, .dims = {BP_ANY}}};
    bp_error err = {0};
    bp_runtime_options ro = {.size = sizeof ro, .threads = 1};
    bp_runtime *r = NULL;
    bp_store *s = bp_store_new(NULL);
    must(bp_runtime_new(&ro, &r, &err), &err);
    bp_step_options o = {.size = sizeof o, .fn = add_one, .n_inputs = 1,
                         .input = in};
    both b = {.n = 1};
    b.in[0] = (bp_array){BP_F32, 2, {1, 10}, x, 40};
    must(bp_step_new(s, r, &o, &b.step, &err), &err);
    measure("y = x + 1", &b);
    bp_step_free(b.step);
    o = (bp_step_options){.size = sizeof o, .fn = learn, .n_inputs = 2,
                          .input = in, .training = true,
                          .optimizer = "sgd(lr=0.01)"};
    b = (both){.n = 2};
    b.in[0] = (bp_array){BP_F32, 2, {100, 10}, x, sizeof x};
    b.in[1] = (bp_array){BP_I32, 1, {100}, t, sizeof t};
    must(bp_step_new(s, r, &o, &b.step, &err), &err);
    measure("10-20-5", &b);
    bp_step_free(b.step);
    bp_store_free(s);
    bp_runtime_free(r);
    return 0;
}
