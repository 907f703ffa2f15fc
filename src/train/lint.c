/* What usually goes wrong in training, told before the first step: a hint is a
 * line of text, and data. Nothing here stops a run. A hint must be worth its
 * line: the bounds are wide, and a model that trains well gets none.
 *
 * Hints are about the initial state, so a resumed run comes to the same ones;
 * units are looked at after each epoch, too. */
#include "train/trainer.h"

#include "data/data.h"
#include "fmt/array.h"
#include "nn/nn.h"

#include <math.h>

enum { LINT_ROWS = 64, LINT_SCAN = 2000, LINT_UNITS = 16 };

static void lint_hint(bp_trainer *t, const char *format, ...)
    BP__PRINTF(2, 3);
static void lint_hint(bp_trainer *t, const char *format, ...)
{
    char text[600];
    va_list ap;
    if (t->n_hints == BP__MAX_HINTS)
        return;
    va_start(ap, format);
    bp__vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    const char *copy = bp__arena_strdup(&t->arena, text);
    if (copy)
        t->hint[t->n_hints++] = copy;
}

/* ---- targets ----------------------------------------------------------- */

/* What the last layer can give. */
static const struct output_range {
    const char *kind;
    double lo, hi;
} output_ranges[] = {
    {"sigmoid", 0, 1},      {"hard_sigmoid", 0, 1}, {"softmax", 0, 1},
    {"tanh", -1, 1},        {"softsign", -1, 1},    {"relu", 0, HUGE_VAL},
    {"softplus", 0, HUGE_VAL}, {"log_softmax", -HUGE_VAL, 0},
};

static bool find_range(const bp_trainer *t, const char *last,
                       struct output_range *r)
{
    bp__arena ar;
    bp__spec *loss;
    bool sigmoid;
    for (size_t i = 0; i < BP__ARRAY_LEN(output_ranges); i++)
        if (!strcmp(output_ranges[i].kind, last)) {
            *r = output_ranges[i];
            return true;
        }
    bp__arena_init(&ar, &t->a);
    sigmoid = !bp__spec_parse(&ar, BP_NN_LOSSES, t->task.loss, &loss, NULL) &&
              loss->row->head == BP__HEAD_SIGMOID;
    bp__arena_free(&ar);
    *r = (struct output_range){"the loss's sigmoid", 0, 1};
    return sigmoid;
}

static void range_text(const struct output_range *r, char *buf)
{
    if (r->hi == HUGE_VAL)
        bp__snprintf(buf, 60, "from %g", r->lo);
    else if (r->lo == -HUGE_VAL)
        bp__snprintf(buf, 60, "up to %g", r->hi);
    else
        bp__snprintf(buf, 60, "%g to %g", r->lo, r->hi);
}

static void lint_targets(bp_trainer *t, const char *last)
{
    bp_array y;
    struct output_range r;
    char range[60];
    if (!bp_data_target(t->o.train, &y))
        return;
    int64_t n = y.dims[0], each = bp__row_numel(&y);
    if (bp_data_target_kind(t->o.train) == BP_TARGET_CLASS) {
        const int32_t *c = y.data;
        int64_t same = 0;
        while (same < n * each && c[same] == c[0])
            same++;
        if (n > 1 && each && same == n * each)
            lint_hint(t, "all %lld training samples are of class %d: there is "
                      "nothing to tell apart", (long long)n, (int)c[0]);
        return;
    }
    int64_t out = 0, first = -1, same = 0;
    bool known = find_range(t, last, &r);
    for (int64_t i = 0; i < n * each; i++) {
        double x = bp__element(y.dtype, y.data, i);
        same += x == bp__element(y.dtype, y.data, i % each);
        if (!known || (x >= r.lo && x <= r.hi))
            continue;
        first = out++ ? first : i;
    }
    if (n > 1 && each && same == n * each)
        lint_hint(t, "all %lld targets are the same: there is nothing to "
                  "learn", (long long)n);
    if (!out)
        return;
    range_text(&r, range);
    lint_hint(t, "%lld of %lld targets lie outside %s, which is all that %s "
              "can give: sample %lld has %g; scale them, or end with a dense "
              "layer", (long long)out, (long long)(n * each), range, r.kind,
              (long long)(first / each), bp__element(y.dtype, y.data, first));
}

/* ---- inputs ------------------------------------------------------------ */

