/* Shortest printing and exact reading of floating point, against the C
 * library in its "C" locale. */
#include "base/base.h"
#include "t.h"

static void format_is(double x, const char *want)
{
    char buf[32];
    bp__format_double(buf, x);
    T_CHECKF(strcmp(buf, want) == 0, "%.17g: %s, not %s", x, buf, want);
}

static void format_float_is(float x, const char *want)
{
    char buf[32];
    bp__format_float(buf, x);
    T_CHECKF(strcmp(buf, want) == 0, "%.9g: %s, not %s", (double)x, buf, want);
}

static void known(void)
{
    format_is(0, "0");
    format_is(-0.0, "-0");
    format_is(1, "1");
    format_is(-1.5, "-1.5");
    format_is(0.1, "0.1");
    format_is(0.3, "0.3");
    format_is(0.1 + 0.2, "0.30000000000000004");
    format_is(100, "100");
    format_is(123456789012345678.0, "1.2345678901234568e17");
    format_is(12345678901234567.0, "12345678901234568");
    format_is(1e21, "1e21");
    format_is(1e22, "1e22");
    format_is(1e23, "1e23");
    format_is(0.00001, "0.00001");
    format_is(0.000001, "1e-6");
    format_is(5e-324, "5e-324");
    format_is(2.2250738585072014e-308, "2.2250738585072014e-308");
    format_is(1.7976931348623157e308, "1.7976931348623157e308");
    format_is(9007199254740993.0, "9007199254740992");
    format_is((double)INFINITY, "inf");
    format_is(-(double)INFINITY, "-inf");
    format_is((double)NAN, "nan");
    format_float_is(0.1f, "0.1");
    format_float_is(16777216.0f, "16777216");
    format_float_is(3.4028235e38f, "3.4028235e38");
    format_float_is(1e-45f, "1e-45");
    format_float_is(0.3f, "0.3");
    format_float_is(8.589973e9f, "8589974000");
}

