/* The story: step 4, the chain rule. */
#include "explain/story.h"

/* "∂a/∂b" */
static const char *ratio(bp__doc *d, const char *a, const char *b)
{
    return bp__doc_printf(d, "frac{∂%s}{∂%s}", a, b);
}

/* dJ/dp = dJ/dy . dy/dx . dx/dp */
static void tell_chain(bp_explain *e, size_t i, const char *p)
{
    bp__doc *d = e->doc;
    const char *n = bp__ex_layer_number(e, (int)i);
    const char *x = bp__ex_symbol(d, "x", n), *y = bp__ex_symbol(d, "y", n);
    bp__doc_math(d, bp__doc_printf(d, "%s = %s · %s · %s", ratio(d, "J", p),
                                   ratio(d, "J", y), ratio(d, y, x),
                                   ratio(d, x, p)));
}

/* ---- the first factor ------------------------------------------------- */

static void tell_first(bp_explain *e, size_t i)
{
    bp__doc *d = e->doc;
    const bp__ex_layer *l = &e->layers.list[i];
    const char *n = bp__ex_layer_number(e, (int)i);
    const char *readers = "", *last = "";
    int count = 0;
    for (size_t k = i + 1; k < e->layers.n; k++)
        for (size_t j = 0; j < e->layers.list[k].n_from; j++)
            if (e->layers.list[k].from[j] == (int)i &&
                e->layers.list[k].dx.v) {
                last = bp__ex_layer_number(e, (int)k);
                readers = bp__doc_printf(d, "%s%s%s", readers,
                                         count++ ? ", " : "", last);
            }
    if (l->head)
        bp__doc_para(d, BP__MSG_FACTOR_1_DERIVED, n, NULL);
    else if (!count)
        bp__doc_para(d, BP__MSG_FACTOR_1_LOSS, NULL);
    else if (count == 1)
        bp__doc_para(d, BP__MSG_FACTOR_1_FROM, readers, NULL);
    else
        bp__doc_para(d, BP__MSG_FACTOR_1_SUM, readers, NULL);
    const char *y = bp__ex_symbol(d, "y", n);
    if (count == 1) {
        const char *x = bp__ex_symbol(d, "x", last);
        bp__doc_math(d, bp__doc_printf(d, "%s = %s · %s", ratio(d, "J", y),
                                       ratio(d, "J", x), ratio(d, x, y)));
    } else if (count > 1) {
        bp__doc_math(d, bp__doc_printf(d, "%s = Σ_m %s · %s",
                                       ratio(d, "J", y),
                                       ratio(d, "J", "x^{(m)}"),
                                       ratio(d, "x^{(m)}", y)));
    }
    bp__ex_show(d, &l->dy, ratio(d, "J", y));
}

/* ---- the second factor ------------------------------------------------ */

static void tell_second(bp_explain *e, size_t i)
{
    bp__doc *d = e->doc;
    const bp__ex_layer *l = &e->layers.list[i];
    const char *n = bp__ex_layer_number(e, (int)i);
    const char *x = bp__ex_symbol(d, "x", n), *y = bp__ex_symbol(d, "y", n);
    if (!l->act) {
        bp__doc_para(d, BP__MSG_FACTOR_2_ONE, n, NULL);
        return;
    }
    bp__doc_para(d, BP__MSG_FACTOR_2, l->act->name, NULL);
    if (bp__kind_slope(l->act)) {
        bool row = l->act->part == BP__PART_ACTIVATION_ROW;
        const char *left = row ? bp__doc_printf(d, "frac{∂%s_i}{∂%s_k}", y, x)
                               : ratio(d, y, x);
        bp__ex_formula(e, i, bp__doc_printf(d, "%s = %s", left,
                                            bp__kind_slope(l->act)));
    }
    if (l->slope.v)
        bp__ex_show(d, &l->slope, ratio(d, y, x));
    else
        bp__doc_para(d, BP__MSG_FACTOR_2_LARGE,
                     bp__doc_printf(d, "%zu", l->x.n), NULL);
    bp__ex_show(d, &l->dx, ratio(d, "J", x));
    if (l->product.v)
        bp__doc_para(d, BP__MSG_PRODUCT_12, n, bp__doc_number(d, l->worst),
                     NULL);
}

