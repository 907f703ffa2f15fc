/* Problems of a model file: collected, sorted by place, printed once each. */
#include "fmt/tree.h"

#include <stdlib.h>

void bp__diags_init(bp__diags *d, bp__arena *arena)
{
    *d = (bp__diags){.arena = arena};
}

static bool diags_grow(bp__diags *d)
{
    size_t cap = d->cap ? 2 * d->cap : 16;
    bp__diag *list = bp__arena_array(d->arena, cap, sizeof *list);
    if (!list)
        return false;
    if (d->n)
        memcpy(list, d->list, d->n * sizeof *list);
    d->list = list;
    d->cap = cap;
    return true;
}

void bp__diag_add(bp__diags *d, bp__place at, const char *format, ...)
{
    if (d->n == d->cap && !diags_grow(d))
        return; /* the arena has failed; callers test it */
    bp__str s;
    bp__str_init(&s, &d->arena->a);
    va_list ap;
    va_start(ap, format);
    bp__str_vprintf(&s, format, ap);
    va_end(ap);
    const char *message =
        s.failed ? "out of memory" : bp__arena_strdup(d->arena, s.s);
    bp__str_free(&s);
    if (!message)
        return;
    d->list[d->n] = (bp__diag){.at = at, .message = message, .order = d->n};
    d->n++;
}

static int compare_diags(const void *pa, const void *pb)
{
    const bp__diag *a = pa, *b = pb;
    int c = strcmp(a->at.file, b->at.file);
    if (c)
        return c;
    if (a->at.line != b->at.line)
        return a->at.line < b->at.line ? -1 : 1;
    if (a->at.column != b->at.column)
        return a->at.column < b->at.column ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

void bp__diags_print(bp__diags *d, bp__str *out)
{
    if (d->n > 1)
        qsort(d->list, d->n, sizeof *d->list, compare_diags);
    for (size_t i = 0; i < d->n; i++) {
        const bp__diag *p = &d->list[i], *q = i ? p - 1 : NULL;
        if (q && p->at.line == q->at.line && p->at.column == q->at.column &&
            !strcmp(p->at.file, q->at.file) && !strcmp(p->message, q->message))
            continue;
        if (i)
            bp__str_add(out, "\n", 1);
        if (p->at.line > 0)
            bp__str_printf(out, "%s:%d:%d: %s", p->at.file, p->at.line,
                           p->at.column, p->message);
        else
            bp__str_printf(out, "%s: %s", p->at.file, p->message);
    }
}
