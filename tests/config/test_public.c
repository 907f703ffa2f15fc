/* <bprop/config.h> as a C program uses it: every shipped model file is opened,
 * trains a step, is saved, opened again as a run, and predicts. */
#include "t_run.h"

#include <bprop/predict.h>

#include <dirent.h>

enum { SAMPLES = 12 };

/* ---- shipped models ----------------------------------------------------------- */

/* Random samples of the shapes that the model takes: its own data need not be
 * here. */
static bp_data *random_data(const bp_task *t)
{
    bp_error err = {0};
    bp_array x[BP_NN_MAX_INPUTS] = {{0}}, y = {0};
    size_t n = bp_task_input_count(t);
    uint64_t state = 1;
    bp_data *d = NULL;
    for (size_t i = 0; i < n; i++) {
        bp_nn_io io;
        int64_t dims[BP_MAX_RANK] = {SAMPLES};
        T_REQUIRE(bp_task_get_input(t, i, &io));
        for (int k = 0; k < io.rank; k++)
            dims[k + 1] = io.dims[k];
        T_OK(bp_array_new(NULL, BP_U8, io.rank + 1, dims, &x[i], &err), &err);
        for (size_t k = 0; k < x[i].bytes; k++)
            ((unsigned char *)x[i].data)[k] =
                (unsigned char)t_uniform(&state, 0, 256);
    }
    T_REQUIRE(t->target.dtype == BP_I32 && !t->target.rank);
    T_OK(bp_array_new(NULL, BP_I32, 1, (int64_t[]){SAMPLES}, &y, &err), &err);
    for (int i = 0; i < SAMPLES; i++)
        ((int32_t *)y.data)[i] = i % 10;
    T_OK(bp_data_from_arrays(x, n, &y, NULL, &d, &err), &err);
    for (size_t i = 0; i < n; i++)
        bp_array_free(NULL, &x[i]);
    bp_array_free(NULL, &y);
    return d;
}

static void train_a_step(bp_config *c, bp_data *d, const char *folder)
{
    bp_error err = {0};
    bp_trainer *t = NULL;
    bp_trainer_options o = *bp_config_trainer(c);
    o.train = d;
    o.steps = o.epochs = 1;
    o.batch = 4;
    o.run_dir = folder;
    o.replace = true;
    T_OK(bp_trainer_new(bp_config_task(c), &o, &t, &err), &err);
    T_OK(bp_config_save(c, t, folder, NULL, &err), &err);
    T_OK(bp_trainer_run(t, &err), &err);
    T_CHECK(bp_trainer_step(t) == 1);
    bp_trainer_free(t);
}

static int look(void *user, const bp_answer *a)
{
    double sum = 0;
    T_CHECK(a->n == 10 && a->class_index >= 0 && a->class_index < 10);
    for (int64_t k = 0; k < a->n; k++)
        sum += a->value[k];
    T_CHECK(isfinite(sum));
    ++*(int *)user;
    return 0;
}

static void open_shipped(const char *path)
{
    bp_error err = {0};
    bp_config *c = NULL;
    bp_predictor *p = NULL;
    int n = 0;
    T_OK(bp_config_open(path, NULL, &c, &err), &err);
    T_CHECK(!bp_config_run(c) && !*bp_config_problems(c));
    T_OK(bp_config_check(c, &err), &err);
    T_OK(bp_config_assume_target(c, &err), &err);
    T_CHECK(bp_config_classifies(c) && bp_config_metric_count(c) > 0);
    bp_data *d = random_data(bp_config_task(c));
    train_a_step(c, d, "shipped");
    bp_config_free(c);
    T_OK(bp_predictor_open("shipped", NULL, &p, &err), &err);
    T_OK(bp_predictor_data(p, d, look, &n, &err), &err);
    T_CHECK(n == SAMPLES);
    bp_predictor_free(p);
    bp_data_free(d);
}

static int open_all(const char *folder)
{
    DIR *dir = opendir(folder);
    int n = 0;
    T_REQUIRE(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        char path[1200];
        size_t len = strlen(e->d_name);
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (len > 5 && !strcmp(e->d_name + len - 5, ".yaml")) {
            open_shipped(path);
            n++;
        } else {
            n += open_all(path);
        }
    }
    closedir(dir);
    return n;
}

