/* From graphs to a program: the passes in order, lowering, plan, memory. */
#include "exec/exec.h"
#include "xform/xform.h"

#include <stdio.h>

/* ---- passes -----------------------------------------------------------------*/

static bool holds_random(const bp__node *n)
{
    int op = n->op;
    if (op == BP__OP_backward)
        op = ((const bp__backward_attrs *)n->attrs)->op;
    return (bp__ops[op]->flags & BP__RANDOM) != 0;
}

/* Composites that hold a psum (their outputs differ in variance from their
 * inputs) or random numbers (indexed by sample) are expanded before shards are
 * placed. */
static bool keep_for_shards(void *user, const bp_graph *g, size_t node)
{
    const bp__node *n = &g->nodes[node];
    (void)user;
    bool varying = n->n_in && g->values[g->edges[n->in]].type.varying;
    for (int i = 0; i < n->n_out; i++)
        if (g->values[n->out + (uint32_t)i].type.varying != varying)
            return false;
    return !holds_random(n);
}

/* A copy of g, all of whose values are outputs named "%number". */
static bp_graph *keep_everything(const bp_graph *g)
{
    bp__remap r;
    if (!bp__remap_begin(&r, g))
        return NULL;
    for (size_t k = 0; k < g->n_nodes && bp__ok(r.to); k++)
        bp__remap_node(&r, k);
    bp_graph *to = bp__remap_end(&r);
    for (uint32_t v = 1; v <= g->n_values && bp__ok(to); v++) {
        char name[16];
        snprintf(name, sizeof name, "%%%u", v);
        bp_output(to, name, bp__val(to, v));
    }
    return to;
}

/* Replaces *g by the result of a pass. */
static bp_status step(bp_graph **g, bp_graph *next, bp_error *err)
{
    bp_graph_free(*g);
    *g = next;
    return bp__graph_error(next, err);
}

static bp_status place(const bp_graph *const *graphs, size_t n, bool keep_all,
                       bp_graph **out, bp_error *err)
{
    bp_graph *ready[2] = {NULL, NULL};
    bp_status s = BP_OK;
    for (size_t i = 0; i < n && s == BP_OK; i++) {
        bp_graph *kept = keep_all ? keep_everything(graphs[i]) : NULL;
        if (keep_all)
            s = bp__graph_error(kept, err);
        if (s == BP_OK) {
            ready[i] = bp__pass_expand(keep_all ? kept : graphs[i],
                                       keep_for_shards, NULL);
            s = bp__graph_error(ready[i], err);
        }
        bp_graph_free(kept);
    }
    if (s == BP_OK) {
        bp_error e = {BP_OK, ""};
        *out = bp__pass_shards((const bp_graph *const *)ready, n, &e);
        if (!*out)
            s = bp__error(err, e.status, "%s", e.message);
    }
    bp_graph_free(ready[0]);
    bp_graph_free(ready[1]);
    return s;
}

static bp_status run_passes(const bp_graph *const *graphs, size_t n,
                            const bp_compile_options *o,
                            bp__lower_options *lo, bp_graph **out,
                            bp_error *err)
{
    *out = NULL;
    bp_status s = place(graphs, n, o->keep_all, out, err);
    if (s == BP_OK)
        s = step(out, bp__pass_expand(*out, bp__has_kernel, lo), err);
    if (s == BP_OK && !bp__listed(o->no_pass, "poolmask"))
        s = step(out, bp__pass_pool_mask(*out), err);
    if (s == BP_OK && !bp__listed(o->no_pass, "cse"))
        s = step(out, bp__pass_cse(*out), err);
    if (s == BP_OK && !bp__listed(o->no_pass, "dce"))
        s = step(out, bp__pass_dce(*out), err);
    return s;
}

/* ---- the program --------------------------------------------------------------*/

static size_t count_pointers(const bp__lowered *l)
{
    size_t n = 0;
    for (size_t c = 0; c < l->n_calls; c++)
        n += (size_t)(l->calls[c].n_in + l->calls[c].n_out);
    return n;
}

