/* Loops whose batches depend on what came before. A small recurrent net reads a
 * text by truncated backpropagation through time, its state carried from batch
 * to batch; a pole is balanced by Q-learning, from a replay buffer and with a
 * target network (Mnih et al. 2015). Usage: stateful FOLDER [STEPS] */
#include <bprop/folder.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define TRY(call) if ((st = (call)) != BP_OK) goto end
/* The n bytes after it are a source's state (as x86 and ARM order them). */
typedef struct head { size_t n; } head;
enum { STREAMS = 8, LETTERS = 16, CODES = 128, HIDDEN = 64, CAP = 2000, BATCH = 32, MOVE = 6 };

static bp_status save(void *self, bp_write_fn write, void *to, bp_error *e)
{
    head *h = self;
    return (void)e, write(to, (const char *)(h + 1), h->n) ? BP_EIO : BP_OK;
}

static bp_status load(void *self, const void *bytes, size_t n, bp_error *e)
{
    head *h = self;
    return (void)e, n == h->n ? memcpy(h + 1, bytes, n), BP_OK : BP_EFORMAT;
}

/* ---- a text: 8 streams of it side by side, 16 letters at a time ----------- */
typedef struct reader { head head; int64_t at; int32_t x[STREAMS][LETTERS + 1]; } reader;

static bp_status read_on(void *self, bp_fields *out, bp_error *e)
{
    static const char text[] = "the error signal of a hidden unit is the slope of its activation "
        "times a sum over the units above it: of their error signals times the weights between. ";
    reader *r = self;
    for (int i = 0; i < STREAMS; i++)
        for (int k = 0; k <= LETTERS; k++)
            r->x[i][k] = text[(size_t)(r->at + 19 * i + k) % (sizeof text - 1)];
    r->at += LETTERS;
    out->field[out->n++] = (bp_array){BP_I32, 2, {STREAMS, LETTERS + 1}, r->x, sizeof r->x};
    return (void)e, BP_OK;
}

static bp_val columns(bp_trace *t, int64_t first, int64_t end)
{
    int64_t from[] = {0, first}, to[] = {bp_graph_rows(bp_trace_graph(t)), end};
    return bp_slice(bp_trace_graph(t), bp_trace_input(t, "x"), from, to, NULL);
}

static void next_letters(bp_trace *t, void *user)
{
    bp_graph *g = bp_trace_graph(t);
    int64_t rows = bp_graph_rows(g);
    bp_val sum = BP_NIL, x = bp_reshape(g, columns(t, 0, 1), 1, &rows);
    bp_val h = bp_trace_state(t, "h", BP_F32, 1, (int64_t[]){HIDDEN});
    for (int64_t i = 1; i <= LETTERS; i++) {
        bp_nn *nn = bp_trace_net(t, user); /* the same weights each time */
        bp_val in[] = {bp_one_hot(g, x, CODES, BP_F32), h};
        h = bp_nn_tanh(nn, bp_nn_dense(nn, bp_concat(g, 2, in, 1), HIDDEN));
        x = bp_reshape(g, columns(t, i, i + 1), 1, &rows);
        bp_val y = bp_nn_dense(nn, h, CODES);
        y = bp_nn_loss(nn, "softmax_cross_entropy", y, x);
        sum = i > 1 ? bp_add(g, sum, y) : y;
    }
    bp_trace_set_state(t, "h", h);
    bp_trace_minimize(t, sum = bp_mul_scalar(g, sum, 1.0 / LETTERS), NULL);
    bp_trace_output(t, "loss", sum);
}

/* ---- a pole: its angle and speed grow unless it is pushed back ------------- */
typedef struct move { float s[2], right, stands, next[2]; } move;
typedef struct replay { /* the memory, the pole and the draws are its state */
    head head;
    int64_t n, lasted, random;
    float x[2];
    move all[CAP], batch[BATCH];
} replay;

static int draw(replay *m, int64_t below)
{
    m->random = (m->random * 1664525 + 1013904223) % (1LL << 32);
    return (int)((m->random >> 8) % below);
}

static void push(replay *m, bool right)
{
    float *x = m->x;
    move *k = &m->all[m->n++ % CAP];
    *k = (move){.s = {x[0], x[1]}, .right = right};
    x[1] += 0.05f * (9 * x[0] + (right ? 4 : -4)), x[0] += 0.05f * x[1];
    memcpy(k->next, x, sizeof k->next);
    k->stands = x[0] > -0.3f && x[0] < 0.3f;
    if (++m->lasted == 500 || k->stands < 1)
        m->lasted = 0, x[0] = (float)draw(m, 1000) * 2e-4f - 0.1f, x[1] = 0;
}

static bp_status remember(void *self, bp_fields *out, bp_error *e)
{
    replay *m = self;
    for (int i = 0; i < BATCH; i++)
        m->batch[i] = m->all[draw(m, m->n < CAP ? m->n : CAP)];
    out->field[out->n++] = (bp_array){BP_F32, 2, {BATCH, MOVE}, m->batch, sizeof m->batch};
    return (void)e, BP_OK;
}

