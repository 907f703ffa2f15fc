/* What `bprop new` sees in arrays: which are inputs and targets, by their names
 * or their shapes; what the model file says; what is refused. */
#include "config/config.h"
#include "source/arrays_draft.h"

#include "data/data.h"
#include "t.h"
#include "t_pictures.h"

#include <unistd.h>

enum { N = 40, WIDE = 3 };

static char path[200];
static float x[N * WIDE], numbers[N * 2], hot[N * 2];
static int32_t labels[N];
static uint8_t pixels[N * 10 * 12];

static const bp_array ax = {BP_F32, 2, {N, WIDE}, x, sizeof x};
static const bp_array ay = {BP_I32, 1, {N}, labels, sizeof labels};
static const bp_array anumbers = {BP_F32, 2, {N, 2}, numbers, sizeof numbers};
static const bp_array ahot = {BP_F32, 2, {N, 2}, hot, sizeof hot};
static const bp_array apixels = {BP_U8, 3, {N, 10, 12}, pixels, sizeof pixels};
static const bp_array aless = {BP_I32, 1, {N - 1}, labels,
                               sizeof labels - sizeof *labels};
static const bp_array alast = {BP_U8, 4, {N, 10, 4, 3}, pixels, sizeof pixels};

/* An .npz of up to four arrays, and a file that is none. */
static void write_npz(const char *const *names, const bp_array *const *arrays,
                      size_t n)
{
    char text[5][40];
    const char *file[5] = {text[0], text[1], text[2], text[3], text[4]};
    unsigned char note[] = "hello";
    t_bytes bytes[5];
    for (size_t i = 0; i < n; i++) {
        snprintf(text[i], sizeof text[i], "%s.npy", names[i]);
        bytes[i] = t_write_npy(arrays[i]);
    }
    snprintf(text[n], sizeof text[n], "readme");
    bytes[n] = (t_bytes){note, 5};
    T_REQUIRE(t_write_zip(path, file, bytes, n + 1, true));
    for (size_t i = 0; i < n; i++)
        free(bytes[i].data);
}

static void write_two(const char *a, const bp_array *x1, const char *b,
                      const bp_array *x2)
{
    write_npz((const char *const[]){a, b}, (const bp_array *const[]){x1, x2},
              2);
}

static void chosen_by_name(void)
{
    static const char *const cases[][3] = {
        {"y", "x", "x"},           {"X_train", "Y_train", "X_train"},
        {"train_labels", "train_images", "train_images"},
        {"Target", "Data", "Data"}, {"b", "a", "a"}, /* by shape */
        {"first", "second", "second"}};
    bp__array_draft d;
    bp_error err = {0};
    for (size_t i = 0; i < BP__ARRAY_LEN(cases); i++) {
        const char *input = cases[i][2];
        bool first = !strcmp(cases[i][0], input);
        write_two(cases[i][0], first ? &ax : &ay, cases[i][1],
                  first ? &ay : &ax);
        T_OK(bp__array_draft_look(path, NULL, NULL, &d, &err), &err);
        T_CHECKF(!strcmp(d.input, input) && d.classes && d.outputs == 4 &&
                     d.class_n[3] == N / 4 && d.n == N && !*d.others,
                 "case %zu: %s", i, d.input);
        bp__array_draft_free(&d);
    }
}

static void test_part(void)
{
    bp__array_draft d;
    bp__str s;
    bp_error err = {0};
    write_npz((const char *const[]){"x_test", "y_train", "x_train", "y_test"},
              (const bp_array *const[]){&ax, &ay, &ax, &ay}, 4);
    T_OK(bp__array_draft_look(path, NULL, NULL, &d, &err), &err);
    T_CHECK(d.test_input && !strcmp(d.test_input, "x_test") &&
            !strcmp(d.test_target, "y_test") && d.n_test == N);
    bp__str_init(&s, NULL);
    bp__array_draft_write(&d, &s);
    T_REQUIRE(s.s && strstr(s.s, "inputs: [\"x_test\"], target: \"y_test\"}}"));
    T_CHECK(strstr(s.s, "split: {valid: 0.15, seed: 1, stratify: true}") &&
            !strstr(s.s, "test: 0.2"));
    bp__str_free(&s);
    bp__array_draft_free(&d);
}

