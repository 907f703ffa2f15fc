/* See random_graph.h. Values are either rows of numbers [rows, k] or rows of
 * pictures [rows, c, h, w]; what would grow without bound goes through a sine
 * first. */
#include "exec/random_graph.h"

#include "ir/ir.h"

enum { MAX_POOL = 64, MAX_VARS = 64 };

typedef struct maker {
    const rg_spec *r;
    bp_graph *g;
    bp_store *st;
    uint64_t seed;
    int64_t rows;
    bp_val pool[MAX_POOL];
    int n_pool;
    bp_val vars[MAX_VARS];
    char names[MAX_VARS][8];
    int n_vars;
    bp_val key, target, c;
    int64_t stream;
} maker;

static int draw(maker *m, int n)
{
    int i = (int)t_uniform(&m->seed, 0, n);
    return i < n ? i : n - 1;
}

static void put(maker *m, bp_val v)
{
    if (m->n_pool < MAX_POOL)
        m->pool[m->n_pool++] = v;
}

/* A value of a rank; BP_NIL: none. Newer ones come more often. */
static bp_val pick(maker *m, int rank)
{
    bp_val found[MAX_POOL];
    int n = 0;
    for (int i = 0; i < m->n_pool; i++)
        if (bp_val_rank(m->g, m->pool[i]) == rank)
            found[n++] = m->pool[i];
    if (!n)
        return BP_NIL;
    int a = draw(m, n), b = draw(m, n);
    return found[a > b ? a : b];
}

static bp_val variable(maker *m, int rank, const int64_t *dims, double scale)
{
    if (m->n_vars == MAX_VARS)
        return m->vars[0];
    char *name = m->names[m->n_vars];
    bp_error err = {BP_OK, ""};
    snprintf(name, 8, "v%d", m->n_vars);
    if (bp_store_find(m->st, name) < 0) {
        T_OK(bp_store_add(m->st, name, BP_VAR_PARAM, m->r->dtype, rank, dims,
                          &err), &err);
        size_t i = (size_t)bp_store_find(m->st, name);
        bp_var_info info;
        bp_store_info(m->st, i, &info);
        uint64_t s = m->r->seed * 977 + i;
        for (size_t k = 0; k < info.bytes / bp_dtype_bytes(m->r->dtype); k++) {
            double w = t_uniform(&s, -scale, scale);
            if (m->r->dtype == BP_F64)
                ((double *)bp_store_data(m->st, i))[k] = w;
            else
                ((float *)bp_store_data(m->st, i))[k] = (float)w;
        }
    }
    m->vars[m->n_vars] = bp_variable(m->g, m->st, name);
    return m->vars[m->n_vars++];
}

static int64_t dim(const maker *m, bp_val v, int axis)
{
    return bp_val_dim(m->g, v, axis);
}

static bp_val number(maker *m, double x)
{
    return bp_scalar(m->g, m->r->dtype, x);
}

/* x where v > 0.05, else 0, through a cast. */
static bp_val masked(maker *m, bp_val v)
{
    bp_val limit = number(m, 0.05);
    bp_val mask = bp_cast(m->g, bp_gt(m->g, v, limit), m->r->dtype);
    return bp_mul(m->g, v, mask);
}

/* |v| where sign(v) is not 1, through stop_gradient; else v. */
static bp_val signed_part(maker *m, bp_val v)
{
    bp_graph *g = m->g;
    bp_val one = number(m, 1);
    bp_val other = bp_ne(g, bp_sign(g, v), one);
    bp_val fixed = bp_sign(g, bp_stop_gradient(g, v));
    return bp_select(g, other, bp_mul(g, fixed, v), v);
}

static bp_val either(maker *m, bp_val v)
{
    bp_graph *g = m->g;
    bp_val limit = number(m, -0.3), finite = bp_is_finite(g, v);
    bp_val above = bp_not(g, bp_lt(g, v, limit));
    bp_val cond = bp_and(g, finite, above), half = bp_mul_scalar(g, v, 0.5);
    bp_val wave = bp_sin(g, v);
    return bp_select(g, cond, half, wave);
}

static bp_val stairs(maker *m, bp_val v)
{
    bp_graph *g = m->g;
    bp_val f = bp_floor(g, bp_mul_scalar(g, bp_sin(g, v), 1.9));
    return bp_add(g, v, bp_mul_scalar(g, f, 0.25));
}

static bp_val power(maker *m, bp_val v)
{
    bp_val base = bp_add_scalar(m->g, bp_sigmoid(m->g, v), 0.5);
    return bp_pow(m->g, base, number(m, 1.5));
}

