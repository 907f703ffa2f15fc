/* The order of calls, and the segments.
 *
 * Calls that depend on no input (packing weights, replicated arithmetic) come
 * first. Then, again and again: a segment by rows is grown from the calls that
 * are ready, as long as what it reads of its own calls is read at the same
 * rows only; where none of at least two calls can be grown, everything that
 * is ready becomes one segment of independent calls. So a forward and backward
 * pass is one segment by rows, and all weight gradients are one more. */
#include "plan/plan.h"

typedef struct heap { /* the smallest call number first */
    uint32_t *v;
    size_t n;
} heap;

static void heap_push(heap *h, uint32_t x)
{
    size_t i = h->n++;
    for (; i && h->v[(i - 1) / 2] > x; i = (i - 1) / 2)
        h->v[i] = h->v[(i - 1) / 2];
    h->v[i] = x;
}

static uint32_t heap_pop(heap *h)
{
    uint32_t top = h->v[0], x = h->v[--h->n];
    size_t i = 0;
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= h->n)
            break;
        if (c + 1 < h->n && h->v[c + 1] < h->v[c])
            c++;
        if (h->v[c] >= x)
            break;
        h->v[i] = h->v[c];
        i = c;
    }
    if (h->n)
        h->v[i] = x;
    return top;
}

typedef struct ordering {
    const bp__lowered *l;
    bp__plan *p;
    bool alone;          /* every call is a segment, in order of numbers */
    uint32_t *writer;    /* by root buffer: call + 1 */
    uint32_t *waits;     /* by call: operands not yet computed */
    uint32_t *head, *next_edge, *edge_to; /* successors */
    size_t n_edges;
    uint32_t *segment;   /* by call: its segment + 1, 0: not yet */
    uint8_t *early;      /* by call: depends on no input */
    bool early_only;
    heap ready, later, grow, held;
    uint32_t *singles;
    size_t n_singles;
} ordering;

static uint32_t root_of(const bp__lowered *l, uint32_t b)
{
    return l->bufs[b].root;
}

static void add_edges(ordering *o)
{
    const bp__lowered *l = o->l;
    for (size_t c = 0; c < l->n_calls; c++)
        for (int k = 0; k < l->calls[c].n_out; k++)
            o->writer[root_of(l, l->calls[c].bufs[l->calls[c].n_in + k])] =
                (uint32_t)c + 1;
    for (size_t c = l->n_calls; c-- > 0;) {
        const bp__call *call = &l->calls[c];
        for (int k = 0; k < call->n_in; k++) {
            uint32_t w = o->writer[root_of(l, call->bufs[k])];
            /* A commit writes over what it reads. */
            if (!w || w - 1 == c || l->calls[w - 1].phase == BP__PHASE_CONST)
                continue;
            if (l->calls[w - 1].phase == BP__PHASE_COMMIT &&
                call->phase != BP__PHASE_COMMIT)
                continue; /* reads the variable's old value */
            uint32_t e = (uint32_t)o->n_edges++;
            o->edge_to[e] = (uint32_t)c;
            o->next_edge[e] = o->head[w - 1];
            o->head[w - 1] = e + 1;
            o->waits[c]++;
        }
    }
}

static void mark_early(ordering *o)
{
    const bp__lowered *l = o->l;
    for (size_t c = 0; c < l->n_calls; c++) {
        bool early = l->calls[c].phase == BP__PHASE_MAIN;
        for (int k = 0; k < l->calls[c].n_in && early; k++) {
            uint32_t b = root_of(l, l->calls[c].bufs[k]);
            uint32_t w = o->writer[b];
            if (l->bufs[b].kind == BP__BUF_INPUT ||
                (w && w - 1 != c &&
                 l->calls[w - 1].phase == BP__PHASE_MAIN &&
                 !o->early[w - 1]))
                early = false;
        }
        o->early[c] = early;
    }
}

static bool open_segment(ordering *o, bool by_rows, uint8_t phase)
{
    bp__plan *p = o->p;
    if (!bp__grow(&p->a, &p->segments, &p->cap_segments, p->n_segments + 1,
                  sizeof *p->segments))
        return false;
    bp__segment *s = &p->segments[p->n_segments++];
    memset(s, 0, sizeof *s);
    s->first = (uint32_t)p->n_order;
    s->by_rows = by_rows;
    s->phase = phase;
    return true;
}

static void append_call(ordering *o, uint32_t c)
{
    bp__segment *s = &o->p->segments[o->p->n_segments - 1];
    o->p->order[o->p->n_order++] = c;
    s->count++;
    s->flops += o->l->calls[c].flops;
    o->segment[c] = (uint32_t)o->p->n_segments;
}

/* Calls below this are not worth a barrier. */
static const double TINY_FLOPS = 20e3;

/* A tiny call with one unit counts as one row, of which it reads all: a
 * segment of such calls is a sequence for one worker. */
