/* Tables: rows of columns, of which the training rows teach what each is. */
#include "source/kinds.h"
#include "source/table_draft.h"
#include "source/tables.h"

#include "data/data.h"

#include "data/looks.h"
#include "nn/nn.h"

/* ---- training ------------------------------------------------------------- */

static bp_status learn_columns(bp__source_config *c, const bp__tables *t,
                               bp_error *err)
{
    bp__columns_options o;
    bp__columns *k = NULL;
    bp__str telling;
    const bp__table_part *p = &t->part[BP_SPLIT_TRAIN];
    if (!p->table)
        return bp__error(err, BP_EARG, "data.train names no table: the "
                         "columns of the others are learned from it");
    bp_status st = bp__columns_read_options(c, &o, err);
    if (!st)
        st = bp__columns_guess(t->table[0], &o, &k, err);
    if (!st)
        st = bp__columns_fit(k, p->table, p->rows, p->n,
                             bp__columns_bins(c, p->n), err);
    bp__str_init(&telling, NULL);
    if (!st)
        st = bp__columns_telling(k, t->table[0], &telling, err);
    if (!st && telling.failed)
        st = bp__oom(err);
    if (!st && telling.len)
        c->telling = bp__arena_strdup(c->arena, telling.s);
    bp__str_free(&telling);
    if (st)
        bp__columns_free(k);
    else
        c->learned = k;
    return st;
}

static bp_status apply_part(const bp__columns *k, const bp__table_part *p,
                            const char *what, bool target, bp__table_report *r,
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
            bp__report_table(r, what, p->table);
        r->last = p->table;
        bp__report_cells(r, what, p->table, k, &cells);
    }
    bp__arena_free(&memory);
    return st;
}

/* The number of a word is no size, and half of two words no third. */
static bp_status check_embedded(const bp__source_config *c, bp_error *err)
{
    const bp__columns *columns = c->learned;
    const char *what = c->normalize != BP_NORM_NONE ? "data.normalize"
                       : c->augment.mixup > 0       ? "data.augment.mixup"
                                                    : NULL;
    for (int i = 0; what && i < columns->n; i++) {
        const bp__column *x = &columns->column[i];
        if (x->kind == BP__COLUMN_EMBEDDING)
            return bp__error(err, BP_EARG, "%s is for numbers: '%s' is an "
                             "embedded category; data.table.columns: {%s: "
                             "category} makes features of it", what, x->name,
                             x->name);
    }
    return BP_OK;
}

static bp_status table_open_all(bp__source_config *c, const char *dir,
                                unsigned wanted, bp_data *split[BP__N_SPLITS],
                                bp_error *err)
{
    bp__tables t = {0};
    bp__table_report r = {.failed = false};
    bp__str_init(&r.text, NULL);
    bp_status st = bp__tables_read(c, dir, wanted, &t, err);
    if (!st && !c->learned)
        st = learn_columns(c, &t, err);
    if (!st)
        st = check_embedded(c, err);
    for (int s = 0; s < BP__N_SPLITS && !st; s++)
        if ((wanted & 1u << s) && t.part[s].table)
            st = apply_part(c->learned, &t.part[s],
                            bp_split_name((bp_split)s), true, &r, &split[s],
                            err);
    if (r.text.len && r.failed && c->learned && (!st || st == BP_ERANGE)) {
        bp_status repeats = bp__report_repeats(&r, t.table, c->learned, err);
        st = repeats ? repeats : st;
    }
    if (r.text.len && (st || r.failed) && st != BP_ENOMEM)
        st = bp__error(err, st ? st : BP_EFORMAT, "%s", r.text.s);
    else if (r.text.len)
        c->notes = bp__arena_strdup(c->arena, r.text.s);
    bp__str_free(&r.text);
    bp__tables_free(&t);
    return st;
}

/* ---- predicting ----------------------------------------------------------- */

/* Every row of a file, with or without a target. Words that training never saw
 * are counted in c->notes. */
