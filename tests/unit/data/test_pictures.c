/* Data sets of pictures: folders and archives, classes, the cache, reports;
 * every failing operation and allocation. */
#include "data/pictures.h"

#include "data/data.h"
#include "fmt/archive.h"
#include "t.h"
#include "t_fs.h"
#include "t_pictures.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[200];

static const char *in_folder(const char *name)
{
    static char buf[4][400];
    static int at;
    char *s = buf[at++ % 4];
    snprintf(s, 400, "%s/%s", folder, name);
    return s;
}

static void run(const char *command)
{
    char buf[1000];
    snprintf(buf, sizeof buf, "cd '%s' && %s", folder, command);
    T_CHECKF(system(buf) == 0, "%s", command);
}

/* A grey picture, 4 x 4, whose pixels are value + 0 .. 15. */
static void put_picture(const char *name, int value)
{
    unsigned char v[16];
    for (int i = 0; i < 16; i++)
        v[i] = (unsigned char)(value + i);
    t_bytes b = t_write_png(&(t_png){.width = 4, .height = 4, .depth = 8,
                                     .color = 0, .rows = v});
    T_REQUIRE(t_save(in_folder(name), b.data, b.bytes));
    free(b.data);
}

static void make_set(void)
{
    run("rm -rf set && mkdir -p set/dog set/cat/inner set/eel set/.hidden");
    put_picture("set/dog/1.png", 10);
    put_picture("set/dog/0.png", 20);
    put_picture("set/cat/inner/a.png", 30);
    put_picture("set/cat/b.png", 40);
    put_picture("set/eel/x.png", 50);
    put_picture("set/.hidden/y.png", 60);
    run("echo hello > set/cat/readme.txt");
}

static bp__pictures_options options(const char *path)
{
    static char cache[300];
    snprintf(cache, sizeof cache, "%s/cache", folder);
    return (bp__pictures_options){.path = path, .channels = 1, .height = 4,
                                  .width = 4, .cache = cache};
}

static bp__pictures open_set(const bp__pictures_options *o)
{
    bp__pictures p;
    bp_error err = {0};
    T_OK(bp__pictures_open(o, &p, &err), &err);
    return p;
}

/* cat/b, cat/inner/a, dog/0, dog/1, eel/x */
static void check_set(const bp__pictures *p)
{
    static const int value[] = {40, 30, 20, 10, 50}, label[] = {0, 0, 1, 1, 2};
    static const char *const name[] = {"cat/b.png", "cat/inner/a.png",
                                       "dog/0.png", "dog/1.png", "eel/x.png"};
    bp_array y, x;
    unsigned char row[16];
    bp_error err = {0};
    T_REQUIRE(bp_data_count(p->data) == 5 && p->n_classes == 3);
    T_CHECK(!strcmp(p->classes[0], "cat") && !strcmp(p->classes[2], "eel"));
    T_REQUIRE(bp_data_target(p->data, &y) && bp_data_input(p->data, 0, &x));
    T_CHECK(!x.data && x.rank == 4 && x.dims[0] == 5 && x.dims[1] == 1 &&
            x.dims[3] == 4 && x.dtype == BP_U8);
    for (int i = 0; i < 5; i++) {
        T_CHECK(((int32_t *)y.data)[i] == label[i]);
        T_CHECK(!strcmp(bp_data_name(p->data, i), name[i]));
        T_OK(bp_data_read(p->data, 0, i, row, &err), &err);
        T_CHECK(row[0] == value[i] && row[15] == value[i] + 15);
    }
    T_CHECK(bp_data_read(p->data, 0, 5, row, &err) == BP_ERANGE);
    T_CHECK(!bp_data_name(p->data, 5));
}

