/* What rows() says of the composites, which a composite kernel will be tiled
 * by: the definition, run over ranges of rows with only those rows of the
 * inputs that are said to be needed, gives the very bits of the whole.
 * tests/op/test_rows.c does the same to the reference kernels. */
#include "eval.h"

typedef struct call {
    const bp__opdef *d;
    const bp__case *c;
    bp__tensor in[4], out[BP__MAX_OUT];
    int n_out;
    uint32_t rows;
} call;

static bp__type type_of(const bp__tin *t)
{
    return bp__make_type(t->dtype, t->rank, t->dims);
}

/* Rows [lo, hi) of a tensor. */
static bp__tensor cut(bp__tensor t, int64_t lo, int64_t hi)
{
    size_t bytes = bp__type_bytes(&t.type);
    int64_t n = t.type.dims[0];
    if (n)
        t.data = (char *)t.data + bytes / (size_t)n * (size_t)lo;
    t.type.dims[0] = hi - lo;
    return t;
}

static void run(const call *c, int64_t lo, int64_t hi, bool whole,
                          void *const *to)
{
    static const char *const names[] = {"0", "1", "2", "3"};
    bp_graph *g = bp_graph_new(NULL);
    bp_val v[4], y[BP__MAX_OUT];
    eval_in bound[4];
    for (int i = 0; i < c->c->n_in; i++) {
        bp__tensor t = !whole && (c->rows >> i & 1) ? cut(c->in[i], lo, hi)
                                                    : c->in[i];
        v[i] = bp_input(g, names[i], (bp_dtype)t.type.dtype, t.type.rank,
                        t.type.dims);
        bound[i] = (eval_in){names[i], t.data};
    }
    bp__emit(g, bp__op_find(c->d->name), c->c->attrs, c->c->n_in, v, y);
    for (int i = 0; i < c->n_out; i++)
        bp_output(g, names[i], y[i]);
    eval e = eval_graph(g, bound, (size_t)c->c->n_in);
    for (int i = 0; i < c->n_out; i++) {
        bp__tensor t = {c->out[i].type, to[i]};
        if (!whole)
            t = cut(t, lo, hi);
        T_CHECK(bp__same_dims(&t.type, bp__type_of(g, y[i])));
        memcpy(t.data, eval_out(&e, names[i]), bp__type_bytes(&t.type));
    }
    eval_free(&e);
    bp_graph_free(g);
}

static bool prepare(call *c, uint64_t *state)
{
    bp__type in[4], out[BP__MAX_OUT];
    memset(out, 0, sizeof out);
    for (int i = 0; i < c->c->n_in; i++) {
        const bp__tin *t = &c->c->in[i];
        in[i] = type_of(t);
        in[i].varying = c->c->varying;
        c->in[i].type = in[i];
        size_t n = (size_t)bp__numel(&in[i]);
        double lo = t->dtype == BP_BOOL ? 0 : t->lo;
        c->in[i].data = eval_random(state, (bp_dtype)t->dtype, n, lo,
                                    t->dtype == BP_BOOL ? 1 : t->hi);
    }
    bp_graph *g = bp_graph_new(NULL);
    bp__infer q = {.g = g, .def = c->d, .attrs = c->c->attrs,
                   .n_in = c->c->n_in, .in = in, .out = out};
    bp_status s = c->d->infer(&q);
    T_CHECKF(s == BP_OK, "%s: %s", c->d->name, q.message);
    bp_graph_free(g);
    c->n_out = c->d->n_out;
    for (int i = 0; i < c->n_out; i++)
        c->out[i].type = out[i];
    bp__shapes sh = {c->c->attrs, c->c->n_in, c->n_out, in, out};
    if (c->d->rows)
        c->rows = c->d->rows(&sh);
    else if (c->d->flags & BP__ELEMWISE)
        c->rows = bp__rows_elemwise(&sh);
    return s == BP_OK && (c->rows & BP__ROWS);
}

static void check(call *c)
{
    void *whole[BP__MAX_OUT], *parts[BP__MAX_OUT];
    int64_t n = c->out[0].type.dims[0];
    for (int i = 0; i < c->n_out; i++) {
        size_t bytes = bp__type_bytes(&c->out[i].type);
        whole[i] = calloc(bytes + 1, 1);
        parts[i] = malloc(bytes + 1);
        memset(parts[i], 0xEE, bytes + 1);
    }
    run(c, 0, n, true, whole);
    for (int64_t lo = 0, step = 1; lo < n; lo += step, step++)
        run(c, lo, BP__MIN(lo + step, n), false, parts);
    for (int i = 0; i < c->n_out; i++) {
        T_CHECKF(memcmp(whole[i], parts[i],
                        bp__type_bytes(&c->out[i].type)) == 0,
                 "%s (%s): output %d by rows differs", c->d->name,
                 c->c->note ? c->c->note : "", i);
        free(whole[i]);
        free(parts[i]);
    }
}

int main(void)
{
    uint64_t state = 77;
    int tiled = 0;
    for (int op = 1; op < BP__N_OPS; op++) {
        const bp__opdef *d = bp__ops[op];
        if (!d->define || (d->flags & BP__RANDOM))
            continue; /* the mask of a row depends on where it stands */
        for (int i = 0; i < d->n_cases; i++) {
            call c = {.d = d, .c = &d->cases[i]};
            if (prepare(&c, &state)) {
                check(&c);
                tiled++;
            }
            for (int k = 0; k < c.c->n_in; k++)
                free(c.in[k].data);
        }
    }
    T_CHECKF(tiled > 20, "only %d cases are tileable", tiled);
    return t_end();
}
