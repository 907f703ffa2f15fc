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
    bp_runtime_options o;
    *runtime = NULL;
    bp_status s = BP__OPTIONS(&o, options, bp_runtime_options, err);
    if (s)
        return s;
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
    s = bp__pool_new(a, o.threads, &r->pool, err);
    if (s != BP_OK) {
        bp__free(a, r, sizeof *r);
        return s;
    }
    r->threads = bp__pool_threads(r->pool);
    *runtime = r;
    return BP_OK;
}

bp_runtime *bp__runtime_retain(bp_runtime *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
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

/* At least `want` bytes; what was there is lost. Where the old block and the
 * new one do not fit side by side the old one goes first; if even that is not
 * enough, a block of the old size is taken again. */
static bool grow_block(bp_runtime *r, char **block, size_t *bytes, size_t want)
{
    char *new = bp__alloc64(&r->a, want);
    size_t old = *bytes;
    bp__free64(&r->a, *block, old);
    *block = new;
    *bytes = new ? want : 0;
    r->version++;
    if (new)
        return true;
    if ((*block = bp__alloc64(&r->a, want))) {
        *bytes = want;
        return true;
    }
    if (old && (*block = bp__alloc64(&r->a, old)))
        *bytes = old;
    return false;
}

bp_status bp__runtime_reserve(bp_runtime *r, size_t arena_bytes,
                              size_t scratch_bytes, bp_error *err)
{
    size_t scratch = bp__mul_size(scratch_bytes, (size_t)r->threads);
    size_t have = r->scratch_bytes * (size_t)r->threads;
    if (arena_bytes > r->arena_bytes &&
        !grow_block(r, &r->arena, &r->arena_bytes, arena_bytes))
        return bp__oom(err);
    if (scratch_bytes <= r->scratch_bytes)
        return BP_OK;
    bool grown = grow_block(r, &r->scratch, &have, scratch);
    r->scratch_bytes = have / (size_t)r->threads;
    return grown ? BP_OK : bp__oom(err);
}
