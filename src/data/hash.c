/* The hash of a data set: of its numbers and shapes, wherever they are kept. */
#include "data/data.h"
#include "data/source.h"

#include "fmt/array.h"

static uint64_t hash_number(uint64_t h, int64_t x, size_t bytes)
{
    unsigned char b[8];
    for (size_t i = 0; i < bytes; i++)
        b[i] = (unsigned char)((uint64_t)x >> 8 * i);
    return bp__hash(h, b, bytes);
}

/* Eight bytes of an array as they stand in a file, which is little-endian. */
static uint64_t word_at(const unsigned char *p, size_t size)
{
    uint32_t half[2];
    uint64_t w = 0;
    if (size == 8) {
        memcpy(&w, p, sizeof w);
    } else if (size == 4) {
        memcpy(half, p, sizeof half);
        w = half[0] | (uint64_t)half[1] << 32;
    } else {
        for (int k = 7; k >= 0; k--)
            w = w << 8 | p[k];
    }
    return w;
}

static uint64_t hash_array(uint64_t h, const bp_array *x)
{
    h = hash_number(h, x->rank, 4);
    for (int i = 0; i < x->rank; i++)
        h = hash_number(h, x->dims[i], 8);
    /* Four interleaved streams: FNV is one multiplication a byte. */
    const unsigned char *p = x->data;
    size_t size = bp_dtype_bytes(x->dtype), n = x->bytes / 8;
    uint64_t lane[4] = {h, h ^ 1, h ^ 2, h ^ 3};
    for (size_t i = 0; i < n; i++) {
        lane[i % 4] = (lane[i % 4] ^ word_at(p + 8 * i, size)) *
                      0x100000001b3ull;
        lane[i % 4] ^= lane[i % 4] >> 29;
    }
    for (int k = 0; k < 4; k++)
        h = hash_number(h, (int64_t)lane[k], 8);
    if (x->bytes % 8 && size == 4) {
        uint32_t last;
        memcpy(&last, p + 8 * n, sizeof last);
        return hash_number(h, last, 4);
    }
    return bp__hash(h, p + 8 * n, x->bytes - 8 * n);
}

/* Of a file's samples: that of an array with their hashes. */
static bp_status hash_rows(const bp_data *d, uint64_t *h,
                           size_t input, const bp_array *view, bp_error *err)
{
    bp_array row = *view;
    row.dims[0] = 1;
    row.bytes = (size_t)bp__dims_numel(view->rank, row.dims, 1) *
                bp_dtype_bytes(view->dtype);
    row.data = bp__alloc(&d->a, row.bytes);
    bp_status st = row.data ? BP_OK : bp__oom(err);
    for (int64_t i = 0; i < view->dims[0] && !st; i++) {
        st = bp_data_read(d, input, i, row.data, err);
        if (!st)
            *h = hash_array(*h, &row);
    }
    bp__free(&d->a, row.data, row.data ? row.bytes : 0);
    return st;
}

bp_status bp__data_hash(const bp_data *d, uint64_t *h, bp_error *err)
{
    bp_array view;
    bp_status st = BP_OK;
    if (!d)
        *h = bp__hash(*h, "none", 4);
    for (size_t i = 0; d && i < bp_data_inputs(d) && !st; i++) {
        if (!bp_data_input(d, i, &view))
            continue;
        if (view.data)
            *h = hash_array(*h, &view);
        else
            st = hash_rows(d, h, i, &view, err);
    }
    if (d && bp_data_target(d, &view))
        *h = hash_array(*h, &view);
    return st;
}
