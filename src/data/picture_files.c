/* Listing pictures and reading them one after the other. */
#include "data/picture_files.h"

#include "fmt/archive.h"
#include "fmt/picture.h"

#include <errno.h>
#include <stdlib.h>

enum { MAX_DEPTH = 16, MAX_FILE = BP__PICTURE_FILE };
#define MAX_FILES ((size_t)1 << 28)

static const bp__fs *real_fs(const bp__fs *fs)
{
    return fs ? fs : &bp__posix_fs;
}

/* ---- collecting ----------------------------------------------------------- */

typedef struct collector {
    const bp__fs *fs;
    bp__picture_files *f;
    const bp_allocator *a;
    size_t cap;
    const char *inner; /* of an archive: the folder that is wanted */
    int64_t seen;      /* files of the archive so far */
    bp_status status;
    bp_error *err;
} collector;

static bool hidden(const char *name)
{
    for (const char *s = name; s; s = strchr(s, '/')) {
        s += *s == '/';
        if (*s == '.')
            return true;
    }
    return false;
}

static bp_status note_other(collector *c, const char *name)
{
    bp__picture_files *f = c->f;
    if (!f->n_other++)
        f->other = bp__arena_strdup(&f->memory, name);
    return f->memory.failed ? bp__oom(c->err) : BP_OK;
}

static bp_status collect(collector *c, const char *name, const char *full,
                         int64_t bytes, int64_t changed, int64_t stored)
{
    bp__picture_files *f = c->f;
    if (hidden(name))
        return BP_OK;
    if (!bp__picture_name(name))
        return note_other(c, name);
    if (f->n >= MAX_FILES)
        return bp__error(c->err, BP_ELIMIT, "'%s' has more than %zu pictures",
                         f->path, MAX_FILES);
    if (!bp__grow(c->a, &f->file, &c->cap, f->n + 1, sizeof *f->file))
        return bp__oom(c->err);
    bp__picture_file *p = &f->file[f->n];
    *p = (bp__picture_file){.name = bp__arena_strdup(&f->memory, name),
                            .stored = stored, .group = -1};
    p->full = full ? bp__arena_strdup(&f->memory, full) : p->name;
    if (f->memory.failed)
        return bp__oom(c->err);
    f->n++;
    int64_t numbers[] = {bytes, changed};
    f->stamp += bp__hash(bp__hash(BP__HASH_INIT, name, strlen(name)), numbers,
                         sizeof numbers); /* in whatever order they come */
    return BP_OK;
}

/* ---- folders -------------------------------------------------------------- */

typedef struct folder_list {
    bp__arena *memory;
    const char **name;
    size_t n, cap;
    const bp_allocator *a;
    bool failed;
} folder_list;

static int note_name(void *user, const char *name)
{
    folder_list *l = user;
    if (name[0] == '.')
        return 0;
    if (!bp__grow(l->a, &l->name, &l->cap, l->n + 1, sizeof *l->name) ||
        !(l->name[l->n] = bp__arena_strdup(l->memory, name))) {
        l->failed = true;
        return 1;
    }
    l->n++;
    return 0;
}

/* A link to nothing is a file that cannot be read, and no end of the list. */
static bool leads_nowhere(int error)
{
    return error == ENOENT || error == ELOOP || error == EACCES;
}

