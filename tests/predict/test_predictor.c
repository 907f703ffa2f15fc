/* A finished run, opened by a C program: rows of texts, samples from memory,
 * files and data sets give the same answers, in any number, from any thread. */
#include "t_run.h"

#include <bprop/predict.h>

#include <pthread.h>

enum { ROWS = 60, MOST = 200 };

/* ---- runs ------------------------------------------------------------------ */

static const char *const towns[] = {"Bern", "Basel", "Chur"};

static void row_text(int i, char *age, char *town)
{
    snprintf(age, 20, "%d.5", 18 + i * 7 % 50);
    snprintf(town, 20, "%s", towns[i * 5 % 3]);
}

/* Class: old enough, or in Chur; and two numbers that follow from both. */
static void write_tables(void)
{
    FILE *f = fopen("people.csv", "w"), *g = fopen("sizes.csv", "w");
    T_REQUIRE(f && g);
    fprintf(f, "age,town,note,member\n");
    fprintf(g, "age,town,height,weight\n");
    for (int i = 0; i < 300; i++) {
        char age[20], town[20];
        row_text(i, age, town);
        bool yes = atof(age) > 40 || !strcmp(town, "Chur");
        fprintf(f, "%s,%s,same,%s\n", i % 29 == 3 ? "" : age, town,
                yes ? "yes" : "no");
        fprintf(g, "%s,%s,%g,%g\n", age, town, 150 + atof(age) / 2,
                1000 + 30 * atof(age) + i % 3);
    }
    T_REQUIRE(!fclose(f) && !fclose(g));
}

static void make_runs(bp_evaluation *people)
{
    write_tables();
    t_train("model: {input: table, layers: [dense: 8, relu, dense: 2]}\n"
            "loss: softmax_cross_entropy\nmetrics: [accuracy]\n"
            "optimizer: {adam: {lr: 0.02}}\n"
            "data: {train: {csv: people.csv}, split: {valid: 0.2, test: 0.2}}\n"
            "train: {epochs: 5, batch: 20}\n",
            "people", people);
    t_train("model: {input: table, layers: [dense: 8, tanh, dense: 2]}\n"
            "loss: mean_squared_error\noptimizer: {adam: {lr: 0.02}}\n"
            "data: {train: {csv: sizes.csv}, table: {target: [height, weight]}, "
            "split: {valid: 0.2}}\ntrain: {epochs: 3, batch: 20}\n",
            "sizes", NULL);
    t_train("model: {input: [1, 28, 28], layers: [{conv2d: {filters: 4, "
            "kernel: 3}}, batch_norm, relu, {max_pool2d: 2}, flatten, "
            "dense: 10]}\n"
            "loss: softmax_cross_entropy\nmetrics: [accuracy]\n"
            "optimizer: {adam: {lr: 0.01}}\n"
            "data: {train: {digits: {n: 300}}, normalize: global}\n"
            "train: {epochs: 1, batch: 32}\n",
            "digits", NULL);
}

static bp_predictor *open_run(const char *run)
{
    bp_predictor *p = NULL;
    bp_error err = {0};
    T_OK(bp_predictor_open(run, NULL, &p, &err), &err);
    return p;
}

/* ---- answers that are kept ---------------------------------------------------- */

typedef struct answers {
    int n;
    double value[MOST][10];
    int64_t line[MOST], sample[MOST], class_index[MOST];
    int stop_at; /* 0: never */
} answers;

static int keep(void *user, const bp_answer *a)
{
    answers *k = user;
    if (k->n >= MOST || a->n > 10) /* no check here: threads come by */
        return 1;
    memcpy(k->value[k->n], a->value, (size_t)a->n * sizeof(double));
    k->line[k->n] = a->line;
    k->sample[k->n] = a->sample;
    k->class_index[k->n] = a->class_index;
    return ++k->n == k->stop_at;
}

static void note(void *user, const char *text)
{
    *(int *)user += strstr(text, "Lugano") != NULL;
}

/* ---- rows of a table ------------------------------------------------------------ */

