/* The graph: typed values, nodes, the op table. Internal header of every
 * folder from src/ir up.
 *
 * A graph is one arena. A node applies an op to values and defines one value
 * for each of its outputs; values and nodes are numbered in order of creation,
 * so an input's number is always smaller than its user's: order of creation is
 * a topological order. Nothing is ever removed or changed; passes build a new
 * graph.
 *
 * Replicated and varying: all inputs of a node have one variance, which its
 * outputs share, but for `spread` (replicated -> varying) and `psum` (varying
 * -> replicated). bp__emit inserts the spreads.
 */
#ifndef BP__IR_H
#define BP__IR_H

#include "base/base.h"

#include <stdatomic.h>

enum {
    BP__MAX_IN = 8,      /* inputs of a node with a fixed arity */
    BP__MAX_OUT = 8,
    BP__VARIADIC = 255,
    /* Of a composite's backward: inputs, outputs, a cotangent for each. */
    BP__MAX_OPERANDS = BP__MAX_IN + 2 * BP__MAX_OUT,
};

/* ---- types and attributes ------------------------------------------- */

typedef struct bp__type {
    uint8_t dtype, rank, varying;
    int64_t dims[BP_MAX_RANK]; /* 0 beyond rank */
} bp__type;

int64_t bp__numel(const bp__type *t);
size_t bp__type_bytes(const bp__type *t);
bool bp__same_dims(const bp__type *a, const bp__type *b);
bp__type bp__make_type(bp_dtype dtype, int rank, const int64_t *dims);
static inline bool bp__is_float(int dtype)
{
    return dtype == BP_F32 || dtype == BP_F64;
}
/* "f32[64,1,28,28]", with a "~" in front where it varies; buf: 200 bytes. */
const char *bp__type_text(const bp__type *t, char *buf);

typedef struct bp__dims {
    int32_t n;
    int64_t d[BP_MAX_RANK];
} bp__dims;
bp__dims bp__make_dims(int n, const int64_t *d);

/* A blob that belongs to the graph (or, in a row's test case, is static). */
typedef struct bp__blob {
    const void *data;
    size_t bytes;
} bp__blob;

/* An attribute struct is described field by field; the list prints, hashes
 * and compares it. Attribute structs are copied into the graph; strings and
 * blobs too. */
typedef enum bp__attr_type {
    BP__A_I64,
    BP__A_F64,
    BP__A_BOOL,  /* bool */
    BP__A_DTYPE, /* int32_t */
    BP__A_DIMS,  /* bp__dims */
    BP__A_STR,   /* const char * */
    BP__A_BLOB,  /* bp__blob */
    BP__A_STORE, /* bp_store *, compared by address, not printed */
    BP__A_OP,    /* int32_t: an op, printed by name */
    BP__A_SUB,   /* const void *: attributes of the op in the field before */
} bp__attr_type;

typedef struct bp__attrdef {
    const char *name; /* NULL ends a list */
    bp__attr_type type;
    size_t offset;
} bp__attrdef;
#define BP__ATTR(strct, field, type) {#field, BP__A_##type, \
                                      offsetof(strct, field)}
#define BP__ATTR_END {NULL, BP__A_I64, 0}

/* Attributes of the leaves. */
typedef struct bp__input_attrs {
    const char *name;
    int32_t dtype;
    bp__dims dims;
    bool batch;
} bp__input_attrs;
typedef struct bp__const_attrs {
    int32_t dtype;
    bp__dims dims;
    bp__blob data;   /* all elements, or exactly one (then it fills all) */
} bp__const_attrs;
typedef struct bp__variable_attrs {
    bp_store *store;
    const char *name;
    int64_t index;
    /* Of a state, whose variable's own rows change from run to run: the rows
     * that the graph was traced for, and whether they are a shard's. Its type
     * says both, so they are not listed. */
    int64_t rows;
    bool batch;
} bp__variable_attrs;
/* The generated backward of a composite. Inputs: the composite's inputs, then
 * its outputs, then one cotangent for each set bit of `dy`; outputs: one
 * adjoint for each set bit of `dx`. */
typedef struct bp__backward_attrs {
    int32_t op;
    const void *of; /* attributes of op */
    int64_t n_in, n_out;
    int64_t dy, dx; /* bit masks */
} bp__backward_attrs;