static bp_status walk_folder(collector *c, const char *path, const char *name,
                             int depth)
{
    bp__arena memory;
    folder_list l = {.memory = &memory, .a = c->a};
    bp__arena_init(&memory, c->a);
    int error = c->fs->list(c->fs->user, path, note_name, &l);
    bp_status s = l.failed ? bp__oom(c->err)
                  : error  ? bp__file_error(c->err, error, "list", path)
                           : BP_OK;
    for (size_t i = 0; i < l.n && !s; i++) {
        const char *full = bp__arena_printf(&memory, "%s/%s", path, l.name[i]);
        const char *below = bp__arena_printf(&memory, "%s%s%s", name,
                                             *name ? "/" : "", l.name[i]);
        bp__fs_info info = {.bytes = -1};
        if (!full || !below)
            s = bp__oom(c->err);
        else if ((error = c->fs->stat(c->fs->user, full, &info)) &&
                 !leads_nowhere(error))
            s = bp__file_error(c->err, error, "look at", full);
        else if (info.is_special)
            s = note_other(c, below);
        else if (!info.is_dir)
            s = collect(c, below, full, info.bytes, info.changed, -1);
        else if (depth < MAX_DEPTH)
            s = walk_folder(c, full, below, depth + 1);
        else
            s = bp__error(c->err, BP_ELIMIT, "'%s': folders more than %d deep",
                          full, MAX_DEPTH);
    }
    bp__free(c->a, l.name, l.cap * sizeof *l.name);
    bp__arena_free(&memory);
    return s;
}

/* ---- archives --------------------------------------------------------------*/

static bp_status collect_entry(void *user, const bp__archive_entry *e,
                               bp_error *err)
{
    collector *c = user;
    const char *name = e->name;
    size_t n = strlen(c->inner);
    int64_t at = c->seen++;
    (void)err;
    if (n && (strncmp(name, c->inner, n) || name[n] != '/'))
        return BP_OK;
    name += n ? n + 1 : 0;
    return collect(c, name, e->name, e->bytes, 0, at);
}

/* What of path is a file, and what stands within it. */
static bp_status find_place(const bp__fs *fs, bp__picture_files *f,
                            const char **inner, bp_error *err)
{
    char *s = bp__arena_strdup(&f->memory, f->path);
    bp__fs_info info;
    if (!s)
        return bp__oom(err);
    size_t n = strlen(s);
    while (n > 1 && s[n - 1] == '/')
        s[--n] = '\0';
    *inner = "";
    f->place = s;
    int error = fs->stat(fs->user, s, &info);
    for (size_t i = n; error && i-- > 1;) {
        if (s[i] != '/')
            continue;
        s[i] = '\0';
        if (!fs->stat(fs->user, s, &info)) {
            if (info.is_dir)
                break; /* a folder that lacks what follows */
            *inner = s + i + 1;
            error = 0;
            break;
        }
        s[i] = '/';
    }
    if (error)
        return bp__file_error(err, error, "find", f->path);
    f->archive = !info.is_dir;
    if (!f->archive)
        return BP_OK;
    int64_t numbers[] = {info.bytes, info.changed};
    f->stamp = bp__hash(bp__hash(BP__HASH_INIT, numbers, sizeof numbers),
                        *inner, strlen(*inner));
    return BP_OK;
}

/* ---- order, root, classes -------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const bp__picture_file *p = a, *q = b;
    return strcmp(p->name, q->name);
}

/* Takes off first folders that all names share, as long as a folder stays. */
static bp_status strip_root(bp__picture_files *f, bp_error *err)
{
    size_t cut = 0;
    for (;;) {
        const char *first = f->file[0].name + cut;
        size_t n = strcspn(first, "/");
        if (!first[n])
            break;
        bool all = true;
        for (size_t i = 0; i < f->n && all; i++) {
            const char *s = f->file[i].name + cut;
            all = !strncmp(s, first, n + 1) && strchr(s + n + 1, '/');
        }
        if (!all)
            break;
        cut += n + 1;
    }
    f->root = bp__arena_printf(&f->memory, "%.*s", (int)cut, f->file[0].name);
    for (size_t i = 0; i < f->n; i++)
        f->file[i].name += cut;
    return f->root ? BP_OK : bp__oom(err);
}

/* Classes are written into a run's files. */
static bp_status check_class(const bp__picture_files *f, const char *name,
                             bp_error *err)
{
    size_t n = strlen(name), bad = bp__utf8_bad(name, n);
    if (bad == n)
        return BP_OK;
    return bp__error(err, BP_EFORMAT, "'%s': the name of the folder '%s' is no "
                     "UTF-8 (byte 0x%02x after '%.*s'), and is to name a "
                     "class: rename it", f->path, name,
                     (unsigned char)name[bad], (int)bad, name);
}

