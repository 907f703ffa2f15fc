/* What the table that ends training says, in words. */
#include "cli.h"

#include "verdict.h"

#include <math.h>

/* Fewer tell one network from another by luck alone: of 100, 80 % right is 71
 * to 87. */
enum { FEW_SAMPLES = 100 };

/* By its main score, and by a second one that sees what the first does not:
 * probabilities beside classes, absolute errors beside squared ones. */
typedef struct gains {
    bp__gain main, second;
} gains;

static bool gains_over(const cli_verdict *v, const bp__predictions *other,
                       gains *g)
{
    bool classes = v->network->classes;
    return bp__score_gain(v->network, other,
                          classes ? BP__SCORE_ACCURACY : BP__SCORE_R2,
                          &g->main) &&
           bp__score_gain(v->network, other,
                          classes ? BP__SCORE_LOG_LOSS : BP__SCORE_MAE,
                          &g->second);
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

static void print_useless(const cli_verdict *v, gains g, gains linear)
{
    if (linear.main == BP__GAIN_WORSE)
        printf("verdict: no better than %s; the linear model, which is "
               "simpler, is better\n", v->guess);
    else if (g.main == BP__GAIN_WORSE)
        printf("verdict: worse than %s. It has learned what does not hold on "
               "other %s:\n  too few of them, or the split puts unlike ones "
               "into its parts\n", v->guess, v->rows);
    else
        printf("verdict: no better than %s, as far as these %s can tell:\n"
               "  the inputs do not hold the target, or more %s are needed\n",
               v->guess, v->rows, v->rows);
}

static void print_half(const cli_verdict *v, gains guess, gains linear)
{
    const char *by = guess.second != BP__GAIN_BETTER ? "AUC"
                     : ranks(v->network)             ? "AUC, log loss"
                                                     : "log loss";
    if (v->network->classes)
        printf("verdict: its classes are right no more often than %s; its "
               "probabilities are\n  worth something (%s). Where a "
               "class is rare, accuracy says little:\n"
               "  loss: {softmax_cross_entropy: {class_weights: balanced}} "
               "makes all classes count\n", v->guess, by);
    else
        printf("verdict: its squared errors are no less than those of %s, "
               "its absolute errors\n  (MAE) are: a few large targets decide. "
               "Their logarithm may be easier to learn,\n  or loss: "
               "mean_absolute_error\n", v->guess);
    if (linear.main == BP__GAIN_WORSE)
        printf("  The linear model is better\n");
}

static void print_against_linear(const cli_verdict *v, gains g)
{
    bool classes = v->network->classes;
    printf("verdict: better than %s, ", v->guess);
    if (g.main == BP__GAIN_BETTER)
        printf("and better than the linear model\n");
    else if (g.main == BP__GAIN_WORSE)
        printf("and worse than the linear model, which is simpler\n");
    else if (g.second == BP__GAIN_NONE)
        printf("and as good as the linear model, which is simpler\n");
    else
        printf("and %s as the linear model, with %s %s\n",
               classes ? "as often right" : "as near by squared errors",
               g.second == BP__GAIN_BETTER ? "better" : "worse",
               classes ? "probabilities" : "absolute errors");
}

bool cli_print_verdict(const cli_verdict *v)
{
    gains guess, linear;
    if (!gains_over(v, v->constant, &guess) ||
        !gains_over(v, v->linear, &linear))
        return false;
    if (guess.main == BP__GAIN_BETTER)
        print_against_linear(v, linear);
    else if (guess.main == BP__GAIN_NONE &&
             (guess.second == BP__GAIN_BETTER || ranks(v->network)))
        print_half(v, guess, linear);
    else
        print_useless(v, guess, linear);
    if (v->network->n < FEW_SAMPLES)
        printf("  %lld %s are few to judge by%s\n", (long long)v->network->n,
               v->rows,
               v->folds ? "; --folds 5 tests on all of them" : "");
    return true;
}
