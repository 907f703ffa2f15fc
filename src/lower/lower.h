/* Lowering: graph -> lowered graph. Chooses a kernel and a physical layout for
 * each node, groups elementwise nodes into chains, folds bias and activation
 * into products, inserts reorders, resolves views, and says which calls run
 * once, which test the step, and which commit it. It does not order calls in
 * time beyond dependencies, nor place memory: that is the plan's.
 *
 * requires: a graph without psum and spread (bp__pass_shards).
 * ensures: calls stand in a topological order; every call sets all of its
 * outputs; a buffer is written by one call only.
 */
#ifndef BP__LOWER_H
#define BP__LOWER_H

#include "cpu/cpu.h"
#include "ir/ir.h"

/* Physical layouts. A value may exist in both. */
enum { BP__PLAIN = 0, BP__NHWC = 1, BP__N_LAYOUTS = 2 };

enum {
    BP__BUF_ARENA = 0, /* lives in the runtime's arena between calls   */
    BP__BUF_CONST = 1, /* computed or copied at compile time           */
    BP__BUF_VAR = 2,   /* a variable's memory                          */
    BP__BUF_INPUT = 3, /* lent by the caller                           */
    BP__BUF_KEPT = 4,  /* the program's own, from run to run           */
};

typedef struct bp__buf {
    bp__type type;    /* logical shape */
    uint8_t layout, kind;
    uint32_t root;    /* the buffer that this one is a view of, or itself */
    size_t offset;    /* bytes from the root's start */
    size_t bytes;     /* of this view */
    bp_store *store;  /* BP__BUF_VAR */
    uint32_t var;
    uint32_t input;   /* BP__BUF_INPUT: index into inputs */
    const void *data; /* BP__BUF_CONST: literal bytes, or NULL: computed */
    bool keep;        /* read after the run: lives to the end */
    size_t place;     /* set by the plan: offset in arena or constants */
} bp__buf;

/* What a kernel gets: a range of the call's units. ptr: inputs, then
 * outputs. */
typedef struct bp__args {
    const void *params;
    void *const *ptr;
    int64_t begin, end;
    void *scratch;
    int64_t *faults; /* this call's own counter for this worker */
} bp__args;
typedef void (*bp__run_fn)(const bp__args *a);

enum {
    BP__PHASE_CONST = 0,  /* once, at compile time */
    BP__PHASE_MAIN = 1,
    BP__PHASE_TEST = 2,   /* looks for what must not be committed */
    BP__PHASE_COMMIT = 3, /* writes variables */
    BP__PHASE_KEPT = 4,   /* before main, where a variable that it reads has
                             changed since it last ran */
};

/* Why a faster kernel was not taken. */
typedef struct bp__refusal {
    const char *kernel, *why;
    struct bp__refusal *next;
} bp__refusal;

typedef struct bp__call {
    const char *kernel; /* "matmul.packed", "ref.gather", "chain" */
    const char *label;  /* node text, for messages */
    int64_t sample, samples; /* of the node, see ir.h */
    bp__run_fn run;
    const void *params;
    int n_in, n_out;
    uint32_t *bufs;     /* inputs, then outputs */
    uint8_t phase;
    int64_t units;      /* independent units of work: rows, or tiles */
    uint32_t rows;      /* BP__ROWS set: units are rows (samples) of the
                           outputs; bit i: input i is read at those rows only */
    int64_t grain;      /* fewest units worth doing at once */
    double flops;       /* of the whole call, to decide on threads */
    size_t scratch;     /* bytes, for each worker */
    bool faults;        /* counts indices out of range */
    uint32_t inplace;   /* bit i: an output of the same size may stand over
                           input i, if nothing else needs that */
    const char *detail; /* chains: the ops; NULL otherwise */
    const bp__refusal *refusals;
} bp__call;

typedef struct bp__named_buf {
    const char *name;
    uint32_t buf;
    int64_t sample, samples; /* inputs: of the node, see ir.h */
} bp__named_buf;

typedef struct bp__commit { /* for messages about a poisoned store */
    bp_store *store;
    uint32_t var;
    uint32_t call;
} bp__commit;

