/* Allocations of explaining a step fail, one and from then on: it says "out of
 * memory", nothing leaks, and the store is usable afterwards. A step takes
 * thousands of allocations, so those tried are every third, and in the second
 * pass every seventh. */
#include "t.h"

#include <bprop/explain.h>

static int nowhere(void *user, const char *text, size_t bytes)
{
    (void)text;
    *(size_t *)user += bytes;
    return 0;
}

static bp_status explain(const bp_allocator *a, bp_runtime *r, size_t *bytes)
{
    const int64_t dims[1] = {3};
    const float x[3] = {1, -2, 0.5};
    const int32_t t = 1;
    bp_store *s = bp_store_new(a);
    bp_model *m = bp_model_new(a);
    if (!m || !s) {
        bp_model_free(m);
        bp_store_free(s);
        return BP_ENOMEM;
    }
    bp_model_input(m, "x", 1, dims);
    bp_model_add(m, "dense(2), tanh, dense(2)");
    bp_task task = {.size = sizeof task, .model = m,
                    .target = {.dtype = BP_I32},
                    .loss = "softmax_cross_entropy", .penalty = "l2(0.1)",
                    .optimizer = "sgd(0.1)"};
    bp_explain_options o = {.size = sizeof o, .allocator = a, .runtime = r,
                            .input = {x}, .target = &t};
    bp_error err = {0};
    bp_explain *e = NULL;
    bp_status st = bp_explain_new(&task, s, &o, &e, &err);
    T_CHECKF((st != BP_OK) == (e == NULL), "status %s, result %p",
             bp_status_name(st), (void *)e);
    if (st)
        T_CHECKF(strstr(err.message, "out of memory") != NULL, "%s",
                 err.message);
    *bytes = 0;
    if (!st)
        st = bp_explain_text(e, BP_CHINESE, nowhere, bytes);
    if (!st)
        st = bp_explain_html(e, BP_ENGLISH, nowhere, bytes);
    bp_explain_free(e);
    bp_model_free(m);
    bp_store_free(s);
    return st;
}

int main(void)
{
    t_heap h = {.fail_at = -1};
    bp_allocator a = t_allocator(&h);
    bp_error err = {0};
    bp_runtime *r = NULL;
    bp_runtime_options ro = {.size = sizeof ro, .threads = 1};
    size_t want = 0, bytes = 0;
    T_OK(bp_runtime_new(&ro, &r, &err), &err);
    T_CHECK(explain(&a, r, &want) == BP_OK && want > 10000);
    T_CHECKF(h.live == 0, "%lld bytes leaked", (long long)h.live);
    int64_t calls = h.calls, failures = 0, tried = 0;
    for (int persistent = 0; persistent < 2; persistent++)
        for (int64_t n = 0; n < calls; n += persistent ? 7 : 3) {
            h = (t_heap){.fail_at = n, .persistent = persistent};
            bp_status st = explain(&a, r, &bytes);
            tried++;
            failures += st != BP_OK;
            T_CHECKF(st == BP_ENOMEM || (st == BP_OK && bytes == want),
                     "allocation %lld: %s", (long long)n,
                     bp_status_name(st));
            T_CHECKF(h.live == 0, "allocation %lld: %lld bytes leaked",
                     (long long)n, (long long)h.live);
        }
    T_CHECKF(failures > tried / 2, "%lld failures of %lld tries",
             (long long)failures, (long long)tried);
    bp_runtime_free(r);
    return t_end();
}
