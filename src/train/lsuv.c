/* Layer-sequential unit variance (Mishkin and Matas 2015): from the first layer
 * to the last, a weight that starts by `lsuv` is divided by the deviation of
 * what its layer gives on a batch, until that is 1. The weights start
 * orthogonal. One batch, one program, whatever the shards and threads. */
#include "nn/nn.h"
#include "train/train.h"

#include <bprop/ops.h>

#include <math.h>

typedef struct scaling {
    const bp_task *task;
    bp_store *s;
    bp_program *program;
    const bool *keep; /* by variable: not to be scaled; NULL: none */
} scaling;

/* The variance of all elements, over the whole batch. */
static bp_val variance(bp_graph *g, bp_val x)
{
    x = bp_cast(g, x, BP_F64);
    bp_val d = bp_sub(g, x, bp_mean(g, x, 0, NULL, false));
    return bp_mean(g, bp_square(g, d), 0, NULL, false);
}

static void output_name(char *buf, size_t bytes, int i)
{
    bp__snprintf(buf, bytes, "lsuv.%d", i);
}

static void add_outputs(bp_nn *nn)
{
    int i = 0;
    char name[40];
    for (const bp__nn_scaled *k = nn->scaled; k; k = k->next) {
        output_name(name, sizeof name, i++);
        bp_output(nn->g, name, variance(nn->g, k->out));
    }
}

static bp_status run(scaling *q, int i, double *v, bp_error *err)
{
    char name[40];
    bp_status st = bp_run(q->program, err);
    output_name(name, sizeof name, i);
    *v = bp__result_number(q->program, name);
    return st;
}

static void scale(const bp_var_info *info, void *data, double factor)
{
    size_t n = info->bytes / bp_dtype_bytes(info->dtype);
    for (size_t i = 0; i < n; i++)
        if (info->dtype == BP_F32)
            ((float *)data)[i] = (float)((double)((float *)data)[i] * factor);
        else
            ((double *)data)[i] *= factor;
}

static bp_status scale_layer(scaling *q, const bp__nn_scaled *k, int i,
                             bp_error *err)
{
    bp_var_info info;
    int64_t at = bp_store_find(q->s, k->name);
    double v = 0, tolerance = bp__arg_float(k->init, "tolerance");
    int64_t most = bp__arg_int(k->init, "steps");
    if (at < 0 || bp_store_info(q->s, (size_t)at, &info))
        return bp__error(err, BP_EBUG, "lsuv: no variable %s", k->name);
    if (q->keep && q->keep[at])
        return BP_OK;
    bp_status st = run(q, i, &v, err);
    for (int64_t n = 0; n < most && !st && fabs(v - 1) >= tolerance; n++) {
        if (!(v > 0) || !isfinite(v))
            return bp__error(err, BP_ERANGE, "lsuv: what the layer of %s gives "
                             "has a variance of %g on a batch of the training "
                             "data: no factor makes it 1", k->name, v);
        scale(&info, bp__store_write(q->s, (size_t)at), 1 / sqrt(v));
        st = run(q, i, &v, err);
    }
    return st;
}

static bp_status trace(const bp_task *t, bp_store *s, int64_t rows,
                       bp_graph **g, bp_traced *traced, bp_error *err)
{
    bp_trace_options o = {.size = sizeof o, .rows = rows};
    *g = bp_task_graph(t, s, BP_TASK_TRACE, &o, bp__store_allocator(s), traced);
    if (!bp_graph_status(*g) && traced->nn->scaled)
        add_outputs(traced->nn);
    bp_status st = bp_graph_status(*g);
    if (st)
        bp__error(err, st, "lsuv: %s", *g ? bp_graph_error(*g)
                                          : bp_status_text(st));
    return st;
}

bool bp__lsuv_wanted(const bp_task *t, bp_store *s)
{
    bp_trace_options o = {.size = sizeof o, .rows = 1};
    bp_traced traced = {0};
    bp_graph *g = bp_task_graph(t, s, BP_TASK_PREDICT, &o,
                                bp__store_allocator(s), &traced);
    bool wanted = !bp_graph_status(g) && traced.nn->scaled;
    bp_nn_free(traced.nn);
    bp_graph_free(g);
    return wanted;
}

bp_status bp__lsuv(const bp_task *t, bp_store *s, bp_runtime *r,
                   const bp_batch *b, const bool *keep, bp_error *err)
{
    scaling q = {.task = t, .s = s, .keep = keep};
    bp_traced traced = {0};
    bp_graph *g = NULL;
    bp_status st = trace(t, s, b->count, &g, &traced, err);
    const bp__nn_scaled *list = st ? NULL : traced.nn->scaled;
    const bp_graph *one[] = {g};
    if (list)
        st = bp_compile(r, one, 1, NULL, &q.program, err);
    if (list && !st)
        st = bp__bind_batch(q.program, t, b, true, err);
    int i = 0;
    for (const bp__nn_scaled *k = list; k && !st; k = k->next)
        st = scale_layer(&q, k, i++, err);
    bp_program_free(q.program);
    bp_nn_free(traced.nn);
    bp_graph_free(g);
    return st;
}

bp_status bp_lsuv(const bp_task *t, bp_store *s, bp_runtime *r,
                  const bp_batch *b, bp_error *err)
{
    if (!t || !s || !r || !b || b->count < 1)
        return bp__error(err, BP_EARG, "bp_lsuv: a task, a store, a runtime "
                         "and a batch are needed");
    return bp__lsuv(t, s, r, b, NULL, err);
}
