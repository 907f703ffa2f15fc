/* What no training stops for, and its owner should know: samples that stand in
 * two sets, or twice, or under two labels; classes that are rare or missing;
 * pictures of one color. One report over all sets, by the hashes of samples: of
 * a million, two different ones look alike with a probability of 3e-8. */
#include "data/data.h"

#include <stdlib.h>

enum { SAME_EXAMPLES = 3, MAX_SETS = 8, UNEVEN = 9 };

typedef struct hashed {
    uint64_t input, whole; /* of the inputs; and of the target too */
    int64_t row;
    int set;
} hashed;

typedef struct example {
    int set[2];
    int64_t row[2];
} example;

typedef struct finding {
    int64_t count;
    int n_at;
    example at[SAME_EXAMPLES];
} finding;

typedef struct same_checker {
    const bp_data *const *sets;
    const char *const *what;
    size_t n_sets;
    bp_data_report *report;
    hashed *h;
    size_t n;
    finding repeat[MAX_SETS];           /* within a set */
    finding shared[MAX_SETS][MAX_SETS]; /* of a later set, in an earlier */
    finding conflict;                   /* one input, two targets */
    finding flat[MAX_SETS];
} same_checker;

/* ---- hashes ---------------------------------------------------------------- */

/* Eight bytes at a time: samples are large. */
static uint64_t hash_bytes(uint64_t h, const unsigned char *p, size_t bytes)
{
    size_t n = bytes / 8;
    for (size_t i = 0; i < n; i++) {
        uint64_t w;
        memcpy(&w, p + 8 * i, 8);
        h = (h ^ w) * 0x9e3779b97f4a7c15ull;
        h ^= h >> 32;
    }
    return bp__hash(h, p + 8 * n, bytes - 8 * n);
}

static bool one_value(const bp_array *x, const void *stored)
{
    const unsigned char *p = stored;
    size_t size = bp_dtype_bytes(x->dtype), n = bp__row_bytes(x) / size;
    for (size_t i = 1; i < n; i++)
        if (memcmp(p, p + i * size, size))
            return false;
    return true;
}

static void note(finding *f, int set0, int64_t row0, int set1, int64_t row1)
{
    int i = f->n_at;
    f->count++;
    /* Those that come first, whatever the order of hashes. */
    for (; i > 0 && (f->at[i - 1].set[0] > set0 ||
                     (f->at[i - 1].set[0] == set0 &&
                      f->at[i - 1].row[0] > row0));
         i--)
        if (i < SAME_EXAMPLES)
            f->at[i] = f->at[i - 1];
    if (i < SAME_EXAMPLES)
        f->at[i] = (example){{set0, set1}, {row0, row1}};
    f->n_at += f->n_at < SAME_EXAMPLES;
}

static bp_status hash_set(same_checker *c, int set, void *scratch,
                          bp_error *err)
{
    const bp_data *d = c->sets[set];
    bool picture = false;
    for (size_t k = 0; k < d->n_inputs; k++)
        picture |= d->input[k].rank >= 3;
    for (int64_t i = 0; i < d->count; i++) {
        hashed *h = &c->h[c->n++];
        bool flat = picture;
        *h = (hashed){.input = BP__HASH_INIT, .row = i, .set = set};
        for (size_t k = 0; k < d->n_inputs; k++) {
            const void *stored;
            bp_status s = bp__data_stored(d, k, i, scratch, &stored, err);
            if (s)
                return s;
            h->input = hash_bytes(h->input, stored, bp__row_bytes(&d->input[k]));
            flat = flat && one_value(&d->input[k], stored);
        }
        h->whole = h->input;
        if (d->kind) {
            size_t bytes = bp__row_bytes(&d->target);
            h->whole = hash_bytes(h->whole, (const unsigned char *)
                                  d->target.data + (size_t)i * bytes, bytes);
        }
        if (flat)
            note(&c->flat[set], set, i, set, i);
    }
    return BP_OK;
}

