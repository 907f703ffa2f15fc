/* Data sets from .npz files: zip archives whose members are .npy files. */
#include "data/data.h"

#include "fmt/archive.h"
#include "fmt/npy.h"

typedef struct npz_reader {
    const bp_allocator *a;
    const char *path;
    const char *name[BP_MAX_INPUTS + 1]; /* that are wanted; the target last */
    size_t n_names;
    bp_array x[BP_MAX_INPUTS + 1];
    bp__str has; /* names of the file, for messages */
} npz_reader;

/* "x.npy" is the array x. */
static size_t array_name(const char *member)
{
    size_t n = strlen(member);
    return n > 4 && !strcmp(member + n - 4, ".npy") ? n - 4 : n;
}

static bp_status take_member(void *user, const bp__archive_entry *e,
                             bp_error *err)
{
    npz_reader *r = user;
    size_t n = array_name(e->name);
    bp__str_printf(&r->has, "%s%.*s", r->has.len ? ", " : "", (int)n, e->name);
    size_t k = 0;
    while (k < r->n_names &&
           (strlen(r->name[k]) != n || strncmp(r->name[k], e->name, n)))
        k++;
    if (k == r->n_names || r->x[k].data)
        return BP_OK;
    bp__file_data f;
    char what[400];
    bp_status s = bp__archive_read(e, r->a, r->path, 0, &f, err);
    if (s)
        return s;
    bp__snprintf(what, sizeof what, "%s', '%s", r->path, e->name);
    s = bp__npy_parse(r->a, f.data, f.bytes, what, &r->x[k], err);
    bp__file_free(r->a, &f);
    /* One name may be asked for twice. */
    for (size_t i = k + 1; i < r->n_names && !s; i++)
        if (!strcmp(r->name[i], r->name[k])) {
            s = bp_array_new(r->a, r->x[k].dtype, r->x[k].rank, r->x[k].dims,
                             &r->x[i], err);
            if (!s && r->x[k].bytes)
                memcpy(r->x[i].data, r->x[k].data, r->x[k].bytes);
        }
    return s;
}

static bp_status missing_name(const npz_reader *r, const char *name,
                              bp_error *err)
{
    return bp__error(err, BP_ENOTFOUND, "'%s' holds no array '%s'; it has %s",
                     r->path, name, r->has.len ? r->has.s : "none");
}

bp_status bp__data_from_npz(const bp__fs *fs, const char *path,
                            const char *const *inputs, size_t n_inputs,
                            const char *target, const bp_data_options *options,
                            bp_data **data, bp_error *err)
{
    bp_data_options all;
    *data = NULL;
    if (n_inputs < 1 || n_inputs > BP_MAX_INPUTS)
        return bp__error(err, BP_EARG, "%zu inputs; 1 to %d are possible",
                         n_inputs, BP_MAX_INPUTS);
    bp_status s = bp__data_take_options(&all, &options, err);
    if (s)
        return s;
    bp_allocator a = bp__data_allocator(options);
    npz_reader r = {.a = &a, .path = path,
                    .n_names = n_inputs + (target != NULL)};
    for (size_t i = 0; i < n_inputs; i++)
        r.name[i] = inputs[i];
    if (target)
        r.name[n_inputs] = target;
    bp__str_init(&r.has, &a);
    s = bp__archive_walk(fs, path, take_member, &r, err);
    if (!s && r.has.failed)
        s = bp__oom(err);
    for (size_t i = 0; i < r.n_names && !s; i++)
        if (!r.x[i].data)
            s = missing_name(&r, r.name[i], err);
    bp__str_free(&r.has);
    if (!s) /* it takes the arrays over */
        return bp__data_take(&a, r.x, n_inputs, target ? &r.x[n_inputs] : NULL,
                             options, path, data, err);
    for (size_t i = 0; i < r.n_names; i++)
        bp_array_free(&a, &r.x[i]);
    return s;
}

/* ---- all of a file's arrays ---------------------------------------------- */

typedef struct npz_list {
    const char *path;
    bp__arena *memory;
    bp__named_array *array;
    size_t n;
} npz_list;

static bp_status list_member(void *user, const bp__archive_entry *e,
                             bp_error *err)
{
    npz_list *l = user;
    bp__file_data f;
    char what[400];
    if (array_name(e->name) == strlen(e->name))
        return BP_OK; /* some other file */
    if (l->n == BP__NPZ_ARRAYS)
        return bp__error(err, BP_ELIMIT, "'%s' has more than %d arrays",
                         l->path, BP__NPZ_ARRAYS);
    bp__named_array *x = &l->array[l->n++];
    x->name = bp__arena_printf(l->memory, "%.*s", (int)array_name(e->name),
                               e->name);
    bp_status s = x->name ? bp__archive_read(e, &l->memory->a, l->path, 0, &f,
                                             err)
                          : bp__oom(err);
    if (s)
        return s;
    bp__snprintf(what, sizeof what, "%s', '%s", l->path, e->name);
    s = bp__npy_parse(&l->memory->a, f.data, f.bytes, what, &x->x, err);
    bp__file_free(&l->memory->a, &f);
    return s;
}

bp_status bp__npz_list(const bp__fs *fs, const char *path, bp__arena *memory,
                       bp__named_array array[BP__NPZ_ARRAYS], size_t *n,
                       bp_error *err)
{
    npz_list l = {.path = path, .memory = memory, .array = array};
    memset(array, 0, BP__NPZ_ARRAYS * sizeof *array);
    bp_status s = bp__archive_walk(fs, path, list_member, &l, err);
    for (size_t i = 0; s && i < l.n; i++)
        bp_array_free(&memory->a, &array[i].x);
    *n = s ? 0 : l.n;
    return s;
}

bp_status bp_data_from_npz(const char *path, const char *const *inputs,
                           size_t n_inputs, const char *target,
                           const bp_data_options *options, bp_data **data,
                           bp_error *err)
{
    return bp__data_from_npz(NULL, path, inputs, n_inputs, target, options,
                             data, err);
}
