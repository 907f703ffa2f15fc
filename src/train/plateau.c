/* The schedule `plateau`: the rate falls when the monitored value has stopped
 * getting better. The one schedule that is no function of the step: what it
 * remembers are variables, which only a run with this schedule has. */
#include "nn/spec.h"
#include "train/train.h"

static double *plateau_variable(bp_store *s, const char *name, bp_error *err,
                                bp_status *st)
{
    if (!*st)
        *st = bp_store_add(s, name, BP_VAR_TRAINER, BP_F64, 0, NULL, err);
    if (*st)
        return NULL;
    return bp_store_data(s, (size_t)bp_store_find(s, name));
}

bp_status bp__plateau_init(bp__plateau *p, bp_store *s,
                           const bp__spec *optimizer, bp_error *err)
{
    bp_status st = BP_OK;
    *p = (bp__plateau){.spec = bp__optimizer_plateau(optimizer)};
    if (!p->spec)
        return BP_OK;
    p->factor = plateau_variable(s, "trainer.plateau_factor", err, &st);
    p->has_best = plateau_variable(s, "trainer.plateau_has_best", err, &st);
    p->best = plateau_variable(s, "trainer.plateau_best", err, &st);
    p->idle = plateau_variable(s, "trainer.plateau_idle", err, &st);
    p->rest = plateau_variable(s, "trainer.plateau_rest", err, &st);
    if (!st)
        *p->factor = 1;
    return st;
}

/* Never above the rate itself, never below min_lr unless that is. */
double bp__plateau_rate(const bp__plateau *p, double rate)
{
    if (!p->spec)
        return rate;
    double least = BP__MIN(bp__arg_float(p->spec, "min_lr"), rate);
    return BP__MAX(rate * *p->factor, least);
}

/* Better by more than the threshold, a part of the best value. */
static bool is_better(const bp__plateau *p, double x, bool larger_is_better)
{
    double part = bp__arg_float(p->spec, "threshold");
    if (!(*p->has_best > 0))
        return x == x;
    return larger_is_better ? x > *p->best * (1 + part)
                            : x < *p->best * (1 - part);
}

void bp__plateau_judge(bp__plateau *p, double x, bool larger_is_better)
{
    if (!p->spec)
        return;
    if (is_better(p, x, larger_is_better)) {
        *p->has_best = 1;
        *p->best = x;
        *p->idle = 0;
    } else {
        *p->idle += 1;
    }
    if (*p->rest > 0) {
        *p->rest -= 1;
        *p->idle = 0;
    }
    if (*p->idle > (double)bp__arg_int(p->spec, "patience")) {
        *p->factor *= bp__arg_float(p->spec, "factor");
        *p->rest = (double)bp__arg_int(p->spec, "cooldown");
        *p->idle = 0;
    }
}