/* Mean and deviation of element k of the first rows, as the network gets
 * them; k -1: of all elements. row: room for one where they are in a file. */
static bp_status input_moments(const bp_trainer *t, size_t input,
                               const bp_array *x, int64_t k, void *row,
                               double *mean, double *dev, bp_error *err)
{
    int64_t rows = BP__MIN(x->dims[0], LINT_SCAN), each = 1, n = 0;
    double sum = 0, squares = 0;
    for (int i = 1; i < x->rank; i++)
        each *= x->dims[i];
    double by = bp_norm_get_kind(t->norm[input]) == BP_NORM_UNIT &&
                        (x->dtype == BP_U8 || x->dtype == BP_BOOL) ? 255 : 1;
    for (int64_t r = 0; r < rows; r++) {
        size_t bytes = (size_t)each * bp_dtype_bytes(x->dtype);
        const void *at = row;
        bp_status st = BP_OK;
        if (x->data)
            at = (const char *)x->data + (size_t)r * bytes;
        else
            st = bp_data_read(t->o.train, input, r, row, err);
        if (st)
            return st;
        for (int64_t i = k < 0 ? 0 : k; i < (k < 0 ? each : k + 1); i++) {
            double v = bp__element(x->dtype, at, i);
            sum += v / by;
            squares += v / by * v / by;
            n++;
        }
    }
    *mean = n ? sum / (double)n : 0;
    *dev = n ? sqrt(fmax(0, squares / (double)n - *mean * *mean)) : 0;
    return BP_OK;
}

static bp_status lint_input(bp_trainer *t, size_t i, const bp_array *x,
                            void *row, bp_error *err)
{
    int64_t each = x->rank == 2 ? x->dims[1] : 1, bad = 0, where = 0;
    double worst = 0, mean = 0, dev = 0, m = 0, d = 0;
    bp_status st = BP_OK;
    for (int64_t k = 0; k < each && k < 4096 && !st; k++) {
        st = input_moments(t, i, x, x->rank == 2 ? k : -1, row, &mean, &dev,
                           err);
        double size = fmax(fabs(mean), dev);
        bad += size > 10;
        if (size > worst) {
            worst = size;
            where = k;
            m = mean;
            d = dev;
        }
    }
    if (!bad || st)
        return st;
    if (x->rank == 2)
        lint_hint(t, "input %zu is not scaled: %lld of %lld features have "
                  "a mean or deviation above 10 (feature %lld: mean %.3g, "
                  "deviation %.3g); data.normalize: feature helps", i,
                  (long long)bad, (long long)each, (long long)where, m, d);
    else
        lint_hint(t, "input %zu is not scaled: mean %.3g, deviation %.3g; "
                  "data.normalize: global helps", i, m, d);
    return BP_OK;
}

static bp_dtype whole_type(const bp_trainer *t, size_t i)
{
    bp_nn_io io;
    bp__task_input(&t->task, i, &io);
    return io.dtype;
}

/* Without normalization, a deviation or a mean far from what initial weights
 * are made for. Numbers that an embedding takes are no sizes. */
static bp_status lint_inputs(bp_trainer *t, const char *first, bp_error *err)
{
    bp_status st = BP_OK;
    for (size_t i = 0; i < t->n_inputs && !st; i++) {
        bp_array x;
        bp_norm_kind kind = bp_norm_get_kind(t->norm[i]);
        if ((kind != BP_NORM_NONE && kind != BP_NORM_UNIT) ||
            !bp_data_input(t->o.train, i, &x) || !x.dims[0] ||
            bp__is_whole(whole_type(t, i)) ||
            !strcmp(first, "embedding") || !strcmp(first, "batch_norm"))
            continue;
        int64_t numel = 1;
        for (int k = 1; k < x.rank; k++)
            numel *= x.dims[k];
        size_t bytes = x.data ? 0 : (size_t)numel * bp_dtype_bytes(x.dtype);
        void *row = bytes ? bp__alloc(&t->a, bytes) : NULL;
        st = bytes && !row ? bp__oom(err) : lint_input(t, i, &x, row, err);
        if (row)
            bp__free(&t->a, row, bytes);
    }
    return st;
}

/* ---- units ------------------------------------------------------------- */

typedef struct lint_unit {
    uint16_t op;
    const char *path;
    int64_t units, inner; /* of a sample: channels, places of each */
} lint_unit;

