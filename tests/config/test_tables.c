/* Tables in a configuration: parts that share classes evenly and learn from
 * the training rows alone, what a run keeps of the columns, and faults in one
 * report. */
#include "t.h"

#include "config/config.h"
#include "source/tables.h"

#include <math.h>
#include <unistd.h>

#define HEAD                                                        \
    "model:\n  input: table\n  layers: [dense: 3]\n"                \
    "loss: softmax_cross_entropy\n"

static char path[100], other[100];

static bp__config *load(const char *format, ...) BP__PRINTF(1, 2);

static const bp__columns *columns_of(const bp__config *c)
{
    return c->source.learned;
}

static bp__config *load(const char *format, ...)
{
    char text[1000];
    bp__config *c = NULL;
    bp_error err = {0};
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    T_OK(bp__config_parse("m.yaml", text, strlen(text), NULL, 0, &c, &err),
         &err);
    T_REQUIRE(c);
    return c;
}

static void write_file(const char *to, const char *text)
{
    bp_error err = {0};
    T_OK(bp__file_write(NULL, NULL, to, text, strlen(text), &err), &err);
}

/* 200 rows: classes a (140), b (50), c (10); the number tells the row. */
static void write_classes(void)
{
    bp__str s;
    bp__str_init(&s, NULL);
    for (int i = 0; i < 200; i++)
        bp__str_printf(&s, "%d,%s,%s\n", (i * 37) % 200 + 1000,
                       i % 2 ? "odd" : "even",
                       i % 20 == 0 ? "c" : i % 4 == 1 ? "b" : "a");
    write_file(path, s.s);
    bp__str_free(&s);
}

static int64_t count_class(const bp_data *d, int k)
{
    bp_array y;
    int64_t n = 0;
    T_REQUIRE(bp_data_target(d, &y));
    for (int64_t i = 0; i < y.dims[0]; i++)
        n += ((const int32_t *)y.data)[i] == k;
    return n;
}

static void even_parts(void)
{
    bp_error err = {0};
    bp__config_data d;
    write_classes();
    bp__config *c = load(HEAD "data: {train: {csv: %s}, "
                              "split: {valid: 0.2, test: 0.2}}\n", path);
    T_CHECK(bp__config_needs_data(c) &&
            c->source.kind == bp__source_find("csv"));
    T_CHECK(c->train.normalize == BP_NORM_NONE);
    T_OK(bp__config_open(c, NULL, 7, &d, &err), &err);
    T_REQUIRE(d.split[0] && d.split[1] && d.split[2]);
    T_CHECK(!bp__config_needs_data(c) && c->task.target.dtype == BP_I32);
    const int64_t all[] = {140, 50, 10};
    int64_t total = 0;
    for (int s = 0; s < BP__N_SPLITS; s++) {
        double share = s ? 0.2 : 0.6;
        total += bp_data_count(d.split[s]);
        for (int k = 0; k < 3; k++) {
            double want = share * (double)all[k];
            int64_t n = count_class(d.split[s], k);
            T_CHECKF((double)n > want - 1.5 && (double)n < want + 1.5,
                     "split %d, class %d: %d", s, k, (int)n);
        }
    }
    T_CHECK(total == 200);
    T_CHECK(columns_of(c)->width > 3 && c->task.n_train == bp_data_count(
                                                            d.split[0]));
    T_OK(bp__config_check_model(c, &err), &err);
    bp__config_close(&d);
    bp__config_free(c);
}

/* Every row is tested once over the folds, and never where it trained. */
static void folds(void)
{
    bp_error err = {0};
    bool tested[200] = {false};
    write_classes();
    for (int fold = 0; fold < 5; fold++) {
        bp__config_data d;
        bool here[200] = {false};
        bp__config *c = load(HEAD "data: {train: {csv: %s}, table: {bins: 0, "
                                  "columns: {1: number}}, split: {valid: 0.1, "
                                  "folds: 5, fold: %d}}\n", path, fold);
        T_CHECK(c->has_data[BP_SPLIT_TEST]);
        T_OK(bp__config_open(c, NULL, 7, &d, &err), &err);
        T_REQUIRE(d.split[0] && d.split[1] && d.split[2]);
        T_CHECK(bp_data_count(d.split[2]) >= 39 &&
                bp_data_count(d.split[2]) <= 41);
        T_CHECK(count_class(d.split[2], 2) == 2);
        for (int s = 0; s < BP__N_SPLITS; s++) {
            const bp__column *k = &columns_of(c)->column[0];
            bp_array x;
            T_REQUIRE(bp_data_input(d.split[s], 0, &x));
            for (int64_t i = 0; i < x.dims[0]; i++) {
                /* back from z / sqrt(1 + (z / 3)^2) */
                double f = (double)((float *)x.data)[i * x.dims[1]];
                double z = f / sqrt(1 - f * f / 9);
                int row = (int)(z / k->factor + k->center - 1000 + 0.5);
                T_REQUIRE(row >= 0 && row < 200);
                T_CHECK(!here[row]);
                here[row] = true;
                T_CHECK(s != BP_SPLIT_TEST || !tested[row]);
                tested[row] |= s == BP_SPLIT_TEST;
            }
        }
        bp__config_close(&d);
        bp__config_free(c);
    }
    for (int i = 0; i < 200; i++)
        T_CHECK(tested[i]);
}

