/* What a checkpoint may hold: the state that a run goes on from is checked
 * whole, each variable in its range, and against the data and the log, before
 * anything is touched. From then on the counters are taken as they stand. */
#include "data/data.h"
#include "train/trainer.h"

#include <float.h>
#include <math.h>

/* The state as the file has it. */
typedef struct saved_state {
#define STATE_FIELD(name) double name;
    BP__TRAINER_STATE(STATE_FIELD)
#undef STATE_FIELD
    double step;
    double log_bytes, has_best_file; /* the folder's own */
} saved_state;

/* One variable: a number from least to most; what: those that are right. */
typedef struct state_range {
    const char *name;
    double x;
    bool whole;
    double least, most;
    const char *what;
} state_range;

enum { MAX_RANGES = 20 };

typedef struct state_ranges {
    state_range list[MAX_RANGES];
    int n;
} state_ranges;

static void add_range(state_ranges *r, const char *name, double x, bool whole,
                      double least, double most, const char *what)
{
    r->list[r->n++] = (state_range){name, x, whole, least, most, what};
}

static bool is_count(double x, double least, double most)
{
    return x >= least && x <= most && x == (double)(int64_t)x;
}

/* ---- the file ------------------------------------------------------------ */

/* The folder has compared names and types with the store's. */
static double saved_number(const bp__safetensors *st, const char *name)
{
    const bp__st_entry *e = bp__safetensors_find(st, name);
    return e->dtype == BP_I32 ? (double)*(const int32_t *)e->data
                              : *(const double *)e->data;
}

static saved_state saved_of(const bp__safetensors *st)
{
    saved_state s;
#define STATE_READ(name) s.name = saved_number(st, "trainer." #name);
    BP__TRAINER_STATE(STATE_READ)
#undef STATE_READ
    s.step = saved_number(st, "trainer.step");
    s.log_bytes = saved_number(st, "@folder.log_bytes");
    s.has_best_file = saved_number(st, "@folder.has_best");
    return s;
}

/* ---- ranges -------------------------------------------------------------- */

/* Steps of so many whole epochs and batches; the last epoch of a run of
 * o.steps may be a part of one. */
static double steps_of(const bp_trainer *t, const saved_state *s)
{
    double all = s->epoch * (double)t->batches, most = (double)t->o.steps;
    if (s->batch == 0 && most > all - (double)t->batches && most < all)
        return most;
    return all + s->batch;
}

static double samples_of(const bp_trainer *t, const saved_state *s)
{
    if (!is_count(s->batch, 0, (double)t->batches))
        return 0; /* which is refused on its own */
    double all = (double)bp_data_count(t->o.train);
    return BP__MIN(s->batch * (double)t->o.batch, all);
}

static void plateau_ranges(const bp_trainer *t, const bp__safetensors *st,
                           state_ranges *r)
{
    const bp__spec *s = t->plateau.spec;
    if (!s)
        return;
    add_range(r, "plateau_factor", saved_number(st, "trainer.plateau_factor"),
              false, 0, 1, "of the schedule's rate");
    add_range(r, "plateau_has_best",
              saved_number(st, "trainer.plateau_has_best"), true, 0, 1,
              "is there a best value?");
    add_range(r, "plateau_idle", saved_number(st, "trainer.plateau_idle"),
              true, 0, (double)bp__arg_int(s, "patience"),
              "up to the schedule's patience");
    add_range(r, "plateau_rest", saved_number(st, "trainer.plateau_rest"),
              true, 0, (double)bp__arg_int(s, "cooldown"),
              "up to the schedule's cooldown");
}

static void ranges_of(const bp_trainer *t, const bp__safetensors *st,
                      const saved_state *s, state_ranges *r)
{
    double batches = (double)t->batches, steps = steps_of(t, s);
    double samples = samples_of(t, s);
    /* An epoch whose steps are done may have been judged already. */
    double judged = s->epoch + (s->batch == batches);
    bool best = s->has_best > 0;
    add_range(r, "epoch", s->epoch, true, 0, floor(INT32_MAX / batches) + 1,
              "whole epochs done");
    add_range(r, "batch", s->batch, true, 0, batches,
              "batches done in this epoch, of those that it has");
    add_range(r, "step", s->step, true, steps, steps,
              "as epoch and batch have it");
    add_range(r, "has_best", s->has_best, true, 0, judged > 0,
              "is there a best epoch?");
    add_range(r, "has_best", s->has_best, true, s->has_best_file,
              s->has_best_file, "as the folder has it");
    add_range(r, "best_epoch", s->best_epoch, true, best, best ? judged : 0,
              "up to the last epoch");
    add_range(r, "idle", s->idle, true, 0, judged - s->best_epoch,
              "epochs since the best one");
    add_range(r, "sum_samples", s->sum_samples, true, samples, samples,
              "the samples of this epoch's batches");
    add_range(r, "sum_loss", s->sum_loss, false, samples > 0 ? -DBL_MAX : 0,
              samples > 0 ? DBL_MAX : 0, "of those samples");
    add_range(r, "sum_weight", s->sum_weight, false, 0,
              samples > 0 ? DBL_MAX : 0, "of those samples");
    add_range(r, "grad_norm", s->grad_norm, false, 0, DBL_MAX, "a length");
    plateau_ranges(t, st, r);
}

