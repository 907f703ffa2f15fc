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

/* Counts that no run reaches, factors that change nothing more. */
static void test_extremes(void)
{
    const char *o = "sgd(lr=1, schedule=step(every=2147483647))";
    T_CHECK(rate(o, INT32_MAX, 1 << 20, INT32_MAX) == 1);
    o = "sgd(lr=1, schedule=warmup(steps=2147483647, unit=epoch))";
    T_CHECK(rate(o, 5, (int64_t)1 << 40, 100) == 6 / 0x1p63);
    o = "sgd(lr=1e300, schedule=step(1, unit=step, factor=2))";
    T_CHECK(isinf(rate(o, INT32_MAX, 1, INT32_MAX)));
    o = "sgd(lr=1, schedule=step(1, unit=step, factor=0.9))";
    T_CHECK(rate(o, INT32_MAX, 1, INT32_MAX) < 1e-320);
    o = "sgd(lr=1e300, schedule=step(1, unit=step, factor=0.5))";
    T_CHECK(rate(o, 2, 1, INT32_MAX) == 0.25e300);
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

typedef struct golden {
    int64_t step;
    double rate;
} golden;

static void check_golden(const char *optimizer, int64_t per_epoch,
                         int64_t total, const golden *g, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double have = rate(optimizer, g[i].step, per_epoch, total);
        T_CHECKF(fabs(have - g[i].rate) <= 1e-15, "%s: step %lld has %.17g",
                 optimizer, (long long)g[i].step, have);
    }
}
#define GOLDEN(optimizer, per_epoch, total, g)                             \
    check_golden(optimizer, per_epoch, total, g, sizeof(g) / sizeof((g)[0]))

/* Rates of PyTorch 2.6: OneCycleLR, PolynomialLR and ExponentialLR with
 * max_lr or lr 0.5 and these values, read before each step. */
static void test_torch(void)
{
    static const golden cycle[] = {
        {0, 0.020000000000000018}, {8, 0.10462729165236134},
        {16, 0.2988276791726635}, {24, 0.4656457222802214},
        {32, 0.49773744949222193}, {56, 0.3378443546455116},
        {64, 0.250001}, {88, 0.029852997631347356},
        {96, 0.0022645505077780927}, {99, 2e-06}};
    static const golden uneven[] = {
        {0, 0.04999999999999999}, {3, 0.18153162207457552},
        {6, 0.4223436651376891}, {9, 0.49910027276349594},
        {12, 0.4778293154744369}, {24, 0.19763285231856742},
        {33, 0.01476635799609422}, {36, 0.0005}};
    static const golden line[] = {
        {0, 0.5}, {1, 0.49}, {10, 0.4}, {25, 0.25},
        {49, 0.010000000000000009}, {50, 0}, {52, 0}};
    static const golden curved[] = {
        {0, 0.5}, {1, 0.4753737468560921}, {10, 0.2862167011199731},
        {25, 0.08838834764831845}, {49, 2.8284271247461956e-05}, {50, 0}};
    static const golden decay[] = {
        {0, 0.5}, {1, 0.45}, {10, 0.17433922005000008},
        {49, 0.0028632084485111773}};
    GOLDEN("sgd(0.5, schedule=one_cycle)", 7, 100, cycle);
    GOLDEN("sgd(0.5, schedule=one_cycle(0.25, div_factor=10,"
           " final_div_factor=100))", 7, 37, uneven);
    GOLDEN("sgd(0.5, schedule=polynomial)", 7, 50, line);
    GOLDEN("sgd(0.5, schedule=polynomial(2.5))", 7, 50, curved);
    GOLDEN("sgd(0.5, schedule=exponential(0.9, unit=step))", 7, 50, decay);
}

static void test_one_cycle_ends(void)
{
    const char *o = "sgd(1, schedule=one_cycle)";
    T_CHECK(rate(o, 5, 10, 0) == 1);
    T_CHECK(rate(o, 100, 10, 100) == rate(o, 99, 10, 100));
    /* Too short to rise. */
    T_CHECK(rate(o, 0, 1, 1) == 1.0 / 25 / 1e4);
    T_CHECK(rate("sgd(1, schedule=one_cycle(0.5))", 0, 1, 2) == 1);
    T_CHECK(rate("sgd(1, schedule=one_cycle(0))", 0, 1, 5) < 1);
    T_CHECK(rate("sgd(1, schedule=one_cycle(1))", 4, 1, 5) == 1);
}

static void test_decays(void)
{
    const char *o = "sgd(1, schedule=exponential(0.5))";
    T_CHECK(rate(o, 9, 10, 100) == 1);
    T_CHECK(rate(o, 10, 10, 100) == 0.5);
    T_CHECK(rate(o, 39, 10, 100) == 0.125);
    o = "sgd(1, schedule=polynomial(power=2, to=0.5))";
    T_CHECK(rate(o, 50, 10, 100) == 0.625);
    T_CHECK(rate(o, 100, 10, 100) == 0.5);
    T_CHECK(rate(o, 3, 10, 0) == 1);
    o = "sgd(1, schedule=inverse_sqrt(warmup=4))";
    T_CHECK(rate(o, 0, 10, 100) == 0.25);
    T_CHECK(rate(o, 3, 10, 100) == 1);
    T_CHECK(rate(o, 15, 10, 100) == 0.5);
    T_NEAR(rate(o, 99, 10, 100), 0.2, 1e-16);
    o = "sgd(1, schedule=inverse_sqrt(warmup=2, unit=epoch))";
    T_CHECK(rate(o, 9, 10, 100) == 0.5);
    T_CHECK(rate(o, 79, 10, 100) == 0.5);
    o = "sgd(1, schedule=warmup(steps=10, then=polynomial))";
    T_CHECK(rate(o, 9, 10, 110) == 1);
    T_CHECK(rate(o, 60, 10, 110) == 0.5);
}

static void check_refused(const char *schedule, bp_status want,
                          const char *words)
{
    char text[200];
    double lr;
    bp_error err = {0};
    snprintf(text, sizeof text, "sgd(schedule=%s)", schedule);
    bp_status st = bp_nn_learning_rate(text, 0, 1, 1, &lr, &err);
    T_CHECKF(st == want, "%s: %s", text, err.message);
    T_CHECKF(strstr(err.message, words) != NULL, "%s: %s", text,
             err.message);
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
    check_refused("one_cycle(1.5)", BP_ERANGE, "a number from 0 to 1");
    check_refused("one_cycle(div_factor=0)", BP_ERANGE, "a number above 0");
    check_refused("exponential", BP_EARG, "exponential needs gamma");
    check_refused("exponential(0)", BP_ERANGE, "gamma");
    check_refused("polynomial(-1)", BP_ERANGE, "power");
    check_refused("plateau(1)", BP_ERANGE, "from 0 to below 1");
    check_refused("plateau(patience=-1)", BP_ERANGE, "patience");
    check_refused("inverse_sqrt(0)", BP_ERANGE, "warmup");
    check_refused("inverse_sqrt(4, unit=day)", BP_EARG, "epoch|step");
}

int main(void)
{
    test_constant();
    test_cosine();
    test_steps();
    test_warmup();
    test_extremes();
    test_torch();
    test_one_cycle_ends();
    test_decays();
    test_refused();
    return t_end();
}
