/* Kinds of columns, from all of their cells. */
#include "data/columns.h"

#include <math.h>
#include <stdlib.h>

const char *bp__column_kind_name(bp__column_kind k)
{
    static const char *const names[] = {"ignored", "number", "category",
                                        "embedding"};
    return (unsigned)k < BP__ARRAY_LEN(names) ? names[k] : "?";
}

bp__columns *bp__columns_new(const bp_allocator *a, int n)
{
    a = a ? a : &bp__malloc_allocator;
    bp__columns *c = bp__calloc(a, 1, sizeof *c);
    if (!c)
        return NULL;
    bp__arena_init(&c->memory, a);
    c->n = n;
    c->target = -1;
    c->column = bp__arena_array(&c->memory, (size_t)n, sizeof *c->column);
    if (c->column || n == 0)
        return c;
    bp__columns_free(c);
    return NULL;
}

void bp__columns_free(bp__columns *c)
{
    if (!c)
        return;
    bp_allocator a = c->memory.a;
    bp__arena_free(&c->memory);
    bp__free(&a, c, sizeof *c);
}

void bp__columns_place(bp__columns *c)
{
    int at = 0;
    c->target = -1;
    c->n_targets = 0;
    for (int i = 0; i < c->n; i++) {
        bp__column *x = &c->column[i];
        x->first = at;
        x->width = 0;
        if (x->target && c->n_targets++ == 0)
            c->target = i;
        if (x->target || x->kind == BP__COLUMN_IGNORED)
            continue;
        if (x->kind == BP__COLUMN_NUMBER)
            x->width = 1 + x->had_missing +
                       (x->n_edges > 2 ? x->n_edges - 1 : 0);
        else if (x->kind == BP__COLUMN_CATEGORY)
            x->width = x->n_words == 2 && !x->had_missing
                           ? 1
                           : x->n_words + x->had_missing;
        at += x->width;
    }
    c->n_embedded = 0;
    for (int i = 0; i < c->n; i++) {
        bp__column *x = &c->column[i];
        if (x->target || x->kind != BP__COLUMN_EMBEDDING)
            continue;
        x->first = at++;
        x->width = 1;
        c->n_embedded++;
    }
    c->width = at;
}

const bp__column *bp__columns_target_at(const bp__columns *c, int k)
{
    for (int i = 0; i < c->n; i++)
        if (c->column[i].target && k-- == 0)
            return &c->column[i];
    return NULL;
}

/* ---- what a column holds ------------------------------------------------ */

typedef struct summary {
    int64_t n, numbers, commas; /* cells; readable either way */
    bool marks;    /* commas stand in cells, semicolons between them */
    int64_t distinct;
    bool whole;    /* all numbers are whole ones */
    bool counting; /* each is one more than the one before */
} summary;

/* A cell that is read as a number once, however often it is compared. */
typedef struct keyed {
    const char *cell;
    double x;
    bool number;
} keyed;

static keyed key_of(const char *cell)
{
    keyed k = {.cell = cell};
    k.number = bp__table_number(cell, false, &k.x);
    return k;
}

/* Numbers by value, words after them by their bytes. */
static int compare_keyed(const void *a, const void *b)
{
    const keyed *p = a, *q = b;
    if (p->number != q->number)
        return p->number ? -1 : 1;
    if (p->number && p->x < q->x)
        return -1;
    if (p->number && p->x > q->x)
        return 1;
    return strcmp(p->cell, q->cell);
}

/* The cells of some rows that are not missing, sorted; *n: how many. */
static keyed *sorted_cells(const bp__table *t, int col, const int64_t *rows,
                           int64_t n_rows, int64_t *n)
{
    keyed *all = bp__calloc(&t->a, (size_t)n_rows + 1, sizeof *all);
    *n = 0;
    for (int64_t r = 0; all && r < n_rows; r++) {
        const char *cell = bp__table_cell(t, rows ? rows[r] : r, col);
        if (cell)
            all[(*n)++] = key_of(cell);
    }
    if (all)
        qsort(all, (size_t)*n, sizeof *all, compare_keyed);
    return all;
}

