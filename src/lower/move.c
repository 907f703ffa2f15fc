/* See move.h. */
#include "lower/move.h"

#include <stdlib.h>

bool bp__any_nonfinite(int dtype, const void *data, int64_t n)
{
    /* An exponent of all ones: no float operation, no branch in the loop. */
    if (dtype == BP_F64) {
        const char *p = data;
        uint64_t bad = 0;
        for (int64_t i = 0; i < n; i++) {
            uint64_t u;
            memcpy(&u, p + 8 * i, 8);
            bad |= (uint64_t)((u & 0x7ff0000000000000ull) ==
                              0x7ff0000000000000ull);
        }
        return bad != 0;
    }
    const char *p = data;
    uint32_t bad = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, p + 4 * i, 4);
        bad |= (uint32_t)((u & 0x7f800000u) == 0x7f800000u);
    }
    return bad != 0;
}

typedef struct move_params {
    int64_t numel;
    size_t element;     /* bytes */
    int dtype;
    int64_t n, c, hw;   /* reorder: samples, channels, pixels */
    bool to_nhwc, test;
    const bp__cpu *cpu;
} move_params;

/* A call has at least one unit; an empty tensor has no element for it. */
static int64_t range_end(const move_params *p, const bp__args *a)
{
    return BP__MIN(a->end, p->numel);
}

static bool range_nonfinite(const move_params *p, const bp__args *a)
{
    int64_t n = range_end(p, a) - a->begin;
    const char *at = (const char *)a->ptr[0] + (size_t)a->begin * p->element;
    if (p->dtype == BP_F32)
        return p->cpu->finite.any_nonfinite((const float *)(const void *)at,
                                            n);
    return bp__any_nonfinite(p->dtype, at, n);
}

static void run_copy(const bp__args *a)
{
    const move_params *p = a->params;
    size_t at = (size_t)a->begin * p->element;
    size_t bytes = (size_t)(range_end(p, a) - a->begin) * p->element;
    if (p->test && range_nonfinite(p, a))
        ++*a->faults;
    if (bytes)
        memcpy((char *)a->ptr[1] + at, (char *)a->ptr[0] + at, bytes);
}

static void run_test(const bp__args *a)
{
    const move_params *p = a->params;
    if (range_nonfinite(p, a))
        ++*a->faults;
}

static void run_reorder(const bp__args *a)
{
    const move_params *p = a->params;
    size_t e = p->element;
    for (int64_t n = a->begin; n < a->end; n++) {
        const char *in = (char *)a->ptr[0] + (size_t)(n * p->c * p->hw) * e;
        char *out = (char *)a->ptr[1] + (size_t)(n * p->c * p->hw) * e;
        int64_t rows = p->to_nhwc ? p->c : p->hw;
        int64_t cols = p->to_nhwc ? p->hw : p->c;
        if (e == 4) { /* f32 or i32: bits are moved, not numbers */
            p->cpu->pool.transpose((const float *)(const void *)in,
                                   (float *)(void *)out, rows, cols, 0, 1);
        } else {
            for (int64_t j = 0; j < cols; j++)
                for (int64_t i = 0; i < rows; i++)
                    memcpy(out + e * (size_t)(j * rows + i),
                           in + e * (size_t)(i * cols + j), e);
        }
    }
}

static move_params params_of(const bp__lower_state *s, const bp__type *t)
{
    return (move_params){.cpu = s->o->cpu, .numel = bp__numel(t),
                         .element = bp_dtype_bytes((bp_dtype)t->dtype),
                         .dtype = t->dtype};
}

enum { ELEMENT_GRAIN = 4096 };

