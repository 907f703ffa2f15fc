/* Reading and checking safetensors files; writing them. */
#include "fmt/safetensors.h"

#include "fmt/array.h"
#include "fmt/json.h"

/* The format's own limit for the header. */
enum { MAX_HEADER = 100000000 };

static const struct {
    const char *name;
    bp__stored stored;
} st_dtypes[] = {
    {"F32", BP__STORED_F32},   {"F64", BP__STORED_F64},
    {"I32", BP__STORED_I32},   {"U8", BP__STORED_U8},
    {"BOOL", BP__STORED_BOOL}, {"F16", BP__STORED_F16},
    {"BF16", BP__STORED_BF16}, {"I64", BP__STORED_I64},
};

static const char *st_dtype_name(bp_dtype t)
{
    static const char *const names[BP_N_DTYPES] = {"F32", "F64", "I32", "U8",
                                                   "BOOL"};
    return names[t];
}

/* One tensor of the header, before its data is looked at. */
typedef struct st_record {
    bp__st_entry *entry;
    bp__stored stored;
    int64_t begin, end;
} st_record;

typedef struct st_parser {
    bp__safetensors *st;
    const char *path;
    bp_error *err;
} st_parser;

static bp_status st_bad(st_parser *p, const char *name, const char *what)
{
    return bp__error(p->err, BP_EFORMAT,
                     "'%s' is not a sound safetensors file: %s%s%s%s", p->path,
                     name ? "tensor '" : "", name ? name : "",
                     name ? "': " : "", what);
}

static bp_status parse_shape(st_parser *p, const bp__json *v, bp__st_entry *e)
{
    if (!v || v->type != BP__JSON_ARRAY)
        return st_bad(p, e->name, "\"shape\" is not a list");
    if (v->len > BP_MAX_RANK)
        return bp__error(p->err, BP_ELIMIT,
                         "'%s': tensor '%s' has rank %zu; %d is the limit",
                         p->path, e->name, v->len, BP_MAX_RANK);
    for (const bp__json *d = v->child; d; d = d->next) {
        if (!d->is_integer || d->integer < 0)
            return st_bad(p, e->name,
                          "\"shape\" holds something other than "
                          "whole numbers from 0 up");
        e->dims[e->rank++] = d->integer;
    }
    return BP_OK;
}

static bp_status parse_record(st_parser *p, const bp__json *v, st_record *r)
{
    bp__st_entry *e = r->entry;
    e->name = v->key;
    if (v->type != BP__JSON_OBJECT)
        return st_bad(p, e->name, "its header entry is not an object");
    const bp__json *dtype = bp__json_get(v, "dtype");
    const bp__json *offsets = bp__json_get(v, "data_offsets");
    if (v->len != 3 || !dtype || dtype->type != BP__JSON_STRING || !offsets)
        return st_bad(p, e->name,
                      "its header entry must hold \"dtype\", "
                      "\"shape\" and \"data_offsets\"");
    bp_status s = parse_shape(p, bp__json_get(v, "shape"), e);
    if (s)
        return s;
    size_t i = 0;
    while (i < BP__ARRAY_LEN(st_dtypes) &&
           strcmp(st_dtypes[i].name, dtype->string) != 0)
        i++;
    if (i == BP__ARRAY_LEN(st_dtypes))
        return bp__error(p->err, BP_EDTYPE,
                         "'%s': tensor '%s' has the element type %s; F32, "
                         "F64, I32, U8, BOOL, F16, BF16 and I64 can be read",
                         p->path, e->name, dtype->string);
    r->stored = st_dtypes[i].stored;
    e->dtype = bp__stored_dtype(r->stored);
    const bp__json *b = offsets->child, *f = b ? b->next : NULL;
    if (offsets->type != BP__JSON_ARRAY || offsets->len != 2 ||
        !b->is_integer || !f->is_integer || b->integer < 0 ||
        f->integer < b->integer)
        return st_bad(p, e->name,
                      "\"data_offsets\" are not two positions in "
                      "order");
    r->begin = b->integer;
    r->end = f->integer;
    int64_t n = bp__dims_numel(e->rank, e->dims, 8);
    if (n < 0 || n * (int64_t)bp__stored_bytes(r->stored) != r->end - r->begin)
        return st_bad(p, e->name,
                      "its shape and element type do not fit the "
                      "size of its data");
    e->bytes = (size_t)n * bp_dtype_bytes(e->dtype);
    return BP_OK;
}

