/* What a step commits: all reads see the old values, all updates happen at
 * once, for every pass and one or three threads. */
#include "exec/env.h"

/* x <- y, y <- x, and a cycle of three through arithmetic. */
static void swaps(int threads, const char *no_pass)
{
    env e;
    env_open(&e, threads);
    bp_val x = env_var(&e, "x", 5, 10), y = env_var(&e, "y", 5, 20);
    bp_val a = env_var(&e, "a", 3, 1), b = env_var(&e, "b", 3, 2);
    bp_val c = env_var(&e, "c", 3, 3);
    bp_update(e.g, e.st, "x", y);
    bp_update(e.g, e.st, "y", x);
    bp_update(e.g, e.st, "a", bp_add(e.g, b, c));
    bp_update(e.g, e.st, "b", bp_mul(e.g, c, a));
    bp_update(e.g, e.st, "c", bp_sub(e.g, a, b));
    env_compile(&e, no_pass);
    double va[3] = {1, 2, 3}, vb[3] = {2, 3, 4}, vc[3] = {3, 4, 5};
    for (int step = 1; step <= 3; step++) {
        env_run(&e);
        for (int i = 0; i < 5; i++) {
            T_NEAR(env_get(&e, "x", i), (step % 2 ? 20 : 10) + i, 0);
            T_NEAR(env_get(&e, "y", i), (step % 2 ? 10 : 20) + i, 0);
        }
        for (int i = 0; i < 3; i++) {
            double na = vb[i] + vc[i], nb = vc[i] * va[i], nc = va[i] - vb[i];
            va[i] = na, vb[i] = nb, vc[i] = nc;
            T_NEAR(env_get(&e, "a", i), na, 0);
            T_NEAR(env_get(&e, "b", i), nb, 0);
            T_NEAR(env_get(&e, "c", i), nc, 0);
        }
    }
    env_close(&e);
}

/* One value into two variables and an output; a variable read by outputs, one
 * of them after an update of it that could be done in place. */
static void shared(int threads, const char *no_pass)
{
    env e;
    env_open(&e, threads);
    bp_val x = env_var(&e, "x", 4, 1), y = env_var(&e, "y", 4, 50);
    bp_val z = env_var(&e, "z", 4, 0);
    bp_val next = bp_add_scalar(e.g, bp_mul_scalar(e.g, x, 2), 1);
    bp_update(e.g, e.st, "x", next);
    bp_update(e.g, e.st, "y", next);
    bp_update(e.g, e.st, "z", bp_add(e.g, z, bp_mul(e.g, x, y)));
    bp_output(e.g, "next", next);
    bp_output(e.g, "old", x);
    bp_output(e.g, "y before", bp_sum(e.g, y, 0, NULL, false));
    bp_output(e.g, "late", bp_sum(e.g, bp_mul(e.g, bp_exp(e.g, bp_mul_scalar(
                        e.g, next, 0)), x), 0, NULL, false));
    env_compile(&e, no_pass);
    double vx[4] = {1, 2, 3, 4}, vy[4] = {50, 51, 52, 53}, vz[4] = {0, 1, 2, 3};
    for (int step = 0; step < 3; step++) {
        env_run(&e);
        double sum = 0, late = 0;
        for (int i = 0; i < 4; i++) {
            sum += vy[i];
            late += vx[i];
            T_NEAR(env_result(&e, "old", (size_t)i), vx[i], 0);
            T_NEAR(env_result(&e, "next", (size_t)i), 2 * vx[i] + 1, 0);
            vz[i] += vx[i] * vy[i];
            vy[i] = vx[i] = 2 * vx[i] + 1;
            T_NEAR(env_get(&e, "x", i), vx[i], 0);
            T_NEAR(env_get(&e, "y", i), vy[i], 0);
            T_NEAR(env_get(&e, "z", i), vz[i], 0);
        }
        T_NEAR(env_result(&e, "y before", 0), sum, 0);
        T_NEAR(env_result(&e, "late", 0), late, 0);
    }
    env_close(&e);
}

/* An average of weights as they are after the update; moments that the update
 * reads as they are after theirs. */
