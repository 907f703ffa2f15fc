/* bprop: a training engine for neural networks. The core: errors, memory,
 * variables, graphs, gradients, programs. Layers are in <bprop/nn.h>,
 * primitive operations in <bprop/ops.h>, data in <bprop/data.h>, the training
 * loop in <bprop/train.h>.
 *
 * Conventions that hold everywhere:
 *  - The library never exits, aborts, prints, reads the environment or keeps
 *    mutable globals.
 *  - A function that returns bp_status returns BP_OK (0) or a negative code.
 *    Where it takes a bp_error *, the message says what was wrong, where, and
 *    what would be right; NULL is allowed there.
 *  - Graph builders are sticky: the first error of a graph wins, later calls
 *    do nothing and return BP_NIL; bp_graph_status tells.
 *  - X_free(NULL) does nothing. Free order never matters.
 *  - An object may be used by one thread at a time; distinct objects may be
 *    used at once, except that a store belongs to one thread while a program
 *    that uses it runs.
 *  - Tensors are dense, row-major ("C order"), little-endian in files.
 */
#ifndef BPROP_BPROP_H
#define BPROP_BPROP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BP_VERSION "0.1.0"

/* ---- status and errors --------------------------------------------- */

/* name, value, text. One list: the enum, the names and the docs follow it. */
#define BP_STATUS_LIST(X)                                                  \
    X(OK, 0, "success")                                                    \
    X(ENOMEM, -1, "out of memory")                                         \
    X(ESHAPE, -2, "shapes do not fit")                                     \
    X(EDTYPE, -3, "wrong element type")                                    \
    X(EARG, -4, "bad argument")                                            \
    X(ENODIFF, -5, "no gradient")                                          \
    X(ERANGE, -6, "index or value out of range")                           \
    X(EIO, -7, "input or output failed")                                   \
    X(EFORMAT, -8, "malformed file")                                       \
    X(EVERSION, -9, "file of another format version")                      \
    X(ELIMIT, -10, "a limit of this library is exceeded")                  \
    X(ENONFINITE, -11, "a value is not finite")                            \
    X(EEXIST, -12, "already exists")                                       \
    X(ENOTFOUND, -13, "not found")                                         \
    X(EUNSUPPORTED, -14, "not built into this library")                    \
    X(ECANCELED, -15, "stopped on request")                                \
    X(EBUG, -16, "internal error, please report it")

typedef enum bp_status {
#define BP_STATUS_ENUM(name, value, text) BP_##name = value,
    BP_STATUS_LIST(BP_STATUS_ENUM)
#undef BP_STATUS_ENUM
    BP_STATUS_FORCE_INT = -2147483647 - 1 /* keep the enum int-sized */
} bp_status;

/* "ENOMEM" and "out of memory" for BP_ENOMEM; "?" for an unknown code. */
const char *bp_status_name(bp_status s);
const char *bp_status_text(bp_status s);

/* Filled by a failing call; untouched by a successful one. Owned by the
 * caller; start from a zeroed one. The message is one line or several, in
 * UTF-8, without a final line feed, cut with "..." where it is too long. */
typedef struct bp_error {
    bp_status status;
    char message[4000];
} bp_error;

/* ---- memory --------------------------------------------------------- */

/* One function, as in Lua: new_bytes 0 frees ptr and returns NULL; ptr NULL
 * allocates; otherwise resizes, leaving the old block as it was on failure.
 * old_bytes is the size that the block was asked for with. Returns memory
 * aligned for any C type, or NULL. */
typedef struct bp_allocator {
    void *(*fn)(void *user, void *ptr, size_t old_bytes, size_t new_bytes);
    void *user;
} bp_allocator;

/* ---- element types --------------------------------------------------- */

typedef enum bp_dtype {
    BP_F32 = 0,
    BP_F64 = 1,
    BP_I32 = 2,
    BP_U8 = 3,
    BP_BOOL = 4 /* one byte, 0 or 1 */
} bp_dtype;
#define BP_N_DTYPES 5
#define BP_MAX_RANK 8

const char *bp_dtype_name(bp_dtype t); /* "f32"; "?" for an unknown one */
size_t bp_dtype_bytes(bp_dtype t);     /* 0 for an unknown one */

/* Receives text: the printers write through it. Returns 0, or non-zero to
 * stop (the printer then returns BP_EIO). */
typedef int (*bp_write_fn)(void *user, const char *text, size_t bytes);

/* ---- variables ------------------------------------------------------- */

/* Named, typed state: parameters, running statistics, optimizer moments,
 * counters. Reference-counted; graphs and programs hold references. */
