/* Memory runs out in the n-th allocation, or the n-th operation on a file
 * fails, in a loop of a caller's own that is stopped and resumed: it says so,
 * leaks nothing, and the folder goes on to the bits of an undisturbed run. */
#include "rig.h"

#include "t_fs.h"

#include <bprop/folder.h>
#include <bprop/ops.h>

enum { STEPS = 6, STOP = 3, ROWS = 5 };

static bp_data *data;

/* What is to be on the disk is not waited for. */
static int no_sync(void *user, intptr_t handle)
{
    (void)handle;
    return t_fs_step(user, "sync");
}

static int no_sync_dir(void *user, const char *path)
{
    (void)path;
    return t_fs_step(user, "sync_dir");
}

static bp__fs files_of(t_fs *f)
{
    bp__fs fs = t_fs_make(f);
    fs.sync = no_sync;
    fs.sync_dir = no_sync_dir;
    return fs;
}

static void learn(bp_trace *t, void *user)
{
    bp_graph *g = bp_trace_graph(t);
    bp_nn *nn = bp_trace_net(t, "");
    bp_val h = bp_trace_state(t, "h", BP_F32, 1, (int64_t[]){3});
    bp_val in[2] = {bp_trace_input(t, "x"), h};
    (void)user;
    h = bp_nn_tanh(nn, bp_nn_dense(nn, bp_concat(g, 2, in, 1), 3));
    bp_trace_set_state(t, "h", h);
    bp_val loss = bp_nn_loss(nn, "softmax_cross_entropy", h,
                             bp_trace_input(t, "target"));
    bp_trace_minimize(t, loss, NULL);
    bp_trace_output(t, "loss", loss);
}

/* A source that makes its batches ahead: of the loop's own, with a state. */
typedef struct noise {
    int64_t at;
    float x[ROWS * 2];
    int32_t y[ROWS];
} noise;

static bp_status noise_next(void *self, bp_fields *out, bp_error *err)
{
    noise *s = self;
    uint64_t seed = (uint64_t)++s->at;
    (void)err;
    for (int i = 0; i < 2 * ROWS; i++)
        s->x[i] = (float)t_uniform(&seed, -1, 1);
    for (int i = 0; i < ROWS; i++)
        s->y[i] = (int32_t)((s->at + i) % RIG_CLASSES);
    out->n = 2;
    out->field[0] = (bp_array){.dtype = BP_F32, .rank = 2, .dims = {ROWS, 2},
                               .data = s->x, .bytes = sizeof s->x};
    out->field[1] = (bp_array){.dtype = BP_I32, .rank = 1, .dims = {ROWS},
                               .data = s->y, .bytes = sizeof s->y};
    return BP_OK;
}

static bp_status noise_save(void *self, bp_write_fn write, void *to,
                            bp_error *err)
{
    char text[30];
    int n = snprintf(text, sizeof text, "%d", (int)((noise *)self)->at);
    return write(to, text, (size_t)n) ? bp__error(err, BP_EIO, "the noise")
                                      : BP_OK;
}

static bp_status noise_load(void *self, const void *bytes, size_t n,
                            bp_error *err)
{
    char text[30] = "";
    if (n == 0 || n > 20)
        return bp__error(err, BP_EFORMAT, "no count");
    memcpy(text, bytes, n);
    ((noise *)self)->at = atoi(text);
    return BP_OK;
}

typedef struct loop {
    bp_store *s;
    bp_runtime *r;
    bp_step *p;
    bp_source *train, *noise;
    noise own;
    bp_folder *f;
    int64_t k;
    double sum;
} loop;

static void close_loop(loop *q)
{
    bp_folder_free(q->f);
    bp_step_free(q->p);
    bp_source_free(q->train);
    bp_source_free(q->noise);
    bp_store_free(q->s);
    bp_runtime_free(q->r);
}

