/* Rows of a table that occur more than once. */
#include "data/columns.h"

#include <stdlib.h>

typedef struct hashed {
    uint64_t features, whole;
    int64_t row;
} hashed;

static int compare_hashed(const void *a, const void *b)
{
    const hashed *x = a, *y = b;
    if (x->features != y->features)
        return x->features < y->features ? -1 : 1;
    if (x->whole != y->whole)
        return x->whole < y->whole ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* 64 bits of a row stand for it: of a million rows, two different ones look
 * alike with a probability of 3e-8. */
static void hash_row(const bp__table *t, int64_t row, const int *at, int n_cols,
                     const bool *target, hashed *h)
{
    h->features = h->whole = BP__HASH_INIT;
    h->row = row;
    for (int i = 0; i < n_cols; i++) {
        int col = at ? at[i] : i;
        const char *cell = col < 0 ? NULL : bp__table_cell(t, row, col);
        const char *s = cell ? cell : "";
        size_t n = strlen(s) + 1;
        if (!target || !target[i])
            h->features = bp__hash(h->features, s, n);
        h->whole = bp__hash(h->whole, s, n);
    }
}

bp_status bp__table_repeats(const bp__table *t, const bool *target,
                            bp__repeats *r, bp_error *err)
{
    *r = (bp__repeats){0};
    size_t n = (size_t)t->n_rows;
    hashed *h = bp__calloc(&t->a, n + 1, sizeof *h);
    if (!h)
        return bp__oom(err);
    for (size_t i = 0; i < n; i++)
        hash_row(t, (int64_t)i, NULL, t->n_cols, target, &h[i]);
    qsort(h, n, sizeof *h, compare_hashed);
    for (size_t i = 0; i < n;) {
        size_t j = i + 1;
        bool conflict = false;
        for (; j < n && h[j].features == h[i].features; j++) {
            bool same = h[j].whole == h[j - 1].whole;
            r->rows += same;
            conflict |= !same;
        }
        if (conflict)
            r->conflicts += (int64_t)(j - i);
        i = j;
    }
    bp__free(&t->a, h, (n + 1) * sizeof *h);
    return BP_OK;
}

bp_status bp__tables_shared(const bp__table *a, const bp__table *b,
                            const int *at, int64_t *n, bp_error *err)
{
    *n = 0;
    size_t na = (size_t)a->n_rows;
    hashed *h = bp__calloc(&a->a, na + 1, sizeof *h);
    if (!h)
        return bp__oom(err);
    for (size_t i = 0; i < na; i++) {
        hash_row(a, (int64_t)i, NULL, a->n_cols, NULL, &h[i]);
        h[i].row = 0; /* only the hashes are compared */
    }
    qsort(h, na, sizeof *h, compare_hashed);
    for (int64_t i = 0; i < b->n_rows; i++) {
        hashed x;
        hash_row(b, i, at, a->n_cols, NULL, &x);
        x.row = 0;
        *n += bsearch(&x, h, na, sizeof *h, compare_hashed) != NULL;
    }
    bp__free(&a->a, h, (na + 1) * sizeof *h);
    return BP_OK;
}
