/* Every op of the table through the compiler, values and gradients, in f32:
 * with the fast kernels against the interpreter over the reference kernels
 * (within 2e-5 of the tensor's largest value: sums are ordered otherwise, and
 * elementary functions round otherwise), to the bit between levels, numbers of
 * threads and passes, and to the bit against the interpreter where all
 * kernels are off. Every fast kernel that the lowering knows is met. */
#include "op/compiled.h"
#include "t.h"

#include "lower/lower.h"

static char met[200][40];
static int n_met;

static void meet(const char *name)
{
    int i = 0;
    while (i < n_met && strcmp(met[i], name) != 0)
        i++;
    if (i == n_met && n_met < 200)
        snprintf(met[n_met++], sizeof met[0], "%s", name);
}

static bool was_met(const char *name)
{
    for (int i = 0; i < n_met; i++)
        if (strncmp(met[i], name, strlen(name)) == 0)
            return true;
    return false;
}

static bool run(const case_data *d, const bp_graph *g, int threads, int level,
                const char *no_pass, const char *no_kernel,
                compiled_result *r)
{
    compiled_how how = {threads, (bp_level)level, no_pass, no_kernel, NULL,
                        meet};
    return compiled_run(d, g, &how, r);
}

static void check_adjoints(const case_data *d, compiled_wrt which)
{
    char text[120], why[COMPILED_WHY];
    int n;
    compiled_result want, got, other;
    case_text(d, text);
    bp_graph *g = compiled_graph(d, which, &n);
    if (!g)
        return;
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s: %s", text, bp_graph_error(g));
    if (bp_graph_status(g) != BP_OK || n > COMPILED_MAX) {
        bp_graph_free(g);
        return;
    }
    bool sound = compiled_interpret(d, g, &want);
    bool ran = run(d, g, 1, BP_LEVEL_AUTO, NULL, NULL, &got);
    /* A case with an index out of range, or a result that is not finite, is
     * refused as a whole; values are other tests' concern then. */
    if (sound && ran) {
        T_CHECKF(compiled_agrees(&want, &got, why), "%s: %s", text, why);
        for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++) {
            if (!bp_level_available((bp_level)l))
                continue;
            T_CHECK(run(d, g, l % 3 + 1, l, NULL, NULL, &other));
            T_CHECKF(compiled_same_bits(&got, &other),
                     "%s: bits at level %s", text, bp_level_name((bp_level)l));
            compiled_drop(&other);
        }
        T_CHECK(run(d, g, 2, BP_LEVEL_AUTO, "all", NULL, &other));
        T_CHECKF(compiled_same_bits(&got, &other),
                 "%s: bits without passes", text);
        compiled_drop(&other);
        T_CHECK(run(d, g, 1, BP_LEVEL_AUTO, NULL, "all", &other));
        T_CHECKF(compiled_same_bits(&want, &other),
                 "%s: bits without kernels", text);
        compiled_drop(&other);
    }
    compiled_drop(&want);
    compiled_drop(&got);
    bp_graph_free(g);
}

/* Of the first input alone too: some kernels do no more than that. */
static void check_case(const case_data *d)
{
    check_adjoints(d, COMPILED_ALL);
    if (d->c->n_in > 1)
        check_adjoints(d, COMPILED_FIRST);
}

int main(void)
{
    case_data d;
    for (int i = 0; compiled_large(i, &d); i++) {
        check_case(&d);
        case_free(&d);
    }
    for (int op = 1; op < BP__N_OPS; op++) {
        if (bp__ops[op]->flags & BP__LEAF)
            continue;
        for (int i = 0; i < bp__ops[op]->n_cases; i++) {
            case_draw(&d, (bp__op)op, i, BP_F32, 5);
            check_case(&d);
            case_free(&d);
        }
    }
    for (int op = 1; op < BP__N_OPS; op++)
        for (int back = 0; back < 2; back++) {
            const bp__kernel *const *k = bp__kernels_of_op((bp__op)op, back);
            for (; k && *k; k++)
                T_CHECKF(was_met((*k)->name), "kernel %s was not met",
                         (*k)->name);
        }
    T_CHECK(was_met("chain"));
    return t_end();
}
