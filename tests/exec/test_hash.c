/* The bits of random graphs, as one number: the same from any compiler, level,
 * number of threads, processor and build option. Where a kernel's order of
 * sums changes on purpose, so do the numbers below (and the README's): the
 * test prints the new ones. */
#include "exec/random_graph.h"

#include "exec/exec.h"

static const uint64_t expected[2] = {0xac1a89b5c110ef2c,
                                     0xe3b16e5b3ae48b6a};/* f32, f64 */
enum { FIRST = 1, LAST = 24, STEPS = 2 };

static rg_inputs in;

static uint64_t hash_run(const rg_spec *r, bp_level level, int threads,
                         uint64_t h)
{
    bp_error err = {BP_OK, ""};
    bp_runtime *rt;
    bp_runtime_options ro = {.size = sizeof ro, .threads = threads,
                             .level = level};
    T_OK(bp_runtime_new(&ro, &rt, &err), &err);
    bp_store *st = bp_store_new(NULL);
    bp_graph *g = rg_trace(r, st, 1, RG_ROWS);
    const bp_graph *one = g;
    bp_program *p;
    T_OK(bp_compile(rt, &one, 1, NULL, &p, &err), &err);
    p->serial = threads == 1;
    rg_bind(p, &in, r->dtype);
    for (int i = 0; i < STEPS; i++)
        T_OK(bp_run(p, &err), &err);
    for (size_t k = 0; k < g->n_outputs; k++) {
        size_t bytes;
        const void *data = bp_result(p, g->outputs[k].name, &bytes);
        h = bp__hash(h, data, bytes);
    }
    for (size_t i = 0; i < bp_store_count(st); i++) {
        bp_var_info info;
        bp_store_info(st, i, &info);
        h = bp__hash(h, bp_store_data(st, i), info.bytes);
    }
    bp_graph_free(g);
    bp_program_free(p);
    bp_store_free(st);
    bp_runtime_free(rt);
    return h;
}

static uint64_t hash_all(bp_dtype dtype, bp_level level, int threads)
{
    uint64_t h = BP__HASH_INIT;
    for (int i = FIRST; i <= LAST; i++) {
        rg_spec r = {.seed = (uint64_t)i, .dtype = dtype, .n_ops = 6 + i % 18,
                     .order = 1 + (i % 4 == 3)};
        h = hash_run(&r, level, threads, h);
    }
    return h;
}

int main(void)
{
    rg_draw_inputs(&in);
    for (int l = BP_LEVEL_AUTO; l <= BP_LEVEL_AVX512; l++) {
        if (l != BP_LEVEL_AUTO && !bp_level_available((bp_level)l))
            continue;
        for (int threads = 1; threads <= 2; threads++) {
            uint64_t h = hash_all(BP_F32, (bp_level)l, threads);
            T_CHECKF(h == expected[0], "f32, level %s, %d thread(s): 0x%016llx",
                     bp_level_name((bp_level)l), threads,
                     (unsigned long long)h);
        }
    }
    uint64_t h = hash_all(BP_F64, BP_LEVEL_AUTO, 2);
    T_CHECKF(h == expected[1], "f64: 0x%016llx", (unsigned long long)h);
    return t_end();
}
