/* A row has its bits in any batch, in every model file that is shipped and
 * every network that `bprop new` drafts: for tables and arrays of numbers, and
 * for pictures. */
#include "config/config.h"
#include "source/draft_model.h"
#include "t.h"
#include "t_batch.h"

#include <dirent.h>

static void check_config(bp__config *c, bp_status s, const bp_error *err,
                         const char *what)
{
    T_CHECKF(s == BP_OK, "%s: %s", what, err->message);
    if (s == BP_OK) {
        bp_task t = c->task;
        t.dtype = BP_F32;
        t_batch_check(&t, -1, 1, true, what);
    }
    bp__config_free(c);
}

static void shipped(const char *folder)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", BPROP_SOURCE_DIR, folder);
    DIR *d = opendir(path);
    T_REQUIRE(d != NULL);
    int n = 0;
    for (struct dirent *e; (e = readdir(d));) {
        const char *dot = strrchr(e->d_name, '.');
        if (!dot || strcmp(dot, ".yaml") != 0)
            continue;
        bp_error err = {BP_OK, ""};
        bp__config *c = NULL;
        snprintf(path, sizeof path, "%s/%s/%s", BPROP_SOURCE_DIR, folder,
                 e->d_name);
        bp_status s = bp__config_load(NULL, path, NULL, 0, &c, &err);
        check_config(c, s, &err, e->d_name);
        n++;
    }
    closedir(d);
    T_CHECK(n > 0);
}

/* The draft's network; the data that the file names are not read. */
static void drafted(bp__str *draft, const char *what)
{
    bp_error err = {BP_OK, ""};
    bp__config *c = NULL;
    bp__str_printf(draft, "data: {train: digits}\ntrain: {seed: 1}\n");
    T_REQUIRE(!draft->failed);
    bp_status s = bp__config_parse(what, draft->s, draft->len, NULL, 0, &c,
                                   &err);
    check_config(c, s, &err, what);
    bp__str_free(draft);
}

static void drafted_rows(int64_t rows, int64_t width, int64_t outputs)
{
    bp__str out;
    char input[40], what[80];
    bp__draft_model m = {.rows = rows, .outputs = outputs,
                         .classes = outputs > 1};
    bp__str_init(&out, &bp__malloc_allocator);
    snprintf(input, sizeof input, "[%d]", (int)width);
    snprintf(what, sizeof what, "a draft for %d rows of %d numbers", (int)rows,
             (int)width);
    bp__draft_rows(&out, &m, input);
    drafted(&out, what);
}

static void drafted_pictures(int64_t c, int64_t h, int64_t w)
{
    bp__str out;
    char what[80];
    bp__draft_model m = {.rows = 5000, .outputs = 3, .classes = true};
    bp__str_init(&out, &bp__malloc_allocator);
    snprintf(what, sizeof what, "a draft for pictures of %d x %d pixels",
             (int)w, (int)h);
    bp__draft_pictures(&out, &m, (const int64_t[]){c, h, w});
    drafted(&out, what);
}

int main(void)
{
    shipped("models");
    shipped("models/nielsen");
    drafted_rows(100, 13, 3);
    drafted_rows(2000, 1, 1);
    drafted_rows(30000, 107, 2);
    drafted_pictures(3, 8, 8);
    drafted_pictures(1, 13, 9);
    drafted_pictures(3, 27, 33);
    drafted_pictures(3, 64, 64);
    return t_end();
}
