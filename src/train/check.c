/* Gradients against central differences, orders 1 and 2, and f32 against f64.
 *
 * Order 1: along random unit directions d within each parameter tensor, the
 * gradient's g.d against (L(w + hd) - L(w - hd)) / 2h of the frozen graph.
 * Order 2: along random unit directions d over all parameters, the Hessian's
 * product Hd against (g(w + hd) - g(w - hd)) / 2h of the frozen graph, tensor
 * by tensor, in a random unit direction of each. */
#include "train/check.h"

#include "base/rng.h"
#include "fmt/array.h"

#include <math.h>

enum { CHECK_STREAM = 9001 };
#define CHECK_STEP 1e-4
#define CHECK_FINE 1e-7 /* errors above it are looked at more closely */

typedef struct checker {
    bp__point p; /* f64 */
    const bp_check_options *o;
    int directions;
    double bound, worst;
    int64_t n_failed;
    int64_t total;    /* elements of all parameters */
    double *base;     /* their values */
    double *dir, *other; /* work: directions */
    double *grad;     /* analytic gradient, or product */
    double *plus, *minus;
} checker;

static double *chunk(const checker *c, double *all, size_t tensor)
{
    for (size_t i = 0; i < tensor; i++)
        all += c->p.numel[i];
    return all;
}

static double dot(const double *a, const double *b, int64_t n)
{
    double s = 0;
    for (int64_t i = 0; i < n; i++)
        s += a[i] * b[i];
    return s;
}

static double norm(const double *a, int64_t n)
{
    return sqrt(dot(a, a, n));
}

static void unit_direction(const checker *c, double *d, int64_t n,
                           uint64_t which)
{
    bp__rng r = bp__rng_seed(c->o->seed, which, CHECK_STREAM);
    bp__rng_fill_normal_f64(&r, 0, (size_t)n, d);
    double len = norm(d, n);
    for (int64_t i = 0; i < n; i++)
        d[i] = len > 0 ? d[i] / len : 0;
}

/* w <- base + h d, for tensors [first, last). d: of those tensors. */
static void move(checker *c, size_t first, size_t last, const double *d,
                 double h)
{
    const double *base = chunk(c, c->base, first);
    for (size_t k = first; k < last; k++) {
        int64_t n = c->p.numel[k];
        for (int64_t i = 0; i < n; i++)
            c->p.data[k][i] = base[i] + h * d[i];
        base += n;
        d += n;
    }
}

static void judge(checker *c, size_t tensor, int order, double error)
{
    bp_check_tensor r = {c->p.param[tensor], order, error,
                         error <= c->bound};
    if (!r.ok)
        c->n_failed++;
    if (!(error <= c->worst)) /* a NaN is the worst, and stays */
        c->worst = error;
    if (c->o->on_tensor)
        c->o->on_tensor(c->o->user, &r);
}

static double largest(double a, double b)
{
    return a > b ? a : b;
}

/* |a - b| / scale; 0 where both vanish. */
static double relative(double a, double b, double scale)
{
    double d = a > b ? a - b : b - a;
    if (a == b)
        return 0;
    return d / largest(scale, largest(a < 0 ? -a : a, b < 0 ? -b : b));
}

/* The worse of two errors; NaN wins. */
static double worse(double a, double b)
{
    return !(b <= a) ? b : a;
}

static bp_status read_tensors(const checker *c, const bp_program *p,
                              const char *prefix, bool by_name, double *to,
                              bp_error *err)
{
    char name[300];
    for (size_t i = 0; i < c->p.n_params; i++) {
        size_t bytes = 0, want = (size_t)c->p.numel[i] * sizeof *to;
        if (by_name)
            bp__snprintf(name, sizeof name, "%s.%s", prefix, c->p.param[i]);
        else
            bp__snprintf(name, sizeof name, "%s.%zu", prefix, i);
        const void *r = bp_result(p, name, &bytes);
        if (r && bytes == want)
            memcpy(to, r, want);
        else if (r || by_name)
            return bp__error(err, BP_EBUG, "no result '%s'", name);
        else
            memset(to, 0, want); /* structurally zero */
        to += c->p.numel[i];
    }
    return BP_OK;
}

