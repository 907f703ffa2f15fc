/* Schedules: the learning rate of a step, computed on the host in f64 and
 * written into trainer.lr. A function of (step, steps_per_epoch, total): no
 * state, so a resumed run goes on with the same rates. */
#include "nn/nn.h"

#include "base/math.h"

#include <math.h>

static double constant_rate(const bp__spec *s, double lr, int64_t step,
                            int64_t per_epoch, int64_t total)
{
    (void)s, (void)step, (void)per_epoch, (void)total;
    return lr;
}

/* Whole epochs or steps done, as `unit` says. */
static int64_t units_done(const bp__spec *s, int64_t step, int64_t per_epoch)
{
    bool epochs = bp__arg_is(s, "unit", "epoch") && per_epoch > 0;
    return epochs ? step / per_epoch : step;
}

/* From one rate to another along half a cosine; t from 0 to 1. */
static double anneal(double from, double to, double t)
{
    return to + (from - to) * (1 + bp__cos(3.14159265358979323846 * t)) / 2;
}

/* A count of the schedule's unit, in steps; too many are as good as all. */
static int64_t steps_of(const bp__spec *s, const char *name, int64_t per_epoch)
{
    int64_t n = bp__arg_int(s, name), most = INT64_MAX;
    if (!bp__arg_is(s, "unit", "epoch") || per_epoch <= 0)
        return n;
    return n > most / per_epoch ? most : n * per_epoch;
}

static double step_rate(const bp__spec *s, double lr, int64_t step,
                        int64_t per_epoch, int64_t total)
{
    (void)total;
    int64_t every = steps_of(s, "every", per_epoch);
    double factor = bp__arg_float(s, "factor"), before = -lr;
    /* Multiplied one by one: exact in the same way everywhere. Until nothing
     * changes any more: at 0, at an infinity, at the smallest number. */
    for (int64_t i = step / every; i > 0 && lr != before; i--) {
        before = lr;
        lr *= factor;
    }
    return lr;
}

static double cosine_rate(const bp__spec *s, double lr, int64_t step,
                          int64_t per_epoch, int64_t total)
{
    (void)per_epoch;
    double to = bp__arg_float(s, "to");
    if (total < 1 || step >= total)
        return total < 1 ? lr : to;
    return anneal(lr, to, (double)step / (double)total);
}

/* Up from lr / div_factor to lr, then down to the first rate divided by
 * final_div_factor, which the last step has. */
static double one_cycle_rate(const bp__spec *s, double lr, int64_t step,
                             int64_t per_epoch, int64_t total)
{
    (void)per_epoch;
    double first = lr / bp__arg_float(s, "div_factor");
    double last = first / bp__arg_float(s, "final_div_factor");
    double top = bp__arg_float(s, "pct_start") * (double)total - 1;
    double end = (double)total - 1, at = (double)step;
    if (total < 1)
        return lr;
    if (at <= top)
        return top > 0 ? anneal(first, lr, at / top) : lr;
    if (at >= end)
        return last;
    return anneal(lr, last, (at - top) / (end - top));
}

static double exponential_rate(const bp__spec *s, double lr, int64_t step,
                               int64_t per_epoch, int64_t total)
{
    (void)total;
    double n = (double)units_done(s, step, per_epoch);
    return lr * bp__pow(bp__arg_float(s, "gamma"), n);
}

static double polynomial_rate(const bp__spec *s, double lr, int64_t step,
                              int64_t per_epoch, int64_t total)
{
    (void)per_epoch;
    double to = bp__arg_float(s, "to");
    if (total < 1 || step >= total)
        return total < 1 ? lr : to;
    double left = 1 - (double)step / (double)total;
    return to + (lr - to) * bp__pow(left, bp__arg_float(s, "power"));
}

static double inverse_sqrt_rate(const bp__spec *s, double lr, int64_t step,
                                int64_t per_epoch, int64_t total)
{
    (void)total;
    int64_t n = steps_of(s, "warmup", per_epoch);
    double t = (double)(step + 1), w = (double)n;
    return t < w ? lr * t / w : lr * sqrt(w / t);
}

static double rate_of(const bp__spec *schedule, double lr, int64_t step,
                      int64_t per_epoch, int64_t total)
{
    if (!schedule)
        return lr;
    return schedule->row->build.schedule(schedule, lr, step, per_epoch,
                                         total);
}

static double warmup_rate(const bp__spec *s, double lr, int64_t step,
                          int64_t per_epoch, int64_t total)
{
    int64_t n = steps_of(s, "steps", per_epoch);
    if (step < n)
        return lr * (double)(step + 1) / (double)n;
    return rate_of(bp__arg(s, "then")->spec, lr, step - n, per_epoch,
                   total > n ? total - n : 0);
}

static const bp__argdef step_args[] = {
    {"every", BP__ARG_INT, "how long a rate lasts", .required = true,
     BP__FROM(1)},
    {"unit", BP__ARG_CHOICE, "what `every` counts", .def_text = "epoch",
     .choices = "epoch|step"},
    {"factor", BP__ARG_FLOAT, "of one rate to the next", .def = 0.1,
     BP__FROM(0)}, {.name = NULL}};
static const bp__argdef cosine_args[] = {
    {"to", BP__ARG_FLOAT, "the rate at the end", .def = 0, BP__FROM(0)},
    {.name = NULL}};
