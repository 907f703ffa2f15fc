/* Tables of a configuration: files -> rows of each split -> columns, learned
 * on the training rows -> data sets. */
#include "config/tables.h"

#include "config/split.h"
#include "data/looks.h"

static const bp__ynode *table_node(const bp__config *c, const char *key)
{
    const bp__ynode *t = bp__yaml_at(c->resolved, "data.table");
    return t ? bp__yaml_get(t, key) : NULL;
}

static const bp__ynode *csv_of(const bp__config *c, int split)
{
    const bp__ynode *data = bp__yaml_get(c->resolved, "data");
    const bp__ynode *s =
        data ? bp__yaml_get(data, bp_split_name((bp_split)split)) : NULL;
    return s ? bp__yaml_get(s, "csv") : NULL;
}

bool bp__config_has_table(const bp__config *c)
{
    return csv_of(c, 0) || csv_of(c, 1) || csv_of(c, 2);
}

bool bp__config_needs_data(const bp__config *c)
{
    return c->table_input && !c->columns;
}

/* ---- options ------------------------------------------------------------ */

/* The texts of a list, in the config's memory. */
static const char *const *texts_of(bp__config *c, const bp__ynode *list,
                                   size_t *n)
{
    *n = list ? list->n : 0;
    const char **all = bp__arena_array(&c->arena, *n + 1, sizeof *all);
    size_t i = 0;
    for (const bp__ynode *k = list ? list->child : NULL; all && k; k = k->next)
        all[i++] = k->text;
    return all;
}

static void table_options(bp__config *c, bp__table_options *o)
{
    static const struct {
        const char *word;
        char separator;
    } separators[] = {{"comma", ','}, {"semicolon", ';'}, {"tab", '\t'},
                      {"bar", '|'}};
    const char *s = bp__yaml_text(table_node(c, "separator"));
    const char *h = bp__yaml_text(table_node(c, "header"));
    *o = (bp__table_options){0};
    for (size_t i = 0; s && i < BP__ARRAY_LEN(separators); i++)
        if (!strcmp(s, separators[i].word))
            o->separator = separators[i].separator;
    if (h)
        o->header = !strcmp(h, "with")      ? BP__HEADER_YES
                    : !strcmp(h, "without") ? BP__HEADER_NO
                                            : BP__HEADER_GUESS;
    o->missing = texts_of(c, table_node(c, "missing"), &o->n_missing);
    const bp__ynode *map = table_node(c, "rename");
    const char **pairs = bp__arena_array(&c->arena, 2 * (map ? map->n : 0) + 1,
                                         sizeof *pairs);
    for (const bp__ynode *k = map && pairs ? map->child : NULL; k;
         k = k->next) {
        pairs[2 * o->n_rename] = k->key;
        pairs[2 * o->n_rename++ + 1] = k->text;
    }
    o->rename = pairs;
}

/* A further table may have the header of the first. */
static void known_names(bp__config *c, const bp__table *first,
                        bp__table_options *o)
{
    if (first && first->has_header) {
        o->names = first->names;
        o->n_names = (size_t)first->n_cols;
    } else if (c->columns) {
        size_t n = (size_t)c->columns->n;
        const char **names = bp__arena_array(&c->arena, n + 1, sizeof *names);
        for (size_t i = 0; names && i < n; i++)
            names[i] = c->columns->column[i].name;
        o->names = names;
        o->n_names = names ? n : 0;
    }
}

static void columns_options(bp__config *c, bp__columns_options *o)
{
    const char *task = bp__yaml_text(table_node(c, "task"));
    const bp__ynode *kinds = table_node(c, "columns");
    size_t n = kinds ? kinds->n : 0;
    const char **names = bp__arena_array(&c->arena, n + 1, sizeof *names);
    bp__column_kind *kind = bp__arena_array(&c->arena, n + 1, sizeof *kind);
    *o = (bp__columns_options){0};
    o->target = texts_of(c, table_node(c, "target"), &o->n_targets);
    if (task)
        o->task = !strcmp(task, "class") ? BP__TASK_CLASS : BP__TASK_NUMBER;
    if (!names || !kind)
        return;
    for (const bp__ynode *k = kinds ? kinds->child : NULL; k; k = k->next) {
        names[o->n_kinds] = k->key;
        for (int i = 0; i < BP__N_COLUMN_KINDS; i++)
            if (!strcmp(k->text, bp__column_kind_name((bp__column_kind)i)))
                kind[o->n_kinds] = (bp__column_kind)i;
        o->n_kinds++;
    }
    o->column = names;
    o->kind = kind;
}