static bp_status parse_meta(st_parser *p, const bp__json *v)
{
    bp__safetensors *st = p->st;
    if (v->type != BP__JSON_OBJECT)
        return st_bad(p, NULL, "\"__metadata__\" is not an object");
    st->meta = bp__arena_array(&st->arena, v->len, sizeof *st->meta);
    if (!st->meta)
        return bp__oom(p->err);
    for (const bp__json *m = v->child; m; m = m->next) {
        if (m->type != BP__JSON_STRING)
            return st_bad(p, NULL,
                          "\"__metadata__\" holds something other "
                          "than strings");
        st->meta[st->n_meta++] = (bp__st_meta){m->key, m->string};
    }
    return BP_OK;
}

/* By offset; empty tensors at one offset stay in the header's order. Sorts
 * bottom-up by merging into `spare`; returns the array that holds the result.
 */
static st_record *sort_records(st_record *r, st_record *spare, size_t n)
{
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t lo = 0; lo < n; lo += 2 * width) {
            size_t mid = BP__MIN(lo + width, n);
            size_t hi = BP__MIN(lo + 2 * width, n);
            size_t i = lo, j = mid;
            for (size_t k = lo; k < hi; k++) {
                /* An empty tensor comes before a full one at its place. */
                bool right =
                    i == mid ||
                    (j < hi &&
                     (r[j].begin < r[i].begin ||
                      (r[j].begin == r[i].begin && r[j].end < r[i].end)));
                spare[k] = right ? r[j++] : r[i++];
            }
        }
        st_record *t = r;
        r = spare;
        spare = t;
    }
    return r;
}

static bp_status read_tensor(st_parser *p, const st_record *r,
                             const unsigned char *data, bp__st_entry *to)
{
    *to = *r->entry;
    void *copy = bp__arena_alloc(&p->st->arena, to->bytes);
    if (!copy)
        return bp__oom(p->err);
    int64_t n = (r->end - r->begin) / (int64_t)bp__stored_bytes(r->stored);
    int64_t at;
    if (!bp__convert_stored(r->stored, false, data + r->begin, n, copy, &at)) {
        if (r->stored == BP__STORED_BOOL)
            return st_bad(p, to->name, "a truth value is neither 0 nor 1");
        return bp__error(p->err, BP_ERANGE,
                         "'%s': tensor '%s', element %lld: does not fit into "
                         "32 bits",
                         p->path, to->name, (long long)at);
    }
    to->data = copy;
    return BP_OK;
}

static bp_status parse_header(st_parser *p, const bp__json *header,
                              const unsigned char *data, int64_t data_bytes)
{
    bp__safetensors *st = p->st;
    bp__arena *ar = &st->arena;
    size_t n = header->len;
    st_record *records = bp__arena_array(ar, n, sizeof *records);
    st_record *spare = bp__arena_array(ar, n, sizeof *spare);
    bp__st_entry *parsed = bp__arena_array(ar, n, sizeof *parsed);
    st->entries = bp__arena_array(ar, n, sizeof *st->entries);
    if (!st->entries)
        return bp__oom(p->err);
    size_t k = 0;
    for (const bp__json *v = header->child; v; v = v->next) {
        bp_status s;
        if (strcmp(v->key, "__metadata__") == 0) {
            s = parse_meta(p, v);
        } else {
            records[k].entry = &parsed[k];
            s = parse_record(p, v, &records[k]);
            k++;
        }
        if (s)
            return s;
    }
    records = sort_records(records, spare, k);
    int64_t at = 0;
    for (size_t i = 0; i < k; i++) {
        const char *name = records[i].entry->name;
        if (records[i].begin < at)
            return st_bad(p, name, "its data overlaps another tensor's");
        if (records[i].begin > at)
            return st_bad(p, name, "there is a hole before its data");
        at = records[i].end;
        if (at > data_bytes)
            return st_bad(p, name,
                          "the file ends before its data does "
                          "(truncated)");
    }
    if (at != data_bytes)
        return st_bad(p, NULL, "there are bytes after the last tensor");
    for (size_t i = 0; i < k; i++) {
        bp_status s = read_tensor(p, &records[i], data, &st->entries[i]);
        if (s)
            return s;
        st->n_entries++;
    }
    return BP_OK;
}

