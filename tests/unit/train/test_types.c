/* Whole numbers from data to an embedding, and labels for each place: trained,
 * evaluated, checked; the same bits as floats that hold the same numbers. */
#include "t.h"
#include "train/train.h"

enum { N = 40, T = 6, WORDS = 12, CLASSES = 3 };
static int32_t tokens[N * T], labels[N * T];
static float floats[N * T];
static uint8_t bytes[N * T];

static void fill(void)
{
    for (int i = 0; i < N * T; i++) {
        tokens[i] = (i * 7 + i / T) % WORDS;
        labels[i] = tokens[i] % CLASSES;
        floats[i] = (float)tokens[i];
        bytes[i] = (uint8_t)tokens[i];
    }
}

static bp_data *set(bp_dtype t, void *x, int64_t n, void *y)
{
    bp_array in = {t, 2, {n, T}, x, (size_t)(n * T) * bp_dtype_bytes(t)};
    bp_array target = {BP_I32, 2, {n, T}, y, (size_t)(n * T) * 4};
    bp_data_options o = {.size = sizeof o, .borrow = true};
    bp_data *d = NULL;
    bp_error err = {0};
    T_OK(bp_data_from_arrays(&in, 1, &target, &o, &d, &err), &err);
    return d;
}

static bp_model *tagger(bp_dtype t)
{
    static const int64_t dims[1] = {T};
    bp_model *m = bp_model_new(NULL);
    bp_model_input_typed(m, "words", t, 1, dims);
    bp_model_add(m, "embedding(count=12, dim=3), dense(3)");
    return m;
}

static bp_task task_of(const bp_model *m, bp_dtype dtype)
{
    return (bp_task){.size = sizeof(bp_task), .model = m,
                     .target = {.dtype = BP_I32, .rank = 1, .dims = {T}},
                     .loss = "softmax_cross_entropy",
                     .metrics = "accuracy, f1, top_k(2), calibration_error",
                     .optimizer = "adam(lr=0.05)", .dtype = dtype,
                     .seed = 3};
}

static bp_trainer *train(const bp_task *t, bp_data *d, int64_t epochs,
                         int64_t shards)
{
    bp_trainer_options o = {.size = sizeof o, .train = d, .epochs = epochs,
                            .batch = 16, .shards = shards,
                            .normalize = BP_NORM_NONE};
    bp_trainer *r = NULL;
    bp_error err = {0};
    T_OK(bp_trainer_new(t, &o, &r, &err), &err);
    if (r)
        T_OK(bp_trainer_run(r, &err), &err);
    return r;
}

/* i32 and u8 data, i32, u8 and float graphs: one network. */
static void same_bits(void)
{
    struct {
        bp_dtype stored, asked;
        void *x;
    } cases[] = {{BP_F32, BP_F32, floats}, {BP_I32, BP_I32, tokens},
                 {BP_U8, BP_U8, bytes},    {BP_U8, BP_I32, bytes},
                 {BP_I32, BP_F32, tokens}, {BP_F32, BP_I32, floats}};
    bp_trainer *first = NULL;
    for (size_t c = 0; c < BP__ARRAY_LEN(cases); c++) {
        bp_model *m = tagger(cases[c].asked);
        bp_data *d = set(cases[c].stored, cases[c].x, N, labels);
        bp_task t = task_of(m, BP_F32);
        bp_trainer *r = train(&t, d, 20, 1);
        const bp_evaluation *e;
        bp_error err = {0};
        T_REQUIRE(r);
        T_OK(bp_trainer_evaluate(r, d, true, &e, &err), &err);
        T_CHECK(e->metric[0] == 1 && e->metric[1] == 1 && e->n_classes == 3);
        int64_t sum = 0;
        for (int64_t i = 0; i < 9; i++)
            sum += e->confusion[i];
        T_CHECK(sum == N * T && e->samples == N);
        for (size_t i = 0; first && i < bp_store_count(bp_trainer_store(r));
             i++) {
            bp_var_info v;
            bp_store_info(bp_trainer_store(r), i, &v);
            if (v.kind == BP_VAR_PARAM)
                T_CHECKF(!memcmp(bp_store_data(bp_trainer_store(r), i),
                                 bp_store_data(bp_trainer_store(first), i),
                                 v.bytes),
                         "case %zu: %s", c, v.name);
        }
        if (first)
            bp_trainer_free(r);
        else
            first = r;
        bp_data_free(d);
        bp_model_free(m);
    }
    bp_trainer_free(first);
}

