/* One sample at a time through a predictor: a row of texts and an array, of a
 * small network and of the digits' network. Microseconds, the fastest of many
 * batches of 100. Trains the runs first, in bench-predict/. */
#include "bench.h"

#include <bprop/predict.h>

#include <string.h>

static void quit(const bp_error *err)
{
    fprintf(stderr, "bench_predict: %s\n", err->message);
    exit(1);
}

static void train(const char *text, const char *folder)
{
    bp_error err = {0};
    bp_config *c = NULL;
    bp_data *d[BP_N_SPLITS] = {NULL};
    bp_trainer *t = NULL;
    if (bp_config_parse("m.yaml", text, strlen(text), NULL, &c, &err) ||
        bp_config_open_data(c, NULL, BP_SPLITS_ALL, d, &err))
        quit(&err);
    bp_trainer_options o = *bp_config_trainer(c);
    o.train = d[BP_SPLIT_TRAIN];
    o.run_dir = folder;
    o.replace = true;
    if (bp_trainer_new(bp_config_task(c), &o, &t, &err) ||
        bp_config_save(c, t, folder, NULL, &err) || bp_trainer_run(t, &err))
        quit(&err);
    bp_trainer_free(t);
    for (int s = 0; s < BP_N_SPLITS; s++)
        bp_data_free(d[s]);
    bp_config_free(c);
}

static void write_table(void)
{
    FILE *f = fopen("bench-predict.csv", "w");
    if (!f)
        exit(1);
    fprintf(f, "age,hours,town,member\n");
    for (int i = 0; i < 500; i++)
        fprintf(f, "%d,%d.5,%s,%s\n", 18 + i * 7 % 50, i % 41,
                i % 3 ? "Bern" : "Chur", i * 7 % 50 > 20 ? "yes" : "no");
    fclose(f);
}

static void rows(void *p)
{
    static const char *const column[] = {"age", "hours", "town"};
    static const char *const cell[] = {"44", "12.5", "Chur"};
    bp_error err = {0};
    bp_answer a;
    for (int i = 0; i < 100; i++)
        if (bp_predictor_row(p, column, cell, 3, &a, &err))
            quit(&err);
}

static void samples(void *p)
{
    static unsigned char pixels[784];
    bp_array x = {.dtype = BP_U8, .rank = 2, .dims = {28, 28}, .data = pixels,
                  .bytes = sizeof pixels};
    bp_error err = {0};
    bp_answer a;
    for (int i = 0; i < 100; i++)
        if (bp_predictor_sample(p, &x, 1, &a, &err))
            quit(&err);
}

static void measure(const char *name, const char *run, void (*f)(void *))
{
    bp_error err = {0};
    bp_predictor *p = NULL;
    if (bp_predictor_open(run, NULL, &p, &err))
        quit(&err);
    printf("%-32s %8.2f us\n", name, bench_best(f, p, 0.5) * 1e4);
    bp_predictor_free(p);
}

int main(void)
{
    write_table();
    train("model: {input: table, layers: [dense: 16, relu, dense: 2]}\n"
          "loss: softmax_cross_entropy\noptimizer: {adam: {lr: 0.01}}\n"
          "data: {train: {csv: bench-predict.csv}}\n"
          "train: {epochs: 2, batch: 50}\n", "bench-predict");
    measure("a row of texts, 16 units", "bench-predict", rows);
    train("model: {input: [28, 28], layers: [flatten, dense: 128, relu, "
          "dense: 10]}\nloss: softmax_cross_entropy\n"
          "optimizer: {adam: {lr: 0.01}}\n"
          "data: {train: {digits: {n: 500}}, normalize: global}\n"
          "train: {epochs: 1, batch: 50}\n", "bench-predict");
    measure("an array, 784-128-10", "bench-predict", samples);
    return 0;
}
