/* Decoding pictures into a cache, and finding it again. */
#include "data/picture_cache.h"

#include "fmt/npy.h"
#include "fmt/safetensors.h"

static const char format_name[] = "bprop pictures 1";

typedef struct maker {
    const bp__pictures_options *o;
    const bp_allocator *a;
    bp__picture_files *files;
    bp__picture_index *x;
    bp__writer w;
    uint8_t *row;      /* the planes of one picture */
    size_t row_bytes;
    uint64_t *hash;    /* of each sample */
    int64_t done;      /* rows written */
    int64_t seen;
} maker;

static size_t row_bytes(const bp__pictures_options *o)
{
    return (size_t)(o->channels * o->height * o->width);
}

/* ---- the name ------------------------------------------------------------ */

static uint64_t stamp_of(const bp__pictures_options *o,
                         const bp__picture_files *f)
{
    int64_t numbers[] = {(int64_t)f->stamp, (int64_t)f->n, o->channels,
                         o->height, o->width, (int64_t)o->fit};
    uint64_t h = bp__hash(BP__HASH_INIT, format_name, sizeof format_name);
    return bp__hash(h, numbers, sizeof numbers);
}

static char *cache_folder(bp__arena *memory, const bp__pictures_options *o,
                          const bp__picture_files *f)
{
    const char *base = strrchr(f->place, '/');
    base = base && base[1] ? base + 1 : f->place;
    return bp__arena_printf(memory, "%s/%.80s-%016llx.pictures", o->cache,
                            base, (unsigned long long)stamp_of(o, f));
}

static int64_t header_of(const bp__pictures_options *o, int64_t n, char *buf)
{
    int64_t dims[4] = {n, o->channels, o->height, o->width};
    return (int64_t)bp__npy_header(BP_U8, 4, dims, buf);
}

/* ---- making --------------------------------------------------------------- */

enum { UNDECODED = -1, UNREAD = -2 };

static bp_status note_bad(maker *m, size_t i, int64_t row, const char *why,
                          bp_error *err)
{
    bp__bad_pictures *b = &m->x->bad;
    if (b->n < BP__PICTURE_EXAMPLES) {
        b->why[b->n] = bp__arena_strdup(&m->x->memory, why);
        if (!b->why[b->n])
            return bp__oom(err);
    }
    b->n++;
    m->x->row[i] = row;
    return BP_OK;
}

static bp_status add_picture(void *user, size_t i, const void *data,
                             size_t bytes, const char *why, bp_error *err)
{
    maker *m = user;
    bp__picture p = {0};
    bp_error e = {0};
    m->seen++;
    if (m->o->progress && m->seen % 256 == 0)
        m->o->progress(m->o->user, m->seen, (int64_t)m->files->n);
    if (!data)
        return note_bad(m, i, UNREAD, why, err);
    bp_status s = bp__picture_decode(m->a, data, bytes, m->files->file[i].name,
                                     &p, &e);
    if (s == BP_ENOMEM)
        return bp__oom(err);
    if (s == BP_EUNSUPPORTED) /* this build reads none of its kind */
        return bp__error(err, s, "%s", e.message);
    if (s)
        return note_bad(m, i, UNDECODED, e.message, err);
    s = bp__picture_planes(m->a, &p, m->o->fit, (int)m->o->channels,
                           m->o->height, m->o->width, m->row, err);
    bp__picture_free(m->a, &p);
    if (s)
        return s;
    bp__writer_put(&m->w, m->row, m->row_bytes);
    m->hash[i] = bp__hash(BP__HASH_INIT, m->row, m->row_bytes);
    m->x->row[i] = m->done++;
    /* A full disk is told now, not after the last picture. */
    return m->w.status ? bp__error(err, m->w.status, "%s", m->w.error.message)
                       : BP_OK;
}

/* What could not be decoded leaves room at the end, so that the header, which
 * comes first, is right. */
static void fill_up(maker *m)
{
    memset(m->row, 0, m->row_bytes);
    for (int64_t i = m->done; i < m->x->n; i++)
        bp__writer_put(&m->w, m->row, m->row_bytes);
}

