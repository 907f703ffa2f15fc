/* What is known of the classes: their names, for what names them (metrics,
 * weights). */
#include "config/tables.h"

#include "data/data.h"

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

bp_status bp__config_count_classes(bp__config *c, const bp_data *train,
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
    bp__config_set_member(c, "class_counts", list);
    return c->arena.failed ? bp__oom(err) : BP_OK;
}

bp_status bp__config_name_classes(bp__config *c, bp_error *err)
{
    const bp__ynode *list = bp__yaml_at(c->resolved, "data.classes");
    const bp__columns *k = c->columns;
    bool table = !list && k && k->target >= 0 && bp__columns_classes(k);
    size_t n = list ? list->n : table ? (size_t)k->column[k->target].n_words : 0;
    bp_status st = c->task.class_count ? BP_OK : read_counts(c, err);
    if (st || !n)
        return st;
    const char **name = bp__arena_array(&c->arena, n, sizeof *name);
    if (!name)
        return bp__oom(err);
    size_t i = 0;
    for (const bp__ynode *m = list ? list->child : NULL; m; m = m->next)
        name[i++] = m->text;
    for (; table && i < n; i++)
        name[i] = k->column[k->target].words[i];
    c->task.class_name = name;
    c->task.n_classes = (int64_t)n;
    return BP_OK;
}
