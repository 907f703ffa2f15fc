/* The built-in digits. */
#include "source/kinds.h"

#define LIMITS(lo, hi) .min = (lo), .max = (hi)

static const bp__skey keys[] = {
    {.name = "n", .type = BP__S_INT, .fallback = "0", LIMITS(0, 1 << 30),
     .doc = "samples; 0: 6,000, 1,000 and 2,000"},
    {.name = "seed", .type = BP__S_INT, .fallback = "0",
     LIMITS(0, 9007199254740992.0), /* 2^53: exact in a double */
     .doc = "of the drawings"},
};

static bp_status digits_open(bp__source_config *c, const bp__ynode *s,
                             const char *dir, bp_split split,
                             const bp_data_options *o, bp_data **d,
                             bp_error *err)
{
    (void)c;
    (void)dir;
    return bp_data_digits(split, bp__yaml_int(bp__yaml_get(s, "n")),
                          (uint64_t)bp__yaml_int(bp__yaml_get(s, "seed")), o, d,
                          err);
}

const bp__source_kind bp__source_digits = {
    .name = "digits",
    .samples = "samples",
    .example = "INPUT.npy",
    .key = {.name = "digits", .type = BP__S_MAP, .fallback = "", .keys = keys,
            .n_keys = BP__ARRAY_LEN(keys),
            .doc = "built in: [1, 28, 28], 10 classes"},
    .built_in = true,
    .open = digits_open,
};
