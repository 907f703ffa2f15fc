/* Looking at arrays: which are inputs and targets, and what they hold. */
#include "source/arrays_draft.h"

#include "data/data.h"
#include "fmt/array.h"
#include "fmt/npy.h"

#include <math.h>

/* ---- names ---------------------------------------------------------------- */

/* What people call an input and the target that goes with it. */
static const struct name_pair {
    const char *input, *target;
} name_pairs[] = {{"x", "y"},           {"inputs", "targets"},
                  {"input", "target"},  {"images", "labels"},
                  {"data", "labels"},   {"data", "target"},
                  {"data", "targets"},  {"features", "labels"},
                  {"features", "target"}, {"x", "t"}, {"x", "labels"}};

static bool same_name(const char *a, size_t n, const char *b)
{
    size_t i = 0;
    for (; i < n && b[i]; i++) {
        char c = a[i];
        c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        if (c != b[i])
            return false;
    }
    return i == n && !b[i];
}

/* Is the name `word` with the part's name before or after it: x_train,
 * test_images? part NULL: the word alone. */
static bool is_named(const char *name, const char *word, const char *part)
{
    size_t n = strlen(name), w = strlen(word), p = part ? strlen(part) : 0;
    if (!part)
        return same_name(name, n, word);
    return n == w + p + 1 &&
           ((same_name(name, w, word) && strchr("_-.", name[w]) &&
             same_name(name + w + 1, p, part)) ||
            (same_name(name, p, part) && strchr("_-.", name[p]) &&
             same_name(name + p + 1, w, word)));
}

/* ---- .npz ------------------------------------------------------------------ */

typedef struct npz_file {
    const char *path;
    bp__named_array array[BP__NPZ_ARRAYS];
    size_t n;
} npz_file;

static void close_npz(npz_file *f, const bp_allocator *a)
{
    for (size_t i = 0; i < f->n; i++)
        bp_array_free(a, &f->array[i].x);
    f->n = 0;
}

static const bp__named_array *find_named(const npz_file *f, const char *word,
                                         const char *part)
{
    for (size_t i = 0; i < f->n; i++)
        if (is_named(f->array[i].name, word, part))
            return &f->array[i];
    return NULL;
}

static bool find_pair(const npz_file *f, const char *part,
                      const bp__named_array **x, const bp__named_array **y)
{
    for (size_t i = 0; i < BP__ARRAY_LEN(name_pairs); i++) {
        *x = find_named(f, name_pairs[i].input, part);
        *y = find_named(f, name_pairs[i].target, part);
        if (*x && *y)
            return true;
    }
    *x = *y = NULL;
    return false;
}

/* Of two arrays with as many samples, the one of less numbers a sample. */
static bool pair_by_shape(const npz_file *f, const bp__named_array **x,
                          const bp__named_array **y)
{
    if (f->n != 2)
        return false;
    const bp_array *a = &f->array[0].x, *b = &f->array[1].x;
    if (!a->rank || !b->rank || a->dims[0] != b->dims[0] ||
        bp__row_numel(a) == bp__row_numel(b))
        return false;
    bool first = bp__row_numel(a) > bp__row_numel(b);
    *x = &f->array[first ? 0 : 1];
    *y = &f->array[first ? 1 : 0];
    return true;
}

static const bp__named_array *find_exact(const npz_file *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->array[i].name, name))
            return &f->array[i];
    return NULL;
}

static void list_names(const npz_file *f, char *text, size_t room)
{
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < f->n && n + 80 < room; i++)
        n += (size_t)bp__snprintf(text + n, room - n, "%s%.60s", i ? ", " : "",
                                  f->array[i].name);
}

/* The target is named: its input by the pairs, or the only other array. */
static bp_status pair_of_target(const npz_file *f, const char *target,
                                const bp__named_array **x,
                                const bp__named_array **y, bp_error *err)
{
    static const char *const parts[] = {"train", NULL};
    char names[600];
    list_names(f, names, sizeof names);
    *y = find_exact(f, target);
    *x = NULL;
    if (!*y)
        return bp__error(err, BP_EARG, "'%s' holds no array '%s' (the target); "
                         "it has %s", f->path, target, names);
    for (size_t p = 0; p < 2; p++)
        for (size_t i = 0; i < BP__ARRAY_LEN(name_pairs) && !*x; i++)
            *x = find_named(f, name_pairs[i].input, parts[p]);
    for (size_t i = 0; i < f->n && f->n == 2; i++)
        if (&f->array[i] != *y)
            *x = &f->array[i];
    if (!*x || *x == *y)
        return bp__error(err, BP_EARG, "'%s': which of its arrays is the "
                         "input beside the target '%s' does not show: it has "
                         "%s; name it x", f->path, target, names);
    return BP_OK;
}

