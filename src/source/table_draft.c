/* Looking at a table, and the model file that fits it. */
#include "source/table_draft.h"

#include "data/columns.h"
#include "data/looks.h"
#include "fmt/tree.h"
#include "source/draft_model.h"

typedef struct draft {
    bp__table *table, *test; /* test NULL: none */
    bp__columns *columns;
    bp__repeats repeats;
    int64_t shared;      /* rows of the test table that are in the first */
    int64_t *class_rows; /* of each class, in the first table */
    int64_t *missing;    /* cells of each column */
    /* Classes of the test table that the first has in another spelling. */
    const char **rename; /* pairs: from, to */
    size_t n_rename;
    bp__str looks;       /* remarks of data/looks.h */
    bp__arena memory;
} draft;

/* ---- looking ------------------------------------------------------------ */

static bp_status count_cells(draft *d, bp_error *err)
{
    const bp__table *t = d->table;
    const bp__columns *c = d->columns;
    const bp__column *y = &c->column[c->target];
    d->missing = bp__arena_array(&d->memory, (size_t)c->n, sizeof *d->missing);
    d->class_rows = bp__arena_array(&d->memory, (size_t)y->n_words + 1,
                                    sizeof *d->class_rows);
    if (d->memory.failed)
        return bp__oom(err);
    for (int64_t r = 0; r < t->n_rows; r++) {
        for (int i = 0; i < c->n; i++)
            d->missing[i] += !bp__table_cell(t, r, i);
        const char *cell = bp__table_cell(t, r, c->target);
        int k = cell && bp__columns_classes(c) ? bp__column_word(y, cell) : -1;
        if (k >= 0)
            d->class_rows[k]++;
    }
    return BP_OK;
}

/* Only letters and digits, in lower case: what a stray dot or blank does not
 * change. */
static void bare(const char *s, char *to, size_t room)
{
    size_t n = 0;
    for (; *s && n + 1 < room; s++) {
        unsigned char c = (unsigned char)*s;
        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c - 'A' + 'a');
        if (c >= 128 || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
            c == '<' || c == '>' || c == '=' || c == '+' || c == '-')
            to[n++] = (char)c;
    }
    to[n] = '\0';
}

static const char *same_class(const bp__column *y, const char *cell)
{
    char a[100], b[100];
    bare(cell, a, sizeof a);
    for (int k = 0; k < y->n_words; k++) {
        bare(y->words[k], b, sizeof b);
        if (!strcmp(a, b))
            return y->words[k];
    }
    return NULL;
}

static bp_status match_classes(draft *d, int col, bp_error *err)
{
    const bp__column *y = &d->columns->column[d->columns->target];
    enum { MOST = 100 };
    if (!bp__columns_classes(d->columns))
        return BP_OK;
    d->rename = bp__arena_array(&d->memory, 2 * MOST, sizeof *d->rename);
    if (!d->rename)
        return bp__oom(err);
    for (int64_t r = 0; r < d->test->n_rows && d->n_rename < MOST; r++) {
        const char *cell = bp__table_cell(d->test, r, col);
        bool known = !cell || bp__column_word(y, cell) >= 0;
        for (size_t i = 0; !known && i < d->n_rename; i++)
            known = !strcmp(d->rename[2 * i], cell);
        const char *same = known ? NULL : same_class(y, cell);
        if (!same)
            continue;
        d->rename[2 * d->n_rename] = cell;
        d->rename[2 * d->n_rename++ + 1] = same;
    }
    return BP_OK;
}