static uint64_t bits_of(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static double random_bits(uint64_t *state)
{
    t_uniform(state, 0, 1);
    uint64_t u = *state ^ (*state >> 29);
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static int digits_of(const char *s)
{
    int n = 0, trailing = 0;
    bool any = false;
    for (; *s && *s != 'e'; s++) {
        if (*s < '0' || *s > '9')
            continue;
        any |= *s != '0';
        n += any;
        trailing = *s == '0' ? trailing + 1 : 0;
    }
    return n - (trailing < n ? trailing : n);
}

/* Reads back the same; no shorter text of the C library does. */
static void round_trips(void)
{
    uint64_t state = 1;
    for (int i = 0; i < 100000; i++) {
        double x = random_bits(&state);
        if (i % 3 == 1)
            x = t_uniform(&state, -1, 1);
        if (i % 3 == 2)
            x = (double)(int)(t_uniform(&state, -1e6, 1e6)) / 1024;
        if (!isfinite(x))
            continue;
        char buf[32], shorter[40];
        bp__format_double(buf, x);
        double y;
        bool ok = bp__parse_double(buf, &y) && bits_of(x) == bits_of(y) &&
                  bits_of(strtod(buf, NULL)) == bits_of(x);
        int n = digits_of(buf);
        if (n > 1) {
            snprintf(shorter, sizeof shorter, "%.*e", n - 2, x);
            ok = ok && strtod(shorter, NULL) != x;
        }
        T_CHECKF(ok, "%.17g: %s", x, buf);
        float f = (float)x;
        if (!isfinite(f))
            continue;
        bp__format_float(buf, f);
        ok = bp__parse_double(buf, &y) && (float)y == f &&
             strtof(buf, NULL) == f;
        T_CHECKF(ok && digits_of(buf) <= 9, "%.9g: %s", (double)f, buf);
    }
}

static void reads(const char *s)
{
    double x = -7;
    bool ok = bp__parse_double(s, &x);
    T_CHECKF(ok && bits_of(x) == bits_of(strtod(s, NULL)),
             "%.60s: %.17g, not %.17g", s, x, strtod(s, NULL));
}

static void exact_reading(void)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "0.0",
        "1",
        "+1",
        "1.",
        ".5",
        "1e5",
        "1E5",
        "1e+5",
        "1e-5",
        "123456789012345678901234567890",
        "0.000000000000000000000000000001",
        "1e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "1e309",
        "1e400",
        "1e-400",
        "1e99999999999",
        "1e-99999999999",
        "0e99999999999",
        "4.9e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "2.2250738585072011e-308",
        "2.2250738585072012e-308",
        "9007199254740993",
        "9007199254740992.9999999999999999999999",
        "9007199254740993.0000000000000000000000000000000000001",
        "0.500000000000000166533453693773481063544750213623046875",
        "3.518437208883201171875e13",
        "62.5364939768271845828",
        "8.10109172351e-10",
        "1.50000000000000011102230246251565",
        "179769313486231580793728971405303415079934132710037826936173778980444"
        "968292764750946649017977587207096330286416692887910946555547851940402"
        "630657488671505820681908902000708383676273854845817711531764475730270"
        "069855571366959622842914819860834936475292719074168444365510704342711"
        "559699508093042880"};
    for (size_t i = 0; i < BP__ARRAY_LEN(texts); i++)
        reads(texts[i]);
    uint64_t state = 5;
    char text[1200];
    for (int i = 0; i < 20000; i++) {
        double x = random_bits(&state);
        if (!isfinite(x))
            continue;
        int digits = (int)t_uniform(&state, 0, i % 50 == 0 ? 1000 : 40);
        snprintf(text, sizeof text, "%.*e", digits, x);
        reads(text);
    }
    /* Half-way points, and a hair beyond them, with all of their digits. */
    for (int i = 0; i < 2000; i++) {
        double x = fabs(random_bits(&state));
        if (!isfinite(x) || x < 1e-300 || x > 1e300)
            continue;
        double next = nextafter(x, INFINITY);
        long double mid = ((long double)x + (long double)next) / 2;
        int n = snprintf(text, sizeof text, "%.800Le", mid);
        reads(text);
        char *e = strchr(text, 'e');
        e[-1] = '1';
        reads(text);
        T_CHECK(n > 0);
    }
    double x;
    T_CHECK(bp__parse_double("inf", &x) && x == (double)INFINITY);
    T_CHECK(bp__parse_double("-INF", &x) && x == -(double)INFINITY);
    T_CHECK(bp__parse_double("Infinity", &x) && isinf(x));
    T_CHECK(bp__parse_double("nan", &x) && isnan(x));
}

static void refusals(void)
{
    static const char *const bad[] = {
        "",    "-",    ".",   "e5",    "1e",   "1e+",  "1x",  " 1",   "1 ",
        "1,5", "0x10", "--1", "1.2.3", "infi", "nanx", "+-1", "1e5.5"};
    for (size_t i = 0; i < BP__ARRAY_LEN(bad); i++) {
        double x;
        T_CHECKF(!bp__parse_double(bad[i], &x), "\"%s\" was read", bad[i]);
    }
    int64_t n;
    T_CHECK(bp__parse_int64("9223372036854775807", &n) && n == INT64_MAX);
    T_CHECK(bp__parse_int64("-9223372036854775808", &n) && n == INT64_MIN);
    T_CHECK(bp__parse_int64("+7", &n) && n == 7);
    T_CHECK(bp__parse_int64("007", &n) && n == 7);
    T_CHECK(!bp__parse_int64("9223372036854775808", &n));
    T_CHECK(!bp__parse_int64("-9223372036854775809", &n));
    T_CHECK(!bp__parse_int64("99999999999999999999", &n));
    T_CHECK(!bp__parse_int64("", &n));
    T_CHECK(!bp__parse_int64("-", &n));
    T_CHECK(!bp__parse_int64("1.0", &n));
    T_CHECK(!bp__parse_int64("1 ", &n));
}

int main(void)
{
    known();
    round_trips();
    exact_reading();
    refusals();
    return t_end();
}
