/* A task's programs, cached by mode and rows, and what a task says about its
 * inputs and outputs. */
#include "train/train.h"

#include "nn/spec.h"

enum { PROGRAMS_MAX_BYTES = 512 << 20, PROGRAMS_CALL_BYTES = 1024 };

void bp__programs_init(bp__programs *p, const bp_allocator *a,
                       const bp_task *task, bp_store *store, bp_runtime *r)
{
    *p = (bp__programs){.a = *a, .task = task, .store = store, .runtime = r};
    p->compile.size = sizeof p->compile;
    p->shards = 1;
    p->max_bytes = PROGRAMS_MAX_BYTES;
}

void bp__programs_free(bp__programs *p)
{
    for (size_t i = 0; i < p->n; i++)
        bp_program_free(p->list[i].program);
    bp__free(&p->a, p->list, p->cap * sizeof *p->list);
    p->list = NULL;
    p->n = p->cap = 0;
}

/* The distinct numbers of rows of S shards of a batch, larger first; an empty
 * shard has no graph. */
static int shard_sizes(int64_t rows, int64_t shards, int64_t size[2])
{
    int64_t lo = rows / shards, hi = lo + (rows % shards != 0);
    int n = 0;
    size[n++] = hi;
    if (lo != hi && lo > 0)
        size[n++] = lo;
    return n;
}

static bp_status trace_and_compile(bp__programs *p, bp_task_mode mode,
                                   int64_t rows, bp_program **program,
                                   bp_error *err)
{
    int64_t size[2];
    bp_graph *g[2] = {NULL, NULL};
    int n = shard_sizes(rows, p->shards, size);
    bp_status st = BP_OK;
    for (int i = 0; i < n && !st; i++) {
        bp_trace_options o = {.size = sizeof o, .rows = size[i],
                              .global_rows = rows, .shards = p->shards,
                              .grad_norm = p->grad_norm};
        g[i] = bp_task_graph(p->task, p->store, mode, &o, &p->a, NULL);
        st = bp_graph_status(g[i]);
        if (st)
            bp__error(err, st, "%s",
                      g[i] ? bp_graph_error(g[i]) : bp_status_text(st));
    }
    if (!st)
        st = bp_compile(p->runtime, (const bp_graph *const *)g, (size_t)n,
                        &p->compile, program, err);
    bp_graph_free(g[0]);
    bp_graph_free(g[1]);
    return st;
}

static size_t program_bytes(const bp_program *program)
{
    bp_program_stats s = {.size = sizeof s};
    if (bp_program_get_stats(program, &s))
        return 0;
    return (size_t)s.const_bytes + (size_t)s.calls * PROGRAMS_CALL_BYTES;
}

/* Makes room for one more of this size. */
static void drop_oldest(bp__programs *p, size_t bytes)
{
    for (;;) {
        size_t total = bytes, oldest = 0;
        for (size_t i = 0; i < p->n; i++) {
            total += p->list[i].bytes;
            if (p->list[i].used < p->list[oldest].used)
                oldest = i;
        }
        if (total <= p->max_bytes || !p->n)
            return;
        bp_program_free(p->list[oldest].program);
        p->list[oldest] = p->list[--p->n];
    }
}

bp_status bp__programs_get(bp__programs *p, bp_task_mode mode, int64_t rows,
                           bp_program **program, bp_error *err)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->list[i].mode != mode || p->list[i].rows != rows)
            continue;
        p->list[i].used = ++p->clock;
        *program = p->list[i].program;
        return BP_OK;
    }
    if (!bp__grow(&p->a, &p->list, &p->cap, p->n + 1, sizeof *p->list))
        return bp__oom(err);
    bp_program *made = NULL;
    bp_status st = trace_and_compile(p, mode, rows, &made, err);
    if (st)
        return st;
    size_t bytes = program_bytes(made);
    drop_oldest(p, bytes);
    p->list[p->n++] =
        (bp__cached_program){mode, rows, made, bytes, ++p->clock};
    *program = made;
    return BP_OK;
}

/* ---- what a task says --------------------------------------------------- */

static const char *const input_names[] = {"x",  "x1", "x2", "x3",
                                          "x4", "x5", "x6", "x7"};

size_t bp__task_inputs(const bp_task *t)
{
    if (t->n_inputs || !t->model)
        return BP__MIN(t->n_inputs, (size_t)BP_NN_MAX_INPUTS);
    return BP__MIN(bp_model_input_count(t->model), (size_t)BP_NN_MAX_INPUTS);
}

void bp__task_input(const bp_task *t, size_t i, bp_nn_io *io)
{
    if (t->n_inputs || !t->model) {
        *io = t->input[i];
    } else {
        *io = (bp_nn_io){0};
        bp__model_input(t->model, i, &io->name, &io->rank, io->dims);
    }
    if (!io->name)
        io->name = input_names[i];
    io->dtype = t->dtype;
}

const char *bp__task_target_name(const bp_task *t)
{
    return t->target.name ? t->target.name : "target";
}

bp_status bp__task_output(const bp_task *t, bp_store *s, const bp_allocator *a,
                          bp__type *out, bp_error *err)
{
    bp_trace_options o = {.size = sizeof o, .rows = 1};
    bp_traced traced = {0};
    bp_graph *g = bp_task_graph(t, s, BP_TASK_PREDICT, &o, a, &traced);
    bp_status st = bp_graph_status(g);
    if (st)
        bp__error(err, st, "%s", g ? bp_graph_error(g) : bp_status_text(st));
    else
        *out = *bp__type_of(g, traced.output);
    bp_nn_free(traced.nn);
    bp_graph_free(g);
    return st;
}

bp_status bp__bind_batch(bp_program *p, const bp_task *t, const bp_batch *b,
                         bool target, bp_error *err)
{
    size_t n = bp__task_inputs(t);
    if (n != b->n_inputs)
        return bp__error(err, BP_ESHAPE, "the model has %zu input(s), the data "
                         "%zu", n, b->n_inputs);
    bp_status st = BP_OK;
    for (size_t i = 0; i < n && !st; i++) {
        bp_nn_io io;
        bp__task_input(t, i, &io);
        st = bp_bind(p, io.name, b->input[i], b->input_bytes[i], err);
    }
    if (!st && target)
        st = bp_bind(p, bp__task_target_name(t), b->target, b->target_bytes,
                     err);
    if (!st && target && b->mix && t->mixup) {
        st = bp_bind(p, "target2", b->target2, b->target_bytes, err);
        if (!st)
            st = bp_bind(p, "mix", b->mix, b->mix_bytes, err);
    }
    return st;
}

double bp__result_number(const bp_program *p, const char *name)
{
    size_t bytes = 0;
    const void *r = bp_result(p, name, &bytes);
    if (r && bytes == sizeof(float))
        return *(const float *)r;
    if (r && bytes == sizeof(double))
        return *(const double *)r;
    return 0;
}

double bp__loss_weight(const bp_program *p, int64_t rows)
{
    size_t bytes;
    return bp_result(p, "loss.weight", &bytes)
               ? bp__result_number(p, "loss.weight")
               : (double)rows;
}
