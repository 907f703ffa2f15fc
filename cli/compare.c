/* After training on a table, pictures or arrays: what the network is worth beside a
 * linear model and the constant guess, on the same rows. */
#include "cli.h"

#include "data/data.h"
#include "verdict.h"

#include <math.h>

typedef struct contest {
    const cli_args *a;
    cli_model *m;
    const bp__config_data *d;
    bp_data *rows;       /* that are predicted */
    int64_t k;           /* numbers a sample */
    bp__predictions network, linear, constant;
} contest;

enum { LEAST_STEPS = 2000, MOST_TARGETS = 16 };

/* The sets that a linear model sees: of a table the numbers themselves and the
 * same words, of pictures the same pixels. */
static bp_status linear_data(const contest *c, bp_data *d[3], bp_error *err)
{
    static const int parts[] = {BP_SPLIT_TRAIN, BP_SPLIT_VALID};
    bp_status st = BP_OK;
    for (int i = 0; i < 3 && !st; i++) {
        bp_data *from = i < 2 ? c->d->split[parts[i]] : c->rows;
        if (from)
            st = bp__source_plain(&c->m->config->source, from, &d[i], err);
    }
    return st;
}

static bp_status linear_model(const contest *c, const bp_data *d, bp_model **m,
                              bp_error *err)
{
    char layer[40];
    bp_array x;
    bp_model *model = *m = bp_model_new(NULL);
    if (!model || !bp_data_input(d, 0, &x))
        return bp__oom(err);
    bp_model_input(model, "x", x.rank - 1, &x.dims[1]);
    if (x.rank > 2)
        bp_model_add(model, "flatten");
    /* Vectors as long as the outputs are many leave it a free weight for each
     * word and output. */
    bp_status st = bp__source_embed(&c->m->config->source, model, c->k, err);
    bp__snprintf(layer, sizeof layer, "dense(%lld, init=zeros)",
                 (long long)c->k);
    bp_model_add(model, layer);
    return st;
}

