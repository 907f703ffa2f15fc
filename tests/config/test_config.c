/* Model files: every kind of mistake with its exact line and column, all of
 * them at once; defaults; what is written back reads as the same. */
#include "t.h"

#include "config/config.h"
#include "config/yaml.h"

#include <dirent.h>

#define HEAD                                                            \
    "model:\n"                                                          \
    "  input: [4]\n"                                                    \
    "  layers:\n"                                                       \
    "    - dense: 3\n"                                                  \
    "loss: softmax_cross_entropy\n"

typedef struct config_case {
    const char *text, *problems;
} config_case;

static const config_case bad[] = {
    /* keys */
    {HEAD "trian: {}\n", "m.yaml:6:1: unknown key 'trian' (did you mean "
                         "'train'?)"},
    {HEAD "xyz: 1\n",
     "m.yaml:6:1: unknown key 'xyz'; expected name, model, loss, metrics, "
     "penalty, optimizer, data or train"},
    {HEAD "train: {epoch: 3}\n", "m.yaml:6:9: unknown key 'epoch' in train "
                                 "(did you mean 'epochs'?)"},
    {HEAD "train: {epochs: 1, epochs: 2}\n",
     "m.yaml:6:20: key 'epochs' stands twice; first in line 6"},
    {"loss: softmax_cross_entropy\n", "m.yaml:1:1: the file needs key "
                                      "'model'"},
    {"model: {layers: [relu]}\nloss: softmax_cross_entropy\n",
     "m.yaml:1:8: model needs key 'input'"},
    {"- a\n", "m.yaml:1:1: the file: expected a map of keys and values, got a "
              "list of 1"},
    {HEAD "train: 3\n", "m.yaml:6:8: train: expected a map of keys and "
                        "values, got 3"},
    /* numbers */
    {HEAD "train: {epochs: 0}\n",
     "m.yaml:6:17: train.epochs: expected a whole number from 1, got 0"},
    {HEAD "train: {batch: 6.5}\n",
     "m.yaml:6:16: train.batch: expected a whole number from 1, got 6.5"},
    {HEAD "train: {batch: \"64\"}\n",
     "m.yaml:6:16: train.batch: expected a whole number from 1, got \"64\""},
    {HEAD "train: {seed: [1]}\n",
     "m.yaml:6:15: train.seed: expected a whole number from 0, got a list of "
     "1"},
    {HEAD "train: {shards: 5000}\n",
     "m.yaml:6:17: train.shards: expected a whole number from 1 to 4096, got "
     "5000"},
    {HEAD "train: {target: high}\n",
     "m.yaml:6:17: train.target: expected a number, got high"},
    {HEAD "train: {target: .inf}\n",
     "m.yaml:6:17: train.target: expected a number, got .inf"},
    {HEAD "data: {train: digits, split: {valid: 1}}\n",
     "m.yaml:6:38: data.split.valid: expected a number from 0 to below 1, got "
     "1"},
    /* words */
    {HEAD "train: {dtype: f16}\n", "m.yaml:6:16: train.dtype: unknown name "
                                   "'f16' (did you mean 'f32' or 'f64'?)"},
    {HEAD "train: {dtype: {a: 1}}\n",
     "m.yaml:6:16: train.dtype: expected f32 or f64, got a map with key a"},
    {HEAD "metrics: [accuracy]\ntrain: {monitor: acuracy}\n",
     "m.yaml:7:18: train.monitor: 'acuracy' is neither loss nor one of the "
     "metrics (did you mean 'accuracy'?)"},
    /* data */
    {HEAD "data: {train: {}}\n",
     "m.yaml:6:15: data.train: expected one of idx, npy, npz, csv, pictures or digits, got none"},
    {HEAD "data:\n  train:\n    digits: {}\n    npy: {inputs: a, target: b}\n",
     "m.yaml:8:5: data.train: expected one of idx, npy, npz, csv, pictures or digits, got several"},
    {HEAD "data: {train: {digits: {}, range: [5, 5]}}\n",
     "m.yaml:6:35: data.train.range: the first number must be smaller than the "
     "second, which is excluded"},
    {HEAD "data: {train: {digits: {}, range: [5]}}\n",
     "m.yaml:6:35: data.train.range: expected a list of 2 whole numbers, got a "
     "list of 1"},
    {HEAD "data: {train: {idx: {images: x}}}\n",
     "m.yaml:6:21: data.train.idx needs key 'labels'"},
    {HEAD "data: {valid: {digits: {}, augment: {shift: 1}}}\n",
     "m.yaml:6:28: unknown key 'augment' in data.valid; expected idx, npy, npz, csv, pictures, "
     "digits or range"},
    {HEAD "data: {train: digits, test: digits, split: {test: 0.5}}\n",
     "m.yaml:6:23: data.test and data.split.test exclude each other"},
    /* the model */
    {"model:\n  input: [4, x]\n  layers: [relu]\nloss: "
     "softmax_cross_entropy\n",
     "m.yaml:2:14: model.input: expected a whole number from 1, got x"},
    {"model: {input: [], layers: [relu]}\nloss: softmax_cross_entropy\n",
     "m.yaml:1:16: model.input: expected a list of 1 to 7 whole numbers, got a "
     "list of 0"},
    {"model: {input: 4, layers: relu}\nloss: softmax_cross_entropy\n",
     "m.yaml:1:27: model.layers: expected a list of layers, got relu"},
    {"model:\n  input: 4\n  layers:\n    - dense: 3\n      name: x\nloss: "
     "softmax_cross_entropy\n",
     "m.yaml:4:7: expected one layer, got 'dense' and 'name' side by side "
     "(indent what belongs to 'dense')"},
    {"model:\n  input: 4\n  layers:\n    - [relu]\nloss: "
     "softmax_cross_entropy\n",
     "m.yaml:4:7: expected a layer: a name, or {name: arguments}; got a list "
     "of 1"},
    {"model:\n  input: 4\n  layers:\n    - dense: {units: [1, 2]}\nloss: "
     "softmax_cross_entropy\n",
     "m.yaml:4:22: dense: units: expected a whole number from 1, got a list of "
     "2"},
    {"model:\n  input: 4\n  layers:\n    - dense: {units: 3, name: [a]}\nloss: "
     "softmax_cross_entropy\n",
     "m.yaml:4:31: name: expected a name, got a list of 1"},
    {"model:\n  input: 4\n  layers:\n    - relu: 3\nloss: "
     "softmax_cross_entropy\n",
     "m.yaml:4:13: relu takes no value, got 3"},
};