static bp_status make_sources(loop *q, const bp_allocator *a, bp_error *err)
{
    static const bp_source_row row = {
        .size = sizeof row, .name = "noise", .next = noise_next,
        .save = noise_save, .load = noise_load, .alone = true};
    bp_loader_options lo = {.size = sizeof lo, .batch = ROWS, .shuffle = true,
                            .drop_last = true, .allocator = a};
    bp_source_options so = {.size = sizeof so, .allocator = a,
                            .prefetch = true};
    bp_status st = bp_source_from_data(data, &lo, &q->train, err);
    return st ? st : bp_source_new(&row, &q->own, &so, &q->noise, err);
}

static bp_status open_loop(loop *q, const char *path, const bp_allocator *a,
                           const bp__fs *fs, bp_error *err)
{
    static const bp_step_input in[] = {
        {.name = "x", .dtype = BP_F32, .rank = 2, .dims = {BP_ANY, 2}},
        {.name = "target", .dtype = BP_I32, .rank = 1, .dims = {BP_ANY}}};
    bp_step_options so = {.size = sizeof so, .fn = learn, .n_inputs = 2,
                          .input = in, .training = true, .allocator = a,
                          .name = "learn", .seed = 1,
                          .optimizer = "adam(lr=0.05)"};
    bp_folder_options fo = {.size = sizeof fo, .resume = true,
                            .tensorboard = true, .allocator = a, .fs = fs,
                            .title = "a loop", .checkpoint_seconds = -1};
    bp_runtime_options ro = {.size = sizeof ro, .allocator = a, .threads = 1};
    *q = (loop){.s = bp_store_new(a)};
    bp_status st = q->s ? bp_runtime_new(&ro, &q->r, err) : bp__oom(err);
    if (!st)
        st = bp_step_new(q->s, q->r, &so, &q->p, err);
    if (!st)
        st = make_sources(q, a, err);
    if (!st)
        st = bp_folder_new(path, &fo, &q->f, err);
    if (st)
        return st;
    bp_folder_add_store(q->f, q->s);
    bp_folder_add_step(q->f, q->p);
    bp_folder_add_source(q->f, "train", q->train);
    bp_folder_add_source(q->f, "noise", q->noise);
    bp_folder_add_count(q->f, "k", &q->k);
    bp_folder_add_counter(q->f, "sum", &q->sum);
    return bp_folder_start(q->f, NULL, err);
}

static bp_status round_of(loop *q, bp_error *err)
{
    bp_fields b;
    bp_status st = bp_source_next(q->k % 2 ? q->noise : q->train, &b, err);
    if (!st)
        st = bp_step_run(q->p, b.n, b.field, err);
    if (st)
        return st;
    double loss = bp_step_number(q->p, "loss");
    q->sum += loss;
    q->k++;
    bp_record r = {.size = sizeof r, .split = "train", .step = q->k, .n = 1,
                   .key = (const char *const[]){"loss"}, .value = &loss};
    st = bp_folder_log(q->f, &r, err);
    if (!st)
        st = bp_folder_best(q->f, loss, false, NULL, err);
    if (q->k == STOP)
        bp_folder_stop(q->f);
    return st ? st : bp_folder_tick(q->f, err);
}

/* The loop in two runs, from wherever the folder is; its hash at the end. */
static bp_status run_on(const char *path, const bp_allocator *a,
                        const bp__fs *fs, char hash[20], bp_error *err)
{
    loop q;
    bool stopped;
    do {
        bp_status st = open_loop(&q, path, a, fs, err);
        while (!st && q.k < STEPS)
            st = round_of(&q, err);
        stopped = st == BP_ECANCELED;
        if (!st)
            st = bp_folder_finish(q.f, err);
        if (!st)
            st = bp_store_hash(q.s, BP_KINDS_ALL, hash, err);
        close_loop(&q);
        if (st && !stopped)
            return st;
    } while (stopped);
    return BP_OK;
}