/* One call of a builder an expression: the order in which a compiler
 * evaluates arguments must not matter. */
static bp_val unary(maker *m, bp_val v)
{
    bp_graph *g = m->g;
    switch (draw(m, 22)) {
    case 0: return bp_tanh(g, v);
    case 1: return bp_sigmoid(g, v);
    case 2: return bp_relu(g, v);
    case 3: return bp_exp(g, bp_sin(g, v));
    case 4: return bp_square(g, bp_sin(g, v));
    case 5: return bp_abs(g, v);
    case 6: return bp_neg(g, v);
    case 7: return bp_cos(g, v);
    case 8: return bp_gelu(g, v);
    case 9: return bp_leaky_relu(g, v, 0.1);
    case 10: return bp_log1p(g, bp_square(g, v));
    case 11: return bp_sqrt(g, bp_add_scalar(g, bp_square(g, v), 0.5));
    case 12: return bp_erf(g, v);
    case 13: return bp_log(g, bp_add_scalar(g, bp_abs(g, v), 1.5));
    case 14: return bp_reciprocal(g, bp_add_scalar(g, bp_square(g, v), 1));
    case 15: return masked(m, v);
    case 16: return signed_part(m, v);
    case 17: return power(m, v);
    case 18: return stairs(m, v);
    case 19: return either(m, v);
    case 20: return bp_flip(g, v, 1, (int64_t[]){1});
    default: return bp_mul_scalar(g, v, 0.7);
    }
}

static bp_val chosen(maker *m, bp_val a, bp_val b)
{
    bp_val limit = number(m, -1), low = bp_le(m->g, a, limit);
    bp_val more = bp_ge(m->g, a, b);
    return bp_select(m->g, bp_or(m->g, more, low), a, b);
}

static bp_val binary(maker *m, bp_val a, bp_val b)
{
    bp_graph *g = m->g;
    switch (draw(m, 7)) {
    case 0: return bp_add(g, a, b);
    case 1: return bp_sub(g, a, b);
    case 2: return bp_mul(g, bp_sin(g, a), b);
    case 3: return bp_div(g, a, bp_add_scalar(g, bp_square(g, b), 1));
    case 4: return bp_maximum(g, a, b);
    case 5: return bp_minimum(g, a, b);
    default: return chosen(m, a, b);
    }
}

/* Something that fits beside v [rows, k]: another one, a row, a column. */
static bp_val partner(maker *m, bp_val v)
{
    int64_t k = dim(m, v, 1);
    for (int tries = 0; tries < 4; tries++) {
        bp_val o = pick(m, 2);
        if (dim(m, o, 1) == k || dim(m, o, 1) == 1)
            return o;
    }
    if (k == RG_X && draw(m, 2))
        return m->c;
    return draw(m, 2) ? variable(m, 1, (int64_t[]){k}, 0.5)
                      : variable(m, 2, (int64_t[]){1, k}, 0.5);
}

static bp_val product(maker *m, bp_val v)
{
    int64_t k = dim(m, v, 1), n = 4 * (1 + draw(m, 5));
    double scale = 1.7 / sqrt((double)k);
    if (draw(m, 2))
        return bp_matmul(m->g, v, variable(m, 2, (int64_t[]){n, k}, scale),
                         false, true);
    return bp_matmul(m->g, v, variable(m, 2, (int64_t[]){k, n}, scale),
                     false, false);
}

/* [rows, 4k] as products of [4, k] with its own transpose. */
static bp_val batched_product(maker *m, bp_val v)
{
    int64_t k = dim(m, v, 1) / 4;
    if (k * 4 != dim(m, v, 1))
        return unary(m, v);
    v = bp_sin(m->g, v);
    bp_val a = bp_reshape(m->g, v, 3, (int64_t[]){m->rows, 4, k});
    bp_val b = bp_reshape(m->g, v, 3, (int64_t[]){m->rows, k, 4});
    bp_val o = draw(m, 2) ? bp_matmul(m->g, a, a, false, true)
                          : bp_matmul(m->g, a, b, false, false);
    o = bp_mul_scalar(m->g, o, 0.5);
    return bp_reshape(m->g, o, 2, (int64_t[]){m->rows, 16});
}

