/* What depends on variables alone is made once for as long as they stay as they
 * are, and once for a value. */
#include "env.h"

enum { K = 3 };

static float x[2 * K] = {1, 2, 3, -1, 0, 2};

/* An f32 [3,3] variable with v, v + 1, ... */
static bp_val matrix(env *e, const char *name, float v)
{
    const int64_t dims[2] = {K, K};
    float w[K * K];
    for (int i = 0; i < K * K; i++)
        w[i] = v + (float)i;
    if (bp_store_find(e->st, name) < 0) {
        T_OK(bp_store_add(e->st, name, BP_VAR_PARAM, BP_F32, 2, dims, &e->err),
             &e->err);
        T_OK(bp_store_set(e->st, name, w, sizeof w, &e->err), &e->err);
    }
    return bp_variable(e->g, e->st, name);
}

static bp_val input(env *e)
{
    return bp_input(e->g, "x", BP_F32, 2, (int64_t[]){2, K});
}

static void compile(env *e)
{
    env_compile(e, NULL);
    T_OK(bp_bind(e->p, "x", x, sizeof x, &e->err), &e->err);
}

static void set(env *e, const char *name, float v)
{
    float w[K * K];
    for (int i = 0; i < K * K; i++)
        w[i] = v + (float)i;
    T_OK(bp_store_set(e->st, name, w, sizeof w, &e->err), &e->err);
}

/* Runs; were the kept calls made? */
static bool made_anew(env *e)
{
    bp_program_stats s = {.size = sizeof s};
    env_run(e);
    T_CHECK(bp_program_get_stats(e->p, &s) == BP_OK);
    T_CHECK(s.kept_calls > 0);
    T_CHECK(s.calls_made == s.calls ||
            s.calls_made == s.calls + s.kept_calls);
    return s.calls_made != s.calls;
}

/* y = x w, w = v, v + 1, ...: row 0 is 1, 2, 3. */
static void check_product(env *e, float v)
{
    const float *y = bp_result(e->p, "y", NULL);
    for (int j = 0; j < K; j++)
        T_NEAR(y[j], 6 * v + (float)(6 * j + 24), 0);
}

static void as_long_as_it_stays(int threads)
{
    env e;
    env_open(&e, threads);
    bp_output(e.g, "y", bp_matmul(e.g, input(&e), matrix(&e, "w", 1), false,
                                  false));
    T_OK(bp_store_add(e.st, "other", BP_VAR_PARAM, BP_F32, 0, NULL, &e.err),
         &e.err);
    compile(&e);
    T_CHECK(made_anew(&e));
    check_product(&e, 1);
    T_CHECK(!made_anew(&e));
    check_product(&e, 1);
    set(&e, "w", 5);
    T_CHECK(made_anew(&e));
    check_product(&e, 5);
    T_OK(bp_store_set(e.st, "other", &x[1], sizeof x[1], &e.err), &e.err);
    bp_store_read(e.st, 0);
    T_CHECK(!made_anew(&e));
    matrix(&e, "twin.w", 2);
    T_OK(bp_store_blend(e.st, "twin.*", "*", 1, &e.err), &e.err);
    T_CHECK(made_anew(&e));
    check_product(&e, 2);
    T_CHECK(!made_anew(&e));
    /* Lent: it may change behind the store's back. */
    float *w = bp_store_data(e.st, (size_t)bp_store_find(e.st, "w"));
    for (int run = 0; run < 3; run++) {
        for (int i = 0; i < K * K; i++)
            w[i] = (float)(run + i);
        T_CHECK(made_anew(&e));
        check_product(&e, (float)run);
    }
    for (int i = 0; i < K * K; i++)
        w[i] = (float)(7 + i);
    bp_store_settle(e.st);
    T_CHECK(made_anew(&e));
    check_product(&e, 7);
    T_CHECK(!made_anew(&e));
    check_product(&e, 7);
    env_close(&e);
}

