/* The rows, each in a file of its own, in the order of the schema. */
#ifndef BP__SOURCE_KINDS_H
#define BP__SOURCE_KINDS_H

#include "source/source.h"

#define BP__SOURCE_KINDS(ROW) \
    ROW(idx)                  \
    ROW(npy)                  \
    ROW(npz)                  \
    ROW(table)                \
    ROW(pictures)             \
    ROW(digits)

#define BP__SOURCE_ROW(name) extern const bp__source_kind bp__source_##name;
BP__SOURCE_KINDS(BP__SOURCE_ROW)
#undef BP__SOURCE_ROW

#endif
