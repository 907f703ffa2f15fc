/* Text -> cells. The text is cut in place: cells lose their quotes, and end
 * in a NUL where the separator was. */
#include "data/table.h"

#include <stdlib.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool ends_line(char c)
{
    return c == '\n' || c == '\r' || c == '\0';
}

/* ---- one cell ------------------------------------------------------------ */

typedef struct cutter {
    char *p, *end;  /* end: the NUL behind the text */
    char separator;
    int64_t line;
    bool write;     /* cut; else only look */
    bool open_quote;
    const char *no_single; /* up to here no single quote closes a cell */
} cutter;

static void skip_blanks(cutter *c)
{
    while (is_blank(*c->p) && *c->p != c->separator)
        c->p++;
}

/* Where the quote that opens at p closes, or NULL. A single quote counts only
 * if it closes in its line and right before a separator: words may hold one.
 */
static char *closing_quote(cutter *c, char *p)
{
    char quote = *p;
    if (quote == '\'' && c->no_single && p < c->no_single)
        return NULL; /* one search a line, not one for each quote in it */
    for (p++; p < c->end; p++) {
        if (quote == '\'' && ends_line(*p)) {
            c->no_single = p;
            return NULL;
        }
        if (*p != quote)
            continue;
        if (quote == '"' && p[1] == '"') {
            p++;
            continue;
        }
        char *q = p + 1;
        while (is_blank(*q) && *q != c->separator)
            q++;
        if (*q == c->separator || ends_line(*q))
            return p;
        if (quote == '"')
            return NULL;
    }
    return NULL;
}

/* "" inside becomes ". Lines within a quoted cell count. */
static char *unquote(cutter *c, char *close)
{
    char quote = *c->p, *from = c->p + 1, *to = c->p;
    char *cell = to;
    for (; from < close; from++) {
        if (*from == '\n')
            c->line++;
        if (c->write)
            *to++ = *from;
        if (*from == quote && from[1] == quote && from + 1 < close)
            from++;
    }
    c->p = close + 1;
    skip_blanks(c);
    if (c->write)
        *to = '\0';
    return cell;
}

/* The cell at p; afterwards p is at the separator or the line's end, which a
 * cut cell may have overwritten: *stop is what stood there. */
static char *read_cell(cutter *c, char *stop)
{
    skip_blanks(c);
    if (*c->p == '"' || *c->p == '\'') {
        char *close = closing_quote(c, c->p);
        if (close) {
            char *cell = unquote(c, close);
            *stop = *c->p;
            return cell;
        }
        c->open_quote |= *c->p == '"';
    }
    char *cell = c->p, *last = c->p;
    for (; *c->p != c->separator && !ends_line(*c->p); c->p++)
        if (!is_blank(*c->p))
            last = c->p + 1;
    *stop = *c->p;
    if (c->write)
        *last = '\0';
    return cell;
}

/* Over the end of a line, LF or CRLF. */
static void next_line(cutter *c, char stop)
{
    if (c->p >= c->end)
        return;
    c->p++;
    if (stop == '\r' && *c->p == '\n')
        c->p++;
    c->line++;
}

/* Over lines without anything. */
static void skip_empty(cutter *c)
{
    for (;;) {
        char *p = c->p;
        while (is_blank(*p))
            p++;
        if (p >= c->end || !ends_line(*p))
            return;
        c->p = p;
        next_line(c, *p);
    }
}

static bool at_end(const cutter *c)
{
    const char *p = c->p;
    while (is_blank(*p))
        p++;
    return p >= c->end;
}

/* The cells of a row, at most `room` of them kept; returns how many there
 * are. */
static int64_t read_row(cutter *c, char **cells, int64_t room)
{
    int64_t n = 0;
    char stop;
    for (;;) {
        char *cell = read_cell(c, &stop);
        if (n < room)
            cells[n] = cell;
        n++;
        if (stop != c->separator || c->p >= c->end)
            break;
        c->p++;
    }
    next_line(c, stop);
    return n;
}

/* ---- the separator --------------------------------------------------------*/

enum { LOOK_LINES = 200, MAX_COLS = 65535 };

