#!/usr/bin/env bash
# Each public header compiles by itself, without a warning, as strict C11 and
# as C++17. headers.sh SOURCE_DIR COMPILER c|cxx; 77: the compiler is missing.
set -u
source=$1 compiler=$2 language=$3
command -v "$compiler" > /dev/null || {
    echo "skipped: no $compiler"
    exit 77
}
case $language in
c) flags='-std=c11 -pedantic -x c -Wstrict-prototypes' ;;
*) flags='-std=c++17 -pedantic -x c++' ;;
esac
n=0 failed=0
for header in "$source"/include/bprop/*.h; do
    n=$((n + 1))
    # Twice: include guards; and a use of the macros that hold expressions.
    printf '#include <bprop/%s>\n#include <bprop/%s>\n' \
        "$(basename "$header")" "$(basename "$header")" > headers.$$.x
    printf 'int f(void);\nint f(void) { return bp_is_nil(BP_NIL); }\n' \
        >> headers.$$.x
    # shellcheck disable=SC2086
    "$compiler" $flags -fsyntax-only -Wall -Wextra -Wshadow -Werror \
        -I "$source/include" headers.$$.x || failed=$((failed + 1))
done
rm -f headers.$$.x
echo "$n headers, $failed failed"
[ $n -gt 3 ] && [ $failed = 0 ]
