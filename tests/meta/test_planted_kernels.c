/* Do the tests of the fast kernels catch what they should? Every kernel of the
 * table (cpu/cpu.h) is spoiled in six ways: its results negated, doubled,
 * zero, NaN; two inputs swapped; the last lane of what it writes left as it
 * was. Each must make one of the op table's cases, run through the compiler,
 * differ from the interpreter over the reference kernels. Elementwise chains
 * are spoiled op by op, without gradients.
 *
 * The matrix is printed. "-": there is no such bug, as the table of kernels
 * here says (one input, or none like another; a result that is no number).
 * "same": changes nothing, by a rule: the operands of an op whose row says
 * that it commutes; twice a truth value. */
#include "meta/spoiled.h"
#include "op/compiled.h"
#include "t.h"

#include "exec/exec.h"

#include <bprop/ops.h>

static const char *const bug_names[N_BUGS] = {"negate", "double", "zero",
                                              "NaN", "swap", "skip"};

static const struct {
    const char *name;
    bool swaps;
} slots[N_SLOTS] = {
#define SLOT(slot, name, swaps) {name, swaps},
    SLOTS(SLOT)
#undef SLOT
};

static const bp__cpu *spoiled;

/* ---- what finds them ------------------------------------------------------ */

typedef struct trial {
    case_data d;
    bp_graph *g;
    compiled_result want;
    compiled_wrt which;
    long hits[N_SLOTS], swaps[N_SLOTS];
} trial;
static trial trials[2000];
static int n_trials;

/* Is the case all right, with this bug? */
static bool passes(const trial *t, enum slot slot, enum bug bug)
{
    compiled_how how = {.threads = 1, .level = BP_LEVEL_AUTO,
                        .cpu = spoiled};
    compiled_result got;
    char why[COMPILED_WHY];
    planted.slot = slot;
    planted.bug = bug;
    memset(planted.hits, 0, sizeof planted.hits);
    memset(planted.swaps, 0, sizeof planted.swaps);
    bool ok = compiled_run(&t->d, t->g, &how, &got);
    if (ok) {
        ok = compiled_agrees(&t->want, &got, why);
        compiled_drop(&got);
    }
    return ok;
}

static void drop_trial(trial *t)
{
    if (t->want.n)
        compiled_drop(&t->want);
    bp_graph_free(t->g);
    case_free(&t->d);
}

/* Keeps the case if it runs at all (one with an index out of range, or a
 * value that is not finite, is refused); d is taken over. */
static void add_trial(const case_data *d, compiled_wrt which)
{
    int n;
    char text[120];
    trial *t = &trials[n_trials];
    *t = (trial){.d = *d, .which = which};
    t->g = compiled_graph(&t->d, which, &n);
    case_text(d, text);
    T_REQUIRE(t->g && n <= COMPILED_MAX &&
              n_trials + 1 < (int)(sizeof trials / sizeof *trials));
    bool runs = bp_graph_status(t->g) == BP_OK &&
                compiled_interpret(&t->d, t->g, &t->want);
    if (runs && passes(t, N_SLOTS, NONE)) {
        memcpy(t->hits, planted.hits, sizeof t->hits);
        memcpy(t->swaps, planted.swaps, sizeof t->swaps);
        n_trials++;
        return;
    }
    drop_trial(t);
}

static void add_trials(void)
{
    static const compiled_wrt all[] = {COMPILED_VALUES, COMPILED_FIRST,
                                       COMPILED_ALL};
    for (int k = 0; k < 3; k++) {
        case_data d;
        for (int i = 0; compiled_large(i, &d); i++)
            add_trial(&d, all[k]);
        for (int op = 1; op < BP__N_OPS; op++)
            for (int i = 0; i < bp__ops[op]->n_cases; i++) {
                if (bp__ops[op]->flags & BP__LEAF)
                    continue;
                case_draw(&d, (bp__op)op, i, BP_F32, 5);
                add_trial(&d, all[k]);
            }
    }
}

/* Does any case fail with this bug? op: of elementwise chains, alone and by
 * value; or 0. *met: cases that the bug had a part in. */
static bool caught(enum slot slot, enum bug bug, int op, int *met)
{
    bool found = false;
    *met = 0;
    for (int i = 0; i < n_trials && !found; i++) {
        const trial *t = &trials[i];
        if ((bug == SWAP ? t->swaps : t->hits)[slot] == 0 ||
            (op &&
             (t->which != COMPILED_VALUES || (int)t->d.op != op)))
            continue;
        ++*met;
        found = !passes(t, slot, bug);
    }
    return found;
}

static long n_caught, n_same;

/* One cell of the matrix, judged. */
static void cell(const char *row, int bug, bool found, bool same)
{
    printf(" %7s", found ? "caught" : same ? "same" : "MISSED");
    T_CHECKF(found != same, "%s, %s: %s", row, bug_names[bug],
             found ? "was to change nothing" : "nothing failed");
    n_caught += found;
    n_same += same && !found;
}

