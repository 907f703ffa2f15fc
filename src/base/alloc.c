/* Allocation through the caller's allocator; overflow counts as failure. */
#include "base/base.h"

#include <stdlib.h>

static void *malloc_fn(void *user, void *ptr, size_t old_bytes,
                       size_t new_bytes)
{
    (void)user;
    (void)old_bytes;
    if (new_bytes == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_bytes);
}

const bp_allocator bp__malloc_allocator = {malloc_fn, NULL};

size_t bp__mul_size(size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / size)
        return SIZE_MAX;
    return n * size;
}

int64_t bp__dims_numel(int rank, const int64_t *dims, size_t size)
{
    int64_t n = 1; /* of the axes that are not 0: strides are such products */
    bool zero = false;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return -1;
        zero |= dims[i] == 0;
        if (dims[i] == 0)
            continue;
        if (dims[i] > PTRDIFF_MAX / 2 / (int64_t)size / n)
            return -1;
        n *= dims[i];
    }
    return zero ? 0 : n;
}

void *bp__alloc(const bp_allocator *a, size_t bytes)
{
    if (bytes > PTRDIFF_MAX)
        return NULL;
    return a->fn(a->user, NULL, 0, bytes ? bytes : 1);
}

void *bp__calloc(const bp_allocator *a, size_t n, size_t size)
{
    size_t bytes = bp__mul_size(n, size);
    void *p = bp__alloc(a, bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

void *bp__realloc(const bp_allocator *a, void *p, size_t old_bytes,
                  size_t new_bytes)
{
    if (new_bytes > PTRDIFF_MAX)
        return NULL;
    return a->fn(a->user, p, old_bytes ? old_bytes : (p ? 1 : 0),
                 new_bytes ? new_bytes : 1);
}

void bp__free(const bp_allocator *a, void *p, size_t bytes)
{
    if (p)
        a->fn(a->user, p, bytes ? bytes : 1, 0);
}

char *bp__strdup(const bp_allocator *a, const char *s)
{
    size_t n = strlen(s) + 1;
    char *p = bp__alloc(a, n);
    if (p)
        memcpy(p, s, n);
    return p;
}

void bp__strfree(const bp_allocator *a, char *s)
{
    if (s)
        bp__free(a, s, strlen(s) + 1);
}

/* The start of the real block stands in the word before the aligned one. */
void *bp__alloc64(const bp_allocator *a, size_t bytes)
{
    if (bytes > PTRDIFF_MAX - 128)
        return NULL;
    char *raw = bp__alloc(a, bytes + 128);
    if (!raw)
        return NULL;
    uintptr_t at = ((uintptr_t)raw + sizeof(void *) + 63) & ~(uintptr_t)63;
    char *p = raw + (at - (uintptr_t)raw);
    memcpy(p - sizeof(void *), &raw, sizeof raw);
    return p;
}

void bp__free64(const bp_allocator *a, void *p, size_t bytes)
{
    if (!p)
        return;
    void *raw;
    memcpy(&raw, (char *)p - sizeof raw, sizeof raw);
    bp__free(a, raw, bytes + 128);
}

#ifdef BP__HOSTILE
enum { FIRST_CAP = 1 };
#else
enum { FIRST_CAP = 16 };
#endif

bool bp__grow(const bp_allocator *a, void *p, size_t *cap, size_t need,
              size_t size)
{
    if (need <= *cap)
        return true;
    size_t n = *cap ? *cap : FIRST_CAP;
    while (n < need) {
        if (n > SIZE_MAX / 2)
            return false;
        n *= 2;
    }
    void *old;
    memcpy(&old, p, sizeof old);
    size_t bytes = bp__mul_size(n, size);
    void *grown = bp__realloc(a, old, *cap * size, bytes);
    if (!grown)
        return false;
    memcpy(p, &grown, sizeof grown);
    *cap = n;
    return true;
}

uint64_t bp__hash(uint64_t h, const void *p, size_t bytes)
{
    const unsigned char *c = p;
    for (size_t i = 0; i < bytes; i++)
        h = (h ^ c[i]) * 0x100000001b3ull;
    return h;
}
