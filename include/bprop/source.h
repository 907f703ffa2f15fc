/* bprop: sources. A source yields the arrays of one batch after the other, in
 * the order of a step's inputs: a data set by epochs, windows of a text, a
 * replay buffer, an environment's rollouts, a caller's function.
 *
 *     bp_source_from_data(d, &loader_options, &source, &err);
 *     bp_fields b;
 *     bp_source_next(source, &b, &err);
 *     bp_step_run(step, b.n, b.field, &err);
 *
 * A folder (<bprop/folder.h>) keeps the state of every source that is
 * registered with it, as of the last batch that was handed out, so that a
 * resumed loop gets the batches that it would have got.
 */
#ifndef BPROP_SOURCE_H
#define BPROP_SOURCE_H

#include <bprop/bprop.h>
#include <bprop/data.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bp_source bp_source;

#define BP_MAX_FIELDS 32

/* One batch. The arrays belong to the source, until its next call. */
typedef struct bp_fields {
    size_t n;
    bp_array field[BP_MAX_FIELDS];
    int64_t epoch, index; /* from 0; of a source without epochs: 0, counting */
    bool last;            /* the last batch of its epoch */
    const int64_t *sample; /* rows of a data set, for messages; NULL: none */
} bp_fields;

/* A kind of source: what a caller fills in. self is handed to each. */
typedef struct bp_source_row {
    size_t size;      /* sizeof(bp_source_row) */
    const char *name; /* "replay", for messages */
    /* The next batch; after a failure the same one is asked for again. */
    bp_status (*next)(void *self, bp_fields *out, bp_error *err);
    /* Writes, as bytes that any machine reads, all that the batches to come
     * depend on, as of the last one given. NULL: there is nothing. write
     * returns 0, or non-zero to stop. */
    bp_status (*save)(void *self, bp_write_fn write, void *to, bp_error *err);
    /* Takes such bytes; checks all of them before it changes anything. NULL
     * where save is. [err: EFORMAT] */
    bp_status (*load)(void *self, const void *bytes, size_t n, bp_error *err);
    /* 16 digits of the data that all batches are made of. NULL, or false: they
     * are not fixed (a buffer, an environment), and a resumed run cannot be
     * told from one on other data. */
    bool (*hash)(void *self, char hash[20]);
    void (*free)(void *self); /* NULL: the caller's */
    /* next reads nothing but self: so a batch may be made ahead, on a thread
     * of its own, while the last one is in use. */
    bool alone;
} bp_source_row;

typedef struct bp_source_options {
    size_t size;      /* sizeof(bp_source_options) */
    const bp_allocator *allocator; /* copied; NULL: malloc */
    bool prefetch;    /* make batches ahead; ignored unless the row is alone */
} bp_source_options;

/* row is copied, its name not. options may be NULL. On failure self has been
 * freed by the row. [err: EARG ELIMIT ENOMEM] */
bp_status bp_source_new(const bp_source_row *row, void *self,
                        const bp_source_options *options, bp_source **source,
                        bp_error *err);
/* A data set by epochs, as bp_loader makes its batches: fields are the inputs,
 * the target if there is one, and with mixup target2 and mix. Retains d.
 * [err: as bp_loader_new] */
bp_status bp_source_from_data(bp_data *d, const bp_loader_options *options,
                              bp_source **source, bp_error *err);
void bp_source_free(bp_source *s);

/* [err: the row's] */
bp_status bp_source_next(bp_source *s, bp_fields *out, bp_error *err);
/* Batches of an epoch, where a data set is behind it; else 0. */
int64_t bp_source_batches(const bp_source *s);
/* State, as of the last batch that bp_source_next gave; to be put back into a
 * source that was made alike. */
bp_status bp_source_save(bp_source *s, bp_write_fn write, void *to,
                         bp_error *err);
bp_status bp_source_load(bp_source *s, const void *bytes, size_t n,
                         bp_error *err);
/* Of its data, 16 digits; false: they are not fixed. */
bool bp_source_hash(bp_source *s, char hash[20]);
const char *bp_source_name(const bp_source *s);

#ifdef __cplusplus
}
#endif
#endif
