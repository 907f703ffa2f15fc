/* Elementwise chains: every op against scalar C; pairs of ops; truth values;
 * random chains against the same ops run one by one (to the bit), at every
 * level; and that all this takes every opcode. */
#include "chain_rig.h"

/* ---- each op ------------------------------------------------------------ */

static const struct {
    bp__op op;
    int arity, takes_bool, gives_bool, to;
} every_op[] = {
#define U(name) {BP__OP_##name, 1, 0, 0, 0}
#define V(name) {BP__OP_##name, 2, 0, 0, 0}
#define C(name) {BP__OP_##name, 2, 0, 1, 0}
    U(neg), U(abs), U(sign), U(floor), U(reciprocal), U(square), U(sqrt),
    U(exp), U(log), U(log1p), U(sin), U(cos), U(tanh), U(sigmoid), U(erf),
    U(relu), V(add), V(sub), V(mul), V(div), V(pow), V(maximum), V(minimum),
    C(eq), C(ne), C(lt), C(le), C(gt), C(ge), {BP__OP_not, 1, 1, 1, 0},
    {BP__OP_is_finite, 1, 0, 1, 0}, {BP__OP_and, 2, 1, 1, 0},
    {BP__OP_or, 2, 1, 1, 0}, {BP__OP_cast, 1, 0, 1, BP_BOOL},
    {BP__OP_cast, 1, 1, 0, BP_F32}, {BP__OP_select, 3, 1, 0, 0}};

static void one_op(const pools *p, size_t which, int constant, uint64_t *seed)
{
    static bp__chain c;
    static float out_f[MAX_N];
    static uint8_t out_b[MAX_N];
    static const float ks[] = {0.75f, 0.0f, -0.0f, NAN, INFINITY, -2.0f};
    bp_error err = {0};
    int64_t n = 1037;
    int arity = every_op[which].arity;
    bp__op op = every_op[which].op;
    const void *in[3];
    int v[3] = {-1, -1, -1}, n_in = 0;
    float k = ks[*seed % 6];
    bp__chain_begin(&c, 1, &n);
    for (int i = 0; i < arity; i++) {
        bool is_bool = every_op[which].takes_bool &&
                       (op != BP__OP_select || i == 0);
        if (!is_bool && constant == i) {
            v[i] = bp__chain_const(&c, k);
            continue;
        }
        v[i] = bp__chain_load(&c, is_bool ? BP_BOOL : BP_F32, NULL);
        in[n_in++] = is_bool ? (const void *)p->b[i] : (const void *)p->f[i];
    }
    int y = op == BP__OP_cast
                ? bp__chain_cast(&c, every_op[which].to, v[0])
                : bp__chain_op(&c, op, v[0], v[1], v[2]);
    bool gives_bool = every_op[which].gives_bool;
    bp__chain_store(&c, y, gives_bool ? BP_BOOL : BP_F32, false);
    T_OK(bp__chain_end(&c, &err), &err);
    void *out[1] = {gives_bool ? (void *)out_b : (void *)out_f};
    run_all(&c, in, out, seed);
    int64_t differ = 0;
    for (int64_t i = 0; i < n; i++) {
        scalar x[3];
        for (int j = 0; j < 3; j++) {
            x[j].f = j == constant ? k : p->f[j][i];
            x[j].b = p->b[j % 2][i];
        }
        scalar r = eval(op, every_op[which].to, x[0], x[1], x[2]);
        differ += gives_bool ? r.b != (out_b[i] == 1)
                             : bits_of(&r.f, BP_F32, 0) !=
                                   bits_of(out_f, BP_F32, i);
    }
    T_CHECKF(differ == 0, "%s, constant operand %d: %lld of %lld differ",
             bp__ops[op] ? bp__ops[op]->name : "?", constant,
             (long long)differ, (long long)n);
}

