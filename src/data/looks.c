/* Texts that numbers or dates hide in; columns that give the target away. */
#include "data/looks.h"

#include <stdlib.h>

/* ---- hidden numbers and dates ------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

enum { UNIT_BYTES = 12 };

/* "$12.50" -> before "$", after ""; "3 km/h" -> "", "km/h". A word before a
 * number is a name: "n12", "room 7". */
typedef struct unit {
    char before[UNIT_BYTES], after[UNIT_BYTES];
} unit;

/* s[0, n) without blanks at its ends; false: too long. */
static bool keep(char *to, const char *s, size_t n)
{
    while (n && *s == ' ') {
        s++;
        n--;
    }
    while (n && s[n - 1] == ' ')
        n--;
    if (n >= UNIT_BYTES)
        return false;
    memcpy(to, s, n);
    to[n] = '\0';
    return true;
}

static bool split_unit(const char *cell, unit *u)
{
    char number[64];
    double x;
    size_t len = strlen(cell), first = 0, last = len;
    while (first < len && !is_digit(cell[first]))
        if (is_letter(cell[first++]))
            return false;
    while (last > first && !is_digit(cell[last - 1]))
        last--;
    if (first == last || last - first >= sizeof number - 1)
        return false;
    if (first && cell[first - 1] == '.') /* ".5 kg" */
        first--;
    bp__snprintf(number, sizeof number, "%.*s", (int)(last - first),
                 cell + first);
    size_t sign = first;
    while (sign && (cell[sign - 1] == '-' || cell[sign - 1] == '+'))
        sign--;
    return (bp__table_number(number, false, &x) ||
            bp__table_number(number, true, &x)) &&
           keep(u->before, cell, sign) &&
           keep(u->after, cell + last, len - last) &&
           (u->before[0] || u->after[0]);
}

/* 2024-05-01, 1.5.2024, 05/01/24, with a time behind it or not. */
static bool is_date(const char *s)
{
    int digits[3] = {0};
    char mark = 0;
    for (int i = 0; i < 3; i++) {
        while (is_digit(*s)) {
            digits[i]++;
            s++;
        }
        if (digits[i] < 1 || digits[i] > 4)
            return false;
        if (i < 2 && *s != '-' && *s != '/' && *s != '.')
            return false;
        if (i == 1 && *s != mark)
            return false;
        if (i < 2)
            mark = *s++;
    }
    return digits[1] <= 2 && (!*s || *s == ' ' || *s == 'T');
}

/* Nine in ten of n. */
static bool most(int64_t k, int64_t n)
{
    return n >= 5 && 10 * k > 9 * n;
}

typedef struct hidden {
    int64_t n, units, dates;
    const char *example; /* of a unit, or a date */
} hidden;

static hidden look_into(const bp__table *t, int col)
{
    hidden h = {0};
    unit first = {.before = ""}, u;
    for (int64_t r = 0; r < t->n_rows; r++) {
        const char *cell = bp__table_cell(t, r, col);
        if (!cell)
            continue;
        h.n++;
        bool date = is_date(cell);
        h.dates += date;
        if (!date && split_unit(cell, &u)) {
            if (!h.units)
                first = u;
            h.units += !strcmp(u.before, first.before) &&
                       !strcmp(u.after, first.after);
        } else if (!date) {
            continue;
        }
        h.example = h.example ? h.example : cell;
    }
    return h;
}

static void tell_classes(const bp__columns *c, const bp__table *t, bp__str *out)
{
    const bp__column *y = &c->column[c->target];
    if (bp__columns_classes(c) && y->n_words > 2 &&
        t->n_rows < 3 * (int64_t)y->n_words)
        bp__str_printf(out, "'%s' has %d classes in %lld rows: each should "
                       "have several to learn from and to be tested on\n",
                       y->name, y->n_words, (long long)t->n_rows);
}

void bp__columns_hidden(const bp__columns *c, const bp__table *t,
                        bp__str *out)
{
    char text[BP__CELL_BYTES];
    for (int i = 0; i < c->n; i++) {
        const bp__column *x = &c->column[i];
        bool few = x->kind == BP__COLUMN_CATEGORY && x->n_words < 5;
        if (x->kind == BP__COLUMN_NUMBER || few)
            continue;
        const char *as = x->kind == BP__COLUMN_IGNORED ? "it is left out"
                         : x->target                    ? "each is a class"
                                                       : "each is a word";
        hidden h = look_into(t, i);
        if (most(h.dates, h.n))
            bp__str_printf(out, "'%s' has dates ('%s'): %s; columns of "
                           "numbers or words made of it (days since a start, "
                           "month, weekday) could be learned from\n", x->name,
                           bp__text_cell(text, h.example, 0, 40), as);
        else if (most(h.units, h.n))
            bp__str_printf(out, "'%s' has numbers with a unit ('%s'): %s; "
                           "without the unit they would be numbers\n",
                           x->name, bp__text_cell(text, h.example, 0, 40),
                           as);
    }
    tell_classes(c, t, out);
}

