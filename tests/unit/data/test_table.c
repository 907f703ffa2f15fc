/* Tables: cutting text into cells, what counts as a number, headers and
 * separators; kinds of columns, what training rows say of them, and the
 * features that follow. */
#include "data/columns.h"
#include "t.h"
#include "t_fs.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>

static char path[100];

static bp__table *read_text(const char *text, const bp__table_options *o)
{
    bp__table *t = NULL;
    bp_error err = {0};
    T_OK(bp__file_write(NULL, NULL, path, text, strlen(text), &err), &err);
    T_OK(bp__table_read(NULL, NULL, path, o, &t, &err), &err);
    T_REQUIRE(t);
    return t;
}

/* "a|b/c|-": cells of a row by |, rows by /, missing ones as -. */
static void cells_are(const char *text, const bp__table_options *o,
                      const char *want)
{
    bp__table *t = read_text(text, o);
    char got[400] = "";
    for (int64_t r = 0; r < t->n_rows; r++)
        for (int c = 0; c < t->n_cols; c++) {
            const char *cell = bp__table_cell(t, r, c);
            size_t n = strlen(got);
            snprintf(got + n, sizeof got - n, "%s%s", cell ? cell : "-",
                     c + 1 < t->n_cols ? "|" : r + 1 < t->n_rows ? "/" : "");
        }
    T_CHECKF(!strcmp(got, want), "%s\n got:  %s\n want: %s", text, got, want);
    bp__table_free(t);
}

static void cuts(void)
{
    cells_are("1,2\n3,4\n", NULL, "1|2/3|4");
    cells_are("1,2\r\n3,4", NULL, "1|2/3|4");              /* no last LF */
    cells_are("\xEF\xBB\xBF" "1,2\n3,4\n", NULL, "1|2/3|4"); /* a mark */
    cells_are("\n1,2\n\n  \n3,4\n\n", NULL, "1|2/3|4");
    cells_are("1, a b ,x\n2,  ,y\n", NULL, "1|a b|x/2|-|y");
    cells_are("1;2,5\n3;4,5\n", NULL, "1|2,5/3|4,5");
    cells_are("1\t2\n3\t\n", NULL, "1|2/3|-");
    cells_are("1|2\n3|4\n", NULL, "1|2/3|4");
    cells_are("1,\"a,b\"\n2,\"say \"\"no\"\"\" \n", NULL, "1|a,b/2|say \"no\"");
    cells_are("1,\"two\nlines\"\n2,b\n", NULL, "1|two\nlines/2|b");
    cells_are("1,'a,b'\n2,'tis\n3,rock 'n' roll\n", NULL,
              "1|a,b/2|'tis/3|rock 'n' roll");
    cells_are("a,'b\n'c,d',x\n'e','f\ng,'h'\n", NULL,
              "a|'b/c,d|x/e|'f/g|h");
    cells_are("1,?\n2,NA\n3,nan\n4,\n", NULL, "1|-/2|-/3|-/4|-");
    const char *const words[] = {"none"};
    const char *const pairs[] = {"<=50K.", "<=50K"};
    bp__table_options o = {.missing = words, .n_missing = 1, .rename = pairs,
                           .n_rename = 1};
    cells_are("1,none\n2,<=50K.\n", &o, "1|-/2|<=50K");
}

