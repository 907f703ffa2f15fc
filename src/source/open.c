/* Opening data: each split by its row, or shares of one set. */
#include "source/source.h"

#include "source/split.h"

#include "base/rng.h"
#include "data/data.h"

#include <stdlib.h>

enum { SPLIT_STREAM = 7001 };

/* ---- shares of the training set ----------------------------------------- */

static int compare_rows(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static bp_status deal_data(const bp__ynode *split, const bp_data *all,
                           unsigned wanted, bp_data *d[BP__N_SPLITS], bp_error *err)
{
    const bp__ynode *even = bp__yaml_get(split, "stratify");
    const bp_allocator *a = &bp__malloc_allocator;
    bp_array y;
    bp__deal k = {.n = bp_data_count(all)};
    size_t room = (size_t)k.n + 1;
    k.n_classes = (int)bp__data_countable_classes(all);
    if (k.n_classes > 0 && bp_data_target(all, &y) && y.rank == 1 &&
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
            st = bp_data_select(all, rows, n, &d[s], err);
    }
    bp__free(a, where, room * sizeof *where);
    bp__free(a, rows, room * sizeof *rows);
    return st;
}

/* Rows are drawn by the split's seed; each part keeps the order of the file.
 */
static bp_status split_data(const bp__ynode *split, const bp_data *all,
                            unsigned wanted, bp_data *d[BP__N_SPLITS], bp_error *err)
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
            st = bp_data_select(all, rows + at, count[s], &d[s], err);
        at += count[s];
    }
    bp__free(&bp__malloc_allocator, rows, ((size_t)n + 1) * sizeof *rows);
    return st;
}

/* Do parts of this set get their share of each class? */
static bool is_dealt(const bp__source_config *c, const bp__ynode *split)
{
    const bp__ynode *even = bp__yaml_get(split, "stratify");
    if (bp__yaml_get(split, "folds"))
        return true;
    return even ? bp__yaml_bool(even) : c->kind->stratify;
}

/* ---- all of it ------------------------------------------------------------ */

static bp_status open_part(bp__source_config *c, const char *dir, bp_split s,
                           bp_data **d, bp_error *err)
{
    bp_data_options o = {.size = sizeof o};
    const bp__ynode *part = bp__yaml_get(c->data, bp_split_name(s));
    const bp__ynode *range = bp__yaml_get(part, "range");
    if (range) {
        o.first = bp__yaml_int(range->child);
        o.last = bp__yaml_int(range->last);
    }
    return c->of[s]->open(c, bp__yaml_get(part, c->of[s]->name), dir, s, &o, d,
                          err);
}

static bp_status open_each(bp__source_config *c, const char *dir,
                           unsigned wanted, bp_data *d[BP__N_SPLITS],
                           bp_error *err)
{
    const bp__ynode *split = bp__yaml_get(c->data, "split");
    bp_status st = BP_OK;
    for (int s = 0; s < BP__N_SPLITS && !st; s++) {
        /* Parts come from the training set; so do the names of classes. */
        bool parent = s == BP_SPLIT_TRAIN &&
                      (split || (c->kind->names_classes &&
                                 !bp__yaml_get(c->data, "classes")));
        if (c->of[s] && (parent || (wanted & (1u << s))))
            st = open_part(c, dir, (bp_split)s, &d[s], err);
    }
    if (!split && !(wanted & 1u << BP_SPLIT_TRAIN)) {
        bp_data_free(d[BP_SPLIT_TRAIN]); /* its classes were wanted */
        d[BP_SPLIT_TRAIN] = NULL;
    }
    if (!st && split && d[BP_SPLIT_TRAIN]) {
        bp_data *all = d[BP_SPLIT_TRAIN];
        d[BP_SPLIT_TRAIN] = NULL;
        st = is_dealt(c, split) ? deal_data(split, all, wanted, d, err)
                                : split_data(split, all, wanted, d, err);
        bp_data_free(all);
    }
    return st;
}

/* Parts of a kind that learns from its training set are of that kind. */
static bp_status check_alike(const bp__source_config *c, unsigned wanted,
                             bp_error *err)
{
    for (int s = 0; s < BP__N_SPLITS; s++)
        if (c->of[s] && c->of[s] != c->kind && c->kind->open_all &&
            (wanted & 1u << s))
            return bp__error(err, BP_EARG, "data.%s is of another kind than "
                             "the other parts: expected %s, which learns from "
                             "data.train how the others are read, got %s",
                             bp_split_name((bp_split)s), c->kind->name,
                             c->of[s]->name);
    return BP_OK;
}

bp_status bp__source_open(bp__source_config *c, const char *dir,
                          unsigned wanted, bp_data *split[BP__N_SPLITS],
                          bp_error *err)
{
    for (int s = 0; s < BP__N_SPLITS; s++)
        split[s] = NULL;
    if (!c->kind)
        return BP_OK;
    bp_status st = c->kind->open_all
                       ? c->kind->open_all(c, dir, wanted, split, err)
                       : open_each(c, dir, wanted, split, err);
    if (!st)
        st = check_alike(c, wanted, err);
    if (st)
        bp__source_close(split);
    return st;
}

void bp__source_close(bp_data *split[BP__N_SPLITS])
{
    for (int s = 0; s < BP__N_SPLITS; s++) {
        bp_data_free(split[s]);
        split[s] = NULL;
    }
}
