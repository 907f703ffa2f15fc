/* Sources: a row's functions, and a thread that makes the next batch where
 * nothing else decides it.
 *
 * With the thread there are two slots. The caller holds one, the other is being
 * filled; each has a copy of the batch's arrays and of the row's state after
 * it, so that what is saved belongs to the batch that was handed out, and not
 * to the one that was made ahead. The row's functions never run in two threads
 * at once: whoever calls one waits for the thread first. */
#define _POSIX_C_SOURCE 200809L
#include "data/source.h"

#include <pthread.h>
#include <signal.h>

typedef struct slot {
    bool full;
    bool drawn;       /* next gave b, which has not been copied: memory ran out;
                         what b refers to stands until next is called again */
    bool copied;      /* b is the slot's, and its state is still to be had */
    bp_status status; /* of next and save */
    bp_error error;
    bp_fields b;
    char *data;       /* of all fields */
    size_t room;
    bp__str state;
} slot;

struct bp_source {
    bp_allocator a;
    bp_source_row row;
    void *self;
    int64_t batches;
    /* The thread. */
    bool threaded, has_lock, has_wake;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool wanted, quit; /* under lock */
    slot slot[2];
    int held;
};

static int put_bytes(void *to, const char *bytes, size_t n)
{
    bp__str *s = to;
    bp__str_add(s, bytes, n);
    return s->failed;
}

/* ---- a batch of one's own ------------------------------------------------- */

static size_t padded(size_t n)
{
    return (n + 63) / 64 * 64;
}

static bool copy_fields(bp_source *s, slot *k)
{
    size_t total = 0, at = 0;
    for (size_t i = 0; i < k->b.n; i++)
        total += padded(k->b.field[i].bytes);
    if (total > k->room) {
        bp__free64(&s->a, k->data, k->room);
        k->data = bp__alloc64(&s->a, total);
        k->room = k->data ? total : 0;
        if (!k->data)
            return false;
    }
    for (size_t i = 0; i < k->b.n; i++) {
        bp_array *x = &k->b.field[i];
        if (x->bytes)
            memcpy(k->data + at, x->data, x->bytes);
        x->data = k->data + at;
        at += padded(x->bytes);
    }
    k->b.sample = NULL;
    return true;
}

static bp_status row_next(bp_source *s, bp_fields *b, bp_error *err)
{
    memset(b, 0, sizeof *b);
    bp_status st = s->row.next(s->self, b, err);
    if (!st && b->n > BP_MAX_FIELDS)
        st = bp__error(err, BP_ELIMIT, "\"%s\" gave a batch of %zu arrays: at "
                       "most %d", s->row.name, b->n, BP_MAX_FIELDS);
    return st;
}

static bp_status save_state(bp_source *s, slot *k)
{
    k->state.len = 0;
    k->state.failed = false; /* that memory ran out once */
    bp_status st = s->row.save ? s->row.save(s->self, put_bytes, &k->state,
                                             &k->error)
                               : BP_OK;
    return k->state.failed ? bp__oom(&k->error) : st;
}

/* Goes on where it failed: a batch that was drawn is not drawn again. */
static void fill(bp_source *s, slot *k)
{
    k->error = (bp_error){0};
    k->status = BP_OK;
    if (!k->drawn && !k->copied)
        k->status = row_next(s, &k->b, &k->error);
    if (!k->status && !k->copied) {
        k->copied = copy_fields(s, k);
        k->drawn = !k->copied;
        if (k->drawn)
            k->status = bp__oom(&k->error);
    }
    if (!k->status)
        k->status = save_state(s, k);
    if (!k->status)
        k->copied = false;
    k->full = true;
}

