/* The n-th operation of the file layer fails, once or from then on, for every
 * n: the run says so, what is on disk stays sound, and resuming from it ends
 * with the bytes of the run that nothing disturbed. */
#include "rig.h"

#include "t_fs.h"

static bp_data *train, *valid;

static bp_trainer_options options(const char *folder, const bp__fs *fs)
{
    bp_trainer_options o = rig_options(train, valid);
    o.run_dir = folder;
    o.fs = fs;
    o.epochs = 1;
    o.log_every = 0;
    o.checkpoint_seconds = 1e-9;
    return o;
}

static bp_status run_with(const char *folder, const bp__fs *fs, bool resume,
                          bp_error *err)
{
    bp_task task = rig_task();
    bp_trainer_options o = options(folder, fs);
    bp_trainer *t = NULL;
    o.resume = resume;
    bp_status st = bp_trainer_new(&task, &o, &t, err);
    if (!st)
        st = bp_trainer_run(t, err);
    bp_trainer_free(t);
    return st;
}

static void check_failure(const char *whole, int64_t n, bool persistent,
                          bool short_write)
{
    const char *folder = "rig-faulty";
    t_fs f = {.fail_at = n, .persistent = persistent,
              .short_write = short_write, .error = ENOSPC};
    bp__fs fs = t_fs_make(&f);
    bp_error err = {0};
    bp_status st = run_with(folder, &fs, false, &err);
    T_CHECKF(f.open_files == 0, "call %lld: %lld files left open",
             (long long)n, (long long)f.open_files);
    /* A persistent failure leaves close alone, so there are fewer calls. */
    T_CHECKF(f.failed > 0 || (persistent && st == BP_OK),
             "call %lld was not made", (long long)n);
    if (st != BP_OK)
        T_CHECKF(strstr(err.message, folder) != NULL, "call %lld (%s): %s",
                 (long long)n, f.failed_op, err.message);
    memset(&err, 0, sizeof err);
    st = run_with(folder, NULL, true, &err);
    T_CHECKF(st == BP_OK, "resumed after call %lld (%s): %s", (long long)n,
             f.failed_op, err.message);
    bool same = rig_same_file(whole, folder, "last.safetensors") &&
                rig_same_file(whole, folder, "best.safetensors");
    char *a = rig_read(whole, "log.jsonl"), *b = rig_read(folder, "log.jsonl");
    T_CHECKF(same && !strcmp(a, b), "after call %lld (%s)", (long long)n,
             f.failed_op);
    free(a);
    free(b);
}

static void clean(void)
{
    static const char *const files[] = {
        "checkpoint.safetensors", "best.safetensors", "last.safetensors",
        "log.jsonl", "curve.svg",
    };
    char path[100];
    for (size_t i = 0; i < BP__ARRAY_LEN(files); i++) {
        snprintf(path, sizeof path, "rig-faulty/%s", files[i]);
        unlink(path);
        snprintf(path, sizeof path, "rig-faulty/%s.tmp", files[i]);
        T_CHECKF(unlink(path) != 0, "%s was left behind", path);
    }
    rmdir("rig-faulty");
}

int main(void)
{
    train = rig_data(48, 1);
    valid = rig_data(RIG_VALID, 2);
    const char *whole = rig_folder("whole");
    t_fs f = {.fail_at = -1};
    bp__fs fs = t_fs_make(&f);
    bp_error err = {0};
    T_OK(run_with(whole, &fs, false, &err), &err);
    T_CHECKF(f.calls > 30 && f.calls < 2000, "%lld calls", (long long)f.calls);
    clean();
    for (int64_t n = 0; n < f.calls; n++) {
        check_failure(whole, n, n % 2 == 0, n % 3 == 0);
        clean();
    }
    rig_folder("whole");
    bp_data_free(train);
    bp_data_free(valid);
    return t_end();
}
