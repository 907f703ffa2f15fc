/* A checkpoint in which any number is wrong is refused by name and value, with
 * what would be right, before anything in the folder is touched. */
#include "rig.h"

#include "fmt/safetensors.h"
#include "train/train.h"

enum { MAX_FILE = 1 << 16 };

static bp_data *train, *valid;
static int64_t stop_at;

static void stop_there(void *user, const bp_progress *p)
{
    bp_trainer **t = user;
    if (!strcmp(p->split, "train") && p->step == stop_at)
        bp_trainer_stop(*t);
}

/* A kind of run: where it stops, which ends and variables it has. */
typedef struct kind {
    const char *name;
    int64_t stop_at, steps, log_every;
    const char *metrics, *optimizer;
} kind;

static const kind kinds[] = {
    {"open", 10, 0, 3, "accuracy, auc", "adam(lr=0.01, schedule=plateau)"},
    {"full", 14, 0, 0, "accuracy", "sgd(lr=0.01)"},
    {"closed", 0, 0, 5, "auc", "adam(ema=0.9, schedule=cosine(to=0))"},
    {"steps", 0, 9, 0, NULL, "adam(lr=0.01, schedule=plateau(cooldown=2))"},
    {"fresh", 1, 0, 0, "auc", "adam"},
};

static bp_status open_run(const kind *k, const char *folder, bool resume,
                          bool go_on, bp_error *err)
{
    bp_task task = rig_task();
    bp_trainer_options o = rig_options(train, valid);
    bp_trainer *t = NULL;
    task.metrics = k->metrics;
    task.optimizer = k->optimizer;
    o.steps = k->steps;
    o.log_every = k->log_every;
    o.run_dir = folder;
    o.resume = resume;
    o.tensorboard = true;
    o.on_step = stop_there;
    o.user = &t;
    stop_at = resume ? 0 : k->stop_at;
    bp_status st = bp_trainer_new(&task, &o, &t, err);
    if (!st && go_on)
        st = bp_trainer_run(t, err);
    bp_trainer_free(t);
    return st;
}

/* ---- files --------------------------------------------------------------- */

static const char *const files[] = {
    "checkpoint.safetensors", "best.safetensors", "last.safetensors",
    "log.jsonl", "curve.svg", "events.out.tfevents.bprop",
};
enum { N_FILES = sizeof files / sizeof files[0] };

typedef struct image {
    unsigned char bytes[MAX_FILE];
    size_t n;
} image;

static const char *path_of(const char *folder, const char *file)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return path;
}

static image get(const char *folder, const char *file)
{
    image m = {.n = 0};
    FILE *f = fopen(path_of(folder, file), "rb");
    if (f) {
        m.n = fread(m.bytes, 1, MAX_FILE, f);
        fclose(f);
    }
    T_REQUIRE(m.n < MAX_FILE);
    return m;
}

static void put(const char *folder, const char *file, const image *m)
{
    FILE *f = fopen(path_of(folder, file), "wb");
    T_REQUIRE(f);
    fwrite(m->bytes, 1, m->n, f);
    fclose(f);
}

/* Another number in a scalar of the checkpoint; what it held. */
static double set_scalar(const char *folder, const char *name, double x)
{
    bp__safetensors st;
    bp_error err = {0};
    double old = 0;
    const char *path = path_of(folder, files[0]);
    T_OK(bp__safetensors_read(NULL, &bp__malloc_allocator, path, &st, &err),
         &err);
    const bp__st_entry *e = bp__safetensors_find(&st, name);
    T_REQUIRE(e);
    if (e->dtype == BP_I32) {
        int32_t *p = (int32_t *)(uintptr_t)e->data;
        old = *p;
        *p = x > INT32_MAX ? INT32_MAX : x > INT32_MIN ? (int32_t)x : INT32_MIN;
    } else {
        double *p = (double *)(uintptr_t)e->data;
        old = *p;
        *p = x;
    }
    T_OK(bp__safetensors_write(NULL, &bp__malloc_allocator, path, st.entries,
                               st.n_entries, st.meta, st.n_meta, &err), &err);
    bp__safetensors_free(&st);
    return old;
}

