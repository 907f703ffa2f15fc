/* A data set of pictures over their cache: which samples, which classes, and
 * what is to be told of the rest. */
#include "data/pictures.h"

#include "data/data.h"
#include "data/picture_cache.h"

typedef struct builder {
    const bp__pictures_options *o;
    const bp_allocator *a;
    const bp__picture_index *x;
    bp__pictures *p;
    int32_t *class_of;  /* of groups; -1: none of the classes */
    int64_t *rows;      /* of the samples that stay */
    int32_t *labels;
    const char **names;
    int64_t n;
    /* What does not stay. */
    int64_t n_bare;     /* directly in the root, where there are folders */
    const char *bare;
    bp__str notes, faults;
} builder;

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

/* The classes: those that are known, or the folders. */
static bp_status choose_classes(builder *b, bp_error *err)
{
    const bp__picture_index *x = b->x;
    const bp__pictures_options *o = b->o;
    bp__pictures *p = b->p;
    p->n_classes = o->classes ? o->n_classes : x->n_groups;
    p->classes = bp__arena_array(&p->memory, p->n_classes + 1,
                                 sizeof *p->classes);
    b->class_of = bp__arena_array(&p->memory, x->n_groups + 1,
                                  sizeof *b->class_of);
    for (size_t i = 0; i < p->n_classes && !p->memory.failed; i++)
        p->classes[i] = bp__arena_strdup(&p->memory, o->classes
                                                         ? o->classes[i]
                                                         : x->groups[i]);
    if (p->memory.failed)
        return bp__oom(err);
    for (size_t g = 0; g < x->n_groups; g++) {
        b->class_of[g] = -1;
        for (size_t k = 0; k < p->n_classes; k++)
            if (!strcmp(x->groups[g], p->classes[k]))
                b->class_of[g] = (int32_t)k;
    }
    return BP_OK;
}

static const char *nearest_class(const bp__pictures *p, const char *name)
{
    int least = 4;
    const char *best = NULL;
    for (size_t k = 0; k < p->n_classes; k++) {
        int n = bp__edit_distance(name, p->classes[k]);
        if (n < least) {
            least = n;
            best = p->classes[k];
        }
    }
    return best;
}

static void new_line(bp__str *t, const builder *b)
{
    bp__str_printf(t, "%s'%s': ", t->len ? "\n" : "", b->o->path);
}

static void report_unknown(builder *b)
{
    const bp__picture_index *x = b->x;
    for (size_t g = 0; g < x->n_groups; g++) {
        int64_t n = 0;
        if (b->class_of[g] >= 0)
            continue;
        for (int64_t i = 0; i < x->n; i++)
            n += x->group[i] == (int32_t)g;
        const char *near = nearest_class(b->p, x->groups[g]);
        new_line(&b->faults, b);
        bp__str_printf(&b->faults,
                       "%lld picture%s in the folder '%s', which is no class "
                       "of the training set%s%s%s",
                       (long long)n, plural(n), x->groups[g],
                       near ? " (nearest: '" : "", near ? near : "",
                       near ? "')" : "");
    }
}

static void report_bad(builder *b)
{
    const bp__bad_pictures *bad = &b->x->bad;
    bp__str *t = b->o->skip_unreadable ? &b->notes : &b->faults;
    if (!bad->n)
        return;
    new_line(t, b);
    bp__str_printf(t, "%lld of %lld pictures cannot be read%s:",
                   (long long)bad->n, (long long)b->x->n,
                   b->o->skip_unreadable
                       ? " and are left out"
                       : " (data.pictures.unreadable: skip leaves them out)");
    for (int64_t i = 0; i < bad->n && i < BP__PICTURE_EXAMPLES; i++)
        bp__str_printf(t, "\n  %s", bad->why[i]);
    if (bad->n > BP__PICTURE_EXAMPLES)
        bp__str_printf(t, "\n  and %lld more",
                       (long long)(bad->n - BP__PICTURE_EXAMPLES));
}

static void report_rest(builder *b)
{
    const bp__picture_index *x = b->x;
    report_bad(b);
    report_unknown(b);
    if (b->n_bare) {
        new_line(&b->faults, b);
        bp__str_printf(&b->faults,
                       "%lld picture%s in no class's folder, the first is "
                       "'%s'",
                       (long long)b->n_bare,
                       b->n_bare == 1 ? " stands" : "s stand", b->bare);
    }
    if (x->n_other) {
        new_line(&b->notes, b);
        bp__str_printf(&b->notes,
                       "%lld file%s no picture, by %s name%s, and %s passed "
                       "over: '%s'%s",
                       (long long)x->n_other, x->n_other == 1 ? " is" : "s are",
                       x->n_other == 1 ? "its" : "their", plural(x->n_other),
                       x->n_other == 1 ? "was" : "were", x->other,
                       x->n_other > 1 ? " ..." : "");
    }
}

/* Labels and rows of the samples that can be used. */
static bp_status choose_samples(builder *b, bp_error *err)
{
    const bp__picture_index *x = b->x;
    bool classes = b->p->n_classes > 0;
    size_t room = (size_t)x->n;
    b->rows = bp__arena_array(&b->p->memory, room, sizeof *b->rows);
    b->labels = bp__arena_array(&b->p->memory, room, sizeof *b->labels);
    b->names = bp__arena_array(&b->p->memory, room, sizeof *b->names);
    if (b->p->memory.failed)
        return bp__oom(err);
    for (int64_t i = 0; i < x->n; i++) {
        int32_t g = x->group[i];
        if (x->row[i] < 0)
            continue;
        if (classes && g < 0) {
            b->bare = b->n_bare++ ? b->bare : x->name[i];
            continue;
        }
        if (classes && b->class_of[g] < 0)
            continue;
        b->rows[b->n] = x->row[i];
        b->labels[b->n] = classes ? b->class_of[g] : -1;
        b->names[b->n++] = x->name[i];
    }
    return BP_OK;
}

