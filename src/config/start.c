/* Where training starts from: weights of another run or file (train.init_from)
 * and parameters that stay as they are (train.freeze). */
#include "config/config.h"

static const char *const weights_words[] = {"best", "last"};

static bp__ynode *read_map(bp__scheck *c, const char *path, bp__ynode *raw)
{
    char what[120];
    if (raw->kind != BP__Y_MAP) {
        bp__diag_add(c->d, raw->at, "%s: expected {name in the file: name in "
                     "the model}, got %s", path, bp__yaml_what(raw, what));
        return NULL;
    }
    for (const bp__ynode *n = raw->child; n; n = n->next)
        if (n->kind != BP__Y_SCALAR || !n->key[0])
            bp__diag_add(c->d, n->at, "%s: expected a name, or null to leave "
                         "it out, got %s", path, bp__yaml_what(n, what));
    return bp__yaml_copy(c->d->arena, raw);
}

static const bp__skey init_keys[] = {
    {.name = "path", .type = BP__S_TEXT,
     .doc = "a run folder or a .safetensors file"},
    {.name = "weights", .type = BP__S_WORD, .fallback = "best",
     .doc = "of a run folder", .words = weights_words, .n_words = 2},
    {.name = "map", .type = BP__S_CUSTOM, .fallback = "", .custom = read_map,
     .what = "names in the file, and what they are called here",
     .doc = "* stands for the same text on both sides; null leaves one out"},
    {.name = "transpose", .type = BP__S_TEXTS, .fallback = "",
     .doc = "patterns of matrices that the file has the other way round",
     .n_min = 1, .n_max = 1000},
    {.name = "allow_missing", .type = BP__S_BOOL, .fallback = "false",
     .doc = "what is not in the file starts as it would without one"},
    {.name = "allow_extra", .type = BP__S_BOOL, .fallback = "false",
     .doc = "what is not in the model is passed over"},
    {.name = "allow_shape", .type = BP__S_BOOL, .fallback = "false",
     .doc = "what has another shape starts as it would without a file"},
};
static const bp__skey init_key = {.name = "init_from", .type = BP__S_MAP,
                                  .keys = init_keys,
                                  .n_keys = BP__ARRAY_LEN(init_keys)};

bp__ynode *bp__read_init_from(bp__scheck *c, const char *path, bp__ynode *raw)
{
    if (raw->kind == BP__Y_SCALAR && !bp__yaml_is_null(raw)) {
        bp__ynode *map = bp__yaml_new(c->d->arena, BP__Y_MAP, raw->at);
        bp__yaml_append(map, "path", raw->at,
                        bp__yaml_copy(c->d->arena, raw));
        raw = map;
    }
    return raw ? bp__schema_value(c, path, &init_key, raw) : NULL;
}

static const char *path_of(bp__config *c, const bp__ynode *from)
{
    const char *path = bp__yaml_text(bp__yaml_get(from, "path"));
    bp__fs_info info;
    bool last = !strcmp(bp__yaml_text(bp__yaml_get(from, "weights")), "last");
    if (!last || bp__file_stat(NULL, path, &info, NULL) || !info.is_dir)
        return path;
    return bp__arena_printf(&c->arena, "%s/last.safetensors", path);
}

bp_status bp__config_start(bp__config *c, bp_error *err)
{
    const bp__ynode *from = bp__yaml_at(c->resolved, "train.init_from");
    if (!from)
        return BP_OK;
    const bp__ynode *map = bp__yaml_get(from, "map");
    const bp__ynode *flip = bp__yaml_get(from, "transpose");
    size_t n = map ? map->n : 0, m = flip ? flip->n : 0;
    bp_transfer_rule *rule = bp__arena_array(&c->arena, n + 1, sizeof *rule);
    const char **pattern = bp__arena_array(&c->arena, m + 1, sizeof *pattern);
    c->train.init_from = path_of(c, from);
    if (!rule || !pattern || !c->train.init_from)
        return bp__oom(err);
    bp_transfer_options *o = &c->train.transfer;
    *o = (bp_transfer_options){
        .size = sizeof *o, .map = rule, .transpose = pattern,
        .allow_missing = bp__yaml_bool(bp__yaml_get(from, "allow_missing")),
        .allow_extra = bp__yaml_bool(bp__yaml_get(from, "allow_extra")),
        .allow_shape = bp__yaml_bool(bp__yaml_get(from, "allow_shape"))};
    for (const bp__ynode *k = map ? map->child : NULL; k; k = k->next)
        rule[o->n_map++] = (bp_transfer_rule){
            k->key, bp__yaml_is_null(k) ? NULL : k->text};
    for (const bp__ynode *k = flip ? flip->child : NULL; k; k = k->next)
        pattern[o->n_transpose++] = k->text;
    return BP_OK;
}

/* freeze: [...] is a freeze group for each pattern, before all other groups:
 * the first that matches counts. */
bp_status bp__config_freeze(bp__config *c, bp_error *err)
{
    const bp__ynode *list = bp__yaml_at(c->resolved, "train.freeze");
    bp__arena *ar = &c->arena;
    bp__spec *s, *group;
    if (!list || !list->n)
        return BP_OK;
    bp_status st = bp__spec_parse(ar, BP_NN_OPTIMIZERS, c->task.optimizer, &s,
                                  err);
    if (st)
        return st;
    bp__argval *v = &s->args[bp__arg(s, "groups") - s->args];
    bp__spec **old = v->list;
    size_t n_old = v->n;
    v->list = NULL;
    v->n = v->cap = 0;
    for (const bp__ynode *n = list->child; n && !st; n = n->next) {
        st = bp__spec_new(ar, BP_NN_GROUPS, "freeze", &group, err);
        if (!st)
            st = bp__spec_set_text(ar, group, NULL, n->text, err);
        if (!st)
            st = bp__spec_add_layer(ar, s, "groups", group, err);
    }
    for (size_t i = 0; i < n_old && !st; i++)
        st = bp__spec_add_layer(ar, s, "groups", old[i], err);
    if (st)
        return st;
    bp__str text;
    bp__str_init(&text, &ar->a);
    bp__spec_print(&text, s);
    c->task.optimizer = text.failed ? NULL : bp__arena_strdup(ar, text.s);
    bp__str_free(&text);
    return c->task.optimizer ? BP_OK : bp__oom(err);
}

void bp__config_set_start(bp__config *c, const char *hash)
{
    bp__ynode *train = bp__yaml_get(c->resolved, "train");
    bp__ynode *old = train ? bp__yaml_get(train, "init_hash") : NULL;
    const char *text = bp__arena_strdup(&c->arena, hash);
    if (!train || !text || !hash[0])
        return;
    if (old)
        old->text = text;
    else
        bp__yaml_append(train, "init_hash", train->at,
                        bp__yaml_scalar(&c->arena, train->at, false, text));
}
