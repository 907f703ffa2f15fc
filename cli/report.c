/* Printing: complaints, sizes, counts, times. */
#include "cli.h"

#include "base/base.h"

#include <time.h>

void cli_complain(const char *format, ...)
{
    char text[2400];
    va_list ap;
    va_start(ap, format);
    bp__vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    fflush(stdout);
    fprintf(stderr, "bprop: %s\n", text);
}

int cli_fail(const bp_error *err)
{
    cli_complain("%s", err->message[0] ? err->message
                                       : bp_status_text(err->status));
    return EXIT_RUN;
}

int cli_write(void *user, const char *text, size_t bytes)
{
    return fwrite(text, 1, bytes, user) == bytes ? 0 : -1;
}

const char *cli_bytes_text(char *buf, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int u = 0;
    while (bytes >= 1024 && u < 4) {
        bytes /= 1024;
        u++;
    }
    bp__snprintf(buf, 40, u ? "%.1f %s" : "%.0f %s", bytes, units[u]);
    return buf;
}

const char *cli_count_text(char *buf, int64_t n)
{
    char digits[24], *p = buf;
    bp__snprintf(digits, sizeof digits, "%lld", (long long)n);
    size_t len = strlen(digits);
    for (size_t i = 0; i < len; i++) {
        *p++ = digits[i];
        size_t left = len - 1 - i;
        if (left && left % 3 == 0 && digits[i] != '-')
            *p++ = ',';
    }
    *p = 0;
    return buf;
}

const char *cli_time_text(char *buf, double s)
{
    if (s < 60)
        bp__snprintf(buf, 40, s < 9.95 ? "%.1f s" : "%.0f s", s);
    else if (s < 3600)
        bp__snprintf(buf, 40, "%dm%02ds", (int)s / 60, (int)s % 60);
    else
        bp__snprintf(buf, 40, "%dh%02dm", (int)s / 3600, (int)s / 60 % 60);
    return buf;
}

double cli_now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
