/* Arrays in memory, and elements of files turned into theirs. */
#include "fmt/array.h"

const char *bp__shape_text(int rank, const int64_t *dims, char *buf)
{
    int at = bp__snprintf(buf, 200, "[");
    for (int i = 0; i < rank && at < 170; i++)
        at += bp__snprintf(buf + at, (size_t)(200 - at), i ? ",%lld" : "%lld",
                           (long long)dims[i]);
    bp__snprintf(buf + at, (size_t)(200 - at), "]");
    return buf;
}

const char *bp__place_text(int rank, const int64_t *dims, int64_t k,
                           char *buf)
{
    int64_t at[BP_MAX_RANK];
    char text[200];
    buf[0] = '\0';
    for (int i = rank - 1; i >= 0; i--) {
        at[i] = dims[i] ? k % dims[i] : 0;
        k = dims[i] ? k / dims[i] : 0;
    }
    if (rank)
        bp__snprintf(buf, 200, " at %s", bp__shape_text(rank, at, text));
    return buf;
}

/* ---- elements ------------------------------------------------------------ */

double bp__element(bp_dtype t, const void *data, int64_t i)
{
    switch (t) {
    case BP_F32:
        return (double)((const float *)data)[i];
    case BP_F64:
        return ((const double *)data)[i];
    case BP_I32:
        return ((const int32_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

bool bp__is_whole(bp_dtype t)
{
    return t == BP_I32 || t == BP_U8 || t == BP_BOOL;
}

const char *bp__whole_range(bp_dtype t)
{
    return t == BP_I32  ? "from -2147483648 to 2147483647"
           : t == BP_U8 ? "from 0 to 255"
                        : "0 or 1";
}

bool bp__put_whole(bp_dtype t, void *data, int64_t i, double x)
{
    double low = t == BP_I32 ? INT32_MIN : 0;
    double high = t == BP_I32 ? INT32_MAX : t == BP_U8 ? 255 : 1;
    if (!(x >= low && x <= high))
        return false;
    int32_t v = (int32_t)x;
    if (t == BP_I32)
        ((int32_t *)data)[i] = v;
    else
        ((uint8_t *)data)[i] = (uint8_t)v;
    return (double)v == x;
}

bp_status bp_array_new(const bp_allocator *a, bp_dtype dtype, int rank,
                       const int64_t *dims, bp_array *out, bp_error *err)
{
    memset(out, 0, sizeof *out);
    if (bp_dtype_bytes(dtype) == 0)
        return bp__error(err, BP_EARG, "unknown element type %d", (int)dtype);
    if (rank < 0 || rank > BP_MAX_RANK)
        return bp__error(err, BP_ELIMIT, "rank %d: 0 to %d are possible", rank,
                         BP_MAX_RANK);
    char text[200];
    int64_t n = bp__dims_numel(rank, dims, bp_dtype_bytes(dtype));
    if (n < 0)
        return bp__error(err, BP_EARG, "no array can have the shape %s",
                         bp__shape_text(rank, dims, text));
    size_t bytes = (size_t)n * bp_dtype_bytes(dtype);
    a = a ? a : &bp__malloc_allocator;
    void *data = bp__alloc64(a, bytes);
    if (!data)
        return bp__oom(err);
    memset(data, 0, bytes);
    out->dtype = dtype;
    out->rank = rank;
    for (int i = 0; i < rank; i++)
        out->dims[i] = dims[i];
    out->data = data;
    out->bytes = bytes;
    return BP_OK;
}

void bp_array_free(const bp_allocator *a, bp_array *x)
{
    if (!x)
        return;
    bp__free64(a ? a : &bp__malloc_allocator, x->data, x->bytes);
    memset(x, 0, sizeof *x);
}

/* ---- elements of files ---------------------------------------------------*/

static const struct {
    uint8_t bytes, dtype;
} stored_table[] = {
    [BP__STORED_F16] = {2, BP_F32},   [BP__STORED_BF16] = {2, BP_F32},
    [BP__STORED_F32] = {4, BP_F32},   [BP__STORED_F64] = {8, BP_F64},
    [BP__STORED_I8] = {1, BP_I32},    [BP__STORED_I16] = {2, BP_I32},
    [BP__STORED_I32] = {4, BP_I32},   [BP__STORED_I64] = {8, BP_I32},
    [BP__STORED_U8] = {1, BP_U8},     [BP__STORED_U16] = {2, BP_I32},
    [BP__STORED_U32] = {4, BP_I32},   [BP__STORED_U64] = {8, BP_I32},
    [BP__STORED_BOOL] = {1, BP_BOOL},
};

size_t bp__stored_bytes(bp__stored s)
{
    return stored_table[s].bytes;
}

bp_dtype bp__stored_dtype(bp__stored s)
{
    return (bp_dtype)stored_table[s].dtype;
}

/* IEEE half to float, exactly. */
static float half_to_float(uint32_t h)
{
    uint32_t sign = (h & 0x8000) << 16, e = h >> 10 & 31, m = h & 0x3ff;
    float x;
    uint32_t bits = e == 31 ? sign | 0x7f800000 | m << 13
                            : sign | (e + 112) << 23 | m << 13;
    if (e == 0) {
        x = (float)m * 0x1p-24f;
        return sign ? -x : x;
    }
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint64_t load_unsigned(const unsigned char *p, size_t size,
                              bool big_endian)
{
    uint64_t u = 0;
    for (size_t k = 0; k < size; k++)
        u |= (uint64_t)p[k] << 8 * (big_endian ? size - 1 - k : k);
    return u;
}

static bool convert_whole(bp__stored s, uint64_t u, int32_t *to)
{
    int64_t v;
    switch (s) {
    case BP__STORED_I8:
        v = (int8_t)u;
        break;
    case BP__STORED_I16:
        v = (int16_t)u;
        break;
    case BP__STORED_I32:
        v = (int32_t)u;
        break;
    case BP__STORED_U64:
        if (u > INT32_MAX)
            return false;
        v = (int64_t)u;
        break;
    default:
        v = (int64_t)u;
    }
    if (v < INT32_MIN || v > INT32_MAX)
        return false;
    *to = (int32_t)v;
    return true;
}

const char *bp__stored_whole(bp__stored s, bool big_endian, const void *from,
                             int64_t i, char *buf)
{
    size_t size = stored_table[s].bytes;
    uint64_t u = load_unsigned((const unsigned char *)from + (size_t)i * size,
                               size, big_endian);
    if (s == BP__STORED_I64)
        bp__snprintf(buf, 24, "%lld", (long long)(int64_t)u);
    else
        bp__snprintf(buf, 24, "%llu", (unsigned long long)u);
    return buf;
}

bool bp__convert_stored(bp__stored s, bool big_endian, const void *from,
                        int64_t n, void *to, int64_t *at)
{
    const unsigned char *p = from;
    size_t size = stored_table[s].bytes;
    bool as_is = big_endian == bp__is_big_endian() || size == 1;
    if (as_is && (s == BP__STORED_F32 || s == BP__STORED_F64 ||
                  s == BP__STORED_I32 || s == BP__STORED_U8)) {
        if (n)
            memcpy(to, from, (size_t)n * size);
        return true;
    }
    for (int64_t i = 0; i < n; i++, p += size) {
        uint64_t u = load_unsigned(p, size, big_endian);
        bool ok = true;
        if (s == BP__STORED_F64) {
            memcpy((double *)to + i, &u, 8);
        } else if (s == BP__STORED_F32 || s == BP__STORED_BF16) {
            uint32_t bits = (uint32_t)u << (s == BP__STORED_BF16 ? 16 : 0);
            memcpy((float *)to + i, &bits, 4);
        } else if (s == BP__STORED_F16) {
            ((float *)to)[i] = half_to_float((uint32_t)u);
        } else if (s == BP__STORED_BOOL) {
            ok = u <= 1;
            ((uint8_t *)to)[i] = u != 0;
        } else {
            ok = convert_whole(s, u, (int32_t *)to + i);
        }
        if (!ok) {
            *at = i;
            return false;
        }
    }
    return true;
}
