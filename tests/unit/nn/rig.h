/* What the tests of nn share: compile, bind by name, run, read. Everything
 * stops the test on failure. */
#ifndef BP_TEST_NN_RIG_H
#define BP_TEST_NN_RIG_H

#include "t.h"

#include <bprop/nn.h>

static inline bp_runtime *rig_runtime(void)
{
    bp_error err = {0};
    bp_runtime *r = NULL;
    bp_runtime_options o = {.size = sizeof o, .threads = 1};
    T_OK(bp_runtime_new(&o, &r, &err), &err);
    return r;
}

/* Compiles one graph and frees it. */
static inline bp_program *rig_compile(bp_runtime *r, bp_graph *g)
{
    bp_error err = {0};
    bp_program *p = NULL;
    const bp_graph *gs[1] = {g};
    T_OK(bp_compile(r, gs, 1, NULL, &p, &err), &err);
    bp_graph_free(g);
    return p;
}

static inline void rig_bind(bp_program *p, const char *name, const void *data,
                            size_t bytes)
{
    bp_error err = {0};
    T_OK(bp_bind(p, name, data, bytes, &err), &err);
}

static inline void rig_run(bp_program *p)
{
    bp_error err = {0};
    T_OK(bp_run(p, &err), &err);
}

static inline const void *rig_result(bp_program *p, const char *name,
                                     size_t want_bytes)
{
    size_t bytes = 0;
    const void *x = bp_result(p, name, &bytes);
    T_CHECKF(x != NULL, "no output %s", name);
    if (!x || !T_CHECKF(bytes == want_bytes, "%s has %zu bytes, not %zu",
                        name, bytes, want_bytes))
        exit(t_end());
    return x;
}

static inline double rig_scalar(bp_program *p, const char *name)
{
    return *(const double *)rig_result(p, name, sizeof(double));
}

static inline void rig_get(bp_store *s, const char *name, void *data,
                           size_t bytes)
{
    bp_error err = {0};
    T_OK(bp_store_get(s, name, data, bytes, &err), &err);
}

static inline void rig_set(bp_store *s, const char *name, const void *data,
                           size_t bytes)
{
    bp_error err = {0};
    T_OK(bp_store_set(s, name, data, bytes, &err), &err);
}

/* The graph has this error, and its message holds each of the words. */
static inline void rig_refused(bp_graph *g, bp_status status,
                               const char *const *words, int n)
{
    const char *text = bp_graph_error(g);
    T_CHECKF(bp_graph_status(g) == status, "%s: %s",
             bp_status_name(bp_graph_status(g)), text);
    for (int i = 0; i < n; i++)
        T_CHECKF(strstr(text, words[i]) != NULL, "\"%s\" is not in \"%s\"",
                 words[i], text);
}
#define RIG_REFUSED(g, status, ...)                                        \
    rig_refused(g, status, (const char *const[]){__VA_ARGS__},             \
                (int)(sizeof((const char *const[]){__VA_ARGS__}) /         \
                      sizeof(const char *)))

#endif