static bp_val move_row(maker *m, bp_val v)
{
    bp_graph *g = m->g;
    int64_t k = dim(m, v, 1);
    switch (draw(m, 6)) {
    case 0:
        return bp_concat(g, 2, (bp_val[]){v, pick(m, 2)}, 1);
    case 1:
        if (k < 3)
            return v;
        return bp_slice(g, v, (int64_t[]){0, 1}, (int64_t[]){m->rows, k},
                        (int64_t[]){1, 1 + draw(m, 2)});
    case 2:
        return bp_pad(g, v, (int64_t[]){0, 1}, (int64_t[]){0, 2},
                      (int64_t[]){1, 1 + draw(m, 2)});
    case 3: {
        int32_t at[6];
        for (int i = 0; i < 6; i++)
            at[i] = draw(m, (int)k);
        bp_val index = bp_const(g, BP_I32, 1, (int64_t[]){6}, at);
        if (draw(m, 2))
            return bp_gather(g, v, index, 1);
        return bp_scatter_add(g, bp_gather(g, v, index, 1), index, 1, k);
    }
    case 4: {
        bp_val table = variable(m, 2, (int64_t[]){RG_VOCABULARY, 8}, 0.8);
        return bp_gather(g, table, m->target, 0);
    }
    default:
        return bp_one_hot(g, draw(m, 2) ? bp_argmax(g, v, 1)
                                        : bp_argmin(g, v, -1),
                          k, m->r->dtype);
    }
}

static bp_val norm_row(maker *m, bp_val v)
{
    bp_graph *g = m->g;
    bp_val a;
    int64_t k = dim(m, v, 1);
    switch (draw(m, 11)) {
    case 0: return bp_softmax(g, v, 1);
    case 1: return bp_mul_scalar(g, bp_log_softmax(g, v, -1), 0.4);
    case 2: return bp_logsumexp(g, v, 1, true);
    case 3:
        a = variable(m, 1, &k, 1);
        return bp_layer_norm(g, v, a, variable(m, 1, &k, 1), 1, 1e-2);
    case 4:
        a = variable(m, 1, &k, 1);
        return bp_batch_norm(g, v, a, variable(m, 1, &k, 1), 1e-1, NULL,
                             NULL);
    case 5: return bp_sub(g, v, bp_mean(g, v, 1, (int64_t[]){0}, true));
    case 6: return bp_amax(g, v, 1, (int64_t[]){1}, true);
    case 7: return bp_amin(g, v, 1, (int64_t[]){1}, true);
    case 8: return bp_dropout(g, v, m->key, 0.25, m->stream++);
    case 9: {
        a = bp_spread(g, m->key);
        bp_val noise = bp_normal(g, a, m->r->dtype, 2,
                                 (int64_t[]){m->rows, k}, m->stream++, true);
        bp_val flat = bp_uniform(g, m->key, m->r->dtype, 1, &k, m->stream++,
                                 false);
        return bp_add(g, v, bp_mul(g, noise, bp_mul_scalar(g, flat, 0.2)));
    }
    default: {
        bp_val s = bp_sum(g, v, 1, (int64_t[]){1}, true);
        bp_val at = bp_iota(g, m->r->dtype, 1, &k, 0);
        return bp_tanh(g, bp_add(g, s, bp_mul_scalar(g, at, 0.1)));
    }
    }
}

static bp_val to_picture(maker *m, bp_val v)
{
    int64_t k = dim(m, v, 1);
    if (k % 4)
        return product(m, v);
    if (k % 12 == 0 && draw(m, 2))
        return bp_reshape(m->g, v, 4, (int64_t[]){m->rows, k / 12, 3, 4});
    v = bp_reshape(m->g, v, 4, (int64_t[]){m->rows, k / 4, 2, 2});
    return bp_pad(m->g, v, (int64_t[]){0, 0, 1, 1}, (int64_t[]){0, 0, 1, 2},
                  NULL);
}

static bp_val convolve(maker *m, bp_val v)
{
    int64_t c = dim(m, v, 1), h = dim(m, v, 2), w = dim(m, v, 3);
    int64_t kh = h < 3 ? 1 : 1 + 2 * draw(m, 2);
    int64_t kw = w < 3 ? 1 : 1 + 2 * draw(m, 2);
    int64_t groups = c % 2 == 0 && draw(m, 3) == 0 ? 2 : 1;
    int64_t o = 2 * (1 + draw(m, 6));
    bp_conv2d_options q = {.groups = groups, .stride = {1, 1},
                           .padding = {kh / 2, kh / 2, kw / 2, 0}};
    q.stride[0] += h > 4 && draw(m, 3) == 0;
    q.padding[3] = draw(m, 2);
    if (kh == 3 && h >= 5 && draw(m, 3) == 0)
        q.dilation[0] = 2, q.dilation[1] = 1;
    bp_val f = variable(m, 4, (int64_t[]){o, c / groups, kh, kw},
                        1.7 / sqrt((double)(c / groups * kh * kw)));
    bp_val y = bp_conv2d(m->g, v, f, &q);
    if (draw(m, 2))
        y = bp_add(m->g, y, variable(m, 3, (int64_t[]){o, 1, 1}, 0.3));
    if (draw(m, 2))
        y = bp_relu(m->g, y);
    return y;
}

