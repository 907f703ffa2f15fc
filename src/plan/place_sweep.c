/* Offsets for programs of very many buffers, where looking at every pair would
 * take longer than the program: segment by segment, each new buffer in the
 * lowest gap that holds it. Takes more memory than bp__place, mostly a little.
 */
#include "plan/plan.h"

#include <stdlib.h>

typedef struct gap {
    size_t at, end;
} gap;

typedef struct sweep {
    gap *gap; /* sorted, apart; the last one has no end */
    size_t n;
    size_t peak;
} sweep;

static size_t round_up(size_t x)
{
    return (x + BP__PLAN_ALIGN - 1) / BP__PLAN_ALIGN * BP__PLAN_ALIGN;
}

static size_t take(sweep *s, size_t bytes)
{
    size_t i = 0;
    while (s->gap[i].end - s->gap[i].at < bytes)
        i++;
    size_t at = s->gap[i].at;
    s->gap[i].at += bytes;
    s->peak = BP__MAX(s->peak, s->gap[i].at);
    if (s->gap[i].at == s->gap[i].end) {
        s->n--;
        memmove(s->gap + i, s->gap + i + 1, (s->n - i) * sizeof *s->gap);
    }
    return at;
}

static void give_back(sweep *s, size_t at, size_t bytes)
{
    size_t lo = 0, hi = s->n - 1, end = at + bytes;
    if (!bytes)
        return;
    while (lo < hi) { /* the first gap behind it */
        size_t mid = lo + (hi - lo) / 2;
        if (s->gap[mid].at < end)
            lo = mid + 1;
        else
            hi = mid;
    }
    bool before = lo && s->gap[lo - 1].end == at;
    bool behind = s->gap[lo].at == end;
    if (behind && before) {
        s->gap[lo - 1].end = s->gap[lo].end;
        s->n--;
        memmove(s->gap + lo, s->gap + lo + 1, (s->n - lo) * sizeof *s->gap);
    } else if (behind) {
        s->gap[lo].at = at;
    } else if (before) {
        s->gap[lo - 1].end = end;
    } else {
        memmove(s->gap + lo + 1, s->gap + lo, (s->n - lo) * sizeof *s->gap);
        s->gap[lo] = (gap){at, end};
        s->n++;
    }
}

typedef struct event {
    uint32_t segment, index;
} event;

static int by_segment(const void *pa, const void *pb)
{
    const event *a = pa, *b = pb;
    if (a->segment != b->segment)
        return a->segment < b->segment ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

bool bp__place_sweep(const bp_allocator *a, bp__interval *iv, size_t n,
                     size_t *peak)
{
    event *from = bp__calloc(a, n + 1, sizeof *from);
    event *to = bp__calloc(a, n + 1, sizeof *to);
    sweep s = {.gap = bp__calloc(a, n + 2, sizeof *s.gap), .n = 1};
    bool made = from && to && s.gap;
    if (made) {
        s.gap[0] = (gap){0, SIZE_MAX};
        for (size_t i = 0; i < n; i++) {
            from[i] = (event){iv[i].from, (uint32_t)i};
            to[i] = (event){iv[i].to, (uint32_t)i};
        }
        qsort(from, n, sizeof *from, by_segment);
        qsort(to, n, sizeof *to, by_segment);
    }
    for (size_t i = 0, k = 0; made && i < n; i++) {
        for (; to[k].segment < from[i].segment; k++)
            give_back(&s, iv[to[k].index].place,
                      round_up(iv[to[k].index].bytes));
        bp__interval *b = &iv[from[i].index];
        b->place = take(&s, round_up(b->bytes));
    }
    *peak = s.peak;
    bp__free(a, from, from ? (n + 1) * sizeof *from : 0);
    bp__free(a, to, to ? (n + 1) * sizeof *to : 0);
    bp__free(a, s.gap, s.gap ? (n + 2) * sizeof *s.gap : 0);
    return made;
}