static void each_op(const pools *p, uint64_t *seed)
{
    for (size_t i = 0; i < BP__ARRAY_LEN(every_op); i++)
        for (int constant = -1; constant < every_op[i].arity; constant++)
            for (int k = 0; k < (constant < 0 ? 1 : 6); k++, ++*seed)
                if (every_op[i].arity > 1 || constant < 0)
                    one_op(p, i, constant, seed);
}

/* ---- pairs -----------------------------------------------------------------
 * What may become one instruction: an op of an op, and select of a comparison.
 * Bits of `form`: x is computed rather than loaded; the first op's second
 * operand is a number; its operands are swapped; the same of the second op. */

static int place_two(bp__chain *c, bp__op op, int a, int b, bool swapped)
{
    return bp__chain_op(c, op, swapped ? b : a, swapped ? a : b, -1);
}

static scalar eval_two(bp__op op, scalar a, scalar b, bool swapped)
{
    return eval(op, 0, swapped ? b : a, swapped ? a : b, a);
}

static void one_pair(const pools *p, bp__op first, bp__op second, int form,
                     uint64_t *seed)
{
    static bp__chain c;
    static float got[MAX_N];
    const scalar k1 = {0.75f, false}, k2 = {-1.25f, false};
    bp_error err = {0};
    int64_t n = 401;
    bool selects = second == BP__OP_select;
    const void *in[3] = {p->f[0], p->f[1], p->f[2]};
    void *out[1] = {got};
    bp__chain_begin(&c, 1, &n);
    int x = bp__chain_load(&c, BP_F32, NULL);
    int y = bp__chain_load(&c, BP_F32, NULL);
    int z = bp__chain_load(&c, BP_F32, NULL);
    int a = form & 1 ? bp__chain_op(&c, BP__OP_neg, x, -1, -1) : x;
    int t = place_two(&c, first, a, form & 2 ? bp__chain_const(&c, k1.f) : y,
                      form & 4);
    int u = selects ? bp__chain_op(&c, second, t, y, z)
                    : place_two(&c, second, t,
                                form & 8 ? bp__chain_const(&c, k2.f) : z,
                                form & 16);
    bp__chain_store(&c, u, BP_F32, false);
    T_OK(bp__chain_end(&c, &err), &err);
    run_all(&c, in, out, seed);
    int64_t differ = 0;
    for (int64_t i = 0; i < n; i++) {
        scalar v[3];
        for (int j = 0; j < 3; j++)
            v[j] = (scalar){p->f[j][i], false};
        scalar va = {form & 1 ? -v[0].f : v[0].f, false};
        scalar vt = eval_two(first, va, form & 2 ? k1 : v[1], form & 4);
        scalar want = selects ? eval(second, 0, vt, v[1], v[2])
                              : eval_two(second, vt, form & 8 ? k2 : v[2],
                                         form & 16);
        differ += bits_of(&want.f, BP_F32, 0) != bits_of(got, BP_F32, i);
    }
    T_CHECKF(differ == 0, "%s of %s, form %d: %lld of %lld differ",
             bp__ops[second]->name, bp__ops[first]->name, form,
             (long long)differ, (long long)n);
}

static void pairs(const pools *p, uint64_t *seed)
{
    static const bp__op arithmetic[] = {BP__OP_add, BP__OP_sub, BP__OP_mul,
                                        BP__OP_div, BP__OP_maximum};
    static const bp__op comparisons[] = {BP__OP_eq, BP__OP_ne, BP__OP_lt,
                                         BP__OP_le, BP__OP_gt, BP__OP_ge};
    int n = (int)BP__ARRAY_LEN(arithmetic);
    for (int both = 0; both < n * n; both++)
        for (int form = 0; form < 32; form++)
            one_pair(p, arithmetic[both / n], arithmetic[both % n], form,
                     seed);
    for (size_t i = 0; i < BP__ARRAY_LEN(comparisons); i++)
        for (int form = 0; form < 8; form++)
            one_pair(p, comparisons[i], BP__OP_select, form, seed);
}

