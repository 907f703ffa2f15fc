/* Batches in order: permutation of the epoch, augmentation, and a thread that makes
 * the next batch while the caller works on the last.
 *
 * There are two slots. The caller holds one; the thread, when there is one,
 * fills the other. Whoever fills uses the permutation and the tables, and the
 * two never fill at once: the caller waits for the thread before it fills. So
 * a batch is the same whoever made it. */
#define _POSIX_C_SOURCE 200809L
#include "base/rng.h"
#include "data/batch.h"
#include "fmt/array.h"

#include <pthread.h>
#include <signal.h>

/* Stream of the loader's seed, beside augment.c's; a program's own streams have
 * other keys. */
enum { SHUFFLE_STREAM = 1 };

typedef struct batch_slot {
    int64_t epoch, index; /* what it holds; epoch -1: nothing */
    int64_t count;
    int64_t *sample;
    void *input[BP_MAX_INPUTS];
    void *target, *target2;
    void *mix;
} batch_slot;

typedef enum fill_state { FILL_IDLE, FILL_WANTED, FILL_QUIT } fill_state;

struct bp_loader {
    bp_allocator a;
    bp_data *d;
    bp_loader_options o;
    bp_norm *norm[BP_MAX_INPUTS];
    bp__batch_input in[BP_MAX_INPUTS];
    int64_t n_batches;
    int64_t next_epoch, next_index;
    int64_t *perm; /* of perm_epoch; NULL without shuffling */
    int64_t perm_epoch;
    void *row; /* one row, where batches are mixed */
    size_t row_bytes;
    void *stored; /* one row, where the data are in a file */
    size_t stored_bytes;
    bool augment;
    bp__placement place; /* of the sample that is being made */
    batch_slot slot[2];
    int held; /* the slot that the caller has */
    /* The thread. */
    bool threaded, has_lock, has_wake, has_done;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    fill_state state; /* under lock */
    int fill_slot;
    int64_t fill_epoch, fill_index;
};

/* ---- filling ------------------------------------------------------------ */

/* n numbers of a target or an input, as the batch has them. */
static void fill_numbers(const bp_loader *l, const bp_array *x, int64_t from,
                         int64_t n, int64_t at, void *out)
{
    if (x->dtype == BP_I32 || x->dtype == l->o.dtype) {
        size_t size = bp_dtype_bytes(x->dtype);
        memcpy((char *)out + (size_t)at * size,
               (const char *)x->data + (size_t)from * size, (size_t)n * size);
        return;
    }
    for (int64_t k = 0; k < n; k++) {
        double v = bp__element(x->dtype, x->data, from + k);
        if (l->o.dtype == BP_F64)
            ((double *)out)[at + k] = v;
        else
            ((float *)out)[at + k] = (float)v;
    }
}

static void fill_target(const bp_loader *l, int64_t row, int64_t at,
                        void *target)
{
    const bp_array *t = &l->d->target;
    int64_t n = bp__row_numel(t);
    if (n)
        fill_numbers(l, t, row * n, n, at * n, target);
}

static bp_status not_whole(const bp_loader *l, size_t i, int64_t row,
                           const void *stored, int64_t k, bp_error *err)
{
    const bp_array *x = &l->d->input[i];
    char where[120], place[200], number[32];
    bp__data_where(l->d, row, where, sizeof where);
    bp__format_double(number, bp__element(x->dtype, stored, k));
    return bp__error(err, BP_ERANGE,
                     "%s: %s of input %zu has %s%s: the model takes whole "
                     "numbers, %s",
                     l->d->source, where, i, number,
                     bp__place_text(x->rank - 1, x->dims + 1, k, place),
                     bp__whole_range(l->in[i].dtype));
}

/* Row `at` of the batch, as augmentation has it. */
static bp_status make_row(bp_loader *l, size_t i, int64_t row, int64_t at,
                          void *out, bp_error *err)
{
    const void *stored;
    const bp__batch_input *in = &l->in[i];
    int64_t bad = 0;
    bp_status s = bp__data_stored(l->d, i, row, l->stored, &stored, err);
    if (s)
        return s;
    void *to = (char *)out + (size_t)(at * in->numel) *
                                 bp_dtype_bytes(in->dtype);
    if (!bp__is_whole(in->dtype))
        bp__batch_row(in, stored, l->augment ? &l->place : NULL, to);
    else if (!bp__batch_whole(in, stored, to, &bad))
        return not_whole(l, i, row, stored, bad, err);
    return BP_OK;
}

