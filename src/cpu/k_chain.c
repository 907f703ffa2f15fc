/* The interpreter of elementwise chains.
 *
 * The accumulator A is a few bp__v16 that stay in registers from one
 * instruction to the next; every other operand is memory: an input or output
 * itself where it is dense f32, else a slot of scratch. So an instruction is
 * one or two operations for each register, and a chain costs little more
 * than a loop that was written for it. Truth values are words of all ones or
 * zeros. What is not dense f32 is fed, block by block: see
 * k_chain_feed.h.
 */
#include "cpu/k_math.h"

#include "cpu/chain.h"
#include "cpu/k_chain_feed.h"

/* Bytes that a chain passes over which are not all in a cache. */
enum { CHAIN_CACHE = 8 << 20 };

#if defined(__GNUC__)
#define CHAIN_NOINLINE static __attribute__((noinline))
#define CHAIN_UNREACHABLE __builtin_unreachable()
#else
#define CHAIN_UNREACHABLE return
#define CHAIN_NOINLINE static
#endif

/* Functions too large to keep A in registers: over a copy of it. */
#define CHAIN_HEAVY(name, f)                    \
    CHAIN_NOINLINE void chain_##name(float *a)  \
    {                                           \
        for (int i = 0; i < BLOCK; i += 16)     \
            v_store(a + i, f(v_load(a + i)));   \
    }
CHAIN_HEAVY(exp, v_exp)
CHAIN_HEAVY(log, v_log)
CHAIN_HEAVY(log1p, v_log1p)
CHAIN_HEAVY(sin, v_sin)
CHAIN_HEAVY(cos, v_cos)
CHAIN_HEAVY(tanh, v_tanh)
CHAIN_HEAVY(sigmoid, v_sigmoid)
CHAIN_HEAVY(erf, v_erf)

CHAIN_NOINLINE void chain_pow(float *a, const float *base, const float *power)
{
    for (int i = 0; i < BLOCK; i += 16)
        v_store(a + i, v_pow(v_load(base + i), v_load(power + i)));
}

/* 1 where x > 0, -1 where x < 0, else x: zeros and NaNs stay. */
V_INLINE bp__v16 chain_sign(bp__v16 x)
{
    bp__v16 zero = v_zero();
    bp__v16 y = v_select(v_gt(x, zero), v_set1(1.0f), x);
    return v_select(v_lt(x, zero), v_set1(-1.0f), y);
}

V_INLINE bp__v16 chain_rmax(bp__v16 a, bp__v16 p)
{
    return v_max(p, a);
}

V_INLINE bp__v16 chain_rmin(bp__v16 a, bp__v16 p)
{
    return v_min(p, a);
}

V_INLINE bp__m16 chain_is_true(bp__v16 a)
{
    return m_from_words(v_words(a));
}

/* ---- a call ------------------------------------------------------------- */

typedef struct chain_call {
    const bp__chain *c;
    int n_moving, n_feeds;
    bool ahead; /* memory is read before it is needed */
    void *at[BP__CHAIN_PLACES]; /* the places' addresses */
    /* Places that go on by `step` bytes from one block to the next. */
    int moving[BP__CHAIN_LOADS + BP__CHAIN_STORES];
    int64_t step[BP__CHAIN_LOADS + BP__CHAIN_STORES];
    float *slots;
    feed feeds[BP__CHAIN_LOADS];
    /* Of each tested output: words that stay zero as long as everything
     * stored there is finite. */
    bp__w16 bad[BP__CHAIN_STORES];
} chain_call;

static float *chain_slot(chain_call *k, int place)
{
    return k->slots + (size_t)place * BP__CHAIN_BLOCK;
}

/* Is an output that lies over this input written before it is last read? */
static bool chain_overwritten(const bp__chain *c, int i, const void *const *in,
                              void *const *out)
{
    for (int o = 0; o < c->n_out; o++)
        if (out[o] == in[i] && c->out[o].store < c->in[i].last_read)
            return true;
    return false;
}

static bool chain_in_place(const bp__chain *c, const void *const *in,
                           void *const *out)
{
    for (int o = 0; o < c->n_out; o++)
        for (int i = 0; i < c->n_in; i++)
            if (out[o] == in[i])
                return true;
    return false;
}

