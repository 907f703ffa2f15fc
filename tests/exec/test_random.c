/* Random graphs through everything: each pass and each kernel on and off, 1
 * and 3 threads, every level, several shards, against the interpreter over
 * reference kernels. Bits where only order or place may differ; a bound where
 * sums are added in another order. */
#include "exec/random_graph.h"

#include "exec/exec.h"
#include "op/eval.h"

enum { MAX_RESULTS = 100, STEPS = 2 };

/* What two steps have left behind. */
typedef struct results {
    int n;
    struct {
        char name[16];
        size_t numel, bytes;
        void *raw;
        double *v;
    } at[MAX_RESULTS];
} results;

static rg_inputs in;

static void results_free(results *r)
{
    for (int i = 0; i < r->n; i++) {
        free(r->at[i].raw);
        free(r->at[i].v);
    }
    r->n = 0;
}

static void results_add(results *r, const char *name, int dtype,
                        const void *data, size_t bytes)
{
    T_REQUIRE(r->n < MAX_RESULTS && data != NULL);
    size_t n = bytes / bp_dtype_bytes((bp_dtype)dtype);
    snprintf(r->at[r->n].name, sizeof r->at[r->n].name, "%s", name);
    r->at[r->n].numel = n;
    r->at[r->n].bytes = bytes;
    r->at[r->n].raw = malloc(bytes ? bytes : 1);
    r->at[r->n].v = malloc((n ? n : 1) * sizeof(double));
    T_REQUIRE(r->at[r->n].raw && r->at[r->n].v);
    memcpy(r->at[r->n].raw, data, bytes);
    for (size_t i = 0; i < n; i++)
        r->at[r->n].v[i] = dtype == BP_F64   ? ((const double *)data)[i]
                           : dtype == BP_F32 ? ((const float *)data)[i]
                           : dtype == BP_I32 ? ((const int32_t *)data)[i]
                                             : ((const uint8_t *)data)[i];
    r->n++;
}

static void add_store(results *r, bp_store *st)
{
    for (size_t i = 0; i < bp_store_count(st); i++) {
        bp_var_info info;
        bp_store_info(st, i, &info);
        char name[16];
        snprintf(name, sizeof name, "@%s", info.name);
        results_add(r, name, info.dtype, bp_store_data(st, i), info.bytes);
    }
}

static bool same_bits(const results *a, const results *b, const char **where)
{
    *where = "count";
    if (a->n != b->n)
        return false;
    for (int i = 0; i < a->n; i++) {
        *where = a->at[i].name;
        if (strcmp(a->at[i].name, b->at[i].name) != 0 ||
            a->at[i].bytes != b->at[i].bytes ||
            memcmp(a->at[i].raw, b->at[i].raw, a->at[i].bytes) != 0)
            return false;
    }
    return true;
}

/* The worst difference of any tensor, over that tensor's largest element (or
 * a thousandth of the largest gradient). NaN and missing tensors: infinite. */
static double distance(const results *a, const results *b, const char **where)
{
    double worst = 0, largest = 0;
    *where = "count";
    if (a->n != b->n)
        return INFINITY;
    for (int i = 0; i < a->n; i++)
        if (a->at[i].name[0] == 'd')
            for (size_t k = 0; k < a->at[i].numel; k++)
                largest = fmax(largest, fabs(a->at[i].v[k]));
    for (int i = 0; i < a->n; i++) {
        double scale = 1e-3 * largest, diff = 0;
        if (a->at[i].numel != b->at[i].numel)
            return INFINITY;
        for (size_t k = 0; k < a->at[i].numel; k++) {
            double d = fabs(a->at[i].v[k] - b->at[i].v[k]);
            scale = fmax(scale, fabs(a->at[i].v[k]));
            diff = d <= diff ? diff : d;
        }
        double e = scale > 0 ? diff / scale : diff;
        if (!(e <= worst)) {
            worst = e;
            *where = a->at[i].name;
        }
        if (isnan(e))
            return INFINITY;
    }
    return worst;
}

/* ---- the two ways -------------------------------------------------------------*/

