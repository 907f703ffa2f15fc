/* bprop predict RUN INPUT... */
#include "cli.h"

#include "config/pictures.h"
#include "config/tables.h"
#include "data/pictures.h"
#include "fmt/json.h"

#include <stdlib.h>

typedef struct predictor {
    const cli_args *a;
    cli_model *m;
    bp__programs programs;
    bool classes; /* outputs are scores of classes */
    int64_t *line; /* of a table: where each sample starts */
    const char *const *name; /* of pictures: their files; NULL */
} predictor;

static bool is_npy(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && !strcmp(path + n - 4, ".npy");
}

/* The run's data was a table, and this is no array. */
static bool is_table(const predictor *q, const char *path)
{
    return q->m->config->columns && q->m->n_inputs == 1 && !is_npy(path);
}

/* A folder or archive of pictures, or one. */
static bool is_pictures(const char *path)
{
    bp__fs_info info;
    if (bp__picture_name(path))
        return true;
    if (!bp__file_stat(NULL, path, &info, NULL) && info.is_dir)
        return true;
    return cli_is_archive(path);
}

static int64_t numel_of(int rank, const int64_t *dims)
{
    int64_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= dims[i];
    return n;
}

/* A .npy file that holds one sample without an axis for it counts as one. */
static bp_status open_npy(const char *file, const bp_nn_io *io, bp_data **d,
                          bp_error *err)
{
    bp_data_options o = {.size = sizeof o};
    bp_array x = {0};
    bp_status st = bp_npy_load(NULL, file, &x, err);
    if (st)
        return st;
    bool one = x.rank == io->rank && x.rank < BP_MAX_RANK &&
               numel_of(x.rank, x.dims) == numel_of(io->rank, io->dims);
    /* [28,28] for [1,28,28] too, but [1,28,28] is then one picture. */
    one |= x.rank == io->rank - 1 && io->dims[0] == 1 &&
           numel_of(x.rank, x.dims) == numel_of(io->rank, io->dims);
    if (one) {
        for (int i = x.rank; i > 0; i--)
            x.dims[i] = x.dims[i - 1];
        x.dims[0] = 1;
        x.rank++;
        st = bp_data_from_arrays(&x, 1, NULL, &o, d, err);
    } else {
        st = bp_data_from_npy(&file, 1, NULL, &o, d, err);
    }
    bp_array_free(NULL, &x);
    return st;
}

/* One data set out of as many files as the model has inputs. */
static bp_status open_inputs(predictor *q, const char *const *files,
                             bp_data **d, bp_error *err)
{
    bp_data_options o = {.size = sizeof o};
    bp_nn_io io;
    bp__task_input(&q->m->config->task, 0, &io);
    if (q->m->n_inputs > 1)
        return bp_data_from_npy(files, q->m->n_inputs, NULL, &o, d, err);
    if (is_table(q, files[0])) {
        bp_status st = bp__table_inputs(q->m->config, files[0], d, &q->line,
                                        err);
        cli_print_notes(q->m);
        return st;
    }
    if (is_npy(files[0]))
        return open_npy(files[0], &io, d, err);
    return bp_data_from_idx(files[0], NULL, &o, d, err);
}

/* The sample's scores in f64: probabilities where the loss defines them. */
static int64_t read_scores(const bp_program *p, bool wide, int64_t rows,
                           int64_t row, double *to, int64_t room)
{
    size_t bytes = 0;
    const void *y = bp_result(p, "probability", &bytes);
    if (!y)
        y = bp_result(p, "output", &bytes);
    int64_t n = (int64_t)(bytes / (wide ? 8 : 4)) / rows;
    if (!y || n > room)
        return 0;
    for (int64_t i = 0; i < n; i++)
        to[i] = wide ? ((const double *)y)[row * n + i]
                     : (double)((const float *)y)[row * n + i];
    return n;
}

