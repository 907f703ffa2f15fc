/* Loading: file -> tree -> overrides -> checked tree -> task and options. */
#include "config/config.h"
#include "config/yaml.h"

/* Keys whose change does not make another run of it. */
static const char *const may_change[] = {
    "train.epochs", "train.checkpoint_seconds", "train.log_every",
    "train.tensorboard", "name", "train.init_hash",
};

static bool is_free(const char *path)
{
    bool data = !strncmp(path, "data.", 5);
    for (size_t i = 0; i < BP__ARRAY_LEN(may_change); i++)
        if (!strcmp(path, may_change[i]))
            return true;
    return data && bp__source_may_change(path + 5);
}

static bp__config *config_new(const char *file)
{
    const bp_allocator *a = &bp__malloc_allocator;
    bp__config *c = bp__calloc(a, 1, sizeof *c);
    if (!c)
        return NULL;
    bp__arena_init(&c->arena, a);
    bp__str_init(&c->problems, a);
    c->model = bp_model_new(a);
    const char *base = strrchr(file, '/');
    base = base ? base + 1 : file;
    size_t n = strlen(base);
    if (n > 5 && !strcmp(base + n - 5, ".yaml"))
        n -= 5;
    else if (n > 4 && !strcmp(base + n - 4, ".yml"))
        n -= 4;
    c->name = bp__arena_printf(&c->arena, "%.*s", (int)n, base);
    if (c->model && c->name)
        return c;
    bp__config_free(c);
    return NULL;
}

void bp__config_free(bp__config *c)
{
    if (!c)
        return;
    bp_model_free(c->model);
    for (size_t i = 0; i < BP_MAX_INPUTS; i++)
        bp_norm_free(c->norm[i]);
    bp__source_free(&c->source);
    bp__str_free(&c->problems);
    bp__arena_free(&c->arena);
    bp__free(&bp__malloc_allocator, c, sizeof *c);
}

/* ---- what the schema cannot say ---------------------------------------- */

static void check_monitor(bp__config *c, bp__diags *d)
{
    const bp__ynode *m = bp__yaml_at(c->resolved, "train.monitor");
    const char *names[BP_MAX_METRICS + 1];
    size_t n = 0;
    if (!m)
        return;
    names[n++] = "loss";
    for (size_t i = 0; i < c->n_metrics; i++)
        names[n++] = c->metric[i];
    for (size_t i = 0; i < n; i++)
        if (!strcmp(m->text, names[i]))
            return;
    char buf[BP__NEAR_BYTES];
    const char *near = bp__near_text(m->text, names, n, "' or '", buf);
    bp__diag_add(d, m->at, "train.monitor: '%s' is neither loss nor one of the "
                 "metrics%s%s%s", m->text, near ? " (did you mean '" : "",
                 near ? near : "", near ? "'?)" : "");
}

static void check_split(bp__config *c, bp__diags *d)
{
    static const char *const parts[] = {"valid", "test"};
    const bp__ynode *data = bp__yaml_get(c->resolved, "data");
    const bp__ynode *split = bp__yaml_at(c->resolved, "data.split");
    if (!split)
        return;
    double sum = 0;
    for (int i = 0; i < 2; i++) {
        const bp__ynode *share = bp__yaml_get(split, parts[i]);
        const bp__ynode *own = bp__yaml_get(data, parts[i]);
        double x = bp__yaml_number(share);
        sum += x;
        if (x > 0 && own)
            bp__diag_add(d, own->key_at, "data.%s and data.split.%s exclude "
                         "each other", parts[i], parts[i]);
    }
    const bp__ynode *folds = bp__yaml_get(split, "folds");
    const bp__ynode *fold = bp__yaml_get(split, "fold");
    if (folds && bp__yaml_get(data, "test"))
        bp__diag_add(d, folds->at, "data.test and data.split.folds exclude "
                     "each other");
    if (fold && (!folds || bp__yaml_int(fold) >= bp__yaml_int(folds)))
        bp__diag_add(d, fold->at, "data.split.fold must be less than "
                     "data.split.folds");
    if (!(sum < 1))
        bp__diag_add(d, split->at, "data.split: valid and test together must "
                     "leave something for training");
    if (!bp__yaml_get(data, "train"))
        bp__diag_add(d, split->at, "data.split needs data.train to take parts "
                     "from");
}

