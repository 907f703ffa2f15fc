/* An arena: a chain of blocks, each with the bytes handed out after its
 * header. A request larger than half a block gets a block of its own. */
#include "base/base.h"

#ifdef BP__HOSTILE
enum { BLOCK_BYTES = 64 };
#else
enum { BLOCK_BYTES = 32 * 1024 };
#endif

struct bp__block {
    struct bp__block *next;
    size_t bytes; /* of the whole block, header included */
    size_t used;  /* of the whole block, header included */
};

enum { HEADER = (sizeof(struct bp__block) + 15) / 16 * 16 };

void bp__arena_init(bp__arena *ar, const bp_allocator *a)
{
    memset(ar, 0, sizeof *ar);
    ar->a = a ? *a : bp__malloc_allocator;
}

void bp__arena_free(bp__arena *ar)
{
    struct bp__block *b = ar->blocks;
    while (b) {
        struct bp__block *next = b->next;
        bp__free(&ar->a, b, b->bytes);
        b = next;
    }
    ar->blocks = NULL;
}

static struct bp__block *new_block(bp__arena *ar, size_t bytes)
{
    struct bp__block *b = bp__alloc(&ar->a, bytes);
    if (!b) {
        ar->failed = true;
        return NULL;
    }
    b->bytes = bytes;
    b->used = HEADER;
    return b;
}

/* As bp__arena_alloc, with whatever was in that memory. */
static void *alloc_dirty(bp__arena *ar, size_t bytes)
{
    if (ar->failed || bytes > PTRDIFF_MAX - HEADER - 16) {
        ar->failed = true;
        return NULL;
    }
    bytes = (bytes + 15) / 16 * 16;
    if (bytes == 0)
        bytes = 16;
    struct bp__block *b = ar->blocks;
    if (bytes > BLOCK_BYTES / 2) {
        b = new_block(ar, HEADER + bytes);
        if (!b)
            return NULL;
        /* Behind the first block, which keeps serving small requests. */
        if (ar->blocks) {
            b->next = ar->blocks->next;
            ar->blocks->next = b;
        } else {
            b->next = NULL;
            ar->blocks = b;
        }
    } else if (!b || b->bytes - b->used < bytes) {
        b = new_block(ar, HEADER + BLOCK_BYTES);
        if (!b)
            return NULL;
        b->next = ar->blocks;
        ar->blocks = b;
    }
    void *p = (char *)b + b->used;
    b->used += bytes;
    ar->total += bytes;
    return p;
}

void *bp__arena_alloc(bp__arena *ar, size_t bytes)
{
    void *p = alloc_dirty(ar, bytes);
    if (p && bytes)
        memset(p, 0, bytes);
    return p;
}

void *bp__arena_array(bp__arena *ar, size_t n, size_t size)
{
    return bp__arena_alloc(ar, bp__mul_size(n, size));
}

void *bp__arena_copy(bp__arena *ar, const void *p, size_t bytes)
{
    void *q = alloc_dirty(ar, bytes);
    if (q && bytes)
        memcpy(q, p, bytes);
    return q;
}

char *bp__arena_strdup(bp__arena *ar, const char *s)
{
    return bp__arena_copy(ar, s, strlen(s) + 1);
}

char *bp__arena_printf(bp__arena *ar, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = bp__vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (n < 0)
        return NULL;
    char *s = bp__arena_alloc(ar, (size_t)n + 1);
    if (!s)
        return NULL;
    va_start(ap, format);
    bp__vsnprintf(s, (size_t)n + 1, format, ap);
    va_end(ap);
    return s;
}
