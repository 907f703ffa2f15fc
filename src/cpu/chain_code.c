/* Elementwise chains: code for the accumulator. What the code means is in
 * k_chain.c.
 *
 * Code generation walks the values depth first from each store, so that most
 * operands are still in the accumulator when they are used. A value gets a
 * place in memory only when the accumulator is needed for something else
 * before its last use; loads, constants and f32 outputs have one anyway.
 */
#include "cpu/chain_rules.h"

static int n_fixed_places(const bp__chain *c)
{
    return c->n_in + c->n_out + c->n_const;
}

static void note_read(bp__chain *c, int place, int ins)
{
    if (place >= 0 && place < c->n_in)
        c->in[place].last_read = ins;
}

/* Pairs that are one instruction, since what an instruction costs beside its
 * arithmetic is half of it. */
static const struct {
    uint8_t first, second, both;
} chain_pairs[] = {
    {BP__CHAIN_LOAD, BP__CHAIN_MUL, BP__CHAIN_LOAD_MUL},
    {BP__CHAIN_LOAD, BP__CHAIN_ADD, BP__CHAIN_LOAD_ADD},
    {BP__CHAIN_LOAD, BP__CHAIN_SUB, BP__CHAIN_LOAD_SUB},
    {BP__CHAIN_LOAD_MUL, BP__CHAIN_ADD, BP__CHAIN_LOAD_MUL_ADD},
    {BP__CHAIN_MUL, BP__CHAIN_ADD, BP__CHAIN_MUL_ADD},
    {BP__CHAIN_MUL, BP__CHAIN_SUB, BP__CHAIN_MUL_SUB},
    {BP__CHAIN_MUL, BP__CHAIN_RSUB, BP__CHAIN_MUL_RSUB},
    {BP__CHAIN_ADD, BP__CHAIN_MUL, BP__CHAIN_ADD_MUL},
    {BP__CHAIN_SUB, BP__CHAIN_MUL, BP__CHAIN_SUB_MUL},
};

/* The form of an op without a uniform p. */
static int chain_base(int op)
{
    return op >= BP__CHAIN_ADD ? op - (op - BP__CHAIN_ADD) % 2 : op;
}

/* Makes `op` over `place` part of the instruction before it. A uniform operand
 * gains by being p; where the pair has it elsewhere, two instructions are
 * better. */
static bool chain_join(bp__chain *c, int op, int place)
{
    bp__chain_ins *x = c->n_code > 0 ? &c->code[c->n_code - 1] : NULL;
    for (size_t i = 0; x && i < BP__ARRAY_LEN(chain_pairs); i++) {
        if (chain_pairs[i].first != chain_base(x->op) ||
            chain_pairs[i].second != op)
            continue;
        int both = chain_pairs[i].both;
        uint16_t p = (uint16_t)place;
        if (both == BP__CHAIN_LOAD_MUL_ADD)
            x->r = p;
        else if (op != BP__CHAIN_MUL)
            x->q = p;
        else
            x->q = x->p, x->p = p;
        if (both >= BP__CHAIN_ADD && bp__chain_uniform(c, x->p))
            both++;
        x->op = (uint16_t)both;
        return true;
    }
    return false;
}

/* Unused operands: -1. */
static void chain_emit(bp__chain *c, int op, int p, int q, int r)
{
    if (c->status != BP_OK)
        return;
    if (c->n_code == BP__CHAIN_CODE) {
        bp__chain_refuse(c, BP_ELIMIT, "a chain's code is too long");
        return;
    }
    if (chain_join(c, op, p)) {
        note_read(c, p, c->n_code - 1);
        return;
    }
    if (op >= BP__CHAIN_ADD && bp__chain_uniform(c, p))
        op++; /* NAME_K */
    note_read(c, p, c->n_code);
    note_read(c, q, c->n_code);
    note_read(c, r, c->n_code);
    c->code[c->n_code++] = (bp__chain_ins){
        (uint16_t)op, (uint16_t)BP__MAX(p, 0), (uint16_t)BP__MAX(q, 0),
        (uint16_t)BP__MAX(r, 0)};
}

/* Gives a value that is in the accumulator a place in memory. */
static void chain_keep(bp__chain *c, int v)
{
    if (c->status != BP_OK || c->values[v].place >= 0)
        return;
    for (int t = 0; t < BP__CHAIN_TEMPS; t++)
        if (!(c->temps_used >> t & 1u)) {
            c->temps_used |= 1u << t;
            c->n_temp = BP__MAX(c->n_temp, t + 1);
            c->values[v].place = (int16_t)(n_fixed_places(c) + t);
            chain_emit(c, BP__CHAIN_STORE, c->values[v].place, -1, -1);
            return;
        }
    bp__chain_refuse(c, BP_ELIMIT, "a chain keeps too many values at once");
}

