/* What the table that ends training says, in words. */
#include "cli.h"

#include "verdict.h"

/* Fewer tell one network from another by luck alone: of 100, 80 % right is 71
 * to 87. */
enum { FEW_SAMPLES = 100 };

static void print_useless(const cli_verdict *v)
{
    const bp_gain *g = v->contest->over_constant;
    if (v->contest->over_linear[0] == BP_GAIN_WORSE)
        printf("verdict: no better than %s; the linear model, which is "
               "simpler, is better\n", v->guess);
    else if (g[0] == BP_GAIN_WORSE)
        printf("verdict: worse than %s. It has learned what does not hold on "
               "other %s:\n  too few of them, or the split puts unlike ones "
               "into its parts\n", v->guess, v->rows);
    else
        printf("verdict: no better than %s, as far as these %s can tell:\n"
               "  the inputs do not hold the target, or more %s are needed\n",
               v->guess, v->rows, v->rows);
}

static void print_half(const cli_verdict *v)
{
    const bp_contest *k = v->contest;
    const char *by = k->over_constant[1] != BP_GAIN_BETTER ? "AUC"
                     : k->ranks ? "AUC, log loss"
                                : "log loss";
    if (v->classes)
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
    if (k->over_linear[0] == BP_GAIN_WORSE)
        printf("  The linear model is better\n");
}

static void print_against_linear(const cli_verdict *v)
{
    const bp_gain *g = v->contest->over_linear;
    bool classes = v->classes;
    printf("verdict: better than %s, ", v->guess);
    if (g[0] == BP_GAIN_BETTER)
        printf("and better than the linear model\n");
    else if (g[0] == BP_GAIN_WORSE)
        printf("and worse than the linear model, which is simpler\n");
    else if (g[1] == BP_GAIN_NONE)
        printf("and as good as the linear model, which is simpler\n");
    else
        printf("and %s as the linear model, with %s %s\n",
               classes ? "as often right" : "as near by squared errors",
               g[1] == BP_GAIN_BETTER ? "better" : "worse",
               classes ? "probabilities" : "absolute errors");
}

void cli_print_verdict(const cli_verdict *v)
{
    const bp_gain *guess = v->contest->over_constant;
    if (guess[0] == BP_GAIN_BETTER)
        print_against_linear(v);
    else if (guess[0] == BP_GAIN_NONE &&
             (guess[1] == BP_GAIN_BETTER || v->contest->ranks))
        print_half(v);
    else
        print_useless(v);
    if (v->samples < FEW_SAMPLES)
        printf("  %lld %s are few to judge by%s\n", (long long)v->samples,
               v->rows,
               v->folds ? "; --folds 5 tests on all of them" : "");
}
