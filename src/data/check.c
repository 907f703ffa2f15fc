/* Looking at every sample before the first step: one report of all problems.
 * Knows of a model only what bp_data_expect says. */
#include "data/data.h"

#include "fmt/array.h"

enum { N_EXAMPLES = 5 };

/* One kind of problem: how many samples have it, and the first ones. */
typedef struct finding {
    int64_t count;
    int64_t sample[N_EXAMPLES];
    double value[N_EXAMPLES];
} finding;

static void note_sample(finding *f, int64_t sample, double value)
{
    if (f->count < N_EXAMPLES) {
        f->sample[f->count] = sample;
        f->value[f->count] = value;
    }
    f->count++;
}

typedef struct data_checker {
    const bp_data *d;
    const bp_data_expect *e;
    const char *what;
    bp_data_report *report;
    bp_status status;
    finding label, target, input[BP_MAX_INPUTS];
    bool all_bad; /* a shape is wrong: no sample is usable */
} data_checker;

static void report_line(data_checker *c, bp_status s, const char *format, ...)
    BP__PRINTF(3, 4);

static void report_line(data_checker *c, bp_status s, const char *format, ...)
{
    if (!c->status)
        c->status = s;
    char *text = c->report->text;
    size_t room = sizeof c->report->text, at = strlen(text);
    if (at)
        at += (size_t)bp__snprintf(text + at, room - at, "\n");
    if (at < room)
        at += (size_t)bp__snprintf(text + at, room - at, "%s (%s): ", c->what,
                                   c->d->source);
    if (at < room) {
        va_list ap;
        va_start(ap, format);
        at += (size_t)bp__vsnprintf(text + at, room - at, format, ap);
        va_end(ap);
    }
    if (at >= room)
        memcpy(text + room - 4, "...", 4);
}

/* ": sample 3 has 12, sample 8 has nan, and 4 more"; buf: 800 bytes. */
static const char *examples(const bp_data *d, const finding *f, char *buf)
{
    int at = 0, n = (int)BP__MIN(f->count, (int64_t)N_EXAMPLES);
    for (int i = 0; i < n; i++) {
        char value[32], where[100];
        bp__format_double(value, f->value[i]);
        bp__data_where(d, f->sample[i], where, sizeof where);
        at +=
            bp__snprintf(buf + at, (size_t)(800 - at), "%s%s has %s",
                         i ? ", " : ": ", where, value);
    }
    if (f->count > n)
        bp__snprintf(buf + at, (size_t)(800 - at), ", and %lld more",
                     (long long)(f->count - n));
    return buf;
}

static bool is_not_finite(float x)
{
    return x - x != 0;
}

/* The first number of row i that is not finite. */
static bool find_not_finite(const bp_array *x, int64_t row, int64_t numel,
                            double *value)
{
    const float *v = (const float *)x->data + row * numel;
    for (int64_t k = 0; k < numel; k++)
        if (is_not_finite(v[k])) {
            *value = (double)v[k];
            return true;
        }
    return false;
}

/* ---- shapes ------------------------------------------------------------- */

static void check_input_shapes(data_checker *c)
{
    const bp_data *d = c->d;
    const bp_data_expect *e = c->e;
    if (e->n_inputs && e->n_inputs != d->n_inputs) {
        report_line(c, BP_ESHAPE, "%zu inputs, and the model has %zu",
                    d->n_inputs, e->n_inputs);
        c->all_bad = true;
        return;
    }
    for (size_t i = 0; i < e->n_inputs; i++) {
        const bp_array *x = &d->input[i];
        int64_t want = bp__dims_numel(e->rank[i], e->dims[i], 8);
        if (bp__row_numel(x) == want)
            continue;
        char have_text[200], want_text[200];
        report_line(c, BP_ESHAPE,
                    "all %lld samples of input %zu have the shape %s, and the "
                    "model asks for %s",
                    (long long)d->count, i,
                    bp__shape_text(x->rank - 1, x->dims + 1, have_text),
                    bp__shape_text(e->rank[i], e->dims[i], want_text));
        c->all_bad = true;
    }
}

static void check_target_shape(data_checker *c)
{
    static const char *const kinds[] = {"no targets", "class labels",
                                        "real numbers as targets"};
    const bp_data *d = c->d;
    const bp_data_expect *e = c->e;
    if (e->target && e->target != d->kind) {
        report_line(c, BP_EDTYPE, "it has %s, and the loss asks for %s",
                    kinds[d->kind], kinds[e->target]);
        c->all_bad = true;
    } else if (e->target_numel && d->kind == BP_TARGET_REAL &&
               bp__row_numel(&d->target) != e->target_numel) {
        report_line(c, BP_ESHAPE,
                    "its targets have %lld numbers a sample, and the model's "
                    "output has %lld",
                    (long long)bp__row_numel(&d->target),
                    (long long)e->target_numel);
        c->all_bad = true;
    }
}

/* ---- contents ------------------------------------------------------------*/

static bool check_sample(data_checker *c, int64_t row)
{
    const bp_data *d = c->d;
    bool bad = false;
    double value;
    for (size_t i = 0; i < d->n_inputs; i++) {
        const bp_array *x = &d->input[i];
        if (x->dtype == BP_F32 &&
            find_not_finite(x, row, bp__row_numel(x), &value)) {
            note_sample(&c->input[i], row, value);
            bad = true;
        }
    }
    if (d->kind == BP_TARGET_CLASS) {
        int32_t y = ((const int32_t *)d->target.data)[row];
        if (y < 0 || (c->e && c->e->n_classes && y >= c->e->n_classes)) {
            note_sample(&c->label, row, y);
            bad = true;
        }
    } else if (d->kind == BP_TARGET_REAL &&
               find_not_finite(&d->target, row, bp__row_numel(&d->target),
                               &value)) {
        note_sample(&c->target, row, value);
        bad = true;
    }
    return bad;
}

static void report_contents(data_checker *c)
{
    char text[800];
    int64_t n = c->e ? c->e->n_classes : 0;
    if (c->label.count && n)
        report_line(c, BP_ERANGE, "%lld labels are not within 0 to %lld%s",
                    (long long)c->label.count, (long long)n - 1,
                    examples(c->d, &c->label, text));
    else if (c->label.count)
        report_line(c, BP_ERANGE, "%lld labels are negative%s",
                    (long long)c->label.count, examples(c->d, &c->label, text));
    for (size_t i = 0; i < c->d->n_inputs; i++)
        if (c->input[i].count)
            report_line(c, BP_ENONFINITE,
                        "%lld samples of input %zu hold a number that is not "
                        "finite%s",
                        (long long)c->input[i].count, i,
                        examples(c->d, &c->input[i], text));
    if (c->target.count)
        report_line(c, BP_ENONFINITE,
                    "%lld targets hold a number that is not finite%s",
                    (long long)c->target.count, examples(c->d, &c->target, text));
}

bp_status bp_data_check(const bp_data *d, const bp_data_expect *expect,
                        const char *what, bp_data_report *report)
{
    if (expect && expect->size < sizeof *expect)
        return BP_EARG;
    data_checker c = {.d = d, .e = expect, .what = what, .report = report};
    if (expect) {
        check_input_shapes(&c);
        check_target_shape(&c);
    }
    int64_t n_bad = 0;
    for (int64_t i = 0; i < d->count; i++)
        n_bad += check_sample(&c, i);
    report_contents(&c);
    report->n_records += d->count;
    report->n_bad += c.all_bad ? d->count : n_bad;
    return c.status;
}