static void interpret(const rg_spec *r, results *out)
{
    bp_error err = {BP_OK, ""};
    bp_store *st = bp_store_new(NULL);
    bp_graph *g = rg_trace(r, st, 1, RG_ROWS);
    rg_note_ops(g);
    eval *e = eval_new(g, &err);
    T_CHECKF(e != NULL, "seed %d: %s", (int)r->seed, err.message);
    if (!e)
        exit(t_end());
    eval_bind(e, "x", r->dtype == BP_F64 ? (void *)in.xd : in.xf);
    eval_bind(e, "c", r->dtype == BP_F64 ? (void *)in.cd : in.cf);
    eval_bind(e, "t", in.target);
    for (int i = 0; i < STEPS; i++) {
        T_REQUIRE(eval_run(e));
        T_CHECK(eval_faults(e) == 0);
        for (size_t k = 0; i == STEPS - 1 && k < g->n_outputs; k++) {
            bp__type t;
            const void *data = eval_output(e, g->outputs[k].name, &t);
            results_add(out, g->outputs[k].name, t.dtype, data,
                        bp__type_bytes(&t));
        }
        eval_commit(e);
    }
    add_store(out, st);
    eval_free(e);
    bp_graph_free(g);
    bp_store_free(st);
}

typedef struct variant {
    int64_t shards;
    int threads;
    bp_level level;
    const char *no_pass, *no_kernel;
    bool keep_all;
} variant;

/* Names of the kernels that programs have called, but for ref's. */
static const char *kernels[64];
static int n_kernels;

static void note_kernels(const bp_program *p)
{
    for (size_t c = 0; c < p->l->n_calls; c++) {
        const char *name = p->l->calls[c].kernel;
        if (strncmp(name, "ref.", 4) == 0)
            continue;
        int i = 0;
        while (i < n_kernels && strcmp(kernels[i], name) != 0)
            i++;
        if (i == n_kernels && n_kernels < 64)
            kernels[n_kernels++] = name;
    }
}

static void compile_and_run(const rg_spec *r, const variant *v, results *out)
{
    bp_error err = {BP_OK, ""};
    bp_runtime *rt;
    bp_runtime_options ro = {.size = sizeof ro, .threads = v->threads,
                             .level = v->level};
    T_OK(bp_runtime_new(&ro, &rt, &err), &err);
    bp_store *st = bp_store_new(NULL);
    int64_t big = (RG_ROWS + v->shards - 1) / v->shards;
    int64_t small = RG_ROWS / v->shards;
    bp_graph *g[2] = {rg_trace(r, st, v->shards, big), NULL};
    size_t n = 1;
    if (small != big && small)
        g[n++] = rg_trace(r, st, v->shards, small);
    bp_compile_options o = {.size = sizeof o, .no_pass = v->no_pass,
                            .no_kernel = v->no_kernel,
                            .keep_all = v->keep_all};
    bp_program *p;
    T_OK(bp_compile(rt, (const bp_graph *const *)g, n, &o, &p, &err), &err);
    T_CHECKF(bp__lowered_verify(p->l, &err) == BP_OK, "seed %d: %s", (int)r->seed, err.message);
    T_OK(bp__plan_verify(p->plan, p->l, &err), &err);
    p->serial = v->threads == 1; /* small as these are, threads shall work */
    note_kernels(p);
    rg_bind(p, &in, r->dtype);
    for (int i = 0; i < STEPS; i++)
        T_OK(bp_run(p, &err), &err);
    for (size_t k = 0; k < g[0]->n_outputs; k++) {
        size_t bytes;
        const char *name = g[0]->outputs[k].name;
        const void *data = bp_result(p, name, &bytes);
        int dtype = g[0]->values[g[0]->outputs[k].value].type.dtype;
        results_add(out, name, dtype, data, bytes);
    }
    bp_program_stats ps = {.size = sizeof ps};
    bp_program_get_stats(p, &ps);
    T_CHECK(ps.calls_made == ps.calls ||
            ps.calls_made == ps.calls + ps.kept_calls);
    add_store(out, st);
    bp_graph_free(g[0]);
    bp_graph_free(g[1]);
    bp_program_free(p);
    bp_store_free(st);
    bp_runtime_free(rt);
}

/* ---- comparing -----------------------------------------------------------------*/

static void expect_bits(const rg_spec *r, const results *base,
                        const variant *v, const char *what)
{
    results got = {0};
    const char *where, *at;
    compile_and_run(r, v, &got);
    bool same = same_bits(base, &got, &where);
    T_CHECKF(same, "seed %d, %s: bits of %s differ, %s (by %g)",
             (int)r->seed, bp_dtype_name(r->dtype), where, what,
             distance(base, &got, &at));
    results_free(&got);
}

