/* The bar and the lines. The bar is redrawn a few times a second at most, so
 * that it costs nothing. */
#define _POSIX_C_SOURCE 200809L
#include "progress.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

void cli_progress_begin(cli_progress *p, int64_t steps_done)
{
    struct winsize w;
    *p = (cli_progress){.width = 79, .first_step = steps_done};
    p->terminal = isatty(STDOUT_FILENO);
    if (p->terminal && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_col > 20)
        p->width = w.ws_col - 1;
    p->began = cli_now();
}

void cli_progress_clear(cli_progress *p)
{
    if (p->shown)
        printf("\r%*s\r", p->width, "");
    p->shown = false;
}

void cli_progress_end(cli_progress *p)
{
    cli_progress_clear(p);
    free(p->confusion);
    p->confusion = NULL;
}

/* "[#####.....]" of n characters in all. */
static void bar_text(char *to, int n, double done)
{
    int full = (int)(done * (n - 2) + 0.5);
    to[0] = '[';
    for (int i = 0; i < n - 2; i++)
        to[1 + i] = i < full ? '#' : '.';
    to[n - 1] = ']';
    to[n] = 0;
}

static size_t add_metrics(char *to, size_t room, double loss, int n,
                          const char *const *names, const double *x)
{
    char one[80];
    size_t len = (size_t)bp__snprintf(to, room, "  loss %.4f", loss);
    for (int i = 0; i < n && len + 80 < room; i++)
        len += (size_t)bp__snprintf(to + len, room - len, "  %s",
                                    cli_metric_text(one, names[i], x[i]));
    return len;
}

/* A line that is drawn over itself. */
static void draw_bar(cli_progress *p, const bp_progress *s, double now)
{
    char head[40], bar[40], tail[400], line[520], left[40];
    bool training = !strcmp(s->split, "train");
    double done = s->batches ? (double)s->batch / (double)s->batches : 1;
    bar_text(bar, p->width < 75 ? 10 : p->width < 95 ? p->width - 65 : 30,
             done);
    tail[0] = 0;
    if (training) {
        double seconds = now - p->began;
        int64_t steps = s->step - p->first_step;
        double rate = seconds > 0 ? (double)steps / seconds : 0;
        bp__snprintf(head, sizeof head, "epoch %*lld/%lld", s->epochs > 9 ? 3
                     : 2, (long long)s->epoch, (long long)s->epochs);
        size_t n = (size_t)bp__snprintf(
            tail, sizeof tail, " %5.0f/s %6s left",
            rate * (double)s->samples / (double)(s->batch ? s->batch : 1),
            rate > 0 ? cli_time_text(left,
                                     (double)(s->steps - s->step) / rate)
                     : "?");
        add_metrics(tail + n, sizeof tail - n, s->loss, s->n_metrics,
                    s->metric_name, s->metric);
    } else {
        bp__snprintf(head, sizeof head, "  %s", s->split);
    }
    bp__snprintf(line, sizeof line, "%-12s %s%s", head, bar, tail);
    printf("\r%-*.*s", p->width, p->width, line);
    fflush(stdout);
    p->shown = true;
}

void cli_progress_step(void *user, const bp_progress *s)
{
    cli_progress *p = user;
    double now;
    if (!p->terminal)
        return;
    now = cli_now();
    if (now - p->drawn < 0.1)
        return;
    p->drawn = now;
    draw_bar(p, s, now);
}

static void keep_table(cli_progress *p, const bp_evaluation *e)
{
    size_t n = (size_t)(e->n_classes * e->n_classes);
    if (!n || !e->confusion)
        return;
    int64_t *copy = malloc(n * sizeof *copy);
    if (!copy)
        return;
    memcpy(copy, e->confusion, n * sizeof *copy);
    free(p->confusion);
    p->confusion = copy;
    p->table = *e;
    p->table.confusion = copy;
}

static void print_evaluation(const char *name, const bp_evaluation *e)
{
    char text[1500];
    add_metrics(text, sizeof text, e->loss, e->n_metrics, e->metric_name,
                e->metric);
    printf("  %s%s", name, text + 1);
}

void cli_progress_epoch(void *user, const bp_epoch *e)
{
    cli_progress *p = user;
    char seconds[40];
    cli_progress_clear(p);
    if (e->test) {
        printf("weights of epoch %lld:", (long long)e->best_epoch);
        print_evaluation("test", e->test);
        printf("%s%s\n", e->note ? "  " : "", e->note ? e->note : "");
        p->has_test = true;
        keep_table(p, e->test);
        fflush(stdout);
        return;
    }
    printf("epoch %*lld/%lld", e->epochs > 9 ? 3 : 2, (long long)e->epoch,
           (long long)e->epochs);
    print_evaluation("train", e->train);
    if (e->valid) {
        print_evaluation("valid", e->valid);
        keep_table(p, e->valid);
    }
    printf("  %s%s%s%s\n", cli_time_text(seconds, e->seconds),
           e->best ? "  best" : "", e->note ? "  " : "",
           e->note ? e->note : "");
    fflush(stdout);
}