static bp_status take_names(maker *m, bp_error *err)
{
    bp__picture_index *x = m->x;
    const bp__picture_files *f = m->files;
    x->n = (int64_t)f->n;
    x->name = bp__arena_array(&x->memory, f->n, sizeof *x->name);
    x->group = bp__arena_array(&x->memory, f->n, sizeof *x->group);
    x->row = bp__arena_array(&x->memory, f->n, sizeof *x->row);
    x->groups = bp__arena_array(&x->memory, f->n_groups + 1,
                                sizeof *x->groups);
    x->n_groups = f->n_groups;
    x->n_other = f->n_other;
    x->other = f->other ? bp__arena_strdup(&x->memory, f->other) : NULL;
    for (size_t i = 0; i < f->n && !x->memory.failed; i++) {
        x->name[i] = bp__arena_strdup(&x->memory, f->file[i].name);
        x->group[i] = f->file[i].group;
        x->row[i] = UNDECODED;
    }
    for (size_t i = 0; i < f->n_groups && !x->memory.failed; i++)
        x->groups[i] = bp__arena_strdup(&x->memory, f->group[i]);
    return x->memory.failed ? bp__oom(err) : BP_OK;
}

static void add_line(bp__str *t, const char *s)
{
    bp__str_add(t, s ? s : "", s ? strlen(s) : 0);
    bp__str_add(t, "\n", 1);
}

/* Names and messages as lines: a file's name may hold a line feed, so it is
 * ended by NUL. */
static bp_status write_index(maker *m, const char *path, bp_error *err)
{
    bp__picture_index *x = m->x;
    bp__str names, groups, bad;
    char hash[24], n_bad[24], n_other[24];
    bp__str_init(&names, m->a);
    bp__str_init(&groups, m->a);
    bp__str_init(&bad, m->a);
    for (int64_t i = 0; i < x->n; i++)
        bp__str_add(&names, x->name[i], strlen(x->name[i]) + 1);
    for (size_t i = 0; i < x->n_groups; i++)
        bp__str_add(&groups, x->groups[i], strlen(x->groups[i]) + 1);
    for (int64_t i = 0; i < x->bad.n && i < BP__PICTURE_EXAMPLES; i++)
        add_line(&bad, x->bad.why[i]);
    int32_t *rows = bp__arena_array(&x->memory, (size_t)x->n, sizeof *rows);
    bp_status s = rows && !names.failed && !groups.failed && !bad.failed
                      ? BP_OK
                      : bp__oom(err);
    for (int64_t i = 0; i < x->n && !s; i++)
        rows[i] = (int32_t)x->row[i];
    bp__snprintf(hash, sizeof hash, "%016llx", (unsigned long long)x->hash);
    bp__snprintf(n_bad, sizeof n_bad, "%lld", (long long)x->bad.n);
    bp__snprintf(n_other, sizeof n_other, "%lld", (long long)x->n_other);
    bp__st_entry e[] = {
        {"row", BP_I32, 1, {x->n}, rows, (size_t)x->n * 4},
        {"class", BP_I32, 1, {x->n}, x->group, (size_t)x->n * 4},
        {"names", BP_U8, 1, {(int64_t)names.len}, names.s, names.len},
        {"classes", BP_U8, 1, {(int64_t)groups.len}, groups.s, groups.len},
    };
    bp__st_meta meta[] = {{"format", format_name},
                          {"hash", hash},
                          {"unreadable", n_bad},
                          {"reasons", bad.len ? bad.s : ""},
                          {"others", n_other},
                          {"other", x->other ? x->other : ""}};
    if (!s)
        s = bp__safetensors_write(m->o->fs, m->a, path, e,
                                  BP__ARRAY_LEN(e) - !groups.len, meta,
                                  BP__ARRAY_LEN(meta), err);
    bp__str_free(&names);
    bp__str_free(&groups);
    bp__str_free(&bad);
    return s;
}