/* ---- the op table ---------------------------------------------------- */

typedef enum bp__op {
    BP__OP_NONE = 0,
#define BP__OP(name) BP__OP_##name,
#include "ir/ops.def"
#undef BP__OP
    BP__N_OPS
} bp__op;

/* Differentiability of one input. */
enum { BP__NONDIFF = 0, BP__DIFF = 1, BP__UNIMPL = 2 };

/* Flags of a row. */
enum {
    BP__ELEMWISE = 1u << 0,  /* out[i] depends on in[i] (broadcast) only   */
    BP__COMMUTES = 1u << 1,  /* inputs 0 and 1 may be swapped, to the bit  */
    BP__ALIAS_IN0 = 1u << 2, /* may write its output over its first input  */
    BP__RANDOM = 1u << 3,    /* numbers indexed by sample                  */
    BP__FAULTS = 1u << 4,    /* counts indices out of range                */
    BP__COMPOSITE = 1u << 5, /* has a definition in other ops              */
    BP__VIEW = 1u << 6,      /* output is the first input's bytes          */
    BP__LEAF = 1u << 7,      /* input, const, variable                     */
    BP__LINEAR = 1u << 8,    /* linear in its differentiable inputs        */
};

/* Inference. in[] has one variance; `out` comes with every output's varying
 * set to it. */
typedef struct bp__infer {
    const bp_graph *g;
    const struct bp__opdef *def;
    const void *attrs;
    int n_in;
    const bp__type *in;
    bp__type *out;
    bp_status status;
    char message[700];
} bp__infer;
/* Records the error and returns s: `return bp__infer_fail(...)`. */
bp_status bp__infer_fail(bp__infer *q, bp_status s, const char *format, ...)
    BP__PRINTF(3, 4);

/* The adjoint rule of a primitive. Set dx[i] only where `need` has bit i; an
 * unused output's dy is BP_NIL; leaving dx[i] BP_NIL means a structural zero.
 * dx[i] may have the broadcast shape: the transform sums it down. Builders
 * only: no kernels, no zeros. */
typedef struct bp__vjp {
    bp_graph *g;
    const void *attrs;
    int n_in, n_out;
    const bp_val *in, *out, *dy;
    bp_val *dx;
    uint32_t need;
} bp__vjp;

/* The definition of a composite in other ops (composites included). */
typedef struct bp__define {
    bp_graph *g;
    const void *attrs;
    int n_in, n_out;
    const bp_val *in;
    bp_val *out;
} bp__define;

/* Arguments of a reference kernel: plain row-major tensors. It sets every
 * element of every output, reads inputs only, and allocates nothing. Shapes
 * come from the tensors, never from the attributes, since the caller may hand
 * it a range of samples (first_row and up) of a larger call. An index out of
 * range is skipped (its result is 0) and counted in *faults. */
typedef struct bp__tensor {
    bp__type type;
    void *data;
} bp__tensor;
typedef struct bp__kargs {
    const void *attrs;
    int n_in, n_out;
    const bp__tensor *in;
    const bp__tensor *out;
    void *scratch;
    int64_t first_row;
    int64_t *faults; /* added to atomically-enough: one counter a thread */
} bp__kargs;
typedef void (*bp__ref_fn)(const bp__kargs *k);

/* Shape query: what a node looks like, for rows() and scratch(). */
typedef struct bp__shapes {
    const void *attrs;
    int n_in, n_out;
    const bp__type *in, *out;
} bp__shapes;

/* Tiling by rows (samples): the answer of rows() has bit i set where row r of
 * the outputs needs only row r of input i, and BP__ROWS where output rows are
 * independent at all; 0: not tileable by rows. */
#define BP__ROWS (1u << 31)

/* Where a row's gradient, values and shapes may be tested: at least one case
 * for every op that is not a leaf. Floats are drawn from [lo, hi] and moved
 * away from the points in `avoid` by at least 0.05; i32 and u8 from the whole
 * numbers of [lo, hi]; bool ignores the range. */
