/* Where buffers stand: in-place outputs, liveness, offsets.
 *
 * A buffer lives from the segment that writes it to the last one that reads
 * it, both included, since the calls of a segment run side by side. */
#include "plan/plan.h"

static size_t round_up(size_t x)
{
    return (x + BP__PLAN_ALIGN - 1) / BP__PLAN_ALIGN * BP__PLAN_ALIGN;
}

/* ---- placing intervals ---------------------------------------------------*/

static void sift(const bp__interval *iv, uint32_t *o, size_t i, size_t n)
{
    /* Heap with the smallest buffer on top, so that sorting in place puts
     * the largest first; ties by number, to be the same everywhere. */
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= n)
            return;
#define LESS(a, b) (iv[a].bytes < iv[b].bytes || \
                    (iv[a].bytes == iv[b].bytes && (a) > (b)))
        if (c + 1 < n && LESS(o[c + 1], o[c]))
            c++;
        if (!LESS(o[c], o[i]))
            return;
#undef LESS
        uint32_t t = o[c];
        o[c] = o[i];
        o[i] = t;
        i = c;
    }
}

static void sort_by_size(const bp__interval *iv, uint32_t *o, size_t n)
{
    for (size_t i = 0; i < n; i++)
        o[i] = (uint32_t)i;
    for (size_t i = n / 2; i-- > 0;)
        sift(iv, o, i, n);
    for (size_t m = n; m > 1; m--) {
        uint32_t t = o[0];
        o[0] = o[m - 1];
        o[m - 1] = t;
        sift(iv, o, 0, m - 1);
    }
}

/* Largest first, each at the lowest offset where it overlaps no placed buffer
 * that lives at the same time. placed[] is sorted by offset. */
size_t bp__place(bp__interval *iv, size_t n, uint32_t *order)
{
    size_t peak = 0, n_placed = 0;
    sort_by_size(iv, order, n);
    /* order[0 .. n_placed) is reused as the list of placed buffers: the one
     * being placed always stands at or after that position. */
    for (size_t k = 0; k < n; k++) {
        bp__interval *b = &iv[order[k]];
        size_t bytes = round_up(b->bytes), at = 0;
        uint32_t self = order[k];
        for (size_t j = 0; j < n_placed; j++) {
            const bp__interval *q = &iv[order[j]];
            if (q->to < b->from || q->from > b->to)
                continue;
            if (q->place >= at + bytes)
                break;
            size_t end = q->place + round_up(q->bytes);
            at = end > at ? end : at;
        }
        b->place = at;
        size_t j = n_placed++;
        for (; j && iv[order[j - 1]].place > at; j--)
            order[j] = order[j - 1];
        order[j] = self;
        peak = BP__MAX(peak, at + bytes);
    }
    return peak;
}

size_t bp__place_lower_bound(const bp__interval *iv, size_t n,
                             uint32_t n_segments, size_t *sums)
{
    size_t peak = 0;
    for (uint32_t t = 0; t < n_segments; t++)
        sums[t] = 0;
    /* Differences first, then their running sum. */
    for (size_t i = 0; i < n; i++) {
        sums[iv[i].from] += round_up(iv[i].bytes);
        if (iv[i].to + 1 < n_segments)
            sums[iv[i].to + 1] -= round_up(iv[i].bytes);
    }
    size_t live = 0;
    for (uint32_t t = 0; t < n_segments; t++) {
        live += sums[t];
        peak = BP__MAX(peak, live);
    }
    return peak;
}

/* ---- liveness --------------------------------------------------------------*/

typedef struct life {
    uint32_t from, to;   /* segments */
    uint32_t readers;    /* calls that read it in segment `to` */
    uint32_t last_call;  /* one of them */
    bool used, views;    /* views: other buffers are views of it */
} life;

static void touch(life *f, uint32_t seg, uint32_t call, bool read)
{
    if (!f->used) {
        f->used = true;
        f->from = f->to = seg;
    }
    if (seg > f->to) {
        f->to = seg;
        f->readers = 0;
    }
    if (read && seg == f->to && (f->readers == 0 || f->last_call != call)) {
        f->readers++;
        f->last_call = call;
    }
}

static void find_lives(const bp__plan *p, const bp__lowered *l, life *lives)
{
    memset(lives, 0, l->n_bufs * sizeof *lives);
    for (size_t b = 0; b < l->n_bufs; b++)
        if (l->bufs[b].root != b)
            lives[l->bufs[b].root].views = true;
    for (size_t s = 0; s < p->n_segments; s++)
        for (uint32_t i = 0; i < p->segments[s].count; i++) {
            uint32_t c = p->order[p->segments[s].first + i];
            const bp__call *call = &l->calls[c];
            for (int k = 0; k < call->n_in + call->n_out; k++)
                touch(&lives[l->bufs[call->bufs[k]].root], (uint32_t)s, c,
                      k < call->n_in);
        }
    for (size_t b = 0; b < l->n_bufs; b++)
        if (l->bufs[b].keep && l->bufs[b].root == b && lives[b].used) {
            lives[b].to = (uint32_t)p->n_segments;
            lives[b].readers = 0;
        }
}

/* Output `out` of a call takes the place of its input `in`. */
static bool can_alias(const bp__lowered *l, const life *lives, uint32_t call,
                      uint32_t seg, uint32_t in, uint32_t out)
{
    const bp__buf *x = &l->bufs[in], *y = &l->bufs[out];
    const life *f = &lives[x->root];
    return x->kind == BP__BUF_ARENA && y->kind == BP__BUF_ARENA &&
           x->root == in && y->root == out && x->bytes == y->bytes &&
           x->bytes > 0 && f->from < seg && f->to == seg &&
           f->readers == 1 && f->last_call == call;
}

