/* The run's numbers for TensorBoard. The event file is a function of the log:
 * a resumed run writes it anew from the log's part that stands, so it can hold
 * no record twice and no half of one, and needs no state of its own.
 *
 * Of each record one event: NAME/SPLIT for loss and metrics, and the rate and
 * the gradient's norm for those of training; "batch" is the split of records
 * of train.log_every. wall_time is the step: a time would differ between two
 * runs of one configuration. */
#include "fmt/tfevents.h"
#include "train/folder.h"

enum { MAX_SCALARS = BP_MAX_METRICS + 3 };

typedef struct event_row {
    bp__tfscalar s[MAX_SCALARS];
    char tag[MAX_SCALARS][160];
    size_t n;
} event_row;

static void event_scalar(event_row *row, const char *name, const char *split,
                         double x)
{
    float y = (float)x;
    if (y - y != 0 || row->n == MAX_SCALARS)
        return;
    bp__snprintf(row->tag[row->n], sizeof row->tag[0], "%s/%s", name, split);
    row->s[row->n] = (bp__tfscalar){row->tag[row->n], y};
    row->n++;
}

void bp__events_format(const bp__log_record *r, bp__str *out)
{
    event_row row = {.n = 0};
    const char *split = r->whole_epoch ? r->split : "batch";
    event_scalar(&row, "loss", split, r->loss);
    for (int i = 0; i < r->n_metrics; i++)
        event_scalar(&row, r->metric_name[i], split, r->metric[i]);
    if (r->has_step_facts) {
        event_scalar(&row, "learning_rate", split, r->lr);
        event_scalar(&row, "grad_norm", split, r->grad_norm);
    }
    bp__tfevents_add((double)r->step, r->step, row.s, row.n, out);
}

static bp_status events_of_log(const bp_allocator *a, const char *log,
                               size_t bytes, const char *where, bp__str *out,
                               bp_error *err)
{
    bp_status st = BP_OK;
    for (size_t at = 0; !st && at < bytes;) {
        const char *end = memchr(log + at, '\n', bytes - at);
        if (!end)
            break;
        size_t n = (size_t)(end - (log + at));
        bp__arena ar;
        bp__log_record r;
        bp__arena_init(&ar, a);
        st = bp__log_parse(&ar, log + at, n, where, &r, err);
        if (!st)
            bp__events_format(&r, out);
        bp__arena_free(&ar);
        at += n + 1;
    }
    return st;
}

bp_status bp__events_open(bp_folder *f, bp_error *err)
{
    bp__file_data log = {0};
    bp__str s;
    size_t bytes = (size_t)f->log_bytes;
    bp__str_init(&s, &f->a);
    bp__tfevents_begin(0, &s);
    bp_status st = BP_OK;
    if (bytes)
        st = bp__file_read(f->o.fs, &f->a, f->log_file, false, 0, &log, err);
    if (!st)
        st = events_of_log(&f->a, (const char *)log.data,
                           BP__MIN(bytes, log.bytes), f->log_file, &s, err);
    if (!st && s.failed)
        st = bp__oom(err);
    if (!st)
        st = bp__file_write(f->o.fs, &f->a, f->events_file, s.s, s.len, err);
    if (!st)
        st = bp__append_open(&f->events, f->o.fs, f->events_file,
                             (int64_t)s.len, err);
    bp__file_free(&f->a, &log);
    bp__str_free(&s);
    return st;
}

bp_status bp__events_add(bp_folder *f, const bp__log_record *r, bp_error *err)
{
    bp__str s;
    bp__str_init(&s, &f->a);
    bp__events_format(r, &s);
    bp_status st = BP_OK;
    if (s.failed)
        st = bp__oom(err);
    else if (s.len)
        st = bp__append(&f->events, s.s, s.len, err);
    bp__str_free(&s);
    return st;
}
