/* See t.h. */
#include "t.h"

#include <pthread.h>
#include <stdarg.h>
#include <sys/stat.h>

static long checks, failures;

int t_check(int cond, const char *file, int line, const char *format, ...)
{
    checks++;
    if (cond)
        return 1;
    failures++;
    if (failures <= 50) {
        printf("%s:%d: failed: ", file, line);
        va_list ap;
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        printf("\n");
        fflush(stdout);
    }
    return 0;
}

void t_skip(const char *why)
{
    printf("skipped: %s\n", why);
    exit(77);
}

int t_end(void)
{
    printf("%ld checks, %ld failed\n", checks, failures);
    return checks > 0 && failures == 0 ? 0 : 1;
}

static void *heap_step(t_heap *h, void *ptr, size_t old_bytes,
                       size_t new_bytes)
{
    if (new_bytes == 0) {
        if (ptr)
            h->live -= (int64_t)old_bytes;
        free(ptr);
        return NULL;
    }
    int64_t n = h->calls++;
    if (h->fail_at >= 0 &&
        (n == h->fail_at || (h->persistent && n > h->fail_at))) {
        h->failed++;
        return NULL;
    }
    /* Always moves, so that a stale pointer shows. */
    char *p = malloc(new_bytes);
    if (!p)
        return NULL;
    memset(p, 0xA5, new_bytes);
    if (ptr) {
        memcpy(p, ptr, old_bytes < new_bytes ? old_bytes : new_bytes);
        free(ptr);
        h->live -= (int64_t)old_bytes;
    }
    h->live += (int64_t)new_bytes;
    return p;
}

/* Threads of the library allocate, too. */
static void *heap_fn(void *user, void *ptr, size_t old_bytes, size_t new_bytes)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    ptr = heap_step(user, ptr, old_bytes, new_bytes);
    pthread_mutex_unlock(&lock);
    return ptr;
}

bp_allocator t_allocator(t_heap *h)
{
    return (bp_allocator){heap_fn, h};
}

double t_uniform(uint64_t *state, double lo, double hi)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    double u = (double)(*state >> 11) / 9007199254740992.0;
    return lo + (hi - lo) * u;
}

const char *t_shared_data(void)
{
    static char path[1000];
    struct stat st;
    snprintf(path, sizeof path, "%s/../shared/data", BPROP_SOURCE_DIR);
    return stat(path, &st) == 0 ? path : NULL;
}
