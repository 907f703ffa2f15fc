/* The graph as text: one node a line, in order. doc/ir.md has the grammar. */
#include "ir/ir.h"

static bp_status flush(bp__str *s, bp_write_fn write, void *user)
{
    if (s->failed)
        return BP_ENOMEM;
    bp_status st = s->len && write(user, s->s, s->len) ? BP_EIO : BP_OK;
    s->len = 0;
    return st;
}

static void print_node(const bp_graph *g, size_t i, bp__str *s)
{
    const bp__node *n = &g->nodes[i];
    char text[200];
    for (int k = 0; k < n->n_out; k++)
        bp__str_printf(s, "%s%%%u", k ? ", " : "", n->out + (unsigned)k);
    bp__str_printf(s, " = %s(", bp__def_of(n)->name);
    for (int k = 0; k < n->n_in; k++)
        bp__str_printf(s, "%s%%%u", k ? ", " : "", g->edges[n->in + k]);
    bp__str_printf(s, ")");
    bp__attrs_print(s, bp__def_of(n), n->attrs);
    for (int k = 0; k < n->n_out; k++)
        bp__str_printf(s, "%s%s", k ? ", " : " : ",
                       bp__type_text(&g->values[n->out + (uint32_t)k].type,
                                     text));
    const char *scope = g->scopes[n->scope];
    const char *name = n->n_out ? g->values[n->out].name : NULL;
    if (scope[0] || name)
        bp__str_printf(s, "  #");
    if (scope[0])
        bp__str_printf(s, " %s", scope);
    if (name)
        bp__str_printf(s, " \"%s\"", name);
    bp__str_printf(s, "\n");
}

static bp_status print_all(const bp_graph *g, bp__str *s, bp_write_fn write,
                           void *user)
{
    bp_status st = BP_OK;
    if (g->rows || g->shards != 1)
        bp__str_printf(s, "shards %lld, rows %lld of %lld\n",
                       (long long)g->shards, (long long)g->rows,
                       (long long)g->global_rows);
    for (size_t i = 0; i < g->n_nodes && st == BP_OK; i++) {
        print_node(g, i, s);
        st = flush(s, write, user);
    }
    for (size_t i = 0; i < g->n_outputs && st == BP_OK; i++) {
        bp__str_printf(s, "output \"%s\" = %%%u\n", g->outputs[i].name,
                       g->outputs[i].value);
        st = flush(s, write, user);
    }
    for (size_t i = 0; i < g->n_updates && st == BP_OK; i++) {
        const bp__update *u = &g->updates[i];
        bp__str_printf(s, "update \"%s\" <- %%%u\n",
                       bp__store_var(u->store, u->var)->info.name, u->value);
        st = flush(s, write, user);
    }
    return st;
}

bp_status bp_graph_print(const bp_graph *g, bp_write_fn write, void *user)
{
    if (!g)
        return BP_ENOMEM;
    bp__str s;
    bp__str_init(&s, &g->a);
    bp_status st = print_all(g, &s, write, user);
    bp__str_free(&s);
    return st;
}
