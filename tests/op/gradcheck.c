/* See gradcheck.h. */
#include "op/gradcheck.h"

#include "op/eval.h"
#include "t.h"

#include <bprop/ops.h>

enum { MAX_TENSORS = CASE_MAX_IN + BP__MAX_OUT, DIRECTIONS = 16 };
static const double STEP = 1e-4;

/* A tensor that the loss depends on: an input of the case, or a cotangent. */
typedef struct tensor {
    char name[16];
    bp_val v;
    int64_t n;
    double *data;
    int input; /* of the case; -1: a cotangent */
} tensor;

typedef struct checker {
    case_data d;
    int order;
    bp_graph *g;           /* loss and gradients */
    eval *e;
    tensor wrt[MAX_TENSORS];
    int n_wrt;
    double *rest[MAX_TENSORS]; /* fixed cotangents, freed at the end */
    char rest_name[MAX_TENSORS][16];
    int n_rest;
    uint64_t seed;
    bool nothing;          /* no float goes in, or none comes out */
    gradcheck r;
} checker;

static void fail(checker *k, const char *what, const char *why)
{
    char text[120];
    k->r.ok = false;
    k->r.err = INFINITY;
    snprintf(k->r.text, sizeof k->r.text, "%s, order %d: %s%.200s",
             case_text(&k->d, text), k->order, what, why);
}

static double *draw(checker *k, int64_t n, double lo, double hi)
{
    double *p = malloc((size_t)(n ? n : 1) * sizeof *p);
    T_REQUIRE(p != NULL);
    for (int64_t i = 0; i < n; i++)
        p[i] = t_uniform(&k->seed, lo, hi);
    return p;
}

/* An input of type t for a random cotangent; *leaf is what is bound. */
static bp_val cotangent(checker *k, const char *name, const bp__type *t,
                        bp_val *leaf)
{
    bp_graph *g = k->g;
    bool rows = t->varying && t->rank > 0 && t->dims[0] == bp_graph_rows(g);
    bp_val v = rows ? bp_batch_input(g, name, BP_F64, t->rank, t->dims)
                    : bp_input(g, name, BP_F64, t->rank, t->dims);
    *leaf = v;
    return t->varying && !rows ? bp_spread(g, v) : v;
}

static bp_val add_term(bp_graph *g, bp_val sum, bp_val a, bp_val b)
{
    bp_val s = bp_sum(g, bp_mul(g, a, b), 0, NULL, false);
    if (bp_val_varying(g, s))
        s = bp_psum(g, s);
    return bp_is_nil(sum) ? s : bp_add(g, sum, s);
}

static void add_wrt(checker *k, const char *name, bp_val v, double *data,
                    int input)
{
    tensor *t = &k->wrt[k->n_wrt++];
    snprintf(t->name, sizeof t->name, "%s", name);
    t->v = v;
    t->n = bp_val_numel(k->g, v);
    t->data = data;
    t->input = input;
}

/* A cotangent that stays as it is. */
static void add_rest(checker *k, const char *name, const bp__type *t)
{
    snprintf(k->rest_name[k->n_rest], sizeof k->rest_name[0], "%s", name);
    k->rest[k->n_rest++] = draw(k, bp__numel(t), -1, 1);
}

/* Random cotangents c for the float results; at order 2 they are inputs too.
 * Returns how many; -1: some are f32, and central differences need f64. */
static int result_cotangents(checker *k, const bp_val *out, int n_out,
                             bp_val *y, bp_val *c)
{
    char name[16];
    bp_val leaf;
    int n = 0;
    for (int i = 0; i < n_out; i++) {
        bp__type t = *bp__type_of(k->g, out[i]);
        if (t.dtype == BP_F32)
            return -1;
        if (t.dtype != BP_F64)
            continue;
        snprintf(name, sizeof name, "c%d", i);
        y[n] = out[i];
        c[n++] = cotangent(k, name, &t, &leaf);
        if (k->order == 2)
            add_wrt(k, name, leaf, draw(k, bp__numel(&t), -1, 1), -1);
        else
            add_rest(k, name, &t);
    }
    return n;
}

