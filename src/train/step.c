/* A step: a traced function, its programs by the types that came, and the
 * outputs of its last run, copied out of the arena that all programs share. */
#include "train/step.h"

#include "exec/program.h"
#include "fmt/array.h"

#include <math.h>

enum { STEP_CALL_BYTES = 1024 };

typedef struct step_output {
    const char *name;
    bp_array x;
} step_output;

typedef struct cached {
    uint64_t key;
    bp_array *in;     /* types that it was traced for */
    bp_program *program; /* NULL: dropped, while the outputs are the last */
    int64_t *index;   /* of each input in the program; -1: it is not read */
    step_output *out;
    size_t n_out;
    char *own;        /* memory of the outputs and their names */
    size_t own_bytes;
    size_t bytes;     /* what it is taken to cost */
    uint64_t used;
    size_t watched;   /* variables of the store when an average was missed */
} cached;

struct bp_step {
    bp_allocator a;
    bp__arena arena;
    bp_store *store;
    bp_runtime *runtime;
    bp_step_options o;
    bp__spec *optimizer;
    cached **list;
    size_t n, cap;
    cached *last;
    uint64_t clock;
    bp_array *first; /* types of the first batch; NULL: none came */
    size_t first_at; /* see bp__step_first_at */
    char hash[20];
    double rate;     /* asked for before there was a variable; NaN: none */
    void *own_user;
    size_t own_user_bytes;
};

/* ---- making one ---------------------------------------------------------- */

static bp_status step_error(const bp_step *p, bp_status s, const char *why,
                            bp_error *err)
{
    if (p->o.name[0])
        return bp__error(err, s, "step \"%s\": %s", p->o.name, why);
    return bp__error(err, s, "%s", why);
}

bp_status bp_step_new(bp_store *s, bp_runtime *r, const bp_step_options *given,
                      bp_step **out, bp_error *err)
{
    bp_step_options o;
    *out = NULL;
    bp_status st = bp__step_options_check(given, &o, err);
    if (st)
        return st;
    if (!s || !r)
        return bp__error(err, BP_EARG, "bp_step_new: a step needs a store and "
                         "a runtime");
    const bp_allocator *a = o.allocator ? o.allocator : &bp__malloc_allocator;
    bp_step *p = bp__calloc(a, 1, sizeof *p);
    if (!p)
        return bp__oom(err);
    p->a = *a;
    p->rate = (double)NAN;
    bp__arena_init(&p->arena, &p->a);
    p->store = bp_store_retain(s);
    p->runtime = bp__runtime_retain(r);
    p->o = o;
    p->o.allocator = &p->a;
    st = bp__step_options_copy(&p->arena, &p->o, err);
    if (!st && p->o.optimizer)
        st = bp__spec_parse(&p->arena, BP_NN_OPTIMIZERS, p->o.optimizer,
                            &p->optimizer, err);
    if (st)
        bp_step_free(p);
    else
        *out = p;
    return st;
}

static void free_cached(bp_step *p, cached *c)
{
    if (!c)
        return;
    size_t n = p->o.n_inputs + 1;
    bp_program_free(c->program);
    bp__free(&p->a, c->in, n * sizeof *c->in);
    bp__free(&p->a, c->index, n * sizeof *c->index);
    bp__free(&p->a, c->out, (c->n_out + 1) * sizeof *c->out);
    bp__free64(&p->a, c->own, c->own_bytes);
    bp__free(&p->a, c, sizeof *c);
}

/* Outputs of the last run whose program was dropped end here. */
static void set_last(bp_step *p, cached *c)
{
    if (p->last && !p->last->program)
        free_cached(p, p->last);
    p->last = c;
}

void bp_step_free(bp_step *p)
{
    if (!p)
        return;
    set_last(p, NULL);
    for (size_t i = 0; i < p->n; i++)
        free_cached(p, p->list[i]);
    bp__free(&p->a, p->list, p->cap * sizeof *p->list);
    bp_store_free(p->store);
    bp_runtime_free(p->runtime);
    bp__arena_free(&p->arena);
    bp_allocator a = p->a;
    bp__free(&a, p->own_user, p->own_user_bytes);
    bp__free(&a, p, sizeof *p);
}