static bool one_row(const bp__call *c)
{
    return c->units == 1 && c->flops < TINY_FLOPS;
}

static bool by_rows(const bp__call *c)
{
    return ((c->rows & BP__ROWS) && c->units > 1) || one_row(c);
}

/* What a chunk of rows may occupy before it no longer stays in cache. */
enum { CHUNK_BYTES = 1536 * 1024 };

typedef struct growth {
    int64_t units, grain;
    double row_bytes;
    uint32_t mark; /* stands in ordering.segment for its members */
} growth;

static double row_bytes_of(const bp__lowered *l, const bp__call *c)
{
    double b = 0;
    for (int k = 0; k < c->n_out; k++)
        b += (double)l->bufs[c->bufs[c->n_in + k]].bytes;
    return b / (double)(c->units ? c->units : 1);
}

/* May call c join the segment that is being grown? */
static bool fits(const ordering *o, const growth *gr, uint32_t c)
{
    const bp__call *call = &o->l->calls[c];
    if (!by_rows(call) || call->units != gr->units ||
        call->phase != BP__PHASE_MAIN)
        return false;
    for (int k = 0; k < call->n_in; k++) {
        uint32_t w = o->writer[root_of(o->l, call->bufs[k])];
        if (w && o->segment[w - 1] == gr->mark && !one_row(call) &&
            !(call->rows >> k & 1))
            return false;
    }
    int64_t grain = BP__MAX(gr->grain, call->grain);
    double bytes = gr->row_bytes + row_bytes_of(o->l, call);
    return gr->grain == 0 || (double)grain * bytes <= CHUNK_BYTES ||
           call->grain == gr->grain;
}

static void release(ordering *o, uint32_t c, const growth *gr)
{
    for (uint32_t e = o->head[c]; e; e = o->next_edge[e - 1]) {
        uint32_t d = o->edge_to[e - 1];
        if (--o->waits[d] || o->l->calls[d].phase != o->l->calls[c].phase)
            continue;
        if (o->early_only && !o->early[d])
            heap_push(&o->held, d);
        else if (gr && fits(o, gr, d))
            heap_push(&o->grow, d);
        else
            heap_push(&o->later, d);
    }
}

/* Grows a segment by rows from the ready calls with the units of call `seed`
 * into o->singles; returns its size. */
static size_t grow_rows(ordering *o, uint32_t seed, uint32_t mark)
{
    growth gr = {.units = o->l->calls[seed].units, .mark = mark};
    size_t first = o->n_singles, n = 0;
    heap_push(&o->grow, seed);
    for (size_t i = 0; i < o->ready.n;) {
        uint32_t c = o->ready.v[i];
        const bp__call *call = &o->l->calls[c];
        if (by_rows(call) && call->units == gr.units) {
            heap_push(&o->grow, c);
            o->ready.v[i] = o->ready.v[--o->ready.n];
        } else {
            i++;
        }
    }
    while (o->grow.n) {
        uint32_t c = heap_pop(&o->grow);
        if (!fits(o, &gr, c)) {
            heap_push(&o->later, c);
            continue;
        }
        gr.grain = BP__MAX(gr.grain, o->l->calls[c].grain);
        gr.row_bytes += row_bytes_of(o->l, &o->l->calls[c]);
        o->segment[c] = mark;
        o->singles[first + n++] = c;
        release(o, c, &gr);
    }
    o->n_singles += n;
    return n;
}

static void rebuild(heap *h)
{
    size_t n = h->n;
    h->n = 0;
    for (size_t i = 0; i < n; i++)
        heap_push(h, h->v[i]);
}

/* While early calls are scheduled, others are held back. */
static void make_ready(ordering *o, uint32_t c)
{
    heap_push(o->early_only && !o->early[c] ? &o->held : &o->ready, c);
}

/* One round: perhaps a segment of independent calls, perhaps one by rows. */
static bool schedule_round(ordering *o)
{
    size_t rows_first = 0, rows_n = 0;
    o->n_singles = 0;
    uint32_t mark = UINT32_MAX;
    for (;;) { /* each pass takes all ready calls of one number of units */
        size_t at = o->ready.n;
        for (size_t i = 0; i < o->ready.n; i++)
            if (by_rows(&o->l->calls[o->ready.v[i]]) &&
                (at == o->ready.n || o->ready.v[i] < o->ready.v[at]))
                at = i;
        if (at == o->ready.n)
            break;
        uint32_t seed = o->ready.v[at];
        o->ready.v[at] = o->ready.v[--o->ready.n];
        size_t first = o->n_singles, n = grow_rows(o, seed, mark--);
        if (n >= 2) {
            rows_first = first;
            rows_n = n;
            break;
        }
    }
    rebuild(&o->ready);
    size_t lone = rows_n ? rows_first : o->n_singles;
    if (lone || (!rows_n && o->ready.n)) {
        if (!open_segment(o, false, BP__PHASE_MAIN))
            return false;
        for (size_t i = 0; i < lone; i++)
            append_call(o, o->singles[i]);
        while (!rows_n && o->ready.n) {
            uint32_t c = heap_pop(&o->ready);
            append_call(o, c);
            release(o, c, NULL);
        }
    }
    if (rows_n) {
        if (!open_segment(o, true, BP__PHASE_MAIN))
            return false;
        for (size_t i = 0; i < rows_n; i++)
            append_call(o, o->singles[rows_first + i]);
    }
    while (o->later.n)
        make_ready(o, heap_pop(&o->later));
    return true;
}