/* ---- order 1 ------------------------------------------------------------ */

static bp_status loss_at(checker *c, bp_program *frozen, size_t tensor,
                         double h, double *loss, bp_error *err)
{
    move(c, tensor, tensor + 1, c->dir, h);
    bp_status st = bp_run(frozen, err);
    *loss = bp__result_number(frozen, "objective");
    return st;
}

static bp_status check_tensor(checker *c, bp_program *frozen, size_t k,
                              bp_error *err)
{
    int64_t n = c->p.numel[k];
    const double *g = chunk(c, c->grad, k);
    double scale = largest(1e-3 * norm(g, n), 1e-4 * norm(c->grad, c->total));
    double error = 0;
    bp_status st = BP_OK;
    for (int i = 0; i < c->directions && !st; i++) {
        double up = 0, down = 0;
        unit_direction(c, c->dir, n, (uint64_t)k << 20 | (uint64_t)i);
        st = loss_at(c, frozen, k, CHECK_STEP, &up, err);
        if (!st)
            st = loss_at(c, frozen, k, -CHECK_STEP, &down, err);
        double a = dot(g, c->dir, n), fd = (up - down) / (2 * CHECK_STEP);
        double e = relative(a, fd, scale);
        if (!st && !(e <= CHECK_FINE)) {
            /* Perhaps the third derivative: two more points remove it. */
            double up2 = 0, down2 = 0;
            st = loss_at(c, frozen, k, 2 * CHECK_STEP, &up2, err);
            if (!st)
                st = loss_at(c, frozen, k, -2 * CHECK_STEP, &down2, err);
            fd = (8 * (up - down) - (up2 - down2)) / (12 * CHECK_STEP);
            e = relative(a, fd, scale);
        }
        error = worse(error, e);
    }
    move(c, k, k + 1, c->dir, 0);
    if (!st)
        judge(c, k, 1, error);
    return st;
}

static bp_status check_order_1(checker *c, bp_error *err)
{
    bp_program *frozen = NULL, *tested = NULL;
    bp_status st = bp__point_gradient(&c->p, &tested, err);
    if (!st)
        st = bp__point_bind(&c->p, tested, NULL, err);
    if (!st)
        st = bp_run(tested, err);
    if (!st)
        st = read_tensors(c, tested, "grad", true, c->grad, err);
    if (!st)
        st = bp__point_frozen(&c->p, true, false, &frozen, err);
    if (!st)
        st = bp__point_bind(&c->p, frozen, &c->p, err);
    for (size_t k = 0; k < c->p.n_params && !st; k++)
        st = check_tensor(c, frozen, k, err);
    bp_program_free(frozen);
    bp_program_free(tested);
    return st;
}

/* ---- order 2 ------------------------------------------------------------ */

static bp_status gradient_at(checker *c, bp_program *frozen, double h,
                             double *to, bp_error *err)
{
    move(c, 0, c->p.n_params, c->dir, h);
    bp_status st = bp_run(frozen, err);
    return st ? st : read_tensors(c, frozen, "grad", false, to, err);
}

static bp_status bind_directions(checker *c, bp_program *p, bp_error *err)
{
    bp_status st = BP_OK;
    char name[40];
    for (size_t i = 0; i < c->p.n_params && !st; i++) {
        bp__snprintf(name, sizeof name, "direction.%zu", i);
        st = bp_bind(p, name, chunk(c, c->dir, i),
                     (size_t)c->p.numel[i] * sizeof(double), err);
    }
    return st;
}

static void compare_products(checker *c, int which, double gradient,
                             double *error)
{
    double all = norm(c->grad, c->total);
    for (size_t k = 0; k < c->p.n_params; k++) {
        int64_t n = c->p.numel[k];
        const double *a = chunk(c, c->grad, k);
        const double *up = chunk(c, c->plus, k);
        const double *down = chunk(c, c->minus, k);
        unit_direction(c, c->other, n,
                       (uint64_t)1 << 50 | (uint64_t)k << 20 |
                           (uint64_t)which);
        double fd = (dot(up, c->other, n) - dot(down, c->other, n)) /
                    (2 * CHECK_STEP);
        double scale = largest(1e-3 * norm(a, n), 1e-4 * all);
        /* A difference of gradients is no finer than their own size lets. */
        scale = largest(scale, 1e-5 * gradient);
        error[k] = worse(error[k], relative(dot(a, c->other, n), fd, scale));
    }
}

