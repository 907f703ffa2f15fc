/* Columns of a terminal that a text of UTF-8 takes. */
#include "base/base.h"

uint32_t bp__next_char(const char **p)
{
    const unsigned char *s = (const unsigned char *)*p;
    uint32_t c = *s;
    int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : c >= 0xC0 ? 1 : 0;
    c &= more == 3 ? 7u : more == 2 ? 15u : more == 1 ? 31u : 127u;
    s++;
    for (; more && (*s & 0xC0) == 0x80; more--)
        c = c << 6 | (*s++ & 63u);
    *p = (const char *)s;
    return c;
}

bool bp__is_wide(uint32_t c)
{
    return (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE4F) ||
           (c >= 0xFF00 && c <= 0xFF60) || (c >= 0x20000 && c <= 0x3FFFD);
}

int bp__text_columns(const char *p, const char *end)
{
    int n = 0;
    while (p < end)
        n += 1 + bp__is_wide(bp__next_char(&p));
    return n;
}

const char *bp__text_cell(char *buf, const char *s, int least, int most)
{
    const char *end = s + strlen(s);
    size_t n = 0;
    int at = 0;
    most = BP__MIN(most, (BP__CELL_BYTES - 1) / 4);
    while (s < end) {
        int k = bp__utf8_length(s, end);
        const char *p = s;
        int wide = 1 + (k > 1 && bp__is_wide(bp__next_char(&p)));
        if (at + wide > most)
            break;
        if (k == 0)
            buf[n++] = '?';
        else if (k == 1 && ((unsigned char)*s < 32 || *s == 127))
            buf[n++] = ' ';
        else
            for (int i = 0; i < k; i++)
                buf[n++] = s[i];
        at += wide;
        s += k ? k : 1;
    }
    int right = least < 0 ? -least : 0, left = least > 0 ? least : 0;
    right = BP__MIN(right, most) - at;
    left = BP__MIN(left, most) - at;
    if (right > 0) {
        memmove(buf + right, buf, n);
        memset(buf, ' ', (size_t)right);
        n += (size_t)right;
    }
    for (; left > 0; left--)
        buf[n++] = ' ';
    buf[n] = '\0';
    return buf;
}
