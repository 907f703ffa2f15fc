/* Faults: a step whose loss or gradient is not finite, or that meets an index
 * out of range, commits nothing and says where; an update that overflows
 * poisons its store. One and three threads, every pass. */
#include "exec/env.h"

#include <float.h>

static const char *pass;
static int threads;

/* "net/0" and "net/1" on rows of samples: log of x W, then squares. */
static void model(env *e, bp_dtype dtype)
{
    env_open(e, threads);
    bp_graph_set_shard(e->g, 1, 6, 6);
    int64_t w_dims[2] = {3, 4};
    T_OK(bp_store_add(e->st, "w", BP_VAR_PARAM, dtype, 2, w_dims, &e->err),
         &e->err);
    for (int i = 0; i < 12; i++) {
        if (dtype == BP_F64)
            ((double *)bp_store_data(e->st, 0))[i] = 1 + i;
        else
            ((float *)bp_store_data(e->st, 0))[i] = (float)(1 + i);
    }
    T_OK(bp_store_add(e->st, "steps", BP_VAR_TRAINER, BP_I32, 0, NULL,
                      &e->err), &e->err);
    bp_val w = bp_variable(e->g, e->st, "w"), d;
    bp_val x = bp_batch_input(e->g, "x", dtype, 2, (int64_t[]){6, 3});
    bp_scope_push(e->g, "net");
    bp_scope_push(e->g, "0");
    bp_val h = bp_matmul(e->g, x, w, false, false);
    bp_scope_pop(e->g);
    bp_scope_push(e->g, "1");
    h = bp_log(e->g, h);
    bp_scope_pop(e->g);
    bp_scope_pop(e->g);
    bp_val loss = bp_mean(e->g, bp_square(e->g, h), 0, NULL, false);
    bp_grad(e->g, loss, &w, 1, &d);
    bp_output(e->g, "loss", loss);
    bp_update(e->g, e->st, "w", bp_sub(e->g, w, bp_mul_scalar(e->g, d, 0.1)));
    bp_update(e->g, e->st, "steps", bp_add(e->g, bp_variable(
                        e->g, e->st, "steps"), bp_scalar(e->g, BP_I32, 1)));
    env_compile(e, pass);
}

static void bind_x(env *e, bp_dtype dtype, const double *x)
{
    static float f[18];
    for (int i = 0; i < 18; i++)
        f[i] = (float)x[i];
    if (dtype == BP_F64)
        T_OK(bp_bind(e->p, "x", x, 18 * sizeof *x, &e->err), &e->err);
    else
        T_OK(bp_bind(e->p, "x", f, sizeof f, &e->err), &e->err);
}

static void store_copy(env *e, void *to)
{
    memcpy(to, bp_store_data(e->st, 0), 12 * 8 / 2);
    memcpy((char *)to + 100, bp_store_data(e->st, 1), 4);
}

/* A NaN born in the second of three shards, in a batch with rows of its own:
 * two rows of the tensor a sample. */
static void in_shards(void)
{
    env e;
    env_open(&e, threads);
    float x[7 * 4];
    bp_graph *g[2] = {e.g, bp_graph_new(NULL)};
    for (int i = 0; i < 2; i++) {
        int64_t rows = 3 - i;
        bp_graph_set_shard(g[i], 3, rows, 7);
        bp_val v = bp_batch_input(g[i], "x", BP_F32, 2,
                                  (int64_t[]){rows, 4});
        v = bp_reshape(g[i], v, 2, (int64_t[]){rows * 2, 2});
        bp_scope_push(g[i], "head");
        v = bp_log(g[i], bp_add_scalar(g[i], v, 1));
        bp_scope_pop(g[i]);
        v = bp_square(g[i], v);
        bp_output(g[i], "loss", bp_mean(g[i], v, 0, NULL, false));
    }
    bp_compile_options o = {.size = sizeof o, .no_pass = pass};
    T_OK(bp_compile(e.rt, (const bp_graph *const *)g, 2, &o, &e.p, &e.err),
         &e.err);
    e.p->serial = threads == 1;
    for (int i = 0; i < 28; i++)
        x[i] = (float)i;
    T_OK(bp_bind(e.p, "x", x, sizeof x, &e.err), &e.err);
    env_run(&e);
    /* Shards hold samples 0 1, 2 3, 4 5 6. */
    x[3 * 4 + 2] = -3;
    env_fails(&e, BP_ENONFINITE, "log");
    T_CHECKF(strstr(e.err.message, "head") != NULL, "%s", e.err.message);
    T_CHECKF(strstr(e.err.message, "in sample(s) 3;") != NULL, "%s",
             e.err.message);
    bp_graph_free(g[1]);
    env_close(&e);
}

