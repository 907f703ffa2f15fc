/* What is known of the classes: their names, for what names them (metrics,
 * weights). */
#include "config/tables.h"

bp_status bp__config_name_classes(bp__config *c, bp_error *err)
{
    const bp__ynode *list = bp__yaml_at(c->resolved, "data.classes");
    const bp__columns *k = c->columns;
    bool table = !list && k && k->target >= 0 && bp__columns_classes(k);
    size_t n = list ? list->n : table ? (size_t)k->column[k->target].n_words : 0;
    if (!n)
        return BP_OK;
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
