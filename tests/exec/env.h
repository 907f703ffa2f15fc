/* A runtime, a store, one graph and its program: what the tests of src/exec
 * start with. Everything is f64 unless said otherwise. */
#ifndef BP_TEST_ENV_H
#define BP_TEST_ENV_H

#include "exec/exec.h"
#include "t.h"

#include <bprop/ops.h>

typedef struct env {
    bp_runtime *rt;
    bp_store *st;
    bp_graph *g;
    bp_program *p;
    bp_error err;
} env;

static inline void env_open(env *e, int threads)
{
    memset(e, 0, sizeof *e);
    bp_runtime_options o = {.size = sizeof o, .threads = threads};
    T_OK(bp_runtime_new(&o, &e->rt, &e->err), &e->err);
    e->st = bp_store_new(NULL);
    e->g = bp_graph_new(NULL);
    T_REQUIRE(e->st && e->g);
}

static inline void env_close(env *e)
{
    bp_program_free(e->p);
    bp_graph_free(e->g);
    bp_store_free(e->st);
    bp_runtime_free(e->rt);
}

/* A variable f64[n], n 0: a scalar; filled with v, v + 1, ... */
static inline bp_val env_var(env *e, const char *name, int64_t n, double v)
{
    T_OK(bp_store_add(e->st, name, BP_VAR_PARAM, BP_F64, n ? 1 : 0, &n,
                      &e->err), &e->err);
    double *data = bp_store_data(e->st, (size_t)bp_store_find(e->st, name));
    for (int64_t i = 0; i < (n ? n : 1); i++)
        data[i] = v + (double)i;
    return bp_variable(e->g, e->st, name);
}

static inline double env_get(env *e, const char *name, int64_t i)
{
    int64_t k = bp_store_find(e->st, name);
    T_REQUIRE(k >= 0);
    return ((double *)bp_store_data(e->st, (size_t)k))[i];
}

static inline void env_compile(env *e, const char *no_pass)
{
    bp_compile_options o = {.size = sizeof o, .no_pass = no_pass};
    const bp_graph *g = e->g;
    bp_program_free(e->p);
    e->p = NULL;
    T_CHECKF(bp_graph_verify(g, &e->err) == BP_OK, "%s", e->err.message);
    T_OK(bp_compile(e->rt, &g, 1, &o, &e->p, &e->err), &e->err);
    T_OK(bp__lowered_verify(e->p->l, &e->err), &e->err);
    T_OK(bp__plan_verify(e->p->plan, e->p->l, &e->err), &e->err);
    e->p->serial = bp_runtime_threads(e->rt) == 1;
}

/* Runs a step that must succeed. */
static inline void env_run(env *e)
{
    e->err = (bp_error){BP_OK, ""};
    T_OK(bp_run(e->p, &e->err), &e->err);
}

/* Runs a step that must fail with s and a message that holds the text. */
static inline void env_fails(env *e, bp_status s, const char *text)
{
    e->err = (bp_error){BP_OK, ""};
    bp_status got = bp_run(e->p, &e->err);
    T_CHECKF(got == s && e->err.status == s, "%s instead of %s: %s",
             bp_status_name(got), bp_status_name(s), e->err.message);
    T_CHECKF(strstr(e->err.message, text) != NULL, "\"%s\" is not in \"%s\"",
             text, e->err.message);
}

static inline double env_result(env *e, const char *name, size_t i)
{
    size_t bytes;
    const double *x = bp_result(e->p, name, &bytes);
    T_REQUIRE(x && bytes > i * sizeof *x);
    return x[i];
}

static const char *const env_passes[] = {NULL, "all", "cse", "dce",
                                         "constants", "fuse", "inplace",
                                         "order", "plan", "poolmask",
                                         "kept"};
enum { ENV_PASSES = 11 };

#endif
