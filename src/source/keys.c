/* The part of the schema that is about data: keys of all kinds here, of one
 * kind in its row. */
#include "source/source.h"

#define WORDS(w) .words = (w), .n_words = BP__ARRAY_LEN(w)
#define KEYS(k) .keys = (k), .n_keys = BP__ARRAY_LEN(k)
#define LIMITS(lo, hi) .min = (lo), .max = (hi)
enum { COUNT_MAX = 1 << 30 };
#define BIG 9007199254740992.0 /* 2^53: exact in a double */

/* ---- data.train, valid, test ---------------------------------------------- */

static const bp__skey augment_keys[] = {
    {.name = "shift", .type = BP__S_INT, .fallback = "0", LIMITS(0, 1024),
     .doc = "moves pictures by up to so many pixels"},
    {.name = "flip", .type = BP__S_BOOL, .fallback = "false",
     .doc = "left and right change places, half the time"},
    {.name = "rotate", .type = BP__S_NUMBER, .fallback = "0", LIMITS(0, 180),
     .doc = "turns by up to so many degrees"},
    {.name = "crop", .type = BP__S_NUMBER, .fallback = "0", LIMITS(0, 1),
     .below_max = true,
     .doc = "a part that lacks up to this share of each side, enlarged"},
    {.name = "elastic", .type = BP__S_NUMBER, .fallback = "0",
     LIMITS(0, 1000), .doc = "bends by up to so many pixels"},
    {.name = "cutout", .type = BP__S_INT, .fallback = "0", LIMITS(0, 1024),
     .doc = "side in pixels of a square that becomes the mean"},
    {.name = "mixup", .type = BP__S_NUMBER, .fallback = "0", LIMITS(0, 100),
     .doc = "blends samples of any kind in pairs, and their losses; by "
            "Beta(mixup, mixup)"},
};
static const bp__skey range_key = {
    .name = "range", .type = BP__S_INTS, .fallback = "", LIMITS(0, COUNT_MAX),
    .n_min = 2, .n_max = 2,
    .doc = "the first sample, and the one after the last"};
static const bp__skey augment_key = {
    .name = "augment", .type = BP__S_MAP, .fallback = "",
    .doc = "random changes, anew each epoch", KEYS(augment_keys)};

static size_t n_kinds(void)
{
    size_t n = 0;
    while (bp__source_at(n))
        n++;
    return n;
}

static const bp__skey *part_key_at(size_t i)
{
    const bp__source_kind *k = bp__source_at(i);
    return k ? &k->key : i == n_kinds() ? &range_key : NULL;
}

static const bp__skey *train_key_at(size_t i)
{
    return i == n_kinds() + 1 ? &augment_key : part_key_at(i);
}

/* "idx, npy or digits" */
static void list_kinds(bp__arena *a, const char **text)
{
    size_t n = n_kinds();
    *text = bp__source_at(0)->name;
    for (size_t i = 1; i < n && *text; i++)
        *text = bp__arena_printf(a, "%s%s%s", *text,
                                 i + 1 < n ? ", " : " or ",
                                 bp__source_at(i)->name);
}

/* "digits" stands for {digits: {}}. */
static bp__ynode *long_form(bp__scheck *c, bp__ynode *raw)
{
    const bp__source_kind *k =
        raw->kind == BP__Y_SCALAR ? bp__source_find(raw->text) : NULL;
    if (!k || !k->built_in)
        return raw;
    bp__ynode *map = bp__yaml_new(c->d->arena, BP__Y_MAP, raw->at);
    bp__yaml_append(map, k->name, raw->at,
                    bp__yaml_new(c->d->arena, BP__Y_MAP, raw->at));
    return map;
}

static bp__ynode *read_source(bp__scheck *c, const char *path, bp__ynode *raw)
{
    static const bp__skey train = {.key_at = train_key_at};
    static const bp__skey part = {.key_at = part_key_at};
    bool trains = !strcmp(path, "data.train");
    raw = long_form(c, raw);
    if (!raw)
        return NULL;
    size_t before = c->d->n;
    bp__ynode *out = bp__schema_map(c, path, trains ? &train : &part, raw);
    if (!out || c->d->n != before)
        return out;
    int n = 0;
    const char *names;
    for (size_t i = 0; bp__source_at(i); i++)
        n += bp__yaml_get(out, bp__source_at(i)->name) != NULL;
    list_kinds(c->d->arena, &names);
    if (n != 1 && names)
        bp__diag_add(c->d, raw->at, "%s: expected one of %s, got %s", path,
                     names, n ? "several" : "none");
    const bp__ynode *range = bp__yaml_get(out, "range");
    if (range && bp__yaml_int(range->child) >= bp__yaml_int(range->last))
        bp__diag_add(c->d, range->at, "%s.range: the first number must be "
                     "smaller than the second, which is excluded", path);
    return out;
}

/* ---- the rest ---------------------------------------------------------------- */