void bp__step_own(bp_step *p, void *user, size_t bytes)
{
    p->own_user = user;
    p->own_user_bytes = bytes;
}

/* ---- types --------------------------------------------------------------- */

static bool same_type(const bp_array *a, const bp_array *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    return true;
}

static bool same_types(const bp_step *p, const bp_array *a, const bp_array *b)
{
    for (size_t i = 0; i < p->o.n_inputs; i++)
        if (!same_type(&a[i], &b[i]))
            return false;
    return true;
}

static uint64_t key_of(const bp_step *p, const bp_array *in)
{
    uint64_t h = 1;
    for (size_t i = 0; i < p->o.n_inputs; i++)
        for (int k = 0; k < in[i].rank && k < BP_MAX_RANK; k++)
            h = (h ^ (uint64_t)in[i].dims[k]) * 0x9e3779b97f4a7c15ull;
    return h;
}

static bp_status check_array(const bp_step *p, size_t i, const bp_array *x,
                             int64_t *rows, bp_error *err)
{
    const bp_step_input *in = &p->o.input[i];
    char a[200], b[200];
    bool fits = x->dtype == in->dtype && x->rank == in->rank;
    for (int k = 0; fits && k < in->rank; k++)
        fits = in->dims[k] == BP_ANY ? x->dims[k] >= 0
                                     : x->dims[k] == in->dims[k];
    if (!fits) {
        bp__type want = bp__make_type(in->dtype, in->rank, in->dims);
        bp__type have = {.dtype = (uint8_t)x->dtype};
        if (x->rank >= 0 && x->rank <= BP_MAX_RANK)
            have = bp__make_type(x->dtype, x->rank, x->dims);
        return bp__error(err, x->dtype == in->dtype ? BP_ESHAPE : BP_EDTYPE,
                         "input \"%s\" takes %s (-1: any size), and got %s",
                         in->name, bp__type_text(&want, a),
                         bp__type_text(&have, b));
    }
    if (in->replicated)
        return BP_OK;
    if (!x->dims[0])
        return bp__error(err, BP_ESHAPE, "input \"%s\" has no rows", in->name);
    if (*rows && *rows != x->dims[0])
        return bp__error(err, BP_ESHAPE, "input \"%s\" has %lld rows, those "
                         "before it %lld", in->name, (long long)x->dims[0],
                         (long long)*rows);
    *rows = x->dims[0];
    return BP_OK;
}

static bp_status check_arrays(const bp_step *p, const bp_array *in,
                              int64_t *rows, bp_error *err)
{
    bp_status st = BP_OK;
    bp_error why = {0};
    *rows = 0;
    for (size_t i = 0; i < p->o.n_inputs && !st; i++)
        st = check_array(p, i, &in[i], rows, &why);
    return st ? step_error(p, st, why.message, err) : BP_OK;
}

/* ---- tracing and compiling ----------------------------------------------- */

/* The distinct numbers of rows of the shards of a batch, larger first; an
 * empty shard has no graph. */
static int shard_sizes(int64_t rows, int64_t shards, int64_t size[2])
{
    int64_t lo = rows / shards, hi = lo + (rows % shards != 0);
    int n = 0;
    size[n++] = hi;
    if (lo != hi && lo > 0)
        size[n++] = lo;
    return n;
}

static bp_status set_pending_rate(bp_step *p, bp_error *err)
{
    double rate = p->rate;
    return rate == rate ? bp_step_set_rate(p, rate, err) : BP_OK;
}

static bp_status trace_all(bp_step *p, const bp_array *in, bp_graph *g[2],
                           int *n, bool *ahead, bp_error *err)
{
    int64_t rows, size[2];
    bp_status st = check_arrays(p, in, &rows, err);
    if (st)
        return st;
    *n = rows ? shard_sizes(rows, p->o.shards, size) : 1;
    for (int i = 0; i < *n && !st; i++) {
        bp__tracing q = {.o = &p->o, .s = p->store, .a = &p->a, .in = in,
                         .rows = rows ? size[i] : 0, .global_rows = rows};
        g[i] = bp__trace(&q, ahead, NULL);
        st = bp_graph_status(g[i]);
        if (st)
            step_error(p, st, g[i] ? bp_graph_error(g[i]) : bp_status_text(st),
                       err);
    }
    /* As soon as there is a variable: what a checkpoint has comes after. */
    return st ? st : set_pending_rate(p, err);
}

