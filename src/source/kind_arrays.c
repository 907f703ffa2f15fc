/* NumPy arrays: a file for each, or all in one. */
#include "source/kinds.h"

#include "source/arrays_draft.h"

static const bp__skey npy_keys[] = {
    {.name = "inputs", .type = BP__S_TEXTS, .n_min = 1, .n_max = 8,
     .doc = "a file for each input of the model"},
    {.name = "target", .type = BP__S_TEXT,
     .doc = "classes, or real numbers"},
};
static const bp__skey npz_keys[] = {
    {.name = "file", .type = BP__S_TEXT, .doc = "as numpy.savez writes it"},
    {.name = "inputs", .type = BP__S_TEXTS, .n_min = 1, .n_max = 8,
     .fallback = "[x]", .doc = "an array for each input of the model"},
    {.name = "target", .type = BP__S_TEXT, .fallback = "y",
     .doc = "an array of classes, or of real numbers"},
};

/* ---- training -------------------------------------------------------------- */

static bp_status npy_open(bp__source_config *c, const bp__ynode *s,
                          const char *dir, bp_split split,
                          const bp_data_options *o, bp_data **d, bp_error *err)
{
    const char *inputs[BP_MAX_INPUTS];
    size_t n = 0;
    const bp__ynode *list = bp__yaml_get(s, "inputs");
    (void)split;
    for (const bp__ynode *k = list->child; k && n < BP_MAX_INPUTS; k = k->next)
        if (!(inputs[n++] = bp__source_path(c, dir, k->text)))
            return bp__oom(err);
    const char *target = bp__source_path(
        c, dir, bp__yaml_text(bp__yaml_get(s, "target")));
    if (!target)
        return bp__oom(err);
    return bp_data_from_npy(inputs, n, target, o, d, err);
}

static bp_status npz_open(bp__source_config *c, const bp__ynode *s,
                          const char *dir, bp_split split,
                          const bp_data_options *o, bp_data **d, bp_error *err)
{
    const char *inputs[BP_MAX_INPUTS];
    size_t n = 0;
    const bp__ynode *list = bp__yaml_get(s, "inputs");
    (void)split;
    for (const bp__ynode *k = list->child; k && n < BP_MAX_INPUTS; k = k->next)
        inputs[n++] = k->text;
    const char *path = bp__source_path(
        c, dir, bp__yaml_text(bp__yaml_get(s, "file")));
    if (!path)
        return bp__oom(err);
    return bp_data_from_npz(path, inputs, n,
                            bp__yaml_text(bp__yaml_get(s, "target")), o, d,
                            err);
}

static bool arrays_compare(const bp__source_config *c, int64_t *k)
{
    (void)c;
    (void)k;
    return true;
}

/* ---- predicting ------------------------------------------------------------ */

static int64_t numel_of(int rank, const int64_t *dims)
{
    int64_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= dims[i];
    return n;
}

/* A file that holds one sample without an axis for it counts as one. */
static bp_status open_input(const bp__source_config *c, const char *file,
                            bp_data **d, bp_error *err)
{
    bp_data_options o = {.size = sizeof o};
    bp_array x = {0};
    int rank = c->rank[0];
    bp_status st = bp_npy_load(NULL, file, &x, err);
    if (st)
        return st;
    int64_t n = numel_of(rank, c->dims[0]);
    bool one = x.rank == rank && x.rank < BP_MAX_RANK &&
               numel_of(x.rank, x.dims) == n;
    /* [28,28] for [1,28,28] too, but [1,28,28] is then one picture. */
    one |= x.rank == rank - 1 && c->dims[0][0] == 1 &&
           numel_of(x.rank, x.dims) == n;
    if (one) {
        for (int i = x.rank; i > 0; i--)
            x.dims[i] = x.dims[i - 1];
        x.dims[0] = 1;
        x.rank++;
        st = bp_data_from_arrays(&x, 1, NULL, &o, d, err);
    } else {
        st = bp_data_from_npy(&file, 1, NULL, &o, d, err);
    }
    bp_array_free(NULL, &x);
    return st;
}

static bp_status npy_inputs(bp__source_config *c, const char *const *paths,
                            size_t n, const bp__source_reader *to,
                            bp_error *err)
{
    bp_data_options o = {.size = sizeof o};
    bp__source_samples s = {.path = paths[0]};
    bp_status st =
        n > 1 ? bp_data_from_npy(paths, n, NULL, &o, &s.data, err)
              : open_input(c, paths[0], &s.data, err);
    if (!st)
        st = to->samples(to->user, &s, err);
    bp_data_free(s.data);
    return st;
}

static bp_status npy_labeled(bp__source_config *c, const char *const *paths,
                             size_t n, bp_data **d, bp_error *err)
{
    bp_data_options o = {.size = sizeof o};
    bp_status st = bp__source_pair(c, n, err);
    return st ? st : bp_data_from_npy(paths, n - 1, paths[n - 1], &o, d, err);
}

/* ---- drafting -------------------------------------------------------------- */

static const char *npy_looks(const char *path, bool folder)
{
    return !folder && bp__path_ends(path, ".npy") ? "an array" : NULL;
}

static const char *npz_looks(const char *path, bool folder)
{
    return !folder && bp__path_ends(path, ".npz") ? "an archive of arrays"
                                                  : NULL;
}

static bp_status arrays_draft(const bp__draft_options *o, bp__str *found,
                              bp__str *text, bp_error *err)
{
    bp__array_draft d;
    if (o->task)
        return bp__error(err, BP_EARG, "'%s': --task is for tables; an array's "
                         "type says what it is: whole numbers are classes",
                         o->path);
    bp_status st = bp__array_draft_look(o->path, o->target, o->test, &d, err);
    if (st)
        return st;
    bp__array_draft_describe(&d, found);
    bp__array_draft_write(&d, text);
    bp__array_draft_free(&d);
    return BP_OK;
}

const bp__source_kind bp__source_npy = {
    .name = "npy",
    .samples = "samples",
    .example = "INPUT.npy",
    .takes = "a .npy array",
    .drafts = "arrays",
    .key = {.name = "npy", .type = BP__S_MAP, .fallback = "", .keys = npy_keys,
            .n_keys = BP__ARRAY_LEN(npy_keys),
            .doc = "NumPy arrays, samples first"},
    .any_run = true,
    .several = true,
    .looks = npy_looks,
    .open = npy_open,
    .inputs = npy_inputs,
    .labeled = npy_labeled,
    .compares = arrays_compare,
    .draft = arrays_draft,
};

const bp__source_kind bp__source_npz = {
    .name = "npz",
    .samples = "samples",
    .example = "INPUT.npy",
    .drafts = "arrays",
    .key = {.name = "npz", .type = BP__S_MAP, .fallback = "", .keys = npz_keys,
            .n_keys = BP__ARRAY_LEN(npz_keys), .doc = "the same in one file"},
    .looks = npz_looks,
    .open = npz_open,
    .compares = arrays_compare,
    .draft = arrays_draft,
};
