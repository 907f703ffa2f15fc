#!/usr/bin/env bash
# check_public.sh [ROOT]: every function of include/bprop is named in a test, an
# example or a benchmark. Exit 1 names each that is not.
set -eu
root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$root"
# Declarations begin in column 1 and end with a semicolon; what stands in a
# comment or behind a typedef is none.
functions=$(cat include/bprop/*.h |
    awk '/\/\*/ { inside = 1 }
         !inside && !/^(typedef|#|[ \t}])/ { print }
         /\*\// { inside = 0 }' |
    grep -oE '\bbp_[a-z0-9_]+\(' | tr -d '(' | sort -u)
n=$(wc -w <<< "$functions")
if [ "$n" -lt 200 ]; then
    echo "only $n public functions found: the search is broken"
    exit 1
fi
named=$(cat $(find tests examples bench -name '*.[ch]') |
    grep -oE '\bbp_[a-z0-9_]+' | sort -u)
missing=$(comm -23 <(echo "$functions") <(echo "$named"))
if [ -n "$missing" ]; then
    echo "named in no test, example or benchmark:"
    printf '  %s\n' $missing
    exit 1
fi
echo "$n public functions, all named"
