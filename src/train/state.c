/* What a resumed run must find again: variables, and the run's identity. */
#include "fmt/array.h"
#include "train/step.h"
#include "train/trainer.h"

static double *state_variable(bp_trainer *t, const char *name, int rank,
                              const int64_t *dims, bp_error *err,
                              bp_status *st)
{
    const char *full = bp__arena_printf(&t->arena, "trainer.%s", name);
    if (*st)
        return NULL;
    *st = full ? bp_store_add(t->store, full, BP_VAR_TRAINER, BP_F64, rank,
                              dims, err)
               : bp__oom(err);
    if (*st)
        return NULL;
    return bp_store_data(t->store, (size_t)bp_store_find(t->store, full));
}

/* The variable in which a metric's epoch is gathered. */
static bp_status metric_variable(bp_trainer *t, int i, bp_error *err)
{
    bp__tally *m = &t->tally[i];
    bp_status st = BP_OK;
    const char *name = bp__arena_printf(&t->arena, "sum_metric.%d.%s", i,
                                        t->metric_name[i]);
    *m = t->evaluator.tally[i];
    m->borrowed = true;
    bp_array x;
    if (!bp__step_planned(t->steps.step[BP_TASK_TRAIN], m->output, &x))
        return bp__error(err, BP_EBUG, "the training step has no %s",
                         m->output);
    m->width = x.bytes / sizeof(double);
    if (m->spec->row->keeps)
        m->width /= t->o.batch;
    int64_t n = m->spec->row->keeps ? bp_data_count(t->o.train) : 1;
    const int64_t dims[1] = {n * m->width};
    m->cap = (size_t)dims[0];
    if (!name)
        return bp__oom(err);
    m->x = state_variable(t, name, 1, dims, err, &st);
    return st;
}

bp_status bp__trainer_add_state(bp_trainer *t, bp_error *err)
{
    bp_status st = BP_OK;
#define STATE_ADD(name)                                                    \
    t->state.name = state_variable(t, #name, 0, NULL, err, &st);
    BP__TRAINER_STATE(STATE_ADD)
#undef STATE_ADD
    for (int i = 0; i < t->n_metrics && !st; i++)
        st = metric_variable(t, i, err);
    return st;
}

/* One "name value" a line; texts as they stand. */
static void add_text(bp__str *out, const char *name, const char *text)
{
    bp__str_printf(out, "%s %s\n", name, text ? text : "");
}

static void add_number(bp__str *out, const char *name, double x)
{
    char text[32];
    bp__format_double(text, x);
    add_text(out, name, text);
}

static void add_norm(bp__str *out, const bp_norm *n)
{
    add_text(out, "norm", bp_norm_kind_name(bp_norm_get_kind(n)));
    for (int64_t i = 0; i < bp_norm_count(n); i++) {
        add_number(out, "mean", bp_norm_mean(n)[i]);
        add_number(out, "std", bp_norm_std(n)[i]);
    }
}

void bp__trainer_options_text(const bp_trainer *t, bp__str *out)
{
    const bp_task *k = &t->task;
    const bp_augment *a = &t->o.augment;
    add_text(out, "dtype", bp_dtype_name(k->dtype));
    add_text(out, "loss", k->loss);
    add_text(out, "metrics", k->metrics);
    add_text(out, "penalty", k->penalty);
    add_text(out, "optimizer", k->optimizer);
    add_text(out, "init", k->init);
    add_text(out, "bias_init", k->bias_init);
    add_text(out, "monitor", t->o.monitor);
    add_text(out, "init_from", t->o.init_from ? "given" : NULL);
    bp__str_printf(out, "seed %llu\n", (unsigned long long)k->seed);
    add_number(out, "batch", (double)t->o.batch);
    add_number(out, "shards", (double)t->o.shards);
    add_number(out, "steps", (double)t->o.steps);
    add_number(out, "patience", (double)t->o.patience);
    add_number(out, "target", t->o.has_target ? t->o.target : 0);
    add_number(out, "has_target", t->o.has_target);
    add_number(out, "normalize", (double)t->o.normalize);
    add_number(out, "shift", a->shift);
    add_number(out, "flip", a->flip);
    add_number(out, "cutout", a->cutout);
    add_number(out, "rotate", a->rotate);
    add_number(out, "crop", a->crop);
    add_number(out, "elastic", a->elastic);
    add_number(out, "mixup", a->mixup);
    for (size_t i = 0; i < t->n_inputs; i++)
        add_norm(out, t->norm[i]);
}
