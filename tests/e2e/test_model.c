/* A small network of most kinds of layer, trained on built-in digits: the file
 * of its weights is the same, byte for byte, at every level, from any number
 * of threads, and on every processor that this test is built for. Where an
 * order of sums changes on purpose, so does the number below (and README's):
 * the test prints the new one. */
#include "t.h"

#include "base/base.h"
#include "base/file.h"

#include <bprop/train.h>
#include <stdio.h>
#include <unistd.h>

static const uint64_t expected = 0x92728a84ca6f800c;
enum { SAMPLES = 203, BATCH = 37 };

static const char layers[] =
    "conv2d(8, kernel=3, padding=same), batch_norm, relu, max_pool2d(2), "
    "residual(body=[conv2d(8, kernel=3, padding=same), gelu, "
    "conv2d(8, kernel=3, padding=2, dilation=2, groups=2)]), "
    "leaky_relu(0.1), conv2d(13, kernel=5, stride=3), avg_pool2d(2), flatten, "
    "layer_norm, dense(24), tanh, dropout(0.25), dense(16), sigmoid, dense(10)";

static uint64_t train(const bp_model *model, bp_data *d, bp_level level, int threads)
{
    bp_error err = {0};
    bp_trainer *t = NULL;
    bp_runtime *rt = NULL;
    char path[64];
    bp_runtime_options ro = {.size = sizeof ro, .threads = threads,
                             .level = level};
    T_OK(bp_runtime_new(&ro, &rt, &err), &err);
    bp_task task = {.size = sizeof task, .model = model,
                    .target = {.dtype = BP_I32}, .metrics = "accuracy",
                    .loss = "softmax_cross_entropy", .seed = 7,
                    .optimizer = "adamw(lr=0.004, schedule=cosine(to=0))"};
    bp_trainer_options o = {.size = sizeof o, .runtime = rt, .train = d,
                            .normalize = BP_NORM_GLOBAL, .augment = {.shift = 1},
                            .epochs = 2, .batch = BATCH, .shards = 2};
    T_OK(bp_trainer_new(&task, &o, &t, &err), &err);
    T_OK(bp_trainer_run(t, &err), &err);
    snprintf(path, sizeof path, "model-%ld.safetensors", (long)getpid());
    T_OK(bp_store_save(bp_trainer_store(t), path, BP_KINDS_WEIGHTS, &err),
         &err);
    bp__file_data f;
    const bp_allocator *a = &bp__malloc_allocator;
    T_OK(bp__file_read(NULL, a, path, false, 0, &f, &err), &err);
    uint64_t h = bp__hash(BP__HASH_INIT, f.data, f.bytes);
    bp__file_free(a, &f);
    remove(path);
    bp_trainer_free(t);
    bp_runtime_free(rt);
    return h;
}

int main(void)
{
    bp_error err = {0};
    bp_data *d = NULL;
    bp_model *model = bp_model_new(NULL);
    bp_model_input(model, "image", 3, (const int64_t[]){1, 28, 28});
    bp_model_add(model, layers);
    T_CHECKF(bp_model_status(model) == BP_OK, "%s", bp_model_error(model));
    T_OK(bp_data_digits(BP_SPLIT_TRAIN, SAMPLES, 1, NULL, &d, &err), &err);
    for (int l = BP_LEVEL_AUTO; l <= BP_LEVEL_AVX512; l++) {
        if (l != BP_LEVEL_AUTO && !bp_level_available((bp_level)l))
            continue;
        static const int threads[] = {1, 3, 2, 8};
        for (int i = 0; i < (l == BP_LEVEL_AUTO ? 4 : 2); i++) {
            uint64_t h = train(model, d, (bp_level)l, threads[i]);
            T_CHECKF(h == expected, "level %s, %d threads: 0x%016llx",
                     bp_level_name((bp_level)l), threads[i],
                     (unsigned long long)h);
        }
    }
    bp_data_free(d);
    bp_model_free(model);
    return t_end();
}