/* The file that is written is a model file, and its data fit it. */
static void is_model_file(void)
{
    static const struct {
        const bp_array *in, *out;
        const char *says;
    } cases[] = {{&ax, &ay, "input: [3] # numbers of a sample"},
                 {&ax, &anumbers, "dense: 2 # a number for each target"},
                 {&apixels, &ay, "input: [1, 10, 12] # grey, height, width"},
                 {&apixels, &anumbers, "dense: 2 # the numbers"}};
    for (size_t i = 0; i < BP__ARRAY_LEN(cases); i++) {
        bp__array_draft d;
        bp__str s;
        bp__config *c = NULL;
        bp__config_data data;
        bp_error err = {0};
        bp__str_init(&s, NULL);
        write_two("x", cases[i].in, "y", cases[i].out);
        T_OK(bp__array_draft_look(path, NULL, NULL, &d, &err), &err);
        bp__array_draft_write(&d, &s);
        bp__array_draft_free(&d);
        T_REQUIRE(s.s);
        T_CHECKF(strstr(s.s, cases[i].says), "%s", s.s);
        T_OK(bp__config_parse("draft.yaml", s.s, s.len, NULL, 0, &c, &err),
             &err);
        T_OK(bp__config_check_model(c, &err), &err);
        T_OK(bp__config_open(c, NULL, 7, &data, &err), &err);
        T_CHECK(data.split[0] && data.split[1] && data.split[2] &&
                bp_data_count(data.split[0]) + bp_data_count(data.split[1]) +
                        bp_data_count(data.split[2]) == N);
        bp__config_close(&data);
        bp__config_free(c);
        bp__str_free(&s);
    }
}

static void refused(const char *target, const char *test, bp_status want,
                    const char *says)
{
    bp__array_draft d;
    bp_error err = {0};
    bp_status st = bp__array_draft_look(path, target, test, &d, &err);
    T_CHECKF(st == want && strstr(err.message, says), "%s: %s",
             bp_status_text(st), err.message);
    if (!st)
        bp__array_draft_free(&d);
}

static void refusals(void)
{
    write_npz((const char *const[]){"a", "b", "c"},
              (const bp_array *const[]){&ax, &ay, &ay}, 3);
    refused(NULL, NULL, BP_EARG, "has the arrays a, b, c: which are inputs");
    refused("c", NULL, BP_EARG, "beside the target 'c' does not show");
    refused("q", NULL, BP_EARG, "holds no array 'q' (the target)");
    write_two("x", &ax, "y", &aless);
    refused(NULL, NULL, BP_ESHAPE, "'x' has 40 samples, its target 'y' has 39");
    write_two("x", &ax, "y", &ahot);
    refused(NULL, NULL, BP_EARG, "is one-hot");
    write_two("x", &alast, "y", &ay);
    refused(NULL, NULL, BP_ESHAPE, "has its channels last");
    write_two("x", &ay, "y", &ax);
    refused(NULL, NULL, BP_ESHAPE, "'x' has 1 axis");
    float whole = x[4];
    x[4] = (float)NAN;
    write_two("x", &ax, "y", &ay);
    refused(NULL, NULL, BP_ERANGE, "'x' holds nan in sample 1");
    x[4] = whole;
    labels[7] = -1;
    write_two("x", &ax, "y", &ay);
    refused(NULL, NULL, BP_ERANGE, "whole numbers from -1 to 3");
    labels[7] = 3;
    remove(path);
    refused(NULL, NULL, BP_ENOTFOUND, "cannot open");
}

int main(void)
{
    snprintf(path, sizeof path, "arrays-%ld.npz", (long)getpid());
    for (int i = 0; i < N * WIDE; i++)
        x[i] = (float)(i * 7 % 11) / 4;
    for (int i = 0; i < N; i++)
        labels[i] = i % 4;
    for (int i = 0; i < N * 2; i++) {
        numbers[i] = (float)i / 8;
        hot[i] = (float)(i % 2);
    }
    t_bytes none = {NULL, 0};
    const char *name = "a";
    if (!t_write_zip(path, &name, &none, 0, false)) {
        puts("skipped: no libarchive here");
        return 77;
    }
    chosen_by_name();
    test_part();
    is_model_file();
    refusals();
    remove(path);
    return t_end();
}