static void folders_and_archives(void)
{
    make_set();
    bp__pictures_options o = options(in_folder("set"));
    bp__pictures p = open_set(&o);
    check_set(&p);
    T_CHECK(p.decoded && p.notes && strstr(p.notes, "1 file is no picture") &&
            strstr(p.notes, "cat/readme.txt"));
    uint64_t hash = p.hash;
    bp__pictures_free(&p);
    p = open_set(&o); /* from the cache */
    check_set(&p);
    T_CHECK(!p.decoded && p.hash == hash && p.notes &&
            strstr(p.notes, "readme.txt"));
    bp__pictures_free(&p);
    put_picture("set/dog/1.png", 99); /* other pixels, another time */
    run("touch -d '2001-02-03 04:05:06' set/dog/1.png");
    p = open_set(&o);
    T_CHECK(p.decoded && p.hash != hash);
    bp__pictures_free(&p);
    /* Above the classes: one folder, which is not a class. */
    make_set();
    run("rm -rf up && mkdir -p up/a && cp -r set up/a/train");
    o.path = in_folder("up");
    p = open_set(&o);
    check_set(&p);
    T_CHECK(p.hash == hash);
    bp__pictures_free(&p);
#ifdef BP_T_ARCHIVE
    /* Stored in another order than by name. */
    run("tar cf set.tar set/eel set/dog/1.png set/cat set/dog/0.png && "
        "gzip -c set.tar > set.tar.gz && (cd up && tar cf ../up.tar a)");
    static const char *const archives[] = {"set.tar", "set.tar.gz",
                                           "set.tar/set", "up.tar",
                                           "up.tar/a/train"};
    for (int i = 0; i < 5; i++) {
        o.path = in_folder(archives[i]);
        p = open_set(&o);
        check_set(&p);
        T_CHECKF(p.hash == hash && p.decoded, "%s", archives[i]);
        bp__pictures_free(&p);
    }
#endif
}

#ifdef BP_T_ARCHIVE
/* Says in each header of a .zip that its name is UTF-8. */
static void mark_utf8(const char *path)
{
    bp__file_data f;
    bp_error err = {0};
    T_OK(bp__file_read(NULL, NULL, path, false, 0, &f, &err), &err);
    for (size_t i = 0; i + 10 < f.bytes; i++)
        if (!memcmp(f.data + i, "PK\3\4", 4))
            f.data[i + 7] |= 8;
        else if (!memcmp(f.data + i, "PK\1\2", 4))
            f.data[i + 9] |= 8;
    T_REQUIRE(t_save(path, f.data, f.bytes));
    bp__file_free(&bp__malloc_allocator, &f);
}

static bp_status read_little(void *user, const bp__archive_entry *e,
                             bp_error *err)
{
    bp__file_data f;
    int *n = user;
    ++*n;
    bp_status s = bp__archive_read(e, &bp__malloc_allocator, "a.zip", 9, &f,
                                   err);
    bp__file_free(&bp__malloc_allocator, &f);
    return s;
}

/* Whatever the locale of the program: names in UTF-8, and from the root. */
static void names_in_archives(void)
{
    static const char *const names[] = {"k\xc3\xa4tzchen/a.png",
                                        "/k\xc3\xa4tzchen/b.png",
                                        "./\xe7\x8b\x97/0.png"};
    t_bytes files[3];
    bp_error err = {0};
    int n = 0;
    make_set();
    for (int i = 0; i < 3; i++) {
        bp__file_data f;
        T_OK(bp__file_read(NULL, NULL, in_folder("set/cat/b.png"), false, 0,
                           &f, &err), &err);
        files[i] = (t_bytes){f.data, f.bytes};
    }
    T_REQUIRE(t_write_zip(in_folder("names.zip"), names, files, 3, true));
    mark_utf8(in_folder("names.zip"));
    bp__pictures_options o = options(in_folder("names.zip"));
    bp__pictures p = open_set(&o);
    T_CHECK(p.n_classes == 2 && bp_data_count(p.data) == 3 &&
            !strcmp(p.classes[0], "k\xc3\xa4tzchen") &&
            !strcmp(bp_data_name(p.data, 1), "k\xc3\xa4tzchen/b.png"));
    bp__pictures_free(&p);
    for (int i = 0; i < 3; i++)
        free(files[i].data);
    /* Links are told of, as files that cannot be read. */
    run("ln set/cat/b.png set/cat/c.png && ln -s b.png set/cat/d.png && "
        "tar cf links.tar set");
    o = options(in_folder("links.tar"));
    o.skip_unreadable = true;
    p = open_set(&o);
    T_CHECK(bp_data_count(p.data) == 5 &&
            strstr(p.notes, "2 of 7 pictures cannot be read"));
    T_CHECKF(strstr(p.notes, "is a link, and has its bytes elsewhere"), "%s",
             p.notes);
    bp__pictures_free(&p);
    /* What an entry unpacks to has a limit where one is asked for. */
    T_CHECK(bp__archive_walk(NULL, in_folder("names.zip"), read_little, &n,
                             &err) == BP_ELIMIT && n == 1);
    T_CHECKF(strstr(err.message, "larger than the limit of 9 bytes"), "%s",
             err.message);
}
#endif

