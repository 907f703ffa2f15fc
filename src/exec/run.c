/* Running a program: segments, items, barriers, the test, the commit.
 * Allocates nothing. */
#include "exec/exec.h"

void *bp__address(const bp_program *p, uint32_t buf)
{
    const bp__buf *b = &p->l->bufs[buf];
    const bp__buf *root = &p->l->bufs[b->root];
    const char *base = NULL;
    switch (root->kind) {
    case BP__BUF_ARENA:
        base = p->r->arena + root->place;
        break;
    case BP__BUF_CONST:
    case BP__BUF_KEPT:
        base = root->data ? root->data : p->constants + root->place;
        break;
    case BP__BUF_VAR:
        base = bp__store_var(root->store, root->var)->data;
        break;
    case BP__BUF_INPUT:
        base = p->bound[root->input];
        break;
    }
    return base ? (void *)(uintptr_t)(base + b->offset) : NULL;
}

static uint64_t moves_of_stores(const bp_program *p)
{
    uint64_t n = 0;
    for (size_t i = 0; i < p->l->n_stores; i++)
        n += bp__store_moves(p->l->stores[i]);
    return n;
}

void bp__resolve(bp_program *p)
{
    for (size_t c = 0; c < p->l->n_calls; c++) {
        const bp__call *call = &p->l->calls[c];
        for (int k = 0; k < call->n_in + call->n_out; k++)
            p->ptr[p->first_ptr[c] + (uint32_t)k] =
                bp__address(p, call->bufs[k]);
    }
    p->version = p->r->version;
    p->moves = moves_of_stores(p);
}

bp_status bp_bind(bp_program *p, const char *input, const void *data,
                  size_t bytes, bp_error *err)
{
    const bp__lowered *l = p->l;
    size_t i = 0;
    while (i < l->n_inputs && strcmp(l->inputs[i].name, input) != 0)
        i++;
    if (i == l->n_inputs)
        return bp__error(err, BP_ENOTFOUND, "the program has no input \"%s\"",
                         input);
    const bp__buf *b = &l->bufs[l->inputs[i].buf];
    if (b->bytes != bytes) {
        char text[200];
        return bp__error(err, BP_ESHAPE,
                         "input \"%s\" is %s, %zu bytes: %zu were given",
                         input, bp__type_text(&b->type, text), b->bytes,
                         bytes);
    }
    if (!data)
        return bp__error(err, BP_EARG, "input \"%s\": no data", input);
    bp__bind_at(p, i, data);
    return BP_OK;
}

void bp__bind_at(bp_program *p, size_t i, const void *data)
{
    if (p->bound[i] == data)
        return;
    if (!p->bound[i])
        p->n_unbound--;
    p->bound[i] = data;
    for (size_t u = 0; u < p->n_uses; u++)
        if (p->uses[u].input == i)
            p->ptr[p->uses[u].ptr] =
                (char *)(uintptr_t)data + p->uses[u].offset;
}

int64_t bp__input_index(const bp_program *p, const char *name)
{
    for (size_t i = 0; i < p->l->n_inputs; i++)
        if (!strcmp(p->l->inputs[i].name, name))
            return (int64_t)i;
    return -1;
}

size_t bp__program_outputs(const bp_program *p)
{
    return p->l->n_outputs;
}

const void *bp__program_output(const bp_program *p, size_t i,
                               const char **name, bp__type *type,
                               size_t *bytes)
{
    uint32_t b = p->l->outputs[i].buf;
    *name = p->l->outputs[i].name;
    *type = p->l->bufs[b].type;
    *bytes = p->l->bufs[b].bytes;
    return bp__address(p, b);
}

bool bp__program_take_rows(bp_program *p)
{
    bool room = true;
    for (size_t i = 0; i < p->n_states; i++) {
        bp__state_use *u = &p->states[i];
        bp__var *v = bp__store_var(u->store, u->index);
        u->took = room && !v->info.dims[0];
        if (u->took)
            room = u->took = bp__store_set_rows(u->store, v, u->rows);
    }
    return room;
}

void bp__program_give_rows(bp_program *p)
{
    for (size_t i = 0; i < p->n_states; i++) {
        const bp__state_use *u = &p->states[i];
        if (u->took)
            bp__store_set_rows(u->store, bp__store_var(u->store, u->index), 0);
    }
}

