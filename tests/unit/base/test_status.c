/* The status list, element types, and the one place where errors are made. */
#include "base/base.h"
#include "t.h"

int main(void)
{
    static const struct {
        bp_status s;
        const char *name;
    } list[] = {
#define ROW(name, value, text) {BP_##name, #name},
        BP_STATUS_LIST(ROW)
#undef ROW
    };
    for (size_t i = 0; i < BP__ARRAY_LEN(list); i++) {
        T_CHECK(!strcmp(bp_status_name(list[i].s), list[i].name));
        T_CHECK(strlen(bp_status_text(list[i].s)) > 3);
        T_CHECK((list[i].s == 0) == (i == 0) && list[i].s <= 0);
        for (size_t k = 0; k < i; k++)
            T_CHECK(list[k].s != list[i].s);
    }
    T_CHECK(!strcmp(bp_status_name((bp_status)5), "?"));
    T_CHECK(!strcmp(bp_status_text((bp_status)-100), "?"));

    static const size_t bytes[BP_N_DTYPES] = {4, 8, 4, 1, 1};
    for (int t = 0; t < BP_N_DTYPES; t++)
        T_CHECK(bp_dtype_bytes((bp_dtype)t) == bytes[t] &&
                strlen(bp_dtype_name((bp_dtype)t)) >= 2);
    T_CHECK(bp_dtype_bytes((bp_dtype)-1) == 0 &&
            bp_dtype_bytes((bp_dtype)BP_N_DTYPES) == 0);
    T_CHECK(!strcmp(bp_dtype_name((bp_dtype)99), "?"));

    bp_error err = {0};
    T_CHECK(bp__oom(&err) == BP_ENOMEM && err.status == BP_ENOMEM);
    T_CHECK(!strcmp(err.message, "out of memory"));
    T_CHECK(bp__oom(NULL) == BP_ENOMEM);
    T_CHECK(bp__error(&err, BP_EARG, "%s is %d", "x", 3) == BP_EARG);
    T_CHECK(!strcmp(err.message, "x is 3"));
    return t_end();
}
