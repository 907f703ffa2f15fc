/* The picture: sound XML, points where the numbers say, and any log. */
#include "t.h"

#include "train/train.h"

#include <math.h>

static void add(bp__str *log, int64_t epoch, const char *split, double loss,
                double accuracy, bool metric)
{
    bp__log_record r = {.step = epoch * 10, .epoch = epoch, .split = split,
                        .whole_epoch = true, .samples = 10, .loss = loss,
                        .n_metrics = metric, .metric_name = {"accuracy"},
                        .metric = {accuracy}};
    bp__log_format(&r, log);
}

static int count(const char *text, const char *word)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, word)); p++)
        n++;
    return n;
}

/* Elements open and close in order; no NaN or infinity as a number. */
static void check_xml(const char *s)
{
    char open[64][16];
    int depth = 0;
    for (const char *p = s; (p = strchr(p, '<')); p++) {
        const char *end = strchr(p, '>');
        T_REQUIRE(end);
        if (p[1] == '/') {
            size_t n = strlen(open[depth - 1]);
            T_CHECK(depth > 0 && !strncmp(p + 2, open[depth - 1], n));
            depth--;
        } else if (end[-1] != '/') {
            T_REQUIRE(depth < 64);
            snprintf(open[depth++], 16, "%.*s",
                     (int)strcspn(p + 1, " >"), p + 1);
        }
        p = end - 1;
    }
    T_CHECK(depth == 0);
    T_CHECK(!strstr(s, "nan") && !strstr(s, "inf"));
}

static char *draw(const bp__str *log, const char *title)
{
    bp__str svg;
    bp_error err = {0};
    bp__str_init(&svg, NULL);
    T_OK(bp__curve_draw(&bp__malloc_allocator, log->s ? log->s : "", log->len,
                        "log", title, &svg, &err), &err);
    char *copy = strdup(svg.s);
    bp__str_free(&svg);
    T_REQUIRE(copy);
    check_xml(copy);
    return copy;
}

static void test_ordinary(void)
{
    bp__str log;
    bp__str_init(&log, NULL);
    for (int64_t e = 1; e <= 5; e++) {
        add(&log, e, "train", 2.0 / (double)e, 1 - 0.5 / (double)e, true);
        add(&log, e, "valid", 2.5 / (double)e, 1 - 0.6 / (double)e, true);
    }
    add(&log, 5, "test", 9, 0.1, true); /* not part of the curves */
    char *s = draw(&log, "a <b> & c");
    T_CHECK(count(s, "<polyline") == 4 && count(s, "<circle") == 20);
    T_CHECK(strstr(s, "a &lt;b> &amp; c") && strstr(s, ">accuracy<"));
    T_CHECK(strstr(s, ">train<") && strstr(s, ">valid<"));
    T_CHECK(strstr(s, ">loss<") && strstr(s, ">epoch<"));
    char *again = draw(&log, "a <b> & c");
    T_CHECK(!strcmp(s, again));
    free(again);
    free(s);
    bp__str_free(&log);
}

static void test_odd(void)
{
    static const double losses[] = {0, 1e-30, 1e30, -5, 0.1};
    bp__str log;
    bp__str_init(&log, NULL);
    free(draw(&log, "empty"));
    for (size_t i = 0; i < BP__ARRAY_LEN(losses); i++) {
        log.len = 0;
        add(&log, 1, "train", losses[i], 0, false);
        char *s = draw(&log, "one");
        T_CHECK(count(s, "<circle") == 1);
        free(s);
        add(&log, 2, "train", losses[i], 0, false);
        free(draw(&log, "flat"));
    }
    for (int64_t e = 1; e < 300; e++)
        add(&log, e, "train", (double)(e * 37 % 11), 0, false);
    char *s = draw(&log, "long");
    T_CHECK(count(s, "<circle") == 0 && count(s, "<polyline") == 2);
    free(s);
    bp__str_free(&log);
}

/* No point where a metric is not defined; names that XML would take for tags.
 */
static void test_undefined(void)
{
    bp__str log;
    bp__str_init(&log, NULL);
    for (int e = 1; e <= 3; e++) {
        bp__log_record r = {.step = e, .epoch = e, .split = "train",
                            .whole_epoch = true, .samples = 1, .loss = 1,
                            .n_metrics = 1, .metric_name = {"recall_<a&b"},
                            .metric = {e == 2 ? (double)NAN : 0.5}};
        bp__log_format(&r, &log);
    }
    char *svg = draw(&log, "undefined");
    T_CHECK(strstr(svg, "recall_&lt;a&amp;b"));
    T_CHECK(count(svg, "<circle") == 5); /* of the loss 3 */
    free(svg);
    bp__str_free(&log);
}

