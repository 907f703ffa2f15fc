/* What is wrong with cells and rows of tables, in words. */
#include "source/tables.h"

static void report_problem(bp__table_report *r, const char *what,
                           const bp__table *t, const bp__cell_problem *p,
                           const bp__column *x, const char *says,
                           const char *advice, bool nearest)
{
    char text[BP__CELL_BYTES];
    if (!p->count)
        return;
    bp__str_printf(&r->text, "%s%s ('%s'), '%s': %s in %lld cell%s%s:",
                   r->text.len ? "\n" : "", what, t->source, x->name, says,
                   (long long)p->count, p->count == 1 ? "" : "s", advice);
    for (int64_t i = 0; i < p->count && i < BP__TABLE_EXAMPLES; i++) {
        bp__str_printf(&r->text, "%s line %lld '%s'", i ? "," : "",
                       (long long)p->line[i],
                       bp__text_cell(text, p->cell[i], 0, 40));
        const char *near =
            nearest ? bp__nearest(p->cell[i], x->words, (size_t)x->n_words)
                    : NULL;
        if (near)
            bp__str_printf(&r->text, " (nearest: '%s')", near);
    }
}

void bp__report_table(bp__table_report *r, const char *what,
                         const bp__table *t)
{
    if (t->n_ragged) {
        bp__str_printf(&r->text, "%s%s ('%s'): %lld row%s other than %d cells:",
                       r->text.len ? "\n" : "", what, t->source,
                       (long long)t->n_ragged,
                       t->n_ragged == 1 ? " has" : "s have", t->n_cols);
        for (int64_t i = 0; i < t->n_ragged && i < BP__TABLE_EXAMPLES; i++)
            bp__str_printf(&r->text, "%s line %lld has %lld", i ? "," : "",
                           (long long)t->ragged_line[i],
                           (long long)t->ragged_cells[i]);
        r->failed = true;
    }
    if (t->n_open_quotes) {
        bp__str_printf(&r->text, "%s%s ('%s'): %lld cell%s with a quote that "
                       "is never closed, the first in line %lld",
                       r->text.len ? "\n" : "", what, t->source,
                       (long long)t->n_open_quotes,
                       t->n_open_quotes == 1 ? "" : "s",
                       (long long)t->open_quote_line);
        r->failed = true;
    }
}

void bp__report_cells(bp__table_report *r, const char *what, const bp__table *t,
                         const bp__columns *c, const bp__cell_report *cells)
{
    for (int i = 0; i < c->n; i++) {
        const bp__column *x = &c->column[i];
        report_problem(r, what, t, &cells->unreadable[i], x,
                       "no number", " (data.table.missing lists words that "
                       "stand for a missing value)", false);
        report_problem(r, what, t, &cells->unseen[i], x,
                       x->target ? "no class of the training rows"
                                 : "no word of the training rows",
                       x->target ? " (data.table.rename maps one word to "
                                   "another)"
                                 : " (they count as unknown)",
                       true);
        r->failed |= cells->unreadable[i].count > 0 ||
                     (x->target && cells->unseen[i].count > 0);
    }
    for (int i = 0; i < c->n; i++)
        report_problem(r, what, t, &cells->no_target[i], &c->column[i],
                       "nothing", " (the rows are left out)", false);
}

/* How often rows of a table stand in it, and in the training table. */
static bp_status count_repeats(const bp__table *train, const bp__table *x,
                               const bp__columns *c, bp__repeats *n,
                               int64_t *shared, bp_error *err)
{
    bp__arena memory;
    bp__arena_init(&memory, NULL);
    int *at = bp__arena_array(&memory, (size_t)c->n + 1, sizeof *at);
    bool *target = bp__arena_array(&memory, (size_t)x->n_cols + 1,
                                   sizeof *target);
    bool match = at && target && !bp__columns_match(c, x, at, NULL);
    for (int i = 0; match && i < c->n; i++)
        if (c->column[i].target && at[i] >= 0)
            target[at[i]] = true;
    bp_status st = memory.failed ? bp__oom(err)
                                 : bp__table_repeats(x, target, n, err);
    if (!st && match && train && train != x)
        st = bp__tables_shared(train, x, at, shared, err);
    bp__arena_free(&memory);
    return st;
}

/* Where training stops, its remarks on repeated rows are part of the report. */
bp_status bp__report_repeats(bp__table_report *r,
                             bp__table *const table[BP__N_SPLITS],
                             const bp__columns *c, bp_error *err)
{
    bp_status st = BP_OK;
    for (int s = 0; s < BP__N_SPLITS && !st; s++) {
        const bp__table *x = table[s];
        bp__repeats n;
        int64_t shared = 0;
        if (!x)
            continue;
        st = count_repeats(table[0], x, c, &n, &shared, err);
        if (!st && n.rows)
            bp__str_printf(&r->text, "\n'%s': %lld row%s equal to an earlier "
                           "one", x->source, (long long)n.rows,
                           n.rows == 1 ? " is" : "s are");
        if (!st && n.conflicts)
            bp__str_printf(&r->text, "\n'%s': %lld rows differ from another in "
                           "nothing but the target", x->source,
                           (long long)n.conflicts);
        if (!st && shared)
            bp__str_printf(&r->text, "\n'%s': %lld row%s in '%s' too",
                           x->source, (long long)shared,
                           shared == 1 ? " is" : "s are", table[0]->source);
    }
    return st;
}
