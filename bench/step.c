/* Times training steps (forward, backward, update) of three networks.
 *
 *     bench_step [mlp|cnn|resnet20] [threads] [batch] [level] [plan]
 *
 * Prints the median and the best of many steps, in milliseconds. Data is
 * random: the time does not depend on it. With a fifth argument "plan": the
 * plan instead, "calls": the time of every kernel call. */
#include "exec/exec.h"

#include <bprop/nn.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* One thread: processor time, which other programs disturb less. */
static int cpu_clock;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(cpu_clock ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int print(void *user, const char *s, size_t n)
{
    (void)user;
    return fwrite(s, 1, n, stdout) == n ? 0 : 1;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void die(const char *what, const bp_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->message);
    exit(1);
}

static void block(bp_model *m, int filters, int stride, int project)
{
    char text[400];
    char shortcut[120] = "";
    if (project)
        snprintf(shortcut, sizeof shortcut,
                 ", shortcut=[conv2d(%d, kernel=1, stride=%d, bias=false), "
                 "batch_norm]", filters, stride);
    snprintf(text, sizeof text,
             "residual(body=[conv2d(%d, kernel=3, stride=%d, padding=same, "
             "bias=false), batch_norm, relu, conv2d(%d, kernel=3, "
             "padding=same, bias=false), batch_norm]%s), relu", filters,
             stride, filters, shortcut);
    bp_model_add(m, text);
}

static bp_model *make(const char *name, bp_task *t)
{
    bp_model *m = bp_model_new(NULL);
    if (strcmp(name, "mlp") == 0) {
        bp_model_input(m, "x", 1, (int64_t[]){784});
        bp_model_add(m, "dense(256), relu, dense(10)");
        t->optimizer = "sgd(lr=0.1)";
    } else if (strcmp(name, "cnn") == 0) {
        bp_model_input(m, "x", 3, (int64_t[]){1, 28, 28});
        bp_model_add(m, "conv2d(32, kernel=3, padding=same), relu, "
                        "max_pool2d(2), conv2d(64, kernel=3, padding=same), "
                        "relu, max_pool2d(2), flatten, dense(128), relu, "
                        "dropout(0.5), dense(10)");
        t->optimizer = "adam(lr=0.001)";
    } else {
        bp_model_input(m, "x", 3, (int64_t[]){3, 32, 32});
        bp_model_add(m, "conv2d(16, kernel=3, padding=same, bias=false), "
                        "batch_norm, relu");
        for (int stage = 0; stage < 3; stage++)
            for (int i = 0; i < 3; i++)
                block(m, 16 << stage, stage && i == 0 ? 2 : 1,
                      stage && i == 0);
        bp_model_add(m, "global_avg_pool2d, dense(10)");
        t->optimizer = "momentum(lr=0.1)";
    }
    t->model = m;
    return m;
}

static void time_calls(bp_program *p)
{
    for (int rep = 0; rep < 2; rep++)
        for (size_t s = 0; s < p->plan->n_segments; s++) {
            const bp__segment *seg = &p->plan->segments[s];
            if (rep)
                printf("segment %zu%s\n", s, seg->by_rows ? ", by rows" : "");
            for (uint32_t i = 0; i < seg->count; i++) {
                uint32_t c = p->plan->order[seg->first + i];
                const bp__call *call = &p->l->calls[c];
                double best = 1e9;
                if (call->phase == BP__PHASE_COMMIT)
                    continue;
                for (int k = 0; k < 5; k++) {
                    double t = now_ms();
                    bp__run_call(p, c, 0, 0, call->units);
                    t = now_ms() - t;
                    best = t < best ? t : best;
                }
                if (rep)
                    printf("%8.1f us %7.1f GF/s  %-22s %s %s\n", best * 1e3,
                           call->flops / best / 1e6, call->kernel,
                           call->label, call->detail ? call->detail : "");
            }
        }
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "mlp";
    int threads = argc > 2 ? atoi(argv[2]) : 1;
    cpu_clock = threads == 1;
    int64_t batch = argc > 3 ? atoll(argv[3]) : 64;
    bp_level level = argc > 4 ? (bp_level)atoi(argv[4]) : BP_LEVEL_AUTO;
    const char *mode = argc > 5 ? argv[5] : "";
    bp_error err = {BP_OK, ""};
    bp_runtime *r;
    bp_runtime_options ro = {.size = sizeof ro, .threads = threads,
                             .level = level};
    if (bp_runtime_new(&ro, &r, &err))
        die("runtime", &err);
    bp_task t = {.size = sizeof t, .loss = "softmax_cross_entropy",
                 .target = {.dtype = BP_I32, .rank = 0}, .dtype = BP_F32,
                 .seed = 1};
    bp_model *m = make(name, &t);
    bp_store *s = bp_store_new(NULL);
    bp_trace_options to = {.size = sizeof to, .rows = batch};
    bp_graph *g = bp_task_graph(&t, s, BP_TASK_TRAIN, &to, NULL, NULL);
    bp_program *p;
    double t0 = now_ms();
    if (bp_compile(r, (const bp_graph *const *)&g, 1, NULL, &p, &err))
        die("compile", &err);
    double compile = now_ms() - t0;
    size_t n = (size_t)batch * (strcmp(name, "resnet20") == 0 ? 3072 : 784);
    float *x = malloc(n * sizeof *x);
    int32_t *y = malloc((size_t)batch * sizeof *y);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((i * 2654435761u >> 8) & 0xffff) / 65536.0f;
    for (int64_t i = 0; i < batch; i++)
        y[i] = (int32_t)(i % 10);
    if (bp_bind(p, "x", x, n * sizeof *x, &err) ||
        bp_bind(p, "target", y, (size_t)batch * sizeof *y, &err))
        die("bind", &err);
    if (strcmp(mode, "plan") == 0) {
        bp_program_print(p, BP_VIEW_PLAN, print, NULL);
        return 0;
    }
    enum { STEPS = 2000 };
    static double times[STEPS];
    int steps = 0;
    for (double end = now_ms() + 3000; steps < STEPS && now_ms() < end;
         steps++) {
        double a = now_ms();
        if (bp_run(p, &err))
            die("run", &err);
        times[steps] = now_ms() - a;
    }
    if (strcmp(mode, "calls") == 0)
        time_calls(p);
    qsort(times, (size_t)steps, sizeof *times, ascending);
    bp_program_stats st = {.size = sizeof st};
    bp_program_get_stats(p, &st);
    printf("%s batch %d, %d threads, %s: median %.4f ms, best %.4f, "
           "%.1f GF/s at the median; %lld calls, %lld segments, arena %.1f "
           "MB; compiled in %.1f ms\n", name, (int)batch, threads,
           bp_level_name(bp_runtime_level(r)), times[steps / 2], times[0],
           st.flops / times[steps / 2] / 1e6, (long long)st.calls,
           (long long)st.segments, (double)st.arena_bytes / 1e6, compile);
    bp_program_free(p);
    bp_graph_free(g);
    bp_store_free(s);
    bp_model_free(m);
    bp_runtime_free(r);
    free(x);
    free(y);
    return 0;
}