/* Chosen in the same way as the network. */
static bp_status train_linear(contest *c, bp_error *err)
{
    bp_data *d[3] = {NULL};
    bp_trainer *t = NULL;
    bp_model *model = NULL;
    bp_status st = linear_data(c, d, err);
    if (!st)
        st = linear_model(c, d[0], &model, err);
    bp_task task = c->m->config->task;
    bp_array x;
    bool scaled = c->m->config->source.learned != NULL; /* its features are */
    bool rows = scaled || (!st && bp_data_input(d[0], 0, &x) && x.rank == 2);
    task.model = model;
    /* Pixels are many and alike: steps of a table's size would overshoot. */
    task.optimizer =
        rows ? "adamw(lr=0.03, weight_decay=0.001, schedule=cosine)"
             : "adamw(lr=0.0005, weight_decay=0.001, schedule=cosine)";
    task.metrics = NULL;
    task.init = NULL;
    bp_trainer_options o = {.size = sizeof o, .runtime = c->m->runtime,
                            .train = d[0], .valid = d[1],
                            .no_hints = true,
                            .epochs = c->m->config->train.epochs,
                            .batch = c->m->config->train.batch};
    if (!scaled)
        o.normalize = c->m->config->train.normalize;
    /* Few rows make few steps an epoch: enough of them to converge. */
    int64_t n = bp_data_count(c->d->split[BP_SPLIT_TRAIN]);
    int64_t steps = (n + o.batch - 1) / o.batch;
    if (rows && o.epochs * steps < LEAST_STEPS)
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

/* A number of a table was scaled for training: its errors in its own units.
 */
static double scale_of(const contest *c, int64_t of)
{
    bp__target_units u;
    return bp__source_units(&c->m->config->source, of, &u) ? 1 / u.factor : 1;
}

/* In the target's units, which may be any: 22246, 0.0012. */
static bool is_long(double x)
{
    return fabs(x) >= 10000 && fabs(x) < 1e7;
}

/* No "-0.0000". */
static double no_minus(double x)
{
    return fabs(x) < 0.00005 ? 0 : x;
}

static void print_score(const contest *c, bp__score s, int64_t of, double x,
                        int width)
{
    char text[40];
    bool share = s == BP__SCORE_ACCURACY;
    bool error = s == BP__SCORE_RMSE || s == BP__SCORE_MAE;
    if (error)
        x *= scale_of(c, of);
    if (isnan(x))
        bp__snprintf(text, sizeof text, "-");
    else
        bp__snprintf(text, sizeof text,
                     share    ? "%.2f %%"
                     : !error ? "%.4f"
                              : is_long(x) ? "%.0f" : "%.5g",
                     share ? 100 * x : error ? x : no_minus(x));
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
    char text[60], cell[BP__CELL_BYTES];
    printf("  %s", bp__text_cell(cell, name, 24, 24));
    print_score(c, list[0], p->of, bp__score_of(p, list[0]), 8);
    if (!bp__score_interval(p, list[0], &low, &high) || isnan(low))
        bp__snprintf(text, sizeof text, "-");
    else if (p->classes)
        bp__snprintf(text, sizeof text, "%.2f to %.2f", 100 * low, 100 * high);
    else
        bp__snprintf(text, sizeof text, "%.4f to %.4f", no_minus(low),
                     no_minus(high));
    printf("  %-18s", text);
    for (int i = 1; i < n; i++)
        if (list[i] != BP__SCORE_AUC || c->k == 2)
            print_score(c, list[i], p->of, bp__score_of(p, list[i]), 9);
    printf("\n");
}

static const char *row_noun(const contest *c)
{
    return bp__source_samples_noun(&c->m->config->source);
}

/* Never cut: "4.78e+0" of 4.78e+05 is another number. */
static void constant_text(char *guess, double mean)
{
    char x[40];
    bp__snprintf(x, sizeof x, is_long(mean) ? "%.0f" : "%.4g", mean);
    bp__snprintf(guess, 80, strlen(x) > 7 ? "the mean, %s"
                                          : "always the mean, %s", x);
}

static bool print_rows(const contest *c, const char *guess)
{
    const bp__config *f = c->m->config;
    print_row(c, "this network", &c->network);
    print_row(c, "a linear model", &c->linear);
    print_row(c, guess, &c->constant);
    if (c->a->folds)
        return true; /* one part says little, the mean over all says it */
    cli_verdict v = {.network = &c->network, .linear = &c->linear,
                     .constant = &c->constant, .rows = row_noun(c),
                     .guess = c->network.classes ? guess : "always the mean",
                     .folds = !bp__yaml_at(f->resolved, "data.test")};
    return cli_print_verdict(&v);
}

static bool print_classes(const contest *c)
{
    char guess[80], name[40], cell[BP__CELL_BYTES];
    int64_t best = 0;
    for (int64_t i = 1; i < c->k; i++)
        if (c->constant.y[i] > c->constant.y[best])
            best = i;
    printf("  %-24s  %8s  %-18s  %9s", "", "accuracy", "95 % interval",
           "macro F1");
    if (c->k == 2)
        printf("  %9s", "AUC");
    printf("  %9s\n", "log loss");
    bp__snprintf(guess, sizeof guess, "always %s",
                 bp__text_cell(cell, cli_class_name(c->m, best, name), 0, 17));
    return print_rows(c, guess);
}

/* The scores are about this target. */
static void score_target(contest *c, int64_t of)
{
    c->network.of = c->linear.of = c->constant.of = of;
}

/* One of the targets; its name where there are several. */
static bool print_numbers(contest *c, int64_t of)
{
    char guess[80], name[40] = "", cell[BP__CELL_BYTES];
    bp__target_units u;
    bool known = bp__source_units(&c->m->config->source, of, &u);
    if (c->k > 1 && !known)
        bp__snprintf(name, sizeof name, "number %lld", (long long)of + 1);
    printf("  %s  %8s  %-18s  %9s  %9s\n",
           bp__text_cell(cell, c->k > 1 && known ? u.name : name, 24, 24), "R2",
           "95 % interval", "RMSE", "MAE");
    score_target(c, of);
    constant_text(guess, known ? u.center : c->constant.y[of]);
    return print_rows(c, guess);
}

static bool print_table(contest *c, const char *split)
{
    char n[40];
    bool ok = true;
    printf("\non the %s %s of %s:\n",
           cli_count_text(n, bp_data_count(c->rows)), row_noun(c), split);
    if (c->network.classes)
        return print_classes(c);
    for (int64_t of = 0; of < c->k && ok; of++)
        ok = print_numbers(c, of);
    return ok;
}

/* Accuracy, or the mean R2 of the targets. */
static cli_scores fold_scores(contest *c)
{
    cli_scores s = {0, 0, 0};
    bool classes = c->network.classes;
    bp__score which = classes ? BP__SCORE_ACCURACY : BP__SCORE_R2;
    int64_t n = classes ? 1 : c->k;
    for (int64_t of = 0; of < n; of++) {
        score_target(c, of);
        s.network += bp__score_of(&c->network, which) / (double)n;
        s.linear += bp__score_of(&c->linear, which) / (double)n;
        s.constant += bp__score_of(&c->constant, which) / (double)n;
    }
    return s;
}

/* Is this a run that ends with a comparison, and of how many numbers? Those on
 * tables, pictures and arrays do, unless a sample's target is many numbers;
 * folds of anything need a score. */
static bool contest_of(contest *c, bp_split split, bp_trainer *t)
{
    bp_array y;
    c->rows = c->d->split[split];
    if (!c->rows)
        return false;
    bool compares = bp__source_compares(&c->m->config->source, &c->k);
    if (compares && c->k)
        return true;
    if ((!c->a->folds && !compares) || c->m->n_inputs != 1 ||
        !bp_data_target(c->rows, &y))
        return false;
    bool classes = bp_data_target_kind(c->rows) == BP_TARGET_CLASS;
    c->k = classes ? bp__trainer_best(t)->n_classes : bp__row_numel(&y);
    if (classes) /* a linear model answers for the sample as a whole */
        return c->k > 1 && y.rank == 1;
    return c->k > 0 && c->k <= MOST_TARGETS;
}

int cli_compare(const cli_args *a, cli_model *m, const bp__config_data *d,
                bp_trainer *t, cli_scores *score)
{
    bp_error err = {0};
    bool test = d->split[BP_SPLIT_TEST] != NULL;
    contest c = {.a = a, .m = m, .d = d};
    const bp_allocator *al = &bp__malloc_allocator;
    score->network = score->linear = score->constant = (double)NAN;
    if (!contest_of(&c, test ? BP_SPLIT_TEST : BP_SPLIT_VALID, t))
        return EXIT_FINE;
    bp_status st = bp__predict_all(bp__trainer_best(t), c.rows, al, &c.network,
                                   &err);
    if (st == BP_ESHAPE) /* the outputs are no scores or numbers of a sample */
        return EXIT_FINE;
    if (!st)
        st = bp__predict_constant(d->split[BP_SPLIT_TRAIN], c.rows, c.k, al,
                                  &c.constant, &err);
    if (!st)
        st = train_linear(&c, &err);
    if (!st && !print_table(&c, test ? "the test part"
                                     : "the validation part, by which the "
                                       "epoch was chosen"))
        st = bp__oom(&err);
    if (!st)
        *score = fold_scores(&c);
    bp__predictions_free(&c.network);
    bp__predictions_free(&c.linear);
    bp__predictions_free(&c.constant);
    return st ? cli_fail(&err) : EXIT_FINE;
}