static void *source_main(void *argument)
{
    bp_source *s = argument;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!s->wanted && !s->quit)
            pthread_cond_wait(&s->wake, &s->lock);
        if (s->quit)
            break;
        slot *k = &s->slot[1 - s->held];
        pthread_mutex_unlock(&s->lock);
        fill(s, k);
        pthread_mutex_lock(&s->lock);
        s->wanted = false;
        pthread_cond_broadcast(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void wait_for_thread(bp_source *s)
{
    if (!s->threaded)
        return;
    pthread_mutex_lock(&s->lock);
    while (s->wanted)
        pthread_cond_wait(&s->wake, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

/* The thread leaves signals to the program's own threads. */
static bp_status start_thread(bp_source *s, bp_error *err)
{
    s->has_lock = pthread_mutex_init(&s->lock, NULL) == 0;
    s->has_wake = pthread_cond_init(&s->wake, NULL) == 0;
    if (!s->has_lock || !s->has_wake)
        return bp__oom(err);
    for (int i = 0; i < 2; i++)
        bp__str_init(&s->slot[i].state, &s->a);
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&s->thread, NULL, source_main, s);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (error)
        return bp__error(err, BP_ELIMIT, "cannot start the thread that makes "
                         "batches of \"%s\" (error %d)", s->row.name, error);
    s->threaded = true;
    return BP_OK;
}

/* ---- making one ------------------------------------------------------------- */

static bp_status check_row(const bp_source_row *row, bp_error *err)
{
    if (!row->next || !row->name || !row->save != !row->load)
        return bp__error(err, BP_EARG, "a source has a name, next, and both of "
                         "save and load or neither");
    return BP_OK;
}

bp_status bp_source_new(const bp_source_row *given, void *self,
                        const bp_source_options *options, bp_source **out,
                        bp_error *err)
{
    bp_source_row all, *row = &all;
    bp_source_options o = {.size = sizeof o};
    *out = NULL;
    bp_status st = BP__OPTIONS(row, given, bp_source_row, err);
    if (!st)
        st = BP__OPTIONS(&o, options, bp_source_options, err);
    if (!st)
        st = check_row(row, err);
    const bp_allocator *a = o.allocator ? o.allocator : &bp__malloc_allocator;
    bp_source *s = st ? NULL : bp__calloc(a, 1, sizeof *s);
    if (!st && !s)
        st = bp__oom(err);
    if (s) {
        s->a = *a;
        s->row = *row;
        s->self = self;
        st = o.prefetch && row->alone ? start_thread(s, err) : BP_OK;
    }
    if (!st)
        *out = s;
    else if (s)
        bp_source_free(s);
    else if (row->free)
        row->free(self);
    return st;
}

void bp_source_free(bp_source *s)
{
    if (!s)
        return;
    if (s->threaded) {
        wait_for_thread(s);
        pthread_mutex_lock(&s->lock);
        s->quit = true;
        pthread_cond_broadcast(&s->wake);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->thread, NULL);
    }
    for (int i = 0; i < 2 && s->has_wake; i++) {
        bp__free64(&s->a, s->slot[i].data, s->slot[i].room);
        bp__str_free(&s->slot[i].state);
    }
    if (s->has_wake)
        pthread_cond_destroy(&s->wake);
    if (s->has_lock)
        pthread_mutex_destroy(&s->lock);
    if (s->row.free)
        s->row.free(s->self);
    bp_allocator a = s->a;
    bp__free(&a, s, sizeof *s);
}

/* ---- batches ------------------------------------------------------------------ */

static bp_status next_ahead(bp_source *s, bp_fields *out, bp_error *err)
{
    slot *k = &s->slot[1 - s->held];
    wait_for_thread(s);
    if (!k->full)
        fill(s, k);
    if (k->status) {
        k->full = false;
        return bp__error(err, k->status, "%s", k->error.message);
    }
    s->slot[s->held].full = false;
    *out = k->b;
    pthread_mutex_lock(&s->lock);
    s->held = 1 - s->held;
    s->wanted = true;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    return BP_OK;
}

bp_status bp_source_next(bp_source *s, bp_fields *out, bp_error *err)
{
    if (s->threaded)
        return next_ahead(s, out, err);
    return row_next(s, out, err);
}

int64_t bp_source_batches(const bp_source *s)
{
    return s->batches;
}

bp_status bp_source_save(bp_source *s, bp_write_fn write, void *to,
                         bp_error *err)
{
    const slot *k = &s->slot[s->held], *ahead = &s->slot[1 - s->held];
    if (!s->row.save)
        return BP_OK;
    wait_for_thread(s);
    if (!k->full && (ahead->drawn || ahead->copied))
        return bp__oom(err); /* the row is past a batch that nobody got */
    if (!s->threaded || !k->full)
        return s->row.save(s->self, write, to, err);
    return write(to, k->state.s, k->state.len)
               ? bp__error(err, BP_EIO, "the state of \"%s\" could not be "
                           "written", s->row.name)
               : BP_OK;
}

bp_status bp_source_load(bp_source *s, const void *bytes, size_t n,
                         bp_error *err)
{
    wait_for_thread(s);
    if (!s->row.load)
        return n ? bp__error(err, BP_EFORMAT, "\"%s\" keeps no state, and %zu "
                             "bytes of it were saved", s->row.name, n)
                 : BP_OK;
    bp_status st = s->row.load(s->self, bytes, n, err);
    for (int i = 0; i < 2 && !st; i++)
        s->slot[i].full = s->slot[i].drawn = s->slot[i].copied = false;
    return st;
}

bool bp_source_hash(bp_source *s, char hash[20])
{
    wait_for_thread(s);
    hash[0] = '\0';
    return s->row.hash && s->row.hash(s->self, hash);
}

const char *bp_source_name(const bp_source *s)
{
    return s->row.name;
}

void bp__source_set_batches(bp_source *s, int64_t n)
{
    s->batches = n;
}