/* Places only: the words are those of nn's tables. */
static const struct {
    const char *text;
    int line, column;
    const char *words[2];
} kinds[] = {
    {"model:\n  input: 4\n  layers:\n    - danse: 3\nloss: "
     "softmax_cross_entropy\n", 4, 7, {"danse", "dense"}},
    {"model:\n  input: 4\n  layers:\n    - dense: {unit: 3}\nloss: "
     "softmax_cross_entropy\n", 4, 15, {"unit", "units"}},
    {"model:\n  input: 4\n  layers:\n    - dense:\nloss: "
     "softmax_cross_entropy\n", 4, 7, {"dense", "units"}},
    {"model:\n  input: 4\n  layers:\n    - dropout: 1.5\nloss: "
     "softmax_cross_entropy\n", 4, 16, {"dropout", "1.5"}},
    {"model:\n  input: 4\n  layers:\n    - residual: {body: [dense: 3, "
     "rlu]}\nloss: softmax_cross_entropy\n", 4, 35, {"rlu", "relu"}},
    {"model:\n  input: 4\n  layers: [dense: 3]\nloss: sofmax_cross_entropy\n",
     4, 7, {"sofmax_cross_entropy", "softmax_cross_entropy"}},
    {HEAD "metrics: [acuracy]\n", 6, 11, {"acuracy", "accuracy"}},
    {HEAD "optimizer: {adm: {lr: 1}}\n", 6, 13, {"adm", "adam"}},
    {HEAD "optimizer: {adam: {lr: -1}}\n", 6, 24, {"lr", "-1"}},
    {HEAD "optimizer: {sgd: {lr: 1, schedule: {cosin: {to: 0}}}}\n", 6, 37,
     {"cosin", "cosine"}},
    {HEAD "penalty: {l3: 1}\n", 6, 11, {"l3", "l2"}},
    {"model: {input: 4, init: nrmal, layers: [dense: 3]}\nloss: "
     "softmax_cross_entropy\n", 1, 25, {"nrmal", "normal"}},
};