static bp_status take_rows(void *user, const bp__source_samples *s,
                           bp_error *err)
{
    (void)user;
    (void)err;
    T_CHECK(!strcmp(s->path, other) && s->line && !s->name &&
            bp_data_count(s->data) == 2 && s->line[1] == 2 &&
            bp_data_target_kind(s->data) == BP_TARGET_NONE);
    return BP_OK;
}

/* Nothing of the other parts is learned: 5000 is in the test file only. */
static void learns_from_training(void)
{
    bp_error err = {0};
    bp__config_data d;
    write_file(path, "1,x,a\n2,y,b\n3,x,a\n4,y,b\n");
    write_file(other, "5000,z,a\n2,y,b\n");
    bp__config *c = load(HEAD "data: {train: {csv: %s}, test: {csv: %s}}\n",
                         path, other);
    T_OK(bp__config_open(c, NULL, 7, &d, &err), &err);
    T_REQUIRE(columns_of(c) && d.split[BP_SPLIT_TEST]);
    T_CHECK(columns_of(c)->column[0].center == 2.5);
    T_CHECK(columns_of(c)->column[1].n_words == 2);
    T_CHECKF(c->source.notes && strstr(c->source.notes, "line 1 'z'"), "%s",
             c->source.notes ? c->source.notes : "no note");
    /* What a run keeps reads back the same. */
    T_OK(bp__source_keep(&c->source, &err), &err);
    bp__str s;
    bp__str_init(&s, NULL);
    bp__config_print(c, &s);
    bp__config *run = NULL;
    T_OK(bp__config_parse("config.yaml", s.s, s.len, NULL, 0, &run, &err),
         &err);
    T_REQUIRE(run && columns_of(run));
    T_CHECK(!bp__config_needs_data(run));
    T_CHECK(columns_of(run)->width == columns_of(c)->width &&
            columns_of(run)->target == columns_of(c)->target);
    bp__config_data e;
    bp_array x, y;
    T_OK(bp__config_open(run, NULL, 4, &e, &err), &err);
    T_REQUIRE(e.split[2] && bp_data_input(e.split[2], 0, &x) &&
              bp_data_input(d.split[2], 0, &y));
    T_CHECK(x.bytes == y.bytes && !memcmp(x.data, y.data, x.bytes));
    const char *const files[] = {other};
    bp__source_reader to = {take_rows, NULL, NULL};
    bp__config_shapes(run);
    T_OK(bp__source_inputs(&run->source, files, 1, &to, &err), &err);
    T_CHECKF(run->source.notes && strstr(run->source.notes, "'z'"), "%s",
             run->source.notes ? run->source.notes : "no note");
    bp__config_close(&e);
    bp__config_free(run);
    bp__str_free(&s);
    bp__config_close(&d);
    bp__config_free(c);
}

static void reports_faults(void)
{
    bp_error err = {0};
    bp__config_data d;
    bp__str s;
    bp__str_init(&s, NULL);
    for (int i = 0; i < 100; i++)
        bp__str_printf(&s, "%d%s,%d,%s\n", i * i % 13, i % 25 == 7 ? "x" : "",
                       i % 11, i % 2 ? "yes" : "no");
    bp__str_printf(&s, "1,2\n1,2,3,yes\n");
    write_file(path, s.s);
    write_file(other, "1,2,yes.\n3,4,no\n");
    bp__str_free(&s);
    bp__config *c = load(HEAD "data: {train: {csv: %s}, test: {csv: %s}}\n",
                         path, other);
    T_CHECK(bp__config_open(c, NULL, 7, &d, &err) == BP_EFORMAT);
    static const char *const parts[] = {
        "2 rows have other than 3 cells: line 101 has 2, line 102 has 4",
        "'column 1': no number in 4 cells", "line 8 '10x'",
        "'column 3': no class of the training rows in 1 cell",
        "line 1 'yes.' (nearest: 'yes')"};
    for (size_t i = 0; i < BP__ARRAY_LEN(parts); i++)
        T_CHECKF(strstr(err.message, parts[i]), "no \"%s\" in:\n%s", parts[i],
                 err.message);
    T_CHECK(!d.split[0] && !d.split[1] && !d.split[2]);
    bp__config_free(c);
    c = load(HEAD "data: {train: {csv: %s, range: [0, 999]}}\n", path);
    T_CHECK(bp__config_open(c, NULL, 7, &d, &err) == BP_ERANGE);
    bp__config_free(c);
    c = load(HEAD "data: {train: {csv: not-there.csv}}\n");
    T_CHECK(bp__config_open(c, NULL, 7, &d, &err) == BP_ENOTFOUND);
    bp__config_free(c);
}