/* Random cotangents d for those gradients that there are: *n of them. */
static void gradient_cotangents(checker *k, bp_val *grad, bp_val *d, int *n)
{
    char name[16];
    bp_val leaf;
    int n_g = 0;
    for (int i = 0; i < *n; i++) {
        if (bp_is_nil(grad[i]))
            continue;
        bp__type t = *bp__type_of(k->g, grad[i]);
        snprintf(name, sizeof name, "d%d", i);
        d[n_g] = cotangent(k, name, &t, &leaf);
        add_rest(k, name, &t);
        grad[n_g++] = grad[i];
    }
    *n = n_g;
}

/* Outputs "loss" = <dy, y> and "g<i>", the gradient of wrt[i] if any. */
static void finish(checker *k, const bp_val *y, const bp_val *dy, int n)
{
    bp_graph *g = k->g;
    bp_val loss = BP_NIL, wrt[MAX_TENSORS], adj[MAX_TENSORS];
    char name[16];
    for (int i = 0; i < n; i++)
        loss = add_term(g, loss, dy[i], y[i]);
    for (int i = 0; i < k->n_wrt; i++)
        wrt[i] = k->wrt[i].v;
    bp_vjp(g, y, dy, (size_t)n, wrt, (size_t)k->n_wrt, adj);
    bp_output(g, "loss", loss);
    for (int i = 0; i < k->n_wrt && bp__ok(g); i++) {
        snprintf(name, sizeof name, "g%d", i);
        if (!bp_is_nil(adj[i]))
            bp_output(g, name, adj[i]);
    }
}

/* False: there is nothing to differentiate, or it went wrong. */
static bool build(checker *k)
{
    bp_val in[CASE_MAX_IN], out[BP__MAX_OUT], y[BP__MAX_OUT], c[BP__MAX_OUT];
    bp_val x[CASE_MAX_IN], grad[CASE_MAX_IN], d[CASE_MAX_IN];
    int n_out, n_x = 0;
    char name[16];
    k->g = case_graph(&k->d, in, out, &n_out);
    if (!k->g) {
        fail(k, "no graph", "");
        return false;
    }
    for (int i = 0; i < k->d.c->n_in; i++)
        if (case_differentiable(&k->d, i)) {
            snprintf(name, sizeof name, "x%d", i);
            add_wrt(k, name, in[i], k->d.in[i], i);
            x[n_x++] = in[i];
        }
    int n_y = result_cotangents(k, out, n_out, y, c);
    if (n_x == 0 || n_y <= 0) {
        k->nothing = true;
        return false;
    }
    if (k->order == 1) {
        finish(k, y, c, n_y);
    } else {
        bp_vjp(k->g, y, c, (size_t)n_y, x, (size_t)n_x, grad);
        gradient_cotangents(k, grad, d, &n_x);
        if (n_x)
            finish(k, grad, d, n_x);
    }
    if (bp_graph_status(k->g) != BP_OK)
        fail(k, "", bp_graph_error(k->g));
    return k->r.ok && n_x > 0;
}

static double loss_at(checker *k)
{
    if (!eval_run(k->e))
        return NAN;
    const double *l = eval_output(k->e, "loss", NULL);
    return l ? *l : NAN;
}

/* A random point of the unit sphere. */
static void direction(checker *k, int64_t n, double *u)
{
    double norm = 0;
    for (int64_t i = 0; i < n; i++) {
        u[i] = 0;
        for (int j = 0; j < 12; j++) /* nearly normal */
            u[i] += t_uniform(&k->seed, -0.5, 0.5);
        norm += u[i] * u[i];
    }
    for (int64_t i = 0; i < n; i++)
        u[i] /= sqrt(norm);
}

static double central_difference(checker *k, tensor *t, const double *u)
{
    double *x = malloc((size_t)t->n * sizeof *x), f[2];
    T_REQUIRE(x != NULL);
    for (int s = 0; s < 2; s++) {
        for (int64_t i = 0; i < t->n; i++)
            x[i] = t->data[i] + (s ? -STEP : STEP) * u[i];
        eval_bind(k->e, t->name, x);
        f[s] = loss_at(k);
    }
    eval_bind(k->e, t->name, t->data);
    free(x);
    return (f[0] - f[1]) / (2 * STEP);
}