static void refused(const bp__pictures_options *o, bp_status want,
                    const char *text)
{
    bp__pictures p;
    bp_error err = {0};
    bp_status s = bp__pictures_open(o, &p, &err);
    T_CHECKF(s == want && strstr(err.message, text), "%s, '%s' not in: %s",
             bp_status_name(s), text, err.message);
    T_CHECK(!p.data);
}

static void reports(void)
{
    make_set();
    bp__pictures_options o = options(in_folder("set"));
    static const char *const classes[] = {"cat", "dogs", "eel"};
    o.classes = classes;
    o.n_classes = 3;
    refused(&o, BP_EFORMAT,
            "2 pictures in the folder 'dog', which is no class of the "
            "training set (nearest: 'dogs')");
    o.classes = NULL;
    put_picture("set/bare.png", 1);
    run("head -c 40 set/eel/x.png > set/eel/cut.png && : > set/dog/2.jpg && "
        "echo GIF89a > set/dog/3.jpeg");
    refused(&o, BP_EFORMAT, "3 of 9 pictures cannot be read");
    refused(&o, BP_EFORMAT, "1 picture stands in no class's folder, the first "
            "is 'bare.png'");
    refused(&o, BP_EFORMAT, "'eel/cut.png' is no sound PNG file");
    run("cp set/cat/b.png set/dog/b.png"); /* remarks are in the same report */
    refused(&o, BP_EFORMAT, "1 sample is equal to an earlier one: 'dog/b.png' = "
            "'cat/b.png'");
    refused(&o, BP_EFORMAT, "2 samples have equal inputs and other targets");
    run("rm set/dog/b.png");
    run("rm set/bare.png");
    o.skip_unreadable = true;
    bp__pictures p = open_set(&o);
    check_set(&p);
    T_CHECK(strstr(p.notes, "3 of 8 pictures cannot be read and are left out"));
    bp__pictures_free(&p);
    run("rm -rf none && mkdir -p none/a && echo x > none/a/b.txt");
    o.path = in_folder("none");
    refused(&o, BP_ENOTFOUND, "only 1 other file such as 'a/b.txt'");
    run("mkdir \"none/$(printf 'b\\366r')\" && mkdir none/c && "
        "cp set/cat/b.png none/c && cp set/cat/b.png none/b*");
    refused(&o, BP_EFORMAT, "r' is no UTF-8 (byte 0xf6 after 'b')");
    o.path = in_folder("nowhere");
    refused(&o, BP_ENOTFOUND, "cannot find");
    o.channels = 2;
    refused(&o, BP_ESHAPE, "not [2,4,4]");
#ifdef BP_T_ARCHIVE
    o.channels = 1;
    run("echo nonsense > bad.tar");
    o.path = in_folder("bad.tar");
    refused(&o, BP_EFORMAT, "is no sound archive");
#endif
}

static bool denied;

static int deny_open(void *user, const char *path, bp__fs_mode mode,
                     intptr_t *handle)
{
    return denied && strstr(path, "dog/1.png")
               ? EACCES
               : bp__posix_fs.open(user, path, mode, handle);
}

/* A file that cannot be read is no end of the set, and no longer left out once
 * it can be. */
static void unreadable_files(void)
{
    make_set();
    run("rm -rf cache && cp set/dog/1.png spare.png && "
        "ln -s ../../later.png set/dog/2.png && mkfifo set/dog/3.png && "
        "ln -s nowhere.txt set/dog/4.txt");
    bp__pictures_options o = options(in_folder("set"));
    refused(&o, BP_EFORMAT, "1 of 6 pictures cannot be read");
    refused(&o, BP_EFORMAT, "set/dog/2.png': No such file");
    o.skip_unreadable = true;
    bp__pictures p = open_set(&o);
    check_set(&p);
    T_CHECK(!p.decoded && strstr(p.notes, "3 files are no picture"));
    bp__pictures_free(&p);
    bp__fs fs = bp__posix_fs;
    fs.open = deny_open;
    make_set();
    o.path = in_folder("set");
    o.fs = &fs;
    for (int i = 0; i < 4; i++) { /* denied, and out of the cache; then not */
        denied = i < 2;
        p = open_set(&o);
        T_CHECKF(p.decoded == (i == 0 || i == 2) &&
                     bp_data_count(p.data) == (denied ? 4 : 5), "%d", i);
        if (!denied)
            check_set(&p);
        bp__pictures_free(&p);
    }
}