typedef struct bp_store bp_store;

typedef enum bp_var_kind {
    BP_VAR_PARAM = 0,   /* trained by the optimizer            */
    BP_VAR_BUFFER = 1,  /* model state: running statistics     */
    BP_VAR_OPTIM = 2,   /* optimizer state: moments            */
    BP_VAR_TRAINER = 3, /* step, learning rate, RNG key, sums  */
    BP_VAR_STATE = 4    /* a row a sample: see bp_store_add_state */
} bp_var_kind;

typedef struct bp_var_info {
    const char *name; /* owned by the store */
    bp_var_kind kind;
    bp_dtype dtype;
    int rank;
    int64_t dims[BP_MAX_RANK];
    size_t bytes;
} bp_var_info;

/* a: copied; NULL means malloc. NULL result: out of memory. */
bp_store *bp_store_new(const bp_allocator *a);
bp_store *bp_store_retain(bp_store *s);
void bp_store_free(bp_store *s); /* drops one reference */

/* Adds a variable filled with zeros; its address never changes.
 * [err: ENOMEM EEXIST EARG ELIMIT] */
bp_status bp_store_add(bp_store *s, const char *name, bp_var_kind kind,
                       bp_dtype dtype, int rank, const int64_t *dims,
                       bp_error *err);
size_t bp_store_count(const bp_store *s);
/* Index of a variable, in order of creation; -1 if there is none. */
int64_t bp_store_find(const bp_store *s, const char *name);
bp_status bp_store_info(const bp_store *s, size_t i, bp_var_info *info);
/* The variable's memory; NULL if i is out of range. May be written between
 * runs, at any time from now on: so programs that only read the variable make
 * what they make of it (packed weights) anew in every run. Who only looks
 * calls bp_store_read, who has done writing bp_store_settle. The memory of a
 * state moves when its rows change. */
void *bp_store_data(bp_store *s, size_t i);
const void *bp_store_read(const bp_store *s, size_t i);
/* From here on nothing is written through what bp_store_data has returned:
 * programs keep what they make of variables until one of them is set, loaded,
 * updated by a run, or lent anew. Not while a program runs. */
void bp_store_settle(bp_store *s);
/* Copies a whole variable out or in; bytes must be its size.
 * [err: ENOTFOUND ESHAPE] */
bp_status bp_store_get(const bp_store *s, const char *name, void *data,
                       size_t bytes, bp_error *err);
bp_status bp_store_set(bp_store *s, const char *name, const void *data,
                       size_t bytes, bp_error *err);
/* State that is carried from batch to batch (a recurrent net's), a row a
 * sample: a variable of kind BP_VAR_STATE and of rank 1 + rank. It has no rows
 * until the first batch, or bp_state_clear, gives it some; a program runs only
 * where it has as many as the batch. initial: one row, copied, that new and
 * cleared rows hold; NULL: zeros. In a graph its value varies: shards get their
 * rows, as of inputs. [err: as bp_store_add] */
bp_status bp_store_add_state(bp_store *s, const char *name, bp_dtype dtype,
                             int rank, const int64_t *dims,
                             const void *initial, bp_error *err);
/* Rows that states now have; -1: no state of this name. */
int64_t bp_state_rows(const bp_store *s, const char *name);
/* Of all states whose names match the pattern (* stands for any text, ? for one
 * character): the rows i with row[i] != 0 become the initial row. row NULL:
 * the state gets n rows, all of them initial ones. [err: ENOTFOUND no state
 * matches; ESHAPE n is not the number of rows; EARG ENOMEM] */
bp_status bp_state_clear(bp_store *s, const char *pattern, const uint8_t *row,
                         int64_t n, bp_error *err);
/* Row i becomes what row from[i] was, and there are n rows: beams that go on,
 * sentences that have ended. All or nothing. [err: ENOTFOUND ERANGE ENOMEM] */
bp_status bp_state_gather(bp_store *s, const char *pattern,
                          const int32_t *from, int64_t n, bp_error *err);
/* to += tau (from - to), elementwise, for all float variables that match `from`
 * ("q.*"); `to` ("target.*") names what each is blended into: as many *, each
 * standing for what that of `from` stood for. tau 1 copies, and makes what is
 * missing: a target network (Mnih et al. 2015; Lillicrap et al. 2016 for tau
 * below 1). [err: ENOTFOUND ESHAPE EARG ENOMEM] */
bp_status bp_store_blend(bp_store *s, const char *from, const char *to,
                         double tau, bp_error *err);
