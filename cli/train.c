/* bprop train [FILE] */
#define _GNU_SOURCE /* flock */
#include "cli.h"

#include "base/file.h"
#include "progress.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* The one global: a signal handler has nothing else to hold on to. */
static bp_trainer *volatile running;

static void on_signal(int number)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    if (running)
        bp_trainer_stop(running);
    sigaction(number, &plain, NULL); /* a second one ends at once */
}

static void catch_signals(bp_trainer *t)
{
    struct sigaction s = {.sa_handler = on_signal};
    running = t;
    sigaction(SIGINT, &s, NULL);
    sigaction(SIGTERM, &s, NULL);
}

/* From here on a signal ends at once: all is saved, and nothing asks. */
static void release_signals(void)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    running = NULL;
    sigaction(SIGINT, &plain, NULL);
    sigaction(SIGTERM, &plain, NULL);
}

/* runs/NAME, unless --out says otherwise. NULL: it cannot be made. */
static const char *choose_folder(const cli_args *a, const bp_config *c,
                                 char *buf, size_t bytes)
{
    bp_error err = {0};
    if (a->out)
        return a->out;
    if (bp__file_mkdir(NULL, "runs", &err)) {
        cli_fail(&err);
        return NULL;
    }
    bp__snprintf(buf, bytes, "runs/%s", bp_config_name(c));
    return buf;
}

/* Which of a run's three hashes another value of these keys changes: "train.seed,
 * model.layers" -> "options and graph". buf: 40 bytes. */
static const char *changed_hashes(const char *keys, char *buf)
{
    static const char *const what[] = {"graph", "options", "data"};
    bool is[3] = {false};
    for (const char *k = keys; k && *k; k = strchr(k, ',')) {
        k += strspn(k, ", ");
        is[!strncmp(k, "model", 5) ? 0 : !strncmp(k, "data.", 5) ? 2 : 1] = true;
    }
    size_t n = 0;
    buf[0] = '\0';
    for (int i = 0; i < 3; i++)
        if (is[i])
            n += (size_t)bp__snprintf(buf + n, 40 - n, "%s%s",
                                      n ? " and " : "", what[i]);
    return buf;
}

static int differs(const cli_model *m, const char *out)
{
    char hashes[40];
    char path[1100];
    bp_config *old = NULL;
    bp_error err = {0};
    bp__snprintf(path, sizeof path, "%s/config.yaml", out);
    if (!bp__file_exists(NULL, path))
        return EXIT_FINE; /* nothing to resume: it starts at the beginning */
    if (bp_config_open(path, NULL, &old, &err)) {
        bp_config_free(old);
        return cli_fail(&err);
    }
    bp_config_take_start(m->config, old);
    const char *d = bp_config_difference(m->config, old);
    if (d)
        cli_complain("'%s' is a run of another configuration: it differs in "
                     "%s (its %s). On resume only train.epochs,\n"
                     "train.checkpoint_seconds, train.log_every and "
                     "train.tensorboard may change",
                     out, d, changed_hashes(d, hashes));
    bp_config_free(old);
    return d ? EXIT_USAGE : EXIT_FINE;
}

/* config.yaml: all that evaluating and predicting need. */
static bp_status write_config(cli_model *m, bp_trainer *t, const char *out,
                              const char *data, bp_error *err)
{
    char *full = data ? realpath(data, NULL) : NULL;
    bp_status st = bp_config_save(m->config, t, out, full, err);
    free(full);
    return st;
}

static void print_start(const cli_model *m, const cli_data *d,
                        const bp_trainer *t, const char *out, bool resumed)
{
    char n[40], bytes[40];
    int64_t params = 0;
    double size = 0;
    bp_store *s = bp_trainer_store((bp_trainer *)t);
    for (size_t i = 0; i < bp_store_count(s); i++) {
        bp_var_info v;
        bp_store_info(s, i, &v);
        if (v.kind != BP_VAR_PARAM)
            continue;
        params += (int64_t)(v.bytes / bp_dtype_bytes(v.dtype));
        size += (double)v.bytes;
    }
    printf("%s: %s parameters (%s), trained on ", m->name,
           cli_count_text(n, params), cli_bytes_text(bytes, size));
    printf("%s sample%s, ", cli_count_text(n, bp_data_count(d->split[0])),
           bp_data_count(d->split[0]) == 1 ? "" : "s");
    printf("%d thread%s, %s\n", bp_runtime_threads(m->runtime),
           bp_runtime_threads(m->runtime) == 1 ? "" : "s",
           bp_level_name(bp_runtime_level(m->runtime)));
    const bp_transfer_report *from = bp_trainer_transfer(t);
    if (from->hash[0])
        printf("starting from %s (hash %s): %lld tensor%s taken, %lld missing, "
               "%lld extra, %lld of another shape\n",
               bp_config_trainer(m->config)->init_from, from->hash, (long long)from->taken,
               from->taken == 1 ? "" : "s", (long long)from->missing,
               (long long)from->extra, (long long)from->shape);
    if (bp_trainer_resume_note(t))
        printf("note: %s\n", bp_trainer_resume_note(t));
    for (int i = 0; !bp_trainer_step(t) && bp_trainer_hint(t, i); i++)
        printf("hint: %s\n", bp_trainer_hint(t, i));
    if (resumed && bp_trainer_step(t))
        printf("going on in %s after step %lld\n", out,
               (long long)bp_trainer_step(t));
}

