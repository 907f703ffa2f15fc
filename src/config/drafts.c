/* <bprop/config.h>: a model file for data that nobody has described yet. */
#include "source/source.h"

#include <bprop/config.h>

struct bp_draft {
    bp__str found, text;
};

const char *bp_path_noun(const char *path)
{
    const char *noun = NULL;
    bp__source_of_path(path, &noun);
    return noun;
}

bp_status bp_draft_can(const char *path, bp_error *err)
{
    return path ? bp__source_can_draft(path, err)
                : bp__error(err, BP_EARG, "a draft needs a path");
}

bp_status bp_draft_look(const char *path, const bp_draft_options *options,
                        bp_draft **draft, bp_error *err)
{
    const bp_allocator *a = &bp__malloc_allocator;
    bp_draft_options o;
    *draft = NULL;
    bp_status st = BP__OPTIONS(&o, options, bp_draft_options, err);
    if (!st)
        st = bp_draft_can(path, err);
    if (!st && o.task && strcmp(o.task, "class") && strcmp(o.task, "number"))
        st = bp__error(err, BP_EARG, "a draft's task is class or number, not "
                       "'%s'", o.task);
    bp_draft *d = st ? NULL : bp__calloc(a, 1, sizeof *d);
    if (!d)
        return st ? st : bp__oom(err);
    bp__str_init(&d->found, NULL);
    bp__str_init(&d->text, NULL);
    bp__draft_options look = {path, o.test, o.target, o.task};
    st = bp__source_draft(&look, &d->found, &d->text, err);
    if (!st && (d->found.failed || d->text.failed))
        st = bp__oom(err);
    if (st)
        bp_draft_free(d);
    else
        *draft = d;
    return st;
}

void bp_draft_free(bp_draft *d)
{
    if (!d)
        return;
    bp__str_free(&d->found);
    bp__str_free(&d->text);
    bp__free(&bp__malloc_allocator, d, sizeof *d);
}

const char *bp_draft_found(const bp_draft *d)
{
    return d->found.len ? d->found.s : "";
}

const char *bp_draft_text(const bp_draft *d)
{
    return d->text.len ? d->text.s : "";
}
