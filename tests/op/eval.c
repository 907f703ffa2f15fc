#define _GNU_SOURCE
/* See eval.h. */
#include "op/eval.h"

#include "t.h"
#include "xform/xform.h"

struct eval {
    bp_graph *g;     /* without composites */
    void **data;     /* by value id; NULL: unbound input */
    bool *owned;     /* by value id */
    int64_t faults;
};

/* Every path here is a test's own: without memory it cannot go on. */
static void *must_alloc(size_t bytes)
{
    void *p = NULL;
    if (posix_memalign(&p, 64, bytes ? bytes : 64) != 0) {
        printf("out of memory\n");
        exit(1);
    }
    return p;
}

static bool keep_none(void *user, const bp_graph *g, size_t node)
{
    (void)user;
    (void)g;
    (void)node;
    return false;
}

static void fill_const(const bp__const_attrs *a, const bp__type *t, void *to)
{
    size_t all = bp__type_bytes(t);
    for (size_t i = 0; a->data.bytes && i < all; i += a->data.bytes)
        memcpy((char *)to + i, a->data.data, a->data.bytes);
}

eval *eval_new(const bp_graph *g, bp_error *err)
{
    if (bp_graph_verify(g, err) != BP_OK)
        return NULL;
    eval *e = must_alloc(sizeof *e);
    memset(e, 0, sizeof *e);
    e->g = bp__pass_expand(g, keep_none, NULL);
    if (bp_graph_verify(e->g, err) != BP_OK) {
        eval_free(e);
        return NULL;
    }
    size_t n = e->g->n_values + 1;
    e->data = must_alloc(n * sizeof *e->data);
    e->owned = must_alloc(n * sizeof *e->owned);
    memset(e->data, 0, n * sizeof *e->data);
    memset(e->owned, 0, n * sizeof *e->owned);
    for (size_t i = 1; i < n; i++) {
        const bp__value *v = &e->g->values[i];
        const bp__node *node = &e->g->nodes[v->node];
        if (node->op == BP__OP_input || node->op == BP__OP_variable)
            continue;
        e->data[i] = must_alloc(bp__type_bytes(&v->type));
        e->owned[i] = true;
        if (node->op == BP__OP_const)
            fill_const(node->attrs, &v->type, e->data[i]);
    }
    return e;
}

void eval_free(eval *e)
{
    if (!e)
        return;
    for (size_t i = 1; e->data && i <= e->g->n_values; i++)
        if (e->owned[i])
            free(e->data[i]);
    bp_graph_free(e->g);
    free(e->data);
    free(e->owned);
    free(e);
}

bool eval_bind(eval *e, const char *input, const void *data)
{
    for (size_t k = 0; k < e->g->n_nodes; k++) {
        const bp__node *n = &e->g->nodes[k];
        if (n->op != BP__OP_input)
            continue;
        const bp__input_attrs *a = n->attrs;
        if (strcmp(a->name, input) == 0) {
            memcpy(&e->data[n->out], &data, sizeof data);
            return true;
        }
    }
    return false;
}

void eval_kernel(const bp__opdef *d, const void *attrs, int n_in,
                 const bp__tensor *in, int n_out, const bp__tensor *out,
                 int64_t first_row, int64_t *faults)
{
    bp__type ti[64], to[BP__MAX_OUT];
    for (int i = 0; i < n_in; i++)
        ti[i] = in[i].type;
    for (int i = 0; i < n_out; i++)
        to[i] = out[i].type;
    bp__shapes s = {attrs, n_in, n_out, ti, to};
    size_t bytes = d->scratch ? d->scratch(&s) : 0;
    bp__kargs k = {.attrs = attrs, .n_in = n_in, .n_out = n_out, .in = in,
                   .out = out, .first_row = first_row, .faults = faults};
    if (bytes) {
        k.scratch = must_alloc(bytes);
        memset(k.scratch, 0xFF, bytes); /* NaN: nobody may count on zeros */
    }
    d->ref(&k);
    free(k.scratch);
}

bool eval_run(eval *e)
{
    e->faults = 0;
    for (size_t k = 0; k < e->g->n_nodes; k++) {
        const bp__node *n = &e->g->nodes[k];
        const bp__opdef *d = bp__def_of(n);
        bp__tensor in[64], out[BP__MAX_OUT];
        if (n->op == BP__OP_variable) {
            const bp__variable_attrs *a = n->attrs;
            e->data[n->out] = bp_store_data(a->store, (size_t)a->index);
        }
        if (d->flags & BP__LEAF) {
            if (!e->data[n->out])
                return false;
            continue;
        }
        for (int i = 0; i < n->n_in; i++) {
            uint32_t v = e->g->edges[n->in + (uint32_t)i];
            in[i] = (bp__tensor){e->g->values[v].type, e->data[v]};
        }
        for (int i = 0; i < n->n_out; i++) {
            uint32_t v = n->out + (uint32_t)i;
            out[i] = (bp__tensor){e->g->values[v].type, e->data[v]};
            memset(out[i].data, 0xFF, bp__type_bytes(&out[i].type));
        }
        eval_kernel(d, n->attrs, n->n_in, in, n->n_out, out, 0, &e->faults);
    }
    return true;
}

const void *eval_output(const eval *e, const char *name, bp__type *type)
{
    for (size_t i = 0; i < e->g->n_outputs; i++) {
        if (strcmp(e->g->outputs[i].name, name) != 0)
            continue;
        uint32_t v = e->g->outputs[i].value;
        if (type)
            *type = e->g->values[v].type;
        return e->data[v];
    }
    return NULL;
}

void eval_commit(eval *e)
{
    /* All values are read before the first variable changes. */
    size_t n = e->g->n_updates;
    void **copy = must_alloc((n + 1) * sizeof *copy);
    for (size_t i = 0; i < n; i++) {
        const bp__update *u = &e->g->updates[i];
        size_t bytes = bp__type_bytes(&e->g->values[u->value].type);
        copy[i] = must_alloc(bytes);
        memcpy(copy[i], e->data[u->value], bytes);
    }
    for (size_t i = 0; i < n; i++) {
        const bp__update *u = &e->g->updates[i];
        size_t bytes = bp__type_bytes(&e->g->values[u->value].type);
        memcpy(bp_store_data(u->store, u->var), copy[i], bytes);
        free(copy[i]);
    }
    free(copy);
}

int64_t eval_faults(const eval *e)
{
    return e->faults;
}
