/* data.pictures, and opening what it is about. */
#include "source/pictures_conf.h"

#include "source/tables.h"
#include "data/pictures.h"
#include "fmt/array.h"
#include "train/train.h"

#define WORDS(w) .words = (w), .n_words = BP__ARRAY_LEN(w)

static const char *const unreadable_words[] = {"refuse", "skip"};
static const char *const fit_words[] = {"crop", "stretch", "pad"};
const bp__skey bp__picture_keys[BP__PICTURE_N_KEYS] = {
    {.name = "fit", .type = BP__S_WORD, .fallback = "crop", WORDS(fit_words),
     .doc = "to the input's size: the largest middle part, all of it "
            "stretched, or all of it within black"},
    {.name = "unreadable", .type = BP__S_WORD, .fallback = "refuse",
     WORDS(unreadable_words),
     .doc = "files that are damaged or no pictures: an error, or left out"},
    {.name = "cache", .type = BP__S_TEXT, .fallback = "",
     .doc = "folder for decoded pictures; the one that runs are in unless "
            "given"},
};

/* Hashes of decoded pixels, by split. */
bp__ynode *bp__read_decoded(bp__scheck *c, const char *path, bp__ynode *raw)
{
    static const bp__skey keys[] = {
        {.name = "train", .type = BP__S_TEXT, .fallback = ""},
        {.name = "valid", .type = BP__S_TEXT, .fallback = ""},
        {.name = "test", .type = BP__S_TEXT, .fallback = ""},
    };
    static const bp__skey key = {.name = "decoded", .type = BP__S_MAP,
                                 .keys = keys, .n_keys = BP__ARRAY_LEN(keys)};
    return bp__schema_value(c, path, &key, raw);
}

static const char *option_of(const bp__config *c, const char *key)
{
    const bp__ynode *p = bp__yaml_at(c->resolved, "data.pictures");
    return p ? bp__yaml_text(bp__yaml_get(p, key)) : NULL;
}

bool bp__config_has_pictures(const bp__config *c)
{
    const bp__ynode *data = bp__yaml_get(c->resolved, "data");
    for (int s = 0; s < BP__N_SPLITS && data; s++) {
        const bp__ynode *source =
            bp__yaml_get(data, bp_split_name((bp_split)s));
        if (source && bp__yaml_get(source, "pictures"))
            return true;
    }
    return false;
}

int bp__config_picture_fit(const bp__config *c)
{
    const char *s = option_of(c, "fit");
    for (int i = 0; s && i < (int)BP__ARRAY_LEN(bp__picture_fit_names); i++)
        if (!strcmp(s, bp__picture_fit_names[i]))
            return i;
    return BP__FIT_CROP;
}

bp_status bp__config_picture_shape(const bp__config *c, int64_t chw[3],
                                   bp_error *err)
{
    bp_nn_io io = {0};
    char text[200];
    if (bp_model_input_count(c->model) == 1)
        bp__task_input(&c->task, 0, &io);
    if (io.rank == 2 || io.rank == 3) {
        chw[0] = io.rank == 3 ? io.dims[0] : 1;
        chw[1] = io.dims[io.rank - 2];
        chw[2] = io.dims[io.rank - 1];
        return BP_OK;
    }
    return bp__error(err, BP_ESHAPE,
                     "pictures need a model with one input [channels, height, "
                     "width], not %s",
                     bp_model_input_count(c->model) == 1
                         ? bp__shape_text(io.rank, io.dims, text)
                         : "several");
}

/* ---- classes --------------------------------------------------------------- */

static const char *const *known_classes(bp__config *c, size_t *n)
{
    const bp__ynode *list = bp__yaml_at(c->resolved, "data.classes");
    *n = list ? list->n : 0;
    if (!list)
        return NULL;
    const char **all = bp__arena_array(&c->arena, *n + 1, sizeof *all);
    size_t i = 0;
    for (const bp__ynode *k = list->child; all && k; k = k->next)
        all[i++] = k->text;
    return all;
}