static size_t count_input_uses(const bp__lowered *l)
{
    size_t n = 0;
    for (size_t c = 0; c < l->n_calls; c++)
        for (int k = 0; k < l->calls[c].n_in + l->calls[c].n_out; k++)
            n += l->bufs[l->calls[c].bufs[k]].kind == BP__BUF_INPUT;
    return n;
}

/* Only these count faults that the run looks at. */
static bool counts_faults(const bp__call *c)
{
    return c->faults || c->phase == BP__PHASE_TEST ||
           c->phase == BP__PHASE_COMMIT;
}

static size_t count_slots(const bp__lowered *l)
{
    size_t n = 1;
    for (size_t c = 0; c < l->n_calls; c++)
        n += counts_faults(&l->calls[c]);
    return n;
}

/* Variables that kept calls read, as often as they read one. */
static size_t count_kept(const bp__lowered *l)
{
    size_t n = 0;
    for (size_t c = 0; c < l->n_calls; c++)
        for (int k = 0; k < l->calls[c].n_in; k++)
            n += l->calls[c].phase == BP__PHASE_KEPT &&
                 l->bufs[l->calls[c].bufs[k]].kind == BP__BUF_VAR;
    return n;
}

static bool allocate(bp_program *p)
{
    const bp__lowered *l = p->l;
    size_t w = (size_t)p->r->threads;
    p->n_ptr = count_pointers(l);
    p->n_uses = count_input_uses(l);
    p->n_slots = count_slots(l);
    p->fault_stride = (p->n_slots + 7) / 8 * 8;
    p->n_kept = count_kept(l);
    p->n_unbound = l->n_inputs;
    p->ptr = bp__calloc(&p->a, p->n_ptr, sizeof *p->ptr);
    p->first_ptr = bp__calloc(&p->a, l->n_calls, sizeof *p->first_ptr);
    p->bound = bp__calloc(&p->a, l->n_inputs, sizeof *p->bound);
    p->uses = bp__calloc(&p->a, p->n_uses, sizeof *p->uses);
    p->faults = bp__calloc(&p->a, w * p->fault_stride, sizeof *p->faults);
    p->fault_slot = bp__calloc(&p->a, l->n_calls, sizeof *p->fault_slot);
    p->kept = bp__calloc(&p->a, p->n_kept, sizeof *p->kept);
    p->made = bp__calloc(&p->a, w * BP__PAD, sizeof *p->made);
    p->next_item = bp__calloc(&p->a, p->plan->n_segments * w,
                              sizeof *p->next_item);
    p->constants = bp__alloc64(&p->a, p->plan->const_bytes);
    return p->ptr && p->first_ptr && p->bound && p->uses && p->faults &&
           p->fault_slot && p->kept && p->made && p->next_item &&
           p->constants;
}

static void index_calls(bp_program *p)
{
    const bp__lowered *l = p->l;
    uint32_t slot = 0;
    for (size_t c = 0; c < l->n_calls; c++)
        if (counts_faults(&l->calls[c]))
            p->fault_slot[c] = ++slot;
    size_t n = 0;
    for (size_t c = 0; c < l->n_calls; c++)
        for (int k = 0; k < l->calls[c].n_in; k++) {
            const bp__buf *b = &l->bufs[l->calls[c].bufs[k]];
            if (l->calls[c].phase == BP__PHASE_KEPT &&
                b->kind == BP__BUF_VAR)
                p->kept[n++].var = bp__store_var(b->store, b->var);
        }
    while (p->commit < p->plan->n_segments &&
           p->plan->segments[p->commit].phase != BP__PHASE_COMMIT)
        p->commit++;
}

