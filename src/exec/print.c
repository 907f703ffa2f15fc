/* The lowered graph and the plan as text. doc/plan.md explains them. */
#include "exec/exec.h"

static bp_status flush_text(bp__str *s, bp_write_fn write, void *user)
{
    if (s->failed)
        return BP_ENOMEM;
    bp_status st = s->len && write(user, s->s, s->len) ? BP_EIO : BP_OK;
    s->len = 0;
    return st;
}

static void print_buf(const bp__lowered *l, uint32_t i, bp__str *s)
{
    const bp__buf *b = &l->bufs[i];
    const bp__buf *root = &l->bufs[b->root];
    bp_var_info info;
    switch (root->kind) {
    case BP__BUF_VAR:
        bp_store_info(root->store, root->var, &info);
        bp__str_printf(s, "@%s", info.name);
        break;
    case BP__BUF_INPUT:
        bp__str_printf(s, "<%s>", l->inputs[root->input].name);
        break;
    case BP__BUF_CONST:
        bp__str_printf(s, "c%u", b->root);
        break;
    case BP__BUF_KEPT:
        bp__str_printf(s, "k%u", b->root);
        break;
    default:
        bp__str_printf(s, "b%u", b->root);
    }
    if (b->offset)
        bp__str_printf(s, "+%zu", b->offset);
    if (b->layout == BP__NHWC)
        bp__str_printf(s, ":nhwc");
}

static const char *const phase_names[] = {"constant", "main", "test",
                                          "commit", "kept"};

static void print_call(const bp__lowered *l, const bp__call *c, bp__str *s)
{
    char text[200];
    bp__str_printf(s, "%-22s ", c->kernel);
    for (int k = 0; k < c->n_out; k++) {
        bp__str_printf(s, k ? ", " : "");
        print_buf(l, c->bufs[c->n_in + k], s);
    }
    bp__str_printf(s, c->n_out ? " = (" : "(");
    for (int k = 0; k < c->n_in; k++) {
        bp__str_printf(s, k ? ", " : "");
        print_buf(l, c->bufs[k], s);
    }
    bp__str_printf(s, ")");
    if (c->n_out)
        bp__str_printf(s, " : %s",
                       bp__type_text(&l->bufs[c->bufs[c->n_in]].type, text));
    bp__str_printf(s, "  # %s", c->label);
    if (c->detail)
        bp__str_printf(s, " {%s}", c->detail);
    bp__str_printf(s, "\n");
}

static void print_refusals(const bp__call *c, bp__str *s)
{
    for (const bp__refusal *r = c->refusals; r; r = r->next)
        bp__str_printf(s, "      not %s: %s\n", r->kernel, r->why);
}

bp_status bp__lowered_print(const bp__lowered *l, bp_write_fn write,
                            void *user)
{
    bp__str s;
    bp_status st = BP_OK;
    bp__str_init(&s, &l->a);
    for (size_t c = 0; c < l->n_calls && st == BP_OK; c++) {
        bp__str_printf(&s, "%-8s ", phase_names[l->calls[c].phase]);
        print_call(l, &l->calls[c], &s);
        st = flush_text(&s, write, user);
    }
    for (size_t i = 0; i < l->n_outputs && st == BP_OK; i++) {
        bp__str_printf(&s, "output \"%s\" = ", l->outputs[i].name);
        print_buf(l, l->outputs[i].buf, &s);
        bp__str_printf(&s, "\n");
        st = flush_text(&s, write, user);
    }
    bp__str_free(&s);
    return st;
}

/* How many items a call's segment cuts it into. */
static int64_t times_made(const bp__plan *p, const bp__segment *seg,
                          uint32_t position)
{
    int64_t n = 0;
    for (uint32_t i = 0; i < seg->n_items; i++) {
        const bp__item *it = &p->items[seg->first_item + i];
        n += position >= it->first && position < it->first + it->count;
    }
    return n;
}

static bp_status print_segment(const bp_program *p, size_t i, bp__str *s,
                               bp_write_fn write, void *user)
{
    const bp__segment *seg = &p->plan->segments[i];
    bp_status st = BP_OK;
    bp__str_printf(s, "segment %zu, %s%s\n", i, phase_names[seg->phase],
                   seg->by_rows ? ", by rows" : "");
    for (uint32_t k = 0; k < seg->count && st == BP_OK; k++) {
        const bp__call *c = &p->l->calls[p->plan->order[seg->first + k]];
        bp__str_printf(s, "  x%-3lld ",
                       (long long)times_made(p->plan, seg, seg->first + k));
        print_call(p->l, c, s);
        print_refusals(c, s);
        st = flush_text(s, write, user);
    }
    return st;
}

static bp_status print_plan(const bp_program *p, bp__str *s,
                            bp_write_fn write, void *user)
{
    const bp__plan *pl = p->plan;
    bp_status st = BP_OK;
    if (pl->n_const)
        bp__str_printf(s, "constants, once\n");
    for (size_t i = 0; i < pl->n_const && st == BP_OK; i++) {
        bp__str_printf(s, "       ");
        print_call(p->l, &p->l->calls[pl->order[i]], s);
        st = flush_text(s, write, user);
    }
    for (size_t i = 0; i < pl->n_segments && st == BP_OK; i++)
        st = print_segment(p, i, s, write, user);
    bp__str_printf(s,
                   "%lld kernel calls a step in %zu segments, %s%s\n"
                   "arena %zu bytes, lower bound %zu; constants %zu bytes\n",
                   (long long)p->planned, pl->n_segments - pl->n_kept,
                   p->serial ? "on the caller's thread" : "on all threads",
                   pl->n_kept ? "; kept ones where a variable has changed"
                              : "",
                   pl->arena_bytes, pl->lower_bound, pl->const_bytes);
    return st == BP_OK ? flush_text(s, write, user) : st;
}

bp_status bp_program_print(const bp_program *p, bp_program_view view,
                           bp_write_fn write, void *user)
{
    if (view == BP_VIEW_LOWERED)
        return bp__lowered_print(p->l, write, user);
    bp__str s;
    bp__str_init(&s, &p->a);
    bp_status st = print_plan(p, &s, write, user);
    bp__str_free(&s);
    return st;
}
