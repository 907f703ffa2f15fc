/* After training on a table: what the network is worth beside a linear model
 * and the constant guess, on the same rows. */
#include "cli.h"

#include "config/tables.h"

#include <math.h>

typedef struct contest {
    const cli_args *a;
    cli_model *m;
    const bp__config_data *d;
    bp_data *rows;       /* that are predicted */
    int64_t k;           /* numbers a sample */
    double scale;        /* of a number's errors, to the target's units */
    bp__predictions network, linear, constant;
} contest;

enum { LEAST_STEPS = 2000 };

/* A linear model on the numbers themselves and the same words, chosen the same
 * way. */
static bp_status train_linear(contest *c, bp_error *err)
{
    static const int parts[] = {BP_SPLIT_TRAIN, BP_SPLIT_VALID};
    const bp__columns *k = c->m->config->columns;
    bp_data *d[3] = {NULL};
    bp_trainer *t = NULL;
    bp_model *model = bp_model_new(NULL);
    bp_status st = model ? BP_OK : bp__oom(err);
    for (int i = 0; i < 2 && !st; i++)
        if (c->d->split[parts[i]])
            st = bp__columns_plain(k, c->d->split[parts[i]], &d[i], err);
    if (!st)
        st = bp__columns_plain(k, c->rows, &d[2], err);
    bp_array x;
    if (!st && bp_data_input(d[0], 0, &x)) {
        char layer[40];
        bp_model_input(model, "x", 1, &x.dims[1]);
        bp__snprintf(layer, sizeof layer, "dense(%lld, init=zeros)",
                     (long long)c->k);
        bp_model_add(model, layer);
    }
    bp_task task = c->m->config->task;
    task.model = model;
    task.optimizer = "adamw(lr=0.03, weight_decay=0.001, schedule=cosine)";
    task.metrics = NULL;
    task.init = NULL;
    bp_trainer_options o = {.size = sizeof o, .runtime = c->m->runtime,
                            .train = d[0], .valid = d[1],
                            .no_hints = true,
                            .epochs = c->m->config->train.epochs,
                            .batch = c->m->config->train.batch};
    /* Few rows make few steps an epoch: enough of them to converge. */
    int64_t n = bp_data_count(c->d->split[BP_SPLIT_TRAIN]);
    int64_t steps = (n + o.batch - 1) / o.batch;
    if (o.epochs * steps < LEAST_STEPS)
        o.epochs = (LEAST_STEPS + steps - 1) / steps;
    if (!st)
        st = bp_trainer_new(&task, &o, &t, err);
    if (!st)
        st = bp_trainer_run(t, err);
    if (!st)
        st = bp__predict_all(bp__trainer_best(t), d[2],
                             &bp__malloc_allocator, &c->linear, err);
    bp_trainer_free(t);
    bp_model_free(model);
    for (int i = 0; i < 3; i++)
        bp_data_free(d[i]);
    return st;
}

static void print_score(const contest *c, bp__score s, double x, int width)
{
    char text[40];
    bool share = s == BP__SCORE_ACCURACY;
    if (s == BP__SCORE_RMSE || s == BP__SCORE_MAE)
        x *= c->scale;
    if (isnan(x))
        bp__snprintf(text, sizeof text, "-");
    else
        bp__snprintf(text, sizeof text, share ? "%.2f %%" : "%.4f",
                     share ? 100 * x : x);
    printf("  %*s", width, text);
}

static void print_row(const contest *c, const char *name,
                      const bp__predictions *p)
{
    static const bp__score of_classes[] = {BP__SCORE_ACCURACY, BP__SCORE_F1,
                                           BP__SCORE_AUC, BP__SCORE_LOG_LOSS};
    static const bp__score of_numbers[] = {BP__SCORE_R2, BP__SCORE_RMSE,
                                           BP__SCORE_MAE};
    const bp__score *list = p->classes ? of_classes : of_numbers;
    int n = p->classes ? 4 : 3;
    double low, high;
    char text[60];
    printf("  %-24.24s", name);
    print_score(c, list[0], bp__score_of(p, list[0]), 8);
    if (!bp__score_interval(p, list[0], &low, &high) || isnan(low))
        bp__snprintf(text, sizeof text, "-");
    else if (p->classes)
        bp__snprintf(text, sizeof text, "%.2f to %.2f", 100 * low, 100 * high);
    else
        bp__snprintf(text, sizeof text, "%.4f to %.4f", low, high);
    printf("  %-18s", text);
    for (int i = 1; i < n; i++)
        if (list[i] != BP__SCORE_AUC || c->k == 2)
            print_score(c, list[i], bp__score_of(p, list[i]), 9);
    printf("\n");
}

static void print_table(const contest *c, const char *split)
{
    char n[40], guess[80];
    const bp__columns *k = c->m->config->columns;
    const bp__column *y = &k->column[k->target];
    printf("\non the %s rows of %s:\n",
           cli_count_text(n, bp_data_count(c->rows)), split);
    if (c->network.classes) {
        int64_t best = 0;
        for (int64_t i = 1; i < c->k; i++)
            if (c->constant.y[i] > c->constant.y[best])
                best = i;
        printf("  %-24s  %8s  %-18s  %9s", "", "accuracy", "95 % of draws",
               "F1");
        if (c->k == 2)
            printf("  %9s", "AUC");
        printf("  %9s\n", "log loss");
        bp__snprintf(guess, sizeof guess, "always %.17s", y->words[best]);
    } else {
        printf("  %-24s  %8s  %-18s  %9s  %9s\n", "", "R2", "95 % of draws",
               "RMSE", "MAE");
        bp__snprintf(guess, sizeof guess, "always the mean, %.4g", y->center);
    }
    print_row(c, "this network", &c->network);
    print_row(c, "a linear model", &c->linear);
    print_row(c, guess, &c->constant);
}

int cli_compare(const cli_args *a, cli_model *m, const bp__config_data *d,
                bp_trainer *t, double *score)
{
    bp_error err = {0};
    const bp__columns *k = m->config->columns;
    bool test = d->split[BP_SPLIT_TEST] != NULL;
    bp_split split = test ? BP_SPLIT_TEST : BP_SPLIT_VALID;
    *score = (double)NAN;
    if (!k || k->target < 0 || !d->split[split] || !m->config->table_input)
        return EXIT_FINE;
    bool classes = bp__columns_classes(k);
    contest c = {.a = a, .m = m, .d = d, .rows = d->split[split],
                 .k = classes ? k->column[k->target].n_words : 1,
                 .scale = 1 / k->column[k->target].factor};
    const bp_allocator *al = &bp__malloc_allocator;
    bp_status st = bp__predict_all(bp__trainer_best(t), c.rows, al, &c.network,
                                   &err);
    if (!st)
        st = bp__predict_constant(d->split[BP_SPLIT_TRAIN], c.rows, c.k, al,
                                  &c.constant, &err);
    if (!st)
        st = train_linear(&c, &err);
    if (!st) {
        print_table(&c, test ? "the test part" : "the validation part, by "
                                                 "which the epoch was chosen");
        *score = bp__score_of(&c.network, classes ? BP__SCORE_ACCURACY
                                                  : BP__SCORE_R2);
    }
    bp__predictions_free(&c.network);
    bp__predictions_free(&c.linear);
    bp__predictions_free(&c.constant);
    return st ? cli_fail(&err) : EXIT_FINE;
}
