/* Targets at the ends of what numbers can be: a run ends, or says why not,
 * and a request to stop is heard while it does. */
#include "rig.h"

#include "train/train.h"

enum { N = 60 };

static bp_data *data_of(float scale, float base)
{
    bp_array x, y;
    bp_data *d = NULL;
    bp_error err = {0};
    bp_data_options o = {.size = sizeof o};
    uint64_t seed = 5;
    T_OK(bp_array_new(NULL, BP_F32, 2, (int64_t[]){N, 2}, &x, &err), &err);
    T_OK(bp_array_new(NULL, BP_F32, 2, (int64_t[]){N, 1}, &y, &err), &err);
    for (int i = 0; i < 2 * N; i++)
        ((float *)x.data)[i] = (float)t_uniform(&seed, -1, 1);
    for (int i = 0; i < N; i++)
        ((float *)y.data)[i] = base + scale * (float)t_uniform(&seed, -1, 1);
    T_OK(bp_data_from_arrays(&x, 1, &y, &o, &d, &err), &err);
    bp_array_free(NULL, &x);
    bp_array_free(NULL, &y);
    return d;
}

static bp_val net(bp_nn *nn, bp_val x, void *user)
{
    (void)user;
    return bp_nn_dense(nn, x, 1);
}

static bp_task task_of(bp_dtype dtype)
{
    return (bp_task){.size = sizeof(bp_task), .net = net, .n_inputs = 1,
                     .input = {{.rank = 1, .dims = {2}}},
                     .target = {.rank = 1, .dims = {1}, .dtype = BP_F32},
                     .loss = "mean_squared_error", .dtype = dtype,
                     .metrics = "mean_squared_error, mean_absolute_error",
                     .optimizer = "adam(lr=0.01, schedule=plateau)",
                     .seed = 1};
}

static void train(float scale, float base, bp_dtype dtype)
{
    const char *folder = rig_folder("extreme");
    bp_data *d = data_of(scale, base);
    bp_task task = task_of(dtype);
    bp_trainer_options o = rig_options(d, d);
    bp_trainer *t = NULL;
    bp_error err = {0};
    o.run_dir = folder;
    o.tensorboard = true;
    bp_status st = bp_trainer_new(&task, &o, &t, &err);
    if (!st)
        st = bp_trainer_run(t, &err);
    T_CHECKF(!st || (err.status == st && err.message[0]), "%g, %g: %d",
             (double)scale, (double)base, (int)st);
    T_CHECKF(!st || st == BP_ENONFINITE || st == BP_EARG, "%g, %g: %s",
             (double)scale, (double)base, err.message);
    if (!st) {
        char *svg = rig_read(folder, "curve.svg");
        T_CHECK(strstr(svg, "</svg>") && strlen(svg) < 100000);
        free(svg);
    }
    bp_trainer_free(t);
    bp_data_free(d);
    rig_folder("extreme");
}

int main(void)
{
    static const float bases[] = {0,       1e-45f, -1e-38f, 0x1p24f, 0x1p53f,
                                  2e8f,    -2e8f,  0x1p62f, 1e19f,   -1e30f,
                                  3.4e38f, -3.4e38f};
    for (size_t i = 0; i < BP__ARRAY_LEN(bases); i++)
        for (int k = 0; k < 3; k++)
            for (int wide = 0; wide < 2; wide++)
                train(k == 0 ? 0 : k == 1 ? bases[i] / 2 : 1e-40f, bases[i],
                      wide ? BP_F64 : BP_F32);
    return t_end();
}