static void test_rows(void)
{
    static const char *const column[] = {"town", "of no use", "age"};
    static answers all;
    bp_error err = {0};
    bp_answer a;
    bp_predictor *p = open_run("people");
    FILE *f = fopen("new.csv", "w");
    T_REQUIRE(f);
    fprintf(f, "town,age\n");
    for (int i = 0; i < ROWS; i++) {
        char age[20], town[20];
        row_text(i, age, town);
        fprintf(f, "%s,%s\n", town, i == 4 ? "NA" : age);
    }
    T_REQUIRE(!fclose(f));
    const char *path[] = {"new.csv"};
    bp_predict_files o = {.size = sizeof o, .answer = keep, .user = &all};
    T_OK(bp_predictor_files(p, path, 1, &o, &err), &err);
    T_CHECK(all.n == ROWS);
    for (int i = 0; i < ROWS; i++) {
        char age[20], town[20];
        row_text(i, age, town);
        const char *cell[] = {town, "x", i == 4 ? "NA" : age};
        T_OK(bp_predictor_row(p, column, cell, 3, &a, &err), &err);
        T_CHECK(a.n == 2 && a.class_index == all.class_index[i]);
        T_CHECK(!memcmp(a.value, all.value[i], 2 * sizeof(double)));
        T_CHECK(all.line[i] == i + 2 && all.sample[i] == i);
        T_CHECK(!strcmp(a.class_name, a.class_index ? "yes" : "no"));
        T_CHECK(a.probability == a.value[a.class_index] && !a.unseen);
        T_NEAR(a.value[0] + a.value[1], 1, 1e-6);
    }
    bp_predictor_free(p);
}

static void test_odd_rows(void)
{
    static const char *const column[] = {"age", "town"};
    static const char *const strange[] = {"30", "Lugano"};
    static const char *const word[] = {"old", "Bern"};
    static const char *const empty[] = {NULL, ""};
    bp_error err = {0};
    bp_answer a;
    int notes = 0;
    bp_predictor *p = open_run("people");
    T_OK(bp_predictor_row(p, column, strange, 2, &a, &err), &err);
    T_CHECK(a.unseen == 1);
    T_CHECK(bp_predictor_row(p, column, word, 2, &a, &err) == BP_EFORMAT &&
            strstr(err.message, "'age': 'old' is no number"));
    T_OK(bp_predictor_row(p, column, empty, 2, &a, &err), &err);
    T_CHECK(a.unseen == 0);
    T_CHECK(bp_predictor_row(p, column, word, 1, &a, &err) == BP_ESHAPE &&
            strstr(err.message, "no column 'town'"));
    t_write("strange.csv", "age,town\n30,Lugano\n");
    const char *path[] = {"strange.csv"};
    bp_predict_files o = {.size = sizeof o, .note = note, .user = &notes};
    T_OK(bp_predictor_files(p, path, 1, &o, &err), &err);
    T_CHECK(notes == 1);
    const char *both[] = {"strange.csv", "strange.csv"};
    T_CHECK(bp_predictor_files(p, both, 2, &o, &err) == BP_EARG);
    path[0] = "x.png";
    T_CHECK(bp_predictor_files(p, path, 1, &o, &err) == BP_EARG &&
            strstr(err.message, "this run takes tables"));
    bp_predictor_free(p);
}

static void test_units(void)
{
    static const char *const column[] = {"age", "town"};
    static const char *const cell[] = {"40", "Bern"};
    bp_error err = {0};
    bp_answer a;
    bp_target_units u;
    bp_predictor *p = open_run("sizes");
    T_OK(bp_predictor_row(p, column, cell, 2, &a, &err), &err);
    T_REQUIRE(a.n == 2 && bp_predictor_outputs(p) == 2);
    T_CHECK(a.class_index == -1 && !a.class_name);
    /* In centimeters and grams, whatever the network's own numbers are. */
    T_CHECK(a.value[0] > 140 && a.value[0] < 200);
    T_CHECK(a.value[1] > 1000 && a.value[1] < 4000);
    T_CHECK(fabs(a.output[0]) < 5 && fabs(a.output[1]) < 5);
    T_REQUIRE(bp_predictor_target(p, 1, &u));
    T_CHECK(!strcmp(u.name, "weight") &&
            a.value[1] == a.output[1] / u.factor + u.center);
    T_CHECK(!bp_predictor_target(p, 2, &u) && !bp_predictor_target(p, -1, &u));
    const bp_config *c = bp_predictor_config(p);
    bp_column k;
    T_CHECK(bp_config_column_count(c) == 4 && bp_config_column(c, 1, &k) &&
            k.n_words == 3 && k.kind == BP_COLUMN_CATEGORY && !k.target);
    T_CHECK(!bp_config_column(c, 4, &k));
    bp_predictor_free(p);
}

/* ---- arrays ------------------------------------------------------------------------ */

static bp_data *digits(int n)
{
    bp_data *d = NULL;
    bp_error err = {0};
    T_OK(bp_data_digits(BP_SPLIT_TEST, n, 1, NULL, &d, &err), &err);
    return d;
}

