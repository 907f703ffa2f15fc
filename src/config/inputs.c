/* model.input: the shapes of a model's inputs and their types; and the types
 * that whole-number data give them where the file says none. */
#include "config/config.h"

#include "data/data.h"
#include "fmt/array.h"

enum { DIM_MAX = 1 << 30 };

static const bp__skey dims_key = {.name = "input", .type = BP__S_INTS,
                                  .min = 1, .max = DIM_MAX, .n_min = 1,
                                  .n_max = 7};

static const char *const dtype_words[] = {"float", "i32", "u8", "bool"};
static const bp__skey typed_keys[] = {
    {.name = "shape", .type = BP__S_INTS, .min = 1, .max = DIM_MAX, .n_min = 1,
     .n_max = 7, .doc = "of one sample"},
    {.name = "dtype", .type = BP__S_WORD, .words = dtype_words,
     .n_words = BP__ARRAY_LEN(dtype_words),
     .doc = "i32, u8, bool: whole numbers, as they are; float: train.dtype"},
};

static const bp__skey typed_key = {.name = "input", .type = BP__S_MAP,
                                   .keys = typed_keys,
                                   .n_keys = BP__ARRAY_LEN(typed_keys)};

static bp_dtype dtype_of(const char *word)
{
    return !strcmp(word, "i32")    ? BP_I32
           : !strcmp(word, "u8")   ? BP_U8
           : !strcmp(word, "bool") ? BP_BOOL
                                   : BP_F32;
}

static void add_input(bp__config *cfg, const char *name, const bp__ynode *dims,
                      const bp__ynode *dtype)
{
    int64_t d[BP_MAX_RANK];
    int rank = 0;
    size_t i = bp_model_input_count(cfg->model);
    for (const bp__ynode *n = dims->child; n && rank < 7; n = n->next)
        d[rank++] = bp__yaml_int(n);
    if (dtype && i < BP_NN_MAX_INPUTS)
        cfg->typed[i] = true;
    bp_model_input_typed(cfg->model, name,
                         dtype ? dtype_of(dtype->text) : BP_F32, rank, d);
}

/* {shape: [4], dtype: i32}, not two inputs of these names. */
static bool is_typed(const bp__ynode *raw)
{
    const bp__ynode *t = bp__yaml_get(raw, "dtype");
    return raw->kind == BP__Y_MAP && t && t->kind == BP__Y_SCALAR &&
           !bp__yaml_is_null(t) && t->text[strspn(t->text, "+-.")] > '9';
}

/* One input: [1, 28, 28], 784, or {shape: ..., dtype: ...}. */
static bp__ynode *read_one(bp__scheck *c, const char *path, const char *name,
                           bp__ynode *raw)
{
    if (is_typed(raw)) {
        bp__ynode *v = bp__schema_value(c, path, &typed_key, raw);
        const bp__ynode *shape = bp__yaml_get(v, "shape");
        const bp__ynode *dtype = bp__yaml_get(v, "dtype");
        const bp__ynode *given = bp__yaml_get(raw, "shape");
        if (shape && dtype && shape->n == given->n)
            add_input(c->user, name, shape, dtype);
        return v;
    }
    bp__ynode *v = bp__schema_value(c, path, &dims_key, raw);
    if (v && v->n == raw->n)
        add_input(c->user, name, v, NULL);
    return v;
}

static bp__ynode *read_named(bp__scheck *c, const char *path, bp__ynode *raw)
{
    bp__ynode *out = bp__yaml_new(c->d->arena, BP__Y_MAP, raw->at);
    if (!raw->n || raw->n > BP_NN_MAX_INPUTS)
        bp__diag_add(c->d, raw->at, "%s: expected 1 to %d inputs, got %zu",
                     path, BP_NN_MAX_INPUTS, raw->n);
    for (bp__ynode *m = raw->child; m; m = m->next) {
        const char *sub = bp__arena_printf(c->d->arena, "%s.%s", path, m->key);
        bp__yaml_append(out, m->key, m->key_at,
                        read_one(c, sub ? sub : path, m->key, m));
    }
    return out;
}

/* One input, or {name: [...], other: [...]}. */
bp__ynode *bp__read_input(bp__scheck *c, const char *path, bp__ynode *raw)
{
    bp__config *cfg = c->user;
    const char *word;
    for (size_t i = 0; (word = bp__source_input_word(i)); i++)
        if (raw->kind == BP__Y_SCALAR && !strcmp(raw->text, word)) {
            cfg->source.shapes_from_data = true;
            bp_model_input(cfg->model, "x", 1, (const int64_t[]){1});
            return bp__yaml_copy(c->d->arena, raw);
        }
    if (raw->kind == BP__Y_SCALAR &&
        raw->text[strspn(raw->text, "+-.")] > '9') {
        bp__diag_add(c->d, raw->at, "%s: expected %s, a whole number from 1 or "
                     "a list of them, got %s", path, bp__source_input_word(0),
                     raw->text);
        return NULL;
    }
    if (raw->kind == BP__Y_SCALAR && !bp__yaml_is_null(raw)) {
        bp__ynode *list = bp__yaml_new(c->d->arena, BP__Y_LIST, raw->at);
        bp__yaml_append(list, NULL, raw->at, bp__yaml_copy(c->d->arena, raw));
        raw = list; /* input: 784 */
    }
    if (!raw)
        return NULL;
    bp__ynode *v = raw->kind != BP__Y_MAP || is_typed(raw)
                       ? read_one(c, path, "x", raw)
                       : read_named(c, path, raw);
    if (raw->kind == BP__Y_MAP && bp_model_status(cfg->model))
        bp__diag_add(c->d, raw->at, "%s: %s", path,
                     bp_model_error(cfg->model));
    return v;
}

bp_status bp__config_type_inputs(bp__config *c, const bp__config_data *d,
                                 bp_error *err)
{
    const bp_data *any = NULL;
    bp_array x;
    for (int s = 0; s < BP__N_SPLITS; s++)
        any = any ? any : d->split[s];
    for (size_t i = 0; i < bp_model_input_count(c->model); i++) {
        if (c->typed[i] || c->source.shapes_from_data || !any || !bp_data_input(any, i, &x) ||
            !bp__is_whole(x.dtype))
            continue;
        /* They stay whole for a network that can be made of them. */
        bp_error why = {0};
        bp__model_set_dtype(c->model, i, BP_I32);
        bp_status st = bp__config_check_model(c, &why);
        if (st)
            bp__model_set_dtype(c->model, i, BP_F32);
        if (st == BP_ENOMEM)
            return bp__oom(err);
    }
    return BP_OK;
}