/* w of what stands there, 1-w of another sample, placed as its own draws say.
 */
static bp_status mix_input(bp_loader *l, size_t i, int64_t other, int64_t at,
                           float w, batch_slot *b, bp_error *err)
{
    int64_t n = l->in[i].numel;
    bool narrow = l->in[i].narrow;
    bp_status s = make_row(l, i, other, 0, l->row, err);
    for (int64_t k = 0; k < n && !s; k++) {
        if (l->o.dtype == BP_F32) {
            float *x = (float *)b->input[i] + at * n + k;
            *x = w * *x + (1 - w) * ((const float *)l->row)[k];
        } else {
            double *x = (double *)b->input[i] + at * n + k;
            double y = ((const double *)l->row)[k];
            *x = narrow ? (double)(w * (float)*x + (1 - w) * (float)y)
                        : (double)w * *x + (1 - (double)w) * y;
        }
    }
    return s;
}

static bp_status mix_sample(bp_loader *l, int64_t row, int64_t at, double w,
                            batch_slot *b, int64_t epoch, bp_error *err)
{
    int64_t other = bp__mixup_other(l->o.seed, epoch, row, l->d->count);
    bp_status s = BP_OK;
    if (l->augment)
        bp__augment_draw(&l->o.augment, l->o.seed, epoch, other, &l->place);
    for (size_t i = 0; i < l->d->n_inputs && !s; i++)
        s = mix_input(l, i, other, at, (float)w, b, err);
    if (s)
        return s;
    if (l->d->kind)
        fill_target(l, other, at, b->target2);
    if (l->o.dtype == BP_F64)
        ((double *)b->mix)[at] = (double)(float)w;
    else
        ((float *)b->mix)[at] = (float)w;
    return BP_OK;
}

/* On failure the slot holds nothing. */
static bp_status fill_batch(bp_loader *l, batch_slot *b, int64_t epoch,
                            int64_t index, bp_error *err)
{
    if (l->perm && l->perm_epoch != epoch) {
        bp__rng r = bp__rng_seed(l->o.seed, (uint64_t)epoch, SHUFFLE_STREAM);
        bp__rng_shuffle(&r, l->d->count, l->perm);
        l->perm_epoch = epoch;
    }
    int64_t first = index * l->o.batch;
    bp_status s = BP_OK;
    bool mixup = l->o.augment.mixup > 0;
    double w = mixup ? bp__mixup_share(&l->o.augment, l->o.seed, epoch, index)
                     : 1;
    b->epoch = -1;
    b->index = index;
    b->count = BP__MIN(l->o.batch, l->d->count - first);
    for (int64_t at = 0; at < b->count && !s; at++) {
        int64_t row = l->perm ? l->perm[first + at] : first + at;
        b->sample[at] = row;
        if (l->augment)
            bp__augment_draw(&l->o.augment, l->o.seed, epoch, row, &l->place);
        for (size_t i = 0; i < l->d->n_inputs && !s; i++)
            s = make_row(l, i, row, at, b->input[i], err);
        if (!s && l->d->kind)
            fill_target(l, row, at, b->target);
        if (!s && mixup)
            s = mix_sample(l, row, at, w, b, epoch, err);
    }
    if (!s)
        b->epoch = epoch;
    return s;
}

static void *loader_main(void *argument)
{
    bp_loader *l = argument;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (l->state == FILL_IDLE)
            pthread_cond_wait(&l->wake, &l->lock);
        if (l->state == FILL_QUIT)
            break;
        pthread_mutex_unlock(&l->lock);
        /* A failure leaves the slot empty: the caller tries again, and tells.
         */
        fill_batch(l, &l->slot[l->fill_slot], l->fill_epoch, l->fill_index,
                   NULL);
        pthread_mutex_lock(&l->lock);
        if (l->state == FILL_WANTED)
            l->state = FILL_IDLE;
        pthread_cond_signal(&l->done);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static void wait_for_thread(bp_loader *l)
{
    pthread_mutex_lock(&l->lock);
    while (l->state == FILL_WANTED)
        pthread_cond_wait(&l->done, &l->lock);
    pthread_mutex_unlock(&l->lock);
}

static void ask_thread(bp_loader *l, int slot, int64_t epoch, int64_t index)
{
    pthread_mutex_lock(&l->lock);
    l->fill_slot = slot;
    l->fill_epoch = epoch;
    l->fill_index = index;
    l->state = FILL_WANTED;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->lock);
}

