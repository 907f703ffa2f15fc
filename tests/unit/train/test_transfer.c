/* Weights from other files: names by rules, types converted, transposed, all
 * that does not fit at once and then nothing changed; as the start of a run
 * that is stopped and gone on with. */
#include "rig.h"
#include "train/train.h"

#include "fmt/safetensors.h"

static const char *const file = "transfer.safetensors";

static void write_entries(const bp__st_entry *e, size_t n)
{
    bp_error err = {0};
    T_OK(bp__safetensors_write(NULL, &bp__malloc_allocator, file, e, n, NULL, 0,
                               &err), &err);
}

static bp_store *model(void)
{
    bp_store *s = bp_store_new(NULL);
    bp_error err = {0};
    const int64_t w[2] = {2, 3}, b[1] = {2};
    T_OK(bp_store_add(s, "0.weight", BP_VAR_PARAM, BP_F32, 2, w, &err), &err);
    T_OK(bp_store_add(s, "0.bias", BP_VAR_PARAM, BP_F32, 1, b, &err), &err);
    T_OK(bp_store_add(s, "1.running_mean", BP_VAR_BUFFER, BP_F32, 1, b, &err),
         &err);
    T_OK(bp_store_add(s, "optim.m", BP_VAR_OPTIM, BP_F32, 1, b, &err), &err);
    return s;
}

static const float *data(bp_store *s, const char *name)
{
    return bp_store_data(s, (size_t)bp_store_find(s, name));
}

static const float weight[6] = {1, 2, 3, 4, 5, 6}, bias[2] = {7, 8};
static const double mean[2] = {0.1, 1e-50};
static const int32_t batches = 12;

/* Other names, one of f64, PyTorch's count. */
static void write_plain(void)
{
    const bp__st_entry e[] = {
        {"fc1.weight", BP_F32, 2, {2, 3}, weight, sizeof weight},
        {"fc1.bias", BP_F32, 1, {2}, bias, sizeof bias},
        {"bn1.running_mean", BP_F64, 1, {2}, mean, sizeof mean},
        {"bn1.num_batches_tracked", BP_I32, 0, {0}, &batches, 4},
    };
    write_entries(e, 4);
}

static void test_map(void)
{
    static const bp_transfer_rule rules[] = {{"fc1.*", "0.*"},
                                             {"b?1.*_*", "1.*_*"}};
    bp_store *s = model();
    bp_transfer_options o = {.size = sizeof o, .n_map = 2, .map = rules};
    bp_transfer_report r;
    bp_error err = {0};
    write_plain();
    T_OK(bp_store_transfer(s, file, &o, &r, &err), &err);
    T_CHECK(r.taken == 3 && !r.missing && !r.extra && !r.shape);
    T_CHECK(strlen(r.hash) == 16);
    T_CHECK(!memcmp(data(s, "0.weight"), weight, sizeof weight));
    T_CHECK(!memcmp(data(s, "0.bias"), bias, sizeof bias));
    T_CHECK(data(s, "1.running_mean")[0] == 0.1f &&
            data(s, "1.running_mean")[1] == 0);
    bp_store_free(s);
}

typedef struct lines {
    int n;
    char text[8][200];
} lines;

static void keep(void *user, const char *line)
{
    lines *l = user;
    if (l->n < 8)
        snprintf(l->text[l->n], sizeof l->text[0], "%s", line);
    l->n++;
}

static bool has(const lines *l, const char *part)
{
    for (int i = 0; i < l->n && i < 8; i++)
        if (strstr(l->text[i], part))
            return true;
    return false;
}

static void test_report(void)
{
    static const float wide[8] = {0}, other[2] = {1, 1};
    static const bp_transfer_rule rules[] = {{"old.weight", "0.weight"}};
    const bp__st_entry e[] = {
        {"old.weight", BP_F32, 2, {2, 4}, wide, sizeof wide},
        {"offset", BP_F32, 1, {2}, other, sizeof other},
        {"1.running_mean", BP_F32, 1, {2}, bias, sizeof bias},
        {"optim.m", BP_F32, 1, {2}, other, sizeof other},
    };
    bp_store *s = model();
    lines l = {0};
    bp_transfer_options o = {.size = sizeof o, .n_map = 1, .map = rules,
                             .on_line = keep, .user = &l};
    bp_transfer_report r;
    bp_error err = {0};
    write_entries(e, 4);
    T_CHECK(bp_store_transfer(s, file, &o, &r, &err) == BP_ESHAPE);
    T_CHECK(r.taken == 1 && r.missing == 1 && r.extra == 2 && r.shape == 1);
    T_CHECK(l.n == 4);
    T_CHECK(has(&l, "missing: 0.bias f32[2]"));
    T_CHECK(has(&l, "extra: offset f32[2]") && has(&l, "extra: optim.m"));
    T_CHECK(has(&l, "other shape: 0.weight is f32[2,4] in the file, f32[2,3] "
                    "in the model"));
    T_CHECKF(strstr(err.message, "1 taken, 1 missing, 2 extra, 1 of another "
                                 "shape"), "%s", err.message);
    /* Nothing has changed; the message alone says it all, too. */
    T_CHECK(data(s, "1.running_mean")[0] == 0);
    o.on_line = NULL;
    T_CHECK(bp_store_transfer(s, file, &o, &r, &err) == BP_ESHAPE);
    T_CHECKF(strstr(err.message, "missing: 0.bias") &&
                 strstr(err.message, "other shape: 0.weight"), "%s",
             err.message);
    /* Each has its own permission. */
    for (int i = 0; i < 8; i++) {
        o.allow_missing = i & 1;
        o.allow_extra = i & 2;
        o.allow_shape = i & 4;
        T_CHECK((bp_store_transfer(s, file, &o, &r, &err) == BP_OK) ==
                (i == 7));
    }
    T_CHECK(data(s, "1.running_mean")[1] == 8 && data(s, "0.bias")[0] == 0);
    /* Left out by a rule: neither missing nor extra is said of it. */
    static const bp_transfer_rule drop[] = {{"old.*", NULL}, {"opt*", NULL},
                                            {"offset", "0.bias"}};
    o.n_map = 3;
    o.map = drop;
    o.allow_extra = o.allow_shape = false;
    T_OK(bp_store_transfer(s, file, &o, &r, &err), &err);
    T_CHECK(r.taken == 2 && r.missing == 1 && !r.extra && !r.shape);
    T_CHECK(data(s, "0.bias")[0] == 1);
    bp_store_free(s);
}

