/* The networks of drafts, the same for all data but for their size: for rows of
 * numbers an ensemble of small relu networks with dropout, and AdamW; for
 * pictures a small residual network whose cost grows with the input's size
 * alone, and Nesterov's momentum, as often as the time for a first try pays
 * for. Both have warm-up and cosine, and the best epoch by the loss on a
 * held-out part. bench/RESULTS.md has what they reach. */
#include "source/draft_model.h"

static void put_start(bp__str *out, const char *input)
{
    bp__str_printf(out, "# Drafted by `bprop new`; `bprop help keys` says what "
                        "may stand here.\n"
                        "model:\n  input: %s\n  layers:\n", input);
}

static void put_loss(bp__str *out, const bp__draft_model *m)
{
    if (m->classes)
        bp__str_printf(out, "loss: softmax_cross_entropy\n"
                            "metrics: [accuracy]\n");
    else
        bp__str_printf(out, "loss: mean_squared_error%s\n"
                            "metrics: [mean_absolute_error]\n",
                       m->scaled ? " # of the scaled target" : "");
}

static void put_train(bp__str *out, int64_t epochs, int64_t batch)
{
    bp__str_printf(out, "train:\n"
                        "  epochs: %lld\n"
                        "  batch: %lld\n"
                        "  monitor: loss # the best epoch is the one with the "
                        "least on the valid part\n"
                        "  seed: 1\n", (long long)epochs, (long long)batch);
}

/* ---- rows of numbers ------------------------------------------------------ */

typedef struct network {
    int members, units, epochs, batch;
    const char *dropout;
} network;

/* By the rows that train: few need many passes and bear few weights. */
static network size_network(int64_t rows)
{
    if (rows >= 10000)
        return (network){4, 256, 12, 256, "0.2"};
    if (rows >= 1000)
        return (network){8, 128, 40, 32, "0.1"};
    return (network){8, 128, 60, 32, "0.1"};
}

void bp__draft_rows(bp__str *out, const bp__draft_model *m, const char *input)
{
    network n = size_network(m->rows);
    put_start(out, input);
    bp__str_printf(out,
                   "    # %d networks learn side by side and answer "
                   "together\n"
                   "    - ensemble:\n"
                   "        members: %d\n"
                   "        body:\n"
                   "          - dense: %d\n"
                   "          - relu\n"
                   "          - dropout: %s\n"
                   "          - dense: %d\n"
                   "          - relu\n"
                   "          - dense: %lld # %s\n",
                   n.members, n.members, n.units, n.dropout, n.units / 2,
                   (long long)m->outputs,
                   m->classes       ? "a score for each class"
                   : m->outputs > 1 ? "a number for each target"
                                    : "the number");
    put_loss(out, m);
    bp__str_printf(out,
                   "optimizer:\n"
                   "  adamw:\n"
                   "    lr: 0.001\n"
                   "    weight_decay: 0.02\n"
                   "    schedule: {warmup: {steps: 20, then: cosine}}\n");
}

void bp__draft_rows_train(bp__str *out, const bp__draft_model *m)
{
    network n = size_network(m->rows);
    put_train(out, n.epochs, n.batch);
}

/* ---- pictures --------------------------------------------------------------- */

typedef struct net {
    int64_t size;  /* the shorter side, as layers shrink it */
    int width;     /* channels */
    double work;   /* multiplications and additions of a picture */
    int64_t area, channels;
    bp__str *out;
} net;

static void put_conv(net *n, int filters, int kernel, int stride,
                     const char *indent)
{
    bp__str_printf(n->out, "%s- conv2d: {filters: %d, kernel: %d, ", indent,
                   filters, kernel);
    if (stride > 1)
        bp__str_printf(n->out, "stride: %d, ", stride);
    bp__str_printf(n->out, "padding: %d, bias: false}\n%s- batch_norm\n"
                   "%s- relu\n", kernel / 2, indent, indent);
    n->area /= stride * stride;
    n->size /= stride;
    n->work += (double)n->area * (double)n->channels * filters * kernel *
               kernel;
    n->channels = filters;
}

static void put_pool(net *n)
{
    bp__str_printf(n->out, "    - max_pool2d: 2\n");
    n->area /= 4;
    n->size /= 2;
}

static void put_residual(net *n)
{
    bp__str_printf(n->out, "    - residual:\n        body:\n");
    put_conv(n, (int)n->channels, 3, 1, "          ");
    put_conv(n, (int)n->channels, 3, 1, "          ");
}

/* Convolutions until few pixels are left, twice as many channels after each
 * pooling, residual pairs where they are cheap (after He et al. 2015, and the
 * nets that learn CIFAR-10 fast). Returns the work of a
 * picture. */
static double put_network(bp__str *out, const bp__draft_model *m,
                          const int64_t chw[3])
{
    char input[120];
    net n = {.size = BP__MIN(chw[1], chw[2]), .out = out,
             .area = chw[1] * chw[2], .channels = chw[0]};
    bp__snprintf(input, sizeof input, "[%lld, %lld, %lld] # %s, height, width",
                 (long long)chw[0], (long long)chw[1], (long long)chw[2],
                 chw[0] == 3   ? "red green blue"
                 : chw[0] == 1 ? "grey"
                               : "channels");
    put_start(out, input);
    if (n.size > 40)
        put_conv(&n, 16, 5, 2, "    ");
    else
        put_conv(&n, 16, 3, 1, "    ");
    put_conv(&n, 32, 3, 1, "    ");
    if (n.size >= 4)
        put_pool(&n);
    put_residual(&n);
    if (n.size >= 4) {
        put_conv(&n, 64, 3, 1, "    ");
        put_pool(&n);
    }
    if (n.size >= 4) {
        put_conv(&n, 128, 3, 1, "    ");
        put_pool(&n);
    }
    put_residual(&n);
    bp__str_printf(out, "    - global_avg_pool2d\n    - dense: %lld # %s\n",
                   (long long)m->outputs,
                   m->classes ? "a score for each class" : "the numbers");
    return n.work;
}

/* Passes that a first try has the time for: some minutes on two cores, but no
 * fewer than what learns something, nor more than what still helps. */
static int64_t choose_epochs(double work, int64_t rows)
{
    const double budget = 1.1e13; /* multiplications forward */
    double n = budget / (work * (double)BP__MAX(rows, 1));
    return n < 8 ? 8 : n > 60 ? 60 : (int64_t)n;
}

static int64_t choose_batch(int64_t rows)
{
    return rows >= 20000 ? 64 : rows >= 2000 ? 32 : 16;
}

double bp__draft_pictures(bp__str *out, const bp__draft_model *m,
                          const int64_t chw[3])
{
    double work = put_network(out, m, chw);
    int64_t batch = choose_batch(m->rows);
    put_loss(out, m);
    bp__str_printf(out,
                   "optimizer:\n"
                   "  nesterov:\n"
                   "    lr: %g\n"
                   "    momentum: 0.9\n"
                   "    weight_decay: 0.0005\n"
                   "    schedule: {warmup: {steps: %lld, then: cosine}}\n",
                   batch >= 64 ? 0.1 : batch >= 32 ? 0.05 : 0.025,
                   (long long)BP__MIN(m->rows / batch / 2 + 1, (int64_t)200));
    return work;
}

void bp__draft_pictures_train(bp__str *out, const bp__draft_model *m,
                              double work)
{
    put_train(out, choose_epochs(work, m->rows), choose_batch(m->rows));
}
