/* The schema of a model file: one table. What a value must be stands here and
 * in nn's tables, nowhere else. */
#include "config/config.h"

#define WORDS(w) .words = (w), .n_words = BP__ARRAY_LEN(w)
#define KEYS(k) .keys = (k), .n_keys = BP__ARRAY_LEN(k)
#define LIMITS(lo, hi) .min = (lo), .max = (hi)
enum { DIM_MAX = 1 << 30, COUNT_MAX = 1 << 30 };
#define BIG 9007199254740992.0 /* 2^53: exact in a double */

/* ---- kinds of nn's tables --------------------------------------------- */

static bp__config *config_of(bp__scheck *c)
{
    return c->user;
}

/* Reads one kind and keeps its text where `to` points. */
static bp__ynode *read_text_kind(bp__scheck *c, bp_nn_table table,
                                 bp__ynode *raw, const char **to)
{
    bp__ynode *resolved;
    bp__config *cfg = config_of(c);
    bp__spec *s = bp__kind_read(c, table, &cfg->arena, raw, &resolved);
    bp__str t;
    if (!s)
        return NULL;
    bp__str_init(&t, &cfg->arena.a);
    bp__spec_print(&t, s);
    *to = t.failed ? NULL : bp__arena_strdup(&cfg->arena, t.s);
    bp__str_free(&t);
    return *to ? resolved : NULL;
}

static bp__ynode *read_loss(bp__scheck *c, const char *path, bp__ynode *raw)
{
    (void)path;
    return read_text_kind(c, BP_NN_LOSSES, raw, &config_of(c)->task.loss);
}

static bp__ynode *read_penalty(bp__scheck *c, const char *path, bp__ynode *raw)
{
    (void)path;
    return read_text_kind(c, BP_NN_PENALTIES, raw,
                          &config_of(c)->task.penalty);
}

static bp__ynode *read_optimizer(bp__scheck *c, const char *path,
                                 bp__ynode *raw)
{
    (void)path;
    return read_text_kind(c, BP_NN_OPTIMIZERS, raw,
                          &config_of(c)->task.optimizer);
}

static bp__ynode *read_init(bp__scheck *c, const char *path, bp__ynode *raw)
{
    bp_task *t = &config_of(c)->task;
    bool bias = !strcmp(path, "model.bias_init");
    return read_text_kind(c, BP_NN_INITS, raw, bias ? &t->bias_init : &t->init);
}

/* Their names, for train.monitor; no two may be alike. */
static void find_labels(bp__scheck *c, const char *path, bp__place at)
{
    bp__config *cfg = config_of(c);
    bp__spec **list;
    size_t n;
    bp_error err = {0};
    if (bp__spec_parse_list(&cfg->arena, BP_NN_METRICS, cfg->task.metrics,
                            &list, &n, &err) ||
        bp__metric_labels(&cfg->arena, list, n, cfg->metric, &err))
        bp__diag_add(c->d, at, "%s: %s", path, err.message);
}

static bp__ynode *read_metrics(bp__scheck *c, const char *path, bp__ynode *raw)
{
    bp__config *cfg = config_of(c);
    bp__arena *a = c->d->arena;
    bp__ynode *list = bp__yaml_new(a, BP__Y_LIST, raw->at);
    const char *all = NULL;
    bp__ynode one = *raw;
    bool bare = raw->kind != BP__Y_LIST; /* one metric without the list */
    one.next = NULL;
    if (!list)
        return NULL;
    if (raw->n > BP_MAX_METRICS) {
        bp__diag_add(c->d, raw->at, "%s: at most %d metrics, got %zu", path,
                     BP_MAX_METRICS, raw->n);
        return NULL;
    }
    cfg->n_metrics = 0;
    for (bp__ynode *n = bare ? &one : raw->child; n; n = n->next) {
        const char *text = NULL;
        bp__ynode *v = read_text_kind(c, BP_NN_METRICS, n, &text);
        if (!v)
            continue;
        bp__yaml_append(list, NULL, n->at, v);
        all = all ? bp__arena_printf(a, "%s, %s", all, text) : text;
        cfg->n_metrics++;
    }
    cfg->task.metrics = all;
    find_labels(c, path, raw->at);
    return list;
}

/* ---- the model --------------------------------------------------------- */

static bp__ynode *read_layers_key(bp__scheck *c, const char *path,
                                  bp__ynode *raw)
{
    bp__config *cfg = config_of(c);
    char what[120];
    if (raw->kind != BP__Y_LIST || !raw->n) {
        bp__diag_add(c->d, raw->at, "%s: expected a list of layers, got %s",
                     path, bp__yaml_what(raw, what));
        return NULL;
    }
    bp__ynode *list = bp__yaml_new(c->d->arena, BP__Y_LIST, raw->at);
    for (bp__ynode *n = raw->child; n; n = n->next) {
        bp__ynode *v;
        bp__spec *s = bp__kind_read(c, BP_NN_LAYERS,
                                    bp__model_arena(cfg->model), n, &v);
        if (!s)
            continue;
        bp__model_append(cfg->model, s);
        if (bp_model_status(cfg->model) && c->d->n == 0)
            bp__diag_add(c->d, n->at, "%s", bp_model_error(cfg->model));
        bp__yaml_append(list, NULL, n->at, v);
    }
    return list;
}

