/* The status list, and the one place where every error is made. */
#include "base/base.h"

const char *bp_status_name(bp_status s)
{
    switch (s) {
#define NAME_CASE(name, value, text) \
    case BP_##name:                  \
        return #name;
        BP_STATUS_LIST(NAME_CASE)
#undef NAME_CASE
    default:
        return "?";
    }
}

const char *bp_status_text(bp_status s)
{
    switch (s) {
#define TEXT_CASE(name, value, text) \
    case BP_##name:                  \
        return text;
        BP_STATUS_LIST(TEXT_CASE)
#undef TEXT_CASE
    default:
        return "?";
    }
}

bp_status bp__verror(bp_error *err, bp_status s, const char *format,
                     va_list ap)
{
    if (!err)
        return s;
    err->status = s;
    int n = bp__vsnprintf(err->message, sizeof err->message, format, ap);
    if (n < 0)
        err->message[0] = '\0';
    else if ((size_t)n >= sizeof err->message)
        memcpy(err->message + sizeof err->message - 4, "...", 4);
    return s;
}

bp_status bp__error(bp_error *err, bp_status s, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    bp__verror(err, s, format, ap);
    va_end(ap);
    return s;
}

bp_status bp__oom(bp_error *err)
{
    return bp__error(err, BP_ENOMEM, "out of memory");
}

static const struct {
    const char *name;
    size_t bytes;
} dtypes[BP_N_DTYPES] = {
    [BP_F32] = {"f32", 4}, [BP_F64] = {"f64", 8},   [BP_I32] = {"i32", 4},
    [BP_U8] = {"u8", 1},   [BP_BOOL] = {"bool", 1},
};

const char *bp_dtype_name(bp_dtype t)
{
    return (unsigned)t < BP_N_DTYPES ? dtypes[t].name : "?";
}

size_t bp_dtype_bytes(bp_dtype t)
{
    return (unsigned)t < BP_N_DTYPES ? dtypes[t].bytes : 0;
}
