/* Dealing samples into parts, in an order drawn by the seed. */
#include "source/split.h"

#include "base/rng.h"

enum { DEAL_STREAM = 7002, MOST_FOLDS = 100 };

/* Each goes where its class lacks most, counted along the way, so that every
 * part has its share of each class to within one sample. Samples whose part is
 * given (not -1) stay there. */
static bp_status deal_rows(const bp__deal *d, const double *share, int n_parts,
                           uint64_t seed, int *where, bp_error *err)
{
    size_t n_classes = d->class_of ? (size_t)d->n_classes + 1 : 1;
    size_t width = (size_t)n_parts + 1;
    const bp_allocator *a = &bp__malloc_allocator;
    int64_t *order = bp__calloc(a, (size_t)d->n + 1, sizeof *order);
    int64_t *dealt = bp__calloc(a, width * n_classes, sizeof *dealt);
    bp_status st = order && dealt ? BP_OK : bp__oom(err);
    if (!st) {
        bp__rng r = bp__rng_seed(seed, 0, DEAL_STREAM);
        bp__rng_shuffle(&r, d->n, order);
    }
    for (int64_t i = 0; i < d->n && !st; i++) {
        int64_t at = order[i];
        if (where[at] >= 0)
            continue;
        int k = d->class_of ? d->class_of[at] : 0;
        int64_t *n = dealt + width * (k < 0 ? n_classes - 1 : (size_t)k);
        double most = -1;
        n[n_parts]++;
        for (int s = 0; s < n_parts; s++) {
            double lack = share[s] * (double)n[n_parts] - (double)n[s];
            if (share[s] > 0 && lack > most) {
                most = lack;
                where[at] = s;
            }
        }
        n[where[at]]++;
    }
    bp__free(a, order, ((size_t)d->n + 1) * sizeof *order);
    bp__free(a, dealt, width * n_classes * sizeof *dealt);
    return st;
}

/* Nothing can be learned of a class that is all in the test part: its only
 * sample trains in every fold. */
static bp_status keep_singles(const bp__deal *d, int *where, bp_error *err)
{
    const bp_allocator *a = &bp__malloc_allocator;
    size_t n = (size_t)d->n_classes + 1;
    int64_t *count = d->class_of ? bp__calloc(a, n, sizeof *count) : NULL;
    if (!d->class_of)
        return BP_OK;
    if (!count)
        return bp__oom(err);
    for (int64_t i = 0; i < d->n; i++)
        if (d->class_of[i] >= 0)
            count[d->class_of[i]]++;
    for (int64_t i = 0; i < d->n; i++)
        if (d->class_of[i] >= 0 && count[d->class_of[i]] == 1)
            where[i] = -1;
    bp__free(a, count, n * sizeof *count);
    return BP_OK;
}

/* One fold is the test part; the rest is dealt again for validation. */
static bp_status deal_folds(const bp__deal *d, double *share, int folds,
                            int fold, uint64_t seed, int *where, bp_error *err)
{
    double even[MOST_FOLDS];
    for (int i = 0; i < folds; i++)
        even[i] = 1.0 / folds;
    bp_status st = deal_rows(d, even, folds, seed, where, err);
    for (int64_t i = 0; i < d->n && !st; i++)
        where[i] = where[i] == fold ? BP_SPLIT_TEST : -1;
    if (!st)
        st = keep_singles(d, where, err);
    share[BP_SPLIT_TEST] = 0;
    share[BP_SPLIT_TRAIN] = 1 - share[BP_SPLIT_VALID];
    return st ? st : deal_rows(d, share, BP__N_SPLITS, seed + 1, where, err);
}

bp_status bp__deal_split(const bp__ynode *split, const bp__deal *d, int *where,
                         bp_error *err)
{
    uint64_t seed = (uint64_t)bp__yaml_int(bp__yaml_get(split, "seed"));
    int folds = (int)bp__yaml_int(bp__yaml_get(split, "folds"));
    int fold = (int)bp__yaml_int(bp__yaml_get(split, "fold"));
    double share[BP__N_SPLITS] = {1, 0, 0};
    for (int s = 1; s < BP__N_SPLITS; s++) {
        const bp__ynode *n = bp__yaml_get(split, bp_split_name((bp_split)s));
        share[s] = bp__yaml_number(n);
        share[0] -= share[s];
    }
    for (int64_t i = 0; i < d->n; i++)
        where[i] = -1;
    return folds > 0 ? deal_folds(d, share, folds, fold, seed, where, err)
                     : deal_rows(d, share, BP__N_SPLITS, seed, where, err);
}
