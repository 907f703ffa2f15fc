/* Does the gradient check catch what it should? For every differentiable input
 * of every row, the adjoint is spoiled in five ways: negated, doubled, zero,
 * NaN, swapped with that of another input. Each must make the check of one of
 * the row's own cases fail. In a primitive it is the rule that is wrapped; in
 * a composite, whose gradient is generated, it is the definition, which gets
 * operands of the same value with spoiled adjoints. Two swapped adjoints of a
 * linear op that commutes are the same by the table; that is printed as such.
 *
 * This program is linked with a build of the library whose op table can be
 * changed (BP__TEST_OPS); the product's table is constant. */
#include "op/gradcheck.h"
#include "t.h"

#include <bprop/ops.h>

enum bug { NEGATE, DOUBLE, ZERO, NAN_, SWAP, N_BUGS };
static const char *const bug_names[N_BUGS] = {"negate", "double", "zero",
                                              "NaN", "swap"};

static struct {
    const bp__opdef *row; /* the sound one */
    enum bug bug;
    int input, other;
    int64_t hits; /* how often the bug changed something */
} planted;

static void broken_vjp(const bp__vjp *v)
{
    planted.row->vjp(v);
    bp_val *dx = &v->dx[planted.input];
    if (!(v->need >> planted.input & 1))
        return;
    planted.hits++;
    switch (planted.bug) {
    case NEGATE:
        *dx = bp_neg(v->g, *dx);
        break;
    case DOUBLE:
        *dx = bp_mul_scalar(v->g, *dx, 2);
        break;
    case ZERO:
        *dx = BP_NIL;
        break;
    case NAN_:
        *dx = bp_mul_scalar(v->g, *dx, NAN);
        break;
    default: {
        bp_val t = *dx;
        *dx = v->dx[planted.other];
        v->dx[planted.other] = t;
    }
    }
}

/* x by value, with the adjoint changed; all sums here are exact. */
static bp_val spoil(bp_graph *g, enum bug bug, bp_val x, bp_val other)
{
    bp_val fixed = bp_stop_gradient(g, x);
    switch (bug) {
    case NEGATE: /* 2 x - x */
        return bp_sub(g, bp_mul_scalar(g, fixed, 2), x);
    case DOUBLE:
        return bp_sub(g, bp_mul_scalar(g, x, 2), fixed);
    case ZERO:
        return fixed;
    case NAN_:
        return bp_mul_scalar(g, x, NAN);
    default: /* x + (other - other) */
        return bp_add(g, fixed, bp_sub(g, other, bp_stop_gradient(g, other)));
    }
}

static void broken_define(const bp__define *d)
{
    bp_val in[BP__MAX_IN];
    bp__define wrong = *d;
    int i = planted.input, k = planted.other;
    memcpy(in, d->in, sizeof in[0] * (size_t)d->n_in);
    in[i] = spoil(d->g, planted.bug, d->in[i], k < 0 ? BP_NIL : d->in[k]);
    if (k >= 0)
        in[k] = spoil(d->g, planted.bug, d->in[k], d->in[i]);
    wrong.in = in;
    planted.hits++;
    planted.row->define(&wrong);
}

/* Does any case of the op fail its check? */
static bool fails(bp__op op)
{
    for (int i = 0; i < bp__ops[op]->n_cases; i++)
        if (!gradcheck_case(op, i, 1).ok)
            return true;
    return false;
}

static bool caught(bp__op op, enum bug bug, int input, int other)
{
    const bp__opdef *sound = bp__ops[op];
    bp__opdef broken = *sound;
    if (sound->define)
        broken.define = broken_define;
    else
        broken.vjp = broken_vjp;
    planted.row = sound;
    planted.bug = bug;
    planted.input = input;
    planted.other = other;
    planted.hits = 0;
    bp__ops[op] = &broken;
    bool found = fails(op);
    bp__ops[op] = sound;
    T_CHECKF(planted.hits > 0, "%s: the bug in input %d never ran",
             sound->name, input);
    return found;
}

/* Operands of one type in all cases: a composite's can be swapped. */
static bool alike(const bp__opdef *d, int i, int k)
{
    for (int c = 0; c < d->n_cases; c++) {
        const bp__tin *a = &d->cases[c].in[i], *b = &d->cases[c].in[k];
        if (a->dtype != b->dtype || a->rank != b->rank ||
            memcmp(a->dims, b->dims, sizeof a->dims) != 0)
            return false;
    }
    return true;
}

/* Another differentiable input, behind the first one; -1: none. */
static int partner(const bp__opdef *d, int input)
{
    if (d->n_in == BP__VARIADIC)
        return input + 1;
    for (int k = input + 1; k < d->n_in; k++)
        if (d->diff[k] == BP__DIFF && (!d->define || alike(d, input, k)))
            return k;
    return -1;
}

static long n_caught, n_same;

static void check_input(bp__op op, int input)
{
    const bp__opdef *d = bp__ops[op];
    printf("%-22s %5d", d->name, input);
    for (int bug = 0; bug < N_BUGS; bug++) {
        int other = bug == SWAP ? partner(d, input) : -1;
        if (bug == SWAP && other < 0) {
            printf(" %7s", "-");
            continue;
        }
        bool found = caught(op, (enum bug)bug, input, other);
        bool same = bug == SWAP && (d->flags & BP__COMMUTES) &&
                    (d->flags & BP__LINEAR);
        printf(" %7s", found ? "caught" : same ? "same" : "MISSED");
        T_CHECKF(found != same, "%s, input %d, %s: %s", d->name, input,
                 bug_names[bug], found ? "was to change nothing"
                                       : "nothing failed");
        n_caught += found;
        n_same += same && !found;
    }
    printf("\n");
}

int main(void)
{
    printf("%-22s %5s", "op", "input");
    for (int bug = 0; bug < N_BUGS; bug++)
        printf(" %7s", bug_names[bug]);
    printf("\n");
    for (int op = 1; op < BP__N_OPS; op++) {
        const bp__opdef *d = bp__ops[op];
        if (!d->vjp && !d->define)
            continue;
        T_CHECKF(!fails((bp__op)op), "%s fails before anything is planted",
                 d->name);
        int n = d->n_in == BP__VARIADIC ? 1 : d->n_in;
        for (int i = 0; i < n; i++)
            if (d->diff[i] == BP__DIFF)
                check_input((bp__op)op, i);
    }
    printf("%ld planted bugs caught; %ld that change nothing, as the table "
           "says\n", n_caught, n_same);
    return t_end();
}
