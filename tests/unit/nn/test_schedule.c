/* Learning rates of steps. */
#include "rig.h"

static double rate(const char *optimizer, int64_t step, int64_t per_epoch,
                   int64_t total)
{
    bp_error err = {0};
    double lr = -1;
    T_OK(bp_nn_learning_rate(optimizer, step, per_epoch, total, &lr, &err),
         &err);
    return lr;
}

static void test_constant(void)
{
    T_CHECK(rate("sgd(lr=0.5)", 0, 10, 100) == 0.5);
    T_CHECK(rate("sgd(lr=0.5)", 1000, 10, 100) == 0.5);
    T_CHECK(rate("adam", 3, 10, 100) == 0.001);
    T_CHECK(rate("sgd(0.5, schedule=constant)", 7, 10, 100) == 0.5);
}

static void test_cosine(void)
{
    const char *o = "adam(lr=0.002, schedule=cosine(to=0))";
    double worst = 0, last = 1;
    T_CHECK(rate(o, 0, 10, 1000) == 0.002);
    T_CHECK(rate(o, 1000, 10, 1000) == 0);
    T_CHECK(rate(o, 5000, 10, 1000) == 0);
    for (int i = 0; i < 1000; i++) {
        double want = 0.002 * (1 + cos(3.14159265358979323846 * i / 1000)) / 2;
        double have = rate(o, i, 10, 1000);
        worst = fmax(worst, fabs(want - have));
        T_CHECK(have < last);
        last = have;
    }
    T_CHECKF(worst <= 1e-18, "%g", worst);
    T_NEAR(rate("sgd(1, schedule=cosine(0.2))", 50, 10, 100), 0.6, 1e-15);
}

static void test_steps(void)
{
    const char *o = "sgd(lr=1, schedule=step(every=2, factor=0.5))";
    T_CHECK(rate(o, 0, 10, 100) == 1);
    T_CHECK(rate(o, 19, 10, 100) == 1);
    T_CHECK(rate(o, 20, 10, 100) == 0.5);
    T_CHECK(rate(o, 99, 10, 100) == 0.0625);
    o = "sgd(lr=1, schedule=step(3, unit=step, factor=0.5))";
    T_CHECK(rate(o, 2, 10, 100) == 1);
    T_CHECK(rate(o, 3, 10, 100) == 0.5);
    T_CHECK(rate(o, 6, 10, 100) == 0.25);
}

static void test_warmup(void)
{
    const char *o = "sgd(lr=1, schedule=warmup(steps=4, "
                    "then=cosine(to=0.5)))";
    T_CHECK(rate(o, 0, 10, 104) == 0.25);
    T_CHECK(rate(o, 3, 10, 104) == 1);
    T_CHECK(rate(o, 4, 10, 104) == 1);
    T_NEAR(rate(o, 54, 10, 104), 0.75, 1e-15);
    T_CHECK(rate(o, 104, 10, 104) == 0.5);
    o = "sgd(lr=1, schedule=warmup(steps=2, unit=epoch))";
    T_CHECK(rate(o, 0, 10, 100) == 0.05);
    T_CHECK(rate(o, 19, 10, 100) == 1);
    T_CHECK(rate(o, 99, 10, 100) == 1);
}

static void test_refused(void)
{
    double lr;
    bp_error err = {0};
    T_CHECK(bp_nn_learning_rate("sgd(lr=-1)", 0, 1, 1, &lr, &err) ==
            BP_ERANGE);
    T_CHECK(strstr(err.message, "lr is \"-1\"") != NULL);
    T_CHECK(bp_nn_learning_rate("sgd", -1, 1, 1, &lr, &err) == BP_ERANGE);
    T_CHECK(bp_nn_learning_rate("sgd(schedule=cosinus)", 0, 1, 1, &lr,
                                &err) == BP_ENOTFOUND);
    T_CHECK(strstr(err.message, "did you mean cosine?") != NULL);
}

int main(void)
{
    test_constant();
    test_cosine();
    test_steps();
    test_warmup();
    test_refused();
    return t_end();
}