/* What can be done with a set in memory can be done with this one. */
static void parts_and_batches(void)
{
    make_set();
    bp__pictures_options o = options(in_folder("set"));
    bp__pictures p = open_set(&o);
    static const int64_t rows[] = {4, 0, 2, 0};
    static const int64_t far[] = {1, 5};
    unsigned char pixels[4 * 16];
    int32_t labels[4];
    bp_error err = {0};
    bp_data *part = NULL, *slice = NULL, *array = NULL;
    bp_array y;
    T_CHECK(bp_data_select(p.data, far, 2, &part, &err) == BP_ERANGE);
    T_CHECK(bp_data_select(p.data, far, 0, &part, &err) == BP_ERANGE);
    T_OK(bp_data_select(p.data, rows, 4, &part, &err), &err);
    T_OK(bp_data_slice(part, 1, 4, &slice, &err), &err);
    bp__pictures_free(&p); /* the parts keep it */
    T_REQUIRE(bp_data_target(part, &y));
    for (int i = 0; i < 4; i++) {
        T_OK(bp_data_read(part, 0, i, pixels + 16 * i, &err), &err);
        labels[i] = ((int32_t *)y.data)[i];
    }
    T_CHECK(labels[0] == 2 && labels[1] == 0 && labels[2] == 1 &&
            pixels[0] == 50 && pixels[32] == 20);
    T_CHECK(!strcmp(bp_data_name(slice, 1), "dog/0.png") &&
            bp_data_count(slice) == 3);
    bp_array in = {BP_U8, 4, {4, 1, 4, 4}, pixels, sizeof pixels};
    bp_array t = {BP_I32, 1, {4}, labels, sizeof labels};
    T_OK(bp_data_from_arrays(&in, 1, &t, NULL, &array, &err), &err);
    bp_norm *n[2];
    T_OK(bp_norm_fit(part, 0, BP_NORM_FEATURE, NULL, &n[0], &err), &err);
    T_OK(bp_norm_fit(array, 0, BP_NORM_FEATURE, NULL, &n[1], &err), &err);
    T_CHECK(!memcmp(bp_norm_std(n[0]), bp_norm_std(n[1]), 16 * 8));
    bp_loader *l[2];
    for (int k = 0; k < 2; k++) {
        bp_loader_options lo = {.size = sizeof lo, .batch = 3, .shuffle = true,
                                .seed = 5, .prefetch = k == 0,
                                .augment = {.shift = 1, .flip = true},
                                .norm = {n[0]}};
        T_OK(bp_loader_new(k ? array : part, &lo, &l[k], &err), &err);
    }
    for (int i = 0; i < 6; i++) {
        bp_batch b[2];
        for (int k = 0; k < 2; k++)
            T_OK(bp_loader_next(l[k], &b[k], &err), &err);
        T_CHECK(b[0].count == b[1].count &&
                !memcmp(b[0].input[0], b[1].input[0], b[0].input_bytes[0]) &&
                !memcmp(b[0].target, b[1].target, b[0].target_bytes));
    }
    for (int k = 0; k < 2; k++) {
        bp_loader_free(l[k]);
        bp_norm_free(n[k]);
    }
    bp_data_free(part);
    bp_data_free(slice);
    bp_data_free(array);
}

/* A cache that is not whole is made anew; one that is cut off while it is in
 * use is a failure of that batch. */
