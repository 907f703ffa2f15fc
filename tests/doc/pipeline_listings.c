/* See listings.h. The network of doc/pipeline.md and doc/plan.md, printed
 * after each stage. The runtime has one thread and the plain level, so that
 * a listing is the same on every machine. */
#include "doc/listings.h"

#include "exec/exec.h"
#include "t.h"
#include "xform/xform.h"

#include <bprop/ops.h>

static int add_text(void *user, const char *text, size_t bytes)
{
    bp__str_add(user, text, bytes);
    return 0;
}

static void print_verified(bp__str *s, const bp_graph *g)
{
    bp_error err = {0};
    T_OK(bp_graph_verify(g, &err), &err);
    T_CHECK(bp_graph_print(g, add_text, s) == BP_OK);
}

/* ---- the network ------------------------------------------------------*/

static bp_store *new_store(void)
{
    bp_store *s = bp_store_new(NULL);
    bp_error err = {0};
    T_OK(bp_store_add(s, "0.weight", BP_VAR_PARAM, BP_F32, 4,
                      (int64_t[]){4, 1, 3, 3}, &err), &err);
    T_OK(bp_store_add(s, "0.bias", BP_VAR_PARAM, BP_F32, 1,
                      (int64_t[]){4}, &err), &err);
    T_OK(bp_store_add(s, "4.weight", BP_VAR_PARAM, BP_F32, 2,
                      (int64_t[]){3, 36}, &err), &err);
    T_OK(bp_store_add(s, "4.bias", BP_VAR_PARAM, BP_F32, 1,
                      (int64_t[]){3}, &err), &err);
    T_OK(bp_store_add(s, "lr", BP_VAR_TRAINER, BP_F32, 0, NULL, &err), &err);
    return s;
}

/* rows: samples of one of two shards of a batch of 2 * rows; 0: one shard
 * that holds a batch of 4. */
static bp_graph *forward_graph(bp_store *s, int64_t rows, bp_val w[4],
                               bp_val *loss)
{
    bp_graph *g = bp_graph_new(NULL);
    int64_t n = rows ? rows : 4;
    bp_graph_set_shard(g, rows ? 2 : 1, n, rows ? 2 * n : n);
    bp_pool2d_options pool = {.kernel = {2, 2}};
    bp_val x = bp_batch_input(g, "x", BP_F32, 4, (int64_t[]){n, 1, 8, 8});
    bp_val t = bp_batch_input(g, "t", BP_I32, 1, (int64_t[]){n});
    bp_scope_push(g, "0.conv");
    w[0] = bp_variable(g, s, "0.weight");
    w[1] = bp_variable(g, s, "0.bias");
    bp_val h = bp_conv2d(g, x, w[0], NULL);
    h = bp_add(g, h, bp_reshape(g, w[1], 3, (int64_t[]){4, 1, 1}));
    h = bp_relu(g, h);
    h = bp_max_pool2d(g, h, &pool);
    h = bp_reshape(g, h, 2, (int64_t[]){n, 36});
    bp_scope_pop(g);
    bp_scope_push(g, "4.dense");
    w[2] = bp_variable(g, s, "4.weight");
    w[3] = bp_variable(g, s, "4.bias");
    h = bp_add(g, bp_matmul(g, h, w[2], false, true), w[3]);
    bp_scope_pop(g);
    bp_val each = bp_softmax_cross_entropy(g, h, t);
    *loss = bp_mean(g, each, 0, NULL, false);
    bp_output(g, "loss", *loss);
    return g;
}

static void add_update(bp_graph *g, bp_store *s, bp_val loss, bp_val w[4])
{
    static const char *const names[4] = {"0.weight", "0.bias", "4.weight",
                                         "4.bias"};
    bp_val dw[4];
    bp_grad(g, loss, w, 4, dw);
    bp_scope_push(g, "sgd");
    bp_val lr = bp_variable(g, s, "lr");
    for (int i = 0; i < 4; i++)
        bp_update(g, s, names[i],
                  bp_sub(g, w[i], bp_mul(g, lr, dw[i])));
    bp_scope_pop(g);
}

static bp_graph *step_graph(bp_store *s)
{
    bp_val w[4], loss;
    bp_graph *g = forward_graph(s, 0, w, &loss);
    add_update(g, s, loss, w);
    return g;
}

static void print_pipeline_forward(bp__str *s)
{
    bp_val w[4], loss;
    bp_store *st = new_store();
    bp_graph *g = forward_graph(st, 0, w, &loss);
    print_verified(s, g);
    bp_graph_free(g);
    bp_store_free(st);
}