/* had: variables that the store had before the trace. */
static bp_status note_first(bp_step *p, const bp_array *in, const bp_graph *g,
                            size_t had, bp_error *err)
{
    if (p->first)
        return BP_OK;
    p->first = bp__arena_array(&p->arena, p->o.n_inputs + 1,
                               sizeof *p->first);
    if (!p->first)
        return bp__oom(err);
    if (p->o.n_inputs)
        memcpy(p->first, in, p->o.n_inputs * sizeof *in);
    p->first_at = had + bp_store_count(p->store);
    bp__snprintf(p->hash, sizeof p->hash, "%016llx",
                 (unsigned long long)bp__graph_hash(g));
    return BP_OK;
}

bp_status bp__step_trace(bp_step *p, const bp_array *in, bp_error *err)
{
    bp_graph *g[2] = {NULL, NULL};
    bool ahead;
    int n;
    size_t had = bp_store_count(p->store);
    bp_status st = trace_all(p, in, g, &n, &ahead, err);
    if (!st)
        st = note_first(p, in, g[0], had, err);
    bp_graph_free(g[0]);
    bp_graph_free(g[1]);
    return st;
}

static bp_status list_outputs(bp_step *p, cached *c, bp_error *err)
{
    size_t n = bp__program_outputs(c->program), total = 0, at = 0;
    c->out = bp__calloc(&p->a, n + 1, sizeof *c->out);
    if (!c->out)
        return bp__oom(err);
    c->n_out = n;
    for (size_t i = 0; i < n; i++) {
        bp__type t;
        step_output *o = &c->out[i];
        bp__program_output(c->program, i, &o->name, &t, &o->x.bytes);
        o->x.dtype = (bp_dtype)t.dtype;
        o->x.rank = t.rank;
        memcpy(o->x.dims, t.dims, sizeof o->x.dims);
        total += (o->x.bytes + 63) / 64 * 64 + strlen(o->name) + 1;
    }
    c->own = bp__alloc64(&p->a, total);
    if (!c->own)
        return bp__oom(err);
    c->own_bytes = total;
    for (size_t i = 0; i < n; i++) {
        c->out[i].x.data = c->own + at;
        at += (c->out[i].x.bytes + 63) / 64 * 64;
    }
    for (size_t i = 0; i < n; i++) {
        size_t bytes = strlen(c->out[i].name) + 1;
        c->out[i].name = memcpy(c->own + at, c->out[i].name, bytes);
        at += bytes;
    }
    return BP_OK;
}

static bp_status fill_cached(bp_step *p, cached *c, const bp_array *in,
                             bp_error *err)
{
    bp_graph *g[2] = {NULL, NULL};
    bp_compile_options co = {.size = sizeof co, .no_pass = p->o.no_pass,
                             .no_kernel = p->o.no_kernel};
    bp_error why = {0};
    bool ahead = false;
    int n = 0;
    size_t had = bp_store_count(p->store);
    bp_status st = trace_all(p, in, g, &n, &ahead, err);
    if (!st)
        st = note_first(p, in, g[0], had, err);
    if (!st) {
        st = bp_compile(p->runtime, (const bp_graph *const *)g, (size_t)n, &co,
                        &c->program, &why);
        if (st)
            step_error(p, st, why.message, err);
    }
    bp_graph_free(g[0]);
    bp_graph_free(g[1]);
    if (st)
        return st;
    c->watched = ahead ? bp_store_count(p->store) : 0;
    for (size_t i = 0; i < p->o.n_inputs; i++)
        c->index[i] = bp__input_index(c->program, p->o.input[i].name);
    bp_program_stats s = {.size = sizeof s};
    bp_program_get_stats(c->program, &s);
    st = list_outputs(p, c, err);
    c->bytes = (size_t)s.const_bytes + (size_t)s.calls * STEP_CALL_BYTES +
               c->own_bytes;
    return st;
}

/* From the list. The outputs of the last run stay until the next one. */
static void drop(bp_step *p, size_t i)
{
    cached *c = p->list[i];
    p->list[i] = p->list[--p->n];
    if (c != p->last) {
        free_cached(p, c);
        return;
    }
    bp_program_free(c->program);
    c->program = NULL;
}

