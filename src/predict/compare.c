/* After training: what the network is worth beside a linear model and the
 * constant guess, on the same samples. */
#include "predict/predict.h"

#include "data/data.h"
#include "train/scores.h"

#include <math.h>

_Static_assert((int)BP__SCORE_R2 == BP_SCORE_R2, "one list of scores");
_Static_assert((int)BP__GAIN_WORSE == BP_GAIN_WORSE, "one list of gains");

typedef struct contest {
    const bp__config *c;
    bp_compare_options o;
    bp_runtime *runtime;
    bp_data *const *split;
    bp_data *rows;       /* that are predicted */
    int64_t k;           /* numbers a sample */
    bp__predictions network, linear, constant;
} contest;

enum { LEAST_STEPS = 2000, MOST_TARGETS = 16 };

/* ---- the linear model ------------------------------------------------------- */

/* The sets that a linear model sees: of a table the numbers themselves and the
 * same words, of pictures the same pixels. */
static bp_status linear_data(const contest *c, bp_data *d[3], bp_error *err)
{
    static const int parts[] = {BP_SPLIT_TRAIN, BP_SPLIT_VALID};
    bp_status st = BP_OK;
    for (int i = 0; i < 3 && !st; i++) {
        bp_data *from = i < 2 ? c->split[parts[i]] : c->rows;
        if (from)
            st = bp__source_plain(&c->c->source, from, &d[i], err);
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
    bp_status st = bp__source_embed(&c->c->source, model, c->k, err);
    bp__snprintf(layer, sizeof layer, "dense(%lld, init=zeros)",
                 (long long)c->k);
    bp_model_add(model, layer);
    return st;
}

/* Chosen in the same way as the network. */
static bp_trainer_options linear_options(const contest *c, bp_data *d[3],
                                         bool rows)
{
    bp_trainer_options o = {.size = sizeof o, .runtime = c->runtime,
                            .train = d[0], .valid = d[1],
                            .no_hints = true,
                            .epochs = c->c->train.epochs,
                            .batch = c->c->train.batch};
    if (!c->c->source.learned) /* else features are scaled */
        o.normalize = c->c->train.normalize;
    /* Few rows make few steps an epoch: enough of them to converge. */
    int64_t n = bp_data_count(c->split[BP_SPLIT_TRAIN]);
    int64_t steps = (n + o.batch - 1) / o.batch;
    if (rows && o.epochs * steps < LEAST_STEPS)
        o.epochs = (LEAST_STEPS + steps - 1) / steps;
    return o;
}

static bp_status train_linear(contest *c, bp_error *err)
{
    bp_data *d[3] = {NULL};
    bp_trainer *t = NULL;
    bp_model *model = NULL;
    bp_status st = linear_data(c, d, err);
    if (!st)
        st = linear_model(c, d[0], &model, err);
    bp_task task = c->c->task;
    bp_array x;
    bool rows = c->c->source.learned ||
                (!st && bp_data_input(d[0], 0, &x) && x.rank == 2);
    task.model = model;
    /* Pixels are many and alike: steps of a table's size would overshoot. */
    task.optimizer =
        rows ? "adamw(lr=0.03, weight_decay=0.001, schedule=cosine)"
             : "adamw(lr=0.0005, weight_decay=0.001, schedule=cosine)";
    task.metrics = NULL;
    task.init = NULL;
    bp_trainer_options o = linear_options(c, d, rows);
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

/* ---- numbers of the result ---------------------------------------------------- */

/* A number of a table was scaled for training: its errors in its own units.
 */
static double scale_of(const contest *c, int64_t of)
{
    bp__target_units u;
    return bp__source_units(&c->c->source, of, &u) ? 1 / u.factor : 1;
}

static void score(const contest *c, const bp__predictions *p,
                  bp_contestant *to)
{
    static const bp__score of_classes[] = {BP__SCORE_ACCURACY, BP__SCORE_F1,
                                           BP__SCORE_AUC, BP__SCORE_LOG_LOSS};
    static const bp__score of_numbers[] = {BP__SCORE_R2, BP__SCORE_RMSE,
                                           BP__SCORE_MAE};
    const bp__score *list = p->classes ? of_classes : of_numbers;
    int n = p->classes ? 4 : 3;
    for (int i = 0; i < BP_N_SCORES; i++)
        to->score[i] = (double)NAN;
    for (int i = 0; i < n; i++) {
        bool error = list[i] == BP__SCORE_RMSE || list[i] == BP__SCORE_MAE;
        if (list[i] == BP__SCORE_AUC && c->k != 2)
            continue;
        double x = bp__score_of(p, list[i]);
        to->score[list[i]] = error ? x * scale_of(c, p->of) : x;
    }
    if (!bp__score_interval(p, list[0], &to->low, &to->high))
        to->low = to->high = (double)NAN;
}

static bool gains_over(const contest *c, const bp__predictions *other,
                       bp_gain gain[2])
{
    bool classes = c->network.classes;
    bp__gain g[2];
    if (!bp__score_gain(&c->network, other,
                        classes ? BP__SCORE_ACCURACY : BP__SCORE_R2, &g[0]) ||
        !bp__score_gain(&c->network, other,
                        classes ? BP__SCORE_LOG_LOSS : BP__SCORE_MAE, &g[1]))
        return false;
    gain[0] = (bp_gain)g[0];
    gain[1] = (bp_gain)g[1];
    return true;
}

/* Two classes in an order that chance gives once in 40 times at most: the
 * deviation of the rank sum without any skill (Mann and Whitney 1947). */
static bool ranks(const bp__predictions *p)
{
    double area = bp__score_of(p, BP__SCORE_AUC), ones = 0;
    double n = (double)p->n;
    if (isnan(area))
        return false;
    for (int64_t i = 0; i < p->n; i++)
        ones += p->label[i] == 1;
    return area > 0.5 + 1.96 * sqrt((n + 1) / (12 * ones * (n - ones)));
}

static bool hold(contest *c, int64_t of, bp_contest *to)
{
    bp__target_units u;
    bool known = bp__source_units(&c->c->source, of, &u);
    c->network.of = c->linear.of = c->constant.of = of;
    if (!c->network.classes) {
        to->target = known ? u.name : NULL;
        to->guess = known ? u.center : c->constant.y[of];
    }
    score(c, &c->network, &to->network);
    score(c, &c->linear, &to->linear);
    score(c, &c->constant, &to->constant);
    if (c->o.no_gains)
        return true;
    to->ranks = ranks(&c->network);
    return gains_over(c, &c->constant, to->over_constant) &&
           gains_over(c, &c->linear, to->over_linear);
}

static bp_status hold_all(contest *c, bp_comparison *to, bp_error *err)
{
    to->samples = bp_data_count(c->rows);
    to->classes = c->network.classes;
    to->outputs = c->k;
    to->n_contests = to->classes ? 1 : (int)c->k;
    for (int64_t i = 1; i < c->k; i++)
        if (c->constant.y[i] > c->constant.y[to->most_frequent])
            to->most_frequent = i;
    to->contest = bp__calloc(&bp__malloc_allocator, (size_t)to->n_contests,
                             sizeof *to->contest);
    if (!to->contest)
        return bp__oom(err);
    for (int of = 0; of < to->n_contests; of++)
        if (!hold(c, of, &to->contest[of]))
            return bp__oom(err);
    return BP_OK;
}

/* ---- all of it -------------------------------------------------------------- */

/* Is this a run that ends with a comparison, and of how many numbers? Those on
 * tables, pictures and arrays do, unless a sample's target is many numbers;
 * folds of anything need a score. */
static bool is_compared(contest *c, bp_trainer *t)
{
    bp_array y;
    if (!c->rows || !c->split[BP_SPLIT_TRAIN])
        return false;
    bool compares = bp__source_compares(&c->c->source, &c->k);
    if (compares && c->k)
        return true;
    if ((!c->o.any_data && !compares) || bp__task_inputs(&c->c->task) != 1 ||
        !bp_data_target(c->rows, &y))
        return false;
    bool classes = bp_data_target_kind(c->rows) == BP_TARGET_CLASS;
    c->k = classes ? bp__trainer_best(t)->n_classes : bp__row_numel(&y);
    if (classes) /* a linear model answers for the sample as a whole */
        return c->k > 1 && y.rank == 1;
    return c->k > 0 && c->k <= MOST_TARGETS;
}

static bp_status contend(contest *c, bp_comparison *to, bp_error *err)
{
    const bp_allocator *a = &bp__malloc_allocator;
    bp_status st = bp__predict_constant(c->split[BP_SPLIT_TRAIN], c->rows,
                                        c->k, a, &c->constant, err);
    if (!st)
        st = train_linear(c, err);
    return st ? st : hold_all(c, to, err);
}

bp_status bp_compare(bp_config *c, bp_trainer *t, bp_runtime *r,
                     bp_data *const split[BP_N_SPLITS],
                     const bp_compare_options *options,
                     bp_comparison **comparison, bp_error *err)
{
    const bp_allocator *a = &bp__malloc_allocator;
    contest k = {.c = c, .runtime = r, .split = split};
    bp_split part = split[BP_SPLIT_TEST] ? BP_SPLIT_TEST : BP_SPLIT_VALID;
    *comparison = NULL;
    bp_status st = BP__OPTIONS(&k.o, options, bp_compare_options, err);
    if (st)
        return st;
    k.rows = split[part];
    if (!is_compared(&k, t))
        return BP_OK;
    st = bp__predict_all(bp__trainer_best(t), k.rows, a, &k.network, err);
    if (st == BP_ESHAPE) /* the outputs are no scores or numbers of a sample */
        return BP_OK;
    bp_comparison *to = st ? NULL : bp__calloc(a, 1, sizeof *to);
    if (!st)
        st = to ? contend(&k, to, err) : bp__oom(err);
    if (st) {
        bp_comparison_free(to);
    } else {
        to->split = part;
        *comparison = to;
    }
    bp__predictions_free(&k.network);
    bp__predictions_free(&k.linear);
    bp__predictions_free(&k.constant);
    return st;
}

void bp_comparison_free(bp_comparison *c)
{
    const bp_allocator *a = &bp__malloc_allocator;
    if (!c)
        return;
    bp__free(a, c->contest, (size_t)c->n_contests * sizeof *c->contest);
    bp__free(a, c, sizeof *c);
}