static bp__config *load(const char *text, const char *set)
{
    bp__config *c = NULL;
    bp_error err = {0};
    bp_status st = bp__config_parse("m.yaml", text, strlen(text), &set,
                                    set ? 1 : 0, &c, &err);
    T_REQUIRE(c);
    T_CHECK((st == BP_OK) == (c->resolved != NULL));
    T_CHECKF(st == BP_OK || st == BP_EFORMAT, "%s", err.message);
    return c;
}

static void test_problems(void)
{
    for (size_t i = 0; i < BP__ARRAY_LEN(bad); i++) {
        bp__config *c = load(bad[i].text, NULL);
        const char *got = c->problems.s ? c->problems.s : "";
        T_CHECKF(!strcmp(got, bad[i].problems), "%s got:  %s\n want: %s",
                 bad[i].text, got, bad[i].problems);
        bp__config_free(c);
    }
    for (size_t i = 0; i < BP__ARRAY_LEN(kinds); i++) {
        char place[40];
        bp__config *c = load(kinds[i].text, NULL);
        const char *got = c->problems.s ? c->problems.s : "";
        snprintf(place, sizeof place, "m.yaml:%d:%d: ", kinds[i].line,
                 kinds[i].column);
        T_CHECKF(!strncmp(got, place, strlen(place)) && !strchr(got, '\n') &&
                     strstr(got, kinds[i].words[0]) &&
                     strstr(got, kinds[i].words[1]),
                 "%s got: %s\n want: %s ... %s ... %s", kinds[i].text, got,
                 place, kinds[i].words[0], kinds[i].words[1]);
        bp__config_free(c);
    }
}

/* Every problem of a file comes at once, in the order of the file. */
static void test_all_at_once(void)
{
    bp__config *c = load("model:\n  input: [4, x]\n  layers:\n    - danse: 3\n"
                         "    - dropout: 2\n    - rlu\nloss: triplet\n"
                         "metrics: [acuracy]\noptimizer: adm\n"
                         "train: {epochs: 0, batch: 0}\nfoo: 1\n", NULL);
    static const char *const places[] = {
        ":2:14: ", ":4:7: ", ":5:16: ", ":6:7: ", ":7:7: ", ":8:11: ",
        ":9:12: ", ":10:17: ", ":10:27: ", ":11:1: ",
    };
    const char *s = c->problems.s;
    for (size_t i = 0; i < BP__ARRAY_LEN(places); i++) {
        const char *at = strstr(s, places[i]);
        T_CHECKF(at != NULL, "%s is missing or out of order in\n%s", places[i],
                 c->problems.s);
        s = at ? at : s;
    }
    bp__config_free(c);
}

static char *printed(const bp__config *c)
{
    bp__str s;
    bp__str_init(&s, NULL);
    bp__config_print(c, &s);
    char *copy = s.s ? strdup(s.s) : NULL;
    bp__str_free(&s);
    T_REQUIRE(copy);
    return copy;
}

static bool same_text(const char *a, const char *b)
{
    return (!a && !b) || (a && b && !strcmp(a, b));
}

/* config.yaml gives the same configuration, texts and tree. */
static void check_round_trip(const char *file, const char *text)
{
    bp__config *c = NULL, *d = NULL;
    bp_error err = {0};
    T_OK(bp__config_parse(file, text, strlen(text), NULL, 0, &c, &err), &err);
    char *first = printed(c);
    T_OK(bp__config_parse("config.yaml", first, strlen(first), NULL, 0, &d,
                          &err), &err);
    char *second = printed(d);
    T_CHECKF(!strcmp(first, second), "%s:\n%s\nbecame\n%s", file, first,
             second);
    T_CHECK(same_text(c->task.loss, d->task.loss));
    T_CHECK(same_text(c->task.metrics, d->task.metrics));
    T_CHECK(same_text(c->task.penalty, d->task.penalty));
    T_CHECK(same_text(c->task.optimizer, d->task.optimizer));
    T_CHECK(same_text(c->task.init, d->task.init));
    T_CHECK(same_text(c->name, d->name));
    T_CHECK(c->train.batch == d->train.batch);
    bp__str diff;
    bp__str_init(&diff, NULL);
    bp__config_difference(c, d, &diff);
    T_CHECKF(diff.len == 0, "%s", diff.len ? diff.s : "");
    T_OK(bp__config_check_model(c, &err), &err);
    T_OK(bp__config_check_model(d, &err), &err);
    bp__str_free(&diff);
    free(first);
    free(second);
    bp__config_free(c);
    bp__config_free(d);
}