/* One column whose name may hold commas, or several between them. */
static bp_status cut_targets(draft *d, const char *list,
                             bp__columns_options *o, bp_error *err)
{
    size_t n = 1;
    for (const char *s = list; *s; s++)
        n += *s == ',';
    const char **target = bp__arena_array(&d->memory, n, sizeof *target);
    char *text = bp__arena_strdup(&d->memory, list);
    if (!target || !text)
        return bp__oom(err);
    o->target = target;
    o->n_targets = 0;
    if (bp__table_find(d->table, list) >= 0 || n == 1) {
        target[o->n_targets++] = text;
        return BP_OK;
    }
    for (char *end; text; text = end) {
        end = strchr(text, ',');
        if (end)
            *end++ = '\0';
        while (*text == ' ')
            text++;
        target[o->n_targets++] = text;
    }
    return BP_OK;
}

static bp_status count_repeats(draft *d, bp_error *err)
{
    const bp__columns *c = d->columns;
    bool *target = bp__arena_array(&d->memory, (size_t)c->n, sizeof *target);
    if (!target)
        return bp__oom(err);
    for (int i = 0; i < c->n; i++)
        target[i] = c->column[i].target;
    return bp__table_repeats(d->table, target, &d->repeats, err);
}

/* The table to test on beside the first one. */
static bp_status look_at_test(const bp__draft_options *o, draft *d,
                              bp_error *err)
{
    bp__table_options to = {0};
    if (d->table->has_header) {
        to.names = d->table->names;
        to.n_names = (size_t)d->table->n_cols;
    }
    const bp__columns *c = d->columns;
    int *at = bp__arena_array(&d->memory, (size_t)c->n, sizeof *at);
    bp_status s = at ? bp__table_read(NULL, NULL, o->test, &to, &d->test, err)
                     : bp__oom(err);
    if (!s)
        s = bp__columns_match(c, d->test, at, err);
    for (int i = 0; i < c->n && !s; i++)
        if (c->column[i].target && at[i] < 0)
            s = bp__error(err, BP_ESHAPE, "'%s' has no column '%s', the "
                          "target, to test against", o->test,
                          c->column[i].name);
    if (!s)
        s = match_classes(d, at[c->target], err);
    return s ? s : bp__tables_shared(d->table, d->test, at, &d->shared, err);
}

static void draft_free(draft *d)
{
    bp__table_free(d->table);
    bp__table_free(d->test);
    bp__columns_free(d->columns);
    bp__str_free(&d->looks);
    bp__arena_free(&d->memory);
    memset(d, 0, sizeof *d);
}

static bp_status draft_look(const bp__draft_options *o, draft *d,
                            bp_error *err)
{
    memset(d, 0, sizeof *d);
    bp__arena_init(&d->memory, NULL);
    bp__columns_options k = {
        .task = !o->task                  ? BP__TASK_GUESS
                : !strcmp(o->task, "class") ? BP__TASK_CLASS
                                          : BP__TASK_NUMBER};
    bp_status s = bp__table_read(NULL, NULL, o->path, NULL, &d->table, err);
    if (!s && d->table->n_rows < 10)
        s = bp__error(err, BP_ERANGE, "'%s' has %lld row%s; 10 are the least "
                      "that can be trained on and tested", o->path,
                      (long long)d->table->n_rows,
                      d->table->n_rows == 1 ? "" : "s");
    if (!s && o->target)
        s = cut_targets(d, o->target, &k, err);
    if (!s)
        s = bp__columns_guess(d->table, &k, &d->columns, err);
    if (!s)
        s = bp__columns_fit(d->columns, d->table, NULL, 0, 0, err);
    if (!s && bp__columns_classes(d->columns) &&
        d->columns->column[d->columns->target].n_words < 2)
        s = bp__error(err, BP_EFORMAT, "'%s': the target, '%s', has one value "
                      "only", o->path,
                      d->columns->column[d->columns->target].name);
    if (!s)
        s = count_cells(d, err);
    if (!s)
        s = count_repeats(d, err);
    if (!s && o->test)
        s = look_at_test(o, d, err);
    bp__str_init(&d->looks, NULL);
    if (!s) {
        bp__columns_hidden(d->columns, d->table, &d->looks);
        s = bp__columns_telling(d->columns, d->table, &d->looks, err);
    }
    if (!s && d->looks.failed)
        s = bp__oom(err);
    if (s)
        draft_free(d);
    return s;
}

