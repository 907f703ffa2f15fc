/* The story: steps 1 to 3, 5 and 6. */
#include "explain/story.h"

#include "base/math.h"

#include <math.h>

/* ---- what all parts share --------------------------------------------- */

const char *bp__ex_layer_number(const bp_explain *e, int layer)
{
    if (layer >= 0)
        return bp__doc_printf(e->doc, "%d", layer + 1);
    if (e->n_inputs == 1)
        return "0";
    return bp__doc_printf(e->doc, "0,%s", e->input_name[-1 - layer]);
}

const bp__ex_tensor *bp__ex_source(const bp_explain *e, int layer)
{
    return layer < 0 ? &e->input[-1 - layer] : &e->layers.list[layer].y;
}

/* Rows and columns of a matrix that shows the tensor. */
static void matrix_of(const bp__ex_tensor *t, size_t *rows, size_t *cols)
{
    *cols = t->rank ? (size_t)t->dims[t->rank - 1] : 1;
    *rows = *cols ? t->n / *cols : 0;
}

/* Several pictures beside and below each other, a place apart. */
static void show_tiles(bp__doc *d, const bp__ex_tensor *t, const char *math)
{
    int h = (int)t->dims[t->rank - 2], w = (int)t->dims[t->rank - 1];
    int all = (int)(t->n / (size_t)(h * w));
    int cols = 38 / (w + 1), rows;
    cols = BP__MIN(BP__MAX(cols, 1), all);
    rows = BP__MIN(BP__MAX(26 / (h + 1), 1), (all + cols - 1) / cols);
    int big_w = cols * (w + 1) - 1, big_h = rows * (h + 1) - 1;
    double *v = bp__arena_array(d->arena, (size_t)(big_w * big_h) + 1,
                                sizeof *v);
    int shown = BP__MIN(rows * cols, all);
    for (int k = 0; v && k < shown; k++)
        for (int i = 0; i < h * w; i++) {
            int y = k / cols * (h + 1) + i / w, x = k % cols * (w + 1) + i % w;
            v[y * big_w + x] = t->v[(size_t)k * (size_t)(h * w) + (size_t)i];
        }
    if (v)
        bp__doc_picture(d, big_h, big_w, v, BP__MSG_PICTURE_TILES, math,
                        bp__doc_printf(d, "%d", shown),
                        bp__doc_printf(d, "%d", all), NULL);
}

void bp__ex_show_picture(bp__doc *d, const bp__ex_tensor *t, const char *math)
{
    size_t rows, cols;
    matrix_of(t, &rows, &cols);
    bool line = t->rank < 2 || rows == 1;
    if (!t->n || t->n > 1u << 24)
        return;
    if (t->rank > 2 && (t->dims[t->rank - 2] > 1 || t->rank == 4))
        show_tiles(d, t, math);
    else if (line)
        bp__doc_picture(d, 1, (int)t->n, t->v, BP__MSG_PICTURE, math, NULL);
    else
        bp__doc_picture(d, (int)rows, (int)cols, t->v, BP__MSG_PICTURE, math,
                        NULL);
}

void bp__ex_show(bp__doc *d, const bp__ex_tensor *t, const char *math)
{
    char dims[200];
    size_t rows, cols;
    const char *shape = bp__ex_dims_text(dims, t->rank, t->dims);
    if (!t->v)
        return;
    matrix_of(t, &rows, &cols);
    if (t->n <= BP__EX_FULL) {
        bp__doc_numbers(d, rows, cols, t->v,
                        t->given     ? BP__MSG_VALUES_GIVEN
                        : t->derived ? BP__MSG_VALUES_DERIVED
                                     : BP__MSG_VALUES_ENGINE,
                        math, shape, NULL);
        return;
    }
    bp__ex_range r = bp__ex_range_of(t->v, t->n);
    bp__doc_para(d,
                 t->given     ? BP__MSG_RANGE_GIVEN
                 : t->derived ? BP__MSG_RANGE_DERIVED
                              : BP__MSG_RANGE_ENGINE,
                 math, shape, bp__doc_number(d, r.min),
                 bp__doc_number(d, r.mean), bp__doc_number(d, r.max),
                 bp__doc_number(d, r.norm), NULL);
    bp__ex_show_picture(d, t, math);
}

const char *bp__ex_symbol(bp__doc *d, const char *symbol, const char *layer)
{
    return bp__doc_printf(d, "%s^{(%s)}", symbol, layer);
}