static double norm_of(const double *g, int64_t n)
{
    double s = 0;
    for (int64_t i = 0; g && i < n; i++)
        s += g[i] * g[i];
    return sqrt(s);
}

static void compare(checker *k, tensor *t, const double *g, double all)
{
    double one = norm_of(g, t->n);
    double *u = malloc((size_t)t->n * sizeof *u);
    T_REQUIRE(u != NULL);
    for (int j = 0; j < DIRECTIONS; j++) {
        direction(k, t->n, u);
        double a = 0, fd = central_difference(k, t, u);
        for (int64_t i = 0; g && i < t->n; i++)
            a += g[i] * u[i];
        double scale = fmax(fmax(fabs(a), fabs(fd)),
                            fmax(1e-3 * one, 1e-4 * all));
        /* Not fmax(): a NaN must stay one. */
        double err = a == 0 && fd == 0 ? 0 : fabs(a - fd) / scale;
        bool worse = !(err <= k->r.err);
        k->r.ok &= err <= GRADCHECK_BOUND;
        if (worse && k->r.err == k->r.err) {
            char text[120];
            k->r.err = err;
            snprintf(k->r.text, sizeof k->r.text,
                     "%s, order %d, %s: gradient %.12g, central difference "
                     "%.12g, error %.3g, bound %g", case_text(&k->d, text),
                     k->order, t->name, a, fd, err, GRADCHECK_BOUND);
        }
    }
    free(u);
    if (t->input >= 0)
        k->r.inputs |= 1u << t->input;
}

static void check_all(checker *k)
{
    bp_error err = {0};
    double *g[MAX_TENSORS] = {0}, all = 0;
    char name[16];
    k->e = eval_new(k->g, &err);
    if (!k->e) {
        fail(k, "", err.message);
        return;
    }
    for (int i = 0; i < k->d.c->n_in; i++) {
        snprintf(name, sizeof name, "x%d", i);
        eval_bind(k->e, name, k->d.in[i]);
    }
    for (int i = 0; i < k->n_rest; i++)
        eval_bind(k->e, k->rest_name[i], k->rest[i]);
    for (int i = 0; i < k->n_wrt; i++)
        eval_bind(k->e, k->wrt[i].name, k->wrt[i].data);
    if (!eval_run(k->e))
        fail(k, "an input is unbound", "");
    for (int i = 0; i < k->n_wrt; i++) {
        snprintf(name, sizeof name, "g%d", i);
        const double *p = eval_output(k->e, name, NULL);
        size_t bytes = (size_t)k->wrt[i].n * sizeof *p;
        if (p && bytes) {
            g[i] = malloc(bytes);
            T_REQUIRE(g[i] != NULL);
            memcpy(g[i], p, bytes);
            all = hypot(all, norm_of(g[i], k->wrt[i].n));
        }
    }
    for (int i = 0; i < k->n_wrt; i++)
        if (k->wrt[i].n)
            compare(k, &k->wrt[i], g[i], all);
    for (int i = 0; i < k->n_wrt; i++)
        free(g[i]);
}

gradcheck gradcheck_case(bp__op op, int i, int order)
{
    static checker k;
    memset(&k, 0, sizeof k);
    k.order = order;
    k.r.ok = true;
    k.seed = (uint64_t)op * 1009 + (uint64_t)i * 17 + (uint64_t)order;
    case_draw(&k.d, op, i, BP_F64, 3);
    if (build(&k))
        check_all(&k);
    else if (order == 2 && k.r.ok && !k.nothing)
        /* The first gradient is a structural zero: so is the second. */
        for (int t = 0; t < k.n_wrt; t++)
            if (k.wrt[t].input >= 0 && k.wrt[t].n)
                k.r.inputs |= 1u << k.wrt[t].input;
    eval_free(k.e);
    bp_graph_free(k.g);
    for (int t = 0; t < k.n_wrt; t++)
        if (k.wrt[t].input < 0)
            free(k.wrt[t].data);
    for (int t = 0; t < k.n_rest; t++)
        free(k.rest[t]);
    case_free(&k.d);
    return k.r;
}