static int bins_of(const bp__config *c, int64_t rows)
{
    const bp__ynode *n = table_node(c, "bins");
    return n && strcmp(n->text, "auto") ? (int)bp__yaml_int(n)
                                        : bp__auto_bins(rows);
}

/* ---- rows --------------------------------------------------------------- */

/* The rows of each split within its table. */
typedef struct part {
    const bp__table *table;
    int64_t *rows, n;
} part;

typedef struct tables {
    bp__table *table[BP__N_SPLITS];
    part part[BP__N_SPLITS];
    int64_t *rows[BP__N_SPLITS]; /* memory of part.rows */
    size_t room[BP__N_SPLITS];
} tables;

static void tables_free(tables *t)
{
    for (int s = 0; s < BP__N_SPLITS; s++) {
        bp__free(&bp__malloc_allocator, t->rows[s],
                 t->room[s] * sizeof **t->rows);
        bp__table_free(t->table[s]);
    }
}

static bp_status new_rows(tables *t, int s, int64_t room, bp_error *err)
{
    t->room[s] = (size_t)room + 1;
    t->rows[s] = bp__calloc(&bp__malloc_allocator, t->room[s],
                            sizeof **t->rows);
    t->part[s].rows = t->rows[s];
    return t->rows[s] ? BP_OK : bp__oom(err);
}

/* All rows of a table, or the range that the file gives. */
static bp_status own_rows(bp__config *c, tables *t, int s, bp_error *err)
{
    const bp__ynode *data = bp__yaml_get(c->resolved, "data");
    const bp__ynode *source = bp__yaml_get(data, bp_split_name((bp_split)s));
    const bp__ynode *range = bp__yaml_get(source, "range");
    int64_t first = 0, last = t->table[s]->n_rows;
    if (range) {
        first = bp__yaml_int(range->child);
        last = bp__yaml_int(range->last);
    }
    if (last > t->table[s]->n_rows || first >= last)
        return bp__error(err, BP_ERANGE, "'%s': the range [%lld, %lld) does "
                         "not lie within its %lld rows, or is empty",
                         t->table[s]->source, (long long)first,
                         (long long)last, (long long)t->table[s]->n_rows);
    bp_status st = new_rows(t, s, last - first, err);
    for (int64_t i = first; i < last && !st; i++)
        t->part[s].rows[t->part[s].n++] = i;
    t->part[s].table = t->table[s];
    return st;
}

static bp_status take_rows(tables *t, const part *all, const int *where,
                           bp_error *err)
{
    bp_status st = BP_OK;
    for (int s = 0; s < BP__N_SPLITS && !st; s++) {
        int64_t n = 0;
        for (int64_t i = 0; i < all->n; i++)
            n += where[i] == s;
        if (n == 0)
            continue;
        st = new_rows(t, s, n, err);
        t->part[s].table = all->table;
        for (int64_t i = 0; i < all->n && !st; i++)
            if (where[i] == s)
                t->part[s].rows[t->part[s].n++] = all->rows[i];
    }
    return st;
}

/* The class of each row's target; NULL in d: none is asked for. */
static bp_status class_rows(bp__config *c, const part *all,
                            const bp__ynode *split, bp__deal *d, int32_t *of,
                            bp_error *err)
{
    const bp__ynode *even = bp__yaml_get(split, "stratify");
    bp__columns_options o;
    bp__columns *k = NULL;
    columns_options(c, &o);
    d->n = all->n;
    bp_status st = bp__columns_target(all->table, &o, &k, err);
    if (!st && bp__columns_classes(k) && (!even || bp__yaml_bool(even))) {
        const bp__column *x = &k->column[k->target];
        d->class_of = of;
        d->n_classes = x->n_words;
        for (int64_t i = 0; i < all->n; i++) {
            const char *cell = bp__table_cell(all->table, all->rows[i],
                                              k->target);
            of[i] = cell ? bp__column_word(x, cell) : 0;
        }
    }
    bp__columns_free(k);
    return st;
}

