/* Elementwise chains: which ops they take, and building. chain_code.c makes the
 * code of what was built, chain_check.c verifies and prints it, k_chain.c runs
 * it.
 */
#include "cpu/chain_rules.h"

#define RULE(op, code, swapped, arity, types)                           \
    [BP__OP_##op] = {BP__CHAIN_##code, BP__CHAIN_##swapped, arity, types}
#define RULE_F1(op, code) RULE(op, code, END, 1, TAKES_F | GIVES_F)
#define RULE_F2(op, code, swapped) \
    RULE(op, code, swapped, 2, TAKES_F | GIVES_F)
#define RULE_COMPARE(op, code, swapped) \
    RULE(op, code, swapped, 2, TAKES_F | GIVES_B)

const chain_rule bp__chain_rules[BP__N_OPS] = {
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
    if ((unsigned)op >= BP__N_OPS || bp__chain_rules[op].arity == 0 ||
        bp__chain_rules[op].arity != n_in)
        return false;
    int types = bp__chain_rules[op].types, out = dtypes[n_in];
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

int bp__chain_refuse(bp__chain *c, bp_status s, const char *why)
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
        bp__chain_refuse(c, BP_EARG, "a chain's space has rank 0 to 8");
        return;
    }
    c->rank = rank;
    for (int i = 0; i < rank; i++) {
        c->dims[i] = dims[i];
        if (dims[i] < 0 ||
            (dims[i] > 0 && c->numel > INT64_MAX / 64 / dims[i])) {
            bp__chain_refuse(c, BP_ELIMIT, "a chain's space is too large");
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
        return bp__chain_refuse(c, BP_ELIMIT, "too many values in one chain");
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
        return bp__chain_refuse(c, BP_EDTYPE, "a chain loads f32, i32, u8, bool");
    if (c->n_in == BP__CHAIN_LOADS)
        return bp__chain_refuse(c, BP_ELIMIT, "too many loads in one chain");
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
        return bp__chain_refuse(c, BP_ELIMIT, "too many constants in one chain");
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
    const chain_rule *r = &bp__chain_rules[op];
    for (int i = 0; i < n; i++) {
        if (arg[i] < 0 || arg[i] >= c->n_values) {
            bp__chain_refuse(c, BP_EARG, "an operand is not a value of the chain");
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
            bp__chain_refuse(c, BP_EDTYPE, "an operand has the wrong type");
            return false;
        }
    }
    return true;
}

static int chain_op(bp__chain *c, bp__op op, int to, const int *arg)
{
    if (c->status != BP_OK)
        return -1;
    if ((unsigned)op >= BP__N_OPS || bp__chain_rules[op].arity == 0)
        return bp__chain_refuse(c, BP_EARG, "this op cannot be part of a chain");
    const chain_rule *r = &bp__chain_rules[op];
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
        return bp__chain_refuse(c, BP_EARG, "a cast needs its target type");
    return chain_op(c, op, 0, arg);
}

int bp__chain_cast(bp__chain *c, int dtype, int a)
{
    int arg[3] = {a, -1, -1};
    if (dtype != BP_F32 && dtype != BP_BOOL)
        return bp__chain_refuse(c, BP_EDTYPE,
                            "within a chain there is only f32 and bool");
    return chain_op(c, BP__OP_cast, dtype, arg);
}

void bp__chain_store(bp__chain *c, int value, int dtype, bool test)
{
    if (c->status != BP_OK)
        return;
    if (value < 0 || value >= c->n_values) {
        bp__chain_refuse(c, BP_EARG, "what is stored is not a value of the chain");
        return;
    }
    bool is_bool = c->values[value].is_bool;
    if (is_bool ? dtype != BP_BOOL
                : dtype != BP_F32 && dtype != BP_U8 && dtype != BP_I32) {
        bp__chain_refuse(c, BP_EDTYPE, "a chain cannot store as this type");
        return;
    }
    if (test && dtype != BP_F32) {
        bp__chain_refuse(c, BP_EDTYPE, "only f32 outputs can be tested");
        return;
    }
    if (c->n_out == BP__CHAIN_STORES) {
        bp__chain_refuse(c, BP_ELIMIT, "too many stores in one chain");
        return;
    }
    c->out[c->n_out++] = (bp__chain_output){
        .dtype = (uint8_t)dtype, .test = test, .value = value, .store = -1};
}
