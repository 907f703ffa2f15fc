/* A network beside a linear model and the constant guess. */
#include "t_run.h"

#include <bprop/predict.h>

typedef struct run {
    bp_config *c;
    bp_data *d[BP_N_SPLITS];
    bp_trainer *t;
    bp_runtime *r;
} run;

static void train(run *q, const char *text)
{
    bp_error err = {0};
    memset(q, 0, sizeof *q);
    T_OK(bp_config_parse("m.yaml", text, strlen(text), NULL, &q->c, &err),
         &err);
    T_OK(bp_config_open_data(q->c, NULL, BP_SPLITS_ALL, q->d, &err), &err);
    T_OK(bp_runtime_new(NULL, &q->r, &err), &err);
    bp_trainer_options o = *bp_config_trainer(q->c);
    o.train = q->d[BP_SPLIT_TRAIN];
    o.valid = q->d[BP_SPLIT_VALID];
    o.runtime = q->r;
    T_OK(bp_trainer_new(bp_config_task(q->c), &o, &q->t, &err), &err);
    T_OK(bp_trainer_run(q->t, &err), &err);
    T_CHECK(bp_trainer_norm(q->t, 0) != NULL && !bp_trainer_norm(q->t, 1));
}

static void end(run *q)
{
    bp_trainer_free(q->t);
    for (int s = 0; s < BP_N_SPLITS; s++)
        bp_data_free(q->d[s]);
    bp_runtime_free(q->r);
    bp_config_free(q->c);
}

/* x decides the class, but no straight line does. */
static void test_classes(void)
{
    run q;
    bp_error err = {0};
    bp_comparison *k = NULL;
    FILE *f = fopen("ring.csv", "w");
    T_REQUIRE(f);
    fprintf(f, "x,y,in\n");
    for (int i = 0; i < 400; i++)
        fprintf(f, "%d,%d,%s\n", i * 7 % 41 - 20, i * 3 % 11,
                abs(i * 7 % 41 - 20) < 12 ? "yes" : "no");
    T_REQUIRE(!fclose(f));
    train(&q, "model: {input: table, layers: [dense: 16, relu, dense: 2]}\n"
              "loss: softmax_cross_entropy\nmetrics: [accuracy]\n"
              "optimizer: {adam: {lr: 0.02}}\n"
              "data: {train: {csv: ring.csv}, table: {bins: 0}, "
              "split: {valid: 0.2, test: 0.3}}\n"
              "train: {epochs: 30, batch: 20}\n");
    T_OK(bp_compare(q.c, q.t, q.r, q.d, NULL, &k, &err), &err);
    T_REQUIRE(k);
    const bp_contest *c = &k->contest[0];
    T_CHECK(k->classes && k->outputs == 2 && k->n_contests == 1 &&
            k->split == BP_SPLIT_TEST && !c->target &&
            k->samples == bp_data_count(q.d[BP_SPLIT_TEST]));
    T_CHECK(!strcmp(bp_config_class_name(q.c, k->most_frequent), "yes"));
    const double *net = c->network.score;
    T_CHECK(net[BP_SCORE_ACCURACY] > 0.85 && isnan(net[BP_SCORE_R2]));
    T_CHECK(c->network.low <= net[BP_SCORE_ACCURACY] &&
            c->network.high >= net[BP_SCORE_ACCURACY]);
    T_CHECK(c->linear.score[BP_SCORE_ACCURACY] < 0.75);
    T_CHECK(c->over_constant[0] == BP_GAIN_BETTER &&
            c->over_linear[0] == BP_GAIN_BETTER && c->ranks);
    bp_comparison_free(k);
    bp_compare_options o = {.size = sizeof o, .no_gains = true};
    q.d[BP_SPLIT_TEST] = (bp_data_free(q.d[BP_SPLIT_TEST]), NULL);
    T_OK(bp_compare(q.c, q.t, q.r, q.d, &o, &k, &err), &err);
    T_CHECK(k && k->split == BP_SPLIT_VALID &&
            k->contest[0].over_linear[0] == BP_GAIN_NONE);
    bp_comparison_free(k);
    q.d[BP_SPLIT_VALID] = (bp_data_free(q.d[BP_SPLIT_VALID]), NULL);
    T_OK(bp_compare(q.c, q.t, q.r, q.d, &o, &k, &err), &err);
    T_CHECK(!k); /* nothing is held back */
    end(&q);
}

/* Errors are told in the target's units: here thousands. */
static void test_numbers(void)
{
    run q;
    bp_error err = {0};
    bp_comparison *k = NULL;
    FILE *f = fopen("line.csv", "w");
    T_REQUIRE(f);
    fprintf(f, "x,price\n");
    for (int i = 0; i < 300; i++)
        fprintf(f, "%d,%d\n", i * 7 % 50, 50000 + 1000 * (i * 7 % 50));
    T_REQUIRE(!fclose(f));
    train(&q, "model: {input: table, layers: [dense: 1]}\n"
              "loss: mean_squared_error\noptimizer: {adam: {lr: 0.05}}\n"
              "data: {train: {csv: line.csv}, split: {valid: 0.2, test: "
              "0.2}}\ntrain: {epochs: 20, batch: 20}\n");
    T_OK(bp_compare(q.c, q.t, q.r, q.d, NULL, &k, &err), &err);
    T_REQUIRE(k && !k->classes && k->n_contests == 1);
    const bp_contest *c = &k->contest[0];
    T_CHECK(!strcmp(c->target, "price"));
    T_CHECK(c->guess > 60000 && c->guess < 90000);
    T_CHECK(c->constant.score[BP_SCORE_RMSE] > 8000 &&
            c->constant.score[BP_SCORE_RMSE] < 20000);
    T_CHECK(c->linear.score[BP_SCORE_R2] > 0.9 &&
            isnan(c->network.score[BP_SCORE_AUC]));
    bp_comparison_free(k);
    end(&q);
}

int main(void)
{
    t_enter("compare");
    test_classes();
    test_numbers();
    return t_end();
}