static void counts_faults(void)
{
    bp__table *t = read_text("1,2\n3\n4,5\n6,7,8\n9,\"x\n9,9\n", NULL);
    T_CHECK(t->n_cols == 2 && t->n_rows == 4 && t->n_ragged == 2);
    T_CHECK(t->ragged_line[0] == 2 && t->ragged_cells[0] == 1);
    T_CHECK(t->ragged_line[1] == 4 && t->ragged_cells[1] == 3);
    T_CHECK(t->n_open_quotes == 1 && t->open_quote_line == 5);
    T_CHECK(t->line[1] == 3);
    bp__table_free(t);
    bp_error err = {0};
    bp__table *none = NULL;
    T_OK(bp__file_write(NULL, NULL, path, " \n\n", 3, &err), &err);
    T_CHECK(bp__table_read(NULL, NULL, path, NULL, &none, &err) ==
                BP_EFORMAT && !none && strstr(err.message, "empty"));
    T_OK(bp__file_write(NULL, NULL, path, "1\0002\0", 4, &err), &err);
    T_CHECK(bp__table_read(NULL, NULL, path, NULL, &none, &err) ==
                BP_EFORMAT && strstr(err.message, "no text"));
    T_OK(bp__file_write(NULL, NULL, path, "1,\xc3\xb6\r\n2,\xf6\n", 10, &err),
         &err);
    T_CHECK(bp__table_read(NULL, NULL, path, NULL, &none, &err) ==
            BP_EFORMAT);
    T_CHECKF(strstr(err.message, "line 2: the byte 0xf6 is no UTF-8"), "%s",
             err.message);
    T_OK(bp__file_write(NULL, NULL, path, "1,\xc3", 3, &err), &err);
    T_CHECK(bp__table_read(NULL, NULL, path, NULL, &none, &err) ==
                BP_EFORMAT && strstr(err.message, "line 1: the byte 0xc3"));
    T_CHECK(bp__table_read(NULL, NULL, "not-there", NULL, &none, &err) ==
            BP_ENOTFOUND);
}

static void headers(void)
{
    static const struct {
        const char *text;
        bool header;
    } cases[] = {
        {"age,name\n1,a\n2,b\n", true},   /* words over numbers */
        {"1,a\n2,b\n3,c\n", false},
        {"red,yes\nred,no\nblue,yes\n", false}, /* words that come again */
        {"color,label\nr,y\nr,y\nb,n\nr,y\nb,n\nr,y\nb,n\nr,y\nb,n\nr,n\n",
         true},
        {"a,b\nc,d\n", false}, /* too little to tell */
        {"x,x\n1,2\n3,4\n", true},
        {",x,y\n0,1.5,a\n1,2.5,b\n", true},   /* an index without a name */
        {"\"\",x,y\n\"1\",1.5,a\n\"2\",2.5,b\n", true},
        {"x,y,\n1.5,a,\n2.5,b,\n", true},     /* separators at the end */
        {"x,,y\n1.5,3,a\n2.5,4,b\n", false},
        {"?,1.5,a\n0,2.5,b\n1,3.5,c\n", false}, /* a row with a hole */
        {"?,a,b\nx,a,c\ny,d,b\n", false},
    };
    for (size_t i = 0; i < BP__ARRAY_LEN(cases); i++) {
        bp__table *t = read_text(cases[i].text, NULL);
        T_CHECKF(t->has_header == cases[i].header, "%s", cases[i].text);
        bp__table_free(t);
    }
    bp__table_options o = {.header = BP__HEADER_YES};
    bp__table *t = read_text("1,2\n3,4\n", &o);
    T_CHECK(t->n_rows == 1 && !strcmp(t->names[1], "2"));
    T_CHECK(bp__table_find(t, "2") == 1 && bp__table_find(t, "3") == -1);
    bp__table_free(t);
    o.header = BP__HEADER_NO;
    t = read_text("age,name\n1,a\n", &o);
    T_CHECK(t->n_rows == 2 && !strcmp(t->names[1], "column 2"));
    T_CHECK(bp__table_find(t, "2") == 1 && bp__table_find(t, "0") == -1);
    bp__table_free(t);
}

static void numbers(void)
{
    static const struct {
        const char *cell;
        bool comma;
        double want; /* NAN: none */
    } cases[] = {
        {"12", false, 12},      {"-3.5e4", false, -35000}, {".5", false, 0.5},
        {"+7", false, 7},       {"1,234", false, 1234},    {"5.", false, 5},
        {"1,234,567.5", false, 1234567.5}, {"1,23", false, NAN},
        {"12,34,567", false, NAN}, {"1234,567", false, NAN},
        {",5", false, NAN},     {"1.5.2", false, NAN},     {"", false, NAN},
        {"0,123", false, NAN},  {"-0,123", true, -0.123},
        {"0.123", true, NAN},   {"0123", false, 123},
        {"1e308", false, 1e308}, {"1e309", false, NAN},
        {"-1e999", false, NAN}, {"1e-999", false, 0},
        {"-", false, NAN},      {"inf", false, NAN},       {"nan", false, NAN},
        {"1e", false, NAN},     {"12x", false, NAN},       {"+-1", false, NAN},
        {"3,5", true, 3.5},     {"1.234,5", true, 1234.5}, {"3,5", false, NAN},
        {"1.5", true, NAN},     {"40-49", false, NAN},
    };
    for (size_t i = 0; i < BP__ARRAY_LEN(cases); i++) {
        double x = NAN;
        bool ok = bp__table_number(cases[i].cell, cases[i].comma, &x);
        bool none = isnan(cases[i].want);
        T_CHECKF(ok == !none && (none || fabs(x - cases[i].want) < 1e-9),
                 "'%s' (comma %d): %d, %g", cases[i].cell, cases[i].comma, ok,
                 x);
    }
}

