/* Initializers. Element i of a variable is a function of (seed, name, i): not
 * of the order in which variables are made, nor of other variables. An f32
 * start is the f64 one, rounded. */
#include "nn/nn.h"

#include "base/rng.h"

#include <math.h>

static double normal_scale(const bp__spec *s, double fan_in, double fan_out,
                           bool *uniform, double *mean)
{
    (void)fan_in, (void)fan_out;
    *uniform = false;
    *mean = bp__arg_float(s, "mean");
    return bp__arg_float(s, "std");
}

static double uniform_scale(const bp__spec *s, double fan_in, double fan_out,
                            bool *uniform, double *mean)
{
    (void)fan_in, (void)fan_out;
    double high = bp__arg_float(s, "high");
    double low = bp__arg(s, "low")->set ? bp__arg_float(s, "low") : -high;
    *uniform = true;
    *mean = 0.5 * (low + high);
    return 0.5 * (high - low);
}

static const char *check_uniform(const bp__spec *s)
{
    double high = bp__arg_float(s, "high");
    double low = bp__arg(s, "low")->set ? bp__arg_float(s, "low") : -high;
    return low <= high ? NULL : "low is above high";
}

static double xavier_std(const bp__spec *s, double fan_in, double fan_out)
{
    double fans = fan_in + fan_out;
    return bp__arg_float(s, "gain") * sqrt(2 / (fans > 0 ? fans : 1));
}

static double kaiming_std(const bp__spec *s, double fan_in, double fan_out)
{
    double a = bp__arg_float(s, "slope");
    double fan = bp__arg_is(s, "mode", "fan_out") ? fan_out : fan_in;
    return sqrt(2 / (1 + a * a)) / sqrt(fan > 0 ? fan : 1);
}

static double xavier_normal(const bp__spec *s, double fan_in, double fan_out,
                            bool *uniform, double *mean)
{
    *uniform = false;
    *mean = 0;
    return xavier_std(s, fan_in, fan_out);
}

/* A uniform number on [-b, b] has the deviation b / sqrt(3). */
static double xavier_uniform(const bp__spec *s, double fan_in, double fan_out,
                             bool *uniform, double *mean)
{
    *uniform = true;
    *mean = 0;
    return sqrt(3) * xavier_std(s, fan_in, fan_out);
}

static double kaiming_normal(const bp__spec *s, double fan_in, double fan_out,
                             bool *uniform, double *mean)
{
    *uniform = false;
    *mean = 0;
    return kaiming_std(s, fan_in, fan_out);
}

static double kaiming_uniform(const bp__spec *s, double fan_in,
                              double fan_out, bool *uniform, double *mean)
{
    *uniform = true;
    *mean = 0;
    return sqrt(3) * kaiming_std(s, fan_in, fan_out);
}

static double lecun_normal(const bp__spec *s, double fan_in, double fan_out,
                           bool *uniform, double *mean)
{
    (void)s, (void)fan_out;
    *uniform = false;
    *mean = 0;
    return 1 / sqrt(fan_in > 0 ? fan_in : 1);
}

static double lecun_uniform(const bp__spec *s, double fan_in, double fan_out,
                            bool *uniform, double *mean)
{
    (void)s, (void)fan_out;
    *uniform = true;
    *mean = 0;
    return sqrt(3) / sqrt(fan_in > 0 ? fan_in : 1);
}

static double torch_scale(const bp__spec *s, double fan_in, double fan_out,
                          bool *uniform, double *mean)
{
    (void)s, (void)fan_out;
    *uniform = true;
    *mean = 0;
    return 1 / sqrt(fan_in > 0 ? fan_in : 1);
}

static double constant_scale(const bp__spec *s, double fan_in, double fan_out,
                             bool *uniform, double *mean)
{
    (void)fan_in, (void)fan_out;
    *uniform = true;
    *mean = bp__arg_float(s, "value");
    return 0;
}

