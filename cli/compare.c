/* After training on a table, pictures or arrays: what the network is worth beside a
 * linear model and the constant guess, on the same rows. */
#include "cli.h"

#include "verdict.h"

#include <math.h>

typedef struct table {
    const cli_args *a;
    const cli_model *m;
    const bp_comparison *c;
} table;

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

static void print_score(const bp_contestant *k, bp_score s, int width)
{
    char text[40];
    double x = k->score[s];
    bool share = s == BP_SCORE_ACCURACY;
    bool error = s == BP_SCORE_RMSE || s == BP_SCORE_MAE;
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

static void print_row(const table *t, const char *name, const bp_contestant *k)
{
    static const bp_score of_classes[] = {BP_SCORE_ACCURACY, BP_SCORE_F1,
                                          BP_SCORE_AUC, BP_SCORE_LOG_LOSS};
    static const bp_score of_numbers[] = {BP_SCORE_R2, BP_SCORE_RMSE,
                                          BP_SCORE_MAE};
    bool classes = t->c->classes;
    const bp_score *list = classes ? of_classes : of_numbers;
    char text[60], cell[BP__CELL_BYTES];
    printf("  %s", bp__text_cell(cell, name, 24, 24));
    print_score(k, list[0], 8);
    if (isnan(k->low))
        bp__snprintf(text, sizeof text, "-");
    else if (classes)
        bp__snprintf(text, sizeof text, "%.2f to %.2f", 100 * k->low,
                     100 * k->high);
    else
        bp__snprintf(text, sizeof text, "%.4f to %.4f", no_minus(k->low),
                     no_minus(k->high));
    printf("  %-18s", text);
    for (int i = 1; i < (classes ? 4 : 3); i++)
        if (list[i] != BP_SCORE_AUC || t->c->outputs == 2)
            print_score(k, list[i], 9);
    printf("\n");
}

/* Never cut: "4.78e+0" of 4.78e+05 is another number. */
static void constant_text(char *guess, double mean)
{
    char x[40];
    bp__snprintf(x, sizeof x, is_long(mean) ? "%.0f" : "%.4g", mean);
    bp__snprintf(guess, 80, strlen(x) > 7 ? "the mean, %s"
                                          : "always the mean, %s", x);
}

static void print_rows(const table *t, const bp_contest *k, const char *guess)
{
    print_row(t, "this network", &k->network);
    print_row(t, "a linear model", &k->linear);
    print_row(t, guess, &k->constant);
    if (t->a->folds)
        return; /* one part says little, the mean over all says it */
    cli_verdict v = {.contest = k, .classes = t->c->classes,
                     .samples = t->c->samples,
                     .rows = bp_config_samples_noun(t->m->config),
                     .guess = t->c->classes ? guess : "always the mean",
                     .folds = !bp_config_has(t->m->config, "data.test")};
    cli_print_verdict(&v);
}

static void print_classes(const table *t)
{
    char guess[80], name[40], cell[BP__CELL_BYTES];
    const char *most =
        cli_class_name(t->m->config, t->c->most_frequent, name);
    printf("  %-24s  %8s  %-18s  %9s", "", "accuracy", "95 % interval",
           "macro F1");
    if (t->c->outputs == 2)
        printf("  %9s", "AUC");
    printf("  %9s\n", "log loss");
    bp__snprintf(guess, sizeof guess, "always %s",
                 bp__text_cell(cell, most, 0, 17));
    print_rows(t, &t->c->contest[0], guess);
}

/* One of the targets; its name where there are several. */
static void print_numbers(const table *t, int of)
{
    char guess[80], name[40] = "", cell[BP__CELL_BYTES];
    const bp_contest *k = &t->c->contest[of];
    bool several = t->c->outputs > 1;
    if (several && !k->target)
        bp__snprintf(name, sizeof name, "number %d", of + 1);
    printf("  %s  %8s  %-18s  %9s  %9s\n",
           bp__text_cell(cell, several && k->target ? k->target : name, 24,
                         24),
           "R2", "95 % interval", "RMSE", "MAE");
    constant_text(guess, k->guess);
    print_rows(t, k, guess);
}

static void print_table(const table *t)
{
    char n[40];
    printf("\non the %s %s of %s:\n", cli_count_text(n, t->c->samples),
           bp_config_samples_noun(t->m->config),
           t->c->split == BP_SPLIT_TEST
               ? "the test part"
               : "the validation part, by which the epoch was chosen");
    if (t->c->classes)
        print_classes(t);
    for (int of = 0; of < t->c->n_contests && !t->c->classes; of++)
        print_numbers(t, of);
}

/* Accuracy, or the mean R2 of the targets. */
static cli_scores fold_scores(const bp_comparison *c)
{
    cli_scores s = {0, 0, 0};
    bp_score which = c->classes ? BP_SCORE_ACCURACY : BP_SCORE_R2;
    double n = c->n_contests;
    for (int of = 0; of < c->n_contests; of++) {
        s.network += c->contest[of].network.score[which] / n;
        s.linear += c->contest[of].linear.score[which] / n;
        s.constant += c->contest[of].constant.score[which] / n;
    }
    return s;
}

int cli_compare(const cli_args *a, cli_model *m, const cli_data *d,
                bp_trainer *t, cli_scores *score)
{
    bp_error err = {0};
    bp_comparison *c = NULL;
    bp_compare_options o = {.size = sizeof o, .any_data = a->folds > 0,
                            .no_gains = a->folds > 0};
    score->network = score->linear = score->constant = (double)NAN;
    if (bp_compare(m->config, t, m->runtime, d->split, &o, &c, &err))
        return cli_fail(&err);
    if (c) {
        table to = {a, m, c};
        print_table(&to);
        *score = fold_scores(c);
    }
    bp_comparison_free(c);
    return EXIT_FINE;
}