/* Lists the states that the program reads or writes. */
static bool list_states(bp_program *p)
{
    const bp__lowered *l = p->l;
    p->states = bp__calloc(&p->a, l->n_bufs, sizeof *p->states);
    for (size_t i = 0; p->states && i < l->n_bufs; i++) {
        const bp__buf *b = &l->bufs[i];
        if (b->kind != BP__BUF_VAR || b->root != i)
            continue;
        const bp__var *v = bp__store_var(b->store, b->var);
        size_t k = 0;
        while (k < p->n_states && p->states[k].var != v)
            k++;
        if (v->info.kind == BP_VAR_STATE && k == p->n_states)
            p->states[p->n_states++] =
                (bp__state_use){v, b->type.dims[0], b->store, b->var, false};
    }
    return p->states != NULL;
}

static void index_pointers(bp_program *p)
{
    const bp__lowered *l = p->l;
    uint32_t at = 0;
    size_t u = 0;
    for (size_t c = 0; c < l->n_calls; c++) {
        const bp__call *call = &l->calls[c];
        p->first_ptr[c] = at;
        for (int k = 0; k < call->n_in + call->n_out; k++, at++) {
            const bp__buf *b = &l->bufs[call->bufs[k]];
            if (b->kind == BP__BUF_INPUT)
                p->uses[u++] = (bp__input_use){at, b->input, b->offset};
        }
    }
    for (size_t s = 0; s < p->plan->n_segments; s++) {
        const bp__segment *seg = &p->plan->segments[s];
        for (uint32_t i = 0; i < seg->n_items; i++)
            *(s < p->plan->n_kept ? &p->kept_calls : &p->planned) +=
                p->plan->items[seg->first_item + i].count;
    }
}

/* A program of the runtime that holds nothing yet; NULL: out of memory. */
static bp_program *new_program(bp_runtime *r, const bp__lower_options *lo)
{
    bp_program *p = bp__calloc(&r->a, 1, sizeof *p);
    if (!p)
        return NULL;
    p->a = r->a;
    p->r = r;
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    p->no_pass = bp__strdup(&p->a, lo->no_pass ? lo->no_pass : "");
    p->no_kernel = bp__strdup(&p->a, lo->no_kernel ? lo->no_kernel : "");
    if (!p->no_pass || !p->no_kernel) {
        bp_program_free(p);
        return NULL;
    }
    return p;
}

/* The caller's thread alone is done sooner: all work, or what stands between two
 * barriers on average, is less than a barrier costs. */
static bool too_small(const bp__plan *p)
{
    double segments = (double)(p->n_segments - p->n_kept);
    return p->flops < BP__ALONE_FLOPS ||
           p->flops < BP__ALONE_SEGMENT_FLOPS * segments;
}

static bp_status build(bp_program *p, const bp__lower_options *lo,
                       bp_error *err)
{
    p->l = bp__lower(p->g, lo, err);
    if (!p->l)
        return err && err->status != BP_OK ? err->status : BP_ENOMEM;
    p->plan = bp__plan_new(p->l, lo->no_pass, p->r->threads);
    if (!p->plan || !allocate(p) || !list_states(p))
        return bp__oom(err);
    bp_status s = bp__runtime_reserve(p->r, p->plan->arena_bytes,
                                      p->plan->scratch, err);
    if (s != BP_OK)
        return s;
    index_pointers(p);
    index_calls(p);
    p->serial = p->r->threads == 1 || too_small(p->plan);
    bp__resolve(p);
    for (size_t i = 0; i < p->plan->n_const; i++)
        bp__run_call(p, p->plan->order[i], 0, 0,
                     p->l->calls[p->plan->order[i]].units);
    return BP_OK;
}

static bp_status check_options(const bp_compile_options *options,
                               bp_compile_options *o, size_t n_graphs,
                               bp_error *err)
{
    if (n_graphs < 1 || n_graphs > 2)
        return bp__error(err, BP_EARG, "%zu graphs: a program takes one, or "
                         "two for two shard sizes", n_graphs);
    return BP__OPTIONS(o, options, bp_compile_options, err);
}

