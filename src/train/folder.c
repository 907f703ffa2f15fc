/* The run folder. What a checkpoint refers to (the log up to an offset, the
 * best weights) is on disk before the checkpoint that says so. */
#define _POSIX_C_SOURCE 200809L
#include "train/folder.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <time.h>

enum { N_RUN_FILES = 6, SAVE_SECONDS = 30 };

double bp__trainer_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- opening --------------------------------------------------------------- */

static bp_status make_paths(bp_folder *f, bp_error *err)
{
    static const char *const name[] = {
        "checkpoint.safetensors", "best.safetensors", "last.safetensors",
        "log.jsonl", "curve.svg", "events.out.tfevents.bprop", "lock"};
    const char **path[] = {&f->checkpoint, &f->best_file, &f->last_file,
                           &f->log_file, &f->curve_file, &f->events_file,
                           &f->lock_file};
    for (size_t i = 0; i < BP__ARRAY_LEN(name); i++) {
        *path[i] = bp__arena_printf(&f->arena, "%s/%s", f->path, name[i]);
        if (!*path[i])
            return bp__oom(err);
    }
    return BP_OK;
}

static const bp__fs *fs_of(const bp_folder *f)
{
    return f->o.fs ? f->o.fs : &bp__posix_fs;
}

/* Held by the process until it ends, however it ends. */
static bp_status lock(bp_folder *f, bp_error *err)
{
    const bp__fs *fs = fs_of(f);
    int error = fs->open(fs->user, f->lock_file, BP__FS_CREATE, &f->lock);
    if (error == EBUSY || error == EAGAIN || error == EACCES)
        return bp__error(err, BP_EEXIST, "'%s' is in use: another process, "
                         "or another folder of this one, has it open (%s)", f->path, f->lock_file);
    if (error)
        return bp__file_error(err, error, "open", f->lock_file);
    f->locked = true;
    return BP_OK;
}

/* Refuses, removes or accepts what is in the folder already. */
static bp_status meet_old_run(bp_folder *f, bp_error *err)
{
    const char *path[N_RUN_FILES] = {f->checkpoint, f->best_file,
                                     f->last_file, f->log_file,
                                     f->curve_file, f->events_file};
    bp_status st = BP_OK;
    for (int i = 0; i < N_RUN_FILES && !st; i++) {
        if (f->o.resume || !bp__file_exists(f->o.fs, path[i]))
            continue;
        st = f->o.replace
                 ? bp__file_unlink(f->o.fs, path[i], err)
                 : bp__error(err, BP_EEXIST, "'%s' holds a run already: "
                             "resume it, replace it, or choose another folder",
                             f->path);
    }
    return st;
}

static bp_status check_options(const bp_folder_options *o, bp_error *err)
{
    if (o->resume && o->replace)
        return bp__error(err, BP_EARG, "resume and replace exclude each other");
    return BP_OK;
}

bp_status bp_folder_new(const char *path, const bp_folder_options *given,
                        bp_folder **out, bp_error *err)
{
    bp_folder_options all, *o = &all;
    *out = NULL;
    bp_status st = BP__OPTIONS(o, given, bp_folder_options, err);
    if (!st)
        st = check_options(o, err);
    if (st)
        return st;
    const bp_allocator *a = o->allocator ? o->allocator
                                         : &bp__malloc_allocator;
    bp_folder *f = bp__calloc(a, 1, sizeof *f);
    if (!f)
        return bp__oom(err);
    f->a = *a;
    f->o = *o;
    f->o.allocator = &f->a;
    f->o.options = NULL; /* its hash is kept */
    if (f->o.checkpoint_seconds == 0)
        f->o.checkpoint_seconds = SAVE_SECONDS;
    bp__arena_init(&f->arena, &f->a);
    f->began = f->last_save = bp__trainer_clock();
    const char *text = o->options ? o->options : "";
    bp__snprintf(f->options_hash, sizeof f->options_hash, "%016llx",
                 (unsigned long long)bp__hash(BP__HASH_INIT, text,
                                              strlen(text)));
    if (o->title && !(f->o.title = bp__arena_strdup(&f->arena, o->title)))
        st = bp__oom(err);
    if (!st && path) {
        f->path = bp__arena_strdup(&f->arena, path);
        st = f->path ? make_paths(f, err) : bp__oom(err);
        if (!st)
            st = bp__file_mkdir(f->o.fs, path, err);
        if (!st)
            st = lock(f, err);
        if (!st)
            st = meet_old_run(f, err);
    }
    if (st)
        bp_folder_free(f);
    else
        *out = f;
    return st;
}

