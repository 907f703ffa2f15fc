/* Two finished runs, asked: one on a table about a row, and one on pictures.
 * Usage: predict TABLE_RUN column=cell... -- PICTURE_RUN PICTURE... */
#include <bprop/predict.h>

#include <stdio.h>
#include <string.h>

enum { MAX_CELLS = 64 };

static int show(void *user, const bp_answer *a)
{
    (void)user;
    printf("%s: ", a->name ? a->name : "the row");
    if (a->class_index < 0)
        for (int64_t i = 0; i < a->n; i++)
            printf("%g%s", a->value[i], i + 1 < a->n ? " " : "\n");
    else
        printf("%s, %.1f %%\n", a->class_name, 100 * a->probability);
    return 0;
}

/* The row's cells, split at their first "="; the number of arguments read. */
static int read_cells(char **argv, const char **column, const char **cell)
{
    int n = 0;
    for (; argv[n] && strcmp(argv[n], "--") && n < MAX_CELLS; n++) {
        char *equals = strchr(argv[n], '=');
        column[n] = argv[n];
        cell[n] = equals ? equals + 1 : "";
        if (equals)
            *equals = 0;
    }
    return n;
}

int main(int argc, char **argv)
{
    const char *column[MAX_CELLS], *cell[MAX_CELLS];
    int n = argc > 2 ? read_cells(argv + 2, column, cell) : 0;
    if (argc < n + 5)
        return fprintf(stderr, "usage: predict TABLE_RUN column=cell... -- "
                       "PICTURE_RUN PICTURE...\n"), 2;
    bp_error err = {0};
    bp_answer a;
    bp_predictor *rows = NULL, *pictures = NULL;
    bp_predict_files o = {.size = sizeof o, .answer = show};
    bool ok = !bp_predictor_open(argv[1], NULL, &rows, &err) &&
              !bp_predictor_row(rows, column, cell, (size_t)n, &a, &err) &&
              !show(NULL, &a) &&
              !bp_predictor_open(argv[n + 3], NULL, &pictures, &err);
    for (char **path = argv + n + 4; ok && *path; path++)
        ok = !bp_predictor_files(pictures, (const char *const *)path, 1, &o, &err);
    if (!ok)
        fprintf(stderr, "predict: %s\n", err.message);
    bp_predictor_free(rows);
    bp_predictor_free(pictures);
    return ok ? 0 : 1;
}
