/* Programs at run time: internal to src/exec. */
#ifndef BP__EXEC_H
#define BP__EXEC_H

#include "base/threads.h"
#include "exec/program.h"
#include "plan/plan.h"

#include <stdatomic.h>

struct bp_runtime {
    bp_allocator a;
    atomic_int refs;
    bp__pool *pool;
    int threads;
    const bp__cpu *cpu;
    char *arena;          /* shared by all programs of the runtime */
    size_t arena_bytes;
    char *scratch;        /* threads * scratch_bytes */
    size_t scratch_bytes;
    uint64_t version;     /* changes when arena or scratch move */
};

/* Makes room for a program. [err: ENOMEM] */
bp_status bp__runtime_reserve(bp_runtime *r, size_t arena_bytes,
                              size_t scratch_bytes, bp_error *err);

typedef struct bp__input_use { /* a pointer that follows a bound input */
    uint32_t ptr;
    uint32_t input;
    size_t offset;
} bp__input_use;

typedef struct bp__state_use { /* a state, and the rows that it must have */
    const bp__var *var;
    int64_t rows;
    bp_store *store;
    uint32_t index;
    bool took; /* its rows are of bp__program_take_rows */
} bp__state_use;

typedef struct bp__kept_from { /* a variable that kept calls read */
    const bp__var *var;
    uint64_t version;          /* when they last ran */
} bp__kept_from;

struct bp_program {
    bp_allocator a;
    bp_runtime *r;
    bp_graph *g;            /* what was lowered: kept for a diagnosis */
    char *no_pass, *no_kernel;
    bp__lowered *l;
    bp__plan *plan;
    uint64_t version;       /* of the runtime when pointers were resolved */
    uint64_t moves;         /* of the stores, likewise */
    bp__state_use *states;
    size_t n_states;
    void **ptr;             /* all calls' pointers */
    size_t n_ptr;
    uint32_t *first_ptr;    /* by call */
    char *constants;
    const void **bound;     /* by input */
    size_t n_unbound;
    bp__input_use *uses;
    size_t n_uses;
    int64_t *faults;        /* [worker][slot], rows padded to 64 bytes */
    size_t fault_stride;
    uint32_t *fault_slot;   /* by call; 0 is of all calls that count none */
    size_t n_slots;
    bp__kept_from *kept;
    size_t n_kept;
    bool kept_made;
    atomic_uint *next_item; /* [segment][owner]: items taken so far */
    int64_t *made;          /* [worker], padded */
    int64_t planned;        /* kernel calls a step, and */
    int64_t kept_calls;     /* those of the phase KEPT */
    bool serial;            /* too small to gain from threads */
    size_t commit;          /* the first segment that writes variables */
    size_t from, to;        /* segments that the workers run */
    bool faulty;            /* of the step at hand, set between barriers */
};

enum { BP__PAD = 8 }; /* int64 a worker keeps to itself */

/* Work below this is done sooner by the caller than by all threads: a barrier
 * costs more than they gain. The second is of a segment, on average; both are
 * measured (bench/RESULTS.md). */
#define BP__ALONE_FLOPS 400e3
#define BP__ALONE_SEGMENT_FLOPS 75e3

/* Address of a buffer; NULL for an input that is not bound. */
void *bp__address(const bp_program *p, uint32_t buf);
void bp__resolve(bp_program *p);
/* The program of p's graph with nothing fused: every node's result can be
 * looked at, and has the very bits that it has in p. Inputs are bound as p's
 * are. [err: ENOMEM] */
bp_status bp__program_unfused(const bp_program *p, bp_program **unfused,
                              bp_error *err);
/* One call on a range, as worker w. */
void bp__run_call(bp_program *p, uint32_t call, int w, int64_t begin,
                  int64_t end);
/* Sum of a call's fault counters. */
int64_t bp__call_faults(const bp_program *p, uint32_t call);
/* Turns the faults of a step that was not committed into an error. */
bp_status bp__diagnose(bp_program *p, bp_error *err);
/* Poisons the stores whose commit met a non-finite value. */
bp_status bp__poison(bp_program *p, bp_error *err);

#endif