/* ---- columns ---------------------------------------------------------------*/

static bp__columns *guess(const bp__table *t, const bp__columns_options *o)
{
    bp__columns *c = NULL;
    bp_error err = {0};
    T_OK(bp__columns_guess(t, o, &c, &err), &err);
    T_REQUIRE(c);
    return c;
}

/* 40 rows: counter, constant, number, word, words all different, a number
 * with one mistake, decimal comma, few numbers as the target. */
static void make_rows(bp__str *s)
{
    bp__str_init(s, NULL);
    for (int i = 0; i < 40; i++)
        bp__str_printf(s, "%d;k;%d.5;%s;w%d;%s%d;%d,%d;%d\n", i + 1, i * i % 7,
                       i % 3 ? "red" : "blue", i, i == 9 ? "x" : "", i % 5,
                       i % 4, i % 10, i % 2);
}

static void kinds(void)
{
    bp__str s;
    make_rows(&s);
    bp__table *t = read_text(s.s, NULL);
    bp__columns *c = guess(t, NULL);
    static const bp__column_kind want[] = {
        BP__COLUMN_IGNORED,  BP__COLUMN_IGNORED, BP__COLUMN_NUMBER,
        BP__COLUMN_CATEGORY, BP__COLUMN_IGNORED, BP__COLUMN_NUMBER,
        BP__COLUMN_NUMBER,   BP__COLUMN_CATEGORY};
    static const char *const why[] = {"counts the rows", "constant", "", "",
                                      "different in nearly every row", "", "",
                                      ""};
    T_REQUIRE(c->n == 8);
    for (int i = 0; i < 8; i++)
        T_CHECKF(c->column[i].kind == want[i] &&
                     !strcmp(c->column[i].why, why[i]),
                 "column %d: %s (%s)", i + 1,
                 bp__column_kind_name(c->column[i].kind), c->column[i].why);
    T_CHECK(c->column[6].comma && !c->column[2].comma);
    T_CHECK(c->target == 7 && bp__columns_classes(c));
    bp__columns_free(c);
    /* by wish */
    const char *const names[] = {"1", "column 4"};
    const bp__column_kind given[] = {BP__COLUMN_NUMBER, BP__COLUMN_IGNORED};
    static const char *const third[] = {"3"}, *const wrong[] = {"colum 3"};
    bp__columns_options o = {.target = third, .n_targets = 1,
                             .task = BP__TASK_NUMBER, .column = names, .kind = given, .n_kinds = 2};
    c = guess(t, &o);
    T_CHECK(c->target == 2 && !bp__columns_classes(c));
    T_CHECK(c->column[0].kind == BP__COLUMN_NUMBER &&
            c->column[3].kind == BP__COLUMN_IGNORED);
    bp__columns_free(c);
    bp_error err = {0};
    o.target = wrong;
    T_CHECK(bp__columns_guess(t, &o, &c, &err) == BP_EARG && !c);
    T_CHECKF(strstr(err.message, "did you mean 'column 3'"), "%s",
             err.message);
    bp__table_free(t);
    bp__str_free(&s);
}

static const char small[] = "x,color,size,y\n"
                            "1,red,s,no\n"
                            "2,blue,?,yes\n"
                            "3,red,m,no\n"
                            "?,blue,l,yes\n"
                            "9,red,s,no\n";

