/* The table of optimizers. Names and defaults of values are PyTorch's where
 * it has the optimizer, else those of the paper that is named (Muon: those of
 * its authors' program). */
#include "nn/optimizer.h"

#include <math.h>

#define END {.name = NULL}
#define SCHEDULE                                                           \
    {"schedule", BP__ARG_SPEC, "the rate of each step; constant unless "   \
     "given", .table = BP_NN_SCHEDULES}
#define CLIP                                                               \
    {"clip_norm", BP__ARG_FLOAT, "largest norm of all gradients together; " \
     "0: no limit", BP__FROM(0)},                                          \
    {"clip_value", BP__ARG_FLOAT, "largest size of each element of a "     \
     "gradient; 0: no limit", BP__FROM(0)}
#define EMA                                                                \
    BETA("ema", "decay of an average of the weights, which is evaluated and " \
         "saved in their place; 0: none", 0)
#define GROUPS                                                             \
    {"groups", BP__ARG_LAYERS, "parameters that are treated otherwise; the " \
     "first group that a name matches counts", .table = BP_NN_GROUPS}
#define COMMON(rate)                                                       \
    {"lr", BP__ARG_FLOAT, "learning rate", .def = (rate), BP__FROM(0)},    \
    SCHEDULE, CLIP, EMA, GROUPS
#define DECAY(value)                                                       \
    {"weight_decay", BP__ARG_FLOAT, "pulls parameters towards 0",          \
     .def = (value), BP__FROM(0)}
#define BETA(key, text, value)                                             \
    {key, BP__ARG_FLOAT, text, .def = (value), .min = 0, .max = 1,         \
     .open_max = true}
#define MOMENTUM(value)                                                    \
    BETA("momentum", "how much of the last step is kept", value)
#define EPS(value)                                                         \
    {"eps", BP__ARG_FLOAT, "added to the denominator", .def = (value),     \
     BP__ABOVE(0)}

static const bp__argdef sgd_args[] = {COMMON(0.01), DECAY(0), END};
static const bp__argdef momentum_args[] = {
    COMMON(0.01), DECAY(0), MOMENTUM(0.9), END};

#define BETAS                                                              \
    BETA("beta1", "decay of the mean gradient", 0.9),                      \
    BETA("beta2", "decay of the mean squared gradient", 0.999)
static const bp__argdef adam_args[] = {
    COMMON(0.001), DECAY(0), BETAS, EPS(1e-8), END};
static const bp__argdef adamw_args[] = {
    COMMON(0.001), DECAY(0.01), BETAS, EPS(1e-8), END};
static const bp__argdef lamb_args[] = {
    COMMON(0.001), DECAY(0.01), BETAS, EPS(1e-6), END};
static const bp__argdef nadam_args[] = {
    COMMON(0.002), DECAY(0), BETAS, EPS(1e-8),
    {"momentum_decay", BP__ARG_FLOAT, "how slowly the momentum rises from "
     "half of beta1", .def = 0.004, BP__FROM(0)}, END};
static const bp__argdef adamax_args[] = {
    COMMON(0.002), DECAY(0), BETA("beta1", "decay of the mean gradient", 0.9),
    BETA("beta2", "decay of the largest gradient", 0.999),
    {"eps", BP__ARG_FLOAT, "added to the size of a gradient", .def = 1e-8,
     BP__ABOVE(0)}, END};

static const bp__argdef adagrad_args[] = {
    COMMON(0.01), DECAY(0),
    {"lr_decay", BP__ARG_FLOAT, "the rate of step t = 0, 1, ... is divided "
     "by 1 + lr_decay * t", .def = 0, BP__FROM(0)},
    {"initial_accumulator_value", BP__ARG_FLOAT, "what the sum starts from",
     .def = 0, BP__FROM(0)},
    EPS(1e-10), END};
static const bp__argdef rmsprop_args[] = {
    COMMON(0.01), DECAY(0),
    BETA("alpha", "decay of the mean squared gradient", 0.99), EPS(1e-8),
    MOMENTUM(0),
    {"centered", BP__ARG_BOOL, "divides by the gradient's deviation from its "
     "mean", .def = 0}, END};
