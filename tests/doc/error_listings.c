/* See listings.h. What doc/errors.md shows: the list of codes, and faults that
 * are made on purpose. */
#include "doc/listings.h"

#include "exec/exec.h"
#include "t.h"

#include <bprop/ops.h>

static void print_statuses(bp__str *s)
{
#define PRINT_STATUS(name, value, text) \
    bp__str_printf(s, "%4d  BP_%-13s %s\n", value, #name, text);
    BP_STATUS_LIST(PRINT_STATUS)
#undef PRINT_STATUS
}

static void print_error_line(bp__str *s, bp_status st, const bp_error *err)
{
    bp__str_printf(s, "%s: %s\n", bp_status_name(st), err->message);
}

/* ---- a step that fails ----------------------------------------------------*/

typedef struct run {
    bp_runtime *runtime;
    bp_store *store;
    bp_program *program;
} run;

/* w <- w - lr * dloss/dw, loss = mean of log(x w). */
static bp_val log_step(bp_graph *g, bp_store *st)
{
    bp_val x = bp_batch_input(g, "x", BP_F32, 2, (int64_t[]){4, 2});
    bp_val w = bp_variable(g, st, "w"), dw;
    bp_scope_push(g, "net");
    bp_val y = bp_log(g, bp_matmul(g, x, w, false, false));
    bp_scope_pop(g);
    bp_val loss = bp_mean(g, y, 0, NULL, false);
    bp_grad(g, loss, &w, 1, &dw);
    bp_update(g, st, "w",
              bp_sub(g, w, bp_mul(g, bp_variable(g, st, "lr"), dw)));
    return loss;
}

static run new_run(void)
{
    run r = {0};
    bp_error err = {0};
    bp_runtime_options ro = {.size = sizeof ro, .threads = 1,
                             .level = BP_LEVEL_PLAIN};
    T_OK(bp_runtime_new(&ro, &r.runtime, &err), &err);
    r.store = bp_store_new(NULL);
    T_OK(bp_store_add(r.store, "w", BP_VAR_PARAM, BP_F32, 2,
                      (int64_t[]){2, 1}, &err), &err);
    T_OK(bp_store_add(r.store, "lr", BP_VAR_TRAINER, BP_F32, 0, NULL, &err),
         &err);
    bp_graph *g = bp_graph_new(NULL);
    bp_output(g, "loss", log_step(g, r.store));
    const bp_graph *one = g;
    T_OK(bp_compile(r.runtime, &one, 1, NULL, &r.program, &err), &err);
    bp_graph_free(g);
    return r;
}

static void end_run(run *r)
{
    bp_program_free(r->program);
    bp_runtime_free(r->runtime);
    bp_store_free(r->store);
}

static void set_weights(run *r, float w0, float w1, float lr)
{
    bp_error err = {0};
    float w[2] = {w0, w1};
    T_OK(bp_store_set(r->store, "w", w, sizeof w, &err), &err);
    T_OK(bp_store_set(r->store, "lr", &lr, sizeof lr, &err), &err);
}

static void print_fault(bp__str *s)
{
    static const float x[4][2] = {{1, 1}, {2, -3}, {1, 2}, {-4, 1}};
    run r = new_run();
    bp_error err = {0};
    set_weights(&r, 1, 1, 0.1f);
    print_error_line(s, bp_run(r.program, &err), &err); /* x: not bound */
    T_OK(bp_bind(r.program, "x", x, sizeof x, &err), &err);
    print_error_line(s, bp_run(r.program, &err), &err);
    float w[2];
    T_OK(bp_store_get(r.store, "w", w, sizeof w, &err), &err);
    T_CHECK(w[0] == 1 && w[1] == 1); /* nothing was committed */
    T_CHECK(bp_store_poisoned(r.store) == NULL);
    end_run(&r);
}

/* The gradient is finite, the update is not. */
static void print_poison(bp__str *s)
{
    static const float x[4][2] = {{1, 1}, {1, 1}, {1, 1}, {1, 1}};
    run r = new_run();
    bp_error err = {0};
    set_weights(&r, 1e-20f, 1e-20f, 1e30f);
    T_OK(bp_bind(r.program, "x", x, sizeof x, &err), &err);
    print_error_line(s, bp_run(r.program, &err), &err);
    print_error_line(s, bp_run(r.program, &err), &err);
    T_CHECK(bp_store_poisoned(r.store) != NULL);
    end_run(&r);
}

const listing error_listings[] = {
    {"statuses", print_statuses},
    {"fault", print_fault},
    {"poison", print_poison},
};
const int n_error_listings =
    (int)(sizeof error_listings / sizeof *error_listings);