/* Would the learning rate jump if the run went on for twice as long? */
static bool rate_jumps(const cli_model *m, const bp_trainer *t)
{
    const char *optimizer = bp_config_task(m->config)->optimizer;
    int64_t step = bp_trainer_step(t), epochs = bp_trainer_epoch(t);
    int64_t batches = epochs > 0 && step > epochs ? step / epochs : 1;
    double now = 0, then = 0;
    return !bp_nn_learning_rate(optimizer, step, batches, step, &now, NULL) &&
           !bp_nn_learning_rate(optimizer, step, batches, 2 * step, &then,
                                NULL) &&
           now != then;
}

static void print_end(const cli_args *a, const cli_model *m,
                      const bp_trainer *t, const char *out)
{
    char path[1100], hash[20] = "?";
    const char *data = a->data ? a->data : "";
    const char *flag = a->data ? " --data " : "";
    bp__snprintf(path, sizeof path, "%s/last.safetensors", out);
    cli_file_hash(path, hash);
    printf("\n%s; in %s:\n", bp_trainer_end(t), out);
    printf("  best.safetensors        weights of epoch %lld\n",
           (long long)bp_trainer_best_epoch(t));
    printf("  last.safetensors        weights at the end, hash %s\n", hash);
    printf("  curve.svg               loss%s over the epochs\n",
           bp_config_metric_count(m->config) ? " and metric" : "");
    printf("  log.jsonl               every number of this run\n");
    if (bp_config_trainer(m->config)->tensorboard)
        printf("  events.out.tfevents...  the same for TensorBoard: "
               "tensorboard --logdir %s\n", out);
    printf("  config.yaml, checkpoint.safetensors\n");
    printf("\nnext:\n");
    if (bp_config_has_split(m->config, BP_SPLIT_TEST))
        printf("  bprop eval %s%s%s\n", out, flag, data);
    printf("  bprop predict %s %s\n", out,
           bp_config_input_example(m->config));
    /* More epochs are for a network that was still getting better. */
    int64_t epochs = bp_config_trainer(m->config)->epochs;
    bool early = 10 * (epochs - bp_trainer_best_epoch(t)) > epochs;
    if (a->operands[0] && !early)
        printf("  bprop train %s%s%s --out %s --resume --set "
               "train.epochs=%lld\n", a->operands[0], flag, data, out,
               2 * (long long)epochs);
    if (a->operands[0] && !early && rate_jumps(m, t))
        printf("    (its schedule ends here: the learning rate jumps. A new "
               "schedule from these weights:)\n"
               "  bprop train %s%s%s --out %s-more --set "
               "train.init_from=%s\n", a->operands[0], flag, data, out, out);
    else if (!a->operands[0])
        printf("  bprop models                 models to train and change\n");
}

static void print_resume(const cli_args *a, const char *out)
{
    printf("everything is saved; this goes on with the same bits:\n"
           "  bprop train%s%s%s%s --out %s --resume", a->n_operands ? " " : "",
           a->n_operands ? a->operands[0] : "", a->data ? " --data " : "",
           a->data ? a->data : "", out);
    for (int i = 0; i < a->n_sets; i++)
        printf(" --set '%s'", a->sets[i]);
    printf("\n");
}

static int run_trainer(const cli_args *a, cli_model *m,
                       const cli_data *d, bp_trainer *t,
                       cli_progress *p, const char *out, cli_scores *score)
{
    bp_error err = {0};
    catch_signals(t);
    bp_status st = bp_trainer_run(t, &err);
    release_signals();
    cli_progress_clear(p);
    if (st == BP_ECANCELED) {
        printf("%s\n", err.message);
        print_resume(a, out);
        return EXIT_RUN;
    }
    if (st) {
        cli_fail(&err);
        if (st == BP_ENONFINITE)
            fprintf(stderr, "no file in %s holds that value; a smaller lr or "
                    "clip_norm may help\n", out);
        else
            fprintf(stderr, "what is in %s is sound: --resume goes on from "
                    "there\n", out);
        return EXIT_RUN;
    }
    if (p->confusion) {
        printf("\n");
        cli_print_confusion(m, &p->table);
    }
    int rc = cli_compare(a, m, d, t, score);
    if (!d->split[BP_SPLIT_VALID] && !d->split[BP_SPLIT_TEST])
        printf("\nnothing is held back, so nothing says what this network is "
               "worth on new samples:\ndata: {split: {valid: 0.15, test: "
               "0.2}} holds some back\n");
    if (!a->folds)
        print_end(a, m, t, out);
    return rc;
}

