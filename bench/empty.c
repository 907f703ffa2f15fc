/* What a step costs that computes nothing: an empty program, one with a
 * variable to count up, one that adds two scalars. Microseconds, the fastest
 * of many batches of 1000 runs. */
#include "bench.h"

#include "exec/exec.h"

#include <bprop/ops.h>

#include <stdio.h>
#include <stdlib.h>

static void thousand(void *arg)
{
    bp_error err = {BP_OK, ""};
    for (int i = 0; i < 1000; i++)
        if (bp_run(arg, &err) != BP_OK) {
            fprintf(stderr, "%s\n", err.message);
            exit(1);
        }
}

static void measure(bp_runtime *r, bp_graph *g, const char *name)
{
    bp_error err = {BP_OK, ""};
    bp_program *p;
    const bp_graph *one = g;
    static const double x[1] = {1};
    if (bp_compile(r, &one, 1, NULL, &p, &err) != BP_OK) {
        fprintf(stderr, "%s: %s\n", name, err.message);
        exit(1);
    }
    if (p->l->n_inputs)
        bp_bind(p, "x", x, sizeof x, &err);
    printf("%-20s %d threads  %6.3f us\n", name, bp_runtime_threads(r),
           bench_best(thousand, p, 0.2) * 1e3);
    bp_program_free(p);
    bp_graph_free(g);
}

int main(void)
{
    for (int threads = 1; threads <= 2; threads++) {
        bp_error err = {BP_OK, ""};
        bp_runtime_options o = {.size = sizeof o, .threads = threads};
        bp_runtime *r;
        if (bp_runtime_new(&o, &r, &err) != BP_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
        bp_store *st = bp_store_new(NULL);
        bp_store_add(st, "n", BP_VAR_TRAINER, BP_I32, 0, NULL, &err);
        bp_graph *g = bp_graph_new(NULL);
        measure(r, g, "empty");
        g = bp_graph_new(NULL);
        bp_update(g, st, "n", bp_add(g, bp_variable(g, st, "n"),
                                     bp_scalar(g, BP_I32, 1)));
        measure(r, g, "a counter");
        g = bp_graph_new(NULL);
        bp_val x = bp_input(g, "x", BP_F64, 0, NULL);
        bp_output(g, "y", bp_add(g, x, bp_exp(g, x)));
        measure(r, g, "one scalar output");
        bp_store_free(st);
        bp_runtime_free(r);
    }
    return 0;
}
