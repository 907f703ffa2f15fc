/* What is kept from one run to the next: calls that read nothing but constants
 * and variables that the program does not write (packing the weights of an
 * evaluation, the scale of a batch norm). They form a phase of their own, whose
 * results live in the program's memory; a run makes them only if one of these
 * variables has changed. */
#include "lower/lower.h"

/* What a root buffer holds: by itself, or made by kept calls. */
enum { CHANGING = 0, CONSTANT = 1, STEADY = 2 };

/* steady, by root buffer: one of these. False: out of memory. */
static bool find_steady(const bp__lowered *l, uint8_t *steady)
{
    for (size_t b = 0; b < l->n_bufs; b++)
        steady[b] = l->bufs[b].root != b                  ? CHANGING
                    : l->bufs[b].kind == BP__BUF_CONST ? CONSTANT
                    : l->bufs[b].kind == BP__BUF_VAR   ? STEADY
                                                       : CHANGING;
    for (size_t s = 0; l->n_commits && s < l->n_stores; s++) {
        size_t n = bp_store_count(l->stores[s]);
        uint8_t *written = bp__calloc(&l->a, n, 1);
        if (!written)
            return false;
        for (size_t i = 0; i < l->n_commits; i++)
            if (l->commits[i].store == l->stores[s])
                written[l->commits[i].var] = 1;
        for (size_t b = 0; b < l->n_bufs; b++)
            if (l->bufs[b].kind == BP__BUF_VAR &&
                l->bufs[b].store == l->stores[s] && written[l->bufs[b].var])
                steady[b] = CHANGING;
        bp__free(&l->a, written, n);
    }
    return true;
}

/* What the results of a call hold. An index out of range is counted in each
 * run: such a call is not kept. */
static uint8_t holds(const bp__lowered *l, const bp__call *c,
                     const uint8_t *steady)
{
    uint8_t most = CONSTANT;
    if (c->phase != BP__PHASE_MAIN || c->faults || !c->n_out)
        return CHANGING;
    for (int k = 0; k < c->n_in; k++) {
        uint8_t in = steady[l->bufs[c->bufs[k]].root];
        if (in == CHANGING)
            return CHANGING;
        most = BP__MAX(most, in);
    }
    return most;
}

void bp__lower_kept(bp__lowered *l, bool constants)
{
    size_t n = l->n_bufs;
    uint8_t *steady = bp__calloc(&l->a, n, 1);
    if (!steady || !find_steady(l, steady)) {
        bp__free(&l->a, steady, n);
        l->status = BP_ENOMEM;
        return;
    }
    for (size_t i = 0; i < l->n_calls; i++) {
        bp__call *c = &l->calls[i];
        uint8_t what = holds(l, c, steady);
        if (what == CHANGING || (what == CONSTANT && !constants))
            continue;
        c->phase = BP__PHASE_KEPT;
        for (int k = 0; k < c->n_out; k++) {
            uint32_t root = l->bufs[c->bufs[c->n_in + k]].root;
            steady[root] = what;
            l->bufs[root].kind = BP__BUF_KEPT;
        }
    }
    for (size_t b = 0; b < n; b++)
        if (l->bufs[l->bufs[b].root].kind == BP__BUF_KEPT)
            l->bufs[b].kind = BP__BUF_KEPT;
    bp__free(&l->a, steady, n);
}
