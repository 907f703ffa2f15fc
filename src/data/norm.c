/* Means and deviations of a data set, in a fixed order of summation. */
#include "data/norm.h"

#include "data/data.h"
#include "fmt/array.h"

#include <math.h>

const char *bp_norm_kind_name(bp_norm_kind k)
{
    static const char *const names[] = {"none", "unit", "global", "channel",
                                        "feature"};
    return (unsigned)k < BP__ARRAY_LEN(names) ? names[k] : "?";
}

static bp_norm *alloc_norm(const bp_allocator *a, bp_norm_kind kind, int64_t n)
{
    bp_norm *x = bp__calloc(a, 1, sizeof *x);
    if (!x)
        return NULL;
    x->a = *a;
    x->kind = kind;
    x->n = n;
    x->mean = bp__calloc(a, (size_t)n, 2 * sizeof(double));
    if (!x->mean) {
        bp__free(a, x, sizeof *x);
        return NULL;
    }
    x->std = x->mean + n;
    return x;
}

void bp_norm_free(bp_norm *n)
{
    if (!n)
        return;
    bp_allocator a = n->a;
    bp__free(&a, n->mean, (size_t)n->n * 2 * sizeof(double));
    bp__free(&a, n, sizeof *n);
}

static bool norm_has_numbers(bp_norm_kind k)
{
    return k == BP_NORM_GLOBAL || k == BP_NORM_CHANNEL || k == BP_NORM_FEATURE;
}

bp_status bp_norm_new(bp_norm_kind kind, int64_t n, const double *mean,
                      const double *std, const bp_allocator *a, bp_norm **norm,
                      bp_error *err)
{
    *norm = NULL;
    bool numbers = norm_has_numbers(kind);
    if ((unsigned)kind > BP_NORM_FEATURE || (numbers ? n < 1 : n != 0) ||
        (kind == BP_NORM_GLOBAL && n != 1) || n > INT32_MAX)
        return bp__error(err, BP_EARG,
                         "normalization '%s' with %lld means: none and unit "
                         "have 0, global has 1, the others at least 1",
                         bp_norm_kind_name(kind), (long long)n);
    for (int64_t i = 0; i < n; i++)
        if (!(std[i] > 0) || !isfinite(std[i]) || !isfinite(mean[i]))
            return bp__error(err, BP_EARG,
                             "normalization: number %lld has the mean %g and "
                             "the deviation %g; both must be finite, the "
                             "deviation above 0",
                             (long long)i, mean[i], std[i]);
    bp_norm *x = alloc_norm(a ? a : &bp__malloc_allocator, kind, n);
    if (!x)
        return bp__oom(err);
    for (int64_t i = 0; i < n; i++) {
        x->mean[i] = mean[i];
        x->std[i] = std[i];
    }
    *norm = x;
    return BP_OK;
}

bp_norm *bp__norm_copy(const bp_allocator *a, const bp_norm *n)
{
    bp_norm *x = alloc_norm(a, n->kind, n->n);
    if (x && n->n)
        memcpy(x->mean, n->mean, (size_t)n->n * 2 * sizeof(double));
    return x;
}

bp_norm_kind bp_norm_get_kind(const bp_norm *n)
{
    return n->kind;
}

int64_t bp_norm_count(const bp_norm *n)
{
    return n->n;
}

const double *bp_norm_mean(const bp_norm *n)
{
    return n->mean;
}

const double *bp_norm_std(const bp_norm *n)
{
    return n->std;
}

/* ---- fitting ------------------------------------------------------------ */

/* Numbers that share a mean: a sample of this shape is n groups of
 * group_numel. */
static int64_t count_groups(bp_norm_kind kind, int rank, const int64_t *dims,
                            int64_t numel, int64_t *group_numel)
{
    int64_t n = kind == BP_NORM_FEATURE                 ? numel
                : kind == BP_NORM_CHANNEL && rank > 1 ? dims[0]
                                                        : 1;
    *group_numel = n ? numel / n : 0;
    return n;
}

/* Whole numbers: the sums are exact in any order. */
static bp_status fit_u8(const bp_data *d, size_t input, int64_t group,
                        bp_norm *n, bp_error *err)
{
    typedef struct sums {
        uint64_t sum, squares;
    } sums;
    const bp_array *x = &d->input[input];
    size_t scratch = bp__data_scratch(d);
    sums *s = bp__calloc(&n->a, (size_t)n->n, sizeof *s);
    void *row = scratch ? bp__alloc(&n->a, scratch) : NULL;
    bp_status st = s && (row || !scratch) ? BP_OK : bp__oom(err);
    for (int64_t i = 0; i < x->dims[0] && !st; i++) {
        const void *stored;
        st = bp__data_stored(d, input, i, row, &stored, err);
        const uint8_t *p = stored;
        for (int64_t g = 0; g < n->n && !st; g++, p += group)
            for (int64_t k = 0; k < group; k++) {
                s[g].sum += p[k];
                s[g].squares += (uint64_t)p[k] * p[k];
            }
    }
    double count = (double)x->dims[0] * (double)group;
    for (int64_t g = 0; g < n->n && !st; g++) {
        double mean = (double)s[g].sum / count;
        n->mean[g] = mean;
        n->std[g] = sqrt(((double)s[g].squares - (double)s[g].sum * mean) /
                         count);
    }
    bp__free(&n->a, row, row ? scratch : 0);
    bp__free(&n->a, s, s ? (size_t)n->n * sizeof *s : 0);
    return st;
}

