/* Kinds of data by their rows alone, without YAML text: the table itself, what
 * a path is, opening, new samples. */
#include "t.h"
#include "t_pictures.h"

#include "base/file.h"
#include "source/source.h"

static bp__arena memory;

/* {a: {b: text}} of "a.b". */
static void put(bp__ynode *root, const char *path, const char *text)
{
    static const bp__place at = {"m", 1, 1};
    bp__ynode *to = root;
    for (size_t n; n = strcspn(path, "."), path[n]; path += n + 1) {
        const char *key = bp__arena_printf(&memory, "%.*s", (int)n, path);
        bp__ynode *next = key ? bp__yaml_get(to, key) : NULL;
        if (!key)
            return;
        if (!next) {
            next = bp__yaml_new(&memory, BP__Y_MAP, at);
            bp__yaml_append(to, key, at, next);
        }
        to = next;
    }
    const char *key = bp__arena_strdup(&memory, path);
    if (key)
        bp__yaml_append(to, key, at, bp__yaml_value(&memory, at, text));
}

/* The members of `data` in pairs, ended by NULL -> checked, with defaults;
 * NULL: problems, which are printed to `said`. */
static bp__ynode *data_of(const char *const *pairs, bp__ynode **raw, char *said)
{
    static const bp__skey key = {.name = "data", .type = BP__S_MAP,
                                 .key_at = bp__data_key_at};
    bp__diags d;
    bp__scheck c = {&d, NULL};
    bp__diags_init(&d, &memory);
    *raw = bp__yaml_new(&memory, BP__Y_MAP, (bp__place){"m", 1, 1});
    said[0] = '\0';
    if (!*raw)
        return NULL;
    for (; *pairs; pairs += 2)
        put(*raw, pairs[0], pairs[1]);
    bp__ynode *data = bp__schema_map(&c, "data", &key, *raw);
    bp__str s;
    bp__str_init(&s, NULL);
    bp__diags_print(&d, &s);
    snprintf(said, 400, "%s", s.len ? s.s : "");
    bp__str_free(&s);
    return d.n ? NULL : data;
}

static void begin(bp__source_config *c, const char *const *pairs)
{
    char said[400];
    bp_error err = {0};
    bp__ynode *raw, *data = data_of(pairs, &raw, said);
    *c = (bp__source_config){.n_inputs = 1, .rank = {3},
                             .dims = {{1, 28, 28}}};
    T_CHECKF(data != NULL, "%s", said);
    T_REQUIRE(data);
    T_OK(bp__source_init(c, &memory, data, raw, &err), &err);
}

/* Every row is whole, and its keys are in the schema. */
static void test_rows(void)
{
    const bp__source_kind *k;
    const bp__skey *key;
    size_t n = 0;
    for (; (k = bp__source_at(n)); n++) {
        T_CHECKF(bp__source_find(k->name) == k, "%s", k->name);
        T_CHECKF(k->key.name && !strcmp(k->key.name, k->name), "%s", k->name);
        T_CHECKF(k->samples && k->example, "%s", k->name);
        T_CHECKF(!k->open != !k->open_all, "%s: one way to open", k->name);
        T_CHECKF(!k->inputs == !k->takes, "%s: what it predicts on", k->name);
        T_CHECKF(!k->draft == !k->drafts, "%s: what it drafts", k->name);
        T_CHECKF(!k->keep == !k->restore && !k->keep == !k->forget,
                 "%s: what it learns is kept, read back and freed", k->name);
        T_CHECKF(!k->units == !k->n_units, "%s", k->name);
        T_CHECKF(!k->keep || k->n_kept, "%s", k->name);
        for (size_t i = 0; i < k->n_options + k->n_kept; i++) {
            bool found = false;
            const char *name = i < k->n_options
                                   ? k->options[i].name
                                   : k->kept[i - k->n_options].name;
            for (size_t j = 0; (key = bp__data_key_at(j)); j++)
                found |= !strcmp(key->name, name);
            T_CHECKF(found && bp__source_may_change(name) ==
                                  (i >= k->n_options), "%s: %s", k->name, name);
        }
    }
    T_CHECK(n >= 6 && !bp__source_find("cvs"));
    T_CHECK(bp__source_may_change("dir") && !bp__source_may_change("train"));
}