void bp__run_call(bp_program *p, uint32_t call, int w, int64_t begin,
                  int64_t end)
{
    const bp__call *c = &p->l->calls[call];
    bp__args a = {
        .params = c->params,
        .ptr = p->ptr + p->first_ptr[call],
        .begin = begin,
        .end = end,
        .faults = p->faults + (size_t)w * p->fault_stride +
                  p->fault_slot[call],
    };
    if (p->r->scratch)
        a.scratch = p->r->scratch + (size_t)w * p->r->scratch_bytes;
    c->run(&a);
    p->made[w * BP__PAD]++;
}

static void run_item(bp_program *p, const bp__item *it, int w)
{
    for (uint32_t i = 0; i < it->count; i++)
        bp__run_call(p, p->plan->order[it->first + i], w, it->begin,
                     it->end);
}

int64_t bp__call_faults(const bp_program *p, uint32_t call)
{
    int64_t n = 0;
    for (int w = 0; w < p->r->threads && p->fault_slot[call]; w++)
        n += p->faults[(size_t)w * p->fault_stride + p->fault_slot[call]];
    return n;
}

static bool any_fault(const bp_program *p)
{
    for (int w = 0; w < p->r->threads; w++)
        for (size_t i = 1; i < p->n_slots; i++)
            if (p->faults[(size_t)w * p->fault_stride + i])
                return true;
    return false;
}

/* Segments [from, to) on the caller's thread. */
static void run_alone(bp_program *p, size_t from, size_t to)
{
    for (size_t s = from; s < to; s++) {
        const bp__segment *seg = &p->plan->segments[s];
        if (s == p->commit && (p->faulty = any_fault(p)))
            return;
        for (uint32_t i = 0; i < seg->n_items; i++)
            run_item(p, &p->plan->items[seg->first_item + i], 0);
    }
}

/* Worker w takes items of `owner` until none is left. */
static void take_items(bp_program *p, size_t s, int owner, int w)
{
    const bp__plan *pl = p->plan;
    const uint32_t *starts = pl->starts + s * (size_t)(pl->threads + 1);
    const bp__item *items = pl->items + pl->segments[s].first_item;
    uint32_t n = starts[owner + 1] - starts[owner];
    atomic_uint *next = &p->next_item[s * (size_t)pl->threads +
                                      (size_t)owner];
    /* Looking first keeps the line shared once the items are gone. */
    while (atomic_load_explicit(next, memory_order_relaxed) < n) {
        unsigned i = atomic_fetch_add_explicit(next, 1,
                                               memory_order_relaxed);
        if (i >= n)
            return;
        run_item(p, &items[starts[owner] + i], w);
    }
}

static void work(void *user, int w, int n_workers)
{
    bp_program *p = user;
    for (size_t s = p->from; s < p->to; s++) {
        if (s == p->commit) {
            if (w == 0)
                p->faulty = any_fault(p);
            bp__pool_barrier(p->r->pool);
            if (p->faulty)
                return;
        }
        for (int k = 0; k < n_workers; k++)
            take_items(p, s, (w + k) % n_workers, w);
        if (s + 1 < p->to) /* the end of the run is a barrier, too */
            bp__pool_barrier(p->r->pool);
    }
}

static void run_segments(bp_program *p, size_t from, size_t to, bool alone)
{
    if (alone) {
        run_alone(p, from, to);
    } else if (from < to) {
        p->from = from;
        p->to = to;
        bp__pool_run(p->r->pool, work, p);
    }
}

/* ---- what is kept from run to run ------------------------------------------*/

static bool kept_is_fresh(const bp_program *p)
{
    for (size_t i = 0; i < p->n_kept; i++) {
        const bp__var *v = p->kept[i].var;
        if (v->version != p->kept[i].version ||
            atomic_load_explicit(&v->lent, memory_order_relaxed))
            return false;
    }
    return p->kept_made;
}

/* The first segment to run: those of the phase KEPT have been run if they are
 * little work, are left out if their results stand, or come first. */
static size_t first_segment(bp_program *p)
{
    size_t n = p->plan->n_kept;
    if (!n || kept_is_fresh(p))
        return n;
    for (size_t i = 0; i < p->n_kept; i++)
        p->kept[i].version = p->kept[i].var->version;
    p->kept_made = true;
    bool alone = p->r->threads == 1 || p->plan->kept_flops < BP__ALONE_FLOPS;
    if (!alone && !p->serial)
        return 0;
    run_segments(p, 0, n, alone);
    return n;
}