static const bp__skey split_keys[] = {
    {.name = "valid", .type = BP__S_NUMBER, .fallback = "0", LIMITS(0, 1),
     .doc = "share of data.train",
     .below_max = true},
    {.name = "test", .type = BP__S_NUMBER, .fallback = "0", LIMITS(0, 1),
     .doc = "share of data.train",
     .below_max = true},
    {.name = "seed", .type = BP__S_INT, .fallback = "1", LIMITS(0, BIG),
     .doc = "draws who belongs where"},
    {.name = "folds", .type = BP__S_INT, .fallback = "", LIMITS(2, 100),
     .doc = "test is one of so many parts (bprop train --folds)"},
    {.name = "fold", .type = BP__S_INT, .fallback = "", LIMITS(0, 99),
     .doc = "which one, from 0"},
    {.name = "stratify", .type = BP__S_BOOL, .fallback = "",
     .doc = "each class has its share in every part; true for tables and "
            "pictures unless given"},
};
static const bp__skey moments_keys[] = {
    {.name = "mean", .type = BP__S_NUMBERS},
    {.name = "std", .type = BP__S_NUMBERS},
};
static const bp__skey moments_key = {.name = "fitted", .type = BP__S_MAP,
                                     KEYS(moments_keys)};

static bp__ynode *read_fitted(bp__scheck *c, const char *path, bp__ynode *raw)
{
    char what[120];
    if (raw->kind != BP__Y_LIST) {
        bp__diag_add(c->d, raw->at, "%s: expected a list, got %s", path,
                     bp__yaml_what(raw, what));
        return NULL;
    }
    bp__ynode *list = bp__yaml_new(c->d->arena, BP__Y_LIST, raw->at);
    for (bp__ynode *n = raw->child; n; n = n->next)
        bp__yaml_append(list, NULL, n->at,
                        bp__schema_value(c, path, &moments_key, n));
    return list;
}

static const char *const norm_words[] = {"none", "unit", "global", "channel",
                                         "feature"};
static const bp__skey first_keys[] = {
    {.name = "dir", .type = BP__S_TEXT, .fallback = "",
     .doc = "folder of the files; --data goes before it"},
    {.name = "train", .type = BP__S_CUSTOM, .fallback = "",
     .custom = read_source, .key_at = train_key_at,
     .what = "a map with one kind of data, or the name of a built-in one"},
    {.name = "valid", .type = BP__S_CUSTOM, .fallback = "",
     .custom = read_source, .what = "as data.train, without augment",
     .doc = "evaluated after each epoch"},
    {.name = "test", .type = BP__S_CUSTOM, .fallback = "",
     .custom = read_source, .what = "as data.train, without augment",
     .doc = "evaluated at the end"},
    {.name = "split", .type = BP__S_MAP, .fallback = "", KEYS(split_keys),
     .doc = "takes valid and test out of data.train"},
    {.name = "normalize", .type = BP__S_WORD, .fallback = "global",
     .doc = "by mean and deviation of the training set: one for all, for each "
            "channel, for each feature",
     WORDS(norm_words)},
};
static const bp__skey last_keys[] = {
    {.name = "classes", .type = BP__S_TEXTS, .fallback = "",
     .doc = "their names, from class 0", .n_min = 2,
     .n_max = 100000},
    {.name = "class_counts", .type = BP__S_INTS, .fallback = "",
     .doc = "training samples of each class; written by training where the "
            "loss is balanced by them",
     LIMITS(0, BIG), .n_min = 2, .n_max = 100000},
    {.name = "fitted", .type = BP__S_CUSTOM, .fallback = "",
     .doc = "written by training", .what = "a list of mean and std",
     .custom = read_fitted},
};

/* The i-th of all rows' keys; *i becomes less by those that there are. */
static const bp__skey *row_key(bool kept, size_t *i)
{
    const bp__source_kind *k;
    for (size_t r = 0; (k = bp__source_at(r)); r++) {
        size_t n = kept ? k->n_kept : k->n_options;
        if (*i < n)
            return kept ? &k->kept[*i] : &k->options[*i];
        *i -= n;
    }
    return NULL;
}

const bp__skey *bp__data_key_at(size_t i)
{
    const bp__skey *key;
    if (i < BP__ARRAY_LEN(first_keys))
        return &first_keys[i];
    i -= BP__ARRAY_LEN(first_keys);
    if ((key = row_key(false, &i)))
        return key;
    if (i < BP__ARRAY_LEN(last_keys))
        return &last_keys[i];
    i -= BP__ARRAY_LEN(last_keys);
    return row_key(true, &i);
}

bool bp__source_may_change(const char *key)
{
    const bp__skey *k;
    if (!strcmp(key, "dir"))
        return true;
    for (size_t i = 0; i < BP__ARRAY_LEN(last_keys); i++)
        if (!strcmp(key, last_keys[i].name))
            return true;
    for (size_t i = 0, at = 0; at = i, (k = row_key(true, &at)); i++)
        if (!strcmp(key, k->name))
            return true;
    return false;
}
