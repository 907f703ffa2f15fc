/* Runs a graph on the reference kernels alone: composites expanded, shards
 * placed, nodes in order, one buffer a value. For tests of the ops. */
#ifndef EVAL_H
#define EVAL_H

#include "t.h"

#include "op/attrs.h"
#include "xform/xform.h"

#include <bprop/ops.h>

typedef struct eval_in {
    const char *name;
    const void *data;
} eval_in;

typedef struct eval {
    bp_graph *g; /* expanded and placed */
    void **val;  /* by value id */
    int64_t faults;
} eval;

static inline bool eval_keep_none(void *user, const bp_graph *g, size_t node)
{
    (void)user, (void)g, (void)node;
    return false;
}

static inline void eval_leaf(eval *e, const bp__node *n, const eval_in *in,
                             size_t n_in)
{
    const bp__type *t = &e->g->values[n->out].type;
    void *to = e->val[n->out];
    size_t bytes = bp__type_bytes(t);
    if (n->op == BP__OP_const) {
        const bp__const_attrs *a = n->attrs;
        size_t one = bp_dtype_bytes((bp_dtype)t->dtype);
        for (size_t i = 0; i * one < bytes; i++)
            memcpy((char *)to + i * one,
                   (const char *)a->data.data +
                       (a->data.bytes == one ? 0 : i * one), one);
        return;
    }
    T_REQUIRE(n->op == BP__OP_input);
    const bp__input_attrs *a = n->attrs;
    for (size_t i = 0; i < n_in; i++)
        if (strcmp(in[i].name, a->name) == 0) {
            memcpy(to, in[i].data, bytes);
            return;
        }
    T_CHECKF(0, "input %s is not bound", a->name);
}

static inline void eval_node(eval *e, const bp__node *n)
{
    bp__tensor in[16], out[BP__MAX_OUT];
    T_REQUIRE(n->n_in <= 16);
    for (int i = 0; i < n->n_in; i++) {
        uint32_t id = e->g->edges[n->in + i];
        in[i] = (bp__tensor){e->g->values[id].type, e->val[id]};
    }
    for (int i = 0; i < n->n_out; i++) {
        uint32_t id = n->out + (uint32_t)i;
        out[i] = (bp__tensor){e->g->values[id].type, e->val[id]};
    }
    const bp__opdef *d = bp__def_of(n);
    bp__shapes s = {n->attrs, n->n_in, n->n_out, &in[0].type, &out[0].type};
    (void)s;
    void *scratch = malloc(1 << 20);
    bp__kargs k = {.attrs = n->attrs, .n_in = n->n_in, .n_out = n->n_out,
                   .in = in, .out = out, .scratch = scratch,
                   .faults = &e->faults};
    T_REQUIRE(d->ref != NULL);
    d->ref(&k);
    free(scratch);
}

/* Graphs: one, or one a shard size. */
static inline eval eval_graphs(const bp_graph *const *g, size_t n_graphs,
                               const eval_in *in, size_t n_in)
{
    eval e = {0};
    bp_error err = {0};
    bp_graph *expanded[2] = {0};
    for (size_t i = 0; i < n_graphs; i++) {
        T_CHECKF(bp_graph_status(g[i]) == BP_OK, "%s", bp_graph_error(g[i]));
        expanded[i] = bp__pass_expand(g[i], eval_keep_none, NULL);
        T_CHECKF(bp_graph_status(expanded[i]) == BP_OK, "%s",
                 bp_graph_error(expanded[i]));
    }
    e.g = bp__pass_shards((const bp_graph *const *)expanded, n_graphs, &err);
    T_CHECKF(e.g != NULL, "%s", err.message);
    T_REQUIRE(e.g != NULL);
    for (size_t i = 0; i < n_graphs; i++)
        bp_graph_free(expanded[i]);
    e.val = calloc(e.g->n_values + 1, sizeof *e.val);
    for (uint32_t id = 1; id <= e.g->n_values; id++) {
        size_t bytes = bp__type_bytes(&e.g->values[id].type);
        e.val[id] = malloc(bytes + 1);
        memset(e.val[id], 0xFF, bytes + 1); /* NaN: all must be written */
    }
    for (size_t i = 0; i < e.g->n_nodes; i++) {
        const bp__node *n = &e.g->nodes[i];
        if (bp__def_of(n)->ref)
            eval_node(&e, n);
        else
            eval_leaf(&e, n, in, n_in);
    }
    return e;
}

static inline eval eval_graph(const bp_graph *g, const eval_in *in, size_t n)
{
    return eval_graphs(&g, 1, in, n);
}

static inline const void *eval_out(const eval *e, const char *name)
{
    for (size_t i = 0; i < e->g->n_outputs; i++)
        if (strcmp(e->g->outputs[i].name, name) == 0)
            return e->val[e->g->outputs[i].value];
    T_CHECKF(0, "no output %s", name);
    exit(t_end());
}

static inline void eval_free(eval *e)
{
    for (uint32_t id = 1; id <= e->g->n_values; id++)
        free(e->val[id]);
    free(e->val);
    bp_graph_free(e->g);
}

/* The graph must have failed with this status and words in its message. The
 * graph is freed. */
#define EVAL_FAILS(graph, want, ...)                                        \
    do {                                                                    \
        bp_graph *g_ = (graph);                                             \
        const char *words_[] = {__VA_ARGS__};                               \
        T_CHECKF(bp_graph_status(g_) == (want), "%s: %s",                   \
                 bp_status_name(bp_graph_status(g_)), bp_graph_error(g_));  \
        for (size_t i_ = 0; i_ < BP__ARRAY_LEN(words_); i_++)               \
            T_CHECKF(strstr(bp_graph_error(g_), words_[i_]) != NULL,        \
                     "no \"%s\" in: %s", words_[i_], bp_graph_error(g_));   \
        bp_graph_free(g_);                                                  \
    } while (0)

/* Dims in passing: EVAL_DIMS(2, 3) gives rank, dims. */
#define EVAL_DIMS(...)                                             \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
        (int64_t[]){__VA_ARGS__}

/* n random numbers of an element type from [lo, hi]; the caller frees. */
static inline void *eval_random(uint64_t *state, bp_dtype dtype, size_t n,
                                double lo, double hi)
{
    void *p = calloc(n + 1, 8);
    for (size_t i = 0; i < n; i++) {
        double v = t_uniform(state, lo, hi);
        if (dtype == BP_F32)
            ((float *)p)[i] = (float)v;
        else if (dtype == BP_F64)
            ((double *)p)[i] = v;
        else if (dtype == BP_I32)
            ((int32_t *)p)[i] = (int32_t)floor(v + 0.5);
        else
            ((uint8_t *)p)[i] = (uint8_t)floor(v + 0.5);
    }
    return p;
}

/* Element i of a float tensor. */
static inline double eval_at(const void *p, bp_dtype dtype, size_t i)
{
    return dtype == BP_F32 ? (double)((const float *)p)[i]
                           : ((const double *)p)[i];
}

/* Tolerance for one rounding of a number near x, times `ulps`. */
static inline double eval_tol(bp_dtype dtype, double x, double ulps)
{
    return ulps * (fabs(x) + 1) * (dtype == BP_F32 ? 0x1p-24 : 0x1p-52);
}

#endif
