/* <bprop/inspect.h>: tables and graphs for people to look into. */
#include "ir/ir.h"
#include "lower/lower.h"
#include "nn/spec.h"
#include "xform/xform.h"

#include <bprop/inspect.h>

_Static_assert(BP_OP_MAX_INPUTS == BP__MAX_IN, "one limit");
_Static_assert((int)BP_OP_UNWRITTEN == BP__UNIMPL, "one list of states");

/* ---- names ---------------------------------------------------------------- */

const char *bp_pass_name(size_t i)
{
    for (size_t k = 0; bp__pass_names[k]; k++)
        if (k == i)
            return bp__pass_names[k];
    return NULL;
}

const char *bp_kernel_name(size_t i)
{
    if (i-- == 0)
        return "chain";
    for (int op = 1; op < BP__N_OPS; op++)
        for (int backward = 0; backward < 2; backward++) {
            const bp__kernel *const *k =
                bp__kernels_of_op((bp__op)op, backward);
            for (; *k; k++)
                if (i-- == 0)
                    return (*k)->name;
        }
    return NULL;
}

const char *bp_nn_row_name(bp_nn_table table, size_t i)
{
    size_t n = 0;
    const bp__kinddef *rows =
        (unsigned)table < BP_NN_N_TABLES ? bp__kinds(table, &n) : NULL;
    return i < n ? rows[i].name : NULL;
}

bp_status bp_nn_print_table(bp_nn_table table, bp_write_fn write, void *user)
{
    size_t n = 0;
    char buf[300];
    bp__str s;
    if ((unsigned)table >= BP_NN_N_TABLES)
        return BP_EARG;
    const bp__kinddef *rows = bp__kinds(table, &n);
    bp__str_init(&s, NULL);
    for (size_t i = 0; i < n; i++) {
        bp__str_printf(&s, "%-22s %s\n", rows[i].name,
                       bp__kind_doc(&rows[i], buf));
        for (const bp__argdef *d = rows[i].args; d && d->name; d++)
            bp__str_printf(&s, "    %-18s %s%s; %s\n", d->name,
                           bp__arg_expects(d, buf),
                           d->required ? "; needed" : "", d->doc);
    }
    return bp__str_write(&s, write, user);
}

/* ---- operations ------------------------------------------------------------ */

int bp_op_count(void)
{
    return BP__N_OPS - 1;
}

int bp_op_find(const char *name)
{
    bp__op op = bp__op_find(name);
    return op == BP__OP_NONE ? -1 : (int)op - 1;
}

bool bp_op_get(int i, bp_op_info *info)
{
    static const struct {
        uint32_t bit;
        const char *text;
    } flags[] = {
        {BP__ELEMWISE, "elementwise"}, {BP__COMMUTES, "commutes"},
        {BP__ALIAS_IN0, "may run in place"}, {BP__RANDOM, "random"},
        {BP__FAULTS, "tests its indices"}, {BP__COMPOSITE, "composite"},
        {BP__VIEW, "a view"}, {BP__LEAF, "a leaf"}, {BP__LINEAR, "linear"},
    };
    if (i < 0 || i >= bp_op_count())
        return false;
    const bp__opdef *d = bp__ops[i + 1];
    *info = (bp_op_info){.name = d->name, .signature = d->sig, .doc = d->doc,
                         .composite = (d->flags & BP__COMPOSITE) != 0,
                         .n_inputs = d->n_in == BP__VARIADIC ? -1 : d->n_in};
    for (int k = 0; k < BP__MAX_IN; k++)
        if (d->diff[k] <= BP__UNIMPL)
            info->gradient[k] = (bp_op_gradient)d->diff[k];
    for (size_t k = 0; k < BP__ARRAY_LEN(flags); k++)
        if (d->flags & flags[k].bit)
            info->property[info->n_properties++] = flags[k].text;
    for (const bp__attrdef *at = d->attrs;
         at && at->name && info->n_attributes < BP_OP_MAX_ATTRIBUTES; at++)
        info->attribute[info->n_attributes++] = at->name;
    return true;
}

/* The op on the operands of its row's first test case. */
static bool emit_case(bp_graph *g, bp__op op, bp_val *in, int *n_in,
                      bp_val *out)
{
    const bp__case *c = &bp__ops[op]->cases[0];
    int64_t rows = c->n_in && c->in[0].rank ? c->in[0].dims[0] : 1;
    char name[16];
    if (c->varying)
        bp_graph_set_shard(g, 1, rows, rows);
    *n_in = c->n_in;
    for (int i = 0; i < c->n_in; i++) {
        const bp__tin *t = &c->in[i];
        bp__snprintf(name, sizeof name, "x%d", i);
        bool varies = c->varying && t->rank && t->dims[0] == rows;
        in[i] = varies ? bp_batch_input(g, name, (bp_dtype)t->dtype, t->rank,
                                        t->dims)
                       : bp_input(g, name, (bp_dtype)t->dtype, t->rank,
                                  t->dims);
        bp_set_name(g, in[i], name);
    }
    bp__emit(g, op, c->attrs, c->n_in, in, out);
    return bp__ok(g);
}