static const bp__skey model_keys[] = {
    {.name = "input", .type = BP__S_CUSTOM,
     .doc = "shape of one sample; a map names several inputs; {shape: ..., "
            "dtype: i32}: whole numbers; " BP__SOURCE_INPUT_DOC,
     .what = "a list of whole numbers from 1",
     .custom = bp__read_input},
    {.name = "init", .type = BP__S_CUSTOM,
     .doc = "initial weights of all layers; kaiming_normal unless given",
     .what = "an initializer", .fallback = "",
     .custom = read_init},
    {.name = "bias_init", .type = BP__S_CUSTOM,
     .doc = "initial biases; zeros unless given", .what = "an initializer", .fallback = "",
     .custom = read_init},
    {.name = "layers", .type = BP__S_CUSTOM,
     .doc = "each takes what the one before gives, or what its from names",
     .what = "a list of layers",
     .custom = read_layers_key},
};

/* ---- training ------------------------------------------------------------*/

static const char *const dtype_words[] = {"f32", "f64"};
static const bp__skey train_keys[] = {
    {.name = "epochs", .type = BP__S_INT, .fallback = "10",
     .doc = "passes over the training set",
     LIMITS(1, COUNT_MAX)},
    {.name = "batch", .type = BP__S_INT, .fallback = "64",
     .doc = "samples of a step",
     LIMITS(1, COUNT_MAX)},
    {.name = "seed", .type = BP__S_INT, .fallback = "1", LIMITS(0, BIG),
     .doc = "of initial weights, shuffling, dropout, augmentation"},
    {.name = "steps", .type = BP__S_INT, .fallback = "0", LIMITS(0, BIG),
     .doc = "ends training; 0: does not"},
    {.name = "shards", .type = BP__S_INT, .fallback = "1", LIMITS(1, 4096),
     .doc = "parts of a batch whose sums are added in a tree"},
    {.name = "dtype", .type = BP__S_WORD, .fallback = "f32",
     .doc = "f64 runs on the reference kernels",
     WORDS(dtype_words)},
    {.name = "monitor", .type = BP__S_TEXT, .fallback = "",
     .doc = "loss or a metric: says which epoch is the best; the first metric "
            "unless given"},
    {.name = "patience", .type = BP__S_INT, .fallback = "0",
     .doc = "ends after so many epochs without a better one; 0: does not",
     LIMITS(0, COUNT_MAX)},
    {.name = "target", .type = BP__S_NUMBER, .fallback = "",
     .doc = "ends once the monitored value is as good"},
    {.name = "init_from", .type = BP__S_CUSTOM, .fallback = "",
     .custom = bp__read_init_from,
     .what = "a run folder or a .safetensors file, or a map with path, weights "
             "(best or last), map, transpose, allow_missing, allow_extra and "
             "allow_shape",
     .doc = "weights to start from"},
    {.name = "freeze", .type = BP__S_TEXTS, .fallback = "",
     .doc = "patterns of parameters that stay as they are",
     .n_min = 1, .n_max = 1000},
    {.name = "init_hash", .type = BP__S_TEXT, .fallback = "",
     .doc = "of init_from's file; written by training"},
    {.name = "checkpoint_seconds", .type = BP__S_NUMBER, .fallback = "30",
     .doc = "between checkpoints; 0: only ends of epochs",
     LIMITS(0, 1e9)},
    {.name = "log_every", .type = BP__S_INT, .fallback = "0",
     .doc = "steps between records; 0: only ends of epochs",
     LIMITS(0, COUNT_MAX)},
    {.name = "tensorboard", .type = BP__S_BOOL, .fallback = "false",
     .doc = "writes an event file for TensorBoard into the run, too"},
};

static const bp__skey config_keys[] = {
    {.name = "name", .type = BP__S_TEXT,
     .doc = "what the run is called; the file's name unless given", .fallback = ""},
    {.name = "model", .type = BP__S_MAP, KEYS(model_keys)},
    {.name = "loss", .type = BP__S_CUSTOM, .custom = read_loss,
     .what = "a loss"},
    {.name = "metrics", .type = BP__S_CUSTOM, .fallback = "[]",
     .custom = read_metrics, .what = "a list of metrics"},
    {.name = "penalty", .type = BP__S_CUSTOM, .fallback = "",
     .what = "a penalty", .doc = "on the parameters",
     .custom = read_penalty},
    {.name = "optimizer", .type = BP__S_CUSTOM, .fallback = "adam",
     .what = "an optimizer",
     .custom = read_optimizer},
    {.name = "data", .type = BP__S_MAP, .fallback = "",
     .key_at = bp__data_key_at},
    {.name = "train", .type = BP__S_MAP, .fallback = "{}", KEYS(train_keys)},
};
const bp__skey bp__config_key = {.type = BP__S_MAP, KEYS(config_keys)};
