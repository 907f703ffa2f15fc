/* Elementwise chains: every op against scalar C; random chains against the
 * same ops run one by one (to the bit); every way to read an operand; ranges,
 * tails and memory around them; in place; the same bits at every level;
 * what is refused; and that all this takes every opcode. */
#include "probe.h"
#include "t.h"

enum { GUARD = 64, MAX_N = 4096 };

/* ---- one element, in scalar C --------------------------------------------- */

typedef struct scalar {
    float f;
    bool b;
} scalar;

static float by_probe(int f, float x)
{
    float in[16] = {0}, out[16];
    in[0] = x;
    probe_get(BP_LEVEL_PLAIN)->math(f, in, out, 16);
    return out[0];
}

static float pow_by_probe(float x, float y)
{
    float a[16] = {0}, b[16] = {0}, out[16];
    a[0] = x;
    b[0] = y;
    probe_get(BP_LEVEL_PLAIN)->pow(a, b, out, 16);
    return out[0];
}

static scalar eval(bp__op op, int to, scalar x, scalar y, scalar z)
{
    scalar r = {0, false};
    float a = x.f, b = y.f;
    switch ((int)op) {
#define F(name, e) \
    case BP__OP_##name: r.f = (e); break;
#define B(name, e) \
    case BP__OP_##name: r.b = (e); break;
        F(neg, -a)
        F(abs, fabsf(a))
        F(sign, a > 0 ? 1.0f : a < 0 ? -1.0f : a)
        F(floor, floorf(a))
        F(reciprocal, 1.0f / a)
        F(square, a * a)
        F(sqrt, sqrtf(a))
        F(exp, by_probe(PROBE_EXP, a))
        F(log, by_probe(PROBE_LOG, a))
        F(log1p, by_probe(PROBE_LOG1P, a))
        F(sin, by_probe(PROBE_SIN, a))
        F(cos, by_probe(PROBE_COS, a))
        F(tanh, by_probe(PROBE_TANH, a))
        F(sigmoid, by_probe(PROBE_SIGMOID, a))
        F(erf, by_probe(PROBE_ERF, a))
        F(relu, a > 0 ? a : a != a ? a : 0.0f)
        F(add, a + b)
        F(sub, a - b)
        F(mul, a * b)
        F(div, a / b)
        F(pow, pow_by_probe(a, b))
        F(maximum, a > b || a != a ? a : b)
        F(minimum, a < b || a != a ? a : b)
        B(not, !x.b)
        B(is_finite, isfinite(a) != 0)
        B(eq, a == b)
        B(ne, a != b)
        B(lt, a < b)
        B(le, a <= b)
        B(gt, a > b)
        B(ge, a >= b)
        B(and, x.b && y.b)
        B(or, x.b || y.b)
#undef F
#undef B
    case BP__OP_cast:
        if (to == BP_BOOL)
            r.b = a != 0;
        else
            r.f = x.b ? 1.0f : 0.0f;
        break;
    case BP__OP_select:
        r = x.b ? y : z;
        break;
    default:
        T_CHECK(!"op");
    }
    return r;
}

/* ---- running ---------------------------------------------------------------*/

