/* Printing: complaints, sizes, counts, times. */
#include "cli.h"

#include "base/file.h"

#include <math.h>
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
    /* A model without a gradient is wrong wherever it runs. */
    return err->status == BP_ENODIFF ? EXIT_USAGE : EXIT_RUN;
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

const char *cli_metric_text(char *buf, const char *name, double x)
{
    if (isnan(x))
        bp__snprintf(buf, 80, "%.60s -", name);
    else if (!strncmp(name, "accuracy", 8))
        bp__snprintf(buf, 80, "%.60s %.2f %%", name, 100 * x);
    else
        bp__snprintf(buf, 80, "%.60s %.4g", name, x);
    return buf;
}

void cli_print_confusion(const cli_model *m, const bp_evaluation *e)
{
    char buf[40], text[BP__CELL_BYTES];
    int64_t k = e->n_classes;
    if (k < 2 || k > 20)
        return;
    int width = 5;
    for (int64_t i = 0; i < k; i++) {
        const char *name = cli_class_name(m->config, i, buf);
        int n = bp__text_columns(name, name + strlen(name));
        width = n > width ? (n > 12 ? 12 : n) : width;
    }
    printf("rows: the truth; columns: the prediction\n%*s", width + 2, "");
    for (int64_t j = 0; j < k; j++)
        printf(" %s", bp__text_cell(text, cli_class_name(m->config, j, buf), -width,
                                    width));
    printf("\n");
    for (int64_t i = 0; i < k; i++) {
        printf("  %s", bp__text_cell(text, cli_class_name(m->config, i, buf), -width,
                                     width));
        for (int64_t j = 0; j < k; j++) {
            long long n = (long long)e->confusion[i * k + j];
            if (n)
                printf(" %*lld", width, n);
            else
                printf(" %*s", width, ".");
        }
        printf("\n");
    }
}

bool cli_exists(const char *path)
{
    bp__fs_info info;
    return !bp__file_stat(NULL, path, &info, NULL);
}

int cli_write_file(const char *path, const char *text, size_t bytes)
{
    bp_error err = {0};
    return bp__file_write(NULL, &bp__malloc_allocator, path, text, bytes, &err)
               ? cli_fail(&err)
               : EXIT_FINE;
}

bool cli_file_hash(const char *path, char hash[20])
{
    bp__file_data f;
    const bp_allocator *a = &bp__malloc_allocator;
    if (bp__file_read(NULL, a, path, false, 0, &f, NULL))
        return false;
    bp__snprintf(hash, 20, "%016llx",
                 (unsigned long long)bp__hash(BP__HASH_INIT, f.data, f.bytes));
    bp__file_free(a, &f);
    return true;
}