static bp_status check_direction(checker *c, bp_program *frozen,
                                 bp_program *tested, int which, double *error,
                                 bp_error *err)
{
    unit_direction(c, c->dir, c->total, (uint64_t)1 << 60 | (uint64_t)which);
    move(c, 0, c->p.n_params, c->dir, 0);
    bp_status st = bp_run(tested, err);
    if (!st)
        st = read_tensors(c, tested, "product", false, c->grad, err);
    if (!st)
        st = gradient_at(c, frozen, CHECK_STEP, c->plus, err);
    if (!st)
        st = gradient_at(c, frozen, -CHECK_STEP, c->minus, err);
    if (!st)
        compare_products(c, which, norm(c->plus, c->total), error);
    move(c, 0, c->p.n_params, c->dir, 0);
    return st;
}

static bp_status check_order_2(checker *c, bp_error *err)
{
    bp_program *frozen = NULL, *tested = NULL;
    double *error = bp__arena_array(&c->p.arena, c->p.n_params + 1,
                                    sizeof *error);
    bp_status st = error ? bp__point_hessian(&c->p, &tested, err)
                         : bp__oom(err);
    if (!st)
        st = bp__point_bind(&c->p, tested, NULL, err);
    if (!st)
        st = bind_directions(c, tested, err);
    if (!st)
        st = bp__point_frozen(&c->p, true, true, &frozen, err);
    if (!st)
        st = bp__point_bind(&c->p, frozen, &c->p, err);
    for (int i = 0; i < c->directions && !st; i++)
        st = check_direction(c, frozen, tested, i, error, err);
    for (size_t k = 0; k < c->p.n_params && !st; k++)
        judge(c, k, 2, error[k]);
    bp_program_free(frozen);
    bp_program_free(tested);
    return st;
}

/* ---- f32 ---------------------------------------------------------------- */

/* The f64 point takes the f32 one's parameters. */
static void widen_parameters(checker *c, const bp__point *narrow)
{
    for (size_t i = 0; i < c->p.n_params; i++) {
        int64_t k = bp_store_find(narrow->store, c->p.param[i]);
        const float *from = bp_store_read(narrow->store, (size_t)k);
        for (int64_t j = 0; j < c->p.numel[i]; j++)
            c->p.data[i][j] = (double)from[j];
    }
}

static bp_status compare_f32(checker *c, const bp_program *tested,
                             bp_error *err)
{
    double all = norm(c->grad, c->total);
    for (size_t k = 0; k < c->p.n_params; k++) {
        char name[300];
        size_t bytes = 0;
        const double *right = chunk(c, c->grad, k);
        bp__snprintf(name, sizeof name, "grad.%s", c->p.param[k]);
        const float *g = bp_result(tested, name, &bytes);
        if (!g || bytes != (size_t)c->p.numel[k] * sizeof *g)
            return bp__error(err, BP_EBUG, "no result '%s'", name);
        double s = 0;
        for (int64_t i = 0; i < c->p.numel[k]; i++) {
            double d = (double)g[i] - right[i];
            s += d * d;
        }
        judge(c, k, 0, s == 0 ? 0 : sqrt(s) / all);
    }
    return BP_OK;
}

static bp_status check_f32(checker *c, bp__point *narrow, bp_error *err)
{
    bp_program *frozen = NULL, *tested = NULL;
    bp_status st = bp__point_probe(narrow, false, err);
    widen_parameters(c, narrow);
    if (!st)
        st = bp__point_frozen(&c->p, false, true, &frozen, err);
    if (!st)
        st = bp__point_bind(&c->p, frozen, narrow, err);
    if (!st)
        st = bp_run(frozen, err);
    if (!st)
        st = read_tensors(c, frozen, "grad", false, c->grad, err);
    if (!st)
        st = bp__point_gradient(narrow, &tested, err);
    if (!st)
        st = bp__point_bind(narrow, tested, NULL, err);
    if (!st)
        st = bp_run(tested, err);
    if (!st)
        st = compare_f32(c, tested, err);
    bp_program_free(frozen);
    bp_program_free(tested);
    return st;
}