/* Makes room for one more program of this size. */
static void drop_oldest(bp_step *p, size_t bytes)
{
    for (;;) {
        size_t total = bytes, oldest = 0;
        for (size_t i = 0; i < p->n; i++) {
            total += p->list[i]->bytes;
            if (p->list[i]->used < p->list[oldest]->used)
                oldest = i;
        }
        if (total <= p->o.max_bytes || !p->n)
            return;
        drop(p, oldest);
    }
}

static bp_status make_cached(bp_step *p, const bp_array *in, uint64_t key,
                             cached **out, bp_error *err)
{
    size_t n = p->o.n_inputs + 1;
    if (!bp__grow(&p->a, &p->list, &p->cap, p->n + 1, sizeof *p->list))
        return bp__oom(err);
    cached *c = bp__calloc(&p->a, 1, sizeof *c);
    if (!c)
        return bp__oom(err);
    c->key = key;
    c->in = bp__calloc(&p->a, n, sizeof *c->in);
    c->index = bp__calloc(&p->a, n, sizeof *c->index);
    bp_status st = c->in && c->index ? fill_cached(p, c, in, err)
                                     : bp__oom(err);
    if (st) {
        free_cached(p, c);
        return st;
    }
    if (p->o.n_inputs)
        memcpy(c->in, in, p->o.n_inputs * sizeof *in);
    drop_oldest(p, c->bytes);
    p->list[p->n++] = c;
    *out = c;
    return BP_OK;
}

/* Has another step begun to keep an average that this one reads beside? */
static bool is_stale(const bp_step *p, const cached *c)
{
    return c->watched && bp_store_count(p->store) != c->watched;
}

static bp_status find_cached(bp_step *p, const bp_array *in, cached **out,
                             bp_error *err)
{
    uint64_t key = key_of(p, in);
    cached *c = NULL;
    for (size_t i = 0; i < p->n && !c; i++) {
        if (p->list[i]->key != key || !same_types(p, p->list[i]->in, in))
            continue;
        if (!is_stale(p, p->list[i]))
            c = p->list[i];
        else
            drop(p, i--);
    }
    bp_status st = c ? BP_OK : make_cached(p, in, key, &c, err);
    if (!st) {
        c->used = ++p->clock;
        *out = c;
    }
    return st;
}

/* ---- running ------------------------------------------------------------- */

static bp_status check_count(const bp_step *p, size_t n, bp_error *err)
{
    if (n == p->o.n_inputs)
        return BP_OK;
    return bp__error(err, BP_EARG, "%s%s%s: %zu arrays for %zu inputs",
                     p->o.name[0] ? "step \"" : "the step", p->o.name,
                     p->o.name[0] ? "\"" : "", n, p->o.n_inputs);
}

bp_status bp_step_prepare(bp_step *p, size_t n, const bp_array *in,
                          bp_error *err)
{
    cached *c;
    bp_status st = check_count(p, n, err);
    return st ? st : find_cached(p, in, &c, err);
}

/* States without rows take the batch's, and give them back if it fails. */
static bp_status run_states(cached *c, bp_error *err)
{
    bp_status st = bp__program_take_rows(c->program) ? bp_run(c->program, err)
                                                     : bp__oom(err);
    if (st)
        bp__program_give_rows(c->program);
    return st;
}

bp_status bp_step_run(bp_step *p, size_t n, const bp_array *in, bp_error *err)
{
    cached *c;
    bp_status st = check_count(p, n, err);
    if (!st)
        st = find_cached(p, in, &c, err);
    if (st)
        return st;
    for (size_t i = 0; i < n; i++) {
        if (c->index[i] < 0)
            continue;
        if (!in[i].data)
            return bp__error(err, BP_EARG, "input \"%s\": no data",
                             p->o.input[i].name);
        bp__bind_at(c->program, (size_t)c->index[i], in[i].data);
    }
    st = run_states(c, err);
    if (st)
        return st;
    for (size_t i = 0; i < c->n_out; i++) {
        step_output *o = &c->out[i];
        bp__type t;
        size_t bytes;
        const char *name;
        const void *from =
            bp__program_output(c->program, i, &name, &t, &bytes);
        if (bytes)
            memcpy(o->x.data, from, bytes);
    }
    if (c != p->last)
        set_last(p, c);
    return BP_OK;
}