/* ---- telling ------------------------------------------------------------ */

static const char *separator_name(char c)
{
    return c == '\t' ? "tabs" : c == ';' ? "semicolons" : c == '|' ? "bars"
                                                                   : "commas";
}

static void describe_column(const draft *d, int i, bp__str *out)
{
    const bp__columns *c = d->columns;
    const bp__column *x = &c->column[i];
    char a[32], text[BP__CELL_BYTES];
    bp__str_printf(out, "  %3d %s %-9s ", i + 1,
                   bp__text_cell(text, x->name, 22, 22),
                   x->target ? "target" : bp__column_kind_name(x->kind));
    if (x->kind == BP__COLUMN_IGNORED) {
        bp__str_printf(out, "%s", x->why);
    } else if (x->kind == BP__COLUMN_NUMBER) {
        bp__format_float(a, (float)x->center);
        bp__str_printf(out, x->target ? "a number, mean %s" : "median %s", a);
    } else {
        bp__str_printf(out, "%d %s:", x->n_words,
                       x->target ? "classes" : "words");
        for (int k = 0; k < x->n_words && k < 4; k++) {
            bp__str_printf(out, "%s %s", k ? "," : "",
                           bp__text_cell(text, x->words[k], 0, 24));
            if (x->target)
                bp__str_printf(out, " (%lld)", (long long)d->class_rows[k]);
        }
        if (x->n_words > 4)
            bp__str_printf(out, " ...");
    }
    if (d->missing[i])
        bp__str_printf(out, "; %lld missing", (long long)d->missing[i]);
    bp__str_printf(out, "\n");
}

static void describe_rows(const draft *d, bp__str *out)
{
    if (d->table->n_ragged)
        bp__str_printf(out, "%lld row%s other than %d cells, the first in line "
                       "%lld: training will refuse that\n",
                       (long long)d->table->n_ragged,
                       d->table->n_ragged == 1 ? " has" : "s have",
                       d->table->n_cols,
                       (long long)d->table->ragged_line[0]);
    if (d->repeats.rows)
        bp__str_printf(out, "%lld row%s equal to an earlier one; %s kept\n",
                       (long long)d->repeats.rows,
                       d->repeats.rows == 1 ? " is" : "s are",
                       d->repeats.rows == 1 ? "it is" : "they are");
    if (d->repeats.conflicts)
        bp__str_printf(out, "%lld rows differ from another in nothing but the "
                       "target\n", (long long)d->repeats.conflicts);
    if (!d->test)
        return;
    bp__str_printf(out, "%s: %lld rows to test on", d->test->source,
                   (long long)d->test->n_rows);
    if (d->shared)
        bp__str_printf(out, ", of which %lld stand in the first table too",
                       (long long)d->shared);
    for (size_t i = 0; i < d->n_rename; i++)
        bp__str_printf(out, "%s '%s' as '%s'", i ? "," : "; it writes",
                       d->rename[2 * i + 1], d->rename[2 * i]);
    bp__str_printf(out, "\n");
}

static void describe_balance(const draft *d, bp__str *out)
{
    const bp__column *y = &d->columns->column[d->columns->target];
    int64_t least = INT64_MAX, most = 0, sum = 0;
    int rare = 0;
    if (!bp__columns_classes(d->columns))
        return;
    for (int k = 0; k < y->n_words; k++) {
        int64_t n = d->class_rows[k];
        sum += n;
        if (n < least) {
            least = n;
            rare = k;
        }
        most = n > most ? n : most;
    }
    if (most > 9 * least)
        bp__str_printf(out, "the classes are uneven: '%s' has %lld of %lld "
                       "rows\n", y->words[rare], (long long)least,
                       (long long)sum);
}