static void test_paths(void)
{
    static const struct {
        const char *path, *kind, *noun;
    } paths[] = {
        {"a.csv", "csv", "a table"},      {"b/a.tsv.gz", "csv", "a table"},
        {"a.npy", "npy", "an array"},     {"a.npz", "npz",
                                           "an archive of arrays"},
        {"a.png", "pictures", "a picture"}, {"a.jpeg", "pictures", "a picture"},
        {"a.tar.gz", "pictures", "an archive"},
        {"x.zip/train", "pictures", "an archive"},
        {"a.yaml", NULL, "a model file"}, {"w.safetensors", NULL,
                                           "a file of weights"},
        {".csv", NULL, NULL},             {"notes", NULL, NULL},
        {".", "pictures", "a folder"}};
    for (size_t i = 0; i < BP__ARRAY_LEN(paths); i++) {
        const char *noun;
        const bp__source_kind *k = bp__source_of_path(paths[i].path, &noun);
        T_CHECKF(paths[i].kind ? k && !strcmp(k->name, paths[i].kind) : !k,
                 "%s is %s", paths[i].path, k ? k->name : "nothing");
        T_CHECKF(paths[i].noun ? noun && !strcmp(noun, paths[i].noun) : !noun,
                 "%s is %s", paths[i].path, noun ? noun : "nothing");
    }
    bp_error err = {0};
    T_CHECK(bp__source_can_draft("train-images-idx3-ubyte.gz", &err) ==
                BP_EARG && strstr(err.message, "an IDX file") &&
            strstr(err.message, "tables and pictures"));
    T_CHECK(!bp__source_can_draft("a.csv", &err) &&
            !bp__source_can_draft("anything", &err));
}

static void test_problems(void)
{
    char said[400];
    bp__ynode *raw;
    T_CHECK(!data_of((const char *[]){"train.range", "[0, 3]", NULL}, &raw,
                     said));
    T_CHECKF(!strcmp(said, "m:1:1: data.train: expected one of idx, npy, npz, "
                     "csv, pictures or digits, got none"), "%s", said);
    T_CHECK(!data_of((const char *[]){"train.csv", "a", "train.pictures", "b",
                                      NULL}, &raw, said));
    T_CHECKF(strstr(said, "got several") != NULL, "%s", said);
    T_CHECK(!data_of((const char *[]){"valid.npys.target", "a", NULL}, &raw,
                     said));
    T_CHECKF(strstr(said, "unknown key 'npys' in data.valid (did you mean 'npy'"
                    ) != NULL, "%s", said);
    T_CHECK(!data_of((const char *[]){"test.csv", "a", "test.augment.shift",
                                      "1", NULL}, &raw, said));
    T_CHECK(!data_of((const char *[]){"train", "csv", NULL}, &raw, said));
}

static void test_open(void)
{
    bp__source_config c;
    bp_error err = {0};
    bp_data *d[BP__N_SPLITS];
    begin(&c, (const char *[]){"train.digits.n", "60", "train.augment.flip",
                               "true", "split.valid", "0.25", "dir", "where",
                               NULL});
    T_CHECK(c.kind == bp__source_find("digits") && c.of[0] == c.kind);
    T_CHECK(c.augment.flip && c.normalize == BP_NORM_GLOBAL);
    T_CHECK(bp__source_has(&c, BP_SPLIT_VALID) &&
            !bp__source_has(&c, BP_SPLIT_TEST) && !bp__source_must_learn(&c));
    T_CHECK(!strcmp(bp__source_path(&c, NULL, "x"), "where/x") &&
            !strcmp(bp__source_path(&c, "here", "x"), "here/x") &&
            !strcmp(bp__source_path(&c, "here", "/x"), "/x"));
    T_OK(bp__source_open(&c, NULL, 7, d, &err), &err);
    T_CHECK(bp_data_count(d[0]) == 45 && bp_data_count(d[1]) == 15 && !d[2]);
    bp__source_close(d);
    T_CHECK(!d[0] && !d[1]);
    int64_t k;
    size_t n;
    T_CHECK(!bp__source_compares(&c, &k) && !bp__source_classes(&c, &n) &&
            n == 0 && bp__source_n_units(&c) == 0);
    T_CHECK(!strcmp(bp__source_samples_noun(&c), "samples"));
    bp__source_free(&c);
}

static void write_text(const char *path, const char *text)
{
    bp_error err = {0};
    T_OK(bp__file_write(NULL, NULL, path, text, strlen(text), &err), &err);
}

