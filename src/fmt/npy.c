/* .npy: magic, version, header length, a header that looks like a Python
 * dictionary, then the elements. */
#include "fmt/npy.h"

#include "fmt/array.h"

static const char npy_magic[6] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};

typedef struct npy_header {
    bp__stored stored;
    bool big_endian, fortran;
    int rank;
    int64_t dims[BP_MAX_RANK];
    bool has_descr, has_order, has_shape;
} npy_header;

typedef struct npy_reader {
    const char *p, *end;
    const char *path;
    bp_error *err;
} npy_reader;

static bp_status npy_bad(npy_reader *r, const char *what)
{
    return bp__error(r->err, BP_EFORMAT, "'%s' is not a sound .npy file: %s",
                     r->path, what);
}

static void npy_blanks(npy_reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n'))
        r->p++;
}

static bool npy_next(npy_reader *r, char c)
{
    npy_blanks(r);
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

/* 'text', without escapes: none of the known keys and types has any. */
static bool npy_quoted(npy_reader *r, char *out, size_t room)
{
    npy_blanks(r);
    char quote = r->p < r->end ? *r->p : '\0';
    if (quote != '\'' && quote != '"')
        return false;
    r->p++;
    size_t n = 0;
    for (; r->p < r->end && *r->p != quote; r->p++)
        if (n + 1 < room)
            out[n++] = *r->p;
    out[n] = '\0';
    return npy_next(r, quote);
}

static bp_status npy_descr(npy_reader *r, npy_header *h)
{
    static const struct {
        const char *name;
        bp__stored stored;
    } types[] = {{"f4", BP__STORED_F32},  {"f8", BP__STORED_F64},
                 {"i4", BP__STORED_I32},  {"u1", BP__STORED_U8},
                 {"b1", BP__STORED_BOOL}, {"f2", BP__STORED_F16},
                 {"i1", BP__STORED_I8},   {"i2", BP__STORED_I16},
                 {"i8", BP__STORED_I64},  {"u2", BP__STORED_U16},
                 {"u4", BP__STORED_U32},  {"u8", BP__STORED_U64}};
    char text[40];
    bool plain = npy_quoted(r, text, sizeof text);
    if (plain && strchr("<>|=", text[0]) && text[0])
        for (size_t i = 0; i < BP__ARRAY_LEN(types); i++)
            if (strcmp(text + 1, types[i].name) == 0) {
                h->stored = types[i].stored;
                h->big_endian =
                    text[0] == '>' || (text[0] == '=' && bp__is_big_endian());
                h->has_descr = true;
                return BP_OK;
            }
    return bp__error(r->err, BP_EDTYPE,
                     "'%s' holds elements of the type %s%s%s; f4, f8, f2, i1, "
                     "i2, i4, i8, u1, u2, u4, u8 and b1 can be read",
                     r->path, plain ? "'" : "",
                     plain ? text : "of a structure", plain ? "'" : "");
}

static bp_status npy_shape(npy_reader *r, npy_header *h)
{
    if (!npy_next(r, '('))
        return npy_bad(r, "its shape is not in parentheses");
    h->has_shape = true;
    while (!npy_next(r, ')')) {
        npy_blanks(r);
        char digits[24];
        size_t n = 0;
        while (r->p < r->end && *r->p >= '0' && *r->p <= '9' &&
               n + 1 < sizeof digits)
            digits[n++] = *r->p++;
        digits[n] = '\0';
        if (r->p < r->end && *r->p == 'L')
            r->p++;
        if (h->rank == BP_MAX_RANK)
            return bp__error(r->err, BP_ELIMIT,
                             "'%s' has more than %d axes, which is the limit",
                             r->path, BP_MAX_RANK);
        if (!bp__parse_int64(digits, &h->dims[h->rank++]))
            return npy_bad(r, "its shape holds something other than whole "
                              "numbers from 0 up");
        if (!npy_next(r, ',')) {
            if (!npy_next(r, ')'))
                return npy_bad(r, "its shape does not end");
            return BP_OK;
        }
    }
    return BP_OK;
}

static bool npy_word(npy_reader *r, const char *word)
{
    size_t n = strlen(word);
    npy_blanks(r);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
        return false;
    r->p += n;
    return true;
}

static bp_status npy_dictionary(npy_reader *r, npy_header *h)
{
    if (!npy_next(r, '{'))
        return npy_bad(r, "its header is not a dictionary");
    while (!npy_next(r, '}')) {
        char key[40];
        if (!npy_quoted(r, key, sizeof key) || !npy_next(r, ':'))
            return npy_bad(r, "its header is not a dictionary of names");
        bp_status s = BP_OK;
        if (strcmp(key, "descr") == 0) {
            s = npy_descr(r, h);
        } else if (strcmp(key, "shape") == 0 && !h->has_shape) {
            s = npy_shape(r, h);
        } else if (strcmp(key, "fortran_order") == 0) {
            h->has_order = true;
            h->fortran = npy_word(r, "True");
            if (!h->fortran && !npy_word(r, "False"))
                s = npy_bad(r, "fortran_order is neither True nor False");
        } else {
            s = npy_bad(r, "its header holds an unknown or repeated key");
        }
        if (s)
            return s;
        if (!npy_next(r, ',')) {
            if (!npy_next(r, '}'))
                return npy_bad(r, "its header does not end");
            break;
        }
    }
    npy_blanks(r);
    if (r->p != r->end)
        return npy_bad(r, "there is text after its header");
    if (!h->has_descr || !h->has_order || !h->has_shape)
        return npy_bad(r, "its header must hold descr, fortran_order and "
                          "shape");
    return BP_OK;
}

/* Element i of the result (C order) is element j of the file. */
static void from_fortran(const npy_header *h, const bp_array *from,
                         bp_array *to)
{
    size_t size = bp_dtype_bytes(from->dtype);
    int64_t stride[BP_MAX_RANK], at[BP_MAX_RANK] = {0}, j = 0, step = 1;
    for (int k = 0; k < h->rank; k++) {
        stride[k] = step;
        step *= h->dims[k];
    }
    for (int64_t i = 0; i < step; i++) {
        memcpy((char *)to->data + (size_t)i * size,
               (char *)from->data + (size_t)j * size, size);
        for (int k = h->rank - 1; k >= 0; k--) {
            j += stride[k];
            if (++at[k] < h->dims[k])
                break;
            j -= stride[k] * h->dims[k];
            at[k] = 0;
        }
    }
}

/* Element i of the file: "[3,1]", in the array's order of axes. */
static const char *npy_place(const npy_header *h, int64_t i, char *buf)
{
    int64_t at[BP_MAX_RANK];
    for (int k = 0; k < h->rank; k++) {
        int a = h->fortran ? k : h->rank - 1 - k;
        at[a] = i % h->dims[a];
        i /= h->dims[a];
    }
    return bp__shape_text(h->rank, at, buf);
}

static bp_status npy_elements(npy_reader *r, const npy_header *h,
                              const bp_allocator *a, const char *data,
                              size_t bytes, bp_array *out)
{
    size_t size = bp__stored_bytes(h->stored);
    int64_t n = bp__dims_numel(h->rank, h->dims, 8);
    if (n < 0)
        return npy_bad(r, "no memory can hold its shape");
    if ((size_t)n * size != bytes)
        return bp__error(r->err, BP_EFORMAT,
                         "'%s' is not a sound .npy file: its shape asks for "
                         "%zu bytes of elements, and %zu follow its header%s",
                         r->path, (size_t)n * size, bytes,
                         (size_t)n * size > bytes ? " (truncated)" : "");
    bp_dtype t = bp__stored_dtype(h->stored);
    bp_status s = bp_array_new(a, t, h->rank, h->dims, out, r->err);
    if (s)
        return s;
    int64_t at;
    char place[200], number[24];
    if (!bp__convert_stored(h->stored, h->big_endian, data, n, out->data,
                            &at)) {
        s = h->stored == BP__STORED_BOOL
                ? npy_bad(r, "a truth value is neither 0 nor 1")
                : bp__error(r->err, BP_ERANGE,
                            "'%s': the whole number at %s is %s: from "
                            "-2147483648 to 2147483647 are possible (i32)",
                            r->path, npy_place(h, at, place),
                            bp__stored_whole(h->stored, h->big_endian, data,
                                             at, number));
    } else if (h->fortran && h->rank > 1) {
        bp_array c;
        s = bp_array_new(a, t, h->rank, h->dims, &c, r->err);
        if (!s) {
            from_fortran(h, out, &c);
            bp_array_free(a, out);
            *out = c;
        }
    }
    if (s)
        bp_array_free(a, out);
    return s;
}

bp_status bp__npy_parse(const bp_allocator *a, const void *data, size_t bytes,
                        const char *path, bp_array *out, bp_error *err)
{
    const char *p = data;
    const unsigned char *u = data;
    npy_reader r = {p, p, path, err};
    memset(out, 0, sizeof *out);
    if (bytes < 10 || memcmp(p, npy_magic, sizeof npy_magic) != 0)
        return npy_bad(&r, "it does not start with \\x93NUMPY");
    int version = u[6];
    if (version < 1 || version > 3 || u[7] != 0)
        return bp__error(err, BP_EVERSION,
                         "'%s' is a .npy file of version %d.%d; 1.0, 2.0 and "
                         "3.0 can be read",
                         path, version, u[7]);
    size_t start = version == 1 ? 10 : 12;
    size_t length = u[8] | (size_t)u[9] << 8;
    if (version > 1 && bytes >= 12)
        length |= (size_t)u[10] << 16 | (size_t)u[11] << 24;
    if (bytes < start || length > bytes - start)
        return npy_bad(&r, "it ends within its header (truncated)");
    r.p = p + start;
    r.end = r.p + length;
    npy_header h;
    memset(&h, 0, sizeof h);
    bp_status s = npy_dictionary(&r, &h);
    if (s)
        return s;
    return npy_elements(&r, &h, a ? a : &bp__malloc_allocator, r.end,
                        bytes - start - length, out);
}

bp_status bp__npy_read(const bp__fs *fs, const bp_allocator *a,
                       const char *path, bp_array *out, bp_error *err)
{
    memset(out, 0, sizeof *out);
    bp__file_data f;
    bp_status s = bp__file_read(fs, a, path, false, 0, &f, err);
    if (!s)
        s = bp__npy_parse(a, f.data, f.bytes, path, out, err);
    bp__file_free(a ? a : &bp__malloc_allocator, &f);
    return s;
}

/* ---- writing ------------------------------------------------------------ */

size_t bp__npy_header(bp_dtype dtype, int rank, const int64_t *dims,
                      char *header)
{
    static const char *const descr[BP_N_DTYPES] = {"<f4", "<f8", "<i4", "|u1",
                                                   "|b1"};
    int at = bp__snprintf(header + 10, BP__NPY_HEADER - 10,
                          "{'descr': '%s', 'fortran_order': False, 'shape': (",
                          descr[dtype]);
    at += 10;
    for (int i = 0; i < rank; i++)
        at += bp__snprintf(header + at, BP__NPY_HEADER - (size_t)at, "%lld,%s",
                           (long long)dims[i], i + 1 < rank ? " " : "");
    if (rank > 1)
        at--; /* the last comma is for one axis only */
    at += bp__snprintf(header + at, BP__NPY_HEADER - (size_t)at, "), }");
    while ((at + 1) % 64)
        header[at++] = ' ';
    header[at++] = '\n';
    memcpy(header, npy_magic, sizeof npy_magic);
    header[6] = 1;
    header[7] = 0;
    header[8] = (char)((at - 10) & 255);
    header[9] = (char)((at - 10) >> 8);
    return (size_t)at;
}

bp_status bp__npy_write(const bp__fs *fs, const bp_allocator *a,
                        const char *path, const bp_array *x, bp_error *err)
{
    size_t size = bp_dtype_bytes(x->dtype);
    int64_t n = x->rank < 0 || x->rank > BP_MAX_RANK
                    ? -1
                    : bp__dims_numel(x->rank, x->dims, 8);
    if (size == 0 || n < 0 || (size_t)n * size != x->bytes)
        return bp__error(err, BP_EARG,
                         "'%s': an array whose bytes do not fit its shape",
                         path);
    char header[BP__NPY_HEADER];
    size_t at = bp__npy_header(x->dtype, x->rank, x->dims, header);
    bp__writer w;
    bp__writer_open(&w, fs, a, path);
    bp__writer_put(&w, header, at);
    if (!bp__is_big_endian() || size == 1) {
        bp__writer_put(&w, x->data, x->bytes);
    } else {
        unsigned char chunk[4096];
        for (size_t k = 0; k < x->bytes; k += sizeof chunk) {
            size_t part = BP__MIN(sizeof chunk, x->bytes - k);
            memcpy(chunk, (const char *)x->data + k, part);
            bp__little_endian(chunk, part / size, size);
            bp__writer_put(&w, chunk, part);
        }
    }
    return bp__writer_commit(&w, err);
}

bp_status bp_npy_load(const bp_allocator *a, const char *path, bp_array *out,
                      bp_error *err)
{
    return bp__npy_read(NULL, a, path, out, err);
}

bp_status bp_npy_save(const char *path, const bp_array *x, bp_error *err)
{
    return bp__npy_write(NULL, NULL, path, x, err);
}