static void broken_caches(void)
{
    make_set();
    run("rm -rf cache");
    bp__pictures_options o = options(in_folder("set"));
    bp__pictures p = open_set(&o);
    bp__pictures_free(&p);
    static const char *const harm[] = {
        "truncate -s -1 cache/*.pictures/pixels.npy",
        "truncate -s +1 cache/*.pictures/pixels.npy",
        "truncate -s -1 cache/*.pictures/index.safetensors",
        "rm cache/*.pictures/pixels.npy", "rm cache/*.pictures/index.*"};
    for (int i = 0; i < 5; i++) {
        run(harm[i]);
        p = open_set(&o);
        T_CHECKF(p.decoded, "%s", harm[i]);
        check_set(&p);
        bp__pictures_free(&p);
    }
    p = open_set(&o);
    T_CHECK(!p.decoded);
    bp_loader *l;
    bp_batch b;
    bp_error err = {0};
    bp_loader_options lo = {.size = sizeof lo, .batch = 2, .prefetch = true};
    T_OK(bp_loader_new(p.data, &lo, &l, &err), &err);
    T_OK(bp_loader_next(l, &b, &err), &err);
    run("truncate -s 150 cache/*.pictures/pixels.npy");
    bp_status s = BP_OK;
    for (int i = 0; i < 3 && !s; i++)
        s = bp_loader_next(l, &b, &err);
    T_CHECKF(s == BP_EFORMAT && strstr(err.message, "cut off"), "%s",
             err.message);
    bp_loader_free(l);
    bp__pictures_free(&p);
}

static void failing_operations(void)
{
    make_set();
    for (int persistent = 0; persistent < 2; persistent++)
        for (int64_t n = 0;; n++) {
            t_fs f = {.fail_at = n, .error = EIO, .persistent = persistent};
            bp__fs fs = t_fs_make(&f);
            bp__pictures_options o = options(in_folder("set"));
            o.fs = &fs;
            char cache[300];
            snprintf(cache, sizeof cache, "%s/fresh%d-%lld", folder,
                     persistent, (long long)n);
            o.cache = cache;
            bp__pictures p;
            bp_error err = {0};
            unsigned char row[16];
            bp_status s = bp__pictures_open(&o, &p, &err);
            if (!s)
                s = bp_data_read(p.data, 0, 0, row, &err);
            bool done = !f.failed;
            f.fail_at = -1;
            if (!s)
                check_set(&p);
            bp__pictures_free(&p);
            T_CHECKF(f.open_files == 0, "operation %lld leaves %lld files "
                     "open", (long long)n, (long long)f.open_files);
            if (done) {
                T_CHECK(s == BP_OK && n > 20);
                break;
            }
            /* A file that cannot be read is reported as one of the pictures;
             * what only helps, like a look for the cache, may fail. */
            T_CHECK(s == BP_OK || s == BP_EIO || s == BP_EFORMAT);
        }
}

static void failing_allocations(void)
{
    make_set();
    for (int64_t n = 0;; n++) {
        t_heap h = {.fail_at = n};
        bp_allocator heap = t_allocator(&h);
        bp__pictures_options o = options(in_folder("set"));
        o.a = &heap;
        char cache[300];
        snprintf(cache, sizeof cache, "%s/heap-%lld", folder, (long long)n);
        o.cache = cache;
        bp__pictures p;
        bp_error err = {0};
        bp_status s = bp__pictures_open(&o, &p, &err);
        if (!s)
            check_set(&p);
        bp__pictures_free(&p);
        T_CHECKF(h.live == 0, "allocation %lld: %lld bytes are left",
                 (long long)n, (long long)h.live);
        if (!h.failed) {
            T_CHECK(s == BP_OK && n > 20);
            break;
        }
        T_CHECKF(s == BP_OK || s == BP_ENOMEM, "allocation %lld: %s",
                 (long long)n, err.message);
    }
}

int main(void)
{
    if (!t_have_png())
        t_skip("built without libpng");
    snprintf(folder, sizeof folder, "%s/bprop-pictures-%ld",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (long)getpid());
    T_REQUIRE(mkdir(folder, 0777) == 0);
    folders_and_archives();
#ifdef BP_T_ARCHIVE
    names_in_archives();
#endif
    reports();
    unreadable_files();
    parts_and_batches();
    broken_caches();
    failing_operations();
    failing_allocations();
    char buf[300];
    snprintf(buf, sizeof buf, "rm -rf '%s'", folder);
    T_CHECK(system(buf) == 0);
    return t_end();
}