static void features(void)
{
    bp__table *t = read_text(small, NULL);
    bp__columns *c = guess(t, NULL);
    bp_error err = {0};
    const int64_t train[] = {0, 1, 2, 3};
    T_CHECK(t->has_header && c->n == 4);
    T_OK(bp__columns_fit(c, t, train, 4, 2, &err), &err);
    const bp__column *x = &c->column[0];
    /* of 1, 2, 3: median 2, quartiles 1.5 and 2.5; cut at 1, 2, 3 */
    T_CHECK(x->center == 2 && x->factor == 1 && x->had_missing);
    T_CHECK(x->n_edges == 3 && x->edges[1] == 2 && x->width == 4);
    T_CHECK(c->column[1].width == 1 && c->column[1].n_words == 2);
    T_CHECK(c->column[2].width == 4); /* l, m, s, missing */
    T_CHECK(c->width == 9 && c->column[3].width == 0);
    bp_data *d = NULL;
    bp_array in, y;
    T_OK(bp__columns_apply(c, t, NULL, 0, true, NULL, NULL, &d, &err), &err);
    T_REQUIRE(d && bp_data_input(d, 0, &in) && bp_data_target(d, &y));
    const double z = 7, last = z / sqrt(1 + z / 3 * z / 3);
    const float want[5][9] = {
        {(float)(-1 / sqrt(1 + 1.0 / 9)), 0, 0, 0, 1, 0, 0, 1, 0},
        {0, 1, 0, 0, -1, 0, 0, 0, 1},
        {(float)(1 / sqrt(1 + 1.0 / 9)), 1, 1, 0, 1, 0, 1, 0, 0},
        {0, 1, 0, 1, -1, 1, 0, 0, 0},
        {(float)last, 1, 1, 0, 1, 0, 0, 1, 0}};
    for (int i = 0; i < 45; i++)
        T_CHECKF(fabsf(((float *)in.data)[i] - want[i / 9][i % 9]) < 1e-6f,
                 "row %d, feature %d: %g", i / 9, i % 9,
                 (double)((float *)in.data)[i]);
    T_CHECK(y.dtype == BP_I32 && ((int32_t *)y.data)[0] == 0 &&
            ((int32_t *)y.data)[1] == 1);
    bp_data_free(d);
    bp__columns_free(c);
    bp__table_free(t);
}

static void unseen(void)
{
    bp__table *t = read_text(small, NULL);
    bp__columns *c = guess(t, NULL);
    bp_error err = {0};
    T_OK(bp__columns_fit(c, t, NULL, 0, 2, &err), &err);
    bp__table_free(t);
    /* Other order of columns, by name; mistakes in three cells, one row
     * without a target. */
    const char *const names[] = {"x", "color", "size", "y"};
    bp__table_options o = {.names = names, .n_names = 4};
    t = read_text("y,size,color,x\nno,s,green,1\nyes,m,red,1x\nmaybe,s,red,1\n"
                  "?,s,red,4\nno,l,blue,5\n", &o);
    bp__cell_problem unreadable[4] = {{0}}, words[4] = {{0}}, none[4] = {{0}};
    bp__cell_report r = {.unreadable = unreadable, .unseen = words,
                         .no_target = none};
    int64_t kept[5];
    bp_data *d = NULL;
    T_OK(bp__columns_apply(c, t, NULL, 0, true, &r, kept, &d, &err), &err);
    T_REQUIRE(d);
    T_CHECK(bp_data_count(d) == 3 && kept[0] == 0 && kept[2] == 4);
    T_CHECK(words[1].count == 1 && words[1].line[0] == 2 &&
            !strcmp(words[1].cell[0], "green"));
    T_CHECK(unreadable[0].count == 1 && words[3].count == 1 &&
            none[3].count == 1);
    bp_data_free(d);
    T_OK(bp__columns_apply(c, t, NULL, 0, false, NULL, NULL, &d, &err), &err);
    T_CHECK(bp_data_count(d) == 5);
    bp_data_free(d);
    bp__table_free(t);
    t = read_text("y,color\nno,red\n", &(bp__table_options){
                                           .header = BP__HEADER_YES});
    T_CHECK(bp__columns_apply(c, t, NULL, 0, true, NULL, NULL, &d, &err) ==
                BP_ESHAPE && strstr(err.message, "no column 'x'"));
    bp__table_free(t);
    t = read_text("1,2\n3,4\n", NULL);
    T_CHECK(bp__columns_apply(c, t, NULL, 0, true, NULL, NULL, &d, &err) ==
                BP_ESHAPE && strstr(err.message, "2 columns"));
    bp__table_free(t);
    bp__columns_free(c);
}