/* ---- set up -------------------------------------------------------------- */

static bp_status allocate_work(checker *c, bp_error *err)
{
    double **work[] = {&c->base, &c->dir, &c->other, &c->grad, &c->plus,
                       &c->minus};
    for (size_t i = 0; i < c->p.n_params; i++)
        c->total += c->p.numel[i];
    for (size_t i = 0; i < BP__ARRAY_LEN(work); i++)
        *work[i] = bp__arena_array(&c->p.arena, (size_t)c->total + 1,
                                   sizeof **work[i]);
    if (c->p.arena.failed)
        return bp__oom(err);
    double *to = c->base;
    for (size_t i = 0; i < c->p.n_params; i++) {
        memcpy(to, c->p.data[i], (size_t)c->p.numel[i] * sizeof *to);
        to += c->p.numel[i];
    }
    return BP_OK;
}

static int64_t io_numel(const bp_nn_io *io)
{
    int64_t n = 1;
    for (int i = 0; i < io->rank; i++)
        n *= io->dims[i];
    return n;
}

/* A float tensor of the batch in the point's type: the caller's numbers, or
 * standard normal ones. */
static void *make_floats(bp__point *p, const float *given, int64_t n,
                         uint64_t seed, uint64_t which)
{
    bool wide = p->task.dtype == BP_F64;
    bp__rng r = bp__rng_seed(seed, which, CHECK_STREAM + 1);
    double *d = NULL;
    float *f = bp__arena_array(&p->arena, (size_t)n + 1, sizeof *f);
    if (wide)
        d = bp__arena_array(&p->arena, (size_t)n + 1, sizeof *d);
    for (int64_t i = 0; f && i < n; i++) {
        f[i] = given ? given[i]
                     : bp__rng_normal_f32(&r, (uint64_t)i);
        if (d)
            d[i] = (double)f[i];
    }
    return wide ? (void *)d : (void *)f;
}

/* n whole numbers: the caller's, or random ones below `below`. */
static int32_t *make_whole(bp__point *p, const int32_t *given, int64_t n,
                           int64_t below, uint64_t seed, uint64_t which)
{
    bp__rng r = bp__rng_seed(seed, which, CHECK_STREAM + 2);
    int32_t *t = bp__arena_array(&p->arena, (size_t)n + 1, sizeof *t);
    for (int64_t i = 0; t && i < n; i++)
        t[i] = given ? given[i]
                     : (int32_t)bp__rng_below(&r, (uint64_t)i,
                                              (uint64_t)below);
    return t;
}

static void make_input(bp__point *p, const bp_check_options *o, size_t i,
                       int64_t below)
{
    bp_nn_io io;
    bp__task_input(&p->task, i, &io);
    int64_t n = p->rows * io_numel(&io);
    size_t bytes = (size_t)n * bp_dtype_bytes(io.dtype);
    const void *given = o->input[i];
    if (bp__is_whole(io.dtype) && io.dtype != BP_I32) {
        /* 0 or 1 is in range wherever anything is. */
        uint8_t *u = bp__arena_array(&p->arena, bytes + 1, 1);
        bp__rng r = bp__rng_seed(o->seed, 100 + i, CHECK_STREAM + 2);
        for (int64_t k = 0; u && k < n; k++)
            u[k] = given ? ((const uint8_t *)given)[k]
                         : (uint8_t)bp__rng_below(&r, (uint64_t)k,
                                                  below == 1 ? 1 : 2);
        p->input[i] = u;
    } else if (io.dtype == BP_I32) {
        p->input[i] = make_whole(p, given, n, below ? below : 2, o->seed,
                                 100 + i);
    } else if (below && !given) { /* floats that hold row numbers */
        int32_t *t = make_whole(p, NULL, n, below, o->seed, 100 + i);
        float *f = bp__arena_array(&p->arena, (size_t)n + 1, sizeof *f);
        for (int64_t k = 0; t && f && k < n; k++)
            f[k] = (float)t[k];
        p->input[i] = make_floats(p, f, n, o->seed, i);
    } else {
        p->input[i] = make_floats(p, given, n, o->seed, i);
    }
    p->input_bytes[i] = bytes;
}

