/* The article's program, run as it is and with one line changed, and what its
 * numbers say. */
#include "explain/doc.h"
#include "explain/explain.h"

#include <bprop/ops.h>

enum {
    IN = 10, HIDDEN = 20, OUT = 5, SAMPLES = 100,
    N_VARS = 6, N_PARAMS = 4, N_ROWS = 11,
    SEED = 1, STEPS = 10000
};
#define RATE 0.01

static const struct {
    const char *name;
    int64_t dims[2];
    double scale; /* of the normal numbers it is drawn from */
} vars[N_VARS] = {{"W1", {HIDDEN, IN}, 0.01}, {"b1", {HIDDEN, 1}, 0},
                  {"W2", {OUT, HIDDEN}, 0.01}, {"b2", {OUT, 1}, 0},
                  {"X", {IN, SAMPLES}, 1},     {"Y", {OUT, SAMPLES}, 1}};

/* One run of the program. */
typedef struct article_run {
    bool linear;  /* the output is without its sigmoid */
    double rate;
    int64_t step[N_ROWS];
    double j[N_ROWS], mse[N_ROWS];
    double fresh; /* the error on other samples */
} article_run;

typedef struct article {
    bp_explain *e;
    bp_store *s;
    bp_runtime *r;
    int64_t steps;
    double mean_mse;       /* of predicting each output's mean */
    double fresh_mean_mse; /* of predicting that mean on other samples */
    double worst, largest; /* of the gradients' difference; a gradient */
    int outside;
    double top;            /* the largest target */
    article_run as_it_is, linear, faster;
} article;

static bp_status compile(article *a, bp_graph *g, bp_program **p,
                         bp_error *err)
{
    const bp_graph *one[] = {g};
    bp_status st = g ? bp_compile(a->r, one, 1, NULL, p, err) : bp__oom(err);
    bp_graph_free(g);
    return st;
}

/* Runs a graph once. */
static bp_status run_once(article *a, bp_graph *g, bp_program **p,
                          bp_error *err)
{
    bp_status st = compile(a, g, p, err);
    return st ? st : bp_run(*p, err);
}

/* Draws variables first and up: from other streams for fresh data. */
static bp_status draw(article *a, int first, int stream, bp_error *err)
{
    bp_graph *g = bp_graph_new(&a->e->a);
    bp_program *p = NULL;
    int64_t four = 4;
    bp_val key = bp_const(g, BP_I32, 1, &four, (int32_t[]){SEED, 0, 0, 0});
    for (int i = first; i < N_VARS; i++) {
        bp_val n = bp_normal(g, key, BP_F64, 2, vars[i].dims, stream + i,
                             false);
        bp_update(g, a->s, vars[i].name, bp_mul_scalar(g, n, vars[i].scale));
    }
    bp_status st = run_once(a, g, &p, err);
    bp_program_free(p);
    return st;
}

typedef struct forward {
    bp_val v[N_VARS], a1, z2, a2, j;
} forward;

static void trace(article *a, bp_graph *g, bool linear, forward *f)
{
    for (int i = 0; i < N_VARS; i++)
        f->v[i] = bp_variable(g, a->s, vars[i].name);
    bp_val *v = f->v;
    bp_val z1 = bp_add(g, bp_matmul(g, v[0], v[4], false, false), v[1]);
    f->a1 = bp_sigmoid(g, z1);
    f->z2 = bp_add(g, bp_matmul(g, v[2], f->a1, false, false), v[3]);
    f->a2 = linear ? f->z2 : bp_sigmoid(g, f->z2);
    bp_val each = linear ? bp_mul_scalar(g, bp_square(g, bp_sub(g, f->a2,
                                                                v[5])), 0.5)
                         : bp_sigmoid_cross_entropy(g, f->z2, v[5]);
    f->j = bp_mul_scalar(g, bp_sum(g, each, 0, NULL, false), 1.0 / SAMPLES);
}

static bp_graph *step_graph(article *a, const article_run *run)
{
    bp_graph *g = bp_graph_new(&a->e->a);
    bp_val d[N_PARAMS];
    forward f;
    trace(a, g, run->linear, &f);
    bp_grad(g, f.j, f.v, N_PARAMS, d);
    for (int i = 0; i < N_PARAMS; i++)
        bp_update(g, a->s, vars[i].name,
                  bp_sub(g, f.v[i], bp_mul_scalar(g, d[i], run->rate)));
    return g;
}

static bp_graph *error_graph(article *a, bool linear)
{
    bp_graph *g = bp_graph_new(&a->e->a);
    forward f;
    trace(a, g, linear, &f);
    bp_val d = bp_square(g, bp_sub(g, f.a2, f.v[5]));
    bp_output(g, "J", f.j);
    bp_output(g, "mse", bp_mean(g, d, 0, NULL, false));
    return g;
}