/* The number of cells that most of the first lines have; *share: of them. */
static int64_t usual_width(const bp__table *t, char separator, double *share)
{
    int64_t width[LOOK_LINES], best = 0;
    int n = 0, most = 0;
    cutter c = {(char *)t->file.data, (char *)t->file.data + t->file.bytes,
                separator, 1, false, false, NULL};
    for (skip_empty(&c); !at_end(&c) && n < LOOK_LINES; skip_empty(&c))
        width[n++] = read_row(&c, NULL, 0);
    for (int i = 0; i < n; i++) {
        int same = 0;
        for (int j = 0; j < n; j++)
            same += width[j] == width[i];
        if (same > most) {
            most = same;
            best = width[i];
        }
    }
    *share = n ? (double)most / n : 0;
    return best;
}

/* In this order: a table with semicolons may hold decimal commas. */
static char guess_separator(const bp__table *t)
{
    static const char all[] = "\t;,|";
    char best = ',';
    double best_share = 0;
    for (const char *s = all; *s; s++) {
        double share;
        if (usual_width(t, *s, &share) > 1 && share > best_share + 0.05) {
            best = *s;
            best_share = share;
        }
    }
    return best;
}

/* ---- missing and renamed cells --------------------------------------------*/

static bool is_missing(const char *s, const bp__table_options *o)
{
    static const char *const words[] = {"?",   "NA",   "N/A",  "n/a", "nan",
                                        "NaN", "NAN",  "null", "NULL"};
    if (!*s)
        return true;
    for (size_t i = 0; i < BP__ARRAY_LEN(words); i++)
        if (!strcmp(s, words[i]))
            return true;
    for (size_t i = 0; o && i < o->n_missing; i++)
        if (!strcmp(s, o->missing[i]))
            return true;
    return false;
}

const char *bp__table_cell_text(const char *s, const bp__table_options *o)
{
    for (size_t i = 0; o && i < o->n_rename; i++)
        if (!strcmp(s, o->rename[2 * i]))
            s = o->rename[2 * i + 1];
    return is_missing(s, o) ? NULL : s;
}

/* ---- rows -----------------------------------------------------------------*/

static bp_status add_row(bp__table *t, char **cells, int64_t line,
                         const bp__table_options *o, bp_error *err)
{
    size_t at = (size_t)t->n_rows * (size_t)t->n_cols;
    if (!bp__grow(&t->a, &t->cells, &t->cells_cap, at + (size_t)t->n_cols,
                  sizeof *t->cells) ||
        !bp__grow(&t->a, &t->line, &t->line_cap, (size_t)t->n_rows + 1,
                  sizeof *t->line))
        return bp__oom(err);
    for (int i = 0; i < t->n_cols; i++)
        t->cells[at + (size_t)i] = bp__table_cell_text(cells[i], o);
    t->line[t->n_rows++] = line;
    return BP_OK;
}

static bp_status cut_rows(bp__table *t, const bp__table_options *o,
                          char **cells, bp_error *err)
{
    cutter c = {(char *)t->file.data, (char *)t->file.data + t->file.bytes,
                t->separator, 1, true, false, NULL};
    for (skip_empty(&c); !at_end(&c); skip_empty(&c)) {
        int64_t line = c.line;
        c.open_quote = false;
        int64_t n = read_row(&c, cells, t->n_cols);
        if (c.open_quote && t->n_open_quotes++ == 0)
            t->open_quote_line = line;
        if (n == t->n_cols) {
            bp_status s = add_row(t, cells, line, o, err);
            if (s)
                return s;
            continue;
        }
        if (t->n_ragged < BP__TABLE_EXAMPLES) {
            t->ragged_line[t->n_ragged] = line;
            t->ragged_cells[t->n_ragged] = n;
        }
        t->n_ragged++;
    }
    return BP_OK;
}

/* ---- the header ------------------------------------------------------------
 * The first row is one if some column is numbers but for it, or if it is all
 * different words of which none appears again in its column. */

static bool is_number(const char *cell)
{
    double x;
    return cell && (bp__table_number(cell, false, &x) ||
                    bp__table_number(cell, true, &x));
}

static bool numbers_below(const bp__table *t, int col)
{
    int64_t numbers = 0, words = 0;
    for (int64_t r = 1; r < t->n_rows; r++) {
        const char *cell = bp__table_cell(t, r, col);
        numbers += is_number(cell);
        words += cell && !is_number(cell);
    }
    return numbers > 9 * words;
}

static bool appears_below(const bp__table *t, int col)
{
    const char *head = bp__table_cell(t, 0, col);
    for (int64_t r = 1; r < t->n_rows; r++) {
        const char *cell = bp__table_cell(t, r, col);
        if (cell && !strcmp(cell, head))
            return true;
    }
    return false;
}