static bp_status make_batch(bp__point *p, const bp_check_options *o,
                            bp_error *err)
{
    bp__type out;
    int64_t below[BP_NN_MAX_INPUTS] = {0};
    bp_status st = bp__task_look(&p->task, p->store, &p->a, &out, below, err);
    if (st)
        return st;
    for (size_t i = 0; i < bp__task_inputs(&p->task); i++)
        make_input(p, o, i, below[i]);
    int64_t n = p->rows * io_numel(&p->task.target);
    int64_t classes = bp__task_classes(&p->task, &out);
    if (classes) {
        p->target = make_whole(p, o->target, n, classes, o->seed, 0);
        p->target_bytes = (size_t)n * sizeof(int32_t);
    } else {
        p->target = make_floats(p, o->target, n, o->seed, 99);
        p->target_bytes = (size_t)n * bp_dtype_bytes(p->task.dtype);
    }
    return p->arena.failed ? bp__oom(err) : BP_OK;
}

static bp_status open_point(bp__point *p, const bp_task *task, bp_dtype dtype,
                            const bp_check_options *o, const bp_allocator *a,
                            bp_runtime *r, bp_error *err)
{
    bp_task t = *task;
    t.dtype = dtype;
    if (t.target.dtype != BP_I32)
        t.target.dtype = dtype;
    bp_status st = bp__point_init(p, a, &t, o->rows ? o->rows : 4, r, err);
    p->compile.no_pass = o->no_pass;
    p->compile.no_kernel = o->no_kernel;
    return st ? st : make_batch(p, o, err);
}

static bp_status run_checks(checker *c, const bp_task *task,
                            const bp_allocator *a, bp_runtime *r,
                            bp_error *err)
{
    const bp_check_options *o = c->o;
    bp__point narrow = {0};
    bp_status st = open_point(&c->p, task, BP_F64, o, a, r, err);
    if (!st)
        st = allocate_work(c, err);
    if (!st && o->dtype == BP_F32) {
        st = open_point(&narrow, task, BP_F32, o, a, r, err);
        if (!st)
            st = check_f32(c, &narrow, err);
        bp__point_free(&narrow);
        return st;
    }
    if (!st)
        st = bp__point_probe(&c->p, true, err);
    if (!st)
        st = check_order_1(c, err);
    return st ? st : check_order_2(c, err);
}

bp_status bp_check_gradients(const bp_task *task,
                             const bp_check_options *given, double *worst,
                             int64_t *n_failed, bp_error *err)
{
    bp_error own = {0};
    err = err ? err : &own;
    bp_check_options all, *o = &all;
    bp_task whole;
    bp_status st = BP__OPTIONS(o, given, bp_check_options, err);
    if (!st && !task)
        st = bp__error(err, BP_EARG, "bp_check_gradients needs a task");
    if (!st)
        st = BP__OPTIONS(&whole, task, bp_task, err);
    if (st)
        return st;
    task = &whole;
    const bp_allocator *a = o->allocator ? o->allocator
                                         : &bp__malloc_allocator;
    bp_runtime *r = o->runtime;
    if (!r) {
        bp_runtime_options ro = {.size = sizeof ro, .allocator = a};
        st = bp_runtime_new(&ro, &r, err);
    }
    if (st)
        return st;
    checker c = {.o = o, .directions = o->directions ? o->directions : 16};
    c.bound = o->bound > 0 ? o->bound : o->dtype == BP_F32 ? 1e-5 : 1e-6;
    st = run_checks(&c, task, a, r, err);
    bp__point_free(&c.p);
    if (!o->runtime)
        bp_runtime_free(r);
    *worst = c.worst;
    *n_failed = c.n_failed;
    return st;
}
