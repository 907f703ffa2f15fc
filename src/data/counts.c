/* How often each class occurs. */
#include "data/data.h"

void bp__data_count_classes(const bp_data *d, int64_t k, int64_t *count)
{
    bp_array t;
    memset(count, 0, (size_t)k * sizeof *count);
    if (bp_data_target_kind(d) != BP_TARGET_CLASS || !bp_data_target(d, &t))
        return;
    int64_t n = t.dims[0] * bp__row_numel(&t);
    for (int64_t i = 0; i < n; i++) {
        int32_t c = ((const int32_t *)t.data)[i];
        if (c >= 0 && c < k)
            count[c]++;
    }
}