static bool summarize(const bp__table *t, int col, summary *s)
{
    int64_t n;
    double before = 0;
    *s = (summary){.whole = true, .counting = true};
    keyed *all = sorted_cells(t, col, NULL, t->n_rows, &n);
    if (!all)
        return false;
    s->n = n;
    for (int64_t i = 0; i < n; i++) {
        double x = all[i].x, y;
        s->distinct += i == 0 || strcmp(all[i].cell, all[i - 1].cell) != 0;
        s->numbers += all[i].number;
        s->commas += bp__table_number(all[i].cell, true, &y);
        s->marks |= t->separator == ';' && strchr(all[i].cell, ',');
        s->whole = s->whole && all[i].number && x >= -1e15 && x <= 1e15 &&
                   x == (double)(int64_t)x;
    }
    for (int64_t r = 0; r < t->n_rows && s->counting; r++) {
        const char *cell = bp__table_cell(t, r, col);
        double x = 0;
        s->counting = cell && bp__table_number(cell, false, &x) &&
                      (r == 0 || x == before + 1);
        before = x;
    }
    bp__free(&t->a, all, ((size_t)t->n_rows + 1) * sizeof *all);
    return true;
}

static bool fit_category(bp__columns *c, bp__column *x, const bp__table *t,
                         int col, const int64_t *rows, int64_t n_rows)
{
    int64_t n;
    keyed *all = sorted_cells(t, col, rows, n_rows, &n);
    if (!all)
        return false;
    x->had_missing = n < n_rows && !x->target;
    x->n_words = 0;
    for (int64_t i = 0; i < n; i++)
        if (i == 0 || strcmp(all[i].cell, all[i - 1].cell))
            all[x->n_words++] = all[i]; /* never past i */
    x->words = bp__arena_array(&c->memory, (size_t)x->n_words + 1,
                               sizeof *x->words);
    for (int i = 0; x->words && i < x->n_words; i++)
        x->words[i] = bp__arena_strdup(&c->memory, all[i].cell);
    bp__free(&t->a, all, ((size_t)n_rows + 1) * sizeof *all);
    return !c->memory.failed;
}

/* ---- kinds -------------------------------------------------------------- */

/* More words than FEW_WORDS are embedded where each has WORD_ROWS rows on
 * average to learn from; else they are features, but no more than MAX_WORDS. */
enum { FEW_WORDS = 64, WORD_ROWS = 5, MAX_WORDS = 1000, FEW_ROWS = 20,
       MAX_CLASSES = 20 };

/* Nine in ten are numbers: the others are mistakes, to be reported. 1,234 may
 * be either; with semicolons between cells, it is a decimal comma. */
static bool reads_as_numbers(const summary *s, bool *comma)
{
    *comma = s->commas > s->numbers || (s->marks && s->commas == s->numbers);
    int64_t n = *comma ? s->commas : s->numbers;
    return n > 0 && n > 9 * (s->n - n);
}

static void guess_kind(bp__columns *c, bp__column *x, const summary *s)
{
    x->why = "";
    bool number = reads_as_numbers(s, &x->comma);
    bool many = s->distinct > FEW_WORDS && s->distinct <= s->n / WORD_ROWS;
    x->kind = number ? BP__COLUMN_NUMBER
              : many ? BP__COLUMN_EMBEDDING
                     : BP__COLUMN_CATEGORY;
    if (s->n == 0)
        x->why = "empty";
    else if (s->distinct == 1)
        x->why = "constant";
    else if (number && s->counting && s->n >= FEW_ROWS)
        x->why = "counts the rows";
    else if (!number && s->n >= FEW_ROWS && s->distinct > s->n - s->n / 10)
        x->why = "different in nearly every row";
    else if (!number && !many && s->distinct > MAX_WORDS)
        x->why = bp__arena_printf(&c->memory, "%lld different words",
                                  (long long)s->distinct);
    if (x->why && *x->why)
        x->kind = BP__COLUMN_IGNORED;
}

