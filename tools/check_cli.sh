#!/usr/bin/env bash
# check_cli.sh [ROOT]: what the command does, a C program can do. A source under
# cli/ includes <bprop/...>, headers of its own, the system's, and of src/ at
# most base/ and fmt/json.h (text, files, JSON); it uses no internal name of the
# library that those do not declare. Exit 1 names each offender.
set -eu
root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$root"
failed=0
files=$(find cli -name '*.[ch]' | sort)
n=$(wc -w <<< "$files")
if [ "$n" -lt 20 ]; then
    echo "only $n files found under cli/: the search is broken"
    exit 1
fi
if grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<][^">]*/' $files |
    grep -vE '#[[:space:]]*include[[:space:]]*(<(bprop|sys)/|"base/|"fmt/json\.h")'; then
    echo "cli/ sees the library as its users do: what is missing belongs into" \
        "a public header"
    failed=1
fi
# A declaration that is copied would get around that.
declared=$(grep -ohE '\bb(p|P)__[A-Za-z0-9_]+' src/base/*.h src/fmt/json.h |
    sort -u)
used=$(grep -ohE '\bb(p|P)__[A-Za-z0-9_]+' $files | sort -u)
others=$(comm -13 <(echo "$declared") <(echo "$used"))
if [ -n "$others" ]; then
    echo "internal names that only other headers declare:" $others
    failed=1
fi
echo "$n files under cli/, $([ $failed = 0 ] && echo all on public headers ||
    echo failed)"
exit $failed
