/* The verifier of plans: no two buffers that are alive together overlap, every
 * unit of every call runs exactly once, segments keep their promises. */
#include "plan/plan.h"

typedef struct span {
    uint32_t from, to;
    bool used;
} span;

static void widen(span *s, uint32_t seg)
{
    if (!s->used)
        *s = (span){seg, seg, true};
    s->from = BP__MIN(s->from, seg);
    s->to = BP__MAX(s->to, seg);
}

static void find_spans(const bp__plan *p, const bp__lowered *l, span *spans)
{
    for (size_t s = 0; s < p->n_segments; s++)
        for (uint32_t i = 0; i < p->segments[s].count; i++) {
            const bp__call *c = &l->calls[p->order[p->segments[s].first + i]];
            for (int k = 0; k < c->n_in + c->n_out; k++)
                widen(&spans[l->bufs[c->bufs[k]].root], (uint32_t)s);
        }
    for (size_t b = 0; b < l->n_bufs; b++)
        if (l->bufs[b].keep && spans[l->bufs[b].root].used)
            widen(&spans[l->bufs[b].root], (uint32_t)p->n_segments);
}

static bp_status check_overlap(const bp__plan *p, const bp__lowered *l,
                               const span *spans, bp_error *err)
{
    for (size_t a = 0; a < l->n_bufs; a++) {
        const bp__buf *x = &l->bufs[a];
        if (x->kind != BP__BUF_ARENA || x->root != a || !spans[a].used)
            continue;
        if (x->place + x->bytes > p->arena_bytes)
            return bp__error(err, BP_EBUG, "buffer %zu is outside the arena",
                             a);
        for (size_t b = a + 1; b < l->n_bufs; b++) {
            const bp__buf *y = &l->bufs[b];
            if (y->kind != BP__BUF_ARENA || y->root != b || !spans[b].used ||
                spans[a].to < spans[b].from || spans[b].to < spans[a].from)
                continue;
            if (x->place < y->place + y->bytes &&
                y->place < x->place + x->bytes)
                return bp__error(err, BP_EBUG, "buffers %zu and %zu overlap",
                                 a, b);
        }
    }
    return BP_OK;
}

static bp_status check_segment(const bp__plan *p, const bp__lowered *l,
                               const bp__segment *s, int64_t *done,
                               bp_error *err)
{
    for (uint32_t i = 0; i < s->n_items; i++) {
        const bp__item *it = &p->items[s->first_item + i];
        for (uint32_t k = 0; k < it->count; k++) {
            uint32_t at = it->first + k;
            if (at < s->first || at >= s->first + s->count)
                return bp__error(err, BP_EBUG, "an item leaves its segment");
            if (it->begin < 0 || it->end < it->begin)
                return bp__error(err, BP_EBUG, "an item of no units");
            done[at] += it->end - it->begin;
            for (uint32_t j = 0; j < i; j++) {
                const bp__item *o = &p->items[s->first_item + j];
                if (at >= o->first && at < o->first + o->count &&
                    it->begin < o->end && o->begin < it->end)
                    return bp__error(err, BP_EBUG, "units of a call run "
                                     "twice");
            }
        }
    }
    for (uint32_t k = 0; k < s->count; k++) {
        const bp__call *c = &l->calls[p->order[s->first + k]];
        if (done[s->first + k] != BP__MAX(c->units, 1))
            return bp__error(err, BP_EBUG, "call %s: %lld of %lld units run",
                             c->label, (long long)done[s->first + k],
                             (long long)c->units);
        if (s->by_rows && c->units > 1 && !(c->rows & BP__ROWS))
            return bp__error(err, BP_EBUG, "call %s is not tiled by rows",
                             c->label);
    }
    return BP_OK;
}

/* A call reads what another call of the same segment writes only by rows. */
static bp_status check_reads(const bp__plan *p, const bp__lowered *l,
                             const bp__segment *s, bp_error *err)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const bp__call *c = &l->calls[p->order[s->first + i]];
        for (uint32_t j = 0; j < s->count; j++) {
            const bp__call *w = &l->calls[p->order[s->first + j]];
            for (int k = 0; i != j && k < c->n_in; k++)
                for (int o = 0; o < w->n_out; o++) {
                    uint32_t a = l->bufs[c->bufs[k]].root;
                    uint32_t b = l->bufs[w->bufs[w->n_in + o]].root;
                    if (a != b)
                        continue;
                    if (!s->by_rows ||
                        (c->units > 1 && !(c->rows >> k & 1)))
                        return bp__error(err, BP_EBUG,
                                         "%s reads what %s writes in the "
                                         "same segment", c->label, w->label);
                }
        }
    }
    return BP_OK;
}

bp_status bp__plan_verify(const bp__plan *p, const bp__lowered *l,
                          bp_error *err)
{
    span *spans = bp__calloc(&p->a, l->n_bufs + 1, sizeof *spans);
    int64_t *done = bp__calloc(&p->a, l->n_calls + 1, sizeof *done);
    bp_status st = spans && done ? BP_OK : bp__oom(err);
    if (st == BP_OK) {
        find_spans(p, l, spans);
        st = check_overlap(p, l, spans, err);
    }
    for (size_t s = 0; s < p->n_segments && st == BP_OK; s++) {
        st = check_segment(p, l, &p->segments[s], done, err);
        if (st == BP_OK)
            st = check_reads(p, l, &p->segments[s], err);
    }
    bp__free(&p->a, spans, (l->n_bufs + 1) * sizeof *spans);
    bp__free(&p->a, done, (l->n_calls + 1) * sizeof *done);
    return st;
}