/* Names are in order, so a folder's pictures stand together. */
static bp_status find_groups(bp__picture_files *f, bp_error *err)
{
    size_t n_groups = 0, last = 0;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) {
            f->group = bp__arena_array(&f->memory, n_groups + 1,
                                       sizeof *f->group);
            if (!f->group)
                return bp__oom(err);
        }
        n_groups = 0;
        for (size_t i = 0; i < f->n; i++) {
            const char *s = f->file[i].name;
            size_t n = strcspn(s, "/");
            if (!s[n])
                continue;
            if (!n_groups || strncmp(f->file[last].name, s, n + 1)) {
                last = i;
                if (pass == 1 &&
                    !(f->group[n_groups] = bp__arena_printf(
                          &f->memory, "%.*s", (int)n, s)))
                    return bp__oom(err);
                bp_status st = pass == 1 ? check_class(f, f->group[n_groups],
                                                       err)
                                         : BP_OK;
                if (st)
                    return st;
                n_groups++;
            }
            f->file[i].group = (int32_t)n_groups - 1;
        }
    }
    f->n_groups = n_groups;
    return BP_OK;
}

static bp_status nothing_found(const bp__picture_files *f, bp_error *err)
{
    if (f->n_other)
        return bp__error(err, BP_ENOTFOUND,
                         "'%s' holds no pictures (.png, .jpg, .jpeg), only "
                         "%lld other file%s such as '%s'",
                         f->path, (long long)f->n_other,
                         f->n_other == 1 ? "" : "s", f->other);
    return bp__error(err, BP_ENOTFOUND, "'%s' holds no pictures (.png, .jpg, "
                     ".jpeg)", f->path);
}

bp_status bp__picture_files_list(const bp__fs *fs, const bp_allocator *a,
                                 const char *path, bp__picture_files *f,
                                 bp_error *err)
{
    memset(f, 0, sizeof *f);
    a = a ? a : &bp__malloc_allocator;
    bp__arena_init(&f->memory, a);
    collector c = {.fs = real_fs(fs), .f = f, .a = a, .err = err};
    bp_error ignored;
    c.err = err ? err : &ignored;
    bp_status s = (f->path = bp__arena_strdup(&f->memory, path))
                      ? find_place(c.fs, f, &c.inner, err)
                      : bp__oom(err);
    if (!s && f->archive)
        s = bp__archive_walk(c.fs, f->place, collect_entry, &c, err);
    else if (!s)
        s = walk_folder(&c, f->place, "", 0);
    if (!s && f->n == 0)
        s = nothing_found(f, err);
    /* The list moves into the arena: one owner. */
    bp__picture_file *grown = f->file;
    f->file = s ? NULL
                : bp__arena_copy(&f->memory, grown, f->n * sizeof *grown);
    bp__free(a, grown, c.cap * sizeof *grown);
    if (!s && !f->file)
        s = bp__oom(err);
    if (!s) {
        qsort(f->file, f->n, sizeof *f->file, by_name);
        for (size_t i = 1; i < f->n && !s; i++)
            if (!strcmp(f->file[i - 1].name, f->file[i].name))
                s = bp__error(err, BP_EFORMAT, "'%s' holds '%s' twice", path,
                              f->file[i].name);
        for (size_t i = 0; i < f->n && !f->archive; i++)
            f->file[i].stored = (int64_t)i;
    }
    if (!s)
        s = strip_root(f, err);
    if (!s)
        s = find_groups(f, err);
    if (s)
        bp__picture_files_free(f);
    return s;
}

void bp__picture_files_free(bp__picture_files *f)
{
    bp__arena_free(&f->memory);
    memset(f, 0, sizeof *f);
}

