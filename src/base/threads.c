/* The pool: a generation counter starts a run, a countdown ends it.
 *
 * Every wait is the same: spin for a bounded time on an atomic word, then
 * sleep until it changes (on a futex, elsewhere on a condition variable). A
 * sleeper first announces itself in `sleepers` and then looks at the word
 * again; whoever changes the word looks at `sleepers` afterwards: with
 * sequentially consistent order one of the two sees the other, so no wake-up
 * is lost, and a pool that is awake makes no system call at all. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

/* One word on which threads wait, alone on its cache lines. */
typedef struct gate {
    _Alignas(64) atomic_uint word;
    atomic_uint sleepers;
    atomic_uint vain; /* waits in a row that ended asleep: see gate_wait */
#ifndef __linux__
    pthread_mutex_t lock;
    pthread_cond_t changed;
#endif
} gate;

typedef struct pool_worker {
    struct bp__pool *pool;
    pthread_t thread;
    int index;
} pool_worker;

struct bp__pool {
    gate start;   /* counts runs; with `stop`, ends the workers */
    gate done;    /* workers that still run, counts down to 0 */
    gate barrier; /* counts completed barriers */
    _Alignas(64) atomic_int waiting; /* threads inside the barrier */
    atomic_bool stop;
    bp__pool_fn fn;
    void *user;
    bp_allocator a;
    int n_threads;
    int n_gates, n_started; /* for taking down what was set up */
    int64_t spin_ns;        /* how long a wait spins; 0: not at all */
    pool_worker *workers;   /* [n_threads - 1] */
};

static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) && defined(__GNUC__)
    __asm__ volatile("yield");