static bp_status check_range(const char *path, const state_range *r,
                             bp_error *err)
{
    char have[32], least[32], most[32];
    if (r->x >= r->least && r->x <= r->most &&
        (!r->whole || is_count(r->x, r->least, r->most)))
        return BP_OK;
    bp__format_double(have, r->x);
    bp__format_double(least, r->least);
    bp__format_double(most, r->most);
    if (r->least == r->most)
        return bp__error(err, BP_EFORMAT, "'%s': trainer.%s is %s: %s is right "
                         "(%s)", path, r->name, have, least, r->what);
    return bp__error(err, BP_EFORMAT, "'%s': trainer.%s is %s: a %snumber from "
                     "%s to %s is right (%s)", path, r->name, have,
                     r->whole ? "whole " : "", least, most, r->what);
}

/* Random numbers are a function of it: the seed, and the step. */
static bp_status check_key(const bp_trainer *t, const bp__safetensors *st,
                           const saved_state *s, bp_error *err)
{
    const bp__st_entry *e = bp__safetensors_find(st, "trainer.key");
    const uint64_t seed = t->task.seed;
    uint32_t want[4] = {(uint32_t)seed, (uint32_t)(seed >> 32),
                        (uint32_t)s->step, 0};
    if (!e || (e->bytes == sizeof want && !memcmp(e->data, want, sizeof want)))
        return BP_OK;
    return bp__error(err, BP_EFORMAT, "'%s': trainer.key does not belong to "
                     "this run's seed and step", t->folder->checkpoint);
}

/* ---- the log -------------------------------------------------------------
 * log_bytes must be where the checkpoint's records end: less would cut
 * records off, more keep those of steps that are done again. */

static bp_status bad_log(const bp_trainer *t, const saved_state *s,
                         const char *why, bp_error *err)
{
    return bp__error(err, BP_EFORMAT, "'%s': @folder.log_bytes is %lld: %s; "
                     "'%s' is of another run, or one of the two was changed",
                     t->folder->checkpoint, (long long)s->log_bytes, why,
                     t->folder->log_file);
}

/* Does this record, which stands behind the end, belong before it? */
static bool is_cut_off(const bp_trainer *t, const saved_state *s,
                       const bp__log_record *r)
{
    double step = (double)r->step;
    if (step != s->step)
        return step < s->step;
    bool test = !strcmp(r->split, "test");
    return !r->whole_epoch || (!test && s->batch < (double)t->batches);
}

static bp_status check_lines(const bp_trainer *t, const saved_state *s,
                             const char *log, size_t bytes, bp_error *err)
{
    size_t end = (size_t)s->log_bytes;
    bool closes = s->epoch < 1; /* is the last epoch's record there? */
    bp_status st = BP_OK;
    if (end > bytes)
        return bad_log(t, s, "the log is missing or shorter", err);
    for (size_t at = 0; at < bytes && at <= end && !st;) {
        const char *stop = memchr(log + at, '\n', bytes - at);
        size_t n = stop ? (size_t)(stop - (log + at)) : bytes - at;
        bool behind = at == end;
        bp__arena ar;
        bp__log_record r = {0};
        bp__arena_init(&ar, &t->a);
        if (at < end && at + n >= end)
            st = bad_log(t, s, "that is within a line of the log", err);
        else if (stop)
            st = bp__log_parse(&ar, log + at, n, t->folder->log_file, &r, err);
        if (behind) { /* what comes is cut: it may be damaged */
            bool cut = !st && stop && is_cut_off(t, s, &r);
            st = cut ? bad_log(t, s, "records of the log before the "
                               "checkpoint stand behind that", err)
                     : BP_OK;
        } else if (!st && ((double)r.step > s->step ||
                           !strcmp(r.split, "test"))) {
            st = bad_log(t, s, "the log has records before that which are of "
                         "after the checkpoint", err);
        } else if (!st) {
            closes |= r.whole_epoch && (double)r.epoch == s->epoch &&
                      !strcmp(r.split, "train");
        }
        bp__arena_free(&ar);
        at += n + 1;
    }
    if (!st && !closes)
        st = bad_log(t, s, "the record of the last epoch is not before that",
                     err);
    return st;
}

/* ---- all of it ------------------------------------------------------------ */

bp_status bp__trainer_check_state(void *user, const bp__safetensors *st,
                                  bp_error *err)
{
    const bp_trainer *t = user;
    const bp_folder *f = t->folder;
    state_ranges r = {.n = 0};
    bp__file_data log = {0};
    bp_status status = BP_OK;
    saved_state s = saved_of(st);
    ranges_of(t, st, &s, &r);
    for (int i = 0; i < r.n && !status; i++)
        status = check_range(f->checkpoint, &r.list[i], err);
    if (!status)
        status = check_key(t, st, &s, err);
    if (!status && bp__file_exists(t->o.fs, f->log_file))
        status = bp__file_read(t->o.fs, &t->a, f->log_file, false, 0, &log,
                               err);
    if (!status)
        status = check_lines(t, &s, (const char *)log.data, log.bytes, err);
    bp__file_free(&t->a, &log);
    return status;
}
