/* What optimizers share: the rate, moments, bias corrections. Scalars that are
 * the same for all parameters are computed once, in f64, and rounded to the
 * parameters' type: a few scalar nodes a step. */
#ifndef BP__NN_OPTIMIZER_H
#define BP__NN_OPTIMIZER_H

#include "nn/nn.h"

/* A row's builder: reads the gradients, sets parameters and moments. */
typedef void bp__optimizer_update(bp_nn *nn, const bp__spec *s,
                                  const bp_val *grad);
bp__optimizer_update bp__sgd_update, bp__momentum_update, bp__lion_update,
    bp__adam_update, bp__nadam_update, bp__lamb_update, bp__adagrad_update,
    bp__rmsprop_update, bp__adadelta_update, bp__adamax_update,
    bp__muon_update, bp__schedule_free_update;
/* The share of what is ahead of the average where gradients are taken. */
double bp__schedule_free_ahead(const bp__spec *s);
/* Where a step reads what it trains; and what another step trains. */
bp__nn_point bp__optim_point, bp__optim_raw;

/* ---- optimizer_groups.c ------------------------------------------------- */

/* Gives each parameter its group; false: the graph has an error. */
bool bp__optim_groups(bp_nn *nn, const bp__spec *s);
/* Goes on to a parameter that is not frozen; false: there is none. */
bool bp__optim_next(const bp_nn *nn, size_t *i);

/* ---- optimizer_state.c ------------------------------------------------- */

/* trainer.lr as f64; it starts at the optimizer's lr. */
bp_val bp__optim_rate(bp_nn *nn, const bp__spec *s);
/* A scalar of f64 in the parameters' type. */
bp_val bp__optim_as_param(const bp_nn *nn, bp_val x);
/* p * (1 - rate * weight_decay), with parameter i's weight_decay. */
bp_val bp__optim_shrunk(bp_nn *nn, size_t i, bp_val p, bp_val rate);
/* grad + weight_decay * p */
bp_val bp__optim_decayed(bp_nn *nn, size_t i, bp_val p, bp_val grad);

/* "optim.0.weight.m": of a parameter's type and shape, from `start`. */
bp_val bp__optim_moment(bp_nn *nn, size_t i, const char *suffix,
                        double start, const char **name);
bp_val bp__optim_moment_of(bp_nn *nn, const char *param, bp_val p,
                           const char *suffix, double start,
                           const char **name);
/* Cuts a moment's next value off and commits it; returns it. */
bp_val bp__optim_keep(bp_nn *nn, const char *name, bp_val next,
                      bool may_be_negative);
/* m + (1 - beta)(x - m), committed. */
bp_val bp__optim_mean(bp_nn *nn, size_t i, const char *suffix, bp_val x,
                      double beta);
/* beta * v + (1 - beta) x^2, committed. */
bp_val bp__optim_mean_square(bp_nn *nn, size_t i, const char *suffix,
                             bp_val x, double beta);

/* "optim.beta1_power", an f64 scalar from `start`. */
bp_val bp__optim_scalar(bp_nn *nn, const char *which, double start,
                        const char **name);
/* 1 - beta^t of step t = 1, 2, ... */
bp_val bp__optim_correction(bp_nn *nn, const char *which, double beta);

/* ---- optimizer_average.c ----------------------------------------------- */

/* True where the network reads other values than the parameters' variables
 * while it trains. */
bool bp__optimizer_averages(const bp__spec *s);
/* The parameter's next value; where weights are averaged, it joins them. */
void bp__optim_set_param(bp_nn *nn, size_t i, bp_val value);
void bp__optim_average_begin(bp_nn *nn, const bp__spec *s);
/* An f64 share and what is left of 1, in the parameters' type. */
bp__share bp__optim_share(bp_nn *nn, bp_val share);
/* The average takes its share of what lies beyond it; the rest stays ahead. */
void bp__optim_average(bp_nn *nn, size_t i, bp_val beyond, bp__share s);

/* ---- optimizer_adam.c -------------------------------------------------- */

/* What all parameters share in a step of Adam. */
typedef struct bp__adam {
    bp_val step_size; /* rate / (1 - beta1^t)       */
    bp_val root;      /* 1 / sqrt(1 - beta2^t)      */
    bp_val rate;      /* in f64                     */
    double beta1, beta2, eps;
    bool decoupled;   /* p is shrunk first          */
} bp__adam;

/* beta1, beta2 and eps are the spec's. */
bp__adam bp__adam_begin(bp_nn *nn, const bp__spec *s, bp_val rate,
                        bool decoupled);
void bp__adam_one(bp_nn *nn, const bp__adam *a, size_t i, bp_val grad);

#endif
