/* Pictures: a folder of a folder for each class, or an archive of it. */
#include "source/kinds.h"

#include "source/pictures_draft.h"

#include "data/pictures.h"
#include "fmt/array.h"

#define WORDS(w) .words = (w), .n_words = BP__ARRAY_LEN(w)

/* ---- keys ------------------------------------------------------------------- */

static const char *const unreadable_words[] = {"refuse", "skip"};
static const char *const fit_words[] = {"crop", "stretch", "pad"};
static const bp__skey picture_keys[] = {
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

static const bp__skey options[] = {
    {.name = "pictures", .type = BP__S_MAP, .fallback = "",
     .doc = "how pictures are read", .keys = picture_keys,
     .n_keys = BP__ARRAY_LEN(picture_keys)},
};

/* Hashes of decoded pixels, by split. */
static bp__ynode *read_decoded(bp__scheck *c, const char *path, bp__ynode *raw)
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

static const bp__skey kept[] = {
    {.name = "decoded", .type = BP__S_CUSTOM, .fallback = "",
     .doc = "written by training on pictures", .what = "hashes of pixels",
     .custom = read_decoded},
};

static const char *option_of(const bp__source_config *c, const char *key)
{
    return bp__yaml_text(bp__source_option(c, "pictures", key));
}

static bp__picture_fit picture_fit(const bp__source_config *c)
{
    const char *s = option_of(c, "fit");
    for (int i = 0; s && i < (int)BP__ARRAY_LEN(bp__picture_fit_names); i++)
        if (!strcmp(s, bp__picture_fit_names[i]))
            return (bp__picture_fit)i;
    return BP__FIT_CROP;
}

/* What the model's input asks of pictures. */
static bp_status picture_shape(const bp__source_config *c, int64_t chw[3],
                               bp_error *err)
{
    int rank = c->n_inputs == 1 ? c->rank[0] : 0;
    const int64_t *dims = c->dims[0];
    char text[200];
    if (rank == 2 || rank == 3) {
        chw[0] = rank == 3 ? dims[0] : 1;
        chw[1] = dims[rank - 2];
        chw[2] = dims[rank - 1];
        return BP_OK;
    }
    return bp__error(err, BP_ESHAPE,
                     "pictures need a model with one input [channels, height, "
                     "width], not %s",
                     c->n_inputs == 1 ? bp__shape_text(rank, dims, text)
                                      : "several");
}

/* ---- classes --------------------------------------------------------------- */

static void keep_classes(bp__source_config *c, const bp__pictures *p)
{
    bp__place at = c->data->at;
    bp__ynode *list = bp__yaml_new(c->arena, BP__Y_LIST, at);
    for (size_t i = 0; i < p->n_classes; i++)
        bp__yaml_append(list, NULL, at,
                        bp__yaml_scalar(c->arena, at, false, p->classes[i]));
    bp__source_set(c, "classes", list);
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

static void keep_hash(bp__source_config *c, bp_split split, const char *path,
                      uint64_t hash)
{
    char text[24];
    const char *name = bp_split_name(split);
    bp__place at = c->data->at;
    bp__snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
    bp__ynode *map = bp__yaml_get(c->data, "decoded");
    const bp__ynode *old = map ? bp__yaml_get(map, name) : NULL;
    if (old && strcmp(old->text, text)) {
        const char *note = bp__arena_printf(
            c->arena, "'%s': its pixels are not those of the run: pictures "
            "have changed, or another decoder reads them (hash %s, then %s)",
            path, text, old->text);
        bp__source_note(c, note ? note : "");
    }
    if (old)
        return;
    if (!map) {
        map = bp__yaml_new(c->arena, BP__Y_MAP, at);
        bp__source_set(c, "decoded", map);
        map = bp__yaml_get(c->data, "decoded");
    }
    if (map)
        bp__yaml_append(map, name, at,
                        bp__yaml_scalar(c->arena, at, false, text));
}

static bp_status open_all(bp__source_config *c, const char *path,
                          bp_split split, bp_data **d, bp_error *err)
{
    int64_t chw[3];
    const char *cache = option_of(c, "cache");
    const char *unreadable = option_of(c, "unreadable");
    bp__pictures p;
    *d = NULL;
    bp_status st = picture_shape(c, chw, err);
    if (st)
        return st;
    bp__pictures_options o = {
        .path = path, .channels = chw[0], .height = chw[1], .width = chw[2],
        .fit = picture_fit(c),
        .cache = cache ? cache : c->cache ? c->cache : ".",
        .skip_unreadable = unreadable && !strcmp(unreadable, "skip"),
        .progress = c->progress, .user = c->user};
    const bp__ynode *known = bp__yaml_get(c->data, "classes");
    if (known)
        o.classes = bp__source_texts(c, known, &o.n_classes);
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
            bp__source_note(c, p.notes);
        *d = bp_data_retain(p.data);
        st = c->arena->failed ? bp__oom(err) : BP_OK;
    }
    bp__pictures_free(&p);
    if (st) {
        bp_data_free(*d);
        *d = NULL;
    }
    return st;
}

static bp_status pictures_labeled(bp__source_config *c,
                                  const char *const *paths, size_t n,
                                  bp_data **d, bp_error *err)
{
    if (n > 1)
        return bp__error(err, BP_EARG, "'%s': pictures stand in one folder or "
                         "archive, in a folder for each class", paths[0]);
    return open_all(c, paths[0], BP_SPLIT_TEST, d, err);
}

static bp_status pictures_open(bp__source_config *c, const bp__ynode *s,
                               const char *dir, bp_split split,
                               const bp_data_options *o, bp_data **d,
                               bp_error *err)
{
    const char *path = bp__source_path(c, dir, bp__yaml_text(s));
    bp_data *all = NULL;
    if (!path)
        return bp__oom(err);
    bp_status st = open_all(c, path, split, &all, err);
    if (st || (o->first == 0 && o->last == 0)) {
        *d = all;
        return st;
    }
    st = bp_data_slice(all, o->first, o->last, d, err);
    bp_data_free(all);
    return st;
}

/* Their folders are the classes. */
static bool pictures_compare(const bp__source_config *c, int64_t *k)
{
    const bp__ynode *names = bp__yaml_get(c->data, "classes");
    *k = names ? (int64_t)names->n : 0;
    return *k > 1;
}

/* ---- predicting --------------------------------------------------------------- */

/* Pictures that wait until they make a batch. */
typedef struct pending {
    const bp__source_config *c;
    const bp__source_reader *to;
    const char *path;
    const bp__picture_files *files; /* NULL: one file */
    int64_t chw[3], numel;
    uint8_t *pixels;
    const char *name[256];
    int64_t n, room; /* pictures that make a batch: few of large ones */
    int64_t n_bad;
} pending;

static bp_status flush_pending(pending *p, bp_error *err)
{
    if (!p->n)
        return BP_OK;
    bp_array x = {.dtype = BP_U8, .rank = 4,
                  .dims = {p->n, p->chw[0], p->chw[1], p->chw[2]},
                  .data = p->pixels, .bytes = (size_t)(p->n * p->numel)};
    bp_data_options o = {.size = sizeof o, .borrow = true};
    bp__source_samples s = {.path = p->path, .name = p->name};
    bp_status st = bp_data_from_arrays(&x, 1, NULL, &o, &s.data, err);
    if (!st)
        st = p->to->samples(p->to->user, &s, err);
    bp_data_free(s.data);
    p->n = 0;
    return st;
}

/* One that cannot be read is told, and the others go on. */
static bp_status add_picture(void *user, size_t i, const void *data,
                             size_t bytes, const char *why, bp_error *err)
{
    pending *p = user;
    const bp_allocator *a = &bp__malloc_allocator;
    const char *name = p->files ? p->files->file[i].full : p->path;
    bp__picture pic = {0};
    bp_error e = {0};
    bp_status st = BP_EIO;
    if (data)
        st = bp__picture_decode(a, data, bytes, name, &pic, &e);
    if (st) {
        if (p->to->unreadable)
            p->to->unreadable(p->to->user, data ? e.message : why);
        p->n_bad++;
        return st == BP_ENOMEM ? bp__oom(err) : BP_OK;
    }
    st = bp__picture_planes(a, &pic, picture_fit(p->c), (int)p->chw[0],
                            p->chw[1], p->chw[2], p->pixels + p->n * p->numel,
                            err);
    bp__picture_free(a, &pic);
    if (st)
        return st;
    p->name[p->n++] = name;
    return p->n == p->room ? flush_pending(p, err) : BP_OK;
}

static bp_status read_one(pending *p, bp_error *err)
{
    bp__file_data f;
    bp_status st = bp__file_read(NULL, &bp__malloc_allocator, p->path, false,
                                 BP__PICTURE_FILE, &f, err);
    if (st)
        return st;
    st = add_picture(p, 0, f.data, f.bytes, NULL, err);
    bp__file_free(&bp__malloc_allocator, &f);
    return st ? st : flush_pending(p, err);
}

static bp_status read_all(pending *p, bp_error *err)
{
    bp__picture_files files;
    bp_status st = bp__picture_files_list(NULL, NULL, p->path, &files, err);
    if (st)
        return st;
    p->files = &files;
    st = bp__picture_files_visit(NULL, NULL, &files, add_picture, p, err);
    st = st ? st : flush_pending(p, err);
    bp__picture_files_free(&files);
    return st;
}

static bp_status pictures_inputs(bp__source_config *c, const char *const *paths,
                                 size_t n, const bp__source_reader *to,
                                 bp_error *err)
{
    const bp_allocator *a = &bp__malloc_allocator;
    pending p = {.c = c, .to = to, .path = paths[0]};
    (void)n;
    bp_status st = picture_shape(c, p.chw, err);
    if (!st && p.chw[0] != 1 && p.chw[0] != 3)
        st = bp__error(err, BP_ESHAPE, "'%s': this model's input has %lld "
                       "channels; pictures have 1 or 3", p.path,
                       (long long)p.chw[0]);
    if (st)
        return st;
    p.numel = p.chw[0] * p.chw[1] * p.chw[2];
    p.room = (1 << 20) / p.numel;
    p.room = BP__MIN(BP__MAX(p.room, 1), (int64_t)BP__ARRAY_LEN(p.name));
    size_t room = (size_t)(p.room * p.numel);
    if (!(p.pixels = bp__alloc(a, room)))
        return bp__oom(err);
    st = bp__picture_name(p.path) ? read_one(&p, err) : read_all(&p, err);
    bp__free(a, p.pixels, room);
    if (!st && p.n_bad)
        st = bp__error(err, BP_EFORMAT, "'%s': %lld picture%s could not be "
                       "read", p.path, (long long)p.n_bad,
                       p.n_bad == 1 ? "" : "s");
    return st;
}

/* ---- drafting ----------------------------------------------------------------- */

/* By its name, or that of what it is in: "x.tar", "x.zip/folder". */
static bool is_archive(const char *path)
{
    static const char *const ends[] = {".tar", ".tgz", ".tar.gz", ".tar.xz",
                                       ".tar.bz2", ".tar.zst", ".zip"};
    for (size_t i = 0; i < BP__ARRAY_LEN(ends); i++) {
        const char *s = strstr(path, ends[i]);
        size_t n = strlen(ends[i]);
        if (s && (!s[n] || s[n] == '/'))
            return true;
    }
    return false;
}

static const char *pictures_look(const char *path, bool folder)
{
    return folder                    ? "a folder"
           : bp__picture_name(path) ? "a picture"
           : is_archive(path)       ? "an archive"
                                     : NULL;
}

static const char *pictures_no_draft(const char *path)
{
    return bp__path_ends(path, ".png") || bp__path_ends(path, ".jpg")
               ? "one picture: a set has a folder for each class"
               : NULL;
}

static bp_status pictures_draft(const bp__draft_options *o, bp__str *found,
                                bp__str *text, bp_error *err)
{
    bp__picture_draft d;
    if (o->target || o->task)
        return bp__error(err, BP_EARG, "'%s' holds pictures: their folders are "
                         "the classes; --target and --task are for tables",
                         o->path);
    bp_status st = bp__picture_draft_look(o->path, o->test, &d, err);
    if (st)
        return st;
    bp__picture_draft_describe(&d, found);
    bp__picture_draft_write(&d, text);
    bp__picture_draft_free(&d);
    return BP_OK;
}

const bp__source_kind bp__source_pictures = {
    .name = "pictures",
    .samples = "pictures",
    .example = "PICTURE.jpg",
    .takes = "pictures: one (.png, .jpg), a folder or an archive",
    .drafts = "pictures",
    .key = {.name = "pictures", .type = BP__S_TEXT, .fallback = "",
            .doc = "a folder of a folder for each class, or a .tar of it"},
    .options = options,
    .n_options = BP__ARRAY_LEN(options),
    .kept = kept,
    .n_kept = BP__ARRAY_LEN(kept),
    .stratify = true,
    .names_classes = true,
    .looks = pictures_look,
    .open = pictures_open,
    .inputs = pictures_inputs,
    .labeled = pictures_labeled,
    .compares = pictures_compare,
    .no_draft = pictures_no_draft,
    .draft = pictures_draft,
};