void bp_folder_free(bp_folder *f)
{
    if (!f)
        return;
    bp__append_close(&f->log);
    bp__append_close(&f->events);
    if (f->locked) {
        bp__file_unlink(f->o.fs, f->lock_file, NULL);
        fs_of(f)->close(fs_of(f)->user, f->lock);
    }
    bp_store_free(f->best_store);
    bp__arena_free(&f->arena);
    bp_allocator a = f->a;
    bp__free(&a, f, sizeof *f);
}

/* ---- what is registered ------------------------------------------------------- */

static void refuse(bp_folder *f, bp_status s, const char *what,
                   const char *name)
{
    if (f->status)
        return;
    f->status = bp__error(&f->error, s, "bp_folder: %s \"%.100s\"", what, name);
}

static bool good_name(const char *name)
{
    size_t n = name ? strlen(name) : 0;
    for (size_t i = 0; i < n; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') ||
              (name[i] >= 'A' && name[i] <= 'Z') ||
              (name[i] >= '0' && name[i] <= '9') || strchr("._-", name[i])))
            return false;
    return n > 0 && n <= 100;
}

/* May another one of this kind be added? */
static bool may_add(bp_folder *f, int n, const char *what, const char *name)
{
    if (f->started)
        refuse(f, BP_EARG, "it has been started, too late for", name);
    else if (n == BP__FOLDER_MAX)
        refuse(f, BP_ELIMIT, "too many of the kind of", name);
    else if (!good_name(name))
        refuse(f, BP_EARG, what, name ? name : "");
    return f->status == BP_OK;
}

void bp_folder_add_store(bp_folder *f, bp_store *s)
{
    if (f->started || f->store || !s)
        refuse(f, BP_EARG, "one store, before it starts", "store");
    else
        f->store = s;
}

void bp_folder_add_step(bp_folder *f, bp_step *p)
{
    const char *name = p ? bp_step_name(p) : NULL;
    if (!p)
        refuse(f, BP_EARG, "NULL is no", "step");
    if (!p || !may_add(f, f->n_steps, "no name of a step:",
                 name[0] ? name : "nameless"))
        return;
    for (int i = 0; i < f->n_steps; i++)
        if (!strcmp(bp_step_name(f->step[i]), name))
            refuse(f, BP_EEXIST, "two steps have the name", name);
    f->step[f->n_steps++] = p;
}

void bp_folder_add_source(bp_folder *f, const char *name, bp_source *s)
{
    if (!s)
        refuse(f, BP_EARG, "NULL is no source:", name ? name : "");
    if (!may_add(f, f->n_sources, "no name of a source:", name))
        return;
    for (int i = 0; i < f->n_sources; i++)
        if (!strcmp(f->source_name[i], name))
            refuse(f, BP_EEXIST, "two sources have the name", name);
    f->source_name[f->n_sources] = bp__arena_strdup(&f->arena, name);
    f->source[f->n_sources++] = s;
    if (f->arena.failed)
        refuse(f, BP_ENOMEM, "out of memory for", name);
}

static void add_counter(bp_folder *f, const char *name, double *x, int64_t *n)
{
    if (!x && !n)
        refuse(f, BP_EARG, "NULL is no counter:", name ? name : "");
    if (!may_add(f, f->n_counters, "no name of a counter:", name))
        return;
    for (int i = 0; i < f->n_counters; i++)
        if (!strcmp(f->counter[i].name, name))
            refuse(f, BP_EEXIST, "two counters have the name", name);
    const char *copy = bp__arena_strdup(&f->arena, name);
    f->counter[f->n_counters++] = (bp__folder_counter){copy, x, n};
    if (!copy)
        refuse(f, BP_ENOMEM, "out of memory for", name);
}

