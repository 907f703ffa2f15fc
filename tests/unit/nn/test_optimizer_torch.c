/* Optimizers against numbers of PyTorch 2.6 in f64: from a fixed start, 1,000
 * steps at the optimizer's own rate on the function of optim_rig.h, with the
 * values that each text gives to torch.optim's class of that name (nadamw:
 * NAdam with decoupled_weight_decay). Each row holds the means of the five
 * numbers over the steps, so that the whole way counts, not its end. */
#include "optim_rig.h"

typedef struct golden {
    const char *text;
    double mean[N];
} golden;

static const golden rows[] = {
    {"adagrad(lr=0.5)",
     {-0.9910785861135916, 0.9910785861139051,
      -0.12484062465834195, 0.008921413888917106,
      0.04181454545072956}},
    {"adagrad(0.3, lr_decay=0.01, initial_accumulator_value=0.1, "
     "weight_decay=0.05, eps=0.001)",
     {-0.9275726494519966, 0.9500867226615487,
      -0.12264783751753407, 0.03080475883483255,
      0.04132610055335819}},
    {"rmsprop(eps=0.1)",
     {-0.8470707516106688, 0.8629079713442568,
      -0.11664176185368007, 0.2581075831403341,
      0.040289092885420846}},
    {"rmsprop(0.02, alpha=0.9, momentum=0.5, eps=0.1, weight_decay=0.1)",
     {-0.8623256678787173, 0.9057280619614974,
      -0.11807457330527533, 0.06392274491896377,
      0.04035705220337651}},
    {"rmsprop(0.005, centered=true, momentum=0.9, eps=0.1)",
     {-0.9828831179903662, 0.9858730473630278,
      -0.12466394949184723, 0.037601911649612234,
      0.0418109643508131}},
    {"adadelta",
     {-0.4737291716367156, 0.4737313646054069,
      -0.0588458246611889, 0.5263409910131686,
      0.02521873711106806}},
    {"adadelta(0.5, rho=0.95, eps=0.001, weight_decay=0.1)",
     {-0.8680126115786082, 0.909493151837792,
      -0.11797176198938909, 0.04643670301063887,
      0.04026438755645782}},
    {"adamax",
     {0.0827976692238803, -0.08279766782448002,
      0.02510708764822107, 1.0827976804190833,
      0.006562188937961295}},
    {"adamax(0.005, beta1=0.8, beta2=0.995, weight_decay=0.1)",
     {-0.5328919107982273, 0.5596604264792323,
      -0.07128785188421927, 0.41132757406215736,
      0.028517902466540537}},
    {"nadam",
     {0.1752705286193651, -0.17527052672992746,
      0.016612311378354953, 1.1752705437348463,
      0.010643325343721042}},
    {"nadam(0.01, momentum_decay=0.1, weight_decay=0.1, eps=0.001)",
     {-0.6459612842336075, 0.6772806920540092,
      -0.09428671685475788, 0.2892075492796994,
      0.03511679547718825}},
    {"nadamw(0.005, weight_decay=0.1)",
     {-0.41239619776939196, 0.4123961995369785,
      -0.06815585656058537, 0.4998231916946752,
      0.0293495244206668}},
    {"nadamw(0.01, beta1=0.8, beta2=0.99, weight_decay=0.02, "
     "momentum_decay=0.02, eps=0.1)",
     {-0.7126644074256804, 0.7221523130833544,
      -0.09633328567652219, 0.34437465013631013,
      0.03536049941794991}},
};

static const double start[N] = {1, -1, 0.5, 2, -0.25};

static void check_row(bp_runtime *r, const golden *k)
{
    bp_store *s = bp_store_new(NULL);
    bp_program *p = build(r, s, k->text);
    double w[N], sum[N] = {0}, worst = 0;
    rig_set(s, "w", start, sizeof start);
    for (int t = 0; t < STEPS; t++) {
        rig_run(p);
        rig_get(s, "w", w, sizeof w);
        for (int i = 0; i < N; i++)
            sum[i] += w[i];
    }
    for (int i = 0; i < N; i++)
        worst = worse(worst, fabs(sum[i] / STEPS - k->mean[i]));
    T_CHECKF(worst <= 1e-12, "%s: off by %g", k->text, worst);
    bp_program_free(p);
    bp_store_free(s);
}

int main(void)
{
    bp_runtime *r = rig_runtime();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_row(r, &rows[i]);
    bp_runtime_free(r);
    return t_end();
}