bool bp__split_of_name(const char *name, int *split)
{
    static const struct {
        const char *name;
        int split;
    } names[] = {{"train", 0}, {"training", 0}, {"valid", 1}, {"val", 1},
                 {"validation", 1}, {"dev", 1}, {"test", 2}, {"testing", 2}};
    for (size_t i = 0; i < BP__ARRAY_LEN(names); i++) {
        const char *s = names[i].name;
        size_t k = 0;
        while (s[k] && (name[k] | 32) == s[k])
            k++;
        if (!s[k] && !name[k]) {
            *split = names[i].split;
            return true;
        }
    }
    return false;
}

/* ---- visiting ---------------------------------------------------------------*/

typedef struct place {
    int64_t stored;
    size_t file;
} place;

typedef struct visitor {
    const bp_allocator *a;
    const bp__picture_files *f;
    bp__picture_visit visit;
    void *user;
    place *order;  /* of an archive's pictures */
    size_t next;   /* of order */
    int64_t seen;
} visitor;

/* A whole failure ends the visit; a file's is the visitor's to judge. */
static bp_status hand_over(visitor *v, size_t i, bp_status read,
                           bp__file_data *data, const bp_error *why,
                           bp_error *err)
{
    if (read == BP_ENOMEM)
        return bp__oom(err);
    bp_status s = v->visit(v->user, i, read ? NULL : data->data, data->bytes,
                           read ? why->message : NULL, err);
    bp__file_free(v->a, data);
    return s;
}

static bp_status visit_entry(void *user, const bp__archive_entry *e,
                             bp_error *err)
{
    visitor *v = user;
    bp__file_data data = {0};
    bp_error why = {0};
    int64_t at = v->seen++;
    if (v->next == v->f->n ||
        v->order[v->next].stored != at)
        return BP_OK;
    size_t i = v->order[v->next++].file;
    bp_status read = bp__archive_read(e, v->a, v->f->place, MAX_FILE,
                                      &data, &why);
    return hand_over(v, i, read, &data, &why, err);
}

static int by_place(const void *a, const void *b)
{
    const place *p = a, *q = b;
    return p->stored < q->stored ? -1 : p->stored > q->stored;
}

static bp_status sort_by_place(visitor *v, bp_error *err)
{
    v->order = bp__calloc(v->a, v->f->n, sizeof *v->order);
    if (!v->order)
        return bp__oom(err);
    for (size_t i = 0; i < v->f->n; i++)
        v->order[i] = (place){v->f->file[i].stored, i};
    qsort(v->order, v->f->n, sizeof *v->order, by_place);
    return BP_OK;
}

static bp_status read_file(const bp__fs *fs, const bp_allocator *a,
                           const bp__picture_file *f, bp__file_data *data,
                           bp_error *err)
{
    return bp__file_read(fs, a, f->full, false, MAX_FILE, data, err);
}

bool bp__picture_file_reads(const bp__fs *fs, const bp_allocator *a,
                            const bp__picture_file *f)
{
    bp__file_data data = {0};
    bool reads = read_file(fs, a, f, &data, NULL) == BP_OK;
    bp__file_free(a, &data);
    return reads;
}

bp_status bp__picture_files_visit(const bp__fs *fs, const bp_allocator *a,
                                  const bp__picture_files *f,
                                  bp__picture_visit visit, void *user,
                                  bp_error *err)
{
    visitor v = {.a = a ? a : &bp__malloc_allocator, .f = f, .visit = visit,
                 .user = user};
    bp_status s = BP_OK;
    if (f->archive) {
        s = sort_by_place(&v, err);
        if (!s)
            s = bp__archive_walk(fs, f->place, visit_entry, &v, err);
        if (!s && v.next != f->n)
            s = bp__error(err, BP_EFORMAT, "'%s' changed while it was read",
                          f->place);
        bp__free(v.a, v.order, v.order ? f->n * sizeof *v.order : 0);
        return s;
    }
    for (size_t i = 0; i < f->n && !s; i++) {
        bp__file_data data = {0};
        bp_error why = {0};
        bp_status read = read_file(fs, v.a, &f->file[i], &data, &why);
        s = hand_over(&v, i, read, &data, &why, err);
    }
    return s;
}
