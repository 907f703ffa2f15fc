/* <bprop/config.h>: the data that a model file names, and what was learned of
 * them. */
#include "config/config.h"

#include <bprop/config.h>

_Static_assert((int)BP__N_SPLITS == BP_N_SPLITS, "one number of splits");

bool bp_config_has_split(const bp_config *c, bp_split s)
{
    return (unsigned)s < BP_N_SPLITS && c->has_data[s];
}

bool bp_config_needs_data(const bp_config *c)
{
    return bp__config_needs_data(c);
}

const char *bp_config_dir(const bp_config *c)
{
    return c->source.dir;
}

bp_status bp_config_set_cache(bp_config *c, const char *folder,
                              void (*progress)(void *user, int64_t done,
                                               int64_t all),
                              void *user)
{
    c->source.cache = folder ? bp__arena_strdup(&c->arena, folder) : NULL;
    c->source.progress = progress;
    c->source.user = user;
    return folder && !c->source.cache ? BP_ENOMEM : BP_OK;
}

bp_status bp_config_open_data(bp_config *c, const char *dir, unsigned wanted,
                              bp_data *split[BP_N_SPLITS], bp_error *err)
{
    bp__config_data d;
    bp_status st = bp__config_open(c, dir, wanted, &d, err);
    for (int s = 0; s < BP_N_SPLITS; s++)
        split[s] = st ? NULL : d.split[s];
    return st;
}

const char *bp_config_notes(const bp_config *c)
{
    return c->source.notes;
}

void bp_config_clear_notes(bp_config *c)
{
    c->source.notes = NULL;
}

const char *bp_config_telling(const bp_config *c)
{
    return c->source.telling;
}

bool bp_config_built_in(const bp_config *c)
{
    const bp__source_kind *k = c->source.of[BP_SPLIT_TRAIN];
    return k && k->built_in;
}

const char *bp_config_samples_noun(const bp_config *c)
{
    return bp__source_samples_noun(&c->source);
}

const char *bp_config_input_example(const bp_config *c)
{
    const bp__source_kind *k = c->source.kind;
    return k && k->example ? k->example : "INPUT";
}

/* ---- classes, and what was learned --------------------------------------------------- */

int64_t bp_config_class_count(const bp_config *c)
{
    return c->task.n_classes;
}

const char *bp_config_class_name(const bp_config *c, int64_t k)
{
    return k >= 0 && k < c->task.n_classes ? c->task.class_name[k] : NULL;
}

int bp_config_column_count(const bp_config *c)
{
    return bp__source_column_count(&c->source);
}

bool bp_config_column(const bp_config *c, int i, bp_column *column)
{
    return bp__source_column(&c->source, i, column);
}

bp_status bp_config_print_learned(const bp_config *c, bp_write_fn write,
                                  void *user)
{
    bp__str s;
    bp__str_init(&s, NULL);
    bp__source_show(&c->source, &s);
    return bp__str_write(&s, write, user);
}