/* ---- refusals ------------------------------------------------------------ */

static void expect_refusal(const kind *k, const char *folder, const char *name,
                           double x)
{
    static image before[N_FILES];
    bp_error err = {0};
    for (int i = 0; i < N_FILES; i++)
        before[i] = get(folder, files[i]);
    bp_status st = open_run(k, folder, true, false, &err);
    T_CHECKF(st == BP_EFORMAT || st == BP_ENONFINITE, "%s: %s = %g: %s (%s)",
             k->name, name, x, bp_status_name(st), err.message);
    T_CHECKF(strstr(err.message, name) && strstr(err.message, files[0]),
             "%s: %s = %g: %s", k->name, name, x, err.message);
    for (int i = 0; i < N_FILES; i++) {
        image after = get(folder, files[i]);
        T_CHECKF(after.n == before[i].n &&
                     !memcmp(after.bytes, before[i].bytes, after.n),
                 "%s: %s = %g: %s was touched", k->name, name, x, files[i]);
    }
}

static void check_scalars(const kind *k, const char *folder)
{
    /* Those that are free but for being finite and, some, not negative. */
    static const char *const names[] = {
        "epoch", "batch", "log_bytes", "has_best", "best_epoch", "idle",
        "sum_samples", "step", "plateau_has_best", "plateau_idle",
        "plateau_rest", "plateau_factor", "sum_weight", "grad_norm",
        "best", "sum_loss",
    };
    static const double values[] = {(double)NAN, HUGE_VAL, -1, -4, 0.5, 1e300,
                                    -1e300, 0x1p60, 0x1p53, 2147483647, 1e-300};
    bool plateau = strstr(k->optimizer, "plateau") != NULL;
    for (size_t i = 0; i < BP__ARRAY_LEN(names); i++) {
        char name[60];
        bool free_number = i >= BP__ARRAY_LEN(names) - 5;
        bool own = !strcmp(names[i], "log_bytes");
        snprintf(name, sizeof name, "%s.%s", own ? "@folder" : "trainer",
                 names[i]);
        if (!plateau && strstr(name, "plateau"))
            continue;
        image m = get(folder, files[0]);
        for (size_t j = 0; j < BP__ARRAY_LEN(values); j++) {
            double x = values[j];
            if (free_number && x - x == 0)
                continue;
            double old = set_scalar(folder, name, x);
            bool same = !strcmp(names[i], "step") && old == trunc(x);
            if (!same && old != x)
                expect_refusal(k, folder, name, x);
            put(folder, files[0], &m);
        }
        for (int d = -1; d <= 1 && i < 3; d++) { /* one off */
            double old = set_scalar(folder, name, 0);
            set_scalar(folder, name, old + d);
            if (d && old + d >= 0) {
                bp_error err = {0};
                T_CHECKF(open_run(k, folder, true, false, &err) == BP_EFORMAT,
                         "%s: %s = %g", k->name, name, old + d);
            }
            put(folder, files[0], &m);
        }
    }
}

/* Every other length of the log: within a line, too short, too long. */
static void check_log_bytes(const kind *k, const char *folder)
{
    image m = get(folder, files[0]), log = get(folder, "log.jsonl");
    double right = set_scalar(folder, "@folder.log_bytes", 0);
    for (size_t n = 0; n <= log.n + 2; n++) {
        bool line_end = n == 0 || n > log.n || log.bytes[n - 1] == '\n';
        if ((double)n == right || (!line_end && n % 7))
            continue;
        set_scalar(folder, "@folder.log_bytes", (double)n);
        expect_refusal(k, folder, "@folder.log_bytes", (double)n);
    }
    put(folder, files[0], &m);
    image cut = log; /* and the other way round: another log */
    cut.n = right > 0 ? (size_t)right - 1 : 0;
    put(folder, "log.jsonl", &cut);
    if (right > 0)
        expect_refusal(k, folder, "@folder.log_bytes", right);
    cut.n = (size_t)right;
    if (right > 0) {
        memset(cut.bytes, '\n', cut.n);
        put(folder, "log.jsonl", &cut);
        bp_error err = {0};
        T_CHECK(open_run(k, folder, true, false, &err) == BP_EFORMAT);
    }
    put(folder, "log.jsonl", &log);
}

