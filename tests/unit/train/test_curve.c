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

int main(void)
{
    test_ordinary();
    test_odd();
    test_undefined();
    return t_end();
}