void bp__ex_formula(const bp_explain *e, size_t layer, const char *formula)
{
    const bp__ex_layer *l = &e->layers.list[layer];
    const char *from[BP__EX_INPUTS], *has[8];
    bp__math_place at = {.from = from, .n_from = l->n_from, .has = has};
    bp__str out;
    if (!formula)
        return;
    at.layer = bp__ex_layer_number(e, (int)layer);
    for (size_t i = 0; i < l->n_from; i++)
        from[i] = bp__ex_layer_number(e, l->from[i]);
    for (size_t i = 0; i < l->n_params && at.n_has < 8; i++) {
        const char *name = e->params[l->first_param + i].name;
        const char *last = strrchr(name, '.');
        has[at.n_has++] = last ? last + 1 : name;
    }
    bp__str_init(&out, &e->a);
    if (bp__math_expand(&out, formula, &at))
        bp__doc_math(e->doc, out.s);
    e->doc->arena->failed |= out.failed;
    bp__str_free(&out);
}

/* ---- step 1 ----------------------------------------------------------- */

static void tell_parameters(bp_explain *e)
{
    static const bp__message head[] = {
        BP__MSG_COL_PARAMETER, BP__MSG_COL_SYMBOL, BP__MSG_COL_SHAPE,
        BP__MSG_COL_MIN, BP__MSG_COL_MEAN, BP__MSG_COL_MAX, BP__MSG_COL_NORM};
    bp__doc *d = e->doc;
    const char **cell = e->n_params
                            ? bp__doc_table(d, e->n_params, 7, head) : NULL;
    for (size_t i = 0; cell && i < e->n_params; i++, cell += 7) {
        const bp__ex_param *q = &e->params[i];
        bp__ex_range r = bp__ex_range_of(q->value.v, q->value.n);
        char dims[200];
        cell[0] = q->name;
        cell[1] = bp__doc_printf(d, "%s(%zu)", q->symbol, q->layer + 1);
        cell[2] = bp__doc_printf(d, "%s", bp__ex_dims_text(dims, q->value.rank,
                                                           q->value.dims));
        cell[3] = bp__doc_number(d, r.min);
        cell[4] = bp__doc_number(d, r.mean);
        cell[5] = bp__doc_number(d, r.max);
        cell[6] = bp__doc_number(d, r.norm);
    }
}

static void tell_start(bp_explain *e)
{
    bp__doc *d = e->doc;
    size_t total = 0;
    for (size_t i = 0; i < e->n_params; i++)
        total += e->params[i].value.n;
    const char *count = bp__doc_printf(d, "%zu", total);
    const char *init = e->task.init ? e->task.init : "kaiming_normal";
    const char *bias = e->task.bias_init ? e->task.bias_init : "zeros";
    if (!e->task.bias_init && !strncmp(init, "torch", 5))
        bias = init;
    bp__doc_section(d, BP__PHASE_START, -1, BP__MSG_TITLE, e->o.title, NULL);
    bp__doc_para(d, BP__MSG_INTRO, bp__doc_printf(d, "%zu", e->layers.n),
                 NULL);
    bp__doc_para(d, BP__MSG_ONE_SAMPLE,
                 bp__doc_printf(d, "%lld", (long long)e->o.sample), NULL);
    if (e->uses_batch)
        bp__doc_para(d, BP__MSG_BATCH_OF_ONE, NULL);
    bp__doc_para(d, BP__MSG_SOURCES, NULL);
    bp__doc_head(d, BP__MSG_STEP_1, NULL);
    if (e->o.trained)
        bp__doc_para(d, BP__MSG_STEP_1_LEARNED, count, NULL);
    else
        bp__doc_para(d, BP__MSG_STEP_1_DRAWN, count, init,
                     bp__doc_printf(d, "%llu",
                                    (unsigned long long)e->task.seed),
                     bias, NULL);
    if (e->o.adapted)
        bp__doc_para(d, BP__MSG_STEP_1_ADAPTED, NULL);
    tell_parameters(e);
}

/* ---- step 2 ----------------------------------------------------------- */

static void tell_sample(bp_explain *e)
{
    bp__doc *d = e->doc;
    bp__doc_section(d, BP__PHASE_FORWARD, -1, BP__MSG_STEP_2, NULL);
    bp__doc_para(d, BP__MSG_SAMPLE,
                 bp__doc_printf(d, "%lld", (long long)e->o.sample), NULL);
    for (size_t i = 0; i < e->n_inputs; i++)
        bp__ex_show(d, &e->input[i],
                    bp__ex_symbol(d, "y",
                                  bp__ex_layer_number(e, -1 - (int)i)));
}

/* "$y^{(1)}$, $y^{(3)}$" */
const char *bp__ex_sources(const bp_explain *e, const bp__ex_layer *l)
{
    const char *s = "";
    for (size_t i = 0; i < l->n_from; i++)
        s = bp__doc_printf(e->doc, "%s%s$y^{(%s)}$", s, i ? ", " : "",
                           bp__ex_layer_number(e, l->from[i]));
    return s;
}