/* Samples whose product is negative: the log is NaN there. */
static void not_finite(bp_dtype dtype)
{
    env e;
    double x[18];
    char before[104] = {0}, after[104] = {0};
    model(&e, dtype);
    for (int i = 0; i < 18; i++)
        x[i] = 0.5 + i % 3;
    bind_x(&e, dtype, x);
    env_run(&e);
    store_copy(&e, before);
    x[2 * 3] = x[2 * 3 + 1] = x[2 * 3 + 2] = -1;
    x[4 * 3] = x[4 * 3 + 1] = x[4 * 3 + 2] = -2;
    bind_x(&e, dtype, x);
    for (int i = 0; i < 2; i++) {
        env_fails(&e, BP_ENONFINITE, "log");
        T_CHECKF(strstr(e.err.message, "net/1") != NULL, "%s", e.err.message);
        T_CHECKF(strstr(e.err.message, "NaN") != NULL, "%s", e.err.message);
        T_CHECKF(strstr(e.err.message, " 2, 4") != NULL, "%s",
                 e.err.message);
        store_copy(&e, after);
        T_CHECK(memcmp(before, after, sizeof before) == 0);
        T_CHECK(bp_store_poisoned(e.st) == NULL);
    }
    /* An infinity of a log of zero, and a NaN that came in from outside. */
    for (int i = 0; i < 3; i++)
        x[6 + i] = x[12 + i] = 1;
    x[15] = x[16] = x[17] = 0;
    bind_x(&e, dtype, x);
    env_fails(&e, BP_ENONFINITE, "infinite");
    T_CHECKF(strstr(e.err.message, " 5") != NULL, "%s", e.err.message);
    x[15] = x[16] = x[17] = 1;
    x[10] = NAN;
    bind_x(&e, dtype, x);
    env_fails(&e, BP_ENONFINITE, "input x");
    T_CHECKF(strstr(e.err.message, " 3") != NULL, "%s", e.err.message);
    store_copy(&e, after);
    T_CHECK(memcmp(before, after, sizeof before) == 0);
    /* It goes on as if nothing had been. */
    x[10] = 1;
    bind_x(&e, dtype, x);
    env_run(&e);
    int32_t steps;
    T_OK(bp_store_get(e.st, "steps", &steps, 4, &e.err), &e.err);
    T_CHECK(steps == 2);
    env_close(&e);
}

/* The loss is finite and its gradient is not: sqrt at 0. */
static void gradient_not_finite(void)
{
    env e;
    env_open(&e, threads);
    bp_val w = env_var(&e, "w", 4, 0), d;
    bp_scope_push(e.g, "root");
    bp_val r = bp_sqrt(e.g, w);
    bp_scope_pop(e.g);
    bp_val loss = bp_sum(e.g, r, 0, NULL, false);
    bp_grad(e.g, loss, &w, 1, &d);
    bp_output(e.g, "loss", loss);
    bp_update(e.g, e.st, "w", bp_sub(e.g, w, d));
    env_compile(&e, pass);
    env_fails(&e, BP_ENONFINITE, "infinite");
    for (int i = 0; i < 4; i++)
        T_NEAR(env_get(&e, "w", i), i, 0);
    T_CHECK(bp_store_poisoned(e.st) == NULL);
    env_close(&e);
}

static void index_out_of_range(void)
{
    env e;
    int32_t at[4] = {0, 4, 2, 1};
    int64_t n = 4;
    env_open(&e, threads);
    bp_val w = env_var(&e, "w", 5, 1), d;
    bp_val i = bp_input(e.g, "i", BP_I32, 1, &n);
    bp_scope_push(e.g, "embedding");
    bp_val v = bp_gather(e.g, w, i, 0);
    bp_scope_pop(e.g);
    bp_val loss = bp_sum(e.g, bp_square(e.g, v), 0, NULL, false);
    bp_grad(e.g, loss, &w, 1, &d);
    bp_output(e.g, "loss", loss);
    bp_update(e.g, e.st, "w", bp_sub(e.g, w, bp_mul_scalar(e.g, d, 0.5)));
    env_compile(&e, pass);
    T_OK(bp_bind(e.p, "i", at, sizeof at, &e.err), &e.err);
    env_run(&e);
    static const double after[5] = {0, 0, 0, 4, 0};
    for (int k = 0; k < 5; k++)
        T_NEAR(env_get(&e, "w", k), after[k], 0);
    at[1] = 5;
    at[3] = -1;
    env_fails(&e, BP_ERANGE, "gather");
    T_CHECKF(strstr(e.err.message, "embedding") != NULL, "%s",
             e.err.message);
    T_CHECKF(strstr(e.err.message, "2 index") != NULL, "%s", e.err.message);
    for (int k = 0; k < 5; k++)
        T_NEAR(env_get(&e, "w", k), after[k], 0);
    at[1] = at[3] = 3;
    env_run(&e);
    T_NEAR(env_get(&e, "w", 3), -4, 0);
    env_close(&e);
}

