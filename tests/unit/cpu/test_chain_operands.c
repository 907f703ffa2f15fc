/* Elementwise chains: every way to read an operand, ranges and
 * tails, in place, tests for finite values, and what is refused. */
#include "chain_rig.h"

/* ---- operands of every shape -------------------------------------------- */

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

/* ---- in place, tests for finite values, refusals ------------------------ */

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
    shapes(&p, &seed);
    in_place(&p);
    finite_tail();
    refusals();
    return t_end();
}