static void averages(int threads, const char *no_pass)
{
    env e;
    env_open(&e, threads);
    bp_val w = env_var(&e, "w", 6, 1), m = env_var(&e, "m", 6, 0);
    bp_val avg = env_var(&e, "avg", 6, 0);
    bp_val loss = bp_sum(e.g, bp_square(e.g, w), 0, NULL, false), d;
    bp_grad(e.g, loss, &w, 1, &d);
    bp_val m2 = bp_add(e.g, bp_mul_scalar(e.g, m, 0.5), d);
    bp_val w2 = bp_sub(e.g, w, bp_mul_scalar(e.g, m2, 0.25));
    bp_update(e.g, e.st, "m", m2);
    bp_update(e.g, e.st, "w", w2);
    bp_update(e.g, e.st, "avg",
              bp_add(e.g, bp_mul_scalar(e.g, avg, 0.75),
                     bp_mul_scalar(e.g, w2, 0.25)));
    bp_output(e.g, "loss", loss);
    env_compile(&e, no_pass);
    double vw[6], vm[6], va[6];
    for (int i = 0; i < 6; i++)
        vw[i] = 1 + i, vm[i] = va[i] = i;
    for (int step = 0; step < 4; step++) {
        double want = 0;
        env_run(&e);
        for (int i = 0; i < 6; i++) {
            want += vw[i] * vw[i];
            vm[i] = vm[i] * 0.5 + 2 * vw[i];
            vw[i] -= 0.25 * vm[i];
            va[i] = 0.75 * va[i] + 0.25 * vw[i];
            T_NEAR(env_get(&e, "m", i), vm[i], 1e-13);
            T_NEAR(env_get(&e, "w", i), vw[i], 1e-13);
            T_NEAR(env_get(&e, "avg", i), va[i], 1e-13);
        }
        T_NEAR(env_result(&e, "loss", 0), want, 1e-12);
    }
    env_close(&e);
}

/* Inputs, constants, integers and booleans as values of updates. */
static void odd_values(int threads, const char *no_pass)
{
    env e;
    env_open(&e, threads);
    int64_t n = 3;
    static const double seven[3] = {7, 8, 9};
    double data[3] = {-1, -2, -3};
    env_var(&e, "from input", 3, 0);
    env_var(&e, "from const", 3, 0);
    env_var(&e, "folded", 3, 0);
    T_OK(bp_store_add(e.st, "step", BP_VAR_TRAINER, BP_I32, 0, NULL, &e.err),
         &e.err);
    T_OK(bp_store_add(e.st, "seen", BP_VAR_TRAINER, BP_BOOL, 1, &n, &e.err),
         &e.err);
    T_OK(bp_store_add(e.st, "bytes", BP_VAR_TRAINER, BP_U8, 1, &n, &e.err),
         &e.err);
    bp_val x = bp_input(e.g, "x", BP_F64, 1, &n);
    bp_val k = bp_const(e.g, BP_F64, 1, &n, seven);
    bp_val step = bp_variable(e.g, e.st, "step");
    bp_val seen = bp_variable(e.g, e.st, "seen");
    bp_update(e.g, e.st, "from input", x);
    bp_update(e.g, e.st, "from const", k);
    bp_update(e.g, e.st, "folded", bp_add(e.g, k, k));
    bp_update(e.g, e.st, "step", bp_add(e.g, step,
                                        bp_scalar(e.g, BP_I32, 1)));
    bp_update(e.g, e.st, "seen", bp_or(e.g, seen, bp_lt(
                        e.g, x, bp_scalar(e.g, BP_F64, -1.5))));
    bp_update(e.g, e.st, "bytes", bp_cast(e.g, k, BP_U8));
    bp_output(e.g, "x again", x);
    bp_output(e.g, "k again", k);
    env_compile(&e, no_pass);
    T_OK(bp_bind(e.p, "x", data, sizeof data, &e.err), &e.err);
    for (int i = 1; i <= 3; i++) {
        data[0] = -i;
        env_run(&e);
        int32_t count;
        uint8_t flags[3], bytes[3];
        T_OK(bp_store_get(e.st, "step", &count, sizeof count, &e.err), &e.err);
        T_OK(bp_store_get(e.st, "seen", flags, 3, &e.err), &e.err);
        T_OK(bp_store_get(e.st, "bytes", bytes, 3, &e.err), &e.err);
        T_CHECK(count == i);
        T_CHECK(flags[0] == (i >= 2) && flags[1] == 1 && flags[2] == 1);
        for (int j = 0; j < 3; j++) {
            T_CHECK(bytes[j] == 7 + j);
            T_NEAR(env_get(&e, "from input", j), data[j], 0);
            T_NEAR(env_get(&e, "from const", j), 7 + j, 0);
            T_NEAR(env_get(&e, "folded", j), 2 * (7 + j), 0);
            T_NEAR(env_result(&e, "x again", (size_t)j), data[j], 0);
            T_NEAR(env_result(&e, "k again", (size_t)j), 7 + j, 0);
        }
    }
    env_close(&e);
}