/* ---- what a file says ------------------------------------------------------------ */

#define FILE_TEXT                                                           \
    "model: {input: [1, 28, 28], layers: [flatten, dense: 10]}\n"           \
    "loss: softmax_cross_entropy\noptimizer: {adam: {lr: 0.01}}\n"          \
    "data: {train: {digits: {n: 100}}, split: {valid: 0.2}}\n"              \
    "train: {epochs: 2, batch: 10, seed: 5}\n"

static int add(void *user, const char *text, size_t bytes)
{
    strncat(user, text, bytes);
    return 0;
}

static bp_config *parse(const char *text, const char *set)
{
    bp_error err = {0};
    bp_config *c = NULL;
    bp_config_options o = {.size = sizeof o, .n_sets = set ? 1 : 0,
                           .set = &set};
    T_OK(bp_config_parse("m.yaml", text, strlen(text), &o, &c, &err), &err);
    return c;
}

static void test_values(void)
{
    static char text[20000], again[20000];
    bp_error err = {0};
    bp_config *c = parse(FILE_TEXT, NULL), *d = parse(FILE_TEXT, "train.seed=6");
    T_CHECK(!strcmp(bp_config_name(c), "m"));
    T_CHECK(!strcmp(bp_config_get(c, "optimizer"), "adam") &&
            !strcmp(bp_config_get(c, "train.seed"), "5") &&
            !bp_config_get(c, "train.nothing"));
    T_CHECK(bp_config_has(c, "data.train.digits") &&
            !bp_config_has(c, "data.test"));
    T_CHECK(bp_config_has_split(c, BP_SPLIT_VALID) &&
            !bp_config_has_split(c, BP_SPLIT_TEST) && bp_config_built_in(c));
    T_CHECK(!bp_config_needs_data(c) && !bp_config_dir(c));
    T_CHECK(bp_config_task(d)->seed == 6 && bp_config_trainer(d)->batch == 10);
    T_CHECK(!strcmp(bp_config_difference(c, d), "train.seed"));
    T_CHECK(!bp_config_difference(c, c));
    T_CHECK(!bp_config_print(c, add, text));
    bp_config_free(d);
    d = parse(text, NULL); /* resolved, it says the same */
    T_CHECK(!bp_config_print(d, add, again) && !strcmp(text, again));
    T_CHECK(bp_config_set_dtype(c, BP_I32, &err) == BP_EARG);
    T_OK(bp_config_set_dtype(c, BP_F64, &err), &err);
    T_CHECK(bp_config_task(c)->dtype == BP_F64);
    T_CHECK(!strcmp(bp_config_samples_noun(c), "samples") &&
            !strcmp(bp_config_input_example(c), "INPUT.npy"));
    T_CHECK(!bp_config_class_count(c) && !bp_config_class_name(c, 0));
    T_CHECK(!bp_config_set_cache(c, "cache", NULL, NULL));
    bp_config_take_start(c, d);
    bp_config_free(c);
    bp_config_free(d);
}

static void test_data(void)
{
    bp_error err = {0};
    bp_config *c = parse(FILE_TEXT, NULL);
    bp_data *d[BP_N_SPLITS];
    bp_store *s = NULL;
    T_CHECK(bp_config_fit(c, NULL, &err) == BP_EARG);
    T_OK(bp_config_open_data(c, NULL, 1u << BP_SPLIT_TRAIN, d, &err), &err);
    T_REQUIRE(d[0] && !d[1] && !d[2]);
    T_CHECK(bp_data_count(d[0]) == 80 && bp_config_task(c)->n_train == 80);
    T_OK(bp_config_fit(c, d[0], &err), &err);
    T_CHECK(bp_config_norm(c, 0) && !bp_config_norm(c, 1));
    T_OK(bp_config_open_store(c, false, &s, &err), &err);
    T_CHECK(bp_store_find(s, "1.weight") >= 0);
    T_CHECK(!bp_config_notes(c) && !bp_config_telling(c));
    bp_config_clear_notes(c);
    bp_store_free(s);
    bp_data_free(d[0]);
    bp_config_free(c);
}

