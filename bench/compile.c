/* How long a graph of 10,000 nodes takes to compile. Three shapes: a deep
 * network with its gradient and updates, a wide one, one long chain of
 * elementwise ops. Prints the median of nine compilations of each. */
#include "bench.h"

#include "exec/exec.h"

#include <bprop/ops.h>

#include <stdio.h>
#include <stdlib.h>

static bp_val dense(bp_graph *g, bp_store *st, int i, bp_val v, bp_val *w)
{
    char name[32];
    static const int64_t dims[2] = {32, 32};
    snprintf(name, sizeof name, "w%d", i);
    bp_store_add(st, name, BP_VAR_PARAM, BP_F32, 2, dims, NULL);
    *w = bp_variable(g, st, name);
    return bp_tanh(g, bp_matmul(g, v, *w, false, true));
}

/* Layers until the graph, with its gradient and updates, has n nodes. */
static bp_graph *deep(bp_store *st, size_t n, int width)
{
    enum { MAX = 4000 };
    static bp_val w[MAX], d[MAX];
    bp_graph *g = bp_graph_new(NULL);
    bp_graph_set_shard(g, 1, 16, 16);
    bp_val v = bp_batch_input(g, "x", BP_F32, 2, (int64_t[]){16, 32});
    bp_val first = v;
    int k = 0;
    while (bp_graph_node_count(g) < n * 2 / 7 && k < MAX - width) {
        bp_val sum = BP_NIL;
        for (int j = 0; j < width; j++) {
            bp_val y = dense(g, st, k, width > 1 ? first : v, &w[k]);
            sum = j ? bp_add(g, sum, y) : y;
            k++;
        }
        v = width > 1 ? bp_add(g, v, sum) : sum;
    }
    bp_val loss = bp_mean(g, bp_square(g, v), 0, NULL, false);
    bp_grad(g, loss, w, (size_t)k, d);
    bp_output(g, "loss", loss);
    for (int i = 0; i < k; i++) {
        char name[32];
        snprintf(name, sizeof name, "w%d", i);
        bp_update(g, st, name, bp_sub(g, w[i], bp_mul_scalar(g, d[i], 0.1)));
    }
    return g;
}

static bp_graph *chain(size_t n)
{
    bp_graph *g = bp_graph_new(NULL);
    bp_val v = bp_input(g, "x", BP_F32, 2, (int64_t[]){64, 64});
    bp_val x = v;
    while (bp_graph_node_count(g) < n)
        v = bp_tanh(g, bp_add(g, v, x));
    bp_output(g, "y", v);
    return g;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, by_size);
    return x[n / 2];
}

static void measure(bp_runtime *r, const char *name, bp_graph *g)
{
    double ms[9];
    bp_error err = {BP_OK, ""};
    bp_program_stats ps = {.size = sizeof ps};
    for (int i = 0; i < 9; i++) {
        bp_program *p;
        const bp_graph *one = g;
        double t0 = bench_now();
        if (bp_compile(r, &one, 1, NULL, &p, &err) != BP_OK) {
            fprintf(stderr, "%s: %s\n", name, err.message);
            exit(1);
        }
        ms[i] = (bench_now() - t0) * 1e3;
        bp_program_get_stats(p, &ps);
        bp_program_free(p);
    }
    printf("%-8s %6zu nodes  %6lld calls  %4lld segments  %7.1f ms\n", name,
           bp_graph_node_count(g), (long long)ps.calls,
           (long long)ps.segments, median(ms, 9));
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? (size_t)atol(argv[1]) : 10000;
    bp_error err = {BP_OK, ""};
    bp_runtime *r;
    if (bp_runtime_new(NULL, &r, &err) != BP_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (int i = 0; i < 3; i++) {
        bp_store *st = bp_store_new(NULL);
        double t0 = bench_now();
        bp_graph *g = i == 2 ? chain(n) : deep(st, n, i ? 50 : 1);
        double build = (bench_now() - t0) * 1e3;
        if (bp_graph_status(g) != BP_OK) {
            fprintf(stderr, "%s\n", bp_graph_error(g));
            return 1;
        }
        printf("built in %5.1f ms:  ", build);
        measure(r, i == 2 ? "chain" : i ? "wide" : "deep", g);
        bp_graph_free(g);
        bp_store_free(st);
    }
    bp_runtime_free(r);
    return 0;
}