static double worst_f32, worst_kernel, worst_shards[2];

static void expect_near(const rg_spec *r, const results *base,
                        const variant *v, double bound, double *worst,
                        const char *what)
{
    results got = {0};
    const char *where;
    compile_and_run(r, v, &got);
    double d = distance(base, &got, &where);
    T_CHECKF(d <= bound, "seed %d, %s: %s differs %s by %g", (int)r->seed,
             bp_dtype_name(r->dtype), where, what, d);
    *worst = d <= *worst ? *worst : d;
    results_free(&got);
}

static const char *const passes[] = {"all", "cse", "dce", "constants", "fuse",
                                     "inplace", "order", "plan", "poolmask",
                                     "kept"};

static void check_graph(const rg_spec *r, int round)
{
    bool f64 = r->dtype == BP_F64;
    results oracle = {0}, base = {0};
    const variant plain = {.shards = 1, .threads = 1};
    const char *where;
    double bound = f64 ? 1e-10 : r->order == 2 ? 1e-3 : 2e-4;
    interpret(r, &oracle);
    compile_and_run(r, &plain, &base);
    double d = distance(&oracle, &base, &where);
    T_CHECKF(d <= bound, "seed %d, %s: %s is off by %g", (int)r->seed,
             bp_dtype_name(r->dtype), where, d);
    if (!f64)
        worst_f32 = d <= worst_f32 ? worst_f32 : d;
    variant v = plain;
    v.threads = 3;
    expect_bits(r, &base, &v, "with three threads");
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
        v.no_pass = passes[i];
        expect_bits(r, &base, &v, passes[i]);
    }
    v.no_pass = NULL;
    v.keep_all = true;
    expect_bits(r, &base, &v, "with all values kept");
    v.keep_all = false;
    for (int l = BP_LEVEL_PLAIN; !f64 && l <= BP_LEVEL_AVX512; l++) {
        v.level = (bp_level)l;
        if (bp_level_available(v.level))
            expect_bits(r, &base, &v, bp_level_name(v.level));
    }
    v.level = BP_LEVEL_AUTO;
    v.no_kernel = "all";
    if (f64)
        expect_bits(r, &base, &v, "without kernels");
    else
        expect_near(r, &base, &v, bound, &worst_kernel, "without kernels");
    for (int i = 0; !f64 && i < n_kernels; i++) {
        v.no_kernel = kernels[i];
        expect_near(r, &base, &v, bound, &worst_kernel, kernels[i]);
    }
    v.no_kernel = NULL;
    v.shards = (int64_t[]){2, 3, 8}[round % 3];
    expect_near(r, &base, &v, bound, &worst_shards[f64], "in shards");
    v.no_pass = "all";
    expect_near(r, &base, &v, bound, &worst_shards[f64],
                "in shards, without passes");
    results_free(&oracle);
    results_free(&base);
}

int main(int argc, char **argv)
{
    rg_draw_inputs(&in);
    int from = argc > 1 ? atoi(argv[1]) : 1;
    int to = argc > 2 ? atoi(argv[2]) : from + (argc > 1 ? 0 : 59);
    for (int i = from; i <= to; i++) {
        rg_spec r = {.seed = (uint64_t)i, .n_ops = 6 + i % 18,
                     .order = 1 + (i % 4 == 3)};
        r.dtype = BP_F64;
        check_graph(&r, i);
        r.dtype = BP_F32;
        check_graph(&r, i);
    }
    const char *missing[BP__N_OPS];
    int n = rg_ops_seen(missing, BP__N_OPS);
    printf("%d ops seen; not:", n);
    for (int i = 0; missing[i]; i++)
        printf(" %s", missing[i]);
    printf("\nkernels:");
    for (int i = 0; i < n_kernels; i++)
        printf(" %s", kernels[i]);
    printf("\nworst: f32 against the interpreter %g, without kernels %g, "
           "in shards f32 %g, f64 %g\n",
           worst_f32, worst_kernel, worst_shards[0], worst_shards[1]);
    T_CHECK(argc > 1 || n >= BP__N_OPS - 12);
    return t_end();
}
