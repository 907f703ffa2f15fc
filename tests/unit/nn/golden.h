/* Stored results of PyTorch in f64: a line of the file is a name, a count and
 * the numbers. What went in comes from a formula that the scripts know too. */
#ifndef BP_TEST_NN_GOLDEN_H
#define BP_TEST_NN_GOLDEN_H

#include "rig.h"

enum { GOLDEN_MOST = 1000 };

/* Element i of data k. */
static inline double golden_number(int64_t i, int64_t k)
{
    return (double)((i * 37 + k * 101 + i * i * 11 + 13) % 509 - 254) / 512;
}

/* The numbers of a line of tests/data/nn/FILE; how many. */
static inline int golden_read(const char *file, const char *name, double *out)
{
    char path[1000];
    static char line[1 << 17];
    int n = 0;
    snprintf(path, sizeof path, "%s/tests/data/nn/%s", BPROP_SOURCE_DIR,
             file);
    FILE *f = fopen(path, "r");
    T_REQUIRE(f != NULL);
    size_t len = strlen(name);
    while (n == 0 && fgets(line, sizeof line, f)) {
        if (strncmp(line, name, len) != 0 || line[len] != ' ')
            continue;
        char *p;
        n = (int)strtol(line + len, &p, 10);
        T_REQUIRE(n > 0 && n <= GOLDEN_MOST);
        for (int i = 0; i < n; i++)
            out[i] = strtod(p, &p);
    }
    fclose(f);
    T_CHECKF(n > 0, "no line %s", name);
    return n;
}

/* Within 1e-12 of the largest number of the line (or of `scale`). */
static inline void golden_compare(const char *file, const char *name,
                                  const double *got, int n, double scale)
{
    double want[GOLDEN_MOST], worst = 0;
    if (!T_CHECKF(golden_read(file, name, want) == n, "%s: not %d numbers",
                  name, n))
        return;
    for (int i = 0; i < n; i++) {
        double d = fabs(got[i] - want[i]);
        worst = d <= worst ? worst : d;
        scale = fmax(scale, fabs(want[i]));
    }
    T_CHECKF(worst <= 1e-12 * scale, "%s: off by %g, largest %g", name,
             worst, scale);
}

#endif