/* Keeps all nodes but the generated backward ones. */
static bool keep_all_but_backward(void *user, const bp_graph *g, size_t node)
{
    (void)user;
    return g->nodes[node].op != BP__OP_backward;
}

static bool keep_others(void *user, const bp_graph *g, size_t node)
{
    return g->nodes[node].op != *(const bp__op *)user;
}

static void emit_gradient(bp_graph *g, const bp__opdef *d, const bp_val *in,
                          int n_in, const bp_val *out)
{
    bp_val y[BP__MAX_OUT], dy[BP__MAX_OUT], wrt[BP__MAX_IN], dx[BP__MAX_IN];
    size_t n_y = 0, n_wrt = 0;
    char name[24];
    for (int k = 0; k < d->n_out; k++) {
        bp__type t = *bp__type_of(g, out[k]);
        if (!bp__is_float(t.dtype))
            continue;
        bp__snprintf(name, sizeof name, "dy%d", k);
        y[n_y] = out[k];
        dy[n_y++] = t.varying
                        ? bp_batch_input(g, name, BP_F32, t.rank, t.dims)
                        : bp_input(g, name, BP_F32, t.rank, t.dims);
    }
    for (int i = 0; i < n_in; i++)
        if (d->diff[d->n_in == BP__VARIADIC ? 0 : i] == BP__DIFF)
            wrt[n_wrt++] = in[i];
    bp_vjp(g, y, dy, n_y, wrt, n_wrt, dx);
    for (size_t i = 0; i < n_wrt && bp__ok(g); i++) {
        bp__snprintf(name, sizeof name, "dx%zu", i);
        if (!bp_is_nil(dx[i]))
            bp_output(g, name, dx[i]);
    }
}

static bp_status print_graph(const bp_graph *g, bp_write_fn write, void *user,
                             bp_error *err)
{
    bp_status st = bp_graph_status(g);
    if (st)
        return bp__error(err, st, "%s", g ? bp_graph_error(g)
                                          : bp_status_text(st));
    st = bp_graph_print(g, write, user);
    return st ? bp__error(err, st, "%s", bp_status_text(st)) : BP_OK;
}

static bp_status print_case(bp__op op, bool backward, bp_write_fn write,
                            void *user, bp_error *err)
{
    const bp__opdef *d = bp__ops[op];
    bp_val in[BP__MAX_IN], out[BP__MAX_OUT];
    int n_in = 0;
    bp_graph *g = bp_graph_new(NULL), *shown = NULL;
    if (g && emit_case(g, op, in, &n_in, out)) {
        for (int k = 0; k < d->n_out && !backward; k++)
            bp_output(g, k ? "y1" : "y0", out[k]);
        if (backward)
            emit_gradient(g, d, in, n_in, out);
        shown = bp__pass_expand(g, backward ? keep_all_but_backward
                                            : keep_others, &op);
        if (shown && bp__ok(shown) && backward) {
            bp_graph *dead = shown;
            shown = bp__pass_dce(dead);
            bp_graph_free(dead);
        }
    }
    bp_status st = print_graph(shown ? shown : g, write, user, err);
    bp_graph_free(shown);
    bp_graph_free(g);
    return st;
}

bp_status bp_op_print(int i, bool backward, bp_write_fn write, void *user,
                      bp_error *err)
{
    bool differentiable = false;
    if (i < 0 || i >= bp_op_count())
        return bp__error(err, BP_ERANGE, "there is no op %d", i);
    const bp__opdef *d = bp__ops[i + 1];
    for (int k = 0; k < BP__MAX_IN; k++)
        differentiable |= d->diff[k] == BP__DIFF;
    if (backward && (!d->n_cases || (d->flags & BP__LEAF) || !differentiable))
        return bp__error(err, BP_ENODIFF, "%s has no gradient", d->name);
    if (!d->n_cases)
        return bp__error(err, BP_EARG, "%s has no case to show", d->name);
    return print_case((bp__op)(i + 1), backward, write, user, err);
}

/* ---- tasks --------------------------------------------------------------------- */

/* A composite with a psum inside is shown as its definition. */
static bool keep_without_psum(void *user, const bp_graph *g, size_t node)
{
    (void)user;
    const bp__node *n = &g->nodes[node];
    bool varying = n->n_in && g->values[g->edges[n->in]].type.varying;
    for (int i = 0; i < n->n_out; i++)
        if (g->values[n->out + (uint32_t)i].type.varying != varying)
            return false;
    return true;
}

bp_status bp_task_print(const bp_task *t, bp_store *s, bp_task_mode mode,
                        const bp_trace_options *options, bp_write_fn write,
                        void *user, bp_error *err)
{
    bp_traced traced = {0};
    bp_graph *g = bp_task_graph(t, s, mode, options, NULL, &traced);
    if (mode == BP_TASK_TRACE && !bp_graph_status(g))
        bp_output(g, "objective", traced.objective);
    bp_graph *open = bp_graph_status(g)
                         ? NULL
                         : bp__pass_expand(g, keep_without_psum, NULL);
    bp_status st = print_graph(open ? open : g, write, user, err);
    bp_nn_free(traced.nn);
    bp_graph_free(open);
    bp_graph_free(g);
    return st;
}