/* Outputs of the graph that hold each relu's, sigmoid's and tanh's values. */
static int watch_units(bp_graph *g, bp__arena *ar, lint_unit *u)
{
    int n = 0;
    for (size_t i = 0; i < g->n_nodes && n < LINT_UNITS; i++) {
        const bp__node *d = &g->nodes[i];
        if (d->op != BP__OP_relu && d->op != BP__OP_sigmoid &&
            d->op != BP__OP_tanh)
            continue;
        const bp__type *type = &g->values[d->out].type;
        if (type->rank < 2)
            continue;
        u[n] = (lint_unit){d->op, g->scopes[d->scope], type->dims[1], 1};
        for (int k = 2; k < type->rank; k++)
            u[n].inner *= type->dims[k];
        char *name = bp__arena_printf(ar, "lint.%d", n);
        if (!name)
            break;
        bp_output(g, name, (bp_val){d->out, g->id});
        n++;
    }
    return n;
}

static double unit_value(const void *y, bool wide, int64_t i)
{
    return wide ? ((const double *)y)[i] : (double)((const float *)y)[i];
}

/* Units that are a relu of 0, or a sigmoid or tanh that is flat, for all
 * samples. */
static int64_t count_bad(const lint_unit *u, const void *y, bool wide,
                         int64_t rows)
{
    int64_t bad = 0;
    for (int64_t k = 0; k < u->units; k++) {
        bool all = true;
        for (int64_t r = 0; r < rows && all; r++)
            for (int64_t i = 0; i < u->inner && all; i++) {
                double v = unit_value(y, wide,
                                      (r * u->units + k) * u->inner + i);
                all = u->op == BP__OP_relu    ? v <= 0
                      : u->op == BP__OP_tanh  ? fabs(v) > 0.999
                                              : fabs(v - 0.5) > 0.4995;
            }
        bad += all;
    }
    return bad;
}

/* note NULL: before the first step, where half of a layer is worth a hint.
 * What training has brought about may be meant: nine tenths are worth a note. */
static void judge_units(bp_trainer *t, const lint_unit *u, const void *y,
                        int64_t rows, bp__str *note)
{
    int64_t bad = count_bad(u, y, t->task.dtype == BP_F64, rows);
    bool relu = u->op == BP__OP_relu;
    if (u->units < 4 || (note ? 10 * bad < 9 * u->units : 2 * bad < u->units))
        return;
    if (note)
        bp__str_printf(note, "%s%s: %lld of %lld units of layer %s are %s on "
                       "all of %lld samples", note->len ? "; " : "",
                       relu ? "dead" : "saturated", (long long)bad,
                       (long long)u->units, u->path, relu ? "0" : "flat",
                       (long long)rows);
    else if (relu)
        lint_hint(t, "layer %s: %lld of %lld relu units are 0 on all of %lld "
                  "samples before the first step: they cannot learn (initial "
                  "weights or inputs out of scale)", u->path, (long long)bad,
                  (long long)u->units, (long long)rows);
    else
        lint_hint(t, "layer %s: %lld of %lld units are saturated on all of "
                  "%lld samples before the first step: their gradient is "
                  "almost 0 (initial weights or inputs out of scale)", u->path,
                  (long long)bad, (long long)u->units, (long long)rows);
}

/* Runs one batch in evaluation mode: what the units do, and, without a note,
 * the loss of the initial state. */
static bp_status run_units(bp_trainer *t, bp_graph *g, const bp_batch *b,
                           const lint_unit *u, int n, bp__str *note,
                           bp_error *err)
{
    bp_program *p = NULL;
    const bp_graph *graphs[] = {g};
    bp_compile_options co = {.size = sizeof co, .no_pass = t->o.no_pass,
                             .no_kernel = t->o.no_kernel};
    bp_status st = bp_compile(t->runtime, graphs, 1, &co, &p, err);
    if (!st)
        st = bp__bind_batch(p, &t->task, b, true, err);
    if (!st)
        st = bp_run(p, err);
    for (int i = 0; i < n && !st; i++) {
        char name[20];
        bp__snprintf(name, sizeof name, "lint.%d", i);
        const void *y = bp_result(p, name, NULL);
        if (y)
            judge_units(t, &u[i], y, b->count, note);
    }
    if (!st && !note) {
        t->first_loss = bp__result_number(p, "loss");
        t->has_first_loss = true;
    }
    bp_program_free(p);
    return st;
}