static void test_arrays(void)
{
    static answers all, from_array;
    bp_error err = {0};
    bp_answer a;
    bp_array x;
    bp_nn_io io;
    bp_predictor *p = open_run("digits");
    bp_data *d = digits(ROWS);
    T_REQUIRE(bp_data_input(d, 0, &x));
    T_CHECK(bp_predictor_input_count(p) == 1 && bp_predictor_input(p, 0, &io) &&
            io.rank == 3 && io.dims[2] == 28 && !bp_predictor_input(p, 1, &io));
    T_OK(bp_predictor_data(p, d, keep, &all, &err), &err);
    T_OK(bp_predictor_arrays(p, &x, 1, keep, &from_array, &err), &err);
    T_CHECK(all.n == ROWS && !memcmp(&all, &from_array, sizeof all));
    for (int i = 0; i < ROWS; i++) {
        bp_array one = {.dtype = BP_U8, .rank = 2, .dims = {28, 28},
                        .data = (char *)x.data + i * 784, .bytes = 784};
        float wide[784];
        bp_array floats = {.dtype = BP_F32, .rank = 3, .dims = {1, 28, 28},
                           .data = wide, .bytes = sizeof wide};
        for (int k = 0; k < 784; k++)
            wide[k] = ((unsigned char *)one.data)[k];
        T_OK(bp_predictor_sample(p, i % 2 ? &floats : &one, 1, &a, &err),
             &err);
        T_CHECK(!memcmp(a.value, all.value[i], sizeof all.value[i]));
        T_CHECK(!a.path && !a.name && !a.line && !a.class_name);
    }
    float hole[784] = {[5] = NAN};
    bp_array bad = {.dtype = BP_F32, .rank = 1, .dims = {784}, .data = hole,
                    .bytes = sizeof hole};
    T_CHECK(bp_predictor_sample(p, &bad, 1, &a, &err) == BP_ENONFINITE);
    bad.dims[0] = 783;
    T_CHECK(bp_predictor_sample(p, &bad, 1, &a, &err) == BP_ESHAPE);
    T_CHECK(bp_predictor_sample(p, &bad, 2, &a, &err) == BP_ESHAPE);
    static const char *const column[] = {"age"};
    T_CHECK(bp_predictor_row(p, column, column, 1, &a, &err) == BP_EARG);
    answers few = {.stop_at = 3};
    T_CHECK(bp_predictor_data(p, d, keep, &few, &err) == BP_ECANCELED &&
            few.n == 3);
    T_CHECK(bp_predictor_data(p, NULL, keep, &few, &err) == BP_EARG);
    bp_data_free(d);
    bp_predictor_free(p);
}

/* ---- threads ---------------------------------------------------------------------------- */

typedef struct worker {
    bp_predictor *p;
    bp_data *d;
    answers got;
    bp_status status;
    pthread_t thread;
} worker;

static void *work(void *argument)
{
    worker *w = argument;
    bp_error err = {0};
    bp_array x;
    bp_data_input(w->d, 0, &x);
    for (int round = 0; round < 3 && !w->status; round++) {
        w->got.n = 0;
        w->status = bp_predictor_data(w->p, w->d, keep, &w->got, &err);
    }
    for (int i = 0; i < ROWS && !w->status; i++) {
        bp_answer a;
        bp_array one = {.dtype = BP_U8, .rank = 2, .dims = {28, 28},
                        .data = (char *)x.data + i * 784, .bytes = 784};
        w->status = bp_predictor_sample(w->p, &one, 1, &a, &err);
        if (!w->status && memcmp(a.value, w->got.value[i], sizeof *w->got.value))
            w->status = BP_EBUG;
    }
    return NULL;
}

static void test_threads(void)
{
    enum { N = 4 };
    static worker w[N];
    bp_error err = {0};
    bp_data *d = digits(ROWS);
    w[0].p = open_run("digits");
    for (int i = 1; i < N; i++)
        T_OK(bp_predictor_clone(w[i - 1].p, NULL, &w[i].p, &err), &err);
    for (int i = 0; i < N; i++) {
        w[i].d = d;
        T_REQUIRE(!pthread_create(&w[i].thread, NULL, work, &w[i]));
    }
    for (int i = 0; i < N; i++) {
        pthread_join(w[i].thread, NULL);
        T_CHECK(w[i].status == BP_OK);
        T_CHECK(w[i].got.n == ROWS &&
                !memcmp(w[i].got.value, w[0].got.value,
                        sizeof w[i].got.value));
    }
    for (int i = 0; i < N; i++) /* the first one need not live longest */
        bp_predictor_free(w[i].p);
    bp_data_free(d);
}

/* ---- evaluation --------------------------------------------------------------------------- */

static void same(const bp_evaluation *a, const bp_evaluation *b)
{
    T_CHECK(a->samples == b->samples && a->loss == b->loss &&
            a->n_metrics == b->n_metrics && a->metric[0] == b->metric[0] &&
            a->n_classes == b->n_classes);
}