/* A program that updates w, and one that reads it, in turn. */
static void updated_by_another(int threads)
{
    env e, trainer;
    env_open(&e, threads);
    bp_output(e.g, "y", bp_matmul(e.g, input(&e), matrix(&e, "w", 0), false,
                                  false));
    compile(&e);
    env_open(&trainer, threads);
    bp_store_free(trainer.st);
    trainer.st = bp_store_retain(e.st);
    bp_val w = matrix(&trainer, "w", 0), f = matrix(&trainer, "frozen", 0);
    bp_val y = bp_matmul(trainer.g, input(&trainer), f, false, false);
    bp_output(trainer.g, "y", bp_matmul(trainer.g, y, w, false, false));
    bp_update(trainer.g, e.st, "w", bp_add_scalar(trainer.g, w, 1));
    compile(&trainer);
    T_CHECK(made_anew(&e));
    for (int run = 1; run < 4; run++) {
        /* Of its own variables it keeps what it does not write. */
        T_CHECK(made_anew(&trainer) == (run == 1));
        T_CHECK(made_anew(&e));
        check_product(&e, (float)run);
        T_CHECK(!made_anew(&e));
    }
    env_close(&trainer);
    env_close(&e);
}

/* What is kept is tested in each run, as all outputs are; an index out of range
 * is counted in each run. */
static void faults_stay_faults(void)
{
    env e;
    env_open(&e, 1);
    bp_output(e.g, "s", bp_log(e.g, matrix(&e, "w", -4)));
    bp_output(e.g, "y", bp_tanh(e.g, input(&e)));
    compile(&e);
    env_fails(&e, BP_ENONFINITE, "log");
    env_close(&e);
    env_open(&e, 1);
    bp_val w = matrix(&e, "w", 0);
    T_OK(bp_store_add(e.st, "at", BP_VAR_BUFFER, BP_I32, 0, NULL, &e.err),
         &e.err);
    int32_t at = 5;
    T_OK(bp_store_set(e.st, "at", &at, sizeof at, &e.err), &e.err);
    bp_output(e.g, "row", bp_gather(e.g, w, bp_variable(e.g, e.st, "at"),
                                   0));
    env_compile(&e, NULL);
    for (int run = 0; run < 3; run++)
        env_fails(&e, BP_ERANGE, "gather");
    at = 1;
    T_OK(bp_store_set(e.st, "at", &at, sizeof at, &e.err), &e.err);
    env_run(&e);
    T_NEAR(((const float *)bp_result(e.p, "row", NULL))[0], 3, 0);
    env_close(&e);
}

static int count_calls(const bp_program *p, const char *kernel)
{
    int n = 0;
    for (size_t i = 0; i < p->l->n_calls; i++)
        n += strcmp(p->l->calls[i].kernel, kernel) == 0;
    return n;
}

/* Many readers of one weight, as steps of a recurrence are: one packing for
 * each order of memory. */
static void packed_once(void)
{
    env e;
    env_open(&e, 1);
    bp_val w = matrix(&e, "w", 1), y = input(&e);
    for (int i = 0; i < 5; i++)
        y = bp_tanh(e.g, bp_matmul(e.g, y, w, false, i == 4));
    bp_val loss = bp_mean(e.g, y, 2, (const int64_t[]){0, 1}, false), dw;
    bp_grad(e.g, loss, &w, 1, &dw);
    bp_update(e.g, e.st, "w", bp_sub(e.g, w, dw));
    bp_output(e.g, "loss", loss);
    compile(&e);
    T_CHECK(count_calls(e.p, "matmul.packed") == 9);
    T_CHECK(count_calls(e.p, "matmul.pack") == 2);
    env_run(&e);
    env_close(&e);
    env_open(&e, 1);
    const int64_t dims[4] = {16, 16, 3, 3};
    T_OK(bp_store_add(e.st, "w", BP_VAR_PARAM, BP_F32, 4, dims, &e.err),
         &e.err);
    w = bp_variable(e.g, e.st, "w");
    y = bp_input(e.g, "x", BP_F32, 4, (int64_t[]){2, 16, 8, 8});
    bp_conv2d_options o = {.padding = {1, 1, 1, 1}};
    for (int i = 0; i < 3; i++)
        y = bp_conv2d(e.g, y, w, &o);
    o.stride[0] = o.stride[1] = 2;
    bp_output(e.g, "y", bp_conv2d(e.g, y, w, &o));
    env_compile(&e, NULL);
    T_CHECK(count_calls(e.p, "conv2d.winograd.pack") == 1);
    T_CHECK(count_calls(e.p, "conv2d.pack") == 1);
    env_close(&e);
}

int main(void)
{
    for (int threads = 1; threads <= 3; threads += 2) {
        as_long_as_it_stays(threads);
        updated_by_another(threads);
    }
    faults_stay_faults();
    packed_once();
    return t_end();
}