static bp_status decode_all(maker *m, bp_error *err)
{
    char header[BP__NPY_HEADER];
    int64_t n = header_of(m->o, m->x->n, header);
    bp_status s = bp__writer_open(&m->w, m->o->fs, m->a, m->x->pixels);
    if (s) {
        bp__writer_abort(&m->w);
        return bp__error(err, s, "%s", m->w.error.message);
    }
    bp__writer_put(&m->w, header, (size_t)n);
    s = bp__picture_files_visit(m->o->fs, m->a, m->files, add_picture, m, err);
    if (s) {
        bp__writer_abort(&m->w);
        return s;
    }
    fill_up(m);
    m->x->hash = bp__hash(BP__HASH_INIT, m->hash,
                          m->files->n * sizeof *m->hash);
    return bp__writer_commit(&m->w, err);
}

static bp_status make_cache(maker *m, const char *folder, const char *index,
                            bp_error *err)
{
    m->row_bytes = row_bytes(m->o);
    m->row = bp__alloc(m->a, m->row_bytes);
    m->hash = bp__calloc(m->a, m->files->n, sizeof *m->hash);
    bp_status s = m->row && m->hash ? BP_OK : bp__oom(err);
    if (!s)
        s = take_names(m, err);
    if (!s)
        s = bp__file_mkdir(m->o->fs, m->o->cache, err);
    if (!s)
        s = bp__file_mkdir(m->o->fs, folder, err);
    if (!s) /* an older one knows other rows */
        s = bp__file_unlink(m->o->fs, index, err);
    if (!s)
        s = decode_all(m, err);
    if (!s)
        s = write_index(m, index, err);
    m->x->made = true;
    bp__free(m->a, m->row, m->row ? m->row_bytes : 0);
    bp__free(m->a, m->hash, m->hash ? m->files->n * sizeof *m->hash : 0);
    return s;
}

/* ---- finding ---------------------------------------------------------------*/

