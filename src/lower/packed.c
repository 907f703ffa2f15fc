/* Packed values: one call a value and order of memory. */
#include "lower/lower.h"

struct bp__packed {
    struct bp__packed *next;
    const char *kernel;
    const void *key;
    size_t key_bytes;
    uint32_t buf;
    bool constant; /* there at compile time */
};

/* Made at compile time is there for all; what a run makes is not there for a
 * constant. */
static const struct bp__packed *find_packed(const bp__lower_state *s,
                                            const bp__packing *p)
{
    const struct bp__packed *q = s->packed[p->value];
    for (; q; q = q->next)
        if (q->key_bytes == p->key_bytes && !strcmp(q->kernel, p->kernel) &&
            !memcmp(q->key, p->key, p->key_bytes) &&
            (q->constant || s->phase != BP__PHASE_CONST))
            return q;
    return NULL;
}

static void note_packed(bp__lower_state *s, const bp__packing *p, uint32_t buf)
{
    bp__arena *a = &s->l->arena;
    struct bp__packed *q = bp__arena_alloc(a, sizeof *q);
    const void *key = bp__arena_copy(a, p->key, p->key_bytes);
    if (!q || !key) {
        s->l->status = BP_ENOMEM;
        return;
    }
    *q = (struct bp__packed){s->packed[p->value], p->kernel, key,
                             p->key_bytes, buf,
                             s->phase == BP__PHASE_CONST};
    s->packed[p->value] = q;
}

uint32_t bp__lower_packed(bp__lower_state *s, const bp__packing *p)
{
    const struct bp__packed *have = find_packed(s, p);
    if (have)
        return have->buf;
    uint32_t from = bp__lower_in(s, p->value, BP__PLAIN);
    uint32_t to = bp__lower_temp(s, p->floats);
    bp__call *c = bp__lower_call(s, p->kernel, p->node, p->run, p->params,
                                 p->params_bytes, 1, &from, 1, &to);
    if (!c)
        return 0;
    c->units = p->units;
    c->flops = p->flops;
    c->refusals = NULL;
    note_packed(s, p, to);
    return to;
}