static int64_t bits_of(const void *p, int dtype, int64_t i)
{
    if (dtype == BP_F32) {
        uint32_t u;
        memcpy(&u, (const char *)p + 4 * i, 4);
        return (u & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000 : (int64_t)u;
    }
    return dtype == BP_I32 ? ((const int32_t *)p)[i]
                           : ((const uint8_t *)p)[i];
}

static bool ran[BP__CHAIN_N_OPCODES];

/* Runs in random pieces, at every level; out[k] is what the plain level gave.
 * Memory around the outputs must stay as it was. */
static void run_all(const bp__chain *c, const void *const *in,
                    void *const *out, uint64_t *seed)
{
    void *scratch = aligned_alloc(64, (c->scratch_bytes + 127) / 64 * 64);
    int64_t bad[BP__CHAIN_STORES] = {0};
    T_REQUIRE(scratch);
    memset(scratch, 0xff, (c->scratch_bytes + 127) / 64 * 64);
    for (int i = 0; i < c->n_code; i++)
        ran[c->code[i].op] = true;
    for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++) {
        const bp__cpu *cpu = bp__cpu_get((bp_level)l);
        if (!cpu)
            continue;
        char *fresh[BP__CHAIN_STORES];
        void *at[BP__CHAIN_STORES];
        for (int k = 0; k < c->n_out; k++) {
            size_t n = (size_t)c->numel * bp_dtype_bytes(c->out[k].dtype);
            fresh[k] = malloc(n + 2 * GUARD);
            T_REQUIRE(fresh[k]);
            memset(fresh[k], 0x5c, n + 2 * GUARD);
            at[k] = fresh[k] + GUARD;
        }
        for (int64_t i = 0; i < c->numel;) {
            int64_t n = 1 + (int64_t)t_uniform(seed, 0, 700);
            n = i + n > c->numel ? c->numel - i : n;
            cpu->chain.run(c, in, at, i, i + n, scratch, bad);
            i += n;
        }
        for (int k = 0; k < c->n_out; k++) {
            int dtype = c->out[k].dtype;
            size_t n = (size_t)c->numel * bp_dtype_bytes(dtype);
            bool clean = true;
            for (int g = 0; g < GUARD; g++)
                clean &= fresh[k][g] == 0x5c && fresh[k][GUARD + n + g] == 0x5c;
            T_CHECKF(clean, "output %d at %s: written outside", k,
                     bp_level_name((bp_level)l));
            if (l == BP_LEVEL_PLAIN)
                memcpy(out[k], at[k], n);
            int64_t differ = 0;
            for (int64_t i = 0; i < c->numel; i++)
                differ += bits_of(at[k], dtype, i) != bits_of(out[k], dtype, i);
            T_CHECKF(differ == 0, "output %d at %s: %lld elements differ", k,
                     bp_level_name((bp_level)l), (long long)differ);
            free(fresh[k]);
        }
    }
    free(scratch);
}

static float number(uint64_t *r)
{
    static const float s[] = {0.0f, -0.0f, 1.0f, -1.0f, INFINITY, -INFINITY,
                              NAN, 0x1p-149f, 0x1.fffffep127f, 0.5f};
    double u = t_uniform(r, 0, 1);
    if (u < 0.1)
        return s[(int)t_uniform(r, 0, 9.99)];
    return (float)t_uniform(r, -3, 3);
}

typedef struct pools {
    float f[3][MAX_N + 16];
    uint8_t u[MAX_N + 16], b[2][MAX_N + 16];
    int32_t i[MAX_N + 16];
} pools;

static void fill_pools(pools *p, uint64_t *r)
{
    for (int k = 0; k < MAX_N + 16; k++) {
        for (int j = 0; j < 3; j++)
            p->f[j][k] = number(r);
        p->u[k] = (uint8_t)t_uniform(r, 0, 255.99);
        p->i[k] = (int32_t)t_uniform(r, -2e9, 2e9);
        for (int j = 0; j < 2; j++)
            p->b[j][k] = t_uniform(r, 0, 1) < 0.5;
    }
}

/* ---- each op ----------------------------------------------------------------*/

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

/* ---- random chains ------------------------------------------------------------
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

/* ---- operands of every shape ---------------------------------------------------*/

static float read_as_f32(const void *p, int dtype, int64_t i)
{
    return dtype == BP_F32   ? ((const float *)p)[i]
           : dtype == BP_I32 ? (float)((const int32_t *)p)[i]
                             : ((const uint8_t *)p)[i];
}

static void one_shape(const pools *p, int rank, const int64_t *dims,
                      const int64_t *stride, int dtype, uint64_t *seed)
{
    static bp__chain c;
    static float out[MAX_N];
    bp_error err = {0};
    const void *base = dtype == BP_F32   ? (const void *)p->f[1]
                       : dtype == BP_I32 ? (const void *)p->i
                       : dtype == BP_U8  ? (const void *)p->u
                                         : (const void *)p->b[1];
    bp__chain_begin(&c, rank, dims);
    int a = bp__chain_load(&c, BP_F32, NULL);
    int b = bp__chain_load(&c, dtype, stride);
    if (dtype == BP_BOOL)
        b = bp__chain_cast(&c, BP_F32, b);
    int y = bp__chain_op(&c, BP__OP_sub, a, b, -1);
    bp__chain_store(&c, y, BP_F32, false);
    T_OK(bp__chain_end(&c, &err), &err);
    T_REQUIRE(c.numel <= MAX_N);
    const void *in[2] = {p->f[0], base};
    void *to[1] = {out};
    run_all(&c, in, to, seed);
    int64_t at[BP_MAX_RANK] = {0}, differ = 0;
    for (int64_t i = 0; i < c.numel; i++) {
        int64_t off = 0;
        for (int d = 0; d < rank; d++)
            off += at[d] * stride[d];
        float want = p->f[0][i] - read_as_f32(base, dtype, off);
        differ += bits_of(&want, BP_F32, 0) != bits_of(out, BP_F32, i);
        for (int d = rank - 1; d >= 0 && ++at[d] == dims[d]; d--)
            at[d] = 0;
    }
    T_CHECKF(differ == 0, "rank %d, dtype %d: %lld of %lld differ", rank,
             dtype, (long long)differ, (long long)c.numel);
}