/* A loss over all places does not know how the batch is cut. */
static void shards(void)
{
    double loss[3];
    static const int64_t n[3] = {1, 3, 5};
    bp_model *m = tagger(BP_I32);
    bp_data *d = set(BP_I32, tokens, N, labels);
    bp_task t = task_of(m, BP_F64);
    t.loss = "softmax_cross_entropy(class_weights=balanced)";
    for (int i = 0; i < 3; i++) {
        bp_trainer *r = train(&t, d, 2, n[i]);
        const bp_evaluation *e;
        bp_error err = {0};
        T_REQUIRE(r);
        T_OK(bp_trainer_evaluate(r, d, false, &e, &err), &err);
        loss[i] = e->loss;
        T_NEAR(loss[i], loss[0], 1e-12);
        bp_trainer_free(r);
    }
    bp_data_free(d);
    bp_model_free(m);
}

static void places_are_named(void)
{
    static int32_t x[N * T], y[N * T];
    memcpy(x, tokens, sizeof x);
    memcpy(y, labels, sizeof y);
    x[7 * T + 2] = 40;
    y[9 * T + 5] = 3;
    for (int asked = 0; asked < 2; asked++) {
        bp_model *m = tagger(asked ? BP_I32 : BP_F32);
        bp_data *d = set(BP_I32, x, N, y);
        bp_task t = task_of(m, BP_F32);
        bp_trainer_options o = {.size = sizeof o, .train = d};
        bp_trainer *r = NULL;
        bp_error err = {0};
        T_CHECK(bp_trainer_new(&t, &o, &r, &err) == BP_ERANGE && !r);
        T_CHECKF(strstr(err.message, "from 0 to 11: sample 7 has 40 at [2]") &&
                     strstr(err.message, "0 to 2: sample 9 has 3 at [5]"),
                 "%s", err.message);
        bp_data_free(d);
        bp_model_free(m);
    }
}

/* Without data: tokens that the table has. */
static void gradients(void)
{
    static const bp_dtype types[] = {BP_I32, BP_F32, BP_U8};
    for (size_t i = 0; i < BP__ARRAY_LEN(types); i++) {
        bp_model *m = tagger(types[i]);
        bp_task t = task_of(m, BP_F32);
        bp_check_options o = {.size = sizeof o, .rows = 3, .seed = 5,
                              .dtype = i == 1 ? BP_F32 : BP_F64};
        double worst;
        int64_t failed = 1;
        bp_error err = {0};
        T_OK(bp_check_gradients(&t, &o, &worst, &failed, &err), &err);
        T_CHECKF(failed == 0, "worst %g", worst);
        bp_model_free(m);
    }
}

/* As many labels as outputs: yes or no for each. */
static void yes_or_no(void)
{
    static const int64_t dims[1] = {T};
    static int32_t is[N * T];
    for (int i = 0; i < N * T; i++)
        is[i] = floats[i] > 5;
    bp_model *m = bp_model_new(NULL);
    bp_model_input(m, "x", 1, dims);
    bp_model_add(m, "dense(6)");
    bp_data *d = set(BP_F32, floats, N, is);
    bp_task t = task_of(m, BP_F32);
    t.loss = "binary_cross_entropy";
    t.metrics = NULL;
    bp_trainer *r = train(&t, d, 60, 1);
    const bp_evaluation *e;
    bp_error err = {0};
    T_REQUIRE(r);
    T_OK(bp_trainer_evaluate(r, d, false, &e, &err), &err);
    T_CHECKF(e->loss < 0.5, "%g", e->loss);
    bp_trainer_free(r);
    is[3] = 2;
    bp_trainer_options o = {.size = sizeof o, .train = d};
    T_CHECK(bp_trainer_new(&t, &o, &r, &err) == BP_ERANGE);
    T_CHECKF(strstr(err.message, "0 to 1: sample 0 has 2 at [3]"), "%s",
             err.message);
    bp_data_free(d);
    bp_model_free(m);
}

int main(void)
{
    fill();
    same_bits();
    shards();
    places_are_named();
    gradients();
    yes_or_no();
    return t_end();
}