static int64_t best_of(const double *x, int64_t n)
{
    int64_t best = 0;
    if (n == 1)
        return x[0] > 0.5;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

static void print_json(const predictor *q, const char *file, int64_t sample,
                       const double *x, int64_t n)
{
    char buf[40];
    bp__str s;
    bp__json_writer w;
    bp__str_init(&s, NULL);
    bp__jw_init(&w, &s);
    bp__jw_object(&w, NULL);
    bp__jw_string(&w, "input", file);
    if (q->name)
        bp__jw_string(&w, "file", q->name[sample]);
    else
        bp__jw_int(&w, q->line ? "line" : "sample", sample);
    if (q->classes) {
        int64_t k = best_of(x, n);
        bp__jw_int(&w, "class", k);
        bp__jw_string(&w, "label", cli_class_name(q->m, k, buf));
        bp__jw_double(&w, "probability", n > 1 || k ? x[n > 1 ? k : 0]
                                                    : 1 - x[0]);
    }
    bp__jw_array(&w, q->classes ? "probabilities" : "output");
    for (int64_t i = 0; i < n; i++)
        bp__jw_double(&w, NULL, x[i]);
    bp__jw_end_array(&w);
    const bp__columns *c = q->m->config->columns;
    if (c && !q->classes && n > 1 && n == c->n_targets) {
        bp__jw_array(&w, "targets");
        for (int64_t i = 0; i < n; i++)
            bp__jw_string(&w, NULL, bp__columns_target_at(c, (int)i)->name);
        bp__jw_end_array(&w);
    }
    bp__jw_end_object(&w);
    if (!s.failed)
        printf("%s\n", s.s);
    bp__str_free(&s);
}

/* Up to two runners-up that are worth a thought. */
static void print_others(const predictor *q, const double *x, int64_t n,
                         int64_t best)
{
    int64_t last = best;
    char buf[40], text[BP__CELL_BYTES];
    for (int shown = 0; n > 2 && shown < 2; shown++) {
        int64_t next = -1;
        for (int64_t i = 0; i < n; i++) {
            bool later = x[i] < x[last] || (x[i] == x[last] && i > last);
            if (later && x[i] >= 0.005 && (next < 0 || x[i] > x[next]))
                next = i;
        }
        if (next < 0) {
            printf("%s", shown ? ")" : "");
            return;
        }
        printf("%s%s %.2f %%", shown ? ", " : "   (or ",
               bp__text_cell(text, cli_class_name(q->m, next, buf), 0, 200),
               100 * x[next]);
        last = next;
    }
    printf("%s", n > 2 ? ")" : "");
}

/* With its name where a table has several targets. */
static void print_number(const predictor *q, double x, int64_t i, int64_t n)
{
    const bp__columns *c = q->m->config->columns;
    const bp__column *y = c && n == c->n_targets && n > 1
                              ? bp__columns_target_at(c, (int)i)
                              : NULL;
    if (y)
        printf("  %s", y->name);
    printf(" %.6g", x);
}

static void print_text(const predictor *q, const char *file, int64_t sample,
                       const double *x, int64_t n)
{
    char buf[40], text[BP__CELL_BYTES];
    if (q->name)
        printf("%s", q->name[sample]);
    else
        printf("%s:%lld", file, (long long)sample);
    if (!q->classes) {
        for (int64_t i = 0; i < n; i++)
            print_number(q, x[i], i, n);
        printf("\n");
        return;
    }
    int64_t k = best_of(x, n);
    printf("  %s  %.2f %%",
           bp__text_cell(text, cli_class_name(q->m, k, buf), 0, 200),
           100 * (n > 1 || k ? x[n > 1 ? k : 0] : 1 - x[0]));
    print_others(q, x, n, k);
    printf("\n");
}

/* A table's numbers were scaled for training. */
static void unscale(const predictor *q, double *x, int64_t n)
{
    const bp__columns *c = q->m->config->columns;
    if (!c || bp__columns_classes(c))
        return;
    for (int64_t i = 0; i < n && i < c->n_targets; i++) {
        const bp__column *y = bp__columns_target_at(c, (int)i);
        x[i] = x[i] / y->factor + y->center;
    }
}

static bp_status predict_batch(predictor *q, const bp_batch *b,
                               const char *file, bp_error *err)
{
    enum { ROOM = 100000 };
    static double scores[ROOM]; /* of the command, not of the library */
    bp_program *p;
    const bp_task *t = &q->m->config->task;
    bp_status st = bp__programs_get(&q->programs, BP_TASK_PREDICT, b->count,
                                    &p, err);
    if (!st)
        st = bp__bind_batch(p, t, b, false, err);
    if (!st)
        st = bp_run(p, err);
    for (int64_t r = 0; r < b->count && !st; r++) {
        int64_t n = read_scores(p, t->dtype == BP_F64, b->count, r, scores,
                                ROOM);
        if (!n)
            return bp__error(err, BP_ELIMIT, "the output has more than %d "
                             "numbers a sample", ROOM);
        unscale(q, scores, n);
        int64_t at = q->line ? q->line[b->sample[r]] : b->sample[r];
        if (q->a->given & OPT_JSON)
            print_json(q, file, at, scores, n);
        else
            print_text(q, file, at, scores, n);
    }
    return st;
}

static bp_status check_inputs(const predictor *q, const bp_data *d,
                              const char *file, bp_error *err)
{
    bp_data_report report = {0};
    bp_data_expect e = {.size = sizeof e, .n_inputs = q->m->n_inputs};
    for (size_t i = 0; i < q->m->n_inputs; i++) {
        bp_nn_io io;
        bp__task_input(&q->m->config->task, i, &io);
        e.rank[i] = io.rank;
        memcpy(e.dims[i], io.dims, sizeof io.dims);
    }
    bp_status st = bp_data_check(d, &e, file, &report);
    if (st)
        bp__error(err, st, "%s", report.text);
    return st;
}

static bp_status predict_data(predictor *q, bp_data *d, const char *file,
                              bp_error *err)
{
    bp_loader *l = NULL;
    bp_loader_options o = {.size = sizeof o, .batch = 256,
                           .dtype = q->m->config->task.dtype};
    for (size_t i = 0; i < q->m->n_inputs; i++)
        o.norm[i] = q->m->norm[i];
    bp_status st = check_inputs(q, d, file, err);
    if (!st)
        st = bp_loader_new(d, &o, &l, err);
    int64_t n = st ? 0 : bp_loader_batches(l);
    for (int64_t i = 0; i < n && !st; i++) {
        bp_batch b;
        st = bp_loader_next(l, &b, err);
        if (!st)
            st = predict_batch(q, &b, file, err);
    }
    bp_loader_free(l);
    return st;
}

/* ---- pictures ----------------------------------------------------------- */

/* Pictures that wait until they make a batch. */
typedef struct pending {
    predictor *q;
    const char *path;
    const bp__picture_files *files; /* NULL: one file */
    int64_t chw[3];
    uint8_t *pixels;
    const char *name[256];
    int64_t n, room; /* pictures that make a batch: few of large ones */
    int64_t n_bad;
} pending;

static bp_status flush_pending(pending *p, bp_error *err)
{
    if (!p->n)
        return BP_OK;
    bp_array x = {.dtype = BP_U8, .rank = 4,
                  .dims = {p->n, p->chw[0], p->chw[1], p->chw[2]},
                  .data = p->pixels};
    x.bytes = (size_t)numel_of(4, x.dims);
    bp_data_options o = {.size = sizeof o, .borrow = true};
    bp_data *d = NULL;
    p->q->name = p->name;
    bp_status st = bp_data_from_arrays(&x, 1, NULL, &o, &d, err);
    if (!st)
        st = predict_data(p->q, d, p->path, err);
    p->q->name = NULL;
    bp_data_free(d);
    p->n = 0;
    return st;
}

/* One that cannot be read is told, and the others are predicted. */
static bp_status predict_picture(void *user, size_t i, const void *data,
                                 size_t bytes, const char *why, bp_error *err)
{
    pending *p = user;
    const bp_allocator *a = &bp__malloc_allocator;
    const char *name = p->files ? p->files->file[i].full : p->path;
    bp__picture pic = {0};
    bp_error e = {0};
    bp_status st = BP_EIO;
    if (data)
        st = bp__picture_decode(a, data, bytes, name, &pic, &e);
    if (st) {
        fflush(stdout);
        cli_complain("%s", data ? e.message : why);
        p->n_bad++;
        return st == BP_ENOMEM ? bp__oom(err) : BP_OK;
    }
    int64_t numel = numel_of(3, p->chw);
    st = bp__picture_planes(
        a, &pic, (bp__picture_fit)bp__config_picture_fit(p->q->m->config),
        (int)p->chw[0], p->chw[1], p->chw[2], p->pixels + p->n * numel, err);
    bp__picture_free(a, &pic);
    if (st)
        return st;
    p->name[p->n++] = name;
    return p->n == p->room ? flush_pending(p, err) : BP_OK;
}

static bp_status predict_one(pending *p, bp_error *err)
{
    bp__file_data f;
    bp_status st = bp__file_read(NULL, &bp__malloc_allocator, p->path, false,
                                 BP__PICTURE_FILE, &f, err);
    if (st)
        return st;
    st = predict_picture(p, 0, f.data, f.bytes, NULL, err);
    bp__file_free(&bp__malloc_allocator, &f);
    return st;
}

static bp_status predict_pictures(predictor *q, const char *path, bp_error *err)
{
    static pending p; /* large; of the command, not of the library */
    bp__picture_files files;
    p = (pending){.q = q, .path = path};
    bp_status st = bp__config_picture_shape(q->m->config, p.chw, err);
    if (!st && p.chw[0] != 1 && p.chw[0] != 3)
        st = bp__error(err, BP_ESHAPE, "'%s': this model's input has %lld "
                       "channels; pictures have 1 or 3", path,
                       (long long)p.chw[0]);
    if (st)
        return st;
    p.room = (1 << 20) / numel_of(3, p.chw);
    p.room = BP__MIN(BP__MAX(p.room, 1), (int64_t)BP__ARRAY_LEN(p.name));
    size_t room = (size_t)(p.room * numel_of(3, p.chw));
    if (!(p.pixels = bp__alloc(&bp__malloc_allocator, room)))
        return bp__oom(err);
    if (bp__picture_name(path)) {
        st = predict_one(&p, err);
        st = st ? st : flush_pending(&p, err);
    } else if (!(st = bp__picture_files_list(NULL, NULL, path, &files, err))) {
        p.files = &files;
        st = bp__picture_files_visit(NULL, NULL, &files, predict_picture, &p,
                                     err);
        st = st ? st : flush_pending(&p, err);
        bp__picture_files_free(&files);
    }
    bp__free(&bp__malloc_allocator, p.pixels, room);
    if (!st && p.n_bad)
        st = bp__error(err, BP_EFORMAT, "'%s': %lld picture%s could not be "
                       "read", path, (long long)p.n_bad,
                       p.n_bad == 1 ? "" : "s");
    return st;
}

/* A file that this run cannot read is told by what it is, not by what its
 * first bytes are not. */
static bp_status check_kind(const predictor *q, const char *path,
                            bp_error *err)
{
    const char *kind = cli_file_kind(path);
    bool table = q->m->config->columns != NULL;
    if (q->m->n_inputs > 1 || is_npy(path) ||
        (table ? !kind || !strcmp(kind, CLI_TABLE) : is_pictures(path)))
        return BP_OK;
    if (!table && !kind && cli_may_be_idx(path))
        return BP_OK;
    return bp__error(err, BP_EARG, "'%s' is %s; this run takes %s", path,
                     kind ? kind : "no IDX file",
                     table ? "tables (.csv, .csv.gz ...) with the columns of "
                             "that which it was trained on"
                           : "a .npy array, an IDX file, or pictures: one "
                             "(.png, .jpg), a folder or an archive");
}

static bp_status predict_files(predictor *q, const char *const *files,
                               bp_error *err)
{
    bp_data *d = NULL;
    bp_status kind = check_kind(q, files[0], err);
    if (kind)
        return kind;
    if (q->m->n_inputs == 1 && !q->m->config->columns && is_pictures(files[0]))
        return predict_pictures(q, files[0], err);
    bp_status st = open_inputs(q, files, &d, err);
    if (!st)
        st = predict_data(q, d, files[0], err);
    bp_data_free(d);
    free(q->line);
    q->line = NULL;
    return st;
}

static int run_predict(const cli_args *a)
{
    cli_model m;
    bp_store *s = NULL;
    bp_error err = {0};
    int rc = cli_open(a, a->operands[0], &m);
    if (rc != EXIT_FINE)
        return rc;
    if (!m.run || (size_t)(a->n_operands - 1) % m.n_inputs) {
        if (!m.run)
            cli_complain("'%s' is a model file; predict wants a run folder, "
                         "as `bprop train` makes them", m.name);
        else
            cli_complain("this model has %zu inputs: give %zu files for each "
                         "set of samples", m.n_inputs, m.n_inputs);
        cli_close(&m);
        return EXIT_USAGE;
    }
    rc = cli_open_store(a, &m, &s);
    predictor q = {.a = a, .m = &m, .classes = cli_is_classifier(&m)};
    if (rc == EXIT_FINE) {
        cli_set_programs(a, &m, &q.programs, s);
        for (int i = 1; i < a->n_operands && rc == EXIT_FINE;
             i += (int)m.n_inputs)
            if (predict_files(&q, a->operands + i, &err))
                rc = cli_fail(&err);
        bp__programs_free(&q.programs);
    }
    bp_store_free(s);
    cli_close(&m);
    return rc;
}

const cli_command cli_predict = {
    .name = "predict",
    .operands = "RUN INPUT...",
    .summary = "labels with probabilities, or outputs, for new samples",
    .details = "INPUT is a .npy array or an IDX file (also .gz) of samples; a "
               "picture, or a folder or archive\nof them; or a table for a run "
               "on tables: then the number behind the colon is the line.\n"
               "With --json: one object a sample and line.",
    .options = OPT_MODEL | OPT_WEIGHTS | OPT_JSON,
    .min_operands = 2,
    .max_operands = CLI_MAX_OPERANDS,
    .run = run_predict,
};