/* Columns are learned from data.train: beside a table stand tables alone. */
static void test_table(void)
{
    bp__source_config c;
    bp_error err = {0};
    bp_data *d[BP__N_SPLITS];
    bp__target_units u = {0};
    int64_t k;
    write_text("source.csv", "size,price\n1,10\n2,30\n3,20\n4,40\n");
    begin(&c, (const char *[]){"train.csv", "source.csv", "test.digits.n", "9",
                               "table.task", "number", NULL});
    c.shapes_from_data = true;
    T_CHECK(c.normalize == BP_NORM_NONE && bp__source_must_learn(&c));
    T_CHECK(bp__source_open(&c, NULL, 7, d, &err) == BP_EARG &&
            strstr(err.message, "data.test") && !d[0]);
    T_OK(bp__source_open(&c, NULL, 3, d, &err), &err);
    T_CHECK(d[0] && bp_data_count(d[0]) == 4 && !d[2]);
    T_CHECK(!bp__source_must_learn(&c) && bp__source_n_units(&c) == 1);
    T_CHECK(bp__source_units(&c, 0, &u) && !strcmp(u.name, "price") &&
            u.center == 25 && !bp__source_units(&c, 1, &u));
    T_CHECK(bp__source_compares(&c, &k) && k == 1);
    bp__str s;
    bp__str_init(&s, NULL);
    bp__source_show(&c, &s);
    T_CHECK(s.len && strstr(s.s, "size"));
    bp__str_free(&s);
    /* What is kept makes the same of another file, and names no folder. */
    T_OK(bp__source_keep(&c, &err), &err);
    bp__source_config run = {.shapes_from_data = true};
    T_OK(bp__source_init(&run, &memory, c.data, c.data, &err), &err);
    T_CHECK(run.learned && bp__source_units(&run, 0, &u) && u.center == 25);
    bp__source_close(d);
    bp__source_free(&run);
    bp__source_free(&c);
    remove("source.csv");
}

typedef struct seen {
    int64_t n, calls;
    const char *path;
    int dims[4];
} seen;

static bp_status see(void *user, const bp__source_samples *s, bp_error *err)
{
    seen *x = user;
    bp_array a;
    (void)err;
    T_REQUIRE(bp_data_input(s->data, 0, &a));
    x->calls++;
    x->n = bp_data_count(s->data);
    x->path = s->path;
    T_CHECK(!s->name && !s->line);
    return BP_OK;
}

/* A run on anything but a table takes arrays, IDX files and pictures; one sample
 * without an axis for it is one. */
static void test_inputs(void)
{
    bp__source_config c;
    bp_error err = {0};
    static float x[2 * 28 * 28];
    seen got = {0};
    bp__source_reader to = {see, NULL, &got};
    const char *path[] = {"source.npy"};
    bp_array one = {.dtype = BP_F32, .rank = 2, .dims = {28, 28}, .data = x,
                    .bytes = sizeof x / 2};
    bp_array two = {.dtype = BP_F32, .rank = 3, .dims = {2, 28, 28}, .data = x,
                    .bytes = sizeof x};
    begin(&c, (const char *[]){"train.digits.n", "9", NULL});
    T_OK(bp_npy_save(path[0], &one, &err), &err);
    T_OK(bp__source_inputs(&c, path, 1, &to, &err), &err);
    T_CHECK(got.calls == 1 && got.n == 1 && got.path == path[0]);
    T_OK(bp_npy_save(path[0], &two, &err), &err);
    T_OK(bp__source_inputs(&c, path, 1, &to, &err), &err);
    T_CHECK(got.calls == 2 && got.n == 2);
    path[0] = "a.csv";
    T_CHECK(bp__source_inputs(&c, path, 1, &to, &err) == BP_EARG);
    T_CHECKF(!strcmp(err.message, "'a.csv' is a table; this run takes a .npy "
                     "array, an IDX file, or pictures: one (.png, .jpg), a "
                     "folder or an archive"), "%s", err.message);
    path[0] = "source.txt";
    write_text(path[0], "hello");
    T_CHECK(bp__source_inputs(&c, path, 1, &to, &err) == BP_EARG);
    T_CHECKF(strstr(err.message, "is no IDX file;") != NULL, "%s", err.message);
    T_CHECK(got.calls == 2);
    remove("source.txt");
    remove("source.npy");
    bp__source_free(&c);
}