static bp_status table_file(bp__source_config *c, const char *path,
                            bool target, bp_data **d, bp_error *err)
{
    bp__table_options o;
    bp__table *t = NULL;
    bp__table_report r = {.failed = false};
    *d = NULL;
    bp_status st = bp__table_read_options(c, &o, err);
    bp__table_known_names(c, NULL, &o);
    if (!st && c->arena->failed)
        st = bp__oom(err);
    if (!st)
        st = bp__table_read(NULL, NULL, path, &o, &t, err);
    if (!st && t->n_rows == 0)
        st = bp__error(err, BP_ERANGE, "'%s' has no rows", path);
    bp__str_init(&r.text, NULL);
    if (!st) {
        bp__table_part p = {.table = t, .n = t->n_rows};
        st = apply_part(c->learned, &p, target ? "data" : "input", target, &r,
                        d, err);
    }
    if (r.text.len && (st || r.failed))
        st = bp__error(err, st ? st : BP_EFORMAT, "%s", r.text.s);
    else if (r.text.len)
        c->notes = bp__arena_strdup(c->arena, r.text.s);
    bp__str_free(&r.text);
    bp__table_free(t);
    if (st) {
        bp_data_free(*d);
        *d = NULL;
    }
    return st;
}

static bp_status table_inputs(bp__source_config *c, const char *const *paths,
                              size_t n, const bp__source_reader *to,
                              bp_error *err)
{
    bp__source_samples s = {.path = paths[0]};
    (void)n;
    bp_status st = table_file(c, s.path, false, &s.data, err);
    if (!st) {
        s.line = bp__data_lines(s.data);
        st = to->samples(to->user, &s, err);
    }
    bp_data_free(s.data);
    return st;
}

static bp_status table_labeled(bp__source_config *c, const char *const *paths,
                               size_t n, bp_data **d, bp_error *err)
{
    if (n > 1)
        return bp__error(err, BP_EARG, "'%s': one table holds the rows and "
                         "their targets", paths[0]);
    return table_file(c, paths[0], true, d, err);
}

/* ---- what columns say ------------------------------------------------------ */

_Static_assert((int)BP__COLUMN_EMBEDDING == BP_COLUMN_EMBEDDING,
               "one list of kinds");

static int table_n_columns(const bp__source_config *c)
{
    return ((const bp__columns *)c->learned)->n;
}

static void table_column(const bp__source_config *c, int i, bp_column *column)
{
    const bp__column *x = &((const bp__columns *)c->learned)->column[i];
    *column = (bp_column){.name = x->name, .kind = (bp_column_kind)x->kind,
                          .target = x->target, .had_missing = x->had_missing,
                          .features = x->width, .center = x->center,
                          .factor = x->factor, .n_words = x->n_words,
                          .words = x->words};
}

static void table_forget(void *learned)
{
    bp__columns_free(learned);
}

static bp_status table_set_input(const bp__source_config *c, bp_model *m,
                                 bp_error *err)
{
    const bp__columns *k = c->learned;
    int64_t width = k->width;
    if (!c->shapes_from_data)
        return BP_OK;
    bp__model_set_dims(m, 0, 1, &width);
    return bp__columns_embed(k, m, 0, err);
}

static bp_status table_embed(const bp__source_config *c, bp_model *m,
                             int64_t dim, bp_error *err)
{
    return bp__columns_embed(c->learned, m, dim, err);
}

static bp_status table_plain(const bp__source_config *c, bp_data *d,
                             bp_data **plain, bp_error *err)
{
    return bp__columns_plain(c->learned, d, plain, err);
}

static const char *const *table_classes(const bp__source_config *c, size_t *n)
{
    const bp__columns *k = c->learned;
    if (!bp__columns_classes(k))
        return NULL;
    *n = (size_t)k->column[k->target].n_words;
    return k->column[k->target].words;
}

/* Numbers were scaled for training. */
static int64_t table_n_units(const bp__source_config *c)
{
    const bp__columns *k = c->learned;
    return bp__columns_classes(k) ? 0 : k->n_targets;
}

static bool table_units(const bp__source_config *c, int64_t i,
                        bp__target_units *u)
{
    const bp__column *y = bp__columns_target_at(c->learned, (int)i);
    *u = (bp__target_units){y->name, y->center, y->factor};
    return true;
}

