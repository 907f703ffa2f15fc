/* Steps: programs by the types that came, outputs that stay, parameters,
 * statistics, averages and random numbers of each step alone. */
#include "t.h"

#include <bprop/ops.h>
#include <bprop/step.h>

#include <math.h>

typedef struct rig {
    bp_store *s;
    bp_runtime *r;
    bp_error err;
} rig;

static rig begin(void)
{
    rig q = {.s = bp_store_new(NULL)};
    T_OK(bp_runtime_new(NULL, &q.r, &q.err), &q.err);
    return q;
}

static void end(rig *q)
{
    bp_store_free(q->s);
    bp_runtime_free(q->r);
}

static bp_step *make(rig *q, const bp_step_options *o)
{
    bp_step *p = NULL;
    T_OK(bp_step_new(q->s, q->r, o, &p, &q->err), &q->err);
    return p;
}

static float numbers[64 * 3];

static bp_array rows(int64_t n)
{
    return (bp_array){.dtype = BP_F32, .rank = 2, .dims = {n, 3},
                      .data = numbers, .bytes = (size_t)n * 12};
}

static const bp_step_input x_input = {.name = "x", .dtype = BP_F32, .rank = 2,
                                      .dims = {BP_ANY, 3}};

/* ---- the cache ------------------------------------------------------------ */

static int traces;

static void twice(bp_trace *t, void *user)
{
    (void)user;
    traces++;
    bp_val x = bp_trace_input(t, "x");
    bp_trace_output(t, "y", bp_mul_scalar(bp_trace_graph(t), x, 2));
}

static void test_cache(void)
{
    rig q = begin();
    bp_step_options o = {.size = sizeof o, .fn = twice, .n_inputs = 1,
                         .input = &x_input};
    bp_step *p = make(&q, &o);
    bp_array in = rows(4), y;
    T_CHECK(!bp_step_output(p, "y", &y) && bp_step_hash(p)[0] == 0);
    for (int i = 0; i < 3; i++)
        T_OK(bp_step_run(p, 1, &in, &q.err), &q.err);
    T_CHECK(traces == 1 && bp_step_programs(p) == 1);
    T_CHECK(strlen(bp_step_hash(p)) == 16);
    in = rows(5);
    T_OK(bp_step_run(p, 1, &in, &q.err), &q.err);
    in = rows(4);
    T_OK(bp_step_run(p, 1, &in, &q.err), &q.err);
    T_CHECK(traces == 2 && bp_step_programs(p) == 2);
    T_CHECK(bp_step_output(p, "y", &y) && y.dims[0] == 4 && y.bytes == 48);
    T_CHECK(isnan(bp_step_number(p, "y")) && isnan(bp_step_number(p, "z")));
    bp_step_free(p);
    /* What came least lately goes. */
    o.max_bytes = 1;
    p = make(&q, &o);
    for (int64_t n = 1; n <= 9; n++) {
        in = rows(n);
        T_OK(bp_step_run(p, 1, &in, &q.err), &q.err);
        T_CHECK(bp_step_programs(p) == 1);
    }
    bp_step_free(p);
    end(&q);
}

static void expect(bp_status st, bp_status want, const bp_error *e,
                   const char *words)
{
    T_CHECKF(st == want && strstr(e->message, words), "%s: %s; want '%s'",
             bp_status_name(st), e->message, words);
}

