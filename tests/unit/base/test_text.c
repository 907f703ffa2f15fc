/* Strings, printf without the locale, edit distance. */
#include "base/base.h"
#include "t.h"

#include <locale.h>

static void check_print(const char *want, const char *format, ...)
{
    char buf[200];
    va_list ap;
    va_start(ap, format);
    int n = bp__vsnprintf(buf, sizeof buf, format, ap);
    va_end(ap);
    T_CHECKF(strcmp(buf, want) == 0 && n == (int)strlen(want),
             "\"%s\": \"%s\" (%d), not \"%s\"", format, buf, n, want);
}

static void printf_forms(void)
{
    check_print("a 5 b", "a %d b", 5);
    check_print("  5|5  |005|+5", "%3d|%-3d|%03d|%+d", 5, 5, 5, 5);
    check_print("-9223372036854775808 18446744073709551615", "%lld %llu",
                (long long)INT64_MIN, (unsigned long long)UINT64_MAX);
    check_print("4294967295 ff FF 377", "%u %x %X %o", 0xffffffffu, 255u, 255u,
                255u);
    check_print("18446744073709551615 -1", "%zu %td", SIZE_MAX, (ptrdiff_t)-1);
    check_print("-1 255 -2 65534", "%hhd %hhu %hd %hu", -1, 255, -2, 65534);
    check_print("abc|  abc|abc  |ab", "%s|%5s|%-5s|%.2s", "abc", "abc", "abc",
                "abc");
    check_print("  abc|ab", "%*s|%.*s", 5, "abc", 2, "abc");
    check_print("abc  |", "%*s|", -5, "abc");
    check_print("1.5 1.50 1.500000e+00 100%", "%g %.2f %e %d%%", 1.5, 1.5, 1.5,
                100);
    check_print("inf -inf", "%g %g", (double)INFINITY, -(double)INFINITY);
    check_print("x", "%c", 'x');
    char buf[4];
    T_CHECK(bp__snprintf(buf, sizeof buf, "%s", "abcdef") == 6);
    T_CHECK(strcmp(buf, "abc") == 0);
    T_CHECK(bp__snprintf(NULL, 0, "%d", 12345) == 5);
}

static void in_other_locales(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE",
                                        "fr_FR.UTF-8", "ps_AF.UTF-8",
                                        "fa_IR.UTF-8", "fr_FR", "da_DK.UTF-8"};
    int n_found = 0;
    for (size_t i = 0; i < BP__ARRAY_LEN(names); i++) {
        if (!setlocale(LC_ALL, names[i]))
            continue;
        n_found++;
        check_print("1.5 2.25 1e+10", "%g %.2f %g", 1.5, 2.25, 1e10);
        double x;
        T_CHECK(bp__parse_double("2.5", &x) && x == 2.5);
        setlocale(LC_ALL, "C");
    }
    printf("%d locales with another decimal point tried\n", n_found);
}

static void growing(void)
{
    bp__str s;
    bp__str_init(&s, NULL);
    T_CHECK(strcmp(s.s, "") == 0);
    for (int i = 0; i < 1000; i++)
        bp__str_printf(&s, "%d,", i);
    T_CHECK(!s.failed && s.len == strlen(s.s) && s.len == 3890);
    bp__str_add(&s, "", 0);
    T_CHECK(strcmp(s.s + s.len - 4, "999,") == 0);
    bp__str_free(&s);
    bp__str_free(&s);
    for (int64_t n = 0;; n++) {
        t_heap h = {.fail_at = n};
        bp_allocator a = t_allocator(&h);
        bp__str_init(&s, &a);
        for (int i = 0; i < 100; i++)
            bp__str_printf(&s, "%d and ", i);
        T_CHECK(s.failed == (h.failed > 0));
        T_CHECK(strlen(s.s) == s.len);
        bp__str_free(&s);
        T_CHECK(h.live == 0);
        if (!h.failed)
            break;
        T_REQUIRE(n < 100);
    }
}

static void distances(void)
{
    T_CHECK(bp__edit_distance("", "") == 0);
    T_CHECK(bp__edit_distance("abc", "abc") == 0);
    T_CHECK(bp__edit_distance("abc", "") == 3);
    T_CHECK(bp__edit_distance("", "ab") == 2);
    T_CHECK(bp__edit_distance("kitten", "sitting") == 3);
    T_CHECK(bp__edit_distance("dense", "desne") == 1);
    T_CHECK(bp__edit_distance("ca", "abc") == 3);
    char far[80];
    memset(far, 'a', 64);
    far[64] = '\0';
    T_CHECK(bp__edit_distance(far, far) > 63);
    far[63] = '\0';
    T_CHECK(bp__edit_distance(far, far) == 0);
    T_CHECK(bp__edit_distance(far, "") == 63);
}

static void errors_are_cut(void)
{
    bp_error err = {0};
    char big[sizeof err.message + 100];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    T_CHECK(bp__error(&err, BP_EARG, "%s", big) == BP_EARG);
    T_CHECK(strlen(err.message) == sizeof err.message - 1);
    T_CHECK(strcmp(err.message + sizeof err.message - 5, "x...") == 0);
    T_CHECK(bp__error(NULL, BP_EIO, "%d", 1) == BP_EIO);
}

/* Whole characters within the columns; wide ones take two. */
static void cells(void)
{
    static const struct {
        const char *s;
        int least, most;
        const char *want;
    } cases[] = {
        {"abc", 5, 5, "abc  "},
        {"abc", -5, 5, "  abc"},
        {"abcdef", 0, 4, "abcd"},
        {"", 2, 2, "  "},
        {"Fl\xc3\xa4""che", 7, 9, "Fl\xc3\xa4""che "},
        {"\xc3\xa4\xc3\xa4\xc3\xa4", 0, 2, "\xc3\xa4\xc3\xa4"},
        {"\xe5\x8d\x97\xe5\x8c\x97", 5, 5, "\xe5\x8d\x97\xe5\x8c\x97 "},
        {"\xe5\x8d\x97\xe5\x8c\x97", -3, 3, " \xe5\x8d\x97"},
        {"\xf0\x9f\x98\x80x", 0, 9, "\xf0\x9f\x98\x80x"},
        {"a\nb\tc\x7f", 0, 9, "a b c "},
        {"\xe4t\xc3", 0, 9, "?t?"}, /* Latin-1; a half */
    };
    char buf[BP__CELL_BYTES];
    for (size_t i = 0; i < BP__ARRAY_LEN(cases); i++) {
        const char *got = bp__text_cell(buf, cases[i].s, cases[i].least,
                                        cases[i].most);
        T_CHECKF(!strcmp(got, cases[i].want), "case %zu: '%s'", i, got);
    }
    char far[1200];
    memset(far, 'x', sizeof far - 1);
    far[sizeof far - 1] = '\0';
    T_CHECK(strlen(bp__text_cell(buf, far, 9999, 9999)) == 200);
    const char *wide = "a\xe5\x8d\x97";
    T_CHECK(bp__text_columns(wide, wide + 4) == 3);
}

int main(void)
{
    printf_forms();
    in_other_locales();
    growing();
    distances();
    errors_are_cut();
    cells();
    return t_end();
}