/* The accumulator is about to be overwritten. */
static void chain_spill(bp__chain *c)
{
    if (c->in_a >= 0 && c->values[c->in_a].uses > 0)
        chain_keep(c, c->in_a);
}

/* One use of a value is over. */
static void chain_release(bp__chain *c, int v)
{
    bp__chain_value *x = &c->values[v];
    int t = x->place - n_fixed_places(c);
    x->uses--;
    if (x->uses == 0 && t >= 0)
        c->temps_used &= ~(1u << t);
}

static void chain_stores(bp__chain *c, int v)
{
    for (int k = 0; k < c->n_out; k++) {
        bp__chain_output *o = &c->out[k];
        if (o->value != v)
            continue;
        int op = o->test                 ? BP__CHAIN_STORE_TEST
                 : o->dtype == BP_F32    ? BP__CHAIN_STORE
                 : o->dtype == BP_U8     ? BP__CHAIN_STORE_U8
                 : o->dtype == BP_I32    ? BP__CHAIN_STORE_I32
                                         : BP__CHAIN_STORE_BOOL;
        o->store = c->n_code;
        chain_emit(c, op, c->n_in + k, -1, -1);
        if (c->status == BP_OK)
            c->code[o->store].q = (uint16_t)k; /* no place */
        if (o->dtype == BP_F32 && c->values[v].place < 0)
            c->values[v].place = (int16_t)(c->n_in + k);
        c->values[v].uses--;
    }
}

static void chain_compute(bp__chain *c, int v);

/* Brings a value into memory; clobbers the accumulator. */
static void chain_to_memory(bp__chain *c, int v)
{
    if (c->values[v].place >= 0)
        return;
    if (c->in_a != v)
        chain_compute(c, v);
    chain_keep(c, v);
}

static void chain_to_a(bp__chain *c, int v)
{
    if (c->in_a == v)
        return;
    if (c->values[v].place >= 0) {
        chain_spill(c);
        chain_emit(c, BP__CHAIN_LOAD, c->values[v].place, -1, -1);
        c->in_a = v;
    } else {
        chain_compute(c, v);
    }
}

/* Which of n operands is best taken from the accumulator: the one that is
 * there, if none is still to be computed; else the deepest of those; else the
 * first. `may`: bit mask of those that the opcodes allow. */
static int chain_choose(const bp__chain *c, int n, const int *arg,
                        unsigned may)
{
    int best = -1, best_score = -1;
    for (int i = 0; i < n; i++) {
        const bp__chain_value *x = &c->values[arg[i]];
        int score = x->place >= 0 ? 0 : 1 + x->depth;
        if (c->in_a == arg[i])
            score = 1;
        if (may >> i & 1u && score > best_score) {
            best = i;
            best_score = score;
        }
    }
    return best;
}

/* Loads operands: arg[in_a] into the accumulator, the others to memory.
 * Deepest first, so that few are kept at once. */
static void chain_fetch(bp__chain *c, int n, const int *arg, int in_a)
{
    /* The accumulator's own operand first, if it is there and must move. */
    for (int i = 0; i < n; i++)
        if (i != in_a && c->in_a == arg[i])
            chain_keep(c, arg[i]);
    for (;;) {
        int best = -1;
        for (int i = 0; i < n; i++) {
            const bp__chain_value *x = &c->values[arg[i]];
            if (i != in_a && x->place < 0 &&
                (best < 0 || x->depth > c->values[arg[best]].depth))
                best = i;
        }
        if (best < 0 || c->status != BP_OK)
            break;
        chain_to_memory(c, arg[best]);
    }
    chain_to_a(c, arg[in_a]);
    /* The same value on both sides. */
    for (int i = 0; i < n; i++)
        if (i != in_a && c->values[arg[i]].place < 0)
            chain_keep(c, arg[i]);
}

/* The operands are used up, the accumulator holds the result. */
static void chain_finish(bp__chain *c, int n, const int *arg)
{
    for (int i = 0; i < n; i++)
        chain_release(c, arg[i]);
}

/* An op over operands of which `in_a` is in the accumulator, which it
 * overwrites. */
static void chain_apply(bp__chain *c, int op, int n, const int *arg, int in_a)
{
    int place[3] = {-1, -1, -1}, k = 0;
    int a = arg[in_a];
    /* Kept if it is used again, apart from here. */
    int here = 0;
    for (int i = 0; i < n; i++)
        here += arg[i] == a;
    if (c->values[a].uses > here)
        chain_keep(c, a);
    for (int i = 0; i < n; i++)
        if (i != in_a && k < 3)
            place[k++] = c->values[arg[i]].place;
    chain_emit(c, op, place[0], place[1], place[2]);
    chain_finish(c, n, arg);
}

/* select(compare(x, y), a, b) as one instruction, where nothing else uses the
 * comparison. */
