/* Elementwise chains: a program of elementwise ops that is run block by block
 * over an iteration space, so that only its inputs and outputs pass through
 * memory. Every op rounds as it does alone: a chain has the very bits of its
 * parts. f32 arithmetic; bool within; u8, i32 and bool where it loads and
 * stores.
 *
 * Building, by plain calls on one struct that the caller owns (no allocation;
 * the first refusal sticks, and bp__chain_end reports it):
 *
 *     bp__chain_begin(&c, rank, dims);            the iteration space
 *     int x = bp__chain_load(&c, BP_F32, NULL);   input 0: same shape, dense
 *     int b = bp__chain_load(&c, BP_F32, stride); input 1: broadcast
 *     int s = bp__chain_const(&c, 0.5f);
 *     int y = bp__chain_op(&c, BP__OP_mul, bp__chain_op(&c, BP__OP_add, x, b,
 *                          -1), s, -1);
 *     bp__chain_store(&c, y, BP_F32, false);      output 0
 *     status = bp__chain_end(&c, &err);
 *
 * The iteration space is counted row-major in the order in which the outputs
 * lie in memory; a call computes any range [begin, end) of it. Outputs are
 * dense; an output may lie exactly over an input of the same element size
 * that is loaded dense (in place), or be disjoint from all inputs.
 *
 * bp__chain_end turns the ops into code for an accumulator of a few registers
 * (see k_chain.c): operands are memory, which is the inputs themselves,
 * constants, or temporaries that stay in the first-level cache.
 */
#ifndef BP__CPU_CHAIN_H
#define BP__CPU_CHAIN_H

#include "ir/ir.h"

enum {
    BP__CHAIN_VALUES = 192, /* loads, constants and ops together */
    BP__CHAIN_LOADS = 32,
    BP__CHAIN_CONSTS = 32,
    BP__CHAIN_STORES = 16,
    BP__CHAIN_TEMPS = 32,
    BP__CHAIN_CODE = 512,
    BP__CHAIN_PLACES = BP__CHAIN_LOADS + BP__CHAIN_CONSTS +
                       BP__CHAIN_STORES + BP__CHAIN_TEMPS,
    BP__CHAIN_BLOCK = 256 /* most elements of a block, at any level */
};

/* A is the accumulator; p, q, r are memory operands. X(name, operands). An op
 * in BP__CHAIN_WITH_K is followed by a form NAME_K, whose p has the same value
 * everywhere and so is loaded once. Two ops in one instruction round twice, as
 * they do in two. */
#define BP__CHAIN_WITH_K(X)                                                \
    X(ADD, 1) X(MUL, 1)                                                    \
    X(SUB, 1) X(RSUB, 1) /* A = A - p, A = p - A */                        \
    X(DIV, 1) X(RDIV, 1)                                                   \
    X(MAX, 1) X(RMAX, 1) X(MIN, 1) X(RMIN, 1)                              \
    X(EQ, 1) X(NE, 1) X(LT, 1) X(LE, 1) X(GT, 1) X(GE, 1)                  \
    X(IF_EQ, 3) X(IF_NE, 3) X(IF_LT, 3) /* A = A < p ? q : r */            \
    X(IF_LE, 3) X(IF_GT, 3) X(IF_GE, 3)                                    \
    X(MUL_ADD, 2) X(MUL_SUB, 2) /* A = A * p + q, A = A * p - q */         \
    X(MUL_RSUB, 2)              /* A = q - A * p */                        \
    X(ADD_MUL, 2) X(SUB_MUL, 2) /* A = (A + q) * p, A = (A - q) * p */     \
    X(LOAD_MUL, 2)              /* A = q * p */                            \
    X(LOAD_MUL_ADD, 3)          /* A = q * p + r */
#define BP__CHAIN_OPS(X)                                                   \
    X(END, 0)                                                              \
    X(LOAD, 1)        /* A = p */                                          \
    X(LOAD_ADD, 2) X(LOAD_SUB, 2) /* A = p + q, A = p - q */               \
    X(STORE, 1)       /* p = A */                                          \
    X(STORE_TEST, 1)  /* p = A; note in output q whether it is finite */   \
    X(STORE_U8, 1) X(STORE_I32, 1) X(STORE_BOOL, 1)                        \
    X(POW, 1) X(RPOW, 1)                                                   \
    X(AND, 1) X(OR, 1) X(XNOR, 1) X(XOR, 1)                                \
    X(SELECT, 2)      /* A = A ? p : q */                                  \
    X(SELECT_A, 2)    /* A = p ? A : q */                                  \
    X(SELECT_B, 2)    /* A = p ? q : A */                                  \
    X(NEG, 0) X(ABS, 0) X(SIGN, 0) X(FLOOR, 0) X(RECIPROCAL, 0)            \
    X(SQUARE, 0) X(SQRT, 0) X(RELU, 0) X(NOT, 0) X(IS_FINITE, 0)           \
    X(TO_BOOL, 0) X(FROM_BOOL, 0)                                          \
    X(EXP, 0) X(LOG, 0) X(LOG1P, 0) X(SIN, 0) X(COS, 0) X(TANH, 0)         \
    X(SIGMOID, 0) X(ERF, 0)

