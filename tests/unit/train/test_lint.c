/* Hints: one for each thing that is wrong, and none where nothing is. */
#include "rig.h"

enum { N = 64, WIDE = 6 };

typedef struct setup {
    const char *layers, *loss;
    double scale, shift;      /* of the inputs */
    double target_lo, target_hi;
    bool classes, one_class;
    bp_norm_kind normalize;
    const char *optimizer, *init;
} setup;

static bp_data *make(const setup *s)
{
    bp_array x, y;
    bp_data *d = NULL;
    bp_error err = {0};
    bp_data_options o = {.size = sizeof o};
    uint64_t seed = 5;
    T_OK(bp_array_new(NULL, BP_F32, 2, (int64_t[]){N, WIDE}, &x, &err), &err);
    if (s->classes)
        T_OK(bp_array_new(NULL, BP_I32, 1, (int64_t[]){N}, &y, &err), &err);
    else
        T_OK(bp_array_new(NULL, BP_F32, 2, (int64_t[]){N, 1}, &y, &err), &err);
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < WIDE; k++)
            ((float *)x.data)[i * WIDE + k] =
                (float)(s->shift + s->scale * t_uniform(&seed, -1, 1));
        if (s->classes)
            ((int32_t *)y.data)[i] = s->one_class ? 1 : i % 3;
        else
            ((float *)y.data)[i] =
                (float)t_uniform(&seed, s->target_lo, s->target_hi);
    }
    T_OK(bp_data_from_arrays(&x, 1, &y, &o, &d, &err), &err);
    bp_array_free(NULL, &x);
    bp_array_free(NULL, &y);
    return d;
}

static char last_note[1000];

static void keep_note(void *user, const bp_epoch *e)
{
    (void)user;
    if (e->note)
        snprintf(last_note, sizeof last_note, "%s", e->note);
}

/* want NULL: no hint; else exactly one, with this text. */
static void expect(const char *what, setup s, const char *want)
{
    bp_error err = {0};
    bp_trainer *t = NULL;
    bp_data *d = make(&s);
    bp_model *m = bp_model_new(NULL);
    int64_t dims[] = {WIDE};
    bp_model_input(m, "x", 1, dims);
    bp_model_add(m, s.layers);
    const char *folder = rig_folder("lint");
    bp_task task = {.size = sizeof task, .model = m, .loss = s.loss, .seed = 2,
                    .init = s.init,
                    .optimizer = s.optimizer ? s.optimizer : "sgd(lr=0.001)"};
    task.target.dtype = s.classes ? BP_I32 : BP_F32;
    task.target.rank = !s.classes;
    task.target.dims[0] = 1;
    bp_trainer_options o = {.size = sizeof o, .train = d, .epochs = 2,
                            .batch = 16, .normalize = s.normalize,
                            .run_dir = folder, .on_epoch = keep_note};
    last_note[0] = 0;
    T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    int n = bp_trainer_hint_count(t);
    const char *hint = bp_trainer_hint(t, 0);
    T_CHECKF(n == (want != NULL), "%s: %d hints: %s", what, n,
             hint ? hint : "");
    T_CHECKF(!want || (hint && strstr(hint, want)), "%s: %s", what,
             hint ? hint : "");
    T_CHECK(!bp_trainer_hint(t, n) && !bp_trainer_hint(t, -1));
    T_OK(bp_trainer_run(t, &err), &err);
    char *log = rig_read(folder, "log.jsonl");
    T_CHECKF(!want == !strstr(log, "\"note\"") || strstr(log, "diverges"),
             "%s: %s", what, log);
    T_CHECKF(!want || strstr(log, want), "%s: %s", what, log);
    free(log);
    bp_trainer_free(t);
    bp_model_free(m);
    bp_data_free(d);
    rig_folder("lint");
}

int main(void)
{
    setup good = {"dense(8), relu, dense(1)", "mean_squared_error", 1.7, 0,
                  -2, 2, .normalize = BP_NORM_NONE};
    setup s = good;
    expect("good", good, NULL);
    s.layers = "dense(8), relu, dense(1), sigmoid";
    expect("sigmoid", s, "targets lie outside 0 to 1, which is all that "
           "sigmoid can give: sample");
    s.target_lo = 0;
    s.target_hi = 1;
    expect("sigmoid, good", s, NULL);
    s.target_lo = -2;
    s.layers = "dense(8), relu, dense(1), tanh";
    expect("tanh", s, "outside -1 to 1");
    s.layers = "dense(8), relu, dense(1), softplus";
    expect("softplus", s, "outside from 0");
    s = good;
    s.loss = "binary_cross_entropy";
    expect("a loss with a sigmoid", s, "the loss's sigmoid");
    s = good;
    s.target_lo = s.target_hi = 0.5;
    expect("constant targets", s, "all 64 targets are the same");
    s = good;
    s.shift = 1000;
    s.optimizer = "sgd(lr=1e-12)";
    s.init = "normal(std=0.001)";
    s.layers = "dense(1)";
    expect("large inputs", s, "6 of 6 features have a mean or deviation above "
           "10");
    s.normalize = BP_NORM_FEATURE;
    s.optimizer = s.init = NULL;
    expect("large inputs, normalized", s, NULL);
    setup classes = {"dense(8), tanh, dense(3)", "softmax_cross_entropy", 1, 0,
                     .classes = true};
    expect("classes", classes, NULL);
    classes.one_class = true;
    expect("one class", classes, "all 64 training samples are of class 1");
    classes.one_class = false;
    classes.layers = "dense(8, bias_init=constant(-50)), relu, dense(3)";
    expect("dead", classes, "8 of 8 relu units are 0 on all of 64");
    T_CHECKF(strstr(last_note, "dead: 8 of 8 units of layer 1"), "%s",
             last_note); /* after the epochs, too */
    classes.layers = "dense(8, bias_init=constant(50)), tanh, dense(3)";
    expect("saturated", classes, "8 of 8 units are saturated");
    classes.layers = "dense(8, bias_init=constant(-50)), sigmoid, dense(3)";
    expect("saturated sigmoid", classes, "8 of 8 units are saturated");
    T_CHECKF(strstr(last_note, "saturated: 8 of 8 units"), "%s", last_note);
    s = good;
    s.scale = 5; /* a curvature of 17: rates above 0.12 */
    s.layers = "dense(1)";
    s.optimizer = "sgd(lr=0.25)";
    expect("a rate that diverges", s, NULL);
    T_CHECKF(strstr(last_note, "diverges: the loss is"), "%s", last_note);
    return t_end();
}