static bp_status parse_file(st_parser *p, const unsigned char *bytes, size_t n)
{
    if (n < 8)
        return st_bad(p, NULL, "shorter than 8 bytes");
    uint64_t length = 0;
    for (int i = 0; i < 8; i++)
        length |= (uint64_t)bytes[i] << 8 * i;
    if (length > MAX_HEADER || length > n - 8)
        return st_bad(p, NULL,
                      "its header is longer than the file or the "
                      "format allows");
    const unsigned char *data = bytes + 8 + length;
    if (length == 0 || bytes[8] != '{')
        return st_bad(p, NULL, "its header does not start with '{'");
    const bp__json *header = bp__json_parse(
        &p->st->arena, (const char *)bytes + 8, length, p->path, p->err);
    if (!header)
        return p->err ? p->err->status : BP_EFORMAT;
    return parse_header(p, header, data, (int64_t)(n - 8 - length));
}

bp_status bp__safetensors_parse(const bp_allocator *a, const void *data,
                                size_t bytes, const char *path,
                                bp__safetensors *st, bp_error *err)
{
    memset(st, 0, sizeof *st);
    bp__arena_init(&st->arena, a);
    bp_error own = {0};
    st_parser p = {st, path, err ? err : &own};
    bp_status s = parse_file(&p, data, bytes);
    if (s)
        bp__safetensors_free(st);
    return s;
}

bp_status bp__safetensors_read(const bp__fs *fs, const bp_allocator *a,
                               const char *path, bp__safetensors *st,
                               bp_error *err)
{
    memset(st, 0, sizeof *st);
    bp__file_data f;
    bp_status s = bp__file_read(fs, a, path, false, 0, &f, err);
    if (!s)
        s = bp__safetensors_parse(a, f.data, f.bytes, path, st, err);
    bp__file_free(a ? a : &bp__malloc_allocator, &f);
    return s;
}

void bp__safetensors_free(bp__safetensors *st)
{
    if (st->arena.a.fn)
        bp__arena_free(&st->arena);
    memset(st, 0, sizeof *st);
}

const bp__st_entry *bp__safetensors_find(const bp__safetensors *st,
                                         const char *name)
{
    for (size_t i = 0; i < st->n_entries; i++)
        if (strcmp(st->entries[i].name, name) == 0)
            return &st->entries[i];
    return NULL;
}

const char *bp__safetensors_meta(const bp__safetensors *st, const char *key)
{
    for (size_t i = 0; i < st->n_meta; i++)
        if (strcmp(st->meta[i].key, key) == 0)
            return st->meta[i].value;
    return NULL;
}

/* ---- writing ------------------------------------------------------------ */

static bp_status check_entries(const bp_allocator *a, const char *path,
                               const bp__st_entry *e, size_t n, bp_error *err)
{
    size_t size = 4;
    while (size < 2 * n)
        size *= 2;
    /* A hash table of 1 + index, to find equal names. */
    size_t *table = bp__calloc(a, size, sizeof *table);
    if (!table)
        return bp__oom(err);
    bp_status s = BP_OK;
    for (size_t i = 0; i < n && !s; i++) {
        const char *name = e[i].name;
        int64_t numel = bp__dims_numel(e[i].rank, e[i].dims, 8);
        if (!name[0] || strcmp(name, "__metadata__") == 0)
            s = bp__error(err, BP_EARG, "'%s': a tensor cannot be named '%s'",
                          path, name);
        else if (bp_dtype_bytes(e[i].dtype) == 0 || numel < 0 ||
                 (size_t)numel * bp_dtype_bytes(e[i].dtype) != e[i].bytes)
            s = bp__error(err, BP_EARG,
                          "'%s': tensor '%s': %zu bytes do not fit its shape",
                          path, name, e[i].bytes);
        uint64_t h = bp__hash(BP__HASH_INIT, name, strlen(name));
        size_t at = (size_t)(h ^ h >> 32) & (size - 1);
        for (; table[at] && !s; at = (at + 1) & (size - 1))
            if (strcmp(e[table[at] - 1].name, name) == 0)
                s = bp__error(err, BP_EARG, "'%s': two tensors named '%s'",
                              path, name);
        table[at] = i + 1;
    }
    bp__free(a, table, size * sizeof *table);
    return s;
}

