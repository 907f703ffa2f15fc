/* The tracing context: numbers and names of layers, variables, what is
 * committed at the end of a step. Knows no layer by name. */
#include "nn/nn.h"

#include <stdio.h>

static void nn_oom(bp_nn *nn)
{
    bp_graph_fail(nn->g, BP_ENOMEM, "out of memory");
}

bp_val bp__nn_fail(bp_nn *nn, bp_status s, const char *format, ...)
{
    char text[1500];
    va_list ap;
    va_start(ap, format);
    bp__vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    bp_graph_fail(nn->g, s, "%s", text);
    return BP_NIL;
}

static bool has_prefix(const bp_nn *nn)
{
    return nn->prefix[0] != '\0';
}

/* "a.b", or the one that is not empty. */
static const char *join_path(bp_nn *nn, const char *a, const char *b)
{
    const char *s = bp__arena_printf(&nn->arena, "%s%s%s", a,
                                     a[0] && b[0] ? "." : "", b);
    if (!s)
        nn_oom(nn);
    return s ? s : "";
}

static bp__nn_block *new_block(bp_nn *nn, const char *path)
{
    bp__nn_block *b = bp__arena_alloc(&nn->arena, sizeof *b);
    if (!b) {
        nn_oom(nn);
        return NULL;
    }
    b->up = nn->block;
    b->path = path;
    b->layer = -1;
    return b;
}

const bp__spec *bp__nn_parse(bp_nn *nn, bp_nn_table table, const char *text)
{
    bp__spec *spec = NULL;
    bp_error err = {0};
    if (bp__nn_ok(nn) &&
        bp__spec_parse(&nn->arena, table, text, &spec, &err) != BP_OK)
        bp_graph_fail(nn->g, err.status, "%s", err.message);
    return spec;
}

static void set_options(bp_nn *nn, const bp_nn_options *o)
{
    bp_nn_options all;
    bp_error err = {0};
    if (BP__OPTIONS(&all, o, bp_nn_options, &err)) {
        bp_graph_fail(nn->g, err.status, "%s", err.message);
        all = (bp_nn_options){0};
    }
    if (all.dtype != BP_F32 && all.dtype != BP_F64)
        bp_graph_fail(nn->g, BP_EDTYPE, "parameters are f32 or f64, not %s",
                      bp_dtype_name(all.dtype));
    nn->dtype = all.dtype;
    nn->training = all.training;
    nn->seed = all.seed;
    nn->prefix = "";
    if (all.prefix && all.prefix[0]) {
        const char *bad = bp__bad_name(all.prefix);
        if (bad)
            bp_graph_fail(nn->g, BP_EARG, "the prefix \"%.60s\" %s",
                          all.prefix, bad);
        nn->prefix = join_path(nn, all.prefix, "");
    }
    const char *init = all.init ? all.init : "kaiming_normal";
    nn->init = bp__nn_parse(nn, BP_NN_INITS, init);
    if (all.bias_init)
        nn->bias_init = bp__nn_parse(nn, BP_NN_INITS, all.bias_init);
    else if (nn->init && strcmp(nn->init->row->name, "torch") == 0)
        nn->bias_init = nn->init;
    nn->optimizer_text = all.optimizer;
    if (all.optimizer)
        nn->optimizer = bp__nn_parse(nn, BP_NN_OPTIMIZERS, all.optimizer);
    if (nn->optimizer && nn->training)
        nn->point = nn->optimizer->row->point;
}

bp__nn_shared *bp__nn_shared_new(const bp_allocator *a, const char *step)
{
    bp__nn_shared *sh = bp__calloc(a, 1, sizeof *sh);
    if (!sh)
        return NULL;
    sh->a = *a;
    sh->refs = 1;
    bp__arena_init(&sh->arena, &sh->a);
    sh->moments = "";
    sh->step = bp__arena_strdup(&sh->arena, step ? step : "");
    if (sh->step)
        return sh;
    bp__nn_shared_free(sh);
    return NULL;
}

bp__nn_shared *bp__nn_shared_retain(bp__nn_shared *sh)
{
    sh->refs++;
    return sh;
}

void bp__nn_shared_free(bp__nn_shared *sh)
{
    if (!sh || --sh->refs)
        return;
    bp_allocator a = sh->a;
    bp__free(&a, sh->vars, sh->cap_vars * sizeof *sh->vars);
    bp__free(&a, sh->of_store, sh->cap_of_store * sizeof *sh->of_store);
    bp__free(&a, sh->params.list, sh->params.cap * sizeof *sh->params.list);
    bp__arena_free(&sh->arena);
    bp__free(&a, sh, sizeof *sh);
}

