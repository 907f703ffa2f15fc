/* States: a row a sample, cut by shards as inputs are; cleared, gathered,
 * blended. */
#include "t.h"

#include <bprop/ops.h>
#include <bprop/step.h>

enum { WIDTH = 3, ROWS = 7 };

static void count_up(bp_trace *t, void *user)
{
    bp_graph *g = bp_trace_graph(t);
    bp_val h = bp_trace_state(t, "h", BP_F64, 1, (int64_t[]){WIDTH});
    bp_val x = bp_trace_input(t, "x");
    (void)user;
    bp_trace_output(t, "before", h);
    bp_trace_set_state(t, "h", bp_add(g, bp_mul_scalar(g, h, 0.5), x));
}

static bp_step *make(bp_store *s, bp_runtime *r, int64_t shards)
{
    static const bp_step_input in = {.name = "x", .dtype = BP_F64, .rank = 2,
                                     .dims = {BP_ANY, WIDTH}};
    bp_step_options o = {.size = sizeof o, .fn = count_up, .n_inputs = 1,
                         .input = &in, .dtype = BP_F64, .shards = shards};
    bp_step *p = NULL;
    bp_error err = {0};
    T_OK(bp_step_new(s, r, &o, &p, &err), &err);
    return p;
}

static double x_data[ROWS * WIDTH];

static bp_array rows(int64_t n)
{
    return (bp_array){.dtype = BP_F64, .rank = 2, .dims = {n, WIDTH},
                      .data = x_data};
}

static const double *state(bp_store *s)
{
    return bp_store_data(s, (size_t)bp_store_find(s, "h"));
}

static void test_shards(bp_runtime *r)
{
    for (int64_t shards = 1; shards <= 9; shards++) {
        bp_store *s = bp_store_new(NULL);
        bp_step *p = make(s, r, shards);
        bp_error err = {0};
        double want[ROWS * WIDTH] = {0};
        bp_array x = rows(ROWS), y;
        for (int k = 0; k < 4; k++) {
            for (int i = 0; i < ROWS * WIDTH; i++)
                x_data[i] = i + 100 * k;
            T_OK(bp_step_run(p, 1, &x, &err), &err);
            T_CHECK(bp_step_output(p, "before", &y) &&
                    !memcmp(y.data, want, sizeof want));
            for (int i = 0; i < ROWS * WIDTH; i++)
                want[i] = 0.5 * want[i] + x_data[i];
            T_CHECK(!memcmp(state(s), want, sizeof want));
        }
        T_CHECK(bp_state_rows(s, "h") == ROWS);
        bp_step_free(p);
        bp_store_free(s);
    }
}

static void expect(bp_status st, bp_status want, const bp_error *e,
                   const char *words)
{
    T_CHECKF(st == want && strstr(e->message, words), "%s: %s; want '%s'",
             bp_status_name(st), e->message, words);
}