static int round_trip_folder(const char *folder)
{
    char path[1000];
    int n = 0;
    DIR *dir = opendir(folder);
    T_REQUIRE(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        bp__file_data f;
        bp_error err = {0};
        size_t len = strlen(e->d_name);
        if (len < 5 || strcmp(e->d_name + len - 5, ".yaml"))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        T_OK(bp__file_read(NULL, &bp__malloc_allocator, path, false, 0, &f,
                           &err), &err);
        check_round_trip(e->d_name, (const char *)f.data);
        bp__file_free(&bp__malloc_allocator, &f);
        n++;
    }
    closedir(dir);
    return n;
}

static void test_round_trip(void)
{
    T_CHECK(round_trip_folder(BPROP_SOURCE_DIR "/models") >= 4);
    T_CHECK(round_trip_folder(BPROP_SOURCE_DIR "/models/nielsen") >= 4);
    check_round_trip(
        "layers.yaml",
        "name: odd\n"
        "model:\n"
        "  input: [2, 8, 8]\n"
        "  layers:\n"
        "    - conv_transpose2d: {filters: 4, kernel: 2, stride: 2,\n"
        "        init: {kaiming_normal: fan_out}}\n"
        "    - group_norm: 2\n"
        "    - mish\n"
        "    - upsample: {scale: [1, 2], mode: bilinear}\n"
        "    - conv2d: {filters: 6, kernel: 3, stride: 2}\n"
        "    - instance_norm: true\n"
        "    - prelu: channel\n"
        "    - maxout: 2\n"
        "    - flatten\n"
        "    - dense: {units: 12, init: {orthogonal: 0.5}}\n"
        "    - hard_tanh: {low: -2, high: 2}\n"
        "    - rms_norm\n"
        "    - dense: 4\n"
        "    - log_softmax\n"
        "loss: nll\n"
        "metrics: [accuracy, top_k: 2]\n"
        "optimizer: {adam: {lr: 0.01}}\n");
    check_round_trip(
        "odd.yaml",
        "name: \"a: b\"\n"
        "model:\n"
        "  input: {a: [2, 5], \"b\": [3]}\n"
        "  init: {uniform: 0.1}\n"
        "  layers:\n"
        "    - flatten: {from: a}\n"
        "    - dense: {units: 3, name: left}\n"
        "    - add: {from: [left, b]}\n"
        "    - residual:\n"
        "        body: [dense: 3, {leaky_relu: 0.1}]\n"
        "    - dense: 1\n"
        "loss: {mean_squared_error: {form: half_sum}}\n"
        "metrics: {mean_absolute_error: }\n"
        "penalty: {l2: 1.0e-3}\n"
        "optimizer: {momentum: {lr: 0.1, schedule: {warmup: {steps: 10, then: "
        "{step: {every: 3}}}}}}\n"
        "data:\n"
        "  train: {npy: {inputs: [a.npy, 'b c.npy'], target: t.npy}}\n"
        "  split: {valid: 0.1}\n"
        "  classes: ['0', \"two words\"]\n"
        "  fitted: [{mean: [0.1, 1e-300], std: [1, 2]}]\n"
        "train: {target: 0.1, monitor: mean_absolute_error, seed: "
        "9007199254740992}\n");
}