static const bp__argdef adadelta_args[] = {
    COMMON(1), DECAY(0),
    BETA("rho", "decay of both mean squares", 0.9),
    {"eps", BP__ARG_FLOAT, "added below the roots", .def = 1e-6,
     BP__ABOVE(0)}, END};

static const bp__argdef lion_args[] = {
    COMMON(0.0001), DECAY(0),
    BETA("beta1", "weight of the mean in a step", 0.9),
    BETA("beta2", "decay of the mean gradient", 0.99), END};

/* Not COMMON: the rates of matrices and of the rest keep their ratio. */
static const bp__argdef muon_args[] = {
    {"lr", BP__ARG_FLOAT, "learning rate of matrices", .def = 0.02,
     BP__ABOVE(0)},
    {"adam_lr", BP__ARG_FLOAT, "learning rate of the rest; the schedule "
     "changes it by the same factor", .def = 0.0003, BP__FROM(0)},
    SCHEDULE, CLIP, EMA, GROUPS, DECAY(0),
    BETA("momentum", "decay of a matrix's mean gradient", 0.95),
    {"nesterov", BP__ARG_BOOL, "looks ahead by one step", .def = 1},
    {"ns_steps", BP__ARG_INT, "Newton-Schulz iterations", .def = 5,
     .min = 1, .max = 20},
    BETA("beta1", "decay of the mean gradient of the rest", 0.9),
    BETA("beta2", "decay of the mean squared gradient of the rest", 0.95),
    {"eps", BP__ARG_FLOAT, "added to the denominator of the rest",
     .def = 1e-10, BP__ABOVE(0)}, END};

static const bp__argdef schedule_free_args[] = {
    {"lr", BP__ARG_FLOAT, "learning rate", .def = 0.0025, BP__FROM(0)},
    SCHEDULE, CLIP, GROUPS, DECAY(0),
    BETA("beta1", "weight of the average where gradients are taken", 0.9),
    BETA("beta2", "decay of the mean squared gradient", 0.999), EPS(1e-8),
    END};

/* Which of the two would come first is nobody's guess. */
static const char *check_common(const bp__spec *s)
{
    if (bp__arg_float(s, "clip_norm") > 0 && bp__arg_float(s, "clip_value") > 0)
        return "clip_norm and clip_value exclude each other";
    return NULL;
}

#define ROW(name, doc, args, update, formula)                              \
    {name, doc, args, "lr", .build.optimizer = update,                     \
     .check = check_common, .point = bp__optim_point, .math = formula}