/* 400 rows: a category of 70 words, one of 70 of which some are missing, one of
 * 100 with too few rows for each, a number. */
static void embedded(void)
{
    bp__str s;
    bp_error err = {0};
    bp__str_init(&s, NULL);
    bp__str_printf(&s, "a,b,c,x,y\n");
    for (int i = 0; i < 400; i++)
        bp__str_printf(&s, "a%d,%s%d,c%d,%d.5,%d.25\n", i % 70,
                       i % 70 == 7 ? "NA#" : "b", i % 70, i % 100, i * 7,
                       i);
    const char *const missing[] = {"NA#7"};
    bp__table *t = read_text(s.s, &(bp__table_options){.missing = missing,
                                                       .n_missing = 1});
    bp__columns *c = guess(t, NULL);
    T_CHECK(c->column[0].kind == BP__COLUMN_EMBEDDING &&
            c->column[1].kind == BP__COLUMN_EMBEDDING &&
            c->column[2].kind == BP__COLUMN_CATEGORY);
    T_OK(bp__columns_fit(c, t, NULL, 0, 0, &err), &err);
    const bp__column *a = &c->column[0], *b = &c->column[1];
    T_CHECK(bp__column_rows(a) == 70 && bp__column_dim(a) == 9);
    T_CHECK(b->n_words == 69 && bp__column_rows(b) == 70);
    /* Behind the features. */
    T_CHECK(c->n_embedded == 2 && c->width == 100 + 1 + 2 &&
            a->first == 101 && b->first == 102 && c->column[3].first == 100);
    bp_data *d = NULL, *plain = NULL;
    bp_array in = {0}, less = {0};
    T_OK(bp__columns_apply(c, t, NULL, 0, true, NULL, NULL, &d, &err), &err);
    T_REQUIRE(d && bp_data_input(d, 0, &in));
    const float *row = (const float *)in.data + 7 * c->width;
    T_CHECK(row[101] == (float)bp__column_word(a, "a7") && row[102] == 69);
    T_CHECK(row[c->column[2].first + bp__column_word(&c->column[2], "c7")] ==
            1);
    T_OK(bp__columns_plain(c, d, &plain, &err), &err);
    T_REQUIRE(plain && bp_data_input(plain, 0, &less));
    T_CHECK(less.dims[1] == c->width &&
            ((float *)less.data)[7 * c->width + 102] == 69);
    bp_data_free(plain);
    bp_data_free(d);
    bp__table_free(t);
    t = read_text("a,b,c,x,y\nnew,b1,c1,1,2\n", &(bp__table_options){
                                            .header = BP__HEADER_YES});
    T_OK(bp__columns_apply(c, t, NULL, 0, true, NULL, NULL, &d, &err), &err);
    T_REQUIRE(d && bp_data_input(d, 0, &in));
    T_CHECK(((float *)in.data)[101] == -1);
    bp_data_free(d);
    bp__table_free(t);
    bp__columns_free(c);
    bp__str_free(&s);
}