/* ---- setting up ----------------------------------------------------------*/

static size_t slot_bytes(const bp_loader *l, int64_t numel, bp_dtype t)
{
    return bp__mul_size(bp__mul_size((size_t)l->o.batch, (size_t)numel),
                        bp_dtype_bytes(t));
}

static bp_dtype target_dtype(const bp_loader *l)
{
    return l->d->kind == BP_TARGET_CLASS ? BP_I32 : l->o.dtype;
}

static bool init_slot(bp_loader *l, batch_slot *b)
{
    b->epoch = -1;
    b->sample = bp__calloc(&l->a, (size_t)l->o.batch, sizeof *b->sample);
    bool ok = b->sample != NULL;
    for (size_t i = 0; i < l->d->n_inputs && ok; i++) {
        b->input[i] =
            bp__alloc64(&l->a, slot_bytes(l, l->in[i].numel, l->in[i].dtype));
        ok = b->input[i] != NULL;
    }
    size_t bytes = slot_bytes(l, bp__row_numel(&l->d->target), target_dtype(l));
    if (ok && l->d->kind)
        ok = (b->target = bp__alloc64(&l->a, bytes)) != NULL;
    if (ok && l->o.augment.mixup > 0) {
        b->mix = bp__alloc64(&l->a, slot_bytes(l, 1, l->o.dtype));
        b->target2 = bp__alloc64(&l->a, bytes);
        ok = b->mix && b->target2;
    }
    return ok;
}

static void free_slot(bp_loader *l, batch_slot *b)
{
    bp__free(&l->a, b->sample, (size_t)l->o.batch * sizeof *b->sample);
    for (size_t i = 0; i < l->d->n_inputs; i++)
        bp__free64(&l->a, b->input[i],
                   slot_bytes(l, l->in[i].numel, l->in[i].dtype));
    size_t bytes = slot_bytes(l, bp__row_numel(&l->d->target), target_dtype(l));
    bp__free64(&l->a, b->target, bytes);
    bp__free64(&l->a, b->target2, bytes);
    bp__free64(&l->a, b->mix, slot_bytes(l, 1, l->o.dtype));
}

void bp_loader_free(bp_loader *l)
{
    if (!l)
        return;
    if (l->threaded) {
        wait_for_thread(l);
        pthread_mutex_lock(&l->lock);
        l->state = FILL_QUIT;
        pthread_cond_signal(&l->wake);
        pthread_mutex_unlock(&l->lock);
        pthread_join(l->thread, NULL);
    }
    if (l->has_done)
        pthread_cond_destroy(&l->done);
    if (l->has_wake)
        pthread_cond_destroy(&l->wake);
    if (l->has_lock)
        pthread_mutex_destroy(&l->lock);
    for (int k = 0; k < 2; k++)
        free_slot(l, &l->slot[k]);
    for (size_t i = 0; i < l->d->n_inputs; i++) {
        bp__batch_input_free(&l->in[i], &l->a);
        bp_norm_free(l->norm[i]);
    }
    bp__free(&l->a, l->perm, (size_t)l->d->count * sizeof *l->perm);
    bp__free(&l->a, l->row, l->row_bytes);
    bp__free(&l->a, l->stored, l->stored_bytes);
    bp_data_free(l->d);
    bp_allocator a = l->a;
    bp__free(&a, l, sizeof *l);
}

