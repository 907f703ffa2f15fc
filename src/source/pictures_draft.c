/* Looking at pictures, and the model file that fits them. */
#include "source/pictures_draft.h"

#include "source/draft_model.h"
#include "fmt/tree.h"
#include "fmt/picture.h"

#include <stdlib.h>

/* ---- looking ------------------------------------------------------------- */

typedef struct seen {
    uint64_t hash; /* of the file's bytes */
    int32_t class; /* -1 - class: of a test set */
    size_t file;
} seen;

typedef struct looker {
    bp__picture_draft *d;
    const bp__picture_files *f;
    const int32_t *class_of; /* of f's files */
    const bool *is_test;     /* of f's files; NULL: none is */
    int64_t *side[2];        /* of d's pictures */
    seen *seen;
    size_t n_seen, n_sides, room;
} looker;

static bp_status look_at(void *user, size_t i, const void *data, size_t bytes,
                         const char *why, bp_error *err)
{
    looker *l = user;
    bp__picture_draft *d = l->d;
    bp__picture p = {0};
    bp_error e = {0};
    bp_status s = data ? bp__picture_head(data, bytes, l->f->file[i].name, &p,
                                          &e)
                       : BP_EIO;
    if (s == BP_EUNSUPPORTED || s == BP_ENOMEM)
        return bp__error(err, s, "%s", e.message);
    if (s) {
        if (!d->n_bad++)
            d->bad = bp__arena_strdup(&d->memory, data ? e.message : why);
        return d->memory.failed ? bp__oom(err) : BP_OK;
    }
    d->n_color += p.channels == 3;
    d->n_png += bp__picture_kind_of(data, bytes) == BP__PICTURE_PNG;
    l->side[0][l->n_sides] = p.width;
    l->side[1][l->n_sides++] = p.height;
    l->seen[l->n_seen++] =
        (seen){bp__hash(BP__HASH_INIT, data, bytes), l->class_of[i], i};
    return BP_OK;
}

