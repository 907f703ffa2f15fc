/* Do the tests of the rows' claims (flags.h) catch a wrong one? Each op with a
 * kernel is made to claim, one at a time, what its row does not: that it runs
 * in place, that it only renames bytes, that every input goes by rows, that
 * rows of the result need all of every input. The matrix is printed: "own": it
 * is the row's own claim; "-": no case can tell, since none has a result as
 * large as the first input; "holds": true of every case, though the row does
 * not say so, of ops that are listed here with the reason. */
#include "op/flags.h"
#include "t.h"

#include <sys/wait.h>
#include <unistd.h>

enum claim { ALIAS, VIEW, BY_ROWS, APART, N_CLAIMS };
static const char *const names[N_CLAIMS] = {"in place", "view", "by rows",
                                            "apart"};

/* Kernels that run in place in every case whose sizes allow it: elementwise
 * ones whose operands may have other types, and what only copies where there
 * is nothing to reduce or to join. ge: the one case that can tell, one byte
 * an element over four, has no value that shows it. */
static const char *const in_place[] = {"cast", "ge",   "select", "sum",
                                       "amax", "amin", "concat"};

static bool may_hold(const char *op, enum claim c)
{
    for (size_t i = 0; i < sizeof in_place / sizeof *in_place; i++)
        if (c == ALIAS && strcmp(in_place[i], op) == 0)
            return true;
    return false;
}

static uint32_t all_by_rows(const bp__shapes *s)
{
    return BP__ROWS | ((1u << s->n_in) - 1);
}

static uint32_t all_apart(const bp__shapes *s)
{
    (void)s;
    return BP__ROWS;
}

/* FLAGS_NONE also where the case's own rule says the same. */
static flags_answer ask(enum claim c, kernel_call *k, char *why)
{
    bp__opdef claims = *k->d.def;
    if (c == ALIAS)
        return flags_alias(k, why);
    if (c == VIEW)
        return flags_view(k, why);
    uint32_t own = flags_row_rule(k);
    claims.rows = c == BY_ROWS ? all_by_rows : all_apart;
    k->d.def = &claims;
    return flags_row_rule(k) == own ? FLAGS_NONE : flags_rows(k, why);
}

static flags_answer ask_all(int op, enum claim c)
{
    flags_answer answer = FLAGS_NONE;
    for (int i = 0; i < bp__ops[op]->n_cases && answer != FLAGS_FALSE; i++) {
        kernel_call k;
        char why[FLAGS_WHY];
        if (!kernel_new(&k, (bp__op)op, i, BP_F32, 5))
            continue;
        flags_answer a = ask(c, &k, why);
        answer = a == FLAGS_NONE ? answer : a;
        kernel_free(&k);
    }
    return answer;
}

/* Exit codes that no failure has. */
enum { ANSWER = 40 };

/* In a process of its own: a kernel that a wrong rule gives a wrong range may
 * crash, which fails a test as well. */
static flags_answer judge(int op, enum claim c)
{
    int status;
    fflush(stdout);
    pid_t child = fork();
    T_REQUIRE(child >= 0);
    if (child == 0) {
        T_REQUIRE(freopen("/dev/null", "w", stderr) != NULL);
        _exit(ANSWER + (int)ask_all(op, c));
    }
    T_REQUIRE(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == ANSWER + FLAGS_TRUE)
        return FLAGS_TRUE;
    if (WIFEXITED(status) && WEXITSTATUS(status) == ANSWER + FLAGS_NONE)
        return FLAGS_NONE;
    return FLAGS_FALSE;
}

static int n_caught, n_held;

static void check_claim(int op, enum claim c)
{
    const bp__opdef *d = bp__ops[op];
    flags_answer answer = judge(op, c);
    bool own = (c == ALIAS && (d->flags & BP__ALIAS_IN0)) ||
               (c == VIEW && (d->flags & BP__VIEW)) ||
               (c >= BY_ROWS && answer == FLAGS_NONE);
    if (own) {
        T_CHECKF(answer != FLAGS_FALSE, "%s, %s: its own claim is wrong",
                 d->name, names[c]);
        printf(" %8s", "own");
        return;
    }
    if (answer == FLAGS_NONE) {
        printf(" %8s", "-");
        return;
    }
    bool holds = answer == FLAGS_TRUE && may_hold(d->name, c);
    T_CHECKF(answer == FLAGS_FALSE || holds, "%s, %s: a wrong claim, but "
             "nothing failed", d->name, names[c]);
    printf(" %8s", holds ? "holds" : answer == FLAGS_TRUE ? "MISSED"
                                                          : "caught");
    n_held += holds;
    n_caught += answer == FLAGS_FALSE;
}

int main(void)
{
    printf("%-14s", "op");
    for (int c = 0; c < N_CLAIMS; c++)
        printf(" %8s", names[c]);
    printf("\n");
    for (int op = 1; op < BP__N_OPS; op++) {
        if (!bp__ops[op]->ref || bp__ops[op]->n_in == 0)
            continue;
        printf("%-14s", bp__ops[op]->name);
        for (int c = 0; c < N_CLAIMS; c++)
            check_claim(op, (enum claim)c);
        printf("\n");
    }
    printf("%d wrong claims caught; %d that hold all the same\n", n_caught,
           n_held);
    T_CHECK(n_caught > 100);
    return t_end();
}
