/* What a metric's state stands for: one number, and its name. */
#include "nn/nn.h"

#include <math.h>

/* ---- names ---- */

static void add_value(bp__str *out, const bp__argdef *d, const bp__argval *v)
{
    char number[32];
    switch (d->type) {
    case BP__ARG_INT:
        bp__str_printf(out, "%lld", (long long)v->i[0]);
        break;
    case BP__ARG_FLOAT:
        bp__format_double(number, v->f);
        bp__str_printf(out, "%s", number);
        break;
    case BP__ARG_BOOL:
        bp__str_printf(out, "%s%s", v->f != 0 ? "" : "no_", d->name);
        break;
    default:
        bp__str_printf(out, "%s", v->s ? v->s : "");
        break;
    }
}

static bool is_default(const bp__argdef *d, const bp__argval *v)
{
    if (!v->set)
        return true;
    if (d->no_default)
        return false;
    if (d->type == BP__ARG_INT)
        return (double)v->i[0] == d->def;
    if (d->type == BP__ARG_FLOAT || d->type == BP__ARG_BOOL)
        return v->f == d->def;
    return d->def_text && v->s && !strcmp(v->s, d->def_text);
}

/* "top_{k}": the value of k in the place of {k}. */
static void fill_label(bp__str *out, const bp__spec *s)
{
    for (const char *p = s->row->label; *p; p++) {
        size_t n = *p == '{' ? strcspn(p, "}") : 0, i = 0;
        if (!n) {
            bp__str_add(out, p, 1);
            continue;
        }
        while (i < bp__kind_arg_count(s->row) &&
               (strlen(s->row->args[i].name) != n - 1 ||
                strncmp(s->row->args[i].name, p + 1, n - 1)))
            i++;
        if (i < bp__kind_arg_count(s->row))
            add_value(out, &s->row->args[i], &s->args[i]);
        p += n;
    }
}

const char *bp__metric_label(bp__arena *ar, const bp__spec *s)
{
    bp__str out;
    bp__str_init(&out, &ar->a);
    if (s->row->label) {
        fill_label(&out, s);
    } else {
        bp__str_printf(&out, "%s", s->row->name);
        for (size_t i = 0; i < bp__kind_arg_count(s->row); i++) {
            if (is_default(&s->row->args[i], &s->args[i]))
                continue;
            bp__str_add(&out, "_", 1);
            add_value(&out, &s->row->args[i], &s->args[i]);
        }
    }
    const char *label = out.failed ? NULL : bp__arena_strdup(ar, out.s);
    bp__str_free(&out);
    return label;
}

bp_status bp__metric_labels(bp__arena *ar, bp__spec *const *list, size_t n,
                            const char **labels, bp_error *err)
{
    for (size_t i = 0; i < n; i++) {
        labels[i] = bp__metric_label(ar, list[i]);
        if (!labels[i])
            return bp__oom(err);
        for (size_t k = 0; k < i; k++)
            if (!strcmp(labels[k], labels[i]))
                return bp__error(err, BP_EEXIST, "the metric %s is given "
                                 "twice", labels[i]);
    }
    return BP_OK;
}

/* ---- values ---- */

bool bp__metric_value(const bp__spec *s, const bp__metric_state *m,
                      double *out)
{
    *out = (double)NAN;
    if (m->n < 1 || m->w < 1)
        return true;
    if (s->row->value)
        return s->row->value(s, m, out);
    *out = m->x[0] / (double)m->n;
    return true;
}

bp_status bp_nn_metric_value(const char *metric, const double *state, size_t n,
                             int64_t samples, double *value, bp_error *err)
{
    bp__arena ar;
    bp__spec *s;
    bp__arena_init(&ar, NULL);
    bp_status st = bp__spec_parse(&ar, BP_NN_METRICS, metric, &s, err);
    if (!st) {
        bp__metric_state m = {state, samples, (int64_t)n, &ar.a};
        int64_t per = s->row->keeps ? samples : 1;
        if (samples < 0 || (n && !state) || !value ||
            (per > 0 && (int64_t)n % per))
            st = bp__error(err, BP_EARG, "bp_nn_metric_value: %zu numbers of "
                           "%lld samples are no state of %s", n,
                           (long long)samples, s->row->name);
        m.w = per > 0 ? (int64_t)n / per : 0;
        if (!st && !bp__metric_value(s, &m, value))
            st = bp__oom(err);
    }
    bp__arena_free(&ar);
    return st;
}