void bp_folder_add_counter(bp_folder *f, const char *name, double *x)
{
    add_counter(f, name, x, NULL);
}

void bp_folder_add_count(bp_folder *f, const char *name, int64_t *n)
{
    add_counter(f, name, NULL, n);
}

/* ---- starting ------------------------------------------------------------------- */

/* The log may not be shorter than the checkpoint says: then it is another. */
static bp_status open_log(bp_folder *f, bp_error *err)
{
    bp_status st = bp__append_open(&f->log, f->o.fs, f->log_file,
                                   (int64_t)f->log_bytes, err);
    if (!st && f->o.tensorboard)
        st = bp__events_open(f, err);
    return st;
}

/* What is kept of a step is in its store: in this one, or it is lost. */
static bp_status check_stores(const bp_folder *f, bp_error *err)
{
    for (int i = 0; i < f->n_steps; i++)
        if (bp__step_store(f->step[i]) != f->store)
            return bp__error(err, BP_EARG, "bp_folder_start: step \"%s\" is of "
                             "another store than the folder's, which would not "
                             "be saved", bp_step_name(f->step[i]));
    return BP_OK;
}

bp_status bp_folder_start(bp_folder *f, bool *resumed, bp_error *err)
{
    bool resumes = f->path && f->o.resume &&
                   bp__file_exists(f->o.fs, f->checkpoint);
    if (resumed)
        *resumed = resumes;
    if (f->status)
        return bp__error(err, f->status, "%s", f->error.message);
    if (!f->store || f->started)
        return bp__error(err, BP_EARG, f->started
                             ? "bp_folder_start was called before"
                             : "bp_folder_start: no store is registered");
    bp_status st = check_stores(f, err);
    if (!st && resumes)
        st = bp__folder_load(f, err);
    if (!st && f->path)
        st = open_log(f, err);
    f->started = !st;
    f->began = f->last_save = bp__trainer_clock();
    return st;
}

/* ---- saving ----------------------------------------------------------------------- */

/* Everything beside the store, as entries of the checkpoint. */
typedef struct extras {
    bp__arena ar;
    bp__st_entry entry[2 * BP__FOLDER_MAX + 3];
    size_t n;
    bp__st_meta meta[4 * BP__FOLDER_MAX + 1];
    size_t n_meta;
} extras;

static void add_number(extras *x, const char *prefix, const char *name,
                       double value)
{
    double *copy = bp__arena_alloc(&x->ar, sizeof *copy);
    const char *full = bp__arena_printf(&x->ar, "%s%s", prefix, name);
    if (copy)
        *copy = value;
    x->entry[x->n++] = (bp__st_entry){.name = full, .dtype = BP_F64,
                                      .data = copy, .bytes = sizeof *copy};
}

static void add_meta(extras *x, const char *prefix, const char *name,
                     const char *value)
{
    x->meta[x->n_meta].key = bp__arena_printf(&x->ar, "%s%s", prefix, name);
    x->meta[x->n_meta++].value = bp__arena_strdup(&x->ar, value);
}

static bp_status add_source(const bp_folder *f, extras *x, int i,
                            bp_error *err)
{
    bp__str s;
    char hash[20];
    bp__str_init(&s, &f->a);
    bp_status st = bp_source_save(f->source[i], bp__folder_put, &s, err);
    if (s.failed) /* whatever the source made of that */
        st = bp__oom(err);
    if (!st) {
        char *copy = bp__arena_alloc(&x->ar, s.len + 1);
        if (copy && s.len)
            memcpy(copy, s.s, s.len);
        x->entry[x->n++] = (bp__st_entry){
            .name = bp__arena_printf(&x->ar, "@source.%s", f->source_name[i]),
            .dtype = BP_U8, .rank = 1, .dims = {(int64_t)s.len},
            .data = copy, .bytes = s.len};
    }
    bp__str_free(&s);
    if (!st && bp_source_hash(f->source[i], hash))
        add_meta(x, "data.", f->source_name[i], hash);
    return st;
}