/* In f64, whatever type the numbers have. Of f64 and i32, the distances from
 * the first number are added up: large numbers that differ little keep their
 * differences. */
static void fit_numbers(const bp_array *x, int64_t group, int64_t numel,
                        bp_norm *n, int64_t g)
{
    double sum = 0, squares = 0;
    double from = x->dtype == BP_F32
                      ? 0 : bp__element(x->dtype, x->data, g * group);
    for (int64_t i = 0; i < x->dims[0]; i++)
        for (int64_t k = 0; k < group; k++)
            sum += bp__element(x->dtype, x->data,
                               i * numel + g * group + k) - from;
    double count = (double)x->dims[0] * (double)group;
    double mean = from + sum / count;
    for (int64_t i = 0; i < x->dims[0]; i++)
        for (int64_t k = 0; k < group; k++) {
            double t = bp__element(x->dtype, x->data,
                                   i * numel + g * group + k) - mean;
            squares += t * t;
        }
    n->mean[g] = mean;
    n->std[g] = sqrt(squares / count);
}

bp_status bp_norm_fit(const bp_data *d, size_t input, bp_norm_kind kind,
                      const bp_allocator *a, bp_norm **norm, bp_error *err)
{
    return bp__norm_fit(d, input, kind, 0, NULL, a, norm, err);
}

bp_status bp__norm_fit(const bp_data *d, size_t input, bp_norm_kind kind,
                       int rank, const int64_t *dims, const bp_allocator *a,
                       bp_norm **norm, bp_error *err)
{
    *norm = NULL;
    if (input >= d->n_inputs)
        return bp__error(err, BP_EARG, "%s: no input %zu, it has %zu",
                         d->source, input, d->n_inputs);
    if (!norm_has_numbers(kind))
        return bp_norm_new(kind, 0, NULL, NULL, a, norm, err);
    const bp_array *x = &d->input[input];
    int64_t group, numel = bp__row_numel(x);
    if (!rank || bp__dims_numel(rank, dims, 8) != numel) {
        rank = x->rank - 1;
        dims = x->dims + 1;
    }
    int64_t n = count_groups(kind, rank, dims, numel, &group);
    bool bytes = x->dtype == BP_U8 || x->dtype == BP_BOOL;
    double trace = x->dtype == BP_F64 || x->dtype == BP_I32 ? 1e-13 : 1e-10;
    if (numel == 0 || n > INT32_MAX)
        return bp__error(err, BP_EARG,
                         "%s: input %zu has no elements, or too "
                         "many, to normalize",
                         d->source, input);
    bp_norm *y = alloc_norm(a ? a : &bp__malloc_allocator, kind, n);
    if (!y)
        return bp__oom(err);
    bp_status s = bytes ? fit_u8(d, input, group, y, err) : BP_OK;
    if (s) {
        bp_norm_free(y);
        return s;
    }
    for (int64_t g = 0; g < n; g++) {
        if (!bytes)
            fit_numbers(x, group, numel, y, g);
        /* Of equal numbers, rounding may leave a trace, even below the root's
         * 0. */
        if (y->std[g] <= trace * fabs(y->mean[g]) ||
            (bytes && isnan(y->std[g])))
            y->std[g] = 1;
        if (!isfinite(y->mean[g]) || !isfinite(y->std[g])) {
            bp_norm_free(y);
            return bp__error(err, BP_ENONFINITE,
                             "%s: input %zu holds numbers that are not "
                             "finite, or too large to normalize",
                             d->source, input);
        }
    }
    *norm = y;
    return BP_OK;
}

/* ---- applying ----------------------------------------------------------- */

/* Channels of a shape that a model gives the data's samples: they end where
 * the data's axes do, unless a sample has a single one. */
static bool fits_channels(const bp_array *x, int64_t channels)
{
    int64_t n = 1;
    bool fits = channels == 1;
    for (int i = 1; i < x->rank && !fits; i++)
        fits = (n *= x->dims[i]) == channels;
    return fits || (x->rank == 2 && n % channels == 0);
}

bp_status bp__norm_groups(const bp_norm *n, const bp_array *x,
                          int64_t *group_numel, bp_error *err)
{
    *group_numel = 0;
    if (!n || !norm_has_numbers(n->kind))
        return BP_OK;
    int64_t numel = bp__row_numel(x);
    int64_t groups = count_groups(n->kind, x->rank - 1, x->dims + 1, numel,
                                  group_numel);
    if (n->kind == BP_NORM_CHANNEL && groups != n->n && fits_channels(x, n->n)) {
        groups = n->n;
        *group_numel = numel / groups;
    }
    if (groups != n->n)
        return bp__error(err, BP_ESHAPE,
                         "normalization '%s' has %lld means where the data "
                         "have %lld",
                         bp_norm_kind_name(n->kind), (long long)n->n,
                         (long long)groups);
    return BP_OK;
}

double bp__norm_apply(const bp_norm *n, int64_t g, double x, bp_dtype stored)
{
    if (!n || n->kind == BP_NORM_NONE)
        return x;
    if (n->kind == BP_NORM_UNIT)
        return stored == BP_U8 || stored == BP_BOOL ? x / 255 : x;
    return (x - n->mean[g]) / n->std[g];
}