/* The classes are counted over all rows: where they go decides nothing else.
 */
static bp_status split_rows(bp__config *c, tables *t, bp_error *err)
{
    const bp__ynode *split = bp__yaml_at(c->resolved, "data.split");
    const bp_allocator *a = &bp__malloc_allocator;
    part all = t->part[0];
    int64_t *rows = t->rows[0];
    size_t room = t->room[0], n = (size_t)all.n + 1;
    t->part[0] = (part){0};
    t->rows[0] = NULL;
    int *where = bp__calloc(a, n, sizeof *where);
    int32_t *of = bp__calloc(a, n, sizeof *of);
    bp__deal d = {0};
    bp_status st = where && of ? class_rows(c, &all, split, &d, of, err)
                               : bp__oom(err);
    if (!st)
        st = bp__deal_split(split, &d, where, err);
    if (!st)
        st = take_rows(t, &all, where, err);
    bp__free(a, where, n * sizeof *where);
    bp__free(a, of, n * sizeof *of);
    bp__free(a, rows, room * sizeof *rows);
    return st;
}

/* ---- reports ------------------------------------------------------------ */

typedef struct table_report {
    bp__str text;
    bool failed; /* something that no training should go over */
    const bp__table *last;
} table_report;

static void report_problem(table_report *r, const char *what,
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

static void report_table(table_report *r, const char *what,
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

static void report_cells(table_report *r, const char *what, const bp__table *t,
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
static bp_status report_repeats(table_report *r, const tables *t,
                                const bp__columns *c, bp_error *err)
{
    bp_status st = BP_OK;
    for (int s = 0; s < BP__N_SPLITS && !st; s++) {
        const bp__table *x = t->table[s];
        bp__repeats n;
        int64_t shared = 0;
        if (!x)
            continue;
        st = count_repeats(t->table[0], x, c, &n, &shared, err);
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
                           shared == 1 ? " is" : "s are", t->table[0]->source);
    }
    return st;
}

/* ---- all of it ---------------------------------------------------------- */

static bp_status read_tables(bp__config *c, const char *dir, unsigned wanted,
                             tables *t, bp_error *err)
{
    bp__table_options o;
    const bp__ynode *split = bp__yaml_at(c->resolved, "data.split");
    bp_status st = BP_OK;
    table_options(c, &o);
    for (int s = 0; s < BP__N_SPLITS && !st; s++) {
        const bp__ynode *csv = csv_of(c, s);
        /* Parts come from the training table, columns are learned on it. */
        bool needed = (wanted & 1u << s) || (s == 0 && (split || !c->columns));
        if (!csv || !needed)
            continue;
        const char *path = bp__data_path(c, dir, csv->text);
        known_names(c, t->table[0], &o);
        st = path && !c->arena.failed
                 ? bp__table_read(NULL, NULL, path, &o, &t->table[s], err)
                 : bp__oom(err);
        if (!st && t->table[s]->n_rows == 0)
            st = bp__error(err, BP_ERANGE, "'%s' has no rows", path);
        if (!st)
            st = own_rows(c, t, s, err);
    }
    if (!st && split && t->table[0])
        st = split_rows(c, t, err);
    return st;
}

static bp_status learn_columns(bp__config *c, const tables *t, bp_error *err)
{
    bp__columns_options o;
    const part *p = &t->part[BP_SPLIT_TRAIN];
    if (!p->table)
        return bp__error(err, BP_EARG, "data.train names no table: the "
                         "columns of the others are learned from it");
    columns_options(c, &o);
    bp_status st = bp__columns_guess(t->table[0], &o, &c->columns, err);
    if (!st)
        st = bp__columns_fit(c->columns, p->table, p->rows, p->n,
                             bins_of(c, p->n), err);
    bp__str telling;
    bp__str_init(&telling, NULL);
    if (!st)
        st = bp__columns_telling(c->columns, t->table[0], &telling, err);
    if (!st && telling.failed)
        st = bp__oom(err);
    if (!st && telling.len)
        c->telling = bp__arena_strdup(&c->arena, telling.s);
    bp__str_free(&telling);
    if (!st)
        return BP_OK;
    bp__columns_free(c->columns);
    c->columns = NULL;
    return st;
}

static bp_status apply_part(const bp__columns *k, const part *p,
                            const char *what, bool target, table_report *r,
                            bp_data **d, bp_error *err)
{
    bp__arena memory;
    bp__arena_init(&memory, NULL);
    size_t n = (size_t)k->n;
    bp__cell_report cells = {
        .unreadable = bp__arena_array(&memory, n, sizeof *cells.unreadable),
        .unseen = bp__arena_array(&memory, n, sizeof *cells.unseen),
        .no_target = bp__arena_array(&memory, n, sizeof *cells.no_target)};
    bp_status st = memory.failed ? bp__oom(err)
                                 : bp__columns_apply(k, p->table, p->rows,
                                                     p->n, target, &cells, NULL,
                                                     d, err);
    if (!memory.failed) {
        if (r->last != p->table) /* parts of one are told once */
            report_table(r, what, p->table);
        r->last = p->table;
        report_cells(r, what, p->table, k, &cells);
    }
    bp__arena_free(&memory);
    return st;
}

/* The number of a word is no size, and half of two words no third. */
static bp_status check_embedded(const bp__config *c, bp_error *err)
{
    const char *what = c->normalize != BP_NORM_NONE      ? "data.normalize"
                       : c->train.augment.mixup > 0 ? "data.augment.mixup"
                                                         : NULL;
    for (int i = 0; what && i < c->columns->n; i++) {
        const bp__column *x = &c->columns->column[i];
        if (x->kind == BP__COLUMN_EMBEDDING)
            return bp__error(err, BP_EARG, "%s is for numbers: '%s' is an "
                             "embedded category; data.table.columns: {%s: "
                             "category} makes features of it", what, x->name,
                             x->name);
    }
    return BP_OK;
}

bp_status bp__tables_open(bp__config *c, const char *dir, unsigned wanted,
                          bp__config_data *d, bp_error *err)
{
    tables t = {0};
    table_report r = {.failed = false};
    bp__str_init(&r.text, NULL);
    bp_status st = read_tables(c, dir, wanted, &t, err);
    if (!st && !c->columns)
        st = learn_columns(c, &t, err);
    if (!st)
        st = check_embedded(c, err);
    if (!st)
        st = bp__tables_set_input(c, err);
    for (int s = 0; s < BP__N_SPLITS && !st; s++)
        if ((wanted & 1u << s) && t.part[s].table)
            st = apply_part(c->columns, &t.part[s],
                            bp_split_name((bp_split)s), true, &r,
                            &d->split[s], err);
    if (r.text.len && r.failed && c->columns && (!st || st == BP_ERANGE)) {
        bp_status repeats = report_repeats(&r, &t, c->columns, err);
        st = repeats ? repeats : st;
    }
    if (r.text.len && (st || r.failed) && st != BP_ENOMEM)
        st = bp__error(err, st ? st : BP_EFORMAT, "%s", r.text.s);
    else if (r.text.len)
        c->notes = bp__arena_strdup(&c->arena, r.text.s);
    bp__str_free(&r.text);
    tables_free(&t);
    return st;
}

bp_status bp__table_inputs(bp__config *c, const char *path, bp_data **d,
                           int64_t **line, bp_error *err)
{
    bp__table_options o;
    bp__table *t = NULL;
    table_report r = {.failed = false};
    *d = NULL;
    *line = NULL;
    table_options(c, &o);
    known_names(c, NULL, &o);
    bp_status st = bp__table_read(NULL, NULL, path, &o, &t, err);
    if (!st && t->n_rows == 0)
        st = bp__error(err, BP_ERANGE, "'%s' has no rows", path);
    if (st) {
        bp__table_free(t);
        return st;
    }
    part p = {.table = t, .n = t->n_rows};
    bp__str_init(&r.text, NULL);
    st = apply_part(c->columns, &p, "input", false, &r, d, err);
    if (r.text.len && (st || r.failed))
        st = bp__error(err, st ? st : BP_EFORMAT, "%s", r.text.s);
    else if (r.text.len)
        c->notes = bp__arena_strdup(&c->arena, r.text.s);
    bp__str_free(&r.text);
    if (!st) {
        *line = t->line; /* taken over, with its spare room */
        t->line = NULL;
    } else {
        bp_data_free(*d);
        *d = NULL;
    }
    bp__table_free(t);
    return st;
}
