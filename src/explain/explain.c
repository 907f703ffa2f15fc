/* The public calls. */
#include "explain/doc.h"
#include "explain/explain.h"
#include "train/train.h"

bp_explain *bp__ex_new(const bp_explain_options *o, bp_error *err)
{
    bp_explain_options all;
    if (BP__OPTIONS(&all, o, bp_explain_options, err))
        return NULL;
    const bp_allocator *a = all.allocator ? all.allocator
                                          : &bp__malloc_allocator;
    bp_explain *e = bp__calloc(a, 1, sizeof *e);
    if (!e) {
        bp__oom(err);
        return NULL;
    }
    e->a = *a;
    bp__arena_init(&e->arena, a);
    e->o = all;
    if (!e->o.title)
        e->o.title = "bprop";
    e->o.title = bp__arena_strdup(&e->arena, e->o.title);
    if (e->o.command)
        e->o.command = bp__arena_strdup(&e->arena, e->o.command);
    return e;
}

void bp_explain_free(bp_explain *e)
{
    if (!e)
        return;
    bp_allocator a = e->a;
    bp__doc_free(e->doc);
    bp__arena_free(&e->arena);
    bp__free(&a, e, sizeof *e);
}

bp_status bp_explain_new(const bp_task *task, bp_store *s,
                         const bp_explain_options *o, bp_explain **out,
                         bp_error *err)
{
    *out = NULL;
    bp_error mine = {0};
    bp_task all;
    if (!task || !s || !o)
        return bp__error(err, BP_EARG, "bp_explain_new: the task, the store "
                         "and the options are needed, with their sizes set");
    if (BP__OPTIONS(&all, task, bp_task, err))
        return BP_EARG;
    bp_explain *e = bp__ex_new(o, &mine);
    if (!e)
        return bp__error(err, mine.status, "%s", mine.message);
    bp_runtime *own = NULL;
    bp_runtime_options ro = {.size = sizeof ro, .allocator = &e->a};
    e->task = all;
    e->optimizer = e->task.optimizer;
    e->task.optimizer = NULL;
    bp_status st = e->o.runtime ? BP_OK : bp_runtime_new(&ro, &own, &mine);
    if (own)
        e->o.runtime = own;
    if (!st)
        st = bp__ex_collect(e, s, &mine);
    if (!st && !e->o.trained && bp__lsuv_wanted(&e->task, s))
        e->o.adapted = true;
    if (!st)
        st = bp__ex_measure(e, s, &mine);
    if (!st)
        st = bp__ex_tell(e, &mine);
    bp_runtime_free(own);
    e->o.runtime = NULL;
    if (st) {
        bp_explain_free(e);
        return bp__error(err, st, "%s", mine.message);
    }
    *out = e;
    return BP_OK;
}