typedef struct bp__lowered {
    bp_allocator a;
    bp__arena arena;
    bp__buf *bufs;
    size_t n_bufs, cap_bufs;
    bp__call *calls;
    size_t n_calls, cap_calls;
    bp__named_buf *inputs;
    size_t n_inputs, cap_inputs;
    bp__named_buf *outputs;
    size_t n_outputs, cap_outputs;
    bp__commit *commits;
    size_t n_commits, cap_commits;
    bp_store **stores; /* retained */
    size_t n_stores, cap_stores;
    bp_status status;  /* sticky */
} bp__lowered;

/* A comma-separated list of names, or "all". */
bool bp__listed(const char *list, const char *name);
/* What may stand in no_pass, but for "all"; NULL ends it. */
extern const char *const bp__pass_names[];

typedef struct bp__lower_options {
    const bp__cpu *cpu;
    const char *no_pass, *no_kernel;
} bp__lower_options;

/* NULL: out of memory or err. */
bp__lowered *bp__lower(const bp_graph *g, const bp__lower_options *o,
                       bp_error *err);
void bp__lowered_free(bp__lowered *l);
bp_status bp__lowered_verify(const bp__lowered *l, bp_error *err);
bp_status bp__lowered_print(const bp__lowered *l, bp_write_fn write,
                            void *user);

/* True where a composite or backward node has a kernel, so that it need not
 * be expanded: a bp__keep_fn; user is a bp__lower_options. */
bool bp__has_kernel(void *user, const bp_graph *g, size_t node);

/* ---- for the kernels' adaptors: conv.c, matmul.c, rows.c ... of this folder */

typedef struct bp__lower_state bp__lower_state;

/* One node to lower, with the bias and activation that follow it folded in
 * where `bias` or `act` say so. */
typedef struct bp__unit {
    size_t node;
    const bp__node *n;
    uint32_t bias;   /* value id, or 0 */
    int act;         /* 0: none, 1: relu */
    uint32_t result; /* value that the unit defines: n->out, or its epilogue */
} bp__unit;

typedef struct bp__kernel {
    const char *name;
    uint16_t op;
    bool backward; /* implements the backward node of op */
    bool epilogue; /* takes a bias and a relu */
    bool channels_last; /* its outputs are BP__NHWC */
    /* NULL: taken; else why not. Looks at shapes and types only. */
    const char *(*refuse)(const bp_graph *g, const bp__node *n);
    /* Adds the calls. */
    void (*build)(bp__lower_state *s, const bp__unit *u);
} bp__kernel;

/* Kernels of a node, fastest first; NULL ends. The reference kernel is not
 * among them. */
const bp__kernel *const *bp__kernels_of(const bp_graph *g,
                                        const bp__node *n);
const bp__kernel *const *bp__kernels_of_op(bp__op op, bool backward);

struct bp__lower_state {
    const bp_graph *g;
    bp__lowered *l;
    const bp__lower_options *o;
    uint32_t *buf_of[BP__N_LAYOUTS]; /* by value id: buffer + 1, 0: none */
    uint8_t *constant;               /* by value id */
    uint8_t *home;                   /* by value id: the layout that the graph
                                        alone suggests, whatever was lowered
                                        before: where sums depend on it */
    uint32_t *uses;                  /* by value id: readers, with outputs
                                        and updates */
    struct bp__packed **packed;      /* by value id: its packings */
    const bp__refusal *refusals;     /* of the unit at hand */
    uint8_t phase;                   /* of the calls being added */
};

/* A value in the order of memory that a kernel wants: made once for the value,
 * whichever nodes read it. The key says what the packing depends on beside the
 * value, as bytes (no padding that is not set). */
typedef struct bp__packing {
    const char *kernel;
    uint32_t value;
    size_t node;        /* the one that asks, for messages */
    const void *key;
    size_t key_bytes;
    bp__run_fn run;     /* plain value -> floats */
    const void *params;
    size_t params_bytes;
    int64_t floats, units;
    double flops;
} bp__packing;
uint32_t bp__lower_packed(bp__lower_state *s, const bp__packing *p);