/* Everything ready, as one segment of independent calls, until nothing is. */
static bool schedule_flat(ordering *o, uint8_t phase)
{
    while (o->ready.n) {
        if (!open_segment(o, false, phase))
            return false;
        while (o->ready.n) {
            uint32_t c = heap_pop(&o->ready);
            append_call(o, c);
            release(o, c, NULL);
        }
        while (o->later.n)
            heap_push(&o->ready, heap_pop(&o->later));
    }
    return true;
}

/* Rounds until nothing that may run is ready. */
static bool schedule_rounds(ordering *o)
{
    while (o->ready.n)
        if (!schedule_round(o))
            return false;
    while (o->held.n)
        heap_push(&o->ready, heap_pop(&o->held));
    return true;
}

static void collect_ready(ordering *o, uint8_t phase)
{
    o->ready.n = o->later.n = o->grow.n = 0;
    for (size_t c = 0; c < o->l->n_calls; c++)
        if (o->l->calls[c].phase == phase && !o->waits[c])
            make_ready(o, (uint32_t)c);
}

static bool schedule_alone(ordering *o, uint8_t phase)
{
    for (size_t c = 0; c < o->l->n_calls; c++) {
        if (o->l->calls[c].phase != phase)
            continue;
        if (!open_segment(o, false, phase))
            return false;
        append_call(o, (uint32_t)c);
        release(o, (uint32_t)c, NULL);
        o->later.n = 0;
    }
    return true;
}

static bool schedule(ordering *o)
{
    if (o->alone)
        return schedule_alone(o, BP__PHASE_KEPT) &&
               schedule_alone(o, BP__PHASE_MAIN) &&
               schedule_alone(o, BP__PHASE_TEST) &&
               schedule_alone(o, BP__PHASE_COMMIT);
    collect_ready(o, BP__PHASE_KEPT);
    if (!schedule_flat(o, BP__PHASE_KEPT))
        return false;
    o->early_only = true;
    collect_ready(o, BP__PHASE_MAIN);
    if (!schedule_rounds(o))
        return false;
    o->early_only = false;
    if (!schedule_rounds(o))
        return false;
    collect_ready(o, BP__PHASE_TEST);
    if (!schedule_flat(o, BP__PHASE_TEST))
        return false;
    collect_ready(o, BP__PHASE_COMMIT);
    return schedule_flat(o, BP__PHASE_COMMIT);
}

static size_t count_edges(const bp__lowered *l)
{
    size_t n = 0;
    for (size_t c = 0; c < l->n_calls; c++)
        n += (size_t)l->calls[c].n_in;
    return n;
}

bool bp__plan_order(bp__plan *p, const bp__lowered *l, const char *no_pass)
{
    bp__arena ar;
    bp__arena_init(&ar, &p->a);
    size_t n = l->n_calls + 1, e = count_edges(l) + 1;
    ordering o = {.l = l, .p = p, .alone = bp__listed(no_pass, "order")};
    o.writer = bp__arena_array(&ar, l->n_bufs + 1, sizeof *o.writer);
    o.waits = bp__arena_array(&ar, n, sizeof *o.waits);
    o.head = bp__arena_array(&ar, n, sizeof *o.head);
    o.next_edge = bp__arena_array(&ar, e, sizeof *o.next_edge);
    o.edge_to = bp__arena_array(&ar, e, sizeof *o.edge_to);
    o.segment = bp__arena_array(&ar, n, sizeof *o.segment);
    o.early = bp__arena_array(&ar, n, sizeof *o.early);
    o.ready.v = bp__arena_array(&ar, n, sizeof(uint32_t));
    o.later.v = bp__arena_array(&ar, n, sizeof(uint32_t));
    o.grow.v = bp__arena_array(&ar, n, sizeof(uint32_t));
    o.held.v = bp__arena_array(&ar, n, sizeof(uint32_t));
    o.singles = bp__arena_array(&ar, n, sizeof *o.singles);
    bool ok = !ar.failed;
    if (ok) {
        add_edges(&o);
        mark_early(&o);
        for (size_t c = 0; c < l->n_calls; c++)
            if (l->calls[c].phase == BP__PHASE_CONST)
                p->order[p->n_order++] = (uint32_t)c;
        p->n_const = p->n_order;
        ok = schedule(&o) && p->n_order == l->n_calls;
    }
    bp__arena_free(&ar);
    return ok;
}