static double zeros_scale(const bp__spec *s, double fan_in, double fan_out,
                          bool *uniform, double *mean)
{
    (void)s, (void)fan_in, (void)fan_out;
    *uniform = true;
    *mean = 0;
    return 0;
}

static double ones_scale(const bp__spec *s, double fan_in, double fan_out,
                         bool *uniform, double *mean)
{
    (void)s, (void)fan_in, (void)fan_out;
    *uniform = true;
    *mean = 1;
    return 0;
}

static double article_scale(const bp__spec *s, double fan_in, double fan_out,
                            bool *uniform, double *mean)
{
    (void)s, (void)fan_in, (void)fan_out;
    *uniform = false;
    *mean = 0;
    return 0.01;
}

/* ---- of a variable as a whole ---- */

/* Draws again what falls outside: try k of element i is a function of
 * (seed, stream, k, i). */
static void truncated_fill(const bp__spec *s, const bp__init_at *at,
                           double *out, double *scratch)
{
    double mean = bp__arg_float(s, "mean"), std = bp__arg_float(s, "std");
    double bound = bp__arg_float(s, "bound");
    bp__rng r = bp__rng_seed(at->seed, 0, (int64_t)at->stream);
    (void)scratch;
    bp__rng_fill_normal_f64(&r, 0, at->n, out);
    for (size_t i = 0; i < at->n; i++) {
        for (uint64_t k = 1; fabs(out[i]) > bound; k++) {
            bp__rng again = bp__rng_seed(at->seed, k, (int64_t)at->stream);
            out[i] = bp__rng_normal_f64(&again, i);
        }
        out[i] = mean + std * out[i];
    }
}

/* Four sums in a fixed order: as exact as one, and not bound by the time of
 * an addition. */
