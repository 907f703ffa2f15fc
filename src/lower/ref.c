/* The adaptor of the reference kernels: any node, plain layout, any type. A
 * node that is tileable by rows gets its tensors cut to the range of rows. */
#include "lower/lower.h"

#include "ir/attrs.h"

typedef struct ref_params {
    bp__ref_fn ref;
    const void *attrs;
    int n_in, n_out;
    uint32_t rows;
    const bp__tensor *t; /* inputs, then outputs; data NULL */
    size_t row_bytes[16 + BP__MAX_OUT]; /* of row-local tensors, else 0 */
} ref_params;

enum { FEW = 16 + BP__MAX_OUT };

static void run_ref(const bp__args *a)
{
    const ref_params *p = a->params;
    int n = p->n_in + p->n_out;
    bp__tensor few[FEW];
    /* A node with many operands (concat) works on the whole; its tensors have
     * room of their own in the scratch memory. */
    bp__tensor *t = n <= FEW ? few : (bp__tensor *)a->scratch;
    memcpy(t, p->t, (size_t)n * sizeof *t);
    for (int i = 0; i < n; i++) {
        char *data = a->ptr[i];
        bool local = (p->rows & BP__ROWS) &&
                     (i >= p->n_in || (p->rows >> i & 1));
        if (local) {
            data += (size_t)a->begin * p->row_bytes[i];
            t[i].type.dims[0] = a->end - a->begin;
        }
        t[i].data = data;
    }
    bp__kargs k = {.attrs = p->attrs, .n_in = p->n_in, .n_out = p->n_out,
                   .in = t, .out = t + p->n_in, .scratch = a->scratch,
                   .first_row = (p->rows & BP__ROWS) ? a->begin : 0,
                   .faults = a->faults};
    p->ref(&k);
}

static uint32_t rows_of(const bp__opdef *d, const bp__shapes *sh)
{
    uint32_t rows = 0;
    if (sh->n_in + sh->n_out > FEW)
        return 0;
    if (d->rows)
        rows = d->rows(sh);
    else if (d->flags & BP__ELEMWISE)
        rows = bp__rows_elemwise(sh);
    if (sh->out[0].rank == 0 || sh->out[0].dims[0] < 2)
        rows = 0;
    return rows;
}

/* Fills the call's tensors and rows; false: out of memory. */
static bool fill_params(bp__lower_state *s, const bp__node *n, ref_params *p,
                        size_t *scratch)
{
    const bp__opdef *d = bp__def_of(n);
    int total = n->n_in + n->n_out;
    bp__tensor *t = bp__arena_array(&s->l->arena, (size_t)total, sizeof *t);
    bp__type *types = bp__arena_array(&s->l->arena, (size_t)total,
                                      sizeof *types);
    if (!t || !types)
        return false;
    for (int i = 0; i < n->n_in; i++)
        types[i] = *bp__lower_type(s, s->g->edges[n->in + i]);
    for (int i = 0; i < n->n_out; i++)
        types[n->n_in + i] = *bp__lower_type(s, n->out + (uint32_t)i);
    bp__shapes sh = {n->attrs, n->n_in, n->n_out, types, types + n->n_in};
    p->ref = d->ref;
    p->attrs = bp__attrs_copy(&s->l->arena, d, n->attrs);
    p->n_in = n->n_in;
    p->n_out = n->n_out;
    p->rows = rows_of(d, &sh);
    p->t = t;
    for (int i = 0; i < total; i++) {
        t[i].type = types[i];
        if ((p->rows & BP__ROWS) && types[i].rank && types[i].dims[0])
            p->row_bytes[i] = bp__type_bytes(&types[i]) /
                              (size_t)types[i].dims[0];
    }
    *scratch = d->scratch ? d->scratch(&sh) : 0;
    if (total > FEW && *scratch < (size_t)total * sizeof *t)
        *scratch = (size_t)total * sizeof *t;
    return !s->l->arena.failed;
}

/* Rough: what a plain loop does. */
static double flops_of(const bp__lower_state *s, const bp__node *n)
{
    double f = 0, k = 1;
    for (int i = 0; i < n->n_in; i++)
        f += (double)bp__numel(bp__lower_type(s, s->g->edges[n->in + i]));
    for (int i = 0; i < n->n_out; i++)
        f += (double)bp__numel(bp__lower_type(s, n->out + (uint32_t)i));
    if (n->op == BP__OP_matmul) {
        const bp__type *a = bp__lower_type(s, s->g->edges[n->in]);
        k = (double)a->dims[a->rank - 1];
    } else if (n->op == BP__OP_conv2d || n->op == BP__OP_conv2d_dx) {
        const bp__type *w = bp__lower_type(s, s->g->edges[n->in + 1]);
        k = (double)bp__numel(w) / (double)(w->dims[0] ? w->dims[0] : 1);
    } else if (n->op == BP__OP_conv2d_dw) {
        const bp__type *w = bp__lower_type(s, n->out);
        k = (double)bp__numel(w) / (double)(w->dims[0] ? w->dims[0] : 1);
    }
    return 2 * f * k;
}

void bp__lower_ref(bp__lower_state *s, const bp__unit *u)
{
    const bp__node *n = u->n;
    const bp__opdef *d = bp__def_of(n);
    ref_params p;
    size_t scratch = 0;
    memset(&p, 0, sizeof p);
    if (!d->ref || u->bias || u->act) {
        s->l->status = BP_EBUG;
        return;
    }
    if (!fill_params(s, n, &p, &scratch)) {
        s->l->status = BP_ENOMEM;
        return;
    }
    size_t total = (size_t)n->n_in + n->n_out;
    uint32_t *bufs = bp__arena_array(&s->l->arena, total, sizeof *bufs);
    char *name = bp__arena_printf(&s->l->arena, "ref.%s", d->name);
    if (!bufs || !name) {
        s->l->status = BP_ENOMEM;
        return;
    }
    for (int i = 0; i < n->n_in; i++)
        bufs[i] = bp__lower_in(s, s->g->edges[n->in + i], BP__PLAIN);
    for (int i = 0; i < n->n_out; i++)
        bufs[n->n_in + i] = bp__lower_out(s, n->out + (uint32_t)i,
                                          BP__PLAIN);
    bp__call *c = bp__lower_call(s, name, u->node, run_ref, &p, sizeof p,
                                 n->n_in, bufs, n->n_out, bufs + n->n_in);
    if (!c)
        return;
    c->rows = p.rows;
    if (c->rows & BP__ROWS)
        c->units = p.t[p.n_in].type.dims[0];
    c->flops = flops_of(s, n);
    c->scratch = scratch;
    c->faults = (d->flags & BP__FAULTS) != 0;
    if ((d->flags & BP__ALIAS_IN0) && n->n_in && n->n_out == 1 &&
        bp__same_dims(&p.t[0].type, &p.t[p.n_in].type) &&
        p.t[0].type.dtype == p.t[p.n_in].type.dtype)
        c->inplace = 1;
}