static void count_commits(const bp_program *p)
{
    for (size_t i = 0; i < p->l->n_commits; i++)
        bp__store_var(p->l->commits[i].store, p->l->commits[i].var)->version++;
}

static bp_status check_ready(const bp_program *p, bp_error *err)
{
    for (size_t i = 0; p->n_unbound && i < p->l->n_inputs; i++)
        if (!p->bound[i])
            return bp__error(err, BP_EARG, "input \"%s\" is not bound",
                             p->l->inputs[i].name);
    for (size_t i = 0; i < p->l->n_stores; i++) {
        const char *why = bp_store_poisoned(p->l->stores[i]);
        if (why)
            return bp__error(err, BP_ENONFINITE,
                             "the store is unusable since an earlier step: "
                             "%s", why);
    }
    for (size_t i = 0; i < p->n_states; i++) {
        const bp_var_info *v = &p->states[i].var->info;
        if (v->dims[0] != p->states[i].rows)
            return bp__error(err, BP_ESHAPE, "state \"%s\" has %lld rows, the "
                             "batch %lld: bp_state_clear or bp_state_gather "
                             "first", v->name, (long long)v->dims[0],
                             (long long)p->states[i].rows);
    }
    return BP_OK;
}

bp_status bp_run(bp_program *p, bp_error *err)
{
    bp_status s = check_ready(p, err);
    if (s != BP_OK)
        return s;
    if (p->version != p->r->version || p->moves != moves_of_stores(p)) {
        /* Memory moved, or was lost when another program was compiled. */
        s = bp__runtime_reserve(p->r, p->plan->arena_bytes, p->plan->scratch,
                                err);
        if (s != BP_OK)
            return s;
        bp__resolve(p);
    }
    memset(p->faults, 0,
           (size_t)p->r->threads * p->fault_stride * sizeof *p->faults);
    for (int w = 0; w < p->r->threads; w++)
        p->made[w * BP__PAD] = 0;
    p->faulty = false;
    if (!p->serial || p->plan->n_kept) {
        size_t n = p->plan->n_segments * (size_t)p->r->threads;
        for (size_t i = 0; i < n; i++)
            atomic_store_explicit(&p->next_item[i], 0, memory_order_relaxed);
    }
    run_segments(p, first_segment(p), p->plan->n_segments, p->serial);
    bool commits = p->commit < p->plan->n_segments;
    if (!commits)
        p->faulty = any_fault(p);
    if (p->faulty)
        return bp__diagnose(p, err);
    count_commits(p);
    return commits && any_fault(p) ? bp__poison(p, err) : BP_OK;
}

const void *bp_result(const bp_program *p, const char *output, size_t *bytes)
{
    for (size_t i = 0; i < p->l->n_outputs; i++) {
        if (strcmp(p->l->outputs[i].name, output) != 0)
            continue;
        uint32_t b = p->l->outputs[i].buf;
        if (bytes)
            *bytes = p->l->bufs[b].bytes;
        return bp__address(p, b);
    }
    if (bytes)
        *bytes = 0;
    return NULL;
}

const void *bp_kept(const bp_program *p, bp_val v, size_t *bytes)
{
    char name[16] = "%", digits[12];
    int n = 0, at = 1;
    for (uint32_t x = v.id; x; x /= 10)
        digits[n++] = (char)('0' + x % 10);
    while (n)
        name[at++] = digits[--n];
    name[at] = '\0';
    return bp_result(p, name, bytes);
}

bp_status bp_program_get_stats(const bp_program *p, bp_program_stats *s)
{
    bp_program_stats all = {.size = s->size, .calls = p->planned,
                            .kept_calls = p->kept_calls,
                            .segments = (int64_t)p->plan->n_segments,
                            .arena_bytes = (int64_t)p->plan->arena_bytes,
                            .arena_lower_bound =
                                (int64_t)p->plan->lower_bound,
                            .const_bytes = (int64_t)p->plan->const_bytes,
                            .flops = p->plan->flops};
    if (s->size < sizeof s->size)
        return BP_EARG;
    for (int w = 0; w < p->r->threads; w++)
        all.calls_made += p->made[w * BP__PAD];
    memcpy(s, &all, BP__MIN(s->size, sizeof all)); /* what the caller has */
    return BP_OK;
}
