/* Cells -> features, by what training learned. */
#include "data/columns.h"

#include "data/data.h"

#include <math.h>

static bool same_names(const bp__columns *c, const bp__table *t)
{
    bool same = t->has_header && t->n_cols == c->n;
    for (int i = 0; i < c->n && same; i++)
        same = !strcmp(t->names[i], c->column[i].name);
    return same;
}

/* The column of t that has the name of c's column i; of several with one name,
 * the first of c is the first of t, and so on. */
static int find_by_name(const bp__columns *c, int i, const bp__table *t)
{
    int before = 0;
    for (int j = 0; j < i; j++)
        before += !strcmp(c->column[j].name, c->column[i].name);
    for (int k = 0; k < t->n_cols; k++)
        if (!strcmp(t->names[k], c->column[i].name) && before-- == 0)
            return k;
    return -1;
}

bp_status bp__columns_match(const bp__columns *c, const bp__table *t, int *at,
                            bp_error *err)
{
    int found = 0, missing = -1;
    bool same = same_names(c, t);
    for (int i = 0; i < c->n; i++) {
        at[i] = same            ? i
                : t->has_header ? find_by_name(c, i, t)
                                : -1;
        found += at[i] >= 0;
    }
    bool without_target = t->n_cols == c->n - c->n_targets && c->target >= 0;
    if (!found) { /* by place */
        if (t->n_cols != c->n && !without_target)
            return bp__error(err, BP_ESHAPE, "'%s' has %d columns, the "
                             "training data had %d", t->source, t->n_cols,
                             c->n);
        for (int i = 0, k = 0; i < c->n; i++)
            at[i] = without_target && c->column[i].target ? -1 : k++;
        return BP_OK;
    }
    for (int i = 0; i < c->n; i++)
        if (at[i] < 0 && c->column[i].width > 0 && missing < 0)
            missing = i;
    if (missing >= 0)
        return bp__error(err, BP_ESHAPE, "'%s' has no column '%s', which the "
                         "training data had", t->source,
                         c->column[missing].name);
    return BP_OK;
}

static void note_cell(bp__cell_problem *p, const bp__table *t, int64_t row,
                      const char *cell)
{
    if (!p)
        return;
    if (p->count < BP__TABLE_EXAMPLES) {
        p->line[p->count] = t->line[row];
        p->cell[p->count] = cell;
    }
    p->count++;
}

static void number_features(const bp__column *x, const char *cell,
                            bool readable, double v, float *out)
{
    bool missing = !cell || !readable;
    const double most = 1e100; /* whose square is a number */
    double z = missing ? 0 : (v - x->center) * x->factor;
    z = z > most ? most : z < -most ? -most : z;
    double part = z / 3;
    *out++ = (float)(z / sqrt(1 + part * part));
    if (missing)
        v = x->center;
    for (int k = 0; x->n_edges > 2 && k + 1 < x->n_edges; k++) {
        double lo = x->edges[k], hi = x->edges[k + 1];
        double f = v <= lo ? 0 : v >= hi ? 1 : (v - lo) / (hi - lo);
        *out++ = (float)f;
    }
    if (x->had_missing)
        *out = missing ? 1.0f : 0.0f;
}

static void category_features(const bp__column *x, const char *cell, int word,
                              float *out)
{
    if (!cell)
        word = x->had_missing ? x->n_words : -1;
    if (x->kind == BP__COLUMN_EMBEDDING) {
        *out = (float)word;
        return;
    }
    if (x->width == 1) {
        *out = word < 0 ? 0.0f : word == 0 ? -1.0f : 1.0f;
        return;
    }
    if (word >= 0)
        out[word] = 1;
}