/* The thread leaves signals to the program's own threads. */
static bp_status start_thread(bp_loader *l, bp_error *err)
{
    l->has_lock = pthread_mutex_init(&l->lock, NULL) == 0;
    l->has_wake = pthread_cond_init(&l->wake, NULL) == 0;
    l->has_done = pthread_cond_init(&l->done, NULL) == 0;
    if (!l->has_lock || !l->has_wake || !l->has_done)
        return bp__oom(err);
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&l->thread, NULL, loader_main, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (error)
        return bp__error(err, BP_ELIMIT,
                         "cannot start the thread that makes batches (error "
                         "%d)",
                         error);
    l->threaded = true;
    return BP_OK;
}

/* Of input i in a batch. */
static bp_dtype input_dtype(const bp_loader_options *o, size_t i)
{
    return bp__is_whole(o->input_dtype[i]) ? o->input_dtype[i] : o->dtype;
}

static bp_status check_inputs(const bp_data *d, const bp_loader_options *o,
                              bp_error *err)
{
    bool picture = false;
    for (size_t i = 0; i < d->n_inputs; i++) {
        bool whole = bp__is_whole(input_dtype(o, i));
        picture |= d->input[i].rank >= 3 && !whole;
        if ((unsigned)o->input_dtype[i] >= BP_N_DTYPES)
            return bp__error(err, BP_EARG, "loader: input %zu has the unknown "
                             "type %d", i, (int)o->input_dtype[i]);
        if (whole && o->augment.mixup > 0)
            return bp__error(err, BP_EARG,
                             "%s: mixup mixes numbers, and input %zu is taken "
                             "as whole numbers (%s), which stand for something",
                             d->source, i, bp_dtype_name(o->input_dtype[i]));
    }
    if (bp__augment_any(&o->augment) && !picture)
        return bp__error(err, BP_ESHAPE,
                         "%s: samples must have at least two axes to be "
                         "augmented",
                         d->source);
    return BP_OK;
}

static bp_status check_options(const bp_data *d, const bp_loader_options *o,
                               bp_error *err)
{
    if (o->batch < 0 || (o->dtype != BP_F32 && o->dtype != BP_F64))
        return bp__error(err, BP_EARG,
                         "loader: batch %lld must not be negative, dtype must "
                         "be f32 or f64, not %s",
                         (long long)o->batch, bp_dtype_name(o->dtype));
    bp_status s = bp__augment_check(&o->augment, err);
    if (s)
        return s;
    s = check_inputs(d, o, err);
    if (s)
        return s;
    if (o->drop_last && o->batch > d->count)
        return bp__error(err, BP_EARG,
                         "%s: %lld samples make no whole batch of %lld",
                         d->source, (long long)d->count, (long long)o->batch);
    return BP_OK;
}

static bp_status set_up_loader(bp_loader *l, bp_error *err)
{
    int64_t most = 0;
    l->augment = bp__augment_any(&l->o.augment);
    l->stored_bytes = bp__data_scratch(l->d);
    if (l->stored_bytes && !(l->stored = bp__alloc(&l->a, l->stored_bytes)))
        return bp__oom(err);
    for (size_t i = 0; i < l->d->n_inputs; i++) {
        const bp_norm *n = l->o.norm[i];
        if (n && !(l->norm[i] = bp__norm_copy(&l->a, n)))
            return bp__oom(err);
        l->o.norm[i] = NULL;
        bp_status s = bp__batch_input_init(&l->in[i], &l->a, &l->d->input[i],
                                           l->norm[i], input_dtype(&l->o, i),
                                           l->augment, err);
        if (s)
            return s;
        most = BP__MAX(most, l->in[i].numel);
    }
    if (l->o.augment.mixup > 0) {
        l->row_bytes = bp__mul_size((size_t)most, bp_dtype_bytes(l->o.dtype));
        if (!(l->row = bp__alloc(&l->a, l->row_bytes)))
            return bp__oom(err);
    }
    if (l->o.shuffle) {
        l->perm = bp__calloc(&l->a, (size_t)l->d->count, sizeof *l->perm);
        if (!l->perm)
            return bp__oom(err);
    }
    l->perm_epoch = -1;
    for (int k = 0; k < 2; k++)
        if (!init_slot(l, &l->slot[k]))
            return bp__oom(err);
    return l->o.prefetch ? start_thread(l, err) : BP_OK;
}