static void chain_move(chain_call *k, int place, const void *at, size_t bytes)
{
    k->at[place] = (void *)(uintptr_t)at;
    k->moving[k->n_moving] = place;
    k->step[k->n_moving++] = (int64_t)bytes * BLOCK;
}

static void chain_fill(float *p, bp__v16 v)
{
    for (int i = 0; i < BLOCK; i += 16)
        v_store(p + i, v);
}

static void chain_setup(chain_call *k, const void *const *in, void *const *out,
                        int64_t begin)
{
    const bp__chain *c = k->c;
    int n_places = bp__chain_n_places(c);
    float *extra = chain_slot(k, n_places);
    for (int i = 0; i < n_places; i++)
        k->at[i] = chain_slot(k, i);
    for (int i = 0; i < c->n_in; i++) {
        const bp__chain_input *x = &c->in[i];
        feed f = {.place = i, .in = x, .base = in[i], .slot = k->at[i]};
        if (x->last_read < 0)
            continue;
        if (x->dense && x->dtype == BP_F32 &&
            !chain_overwritten(c, i, in, out)) {
            chain_move(k, i, (const float *)in[i] + begin, sizeof(float));
        } else if (!x->dense && x->period == 1) {
            float one;
            feed_load(&f, 0, 1, 1, &one);
            chain_fill(f.slot, v_set1(one));
        } else {
            feed_start(&f, begin, &extra);
            k->feeds[k->n_feeds++] = f;
        }
    }
    for (int o = 0; o < c->n_out; o++) {
        size_t bytes = bp_dtype_bytes((bp_dtype)c->out[o].dtype);
        chain_move(k, c->n_in + o, (char *)out[o] + (size_t)begin * bytes,
                   bytes);
        k->bad[o] = w_set1(0);
    }
    for (int i = 0; i < c->n_const; i++)
        chain_fill(k->at[c->n_in + c->n_out + i], v_set1(c->consts[i]));
}

/* ---- the interpreter ---------------------------------------------------- */

/* A statement for each register; written out, since where a loop is not
 * unrolled the array A stays in memory. */
#define AT(k, ...)      \
    {                   \
        enum { i = k }; \
        __VA_ARGS__     \
    }
#define EACH4(...)                        \
    AT(0, __VA_ARGS__) AT(1, __VA_ARGS__) \
    AT(2, __VA_ARGS__) AT(3, __VA_ARGS__)
#define EACH6(...) EACH4(__VA_ARGS__) AT(4, __VA_ARGS__) AT(5, __VA_ARGS__)
#define EACH16(...)                         \
    EACH6(__VA_ARGS__)                      \
    AT(6, __VA_ARGS__) AT(7, __VA_ARGS__)   \
    AT(8, __VA_ARGS__) AT(9, __VA_ARGS__)   \
    AT(10, __VA_ARGS__) AT(11, __VA_ARGS__) \
    AT(12, __VA_ARGS__) AT(13, __VA_ARGS__) \
    AT(14, __VA_ARGS__) AT(15, __VA_ARGS__)
#if BP__LEVEL == 4
#define EACH EACH16
#elif BP__LEVEL == 3
#define EACH EACH6
#else
#define EACH EACH4
#endif
#define P v_load(p + 16 * i)
#define Q v_load(q + 16 * i)
#define R v_load(r + 16 * i)
/* Addresses are read once, before anything is written. */
#define PLACE(name, letter) const float *name = at[x->letter]
#define DO(name, expr)       \
    CASE(name)               \
        EACH(A[i] = (expr);) \
        NEXT;