/* Another number of rows is the caller's to settle. */
static void test_rows(bp_runtime *r)
{
    static const double first[WIDTH] = {7, 8, 9};
    bp_store *s = bp_store_new(NULL);
    bp_error err = {0};
    T_OK(bp_store_add_state(s, "h", BP_F64, 1, (int64_t[]){WIDTH}, first,
                            &err), &err);
    T_CHECK(bp_state_rows(s, "h") == 0 && bp_state_rows(s, "no") == -1);
    bp_step *p = make(s, r, 2);
    bp_array x = rows(4);
    memset(x_data, 0, sizeof x_data);
    T_OK(bp_step_run(p, 1, &x, &err), &err);
    T_CHECK(state(s)[0] == 3.5 && state(s)[11] == 4.5);
    x = rows(3);
    expect(bp_step_run(p, 1, &x, &err), BP_ESHAPE, &err,
           "state \"h\" has 4 rows, the batch 3");
    /* Rows 1 and 3 start again. */
    const uint8_t mask[4] = {0, 1, 0, 1};
    T_OK(bp_state_clear(s, "h*", mask, 4, &err), &err);
    T_CHECK(state(s)[0] == 3.5 && state(s)[3] == 7 && state(s)[6] == 3.5 &&
            state(s)[11] == 9);
    expect(bp_state_clear(s, "h", mask, 3, &err), BP_ESHAPE, &err, "4 rows");
    expect(bp_state_clear(s, "k", NULL, 3, &err), BP_ENOTFOUND, &err, "\"k\"");
    /* Two of a row, and one left out. */
    const int32_t from[3] = {1, 1, 0}, beyond[2] = {0, 4};
    T_OK(bp_state_gather(s, "h", from, 3, &err), &err);
    T_CHECK(bp_state_rows(s, "h") == 3 && state(s)[0] == 7 &&
            state(s)[3] == 7 && state(s)[6] == 3.5);
    expect(bp_state_gather(s, "h", beyond, 2, &err), BP_ERANGE, &err,
           "which has 3");
    T_CHECK(bp_state_rows(s, "h") == 3);
    T_OK(bp_step_run(p, 1, &x, &err), &err);
    /* More rows than there was ever room for: the memory moves. */
    T_OK(bp_state_clear(s, "h", NULL, 7, &err), &err);
    x = rows(7);
    T_OK(bp_step_run(p, 1, &x, &err), &err);
    T_CHECK(state(s)[20] == 4.5);
    T_OK(bp_state_clear(s, "h", NULL, 3, &err), &err);
    x = rows(3);
    T_OK(bp_step_run(p, 1, &x, &err), &err);
    T_CHECK(state(s)[0] == 3.5 && state(s)[8] == 4.5);
    bp_step_free(p);
    bp_store_free(s);
}

static void add(bp_store *s, const char *name, bp_dtype dtype, int64_t n,
                double value)
{
    bp_error err = {0};
    T_OK(bp_store_add(s, name, BP_VAR_PARAM, dtype, 1, &n, &err), &err);
    void *d = bp_store_data(s, (size_t)bp_store_find(s, name));
    for (int64_t i = 0; i < n; i++)
        if (dtype == BP_F32)
            ((float *)d)[i] = (float)value;
        else
            ((double *)d)[i] = value;
}

static float at(bp_store *s, const char *name)
{
    return *(float *)bp_store_data(s, (size_t)bp_store_find(s, name));
}

static void test_blend(void)
{
    bp_store *s = bp_store_new(NULL);
    bp_error err = {0};
    add(s, "q.a", BP_F32, 5, 4);
    add(s, "q.b", BP_F32, 2, 8);
    expect(bp_store_blend(s, "q.*", "t.*", 0.5, &err), BP_ENOTFOUND, &err,
           "no variable \"t.a\"");
    T_OK(bp_store_blend(s, "q.*", "t.*", 1, &err), &err);
    T_CHECK(at(s, "t.a") == 4 && at(s, "t.b") == 8);
    *(float *)bp_store_data(s, 0) = 8;
    T_OK(bp_store_blend(s, "q.*", "t.*", 0.25, &err), &err);
    T_CHECK(at(s, "t.a") == 5 && at(s, "t.b") == 8);
    expect(bp_store_blend(s, "q.*", "t.*", 1.5, &err), BP_EARG, &err, "tau");
    expect(bp_store_blend(s, "x.*", "t.*", 1, &err), BP_ENOTFOUND, &err,
           "x.*");
    expect(bp_store_blend(s, "*", "*", 1, &err), BP_EARG, &err, "itself");
    add(s, "q.c", BP_F32, 2, 1);
    add(s, "t.c", BP_F32, 3, 1);
    expect(bp_store_blend(s, "q.*", "t.*", 1, &err), BP_ESHAPE, &err, "q.c");
    bp_store_free(s);
}

int main(void)
{
    bp_runtime_options o = {.size = sizeof o, .threads = 2};
    bp_runtime *r = NULL;
    bp_error err = {0};
    T_OK(bp_runtime_new(&o, &r, &err), &err);
    test_shards(r);
    test_rows(r);
    test_blend();
    bp_runtime_free(r);
    return t_end();
}
