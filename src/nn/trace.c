/* Tracing a step's function: inputs, networks that share one set of variables,
 * states, the commit. */
#include "nn/trace.h"

#include "nn/optimizer.h"

enum { TRACE_MAX_NETS = 32 };

typedef struct traced_net {
    bp_nn *nn;
    int reading;
} traced_net;

struct bp_trace {
    const bp__tracing *q;
    bp_graph *g;
    bp__nn_shared *sh;
    bp_nn *step; /* sees every parameter: gradients, updates, states */
    bp_val input[BP_STEP_MAX_INPUTS];
    traced_net net[TRACE_MAX_NETS];
    int n_nets;
    bool minimized;
};

bp_graph *bp_trace_graph(bp_trace *t)
{
    return t->g;
}

/* ---- inputs -------------------------------------------------------------- */

static void make_inputs(bp_trace *t)
{
    const bp__tracing *q = t->q;
    for (size_t i = 0; i < q->o->n_inputs; i++) {
        const bp_step_input *in = &q->o->input[i];
        int64_t dims[BP_MAX_RANK];
        memcpy(dims, q->in[i].dims, sizeof dims);
        if (!in->replicated) {
            dims[0] = q->rows;
            t->input[i] = bp_batch_input(t->g, in->name, in->dtype, in->rank,
                                         dims);
        } else {
            t->input[i] = bp_input(t->g, in->name, in->dtype, in->rank, dims);
        }
    }
}

bp_val bp_trace_input(bp_trace *t, const char *name)
{
    bp__str all;
    if (!bp__ok(t->g))
        return BP_NIL;
    const bp_step_options *o = t->q->o;
    for (size_t i = 0; i < o->n_inputs; i++)
        if (name && !strcmp(name, o->input[i].name))
            return t->input[i];
    bp__str_init(&all, t->q->a);
    for (size_t i = 0; i < o->n_inputs; i++)
        bp__str_printf(&all, "%s\"%s\"", i ? ", " : "", o->input[i].name);
    bp_graph_fail(t->g, BP_ENOTFOUND, "the step has no input \"%.80s\"; it has "
                  "%s", name ? name : "", all.len ? all.s : "none");
    bp__str_free(&all);
    return BP_NIL;
}

/* ---- networks ------------------------------------------------------------ */

/* Where a context reads a parameter. */
enum { READ_VARIABLE, READ_POINT, READ_RAW };

static bp_nn *new_context(bp_trace *t, const char *prefix, int reading)
{
    const bp_step_options *o = t->q->o;
    bp_nn_options no = {.size = sizeof no, .dtype = o->dtype,
                        .training = o->training, .seed = o->seed,
                        .init = o->init, .bias_init = o->bias_init,
                        .prefix = prefix};
    if (reading == READ_POINT)
        no.optimizer = o->optimizer;
    bp_nn *nn = bp__nn_new(t->g, t->q->s, &no, bp__nn_shared_retain(t->sh));
    if (!nn)
        return NULL;
    nn->point = reading == READ_POINT ? bp__optim_point
                : reading == READ_RAW ? bp__optim_raw
                                      : NULL;
    nn->trained = o->params;
    return nn;
}

static bp_nn *net(bp_trace *t, const char *prefix, int reading)
{
    prefix = prefix ? prefix : "";
    if (!bp__ok(t->g))
        return NULL;
    for (int i = 0; i < t->n_nets; i++) {
        if (strcmp(t->net[i].nn->prefix, prefix))
            continue;
        if (t->net[i].reading != reading)
            bp_graph_fail(t->g, BP_EARG, "the network \"%.60s\" is read raw and "
                          "averaged in one step", prefix);
        bp__nn_rewind(t->net[i].nn);
        return t->net[i].nn;
    }
    if (t->n_nets == TRACE_MAX_NETS) {
        bp_graph_fail(t->g, BP_ELIMIT, "a step has at most %d networks",
                      TRACE_MAX_NETS);
        return NULL;
    }
    bp_nn *nn = new_context(t, prefix, reading);
    if (nn)
        t->net[t->n_nets++] = (traced_net){nn, reading};
    return nn;
}

bp_nn *bp_trace_net_reading(bp_trace *t, const char *prefix, bp_read read)
{
    const bp_step_options *o = t->q->o;
    int reading = READ_VARIABLE;
    if (read == BP_READ_RAW)
        reading = o->optimizer ? READ_POINT : READ_RAW;
    return net(t, prefix, reading);
}