static void layer_kinds(bp_nn *nn, const char **first, const char **last)
{
    bp_nn_layer_info info;
    *first = *last = "";
    for (size_t i = 0; nn && i < bp_nn_layer_count(nn); i++)
        if (bp_nn_layer_get(nn, i, &info) && info.depth == 0) {
            *first = **first ? *first : info.kind;
            *last = info.kind;
        }
}

/* The first samples, through the state of now. */
typedef struct lint_probe {
    bp_loader *l;
    bp_batch b;
    bp_graph *g;
    bp_traced traced;
} lint_probe;

static bp_status probe_open(bp_trainer *t, lint_probe *q, bp_error *err)
{
    bp_loader_options lo = {.size = sizeof lo, .allocator = &t->a};
    bp__task_loader(&t->task, &lo);
    *q = (lint_probe){0};
    lo.batch = BP__MIN((int64_t)LINT_ROWS, bp_data_count(t->o.train));
    for (size_t i = 0; i < t->n_inputs; i++)
        lo.norm[i] = t->norm[i];
    bp_status st = bp_loader_new(t->o.train, &lo, &q->l, err);
    if (!st)
        st = bp_loader_next(q->l, &q->b, err);
    if (st)
        return st;
    bp_trace_options o = {.size = sizeof o, .rows = q->b.count};
    q->g = bp_task_graph(&t->task, t->store, BP_TASK_EVAL, &o, &t->a,
                         &q->traced);
    st = bp_graph_status(q->g);
    if (st)
        bp__error(err, st, "%s", q->g ? bp_graph_error(q->g)
                                      : bp_status_text(st));
    return st;
}

static bp_status probe_units(bp_trainer *t, lint_probe *q, bp__str *note,
                             bp_error *err)
{
    lint_unit u[LINT_UNITS];
    bp__arena names;
    bp__arena_init(&names, &t->a);
    int n = watch_units(q->g, &names, u);
    bp_status st = n || !note ? run_units(t, q->g, &q->b, u, n, note, err)
                              : BP_OK;
    bp__arena_free(&names);
    /* What cannot run will be told by the step. */
    return st == BP_ENOMEM ? st : BP_OK;
}

static void probe_close(lint_probe *q)
{
    bp_nn_free(q->traced.nn);
    bp_graph_free(q->g);
    bp_loader_free(q->l);
}

bp_status bp__trainer_lint(bp_trainer *t, bp_error *err)
{
    lint_probe q;
    const char *first, *last;
    bp_status st = probe_open(t, &q, err);
    if (!st) {
        layer_kinds(q.traced.nn, &first, &last);
        lint_targets(t, last);
        st = lint_inputs(t, first, err);
    }
    if (!st)
        st = probe_units(t, &q, NULL, err);
    probe_close(&q);
    return st;
}

bp_status bp__trainer_lint_units(bp_trainer *t, bp__str *note, bp_error *err)
{
    lint_probe q;
    if (t->o.no_hints)
        return BP_OK;
    bp_status st = probe_open(t, &q, err);
    if (!st)
        st = probe_units(t, &q, note, err);
    probe_close(&q);
    return !st && note->failed ? bp__oom(err) : st;
}

void bp__trainer_diverges(const bp_trainer *t, const bp_evaluation *e,
                          bp__str *note)
{
    double room = fmax(fabs(t->first_loss), 1e-3);
    if (t->has_first_loss && e->loss > t->first_loss + room)
        bp__str_printf(note, "%sdiverges: the loss is %.3g, and was %.3g "
                       "before the first step; a smaller rate may help (bprop "
                       "lr finds one)", note->len ? "; " : "", e->loss,
                       t->first_loss);
}

void bp__trainer_lint_epoch(const bp_trainer *t, const bp_evaluation *e,
                            const char *units, bp__str *note)
{
    bool first = *t->state.epoch < 1;
    for (int i = 0; i < t->n_hints && first; i++)
        bp__str_printf(note, "%s%s", note->len ? "; " : "", t->hint[i]);
    bp__trainer_diverges(t, e, note);
    if (*units)
        bp__str_printf(note, "%s%s", note->len ? "; " : "", units);
}

int bp_trainer_hint_count(const bp_trainer *t)
{
    return t->n_hints;
}

const char *bp_trainer_hint(const bp_trainer *t, int i)
{
    return i >= 0 && i < t->n_hints ? t->hint[i] : NULL;
}