static bp_status choose_pair(const npz_file *f, const char *target,
                             const bp__named_array **x,
                             const bp__named_array **y, bp_error *err)
{
    char names[600];
    if (target)
        return pair_of_target(f, target, x, y, err);
    if (find_pair(f, "train", x, y) || find_pair(f, NULL, x, y) ||
        pair_by_shape(f, x, y))
        return BP_OK;
    list_names(f, names, sizeof names);
    return bp__error(err, BP_EARG, "'%s' has the arrays %s: which are inputs "
                     "and targets does not show; name them x and y, or "
                     "--target NAME says which is the target", f->path,
                     f->n ? names : "(none)");
}

/* ---- what they hold -------------------------------------------------------- */

static double element(const bp_array *x, int64_t i)
{
    switch (x->dtype) {
    case BP_F32:
        return (double)((const float *)x->data)[i];
    case BP_F64:
        return ((const double *)x->data)[i];
    case BP_I32:
        return ((const int32_t *)x->data)[i];
    default:
        return ((const uint8_t *)x->data)[i];
    }
}

static int64_t numel_of(const bp_array *x)
{
    return x->dims[0] * bp__row_numel(x);
}

const char *bp__array_kind(bp_dtype t)
{
    return t == BP_F32   ? "float32"
           : t == BP_F64 ? "float64"
           : t == BP_U8  ? "uint8"
                         : "whole numbers";
}

static bp_status check_numbers(const bp_array *x, const char *path,
                               const char *name, double *least, double *most,
                               bp_error *err)
{
    int64_t n = numel_of(x), each = bp__row_numel(x);
    char shape[200];
    if (!n)
        return bp__error(err, BP_ESHAPE, "'%s': '%s' has the shape %s: there "
                         "is no number in it", path, name,
                         bp__shape_text(x->rank, x->dims, shape));
    *least = *most = element(x, 0);
    for (int64_t i = 0; i < n; i++) {
        double v = element(x, i);
        if (v - v != 0)
            return bp__error(err, BP_ERANGE, "'%s': '%s' holds %g in sample "
                             "%lld: every number must be finite", path, name,
                             v, (long long)(i / each));
        *least = v < *least ? v : *least;
        *most = v > *most ? v : *most;
    }
    return BP_OK;
}

static bp_status look_at_input(bp__array_draft *d, const bp_array *x,
                               bp_error *err)
{
    if (x->rank < 2 || x->rank > 5)
        return bp__error(err, BP_ESHAPE, "'%s': '%s' has %d ax%cs: inputs are "
                         "[samples, numbers], or pictures [samples, channels, "
                         "height, width]", d->path, d->input, x->rank,
                         x->rank == 1 ? 'i' : 'e');
    if (x->dtype != BP_F32 && x->dtype != BP_F64 && x->dtype != BP_U8)
        return bp__error(err, BP_EDTYPE, "'%s': '%s' holds %s: inputs are "
                         "float32, float64 or uint8 (x.astype('float32'))",
                         d->path, d->input, bp__array_kind(x->dtype));
    if (x->rank == 4 && x->dims[1] > 4 && x->dims[3] <= 4)
        return bp__error(err, BP_ESHAPE, "'%s': '%s' has its channels last; "
                         "they come first here: x.transpose(0, 3, 1, 2)",
                         d->path, d->input);
    if (x->dims[0] < 10)
        return bp__error(err, BP_ERANGE, "'%s' has %lld sample%s; 10 are the "
                         "least that can be trained on and tested", d->path,
                         (long long)x->dims[0], x->dims[0] == 1 ? "" : "s");
    d->n = x->dims[0];
    d->dtype = x->dtype;
    d->rank = x->rank - 1;
    for (int i = 0; i < d->rank; i++)
        d->dims[i] = x->dims[i + 1];
    return check_numbers(x, d->path, d->input, &d->least, &d->most, err);
}

enum { MOST_CLASSES = 1000 };