static int by_hash(const void *a, const void *b)
{
    const seen *p = a, *q = b;
    if (p->hash != q->hash)
        return p->hash < q->hash ? -1 : 1;
    return p->file < q->file ? -1 : p->file > q->file;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void count_repeats(looker *l)
{
    bp__picture_draft *d = l->d;
    qsort(l->seen, l->n_seen, sizeof *l->seen, by_hash);
    for (size_t i = 1, first = 0; i < l->n_seen; i++) {
        const seen *p = &l->seen[first], *q = &l->seen[i];
        if (p->hash != q->hash) {
            first = i;
            continue;
        }
        bool crosses = l->is_test && l->is_test[p->file] != l->is_test[q->file];
        d->n_shared += crosses;
        d->n_repeats += !crosses;
        if (p->class == q->class)
            continue;
        if (!d->n_conflicts++) {
            d->conflict[0] = bp__arena_strdup(&d->memory,
                                              l->f->file[p->file].name);
            d->conflict[1] = bp__arena_strdup(&d->memory,
                                              l->f->file[q->file].name);
        }
    }
}

static void measure_sides(looker *l)
{
    bp__picture_draft *d = l->d;
    d->one_size = true;
    for (int k = 0; k < 2 && l->n_sides; k++) {
        qsort(l->side[k], l->n_sides, sizeof *l->side[k], by_size);
        d->least[k] = l->side[k][0];
        d->most[k] = l->side[k][l->n_sides - 1];
        d->median[k] = l->side[k][l->n_sides / 2];
        d->one_size &= d->least[k] == d->most[k];
    }
}

/* Are the folders below the root parts rather than classes? */
static bool has_parts(const bp__picture_files *f)
{
    size_t n = 0;
    int split;
    for (size_t g = 0; g < f->n_groups; g++)
        n += bp__split_of_name(f->group[g], &split);
    return n >= 2 && n == f->n_groups;
}

/* The class of each file: its folder, or the folder below the part's. */
static bp_status find_classes(const bp__picture_files *f, bool parts,
                              int32_t *class_of, bool *is_test,
                              bp__picture_draft *d, bp_error *err)
{
    size_t cap = 0;
    const char **list = NULL;
    bp_status s = BP_OK;
    for (size_t i = 0; i < f->n && !s; i++) {
        const char *name = f->file[i].name;
        int split = 0;
        class_of[i] = -1;
        if (f->file[i].group < 0)
            continue;
        if (parts) {
            bp__split_of_name(f->group[f->file[i].group], &split);
            is_test[i] = split == BP_SPLIT_TEST;
            d->part[split] = bp__arena_strdup(&d->memory,
                                              f->group[f->file[i].group]);
            d->part_n[split]++;
            name += strcspn(name, "/") + 1;
        }
        size_t n = strcspn(name, "/"), k = 0;
        if (!name[n])
            continue;
        for (k = d->n_classes; k-- > 0;)
            if (!strncmp(list[k], name, n) && !list[k][n])
                break;
        if (k == SIZE_MAX) {
            k = d->n_classes;
            if (!bp__grow(&bp__malloc_allocator, &list, &cap, k + 1,
                          sizeof *list) ||
                !(list[k] = bp__arena_printf(&d->memory, "%.*s", (int)n,
                                             name)))
                s = bp__oom(err);
            else
                d->n_classes++;
        }
        class_of[i] = (int32_t)k;
    }
    d->classes = bp__arena_copy(&d->memory, list ? (void *)list : "",
                                d->n_classes * sizeof *list + 1);
    d->class_n = bp__arena_array(&d->memory, d->n_classes + 1,
                                 sizeof *d->class_n);
    for (size_t i = 0; i < f->n && !d->memory.failed; i++)
        if (class_of[i] >= 0)
            d->class_n[class_of[i]]++;
    bp__free(&bp__malloc_allocator, list, cap * sizeof *list);
    return s ? s : d->memory.failed ? bp__oom(err) : BP_OK;
}

static bp_status check_found(const bp__picture_draft *d, const char *path,
                             const bp__picture_files *f, bp_error *err)
{
    if (f->n_groups == 0)
        return bp__error(err, BP_EFORMAT,
                         "'%s' holds %zu pictures in no folders: a folder for "
                         "each class tells what they show",
                         path, f->n);
    if (d->n_classes < 2)
        return bp__error(err, BP_EFORMAT,
                         "'%s' has pictures of one class only, '%s'", path,
                         d->n_classes ? d->classes[0] : "?");
    if (d->n - d->n_bad < 10)
        return bp__error(err, BP_ERANGE, "'%s' has %lld readable pictures; 10 "
                         "are the least that can be trained on and tested",
                         path, (long long)(d->n - d->n_bad));
    return BP_OK;
}

/* Small pictures of one size keep it; others become squares that a first try
 * can afford. */
static void choose_input(bp__picture_draft *d)
{
    enum { LARGE = 64 };
    d->channels = d->n_color ? 3 : 1;
    d->width = d->median[0];
    d->height = d->median[1];
    if (!d->one_size || d->width > LARGE || d->height > LARGE) {
        int64_t side = BP__MIN(d->width, d->height);
        side = side >= LARGE ? LARGE : BP__MAX(side / 8 * 8, 8);
        d->width = d->height = side;
    }
}

static bp_status look(const bp__picture_files *f, looker *l, bp_error *err)
{
    bp__picture_draft *d = l->d;
    bool parts = has_parts(f);
    int32_t *class_of = bp__arena_array(&d->memory, f->n, sizeof *class_of);
    bool *is_test = bp__arena_array(&d->memory, f->n, sizeof *is_test);
    l->seen = bp__arena_array(&d->memory, f->n, sizeof *l->seen);
    for (int k = 0; k < 2; k++)
        l->side[k] = bp__arena_array(&d->memory, f->n, sizeof *l->side[k]);
    if (d->memory.failed)
        return bp__oom(err);
    l->f = f;
    l->class_of = class_of;
    l->is_test = is_test;
    d->n = (int64_t)f->n;
    d->n_other = f->n_other;
    d->other = f->other ? bp__arena_strdup(&d->memory, f->other) : NULL;
    d->root = bp__arena_strdup(&d->memory, f->root);
    bp_status s = find_classes(f, parts, class_of, is_test, d, err);
    if (!s)
        s = bp__picture_files_visit(NULL, NULL, f, look_at, l, err);
    if (!s)
        s = check_found(d, d->path, f, err);
    if (s)
        return s;
    count_repeats(l);
    measure_sides(l);
    choose_input(d);
    return d->memory.failed ? bp__oom(err) : BP_OK;
}

bp_status bp__picture_draft_look(const char *path, const char *test,
                                 bp__picture_draft *d, bp_error *err)
{
    bp__picture_files f;
    looker l = {.d = d};
    memset(d, 0, sizeof *d);
    bp__arena_init(&d->memory, NULL);
    d->path = bp__arena_strdup(&d->memory, path);
    d->test = test ? bp__arena_strdup(&d->memory, test) : NULL;
    bp_status s = d->memory.failed
                      ? bp__oom(err)
                      : bp__picture_files_list(NULL, NULL, path, &f, err);
    if (!s) {
        s = look(&f, &l, err);
        bp__picture_files_free(&f);
    }
    if (s)
        bp__picture_draft_free(d);
    return s;
}

void bp__picture_draft_free(bp__picture_draft *d)
{
    bp__arena_free(&d->memory);
    memset(d, 0, sizeof *d);
}

/* ---- telling ------------------------------------------------------------- */

static void describe_sizes(const bp__picture_draft *d, bp__str *out)
{
    if (d->one_size)
        bp__str_printf(out, "all of %lld x %lld pixels",
                       (long long)d->least[0], (long long)d->least[1]);
    else
        bp__str_printf(out, "%lld to %lld pixels wide, %lld to %lld high",
                       (long long)d->least[0], (long long)d->most[0],
                       (long long)d->least[1], (long long)d->most[1]);
    int64_t n = d->n - d->n_bad;
    bp__str_printf(out, ", %s, %s\n",
                   d->n_color == n   ? "in color"
                   : d->n_color == 0 ? "grey"
                                     : "some in color, some grey",
                   d->n_png == n   ? "PNG"
                   : d->n_png == 0 ? "JPEG"
                                   : "PNG and JPEG");
}

static void describe_faults(const bp__picture_draft *d, bp__str *out)
{
    if (d->n_bad)
        bp__str_printf(out, "%lld cannot be read and will be left out, the "
                       "first: %s\n", (long long)d->n_bad, d->bad);
    if (d->n_other)
        bp__str_printf(out, "%lld file%s no picture by the name: '%s'%s\n",
                       (long long)d->n_other, d->n_other == 1 ? " is" : "s are",
                       d->other, d->n_other > 1 ? " ..." : "");
    if (d->n_repeats)
        bp__str_printf(out, "%lld file%s equal to an earlier one; %s kept\n",
                       (long long)d->n_repeats,
                       d->n_repeats == 1 ? " is" : "s are",
                       d->n_repeats == 1 ? "it is" : "they are");
    if (d->n_conflicts)
        bp__str_printf(out, "%lld stand%s in the folders of two classes, such "
                       "as '%s' and '%s'\n", (long long)d->n_conflicts,
                       d->n_conflicts == 1 ? "s" : "", d->conflict[0],
                       d->conflict[1]);
    if (d->n_shared)
        bp__str_printf(out, "%lld test picture%s in the training set too\n",
                       (long long)d->n_shared,
                       d->n_shared == 1 ? " is" : "s are");
}

static void describe_balance(const bp__picture_draft *d, bp__str *out)
{
    size_t rare = 0;
    int64_t most = 0;
    for (size_t k = 0; k < d->n_classes; k++) {
        rare = d->class_n[k] < d->class_n[rare] ? k : rare;
        most = BP__MAX(most, d->class_n[k]);
    }
    if (most > 9 * d->class_n[rare])
        bp__str_printf(out, "the classes are uneven: '%s' has %lld of %lld "
                       "pictures\n", d->classes[rare],
                       (long long)d->class_n[rare], (long long)d->n);
}

void bp__picture_draft_describe(const bp__picture_draft *d, bp__str *out)
{
    bp__str_printf(out, "%s: %lld pictures of %zu classes, ", d->path,
                   (long long)d->n, d->n_classes);
    describe_sizes(d, out);
    for (size_t k = 0; k < d->n_classes && k < 40; k++)
        bp__str_printf(out, "  %3zu %-28.28s %8lld\n", k, d->classes[k],
                       (long long)d->class_n[k]);
    if (d->n_classes > 40)
        bp__str_printf(out, "  ... and %zu more\n", d->n_classes - 40);
    for (int s = 0; s < BP__N_SPLITS; s++)
        if (d->part[s])
            bp__str_printf(out, "the folder '%s' is the %s part: %lld "
                           "pictures\n", d->part[s],
                           s == BP_SPLIT_TRAIN   ? "training"
                           : s == BP_SPLIT_VALID ? "validation"
                                                 : "test",
                           (long long)d->part_n[s]);
    describe_faults(d, out);
    describe_balance(d, out);
}

/* ---- the model file ------------------------------------------------------- */

static void put_source(const bp__picture_draft *d, int split, const char *path,
                       bp__str *out)
{
    bp__str path_text;
    bp__str_init(&path_text, NULL);
    bp__str_printf(&path_text, "%s", path);
    if (d->part[split] && path == d->path)
        bp__str_printf(&path_text, "%s%s%s",
                       path[strlen(path) - 1] == '/' ? "" : "/", d->root,
                       d->part[split]);
    bp__yaml_quote(out, path_text.failed ? path : path_text.s);
    bp__str_free(&path_text);
}

static void write_data(const bp__picture_draft *d, int64_t shift, bool flip,
                       const double *share, bp__str *out)
{
    bp__str_printf(out, "data:\n  train:\n    pictures: ");
    put_source(d, BP_SPLIT_TRAIN, d->path, out);
    bp__str_printf(out, "\n    augment: # anew each epoch%s\n      shift: %lld\n"
                   "      flip: %s\n",
                   flip ? "; no flip where left and right matter" : "",
                   (long long)shift, flip ? "true" : "false");
    if (d->part[BP_SPLIT_VALID]) {
        bp__str_printf(out, "  valid: {pictures: ");
        put_source(d, BP_SPLIT_VALID, d->path, out);
        bp__str_printf(out, "}\n");
    }
    if (d->part[BP_SPLIT_TEST] || d->test) {
        bp__str_printf(out, "  test: {pictures: ");
        put_source(d, BP_SPLIT_TEST, d->test ? d->test : d->path, out);
        bp__str_printf(out, "}\n");
    }
    if (share[BP_SPLIT_VALID] > 0 || share[BP_SPLIT_TEST] > 0) {
        bp__str_printf(out, "  # parts of the pictures, drawn by the seed; "
                       "each has its share of each class\n  split: {");
        for (int s = 1; s < BP__N_SPLITS; s++)
            if (share[s] > 0)
                bp__str_printf(out, "%s: %g, ", bp_split_name((bp_split)s),
                               share[s]);
        bp__str_printf(out, "seed: 1}\n");
    }
    bp__str_printf(out, "  pictures:\n    fit: crop # the middle of pictures "
                   "of another shape\n    unreadable: %s\n"
                   "  normalize: channel\n",
                   d->n_bad ? "skip # there are some" : "refuse");
}

void bp__picture_draft_write(const bp__picture_draft *d, bp__str *out)
{
    double share[BP__N_SPLITS] = {0, 0, 0};
    int64_t n = d->n - d->part_n[BP_SPLIT_VALID] - d->part_n[BP_SPLIT_TEST];
    if (!d->part[BP_SPLIT_TEST] && !d->test)
        share[BP_SPLIT_TEST] = n >= 2000 ? 0.1 : 0.2;
    if (!d->part[BP_SPLIT_VALID])
        share[BP_SPLIT_VALID] = n >= 20000 ? 0.05 : n >= 2000 ? 0.1 : 0.15;
    n = (int64_t)((double)n * (1 - share[1] - share[2]));
    bool flip = d->channels == 3; /* grey ones are often letters */
    int64_t side = BP__MIN(d->height, d->width);
    bp__draft_model m = {.rows = n, .outputs = (int64_t)d->n_classes,
                         .classes = true};
    const int64_t chw[3] = {d->channels, d->height, d->width};
    double work = bp__draft_pictures(out, &m, chw);
    write_data(d, BP__MAX(flip ? side / 8 : side / 14, 1), flip, share, out);
    bp__draft_pictures_train(out, &m, work);
}
