/* Tables of a configuration: how they are read, and the rows of each split. */
#include "source/kinds.h"
#include "source/tables.h"

#include "source/split.h"

/* ---- options ------------------------------------------------------------ */

bp_status bp__table_read_options(const bp__source_config *c,
                                 bp__table_options *o, bp_error *err)
{
    static const struct {
        const char *word;
        char separator;
    } separators[] = {{"comma", ','}, {"semicolon", ';'}, {"tab", '\t'},
                      {"bar", '|'}};
    const char *s = bp__yaml_text(bp__source_option(c, "table", "separator"));
    const char *h = bp__yaml_text(bp__source_option(c, "table", "header"));
    *o = (bp__table_options){0};
    for (size_t i = 0; s && i < BP__ARRAY_LEN(separators); i++)
        if (!strcmp(s, separators[i].word))
            o->separator = separators[i].separator;
    if (h)
        o->header = !strcmp(h, "with")      ? BP__HEADER_YES
                    : !strcmp(h, "without") ? BP__HEADER_NO
                                            : BP__HEADER_GUESS;
    o->missing = bp__source_texts(c, bp__source_option(c, "table", "missing"),
                                  &o->n_missing);
    const bp__ynode *map = bp__source_option(c, "table", "rename");
    const char **pairs = bp__arena_array(c->arena, 2 * (map ? map->n : 0) + 1,
                                         sizeof *pairs);
    for (const bp__ynode *k = map && pairs ? map->child : NULL; k;
         k = k->next) {
        pairs[2 * o->n_rename] = k->key;
        pairs[2 * o->n_rename++ + 1] = k->text;
    }
    o->rename = pairs;
    return c->arena->failed ? bp__oom(err) : BP_OK;
}

/* A further table may have the header of the first. */
void bp__table_known_names(const bp__source_config *c, const bp__table *first,
                           bp__table_options *o)
{
    const bp__columns *columns = c->learned;
    if (first && first->has_header) {
        o->names = first->names;
        o->n_names = (size_t)first->n_cols;
    } else if (columns) {
        size_t n = (size_t)columns->n;
        const char **names = bp__arena_array(c->arena, n + 1, sizeof *names);
        for (size_t i = 0; names && i < n; i++)
            names[i] = columns->column[i].name;
        o->names = names;
        o->n_names = names ? n : 0;
    }
}

bp_status bp__columns_read_options(const bp__source_config *c,
                                   bp__columns_options *o, bp_error *err)
{
    const char *task = bp__yaml_text(bp__source_option(c, "table", "task"));
    const bp__ynode *kinds = bp__source_option(c, "table", "columns");
    size_t n = kinds ? kinds->n : 0;
    const char **names = bp__arena_array(c->arena, n + 1, sizeof *names);
    bp__column_kind *kind = bp__arena_array(c->arena, n + 1, sizeof *kind);
    *o = (bp__columns_options){0};
    o->target = bp__source_texts(c, bp__source_option(c, "table", "target"),
                                 &o->n_targets);
    if (task)
        o->task = !strcmp(task, "class") ? BP__TASK_CLASS : BP__TASK_NUMBER;
    if (c->arena->failed)
        return bp__oom(err);
    for (const bp__ynode *k = kinds ? kinds->child : NULL; k; k = k->next) {
        names[o->n_kinds] = k->key;
        for (int i = 0; i < BP__N_COLUMN_KINDS; i++)
            if (!strcmp(k->text, bp__column_kind_name((bp__column_kind)i)))
                kind[o->n_kinds] = (bp__column_kind)i;
        o->n_kinds++;
    }
    o->column = names;
    o->kind = kind;
    return BP_OK;
}

int bp__columns_bins(const bp__source_config *c, int64_t rows)
{
    const bp__ynode *n = bp__source_option(c, "table", "bins");
    return n && strcmp(n->text, "auto") ? (int)bp__yaml_int(n)
                                        : bp__auto_bins(rows);
}

/* ---- rows --------------------------------------------------------------- */

void bp__tables_free(bp__tables *t)
{
    for (int s = 0; s < BP__N_SPLITS; s++) {
        bp__free(&bp__malloc_allocator, t->rows[s],
                 t->room[s] * sizeof **t->rows);
        bp__table_free(t->table[s]);
    }
}

static bp_status new_rows(bp__tables *t, int s, int64_t room, bp_error *err)
{
    t->room[s] = (size_t)room + 1;
    t->rows[s] = bp__calloc(&bp__malloc_allocator, t->room[s],
                            sizeof **t->rows);
    t->part[s].rows = t->rows[s];
    return t->rows[s] ? BP_OK : bp__oom(err);
}

/* All rows of a table, or the range that the file gives. */
static bp_status own_rows(bp__source_config *c, bp__tables *t, int s,
                          bp_error *err)
{
    const bp__ynode *source =
        bp__yaml_get(c->data, bp_split_name((bp_split)s));
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

static bp_status take_rows(bp__tables *t, const bp__table_part *all, const int *where,
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
static bp_status class_rows(bp__source_config *c, const bp__table_part *all,
                            const bp__ynode *split, bp__deal *d, int32_t *of,
                            bp_error *err)
{
    const bp__ynode *even = bp__yaml_get(split, "stratify");
    bp__columns_options o;
    bp__columns *k = NULL;
    d->n = all->n;
    bp_status st = bp__columns_read_options(c, &o, err);
    if (!st)
        st = bp__columns_target(all->table, &o, &k, err);
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
static bp_status split_rows(bp__source_config *c, bp__tables *t,
                            bp_error *err)
{
    const bp__ynode *split = bp__yaml_get(c->data, "split");
    const bp_allocator *a = &bp__malloc_allocator;
    bp__table_part all = t->part[0];
    int64_t *rows = t->rows[0];
    size_t room = t->room[0], n = (size_t)all.n + 1;
    t->part[0] = (bp__table_part){0};
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

static const bp__ynode *path_of(const bp__source_config *c, int split)
{
    const bp__ynode *s = bp__yaml_get(c->data, bp_split_name((bp_split)split));
    return bp__yaml_get(s, bp__source_table.name);
}

bp_status bp__tables_read(bp__source_config *c, const char *dir,
                          unsigned wanted, bp__tables *t, bp_error *err)
{
    bp__table_options o;
    const bp__ynode *split = bp__yaml_get(c->data, "split");
    bp_status st = bp__table_read_options(c, &o, err);
    for (int s = 0; s < BP__N_SPLITS && !st; s++) {
        const bp__ynode *file = path_of(c, s);
        /* Parts come from the training table, columns are learned on it. */
        bool needed = (wanted & 1u << s) || (s == 0 && (split || !c->learned));
        if (!file || !needed)
            continue;
        const char *path = bp__source_path(c, dir, file->text);
        bp__table_known_names(c, t->table[0], &o);
        st = path && !c->arena->failed
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
