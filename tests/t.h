/* The test harness: checks that count, fail loudly and cannot be empty. */
#ifndef BP_T_H
#define BP_T_H

#include <bprop/bprop.h>

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Counts a check; prints file, line and message when it fails. Returns cond. */
int t_check(int cond, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
#define T_CHECK(cond) t_check(!!(cond), __FILE__, __LINE__, "%s", #cond)
#define T_CHECKF(cond, ...) t_check(!!(cond), __FILE__, __LINE__, __VA_ARGS__)
/* Stops the test at once if it fails. */
#define T_REQUIRE(cond)                                          \
    do {                                                         \
        if (!t_check(!!(cond), __FILE__, __LINE__, "%s", #cond)) \
            exit(t_end());                                       \
    } while (0)
/* status must be BP_OK; prints the message where it is not; stops then. */
#define T_OK(expr, err)                                                  \
    do {                                                                 \
        bp_status t_s_ = (expr);                                         \
        if (!t_check(t_s_ == BP_OK, __FILE__, __LINE__, "%s: %s: %s",    \
                     #expr, bp_status_name(t_s_), (err)->message))       \
            exit(t_end());                                               \
    } while (0)
/* |a - b| <= tol, as a true statement: NaN fails. */
#define T_NEAR(a, b, tol)                                              \
    do {                                                               \
        double t_a_ = (a), t_b_ = (b), t_t_ = (tol);                   \
        t_check(fabs(t_a_ - t_b_) <= t_t_, __FILE__, __LINE__,         \
                "%s = %.17g, %s = %.17g, tolerance %g", #a, t_a_, #b, \
                t_b_, t_t_);                                           \
    } while (0)

/* Prints the reason and exits with 77. */
void t_skip(const char *why);
/* Prints the totals; 0 if at least one check ran and none failed. */
int t_end(void);

/* An allocator that counts live bytes and can fail. */
typedef struct t_heap {
    int64_t live, calls;
    int64_t fail_at;   /* this call (from 0) fails; -1: none */
    bool persistent;   /* and all later ones too */
    int64_t failed;    /* how many failed */
} t_heap;
bp_allocator t_allocator(t_heap *h);

/* A small generator for test data: not the library's. */
double t_uniform(uint64_t *state, double lo, double hi);
/* Path of the read-only data sets beside the checkout, or NULL. */
const char *t_shared_data(void);

#endif