/* A store that a fault inside a commit has left half-updated is poisoned:
 * programs on it refuse to run and it refuses to be saved. The text says why;
 * NULL while it is sound. */
const char *bp_store_poisoned(const bp_store *s);

/* ---- graphs ---------------------------------------------------------- */

/* A static, pure, single-assignment graph: one arena, freed as a whole. */
typedef struct bp_graph bp_graph;

/* A value of a graph; {0, 0} is BP_NIL. Using it with another graph is an
 * error of that graph. */
typedef struct bp_val {
    uint32_t id;
    uint32_t graph;
} bp_val;
#ifdef __cplusplus
#define BP_NIL (bp_val{0, 0})
#else
#define BP_NIL ((bp_val){0, 0})
#endif
#define bp_is_nil(v) ((v).id == 0)

bp_graph *bp_graph_new(const bp_allocator *a); /* NULL: out of memory */
void bp_graph_free(bp_graph *g);
/* First error; a NULL graph counts as out of memory. */
bp_status bp_graph_status(const bp_graph *g);
/* "matmul #12 (net/0): ..."; "" without an error. Owned by the graph. */
const char *bp_graph_error(const bp_graph *g);
/* Records an error from the caller's own building code (first one wins).
 * format: as printf's, with the conversions of numbers and s, c, p; numbers
 * have a decimal point in every locale. */