static void test_values(void)
{
    bp__config *c = load(HEAD, NULL);
    T_REQUIRE(c->resolved);
    T_CHECK(c->train.epochs == 10 && c->train.batch == 64);
    T_CHECK(c->train.shards == 1 && c->train.checkpoint_seconds == 30);
    T_CHECK(c->task.dtype == BP_F32 && c->task.seed == 1);
    T_CHECK(c->task.optimizer && !strncmp(c->task.optimizer, "adam", 4));
    T_CHECK(!c->task.metrics && c->train.normalize == BP_NORM_NONE);
    T_CHECK(!strcmp(c->name, "m"));
    bp__config_free(c);

    c = load(HEAD "data: {train: digits}\n", "train.dtype=f64");
    T_REQUIRE(c->resolved);
    T_CHECK(c->task.dtype == BP_F64 && c->train.normalize == BP_NORM_GLOBAL);
    T_CHECK(c->has_data[BP_SPLIT_TRAIN] && !c->has_data[BP_SPLIT_VALID]);
    bp__config_free(c);

    c = load(HEAD, "train.epochs=0");
    T_CHECK(!strcmp(c->problems.s, "--set train.epochs: train.epochs: "
                                   "expected a whole number from 1, got 0"));
    bp__config_free(c);
    c = load(HEAD, "train.epoch=1");
    T_CHECK(!strcmp(c->problems.s, "--set train.epoch: unknown key 'epoch' in "
                                   "train (did you mean 'epochs'?)"));
    bp__config_free(c);
    c = load(HEAD, "model.layers.0.dense.bias=false");
    T_CHECK(c->resolved != NULL);
    bp__config_free(c);
}

static void test_shapes(void)
{
    bp_error err = {0};
    bp__config *c = load("model:\n  input: [1, 28, 28]\n  layers:\n"
                         "    - conv2d: {filters: 8, kernel: 5}\n"
                         "    - max_pool2d: 30\n"
                         "loss: softmax_cross_entropy\n", NULL);
    T_REQUIRE(c->resolved);
    T_CHECK(bp__config_check_model(c, &err) == BP_ESHAPE);
    T_CHECKF(!strncmp(err.message, "m.yaml:5:7: ", 12) &&
                 strstr(err.message, "max_pool2d") &&
                 strstr(err.message, "8,24,24"),
             "%s", err.message);
    bp__config_free(c);
}

static void test_difference(void)
{
    bp__config *a = load(HEAD "train: {epochs: 3, seed: 4}\n", NULL);
    bp__config *b = load(HEAD "train: {epochs: 9, seed: 5, log_every: 2}\n"
                              "metrics: accuracy\n", NULL);
    bp__str s;
    bp__str_init(&s, NULL);
    bp__config_difference(a, b, &s);
    T_CHECKF(!strcmp(s.s, "metrics, train.seed"), "%s", s.s);
    bp__str_free(&s);
    bp__config_free(a);
    bp__config_free(b);
}

/* Every default of the table must itself pass the table. */
static void check_defaults(const bp__skey *map)
{
    const bp__skey *k;
    for (size_t i = 0; (k = bp__schema_key(map, i)); i++) {
        if (k->type == BP__S_MAP)
            check_defaults(k);
        if (!k->fallback || !k->fallback[0] || k->type == BP__S_CUSTOM)
            continue;
        bp__arena ar;
        bp__diags d;
        bp__arena_init(&ar, NULL);
        bp__diags_init(&d, &ar);
        bp__scheck c = {&d, NULL};
        bp__ynode *v =
            bp__yaml_parse(&d, "d", k->fallback, strlen(k->fallback));
        T_CHECKF(v && bp__schema_value(&c, k->name, k, v) && !d.n,
                 "the default of %s", k->name);
        bp__ynode *w = bp__yaml_value(&ar, v->at, k->fallback);
        bp__str a, b;
        bp__str_init(&a, NULL);
        bp__str_init(&b, NULL);
        bp__yaml_print(v, &a);
        bp__yaml_print(w, &b);
        T_CHECKF(!strcmp(a.s, b.s) && v->plain == w->plain,
                 "the default of %s is %s, not %s", k->name, a.s, b.s);
        bp__str_free(&a);
        bp__str_free(&b);
        bp__arena_free(&ar);
    }
}

int main(void)
{
    test_problems();
    test_all_at_once();
    test_round_trip();
    test_values();
    test_shapes();
    test_difference();
    check_defaults(&bp__config_key);
    return t_end();
}