/* ---- tree -> structs ---------------------------------------------------- */

static void fill_train(bp__config *c)
{
    const bp__ynode *t = bp__yaml_get(c->resolved, "train");
    bp_trainer_options *o = &c->train;
    *o = (bp_trainer_options){.size = sizeof *o};
    o->epochs = bp__yaml_int(bp__yaml_get(t, "epochs"));
    o->batch = bp__yaml_int(bp__yaml_get(t, "batch"));
    o->steps = bp__yaml_int(bp__yaml_get(t, "steps"));
    o->shards = bp__yaml_int(bp__yaml_get(t, "shards"));
    o->monitor = bp__yaml_text(bp__yaml_get(t, "monitor"));
    o->patience = bp__yaml_int(bp__yaml_get(t, "patience"));
    o->has_target = bp__yaml_get(t, "target") != NULL;
    o->target = bp__yaml_number(bp__yaml_get(t, "target"));
    o->log_every = bp__yaml_int(bp__yaml_get(t, "log_every"));
    o->tensorboard = bp__yaml_bool(bp__yaml_get(t, "tensorboard"));
    o->checkpoint_seconds =
        bp__yaml_number(bp__yaml_get(t, "checkpoint_seconds"));
    if (!(o->checkpoint_seconds > 0))
        o->checkpoint_seconds = -1; /* 0 in the file: ends of epochs only */
    o->augment = c->source.augment;
    o->normalize = c->source.normalize;
    o->title = c->name;
}

/* The file's name, unless the file gives one: a run keeps it. */
static void fill_name(bp__config *c)
{
    bp__ynode *n = bp__yaml_get(c->resolved, "name");
    if (n) {
        c->name = n->text;
        return;
    }
    n = bp__yaml_scalar(&c->arena, c->resolved->at, false, c->name);
    if (!n)
        return;
    n->key = "name";
    n->key_at = n->at;
    n->next = c->resolved->child;
    c->resolved->child = n;
    c->resolved->n++;
}

static void fill_task(bp__config *c)
{
    const bp__ynode *t = bp__yaml_get(c->resolved, "train");
    c->task.size = sizeof c->task;
    c->task.model = c->model;
    c->task.seed = (uint64_t)bp__yaml_int(bp__yaml_get(t, "seed"));
    c->task.dtype =
        !strcmp(bp__yaml_text(bp__yaml_get(t, "dtype")), "f64") ? BP_F64
                                                                : BP_F32;
    for (int i = 0; i < BP__N_SPLITS; i++)
        c->has_data[i] = bp__source_has(&c->source, (bp_split)i);
}

bp_status bp__config_parse(const char *file, const char *text, size_t bytes,
                           const char *const *sets, size_t n_sets,
                           bp__config **config, bp_error *err)
{
    *config = NULL;
#ifndef BP__HAVE_YAML
    return bp__error(err, BP_EUNSUPPORTED, "'%s': model files are YAML, and "
                     "this library was built without libyaml (BPROP_YAML)",
                     file);
#endif
    bp__config *c = *config = config_new(file);
    if (!c)
        return bp__oom(err);
    bp__diags d;
    bp__diags_init(&d, &c->arena);
    file = bp__arena_strdup(&c->arena, file);
    bp__ynode *raw = file ? bp__yaml_parse(&d, file, text, bytes) : NULL;
    for (size_t i = 0; raw && i < n_sets; i++)
        bp__yaml_override(&d, raw, sets[i]);
    bp__scheck check = {&d, c};
    if (raw)
        c->resolved = bp__schema_map(&check, "", &bp__config_key, raw);
    if (c->resolved && !d.n) {
        check_monitor(c, &d);
        check_split(c, &d);
    }
    if (!d.n && c->resolved && bp_model_status(c->model))
        bp__diag_add(&d, c->resolved->at, "%s", bp_model_error(c->model));
    bp__diags_print(&d, &c->problems);
    if (c->arena.failed || c->problems.failed)
        return bp__oom(err);
    if (d.n || !c->resolved) {
        c->resolved = NULL;
        return bp__error(err, BP_EFORMAT, "%s", c->problems.s);
    }
    fill_name(c);
    bp_status st = bp__source_init(&c->source, &c->arena,
                                   bp__yaml_get(c->resolved, "data"),
                                   bp__yaml_get(raw, "data"), err);
    if (!st)
        st = bp__source_set_input(&c->source, c->model, err);
    fill_task(c);
    fill_train(c);
    if (!st)
        st = bp__config_name_classes(c, err);
    if (!st)
        st = bp__config_start(c, err);
    return st ? st : bp__config_freeze(c, err);
}