/* Everything before the commit is finite; the sum that the update makes is
 * not. Where the sum is made before the commit (as with no fusion), it is
 * caught there. */
static void poison(void)
{
    env e;
    int64_t n = 3;
    static const float old[3] = {1, FLT_MAX, 2};
    env_open(&e, threads);
    T_OK(bp_store_add(e.st, "w", BP_VAR_PARAM, BP_F32, 1, &n, &e.err),
         &e.err);
    T_OK(bp_store_set(e.st, "w", old, sizeof old, &e.err), &e.err);
    bp_val w = bp_variable(e.g, e.st, "w"), v = env_var(&e, "fine", 3, 0);
    bp_output(e.g, "loss", bp_scalar(e.g, BP_F64, 1));
    bp_update(e.g, e.st, "w", bp_add(e.g, w, w));
    bp_update(e.g, e.st, "fine", bp_add_scalar(e.g, v, 1));
    env_compile(&e, pass);
    T_CHECK(bp_store_poisoned(e.st) == NULL);
    if (pass) {
        env_fails(&e, BP_ENONFINITE, "");
    } else {
        env_fails(&e, BP_ENONFINITE, "\"w\"");
        T_CHECK(bp_store_poisoned(e.st) != NULL);
    }
    if (!bp_store_poisoned(e.st)) {
        T_CHECK(memcmp(bp_store_data(e.st, 0), old, sizeof old) == 0);
        T_NEAR(env_get(&e, "fine", 1), 1, 0);
        env_close(&e);
        return;
    }
    T_CHECK(strstr(bp_store_poisoned(e.st), "\"w\"") != NULL);
    env_fails(&e, BP_ENONFINITE, "unusable");
    /* Other programs on the store refuse too. */
    bp_graph *g = bp_graph_new(NULL);
    bp_output(g, "v", bp_variable(g, e.st, "fine"));
    bp_program *p;
    const bp_graph *one = g;
    T_OK(bp_compile(e.rt, &one, 1, NULL, &p, &e.err), &e.err);
    T_CHECK(bp_run(p, &e.err) == BP_ENONFINITE);
    bp_program_free(p);
    bp_graph_free(g);
    env_close(&e);
}

static void unbound(void)
{
    env e;
    env_open(&e, threads);
    int64_t n = 2;
    double x[2] = {1, 2};
    bp_val a = bp_input(e.g, "a", BP_F64, 1, &n);
    bp_val b = bp_input(e.g, "b", BP_F64, 1, &n);
    bp_output(e.g, "y", bp_neg(e.g, bp_add(e.g, a, b)));
    env_compile(&e, pass);
    env_fails(&e, BP_EARG, "\"a\"");
    T_OK(bp_bind(e.p, "a", x, sizeof x, &e.err), &e.err);
    env_fails(&e, BP_EARG, "\"b\"");
    T_CHECK(bp_bind(e.p, "b", x, 8, &e.err) == BP_ESHAPE);
    T_CHECKF(strstr(e.err.message, "f64[2]") != NULL, "%s", e.err.message);
    T_CHECK(bp_bind(e.p, "c", x, 8, &e.err) == BP_ENOTFOUND);
    T_CHECK(bp_bind(e.p, "b", NULL, 16, &e.err) == BP_EARG);
    T_OK(bp_bind(e.p, "b", x, sizeof x, &e.err), &e.err);
    env_run(&e);
    T_NEAR(env_result(&e, "y", 1), -4, 0);
    env_close(&e);
}

int main(void)
{
    for (int i = 0; i < ENV_PASSES; i++)
        for (threads = 1; threads <= 3; threads += 2) {
            pass = env_passes[i];
            not_finite(BP_F64);
            not_finite(BP_F32);
            in_shards();
            gradient_not_finite();
            index_out_of_range();
            poison();
            unbound();
        }
    return t_end();
}
