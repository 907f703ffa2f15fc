/* Descriptions: a list of layers, walked by one function that knows rows only.
 * Names live in environments, one for each list: a layer may name what came
 * before it in its own list or in one around it. */
#include "nn/nn.h"

#include <bprop/ops.h>

typedef struct model_input {
    const char *name;
    bp_dtype dtype; /* i32, u8, bool; else the task's */
    int rank;
    int64_t dims[BP_MAX_RANK];
    const bp__model_table *table; /* of its last n_tables numbers */
    size_t n_tables;
} model_input;

struct bp_model {
    bp_allocator a;
    bp__arena arena;
    bp_status status;
    char error[2000];
    model_input input[BP_NN_MAX_INPUTS];
    size_t n_inputs;
    bp__spec **layers;
    size_t n_layers, cap_layers;
};

bp_model *bp_model_new(const bp_allocator *a)
{
    if (!a)
        a = &bp__malloc_allocator;
    bp_model *m = bp__calloc(a, 1, sizeof *m);
    if (!m)
        return NULL;
    m->a = *a;
    bp__arena_init(&m->arena, a);
    return m;
}

void bp_model_free(bp_model *m)
{
    if (!m)
        return;
    bp_allocator a = m->a;
    bp__arena_free(&m->arena);
    bp__free(&a, m->layers, m->cap_layers * sizeof *m->layers);
    bp__free(&a, m, sizeof *m);
}

bp_status bp_model_status(const bp_model *m)
{
    return m ? m->status : BP_ENOMEM;
}

const char *bp_model_error(const bp_model *m)
{
    return m ? m->error : "out of memory";
}

static void fail_model(bp_model *m, bp_status s, const char *format, ...)
    BP__PRINTF(3, 4);
static void fail_model(bp_model *m, bp_status s, const char *format, ...)
{
    if (m->status != BP_OK)
        return;
    m->status = s;
    va_list ap;
    va_start(ap, format);
    bp__vsnprintf(m->error, sizeof m->error, format, ap);
    va_end(ap);
}

void bp_model_input(bp_model *m, const char *name, int rank,
                    const int64_t *dims)
{
    bp_model_input_typed(m, name, BP_F32, rank, dims);
}

void bp_model_input_typed(bp_model *m, const char *name, bp_dtype dtype,
                          int rank, const int64_t *dims)
{
    if (bp_model_status(m) != BP_OK)
        return;
    const char *bad = name ? bp__bad_name(name) : "is missing";
    for (size_t i = 0; !bad && i < m->n_inputs; i++)
        if (strcmp(m->input[i].name, name) == 0)
            bad = "is given twice";
    if (bad) {
        fail_model(m, BP_EARG, "the input's name \"%.60s\" %s",
                   name ? name : "", bad);
        return;
    }
    if ((unsigned)dtype >= BP_N_DTYPES) {
        fail_model(m, BP_EDTYPE, "input \"%s\": unknown type %d", name,
                   (int)dtype);
        return;
    }
    if (m->n_inputs == BP_NN_MAX_INPUTS || rank < 0 || rank >= BP_MAX_RANK) {
        fail_model(m, BP_ELIMIT, "input \"%s\": at most %d inputs of rank 0 "
                   "to %d", name, BP_NN_MAX_INPUTS, BP_MAX_RANK - 1);
        return;
    }
    model_input *in = &m->input[m->n_inputs];
    in->name = bp__arena_strdup(&m->arena, name);
    in->dtype = dtype;
    in->rank = rank;
    for (int i = 0; i < rank; i++) {
        in->dims[i] = dims[i];
        if (dims[i] < 1 || dims[i] > INT32_MAX) {
            fail_model(m, BP_ESHAPE, "input \"%s\": size %lld of axis %d, "
                       "must be at least 1", name, (long long)dims[i], i);
            return;
        }
    }
    if (!in->name)
        fail_model(m, BP_ENOMEM, "out of memory");
    else
        m->n_inputs++;
}

void bp__model_set_dims(bp_model *m, size_t i, int rank, const int64_t *dims)
{
    if (i >= m->n_inputs)
        return;
    m->input[i].rank = rank;
    memcpy(m->input[i].dims, dims, (size_t)rank * sizeof *dims);
}

void bp__model_set_dtype(bp_model *m, size_t i, bp_dtype dtype)
{
    if (i < m->n_inputs)
        m->input[i].dtype = dtype;
}

void bp__model_embed(bp_model *m, size_t i, size_t n,
                     const bp__model_table *tables)
{
    if (i >= m->n_inputs)
        return;
    m->input[i].table = tables;
    m->input[i].n_tables = n;
}

size_t bp_model_input_count(const bp_model *m)
{
    return m ? m->n_inputs : 0;
}

