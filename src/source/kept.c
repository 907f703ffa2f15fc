/* What a run keeps of its data, in the tree that becomes its config.yaml. */
#include "source/source.h"

void bp__source_set(bp__source_config *c, const char *key, bp__ynode *value)
{
    bp__ynode *old = bp__yaml_get(c->data, key);
    if (!c->data || !value)
        return;
    if (!old) {
        bp__yaml_append(c->data, key, c->data->at, value);
        return;
    }
    old->kind = value->kind;
    old->plain = value->plain;
    old->text = value->text;
    old->child = value->child;
    old->last = value->last;
    old->n = value->n;
}

void bp__source_set_dir(bp__source_config *c, const char *dir)
{
    c->dir = bp__arena_strdup(c->arena, dir);
    if (c->data)
        bp__source_set(c, "dir",
                       bp__yaml_scalar(c->arena, c->data->at, false, dir));
}

bp_status bp__source_keep(bp__source_config *c, bp_error *err)
{
    if (!c->learned || !c->kind->keep)
        return BP_OK;
    return c->kind->keep(c, err);
}

/* ---- the fitted normalization ----------------------------------------------- */

static bp__ynode *numbers_node(bp__source_config *c, const double *x, int64_t n)
{
    bp__place at = c->data->at;
    bp__ynode *list = bp__yaml_new(c->arena, BP__Y_LIST, at);
    char text[32];
    for (int64_t i = 0; i < n; i++) {
        bp__format_double(text, x[i]);
        bp__yaml_append(list, NULL, at,
                        bp__yaml_scalar(c->arena, at, true, text));
    }
    return list;
}

void bp__source_set_fitted(bp__source_config *c, size_t n,
                           bp_norm *const *norm)
{
    bp__place at = c->data->at;
    bp__ynode *list = bp__yaml_new(c->arena, BP__Y_LIST, at);
    for (size_t i = 0; i < n; i++) {
        bp__ynode *m = bp__yaml_new(c->arena, BP__Y_MAP, at);
        int64_t k = bp_norm_count(norm[i]);
        bp__yaml_append(m, "mean", at,
                        numbers_node(c, bp_norm_mean(norm[i]), k));
        bp__yaml_append(m, "std", at,
                        numbers_node(c, bp_norm_std(norm[i]), k));
        bp__yaml_append(list, NULL, at, m);
    }
    bp__source_set(c, "fitted", list);
}

static bp_status moments_norm(const bp__source_config *c, const bp__ynode *m,
                              bp_norm **norm, bp_error *err)
{
    const bp__ynode *mean = bp__yaml_get(m, "mean");
    const bp__ynode *std = bp__yaml_get(m, "std");
    size_t n = mean ? mean->n : 0, i = 0;
    if (!std || std->n != n)
        return bp__error(err, BP_EFORMAT, "data.fitted: mean and std differ in "
                         "length");
    const bp_allocator *a = &bp__malloc_allocator;
    double *x = bp__calloc(a, 2 * n + 1, sizeof *x);
    if (!x)
        return bp__oom(err);
    for (const bp__ynode *k = mean ? mean->child : NULL; k; k = k->next)
        x[i++] = bp__yaml_number(k);
    for (const bp__ynode *k = std->child; k; k = k->next)
        x[i++] = bp__yaml_number(k);
    bp_norm_kind kind = c->normalize;
    if (!n && kind > BP_NORM_UNIT) /* an input of whole numbers */
        kind = BP_NORM_NONE;
    bp_status st = bp_norm_new(kind, (int64_t)n, x, x + n, NULL, norm, err);
    bp__free(a, x, (2 * n + 1) * sizeof *x);
    return st;
}

bp_status bp__source_get_fitted(const bp__source_config *c, size_t n,
                                bp_norm **norm, bp_error *err)
{
    const bp__ynode *list = bp__yaml_get(c->data, "fitted");
    size_t i = 0;
    for (size_t k = 0; k < n; k++)
        norm[k] = NULL;
    if (!list || list->n != n)
        return bp__error(err, BP_EFORMAT, "the configuration has no fitted "
                         "normalization: it is not a run's");
    for (const bp__ynode *m = list->child; m && i < n; m = m->next, i++) {
        bp_status st = moments_norm(c, m, &norm[i], err);
        if (!st)
            continue;
        for (size_t k = 0; k < n; k++) {
            bp_norm_free(norm[k]);
            norm[k] = NULL;
        }
        return st;
    }
    return BP_OK;
}