bp_nn *bp__nn_new(bp_graph *g, bp_store *s, const bp_nn_options *options,
                  bp__nn_shared *shared)
{
    bp_nn *nn = bp__calloc(&g->a, 1, sizeof *nn);
    if (!nn || !s) {
        bp__free(&g->a, nn, sizeof *nn);
        bp__nn_shared_free(shared);
        bp_graph_fail(g, BP_ENOMEM, "out of memory");
        return NULL;
    }
    nn->a = g->a;
    nn->g = g;
    nn->s = s;
    nn->sh = shared;
    bp__arena_init(&nn->arena, &g->a);
    set_options(nn, options);
    if (!nn->sh) {
        nn->all = true;
        nn->sh = bp__nn_shared_new(&g->a, nn->prefix);
        if (!nn->sh)
            nn_oom(nn);
    }
    nn->block = new_block(nn, nn->prefix);
    if (!bp__ok(g)) {
        bp_nn_free(nn);
        return NULL;
    }
    return nn;
}

bp_nn *bp_nn_new(bp_graph *g, bp_store *s, const bp_nn_options *options)
{
    return g ? bp__nn_new(g, s, options, NULL) : NULL;
}

void bp__nn_rewind(bp_nn *nn)
{
    bp__nn_block *b = bp__nn_ok(nn) ? new_block(nn, nn->prefix) : NULL;
    if (!b)
        return;
    b->up = NULL;
    nn->block = b;
    nn->env = NULL;
    nn->members = NULL;
    nn->n_members = 0;
}

void bp_nn_free(bp_nn *nn)
{
    if (!nn)
        return;
    bp_allocator a = nn->a;
    bp__nn_shared_free(nn->sh);
    bp__free(&a, nn->params.list, nn->params.cap * sizeof *nn->params.list);
    bp__free(&a, nn->layers, nn->cap_layers * sizeof *nn->layers);
    bp__free(&a, nn->traces, nn->cap_traces * sizeof *nn->traces);
    bp__arena_free(&nn->arena);
    bp__free(&a, nn, sizeof *nn);
}

bp_graph *bp_nn_graph(const bp_nn *nn)
{
    return nn ? nn->g : NULL;
}

bp_store *bp_nn_store(const bp_nn *nn)
{
    return nn ? nn->s : NULL;
}

bp_dtype bp_nn_dtype(const bp_nn *nn)
{
    return nn ? nn->dtype : BP_F32;
}

bool bp_nn_training(const bp_nn *nn)
{
    return nn && nn->training;
}

bp_val bp_nn_input(const bp_nn *nn, size_t i)
{
    return nn && i < nn->n_inputs ? nn->inputs[i] : BP_NIL;
}

/* ---- names ---- */

static bool reserved_name(const bp_nn *nn, const char *name)
{
    return !nn->block->up && !has_prefix(nn) &&
           (strcmp(name, "optim") == 0 || strcmp(name, "trainer") == 0);
}

void bp_nn_name(bp_nn *nn, const char *name)
{
    if (!bp__nn_ok(nn))
        return;
    const char *bad = name ? bp__bad_name(name) : "is missing";
    if (!bad && reserved_name(nn, name))
        bad = "is reserved";
    bp__nn_block *b = nn->block;
    for (size_t i = 0; !bad && i < b->n_used; i++)
        if (strcmp(b->used[i], name) == 0)
            bad = "is used twice in one block";
    if (bad) {
        bp_graph_fail(nn->g, BP_EARG, "the layer's name \"%.60s\" %s",
                      name ? name : "", bad);
        return;
    }
    if (b->n_used == b->cap_used) {
        size_t cap = b->cap_used ? 2 * b->cap_used : 4;
        const char **used = bp__arena_array(&nn->arena, cap, sizeof *used);
        if (used && b->n_used)
            memcpy(used, b->used, b->n_used * sizeof *used);
        if (used) {
            b->used = used;
            b->cap_used = cap;
        }
    }
    nn->next_name = bp__arena_strdup(&nn->arena, name);
    if (!nn->next_name || b->n_used == b->cap_used) {
        nn_oom(nn);
        return;
    }
    b->used[b->n_used++] = nn->next_name;
}

void bp__block_push(bp_nn *nn, const char *name)
{
    bp__nn_block *b = bp__nn_ok(nn)
                          ? new_block(nn, join_path(nn, nn->block->path, name))
                          : NULL;
    if (!b)
        return;
    b->layer = nn->block->layer;
    nn->block = b;
    bp_scope_push(nn->g, name);
}

void bp__block_pop(bp_nn *nn)
{
    if (!nn || !nn->block->up)
        return;
    nn->block = nn->block->up;
    bp_scope_pop(nn->g);
}