static void test_refusals(void)
{
    rig q = begin();
    bp_step_options o = {.size = sizeof o, .fn = twice, .n_inputs = 1,
                         .input = &x_input, .name = "double"};
    bp_step *p = make(&q, &o);
    bp_array in = rows(4);
    in.dims[1] = 2;
    expect(bp_step_run(p, 1, &in, &q.err), BP_ESHAPE, &q.err,
           "step \"double\": input \"x\" takes f32[-1,3]");
    in = rows(4);
    in.dtype = BP_I32;
    expect(bp_step_run(p, 1, &in, &q.err), BP_EDTYPE, &q.err, "i32[4,3]");
    in = rows(0);
    expect(bp_step_run(p, 1, &in, &q.err), BP_ESHAPE, &q.err, "no rows");
    in = rows(4);
    in.data = NULL;
    expect(bp_step_run(p, 1, &in, &q.err), BP_EARG, &q.err, "no data");
    expect(bp_step_run(p, 0, NULL, &q.err), BP_EARG, &q.err,
           "0 arrays for 1 inputs");
    expect(bp_step_set_rate(p, 0.1, &q.err), BP_EARG, &q.err, "no optimizer");
    bp_step_free(p);
    bp_step_input two[] = {x_input, x_input};
    o.input = two;
    o.n_inputs = 2;
    expect(bp_step_new(q.s, q.r, &o, &p, &q.err), BP_EEXIST, &q.err,
           "two inputs \"x\"");
    o.n_inputs = 1;
    static const char *const names[] = {"a.b", "a b", "a/b", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        o.name = names[i];
        expect(bp_step_new(q.s, q.r, &o, &p, &q.err), BP_EARG, &q.err,
               "is no name of a step");
    }
    o.name = "adm";
    o.optimizer = "adm";
    expect(bp_step_new(q.s, q.r, &o, &p, &q.err), BP_ENOTFOUND, &q.err,
           "adm");
    end(&q);
}

/* ---- two steps over one arena ------------------------------------------------ */

static void test_outputs_stay(void)
{
    rig q = begin();
    bp_step_options o = {.size = sizeof o, .fn = twice, .n_inputs = 1,
                         .input = &x_input};
    bp_step *a = make(&q, &o), *b = make(&q, &o);
    bp_array x = rows(8), y, z;
    numbers[5] = 3;
    T_OK(bp_step_run(a, 1, &x, &q.err), &q.err);
    T_CHECK(bp_step_output(a, "y", &y));
    /* Not even a step's own other program, or its being dropped. */
    bp_step_options small = o;
    small.max_bytes = 1;
    bp_step *c = make(&q, &small);
    bp_array w = rows(3);
    T_OK(bp_step_run(c, 1, &x, &q.err), &q.err);
    T_CHECK(bp_step_output(c, "y", &z));
    T_OK(bp_step_prepare(c, 1, &w, &q.err), &q.err);
    T_CHECK(bp_step_programs(c) == 1 && bp_step_output(c, "y", &y));
    T_CHECK(y.data == z.data && y.dims[0] == 8 && ((float *)y.data)[5] == 6);
    w.data = NULL;
    T_CHECK(bp_step_run(c, 1, &w, &q.err) == BP_EARG);
    T_CHECK(bp_step_output(c, "y", &y) && ((float *)y.data)[5] == 6);
    T_OK(bp_step_run(c, 1, &y, &q.err), &q.err); /* of its own output */
    T_CHECK(bp_step_output(c, "y", &y) && ((float *)y.data)[5] == 12);
    T_OK(bp_step_prepare(c, 1, &x, &q.err), &q.err);
    bp_step_free(c);
    T_CHECK(bp_step_output(a, "y", &y));
    T_OK(bp_step_run(b, 1, &y, &q.err), &q.err); /* of another's output */
    T_CHECK(bp_step_output(b, "y", &z));
    T_CHECK(((float *)y.data)[5] == 6 && ((float *)z.data)[5] == 12);
    numbers[5] = 0;
    bp_step_free(a);
    bp_step_free(b);
    end(&q);
}

/* ---- generator and discriminator ----------------------------------------------- */

static bp_val layer(bp_trace *t, const char *prefix, bp_val x)
{
    bp_nn *nn = bp_trace_net(t, prefix);
    return bp_nn_batch_norm(nn, bp_nn_dense(nn, x, 3), NULL);
}

static void both(bp_trace *t, void *user)
{
    bp_graph *g = bp_trace_graph(t);
    bp_val x = layer(t, "g", bp_trace_input(t, "x"));
    x = layer(t, "d", layer(t, "d", x)); /* applied twice: shared weights */
    bp_val loss = bp_mean(g, bp_exp(g, x), 0, NULL, false);
    if (user)
        bp_trace_minimize(t, loss, NULL);
    bp_trace_output(t, "loss", loss);
    bp_nn *nn = bp_trace_net(t, "g");
    bp_val noise = bp_normal(g, bp_nn_key(nn), BP_F32, 1, (int64_t[]){2}, 0,
                             false);
    bp_trace_output(t, "noise", noise);
}

