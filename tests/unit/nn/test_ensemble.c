/* Ensembles: what the members answer together and learn apart, against the
 * members themselves, and where an ensemble may stand. */
#include "rig.h"

#include <math.h>

enum { ROWS = 5, IN = 3, MEMBERS = 3 };

static double x_data[ROWS * IN];

static bp_model *make_model(const char *text)
{
    bp_model *m = bp_model_new(NULL);
    const int64_t dims[1] = {IN};
    bp_model_input(m, "x", 1, dims);
    bp_model_add(m, text);
    T_CHECKF(bp_model_status(m) == BP_OK, "%s", bp_model_error(m));
    return m;
}

static bp_task make_task(const bp_model *m, const char *loss, bool classes)
{
    bp_task t = {.size = sizeof t, .model = m, .loss = loss,
                 .optimizer = "sgd(lr=0.1)", .dtype = BP_F64, .seed = 5,
                 .n_train = 40};
    t.target = classes ? (bp_nn_io){.dtype = BP_I32}
                       : (bp_nn_io){.dtype = BP_F64, .rank = 1, .dims = {1}};
    return t;
}

static bp_program *compile(bp_runtime *r, const bp_task *t, bp_store *s,
                           bp_task_mode mode, const void *target, size_t bytes)
{
    bp_trace_options o = {.size = sizeof o, .rows = ROWS};
    bp_graph *g = bp_task_graph(t, s, mode, &o, NULL, NULL);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    bp_program *p = rig_compile(r, g);
    rig_bind(p, "x", x_data, sizeof x_data);
    if (mode != BP_TASK_PREDICT)
        rig_bind(p, "target", target, bytes);
    rig_run(p);
    return p;
}

/* Member k's outputs, from its weights: x W^T + b. */
static void member_outputs(bp_store *s, int k, int units, double *y)
{
    char name[40];
    double w[3 * IN], b[3];
    snprintf(name, sizeof name, "0.%d.0.weight", k);
    rig_get(s, name, w, (size_t)(units * IN) * sizeof *w);
    snprintf(name, sizeof name, "0.%d.0.bias", k);
    rig_get(s, name, b, (size_t)units * sizeof *b);
    for (int r = 0; r < ROWS; r++)
        for (int u = 0; u < units; u++) {
            double sum = b[u];
            for (int i = 0; i < IN; i++)
                sum += x_data[r * IN + i] * w[u * IN + i];
            y[r * units + u] = sum;
        }
}

static void of_classes(bp_runtime *r)
{
    static const int32_t truth[ROWS] = {0, 2, 1, 1, 0};
    bp_model *m = make_model("ensemble(members=3, body=[dense(3)])");
    bp_task t = make_task(m, "softmax_cross_entropy", true);
    bp_store *s = bp_store_new(NULL);
    bp_program *p = compile(r, &t, s, BP_TASK_PREDICT, NULL, 0);
    const double *q = rig_result(p, "probability", ROWS * 3 * sizeof *q);
    double mean[ROWS * 3] = {0}, own = 0, together = 0;
    for (int k = 0; k < MEMBERS; k++) {
        double y[ROWS * 3];
        member_outputs(s, k, 3, y);
        for (int i = 0; i < ROWS; i++) {
            double sum = 0;
            for (int c = 0; c < 3; c++)
                sum += exp(y[3 * i + c]);
            for (int c = 0; c < 3; c++)
                mean[3 * i + c] += exp(y[3 * i + c]) / sum / MEMBERS;
            own -= log(exp(y[3 * i + truth[i]]) / sum) / (MEMBERS * ROWS);
        }
    }
    for (int i = 0; i < ROWS * 3; i++)
        T_NEAR(q[i], mean[i], 1e-12);
    for (int i = 0; i < ROWS; i++)
        together -= log(mean[3 * i + truth[i]]) / ROWS;
    bp_program_free(p);
    p = compile(r, &t, s, BP_TASK_EVAL, truth, sizeof truth);
    T_NEAR(rig_scalar(p, "loss"), together, 1e-12);
    bp_program_free(p);
    p = compile(r, &t, s, BP_TASK_TRAIN, truth, sizeof truth);
    T_NEAR(rig_scalar(p, "loss"), own, 1e-12);
    T_CHECK(own > together + 1e-6); /* else this tells nothing */
    bp_program_free(p);
    bp_store_free(s);
    bp_model_free(m);
}