static void print_pipeline_gradient(bp__str *s)
{
    bp_store *st = new_store();
    bp_graph *g = step_graph(st);
    print_verified(s, g);
    bp_graph_free(g);
    bp_store_free(st);
}

/* ---- passes -------------------------------------------------------------*/

static bp_runtime *plain_runtime(void)
{
    bp_runtime_options o = {.size = sizeof o, .threads = 1,
                            .level = BP_LEVEL_PLAIN};
    bp_runtime *r = NULL;
    bp_error err = {0};
    T_OK(bp_runtime_new(&o, &r, &err), &err);
    return r;
}

/* Composites stay, unless they hold a psum: what the compiler keeps before
 * shards are placed, in a network without random numbers. */
static bool keep_local(void *user, const bp_graph *g, size_t node)
{
    const bp__node *n = &g->nodes[node];
    (void)user;
    return !n->n_in || g->values[g->edges[n->in]].type.varying ==
                           g->values[n->out].type.varying;
}

static void step_to(bp_graph **g, bp_graph *next)
{
    T_REQUIRE(next != NULL);
    bp_graph_free(*g);
    *g = next;
}

enum { PLACED, OPENED, MASKED, MERGED, USED };

/* The graph after the passes up to one of them; g is freed. */
static bp_graph *passes_to(bp_graph *g, int last, const char *no_kernel)
{
    bp_error err = {0};
    bp_runtime *r = plain_runtime();
    bp__lower_options o = {.cpu = r->cpu, .no_kernel = no_kernel};
    step_to(&g, bp__pass_expand(g, keep_local, NULL));
    step_to(&g, bp__pass_shards((const bp_graph *const *)&g, 1, &err));
    if (last >= OPENED)
        step_to(&g, bp__pass_expand(g, bp__has_kernel, &o));
    if (last >= MASKED)
        step_to(&g, bp__pass_pool_mask(g));
    if (last >= MERGED)
        step_to(&g, bp__pass_cse(g));
    if (last >= USED)
        step_to(&g, bp__pass_dce(g));
    bp_runtime_free(r);
    return g;
}

static void print_step_after(bp__str *s, int last)
{
    bp_store *st = new_store();
    bp_graph *g = passes_to(step_graph(st), last, NULL);
    print_verified(s, g);
    bp_graph_free(g);
    bp_store_free(st);
}

static void print_placed(bp__str *s)
{
    print_step_after(s, PLACED);
}

static void print_two_shards(bp__str *s)
{
    bp_val w[4], loss;
    bp_store *st = new_store();
    bp_graph *g = passes_to(forward_graph(st, 2, w, &loss), PLACED, NULL);
    print_verified(s, g);
    bp_graph_free(g);
    bp_store_free(st);
}

static void print_opened(bp__str *s)
{
    bp_val w[4], loss;
    bp_store *st = new_store();
    bp_graph *g = passes_to(forward_graph(st, 0, w, &loss), OPENED,
                            "softmax_cross_entropy.rows");
    print_verified(s, g);
    bp_graph_free(g);
    bp_store_free(st);
}

static void print_used(bp__str *s)
{
    print_step_after(s, USED);
}

static const char *line_end(const char *p)
{
    const char *e = strchr(p, '\n');
    return e ? e + 1 : p + strlen(p);
}

enum { MOST_LINES = 200 };

static int split_lines(const char *text, const char **line)
{
    int n = 0;
    for (const char *p = text; *p && n < MOST_LINES; p = line_end(p))
        line[n++] = p;
    return n;
}

/* Are two lines the same but for the numbers of values? */
static bool same_but_numbers(const char *a, const char *b)
{
    for (; *a == *b && *a != '\n' && *a; a++, b++)
        if (*a == '%') {
            while (a[1] >= '0' && a[1] <= '9')
                a++;
            while (b[1] >= '0' && b[1] <= '9')
                b++;
        }
    return *a == *b;
}

/* What a pass took away: it keeps the order of what stays. Matched from the
 * back, since of what was computed twice the first stays. */