/* The only tensor of a missing one's shape is pointed at. */
static void test_hint(void)
{
    bp_store *s = model();
    bp_error err = {0};
    write_plain();
    T_CHECK(bp_store_transfer(s, file, NULL, NULL, &err) == BP_ESHAPE);
    T_CHECKF(strstr(err.message, "missing: 0.weight f32[2,3] (fc1.weight of "
                                 "the file has this shape)"), "%s",
             err.message);
    T_CHECKF(!strstr(err.message, "num_batches"), "%s", err.message);
    bp_store_free(s);
}

static void test_transpose(void)
{
    static const float t[6] = {1, 4, 2, 5, 3, 6};
    static const char *const pattern[] = {"*.weight"};
    const bp__st_entry e[] = {
        {"0.weight", BP_F32, 2, {3, 2}, t, sizeof t},
        {"0.bias", BP_F32, 1, {2}, bias, sizeof bias},
        {"1.running_mean", BP_F64, 1, {2}, mean, sizeof mean},
    };
    bp_store *s = model();
    bp_error err = {0};
    bp_transfer_options o = {.size = sizeof o, .n_transpose = 1,
                             .transpose = pattern};
    write_entries(e, 3);
    T_CHECK(bp_store_transfer(s, file, NULL, NULL, &err) == BP_ESHAPE);
    T_OK(bp_store_transfer(s, file, &o, NULL, &err), &err);
    T_CHECK(!memcmp(data(s, "0.weight"), weight, sizeof weight));
    static const char *const all[] = {"*"};
    o.transpose = all;
    T_CHECK(bp_store_transfer(s, file, &o, NULL, &err) == BP_ESHAPE);
    T_CHECK(strstr(err.message, "cannot be transposed"));
    bp_store_free(s);
}

static void test_wrong(void)
{
    static const struct {
        bp_transfer_rule rule;
        bp_status st;
        const char *says;
    } cases[] = {
        {{"fc2.*", "0.*"}, BP_ENOTFOUND, "no tensor of 'transfer.safetensors' "
                                         "is named \"fc2.*\"; there are "},
        {{"fc1.*", "0.weight"}, BP_EEXIST, "two tensors"},
        {{"fc1.weight", "*.weight"}, BP_EARG, "stars"},
    };
    bp_store *s = model();
    bp_error err = {0};
    write_plain();
    for (size_t i = 0; i < BP__ARRAY_LEN(cases); i++) {
        bp_transfer_options o = {.size = sizeof o, .n_map = 1,
                                 .map = &cases[i].rule};
        T_CHECK(bp_store_transfer(s, file, &o, NULL, &err) == cases[i].st);
        T_CHECKF(strstr(err.message, cases[i].says), "%s", err.message);
    }
    T_CHECK(bp_store_transfer(s, "nowhere", NULL, NULL, &err) ==
            BP_ENOTFOUND);
    /* A value that f32 does not have. */
    static const double huge[2] = {1e300, 0};
    const bp__st_entry e[] = {
        {"0.bias", BP_F64, 1, {2}, huge, sizeof huge},
        {"1.running_mean", BP_F64, 1, {2}, mean, sizeof mean},
    };
    bp_transfer_options o = {.size = sizeof o, .allow_missing = true};
    write_entries(e, 2);
    T_CHECK(bp_store_transfer(s, file, &o, NULL, &err) == BP_ENONFINITE);
    T_CHECKF(strstr(err.message, "0.bias"), "%s", err.message);
    T_CHECK(data(s, "1.running_mean")[0] == 0);
    bp_store_free(s);
}