static void check_slot(enum slot slot)
{
    printf("%-24s", slots[slot].name);
    for (int bug = 0; bug < N_BUGS; bug++) {
        int met;
        if ((bug == SWAP && !slots[slot].swaps) ||
            (bug == NAN_ && (slot == MAX_INDEX || slot == ARGMAX ||
                             slot == ARGMIN))) {
            printf(" %7s", "-");
            continue;
        }
        bool found = caught(slot, (enum bug)bug, 0, &met);
        T_CHECKF(met > 0, "%s, %s: never ran", slots[slot].name,
                 bug_names[bug]);
        cell(slots[slot].name, bug, found, false);
    }
    printf("\n");
}

/* The type of an op's results, if all cases have one. */
static int result_type(int op)
{
    for (int i = 0; i < n_trials; i++)
        if ((int)trials[i].d.op == op && trials[i].want.n)
            return trials[i].want.dtype[0];
    return BP_F32;
}

static void check_chain(int op)
{
    const bp__opdef *row = bp__ops[op];
    char name[40];
    int met;
    bool is_bool = result_type(op) == BP_BOOL;
    snprintf(name, sizeof name, "chain: %s", row->name);
    caught(CHAIN, NONE, op, &met);
    if (met == 0)
        return;
    printf("%-24s", name);
    for (int bug = 0; bug < N_BUGS; bug++) {
        bool found = caught(CHAIN, (enum bug)bug, op, &met);
        if (met == 0 || (bug == NAN_ && is_bool))
            printf(" %7s", "-");
        else
            cell(name, bug, found,
                 (bug == SWAP && (row->flags & BP__COMMUTES)) ||
                     (bug == DOUBLE && is_bool));
    }
    printf("\n");
}

/* v <- x + 1 (a chain) or x [1] (a product), with and without a NaN in the
 * last element of x: is each step judged rightly? */
static bool judged(enum slot slot, enum bug bug)
{
    enum { N = 37 };
    static const int64_t dims[2] = {N, 1}, one[2] = {1, 1};
    static const float factor = 1;
    static float x[N];
    bp_error err = {BP_OK, ""};
    bp_store *s = bp_store_new(NULL);
    bp_runtime *rt;
    bp_program *p;
    bool ok = true;
    T_OK(bp_store_add(s, "v", BP_VAR_PARAM, BP_F32, 2, dims, &err), &err);
    bp_graph *g = bp_graph_new(NULL);
    bp_val in = bp_input(g, "x", BP_F32, 2, dims);
    bp_val w = bp_const(g, BP_F32, 2, one, &factor);
    bp_update(g, s, "v", slot == FINITE
                           ? bp_matmul(g, in, w, false, false)
                           : bp_add_scalar(g, in, 1));
    bp_runtime_options ro = {.size = sizeof ro, .threads = 1};
    T_OK(bp_runtime_new(&ro, &rt, &err), &err);
    rt->cpu = spoiled;
    planted.slot = slot;
    planted.bug = bug;
    T_OK(bp_compile(rt, (const bp_graph *const *)&g, 1, NULL, &p, &err),
         &err);
    T_OK(bp_bind(p, "x", x, sizeof x, &err), &err);
    ok = ok && bp_run(p, &err) == BP_OK;
    x[N - 1] = NAN;
    ok = ok && bp_run(p, &err) == BP_ENONFINITE;
    x[N - 1] = 0;
    bp_program_free(p);
    bp_runtime_free(rt);
    bp_graph_free(g);
    bp_store_free(s);
    return ok;
}

static void check_verdict(enum slot slot)
{
    memset(planted.hits, 0, sizeof planted.hits);
    T_CHECKF(judged(slot, NONE) && planted.hits[slot] > 0,
             "%s: fails, or never ran", slots[slot].name);
    printf("%-24s", slots[slot].name);
    for (int bug = 0; bug < N_BUGS; bug++)
        if (bug == NAN_ || bug == SWAP)
            printf(" %7s", "-");
        else
            cell(slots[slot].name, bug, !judged(slot, (enum bug)bug),
                 bug == DOUBLE);
    printf("\n");
}

/* A kernel that is new in the table has no wrapper, and no row here. */
static void check_complete(void)
{
    static const void *const none = NULL;
    const char *at = (const char *)&spoiled->gemm;
    for (; at < (const char *)(spoiled + 1); at += sizeof none)
        T_CHECKF(memcmp(at, &none, sizeof none) != 0,
                 "a kernel of the table is not wrapped");
}

int main(void)
{
    spoiled = spoiled_cpu();
    check_complete();
    add_trials();
    printf("%-24s", "kernel");
    for (int bug = 0; bug < N_BUGS; bug++)
        printf(" %7s", bug_names[bug]);
    printf("\n");
    for (int slot = 0; slot < N_SLOTS; slot++)
        if (slot == CHAIN_TEST || slot == FINITE)
            check_verdict((enum slot)slot);
        else
            check_slot((enum slot)slot);
    for (int op = 1; op < BP__N_OPS; op++)
        if (!bp__ops[op]->define)
            check_chain(op);
    printf("%d cases; %ld planted bugs caught; %ld that change nothing, by a "
           "rule\n", n_trials, n_caught, n_same);
    for (int i = 0; i < n_trials; i++)
        drop_trial(&trials[i]);
    return t_end();
}