typedef enum bp__chain_opcode {
#define BP__CHAIN_OPCODE(name, operands) BP__CHAIN_##name,
#define BP__CHAIN_OPCODE_K(name, operands) \
    BP__CHAIN_##name, BP__CHAIN_##name##_K,
    BP__CHAIN_OPS(BP__CHAIN_OPCODE)
    BP__CHAIN_WITH_K(BP__CHAIN_OPCODE_K)
#undef BP__CHAIN_OPCODE
#undef BP__CHAIN_OPCODE_K
    BP__CHAIN_N_OPCODES
} bp__chain_opcode;

typedef struct bp__chain_ins {
    uint16_t op, p, q, r; /* opcode; places */
} bp__chain_ins;

/* How the elements of a load follow from the index i of the iteration space:
 * element (i / inner) % period where that describes it, which is dense,
 * scalar, a vector along the last axes, one value a row, and the like; else
 * (inner == 0) by strides. */
typedef struct bp__chain_input {
    uint8_t dtype;
    bool dense;
    int64_t inner, period;
    int rank; /* strided: merged dims, outermost first */
    int64_t dims[BP_MAX_RANK], stride[BP_MAX_RANK];
    int last_read; /* index into code */
} bp__chain_input;

typedef struct bp__chain_output {
    uint8_t dtype;
    bool test;  /* for values that are not finite; f32 only */
    int value;
    int store;  /* index into code of its STORE */
} bp__chain_output;

typedef struct bp__chain_value {
    uint8_t op;   /* a bp__op; BP__OP_NONE for loads and constants */
    uint8_t to;   /* cast: the target */
    bool is_bool;
    int16_t arg[3]; /* values, -1: none */
    int16_t uses, place, depth;
} bp__chain_value;

typedef struct bp__chain {
    /* the program */
    int rank;
    int64_t dims[BP_MAX_RANK], numel;
    int n_values, n_in, n_const, n_out, n_temp, n_code;
    bp__chain_input in[BP__CHAIN_LOADS];
    float consts[BP__CHAIN_CONSTS];
    bp__chain_output out[BP__CHAIN_STORES];
    /* Places of memory operands: inputs, then outputs, constants, temps. */
    bp__chain_ins code[BP__CHAIN_CODE];
    size_t scratch_bytes; /* one scratch for each thread, 64-byte aligned */
    /* while building */
    bp__chain_value values[BP__CHAIN_VALUES];
    uint32_t temps_used; /* bit mask */
    int in_a;            /* value in the accumulator; -1: none */
    bp_status status;
    char message[200];
} bp__chain;

/* ---- chain.c, chain_code.c, chain_check.c ------------------------------- */

/* Can an op of these element types be part of a chain? dtypes: of its inputs,
 * then of its output. */
bool bp__chain_supports(bp__op op, int n_in, const int *dtypes);

void bp__chain_begin(bp__chain *c, int rank, const int64_t *dims);
/* stride: in elements, one for each dim; NULL: dense, in the space's order.
 * Returns a value, f32 (out of f32, u8 or i32) or bool; -1 on a refusal, which
 * all functions accept as a value. */
int bp__chain_load(bp__chain *c, int dtype, const int64_t *stride);
int bp__chain_const(bp__chain *c, float x);
/* Unused operands: -1. `cast` between f32 and bool only: others are loads and
 * stores. stop_gradient is its operand. */
int bp__chain_op(bp__chain *c, bp__op op, int a, int b, int d);
int bp__chain_cast(bp__chain *c, int dtype, int a);
/* f32 is stored as f32, u8 or i32 (as bp_cast does), bool as bool. With
 * `test`, a call that stores a value that is not finite counts it. */
void bp__chain_store(bp__chain *c, int value, int dtype, bool test);
/* Code and scratch. [err: ELIMIT EDTYPE EARG] */
bp_status bp__chain_end(bp__chain *c, bp_error *err);
/* The invariants of a finished chain. [err: EBUG] */
bp_status bp__chain_verify(const bp__chain *c, bp_error *err);

/* A short vector along the last axes is repeated in scratch, so that a block
 * can be read from it at any phase. */
static inline bool bp__chain_extends(const bp__chain_input *in)
{
    return !in->dense && in->inner == 1 && in->period < 512;
}
static inline int bp__chain_n_places(const bp__chain *c)
{
    return c->n_in + c->n_out + c->n_const + c->n_temp;
}

/* Has the place the same value for the whole call? */
static inline bool bp__chain_uniform(const bp__chain *c, int place)
{
    if (place < c->n_in)
        return !c->in[place].dense && c->in[place].period == 1;
    return place >= c->n_in + c->n_out &&
           place < c->n_in + c->n_out + c->n_const;
}

/* ---- one table a level -------------------------------------------------- */

/* Elements begin <= i < end of the iteration space. in, out: the tensors'
 * first elements. nonfinite[k] grows by 1 if output k is tested and this call
 * has stored a value in it that is not finite; may be NULL where no output is
 * tested. */
typedef void bp__chain_run_fn(const bp__chain *c, const void *const *in,
                              void *const *out, int64_t begin, int64_t end,
                              void *scratch, int64_t *nonfinite);

typedef struct bp__chain_fns {
    bp__chain_run_fn *run;
} bp__chain_fns;

#ifdef BP__LEVEL
#include "cpu/v16.h"
bp__chain_run_fn BP__K(chain_run);
#define BP__CHAIN_FNS {.run = BP__K(chain_run)}
#endif

#endif