static void print_gone(bp__str *s, const bp_graph *g, const bp_graph *after)
{
    const char *x[MOST_LINES], *y[MOST_LINES];
    bool gone[MOST_LINES] = {false};
    bp__str before, then;
    bp__str_init(&before, &bp__malloc_allocator);
    bp__str_init(&then, &bp__malloc_allocator);
    print_verified(&before, g);
    print_verified(&then, after);
    int n = split_lines(before.s, x), m = split_lines(then.s, y);
    T_REQUIRE(n < MOST_LINES);
    for (int i = n; i-- > 0;) {
        gone[i] = !m || !same_but_numbers(x[i], y[m - 1]);
        m -= !gone[i];
    }
    T_CHECK(m == 0);
    for (int i = 0; i < n; i++)
        if (gone[i])
            bp__str_add(s, x[i], (size_t)(line_end(x[i]) - x[i]));
    bp__str_free(&before);
    bp__str_free(&then);
}

/* What a pass takes away from the step's graph before cse. */
static void print_taken(bp__str *s, bp_graph *(*pass)(const bp_graph *))
{
    bp_store *st = new_store();
    bp_graph *g = passes_to(step_graph(st), MASKED, NULL);
    bp_graph *after = pass(g);
    print_gone(s, g, after);
    bp_graph_free(after);
    bp_graph_free(g);
    bp_store_free(st);
}

/* The nodes that the pass poolmask is about. */
static void print_masks(bp__str *s, int last)
{
    const char *x[MOST_LINES];
    bp__str all;
    bp__str_init(&all, &bp__malloc_allocator);
    print_step_after(&all, last);
    int n = split_lines(all.s, x);
    for (int i = 0; i < n; i++) {
        const char *op = strchr(x[i], '=');
        if (op && (strncmp(op, "= pool_scatter(", 15) == 0 ||
                   strncmp(op, "= gt(", 5) == 0 ||
                   strncmp(op, "= select(", 9) == 0))
            bp__str_add(s, x[i], (size_t)(line_end(x[i]) - x[i]));
    }
    bp__str_free(&all);
}

static void print_unmasked(bp__str *s)
{
    print_masks(s, OPENED);
}

static void print_masked(bp__str *s)
{
    print_masks(s, MASKED);
}

static void print_merged(bp__str *s)
{
    print_taken(s, bp__pass_cse);
}

/* Without cse before it. */
static void print_removed(bp__str *s)
{
    print_taken(s, bp__pass_dce);
}

/* ---- programs -----------------------------------------------------------*/

static bp_program *step_program(const char *no_pass, const char *no_kernel)
{
    bp_store *st = new_store();
    bp_graph *g = step_graph(st);
    bp_runtime *r = plain_runtime();
    bp_compile_options o = {.size = sizeof o, .no_pass = no_pass,
                            .no_kernel = no_kernel};
    bp_program *p = NULL;
    bp_error err = {0};
    T_OK(bp_compile(r, (const bp_graph *const *)&g, 1, &o, &p, &err), &err);
    T_REQUIRE(p != NULL);
    T_OK(bp__plan_verify(p->plan, p->l, &err), &err);
    bp_runtime_free(r);
    bp_graph_free(g);
    bp_store_free(st);
    return p;
}

static void print_view(bp__str *s, bp_program_view view, const char *no_pass,
                       const char *no_kernel)
{
    bp_program *p = step_program(no_pass, no_kernel);
    T_CHECK(bp_program_print(p, view, add_text, s) == BP_OK);
    bp_program_free(p);
}

static void print_lowered(bp__str *s)
{
    print_view(s, BP_VIEW_LOWERED, NULL, NULL);
}

/* The lines that hold a word. */
static void print_lines(bp__str *s, const bp__str *all, const char *word)
{
    const char *hit = strstr(all->s, word);
    for (const char *p = all->s, *e; *p; p = e) {
        e = line_end(p);
        while (hit && hit < p)
            hit = strstr(hit + 1, word);
        if (hit && hit < e)
            bp__str_add(s, p, (size_t)(e - p));
    }
}

/* What fusion would make one call of. */
static void print_unfused(bp__str *s)
{
    bp__str all;
    bp__str_init(&all, &bp__malloc_allocator);
    print_view(&all, BP_VIEW_LOWERED, "fuse", NULL);
    print_lines(s, &all, "chain ");
    bp__str_free(&all);
}

static void print_plan_view(bp__str *s)
{
    print_view(s, BP_VIEW_PLAN, NULL, NULL);
}

