/* bprop grad FILE|RUN: loss and gradients of a batch, as a safetensors file. */
#include "cli.h"

#include "explain/explain.h"
#include "fmt/safetensors.h"

static bp_status write_gradients(const bp_step *p, bp_store *s,
                                 bp_dtype dtype, const char *path,
                                 bp_error *err)
{
    size_t count = bp_store_count(s), n = 0;
    const bp_allocator *a = &bp__malloc_allocator;
    bp__st_entry *e = bp__calloc(a, count + 1, sizeof *e);
    if (!e)
        return bp__oom(err);
    bp_status st = BP_OK;
    bp_array x;
    e[n] = (bp__st_entry){.name = "loss", .dtype = dtype};
    if (bp_step_output(p, "loss", &x)) {
        e[n].data = x.data;
        e[n++].bytes = x.bytes;
    }
    for (size_t i = 0; i < count && !st; i++) {
        char name[300];
        bp_var_info v;
        bp_store_info(s, i, &v);
        if (v.kind != BP_VAR_PARAM)
            continue;
        bp__snprintf(name, sizeof name, "grad.%s", v.name);
        e[n] = (bp__st_entry){.name = v.name, .dtype = dtype, .rank = v.rank};
        memcpy(e[n].dims, v.dims, sizeof v.dims);
        if (bp_step_output(p, name, &x)) {
            e[n].data = x.data;
            e[n].bytes = x.bytes;
        } else {
            st = bp__error(err, BP_EBUG, "no result '%s'", name);
        }
        n++;
    }
    if (!st)
        st = bp__safetensors_write(NULL, a, path, e, n, NULL, 0, err);
    bp__free(a, e, (count + 1) * sizeof *e);
    return st;
}

/* A tensor's range, then each of its elements, by the formatter of `bprop
 * explain`. */
static void print_tensor(const bp_var_info *v, const double *x, size_t n)
{
    char text[200], min[32], mean[32], max[32], norm[32];
    bp__ex_range r = bp__ex_range_of(x, n);
    printf("%s %s: min %s, mean %s, max %s, norm %s\n", v->name,
           bp__ex_dims_text(text, v->rank, v->dims),
           bp__ex_number(min, r.min), bp__ex_number(mean, r.mean),
           bp__ex_number(max, r.max), bp__ex_number(norm, r.norm));
    for (size_t i = 0; i < n; i++)
        printf("%s%s %s\n", v->name,
               bp__ex_index_text(text, v->rank, v->dims, i),
               bp__ex_number(min, x[i]));
}

static bp_status print_gradients(const bp_step *p, bp_store *s,
                                 bp_dtype dtype, bp_error *err)
{
    const bp_allocator *a = &bp__malloc_allocator;
    for (size_t i = 0; i < bp_store_count(s); i++) {
        char name[300];
        bp_var_info v;
        bp_array out = {.bytes = 0};
        bp_store_info(s, i, &v);
        if (v.kind != BP_VAR_PARAM)
            continue;
        bp__snprintf(name, sizeof name, "grad.%s", v.name);
        bp_step_output(p, name, &out);
        const void *g = out.data;
        size_t n = out.bytes / bp_dtype_bytes(dtype);
        double *x = bp__calloc(a, n + 1, sizeof *x);
        if (!g || !x) {
            bp__free(a, x, (n + 1) * sizeof *x);
            return g ? bp__oom(err)
                     : bp__error(err, BP_EBUG, "no result '%s'", name);
        }
        bp__ex_widen(x, g, dtype, n);
        print_tensor(&v, x, n);
        bp__free(a, x, (n + 1) * sizeof *x);
    }
    return BP_OK;
}

static bp_status next_batch(const cli_args *a, cli_model *m, bp_data *d,
                            bp_loader **l, bp_batch *b, bp_error *err)
{
    bp_loader_options o = {.size = sizeof o,
                           .batch = a->sample >= 0 ? 1
                                                   : m->config->train.batch};
    bp__task_loader(&m->config->task, &o);
    for (size_t i = 0; i < m->n_inputs; i++)
        o.norm[i] = m->norm[i];
    bp_status st = bp_loader_new(d, &o, l, err);
    if (!st && a->sample >= 0)
        st = a->sample < bp_data_count(d)
                 ? bp_loader_seek(*l, 0, a->sample, err)
                 : bp__error(err, BP_ERANGE, "--sample %lld: there are %lld "
                             "samples", (long long)a->sample,
                             (long long)bp_data_count(d));
    return st ? st : bp_loader_next(*l, b, err);
}

static bp_status gradients(const cli_args *a, cli_model *m, bp_data *d,
                           bp_store *s, bp_error *err)
{
    bp_loader *l = NULL;
    bp_step *p;
    bp_batch b;
    bp__task_steps steps;
    bp_task *t = &m->config->task;
    cli_set_steps(a, m, &steps, s);
    bp_status st = next_batch(a, m, d, &l, &b, err);
    if (!st)
        st = bp__task_steps_run(&steps, BP_TASK_GRADIENT, &b, &p, err);
    if (!st && a->out)
        st = write_gradients(p, s, t->dtype, a->out, err);
    if (!st && !a->out) {
        printf("%lld sample%s, loss %.9g\n", (long long)b.count,
               b.count == 1 ? "" : "s", bp_step_number(p, "loss"));
        st = print_gradients(p, s, t->dtype, err);
    } else if (!st) {
        printf("%lld sample%s, loss %.9g; gradients in %s\n",
               (long long)b.count, b.count == 1 ? "" : "s",
               bp_step_number(p, "loss"), a->out);
    }
    bp__task_steps_free(&steps);
    bp_loader_free(l);
    return st;
}

static int run_grad(const cli_args *a)
{
    return cli_with_training_data(a, gradients);
}

const cli_command cli_grad = {
    .name = "grad",
    .operands = "FILE|RUN",
    .summary = "print the loss and the gradients of one batch, or write a file",
    .details = "Without --out each number is printed, as `bprop explain` "
               "prints it; --out writes a safetensors\nfile. The batch is the "
               "first of the training set in the file's order, without "
               "augmentation, or one\nsample. A FILE starts from its initial "
               "weights, a RUN from its best ones.",
    .options = OPT_MODEL | OPT_DATA | OPT_SAMPLE | OPT_DTYPE | OPT_OUT |
               OPT_WEIGHTS,
    .min_operands = 1,
    .max_operands = 1,
    .run = run_grad,
};