/* Whatever the numbers: the picture ends, its axes have a few ticks, and each
 * point is in its panel. */
static void test_extremes(void)
{
    static const double values[] = {
        0,           1e-300,  4.9e-324, -4.9e-324, 1e-30,  0x1p53,
        0x1p53 + 2,  -0x1p53, 4.876e16, -2e38,     3e38,   1e300,
        -1e300,      1.7e308, -1.7e308, HUGE_VAL,  -HUGE_VAL, (double)NAN,
        1e15 + 0.25, -1e9,    1e9,      7,         -0.25,  2e8,
    };
    enum { N = BP__ARRAY_LEN(values) };
    bp__str log;
    bp__str_init(&log, NULL);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            log.len = 0;
            add(&log, 1, "train", values[i], values[j], true);
            add(&log, 2, "train", values[j], values[i], true);
            char *s = draw(&log, "extreme");
            int lines = count(s, "<line "), texts = count(s, "<text ");
            T_CHECKF(lines < 40 && texts < 60, "%g and %g: %d lines, %d texts",
                     values[i], values[j], lines, texts);
            free(s);
        }
    /* What is alike but for its last digits has ticks that differ. */
    log.len = 0;
    add(&log, 1, "train", 1, 2e8, true);
    char *s = draw(&log, "flat");
    T_CHECK(strstr(s, ">2e+08<") && strstr(s, ">1.998e+08<"));
    free(s);
    bp__str_free(&log);
}

static void test_ticks(void)
{
    static const double ends[] = {-HUGE_VAL, -1e300, -1e20, -3, -1e-300, 0,
                                  5e-324, 1e-9, 1, 0x1p60, 1e308, HUGE_VAL,
                                  (double)NAN};
    for (size_t i = 0; i < BP__ARRAY_LEN(ends); i++)
        for (size_t j = 0; j < BP__ARRAY_LEN(ends); j++) {
            bp__ticks x = bp__ticks_of(ends[i], ends[j]);
            double step = bp__nice_step(ends[j], 4);
            T_CHECKF(x.step > 0 && x.lo < x.hi && x.n >= 1 && x.n <= 15 &&
                         x.hi - x.lo < HUGE_VAL && step > 0 && step < HUGE_VAL,
                     "%g to %g: %g + %d * %g", ends[i], ends[j], x.lo, x.n,
                     x.step);
            T_CHECK(x.lo + x.step > x.lo && bp__ticks_place(&x, 0) >= 0);
        }
    bp__ticks x = bp__ticks_of(0.31, 2.2);
    T_CHECK(x.lo == 0.2 && x.n == 10 && x.step == 0.2);
}

/* Epochs of a log that something else has written. */
static void test_epochs(void)
{
    static const char *const bad[] = {"-1", "0.5", "1e300", "1e16", "-1e300"};
    char text[200];
    bp__str svg;
    bp_error err = {0};
    for (size_t i = 0; i < BP__ARRAY_LEN(bad); i++)
        for (int k = 0; k < 3; k++) {
            const char *key = k == 0 ? "epoch" : k == 1 ? "step" : "samples";
            size_t n = (size_t)snprintf(
                text, sizeof text, "{\"%s\":%s,\"split\":\"train\","
                "\"whole_epoch\":true,\"loss\":1}\n", key, bad[i]);
            bp__str_init(&svg, NULL);
            T_CHECK(bp__curve_draw(&bp__malloc_allocator, text, n, "log.jsonl",
                                   "t", &svg, &err) == BP_EFORMAT);
            T_CHECKF(strstr(err.message, key) && strstr(err.message, "2^53"),
                     "%s", err.message);
            bp__str_free(&svg);
        }
    bp__str log;
    bp__str_init(&log, NULL);
    add(&log, 1, "train", 1, 0, false);
    add(&log, (int64_t)1 << 49, "train", 1, 0, false);
    char *s = draw(&log, "many");
    T_CHECK(count(s, "<text ") < 40);
    free(s);
    bp__str_free(&log);
}

int main(void)
{
    test_ordinary();
    test_odd();
    test_undefined();
    test_extremes();
    test_ticks();
    test_epochs();
    return t_end();
}