void bp__lower_reorder(bp__lower_state *s, uint32_t value, uint32_t from,
                       uint32_t to)
{
    if (s->l->status != BP_OK)
        return;
    const bp__type *t = bp__lower_type(s, value);
    move_params p = params_of(s, t);
    p.n = t->dims[0];
    p.c = t->dims[1];
    p.hw = t->dims[2] * t->dims[3];
    p.to_nhwc = s->l->bufs[to].layout == BP__NHWC;
    const bp__refusal *kept = s->refusals;
    s->refusals = NULL;
    bp__call *c = bp__lower_call(
        s, p.to_nhwc ? "reorder.nhwc" : "reorder.nchw",
        s->g->values[value].node, run_reorder, &p, sizeof p, 1, &from, 1, &to);
    s->refusals = kept;
    if (!c)
        return;
    c->units = p.n;
    c->rows = BP__ROWS | 1;
    c->flops = (double)p.numel;
}

bp__call *bp__lower_copy(bp__lower_state *s, uint32_t value, uint32_t from,
                         uint32_t to)
{
    if (s->l->status != BP_OK)
        return NULL;
    const bp__type *t = bp__lower_type(s, value);
    move_params p = params_of(s, t);
    bp__call *c = bp__lower_call(s, "copy", s->g->values[value].node, run_copy,
                                 &p, sizeof p, 1, &from, 1, &to);
    if (!c)
        return NULL;
    c->units = BP__MAX(p.numel, 1);
    c->grain = ELEMENT_GRAIN;
    c->flops = (double)p.numel;
    return c;
}

static bool add_commit(bp__lower_state *s, const bp__update *u, uint32_t call)
{
    bp__lowered *l = s->l;
    if (!bp__grow(&l->a, &l->commits, &l->cap_commits, l->n_commits + 1,
                  sizeof *l->commits)) {
        l->status = BP_ENOMEM;
        return false;
    }
    l->commits[l->n_commits++] = (bp__commit){u->store, u->var, call};
    return true;
}

/* A call of the commit reads a variable. */
typedef struct commit_read {
    const bp_store *store;
    uint32_t var, call;
} commit_read;

/* What the updates look up for each of many variables: which call writes a
 * buffer, and what the calls of the commit read. */
typedef struct commit_index {
    uint32_t *writer; /* by root, of the buffers that there were: call + 1 */
    commit_read *reads; /* by variable */
    size_t n_bufs, n_reads, cap_reads;
} commit_index;

static int by_variable(const void *pa, const void *pb)
{
    const commit_read *a = pa, *b = pb;
    if (a->store != b->store)
        return (uintptr_t)a->store < (uintptr_t)b->store ? -1 : 1;
    return a->var < b->var ? -1 : a->var > b->var;
}

static bool note_reads(const bp__lowered *l, commit_index *x, uint32_t call)
{
    const bp__call *c = &l->calls[call];
    for (int k = 0; k < c->n_in; k++) {
        const bp__buf *b = &l->bufs[l->bufs[c->bufs[k]].root];
        if (b->kind != BP__BUF_VAR)
            continue;
        if (!bp__grow(&l->a, &x->reads, &x->cap_reads, x->n_reads + 1,
                      sizeof *x->reads))
            return false;
        x->reads[x->n_reads++] = (commit_read){b->store, b->var, call};
    }
    return true;
}

static bool make_index(const bp__lowered *l, commit_index *x)
{
    *x = (commit_index){.n_bufs = l->n_bufs};
    x->writer = bp__calloc(&l->a, l->n_bufs, sizeof *x->writer);
    if (!x->writer)
        return false;
    for (size_t i = 0; i < l->n_calls; i++) {
        const bp__call *c = &l->calls[i];
        for (int k = 0; k < c->n_out; k++)
            x->writer[l->bufs[c->bufs[c->n_in + k]].root] = (uint32_t)i + 1;
        if (c->phase == BP__PHASE_COMMIT && !note_reads(l, x, (uint32_t)i))
            return false;
    }
    if (x->n_reads)
        qsort(x->reads, x->n_reads, sizeof *x->reads, by_variable);
    return true;
}