/* eq, ne and select of truth values. */
static void truths(const pools *p, uint64_t *seed)
{
    static bp__chain c;
    static uint8_t out[3][MAX_N];
    bp_error err = {0};
    int64_t n = 333, differ = 0;
    bp__chain_begin(&c, 1, &n);
    int a = bp__chain_load(&c, BP_BOOL, NULL);
    int b = bp__chain_load(&c, BP_BOOL, NULL);
    int x = bp__chain_load(&c, BP_F32, NULL);
    int f = bp__chain_op(&c, BP__OP_is_finite, x, -1, -1);
    bp__chain_store(&c, bp__chain_op(&c, BP__OP_eq, a, b, -1), BP_BOOL, 0);
    bp__chain_store(&c, bp__chain_op(&c, BP__OP_ne, a, b, -1), BP_BOOL, 0);
    bp__chain_store(&c, bp__chain_op(&c, BP__OP_select, a, b, f), BP_BOOL, 0);
    T_OK(bp__chain_end(&c, &err), &err);
    const void *in[3] = {p->b[0], p->b[1], p->f[0]};
    void *to[3] = {out[0], out[1], out[2]};
    run_all(&c, in, to, seed);
    for (int64_t i = 0; i < n; i++) {
        bool s = p->b[0][i] ? p->b[1][i] : isfinite(p->f[0][i]);
        differ += out[0][i] != (p->b[0][i] == p->b[1][i]);
        differ += out[1][i] != (p->b[0][i] != p->b[1][i]);
        differ += out[2][i] != s;
    }
    T_CHECK(differ == 0);
}

/* ---- random chains ---------------------------------------------------------
 * The chain, and the same by scalar evaluation of every value. */

typedef struct random_chain {
    bp__chain c;
    int n;
    struct {
        bp__op op;
        int to, arg[3], load; /* load: input number, -1: none */
        float k;
        bool is_bool;
    } v[BP__CHAIN_VALUES];
    const void *in[BP__CHAIN_LOADS];
    uint8_t in_type[BP__CHAIN_LOADS];
} random_chain;

static int pick(const random_chain *g, bool is_bool, uint64_t *seed)
{
    for (int tries = 0; tries < 1000; tries++) {
        /* Mostly late ones, so that the chain is long. */
        double u = t_uniform(seed, 0, 1);
        int i = (int)((1 - u * u) * g->n * 0.999);
        if (g->v[i].is_bool == is_bool)
            return i;
    }
    return -1;
}

static int add_value(random_chain *g, bp__op op, int id, bool is_bool)
{
    T_REQUIRE(id == g->n);
    g->v[g->n].op = op;
    g->v[g->n].load = -1;
    g->v[g->n].is_bool = is_bool;
    return g->n++;
}

static void grow_chain(random_chain *g, const pools *p, int ops,
                       uint64_t *seed)
{
    static const int types[] = {BP_F32, BP_F32, BP_F32, BP_U8, BP_I32,
                                BP_BOOL};
    for (int i = 0; i < 6; i++) {
        int id = bp__chain_load(&g->c, types[i], NULL);
        add_value(g, BP__OP_NONE, id, types[i] == BP_BOOL);
        g->v[id].load = i;
        g->in_type[i] = (uint8_t)types[i];
    }
    const void *in[6] = {p->f[0], p->f[1], p->f[2], p->u, p->i, p->b[0]};
    memcpy(g->in, in, sizeof in);
    while (ops-- > 0) {
        if (t_uniform(seed, 0, 1) < 0.1) {
            float k = number(seed);
            int id = bp__chain_const(&g->c, k);
            if (id < g->n)
                continue; /* it is there already */
            add_value(g, BP__OP_NONE, id, false);
            g->v[id].k = k;
            continue;
        }
        size_t w = (size_t)t_uniform(seed, 0,
                                     BP__ARRAY_LEN(every_op) - 0.001);
        int arg[3] = {-1, -1, -1};
        bool ok = true;
        for (int i = 0; i < every_op[w].arity; i++) {
            bool b = every_op[w].takes_bool &&
                     (every_op[w].op != BP__OP_select || i == 0);
            arg[i] = pick(g, b, seed);
            ok &= arg[i] >= 0;
        }
        if (!ok)
            continue;
        int id = every_op[w].op == BP__OP_cast
                     ? bp__chain_cast(&g->c, every_op[w].to, arg[0])
                     : bp__chain_op(&g->c, every_op[w].op, arg[0], arg[1],
                                    arg[2]);
        add_value(g, every_op[w].op, id, every_op[w].gives_bool);
        g->v[id].to = every_op[w].to;
        memcpy(g->v[id].arg, arg, sizeof arg);
    }
}

