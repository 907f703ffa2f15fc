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

static bp_status row_of(const bp__source_config *c, const char *const *paths,
                        size_t n, const bp__source_kind **row, bp_error *err)
{
    const bp__source_kind *k;
    for (size_t i = 0; n > 1 && (k = bp__source_at(i)); i++)
        if (k->several)
            *row = k;
    return *row ? BP_OK : choose(c, paths[0], row, err);
}

bp_status bp__source_inputs(bp__source_config *c, const char *const *paths,
                            size_t n, const bp__source_reader *to,
                            bp_error *err)
{
    const bp__source_kind *row = NULL;
    bp_status st = row_of(c, paths, n, &row, err);
    return st ? st : row->inputs(c, paths, n, to, err);
}

bp_status bp__source_labeled(bp__source_config *c, const char *const *paths,
                             size_t n, bp_data **d, bp_error *err)
{
    const bp__source_kind *row = NULL;
    *d = NULL;
    bp_status st = n ? row_of(c, paths, c->n_inputs, &row, err)
                     : bp__error(err, BP_EARG, "no files to evaluate on");
    if (!st && !row->labeled)
        st = bp__error(err, BP_EARG, "'%s': %s with targets need a model file "
                       "that names them", paths[0], row->samples);
    return st ? st : row->labeled(c, paths, n, d, err);
}

bp_status bp__source_pair(const bp__source_config *c, size_t n, bp_error *err)
{
    if (n == c->n_inputs + 1)
        return BP_OK;
    return bp__error(err, BP_EARG, "to evaluate on, this run takes %zu files: "
                     "%zu input%s and the targets", c->n_inputs + 1,
                     c->n_inputs, c->n_inputs == 1 ? "" : "s");
}

bp_status bp__source_row_new(const bp__source_config *c, const bp_allocator *a,
                             bp__source_row **row, bp_error *err)
{
    *row = NULL;
    if (c->learned && c->kind->row)
        return c->kind->row(c, a, row, err);
    return bp__error(err, BP_EARG, "this run's samples are no rows of texts");
}

int bp__source_column_count(const bp__source_config *c)
{
    return c->learned && c->kind->n_columns ? c->kind->n_columns(c) : 0;
}

bool bp__source_column(const bp__source_config *c, int i, bp_column *column)
{
    if (i < 0 || i >= bp__source_column_count(c))
        return false;
    c->kind->column(c, i, column);
    return true;
}