bp_status bp__config_load(const bp__fs *fs, const char *path,
                          const char *const *sets, size_t n_sets,
                          bp__config **c, bp_error *err)
{
    bp__file_data f;
    *c = NULL;
    bp_status st = bp__file_read(fs, &bp__malloc_allocator, path, false,
                                 1 << 24, &f, err);
    if (st)
        return st;
    st = bp__config_parse(path, (const char *)f.data, f.bytes, sets, n_sets, c,
                          err);
    bp__file_free(&bp__malloc_allocator, &f);
    return st;
}

void bp__config_print(const bp__config *c, bp__str *out)
{
    bp__yaml_print(c->resolved, out);
}

bp_status bp__config_check_model(bp__config *c, bp_error *err)
{
    bp_store *s = bp_store_new(NULL);
    bp_trace_options o = {.size = sizeof o, .rows = 2};
    bp_traced traced = {0};
    bp_graph *g = s ? bp_task_graph(&c->task, s, BP_TASK_PREDICT, &o, NULL,
                                    &traced)
                    : NULL;
    bp__optimizer_check_groups(traced.nn, c->task.optimizer);
    bp_status st = bp_graph_status(g);
    if (st)
        bp__error(err, st, "%s", g ? bp_graph_error(g) : "out of memory");
    bp_nn_free(traced.nn);
    bp_graph_free(g);
    bp_store_free(s);
    return st;
}

/* ---- differences -------------------------------------------------------- */

static bool same_tree(const bp__ynode *a, const bp__ynode *b)
{
    if (!a || !b)
        return a == b;
    if (a->kind != b->kind || a->n != b->n || strcmp(a->text, b->text))
        return false;
    const bp__ynode *q = b->child;
    for (const bp__ynode *p = a->child; p; p = p->next, q = q->next)
        if ((p->key && strcmp(p->key, q->key)) || !same_tree(p, q))
            return false;
    return true;
}

/* Compares the members of two maps, a level deeper for `data` and `train`. */
static void add_differences(const bp__ynode *a, const bp__ynode *b,
                            const char *path, bp__str *out)
{
    for (int side = 0; side < 2; side++) {
        const bp__ynode *from = side ? b : a, *other = side ? a : b;
        for (const bp__ynode *p = from ? from->child : NULL; p; p = p->next) {
            const bp__ynode *q = bp__yaml_get(other, p->key);
            char name[200];
            bool skip = side && q; /* told already */
            bp__snprintf(name, sizeof name, "%s%s%s", path, *path ? "." : "",
                         p->key);
            if (skip || is_free(name) || same_tree(p, q))
                continue;
            if (!*path && p->kind == BP__Y_MAP && q &&
                q->kind == BP__Y_MAP)
                add_differences(p, q, name, out);
            else
                bp__str_printf(out, "%s%s", out->len ? ", " : "", name);
        }
    }
}

void bp__config_difference(const bp__config *a, const bp__config *b,
                           bp__str *out)
{
    add_differences(a->resolved, b->resolved, "", out);
}
