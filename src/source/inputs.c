/* New samples: which row reads a path, for a run on these data. */
#include "source/source.h"

/* Rows that may read a path for this run, those of any run first. */
static bool may_read(const bp__source_config *c, const bp__source_kind *k)
{
    bool closed = c->kind && c->kind->own_columns;
    return k->inputs && (k->any_run || k == c->kind ||
                         (!closed && !k->own_columns));
}

/* "a .npy array, an IDX file, or pictures". */
static void put_taken(const bp__source_config *c, bp__str *out)
{
    const bp__source_kind *k;
    const char *word[16];
    size_t n = 0;
    if (c->kind && c->kind->own_columns) {
        bp__str_printf(out, "%s", c->kind->takes);
        return;
    }
    for (int any = 1; any >= 0; any--)
        for (size_t i = 0; (k = bp__source_at(i)); i++)
            if (k->any_run == any && k->takes && may_read(c, k) &&
                n < BP__ARRAY_LEN(word))
                word[n++] = k->takes;
    for (size_t i = 0; i < n; i++)
        bp__str_printf(out, "%s%s", !i ? "" : i + 1 < n ? ", " : ", or ",
                       word[i]);
}

/* A file that this run cannot read is told by what it is, not by what its
 * first bytes are not. */
static bp_status refuse(const bp__source_config *c, const char *path,
                        const char *noun, const bp__source_kind *last,
                        bp_error *err)
{
    bp__str taken;
    bp__str_init(&taken, NULL);
    put_taken(c, &taken);
    const char *not = last ? strchr(last->takes, ' ') : NULL; /* "an x" */
    bp_status st = bp__error(err, BP_EARG, "'%s' is %s%s; this run takes %s",
                             path, noun ? "" : "no",
                             noun  ? noun
                             : not ? not
                                   : "thing that is known",
                             taken.failed ? "others" : taken.s);
    bp__str_free(&taken);
    return st;
}

/* By what the path looks like, else by what its first bytes may be. */
static bp_status choose(const bp__source_config *c, const char *path,
                        const bp__source_kind **row, bp_error *err)
{
    const char *noun;
    const bp__source_kind *k = bp__source_of_path(path, &noun), *last = NULL;
    if (k && may_read(c, k)) {
        *row = k;
        return BP_OK;
    }
    for (size_t i = 0; !noun && (k = bp__source_at(i)); i++) {
        if (!may_read(c, k) || !(k->any_text || k->may_be))
            continue;
        last = k;
        if (k->any_text || k->may_be(path)) {
            *row = k;
            return BP_OK;
        }
    }
    return refuse(c, path, noun, last, err);
}

bp_status bp__source_inputs(bp__source_config *c, const char *const *paths,
                            size_t n, const bp__source_reader *to,
                            bp_error *err)
{
    const bp__source_kind *row = NULL, *k;
    for (size_t i = 0; n > 1 && (k = bp__source_at(i)); i++)
        if (k->several)
            row = k;
    bp_status st = row ? BP_OK : choose(c, paths[0], &row, err);
    return st ? st : row->inputs(c, paths, n, to, err);
}
