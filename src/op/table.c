/* The op table. Rows are defined beside their functions; one that is missing
 * is a link error. */
#include "ir/ir.h"

const bp__opdef *BP__OPS_CONST bp__ops[BP__N_OPS] = {
    NULL,
#define BP__OP(name) &bp__op_##name,
#include "ir/ops.def"
#undef BP__OP
};
