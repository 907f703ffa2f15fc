/* Shorthand for the test cases of rows: BP__TF(lo, hi, dims...) is a float
 * operand drawn from [lo, hi], BP__TI, BP__TU and BP__TB are i32, u8 and bool
 * ones.
 * BP__TF_AVOID keeps away from one point, BP__TF_DISTINCT draws values that
 * differ from each other. Operands of rank 0 are written out. */
#ifndef BP__OP_CASE_H
#define BP__OP_CASE_H

#include "ir/ir.h"

#define BP__T_RANK(...) \
    (sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

#define BP__TF(lo, hi, ...) \
    {BP_F32, BP__T_RANK(__VA_ARGS__), {__VA_ARGS__}, lo, hi, 0, {0}, false}
#define BP__TF_AVOID(lo, hi, point, ...)                                    \
    {BP_F32, BP__T_RANK(__VA_ARGS__), {__VA_ARGS__}, lo, hi, 1, {point}, \
     false}
#define BP__TF_DISTINCT(lo, hi, ...) \
    {BP_F32, BP__T_RANK(__VA_ARGS__), {__VA_ARGS__}, lo, hi, 0, {0}, true}
#define BP__TI(lo, hi, ...) \
    {BP_I32, BP__T_RANK(__VA_ARGS__), {__VA_ARGS__}, lo, hi, 0, {0}, false}
#define BP__TU(lo, hi, ...) \
    {BP_U8, BP__T_RANK(__VA_ARGS__), {__VA_ARGS__}, lo, hi, 0, {0}, false}
#define BP__TB(...) \
    {BP_BOOL, BP__T_RANK(__VA_ARGS__), {__VA_ARGS__}, 0, 1, 0, {0}, false}

#endif