static bp_status add_step(const bp_folder *f, extras *x, int i, bp_error *err)
{
    bp_step *p = f->step[i];
    bp__str types;
    char at[30];
    if (!bp__step_first(p))
        return BP_OK; /* it has not run yet */
    bp__str_init(&types, &f->a);
    bp__types_print(bp__step_first(p), bp__step_n_inputs(p), &types);
    add_meta(x, "graph.", bp_step_name(p), bp_step_hash(p));
    add_meta(x, "first.", bp_step_name(p), types.len ? types.s : "");
    bp__snprintf(at, sizeof at, "%zu", bp__step_first_at(p));
    add_meta(x, "order.", bp_step_name(p), at);
    bp_status st = types.failed ? bp__oom(err) : BP_OK;
    bp__str_free(&types);
    return st;
}

static bp_status gather_extras(const bp_folder *f, extras *x, bp_error *err)
{
    bp_status st = BP_OK;
    add_meta(x, "options", "", f->options_hash);
    for (int i = 0; i < f->n_steps && !st; i++)
        st = add_step(f, x, i, err);
    for (int i = 0; i < f->n_sources && !st; i++)
        st = add_source(f, x, i, err);
    for (int i = 0; i < f->n_counters && !st; i++) {
        const bp__folder_counter *c = &f->counter[i];
        const int64_t most = (int64_t)1 << 53;
        double v = c->n ? (double)*c->n : *c->x;
        if (!(v - v == 0) || (c->n && (*c->n > most || *c->n < -most)))
            return bp__error(err, BP_ENONFINITE, "counter \"%s\" cannot be "
                             "saved: a finite number, or a whole one up to "
                             "2^53, is wanted", c->name);
        add_number(x, "@counter.", c->name, v);
    }
    add_number(x, "@folder.", "log_bytes", f->log_bytes);
    add_number(x, "@folder.", "has_best", f->has_best);
    add_number(x, "@folder.", "best", f->best);
    return !st && x->ar.failed ? bp__oom(err) : st;
}

bp_status bp_folder_save(bp_folder *f, bp_error *err)
{
    f->last_save = bp__trainer_clock();
    if (!f->path)
        return BP_OK;
    if (!f->started)
        return bp__error(err, BP_EARG, "bp_folder_start comes first");
    extras *x = bp__calloc(&f->a, 1, sizeof *x);
    if (!x)
        return bp__oom(err);
    bp__arena_init(&x->ar, &f->a);
    bp_status st = gather_extras(f, x, err);
    if (!st)
        st = bp__append_sync(&f->log, err);
    if (!st)
        st = bp__checkpoint_save(f->o.fs, f->store, f->checkpoint, x->entry,
                                 x->n, x->meta, x->n_meta, err);
    bp__arena_free(&x->ar);
    bp__free(&f->a, x, sizeof *x);
    f->last_save = bp__trainer_clock();
    return st;
}

bp_status bp_folder_tick(bp_folder *f, bp_error *err)
{
    bool due = f->path && f->o.checkpoint_seconds > 0 &&
               bp__trainer_clock() - f->last_save > f->o.checkpoint_seconds;
    if (!f->stop)
        return due ? bp_folder_save(f, err) : BP_OK;
    bp_status st = bp_folder_save(f, err);
    f->stop = 0;
    return st ? st : bp__error(err, BP_ECANCELED, "stopped on request");
}

void bp_folder_stop(bp_folder *f)
{
    f->stop = 1;
}

bool bp_folder_stopping(const bp_folder *f)
{
    return f->stop != 0;
}

/* ---- log, curve, weights ------------------------------------------------------------ */

bp_status bp__folder_log(bp_folder *f, const bp__log_record *r, bp_error *err)
{
    bp__str line;
    if (!f->path)
        return BP_OK;
    bp__str_init(&line, &f->a);
    bp__log_format(r, &line);
    bp_status st = line.failed ? bp__oom(err)
                               : bp__append(&f->log, line.s, line.len, err);
    if (!st)
        f->log_bytes += (double)line.len;
    bp__str_free(&line);
    return st || !f->o.tensorboard ? st : bp__events_add(f, r, err);
}