/* Two commands may not train in one folder. The system drops the lock when
 * this process ends, however it ends. -1: there is no folder yet; -2: it is
 * taken. */
static int lock_folder(const char *out)
{
    int fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || !flock(fd, LOCK_EX | LOCK_NB))
        return fd;
    close(fd);
    cli_complain("another process is training in '%s'", out);
    return -2;
}

static int refuse(const bp_error *err, const char *out)
{
    if (err->status == BP_EEXIST) {
        cli_complain("'%s' holds a run already: --resume goes on with it, "
                     "--force replaces it, --out DIR takes another folder",
                     out);
        return EXIT_USAGE;
    }
    return cli_fail(err);
}

/* Remarks on the data, before the first step; in no run that goes on. */
static int remark(const cli_model *m, const cli_data *d)
{
    bp_error err = {0};
    static bp_data_report report; /* large; of the command */
    const bp_data *sets[BP_N_SPLITS];
    const char *what[BP_N_SPLITS];
    size_t n = 0;
    report = (bp_data_report){0};
    for (int s = 0; s < BP_N_SPLITS; s++)
        if (d->split[s]) {
            sets[n] = d->split[s];
            what[n++] = bp_split_name((bp_split)s);
        }
    if (bp_data_check_sets(sets, what, n, &report, &err))
        return cli_fail(&err);
    fflush(stdout);
    if (report.text[0])
        fprintf(stderr, "%s\n", report.text);
    if (bp_config_telling(m->config))
        fprintf(stderr, "%s", bp_config_telling(m->config));
    return EXIT_FINE;
}

/* All of them, before the message that counts them. */
static void print_misfit(void *user, const char *line)
{
    (void)user;
    fflush(stdout);
    fprintf(stderr, "init_from: %s\n", line);
}

static int train_in(const cli_args *a, cli_model *m, cli_data *d,
                    const char *out, int *lock, cli_scores *score)
{
    bp_error err = {0};
    cli_progress p;
    bp_trainer *t = NULL;
    bp_trainer_options o = *bp_config_trainer(m->config);
    o.runtime = m->runtime;
    o.no_pass = a->no_pass;
    o.no_kernel = a->no_kernel;
    o.train = d->split[BP_SPLIT_TRAIN];
    o.valid = d->split[BP_SPLIT_VALID];
    o.test = d->split[BP_SPLIT_TEST];
    o.run_dir = out;
    o.resume = a->given[OPT_RESUME];
    o.replace = a->given[OPT_FORCE];
    o.on_step = cli_progress_step;
    o.on_epoch = cli_progress_epoch;
    o.user = &p;
    o.transfer.on_line = print_misfit;
    cli_progress_begin(&p, 0);
    if (bp_trainer_new(bp_config_task(m->config), &o, &t, &err))
        return refuse(&err, out);
    int rc = EXIT_RUN;
    if (*lock == -1)
        *lock = lock_folder(out);
    if (*lock == -2) {
        bp_trainer_free(t);
        return rc;
    }
    if (write_config(m, t, out, a->data ? a->data : bp_config_dir(m->config),
                     &err)) {
        cli_fail(&err);
    } else {
        print_start(m, d, t, out, o.resume);
        cli_progress_begin(&p, bp_trainer_step(t));
        rc = run_trainer(a, m, d, t, &p, out, score);
    }
    cli_progress_end(&p);
    bp_trainer_free(t);
    return rc;
}

static bool first_fold(const cli_args *a)
{
    return !strcmp(a->sets[a->n_sets - 1], "data.split.fold=0");
}