static int by_hash(const void *a, const void *b)
{
    const hashed *x = a, *y = b;
    if (x->input != y->input)
        return x->input < y->input ? -1 : 1;
    if (x->set != y->set)
        return x->set - y->set;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* h[from .. to) are one sample. Each but the first is counted once: as shared
 * with the earliest other set, else as a repeat. */
static void judge(same_checker *c, size_t from, size_t to)
{
    const hashed *first = &c->h[from];
    bool differ = false;
    for (size_t i = from + 1; i < to; i++) {
        const hashed *x = &c->h[i];
        if (x->set != first->set)
            note(&c->shared[x->set][first->set], x->set, x->row, first->set,
                 first->row);
        else
            note(&c->repeat[x->set], x->set, x->row, first->set, first->row);
        if (x->whole != first->whole && !differ) {
            differ = true;
            note(&c->conflict, first->set, first->row, x->set, x->row);
            c->conflict.count += (int64_t)(to - from) - 1;
        }
    }
    c->report->n_bad += to > from + 1 ? (int64_t)(to - from - 1) : 0;
}

/* ---- telling ---------------------------------------------------------------- */

static void same_line(same_checker *c, const char *format, ...)
    BP__PRINTF(2, 3);

static void same_line(same_checker *c, const char *format, ...)
{
    char *text = c->report->text;
    size_t room = sizeof c->report->text, at = strlen(text);
    va_list ap;
    if (at && at + 1 < room)
        at += (size_t)bp__snprintf(text + at, room - at, "\n");
    va_start(ap, format);
    if (at < room)
        at += (size_t)bp__vsnprintf(text + at, room - at, format, ap);
    va_end(ap);
    if (at >= room)
        memcpy(text + room - 4, "...", 4);
}

/* ": a, b, ..."; buf: 1000 bytes. Of pairs with what each is equal to. */
static const char *examples(const same_checker *c, const finding *f,
                            bool pairs, char *buf)
{
    int at = 0;
    for (int i = 0; i < f->n_at; i++) {
        char a[120], b[120];
        const example *e = &f->at[i];
        bp__data_where(c->sets[e->set[0]], e->row[0], a, sizeof a);
        bp__data_where(c->sets[e->set[1]], e->row[1], b, sizeof b);
        at += bp__snprintf(buf + at, (size_t)(1000 - at), "%s%s%s%s",
                           i ? ", " : ": ", a, pairs ? " = " : "",
                           pairs ? b : "");
    }
    return buf;
}

static void tell_same(same_checker *c)
{
    char buf[1000];
    for (size_t s = 0; s < c->n_sets; s++) {
        const finding *f = &c->repeat[s];
        if (f->count)
            same_line(c, "%s: %lld sample%s equal to an earlier one%s",
                      c->what[s], (long long)f->count,
                      f->count == 1 ? " is" : "s are",
                      examples(c, f, true, buf));
        f = &c->flat[s];
        if (f->count)
            same_line(c, "%s: %lld picture%s of one color%s", c->what[s],
                      (long long)f->count, f->count == 1 ? " is" : "s are",
                      examples(c, f, false, buf));
        for (size_t t = 0; t < s; t++) {
            f = &c->shared[s][t];
            if (f->count)
                same_line(c, "%s: %lld sample%s in %s too%s", c->what[s],
                          (long long)f->count,
                          f->count == 1 ? " is" : "s are", c->what[t],
                          examples(c, f, true, buf));
        }
    }
    if (c->conflict.count)
        same_line(c, "%lld samples have equal inputs and other targets%s",
                  (long long)c->conflict.count,
                  examples(c, &c->conflict, true, buf));
}

static bp_status tell_classes(same_checker *c, const bp_data *d,
                              const char *what, bp_error *err)
{
    if (d->kind != BP_TARGET_CLASS || d->n_classes < 2 ||
        d->n_classes > 100000)
        return BP_OK;
    size_t n = (size_t)d->n_classes;
    int64_t *count = bp__calloc(&d->a, n, sizeof *count);
    if (!count)
        return bp__oom(err);
    int64_t labels = d->count * bp__row_numel(&d->target);
    for (int64_t i = 0; i < labels; i++) {
        int32_t y = ((const int32_t *)d->target.data)[i];
        if (y >= 0)
            count[y]++;
    }
    size_t rare = 0, often = 0, missing = 0;
    for (size_t k = 0; k < n; k++) {
        rare = count[k] < count[rare] ? k : rare;
        often = count[k] > count[often] ? k : often;
        missing += count[k] == 0;
    }
    if (missing)
        same_line(c, "%s: %zu class%s without a sample, the first is %zu",
                  what, missing, missing == 1 ? " is" : "es are", rare);
    else if (count[often] > UNEVEN * count[rare])
        same_line(c, "%s: the classes are uneven: class %zu has %lld samples, "
                  "class %zu has %lld", what, often, (long long)count[often],
                  rare, (long long)count[rare]);
    bp__free(&d->a, count, n * sizeof *count);
    return BP_OK;
}

bp_status bp_data_check_sets(const bp_data *const *sets,
                             const char *const *what, size_t n,
                             bp_data_report *report, bp_error *err)
{
    if (n > MAX_SETS)
        return bp__error(err, BP_EARG, "%zu sets; %d can be compared", n,
                         MAX_SETS);
    size_t all = 0, scratch_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        all += (size_t)sets[i]->count;
        scratch_bytes = BP__MAX(scratch_bytes, bp__data_scratch(sets[i]));
    }
    if (!n)
        return BP_OK;
    const bp_allocator *a = &sets[0]->a;
    same_checker *c = bp__calloc(a, 1, sizeof *c);
    hashed *h = bp__calloc(a, all + 1, sizeof *h);
    void *scratch = bp__alloc(a, scratch_bytes + 1);
    bp_status s = c && h && scratch ? BP_OK : bp__oom(err);
    if (!s) {
        *c = (same_checker){.sets = sets, .what = what, .n_sets = n,
                            .report = report, .h = h};
        report->n_records += (int64_t)all;
    }
    for (size_t i = 0; i < n && !s; i++)
        s = hash_set(c, (int)i, scratch, err);
    if (!s) {
        qsort(h, all, sizeof *h, by_hash);
        for (size_t i = 0, j; i < all; i = j) {
            for (j = i + 1; j < all && h[j].input == h[i].input; j++)
                ;
            judge(c, i, j);
        }
        tell_same(c);
        s = tell_classes(c, sets[0], what[0], err);
    }
    bp__free(a, scratch, scratch ? scratch_bytes + 1 : 0);
    bp__free(a, h, h ? (all + 1) * sizeof *h : 0);
    bp__free(a, c, c ? sizeof *c : 0);
    return s;
}