bp_status bp_compile(bp_runtime *r, const bp_graph *const *graphs,
                     size_t n_graphs, const bp_compile_options *options,
                     bp_program **program, bp_error *err)
{
    bp_compile_options o;
    bp_error local = {BP_OK, ""};
    *program = NULL;
    bp_status s = check_options(options, &o, n_graphs, err);
    for (size_t i = 0; i < n_graphs && s == BP_OK; i++)
        s = bp__graph_error(graphs[i], err);
    if (s != BP_OK)
        return s;
    bp__lower_options lo = {r->cpu, o.no_pass, o.no_kernel};
    bp_program *p = new_program(r, &lo);
    if (!p)
        return bp__oom(err);
    s = run_passes(graphs, n_graphs, &o, &lo, &p->g, &local);
    if (s == BP_OK)
        s = build(p, &lo, &local);
    if (s != BP_OK) {
        bp_program_free(p);
        return bp__error(err, s, "%s", local.message);
    }
    *program = p;
    return BP_OK;
}

bp_status bp__program_unfused(const bp_program *p, bp_program **unfused,
                              bp_error *err)
{
    bp__lower_options lo = {p->r->cpu, "fuse,inplace", p->no_kernel};
    bp__str passes;
    bp_error local = {BP_OK, ""};
    *unfused = NULL;
    bp__str_init(&passes, &p->a);
    bp__str_printf(&passes, "%s,fuse,inplace", p->no_pass);
    lo.no_pass = passes.failed ? "fuse,inplace" : passes.s;
    bp_program *u = new_program(p->r, &lo);
    bp_status s = u ? BP_OK : bp__oom(err);
    if (s == BP_OK) {
        u->g = bp__pass_dce(p->g); /* a copy */
        s = bp__graph_error(u->g, &local);
    }
    if (s == BP_OK)
        s = build(u, &lo, &local);
    bp__str_free(&passes);
    for (size_t i = 0; s == BP_OK && i < p->l->n_inputs; i++)
        for (size_t k = 0; k < u->l->n_inputs; k++)
            if (strcmp(p->l->inputs[i].name, u->l->inputs[k].name) == 0)
                s = bp_bind(u, u->l->inputs[k].name, p->bound[i],
                            u->l->bufs[u->l->inputs[k].buf].bytes, &local);
    if (s != BP_OK) {
        bp_program_free(u);
        return bp__error(err, s, "%s", local.message);
    }
    *unfused = u;
    return BP_OK;
}

void bp_program_free(bp_program *p)
{
    if (!p)
        return;
    bp_allocator a = p->a;
    bp_runtime *r = p->r;
    if (p->l && p->plan) {
        size_t w = (size_t)r->threads;
        bp__free(&a, p->states, p->l->n_bufs * sizeof *p->states);
        bp__free(&a, p->ptr, p->n_ptr * sizeof *p->ptr);
        bp__free(&a, p->first_ptr, p->l->n_calls * sizeof *p->first_ptr);
        bp__free(&a, p->bound, p->l->n_inputs * sizeof *p->bound);
        bp__free(&a, p->uses, p->n_uses * sizeof *p->uses);
        bp__free(&a, p->faults, w * p->fault_stride * sizeof *p->faults);
        bp__free(&a, p->fault_slot, p->l->n_calls * sizeof *p->fault_slot);
        bp__free(&a, p->kept, p->n_kept * sizeof *p->kept);
        bp__free(&a, p->made, w * BP__PAD * sizeof *p->made);
        bp__free(&a, p->next_item,
                 p->plan->n_segments * w * sizeof *p->next_item);
        bp__free64(&a, p->constants, p->plan->const_bytes);
    }
    bp__plan_free(p->plan);
    bp__lowered_free(p->l);
    bp_graph_free(p->g);
    bp__strfree(&a, p->no_pass);
    bp__strfree(&a, p->no_kernel);
    bp__free(&a, p, sizeof *p);
    bp_runtime_free(r);
}