static void alias_call(bp__lowered *l, life *lives, uint32_t seg, uint32_t c)
{
    bp__call *call = &l->calls[c];
    for (int i = 0; i < call->n_in; i++) {
        if (!(call->inplace >> i & 1) || i >= 32)
            continue;
        for (int o = 0; o < call->n_out; o++) {
            uint32_t in = call->bufs[i], out = call->bufs[call->n_in + o];
            if (!can_alias(l, lives, c, seg, in, out))
                continue;
            /* The output's life is added to the input's. */
            life *f = &lives[in], *y = &lives[out];
            f->to = y->to;
            f->readers = y->readers;
            f->last_call = y->last_call;
            y->used = false;
            f->views = true;
            l->bufs[in].keep |= l->bufs[out].keep;
            l->bufs[out].root = in;
            for (size_t b = 0; y->views && b < l->n_bufs; b++)
                if (l->bufs[b].root == out)
                    l->bufs[b].root = in;
            break;
        }
    }
}

static void alias_all(const bp__plan *p, bp__lowered *l, life *lives)
{
    for (size_t s = 0; s < p->n_segments; s++)
        for (uint32_t i = 0; i < p->segments[s].count; i++)
            alias_call(l, lives, (uint32_t)s,
                       p->order[p->segments[s].first + i]);
}

/* What the program owns: constants, and what is kept from run to run. */
static size_t place_constants(bp__lowered *l)
{
    size_t at = 0;
    for (size_t b = 0; b < l->n_bufs; b++)
        if ((l->bufs[b].kind == BP__BUF_CONST ||
             l->bufs[b].kind == BP__BUF_KEPT) &&
            l->bufs[b].root == b && !l->bufs[b].data) {
            l->bufs[b].place = at;
            at += round_up(l->bufs[b].bytes);
        }
    return at;
}

bool bp__plan_memory(bp__plan *p, bp__lowered *l, const char *no_pass)
{
    size_t n_bufs = l->n_bufs + 1, n_seg = p->n_segments + 2, n = 0;
    bool reuse = !bp__listed(no_pass, "plan");
    bp__arena ar;
    bp__arena_init(&ar, &p->a);
    life *lives = bp__arena_array(&ar, n_bufs, sizeof *lives);
    bp__interval *iv = bp__arena_array(&ar, n_bufs, sizeof *iv);
    uint32_t *of = bp__arena_array(&ar, n_bufs, sizeof *of);
    uint32_t *order = bp__arena_array(&ar, n_bufs, sizeof *order);
    size_t *sums = bp__arena_array(&ar, n_seg, sizeof *sums);
    if (ar.failed) {
        bp__arena_free(&ar);
        return false;
    }
    find_lives(p, l, lives);
    if (reuse && !bp__listed(no_pass, "inplace"))
        alias_all(p, l, lives);
    for (size_t b = 0; b < l->n_bufs; b++) {
        if (l->bufs[b].kind != BP__BUF_ARENA || l->bufs[b].root != b ||
            !lives[b].used)
            continue;
        of[n] = (uint32_t)b;
        iv[n] = (bp__interval){l->bufs[b].bytes, lives[b].from, lives[b].to,
                               0};
        if (!reuse) {
            iv[n].from = 0;
            iv[n].to = (uint32_t)p->n_segments;
        }
        n++;
    }
    if (n <= BP__PLACE_PAIRS) {
        p->arena_bytes = bp__place(iv, n, order);
    } else if (!bp__place_sweep(&p->a, iv, n, &p->arena_bytes)) {
        bp__arena_free(&ar);
        return false;
    }
    p->lower_bound = bp__place_lower_bound(iv, n, (uint32_t)n_seg, sums);
    for (size_t i = 0; i < n; i++)
        l->bufs[of[i]].place = iv[i].place;
    p->const_bytes = place_constants(l);
    bp__arena_free(&ar);
    return true;
}

bp__plan *bp__plan_new(bp__lowered *l, const char *no_pass, int threads)
{
    bp__plan *p = bp__calloc(&l->a, 1, sizeof *p);
    if (!p)
        return NULL;
    p->a = l->a;
    p->order = bp__alloc(&l->a, (l->n_calls + 1) * sizeof *p->order);
    for (size_t i = 0; i < l->n_calls; i++)
        p->scratch = BP__MAX(p->scratch, l->calls[i].scratch);
    p->scratch = round_up(p->scratch);
    if (!p->order || !bp__plan_order(p, l, no_pass) ||
        !bp__plan_items(p, l, threads) || !bp__plan_memory(p, l, no_pass)) {
        p->n_order = l->n_calls;
        bp__plan_free(p);
        return NULL;
    }
    return p;
}

void bp__plan_free(bp__plan *p)
{
    if (!p)
        return;
    bp_allocator a = p->a;
    /* Sized by the calls, all of which are in the order. */
    bp__free(&a, p->order, (p->n_order + 1) * sizeof *p->order);
    bp__free(&a, p->segments, p->cap_segments * sizeof *p->segments);
    bp__free(&a, p->items, p->cap_items * sizeof *p->items);
    bp__free(&a, p->starts, p->n_segments * (size_t)(p->threads + 1) *
                                sizeof *p->starts);
    bp__free(&a, p, sizeof *p);
}