static bp_val picture(maker *m, bp_val v)
{
    bp_graph *g = m->g;
    int64_t c = dim(m, v, 1), h = dim(m, v, 2), w = dim(m, v, 3);
    bp_pool2d_options q = {.kernel = {h < 2 ? 1 : 2, w < 2 ? 1 : 2}};
    bp_val a;
    q.stride[0] = 1 + draw(m, 2);
    q.stride[1] = 1 + draw(m, 2);
    q.exclude_padding = draw(m, 2);
    if (h > 2 && draw(m, 2))
        q.padding[0] = 1;
    switch (draw(m, 9)) {
    case 0:
    case 1:
        return convolve(m, v);
    case 2:
        return bp_max_pool2d(g, v, &q);
    case 3:
        return bp_avg_pool2d(g, v, &q);
    case 4:
        a = variable(m, 1, &c, 1);
        return bp_batch_norm(g, v, a, variable(m, 1, &c, 1), 1e-1, NULL,
                             NULL);
    case 5:
        return bp_permute(g, v, (int64_t[]){0, 3, 1, 2});
    case 6:
        return bp_mean(g, v, 2, (int64_t[]){2, 3}, false);
    case 7:
        return binary(m, v, variable(m, 3, (int64_t[]){c, 1, w}, 0.5));
    default:
        return bp_reshape(g, v, 2, (int64_t[]){m->rows, c * h * w});
    }
}

static void grow(maker *m)
{
    bp_val v;
    int kind = draw(m, 10);
    if (kind < 3 && !bp_is_nil(pick(m, 4))) {
        v = pick(m, 4);
        v = draw(m, 4) ? picture(m, v) : unary(m, v);
    } else {
        v = pick(m, 2);
        switch (kind) {
        case 0: case 1: case 2:
            v = to_picture(m, v);
            break;
        case 3:
            v = product(m, v);
            break;
        case 4:
            v = draw(m, 3) ? move_row(m, v) : batched_product(m, v);
            break;
        case 5:
            v = norm_row(m, v);
            break;
        case 6: case 7:
            v = binary(m, v, partner(m, v));
            break;
        default:
            v = unary(m, v);
        }
    }
    int64_t row = bp_val_numel(m->g, v) / (m->rows ? m->rows : 1);
    if (row <= 600 && row > 0)
        put(m, v);
}

static bp_val mean_square(maker *m, bp_val v)
{
    return bp_mean(m->g, bp_square(m->g, v), 0, NULL, false);
}

static bp_val own_entropy(maker *m, bp_val v)
{
    bp_val to = bp_sigmoid(m->g, bp_stop_gradient(m->g, bp_neg(m->g, v)));
    return bp_mean(m->g, bp_sigmoid_cross_entropy(m->g, v, to), 0, NULL,
                   false);
}

/* The last values, and x and all variables, so that each has a path. */
static bp_val loss_of(maker *m)
{
    bp_graph *g = m->g;
    bp_val loss = mean_square(m, bp_sin(g, m->pool[0]));
    for (int i = 0; i < 4 && i < m->n_pool; i++)
        loss = bp_add(g, loss, mean_square(m, m->pool[m->n_pool - 1 - i]));
    bp_val v = m->pool[m->n_pool - 1 - draw(m, 4)];
    if (bp_val_rank(g, v) == 2 && dim(m, v, 1) >= RG_VOCABULARY)
        loss = bp_add(g, loss, bp_mean(g, bp_softmax_cross_entropy(
                                   g, v, m->target), 0, NULL, false));
    else
        loss = bp_add(g, loss, own_entropy(m, v));
    for (int i = 0; i < m->n_vars; i++)
        loss = bp_add(g, loss, bp_mul_scalar(g, mean_square(m, m->vars[i]),
                                             0.01));
    return loss;
}

