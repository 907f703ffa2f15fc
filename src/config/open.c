/* <bprop/config.h>: opening a model file or a run, and what it says. */
#include "config/config.h"

#include "train/train.h"

#include <bprop/config.h>

static bp_status open_run(const char *folder, const bp_config_options *o,
                          bp_config **c, bp_error *err)
{
    const bp_allocator *a = &bp__malloc_allocator;
    char *file = bp__path_join(a, folder, "config.yaml");
    bp_status st;
    if (!file)
        return bp__oom(err);
    if (bp__file_exists(NULL, file))
        st = bp__config_load(NULL, file, o->set, o->n_sets, c, err);
    else
        st = bp__error(err, BP_ENOTFOUND, "'%s' is not a run: it has no "
                       "config.yaml", folder);
    bp__strfree(a, file);
    if (!st && !((*c)->run = bp__arena_strdup(&(*c)->arena, folder)))
        st = bp__oom(err);
    return st;
}

bp_status bp_config_open(const char *path, const bp_config_options *options,
                         bp_config **c, bp_error *err)
{
    bp_config_options o;
    bp__fs_info info;
    *c = NULL;
    bp_status st = BP__OPTIONS(&o, options, bp_config_options, err);
    if (!st && !path)
        st = bp__error(err, BP_EARG, "bp_config_open needs a path");
    if (st)
        return st;
    if (!bp__file_stat(NULL, path, &info, NULL) && info.is_dir)
        return open_run(path, &o, c, err);
    return bp__config_load(NULL, path, o.set, o.n_sets, c, err);
}

bp_status bp_config_parse(const char *name, const char *text, size_t bytes,
                          const bp_config_options *options, bp_config **c,
                          bp_error *err)
{
    bp_config_options o;
    *c = NULL;
    bp_status st = BP__OPTIONS(&o, options, bp_config_options, err);
    if (!st && (!name || (!text && bytes)))
        st = bp__error(err, BP_EARG, "bp_config_parse needs a name and a "
                       "text");
    return st ? st : bp__config_parse(name, text, bytes, o.set, o.n_sets, c,
                                      err);
}

void bp_config_free(bp_config *c)
{
    bp__config_free(c);
}

const char *bp_config_problems(const bp_config *c)
{
    return c && c->problems.len ? c->problems.s : "";
}

/* ---- what it says -------------------------------------------------------- */

const char *bp_config_name(const bp_config *c)
{
    return c->name;
}

const char *bp_config_run(const bp_config *c)
{
    return c->run;
}

bool bp_config_has(const bp_config *c, const char *path)
{
    return bp__yaml_at(c->resolved, path) != NULL;
}

const char *bp_config_get(const bp_config *c, const char *path)
{
    const bp__ynode *n = bp__yaml_at(c->resolved, path);
    if (!n || n->kind == BP__Y_LIST)
        return NULL;
    if (n->kind == BP__Y_MAP)
        return n->child ? n->child->key : NULL;
    return n->text;
}

bp_status bp_config_print(const bp_config *c, bp_write_fn write, void *user)
{
    bp__str s;
    bp__str_init(&s, NULL);
    bp__config_print(c, &s);
    return bp__str_write(&s, write, user);
}

const char *bp_config_difference(bp_config *a, const bp_config *b)
{
    bp__str s;
    bp__str_init(&s, NULL);
    bp__config_difference(a, b, &s);
    const char *text = s.len ? bp__arena_strdup(&a->arena, s.s) : NULL;
    bool failed = s.failed || (s.len && !text);
    bp__str_free(&s);
    return failed ? "?" : text; /* never "no difference" for want of memory */
}

const bp_task *bp_config_task(const bp_config *c)
{
    return &c->task;
}

const bp_trainer_options *bp_config_trainer(const bp_config *c)
{
    return &c->train;
}

int bp_config_metric_count(const bp_config *c)
{
    return (int)c->n_metrics;
}

bp_status bp_config_set_dtype(bp_config *c, bp_dtype dtype, bp_error *err)
{
    if (dtype != BP_F32 && dtype != BP_F64)
        return bp__error(err, BP_EARG, "a task is of f32 or f64, not %s",
                         bp_dtype_name(dtype));
    if (c->task.target.dtype == c->task.dtype && c->task.target.rank)
        c->task.target.dtype = dtype;
    c->task.dtype = dtype;
    return BP_OK;
}

bool bp_config_classifies(const bp_config *c)
{
    const bp_task *t = &c->task;
    bp__arena ar;
    bp__spec *loss = NULL;
    bp_error err;
    bp__arena_init(&ar, NULL);
    bool head = !bp__spec_parse(&ar, BP_NN_LOSSES, t->loss, &loss, &err) &&
                loss->row->head == BP__HEAD_SOFTMAX;
    bp__arena_free(&ar);
    return head || (t->metrics && strstr(t->metrics, "accuracy"));
}

bp_status bp_config_assume_target(bp_config *c, bp_error *err)
{
    static const int64_t one[1] = {1}; /* class_weights: balanced are all 1 */
    bp_task *t = &c->task;
    bp__type out;
    if (!t->class_count) {
        t->class_count = one;
        t->n_class_counts = 1;
    }
    if (t->target.rank || t->target.dtype == BP_I32)
        return BP_OK; /* the data have said it */
    bp_store *s = bp_store_new(NULL);
    bp_status st = s ? bp__task_output(t, s, &bp__malloc_allocator, &out, err)
                     : bp__oom(err);
    bp_store_free(s);
    if (st)
        return st;
    t->n_train = t->n_train ? t->n_train : 10000; /* for l2(lambda) */
    if (bp_config_classifies(c)) {
        t->target.dtype = BP_I32; /* a class for each row of the last axis */
        t->target.rank = out.rank > 2 ? out.rank - 2 : 0;
        memcpy(t->target.dims, out.dims + 1,
               (size_t)t->target.rank * sizeof out.dims[0]);
        return BP_OK;
    }
    t->target.dtype = t->dtype;
    t->target.rank = out.rank - 1;
    memcpy(t->target.dims, out.dims + 1,
           (size_t)(out.rank - 1) * sizeof out.dims[0]);
    return BP_OK;
}

bp_status bp_config_check(bp_config *c, bp_error *err)
{
    return bp__config_check_model(c, err);
}

/* ---- keys ------------------------------------------------------------------ */

static void list_keys(const bp__skey *map, const char *path,
                      void (*fn)(void *user, const bp_key *key), void *user)
{
    const bp__skey *k;
    for (size_t i = 0; (k = bp__schema_key(map, i)); i++) {
        char name[160];
        bp__snprintf(name, sizeof name, "%s%s%s", path, *path ? "." : "",
                     k->name);
        bp_key key = {name, k->type == BP__S_MAP, k->type == BP__S_BOOL,
                      k->n_words, k->words};
        fn(user, &key);
        list_keys(k, name, fn, user);
    }
}

void bp_config_keys(void (*fn)(void *user, const bp_key *key), void *user)
{
    list_keys(&bp__config_key, "", fn, user);
}

bp_status bp_config_print_keys(bp_write_fn write, void *user)
{
    bp__str s;
    bp__str_init(&s, NULL);
    bp__schema_describe(&bp__config_key, "", &s);
    return bp__str_write(&s, write, user);
}
