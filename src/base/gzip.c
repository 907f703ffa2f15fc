/* Unpacking gzip through zlib, with the caller's allocator. Without zlib the
 * format is refused by name. */
#include "base/file.h"

#ifndef BP__HAVE_ZLIB

bp_status bp__gunzip(const bp_allocator *a, const void *data, size_t bytes,
                     size_t max_bytes, const char *path, bp__file_data *out,
                     bp_error *err)
{
    (void)a;
    (void)data;
    (void)bytes;
    (void)max_bytes;
    memset(out, 0, sizeof *out);
    return bp__error(err, BP_EUNSUPPORTED,
                     "'%s' is packed with gzip, which this library was built "
                     "without (zlib): unpack it first",
                     path);
}

#else

#include <limits.h>
#include <zlib.h>

/* zlib does not say how large the block is that it frees. */
enum { ZBLOCK_HEADER = 16 };

static voidpf zlib_alloc(voidpf user, uInt n, uInt size)
{
    size_t bytes = bp__mul_size(n, size);
    if (bytes > SIZE_MAX - ZBLOCK_HEADER)
        return Z_NULL;
    bytes += ZBLOCK_HEADER;
    char *p = bp__alloc(user, bytes);
    if (!p)
        return Z_NULL;
    memcpy(p, &bytes, sizeof bytes);
    return p + ZBLOCK_HEADER;
}

static void zlib_free(voidpf user, voidpf address)
{
    char *p = (char *)address - ZBLOCK_HEADER;
    size_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    bp__free(user, p, bytes);
}

/* The last member's size stands at the end of the file, modulo 2^32; a
 * starting guess only. */
static size_t guess_size(const unsigned char *p, size_t bytes)
{
    if (bytes < 18)
        return 64;
    const unsigned char *q = p + bytes - 4;
    size_t n =
        q[0] | (size_t)q[1] << 8 | (size_t)q[2] << 16 | (size_t)q[3] << 24;
    return n / 1032 > bytes ? bytes * 4 : n;
}

/* One call of inflate, with as much room as there is (at least one byte). */
static int inflate_some(z_stream *z, bp__file_data *f)
{
    size_t room = f->cap - f->bytes - 1;
    uInt give = (uInt)BP__MIN(room, (size_t)UINT_MAX / 2);
    z->next_out = f->data + f->bytes;
    z->avail_out = give;
    int r = inflate(z, Z_NO_FLUSH);
    f->bytes += give - z->avail_out;
    return r;
}

static bp_status bad_gzip(bp_error *err, const char *path, const char *what)
{
    return bp__error(err, BP_EFORMAT, "'%s' is not a sound gzip file: %s",
                     path, what);
}

static bp_status inflate_all(z_stream *z, const bp_allocator *a,
                             const unsigned char *data, size_t bytes,
                             size_t max_bytes, const char *path,
                             bp__file_data *f, bp_error *err)
{
    const unsigned char *end = data + bytes;
    z->next_in = (z_const Bytef *)(uintptr_t)data;
    for (;;) {
        if (z->avail_in == 0)
            z->avail_in = (uInt)BP__MIN((size_t)(end - z->next_in),
                                        (size_t)UINT_MAX / 2);
        if (f->cap - f->bytes < 2 &&
            !bp__grow(a, &f->data, &f->cap, f->cap + 4096, 1))
            return bp__oom(err);
        int r = inflate_some(z, f);
        if (max_bytes && f->bytes > max_bytes)
            return bp__error(err, BP_ELIMIT,
                             "'%s' unpacks to more than %zu bytes", path,
                             max_bytes);
        if (r == Z_MEM_ERROR)
            return bp__oom(err);
        if (r == Z_STREAM_END) {
            while (z->next_in < end && *z->next_in == 0)
                z->next_in++; /* padding */
            if (z->next_in == end)
                return BP_OK;
            z->avail_in = 0; /* another member, counted anew */
            if (inflateReset(z) != Z_OK)
                return bad_gzip(err, path, "broken state");
            continue;
        }
        if (r == Z_BUF_ERROR && z->next_in == end)
            return bad_gzip(err, path, "it ends too early (truncated)");
        if (r != Z_OK && r != Z_BUF_ERROR)
            return bad_gzip(err, path, z->msg ? z->msg : "damaged data");
    }
}

bp_status bp__gunzip(const bp_allocator *a, const void *data, size_t bytes,
                     size_t max_bytes, const char *path, bp__file_data *out,
                     bp_error *err)
{
    memset(out, 0, sizeof *out);
    bp_allocator own = a ? *a : bp__malloc_allocator;
    z_stream z;
    memset(&z, 0, sizeof z);
    z.zalloc = zlib_alloc;
    z.zfree = zlib_free;
    z.opaque = &own;
    int r = inflateInit2(&z, 15 + 16);
    if (r != Z_OK)
        return r == Z_MEM_ERROR
                   ? bp__oom(err)
                   : bp__error(err, BP_EUNSUPPORTED, "zlib does not start: %s",
                               z.msg ? z.msg : "wrong version");
    bp__file_data f = {NULL, 0, 0};
    size_t cap = guess_size(data, bytes);
    if (max_bytes && cap > max_bytes)
        cap = max_bytes;
    cap += 2;
    f.data = bp__alloc(&own, cap);
    bp_status s = BP_OK;
    if (f.data) {
        f.cap = cap;
        s = inflate_all(&z, &own, data, bytes, max_bytes, path, &f, err);
    } else {
        s = bp__oom(err);
    }
    inflateEnd(&z);
    if (s)
        bp__file_free(&own, &f);
    else
        f.data[f.bytes] = '\0';
    *out = f;
    return s;
}

#endif