static const char *source_shapes(const bp_explain *e, const bp__ex_layer *l)
{
    const char *s = "";
    for (size_t i = 0; i < l->n_from; i++) {
        const bp__ex_tensor *t = bp__ex_source(e, l->from[i]);
        char dims[200];
        s = bp__doc_printf(e->doc, "%s%s%s", s, i ? ", " : "",
                           bp__ex_dims_text(dims, t->rank, t->dims));
    }
    return s;
}

static void tell_forward(bp_explain *e, size_t i)
{
    bp__doc *d = e->doc;
    const bp__ex_layer *l = &e->layers.list[i];
    const char *n = bp__ex_layer_number(e, (int)i);
    char dims[200];
    bp__doc_section(d, BP__PHASE_FORWARD, (int)i, BP__MSG_FORWARD, n,
                    bp__doc_printf(d, "%zu", e->layers.n), l->title, NULL);
    if (l->row && bp__kind_math(l->row))
        bp__ex_formula(e, i, bp__kind_math(l->row));
    else if (!l->row && l->n_from)
        bp__doc_para(d, BP__MSG_ACTIVATION_ONLY, n,
                     bp__ex_layer_number(e, l->from[0]), NULL);
    if (l->act && bp__kind_math(l->act))
        bp__ex_formula(e, i, bp__kind_math(l->act));
    if (l->head)
        bp__doc_para(d, BP__MSG_HEAD, n, NULL);
    else if (!l->act)
        bp__doc_para(d, BP__MSG_NO_ACTIVATION, n, NULL);
    bp__doc_para(d, BP__MSG_SHAPES, bp__ex_sources(e, l),
                 source_shapes(e, l), n,
                 bp__ex_dims_text(dims, l->x.rank, l->x.dims), NULL);
    bp__ex_show(d, &l->x, bp__ex_symbol(d, "x", n));
    if (l->act)
        bp__ex_show(d, &l->y, bp__ex_symbol(d, "y", n));
}

/* ---- step 3 ----------------------------------------------------------- */

/* The formula by the loss's values: its form, whether it smooths. */
static void tell_loss(bp_explain *e, const bp__spec *loss)
{
    const char *has[4];
    bp__math_place at = {.layer = "", .has = has};
    bp__str out;
    for (size_t i = 0; i < bp__kind_arg_count(loss->row) && at.n_has < 4; i++)
        if (loss->row->args[i].type == BP__ARG_CHOICE)
            has[at.n_has++] = loss->args[i].s;
        else if (loss->row->args[i].type == BP__ARG_FLOAT &&
                 loss->args[i].f != 0)
            has[at.n_has++] = loss->row->args[i].name;
    bp__str_init(&out, &e->a);
    if (bp__math_expand(&out, loss->row->math, &at))
        bp__doc_math(e->doc, out.s);
    e->arena.failed |= out.failed;
    bp__str_free(&out);
}

static void tell_error(bp_explain *e)
{
    bp__doc *d = e->doc;
    bp__spec *loss = NULL;
    bp_error err = {0};
    const bp__ex_layer *l = &e->layers.list[e->layers.n - 1];
    const char *n = bp__ex_layer_number(e, (int)e->layers.n - 1);
    if (bp__spec_parse(&e->arena, BP_NN_LOSSES, e->task.loss, &loss, &err))
        e->arena.failed = true; /* it was traced: only memory is missing */
    bp__doc_section(d, BP__PHASE_ERROR, -1, BP__MSG_STEP_3, NULL);
    if (loss && loss->row->math) {
        bp__doc_para(d, BP__MSG_LOSS, e->task.loss, n, NULL);
        tell_loss(e, loss);
    } else {
        bp__doc_para(d, BP__MSG_LOSS_NAME, e->task.loss, NULL);
    }
    if (e->target.n == 1 && e->task.target.dtype == BP_I32)
        bp__doc_para(d, BP__MSG_TARGET_CLASS,
                     bp__doc_number(d, e->target.v[0]), NULL);
    bp__ex_show(d, &e->truth, "t");
    if (e->members)
        bp__doc_para(d, BP__MSG_MEMBERS, bp__doc_printf(d, "%zu", e->members),
                     NULL);
    else if (l->y.v && l->y.n == e->truth.n && l->y.n <= BP__EX_FULL) {
        double diff[BP__EX_FULL];
        for (size_t i = 0; i < l->y.n; i++)
            diff[i] = l->y.v[i] - e->truth.v[i];
        bp__doc_numbers(d, 1, l->y.n, diff, BP__MSG_ERROR_TERM, NULL);
    }
    if (e->task.penalty)
        bp__doc_para(d, BP__MSG_J_IS_PENALIZED,
                     bp__doc_number(d, e->objective),
                     bp__doc_number(d, e->loss), e->task.penalty, NULL);
    else
        bp__doc_para(d, BP__MSG_J_IS, bp__doc_number(d, e->objective), NULL);
}