#endif
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int bp__cpu_count(void)
{
#ifdef __linux__
    /* Room for 65,536 CPUs; the call tells how much of it was filled. */
    unsigned long mask[8192 / sizeof(unsigned long)] = {0};
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    int count = 0;
    for (long i = 0; i < bytes / (long)sizeof mask[0]; i++)
        for (unsigned long m = mask[i]; m; m &= m - 1)
            count++;
    if (count > 0)
        return count;
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

/* ---- waiting ------------------------------------------------------------ */

#ifdef __linux__

static bool gate_init(gate *g)
{
    atomic_init(&g->word, 0);
    atomic_init(&g->sleepers, 0);
    atomic_init(&g->vain, 0);
    return true;
}

static void gate_destroy(gate *g)
{
    (void)g;
}

static void gate_wake(gate *g) /* after the word has changed */
{
    if (atomic_load(&g->sleepers) != 0)
        syscall(SYS_futex, &g->word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL,
                0);
}

/* Sleeps until the word differs from `old` or, with until_zero, is 0. */
static void gate_sleep(gate *g, unsigned old, bool until_zero)
{
    atomic_fetch_add(&g->sleepers, 1);
    for (;;) {
        unsigned w = atomic_load(&g->word);
        if (until_zero ? w == 0 : w != old)
            break;
        syscall(SYS_futex, &g->word, FUTEX_WAIT_PRIVATE, w, NULL, NULL, 0);
    }
    atomic_fetch_sub(&g->sleepers, 1);
}

#else

static bool gate_init(gate *g)
{
    atomic_init(&g->word, 0);
    atomic_init(&g->sleepers, 0);
    atomic_init(&g->vain, 0);
    if (pthread_mutex_init(&g->lock, NULL))
        return false;
    if (pthread_cond_init(&g->changed, NULL)) {
        pthread_mutex_destroy(&g->lock);
        return false;
    }
    return true;
}

static void gate_destroy(gate *g)
{
    pthread_cond_destroy(&g->changed);
    pthread_mutex_destroy(&g->lock);
}

static void gate_wake(gate *g)
{
    if (atomic_load(&g->sleepers) == 0)
        return;
    pthread_mutex_lock(&g->lock);
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

static void gate_sleep(gate *g, unsigned old, bool until_zero)
{
    pthread_mutex_lock(&g->lock);
    atomic_fetch_add(&g->sleepers, 1);
    for (;;) {
        unsigned w = atomic_load(&g->word);
        if (until_zero ? w == 0 : w != old)
            break;
        pthread_cond_wait(&g->changed, &g->lock);
    }
    atomic_fetch_sub(&g->sleepers, 1);
    pthread_mutex_unlock(&g->lock);
}

#endif

static inline bool gate_open(gate *g, unsigned old, bool until_zero)
{
    unsigned w = atomic_load_explicit(&g->word, memory_order_acquire);
    return until_zero ? w == 0 : w != old;
}

/* A wait spins for longer than it takes to wake a sleeping thread (about 100
 * us in a virtual machine): else one late thread puts the others to sleep,
 * whose waking makes them late in turn, for good. Where spinning is in vain
 * because other programs use the CPUs, it takes time from the very thread that
 * is waited for: after a few waits that ended asleep most waits spin shortly,
 * and one in 32 long, to notice when the CPUs are free again. */
enum { LONG_SPIN_NS = 300000, SHORT_SPIN_NS = 20000, TRY_LONG = 32,
       VAIN_MAX = 3 };

static int64_t spin_for(gate *g, int64_t spin_ns)
{
    unsigned vain = atomic_load_explicit(&g->vain, memory_order_relaxed);
    if (vain < VAIN_MAX)
        return spin_ns;
    atomic_store_explicit(&g->vain, vain + 1, memory_order_relaxed);
    return vain % TRY_LONG == 0 ? spin_ns : SHORT_SPIN_NS;
}

/* What the wait has taught. Races only cost a hint. */
static void spin_ended(gate *g, bool asleep, int64_t spun_ns)
{
    unsigned vain = atomic_load_explicit(&g->vain, memory_order_relaxed);
    if (!asleep && (vain < VAIN_MAX || spun_ns > SHORT_SPIN_NS)) {
        if (vain)
            atomic_store_explicit(&g->vain, 0, memory_order_relaxed);
    } else if (asleep && vain < VAIN_MAX) {
        atomic_store_explicit(&g->vain, vain + 1, memory_order_relaxed);
    }
}

static void gate_wait(gate *g, unsigned old, bool until_zero, int64_t spin_ns)
{
    bool spins = spin_ns > 0;
    if (spins)
        spin_ns = spin_for(g, spin_ns);
    if (spins) {
        int64_t end = 0;
        for (int round = 1; !gate_open(g, old, until_zero); round++) {
            cpu_relax();
            if (round % 64)
                continue;
            int64_t now = now_ns();
            if (end == 0)
                end = now + spin_ns;
            else if (now > end)
                break;
            /* The thread waited for may be queued behind this very one. */
            sched_yield();
        }
    }
    bool asleep = !gate_open(g, old, until_zero);
    if (spins)
        spin_ended(g, asleep, spin_ns);
    if (asleep)
        gate_sleep(g, old, until_zero);
}

/* ---- workers ------------------------------------------------------------ */

static void *worker_main(void *argument)
{
    pool_worker *w = argument;
    bp__pool *p = w->pool;
    unsigned seen = 0;
    for (;;) {
        gate_wait(&p->start, seen, false, p->spin_ns);
        seen++;
        if (atomic_load(&p->stop))
            return NULL;
        p->fn(p->user, w->index, p->n_threads);
        if (atomic_fetch_sub(&p->done.word, 1) == 1)
            gate_wake(&p->done);
    }
}

static void open_start(bp__pool *p)
{
    atomic_fetch_add(&p->start.word, 1);
    gate_wake(&p->start);
}

void bp__pool_free(bp__pool *p)
{
    if (!p)
        return;
    atomic_store(&p->stop, true);
    open_start(p);
    for (int i = 0; i < p->n_started; i++)
        pthread_join(p->workers[i].thread, NULL);
    gate *gates[3] = {&p->start, &p->done, &p->barrier};
    for (int i = 0; i < p->n_gates; i++)
        gate_destroy(gates[i]);
    bp_allocator a = p->a;
    bp__free(&a, p->workers, (size_t)(p->n_threads - 1) * sizeof *p->workers);
    bp__free64(&a, p, sizeof *p);
}

/* Worker threads leave signals to the program's own threads. */
static int start_worker(pool_worker *w)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&w->thread, NULL, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return error;
}

bp_status bp__pool_new(const bp_allocator *a, int threads, bp__pool **pool,
                       bp_error *err)
{
    *pool = NULL;
    if (threads < 0 || threads > BP__MAX_THREADS)
        return bp__error(err, BP_EARG, "%d threads: 0 to %d are possible",
                         threads, (int)BP__MAX_THREADS);
    int cpus = bp__cpu_count();
    if (threads == 0)
        threads = BP__MIN(cpus, BP__MAX_THREADS);
    bp_allocator own = a ? *a : bp__malloc_allocator;
    bp__pool *p = bp__alloc64(&own, sizeof *p);
    if (!p)
        return bp__oom(err);
    memset(p, 0, sizeof *p);
    p->a = own;
    p->n_threads = threads;
    p->spin_ns = threads > cpus ? 0 : LONG_SPIN_NS;
    atomic_init(&p->waiting, 0);
    atomic_init(&p->stop, false);
    p->workers = bp__calloc(&own, (size_t)threads - 1, sizeof *p->workers);
    gate *gates[3] = {&p->start, &p->done, &p->barrier};
    while (p->n_gates < 3 && gate_init(gates[p->n_gates]))
        p->n_gates++;
    if (!p->workers || p->n_gates < 3) {
        bp__pool_free(p);
        return bp__oom(err);
    }
    for (int i = 0; i < threads - 1; i++) {
        p->workers[i] = (pool_worker){.pool = p, .index = i + 1};
        int error = start_worker(&p->workers[i]);
        if (error) {
            bp__pool_free(p);
            return bp__error(err, BP_ELIMIT,
                             "cannot start thread %d of %d (error %d)", i + 2,
                             threads, error);
        }
        p->n_started++;
    }
    *pool = p;
    return BP_OK;
}

int bp__pool_threads(const bp__pool *p)
{
    return p->n_threads;
}

void bp__pool_run(bp__pool *p, bp__pool_fn fn, void *user)
{
    if (p->n_threads > 1) {
        p->fn = fn;
        p->user = user;
        atomic_store(&p->done.word, (unsigned)p->n_threads - 1);
        open_start(p);
    }
    fn(user, 0, p->n_threads);
    if (p->n_threads > 1)
        gate_wait(&p->done, 0, true, p->spin_ns);
}

void bp__pool_barrier(bp__pool *p)
{
    if (p->n_threads == 1)
        return;
    unsigned turn = atomic_load(&p->barrier.word);
    if (atomic_fetch_add(&p->waiting, 1) == p->n_threads - 1) {
        atomic_store(&p->waiting, 0);
        atomic_fetch_add(&p->barrier.word, 1);
        gate_wake(&p->barrier);
    } else {
        gate_wait(&p->barrier, turn, false, p->spin_ns);
    }
}
