/* Opening a run for prediction, and sharing it between threads. */
#include "predict/predict.h"

/* ---- what clones share ---------------------------------------------------- */

static void release(bp__opened *r)
{
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    bp_allocator a = r->a;
    bp_store_free(r->store);
    if (r->owns_config)
        bp_config_free(r->config);
    bp__arena_free(&r->arena);
    bp__free(&a, r, sizeof *r);
}

/* Numbers that were scaled for training. */
static bp_status keep_units(bp__opened *r, bp_error *err)
{
    const bp__source_config *s = &r->config->source;
    int64_t n = bp__source_n_units(s);
    bp__target_units u;
    r->units = bp__arena_array(&r->arena, (size_t)n + 1, sizeof *r->units);
    if (!r->units)
        return bp__oom(err);
    for (int64_t k = 0; k < n && bp__source_units(s, k, &u); k++)
        r->units[r->n_units++] = (bp_target_units){u.name, u.center, u.factor};
    return BP_OK;
}

static bp_status keep_run(bp__opened *r, const bp_predictor_options *o,
                          bp_error *err)
{
    bp_config *c = r->config;
    r->classes = bp_config_classifies(c);
    r->n_inputs = bp__task_inputs(&c->task);
    for (size_t i = 0; i < r->n_inputs; i++)
        bp__task_input(&c->task, i, &r->input[i]);
    r->no_pass = o->no_pass ? bp__arena_strdup(&r->arena, o->no_pass) : NULL;
    r->no_kernel =
        o->no_kernel ? bp__arena_strdup(&r->arena, o->no_kernel) : NULL;
    bp_status st = bp_config_fit(c, NULL, err);
    if (!st)
        st = bp_config_open_store(c, o->last, &r->store, err);
    if (!st)
        st = bp__task_output(&c->task, r->store, &r->a, &r->output, err);
    if (!st)
        st = keep_units(r, err);
    return !st && (r->arena.failed || c->arena.failed) ? bp__oom(err) : st;
}

static bp_status open_run(bp_config *c, bool owns,
                          const bp_predictor_options *o, bp__opened **run,
                          bp_error *err)
{
    bp_allocator a = o->allocator ? *o->allocator : bp__malloc_allocator;
    bp__opened *r = *run = bp__calloc(&a, 1, sizeof *r);
    if (!r) {
        if (owns)
            bp_config_free(c);
        return bp__oom(err);
    }
    atomic_init(&r->refs, 1);
    r->a = a;
    r->config = c;
    r->owns_config = owns;
    bp__arena_init(&r->arena, &a);
    if (!c->run)
        return bp__error(err, BP_EARG, "'%s' is a model file; a predictor "
                         "wants a run's folder", c->name);
    return keep_run(r, o, err);
}

/* ---- a predictor ------------------------------------------------------------ */

/* Takes over the reference to run, whatever comes. */
static bp_status make(bp__opened *run, bp_runtime *runtime, int threads,
                      bp_predictor **predictor, bp_error *err)
{
    bp_predictor *p = bp__calloc(&run->a, 1, sizeof *p);
    if (!p) {
        release(run);
        return bp__oom(err);
    }
    p->a = run->a;
    p->run = run;
    p->runtime = runtime;
    bp_runtime_options ro = {.size = sizeof ro, .allocator = &p->a,
                             .threads = threads};
    bp_status st = BP_OK;
    if (!runtime) {
        st = bp_runtime_new(&ro, &p->runtime, err);
        p->own_runtime = !st;
    }
    if (!st)
        st = bp__machine_new(p, err);
    if (st)
        bp_predictor_free(p);
    else
        *predictor = p;
    return st;
}

static bp_status new_predictor(bp_config *c, bool owns,
                               const bp_predictor_options *o, bp_predictor **p,
                               bp_error *err)
{
    bp__opened *run = NULL;
    bp_status st = open_run(c, owns, o, &run, err);
    if (st) {
        release(run);
        return st;
    }
    return make(run, o->runtime, 0, p, err);
}

bp_status bp_predictor_new(bp_config *c, const bp_predictor_options *options,
                           bp_predictor **p, bp_error *err)
{
    bp_predictor_options o;
    *p = NULL;
    bp_status st = BP__OPTIONS(&o, options, bp_predictor_options, err);
    if (!st && !c)
        st = bp__error(err, BP_EARG, "bp_predictor_new needs a run");
    return st ? st : new_predictor(c, false, &o, p, err);
}

bp_status bp_predictor_open(const char *folder,
                            const bp_predictor_options *options,
                            bp_predictor **p, bp_error *err)
{
    bp_predictor_options o;
    bp_config *c = NULL;
    *p = NULL;
    bp_status st = BP__OPTIONS(&o, options, bp_predictor_options, err);
    if (!st)
        st = bp_config_open(folder, NULL, &c, err);
    if (!st)
        st = bp_config_check(c, err);
    if (st) {
        bp_config_free(c);
        return st;
    }
    return new_predictor(c, true, &o, p, err);
}

bp_status bp_predictor_clone(const bp_predictor *p, bp_runtime *runtime,
                             bp_predictor **clone, bp_error *err)
{
    *clone = NULL;
    atomic_fetch_add_explicit(&p->run->refs, 1, memory_order_relaxed);
    return make(p->run, runtime, 1, clone, err);
}

void bp_predictor_free(bp_predictor *p)
{
    if (!p)
        return;
    bp_allocator a = p->a;
    bp__single_free(p);
    bp__machine_free(p->machine);
    if (p->own_runtime)
        bp_runtime_free(p->runtime);
    release(p->run);
    bp__free(&a, p->numbers, 2 * (size_t)p->room * sizeof *p->numbers);
    bp__free(&a, p, sizeof *p);
}

/* ---- what it is about --------------------------------------------------------- */

const bp_config *bp_predictor_config(const bp_predictor *p)
{
    return p->run->config;
}

size_t bp_predictor_input_count(const bp_predictor *p)
{
    return p->run->n_inputs;
}

bool bp_predictor_input(const bp_predictor *p, size_t i, bp_nn_io *io)
{
    if (i >= p->run->n_inputs)
        return false;
    *io = p->run->input[i];
    return true;
}

int64_t bp_predictor_outputs(const bp_predictor *p)
{
    const bp__type *t = &p->run->output;
    int64_t n = 1;
    for (int i = 1; i < t->rank; i++)
        n *= t->dims[i];
    return n;
}

bool bp_predictor_target(const bp_predictor *p, int64_t k, bp_target_units *u)
{
    if (k < 0 || k >= p->run->n_units)
        return false;
    *u = p->run->units[k];
    return true;
}