/* Both forms: `m` is the operand p. */
#define DO_FORMS(name, places, expr)        \
    CASE(name)                              \
    {                                       \
        places;                             \
        EACH(bp__v16 m = P; A[i] = (expr);) \
        NEXT;                               \
    }                                       \
    CASE(name##_K)                          \
    {                                       \
        places;                             \
        bp__v16 m = v_set1(*p);             \
        EACH(A[i] = (expr);)                \
        NEXT;                               \
    }
#define DO_K(name, expr) DO_FORMS(name, , expr)
#define DO_K2(name, expr) DO_FORMS(name, PLACE(q, q), expr)
#define DO_K3(name, expr) DO_FORMS(name, PLACE(q, q); PLACE(r, r), expr)
#define DO2(name, expr)      \
    CASE(name)               \
    {                        \
        PLACE(q, q);         \
        EACH(A[i] = (expr);) \
        NEXT;                \
    }
#define DO_COMPARE(name, f)             \
    DO_K(name, chain_truth(f(A[i], m))) \
    DO_K3(IF_##name, v_select(f(A[i], m), Q, R))
/* With a number other than zero, one instruction does: there are no two equal
 * values to tell apart, and a NaN of A stays. */
#define DO_PICK(name, f, pick)          \
    CASE(name)                          \
        EACH(A[i] = f(A[i], P);)        \
        NEXT;                           \
    CASE(name##_K)                      \
    {                                   \
        bp__v16 m = v_set1(*p);         \
        if (*p < 0 || *p > 0) {         \
            EACH(A[i] = pick(m, A[i]);) \
        } else {                        \
            EACH(A[i] = f(A[i], m);)    \
        }                               \
        NEXT;                           \
    }
#define DO_WORDS(name, expr)                            \
    CASE(name)                                          \
        EACH(bp__w16 a = v_words(A[i]), b = v_words(P); \
             A[i] = w_floats(expr);)                    \
        NEXT;
#define DO_HEAVY(name, call)                \
    CASE(name)                              \
        EACH(v_store(copy + 16 * i, A[i]);) \
        call;                               \
        EACH(A[i] = v_load(copy + 16 * i);) \
        NEXT;

/* From one instruction to the next. Where the compiler has labels as values,
 * each instruction ends in a jump of its own, and a processor foresees it by
 * what came before; through one jump that all of them share, a Zen 3 missed
 * nearly every one, and a chain took 2.4 times as long. */
#if defined(__GNUC__) && !defined(BP__HOSTILE) /* which tests the rest */
#define CHAIN_LABEL(name, n) [BP__CHAIN_##name] = &&op_##name,
#define CHAIN_LABEL_K(name, n) CHAIN_LABEL(name, n) CHAIN_LABEL(name##_K, n)
#define BEGIN                             \
    static const void *const labels[] = { \
        BP__CHAIN_OPS(CHAIN_LABEL)        \
        BP__CHAIN_WITH_K(CHAIN_LABEL_K)}; \
    const float *p = at[x->p];            \
    goto *labels[x->op];
#define CASE(name) op_##name:;
#define NEXT              \
    x++;                  \
    p = at[x->p];         \
    goto *labels[x->op]
#define FINISH
#else
#define BEGIN                      \
    for (;; x++) {                 \
        const float *p = at[x->p]; \
        switch (x->op) {
#define CASE(name) case BP__CHAIN_##name:
#define NEXT break
/* The verifier has seen the code: there are no other opcodes. */
#define FINISH                 \
        default:               \
            CHAIN_UNREACHABLE; \
        }                      \
    }
#endif

/* A block's loads come in bursts from one stream after the other, which
 * hardware foresees less well than a loop that walks all of them at once. */
V_INLINE void chain_prefetch(const char *p, int64_t bytes)
{
#if defined(__GNUC__)
    for (int64_t i = 0; i < bytes; i += 64)
        __builtin_prefetch(p + i);
#else
    (void)p;
    (void)bytes;
#endif
}

/* The next n >= 1 blocks. The verifier has seen the code: there are no other
 * opcodes. A block's last instruction goes on with the next block itself,
 * since that costs less than a return and a call. */
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* labels as values */
#endif
static void chain_blocks(chain_call *k, int64_t n)
{
    void **at = k->at;
    const bp__chain_ins *x = k->c->code;
    bp__v16 A[W];
    float copy[BLOCK];
    EACH(A[i] = v_zero();)
    for (int f = 0; f < k->n_feeds; f++)
        feed_next(&k->feeds[f], at, BLOCK);
    BEGIN
    CASE(END)
        if (--n == 0)
            return;
        for (int m = 0; m < k->n_moving; m++) {
            char *next = (char *)at[k->moving[m]] + k->step[m];
            at[k->moving[m]] = next;
            if (k->ahead)
                chain_prefetch(next + 2 * k->step[m], k->step[m]);
        }
        if (k->n_feeds > 0) {
            for (int f = 0; f < k->n_feeds; f++)
                feed_next(&k->feeds[f], at, BLOCK);
            EACH(A[i] = v_zero();) /* so that the calls need not keep it */
        }
        x = k->c->code - 1;
        NEXT;
    DO(LOAD, P)
    CASE(STORE)
    {
        float *to = at[x->p];
        EACH(v_store(to + 16 * i, A[i]);)
        NEXT;
    }
    CASE(STORE_TEST)
    {
        float *to = at[x->p];
        bp__w16 t = k->bad[x->q];
        /* A - A is 0 where A is finite, else a NaN. */
        EACH(v_store(to + 16 * i, A[i]);
             t = w_or(t, v_words(v_sub(A[i], A[i])));)
        k->bad[x->q] = t;
        NEXT;
    }
    CASE(STORE_U8)
    {
        uint8_t *to = at[x->p];
        EACH(v_store_u8_sat_n(to + 16 * i, A[i], 16);)
        NEXT;
    }
    CASE(STORE_I32)
    {
        int32_t *to = at[x->p];
        EACH(w_store(to + 16 * i, v_to_w_sat(A[i]));)
        NEXT;
    }
    CASE(STORE_BOOL)
    {
        uint8_t *to = at[x->p];
        EACH(m_store_bool_n(to + 16 * i, chain_is_true(A[i]), 16);)
        NEXT;
    }
    DO_K(ADD, v_add(A[i], m))
    DO_K(MUL, v_mul(A[i], m))
    DO_K(SUB, v_sub(A[i], m))
    DO_K(RSUB, v_sub(m, A[i]))
    DO_K(DIV, v_div(A[i], m))
    DO_K(RDIV, v_div(m, A[i]))
    DO2(LOAD_ADD, v_add(P, Q))
    DO2(LOAD_SUB, v_sub(P, Q))
    DO_K2(LOAD_MUL, v_mul(Q, m))
    DO_K2(MUL_ADD, v_add(v_mul(A[i], m), Q))
    DO_K2(MUL_SUB, v_sub(v_mul(A[i], m), Q))
    DO_K2(MUL_RSUB, v_sub(Q, v_mul(A[i], m)))
    DO_K2(ADD_MUL, v_mul(v_add(A[i], Q), m))
    DO_K2(SUB_MUL, v_mul(v_sub(A[i], Q), m))
    DO_K3(LOAD_MUL_ADD, v_add(v_mul(Q, m), R))
    DO_PICK(MAX, v_max, v_pick_max)
    DO_PICK(RMAX, chain_rmax, v_pick_max)
    DO_PICK(MIN, v_min, v_pick_min)
    DO_PICK(RMIN, chain_rmin, v_pick_min)
    DO_HEAVY(POW, chain_pow(copy, copy, p))
    DO_HEAVY(RPOW, chain_pow(copy, p, copy))
    DO_COMPARE(EQ, v_eq)
    DO_COMPARE(NE, v_ne)
    DO_COMPARE(LT, v_lt)
    DO_COMPARE(LE, v_le)
    DO_COMPARE(GT, v_gt)
    DO_COMPARE(GE, v_ge)
    DO_WORDS(AND, w_and(a, b))
    DO_WORDS(OR, w_or(a, b))
    DO_WORDS(XOR, w_xor(a, b))
    DO_WORDS(XNOR, w_xor(w_xor(a, b), w_set1(-1)))
    DO2(SELECT, v_select(chain_is_true(A[i]), P, Q))
    DO2(SELECT_A, v_select(chain_is_true(P), A[i], Q))
    DO2(SELECT_B, v_select(chain_is_true(P), Q, A[i]))
    DO(NEG, v_neg(A[i]))
    DO(ABS, v_abs(A[i]))
    DO(SIGN, chain_sign(A[i]))
    DO(FLOOR, v_floor(A[i]))
    DO(RECIPROCAL, v_div(v_set1(1.0f), A[i]))
    DO(SQUARE, v_mul(A[i], A[i]))
    DO(SQRT, v_sqrt(A[i]))
    DO(RELU, v_relu(A[i]))
    DO(NOT, w_floats(w_xor(v_words(A[i]), w_set1(-1))))
    DO(IS_FINITE, chain_truth(v_is_finite(A[i])))
    DO(TO_BOOL, chain_truth(v_ne(A[i], v_zero())))
    DO(FROM_BOOL, v_mask(chain_is_true(A[i]), v_set1(1.0f)))
    DO_HEAVY(EXP, chain_exp(copy))
    DO_HEAVY(LOG, chain_log(copy))
    DO_HEAVY(LOG1P, chain_log1p(copy))
    DO_HEAVY(SIN, chain_sin(copy))
    DO_HEAVY(COS, chain_cos(copy))
    DO_HEAVY(TANH, chain_tanh(copy))
    DO_HEAVY(SIGMOID, chain_sigmoid(copy))
    DO_HEAVY(ERF, chain_erf(copy))
    FINISH
}
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/* ---- running ------------------------------------------------------------ */

/* The last n < BLOCK elements: through slots, so that nothing outside is
 * touched. Lanes beyond them start as zeros; what becomes of them is dropped,
 * so the test for values that are not finite looks at the first n again. */
static void chain_tail(chain_call *k, int n)
{
    const bp__chain *c = k->c;
    void *out[BP__CHAIN_STORES];
    bp__w16 bad[BP__CHAIN_STORES];
    for (int m = 0; m < k->n_moving; m++) {
        int place = k->moving[m];
        float *slot = chain_slot(k, place);
        if (place < c->n_in) {
            memcpy(slot, k->at[place], (size_t)n * sizeof *slot);
            memset(slot + n, 0, (size_t)(BLOCK - n) * sizeof *slot);
        } else {
            out[place - c->n_in] = k->at[place];
        }
        k->at[place] = slot;
    }
    for (int i = 0; i < k->n_feeds; i++) {
        feed *f = &k->feeds[i];
        feed_next(f, k->at, n);
        if (k->at[f->place] == chain_slot(k, f->place))
            memset(f->slot + n, 0, (size_t)(BLOCK - n) * sizeof *f->slot);
    }
    k->n_feeds = 0; /* they are there */
    memcpy(bad, k->bad, sizeof bad);
    chain_blocks(k, 1);
    memcpy(k->bad, bad, sizeof bad);
    for (int o = 0; o < c->n_out; o++) {
        const float *slot = chain_slot(k, c->n_in + o);
        memcpy(out[o], slot,
               (size_t)n * bp_dtype_bytes((bp_dtype)c->out[o].dtype));
        for (int i = 0; c->out[o].test && i < n; i += 16) {
            bp__v16 v = v_load_n(slot + i, n - i < 16 ? n - i : 16);
            k->bad[o] = w_or(k->bad[o], v_words(v_sub(v, v)));
        }
    }
}

void BP__K(chain_run)(const bp__chain *c, const void *const *in,
                      void *const *out, int64_t begin, int64_t end,
                      void *scratch, int64_t *nonfinite)
{
    chain_call k;
    k.c = c;
    k.n_moving = k.n_feeds = 0;
    k.slots = scratch;
    if (begin >= end)
        return;
    chain_setup(&k, in, out, begin);
    int64_t n_blocks = (end - begin) / BLOCK, bytes = 0;
    for (int m = 0; m < k.n_moving; m++)
        bytes += k.step[m];
    k.ahead = bytes / BLOCK * c->numel > CHAIN_CACHE;
    int tail = (int)((end - begin) % BLOCK);
    /* The last block may be a whole one that starts earlier, and so writes
     * some elements twice, where those still are what they are made of. */
    bool again = tail > 0 && n_blocks > 0 && k.n_feeds == 0 &&
                 !chain_in_place(c, in, out);
    if (n_blocks > 0) {
        chain_blocks(&k, n_blocks);
        for (int m = 0; m < k.n_moving; m++) {
            int64_t by = again ? k.step[m] / BLOCK * tail : k.step[m];
            k.at[k.moving[m]] = (char *)k.at[k.moving[m]] + by;
        }
    }
    if (again)
        chain_blocks(&k, 1);
    else if (tail > 0)
        chain_tail(&k, tail);
    for (int o = 0; o < c->n_out; o++) {
        bp__m16 zero = w_eq(k.bad[o], w_set1(0));
        if (nonfinite && c->out[o].test && !m_all(zero))
            nonfinite[o]++;
    }
}
