/* See kernel.h. */
#include "op/kernel.h"

#include "op/eval.h"
#include "t.h"

bool kernel_from(kernel_call *k, const case_data *d)
{
    bp__type in[CASE_MAX_IN], out[BP__MAX_OUT];
    char text[120];
    memset(k, 0, sizeof *k);
    memset(out, 0, sizeof out);
    k->d = *d;
    k->n_in = d->c->n_in;
    for (int i = 0; i < k->n_in; i++) {
        in[i] = d->type[i];
        in[i].varying = d->c->varying;
        k->in[i] = (bp__tensor){in[i], d->in[i]};
    }
    bp__infer q = {.def = d->def, .attrs = d->c->attrs, .n_in = k->n_in,
                   .in = in, .out = out};
    if (!d->def->ref)
        return false;
    for (int i = 0; i < d->def->n_out; i++)
        out[i].varying = d->c->varying;
    if (!T_CHECKF(d->def->infer(&q) == BP_OK, "%s: %s", case_text(d, text),
                  q.message))
        return false;
    k->n_out = d->def->n_out;
    for (int i = 0; i < k->n_out; i++) {
        size_t bytes = bp__type_bytes(&out[i]);
        k->out[i] = (bp__tensor){out[i], malloc(bytes ? bytes : 1)};
        T_REQUIRE(k->out[i].data != NULL);
    }
    return true;
}

bool kernel_new(kernel_call *k, bp__op op, int i, bp_dtype f, uint64_t seed)
{
    case_data d;
    case_draw(&d, op, i, f, seed);
    if (kernel_from(k, &d))
        return true;
    case_free(&d);
    return false;
}

void kernel_free(kernel_call *k)
{
    for (int i = 0; i < k->n_out; i++)
        free(k->out[i].data);
    case_free(&k->d);
}

void kernel_run(kernel_call *k, int fill)
{
    for (int i = 0; i < k->n_out; i++)
        memset(k->out[i].data, fill, bp__type_bytes(&k->out[i].type));
    k->faults = 0;
    eval_kernel(k->d.def, k->d.c->attrs, k->n_in, k->in, k->n_out, k->out, 0,
                &k->faults);
}

void *kernel_copy(const bp__tensor *t)
{
    size_t bytes = bp__type_bytes(&t->type);
    void *p = malloc(bytes ? bytes : 1);
    T_REQUIRE(p != NULL);
    memcpy(p, t->data, bytes);
    return p;
}

bool kernel_same(const bp__tensor *t, const void *bytes)
{
    return memcmp(t->data, bytes, bp__type_bytes(&t->type)) == 0;
}

bp__tensor kernel_part(const bp__tensor *t, int64_t r, int64_t n)
{
    bp__tensor p = *t;
    p.type.dims[0] = 1;
    size_t row = bp__type_bytes(&p.type);
    p.type.dims[0] = n;
    p.data = (char *)t->data + (size_t)r * row;
    return p;
}
