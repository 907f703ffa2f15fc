/* Columns that training learned <-> data.columns of the run's configuration. */
#include "source/tables.h"

#include "nn/nn.h"

bp_status bp__columns_embed(const bp__columns *k, bp_model *m, int64_t dim,
                            bp_error *err)
{
    if (!k->n_embedded)
        return BP_OK;
    bp__model_table *t = bp__arena_array(bp__model_arena(m),
                                         (size_t)k->n_embedded, sizeof *t);
    if (!t)
        return bp__oom(err);
    for (int i = 0, n = 0; i < k->n; i++) {
        const bp__column *x = &k->column[i];
        if (x->width && x->kind == BP__COLUMN_EMBEDDING)
            t[n++] = (bp__model_table){
                bp__column_rows(x), dim ? dim : bp__column_dim(x)};
    }
    bp__model_embed(m, 0, (size_t)k->n_embedded, t);
    return BP_OK;
}

static void put(bp__source_config *c, bp__ynode *map, const char *key, bool plain,
                const char *text)
{
    bp__place at = c->data->at;
    bp__yaml_append(map, key, at, bp__yaml_scalar(c->arena, at, plain, text));
}

static void put_number(bp__source_config *c, bp__ynode *map, const char *key, double x)
{
    char text[32];
    bp__format_double(text, x);
    put(c, map, key, true, text);
}

static bp__ynode *column_node(bp__source_config *c, const bp__column *x)
{
    bp__place at = c->data->at;
    bp__ynode *m = bp__yaml_new(c->arena, BP__Y_MAP, at);
    char text[32];
    put(c, m, "name", false, x->name);
    put(c, m, "kind", true, bp__column_kind_name(x->kind));
    put(c, m, "target", true, x->target ? "true" : "false");
    put(c, m, "comma", true, x->comma ? "true" : "false");
    put(c, m, "missing", true, x->had_missing ? "true" : "false");
    if (*x->why)
        put(c, m, "why", false, x->why);
    put_number(c, m, "center", x->center);
    put_number(c, m, "factor", x->factor);
    bp__ynode *list = bp__yaml_new(c->arena, BP__Y_LIST, at);
    for (int i = 0; i < x->n_edges; i++) {
        bp__format_double(text, x->edges[i]);
        bp__yaml_append(list, NULL, at,
                        bp__yaml_scalar(c->arena, at, true, text));
    }
    if (x->n_edges)
        bp__yaml_append(m, "edges", at, list);
    list = bp__yaml_new(c->arena, BP__Y_LIST, at);
    for (int i = 0; i < x->n_words; i++)
        bp__yaml_append(list, NULL, at,
                        bp__yaml_scalar(c->arena, at, false, x->words[i]));
    if (x->n_words)
        bp__yaml_append(m, "words", at, list);
    return m;
}

bp_status bp__columns_keep(bp__source_config *c, bp_error *err)
{
    bp__place at = c->data->at;
    const bp__columns *k = c->learned;
    bp__ynode *list = bp__yaml_new(c->arena, BP__Y_LIST, at);
    for (int i = 0; i < k->n; i++)
        bp__yaml_append(list, NULL, at, column_node(c, &k->column[i]));
    bp__source_set(c, "columns", list);
    return c->arena->failed ? bp__oom(err) : BP_OK;
}

static void read_column(bp__columns *k, bp__column *x, const bp__ynode *n)
{
    const char *kind = bp__yaml_text(bp__yaml_get(n, "kind"));
    const char *why = bp__yaml_text(bp__yaml_get(n, "why"));
    const bp__ynode *edges = bp__yaml_get(n, "edges");
    const bp__ynode *words = bp__yaml_get(n, "words");
    x->name = bp__arena_strdup(&k->memory,
                               bp__yaml_text(bp__yaml_get(n, "name")));
    for (int i = 0; i < BP__N_COLUMN_KINDS; i++)
        if (!strcmp(kind, bp__column_kind_name((bp__column_kind)i)))
            x->kind = (bp__column_kind)i;
    x->why = bp__arena_strdup(&k->memory, why ? why : "");
    x->target = bp__yaml_bool(bp__yaml_get(n, "target"));
    x->comma = bp__yaml_bool(bp__yaml_get(n, "comma"));
    x->had_missing = bp__yaml_bool(bp__yaml_get(n, "missing"));
    x->center = bp__yaml_number(bp__yaml_get(n, "center"));
    x->factor = bp__yaml_number(bp__yaml_get(n, "factor"));
    double *e = bp__arena_array(&k->memory, edges ? edges->n + 1 : 1,
                                sizeof *e);
    x->words = bp__arena_array(&k->memory, words ? words->n + 1 : 1,
                               sizeof *x->words);
    x->edges = e;
    if (k->memory.failed)
        return;
    for (const bp__ynode *v = edges ? edges->child : NULL; v; v = v->next)
        e[x->n_edges++] = bp__yaml_number(v);
    for (const bp__ynode *v = words ? words->child : NULL; v; v = v->next)
        x->words[x->n_words++] = bp__arena_strdup(&k->memory, v->text);
}

bp_status bp__columns_restore(bp__source_config *c, bp_error *err)
{
    const bp__ynode *list = bp__yaml_get(c->data, "columns");
    if (!list)
        return BP_OK;
    bp__columns *k = bp__columns_new(NULL, (int)list->n);
    int i = 0;
    if (!k)
        return bp__oom(err);
    for (const bp__ynode *n = list->child; n; n = n->next)
        read_column(k, &k->column[i++], n);
    if (k->memory.failed) {
        bp__columns_free(k);
        return bp__oom(err);
    }
    bp__columns_place(k);
    c->learned = k;
    return BP_OK;
}