typedef struct bp__tin {
    int8_t dtype;  /* BP_F32 stands for "the float type under test" */
    int8_t rank;
    int64_t dims[BP_MAX_RANK];
    double lo, hi;
    int8_t n_avoid;
    double avoid[3];
    bool distinct; /* all elements at least 0.01 apart (argmax, pooling) */
} bp__tin;
typedef struct bp__case {
    const void *attrs; /* NULL: none */
    int n_in;
    bp__tin in[4];
    bool varying;      /* inputs vary over 1 shard of dims[0] rows */
    const char *note;  /* what this case is for; NULL: ordinary */
} bp__case;

typedef struct bp__opdef {
    const char *name; /* key in files, docs, the command; never a number */
    const char *sig;  /* "(a:f[..B,M,K], b:f[..B,K,N]) {ta,tb} -> f[..B,M,N]" */
    const char *doc;  /* one sentence and the formula */
    /* Of an activation: its formula and its slope, as bprop explain sets them;
     * of layer l: y@ of x@ (src/explain/math.h). */
    const char *math, *slope;
    uint8_t n_in, n_out;      /* n_in may be BP__VARIADIC */
    uint8_t diff[BP__MAX_IN]; /* diff[0] for all inputs of a variadic op */
    uint32_t flags;
    const bp__attrdef *attrs; /* NULL: none */
    size_t attrs_bytes;
    bp_status (*infer)(bp__infer *q);     /* ALL argument checks */
    void (*vjp)(const bp__vjp *v);        /* NULL for composites */
    void (*define)(const bp__define *d);  /* composites only */
    uint32_t (*rows)(const bp__shapes *s); /* NULL: elementwise rule, or none */
    size_t (*scratch)(const bp__shapes *s); /* NULL: none */
    bp__ref_fn ref;                       /* NULL for composites, leaves */
    const bp__case *cases;
    int n_cases;
} bp__opdef;

#define BP__OP(name) extern const bp__opdef bp__op_##name;
#include "ir/ops.def"
#undef BP__OP

/* Rows by op; [BP__OP_NONE] is NULL. */
#ifdef BP__TEST_OPS /* a test build, which puts changed rows into the table */
#define BP__OPS_CONST
#else
#define BP__OPS_CONST const
#endif
extern const bp__opdef *BP__OPS_CONST bp__ops[BP__N_OPS];
bp__op bp__op_find(const char *name); /* BP__OP_NONE: none */

bool bp__attrs_equal(const bp__opdef *d, const void *a, const void *b);
uint64_t bp__attrs_hash(const bp__opdef *d, const void *a, uint64_t h);
/* " {stride=[2,2], groups=1}" or "" */
void bp__attrs_print(bp__str *s, const bp__opdef *d, const void *a);

/* ---- the graph ------------------------------------------------------- */

typedef struct bp__node {
    uint16_t op, n_in, n_out;
    uint32_t in;    /* first of its n_in entries of graph->edges: value ids */
    uint32_t out;   /* id of its first value; the others follow */
    uint32_t scope; /* index into graph->scopes */
    const void *attrs;
    int64_t sample, samples; /* once shards are placed, of a varying node: the
                                number in the batch of its first row, plus 1,
                                and how many samples it has; 0: replicated */
} bp__node;

typedef struct bp__value {
    uint32_t node; /* index of its node */
    uint16_t index; /* which output */
    bp__type type;
    const char *name; /* NULL: none */
    uint32_t spread;  /* its value after spread, once one exists; or 0 */
} bp__value;

typedef struct bp__output {
    const char *name;
    uint32_t value;
} bp__output;

typedef struct bp__update {
    bp_store *store;
    uint32_t var;   /* index in the store */
    uint32_t value;
} bp__update;

struct bp_graph {
    bp_allocator a;
    bp__arena arena; /* names, attributes, blobs */
    uint32_t id;
    bp_status status;
    char *error;            /* full message; in `error_buf` */
    char error_buf[2000];
    bp__node *nodes;        /* nodes[0 .. n_nodes) */
    size_t n_nodes, cap_nodes;
    bp__value *values;      /* values[1 .. n_values]; 0 is BP_NIL */
    size_t n_values, cap_values;
    uint32_t *edges;
    size_t n_edges, cap_edges;
    const char **scopes;    /* full paths; scopes[0] is "" */
    uint32_t *scope_up;     /* the path that each was pushed in */
    size_t n_scopes, cap_scopes, cap_scope_up;
    uint32_t scope;         /* current, as are: */
    int64_t sample, samples;
    bp__output *outputs;
    size_t n_outputs, cap_outputs;
    bp__update *updates;
    size_t n_updates, cap_updates;
    uint32_t *update_slots; /* open addressing by variable: updates, from 1 */
    size_t n_update_slots;  /* a power of two, or 0 */
    bp_store **stores;      /* retained */
    size_t n_stores, cap_stores;
    int64_t shards, rows, global_rows;
};

