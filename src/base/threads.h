/* A pool of threads that run one function at a time, together.
 *
 * The caller is worker 0. Waiting threads spin for a bounded time (none where
 * there are more threads than CPUs), then sleep. Allocates nothing and takes
 * no lock after its creation unless it sleeps. Sets no affinity and no other
 * state of the process; CPUs are counted in the affinity mask of the thread
 * that creates the pool.
 */
#ifndef BP__THREADS_H
#define BP__THREADS_H

#include "base/base.h"

typedef struct bp__pool bp__pool;
typedef void (*bp__pool_fn)(void *user, int worker, int n_workers);

enum { BP__MAX_THREADS = 1024 };

/* CPUs that this thread may use; at least 1. */
int bp__cpu_count(void);

/* threads 0: bp__cpu_count(). a is copied. [err: ENOMEM EARG] */
bp_status bp__pool_new(const bp_allocator *a, int threads, bp__pool **pool,
                       bp_error *err);
/* Not while a run is in progress. NULL: nothing. */
void bp__pool_free(bp__pool *p);
int bp__pool_threads(const bp__pool *p);

/* fn(user, worker, n_workers) on every thread of the pool at once; returns
 * when all have returned. Memory that a worker wrote is then visible to the
 * caller. Not from inside fn. */
void bp__pool_run(bp__pool *p, bp__pool_fn fn, void *user);
/* Inside fn: returns when all workers of this run have called it. All of them
 * must, equally often. */
void bp__pool_barrier(bp__pool *p);

#endif
