/* A data set by epochs, as a source. Its state is two numbers. */
#include "data/data.h"
#include "data/source.h"

typedef struct data_source {
    bp_allocator a;
    bp_data *d;
    bp_loader *l;
    int64_t epoch, index; /* of the batch to come */
    char hash[20];        /* "": not asked for yet */
} data_source;

static void set_field(bp_fields *f, bp_dtype dtype, int rank,
                      const int64_t *dims, int64_t rows, const void *data,
                      size_t bytes)
{
    bp_array *x = &f->field[f->n++];
    *x = (bp_array){.dtype = dtype, .rank = rank + 1, .bytes = bytes,
                    .data = (void *)(uintptr_t)data};
    x->dims[0] = rows;
    for (int i = 0; i < rank; i++)
        x->dims[i + 1] = dims[i];
}

static bp_status data_next(void *self, bp_fields *out, bp_error *err)
{
    data_source *s = self;
    bp_batch b;
    bp_status st = bp_loader_next(s->l, &b, err);
    if (st)
        return st;
    for (size_t i = 0; i < b.n_inputs; i++)
        set_field(out, b.input_dtype[i], b.input_rank[i], b.input_dims[i],
                  b.count, b.input[i], b.input_bytes[i]);
    if (b.target)
        set_field(out, b.target_dtype, b.target_rank, b.target_dims, b.count,
                  b.target, b.target_bytes);
    if (b.mix) {
        if (b.target2)
            set_field(out, b.target_dtype, b.target_rank, b.target_dims,
                      b.count, b.target2, b.target_bytes);
        set_field(out, b.mix_bytes == (size_t)b.count * 8 ? BP_F64 : BP_F32, 0,
                  NULL, b.count, b.mix, b.mix_bytes);
    }
    out->epoch = b.epoch;
    out->index = b.index;
    out->last = b.index + 1 == bp_loader_batches(s->l);
    out->sample = b.sample;
    s->epoch = out->last ? b.epoch + 1 : b.epoch;
    s->index = out->last ? 0 : b.index + 1;
    return BP_OK;
}

static bp_status data_save(void *self, bp_write_fn write, void *to,
                           bp_error *err)
{
    const data_source *s = self;
    char text[60];
    int n = bp__snprintf(text, sizeof text, "%lld %lld", (long long)s->epoch,
                         (long long)s->index);
    return write(to, text, (size_t)n)
               ? bp__error(err, BP_EIO, "the place in the data set could not "
                           "be written")
               : BP_OK;
}

/* A whole number from 0 on that ends before `stop`; -1: it is none. */
static int64_t whole_number(const char **at, const char *stop)
{
    int64_t x = 0;
    const char *p = *at;
    while (p < stop && *p >= '0' && *p <= '9' && x < INT64_MAX / 20)
        x = 10 * x + (*p++ - '0');
    if (p == *at || p - *at > 18)
        return -1;
    *at = p;
    return x;
}

static bp_status data_load(void *self, const void *bytes, size_t n,
                           bp_error *err)
{
    data_source *s = self;
    const char *p = bytes, *stop = p + n;
    int64_t epoch = whole_number(&p, stop), index = -1;
    if (epoch >= 0 && p < stop && *p++ == ' ')
        index = whole_number(&p, stop);
    if (index < 0 || p != stop || index >= bp_loader_batches(s->l))
        return bp__error(err, BP_EFORMAT, "the place in the data set (\"%.*s\") "
                         "must be an epoch, from 0, and a batch, from 0 to "
                         "%lld", (int)BP__MIN(n, (size_t)40),
                         n ? (const char *)bytes : "",
                         (long long)bp_loader_batches(s->l) - 1);
    bp_status st = bp_loader_seek(s->l, epoch, index, err);
    if (!st) {
        s->epoch = epoch;
        s->index = index;
    }
    return st;
}

static bool data_hash(void *self, char hash[20])
{
    data_source *s = self;
    uint64_t h = BP__HASH_INIT;
    if (!s->hash[0]) {
        if (bp__data_hash(s->d, &h, NULL))
            return false;
        bp__snprintf(s->hash, sizeof s->hash, "%016llx",
                     (unsigned long long)h);
    }
    memcpy(hash, s->hash, sizeof s->hash);
    return true;
}

static void data_free(void *self)
{
    data_source *s = self;
    bp_allocator a = s->a;
    bp_loader_free(s->l);
    bp_data_free(s->d);
    bp__free(&a, s, sizeof *s);
}

bp_status bp_source_from_data(bp_data *d, const bp_loader_options *o,
                              bp_source **out, bp_error *err)
{
    /* Made ahead by the loader itself, which then copies nothing. */
    static const bp_source_row row = {
        .size = sizeof row, .name = "data set", .next = data_next,
        .save = data_save, .load = data_load, .hash = data_hash,
        .free = data_free};
    *out = NULL;
    if (!d || !o)
        return bp__error(err, BP_EARG, "bp_source_from_data: a data set and "
                         "options are needed");
    bp_source_options so = {.size = sizeof so, .allocator = o->allocator};
    const bp_allocator *a = o->allocator ? o->allocator
                                         : &bp__malloc_allocator;
    data_source *s = bp__calloc(a, 1, sizeof *s);
    if (!s)
        return bp__oom(err);
    s->a = *a;
    s->d = bp_data_retain(d);
    bp_status st = bp_loader_new(d, o, &s->l, err);
    if (st) {
        data_free(s);
        return st;
    }
    int64_t n = bp_loader_batches(s->l);
    st = bp_source_new(&row, s, &so, out, err);
    if (!st)
        bp__source_set_batches(*out, n);
    return st;
}