static bp_status look_at_classes(bp__array_draft *d, const bp_array *y,
                                 bp_error *err)
{
    double least, most;
    bp_status st = check_numbers(y, d->path, d->target, &least, &most, err);
    if (st)
        return st;
    if (y->rank != 1)
        return bp__error(err, BP_ESHAPE, "'%s': '%s' holds whole numbers with "
                         "%d axes: classes are one number a sample "
                         "(y.argmax(1), y.ravel()), targets of a regression "
                         "are float32", d->path, d->target, y->rank);
    if (least < 0 || most < 1 || most >= MOST_CLASSES ||
        most >= (double)y->dims[0])
        return bp__error(err, BP_ERANGE, "'%s': '%s' holds whole numbers from "
                         "%g to %g: classes are numbered from 0, at most %d "
                         "and fewer than the samples; a number to be learned "
                         "is y.astype('float32')", d->path, d->target, least,
                         most, MOST_CLASSES);
    d->classes = true;
    d->outputs = (int64_t)most + 1;
    d->class_n = bp__arena_array(&d->memory, (size_t)d->outputs,
                                 sizeof *d->class_n);
    if (!d->class_n)
        return bp__oom(err);
    for (int64_t i = 0; i < y->dims[0]; i++)
        d->class_n[(int64_t)element(y, i)]++;
    return BP_OK;
}

/* Rows of zeros with a single 1. */
static bool is_one_hot(const bp_array *y)
{
    int64_t each = bp__row_numel(y);
    for (int64_t i = 0; i < y->dims[0]; i++) {
        int64_t ones = 0;
        for (int64_t k = 0; k < each; k++) {
            double v = element(y, i * each + k);
            if (v != 0 && v != 1)
                return false;
            ones += v == 1;
        }
        if (ones != 1)
            return false;
    }
    return each > 1;
}

static bp_status look_at_target(bp__array_draft *d, const bp_array *y,
                                bp_error *err)
{
    if (y->rank < 1 || y->dims[0] != d->n)
        return bp__error(err, BP_ESHAPE, "'%s': '%s' has %lld samples, its "
                         "target '%s' has %lld", d->path, d->input,
                         (long long)d->n, d->target,
                         (long long)(y->rank ? y->dims[0] : 1));
    if (y->dtype == BP_I32 || y->dtype == BP_U8 || y->dtype == BP_BOOL)
        return look_at_classes(d, y, err);
    bp_status st = check_numbers(y, d->path, d->target, &d->target_least,
                                 &d->target_most, err);
    if (st)
        return st;
    if (is_one_hot(y))
        return bp__error(err, BP_EARG, "'%s': '%s' is one-hot: the classes' "
                         "numbers are wanted, y.argmax(1)", d->path, d->target);
    double n = (double)numel_of(y), sum = 0, squares = 0;
    for (int64_t i = 0; i < numel_of(y); i++)
        sum += element(y, i);
    d->mean = sum / n;
    for (int64_t i = 0; i < numel_of(y); i++) {
        double e = element(y, i) - d->mean;
        squares += e * e;
    }
    d->deviation = sqrt(squares / n);
    d->outputs = bp__row_numel(y);
    return BP_OK;
}

static bp_status check_test(bp__array_draft *d, const bp_array *x,
                            const bp_array *y, bp_error *err)
{
    bool same = x->rank == d->rank + 1 && y->rank >= 1 &&
                y->dims[0] == x->dims[0];
    for (int i = 0; i < d->rank && same; i++)
        same = x->dims[i + 1] == d->dims[i];
    if (!same)
        return bp__error(err, BP_ESHAPE, "'%s': the test part, '%s' and '%s', "
                         "has other shapes than the training part",
                         d->test_path, d->test_input, d->test_target);
    d->n_test = x->dims[0];
    return BP_OK;
}

/* ---- looking ---------------------------------------------------------------- */

static bp_status note_others(bp__array_draft *d, const npz_file *f,
                             bp_error *err)
{
    bp__str s;
    bp__str_init(&s, &d->memory.a);
    for (size_t i = 0; i < f->n; i++) {
        const char *name = f->array[i].name;
        bool mine = !d->test_input || strcmp(d->test_path, f->path)
                        ? false
                        : !strcmp(name, d->test_input) ||
                              !strcmp(name, d->test_target);
        if (!mine && strcmp(name, d->input) && strcmp(name, d->target))
            bp__str_printf(&s, "%s%s", s.len ? ", " : "", name);
    }
    d->others = bp__arena_strdup(&d->memory, s.len ? s.s : "");
    bool failed = s.failed || !d->others;
    bp__str_free(&s);
    return failed ? bp__oom(err) : BP_OK;
}

static bp_status look_at_npz_test(bp__array_draft *d, const npz_file *f,
                                  const char *test, bp_error *err)
{
    npz_file other = {.path = test};
    const bp__named_array *x = NULL, *y = NULL;
    bp_status st = BP_OK;
    if (test) {
        st = bp__npz_list(NULL, test, &d->memory, other.array, &other.n, err);
        if (!st && !find_pair(&other, "test", &x, &y)) {
            x = find_exact(&other, d->input);
            y = find_exact(&other, d->target);
        }
        if (!st && (!x || !y))
            st = bp__error(err, BP_EARG, "'%s' holds no arrays '%s' and '%s', "
                           "as '%s' does", test, d->input, d->target, d->path);
    } else {
        find_pair(f, "test", &x, &y);
    }
    if (!st && x) {
        d->test_path = test ? test : d->path;
        d->test_input = x->name;
        d->test_target = y->name;
        st = check_test(d, &x->x, &y->x, err);
    }
    close_npz(&other, &d->memory.a);
    return st;
}

