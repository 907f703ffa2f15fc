/* The checker: right gradients pass at orders 1 and 2, kinks included; wrong
 * ones are caught, whatever tensor they are in. */
#include "rig.h"

typedef struct seen {
    int n, failed, order[3];
    double worst;
    char last_failed[64];
} seen;

static void see(void *user, const bp_check_tensor *r)
{
    seen *s = user;
    s->n++;
    s->order[r->order]++;
    if (!r->ok) {
        s->failed++;
        snprintf(s->last_failed, sizeof s->last_failed, "%s", r->name);
    }
}

static seen check(const bp_task *task, bp_dtype dtype)
{
    seen s = {0};
    int64_t n_failed = -1;
    bp_error err = {0};
    bp_check_options o = {.size = sizeof o, .seed = 5, .dtype = dtype,
                          .on_tensor = see, .user = &s};
    T_OK(bp_check_gradients(task, &o, &s.worst, &n_failed, &err), &err);
    T_CHECK(n_failed == s.failed);
    return s;
}

/* Every kind of choice: relu, abs, maximum, max pooling, amax, select. */
static bp_val kinked_net(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    bp_graph *g = bp_nn_graph(nn);
    int64_t axis = 1, dims[4] = {bp_val_dim(g, x, 0), 1, 4, 4};
    x = bp_nn_leaky_relu(nn, bp_nn_dense(nn, x, 16), 0.1);
    bp_val p = bp_nn_max_pool2d(nn, bp_reshape(g, x, 4, dims), 2);
    p = bp_nn_flatten(nn, p);
    bp_val a = bp_abs(g, bp_nn_dense(nn, p, 5));
    bp_val m = bp_maximum(g, a, bp_nn_dense(nn, p, 5));
    m = bp_add(g, m, bp_amax(g, m, 1, &axis, true));
    return bp_nn_dense(nn, bp_nn_relu(nn, m), RIG_CLASSES);
}

static void test_right(void)
{
    bp_task task = rig_task();
    seen s = check(&task, BP_F64); /* batch norm, dropout, relu */
    T_CHECKF(!s.failed && s.worst < 1e-6, "worst %g in %s", s.worst,
             s.last_failed);
    T_CHECK(s.order[1] == 6 && s.order[2] == 6); /* each parameter tensor */
    s = check(&task, BP_F32);
    T_CHECKF(!s.failed && s.worst < 1e-5, "worst %g", s.worst);
    T_CHECK(s.order[0] == 6 && s.n == 6);
    task.net = kinked_net;
    s = check(&task, BP_F64);
    T_CHECKF(!s.failed && s.worst < 1e-6, "worst %g in %s", s.worst,
             s.last_failed);
    T_CHECK(s.order[1] == 8 && s.order[2] == 8);
    s = check(&task, BP_F32);
    T_CHECKF(!s.failed, "worst %g", s.worst);
    task.penalty = "l2(0.1)";
    task.loss = "mean_squared_error";
    s = check(&task, BP_F64);
    T_CHECKF(!s.failed && s.worst < 1e-6, "worst %g in %s", s.worst,
             s.last_failed);
}

/* A network whose traces differ is what a wrong rule looks like from outside:
 * the n-th trace has a factor in one layer. */
typedef struct liar {
    int traces, lie_at;
    double factor;
} liar;

static bp_val lying_net(bp_nn *nn, bp_val x, void *user)
{
    liar *l = user;
    bp_graph *g = bp_nn_graph(nn);
    bool lie = l->traces++ == l->lie_at;
    x = bp_nn_tanh(nn, bp_nn_dense(nn, x, 4));
    x = bp_nn_dense(nn, x, RIG_CLASSES);
    return lie ? bp_mul_scalar(g, x, l->factor) : x;
}

/* At least one lie of each factor is caught; tracing the truth is not. */
static void test_wrong(void)
{
    static const double factors[] = {-1, 2, 0, 1.0001, 0.9999};
    bp_task task = rig_task();
    task.net = lying_net;
    for (size_t i = 0; i < BP__ARRAY_LEN(factors); i++) {
        int caught[3] = {0};
        liar l = {0, -1, factors[i]};
        task.user = &l;
        T_CHECK(check(&task, BP_F64).failed == 0);
        int traces = l.traces;
        for (int at = 0; at < traces; at++) {
            l.traces = 0;
            l.lie_at = at;
            seen s = check(&task, BP_F64);
            caught[0] += s.failed > 0;
        }
        /* The base point, order 1's program, order 2's program. */
        T_CHECKF(caught[0] >= 3, "factor %g: caught in %d of %d traces",
                 factors[i], caught[0], traces);
    }
}

static bp_val nan_net(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    bp_graph *g = bp_nn_graph(nn);
    x = bp_nn_dense(nn, x, RIG_CLASSES);
    return bp_log(g, bp_mul_scalar(g, bp_square(g, x), -1));
}

static void test_faults(void)
{
    bp_task task = rig_task();
    bp_check_options o = {.size = sizeof o};
    bp_error err = {0};
    double worst;
    int64_t failed;
    task.net = nan_net; /* a NaN is never "no failure" */
    T_CHECK(bp_check_gradients(&task, &o, &worst, &failed, &err) < 0 ||
            failed > 0);
    o.size = 0;
    T_CHECK(bp_check_gradients(&task, &o, &worst, &failed, &err) == BP_EARG);
}

int main(void)
{
    test_right();
    test_wrong();
    test_faults();
    return t_end();
}