static void test_draft(void)
{
    bp_error err = {0};
    bp__str found, text;
    bp__str_init(&found, NULL);
    bp__str_init(&text, NULL);
    bp__draft_options o = {.path = ".", .target = "y"};
    T_CHECK(bp__source_draft(&o, &found, &text, &err) == BP_EARG &&
            strstr(err.message, "for tables"));
    write_text("source.text", "a,b\n1,x\n2,y\n3,x\n4,y\n5,x\n6,y\n7,x\n8,y\n"
                              "9,x\n10,y\n11,x\n");
    o = (bp__draft_options){.path = "source.text"};
    T_OK(bp__source_draft(&o, &found, &text, &err), &err);
    T_CHECK(strstr(found.s, "11 rows, 2 columns") != NULL);
    T_CHECK(strstr(text.s, "train: {csv: \"source.text\"}") != NULL);
    bp__str_free(&found);
    bp__str_free(&text);
    remove("source.text");
}

enum { BLOCK = 32 * 1024 - 32 }; /* of an arena, without its header */

/* Whatever allocation fails in the configuration's memory: a status says it,
 * and nothing is read that is not there. */
/* A hostile build's arena asks for each piece: there the allocations are
 * counted. */
#ifdef BP__HOSTILE
enum { COUNTED = 1 };
#else
enum { COUNTED = 0 };
#endif

static bool fail_after(size_t room, const char *const *pairs, bool table)
{
    char said[400];
    bp_error err = {0};
    bp_data *d[BP__N_SPLITS];
    t_heap heap = {.fail_at = -1}, *h = &heap;
    bp_allocator a = t_allocator(h);
    bp__arena_init(&memory, &a);
    /* An arena asks for memory block by block: the first has `room` left. */
    for (size_t n = COUNTED ? 0 : BLOCK - room; n;) {
        size_t part = n < 1024 ? n : 1024;
        bp__arena_alloc(&memory, part);
        n -= part;
    }
    h->fail_at = h->calls + (COUNTED ? (int64_t)room : 0);
    h->persistent = room % 32 == 0;
    bp__ynode *raw = NULL, *data = data_of(pairs, &raw, said);
    bp__source_config c = {.n_inputs = 1, .rank = {3}, .dims = {{1, 28, 28}},
                           .shapes_from_data = table};
    if (data && !memory.failed) {
        bp_status st = bp__source_init(&c, &memory, data, raw, &err);
        if (!st)
            st = bp__source_open(&c, "where", 7, d, &err);
        if (!st)
            bp__source_close(d);
        if (!st)
            st = bp__source_keep(&c, &err);
        T_CHECKF(!st || st == BP_ENOMEM, "%s", err.message);
        T_CHECKF(st || !h->failed, "room %zu: not told", room);
        if (!h->failed && table)
            T_CHECK(bp__yaml_get(data, "columns") != NULL);
        bp__source_free(&c);
    }
    bp__arena_free(&memory);
    T_CHECK(h->live == 0);
    return h->failed > 0;
}

static void test_memory(void)
{
    static const char *const pairs[][14] = {
        {"train.digits.n", "60", "split.valid", "0.25", NULL},
        {"train.csv", "source.csv", "table.task", "class", "table.target",
         "[b]", "table.missing", "[none]", "split.valid", "0.2",
         "table.rename.u", "v", NULL}};
    write_text("source.csv", "a,b\n1,x\n2,y\n3,x\n4,y\n5,x\n6,y\n7,x\n");
    bp_error err = {0};
    T_OK(bp__file_mkdir(NULL, "where", &err), &err);
    write_text("where/source.csv", "a,b\n1,x\n2,y\n3,x\n4,y\n5,x\n6,y\n");
    for (size_t k = 0; k < BP__ARRAY_LEN(pairs); k++) {
        size_t room = 0;
        while (room < BLOCK && fail_after(room, pairs[k], k == 1))
            room += COUNTED ? 1 + room / 32 : 16;
        T_CHECKF(room > (COUNTED ? 20 : 1000) && room < BLOCK, "%zu", room);
    }
    remove("where/source.csv");
    remove("where");
    remove("source.csv");
}

int main(void)
{
    test_memory();
    bp__arena_init(&memory, NULL);
    test_rows();
    test_paths();
    test_problems();
    test_open();
    test_table();
    test_inputs();
    test_draft();
    bp__arena_free(&memory);
    return t_end();
}
