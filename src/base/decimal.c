/* Decimal text <-> binary floating point, exactly: the shortest text that
 * reads back the same (Steele and White's digit generation), and correctly
 * rounded reading of any number of digits, both over whole numbers of many
 * words. No call of the C library takes part, so neither the locale nor its
 * version matters. */
#include "base/base.h"

#include <math.h>

/* Words are little-endian, w[n-1] != 0. 4480 bits hold MAX_DIGITS digits
 * times any power of ten that matters. */
enum { BIG_WORDS = 140, MAX_DIGITS = 780 };

typedef struct big {
    int n;
    uint32_t w[BIG_WORDS];
} big;

static void big_set(big *b, uint64_t x)
{
    b->w[0] = (uint32_t)x;
    b->w[1] = (uint32_t)(x >> 32);
    b->n = x >> 32 ? 2 : x ? 1 : 0;
}

static void big_mul_add(big *b, uint32_t m, uint32_t add)
{
    uint64_t carry = add;
    for (int i = 0; i < b->n; i++) {
        carry += (uint64_t)b->w[i] * m;
        b->w[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry)
        b->w[b->n++] = (uint32_t)carry;
}

static void big_mul_pow10(big *b, int k)
{
    for (; k >= 9; k -= 9)
        big_mul_add(b, 1000000000u, 0);
    for (; k > 0; k--)
        big_mul_add(b, 10, 0);
}

static void big_shift(big *b, int bits)
{
    if (b->n == 0)
        return;
    int words = bits / 32, rest = bits % 32;
    if (rest)
        big_mul_add(b, 1u << rest, 0);
    if (words) {
        memmove(b->w + words, b->w, (size_t)b->n * sizeof b->w[0]);
        memset(b->w, 0, (size_t)words * sizeof b->w[0]);
        b->n += words;
    }
}

static int big_bits(const big *b)
{
    int bits = 32 * b->n;
    if (b->n)
        for (uint32_t top = b->w[b->n - 1]; !(top >> 31); top <<= 1)
            bits--;
    return bits;
}

static int big_cmp(const big *a, const big *b)
{
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    for (int i = a->n - 1; i >= 0; i--)
        if (a->w[i] != b->w[i])
            return a->w[i] < b->w[i] ? -1 : 1;
    return 0;
}

static void big_sub(big *a, const big *b) /* a >= b */
{
    int64_t borrow = 0;
    for (int i = 0; i < a->n; i++) {
        int64_t d = (int64_t)a->w[i] - (i < b->n ? b->w[i] : 0) + borrow;
        a->w[i] = (uint32_t)d;
        borrow = d < 0 ? -1 : 0;
    }
    while (a->n && a->w[a->n - 1] == 0)
        a->n--;
}

/* Compares a + b with c. */
static int big_cmp_sum(const big *a, const big *b, const big *c)
{
    big sum = *a;
    uint64_t carry = 0;
    int n = BP__MAX(a->n, b->n);
    for (int i = 0; i < n; i++) {
        carry += (uint64_t)(i < a->n ? a->w[i] : 0) + (i < b->n ? b->w[i] : 0);
        sum.w[i] = (uint32_t)carry;
        carry >>= 32;
    }
    sum.n = n;
    if (carry)
        sum.w[sum.n++] = (uint32_t)carry;
    return big_cmp(&sum, c);
}

/* ---- printing ---------------------------------------------------------- */

/* The fewest digits that lie strictly (or, if `inclusive`, at most) within
 * half a unit of m * 2^e, nearest first. lower_half: the neighbour below is
 * only half as far. Value = 0.DIGITS * 10^*point. Returns their number. */
static int shortest_digits(uint64_t m, int e, bool lower_half, bool inclusive,
                           char *digits, int *point)
{
    big r, s, up, down;
    int extra = lower_half ? 2 : 1;
    big_set(&r, m);
    big_set(&s, 1);
    big_set(&up, lower_half ? 2 : 1);
    big_set(&down, 1);
    big_shift(&r, extra + (e > 0 ? e : 0));
    big_shift(&s, extra + (e < 0 ? -e : 0));
    if (e > 0) {
        big_shift(&up, e);
        big_shift(&down, e);
    }
    /* An estimate of the point that is never too large; corrected below. */
    int bits = 0;
    for (uint64_t t = m; t; t >>= 1)
        bits++;
    double log10_floor = (e + bits - 1) * 0.30102999566398114;
    int k = (int)ceil(log10_floor - 1e-10);
    if (k > 0) {
        big_mul_pow10(&s, k);
    } else {
        big_mul_pow10(&r, -k);
        big_mul_pow10(&up, -k);
        big_mul_pow10(&down, -k);
    }
    int limit = inclusive ? 0 : 1; /* r + up reaches s at this comparison */
    while (big_cmp_sum(&r, &up, &s) >= limit) {
        big_mul_add(&s, 10, 0);
        k++;
    }
    *point = k;
    int n = 0;
    for (;;) {
        big_mul_add(&r, 10, 0);
        big_mul_add(&up, 10, 0);
        big_mul_add(&down, 10, 0);
        int d = 0;
        while (big_cmp(&r, &s) >= 0) {
            big_sub(&r, &s);
            d++;
        }
        bool low = big_cmp(&r, &down) <= (inclusive ? 0 : -1);
        bool high = big_cmp_sum(&r, &up, &s) >= limit;
        if (low || high) {
            if (high && (!low || big_cmp_sum(&r, &r, &s) >= 0))
                d++;
            digits[n++] = (char)('0' + d);
            return n;
        }
        digits[n++] = (char)('0' + d);
    }
}

static void lay_out(char *buf, bool negative, const char *digits, int n,
                    int point)
{
    char *p = buf;
    if (negative)
        *p++ = '-';
    if (point > -5 && point <= 17) {
        if (point <= 0) {
            *p++ = '0';
            *p++ = '.';
            for (int i = point; i < 0; i++)
                *p++ = '0';
        }
        for (int i = 0; i < BP__MAX(n, point); i++) {
            if (i == point && i > 0)
                *p++ = '.';
            *p++ = i < n ? digits[i] : '0';
        }
    } else {
        *p++ = digits[0];
        if (n > 1) {
            *p++ = '.';
            memcpy(p, digits + 1, (size_t)n - 1);
            p += n - 1;
        }
        int e = point - 1;
        *p++ = 'e';
        if (e < 0) {
            *p++ = '-';
            e = -e;
        }
        if (e >= 100)
            *p++ = (char)('0' + e / 100);
        if (e >= 10)
            *p++ = (char)('0' + e / 10 % 10);
        *p++ = (char)('0' + e % 10);
    }
    *p = '\0';
}

/* Zero, infinities and NaN; false for the rest. */
static bool format_special(char *buf, double x)
{
    if (isnan(x))
        strcpy(buf, "nan");
    else if (isinf(x))
        strcpy(buf, x < 0 ? "-inf" : "inf");
    else if (x == 0)
        strcpy(buf, signbit(x) ? "-0" : "0");
    else
        return false;
    return true;
}

void bp__format_double(char *buf, double x)
{
    if (format_special(buf, x))
        return;
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    int e = (int)(u >> 52 & 0x7ff);
    uint64_t m = u & 0xfffffffffffffull;
    bool lower_half = m == 0 && e > 1;
    if (e)
        m |= 1ull << 52;
    else
        e = 1;
    char digits[24];
    int point;
    int n =
        shortest_digits(m, e - 1075, lower_half, m % 2 == 0, digits, &point);
    lay_out(buf, u >> 63, digits, n, point);
}

void bp__format_float(char *buf, float x)
{
    if (format_special(buf, (double)x))
        return;
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    int e = (int)(u >> 23 & 0xff);
    uint32_t m = u & 0x7fffff;
    bool lower_half = m == 0 && e > 1;
    if (e)
        m |= 1u << 23;
    else
        e = 1;
    char digits[24];
    int point;
    int n =
        shortest_digits(m, e - 150, lower_half, m % 2 == 0, digits, &point);
    lay_out(buf, u >> 31, digits, n, point);
    /* A reader that goes through double may round twice. */
    double back;
    if (!bp__parse_double(buf, &back) || (float)back != x)
        bp__format_double(buf, (double)x);
}

/* ---- reading ------------------------------------------------------------ */

/* (q + something in [0,1) if sticky) * 2^e to the nearest double. */
static double round_to_double(uint64_t q, int e, bool sticky)
{
    while (!(q >> 63)) {
        q <<= 1;
        e--;
    }
    int exponent = e + 63; /* value in [2^exponent, 2^(exponent+1)) */
    int drop = exponent < -1022 ? 11 + (-1022 - exponent) : 11;
    if (drop > 64)
        return 0;
    uint64_t kept = drop == 64 ? 0 : q >> drop;
    uint64_t rest = drop == 64 ? q : q & ((1ull << drop) - 1);
    uint64_t half = 1ull << (drop - 1);
    if (rest > half || (rest == half && (sticky || (kept & 1))))
        kept++;
    /* A carry out of the fraction lands in the exponent, as it should. */
    uint64_t bits =
        exponent < -1022 ? kept : kept + ((uint64_t)(exponent + 1022) << 52);
    if (bits >= 0x7ffull << 52)
        bits = 0x7ffull << 52;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double decimal_to_double(big *num, int e10)
{
    if (num->n == 0)
        return 0;
    big den;
    big_set(&den, 1);
    if (e10 >= 0)
        big_mul_pow10(num, e10);
    else
        big_mul_pow10(&den, -e10);
    int d = big_bits(num) - big_bits(&den);
    if (d >= 0)
        big_shift(&den, d);
    else
        big_shift(num, -d);
    /* 1/2 < num/den < 2: 64 binary digits, the first of weight 1. */
    uint64_t q = 0;
    for (int i = 0; i < 64; i++) {
        q <<= 1;
        if (big_cmp(num, &den) >= 0) {
            big_sub(num, &den);
            q |= 1;
        }
        big_shift(num, 1);
    }
    return round_to_double(q, d - 63, num->n != 0);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits with at most one point; *e10 counts where the point was. Leading
 * zeros do not count, digits beyond MAX_DIGITS only as "more than". Returns
 * the end, or NULL if there was no digit. */
static const char *read_digits(const char *s, big *num, int64_t *e10)
{
    big_set(num, 0);
    *e10 = 0;
    bool any = false, point = false, more = false;
    int n = 0;
    for (; is_digit(*s) || (*s == '.' && !point); s++) {
        if (*s == '.') {
            point = true;
            continue;
        }
        any = true;
        if (point)
            --*e10;
        if (n == 0 && *s == '0')
            continue;
        if (n < MAX_DIGITS) {
            uint32_t digit = (uint32_t)(*s - '0');
            if (num->n == 0)
                big_set(num, digit);
            else
                big_mul_add(num, 10, digit);
            n++;
        } else {
            more |= *s != '0';
            ++*e10;
        }
    }
    if (more) { /* a last digit that only breaks ties */
        big_mul_add(num, 10, 1);
        --*e10;
    }
    return any ? s : NULL;
}

static bool same_word(const char *s, const char *word)
{
    for (; *word; s++, word++)
        if ((*s | 32) != *word)
            return false;
    return *s == '\0';
}

bool bp__parse_double(const char *s, double *x)
{
    bool negative = *s == '-';
    if (*s == '-' || *s == '+')
        s++;
    double v;
    if (same_word(s, "inf") || same_word(s, "infinity")) {
        v = (double)INFINITY;
    } else if (same_word(s, "nan")) {
        v = (double)NAN;
    } else {
        big num;
        int64_t e10, e = 0;
        s = read_digits(s, &num, &e10);
        if (!s)
            return false;
        if (*s == 'e' || *s == 'E') {
            s++;
            bool minus = *s == '-';
            if (*s == '-' || *s == '+')
                s++;
            if (!is_digit(*s))
                return false;
            for (; is_digit(*s); s++)
                if (e < 100000000)
                    e = e * 10 + (*s - '0');
            e10 += minus ? -e : e;
        }
        if (*s)
            return false;
        /* Bounds of the leading digit's power of ten. */
        int64_t top = e10 + big_bits(&num) * 30103LL / 100000;
        if (num.n == 0 || top < -330)
            v = 0;
        else if (top > 310)
            v = (double)INFINITY;
        else
            v = decimal_to_double(&num, (int)e10);
    }
    *x = negative ? -v : v;
    return true;
}

bool bp__parse_int64(const char *s, int64_t *x)
{
    bool negative = *s == '-';
    if (*s == '-' || *s == '+')
        s++;
    if (!is_digit(*s))
        return false;
    uint64_t v = 0, limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    for (; is_digit(*s); s++) {
        unsigned digit = (unsigned)(*s - '0');
        if (v > (limit - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    if (*s)
        return false;
    *x = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}