static void write_meta(bp__json_writer *w, const bp__st_meta *meta, size_t n)
{
    bp__jw_object(w, "__metadata__");
    for (size_t i = 0; i < n; i++)
        bp__jw_string(w, meta[i].key, meta[i].value);
    bp__jw_end_object(w);
}

static void write_record(bp__json_writer *w, const bp__st_entry *e,
                         uint64_t offset)
{
    bp__jw_object(w, e->name);
    bp__jw_string(w, "dtype", st_dtype_name(e->dtype));
    bp__jw_array(w, "shape");
    for (int i = 0; i < e->rank; i++)
        bp__jw_int(w, NULL, e->dims[i]);
    bp__jw_end_array(w);
    bp__jw_array(w, "data_offsets");
    bp__jw_int(w, NULL, (int64_t)offset);
    bp__jw_int(w, NULL, (int64_t)(offset + e->bytes));
    bp__jw_end_array(w);
    bp__jw_end_object(w);
}

static void put_data(bp__writer *w, const bp__st_entry *e)
{
    size_t size = bp_dtype_bytes(e->dtype);
    if (!bp__is_big_endian() || size == 1) {
        bp__writer_put(w, e->data, e->bytes);
        return;
    }
    unsigned char chunk[4096];
    for (size_t at = 0; at < e->bytes; at += sizeof chunk) {
        size_t n = BP__MIN(sizeof chunk, e->bytes - at);
        memcpy(chunk, (const char *)e->data + at, n);
        bp__little_endian(chunk, n / size, size);
        bp__writer_put(w, chunk, n);
    }
}

/* Elements of 8, 4 and 1 bytes in that order, so that all are aligned. */
static const size_t st_sizes[3] = {8, 4, 1};

bp_status bp__safetensors_write(const bp__fs *fs, const bp_allocator *a,
                                const char *path, const bp__st_entry *entries,
                                size_t n_entries, const bp__st_meta *meta,
                                size_t n_meta, bp_error *err)
{
    a = a ? a : &bp__malloc_allocator;
    bp_status s = check_entries(a, path, entries, n_entries, err);
    if (s)
        return s;
    bp__str header;
    bp__str_init(&header, a);
    bp__json_writer w;
    bp__jw_init(&w, &header);
    bp__jw_object(&w, NULL);
    if (n_meta)
        write_meta(&w, meta, n_meta);
    uint64_t offset = 0;
    for (int k = 0; k < 3; k++)
        for (size_t i = 0; i < n_entries; i++)
            if (bp_dtype_bytes(entries[i].dtype) == st_sizes[k]) {
                write_record(&w, &entries[i], offset);
                offset += entries[i].bytes;
            }
    bp__jw_end_object(&w);
    while (!header.failed && header.len % 8)
        bp__str_add(&header, " ", 1);
    if (header.failed) {
        bp__str_free(&header);
        return bp__oom(err);
    }
    unsigned char length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)header.len >> 8 * i);
    bp__writer out;
    bp__writer_open(&out, fs, a, path);
    bp__writer_put(&out, length, sizeof length);
    bp__writer_put(&out, header.s, header.len);
    for (int k = 0; k < 3; k++)
        for (size_t i = 0; i < n_entries; i++)
            if (bp_dtype_bytes(entries[i].dtype) == st_sizes[k])
                put_data(&out, &entries[i]);
    bp__str_free(&header);
    return bp__writer_commit(&out, err);
}