static void keep_classes(bp__config *c, const bp__pictures *p)
{
    bp__place at = c->resolved->at;
    bp__ynode *list = bp__yaml_new(&c->arena, BP__Y_LIST, at);
    for (size_t i = 0; i < p->n_classes; i++)
        bp__yaml_append(list, NULL, at,
                        bp__yaml_scalar(&c->arena, at, false, p->classes[i]));
    bp__config_set_member(c, "classes", list);
}

/* Folders named like parts are no classes: someone named the folder above. */
static bp_status refuse_parts(const char *path, const bp__pictures *p,
                              bp_error *err)
{
    int split;
    size_t n = 0;
    for (size_t i = 0; i < p->n_classes; i++)
        n += bp__split_of_name(p->classes[i], &split);
    if (n < 2 || n < p->n_classes)
        return BP_OK;
    return bp__error(err, BP_EARG,
                     "'%s' holds the folders '%s' and '%s', which are parts, "
                     "not classes: name '%s/%s' and so on, or let `bprop new` "
                     "write the file",
                     path, p->classes[0], p->classes[1], path, p->classes[0]);
}

/* ---- hashes ---------------------------------------------------------------- */

static void add_note(bp__config *c, const char *text)
{
    c->notes = c->notes ? bp__arena_printf(&c->arena, "%s\n%s", c->notes, text)
                        : bp__arena_strdup(&c->arena, text);
}

static void keep_hash(bp__config *c, bp_split split, const char *path,
                      uint64_t hash)
{
    char text[24];
    const char *name = bp_split_name(split);
    bp__place at = c->resolved->at;
    bp__snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
    bp__ynode *map = bp__yaml_at(c->resolved, "data.decoded");
    const bp__ynode *old = map ? bp__yaml_get(map, name) : NULL;
    if (old && strcmp(old->text, text)) {
        const char *note = bp__arena_printf(
            &c->arena, "'%s': its pixels are not those of the run: pictures "
            "have changed, or another decoder reads them (hash %s, then %s)",
            path, text, old->text);
        add_note(c, note ? note : "");
    }
    if (old)
        return;
    if (!map) {
        map = bp__yaml_new(&c->arena, BP__Y_MAP, at);
        bp__config_set_member(c, "decoded", map);
        map = bp__yaml_at(c->resolved, "data.decoded");
    }
    if (map)
        bp__yaml_append(map, name, at,
                        bp__yaml_scalar(&c->arena, at, false, text));
}

bp_status bp__config_pictures(bp__config *c, const char *path, bp_split split,
                              bp_data **d, bp_error *err)
{
    int64_t chw[3];
    const char *cache = option_of(c, "cache");
    const char *unreadable = option_of(c, "unreadable");
    bp__pictures p;
    *d = NULL;
    bp_status st = bp__config_picture_shape(c, chw, err);
    if (st)
        return st;
    bp__pictures_options o = {
        .path = path, .channels = chw[0], .height = chw[1], .width = chw[2],
        .fit = (bp__picture_fit)bp__config_picture_fit(c),
        .cache = cache ? cache : c->cache ? c->cache : ".",
        .skip_unreadable = unreadable && !strcmp(unreadable, "skip"),
        .progress = c->progress, .user = c->progress_user};
    o.classes = known_classes(c, &o.n_classes);
    st = bp__pictures_open(&o, &p, err);
    if (st)
        return st;
    if (!o.classes)
        st = refuse_parts(path, &p, err);
    if (!st && p.n_classes == 0)
        st = bp__error(err, BP_EFORMAT, "'%s': its pictures stand in no "
                       "folders, so that they have no classes", path);
    if (!st && p.n_classes < 2)
        st = bp__error(err, BP_EFORMAT, "'%s' has one folder only, '%s': a "
                       "class needs another to be told from", path,
                       p.classes[0]);
    if (!st) {
        if (!o.classes)
            keep_classes(c, &p);
        keep_hash(c, split, path, p.hash);
        if (p.notes)
            add_note(c, p.notes);
        *d = bp_data_retain(p.data);
        st = c->arena.failed ? bp__oom(err) : BP_OK;
    }
    bp__pictures_free(&p);
    if (st) {
        bp_data_free(*d);
        *d = NULL;
    }
    return st;
}