static void several_targets(void)
{
    static const char text[] = "a,b,kind,c\n1,10,x,2\n2,?,y,4\n3,30,x,6\n"
                               "4,50,y,\n5,50,y,8\n";
    static const char *const both[] = {"c", "2"}, *const twice[] = {"b", "2"},
                      *const words[] = {"b", "kind"};
    bp__table *t = read_text(text, NULL);
    bp__columns_options o = {.target = both, .n_targets = 2};
    bp_error err = {0};
    bp__columns *c = guess(t, &o);
    T_CHECK(c->n_targets == 2 && c->target == 1 && !bp__columns_classes(c));
    T_CHECK(!strcmp(bp__columns_target_at(c, 0)->name, "b") &&
            !strcmp(bp__columns_target_at(c, 1)->name, "c"));
    T_OK(bp__columns_fit(c, t, NULL, 0, 0, &err), &err);
    T_CHECK(c->width == 2 && c->column[1].center == 35 &&
            c->column[3].center == 5);
    bp__cell_problem a[4] = {{0}}, b[4] = {{0}}, none[4] = {{0}};
    bp__cell_report r = {.unreadable = a, .unseen = b, .no_target = none};
    bp_data *d = NULL;
    bp_array y = {0};
    T_OK(bp__columns_apply(c, t, NULL, 0, true, &r, NULL, &d, &err), &err);
    T_REQUIRE(d && bp_data_target(d, &y));
    /* The rows that lack one of them are left out. */
    T_CHECK(y.rank == 2 && y.dims[0] == 3 && y.dims[1] == 2);
    T_CHECK(none[1].count == 1 && none[1].line[0] == 3 && none[3].count == 1);
    const double scale[2] = {c->column[1].factor, c->column[3].factor};
    const float want[6] = {-25, -3, -5, 1, 15, 3};
    for (int i = 0; i < 6; i++)
        T_CHECK(fabsf(((float *)y.data)[i] -
                      want[i] * (float)scale[i % 2]) < 1e-5f);
    bp_data_free(d);
    bp__table_free(t);
    /* Each is looked at, not the first alone. */
    t = read_text("a,b,c\n1,2,3\n2,3,1e200\n3,4,5\n", NULL);
    static const char *const last[] = {"b", "c"};
    bp__columns_options o2 = {.target = last, .n_targets = 2};
    bp__columns *huge = guess(t, &o2);
    T_CHECK(bp__columns_fit(huge, t, NULL, 0, 0, &err) == BP_ERANGE &&
            strstr(err.message, "'c', is too large to learn in line 3"));
    bp__columns_free(huge);
    bp__table_free(t);
    /* A table without any of them, by place. */
    t = read_text("1,x\n2,y\n", &(bp__table_options){
                                      .header = BP__HEADER_NO});
    T_OK(bp__columns_apply(c, t, NULL, 0, true, NULL, NULL, &d, &err), &err);
    T_CHECK(bp_data_count(d) == 2 && !bp_data_target(d, &y));
    bp_data_free(d);
    bp__table_free(t);
    bp__columns_free(c);
    t = read_text(text, NULL);
    o.target = twice;
    T_CHECK(bp__columns_guess(t, &o, &c, &err) == BP_EARG && !c &&
            strstr(err.message, "'b' is named twice"));
    o.target = words;
    T_CHECK(bp__columns_guess(t, &o, &c, &err) == BP_EARG && !c &&
            strstr(err.message, "'kind' is to be a class"));
    bp__table_free(t);
}

/* Three decimals behind a comma could be thousands. */
static void decimal_commas(void)
{
    static const struct {
        const char *text;
        bool comma;
        double want;
    } cases[] = {
        {"x;y\n1,500;p\n2,250;q\n3,125;p\n", true, 2.25},
        {"x;y\n0,500;p\n-0,250;q\n0,125;p\n", true, -0.25},
        {"x\ty\n1,500\tp\n2,250\tq\n3\tp\n", false, 2250},
        {"x;y\n1,500.5;p\n2,250;q\n3,125;p\n", false, 2250},
        {"x;y\n1.500;p\n2.250;q\n3.125;p\n", false, 2.25},
        {"x,y\n\"1,500\",p\n\"2,250\",q\n\"3,125\",p\n", false, 2250},
    };
    for (size_t i = 0; i < BP__ARRAY_LEN(cases); i++) {
        bp__table *t = read_text(cases[i].text, NULL);
        bp__columns *c = guess(t, NULL);
        const bp__column *x = &c->column[0];
        double v = 0;
        T_CHECKF(x->kind == BP__COLUMN_NUMBER && x->comma == cases[i].comma &&
                     bp__table_number(bp__table_cell(t, 1, 0), x->comma, &v) &&
                     v == cases[i].want, "%s: %d %g", cases[i].text, x->comma,
                 v);
        bp__columns_free(c);
        bp__table_free(t);
    }
}