static bp_val value(bp_trace *t, const char *net, bp_val x)
{
    bp_nn *nn = bp_trace_net(t, net);
    return bp_nn_dense(nn, bp_nn_relu(nn, bp_nn_dense(nn, x, 64)), 2);
}

static void learn(bp_trace *t, void *user)
{
    bp_graph *g = bp_trace_graph(t);
    int64_t one = 1;
    bp_val q = value(t, user, columns(t, 0, 2)), right = columns(t, 2, 3);
    bp_val best = bp_amax(g, value(t, "target", columns(t, 4, 6)), 1, &one, true);
    bp_val want = bp_mul(g, bp_mul_scalar(g, columns(t, 3, 4), 0.98), best);
    want = bp_stop_gradient(g, bp_add_scalar(g, want, 1));
    bp_val is[] = {bp_add_scalar(g, bp_neg(g, right), 1), right};
    q = bp_sum(g, bp_mul(g, q, bp_concat(g, 2, is, 1)), 1, &one, true);
    q = bp_square(g, bp_sub(g, q, want));
    bp_trace_minimize(t, q = bp_mean(g, q, 0, NULL, false), NULL);
    bp_trace_output(t, "loss", q);
}

static void act(bp_trace *t, void *user)
{
    bp_trace_output(t, "q", value(t, user, bp_trace_input(t, "x")));
}

/* ---- one loop for both ---------------------------------------------------- */
static bp_status run(const char *base, int64_t steps, bp_source_row row, void *self,
                     bp_step_options o, bp_runtime *r, bp_error *e)
{
    replay *m = row.alone ? NULL : self; /* its batches depend on the weights */
    bp_step_input in = {"x", BP_F32, 2, {BP_ANY, 2}, false};
    bp_step_options ao = {.size = sizeof ao, .fn = act, .name = "act", .user = o.user,
                          .n_inputs = 1, .input = &in};
    bp_folder_options fo = {.size = sizeof fo, .resume = true};
    bp_store *s = bp_store_new(NULL);
    bp_folder *folder = NULL;
    bp_step *p = NULL, *actor = NULL;
    bp_source *source = NULL;
    bp_fields b;
    bp_status st;
    int64_t n = 0;
    char path[1000];
    snprintf(path, sizeof path, "%s-%s", base, row.name);
    TRY(bp_source_new(&row, self, NULL, &source, e));
    TRY(bp_step_new(s, r, &o, &p, e));
    TRY(bp_step_new(s, r, &ao, &actor, e));
    TRY(bp_folder_new(path, &fo, &folder, e));
    bp_folder_add_store(folder, s), bp_folder_add_step(folder, p);
    bp_folder_add_step(folder, actor), bp_folder_add_source(folder, row.name, source);
    bp_folder_add_count(folder, "n", &n);
    TRY(bp_folder_start(folder, NULL, e));
    while (n < steps) {
        if (m) { /* one move, now and then at random */
            bp_array q = {BP_F32, 2, {1, 2}, m->x, sizeof m->x};
            TRY(bp_step_run(actor, 1, &q, e));
            bp_step_output(actor, "q", &q);
            bool right = ((float *)q.data)[1] > ((float *)q.data)[0];
            push(m, draw(m, 1000) < 1000 - n ? draw(m, 2) : right);
        }
        TRY(bp_source_next(source, &b, e));
        TRY(bp_step_run(p, b.n, b.field, e));
        if (m && n % 100 == 0)
            TRY(bp_store_blend(s, "q.*", "target.*", 1, e));
        if (++n % 500 == 0)
            printf("%s %d: %g\n", row.name, (int)n, bp_step_number(p, "loss"));
        TRY(bp_folder_tick(folder, e));
    }
    TRY(bp_folder_finish(folder, e));
end:
    bp_folder_free(folder), bp_source_free(source), bp_store_free(s);
    bp_step_free(p), bp_step_free(actor);
    return st;
}

int main(int argc, char **argv)
{
    static reader text = {.head = {sizeof text.at}};
    static replay pole = {.head = {offsetof(replay, batch) - sizeof(head)}};
    bp_source_row row = {sizeof row, "text", read_on, save, load, NULL, NULL, true};
    bp_step_input in = {"x", BP_I32, 2, {BP_ANY, LETTERS + 1}, false};
    bp_step_options o = {.size = sizeof o, .fn = next_letters, .user = "rnn", .n_inputs = 1,
        .input = &in, .training = true, .optimizer = "adam(lr=0.005, clip_norm=1)"};
    const char *base = argc > 1 ? argv[1] : "stateful";
    int64_t steps = argc > 2 ? atoi(argv[2]) : 3000;
    bp_runtime *r = NULL;
    bp_error e = {0};
    bp_status st = bp_runtime_new(NULL, &r, &e);
    st = st ? st : run(base, steps / 3, row, &text, o, r, &e);
    in = (bp_step_input){"x", BP_F32, 2, {BP_ANY, MOVE}, false};
    o.name = "learn", o.fn = learn, o.user = "q", o.params = "q.*";
    row.name = "pole", row.next = remember, row.alone = false;
    st = st ? st : run(base, steps, row, &pole, o, r, &e);
    fprintf(stderr, "%s", e.message);
    return bp_runtime_free(r), st != BP_OK;
}