static bp_status measure(bp_program *p, double *j, double *mse,
                         bp_error *err)
{
    bp_status st = bp_run(p, err);
    if (!st) {
        *j = bp__result_number(p, "J");
        *mse = bp__result_number(p, "mse");
    }
    return st;
}

/* From the same start on the same data, then on fresh data. */
static bp_status train(article *a, article_run *run, bp_error *err)
{
    bp_program *step = NULL, *error = NULL;
    double j;
    bp_status st = draw(a, 0, 0, err);
    if (!st)
        st = compile(a, step_graph(a, run), &step, err);
    if (!st)
        st = compile(a, error_graph(a, run->linear), &error, err);
    for (int64_t i = 0, row = 0; i <= a->steps && !st; i++) {
        if (i == a->steps * row / (N_ROWS - 1)) {
            run->step[row] = i;
            st = measure(error, &run->j[row], &run->mse[row], err);
            row++;
        }
        if (!st && i < a->steps)
            st = bp_run(step, err);
    }
    if (!st)
        st = draw(a, N_PARAMS, 100, err);
    if (!st)
        st = measure(error, &j, &run->fresh, err);
    bp_program_free(step);
    bp_program_free(error);
    return st;
}

/* ---- the program's own backward pass, beside the engine's -------------- */

/* Its lines, one by one. */
static void write_backward(bp_graph *g, const forward *f, bp_val d[N_PARAMS])
{
    const bp_val *v = f->v;
    int64_t axis = 1;
    double m = 1.0 / SAMPLES;
    bp_val dz2 = bp_sub(g, f->a2, v[5]);
    d[2] = bp_mul_scalar(g, bp_matmul(g, dz2, f->a1, false, true), m);
    d[3] = bp_mul_scalar(g, bp_sum(g, dz2, 1, &axis, true), m);
    bp_val one = bp_scalar(g, BP_F64, 1);
    bp_val slope = bp_mul(g, f->a1, bp_sub(g, one, f->a1));
    bp_val back = bp_matmul(g, v[2], dz2, true, false);
    bp_val dz1 = bp_mul(g, back, slope);
    d[0] = bp_mul_scalar(g, bp_matmul(g, dz1, v[4], false, true), m);
    d[1] = bp_mul_scalar(g, bp_sum(g, dz1, 1, &axis, true), m);
}

static bp_status compare_gradients(article *a, bp_error *err)
{
    bp_graph *g = bp_graph_new(&a->e->a);
    bp_program *p = NULL;
    bp_val own[N_PARAMS], d[N_PARAMS];
    char name[40];
    forward f;
    trace(a, g, false, &f);
    write_backward(g, &f, own);
    bp_grad(g, f.j, f.v, N_PARAMS, d);
    for (int i = 0; i < N_PARAMS; i++) {
        bp__snprintf(name, sizeof name, "own.%d", i);
        bp_output(g, name, own[i]);
        bp__snprintf(name, sizeof name, "engine.%d", i);
        bp_output(g, name, d[i]);
    }
    bp_status st = run_once(a, g, &p, err);
    for (int i = 0; i < N_PARAMS && !st; i++) {
        size_t bytes;
        bp__snprintf(name, sizeof name, "own.%d", i);
        const double *x = bp_result(p, name, &bytes);
        bp__snprintf(name, sizeof name, "engine.%d", i);
        const double *y = bp_result(p, name, &bytes);
        for (size_t k = 0; k < bytes / sizeof *x; k++) {
            double away = x[k] > y[k] ? x[k] - y[k] : y[k] - x[k];
            double size = y[k] < 0 ? -y[k] : y[k];
            a->worst = BP__MAX(a->worst, away);
            a->largest = BP__MAX(a->largest, size);
        }
    }
    bp_program_free(p);
    return st;
}

/* ---- the targets ------------------------------------------------------- */

static void output_means(const double *y, double mean[OUT])
{
    for (int i = 0; i < OUT; i++) {
        mean[i] = 0;
        for (int k = 0; k < SAMPLES; k++)
            mean[i] += y[i * SAMPLES + k] / SAMPLES;
    }
}

static double error_of_means(const double *y, const double mean[OUT])
{
    double sum = 0;
    for (int i = 0; i < OUT * SAMPLES; i++)
        sum += (y[i] - mean[i / SAMPLES]) * (y[i] - mean[i / SAMPLES]);
    return sum / (OUT * SAMPLES);
}

static bp_status look_at_targets(article *a, bp_error *err)
{
    double mean[OUT];
    const double *y = bp_store_read(a->s,
                                    (size_t)bp_store_find(a->s, "Y"));
    for (int i = 0; i < OUT * SAMPLES; i++) {
        a->outside += y[i] <= 0 || y[i] >= 1;
        a->top = BP__MAX(a->top, y[i]);
    }
    output_means(y, mean);
    a->mean_mse = error_of_means(y, mean);
    bp_status st = draw(a, N_PARAMS, 100, err);
    a->fresh_mean_mse = error_of_means(y, mean);
    return st;
}