/* Columns of one name stay apart: the first is the first, here and there. */
static void equal_names(void)
{
    bp__table *t = read_text("a,a,y\n1,50,p\n2,60,q\n3,70,p\n", NULL);
    bp__columns *c = guess(t, NULL);
    const char *name = "a";
    bp__columns_options o = {.target = &name, .n_targets = 1};
    bp__columns *none = NULL;
    bp_data *d = NULL;
    bp_array in;
    bp_error err = {0};
    T_CHECK(bp__columns_guess(t, &o, &none, &err) == BP_EARG && !none);
    T_CHECKF(strstr(err.message, "two columns 'a' (the target), 1 and 2"),
             "%s", err.message);
    name = "2";
    T_OK(bp__columns_guess(t, &o, &none, &err), &err);
    T_CHECK(none && none->target == 1);
    bp__columns_free(none);
    T_OK(bp__columns_fit(c, t, NULL, 0, 0, &err), &err);
    for (int other = 0; other < 2; other++) {
        T_OK(bp__columns_apply(c, t, NULL, 0, true, NULL, NULL, &d, &err),
             &err);
        T_REQUIRE(d && bp_data_input(d, 0, &in) && c->width == 2);
        const float *x = in.data;
        T_CHECKF(x[0] < 0 && x[1] < 0 && x[2] == 0 && x[3] == 0 && x[4] > 0 &&
                     x[5] > 0, "%g %g", (double)x[4], (double)x[5]);
        bp_data_free(d);
        bp__table_free(t);
        t = read_text("y,a,b,a\np,1,0,50\nq,2,0,60\np,3,0,70\n", NULL);
    }
    bp__table_free(t);
    bp__columns_free(c);
}

/* Marks for "nothing" as large as a double gets stay finite and apart. */
static void huge_numbers(void)
{
    bp__table *t = read_text("x,y\n1,p\n2,q\n3,p\n1e308,q\n-1e308,q\n",
                             NULL);
    bp__columns *c = guess(t, NULL);
    bp_data *d = NULL;
    bp_array in;
    bp_error err = {0};
    T_OK(bp__columns_fit(c, t, NULL, 0, 0, &err), &err);
    T_OK(bp__columns_apply(c, t, NULL, 0, true, NULL, NULL, &d, &err), &err);
    T_REQUIRE(d && bp_data_input(d, 0, &in));
    T_CHECKF(fabsf(((float *)in.data)[3] - 3) < 1e-6f &&
                 fabsf(((float *)in.data)[4] + 3) < 1e-6f, "%g %g",
             (double)((float *)in.data)[3], (double)((float *)in.data)[4]);
    bp_data_free(d);
    bp__columns_free(c);
    bp__table_free(t);
    t = read_text("x,y\n1,1.5\n2,-2e200\n3,7\n", NULL);
    c = guess(t, NULL);
    T_CHECK(bp__columns_fit(c, t, NULL, 0, 0, &err) == BP_ERANGE);
    T_CHECKF(strstr(err.message, "'y', is too large to learn in line 3: "
                                 "-2e200"), "%s", err.message);
    bp__columns_free(c);
    bp__table_free(t);
}

static void scaled_target(void)
{
    bp__table *t = read_text("1,10\n2,20\n3,30\n4,40.5\n", NULL);
    bp__columns *c = guess(t, NULL);
    bp_error err = {0};
    bp_data *d = NULL;
    bp_array y;
    T_OK(bp__columns_fit(c, t, NULL, 0, 0, &err), &err);
    T_CHECK(!bp__columns_classes(c) && c->column[1].center == 25.125);
    T_OK(bp__columns_apply(c, t, NULL, 0, true, NULL, NULL, &d, &err), &err);
    T_REQUIRE(d && bp_data_target(d, &y));
    float sum = 0, squares = 0;
    for (int i = 0; i < 4; i++) {
        sum += ((float *)y.data)[i];
        squares += ((float *)y.data)[i] * ((float *)y.data)[i];
    }
    T_CHECK(y.rank == 2 && fabsf(sum) < 1e-6f && fabsf(squares - 4) < 1e-5f);
    bp_data_free(d);
    bp__columns_free(c);
    bp__table_free(t);
}