static const bp__argdef one_cycle_args[] = {
    {"pct_start", BP__ARG_FLOAT, "the part of all steps in which the rate "
     "rises", .def = 0.3, .min = 0, .max = 1},
    {"div_factor", BP__ARG_FLOAT, "lr over the first rate", .def = 25,
     BP__ABOVE(0)},
    {"final_div_factor", BP__ARG_FLOAT, "the first rate over the last one",
     .def = 1e4, BP__ABOVE(0)}, {.name = NULL}};
static const bp__argdef exponential_args[] = {
    {"gamma", BP__ARG_FLOAT, "of one rate to the next", .required = true,
     BP__ABOVE(0)},
    {"unit", BP__ARG_CHOICE, "how long a rate lasts", .def_text = "epoch",
     .choices = "epoch|step"}, {.name = NULL}};
static const bp__argdef polynomial_args[] = {
    {"power", BP__ARG_FLOAT, "1: a straight line", .def = 1, BP__ABOVE(0)},
    {"to", BP__ARG_FLOAT, "the rate at the end", .def = 0, BP__FROM(0)},
    {.name = NULL}};
static const bp__argdef inverse_sqrt_args[] = {
    {"warmup", BP__ARG_INT, "how long the rate rises to lr", .def = 4000,
     BP__FROM(1)},
    {"unit", BP__ARG_CHOICE, "what `warmup` counts", .def_text = "step",
     .choices = "epoch|step"}, {.name = NULL}};
static const bp__argdef plateau_args[] = {
    {"factor", BP__ARG_FLOAT, "of one rate to the next", .def = 0.1,
     .min = 0, .max = 1, .open_max = true},
    {"patience", BP__ARG_INT, "epochs without a better value that are let "
     "pass", .def = 10, BP__FROM(0)},
    {"threshold", BP__ARG_FLOAT, "how much better counts, as a part of the "
     "best value", .def = 1e-4, BP__FROM(0)},
    {"cooldown", BP__ARG_INT, "epochs after a change in which nothing counts",
     .def = 0, BP__FROM(0)},
    {"min_lr", BP__ARG_FLOAT, "no rate falls below it", .def = 0,
     BP__FROM(0)}, {.name = NULL}};
static const bp__argdef warmup_args[] = {
    {"steps", BP__ARG_INT, "how long the rate rises", .required = true,
     BP__FROM(1)},
    {"unit", BP__ARG_CHOICE, "what `steps` counts", .def_text = "step",
     .choices = "epoch|step"},
    {"then", BP__ARG_SPEC, "the schedule of what is left; constant unless "
     "given", .table = BP_NN_SCHEDULES}, {.name = NULL}};

const bp__kinddef bp__schedule_rows[] = {
    {"constant", "lr", .build.schedule = constant_rate},
    {"step", "lr * factor^floor(step / every)", step_args, "every",
     .build.schedule = step_rate},
    {"cosine", "to + (lr - to) (1 + cos(pi step / total)) / 2 (Loshchilov and "
     "Hutter 2017)", cosine_args, "to", .build.schedule = cosine_rate},
    {"one_cycle", "along half a cosine from lr / div_factor up to lr, and "
     "along another down to lr / (div_factor * final_div_factor) in the last "
     "step (Smith and Topin 2018; PyTorch's OneCycleLR without its cycle of "
     "momentum)", one_cycle_args, "pct_start",
     .build.schedule = one_cycle_rate},
    {"exponential", "lr * gamma^n, n the whole epochs (or steps) done",
     exponential_args, "gamma", .build.schedule = exponential_rate},
    {"polynomial", "to + (lr - to) (1 - step / total)^power (used so by Liu, "
     "Rabinovich and Berg 2015)", polynomial_args, "power",
     .build.schedule = polynomial_rate},
    {"inverse_sqrt", "lr * min(t / warmup, sqrt(warmup / t)), t = step + 1 "
     "(Vaswani et al. 2017, scaled to reach lr)", inverse_sqrt_args,
     "warmup", .build.schedule = inverse_sqrt_rate},
    {"plateau", "lr * factor^n, n growing by 1 when train.monitor has had no "
     "better value for more than `patience` epochs (PyTorch's "
     "ReduceLROnPlateau); the training loop's: elsewhere the rate is lr",
     plateau_args, "factor", .build.schedule = constant_rate},
    {"warmup", "lr (step + 1) / steps, then another schedule (Goyal et al. "
     "2017)", warmup_args,
     "steps", .build.schedule = warmup_rate},
    {.name = NULL}};

const bp__spec *bp__optimizer_plateau(const bp__spec *optimizer)
{
    const bp__spec *s = bp__arg(optimizer, "schedule")->spec;
    while (s && strcmp(s->row->name, "plateau") != 0)
        s = bp__arg(s, "then")->spec;
    return s;
}

double bp__optimizer_lr(const bp__spec *optimizer, int64_t step,
                        int64_t steps_per_epoch, int64_t total)
{
    return rate_of(bp__arg(optimizer, "schedule")->spec,
                   bp__arg_float(optimizer, "lr"), step, steps_per_epoch,
                   total);
}

bp_status bp_nn_learning_rate(const char *optimizer, int64_t step,
                              int64_t steps_per_epoch, int64_t total_steps,
                              double *lr, bp_error *err)
{
    if (step < 0)
        return bp__error(err, BP_ERANGE, "step %lld: must be at least 0",
                         (long long)step);
    bp__arena ar;
    bp__arena_init(&ar, NULL);
    bp__spec *s;
    bp_status st = bp__spec_parse(&ar, BP_NN_OPTIMIZERS, optimizer, &s, err);
    if (st == BP_OK)
        *lr = bp__optimizer_lr(s, step, steps_per_epoch, total_steps);
    bp__arena_free(&ar);
    return st;
}