/* What stands behind the checkpoint's part of the log is cut, damaged or not.
 */
static void check_tail(const kind *k, const char *folder)
{
    static const char *const tails[] = {"{\"step\":99", "\n\n\n", "{}\n",
                                        "\001\002\n"};
    bp_error err = {0};
    image m = get(folder, "log.jsonl");
    for (size_t i = 0; i < BP__ARRAY_LEN(tails); i++) {
        image more = m;
        memcpy(more.bytes + more.n, tails[i], strlen(tails[i]));
        more.n += strlen(tails[i]);
        put(folder, "log.jsonl", &more);
        T_OK(open_run(k, folder, true, false, &err), &err);
        image after = get(folder, "log.jsonl");
        T_CHECK(after.n <= m.n && !memcmp(after.bytes, m.bytes, after.n));
    }
    put(folder, "log.jsonl", &m);
}

static void check_best(const kind *k, const char *folder)
{
    bp_error err = {0};
    image m = get(folder, files[1]);
    image bad = m, checkpoint = get(folder, files[0]);
    if (!m.n)
        return;
    bad.n /= 2;
    put(folder, files[1], &bad);
    T_CHECK(open_run(k, folder, true, false, &err) != BP_OK);
    T_CHECKF(strstr(err.message, files[1]), "%s", err.message);
    image after = get(folder, files[0]);
    T_CHECK(after.n == checkpoint.n);
    put(folder, files[1], &m);
}

/* Random numbers come from seed and step. */
static void check_key(const kind *k, const char *folder)
{
    image m = get(folder, files[0]);
    for (int i = 0; i < 4; i++) {
        bp__safetensors st;
        bp_error err = {0};
        const char *path = path_of(folder, files[0]);
        T_OK(bp__safetensors_read(NULL, &bp__malloc_allocator, path, &st,
                                  &err), &err);
        const bp__st_entry *e = bp__safetensors_find(&st, "trainer.key");
        T_REQUIRE(e && e->bytes == 16);
        ((int32_t *)(uintptr_t)e->data)[i] ^= 64;
        T_OK(bp__safetensors_write(NULL, &bp__malloc_allocator, path,
                                   st.entries, st.n_entries, st.meta,
                                   st.n_meta, &err), &err);
        bp__safetensors_free(&st);
        expect_refusal(k, folder, "trainer.key", i);
        put(folder, files[0], &m);
    }
}

int main(void)
{
    train = rig_data(RIG_TRAIN, 1);
    valid = rig_data(RIG_VALID, 2);
    for (size_t i = 0; i < BP__ARRAY_LEN(kinds); i++) {
        const kind *k = &kinds[i];
        const char *folder = rig_folder(k->name);
        bp_error err = {0};
        bp_status st = open_run(k, folder, false, true, &err);
        T_CHECKF(st == (k->stop_at ? BP_ECANCELED : BP_OK), "%s: %s", k->name,
                 err.message);
        check_scalars(k, folder);
        check_key(k, folder);
        check_log_bytes(k, folder);
        check_best(k, folder);
        check_tail(k, folder);
        T_OK(open_run(k, folder, true, true, &err), &err);
        rig_folder(k->name);
    }
    bp_data_free(train);
    bp_data_free(valid);
    return t_end();
}
