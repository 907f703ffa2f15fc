/* Finished chains: their invariants, and their text. */
#include "cpu/chain.h"

static const struct {
    const char *name;
    int operands;
} chain_ops[BP__CHAIN_N_OPCODES] = {
#define BP__CHAIN_NAME(name, operands) {#name, operands},
#define BP__CHAIN_NAME_K(name, operands) \
    {#name, operands}, {#name "_K", operands},
    BP__CHAIN_OPS(BP__CHAIN_NAME)
    BP__CHAIN_WITH_K(BP__CHAIN_NAME_K)
#undef BP__CHAIN_NAME
#undef BP__CHAIN_NAME_K
};

enum { KIND_NONE, KIND_F, KIND_B };

/* What is known of the accumulator and of each place. */
typedef struct chain_state {
    int a;
    int place[BP__CHAIN_PLACES];
    int stored[BP__CHAIN_STORES];
} chain_state;

static void chain_start(const bp__chain *c, chain_state *s)
{
    memset(s, 0, sizeof *s);
    for (int i = 0; i < c->n_in; i++)
        s->place[i] = c->in[i].dtype == BP_BOOL ? KIND_B : KIND_F;
    for (int i = 0; i < c->n_const; i++)
        s->place[c->n_in + c->n_out + i] = KIND_F;
}

static bool chain_store_ok(const bp__chain *c, chain_state *s,
                           const bp__chain_ins *x)
{
    int k = (int)x->p - c->n_in;
    bool is_out = k >= 0 && k < c->n_out;
    int temp = (int)x->p - (c->n_in + c->n_out + c->n_const);
    if (s->a == KIND_NONE || !(is_out || temp >= 0))
        return false;
    int want = KIND_F, dtype = BP_F32;
    if (x->op == BP__CHAIN_STORE_U8)
        dtype = BP_U8;
    else if (x->op == BP__CHAIN_STORE_I32)
        dtype = BP_I32;
    else if (x->op == BP__CHAIN_STORE_BOOL)
        want = KIND_B, dtype = BP_BOOL;
    if (!is_out) { /* a temporary takes either kind */
        s->place[x->p] = s->a;
        return x->op == BP__CHAIN_STORE;
    }
    if (s->a != want || c->out[k].dtype != dtype ||
        c->out[k].test != (x->op == BP__CHAIN_STORE_TEST) || s->stored[k]++)
        return false;
    if (dtype == BP_F32)
        s->place[x->p] = KIND_F;
    return true;
}

static bool chain_step_ok(const bp__chain *c, chain_state *s,
                          const bp__chain_ins *x)
{
    int n = chain_ops[x->op].operands;
    const uint16_t at[3] = {x->p, x->q, x->r};
    if (x->op >= BP__CHAIN_STORE && x->op <= BP__CHAIN_STORE_BOOL)
        return x->p < bp__chain_n_places(c) && chain_store_ok(c, s, x);
    int kind[3] = {KIND_F, KIND_F, KIND_F};
    for (int i = 0; i < n; i++) {
        if (at[i] >= bp__chain_n_places(c) || s->place[at[i]] == KIND_NONE)
            return false;
        kind[i] = s->place[at[i]];
    }
    int op = x->op;
    if (op >= BP__CHAIN_ADD && (op - BP__CHAIN_ADD) % 2 == 1) {
        if (!bp__chain_uniform(c, x->p))
            return false;
        op--;
    }
    switch ((bp__chain_opcode)op) {
    case BP__CHAIN_LOAD:
        s->a = kind[0];
        return true;
    case BP__CHAIN_LOAD_ADD:
    case BP__CHAIN_LOAD_SUB:
    case BP__CHAIN_LOAD_MUL:
    case BP__CHAIN_LOAD_MUL_ADD:
        s->a = KIND_F;
        return kind[0] == KIND_F && kind[1] == KIND_F && kind[2] == KIND_F;
    case BP__CHAIN_EQ:
    case BP__CHAIN_NE:
    case BP__CHAIN_LT:
    case BP__CHAIN_LE:
    case BP__CHAIN_GT:
    case BP__CHAIN_GE: {
        bool ok = s->a == KIND_F && kind[0] == KIND_F;
        s->a = KIND_B;
        return ok;
    }
    case BP__CHAIN_AND:
    case BP__CHAIN_OR:
    case BP__CHAIN_XOR:
    case BP__CHAIN_XNOR:
        return s->a == KIND_B && kind[0] == KIND_B;
    case BP__CHAIN_SELECT: {
        bool ok = s->a == KIND_B && kind[0] == kind[1];
        s->a = kind[0];
        return ok;
    }
    case BP__CHAIN_SELECT_A:
    case BP__CHAIN_SELECT_B:
        return kind[0] == KIND_B && kind[1] == s->a;
    case BP__CHAIN_IF_EQ:
    case BP__CHAIN_IF_NE:
    case BP__CHAIN_IF_LT:
    case BP__CHAIN_IF_LE:
    case BP__CHAIN_IF_GT:
    case BP__CHAIN_IF_GE: {
        bool ok = s->a == KIND_F && kind[0] == KIND_F && kind[1] == kind[2];
        s->a = kind[1];
        return ok;
    }
    case BP__CHAIN_IS_FINITE:
    case BP__CHAIN_TO_BOOL: {
        bool ok = s->a == KIND_F;
        s->a = KIND_B;
        return ok;
    }
    case BP__CHAIN_FROM_BOOL: {
        bool ok = s->a == KIND_B;
        s->a = KIND_F;
        return ok;
    }
    case BP__CHAIN_NOT:
        return s->a == KIND_B;
    default: /* arithmetic */
        return s->a == KIND_F && kind[0] == KIND_F && kind[1] == KIND_F;
    }
}

static bool chain_reads_ok(const bp__chain *c, const bp__chain_ins *x, int i)
{
    const uint16_t at[3] = {x->p, x->q, x->r};
    for (int k = 0; k < chain_ops[x->op].operands; k++)
        if (at[k] < c->n_in && c->in[at[k]].last_read < i)
            return false;
    return true;
}

bp_status bp__chain_verify(const bp__chain *c, bp_error *err)
{
    chain_state s;
    if (c->n_code < 2 || c->n_code > BP__CHAIN_CODE ||
        c->code[c->n_code - 1].op != BP__CHAIN_END ||
        bp__chain_n_places(c) > BP__CHAIN_PLACES)
        return bp__error(err, BP_EBUG, "elementwise chain: malformed");
    chain_start(c, &s);
    for (int i = 0; i + 1 < c->n_code; i++) {
        const bp__chain_ins *x = &c->code[i];
        if (x->op == BP__CHAIN_END || x->op >= BP__CHAIN_N_OPCODES ||
            !chain_step_ok(c, &s, x) || !chain_reads_ok(c, x, i))
            return bp__error(err, BP_EBUG,
                             "elementwise chain: instruction %d is wrong", i);
    }
    for (int k = 0; k < c->n_out; k++)
        if (!s.stored[k] || c->code[c->out[k].store].p != c->n_in + k)
            return bp__error(err, BP_EBUG, "elementwise chain: output %d is "
                             "not stored", k);
    return BP_OK;
}