/* ---- the third factor, and the gradients ------------------------------- */

static bool takes_input(const bp__ex_layer *l)
{
    return l->row && l->row->dweight && !strcmp(l->row->dweight, "y@-") &&
           l->x.rank == 1;
}

static void tell_third(bp_explain *e, size_t i)
{
    bp__doc *d = e->doc;
    const bp__ex_layer *l = &e->layers.list[i];
    const char *n = bp__ex_layer_number(e, (int)i);
    if (takes_input(l))
        bp__doc_para(d, BP__MSG_FACTOR_3_INPUT, n, bp__ex_sources(e, l),
                     NULL);
    else
        bp__doc_para(d, BP__MSG_FACTOR_3, n, NULL);
    for (size_t k = 0; k < l->n_params; k++) {
        const bp__ex_param *q = &e->params[l->first_param + k];
        const char *x = bp__ex_symbol(d, "x", n);
        const char *p = bp__ex_symbol(d, q->symbol, n);
        bool bias = !strcmp(q->symbol, "b");
        if (bias || (!strcmp(q->symbol, "W") && l->row && l->row->dweight))
            bp__ex_formula(e, i,
                           bp__doc_printf(d, "%s = %s", ratio(d, x, p),
                                          bias ? "1" : l->row->dweight));
    }
}

static void tell_gradient(bp_explain *e, const bp__ex_param *q,
                          const char *math)
{
    bp__doc *d = e->doc;
    char dims[200];
    const char *shape = bp__ex_dims_text(dims, q->grad.rank, q->grad.dims);
    size_t cols = q->grad.rank ? (size_t)q->grad.dims[q->grad.rank - 1] : 1;
    if (q->grad.n <= BP__EX_TENSOR && cols) {
        bp__doc_numbers(d, q->grad.n / cols, cols, q->grad.v,
                        BP__MSG_GRADIENT, math, q->name, shape, NULL);
        return;
    }
    bp__ex_range r = bp__ex_range_of(q->grad.v, q->grad.n);
    bp__doc_para(d, BP__MSG_GRADIENT_RANGE, math, q->name, shape,
                 bp__doc_number(d, r.min), bp__doc_number(d, r.mean),
                 bp__doc_number(d, r.max), bp__doc_number(d, r.norm), NULL);
    bp__ex_show_picture(d, &q->grad, math);
}

/* Elements that the table shows: all, or those of the largest gradients. */
static size_t choose(const bp__ex_param *q, size_t *at)
{
    size_t n = 0, most = q->n_checks <= 24 ? q->n_checks : 8;
    if (most == q->n_checks) {
        for (size_t i = 0; i < most; i++)
            at[i] = i;
        return most;
    }
    for (; n < most; n++) {
        size_t best = SIZE_MAX;
        double size = -1;
        for (size_t i = 0; i < q->n_checks; i++) {
            double g = q->grad.v[q->check[i].at];
            bool taken = false;
            g = g < 0 ? -g : g;
            for (size_t k = 0; k < n; k++)
                taken |= at[k] == i;
            if (!taken && g > size) {
                best = i;
                size = g;
            }
        }
        if (best == SIZE_MAX)
            break;
        at[n] = best;
    }
    return n;
}