bp_nn *bp_trace_net(bp_trace *t, const char *prefix)
{
    const bp_step_options *o = t->q->o;
    return bp_trace_net_reading(t, prefix, o->training ? o->read
                                                       : BP_READ_AVERAGED);
}

/* ---- states, updates, outputs ------------------------------------------------- */

bp_val bp_trace_state(bp_trace *t, const char *name, bp_dtype dtype, int rank,
                      const int64_t *dims)
{
    bp_error err = {0};
    if (!bp__ok(t->g))
        return BP_NIL;
    if (bp_store_find(t->q->s, name) < 0 &&
        bp_store_add_state(t->q->s, name, dtype, rank, dims, NULL, &err)) {
        bp_graph_fail(t->g, err.status, "%s", err.message);
        return BP_NIL;
    }
    return bp__nn_row_state(t->step, name, dtype, rank, dims);
}

void bp_trace_set_state(bp_trace *t, const char *name, bp_val value)
{
    if (bp__nn_ok(t->step))
        bp__nn_set_state(t->step, name, value);
}

void bp_trace_minimize(bp_trace *t, bp_val objective, bp_val *grad_norm)
{
    if (grad_norm)
        *grad_norm = BP_NIL;
    if (!bp__nn_ok(t->step))
        return;
    if (!t->q->o->optimizer || t->minimized) {
        bp_graph_fail(t->g, BP_EARG, t->minimized
                          ? "bp_trace_minimize was called before: a step has "
                            "one objective"
                          : "bp_trace_minimize: no optimizer was given in "
                            "the step's options");
        return;
    }
    t->minimized = true;
    const bp__spec *s = bp__nn_parse(t->step, BP_NN_OPTIMIZERS,
                                     t->q->o->optimizer);
    if (s)
        bp__nn_minimize(t->step, objective, s, grad_norm);
}

void bp_trace_output(bp_trace *t, const char *name, bp_val value)
{
    bp_output(t->g, name, value);
}

/* ---- the whole ----------------------------------------------------------------- */

/* Numbers of its own for each name; those of the nameless step are what they
 * always were. */
static uint32_t word_of(const char *name)
{
    uint64_t h = bp__hash(BP__HASH_INIT, name, strlen(name));
    return name[0] ? (uint32_t)(h ^ h >> 32) : 0;
}

static bool begin(bp_trace *t)
{
    const bp_step_options *o = t->q->o;
    const char *name = o->name ? o->name : "";
    if (t->q->rows)
        bp_graph_set_shard(t->g, o->shards ? o->shards : 1, t->q->rows,
                           t->q->global_rows);
    t->sh = bp__nn_shared_new(t->q->a, name);
    if (!t->sh) {
        bp_graph_fail(t->g, BP_ENOMEM, "out of memory");
        return false;
    }
    t->sh->moments = t->sh->step;
    t->sh->key_word = word_of(name);
    t->sh->in_order = true;
    t->sh->statistics = o->statistics ? o->statistics : o->params;
    t->step = new_context(t, "", o->optimizer ? READ_POINT
                                              : READ_VARIABLE);
    if (!t->step)
        return false;
    t->step->all = true;
    make_inputs(t);
    return bp__ok(t->g);
}

static void end(bp_trace *t)
{
    const bp_step_options *o = t->q->o;
    if (bp__ok(t->g) && o->optimizer && !t->minimized && !o->dry)
        bp_graph_fail(t->g, BP_EARG, "the step has an optimizer, and its "
                      "function did not call bp_trace_minimize");
    if (bp__nn_ok(t->step) && !o->dry)
        bp__nn_commit_updates(t->step,
                              t->minimized || !bp_is_nil(t->sh->key));
}

bp_graph *bp__trace(const bp__tracing *q, bool *ahead, bp_nn **first)
{
    bp_trace t = {.q = q, .g = bp_graph_new(q->a)};
    if (first)
        *first = NULL;
    if (!t.g)
        return NULL;
    if (begin(&t))
        q->o->fn(&t, q->o->user);
    end(&t);
    if (ahead)
        *ahead = t.sh && t.sh->missed_ahead;
    for (int i = 0; i < t.n_nets; i++) {
        if (first && i == 0)
            *first = t.net[i].nn;
        else
            bp_nn_free(t.net[i].nn);
    }
    bp_nn_free(t.step);
    bp__nn_shared_free(t.sh);
    return t.g;
}