static void guess_target(const bp__columns *c, bp__column *x, const summary *s,
                         bp__table_task task)
{
    bool number = reads_as_numbers(s, &x->comma);
    bool few = s->whole && s->distinct <= MAX_CLASSES;
    if (task == BP__TASK_GUESS)
        task = number && (!few || c->n_targets > 1)
                   ? BP__TASK_NUMBER
                   : BP__TASK_CLASS;
    x->kind = task == BP__TASK_NUMBER ? BP__COLUMN_NUMBER
                                      : BP__COLUMN_CATEGORY;
    x->why = "";
}

static bp_status find_column(const bp__table *t, const char *name,
                             const char *what, int *at, bp_error *err)
{
    *at = bp__table_find(t, name);
    for (int i = *at + 1; *at >= 0 && i < t->n_cols; i++)
        if (!strcmp(t->names[*at], name) && !strcmp(t->names[i], name))
            return bp__error(err, BP_EARG, "'%s' has two columns '%s' (%s), "
                             "%d and %d: say which by its number", t->source,
                             name, what, *at + 1, i + 1);
    if (*at >= 0)
        return BP_OK;
    const char *near = NULL;
    int best = 4;
    for (int i = 0; i < t->n_cols; i++) {
        int d = bp__edit_distance(name, t->names[i]);
        if (d < best) {
            best = d;
            near = t->names[i];
        }
    }
    return bp__error(err, BP_EARG, "'%s' has no column '%s' (%s)%s%s%s "
                     "(columns go by their names, or by numbers from 1 to %d)",
                     t->source, name, what, near ? "; did you mean '" : "",
                     near ? near : "", near ? "'?" : "", t->n_cols);
}

static bp_status apply_kinds(bp__columns *c, const bp__table *t,
                             const bp__columns_options *o, bp_error *err)
{
    for (size_t i = 0; i < o->n_kinds; i++) {
        int at;
        bp_status s = find_column(t, o->column[i], "its kind is given", &at,
                                  err);
        if (s)
            return s;
        c->column[at].kind = o->kind[i];
        c->column[at].why = o->kind[i] == BP__COLUMN_IGNORED ? "by wish" : "";
    }
    return BP_OK;
}

static bp_status find_targets(bp__columns *c, const bp__table *t,
                              const bp__columns_options *o, bp_error *err)
{
    bp_status st = BP_OK;
    for (size_t i = 0; i < o->n_targets && !st; i++) {
        int at = 0;
        st = find_column(t, o->target[i], "the target", &at, err);
        if (!st && c->column[at].target)
            st = bp__error(err, BP_EARG, "'%s': the target '%s' is named "
                           "twice", t->source, t->names[at]);
        if (!st)
            c->column[at].target = true;
    }
    if (!o->n_targets)
        c->column[t->n_cols - 1].target = true;
    bp__columns_place(c);
    return st;
}

/* One class, or numbers. */
static bp_status check_targets(const bp__columns *c, const bp__table *t,
                               bp_error *err)
{
    for (int i = 0; i < c->n; i++) {
        const bp__column *x = &c->column[i];
        if (!x->target)
            continue;
        if (x->kind == BP__COLUMN_IGNORED)
            return bp__error(err, BP_EARG, "'%s': '%s' is the target, and "
                             "cannot be ignored", t->source, t->names[i]);
        if (x->kind == BP__COLUMN_EMBEDDING)
            return bp__error(err, BP_EARG, "'%s': '%s' is the target: a "
                             "category or a number, no embedding", t->source,
                             t->names[i]);
        if (c->n_targets > 1 && x->kind != BP__COLUMN_NUMBER)
            return bp__error(err, BP_EARG, "'%s': several targets are numbers "
                             "all; '%s' is to be a class: a target alone may "
                             "be one", t->source, t->names[i]);
    }
    return BP_OK;
}

