/* When a step fails: where the first fault was born. The same uncommitted step
 * is run again, call by call, with every output looked at; since bits do not
 * depend on threads or order, the same values come about. */
#include "exec/exec.h"

#include "lower/move.h"

static bool nonfinite_at(const bp__type *t, const void *data, int64_t i)
{
    return bp__any_nonfinite(t->dtype,
                             (const char *)data +
                                 (size_t)i * bp_dtype_bytes(t->dtype),
                             1);
}

/* ", in sample(s) 3, 17 and 5 more", where the rows of the tensor are those of
 * samples: one each, or the same number of rows each. */
static void name_samples(bp__str *s, const bp__type *t, const void *data,
                         int64_t first, int64_t samples)
{
    int64_t rows = t->rank ? t->dims[0] : 1, shown = 0, found = 0, last = -1;
    int64_t row = rows ? bp__numel(t) / rows : 0;
    if (!t->rank || (samples && rows % samples))
        return;
    int64_t each = samples ? rows / samples : 1;
    for (int64_t r = 0; r < rows; r++) {
        bool bad = false;
        for (int64_t i = 0; i < row && !bad; i++)
            bad = nonfinite_at(t, data, r * row + i);
        if (!bad || r / each == last)
            continue;
        last = r / each;
        found++;
        if (shown < 5) {
            bp__str_printf(s, "%s %lld", shown ? "," : ", in sample(s)",
                           (long long)(first + last));
            shown++;
        }
    }
    if (found > shown)
        bp__str_printf(s, " and %lld more", (long long)(found - shown));
}

static const char *kind_of(const bp__type *t, const void *data)
{
    int64_t n = bp__numel(t);
    for (int64_t i = 0; i < n; i++) {
        if (!nonfinite_at(t, data, i))
            continue;
        if (t->dtype == BP_F64) {
            double x;
            memcpy(&x, (const char *)data + 8 * i, 8);
            return x != x ? "NaN" : "infinite";
        }
        float x;
        memcpy(&x, (const char *)data + 4 * i, 4);
        return x != x ? "NaN" : "infinite";
    }
    return "finite";
}

static bool bad_buffer(const bp_program *p, uint32_t buf)
{
    const bp__buf *b = &p->l->bufs[buf];
    const void *data = bp__address(p, buf);
    return data && bp__is_float(b->type.dtype) &&
           bp__any_nonfinite(b->type.dtype, data, bp__numel(&b->type));
}

/* sample: as in bp__call; 0: rows are no samples. */
static bp_status report(bp_program *p, const char *what, const char *name,
                        uint32_t buf, int64_t sample, int64_t samples,
                        bp_error *err)
{
    const bp__buf *b = &p->l->bufs[buf];
    const void *data = bp__address(p, buf);
    char text[200];
    bp__str s;
    bp__str_init(&s, &p->a);
    bp__str_printf(&s, "%s%s: %s %s value", what, name,
                   bp__type_text(&b->type, text), kind_of(&b->type, data));
    if (sample && b->layout == BP__PLAIN)
        name_samples(&s, &b->type, data, sample - 1, samples);
    bp__str_printf(&s, "; nothing was committed");
    bp_status st = bp__error(err, BP_ENONFINITE, "%s",
                             s.failed ? "a value is not finite" : s.s);
    bp__str_free(&s);
    return st;
}

static bp_status check_sources(bp_program *p, bp_error *err)
{
    const bp__lowered *l = p->l;
    for (size_t i = 0; i < l->n_inputs; i++)
        if (bad_buffer(p, l->inputs[i].buf))
            return report(p, "input ", l->inputs[i].name, l->inputs[i].buf,
                          l->inputs[i].sample, l->inputs[i].samples, err);
    for (size_t b = 0; b < l->n_bufs; b++) {
        const bp__buf *v = &l->bufs[b];
        if (v->kind != BP__BUF_VAR || v->root != b ||
            !bad_buffer(p, (uint32_t)b))
            continue;
        bp_var_info info;
        bp_store_info(v->store, v->var, &info);
        return report(p, "variable ", info.name, (uint32_t)b, 0, 0, err);
    }
    return BP_OK;
}

static bp_status report_index(bp_program *p, uint32_t c, bp_error *err)
{
    return bp__error(err, BP_ERANGE,
                     "%s: %lld index(es) out of range; nothing was committed",
                     p->l->calls[c].label, (long long)bp__call_faults(p, c));
}

/* Runs the step call by call; BP_OK: no result is other than finite. */
static bp_status search(bp_program *p, bp_error *err)
{
    const bp__lowered *l = p->l;
    for (size_t i = p->plan->n_const; i < p->plan->n_order; i++) {
        uint32_t c = p->plan->order[i];
        const bp__call *call = &l->calls[c];
        if (call->phase != BP__PHASE_MAIN && call->phase != BP__PHASE_KEPT)
            continue;
        bp__run_call(p, c, 0, 0, call->units);
        for (int k = 0; k < call->n_out; k++) {
            uint32_t b = call->bufs[call->n_in + k];
            if (bad_buffer(p, b))
                return report(p, "", call->label, b,
                              call->rows & BP__ROWS ? call->sample : 0,
                              call->samples, err);
        }
    }
    return BP_OK;
}

bp_status bp__diagnose(bp_program *p, bp_error *err)
{
    const bp__lowered *l = p->l;
    for (size_t c = 0; c < l->n_calls; c++)
        if (l->calls[c].faults && bp__call_faults(p, (uint32_t)c))
            return report_index(p, (uint32_t)c, err);
    bp_status s = check_sources(p, err);
    if (s != BP_OK)
        return s;
    /* With every node by itself; if there is no memory for that, as it is. */
    bp_program *u;
    if (bp__program_unfused(p, &u, NULL) == BP_OK) {
        bp__resolve(u);
        s = search(u, err);
        bp_program_free(u);
    }
    if (p->version != p->r->version)
        bp__resolve(p);
    if (s == BP_OK)
        s = search(p, err);
    return s != BP_OK ? s : bp__error(err, BP_ENONFINITE,
                                      "a tested value is not finite");
}

bp_status bp__poison(bp_program *p, bp_error *err)
{
    const bp__lowered *l = p->l;
    for (size_t i = 0; i < l->n_commits; i++) {
        bp_var_info info;
        bp_store_info(l->commits[i].store, l->commits[i].var, &info);
        int64_t numel = (int64_t)(info.bytes / bp_dtype_bytes(info.dtype));
        if (!bp__call_faults(p, l->commits[i].call) ||
            !bp__is_float(info.dtype) ||
            !bp__any_nonfinite(info.dtype,
                               bp_store_read(l->commits[i].store,
                                             l->commits[i].var), numel))
            continue;
        bp__error(err, BP_ENONFINITE,
                  "the update of variable \"%s\" (%s) is not finite: the "
                  "store is unusable now, go on from the last checkpoint",
                  info.name, l->calls[l->commits[i].call].label);
        bp_error local = {BP_OK, ""};
        bp__error(&local, BP_ENONFINITE,
                  "the update of variable \"%s\" is not finite", info.name);
        for (size_t k = 0; k < l->n_stores; k++)
            bp__store_poison(l->stores[k], local.message);
        return BP_ENONFINITE;
    }
    return bp__error(err, BP_EBUG, "a commit counted a fault of no variable");
}