/* Calls with their refusals, where there are any. */
static void print_refused(bp__str *s)
{
    bp__str all;
    bp__str_init(&all, &bp__malloc_allocator);
    print_view(&all, BP_VIEW_PLAN, NULL, "conv2d.direct,matmul.packed");
    const char *call = all.s;
    for (const char *p = all.s, *e; *p; p = e) {
        e = line_end(p);
        if (strncmp(p, "      not ", 10) != 0) {
            call = p;
            continue;
        }
        if (line_end(call) == p)
            bp__str_add(s, call, (size_t)(p - call));
        bp__str_add(s, p, (size_t)(e - p));
    }
    bp__str_free(&all);
}

/* From which segment to which a buffer is in use. False: in none. */
static bool find_life(const bp_program *p, uint32_t buf, size_t *from,
                      size_t *to)
{
    bool used = false;
    for (size_t i = 0; i < p->plan->n_segments; i++)
        for (uint32_t k = 0; k < p->plan->segments[i].count; k++) {
            uint32_t at = p->plan->segments[i].first + k;
            const bp__call *c = &p->l->calls[p->plan->order[at]];
            for (int b = 0; b < c->n_in + c->n_out; b++) {
                if (p->l->bufs[c->bufs[b]].root != buf)
                    continue;
                *from = used ? *from : i;
                *to = i;
                used = true;
            }
        }
    if (used && p->l->bufs[buf].keep)
        *to = p->plan->n_segments;
    return used;
}

/* One line a buffer of the arena; then the bytes alive in each segment. */
static void print_lives(bp__str *s)
{
    bp_program *p = step_program(NULL, NULL);
    size_t live[20] = {0}, n = p->plan->n_segments, from = 0, to = 0, most = 0;
    T_REQUIRE(n < 20);
    bp__str_printf(s, "buffer  bytes  offset  ");
    for (size_t i = 0; i < n; i++)
        bp__str_printf(s, "%zu", i);
    bp__str_printf(s, ".\n");
    for (uint32_t b = 0; b < p->l->n_bufs; b++) {
        const bp__buf *x = &p->l->bufs[b];
        if (x->kind != BP__BUF_ARENA || x->root != b ||
            !find_life(p, b, &from, &to))
            continue;
        bp__str_printf(s, "b%-5u %6zu  %6zu  ", b, x->bytes, x->place);
        for (size_t i = 0; i <= to; i++) {
            bp__str_printf(s, i < from ? " " : "#");
            live[i] += i < from ? 0 : (x->bytes + 63) / 64 * 64;
        }
        bp__str_printf(s, "\n");
    }
    for (size_t i = 0; i <= n; i++) {
        most = BP__MAX(most, live[i]);
        if (i < n)
            bp__str_printf(s, "alive in segment %zu: %5zu bytes\n", i,
                           live[i]);
    }
    T_CHECK(most == p->plan->lower_bound);
    bp_program_free(p);
}

static void print_switches(bp__str *s)
{
    static const char *const off[] = {"", "fuse", "constants", "inplace",
                                      "order", "order,inplace", "plan",
                                      "all"};
    bp__str_printf(s, "%-13s %6s %9s %7s %12s %10s\n", "off", "calls",
                   "segments", "arena", "lower bound", "constants");
    for (size_t i = 0; i < BP__ARRAY_LEN(off); i++) {
        bp_program *p = step_program(off[i], NULL);
        bp_program_stats t = {.size = sizeof t};
        T_CHECK(bp_program_get_stats(p, &t) == BP_OK);
        bp__str_printf(s, "%-13s %6lld %9lld %7lld %12lld %10lld\n",
                       off[i][0] ? off[i] : "-", (long long)t.calls,
                       (long long)t.segments, (long long)t.arena_bytes,
                       (long long)t.arena_lower_bound,
                       (long long)t.const_bytes);
        bp_program_free(p);
    }
}

const listing pipeline_listings[] = {
    {"pipeline_forward", print_pipeline_forward},
    {"pipeline_gradient", print_pipeline_gradient},
    {"pipeline_placed", print_placed},
    {"pipeline_two_shards", print_two_shards},
    {"pipeline_opened", print_opened},
    {"pipeline_unmasked", print_unmasked},
    {"pipeline_masked", print_masked},
    {"pipeline_merged", print_merged},
    {"pipeline_removed", print_removed},
    {"pipeline_used", print_used},
    {"pipeline_lowered", print_lowered},
    {"pipeline_unfused", print_unfused},
    {"plan", print_plan_view},
    {"plan_refused", print_refused},
    {"plan_lives", print_lives},
    {"plan_switches", print_switches},
};
const int n_pipeline_listings =
    (int)(sizeof pipeline_listings / sizeof *pipeline_listings);