void bp__columns_row(const bp__columns *c, const char *const *cell, float *out,
                     int64_t *unseen, int *unreadable)
{
    memset(out, 0, (size_t)c->width * sizeof *out);
    *unseen = 0;
    *unreadable = -1;
    for (int i = 0; i < c->n; i++) {
        const bp__column *x = &c->column[i];
        if (x->width == 0)
            continue;
        if (x->kind == BP__COLUMN_NUMBER) {
            double v = 0;
            bool ok = cell[i] && bp__table_number(cell[i], x->comma, &v);
            if (cell[i] && !ok && *unreadable < 0)
                *unreadable = i;
            number_features(x, cell[i], ok, v, out + x->first);
            continue;
        }
        int word = cell[i] ? bp__column_word(x, cell[i]) : -1;
        *unseen += cell[i] && word < 0;
        category_features(x, cell[i], word, out + x->first);
    }
}

typedef struct applier {
    const bp__columns *c;
    const bp__table *t;
    bp__cell_report *report;
    const int *at;
} applier;

static void apply_row(const applier *p, int64_t row, float *out)
{
    for (int i = 0; i < p->c->n; i++) {
        const bp__column *x = &p->c->column[i];
        if (x->width == 0)
            continue;
        const char *cell = bp__table_cell(p->t, row, p->at[i]);
        bp__cell_report *r = p->report;
        if (x->kind == BP__COLUMN_NUMBER) {
            double v = 0;
            bool ok = cell && bp__table_number(cell, x->comma, &v);
            if (cell && !ok && r)
                note_cell(&r->unreadable[i], p->t, row, cell);
            number_features(x, cell, ok, v, out + x->first);
            continue;
        }
        int word = cell ? bp__column_word(x, cell) : -1;
        if (cell && word < 0 && r)
            note_cell(&r->unseen[i], p->t, row, cell);
        category_features(x, cell, word, out + x->first);
    }
}

/* A target of a row into y[k]; false: the row has none that can be used. */
static bool apply_target(const applier *p, int64_t row, int i, void *y,
                         int64_t k)
{
    const bp__column *x = &p->c->column[i];
    const char *cell = bp__table_cell(p->t, row, p->at[i]);
    bp__cell_report *r = p->report;
    if (!cell) {
        note_cell(r ? &r->no_target[i] : NULL, p->t, row, "");
        return false;
    }
    if (x->kind == BP__COLUMN_CATEGORY) {
        int word = bp__column_word(x, cell);
        ((int32_t *)y)[k] = word;
        if (word < 0)
            note_cell(r ? &r->unseen[i] : NULL, p->t, row, cell);
        return word >= 0;
    }
    double v;
    bool ok = bp__table_number(cell, x->comma, &v);
    if (!ok)
        note_cell(r ? &r->unreadable[i] : NULL, p->t, row, cell);
    else
        ((float *)y)[k] = (float)((v - x->center) * x->factor);
    return ok;
}

static bool apply_targets(const applier *p, int64_t row, void *y, int64_t k)
{
    bool ok = true;
    int64_t at = k * p->c->n_targets;
    for (int i = 0; i < p->c->n; i++)
        if (p->c->column[i].target)
            ok &= apply_target(p, row, i, y, at++);
    return ok;
}

/* Does the table have all targets? */
static bool has_targets(const bp__columns *c, const int *at)
{
    for (int i = 0; i < c->n; i++)
        if (c->column[i].target && at[i] < 0)
            return false;
    return c->n_targets > 0;
}

static bp_status make_arrays(const bp__columns *c, const bp_allocator *a,
                             int64_t n, bool has_target, bp_array *x,
                             bp_array *y, bp_error *err)
{
    int64_t dims[2] = {n, c->width};
    bool classes = bp__columns_classes(c);
    bp_status s = bp_array_new(a, BP_F32, 2, dims, x, err);
    dims[1] = c->n_targets;
    if (!s && has_target)
        s = bp_array_new(a, classes ? BP_I32 : BP_F32, classes ? 1 : 2,
                         dims, y, err);
    return s;
}

