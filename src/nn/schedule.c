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

static double step_rate(const bp__spec *s, double lr, int64_t step,
                        int64_t per_epoch, int64_t total)
{
    (void)total;
    int64_t unit = bp__arg_is(s, "unit", "epoch") ? per_epoch : 1;
    int64_t every = bp__arg_int(s, "every") * (unit > 0 ? unit : 1);
    double factor = bp__arg_float(s, "factor");
    /* Multiplied one by one: exact in the same way everywhere. */
    for (int64_t i = step / every; i > 0 && lr != 0 && factor != 1; i--)
        lr *= factor;
    return lr;
}

static double cosine_rate(const bp__spec *s, double lr, int64_t step,
                          int64_t per_epoch, int64_t total)
{
    (void)per_epoch;
    double to = bp__arg_float(s, "to");
    if (total < 1 || step >= total)
        return total < 1 ? lr : to;
    double t = (double)step / (double)total;
    return to + (lr - to) * (1 + bp__cos(3.14159265358979323846 * t)) / 2;
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
    int64_t n = bp__arg_int(s, "steps");
    if (bp__arg_is(s, "unit", "epoch") && per_epoch > 0)
        n *= per_epoch;
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
static const bp__argdef warmup_args[] = {
    {"steps", BP__ARG_INT, "how long the rate rises", .required = true,
     BP__FROM(1)},
    {"unit", BP__ARG_CHOICE, "what `steps` counts", .def_text = "step",
     .choices = "epoch|step"},
    {"then", BP__ARG_SPEC, "the schedule of what is left; constant unless "
     "given", .table = BP_NN_SCHEDULES}, {.name = NULL}};

const bp__row bp__schedule_rows[] = {
    {"constant", "lr", .build.schedule = constant_rate},
    {"step", "lr * factor^floor(step / every)", step_args, "every",
     .build.schedule = step_rate},
    {"cosine", "to + (lr - to) (1 + cos(pi step / total)) / 2", cosine_args,
     "to", .build.schedule = cosine_rate},
    {"warmup", "lr (step + 1) / steps, then another schedule", warmup_args,
     "steps", .build.schedule = warmup_rate},
    {.name = NULL}};

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