bp_status bp_graph_fail(bp_graph *g, bp_status s, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* Data-parallel shards: this graph is traced for one shard of `rows` of the
 * batch's `global_rows`, which `shards` shards share. Call before the first
 * node. Without it: one shard that holds everything. */
void bp_graph_set_shard(bp_graph *g, int64_t shards, int64_t rows,
                        int64_t global_rows);
int64_t bp_graph_shards(const bp_graph *g);
int64_t bp_graph_rows(const bp_graph *g);        /* 0 if not set */
int64_t bp_graph_global_rows(const bp_graph *g); /* 0 if not set */

/* Path under which nodes are reported: "net/3.conv". */
void bp_scope_push(bp_graph *g, const char *name);
void bp_scope_pop(bp_graph *g);

/* An input bound at run time. bp_input is replicated (every shard sees all of
 * it); bp_batch_input is varying: dims[0] is this shard's rows. Names are
 * unique within a graph. */
bp_val bp_input(bp_graph *g, const char *name, bp_dtype dtype, int rank,
                const int64_t *dims);
bp_val bp_batch_input(bp_graph *g, const char *name, bp_dtype dtype, int rank,
                      const int64_t *dims);
/* A constant; the data is copied. */
bp_val bp_const(bp_graph *g, bp_dtype dtype, int rank, const int64_t *dims,
                const void *data);
bp_val bp_scalar(bp_graph *g, bp_dtype dtype, double value);
/* A constant filled with one value. */
bp_val bp_full(bp_graph *g, bp_dtype dtype, int rank, const int64_t *dims,
               double value);
/* Reads a variable: its value before the step. Replicated, but for a state:
 * that varies, with the rows of this shard. */
bp_val bp_variable(bp_graph *g, bp_store *s, const char *name);
/* variable <- value, when the whole step has succeeded. One update for each
 * variable; value must be replicated (of a state: varying), of the variable's
 * type and shape. */
void bp_update(bp_graph *g, bp_store *s, const char *name, bp_val value);
/* Makes a value readable after a run under a unique name. A varying value is
 * read as the concatenation of the shards along axis 0. */
void bp_output(bp_graph *g, const char *name, bp_val value);
void bp_set_name(bp_graph *g, bp_val v, const char *name);

bp_dtype bp_val_dtype(const bp_graph *g, bp_val v);
int bp_val_rank(const bp_graph *g, bp_val v); /* -1: not a value of g */
int64_t bp_val_dim(const bp_graph *g, bp_val v, int axis); /* from the end
                                                 if negative; -1: none */
int64_t bp_val_numel(const bp_graph *g, bp_val v);
bool bp_val_varying(const bp_graph *g, bp_val v);
size_t bp_graph_node_count(const bp_graph *g);

/* Gradients of a scalar, replicated loss with respect to n values, as new
 * nodes of the graph: adj[i] has the shape of wrt[i]. Fails, naming every
 * offender, where a rule is missing or a wrt value has no path to the loss.
 * [err: sticky ENODIFF ESHAPE EARG ENOMEM] */
bp_status bp_grad(bp_graph *g, bp_val loss, const bp_val *wrt, size_t n,
                  bp_val *adj);
/* Transposed Jacobian product: cotangents dy[i] of outputs y[i]. adj[i] is
 * BP_NIL where wrt[i] has no path to any y. */
bp_status bp_vjp(bp_graph *g, const bp_val *y, const bp_val *dy, size_t n_y,
                 const bp_val *wrt, size_t n, bp_val *adj);

/* Checks every invariant of the graph. [err: EBUG with the node] */
bp_status bp_graph_verify(const bp_graph *g, bp_error *err);
/* Prints nodes in order, one a line; doc/ir.md has the grammar. */
bp_status bp_graph_print(const bp_graph *g, bp_write_fn write, void *user);

/* ---- programs -------------------------------------------------------- */

/* What programs share: the thread pool, the arena that holds intermediate
 * values (as large as the largest program needs), and the kernels' level. */
typedef struct bp_runtime bp_runtime;

typedef enum bp_level {
    BP_LEVEL_AUTO = 0,
    BP_LEVEL_PLAIN = 1,
    BP_LEVEL_NEON = 2,
    BP_LEVEL_AVX2 = 3,
    BP_LEVEL_AVX512 = 4
} bp_level;

typedef struct bp_runtime_options {
    size_t size;              /* sizeof(bp_runtime_options) */
    const bp_allocator *allocator; /* copied; NULL: malloc */
    int threads;              /* 0: as many as this process may use CPUs */
    bp_level level;           /* an unavailable one is refused */
} bp_runtime_options;

/* options NULL: all defaults. [err: ENOMEM EARG EUNSUPPORTED] */
bp_status bp_runtime_new(const bp_runtime_options *options,
                         bp_runtime **runtime, bp_error *err);
void bp_runtime_free(bp_runtime *r); /* programs keep it alive */
int bp_runtime_threads(const bp_runtime *r);
bp_level bp_runtime_level(const bp_runtime *r);
const char *bp_level_name(bp_level l);
bool bp_level_available(bp_level l);

typedef struct bp_program bp_program;

typedef struct bp_compile_options {
    size_t size;           /* sizeof(bp_compile_options) */
    const char *no_pass;   /* comma-separated names, or "all"; NULL: none  */
    const char *no_kernel; /* likewise; "all" leaves the reference kernels */
    bool keep_all;         /* every value stays readable after a run       */
} bp_compile_options;

/* Compiles a graph with its outputs and updates. With shards: one graph, or
 * two where the shards come in two sizes (the larger first), traced alike.
 * The graphs may be freed afterwards.
 * [err: the graph's own error, ENOMEM ESHAPE EARG] */
bp_status bp_compile(bp_runtime *r, const bp_graph *const *graphs,
                     size_t n_graphs, const bp_compile_options *options,
                     bp_program **program, bp_error *err);
void bp_program_free(bp_program *p);

/* Lends data to an input until it is bound anew; bytes must be the whole
 * (global) input's. [err: ENOTFOUND ESHAPE] */
bp_status bp_bind(bp_program *p, const char *input, const void *data,
                  size_t bytes, bp_error *err);
/* One step: all or nothing, unless it poisons a store (see above).
 * Allocates nothing. [err: EARG unbound input, ERANGE, ENONFINITE] */
bp_status bp_run(bp_program *p, bp_error *err);
/* An output of the last run; valid until the next run of any program of this
 * runtime. NULL if there is none of this name. */
const void *bp_result(const bp_program *p, const char *output, size_t *bytes);
/* The value of a node of the (first) graph after a run: needs keep_all. */
const void *bp_kept(const bp_program *p, bp_val v, size_t *bytes);

typedef struct bp_program_stats {
    size_t size;                /* sizeof(bp_program_stats), set by the caller */
    int64_t calls;              /* kernel calls a step                  */
    int64_t kept_calls;         /* and those made only where a variable that
                                   they read has changed                */
    int64_t calls_made;         /* counted by the run itself, last step */
    int64_t segments;
    int64_t arena_bytes;        /* planned peak                         */
    int64_t arena_lower_bound;  /* largest sum of live tensors          */
    int64_t const_bytes;        /* constants, and what is kept          */
    double flops;               /* a step, estimated                    */
} bp_program_stats;
bp_status bp_program_get_stats(const bp_program *p, bp_program_stats *s);

typedef enum bp_program_view {
    BP_VIEW_LOWERED = 0, /* kernels, layouts, fused chains    */
    BP_VIEW_PLAN = 1     /* calls in order, segments, offsets, refusals */
} bp_program_view;
bp_status bp_program_print(const bp_program *p, bp_program_view view,
                           bp_write_fn write, void *user);

#ifdef __cplusplus
}
#endif
#endif