static void finish(maker *m, bp_val x)
{
    bp_graph *g = m->g;
    bp_val loss = loss_of(m), wrt[MAX_VARS + 1], d[MAX_VARS + 1];
    for (int i = 0; i < m->n_vars; i++)
        wrt[i] = m->vars[i];
    wrt[m->n_vars] = x;
    if (m->r->order == 2) {
        bp_val dx;
        bp_grad(g, loss, &x, 1, &dx);
        bp_val size = bp_psum(g, bp_sum(g, bp_square(g, dx), 0, NULL, false));
        loss = bp_add(g, loss, bp_mul_scalar(g, size, 0.5));
    }
    bp_grad(g, loss, wrt, (size_t)m->n_vars + 1, d);
    bp_output(g, "loss", loss);
    bp_output(g, "dx", d[m->n_vars]);
    for (int i = 0; i < m->n_vars; i++) {
        char name[16];
        snprintf(name, sizeof name, "d%s", m->names[i]);
        bp_output(g, name, d[i]);
        bp_update(g, m->st, m->names[i],
                  bp_sub(g, wrt[i], bp_mul_scalar(g, d[i], 0.05)));
    }
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "value%d", i);
        bp_output(g, name, m->pool[draw(m, m->n_pool)]);
    }
    bp_val steps = bp_variable(g, m->st, "steps");
    bp_update(g, m->st, "steps", bp_add(g, steps, bp_scalar(g, BP_I32, 1)));
}

bp_graph *rg_trace(const rg_spec *r, bp_store *st, int64_t shards,
                   int64_t rows)
{
    static const int32_t key[4] = {7, 0, 3, 0};
    maker m = {.r = r, .g = bp_graph_new(NULL), .st = st, .seed = r->seed,
               .rows = rows};
    bp_error err = {BP_OK, ""};
    if (bp_store_find(st, "key") < 0) {
        T_OK(bp_store_add(st, "key", BP_VAR_TRAINER, BP_I32, 1,
                          (int64_t[]){4}, &err), &err);
        T_OK(bp_store_set(st, "key", key, sizeof key, &err), &err);
        T_OK(bp_store_add(st, "steps", BP_VAR_TRAINER, BP_I32, 0, NULL, &err),
             &err);
    }
    bp_graph_set_shard(m.g, shards, rows, RG_ROWS);
    bp_val x = bp_batch_input(m.g, "x", r->dtype, 2,
                              (int64_t[]){rows, RG_X});
    m.target = bp_batch_input(m.g, "t", BP_I32, 1, &rows);
    m.c = bp_input(m.g, "c", r->dtype, 1, (int64_t[]){RG_X});
    m.key = bp_variable(m.g, st, "key");
    put(&m, x);
    put(&m, binary(&m, x, m.c));
    put(&m, product(&m, x));
    put(&m, to_picture(&m, x));
    for (int i = 0; i < r->n_ops; i++) {
        grow(&m);
        if (bp_graph_status(m.g) != BP_OK)
            break;
    }
    finish(&m, x);
    T_CHECKF(bp_graph_status(m.g) == BP_OK, "seed %d: %s", (int)r->seed,
             bp_graph_error(m.g));
    return m.g;
}

static bool seen[BP__N_OPS];

void rg_note_ops(const bp_graph *g)
{
    for (size_t k = 0; k < g->n_nodes; k++)
        seen[g->nodes[k].op] = true;
}

int rg_ops_seen(const char **missing, int max)
{
    int n = 0, n_missing = 0;
    for (int op = 1; op < BP__N_OPS; op++) {
        n += seen[op];
        if (!seen[op] && n_missing < max - 1)
            missing[n_missing++] = bp__ops[op]->name;
    }
    missing[n_missing] = NULL;
    return n;
}

void rg_draw_inputs(rg_inputs *in)
{
    uint64_t s = 11;
    for (int i = 0; i < RG_ROWS * RG_X; i++)
        in->xf[i] = (float)(in->xd[i] = t_uniform(&s, -1.5, 1.5));
    for (int i = 0; i < RG_X; i++)
        in->cf[i] = (float)(in->cd[i] = t_uniform(&s, -1, 1));
    for (int i = 0; i < RG_ROWS; i++)
        in->target[i] = (int32_t)t_uniform(&s, 0, RG_VOCABULARY);
}

void rg_bind(bp_program *p, const rg_inputs *in, bp_dtype dtype)
{
    bp_error err = {0};
    bool f64 = dtype == BP_F64;
    T_OK(bp_bind(p, "x", f64 ? (const void *)in->xd : in->xf,
                 f64 ? sizeof in->xd : sizeof in->xf, &err), &err);
    T_OK(bp_bind(p, "c", f64 ? (const void *)in->cd : in->cf,
                 f64 ? sizeof in->cd : sizeof in->cf, &err), &err);
    T_OK(bp_bind(p, "t", in->target, sizeof in->target, &err), &err);
}