static void of_one_output(bp_runtime *r, const char *loss, bool sigmoid)
{
    static const double truth[ROWS] = {0, 1, 1, 0, 1};
    bp_model *m = make_model("ensemble(members=3, body=[dense(1)])");
    bp_task t = make_task(m, loss, false);
    bp_store *s = bp_store_new(NULL);
    bp_program *p = compile(r, &t, s, BP_TASK_PREDICT, NULL, 0);
    const double *q = rig_result(p, sigmoid ? "probability" : "output",
                                 ROWS * sizeof *q);
    double mean[ROWS] = {0};
    for (int k = 0; k < MEMBERS; k++) {
        double y[ROWS];
        member_outputs(s, k, 1, y);
        for (int i = 0; i < ROWS; i++)
            mean[i] += (sigmoid ? 1 / (1 + exp(-y[i])) : y[i]) / MEMBERS;
    }
    for (int i = 0; i < ROWS; i++)
        T_NEAR(q[i], mean[i], 1e-12);
    bp_program_free(p);
    p = compile(r, &t, s, BP_TASK_TRAIN, truth, sizeof truth);
    bp_program_free(p);
    bp_store_free(s);
    bp_model_free(m);
}

/* Large logits: nothing overflows. */
static void stays_finite(bp_runtime *r)
{
    double saved[ROWS * IN];
    static const double truth[ROWS] = {0, 1, 1, 0, 1};
    memcpy(saved, x_data, sizeof saved);
    for (int i = 0; i < ROWS * IN; i++)
        x_data[i] *= 1e4;
    bp_model *m = make_model("ensemble(members=2, body=[dense(1)])");
    bp_task t = make_task(m, "sigmoid_cross_entropy", false);
    bp_store *s = bp_store_new(NULL);
    bp_program *p = compile(r, &t, s, BP_TASK_EVAL, truth, sizeof truth);
    T_CHECK(isfinite(rig_scalar(p, "loss")));
    bp_program_free(p);
    bp_store_free(s);
    bp_model_free(m);
    memcpy(x_data, saved, sizeof saved);
}

static void refused(const char *text, const char *why)
{
    bp_model *m = make_model(text);
    bp_task t = make_task(m, "softmax_cross_entropy", true);
    bp_store *s = bp_store_new(NULL);
    bp_trace_options o = {.size = sizeof o, .rows = ROWS};
    bp_graph *g = bp_task_graph(&t, s, BP_TASK_PREDICT, &o, NULL, NULL);
    T_CHECKF(bp_graph_status(g) == BP_EARG &&
                 strstr(bp_graph_error(g), why), "%s: %s", text,
             bp_graph_error(g));
    bp_graph_free(g);
    bp_store_free(s);
    bp_model_free(m);
}

int main(void)
{
    uint64_t seed = 3;
    for (int i = 0; i < ROWS * IN; i++)
        x_data[i] = t_uniform(&seed, -2, 2);
    bp_runtime *r = rig_runtime();
    of_classes(r);
    of_one_output(r, "mean_squared_error", false);
    of_one_output(r, "sigmoid_cross_entropy", true);
    stays_finite(r);
    refused("ensemble(members=2, body=[dense(3)]), relu", "last layer");
    refused("ensemble(members=2, body=[dense(3)]), "
            "ensemble(members=2, body=[dense(3)])", "one ensemble only");
    bp_runtime_free(r);
    return t_end();
}