static double variable(rig *q, const char *name, size_t i)
{
    int64_t k = bp_store_find(q->s, name);
    T_REQUIRE(k >= 0);
    bp_var_info v;
    bp_store_info(q->s, (size_t)k, &v);
    const void *d = bp_store_read(q->s, (size_t)k);
    return v.dtype == BP_F64 ? ((const double *)d)[i]
                             : (double)((const float *)d)[i];
}

static void test_parameters(void)
{
    rig q = begin();
    bp_array x = rows(7);
    for (int i = 0; i < 21; i++)
        numbers[i] = (float)sin(i);
    bp_step_options o = {.size = sizeof o, .fn = both, .user = &q,
                         .n_inputs = 1, .input = &x_input, .name = "gen",
                         .training = true, .params = "g.*", .seed = 1,
                         .optimizer = "adam(lr=0.1, ema=0.9)"};
    bp_step *g = make(&q, &o);
    o.name = "dis";
    o.params = "d.*";
    o.optimizer = "sgd(lr=0.5)";
    bp_step *d = make(&q, &o);
    T_OK(bp_step_prepare(g, 1, &x, &q.err), &q.err);
    T_OK(bp_step_prepare(d, 1, &x, &q.err), &q.err);
    T_CHECK(bp_store_find(q.s, "d.1.running_mean") >= 0 &&
            bp_store_find(q.s, "d.2.weight") < 0);
    double wg = variable(&q, "g.0.weight", 0), wd = variable(&q, "d.0.weight", 0);
    double mg = variable(&q, "g.1.running_mean", 0);
    double md = variable(&q, "d.1.running_mean", 0);
    T_OK(bp_step_run(d, 1, &x, &q.err), &q.err);
    T_CHECK(variable(&q, "g.0.weight", 0) == wg);
    T_CHECK(variable(&q, "d.0.weight", 0) != wd);
    T_CHECK(variable(&q, "g.1.running_mean", 0) == mg);
    T_CHECK(variable(&q, "d.1.running_mean", 0) != md);
    wd = variable(&q, "d.0.weight", 0);
    T_OK(bp_step_run(g, 1, &x, &q.err), &q.err);
    T_CHECK(variable(&q, "g.0.weight", 0) != wg);
    T_CHECK(variable(&q, "d.0.weight", 0) == wd);
    /* Rates and counters are each step's own. */
    T_CHECK(bp_step_rate(g) == 0.1 && bp_step_rate(d) == 0.5);
    T_OK(bp_step_set_rate(d, 0.25, &q.err), &q.err);
    T_CHECK(bp_step_rate(d) == 0.25 && bp_step_rate(g) == 0.1);
    T_CHECK(variable(&q, "trainer.dis.lr", 0) == 0.25);
    T_OK(bp_step_run(d, 1, &x, &q.err), &q.err);
    T_CHECK(bp_step_count(d) == 2 && bp_step_count(g) == 1);
    /* A program keeps nothing of a rate that has changed. */
    for (int i = 0; i < 3; i++) {
        wd = variable(&q, "d.0.weight", 1);
        T_OK(bp_step_set_rate(d, i % 2 ? 0.5 : 0, &q.err), &q.err);
        T_OK(bp_step_run(d, 1, &x, &q.err), &q.err);
        T_CHECK((variable(&q, "d.0.weight", 1) == wd) == (i % 2 == 0));
    }
    bp_step_free(g);
    bp_step_free(d);
    end(&q);
}

/* A step that does not train g reads its raw weights, or their average: another
 * loss, once the two differ. */
static void test_reading(void)
{
    rig q = begin();
    bp_array x = rows(7);
    bp_step_options o = {.size = sizeof o, .fn = both, .user = &q,
                         .n_inputs = 1, .input = &x_input, .name = "gen",
                         .training = true, .params = "g.*", .seed = 1,
                         .optimizer = "sgd(lr=0.5, ema=0.99)"};
    bp_step *g = make(&q, &o);
    o.user = NULL;
    o.params = o.optimizer = NULL;
    o.name = "raw";
    o.dry = true;
    bp_step *raw = make(&q, &o);
    o.name = "mean";
    o.read = BP_READ_AVERAGED;
    bp_step *mean = make(&q, &o);
    /* Before there is an average, and after: the program is made anew. */
    T_OK(bp_step_run(raw, 1, &x, &q.err), &q.err);
    double first = bp_step_number(raw, "loss");
    for (int i = 0; i < 5; i++)
        T_OK(bp_step_run(g, 1, &x, &q.err), &q.err);
    T_OK(bp_step_run(raw, 1, &x, &q.err), &q.err);
    T_OK(bp_step_run(mean, 1, &x, &q.err), &q.err);
    double now = bp_step_number(raw, "loss");
    double averaged = bp_step_number(mean, "loss");
    T_OK(bp_step_run(g, 1, &x, &q.err), &q.err); /* its loss is of before */
    T_CHECK(bp_step_number(g, "loss") == now);
    T_CHECK(now != averaged && now != first);
    T_CHECK(bp_step_count(raw) == 0); /* dry */
    bp_step_free(g);
    bp_step_free(raw);
    bp_step_free(mean);
    end(&q);
}

