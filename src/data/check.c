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
    int64_t at[N_EXAMPLES]; /* element of the sample */
} finding;

static void note_sample(finding *f, int64_t sample, double value, int64_t at)
{
    if (f->count < N_EXAMPLES) {
        f->sample[f->count] = sample;
        f->value[f->count] = value;
        f->at[f->count] = at;
    }
    f->count++;
}

typedef struct data_checker {
    const bp_data *d;
    const bp_data_expect *e;
    const char *what;
    bp_data_report *report;
    bp_status status;
    finding label, target, input[BP_MAX_INPUTS], whole[BP_MAX_INPUTS];
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

/* ": sample 3 has 12, sample 8 has nan at [2], and 4 more", with places where a
 * sample has axes; x: what has them, or NULL. buf: 1000 bytes. */
static const char *examples(const bp_data *d, const finding *f,
                            const bp_array *x, char *buf)
{
    int at = 0, n = (int)BP__MIN(f->count, (int64_t)N_EXAMPLES);
    for (int i = 0; i < n && at < 900; i++) {
        char value[32], where[100], place[200] = "";
        bp__format_double(value, f->value[i]);
        bp__data_where(d, f->sample[i], where, sizeof where);
        if (x)
            bp__place_text(x->rank - 1, x->dims + 1, f->at[i], place);
        at += bp__snprintf(buf + at, (size_t)(1000 - at), "%s%s has %s%s",
                           i ? ", " : ": ", where, value, place);
    }
    if (f->count > n && at < 900)
        bp__snprintf(buf + at, (size_t)(1000 - at), ", and %lld more",
                     (long long)(f->count - n));
    return buf;
}

static bool is_not_finite(double x)
{
    return x - x != 0;
}

/* The first number of row i that is not finite. */
static bool find_not_finite(const bp_array *x, int64_t row, int64_t numel,
                            double *value, int64_t *at)
{
    for (int64_t k = 0; k < numel; k++) {
        double v = bp__element(x->dtype, x->data, row * numel + k);
        if (!is_not_finite(v))
            continue;
        *value = v;
        *at = k;
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
    } else if (e->target_numel && d->kind &&
               bp__row_numel(&d->target) != e->target_numel) {
        bool real = d->kind == BP_TARGET_REAL;
        report_line(c, BP_ESHAPE,
                    "its targets have %lld %s a sample, and the model's "
                    "output has %lld%s",
                    (long long)bp__row_numel(&d->target),
                    real ? "numbers" : "labels", (long long)e->target_numel,
                    real ? "" : " that get one each");
        c->all_bad = true;
    }
}

/* ---- contents ------------------------------------------------------------*/

/* The first number of a row that is not whole, or outside what the model
 * takes. */
static bool find_misfit(const data_checker *c, size_t i, int64_t row,
                        double *value, int64_t *at)
{
    const bp_array *x = &c->d->input[i];
    bp_dtype type = c->e->input_dtype[i];
    int64_t n = bp__row_numel(x), below = c->e->below[i];
    bool held = !below && (x->dtype == type ||
                           (type == BP_I32 && bp__is_whole(x->dtype)));
    if (!x->data || held || (!below && !bp__is_whole(type)))
        return false;
    for (int64_t k = 0; k < n; k++) {
        int32_t whole;
        double v = bp__element(x->dtype, x->data, row * n + k);
        *value = v;
        *at = k;
        if (!bp__put_whole(below ? BP_I32 : type, &whole, 0, v) ||
            (below && !(v >= 0 && v < (double)below)))
            return true;
    }
    return false;
}

static bool check_input(data_checker *c, size_t i, int64_t row)
{
    const bp_array *x = &c->d->input[i];
    double value;
    int64_t at;
    if (!bp__is_whole(x->dtype) &&
        find_not_finite(x, row, bp__row_numel(x), &value, &at)) {
        note_sample(&c->input[i], row, value, at);
        return true;
    }
    if (!c->e || !find_misfit(c, i, row, &value, &at))
        return false;
    note_sample(&c->whole[i], row, value, at);
    return true;
}

/* The first label of a row that is out of range. */
static bool check_labels(data_checker *c, int64_t row)
{
    int64_t n = bp__row_numel(&c->d->target), k = c->e ? c->e->n_classes : 0;
    const int32_t *y = (const int32_t *)c->d->target.data + row * n;
    for (int64_t i = 0; i < n; i++)
        if (y[i] < 0 || (k && y[i] >= k)) {
            note_sample(&c->label, row, y[i], i);
            return true;
        }
    return false;
}

static bool check_sample(data_checker *c, int64_t row)
{
    const bp_data *d = c->d;
    bool bad = false;
    double value;
    int64_t at;
    for (size_t i = 0; i < d->n_inputs; i++)
        bad |= check_input(c, i, row);
    if (d->kind == BP_TARGET_CLASS)
        return check_labels(c, row) || bad;
    if (d->kind != BP_TARGET_REAL ||
        !find_not_finite(&d->target, row, bp__row_numel(&d->target), &value,
                         &at))
        return bad;
    note_sample(&c->target, row, value, at);
    return true;
}

static void report_misfits(data_checker *c, size_t i)
{
    char text[1000];
    const bp_array *x = &c->d->input[i];
    int64_t below = c->e->below[i];
    if (below)
        report_line(c, BP_ERANGE,
                    "%lld samples of input %zu hold a number that is none of "
                    "the whole numbers from 0 to %lld%s",
                    (long long)c->whole[i].count, i, (long long)below - 1,
                    examples(c->d, &c->whole[i], x, text));
    else
        report_line(c, BP_ERANGE,
                    "%lld samples of input %zu hold a number that does not fit "
                    "%s (whole numbers, %s)%s",
                    (long long)c->whole[i].count, i,
                    bp_dtype_name(c->e->input_dtype[i]),
                    bp__whole_range(c->e->input_dtype[i]),
                    examples(c->d, &c->whole[i], x, text));
}

static void report_contents(data_checker *c)
{
    char text[1000];
    const bp_array *t = &c->d->target;
    int64_t n = c->e ? c->e->n_classes : 0;
    const char *what = t->rank > 1 ? "samples have labels that" : "labels";
    if (c->label.count && n)
        report_line(c, BP_ERANGE, "%lld %s are not within 0 to %lld%s",
                    (long long)c->label.count, what, (long long)n - 1,
                    examples(c->d, &c->label, t, text));
    else if (c->label.count)
        report_line(c, BP_ERANGE, "%lld %s are negative%s",
                    (long long)c->label.count, what,
                    examples(c->d, &c->label, t, text));
    for (size_t i = 0; i < c->d->n_inputs; i++) {
        if (c->whole[i].count)
            report_misfits(c, i);
        if (c->input[i].count)
            report_line(c, BP_ENONFINITE,
                        "%lld samples of input %zu hold a number that is not "
                        "finite%s",
                        (long long)c->input[i].count, i,
                        examples(c->d, &c->input[i], NULL, text));
    }
    if (c->target.count)
        report_line(c, BP_ENONFINITE,
                    "%lld targets hold a number that is not finite%s",
                    (long long)c->target.count, examples(c->d, &c->target, NULL, text));
}

bp_status bp_data_check(const bp_data *d, const bp_data_expect *expect,
                        const char *what, bp_data_report *report)
{
    bp_data_expect all;
    bp_status st = BP__OPTIONS(&all, expect, bp_data_expect, NULL);
    if (st)
        return st;
    data_checker c = {.d = d, .e = expect ? &all : NULL, .what = what, .report = report};
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