bool bp__model_input(const bp_model *m, size_t i, bp_nn_io *io)
{
    if (!m || i >= m->n_inputs)
        return false;
    const model_input *in = &m->input[i];
    *io = (bp_nn_io){.name = in->name, .dtype = in->dtype, .rank = in->rank};
    memcpy(io->dims, in->dims, sizeof in->dims);
    return true;
}

bp__arena *bp__model_arena(bp_model *m)
{
    return &m->arena;
}

bool bp__model_append(bp_model *m, bp__spec *layer)
{
    if (!bp__grow(&m->a, &m->layers, &m->cap_layers, m->n_layers + 1,
                  sizeof *m->layers)) {
        fail_model(m, BP_ENOMEM, "out of memory");
        return false;
    }
    m->layers[m->n_layers++] = layer;
    return true;
}

size_t bp__model_layer_count(const bp_model *m)
{
    return m ? m->n_layers : 0;
}

const bp__spec *bp__model_layer(const bp_model *m, size_t i)
{
    return m && i < m->n_layers ? m->layers[i] : NULL;
}

void bp_model_add(bp_model *m, const char *layers)
{
    if (bp_model_status(m) != BP_OK)
        return;
    bp_error err = {0};
    bp__spec **list;
    size_t n;
    if (bp__spec_parse_list(&m->arena, BP_NN_LAYERS, layers, &list, &n,
                            &err) != BP_OK) {
        fail_model(m, err.status, "%s", err.message);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (!bp__model_append(m, list[i]))
            return;
}

/* ---- walking ---- */

typedef struct env_entry {
    const char *name;
    bp_val val;
} env_entry;

struct bp__nn_env {
    bp__nn_env *up;
    env_entry *entries;
    size_t n;
};

static bp_val env_find(const bp__nn_env *e, const char *name)
{
    for (; e; e = e->up)
        for (size_t i = e->n; i-- > 0;)
            if (strcmp(e->entries[i].name, name) == 0)
                return e->entries[i].val;
    return BP_NIL;
}

/* "a, b, c": what `from` may say here. */
static void env_list(const bp__nn_env *e, char *buf, size_t bytes)
{
    size_t len = 0;
    buf[0] = '\0';
    for (; e; e = e->up)
        for (size_t i = 0; i < e->n && len + 70 < bytes; i++)
            len += (size_t)bp__snprintf(buf + len, bytes - len, "%s%s",
                                        len ? ", " : "", e->entries[i].name);
}

static void env_nearest(const bp__nn_env *e, const char *name,
                        const char **near)
{
    int best = 3;
    for (; e; e = e->up)
        for (size_t i = 0; i < e->n; i++) {
            int d = bp__edit_distance(name, e->entries[i].name);
            if (d < best) {
                best = d;
                *near = e->entries[i].name;
            }
        }
}

static void unknown_source(bp_nn *nn, const bp__spec *s, const char *name)
{
    char list[600];
    const char *near = NULL;
    env_list(nn->env, list, sizeof list);
    env_nearest(nn->env, name, &near);
    if (near)
        bp__nn_fail(nn, BP_ENOTFOUND, "%s: from \"%.60s\": no such layer or "
                    "input before it: did you mean %s?", s->row->name, name,
                    near);
    else
        bp__nn_fail(nn, BP_ENOTFOUND, "%s: from \"%.60s\": no such layer or "
                    "input before it%s%s", s->row->name, name,
                    list[0] ? ": there are " : "", list);
}

/* The layer's inputs: those that it names, or the one before it. */
static const bp_val *layer_inputs(bp_nn *nn, const bp__spec *s, bp_val x,
                                  size_t *n)
{
    *n = s->n_from ? s->n_from : 1;
    bp_val *in = bp__arena_array(&nn->arena, *n, sizeof *in);
    if (!in) {
        bp__nn_fail(nn, BP_ENOMEM, "out of memory");
        return NULL;
    }
    in[0] = x;
    for (size_t i = 0; i < s->n_from; i++) {
        in[i] = env_find(nn->env, s->from[i]);
        if (bp_is_nil(in[i]))
            unknown_source(nn, s, s->from[i]);
    }
    return bp__nn_ok(nn) ? in : NULL;
}

/* Puts "model.yaml:7:5: " before the graph's error, once. */
static void locate_error(bp_nn *nn, const bp__spec *s)
{
    char text[sizeof nn->g->error_buf];
    if (bp__ok(nn->g) || nn->located || !s->where)
        return;
    nn->located = true;
    bp__snprintf(text, sizeof text, "%s: %s", s->where, nn->g->error);
    memcpy(nn->g->error_buf, text, sizeof text);
}

static bp_val walk_layer(bp_nn *nn, const bp__spec *s, bp_val x)
{
    size_t n = 0;
    const bp_val *in = layer_inputs(nn, s, x, &n);
    if (in && s->row->n_inputs == 1 && n != 1) {
        bp__nn_fail(nn, BP_EARG, "%s takes one input, not %zu", s->row->name,
                    n);
        in = NULL;
    }
    if (in && s->name)
        bp_nn_name(nn, s->name);
    bp_val y = in && bp__nn_ok(nn)
                   ? s->row->build.layer(nn, s, (int)n, in) : BP_NIL;
    locate_error(nn, s);
    return y;
}

bp_val bp__nn_walk(bp_nn *nn, bp__spec *const *layers, size_t n, bp_val x)
{
    if (!bp__nn_ok(nn))
        return BP_NIL;
    bp__nn_env env = {.up = nn->env};
    env.entries = bp__arena_array(&nn->arena, n + 1, sizeof *env.entries);
    if (!env.entries)
        return bp__nn_fail(nn, BP_ENOMEM, "out of memory");
    nn->env = &env;
    for (size_t i = 0; i < n && bp__nn_ok(nn); i++) {
        x = walk_layer(nn, layers[i], x);
        if (layers[i]->name)
            env.entries[env.n++] = (env_entry){layers[i]->name, x};
    }
    nn->env = env.up;
    return bp__nn_ok(nn) ? x : BP_NIL;
}

bp_val bp_nn_layer(bp_nn *nn, bp_val x, const char *layer)
{
    const bp__spec *s = bp__nn_ok(nn) ? bp__nn_parse(nn, BP_NN_LAYERS, layer)
                                      : NULL;
    return s ? walk_layer(nn, s, x) : BP_NIL;
}

/* The input is a sample's dims, with a batch axis in front. */
static bool input_fits(bp_nn *nn, const model_input *in, bp_val x)
{
    char t[200], want[200];
    const bp__type *xt = bp__type_of(nn->g, x);
    bp__type sample = bp__make_type((bp_dtype)xt->dtype, in->rank, in->dims);
    bool ok = bp__value_of(nn->g, x) && xt->rank == in->rank + 1;
    for (int i = 0; ok && i < in->rank; i++)
        ok = xt->dims[i + 1] == in->dims[i];
    if (!ok)
        bp__nn_fail(nn, BP_ESHAPE, "the model's input \"%s\" is %s a sample, "
                    "but the batch is %s", in->name,
                    bp__type_text(&sample, want), bp__type_text(xt, t));
    return ok;
}

/* x [N,width] -> [N,n] from column `first` on. */
static bp_val columns_of(bp_graph *g, bp_val x, int64_t first, int64_t n)
{
    const int64_t start[2] = {0, first};
    const int64_t stop[2] = {bp_val_dim(g, x, 0), first + n};
    return bp_slice(g, x, start, stop, NULL);
}

/* Looks up what stands for row numbers. The layers' own numbers start at 0
 * all the same. */
static bp_val embed_input(bp_nn *nn, const model_input *in, bp_val x)
{
    int64_t next = nn->block->next, rows = bp_val_dim(nn->g, x, 0);
    int64_t width = in->dims[0] - (int64_t)in->n_tables;
    int n = 0;
    if (!in->n_tables)
        return x;
    bp_val *part = bp__arena_array(&nn->arena, in->n_tables + 1, sizeof *part);
    if (!part)
        return bp__nn_fail(nn, BP_ENOMEM, "out of memory");
    if (width)
        part[n++] = columns_of(nn->g, x, 0, width);
    bp_nn_name(nn, "columns");
    bp_nn_push(nn);
    for (size_t i = 0; i < in->n_tables && bp__nn_ok(nn); i++) {
        bp_val k = columns_of(nn->g, x, width + (int64_t)i, 1);
        part[n++] = bp__nn_look_up(nn, bp_reshape(nn->g, k, 1, &rows),
                                   in->table[i].rows, in->table[i].dim);
    }
    bp_nn_pop(nn);
    nn->block->next = next;
    return bp_concat(nn->g, n, part, 1);
}

bp_val bp_nn_model(bp_nn *nn, const bp_model *m, size_t n, const bp_val *x)
{
    if (!bp__nn_ok(nn))
        return BP_NIL;
    if (bp_model_status(m) != BP_OK)
        return bp__nn_fail(nn, bp_model_status(m), "%s", bp_model_error(m));
    if (n < 1 || (m->n_inputs && n != m->n_inputs))
        return bp__nn_fail(nn, BP_EARG, "the model has %zu inputs, not %zu",
                           m->n_inputs, n);
    bp__nn_env env = {.up = NULL};
    env_entry entries[BP_NN_MAX_INPUTS];
    bp_val in[BP_NN_MAX_INPUTS] = {x[0]};
    env.entries = entries;
    for (size_t i = 0; i < m->n_inputs; i++) {
        if (!input_fits(nn, &m->input[i], x[i]))
            return BP_NIL;
        in[i] = embed_input(nn, &m->input[i], x[i]);
        entries[env.n++] = (env_entry){m->input[i].name, in[i]};
    }
    bp__nn_env *up = nn->env;
    nn->env = &env;
    bp_val y = bp__nn_walk(nn, m->layers, m->n_layers, in[0]);
    nn->env = up;
    return y;
}