bp_status bp_loader_new(bp_data *d, const bp_loader_options *given,
                        bp_loader **loader, bp_error *err)
{
    bp_loader_options all, *options = &all;
    *loader = NULL;
    bp_status s = BP__OPTIONS(options, given, bp_loader_options, err);
    if (!s)
        s = check_options(d, options, err);
    if (s)
        return s;
    bp_allocator a =
        options->allocator ? *options->allocator : bp__malloc_allocator;
    bp_loader *l = bp__calloc(&a, 1, sizeof *l);
    if (!l)
        return bp__oom(err);
    l->a = a;
    l->d = bp_data_retain(d);
    l->o = *options;
    if (l->o.batch == 0 || (l->o.batch > d->count && !l->o.drop_last))
        l->o.batch = d->count;
    l->n_batches = d->count / l->o.batch;
    if (!l->o.drop_last && d->count % l->o.batch)
        l->n_batches++;
    s = set_up_loader(l, err);
    if (s) {
        bp_loader_free(l);
        return s;
    }
    *loader = l;
    return BP_OK;
}

/* ---- batches -------------------------------------------------------------*/

int64_t bp_loader_batches(const bp_loader *l)
{
    return l->n_batches;
}

int64_t bp__loader_samples(const bp_loader *l, int64_t batches)
{
    bool all = batches >= l->n_batches && !l->o.drop_last;
    return all ? l->d->count : batches * l->o.batch;
}

bp_status bp_loader_seek(bp_loader *l, int64_t epoch, int64_t index,
                         bp_error *err)
{
    if (epoch < 0 || index < 0 || index > l->n_batches || epoch == INT64_MAX)
        return bp__error(
            err, BP_ERANGE,
            "epoch %lld, batch %lld: epochs count from 0, batches "
            "from 0 to %lld",
            (long long)epoch, (long long)index, (long long)l->n_batches);
    bool over = index == l->n_batches;
    l->next_epoch = over ? epoch + 1 : epoch;
    l->next_index = over ? 0 : index;
    return BP_OK;
}

static void describe_batch(const bp_loader *l, const batch_slot *b,
                           bp_batch *out)
{
    memset(out, 0, sizeof *out);
    out->epoch = b->epoch;
    out->index = b->index;
    out->count = b->count;
    out->n_inputs = l->d->n_inputs;
    size_t count = (size_t)b->count;
    for (size_t i = 0; i < l->d->n_inputs; i++) {
        const bp_array *x = &l->d->input[i];
        out->input[i] = b->input[i];
        out->input_dtype[i] = l->in[i].dtype;
        out->input_bytes[i] =
            count * (size_t)l->in[i].numel * bp_dtype_bytes(l->in[i].dtype);
        out->input_rank[i] = x->rank - 1;
        memcpy(out->input_dims[i], x->dims + 1,
               (size_t)(x->rank - 1) * sizeof *x->dims);
    }
    if (l->d->kind) {
        const bp_array *t = &l->d->target;
        out->target = b->target;
        out->target_dtype = target_dtype(l);
        out->target_bytes = count * (size_t)bp__row_numel(t) *
                            bp_dtype_bytes(out->target_dtype);
        out->target_rank = t->rank - 1;
        memcpy(out->target_dims, t->dims + 1,
               (size_t)(t->rank - 1) * sizeof *t->dims);
    }
    if (b->mix) {
        out->target2 = l->d->kind ? b->target2 : NULL;
        out->mix = b->mix;
        out->mix_bytes = count * bp_dtype_bytes(l->o.dtype);
    }
    out->sample = b->sample;
}

bp_status bp_loader_next(bp_loader *l, bp_batch *batch, bp_error *err)
{
    int other = 1 - l->held;
    if (l->threaded)
        wait_for_thread(l);
    batch_slot *b = &l->slot[other];
    if (b->epoch != l->next_epoch || b->index != l->next_index) {
        bp_status s = fill_batch(l, b, l->next_epoch, l->next_index, err);
        if (s)
            return s;
    }
    l->held = other;
    l->next_index++;
    if (l->next_index == l->n_batches) {
        l->next_index = 0;
        l->next_epoch++;
    }
    if (l->threaded)
        ask_thread(l, 1 - other, l->next_epoch, l->next_index);
    describe_batch(l, b, batch);
    return BP_OK;
}
