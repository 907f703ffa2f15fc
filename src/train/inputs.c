/* What a task asks of data: the types and shapes of its inputs, the range of
 * its whole numbers, the classes of its targets. */
#include "data/data.h"
#include "data/norm.h"
#include "fmt/array.h"
#include "nn/nn.h"
#include "train/train.h"

bp_status bp__task_look(const bp_task *t, bp_store *s, const bp_allocator *a,
                        bp__type *out, int64_t below[BP_NN_MAX_INPUTS],
                        bp_error *err)
{
    bp_trace_options o = {.size = sizeof o, .rows = 1};
    bp_traced traced = {0};
    bp_graph *g = bp_task_graph(t, s, BP_TASK_PREDICT, &o, a, &traced);
    bp_status st = bp_graph_status(g);
    if (st)
        bp__error(err, st, "%s", g ? bp_graph_error(g) : bp_status_text(st));
    else
        *out = *bp__type_of(g, traced.output);
    if (!st && below)
        memcpy(below, traced.nn->below, sizeof traced.nn->below);
    bp_nn_free(traced.nn);
    bp_graph_free(g);
    return st;
}

void bp__task_loader(const bp_task *t, bp_loader_options *o)
{
    o->dtype = t->dtype;
    for (size_t i = 0; i < bp__task_inputs(t); i++) {
        bp_nn_io io;
        bp__task_input(t, i, &io);
        o->input_dtype[i] = io.dtype;
    }
}

int64_t bp__task_labels(const bp_task *t)
{
    int64_t n = 1;
    for (int i = 0; i < t->target.rank; i++)
        n *= t->target.dims[i];
    return n;
}

int64_t bp__task_classes(const bp_task *t, const bp__type *output)
{
    if (t->target.dtype != BP_I32)
        return 0;
    /* Of as many labels as outputs, each is 0 or 1. */
    int64_t width = output->rank == t->target.rank + 2
                        ? output->dims[output->rank - 1] : 1;
    return width == 1 ? 2 : width;
}

bp_status bp__task_expect(const bp_task *t, bp_store *s, const bp_allocator *a,
                          bp_data_expect *e, bp_error *err)
{
    bp__type output;
    int64_t below[BP_NN_MAX_INPUTS] = {0};
    *e = (bp_data_expect){.size = sizeof *e, .n_inputs = bp__task_inputs(t)};
    bp_status st = bp__task_look(t, s, a, &output, below, err);
    if (st)
        return st;
    for (size_t i = 0; i < e->n_inputs; i++) {
        bp_nn_io io;
        bp__task_input(t, i, &io);
        e->rank[i] = io.rank;
        memcpy(e->dims[i], io.dims, sizeof io.dims);
        e->input_dtype[i] = io.dtype;
        e->below[i] = below[i];
    }
    e->n_classes = bp__task_classes(t, &output);
    e->target = e->n_classes ? BP_TARGET_CLASS : BP_TARGET_REAL;
    e->target_numel = bp__task_labels(t);
    return BP_OK;
}

bp_status bp__task_norm(const bp_task *t, const bp_data *d, size_t input,
                        bp_norm_kind kind, const bp_allocator *a,
                        bp_norm **norm, bp_error *err)
{
    bp_nn_io io = {0};
    if (input < bp__task_inputs(t))
        bp__task_input(t, input, &io);
    if (bp__is_whole(io.dtype))
        kind = BP_NORM_NONE;
    return bp__norm_fit(d, input, kind, io.rank, io.dims, a, norm, err);
}