/* Enters the next entry; kind NULL: a plain block. */
static bool enter_entry(bp_nn *nn, const char *kind)
{
    char number[24], scope[200];
    bp__snprintf(number, sizeof number, "%lld", (long long)nn->block->next++);
    const char *entry = nn->next_name ? nn->next_name : number;
    bp__nn_block *b = new_block(nn, join_path(nn, nn->block->path, entry));
    if (!b)
        return false;
    bp__snprintf(scope, sizeof scope, "%s%s%s", entry, kind ? "." : "",
                 kind ? kind : "");
    nn->next_name = NULL;
    nn->block = b;
    bp_scope_push(nn->g, scope);
    return bp__ok(nn->g);
}

void bp_nn_push(bp_nn *nn)
{
    if (bp__nn_ok(nn))
        enter_entry(nn, NULL);
}

void bp_nn_pop(bp_nn *nn)
{
    if (!bp__nn_ok(nn))
        return;
    if (!nn->block->up || nn->block->layer >= 0)
        bp_graph_fail(nn->g, BP_EARG, "bp_nn_pop without bp_nn_push");
    else
        bp__block_pop(nn);
}

/* ---- layers ---- */

static bool check_layer_input(bp_nn *nn, bp_val x, bool any)
{
    char t[200];
    const bp__value *v = bp__value_of(nn->g, x);
    bool whole = any && v && !bp__is_float((bp_dtype)v->type.dtype);
    if (!v)
        bp_graph_fail(nn->g, BP_EARG, "its input is %s", bp_is_nil(x)
                      ? "BP_NIL" : "a value of another graph");
    else if (v->type.dtype != nn->dtype && !whole)
        bp_graph_fail(nn->g, BP_EDTYPE, "its input is %s, the network's type "
                      "is %s", bp__type_text(&v->type, t),
                      bp_dtype_name(nn->dtype));
    return bp__ok(nn->g);
}

static bool begin_layer(bp_nn *nn, const char *kind, bp_val x, bool any)
{
    if (!bp__nn_ok(nn) || !enter_entry(nn, kind))
        return false;
    if (!bp__grow(&nn->a, &nn->layers, &nn->cap_layers, nn->n_layers + 1,
                  sizeof *nn->layers) ||
        !bp__grow(&nn->a, &nn->traces, &nn->cap_traces, nn->n_layers + 1,
                  sizeof *nn->traces)) {
        nn_oom(nn);
        return false;
    }
    nn->block->layer = (int64_t)nn->n_layers;
    nn->traces[nn->n_layers] =
        (bp__layer_trace){.in = x, .lo = nn->g->n_nodes};
    nn->layers[nn->n_layers++] = (bp_nn_layer_info){
        .path = nn->block->path, .kind = kind, .depth = nn->depth++};
    return check_layer_input(nn, x, any);
}

bool bp__layer_begin(bp_nn *nn, const char *kind, bp_val x)
{
    return begin_layer(nn, kind, x, false);
}

bool bp__layer_begin_any(bp_nn *nn, const char *kind, bp_val x)
{
    return begin_layer(nn, kind, x, true);
}

static void keep_scaled(bp_nn *nn, bp_val out)
{
    const bp__nn_block *b = nn->block;
    if (!b->scaled)
        return;
    bp__nn_scaled *k = bp__arena_alloc(&nn->arena, sizeof *k);
    if (!k) {
        nn_oom(nn);
        return;
    }
    *k = (bp__nn_scaled){b->scaled, b->scaled_by, out, NULL};
    if (nn->last_scaled)
        nn->last_scaled->next = k;
    else
        nn->scaled = k;
    nn->last_scaled = k;
}

bp_val bp__layer_end(bp_nn *nn, bp_val out)
{
    nn->depth--;
    if (!bp__ok(nn->g))
        return BP_NIL;
    const bp__type *t = bp__type_of(nn->g, out);
    bp_nn_layer_info *info = &nn->layers[nn->block->layer];
    info->rank = t->rank;
    memcpy(info->dims, t->dims, sizeof info->dims);
    keep_scaled(nn, out);
    nn->traces[nn->block->layer].out = out;
    nn->traces[nn->block->layer].hi = nn->g->n_nodes;
    bp__block_pop(nn);
    return out;
}

void bp__layer_macs(bp_nn *nn, double multiply_adds)
{
    if (bp__nn_ok(nn) && nn->block->layer >= 0)
        nn->layers[nn->block->layer].multiply_adds += multiply_adds;
}

size_t bp_nn_layer_count(const bp_nn *nn)
{
    return nn ? nn->n_layers : 0;
}

bool bp_nn_layer_get(const bp_nn *nn, size_t i, bp_nn_layer_info *info)
{
    if (!nn || i >= nn->n_layers)
        return false;
    *info = nn->layers[i];
    return true;
}

const bp__layer_trace *bp__nn_layer_trace(const bp_nn *nn, size_t i)
{
    return nn && i < nn->n_layers ? &nn->traces[i] : NULL;
}