bp_status bp__columns_apply(const bp__columns *c, const bp__table *t,
                            const int64_t *rows, int64_t n, bool target,
                            bp__cell_report *report, int64_t *kept,
                            bp_data **data, bp_error *err)
{
    *data = NULL;
    n = rows ? n : t->n_rows;
    bp_array x = {0}, y = {0};
    int *at = bp__calloc(&t->a, (size_t)c->n + 1, sizeof *at);
    if (!at)
        return bp__oom(err);
    bp_status s = bp__columns_match(c, t, at, err);
    bool has_target = target && !s && has_targets(c, at);
    if (!s)
        s = make_arrays(c, &t->a, n, has_target, &x, &y, err);
    applier p = {c, t, report, at};
    int64_t *line = s ? NULL : bp__alloc(&t->a, (size_t)n * sizeof *line);
    int64_t k = 0;
    if (!s && !line)
        s = bp__oom(err);
    for (int64_t i = 0; i < n && !s; i++) {
        int64_t row = rows ? rows[i] : i;
        if (has_target && !apply_targets(&p, row, y.data, k))
            continue;
        apply_row(&p, row, (float *)x.data + k * c->width);
        if (kept)
            kept[k] = row;
        line[k] = t->line[row];
        k++;
    }
    bp__free(&t->a, at, ((size_t)c->n + 1) * sizeof *at);
    if (!s && k == 0)
        s = bp__error(err, BP_ERANGE, "'%s': no row can be used%s", t->source,
                      has_target ? ": none has a target that training knows"
                                 : "");
    bp_data_options o = {.size = sizeof o, .last = k};
    if (!s)
        s = bp__data_take(&t->a, &x, 1, &y, &o, t->source, data, err);
    else {
        bp_array_free(&t->a, &x);
        bp_array_free(&t->a, &y);
    }
    if (line && !s && k < n) { /* rows were left out */
        int64_t *less = bp__realloc(&t->a, line, (size_t)n * sizeof *line,
                                    (size_t)k * sizeof *line);
        line = less ? less : line;
        n = less ? k : n;
    }
    if (!s && n == k)
        (*data)->line = line;
    else if (line)
        bp__free(&t->a, line, (size_t)n * sizeof *line);
    return s;
}

bp_status bp__columns_plain(const bp__columns *c, const bp_data *d,
                            bp_data **plain, bp_error *err)
{
    bp_array x, y, to = {0};
    *plain = NULL;
    if (!bp_data_input(d, 0, &x) || x.dtype != BP_F32 || x.rank != 2 ||
        x.dims[1] != c->width)
        return bp__error(err, BP_ESHAPE, "'%s' is no table of these columns",
                         bp_data_source(d));
    int64_t dims[2] = {x.dims[0], 0};
    for (int i = 0; i < c->n; i++) {
        const bp__column *k = &c->column[i];
        bool number = k->width > 0 && k->kind == BP__COLUMN_NUMBER;
        dims[1] += number ? 1 + k->had_missing : k->width;
    }
    bp_status st = bp_array_new(NULL, BP_F32, 2, dims, &to, err);
    float *out = to.data;
    for (int64_t r = 0; r < dims[0] && !st; r++) {
        const float *row = (const float *)x.data + r * c->width;
        for (int i = 0; i < c->n; i++) {
            const bp__column *k = &c->column[i];
            bool features = k->kind != BP__COLUMN_EMBEDDING;
            for (int j = 0; features && j < k->width; j++)
                if (k->kind != BP__COLUMN_NUMBER || j == 0 ||
                    (k->had_missing && j + 1 == k->width))
                    *out++ = row[k->first + j];
        }
        for (int i = c->width - c->n_embedded; i < c->width; i++)
            *out++ = row[i];
    }
    if (!st)
        st = bp_data_from_arrays(&to, 1, bp_data_target(d, &y) ? &y : NULL,
                                 NULL, plain, err);
    bp_array_free(NULL, &to);
    return st;
}