static bool chain_compare_select(bp__chain *c, int v)
{
    const bp__chain_value *x = &c->values[v];
    bp__chain_value *cond = &c->values[x->arg[0]];
    if (x->op != BP__OP_select || cond->uses != 1 || cond->place >= 0 ||
        cond->op == BP__OP_NONE || c->in_a == x->arg[0])
        return false;
    const chain_rule *r = &bp__chain_rules[cond->op];
    if (r->types != (TAKES_F | GIVES_B) || r->arity != 2 ||
        c->values[cond->arg[0]].is_bool)
        return false;
    int arg[4] = {cond->arg[0], cond->arg[1], x->arg[1], x->arg[2]};
    int in_a = chain_choose(c, 4, arg, 3u);
    int code = in_a == 0 ? r->code : r->swapped;
    chain_fetch(c, 4, arg, in_a);
    chain_apply(c, code - BP__CHAIN_EQ + BP__CHAIN_IF_EQ, 4, arg, in_a);
    cond->uses = 0;
    return true;
}

static void chain_code(bp__chain *c, int v)
{
    const bp__chain_value *x = &c->values[v];
    const chain_rule *r = &bp__chain_rules[x->op];
    int arg[3] = {x->arg[0], x->arg[1], x->arg[2]};
    if (x->op == BP__OP_select) {
        static const int codes[3] = {BP__CHAIN_SELECT, BP__CHAIN_SELECT_A,
                                     BP__CHAIN_SELECT_B};
        int in_a = chain_choose(c, 3, arg, 7u);
        chain_fetch(c, 3, arg, in_a);
        chain_apply(c, codes[in_a], 3, arg, in_a);
        return;
    }
    if (r->arity == 1) {
        int code = r->code;
        if (x->op == BP__OP_cast)
            code = x->to == BP_BOOL ? BP__CHAIN_TO_BOOL : BP__CHAIN_FROM_BOOL;
        chain_fetch(c, 1, arg, 0);
        chain_apply(c, code, 1, arg, 0);
        return;
    }
    int in_a = chain_choose(c, 2, arg, 3u);
    int code = in_a == 0 ? r->code : r->swapped;
    if (c->values[arg[0]].is_bool && x->op == BP__OP_eq)
        code = BP__CHAIN_XNOR;
    if (c->values[arg[0]].is_bool && x->op == BP__OP_ne)
        code = BP__CHAIN_XOR;
    chain_fetch(c, 2, arg, in_a);
    chain_apply(c, code, 2, arg, in_a);
}

/* Computes an op's value into the accumulator, and stores it where it is an
 * output. */
static void chain_compute(bp__chain *c, int v)
{
    if (c->status != BP_OK)
        return;
    if (!chain_compare_select(c, v))
        chain_code(c, v);
    c->in_a = v;
    chain_stores(c, v);
}

static void count_uses(bp__chain *c)
{
    bool live[BP__CHAIN_VALUES] = {false};
    for (int k = 0; k < c->n_out; k++) {
        live[c->out[k].value] = true;
        c->values[c->out[k].value].uses++;
    }
    for (int v = c->n_values - 1; v >= 0; v--) {
        const bp__chain_value *x = &c->values[v];
        if (!live[v] || x->op == BP__OP_NONE)
            continue;
        for (int i = 0; i < bp__chain_rules[x->op].arity; i++) {
            live[x->arg[i]] = true;
            c->values[x->arg[i]].uses++;
        }
    }
}

static size_t chain_scratch(const bp__chain *c)
{
    size_t block = BP__CHAIN_BLOCK * sizeof(float);
    size_t n = (size_t)(n_fixed_places(c) + c->n_temp) * block;
    for (int i = 0; i < c->n_in; i++) /* see feed_start in k_chain_feed.h */
        if (bp__chain_extends(&c->in[i]))
            n += ((size_t)c->in[i].period * sizeof(float) + block + 63) / 64 *
                 64;
    return n;
}

bp_status bp__chain_end(bp__chain *c, bp_error *err)
{
    if (c->status == BP_OK && c->n_out == 0)
        bp__chain_refuse(c, BP_EARG, "a chain stores nothing");
    if (c->status == BP_OK) {
        count_uses(c);
        for (int v = 0; v < c->n_values; v++)
            if (c->values[v].op == BP__OP_NONE && c->values[v].to == 1)
                c->values[v].place = (int16_t)(c->n_in + c->n_out +
                                               c->values[v].arg[0]);
    }
    for (int k = 0; k < c->n_out && c->status == BP_OK; k++) {
        int v = c->out[k].value;
        if (c->out[k].store >= 0)
            continue;
        if (c->values[v].op != BP__OP_NONE) {
            chain_spill(c);
            chain_compute(c, v);
        } else {
            chain_to_a(c, v);
            chain_stores(c, v);
        }
    }
    chain_emit(c, BP__CHAIN_END, -1, -1, -1);
    if (c->status != BP_OK)
        return bp__error(err, c->status, "elementwise chain: %s", c->message);
    c->scratch_bytes = chain_scratch(c);
    return bp__chain_verify(c, err);
}