/* By the rows of the file, as bp_data_name looks them up. */
static bp_status make_names(const builder *b, bp__names **names, bp_error *err)
{
    bp__names *n = *names = bp__calloc(b->a, 1, sizeof *n);
    if (!n)
        return bp__oom(err);
    bp__arena_init(&n->memory, b->a);
    n->n = (size_t)b->x->n;
    n->name = bp__arena_array(&n->memory, n->n, sizeof *n->name);
    for (int64_t i = 0; i < b->n && !n->memory.failed; i++)
        n->name[b->rows[i]] = bp__arena_strdup(&n->memory, b->names[i]);
    return n->memory.failed ? bp__oom(err) : BP_OK;
}

static bp_status make_data(builder *b, bp_error *err)
{
    const bp__pictures_options *o = b->o;
    int64_t dims[3] = {o->channels, o->height, o->width};
    bp__row_file *disk = NULL;
    bp__names *names = NULL;
    bp_array target = {0};
    bp_status s = make_names(b, &names, err);
    if (!s)
        s = bp__row_file_open(o->fs, b->a, b->x->pixels, b->x->offset,
                              (size_t)(dims[0] * dims[1] * dims[2]), &disk,
                              err);
    if (!s && b->p->n_classes) {
        s = bp_array_new(b->a, BP_I32, 1, &b->n, &target, err);
        if (!s)
            memcpy(target.data, b->labels, target.bytes);
    }
    if (!s)
        return bp__data_from_rows(b->a, disk, b->n, 3, dims, &target, names,
                                  b->rows, o->path, &b->p->data, err);
    bp__row_file_close(disk);
    bp__names_free(b->a, names);
    bp_array_free(b->a, &target);
    return s;
}

static bp_status check_options(const bp__pictures_options *o, bp_error *err)
{
    if ((o->channels == 1 || o->channels == 3) && o->height > 0 &&
        o->width > 0 && o->height <= BP__PICTURE_SIDE &&
        o->width <= BP__PICTURE_SIDE)
        return BP_OK;
    return bp__error(err, BP_ESHAPE,
                     "'%s': pictures fit an input [channels, height, width] "
                     "with 1 channel (grey) or 3 (red, green, blue) and sides "
                     "up to %d, not [%lld,%lld,%lld]",
                     o->path, BP__PICTURE_SIDE, (long long)o->channels,
                     (long long)o->height, (long long)o->width);
}

/* Where training stops, its remarks on what can be read are part of the
 * report. */
static bp_status report_remarks(builder *b, bp_error *err)
{
    bp_data_report *r = bp__calloc(b->a, 1, sizeof *r);
    bp_status s = r ? BP_OK : bp__oom(err);
    if (!s && b->n)
        s = make_data(b, err);
    const bp_data *set[] = {b->p->data};
    const char *what[] = {b->o->path};
    if (!s && b->n)
        s = bp_data_check_sets(set, what, 1, r, err);
    if (!s && r->text[0])
        bp__str_printf(&b->faults, "\n%s", r->text);
    bp__free(b->a, r, r ? sizeof *r : 0);
    return s;
}

static bp_status build(builder *b, bp_error *err)
{
    bp_status s = choose_classes(b, err);
    if (!s)
        s = choose_samples(b, err);
    if (s)
        return s;
    report_rest(b);
    if (b->notes.failed || b->faults.failed)
        return bp__oom(err);
    if (b->faults.len && !b->o->classes) /* the training set's */
        s = report_remarks(b, err);
    if (s)
        return s;
    if (b->faults.len)
        return bp__error(err, BP_EFORMAT, "%s", b->faults.s);
    if (b->n == 0)
        return bp__error(err, BP_ENOTFOUND, "'%s' holds no picture that can "
                         "be used", b->o->path);
    if (b->notes.len &&
        !(b->p->notes = bp__arena_strdup(&b->p->memory, b->notes.s)))
        return bp__oom(err);
    return make_data(b, err);
}

bp_status bp__pictures_open(const bp__pictures_options *o, bp__pictures *p,
                            bp_error *err)
{
    bp__picture_index x;
    memset(p, 0, sizeof *p);
    bp_status s = check_options(o, err);
    if (s)
        return s;
    builder b = {.o = o, .a = o->a ? o->a : &bp__malloc_allocator, .p = p,
                 .x = &x};
    bp__arena_init(&p->memory, b.a);
    bp__str_init(&b.notes, b.a);
    bp__str_init(&b.faults, b.a);
    s = bp__picture_cache_open(o, &x, err);
    if (!s)
        s = build(&b, err);
    p->hash = x.hash;
    p->decoded = x.made;
    bp__picture_index_free(&x);
    bp__str_free(&b.notes);
    bp__str_free(&b.faults);
    if (s)
        bp__pictures_free(p);
    return s;
}

void bp__pictures_free(bp__pictures *p)
{
    bp_data_free(p->data);
    bp__arena_free(&p->memory);
    memset(p, 0, sizeof *p);
}