/* ---- columns that tell the target --------------------------------------- */

enum { LEAST_ROWS = 20, LEAST_OF_CLASS = 5 };

typedef struct pair {
    double x; /* or the word's index */
    double y; /* or the class */
} pair;

static int compare_pairs(const void *a, const void *b)
{
    const pair *p = a, *q = b;
    if (p->x < q->x || p->x > q->x)
        return p->x < q->x ? -1 : 1;
    return p->y < q->y ? -1 : p->y > q->y;
}

static bool value_of(const bp__column *x, const char *cell, double *v)
{
    if (!cell)
        return false;
    if (x->kind == BP__COLUMN_NUMBER)
        return bp__table_number(cell, x->comma, v);
    int k = bp__column_word(x, cell);
    *v = k;
    return k >= 0;
}

/* Rows where both are there; a missing word is a word of its own. */
static int64_t take_pairs(const bp__columns *c, const bp__table *t, int col,
                          int target, pair *p)
{
    const bp__column *x = &c->column[col], *y = &c->column[target];
    int64_t n = 0;
    for (int64_t r = 0; r < t->n_rows; r++) {
        const char *cell = bp__table_cell(t, r, col);
        if (!value_of(y, bp__table_cell(t, r, target), &p[n].y))
            continue;
        if (!cell && bp__column_has_words(x))
            p[n].x = -1;
        else if (!value_of(x, cell, &p[n].x))
            continue;
        n++;
    }
    return n;
}

/* Sorted by x: as many runs of a class as there are classes, or one class for
 * each word. */
static bool tells_class(const bp__column *x, pair *p, int64_t n)
{
    int64_t runs = 1, values = 1;
    qsort(p, (size_t)n, sizeof *p, compare_pairs);
    for (int64_t i = 1; i < n; i++) {
        bool same = !(p[i].x > p[i - 1].x);
        bool other = p[i].y < p[i - 1].y || p[i].y > p[i - 1].y;
        if (same && other)
            return false;
        values += !same;
        runs += other;
    }
    if (bp__column_has_words(x) && values * LEAST_OF_CLASS > n)
        return false; /* chance would do it */
    for (int64_t i = 0; i < n; i++)
        p[i].x = p[i].y;
    qsort(p, (size_t)n, sizeof *p, compare_pairs);
    int64_t classes = 0, least = n;
    for (int64_t i = 0, from = 0; i < n; i++)
        if (i + 1 == n || p[i + 1].x > p[i].x) {
            classes++;
            least = i + 1 - from < least ? i + 1 - from : least;
            from = i + 1;
        }
    return classes > 1 && least >= LEAST_OF_CLASS &&
           (bp__column_has_words(x) || runs == classes);
}

static bool tells_number(const pair *p, int64_t n)
{
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (int64_t i = 0; i < n; i++) {
        mx += p[i].x / (double)n;
        my += p[i].y / (double)n;
    }
    for (int64_t i = 0; i < n; i++) {
        double a = p[i].x - mx, b = p[i].y - my;
        xx += a * a;
        yy += b * b;
        xy += a * b;
    }
    return xx > 0 && yy > 0 && xy / xx * (xy / yy) > 0.99999;
}

static void find_telling(const bp__columns *c, const bp__table *t, int target,
                         pair *p, bp__str *out)
{
    const bp__column *y = &c->column[target];
    bool classes = bp__columns_classes(c);
    for (int i = 0; i < c->n; i++) {
        const bp__column *x = &c->column[i];
        if (x->target || x->kind == BP__COLUMN_IGNORED ||
            (!classes && x->kind != BP__COLUMN_NUMBER))
            continue;
        int64_t n = take_pairs(c, t, i, target, p);
        if (n < LEAST_ROWS || !most(n, t->n_rows))
            continue;
        if (classes ? tells_class(x, p, n) : tells_number(p, n))
            bp__str_printf(out, "'%s' alone tells '%s' in every row: is it "
                           "known before '%s' is? If not, it goes out by "
                           "data.table.columns: {\"%s\": ignored}\n",
                           x->name, y->name, y->name, x->name);
    }
}

bp_status bp__columns_telling(const bp__columns *c, const bp__table *t,
                              bp__str *out, bp_error *err)
{
    size_t room = (size_t)t->n_rows + 1;
    pair *p = bp__calloc(&t->a, room, sizeof *p);
    if (!p)
        return bp__oom(err);
    for (int i = 0; i < c->n; i++)
        if (c->column[i].target)
            find_telling(c, t, i, p, out);
    bp__free(&t->a, p, room * sizeof *p);
    return BP_OK;
}
