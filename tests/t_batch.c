/* See t_batch.h. */
#include "t_batch.h"

#include "exec/exec.h"
#include "t.h"

enum { T_BATCH_ROWS = 200, T_BATCH_FEW = 7 };

/* Numbers of all sizes in every weight and running statistic; positive ones in
 * variances. */
static void t_batch_fill(bp_store *s, uint64_t seed)
{
    bp_error err;
    for (size_t i = 0; i < bp_store_count(s); i++) {
        bp_var_info v;
        bp_store_info(s, i, &v);
        if (v.dtype != BP_F32 || v.kind > BP_VAR_BUFFER)
            continue;
        float *x = malloc(v.bytes + 1);
        bool var = strstr(v.name, "running_var") != NULL;
        double fan = v.rank > 1 ? (double)(v.bytes / 4) / (double)v.dims[0]
                                : 4;
        for (size_t k = 0; k < v.bytes / 4; k++)
            x[k] = (float)(var ? t_uniform(&seed, 0.5, 2)
                               : t_uniform(&seed, -1, 1) * sqrt(3 / fan));
        T_OK(bp_store_set(s, v.name, x, v.bytes, &err), &err);
        free(x);
    }
}

typedef struct t_batch {
    const bp_task *task;
    bp_store *store;
    const float *x;  /* the samples */
    int64_t row;     /* floats of one */
    double lo, hi;   /* of the inputs; whole numbers where lo is 0 */
    float *want;     /* of all samples, output after output */
    size_t n_want;
} t_batch;

static bp_program *t_batch_program(const t_batch *b, bp_runtime *r,
                                          int64_t rows)
{
    bp_error err = {BP_OK, ""};
    bp_trace_options o = {.size = sizeof o, .rows = rows};
    bp_program *p = NULL;
    bp_graph *g = bp_task_graph(b->task, b->store, BP_TASK_PREDICT, &o, NULL,
                                NULL);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    T_OK(bp_compile(r, (const bp_graph *const *)&g, 1, NULL, &p, &err), &err);
    T_OK(bp__lowered_verify(p->l, &err), &err);
    T_OK(bp__plan_verify(p->plan, p->l, &err), &err);
    bp_graph_free(g);
    return p;
}

/* Rows at .. at + rows; false where a bit differs. Twice, since what is kept
 * from the first run serves the second. */
static bool t_batch_same(const t_batch *b, bp_program *p, int64_t at,
                                int64_t rows)
{
    bp_error err = {BP_OK, ""};
    const bp__lowered *l = p->l;
    bool same = true;
    T_REQUIRE(l->n_inputs == 1);
    T_OK(bp_bind(p, l->inputs[0].name, b->x + at * b->row,
                 (size_t)(rows * b->row) * sizeof *b->x, &err), &err);
    for (int run = 0; run < 2; run++) {
        T_OK(bp_run(p, &err), &err);
        const float *want = b->want;
        for (size_t k = 0; k < l->n_outputs; k++) {
            size_t bytes;
            const char *y = bp_result(p, l->outputs[k].name, &bytes);
            size_t one = bytes / (size_t)rows;
            same = same && memcmp(y, (const char *)want + one * (size_t)at,
                                  bytes) == 0;
            want += one / sizeof *want * T_BATCH_ROWS;
        }
    }
    return same;
}

static void t_batch_want(t_batch *b, bp_runtime *r)
{
    bp_error err = {BP_OK, ""};
    bp_program *p = t_batch_program(b, r, T_BATCH_ROWS);
    const bp__lowered *l = p->l;
    const bp__type *t = &l->bufs[l->inputs[0].buf].type;
    uint64_t seed = 5;
    T_REQUIRE(l->n_inputs == 1 && t->dtype == BP_F32);
    b->row = bp__numel(t) / T_BATCH_ROWS;
    float *x = malloc((size_t)(b->row * T_BATCH_ROWS + 1) * sizeof *x);
    for (int64_t i = 0; i < b->row * T_BATCH_ROWS; i++) {
        double v = t_uniform(&seed, b->lo, b->hi);
        x[i] = (float)(b->lo == 0 ? floor(v) : v);
    }
    b->x = x;
    T_OK(bp_bind(p, l->inputs[0].name, x,
                 (size_t)(b->row * T_BATCH_ROWS) * sizeof *x, &err), &err);
    T_OK(bp_run(p, &err), &err);
    b->want = NULL;
    b->n_want = 0;
    for (size_t k = 0; k < l->n_outputs; k++) {
        size_t bytes;
        const void *y = bp_result(p, l->outputs[k].name, &bytes);
        b->want = realloc(b->want, b->n_want * sizeof(float) + bytes + 1);
        memcpy(b->want + b->n_want, y, bytes);
        b->n_want += bytes / sizeof(float);
    }
    bp_program_free(p);
}

/* slow: the level of plain C, which may be a hundred times slower, computes
 * single rows only. */
static void t_batch_level(const t_batch *b, bp_level level, int threads,
                                 bool slow, const char *what)
{
    bp_error err = {BP_OK, ""};
    bp_runtime *r = NULL;
    bp_runtime_options o = {.size = sizeof o, .threads = threads,
                            .level = level};
    T_OK(bp_runtime_new(&o, &r, &err), &err);
    bool plain = slow && level == BP_LEVEL_PLAIN;
    const int64_t rows[] = {1, T_BATCH_FEW, T_BATCH_ROWS};
    for (int i = 0; i < (plain ? 1 : 3); i++) {
        bp_program *p = t_batch_program(b, r, rows[i]);
        /* As if it were not too small for threads. */
        p->serial = bp_runtime_threads(r) == 1;
        for (int64_t at = 0; at + rows[i] <= T_BATCH_ROWS;
             at += rows[i] == 1 && !plain ? 67 : T_BATCH_ROWS - rows[i] + 1)
            T_CHECKF(t_batch_same(b, p, at, rows[i]),
                     "%s: rows %d to %d have other bits among %d than among "
                     "%d, at level %s on %d threads", what, (int)at,
                     (int)(at + rows[i] - 1), (int)rows[i], T_BATCH_ROWS,
                     bp_level_name(bp_runtime_level(r)), threads);
        bp_program_free(p);
    }
    bp_runtime_free(r);
}

void t_batch_check(const bp_task *task, double lo, double hi,
                                 bool slow, const char *what)
{
    bp_error err = {BP_OK, ""};
    bp_runtime *r = NULL;
    t_batch b = {.task = task, .store = bp_store_new(NULL), .lo = lo,
                 .hi = hi};
    bp_runtime_options o = {.size = sizeof o, .threads = 1};
    T_OK(bp_runtime_new(&o, &r, &err), &err);
    bp_program_free(t_batch_program(&b, r, 2)); /* makes the variables */
    t_batch_fill(b.store, 17);
    t_batch_want(&b, r);
    bp_runtime_free(r);
    for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++)
        for (int t = 1; t <= 3 && bp_level_available((bp_level)l); t += 2)
            t_batch_level(&b, (bp_level)l, t, slow, what);
    free((void *)(uintptr_t)b.x);
    free(b.want);
    bp_store_free(b.store);
}