static void free_index(const bp__lowered *l, commit_index *x)
{
    bp__free(&l->a, x->writer, x->n_bufs * sizeof *x->writer);
    bp__free(&l->a, x->reads, x->cap_reads * sizeof *x->reads);
}

/* The call that writes buffer root `b`, plus 1; 0: none. */
static uint32_t writer_of(const commit_index *x, uint32_t b)
{
    return b < x->n_bufs ? x->writer[b] : 0;
}

/* Another commit that would see the new value where it wants the old one: any
 * reader of the variable other than the writer itself. Copies that updates
 * made since the index need no look: they read what an update has written, and
 * a variable has one update. */
static bool old_value_is_read(const commit_index *x, const bp__update *u,
                              uint32_t writer)
{
    commit_read want = {u->store, u->var, 0};
    size_t lo = 0, hi = x->n_reads;
    while (lo < hi) { /* the first read of it */
        size_t mid = lo + (hi - lo) / 2;
        if (by_variable(&x->reads[mid], &want) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < x->n_reads && !by_variable(&x->reads[lo], &want); lo++)
        if (x->reads[lo].call != writer)
            return true;
    return false;
}

/* Turns the arena buffer that a commit-phase chain writes into the variable
 * itself. Its views follow when all updates are done. */
static bool write_in_place(bp__lower_state *s, const commit_index *x,
                           const bp__update *u, uint32_t buf)
{
    bp__lowered *l = s->l;
    uint32_t root = l->bufs[buf].root;
    if (l->bufs[root].kind != BP__BUF_ARENA || root != buf)
        return false;
    uint32_t w = writer_of(x, root);
    if (!w || l->calls[w - 1].phase != BP__PHASE_COMMIT ||
        old_value_is_read(x, u, w - 1))
        return false;
    l->bufs[root].kind = BP__BUF_VAR;
    l->bufs[root].store = u->store;
    l->bufs[root].var = u->var;
    return add_commit(s, u, w - 1);
}

static void commit_by_copy(bp__lower_state *s, const commit_index *x,
                           const bp__update *u, uint32_t from)
{
    const bp__type t = s->l->bufs[from].type;
    uint32_t root = s->l->bufs[from].root;
    uint8_t kind = s->l->bufs[root].kind;
    bp__buf b;
    if (kind == BP__BUF_VAR || kind == BP__BUF_INPUT) {
        /* The old value of another variable: take it before any commit. */
        bool fresh = kind == BP__BUF_VAR && writer_of(x, root);
        if (!fresh) {
            s->phase = BP__PHASE_MAIN;
            int64_t bytes = (int64_t)s->l->bufs[from].bytes;
            uint32_t mid = bp__lower_temp(s, (bytes + 3) / 4);
            if (s->l->status != BP_OK)
                return;
            bp__lower_copy(s, u->value, from, mid);
            from = mid;
        }
    }
    memset(&b, 0, sizeof b);
    b.type = t;
    b.kind = BP__BUF_VAR;
    b.store = u->store;
    b.var = u->var;
    b.root = (uint32_t)s->l->n_bufs;
    b.bytes = bp__type_bytes(&t);
    if (!bp__grow(&s->l->a, &s->l->bufs, &s->l->cap_bufs, s->l->n_bufs + 1,
                  sizeof *s->l->bufs)) {
        s->l->status = BP_ENOMEM;
        return;
    }
    uint32_t to = (uint32_t)s->l->n_bufs;
    s->l->bufs[s->l->n_bufs++] = b;
    s->phase = BP__PHASE_COMMIT;
    bp__call *c = bp__lower_copy(s, u->value, from, to);
    if (!c)
        return;
    move_params *p = (move_params *)(uintptr_t)c->params;
    p->test = bp__is_float(t.dtype);
    c->kernel = "commit";
    add_commit(s, u, (uint32_t)(c - s->l->calls));
}

static void add_test(bp__lower_state *s, uint32_t buf, const char *label)
{
    bp__lowered *l = s->l;
    const bp__type *t = &l->bufs[buf].type;
    move_params p = params_of(s, t);
    s->phase = BP__PHASE_TEST;
    s->refusals = NULL;
    bp__call *c = bp__lower_call(s, "test.finite", SIZE_MAX, run_test, &p,
                                 sizeof p, 1, &buf, 0, NULL);
    if (!c)
        return;
    c->label = label;
    c->units = BP__MAX(p.numel, 1);
    c->grain = ELEMENT_GRAIN;
    c->flops = (double)p.numel;
}

/* Tests every float that the main phase computes and a commit or the caller
 * reads: the loss, the gradients, running statistics. */
static void add_tests(bp__lower_state *s)
{
    bp__lowered *l = s->l;
    size_t n_calls = l->n_calls;
    uint8_t *want = bp__calloc(&l->a, l->n_bufs, 1);
    uint32_t *writer = bp__calloc(&l->a, l->n_bufs, sizeof *writer);
    if (!want || !writer) {
        l->status = BP_ENOMEM;
    } else {
        size_t n_bufs = l->n_bufs;
        for (size_t i = 0; i < n_calls; i++)
            for (int k = 0; k < l->calls[i].n_out; k++)
                writer[l->calls[i].bufs[l->calls[i].n_in + k]] =
                    (uint32_t)i + 1;
        for (size_t i = 0; i < n_calls; i++)
            for (int k = 0;
                 l->calls[i].phase == BP__PHASE_COMMIT &&
                 k < l->calls[i].n_in;
                 k++)
                want[l->bufs[l->calls[i].bufs[k]].root] = 1;
        for (size_t i = 0; i < l->n_outputs; i++)
            if (l->outputs[i].name[0] != '%')
                want[l->bufs[l->outputs[i].buf].root] = 1;
        for (size_t b = 0; b < n_bufs && l->status == BP_OK; b++)
            if (want[b] && writer[b] && l->bufs[b].kind == BP__BUF_ARENA &&
                bp__is_float(l->bufs[b].type.dtype) &&
                l->calls[writer[b] - 1].phase == BP__PHASE_MAIN)
                add_test(s, (uint32_t)b, l->calls[writer[b] - 1].label);
        bp__free(&l->a, want, n_bufs);
        bp__free(&l->a, writer, n_bufs * sizeof *writer);
        return;
    }
    bp__free(&l->a, want, l->n_bufs);
    bp__free(&l->a, writer, l->n_bufs * sizeof *writer);
}

void bp__lower_commits(bp__lower_state *s)
{
    const bp_graph *g = s->g;
    bp__lowered *l = s->l;
    commit_index x;
    /* Whatever the updates need in memory, before the calls are indexed. */
    s->phase = BP__PHASE_MAIN;
    s->refusals = NULL;
    for (size_t i = 0; i < g->n_updates && l->status == BP_OK; i++)
        bp__lower_in(s, g->updates[i].value, BP__PLAIN);
    if (l->status != BP_OK)
        return;
    if (!make_index(l, &x))
        l->status = BP_ENOMEM;
    for (size_t i = 0; i < g->n_updates && l->status == BP_OK; i++) {
        const bp__update *u = &g->updates[i];
        s->phase = BP__PHASE_MAIN;
        uint32_t b = bp__lower_in(s, u->value, BP__PLAIN);
        if (!write_in_place(s, &x, u, b))
            commit_by_copy(s, &x, u, b);
    }
    free_index(l, &x);
    for (size_t i = 0; i < l->n_bufs; i++) {
        const bp__buf *root = &l->bufs[l->bufs[i].root];
        l->bufs[i].kind = root->kind;
        l->bufs[i].store = root->store;
        l->bufs[i].var = root->var;
    }
    if (l->status == BP_OK)
        add_tests(s);
}
