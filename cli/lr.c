/* bprop lr [FILE]: which learning rates train a model. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"

#include "base/math.h"

#include <sys/ioctl.h>
#include <unistd.h>

typedef struct lr_bar {
    bool terminal;
    double drawn;
} lr_bar;

static void draw_step(void *user, int64_t step, int64_t steps)
{
    lr_bar *b = user;
    double now;
    if (!b->terminal || (now = cli_now()) - b->drawn < 0.1)
        return;
    b->drawn = now;
    printf("\rstep %lld/%lld", (long long)step, (long long)steps);
    fflush(stdout);
}

static int columns(void)
{
    struct winsize w;
    if (isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) &&
        w.ws_col >= 50)
        return w.ws_col;
    return 80;
}

/* The name under which the rate stands in the file. */
static const char *optimizer_name(const cli_model *m)
{
    return bp_config_get(m->config, "optimizer");
}

static void print_basin(const cli_model *m, const bp_range *r)
{
    char decades[32];
    double wide = (bp__log(r->high) - bp__log(r->low)) / 2.302585092994046;
    bp__snprintf(decades, sizeof decades, "%.1f", wide);
    printf("basin      %.2g to %.2g: %s decade%s in which the loss falls, from "
           "%.4g to %.4g\n", r->low, r->high, decades,
           strcmp(decades, "1.0") ? "s" : "", r->start, r->lowest);
    if (r->open)
        printf("           still falling at the last rate: --to %.2g looks "
               "further\n", 100 * r->high);
    printf("suggested  %.2g: %s; in place:\n", r->suggested,
           r->suggested > 0.1000001 * r->high
               ? "the middle of the basin, which is narrow"
               : "a tenth of the rate at which the loss is lowest");
    printf("           --set optimizer.%s.lr=%.2g\n", optimizer_name(m),
           r->suggested);
}

static void print_range(const cli_model *m, const bp_range *r)
{
    printf("\n");
    bp_range_print(r, columns() - 20, 16, cli_write, stdout);
    printf("\n");
    if (r->falls)
        print_basin(m, r);
    else
        printf("basin      none: the loss falls at no rate from %.2g to %.2g "
               "by more than its noise\n", r->points[0].lr,
               r->points[r->n - 1].lr);
    if (r->diverges)
        printf("diverges   at %.2g%s\n", r->diverges_at,
               r->diverges_at > r->points[r->n - 1].lr
                   ? ", where a number is no longer finite"
                   : ", where the loss is back at its start");
    else
        printf("diverges   not up to %.2g\n", r->points[r->n - 1].lr);
    if (r->rises_at > 0 && (!r->diverges || r->rises_at < r->diverges_at))
        printf("rises      from %.2g on, more than a fifth of the fall is "
               "lost\n", r->rises_at);
}

static int add_text(void *user, const char *text, size_t bytes)
{
    bp__str_add(user, text, bytes);
    return 0;
}

static int write_svg(const cli_args *a, const cli_model *m, const bp_range *r)
{
    bp__str s;
    char title[200];
    bp__snprintf(title, sizeof title, "%s: range test of the rate of %s",
                 bp_config_name(m->config), optimizer_name(m));
    bp__str_init(&s, NULL);
    bp_error err = {.status = bp_range_svg(r, title, add_text, &s)};
    int rc = err.status || s.failed ? cli_fail(&err)
                                    : cli_write_file(a->svg, s.s, s.len);
    bp__str_free(&s);
    return rc;
}

static int test_range(const cli_args *a, cli_model *m, cli_data *d)
{
    bp_error err = {0};
    bp_range r;
    lr_bar bar = {.terminal = isatty(STDOUT_FILENO)};
    bp_trainer_options t = *bp_config_trainer(m->config);
    t.runtime = m->runtime;
    t.no_pass = a->no_pass;
    t.no_kernel = a->no_kernel;
    t.train = d->split[BP_SPLIT_TRAIN];
    bp_range_options o = {.size = sizeof o, .train = &t, .from = a->from,
                          .to = a->to, .steps = a->steps,
                          .on_step = draw_step, .user = &bar};
    bp_status st = bp_range_test(bp_config_task(m->config), &o, &r, &err);
    if (bar.terminal)
        printf("\r%30s\r", "");
    int rc = EXIT_FINE;
    if (st) {
        rc = cli_fail(&err);
        rc = st == BP_EARG ? EXIT_USAGE : rc;
    } else {
        char n[40];
        printf("%s: %s steps of %s on %s samples\n", m->name,
               cli_count_text(n, r.n), optimizer_name(m),
               cli_count_text(n + 20, bp_data_count(t.train)));
        print_range(m, &r);
        if (a->svg)
            rc = write_svg(a, m, &r);
        if (rc == EXIT_FINE && !r.falls)
            rc = EXIT_RUN;
    }
    bp_range_free(&r);
    return rc;
}

static int run_lr(const cli_args *a)
{
    cli_model m;
    cli_data d;
    int rc = cli_open(a, a->n_operands ? a->operands[0] : NULL, &m);
    if (rc != EXIT_FINE)
        return rc;
    if (!bp_config_has_split(m.config, BP_SPLIT_TRAIN)) {
        cli_complain("%s names no training data (data.train)", m.name);
        rc = EXIT_USAGE;
    } else {
        rc = cli_open_data(a, &m, 1u << BP_SPLIT_TRAIN, true, &d);
    }
    if (rc == EXIT_FINE) {
        rc = test_range(a, &m, &d);
        cli_close_data(&d);
    }
    cli_close(&m);
    return rc;
}

const cli_command cli_lr = {
    .name = "lr",
    .operands = "[FILE]",
    .summary = "find the learning rates that train a model, by a range test",
    .details =
        "Trains from the initial state with a rate that grows by the same "
        "factor in each step, and shows\nhow the loss takes it (Smith 2017, "
        "arXiv:1506.01186). The file's optimizer is used without its\n"
        "schedule; the training part alone; nothing is written but --svg. Exit "
        "1 if the loss falls nowhere.",
    .options = OPTIONS(OPT_MODEL, OPT_DATA, OPT_FROM, OPT_TO, OPT_STEPS,
                       OPT_SVG),
    .max_operands = 1,
    .run = run_lr,
};
