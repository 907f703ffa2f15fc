/* How often each class occurs. */
#include "data/data.h"

int64_t bp__data_countable_classes(const bp_data *d)
{
    const int64_t least = 1 << 20;
    int64_t most = BP__MAX(least, bp_data_count(d));
    if (bp_data_target_kind(d) != BP_TARGET_CLASS)
        return 0;
    return bp_data_classes(d) <= most ? bp_data_classes(d) : 0;
}

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
