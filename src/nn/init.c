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

const bp__row bp__init_rows[] = {
    {"kaiming_normal", "normal, deviation sqrt(2 / fan_in): He's, for ReLU; "
     "the default", kaiming_args, "mode", .build.init = kaiming_normal},
    {"kaiming_uniform", "uniform, the same deviation", kaiming_args, "mode",
     .build.init = kaiming_uniform},
    {"xavier_normal", "normal, deviation gain * sqrt(2 / (fan_in + fan_out)): "
     "Glorot's", xavier_args, "gain", .build.init = xavier_normal},
    {"xavier_uniform", "uniform, the same deviation", xavier_args, "gain",
     .build.init = xavier_uniform},
    {"torch", "uniform on +-1 / sqrt(fan_in), biases too: PyTorch's default",
     .build.init = torch_scale},
    {"normal", "normal", normal_args, "std", .build.init = normal_scale},
    {"uniform", "uniform from low to high", uniform_args, "high",
     .check = check_uniform, .build.init = uniform_scale},
    {"article", "0.01 times the standard normal",
     .build.init = article_scale},
    {"constant", "one value", constant_args, "value",
     .build.init = constant_scale},
    {"zeros", "0", .build.init = zeros_scale},
    {"ones", "1", .build.init = ones_scale},
    {.name = NULL}};

enum { INIT_BLOCK = 256 };

void bp__init_fill(const bp__spec *init, uint64_t seed, const char *name,
                   double fan_in, double fan_out, bp_dtype dtype, size_t n,
                   void *out)
{
    bool uniform = false;
    double mean = 0, buf[INIT_BLOCK];
    double scale = init->row->build.init(init, fan_in, fan_out, &uniform,
                                         &mean);
    uint64_t h = bp__hash(BP__HASH_INIT, name, strlen(name));
    bp__rng r = bp__rng_seed(seed, 0, (int64_t)(h >> 1));
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