static double dot(const double *a, const double *b, size_t n)
{
    double sum[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++)
            sum[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        sum[0] += a[i] * b[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Gram-Schmidt over m vectors of length n, m <= n. Each is freed of those
 * before it twice, after which it is orthogonal to rounding. */
static void orthonormalize(double *v, size_t m, size_t n)
{
    for (size_t j = 0; j < m; j++) {
        double *x = v + j * n;
        for (int pass = 0; pass < 2; pass++)
            for (size_t k = 0; k < j; k++) {
                const double *q = v + k * n;
                double c = dot(q, x, n);
                for (size_t i = 0; i < n; i++)
                    x[i] -= c * q[i];
            }
        double norm = sqrt(dot(x, x, n));
        for (size_t i = 0; norm > 0 && i < n; i++)
            x[i] /= norm;
    }
}

/* As PyTorch's: the Q of a normal matrix [dims[0], the rest], or of its
 * transpose if that is the taller one, where R's diagonal is positive. That is
 * what Gram-Schmidt gives. */
static void orthogonal_rows(const bp__init_at *at, double *out,
                            double *scratch)
{
    size_t rows = (size_t)at->dims[0], columns = at->n / rows;
    bp__rng r = bp__rng_seed(at->seed, 0, (int64_t)at->stream);
    bp__rng_fill_normal_f64(&r, 0, at->n, out);
    if (rows < columns) {
        orthonormalize(out, rows, columns);
    } else {
        for (size_t i = 0; i < at->n; i++)
            scratch[i % columns * rows + i / columns] = out[i];
        orthonormalize(scratch, columns, rows);
        for (size_t i = 0; i < at->n; i++)
            out[i] = scratch[i % columns * rows + i / columns];
    }
}

static void orthogonal_fill(const bp__spec *s, const bp__init_at *at,
                            double *out, double *scratch)
{
    double gain = bp__arg_float(s, "gain");
    orthogonal_rows(at, out, scratch);
    for (size_t i = 0; i < at->n; i++)
        out[i] *= gain;
}

static void lsuv_fill(const bp__spec *s, const bp__init_at *at, double *out,
                      double *scratch)
{
    (void)s;
    orthogonal_rows(at, out, scratch);
}

static const char *orthogonal_fits(const bp__spec *s, int rank,
                                   const int64_t *dims)
{
    (void)s, (void)dims;
    return rank < 2 ? "needs two axes or more" : NULL;
}

/* 1 where output channel d of a group meets input channel d, at the kernel's
 * center: with padding to the same size, the layer copies its input. */
static void dirac_fill(const bp__spec *s, const bp__init_at *at, double *out,
                       double *scratch)
{
    int64_t groups = bp__arg_int(s, "groups"), center = 0, area = 1;
    int64_t own = at->dims[0] / groups, in = at->dims[1];
    (void)scratch;
    for (int i = 2; i < at->rank; i++) {
        center = center * at->dims[i] + at->dims[i] / 2;
        area *= at->dims[i];
    }
    memset(out, 0, at->n * sizeof *out);
    for (int64_t o = 0; o < own * groups; o++)
        if (o % own < in)
            out[(o * in + o % own) * area + center] = 1;
}

static const char *dirac_fits(const bp__spec *s, int rank,
                              const int64_t *dims)
{
    if (rank < 3 || rank > 5)
        return "needs the weight of a convolution, of 3 to 5 axes";
    return dims[0] % bp__arg_int(s, "groups")
               ? "has groups that do not divide the first axis" : NULL;
}

static const bp__argdef truncated_args[] = {
    {"std", BP__ARG_FLOAT, "standard deviation before the cut", .def = 1,
     BP__FROM(0)},
    {"mean", BP__ARG_FLOAT, "mean", .def = 0, BP__ANY},
    {"bound", BP__ARG_FLOAT, "where it is cut off, in deviations", .def = 2,
     BP__FROM(0.1)},
    {.name = NULL}};
static const bp__argdef orthogonal_args[] = {
    {"gain", BP__ARG_FLOAT, "factor", .def = 1, BP__ANY}, {.name = NULL}};
static const bp__argdef lsuv_args[] = {
    {"tolerance", BP__ARG_FLOAT, "how far from 1 the variance may be",
     .def = 0.1, BP__ABOVE(0)},
    {"steps", BP__ARG_INT, "at most, of a layer", .def = 10, BP__FROM(1)},
    {.name = NULL}};
static const bp__argdef dirac_args[] = {
    {"groups", BP__ARG_INT, "of the convolution", .def = 1, BP__FROM(1)},
    {.name = NULL}};

static const bp__argdef normal_args[] = {
    {"std", BP__ARG_FLOAT, "standard deviation", .def = 1, BP__FROM(0)},
    {"mean", BP__ARG_FLOAT, "mean", .def = 0, BP__ANY},
    {.name = NULL}};
static const bp__argdef uniform_args[] = {
    {"high", BP__ARG_FLOAT, "upper bound", .def = 1, BP__ANY},
    {"low", BP__ARG_FLOAT, "lower bound; -high unless given", .def = -1,
     BP__ANY, .no_default = true},
    {.name = NULL}};
static const bp__argdef xavier_args[] = {
    {"gain", BP__ARG_FLOAT, "factor", .def = 1, BP__ABOVE(0)},
    {.name = NULL}};
static const bp__argdef kaiming_args[] = {
    {"mode", BP__ARG_CHOICE, "which number of connections counts",
     .def_text = "fan_in", .choices = "fan_in|fan_out"},
    {"slope", BP__ARG_FLOAT, "of the leaky ReLU that follows; ReLU: 0",
     .def = 0, BP__FROM(0)},
    {.name = NULL}};
static const bp__argdef constant_args[] = {
    {"value", BP__ARG_FLOAT, "of every element", .required = true, BP__ANY},
    {.name = NULL}};

const bp__kinddef bp__init_rows[] = {
    {"kaiming_normal", "normal, deviation sqrt(2 / fan_in): He's, for ReLU; "
     "the default", kaiming_args, "mode", .build.init = kaiming_normal},
    {"kaiming_uniform", "uniform, the same deviation", kaiming_args, "mode",
     .build.init = kaiming_uniform},
    {"xavier_normal", "normal, deviation gain * sqrt(2 / (fan_in + fan_out)): "
     "Glorot's", xavier_args, "gain", .build.init = xavier_normal},
    {"xavier_uniform", "uniform, the same deviation", xavier_args, "gain",
     .build.init = xavier_uniform},
    {"lecun_normal", "normal, deviation sqrt(1 / fan_in): LeCun 1998; for "
     "selu", .build.init = lecun_normal},
    {"lecun_uniform", "uniform, the same deviation",
     .build.init = lecun_uniform},
    {"torch", "uniform on +-1 / sqrt(fan_in), biases too: PyTorch's default",
     .build.init = torch_scale},
    {"normal", "normal", normal_args, "std", .build.init = normal_scale},
    {"uniform", "uniform from low to high", uniform_args, "high",
     .check = check_uniform, .build.init = uniform_scale},
    {"truncated_normal", "normal, drawn again where it falls more than bound "
     "deviations from the mean", truncated_args, "std",
     .whole = true, .build.fill = truncated_fill},
    {"orthogonal", "rows, or columns if they are fewer, of length gain at "
     "right angles: Saxe 2013; the value of an element depends on all",
     orthogonal_args, "gain", .whole = true,
     .build.fill = orthogonal_fill, .fits = orthogonal_fits},
    {"lsuv", "orthogonal; then, as training begins, layer by layer divided by "
     "the deviation of what the layer gives on a batch, until its variance is "
     "1: Mishkin and Matas 2015", lsuv_args, "tolerance", .whole = true,
     .unit_variance = true, .build.fill = lsuv_fill,
     .fits = orthogonal_fits},
    {"dirac", "weights of a convolution that copies its input: Zagoruyko "
     "2017", dirac_args, "groups", .whole = true, .build.fill = dirac_fill,
     .fits = dirac_fits},
    {"article", "0.01 times the standard normal",
     .build.init = article_scale},
    {"constant", "one value", constant_args, "value",
     .build.init = constant_scale},
    {"zeros", "0", .build.init = zeros_scale},
    {"ones", "1", .build.init = ones_scale},
    {.name = NULL}};

enum { INIT_BLOCK = 256 };

static uint64_t stream_of(const char *name)
{
    return bp__hash(BP__HASH_INIT, name, strlen(name)) >> 1;
}

double *bp__init_whole(const bp__spec *init, uint64_t seed, const char *name,
                       const bp__type *t, const bp_allocator *a)
{
    size_t n = (size_t)bp__numel(t);
    double *out = bp__calloc(a, 2 * n + 1, sizeof *out);
    bp__init_at at = {.seed = seed, .stream = stream_of(name),
                      .rank = t->rank, .dims = t->dims, .n = n};
    if (out && n)
        init->row->build.fill(init, &at, out, out + n);
    return out;
}

void bp__init_fill(const bp__spec *init, uint64_t seed, const char *name,
                   double fan_in, double fan_out, bp_dtype dtype, size_t n,
                   void *out)
{
    bool uniform = false;
    double mean = 0, buf[INIT_BLOCK];
    double scale = init->row->build.init(init, fan_in, fan_out, &uniform,
                                         &mean);
    bp__rng r = bp__rng_seed(seed, 0, (int64_t)stream_of(name));
    for (size_t at = 0; at < n; at += INIT_BLOCK) {
        size_t m = BP__MIN(n - at, (size_t)INIT_BLOCK);
        if (scale != 0 && uniform)
            bp__rng_fill_f64(&r, at, m, buf);
        else if (scale != 0)
            bp__rng_fill_normal_f64(&r, at, m, buf);
        for (size_t i = 0; i < m; i++) {
            double u = scale == 0 ? 0 : uniform ? 2 * buf[i] - 1 : buf[i];
            double x = mean + scale * u;
            if (dtype == BP_F32)
                ((float *)out)[at + i] = (float)x;
            else
                ((double *)out)[at + i] = x;
        }
    }
}