/* J of one target at outputs z, by the engine's own loss. */
enum { N_Z = 6 };
static bp_status j_of_z(article *a, const double z[N_Z], double j[N_Z],
                        double y[N_Z], bp_error *err)
{
    bp_graph *g = bp_graph_new(&a->e->a);
    bp_program *p = NULL;
    int64_t n = N_Z;
    bp_val at = bp_const(g, BP_F64, 1, &n, z);
    bp_val t = bp_full(g, BP_F64, 1, &n, a->top);
    bp_output(g, "J", bp_sigmoid_cross_entropy(g, at, t));
    bp_output(g, "y", bp_sigmoid(g, at));
    bp_status st = run_once(a, g, &p, err);
    if (!st) {
        memcpy(j, bp_result(p, "J", NULL), N_Z * sizeof *j);
        memcpy(y, bp_result(p, "y", NULL), N_Z * sizeof *y);
    }
    bp_program_free(p);
    return st;
}

/* ---- the text ---------------------------------------------------------- */

static const char *whole(bp__doc *d, int64_t n)
{
    return bp__doc_printf(d, "%lld", (long long)n);
}

static void tell_run(bp__doc *d, const article_run *run)
{
    static const bp__message head[] = {BP__MSG_COL_STEP, BP__MSG_COL_J,
                                       BP__MSG_COL_MSE};
    const char **cell = bp__doc_table(d, N_ROWS, 3, head);
    for (int i = 0; cell && i < N_ROWS; i++, cell += 3) {
        cell[0] = whole(d, run->step[i]);
        cell[1] = bp__doc_number(d, run->j[i]);
        cell[2] = bp__doc_number(d, run->mse[i]);
    }
}

static void tell_program(article *a)
{
    bp__doc *d = a->e->doc;
    bp__doc_section(d, BP__PHASE_START, -1, BP__MSG_ART_TITLE, NULL);
    bp__doc_para(d, BP__MSG_ART_INTRO, whole(d, IN), whole(d, HIDDEN),
                 whole(d, OUT), whole(d, SAMPLES), whole(d, a->steps),
                 bp__doc_number(d, RATE), whole(d, SEED), NULL);
    bp__doc_math(d, "z_1 = W_1 X + b_1");
    bp__doc_math(d, "a_1 = σ(z_1)");
    bp__doc_math(d, "z_2 = W_2 a_1 + b_2");
    bp__doc_math(d, "a_2 = σ(z_2)");
    bp__doc_section(d, BP__PHASE_START, -1, BP__MSG_ART_GRADIENT, NULL);
    bp__doc_para(d, BP__MSG_ART_BACKWARD, NULL);
    bp__doc_math(d, "dz_2 = a_2 − Y");
    bp__doc_para(d, BP__MSG_ART_LOSS, NULL);
    bp__doc_math(d, "J = frac{1}{m} Σ (ln(1 + e^{z_2}) − z_2 Y)");
    bp__doc_para(d, BP__MSG_ART_NOT_SQUARED, NULL);
    bp__doc_math(d, "(a_2 − Y) a_2 (1 − a_2)");
    bp__doc_para(d, BP__MSG_ART_SAME, bp__doc_number(d, a->worst),
                 bp__doc_number(d, a->largest), NULL);
}

static bp_status tell_targets(article *a, bp_error *err)
{
    static const bp__message head[] = {BP__MSG_COL_Z, BP__MSG_COL_OUTPUT,
                                       BP__MSG_COL_J};
    static const double z[N_Z] = {0, 1, 10, 100, 1000, 10000};
    double j[N_Z], y[N_Z];
    bp__doc *d = a->e->doc;
    int all = OUT * SAMPLES;
    bp__doc_section(d, BP__PHASE_START, -1, BP__MSG_ART_TARGETS, NULL);
    bp__doc_para(d, BP__MSG_ART_OUTSIDE, whole(d, all), whole(d, a->outside),
                 bp__doc_number(d, 100.0 * a->outside / all), NULL);
    bp__doc_section(d, BP__PHASE_START, -1, BP__MSG_ART_UNBOUNDED, NULL);
    bp__doc_para(d, BP__MSG_ART_ONE_TARGET, bp__doc_number(d, a->top), NULL);
    bp_status st = j_of_z(a, z, j, y, err);
    const char **cell = st ? NULL : bp__doc_table(d, N_Z, 3, head);
    for (int i = 0; cell && i < N_Z; i++, cell += 3) {
        cell[0] = bp__doc_number(d, z[i]);
        cell[1] = bp__doc_number(d, y[i]);
        cell[2] = bp__doc_number(d, j[i]);
    }
    bp__doc_para(d, BP__MSG_ART_CHASE, NULL);
    return st;
}

