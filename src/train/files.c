/* The run folder. What a checkpoint refers to (the log up to an offset, the
 * best weights) is on disk before the checkpoint that says so. */
#define _POSIX_C_SOURCE 200809L
#include "train/trainer.h"

#include <time.h>

static const char *const run_files[] = {
    "checkpoint.safetensors", "best.safetensors", "last.safetensors",
    "log.jsonl", "curve.svg", "events.out.tfevents.bprop",
};
enum { N_RUN_FILES = sizeof run_files / sizeof run_files[0] };

double bp__trainer_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bp_status make_paths(bp_trainer *t, bp_error *err)
{
    const char **path[N_RUN_FILES] = {&t->path_checkpoint, &t->path_best,
                                      &t->path_last, &t->path_log,
                                      &t->path_curve, &t->path_events};
    for (int i = 0; i < N_RUN_FILES; i++) {
        *path[i] = bp__arena_printf(&t->arena, "%s/%s", t->o.run_dir,
                                    run_files[i]);
        if (!*path[i])
            return bp__oom(err);
    }
    return BP_OK;
}

/* Refuses, removes or accepts what is in the folder already. */
static bp_status meet_old_run(bp_trainer *t, bp_error *err)
{
    const char *path[N_RUN_FILES] = {t->path_checkpoint, t->path_best,
                                     t->path_last, t->path_log, t->path_curve,
                                     t->path_events};
    bp_status st = BP_OK;
    for (int i = 0; i < N_RUN_FILES && !st; i++) {
        if (t->o.resume || !bp__file_exists(t->o.fs, path[i]))
            continue;
        st = t->o.replace
                 ? bp__file_unlink(t->o.fs, path[i], err)
                 : bp__error(err, BP_EEXIST, "'%s' holds a run already: "
                             "resume it, replace it, or choose another folder",
                             t->o.run_dir);
    }
    return st;
}

/* The weights' variables of `from`, in a store of their own. */
static bp_store *weights_store(bp_trainer *t, bp_error *err)
{
    bp_store *s = bp_store_new(&t->a);
    bp_status st = s ? BP_OK : bp__oom(err);
    for (size_t i = 0; i < bp_store_count(t->store) && !st; i++) {
        bp_var_info v;
        bp_store_info(t->store, i, &v);
        if (!(BP_KIND(v.kind) & BP_KINDS_WEIGHTS))
            continue;
        st = bp_store_add(s, v.name, v.kind, v.dtype, v.rank, v.dims, err);
        if (!st)
            st = bp_store_set(s, v.name, bp_store_data(t->store, i), v.bytes,
                              err);
    }
    if (!st)
        return s;
    bp_store_free(s);
    return NULL;
}

/* bp__trainer_resume has held the length against the file. */
static bp_status open_log(bp_trainer *t, bp_error *err)
{
    return bp__append_open(&t->log, t->o.fs, t->path_log,
                           (int64_t)*t->state.log_bytes, err);
}

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
                           .augment = t->o.augment,
                           .dtype = t->task.dtype};
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

bp_status bp__trainer_open_files(bp_trainer *t, bp_error *err)
{
    bp_status st = t->o.run_dir ? make_paths(t, err) : BP_OK;
    bool resumes = !st && t->o.run_dir && t->o.resume &&
                   bp__file_exists(t->o.fs, t->path_checkpoint);
    bool *taken = bp__arena_array(&t->arena, bp_store_count(t->store) + 1,
                                  sizeof *taken);
    if (!st && !taken)
        st = bp__oom(err);
    if (!st && !resumes)
        st = start_from(t, taken, err);
    if (!st && !resumes)
        st = scale_weights(t, taken, err);
    if (st)
        return st;
    t->best_store = weights_store(t, err);
    if (!t->best_store)
        return err && err->status ? err->status : BP_ENOMEM;
    if (!t->o.run_dir)
        return BP_OK;
    if (!st)
        st = bp__file_mkdir(t->o.fs, t->o.run_dir, err);
    if (!st)
        st = meet_old_run(t, err);
    if (!st && resumes)
        st = bp__trainer_resume(t, err);
    if (!st)
        st = open_log(t, err);
    return st ? st : bp__trainer_open_events(t, err);
}

bp_status bp__trainer_save(bp_trainer *t, bp_error *err)
{
    t->last_save = bp__trainer_clock();
    if (!t->o.run_dir)
        return BP_OK;
    bp_status st = bp__append_sync(&t->log, err);
    if (!st)
        st = bp__store_save(t->o.fs, t->store, t->path_checkpoint, BP_KINDS_ALL,
                            t->run_id, err);
    t->last_save = bp__trainer_clock();
    return st;
}

bp_status bp__trainer_save_last(bp_trainer *t, bp_error *err)
{
    if (!t->o.run_dir)
        return BP_OK;
    return bp__store_save(t->o.fs, t->store, t->path_last, BP_KINDS_WEIGHTS,
                          NULL, err);
}

bp_status bp__trainer_save_best(bp_trainer *t, bp_error *err)
{
    for (size_t i = 0; i < bp_store_count(t->best_store); i++) {
        bp_var_info v;
        bp_store_info(t->best_store, i, &v);
        int64_t k = bp_store_find(t->store, v.name);
        memcpy(bp_store_data(t->best_store, i),
               bp_store_data(t->store, (size_t)k), v.bytes);
    }
    if (!t->o.run_dir)
        return BP_OK;
    return bp__store_save(t->o.fs, t->best_store, t->path_best,
                          BP_KINDS_WEIGHTS, NULL, err);
}

bp_status bp__trainer_log(bp_trainer *t, const bp__log_record *r,
                          bp_error *err)
{
    bp__str line;
    if (!t->o.run_dir)
        return BP_OK;
    bp__str_init(&line, &t->a);
    bp__log_format(r, &line);
    bp_status st = line.failed ? bp__oom(err)
                               : bp__append(&t->log, line.s, line.len, err);
    if (!st)
        *t->state.log_bytes += (double)line.len;
    bp__str_free(&line);
    return st ? st : bp__trainer_add_event(t, r, err);
}

bp_status bp__trainer_draw(bp_trainer *t, bp_error *err)
{
    bp__file_data f;
    bp__str svg;
    if (!t->o.run_dir)
        return BP_OK;
    bp_status st = bp__file_read(t->o.fs, &t->a, t->path_log, false, 0, &f, err);
    if (st)
        return st;
    bp__str_init(&svg, &t->a);
    st = bp__curve_draw(&t->a, (const char *)f.data, f.bytes, t->path_log,
                        t->o.title ? t->o.title : "bprop", &svg, err);
    if (!st)
        st = bp__file_write(t->o.fs, &t->a, t->path_curve, svg.s, svg.len, err);
    bp__str_free(&svg);
    bp__file_free(&t->a, &f);
    return st;
}
