/* A row has its bits in any batch: networks of every kind of layer, at sizes
 * where a kernel, a layout or the order of a sum changes. Shipped and drafted
 * model files are in tests/config. */
#include "t.h"
#include "t_batch.h"

static void check(int rank, const int64_t *dims, const char *layers,
                  double lo, double hi)
{
    bp_model *m = bp_model_new(NULL);
    bp_model_input(m, "x", rank, dims);
    bp_model_add(m, layers);
    T_CHECKF(bp_model_status(m) == BP_OK, "%s: %s", layers, bp_model_error(m));
    bp_task t = {.size = sizeof t, .model = m, .seed = 3,
                 .loss = "mean_squared_error", .target = {.dtype = BP_F32}};
    t_batch_check(&t, lo, hi, false, layers);
    bp_model_free(m);
}

static void pictures(int64_t c, int64_t h, int64_t w, const char *layers)
{
    const int64_t dims[3] = {c, h, w};
    check(3, dims, layers, -1, 1);
}

static void numbers(int64_t n, const char *layers)
{
    check(1, &n, layers, -1, 1);
}

/* One to four tiles of Winograd, all of it or a part; direct ones beside. */
static void convolutions(void)
{
    for (int64_t h = 3; h <= 9; h++)
        pictures(16, h, 12 - h, "conv2d(17, kernel=3, padding=same), relu");
    pictures(16, 8, 8, "conv2d(16, kernel=3, padding=same), batch_norm, relu, "
                       "conv2d(33, kernel=3), global_avg_pool2d");
    pictures(19, 5, 7, "conv2d(16, kernel=3, padding=1, stride=2), tanh, "
                       "conv2d(21, kernel=1), max_pool2d(2)");
    pictures(3, 9, 11, "conv2d(8, kernel=5, padding=same), "
                       "residual(body=[conv2d(8, kernel=3, padding=2, "
                       "dilation=2, groups=4)]), avg_pool2d(3), flatten, "
                       "dense(5)");
    pictures(16, 5, 6, "conv_transpose2d(16, kernel=3), relu, "
                       "conv_transpose2d(3, kernel=2, stride=2)");
    pictures(2, 6, 5, "upsample(2), conv2d(4, kernel=3, padding=same), "
                      "instance_norm, group_norm(2)");
}

/* Sums that are long enough to be cut, were they one sum. */
static void long_sums(void)
{
    pictures(5, 61, 67, "global_avg_pool2d");
    pictures(1, 99, 101, "conv2d(3, kernel=1), global_avg_pool2d");
    pictures(2, 70, 71, "group_norm(1), flatten, dense(1)");
    numbers(9001, "rms_norm, dense(3), softmax");
}

static void rows_of_numbers(void)
{
    static const int64_t sizes[] = {1, 7, 16, 33, 320, 321, 785};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        numbers(sizes[i], "dense(1)");
        numbers(sizes[i], "dense(19), layer_norm, gelu, dense(7), softmax");
        numbers(sizes[i], "ensemble(members=3, body=[dense(18), relu, "
                          "dense(3)])");
    }
    check(2, (const int64_t[]){6, 21}, "conv1d(16, kernel=3, padding=1), relu, "
          "conv1d(5, kernel=4), flatten, dense(3), log_softmax", -1, 1);
    const int64_t words = 5;
    check(1, &words, "embedding(count=11, dim=6), flatten, dense(4)", 0, 11);
}

int main(void)
{
    convolutions();
    long_sums();
    rows_of_numbers();
    return t_end();
}