static bool empty_below(const bp__table *t, int col)
{
    for (int64_t r = 1; r < t->n_rows; r++)
        if (bp__table_cell(t, r, col))
            return false;
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* No two are the same. Sorts them: there may be tens of thousands. */
static bool all_differ(const char **words, int n)
{
    if (n > 1)
        qsort(words, (size_t)n, sizeof *words, by_text);
    for (int i = 1; i < n; i++)
        if (!strcmp(words[i - 1], words[i]))
            return false;
    return true;
}

/* At least half of the names that are expected stand in the first row. */
static bool has_names(bp__table *t, const bp__table_options *o)
{
    size_t n = 0, found = 0;
    const char **heads = bp__arena_array(&t->names_memory, (size_t)t->n_cols,
                                         sizeof *heads);
    for (int i = 0; heads && i < t->n_cols; i++)
        if ((heads[n] = bp__table_cell(t, 0, i)))
            n++;
    if (n)
        qsort(heads, n, sizeof *heads, by_text);
    for (size_t k = 0; n && k < o->n_names; k++)
        found += bsearch(&o->names[k], heads, n, sizeof *heads, by_text) !=
                 NULL;
    return found > 0 && 2 * found >= o->n_names;
}

/* A failed allocation shows in names_memory. */
static bool guess_header(bp__table *t, const bp__table_options *o)
{
    bool unlike = false, alone = true;
    int n_heads = 0;
    if (o && has_names(t, o))
        return true;
    if (t->n_rows < 2)
        return false;
    const char **heads = bp__arena_array(&t->names_memory, (size_t)t->n_cols,
                                         sizeof *heads);
    if (!heads)
        return false;
    for (int i = 0; i < t->n_cols; i++) {
        const char *head = bp__table_cell(t, 0, i);
        /* An index of rows in front and separators at the end have no name. */
        if (!head && (i == 0 || empty_below(t, i)))
            continue;
        if (!head || is_number(head))
            return false;
        unlike |= numbers_below(t, i);
        alone = alone && !appears_below(t, i);
        heads[n_heads++] = head;
    }
    alone = alone && all_differ(heads, n_heads);
    return unlike || (alone && n_heads > 0 && t->n_rows > 10);
}

static bp_status name_columns(bp__table *t, const bp__table_options *o,
                              bp_error *err)
{
    bp__table_header h = o ? o->header : BP__HEADER_GUESS;
    t->has_header = t->n_rows > 0 && (h == BP__HEADER_YES ||
                                      (h == BP__HEADER_GUESS &&
                                       guess_header(t, o)));
    t->names = bp__arena_array(&t->names_memory, (size_t)t->n_cols,
                               sizeof *t->names);
    for (int i = 0; t->names && i < t->n_cols; i++) {
        const char *head = t->has_header ? bp__table_cell(t, 0, i) : NULL;
        t->names[i] = head ? head
                           : bp__arena_printf(&t->names_memory, "column %d",
                                              i + 1);
    }
    if (t->names_memory.failed)
        return bp__oom(err);
    if (!t->has_header)
        return BP_OK;
    t->n_rows--;
    memmove(t->cells, t->cells + t->n_cols,
            (size_t)t->n_rows * (size_t)t->n_cols * sizeof *t->cells);
    memmove(t->line, t->line + 1, (size_t)t->n_rows * sizeof *t->line);
    return BP_OK;
}

/* ---- all of it ---------------------------------------------------------- */

static void skip_mark(bp__table *t)
{
    unsigned char *p = t->file.data;
    if (t->file.bytes >= 3 && p[0] == 0xEF && p[1] == 0xBB && p[2] == 0xBF)
        memset(p, ' ', 3); /* a blank before the first cell */
}

/* Words end up in messages and in a run's configuration. */
static bp_status check_utf8(const bp__table *t, bp_error *err)
{
    const unsigned char *p = t->file.data;
    size_t bad = bp__utf8_bad(p, t->file.bytes);
    long long line = 1;
    if (bad == t->file.bytes)
        return BP_OK;
    for (size_t i = 0; i < bad; i++)
        line += p[i] == '\n' || (p[i] == '\r' && p[i + 1] != '\n');
    return bp__error(err, BP_EFORMAT, "'%s', line %lld: the byte 0x%02x is no "
                     "UTF-8; if the file is in Latin-1, `iconv -f LATIN1 -t "
                     "UTF-8` converts it", t->source, line, p[bad]);
}

static bp_status cut_table(bp__table *t, const bp__table_options *o,
                           bp_error *err)
{
    double share;
    if (memchr(t->file.data, 0, t->file.bytes))
        return bp__error(err, BP_EFORMAT, "'%s' is no text: it holds zero "
                         "bytes (UTF-16, or another kind of file?)",
                         t->source);
    bp_status s = check_utf8(t, err);
    if (s)
        return s;
    skip_mark(t);
    t->separator = o && o->separator ? o->separator : guess_separator(t);
    int64_t width = usual_width(t, t->separator, &share);
    if (width == 0)
        return bp__error(err, BP_EFORMAT, "'%s' is empty: a table has a line "
                         "for each sample", t->source);
    if (width > MAX_COLS)
        return bp__error(err, BP_ELIMIT, "'%s' has %lld columns; %d are "
                         "possible", t->source, (long long)width, MAX_COLS);
    t->n_cols = (int)width;
    char **cells = bp__calloc(&t->a, (size_t)t->n_cols, sizeof *cells);
    if (!cells)
        return bp__oom(err);
    s = cut_rows(t, o, cells, err);
    bp__free(&t->a, cells, (size_t)t->n_cols * sizeof *cells);
    return s ? s : name_columns(t, o, err);
}

bp_status bp__table_read(const bp__fs *fs, const bp_allocator *a,
                         const char *path, const bp__table_options *o,
                         bp__table **table, bp_error *err)
{
    a = a ? a : &bp__malloc_allocator;
    *table = NULL;
    bp__table *t = bp__calloc(a, 1, sizeof *t);
    if (!t)
        return bp__oom(err);
    t->a = *a;
    bp__arena_init(&t->names_memory, a);
    t->source = bp__strdup(a, path);
    bp_status s = t->source ? bp__file_read(fs, a, path, true, 0, &t->file,
                                            err)
                            : bp__oom(err);
    if (!s)
        s = cut_table(t, o, err);
    if (s)
        bp__table_free(t);
    else
        *table = t;
    return s;
}

void bp__table_free(bp__table *t)
{
    if (!t)
        return;
    bp_allocator a = t->a;
    bp__arena_free(&t->names_memory);
    bp__free(&a, t->cells, t->cells_cap * sizeof *t->cells);
    bp__free(&a, t->line, t->line_cap * sizeof *t->line);
    bp__strfree(&a, t->source);
    bp__file_free(&a, &t->file);
    bp__free(&a, t, sizeof *t);
}

int bp__table_find(const bp__table *t, const char *column)
{
    int64_t k;
    for (int i = 0; i < t->n_cols; i++)
        if (!strcmp(t->names[i], column))
            return i;
    if (bp__parse_int64(column, &k) && k >= 1 && k <= t->n_cols)
        return (int)k - 1;
    return -1;
}

/* ---- numbers ------------------------------------------------------------ */

/* Removes group marks where they cut the whole part into threes, and turns
 * the decimal mark into a point. */
static bool plain_number(const char *s, char group, char decimal, char *to,
                         size_t room)
{
    size_t n = 0;
    int run = 0;         /* digits since the last mark */
    bool grouped = false, whole = true;
    const char *digits = s + strspn(s, "+-");
    bool zero = *digits == '0'; /* 0,123 is no 123 */
    for (; *s; s++) {
        if (n + 2 > room)
            return false;
        if (*s == group && whole) {
            if (run == 0 || run > 3 || (grouped && run != 3) || zero)
                return false;
            grouped = true;
            run = 0;
            continue;
        }
        if (*s == group)
            return false;
        if (whole && !(*s >= '0' && *s <= '9') && *s != '-' && *s != '+') {
            if (grouped && run != 3)
                return false;
            whole = false;
        }
        run += *s >= '0' && *s <= '9';
        to[n++] = *s == decimal ? '.' : *s;
    }
    to[n] = '\0';
    return n > 0 && !(whole && grouped && run != 3);
}

bool bp__table_number(const char *cell, bool comma, double *x)
{
    char text[64];
    if (!((*cell >= '0' && *cell <= '9') || strchr("+-.,", *cell)))
        return false; /* a word, such as inf */
    if (!plain_number(cell, comma ? '.' : ',', comma ? ',' : '.', text,
                      sizeof text))
        return false;
    const char *p = text + strspn(text, "+-");
    return *p && strchr("0123456789.", *p) && bp__parse_double(text, x) &&
           *x - *x == 0; /* 1e999 is none */
}
