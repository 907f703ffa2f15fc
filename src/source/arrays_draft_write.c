/* What arrays hold, told, and the model file that fits them: rows of numbers get
 * the network of tables, pictures that of pictures. */
#include "source/arrays_draft.h"

#include "source/draft_model.h"
#include "fmt/tree.h"
#include "fmt/array.h"

#include <math.h>

/* ---- telling ---------------------------------------------------------------- */

static bool are_pictures(const bp__array_draft *d)
{
    const int64_t *hw = d->dims + d->rank - 2;
    return (d->rank == 3 || d->rank == 2) && hw[0] >= 8 && hw[1] >= 8;
}

void bp__array_draft_describe(const bp__array_draft *d, bp__str *out)
{
    char shape[200];
    bp__str_printf(out, "%s: %lld samples\n  %-20s input, %s %s, from %g to "
                   "%g%s\n", d->path, (long long)d->n, d->input,
                   bp__array_kind(d->dtype),
                   bp__shape_text(d->rank, d->dims, shape), d->least, d->most,
                   are_pictures(d) ? ": pictures" : "");
    if (d->classes) {
        bp__str_printf(out, "  %-20s target, %lld classes:", d->target,
                       (long long)d->outputs);
        for (int64_t k = 0; k < d->outputs && k < 6; k++)
            bp__str_printf(out, "%s %lld (%lld)", k ? "," : "", (long long)k,
                           (long long)d->class_n[k]);
        bp__str_printf(out, "%s\n", d->outputs > 6 ? " ..." : "");
    } else {
        bp__str_printf(out, "  %-20s target, %lld number%s a sample, mean %g, "
                       "deviation %g\n", d->target, (long long)d->outputs,
                       d->outputs == 1 ? "" : "s", d->mean, d->deviation);
    }
    if (d->test_input)
        bp__str_printf(out, "%s, %s: %lld samples to test on\n",
                       d->test_input, d->test_target, (long long)d->n_test);
    if (*d->others)
        bp__str_printf(out, "not used: %s\n", d->others);
    double size = fmax(fabs(d->mean), d->deviation);
    if (!d->classes && (size > 10 || d->deviation < 0.01))
        bp__str_printf(out, "the targets are far from the size that networks "
                       "learn well: scale them in the file, (y - %g) / %g\n",
                       d->mean, d->deviation > 0 ? d->deviation : 1);
}

/* ---- the model file ----------------------------------------------------------- */

static void put_source(const bp__array_draft *d, const char *part,
                       const char *path, const char *input,
                       const char *target, bp__str *out)
{
    bp__str_printf(out, "  %s: {%s: {", part, d->npz ? "npz" : "npy");
    if (d->npz) {
        bp__str_printf(out, "file: ");
        bp__yaml_quote(out, path);
        bp__str_printf(out, ", ");
    }
    bp__str_printf(out, "inputs: [");
    bp__yaml_quote(out, input);
    bp__str_printf(out, "], target: ");
    bp__yaml_quote(out, target);
    bp__str_printf(out, "}}\n");
}

static void write_data(const bp__array_draft *d, const char *normalize,
                       bp__str *out)
{
    bp__str_printf(out, "data:\n");
    put_source(d, "train", d->path, d->input, d->target, out);
    if (d->test_input)
        put_source(d, "test", d->test_path, d->test_input, d->test_target,
                   out);
    bp__str_printf(out, "  # parts of the samples, drawn by the seed%s\n"
                   "  split: {valid: 0.15%s, seed: 1%s}\n  normalize: %s\n",
                   d->classes ? "; each has its share of each class" : "",
                   d->test_input ? "" : ", test: 0.2",
                   d->classes ? ", stratify: true" : "", normalize);
}

static void write_rows(const bp__array_draft *d, const bp__draft_model *m,
                       bp__str *out)
{
    char input[64];
    int64_t numel = 1;
    for (int i = 0; i < d->rank; i++)
        numel *= d->dims[i];
    bp__snprintf(input, sizeof input, "[%lld] # numbers of a sample",
                 (long long)numel);
    bp__draft_rows(out, m, input);
    write_data(d, "feature", out);
    bp__draft_rows_train(out, m);
}

static void write_pictures(const bp__array_draft *d, const bp__draft_model *m,
                           bp__str *out)
{
    const int64_t *hw = d->dims + d->rank - 2;
    const int64_t chw[3] = {d->rank == 3 ? d->dims[0] : 1, hw[0], hw[1]};
    double work = bp__draft_pictures(out, m, chw);
    write_data(d, "channel", out);
    bp__draft_pictures_train(out, m, work);
}

void bp__array_draft_write(const bp__array_draft *d, bp__str *out)
{
    double share = d->test_input ? 0.85 : 0.65;
    bp__draft_model m = {.rows = (int64_t)((double)d->n * share),
                         .outputs = d->outputs, .classes = d->classes};
    if (are_pictures(d))
        write_pictures(d, &m, out);
    else
        write_rows(d, &m, out);
}
