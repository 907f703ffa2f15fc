/* What rows say, and what holds where they say nothing. */
#include "source/source.h"

const char *const *bp__source_classes(const bp__source_config *c, size_t *n)
{
    const bp__ynode *list = bp__yaml_get(c->data, "classes");
    *n = 0;
    if (list)
        return bp__source_texts(c, list, n);
    return c->learned && c->kind->classes ? c->kind->classes(c, n) : NULL;
}

bool bp__source_units(const bp__source_config *c, int64_t k,
                      bp__target_units *u)
{
    return k < bp__source_n_units(c) && c->kind->units(c, k, u);
}

int64_t bp__source_n_units(const bp__source_config *c)
{
    return c->learned && c->kind->n_units ? c->kind->n_units(c) : 0;
}

bool bp__source_compares(const bp__source_config *c, int64_t *k)
{
    *k = 0;
    return c->kind && c->kind->compares && c->kind->compares(c, k);
}

bp_status bp__source_plain(const bp__source_config *c, bp_data *d,
                           bp_data **plain, bp_error *err)
{
    if (c->learned && c->kind->plain)
        return c->kind->plain(c, d, plain, err);
    *plain = bp_data_retain(d);
    return BP_OK;
}

bp_status bp__source_embed(const bp__source_config *c, bp_model *m, int64_t dim,
                           bp_error *err)
{
    return c->learned && c->kind->embed ? c->kind->embed(c, m, dim, err)
                                        : BP_OK;
}

bp_status bp__source_set_input(const bp__source_config *c, bp_model *m,
                               bp_error *err)
{
    return c->learned && c->kind->set_input ? c->kind->set_input(c, m, err)
                                            : BP_OK;
}

const char *bp__source_samples_noun(const bp__source_config *c)
{
    return c->kind ? c->kind->samples : "samples";
}

void bp__source_show(const bp__source_config *c, bp__str *out)
{
    if (c->learned && c->kind->show)
        c->kind->show(c, out);
}