/* What was left of a run that failed goes on, and ends alike. */
static void go_on(const char *path, const char *want, const char *what,
                  int64_t n)
{
    char hash[20] = "";
    bp_error err = {0};
    t_fs f = {.fail_at = -1};
    bp__fs fs = files_of(&f);
    bp_status st = run_on(path, NULL, &fs, hash, &err);
    T_CHECKF(!st && !strcmp(hash, want), "%s %lld, gone on: %s (%s)", what,
             (long long)n, hash, err.message);
}

static void check_memory(int64_t n, bool persistent, const char *want)
{
    const char *path = rig_folder("oom");
    t_heap h = {.fail_at = n, .persistent = persistent};
    bp_allocator a = t_allocator(&h);
    char hash[20] = "";
    bp_error err = {0};
    t_fs f = {.fail_at = -1};
    bp__fs fs = files_of(&f);
    bp_status st = run_on(path, &a, &fs, hash, &err);
    T_CHECKF(st ? st == BP_ENOMEM : !strcmp(hash, want),
             "allocation %lld: %s: %s", (long long)n, bp_status_name(st),
             err.message);
    T_CHECKF(h.failed > 0, "allocation %lld was not made", (long long)n);
    T_CHECKF(h.live == 0, "allocation %lld: %lld bytes leak", (long long)n,
             (long long)h.live);
    if (n % 4 == 0)
        go_on(path, want, "allocation", n);
}

static void check_files(int64_t n, bool persistent, const char *want)
{
    const char *path = rig_folder("oom");
    t_fs f = {.fail_at = n, .persistent = persistent, .error = ENOSPC};
    t_heap h = {.fail_at = -1};
    bp_allocator a = t_allocator(&h);
    bp__fs fs = files_of(&f);
    char hash[20] = "";
    bp_error err = {0};
    bp_status st = run_on(path, &a, &fs, hash, &err);
    T_CHECKF(f.failed > 0 || persistent, "operation %lld was not made", (long long)n);
    T_CHECKF(h.live == 0 && f.open_files == 0, "operation %lld (%s): %lld "
             "bytes leak, %lld files are open", (long long)n, f.failed_op,
             (long long)h.live, (long long)f.open_files);
    T_CHECKF(st || !strcmp(hash, want), "operation %lld (%s): %s",
             (long long)n, f.failed_op, hash);
    T_CHECKF(!st || err.message[0], "operation %lld (%s)", (long long)n,
             f.failed_op);
    go_on(path, want, f.failed_op, n);
}

/* A file of the best weights that could not be written is none that a
 * checkpoint speaks of. */
static void test_best(const char *want)
{
    const char *path = rig_folder("oom");
    t_fs f = {.fail_at = -1, .error = ENOSPC};
    bp__fs fs = files_of(&f);
    bp_error err = {0};
    loop q;
    T_OK(open_loop(&q, path, NULL, &fs, &err), &err);
    f.fail_at = f.calls;
    T_CHECK(bp_folder_best(q.f, 1, false, NULL, &err) == BP_EIO);
    T_OK(bp_folder_save(q.f, &err), &err);
    close_loop(&q);
    go_on(path, want, "best", 0);
}

int main(void)
{
    data = rig_data(43, 1);
    t_heap h = {.fail_at = -1};
    t_fs f = {.fail_at = -1};
    bp_allocator a = t_allocator(&h);
    bp__fs fs = files_of(&f);
    char want[20];
    bp_error err = {0};
    T_OK(run_on(rig_folder("oom"), &a, &fs, want, &err), &err);
    T_CHECK(h.live == 0 && h.calls > 100 && f.open_files == 0 && f.calls > 50);
    /* The loader's threads allocate too, so the last may not be made. */
    int64_t last = h.calls * 95 / 100, step = 1 + last / 250;
    for (int64_t n = 0; n < last; n += n < 100 ? 1 : step) {
        check_memory(n, false, want);
        check_memory(n, true, want);
    }
    for (int64_t n = 0; n < f.calls; n++) {
        check_files(n, false, want);
        check_files(n, true, want);
    }
    test_best(want);
    rig_folder("oom");
    bp_data_free(data);
    return t_end();
}
