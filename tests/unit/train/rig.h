/* What the tests of training share: a small classification task over points
 * in the plane, and folders that come and go. */
#ifndef TRAIN_RIG_H
#define TRAIN_RIG_H

#include "t.h"

#include <bprop/train.h>

#include "base/file.h"

#include <unistd.h>

enum { RIG_TRAIN = 103, RIG_VALID = 40, RIG_CLASSES = 3 };

/* Class of a point: by its angle, with some noise in the points. */
static inline bp_data *rig_data(int64_t n, uint64_t seed)
{
    bp_array x, y;
    bp_data *d = NULL;
    bp_error err = {0};
    bp_data_options o = {.size = sizeof o};
    int64_t dims[2] = {n, 2};
    T_OK(bp_array_new(NULL, BP_F32, 2, dims, &x, &err), &err);
    T_OK(bp_array_new(NULL, BP_I32, 1, dims, &y, &err), &err);
    for (int64_t i = 0; i < n; i++) {
        int32_t k = (int32_t)(i % RIG_CLASSES);
        ((int32_t *)y.data)[i] = k;
        ((float *)x.data)[2 * i] =
            (float)(k == 0 ? 1 : -0.5) + (float)t_uniform(&seed, -0.4, 0.4);
        ((float *)x.data)[2 * i + 1] =
            (float)(k == 1 ? 0.9 : k == 2 ? -0.9 : 0) +
            (float)t_uniform(&seed, -0.4, 0.4);
    }
    T_OK(bp_data_from_arrays(&x, 1, &y, &o, &d, &err), &err);
    bp_array_free(NULL, &x);
    bp_array_free(NULL, &y);
    return d;
}

static inline bp_val rig_net(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    x = bp_nn_dense(nn, x, 8);
    x = bp_nn_batch_norm(nn, x, NULL);
    x = bp_nn_dropout(nn, bp_nn_relu(nn, x), 0.2);
    return bp_nn_dense(nn, x, RIG_CLASSES);
}

static inline bp_task rig_task(void)
{
    bp_task t = {.size = sizeof t,
                 .net = rig_net,
                 .n_inputs = 1,
                 .input = {{.rank = 1, .dims = {2}}},
                 .target = {.dtype = BP_I32},
                 .loss = "softmax_cross_entropy",
                 .metrics = "accuracy",
                 .optimizer = "adam(lr=0.01, schedule=cosine(to=0))",
                 .seed = 3};
    return t;
}

static inline bp_trainer_options rig_options(bp_data *train, bp_data *valid)
{
    bp_trainer_options o = {.size = sizeof o,
                            .train = train,
                            .valid = valid,
                            .test = valid,
                            .epochs = 3,
                            .batch = 16,
                            .log_every = 5};
    return o;
}

/* A fresh folder's name; its files are removed. */
static inline const char *rig_folder(const char *name)
{
    static const char *const files[] = {
        "checkpoint.safetensors", "best.safetensors", "last.safetensors",
        "log.jsonl", "curve.svg", "events.out.tfevents.bprop", "checkpoint.safetensors.tmp",
        "best.safetensors.tmp", "last.safetensors.tmp", "curve.svg.tmp",
    };
    static char folder[64][64];
    static int at;
    char path[200];
    char *f = folder[at++ % 64];
    snprintf(f, 64, "rig-%s-%ld", name, (long)getpid());
    for (size_t i = 0; i < BP__ARRAY_LEN(files); i++) {
        snprintf(path, sizeof path, "%s/%s", f, files[i]);
        unlink(path);
    }
    rmdir(f);
    return f;
}

/* A file of a run, as text; "seconds" and what follows is cut off each line
 * of a log. Freed by the caller. */
static inline char *rig_read(const char *folder, const char *file)
{
    char path[200];
    bp__file_data f;
    bp_error err = {0};
    snprintf(path, sizeof path, "%s/%s", folder, file);
    T_OK(bp__file_read(NULL, &bp__malloc_allocator, path, false, 0, &f, &err),
         &err);
    char *text = malloc(f.bytes + 1), *to = text;
    T_REQUIRE(text);
    bool log = strstr(file, ".jsonl") != NULL;
    for (size_t i = 0; i < f.bytes; i++) {
        const char *p = (const char *)f.data + i;
        if (log && !strncmp(p, ",\"seconds\"", 10))
            while (i + 1 < f.bytes && f.data[i + 1] != '\n')
                i++;
        else
            *to++ = (char)f.data[i];
    }
    *to = 0;
    bp__file_free(&bp__malloc_allocator, &f);
    return text;
}

static inline bool rig_same_file(const char *a, const char *b,
                                 const char *name)
{
    bp__file_data f, g;
    char path[200];
    bp_error err = {0};
    snprintf(path, sizeof path, "%s/%s", a, name);
    T_OK(bp__file_read(NULL, &bp__malloc_allocator, path, false, 0, &f, &err),
         &err);
    snprintf(path, sizeof path, "%s/%s", b, name);
    T_OK(bp__file_read(NULL, &bp__malloc_allocator, path, false, 0, &g, &err),
         &err);
    bool same = f.bytes == g.bytes && !memcmp(f.data, g.data, f.bytes);
    bp__file_free(&bp__malloc_allocator, &f);
    bp__file_free(&bp__malloc_allocator, &g);
    return same;
}

#endif