static void tell_checks(bp_explain *e, const bp__ex_param *q)
{
    static const bp__message head[] = {
        BP__MSG_COL_ELEMENT, BP__MSG_COL_PRODUCT, BP__MSG_COL_GRADIENT,
        BP__MSG_COL_DIFFERENCE};
    bp__doc *d = e->doc;
    size_t at[24], n = choose(q, at);
    const char **cell = bp__doc_table(d, n, 4, head);
    for (size_t i = 0; cell && i < n; i++, cell += 4) {
        const bp__ex_check *c = &q->check[at[i]];
        char index[200];
        cell[0] = bp__doc_printf(d, "%s%s", q->name,
                                 bp__ex_index_text(index, q->grad.rank,
                                                   q->grad.dims, c->at));
        cell[1] = bp__doc_number(d, c->product);
        cell[2] = bp__doc_number(d, q->grad.v[c->at]);
        cell[3] = bp__doc_number(d, c->fd);
    }
    bp__doc_para(d, q->n_checks == q->grad.n ? BP__MSG_COMPARE_ALL
                                             : BP__MSG_COMPARE_SOME,
                 bp__doc_printf(d, "%zu", q->n_checks), q->name,
                 bp__doc_number(d, q->worst_product),
                 bp__doc_number(d, q->worst_fd),
                 bp__doc_printf(d, "%zu", q->grad.n), NULL);
    if (!q->same_bits)
        bp__doc_para(d, BP__MSG_OTHER_BITS, q->name, NULL);
}

static void tell_param(bp_explain *e, size_t layer, const bp__ex_param *q)
{
    bp__doc *d = e->doc;
    const char *n = bp__ex_layer_number(e, (int)layer);
    tell_gradient(e, q, ratio(d, "J", bp__ex_symbol(d, q->symbol, n)));
    if (q->penalty.v) {
        bp__ex_range r = bp__ex_range_of(q->penalty.v, q->penalty.n);
        bp__doc_para(d, BP__MSG_PENALTY_PART, e->task.penalty, q->name,
                     bp__doc_number(d, r.norm), NULL);
    }
    tell_checks(e, q);
}

static void tell_layer(bp_explain *e, size_t i)
{
    bp__doc *d = e->doc;
    const bp__ex_layer *l = &e->layers.list[i];
    const char *n = bp__ex_layer_number(e, (int)i);
    bp__doc_section(d, BP__PHASE_BACKWARD, (int)i, BP__MSG_BACKWARD, n,
                    bp__doc_printf(d, "%zu", e->layers.n), l->title, NULL);
    if (!l->dx.v) {
        bp__doc_para(d, BP__MSG_NOT_ON_PATH, NULL);
        return;
    }
    for (size_t k = 0; k < l->n_params; k++)
        tell_chain(e, i, bp__ex_symbol(
                             d, e->params[l->first_param + k].symbol, n));
    tell_first(e, i);
    tell_second(e, i);
    if (l->n_params)
        tell_third(e, i);
    else
        bp__doc_para(d, BP__MSG_NO_PARAMETERS, NULL);
    for (size_t k = 0; k < l->n_params; k++)
        tell_param(e, i, &e->params[l->first_param + k]);
}

/* The chain rule for any layer, before the layers one by one. */
static void tell_rule(bp_explain *e)
{
    static const char *const names[] = {"W^{(l)}", "b^{(l)}"};
    bp__doc *d = e->doc;
    bp__doc_section(d, BP__PHASE_BACKWARD, -1, BP__MSG_STEP_4, NULL);
    bp__doc_para(d, BP__MSG_CHAIN_RULE, NULL);
    for (int k = 0; k < 2; k++)
        bp__doc_math(d, bp__doc_printf(
            d, "%s = %s · %s · %s", ratio(d, "J", names[k]),
            ratio(d, "J", "y^{(l)}"), ratio(d, "y^{(l)}", "x^{(l)}"),
            ratio(d, "x^{(l)}", names[k])));
}

void bp__ex_tell_backward(bp_explain *e)
{
    tell_rule(e);
    for (size_t i = e->layers.n; i-- > 0;)
        tell_layer(e, i);
}
