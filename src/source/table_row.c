/* One row of a table from memory: texts by the names of their columns. Made
 * once, it reads any number of rows and allocates nothing. */
#include "source/tables.h"

typedef struct table_row {
    bp__source_row base;
    bp_allocator a;
    bp__arena arena; /* of the options */
    const bp__columns *c;
    bp__table_options o; /* what a cell may be */
    size_t *order;       /* where each column was last time */
    const char **cell;   /* [columns] */
    float *x;            /* [width] */
} table_row;

/* Where a column is, most often where it was; n: nowhere. */
static size_t find(const char *name, const char *const *column, size_t n,
                   size_t *last)
{
    if (*last < n && !strcmp(column[*last], name))
        return *last;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(column[i], name))
            return *last = i;
    return n;
}

static bp_status find_cells(table_row *r, const char *const *column,
                            const char *const *cell, size_t n, bp_error *err)
{
    for (int i = 0; i < r->c->n; i++) {
        const bp__column *x = &r->c->column[i];
        r->cell[i] = NULL;
        if (!x->width)
            continue;
        size_t at = find(x->name, column, n, &r->order[i]);
        if (at == n)
            return bp__error(err, BP_ESHAPE, "the row has no column '%s', "
                             "which the training data had", x->name);
        if (cell[at])
            r->cell[i] = bp__table_cell_text(cell[at], &r->o);
    }
    return BP_OK;
}

static bp_status read_row(bp__source_row *row, const char *const *column,
                          const char *const *cell, size_t n, bp_array *x,
                          int64_t *unseen, bp_error *err)
{
    table_row *r = (table_row *)row;
    int bad = -1;
    bp_status st = find_cells(r, column, cell, n, err);
    if (st)
        return st;
    bp__columns_row(r->c, r->cell, r->x, unseen, &bad);
    if (bad >= 0)
        return bp__error(err, BP_EFORMAT, "column '%s': '%.60s' is no number",
                         r->c->column[bad].name, r->cell[bad]);
    *x = (bp_array){.dtype = BP_F32, .rank = 1, .dims = {r->c->width},
                    .data = r->x,
                    .bytes = (size_t)r->c->width * sizeof *r->x};
    return BP_OK;
}

static void free_row(bp__source_row *row)
{
    table_row *r = (table_row *)row;
    bp_allocator a = r->a;
    size_t n = (size_t)r->c->n;
    bp__free(&a, r->order, n * sizeof *r->order);
    bp__free(&a, r->cell, n * sizeof *r->cell);
    bp__free(&a, r->x, (size_t)r->c->width * sizeof *r->x);
    bp__arena_free(&r->arena);
    bp__free(&a, r, sizeof *r);
}

bp_status bp__table_row(const bp__source_config *c, const bp_allocator *a,
                        bp__source_row **row, bp_error *err)
{
    table_row *r = bp__calloc(a, 1, sizeof *r);
    bp__source_config own = *c;
    if (!r)
        return bp__oom(err);
    r->base.read = read_row;
    r->base.free = free_row;
    r->a = *a;
    r->c = c->learned;
    bp__arena_init(&r->arena, a);
    own.arena = &r->arena; /* the configuration's is others', too */
    bp_status st = bp__table_read_options(&own, &r->o, err);
    r->order = bp__calloc(a, (size_t)r->c->n, sizeof *r->order);
    r->cell = bp__calloc(a, (size_t)r->c->n, sizeof *r->cell);
    r->x = bp__calloc(a, (size_t)r->c->width, sizeof *r->x);
    if (!st && r->order && r->cell && r->x && !r->arena.failed) {
        *row = &r->base;
        return BP_OK;
    }
    free_row(&r->base);
    return st ? st : bp__oom(err);
}