static void eval_all(const random_chain *g, int64_t i, scalar *val)
{
    for (int v = 0; v < g->n; v++) {
        if (g->v[v].load >= 0) {
            const void *p = g->in[g->v[v].load];
            int t = g->in_type[g->v[v].load];
            val[v].f = t == BP_F32   ? ((const float *)p)[i]
                       : t == BP_I32 ? (float)((const int32_t *)p)[i]
                                     : ((const uint8_t *)p)[i];
            val[v].b = t == BP_BOOL && ((const uint8_t *)p)[i];
        } else if (g->v[v].op == BP__OP_NONE) {
            val[v].f = g->v[v].k;
            val[v].b = false;
        } else {
            scalar a[3];
            for (int k = 0; k < 3; k++)
                a[k] = g->v[v].arg[k] >= 0 ? val[g->v[v].arg[k]]
                                           : (scalar){0, false};
            val[v] = eval(g->v[v].op, g->v[v].to, a[0], a[1], a[2]);
        }
    }
}

static void check_chain(const random_chain *g, void *const *out)
{
    scalar val[BP__CHAIN_VALUES];
    int64_t differ = 0;
    for (int64_t i = 0; i < g->c.numel; i++) {
        eval_all(g, i, val);
        for (int k = 0; k < g->c.n_out; k++) {
            scalar x = val[g->c.out[k].value];
            int dtype = g->c.out[k].dtype;
            int64_t want;
            if (dtype == BP_F32)
                want = bits_of(&x.f, BP_F32, 0);
            else if (dtype == BP_BOOL)
                want = x.b;
            else if (dtype == BP_U8)
                want = x.f >= 255 ? 255 : x.f > 0 ? (int64_t)x.f : 0;
            else
                want = x.f != x.f           ? 0
                       : x.f >= 2147483648.f ? INT32_MAX
                       : x.f <= -2147483648.f ? INT32_MIN
                                              : (int64_t)x.f;
            differ += want != bits_of(out[k], dtype, i);
        }
    }
    T_CHECKF(differ == 0, "random chain: %lld elements differ",
             (long long)differ);
}

static void random_chains(const pools *p, uint64_t *seed)
{
    static random_chain g;
    static float out[5][MAX_N];
    for (int round = 0; round < 150; round++) {
        memset(&g, 0, sizeof g);
        int64_t n = 1 + (int64_t)t_uniform(seed, 0, round % 5 ? 700 : 2000);
        bp__chain_begin(&g.c, 1, &n);
        grow_chain(&g, p, 2 + (int)t_uniform(seed, 0, 60), seed);
        static const int types[] = {BP_F32, BP_F32, BP_U8, BP_I32, BP_BOOL};
        void *to[5];
        for (int k = 0; k < 5; k++) {
            int v = pick(&g, types[k] == BP_BOOL, seed);
            bp__chain_store(&g.c, v, types[k], k == 1);
            to[k] = out[k];
        }
        bp_error err = {0};
        T_OK(bp__chain_end(&g.c, &err), &err);
        run_all(&g.c, g.in, to, seed);
        check_chain(&g, to);
    }
}

int main(void)
{
    static pools p;
    uint64_t seed = 5;
    fill_pools(&p, &seed);
    each_op(&p, &seed);
    pairs(&p, &seed);
    truths(&p, &seed);
    random_chains(&p, &seed);
    for (int i = 0; i < BP__CHAIN_N_OPCODES; i++)
        T_CHECKF(ran[i], "no chain above has opcode %d", i);
    return t_end();
}
