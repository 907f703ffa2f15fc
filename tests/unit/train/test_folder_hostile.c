/* Checkpoints that were changed: each is refused with a word about what is
 * wrong, and nothing of the loop is touched. */
#include "rig.h"

#include "fmt/safetensors.h"

#include <bprop/folder.h>
#include <bprop/ops.h>

#include <math.h>

enum { ROWS = 5 };

static void learn(bp_trace *t, void *user)
{
    bp_graph *g = bp_trace_graph(t);
    bp_nn *nn = bp_trace_net(t, "");
    bp_val x = bp_trace_input(t, "x");
    bp_val h = bp_trace_state(t, "h", BP_F32, 1, (int64_t[]){3});
    (void)user;
    h = bp_nn_tanh(nn, bp_add(g, bp_nn_dense(nn, x, 3), h));
    bp_trace_set_state(t, "h", h);
    bp_trace_minimize(t, bp_mean(g, h, 0, NULL, false), NULL);
}

typedef struct loop {
    bp_store *s;
    bp_runtime *r;
    bp_step *p;
    bp_source *source[2];
    bp_folder *f;
    int64_t k;
    double sum;
    bp_error err;
} loop;

static void close_loop(loop *q)
{
    bp_folder_free(q->f);
    bp_step_free(q->p);
    bp_source_free(q->source[0]);
    bp_source_free(q->source[1]);
    bp_store_free(q->s);
    bp_runtime_free(q->r);
}

static bp_status open_loop(loop *q, const char *path)
{
    static const bp_step_input in[] = {
        {.name = "x", .dtype = BP_F32, .rank = 2, .dims = {BP_ANY, BP_ANY}},
        {.name = "target", .dtype = BP_I32, .rank = 1, .dims = {BP_ANY}}};
    bp_loader_options lo = {.size = sizeof lo, .batch = ROWS, .shuffle = true,
                            .drop_last = true};
    bp_step_options so = {.size = sizeof so, .fn = learn, .n_inputs = 2,
                          .input = in, .training = true, .name = "learn",
                          .optimizer = "adam(lr=0.05)"};
    bp_folder_options fo = {.size = sizeof fo, .resume = true};
    bp_data *d = rig_data(43, 1);
    *q = (loop){.s = bp_store_new(NULL)};
    T_OK(bp_runtime_new(NULL, &q->r, &q->err), &q->err);
    T_OK(bp_step_new(q->s, q->r, &so, &q->p, &q->err), &q->err);
    for (int i = 0; i < 2; i++)
        T_OK(bp_source_from_data(d, &lo, &q->source[i], &q->err), &q->err);
    bp_data_free(d);
    T_OK(bp_folder_new(path, &fo, &q->f, &q->err), &q->err);
    bp_folder_add_store(q->f, q->s);
    bp_folder_add_step(q->f, q->p);
    bp_folder_add_source(q->f, "a", q->source[0]);
    bp_folder_add_source(q->f, "b", q->source[1]);
    bp_folder_add_count(q->f, "k", &q->k);
    bp_folder_add_counter(q->f, "sum", &q->sum);
    return bp_folder_start(q->f, NULL, &q->err);
}

typedef struct change {
    const char *name;  /* of an entry, or a key of the metadata */
    const char *value; /* of the metadata; bytes of a source */
    int dtype, rank;   /* of the entry; 0, 0: one f64 number */
    double x;
    bool gone;
    const char *words; /* of the refusal; NULL: it is taken */
} change;

static void make(const char *path, const change *c)
{
    bp__safetensors st;
    bp_error err = {0};
    char file[200];
    snprintf(file, sizeof file, "%s/checkpoint.safetensors", path);
    T_OK(bp__safetensors_read(NULL, NULL, file, &st, &err), &err);
    for (size_t i = 0; i < st.n_meta; i++)
        if (!strcmp(st.meta[i].key, c->name))
            st.meta[i].value = c->value;
    for (size_t i = 0; i < st.n_entries; i++) {
        bp__st_entry *e = &st.entries[i];
        if (strcmp(e->name, c->name))
            continue;
        if (c->gone) {
            *e = st.entries[--st.n_entries];
            break;
        }
        *e = (bp__st_entry){.name = e->name, .data = &c->x, .bytes = 8,
                            .dtype = BP_F64};
        if (c->rank || c->value) {
            e->dtype = (bp_dtype)c->dtype;
            e->rank = c->rank;
            for (int k = 0; k < c->rank; k++)
                e->dims[k] = 1;
            e->data = c->value ? c->value : (const char *)&c->x;
            e->bytes = c->value ? strlen(c->value) : bp_dtype_bytes(e->dtype);
            if (c->rank)
                e->dims[c->rank - 1] =
                    (int64_t)(e->bytes / bp_dtype_bytes(e->dtype));
        }
    }
    T_OK(bp__safetensors_write(NULL, NULL, file, st.entries, st.n_entries,
                               st.meta, st.n_meta, &err), &err);
    bp__safetensors_free(&st);
}

#define HUGE "999999999999999"