/* More than a thousand planted faults of ten kinds, and the one report that counts them
 * all. Which row has which is a function of its number; size and weight tell
 * sound rows apart. */
static void thousand_faults(void)
{
    enum { ROWS = 5000, TEST = 600 };
    bp__str s, t;
    bp_error err = {0};
    bp__config_data d;
    bp__str_init(&s, NULL);
    bp__str_init(&t, NULL);
    bp__str_printf(&s, "size,weight,color,kind\n");
    bp__str_printf(&t, "size,weight,color,kind\n");
    for (int i = 0; i < ROWS; i++) {
        const char *color = i % 3 ? "red" : "blue";
        const char *kind = i % 2 ? "yes" : "no";
        if (i >= 100 && i < 250) /* 150 sizes that are no numbers */
            bp__str_printf(&s, "wide%d,%d.5,%s,%s\n", i, i, color, kind);
        else if (i >= 300 && i < 400) /* 100 weights */
            bp__str_printf(&s, "%d,%dkg,%s,%s\n", i, i, color, kind);
        else if (i >= 500 && i < 650) /* 150 rows that are short */
            bp__str_printf(&s, "%d,%d.5,%s\n", i, i, color);
        else if (i >= 700 && i < 800) /* 100 that are long */
            bp__str_printf(&s, "%d,%d.5,%s,%s,more\n", i, i, color, kind);
        else if (i >= 900 && i < 1020) /* 120 without a target */
            bp__str_printf(&s, "%d,%d.5,%s,?\n", i, i, color);
        else if (i >= 1200 && i < 1300) /* 100 equal to rows 2200 .. */
            bp__str_printf(&s, "%d,%d.5,%s,%s\n", i + 1000, i + 1000,
                           (i + 1000) % 3 ? "red" : "blue", kind);
        else if (i >= 1400 && i < 1440) /* 40 that differ in the target: 80 */
            bp__str_printf(&s, "%d,%d.5,%s,%s\n", i + 1000, i + 1000,
                           (i + 1000) % 3 ? "red" : "blue",
                           i % 2 ? "no" : "yes");
        else
            bp__str_printf(&s, "%d,%d.5,%s,%s\n", i, i, color, kind);
    }
    for (int i = 0; i < TEST; i++) {
        int n = 10000 + i;
        if (i < 100) /* classes that training does not have */
            bp__str_printf(&t, "%d,%d.5,red,maybe\n", n, n);
        else if (i < 150) /* words */
            bp__str_printf(&t, "%d,%d.5,rad,yes\n", n, n);
        else if (i < 250) /* 100 rows of the training set: 4000 .. */
            bp__str_printf(&t, "%d,%d.5,%s,%s\n", 3900 + i, 3900 + i,
                           (3900 + i) % 3 ? "red" : "blue",
                           (3900 + i) % 2 ? "yes" : "no");
        else if (i < 300) /* 50 more sizes */
            bp__str_printf(&t, "?big,%d.5,red,no\n", n);
        else
            bp__str_printf(&t, "%d,%d.5,red,no\n", n, n);
    }
    T_REQUIRE(!s.failed && !t.failed);
    write_file(path, s.s);
    write_file(other, t.s);
    bp__str_free(&s);
    bp__str_free(&t);
    bp__config *c = load(HEAD "data: {train: {csv: %s}, test: {csv: %s}}\n",
                         path, other);
    T_CHECK(bp__config_open(c, NULL, 5, &d, &err) == BP_EFORMAT);
    static const char *const want[] = {
        "'size': no number in 150 cells", "'weight': no number in 100 cells",
        "250 rows have other than 4 cells: line 502 has 3",
        "'kind': nothing in 120 cells",
        ": 100 rows are equal to an earlier one",
        ": 80 rows differ from another in nothing but the target",
        "'kind': no class of the training rows in 100 cells",
        "'color': no word of the training rows in 50 cells",
        ": 100 rows are in '", "'size': no number in 50 cells",
        "line 102 'wide100'", "'maybe'", "'rad' (nearest: 'red')"};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        T_CHECKF(strstr(err.message, want[i]), "no '%s' in:\n%s", want[i],
                 err.message);
    bp__config_free(c);
}

int main(void)
{
    snprintf(path, sizeof path, "tables-%ld.csv", (long)getpid());
    snprintf(other, sizeof other, "tables-%ld-2.csv", (long)getpid());
    thousand_faults();
    even_parts();
    folds();
    learns_from_training();
    reports_faults();
    remove(path);
    remove(other);
    return t_end();
}