static bool parse_hash(const char *s, uint64_t *h)
{
    *h = 0;
    for (int i = 0; i < 16; i++) {
        char c = s[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                       : -1;
        if (d < 0)
            return false;
        *h = *h << 4 | (uint64_t)d;
    }
    return s[16] == '\0';
}

/* Texts that end in NUL, n of them; NULL: they are not. */
static const char **split_texts(bp__arena *memory, const bp__st_entry *e,
                                size_t *n)
{
    const char *s = e->data;
    size_t count = 0;
    for (size_t i = 0; i < e->bytes; i++)
        count += !s[i];
    if (e->bytes && s[e->bytes - 1])
        return NULL;
    char *copy = bp__arena_copy(memory, s, e->bytes ? e->bytes : 1);
    const char **list = bp__arena_array(memory, count + 1, sizeof *list);
    for (size_t i = 0; list && copy && i < count; i++) {
        list[i] = copy;
        copy += strlen(copy) + 1;
    }
    *n = count;
    return list;
}

static const char *meta_of(const bp__safetensors *st, const char *key)
{
    const char *s = bp__safetensors_meta(st, key);
    return s ? s : "";
}

static bool is_i32(const bp__st_entry *e, int64_t n)
{
    return e && e->dtype == BP_I32 && e->rank == 1 && e->dims[0] == n;
}

static void take_reasons(bp__picture_index *x, const char *text)
{
    for (int i = 0; *text && i < BP__PICTURE_EXAMPLES; i++) {
        size_t n = strcspn(text, "\n");
        x->bad.why[i] = bp__arena_printf(&x->memory, "%.*s", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

/* False: it is no index of these pictures; the cache is then made anew. */
static bool take_index(const bp__pictures_options *o,
                       const bp__safetensors *st, bp__picture_index *x)
{
    const bp__st_entry *row = bp__safetensors_find(st, "row");
    const bp__st_entry *group = bp__safetensors_find(st, "class");
    const bp__st_entry *names = bp__safetensors_find(st, "names");
    const bp__st_entry *groups = bp__safetensors_find(st, "classes");
    size_t n = 0;
    if (strcmp(meta_of(st, "format"), format_name) ||
        !parse_hash(meta_of(st, "hash"), &x->hash) ||
        !bp__parse_int64(meta_of(st, "unreadable"), &x->bad.n) ||
        !bp__parse_int64(meta_of(st, "others"), &x->n_other) || !names ||
        names->dtype != BP_U8 || (groups && groups->dtype != BP_U8))
        return false;
    x->name = split_texts(&x->memory, names, &n);
    x->n = (int64_t)n;
    if (!x->name || !is_i32(row, x->n) || !is_i32(group, x->n) || n == 0)
        return false;
    if (groups &&
        !(x->groups = split_texts(&x->memory, groups, &x->n_groups)))
        return false;
    x->group = bp__arena_copy(&x->memory, group->data, group->bytes);
    x->row = bp__arena_array(&x->memory, n, sizeof *x->row);
    for (size_t i = 0; x->row && i < n; i++) {
        x->row[i] = ((const int32_t *)row->data)[i];
        if (x->row[i] < UNREAD || x->row[i] >= x->n || x->group[i] < -1 ||
            x->group[i] >= (int32_t)x->n_groups)
            return false;
    }
    take_reasons(x, meta_of(st, "reasons"));
    if (x->n_other)
        x->other = bp__arena_strdup(&x->memory, meta_of(st, "other"));
    char header[BP__NPY_HEADER];
    bp__fs_info info;
    x->offset = header_of(o, x->n, header);
    return !x->memory.failed &&
           !bp__file_stat(o->fs, x->pixels, &info, NULL) &&
           info.bytes == x->offset + x->n * (int64_t)row_bytes(o);
}

/* What could not be read may be readable now, at the same size and time: a
 * permission was given, a disk is back. */
static bool reads_no_better(const bp__pictures_options *o,
                            const bp_allocator *a,
                            const bp__picture_files *files,
                            const bp__picture_index *x)
{
    bool better = x->n != (int64_t)files->n;
    for (int64_t i = 0; i < x->n && !better && !files->archive; i++)
        better = x->row[i] == UNREAD &&
                 bp__picture_file_reads(o->fs, a, &files->file[i]);
    return !better;
}

static bool find_cache(const bp__pictures_options *o, const bp_allocator *a,
                       const bp__picture_files *files, const char *index,
                       bp__picture_index *x)
{
    bp__safetensors st;
    if (!bp__file_exists(o->fs, index) ||
        bp__safetensors_read(o->fs, a, index, &st, NULL))
        return false;
    bool found = take_index(o, &st, x) && reads_no_better(o, a, files, x);
    bp__safetensors_free(&st);
    return found;
}

void bp__picture_index_free(bp__picture_index *x)
{
    bp__arena_free(&x->memory);
}

/* Folders on the way down to the file; other files of a cache are nobody's. */
bp_status bp__picture_cache_open(const bp__pictures_options *o,
                                 bp__picture_index *x, bp_error *err)
{
    const bp_allocator *a = o->a ? o->a : &bp__malloc_allocator;
    bp__picture_files files;
    memset(x, 0, sizeof *x);
    bp__arena_init(&x->memory, a);
    bp_status s = bp__picture_files_list(o->fs, a, o->path, &files, err);
    if (s)
        return s;
    char *folder = cache_folder(&x->memory, o, &files);
    char *index = bp__arena_printf(&x->memory, "%s/index.safetensors",
                                   folder ? folder : "");
    x->pixels = bp__arena_printf(&x->memory, "%s/pixels.npy",
                                 folder ? folder : "");
    if (!folder || !index || !x->pixels) {
        bp__picture_files_free(&files);
        return bp__oom(err);
    }
    if (!find_cache(o, a, &files, index, x)) {
        char *pixels = x->pixels;
        bool failed = x->memory.failed;
        bp__picture_index fresh = {.memory = x->memory, .pixels = pixels};
        *x = fresh;
        maker m = {.o = o, .a = a, .files = &files, .x = x};
        char header[BP__NPY_HEADER];
        x->offset = header_of(o, (int64_t)files.n, header);
        s = failed ? bp__oom(err) : make_cache(&m, folder, index, err);
    }
    bp__picture_files_free(&files);
    return s;
}