static int train_once(const cli_args *a, cli_scores *score)
{
    cli_model m;
    cli_data d;
    char buf[300];
    const char *what = a->n_operands ? a->operands[0] : NULL;
    /* --resume --out RUN alone: the run knows what it is. */
    if (!what && a->given[OPT_RESUME] && a->out) {
        bp__snprintf(buf, sizeof buf, "%s/config.yaml", a->out);
        what = bp__file_exists(NULL, buf) ? a->out : NULL;
    }
    int rc = cli_open(a, what, &m);
    if (rc != EXIT_FINE)
        return rc;
    const char *out = m.run && !a->out ? m.run
                                       : choose_folder(a, m.config, buf,
                                                       sizeof buf);
    if (!out)
        rc = EXIT_RUN;
    else if (a->given[OPT_RESUME])
        rc = differs(&m, out);
    if (rc == EXIT_FINE && !bp_config_has_split(m.config, BP_SPLIT_TRAIN)) {
        cli_complain("%s names no training data (data.train)", m.name);
        rc = EXIT_USAGE;
    }
    if (rc == EXIT_FINE) {
        cli_set_cache(&m, out);
        rc = cli_open_data(a, &m, 7, false, &d);
    }
    if (rc == EXIT_FINE) {
        int lock = lock_folder(out);
        rc = lock == -2 ? EXIT_RUN
             : a->given[OPT_RESUME] || (a->folds && !first_fold(a))
                 ? EXIT_FINE
                 : remark(&m, &d);
        if (rc == EXIT_FINE)
            rc = train_in(a, &m, &d, out, &lock, score);
        if (lock >= 0)
            close(lock);
        cli_close_data(&d);
    }
    cli_close(&m);
    return rc;
}

/* Each fold is a run of its own, in a folder of its own, on the same rows as
 * the others but for the part that it is tested on. */
static int train_folds(const cli_args *a)
{
    static cli_args one; /* large; this is the program, not the library */
    double sum = 0, squares = 0, linear = 0, constant = 0;
    char sets[2][60], out[1100];
    const char *what = a->n_operands ? a->operands[0] : "digits";
    const char *base = strrchr(what, '/');
    base = base ? base + 1 : what;
    if (a->n_sets + 2 > CLI_MAX_SETS) {
        cli_complain("--folds leaves room for %d --set", CLI_MAX_SETS - 2);
        return EXIT_USAGE;
    }
    if (a->given[OPT_RESUME]) {
        cli_complain("--folds trains anew; --resume takes the folder of one "
                     "fold");
        return EXIT_USAGE;
    }
    bp_error err = {0};
    char parent[1000];
    if (!a->out && bp__file_mkdir(NULL, "runs", &err))
        return cli_fail(&err);
    if (a->out)
        bp__snprintf(parent, sizeof parent, "%s", a->out);
    else
        bp__snprintf(parent, sizeof parent, "runs/%.*s-folds",
                     (int)strcspn(base, "."), base);
    if (bp__file_mkdir(NULL, parent, &err))
        return cli_fail(&err);
    for (int i = 0; i < a->folds; i++) {
        cli_scores score;
        one = *a;
        bp__snprintf(sets[0], sizeof sets[0], "data.split.folds=%d", a->folds);
        bp__snprintf(sets[1], sizeof sets[1], "data.split.fold=%d", i);
        one.sets[one.n_sets++] = sets[0];
        one.sets[one.n_sets++] = sets[1];
        bp__snprintf(out, sizeof out, "%s/fold-%d", parent, i);
        one.out = out;
        printf("%sfold %d of %d:\n", i ? "\n" : "", i + 1, a->folds);
        int rc = train_once(&one, &score);
        if (rc != EXIT_FINE) {
            rmdir(parent); /* nothing of it stays where nothing was trained */
            return rc;
        }
        sum += score.network;
        squares += score.network * score.network;
        linear += score.linear;
        constant += score.constant;
    }
    double n = a->folds, mean = sum / n;
    double spread = sqrt(fmax(0, (squares - n * mean * mean) / (n - 1)));
    if (isnan(mean)) {
        printf("\n%d folds, in %s; outputs of this kind have no one score\n",
               a->folds, parent);
        return EXIT_FINE;
    }
    constant /= n;
    printf("\n%d folds, in %s: mean %.4f, standard deviation %.4f (accuracy "
           "from 0 to 1, or R2);\nthe linear model's mean is %.4f, that of the "
           "constant guess %.4f\n", a->folds, parent, mean, spread, linear / n,
           fabs(constant) < 0.00005 ? 0 : constant);
    return EXIT_FINE;
}

static int run_train(const cli_args *a)
{
    cli_scores score;
    return a->folds ? train_folds(a) : train_once(a, &score);
}

const cli_command cli_train = {
    .name = "train",
    .operands = "[FILE]",
    .summary = "train a model; without FILE, on built-in digits",
    .details =
        "FILE is a model file, or the name of a shipped model (`bprop "
        "models`). The run goes to\n--out, or runs/NAME. Ctrl-C finishes the "
        "step, saves, and says how to go on. The bits of\nthe result do not "
        "depend on --threads or --level, nor on being stopped and resumed.",
    .options = OPTIONS(OPT_MODEL, OPT_DATA, OPT_OUT, OPT_RESUME, OPT_FORCE,
                       OPT_FOLDS),
    .max_operands = 1,
    .run = run_train,
};