static bp_status guess_all(bp__columns *c, const bp__table *t,
                           const bp__columns_options *o, bp_error *err)
{
    bp_status st = find_targets(c, t, o, err);
    summary s;
    for (int i = 0; i < c->n && !st; i++) {
        bp__column *x = &c->column[i];
        x->name = bp__arena_strdup(&c->memory, t->names[i]);
        x->factor = 1;
        if (!summarize(t, i, &s))
            return bp__oom(err);
        if (x->target)
            guess_target(c, x, &s, o->task);
        else
            guess_kind(c, x, &s);
        if (x->target && s.n == 0)
            st = bp__error(err, BP_EFORMAT, "'%s': the target, '%s', is empty",
                           t->source, x->name);
    }
    if (!st)
        st = apply_kinds(c, t, o, err);
    if (!st)
        st = check_targets(c, t, err);
    return !st && c->memory.failed ? bp__oom(err) : st;
}

bp_status bp__columns_target(const bp__table *t, const bp__columns_options *o,
                             bp__columns **columns, bp_error *err)
{
    bp__columns *c = *columns = bp__columns_new(&t->a, t->n_cols);
    summary s;
    if (!c)
        return bp__oom(err);
    bp_status st = find_targets(c, t, o, err);
    bp__column *x = &c->column[c->target];
    if (!st && !summarize(t, c->target, &s))
        st = bp__oom(err);
    if (!st)
        guess_target(c, x, &s, o->task);
    if (!st && c->n_targets == 1 && x->kind == BP__COLUMN_CATEGORY &&
        !fit_category(c, x, t, c->target, NULL, t->n_rows))
        st = bp__oom(err);
    if (st) {
        bp__columns_free(c);
        *columns = NULL;
    }
    return st;
}

bp_status bp__columns_guess(const bp__table *t, const bp__columns_options *o,
                            bp__columns **columns, bp_error *err)
{
    static const bp__columns_options none = {0};
    bp__columns *c = *columns = bp__columns_new(&t->a, t->n_cols);
    if (!c)
        return bp__oom(err);
    bp_status s = guess_all(c, t, o ? o : &none, err);
    if (s) {
        bp__columns_free(c);
        *columns = NULL;
    }
    return s;
}

/* ---- what the training rows say -------------------------------------------*/

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Between neighbors, linearly: the usual definition (type 7 of Hyndman and
 * Fan). */
static double quantile(const double *x, int64_t n, double q)
{
    double at = q * (double)(n - 1);
    int64_t i = (int64_t)at;
    double rest = at - (double)i;
    return i + 1 < n ? x[i] + rest * (x[i + 1] - x[i]) : x[i];
}

static int cut(const double *v, int64_t n, int bins, double *edges)
{
    int k = 0;
    for (int i = 0; i <= bins; i++) {
        double e = quantile(v, n, (double)i / bins);
        if (k == 0 || e > edges[k - 1])
            edges[k++] = e;
    }
    return k;
}

/* Intervals with equally many rows; where one value fills most of them (a
 * gain that is nearly always 0), with equally many different values. v is
 * sorted, and used up. */
static bool fit_edges(bp__columns *c, bp__column *x, double *v, int64_t n,
                      int bins)
{
    double *edges = bp__arena_array(&c->memory, (size_t)bins + 1,
                                    sizeof *edges);
    if (!edges)
        return false;
    x->edges = edges;
    x->n_edges = cut(v, n, bins, edges);
    if (x->n_edges > bins / 2)
        return true;
    int64_t distinct = 1;
    for (int64_t i = 1; i < n; i++)
        if (v[i] > v[distinct - 1])
            v[distinct++] = v[i];
    x->n_edges = cut(v, distinct, bins, edges);
    return true;
}

static void fit_target(bp__column *x, const double *v, int64_t n)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        sum += v[i];
    x->center = sum / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += (v[i] - x->center) * (v[i] - x->center);
    double deviation = sqrt(squares / (double)n);
    x->factor = deviation > 0 ? 1 / deviation : 1;
}

