/* The thread pool: every worker runs exactly once, barriers order memory,
 * oversubscribed pools finish, failures leak nothing. */
#include "base/threads.h"
#include "t.h"

#include <dirent.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct job {
    bp__pool *pool;
    int64_t calls[64]; /* not atomic: each worker has its own */
    int64_t values[64];
    atomic_int wrong;
    int rounds;
} job;

static void count_calls(void *user, int worker, int n_workers)
{
    job *j = user;
    if (n_workers != bp__pool_threads(j->pool) || worker >= n_workers)
        atomic_fetch_add(&j->wrong, 1);
    j->calls[worker]++;
}

/* Each round writes, waits, and reads all others' values. */
static void meet(void *user, int worker, int n_workers)
{
    job *j = user;
    for (int r = 1; r <= j->rounds; r++) {
        j->values[worker] = r * 100 + worker;
        bp__pool_barrier(j->pool);
        for (int i = 0; i < n_workers; i++)
            if (j->values[i] != r * 100 + i)
                atomic_fetch_add(&j->wrong, 1);
        bp__pool_barrier(j->pool);
    }
}

static void pool_of(int threads)
{
    bp_error err = {0};
    bp__pool *p;
    T_OK(bp__pool_new(NULL, threads, &p, &err), &err);
    int n = bp__pool_threads(p);
    T_CHECK(n == (threads ? threads : bp__cpu_count()));
    static job j;
    memset(&j, 0, sizeof j);
    j.pool = p;
    int runs = n > bp__cpu_count() ? 200 : 5000;
    for (int i = 0; i < runs; i++) {
        bp__pool_run(p, count_calls, &j);
        if (i % 1000 == 999)
            usleep(300); /* long enough for the workers to fall asleep */
    }
    for (int i = 0; i < n && i < 64; i++)
        T_CHECKF(j.calls[i] == runs, "worker %d of %d: %lld calls", i, n,
                 (long long)j.calls[i]);
    for (int i = n; i < 64; i++)
        T_CHECK(j.calls[i] == 0);
    j.rounds = n > bp__cpu_count() ? 100 : 1000;
    for (int i = 0; i < 3; i++)
        bp__pool_run(p, meet, &j);
    T_CHECK(atomic_load(&j.wrong) == 0);
    bp__pool_free(p);
}

static void allocation_failures(void)
{
    bp_error err = {0};
    for (int persistent = 0; persistent < 2; persistent++)
        for (int64_t n = 0;; n++) {
            T_REQUIRE(n < 20);
            t_heap h = {.fail_at = n, .persistent = persistent};
            bp_allocator a = t_allocator(&h);
            bp__pool *p;
            bp_status s = bp__pool_new(&a, 3, &p, &err);
            T_CHECK(s == (h.failed ? BP_ENOMEM : BP_OK));
            T_CHECK((p == NULL) == (s != BP_OK));
            int64_t calls = h.calls;
            if (p) {
                static job j;
                memset(&j, 0, sizeof j);
                j.pool = p;
                bp__pool_run(p, count_calls, &j);
            }
            T_CHECK(h.calls == calls); /* a run allocates nothing */
            bp__pool_free(p);
            T_CHECK(h.live == 0);
            if (!h.failed)
                break;
        }
    bp__pool *p;
    T_CHECK(bp__pool_new(NULL, -1, &p, &err) == BP_EARG && p == NULL);
    T_CHECK(bp__pool_new(NULL, BP__MAX_THREADS + 1, &p, &err) == BP_EARG);
    bp__pool_free(NULL);
}

static int threads_alive(void)
{
    DIR *d = opendir("/proc/self/task");
    if (!d)
        return -1;
    int n = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* In a child with little address space the n-th thread cannot start. */
static void threads_that_do_not_start(void)
{
    if (SANITIZED || threads_alive() != 1)
        return;
    pid_t child = fork();
    T_REQUIRE(child >= 0);
    if (child == 0) {
        struct rlimit limit = {300u << 20, 300u << 20};
        if (setrlimit(RLIMIT_AS, &limit))
            _exit(3);
        t_heap h = {.fail_at = -1};
        bp_allocator a = t_allocator(&h);
        bp__pool *p;
        bp_error err = {0};
        bp_status s = bp__pool_new(&a, 500, &p, &err);
        int left = threads_alive();
        for (int i = 0; i < 100 && left > 1; i++) {
            usleep(1000); /* joined, but the kernel still lists it */
            left = threads_alive();
        }
        _exit(s != BP_ELIMIT || p || h.live ? 1 : left != 1 ? 2 : 0);
    }
    int status;
    T_CHECK(waitpid(child, &status, 0) == child);
    T_CHECKF(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d",
             status);
}

static void affinity(void)
{
    cpu_set_t old, one;
    T_REQUIRE(sched_getaffinity(0, sizeof old, &old) == 0);
    T_CHECK(bp__cpu_count() == CPU_COUNT(&old));
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &old)) {
            CPU_SET(i, &one);
            break;
        }
    T_REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
    T_CHECK(bp__cpu_count() == 1);
    pool_of(0);
    pool_of(2);
    cpu_set_t now_set;
    sched_getaffinity(0, sizeof now_set, &now_set);
    T_CHECK(CPU_EQUAL(&now_set, &one));
    sched_setaffinity(0, sizeof old, &old);
}

/* Printed, not asserted: a loaded machine must not fail the test. */
static void latency(int threads)
{
    bp__pool *p;
    bp_error err = {0};
    T_OK(bp__pool_new(NULL, threads, &p, &err), &err);
    static job j;
    memset(&j, 0, sizeof j);
    j.pool = p;
    double best = 1;
    for (int k = 0; k < 20; k++) {
        double start = now();
        for (int i = 0; i < 200; i++)
            bp__pool_run(p, count_calls, &j);
        best = fmin(best, (now() - start) / 200);
    }
    double barrier = 1;
    j.rounds = 100;
    for (int k = 0; k < 20; k++) {
        double start = now();
        bp__pool_run(p, meet, &j);
        barrier = fmin(barrier, (now() - start) / 200);
    }
    printf("%d threads: a run takes %.2f us, a barrier %.2f us\n", threads,
           best * 1e6, barrier * 1e6);
    T_CHECK(atomic_load(&j.wrong) == 0);
    bp__pool_free(p);
}

int main(void)
{
    static const int sizes[] = {1, 2, 3, 0, 8, 17};
    for (size_t i = 0; i < BP__ARRAY_LEN(sizes); i++)
        pool_of(sizes[i]);
    allocation_failures();
    threads_that_do_not_start();
    affinity();
    latency(1);
    latency(2);
    latency(8);
    return t_end();
}