/* The same network, read as the step's options say and otherwise. */
static void read_twice(bp_trace *t, void *user)
{
    bp_graph *g = bp_trace_graph(t);
    bp_val x = bp_trace_input(t, "x");
    (void)user;
    bp_nn *nn = bp_trace_net_reading(t, "g", BP_READ_AVERAGED);
    bp_val loss = bp_mean(g, bp_nn_dense(nn, x, 3), 0, NULL, false);
    bp_trace_output(t, "loss", loss);
}

static void learn_g(bp_trace *t, void *user)
{
    bp_graph *g = bp_trace_graph(t);
    bp_nn *nn = bp_trace_net(t, "g");
    bp_val y = bp_nn_dense(nn, bp_trace_input(t, "x"), 3);
    bp_val loss = bp_mean(g, bp_mul(g, y, y), 0, NULL, false);
    if (user)
        bp_trace_minimize(t, loss, NULL);
    bp_trace_output(t, "loss", bp_mean(g, y, 0, NULL, false));
}

static void test_reading_one(void)
{
    rig q = begin();
    bp_array x = rows(7);
    bp_step_options o = {.size = sizeof o, .fn = learn_g, .user = &q,
                         .n_inputs = 1, .input = &x_input, .name = "gen",
                         .training = true, .params = "g.*", .seed = 1,
                         .optimizer = "sgd(lr=0.5, ema=0.9)"};
    for (int i = 0; i < 21; i++)
        numbers[i] = 1 + (float)(i % 3);
    bp_step *g = make(&q, &o);
    o.user = NULL;
    o.params = o.optimizer = NULL;
    o.dry = true;
    o.name = "mean";
    o.read = BP_READ_AVERAGED;
    bp_step *mean = make(&q, &o);
    o.name = "one";
    o.read = BP_READ_RAW;
    o.fn = read_twice;
    bp_step *one = make(&q, &o);
    T_CHECK(!strcmp(bp_step_name(one), "one"));
    for (int i = 0; i < 3; i++)
        T_OK(bp_step_run(g, 1, &x, &q.err), &q.err);
    T_OK(bp_step_run(mean, 1, &x, &q.err), &q.err);
    T_OK(bp_step_run(one, 1, &x, &q.err), &q.err);
    double averaged = bp_step_number(mean, "loss");
    T_CHECK(averaged == bp_step_number(one, "loss"));
    T_OK(bp_step_run(g, 1, &x, &q.err), &q.err);
    T_CHECK(bp_step_number(g, "loss") != averaged);
    memset(numbers, 0, sizeof numbers);
    bp_step_free(g);
    bp_step_free(mean);
    bp_step_free(one);
    end(&q);
}

/* What one step draws does not depend on the others' runs. */
static void test_random(void)
{
    float drawn[2][4];
    for (int other = 0; other < 2; other++) {
        rig q = begin();
        bp_array x = rows(7), y;
        bp_step_options o = {.size = sizeof o, .fn = both, .n_inputs = 1,
                             .input = &x_input, .name = "a", .seed = 5};
        bp_step *a = make(&q, &o);
        o.name = "b";
        bp_step *b = make(&q, &o);
        for (int i = 0; i < 2; i++) {
            for (int k = 0; other && k < 3; k++)
                T_OK(bp_step_run(b, 1, &x, &q.err), &q.err);
            T_OK(bp_step_run(a, 1, &x, &q.err), &q.err);
            T_CHECK(bp_step_output(a, "noise", &y));
            memcpy(drawn[other] + 2 * i, y.data, 8);
        }
        T_CHECK(bp_step_count(a) == 2);
        if (other) {
            bp_step_output(b, "noise", &y);
            T_CHECK(memcmp(y.data, drawn[1], 8) != 0);
        }
        bp_step_free(a);
        bp_step_free(b);
        end(&q);
    }
    T_CHECK(!memcmp(drawn[0], drawn[1], sizeof drawn[0]));
    T_CHECK(drawn[0][0] != drawn[0][2]); /* each run draws anew */
}

