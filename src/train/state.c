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

static uint64_t hash_text(uint64_t h, const char *s)
{
    s = s ? s : "";
    return bp__hash(h, s, strlen(s) + 1);
}

static uint64_t hash_array(uint64_t h, const bp_array *x)
{
    h = bp__hash(h, &x->rank, sizeof x->rank);
    h = bp__hash(h, x->dims, (size_t)x->rank * sizeof x->dims[0]);
    /* Four interleaved streams: FNV is one multiplication a byte. */
    const unsigned char *p = x->data;
    size_t n = x->bytes / 8;
    uint64_t lane[4] = {h, h ^ 1, h ^ 2, h ^ 3};
    for (size_t i = 0; i < n; i++) {
        uint64_t w = 0;
        for (int k = 7; k >= 0; k--)
            w = w << 8 | p[8 * i + (size_t)k];
        lane[i % 4] = (lane[i % 4] ^ w) * 0x100000001b3ull;
        lane[i % 4] ^= lane[i % 4] >> 29;
    }
    for (int k = 0; k < 4; k++)
        h = bp__hash(h, &lane[k], sizeof lane[k]);
    return bp__hash(h, p + 8 * n, x->bytes - 8 * n);
}

/* Of a file's samples: that of an array with their hashes. */
static bp_status hash_rows(bp_trainer *t, uint64_t *h, const bp_data *d,
                           size_t input, const bp_array *view, bp_error *err)
{
    bp_array row = *view;
    row.dims[0] = 1;
    row.bytes = (size_t)bp__dims_numel(view->rank, row.dims, 1) *
                bp_dtype_bytes(view->dtype);
    row.data = bp__alloc(&t->a, row.bytes);
    bp_status st = row.data ? BP_OK : bp__oom(err);
    for (int64_t i = 0; i < view->dims[0] && !st; i++) {
        st = bp_data_read(d, input, i, row.data, err);
        if (!st)
            *h = hash_array(*h, &row);
    }
    bp__free(&t->a, row.data, row.data ? row.bytes : 0);
    return st;
}

static bp_status hash_data(bp_trainer *t, uint64_t *h, const bp_data *d,
                           bp_error *err)
{
    bp_array view;
    bp_status st = BP_OK;
    if (!d)
        *h = bp__hash(*h, "none", 4);
    for (size_t i = 0; d && i < bp_data_inputs(d) && !st; i++) {
        if (!bp_data_input(d, i, &view))
            continue;
        if (view.data)
            *h = hash_array(*h, &view);
        else
            st = hash_rows(t, h, d, i, &view, err);
    }
    if (d && bp_data_target(d, &view))
        *h = hash_array(*h, &view);
    return st;
}

bp_status bp__trainer_make_id(bp_trainer *t, bp_error *err)
{
    const bp_task *k = &t->task;
    int64_t numbers[] = {
        (int64_t)k->dtype, (int64_t)k->seed, t->o.batch, t->o.shards,
        t->o.augment.shift, (int64_t)t->o.normalize, t->o.steps,
        t->o.patience, t->o.has_target, t->o.augment.flip, t->o.augment.cutout,
    };
    double warp[] = {t->o.augment.rotate, t->o.augment.crop,
                     t->o.augment.elastic, t->o.augment.mixup};
    uint64_t h = BP__HASH_INIT;
    h = hash_text(h, k->loss);
    h = hash_text(h, k->metrics);
    h = hash_text(h, k->penalty);
    h = hash_text(h, k->optimizer);
    h = hash_text(h, k->init);
    h = hash_text(h, k->bias_init);
    h = hash_text(h, t->o.monitor);
    if (t->o.init_from)
        h = hash_text(h, "init_from");
    h = bp__hash(h, numbers, sizeof numbers);
    h = bp__hash(h, warp, sizeof warp);
    h = bp__hash(h, &t->o.target, sizeof t->o.target);
    bp_status st = hash_data(t, &h, t->o.train, err);
    if (!st)
        st = hash_data(t, &h, t->o.valid, err);
    for (size_t i = 0; i < t->n_inputs; i++) {
        size_t n = (size_t)bp_norm_count(t->norm[i]);
        h = bp__hash(h, bp_norm_mean(t->norm[i]), n * sizeof(double));
        h = bp__hash(h, bp_norm_std(t->norm[i]), n * sizeof(double));
    }
    bp__snprintf(t->run_id, sizeof t->run_id, "%016llx",
                 (unsigned long long)h);
    return st;
}
