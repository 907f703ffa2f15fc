#!/usr/bin/env bash
# check_style.sh [ROOT]: what no committed file may hold: unfinished work by
# its own word, paths of somebody's machine, switch statements that list ops
# outside the graph and its lowering, tabs and spaces at the ends of lines.
set -eu
root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$root"
failed=0
files=$(find . \( -name build -o -name 'build-*' -o -name .git -o -name runs \
         -o -path ./tests/data \) -prune -o -type f \
         \( -name '*.[ch]' -o -name '*.inc' -o -name '*.def' -o -name '*.sh' \
         -o -name '*.md' -o -name '*.txt' -o -name '*.py' -o -name '*.yaml' \
         -o -path './.ci/*' \) -print | sort)

# Prints each match of a pattern that is not meant to be there.
none() { # WHY PATTERN FILES...
    local why=$1 pattern=$2 found
    shift 2
    found=$(grep -nE "$pattern" "$@" /dev/null || true)
    [ -z "$found" ] && return
    printf '%s:\n%s\n' "$why" "$found"
    failed=1
}

n=$(echo "$files" | wc -l)
if [ "$n" -lt 100 ]; then
    echo "only $n files seen: the search is broken"
    failed=1
fi
# The patterns are written so that they do not find themselves.
none "unfinished by their own word" '\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b' $files
none "a path of one machine" '(^|[^A-Za-z0-9_.])/(hom[e]|wor[k]|roo[t])/' $files
none "a switch that lists ops" 'case BP__O[P]_' \
    $(echo "$files" | grep -vE '^\./(src/ir|src/lower|tests)/')
none "a space at the end of a line" '[ 	]$' $(echo "$files" | grep -v '\.md$')
none "a tab" '	' $(echo "$files" | grep -E '\.([ch]|inc|def)$')
none "a line of over 100 columns" '^.{101,}$' \
    $(echo "$files" | grep -E '\.([ch]|inc|def)$')
# Tests that were run from the root have left files there more than once.
if [ -d .git ] && command -v git > /dev/null; then
    left=$(git ls-files 2> /dev/null |
        grep -E '\.(safetensors|st|npy|npz|pictures|jsonl)$' |
        grep -v '^tests/' || true)
    if [ -n "$left" ]; then
        printf 'left by a run:\n%s\n' "$left"
        failed=1
    fi
fi
[ $failed = 0 ] && echo "$n files, all clean"
exit $failed