/* What the graph computes, as a number that is the same in every process and on
 * every machine (hash.c). */
uint64_t bp__graph_hash(const bp_graph *g);

/* The sticky error: sets it if it is the first. node: index of the node it is
 * about, or SIZE_MAX. Returns s. */
BP__NOINLINE bp_status bp__fail(bp_graph *g, bp_status s, size_t node,
                                const char *format, ...) BP__PRINTF(4, 5);
/* The graph's own error, as a caller's; NULL is a graph that there was no memory
 * for. */
bp_status bp__graph_error(const bp_graph *g, bp_error *err);
/* uses[value]: how many operands, outputs and updates read it; added to what
 * stands there. */
void bp__count_uses(const bp_graph *g, uint32_t *uses);
static inline bool bp__ok(const bp_graph *g)
{
    return g && g->status == BP_OK;
}

/* Adds a node: checks the inputs' graph, inserts spreads, infers, copies the
 * attributes. out: n_out values (all BP_NIL on error). Checks nothing twice.
 * bp__emit1 is for ops with one output. */
void bp__emit(bp_graph *g, bp__op op, const void *attrs, int n_in,
              const bp_val *in, bp_val *out);
bp_val bp__emit1(bp_graph *g, bp__op op, const void *attrs, int n_in,
                 const bp_val *in);

bp_val bp__val(const bp_graph *g, uint32_t id);
/* NULL unless v is a value of g. */
const bp__value *bp__value_of(const bp_graph *g, bp_val v);
/* Type of v; a static f32 scalar for BP_NIL, so that builders need not test. */
const bp__type *bp__type_of(const bp_graph *g, bp_val v);
static inline const bp__opdef *bp__def_of(const bp__node *n)
{
    return bp__ops[n->op];
}
/* Broadcast of two shapes as NumPy does; false: they do not fit. */
bool bp__broadcast_dims(const bp__type *a, const bp__type *b, bp__type *out);
/* Common inference: elementwise with broadcasting over all inputs, which must
 * have one dtype out of `allowed` (bit mask of 1 << dtype); out has it. */
bp_status bp__infer_elemwise(bp__infer *q, unsigned allowed);
/* Axis from 0 to rank-1 out of one that may count from the end; -1: bad. */
int bp__axis(int64_t axis, int rank);
/* Row rule of elementwise ops, usable by rows() of others. */
uint32_t bp__rows_elemwise(const bp__shapes *s);

/* Full name of the node for messages: "matmul #12 (net/0)"; buf: 300 bytes. */
const char *bp__node_text(const bp_graph *g, size_t node, char *buf);

/* Variables, for folders above (store.c). Programs keep what they have made of
 * variables alone (packed weights) for as long as no version has moved; so
 * whoever writes data moves it. */
typedef struct bp__var {
    bp_var_info info;
    void *data;
    size_t room;       /* bytes of data */
    void *initial;     /* of a state: its row of row_bytes */
    size_t row_bytes;
    uint64_t version;  /* of the value */
    atomic_bool lent;  /* bp_store_data: its value may change at any time */
} bp__var;
bp__var *bp__store_var(bp_store *s, size_t i); /* NULL: none */
/* Memory to be written before the next run, and not after it; NULL: none. */
void *bp__store_write(bp_store *s, size_t i);
/* Gives a state n rows; those that it had stay, new ones are initial. false:
 * out of memory, and nothing has changed. */
bool bp__store_set_rows(bp_store *s, bp__var *v, int64_t n);
/* Goes up when the memory of a variable moves. */
uint64_t bp__store_moves(const bp_store *s);
void bp__store_poison(bp_store *s, const char *why);
const bp_allocator *bp__store_allocator(const bp_store *s);

#endif