static void draft_describe(const draft *d, bp__str *out)
{
    const bp__table *t = d->table;
    bp__str_printf(out, "%s: %lld rows, %d columns, separated by %s, %s\n",
                   t->source, (long long)t->n_rows, t->n_cols,
                   separator_name(t->separator),
                   t->has_header ? "with a header" : "without a header");
    for (int i = 0; i < d->columns->n; i++)
        describe_column(d, i, out);
    describe_rows(d, out);
    describe_balance(d, out);
    bp__str_printf(out, "%s", d->looks.len ? d->looks.s : "");
}

/* ---- the model file ----------------------------------------------------- */

/* A column's name, or its number where it has none of its own. */
static void put_column(const draft *d, int i, bp__str *out)
{
    const bp__columns *c = d->columns;
    int same = 0;
    for (int k = 0; k < c->n; k++)
        same += !strcmp(c->column[k].name, c->column[i].name);
    if (d->table->has_header && same == 1)
        bp__yaml_quote(out, c->column[i].name);
    else
        bp__str_printf(out, "%d", i + 1);
}

static void write_table(const draft *d, bp__str *out)
{
    const bp__columns *c = d->columns;
    bp__str_printf(out, "  table:\n    target: ");
    for (int i = 0, k = 0; i < c->n; i++)
        if (c->column[i].target) {
            bp__str_printf(out, "%s", k++ ? ", " : c->n_targets > 1 ? "[" : "");
            put_column(d, i, out);
        }
    bp__str_printf(out, "%s\n    task: %s\n", c->n_targets > 1 ? "]" : "",
                   bp__columns_classes(c) ? "class" : "number");
    if (d->n_rename)
        bp__str_printf(out, "    rename: # as the test file spells classes\n");
    for (size_t i = 0; i < d->n_rename; i++) {
        bp__str_printf(out, "      ");
        bp__yaml_quote(out, d->rename[2 * i]);
        bp__str_printf(out, ": ");
        bp__yaml_quote(out, d->rename[2 * i + 1]);
        bp__str_printf(out, "\n");
    }
    bp__str_printf(out, "    # Kinds of columns are found anew each time; what "
                        "should not be guessed\n    # goes here:\n    # "
                        "columns: {");
    int n = 0;
    for (int i = 0; i < c->n && n < 2; i++)
        if (!c->column[i].target) {
            bp__str_printf(out, "%s", n++ ? ", " : "");
            put_column(d, i, out);
            bp__str_printf(out, ": %s",
                           bp__column_kind_name(c->column[i].kind));
        }
    bp__str_printf(out, "}\n");
}

static void draft_write(const draft *d, const bp__draft_options *o,
                        bp__str *out)
{
    const bp__columns *c = d->columns;
    bool classes = bp__columns_classes(c);
    bp__draft_model m = {
        .rows = d->table->n_rows, .classes = classes, .scaled = true,
        .outputs = classes ? c->column[c->target].n_words : c->n_targets};
    bp__draft_rows(out, &m, "table # what the columns below make");
    bp__str_printf(out, "data:\n  train: {csv: ");
    bp__yaml_quote(out, o->path);
    bp__str_printf(out, "}\n");
    if (o->test) {
        bp__str_printf(out, "  test: {csv: ");
        bp__yaml_quote(out, o->test);
        bp__str_printf(out, "}\n");
    }
    bp__str_printf(out, "  # parts of the rows, drawn by the seed%s\n"
                        "  split: {valid: 0.15%s, seed: 1}\n",
                   bp__columns_classes(d->columns)
                       ? "; each has its share of each class"
                       : "",
                   o->test ? "" : ", test: 0.2");
    write_table(d, out);
    bp__draft_rows_train(out, &m);
}

bp_status bp__table_draft(const bp__draft_options *o, bp__str *found,
                          bp__str *text, bp_error *err)
{
    draft d;
    bp_status st = draft_look(o, &d, err);
    if (st)
        return st;
    draft_describe(&d, found);
    draft_write(&d, o, text);
    draft_free(&d);
    return BP_OK;
}
