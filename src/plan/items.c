/* Cutting segments into items: the ranges that workers take one by one. */
#include "plan/plan.h"

enum {
    CACHE_BYTES = 512 * 1024, /* rows of a chunk should stay in here */
    PARTS_A_THREAD = 8,       /* so that a slow thread holds nobody up */
};

static bool add_item(bp__plan *p, uint32_t first, uint32_t count,
                     int64_t begin, int64_t end, int owner)
{
    if (!bp__grow(&p->a, &p->items, &p->cap_items, p->n_items + 1,
                  sizeof *p->items))
        return false;
    p->items[p->n_items++] = (bp__item){first, count, begin, end, owner};
    return true;
}

/* Rows at a time: enough for the kernels' tiles, few enough for the cache and
 * for all threads to have work. */
static int64_t rows_a_chunk(const bp__plan *p, const bp__lowered *l,
                            const bp__segment *s, int64_t units, int threads)
{
    int64_t grain = 1;
    double bytes = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        const bp__call *c = &l->calls[p->order[s->first + i]];
        grain = BP__MAX(grain, c->grain);
        for (int k = 0; k < c->n_out; k++)
            bytes += (double)l->bufs[c->bufs[c->n_in + k]].bytes;
    }
    bytes /= (double)units;
    int64_t rows = bytes < 1 ? units : (int64_t)(CACHE_BYTES / bytes);
    rows = BP__MAX(rows, grain);
    int64_t share = (units + threads - 1) / threads;
    if (threads > 1 && share > 2 * grain)
        share = (share + 1) / 2;
    rows = BP__MIN(rows, share);
    return BP__MAX(rows, 1);
}

static bool cut_rows(bp__plan *p, const bp__lowered *l, const bp__segment *s,
                     int threads)
{
    int64_t units = l->calls[p->order[s->first]].units;
    int64_t rows = rows_a_chunk(p, l, s, units, threads);
    int64_t n = (units + rows - 1) / rows;
    for (int64_t i = 0; i < n; i++)
        if (!add_item(p, s->first, s->count, i * units / n,
                      (i + 1) * units / n, (int)(i * threads / n)))
            return false;
    return true;
}

/* Into how many items a call is cut. */
static int64_t items_of_call(const bp__call *c, const bp__segment *s,
                             int threads)
{
    int64_t units = BP__MAX(c->units, 1);
    if (threads == 1)
        return 1;
    double share = s->flops > 0 ? c->flops / s->flops : 1.0;
    int64_t n = 1 + (int64_t)(share * threads * PARTS_A_THREAD);
    n = BP__MIN(n, (units + c->grain - 1) / c->grain);
    return BP__MAX(n, 1);
}

/* The owner with the least work so far, of calls in one piece. */
static int least_loaded(const double *load, int threads)
{
    int best = 0;
    for (int w = 1; w < threads; w++)
        if (load[w] < load[best])
            best = w;
    return best;
}

/* Calls in one piece come first, since nobody can help with them at the end;
 * the parts of the others fill up what is left. */
static bool cut_calls(bp__plan *p, const bp__lowered *l, const bp__segment *s,
                      int threads)
{
    double *load = bp__alloc(&p->a, (size_t)threads * sizeof *load);
    bool ok = load != NULL;
    for (int w = 0; ok && w < threads; w++)
        load[w] = 0;
    for (int cut = 0; cut < 2; cut++)
        for (uint32_t i = 0; ok && i < s->count; i++) {
            const bp__call *c = &l->calls[p->order[s->first + i]];
            int64_t n = items_of_call(c, s, threads);
            if ((n > 1) != (cut == 1))
                continue;
            int64_t units = BP__MAX(c->units, 1);
            int whole = least_loaded(load, threads);
            load[whole] += n == 1 ? c->flops + 1 : 0;
            for (int64_t k = 0; ok && k < n; k++)
                ok = add_item(p, s->first + i, 1, k * units / n,
                              (k + 1) * units / n,
                              n == 1 ? whole : (int)(k * threads / n));
        }
    bp__free(&p->a, load, (size_t)threads * sizeof *load);
    return ok;
}

/* Sorts a segment's items by owner, keeping their order; notes the starts. */
static bool sort_items(bp__plan *p, size_t segment, bp__item *tmp)
{
    const bp__segment *s = &p->segments[segment];
    bp__item *it = p->items + s->first_item;
    uint32_t *starts = p->starts + segment * (size_t)(p->threads + 1), n = 0;
    for (int w = 0; w < p->threads; w++) {
        starts[w] = n;
        for (uint32_t i = 0; i < s->n_items; i++)
            if (it[i].owner == w)
                tmp[n++] = it[i];
    }
    starts[p->threads] = n;
    memcpy(it, tmp, n * sizeof *it);
    return n == s->n_items;
}

static bool sort_all(bp__plan *p)
{
    size_t n_starts = p->n_segments * (size_t)(p->threads + 1);
    bp__item *tmp = bp__alloc(&p->a, p->n_items * sizeof *tmp);
    p->starts = bp__alloc(&p->a, n_starts * sizeof *p->starts);
    bool ok = tmp && p->starts;
    for (size_t i = 0; i < p->n_segments && ok; i++)
        ok = sort_items(p, i, tmp);
    bp__free(&p->a, tmp, p->n_items * sizeof *tmp);
    return ok;
}

bool bp__plan_items(bp__plan *p, const bp__lowered *l, int threads)
{
    p->threads = threads;
    for (size_t i = 0; i < p->n_segments; i++) {
        bp__segment *s = &p->segments[i];
        s->first_item = (uint32_t)p->n_items;
        bool ok = s->by_rows ? cut_rows(p, l, s, threads)
                             : cut_calls(p, l, s, threads);
        if (!ok)
            return false;
        s->n_items = (uint32_t)p->n_items - s->first_item;
        bool kept = s->phase == BP__PHASE_KEPT;
        p->n_kept += kept;
        *(kept ? &p->kept_flops : &p->flops) += s->flops;
    }
    return sort_all(p);
}
