/* Records of log.jsonl: one JSON object a line. Numbers are exact: the fewest
 * digits that read back the same. "seconds" stands last, and is the only
 * member that two runs of one configuration may differ in. */
#include "train/train.h"

#include "fmt/json.h"

#include <math.h>

static const char *const own_members[] = {
    "step", "epoch", "split", "whole_epoch", "samples", "loss",
    "lr",   "grad_norm", "note", "weights", "seconds",
};

void bp__log_format(const bp__log_record *r, bp__str *out)
{
    bp__json_writer w;
    bp__jw_init(&w, out);
    bp__jw_object(&w, NULL);
    bp__jw_int(&w, "step", r->step);
    bp__jw_int(&w, "epoch", r->epoch);
    bp__jw_string(&w, "split", r->split);
    bp__jw_bool(&w, "whole_epoch", r->whole_epoch);
    bp__jw_int(&w, "samples", r->samples);
    bp__jw_double(&w, "loss", r->loss);
    for (int i = 0; i < r->n_metrics; i++)
        bp__jw_double(&w, r->metric_name[i], r->metric[i]);
    if (r->has_step_facts)
        bp__jw_double(&w, "lr", r->lr);
    if (r->has_step_facts && r->wide)
        bp__jw_double(&w, "grad_norm", r->grad_norm);
    else if (r->has_step_facts)
        bp__jw_float(&w, "grad_norm", (float)r->grad_norm);
    if (r->note)
        bp__jw_string(&w, "note", r->note);
    if (r->weights)
        bp__jw_string(&w, "weights", r->weights);
    /* A time: hundredths tell enough. */
    bp__jw_double(&w, "seconds", (double)(int64_t)(r->seconds * 100) / 100);
    bp__jw_end_object(&w);
    bp__str_add(out, "\n", 1);
}

bool bp__log_is_own(const char *key)
{
    for (size_t i = 0; i < BP__ARRAY_LEN(own_members); i++)
        if (!strcmp(key, own_members[i]))
            return true;
    return false;
}

static double member_number(const bp__json *v, const char *key)
{
    const bp__json *m = bp__json_get(v, key);
    return m && m->type == BP__JSON_NUMBER ? m->number : 0;
}

/* A whole number that a double holds exactly; 0 where there is none. */
static bp_status member_count(const bp__json *v, const char *key,
                              const char *where, int64_t *n, bp_error *err)
{
    char text[32];
    double x = member_number(v, key);
    *n = 0;
    if (!(x >= 0 && x <= 0x1p53 && x == (double)(int64_t)x)) {
        bp__format_double(text, x);
        return bp__error(err, BP_EFORMAT, "%s: \"%s\" is %s: a whole number "
                         "from 0 to 2^53 is wanted", where, key, text);
    }
    *n = (int64_t)x;
    return BP_OK;
}

bp_status bp__log_parse(bp__arena *ar, const char *line, size_t bytes,
                        const char *where, bp__log_record *r, bp_error *err)
{
    bp_error why = {0};
    const bp__json *v = bp__json_parse(ar, line, bytes, where, &why);
    if (!v)
        return bp__error(err, why.status, "%s", why.message);
    const bp__json *split = bp__json_get(v, "split");
    const bp__json *whole = bp__json_get(v, "whole_epoch");
    const bp__json *loss = bp__json_get(v, "loss");
    if (v->type != BP__JSON_OBJECT || !split ||
        split->type != BP__JSON_STRING || !whole ||
        whole->type != BP__JSON_BOOL || !loss ||
        (loss->type != BP__JSON_NUMBER && loss->type != BP__JSON_NULL))
        return bp__error(err, BP_EFORMAT, "%s: not a record of a run's log",
                         where);
    *r = (bp__log_record){0};
    bp_status st = member_count(v, "step", where, &r->step, err);
    if (!st)
        st = member_count(v, "epoch", where, &r->epoch, err);
    if (!st)
        st = member_count(v, "samples", where, &r->samples, err);
    if (st)
        return st;
    r->split = split->string;
    r->whole_epoch = whole->boolean;
    /* What was not finite is written as null. */
    r->loss = loss->type == BP__JSON_NULL ? (double)NAN : loss->number;
    r->lr = member_number(v, "lr");
    r->grad_norm = member_number(v, "grad_norm");
    r->has_step_facts = bp__json_get(v, "lr") != NULL;
    r->seconds = member_number(v, "seconds");
    const bp__json *note = bp__json_get(v, "note");
    r->note = note && note->type == BP__JSON_STRING ? note->string : NULL;
    for (const bp__json *m = v->child; m; m = m->next) {
        bool none = m->type == BP__JSON_NULL; /* not defined */
        if (bp__log_is_own(m->key) || (!none && m->type != BP__JSON_NUMBER) ||
            r->n_metrics == BP_MAX_METRICS)
            continue;
        r->metric_name[r->n_metrics] = m->key;
        r->metric[r->n_metrics++] = none ? (double)NAN : m->number;
    }
    return BP_OK;
}
