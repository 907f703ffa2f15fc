/* bprop grad FILE|RUN: loss and gradients of a batch, as a safetensors file. */
#include "cli.h"

static bp_status print_gradients(bp_store *g, bp_error *err)
{
    bp_status st = BP_OK;
    for (size_t i = 1; i < bp_store_count(g) && !st; i++) {
        bp_var_info v;
        bp_store_info(g, i, &v);
        st = bp_tensor_print(v.name, v.dtype, v.rank, v.dims,
                             bp_store_read(g, i), cli_write, stdout);
    }
    return st ? bp__error(err, st, "%s", bp_status_text(st)) : BP_OK;
}

static bp_status next_batch(const cli_args *a, cli_model *m, bp_data *d,
                            bp_loader **l, bp_batch *b, bp_error *err)
{
    bp_loader_options o = {.size = sizeof o,
                           .batch = bp_config_trainer(m->config)->batch};
    if (a->sample >= 0)
        o.batch = 1;
    cli_set_loader(m, &o);
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
    bp_store *g = NULL;
    bp_batch b;
    bp_compile_options c = cli_compile_options(a);
    bp_status st = next_batch(a, m, d, &l, &b, err);
    if (!st)
        st = bp_task_gradients(bp_config_task(m->config), s, m->runtime, &c,
                               bp_config_trainer(m->config)->shards, &b, &g,
                               err);
    if (!st && a->out)
        st = bp_store_save(g, a->out, BP_KIND(BP_VAR_PARAM), err);
    if (!st) {
        bp_var_info v;
        bp_store_info(g, 0, &v);
        printf("%lld sample%s, loss %.9g", (long long)b.count,
               b.count == 1 ? "" : "s",
               bp__read_real(bp_store_read(g, 0), v.dtype, 0));
        if (a->out)
            printf("; gradients in %s", a->out);
        printf("\n");
    }
    if (!st && !a->out)
        st = print_gradients(g, err);
    bp_store_free(g);
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
    .options = OPTIONS(OPT_MODEL, OPT_DATA, OPT_SAMPLE, OPT_DTYPE, OPT_OUT,
                       OPT_WEIGHTS),
    .min_operands = 1,
    .max_operands = 1,
    .run = run_grad,
};