/* The buffer of a value in a layout, reordering where needed. */
uint32_t bp__lower_in(bp__lower_state *s, uint32_t value, int layout);
/* A new buffer for a value that is being defined. */
uint32_t bp__lower_out(bp__lower_state *s, uint32_t value, int layout);
/* A buffer that stands for no value (packed weights, partial sums): f32 [n]. */
uint32_t bp__lower_temp(bp__lower_state *s, int64_t n);
/* Whether the value exists in that layout. Where both layouts have the same
 * bytes (one channel, or one pixel), both do. */
bool bp__lower_has(const bp__lower_state *s, uint32_t value, int layout);
/* A call with its buffers; fields beyond those can be set on the result. NULL
 * when out of memory (sticky). params are copied. */
bp__call *bp__lower_call(bp__lower_state *s, const char *kernel, size_t node,
                         bp__run_fn run, const void *params,
                         size_t params_bytes, int n_in, const uint32_t *in,
                         int n_out, const uint32_t *out);
static inline const bp__type *bp__lower_type(const bp__lower_state *s,
                                             uint32_t value)
{
    return &s->g->values[value].type;
}

/* Kernel lists, defined beside their adaptors; NULL ends each. */
extern const bp__kernel *const bp__matmul_kernels[];
extern const bp__kernel *const bp__conv2d_kernels[];
extern const bp__kernel *const bp__conv2d_dx_kernels[];
extern const bp__kernel *const bp__conv2d_dw_kernels[];
extern const bp__kernel *const bp__max_pool2d_kernels[];
extern const bp__kernel *const bp__sum_kernels[];
extern const bp__kernel *const bp__softmax_kernels[];
extern const bp__kernel *const bp__softmax_dx_kernels[];
extern const bp__kernel *const bp__log_softmax_kernels[];
extern const bp__kernel *const bp__log_softmax_dx_kernels[];
extern const bp__kernel *const bp__logsumexp_kernels[];
extern const bp__kernel *const bp__amax_kernels[];
extern const bp__kernel *const bp__amin_kernels[];
extern const bp__kernel *const bp__argmax_kernels[];
extern const bp__kernel *const bp__argmin_kernels[];
extern const bp__kernel *const bp__layer_norm_kernels[];
extern const bp__kernel *const bp__layer_norm_dx_kernels[];
extern const bp__kernel *const bp__xent_kernels[];
extern const bp__kernel *const bp__xent_dx_kernels[];
extern const bp__kernel *const bp__pool_scatter_kernels[];
extern const bp__kernel *const bp__avg_pool2d_kernels[];
extern const bp__kernel *const bp__avg_pool2d_dx_kernels[];

/* Moves the calls that depend on variables alone which the program does not
 * write, and with `constants` those that depend on nothing, to the phase KEPT:
 * when all calls are there (kept.c). */
void bp__lower_kept(bp__lowered *l, bool constants);
/* Reference kernels (ref.c). */
void bp__lower_ref(bp__lower_state *s, const bp__unit *u);
/* Elementwise chains (chain.c of this folder). n nodes in order. */
bool bp__chain_takes(const bp_graph *g, const bp__node *n);
void bp__lower_chain(bp__lower_state *s, const uint32_t *nodes, size_t n);
/* Is the node lowered only when somebody wants its result in memory? */
bool bp__lower_put_off(const bp__lower_state *s, size_t node);
/* One node by itself: view, fast kernel or reference kernel (lower.c). */
void bp__lower_single(bp__lower_state *s, size_t node);

/* ---- grouping (group.c) ----------------------------------------------------*/

/* What belongs together: a node with its epilogue, or a chain. */
typedef struct bp__group {
    uint32_t first, count; /* into bp__groups.nodes */
    uint32_t level;
    bool chain;
    bool commit;           /* runs in the commit phase */
    bp__unit unit;         /* !chain */
} bp__group;
typedef struct bp__groups {
    bp__group *group;      /* in a topological order */
    size_t n_groups;
    uint32_t *nodes;
    size_t n_nodes;
} bp__groups;
/* False: out of memory. */
bool bp__make_groups(const bp_graph *g, const bp__lower_options *o,
                     bp__groups *gs);
void bp__free_groups(const bp_graph *g, bp__groups *gs);

#endif