/* ---- steps 5 and 6 ---------------------------------------------------- */

static void tell_update_of(bp_explain *e, const bp__ex_param *q)
{
    static const bp__message head[] = {BP__MSG_COL_ELEMENT, BP__MSG_COL_OLD,
                                       BP__MSG_COL_GRADIENT,
                                       BP__MSG_COL_NEW};
    bp__doc *d = e->doc;
    double moved = 0;
    for (size_t i = 0; i < q->value.n; i++)
        moved += (q->after.v[i] - q->value.v[i]) *
                 (q->after.v[i] - q->value.v[i]);
    bp__doc_para(d, BP__MSG_UPDATED, q->name,
                 bp__doc_printf(d, "%zu", q->value.n),
                 bp__doc_number(d, sqrt(moved)), NULL);
    size_t n = q->n_checks <= 12 ? q->n_checks : BP__EX_FEW;
    const char **cell = bp__doc_table(d, n, 4, head);
    for (size_t i = 0; cell && i < n; i++, cell += 4) {
        size_t at = q->check[i].at;
        char index[200];
        cell[0] = bp__doc_printf(d, "%s%s", q->name,
                                 bp__ex_index_text(index, q->value.rank,
                                                   q->value.dims, at));
        cell[1] = bp__doc_number(d, q->value.v[at]);
        cell[2] = bp__doc_number(d, q->grad.v[at]);
        cell[3] = bp__doc_number(d, q->after.v[at]);
    }
}

static void tell_rule(bp_explain *e, const bp__spec *s)
{
    const char *p = s->row->math;
    while (p && *p) {
        const char *end = strstr(p, "; ");
        size_t n = end ? (size_t)(end - p) : strlen(p);
        bp__doc_math(e->doc, bp__doc_printf(e->doc, "%.*s", (int)n, p));
        p = end ? end + 2 : NULL;
    }
}

static void tell_update(bp_explain *e)
{
    bp__doc *d = e->doc;
    bp__spec *s = NULL;
    bp_error err = {0};
    bp__doc_section(d, BP__PHASE_UPDATE, -1, BP__MSG_STEP_5, NULL);
    if (!e->optimizer) {
        bp__doc_para(d, BP__MSG_NO_OPTIMIZER, NULL);
        return;
    }
    if (bp__spec_parse(&e->arena, BP_NN_OPTIMIZERS, e->optimizer, &s, &err)) {
        e->arena.failed = true; /* it was traced: only memory is missing */
        return;
    }
    bp__doc_para(d, BP__MSG_OPTIMIZER, e->optimizer,
                 bp__doc_number(d, e->lr), NULL);
    tell_rule(e, s);
    if (strcmp(s->row->name, "sgd"))
        bp__doc_para(d, BP__MSG_OPTIMIZER_STATE, NULL);
    for (size_t i = 0; i < e->n_params; i++)
        tell_update_of(e, &e->params[i]);
}

static void tell_end(bp_explain *e)
{
    bp__doc *d = e->doc;
    bp__doc_section(d, BP__PHASE_END, -1, BP__MSG_STEP_6, NULL);
    if (e->optimizer)
        bp__doc_para(d, BP__MSG_J_AFTER, bp__doc_number(d, e->objective),
                     bp__doc_number(d, e->after), NULL);
    if (e->o.steps)
        bp__doc_para(d, BP__MSG_REPEAT,
                     bp__doc_printf(d, "%lld", (long long)e->o.steps),
                     bp__doc_printf(d, "%lld", (long long)e->o.batch), NULL);
    if (e->o.command)
        bp__doc_para(d, BP__MSG_COMMAND, e->o.command, NULL);
}

bp_status bp__ex_tell(bp_explain *e, bp_error *err)
{
    e->doc = bp__doc_new(&e->arena, &e->a);
    if (!e->doc)
        return bp__oom(err);
    if (!e->layers.n)
        return bp__error(err, BP_EARG, "explain: the network has no layers");
    tell_start(e);
    tell_sample(e);
    for (size_t i = 0; i < e->layers.n; i++)
        tell_forward(e, i);
    tell_error(e);
    bp__ex_tell_backward(e);
    tell_update(e);
    tell_end(e);
    return e->arena.failed ? bp__oom(err) : BP_OK;
}