/* Views of a variable as values: its own, reversed, and another's slice. */
static void views(int threads, const char *no_pass)
{
    env e;
    env_open(&e, threads);
    bp_val x = env_var(&e, "x", 6, 1), y = env_var(&e, "y", 2, 100);
    bp_val z = env_var(&e, "z", 6, 7);
    bp_update(e.g, e.st, "x", bp_flip(e.g, x, 0, NULL));
    bp_update(e.g, e.st, "y", bp_slice(e.g, x, (int64_t[]){2},
                                       (int64_t[]){4}, NULL));
    bp_update(e.g, e.st, "z", z);
    bp_output(e.g, "y", bp_reshape(e.g, y, 2, (int64_t[]){2, 1}));
    env_compile(&e, no_pass);
    env_run(&e);
    for (int i = 0; i < 6; i++) {
        T_NEAR(env_get(&e, "x", i), 6 - i, 0);
        T_NEAR(env_get(&e, "z", i), 7 + i, 0);
    }
    T_NEAR(env_get(&e, "y", 0), 3, 0);
    T_NEAR(env_get(&e, "y", 1), 4, 0);
    T_NEAR(env_result(&e, "y", 1), 101, 0);
    env_run(&e);
    for (int i = 0; i < 6; i++)
        T_NEAR(env_get(&e, "x", i), 1 + i, 0);
    T_NEAR(env_get(&e, "y", 0), 4, 0);
    T_NEAR(env_get(&e, "y", 1), 3, 0);
    env_close(&e);
}

static void refusals(void)
{
    env e;
    env_open(&e, 1);
    bp_val x = env_var(&e, "x", 3, 0);
    bp_update(e.g, e.st, "x", x);
    bp_update(e.g, e.st, "x", x);
    T_CHECK(bp_graph_status(e.g) == BP_EARG ||
            bp_graph_status(e.g) == BP_EEXIST);
    T_CHECK(strstr(bp_graph_error(e.g), "x") != NULL);
    env_close(&e);
    env_open(&e, 1);
    env_var(&e, "x", 3, 0);
    bp_update(e.g, e.st, "x", bp_scalar(e.g, BP_F64, 1));
    T_CHECK(bp_graph_status(e.g) == BP_ESHAPE);
    env_close(&e);
    env_open(&e, 1);
    env_var(&e, "x", 0, 0);
    bp_update(e.g, e.st, "x", bp_scalar(e.g, BP_F32, 1));
    T_CHECK(bp_graph_status(e.g) == BP_ESHAPE);
    env_close(&e);
    env_open(&e, 1);
    bp_update(e.g, e.st, "nobody", bp_scalar(e.g, BP_F32, 1));
    T_CHECK(bp_graph_status(e.g) == BP_ENOTFOUND);
    const bp_graph *g = e.g;
    T_CHECK(bp_compile(e.rt, &g, 1, NULL, &e.p, &e.err) == BP_ENOTFOUND);
    T_CHECK(e.p == NULL && strstr(e.err.message, "nobody") != NULL);
    env_close(&e);
}

int main(void)
{
    for (int i = 0; i < ENV_PASSES; i++)
        for (int threads = 1; threads <= 3; threads += 2) {
            swaps(threads, env_passes[i]);
            shared(threads, env_passes[i]);
            averages(threads, env_passes[i]);
            odd_values(threads, env_passes[i]);
            views(threads, env_passes[i]);
        }
    refusals();
    return t_end();
}
