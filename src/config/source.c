/* The data that a configuration names: paths, ranges, shares of one set, and
 * the fitted normalization that a run keeps. */
#include "config/pictures.h"
#include "config/split.h"
#include "config/tables.h"

#include "base/rng.h"
#include "data/data.h"

#include <stdlib.h>

enum { SPLIT_STREAM = 7001 };

const char *bp__data_path(bp__config *c, const char *dir, const char *file)
{
    dir = dir ? dir : c->dir;
    if (!dir || file[0] == '/')
        return file;
    return bp__arena_printf(&c->arena, "%s/%s", dir, file);
}

static bp_status open_npy(bp__config *c, const bp__ynode *npy, const char *dir,
                          const bp_data_options *o, bp_data **d, bp_error *err)
{
    const char *inputs[BP_MAX_INPUTS];
    size_t n = 0;
    const bp__ynode *list = bp__yaml_get(npy, "inputs");
    for (const bp__ynode *k = list->child; k && n < BP_MAX_INPUTS; k = k->next)
        if (!(inputs[n++] = bp__data_path(c, dir, k->text)))
            return bp__oom(err);
    const char *target =
        bp__data_path(c, dir, bp__yaml_text(bp__yaml_get(npy, "target")));
    if (!target)
        return bp__oom(err);
    return bp_data_from_npy(inputs, n, target, o, d, err);
}

static bp_status open_npz(bp__config *c, const bp__ynode *npz, const char *dir,
                          const bp_data_options *o, bp_data **d, bp_error *err)
{
    const char *inputs[BP_MAX_INPUTS];
    size_t n = 0;
    const bp__ynode *list = bp__yaml_get(npz, "inputs");
    for (const bp__ynode *k = list->child; k && n < BP_MAX_INPUTS; k = k->next)
        inputs[n++] = k->text;
    const char *path =
        bp__data_path(c, dir, bp__yaml_text(bp__yaml_get(npz, "file")));
    if (!path)
        return bp__oom(err);
    return bp_data_from_npz(path, inputs, n,
                            bp__yaml_text(bp__yaml_get(npz, "target")), o, d,
                            err);
}

static bp_status open_pictures(bp__config *c, const bp__ynode *s,
                               const char *dir, bp_split split,
                               const bp_data_options *o, bp_data **d,
                               bp_error *err)
{
    const char *path =
        bp__data_path(c, dir, bp__yaml_text(bp__yaml_get(s, "pictures")));
    bp_data *all = NULL;
    if (!path)
        return bp__oom(err);
    bp_status st = bp__config_pictures(c, path, split, &all, err);
    if (st || (o->first == 0 && o->last == 0)) {
        *d = all;
        return st;
    }
    st = bp_data_slice(all, o->first, o->last, d, err);
    bp_data_free(all);
    return st;
}

static bp_status open_source(bp__config *c, const bp__ynode *s,
                             const char *dir, bp_split split, bp_data **d,
                             bp_error *err)
{
    bp_data_options o = {.size = sizeof o};
    const bp__ynode *range = bp__yaml_get(s, "range");
    if (range) {
        o.first = bp__yaml_int(range->child);
        o.last = bp__yaml_int(range->last);
    }
    const bp__ynode *idx = bp__yaml_get(s, "idx");
    if (idx) {
        const char *images =
            bp__data_path(c, dir, bp__yaml_text(bp__yaml_get(idx, "images")));
        const char *labels =
            bp__data_path(c, dir, bp__yaml_text(bp__yaml_get(idx, "labels")));
        if (!images || !labels)
            return bp__oom(err);
        return bp_data_from_idx(images, labels, &o, d, err);
    }
    if (bp__yaml_get(s, "pictures"))
        return open_pictures(c, s, dir, split, &o, d, err);
    const bp__ynode *npy = bp__yaml_get(s, "npy");
    if (npy)
        return open_npy(c, npy, dir, &o, d, err);
    const bp__ynode *npz = bp__yaml_get(s, "npz");
    if (npz)
        return open_npz(c, npz, dir, &o, d, err);
    const bp__ynode *digits = bp__yaml_get(s, "digits");
    return bp_data_digits(split, bp__yaml_int(bp__yaml_get(digits, "n")),
                          (uint64_t)bp__yaml_int(bp__yaml_get(digits, "seed")),
                          &o, d, err);
}

/* ---- shares of the training set ----------------------------------------- */

