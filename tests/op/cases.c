/* See cases.h. */
#include "op/cases.h"

#include "t.h"

double case_get(const void *data, int dtype, int64_t i)
{
    switch (dtype) {
    case BP_F32:
        return ((const float *)data)[i];
    case BP_F64:
        return ((const double *)data)[i];
    case BP_I32:
        return ((const int32_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

static void put(void *data, int dtype, int64_t i, double x)
{
    switch (dtype) {
    case BP_F32:
        ((float *)data)[i] = (float)x;
        break;
    case BP_F64:
        ((double *)data)[i] = x;
        break;
    case BP_I32:
        ((int32_t *)data)[i] = (int32_t)x;
        break;
    default:
        ((uint8_t *)data)[i] = (uint8_t)x;
    }
}

static double draw_float(const bp__tin *t, uint64_t *seed)
{
    for (int tries = 0; tries < 1000; tries++) {
        double x = t_uniform(seed, t->lo, t->hi);
        bool ok = true;
        for (int k = 0; k < t->n_avoid; k++)
            ok &= fabs(x - t->avoid[k]) >= 0.05;
        if (ok)
            return x;
    }
    T_CHECKF(0, "no value of [%g, %g] is 0.05 away from the points to avoid",
             t->lo, t->hi);
    return t->lo;
}

/* One value in each of n equal cells, in random order, and near the cell's
 * middle, so that any two are at least half a cell apart. */
static void fill_distinct(const bp__tin *t, const bp__type *type,
                          uint64_t *seed, void *data)
{
    int64_t n = bp__numel(type);
    double cell = (t->hi - t->lo) / (double)(n ? n : 1);
    T_CHECKF(n < 2 || cell >= 0.02, "[%g, %g] has no room for %lld distinct "
             "values", t->lo, t->hi, (long long)n);
    for (int64_t i = 0; i < n; i++)
        put(data, type->dtype, i,
            t->lo + cell * ((double)i + t_uniform(seed, 0.25, 0.75)));
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t k = (int64_t)t_uniform(seed, 0, (double)(i + 1));
        double a = case_get(data, type->dtype, i);
        double b = case_get(data, type->dtype, k);
        put(data, type->dtype, i, b);
        put(data, type->dtype, k, a);
    }
}

void case_fill(const bp__tin *t, const bp__type *type, uint64_t *seed,
               void *data)
{
    int64_t n = bp__numel(type);
    if (bp__is_float(type->dtype) && t->distinct) {
        fill_distinct(t, type, seed, data);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        double x;
        if (bp__is_float(type->dtype))
            x = draw_float(t, seed);
        else if (type->dtype == BP_BOOL)
            x = t_uniform(seed, 0, 1) < 0.5;
        else
            x = floor(t_uniform(seed, t->lo, t->hi + 1));
        put(data, type->dtype, i, x);
    }
}

void case_draw(case_data *d, bp__op op, int i, bp_dtype f, uint64_t seed)
{
    memset(d, 0, sizeof *d);
    d->op = op;
    d->def = bp__ops[op];
    d->c = &d->def->cases[i];
    d->index = i;
    seed = seed * 1000003 + (uint64_t)op * 131 + (uint64_t)i;
    for (int k = 0; k < d->c->n_in; k++) {
        const bp__tin *t = &d->c->in[k];
        bp_dtype dtype = t->dtype == BP_F32 ? f : (bp_dtype)t->dtype;
        d->type[k] = bp__make_type(dtype, t->rank, t->dims);
        /* Whatever lacks the rows of the first input is replicated. */
        d->type[k].varying = d->c->varying && t->rank > 0 &&
                             t->dims[0] == d->c->in[0].dims[0];
        size_t bytes = bp__type_bytes(&d->type[k]);
        d->in[k] = malloc(bytes ? bytes : 1);
        T_REQUIRE(d->in[k] != NULL);
        case_fill(t, &d->type[k], &seed, d->in[k]);
    }
}

void case_free(case_data *d)
{
    for (int k = 0; k < d->c->n_in; k++)
        free(d->in[k]);
}

const char *case_text(const case_data *d, char *buf)
{
    bp_dtype f = BP_F32;
    for (int k = 0; k < d->c->n_in; k++)
        if (d->type[k].dtype == BP_F64)
            f = BP_F64;
    snprintf(buf, 120, "%s case %d%s%s%s in %s", d->def->name,
             d->index, d->c->note ? " (" : "",
             d->c->note ? d->c->note : "", d->c->note ? ")" : "",
             bp_dtype_name(f));
    return buf;
}

void case_inputs(bp_graph *g, const case_data *d, bp_val *in)
{
    static const char *const names[CASE_MAX_IN] = {"x0", "x1", "x2", "x3"};
    if (d->c->varying)
        bp_graph_set_shard(g, 1, d->type[0].dims[0], d->type[0].dims[0]);
    for (int k = 0; k < d->c->n_in; k++) {
        const bp__type *t = &d->type[k];
        in[k] = t->varying ? bp_batch_input(g, names[k], (bp_dtype)t->dtype,
                                            t->rank, t->dims)
                           : bp_input(g, names[k], (bp_dtype)t->dtype,
                                      t->rank, t->dims);
    }
}

bp_graph *case_graph(const case_data *d, bp_val *in, bp_val *out, int *n_out)
{
    char text[120];
    bp_graph *g = bp_graph_new(NULL);
    T_REQUIRE(g != NULL);
    case_inputs(g, d, in);
    bp__emit(g, d->op, d->c->attrs, d->c->n_in, in, out);
    *n_out = d->def->n_out;
    if (T_CHECKF(bp_graph_status(g) == BP_OK, "%s: %s", case_text(d, text),
                 bp_graph_error(g)))
        return g;
    bp_graph_free(g);
    return NULL;
}

bool case_is_float(const case_data *d, int i)
{
    return bp__is_float(d->type[i].dtype);
}

bool case_differentiable(const case_data *d, int i)
{
    int k = d->def->n_in == BP__VARIADIC ? 0 : i;
    return case_is_float(d, i) && d->def->diff[k] == BP__DIFF;
}