static bool table_compares(const bp__source_config *c, int64_t *n)
{
    const bp__columns *k = c->learned;
    if (!k || k->target < 0 || !c->shapes_from_data)
        return false;
    *n = bp__columns_classes(k) ? k->column[k->target].n_words : k->n_targets;
    return true;
}

static void table_show(const bp__source_config *source, bp__str *out)
{
    const bp__columns *c = source->learned;
    char text[BP__CELL_BYTES];
    bp__str_printf(out, "\n%-20s %-10s %10s  %s\n", "column", "kind", "features", "what");
    for (int i = 0; i < c->n; i++) {
        const bp__column *x = &c->column[i];
        char n[20];
        bp__snprintf(n, sizeof n, "%d", x->width);
        bp__str_printf(out, "%s %-10s %10s  ", bp__text_cell(text, x->name, 20, 20),
               bp__column_kind_name(x->kind),
               x->target                       ? "target"
               : x->kind == BP__COLUMN_IGNORED ? ""
                                               : n);
        if (x->kind == BP__COLUMN_IGNORED) {
            bp__str_printf(out, "%s", x->why);
        } else if (x->kind == BP__COLUMN_NUMBER) {
            bp__format_float(text, (float)x->center);
            bp__str_printf(out, x->target ? "mean %s" : "median %s", text);
            if (x->n_edges)
                bp__str_printf(out, ", from %.6g to %.6g", x->edges[0],
                       x->edges[x->n_edges - 1]);
        } else {
            for (int k = 0; k < x->n_words && k < 4; k++)
                bp__str_printf(out, "%s%s", k ? ", " : "",
                       bp__text_cell(text, x->words[k], 0, 20));
            if (x->n_words > 4)
                bp__str_printf(out, " and %d more", x->n_words - 4);
        }
        bp__str_printf(out, "%s\n", x->had_missing ? "; some missing" : "");
    }
}

/* ---- drafting --------------------------------------------------------------- */

static const char *table_looks(const char *path, bool folder)
{
    static const char *const ends[] = {".csv", ".csv.gz", ".tsv", ".tsv.gz"};
    for (size_t i = 0; i < BP__ARRAY_LEN(ends) && !folder; i++)
        if (bp__path_ends(path, ends[i]))
            return "a table";
    return NULL;
}

static const bp__skey options[] = {
    {.name = "table", .type = BP__S_MAP, .fallback = "",
     .doc = "how the csv files are read", .keys = bp__table_keys,
     .n_keys = BP__TABLE_N_KEYS},
};
static const bp__skey kept[] = {
    {.name = "columns", .type = BP__S_CUSTOM, .fallback = "",
     .doc = "written by training on a table", .what = "a list of columns",
     .custom = bp__read_columns},
};

const bp__source_kind bp__source_table = {
    .name = "csv",
    .samples = "rows",
    .example = "TABLE.csv",
    .takes = "tables (.csv, .csv.gz ...) with the columns of that which it was "
             "trained on",
    .drafts = "tables",
    .key = {.name = "csv", .type = BP__S_TEXT, .fallback = "",
            .doc = "a table: see data.table"},
    .options = options,
    .n_options = BP__ARRAY_LEN(options),
    .kept = kept,
    .n_kept = BP__ARRAY_LEN(kept),
    .input_word = "table",
    .normalize = "none",
    .any_text = true,
    .own_columns = true,
    .stratify = true,
    .looks = table_looks,
    .open_all = table_open_all,
    .inputs = table_inputs,
    .labeled = table_labeled,
    .row = bp__table_row,
    .n_columns = table_n_columns,
    .column = table_column,
    .restore = bp__columns_restore,
    .keep = bp__columns_keep,
    .forget = table_forget,
    .show = table_show,
    .set_input = table_set_input,
    .classes = table_classes,
    .n_units = table_n_units,
    .units = table_units,
    .compares = table_compares,
    .plain = table_plain,
    .embed = table_embed,
    .draft = bp__table_draft,
};