const bp__kinddef bp__optimizer_rows[] = {
    ROW("sgd", "p - lr * g", sgd_args, bp__sgd_update,
        "p ← p − η g"),
    ROW("momentum", "b = momentum * b + g; p - lr * b (Polyak 1964)",
        momentum_args, bp__momentum_update,
        "b ← μ b + g; p ← p − η b"),
    ROW("nesterov", "b = momentum * b + g; p - lr * (g + momentum * b) "
        "(Nesterov 1983, in the form of Sutskever et al. 2013)",
        momentum_args, bp__momentum_update,
        "b ← μ b + g; p ← p − η (g + μ b)"),
    ROW("adam", "p - lr * m / (sqrt(v) + eps), m and v bias-corrected "
        "running means of g and g^2 (Kingma and Ba 2015)", adam_args,
        bp__adam_update,
        "m ← β_1 m + (1 − β_1) g; v ← β_2 v + (1 − β_2) g^2; p ← p − η "
        "frac{m / (1 − β_1^t)}{sqrt{v / (1 − β_2^t)} + ε}"),
    ROW("adamw", "Adam, and p * (1 - lr * weight_decay) before it "
        "(Loshchilov and Hutter 2019)", adamw_args, bp__adam_update,
        "m ← β_1 m + (1 − β_1) g; v ← β_2 v + (1 − β_2) g^2; p ← (1 − "
        "η λ) p − η frac{m / (1 − β_1^t)}{sqrt{v / (1 − β_2^t)} + ε}"),
    ROW("nadam", "Adam with Nesterov's look ahead: m and g are weighted by a "
        "momentum beta1 * (1 - 0.96^(t * momentum_decay) / 2) (Dozat 2016)",
        nadam_args, bp__nadam_update,
        "m ← β_1 m + (1 − β_1) g; v ← β_2 v + (1 − β_2) g^2; p ← p − η "
        "frac{μ_{t+1} m + (1 − μ_t) g}{sqrt{v} + ε}"),
    ROW("nadamw", "nadam, and p * (1 - lr * weight_decay) before it",
        nadam_args, bp__nadam_update,
        "m ← β_1 m + (1 − β_1) g; v ← β_2 v + (1 − β_2) g^2; p ← (1 − "
        "η λ) p − η frac{μ_{t+1} m + (1 − μ_t) g}{sqrt{v} + ε}"),
    ROW("adamax", "p - lr * m / u, m a bias-corrected running mean of g, "
        "u = max(beta2 * u, |g| + eps) (Kingma and Ba 2015)", adamax_args,
        bp__adamax_update,
        "m ← β_1 m + (1 − β_1) g; u ← max(β_2 u, |g| + ε); p ← p − "
        "frac{η}{1 − β_1^t} frac{m}{u}"),
    ROW("adagrad", "s = s + g^2; p - lr * g / (sqrt(s) + eps) (Duchi, Hazan "
        "and Singer 2011)", adagrad_args, bp__adagrad_update,
        "s ← s + g^2; p ← p − η frac{g}{sqrt{s} + ε}"),
    ROW("rmsprop", "b = momentum * b + g / (sqrt(v) + eps), v a running mean "
        "of g^2, less the square of that of g if centered; p - lr * b "
        "(Tieleman and Hinton 2012; centered: Graves 2013)", rmsprop_args,
        bp__rmsprop_update,
        "v ← α v + (1 − α) g^2; b ← μ b + frac{g}{sqrt{v} + ε}; p ← p "
        "− η b"),
    ROW("adadelta", "d = sqrt(u + eps) / sqrt(v + eps) * g, u and v running "
        "means of d^2 and g^2; p - lr * d (Zeiler 2012)", adadelta_args,
        bp__adadelta_update,
        "v ← ρ v + (1 − ρ) g^2; d = frac{sqrt{u + ε}}{sqrt{v + ε}} g; "
        "u ← ρ u + (1 − ρ) d^2; p ← p − η d"),
    ROW("lion", "p * (1 - lr * weight_decay) - lr * sign(beta1 * m + "
        "(1 - beta1) * g), m a running mean of g by beta2 (Chen et al. 2023)",
        lion_args, bp__lion_update,
        "p ← (1 − η λ) p − η sign(β_1 m + (1 − β_1) g); m ← β_2 m + (1 "
        "− β_2) g"),
    ROW("lamb", "r = Adam's m / (sqrt(v) + eps) + weight_decay * p; "
        "p - lr * r * |p| / |r|, norms of a whole tensor, their ratio 1 where "
        "one of them is 0 (You et al. 2020)", lamb_args, bp__lamb_update,
        "r = frac{m}{sqrt{v} + ε} + λ p; p ← p − η frac{|p|}{|r|} r"),
    {"muon", "weights of rank 2 and more, as matrices of the first axis by all "
     "others: p * (1 - lr * weight_decay) - lr * sqrt(max(1, rows / "
     "columns)) * O, O the running mean of g, brought near an orthogonal "
     "matrix by Newton-Schulz iterations; the rest, and groups with adamw "
     "(embeddings and the last layer are better there), by AdamW (Jordan et "
     "al. 2024)", muon_args, "lr", .build.optimizer = bp__muon_update,
     .check = check_common, .point = bp__optim_point, .has_adamw = true,
     .math = "m ← μ m + (1 − μ) g; p ← (1 − η λ) p − η sqrt{max(1, "
             "frac{n}{k})} O(m)"},
    {"schedule_free", "z - lr * (g / (sqrt(v) + eps) + weight_decay * y), v a "
     "bias-corrected running mean of g^2; the parameter is the mean of all z, "
     "weighted by the square of the largest rate so far, and g is taken at "
     "y = (1 - beta1) * z + beta1 * p; of the schedules only warmup is of use "
     "(Defazio et al. 2024)", schedule_free_args, "lr",
     .build.optimizer = bp__schedule_free_update,
     .check = check_common, .point = bp__optim_point,
     .ahead = bp__schedule_free_ahead,
     .math = "v ← β_2 v + (1 − β_2) g^2; z ← z − η (frac{g}{sqrt{v} + ε} + "
             "λ y); p ← (1 − c) p + c z"},
    END};
