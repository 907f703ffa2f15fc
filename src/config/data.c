/* A configuration's data, opened, and what they tell the task: the type of its
 * target, the names of classes for what names them (metrics, weights). */
#include "config/config.h"

#include "data/data.h"
#include "train/train.h"

static bp_status read_counts(bp__config *c, bp_error *err)
{
    const bp__ynode *list = bp__yaml_at(c->resolved, "data.class_counts");
    int64_t *count = bp__arena_array(&c->arena, (list ? list->n : 0) + 1,
                                     sizeof *count);
    size_t i = 0;
    if (!count)
        return bp__oom(err);
    for (const bp__ynode *m = list ? list->child : NULL; m; m = m->next)
        count[i++] = bp__yaml_int(m);
    c->task.n_class_counts = (int64_t)i;
    c->task.class_count = i ? count : NULL;
    return BP_OK;
}

static bp_status count_classes(bp__config *c, const bp_data *train,
                               bp_error *err)
{
    int64_t k = bp__data_countable_classes(train);
    if (k < 1)
        return BP_OK;
    int64_t *count = bp__arena_array(&c->arena, (size_t)k, sizeof *count);
    if (!count)
        return bp__oom(err);
    bp__data_count_classes(train, k, count);
    c->task.class_count = count;
    c->task.n_class_counts = k;
    return BP_OK;
}

bp_status bp__config_set_counts(bp__config *c, bp_error *err)
{
    bp__spec *loss;
    bp__place at = c->resolved->at;
    bp_status st = bp__spec_parse(&c->arena, BP_NN_LOSSES, c->task.loss, &loss,
                                  err);
    if (st || !bp__loss_is_balanced(loss))
        return st;
    bp__ynode *list = bp__yaml_new(&c->arena, BP__Y_LIST, at);
    for (int64_t i = 0; i < c->task.n_class_counts; i++) {
        char text[24];
        bp__snprintf(text, sizeof text, "%lld",
                     (long long)c->task.class_count[i]);
        bp__yaml_append(list, NULL, at,
                        bp__yaml_scalar(&c->arena, at, true, text));
    }
    bp__source_set(&c->source, "class_counts", list);
    return c->arena.failed ? bp__oom(err) : BP_OK;
}

bp_status bp__config_name_classes(bp__config *c, bp_error *err)
{
    size_t n;
    const char *const *name = bp__source_classes(&c->source, &n);
    bp_status st = c->task.class_count ? BP_OK : read_counts(c, err);
    if (st || !n)
        return st;
    const char **copy = bp__arena_copy(&c->arena, name, n * sizeof *copy);
    if (!copy)
        return bp__oom(err);
    c->task.class_name = copy;
    c->task.n_classes = (int64_t)n;
    return BP_OK;
}

/* ---- opening ------------------------------------------------------------ */

void bp__config_target(const bp_data *d, bp_dtype dtype, bp_nn_io *t)
{
    bp_array view;
    if (!bp_data_target(d, &view))
        return;
    *t = (bp_nn_io){0};
    bool classes = bp_data_target_kind(d) == BP_TARGET_CLASS;
    t->dtype = classes ? BP_I32 : dtype;
    t->rank = view.rank - 1;
    for (int i = 0; i < t->rank; i++)
        t->dims[i] = view.dims[i + 1];
    /* [n] are n targets of one number, as layers give them. */
    if (t->rank == 0 && !classes)
        t->dims[t->rank++] = 1;
}

bool bp__config_needs_data(const bp__config *c)
{
    return bp__source_must_learn(&c->source);
}

void bp__config_shapes(bp__config *c)
{
    bp__source_config *s = &c->source;
    s->n_inputs = bp_model_input_count(c->model);
    for (size_t i = 0; i < s->n_inputs && i < BP_MAX_INPUTS; i++) {
        bp_nn_io io;
        bp__task_input(&c->task, i, &io);
        s->rank[i] = io.rank;
        memcpy(s->dims[i], io.dims, sizeof io.dims);
    }
}

bp_status bp__config_open(bp__config *c, const char *dir, unsigned wanted,
                          bp__config_data *d, bp_error *err)
{
    bp__config_shapes(c);
    bp_status st = bp__source_open(&c->source, dir, wanted, d->split, err);
    if (!st)
        st = bp__source_set_input(&c->source, c->model, err);
    for (int s = BP__N_SPLITS - 1; s >= 0 && !st; s--)
        if (d->split[s])
            bp__config_target(d->split[s], c->task.dtype, &c->task.target);
    if (!st)
        st = bp__config_type_inputs(c, d, err);
    if (!st && d->split[BP_SPLIT_TRAIN])
        c->task.n_train = bp_data_count(d->split[BP_SPLIT_TRAIN]);
    if (!st && d->split[BP_SPLIT_TRAIN])
        st = count_classes(c, d->split[BP_SPLIT_TRAIN], err);
    if (!st)
        st = bp__config_name_classes(c, err);
    if (st)
        bp__config_close(d);
    return st;
}

void bp__config_close(bp__config_data *d)
{
    bp__source_close(d->split);
}