static bp_status check_record(const bp_record *r, bp_error *err)
{
    if (!r->split)
        return bp__error(err, BP_EARG, "bp_folder_log: a record has a "
                         "split");
    if (r->n > BP_FOLDER_MAX_KEYS || (r->n && (!r->key || !r->value)))
        return bp__error(err, BP_ELIMIT, "a record has at most %d keys, not "
                         "%zu", BP_FOLDER_MAX_KEYS, r->n);
    for (size_t i = 0; i < r->n; i++)
        if (!good_name(r->key[i]) ||
            (bp__log_is_own(r->key[i]) && strcmp(r->key[i], "loss")))
            return bp__error(err, BP_EARG, "\"%.100s\" is no key of a record: "
                             "letters, digits, '.', '_', '-', and none of the "
                             "log's own (step, epoch, split, note ...)",
                             r->key[i]);
    return BP_OK;
}

bp_status bp_folder_log(bp_folder *f, const bp_record *given, bp_error *err)
{
    bp_record all_of_it, *r = &all_of_it;
    bp_status st = BP__OPTIONS(r, given, bp_record, err);
    if (!st)
        st = check_record(r, err);
    if (!st && !f->started)
        st = bp__error(err, BP_EARG, "bp_folder_start comes first");
    if (st)
        return st;
    bp__log_record all = {.step = r->step, .epoch = r->epoch,
                          .split = r->split, .whole_epoch = true,
                          .loss = (double)NAN, .note = r->note,
                          .seconds = bp__trainer_clock() - f->began};
    for (size_t i = 0; i < r->n; i++) {
        if (!strcmp(r->key[i], "loss")) {
            all.loss = r->value[i];
            continue;
        }
        all.metric_name[all.n_metrics] = r->key[i];
        all.metric[all.n_metrics++] = r->value[i];
    }
    return bp__folder_log(f, &all, err);
}

bp_status bp__folder_draw(bp_folder *f, bp_error *err)
{
    bp__file_data data;
    bp__str svg;
    if (!f->path)
        return BP_OK;
    bp_status st = bp__file_read(f->o.fs, &f->a, f->log_file, false, 0, &data,
                                 err);
    if (st)
        return st;
    bp__str_init(&svg, &f->a);
    st = bp__curve_draw(&f->a, (const char *)data.data, data.bytes,
                        f->log_file, f->o.title ? f->o.title : "bprop", &svg,
                        err);
    if (!st)
        st = bp__file_write(f->o.fs, &f->a, f->curve_file, svg.s, svg.len,
                            err);
    bp__str_free(&svg);
    bp__file_free(&f->a, &data);
    return st;
}

bp_status bp__folder_save_last(bp_folder *f, bp_error *err)
{
    if (!f->path)
        return BP_OK;
    return bp__store_save(f->o.fs, f->store, f->last_file, BP_KINDS_WEIGHTS,
                          err);
}

bp_status bp__folder_keep_best(bp_folder *f, bp_error *err)
{
    bp_status st = bp__store_copy(&f->a, f->store, BP_KINDS_WEIGHTS,
                                  &f->best_store, err);
    if (!st && f->path)
        st = bp__store_save(f->o.fs, f->best_store, f->best_file,
                            BP_KINDS_WEIGHTS, err);
    if (!st) /* which a checkpoint says of the file */
        f->has_best = 1;
    return st;
}

/* Checkpoints have finite numbers only; a NaN is the worst. */
static double finite_score(double x, bool larger)
{
    if (x != x)
        return larger ? -DBL_MAX : DBL_MAX;
    return BP__MAX(-DBL_MAX, BP__MIN(x, DBL_MAX));
}

bp_status bp_folder_best(bp_folder *f, double score, bool larger,
                         bool *best, bp_error *err)
{
    double x = finite_score(score, larger);
    bool better = !(f->has_best > 0) ||
                  (larger ? x > f->best : x < f->best);
    bp_status st = BP_OK;
    if (best)
        *best = better;
    if (!better)
        return BP_OK;
    st = bp__folder_keep_best(f, err);
    if (!st)
        f->best = x;
    return st;
}

bp_status bp_folder_finish(bp_folder *f, bp_error *err)
{
    if (!f->started)
        return bp__error(err, BP_EARG, "bp_folder_start comes first");
    bp_status st = bp__folder_save_last(f, err);
    if (!st)
        st = bp__folder_draw(f, err);
    return st ? st : bp_folder_save(f, err);
}