static void test_evaluation(const bp_evaluation *people)
{
    bp_error err = {0};
    const bp_evaluation *e;
    char stuck[80];
    bp_predictor *p = open_run("people");
    T_OK(bp_predictor_evaluate_split(p, BP_SPLIT_TEST, NULL, &e, &err), &err);
    same(e, people);
    int64_t all = 0;
    for (int i = 0; i < 4; i++)
        all += e->confusion[i];
    T_CHECK(all == e->samples && e->n_classes == 2);
    const char *path[] = {"people.csv"};
    T_OK(bp_predictor_evaluate_files(p, path, 1, &e, &err), &err);
    T_CHECK(e->samples == 300 && e->metric[0] > 0.5);
    path[0] = "new.csv"; /* without the target's column */
    T_CHECK(bp_predictor_evaluate_files(p, path, 1, &e, &err) == BP_EARG);
    bp_evaluation odd = {.n_classes = 2,
                         .confusion = (const int64_t[]){30, 0, 30, 0}};
    T_CHECK(!bp_evaluation_stuck(&odd, stuck, sizeof stuck) &&
            !strcmp(stuck, "stuck: hardly ever predicts class 1"));
    bp_predictor_free(p);
    p = open_run("digits");
    T_CHECK(bp_predictor_evaluate_split(p, BP_SPLIT_TEST, NULL, &e, &err) ==
            BP_ENOTFOUND);
    bp_data *d = digits(100);
    T_OK(bp_predictor_evaluate(p, d, NULL, &e, &err), &err);
    T_CHECK(e->samples == 100 && e->n_classes == 10);
    double loss = e->loss;
    T_OK(bp_predictor_evaluate(p, d, "again", &e, &err), &err);
    T_CHECK(e->loss == loss);
    bp_data_free(d);
    bp_predictor_free(p);
}

/* ---- memory ------------------------------------------------------------------------------ */

static void test_memory(void)
{
    static const char *const column[] = {"age", "town"};
    static const char *const cell[] = {"40", "Bern"};
    bp_error err = {0};
    bp_answer a;
    t_heap h = {.fail_at = -1};
    bp_allocator al = t_allocator(&h);
    bp_runtime_options ro = {.size = sizeof ro, .allocator = &al, .threads = 1};
    bp_predictor_options o = {.size = sizeof o, .allocator = &al};
    bp_predictor *p = NULL;
    T_OK(bp_runtime_new(&ro, &o.runtime, &err), &err);
    T_OK(bp_predictor_open("people", &o, &p, &err), &err);
    T_OK(bp_predictor_row(p, column, cell, 2, &a, &err), &err);
    int64_t calls = h.calls;
    for (int i = 0; i < 10; i++)
        T_OK(bp_predictor_row(p, column, cell, 2, &a, &err), &err);
    T_CHECK(h.calls == calls);
    bp_predictor_free(p);
    bp_runtime_free(o.runtime);
    T_CHECK(h.live == 0);
    o.runtime = NULL;
    bool done = false;
    for (int64_t n = 0; !done && n < 100000; n++) {
        h = (t_heap){.fail_at = n, .persistent = true};
        bp_status st = bp_predictor_open("people", &o, &p, &err);
        if (!st)
            st = bp_predictor_row(p, column, cell, 2, &a, &err);
        done = !h.failed;
        T_REQUIRE(done ? st == BP_OK : st == BP_ENOMEM);
        bp_predictor_free(p);
        p = NULL;
        T_REQUIRE(h.live == 0);
    }
    T_CHECK(done);
}

static void test_refusals(void)
{
    bp_error err = {0};
    bp_predictor *p = NULL;
    bp_config *c = NULL;
    bp_predictor_options o = {.size = 4};
    T_CHECK(bp_predictor_open("people", &o, &p, &err) == BP_EARG && !p);
    T_CHECK(bp_predictor_open("nowhere", NULL, &p, &err) == BP_ENOTFOUND);
    T_CHECK(bp_predictor_open(".", NULL, &p, &err) == BP_ENOTFOUND &&
            strstr(err.message, "is not a run"));
    T_CHECK(bp_predictor_new(NULL, NULL, &p, &err) == BP_EARG);
    T_OK(bp_config_open("people/config.yaml", NULL, &c, &err), &err);
    T_CHECK(bp_predictor_new(c, NULL, &p, &err) == BP_EARG &&
            strstr(err.message, "wants a run's folder"));
    bp_config_free(c);
    /* The last weights, and kernels without tricks. */
    o = (bp_predictor_options){.size = sizeof o, .last = true,
                               .no_pass = "all", .no_kernel = "all"};
    T_OK(bp_predictor_open("digits", &o, &p, &err), &err);
    bp_predictor_free(p);
}

int main(void)
{
    bp_evaluation people;
    t_enter("predictor");
    make_runs(&people);
    test_rows();
    test_odd_rows();
    test_units();
    test_arrays();
    test_threads();
    test_evaluation(&people);
    test_memory();
    test_refusals();
    return t_end();
}
