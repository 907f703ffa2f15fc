/* The verifier of lowered graphs: what lower.h ensures. */
#include "lower/lower.h"

static bp_status check_buf(const bp__lowered *l, size_t i, bp_error *err)
{
    const bp__buf *b = &l->bufs[i], *root;
    if (b->root >= l->n_bufs || l->bufs[b->root].root != b->root)
        return bp__error(err, BP_EBUG, "buffer %zu: its root is no root", i);
    root = &l->bufs[b->root];
    if (b->kind != root->kind)
        return bp__error(err, BP_EBUG, "buffer %zu: not of its root's kind",
                         i);
    if (b->bytes != bp__type_bytes(&b->type) ||
        b->offset + b->bytes > root->offset + root->bytes)
        return bp__error(err, BP_EBUG, "buffer %zu: outside of its root", i);
    if (b->layout == BP__NHWC && b->type.rank != 4)
        return bp__error(err, BP_EBUG, "buffer %zu: channels last, but of "
                         "rank %d", i, b->type.rank);
    return BP_OK;
}

/* State of a buffer while calls are walked in order. DEFINED: a call has this
 * very buffer as its output; the plan may since have put it over another. */
enum { UNWRITTEN = 0, WRITTEN = 1, DEFINED = 2 };

static bp_status check_call(const bp__lowered *l, size_t c, uint8_t *state,
                            bp_error *err)
{
    const bp__call *call = &l->calls[c];
    for (int k = 0; k < call->n_in; k++) {
        const bp__buf *b = &l->bufs[call->bufs[k]];
        bool computed = b->kind == BP__BUF_ARENA ||
                        b->kind == BP__BUF_KEPT ||
                        (b->kind == BP__BUF_CONST && !l->bufs[b->root].data);
        if (computed && state[b->root] == UNWRITTEN)
            return bp__error(err, BP_EBUG, "call %zu (%s, %s) reads a buffer "
                             "before it is written", c, call->kernel,
                             call->label);
        if (call->phase == BP__PHASE_CONST && b->kind != BP__BUF_CONST)
            return bp__error(err, BP_EBUG, "call %zu (%s) is no constant", c,
                             call->label);
        if (call->phase == BP__PHASE_KEPT &&
            (b->kind == BP__BUF_ARENA || b->kind == BP__BUF_INPUT))
            return bp__error(err, BP_EBUG, "call %zu (%s) is kept, but reads "
                             "what changes in each run", c, call->label);
    }
    for (int k = 0; k < call->n_out; k++) {
        const bp__buf *b = &l->bufs[call->bufs[call->n_in + k]];
        if (b->kind == BP__BUF_INPUT || l->bufs[b->root].data)
            return bp__error(err, BP_EBUG, "call %zu (%s) writes an input or "
                             "a constant", c, call->label);
        if (b->kind == BP__BUF_VAR && call->phase != BP__PHASE_COMMIT)
            return bp__error(err, BP_EBUG, "call %zu (%s) writes a variable "
                             "before the commit", c, call->label);
        if ((b->kind == BP__BUF_KEPT) != (call->phase == BP__PHASE_KEPT))
            return bp__error(err, BP_EBUG, "call %zu (%s) writes what is kept "
                             "in another phase", c, call->label);
        if (state[call->bufs[call->n_in + k]] & DEFINED)
            return bp__error(err, BP_EBUG, "call %zu (%s) writes a buffer "
                             "that another call has written", c, call->label);
        state[b->root] |= WRITTEN;
        state[call->bufs[call->n_in + k]] |= WRITTEN | DEFINED;
    }
    if (call->units < 1 && call->n_out)
        return bp__error(err, BP_EBUG, "call %zu (%s) has no units", c,
                         call->label);
    return BP_OK;
}

bp_status bp__lowered_verify(const bp__lowered *l, bp_error *err)
{
    uint8_t *state = bp__calloc(&l->a, l->n_bufs + 1, 1);
    if (!state)
        return bp__oom(err);
    bp_status s = BP_OK;
    for (size_t i = 0; i < l->n_bufs && s == BP_OK; i++)
        s = check_buf(l, i, err);
    for (size_t c = 0; c < l->n_calls && s == BP_OK; c++)
        s = check_call(l, c, state, err);
    bp__free(&l->a, state, l->n_bufs + 1);
    return s;
}
