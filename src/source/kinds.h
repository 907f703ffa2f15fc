/* The rows, each in a file of its own; sources.c has their order. */
#ifndef BP__SOURCE_KINDS_H
#define BP__SOURCE_KINDS_H

#include "source/source.h"

extern const bp__source_kind bp__source_idx, bp__source_npy, bp__source_npz,
    bp__source_table, bp__source_pictures, bp__source_digits;

#endif
