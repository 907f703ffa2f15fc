/* The reader on the real files of MNIST, where they are. */
#include "base/base.h"
#include "t.h"

#include <bprop/data.h>

int main(void)
{
    const char *folder = t_shared_data();
    if (!folder)
        t_skip("no data sets beside the checkout");
    char images[1100], labels[1100];
    snprintf(images, sizeof images, "%s/mnist/train-images-idx3-ubyte.gz",
             folder);
    snprintf(labels, sizeof labels, "%s/mnist/train-labels-idx1-ubyte.gz",
             folder);
    bp_data *d, *part;
    bp_error err = {0};
    bp_status s = bp_data_from_idx(images, labels, NULL, &d, &err);
    if (s == BP_EUNSUPPORTED)
        t_skip("built without zlib");
    T_OK(s, &err);
    T_CHECK(bp_data_count(d) == 60000 && bp_data_classes(d) == 10);
    static const int32_t first[10] = {5, 0, 4, 1, 9, 2, 1, 3, 1, 4};
    static const int64_t per_class[10] = {5923, 6742, 5958, 6131, 5842,
                                          5421, 5918, 6265, 5851, 5949};
    bp_array y;
    T_REQUIRE(bp_data_target(d, &y));
    T_CHECK(!memcmp(y.data, first, sizeof first));
    int64_t count[10] = {0};
    for (int64_t i = 0; i < y.dims[0]; i++)
        count[((int32_t *)y.data)[i]]++;
    T_CHECK(!memcmp(count, per_class, sizeof count));
    bp_norm *n;
    T_OK(bp_norm_fit(d, 0, BP_NORM_GLOBAL, NULL, &n, &err), &err);
    T_NEAR(bp_norm_mean(n)[0] / 255, 0.1307, 5e-5);
    T_NEAR(bp_norm_std(n)[0] / 255, 0.3081, 5e-5);
    bp_data_report r = {0};
    bp_data_expect e = {.size = sizeof e, .n_inputs = 1, .rank = {3},
                        .dims = {{1, 28, 28}}, .target = BP_TARGET_CLASS,
                        .n_classes = 10};
    T_CHECK(bp_data_check(d, &e, "train", &r) == BP_OK);
    T_CHECK(r.n_records == 60000 && r.n_bad == 0);
    e.n_classes = 9;
    T_CHECK(bp_data_check(d, &e, "train", &r) == BP_ERANGE);
    T_CHECK(r.n_bad == 5949 && strstr(r.text, "5949 labels"));
    T_OK(bp_data_slice(d, 50000, 60000, &part, &err), &err);
    T_CHECK(bp_data_count(part) == 10000);
    bp_data_free(part);
    bp_norm_free(n);
    bp_data_free(d);
    return t_end();
}