/* The n-th allocation, or the n-th call of the file layer, fails. */
/* Lines of very many quotes that close nothing: looking for the end of each
 * cell anew would not be done today. */
static void many_quotes(void)
{
    enum { COLS = 60000, PAD = 40 };
    static const char *const cells[] = {"'x", "'a'b", "\"x\"y", "'\"", "\"\"\"\"z",
                                        "'' '"};
    for (size_t k = 0; k < sizeof cells / sizeof cells[0]; k++) {
        bp__str s;
        bp__table_options o = {.header = BP__HEADER_NO, .separator = ','};
        bp__str_init(&s, NULL);
        for (int row = 0; row < 2; row++) {
            for (int i = 0; i < COLS; i++)
                bp__str_printf(&s, "%s%s%*s", i ? "," : "", cells[k], PAD, "");
            bp__str_printf(&s, "\n");
        }
        T_REQUIRE(!s.failed);
        bp__table *t = read_text(s.s, &o);
        T_CHECKF(t->n_rows == 2 && t->n_cols == COLS, "%s: %lld x %d",
                 cells[k], (long long)t->n_rows, t->n_cols);
        bp__table_free(t);
        bp__str_free(&s);
    }
}

/* A header of very many different words, and one that has a word twice. */
static void wide_headers(void)
{
    enum { COLS = 65000 };
    for (int twice = 0; twice < 2; twice++) {
        bp__str s;
        bp__str_init(&s, NULL);
        for (int row = 0; row < 12; row++)
            for (int i = 0; i < COLS; i++)
                bp__str_printf(&s, "%s%c%.0d%s", i ? "," : "", row ? 'w' : 'n',
                               row ? 0 : twice && i == COLS - 1 ? 7 : i + 1,
                               i + 1 < COLS ? "" : "\n");
        T_REQUIRE(!s.failed);
        bp__table *t = read_text(s.s, NULL);
        T_CHECK(t->has_header == !twice && t->n_cols == COLS);
        bp__table_free(t);
        bp__str_free(&s);
    }
}

static void faults(void)
{
    bp__str s;
    make_rows(&s);
    bp__table *t = read_text(s.s, NULL);
    bp__table_free(t);
    for (int kind = 0; kind < 2; kind++)
        for (int64_t n = 0;; n++) {
            T_REQUIRE(n < 1000);
            t_heap h = {.fail_at = kind == 0 ? n : -1};
            bp_allocator a = t_allocator(&h);
            t_fs state = {.fail_at = kind == 1 ? n : -1, .error = EIO};
            bp__fs fs = t_fs_make(&state);
            bp_error err = {0};
            bp__columns *c = NULL;
            bp_data *d = NULL;
            bp_status st = bp__table_read(&fs, &a, path, NULL, &t, &err);
            if (!st)
                st = bp__columns_guess(t, NULL, &c, &err);
            if (!st)
                st = bp__columns_fit(c, t, NULL, 0, 4, &err);
            if (!st)
                st = bp__columns_apply(c, t, NULL, 0, true, NULL, NULL, &d,
                                       &err);
            bool failed = h.failed || state.failed;
            bool benign = state.failed && !strcmp(state.failed_op, "close");
            T_CHECKF(st == (!failed || benign ? BP_OK
                            : kind            ? BP_EIO
                                              : BP_ENOMEM),
                     "call %d: %s", (int)n, err.message);
            bp_data_free(d);
            bp__columns_free(c);
            bp__table_free(t);
            T_CHECKF(h.live == 0 && state.open_files == 0,
                     "call %d: %d bytes are left", (int)n, (int)h.live);
            if (!failed)
                break;
        }
    bp__str_free(&s);
}

int main(void)
{
    snprintf(path, sizeof path, "table-%ld.csv", (long)getpid());
    cuts();
    counts_faults();
    headers();
    numbers();
    kinds();
    features();
    unseen();
    embedded();
    several_targets();
    decimal_commas();
    equal_names();
    huge_numbers();
    scaled_target();
    many_quotes();
    wide_headers();
    faults();
    remove(path);
    return t_end();
}
