/* Elementwise chains: building, code for the accumulator, checking, printing.
 * What the code means is in k_chain.c; this file runs nothing.
 *
 * Code generation walks the values depth first from each store, so that most
 * operands are still in the accumulator when they are used. A value gets a
 * place in memory only when the accumulator is needed for something else
 * before its last use; loads, constants and f32 outputs have one anyway.
 */
#include "cpu/chain.h"

enum { TAKES_F = 1, TAKES_B = 2, GIVES_F = 4, GIVES_B = 8 };

/* How an op becomes code: its opcode, the one for swapped operands, and the
 * types. Ops that are not here cannot be part of a chain. */
typedef struct chain_rule {
    uint8_t code, swapped, arity, types;
} chain_rule;

#define RULE(op, code, swapped, arity, types)                           \
    [BP__OP_##op] = {BP__CHAIN_##code, BP__CHAIN_##swapped, arity, types}
#define RULE_F1(op, code) RULE(op, code, END, 1, TAKES_F | GIVES_F)
#define RULE_F2(op, code, swapped) \
    RULE(op, code, swapped, 2, TAKES_F | GIVES_F)
#define RULE_COMPARE(op, code, swapped) \
    RULE(op, code, swapped, 2, TAKES_F | GIVES_B)

static const chain_rule chain_rules[BP__N_OPS] = {
    RULE_F1(neg, NEG), RULE_F1(abs, ABS), RULE_F1(sign, SIGN),
    RULE_F1(floor, FLOOR), RULE_F1(reciprocal, RECIPROCAL),
    RULE_F1(square, SQUARE), RULE_F1(sqrt, SQRT), RULE_F1(exp, EXP),
    RULE_F1(log, LOG), RULE_F1(log1p, LOG1P), RULE_F1(sin, SIN),
    RULE_F1(cos, COS), RULE_F1(tanh, TANH), RULE_F1(sigmoid, SIGMOID),
    RULE_F1(erf, ERF), RULE_F1(relu, RELU),
    RULE(not, NOT, END, 1, TAKES_B | GIVES_B),
    RULE(is_finite, IS_FINITE, END, 1, TAKES_F | GIVES_B),
    RULE_F2(add, ADD, ADD), RULE_F2(sub, SUB, RSUB), RULE_F2(mul, MUL, MUL),
    RULE_F2(div, DIV, RDIV), RULE_F2(pow, POW, RPOW),
    RULE_F2(maximum, MAX, RMAX), RULE_F2(minimum, MIN, RMIN),
    RULE_COMPARE(eq, EQ, EQ), RULE_COMPARE(ne, NE, NE),
    RULE_COMPARE(lt, LT, GT), RULE_COMPARE(le, LE, GE),
    RULE_COMPARE(gt, GT, LT), RULE_COMPARE(ge, GE, LE),
    RULE(and, AND, AND, 2, TAKES_B | GIVES_B),
    RULE(or, OR, OR, 2, TAKES_B | GIVES_B),
    /* The operands' types are its own matter. */
    RULE(select, SELECT, END, 3, 0),
    RULE(cast, END, END, 1, 0),
    RULE(stop_gradient, END, END, 1, 0),
};

bool bp__chain_supports(bp__op op, int n_in, const int *dtypes)
{
    if ((unsigned)op >= BP__N_OPS || chain_rules[op].arity == 0 ||
        chain_rules[op].arity != n_in)
        return false;
    int types = chain_rules[op].types, out = dtypes[n_in];
    if (op == BP__OP_cast)
        return (dtypes[0] != BP_F64 && out == BP_F32) ||
               (dtypes[0] == BP_F32 && out != BP_F64) ||
               (dtypes[0] == BP_BOOL && out == BP_BOOL);
    if (op == BP__OP_stop_gradient)
        return out == BP_F32 || out == BP_BOOL;
    if (op == BP__OP_select)
        return dtypes[0] == BP_BOOL && dtypes[1] == out &&
               dtypes[2] == out && (out == BP_F32 || out == BP_BOOL);
    if (op == BP__OP_eq || op == BP__OP_ne)
        return dtypes[0] == dtypes[1] && out == BP_BOOL &&
               (dtypes[0] == BP_F32 || dtypes[0] == BP_BOOL);
    for (int i = 0; i < n_in; i++)
        if (dtypes[i] != (types & TAKES_F ? BP_F32 : BP_BOOL))
            return false;
    return out == (types & GIVES_F ? BP_F32 : BP_BOOL);
}

/* ---- building ----------------------------------------------------------- */

static int chain_refuse(bp__chain *c, bp_status s, const char *why)
{
    if (c->status == BP_OK) {
        c->status = s;
        size_t n = strlen(why);
        n = BP__MIN(n, sizeof c->message - 1);
        memcpy(c->message, why, n);
        c->message[n] = 0;
    }
    return -1;
}

void bp__chain_begin(bp__chain *c, int rank, const int64_t *dims)
{
    memset(c, 0, sizeof *c);
    c->in_a = -1;
    c->numel = 1;
    if (rank < 0 || rank > BP_MAX_RANK) {
        chain_refuse(c, BP_EARG, "a chain's space has rank 0 to 8");
        return;
    }
    c->rank = rank;
    for (int i = 0; i < rank; i++) {
        c->dims[i] = dims[i];
        if (dims[i] < 0 ||
            (dims[i] > 0 && c->numel > INT64_MAX / 64 / dims[i])) {
            chain_refuse(c, BP_ELIMIT, "a chain's space is too large");
            return;
        }
        c->numel *= dims[i];
    }
}

static int new_value(bp__chain *c, bp__op op, bool is_bool)
{
    if (c->status != BP_OK)
        return -1;
    if (c->n_values == BP__CHAIN_VALUES)
        return chain_refuse(c, BP_ELIMIT, "too many values in one chain");
    bp__chain_value *v = &c->values[c->n_values];
    *v = (bp__chain_value){.op = (uint8_t)op, .is_bool = is_bool,
                           .arg = {-1, -1, -1}, .place = -1};
    return c->n_values++;
}

/* Dims of size 1 dropped, neighbours that can be walked as one merged. */
static void merge_dims(bp__chain_input *in, int rank, const int64_t *dims,
                       const int64_t *stride)
{
    int n = 0;
    for (int i = 0; i < rank; i++) {
        if (dims[i] == 1)
            continue;
        if (n > 0 && in->stride[n - 1] == stride[i] * dims[i]) {
            in->dims[n - 1] *= dims[i];
            in->stride[n - 1] = stride[i];
        } else {
            in->dims[n] = dims[i];
            in->stride[n] = stride[i];
            n++;
        }
    }
    in->rank = n;
}

/* Finds inner and period, see chain.h; a space of no elements is dense. */
static void classify_input(bp__chain_input *in, int64_t numel)
{
    int n = in->rank;
    in->inner = 1;
    in->period = numel;
    if (numel == 0 || n == 0 || (n == 1 && in->stride[0] == 1)) {
        in->dense = true;
        return;
    }
    int at = n - 1;
    if (in->stride[at] == 0) {
        in->inner = in->dims[at];
        if (at == 0) { /* one value */
            in->inner = numel;
            in->period = 1;
            return;
        }
        at--;
    }
    in->period = in->dims[at];
    if (in->stride[at] == 1 &&
        (at == 0 || (at == 1 && in->stride[0] == 0)))
        return;
    in->inner = in->period = 0;
}

int bp__chain_load(bp__chain *c, int dtype, const int64_t *stride)
{
    if (c->status != BP_OK)
        return -1;
    if (dtype == BP_F64 || bp_dtype_bytes((bp_dtype)dtype) == 0)
        return chain_refuse(c, BP_EDTYPE, "a chain loads f32, i32, u8, bool");
    if (c->n_in == BP__CHAIN_LOADS)
        return chain_refuse(c, BP_ELIMIT, "too many loads in one chain");
    int v = new_value(c, BP__OP_NONE, dtype == BP_BOOL);
    if (v < 0)
        return -1;
    bp__chain_input *in = &c->in[c->n_in];
    in->dtype = (uint8_t)dtype;
    in->last_read = -1;
    int64_t dense[BP_MAX_RANK], step = 1;
    for (int i = c->rank - 1; i >= 0; i--) {
        dense[i] = step;
        step *= c->dims[i];
    }
    merge_dims(in, c->rank, c->dims, stride ? stride : dense);
    classify_input(in, c->numel);
    c->values[v].place = (int16_t)c->n_in++; /* final: inputs come first */
    return v;
}

int bp__chain_const(bp__chain *c, float x)
{
    if (c->status != BP_OK)
        return -1;
    for (int i = 0; i < c->n_values; i++) {
        const bp__chain_value *v = &c->values[i];
        if (v->op == BP__OP_NONE && v->to == 1 &&
            memcmp(&c->consts[v->arg[0]], &x, sizeof x) == 0)
            return i;
    }
    if (c->n_const == BP__CHAIN_CONSTS)
        return chain_refuse(c, BP_ELIMIT, "too many constants in one chain");
    int v = new_value(c, BP__OP_NONE, false);
    if (v < 0)
        return -1;
    c->values[v].to = 1; /* marks a constant; arg[0] is its number */
    c->values[v].arg[0] = (int16_t)c->n_const;
    c->consts[c->n_const++] = x;
    return v;
}

static bool chain_operands_fit(bp__chain *c, bp__op op, int n, const int *arg)
{
    const chain_rule *r = &chain_rules[op];
    for (int i = 0; i < n; i++) {
        if (arg[i] < 0 || arg[i] >= c->n_values) {
            chain_refuse(c, BP_EARG, "an operand is not a value of the chain");
            return false;
        }
        bool is_bool = c->values[arg[i]].is_bool, fits;
        if (op == BP__OP_select)
            fits = i == 0 ? is_bool
                          : is_bool == c->values[arg[1]].is_bool;
        else if (op == BP__OP_eq || op == BP__OP_ne)
            fits = is_bool == c->values[arg[0]].is_bool;
        else
            fits = r->types == 0 || is_bool == !(r->types & TAKES_F);
        if (!fits) {
            chain_refuse(c, BP_EDTYPE, "an operand has the wrong type");
            return false;
        }
    }
    return true;
}

static int chain_op(bp__chain *c, bp__op op, int to, const int *arg)
{
    if (c->status != BP_OK)
        return -1;
    if ((unsigned)op >= BP__N_OPS || chain_rules[op].arity == 0)
        return chain_refuse(c, BP_EARG, "this op cannot be part of a chain");
    const chain_rule *r = &chain_rules[op];
    if (!chain_operands_fit(c, op, r->arity, arg))
        return -1;
    const bp__chain_value *first = &c->values[arg[0]];
    if (op == BP__OP_stop_gradient ||
        (op == BP__OP_cast && first->is_bool == (to == BP_BOOL)))
        return arg[0];
    bool is_bool = op == BP__OP_select ? c->values[arg[1]].is_bool
                   : op == BP__OP_cast ? to == BP_BOOL
                                       : !(r->types & GIVES_F);
    int depth = 0;
    for (int i = 0; i < r->arity; i++)
        depth = BP__MAX(depth, c->values[arg[i]].depth);
    int v = new_value(c, op, is_bool);
    if (v < 0)
        return -1;
    c->values[v].to = (uint8_t)to;
    c->values[v].depth = (int16_t)(depth + 1);
    for (int i = 0; i < r->arity; i++)
        c->values[v].arg[i] = (int16_t)arg[i];
    return v;
}

int bp__chain_op(bp__chain *c, bp__op op, int a, int b, int d)
{
    int arg[3] = {a, b, d};
    if (op == BP__OP_cast)
        return chain_refuse(c, BP_EARG, "a cast needs its target type");
    return chain_op(c, op, 0, arg);
}

int bp__chain_cast(bp__chain *c, int dtype, int a)
{
    int arg[3] = {a, -1, -1};
    if (dtype != BP_F32 && dtype != BP_BOOL)
        return chain_refuse(c, BP_EDTYPE,
                            "within a chain there is only f32 and bool");
    return chain_op(c, BP__OP_cast, dtype, arg);
}

void bp__chain_store(bp__chain *c, int value, int dtype, bool test)
{
    if (c->status != BP_OK)
        return;
    if (value < 0 || value >= c->n_values) {
        chain_refuse(c, BP_EARG, "what is stored is not a value of the chain");
        return;
    }
    bool is_bool = c->values[value].is_bool;
    if (is_bool ? dtype != BP_BOOL
                : dtype != BP_F32 && dtype != BP_U8 && dtype != BP_I32) {
        chain_refuse(c, BP_EDTYPE, "a chain cannot store as this type");
        return;
    }
    if (test && dtype != BP_F32) {
        chain_refuse(c, BP_EDTYPE, "only f32 outputs can be tested");
        return;
    }
    if (c->n_out == BP__CHAIN_STORES) {
        chain_refuse(c, BP_ELIMIT, "too many stores in one chain");
        return;
    }
    c->out[c->n_out++] = (bp__chain_output){
        .dtype = (uint8_t)dtype, .test = test, .value = value, .store = -1};
}

/* ---- code --------------------------------------------------------------- */

static int n_fixed_places(const bp__chain *c)
{
    return c->n_in + c->n_out + c->n_const;
}

static void note_read(bp__chain *c, int place)
{
    if (place >= 0 && place < c->n_in)
        c->in[place].last_read = c->n_code;
}

/* Unused operands: -1. */
static void chain_emit(bp__chain *c, int op, int p, int q, int r)
{
    if (c->status != BP_OK)
        return;
    if (c->n_code == BP__CHAIN_CODE) {
        chain_refuse(c, BP_ELIMIT, "a chain's code is too long");
        return;
    }
    if (op >= BP__CHAIN_ADD && bp__chain_uniform(c, p))
        op++; /* NAME_K */
    note_read(c, p);
    note_read(c, q);
    note_read(c, r);
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
    chain_refuse(c, BP_ELIMIT, "a chain keeps too many values at once");
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
    const chain_rule *r = &chain_rules[cond->op];
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
    const chain_rule *r = &chain_rules[x->op];
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
        for (int i = 0; i < chain_rules[x->op].arity; i++) {
            live[x->arg[i]] = true;
            c->values[x->arg[i]].uses++;
        }
    }
}

static size_t chain_scratch(const bp__chain *c)
{
    size_t block = BP__CHAIN_BLOCK * sizeof(float);
    size_t n = (size_t)(n_fixed_places(c) + c->n_temp) * block;
    for (int i = 0; i < c->n_in; i++) /* see feed_periodic in k_chain.c */
        if (bp__chain_extends(&c->in[i]))
            n += ((size_t)c->in[i].period * sizeof(float) + block + 63) / 64 *
                 64;
    return n;
}

bp_status bp__chain_end(bp__chain *c, bp_error *err)
{
    if (c->status == BP_OK && c->n_out == 0)
        chain_refuse(c, BP_EARG, "a chain stores nothing");
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
