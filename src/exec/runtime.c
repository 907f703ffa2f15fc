/* The runtime: threads, level, and the memory that programs share. */
#include "exec/exec.h"

static void free_runtime(bp_runtime *r)
{
    bp_allocator a = r->a;
    bp__pool_free(r->pool);
    bp__free64(&a, r->arena, r->arena_bytes);
    bp__free64(&a, r->scratch, r->scratch_bytes * (size_t)r->threads);
    bp__free(&a, r, sizeof *r);
}

bp_status bp_runtime_new(const bp_runtime_options *options,
                         bp_runtime **runtime, bp_error *err)
{
    bp_runtime_options o = {.size = sizeof o};
    *runtime = NULL;
    if (options) {
        if (options->size < sizeof o)
            return bp__error(err, BP_EARG,
                             "bp_runtime_options.size is %zu: set it to "
                             "sizeof(bp_runtime_options)", options->size);
        o = *options;
    }
    const bp_allocator *a = o.allocator ? o.allocator : &bp__malloc_allocator;
    const bp__cpu *cpu = bp__cpu_get(o.level);
    if (!cpu)
        return bp__error(err, BP_EUNSUPPORTED,
                         "level %s: this build or this processor does not "
                         "have it", bp_level_name(o.level));
    bp_runtime *r = bp__calloc(a, 1, sizeof *r);
    if (!r)
        return bp__oom(err);
    r->a = *a;
    r->cpu = cpu;
    atomic_init(&r->refs, 1);
    bp_status s = bp__pool_new(a, o.threads, &r->pool, err);
    if (s != BP_OK) {
        bp__free(a, r, sizeof *r);
        return s;
    }
    r->threads = bp__pool_threads(r->pool);
    *runtime = r;
    return BP_OK;
}

void bp_runtime_free(bp_runtime *r)
{
    if (r && atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) == 1)
        free_runtime(r);
}

int bp_runtime_threads(const bp_runtime *r)
{
    return r->threads;
}

bp_level bp_runtime_level(const bp_runtime *r)
{
    return r->cpu->level;
}

bp_status bp__runtime_reserve(bp_runtime *r, size_t arena_bytes,
                              size_t scratch_bytes, bp_error *err)
{
    if (arena_bytes > r->arena_bytes) {
        char *arena = bp__alloc64(&r->a, arena_bytes);
        if (!arena)
            return bp__oom(err);
        bp__free64(&r->a, r->arena, r->arena_bytes);
        r->arena = arena;
        r->arena_bytes = arena_bytes;
        r->version++;
    }
    if (scratch_bytes > r->scratch_bytes) {
        char *scratch = bp__alloc64(&r->a,
                                    bp__mul_size(scratch_bytes,
                                                 (size_t)r->threads));
        if (!scratch)
            return bp__oom(err);
        bp__free64(&r->a, r->scratch, r->scratch_bytes * (size_t)r->threads);
        r->scratch = scratch;
        r->scratch_bytes = scratch_bytes;
        r->version++;
    }
    return BP_OK;
}