static bool fit_number(bp__columns *c, bp__column *x, const bp__table *t,
                       int col, const int64_t *rows, int64_t n_rows, int bins)
{
    double *v = bp__calloc(&t->a, (size_t)n_rows + 1, sizeof *v);
    int64_t n = 0;
    if (!v)
        return false;
    for (int64_t r = 0; r < n_rows; r++) {
        const char *cell = bp__table_cell(t, rows ? rows[r] : r, col);
        x->had_missing |= !cell;
        n += cell && bp__table_number(cell, x->comma, &v[n]);
    }
    qsort(v, (size_t)n, sizeof *v, compare_doubles);
    bool ok = true;
    x->center = 0;
    x->factor = 1;
    if (n > 0 && x->target) {
        fit_target(x, v, n);
    } else if (n > 0) {
        double spread = quantile(v, n, 0.75) - quantile(v, n, 0.25);
        double range = (v[n - 1] - v[0]) / 2;
        x->center = quantile(v, n, 0.5);
        x->factor = spread > 0 ? 1 / spread : range > 0 ? 1 / range : 1;
        if (bins > 0)
            ok = fit_edges(c, x, v, n, bins);
    }
    bp__free(&t->a, v, ((size_t)n_rows + 1) * sizeof *v);
    return ok;
}

/* Squares of deviations overflow before numbers do. */
static bp_status check_target(const bp__column *x, const bp__table *t, int col,
                              const int64_t *rows, int64_t n, bp_error *err)
{
    double most = 0, v;
    int64_t at = 0;
    if (isfinite(x->center) && isfinite(x->factor) && x->factor > 0)
        return BP_OK;
    for (int64_t i = 0; i < n; i++) {
        int64_t r = rows ? rows[i] : i;
        const char *cell = bp__table_cell(t, r, col);
        if (cell && bp__table_number(cell, x->comma, &v) && fabs(v) > most) {
            most = fabs(v);
            at = r;
        }
    }
    return bp__error(err, BP_ERANGE, "'%s': the target, '%s', is too large to "
                     "learn in line %lld: %s", t->source, x->name,
                     (long long)t->line[at], bp__table_cell(t, at, col));
}

static bp_status nothing_to_use(const bp__columns *c, const bp__table *t,
                                bp_error *err)
{
    char text[300] = "";
    size_t n = 0;
    for (int i = 0; i < c->n && n + 80 < sizeof text; i++)
        if (!c->column[i].target)
            n += (size_t)bp__snprintf(text + n, sizeof text - n,
                                      "%s '%.30s' (%.40s)", n ? "," : ":",
                                      c->column[i].name, c->column[i].why);
    if (t->n_open_quotes)
        bp__snprintf(text, sizeof text, "; the quote in line %lld is never "
                     "closed", (long long)t->open_quote_line);
    return bp__error(err, BP_EFORMAT, "'%s' has %d column%s, and none but the "
                     "target can be used%s", t->source, c->n,
                     c->n == 1 ? "" : "s", text);
}

bp_status bp__columns_fit(bp__columns *c, const bp__table *t,
                          const int64_t *rows, int64_t n, int bins,
                          bp_error *err)
{
    n = rows ? n : t->n_rows;
    if (n < 1)
        return bp__error(err, BP_EFORMAT, "'%s' has no rows to learn from",
                         t->source);
    for (int i = 0; i < c->n; i++) {
        bp__column *x = &c->column[i];
        bool ok = true;
        x->had_missing = false;
        x->n_edges = 0;
        if (x->kind == BP__COLUMN_NUMBER)
            ok = fit_number(c, x, t, i, rows, n, bins);
        else if (bp__column_has_words(x))
            ok = fit_category(c, x, t, i, rows, n);
        if (!ok)
            return bp__oom(err);
        if (x->target && x->kind == BP__COLUMN_NUMBER) {
            bp_status s = check_target(x, t, i, rows, n, err);
            if (s)
                return s;
        }
    }
    bp__columns_place(c);
    return c->width ? BP_OK : nothing_to_use(c, t, err);
}

int bp__column_word(const bp__column *c, const char *word)
{
    keyed want = key_of(word);
    int lo = 0, hi = c->n_words;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        keyed k = key_of(c->words[mid]);
        int d = compare_keyed(&want, &k);
        if (d == 0)
            return mid;
        if (d < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return -1;
}