static bp_status look_at_npz(bp__array_draft *d, const char *target,
                             const char *test, bp_error *err)
{
    npz_file f = {.path = d->path};
    const bp__named_array *x = NULL, *y = NULL;
    d->npz = true;
    bp_status st = bp__npz_list(NULL, d->path, &d->memory, f.array, &f.n, err);
    if (!st)
        st = choose_pair(&f, target, &x, &y, err);
    if (!st) {
        d->input = x->name;
        d->target = y->name;
        st = look_at_input(d, &x->x, err);
    }
    if (!st)
        st = look_at_target(d, &y->x, err);
    if (!st)
        st = look_at_npz_test(d, &f, test, err);
    if (!st)
        st = note_others(d, &f, err);
    close_npz(&f, &d->memory.a);
    return st;
}

/* The file of the target beside that of the inputs: y_train.npy for
 * x_train.npy; NULL: none is there. */
static const char *file_beside(bp__arena *memory, const char *path)
{
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    for (size_t i = 0; i < BP__ARRAY_LEN(name_pairs); i++) {
        const char *in = name_pairs[i].input;
        size_t n = strlen(in), len = strlen(base);
        for (size_t at = 0; at + n <= len; at++) {
            bool start = at == 0 || strchr("_-.", base[at - 1]);
            bool end = strchr("_-.", base[at + n]) != NULL;
            if (!start || !end || !same_name(base + at, n, in))
                continue;
            const char *file = bp__arena_printf(
                memory, "%.*s%s%s", (int)(base - path + (int64_t)at), path,
                name_pairs[i].target, base + at + n);
            if (file && bp__file_exists(NULL, file))
                return file;
        }
    }
    return NULL;
}

static bp_status target_file(bp__array_draft *d, const char *path,
                             const char *option, const char **file,
                             bp_error *err)
{
    *file = file_beside(&d->memory, path);
    if (d->memory.failed)
        return bp__oom(err);
    if (!*file)
        return bp__error(err, BP_EARG, "'%s' is one array: which file holds "
                         "its targets does not show%s", path, option);
    return BP_OK;
}

static bp_status look_at_npy(bp__array_draft *d, const char *target,
                             const char *test, bp_error *err)
{
    const bp_allocator *a = &d->memory.a;
    bp_array x = {0}, y = {0}, tx = {0}, ty = {0};
    bp_status st = BP_OK;
    d->others = "";
    d->input = d->path;
    d->target = target;
    if (!target)
        st = target_file(d, d->path, "; --target FILE.npy names it, or names "
                         "such as x.npy and y.npy", &d->target, err);
    if (!st)
        st = bp__npy_read(NULL, a, d->input, &x, err);
    if (!st)
        st = bp__npy_read(NULL, a, d->target, &y, err);
    if (!st)
        st = look_at_input(d, &x, err);
    if (!st)
        st = look_at_target(d, &y, err);
    if (!st && test) {
        d->test_path = d->test_input = test;
        st = target_file(d, test, "; names such as x_test.npy and y_test.npy "
                         "do", &d->test_target, err);
        if (!st)
            st = bp__npy_read(NULL, a, test, &tx, err);
        if (!st)
            st = bp__npy_read(NULL, a, d->test_target, &ty, err);
        if (!st)
            st = check_test(d, &tx, &ty, err);
    }
    bp_array_free(a, &x);
    bp_array_free(a, &y);
    bp_array_free(a, &tx);
    bp_array_free(a, &ty);
    return st;
}

bp_status bp__array_draft_look(const char *path, const char *target,
                               const char *test, bp__array_draft *d,
                               bp_error *err)
{
    size_t n = strlen(path);
    memset(d, 0, sizeof *d);
    bp__arena_init(&d->memory, NULL);
    d->path = path;
    bool npz = n > 4 && !strcmp(path + n - 4, ".npz");
    bp_status st = npz ? look_at_npz(d, target, test, err)
                       : look_at_npy(d, target, test, err);
    if (st)
        bp__array_draft_free(d);
    return st;
}

void bp__array_draft_free(bp__array_draft *d)
{
    bp__arena_free(&d->memory);
    memset(d, 0, sizeof *d);
}