static const change changes[] = {
    {"k", .words = NULL}, /* no such entry: nothing is changed */
    {"@counter.k", .x = (double)NAN, .words = "@counter.k"},
    {"@counter.k", .x = (double)INFINITY, .words = "@counter.k"},
    {"@counter.k", .x = 1.5, .words = "@counter.k is 1.5: a whole number"},
    {"@counter.k", .x = 1e300, .words = "@counter.k is 1e300"},
    {"@counter.k", .x = 1, .dtype = BP_F64, .rank = 1,
     .words = "@counter.k must be one f64 number"},
    {"@counter.k", .dtype = BP_I32, .value = "1234",
     .words = "@counter.k must be one f64 number"},
    {"@counter.sum", .gone = true, .words = "@counter.sum is missing"},
    {"@folder.has_best", .x = 1, .words = "best.safetensors"},
    {"@folder.has_best", .x = 2, .words = "from 0 to 1"},
    {"@folder.log_bytes", .x = -1, .words = "@folder.log_bytes is -1"},
    {"@folder.log_bytes", .x = 7, .words = "is missing or shorter"},
    {"@source.a", .dtype = BP_U8, .rank = 2, .value = "0 1",
     .words = "the state of source \"a\" must be bytes"},
    {"@source.a", .dtype = BP_F64, .rank = 1,
     .words = "the state of source \"a\" must be bytes"},
    {"@source.b", .gone = true, .words = "\"b\" is missing"},
    {"@source.b", .dtype = BP_U8, .rank = 1, .value = "",
     .words = "source \"b\": the place"},
    {"@source.b", .dtype = BP_U8, .rank = 1, .value = "0 99999",
     .words = "source \"b\": the place"},
    {"@source.b", .dtype = BP_U8, .rank = 1, .value = HUGE HUGE " 0",
     .words = "source \"b\": the place"},
    {"h", .dtype = BP_F32, .rank = 1, .value = "12345678",
     .words = "h is f32[2] in the file"},
    {"h", .gone = true, .words = "h is missing"},
    {"trainer.learn.step", .x = 1, .words = "trainer.learn.step is f64[]"},
    {"first.learn", "", .words = "its inputs were "},
    {"first.learn", "f32", .words = "its inputs were f32"},
    {"first.learn", "f32[5,2]", .words = "its inputs were"},
    {"first.learn", "f32[5,2] i32[5] i32[5]", .words = "its inputs were"},
    {"first.learn", "f32[5,2", .words = "its inputs were"},
    {"first.learn", "f32[5,-2] i32[5]", .words = "its inputs were"},
    {"first.learn", "f32[5,2,1,1,1,1,1,1,1,1] i32[5]",
     .words = "its inputs were"},
    {"first.learn", "f99[5,2] i32[5]", .words = "its inputs were"},
    {"first.learn", "f32[5] i32[5]", .words = "takes f32[-1,-1]"},
    {"first.learn", "f32[5,2] i32[6]", .words = "rows"},
    {"first.learn", "f32[0,2] i32[0]", .words = "no rows"},
    {"first.learn", "f32[6,2] i32[6]", .words = "(the network, its loss"},
    {"first.learn", "f32[5,0] i32[5]", .words = ""},
    {"first.learn", "f32[" HUGE "," HUGE "] i32[" HUGE "]", .words = ""},
    {"first.learn", "f32[" HUGE ",2] i32[" HUGE "]", .words = ""},
    {"first.learn", "f32[5," HUGE "] i32[5]", .words = ""},
    {"graph.learn", "", .words = "the graph of step \"learn\""},
    {"order.learn", "", .words = NULL},
    {"order.learn", HUGE HUGE, .words = NULL},
    {"options", "", .words = "the options"},
    {"data.a", "x", .words = "the data of \"a\": x, now"},
    {"bprop_checkpoint", "", .words = "format"}};

static void start_run(const char *path, loop *q)
{
    bp_fields b;
    T_OK(open_loop(q, path), &q->err);
    for (; q->k < 3; q->k++) {
        T_OK(bp_source_next(q->source[0], &b, &q->err), &q->err);
        T_OK(bp_source_next(q->source[1], &b, &q->err), &q->err);
        T_OK(bp_step_run(q->p, b.n, b.field, &q->err), &q->err);
    }
    q->sum = 0.5;
    T_OK(bp_folder_save(q->f, &q->err), &q->err);
}

static void check(const change *c)
{
    const char *path = rig_folder("hostile");
    loop q;
    bp_fields b;
    start_run(path, &q);
    close_loop(&q);
    make(path, c);
    bp_status st = open_loop(&q, path);
    const char *text = c->value ? c->value : "";
    T_CHECKF(!st == !c->words, "%s '%s' %g: %s", c->name, text, c->x,
             q.err.message);
    if (st && c->words) {
        T_CHECKF(strstr(q.err.message, c->words), "%s '%s' %g: %s; want '%s'",
                 c->name, text, c->x, q.err.message, c->words);
        T_CHECK(q.k == 0 && q.sum == 0);
        for (int i = 0; i < 2; i++) {
            T_OK(bp_source_next(q.source[i], &b, &q.err), &q.err);
            T_CHECKF(b.index == 0, "%s '%s': source %d was moved", c->name,
                     text, i);
        }
    }
    close_loop(&q);
    rig_folder("hostile");
}

int main(void)
{
    for (size_t i = 0; i < BP__ARRAY_LEN(changes); i++)
        check(&changes[i]);
    return t_end();
}