/* What PyTorch wrote, into a store of f64 (the fixture is f32 or f64). */
static void test_types(void)
{
    bp_store *s = bp_store_new(NULL);
    bp_error err = {0};
    const int64_t w[2] = {2, 3};
    const bp__st_entry e[] = {
        {"w", BP_F32, 2, {2, 3}, weight, sizeof weight}};
    T_OK(bp_store_add(s, "w", BP_VAR_PARAM, BP_F64, 2, w, &err), &err);
    write_entries(e, 1);
    T_OK(bp_store_transfer(s, file, NULL, NULL, &err), &err);
    const double *x = bp_store_data(s, 0);
    T_CHECK(x[0] == 1 && x[5] == 6);
    /* bf16 and f16, as bytes of a file: 1.5 and -2 in each. */
    static const char header[] =
        "{\"a\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]},"
        "\"b\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[4,8]}}";
    static const unsigned char half[8] = {0xc0, 0x3f, 0x00, 0xc0,
                                          0x00, 0x3e, 0x00, 0xc0};
    FILE *f = fopen(file, "wb");
    T_REQUIRE(f);
    unsigned char size[8] = {sizeof header - 1};
    fwrite(size, 1, 8, f);
    fwrite(header, 1, sizeof header - 1, f);
    fwrite(half, 1, 8, f);
    fclose(f);
    bp_store_free(s);
    s = bp_store_new(NULL);
    T_OK(bp_store_add(s, "a", BP_VAR_PARAM, BP_F32, 1, w, &err), &err);
    T_OK(bp_store_add(s, "b", BP_VAR_PARAM, BP_F64, 1, w, &err), &err);
    T_OK(bp_store_transfer(s, file, NULL, NULL, &err), &err);
    const float *a = bp_store_data(s, 0);
    const double *b = bp_store_data(s, 1);
    T_CHECK(a[0] == 1.5f && a[1] == -2 && b[0] == 1.5 && b[1] == -2);
    bp_store_free(s);
}

static void stop_at_7(void *user, const bp_progress *p)
{
    if (!strcmp(p->split, "train") && p->step == 7)
        bp_trainer_stop(*(bp_trainer **)user);
}

/* One run starts another: its best weights; stopped and gone on with, even
 * when the first is gone. */
static void test_trainer(void)
{
    bp_data *d = rig_data(RIG_TRAIN, 1), *v = rig_data(RIG_VALID, 2);
    bp_task task = rig_task();
    bp_trainer_options o = rig_options(d, v);
    bp_trainer *t = NULL;
    bp_error err = {0};
    const char *first = rig_folder("from"), *second = rig_folder("to");
    const char *third = rig_folder("stopped");
    o.run_dir = first;
    T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    T_CHECK(!bp_trainer_transfer(t)->hash[0]);
    T_OK(bp_trainer_run(t, &err), &err);
    const bp_evaluation *best;
    T_OK(bp_trainer_evaluate(t, v, true, &best, &err), &err);
    double was = best->metric[0], loss = best->loss;
    bp_trainer_free(t);
    /* Evaluated before a step: what the first run had. */
    o.init_from = first;
    o.run_dir = second;
    task.seed = 77;
    T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    T_CHECK(bp_trainer_transfer(t)->taken == 8);
    T_OK(bp_trainer_evaluate(t, v, false, &best, &err), &err);
    T_CHECK(best->metric[0] == was && best->loss == loss);
    T_OK(bp_trainer_run(t, &err), &err);
    bp_trainer_free(t);
    /* The same, stopped in the middle. */
    o.run_dir = third;
    o.on_step = stop_at_7;
    o.user = &t;
    T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    T_CHECK(bp_trainer_run(t, &err) == BP_ECANCELED);
    bp_trainer_free(t);
    o.on_step = NULL;
    o.init_from = "gone";
    o.resume = true;
    T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    T_CHECK(!bp_trainer_transfer(t)->hash[0]);
    T_OK(bp_trainer_run(t, &err), &err);
    bp_trainer_free(t);
    char *a = rig_read(second, "log.jsonl"), *b = rig_read(third, "log.jsonl");
    T_CHECK(!strcmp(a, b));
    free(a);
    free(b);
    /* A run of another start is another run. */
    o.init_from = NULL;
    T_CHECK(bp_trainer_new(&task, &o, &t, &err) == BP_EARG);
    /* What does not fit leaves no folder. */
    o.resume = false;
    o.init_from = file;
    o.run_dir = rig_folder("none");
    T_CHECK(bp_trainer_new(&task, &o, &t, &err) == BP_ESHAPE);
    T_CHECKF(strstr(err.message, "init_from: "), "%s", err.message);
    T_CHECK(!bp__file_exists(NULL, o.run_dir));
    bp_data_free(d);
    bp_data_free(v);
    rig_folder("from");
    rig_folder("to");
    rig_folder("stopped");
}

int main(void)
{
    test_map();
    test_report();
    test_hint();
    test_transpose();
    test_wrong();
    test_types();
    test_trainer();
    unlink(file);
    return t_end();
}