static void shapes(const pools *p, uint64_t *seed)
{
    static const struct {
        int rank;
        int64_t dims[BP_MAX_RANK], stride[BP_MAX_RANK];
    } t[] = {
        {0, {0}, {0}},
        {1, {1}, {1}},
        {1, {1000}, {0}},                 /* scalar */
        {2, {7, 33}, {0, 1}},             /* vector along the last axis */
        {2, {3, 700}, {0, 1}},            /* a long one */
        {2, {2, 1500}, {0, 1}},
        {2, {33, 7}, {1, 0}},             /* one value a row */
        {2, {3, 700}, {1, 0}},
        {3, {4, 5, 49}, {0, 1, 0}},       /* channels of NCHW */
        {3, {4, 6, 35}, {210, 35, 1}},    /* dense */
        {3, {4, 5, 6}, {1, 4, 20}},       /* permuted */
        {4, {2, 3, 4, 5}, {60, 1, 15, 3}}, /* NHWC read as NCHW */
        {4, {2, 3, 4, 5}, {0, 20, 0, 1}},
        {4, {3, 1, 4, 7}, {28, 5, 7, 1}}, /* dims of size 1 */
        {2, {40, 9}, {18, 2}},            /* strided */
        {8, {2, 2, 2, 3, 2, 2, 2, 3}, {0, 1, 0, 2, 6, 0, 12, 24}},
        {2, {0, 5}, {0, 1}},              /* nothing */
    };
    static const int types[] = {BP_F32, BP_U8, BP_I32, BP_BOOL};
    for (size_t i = 0; i < BP__ARRAY_LEN(t); i++)
        for (int k = 0; k < 4; k++)
            one_shape(p, t[i].rank, t[i].dims, t[i].stride, types[k], seed);
}

/* ---- in place, tests for finite values, refusals ---------------------------------*/

/* w <- w - v', v <- v' = v * 0.9 + g, and w read once more after its store. */
static void in_place(const pools *p)
{
    static bp__chain c;
    bp_error err = {0};
    int64_t n = 1003;
    bp__chain_begin(&c, 1, &n);
    int w = bp__chain_load(&c, BP_F32, NULL);
    int v = bp__chain_load(&c, BP_F32, NULL);
    int g = bp__chain_load(&c, BP_F32, NULL);
    int k = bp__chain_const(&c, 0.9f);
    int nv = bp__chain_op(&c, BP__OP_add, bp__chain_op(&c, BP__OP_mul, v, k,
                                                       -1), g, -1);
    int nw = bp__chain_op(&c, BP__OP_sub, w, nv, -1);
    int d = bp__chain_op(&c, BP__OP_sub, nw, w, -1);
    bp__chain_store(&c, nw, BP_F32, true);
    bp__chain_store(&c, nv, BP_F32, true);
    bp__chain_store(&c, d, BP_F32, true);
    T_OK(bp__chain_end(&c, &err), &err);
    void *scratch = malloc(c.scratch_bytes + 64);
    float *m[4];
    for (int i = 0; i < 4; i++)
        m[i] = malloc((size_t)n * 4);
    T_REQUIRE(scratch && m[0] && m[1] && m[2] && m[3]);
    for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++) {
        const bp__cpu *cpu = bp__cpu_get((bp_level)l);
        if (!cpu)
            continue;
        for (int i = 0; i < 3; i++)
            for (int64_t j = 0; j < n; j++)
                m[i][j] = isfinite(p->f[i][j]) && fabsf(p->f[i][j]) < 100
                              ? p->f[i][j]
                              : 1.0f;
        m[1][700] = INFINITY;
        const void *in[3] = {m[0], m[1], m[2]};
        void *out[3] = {m[0], m[1], m[3]};
        int64_t bad[3] = {0, 0, 0};
        uintptr_t a = ((uintptr_t)scratch + 63) / 64 * 64;
        cpu->chain.run(&c, in, out, 0, 512, (void *)a, bad);
        T_CHECK(bad[0] == 0 && bad[1] == 0 && bad[2] == 0);
        cpu->chain.run(&c, in, out, 512, n, (void *)a, bad);
        T_CHECK(bad[0] == 1 && bad[1] == 1 && bad[2] == 1);
        for (int64_t j = 0; j < n; j++) {
            float x[3];
            for (int i = 0; i < 3; i++)
                x[i] = isfinite(p->f[i][j]) && fabsf(p->f[i][j]) < 100
                           ? p->f[i][j]
                           : 1.0f;
            if (j == 700)
                x[1] = INFINITY;
            float v2 = x[1] * 0.9f + x[2], w2 = x[0] - v2;
            T_CHECK(m[1][j] == v2 && m[0][j] == w2);
            T_CHECK(m[3][j] == w2 - x[0]);
        }
    }
    for (int i = 0; i < 4; i++)
        free(m[i]);
    free(scratch);
}

