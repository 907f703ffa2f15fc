/* The data of a configuration: which kinds its parts are of, and what rows read
 * of the tree. */
#include "source/source.h"

static const bp__source_kind *kind_of(const bp__ynode *part)
{
    const bp__source_kind *k;
    for (size_t i = 0; part && (k = bp__source_at(i)); i++)
        if (bp__yaml_get(part, k->name))
            return k;
    return NULL;
}

/* The training set's, but for one that learns from it: that is wanted then. */
static const bp__source_kind *main_kind(const bp__source_config *c)
{
    const bp__source_kind *first = NULL;
    for (int s = BP__N_SPLITS - 1; s >= 0; s--)
        if (c->of[s] && !(first && first->open_all))
            first = c->of[s];
    return first;
}

static void read_augment(bp__source_config *c)
{
    const bp__ynode *g = bp__yaml_at(c->data, "train.augment");
    c->augment = (bp_augment){
        .shift = (int)bp__yaml_int(bp__yaml_get(g, "shift")),
        .flip = bp__yaml_bool(bp__yaml_get(g, "flip")),
        .rotate = bp__yaml_number(bp__yaml_get(g, "rotate")),
        .crop = bp__yaml_number(bp__yaml_get(g, "crop")),
        .elastic = bp__yaml_number(bp__yaml_get(g, "elastic")),
        .cutout = (int)bp__yaml_int(bp__yaml_get(g, "cutout")),
        .mixup = bp__yaml_number(bp__yaml_get(g, "mixup")),
    };
}

static void read_normalize(bp__source_config *c, const bp__ynode *raw)
{
    bp__ynode *n = bp__yaml_get(c->data, "normalize");
    if (!n)
        return;
    if (c->kind && c->kind->normalize && !bp__yaml_get(raw, "normalize"))
        n->text = c->kind->normalize;
    for (int k = BP_NORM_NONE; k <= BP_NORM_FEATURE; k++)
        if (!strcmp(n->text, bp_norm_kind_name((bp_norm_kind)k)))
            c->normalize = (bp_norm_kind)k;
}

bp_status bp__source_init(bp__source_config *c, bp__arena *arena,
                          bp__ynode *data, const bp__ynode *raw, bp_error *err)
{
    c->arena = arena;
    c->data = data;
    for (int s = 0; s < BP__N_SPLITS; s++)
        c->of[s] = kind_of(bp__yaml_get(data, bp_split_name((bp_split)s)));
    c->kind = main_kind(c);
    c->dir = bp__yaml_text(bp__yaml_get(data, "dir"));
    read_normalize(c, raw);
    read_augment(c);
    return c->kind && c->kind->restore ? c->kind->restore(c, err) : BP_OK;
}

void bp__source_free(bp__source_config *c)
{
    if (c->learned)
        c->kind->forget(c->learned);
    c->learned = NULL;
}

bool bp__source_has(const bp__source_config *c, bp_split s)
{
    const bp__ynode *split = bp__yaml_get(c->data, "split");
    const char *name = bp_split_name(s);
    return bp__yaml_get(c->data, name) ||
           bp__yaml_number(bp__yaml_get(split, name)) > 0 ||
           (s == BP_SPLIT_TEST && split && bp__yaml_get(split, "folds"));
}

bool bp__source_must_learn(const bp__source_config *c)
{
    return c->shapes_from_data && !c->learned;
}

/* ---- for rows ------------------------------------------------------------- */

const char *bp__source_path(const bp__source_config *c, const char *dir,
                            const char *file)
{
    dir = dir ? dir : c->dir;
    if (!dir || file[0] == '/')
        return file;
    return bp__arena_printf(c->arena, "%s/%s", dir, file);
}

const bp__ynode *bp__source_option(const bp__source_config *c, const char *map,
                                   const char *key)
{
    const bp__ynode *m = bp__yaml_get(c->data, map);
    return m ? bp__yaml_get(m, key) : NULL;
}

const char *const *bp__source_texts(const bp__source_config *c,
                                    const bp__ynode *list, size_t *n)
{
    *n = list ? list->n : 0;
    const char **all = bp__arena_array(c->arena, *n + 1, sizeof *all);
    size_t i = 0;
    for (const bp__ynode *k = list ? list->child : NULL; all && k; k = k->next)
        all[i++] = k->text;
    return all;
}

void bp__source_note(bp__source_config *c, const char *text)
{
    c->notes = c->notes ? bp__arena_printf(c->arena, "%s\n%s", c->notes, text)
                        : bp__arena_strdup(c->arena, text);
}
