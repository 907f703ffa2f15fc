/* A page that explains one training step of a network of one's own:
 *
 *     explain > page.html
 */
#include <bprop/explain.h>

#include <stdio.h>

static bp_val net(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    x = bp_nn_tanh(nn, bp_nn_dense(nn, x, 3));
    return bp_nn_dense(nn, x, 2);
}

static int print(void *user, const char *text, size_t bytes)
{
    return fwrite(text, 1, bytes, user) != bytes;
}

int main(void)
{
    const float x[4] = {0.2f, -1.5f, 0.7f, 1.1f};
    const int32_t kind = 1;
    bp_error err = {0};
    bp_store *store = bp_store_new(NULL);
    bp_explain *e = NULL;
    bp_task task = {.size = sizeof task, .net = net, .n_inputs = 1,
                    .input = {{.rank = 1, .dims = {4}}},
                    .target = {.dtype = BP_I32},
                    .loss = "softmax_cross_entropy",
                    .optimizer = "sgd(0.1)", .seed = 1};
    bp_explain_options o = {.size = sizeof o, .title = "a small network",
                            .input = {x}, .target = &kind};
    bp_status st = bp_explain_new(&task, store, &o, &e, &err);
    if (!st)
        st = bp_explain_html(e, BP_ENGLISH, print, stdout);
    if (st)
        fprintf(stderr, "explain: %s\n",
                *err.message ? err.message : bp_status_text(st));
    bp_explain_free(e);
    bp_store_free(store);
    return st ? 1 : 0;
}