static double last_error(const article_run *r)
{
    return r->mse[N_ROWS - 1];
}

static void tell_linear(article *a, const article_run *r)
{
    bp__doc *d = a->e->doc;
    double share = last_error(r) / a->mean_mse;
    tell_run(d, r);
    bp__doc_para(d, share < 0.95 ? BP__MSG_ART_LEARNS : BP__MSG_ART_LEARNS_NOT,
                 bp__doc_number(d, last_error(r)),
                 bp__doc_number(d, 100 * share),
                 bp__doc_number(d, 1 - share), NULL);
}

static void tell_training(article *a)
{
    bp__doc *d = a->e->doc;
    double mse = last_error(&a->as_it_is);
    bp__doc_section(d, BP__PHASE_START, -1, BP__MSG_ART_TRAINING, NULL);
    tell_run(d, &a->as_it_is);
    bp__doc_para(d, mse < 0.95 * a->mean_mse ? BP__MSG_ART_BETTER
                                             : BP__MSG_ART_NO_BETTER,
                 whole(d, a->steps), bp__doc_number(d, mse),
                 bp__doc_number(d, a->mean_mse),
                 bp__doc_number(d, 1 - mse / a->mean_mse), NULL);
    bp__doc_section(d, BP__PHASE_START, -1, BP__MSG_ART_CHANGE, NULL);
    bp__doc_para(d, BP__MSG_ART_ONE_LINE, NULL);
    bp__doc_math(d, "a_2 = z_2");
    bp__doc_math(d, "J = frac{1}{2 m} Σ (a_2 − Y)^2");
    bp__doc_math(d, "dz_2 = a_2 − Y");
    bp__doc_para(d, BP__MSG_ART_LINEAR_LOSS, NULL);
    bp__doc_para(d, BP__MSG_ART_LINEAR, bp__doc_number(d, a->linear.rate),
                 NULL);
    tell_linear(a, &a->linear);
    bp__doc_para(d, BP__MSG_ART_FASTER, bp__doc_number(d, a->faster.rate),
                 NULL);
    tell_linear(a, &a->faster);
    bp__doc_section(d, BP__PHASE_END, -1, BP__MSG_ART_BY_HEART, NULL);
    bp__doc_para(d, BP__MSG_ART_FRESH, whole(d, SAMPLES),
                 bp__doc_number(d, a->faster.fresh),
                 bp__doc_number(d, a->fresh_mean_mse), NULL);
}

static bp_status run_all(article *a, bp_error *err)
{
    a->as_it_is.rate = a->linear.rate = RATE;
    a->linear.linear = a->faster.linear = true;
    a->faster.rate = 10 * RATE;
    bp_status st = BP_OK;
    for (int i = 0; i < N_VARS && !st; i++)
        st = bp_store_add(a->s, vars[i].name, BP_VAR_PARAM, BP_F64, 2,
                          vars[i].dims, err);
    if (!st)
        st = draw(a, 0, 0, err);
    if (!st)
        st = compare_gradients(a, err);
    if (!st)
        st = look_at_targets(a, err);
    if (!st)
        st = train(a, &a->as_it_is, err);
    if (!st)
        st = train(a, &a->linear, err);
    if (!st)
        st = train(a, &a->faster, err);
    if (st)
        return st;
    tell_program(a);
    st = tell_targets(a, err);
    tell_training(a);
    if (!st && a->e->arena.failed)
        st = bp__oom(err);
    return st;
}

bp_status bp_explain_article(const bp_explain_options *o, int64_t steps,
                             bp_explain **out, bp_error *err)
{
    bp_error mine = {0};
    *out = NULL;
    if (steps < 0)
        return bp__error(err, BP_ERANGE, "bp_explain_article: %lld steps",
                         (long long)steps);
    bp_explain *e = bp__ex_new(o, &mine);
    if (!e)
        return bp__error(err, mine.status, "%s", mine.message);
    article a = {.e = e, .steps = steps ? steps : STEPS,
                 .s = bp_store_new(&e->a), .r = e->o.runtime};
    bp_runtime_options ro = {.size = sizeof ro, .allocator = &e->a};
    bp_runtime *own = NULL;
    e->doc = bp__doc_new(&e->arena, &e->a);
    bp_status st = a.s && e->doc ? BP_OK : bp__oom(&mine);
    if (!st && !a.r)
        st = bp_runtime_new(&ro, &own, &mine);
    if (own)
        a.r = own;
    if (!st)
        st = run_all(&a, &mine);
    bp_store_free(a.s);
    bp_runtime_free(own);
    e->o.runtime = NULL;
    if (st) {
        bp_explain_free(e);
        return bp__error(err, st, "%s", mine.message);
    }
    *out = e;
    return BP_OK;
}
