/* What a trainer starts from: its folder, another run's weights, or weights that
 * the data scale. */
#include "train/trainer.h"

#include <math.h>

/* Weights of another run or file; before anything of this one is touched. */
static bp_status start_from(bp_trainer *t, bool *taken, bp_error *err)
{
    bp_transfer_options o = t->o.transfer;
    if (!t->o.init_from)
        return BP_OK;
    o.size = sizeof o;
    bp_status st = bp__store_transfer(t->o.fs, t->store, t->o.init_from, &o,
                                      taken, &t->transfer, err);
    if (st) {
        bp_error why = *err;
        bp__error(err, st, "init_from: %s", why.message);
    }
    return st;
}

/* By data, where initializers want that; not what was taken from a file. */
static bp_status scale_weights(bp_trainer *t, const bool *taken,
                               bp_error *err)
{
    enum { LEAST = 256 };
    bp_batch b;
    bp_loader *l = NULL;
    bp_loader_options o = {.size = sizeof o, .allocator = &t->a,
                           .shuffle = true, .seed = t->task.seed,
                           .augment = t->o.augment};
    bp__task_loader(&t->task, &o);
    o.batch = BP__MIN(BP__MAX(t->o.batch, (int64_t)LEAST),
                      bp_data_count(t->o.train));
    for (size_t i = 0; i < t->n_inputs; i++)
        o.norm[i] = t->norm[i];
    if (!bp__lsuv_wanted(&t->task, t->store))
        return BP_OK;
    bp_status st = bp_loader_new(t->o.train, &o, &l, err);
    if (!st)
        st = bp_loader_next(l, &b, err);
    if (!st)
        st = bp__lsuv(&t->task, t->store, t->runtime, &b, taken, err);
    bp_loader_free(l);
    return st;
}

static bp_status open_folder(bp_trainer *t, bp_error *err)
{
    bp__str text;
    bp__str_init(&text, &t->a);
    bp__trainer_options_text(t, &text);
    bp_folder_options o = {.size = sizeof o, .allocator = &t->a,
                           .resume = t->o.resume, .replace = t->o.replace,
                           .checkpoint_seconds = t->o.checkpoint_seconds,
                           .tensorboard = t->o.tensorboard,
                           .title = t->o.title, .fs = t->o.fs,
                           .options = text.s};
    bp_status st = text.failed ? bp__oom(err)
                               : bp_folder_new(t->o.run_dir, &o, &t->folder,
                                               err);
    bp__str_free(&text);
    if (st)
        return st;
    bp_folder_add_store(t->folder, t->store);
    t->planned_steps = t->total_steps;
    bp_folder_add_count(t->folder, "planned_steps", &t->planned_steps);
    bp_folder_add_step(t->folder, t->steps.step[BP_TASK_TRAIN]);
    bp_folder_add_source(t->folder, "train", t->source);
    if (t->valid)
        bp_folder_add_source(t->folder, "valid", t->valid);
    t->folder->check = bp__trainer_check_state;
    t->folder->check_user = t;
    return BP_OK;
}

/* A schedule that looks at the end of the run jumps where the end is moved. */
static bp_status tell_jump(bp_trainer *t, bp_error *err)
{
    double before = bp__optimizer_lr(t->optimizer, *t->step, t->batches,
                                     t->planned_steps);
    double now = bp__optimizer_lr(t->optimizer, *t->step, t->batches,
                                  t->total_steps);
    int64_t planned = t->planned_steps;
    t->planned_steps = t->total_steps;
    if (planned == t->total_steps || fabs(now - before) <= 1e-9 * before)
        return BP_OK;
    t->resume_note = bp__arena_printf(
        &t->arena, "the learning rate jumps from %.4g to %.4g: its schedule "
        "was planned for %lld steps, and is now for %lld; a new run that "
        "starts from this one's weights (init_from) has a schedule of its own",
        before, now, (long long)planned, (long long)t->total_steps);
    return t->resume_note ? BP_OK : bp__oom(err);
}

/* Where a run is resumed the weights come from its checkpoint; else from
 * init_from, which is read before anything of an old run is touched. */
bp_status bp__trainer_open_files(bp_trainer *t, bp_error *err)
{
    bool *taken = bp__arena_array(&t->arena, bp_store_count(t->store) + 1,
                                  sizeof *taken);
    char *path = t->o.run_dir && t->o.resume
                     ? bp__arena_printf(&t->arena, "%s/checkpoint.safetensors",
                                        t->o.run_dir)
                     : NULL;
    if (t->arena.failed)
        return bp__oom(err);
    bool resumes = path && bp__file_exists(t->o.fs, path);
    bp_status st = BP_OK;
    if (!resumes)
        st = start_from(t, taken, err);
    if (!st && !resumes)
        st = scale_weights(t, taken, err);
    if (!st)
        st = open_folder(t, err);
    if (!st)
        st = bp_folder_start(t->folder, NULL, err);
    if (!st && resumes)
        st = tell_jump(t, err);
    if (!st && !t->folder->best_store)
        st = bp__store_copy(&t->a, t->store, BP_KINDS_WEIGHTS,
                            &t->folder->best_store, err);
    return st;
}