/* ---- what a failed run leaves ---------------------------------------------- */

static void carry(bp_trace *t, void *user)
{
    bp_graph *g = bp_trace_graph(t);
    int64_t dims[BP_MAX_RANK] = {3};
    bp_val h = bp_trace_state(t, "h", BP_F32, user ? *(int *)user : 1, dims);
    if (user)
        return;
    static const float table[8] = {0};
    bp_val x = bp_cast(g, bp_trace_input(t, "x"), BP_I32);
    bp_val c = bp_const(g, BP_F32, 1, (int64_t[]){8}, table);
    h = bp_add(g, h, bp_gather(g, c, x, 0));
    bp_trace_set_state(t, "h", h);
    bp_trace_output(t, "h", h);
}

static void test_failed_rows(void)
{
    rig q = begin();
    bp_step_options o = {.size = sizeof o, .fn = carry, .n_inputs = 1,
                         .input = &x_input, .name = "carry"};
    bp_step *p = make(&q, &o);
    for (int i = 0; i < 21; i++)
        numbers[i] = 9; /* not one of eight */
    bp_array x = rows(7);
    T_CHECK(bp_step_run(p, 1, &x, &q.err) == BP_ERANGE);
    T_CHECK(bp_state_rows(q.s, "h") == 0);
    for (int i = 0; i < 21; i++)
        numbers[i] = 1;
    x = rows(4); /* the rows are those of the first run that succeeds */
    T_OK(bp_step_run(p, 1, &x, &q.err), &q.err);
    T_CHECK(bp_state_rows(q.s, "h") == 4);
    numbers[0] = 9;
    T_CHECK(bp_step_run(p, 1, &x, &q.err) == BP_ERANGE);
    T_CHECK(bp_state_rows(q.s, "h") == 4);
    numbers[0] = 1;
    bp_step_free(p);
    for (int rank = -1; rank <= 99; rank += rank < BP_MAX_RANK ? 1 : 90) {
        if (rank == 1)
            continue;
        o.user = &rank; /* of a state that the store has already */
        p = make(&q, &o);
        bp_status st = bp_step_prepare(p, 1, &x, &q.err);
        T_CHECKF(st == (rank < 0 || rank >= BP_MAX_RANK ? BP_ELIMIT
                                                        : BP_ESHAPE),
                 "rank %d: %s", rank, q.err.message);
        bp_step_free(p);
    }
    end(&q);
}

static void untrained(bp_trace *t, void *user)
{
    both(t, NULL);
    (void)user;
}

static void test_mistakes(void)
{
    rig q = begin();
    bp_array x = rows(7);
    bp_step_options o = {.size = sizeof o, .fn = untrained, .n_inputs = 1,
                         .input = &x_input, .training = true,
                         .optimizer = "sgd(lr=1)"};
    bp_step *p = make(&q, &o);
    expect(bp_step_run(p, 1, &x, &q.err), BP_EARG, &q.err,
           "did not call bp_trace_minimize");
    bp_step_free(p);
    o.fn = both;
    o.user = &q;
    o.params = "h.*";
    p = make(&q, &o);
    expect(bp_step_run(p, 1, &x, &q.err), BP_ENOTFOUND, &q.err,
           "the step trains \"h.*\"");
    bp_step_free(p);
    o.params = NULL;
    o.optimizer = NULL;
    p = make(&q, &o);
    expect(bp_step_run(p, 1, &x, &q.err), BP_EARG, &q.err, "no optimizer");
    bp_step_free(p);
    end(&q);
}

int main(void)
{
    test_cache();
    test_refusals();
    test_outputs_stay();
    test_failed_rows();
    test_parameters();
    test_reading();
    test_reading_one();
    test_random();
    test_mistakes();
    return t_end();
}