/* A value that is not finite in the tail alone must be seen too. */
static void finite_tail(void)
{
    static bp__chain c;
    bp_error err = {0};
    int64_t n = 37;
    bp__chain_begin(&c, 1, &n);
    bp__chain_store(&c, bp__chain_load(&c, BP_F32, NULL), BP_F32, true);
    T_OK(bp__chain_end(&c, &err), &err);
    void *scratch = aligned_alloc(64, (c.scratch_bytes + 63) / 64 * 64);
    float x[37] = {0}, y[37];
    for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++) {
        const bp__cpu *cpu = bp__cpu_get((bp_level)l);
        for (int at = -1; cpu && at < 37; at++) {
            int64_t bad = 0;
            if (at >= 0)
                x[at] = at % 2 ? NAN : -INFINITY;
            cpu->chain.run(&c, (const void *const[]){x}, (void *const[]){y},
                           0, n, scratch, &bad);
            T_CHECK(bad == (at >= 0));
            if (at >= 0)
                x[at] = 0;
        }
    }
    free(scratch);
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

static void refusals(void)
{
    static bp__chain c;
    int64_t n = 8;
    bp_error err = {0};
    bp__chain_begin(&c, 1, &n);
    T_CHECK(bp__chain_end(&c, &err) == BP_EARG); /* stores nothing */
    bp__chain_begin(&c, 1, &n);
    T_CHECK(bp__chain_load(&c, BP_F64, NULL) == -1);
    T_CHECK(bp__chain_end(&c, &err) == BP_EDTYPE);
    bp__chain_begin(&c, 1, &n);
    int x = bp__chain_load(&c, BP_F32, NULL);
    T_CHECK(bp__chain_op(&c, BP__OP_not, x, -1, -1) == -1);
    T_CHECK(bp__chain_end(&c, &err) == BP_EDTYPE);
    bp__chain_begin(&c, 1, &n);
    x = bp__chain_load(&c, BP_F32, NULL);
    T_CHECK(bp__chain_op(&c, BP__OP_matmul, x, x, -1) == -1);
    T_CHECK(bp__chain_end(&c, &err) == BP_EARG);
    T_CHECK(strstr(err.message, "cannot be part") != NULL);
    bp__chain_begin(&c, 1, &n);
    x = bp__chain_load(&c, BP_F32, NULL);
    for (int i = 0; i < BP__CHAIN_VALUES; i++)
        x = bp__chain_op(&c, BP__OP_neg, x, -1, -1);
    T_CHECK(x == -1);
    bp__chain_store(&c, x, BP_F32, false);
    T_CHECK(bp__chain_end(&c, &err) == BP_ELIMIT);
    int t1[] = {BP_F32, BP_F32, BP_F32}, t2[] = {BP_I32, BP_I32, BP_I32};
    int t3[] = {BP_I32, BP_F32}, t4[] = {BP_F64, BP_F32};
    T_CHECK(bp__chain_supports(BP__OP_add, 2, t1));
    T_CHECK(!bp__chain_supports(BP__OP_add, 2, t2));
    T_CHECK(!bp__chain_supports(BP__OP_matmul, 2, t1));
    T_CHECK(bp__chain_supports(BP__OP_cast, 1, t3));
    T_CHECK(!bp__chain_supports(BP__OP_cast, 1, t4));
}

int main(void)
{
    static pools p;
    uint64_t seed = 5;
    fill_pools(&p, &seed);
    each_op(&p, &seed);
    pairs(&p, &seed);
    shapes(&p, &seed);
    truths(&p, &seed);
    in_place(&p);
    finite_tail();
    refusals();
    random_chains(&p, &seed);
    for (int i = 0; i < BP__CHAIN_N_OPCODES; i++)
        T_CHECKF(ran[i], "no chain above has opcode %d", i);
    return t_end();
}