/* ---- what came out ------------------------------------------------------- */

static const bp_array *find_output(const bp_step *p, const char *name)
{
    for (size_t i = 0; p->last && i < p->last->n_out; i++)
        if (!strcmp(p->last->out[i].name, name))
            return &p->last->out[i].x;
    return NULL;
}

bool bp_step_output(const bp_step *p, const char *name, bp_array *out)
{
    const bp_array *x = find_output(p, name);
    if (x)
        *out = *x;
    return x != NULL;
}

double bp_step_number(const bp_step *p, const char *name)
{
    const bp_array *x = find_output(p, name);
    if (!x || x->bytes != bp_dtype_bytes(x->dtype))
        return (double)NAN;
    return bp__array_number(x, 0);
}

const char *bp_step_name(const bp_step *p)
{
    return p->o.name;
}

/* The store's number of trainer.<step>.<name>; -1: it was not traced yet. */
static int64_t own_variable(const bp_step *p, const char *name)
{
    char full[600];
    bp__snprintf(full, sizeof full, "trainer.%s%s%s", p->o.name,
                 p->o.name[0] ? "." : "", name);
    return bp_store_find(p->store, full);
}

int64_t bp_step_count(const bp_step *p)
{
    int64_t i = own_variable(p, "step");
    return i < 0 ? 0 : *(const int32_t *)bp_store_read(p->store, (size_t)i);
}

double bp_step_rate(const bp_step *p)
{
    int64_t i = own_variable(p, "lr");
    if (!p->optimizer)
        return (double)NAN;
    if (i >= 0)
        return *(const double *)bp_store_read(p->store, (size_t)i);
    return p->rate == p->rate ? p->rate : bp__arg_float(p->optimizer, "lr");
}

bp_status bp_step_set_rate(bp_step *p, double rate, bp_error *err)
{
    if (!p->optimizer || !(rate >= 0) || rate > 1e300)
        return step_error(p, BP_EARG, p->optimizer
                              ? "a learning rate is a number from 0 on"
                              : "it has no optimizer, so no learning rate",
                          err);
    int64_t i = own_variable(p, "lr");
    p->rate = i < 0 ? rate : (double)NAN;
    /* What a program keeps of the rate is made anew where it changes alone. */
    if (i >= 0 && *(const double *)bp_store_read(p->store, (size_t)i) != rate)
        *(double *)bp__store_write(p->store, (size_t)i) = rate;
    return BP_OK;
}

bp_status bp_step_schedule(const bp_step *p, int64_t steps_per_epoch,
                           int64_t total_steps, double *rate, bp_error *err)
{
    if (!p->optimizer)
        return step_error(p, BP_EARG, "it has no optimizer, so no learning "
                          "rate", err);
    *rate = bp__optimizer_lr(p->optimizer, bp_step_count(p), steps_per_epoch,
                             total_steps);
    return BP_OK;
}

size_t bp_step_programs(const bp_step *p)
{
    return p->n;
}

const char *bp_step_hash(const bp_step *p)
{
    return p->hash;
}

const bp_array *bp__step_first(const bp_step *p)
{
    return p->first;
}

size_t bp__step_first_at(const bp_step *p)
{
    return p->first_at;
}

size_t bp__step_n_inputs(const bp_step *p)
{
    return p->o.n_inputs;
}

bp_store *bp__step_store(const bp_step *p)
{
    return p->store;
}

static const cached *latest(const bp_step *p)
{
    const cached *c = NULL;
    for (size_t i = 0; i < p->n; i++)
        if (!c || p->list[i]->used > c->used)
            c = p->list[i];
    return c;
}

bool bp__step_planned(const bp_step *p, const char *name, bp_array *x)
{
    const cached *c = latest(p);
    for (size_t i = 0; c && i < c->n_out; i++)
        if (!strcmp(c->out[i].name, name)) {
            *x = c->out[i].x;
            return true;
        }
    return false;
}

const bp_program *bp_step_program(const bp_step *p)
{
    const cached *c = latest(p);
    return c ? c->program : NULL;
}