/* A table: shapes, columns and classes come from it. */
static void test_table(void)
{
    static char text[20000], learned[5000];
    bp_error err = {0};
    bp_draft *k = NULL;
    bp_data *d[BP_N_SPLITS];
    FILE *f = fopen("t.csv", "w");
    T_REQUIRE(f);
    for (int i = 0; i < 200; i++)
        fprintf(f, "%d,%d,%s\n", i * 7 % 31, i, i * 7 % 31 > 15 ? "up" : "low");
    T_REQUIRE(!fclose(f));
    bp_draft_options o = {.size = sizeof o, .target = "none"};
    T_CHECK(bp_draft_can("x.png", &err) == BP_EARG && !bp_draft_can("t.csv", &err));
    T_CHECK(bp_draft_look("t.csv", &o, &k, &err) == BP_EARG && !k);
    o.target = NULL;
    o.task = "guess";
    T_CHECK(bp_draft_look("t.csv", &o, &k, &err) == BP_EARG);
    T_OK(bp_draft_look("t.csv", NULL, &k, &err), &err);
    T_CHECK(strstr(bp_draft_found(k), "200 rows") &&
            strstr(bp_draft_text(k), "csv: \"t.csv\""));
    bp_config *c = parse(bp_draft_text(k), NULL);
    bp_draft_free(k);
    T_CHECK(!strcmp(bp_path_noun("t.csv"), "a table") && !bp_path_noun("odd"));
    T_CHECK(bp_config_needs_data(c) && !bp_config_column_count(c));
    T_OK(bp_config_open_data(c, NULL, 0, d, &err), &err);
    T_CHECK(!bp_config_needs_data(c) && bp_config_column_count(c) == 3);
    T_OK(bp_config_check(c, &err), &err);
    T_CHECK(bp_config_class_count(c) == 2 &&
            !strcmp(bp_config_class_name(c, 1), "up"));
    T_CHECK(!bp_config_print_learned(c, add, learned) &&
            strstr(learned, "category") && !bp_config_print(c, add, text));
    bp_config_free(c);
}

static void count_keys(void *user, const bp_key *k)
{
    int *n = user;
    n[0]++;
    n[1] += k->is_map;
    n[2] += !strcmp(k->path, "train.epochs");
    n[3] += k->n_words > 0 && k->words[0] != NULL;
    n[4] += k->is_bool;
}

static void test_problems(void)
{
    static char text[40000];
    bp_error err = {0};
    bp_config *c = NULL;
    int n[5] = {0};
    const char *bad = "model: {}\nlos: x\n";
    bp_config_options o = {.size = 1};
    T_CHECK(bp_config_parse("b.yaml", bad, strlen(bad), NULL, &c, &err) ==
            BP_EFORMAT);
    T_REQUIRE(c);
    T_CHECK(strstr(bp_config_problems(c), "b.yaml:2:1: ") &&
            strstr(bp_config_problems(c), "did you mean 'loss'"));
    bp_config_free(c);
    T_CHECK(bp_config_parse("b", bad, 3, &o, &c, &err) == BP_EARG && !c);
    T_CHECK(bp_config_open("none.yaml", NULL, &c, &err) == BP_ENOTFOUND && !c);
    T_CHECK(bp_config_open(NULL, NULL, &c, &err) == BP_EARG);
    bp_config_keys(count_keys, n);
    T_CHECKF(n[0] > 50 && n[1] > 5 && n[2] == 1 && n[3] > 3 && n[4] > 1, "%d %d %d %d %d",
             n[0], n[1], n[2], n[3], n[4]);
    T_CHECK(!bp_config_print_keys(add, text) && strstr(text, "train.epochs"));
}

int main(void)
{
    char models[1100];
    t_enter("public");
    test_values();
    test_data();
    test_table();
    test_problems();
    snprintf(models, sizeof models, "%s/models", BPROP_SOURCE_DIR);
    T_CHECK(open_all(models) >= 5);
    return t_end();
}