static int compare_rows(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Do parts of this set get their share of each class? */
static bool is_dealt(const bp__config *c, const bp__ynode *split)
{
    const bp__ynode *even = bp__yaml_get(split, "stratify");
    if (bp__yaml_get(split, "folds"))
        return true;
    return even ? bp__yaml_bool(even) : bp__config_has_pictures(c);
}

static bp_status deal_data(const bp__ynode *split, const bp_data *all,
                           unsigned wanted, bp__config_data *d, bp_error *err)
{
    const bp__ynode *even = bp__yaml_get(split, "stratify");
    const bp_allocator *a = &bp__malloc_allocator;
    bp_array y;
    bp__deal k = {.n = bp_data_count(all)};
    size_t room = (size_t)k.n + 1;
    k.n_classes = (int)bp__data_countable_classes(all);
    if (k.n_classes > 0 && bp_data_target(all, &y) &&
        (!even || bp__yaml_bool(even)))
        k.class_of = y.data;
    int *where = bp__calloc(a, room, sizeof *where);
    int64_t *rows = bp__calloc(a, room, sizeof *rows);
    bp_status st = where && rows ? bp__deal_split(split, &k, where, err)
                                 : bp__oom(err);
    for (int s = 0; s < BP__N_SPLITS && !st; s++) {
        int64_t n = 0;
        for (int64_t i = 0; i < k.n; i++)
            if (where[i] == s)
                rows[n++] = i;
        if ((wanted & (1u << s)) && n)
            st = bp_data_select(all, rows, n, &d->split[s], err);
    }
    bp__free(a, where, room * sizeof *where);
    bp__free(a, rows, room * sizeof *rows);
    return st;
}

/* Rows are drawn by the split's seed; each part keeps the order of the file.
 */
static bp_status split_data(const bp__ynode *split, const bp_data *all,
                            unsigned wanted, bp__config_data *d, bp_error *err)
{
    int64_t n = bp_data_count(all);
    double valid = bp__yaml_number(bp__yaml_get(split, "valid"));
    double test = bp__yaml_number(bp__yaml_get(split, "test"));
    int64_t count[BP__N_SPLITS];
    count[BP_SPLIT_VALID] = (int64_t)(valid * (double)n);
    count[BP_SPLIT_TEST] = (int64_t)(test * (double)n);
    count[BP_SPLIT_TRAIN] = n - count[BP_SPLIT_VALID] - count[BP_SPLIT_TEST];
    int64_t *rows = bp__calloc(&bp__malloc_allocator, (size_t)n + 1,
                               sizeof *rows);
    if (!rows)
        return bp__oom(err);
    bp__rng r = bp__rng_seed(
        (uint64_t)bp__yaml_int(bp__yaml_get(split, "seed")), 0, SPLIT_STREAM);
    bp__rng_shuffle(&r, n, rows);
    bp_status st = BP_OK;
    int64_t at = 0;
    for (int s = 0; s < BP__N_SPLITS && !st; s++) {
        double share = s == BP_SPLIT_VALID ? valid : test;
        qsort(rows + at, (size_t)count[s], sizeof *rows, compare_rows);
        if ((wanted & (1u << s)) && (s == BP_SPLIT_TRAIN || share > 0))
            st = bp_data_select(all, rows + at, count[s], &d->split[s], err);
        at += count[s];
    }
    bp__free(&bp__malloc_allocator, rows, ((size_t)n + 1) * sizeof *rows);
    return st;
}

/* ---- all of it ------------------------------------------------------------ */

static void set_target(bp__config *c, const bp_data *d)
{
    bp_array view;
    bp_nn_io *t = &c->task.target;
    if (!bp_data_target(d, &view))
        return;
    *t = (bp_nn_io){0};
    if (bp_data_target_kind(d) == BP_TARGET_CLASS) {
        t->dtype = BP_I32;
        return;
    }
    t->dtype = c->task.dtype;
    t->rank = view.rank - 1;
    for (int i = 0; i < t->rank; i++)
        t->dims[i] = view.dims[i + 1];
    if (t->rank == 0) /* [n] are n targets of one number, as layers give them */
        t->dims[t->rank++] = 1;
}

bp_status bp__config_open(bp__config *c, const char *dir, unsigned wanted,
                          bp__config_data *d, bp_error *err)
{
    const bp__ynode *data = bp__yaml_get(c->resolved, "data");
    const bp__ynode *split = bp__yaml_at(c->resolved, "data.split");
    bool table = bp__config_has_table(c);
    memset(d, 0, sizeof *d);
    bp_status st = table ? bp__tables_open(c, dir, wanted, d, err) : BP_OK;
    for (int s = 0; s < BP__N_SPLITS && !st && !table; s++) {
        const bp__ynode *source =
            bp__yaml_get(data, bp_split_name((bp_split)s));
        /* Parts come from the training set; so do the names of classes. */
        bool parent = s == BP_SPLIT_TRAIN &&
                      (split || (bp__config_has_pictures(c) &&
                                 !bp__yaml_get(data, "classes")));
        if (source && (parent || (wanted & (1u << s))))
            st = open_source(c, source, dir, (bp_split)s, &d->split[s], err);
    }
    if (!split && !(wanted & 1u << BP_SPLIT_TRAIN)) {
        bp_data_free(d->split[BP_SPLIT_TRAIN]); /* its classes were wanted */
        d->split[BP_SPLIT_TRAIN] = NULL;
    }
    if (!st && !table && split && d->split[BP_SPLIT_TRAIN]) {
        bp_data *all = d->split[BP_SPLIT_TRAIN];
        d->split[BP_SPLIT_TRAIN] = NULL;
        st = is_dealt(c, split) ? deal_data(split, all, wanted, d, err)
                                : split_data(split, all, wanted, d, err);
        bp_data_free(all);
    }
    for (int s = BP__N_SPLITS - 1; s >= 0 && !st; s--)
        if (d->split[s])
            set_target(c, d->split[s]);
    if (!st && d->split[BP_SPLIT_TRAIN])
        c->task.n_train = bp_data_count(d->split[BP_SPLIT_TRAIN]);
    if (!st && d->split[BP_SPLIT_TRAIN])
        st = bp__config_count_classes(c, d->split[BP_SPLIT_TRAIN], err);
    if (!st)
        st = bp__config_name_classes(c, err);
    if (st)
        bp__config_close(d);
    return st;
}

void bp__config_close(bp__config_data *d)
{
    for (int s = 0; s < BP__N_SPLITS; s++) {
        bp_data_free(d->split[s]);
        d->split[s] = NULL;
    }
}

/* ---- what a run keeps ------------------------------------------------------ */

void bp__config_set_member(bp__config *c, const char *key, bp__ynode *value)
{
    bp__ynode *data = bp__yaml_get(c->resolved, "data");
    bp__ynode *old = data ? bp__yaml_get(data, key) : NULL;
    if (!data || !value)
        return;
    if (!old) {
        bp__yaml_append(data, key, data->at, value);
        return;
    }
    old->kind = value->kind;
    old->plain = value->plain;
    old->text = value->text;
    old->child = value->child;
    old->last = value->last;
    old->n = value->n;
}

void bp__config_set_dir(bp__config *c, const char *dir)
{
    bp__place at = c->resolved->at;
    c->dir = bp__arena_strdup(&c->arena, dir);
    bp__config_set_member(c, "dir", bp__yaml_scalar(&c->arena, at, false, dir));
}

static bp__ynode *numbers_node(bp__config *c, const double *x, int64_t n)
{
    bp__place at = c->resolved->at;
    bp__ynode *list = bp__yaml_new(&c->arena, BP__Y_LIST, at);
    char text[32];
    for (int64_t i = 0; i < n; i++) {
        bp__format_double(text, x[i]);
        bp__yaml_append(list, NULL, at,
                        bp__yaml_scalar(&c->arena, at, true, text));
    }
    return list;
}

void bp__config_set_fitted(bp__config *c, size_t n, bp_norm *const *norm)
{
    bp__place at = c->resolved->at;
    bp__ynode *list = bp__yaml_new(&c->arena, BP__Y_LIST, at);
    for (size_t i = 0; i < n; i++) {
        bp__ynode *m = bp__yaml_new(&c->arena, BP__Y_MAP, at);
        int64_t k = bp_norm_count(norm[i]);
        bp__yaml_append(m, "mean", at,
                        numbers_node(c, bp_norm_mean(norm[i]), k));
        bp__yaml_append(m, "std", at,
                        numbers_node(c, bp_norm_std(norm[i]), k));
        bp__yaml_append(list, NULL, at, m);
    }
    bp__config_set_member(c, "fitted", list);
}

static bp_status moments_norm(const bp__config *c, const bp__ynode *m,
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
    bp_status st = bp_norm_new(c->normalize, (int64_t)n, x, x + n, NULL, norm,
                               err);
    bp__free(a, x, (2 * n + 1) * sizeof *x);
    return st;
}

bp_status bp__config_get_fitted(const bp__config *c, size_t n, bp_norm **norm,
                                bp_error *err)
{
    const bp__ynode *list = bp__yaml_at(c->resolved, "data.fitted");
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
